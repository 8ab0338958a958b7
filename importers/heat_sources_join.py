"""Tables of heat sources that say different things of the same sources: joined by name and place, never by position.

Sources without ids are also looked for among those that the scenario holds.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dhsdb.importers.grids import ranges
from dhsdb.importers.heat_sources_held import NEAR_M
from dhsdb.importers.heat_sources_table import SAME, TEXTS, UNITS
from dhsdb.importers.place_columns import factor
from dhsdb.importers.rows import ROW, Rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dhsdb.errors import Problem
    from dhsdb.importers.heat_sources_held import HeldSources
    from dhsdb.importers.heat_sources_table import SourceTable
    from dhsdb.importers.rows import Item

DIGITS = 5
"""Decimals of degrees to which places are the same: about a metre."""
_CELLS = (*TEXTS, *UNITS)
_Key = tuple[str, float, float]


@dataclass(slots=True)
class _Source:
    """One source: where it stands, its values in the units of its own table.

    Attributes
    ----------
    held
        How the scenario holds it under a key that is not made of its name and place: ``there``, or ``moved`` nearby.
    """

    table: SourceTable
    line: int
    cells: dict[str, Any] = field(default_factory=dict)
    key: str = ""
    held: str = ""

    @property
    def name(self) -> str:
        """Name without case."""
        return str(self.cells.get("title") or "").casefold()

    @property
    def degrees(self) -> tuple[float, float]:
        """Longitude and latitude of a source that has a place."""
        found = self.table.degrees[self.line]
        assert found is not None  # noqa: S101  as place says
        return found

    @property
    def place(self) -> _Key | None:
        """Name and place, which tables are joined by."""
        degrees = self.table.degrees[self.line]
        if degrees is None:
            return None
        return self.name, round(degrees[1], DIGITS), round(degrees[0], DIGITS)


def join(tables: Sequence[SourceTable], held: HeldSources) -> Iterator[Item]:
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
    yield from _recognise(kept, held)
    yield from _name(kept)
    for table in tables:
        own = [s for s in kept if s.table is table]
        yield from _rows([s for s in own if not s.held], table)
        yield from _rows([s for s in own if s.held == "moved"], table)
        yield from _rows([s for s in own if s.held == "there"], table, there=True)


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


def _recognise(sources: Sequence[_Source], held: HeldSources) -> Iterator[Problem]:
    """Give sources without an id the key under which the scenario holds them; tell those that it holds under another id."""
    if not held.by_name:
        return
    named = [s for s in sources if s.place is not None and s.name]
    bare = [s for s in named if not s.key]
    claimed = {s.key for s in sources if s.key}
    double = [s for s in named if s.key and set(held.at(s.name, s.degrees)) - claimed]
    counts = Counter(s.name for s in bare)
    for source in bare:
        key = next((k for k in held.at(source.name, source.degrees) if k not in claimed), None)
        source.held = "there" if key is not None else ""
        if key is None and counts[source.name] == 1:
            key = held.near(source.name, source.degrees)
            source.held = "moved" if key is not None and key not in claimed else ""
        if key is None or key in claimed:
            continue
        claimed.add(key)
        if key.startswith(_stem(source)):
            source.held = ""  # its own key, of an import before
        else:
            source.key = key
    yield from _told(double, "in the scenario under other ids, by name and place, and now once more", "double",
                     hint="Remove one of the two, or give them the same id.", severity="warning")  # fmt: skip
    yield from _told(
        [s for s in bare if s.held == "there"], "in the scenario by name and place, whose ids are kept", "matched"
    )
    text = f"moved by up to {NEAR_M:g} m from where the scenario has them, whose ids are kept"
    yield from _told([s for s in bare if s.held == "moved"], text, "moved", severity="warning")


def _told(
    sources: Sequence[_Source], text: str, code: str, *, hint: str = "", severity: str = "info"
) -> Iterator[Problem]:
    by_table: dict[int, list[_Source]] = {}
    for source in sources:
        by_table.setdefault(id(source.table), []).append(source)
    for listed in by_table.values():
        grid = listed[0].table.grid
        said = f"{text}: {ranges(grid.numbers[s.line] for s in listed)} ({', '.join(_titles(listed))[:200]})."
        yield grid.problem(said, None, "heat_source", hint=hint, severity=severity, code=code)


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
        text = f"no id in {ranges(grid.numbers[s.line] for s in listed)}: it was made of name and place, as in '{listed[0].key}'."
        yield grid.problem(text, None, "heat_source", severity="info", code="id-made")
    for listed in twins.values():
        grid = listed[0].table.grid
        text = (
            f"name and place of an earlier row in {ranges(grid.numbers[s.line] for s in listed)} ({', '.join(_titles(listed))[:200]}):"
            " kept as sources of their own and numbered."
        )
        hint = "Delete them if they are the same source."
        yield grid.problem(text, None, "heat_source", hint=hint, severity="warning", code="repeated")


def _titles(sources: Sequence[_Source]) -> list[str]:
    return list(dict.fromkeys(str(s.cells.get("title") or s.key) for s in sources))


def _stem(source: _Source) -> str:
    degrees = source.table.degrees[source.line]
    word = source.cells.get("title") or (source.cells.get("kind") or "source" if degrees else "")
    return f"{word} @ {degrees[1]:.{DIGITS}f}, {degrees[0]:.{DIGITS}f}" if degrees else str(word or "")


def _rows(sources: Sequence[_Source], table: SourceTable, *, there: bool = False) -> Iterator[Rows]:
    """Yield rows; of sources that the scenario holds they set those cells alone that the file has."""
    import pandas as pd  # heavy

    names = [name for name in _CELLS if any(name in s.cells for s in sources)]
    # Geometries of a system of its own go apart.
    codes = sorted({table.places.codes[s.line] for s in sources})
    units = {name: unit for name, unit in table.units.items() if unit and name in names}
    for code in codes:
        part = [s for s in sources if table.places.codes[s.line] == code]
        cells: dict[str, Any] = {name: pd.Series([s.cells.get(name) for s in part], dtype=object) for name in names}
        cells["heat_source"] = pd.Series([s.key for s in part], dtype=object)
        if not there:
            cells["geometry"] = pd.Series([table.places.shapes[s.line] for s in part], dtype=object)
        cells[ROW] = pd.Series([table.grid.numbers[s.line] for s in part], dtype="int64")
        yield Rows("heat_source", pd.DataFrame(cells), table.grid.file, table.grid.sheet, units, code, partial=True)
