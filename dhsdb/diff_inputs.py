"""Differences of inputs: both stacks resolved in one pass, for the keys that can differ and no others.

Both sides are resolved over the model years of both, so that a year which only one side models shows as one row of
``model_year`` and not as a change of every row that spreads over it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from dhsdb.bulk import registered
from dhsdb.diff_money import AS_GIVEN
from dhsdb.diff_sql import Cell, Kind, Subject, changes_sql, joined_sql
from dhsdb.schema.catalog import INPUT
from dhsdb.schema.columns import Geometry
from dhsdb.schema.effective import resolve_sql
from dhsdb.stacks import DIFFERS, as_rows, ranges, stack, touched_tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import duckdb
    import pyarrow as pa

    from dhsdb.diff_money import Amounts
    from dhsdb.names import Ref
    from dhsdb.schema.inputs import InputRow
    from dhsdb.stacks import Level, Range

JOINED = "diff_joined"
"""Temporary table of the rows that differ; what reads figures of profiles and geometries starts from it."""

PROFILE = "profile"
"""Table whose rows name series; those of prices are in the scenario's money."""

_VARIED = "', '".join(
    f"{name}.{column}"
    for name, table in INPUT.items()
    for column in table.cell_names()
    if table.own()[column].unit.startswith("money")
)
_MONEY_IF = {
    ("limit", "value"): "\"b.quantity\" = 'cost'",
    ("pareto_variable", "low"): f"\"b.cell\" IN ('{_VARIED}')",
    ("pareto_variable", "high"): f"\"b.cell\" IN ('{_VARIED}')",
}
"""Cells that are money where another cell of the row says so."""

_STACK = "diff_stack"
_RANGE = "diff_range"
_TOUCHED = "diff_touched"


@dataclass(frozen=True, slots=True)
class Touched:
    """What can differ between two stacks: their levels, the ranges that tell them apart, and the tables these touch."""

    levels: tuple[list[Level], list[Level]]
    ranges: list[Range]
    tables: frozenset[str]


def touched(con: duckdb.DuckDBPyConnection, a: Ref, b: Ref) -> Touched:
    """Return what can differ between the inputs of two scenarios at their revisions."""
    levels = stack(con, a), stack(con, b)
    found = ranges(*levels)
    return Touched(levels, found, touched_tables(con, INPUT, found))


def changed_inputs(
    con: duckdb.DuckDBPyConnection, where: Touched, tables: Sequence[str], amounts: Amounts = AS_GIVEN
) -> Iterator[tuple[Subject, pa.Table]]:
    """Yield each input table that differs with its changes; :data:`JOINED` holds its rows until the next one.

    Parameters
    ----------
    where
        As :func:`touched` returns it.
    tables
        Input tables to compare.
    amounts
        How amounts of side b are read; if the two sides are in different money, all tables that hold amounts can differ.
    """
    names = [t for t in INPUT if t in tables and (t in where.tables or (amounts.differ and _has_money(t)))]
    if not names:
        return
    years, years_b = _years(con, where)
    with registered(con, _RANGE, as_rows(where.ranges)), registered(con, _STACK, _stack_rows(where, years)):
        for name in names:
            subject = _join(con, INPUT[name], whole=amounts.differ and _has_money(name))
            values = {"years": years, "years_b": years_b, "money": amounts.factor(con, subject, JOINED)}
            sql = changes_sql(subject, JOINED)
            changes = con.execute(sql, {n: v for n, v in values.items() if f"${n}" in sql}).to_arrow_table()
            if changes.num_rows or (name == PROFILE and amounts.differ):
                yield subject, changes


def _has_money(name: str) -> bool:
    """Return whether a table can hold amounts of money: in its cells, or in the series that it names."""
    return name == PROFILE or bool(_subject(INPUT[name], INPUT[name].cell_names()).amounts)


