"""Real EnergyPLAN files, through the whole way: every figure of the data folder's expected files comes out of the store."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dhsdb.cli import run
from dhsdb.errors import ProblemsError
from dhsdb.importers.energyplan_columns import ENERGY, LEVEL, PAYMENT, PRICE, TOTAL, Column, columns
from dhsdb.store import Store

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.reference

FRAGMENT, COST = "modification_fragment.txt", "cost_IDA2030_cost2009.txt"
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
)  # fmt: skip
HOURS = (744, 696, 744, 720, 744, 720, 744, 744, 720, 744, 720, 744)
ASCII = ("v16_1_input1_CEIS_kW_truncated", "v16_3_input0_truncated")
PRINTS = {"CEDIS": "print_CEDIS_baseline__v10.1", "CEIS": "print_CEIS_2030_BAU__v16.1"}
TO_MWH = {"GWh/year": 1e3, "TWh/year": 1e6}
TO_MW = {"kW": 1e-3, "MW": 1.0}
TO_MONEY = {"k EUR": 1e3, "M DKK": 1e6}
TO_T = {"kt": 1e3, "Mt": 1e6}


@pytest.fixture(scope="module")
def data(reference_data: Path) -> Path:
    return reference_data / "energyplan"


@pytest.fixture(scope="module")
def store(data: Path, empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store with all real files: each input in a scenario of its own, results in scenarios named as their file."""
    path = tmp_path_factory.mktemp("energyplan") / "city.duckdb"
    shutil.copy(empty_store, path)
    made = Store(path, wait_s=20)
    for file in sorted((data / "inputs").iterdir()):
        if file.name != FRAGMENT:
            made.import_("energyplan", file, scenario=file.stem)
    made.import_("energyplan", data / "distributions", scenario="distributions")
    for name in ASCII:
        made.import_("energyplan", data / "outputs_ascii" / f"{name}.txt", scenario=name)
    for name, file in PRINTS.items():
        made.import_("energyplan", data / "outputs" / f"{file}.pdf.txt", scenario=name)
    for name in ("noEV", "EVnight"):
        files = [data / "outputs" / f"CEIS_4obj_{name}__{part}.txt" for part in ("allParameters", "VAR", "FUN")]
        made.import_("energyplan", *files, scenario=name)
    made.import_("energyplan", data / "reference" / "giudicarie-reference.csv", scenario="giudicarie")
    return made


def expected(data: Path, name: str) -> dict[str, Any]:
    return json.loads((data / "expected" / f"{name}.json").read_text(encoding="utf-8"))


def value(store: Store, sql: str, parameters: list[object]) -> object:
    rows = store.sql(sql, parameters).rows()
    assert len(rows) == 1, (sql, parameters, rows)
    return next(iter(rows[0].values()))


# --- input files -----------------------------------------------------------------------------------------------------
def test_there_are_sixteen_input_files(data: Path) -> None:
    assert len(list((data / "inputs").iterdir())) == len(expected(data, "inputs")) == 16


def test_every_input_file_has_its_keys(data: Path, store: Store) -> None:
    for name, wanted in expected(data, "inputs").items():
        if name == FRAGMENT:
            continue
        scenario = name.removesuffix(".txt")
        (file,) = store.sql("SELECT * FROM input.energyplan_file WHERE scenario = ?", [scenario]).rows()
        assert (file["encoding"], file["newline"], file["n_lines"]) == (
            wanted["encoding"],
            wanted["newline"],
            wanted["n_lines"],
        ), name
        assert file["version"] == wanted["EnergyPLAN version"]
        keys = store.sql("SELECT * FROM input.energyplan_key WHERE scenario = ? ORDER BY ordinal", [scenario]).rows()
        assert wanted["n_lines"] - 2 * len(keys) == wanted["n_xxx_lines"]
        assert len({k["key"] for k in keys}) == wanted["n_distinct_keys"]
        twice = [k for k, n in Counter(k["key"] for k in keys).items() if n > 1]
        assert {k: [x["value"] for x in keys if x["key"] == k] for k in twice} == wanted["duplicate_keys"]
        leading = [k["label"] for k in keys if (k["label"] or "").startswith(" ")]
        assert leading[: len(wanted["keys_with_leading_space"])] == wanted["keys_with_leading_space"]
        assert sum(bool(re.fullmatch(r"-?\d+,\d+", k["value"] or "")) for k in keys) == wanted["decimal_comma_values"]
        said = {k["key"]: k["value"] or "" for k in keys}
        for key in set(wanted) & set(said):
            assert said[key] == wanted[key], (name, key)


