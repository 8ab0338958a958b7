"""Edits of a scenario's own layer: set cells, remove rows, add rows. Nothing is overwritten; each edit is a revision.

A `set` appends partial rows that name the cells they set; a removal appends rows that remove. Conditions and expressions
are SQL of the user and only ever select, in a sandbox; what they select is written by parameters.
"""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from dhsdb.bulk import insert, registered
from dhsdb.errors import UnknownNameError, UserError, did_you_mean
from dhsdb.names import Ref, check_newest, find
from dhsdb.scenarios import add_revision
from dhsdb.selecting import selecting

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd
    import pyarrow as pa

    from dhsdb.database import Database, Writer
    from dhsdb.errors import Problem
    from dhsdb.schema.inputs import InputRow

Value = float | int | str | bool | None
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Edit:
    """What an edit did."""

    scenario: str
    revision: int
    n_rows: int
    findings: tuple[Problem, ...] = ()


def set_cells(
    db: Database, scenario: str, cell: str, value: Value, *, where: str = "", year: int | None = None, message: str
) -> Edit:
    """Set one column of the rows that a condition selects, in the scenario's own layer.

    Parameters
    ----------
    cell
        ``TABLE.COLUMN``.
    value
        A value of the column's type; None sets it to NULL (unlimited, off). For a number column, text is an expression
        of the row, such as ``"price * 1.1"``.
    where
        SQL condition on the effective rows; empty selects all.
    year
        Only rows of this year.
    message
        Why.

    Raises
    ------
    UserError
        If the condition selects no row, or the value is not allowed.
    """
    table, column = _cell(cell)
    if year is not None and not table.by_year:
        raise UserError(f"{table.__table__.name} does not vary by year.", "Leave --year out.")
    expression = value if isinstance(value, str) and _is_number(table, column) else None
    if expression is None:
        _check_value(table, column, value)

    def choose() -> tuple[Ref, pa.Table]:
        ref, chosen = _select(db, scenario, table, where, year, expression)
        if expression is None:
            return ref, chosen.append_column("value", _constant(table, column, value, chosen.num_rows))
        for found in chosen.column("value").to_pylist():
            _check_value(table, column, found)
        return ref, chosen

    def write(writer: Writer, ref: Ref, chosen: pa.Table) -> int:
        return _append(writer, table, ref, chosen, column)

    return write_settled(db, f"setting {cell} in {scenario}", ("set", message), choose, write)


def remove_rows(db: Database, scenario: str, table_name: str, *, where: str, message: str) -> Edit:
    """Remove the rows that a condition selects: the scenario's own layer says that they are gone.

    Raises
    ------
    UserError
        If the condition selects no row.
    """
    from dhsdb.schema.catalog import input_table

    table = input_table(table_name)

    def choose() -> tuple[Ref, pa.Table]:
        return _select(db, scenario, table, where, None, None)

    def write(writer: Writer, ref: Ref, chosen: pa.Table) -> int:
        return _append(writer, table, ref, chosen, None)

    return write_settled(db, f"removing rows of {table_name} in {scenario}", ("remove", message), choose, write)


