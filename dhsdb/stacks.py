"""Stacks as rows of layer ranges: which layers two scenarios share, and which keys can differ at all."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import duckdb
    import pyarrow as pa

    from dhsdb.names import Ref

NEVER = -1
"""A revision at which no row holds."""

HOLDS = "(r.rev_from <= {at} AND (r.rev_to IS NULL OR r.rev_to > {at}))"
"""Condition that a row holds at a revision."""

DIFFERS = f"r.layer = d.layer AND {HOLDS.format(at='d.low')} <> {HOLDS.format(at='d.high')}"
"""Condition that a row ``r`` of a layer holds at one end of a range ``d`` only."""


@dataclass(frozen=True, slots=True)
class Level:
    """A layer in a stack, read at a revision; levels of the same ``peer`` but another ``branch`` stand equal."""

    rank: int
    layer: int
    pin: int
    peer: int
    branch: int = 0


@dataclass(frozen=True, slots=True)
class Range:
    """A layer read at two revisions; ``low`` is :data:`NEVER` where only one side has the layer."""

    layer: int
    low: int
    high: int


def stack(con: duckdb.DuckDBPyConnection, ref: Ref) -> list[Level]:
    """Return the layers of a scenario at a revision, bottom first."""
    rows = con.execute(
        "SELECT rank, layer, least(coalesce(pin, $revision), $revision), peer, coalesce(branch, 0) FROM meta.stack"
        " WHERE scenario = $scenario AND rev_from <= $revision AND (rev_to IS NULL OR rev_to > $revision)"
        " ORDER BY rank",
        {"scenario": ref.scenario, "revision": ref.revision},
    ).fetchall()
    return [Level(*row) for row in rows]


def ranges(a: Sequence[Level], b: Sequence[Level]) -> list[Range]:
    """Return the layers that tell two stacks apart.

    A layer that stands in both in the same order counts only with what changed between its two pins; any other counts
    as a whole. Keys that no row of these ranges names resolve alike on both sides.
    """
    blocks = SequenceMatcher(None, [x.layer for x in a], [x.layer for x in b], autojunk=False).get_matching_blocks()
    shared = [(a[m.a + i], b[m.b + i]) for m in blocks for i in range(m.size)]
    in_order = {x.layer for x, _ in shared}
    found = [Range(x.layer, min(x.pin, y.pin), max(x.pin, y.pin)) for x, y in shared if x.pin != y.pin]
    return found + [Range(x.layer, NEVER, x.pin) for x in (*a, *b) if x.layer not in in_order]


def as_rows(found: Iterable[Range]) -> pa.Table:
    """Return ranges as rows: layer, low, high."""
    import pyarrow as pa

    rows = list(found)
    columns = {"layer": [r.layer for r in rows], "low": [r.low for r in rows], "high": [r.high for r in rows]}
    return pa.table({name: pa.array(values, pa.int32()) for name, values in columns.items()})


def touched_tables(con: duckdb.DuckDBPyConnection, tables: Iterable[str], found: Sequence[Range]) -> frozenset[str]:
    """Return the input tables that hold a row which differs over some ranges."""
    if not found:
        return frozenset()
    rows = "\nUNION ALL ".join(f"SELECT '{t}' AS name, layer, rev_from, rev_to FROM layer.{t}" for t in tables)
    literal = "({0.layer}::INTEGER, {0.low}::INTEGER, {0.high}::INTEGER)"
    ends = ", ".join(literal.format(r) for r in found)
    sql = f"SELECT DISTINCT r.name FROM ({rows}) AS r JOIN (VALUES {ends}) AS d(layer, low, high) ON {DIFFERS}"
    return frozenset(row[0] for row in con.execute(sql).fetchall())