def test_every_input_file_comes_back_byte_by_byte(data: Path, store: Store, tmp_path: Path) -> None:
    for file in sorted((data / "inputs").iterdir()):
        if file.name == FRAGMENT:
            continue
        target = tmp_path / file.name
        assert (
            run(["--store", str(store.db.path), "export", "energyplan", str(target), "--scenario", file.stem, "--json"])
            == 0
        )
        assert target.read_bytes() == file.read_bytes(), file.name


def test_the_same_input_twice_makes_no_second_revision(data: Path, store: Store) -> None:
    for file in (data / "inputs" / "VdN__v12.0.txt", data / "inputs" / COST):
        assert not store.import_("energyplan", file, scenario=file.stem).changed


def test_demands_and_capacities_are_in_the_units_of_the_store(data: Path, store: Store) -> None:
    """Read again by a plain loop: electricity and the first renewable source, in MWh and MW."""
    energy, power = {"GWh/year": 1e3, "TWh/year": 1e6}, {"kW": 1e-3, "MW": 1.0}
    for name, wanted in expected(data, "inputs").items():
        scenario = name.removesuffix(".txt")
        if "EnergyUnit" not in wanted:
            continue
        mwh = float(wanted["Input_el_demand_Twh"].replace(",", ".")) * energy[wanted["EnergyUnit"]]
        sql = "SELECT max(mwh) FROM input.demand WHERE scenario = ? AND commodity = 'electricity'"
        assert value(store, sql, [scenario]) == pytest.approx(mwh, rel=1e-12)
        mw = float(wanted["input_RES1_capacity"].replace(",", ".")) * power[wanted["CapacityUnit"]]
        sql = "SELECT coalesce(max(existing_mw), 0) FROM input.process WHERE scenario = ? AND process LIKE '%(RES1)'"
        assert value(store, sql, [scenario]) == pytest.approx(mw, rel=1e-12)
        currency = value(
            store, "SELECT value FROM input.model_option WHERE scenario = ? AND option = 'currency'", [scenario]
        )
        assert currency == wanted["MonetaryUnit"]


def test_a_heat_pump_costs_what_energyplan_prints(data: Path, empty_store: Path, tmp_path: Path) -> None:
    """Aalborg's input and its output: both are in TWh and DKK, and no key says how much heat a house takes."""
    shutil.copy(empty_store, tmp_path / "city.duckdb")
    heat = tmp_path / "Aalborg Fjernvarme 2007.txt"
    shutil.copyfile(data / "distributions" / "CIVIS_CEIS_Hour_heat_demand_distribution.txt", heat)
    store = Store(tmp_path / "city.duckdb")
    store.import_("energyplan", data / "inputs" / "Aalborg2050_2objectives__moea.txt", heat, scenario="Aalborg")
    paid = value(store, "SELECT capital * existing_mw FROM input.process WHERE process = 'individual heat pump'", [])
    printed = {name: total for name, total, *_ in expected(data, f"ascii_{ASCII[1]}")["investment_table"]}
    assert paid == pytest.approx(printed["Indv. Heat Pump"] * 1e6, abs=0.5e6)


def test_the_valley_has_its_costs_and_emissions(store: Store) -> None:
    """Figures of the Giudicarie case as its paper and notebook give them."""
    scenario = ["CEIS_Complete_Current__v10"]
    rows = store.sql(
        "SELECT process, capital, life, fixed FROM input.process WHERE scenario = ? AND capital > 0 ORDER BY 1",
        scenario,
    ).rows()
    assert {r["process"]: (pytest.approx(r["capital"]), r["life"], pytest.approx(r["fixed"])) for r in rows} == {
        **{f"individual {fuel} boiler": (0.588e6, 15.0, 0.588e6 * 0.021) for fuel in ("oil", "natural gas", "biomass")},
        "Photo Voltaic (RES1)": (2.6e6, 25.0, 2.6e6 * 0.0077), "Wave Power (RES2)": (4e6, None, 4e6 * 0.038), "hydro power": (1.9e6, 50.0, 1.9e6 * 0.027),
    }  # fmt: skip
    prices = {
        r["commodity"]: r["price"]
        for r in store.sql("SELECT commodity, price FROM input.commodity WHERE scenario = ?", scenario).rows()
    }
    assert prices["natural gas"] == pytest.approx(66.38 * 3.6)
    assert (prices["biomass"], prices["diesel"], prices["petrol"]) == (
        pytest.approx(54),
        pytest.approx(145.008),
        pytest.approx(181.296),
    )
    factors = store.sql("SELECT commodity, t_per_mwh FROM input.commodity_emission WHERE scenario = ?", scenario).rows()
    assert {f["commodity"]: round(f["t_per_mwh"], 6) for f in factors} == {
        "oil": 0.26244,
        "diesel": 0.26244,
        "petrol": 0.26244,
        "natural gas": 0.20412,
    }
    heat = value(
        store, "SELECT sum(mwh) FROM input.demand WHERE scenario = ? AND commodity LIKE 'individual heat%'", scenario
    )
    assert heat == pytest.approx(1e3 * (23.75 * 0.8 + 7.91 * 0.9 + 39.59 * 0.75))