def _join(con: duckdb.DuckDBPyConnection, table: type[InputRow], *, whole: bool) -> Subject:
    """Put the rows of a table that differ into :data:`JOINED`, and return what is compared."""
    keys = [f'"{k}"' for k in table.keys()]
    if whole or not keys:
        subject = _subject(table, table.cell_names(), converts=whole)
        con.execute(f"CREATE OR REPLACE TEMP TABLE {JOINED} AS {joined_sql(subject, resolve_sql(table, _STACK))}")
        return subject
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {_TOUCHED} AS"
        f" SELECT {', '.join(f'r.{k}' for k in keys)},"
        " bool_or(r.removed OR r.cells IS NULL) AS whole, list(r.cells) AS cells"
        f" FROM {table.qualified()} AS r JOIN {_RANGE} AS d ON {DIFFERS} GROUP BY ALL"
    )
    cells = _touched_cells(con, table, keys)
    subject = _subject(table, cells)
    sides = resolve_sql(table, _STACK, _TOUCHED, cells)
    con.execute(f"CREATE OR REPLACE TEMP TABLE {JOINED} AS {joined_sql(subject, sides)}")
    return subject


def _touched_cells(con: duckdb.DuckDBPyConnection, table: type[InputRow], keys: Sequence[str]) -> list[str]:
    """Return the cells that can differ: set by a row that tells the sides apart, and not NULL in all rows."""
    names = table.cell_names()
    counts = ", ".join(f'count("{n}")' for n in names)
    row = con.execute(
        f"SELECT (SELECT (bool_or(whole), flatten(flatten(list(cells)))) FROM {_TOUCHED}), {counts}"
        f" FROM {table.qualified()} SEMI JOIN {_TOUCHED} USING ({', '.join(keys)})"
    ).fetchone()
    (whole, named), *filled = row or ((True, []), *(1 for _ in names))
    found = [n for n, count in zip(names, filled, strict=True) if count and (whole or n in named)]
    return found or names[:1]


def _subject(table: type[InputRow], names: Sequence[str], *, converts: bool = False) -> Subject:
    """Return what is compared of an input table."""
    cells = []
    own = str(table.__table__.name)
    for name in names:
        sa_type = table.__table__.columns[name].type
        kind: Kind = "geometry" if isinstance(sa_type, Geometry) else "number" if _is_number(sa_type) else "text"
        cells.append(Cell(name, kind, table.own()[name].unit, money_if=_MONEY_IF.get((own, name), "")))
    keys = tuple(table.keys())
    return Subject("inputs", own, keys, tuple(cells), collapse=table.by_year and bool(keys), converts=converts)


def _is_number(sa_type: object) -> bool:
    return isinstance(sa_type, (sa.Double, sa.Integer))


def _years(con: duckdb.DuckDBPyConnection, where: Touched) -> tuple[list[int], list[int]]:
    """Return the model years of both sides, and those of side b."""
    with registered(con, _STACK, _stack_rows(where, [])):
        sql = resolve_sql(INPUT["model_year"], _STACK)
        rows = con.execute(
            f"SELECT DISTINCT scenario, year FROM ({sql}) WHERE year IS NOT NULL ORDER BY year"
        ).fetchall()
    return sorted({int(year) for _, year in rows}), [int(year) for side, year in rows if side == "b"]


def _stack_rows(where: Touched, years: list[int]) -> pa.Table:
    """Return both stacks as the rows that effective views resolve; without model years a row stands for itself."""
    import pyarrow as pa

    spread: list[int | None] = [*years] or [None]
    rows = [(side, level) for side, stacked in zip(("a", "b"), where.levels, strict=True) for level in stacked]
    return pa.table(
        {
            "scenario": pa.array([side for side, _ in rows], pa.string()),
            "rank": pa.array([level.rank for _, level in rows], pa.int32()),
            "layer": pa.array([level.layer for _, level in rows], pa.int32()),
            "pin": pa.array([level.pin for _, level in rows], pa.int32()),
            "years": pa.array([spread] * len(rows), pa.list_(pa.int16())),
        }
    )
