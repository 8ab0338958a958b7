"""Where the table of a sheet begins and ends: titles above its header, a row of units below it, totals and notes at its end."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dhsdb.importers.units import UnitError, conversion

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_LOOKED_AT = 50
"""Rows from the first that is not blank in which the header is sought."""
_TITLE_CELLS = 2
"""Cells that a row of titles has at most."""
_COLUMNS = 3
"""Columns from which a row of one cell is no row of the table."""
_MOST_FILLED = 0.9
_TOTALS = frozenset({
    "total", "totals", "sum", "subtotal", "grand total", "overall", "summe", "gesamt", "gesamtsumme", "zwischensumme", "insgesamt",
    "totaal", "summa", "totalt", "somme", "totale",
})  # fmt: skip
_TARGETS = ("m", "m^2", "m^3", "MWh/year", "MW", "kWh/m^2/year", "degC")
_BRACKETS = re.compile(r"\[.*\]|\(.*\)")
_WORDS = re.compile(r"[^\W\d]{2,}\W+\w")
_SIGNS = frozenset({"", "-", "°", "%", "deg", "degree", "degrees", "a", "jahr", "year", "text", "wgs84"})
_LONGEST = 14


@dataclass(slots=True)
class Bounds:
    """What the rows of a sheet are, by their index.

    Attributes
    ----------
    head
        The header.
    rows
        Rows of the table.
    units
        Unit that a row below the header gives, by column.
    titles, totals, notes
        Rows that are left out.
    """

    head: int = 0
    rows: list[int] = field(default_factory=list)
    units: dict[int, str] = field(default_factory=dict)
    titles: list[int] = field(default_factory=list)
    totals: list[int] = field(default_factory=list)
    notes: list[int] = field(default_factory=list)


def find_bounds(rows: Sequence[Sequence[object]], used: Sequence[int]) -> Bounds:
    """Return where the table begins and ends among the rows that are not blank.

    Examples
    --------
    >>> sheet = [["Plants 2023", None, None], ["name", "power", "heat"], [None, "kW", "MWh/a"], ["a", 1, 2], ["Total", 1, None]]
    >>> found = find_bounds(sheet, range(5))
    >>> found.head, found.units, found.rows, found.totals
    (1, {1: 'kW', 2: 'MWh/a'}, [3], [4])
    """
    if not used:
        return Bounds()
    at = _head(rows, used)
    found = Bounds(used[at], list(used[at + 1 :]), titles=list(used[:at]))
    if found.rows and (units := _units(rows[found.rows[0]])):
        found.units = units
        del found.rows[0]
    if sum(_is_filled(c) for c in rows[found.head]) >= _COLUMNS:
        while len(found.rows) > 1 and _is_note(rows[found.rows[-1]]):
            found.notes.insert(0, found.rows.pop())
        found.totals = list(_totals(rows, found.rows))
        left_out = set(found.totals)
        found.rows = [i for i in found.rows if i not in left_out]
    return found


def _is_filled(cell: object) -> bool:
    return cell is not None and (not isinstance(cell, str) or bool(cell.strip()))


def _filled(row: Sequence[object]) -> int:
    return sum(map(_is_filled, row))


def _is_words(row: Sequence[object]) -> bool:
    return all(isinstance(c, str) for c in row if _is_filled(c))


def _is_note(row: Sequence[object]) -> bool:
    """Return whether a row holds some words in one cell, and no mere id or number."""
    cells = [c for c in row if _is_filled(c)]
    text = str(cells[0]).strip() if len(cells) == 1 and isinstance(cells[0], str) else ""
    return bool(_WORDS.search(text)) or text.startswith("*")


def _head(rows: Sequence[Sequence[object]], used: Sequence[int]) -> int:
    """Return the place of the first row that is words in half of the table's columns, if what stands before it is titles."""
    looked_at = used[:_LOOKED_AT]
    widest = max(_filled(rows[i]) for i in looked_at)
    for place, i in enumerate(looked_at):
        if 2 * _filled(rows[i]) >= widest:
            return place if _is_words(rows[i]) else 0
        if _filled(rows[i]) > _TITLE_CELLS:
            return 0
    return 0


def _units(row: Sequence[object]) -> dict[int, str]:
    """Return the units that a row holds by column; none if it holds anything else."""
    found = {}
    for at, cell in enumerate(row):
        if not _is_filled(cell):
            continue
        if not isinstance(cell, str) or len(cell) > _LONGEST:
            return {}
        word = cell.strip()
        bare = word[1:-1].strip() if _BRACKETS.fullmatch(word) else word
        if bare.casefold() in _SIGNS:
            continue
        if _is_unit(bare):
            found[at] = bare
        elif bare == word:
            return {}
    return found


def _is_unit(word: str) -> bool:
    from dhsdb.importers.building_columns import spell_unit  # it names columns of grids, which are made of this

    for target in _TARGETS:
        try:
            conversion(spell_unit(word), target)
        except UnitError:
            continue
        return True
    return False


def _totals(rows: Sequence[Sequence[object]], listed: Sequence[int]) -> Iterator[int]:
    """Yield rows that begin with a word for a total, and are blank where all others are filled."""
    marked = [i for i in listed if _begins_with_total(rows[i])]
    others = [i for i in listed if i not in marked]
    if not marked or not others:
        return
    width = max(map(len, rows))
    counts = [sum(at < len(rows[i]) and _is_filled(rows[i][at]) for i in others) for at in range(width)]
    always = [at for at, n in enumerate(counts) if n >= _MOST_FILLED * len(others)]
    yield from (i for i in marked if any(at >= len(rows[i]) or not _is_filled(rows[i][at]) for at in always))


def _begins_with_total(row: Sequence[object]) -> bool:
    first = next((c for c in row if _is_filled(c)), None)
    return isinstance(first, str) and " ".join(re.sub(r"[\W_]+", " ", first).casefold().split()) in _TOTALS