def test_the_valley_is_dispatched_as_energyplan_does(data: Path, empty_store: Path, tmp_path: Path) -> None:
    """Hour by hour: demand less sun, biogas and water is bought, or sold; EnergyPLAN's equations in a few lines of numpy."""
    shutil.copy(empty_store, tmp_path / "s.duckdb")
    store = Store(tmp_path / "s.duckdb", wait_s=20)
    files = {
        part: data / "distributions" / f"CIVIS_CEIS_{part}.txt" if "HydroPump" in part else data / "distributions" / f"CIVIS_CEIS_Hour_{part}.txt"
        for part in ("elec_demand_distribution", "PV_distribution", "Biogas_distribution", "heat_demand_distribution", "Elec_Price_distribution", "HydroPump_distribution")
    }  # fmt: skip
    store.import_(
        "energyplan", data / "inputs" / "CEIS_Complete_Current__v10.txt", *files.values(), scenario="valley", year=2032
    )
    assert [r.status for r in store.run("valley", stages=["investment", "dispatch"])] == ["optimal", "optimal"]
    d = {part: np.loadtxt(path) for part, path in files.items()}
    water = np.minimum(20_440 * d["HydroPump_distribution"] / d["HydroPump_distribution"].sum(), 4.0)
    use = 26_177 * d["elec_demand_distribution"] / d["elec_demand_distribution"].sum()
    net = use - 5.0 * d["PV_distribution"] - 0.5 * d["Biogas_distribution"] - water
    sql = "SELECT technology, direction, t, mwh FROM flow WHERE stage = 'dispatch' AND commodity = 'electricity' AND t <= 8784"
    found = store.sql(sql).df().set_index(["technology", "direction", "t"])["mwh"].sort_index()

    def hours(technology: str, direction: str) -> np.ndarray:
        return found.loc[technology, direction].reindex(range(1, 8785), fill_value=0.0).to_numpy()

    np.testing.assert_allclose(hours("hydro power", "out"), water, atol=1e-6)
    np.testing.assert_allclose(hours("Photo Voltaic (RES1)", "out"), 5.0 * d["PV_distribution"], atol=1e-6)
    priced = d["Elec_Price_distribution"] > 0  # where power costs nothing, it may be bought and sold at once
    np.testing.assert_allclose(hours("market", "out")[priced], net.clip(0)[priced], atol=1e-6)
    np.testing.assert_allclose(hours("market", "in")[priced], (-net).clip(0, 7.5)[priced], atol=1e-6)
    assert priced.mean() > 0.95


def test_the_fragment_changes_a_scenario(data: Path, store: Store, tmp_path: Path) -> None:
    base = "CediS_data__v10.1"
    store.derive("changed", base=base)
    wanted = expected(data, "inputs")[FRAGMENT]
    report = store.import_("energyplan", data / "inputs" / FRAGMENT, scenario="changed")
    assert wanted["n_distinct_keys"] == 2  # the version, and one that changes
    assert report.n_set["energyplan_key"] == 1
    assert (
        value(
            store, "SELECT existing_mw FROM input.process WHERE scenario = ? AND process = 'power plant'", ["changed"]
        )
        == 10.0
    )
    store.export_energyplan(tmp_path / "out.txt", "changed")
    old, new = (
        (p.read_bytes().decode("utf-16").split("\r\n")) for p in (data / "inputs" / f"{base}.txt", tmp_path / "out.txt")
    )
    assert [(o, n) for o, n in zip(old, new, strict=True) if o != n] == [("0", "10000")]
    assert not store.import_("energyplan", data / "inputs" / FRAGMENT, scenario="changed").changed


def test_the_cost_file_changes_a_scenario(data: Path, store: Store) -> None:
    store.derive("cheaper", base="IDA2045_Final__v16.0")
    report = store.import_("energyplan", data / "inputs" / COST, scenario="cheaper")
    sql = "SELECT count(*) FROM input.energyplan_key AS a JOIN input.energyplan_key AS b USING (key, occurrence)"
    differs = f"{sql} WHERE a.scenario = 'cheaper' AND b.scenario = ? AND a.value IS DISTINCT FROM b.value"
    assert value(store, differs, ["IDA2045_Final__v16.0"]) == report.n_set["energyplan_key"] > 50


