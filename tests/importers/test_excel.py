"""The native workbook: headers, notes, examples, geometries, profiles, and files that are broken or hostile."""

from __future__ import annotations

import random
import re
import zipfile
from datetime import date
from typing import TYPE_CHECKING

import openpyxl
import pytest
import shapely

from dhsdb.errors import ProblemsError
from dhsdb.importers import workbooks
from dhsdb.importers.excel import ExcelImporter
from dhsdb.importers.pipeline import run_import
from dhsdb.importers.rows import Request, Rows, Series
from dhsdb.importers.workbooks import open_workbook
from tests.importers.books import book, effective

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dhsdb.database import Database
    from dhsdb.errors import Problem
    from dhsdb.importers.rows import Item

HEAT = [["site", "commodity", "price"], ["c", "heat", 1.0]]


def read(*paths: Path) -> list[Item]:
    return list(ExcelImporter().read(Request(tuple(paths), "base")))


def problems(db: Database, path: Path) -> list[Problem]:
    with pytest.raises(ProblemsError) as caught:
        run_import(db, "excel", path, scenario="base")
    return list(caught.value.problems)


# --- sheets and columns ----------------------------------------------------------------------------------------------
def test_rows_come_with_their_place_and_units(tmp_path: Path) -> None:
    sheet = [["Site", " Commodity ", "price [EUR/kWh]"], ["c", "gas", 0.035], [None, None, None], ["c", "el", None]]
    (rows,) = read(book(tmp_path / "a.xlsx", Commodity=sheet))
    assert isinstance(rows, Rows)
    assert (rows.table, rows.sheet, rows.units) == ("commodity", "Commodity", {"price": "EUR/kWh"})
    assert rows.frame["_row"].tolist() == [2, 4]
    assert rows.frame["price"].tolist() == [0.035, None]


def test_notes_and_examples_are_not_read(tmp_path: Path) -> None:
    header = ["_", "site", "commodity", "price", "source", "Note", "_price year"]
    rows = [
        ["#", "c", "example", 1],
        [None, "c", "gas", 35, "a study", "dear", 2020],
        [None, None, None, None, "a note"],
    ]
    path = book(tmp_path / "a.xlsx", readme=[["words"]], _notes=[["x"]], commodity=[header, *rows])
    (found,) = read(path)
    assert isinstance(found, Rows)
    assert list(found.frame.columns) == ["site", "commodity", "price", "_row"]
    assert found.frame["commodity"].tolist() == ["gas"]


def test_text_numbers_truth_and_dates(db: Database, tmp_path: Path) -> None:
    header = ["site", "commodity", "annual_only", "bought", "sold"]
    sheet = [header, [1, "=heat", True, "yes", 0], [2.5, "TRUE", "FALSE", "No", 1]]
    path = book(tmp_path / "a.xlsx", commodity=sheet)
    workbook = openpyxl.load_workbook(path)
    workbook["commodity"]["B2"].data_type = "s"
    workbook.save(path)
    run_import(db, "excel", path, scenario="base")
    found = effective(db, "commodity", header)
    assert found == [("1", "=heat", True, True, False), ("2.5", "TRUE", False, False, True)]
    (problem,) = problems(db, book(tmp_path / "b.xlsx", site=[["site"], [date(2026, 1, 2)]]))
    assert (problem.row, "is not text" in problem.message) == (2, True)


