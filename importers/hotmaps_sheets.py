"""The sheets of a hotmaps workbook, and all that is wrong with their cells."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from dhsdb.errors import Problem, did_you_mean
from dhsdb.importers.hotmaps_layout import (
    BOTH,
    CARRIERS,
    DATA,
    EXTERNAL,
    EXTERNALS,
    FACTORS,
    GENERATORS,
    NEEDED,
    PARAMETERS,
    PRICES,
    REFERENCE,
    SHEETS,
    STORAGE,
    Book,
    Field,
    Form,
    Row,
    Sheet,
    fold,
    named_currency,
    readable_unit,
    split_header,
)
from dhsdb.importers.hotmaps_study import BY_YEAR, CAPACITIES, read_by_year
from dhsdb.importers.units import UnitError, conversion
from dhsdb.importers.urbs_cells import as_name, as_number
from dhsdb.importers.workbooks import column_letters

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dhsdb.importers.workbooks import Sheet as Cells
    from dhsdb.importers.workbooks import Workbook

_MOST = 50
_SPELLINGS = {
    "emission factors": FACTORS,
    "emmission factors": FACTORS,
    "prices and emission factors": BOTH,
    PARAMETERS: DATA,
    "financial and other parameters": DATA,
    "external data": EXTERNAL,
}
_INFORMATIVE = ("technologies",)
_COP_TABLE = "heat pump"
_EXTRACTION = "chp-se"
_N_YEARS = 3


def form_of(sheets: Sequence[str]) -> Form:
    """Return what a workbook with these sheets holds."""
    found = {fold(name) for name in sheets}
    if fold(GENERATORS) not in found:
        return "capacities"
    if PARAMETERS in found:
        return "catalogue"
    return "study" if fold(CAPACITIES) in found else "dispatch"


def is_hotmaps(sheets: Sequence[str]) -> bool:
    """Return whether a workbook has the sheets of a dispatch case."""
    found = {fold(name) for name in sheets}
    return fold(GENERATORS) in found and bool(found & {fold(n) for n in (BOTH, PRICES, CARRIERS, PARAMETERS)})


def read_book(workbook: Workbook, currency: str) -> Book:
    """Read all sheets of a workbook; ``currency`` takes the place of the one that headers name."""
    book = Book(workbook.path, form_of(workbook.names))
    if book.form == "capacities":
        _read_capacities(book, workbook)
        return book
    for name in workbook.names:
        known = _known(name)
        if fold(name) in {fold(n) for n in _INFORMATIVE} or not known:
            _other_sheet(book, workbook, name)
            continue
        cells = workbook.sheet(name)
        if isinstance(cells, Problem):
            book.notes.append(cells)
        elif known == EXTERNAL:
            _Externals(book, cells).read()
        elif known in BY_YEAR:
            read_by_year(book, cells, known)
        else:
            _Table(book, cells, known, currency).read()
    _missing(book, workbook.names)
    return book


def _known(name: str) -> str:
    known = {fold(n): n for n in (*SHEETS, EXTERNAL, *BY_YEAR)} | _SPELLINGS
    return known.get(fold(name), "")


def _missing(book: Book, names: Sequence[str]) -> None:
    """Report sheets without which the workbook says nothing."""
    priced = BOTH in book.tables or {PRICES, FACTORS} <= set(book.tables)
    needed = [(GENERATORS, GENERATORS in book.tables), (DATA, DATA in book.tables), (PRICES, priced)]
    if book.form != "catalogue":
        needed += [(CARRIERS, CARRIERS in book.tables), (EXTERNAL, bool(book.externals) or EXTERNAL in names)]
    held = {_known(n) for n in names}
    for name, is_there in needed:
        if not is_there and name not in held:
            near = did_you_mean(name, [n for n in names if not _known(n)])
            which = f"{name} (or {BOTH})" if name == PRICES else name
            book.note(f"the sheet {which} is missing.", name, hint=near or "The tool needs it.", code="sheet")


def _other_sheet(book: Book, workbook: Workbook, name: str) -> None:
    """Refuse what a sheet says that can't be kept, and name what has no influence."""
    cells = workbook.sheet(name)
    if isinstance(cells, Problem):
        book.notes.append(cells)
        return
    first = as_name(cells.rows[0][0]) if cells.rows and cells.rows[0] else ""
    if fold(first).startswith(_COP_TABLE) and "#" in first:
        unit = first.split("#", 1)[1].strip()
        text = f"not kept: the COP of '{unit}' by flow and return temperature; the constant one of its row counts,"
        text += " as in the dispatch of the tool."
        book.note(text, name, 1, severity="warning", code="cop-table")
    elif fold(first).startswith(_EXTRACTION) and "#" in first:
        for i, line in enumerate(cells.rows[2:], 3):
            value = as_number(line[1]) if len(line) > 1 else 0.0
            if line and line[0] is not None and not (value == 0 or (value is not None and math.isnan(value))):
                hint = "Set it to 0: the line between condensing and back pressure can't be kept."
                book.note(
                    f"Pmax_el of '{line[0]}' is not covered.", name, i, "Pmax_el", value, hint, code="not-covered"
                )
        book.note("ignored: Pmax_el is 0 everywhere.", name, severity="info", code="ignored")
    elif not any(cell is not None for line in cells.rows for cell in line):
        return
    else:
        near = did_you_mean(name, [n for n in (*SHEETS, EXTERNAL) if n not in book.tables and n != BOTH])
        if near and fold(name) not in _INFORMATIVE:
            book.note(f"'{name}' is no sheet of the tool.", name, value=name, hint=near, code="sheet")
        else:
            book.note("ignored: the tool's dispatch reads no such sheet.", name, severity="info", code="ignored")