# --- distributions ---------------------------------------------------------------------------------------------------
def test_every_distribution_is_a_profile(data: Path, store: Store) -> None:
    rows = store.sql(
        "SELECT p.profile, s.n, s.total, s.high, s.low, a.value AS first, z.value AS last FROM input.profile AS p"
        " JOIN meta.series AS s USING (sha256) JOIN meta.series_value AS a ON a.series = s.series AND a.t = 1"
        " JOIN meta.series_value AS z ON z.series = s.series AND z.t = s.n WHERE p.scenario = 'distributions'"
    ).rows()
    found = {r["profile"]: r for r in rows}
    wanted = expected(data, "distributions")
    assert found.keys() == wanted.keys()
    for name, facts in wanted.items():
        row = found[name]
        assert (row["n"], row["high"], row["low"], row["first"], row["last"]) == (
            facts["n"], facts["max"], facts["min"], facts["first"], facts["last"],
        ), name  # fmt: skip
        assert row["total"] == pytest.approx(facts["sum"], abs=1e-5), name


# --- outputs ---------------------------------------------------------------------------------------------------------
class Ascii:
    """An output's expected figures, and the same from the store."""

    def __init__(self, data: Path, store: Store, name: str) -> None:
        self.name, self.store = name, store
        self.wanted = expected(data, f"ascii_{name}")
        self.units = self.wanted["units"]
        self.columns = columns(self.wanted["labels_by_position"])

    def rows(self, view: str) -> list[dict[str, Any]]:
        return self.store.sql(f"SELECT * FROM {view} WHERE scenario = ?", [self.name]).rows()


@pytest.fixture(scope="module", params=ASCII)
def ascii_output(request: pytest.FixtureRequest, data: Path, store: Store) -> Ascii:
    return Ascii(data, store, request.param)


def _who(column: Column) -> tuple[str | None, str | None, str | None]:
    return column.technology, column.commodity or None, column.direction or None


def test_the_run_says_what_it_is(ascii_output: Ascii) -> None:
    (row,) = ascii_output.rows("runs")
    wanted = ascii_output.wanted
    assert (row["stage"], row["solver"], row["status"]) == ("energyplan", "EnergyPLAN", "feasible")
    assert f"EnergyPLAN model {row['solver_version']}" == wanted["model"]
    assert json.loads(row["options"])["data set"] == wanted["dataset"]
    assert list(json.loads(row["options"])["files"].values()) == [wanted["sha256"]]
    assert row["objective"] == wanted["summary"]["TOTAL ANNUAL COSTS"][0] * TO_MONEY[wanted["units"]["cost"]]
    found = ascii_output.store.sql(
        "SELECT message FROM findings WHERE run = ? AND code = 'energyplan-warning'", [row["run"]]
    ).rows()
    assert {f["message"] for f in found} == {f"EnergyPLAN warns: {w}" for w in wanted["warnings"]}
    (cut,) = ascii_output.store.sql(
        "SELECT message FROM findings WHERE run = ? AND code = 'truncated'", [row["run"]]
    ).rows()
    assert f"hours {len([k for k in wanted['rows'] if k.isdigit()]) + 1} to 8784" in cut["message"]


def test_there_is_a_column_for_each_label(ascii_output: Ascii) -> None:
    wanted = ascii_output.wanted
    assert len(ascii_output.columns) == wanted["n_columns"]
    again = [c.label for c in ascii_output.columns if c.label.endswith((" (2)", " (3)"))]
    assert len(again) == sum(len(places) - 1 for places in wanted["duplicate_labels"].values())
    assert len({c.label for c in ascii_output.columns}) == wanted["n_columns"]


def test_every_annual_figure(ascii_output: Ascii) -> None:
    energy = {(r["technology"], r["commodity"], r["direction"]): r["mwh"] for r in ascii_output.rows("energy")}
    figure = {r["name"]: r["value"] for r in ascii_output.rows("figure") if r["t"] is None and r["technology"] is None}
    for column, printed in zip(ascii_output.columns, ascii_output.wanted["annual"], strict=True):
        if isinstance(printed, str):
            assert column.label not in figure
        elif column.kind == ENERGY:
            assert energy[_who(column)] == pytest.approx(printed * TO_MWH[ascii_output.units["annual"]], rel=1e-12), (
                column
            )
        else:
            scale = {TOTAL: TO_MWH[ascii_output.units["annual"]], PAYMENT: TO_MONEY[ascii_output.units["cost"]]}.get(
                column.kind, 1.0
            )
            assert figure[column.label] == pytest.approx(printed * scale, rel=1e-12), column


