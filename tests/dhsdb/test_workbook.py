"""The native workbook written: a template that imports nothing, and exports that import to the same."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import openpyxl
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dhsdb import edits, scenarios
from dhsdb.errors import UserError
from dhsdb.importers.pipeline import run_import
from dhsdb.importers.rows import Rows, Series
from dhsdb.importers.workbooks import Workbook
from dhsdb.schema.catalog import INPUT
from dhsdb.workbook import PROFILE_SHEET, _Book, export_excel, write_template
from tests.importers.books import bring, effective, table

if TYPE_CHECKING:
    from pathlib import Path

    from dhsdb.database import Database

PRICES = ("year", "commodity", "price")


def contents(db: Database, scenario: str) -> dict[str, list[tuple[object, ...]]]:
    """Return all effective inputs of a scenario, geometries to the bit."""
    found = {}
    for name, cls in INPUT.items():
        columns = ["year", *(f"ST_AsWKB({c})" if c == "geometry" else f'"{c}"' for c in cls.own())]
        found[name] = effective(db, name, columns, scenario)
    return {name: rows for name, rows in found.items() if rows}


@pytest.fixture
def study(db: Database, tmp_path: Path) -> Database:
    """A scenario with something of every kind of column, on top of a base."""
    file = tmp_path / "study.dat"
    commodities = [
        ("c", "gas", "surplus", True, 35.1, None),
        ("c", "=1+1", None, False, 0.1 + 0.2, 2030),
        ("c", "=1+1", None, False, 1e-300, 2040),
        ("ü€𝄞 ", "12", "none", None, -5e-324, 2040),
        ("c", "_x0041_\r\n\t'quoted'", "equal", None, 1.5e308, None),
    ]
    coordinates = np.random.default_rng(1).uniform(385_000, 386_000, (1500, 2))
    places = [("p", shapely.LineString(coordinates), 123_456_789_012), ("q", None, None)]
    bring(
        db, file,
        table("model_year", file, ("year", "stands_for"), (2030, 10), (2040, None)),
        table("commodity", file, ("site", "commodity", "balance", "bought", "price", "year"), *commodities),
        table("street", file, ("street", "geometry", "osm_way"), *places, epsg=3067),
        table("site", file, ("site", "depreciation_method"), ("c", 2)),
        Series("load", np.array([0.1, 1 / 3, 1e-17, 7.0]), "power", file, text="measured ü"),
        Series("year", np.arange(8784.0), "temperature", file, start="2024-01-01T00:00", calendar="standard", step_h=0.5),
    )  # fmt: skip
    scenarios.derive(db, "high", "base")
    edits.set_cells(db, "high", "commodity.price", 1 / 3, where="commodity = 'gas'", year=2040, message="dearer gas")
    edits.set_cells(db, "high", "commodity.bought", None, where="commodity = 'gas'", message="unknown")
    return db


# --- round trip ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("scenario", ["base", "high"])
def test_what_was_exported_changes_nothing_and_makes_the_same_elsewhere(
    study: Database, tmp_path: Path, scenario: str
) -> None:
    path = tmp_path / "out" / "study.xlsx"
    assert export_excel(study, path, [scenario]) == [path]
    before = contents(study, scenario)
    report = run_import(study, "excel", path, scenario=scenario)
    assert (report.revision, report.changed) == (None, False)
    run_import(study, "excel", path, scenario="copy")
    assert contents(study, "copy") == before
    assert len(before) == 5
    assert study.sql("SELECT epsg FROM meta.scenario WHERE name = 'copy'").to_pylist() == [{"epsg": 3067}]


def test_an_edited_export_changes_what_was_edited(study: Database, tmp_path: Path) -> None:
    (path,) = export_excel(study, tmp_path / "a.xlsx", ["base"])
    book = openpyxl.load_workbook(path)
    sheet = book["commodity"]
    header = [cell.value for cell in sheet[1]]
    line = next(row for row in sheet.iter_rows(min_row=2) if row[1].value == "gas")
    assert line[header.index("year")].value is None
    line[header.index("price")].value = 50
    sheet.delete_rows(2)  # its price has 17 digits, of which openpyxl saves 16
    book.save(path)
    report = run_import(study, "excel", path, scenario="base")
    assert report.n_set == {"commodity": 1}
    assert [r for r in effective(study, "commodity", PRICES) if r[1] == "gas"] == [
        (2030, "gas", 50.0),
        (2040, "gas", 50.0),
    ]


def test_rows_that_are_alike_in_all_years_are_written_once(study: Database, tmp_path: Path) -> None:
    (path,) = export_excel(study, tmp_path / "a.xlsx", ["high"])
    rows = list(openpyxl.load_workbook(path)["commodity"].iter_rows(min_row=2, max_col=3, values_only=True))
    assert sorted(row[2] or 0 for row in rows if row[1] == "gas") == [2030, 2040]
    (path,) = export_excel(study, tmp_path / "a.xlsx", ["base"])
    rows = list(openpyxl.load_workbook(path)["commodity"].iter_rows(min_row=2, max_col=3, values_only=True))
    assert [row[2] for row in rows if row[1] == "gas"] == [None]


text = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=20)
cells = st.one_of(
    text, text.map(lambda t: f"={t}"), st.floats(allow_nan=False, allow_infinity=False), st.booleans(), st.none(),
    st.integers(-(2**53), 2**53), st.sampled_from(["#N/A", "TRUE", "1.5", "_x000D_", " ", "\r\n", "_x_"]),
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(st.lists(cells, min_size=3, max_size=3), min_size=1, max_size=8))
def test_cells_are_written_exactly(tmp_path: Path, lines: list[list[Any]]) -> None:
    book = _Book()
    book.plain_sheet("cells", [["first", 1, 2], *lines, ["last", 1, 2]], header_rows=1)
    book.save(tmp_path / "cells.xlsx")
    opened = Workbook(tmp_path / "cells.xlsx")
    found = opened.sheet("cells").rows[1:-1]  # type: ignore[union-attr]
    opened.close()
    assert found == lines
    assert [[type(a) for a in row if isinstance(a, bool)] for row in found] == [
        [type(a) for a in row if isinstance(a, bool)] for row in lines
    ]
    assert all(math.copysign(1, a) == math.copysign(1, b) for r, s in zip(found, lines, strict=True)
               for a, b in zip(r, s, strict=True) if isinstance(b, float))  # fmt: skip


# --- the template ----------------------------------------------------------------------------------------------------
def test_an_unedited_template_imports_nothing(db: Database, tmp_path: Path) -> None:
    path = write_template(tmp_path / "template.xlsx")
    report = run_import(db, "auto", path, scenario="base")
    assert (report.changed, [f.code for f in report.findings]) == (False, ["empty"])


def test_the_template_has_a_sheet_per_table_with_notes_and_choices(tmp_path: Path) -> None:
    book = openpyxl.load_workbook(write_template(tmp_path / "template.xlsx"))
    assert set(book.sheetnames) == {"readme", PROFILE_SHEET, *INPUT} - {"profile"}
    sheet = book["commodity"]
    header = {cell.value: cell for cell in sheet[1]}
    assert list(header) == ["_", "site", "commodity", "year", *INPUT["commodity"].cell_names()]
    assert "price of what is bought [money/MWh]" in header["price"].comment.text
    assert "One of: none, equal, surplus." in header["balance"].comment.text
    assert (sheet["A2"].value, sheet["C2"].value, sheet.freeze_panes) == ("#", "heat", "D2")
    rules = {str(rule.sqref).split("2:")[0]: rule.formula1 for rule in sheet.data_validations.dataValidation}
    assert rules[header["balance"].column_letter] == '"none,equal,surplus"'
    assert rules[header["bought"].column_letter] == '"TRUE,FALSE"'


def test_the_examples_of_the_template_are_rows_that_would_import(db: Database, tmp_path: Path) -> None:
    path = write_template(tmp_path / "template.xlsx")
    book = openpyxl.load_workbook(path)
    for sheet in book.worksheets:
        if sheet.title in INPUT and sheet["A2"].value == "#":
            sheet["A2"].value = None
    book.save(path)
    report = run_import(db, "excel", path, scenario="base")
    assert report.n_set == dict.fromkeys(set(INPUT) - {"profile"}, 1)


def test_a_filled_in_template_imports(db: Database, tmp_path: Path) -> None:
    path = write_template(tmp_path / "template.xlsx")
    book = openpyxl.load_workbook(path)
    book["commodity"].append([None, "c", "gas", None, "equal"])
    book[PROFILE_SHEET]["C1"] = "load"
    book[PROFILE_SHEET]["C2"] = "share"
    for row, value in ((8, 0.5), (9, 0.5)):
        book[PROFILE_SHEET].cell(row, 3, value)
    book.save(path)
    assert run_import(db, "excel", path, scenario="base").n_set == {"commodity": 1, "profile": 1}
    assert effective(db, "profile_value", ("profile", "t", "value")) == [("load", 1, 0.5), ("load", 2, 0.5)]


# --- files -----------------------------------------------------------------------------------------------------------
def test_several_scenarios_need_a_folder(study: Database, tmp_path: Path) -> None:
    written = export_excel(study, tmp_path / "all", ["base", "high", "base@2"])
    assert [path.name for path in written] == ["base.xlsx", "high.xlsx", "base-2.xlsx"]
    with pytest.raises(UserError, match="one workbook holds one scenario"):
        export_excel(study, tmp_path / "all.xlsx", ["base", "high"])
    with pytest.raises(UserError, match="no scenario"):
        export_excel(study, tmp_path / "all.xlsx", [])
    with pytest.raises(UserError, match=r"'a\.xls' is no name of a workbook"):
        export_excel(study, tmp_path / "a.xls", ["base"])
    with pytest.raises(UserError, match="unknown scenario 'bass'"):
        export_excel(study, tmp_path / "a.xlsx", ["bass"])


def test_a_failed_export_leaves_the_old_file(db: Database, tmp_path: Path) -> None:
    file = tmp_path / "study.dat"
    bring(db, file, table("site", file, ("site", "title"), ("c", "x" * 40_000)))
    path = tmp_path / "a.xlsx"
    path.write_bytes(b"old")
    with pytest.raises(UserError, match="does not fit into a cell"):
        export_excel(db, path, ["base"])
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir() if p.suffix == ".xlsx"] == ["a.xlsx"]


def test_the_attribution_of_the_sources_goes_out_with_the_data(study: Database, tmp_path: Path) -> None:
    file = tmp_path / "other.dat"
    frame = table("site", file, ("site",), ("d",)).frame
    bring(study, file, Rows("site", frame, file), scenario="elsewhere")
    (path,) = export_excel(study, tmp_path / "a.xlsx", ["high"])
    notes = [row[0] for row in openpyxl.load_workbook(path)["readme"].iter_rows(values_only=True)]
    assert "Attribution: © the test" in notes
    assert any(f"Source: {tmp_path / 'study.dat'} (SHA-256 " in str(note) for note in notes)
    assert not any("other.dat" in str(note) for note in notes)
