"""EnergyPLAN's ``-ascii`` outputs, read by their labels and never by line numbers; what is cut off is said, not filled in.

Three blocks stand side by side at the top (totals, investments, fuel balance), then one table with two header rows for the
year, the months and the hours. Fields are separated by TAB, in old versions by NUL.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from io import StringIO
from typing import TYPE_CHECKING

from dhsdb.errors import Problem
from dhsdb.importers.energyplan_text import HOURS, lines_of, number

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    Value = float | str

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
)  # fmt: skip
MONTH_HOURS = {
    8784: (744, 696, 744, 720, 744, 720, 744, 744, 720, 744, 720, 744),
    8760: (744, 672, 744, 720, 744, 720, 744, 744, 720, 744, 720, 744),
}
SUMMARY = ("Annual Average", "Annual Maximum", "Annual Minimum")

_MODEL = re.compile(r"EnergyPLAN model\s+(\S+)")
_WARNING = re.compile(r"WARNING:\s*(.+?)\s*(?=§|\ufffd|WARNING:|$)")
_UNIT = re.compile(r"\(([^()]*)\)\s*:?\s*$")
_EMISSIONS = ("SO2", "PM2.5", "NOx", "CH4", "N2O")
_FUEL_HEAD = "Primary Energy"
_TOTALS = "TOTAL FOR ONE YEAR"
_MONTHLY = "MONTHLY AVERAGE VALUES"
_HOURLY = "HOURLY VALUES"
_LEFT = 6
_INVESTMENT = 3
_MOST = 20
_WIDE = 30
_NO_NUMBER = ("-", "Percent", "")
"""What stands in cells of the table that have no value."""


@dataclass(slots=True)
class Output:
    """What an output says.

    Attributes
    ----------
    summary
        The left block: label -> values by position (total, variable, breakdown; total, households), and units in words.
    investments, alternatives
        (technology, total investment, annual investment, fixed operation).
    fuel_columns, fuels
        The fuel balance: names of the columns, and a row per fuel.
    labels
        Names of the columns of the table, both header rows joined.
    annual
        The row of the year; text where a cell is no number.
    rows
        Months and the average, maximum and minimum of the year.
    hours
        Shape (hours, columns); NaN where a cell is no number.
    """

    path: Path
    version: str = ""
    dataset: str = ""
    warnings: list[str] = field(default_factory=list)
    units: dict[str, str] = field(default_factory=dict)
    interest: float | None = None
    summary: dict[str, dict[int, Value]] = field(default_factory=dict)
    investments: list[tuple[str, float, float, float]] = field(default_factory=list)
    alternatives: list[tuple[str, float, float, float]] = field(default_factory=list)
    fuel_columns: list[str] = field(default_factory=list)
    fuels: dict[str, list[float]] = field(default_factory=dict)
    emissions: dict[str, float] = field(default_factory=dict)
    labels: list[str] = field(default_factory=list)
    annual: list[Value] = field(default_factory=list)
    rows: dict[str, list[Value]] = field(default_factory=dict)
    hours: NDArray[np.float64] | None = None
    problems: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def total(self, label: str) -> float | None:
        """Return the first number of a label of the left block."""
        values = [v for v in self.summary.get(label, {}).values() if isinstance(v, float)]
        return values[0] if values else None

    @property
    def n_hours(self) -> int:
        """Hours that the file holds."""
        return 0 if self.hours is None else len(self.hours)


def read_output(path: Path, text: str) -> Output:
    """Return what an output says; ``problems`` tells what is wrong with it."""
    found = Output(path)
    lines = lines_of(text)
    fields = [line.replace("\0", "\t").split("\t") for line in lines[: _top(lines)]]
    _head(found, fields)
    starts = {name: _find(lines, name) for name in (_TOTALS, _MONTHLY, _HOURLY)}
    table = next((i for i in starts.values() if i is not None), len(fields))
    _labels(found, lines, table)
    _blocks(found, fields[: max(table - 3, 0)] if found.labels else fields)
    _units(found, lines, starts)
    _table(found, lines, starts)
    _what_is_missing(found)
    return found


def _top(lines: Sequence[str]) -> int:
    """Return how many lines stand before the hours."""
    found = _find(lines, _HOURLY)
    return min(found if found is not None else len(lines), 2000)


def _find(lines: Sequence[str], label: str) -> int | None:
    return next((i for i, line in enumerate(lines[:5000]) if line.lstrip().startswith(label)), None)


# --- the blocks at the top -------------------------------------------------------------------------------------------
def _head(found: Output, fields: Sequence[Sequence[str]]) -> None:
    for cells in fields:
        joined = "\t".join(cells)
        found.warnings += [w.strip() for w in _WARNING.findall(joined)]
        if not found.version and (model := _MODEL.search(joined)):
            found.version = model[1]
        for at, cell in enumerate(cells):
            if cell.strip().startswith("Interest Rate") and at + 1 < len(cells):
                found.interest = number(cells[at + 1].strip().rstrip("%"))
        if cells[0].strip().startswith("RESULT: Data-set") and len(cells) > 1:
            found.dataset = cells[1].strip()


def _blocks(found: Output, fields: Sequence[Sequence[str]]) -> None:
    left = next(
        (at for cells in fields for at, c in enumerate(cells) if c.strip() == "OVERVIEW OF INVESTMENT COSTS"), _LEFT
    )
    named: str | None = None
    seen: Counter[int] = Counter()
    for row, cells in enumerate(fields, 1):
        _left(found, cells[:left])
        pending = named
        named = None
        for name, values in _runs(cells[left:]):
            if name.startswith(_FUEL_HEAD) or name in ("COSTS", "Costs"):
                continue
            if not name:
                seen[0] += len(values) == _INVESTMENT
                if len(values) == _INVESTMENT and (pending or any(values)):
                    found.alternatives.append((pending or f"Various {seen[0]}", values[0], values[1], values[2]))
            elif name in _EMISSIONS and len(values) == 1:
                found.emissions[name] = values[0]
            elif len(values) > _INVESTMENT:
                found.fuels[name] = values
            elif len(values) == _INVESTMENT:
                found.investments.append((name, values[0], values[1], values[2]))
            elif not values and found.investments and not name.startswith("Detailed"):
                named = name
            elif values and len(found.notes) < _MOST:
                said = f"'{name[:40]}' stands with {len(values)} number(s), which is not understood; it is left out."
                found.notes.append(Problem(said, str(found.path), row=row, severity="warning", code="not-understood"))
        if not found.fuels:
            _fuel_head(found, cells[left:])


def _fuel_head(found: Output, cells: Sequence[str]) -> None:
    """Keep the names of the fuel balance's columns: they follow the unit of its energy."""
    words = [c.strip() for c in cells]
    at = next((i for i, w in enumerate(words) if w.startswith(("TWh/", "GWh/"))), None)
    if at is not None and len(words) - at > _INVESTMENT and not found.fuel_columns:
        found.units["fuel"] = words[at]
        found.fuel_columns = [w for w in words[at + 1 :] if w]