def add_row(
    db: Database, scenario: str, table_name: str, values: Mapping[str, Value], *, year: int | None = None, message: str
) -> Edit:
    """Add one row to the scenario's own layer.

    Parameters
    ----------
    values
        Key and cells by column; cells that are left out are NULL.
    year
        The year that it holds in; None = every year.

    Raises
    ------
    UserError
        If the row is there already, lacks a part of its key, or holds a value that is not allowed.
    """
    from dhsdb.schema.catalog import input_table

    table = input_table(table_name)
    _check_row(table, values, year)
    row = _one_row(table, values, year)
    same = " AND ".join(f"o.{k} = c.{k}" for k in _quoted(table.keys())) or "TRUE"

    def choose() -> tuple[Ref, pa.Table]:
        with db.read() as con, registered(con, "chosen", row):
            ref = find(con, check_newest(scenario))
            there = f"""SELECT 1 FROM input.{table_name}_at($name, $revision) AS o JOIN chosen AS c ON {same}
WHERE c.year IS NULL OR o.year IS NULL OR o.year = c.year"""
            if con.execute(there, {"name": ref.name, "revision": ref.revision}).fetchone():
                shown = " / ".join(str(values[k]) for k in table.keys()) or str(year)
                raise UserError(
                    f"{table_name} of '{scenario}' has {shown} already.", "`dhsdb scenario set` changes it."
                )
        return ref, row

    def write(writer: Writer, ref: Ref, chosen: pa.Table) -> int:
        # A row of every year ranks below removals of single years in the same layer, so such years get a row as well.
        years = f"""SELECT * FROM chosen UNION SELECT c.* REPLACE (o.year AS year)
FROM chosen AS c JOIN {table.qualified()} AS o ON {same}
WHERE c.year IS NULL AND o.year IS NOT NULL AND o.layer = ? AND o.rev_to IS NULL"""
        with registered(writer.con, "chosen", chosen):
            return add_rows(writer, table, ref, writer.con.execute(years, [ref.scenario]).to_arrow_table())

    return write_settled(db, f"adding a row of {table_name} to {scenario}", ("add", message), choose, write)


def _one_row(table: type[InputRow], values: Mapping[str, Value], year: int | None) -> pa.Table:
    import pyarrow as pa

    cells = {column: _constant(table, column, value, 1) for column, value in values.items()}
    return pa.table(cells | {"year": pa.array([year], pa.int16())})


class _MovedError(Exception):
    """The scenario changed after the rows to edit were chosen."""


def write_settled(
    db: Database,
    doing: str,
    kind_and_message: tuple[str, str],
    choose: Callable[[], tuple[Ref, T]],
    write: Callable[[Writer, Ref, T], int],
) -> Edit:
    """Choose what to write in a reading connection, then write it; choose again if the scenario changed meanwhile.

    So two people who raise a price by a tenth at the same time raise it by both. Each further try means that somebody
    else's change succeeded, so it comes to an end.

    Parameters
    ----------
    choose
        Returns the scenario as it was read, and what was chosen.
    write
        Writes that as revision ``ref.revision``, and returns the number of rows.
    """
    kind, message = kind_and_message
    while True:
        ref, chosen = choose()
        with contextlib.suppress(_MovedError), db.write(doing) as writer:
            _refuse_moved(writer, ref)
            revision = add_revision(writer, ref.scenario, kind, message)
            n = write(writer, Ref(ref.scenario, ref.name, revision), chosen)
            counted = "n_removed" if kind == "remove" else "n_set"
            writer.con.execute(f"UPDATE meta.revision SET {counted} = ? WHERE revision = ?", [n, revision])
            return Edit(ref.name, revision, n)


def _refuse_moved(writer: Writer, ref: Ref) -> None:
    """Refuse to write what was chosen from a state that holds no longer; layers below are pinned, and don't matter."""
    if find(writer.con, ref.name).scenario != ref.scenario:
        raise _MovedError
    newer = "SELECT 1 FROM meta.revision WHERE scenario = ? AND revision > ?"
    if writer.con.execute(newer, [ref.scenario, ref.revision]).fetchone():
        raise _MovedError


def add_rows(writer: Writer, table: type[InputRow], ref: Ref, rows: pa.Table | pd.DataFrame) -> int:
    """Append rows to a scenario's own layer as part of revision ``ref.revision``.

    ``rows`` has the table's key and cells, ``year`` where they hold in one year only, and may have ``cells``, ``source``,
    ``sheet`` and ``source_row``.
    """
    from dhsdb.bulk import to_arrow

    arrow = to_arrow(rows)
    order = [k for k in ("year", *table.keys()) if k in arrow.column_names]
    return insert(writer.con, table, _carried(arrow, ref), order=", ".join(_quoted(order)))


