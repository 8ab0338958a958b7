"""Blame: for every effective cell the layer, revision, author, message and file it comes from, and what it overrides.

By the precedence of :mod:`dhsdb.schema.effective`, in one statement per table; rows that a layer removed are listed too.
What a condition selects, it selects from the effective rows (and from removed ones, as they were) in the sandbox.
"""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Any

from dhsdb.bulk import registered
from dhsdb.names import find
from dhsdb.relation import Relation
from dhsdb.schema.columns import LOCAL_PLANE
from dhsdb.schema.effective import HOLDS, ORDER
from dhsdb.selecting import condition, needs_spatial, selecting

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb
    import numpy as np
    import pyarrow as pa

    from dhsdb.database import Database
    from dhsdb.names import Ref
    from dhsdb.schema.inputs import InputRow

_HELD, _CHOSEN, _SHAPE = "blame_held", "blame_chosen", "blame_shape"


def blame(db: Database, scenario: str, table_name: str, where: str = "") -> Relation:
    """Return one row per effective cell of a table: where it comes from and what it overrides.

    Parameters
    ----------
    scenario
        ``NAME``, ``NAME@REVISION`` or ``NAME@TAG``.
    where
        SQL condition on the effective rows; empty selects all.

    Returns
    -------
    Relation
        key, year (NULL = alike in all model years), column, value (as text; NULL = set to NULL), number (the value, the
        sum of a profile, the length or area of a geometry), unit, layer, revision, author, created_at, message, kind,
        restored (revision of the revert that brought it back), source, sheet, source_row, overrides (value, layer,
        revision; the next lower first), keys. A row that a layer removed has an empty column and the value ``removed``.

    Raises
    ------
    UnknownNameError
        If there is no such scenario or table.
    UserError
        If the condition is no SQL of this table.
    """
    from dhsdb.schema.catalog import input_table

    table = input_table(table_name)
    with db.read(sandbox=bool(where), spatial=needs_spatial(where)) as con:
        ref = find(con, scenario)
        _hold(con, table, ref)
        if where:
            with selecting(table, where):
                _choose(con, table, ref, where)
        shapes = _shapes(con, table, ref)
        with registered(con, _SHAPE, shapes):
            return Relation(con.execute(_sql(con, table, chosen=bool(where))).to_arrow_table())


# --- SQL -------------------------------------------------------------------------------------------------------------
def _hold(con: duckdb.DuckDBPyConnection, table: type[InputRow], ref: Ref) -> None:
    """Put the rows that the layers of a stack hold into a temporary table, with what ranks them."""
    keys = ", ".join(f"r.{k}" for k in _keys(table))
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {_HELD} AS"
        f" SELECT row_number() OVER () AS rid, dense_rank() OVER ({f'ORDER BY {keys}' if keys else ''}) AS kid,"
        f" r.*, s.years, l.name AS layer_name, {ORDER} AS ord, TRUE AS whole"
        f" FROM meta.stack_at($name, $revision) AS s {HOLDS.format(table=table.__table__.name)}"
        " JOIN meta.scenario AS l ON l.scenario = s.layer",
        {"name": ref.name, "revision": ref.revision},
    )


