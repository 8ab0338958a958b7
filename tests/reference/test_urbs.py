"""The workbooks of urbs, through the whole way, against what openpyxl and pandas read in them."""

from __future__ import annotations

import functools
import itertools
import math
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

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

SETS = {
    "single": ("single_year_example.xlsx", (2024,)),
    "example": ("intertemporal_example", (2019, 2024, 2029, 2034)),
    "park": ("business_park_corrected", (2020, 2030, 2040)),
    "heat": ("business_park_corrected_p2h", (2020, 2030, 2040)),
}
KEYS = {
    "Site": ("Name",),
    "Commodity": ("Site", "Commodity", "Type"),
    "Process": ("Site", "Process"),
    "Process-Commodity": ("Process", "Commodity", "Direction"),
    "Transmission": ("Site In", "Site Out", "Transmission", "Commodity"),
    "Storage": ("Site", "Storage", "Commodity"),
    "DSM": ("Site", "Commodity"),
}
STOCK, BUY, SELL, ENV = "Stock", "Buy", "Sell", "Env"
LANDS: dict[tuple[str, str], tuple[str, str]] = {
    ("Site", "area"): ("site", "area"),
    ("Process", "inst-cap"): ("process", "existing_mw"),
    ("Process", "lifetime"): ("process", "existing_life"),
    ("Process", "cap-lo"): ("process", "cap_min"),
    ("Process", "cap-up"): ("process", "cap_max"),
    ("Process", "max-grad"): ("process", "ramp"),
    ("Process", "min-fraction"): ("process", "min_load"),
    ("Process", "inv-cost"): ("process", "capital"),
    ("Process", "fix-cost"): ("process", "fixed"),
    ("Process", "var-cost"): ("process_mode", "variable"),
    ("Process", "wacc"): ("process", "wacc"),
    ("Process", "depreciation"): ("process", "life"),
    ("Process", "area-per-cap"): ("process", "area_per_mw"),
    ("Transmission", "eff"): ("transmission", "eff"),
    ("Transmission", "lifetime"): ("transmission", "existing_life"),
    ("Transmission", "inv-cost"): ("transmission", "capital"),
    ("Transmission", "fix-cost"): ("transmission", "fixed"),
    ("Transmission", "var-cost"): ("transmission", "variable"),
    ("Transmission", "inst-cap"): ("transmission", "existing_mw"),
    ("Transmission", "cap-lo"): ("transmission", "cap_min"),
    ("Transmission", "cap-up"): ("transmission", "cap_max"),
    ("Transmission", "wacc"): ("transmission", "wacc"),
    ("Transmission", "depreciation"): ("transmission", "life"),
    ("Storage", "inst-cap-c"): ("storage", "e_existing"),
    ("Storage", "cap-lo-c"): ("storage", "e_cap_min"),
    ("Storage", "cap-up-c"): ("storage", "e_cap_max"),
    ("Storage", "inst-cap-p"): ("storage", "p_existing"),
    ("Storage", "cap-lo-p"): ("storage", "p_cap_min"),
    ("Storage", "cap-up-p"): ("storage", "p_cap_max"),
    ("Storage", "eff-in"): ("storage", "eff_in"),
    ("Storage", "eff-out"): ("storage", "eff_out"),
    ("Storage", "inv-cost-p"): ("storage", "capital_p"),
    ("Storage", "inv-cost-c"): ("storage", "capital_e"),
    ("Storage", "fix-cost-p"): ("storage", "fixed_p"),
    ("Storage", "fix-cost-c"): ("storage", "fixed_e"),
    ("Storage", "var-cost-p"): ("storage", "variable_p"),
    ("Storage", "var-cost-c"): ("storage", "variable_e"),
    ("Storage", "lifetime"): ("storage", "existing_life"),
    ("Storage", "wacc"): ("storage", "wacc"),
    ("Storage", "depreciation"): ("storage", "life"),
    ("Storage", "init"): ("storage", "init"),
    ("Storage", "discharge"): ("storage", "loss"),
    ("Storage", "ep-ratio"): ("storage", "ep_ratio"),
    ("DSM", "delay"): ("demand_response", "delay"),
    ("DSM", "eff"): ("demand_response", "eff"),
    ("DSM", "recov"): ("demand_response", "recovery"),
    ("DSM", "cap-max-do"): ("demand_response", "down_mw"),
    ("DSM", "cap-max-up"): ("demand_response", "up_mw"),
    ("Commodity Stock", "price"): ("commodity", "price"),
    ("Commodity Stock", "max"): ("commodity", "max_mwh"),
    ("Commodity Stock", "maxperhour"): ("commodity", "max_mw"),
    ("Commodity Buy", "price"): ("commodity", "price"),
    ("Commodity Buy", "max"): ("commodity", "max_mwh"),
    ("Commodity Buy", "maxperhour"): ("commodity", "max_mw"),
    ("Commodity Sell", "price"): ("commodity", "sale_price"),
    ("Commodity Sell", "max"): ("commodity", "sale_max_mwh"),
    ("Commodity Sell", "maxperhour"): ("commodity", "sale_max_mw"),
    ("Commodity Env", "price"): ("emission", "price"),
    ("Commodity Env", "max"): ("emission", "max_t"),
    ("Commodity Env", "maxperhour"): ("emission", "max_rate"),
}
KEY_LANDS = {
    "Name": "site", "Site": "site", "Commodity": "commodity", "Process": "process", "Site In": "site_from",
    "Site Out": "site_to", "Transmission": "line", "Storage": "storage",
}  # fmt: skip
GLOBALS = {
    "Support timeframe": ("model_year", "year"), "Weight": ("model_year", "stands_for"),
    "Discount rate": ("site", "discount_rate"), "CO2 limit": ("limit", "value"), "CO2 budget": ("limit", "value"),
    "Cost limit": ("limit", "value"), "Cost budget": ("limit", "value"),
}  # fmt: skip
SERIES = ("Demand", "SupIm", "Buy-Sell-Price", "TimeVarEff")