def test_every_monthly_figure(ascii_output: Ascii) -> None:
    flow = {
        (r["technology"], r["commodity"], r["direction"], r["t"]): r
        for r in ascii_output.rows("flow")
        if r["weight_h"] > 1
    }
    figure = {(r["name"], r["t"]): r for r in ascii_output.rows("figure") if r["t"] and r["weight_h"] > 1}
    power, n = TO_MW[ascii_output.units["monthly"]], 0
    for t, (month, hours) in enumerate(zip(MONTHS, HOURS, strict=True), 1):
        for column, printed in zip(ascii_output.columns, ascii_output.wanted["rows"][month], strict=True):
            row = flow[*_who(column), t] if column.kind == ENERGY else figure[column.label, t]
            assert row["weight_h"] == hours
            scale = {
                ENERGY: power * hours,
                TOTAL: power,
                LEVEL: power,
                PAYMENT: TO_MONEY[ascii_output.units["cost"]],
            }.get(column.kind, 1.0)
            found = row["mwh"] if column.kind == ENERGY else row["value"]
            assert found == pytest.approx(printed * scale, rel=1e-12), (month, column)
            n += 1
    assert n == 12 * ascii_output.wanted["n_columns"]


def test_every_mean_and_extreme(ascii_output: Ascii) -> None:
    figure = {r["name"]: r["value"] for r in ascii_output.rows("figure") if r["t"] is None}
    for label in ("Annual Average", "Annual Maximum", "Annual Minimum"):
        for column, printed in zip(ascii_output.columns, ascii_output.wanted["rows"][label], strict=True):
            name = f"{column.label}, {label.split()[1].lower()}"
            if isinstance(printed, str):
                assert name not in figure
                continue
            scale = TO_MW[ascii_output.units["monthly"]] if column.kind in (ENERGY, TOTAL, LEVEL) else 1.0
            assert figure[name] == pytest.approx(printed * scale, rel=1e-12), name


def test_every_hourly_figure(ascii_output: Ascii) -> None:
    views = {
        ENERGY: {(r["technology"], r["commodity"], r["direction"], r["t"]): r["mwh"] for r in ascii_output.rows("flow") if r["weight_h"] == 1},
        LEVEL: {(r["technology"], None, None, r["t"]): r["mwh"] for r in ascii_output.rows("level")},
        PRICE: {("", r["commodity"], None, r["t"]): r["value"] for r in ascii_output.rows("price")},
    }  # fmt: skip
    figure = {(r["name"], r["t"]): r["value"] for r in ascii_output.rows("figure") if r["weight_h"] == 1}
    hours = [k for k in ascii_output.wanted["rows"] if k.isdigit()]
    assert {t for *_, t in views[ENERGY]} == {int(h) for h in hours}
    for hour in hours:
        for column, printed in zip(ascii_output.columns, ascii_output.wanted["rows"][hour], strict=True):
            found = (
                views[column.kind][*_who(column), int(hour)]
                if column.kind in views
                else figure[column.label, int(hour)]
            )
            scale = TO_MW[ascii_output.units["hourly"]] if column.kind in (ENERGY, TOTAL, LEVEL) else 1.0
            assert found == pytest.approx(printed * scale, rel=1e-12), (hour, column)


def test_years_are_means_times_hours(ascii_output: Ascii) -> None:
    """The invariant of the data: energy of the year = mean x 8784 h, within the rounding of both."""
    energy = {(r["technology"], r["commodity"], r["direction"]): r["mwh"] for r in ascii_output.rows("energy")}
    power = TO_MW[ascii_output.units["monthly"]]
    rounded = 0.5 * power * 8784 + 0.005 * TO_MWH[ascii_output.units["annual"]]
    for column, mean in zip(ascii_output.columns, ascii_output.wanted["rows"]["Annual Average"], strict=True):
        if column.kind == ENERGY:
            assert energy[_who(column)] == pytest.approx(mean * power * 8784, abs=rounded * 1.001), column


