"""Cells of tables of buildings as figures and words: decimal commas, blanks of all kinds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dhsdb.importers.building_columns import TARGETS, spell_unit
from dhsdb.importers.decimals import decimal_comma, has_points, is_open, number_of
from dhsdb.importers.units import UnitError, conversion

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from dhsdb.errors import Problem
    from dhsdb.importers.building_columns import BuildingColumns
    from dhsdb.importers.grids import Grid

    Floats = NDArray[np.float64]

BLANKS = frozenset({
    "", "-", "--", "n/a", "na", "nan", "null", "none", "k.a.", "k. a.", "unbekannt", "unknown", "keine angabe", "#n/a", "nodata", "?",
})  # fmt: skip
"""What stands where nothing is known."""
MISSING = (-9999.0, -999.0, -99999.0)
"""Numbers that stand where nothing is known."""
MOST_SHOWN = 200

_QUANTITY = re.compile(r"([-+]?[\d.,' ]*\d)\s*([A-Za-z][A-Za-z0-9²³/()·*^ ]*)")


def is_blank(cell: object) -> bool:
    """Return whether a cell says nothing."""
    if cell is None or (isinstance(cell, float) and cell != cell):  # noqa: PLR0124  NaN
        return True
    return isinstance(cell, str) and cell.strip().casefold() in BLANKS


def table_comma(grid: Grid, columns: BuildingColumns) -> bool | None:
    """Return whether the figures of a table have decimal commas; None = nothing shows it."""
    places = [at for name in (*TARGETS, "levels") for at in columns.places.get(name, ())]
    return decimal_comma(cells(grid, at) for at in places)


def cells(grid: Grid, at: int) -> list[object]:
    """Return the cells of a column."""
    return [row[at] if at < len(row) else None for row in grid.rows]


def figures(
    grid: Grid, at: int, meaning: str, units: dict[int, str], *, comma: bool | None = None
) -> tuple[Floats, list[Problem]]:
    """Return the figures of a column in the unit of its meaning, NaN where blank, and what is wrong with them.

    Parameters
    ----------
    comma
        Whether numbers of the table have decimal commas; None = not known.
    """
    import numpy as np  # heavy

    notes: list[Problem] = []
    column = cells(grid, at)
    own = decimal_comma([column])
    comma = comma if own is None else own
    values, bad = _parsed(column, comma=comma)
    own_units, bad = _with_units(bad, TARGETS.get(meaning, ""), comma=comma)
    header = grid.header[at]
    odd = next((c for c in column if isinstance(c, str) and has_points(c)), None) if comma is None else None
    if odd is not None:
        text = f"numbers such as '{str(odd).strip()}' were read with a decimal point; nothing shows that it parts thousands."
        notes.append(grid.problem(text, None, header, odd, severity="warning", code="number-format"))
    for i, what in bad[:MOST_SHOWN]:
        text = f"'{str(what)[:60]}' is {'not a finite number' if _is_infinite(what) else 'not a number'}."
        hint = "Write 1234.5." if isinstance(what, str) and is_open(what) else "A number or a blank cell is expected."
        notes.append(grid.problem(text, grid.numbers[i], header, what, hint))
    if len(bad) > MOST_SHOWN:
        notes.append(grid.problem(f"{len(bad) - MOST_SHOWN} more cells of this column are no numbers.", None, header))
    values[np.isin(values, MISSING)] = np.nan
    unit, target = units.get(at, ""), TARGETS.get(meaning, "")
    if unit and target:
        try:
            how = conversion(unit, target)
        except UnitError as error:
            notes.append(grid.problem(error.message, grid.head, header, unit, error.hint, code="unit"))
            return values, notes
        values = how.apply(values)
        if not how.is_identity and np.isfinite(values).any():
            text = f"converted from {unit} to {target} ({how})."
            notes.append(grid.problem(text, None, header, unit, severity="info", code="unit-converted"))
    for i, value in own_units.items():
        values[i] = value
    return values, notes


def _with_units(
    bad: list[tuple[int, object]], target: str, *, comma: bool | None
) -> tuple[dict[int, float], list[tuple[int, object]]]:
    """Return the values of cells that name their own unit, such as ``120 m2``, in the target's; and the cells left."""
    found: dict[int, float] = {}
    for i, cell in bad:
        parts = _QUANTITY.fullmatch(cell.strip()) if isinstance(cell, str) and target else None
        number = number_of(parts[1], comma=comma) if parts else None
        if parts is None or number is None:
            continue
        try:
            how = conversion(spell_unit(parts[2]), target)
        except UnitError:
            continue
        found[i] = number * how.factor / how.divisor + how.offset
    return found, [b for b in bad if b[0] not in found]


def _parsed(column: Sequence[object], *, comma: bool | None) -> tuple[Floats, list[tuple[int, object]]]:
    """Return numbers, NaN where blank, and the cells that are none."""
    import numpy as np  # heavy

    values = np.full(len(column), np.nan)
    bad: list[tuple[int, object]] = []
    for i, cell in enumerate(column):
        if is_blank(cell):
            continue
        if isinstance(cell, str) and comma is None and is_open(cell):
            number = None  # a thousand, or a little more than one; where nothing says which, it is asked for
        else:
            number = number_of(cell, comma=comma) if isinstance(cell, str) else _float(cell)
        if number is None or not np.isfinite(number):
            bad.append((i, cell))
        else:
            values[i] = number
    return values, bad


def _float(cell: object) -> float | None:
    if isinstance(cell, bool):
        return None
    try:
        return float(cell)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    except OverflowError:
        return float("inf")


def _is_infinite(cell: object) -> bool:
    return _float(cell) in (float("inf"), float("-inf"))


def words(grid: Grid, at: int) -> list[str | None]:
    """Return the words of a column, None where blank; whole numbers without their point."""
    return [None if is_blank(c) else text_of(c) for c in cells(grid, at)]


def text_of(cell: object) -> str:
    """Return a cell as text; a whole number without its point."""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53:
        return str(int(cell))
    return str(cell).strip()


def listed(items: Iterable[object], most: int = 8) -> str:
    """Return the first of some words, and how many more there are."""
    found = list(items)
    return ", ".join(f"'{str(i)[:40]}'" for i in found[:most]) + (
        f" and {len(found) - most} more" if len(found) > most else ""
    )