@pytest.mark.parametrize(
    ("rows", "row", "column", "match"),
    [
        ([["site", "commodity", "site"], ["c", "heat", "d"]], 1, "C", "there twice"),
        ([["site", "commodity", None], ["c", "heat", 5]], 2, "C", "no name in row 1"),
        ([["site", "price [EUR/MWh"], ["c", 1]], 1, "B", "is no header"),
        ([["site"], ["c"]], None, "commodity", "column commodity is missing"),
        ([["site", "commodity", "price"], ["c", "heat", "=1/0"]], 2, "price", "formula holds no result"),
        ([["site", "commodity", "price"], ["c", "heat", "#DIV/0!"]], 2, "price", "'#DIV/0!' is an error"),
        ([["site", "commodity"], ["c", "#N/A"]], 2, "commodity", "'#N/A' is an error"),
        ([["site [MW]", "commodity"], ["c", "heat"]], None, "site", "has no unit, but 'MW' is given"),
        ([["_note"], ["c"]], 1, "", "has no header"),
    ],
)
def test_what_is_wrong_with_a_sheet_is_named(
    db: Database, tmp_path: Path, rows: list[list[object]], row: int | None, column: str, match: str
) -> None:
    found = [p for p in problems(db, book(tmp_path / "a.xlsx", commodity=rows)) if match in p.message]
    assert [(p.sheet, p.row, p.column) for p in found] == [("commodity", row, column)]


def test_cells_of_notes_may_be_broken(tmp_path: Path) -> None:
    (rows,) = read(book(tmp_path / "a.xlsx", commodity=[["site", "commodity", "_x"], ["c", "heat", "=1/0"]]))
    assert isinstance(rows, Rows)


def test_a_column_that_a_workbook_lacks_is_left_as_it_is_and_a_blank_cell_is_not(db: Database, tmp_path: Path) -> None:
    head = ["site", "commodity", "price", "voll", "max_mw"]
    plan = book(tmp_path / "plan.xlsx", commodity=[head, ["c", "gas", 35, 1000, 7]])
    run_import(db, "excel", plan, scenario="base")
    news = book(tmp_path / "news.xlsx", commodity=[[*head[:3], "max_mw"], ["c", "gas", 60, None], ["c", "oil", 50, 4]])
    assert run_import(db, "excel", news, scenario="base").n_set == {"commodity": 2}
    assert effective(db, "commodity", head[1:]) == [("gas", 60.0, 1000.0, None), ("oil", 50.0, None, 4.0)]
    assert not run_import(db, "excel", news, scenario="base").changed


def test_a_folder_gives_all_its_workbooks(db: Database, tmp_path: Path) -> None:
    book(tmp_path / "a.xlsx", commodity=HEAT)
    book(tmp_path / "b.xlsx", site=[["site"], ["c"]])
    (tmp_path / "~$b.xlsx").write_bytes(b"lock")
    assert run_import(db, "auto", tmp_path, scenario="base").n_set == {"commodity": 1, "site": 1}
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "holds no .xlsx workbook" in problems(db, empty)[0].message


# --- geometries and profiles -----------------------------------------------------------------------------------------
def test_geometries_are_wkt_with_or_without_a_code(tmp_path: Path) -> None:
    header = ["plant", "geometry", "geometry_2"]
    lines = [["a", "POINT (24.9", "4 60.17)"], ["b", "SRID=3067;POINT (385700 6672126)", None], ["c", None, None]]
    found = read(book(tmp_path / "a.xlsx", plant_site=[header, *lines], heat_source=[["heat_source", "geometry"]]))
    rows = [item for item in found if isinstance(item, Rows)]
    assert [(r.epsg, r.frame["plant"].tolist()) for r in rows if r.table == "plant_site"] == [
        (3067, ["b"]),
        (4326, ["a", "c"]),
    ]
    assert next(r for r in rows if r.epsg == 4326).frame["geometry"].iloc[0] == shapely.Point(24.94, 60.17)
    assert list(rows[-1].frame.columns) == ["heat_source", "geometry", "_row"]


def test_a_geometry_that_is_no_wkt_is_named(db: Database, tmp_path: Path) -> None:
    path = book(
        tmp_path / "a.xlsx", plant_site=[["plant", "geometry"], ["a", "POINT (24.94 60.17)"], ["b", "24.94, 60.17"]]
    )
    (problem,) = problems(db, path)
    assert (problem.row, problem.column, problem.value) == (3, "geometry", "24.94, 60.17")


def profile_sheet(*columns: list[object], steps: int = 3) -> list[list[object]]:
    labels: list[object] = ["profile", "kind", "unit", *range(1, steps + 1)]
    return [list(row) for row in zip(labels, *columns, strict=True)]