class Cell(NamedTuple):
    """A cell with something in it."""

    sheet: str
    row: int
    column: str
    value: Any
    line: dict[str, Any]


class Study(NamedTuple):
    """A scenario that was imported, with the files that it came from."""

    name: str
    store: Store
    files: dict[int, Path]

    def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        return self.store.sql(sql, list(values)).arrow().to_pylist()

    def count(self, table: str) -> int:
        found = self.rows(f'SELECT count(*) AS n FROM input."{table}" WHERE scenario = ?', self.name)
        return int(found[0]["n"])


def files_of(data: Path, name: str) -> dict[int, Path]:
    place, years = SETS[name]
    path = data / "urbs" / place
    return dict(zip(years, sorted(path.glob("*.xlsx")) if path.is_dir() else [path], strict=True))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, reference_data: Path) -> Store:
    store = Store(tmp_path_factory.mktemp("urbs") / "urbs.duckdb")
    for name, (place, years) in SETS.items():
        year = {"year": years[0]} if name == "single" else {}
        store.import_("urbs", reference_data / "urbs" / place, scenario=name, **year)
    return store


@pytest.fixture(params=list(SETS))
def study(request: pytest.FixtureRequest, store: Store, reference_data: Path) -> Study:
    return Study(request.param, store, files_of(reference_data, request.param))