def _choose(con: duckdb.DuckDBPyConnection, table: type[InputRow], ref: Ref, where: str) -> None:
    """Keep the keys and years that a condition selects, of effective rows and of removed ones as they would be.

    ``whole`` tells the keys that are selected in all their years.
    """
    keys = _keys(table)
    listed = "".join(f"{k}, " for k in keys)
    cells = "".join(
        f""", arg_max_null("{c}", ord) FILTER (NOT removed AND (cells IS NULL OR list_contains(cells, '{c}'))) AS "{c}" """
        for c in table.cell_names()
    )
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE {_CHOSEN} AS
SELECT kid, year, bool_and(hit) OVER (PARTITION BY kid) AS whole FROM (
    SELECT {listed}year, coalesce({condition(where)}, FALSE) AS hit FROM (
        SELECT * EXCLUDE (scenario) FROM input.{table.__table__.name}_at($name, $revision)
        UNION ALL BY NAME
        SELECT {listed}slot AS year{cells}
        FROM (SELECT * EXCLUDE (year), unnest({_slots(table, "TRUE")}) AS slot FROM {_HELD})
        GROUP BY {listed}slot
        HAVING max(ord) FILTER (removed) > max(ord) FILTER (NOT removed AND cells IS NULL)
    )
) JOIN (SELECT DISTINCT {listed}kid FROM {_HELD}) {f"USING ({', '.join(keys)})" if keys else "ON TRUE"}
QUALIFY hit""",
        {"name": ref.name, "revision": ref.revision},
    )
    con.execute(f"DELETE FROM {_HELD} WHERE kid NOT IN (SELECT kid FROM {_CHOSEN})")
    con.execute(f"UPDATE {_HELD} SET whole = FALSE WHERE kid IN (SELECT kid FROM {_CHOSEN} WHERE NOT whole)")


def _sql(con: duckdb.DuckDBPyConnection, table: type[InputRow], *, chosen: bool) -> str:
    keys = _keys(table)
    joins = [f"LEFT JOIN {_SHAPE} AS s{i} ON s{i}.rid = h.rid AND s{i}.n = {i}" for i in _geometries(table)]
    if table.__table__.name == "profile":
        joins.append("LEFT JOIN meta.series AS series ON series.sha256 = h.sha256")
    only = f"WHERE whole OR EXISTS (FROM {_CHOSEN} AS o WHERE o.kid = s.kid AND o.year IS NOT DISTINCT FROM s.slot)"
    return (
        resources.files("dhsdb.sql")
        .joinpath("blame.sql")
        .read_text(encoding="utf-8")
        .format(
            lines=",\n            ".join([_ROW, *(_line(table, i, c) for i, c in _used(con, table))]),
            joins="\n        ".join(joins),
            slots=_slots(table, "has_years OR NOT whole"),
            chosen=only if chosen else "",
            collapse=str(bool(keys)),
            keys=", ".join(f"{k}::VARCHAR" for k in keys),
        )
    )


def _slots(table: type[InputRow], spread: str) -> str:
    """Return the years that a held row stands for: those of the model where ``spread`` holds, else all as one."""
    if not table.by_year:
        return "[NULL::SMALLINT]"
    return f"CASE WHEN year IS NOT NULL THEN [year] WHEN {spread} THEN years ELSE [NULL::SMALLINT] END"


def _used(con: duckdb.DuckDBPyConnection, table: type[InputRow]) -> list[tuple[int, str]]:
    """Return the cells, numbered, that some held row has a value of or names."""
    names = table.cell_names()
    counts = ", ".join(f"""count("{c}") + count(*) FILTER (list_contains(cells, '{c}'))""" for c in names)
    row = con.execute(f"SELECT {counts} FROM {_HELD}").fetchone() or ()
    return [(i, c) for i, (c, n) in enumerate(zip(names, row, strict=True)) if n]


_LINE = (
    "{{n: {n}, sets: {sets}, f: {{ord: h.ord, rid: h.rid, name: '{name}', unit: {unit}, value: CASE WHEN h.removed THEN 'removed'"
    " ELSE {value} END, number: CASE WHEN NOT h.removed THEN {number} END, layer: h.layer_name, revision: h.origin,"
    " partial: h.cells IS NOT NULL, removed: h.removed}}}}"
)
_WHOLE = "h.removed OR h.cells IS NULL"
_ROW = _LINE.format(n=-1, name="", unit="''", sets=_WHOLE, value="'a row'", number="NULL::DOUBLE")
"""The line that stands for a row as such, shown where none of its cells has a value."""


def _line(table: type[InputRow], n: int, column: str) -> str:
    """Return the struct of one cell of a held row."""
    value, number, unit = f'h."{column}"::VARCHAR', "NULL::DOUBLE", f"'{table.own()[column].unit}'"
    if n in _geometries(table):
        value, number, unit = f"s{n}.words", f"s{n}.size", f"coalesce(s{n}.unit, '')"
    elif table.__table__.name == "profile" and column == "sha256":
        number, unit = "series.total", "coalesce(series.unit, '')"
    elif _is_number(table, column):
        number = f'h."{column}"::DOUBLE'
    sets = f"{_WHOLE} OR list_contains(h.cells, '{column}')"
    return _LINE.format(n=n, name=column, unit=unit, sets=sets, value=value, number=number)


def _keys(table: type[InputRow]) -> list[str]:
    return [f'"{k}"' for k in table.keys()]


def _geometries(table: type[InputRow]) -> list[int]:
    return [i for i, c in enumerate(table.cell_names()) if c in table.geometries()]


def _is_number(table: type[InputRow], column: str) -> bool:
    import sqlalchemy as sa

    return isinstance(table.__table__.columns[column].type, (sa.Double, sa.Integer))


# --- geometries ------------------------------------------------------------------------------------------------------
def _shapes(con: duckdb.DuckDBPyConnection, table: type[InputRow], ref: Ref) -> pa.Table:
    """Return the geometries of held rows in words, with their length or area in metres: rid, n, words, size, unit."""
    import pyarrow as pa

    kinds = {"rid": pa.int64(), "n": pa.int32(), "words": pa.string(), "size": pa.float64(), "unit": pa.string()}
    empty = pa.table({name: pa.array([], kind) for name, kind in kinds.items()})
    parts = [empty]
    for i in _geometries(table):
        column = table.cell_names()[i]
        rows = con.execute(
            f'SELECT rid, ST_AsWKB("{column}") AS wkb FROM {_HELD} WHERE "{column}" IS NOT NULL'
        ).to_arrow_table()
        if rows.num_rows:
            words, sizes, units = _in_words(rows.column("wkb").to_numpy(zero_copy_only=False), _epsg(con, ref))
            n = pa.repeat(pa.scalar(i, pa.int32()), rows.num_rows)
            columns = {"rid": rows.column("rid"), "n": n, "words": words, "size": sizes, "unit": units}
            parts.append(pa.table(columns).cast(empty.schema))
    return pa.concat_tables(parts)


def _in_words(
    wkb: np.ndarray[Any, np.dtype[Any]], epsg: int | None
) -> tuple[list[str], list[float | None], Sequence[str | None]]:
    """Return ``LineString, 123.4 m`` for each geometry, with the figure and its unit."""
    import geopandas as gpd
    import shapely

    shapes = gpd.GeoSeries(shapely.from_wkb(wkb), crs=None if epsg == LOCAL_PLANE else epsg)
    is_flat = shapes.crs is None or not shapes.crs.is_geographic
    metric = shapes if is_flat else shapes.to_crs(shapes.to_crs(4326).estimate_utm_crs())
    words: list[str] = []
    sizes: list[float | None] = []
    units: list[str | None] = []
    for kind, area, length in zip(shapes.geom_type, metric.area, metric.length, strict=True):
        size, unit = (area, "m^2") if "Polygon" in kind else (length, "m") if "Line" in kind else (None, None)
        words.append(kind if size is None else f"{kind}, {size:,.1f} {unit}")
        sizes.append(size)
        units.append(unit)
    return words, sizes, units


def _epsg(con: duckdb.DuckDBPyConnection, ref: Ref) -> int | None:
    row = con.execute(
        "SELECT max(l.epsg) FROM meta.layer_at(?, ?) AS st JOIN meta.scenario AS l ON l.scenario = st.layer",
        [ref.name, ref.revision],
    ).fetchone()
    return row[0] if row else None