def test_profiles_stand_in_columns(tmp_path: Path) -> None:
    sheet = profile_sheet(
        ["load", "Power", "kW", 1, 2, 3], [2030, "share", None, 0.5, 0.5, None], ["#e", "x", None, 1, 1, 1]
    )
    load, other = read(book(tmp_path / "a.xlsx", profile_values=sheet))
    assert isinstance(load, Series)
    assert isinstance(other, Series)
    assert (load.name, load.kind, load.unit, load.values.tolist()) == ("load", "power", "kW", [1, 2, 3])
    assert (other.name, other.values.tolist()) == ("2030", [0.5, 0.5])


@pytest.mark.parametrize(
    ("sheet", "row", "column", "match"),
    [
        (profile_sheet(["load", "power", "MW", 1, "x", 3]), 5, "load", "'x' is not a number"),
        (profile_sheet(["load", "power", "MW", 1, None, 3]), 5, "load", "a step has no value"),
        (profile_sheet(["load", "power", "MW", 1, "=1/0", 3]), 5, "load", "formula holds no result"),
        (profile_sheet([None, "power", "MW", 1, 2, 3]), 1, "", "no name"),
        (profile_sheet(["load", "powr", "MW", 1, 2, 3]), None, "load", "can't be of kind 'powr'"),
        ([["profile", "a"], ["knd", "power"], [1, 1]], 2, "A", "'knd' is no row of the head"),
        ([["profile", "a"], ["kind", "power"], [1, 1], [3, 1]], 4, "A", "'3' stands where step 2 is expected"),
        ([["profile", "a"], ["kind", "power"], ["step_h", 0], [1, 1]], 3, "a", "'0.0' is no length in hours"),
    ],
)
def test_what_is_wrong_with_profiles_is_named(
    db: Database, tmp_path: Path, sheet: list[list[object]], row: int | None, column: str, match: str
) -> None:
    found = [p for p in problems(db, book(tmp_path / "a.xlsx", profile_values=sheet)) if match in p.message]
    assert [(p.sheet, p.row, p.column) for p in found] == [("profile_values", row, column)]


# --- broken and hostile files ----------------------------------------------------------------------------------------
def rewritten(path: Path, change: Callable[[str, bytes], bytes]) -> Path:
    """Write a workbook anew with its parts changed."""
    out = path.with_name(f"changed-{path.name}")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return out


def in_sheet(pattern: bytes, replacement: bytes) -> Callable[[str, bytes], bytes]:
    return lambda name, text: re.sub(pattern, replacement, text) if "sheet1" in name else text


def refused(path: Path) -> Problem:
    found = open_workbook(path)
    assert not isinstance(found, workbooks.Workbook)
    return found


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"site;commodity\nc;heat\n", "not an .xlsx workbook"),
        (b"", "not an .xlsx workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100), "encrypted workbook or an old .xls"),
        (b"PK\x03\x04" + bytes(100), "damaged or not complete"),
    ],
)
def test_what_is_no_workbook_is_refused(tmp_path: Path, content: bytes, match: str) -> None:
    (tmp_path / "a.xlsx").write_bytes(content)
    assert match in refused(tmp_path / "a.xlsx").message


def test_another_archive_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as archive:
        archive.writestr("../../evil.txt", "x")
    assert "not an .xlsx workbook" in refused(tmp_path / "a.xlsx").message


