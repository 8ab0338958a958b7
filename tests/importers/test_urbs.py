"""Workbooks of urbs: what each sheet becomes, what is refused, and files that are spoilt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import openpyxl
import pytest

from dhsdb.errors import ProblemsError, UserError
from dhsdb.importers.pipeline import run_import
from tests.importers import fuzz
from tests.importers.books import book, count, effective

if TYPE_CHECKING:
    from pathlib import Path

    from dhsdb.database import Database

Sheets = dict[str, "list[list[Any]]"]


def sheets(year: int | None = 2030, n: int = 4) -> Sheets:
    """A town with wind, gas and a grid, in which everything is right."""
    return {
        "Global": [["Property", "value", "description"], *([["Support timeframe", year, None]] if year else []), ["CO2 limit", "inf", None]],
        "Site": [["Name", "area"], ["Town", None], ["Port", 500]],
        "Commodity": [
            ["Site", "Commodity", "Type", "price", "max", "maxperhour"],
            ["Town", "Wind", "SupIm", None, None, None],
            ["Town", "Gas", "Stock", 30, "inf", 70],
            ["Town", "Grid", "Buy", 1.5, "inf", "inf"],
            ["Town", "Fed", "Sell", 0.5, 900, "inf"],
            ["Town", "Power", "Demand", None, None, None],
            ["Town", "CO2", "Env", 25, "inf", "inf"],
            ["Port", "Power", "Demand", None, None, None],
        ],
        "Process": [
            ["Site", "Process", "inst-cap", "lifetime", "cap-lo", "cap-up", "max-grad", "min-fraction", "inv-cost", "fix-cost", "var-cost", "wacc", "depreciation", "area-per-cap"],
            ["Town", "Turbine", 3, 12, 0, "inf", "inf", 0, 1e6, 2e4, 0, 0.07, 25, 40],
            ["Town", "Engine", 0, None, 0, 50, 0.5, 0.25, 5e5, 1e4, 2, 0.07, 20, None],
            ["Town", "Buying", 0, None, 0, 9, None, 0, 0, 0, 0, 0.07, 40, None],
            ["Town", "Selling", 0, None, 0, 9, None, 0, 0, 0, 0, 0.07, 40, None],
        ],
        "Process-Commodity": [
            ["Process", "Commodity", "Direction", "ratio", "ratio-min"],
            ["Turbine", "Wind", "In", 2, None],
            ["Turbine", "Power", "Out", 1, None],
            ["Engine", "Gas", "In", 2, 3],
            ["Engine", "Power", "Out", 1, None],
            ["Engine", "CO2", "Out", 0.4, 0.6],
            ["Buying", "Grid", "In", 1, None],
            ["Buying", "Power", "Out", 1, None],
            ["Selling", "Power", "In", 1, None],
            ["Selling", "Fed", "Out", 1, None],
        ],
        "Transmission": [
            ["Site In", "Site Out", "Transmission", "Commodity", "eff", "lifetime", "inv-cost", "fix-cost", "var-cost", "inst-cap", "cap-lo", "cap-up", "wacc", "depreciation"],
            ["Town", "Port", "line", "Power", 0.9, 10, 100, 5, 0, 1, 0, "inf", 0.07, 40],
            ["Port", "Town", "line", "Power", 0.9, 10, 100, 5, 0, 1, 0, "inf", 0.07, 40],
        ],
        "Storage": [
            ["Site", "Storage", "Commodity", "inst-cap-c", "cap-lo-c", "cap-up-c", "inst-cap-p", "cap-lo-p", "cap-up-p", "eff-in", "eff-out", "inv-cost-p", "inv-cost-c", "fix-cost-p", "fix-cost-c", "var-cost-p", "var-cost-c", "lifetime", "wacc", "depreciation", "init", "discharge", "ep-ratio"],
            ["Port", "Battery", "Power", 8, 0, "inf", 4, 0, "inf", 0.9, 0.95, 1e5, 1e5, 0, 10, 0.02, 0, 5, 0.07, 15, 0.5, 0.001, 2],
        ],
        "DSM": [["Site", "Commodity", "delay", "eff", "recov", "cap-max-do", "cap-max-up"], ["Port", "Power", 8, 1, 1, 2, 3]],
        "Demand": [["t", "Town.Power", "Port.Power"], *([t, 10.0 * t, 1.0] for t in range(n + 1))],
        "SupIm": [["t", "Town.Wind"], *([t, 0.1 * t] for t in range(n + 1))],
        "Buy-Sell-Price": [["t", "Grid", "Fed"], *([t, 40 + t, -t] for t in range(n + 1))],
        "TimeVarEff": [["t", "Town.Engine"], *([t, 1 - 0.1 * t] for t in range(n + 1))],
    }  # fmt: skip


def bring(db: Database, tmp_path: Path, *contents: Sheets, **options: Any) -> Any:
    folder = tmp_path / "study"
    folder.mkdir(exist_ok=True)
    for i, content in enumerate(contents):
        book(folder / f"{i}.xlsx", **content)
    return run_import(db, "urbs", folder, scenario="base", **options)


def problems(db: Database, tmp_path: Path, *contents: Sheets, **options: Any) -> list[str]:
    with pytest.raises(ProblemsError) as caught:
        bring(db, tmp_path, *contents, **options)
    assert caught.value.exit_code == 2
    assert count(db, "SELECT count(*) FROM scenarios") == 0
    return [str(p) for p in caught.value.problems]


def changed(sheet: str, row: int, column: str, value: object, year: int | None = 2030) -> Sheets:
    """Return the town with one cell changed; rows count from 1, the header."""
    content = sheets(year)
    content[sheet][row - 1][content[sheet][0].index(column)] = value
    return content


# --- what becomes of it ----------------------------------------------------------------------------------------------
def test_types_become_what_can_be_bought_sold_demanded_or_emitted(db: Database, tmp_path: Path) -> None:
    bring(db, tmp_path, sheets())
    columns = ("commodity", "balance", "bought", "price", "max_mw", "max_mwh", "sold", "sale_price", "sale_max_mwh")
    assert effective(db, "commodity", ("site", *columns)) == [
        ("Port", "Power", "equal", None, None, None, None, None, None, None),
        ("Town", "Fed", "equal", None, None, None, None, True, 0.5, 900),
        ("Town", "Gas", "equal", True, 30, 70, None, None, None, None),
        ("Town", "Grid", "equal", True, 1.5, None, None, None, None, None),
        ("Town", "Power", "equal", None, None, None, None, None, None, None),
        ("Town", "Wind", "none", None, None, None, None, None, None, None),
    ]
    assert effective(db, "emission", ("site", "emission", "price", "max_t")) == [("Town", "CO2", 25, None)]
    assert effective(db, "demand", ("site", "commodity", "timing", "mwh", "profile")) == [
        ("Port", "Power", "slice", None, "Demand Port.Power 2030"),
        ("Town", "Power", "slice", None, "Demand Town.Power 2030"),
    ]


def test_processes_get_the_mode_1_and_flows_emissions_a_table_of_their_own(db: Database, tmp_path: Path) -> None:
    bring(db, tmp_path, sheets())
    assert effective(
        db, "process_flow", ("process", "mode", "commodity", "direction", "ratio", "ratio_min", "ratio_profile")
    )[2:4] == [
        ("Engine", "1", "Gas", "in", 2, 3, None),
        ("Engine", "1", "Power", "out", 1, None, "TimeVarEff Town.Engine 2030"),
    ]
    assert effective(db, "process_emission", ("process", "emission", "t_per_mwh", "t_per_mwh_min")) == [
        ("Engine", "CO2", 0.4, 0.6)
    ]
    assert effective(db, "process_mode", ("process", "mode", "variable"))[1] == ("Engine", "1", 2)
    columns = (
        "process",
        "existing_mw",
        "existing_life",
        "cap_max",
        "min_load",
        "ramp",
        "life",
        "area_per_mw",
        "avail_rule",
    )
    assert effective(db, "process", columns)[1:3] == [
        ("Engine", 0, None, 50, 0.25, 0.5, 20, None, None),
        ("Selling", 0, None, 9, 0, None, 40, None, None),
    ]


def test_the_availability_is_the_supply_by_the_ratio_and_holds_exactly(db: Database, tmp_path: Path) -> None:
    bring(db, tmp_path, sheets())
    assert effective(db, "process", ("avail_profile", "avail_rule"))[0] == ("SupIm Town.Wind 2030 / 2", "fixed")
    rows = db.sql(
        "SELECT p.profile, list(v.value ORDER BY t) AS v FROM input.profile AS p JOIN meta.series AS s USING (sha256)"
        " JOIN meta.series_value AS v USING (series) WHERE p.scenario = 'base' AND p.profile LIKE 'SupIm%' GROUP BY ALL ORDER BY ALL"
    ).to_pylist()
    assert [(r["profile"], r["v"]) for r in rows] == [
        ("SupIm Town.Wind 2030", [0.1, 0.2, pytest.approx(0.3), 0.4]),
        ("SupIm Town.Wind 2030 / 2", [0.05, 0.1, pytest.approx(0.15), 0.2]),
    ]


def test_a_minimum_load_without_part_load_ratio_of_an_input_is_ignored_and_said(db: Database, tmp_path: Path) -> None:
    content = changed("Process-Commodity", 4, "ratio-min", None)
    report = bring(db, tmp_path, content)
    assert effective(db, "process", ("min_load",))[1] == (0,)
    assert effective(db, "process_emission", ("t_per_mwh_min",)) == [(None,)]
    codes = {f.code for f in report.findings}
    assert {"ignored-min-fraction", "ignored-ratio-min"} <= codes


def test_storage_lines_and_response_land(db: Database, tmp_path: Path) -> None:
    bring(db, tmp_path, sheets())
    columns = (
        "storage",
        "commodity",
        "kind",
        "end_rule",
        "timing",
        "e_existing",
        "p_existing",
        "existing_life",
        "init",
        "ep_ratio",
        "loss",
    )
    assert effective(db, "storage", columns) == [("Battery", "Power", "chain", "urbs", "end", 8, 4, 5, 0.5, 2, 0.001)]
    assert effective(db, "transmission", ("site_from", "site_to", "line", '"symmetric"', "existing_mw", "cap_max")) == [
        ("Port", "Town", "line", True, 1, None),
        ("Town", "Port", "line", True, 1, None),
    ]
    assert effective(db, "demand_response", ("delay", "recovery", "down_mw", "up_mw")) == [(8, 1, 2, 3)]


def test_the_window_is_the_number_of_steps_where_they_are_no_year(db: Database, tmp_path: Path) -> None:
    bring(db, tmp_path, sheets())
    options = dict(effective(db, "model_option", ("option", "value")))
    assert options["hours"] == "0:4"
    assert options["accounting"] == "urbs"
    assert options["currency"] == "EUR"


def test_the_currency_may_be_named(db: Database, tmp_path: Path) -> None:
    report = bring(db, tmp_path, sheets(), options={"currency": "SEK", "price_year": "2019"})
    options = dict(effective(db, "model_option", ("option", "value")))
    assert (options["currency"], options["price_year"]) == ("SEK", "2019")
    assert "currency-assumed" not in {f.code for f in report.findings}


# --- years -----------------------------------------------------------------------------------------------------------
def two_years() -> tuple[Sheets, Sheets]:
    first, last = sheets(2030), sheets(2040)
    first["Global"] += [["Discount rate", 0.03, None], ["CO2 budget", 1000, None], ["Cost budget", "inf", None]]
    last["Global"] += [["Weight", 5, None], ["Cost limit", 1e9, None]]
    for sheet in ("Process", "Storage", "Transmission"):
        header = last[sheet][0]
        kept = [i for i, name in enumerate(header) if not name.startswith("inst-cap") and name != "lifetime"]
        last[sheet] = [[row[i] for i in kept] for row in last[sheet]]
    return first, last


def test_what_stands_in_the_first_file_is_repeated_in_the_later_ones_that_lack_the_columns(
    db: Database, tmp_path: Path
) -> None:
    bring(db, tmp_path, *two_years())
    assert effective(db, "process", ("process", "year", "existing_mw", "existing_life"))[-2:] == [
        ("Turbine", 2030, 3, 12),
        ("Turbine", 2040, 3, 12),
    ]
    assert effective(db, "storage", ("year", "e_existing", "existing_life")) == [(2030, 8, 5), (2040, 8, 5)]
    assert effective(db, "model_year", ("year", "stands_for")) == [(2030, 10), (2040, 5)]
    assert effective(db, "site", ("site", "discount_rate")) == [("Port", 0.03), ("Town", 0.03)]
    limits = effective(db, "limit", ('"limit"', "year", "value", "per"))
    assert [row for row in limits if "CO2" in str(row[0]) or "Cost" in str(row[0])] == [
        ("CO2 budget", 2030, 1000, "horizon"), ("CO2 budget", 2040, 1000, "horizon"),
        ("CO2 limit", 2030, None, "year"), ("CO2 limit", 2040, None, "year"),
        ("Cost budget", 2030, None, "horizon"), ("Cost budget", 2040, None, "horizon"),
        ("Cost limit", 2040, 1e9, "year"),
    ]  # fmt: skip


def test_the_year_of_a_single_file_is_its_own_else_the_one_asked_for_else_that_of_the_scenario(
    db: Database, tmp_path: Path
) -> None:
    bring(db, tmp_path, sheets(None), year=2031)
    assert effective(db, "process", ("year",))[0] == (2031,)
    again = bring(db, tmp_path, sheets(None))
    assert not again.changed
    assert "year-assumed" not in {f.code for f in again.findings}
    assert "but --year 2031 is asked for" in problems_of(db, tmp_path, sheets(2030), year=2031)[0]


def problems_of(db: Database, tmp_path: Path, *contents: Sheets, **options: Any) -> list[str]:
    with pytest.raises(ProblemsError) as caught:
        bring(db, tmp_path, *contents, **options)
    return [str(p) for p in caught.value.problems]


def test_a_year_that_nobody_names_is_a_warning(db: Database, tmp_path: Path) -> None:
    report = bring(db, tmp_path, sheets(None))
    assert [f.severity for f in report.findings if f.code == "year-assumed"] == ["warning"]


def test_several_files_need_years_and_the_last_its_weight(db: Database, tmp_path: Path) -> None:
    first, last = two_years()
    last["Global"] = [row for row in last["Global"] if row[0] != "Weight"]
    assert "the property Weight is missing" in problems(db, tmp_path, first, last)[0]
    last["Global"][1][1] = 2030
    assert "2030 is also the year of 0.xlsx" in problems(db, tmp_path, first, last)[0]
    del last["Global"][1]
    assert "does not say its year" in problems(db, tmp_path, first, last)[0]


# --- what is refused -------------------------------------------------------------------------------------------------
REFUSED = [
    (("Commodity", 4, "Commodity", "Grids"), "Process-Commodity, row 7, column Commodity: 'Grid' of 'Buying' is not in sheet Commodity"),
    (("Commodity", 4, "Commodity", "Grids"), "Did you mean 'Grids'?"),
    (("Commodity", 3, "Site", "Twon"), "row 3, column Site: 'Twon' is not in sheet Site. Did you mean 'Town'?"),
    (("Commodity", 8, "Type", "Stock"), "'Power' is of type Stock here and of type Demand in row 6"),
    (("Commodity", 3, "Type", "Stok"), "'Stok' is not allowed. Did you mean 'Stock'?"),
    (("Commodity", 3, "price", "inf"), "a price can't be endless"),
    (("Commodity", 3, "price", None), "a commodity of type Stock needs a price"),
    (("Commodity", 3, "price", "30 EUR"), "row 3, column price: '30 EUR' is not a number"),
    (("Process", 2, "cap-up", 1), "inst-cap 3 is above cap-up 1"),
    (("Process", 2, "wacc", None), "wacc is blank, but urbs needs a number"),
    (("Process", 2, "depreciation", 0), "'0' years can't be"),
    (("Process", 2, "cap-lo", "inf"), "cap-lo can't be unlimited"),
    (("Process", 3, "min-fraction", 1), "leaves no range of load"),
    (("Process", 3, "Process", "Engin"), "'Engin' is not in sheet Process-Commodity. Did you mean 'Engine'?"),
    (("Process", 3, "wacc", True), "'True' is not a number"),
    (("Process-Commodity", 2, "ratio", 0.2), "the availability of 'Turbine' at 'Town' rises to 2, above its capacity"),
    (("Process-Commodity", 4, "Commodity", "Wind"), "a SupIm input sets the load by itself"),
    (("Process-Commodity", 2, "Direction", "Inn"), "'Inn' is not allowed. Did you mean 'In'?"),
    (("Storage", 2, "Commodity", "CO2"), "not in sheet Commodity at site 'Port'"),
    (("Storage", 2, "eff-out", 0), "an efficiency of 0 can't be"),
    (("Transmission", 2, "Site Out", "Town"), "a line can't lead to where it starts"),
    (("Transmission", 2, "Commodity", "Gas"), "lacks its other direction"),
    (("Demand", 1, "Town.Power", "Town.Powr"), "'Town.Powr' is not a commodity of type Demand. Did you mean 'Town.Power'?"),
    (("Demand", 1, "Town.Power", "Town"), "Write Site.Commodity, with one dot"),
    (("Demand", 4, "t", 7), "'7.0' stands where t = 2 is expected"),
    (("Demand", 4, "Town.Power", None), "the cell is blank, in step 2"),
    (("Demand", 4, "Town.Power", "many"), "row 4, column Town.Power: 'many' is no finite number, in step 2"),
    (("SupIm", 4, "Town.Wind", 1.5), "row 4, column Town.Wind: 1.5 in step 2 is not between 0 and 1"),
    (("Buy-Sell-Price", 1, "Grid", "Grit"), "'Grid' of type Buy has no column in sheet Buy-Sell-Price in 2030. Did you mean 'Grit'?"),
    (("TimeVarEff", 1, "Town.Engine", "Town.Motor"), "'Town.Motor' is not a process at a site"),
    (("Site", 2, "Name", "To.wn"), "the name 'To.wn' holds a dot"),
    (("Global", 2, "Property", "Support time frame"), "Did you mean 'Support timeframe'?"),
    (("Global", 2, "value", 2030.5), "'2030.5' is no calendar year"),
    (("Global", 3, "value", None), "CO2 limit has no value"),
    (("Site", 1, "Name", "Names"), "the column Name is missing. Did you mean 'Names'?"),
    (("Process", 1, "cap-up", "cap-upp"), "the column cap-up is missing. Did you mean 'cap-upp'?"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "said"), REFUSED, ids=[f"{c[0]} {c[2]} {c[3]}" for c, _ in REFUSED])
def test_refused(db: Database, tmp_path: Path, change: tuple[str, int, str, object], said: str) -> None:
    found = problems(db, tmp_path, changed(*change))
    assert any(said in text for text in found), found


def with_column(sheet: str, name: str, values: list[object]) -> Sheets:
    content = sheets()
    for row, value in zip(content[sheet], [name, *values], strict=False):
        row.append(value)
    return content


def test_direct_current_power_flow_is_refused_by_name(db: Database, tmp_path: Path) -> None:
    found = problems(db, tmp_path, with_column("Transmission", "reactance", [0.1, 0]))
    assert len(found) == 1
    assert (
        "row 2, column reactance: the column reactance is not covered. Direct-current power flow can't be kept"
        in found[0]
    )


def test_switches_of_later_versions_of_urbs_are_refused_by_name(db: Database, tmp_path: Path) -> None:
    assert "column on-off is not covered" in problems(db, tmp_path, with_column("Process", "on-off", [0, 1, 0, 0]))[0]
    assert "weight_typeperiod" in problems(db, tmp_path, with_column("Demand", "weight_typeperiod", [1] * 5))[0]


def test_two_supplies_of_one_process_are_refused(db: Database, tmp_path: Path) -> None:
    content = sheets()
    content["Commodity"].append(["Town", "Sun", "SupIm", None, None, None])
    content["Process-Commodity"].append(["Turbine", "Sun", "In", 1, None])
    for t, row in enumerate(content["SupIm"]):
        row.append(0.1 if t else "Town.Sun")
    assert "two inputs of type SupIm" in problems(db, tmp_path, content)[0]


def test_an_outdated_column_says_its_new_name(db: Database, tmp_path: Path) -> None:
    content = changed("Commodity", 1, "maxperhour", "maxperstep")
    assert any("It is called maxperhour now" in text for text in problems(db, tmp_path, content))


def test_sheets_of_different_steps_are_refused(db: Database, tmp_path: Path) -> None:
    content = sheets()
    del content["SupIm"][-1]
    assert "the sheet has 3 steps, but sheet Demand has 4" in problems(db, tmp_path, content)[0]


def test_a_missing_and_a_misspelt_sheet_are_named(db: Database, tmp_path: Path) -> None:
    content = sheets()
    content["Processes"] = content.pop("Process")
    content["Storages"] = content.pop("Storage")
    found = problems(db, tmp_path, content)
    assert any("the sheet Process is missing. Did you mean 'Processes'?" in text for text in found)
    assert any("'Storages' is no sheet of urbs. Did you mean 'Storage'?" in text for text in found)


def test_a_formula_without_result_is_named_and_na_is_blank(db: Database, tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", **sheets())
    workbook = openpyxl.load_workbook(path)
    workbook["Process"]["I2"] = "=1000*1000"
    workbook["Process"]["N2"] = "#N/A"
    workbook.save(path)
    with pytest.raises(ProblemsError) as caught:
        run_import(db, "urbs", path, scenario="base")
    assert ["row 2, column inv-cost: the formula holds no result" in str(p) for p in caught.value.problems] == [True]


# --- what is only said -----------------------------------------------------------------------------------------------
def codes(report: Any) -> dict[str, str]:
    return {f.code: f.severity for f in report.findings}


def test_what_urbs_ignores_is_named(db: Database, tmp_path: Path) -> None:
    content = with_column("Process", "startup-cost", [0, 9, 0, 0])
    content["Process-Commodity"].append(["Idle", "Gas", "In", 1, None])
    content["Notes"] = [["anything"]]
    report = bring(db, tmp_path, content)
    assert codes(report)["ignored-startup-cost"] == "warning"
    said = " ".join(f.message for f in report.findings)
    assert "1 rows of what stands at no site: Idle" in said
    assert "urbs has no such sheet" in said
    assert "row t = 0" in said


def test_a_price_without_end_of_what_can_t_be_had_is_taken_as_0(db: Database, tmp_path: Path) -> None:
    content = changed("Commodity", 3, "price", "inf")
    content["Commodity"][2][4] = 0
    assert codes(bring(db, tmp_path, content))["price-infinite"] == "warning"
    assert effective(db, "commodity", ("commodity", "price", "max_mwh"))[1] == ("Gas", 0, 0)


def test_without_prices_nothing_is_bought_or_sold(db: Database, tmp_path: Path) -> None:
    content = sheets()
    del content["Buy-Sell-Price"]
    assert codes(bring(db, tmp_path, content))["no-prices"] == "warning"
    assert effective(db, "commodity", ("commodity", "bought", "sold"))[2] == ("Grid", None, None)
    assert effective(db, "limit", ('"limit"',)) == [("CO2 limit",)]


def test_a_limit_on_co2_without_co2_is_a_warning(db: Database, tmp_path: Path) -> None:
    content = changed("Commodity", 7, "Commodity", "co2")
    content["Process-Commodity"][5][1] = "co2"
    content["Global"][2][1] = 100
    assert codes(bring(db, tmp_path, content))["limit-idle"] == "warning"


def test_a_report_of_problems_names_the_warnings_too(db: Database, tmp_path: Path) -> None:
    content = changed("Process", 2, "wacc", None)
    content["Process-Commodity"][4][1:3] = ["CO2", "Out"]
    del content["Process-Commodity"][5]
    with pytest.raises(ProblemsError, match="1 warning besides") as caught:
        bring(db, tmp_path, content)
    assert [w.code for w in caught.value.warnings] == ["only-emissions"]


# --- recognised, and again -------------------------------------------------------------------------------------------
def test_recognised_by_content_and_unchanged_when_brought_again(db: Database, tmp_path: Path) -> None:
    assert bring(db, tmp_path, *two_years()).revision is not None
    again = run_import(db, "auto", tmp_path / "study", scenario="base")
    assert again.format == "urbs"
    assert not again.changed


def test_a_folder_without_workbooks_is_refused(db: Database, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no .xlsx workbook"):
        run_import(db, "urbs", tmp_path / "empty", scenario="base")


# --- spoilt files ----------------------------------------------------------------------------------------------------
def test_spoilt_workbooks_are_read_or_reported(db: Database, tmp_path: Path) -> None:
    path = tmp_path / "spoilt.xlsx"
    refused = 0
    for name, content in fuzz.spoilt_books(sheets(), 45, seed=4):
        fuzz.write_book(path, content)
        error = fuzz.meets(lambda: run_import(db, "urbs", path, scenario="base", year=None))
        refused += error is not None
        assert error is None or "xlsx" in str(error), name
    assert 20 < refused < 45


def test_spoilt_bytes_are_read_or_reported(db: Database, tmp_path: Path) -> None:
    whole = book(tmp_path / "whole.xlsx", **sheets())
    path = tmp_path / "spoilt.xlsx"
    for name in fuzz.spoilt_bytes(whole, path, 18, seed=5):
        error = fuzz.meets(lambda: run_import(db, "urbs", path, scenario="base"))
        assert error is None or "spoilt.xlsx" in str(error), name
    for name in fuzz.hostile_archives(whole, path):
        error = fuzz.meets(lambda: run_import(db, "urbs", path, scenario="base"))
        assert error is not None or name.startswith("a part "), name
    assert not (tmp_path.parent / "outside.xml").exists()
