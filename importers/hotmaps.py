"""Workbooks of hotmapsDispatch: a case, technologies without capacity, a study by year, capacities by year; with profiles as CSV.

What a sheet holds is read by :mod:`~dhsdb.importers.hotmaps_sheets`, how profiles are named stands in
:mod:`~dhsdb.importers.hotmaps_language`, what it becomes in :mod:`~dhsdb.importers.hotmaps_tables`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from dhsdb.errors import Problem, did_you_mean
from dhsdb.importers.hotmaps_case import number, rows_of
from dhsdb.importers.hotmaps_language import Profiles, file_kind, is_profiles, parse
from dhsdb.importers.hotmaps_layout import ALTERNATIVES, EXTERNAL, GENERATORS, PRICES, Book
from dhsdb.importers.hotmaps_sheets import is_hotmaps, read_book
from dhsdb.importers.hotmaps_study import CAPACITIES, cases
from dhsdb.importers.hotmaps_tables import Case, items
from dhsdb.importers.rows import ROW, Rows
from dhsdb.importers.units import CURRENCIES
from dhsdb.importers.urbs_cells import as_name
from dhsdb.importers.workbooks import open_workbook

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from dhsdb.importers.rows import Item, Request

__all__ = ["HotmapsImporter", "is_hotmaps", "recognises"]

CURRENCY = "EUR"
OPTIONS = {"accounting": "urbs", "negative_emission": "allow", "cost_floor": "none"}
"""Switches of the model that reproduce the tool, besides what rows say themselves."""
PHYSICS = {"physics": "hotmaps"}
"""Switch for its older form; the later one has no such rows."""

_HIGH_PRICE = 500
"""Price of a fuel, in EUR/MWh, above which the currency is doubted."""
_YEAR = re.compile(r"(?<!\d)(?:19|20|21)\d\d(?!\d)")
_BOOKS = (".xlsx", ".xlsm")
_MISSING = ("refuse", "later")
_CASE = {"temperature": "temp", "price": "price"}
"""What follows low or high in the name of a file, as in LowTemp_HighPrice."""


class HotmapsImporter:
    """Workbooks of hotmapsDispatch."""

    name = "hotmaps"
    reads = "hotmapsDispatch workbooks (.xlsx), one or one per year, with profiles as CSV beside them, or their folder"
    attribution = ""
    options: ClassVar[Mapping[str, str]] = {
        "currency": "ISO code of the amounts, where headers name another or none",
        "price_year": "year of the price level",
        "missing_profiles": "refuse (default), or later: rows name profiles that are not there yet",
        "data": "which row of sheet Data, 1 first",
        "prices": "which column of prices, 1 first",
        "emissions": "which column of emission factors, 1 first",
        "profiles": "which row of the sheet of profiles, 1 first",
        "temperature": "case of a study, or of files named LowTemp, HighTemp in a folder: low or high",
        "price": "case of a study, or of files named LowPrice, HighPrice in a folder: low or high",
    }

    def read(self, request: Request) -> Iterator[Item]:
        """Yield the rows of all files and what is wrong with them; no rows if anything is."""
        wrong = list(_option_problems(request))
        if wrong:
            yield from wrong
            return
        profiles = Profiles(request.held)
        files, notes = _files(request.paths)
        yield from notes
        books: list[Book] = []
        for done, path in enumerate(files):
            request.progress(done, len(files) + 1, f"reading {path.name}")
            if path.suffix.casefold() not in _BOOKS:
                profiles.add(path)
                continue
            workbook = open_workbook(path)
            if isinstance(workbook, Problem):
                books.append(Book(path, "dispatch", notes=[workbook]))
                continue
            try:
                books.append(read_book(workbook, request.options.get("currency", "").upper()))
            finally:
                workbook.close()
        chosen, skipped = _chosen(books, request)
        yield from skipped
        yield from _translated(chosen, profiles, request, failed=any(n.severity == "error" for n in notes))


def recognises(path: Path, head: bytes) -> bool:
    """Return whether a file is a table of hourly profiles in the tool's form."""
    return bool(file_kind(path)) and is_profiles(head.decode("utf-8", errors="replace"))


# --- options and files -----------------------------------------------------------------------------------------------
def _option_problems(request: Request) -> Iterator[Problem]:
    options, place = request.options, str(request.paths[0])
    currency = options.get("currency", "").upper()
    if "currency" in options and currency not in CURRENCIES:
        hint = did_you_mean(currency, CURRENCIES) or f"Known: {', '.join(CURRENCIES)}."
        yield Problem(f"'{options['currency']}' is no currency.", place, hint=hint, code="option")
    if options.get("missing_profiles", "refuse") not in _MISSING:
        yield Problem(
            f"missing_profiles can't be '{options['missing_profiles']}'.",
            place,
            hint=f"Allowed: {', '.join(_MISSING)}.",
            code="option",
        )
    for name in ALTERNATIVES:
        if name in options and not (options[name].isascii() and options[name].isdigit() and int(options[name][:9]) > 0):
            yield Problem(
                f"{name} can't be '{options[name]}'.",
                place,
                hint="Write 1 for the first, 2 for the second ...",
                code="option",
            )


