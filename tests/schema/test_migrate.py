"""A store of the first version becomes one of the newest, with its data, and as the table classes say."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import duckdb
import pytest
from alembic.script import ScriptDirectory
from duckdb_sqlalchemy import Dialect

from dhsdb import database, scenarios
from dhsdb.database import CONFIG, Database
from dhsdb.schema import migrate
from dhsdb.schema.catalog import ALL, CONTROL, INPUT, RESULT
from dhsdb.schema.columns import Geometry
from dhsdb.schema.version import HEAD
from dhsdb.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import sqlalchemy as sa

FIRST = "0001"
DATA = """
INSERT INTO meta.revision VALUES (1, 1, 'new', '2020-01-01', 'ada', 'the first', 0, 0);
INSERT INTO meta.scenario (scenario, name, created) VALUES (1, 'base', 1);
INSERT INTO meta.stack VALUES (1, 0, 1, NULL, 0, 1, NULL);
INSERT INTO layer.model_year (layer, origin, rev_from, removed, year) VALUES (1, 1, 1, FALSE, 2025);
INSERT INTO layer.commodity (layer, origin, rev_from, removed, site, commodity, price) VALUES (1, 1, 1, FALSE, 'c', 'gas', 35);
INSERT INTO meta.chain VALUES (1, 1, 1, TRUE, TRUE, '2020-01-01');
INSERT INTO meta.chain_run VALUES (1, 1);
INSERT INTO meta.run (run, scenario, revision, stage, years, options, is_default, fingerprint, iteration, status, version,
    machine, host, pid, process_start, started_at) VALUES
    (1, 1, 1, 'dispatch', '2025', '{}', TRUE, 'f', 0, 'optimal', '0', 'm', 'h', 1, 0, '2020-01-01');
