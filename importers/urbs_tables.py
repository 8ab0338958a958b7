"""What the sheets of urbs become: rows of the input tables, so that the model reproduces urbs without flags.

Equations and symbols stand in ``docs/formulation.md``. Flows per step become power, a process gets the mode "1" at each
of its sites, types of commodity become what can be bought, sold, demanded or emitted, and the inputs that the weather
sets (SupIm) become an availability that holds exactly. What stands in the first year lasts ``existing_life`` years from
then on and is repeated with each year, so that a year can be read alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dhsdb.errors import Problem
from dhsdb.importers.rows import ROW, Rows
from dhsdb.importers.urbs_names import CO2, Row
from dhsdb.importers.urbs_year import Year, placed, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dhsdb.importers.rows import Item
    from dhsdb.importers.urbs_layout import Book

OPTIONS = {
    "accounting": "urbs",
    "life_rule": "urbs",
    "negative_emission": "allow",
    "cost_floor": "none",
    "cost_limit_scope": "horizon",
    "periods": "0",  # every hour, as urbs: no typical days
}
"""Switches of the model that reproduce urbs, besides what rows say themselves."""
CURRENCY = "EUR"
FULL_YEARS = (8760, 8784)

_LIMITS = {
    "CO2 limit": ("t", "year", "emission"),
    "CO2 budget": ("t", "horizon", "emission"),
    "Cost limit": ("", "year", "cost"),
    "Cost budget": ("", "horizon", "cost"),
}
_FIRST_ONLY = ("Discount rate", "CO2 budget", "Cost budget")
_HORIZON = ("CO2 budget", "Cost budget")


def tables(books: Sequence[Book], money: Mapping[str, str]) -> Iterator[Item]:
    """Yield what workbooks become, by ascending year; ``money`` says currency and price year, if the user does."""
    yield from _Study(books, money).items()


class _Study:
    """The workbooks of one import."""

    def __init__(self, books: Sequence[Book], money: Mapping[str, str]) -> None:
        self.books = books
        self.money = dict(money)
        self.first = books[0]
        self.several = len(books) > 1
        self.twice = _stored_twice(books)

    def items(self) -> Iterator[Item]:
        yield from self.options()
        yield from self.sites()
        for book in self.books:
            yield from self.year(book)
            yield from self.globals(book)
            year = Year(book, self.first, self.twice)
            yield from year.items()
            yield from self.repeated(book)

    def options(self) -> Iterator[Item]:
        """Yield the switches, and what is assumed of money."""
        import pandas as pd  # heavy

        options = OPTIONS | {"currency": CURRENCY} | self.money
        n = {steps.n for book in self.books for steps in book.series.values()}
        if len(n) == 1 and not n & set(FULL_YEARS):
            options["hours"] = f"0:{n.pop()}"
        frame = pd.DataFrame({"option": list(options), "value": list(options.values())})
        yield Rows("model_option", frame, self.first.path)
        if "currency" not in self.money:
            text = f"the workbook names no currency: {CURRENCY} is taken, in which urbs documents its columns."
            hint = "Name another with -o currency=CODE."
            yield Problem(text, str(self.first.path), hint=hint, severity="info", code="currency-assumed")

    def sites(self) -> Iterator[Item]:
        """Yield each site once, from the first file that names it."""
        rate = self.first.properties.get("Discount rate", (float("nan"), 0))[0]
        known: set[str] = set()
        for book in self.books:
            new = [r for r in book.rows_of("Site") if r["Name"] not in known]
            known |= {r["Name"] for r in new}
            yield from rows_of(
                "site",
                book,
                "Site",
                [placed(r, {"site": r["Name"], "area": r["area"], "discount_rate": rate}) for r in new],
            )

    def year(self, book: Book) -> Iterator[Item]:
        """Yield the model year: it stands for the years until the next one, the last for its Weight."""
        weight, at = book.properties.get("Weight", (float("nan"), 0))
        row: Row = {"year": book.year, "stands_for": None, ROW: book.properties.get("Support timeframe", (0, 1))[1]}
        following = [later.year for later in self.books if (later.year or 0) > (book.year or 0)]
        if following:
            row["stands_for"] = float((following[0] or 0) - (book.year or 0))
            if at:
                yield _ignored(book, at, "Weight counts in the file of the last year only")
        elif at:
            row |= {"stands_for": weight, ROW: at}
        elif self.several:
            hint = "Add it to the file of the last year: the years that this one stands for."
            yield Problem("the property Weight is missing.", str(book.path), "Global", hint=hint, code="weight")
        yield from rows_of("model_year", book, "Global", [row])

    # --- limits over sums ---------------------------------------------------------------------------------------------
    def globals(self, book: Book) -> Iterator[Item]:
        """Yield the limits of sheet Global."""
        for name, (unit, per, quantity) in _LIMITS.items():
            if name not in book.properties:
                continue
            value, at = book.properties[name]
            if name in _HORIZON and (book is not self.first or not self.several):
                continue
            year = None if name in _HORIZON else book.year
            limit = {
                "limit": name, "year": year, "sense": "max", "value": value, "unit": unit or None, "per": per,
                "quantity": quantity, "tag": f"urbs: {name}", ROW: at,
            }  # fmt: skip
            term = {"limit": name, "year": year, "side": "lhs", "n": 1, ROW: at}
            yield from rows_of("limit", book, "Global", [limit])
            yield from rows_of(
                "limit_term", book, "Global", [term | ({"emission": CO2} if quantity == "emission" else {})]
            )
        for name in _FIRST_ONLY:
            if name in book.properties and book is not self.first:
                yield _ignored(book, book.properties[name][1], f"{name} counts in the file of the first year only")
            elif name in book.properties and name in _HORIZON and not self.several:
                yield _ignored(book, book.properties[name][1], f"{name} counts with several years only")
        if any("Discount rate" in b.properties for b in self.books) or not self.several or book is not self.first:
            return
        yield Problem(
            "the property Discount rate is missing.",
            str(book.path),
            "Global",
            hint="Add it to the first file.",
            code="discount",
        )

    def repeated(self, book: Book) -> Iterator[Item]:
        """Say that columns of what stands at the start are not read in later files."""
        if book is self.first:
            return
        for sheet, columns in (
            ("Process", ("inst-cap", "lifetime")),
            ("Transmission", ("inst-cap", "lifetime")),
            ("Storage", ("inst-cap-c", "inst-cap-p", "lifetime")),
        ):
            for column in columns:
                given = [r[column] for r in book.rows_of(sheet) if r[column] == r[column]]
                if given:
                    text = f"ignored, since urbs reads it in the file of the first year only: {column}"
                    text += (
                        f", which is not 0 in {n} rows."
                        if (n := sum(v != 0 for v in given))
                        else ", which is 0 everywhere."
                    )
                    severity = "warning" if n else "info"
                    yield Problem(
                        text, str(book.path), sheet, column=column, severity=severity, code="ignored-first-only"
                    )


def _stored_twice(books: Sequence[Book]) -> set[tuple[str, str]]:
    """Return sites and names of stores of several commodities, which need names of their own."""
    stored: dict[tuple[str, str], set[Any]] = {}
    for book in books:
        for row in book.rows_of("Storage"):
            stored.setdefault((row["Site"], row["Storage"]), set()).add(row["Commodity"])
    return {key for key, commodities in stored.items() if len(commodities) > 1}


def _ignored(book: Book, row: int, why: str) -> Problem:
    return Problem(f"ignored: {why}.", str(book.path), "Global", row, severity="info", code="ignored")
