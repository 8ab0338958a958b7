"""The sheets of a urbs workbook, read as urbs reads them, and all that is wrong with their cells.

Whether names refer to something is the concern of :mod:`~dhsdb.importers.urbs_checks`, what a column becomes that of
:mod:`~dhsdb.importers.urbs_tables`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from dhsdb.errors import Problem, did_you_mean
from dhsdb.importers.urbs_cells import BLANK_ERROR, LATER, MISSING, MOST, Cells, as_name, as_number
from dhsdb.importers.urbs_layout import (
    DIRECTIONS,
    GLOBAL,
    LAYOUTS,
    MANDATORY,
    NOTES,
    PROPERTIES,
    SERIES,
    TYPES,
    Book,
    Layout,
)  # fmt: skip
from dhsdb.importers.urbs_series import SeriesSheet

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from dhsdb.importers.workbooks import Sheet, Workbook

_INSTEAD = {("Commodity", "maxperstep"): "It is called maxperhour now, and counts per hour."}


def read_book(workbook: Workbook) -> Book:
    """Read all sheets of a workbook."""
    book = Book(workbook.path)
    known = (GLOBAL, *LAYOUTS, *SERIES)
    place = {name.strip().casefold(): name for name in workbook.names}
    for name in known:
        if name.casefold() not in place:
            if name in MANDATORY:
                hint = did_you_mean(name, set(workbook.names) - {*known}) or f"urbs needs {', '.join(MANDATORY)}."
                book.note(f"the sheet {name} is missing.", name, hint=hint, code="sheet")
            continue
        sheet = workbook.sheet(place[name.casefold()])
        if isinstance(sheet, Problem):
            book.notes.append(sheet)
        elif name in SERIES:
            SeriesSheet(book, sheet, name).read()
        else:
            _TableSheet(book, sheet, name).read()
    _initial(book)
    for name in workbook.names:
        if name.strip().casefold() not in {k.casefold() for k in known}:
            _unknown_sheet(book, name, [k for k in known if k.casefold() not in place])
    return book


def _initial(book: Book) -> None:
    """Say that row t = 0 is not kept."""
    sheets = [sheet for sheet, steps in book.series.items() if steps.initial]
    held = sum(value != 0 for sheet in sheets for value in book.series[sheet].initial.values())
    if sheets:
        but = f"; {held} of its values are not 0" if held else ""
        text = f"ignored in {', '.join(sheets)}: row t = 0, the state before the first step, which no step reads{but}."
        book.note(text, "", severity="info", code="ignored-step-0")


def _unknown_sheet(book: Book, name: str, absent: Sequence[str]) -> None:
    near = did_you_mean(name, absent)
    if near:
        book.note(f"'{name}' is no sheet of urbs.", name, value=name, hint=near, code="sheet")
    else:
        book.note("ignored: urbs has no such sheet.", name, severity="info", code="ignored")


class _TableSheet(Cells):
    """A sheet of rows; Global is one whose properties name the rows."""

    def __init__(self, book: Book, sheet: Sheet, name: str) -> None:
        super().__init__(book, sheet, name)
        self.layout = LAYOUTS.get(name) or Layout(("Property",), {"value": "price"})
        self.place: dict[str, int] = {}
        self.skipped: list[str] = []

    def read(self) -> None:
        """Read the sheet into the book."""
        self.find_columns()
        missing = [c for c in self.layout.columns if c not in self.place and c not in self.layout.optional]
        for column in missing:
            if column not in self.layout.first:
                hint = did_you_mean(column, set(self.header) - {*self.layout.columns, ""})
                hint = (
                    hint or f"urbs needs {', '.join(c for c in self.layout.columns if c not in self.layout.optional)}."
                )
                self.book.note(f"the column {column} is missing.", self.sheet.name, 1, column, hint=hint, code="header")
        if any(key not in self.place for key in self.layout.keys):
            return
        self.headless()
        self.broken(set(self.place.values()))
        self.keep()
        if self.skipped:
            text = f"ignored, since urbs does not read it: column {', '.join(self.skipped)}."
            self.book.note(text, self.sheet.name, severity="info", code="ignored")

    def find_columns(self) -> None:
        """Note the place of each column, and judge those that are not read."""
        by_fold = {c.casefold(): c for c in self.layout.columns}
        self.header = [by_fold.get(h.casefold(), h) for h in self.header]
        self.twice(self.header)
        for at, name in enumerate(self.header):
            if name in self.layout.columns:
                self.place.setdefault(name, at)
        for at, name in enumerate(self.header):
            if name and name not in self.layout.columns:
                self.judge(at, name)

    def judge(self, at: int, name: str) -> None:
        """Refuse or skip a column that is not read."""
        cells = [(i, self.rows[i][at]) for i in self.lines if self.rows[i][at] is not None]
        telling = [
            (i, cell) for i, cell in cells if as_number(cell) not in (0.0, None) and as_number(cell) == as_number(cell)
        ]
        telling += [(i, cell) for i, cell in cells if as_number(cell) is None]
        if (self.name, name) in _INSTEAD:
            self.note(
                f"urbs no longer reads the column {name}.", 1, at, name, hint=_INSTEAD[self.name, name], code="header"
            )
        elif name in self.layout.refused:
            for i, cell in telling[:MOST]:
                hint = (
                    "Direct-current power flow can't be kept; set it to 0 for a plain line."
                    if name == "reactance"
                    else LATER
                )
                self.note(f"the column {name} is not covered.", i + 1, at, cell, hint=hint, code="not-covered")
            if not telling and cells:
                self.skipped.append(name)
        elif name in self.layout.ignored:
            self.ignore(at, name, len(telling), len(cells))
        elif cells:
            self.unknown(at, name)

    def ignore(self, at: int, name: str, n_telling: int, n_cells: int) -> None:
        """Say that a column has no influence."""
        if n_telling:
            text = f"ignored by urbs: {name}, which is not 0 in {n_telling} rows."
            self.note(text, None, at, severity="warning", code=f"ignored-{name}")
        elif n_cells:
            self.skipped.append(name)

    def unknown(self, at: int, name: str) -> None:
        """Refuse what looks like a misspelt column; skip notes."""
        near = did_you_mean(name, [c for c in self.layout.columns if c not in self.place])
        if near and name.casefold() not in NOTES and not name.startswith("_"):
            self.note(f"'{name}' is no column of {self.name}.", 1, at, name, hint=near, code="header")
        else:
            self.skipped.append(name)

    def keep(self) -> None:
        """Put the rows, typed, into the book."""
        import pandas as pd  # heavy

        used = [*self.place.values()]
        lines = [i for i in self.lines if any(self.is_given(i, at) for at in used)]
        if self.name not in MANDATORY:
            numbers = [at for name, at in self.place.items() if name in self.layout.numbers]
            empty = [
                i
                for i in lines
                if not any(as_number(self.rows[i][at]) == as_number(self.rows[i][at]) for at in numbers)
            ]
            for i in empty:
                self.note("ignored, as urbs does: the row has no number.", i + 1, severity="info", code="ignored")
            lines = [i for i in lines if i not in set(empty)]
        data = {key: [self.key(i, key) for i in lines] for key in self.layout.keys}
        if self.name == GLOBAL:
            self.properties(lines)
            return
        frame = pd.DataFrame(data | {c: [self.number(i, c) for i in lines] for c in self.layout.numbers})
        frame["_row"] = pd.Series([i + 1 for i in lines], dtype="int64")
        self.book.tables[self.name] = self.once(frame)

    def is_given(self, line: int, at: int) -> bool:
        cell = self.rows[line][at]
        return (cell is not None and as_name(cell) != "") or bool(
            self.sheet.broken.get((line + 1, at), BLANK_ERROR) != BLANK_ERROR
        )

    def key(self, line: int, column: str) -> str:
        """Return the name in a cell; a blank one is reported, and so is one with a dot."""
        at = self.place[column]
        cell, name = self.rows[line][at], as_name(self.rows[line][at])
        if not isinstance(cell, (str, int, float, type(None))) or isinstance(cell, bool):
            self.note(f"'{cell}' is no name.", line + 1, at, cell, hint="Format the cell as text and write it anew.")
        elif not name or (name.casefold() in MISSING and isinstance(cell, str)):
            if (line + 1, at) not in self.sheet.broken or self.sheet.broken[line + 1, at] == BLANK_ERROR:
                self.note(f"{column} is blank, but names the row.", line + 1, at, cell, hint="Each row needs one.")
        elif "." in name and column in ("Name", "Site", "Site In", "Site Out", "Commodity", "Process"):
            hint = "urbs splits headers such as Site.Commodity at the dot; take it out of the name everywhere."
            self.note(f"the name '{name}' holds a dot.", line + 1, at, cell, hint=hint, code="dot")
        choices = {"Type": TYPES, "Direction": DIRECTIONS}.get(column)
        return self.choice(line, at, name, choices) if choices and name else name

    def choice(self, line: int, at: int, name: str, choices: tuple[str, ...]) -> str:
        found = {c.casefold(): c for c in choices}.get(name.casefold())
        if found is None:
            hint = did_you_mean(name, choices) or f"Allowed: {', '.join(choices)}."
            self.note(f"'{name}' is not allowed.", line + 1, at, name, hint=hint)
        return found or name

    def number(self, line: int, column: str) -> float:
        """Return the number in a cell, NaN where blank; what the column does not allow is reported."""
        if column not in self.place:
            return float("nan")
        at, rule = self.place[column], self.layout.numbers[column]
        cell = self.rows[line][at]
        value = as_number(cell)
        if value is None:
            self.note(f"'{cell}' is not a number.", line + 1, at, cell, hint=_number_hint(cell))
            return float("nan")
        if rule == "number" and math.isnan(value) and self.sheet.broken.get((line + 1, at), BLANK_ERROR) == BLANK_ERROR:
            self.note(f"{column} is blank, but urbs needs a number.", line + 1, at, cell, hint="Write 0 if it is none.")
        elif value == float("inf") and rule in ("number", "optional"):
            self.note(f"{column} can't be unlimited.", line + 1, at, cell, hint="Write a finite number.")
            return float("nan")
        return value

    def once(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Report rows whose names are there twice, and keep the first."""
        keys = list(self.layout.keys)
        twins = frame.duplicated(keys)
        for row in frame[twins].to_dict("records"):
            first = frame.loc[(frame[keys] == [row[k] for k in keys]).all(axis=1), "_row"].iloc[0]
            named = ", ".join(str(row[k]) for k in keys)
            self.note(
                f"({named}) is there twice, first in row {first}.",
                int(row["_row"]),
                hint="Leave one.",
                code="duplicate",
            )
        return frame[~twins].reset_index(drop=True)

    def properties(self, lines: list[int]) -> None:
        """Read the properties of sheet Global."""
        by_fold = {p.casefold(): p for p in PROPERTIES}
        for i in lines:
            given = self.key(i, "Property")
            name = by_fold.get(given.casefold(), given)
            if name in PROPERTIES and name in self.book.properties:
                self.note(
                    f"{name} is there twice.", i + 1, self.place["Property"], given, hint="Leave one.", code="duplicate"
                )
            elif name in PROPERTIES and "value" in self.place:
                self.property(i, name)
            elif given and (near := did_you_mean(given, [p for p in PROPERTIES if p not in self.book.properties])):
                self.note(f"'{given}' is no property of urbs.", i + 1, self.place["Property"], given, hint=near)
            elif given:
                self.note(f"ignored: urbs has no property '{given}'.", i + 1, severity="warning", code="ignored")

    def property(self, line: int, name: str) -> None:
        value = self.number(line, "value")
        at, cell = self.place["value"], self.rows[line][self.place["value"]]
        limited = name not in ("CO2 limit", "CO2 budget", "Cost limit", "Cost budget")
        if math.isnan(value) and as_number(cell) is not None:
            self.note(f"{name} has no value.", line + 1, at, cell, hint="Write a number, or inf for unlimited.")
        elif limited and value == float("inf"):
            self.note(f"{name} can't be unlimited.", line + 1, at, cell, hint="Write a finite number.")
        elif not math.isnan(value):
            self.book.properties[name] = (value, line + 1)


def _number_hint(cell: object) -> str:
    text = str(cell).strip()
    if text.startswith("="):
        return "A number is expected. It is the text of a formula; save the workbook so that it holds the result."
    if text.casefold() in ("-inf", "-infinity"):
        return "Only inf, for unlimited, is known."
    return "A number is expected, or inf where it is unlimited; make the cell a number if it is stored as text."
