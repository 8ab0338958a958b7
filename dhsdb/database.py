"""The file: opened briefly, read or written in one transaction, closed again.

A connection never outlives a call, so that others can work while a model is being solved. What belongs to scenarios, runs
and imports stands elsewhere; this module knows only how to open a store safely.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dhsdb.errors import StoreVersionError, UserError
from dhsdb.lock import connect_patiently, storage_trouble, storage_troubles, thread_turn, turn
from dhsdb.schema.version import HEAD

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import duckdb
    import pyarrow as pa
    from sqlmodel import Session

DEFAULT_FILE = "dhsdb.duckdb"
DEFAULT_WAIT_S = 60.0

CONFIG = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    # The default, older format spends 3 kB on each column of each table: an empty store of 2.4 MB instead of 0.3 MB.
    "storage_compatibility_version": "v1.5.0",
}
SANDBOX = {**CONFIG, "enable_external_access": "false", "lock_configuration": "true"}
"""Configuration for SQL that a user wrote: no files, no extensions, no way to switch that back."""


class Writer:
    """An open transaction: the DuckDB connection, and a session for control rows on the same connection."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self.con = con
        self._session: Session | None = None

    @property
    def session(self) -> Session:
        """The SQLModel session; what it holds is flushed before the transaction commits."""
        if self._session is None:
            self._session = _session_on(self.con)
        return self._session

    def flush(self) -> None:
        """Send pending control rows to the database."""
        if self._session is not None:
            self._session.flush()

    def spend(self, table: str, column: str) -> None:
        """Keep the highest number of a control table from being given again, before its row is deleted."""
        self.con.execute(
            f"INSERT INTO meta.spent SELECT ?, max({column}) FROM meta.{table} HAVING count(*) > 0", [table]
        )

    def next_id(self, table: str, column: str) -> int:
        """Return the next number of a control table: never one that a deleted row had, and not taken meanwhile."""
        self.flush()
        row = self.con.execute(
            f"SELECT greatest((SELECT coalesce(max({column}), 0) FROM meta.{table}),"
            " (SELECT coalesce(max(number), 0) FROM meta.spent WHERE kind = ?)) + 1",
            [table],
        ).fetchone()
        return int(row[0]) if row else 1