def test_every_cost(ascii_output: Ascii) -> None:
    scale = TO_MONEY[ascii_output.units["cost"]]
    cost = {(r["technology"], r["kind"]): r["value"] for r in ascii_output.rows("cost")}
    figure = {(r["name"], r["technology"]): r["value"] for r in ascii_output.rows("figure") if r["t"] is None}
    for technology, whole, annual, fixed in ascii_output.wanted["investment_table"]:
        assert (cost[technology, "capital"], cost[technology, "fixed"]) == (annual * scale, fixed * scale)
        assert figure["total investment", technology] == whole * scale
    summary = {k: v[0] * scale for k, v in ascii_output.wanted["summary"].items() if isinstance(v[0], float)}
    for label in ("Coal", "FuelOil", "Gasoil/Diesel", "Petrol/JP", "Gas handling", "Biomass", "Food income", "Waste"):
        assert cost[label, "fuel"] == summary[label]
    for label in ("Import", "Export", "Bottleneck", "Fixed imp/exp"):
        assert cost[label, "exchange"] == summary[label]
    assert (cost["Ngas exchange", "fuel"], cost[None, "variable"], cost[None, "emission"]) == (
        summary["Ngas Exchange costs"], summary["Marginal operation costs"], summary["CO2 emission costs"],
    )  # fmt: skip
    sums = (
        "Fuel ex. Ngas exchange", "Electricity exchange", "Variable costs", "Fixed operation costs", "Annual Investment costs", "TOTAL ANNUAL COSTS",
    )  # fmt: skip
    assert [figure[label, None] for label in sums] == [summary[label] for label in sums]
    parts = sum(v for (_, kind), v in cost.items() if kind not in ("capital", "fixed"))
    assert parts == pytest.approx(summary["Variable costs"], abs=4 * scale)
    assert sum(cost.values()) == pytest.approx(summary["TOTAL ANNUAL COSTS"], abs=6 * scale)


def test_every_other_total(ascii_output: Ascii) -> None:
    units, wanted = ascii_output.units, ascii_output.wanted["summary"]
    emission = {r["emission"]: r["t"] for r in ascii_output.rows("emission")}
    assert emission["CO2"] == pytest.approx(wanted["CO2-emission (total)"][0] * TO_T[units["co2"]])
    assert emission["CO2 corrected"] == pytest.approx(wanted["CO2-emission (corrected)"][0] * TO_T[units["co2"]])
    assert {e: emission[e] for e in ("SO2", "PM2.5", "NOx", "CH4", "N2O")} == dict.fromkeys(
        ("SO2", "PM2.5", "NOx", "CH4", "N2O"), 0.0
    )
    figure = {
        r["name"]: (r["value"], r["unit"])
        for r in ascii_output.rows("figure")
        if r["t"] is None and r["technology"] is None
    }
    labels = list(wanted)
    fuels = labels[
        labels.index(f"ANNUAL FUEL CONSUMPTIONS ({units['annual']})") + 1 : labels.index("V2G Pre Load Hours")
    ]
    for label in [*fuels, "RES electricity prod."]:
        for name, printed in zip(
            (label, f"{label}, households"), (v for v in wanted[label] if isinstance(v, float)), strict=False
        ):
            assert figure[name] == (pytest.approx(printed * TO_MWH[units["annual"]]), "MWh")
    assert figure["V2G Pre Load Hours"] == (wanted["V2G Pre Load Hours"][0], "hour")
    for label in ("RES share of PES", "RES share of elec. prod."):
        assert figure[label] == (wanted[label][0], "percent")


def test_the_whole_fuel_balance(ascii_output: Ascii) -> None:
    uses = ("DHP", "CHP2", "CHP3", "Boiler2", "Boiler3", "PP", "Geo/Nu.", "Hydro", "Waste/HTL", "CAES/ELT", "BioCon", "EFuel", "VRES", "SolarTh", "Transp.", "Househ", "Ind/Var", "Total")  # fmt: skip
    energy = {(r["commodity"], r["technology"]): r["mwh"] for r in ascii_output.rows("energy")}
    figure = {r["name"]: r["value"] for r in ascii_output.rows("figure") if r["t"] is None}
    scale = TO_MWH[ascii_output.units["annual"]]
    for fuel, row in ascii_output.wanted["fuel_balance"].items():
        for use, printed in zip(uses, row, strict=True):
            summed = "Total" in (fuel, use)
            found = figure[f"fuel balance, {fuel}, {use}"] if summed else energy[f"fuel: {fuel}", use]
            assert found == pytest.approx(printed * scale, rel=1e-12), (fuel, use)


def test_the_same_output_twice_makes_no_second_run(data: Path, store: Store) -> None:
    before = value(store, "SELECT count(*) FROM meta.run", [])
    for name in ASCII:
        assert not store.import_("energyplan", data / "outputs_ascii" / f"{name}.txt", scenario=name).changed
    assert value(store, "SELECT count(*) FROM meta.run", []) == before


# --- print-outs ------------------------------------------------------------------------------------------------------
NAMES = {
    "Elec. demand": "Elec. demand", "Elec trolyser": "Electrolyser", "RES": "RES", "Hydro": "Hydro", "Imp": "Imp", "Exp": "Exp", "EEP": "EEP",
}  # fmt: skip


