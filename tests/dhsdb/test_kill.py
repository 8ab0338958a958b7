"""Killed at any moment, a store opens with all that was committed and nothing of what was not."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from dhsdb.runs import spool_folder
from dhsdb.schema.catalog import INPUT, RESULT
from dhsdb.store import Store
from tests.dhsdb.apart import LONG_S, Signals, process

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.process import BaseProcess

    from dhsdb.importers.rows import Item, Request

N_KILLS = 20
N_ROWS = 300


class Growing:
    """An importer whose every file holds other rows and another profile."""

    name = "growing"
    reads = "a test"
    attribution = ""

    def __init__(self, step: int) -> None:
        self.step = step

    def read(self, request: Request) -> Iterator[Item]:
        import numpy as np

        from dhsdb.importers.rows import Rows, Series

        file = request.paths[0]
        names = [f"k{n}" for n in range(N_ROWS)]
        yield Rows("building", pd.DataFrame({"building": names, "levels": 1.0 + self.step % 90}), file)
        yield Series(f"p{self.step}", np.arange(500.0) + self.step, "temperature", file, "degC")


def import_and_run(path: Path, signals: Signals, source: Path, log: Path, run_first: bool) -> None:  # noqa: FBT001
    """Import and run without end; write down what was told to be done after it was."""
    from dhsdb.importers.pipeline import run_import

    store = Store(path, wait_s=LONG_S)
    step = store.scenario("base").revision
    with log.open("a", encoding="utf-8", buffering=1) as told:
        signals.reached.set()
        while True:
            step += 1
            if not run_first:
                report = run_import(store.db, Growing(step), [source], scenario="base")
                told.write(f"revision {report.revision}\n")
            for run in store.run("base", ["investment"], force=True):
                told.write(f"run {run.run}\n")
            run_first = False


def told(log: Path, what: str) -> set[int]:
    """What the killed processes said was done; the last line may be cut short."""
    lines = log.read_text(encoding="utf-8").split("\n")[:-1] if log.exists() else []
    return {int(n) for n in (line.split()[1] for line in lines if line.startswith(what)) if n != "None"}


def test_twenty_kills_lose_nothing_that_was_done_and_leave_nothing_that_was_not(store: Store, tmp_path: Path) -> None:
    chance = random.Random(1)
    source, log = tmp_path / "source.txt", tmp_path / "told.txt"
    source.write_text("rows")
    first = store.scenario("base").revision
    longest_s = 0.0
    for kill in range(1 + N_KILLS):
        signals = Signals()
        with process(import_and_run, store.db.path, signals, source, log, kill % 2 == 1) as working:
            signals.wait_there()
            if kill:
                time.sleep(chance.uniform(0, longest_s))
            else:
                longest_s = time_of_one_round(working, log)
        store = Store(store.db.path, wait_s=20)
        check_revisions(store, first, told(log, "revision"))
        check_runs(store, told(log, "run"))
    assert {r["status"] for r in store.sql("SELECT status FROM runs").rows()} == {"optimal", "lost"}
    assert store.run("base")[-1].status == "optimal"


def time_of_one_round(working: BaseProcess, log: Path) -> float:
    began = time.monotonic()
    while not told(log, "run"):
        assert working.is_alive()
        time.sleep(0.01)
    return time.monotonic() - began


def check_revisions(store: Store, first: int, committed: set[int]) -> None:
    """Each revision is there with all its rows, its source and its profile, or not at all."""
    each = " UNION ALL ".join(f"SELECT origin, count(*) AS n FROM layer.{t} GROUP BY origin" for t in INPUT)
    rows = store.sql(f"SELECT origin, sum(n)::INTEGER AS n FROM ({each}) GROUP BY origin").rows()
    present = {r["origin"]: r["n"] for r in rows if r["origin"] > first}
    known = {r["revision"]: r for r in store.sql("SELECT * FROM revisions").rows() if r["revision"] > first}
    assert committed <= set(known)
    assert present == dict.fromkeys(known, N_ROWS + 1) == {n: r["n_set"] for n, r in known.items()}
    assert all(r["source"] for r in known.values())
    assert not store.sql("SELECT * FROM layer.profile AS p ANTI JOIN meta.series AS s USING (sha256)").rows()
    assert not store.sql(
        "SELECT s.series FROM meta.series AS s LEFT JOIN meta.series_value AS v USING (series)"
        " GROUP BY s.series, s.n HAVING count(v.t) <> s.n"
    ).rows()


def check_runs(store: Store, committed: set[int]) -> None:
    """A run is optimal with its rows, or lost without any."""
    statuses = {r["run"]: r["status"] for r in store.sql("SELECT run, status FROM runs").rows()}
    each = " UNION ".join(f"SELECT run FROM result.{t}" for t in RESULT)
    with_rows = {r["run"] for r in store.sql(each).rows()}
    assert set(statuses.values()) <= {"optimal", "lost"}
    assert committed <= with_rows == {run for run, status in statuses.items() if status == "optimal"}
    assert not store.sql("SELECT * FROM meta.chain_run AS c ANTI JOIN meta.run AS r USING (run)").rows()
    assert not spool_folder(store.db).exists()
