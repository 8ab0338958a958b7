"""A copy and a rewritten file hold all that the store holds, in less room."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pytest

from dhsdb.errors import UserError
from dhsdb.series import Values, save
from dhsdb.store import Store
from tests.dhsdb.study import add_profile, build

if TYPE_CHECKING:
    from pathlib import Path

    from dhsdb.database import Database
    from tests.dhsdb.conftest import Cli


def contents(path: Path) -> dict[str, list[Any]]:
    """All rows of all tables, and the text of all views, macros, comments and constraints."""
    with contextlib.closing(duckdb.connect(str(path), read_only=True)) as con:
        tables = con.execute("SELECT schema_name, table_name FROM duckdb_tables() ORDER BY ALL").fetchall()
        found = {f"{s}.{t}": con.execute(f'SELECT * FROM "{s}"."{t}" ORDER BY ALL').fetchall() for s, t in tables}
        for name, query in {
            "views": "SELECT schema_name, view_name, sql FROM duckdb_views() WHERE NOT internal ORDER BY ALL",
            "macros": "SELECT schema_name, function_name, parameters, macro_definition FROM duckdb_functions()"
            " WHERE NOT internal ORDER BY ALL",
            "columns": "SELECT schema_name, table_name, column_name, data_type, is_nullable, comment FROM duckdb_columns()"
            " WHERE NOT internal ORDER BY ALL",
            "comments": "SELECT schema_name, table_name, comment FROM duckdb_tables() ORDER BY ALL",
            "constraints": "SELECT schema_name, table_name, constraint_text FROM duckdb_constraints() ORDER BY ALL",
        }.items():
            found[name] = con.execute(query).fetchall()
    return found


def test_a_backup_is_the_whole_store_and_works_as_one(solved: Store, cli: Cli, tmp_path: Path) -> None:
    copy = tmp_path / "copy.duckdb"
    assert cli(solved.db, "backup", str(copy))[0] == 0
    assert contents(copy) == contents(solved.db.path)
    again = Store(copy)
    assert [r.reused for r in again.run("base")] == [True, True]
    again.derive("child", "base")
    assert again.sql("SELECT count(*) AS n FROM energy").rows() == solved.sql("SELECT count(*) AS n FROM energy").rows()
    assert len(solved.sql("SELECT * FROM scenarios")) == 1


def test_a_backup_overwrites_nothing(solved: Store, cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "mine.duckdb").write_text("mine")
    code, _, why = cli(solved.db, "backup", str(tmp_path / "mine.duckdb"))
    assert code == 2
    assert "exists already" in why
    assert (tmp_path / "mine.duckdb").read_text() == "mine"


def test_a_backup_into_a_folder_that_is_not_there_is_refused(solved: Store, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="folder"):
        solved.backup(tmp_path / "none" / "copy.duckdb")


def test_compact_keeps_everything_in_less_room(solved: Store, cli: Cli) -> None:
    for step in range(4):
        with solved.db.write("a test") as writer:
            writer.con.execute("CREATE OR REPLACE TABLE meta.bulk AS SELECT random() AS a FROM range(300000)")
        if step == 3:
            with solved.db.write("a test") as writer:
                writer.con.execute("DROP TABLE meta.bulk")
    before = contents(solved.db.path)
    size = solved.db.path.stat().st_size
    code, said, _ = cli(solved.db, "compact")
    assert code == 0
    assert "MB before" in said
    assert solved.db.path.stat().st_size < size - 2e6
    assert contents(solved.db.path) == before
    assert (
        sorted(p.name for p in solved.db.path.parent.glob("*.duckdb*") if "compact" in p.name or "unfinished" in p.name)
        == []
    )
    assert [r.reused for r in Store(solved.db.path).run("base")] == [True, True]


def test_compact_collects_series_that_no_revision_refers_to(db: Database) -> None:
    build(db, years=[2025])
    replaced = add_profile(db, "base", "heat demand", np.arange(24.0), "power", "MW")
    add_profile(db, "base", "heat demand", np.arange(48.0), "power", "MW")
    with db.write("a test") as writer:
        (unused,) = save(writer, [Values(np.arange(99.0), "factor")])
    store = Store(db.path)
    assert len(store.sql("SELECT * FROM meta.series")) == 4
    store.compact()
    kept = {r["sha256"] for r in store.sql("SELECT sha256 FROM meta.series").rows()}
    assert unused not in kept
    assert replaced in kept  # an older revision refers to it
    assert store.sql("SELECT count(*) AS n FROM meta.series_value").rows() == [{"n": 8760 + 24 + 48}]
