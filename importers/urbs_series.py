"""Sheets of hourly values of a urbs workbook: column t, which numbers the steps, and one column each."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from dhsdb.errors import did_you_mean
from dhsdb.importers.urbs_cells import LATER, MOST, Cells, as_number
from dhsdb.importers.urbs_layout import DROPS_BLANK, SERIES, Steps

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray


class SeriesSheet(Cells):
    """A sheet of hourly values: column t, and one column each."""

    def read(self) -> None:
        """Read the sheet into the book."""
        if "t" not in self.header:
            near = did_you_mean("t", [h for h in self.header if len(h) == 1])
            self.note(
                "the column t, which numbers the steps, is missing.",
                1,
                hint=near or "Row 1: t, then the names.",
                code="header",
            )
            return
        self.headless()
        self.twice(self.header)
        named = {at: name for at, name in enumerate(self.header) if name and name != "t"}
        self.broken({*named, self.header.index("t")})
        n, first = self.count_steps()
        if not n:
            return
        steps = Steps(n, {}, {})
        for at, name in named.items():
            if self.header.index(name) == at and self.is_named_right(at, name):
                self.column(steps, at, name, first)
        self.book.series[self.name] = steps

    def used_lines(self) -> list[int]:
        """Return the rows up to the last that holds a cell."""
        last = len(self.rows) - 1
        while last > 0 and all(cell is None for cell in self.rows[last]):
            last -= 1
        return list(range(1, last + 1))

    def count_steps(self) -> tuple[int, int]:
        """Return the number of steps, and the line of step 1; report what does not count on by one from 0 or 1."""
        at = self.header.index("t")
        if not self.lines:
            self.note("the sheet has no steps.", 1, at, hint="Rows t = 0, 1, 2, ... are expected.", code="steps")
            return 0, 0
        start = self.rows[self.lines[0]][at]
        if start not in (0, 1) or isinstance(start, bool):
            text = f"t begins with '{start}'."
            self.note(
                text,
                self.lines[0] + 1,
                at,
                start,
                hint="Number the steps 0, 1, 2, ...; row 0 is the state before them.",
                code="steps",
            )
            return 0, 0
        for i, line in enumerate(self.lines):
            cell = self.rows[line][at]
            if isinstance(cell, bool) or cell != start + i:
                text = f"'{cell}' stands where t = {int(start) + i} is expected."
                hint = "Number the steps one by one, without gaps or blank rows."
                self.note(text, line + 1, at, cell, hint=hint, code="steps")
                return 0, 0
        n = len(self.lines) - (start == 0)
        if not n:
            self.note("the sheet has no step after t = 0.", self.lines[0] + 1, at, code="steps")
        return n, self.lines[0] + (start == 0)

    def is_named_right(self, at: int, name: str) -> bool:
        """Report a header that is not site and name with one dot between them, or no name alone."""
        second = SERIES[self.name]
        if name == "weight_typeperiod":
            hint = LATER
        elif second and (name.count(".") != 1 or not all(part.strip() for part in name.split("."))):
            hint = f"Write Site.{second}, with one dot."
        elif not second and "." in name:
            hint = "Prices hold for all sites: write the commodity alone."
        else:
            return True
        self.note(f"'{name}' is no header of {self.name}.", 1, at, name, hint=hint, code="header")
        return False

    def column(self, steps: Steps, at: int, name: str, first: int) -> None:
        """Read one column; a value that is missing is reported, a column without any is absent where urbs drops it."""
        import numpy as np  # heavy

        cells = [self.rows[i][at] for i in range(first, first + steps.n)]
        values = _floats(cells)
        if np.isnan(values).all() and not any(isinstance(c, str) for c in cells) and self.name in DROPS_BLANK:
            self.note("ignored, as urbs does: the column has no value.", None, at, severity="info", code="ignored")
            return
        bad = np.flatnonzero(~np.isfinite(values))
        for i in bad[:MOST]:
            cell = cells[i]
            shown = f"'{cell}' is no finite number" if cell is not None else "the cell is blank"
            self.note(
                f"{shown}, in step {i + 1}.", first + int(i) + 1, at, cell, hint="A number is expected in every step."
            )
        if len(bad) > MOST:
            self.note(f"{len(bad) - MOST} more cells of this column are no finite numbers.", None, at)
        steps.columns[".".join(part.strip() for part in name.split("."))] = values
        if first - 1 in self.lines:
            value = as_number(self.rows[first - 1][at])
            steps.initial[name] = 0.0 if value is None or math.isnan(value) else value


def _floats(cells: Sequence[object]) -> NDArray[np.float64]:
    """Return cells as floats, NaN where they are none."""
    import numpy as np  # heavy

    plain = all(isinstance(c, (int, float)) and not isinstance(c, bool) for c in cells)
    if plain:
        return np.array(cells, dtype=np.float64)
    numbers = (as_number(c) for c in cells)
    return np.array([np.nan if value is None else value for value in numbers], dtype=np.float64)
