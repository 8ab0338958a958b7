"""What a scenario holds and what columns mean, as plain records for people and scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dhsdb.names import find
from dhsdb.selecting import condition, needs_spatial, selecting

if TYPE_CHECKING:
    from dhsdb.database import Database


def row_counts(db: Database, scenario: str) -> list[dict[str, Any]]:
    """Return each table that holds effective rows, and how many."""
    from dhsdb.schema.catalog import INPUT

    with db.read() as con:
        ref = find(con, scenario)
        counted = []
        for name, table in INPUT.items():
            row = con.execute(f"SELECT count(*) FROM input.{name}_at(?, ?)", [ref.name, ref.revision]).fetchone()
            if row and row[0]:
                counted.append({"table": name, "rows": row[0], "meaning": table.__table__.comment})
    return counted


def effective_rows(db: Database, scenario: str, table: str, where: str = "") -> list[dict[str, Any]]:
    """Return the effective rows of a table, without the columns that are NULL in all of them.

    Parameters
    ----------
    where
        SQL condition on the rows; empty selects all.

    Raises
    ------
    UserError
        If the condition is no SQL of this table.
    """
    from dhsdb.schema.catalog import input_table

    wanted = input_table(table)
    order = ", ".join([*(f'"{k}"' for k in wanted.keys()), "year"])
    with db.read(sandbox=bool(where), spatial=needs_spatial(where)) as con:
        ref = find(con, scenario)
        query = (
            f"SELECT * FROM (SELECT * EXCLUDE (scenario) FROM input.{table}_at(?, ?))"
            f" WHERE {condition(where or 'TRUE')} ORDER BY {order}"
        )
        with selecting(wanted, where):
            found = con.execute(query, [ref.name, ref.revision]).to_arrow_table()
    rows: list[dict[str, Any]] = found.to_pylist()
    used = [c for c in (rows[0] if rows else {}) if any(r[c] is not None for r in rows)]
    return [{c: r[c] for c in used} for r in rows]


def dictionary(table: str = "") -> list[dict[str, Any]]:
    """Return tables with their meaning, or the columns of one with type, unit, meaning and what is allowed."""
    from dhsdb.errors import UnknownNameError
    from dhsdb.schema.catalog import ALL

    if not table:
        return [
            {"table": t.qualified(), "one row is": (t.__table__.comment or "").removeprefix("One row is ")} for t in ALL
        ]
    named = {t.__table__.name: t for t in reversed(ALL)} | {t.qualified(): t for t in ALL}
    short = table.removeprefix("input.")
    if short not in named:
        raise UnknownNameError("table", table, named)
    found = named[short]
    own = found.own() if hasattr(found, "own") else found.meanings()
    return [
        {
            "column": column,
            "type": str(found.__table__.columns[column].type).replace("DOUBLE PRECISION", "DOUBLE"),
            "unit": meaning.unit,
            "key": meaning.key,
            "meaning": meaning.text,
            "allowed": ", ".join(meaning.choices) or _bounds(meaning.low, meaning.high),
        }
        for column, meaning in own.items()
    ]


def _bounds(low: float | None, high: float | None) -> str:
    if low is None and high is None:
        return ""
    return f"{'' if low is None else f'{low:g}'} .. {'' if high is None else f'{high:g}'}".strip()
