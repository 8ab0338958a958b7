"""What second processes do in tests. They share nothing with the test but the file of the store and two events."""

from __future__ import annotations

import contextlib
import multiprocessing
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.process import BaseProcess

CONTEXT: Any = multiprocessing.get_context("spawn" if sys.platform == "win32" else "forkserver")
if sys.platform != "win32":  # each process starts with these loaded, but with no store open
    CONTEXT.set_forkserver_preload(
        [
            "dhsdb.check_tables", "dhsdb.cli.app", "dhsdb.importers.pipeline", "dhsdb.models.dispatch",
            "dhsdb.models.energy_results", "dhsdb.models.investment", "dhsdb.schema.catalog", "dhsdb.schema.session",
            "dhsdb.store", "duckdb", "filelock", "pandas", "psutil", "pyarrow.parquet",
        ]
    )  # fmt: skip
LONG_S = 60.0


@contextlib.contextmanager
def process(work: Callable[..., None], *args: object) -> Iterator[BaseProcess]:
    """Start work in a second process, and kill it at the end if it still runs."""
    started = CONTEXT.Process(target=work, args=args)
    started.start()
    try:
        yield started
    finally:
        started.kill()
        started.join()


def ended(one: BaseProcess) -> int | None:
    """Wait for a process and return its exit code."""
    one.join(LONG_S)
    return one.exitcode


class Signals:
    """``reached``: the other process is where it was sent; ``go_on``: it may go on."""

    def __init__(self) -> None:
        self.reached, self.go_on = CONTEXT.Event(), CONTEXT.Event()

    def wait_here(self) -> None:
        self.reached.set()
        assert self.go_on.wait(LONG_S)

    def wait_there(self) -> None:
        assert self.reached.wait(LONG_S)


def hold_like_a_shell(path: Path, signals: Signals) -> None:
    """Hold the file as a program does that does not know of the lock."""
    import duckdb

    with contextlib.closing(duckdb.connect(str(path))):
        signals.wait_here()


def hold_for_writing(path: Path, signals: Signals, doing: str) -> None:
    from dhsdb.database import Database

    with Database(path).write(doing):
        signals.wait_here()


def make_scenarios(path: Path, prefix: str, n: int) -> None:
    from dhsdb import scenarios
    from dhsdb.database import Database

    for i in range(n):
        scenarios.new(Database(path, LONG_S), f"{prefix}{i}", [2025, 2035])


def read_all_the_time(path: Path, signals: Signals) -> None:
    import time

    from dhsdb.database import Database

    db = Database(path, LONG_S)
    while not signals.go_on.is_set():
        with db.read() as con:
            con.execute("SELECT count(*) FROM scenarios").fetchall()
            time.sleep(0.05)
        signals.reached.set()


def run_and_wait(path: Path, signals: Signals, wait_s: float = LONG_S) -> None:
    """Run ``base`` and stop inside its last stage until told to go on."""
    from dhsdb.models import dispatch
    from dhsdb.store import Store

    really = dispatch.solve

    def slow(*given: Any) -> object:
        outcome = really(*given)
        signals.wait_here()
        return outcome

    dispatch.solve = slow
    Store(path, wait_s=wait_s).run("base")


def write_and_die(path: Path) -> None:
    """Commit, and leave what was committed in the write-ahead log, as a kill does."""
    import os

    import duckdb

    con = duckdb.connect(str(path))
    con.execute("SET wal_autocheckpoint = '1GB'")
    con.execute("INSERT INTO meta.currency (currency, year) VALUES ('XAU', 2025)")
    con.execute("BEGIN")
    con.execute("INSERT INTO meta.currency (currency, year) VALUES ('XAG', 2025)")
    os._exit(9)
