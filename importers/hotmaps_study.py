"""The workbook of a study: tables by year of several cases, from which the workbook of each year and case was made."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from dhsdb.errors import did_you_mean
from dhsdb.importers.hotmaps_layout import (
    BOTH,
    DATA,
    ELECTRICITY,
    GENERATORS,
    STORAGE,
    Book,
    Row,
    fold,
    named_currency,
    split_header,
)
from dhsdb.importers.units import UnitError, conversion
from dhsdb.importers.urbs_cells import as_name, as_number
from dhsdb.importers.workbooks import column_letters

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from dhsdb.importers.workbooks import Sheet as Cells

CAPACITIES = "installed capacities"
POTENTIAL, CAPITAL, FIXED, VARIABLE = (
    "Maximal Available Potential",
    "capital cost table",
    "fixed cost table",
    "variable costs",
)
FUELS, CO2_PRICE, DEMAND, FACTOR = "Fuel Prices", "co2 price", "demand", "Emission Factor for electricity"
BY_YEAR = (CAPACITIES, POTENTIAL, CAPITAL, FIXED, VARIABLE, FUELS, CO2_PRICE, DEMAND, FACTOR)

_ACROSS = (CAPACITIES, POTENTIAL, CAPITAL, FIXED, VARIABLE)
"""Tables whose years stand across; in the others they stand down."""
_UNITS = {CO2_PRICE: "money/t", DEMAND: "MWh", FACTOR: "t/MWh"}
_COLUMNS = {"potential": POTENTIAL, "capital": CAPITAL, "fixed": FIXED, "variable": VARIABLE}
_LARGE = 1000
"""Fixed costs per MW below this are in millions: no unit of a MW costs so little."""
_CHOICES = ("temperature", "price")
_YEARS = (1900, 2200)


def read_by_year(book: Book, cells: Cells, name: str) -> None:
    """Read a table by year into the book."""
    table: dict[tuple[str, int], tuple[float, int]] = {}
    found = _across(book, cells, name) if name in _ACROSS else _down(book, cells, name)
    for key, value, row in found:
        if key in table:
            text = f"'{key[0]}' is there twice for {key[1]}, first in row {table[key][1]}."
            book.note(text, cells.name, row, str(key[1]), value, "Leave one.", code="duplicate")
        table.setdefault(key, (value, row))
    book.by_year[name] = table


def _across(book: Book, cells: Cells, name: str) -> Iterator[tuple[tuple[str, int], float, int]]:
    header = cells.rows[0] if cells.rows else []
    years = {at: y for at, cell in enumerate(header) if (y := _year(cell))}
    chosen = (
        [at for c in _CHOICES for at, cell in enumerate(header) if fold(as_name(cell)) == c]
        if name == CAPACITIES
        else []
    )
    if not years or (name == CAPACITIES and len(chosen) != len(_CHOICES)):
        needed = "years, and in front name, Temperature, Price" if name == CAPACITIES else "years"
        book.note(f"row 1 should hold {needed}.", cells.name, 1, code="header")
        return
    for at in range(1, len(header)):
        if at not in years and at not in chosen:
            _refuse_numbers(book, cells, at)
    for i, line in enumerate(cells.rows[1:], 2):
        unit = as_name(line[0])
        if not unit and any(line[at] is not None for at in years if at < len(line)):
            book.note("the name is blank.", cells.name, i, as_name(header[0]), hint="Each row needs one.", code="name")
        if unit:
            label = "|".join([*(fold(as_name(line[at])) for at in chosen), unit])
            yield from _numbers(book, cells, i, ((at, label, y) for at, y in years.items()))


def _refuse_numbers(book: Book, cells: Cells, at: int) -> None:
    """Report a column whose numbers belong to no year, so that none is lost."""
    rows = [i for i, line in enumerate(cells.rows[1:], 2) if at < len(line) and isinstance(line[at], (int, float))]
    if rows:
        title = as_name(cells.rows[0][at])
        text = f"'{title}' is no year, but {len(rows)} numbers stand below it, first in row {rows[0]}."
        hint = f"A year is a number from {_YEARS[0]} to {_YEARS[1]}; clear what belongs to none."
        book.note(text, cells.name, 1, title or column_letters(at), title, hint, code="year")


def _down(book: Book, cells: Cells, name: str) -> Iterator[tuple[tuple[str, int], float, int]]:
    header = [as_name(c) for c in cells.rows[0]] if cells.rows else []
    factors = {at: _factor(book, cells, name, h) for at, h in enumerate(header) if at and h}
    for i, line in enumerate(cells.rows[1:], 2):
        year = _year(line[0]) if line else None
        if year is None:
            if any(cell is not None for cell in line):
                book.note(f"'{str(line[0])[:40]}' is no year.", cells.name, i, header[0], line[0], code="year")
            continue
        found = _numbers(book, cells, i, ((at, header[at] if name == FUELS else name, year) for at in factors))
        for (key, value, row), factor in zip(found, _given(line, factors), strict=False):
            yield key, value * factor, row


def _given(line: Sequence[object], factors: Mapping[int, float]) -> Iterator[float]:
    """Yield the factors of the columns whose cells hold a number."""
    for at, factor in factors.items():
        number = as_number(line[at]) if at < len(line) else None
        if number is not None and math.isfinite(number):
            yield factor


def _numbers(
    book: Book, cells: Cells, row: int, places: Iterable[tuple[int, str, int]]
) -> Iterator[tuple[tuple[str, int], float, int]]:
    """Yield the numbers of a row; what is none is reported, blank cells are left."""
    line = cells.rows[row - 1]
    for at, label, year in places:
        cell = line[at] if at < len(line) else None
        number = as_number(cell)
        if number is None or math.isinf(number):
            column = as_name(cells.rows[0][at])
            hint = "A number is expected; make the cell a number if it is stored as text, or clear it."
            book.note(f"'{str(cell)[:40]}' is not a finite number.", cells.name, row, column, cell, hint)
        elif not math.isnan(number):
            yield (label, year), number, row
        elif (row, at) in cells.broken:
            book.note(
                "the formula failed or holds no result.", cells.name, row, as_name(cells.rows[0][at]), code="cell"
            )


def _year(cell: object) -> int | None:
    number = as_number(cell)
    is_year = number is not None and math.isfinite(number) and number.is_integer() and _YEARS[0] <= number <= _YEARS[1]
    return int(number) if number is not None and is_year else None


def _factor(book: Book, cells: Cells, name: str, header: str) -> float:
    """Return the factor that brings a column into the unit it is kept in."""
    unit = split_header(header)[1].replace("tCO2", "t").replace("Ton", "t")
    if not unit or name not in _UNITS:
        return 1.0
    if said := named_currency(unit):
        book.said.setdefault(said, []).append(f"{cells.name}: {header}")
    try:
        return conversion(unit, _UNITS[name]).factor / conversion(unit, _UNITS[name]).divisor
    except UnitError as error:
        book.note(error.message, cells.name, 1, header, unit, error.hint, code="unit")
        return 1.0


# --- one case of one year ----------------------------------------------------------------------------------------------
def cases(book: Book, options: Mapping[str, str], year: int | None) -> list[Book]:
    """Return the workbook of each year of the case that is asked for; none if it is not there."""
    table = book.by_year.get(CAPACITIES, {})
    known = sorted({label.rsplit("|", 1)[0] for label, _ in table})
    asked = "|".join(fold(options.get(choice, "")) for choice in _CHOICES)
    if asked not in known:
        shown = ", ".join(f"-o temperature={k.split('|')[0]} -o price={k.split('|')[-1]}" for k in known)
        text = (
            "the workbook holds several cases."
            if not asked.strip("|")
            else f"there is no case {asked.replace('|', '/')}."
        )
        book.note(text, CAPACITIES, hint=f"Choose one: {shown}." if shown else "", code="case")
        return []
    years = sorted({y for label, y in table if label.startswith(f"{asked}|")})
    if year is not None and year not in years:
        book.note(
            f"there are no capacities of {year}.", CAPACITIES, hint=f"Years: {', '.join(map(str, years))}.", code="year"
        )
        return []
    return [_Case(book, asked, y).book for y in ([year] if year else years)]


class _Case:
    """The workbook of one year: cells that refer to a table take its value."""

    def __init__(self, study: Book, case: str, year: int) -> None:
        self.study = study
        self.case = case
        self.year = year
        self.book = Book(study.path, "dispatch", externals=study.externals, year=year, notes=study.notes)
        self.book.n_alternatives = study.n_alternatives
        self.book.tables = {
            name: replace(sheet, rows=[dict(r) for r in sheet.rows]) for name, sheet in study.tables.items()
        }
        self.used: set[tuple[str, str]] = set()
        self.generators()
        self.rest()
        self.unused()

    def value(self, sheet: str, name: str) -> float | None:
        found = self.study.by_year.get(sheet, {}).get((name, self.year))
        self.used.add((sheet, name))
        return found[0] if found else None

    def generators(self) -> None:
        rows = self.book.rows_of(GENERATORS)
        for row in rows:
            capacity = self.value(CAPACITIES, f"{self.case}|{row['name']}")
            if capacity is None:
                text = f"'{row['name']}' has no capacity of {self.year} in this case."
                self.note(text, CAPACITIES, None, str(self.year), "Add the row, or leave the generator out.")
            row["capacity"] = capacity if capacity is not None else 0.0
            for column, sheet in _COLUMNS.items():
                self.fill(row, column, sheet, str(row["name"]))
        units = self.book.tables[GENERATORS].units if GENERATORS in self.book.tables else {}
        fixed = [row["fixed"] for row in rows if isinstance(row["fixed"], float) and row["fixed"] > 0]
        if fixed and max(fixed) < _LARGE and units.get("fixed", "").startswith(("EUR", "SEK", "USD", "DKK", "NOK")):
            units = self.book.tables[GENERATORS].units = dict(units)
            header = self.book.header(GENERATORS, "fixed")
            text = (
                f"the amounts, up to {max(fixed):g}, are taken as millions per MW and year; the header says {header}."
            )
            self.note(
                text, FIXED, None, "", "Say the unit in the header of Heat Generators.", "warning", "unit-assumed"
            )
            units["fixed"] = f"M{units['fixed']}"

    def fill(self, row: Row, column: str, sheet: str, name: str) -> None:
        """Take the value of a table where the cell is blank or refers to it."""
        cell = row[column]
        if isinstance(cell, float) and not math.isnan(cell):
            return
        value = self.value(sheet, name)
        if value is None and isinstance(cell, str):
            text = f"'{name}' has no value of {self.year} in sheet {sheet}, to which the cell refers."
            self.note(
                text, GENERATORS, row["_row"], self.book.header(GENERATORS, column), "Add it there, or clear the cell."
            )
        row[column] = float("nan") if value is None else value

    def rest(self) -> None:
        for row in self.book.rows_of(BOTH):
            self.fill(row, "price", FUELS, str(row["carrier"]))
            if fold(str(row["carrier"])) == ELECTRICITY:
                self.fill(row, "factor", FACTOR, FACTOR)
            elif isinstance(row["factor"], str):
                self.note("the factor refers to a sheet that holds none.", BOTH, row["_row"], "", "Write the number.")
                row["factor"] = float("nan")
            row["all price"], row["all factor"] = [row["price"]], [row["factor"]]
        for row in self.book.rows_of(DATA):
            price = self.value(CO2_PRICE, CO2_PRICE)
            row["co2_price"] = row["co2_price"] if price is None else price
            self.fill(row, "demand", DEMAND, DEMAND)
        stores = self.book.rows_of(STORAGE)
        if STORAGE in self.book.tables:
            self.book.tables[STORAGE].rows = [r for r in stores if r["year"] != r["year"] or r["year"] == self.year]

    def unused(self) -> None:
        """Report names of the tables that no generator or carrier has."""
        known = {str(r["name"]) for r in self.book.rows_of(GENERATORS)}
        carriers = {str(r["carrier"]) for r in self.book.rows_of(BOTH)}
        for sheet, names in (
            (s, carriers if s == FUELS else known) for s in (POTENTIAL, CAPITAL, FIXED, VARIABLE, FUELS)
        ):
            for (name, year), (_, row) in self.study.by_year.get(sheet, {}).items():
                if year == self.year and name not in names:
                    self.note(
                        f"'{name}' is not in {BOTH if sheet == FUELS else GENERATORS}.",
                        sheet,
                        row,
                        "",
                        did_you_mean(name, names),
                    )

    def note(
        self,
        message: str,
        sheet: str,
        row: int | None,
        column: str,
        hint: str,
        severity: str = "error",
        code: str = "study",
    ) -> None:
        """Keep a problem once, whichever year it shows in."""
        if not any(n.message == message and n.row == row for n in self.study.notes):
            self.study.note(message, sheet, row, column, None, hint, severity, code)
