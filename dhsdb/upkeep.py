"""Upkeep of the file: a consistent copy, and a rewrite without what nothing refers to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dhsdb.database import CONFIG
from dhsdb.errors import UserError
from dhsdb.lock import connect_patiently, thread_turn, turn

if TYPE_CHECKING:
    from pathlib import Path

    from dhsdb.database import Database

_UNUSED_SERIES = """
DELETE FROM meta.series WHERE sha256 NOT IN (SELECT sha256 FROM layer.profile WHERE sha256 IS NOT NULL);
DELETE FROM meta.series_value WHERE series NOT IN (SELECT series FROM meta.series);
"""


def backup(db: Database, target: Path) -> Path:
    """Copy the store to a new file, as of one moment.

    Raises
    ------
    UserError
        If the file exists already.
    """
    if target.exists():
        raise UserError(f"{target} exists already.", "Name a new file.")
    if not target.absolute().parent.is_dir():
        raise UserError(f"there is no folder {target.absolute().parent}.", "Make it first, or name another.")
    with db.read() as con:
        con.execute("SELECT 1 FROM meta.alembic_version")
    _copy(db, target)
    return target


def compact(db: Database) -> tuple[int, int]:
    """Drop series that no revision refers to, and rewrite the file: DuckDB does not shrink it by deleting.

    Returns
    -------
    tuple of int
        Size before and after, in bytes.
    """
    before = db.path.stat().st_size
    with db.write("collecting unused series") as writer:
        writer.con.execute(_UNUSED_SERIES)
    fresh = db.path.with_name(f"{db.path.name}.compact")
    fresh.unlink(missing_ok=True)
    with thread_turn(db.path), turn(db.path, db.wait_s, "compacting"):
        _copy_held(db, fresh)
        fresh.replace(db.path)
        db.path.with_name(f"{db.path.name}.wal").unlink(missing_ok=True)
    return before, db.path.stat().st_size


def _copy(db: Database, target: Path) -> None:
    with thread_turn(db.path), turn(db.path, db.wait_s, "copying"):
        _copy_held(db, target)


def _copy_held(db: Database, target: Path) -> None:
    """Copy all tables, views and comments into a new file; half a copy is never left behind."""
    unfinished = target.with_name(f"{target.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    con = connect_patiently(db.path, db.wait_s, read_only=False, config=CONFIG)
    try:
        con.execute("CHECKPOINT")
        source = con.execute("SELECT current_database()").fetchone()
        path = str(unfinished).replace("'", "''")
        con.execute(f"ATTACH '{path}' AS copy")
        con.execute(f'COPY FROM DATABASE "{source[0] if source else ""}" TO copy')
        con.execute("DETACH copy")
    finally:
        con.close()
    unfinished.replace(target)
