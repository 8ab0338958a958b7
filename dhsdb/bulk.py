"""Bulk rows into the store: frames become Arrow, Arrow goes in by INSERT ... SELECT, geometries as WKB.

Nothing here decides what a row means; it only brings columns into the order and the types of their table.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import duckdb
    import pandas as pd
    import pyarrow as pa

    from dhsdb.schema.columns import Table

_INCOMING = "incoming_rows"


def insert(con: duckdb.DuckDBPyConnection, table: type[Table], rows: pa.Table | pd.DataFrame, order: str = "") -> int:
    """Append rows to a table; columns that the rows lack are NULL.

    Parameters
    ----------
    con
        Connection inside a transaction.
    table
        Class of the table.
    rows
        Columns by name; geometries as shapely objects or WKB.
    order
        Columns to sort by, comma separated; sorted rows compress and read better.

    Returns
    -------
    int
        Number of rows.
    """
    arrow = to_arrow(rows)
    if not arrow.num_rows:
        return 0
    columns = [c for c in table.__table__.columns if c.name in arrow.column_names]
    target = ", ".join(f'"{c.name}"' for c in columns)
    shapes = table.geometries()
    source = ", ".join(f'ST_GeomFromWKB("{c.name}")' if c.name in shapes else f'"{c.name}"' for c in columns)
    sort = f" ORDER BY {order}" if order else ""
    with registered(con, _INCOMING, arrow):
        con.execute(f"INSERT INTO {table.qualified()} ({target}) SELECT {source} FROM {_INCOMING}{sort}")
    return int(arrow.num_rows)


@contextlib.contextmanager
def registered(con: duckdb.DuckDBPyConnection, name: str, rows: pa.Table | pd.DataFrame) -> Iterator[None]:
    """Make rows visible to SQL under a name."""
    con.register(name, rows)
    try:
        yield
    finally:
        con.unregister(name)


def to_arrow(rows: pa.Table | pd.DataFrame | Mapping[str, Any]) -> pa.Table:
    """Return rows as Arrow, shapely geometries as WKB, NaN in number columns as NULL."""
    import pyarrow as pa

    if isinstance(rows, pa.Table):
        return rows
    if isinstance(rows, dict):
        return pa.table(rows)
    frame = cast("pd.DataFrame", rows)
    columns = {str(name): _arrow_column(frame[name]) for name in frame.columns}
    return pa.table(columns)


def _arrow_column(values: pd.Series[Any]) -> pa.Array:
    import pyarrow as pa

    if values.dtype == object or str(values.dtype) == "geometry":
        first = next((v for v in values if v is not None), None)
        if hasattr(first, "geom_type"):
            import shapely

            return pa.array(shapely.to_wkb(values.to_numpy()), type=pa.binary())
    return pa.Array.from_pandas(values)