@pytest.mark.parametrize("scenario", PRINTS)
def test_a_print_out_gives_its_figures(data: Path, store: Store, scenario: str) -> None:
    wanted = expected(data, PRINTS[scenario])
    rows = {
        v: store.sql(f"SELECT * FROM {v} WHERE scenario = ?", [scenario]).rows()
        for v in ("energy", "flow", "figure", "cost", "emission")
    }
    figure = {(r["name"], r["t"]): r["value"] for r in rows["figure"]}
    flow = {(r["technology"], r["t"]): r["mwh"] for r in rows["flow"] if r["commodity"] == "electricity"}
    energy = {r["technology"]: r["mwh"] for r in rows["energy"] if r["commodity"] == "electricity"}
    for printed, facts in wanted["columns"].items():
        name = NAMES[printed]
        is_sum = name in ("RES", "EEP")
        months = [figure[name, t] if is_sum else flow[name, t] / h for t, h in enumerate(HOURS, 1)]
        assert months == [pytest.approx(m / 1e3) for m in facts["monthly"]], printed
        extremes = [figure[f"{name}, {what}", None] for what in ("average", "maximum", "minimum")]
        assert extremes == [pytest.approx(facts[what] / 1e3) for what in ("average", "maximum", "minimum")]
        assert (figure[name, None] if is_sum else energy[name]) == pytest.approx(facts["annual_GWh"] * 1e3)
    costs = sorted(r["value"] for r in rows["cost"])
    sums = (
        "Fuel ex. Ngas exchange",
        "Electricity exchange",
        "Variable costs",
        "Fixed operation costs",
        "Annual Investment costs",
        "TOTAL ANNUAL COSTS",
    )
    assert sorted([*costs, *(figure[s, None] for s in sums)]) == sorted(
        v * 1e3 for v in wanted["annual_costs_raw_values_in_print_order"]
    )
    assert [figure[s, None] for s in sums[2:]] == [
        v * 1e3 for v in wanted["annual_costs_raw_values_in_print_order"][-4:]
    ]
    assert sum(costs) == pytest.approx(figure["Variable costs", None], abs=3000)
    emission = {r["emission"]: r["t"] for r in rows["emission"]}
    for kind, label, key in (("CO2", "total", "CO2_total_kt"), ("CO2 corrected", "corrected", "CO2_net_corrected_kt")):
        assert emission[kind] == pytest.approx(wanted[key]["Total"] * 1e3)
        for fuel, kt in wanted[key].items():
            if fuel != "Total":
                named = {"H2": "H2 etc.", "Nuclear": "Nuclear/CCS"}.get(fuel, fuel)
                assert figure[f"CO2-emission ({label}), {named}", None] == pytest.approx(kt * 1e3), (label, fuel)
    net = next(use for use in ("Net", "Netto") if (f"fuel balance, Coal, {use}", None) in figure)
    for use, key in (("Total", "fuel_total_GWh"), (net, "fuel_net_GWh")):
        for fuel, gwh in wanted[key].items():
            named = {"H2": "H2 etc.", "Nuclear": "Nuclear/CCS"}.get(fuel, fuel)
            assert figure[f"fuel balance, {named}, {use}", None] == pytest.approx(gwh * 1e3), (use, fuel)
    assert (figure["RES share of PES", None], figure["RES share of elec. prod.", None]) == (
        wanted["RES_share_PE_pct"],
        wanted["RES_share_el_pct"],
    )
    assert figure["RES electricity prod.", None] == pytest.approx(wanted["RES_el_GWh"] * 1e3)
    assert value(store, "SELECT solver_version FROM runs WHERE scenario = ?", [scenario]) == wanted["version"]


# --- studies of many runs --------------------------------------------------------------------------------------------
SCALES = {"KWe": 1e-3, "KWth": 1e-3, "GWh": 1e3, "KEuro": 1e3, "Mt": 1e3, "": 1.0}
"""Mt stands in the head, but it is kt: EnergyPLAN prints kt where energies are in GWh."""


