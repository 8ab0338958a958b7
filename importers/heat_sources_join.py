"""Tables of heat sources that say different things of the same sources: joined by name and place, never by position."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dhsdb.importers.grids import ranges
from dhsdb.importers.heat_sources_table import SAME, TEXTS, UNITS
from dhsdb.importers.place_columns import factor
from dhsdb.importers.rows import ROW, Rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dhsdb.errors import Problem
    from dhsdb.importers.heat_sources_table import SourceTable
    from dhsdb.importers.rows import Item

DIGITS = 5
"""Decimals of degrees to which places are the same: about a metre."""
_CELLS = (*TEXTS, *UNITS)
_Key = tuple[str, float, float]


@dataclass(slots=True)
class _Source:
    """One source: where it stands, its values in the units of its own table."""

    table: SourceTable
    line: int
    cells: dict[str, Any] = field(default_factory=dict)
    key: str = ""

    @property
    def place(self) -> _Key | None:
        """Name and place, which tables are joined by."""
        degrees = self.table.degrees[self.line]
        title = self.cells.get("title")
        if degrees is None:
            return None
        return str(title or "").casefold(), round(degrees[1], DIGITS), round(degrees[0], DIGITS)


def join(tables: Sequence[SourceTable]) -> Iterator[Item]:
    """Yield the rows of each table; a source that several tables name goes with the one that has ids, or the first."""
    ordered = sorted(tables, key=lambda t: "heat_source" not in t.columns)
    kept: list[_Source] = []
    for table in ordered:
        known = _by_place(kept)
        joined: list[int] = []
        for source in _sources(table):
            twins = known.get(source.place, []) if source.place and not source.key else []
            if twins:
                joined.append(source.line)
                yield from _complete(twins.pop(0), source)
            else:
                kept.append(source)
        if joined:
            text = f"{ranges(table.grid.numbers[i] for i in joined)} were joined by name and place to sources of the other tables."
            yield table.grid.problem(text, severity="info", code="joined")
    yield from _name(kept)
    for table in tables:
        yield from _rows([s for s in kept if s.table is table], table)


def _by_place(kept: Sequence[_Source]) -> dict[_Key | None, list[_Source]]:
    found: dict[_Key | None, list[_Source]] = {}
    for source in kept:
        found.setdefault(source.place, []).append(source)
    return found


def _sources(table: SourceTable) -> Iterator[_Source]:
    for i in table.lines:
        values = {name: table.values[name][i] for name in _CELLS if name in table.values}
        key = table.values["heat_source"][i] if "heat_source" in table.values else None
        yield _Source(table, i, values, "" if key is None else str(key))


def _complete(source: _Source, other: _Source) -> Iterator[Problem]:
    """Give a source what another table says of it; contradictions are reported."""
    for name, theirs in other.cells.items():
        value = theirs
        if name in UNITS and isinstance(theirs, float):
            times = factor(
                other.table.units[name] or UNITS[name],
                source.table.units.setdefault(name, other.table.units[name]) or UNITS[name],
            )
            value = theirs * times if times is not None else theirs
        own = source.cells.get(name)
        if own is None:
            source.cells[name] = value
        elif value is not None and not _agree(own, value):
            place = source.table.grid.problem("", source.table.grid.numbers[source.line]).location
            text = f"{name} is {value} here and {own} in {place}."
            hint = "Correct one of them, or import them apart."
            yield other.table.grid.problem(
                text, other.table.grid.numbers[other.line], name, value, hint, code="contradiction"
            )


def _agree(one: object, other: object) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) <= SAME * max(abs(one), abs(other))
    return str(one).casefold() == str(other).casefold()


def _name(sources: Sequence[_Source]) -> Iterator[Problem]:
    """Give sources without an id one of name and place; those that share both are numbered."""
    seen: dict[str, int] = {}
    made: dict[int, list[_Source]] = {}
    twins: dict[int, list[_Source]] = {}
    for source in sources:
        if source.key:
            continue
        stem = _stem(source)
        if not stem:
            grid = source.table.grid
            text = "the source has neither an id, nor a name, nor a place."
            yield grid.problem(text, grid.numbers[source.line], "heat_source", hint="Give it one of them.", code="key")
            continue
        seen[stem] = seen.get(stem, 0) + 1
        source.key = stem if seen[stem] == 1 else f"{stem} #{seen[stem]}"
        made.setdefault(id(source.table), []).append(source)
        if seen[stem] > 1:
            twins.setdefault(id(source.table), []).append(source)
    for listed in made.values():
        grid = listed[0].table.grid
        text = f"{ranges(grid.numbers[s.line] for s in listed)} have no id: it was made of name and place, as in '{listed[0].key}'."
        yield grid.problem(text, None, "heat_source", severity="info", code="id-made")
    for listed in twins.values():
        grid = listed[0].table.grid
        text = (
            f"{ranges(grid.numbers[s.line] for s in listed)} repeat name and place of an earlier row ({', '.join(_titles(listed))[:200]});"
            " they were kept as sources of their own and numbered."
        )
        hint = "Delete them if they are the same source."
        yield grid.problem(text, None, "heat_source", hint=hint, severity="warning", code="repeated")


def _titles(sources: Sequence[_Source]) -> list[str]:
    return list(dict.fromkeys(str(s.cells.get("title") or s.key) for s in sources))


def _stem(source: _Source) -> str:
    degrees = source.table.degrees[source.line]
    word = source.cells.get("title") or (source.cells.get("kind") or "source" if degrees else "")
    return f"{word} @ {degrees[1]:.{DIGITS}f}, {degrees[0]:.{DIGITS}f}" if degrees else str(word or "")


def _rows(sources: Sequence[_Source], table: SourceTable) -> Iterator[Rows]:
    import pandas as pd  # heavy

    names = [name for name in _CELLS if any(name in s.cells for s in sources)]
    # Geometries of a system of its own go apart.
    codes = sorted({table.places.codes[s.line] for s in sources})
    units = {name: unit for name, unit in table.units.items() if unit and name in names}
    for code in codes:
        part = [s for s in sources if table.places.codes[s.line] == code]
        cells: dict[str, Any] = {name: pd.Series([s.cells.get(name) for s in part], dtype=object) for name in names}
        cells["heat_source"] = pd.Series([s.key for s in part], dtype=object)
        cells["geometry"] = pd.Series([table.places.shapes[s.line] for s in part], dtype=object)
        cells[ROW] = pd.Series([table.grid.numbers[s.line] for s in part], dtype="int64")
        yield Rows("heat_source", pd.DataFrame(cells), table.grid.file, table.grid.sheet, units, epsg=code)