@functools.cache
def sheets(path: Path) -> dict[str, pd.DataFrame]:
    """Return all sheets of a workbook as openpyxl reads them, #N/A as blank; the index is the row."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        book = openpyxl.load_workbook(path, data_only=True)
    frames = {}
    for sheet in book:
        header, *lines = sheet.iter_rows(values_only=True)
        frame = pd.DataFrame(lines, columns=[str(h) for h in header], index=range(2, len(lines) + 2), dtype=object)
        frames[sheet.title] = frame.replace({"#N/A": None}).dropna(how="all")
    return frames


@functools.cache
def cells(path: Path) -> list[Cell]:
    """Return every cell that holds something, but those of hourly values."""
    found = []
    for sheet, frame in sheets(path).items():
        for row, line in frame.iterrows() if sheet not in SERIES else ():
            named = line.dropna().to_dict()
            found += [Cell(sheet, int(row), column, value, named) for column, value in named.items()]
    return found


def hours(path: Path, sheet: str) -> pd.DataFrame:
    return sheets(path)[sheet].set_index("t").astype(float)


def same(stored: object, value: object) -> bool:
    if value in ("inf", "Inf"):
        return stored is None
    if isinstance(value, (int, float)):
        return isinstance(stored, (int, float)) and math.isclose(stored, value, rel_tol=1e-15)
    return stored == value


class Book:
    """What a workbook became, by the place in the file that each stored row names."""

    def __init__(self, study: Study, year: int) -> None:
        self.study, self.year, self.path = study, year, study.files[year]
        self.tables: dict[str, dict[tuple[str, int], list[dict[str, Any]]]] = {}
        found = study.rows("SELECT location, message FROM findings WHERE scenario = ?", study.name)
        self.said = [f["message"] for f in found if str(self.path) in f["location"]]
        self.partial = {
            c.line["Process"]
            for c in cells(self.path)
            if c.column == "ratio-min" and c.value > 0 and c.line["Direction"] == "In"
        }
        commodities = [c.line for c in cells(self.path) if c.sheet == "Commodity" and c.column == "Type"]
        self.types = {c["Commodity"]: c["Type"] for c in commodities}
        self.sited = {c.line["Process"] for c in cells(self.path) if c.sheet == "Process"}

    def at(self, table: str, sheet: str, row: int) -> list[dict[str, Any]]:
        if table not in self.tables:
            found = self.study.rows(
                f'SELECT t.* FROM layer."{table}" AS t JOIN meta.source AS s USING (source)'
                " JOIN meta.scenario AS c ON c.scenario = t.layer WHERE c.name = ? AND s.file = ?",
                self.study.name,
                str(self.path),
            )
            self.tables[table] = {}
            for line in found:
                self.tables[table].setdefault((line["sheet"], line["source_row"]), []).append(line)
        return self.tables[table].get((sheet, row), [])

    def is_kept(self, cell: Cell) -> bool:
        """Whether a cell stands in every row that came from its row of the sheet, or is named as left out."""
        if cell.sheet == "Global":
            return self.is_kept_globally(cell)
        if cell.sheet == "Process-Commodity":
            return self.is_kept_flow(cell)
        if cell.column in KEYS[cell.sheet]:
            return self.is_kept_key(cell)
        kind = f"Commodity {cell.line['Type']}" if cell.sheet == "Commodity" else cell.sheet
        if (kind, cell.column) not in LANDS:
            return any(cell.column in text and "ignored" in text for text in self.said)
        table, column = LANDS[kind, cell.column]
        if table == "site" and self.year != min(self.study.files):
            return True  # the same in all files, or refused
        found = self.at(table, cell.sheet, cell.row)
        value = cell.value
        if cell.column in ("inst-cap", "inst-cap-c", "inst-cap-p", "lifetime") and self.year != min(self.study.files):
            return any(cell.column in text and "first year only" in text for text in self.said)
        if cell.column == "min-fraction" and cell.line["Process"] not in self.partial:
            value = 0
        return bool(found) and all(same(line[column], value) for line in found)

    def is_kept_key(self, cell: Cell) -> bool:
        if cell.column == "Type":
            return self.is_kept_type(cell)
        column = KEY_LANDS[cell.column]
        table = {"DSM": "demand_response"}.get(cell.sheet, cell.sheet.lower())
        if cell.line.get("Type") == ENV:
            table, column = "emission", {"commodity": "emission"}.get(column, column)
        if table == "site" and self.year != min(self.study.files):
            return True
        found = self.at(table, cell.sheet, cell.row)
        return bool(found) and all(str(line[column]).startswith(str(cell.value)) for line in found)

    def is_kept_type(self, cell: Cell) -> bool:
        if cell.value == ENV:
            return bool(self.at("emission", "Commodity", cell.row))
        (row,) = self.at("commodity", "Commodity", cell.row)
        flags = {STOCK: "bought", BUY: "bought", SELL: "sold"}
        balance = "none" if cell.value == "SupIm" else "equal"
        return row["balance"] == balance and all(
            bool(row[f]) == (flags.get(cell.value) == f) for f in ("bought", "sold")
        )

    def is_kept_flow(self, cell: Cell) -> bool:
        if cell.line["Process"] not in self.sited:
            return any(str(cell.line["Process"]) in text and "stands at no site" in text for text in self.said)
        is_emission = self.types[cell.line["Commodity"]] == ENV
        found = self.at("process_emission" if is_emission else "process_flow", cell.sheet, cell.row)
        if cell.column in ("ratio", "ratio-min"):
            names = ("t_per_mwh", "t_per_mwh_min") if is_emission else ("ratio", "ratio_min")
            column = names[cell.column == "ratio-min"]
            kept = cell.column == "ratio" or cell.line["Process"] in self.partial
            return bool(found) and all(
                same(line[column], cell.value) if kept else line[column] is None for line in found
            )
        if cell.column == "Direction":
            return is_emission or all(line["direction"] == cell.value.lower() for line in found)
        column = "emission" if is_emission and cell.column == "Commodity" else cell.column.lower()
        return bool(found) and all(line[column] == cell.value for line in found)

    def is_kept_globally(self, cell: Cell) -> bool:
        name = cell.line["Property"]
        if cell.column == "description":
            return any("description" in text for text in self.said)
        table, column = GLOBALS[name]
        if table == "site":
            rates = self.study.rows(
                "SELECT DISTINCT discount_rate AS r FROM input.site WHERE scenario = ?", self.study.name
            )
            return cell.column == "Property" or [r["r"] for r in rates] == [cell.value]
        if name == "Support timeframe":
            found = self.study.rows("SELECT year FROM input.model_year WHERE scenario = ?", self.study.name)
            return cell.column == "Property" or cell.value in [r["year"] for r in found]
        found = self.at(table, "Global", cell.row)
        if cell.column == "Property":
            return bool(found) and (table != "limit" or found[0]["limit"] == name)
        return bool(found) and same(found[0][column], cell.value)


def test_every_cell_of_every_sheet_of_rows_lands_in_a_table_or_is_named_as_ignored(study: Study) -> None:
    n = 0
    for year, path in study.files.items():
        book = Book(study, year)
        lost = [c for c in cells(path) if not book.is_kept(c)]
        n += len(cells(path))
        assert not lost, [(c.sheet, c.row, c.column, c.value) for c in lost[:10]]
    assert n > 400


def test_every_hourly_value_lands_and_row_0_is_named_as_ignored(study: Study) -> None:
    kept = study.store.sql(
        "SELECT p.profile, list(v.value ORDER BY v.t) AS v FROM input.profile AS p JOIN meta.series AS s USING (sha256)"
        " JOIN meta.series_value AS v USING (series) WHERE p.scenario = ? GROUP BY ALL",
        [study.name],
    ).arrow()
    values = dict(zip(kept["profile"].to_pylist(), kept["v"], strict=True))
    for year, path in study.files.items():
        book = Book(study, year)
        for sheet in SERIES:
            frame = hours(path, sheet)
            assert list(frame.index[:2]) == [0, 1]
            assert any("t = 0" in text and sheet in text for text in book.said)
            for header in frame.columns:
                stored = values.pop(f"{sheet} {header} {year}").values.to_numpy()  # noqa: PD011  values of an Arrow list
                np.testing.assert_array_equal(stored, frame[header].to_numpy()[1:])
    assert not values


def test_counts_are_those_of_the_sheets(study: Study) -> None:
    expected = dict.fromkeys(
        ("commodity", "emission", "process", "process_flow", "process_emission", "storage", "transmission", "demand"), 0
    )
    for path in study.files.values():
        of = sheets(path)
        kinds = of["Commodity"].set_index("Commodity")["Type"].to_dict()
        flows = of["Process"][["Process"]].merge(of["Process-Commodity"], on="Process")
        is_emission = flows["Commodity"].map(kinds) == ENV
        expected["commodity"] += int((of["Commodity"]["Type"] != ENV).sum())
        expected["emission"] += int((of["Commodity"]["Type"] == ENV).sum())
        expected["process"] += len(of["Process"])
        expected["process_flow"] += int((~is_emission).sum())
        expected["process_emission"] += int(is_emission.sum())
        expected["storage"] += int(of["Storage"]["Storage"].notna().sum())
        expected["transmission"] += len(of["Transmission"])
        expected["demand"] += len(of["Demand"].columns) - 1
    assert {table: study.count(table) for table in expected} == expected
    assert study.count("process_mode") == expected["process"]


def test_demand_is_power_without_an_annual_amount_and_sums_to_that_of_the_sheet(study: Study) -> None:
    for year, path in study.files.items():
        frame = hours(path, "Demand").iloc[1:]
        found = study.rows(
            "SELECT d.site || '.' || d.commodity AS header, d.mwh, d.timing, s.kind, s.unit, s.total"
            " FROM input.demand AS d JOIN input.profile AS p ON p.scenario = d.scenario AND p.profile = d.profile"
            " JOIN meta.series AS s USING (sha256) WHERE d.scenario = ? AND d.year = ?",
            study.name,
            year,
        )
        assert {r["header"]: pytest.approx(r["total"], rel=1e-12) for r in found} == frame.sum().to_dict()
        assert {(r["mwh"], r["timing"], r["kind"], r["unit"]) for r in found} == {(None, "slice", "power", "MW")}


def test_the_weather_sets_the_availability_of_its_users_exactly(study: Study) -> None:
    found = study.rows(
        "SELECT year, site, process, avail_profile, avail_rule FROM input.process WHERE scenario = ? AND avail_profile IS NOT NULL",
        study.name,
    )
    users = {"single": 3 * 3, "example": 4 * 3 * 3, "park": 3 * 2, "heat": 3 * 2}
    assert len(found) == users[study.name]
    assert {r["avail_rule"] for r in found} == {"fixed"}
    assert all(
        r["avail_profile"].startswith(f"SupIm {r['site']}.") and r["avail_profile"].endswith(str(r["year"]))
        for r in found
    )


def test_model_years_stand_for_the_years_to_the_next_and_the_last_for_its_weight(store: Store) -> None:
    rows = store.sql("SELECT scenario, year, stands_for FROM input.model_year ORDER BY ALL").arrow().to_pylist()
    found = {
        name: [(r["year"], r["stands_for"]) for r in lines]
        for name, lines in itertools.groupby(rows, lambda r: r["scenario"])
    }
    assert found == {
        "example": [(2019, 5), (2024, 5), (2029, 5), (2034, 10)],
        "heat": [(2020, 10), (2030, 10), (2040, 10)],
        "park": [(2020, 10), (2030, 10), (2040, 10)],
        "single": [(2024, None)],
    }


def test_limits_carry_value_period_and_what_they_sum(store: Store) -> None:
    rows = (
        store.sql(
            'SELECT scenario, l."limit" AS name, l.year, value, per, quantity, t.emission FROM input."limit" AS l'
            " JOIN input.limit_term AS t USING (scenario, \"limit\", year) WHERE l.quantity <> 'capacity' ORDER BY ALL"
        )
        .arrow()
        .to_pylist()
    )
    of = {(r["scenario"], r["name"], r["year"]): (r["value"], r["per"], r["quantity"], r["emission"]) for r in rows}
    assert of["single", "CO2 limit", 2024] == (150_000_000, "year", "emission", "CO2")
    assert of["single", "Cost limit", 2024] == (35_000_000_000, "year", "cost", None)
    assert of["example", "CO2 limit", 2019][0] is None
    assert of["example", "CO2 limit", 2034] == (200_000_000, "year", "emission", "CO2")
    assert {of["example", "Cost budget", y] for y in (2019, 2024, 2029, 2034)} == {
        (650_000_000_000, "horizon", "cost", None)
    }
    assert [of["park", "CO2 limit", y][0] for y in (2020, 2030, 2040)] == [None, 45_000, 30_000]


def test_what_buys_and_what_sells_through_one_connection_has_the_same_capacity(store: Store) -> None:
    rows = (
        store.sql(
            'SELECT DISTINCT scenario, t.site, l.sense, l.value, t.process, t.factor FROM input."limit" AS l'
            " JOIN input.limit_term AS t USING (scenario, \"limit\", year) WHERE l.quantity = 'capacity' ORDER BY ALL"
        )
        .arrow()
        .to_pylist()
    )
    expected = [
        (scenario, site, sense, 0.0, process, factor)
        for scenario in ("example", "single")
        for site in ("North", "South")
        for sense in ("max", "min")
        for process, factor in (("Feed-in", -1.0), ("Purchase", 1.0))
    ]
    assert [tuple(r.values()) for r in rows] == expected


def test_what_stands_at_the_start_is_repeated_with_the_years_that_it_lasts(store: Store) -> None:
    rows = (
        store.sql(
            "SELECT DISTINCT process, existing_mw, existing_life, count(*) AS n FROM input.process"
            " WHERE scenario = 'park' AND site = 'Business park' AND existing_mw > 0 GROUP BY ALL ORDER BY ALL"
        )
        .arrow()
        .to_pylist()
    )
    assert [tuple(r.values()) for r in rows] == [
        ("CHP (Operational state)", 25.0, 10.0, 3),
        ("Gas heater", 45.0, 10.0, 3),
        ("Photovoltaics", 0.1, 15.0, 3),
    ]


def test_stores_of_one_name_and_two_commodities_get_names_of_their_own(store: Store) -> None:
    rows = (
        store.sql("SELECT DISTINCT storage, commodity FROM input.storage WHERE scenario = 'park' ORDER BY ALL")
        .arrow()
        .to_pylist()
    )
    assert [tuple(r.values()) for r in rows] == [
        ("Hydrogen (Electricity)", "Electricity"),
        ("Hydrogen (Intermediate low temperature)", "Intermediate low temperature"),
        ("Pump storage", "Heat"),
    ]


def test_buy_and_sell_prices_are_factors_of_their_series_and_efficiencies_of_outputs(store: Store) -> None:
    bought = (
        store.sql(
            "SELECT site, price, price_profile FROM input.commodity WHERE scenario = 'park' AND commodity = 'Grid electricity'"
            " AND year = 2020 ORDER BY ALL"
        )
        .arrow()
        .to_pylist()
    )
    assert [tuple(r.values()) for r in bought] == [
        ("Business park", 1.0, "Buy-Sell-Price Grid electricity 2020"),
        ("City", 2.0, "Buy-Sell-Price Grid electricity 2020"),
    ]
    varied = (
        store.sql(
            "SELECT site, process, commodity, direction FROM input.process_flow WHERE scenario = 'single' AND ratio_profile IS NOT NULL ORDER BY ALL"
        )
        .arrow()
        .to_pylist()
    )
    assert [tuple(r.values()) for r in varied] == [
        ("Mid", "Gas plant", "Elec", "out"),
        ("Mid", "Lignite plant", "Elec", "out"),
    ]


def test_the_scenario_carries_the_switches_of_urbs(study: Study) -> None:
    rows = study.rows("SELECT option, value FROM input.model_option WHERE scenario = ?", study.name)
    found = {r["option"]: r["value"] for r in rows}
    assert found["accounting"] == "urbs"
    assert found["cost_limit_scope"] == "horizon"
    assert found["periods"] == "0", "every hour, no typical days"
    assert "hours" not in found


def test_the_imported_sets_have_no_error(study: Study) -> None:
    rows = study.rows("SELECT severity, message FROM findings WHERE scenario = ? AND severity = 'error'", study.name)
    assert rows == []
    assert not any(f.severity == "error" for f in study.store.check(study.name))


def test_only_the_set_whose_power_to_heat_emits_co2_says_so(store: Store) -> None:
    rows = (
        store.sql(
            "SELECT scenario, count(*) AS n FROM findings WHERE code = 'only-emissions' GROUP BY ALL ORDER BY ALL"
        )
        .arrow()
        .to_pylist()
    )
    assert [tuple(r.values()) for r in rows] == [("park", 6)]


def test_the_same_files_twice_make_no_second_revision(store: Store, reference_data: Path) -> None:
    before = store.sql("SELECT scenario, revision FROM scenarios ORDER BY ALL").arrow().to_pylist()
    for name, (place, years) in SETS.items():
        year = {"year": years[0]} if name == "single" else {}
        report = store.import_("auto", reference_data / "urbs" / place, scenario=name, **year)
        assert not report.changed
    assert store.sql("SELECT scenario, revision FROM scenarios ORDER BY ALL").arrow().to_pylist() == before


def test_the_business_park_as_published_is_refused_with_all_that_is_wrong_in_one_report(
    tmp_path: Path, reference_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "park.duckdb"
    assert (
        run(
            [
                "--store",
                str(path),
                "import",
                "urbs",
                str(reference_data / "urbs" / "business_park_original"),
                "--scenario",
                "park",
            ]
        )
        == 2
    )
    said = capsys.readouterr().err
    assert "4 problems in business_park_original; nothing was written" in said
    assert (
        "2030.xlsx, sheet Process-Commodity, row 4, column Commodity: 'Grid electricity' of 'Grid connection'" in said
    )
    assert "it is there in 2020, 2040" in said
    assert "Did you mean 'Grid electricity (Business park)'?" in said
    assert "Did you mean 'Grid electricity (City)'?" in said
    assert (
        "'Power-to-heat (Heat pump)' takes in Electricity and gives out nothing but CO2, an emission. Did you mean 'Heat'?"
        in said
    )
    assert "the Cost limit of 60,000 bounds the total cost of all years together" in said
    assert "the model would be infeasible" in said
    assert "the price inf is taken as 0" in said
    assert not Store(path).sql("SELECT * FROM scenarios").arrow().to_pylist()


def test_the_report_of_the_business_park_names_places(store: Store, reference_data: Path) -> None:
    with pytest.raises(ProblemsError) as caught:
        store.import_("urbs", reference_data / "urbs" / "business_park_original", scenario="original")
    places = {(p.file[-9:], p.sheet, p.row) for p in caught.value.problems}
    assert places == {
        ("2030.xlsx", "Process-Commodity", 4),
        ("2030.xlsx", "Commodity", 3),
        ("2030.xlsx", "Commodity", 13),
    }
    assert {w.code for w in caught.value.warnings} == {
        "only-emissions",
        "cost-limit",
        "price-infinite",
        "series-unknown",
    }
