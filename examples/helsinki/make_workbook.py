"""Write ``helsinki.xlsx``, the native workbook of the Helsinki study: a sheet per input table, rows with their source.

Run by whoever changes a figure: ``python -m dhsdb.examples.helsinki.make_workbook``. The same figures give the same
file, byte for byte. Columns that start with ``_`` are notes, which the importer leaves alone.
"""

from __future__ import annotations

import io
import re
import zipfile
from typing import TYPE_CHECKING

from dhsdb.examples.helsinki import ATTRIBUTION, WORKBOOK
from dhsdb.examples.helsinki.figures import PRICE_YEAR, ROWS
from dhsdb.schema.catalog import input_table
from dhsdb.schema.inputs import MONEY

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from openpyxl import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

    from dhsdb.examples.helsinki.figures import Row

NOTES = ("_unit", "_price_year", "_source", "_note")
"""Columns for people, after those of the table."""

README = (
    "Helsinki study: technology data of a made-up heat supply for the real city centre",
    "An illustration of dhsdb. It is not the network, the plants or the plans of Helen Oy or of anybody else.",
    "",
    "One sheet per input table; its first row holds the names of the columns, which `dhsdb schema TABLE` explains.",
    "A blank year means every year; a blank cell means: not set, no limit, or off.",
    "Columns that start with _ are notes: _unit (of the row's figures), _price_year (of its money), _source, _note.",
    "Money is real EUR of 2020. Geometry is WKT in degrees, longitude first (EPSG 4326).",
    "",
    "There is no demand and no hourly profile here: demand follows from the buildings of the OpenStreetMap extract and",
    "the sheet specific_demand, profiles from dhsdb.examples.helsinki.profiles. README.md says what is real.",
    f"Streets in network_pipe and plant_site, supermarkets and metro stations: {ATTRIBUTION}",
    "Written by dhsdb.examples.helsinki.make_workbook; the figures stand in figures.py beside it.",
)

_STAMP = (2026, 1, 1, 0, 0, 0)


def tables() -> dict[str, list[Row]]:
    """Return the rows of all sheets, notes included."""
    return {name: [_noted(name, row) for row in rows()] for name, rows in ROWS.items()}


def _noted(table: str, row: Row) -> Row:
    """Add the units of a row's figures, and their price year where they are money."""
    units = {n: m.unit for n, m in input_table(table).own().items() if m.unit and isinstance(row.get(n), int | float)}
    text = "; ".join(f"{column} {unit.replace(MONEY, 'EUR')}" for column, unit in units.items())
    has_money = any(MONEY in unit for unit in units.values())
    return {**row, "_unit": text or None, "_price_year": PRICE_YEAR if has_money else None}


def columns(table: str, rows: Iterable[Row]) -> list[str]:
    """Return the header of a sheet: key, year and the cells that a row sets, in the order of the table; then notes."""
    used = {column for row in rows for column, value in row.items() if value is not None}
    kind = input_table(table)
    year = ["year"] if "year" in used else []
    return [*kind.keys(), *year, *(cell for cell in kind.cell_names() if cell in used), *NOTES]


def workbook() -> Workbook:
    """Return the workbook: the sheet ``readme``, then one sheet per table."""
    from openpyxl import Workbook
    from openpyxl.styles import Font

    book = Workbook()
    readme = book.worksheets[0]
    readme.title = "readme"
    for line in README:
        readme.append([line or None])
    readme["A1"].font = Font(bold=True)
    for name, rows in tables().items():
        _fill(book.create_sheet(name), columns(name, rows), rows)
    return book


def _fill(sheet: Worksheet, header: list[str], rows: Iterable[Row]) -> None:
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    sheet.append(header)
    for row in rows:
        sheet.append([row.get(column) for column in header])
    sheet.freeze_panes = "A2"
    for number, column in enumerate(header, start=1):
        sheet.cell(1, number).font = Font(bold=True, italic=column in NOTES)
        sheet.column_dimensions[get_column_letter(number)].width = max(10, len(column) + 2)


def save(book: Workbook, path: Path) -> None:
    """Write a workbook without the time of writing, so that equal contents are equal files."""
    buffer = io.BytesIO()
    book.save(buffer)
    stamp = "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z".format(*_STAMP).encode()
    with zipfile.ZipFile(buffer) as written, zipfile.ZipFile(path, "w") as file:
        for name in written.namelist():
            data = written.read(name)
            if name == "docProps/core.xml":
                data = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", stamp, data)
            file.writestr(zipfile.ZipInfo(name, _STAMP), data, zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    save(workbook(), WORKBOOK)
