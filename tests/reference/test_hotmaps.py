"""The workbooks of hotmapsDispatch, through the whole way, against what openpyxl reads in them and what the tool itself gives."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import highspy
import numpy as np
import openpyxl
import pandas as pd
import pytest

from dhsdb import Store
from dhsdb.cli import run
from dhsdb.errors import ProblemsError

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.reference

YEARS = (2030, 2035, 2040, 2045, 2050)
SEK = {"currency": "SEK", "missing_profiles": "later"}
PROCESS = {
    "installed capacity (MW_th)": "existing_mw", "investment costs (EUR/MW_th)": "capital", "OPEX fix (EUR/MWa)": "fixed",
    "life time": "life", "must run [0-1]": "min_load",
}  # fmt: skip
MODE = {"OPEX var (EUR/MWh)": "variable", "Maximal Available Potential [MWh]": "act_max_mwh"}
STORE = {
    "Storage Capacity [MWh]": "e_existing", "maximum unloading power  [MW]": "discharge_max", "maximum loading power [MW]": "charge_max",
    "loading efficiency": "eff_in", "unloading efficiency": "eff_out", "OPEX fix [€/MWh]": "fixed_e", "Life Time [a]": "life",
    "Invesment costs for additional storage capacity  [€/MWh]": "capital_e",
}  # fmt: skip


@pytest.fixture(scope="module")
def data(reference_data: Path) -> Path:
    return reference_data / "hotmaps"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Store:
    store = Store(tmp_path_factory.mktemp("hotmaps") / "hotmaps.duckdb")
    store.import_("hotmaps", data / "hotmaps_sample", scenario="sample")
    for case in ("LowTemp_LowPrice", "LowTemp_HighPrice", "HighTemp_LowPrice", "HighTemp_HighPrice"):
        files = sorted((data / "stockholm_dispatch" / "inputs").glob(f"*{case}.xlsx"))
        store.import_("hotmaps", *files, scenario=case, options=SEK)
    return store


def rows(store: Store, table: str, scenario: str) -> list[dict[str, Any]]:
    return store.sql(f'SELECT * FROM input."{table}" WHERE scenario = ?', [scenario]).arrow().to_pylist()


def hours(store: Store, scenario: str, profile: str) -> np.ndarray[Any, Any]:
    sql = "SELECT value FROM input.profile_value WHERE scenario = ? AND profile = ? ORDER BY t"
    return np.array([r["value"] for r in store.sql(sql, [scenario, profile]).arrow().to_pylist()])


def lines(path: Path, sheet: str) -> list[dict[str, Any]]:
    header, *found = openpyxl.load_workbook(path, data_only=True)[sheet].iter_rows(values_only=True)
    return [dict(zip(header, line, strict=True)) for line in found if any(c is not None for c in line[1:])]


# --- the sample of the tool ------------------------------------------------------------------------------------------
class Dispatch:
    """The dispatch of a scenario, from its stored rows alone: heat of each unit, free disposal, the tool's price of a winter peak."""

    def __init__(self, store: Store, scenario: str) -> None:
        self.store, self.scenario = store, scenario
        self.commodities = {r["commodity"]: r for r in rows(store, "commodity", scenario)}
        self.factors = {r["commodity"]: r["t_per_mwh"] for r in rows(store, "commodity_emission", scenario)}
        self.co2 = rows(store, "emission", scenario)[0]["price"]
        self.flows = rows(store, "process_flow", scenario)
        self.variable = {r["process"]: r["variable"] or 0 for r in rows(store, "process_mode", scenario)}
        self.units = rows(store, "process", scenario)

    def price(self, commodity: str, column: str) -> Any:
        row = self.commodities[commodity]
        profile = row["price_profile" if column == "price" else "sale_profile"]
        return hours(self.store, self.scenario, profile) if profile else np.full(8760, row[column])

    def solve(self) -> tuple[float, dict[str, float]]:
        demand = rows(self.store, "demand", self.scenario)[0]
        need = demand["mwh"] * hours(self.store, self.scenario, demand["profile"])
        n = len(self.units)
        cost, upper, winter = np.zeros((n, 8760)), np.zeros((n, 8760)), np.zeros(n)
        for u, unit in enumerate(self.units):
            cost[u] += self.variable[unit["process"]]
            upper[u] = unit["existing_mw"]
            for flow in (f for f in self.flows if f["process"] == unit["process"]):
                name, ratio = flow["commodity"], flow["ratio"]
                if flow["direction"] == "in":
                    cost[u] += ratio * (self.price(name, "price") + self.co2 * self.factors.get(name, 0.0))
                    winter[u] = ratio if name.startswith("electricity") else 0.0
                elif name != "heat":
                    cost[u] -= ratio * self.price(name, "sale_price")
                    upper[u] = np.minimum(upper[u], need)
        offset = sum((u["fixed"] or 0) * u["existing_mw"] for u in self.units)
        offset += sum((s["fixed_e"] or 0) * s["e_existing"] for s in rows(self.store, "storage", self.scenario))
        objective, heat = _minimum(cost, upper, need, winter)
        return objective + offset, dict(zip([u["process"] for u in self.units], heat / 1000, strict=True))


