"""urbs workbooks: one file for one year, or a folder with a file per model year.

What a sheet holds is read by :mod:`~dhsdb.importers.urbs_sheets`, whether it fits together is checked by
:mod:`~dhsdb.importers.urbs_checks`, what it becomes is said in :mod:`~dhsdb.importers.urbs_tables`. Here the files get
their order and their years.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from dhsdb.errors import Problem
from dhsdb.importers.checks import YEARS
from dhsdb.importers.urbs_checks import check_books
from dhsdb.importers.urbs_layout import MANDATORY, Book
from dhsdb.importers.urbs_sheets import read_book
from dhsdb.importers.urbs_tables import tables
from dhsdb.importers.workbooks import open_workbook

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from dhsdb.importers.rows import Item, Request

_YEAR = "Support timeframe"


class UrbsImporter:
    """Workbooks of urbs."""

    name = "urbs"
    reads = "urbs workbooks (.xlsx): one file for one year, or a folder with a file per model year"
    attribution = ""
    options: ClassVar[Mapping[str, str]] = {
        "currency": "ISO code of the amounts, which the workbooks don't name; default EUR, as urbs documents",
        "price_year": "year of the price level",
    }

    def read(self, request: Request) -> Iterator[Item]:
        """Yield the rows of all files and what is wrong with them; no rows if anything is."""
        files = list(_files(request.paths))
        if not files:
            yield Problem("the folder holds no .xlsx workbook.", str(request.paths[0]), code="format")
        books: list[Book] = []
        for done, path in enumerate(files):
            request.progress(done, len(files) + 1, f"reading {path.name}")
            workbook = open_workbook(path)
            if isinstance(workbook, Problem):
                yield workbook
                continue
            try:
                books.append(read_book(workbook))
            finally:
                workbook.close()
        _give_years(books, request)
        books.sort(key=lambda book: book.year or 0)
        if books:
            check_books(books)
        yield from (note for book in books for note in book.notes)
        if (
            books
            and len(books) == len(files)
            and not any(note.severity == "error" for book in books for note in book.notes)
        ):
            request.progress(len(files), len(files) + 1, "putting the years together")
            yield from tables(books, request.options)


def is_urbs(sheets: Sequence[str]) -> bool:
    """Return whether a workbook has the sheets that urbs needs, or nearly all of them."""
    found = {name.strip().casefold() for name in sheets}
    return "process-commodity" in found and sum(name.casefold() in found for name in MANDATORY) >= len(MANDATORY) - 1


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(p for p in path.glob("*.xlsx") if not p.name.startswith("~$"))
        else:
            yield path


def _give_years(books: Sequence[Book], request: Request) -> None:
    """Give each workbook its year: its own, else the one asked for; urbs takes the current one for a single file."""
    for book in books:
        value, row = book.properties.get(_YEAR, (None, None))
        if value is not None and (value != int(value) or not YEARS[0] <= value <= YEARS[1]):
            book.note(
                f"'{value:g}' is no calendar year.",
                "Global",
                row,
                "value",
                value,
                f"Allowed: {YEARS[0]} to {YEARS[1]}.",
            )
            continue
        book.year = None if value is None else int(value)
        if book.year is None and len(books) > 1:
            hint = f"Add the property {_YEAR}: several files need a year each."
            book.note(f"the workbook does not say its year ({_YEAR}).", "Global", hint=hint, code="year")
        elif book.year is None:
            _assume_year(book, request)
        elif request.year not in (None, book.year):
            text = f"the workbook is for {book.year}, but --year {request.year} is asked for."
            book.note(
                text, "Global", row, "value", book.year, "Leave --year out, or correct the workbook.", code="year"
            )
    _refuse_twin_years(books)


def _assume_year(book: Book, request: Request) -> None:
    """Give a workbook the year asked for, or the only one of the scenario, or the current one with a warning."""
    held = request.held.table("model_year")["year"].dropna().unique().tolist() if request.held else []
    book.year = request.year or (int(held[0]) if len(held) == 1 else None)
    if book.year is None:
        book.year = datetime.now(UTC).year
        text = f"the workbook does not say its year: {book.year} is assumed, the current one, as urbs does."
        hint = f"Name it with --year, or with the property {_YEAR}."
        book.note(text, "Global", severity="warning", hint=hint, code="year-assumed")


def _refuse_twin_years(books: Sequence[Book]) -> None:
    first: dict[int, Book] = {}
    for book in books:
        if book.year is not None and first.setdefault(book.year, book) is not book:
            text = f"{book.year} is also the year of {first[book.year].path.name}."
            row = book.properties.get(_YEAR, (None, None))[1]
            book.note(text, "Global", row, "value", book.year, "Each file is a year of its own.", code="year")
