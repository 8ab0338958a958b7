"""A hotmaps case: the sheets of one workbook, what is chosen in them, and the rows and notes that they become."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dhsdb.importers.hotmaps_language import Expression, form_hint, parse
from dhsdb.importers.hotmaps_layout import (
    BOTH,
    CARRIERS,
    DATA,
    EXTERNAL,
    FACTORS,
    PRICES,
    Book,
    Row,
    fold,
)
from dhsdb.importers.rows import ROW, Rows, Series
from dhsdb.importers.urbs_cells import as_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dhsdb.importers.hotmaps_language import Profiles

SOLD = "electricity sold"
RENEWABLE = "renewable share"
THRESHOLD = -20.0
"""Temperature below which heat pumps of type ``heat pump`` stand still where the workbook names none."""
COP_FLOOR = 1e-3

_GENERAL = {"carrier", "buys_at", "sells_at"}
_UNITS: dict[str, dict[str, str]] = {
    "process": {"existing_mw": "capacity", "capital": "capital", "fixed": "fixed"},
    "process_mode": {"variable": "variable", "act_max_mwh": "potential"},
    "storage": {
        "e_existing": "capacity",
        "charge_max": "load",
        "discharge_max": "unload",
        "capital_e": "capital",
        "fixed_e": "fixed",
        "loss": "loss",
    },
    "commodity": {"price": "price"},
    "commodity_emission": {"t_per_mwh": "factor"},
    "emission": {"price": "co2_price"},
    "demand": {"mwh": "demand"},
}


def number(value: Any) -> float:
    """Return a cell of a numeric column."""
    return float(value) if isinstance(value, (int, float)) else math.nan


def is_set(value: Any) -> bool:
    """Return whether a numeric cell holds a number that is not 0."""
    return number(value) == number(value) and number(value) != 0


@dataclass(frozen=True, slots=True)
class Price:
    """A price by the hour, or the same in each."""

    profile: str = ""
    constant: float = 0.0

    @property
    def label(self) -> str:
        """What tells it from other prices."""
        return self.profile.removeprefix("price ") or f"{self.constant:g}"


class Sheets:
    """The sheets of one workbook, the alternatives that are chosen in them, and the rows that they have become so far.

    Parameters
    ----------
    choices
        Which alternative of a sheet is taken, 1 first.
    later
        Whether a profile that is nowhere may come later.
    """

    def __init__(self, book: Book, profiles: Profiles, site: str, choices: Mapping[str, int], later: bool) -> None:  # noqa: FBT001
        self.book = book
        self.profiles = profiles
        self.site = site
        self.choices = choices
        self.later = later
        self.tables: dict[tuple[str, str], list[Row]] = {}
        self.series: dict[str, Series] = {}
        self.read_kinds: set[str] = set()
        self.bought: dict[Price, str] = {}
        self.sold: dict[Price, str] = {}
        self.external: Row = self.chosen_externals()
        self.general: Row = self.alternative(DATA, book.rows_of(DATA))
        self.carriers = self.read_carriers()
        self.fuels = {str(r["name"]): r for r in book.rows_of(CARRIERS)}

    @property
    def is_catalogue(self) -> bool:
        """Whether it lists technologies without capacity."""
        return self.book.form == "catalogue"

    def alternative(self, sheet: str, rows: list[Row]) -> Row:
        """Return the row that is chosen among those of a sheet."""
        at = self.choices.get(sheet, 1)
        return rows[at - 1] if at <= len(rows) else {}

    def chosen_externals(self) -> Row:
        """Return the names of the profiles."""
        return self.alternative(EXTERNAL, self.book.externals)

    def read_carriers(self) -> dict[str, Row]:
        """Return price and emission factor of each carrier, of the chosen alternatives."""
        found: dict[str, Row] = {}
        for sheet, column in ((BOTH, "price"), (BOTH, "factor"), (PRICES, "price"), (FACTORS, "factor")):
            for row in self.book.rows_of(sheet):
                values = row.get(f"all {column}", [])
                at = self.choices.get(sheet, 1) - 1
                value = number(values[at]) if at < len(values) else math.nan
                name = str(row["carrier"])
                known = found.setdefault(fold(name), {"name": name, ROW: row["_row"], "sheet": sheet})
                if column in known and sheet != BOTH:
                    self.note(
                        f"'{name}' is there twice.", sheet, row, "carrier", name, hint="Leave one.", code="duplicate"
                    )
                elif sheet == BOTH and known[ROW] != row["_row"] and column == "price":
                    self.note(
                        f"'{name}' is there twice, first in row {known[ROW]}.",
                        sheet,
                        row,
                        "carrier",
                        name,
                        hint="Leave one.",
                        code="duplicate",
                    )
                if not name:
                    self.note(
                        "the carrier has no name.", sheet, row, "carrier", hint="Each row needs one.", code="name"
                    )
                known.setdefault(column, value)
                known.setdefault(f"{column} row", row["_row"])
        return found

    def add(self, table: str, sheet: str, row: Row, **facts: Any) -> None:
        """Keep a row of a table, of this year."""
        year = {} if table in ("site", "model_year") else {"year": self.book.year}
        self.tables.setdefault((table, sheet), []).append({**year, **facts, ROW: row.get("_row", 1)})

    def note(self, message: str, sheet: str, row: Row, column: str = "", value: object = None, **facts: str) -> None:
        """Keep a problem of a cell."""
        title = self.book.header(sheet, column) if column else ""
        name = self.book.tables[sheet].name if sheet in self.book.tables else sheet
        self.book.note(message, name, row.get("_row"), title, value, **facts)

    def expression(self, cell: object, sheet: str, row: Row, column: str) -> Expression | None:
        """Return what a cell says of a profile; None if it is blank or wrong."""
        text = as_name(cell)
        if not text or text.casefold() in ("nan", "none"):
            return None
        found = parse(text) if isinstance(cell, str) else None
        if found is None:
            self.note(
                f"'{text[:80]}' names no profile.",
                sheet,
                row,
                column,
                text[:80],
                hint=form_hint(cell),
                code="expression",
            )
        return found

    def general_expression(self, kind: str) -> Expression | None:
        """Return the profile of a kind that holds for all units."""
        self.read_kinds.add(kind)
        row: Row = {"_row": self.external.get("_row")}
        return self.expression(
            self.external.get(kind),
            self.external.get("sheet", EXTERNAL),
            row,
            str(self.external.get(f"header {kind}", kind)),
        )


def rows_of(book: Book, table: str, sheet: str, rows: Iterable[Row]) -> Rows:
    """Return rows of a table in the units of their sheet."""
    import pandas as pd  # heavy

    frame = pd.DataFrame(list(rows))
    held = book.tables.get(sheet)
    units = {
        c: held.units[own] for c, own in _UNITS.get(table, {}).items() if held and own in held.units and c in frame
    }
    return Rows(table, frame, book.path, held.name if held else sheet, units, partial=table == "site")