# --- sheets of rows --------------------------------------------------------------------------------------------------
class _Table:
    """A sheet of rows below one header; a catalogue has codes above it."""

    def __init__(self, book: Book, cells: Cells, name: str, currency: str) -> None:
        self.book = book
        self.cells = cells
        self.name = name
        self.currency = currency
        self.fields = SHEETS[name]
        self.top = 1 if book.form == "catalogue" else 0
        self.place: dict[str, list[int]] = {}
        self.sheet = Sheet(cells.name)

    def read(self) -> None:
        if len(self.cells.rows) <= self.top:
            self.note("the sheet has no header.", 1, hint=f"The tool needs {', '.join(f.title for f in self.fields)}.")
            return
        self.headers()
        needed = (
            NEEDED[self.name]
            if self.name != GENERATORS or self.book.form != "catalogue"
            else (*NEEDED[GENERATORS], "carrier")
        )
        missing = [f for f in self.fields if f.name in needed and f.name not in self.place]
        for column in missing:
            near = did_you_mean(column.title, [split_header(h)[0] for h in self.given()])
            self.note(f"the column {column.title} is missing.", self.top + 1, column.title, hint=near, code="header")
        if missing:
            return
        self.broken()
        self.book.tables[self.name] = self.sheet
        for i in range(self.top + 1, len(self.cells.rows)):
            self.line(i)
        if self.name == STORAGE or self.name in (GENERATORS, CARRIERS):
            self.once()

    def given(self) -> list[str]:
        return [as_name(cell) for cell in self.cells.rows[self.top]]

    def note(self, message: str, row: int | None = None, column: str = "", value: object = None, **facts: str) -> None:
        self.book.note(message, self.cells.name, row, column, value, **facts)

    def headers(self) -> None:
        """Find the columns; those that stand side by side under one header are alternatives."""
        by_title = {fold(f.title): f for f in self.fields} | {fold(f.code): f for f in self.fields if f.code}
        many = {"price", "factor"} if self.name in (PRICES, FACTORS) else set()
        for at, header in enumerate(self.given()):
            title, unit = split_header(header)
            meaning = by_title.get(fold(title)) or by_title.get(fold(header))
            if meaning is None:
                self.strange(at, header, title)
            elif meaning.name in self.place and meaning.name not in many:
                self.note(f"the column {title} is there twice.", self.top + 1, header, hint="Leave one.", code="header")
            else:
                self.place.setdefault(meaning.name, []).append(at)
                self.sheet.headers.setdefault(meaning.name, header)
                self.unit(meaning, header, unit)
        for name in many & set(self.place):
            self.book.n_alternatives[self.name] = len(self.place[name])

    def strange(self, at: int, header: str, title: str) -> None:
        """Refuse what looks like a misspelt column; a counting column has no influence."""
        cells = [
            (i, line[at])
            for i, line in enumerate(self.cells.rows)
            if i > self.top and at < len(line) and line[at] is not None
        ]
        if not cells or (at == 0 and fold(header) in ("", "unnamed: 0", "year")):
            return
        near = did_you_mean(title, [f.title for f in self.fields if f.name not in self.place]) if title else ""
        if near or not header:
            hint = near or "Name it in the header, or clear it."
            self.note(
                f"'{header or column_letters(at)}' is no column of {self.name}.",
                cells[0][0] + 1,
                header or column_letters(at),
                cells[0][1],
                hint=hint,
                code="header",
            )
        else:
            self.note(
                f"ignored: the tool reads no column '{header}'.", None, header, severity="warning", code="ignored"
            )

    def unit(self, meaning: Field, header: str, unit: str) -> None:
        """Keep the unit of a header if the column has one that it can be converted to."""
        if not meaning.unit or meaning.name in self.sheet.units:
            return
        text = readable_unit(unit, meaning, self.currency)
        if not text:
            return
        try:
            conversion(text, meaning.unit)
        except UnitError as error:
            self.note(error.message, self.top + 1, header, unit, hint=error.hint, code="unit")
            return
        self.sheet.units[meaning.name] = text
        if said := named_currency(unit):
            self.book.said.setdefault(said, []).append(f"{self.cells.name}: {header}")

    def broken(self) -> None:
        """Report formulas that failed or were never calculated."""
        used = {at for places in self.place.values() for at in places}
        for (row, at), what in list(self.cells.broken.items())[:_MOST]:
            if at in used:
                text = f"'{what}' is an error of the spreadsheet." if what else "the formula holds no result."
                hint = (
                    "Mend the formula, or clear the cell."
                    if what
                    else "Open the workbook in a spreadsheet program and save it."
                )
                self.note(text, row, self.given()[at], what or None, hint=hint, code="cell")

    def line(self, i: int) -> None:
        """Read one row; one whose cells are all blank but for its number is left."""
        cells = self.cells.rows[i]
        used = [at for places in self.place.values() for at in places if at < len(cells)]
        if all(cells[at] is None or as_name(cells[at]) == "" for at in used):
            return
        row: Row = {"_row": i + 1}
        for meaning in self.fields:
            values = [self.cell(i, at, meaning) for at in self.place.get(meaning.name, [])]
            blank: object = "" if meaning.is_text else float("nan")
            row[meaning.name] = values[0] if values else blank
            row[f"all {meaning.name}"] = values
        self.sheet.rows.append(row)

    def cell(self, i: int, at: int, meaning: Field) -> object:
        value = self.cells.rows[i][at] if at < len(self.cells.rows[i]) else None
        if meaning.is_text:
            return self.text(i, at, value, meaning)
        if self.book.form == "study" and isinstance(value, str) and REFERENCE.match(value.strip()):
            return value
        number = as_number(value)
        if number is None or math.isinf(number):
            hint = "A number is expected; make the cell a number if it is stored as text, or clear it."
            self.note(f"'{str(value)[:80]}' is not a finite number.", i + 1, self.given()[at], value, hint=hint)
            return float("nan")
        return number

    def text(self, i: int, at: int, value: object, meaning: Field) -> object:
        if value is None or (isinstance(value, (str, int, float)) and not isinstance(value, bool)):
            name = as_name(value)
            if len(name) > 200 or any(ord(c) < 32 for c in name):  # noqa: PLR2004
                self.note(
                    f"'{name[:40]}' can't be a name.",
                    i + 1,
                    self.given()[at],
                    name[:40],
                    hint="Shorten it, without control characters.",
                )
                return ""
            return value if meaning.name in ("buys_at", "sells_at") and isinstance(value, (int, float)) else name
        self.note(
            f"'{value}' is not text.", i + 1, self.given()[at], value, hint="Format the cell as text and write it anew."
        )
        return ""

    def once(self) -> None:
        """Report rows without a name, and names that are there twice."""
        first: dict[object, int] = {}
        for row in self.sheet.rows:
            key = (row["name"], row.get("year") if self.book.form == "study" and "year" in self.place else 0)
            title = self.sheet.headers["name"]
            if not row["name"]:
                self.note("the name is blank.", row["_row"], title, hint="Each row needs one.", code="name")
            elif key in first:
                text = f"'{row['name']}' is there twice, first in row {first[key]}."
                self.note(
                    text, row["_row"], title, row["name"], hint="Leave one, or name it otherwise.", code="duplicate"
                )
            first.setdefault(key, row["_row"])