def _minimum(cost: Any, upper: Any, need: Any, winter: Any) -> tuple[float, Any]:
    n = len(cost)
    cold = np.r_[0:1440, 8039:8760]
    pumps = np.flatnonzero(winter)
    start = np.r_[np.arange(8760) * n, 8760 * n + np.arange(len(cold) + 1) * (len(pumps) + 1)]
    index = [np.arange(8760)[:, None] + np.arange(n)[None, :] * 8760]
    index = [
        index[0].ravel(),
        np.hstack([cold[:, None] + pumps[None, :] * 8760, np.full((len(cold), 1), n * 8760)]).ravel(),
    ]
    value = np.r_[np.ones(8760 * n), np.tile(np.r_[-winter[pumps], 1.0], len(cold))]
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = n * 8760 + 1, 8760 + len(cold)
    lp.col_cost_ = np.r_[cost.ravel(), 10_000.0]
    lp.col_lower_, lp.col_upper_ = np.zeros(lp.num_col_), np.r_[upper.ravel(), highspy.kHighsInf]
    lp.row_lower_, lp.row_upper_ = np.r_[need, np.zeros(len(cold))], np.full(lp.num_row_, highspy.kHighsInf)
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = start, np.concatenate(index), value
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)  # noqa: FBT003
    solver.passModel(lp)
    solver.run()
    assert solver.getModelStatus() == highspy.HighsModelStatus.kOptimal
    heat = np.array(solver.getSolution().col_value[:-1]).reshape(n, 8760).sum(axis=1)
    return solver.getInfo().objective_function_value, heat


def test_the_stored_sample_has_the_optimum_of_the_tool(store: Store, data: Path) -> None:
    expected = json.loads((data / "reference" / "hotmaps_sample_results.json").read_text())["asis"]
    objective, heat = Dispatch(store, "sample").solve()
    assert objective == pytest.approx(expected["objective_EUR"], rel=1e-9)
    # The boilers Mitte and Süd are alike in all, so that the optimum is free between them, and only Mitte is listed.
    assert heat["Mitte"] + heat["Süd"] >= expected.pop("GWh_th|Mitte")
    for name, value in expected.items():
        if name.startswith("GWh_th|"):
            assert heat[name.removeprefix("GWh_th|")] == pytest.approx(value, rel=1e-3)


def test_the_profiles_of_the_sample_are_those_of_its_files(store: Store, data: Path) -> None:
    folder = data / "hotmaps_sample"
    price = pd.read_csv(folder / "price_profiles.csv")["Wien|2016"].to_numpy()
    load = pd.read_csv(folder / "load_profiles_666d6e2.csv")["Wien|2016"].to_numpy()
    assert (hours(store, "sample", "price Wien 2016") == price).all()
    assert (hours(store, "sample", "price Wien 2016 + 27.19") == price + 27.19).all()
    assert (hours(store, "sample", "load Wien 2016") == load).all()
    assert rows(store, "demand", "sample")[0]["mwh"] == 1_200_000


def test_prices_of_the_sample_follow_its_language(store: Store) -> None:
    sold = {
        r["process"]: r["commodity"]
        for r in rows(store, "process_flow", "sample")
        if r["commodity"].startswith("electricity sold")
    }
    prices = {
        r["commodity"]: r["sale_price"] if r["sale_price"] is not None else r["sale_profile"]
        for r in rows(store, "commodity", "sample")
    }
    assert {unit: prices[name] for unit, name in sold.items()} == {
        "Mitte RHKW": 12, "Mitte Bio KWK": 20, "Mitte Gud1A": "price Wien 2016 + 10", "Mitte Gud1B": -10,
        "Süd GT 1-2-3": "price Wien 2016", "Süd DT2": "price Wien 2016",
    }  # fmt: skip


def test_another_alternative_needs_profiles_that_do_not_exist(store: Store, data: Path) -> None:
    with pytest.raises(ProblemsError) as caught:
        store.import_("hotmaps", data / "hotmaps_sample", scenario="other", options={"profiles": 2})
    assert [p.value for p in caught.value.problems] == ["LZN # 1"]


def test_alternatives_of_prices_and_emissions_are_columns(store: Store, data: Path) -> None:
    store.import_("hotmaps", data / "hotmaps_sample", scenario="second", options={"prices": 2, "emissions": 3})
    assert {r["commodity"]: r["price"] for r in rows(store, "commodity", "second")}["natural gas"] == 50
    assert {r["commodity"]: r["t_per_mwh"] for r in rows(store, "commodity_emission", "second")}["natural gas"] == 5
    with pytest.raises(ProblemsError, match="3 is no share"):
        store.import_("hotmaps", data / "hotmaps_sample", scenario="second", options={"data": 2})


