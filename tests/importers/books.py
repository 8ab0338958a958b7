"""Small workbooks and importers for the tests of the pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import openpyxl
import pandas as pd

from dhsdb.importers.pipeline import run_import
from dhsdb.importers.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from dhsdb.database import Database
    from dhsdb.importers.pipeline import ImportReport
    from dhsdb.importers.rows import Item, Request

Sheets = dict[str, "list[list[object]]"]


def book(path: Path, **sheets: list[list[object]]) -> Path:
    """Write a workbook: sheet name -> rows."""
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.worksheets[0])
    for name, rows in sheets.items():
        sheet = workbook.create_sheet(name)
        for row in rows:
            sheet.append(row)
    workbook.save(path)
    return path


class Given:
    """An importer that yields what it was given."""

    name = "given"
    reads = "what a test hands over"
    attribution = "© the test"

    def __init__(self, *items: Item) -> None:
        self.items = items

    def read(self, request: Request) -> Iterator[Item]:
        del request
        return iter(self.items)


def table(name: str, file: Path, columns: Sequence[str], *lines: Sequence[object], **facts: Any) -> Rows:
    """Return rows of a table as an importer yields them."""
    frame = pd.DataFrame([list(line) for line in lines], columns=list(columns), dtype=object)
    return Rows(name, frame, file, **facts)


def bring(db: Database, file: Path, *items: Item, scenario: str = "base", **options: Any) -> ImportReport:
    """Import items as if they came from a file."""
    if not file.exists():
        file.write_bytes(b"content")
    return run_import(db, Given(*items), file, scenario=scenario, **options)


def effective(db: Database, name: str, columns: Iterable[str], scenario: str = "base") -> list[tuple[object, ...]]:
    """Return columns of the effective rows of a table, sorted."""
    listed = ", ".join(columns)
    rows = db.sql(f"SELECT {listed} FROM input.{name} WHERE scenario = ? ORDER BY ALL", [scenario]).to_pylist()
    return [tuple(row.values()) for row in rows]


def count(db: Database, sql: str) -> int:
    """Return the one number that a query gives."""
    return int(next(iter(db.sql(sql).to_pylist()[0].values())))
