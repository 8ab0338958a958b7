"""Cells of a urbs workbook, read as urbs reads them through pandas: what is missing, what is unlimited, what is broken."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from dhsdb.importers.workbooks import column_letters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dhsdb.importers.urbs_layout import Book
    from dhsdb.importers.workbooks import Sheet

_UNLIMITED = frozenset({"inf", "+inf", "infinity", "+infinity"})
MISSING = frozenset(
    {"", "nan", "-nan", "na", "n/a", "#n/a", "#na", "#n/a n/a", "null", "none", "<na>", "1.#ind", "-1.#ind", "1.#qnan"}
)
"""What pandas, by which urbs reads, takes for missing."""
BLANK_ERROR = "#N/A"
"""The one error of a spreadsheet that counts as blank."""
LATER = "Only later versions of urbs read it, and it would change the model."
_NOT_CALCULATED = "the formula holds no result."
_CALCULATE = "Open the workbook in a spreadsheet program and save it, so that it holds the results."
MOST = 50
"""Cells of a column that are reported one by one."""
_EXACT = 2**53


def as_number(cell: object) -> float | None:
    """Return a cell as urbs reads it: NaN for what is missing, inf for unlimited; None if it is no number."""
    if cell is None:
        return float("nan")
    if isinstance(cell, (int, float)) and not isinstance(cell, bool):
        try:
            number = float(cell)
        except OverflowError:
            return None
        return None if number == -float("inf") else number
    word = cell.strip().casefold() if isinstance(cell, str) else "?"
    return float("nan") if word in MISSING else float("inf") if word in _UNLIMITED else None


def as_name(cell: object) -> str:
    """Return a cell as a name: text without blanks around it, whole numbers without their point."""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < _EXACT:
        return str(int(cell))
    return "" if cell is None else str(cell).strip()


class Cells:
    """What sheets of rows and of hourly values share: header, lines, and cells that only look blank."""

    def __init__(self, book: Book, sheet: Sheet, name: str) -> None:
        self.book = book
        self.sheet = sheet
        self.name = name
        self.rows = sheet.rows
        self.header = [as_name(cell) for cell in sheet.rows[0]] if sheet.rows else []
        self.failed = {row for (row, _), what in sheet.broken.items() if what != BLANK_ERROR}
        self.lines = self.used_lines()

    def used_lines(self) -> list[int]:
        """Return the rows below the header that hold a cell, or one that only looks blank."""
        return [i for i in range(1, len(self.rows)) if i + 1 in self.failed or any(c is not None for c in self.rows[i])]

    def note(
        self, message: str, row: int | None = None, at: int | None = None, value: object = None, **facts: str
    ) -> None:
        """Keep a problem of a cell."""
        column = "" if at is None else (self.header[at] if at < len(self.header) else "") or column_letters(at)
        self.book.note(message, self.sheet.name, row, column, value, **facts)

    def headless(self) -> None:
        """Report columns that hold cells but have no name."""
        for at, name in enumerate(self.header):
            first = next((i for i in self.lines if not name and self.rows[i][at] is not None), None)
            if first is not None:
                text = f"column {column_letters(at)} has cells, but no name in row 1."
                self.note(text, first + 1, at, self.rows[first][at], hint="Name it, or clear it.", code="header")

    def twice(self, names: Sequence[str]) -> None:
        """Report names that are there twice in the header."""
        for name, n in Counter(n for n in names if n).items():
            if n > 1:
                at = len(self.header) - 1 - self.header[::-1].index(name)
                self.note(f"the column {name} is there {n} times.", 1, at, name, hint="Leave one.", code="header")

    def broken(self, used: set[int]) -> None:
        """Report cells of the columns that are used whose formula failed or was never calculated; #N/A is blank in urbs."""
        for (row, at), what in list(self.sheet.broken.items()):
            if at in used and what != BLANK_ERROR:
                text = f"'{what}' is an error of the spreadsheet." if what else _NOT_CALCULATED
                hint = "Mend the formula, or clear the cell." if what else _CALCULATE
                self.note(text, row, at, what or None, hint=hint, code="cell")
