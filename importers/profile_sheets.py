"""The sheet ``profile_values`` of the native workbook: one column per hourly profile.

Column A labels the rows: first the head (``profile``, ``kind``, ``unit``, ``text``, and where needed ``start``,
``step_h``, ``calendar``), then the numbers 1, 2, 3, ... of the steps. Columns whose name starts with ``_`` are notes,
those that start with ``#`` examples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dhsdb.errors import Problem, did_you_mean
from dhsdb.importers.rows import Series
from dhsdb.workbook import EXAMPLE
from dhsdb.workbook import PROFILE_HEAD as HEAD

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dhsdb.importers.rows import Item
    from dhsdb.importers.workbooks import Sheet

_MOST_PROBLEMS = 1000


def read_profiles(sheet: Sheet, path: Path) -> Iterator[Item]:
    """Yield the profiles of a sheet, and what is wrong with it."""
    labels = [row[0] if row else None for row in sheet.rows]
    first = next((i for i, label in enumerate(labels) if _is_number(label)), len(labels))
    head = {str(label).strip().casefold(): i for i, label in enumerate(labels[:first]) if label is not None}
    problems = list(_head_problems(sheet, path, head, labels, first))
    yield from problems
    if problems or not sheet.rows:
        return
    for at, name in enumerate(sheet.rows[head["profile"]]):
        if at and not str(name or "").strip().startswith((EXAMPLE, "_")):
            yield from _Column(sheet, path, at, head, first).items()


def _head_problems(
    sheet: Sheet, path: Path, head: dict[str, int], labels: list[object], first: int
) -> Iterator[Problem]:
    for label, at in head.items():
        if label not in HEAD:
            hint = did_you_mean(label, HEAD) or f"Rows of the head: {', '.join(HEAD)}."
            yield Problem(
                f"'{labels[at]}' is no row of the head.", str(path), sheet.name, at + 1, "A", labels[at], hint
            )
    if sheet.rows and not {"profile", "kind"} <= head.keys():
        missing = ", ".join(sorted({"profile", "kind"} - head.keys()))
        hint = f"Column A labels the rows: {', '.join(HEAD)}, then 1, 2, 3, ... for the steps."
        yield Problem(f"the head lacks: {missing}.", str(path), sheet.name, 1, "A", None, hint, code="header")
    for i, number in enumerate(labels[first:], start=1):
        if number != i:
            shown = f"{number:g}" if isinstance(number, float) else number
            text = f"step {i} is not numbered." if number is None else f"'{shown}' stands where step {i} is expected."
            yield Problem(text, str(path), sheet.name, first + i, "A", number, "Number the steps 1, 2, 3, ...")
            return


@dataclass(frozen=True, slots=True)
class _Column:
    """One column of the sheet."""

    sheet: Sheet
    path: Path
    at: int
    head: dict[str, int]
    first: int

    def items(self) -> Iterator[Item]:
        import numpy as np  # heavy

        cells = [row[self.at] for row in self.sheet.rows[self.first :]]
        broken = [what for (row, at), what in self.sheet.broken.items() if at == self.at and row > self.first]
        last = max((i for i, cell in enumerate(cells) if cell is not None), default=-1)
        cells = cells[: last + 1]
        if not cells and not broken and not self.text("profile"):
            return
        problems = list(self.problems(cells))
        yield from problems
        if not problems:
            step = self.cell("step_h")
            yield Series(
                self.text("profile"), np.array(cells, np.float64), self.text("kind").casefold(), self.path,
                unit=self.text("unit"), step_h=1.0 if step is None else float(str(step)), start=self.text("start"),
                sheet=self.sheet.name, calendar=self.text("calendar") or "noleap", text=self.text("text"),
            )  # fmt: skip

    def cell(self, label: str) -> object:
        """Return the cell of a row of the head."""
        return self.sheet.rows[self.head[label]][self.at] if label in self.head else None

    def text(self, label: str) -> str:
        cell = self.cell(label)
        if isinstance(cell, float) and cell.is_integer():
            cell = int(cell)
        return "" if cell is None else str(cell).strip()

    def problems(self, cells: list[object]) -> Iterator[Problem]:
        if not self.text("profile"):
            yield self.problem(self.head["profile"], "a profile has values, but no name.", None, "Name it in the head.")
        step = self.cell("step_h")
        if step is not None and (not _is_number(step) or not 0 < float(str(step)) <= 8784):  # noqa: PLR2004  hours
            yield self.problem(self.head["step_h"], f"'{step}' is no length in hours.", step, "Allowed: above 0.")
        bad = [i for i, cell in enumerate(cells) if not _is_number(cell)]
        for i in bad[:_MOST_PROBLEMS]:
            at = self.first + i
            what = self.sheet.broken.get((at + 1, self.at))
            text = f"'{cells[i]}' is not a number." if cells[i] is not None else "a step has no value."
            text = text if what is None else f"'{what}' is an error." if what else "the formula holds no result."
            yield self.problem(at, text, cells[i], "Each step needs a number.")
        if len(bad) > _MOST_PROBLEMS:
            yield self.problem(self.first, f"{len(bad) - _MOST_PROBLEMS} more steps have no number.", None, "")

    def problem(self, row: int, message: str, value: object, hint: str) -> Problem:
        return Problem(
            message, str(self.path), self.sheet.name, row + 1, self.text("profile"), value, hint, code="cell"
        )


def _is_number(cell: object) -> bool:
    return isinstance(cell, (int, float)) and not isinstance(cell, bool)