INSERT INTO result.item (run, item, site, technology) VALUES (1, 1, 'c', 'boiler');
INSERT INTO result.capacity (run, year, item, capacity, unit) VALUES (1, 2025, 1, 50, 'MW');
"""


@pytest.fixture
def first(tmp_path: Path) -> Path:
    """A store of the first version, with data in it."""
    path = tmp_path / "old.duckdb"
    with contextlib.closing(duckdb.connect(str(path), config=dict(CONFIG))) as con:
        migrate.upgrade(con, FIRST)
        con.execute(DATA)
    return path


def revisions() -> list[str]:
    return [s.revision for s in ScriptDirectory.from_config(migrate._config()).walk_revisions()]


def columns(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, str, str], tuple[object, ...]]:
    rows = con.execute(
        "SELECT schema_name, table_name, column_name, data_type, is_nullable, comment, column_index FROM duckdb_columns() AS c"
        " SEMI JOIN duckdb_tables() AS t USING (schema_name, table_name) WHERE table_name <> 'alembic_version'"
    ).fetchall()
    return {row[:3]: row[3:] for row in rows}


def declared() -> Iterator[tuple[tuple[str, str, str], tuple[object, ...]]]:
    dialect = Dialect()
    with contextlib.closing(duckdb.connect()) as con:
        for table in ALL:
            for number, column in enumerate(table.__table__.columns, 1):
                words = "GEOMETRY" if isinstance(column.type, Geometry) else column.type.compile(dialect)
                kind = con.execute(f"SELECT typeof(NULL::{words})").fetchone()
                assert kind
                key = (table.space, str(table.__table__.name), column.name)
                yield key, (kind[0], column.nullable, table.meanings()[column.name].comment, number)


def test_the_code_reads_the_newest_migration() -> None:
    assert HEAD == migrate.head() == revisions()[0]
    assert revisions()[-1] == FIRST


def test_a_new_store_is_as_the_classes_say(empty_store: Path) -> None:
    with contextlib.closing(duckdb.connect(str(empty_store), read_only=True)) as con:
        assert columns(con) == dict(declared())


def test_the_first_store_becomes_as_the_classes_say(first: Path) -> None:
    with contextlib.closing(duckdb.connect(str(first), config=dict(CONFIG))) as con:
        migrate.upgrade(con)
        assert columns(con) == dict(declared())


def test_the_first_store_keeps_its_data(first: Path) -> None:
    store = Store(first)
    assert store.sql("SELECT scenario, years FROM scenarios").rows() == [{"scenario": "base", "years": [2025]}]
    assert store.sql("SELECT year, commodity, price FROM input.commodity").rows() == [
        {"year": 2025, "commodity": "gas", "price": 35.0}
    ]
    assert store.sql("SELECT technology, capacity FROM capacity").rows() == [{"technology": "boiler", "capacity": 50.0}]
    scenarios.derive(store.db, "child", "base")


def test_bulk_tables_have_no_keys_and_control_tables_have_theirs(empty_store: Path) -> None:
    with contextlib.closing(duckdb.connect(str(empty_store), read_only=True)) as con:
        keyed = {
            (space, name)
            for space, name in con.execute(
                "SELECT schema_name, table_name FROM duckdb_constraints() WHERE constraint_type <> 'NOT NULL'"
            ).fetchall()
        }
    assert not {name for space, name in keyed if space in ("layer", "result")}
    assert {name for space, name in keyed if space == "meta"} - {"alembic_version"} == {
        n for n, t in CONTROL.items() if any(c.primary_key for c in t.__table__.columns) and _given_number(t.__table__)
    }


def _given_number(table: sa.Table) -> bool:
    return any(c.primary_key and not c.autoincrement for c in table.columns)


def test_every_table_has_its_view(empty_store: Path) -> None:
    with contextlib.closing(duckdb.connect(str(empty_store), read_only=True)) as con:
        views = set(con.execute("SELECT schema_name, view_name FROM duckdb_views() WHERE NOT internal").fetchall())
        for space, view in sorted(views):
            con.execute(f'SELECT * FROM "{space}"."{view}"').fetchall()
        for table in INPUT:
            con.execute(f"SELECT * FROM input.{table}_at('base', 1)").fetchall()
    assert {("input", t) for t in INPUT} <= views
    in_views = {"item", "pareto_point"}  # joined into the others; its view is called pareto
    assert {("main", t) for t in RESULT if t not in in_views} <= views
    assert {("by_run", t) for t in RESULT if t not in in_views} <= views


def test_an_old_store_is_copied_before_it_is_migrated(first: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if len(revisions()) == 1:  # there is no older version yet: let the code be ahead of a migration that does nothing
        monkeypatch.setattr(database, "HEAD", "later")
    assert Database(first).create() == "migrated"
    copy = first.with_name(f"old.schema-{FIRST}.duckdb")
    with contextlib.closing(duckdb.connect(str(copy), read_only=True)) as con:
        assert con.execute("SELECT version_num FROM meta.alembic_version").fetchall() == [(FIRST,)]
        assert con.execute("SELECT name FROM meta.scenario").fetchall() == [("base",)]


def test_a_migration_that_fails_leaves_the_old_store(first: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(con: duckdb.DuckDBPyConnection) -> None:
        con.execute("DROP TABLE meta.currency")
        raise ZeroDivisionError

    monkeypatch.setattr(migrate, "refresh", broken)
    with contextlib.closing(duckdb.connect(str(first), config=dict(CONFIG))) as con:
        with pytest.raises(ZeroDivisionError):
            migrate.upgrade(con)
        assert con.execute("SELECT count(*) FROM meta.currency").fetchall() == [(0,)]
        assert con.execute("SELECT name FROM meta.scenario").fetchall() == [("base",)]


def test_views_are_made_anew_by_a_migration(first: Path) -> None:
    with contextlib.closing(duckdb.connect(str(first), config=dict(CONFIG))) as con:
        con.execute("CREATE VIEW main.outdated AS SELECT 1 AS a")
        con.execute("CREATE MACRO input.outdated_at(a) AS TABLE SELECT a")
        migrate.upgrade(con)
        left = "SELECT view_name FROM duckdb_views() UNION SELECT function_name FROM duckdb_functions()"
        names = {row[0] for row in con.execute(left).fetchall()}
    assert not {"outdated", "outdated_at"} & names
