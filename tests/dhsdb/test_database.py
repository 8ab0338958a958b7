"""A store opens, closes, refuses what it can't read, and survives a kill."""

from __future__ import annotations

import contextlib
import errno
import shutil
from typing import TYPE_CHECKING

import duckdb
import pytest

from dhsdb import scenarios
from dhsdb.database import Database
from dhsdb.errors import StoreVersionError, UserError
from dhsdb.schema.version import HEAD
from tests.dhsdb.apart import ended, process, write_and_die

if TYPE_CHECKING:
    from pathlib import Path

    from tests.dhsdb.conftest import Cli


def pretend(db: Database, version: str) -> None:
    with db.write("a test") as writer:
        writer.con.execute("UPDATE meta.alembic_version SET version_num = ?", [version])


def test_a_store_is_created_once(tmp_path: Path, empty_store: Path) -> None:
    db = Database(tmp_path / "deep" / "city.duckdb")
    assert db.create() == "created"
    assert db.create() == "current"
    assert Database(empty_store).create() == "current"
    assert db.sql("SELECT version_num FROM meta.alembic_version").to_pylist() == [{"version_num": HEAD}]


def test_no_connection_outlives_a_call(db: Database) -> None:
    scenarios.new(db, "base")
    db.sql("SELECT 1")
    with contextlib.closing(duckdb.connect(str(db.path))) as con:  # another configuration: refused while one is open
        assert con.execute("SELECT scenario FROM scenarios").fetchall() == [("base",)]


def test_a_write_is_taken_back_whole_when_it_fails(db: Database) -> None:
    with pytest.raises(UserError, match="exists already"), db.write("a test") as writer:
        for _ in range(2):
            scenarios.create(writer, "base", [2025])
    assert db.sql(
        "SELECT (SELECT count(*) FROM meta.revision) + (SELECT count(*) FROM layer.model_year) AS n"
    ).to_pylist() == [{"n": 0}]


def test_a_reader_can_not_write(db: Database) -> None:
    with db.read() as con, pytest.raises(duckdb.InvalidInputException, match="read-only"):
        con.execute("DELETE FROM meta.scenario")


def test_a_store_that_is_not_there_is_refused(tmp_path: Path, cli: Cli) -> None:
    db = Database(tmp_path / "none.duckdb")
    with pytest.raises(UserError, match="there is no store"):
        db.sql("SELECT 1")
    code, _, said = cli(db, "scenario", "list")
    assert code == 2
    assert "dhsdb init" in said
    assert not db.path.exists()


@pytest.mark.parametrize("name", ["letter.duckdb", "blocked.duckdb"])
def test_a_file_that_is_no_database_is_refused_at_once(tmp_path: Path, cli: Cli, name: str) -> None:
    path = tmp_path / name
    path.write_text("Dear Sir or Madam, " * 1000, encoding="utf-8")
    code, _, said = cli(Database(path), "--wait", "600", "scenario", "list")
    assert code == 2
    assert "is not a DuckDB file" in said


def test_a_database_that_is_no_store_is_refused_and_left_alone(tmp_path: Path, cli: Cli) -> None:
    path = tmp_path / "other.duckdb"
    with contextlib.closing(duckdb.connect(str(path))) as con:
        con.execute("CREATE TABLE mine AS SELECT 1 AS a")
    for command in (("init",), ("scenario", "list"), ("scenario", "new", "base")):
        code, _, said = cli(Database(path), *command)
        assert code == 2
        assert "is not a dhsdb store" in said
    with contextlib.closing(duckdb.connect(str(path))) as con:
        assert con.execute("SELECT table_name FROM duckdb_tables()").fetchall() == [("mine",)]


def test_a_store_of_a_newer_program_is_refused_and_left_alone(db: Database, cli: Cli) -> None:
    pretend(db, "9999")
    for command in (("init",), ("scenario", "list"), ("sql", "SELECT 1")):
        code, _, said = cli(db, *command)
        assert code == 2
        assert "newer dhsdb (schema 9999" in said
        assert "Upgrade" in said
    with pytest.raises(StoreVersionError):
        Database(db.path).sql("SELECT 1")
    assert not list(db.path.parent.glob("*.schema-*"))


def test_what_was_committed_before_a_kill_is_read_from_the_log(db: Database) -> None:
    with process(write_and_die, db.path) as writing:
        assert ended(writing) == 9
    log = db.path.with_name(f"{db.path.name}.wal")
    assert log.stat().st_size > 0
    fresh = Database(db.path)
    assert fresh.sql("SELECT currency FROM meta.currency").to_pylist() == [{"currency": "XAU"}]
    scenarios.new(fresh, "base")
    assert not log.exists()


def test_a_copied_file_is_the_whole_store(db: Database, tmp_path: Path) -> None:
    scenarios.new(db, "base")
    shutil.copy(db.path, tmp_path / "copy.duckdb")
    assert len(Database(tmp_path / "copy.duckdb").sql("SELECT * FROM scenarios")) == 1


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("No space left on device", "the disk of .* is full; nothing was written"),
        ("Permission denied", "no right to do so"),
    ],
)
def test_a_full_disk_or_a_folder_of_others_is_told_plainly(db: Database, said: str, told: str) -> None:
    with pytest.raises(UserError, match=told), db.write("a test") as writer:
        writer.con.execute("UPDATE meta.alembic_version SET version_num = 'x'")
        raise duckdb.IOException(f'Could not write file "{db.path}": {said}')
    assert db.sql("FROM meta.alembic_version").to_pylist() == [{"version_num": HEAD}]
    with pytest.raises(OSError, match="elsewhere"), db.write("a test"):
        raise OSError(f"elsewhere: {said}")


def test_a_store_in_a_folder_of_others_is_read_without_the_lock(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", f"{db.path}.lock")

    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    assert db.sql("FROM meta.alembic_version").num_rows == 1
    with pytest.raises(UserError, match="no right to do so"), db.write("a test"):
        pytest.fail("nothing may be written without the lock")
