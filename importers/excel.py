"""The native workbook: one sheet per input table, named as the table, with the columns' names in row 1.

A unit that differs from the column's own stands in the header, as in ``capital [kEUR/MW]``. Geometries are WKT in
longitude and latitude, or ``SRID=3067;POINT (x y)`` in another system. Hourly profiles stand in the sheet
``profile_values``, one column each. Sheets whose name starts with ``_`` and the sheet ``readme`` are notes, and so are
columns whose name starts with ``_`` and columns named source, note or comment that the table does not have. A row
marked ``#`` in a column named ``_`` is an example and is skipped.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dhsdb.errors import Problem, did_you_mean
from dhsdb.importers.profile_sheets import read_profiles
from dhsdb.importers.rows import ROW, Rows
from dhsdb.importers.workbooks import Sheet, Workbook, column_letters, open_workbook
from dhsdb.schema.catalog import INPUT
from dhsdb.workbook import EXAMPLE, MARK, PROFILE_SHEET, README, RIGHTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import pandas as pd

    from dhsdb.importers.rows import Item, Request

NOTE_COLUMNS = ("source", "note", "comment")
MORE = re.compile(r"geometry_(\d+)")
"""Columns that continue a geometry too long for one cell."""

_HEADER = re.compile(r"(?P<name>[^\[\]]*?)\s*(?:\[(?P<unit>[^\[\]]*)\]\s*)?")
_SRID = re.compile(r"\s*SRID\s*=\s*(-1|\d+)\s*;", re.IGNORECASE)
_DEGREES = 4326
_NOT_CALCULATED = "the formula holds no result."
_CALCULATE = "Open the workbook in a spreadsheet program and save it, so that it holds the results."


class ExcelImporter:
    """Native workbooks."""

    name = "excel"
    reads = "native workbooks (.xlsx): one sheet per input table; `dhsdb export excel --template` writes an empty one"
    attribution = ""

    def read(self, request: Request) -> Iterator[Item]:
        """Yield the sheets of all workbooks, and what is wrong with them."""
        files = list(_files(request.paths))
        if not files:
            yield Problem("the folder holds no .xlsx workbook.", str(request.paths[0]), code="format")
        for done, path in enumerate(files):
            request.progress(done, len(files), f"reading {path.name}")
            book = open_workbook(path)
            if isinstance(book, Problem):
                yield book
                continue
            try:
                rights = _rights(book)
                yield from (replace(i, attribution=rights) if isinstance(i, Rows) else i for i in _sheets(book))
            finally:
                book.close()


def is_native_sheet(name: str) -> bool:
    """Return whether a sheet is named as one of the native workbook's."""
    return _plain(name) in INPUT or _plain(name) == PROFILE_SHEET


def is_native(sheets: Sequence[str]) -> bool:
    """Return whether a workbook has a sheet that is named as one of the native workbook's."""
    return any(is_native_sheet(name) for name in sheets)


def _plain(name: str) -> str:
    return name.strip().casefold()


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(p for p in path.glob("*.xlsx") if not p.name.startswith("~$"))
        else:
            yield path


def _sheets(book: Workbook) -> Iterator[Item]:
    for name in book.names:
        plain = _plain(name)
        if plain.startswith("_") or plain == README:
            continue
        if not is_native_sheet(name) or plain == "profile":
            yield _unknown_sheet(book.path, name)
            continue
        sheet = book.sheet(name)
        if isinstance(sheet, Problem):
            yield sheet
        elif plain == PROFILE_SHEET:
            yield from read_profiles(sheet, book.path)
        else:
            yield from _TableSheet(sheet, plain, book.path).items()


def _rights(book: Workbook) -> str:
    """Return what the notes of an exported workbook say of its sources' licences."""
    sheet = next((book.sheet(name) for name in book.names if _plain(name) == README), None)
    if sheet is None or isinstance(sheet, Problem):
        return ""
    texts = [str(row[0]) for row in sheet.rows if row and str(row[0]).startswith(RIGHTS)]
    return "; ".join(text.removeprefix(RIGHTS).strip()[:500] for text in texts)


def _unknown_sheet(path: Path, name: str) -> Problem:
    known = [t for t in (*INPUT, PROFILE_SHEET) if t != "profile"]
    hint = "Profiles stand in the sheet profile_values." if _plain(name) == "profile" else did_you_mean(name, known)
    hint = hint or "Sheets are named as input tables (`dhsdb schema` lists them); notes start with '_'."
    return Problem(f"'{name}' is no input table.", str(path), name, value=name, hint=hint, code="sheet")