def _carried(rows: pa.Table, ref: Ref, *, removed: bool = False) -> pa.Table:
    """Add layer, revision and the mark of removal."""
    import pyarrow as pa

    n = rows.num_rows
    for name, value, kind in (
        ("layer", ref.scenario, pa.int32()),
        ("origin", ref.revision, pa.int32()),
        ("rev_from", ref.revision, pa.int32()),
        ("removed", removed, pa.bool_()),
    ):
        if name not in rows.column_names:
            rows = rows.append_column(name, pa.repeat(pa.scalar(value, kind), n))
    return rows


def _select(
    db: Database, scenario: str, table: type[InputRow], where: str, year: int | None, expression: str | None
) -> tuple[Ref, pa.Table]:
    """Return the keys and years that a condition selects, and the value of an expression, one line per row to write.

    The scenario comes with the revision that was read.

    Where all years of a key get the same value, one row of every year (NULL) is returned, so that later years follow.
    """
    keys = ", ".join(_quoted(table.keys()) or ["alone"])
    value = f", ({expression}) AS value" if expression else ""
    alike = "count(DISTINCT value) + max((value IS NULL)::INTEGER) <= 1" if expression else "TRUE"
    first = ", any_value(value) AS value" if expression else ""
    kept = ", value" if expression else ""
    only = "TRUE" if year is None else f"coalesce(year, {int(year)}) = {int(year)}"
    at = "year" if year is None else f"{int(year)}::SMALLINT AS year"
    whole = "TRUE" if year is None and table.keys() else "FALSE"
    name = table.__table__.name
    query = f"""
WITH eff AS (SELECT *, 0 AS alone FROM input.{name}_at($scenario, $revision)),
chosen AS (SELECT {keys}, year{value} FROM (SELECT * FROM eff WHERE {only}) AS "{name}" WHERE {where or "TRUE"}
),
total AS (SELECT {keys}, count(*) AS n_all FROM eff GROUP BY ALL),
whole AS (
    SELECT {keys}{first} FROM chosen JOIN total USING ({keys})
    WHERE {whole} GROUP BY {keys}, n_all HAVING count(*) = n_all AND {alike}
)
SELECT {keys}, NULL::SMALLINT AS year{kept} FROM whole
UNION ALL
SELECT {keys}, {at}{kept} FROM chosen ANTI JOIN whole USING ({keys})"""
    with db.read(sandbox=True) as con, selecting(table, where, expression or ""):
        ref = find(con, check_newest(scenario))
        rows = con.execute(query, {"scenario": ref.name, "revision": ref.revision}).to_arrow_table()
    if not rows.num_rows:
        raise UserError(
            f"no row of {name} in scenario '{scenario}' matches {where or 'the year'!r}; nothing was changed.",
            f"`dhsdb scenario show {scenario} {name}` lists the rows.",
        )
    return ref, rows


def _append(writer: Writer, table: type[InputRow], ref: Ref, chosen: pa.Table, column: str | None) -> int:
    """Append rows that set ``column`` to their ``value``, or that remove where ``column`` is None.

    A row of every year ranks below a year's own row in the same layer, so such years get a row as well.
    """
    keys = _quoted(table.keys())
    same = " AND ".join(f"o.{k} = c.{k}" for k in keys) or "TRUE"
    value = [f'c.value AS "{column}"', f"['{column}'] AS cells"] if column else []
    sets = f"AND (o.cells IS NULL OR list_contains(o.cells, '{column}'))" if column else ""
    named = [f"c.{k}" for k in keys]
    with registered(writer.con, "chosen", chosen):
        rows = writer.con.execute(
            f"""
SELECT {", ".join([*named, "c.year", *value])} FROM chosen AS c
UNION
SELECT {", ".join([*named, "o.year", *value])}
FROM chosen AS c JOIN {table.qualified()} AS o ON {same}
WHERE c.year IS NULL AND o.year IS NOT NULL AND o.layer = ? AND o.rev_to IS NULL {sets}""",
            [ref.scenario],
        ).to_arrow_table()
    insert(writer.con, table, _carried(rows, ref, removed=column is None))
    return int(rows.num_rows)