def test_every_cell_of_the_sample_lands_or_is_named(store: Store, data: Path) -> None:
    _every_cell(store, "sample", 2016, data / "hotmaps_sample" / "input.xlsx")


def test_the_catalogue_lists_technologies_without_capacity(store: Store, data: Path) -> None:
    path = data / "hotmaps_sample" / "DH_technology_cost.xlsx"
    report = store.import_("hotmaps", path, scenario="catalogue")
    header, _, *found = openpyxl.load_workbook(path, data_only=True)["Heat Generators"].iter_rows(values_only=True)
    units = [dict(zip(header, line, strict=True)) for line in found]
    kept = [u for u in units if u["n_th"] > 0]
    stored = {r["process"]: r for r in rows(store, "process", "catalogue")}
    assert set(stored) == {u["name"] for u in kept}
    assert len(units) - len(kept) == sum(f.code == "no-efficiency" for f in report.findings) == 3
    assert sum(f.code == "cop-table" for f in report.findings) == 4
    for unit in kept:
        row = stored[unit["name"]]
        assert (row["existing_mw"], row["capital"], row["fixed"], row["life"], row["ramp_cost"]) == tuple(
            unit[c] for c in ("P_th_cap", "IK", "OP_fix", "LT", "c_ramp")
        )


# --- Stockholm -------------------------------------------------------------------------------------------------------
def _every_cell(store: Store, scenario: str, year: int, path: Path) -> None:
    def of(table: str, key: str) -> dict[str, dict[str, Any]]:
        return {r[key]: r for r in rows(store, table, scenario) if r["year"] == year}

    processes, modes, stores = of("process", "process"), of("process_mode", "process"), of("storage", "storage")
    flows = [r for r in rows(store, "process_flow", scenario) if r["year"] == year]
    terms = {
        r["process"]: r["factor"]
        for r in rows(store, "limit_term", scenario)
        if r["year"] == year and r["side"] == "lhs"
    }
    units = lines(path, "Heat Generators")
    assert set(processes) == {u["name"] for u in units}
    carriers = {line["name"]: line["carrier"] for line in lines(path, "Energy Carrier")}
    for unit in units:
        name = unit["name"]
        for column, own in PROCESS.items():
            assert processes[name][own] == unit[column], (name, column)
        for column, own in MODE.items():
            assert modes[name][own] == unit.get(column), (name, column)
        ratios = {(f["commodity"].split(" (")[0], f["direction"]): f["ratio"] for f in flows if f["process"] == name}
        expected = {("heat", "out"): 1.0, (carriers[name], "in"): 1 / unit["efficiency th"]}
        if unit["efficiency el"]:
            expected["electricity sold", "out"] = unit["efficiency el"] / unit["efficiency th"]
        assert ratios == expected
        if unit["renewable factor"] is not None:
            assert terms[name] == unit["renewable factor"]
    for line in lines(path, "Heat Storage"):
        row = stores[line["name"]]
        assert {own: row[own] for own in STORE.values()} == {own: line[column] for column, own in STORE.items()}
        assert row["loss"] == (
            None
            if line["Hourly Stoarge Losses [%]"] is None
            else pytest.approx(line["Hourly Stoarge Losses [%]"] / 100)
        )


@pytest.mark.parametrize("year", YEARS)
@pytest.mark.parametrize("case", ["LowTemp_LowPrice", "LowTemp_HighPrice", "HighTemp_LowPrice", "HighTemp_HighPrice"])
def test_every_cell_of_a_stockholm_workbook_lands(store: Store, data: Path, case: str, year: int) -> None:
    path = data / "stockholm_dispatch" / "inputs" / f"Inputs_{year}_{case}.xlsx"
    _every_cell(store, case, year, path)
    bought = {r["commodity"]: r for r in rows(store, "commodity", case) if r["year"] == year}
    factors = {r["commodity"]: r["t_per_mwh"] for r in rows(store, "commodity_emission", case) if r["year"] == year}
    for line in lines(path, "prices and emmision factors"):
        if line["prices(EUR/MWh)"] is not None:
            assert bought[line["energy carrier"]]["price"] == line["prices(EUR/MWh)"]
        assert factors.get(line["energy carrier"]) == line["emission factor [tCO2/MWh]"]
    general = lines(path, "Data")[0]
    assert [r["price"] for r in rows(store, "emission", case) if r["year"] == year] == [general["CO2 Price [EUR/tC02]"]]
    assert [r["mwh"] for r in rows(store, "demand", case) if r["year"] == year] == [general["Total Demand[ MWh]"]]
    level = case.split("_")[1].removesuffix("Price").lower()
    assert bought["electricity"]["price_profile"] == f"price {level} {year} + 150"
    assert bought["electricity sold"]["sale_profile"] == f"price {level} {year}"