class Database:
    """A store on disk.

    Parameters
    ----------
    path
        File; created by :meth:`create`.
    wait_s
        How long to wait for another process that holds the file, in seconds; default ``$DHSDB_WAIT`` or 60.
    """

    def __init__(self, path: str | Path, wait_s: float | None = None) -> None:
        self.path = Path(path).resolve()
        self.wait_s = float(os.environ.get("DHSDB_WAIT", DEFAULT_WAIT_S)) if wait_s is None else wait_s
        self._checked = False
        self._seen: tuple[object, frozenset[str]] | None = None

    # --- what is known without opening --------------------------------------------------------------------------------
    def note_scenarios(self, con: duckdb.DuckDBPyConnection) -> None:
        """Remember which scenarios live, for as long as the file does not change."""
        names = con.execute("SELECT name FROM meta.scenario WHERE deleted IS NULL").fetchall()
        self._seen = (self._state(), frozenset(row[0] for row in names))

    def is_known_to_lack(self, scenario: str) -> bool:
        """Return whether there is no such scenario, as far as that is known without opening the file (0.02 s)."""
        return self._seen is not None and self._seen[0] == self._state() is not None and scenario not in self._seen[1]

    def _state(self) -> object:
        if not self.path.exists():
            return None
        stat = self.path.stat()
        return stat.st_mtime_ns, stat.st_size, stat.st_ino

    # --- opening -----------------------------------------------------------------------------------------------------
    @contextlib.contextmanager
    def read(self, *, spatial: bool = False, sandbox: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open for reading; several processes may.

        Parameters
        ----------
        spatial
            Load the spatial extension (0.25 s); reading, writing and WKT of geometries work without it.
        sandbox
            Refuse files, other databases, extensions and settings, for SQL that a user wrote.
        """
        with storage_troubles(self.path), thread_turn(self.path):
            with turn(self.path, self.wait_s, "opening to read", needed=False):
                con = self._open(read_only=True)
            with contextlib.closing(con):
                if spatial:
                    load_spatial(con)
                if sandbox:
                    lock_down(con)
                yield con

    @contextlib.contextmanager
    def write(self, doing: str, *, spatial: bool = False) -> Iterator[Writer]:
        """Open for writing, in one transaction: all of it is committed, or nothing.

        Parameters
        ----------
        doing
            What is being written, in words for those who wait.
        """
        with storage_troubles(self.path), thread_turn(self.path), turn(self.path, self.wait_s, doing):
            con = self._open(read_only=False)
            with contextlib.closing(con):
                if spatial:
                    load_spatial(con)
                # What is committed goes into the file itself: the log would be read back and written again on closing.
                con.execute("SET wal_autocheckpoint = '1 byte'")
                con.execute("BEGIN")
                writer = Writer(con)
                try:
                    yield writer
                    writer.flush()
                    con.execute("COMMIT")
                except BaseException:
                    con.execute("ROLLBACK")
                    raise

    def _open(self, *, read_only: bool) -> duckdb.DuckDBPyConnection:
        """Open the file; the first time, check that it is a store of our version, and migrate an old one."""
        if self._checked:
            return connect_patiently(self.path, self.wait_s, read_only=read_only, config=CONFIG)
        if not self.path.exists():
            raise UserError(
                f"there is no store at {self.path}.",
                "Create it with `dhsdb init`, or name another with --store FILE or $DHSDB_STORE.",
            )
        con = self._connect_to_file(read_only=read_only)
        if _version(con) == HEAD:
            self._checked = True
            return con
        con.close()
        self._create()
        return connect_patiently(self.path, self.wait_s, read_only=read_only, config=CONFIG)

    def _connect_to_file(self, *, read_only: bool) -> duckdb.DuckDBPyConnection:
        import duckdb

        try:
            return connect_patiently(self.path, self.wait_s, read_only=read_only, config=CONFIG)
        except duckdb.IOException as error:
            if storage_trouble(self.path, error):
                raise
            raise StoreVersionError(
                f"{self.path.name} is not a DuckDB file: {error}", "Name another with --store."
            ) from None

    def sql(self, query: str, parameters: Sequence[Any] | dict[str, Any] = (), *, spatial: bool = False) -> pa.Table:
        """Run one statement for reading and return its rows as Arrow, so that no lock outlives the call."""
        with self.read(spatial=spatial) as con:
            return con.execute(query, parameters or None).to_arrow_table()

    # --- versions ----------------------------------------------------------------------------------------------------
    def create(self) -> str:
        """Create the store, or migrate an old one after a copy of it was made.

        Returns
        -------
        str
            ``created``, ``migrated`` or ``current``.
        """
        with storage_troubles(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with thread_turn(self.path), turn(self.path, self.wait_s, "creating or migrating the store"):
                return self._create()

    def _create(self) -> str:
        from dhsdb.schema import migrate

        existed = self.path.exists() and self.path.stat().st_size > 0
        con = self._connect_to_file(read_only=False)
        with contextlib.closing(con):
            version = _version(con)
            if version == HEAD:
                self._checked = True
                return "current"
            if existed and version is None and con.execute("SELECT 1 FROM duckdb_tables() LIMIT 1").fetchone():
                raise StoreVersionError(f"{self.path.name} is not a dhsdb store.", "Name another file with --store.")
            if version is not None:
                migrate.refuse_newer(self.path, version)
        if version is not None:
            migrate.copy_aside(self.path, version)
        with contextlib.closing(self._connect_to_file(read_only=False)) as con:
            migrate.upgrade(con)
        self._checked = True
        return "created" if version is None else "migrated"


def _version(con: duckdb.DuckDBPyConnection) -> str | None:
    """Return the revision of the schema, or None if the file is no store of ours."""
    import duckdb

    try:
        row = con.execute("SELECT version_num FROM meta.alembic_version").fetchone()
    except duckdb.CatalogException:
        return None
    return str(row[0]) if row else None


def load_spatial(con: duckdb.DuckDBPyConnection) -> None:
    """Load the spatial extension from its wheel; only if that is missing from DuckDB's own repository."""
    try:
        import duckdb_extension_spatial
    except ImportError:
        con.execute("INSTALL spatial")
        con.execute("LOAD spatial")
        return
    folder = Path(duckdb_extension_spatial.__file__).parent
    file = next(iter(sorted(folder.rglob("spatial.duckdb_extension"))))
    con.execute(f"LOAD '{file.as_posix()}'")


def lock_down(con: duckdb.DuckDBPyConnection) -> None:
    """Take files, other databases and extensions from a connection, for good."""
    for name in ("enable_external_access", "lock_configuration"):
        con.execute(f"SET {name} = {SANDBOX[name]}")


def _session_on(con: duckdb.DuckDBPyConnection) -> Session:
    """Return a session that works inside the transaction of an open connection."""
    from sqlmodel import Session

    from dhsdb.schema.session import engine_on

    return Session(engine_on(con))