def _files(paths: Sequence[Path]) -> tuple[list[Path], list[Problem]]:
    """Return the workbooks and tables of profiles among files and folders, and what is to be said of others."""
    found: list[Path] = []
    notes: list[Problem] = []
    for path in paths:
        inside = sorted(p for p in path.iterdir() if p.is_file()) if path.is_dir() else [path]
        for file in inside:
            suffix = file.suffix.casefold()
            if file.name.startswith("~$"):
                continue
            if suffix in _BOOKS or (suffix == ".csv" and (file_kind(file) or not path.is_dir())):
                found.append(file)
            elif suffix == ".dat":
                severity = "info" if path.is_dir() else "error"
                text = "not read: .dat files of the tool are pickles, which could run code when they are loaded."
                hint = "Save the profiles as CSV: t,ID|YEAR,... with a row per hour."
                notes.append(Problem(text, str(file), hint=hint, severity=severity, code="pickle"))
            elif not path.is_dir():
                hint = "Name .xlsx workbooks and CSV files of profiles."
                notes.append(
                    Problem("this is neither a workbook nor a table of profiles.", str(file), hint=hint, code="format")
                )
    if not any(f.suffix.casefold() in _BOOKS for f in found):
        notes.append(
            Problem(
                "there is no .xlsx workbook.",
                str(paths[0]),
                hint="Name the workbook besides its profiles.",
                code="format",
            )
        )
    return found, notes


def _chosen(books: list[Book], request: Request) -> tuple[list[Book], list[Problem]]:
    """Leave out of a folder what stands beside the cases: empty templates, catalogues, studies and tables of capacities."""
    named = {p for p in request.paths if p.is_file()}
    whole = [b for b in books if b.form == "dispatch" and (b.rows_of(GENERATORS) or b.failed)]
    asked = [f"{request.options[name]}{word}".casefold() for name, word in _CASE.items() if name in request.options]
    fit = [b for b in whole if all(word in b.path.stem.casefold() for word in asked)]
    fit = [b for b in fit if request.year is None or str(request.year) in _YEAR.findall(b.path.stem)] or fit
    kept = [b for b in books if b.path in named or not whole or b in fit]
    return kept, [
        Problem(
            "left out: it stands beside the case of the folder.",
            str(b.path),
            hint="Import it by its own name.",
            severity="info",
            code="left-out",
        )
        for b in books
        if b not in kept
    ]


# --- from books to rows ----------------------------------------------------------------------------------------------
def _translated(books: list[Book], profiles: Profiles, request: Request, *, failed: bool) -> Iterator[Item]:
    used: list[Book] = []
    for book in books:
        _settle_currency(book, request.options)
        used += cases(book, request.options, request.year) if book.form == "study" and not book.failed else [book]
    _give_years(used, request)
    later = request.options.get("missing_profiles") == "later"
    found = []
    for book in used:
        if book.form == "capacities" or book.failed:
            continue
        choices = dict(_choices(book, request.options))
        case = Case(book, profiles, request.site, choices, later)
        if not book.failed:
            case.run()
            found.append(case)
    _same_interest(found)
    notes = list({(n.file, n.sheet, n.message): n for b in (*books, *used) for n in b.notes}.values())
    yield from (n for n in notes if n not in profiles.notes)
    yield from profiles.notes
    if failed or any(n.severity == "error" for n in (*notes, *profiles.notes)):
        return
    request.progress(1, 2, "bringing it into tables")
    yield from _options(books, found, request)
    known: set[str] = set()
    for case in found:
        yield from items(case)
        yield from (s for name, s in case.series.items() if name not in known)
        known |= set(case.series)
    for book in used:
        if book.form == "capacities":
            yield from _capacities(book, request)


def _settle_currency(book: Book, options: Mapping[str, str]) -> None:
    """Say in which currency the amounts are, and where that is doubtful."""
    asked = options.get("currency", "").upper()
    others = {c: h for c, h in book.said.items() if c != asked}
    if asked and others:
        heads = [h for headers in others.values() for h in headers]
        shown = "; ".join(heads[:3]) + (f"; and {len(heads) - 3} more" if len(heads) > 3 else "")  # noqa: PLR2004
        text = f"{len(heads)} headers say {', '.join(sorted(others))}, but currency={asked} is asked for: the amounts"
        text += f" are taken as {asked} as they are ({shown})."
        book.note(text, GENERATORS, severity="warning", code="currency-differs")
    elif len(others) > 1:
        text = f"the headers name several currencies: {', '.join(sorted(others))}."
        book.note(text, GENERATORS, hint="Say which holds with -o currency=CODE.", code="currency")
    elif not asked and "EUR" in others:
        prices = [(number(r.get("price")), r) for s in (PRICES, "prices and emmision factors") for r in book.rows_of(s)]
        highest = max(prices, key=lambda found: found[0] if found[0] == found[0] else -1, default=(0.0, {}))
        if highest[0] > _HIGH_PRICE:
            text = f"{highest[0]:g} EUR/MWh is far above what '{highest[1]['carrier']}' costs: are the amounts in another currency?"
            book.note(
                text,
                PRICES,
                highest[1]["_row"],
                value=highest[0],
                hint="Say it with -o currency=SEK, for example.",
                severity="warning",
                code="currency-doubtful",
            )


