"""SQLAlchemy on a DuckDB connection that somebody else opened, and whose transaction belongs to him."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from duckdb_sqlalchemy import ConnectionWrapper

if TYPE_CHECKING:
    import duckdb


class _Borrowed(ConnectionWrapper):
    """A connection whose transaction is opened, committed and closed by its owner."""

    def begin(self) -> None:
        """Leave the owner's transaction alone."""

    def commit(self) -> None:
        """Leave the owner's transaction alone."""

    def rollback(self) -> None:
        """Leave the owner's transaction alone."""

    def close(self) -> None:
        """Leave the owner's connection open."""


def engine_on(con: duckdb.DuckDBPyConnection) -> sa.Engine:
    """Return an engine that works on an open connection, inside its transaction."""
    return sa.create_engine("duckdb://", creator=lambda: _Borrowed(con), poolclass=sa.StaticPool)