def _left(found: Output, cells: Sequence[str]) -> None:
    """Keep a line of the left block: a label, and the values by their place after it."""
    if not cells or not cells[0].strip():
        return
    label, equals, rest = cells[0].partition("=")
    label = re.sub(r"\s+", " ", label).strip().rstrip(":")
    places = [*([rest] if equals else []), *cells[1:]] if equals else list(cells)[1:]
    values: dict[int, Value] = {}
    for at, cell in enumerate(places, 1):
        bare = cell.strip()
        if not bare:
            continue
        value = number(bare.split()[0]) if equals else number(bare)
        values[at] = bare if value is None else value
    if equals:
        # Version 10 writes `Total variable costs = 26793 1000 EUR`.
        label = {"Total Fuel": "Fuel ex. Ngas exchange"}.get(label, label.removeprefix("Total ").strip())
        label = label[:1].upper() + label[1:]
    if values or _UNIT.search(label):
        found.summary.setdefault(label, values)


def _runs(cells: Sequence[str]) -> Iterator[tuple[str, list[float]]]:
    """Yield what stands side by side: a name and the numbers that follow it; numbers without a name have an empty one."""
    name: str | None = None
    values: list[float] = []
    for cell in [*cells, "."]:
        bare = cell.strip()
        value = number(bare)
        if value is not None:
            values.append(value)
            continue
        if values or (name and bare):
            yield name or "", values
            name, values = None, []
        if bare and bare != ".":
            name = bare