# --- values ----------------------------------------------------------------------------------------------------------
def _cell(cell: str) -> tuple[type[InputRow], str]:
    from dhsdb.schema.catalog import input_table

    name, dot, column = cell.partition(".")
    if not dot:
        raise UserError(f"'{cell}' is not TABLE.COLUMN.", "For example: commodity.price")
    table = input_table(name)
    if column in table.keys() or column == "year":
        raise UserError(f"{cell} is part of the row's key.", "Remove the row and add another.")
    if column not in table.cell_names():
        raise UnknownNameError("column", column, table.cell_names(), f"table {name}")
    if column in table.geometries():
        raise UserError(f"{cell} is a geometry, which is imported, not set.", "Import a file that holds it.")
    return table, column


def _check_row(table: type[InputRow], values: Mapping[str, Value], year: int | None) -> None:
    """Refuse a row that lacks a part of its key, or names what the table does not have."""
    name = table.__table__.name
    for column, value in values.items():
        if column not in table.own():
            raise UnknownNameError("column", column, table.own(), f"table {name}")
        if column in table.geometries():
            raise UserError(f"{name}.{column} is a geometry, which is imported.", "Import a file that holds it.")
        _check_value(table, column, value)
    lacking = [k for k in table.keys() if values.get(k) is None]
    if lacking:
        raise UserError(f"a row of {name} needs {', '.join(lacking)}.", f"Its key is {', '.join(table.keys())}.")
    if year is not None and not table.by_year:
        raise UserError(f"{name} does not vary by year.", "Leave the year out.")
    if year is None and not table.keys():
        raise UserError(f"a row of {name} needs a year.", "Say which with --year.")


def _is_number(table: type[InputRow], column: str) -> bool:
    import sqlalchemy as sa

    return isinstance(table.__table__.columns[column].type, (sa.Double, sa.Integer))


def _check_value(table: type[InputRow], column: str, value: Value) -> None:
    """Refuse a value that is not of the column's type, or outside its bounds or choices."""
    import sqlalchemy as sa

    meaning = table.own()[column]
    where = f"{table.__table__.name}.{column}"
    if value is None:
        return
    if meaning.choices and value not in meaning.choices:
        hint = did_you_mean(str(value), meaning.choices) or f"Allowed: {', '.join(meaning.choices)}."
        raise UserError(f"{where} can't be '{value}'.", hint)
    kind = table.__table__.columns[column].type
    if isinstance(kind, sa.Boolean) and not isinstance(value, bool):
        raise UserError(f"{where} is true or false, not '{value}'.", "NULL stands for not said.")
    if not _is_number(table, column):
        return
    if isinstance(value, str) or not math.isfinite(float(value)):
        raise UserError(f"{where} is a number, not '{value}'.", "NULL stands for unlimited or off.")
    if isinstance(kind, sa.Integer) and float(value) % 1:
        raise UserError(f"{where} is a whole number, not {value}.")
    low = -math.inf if meaning.low is None else meaning.low
    high = math.inf if meaning.high is None else meaning.high
    if not low <= float(value) <= high:
        raise UserError(f"{where} = {value:g} is out of bounds: {low:g} to {high:g} {meaning.unit}".rstrip() + ".")


def _constant(table: type[InputRow], column: str, value: Value, n: int) -> pa.Array:
    """Return a value that was checked as a column of the column's type."""
    import pyarrow as pa
    import sqlalchemy as sa

    sa_type = table.__table__.columns[column].type
    if value is None:
        return pa.nulls(n, pa.string())
    if isinstance(sa_type, sa.Boolean):
        return pa.repeat(pa.scalar(bool(value)), n)
    if _is_number(table, column):
        whole = isinstance(sa_type, sa.Integer)
        return pa.repeat(pa.scalar(int(value), pa.int64()) if whole else pa.scalar(float(value), pa.float64()), n)
    text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    return pa.repeat(pa.scalar(text, pa.string()), n)


def _quoted(names: Sequence[str]) -> list[str]:
    return [f'"{n}"' for n in names]