@pytest.mark.parametrize("name", ["noEV", "EVnight"])
def test_every_column_of_a_study(data: Path, store: Store, name: str) -> None:
    wanted = expected(data, "optimisation_outputs")[f"CEIS_4obj_{name}__allParameters.txt"]
    lines = (data / "outputs" / f"CEIS_4obj_{name}__allParameters.txt").read_text().splitlines()
    sep = ";" if ";" in lines[0] else " "
    units = [u.strip() for u in lines[1].split(sep)] + [""] * wanted["n_columns"]
    rows = store.sql(
        "SELECT name, count(*) AS n, sum(value) AS s, min(value) AS low, max(value) AS high, arg_min(value, point) AS first"
        " FROM pareto_value WHERE scenario = ? AND kind = 'output' GROUP BY name",
        [name],
    ).rows()
    found = {r["name"]: r for r in rows}
    assert len(found) == wanted["n_columns"]
    seen: Counter[str] = Counter()
    for at, label in enumerate(wanted["header"]):
        seen[label] += 1
        row = found[label if seen[label] == 1 else f"{label} ({seen[label]})"]
        scale = SCALES[units[at]]
        assert row["n"] == wanted["n_rows"]
        assert row["first"] == pytest.approx(wanted["first_row"][at] * scale, rel=1e-12)
        assert row["s"] == pytest.approx(wanted["column_sum"][at] * scale, abs=1e-4 * scale)
        assert (row["low"], row["high"]) == (
            pytest.approx(wanted["column_min"][at] * scale, rel=1e-12), pytest.approx(wanted["column_max"][at] * scale, rel=1e-12),
        ), label  # fmt: skip


OBJECTIVES = {"CO2-Emission": 1e3, "AnnualCost": 1e3, "LoadFollowingCapacity": 1.0, "ESD": 1.0}


@pytest.mark.parametrize("name", ["noEV", "EVnight"])
def test_objectives_and_variables_of_a_study(data: Path, store: Store, name: str) -> None:
    wanted = expected(data, "optimisation_outputs")[f"CEIS_4obj_{name}__FUN"]
    sql = "SELECT name, count(*) AS n, min(value) AS low, max(value) AS high, arg_min(value, point) AS first FROM pareto_value WHERE scenario = ? AND kind = ? GROUP BY name"
    found = {r["name"]: r for r in store.sql(sql, [name, "objective"]).rows()}
    assert set(found) == set(OBJECTIVES)
    for at, (label, scale) in enumerate(OBJECTIVES.items()):
        row = found[label]
        assert row["n"] == wanted["n"]
        assert (row["low"], row["high"], row["first"]) == tuple(
            pytest.approx(wanted[what][at] * scale, rel=1e-12) for what in ("ideal", "nadir", "first")
        )
    variables = {r["name"]: r for r in store.sql(sql, [name, "variable"]).rows()}
    assert [variables["x1"]["n"], len(variables)] == wanted["var_shape"]
    assert [variables[f"x{i + 1}"]["first"] for i in range(len(variables))] == wanted["first_var"]


def test_the_reference_front(data: Path, store: Store) -> None:
    wanted = expected(data, "optimisation_outputs")["giudicarie-reference.csv"]
    sql = "SELECT name, count(*) AS n, min(value) AS low, max(value) AS high FROM pareto_value WHERE scenario = 'giudicarie' GROUP BY name ORDER BY name"
    rows = store.sql(sql).rows()
    assert [r["n"] for r in rows] == [wanted["n"]] * 4
    assert ([r["low"] for r in rows], [r["high"] for r in rows]) == (wanted["ideal"], wanted["nadir"])
    assert (
        value(store, "SELECT count(*) FROM pareto WHERE scenario = 'giudicarie' AND nondominated", []) == 150
    )  # internally non-dominated


def test_other_studies_come_in_whole(data: Path, empty_store: Path, tmp_path: Path) -> None:
    shutil.copy(empty_store, tmp_path / "s.duckdb")
    store = Store(tmp_path / "s.duckdb")
    store.import_("energyplan", data / "outputs" / "VdN_2030_2DS__allParameters.txt", scenario="vdn")
    lines = (data / "outputs" / "VdN_2030_2DS__allParameters.txt").read_text().splitlines()
    blank = sum(cell.strip() == "" for line in lines[2:] for cell in line.split(";")[:-1])
    assert value(store, "SELECT count(*) FROM pareto_value", []) == 55 * 148 - blank
    parts = ("mergeFUN.pf", "mergeVAR.pf", "allParameters_mergeVAR.pf.txt")
    report = store.import_("energyplan", *(data / "outputs" / f"Aalborg_2obj__{p}" for p in parts), scenario="aalborg")
    assert [dict(r.rows) for r in report.runs] == [{"pareto_point": 240, "pareto_value": 240 * (2 + 7 + 19)}]
    assert {f.code for f in report.findings} == {"unit-corrected", "unit-kept", "currency"}


def test_what_is_no_data_is_named(data: Path, store: Store) -> None:
    with pytest.raises(ProblemsError) as refused:
        store.import_("energyplan", data / "outputs", scenario="folder")
    said = [str(p) for p in refused.value.problems]
    assert sum("readme.txt" in s and "no file of EnergyPLAN" in s for s in said) == 3
    assert sum("read from its text" in s for s in said) == 2
