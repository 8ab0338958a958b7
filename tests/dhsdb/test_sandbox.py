"""`dhsdb sql` reads the store and nothing else; with --write it changes the store and nothing else."""

from __future__ import annotations

import csv
import io
import json
import threading
import time
from typing import TYPE_CHECKING

import psutil
import pyarrow.parquet as pq
import pytest

from dhsdb.errors import UserError
from dhsdb.sandbox import query_apart

if TYPE_CHECKING:
    from pathlib import Path

    from dhsdb.store import Store
    from tests.dhsdb.conftest import Cli

FILES = [
    "COPY (SELECT 1) TO '{folder}/out.csv'",
    "ATTACH '{folder}/other.duckdb' AS other",
    "SELECT * FROM read_csv('{folder}/secret.csv')",
    "SELECT * FROM '{folder}/secret.csv'",
    "SELECT * FROM read_text('{folder}/secret.csv')",
    "SELECT * FROM glob('{folder}/*')",
    "EXPORT DATABASE '{folder}/export'",
    "INSTALL httpfs",
    "LOAD spatial",
    "SELECT * FROM ST_Read('{folder}/secret.csv')",
    "SET enable_external_access = true",
    "SET threads = 1",
    "PRAGMA memory_limit = '1GB'",
]
CHANGES = [
    "CREATE TABLE mine (a INTEGER)",
    "INSERT INTO meta.currency (currency, year) VALUES ('SEK', 2025)",
    "UPDATE meta.scenario SET name = 'mine'",
    "DELETE FROM meta.scenario",
    "DROP VIEW scenarios",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "secret.csv").write_text("secret\n1\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("statement", FILES)
def test_files_extensions_and_settings_are_refused(store: Store, folder: Path, cli: Cli, statement: str) -> None:
    before = sorted(p.name for p in folder.iterdir())
    code, said, why = cli(store.db, "sql", statement.format(folder=folder.as_posix()))
    assert code == 2, said + why
    assert len(why.splitlines()) >= 1
    assert "Traceback" not in why
    assert "secret\n" not in said
    assert [n for n in sorted(p.name for p in folder.iterdir()) if "lock" not in n and "holder" not in n] == [
        n for n in before if "lock" not in n and "holder" not in n
    ]


@pytest.mark.parametrize("statement", [FILES[0], FILES[1], FILES[2], FILES[10]])
def test_files_and_settings_are_refused_with_write_too(store: Store, folder: Path, cli: Cli, statement: str) -> None:
    code, _, why = cli(store.db, "sql", "--write", statement.format(folder=folder.as_posix()))
    assert code == 2
    assert "no other files" in why
    assert not (folder / "out.csv").exists()
    assert not (folder / "other.duckdb").exists()


@pytest.mark.parametrize("statement", CHANGES)
def test_changes_are_refused_without_write(store: Store, cli: Cli, statement: str) -> None:
    code, _, why = cli(store.db, "sql", statement)
    assert code == 2
    assert "--write allows changes" in why
    assert store.scenario("base")


def test_write_changes_the_store(store: Store, cli: Cli) -> None:
    assert cli(store.db, "sql", "--write", CHANGES[1])[0] == 0
    assert cli(store.db, "sql", "--write", "UPDATE meta.currency SET per_eur = 11 WHERE currency = 'SEK'")[0] == 0
    assert store.sql("SELECT currency, per_eur FROM meta.currency").rows() == [{"currency": "SEK", "per_eur": 11.0}]


def test_a_statement_that_fails_changes_nothing(store: Store, cli: Cli) -> None:
    code, _, why = cli(store.db, "sql", "--write", f"{CHANGES[1]}; SELECT error('on purpose')")
    assert code == 2
    assert "on purpose" in why
    assert not store.sql("SELECT * FROM meta.currency").rows()


def test_an_unknown_table_is_answered_with_advice(store: Store, cli: Cli) -> None:
    code, _, why = cli(store.db, "sql", "SELECT * FROM capacities")
    assert code == 2
    assert "capacities does not exist" in why
    assert "dhsdb schema" in why


def test_a_mistake_is_one_json_document_for_scripts(store: Store, cli: Cli) -> None:
    code, said, why = cli(store.db, "sql", "SELEKT 1", "--json")
    assert code == 2
    assert json.loads(said)["exit_code"] == 2
    assert not why


def test_a_statement_whose_process_dies_leaves_a_message(store: Store) -> None:
    def kill_the_child() -> None:
        while not (found := [c for c in psutil.Process().children() if "dhsdb.sandbox" in c.cmdline()]):
            time.sleep(0.05)
        found[0].kill()

    killer = threading.Thread(target=kill_the_child)
    killer.start()
    with pytest.raises(UserError, match="ended the process that ran it"):
        query_apart(store.db, "SELECT sum(a.range + b.range) FROM range(10000000) AS a, range(10000000) AS b")
    killer.join()
    assert store.scenario("base")


def test_rows_come_as_csv_json_and_parquet(store: Store, cli: Cli, tmp_path: Path) -> None:
    query = "SELECT 1 AS a, 'x, \"y\"' AS b, 0.5::DOUBLE AS c, NULL AS d, [1, 2] AS e, DATE '2025-01-02' AS f, 'nan'::DOUBLE AS g"
    _, said, _ = cli(store.db, "sql", query, "--json")
    assert json.loads(said) == [{"a": 1, "b": 'x, "y"', "c": 0.5, "d": None, "e": [1, 2], "f": "2025-01-02", "g": None}]
    _, said, _ = cli(store.db, "sql", query, "--format", "csv")
    (row,) = csv.DictReader(io.StringIO(said))
    assert row["b"] == 'x, "y"'
    assert (row["a"], row["c"], row["d"]) == ("1", "0.5", "")
    file = tmp_path / "rows.parquet"
    assert cli(store.db, "sql", query, "--format", "parquet", "--output", str(file))[0] == 0
    assert pq.read_table(file).column("c").to_pylist() == [0.5]
    code, _, why = cli(store.db, "sql", query, "--format", "parquet")
    assert code == 2
    assert "--output" in why


def test_a_table_is_shown_and_no_rows_are_said_so(store: Store, cli: Cli) -> None:
    code, said, _ = cli(store.db, "sql", "SELECT scenario, years FROM scenarios")
    assert code == 0
    assert "base" in said
    assert "2025" in said
    assert "no rows: run" in cli(store.db, "sql", "SELECT run FROM runs")[1]


def test_spatial_functions_work(store: Store, cli: Cli) -> None:
    code, said, why = cli(store.db, "sql", "SELECT ST_Length(ST_GeomFromText('LINESTRING(0 0, 3 4)')) AS m", "--json")
    assert (code, why) == (0, "")
    assert json.loads(said) == [{"m": 5.0}]
