"""The pipeline of all imports: checks, units, conflicts, years, places, provenance, dry run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
import shapely

from dhsdb import edits, scenarios
from dhsdb.errors import Problem, ProblemsError, UnknownNameError, UserError
from dhsdb.importers.pipeline import run_import
from dhsdb.importers.registry import formats, recognise
from dhsdb.importers.rows import Rows, Series
from tests.importers.books import Given, book, bring, count, effective, table

if TYPE_CHECKING:
    from dhsdb.database import Database
    from dhsdb.importers.pipeline import ImportReport

PRICE = ("site", "commodity", "price")
PRICES = ("year", "commodity", "price")
REVISIONS = "SELECT count(*) FROM meta.revision"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "study.dat"
    path.write_bytes(b"content")
    return path


def prices(
    file: Path, *lines: tuple[object, ...], columns: tuple[str, ...] = (*PRICE, "year"), **facts: object
) -> Rows:
    return table("commodity", file, columns, *(("c", *line) for line in lines), **facts)


# --- what an import leaves -------------------------------------------------------------------------------------------
def test_an_import_is_one_revision_with_its_source_and_place(db: Database, file: Path) -> None:
    frame = pd.DataFrame({"site": ["c", "c"], "commodity": ["gas", "heat"], "price": [35.0, np.nan], "_row": [2, 7]})
    report = bring(db, file, Rows("commodity", frame, file, sheet="prices"), message="first prices")
    assert (report.revision, report.n_set, report.n_removed, report.changed) == (2, {"commodity": 2}, 0, True)
    revision = db.sql("SELECT * FROM revisions WHERE revision = 2").to_pylist()[0]
    assert (revision["message"], revision["kind"], revision["n_set"]) == ("first prices", "import", 2)
    assert revision["sha256"] == "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73"
    assert revision["attribution"] == report.attribution == "© the test"
    kept = db.sql(
        "SELECT commodity, price, sheet, source_row, f.file FROM layer.commodity JOIN meta.source AS f USING (source)"
    )
    assert [tuple(row.values()) for row in kept.to_pylist()] == [
        ("gas", 35.0, "prices", 2, str(file)),
        ("heat", None, "prices", 7, str(file)),
    ]


def test_the_same_content_twice_makes_no_second_revision(db: Database, file: Path) -> None:
    items = [
        table("model_year", file, ("year",), (2030,), (2040,)),
        prices(file, ("gas", 35, None), ("gas", 50, 2040), ("el", None, None)),
        table("heat_source", file, ("heat_source", "geometry"), ("a", shapely.Point(385000, 6672000)), epsg=3067),
        Series("load", np.array([0.5, 0.5]), "share", file),
    ]
    assert bring(db, file, *items).changed
    before = count(db, REVISIONS)
    for rule in ("replace", "keep", "merge"):
        report = bring(db, file, *items, on_conflict=rule)
        assert (report.revision, report.n_set, report.changed) == (None, {}, False)
    assert count(db, REVISIONS) == before


def test_only_rows_that_differ_are_written(db: Database, file: Path) -> None:
    bring(db, file, prices(file, ("gas", 35, None), ("el", 60, None)))
    report = bring(db, file, prices(file, ("gas", 35, None), ("el", 61, None)))
    assert report.n_set == {"commodity": 1}
    assert effective(db, "commodity", PRICES) == [(None, "el", 61.0), (None, "gas", 35.0)]


def test_an_older_revision_still_reads_as_it_was(db: Database, file: Path) -> None:
    first = bring(db, file, prices(file, ("gas", 35, None), ("el", 60, None)))
    bring(db, file, prices(file, ("gas", 40, None)))
    old = db.sql("SELECT commodity, price FROM input.commodity_at('base', ?) ORDER BY 1", [first.revision]).to_pylist()
    assert [tuple(row.values()) for row in old] == [("el", 60.0), ("gas", 35.0)]
    assert effective(db, "commodity", PRICES) == [(None, "gas", 40.0)]


def test_a_derived_scenario_stores_only_what_differs_from_its_base(db: Database, file: Path) -> None:
    bring(db, file, prices(file, ("gas", 35, None), ("el", 60, None)))
    scenarios.derive(db, "high", "base")
    report = bring(db, file, prices(file, ("gas", 70, None), ("el", 60, None)), scenario="high")
    assert report.n_set == {"commodity": 1}
    assert effective(db, "commodity", PRICES, "high") == [(None, "el", 60.0), (None, "gas", 70.0)]
    assert effective(db, "commodity", PRICES) == [(None, "el", 60.0), (None, "gas", 35.0)]


def test_a_dry_run_tells_all_and_writes_nothing(db: Database, file: Path) -> None:
    bring(db, file, prices(file, ("gas", 35, None), ("el", 60, None)), table("model_year", file, ("year",), (2030,)))
    before = db.sql("FROM meta.revision").to_pylist()
    report = bring(db, file, prices(file, ("gas", 70, None), ("oil", 9, None)), dry_run=True)
    assert (report.revision, report.changed, report.dry_run) == (None, True, True)
    assert report.diff
    assert [(s.table, s.cells, s.added, s.removed) for s in report.diff.summary] == [("commodity", 1, 1, 1)]
    lines = [
        (row["change"], row["keys"], row["year"], row["column"], row["old"], row["new"])
        for row in report.diff.changes.rows()
    ]
    assert ("changed", ["c", "gas"], None, "price", "35.0", "70.0") in lines
    assert db.sql("FROM meta.revision").to_pylist() == before
    assert effective(db, "commodity", PRICES) == [(2030, "el", 60.0), (2030, "gas", 35.0)]
    assert bring(db, file, prices(file, ("x", 1, None)), scenario="new", dry_run=True).changed
    assert count(db, "SELECT count(*) FROM meta.scenario") == 1


def test_an_import_without_rows_leaves_no_scenario(db: Database, file: Path) -> None:
    report = bring(db, file)
    assert [f.code for f in report.findings] == ["empty"]
    assert count(db, "SELECT count(*) FROM meta.scenario") == 0


# --- conflicts -------------------------------------------------------------------------------------------------------
def test_replace_sets_whole_rows_and_keep_and_merge_do_not(db: Database, file: Path) -> None:
    columns = ("site", "commodity", "price", "voll")
    bring(db, file, table("commodity", file, columns, ("c", "gas", 35, 1000)))
    new = table("commodity", file, columns, ("c", "gas", 40, None), ("c", "oil", 9, None))
    assert bring(db, file, new, on_conflict="keep").n_set == {"commodity": 1}
    assert effective(db, "commodity", columns[1:]) == [("gas", 35.0, 1000.0), ("oil", 9.0, None)]
    assert bring(db, file, new, on_conflict="merge").n_set == {"commodity": 1}
    assert effective(db, "commodity", columns[1:]) == [("gas", 40.0, 1000.0), ("oil", 9.0, None)]
    assert bring(db, file, new).n_set == {"commodity": 1}
    assert effective(db, "commodity", columns[1:]) == [("gas", 40.0, None), ("oil", 9.0, None)]


@pytest.mark.parametrize("rule", ["replace", "merge"])
def test_a_row_of_every_year_also_wins_over_edits_of_single_years(db: Database, file: Path, rule: str) -> None:
    bring(db, file, table("model_year", file, ("year",), (2030,), (2040,)), prices(file, ("gas", 35, None)))
    edits.set_cells(db, "base", "commodity.price", 99.0, year=2040, message="a test of scarcity")
    assert effective(db, "commodity", PRICES) == [(2030, "gas", 35.0), (2040, "gas", 99.0)]
    assert bring(db, file, prices(file, ("gas", 36, None)), on_conflict=rule).changed
    assert effective(db, "commodity", PRICES) == [(2030, "gas", 36.0), (2040, "gas", 36.0)]


def test_a_row_of_one_year_leaves_the_others_alone(db: Database, file: Path) -> None:
    bring(db, file, table("model_year", file, ("year",), (2030,), (2040,)), prices(file, ("gas", 35, None)))
    bring(db, file.with_name("b"), prices(file.with_name("b"), ("gas", 50, 2040)))
    assert effective(db, "commodity", PRICES) == [(2030, "gas", 35.0), (2040, "gas", 50.0)]


def test_keep_brings_only_the_years_that_lack_a_row(db: Database, file: Path) -> None:
    bring(db, file, table("model_year", file, ("year",), (2030,), (2040,)), prices(file, ("gas", 50, 2040)))
    bring(db, file, prices(file, ("gas", 35, None)), on_conflict="keep")
    assert effective(db, "commodity", PRICES) == [(2030, "gas", 35.0), (2040, "gas", 50.0)]


def test_partial_rows_set_the_cells_they_have(db: Database, file: Path) -> None:
    columns = ("site", "commodity", "price", "voll")
    bring(db, file, table("commodity", file, columns, ("c", "gas", 35, 1000)))
    new = prices(file, ("gas", 40), ("oil", 9), columns=PRICE, partial=True)
    assert bring(db, file, new).n_set == {"commodity": 2}
    assert effective(db, "commodity", columns[1:]) == [("gas", 40.0, 1000.0), ("oil", 9.0, None)]
    assert not bring(db, file, new).changed


# --- rows that a file no longer has ----------------------------------------------------------------------------------
def test_rows_that_the_same_file_no_longer_has_are_removed(db: Database, file: Path) -> None:
    other = file.with_name("other")
    bring(db, file, prices(file, ("gas", 35, None), ("el", 60, None)))
    bring(db, other, prices(other, ("oil", 9, None)))
    report = bring(db, file, prices(file, ("gas", 35, None)))
    assert (report.n_removed, report.n_set) == (1, {"commodity": 0})
    assert count(db, f"SELECT n_removed FROM meta.revision WHERE revision = {report.revision}") == 1
    assert effective(db, "commodity", PRICES) == [(None, "gas", 35.0), (None, "oil", 9.0)]
    assert not bring(db, file, prices(file, ("gas", 35, None))).changed


def test_a_year_that_a_file_no_longer_has_leaves_the_rows_of_other_years_as_they_are(db: Database, file: Path) -> None:
    bring(db, file, prices(file, ("gas", 35, 2030), ("gas", 50, 2040), ("el", 60, None), ("el", 70, 2040)))
    report = bring(db, file, prices(file, ("gas", 35, 2030), ("el", 60, None)))
    assert (report.n_removed, report.n_set) == (2, {"commodity": 0}), "el of every year now holds for 2040 too"
    assert effective(db, "commodity", PRICES) == [(2030, "el", 60.0), (2030, "gas", 35.0), (2040, "el", 60.0)]
    origin = "SELECT origin FROM layer.commodity WHERE commodity = 'gas' AND rev_to IS NULL"
    assert count(db, origin) < report.revision


def test_lean_rows_are_whole_where_those_below_them_are_removed(db: Database, file: Path) -> None:
    lean = prices(file, ("gas", 35), columns=PRICE, partial=True)
    for year in (2030, 2040):
        bring(db, file, lean, year=year)
    assert bring(db, file, lean).n_removed == 2
    assert effective(db, "commodity", PRICES) == [(2030, "gas", 35.0), (2040, "gas", 35.0)]
    assert bring(db, file, lean, year=2040).n_removed == 0
    assert effective(db, "commodity", PRICES) == [(2030, "gas", 35.0), (2040, "gas", 35.0)]
    assert not bring(db, file, lean).changed


def test_rows_of_a_base_come_back_when_a_file_no_longer_replaces_them(db: Database, file: Path) -> None:
    bring(db, file, prices(file, ("gas", 35, None)))
    scenarios.derive(db, "high", "base")
    bring(db, file, prices(file, ("gas", 70, None)), scenario="high")
    bring(db, file, prices(file), scenario="high")
    assert effective(db, "commodity", PRICES, "high") == [(None, "gas", 35.0)]


def test_an_import_for_one_year_or_site_or_box_removes_nothing_else(db: Database, file: Path) -> None:
    bring(db, file, prices(file, ("gas", 35), columns=PRICE), year=2030)
    bring(db, file, prices(file, ("gas", 50), columns=PRICE), year=2040)
    assert effective(db, "commodity", PRICES) == [(2030, "gas", 35.0), (2040, "gas", 50.0)]
    assert not bring(db, file, prices(file, columns=PRICE), bbox=(24.0, 60.0, 25.0, 61.0)).changed
    assert not bring(db, file, prices(file, columns=PRICE), site="elsewhere").changed
    assert bring(db, file, prices(file, columns=PRICE), site="c").n_removed == 2


def test_a_file_is_the_same_from_any_folder_and_two_of_one_name_are_two(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = {city: tmp_path / city for city in ("east", "west")}
    for city, folder in places.items():
        folder.mkdir()
        monkeypatch.chdir(folder)
        assert (
            bring(db, Path("fuels.dat"), prices(Path("fuels.dat"), (city, 35, None), ("all", 9, None))).n_removed == 0
        )
    assert effective(db, "commodity", PRICES) == [(None, "all", 9.0), (None, "east", 35.0), (None, "west", 35.0)]
    monkeypatch.chdir(tmp_path)
    whole = places["east"] / "fuels.dat"
    assert bring(db, whole, prices(whole, ("all", 8, None))).n_removed == 1
    assert bring(db, Path("east/fuels.dat"), prices(Path("east/fuels.dat"), ("new", 9, None))).n_removed == 1
    assert effective(db, "commodity", PRICES) == [(None, "new", 9.0), (None, "west", 35.0)]
    assert db.sql("SELECT DISTINCT file FROM meta.source ORDER BY 1")["file"].to_pylist() == [
        str(places["east"] / "fuels.dat"),
        "east/fuels.dat",
        "west/fuels.dat",
    ]


def test_a_file_that_is_gone_from_its_folder_takes_along_what_it_alone_brought(db: Database, tmp_path: Path) -> None:
    def files(*names: str) -> list[Path]:
        return [tmp_path / "study" / name for name in names]

    def again(*items: Rows) -> ImportReport:
        return run_import(db, Given(*items), tmp_path / "study", scenario="base")

    (tmp_path / "study").mkdir()
    a, b, renamed = files("2030.dat", "2040.dat", "later.dat")
    for path in (a, b):
        path.write_bytes(b"content")
    dear = prices(b, ("gas", 50, 2040), ("el", 60, 2040))
    again(prices(a, ("gas", 35, 2030)), dear, table("site", b, ("site",), ("c",)))
    b.rename(renamed)
    report = again(prices(a, ("gas", 35, 2030)), prices(renamed, ("gas", 50, 2040)))
    assert report.n_removed == 2, "a price and the site; what the new name has stays"
    assert report.n_set == {"commodity": 0, "site": 0}
    assert [(f.code, f.file) for f in report.findings if f.severity == "info"] == [("file-gone", str(b))]
    assert effective(db, "commodity", PRICES) == [(2030, "gas", 35.0), (2040, "gas", 50.0)]
    assert effective(db, "site", ("site",)) == []
    assert not again(prices(a, ("gas", 35, 2030)), prices(renamed, ("gas", 50, 2040))).changed


# --- checks ----------------------------------------------------------------------------------------------------------
def test_all_mistakes_stand_in_one_report_and_nothing_is_written(db: Database, tmp_path: Path) -> None:
    path = book(
        tmp_path / "bad.xlsx",
        commodity=[
            ["site", "commodity", "prise", "balance", "voll", "bought", "max_mw"],
            ["c", "gas", 1, "equa", "abc", "maybe", -1],
            [None, "el", None, None, "NaN", True, True],
            ["c", "gas", None, None, None, None, "12"],
        ],
        procss=[["site"]],
        site=[["site", "year", "depreciation_method"], ["a", 2030, 1.5], ["b", None, 7]],
        storage=[["site", "storage", "e_existing [kW]"], ["c", "tank", 5]],
        model_year=[["year"], ["x"], [2030.5], [99999]],
    )
    with pytest.raises(ProblemsError) as caught:
        run_import(db, "excel", path, scenario="base")
    found = {(p.sheet, p.row, p.column, p.value) for p in caught.value.problems}
    assert found == {
        ("commodity", 1, "prise", None),
        ("commodity", 2, "balance", "equa"),
        ("commodity", 2, "voll", "abc"),
        ("commodity", 2, "bought", "maybe"),
        ("commodity", 2, "max_mw", -1.0),
        ("commodity", 3, "site", None),
        ("commodity", 3, "voll", "NaN"),
        ("commodity", 3, "max_mw", True),
        ("commodity", 4, "max_mw", "12"),
        ("commodity", 4, "", None),
        ("procss", None, "", "procss"),
        ("site", 2, "year", 2030.0),
        ("site", 2, "depreciation_method", 1.5),
        ("site", 3, "depreciation_method", 7.0),
        ("storage", None, "e_existing", "kW"),
        ("model_year", 2, "year", "x"),
        ("model_year", 3, "year", 2030.5),
        ("model_year", 4, "year", 99999.0),
    }
    text = str(caught.value)
    assert (
        f"{path}, sheet commodity, row 1, column prise: table commodity has no column 'prise'. Did you mean 'price'?"
        in text
    )
    assert "'equa' is not allowed. Did you mean 'equal'? Allowed: none, equal, surplus." in text
    assert "commodity has the key (site c, commodity gas) twice, first in" in text
    assert "'procss' is no input table. Did you mean 'process'?" in text
    assert count(db, "SELECT count(*) FROM meta.scenario") == 0


def test_many_mistakes_of_one_column_do_not_hide_the_others(db: Database, file: Path) -> None:
    lines = [(f"c{i}", "dear", "much") for i in range(1500)]
    rows = table("commodity", file, ("site", "commodity", "price", "voll", "prise"), *(("c", *x, 1) for x in lines))
    rows.frame["_row"] = range(2, len(lines) + 2)
    with pytest.raises(ProblemsError) as caught:
        bring(db, file, rows)
    shown = caught.value.message.splitlines()
    assert shown[0] == "3001 problems in study.dat; nothing was written."
    assert [line.strip() for line in shown if "(+" in line] == [
        "(+1495 more of column price)",
        "(+1495 more of column voll)",
    ]
    assert any("no column 'prise'" in line for line in shown)
    assert len(shown) < 20
    assert "--json" in caught.value.hint
    assert len(caught.value.problems) == 2 * 1001 + 1


def test_a_failed_import_is_noted_with_its_scenario_until_it_succeeds(db: Database, file: Path) -> None:
    scenarios.new(db, "base")
    for _ in range(2):
        with pytest.raises(ProblemsError, match="nothing was written"):
            bring(db, file, prices(file, ("gas", "dear", None)))
    with pytest.raises(ProblemsError):
        bring(db, file, prices(file, ("gas", "dear", None)), dry_run=True)
    noted = db.sql("SELECT code, location, severity FROM findings").to_pylist()
    assert noted == [{"code": "import-failed", "location": str(file), "severity": "warning"}]
    assert count(db, REVISIONS) == 1
    bring(db, file, prices(file, ("gas", 35, None)))
    assert count(db, "SELECT count(*) FROM findings WHERE code = 'import-failed'") == 0


def test_problems_of_the_importer_stop_it_and_its_warnings_are_kept(db: Database, file: Path) -> None:
    warning = Problem("half a street is missing.", str(file), severity="warning", code="clipped")
    report = bring(db, file, prices(file, ("gas", 35, None)), warning)
    assert report.findings[0] == warning
    kept = db.sql("SELECT revision, severity, code, location, message FROM findings WHERE code = 'clipped'").to_pylist()
    assert [tuple(row.values()) for row in kept] == [
        (report.revision, "warning", "clipped", str(file), "half a street is missing.")
    ]
    with pytest.raises(ProblemsError, match="broken"):
        bring(db, file, prices(file, ("gas", 36, None)), Problem("broken"))
    assert effective(db, "commodity", PRICES) == [(None, "gas", 35.0)]


def test_the_same_key_in_two_files_is_a_problem(db: Database, file: Path) -> None:
    with pytest.raises(ProblemsError, match=r"twice, first in .*study\.dat"):
        bring(db, file, prices(file, ("gas", 35, 2030)), prices(file.with_name("b"), ("gas", 36, 2030)))


def test_whole_numbers_bounds_and_choices_hold_after_conversion(db: Database, file: Path) -> None:
    columns = ("pipe_type", "diameter_m")
    units = {"diameter_m": "mm"}
    bring(db, file, table("pipe_type", file, columns, ("DN100", 107.1), units=units))
    assert effective(db, "pipe_type", columns) == [("DN100", 0.1071)]
    with pytest.raises(ProblemsError, match="'4000' mm is out of bounds. Allowed: 0 to 3 m"):
        bring(db, file, table("pipe_type", file, columns, ("DN4000", 4000), units=units))


def test_numbers_name_things_without_their_point(db: Database, file: Path) -> None:
    rows = table(
        "process_mode", file, ("site", "process", "mode", "variable"), ("c", "chp", 1.0, 2), (" c ", "chp", 2, 3)
    )
    bring(db, file, rows)
    assert effective(db, "process_mode", ("site", "mode", "variable")) == [("c", "1", 2.0), ("c", "2", 3.0)]


# --- units and money -------------------------------------------------------------------------------------------------
def test_units_are_converted_and_the_source_unit_is_kept(db: Database, file: Path) -> None:
    columns = ("site", "process", "cap_max", "capital")
    rows = table("process", file, columns, ("c", "boiler", 4500, 60), units={"cap_max": "kW", "capital": "kEUR/MW"})
    report = bring(db, file, rows, table("model_option", file, ("option", "value"), ("currency", "EUR")))
    assert effective(db, "process", columns[2:]) == [(4.5, 60000.0)]
    assert [f.message for f in report.findings if f.code == "unit-converted"] == [
        "process.cap_max was converted from kW to MW (divided by 1000).",
        "process.capital was converted from kEUR/MW to money/MW (times 1000).",
    ]
    assert count(db, "SELECT count(*) FROM findings WHERE code = 'unit-converted' AND severity = 'info'") == 2


def test_a_unit_of_another_kind_is_a_problem_with_its_column(db: Database, file: Path) -> None:
    rows = table("process", file, ("site", "process", "cap_max"), ("c", "boiler", 5), units={"cap_max": "MWh"})
    with pytest.raises(ProblemsError, match="column cap_max: 'MWh' is not a unit of MW"):
        bring(db, file, rows)


def test_what_grows_beyond_all_numbers_in_a_conversion_is_a_problem(db: Database, file: Path) -> None:
    rows = table("process", file, ("site", "process", "cap_max"), ("c", "boiler", 1e308), units={"cap_max": "GW"})
    with pytest.raises(ProblemsError, match=r"column cap_max: '1e\+308' GW is too large to be converted"):
        bring(db, file, rows)


def test_currencies_are_never_mixed(db: Database, file: Path) -> None:
    sek = prices(file, ("gas", 400), columns=PRICE, units={"price": "SEK/MWh"})
    report = bring(db, file, sek)
    assert [f.code for f in report.findings] == ["currency", "unknown-reference"]
    edits_in = table("model_option", file, ("option", "value"), ("currency", "EUR"))
    with pytest.raises(ProblemsError, match="amounts are in SEK, but the scenario's currency is EUR"):
        bring(db, file, sek, edits_in)
    bring(db, file, edits_in)
    with pytest.raises(ProblemsError, match="amounts are in SEK"):
        bring(db, file, sek)
    eur = table("emission", file, ("site", "emission", "price"), ("c", "CO2", 75), units={"price": "EUR/t"})
    with pytest.raises(ProblemsError, match="several currencies: EUR, SEK"):
        bring(db, file, sek, eur)


def test_the_currency_of_a_scenario_is_not_another_files_to_change(db: Database, file: Path) -> None:
    def says(path: Path, currency: str) -> Rows:
        return table("model_option", path, ("option", "value"), ("currency", currency))

    other = file.with_name("other")
    bring(db, file, prices(file, ("gas", 400, None)), says(file, "SEK"))
    for rule in ("replace", "keep", "merge"):
        with pytest.raises(ProblemsError, match="amounts are in EUR, but the scenario's currency is SEK"):
            bring(db, other, prices(other, ("oil", 50, None)), says(other, "EUR"), on_conflict=rule)
    scenarios.derive(db, "high", "base")
    with pytest.raises(ProblemsError, match="amounts are in EUR, but the scenario's currency is SEK"):
        bring(db, other, prices(other, ("oil", 50, None)), says(other, "EUR"), scenario="high")
    assert bring(db, other, says(other, "EUR"), scenario="high").changed, "options alone correct"
    assert bring(db, other, prices(other, ("oil", 50, None)), says(other, "eur"), scenario="high").changed
    assert bring(db, file, prices(file, ("gas", 400, None)), says(file, "EUR")).changed, "a file corrects itself"
    assert effective(db, "model_option", ("option", "value")) == [("currency", "EUR")]


def test_options_that_a_file_changes_for_all_that_is_there_are_told(db: Database, file: Path) -> None:
    def says(path: Path, *options: tuple[str, str]) -> Rows:
        return table("model_option", path, ("option", "value"), *options)

    plants = table("process", file, ("site", "process"), ("c", "boiler"))
    first = bring(db, file, plants, says(file, ("currency", "EUR"), ("periods", "4")))
    assert "option-changed" not in {f.code for f in first.findings}
    other = file.with_name("other")
    changes = says(other, ("accounting", "urbs"), ("currency", "EUR"), ("periods", "0"))
    told = [f.message for f in bring(db, other, changes).findings if f.code == "option-changed"]
    assert len(told) == 1
    assert told[0].endswith(
        "also for what it held before: accounting = urbs (before: not set), periods = 0 (before: 4)."
    )
    assert not bring(db, other, changes).findings


# --- years -----------------------------------------------------------------------------------------------------------
def test_years_that_rows_name_become_model_years_of_a_scenario_without_any(db: Database, file: Path) -> None:
    bring(db, file, prices(file, ("gas", 35, None), ("el", 60, 2040), ("el", 50, 2030)))
    assert effective(db, "model_year", ("year",)) == [(2030,), (2040,)]
    assert effective(db, "commodity", PRICES)[-1] == (2040, "gas", 35.0)


def test_other_years_are_a_finding(db: Database, file: Path) -> None:
    scenarios.new(db, "base", [2030])
    report = bring(db, file, prices(file, ("el", 60, 2040)))
    told = [(f.code, "2040" in f.message) for f in report.findings]
    assert told == [("year-not-modelled", True), ("unknown-reference", False)]
    assert effective(db, "model_year", ("year",)) == [(2030,)]


def test_the_year_asked_for_fills_blanks_and_is_declared(db: Database, file: Path) -> None:
    scenarios.new(db, "base", [2030])
    site = table("site", file, ("site",), ("c",))
    bring(db, file, prices(file, ("gas", 35, None), ("el", 60, 2030)), site, year=2040)
    assert effective(db, "model_year", ("year",)) == [(2030,), (2040,)]
    assert effective(db, "commodity", PRICES) == [(2030, "el", 60.0), (2040, "gas", 35.0)]
    assert effective(db, "site", ("site", "year")) == [("c", None)]


# --- places ----------------------------------------------------------------------------------------------------------
def sources(file: Path, *points: shapely.Point, epsg: int | None) -> Rows:
    lines = [(f"s{i}", point) for i, point in enumerate(points)]
    return table("heat_source", file, ("heat_source", "geometry"), *lines, epsg=epsg)


def points(db: Database, scenario: str = "base") -> list[shapely.Point]:
    return [shapely.from_wkb(wkb) for (wkb,) in effective(db, "heat_source", ("ST_AsWKB(geometry)",), scenario)]


def epsg_of(db: Database) -> int:
    return count(db, "SELECT epsg FROM meta.scenario WHERE name = 'base'")


def test_degrees_become_the_local_utm_zone(db: Database, file: Path) -> None:
    bring(db, file, sources(file, shapely.Point(24.94, 60.17), epsg=4326))
    assert epsg_of(db) == 32635
    assert points(db)[0].distance(shapely.Point(385700.42, 6672126.74)) < 0.01


def test_a_system_in_metres_stays_and_what_comes_later_is_brought_into_it(db: Database, file: Path) -> None:
    helsinki = shapely.Point(25496000, 6672000)
    bring(db, file, sources(file, helsinki, epsg=3879))
    assert (epsg_of(db), points(db)) == (3879, [helsinki])
    scenarios.derive(db, "more", "base")
    other = file.with_name("other")
    bring(
        db,
        other,
        table("plant_site", other, ("plant", "geometry"), ("p", shapely.Point(24.94, 60.17)), epsg=4326),
        scenario="more",
    )
    plant = shapely.from_wkb(effective(db, "plant_site", ("ST_AsWKB(geometry)",), "more")[0][0])
    assert abs(plant.x - 25_496_671) < 1000
    assert abs(plant.y - 6_672_900) < 1000
    assert count(db, "SELECT count(*) FROM meta.scenario WHERE epsg = 3879") == 2


def test_the_system_asked_for_must_fit_and_agree(db: Database, file: Path) -> None:
    place = sources(file, shapely.Point(24.94, 60.17), epsg=4326)
    with pytest.raises(UserError, match="EPSG:3857.*not made for this place"):
        bring(db, file, place, epsg=3857)
    bring(db, file, place, epsg=3067)
    assert epsg_of(db) == 3067
    with pytest.raises(UserError, match="in EPSG:3067, not EPSG:3879"):
        bring(db, file, place, epsg=3879)


@pytest.mark.parametrize(
    ("point", "epsg", "match"),
    [
        (shapely.Point(60.17, 124.94), 4326, "not on the globe"),
        (shapely.Point(1, 2), None, "coordinate system is not known"),
        (shapely.Point(1, 2), 99999, "EPSG:99999 is not a known"),
        (shapely.Point(np.nan, 2), 3067, "no finite coordinates"),
        ("here", 4326, "is not a geometry"),
    ],
)
def test_geometries_that_cannot_be_are_problems(
    db: Database, file: Path, point: object, epsg: int | None, match: str
) -> None:
    with pytest.raises(ProblemsError, match=match):
        bring(db, file, sources(file, point, epsg=epsg))  # type: ignore[arg-type]


# --- profiles --------------------------------------------------------------------------------------------------------
def test_profiles_are_stored_once_in_their_own_unit(db: Database, file: Path) -> None:
    load = Series("load", np.array([1000.0, 2000.0]), "power", file, unit="kW", text="measured")
    bring(db, file, load)
    assert effective(db, "profile_value", ("profile", "t", "value", "unit")) == [
        ("load", 1, 1.0, "MW"),
        ("load", 2, 2.0, "MW"),
    ]
    bring(db, file, Series("load", np.array([1.0, 2.0]), "power", file), scenario="other")
    assert count(db, "SELECT count(*) FROM meta.series") == 1
    assert effective(db, "profile", ("profile", "text")) == [("load", "measured")]


@pytest.mark.parametrize(
    ("name", "values", "kind", "unit", "match"),
    [
        ("a", [1.0], "powr", "", "Did you mean 'power'"),
        ("a", [1.0], "power", "MWh", "not a unit of MW"),
        ("a", [], "power", "", "has no values"),
        ("a", [1.0, np.nan], "power", "", "no finite number in step 2"),
        ("a", [1.0, 1e308], "power", "GW", "too large to be converted"),
        (" ", [1.0], "power", "", "can't name a profile"),
        ("#a", [1.0], "power", "", "can't name a profile"),
    ],
)
def test_profiles_are_checked(
    db: Database, file: Path, name: str, values: list[float], kind: str, unit: str, match: str
) -> None:
    with pytest.raises(ProblemsError, match=match):
        bring(db, file, Series(name, np.array(values), kind, file, unit=unit))


# --- arguments and formats -------------------------------------------------------------------------------------------
def test_arguments_are_checked_first(db: Database, file: Path) -> None:
    with pytest.raises(UnknownNameError, match="unknown format 'exel'"):
        run_import(db, "exel", file, scenario="base")
    with pytest.raises(UserError, match="there is no"):
        run_import(db, "excel", file.with_name("none"), scenario="base")
    with pytest.raises(UserError, match="no way to meet a conflict"):
        run_import(db, "excel", file, scenario="base", on_conflict="overwrite")
    with pytest.raises(UserError, match="past revision"):
        run_import(db, "excel", file, scenario="base@1")
    with pytest.raises(UserError, match="calendar year"):
        run_import(db, "excel", file, scenario="base", year=20300)
    with pytest.raises(UserError, match="can't name a scenario"):
        bring(db, file, prices(file, ("gas", 35, None)), scenario="a,b")


def test_formats_are_listed_and_recognised_by_content(tmp_path: Path) -> None:
    assert {"excel", "osm"} <= formats().keys()
    native = book(tmp_path / "study.dat", commodity=[["site"]])
    (tmp_path / "city.bin").write_bytes(b'<?xml version="1.0"?>\n<osm version="0.6"></osm>')
    strange = book(tmp_path / "other.xlsx", Tabelle1=[["x"]])
    assert recognise([native]) == "excel"
    assert recognise([tmp_path / "city.bin"]) == "osm"
    with pytest.raises(UserError, match="no format that is recognised"):
        recognise([strange])
    with pytest.raises(UserError, match="several formats: excel, osm"):
        recognise([native, tmp_path / "city.bin"])
