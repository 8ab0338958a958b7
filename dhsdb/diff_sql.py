"""SQL of a comparison: two sides joined by natural key and year, and one line per cell that differs.

The same statements serve inputs and results; only the relation that holds both sides, and how near two numbers count as
equal, differ. Names come from our own table classes, values go in by parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

Kind = Literal["number", "text", "geometry"]
ROUNDING = "1e-9"
"""Relative difference below which two amounts are equal after conversion."""
_NO_VALUES = ("NULL::DOUBLE", "NULL::DOUBLE")

COLUMNS = (
    "area", "table", "key", "year", "column", "change", "old", "new", "old_value", "new_value", "absolute", "relative",
    "unit", "keys",
)  # fmt: skip
"""Columns of ``Diff.changes``."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A column that is compared."""

    name: str
    kind: Kind
    unit: str = ""
    title: str = ""
    """What it is called in the comparison, if not by its name."""
    money_if: str = ""
    """Condition on the joined row under which it is an amount of money; empty = its unit says so."""

    @property
    def money(self) -> str:
        """Condition under which it is an amount of money; empty = never."""
        return self.money_if or ("TRUE" if self.unit.startswith("money") else "")

    @property
    def a(self) -> str:
        """Its column on side a of the joined relation."""
        return f'"a.{self.name}"'

    @property
    def b(self) -> str:
        """Its column on side b of the joined relation."""
        return f'"b.{self.name}"'


@dataclass(frozen=True, slots=True)
class Subject:
    """What is compared: a table of inputs or results."""

    area: Literal["inputs", "results"]
    table: str
    keys: tuple[str, ...]
    cells: tuple[Cell, ...]
    collapse: bool = False
    """Whether a change that is alike in all model years becomes one line without a year."""
    converts: bool = False
    """Whether amounts of side b are brought to the money of side a, and are compared by value then."""

    @property
    def amounts(self) -> tuple[Cell, ...]:
        """The cells that are amounts of money."""
        return tuple(c for c in self.cells if c.money)


def joined_sql(subject: Subject, sides: str) -> str:
    """Return both sides row by row: keys, year, in_a, in_b, and each cell of both; of inputs the rows that differ.

    Results, and inputs with amounts in another money, are kept whole: two that are equal as stored may differ.

    Parameters
    ----------
    sides
        SELECT of both sides: ``scenario`` ('a' or 'b'), ``year``, keys and cells.
    """
    at = ", ".join([*(f'"{k}"' for k in subject.keys), "year"])
    read = ", ".join(
        f'ST_AsWKB("{c.name}") AS "{c.name}"' if c.kind == "geometry" else f'"{c.name}"' for c in subject.cells
    )
    one = "any_value(\"{}\") FILTER (scenario = '{}') AS {}"  # a side has a key once, so any value is the value
    both = ", ".join(f"{one.format(c.name, 'a', c.a)}, {one.format(c.name, 'b', c.b)}" for c in subject.cells)
    unlike = " OR ".join(f"{c.a} IS DISTINCT FROM {c.b}" for c in subject.cells)
    exact = subject.area == "inputs" and not subject.converts
    only = f"WHERE NOT in_a OR NOT in_b OR {unlike}" if exact else ""
    return f"""FROM (
    SELECT {at}, bool_or(scenario = 'a') AS in_a, bool_or(scenario = 'b') AS in_b, {both}
    FROM (SELECT scenario, {at}, {read} FROM ({sides}))
    GROUP BY {at}
)
{only}"""