def _give_years(books: Sequence[Book], request: Request) -> None:
    """Give each case its year: of its file name, the one asked for, or that of its load profile."""
    first: dict[int, Book] = {}
    for book in books:
        if book.form == "capacities":
            continue
        told = _YEAR.findall(book.path.stem)
        if book.year is None:
            book.year = int(told[-1]) if len(set(told)) == 1 else request.year
        if request.year is not None and book.year != request.year:
            text = f"the file name says {book.year}, but --year {request.year} is asked for."
            book.note(text, "", hint="Leave --year out, or rename the file.", code="year")
        if book.year is None and book.form == "dispatch":
            _assume_year(book)
        if book.year is not None and first.setdefault(book.year, book) is not book:
            text = f"{book.year} is also the year of {first[book.year].path.name}."
            book.note(
                text,
                "",
                hint="A scenario holds one case of each year: name its files, or choose with -o temperature=low -o price=low.",
                code="year",
            )


def _assume_year(book: Book) -> None:
    load = parse(as_name(book.externals[0].get("load"))) if book.externals else None
    if load is not None and 1900 < load.year < 2200:  # noqa: PLR2004
        book.year = load.year
        text = f"the workbook does not say its year: {load.year} is assumed, that of its load profile."
        book.note(text, EXTERNAL, hint="Name it with --year.", severity="warning", code="year-assumed")


def _choices(book: Book, options: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    """Yield which alternative of each sheet is taken; one that is not there is reported."""
    for name, sheet in ALTERNATIVES.items():
        n = len(book.rows_of(sheet)) if name == "data" else book.n_alternatives.get(sheet, 1)
        at = int(options.get(name, "1")[:9])
        if at > max(n, 1):
            book.note(
                f"there is no alternative {at} of {name}.", sheet, hint=f"The sheet holds {n}.", code="alternative"
            )
        elif n > 1 and name not in options:
            text = f"the sheet holds {n} alternatives: the first is taken."
            book.note(text, sheet, hint=f"Choose another with -o {name}=2.", severity="info", code="alternatives")
        yield sheet, at


def _same_interest(found: Sequence[Case]) -> None:
    rates = {
        number(c.general.get("interest")): c
        for c in found
        if number(c.general.get("interest")) == number(c.general.get("interest"))
    }
    if len(rates) > 1:
        last = list(rates.values())[-1].book
        last.note(
            "the interest rate is another in the other years.", "Data", hint="A scenario has one.", code="interest"
        )


def _options(books: Sequence[Book], found: Sequence[Case], request: Request) -> Iterator[Item]:
    """Yield the switches of the model and the money; each site only once."""
    import pandas as pd  # heavy

    said = next((c for b in books for c in b.said), "")
    currency = request.options.get("currency", "").upper() or said or CURRENCY
    options = {"currency": currency} | {n: v for n in ("price_year",) if (v := request.options.get(n))}
    if found:
        options = OPTIONS | ({} if found[0].book.is_heat_pump_form else PHYSICS) | options
    elif not said and "currency" not in request.options:
        options = {}
    if options:
        yield Rows(
            "model_option", pd.DataFrame({"option": list(options), "value": list(options.values())}), books[0].path
        )
    for case in found[1:]:
        case.tables.pop(("site", "Data"), None)
    if found and not said and "currency" not in request.options:
        text = f"the workbook names no currency: {CURRENCY} is taken."
        yield Problem(
            text,
            str(found[0].book.path),
            hint="Name another with -o currency=CODE.",
            severity="info",
            code="currency-assumed",
        )


def _capacities(book: Book, request: Request) -> Iterator[Item]:
    """Yield capacities by year: a change of processes that are there, or will come."""
    table = book.by_year[CAPACITIES]
    rows = [
        {"year": year, "site": request.site, "process": name, "existing_mw": value, ROW: row}
        for (name, year), (value, row) in table.items()
        if request.year in (None, year)
    ]
    if not rows:
        years = sorted({year for _, year in table})
        text = f"there are no capacities of {request.year}." if years else "the table holds no capacities."
        hint = f"Years: {years[0]} to {years[-1]}." if years else ""
        yield Problem(text, str(book.path), CAPACITIES, hint=hint, code="year")
        return
    made = rows_of(book, "process", CAPACITIES, rows)
    yield Rows("process", made.frame, book.path, made.sheet, partial=True)