# --- the table -------------------------------------------------------------------------------------------------------
def _cells(line: str) -> list[str]:
    cells = [c.strip() for c in line.replace("\0", "\t").split("\t")]
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _labels(found: Output, lines: Sequence[str], table: int) -> None:
    """Join the two header rows by position: the last two wide lines before the table."""
    heads = [i for i in range(max(table - 12, 0), min(table, len(lines))) if len(_cells(lines[i])) > _WIDE]
    if len(heads) < 2:  # noqa: PLR2004
        return
    first, second = (_cells(lines[i])[1:] for i in heads[-2:])
    width = max(len(first), len(second))
    first, second = ([*row, *[""] * (width - len(row))] for row in (first, second))
    found.labels = [f"{a} {b}".strip() for a, b in zip(first, second, strict=True)]


def _units(found: Output, lines: Sequence[str], starts: dict[str, int | None]) -> None:
    for name, label in ((_TOTALS, "annual"), (_MONTHLY, "monthly"), (_HOURLY, "hourly")):
        at = starts[name]
        unit = _UNIT.search(lines[at].replace("\0", "\t").split("\t")[0].strip()) if at is not None else None
        if unit:
            found.units[label] = unit[1].strip()
    for label in found.summary:
        for start, name in (("ANNUAL COSTS", "cost"), ("ANNUAL CO2 EMISSIONS", "co2"), ("ANNUAL FUEL", "summary")):
            if label.startswith(start) and (unit := _UNIT.search(label)):
                found.units[name] = unit[1].strip()


def _table(found: Output, lines: Sequence[str], starts: dict[str, int | None]) -> None:
    if not found.labels:
        return
    hourly = starts[_HOURLY]
    for i in range(len(lines) if hourly is None else hourly):
        label = re.split(r"[\t\0]", lines[i], maxsplit=1)[0].strip().rstrip(":")
        if label == "Annual" or label in MONTHS or label in SUMMARY:
            _short_row(found, lines, i, label)
    if hourly is not None:
        _hours(found, lines, hourly + 1)


def _short_row(found: Output, lines: Sequence[str], at: int, label: str) -> None:
    cells = _cells(lines[at])[1:]
    n = len(found.labels)
    if len(cells) < n and at == len(lines) - 1:
        found.missing.append(f"the rest of the row {label}")
        return
    if len(cells) != n:
        _wrong_width(found, at, label, len(cells))
        return
    values = [c if (v := number(c)) is None else v for c in cells]
    for column, value in zip(found.labels, values, strict=True):
        if isinstance(value, str) and value not in _NO_NUMBER:
            said = f"'{value[:40]}' is not a number."
            found.problems.append(Problem(said, str(found.path), row=at + 1, column=column, value=value[:40]))
    if label == "Annual":
        found.annual = values
    else:
        found.rows[label] = values


def _wrong_width(found: Output, at: int, label: str, n: int) -> None:
    text = f"the row {label} has {n} values, but there are {len(found.labels)} columns."
    hint = "The file is damaged; write the output anew."
    found.problems.append(Problem(text, str(found.path), row=at + 1, column=label, hint=hint, code="format"))