def changes_sql(subject: Subject, joined: str) -> str:
    """Return one line per cell that differs, from the relation of :func:`joined_sql`.

    Parameters are ``$years`` (model years of both sides), ``$years_b`` (those of b), ``$rel_tol``, ``$abs_tol`` and
    ``$money``, the factor from b's money to a's. ``old`` and ``new`` are as stored; ``old_value`` and ``new_value`` are in a's money.
    """
    keys = [f'"{k}"' for k in subject.keys]
    comma = "".join(f"{k}, " for k in keys)
    structs = ",\n        ".join(
        [_row_line(subject), *(_cell_line(i, c, subject) for i, c in enumerate(subject.cells))]
    )
    whole = f"hash({', '.join(f'{c.a}, {c.b}' for c in subject.cells)})"
    alike = "list_sort(list(year)) = $years AND len($years) > 0" if subject.collapse else "len($years) < 0"
    # A row of every year spreads over years of side a that side b does not model: there b has nothing to show.
    foreign = "change <> 'removed' AND list_contains($years, y) AND NOT list_contains($years_b, y)"
    listed = "list_sort(list(year))"
    listed = f"list_filter({listed}, lambda y: NOT coalesce({foreign}, FALSE))" if subject.collapse else listed
    texts = ", ".join(f"{k}::VARCHAR" for k in keys)
    key = f"concat_ws(' / ', {texts})" if keys else "''"
    return f"""WITH cell AS (
    SELECT {comma}year, in_a, in_b, CASE WHEN in_a AND in_b THEN 0 ELSE {whole} END AS row_hash, unnest([
        {structs}
    ]) AS c
    FROM {joined}
),
line AS (
    SELECT {comma}c, CASE WHEN NOT in_a THEN 'added' WHEN NOT in_b THEN 'removed' ELSE 'changed' END AS change,
        unnest(CASE WHEN {alike} THEN [NULL::SMALLINT] ELSE {listed} END) AS year
    FROM cell
    WHERE c.differs
    GROUP BY {comma}c, change, row_hash
)
SELECT '{subject.area}' AS area, '{subject.table}' AS "table", {key} AS key, year,
    c.name AS "column", change, c.old, c.new, c.old_value, c.new_value, c.new_value - c.old_value AS absolute,
    CASE WHEN c.old_value <> 0 THEN (c.new_value - c.old_value) / abs(c.old_value) END AS relative,
    c.unit AS unit, [{texts}]::VARCHAR[] AS keys
FROM line
ORDER BY {comma}c.n, year NULLS FIRST"""


def _cell_line(n: int, cell: Cell, subject: Subject) -> str:
    """Return the struct of one cell; an input is what somebody set, so it differs however little."""
    old, new = cell.a, cell.b
    differs = f"{old} IS DISTINCT FROM {new}"
    if cell.kind != "number":
        shown = "NULL::VARCHAR" if cell.kind == "geometry" else "{}::VARCHAR"
        return _struct(n, cell, shown.format(old), shown.format(new), _NO_VALUES, differs)
    values = (f"{old}::DOUBLE", f"{new}::DOUBLE{_times(cell) if subject.converts else ''}")
    if subject.area == "results":
        near = _near(*values, "$abs_tol", "$rel_tol")
    elif subject.converts and cell.money:
        near = f"({cell.money}) AND {_near(*values, '0', ROUNDING)}"
    else:
        near = ""
    if near:
        differs = f"{values[0]} IS DISTINCT FROM {values[1]} AND NOT coalesce({near}, FALSE)"
    return _struct(n, cell, f"{old}::VARCHAR", f"{new}::VARCHAR", values, differs)


def _times(cell: Cell) -> str:
    """Return the factor that brings side b of a cell to the money of side a."""
    if cell.money in ("", "TRUE"):
        return " * $money" if cell.money else ""
    return f" * CASE WHEN {cell.money} THEN $money ELSE 1 END"


def _near(old: str, new: str, abs_tol: str, rel_tol: str) -> str:
    finite = f"isfinite({old}) AND isfinite({new})"
    return f"{finite} AND abs({new} - {old}) <= {abs_tol} + {rel_tol} * greatest(abs({old}), abs({new}))"


def _row_line(subject: Subject) -> str:
    """Return the struct that stands for a row which holds no value at all, so that it is not lost."""
    empty = " AND ".join(f"{c.a} IS NULL AND {c.b} IS NULL" for c in subject.cells)
    return _struct(-1, None, "NULL::VARCHAR", "NULL::VARCHAR", _NO_VALUES, f"in_a <> in_b AND {empty}")


def _struct(n: int, cell: Cell | None, old: str, new: str, values: tuple[str, str], differs: str) -> str:
    name, unit = (f"'{cell.title or cell.name}'", f"'{cell.unit}'") if cell else ("NULL::VARCHAR", "''")
    return (
        f"{{n: {n}, name: {name}, unit: {unit}, old: {old}, new: {new},"
        f" old_value: {values[0]}, new_value: {values[1]}, differs: {differs}}}"
    )


def schema() -> pa.Schema:
    """Return the columns of ``Diff.changes``."""
    import pyarrow as pa

    texts, numbers = ("area", "table", "key", "column", "change", "old", "new", "unit"), ("old_value", "new_value")
    kinds = dict.fromkeys(texts, pa.string()) | dict.fromkeys((*numbers, "absolute", "relative"), pa.float64())
    kinds |= {"year": pa.int16(), "keys": pa.list_(pa.string())}
    return pa.schema([(name, kinds[name]) for name in COLUMNS])


def concat(parts: Sequence[pa.Table]) -> pa.Table:
    """Return tables of changes as one."""
    import pyarrow as pa

    wanted = schema()
    return pa.concat_tables([wanted.empty_table(), *(p.cast(wanted) for p in parts)])