class _TableSheet:
    """One sheet of rows."""

    def __init__(self, sheet: Sheet, table: str, path: Path) -> None:
        self.sheet = sheet
        self.table = table
        self.path = path
        self.allowed = {*INPUT[table].own(), "year"}
        self.place: dict[str, int] = {}
        self.units: dict[str, str] = {}
        self.marks: int | None = None
        self.more: list[int] = []

    def items(self) -> Iterator[Item]:
        header = self.sheet.rows[0] if self.sheet.rows else []
        problems = [p for i, cell in enumerate(header) if (p := self.read_header(i, cell))]
        if not self.place and not problems:
            hint = f"Row 1 names the columns: {', '.join(self.allowed)}."
            problems = [
                Problem("the sheet has no header.", str(self.path), self.sheet.name, 1, hint=hint, code="header")
            ]
        lines = self.lines()
        problems += [*self.headless(lines), *self.broken(lines)]
        yield from problems
        if self.place:
            yield from self.rows(lines)

    # --- header -------------------------------------------------------------------------------------------------------
    def read_header(self, at: int, cell: object) -> Problem | None:
        """Note a column by its header; return what is wrong with it."""
        found = _HEADER.fullmatch(str(cell if cell is not None else "").strip())
        if found is None:
            return self.problem(1, at, f"'{cell}' is no header.", cell, "Write a column's name, or name [unit].")
        name, unit = _plain(found["name"]), (found["unit"] or "").strip()
        if name == MARK:
            self.marks = at
        elif MORE.fullmatch(name) and "geometry" in self.allowed:
            self.more.append(at)
        elif not name or self.is_note(name):
            return None
        elif name in self.place:
            return self.problem(1, at, f"the column {name} is there twice.", cell, "Leave one of the two.")
        else:
            self.place[name] = at
            if unit:
                self.units[name] = unit
        return None

    def is_note(self, name: str) -> bool:
        return name.startswith("_") or (name in NOTE_COLUMNS and name not in self.allowed)

    def headless(self, lines: list[int]) -> Iterator[Problem]:
        """Yield a problem for each column that has cells but no name."""
        header = self.sheet.rows[0] if self.sheet.rows else []
        rows = self.sheet.rows
        for at, cell in enumerate(header):
            if cell is None or not str(cell).strip():
                first = next((i for i in lines if rows[i][at] is not None), None)
                if first is not None:
                    text = f"column {column_letters(at)} has cells, but no name in row 1."
                    yield self.problem(first + 1, at, text, rows[first][at], "Name it; a note starts with '_'.")

    # --- rows ---------------------------------------------------------------------------------------------------------
    def lines(self) -> list[int]:
        """Return the index of each row that holds data and is no example."""
        used = list(self.place.values())
        return [
            i
            for i, row in enumerate(self.sheet.rows)
            if i
            and any(row[c] is not None or (i + 1, c) in self.sheet.broken for c in used)
            and not self.is_example(row)
        ]

    def is_example(self, row: list[object]) -> bool:
        return self.marks is not None and str(row[self.marks] or "").strip() == EXAMPLE

    def broken(self, lines: list[int]) -> Iterator[Problem]:
        """Yield cells that only look blank: their formula failed, or holds no result."""
        used, data = set(self.place.values()), set(lines)
        for (row, at), what in self.sheet.broken.items():
            if at in used and (row - 1 in data or row == 1):
                text = f"'{what}' is an error of the spreadsheet." if what else _NOT_CALCULATED
                hint = "Mend the formula, or clear the cell." if what else _CALCULATE
                yield self.problem(row, at, text, what or None, hint)

    def rows(self, lines: list[int]) -> Iterator[Item]:
        """Yield the rows, split by the coordinate system of their geometries."""
        import pandas as pd  # heavy

        rows = self.sheet.rows
        columns = {name: pd.Series([rows[i][at] for i in lines], dtype=object) for name, at in self.place.items()}
        frame = pd.DataFrame(columns | {ROW: pd.Series([i + 1 for i in lines], dtype="int64")})
        if "geometry" not in self.place or "geometry" not in self.allowed:
            yield Rows(self.table, frame, self.path, self.sheet.name, self.units, partial=True)
            return
        codes, shapes = self.geometries(lines)
        frame["geometry"] = shapes
        for code in sorted(set(codes)) or [_DEGREES]:
            part = frame.loc[pd.Series([own == code for own in codes], dtype=bool)]
            yield Rows(self.table, part, self.path, self.sheet.name, self.units, epsg=code, partial=True)

    def geometries(self, lines: list[int]) -> tuple[list[int], pd.Series[Any]]:
        """Return the code and the geometry of each row; text that is no WKT stays text and is reported as such.

        A row without geometry goes with the sheet's first code.
        """
        import numpy as np  # heavy
        import pandas as pd
        import shapely

        places = [self.place["geometry"], *self.more]
        cells = [self.sheet.rows[i] for i in lines]
        texts = ["".join(str(row[at]) for at in places if row[at] is not None) for row in cells]
        found = [_SRID.match(text) for text in texts]
        own = [int(f[1]) if f else _DEGREES if text else None for f, text in zip(found, texts, strict=True)]
        usual = next((code for code in own if code is not None), _DEGREES)
        bare = [text[f.end() :] if f else text for f, text in zip(found, texts, strict=True)]
        shapes = shapely.from_wkt(np.array([text or None for text in bare], dtype=object), on_invalid="ignore")
        bad = np.array([shape is None and bool(text) for shape, text in zip(shapes, bare, strict=True)], bool)
        shapes[bad] = np.array(texts, dtype=object)[bad]
        return [usual if code is None else code for code in own], pd.Series(shapes, dtype=object)

    def problem(self, row: int, at: int, message: str, value: object, hint: str) -> Problem:
        """Return a problem of a cell."""
        name = next((n for n, place in self.place.items() if place == at), column_letters(at))
        return Problem(message, str(self.path), self.sheet.name, row, name, value, hint, code="cell")