def _hours(found: Output, lines: Sequence[str], start: int) -> None:
    """Read the hourly rows at once; a last row that is cut off is left out."""
    rows = [line for line in lines[start:] if line.strip()]
    if not rows:
        return
    n = len(found.labels)
    last = _cells(rows[-1])
    if len(last) < n + 1 or not rows[-1].rstrip(" ").endswith(("\t", "\0")):
        # Each row ends with a separator, so that a cut in the last number shows.
        found.missing.append(f"hour {last[0]} (cut off in the middle)")
        rows = rows[:-1]
    for i, row in enumerate(rows):
        width = row.count("\t") + row.count("\0")
        if width != n + 1 and len(_cells(row)) != n + 1:
            _wrong_width(found, start + i, _cells(row)[0][:20], len(_cells(row)) - 1)
        if len(found.problems) >= _MOST:
            break
    if rows and not found.problems:
        _parse_hours(found, rows, start)


def _parse_hours(found: Output, rows: Sequence[str], start: int) -> None:
    import numpy as np  # heavy
    import pandas as pd

    n = len(found.labels)
    text = "\n".join(rows).replace("\0", "\t")
    frame = pd.read_csv(
        StringIO(text), sep="\t", header=None, usecols=range(n + 1), skipinitialspace=True, na_values=["-"], quoting=3,
        decimal="," if re.search(r"\d,\d", rows[0] + rows[-1]) else ".", low_memory=False,
    )  # fmt: skip
    values = np.full((len(frame), n + 1), np.nan)
    for column in range(n + 1):
        values[:, column] = pd.to_numeric(frame[column], errors="coerce")
        spoilt = frame[column].notna().to_numpy() & ~np.isfinite(values[:, column])
        known = frame[column].astype(str).str.strip().isin(_NO_NUMBER).to_numpy() if spoilt.any() else spoilt
        for i in np.flatnonzero(spoilt & ~known)[:_MOST]:
            label = "hour" if column == 0 else found.labels[column - 1]
            said = f"'{str(frame[column].iloc[i]).strip()[:40]}' is not a number."
            found.problems.append(
                Problem(
                    said, str(found.path), row=start + int(i) + 1, column=label, value=str(frame[column].iloc[i])[:40]
                )
            )
    wrong = np.flatnonzero(values[:, 0] != np.arange(1, len(values) + 1))
    if len(wrong):
        said = f"hour {int(wrong[0]) + 1} is expected, but '{frame[0].iloc[wrong[0]]}' stands there."
        hint = "Hours are missing or there twice; write the output anew."
        found.problems.append(Problem(said, str(found.path), row=start + int(wrong[0]) + 1, hint=hint, code="format"))
    if len(values) > HOURS[0]:
        said = f"there are {len(values):,} hours; a year has {HOURS[0]}."
        found.problems.append(Problem(said, str(found.path), row=start + HOURS[0] + 1, code="format"))
    found.hours = values[:, 1:]


def _what_is_missing(found: Output) -> None:
    """Collect what a whole output has and this one lacks."""
    parts = (
        (found.version, "the version"),
        (found.summary.get("TOTAL ANNUAL COSTS"), "the annual costs"),
        (found.total("CO2-emission (total)") is not None, "the CO2 emissions"),
        (found.investments, "the investment costs"),
        (found.fuels, "the fuel balance"),
        (found.labels, "the header of the table"),
        (found.annual, "the annual totals"),
    )
    found.missing += [what for has, what in parts if not has]
    lacking = [m for m in MONTHS if m not in found.rows]
    if lacking:
        found.missing.append("the months" if len(lacking) == len(MONTHS) else f"the months from {lacking[0]} on")
    if found.n_hours not in HOURS:
        rest = f"hours {found.n_hours + 1} to {HOURS[0]}" if found.n_hours else "the hours"
        found.missing.append(rest)