def test_stockholm_is_in_sek_though_its_headers_say_eur(store: Store, data: Path) -> None:
    assert {r["option"]: r["value"] for r in rows(store, "model_option", "LowTemp_LowPrice")}["currency"] == "SEK"
    path = data / "stockholm_dispatch" / "inputs" / "Inputs_2030_LowTemp_LowPrice.xlsx"
    report = store.import_("hotmaps", path, scenario="sek", options=SEK)
    [differs] = [f for f in report.findings if f.code == "currency-differs"]
    assert differs.severity == "warning"
    assert "headers say EUR" in differs.message
    assert {f.value for f in report.findings if f.code == "type-unknown-to-tool"} == {
        "Heat Pump Seawater",
        "Heat Pump Data Center",
    }
    assert sum(f.code == "cop-sensitivity" for f in report.findings) == 1
    assert store.import_("hotmaps", path, scenario="sek", options=SEK).revision is None


def test_stockholm_without_its_profiles_is_refused_by_name(store: Store, data: Path) -> None:
    path = data / "stockholm_dispatch" / "inputs" / "Inputs_2030_LowTemp_LowPrice.xlsx"
    with pytest.raises(ProblemsError) as caught:
        store.import_("hotmaps", path, scenario="refused", options={"currency": "SEK"})
    found = {(str(p.column), p.value) for p in caught.value.problems}
    assert found == {
        ("Sale Electricity price", "low # 2030"), ("Heat Demand", "Sthlm # 0"), ("Inlet Temperature", "low # 2030"),
        ("Return Temperature", "low # 2030"), ("River Temperature", "supermarket # 0"), ("Waste Water Temperature", "Sthlm # 0"),
        ("Data Center Temperature", "datacenter # 0"), ("Seawater Temperature", "Sthlm # 0"),
    }  # fmt: skip


def test_the_study_gives_what_the_workbooks_of_each_year_say(store: Store, data: Path) -> None:
    path = data / "stockholm_dispatch" / "Inputs.xlsx"
    store.import_("hotmaps", path, scenario="study", options=SEK | {"temperature": "low", "price": "low"})
    for table, column in (("process", "capital"), ("process", "fixed"), ("process_mode", "variable"), ("process_mode", "act_max_mwh"), ("commodity", "price"), ("emission", "price"), ("demand", "mwh")):  # fmt: skip
        key = {"process_mode": "process", "emission": "emission"}.get(
            table, table if table != "demand" else "commodity"
        )
        study = {(r[key], r["year"]): r[column] for r in rows(store, table, "study") if r["year"] in YEARS}
        books = {(r[key], r["year"]): r[column] for r in rows(store, table, "LowTemp_LowPrice")}
        assert set(books) == set(study)
        differing = {
            k: (study[k], v) for k, v in books.items() if v is not None and study[k] != pytest.approx(v, rel=1e-9)
        }
        assert not differing, (table, column)


def test_numbers_below_a_mistyped_year_are_not_lost(store: Store, data: Path, tmp_path: Path) -> None:
    book = openpyxl.load_workbook(data / "stockholm_dispatch" / "Inputs.xlsx", data_only=True)
    book["Maximal Available Potential"]["O1"] = 20350
    book.save(tmp_path / "Inputs.xlsx")
    with pytest.raises(ProblemsError, match="row 1, column 20350: '20350' is no year, but 7 numbers stand below it"):
        store.import_(
            "hotmaps", tmp_path / "Inputs.xlsx", scenario="typo", options=SEK | {"temperature": "low", "price": "low"}
        )


def test_capacities_by_year_change_the_processes_of_a_scenario(store: Store, data: Path) -> None:
    path = data / "stockholm_dispatch" / "Total Installed Capacity_LTLE_no_peak.xlsx"
    store.import_("hotmaps", path, scenario="capacities")
    table = pd.read_excel(path, index_col=0)
    stored = rows(store, "process", "capacities")
    assert len(stored) == table.size == 270
    assert all(r["existing_mw"] == table.loc[r["year"], r["process"]] for r in stored)


def test_an_empty_template_is_refused(store: Store, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = data / "stockholm_dispatch" / "Sample_Input.xlsx"
    assert run(["--store", str(store.db.path), "import", "hotmaps", str(path), "--scenario", "template"]) == 2
    assert "empty template" in capsys.readouterr().err


def test_auto_recognises_workbooks_and_profiles(store: Store, data: Path) -> None:
    assert store.import_("auto", data / "hotmaps_sample", scenario="auto").format == "hotmaps"