class _Externals:
    """The sheet that names the profiles; its rows are alternatives."""

    def __init__(self, book: Book, cells: Cells) -> None:
        self.book = book
        self.cells = cells

    def read(self) -> None:
        by_title = {fold(name): kind for name, kind in EXTERNALS.items()}
        header = [as_name(cell) for cell in self.cells.rows[0]] if self.cells.rows else []
        place: dict[str, int] = {}
        for at, name in enumerate(header):
            kind = by_title.get(fold(name))
            if kind and kind in place:
                self.book.note(
                    f"the column {name} is there twice.", self.cells.name, 1, name, hint="Leave one.", code="header"
                )
            elif kind:
                place[kind] = at
            elif name and fold(name) != "unnamed: 0":
                near = did_you_mean(name, EXTERNALS)
                severity = "error" if near else "warning"
                text = f"'{name}' is no column of profiles." if near else f"ignored: the tool reads no column '{name}'."
                self.book.note(
                    text, self.cells.name, 1, name, hint=near, severity=severity, code="header" if near else "ignored"
                )
        for i, line in enumerate(self.cells.rows[1:], 2):
            cells = {kind: (line[at] if at < len(line) else None) for kind, at in place.items()}
            if any(c is not None and as_name(c) for c in cells.values()):
                row: Row = {"_row": i, "sheet": self.cells.name}
                for kind, cell in cells.items():
                    row[kind] = cell
                    row[f"header {kind}"] = header[place[kind]]
                self.book.externals.append(row)
        self.book.n_alternatives[EXTERNAL] = len(self.book.externals)


