"""Many scenarios over one base of 200,000 cells: derive, edit, compare, resolve, open.

What a query costs must not depend on how many scenarios there are, nor a new scenario on how large its base is. All figures
are of one run of this script; CPU seconds are those of this process.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from dhsdb import edits, scenarios
from dhsdb.database import Database
from dhsdb.diff import diff
from dhsdb.names import Ref, find
from dhsdb.schema.control import Run
from dhsdb.schema.inputs import Process

if TYPE_CHECKING:
    from collections.abc import Callable

    from dhsdb.database import Writer

CELLS = ("existing_mw", "cap_min", "cap_max", "new_max", "life", "wacc", "capital", "fixed", "min_load", "ramp")
YEARS = (2025, 2035, 2045)
OWN_ROWS = 5
DEPTH = 5
"""Layers of every tenth scenario; the others have two."""

RESOLVE = {
    "its name in the query": "SELECT * FROM input.process WHERE scenario = '{name}'",
    "as a macro": "FROM input.process_at('{name}')",
    "as a macro at a revision": "FROM input.process_at('{name}', {revision})",
    "joined with scenarios, name there": "SELECT p.* FROM input.process AS p JOIN scenarios AS s ON s.scenario = p.scenario"
    " WHERE s.scenario = '{name}'",
    "joined with scenarios, by revision": "SELECT p.* FROM input.process AS p JOIN scenarios AS s USING (scenario)"
    " WHERE s.revision = {revision}",
    "joined with a run": "SELECT p.* FROM input.process AS p JOIN runs AS r USING (scenario) WHERE r.run = 1",
    "= a sub-query": "SELECT * FROM input.process WHERE scenario = (SELECT scenario FROM runs WHERE run = 1)",
    "IN a sub-query": "SELECT * FROM input.process WHERE scenario IN (SELECT scenario FROM runs WHERE run = 1)",
    "macro of a joined run": "SELECT p.* FROM runs AS r, input.process_at(r.scenario, r.revision) AS p WHERE r.run = 1",
    "macro of a run that is not there": "SELECT p.* FROM runs AS r, input.process_at(r.scenario, r.revision) AS p WHERE r.run = 9",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Took:
    """Median seconds."""

    wall: float
    cpu: float

    def __str__(self) -> str:
        return f"{self.wall:.3f} / {self.cpu:.3f}"


def took(work: Callable[[], object], rounds: int) -> Took:
    times = []
    for _ in range(rounds):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        times.append((time.perf_counter() - wall, time.process_time() - cpu))
    return Took(*(statistics.median(t[i] for t in times) for i in (0, 1)))


# --- the store -------------------------------------------------------------------------------------------------------
def make_base(db: Database, n_rows: int) -> None:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"site": "centre", "process": [f"p{i:06d}" for i in range(n_rows)]})
    frame["year"] = pd.array([None] * n_rows, "Int16")
    for cell in CELLS:
        frame[cell] = rng.random(n_rows).round(3)
    with db.write("the base") as writer:
        ref = scenarios.create(writer, "base", YEARS)
        revision = scenarios.add_revision(writer, ref.scenario, "import", "rows", n_set=n_rows)
        edits.add_rows(writer, Process, Ref(ref.scenario, ref.name, revision), frame)


def grow(db: Database, have: int, want: int, n_rows: int) -> None:
    """Derive scenarios until there are as many as wanted, each with a handful of own cells, in one transaction."""
    with db.write("more scenarios") as writer:
        for i in range(have, want):
            child(writer, i, f"s{i - 1:04d}" if i % 10 in range(1, DEPTH - 1) else "base", n_rows)


def child(writer: Writer, i: int, parent: str, n_rows: int) -> None:
    stack = scenarios.pinned(writer, find(writer.con, parent))
    ref = scenarios.register(writer, f"s{i:04d}", "derive", f"derive from {parent}", None)
    scenarios.push(writer, ref, [*stack, scenarios.own_entry(ref, stack)])
    revision = scenarios.add_revision(writer, ref.scenario, "set", "own cells", n_set=OWN_ROWS)
    frame = pd.DataFrame(
        {
            "site": "centre",
            "process": [f"p{(i * OWN_ROWS + k) % n_rows:06d}" for k in range(OWN_ROWS)],
            "year": pd.array([None] * OWN_ROWS, "Int16"),
            "capital": float(i),
            "cells": [["capital"]] * OWN_ROWS,
        }
    )
    edits.add_rows(writer, Process, Ref(ref.scenario, ref.name, revision), frame)


def add_run(db: Database, name: str) -> None:
    with db.write("a run") as writer:
        ref = find(writer.con, name)
        writer.session.add(
            Run(
                run=1, scenario=ref.scenario, revision=ref.revision, stage="dispatch", years="2025", options="{}",
                is_default=True, fingerprint="", iteration=0, status="optimal", version="", machine="", host="", pid=0,
                process_start=0.0, started_at=pd.Timestamp(2026, 1, 1),
            )
        )  # fmt: skip


# --- what is timed ---------------------------------------------------------------------------------------------------
def measure(db: Database, rounds: int) -> dict[str, Took]:
    """Return what each operation takes in a store as it is."""
    made, gone, sets, deep = count(), count(), count(), f"s{DEPTH - 2:04d}"
    found = {
        "open to read, and close": took(lambda: _open(db), rounds * 3),
        "open to write, and close": took(lambda: _open_to_write(db), rounds * 3),
        "derive one more": took(lambda: scenarios.derive(db, f"new {next(made)}", "base"), rounds),
        "set one cell": took(lambda: _set(db, deep, next(sets)), rounds),
        "delete": took(lambda: scenarios.delete(db, f"new {next(gone)}"), rounds),
        "diff of two scenarios": took(lambda: diff(db, deep, "s0005"), rounds),
        "list scenarios": took(lambda: db.sql("SELECT * FROM scenarios"), rounds),
    }
    with db.read() as con:
        row = con.execute("SELECT revision FROM scenarios WHERE scenario = ?", [deep]).fetchone()
        for how, query in RESOLVE.items():
            sql = query.format(name=deep, revision=row[0] if row else 0)
            found[f"resolve one, {how}"] = took(lambda sql=sql: con.execute(sql).to_arrow_table(), rounds)  # type: ignore[misc]
    return found


def _open(db: Database) -> None:
    with db.read() as con:
        con.execute("SELECT 1")


def _open_to_write(db: Database) -> None:
    with db.write("nothing"):
        pass


def _set(db: Database, scenario: str, i: int) -> None:
    edits.set_cells(db, scenario, "process.capital", float(i), where=f"process = 'p{i:06d}'", message="one cell")


def target(name: str) -> float | None:
    """Return the most wall seconds that an operation should take."""
    return 0.1 if name.startswith(("open", "diff")) else 0.3 if name.startswith("resolve") else None


def main(rounds: int, rows: int, sizes: list[int]) -> None:
    found: dict[str, dict[str, Took]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for n_rows, wanted in ((rows // 100, sizes[:1]), (rows, sizes)):
            db = Database(Path(folder) / f"{n_rows}.duckdb")
            db.create()
            make_base(db, n_rows)
            for have, want in zip([0, *wanted], wanted, strict=False):
                grow(db, have, want, n_rows)
                if not have:
                    add_run(db, f"s{DEPTH - 2:04d}")
                found[f"{want:,} over {n_rows * len(CELLS):,} cells"] = measure(db, rounds)
            Console().print(f"{db.path.stat().st_size / 1e6:.1f} MB")
    report(found)
    last, small = list(found.values())[-1], next(iter(found.values()))
    Console().print(
        f"derive: {last['derive one more'].cpu / small['derive one more'].cpu:.2f} times the CPU of the small base with"
        f" {sizes[0]} scenarios"
    )


def report(found: dict[str, dict[str, Took]]) -> None:
    table = Table("wall / CPU s", *found, "target", "met", title="scenarios", title_justify="left")
    last = list(found.values())[-1]
    for name in last:
        limit = target(name)
        met = "" if limit is None else "yes" if last[name].wall <= limit else "no"
        table.add_row(name, *(str(column[name]) for column in found.values()), f"{limit or '':}", met)
    Console(width=150).print(table)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=20_000, help="rows of the base, 10 cells each")
    parser.add_argument("--scenarios", type=int, nargs="+", default=[10, 100, 1000])
    given = parser.parse_args()
    main(given.rounds, given.rows, given.scenarios)
