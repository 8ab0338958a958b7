"""Cells that layers of equal standing set to different values, found before a model silently takes the last of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dhsdb.bulk import registered
from dhsdb.stacks import HOLDS, NEVER, Range, stack, touched_tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb
    import pyarrow as pa

    from dhsdb.names import Ref
    from dhsdb.schema.inputs import InputRow
    from dhsdb.stacks import Level

_LEVEL = "conflict_level"


@dataclass(frozen=True, slots=True)
class Conflict:
    """A cell that two layers of equal standing set differently, as long as no layer above them sets it.

    Attributes
    ----------
    key
        Natural key in words.
    year
        Year of the cell; None = every year.
    column
        Empty if one of them removes the row.
    lower, upper
        Names of the layers; ``upper`` stands higher and wins.
    """

    table: str
    key: str
    year: int | None
    column: str
    lower: str
    lower_value: str
    upper: str
    upper_value: str

    def __str__(self) -> str:
        place = ", ".join(str(p) for p in (self.table, self.key, self.year, self.column) if p)
        return f"{place}: '{self.lower}' sets {self.lower_value}, '{self.upper}' sets {self.upper_value}"


def has_equals(levels: Sequence[Level]) -> bool:
    """Return whether layers of a stack stand equal."""
    return len({(x.peer, x.branch) for x in levels}) > len({x.peer for x in levels})


def conflicts(con: duckdb.DuckDBPyConnection, ref: Ref) -> tuple[Conflict, ...]:
    """Return what layers of equal standing of a scenario disagree about, by table and key."""
    from dhsdb.schema.catalog import INPUT  # heavy

    levels = stack(con, ref)
    if not has_equals(levels):
        return ()
    equal = [x for x in levels if len({y.branch for y in levels if y.peer == x.peer}) > 1]
    held = touched_tables(con, INPUT, [Range(x.layer, NEVER, x.pin) for x in equal])
    found: list[Conflict] = []
    with registered(con, _LEVEL, _as_rows(levels)):
        for name in (n for n in INPUT if n in held):
            keys = "".join(f', c."{k}"::VARCHAR' for k in INPUT[name].keys())
            rows = con.execute(
                f"SELECT concat_ws(' / '{keys or ', NULL'}), year, cell, lower, lower_value, upper, upper_value"
                f" FROM ({conflicts_sql(INPUT[name], _LEVEL)}) AS c ORDER BY ALL"
            ).fetchall()
            found += [Conflict(name, *row) for row in rows]
    return tuple(found)


def conflicts_sql(table: type[InputRow], level: str) -> str:
    """Return SQL of key, year, cell, lower, lower_value, upper, upper_value of the cells that equals set differently.

    Parameters
    ----------
    level
        Relation with rank, layer, pin, peer and branch.
    """
    keys = [f'"{k}"' for k in table.keys()]
    columns = table.cell_names()
    text = {c: f'hex(ST_AsWKB(r."{c}"))' if c in table.geometries() else f'r."{c}"::VARCHAR' for c in columns}
    lines = ", ".join(f"{{name: '{c}', value: {text[c]}}}" for c in columns)
    group = ", ".join(["rank", "peer", "branch", "layer", "year", *keys])
    listed = "".join(f"r.{k}, " for k in keys)

    def same(a: str, b: str) -> str:
        return " AND ".join(f"{a}.{k} = {b}.{k}" for k in keys) or "TRUE"

    def decided(side: str, above: str) -> str:
        """Return that a layer above sets the cell in the years of one side."""
        return f"""EXISTS (FROM set_cell AS o WHERE {same("o", "r")} AND o.name IN (r.name, b.name, '') AND {above}
        AND (o.year IS NULL OR o.year = {side}))"""

    return f"""WITH line AS (
    SELECT l.rank, l.peer, l.branch, r.layer, r.year, {listed}r.cells, r.origin,
        unnest(CASE WHEN r.removed THEN [{{name: '', value: 'no row'}}] ELSE [{lines}] END) AS c
    FROM layer.{table.__table__.name} AS r
    JOIN {level} AS l ON l.layer = r.layer AND {HOLDS.format(at="l.pin")}
),
set_cell AS (
    SELECT {group}, c.name AS name, arg_max_null(c.value, origin * 2 + (cells IS NOT NULL)::INTEGER) AS value
    FROM line
    WHERE c.name = '' OR cells IS NULL OR list_contains(cells, c.name)
    GROUP BY {group}, c.name
)
SELECT DISTINCT {listed}coalesce(r.year, b.year) AS year, CASE WHEN '' NOT IN (r.name, b.name) THEN b.name ELSE '' END AS cell,
    x.name AS lower, CASE WHEN b.name = '' THEN 'a row' ELSE coalesce(r.value, 'NULL') END AS lower_value,
    y.name AS upper, CASE WHEN r.name = '' THEN 'a row' ELSE coalesce(b.value, 'NULL') END AS upper_value
FROM set_cell AS r
JOIN set_cell AS b ON b.peer = r.peer AND b.branch <> r.branch AND b.rank > r.rank AND {same("b", "r")}
    AND (b.name = r.name OR (b.name = '') <> (r.name = ''))
    AND (b.year IS NULL OR r.year IS NULL OR b.year = r.year)
JOIN meta.scenario AS x ON x.scenario = r.layer
JOIN meta.scenario AS y ON y.scenario = b.layer
WHERE r.value IS DISTINCT FROM b.value
    -- A layer that stands in the stack of the other's scenario was made on top of it: the two don't stand equal.
    AND NOT EXISTS (FROM meta.stack AS s WHERE s.scenario = b.layer AND s.layer = r.layer)
    AND NOT {decided("coalesce(r.year, b.year)", "o.rank > greatest(r.rank, b.rank)")}
    AND NOT {decided("r.year", "o.branch = r.branch AND o.peer = r.peer AND o.rank > r.rank")}
    AND NOT {decided("b.year", "o.branch = b.branch AND o.peer = b.peer AND o.rank > b.rank")}"""


def _as_rows(levels: Sequence[Level]) -> pa.Table:
    import pyarrow as pa

    names = ("rank", "layer", "pin", "peer", "branch")
    return pa.table({n: pa.array([getattr(x, n) for x in levels], pa.int32()) for n in names})