# --- capacities by year ----------------------------------------------------------------------------------------------
def _read_capacities(book: Book, workbook: Workbook) -> None:
    """Read a table of capacities: years down, technologies across."""
    table: dict[tuple[str, int], tuple[float, int]] = {}
    for name in workbook.names:
        cells = workbook.sheet(name)
        if isinstance(cells, Problem):
            book.notes.append(cells)
            continue
        years = [as_number(line[0]) for line in cells.rows[1:] if line and line[0] is not None]
        if len(years) < _N_YEARS or any(y is None or not 1900 <= y <= 2200 for y in years) or table:  # noqa: PLR2004
            text = "this is neither a dispatch workbook (Heat Generators ...) nor a table of capacities"
            text += " (years down, technologies across)."
            near = did_you_mean(GENERATORS, workbook.names)
            book.note(text, name, hint=near or "Name the file that holds the case.", code="format")
            return
        table |= dict(_capacities(book, cells))
        book.tables[CAPACITIES] = Sheet(cells.name)
    book.by_year[CAPACITIES] = table


def _capacities(book: Book, cells: Cells) -> Iterator[tuple[tuple[str, int], tuple[float, int]]]:
    names = [as_name(c) for c in cells.rows[0]]
    seen: set[tuple[str, int]] = set()
    for i, line in enumerate(cells.rows[1:], 2):
        year = as_number(line[0]) if line else None
        if year is None or math.isnan(year):
            continue
        for at, cell in enumerate(line[1:], 1):
            number, name = as_number(cell), names[at]
            if number is None or math.isinf(number) or number < 0:
                book.note(
                    f"'{str(cell)[:40]}' is no capacity.", cells.name, i, name, cell, "A number of MW is expected."
                )
            elif not math.isnan(number) and not name:
                book.note(
                    "the column has cells, but no name.", cells.name, i, column_letters(at), cell, "Name it in row 1."
                )
            elif not math.isnan(number) and (name, int(year)) in seen:
                book.note(
                    f"'{name}' is there twice for {int(year)}.",
                    cells.name,
                    i,
                    name,
                    cell,
                    "Leave one.",
                    code="duplicate",
                )
            elif not math.isnan(number):
                seen.add((name, int(year)))
                yield (name, int(year)), (number, i)
