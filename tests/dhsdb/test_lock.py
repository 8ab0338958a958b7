"""Several processes on one store: they read and write while a model is solved, queue, and name who holds the file."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from dhsdb import edits, scenarios
from dhsdb.database import Database
from dhsdb.errors import LockTimeoutError
from tests.dhsdb.apart import (
    Signals,
    ended,
    hold_for_writing,
    hold_like_a_shell,
    make_scenarios,
    process,
    read_all_the_time,
    run_and_wait,
)

if TYPE_CHECKING:
    from dhsdb.store import Store
    from tests.dhsdb.conftest import Cli


def test_a_second_process_reads_and_writes_while_a_model_is_solved(store: Store) -> None:
    signals = Signals()
    with process(run_and_wait, store.db.path, signals) as solving:
        signals.wait_there()
        assert store.sql("SELECT stage, status FROM runs ORDER BY run").rows() == [
            {"stage": "investment", "status": "optimal"},
            {"stage": "dispatch", "status": "running"},
        ]
        edit = edits.set_cells(store.db, "base", "commodity.price", 99.0, where="commodity = 'gas'", message="dearer")
        signals.go_on.set()
        assert ended(solving) == 0
    run = store.sql("SELECT run, status, revision FROM runs WHERE stage = 'dispatch'").rows()[0]
    assert run["status"] == "optimal"
    assert run["revision"] < edit.revision
    assert store.sql("SELECT count(*) AS n FROM flow WHERE stage = 'dispatch'").rows()[0]["n"] > 0


def test_writers_queue_and_each_row_arrives_once(db: Database) -> None:
    writers, each = 4, 8
    with ExitStack() as stack:
        started = [stack.enter_context(process(make_scenarios, db.path, f"w{k}-", each)) for k in range(writers)]
        assert [ended(one) for one in started] == [0] * writers
    names = db.sql("SELECT name FROM meta.scenario ORDER BY name").column("name").to_pylist()
    assert names == sorted(f"w{k}-{i}" for k in range(writers) for i in range(each))
    revisions = db.sql("SELECT revision FROM meta.revision ORDER BY revision").column("revision").to_pylist()
    assert revisions == list(range(1, writers * each + 1))
    assert db.sql("SELECT count(*) AS n FROM input.model_year").to_pylist() == [{"n": 2 * writers * each}]


def test_readers_do_not_starve_a_writer(db: Database) -> None:
    with ExitStack() as stack:
        reading = [Signals() for _ in range(3)]
        for signals in reading:
            stack.enter_context(process(read_all_the_time, db.path, signals))
            signals.wait_there()
        for i in range(5):
            scenarios.new(db, f"s{i}")
        for signals in reading:
            signals.reached.clear()
            signals.wait_there()


def test_a_shell_that_does_not_know_the_lock_is_named(db: Database, cli: Cli) -> None:
    signals = Signals()
    with process(hold_like_a_shell, db.path, signals) as shell:
        signals.wait_there()
        with pytest.raises(LockTimeoutError, match=rf"process {shell.pid} .*waited 0\.2 s") as refused:
            Database(db.path, wait_s=0.2).sql("SELECT 1")
        assert "--wait" in refused.value.hint
        code, _, said = cli(db, "--wait", "0.2", "scenario", "new", "base")
        assert code == 2
        assert f"process {shell.pid}" in said
        signals.go_on.set()
        scenarios.new(db, "base")  # waits for the shell to end


def test_a_writer_is_named_with_what_it_does(db: Database) -> None:
    signals = Signals()
    with process(hold_for_writing, db.path, signals, "importing a city") as writing:
        signals.wait_there()
        with pytest.raises(LockTimeoutError, match=rf"process {writing.pid} .*importing a city"):
            Database(db.path, wait_s=0.2).sql("SELECT 1")


def test_the_lock_of_a_killed_writer_is_free(db: Database) -> None:
    signals = Signals()
    with process(hold_for_writing, db.path, signals, "importing a city") as writing:
        signals.wait_there()
        writing.kill()
        scenarios.new(db, "base")
    assert db.sql("SELECT scenario FROM scenarios").to_pylist() == [{"scenario": "base"}]