def test_zip_bombs_are_refused_whatever_size_they_claim(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", commodity=HEAT)
    bomb = rewritten(path, lambda name, text: text + b" " * 50_000_000 if "sheet1" in name else text)
    assert (refused(bomb).code, "unpacks to more than" in refused(bomb).message) == ("unsafe", True)
    content = bytearray(bomb.read_bytes())
    entry = content.rfind(b"xl/worksheets/sheet1.xml")
    content[entry - 46 + 24 : entry - 46 + 28] = (1000).to_bytes(4, "little")
    bomb.write_bytes(content)
    assert zipfile.ZipFile(bomb).getinfo("xl/worksheets/sheet1.xml").file_size == 1000
    assert refused(bomb).code == "unsafe"


@pytest.mark.parametrize(
    "replacement",
    [
        rb'</row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>',
        rb"</row><row r = '1048576'><c r = 'XFD1048576'><v>1</v></c></row></sheetData>",
        b'</row><row r="1048576">' + b"<c/>" * 16000 + b"</row></sheetData>",
        b"</row>" + b"<row/>" * 100_000 + b"<row>" + b"<c><v>1</v></c>" * 16000 + b"</row></sheetData>",
    ],
)
def test_a_stray_cell_far_out_does_not_fill_the_memory(tmp_path: Path, replacement: bytes) -> None:
    path = rewritten(book(tmp_path / "a.xlsx", commodity=HEAT), in_sheet(rb"</row></sheetData>", replacement))
    problem = refused(path)
    assert (problem.sheet, problem.code, "too large to be read" in problem.message) == ("commodity", "unsafe", True)


def test_a_stray_cell_in_the_last_row_is_named_before_a_million_rows_are_made(tmp_path: Path) -> None:
    far = b'</row><row r="1048576"><c r="H1048576"><v>1</v></c></row></sheetData>'
    path = rewritten(book(tmp_path / "a.xlsx", commodity=HEAT), in_sheet(rb"</row></sheetData>", far))
    problem = refused(path)
    assert (problem.sheet, problem.code) == ("commodity", "unsafe")
    assert re.search(r"reaches to row 1,048,576 and column \d+, though it holds \d+ cells only", problem.message)


def test_entities_are_refused(tmp_path: Path) -> None:
    entity = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaa">]>'
    path = book(tmp_path / "a.xlsx", commodity=HEAT)
    hostile = rewritten(path, lambda name, text: entity + text if name == "xl/workbook.xml" else text)
    assert "entities" in refused(hostile).message


def test_broken_cells_are_found_across_the_chunks_of_a_large_sheet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbooks, "_CHUNK", 1000)
    rows = [["c", f"heat {i}", "=1+1" if i % 50 == 7 else "#N/A" if i % 50 == 9 else 1.0] for i in range(1000)]
    found = open_workbook(book(tmp_path / "a.xlsx", commodity=[*HEAT[:1], *rows]))
    assert isinstance(found, workbooks.Workbook)
    sheet = found.sheet("commodity")
    assert isinstance(sheet, workbooks.Sheet)
    expected = {(i + 2, 2): "" if i % 50 == 7 else "#N/A" for i in range(1000) if i % 50 in (7, 9)}
    assert sheet.broken == expected


def test_no_truncated_or_garbled_workbook_gets_further_than_a_report(db: Database, tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", commodity=HEAT, profile_values=profile_sheet(["load", "power", "MW", 1, 2, 3]))
    whole = path.read_bytes()
    rng = random.Random(1)
    for i in range(60):
        content = bytearray(whole[: rng.randrange(len(whole))] if i % 3 == 0 else whole)
        for _ in range(rng.randrange(1, 20)):
            content[rng.randrange(len(content))] = rng.randrange(256)
        path.write_bytes(content)
        for item in read(path):
            assert item is not None
        try:
            run_import(db, "excel", path, scenario="base", dry_run=True)
        except ProblemsError as error:
            assert error.problems[0].file == str(path)


def test_garbled_sheets_get_no_further_than_a_report(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", commodity=HEAT)
    rng = random.Random(2)

    def garble(name: str, text: bytes) -> bytes:
        if not name.endswith(".xml") or rng.random() < 0.5:
            return text
        changed = bytearray(text)
        for _ in range(rng.randrange(1, 6)):
            changed[rng.randrange(len(changed))] = rng.choice(b"<>/&\"' \x00A9=-")
        return bytes(changed)

    for _ in range(150):
        for item in read(rewritten(path, garble)):
            assert item is not None


def test_column_letters() -> None:
    cells = openpyxl.utils.get_column_letter
    assert [workbooks.column_letters(i) for i in (0, 25, 26, 701, 702, 16383)] == [
        cells(i + 1) for i in (0, 25, 26, 701, 702, 16383)
    ]
