"""Compare two scenarios of 10,000 parameters that differ in 240, and two that share 1,000,000 profile values.

In this process, store on disk, opening and closing included. Of profiles whose hashes are equal no value is read: the
second figure holds with the values gone.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from dhsdb import edits, scenarios, series
from dhsdb.database import Database
from dhsdb.diff import diff
from dhsdb.names import Ref, find
from dhsdb.schema.catalog import input_table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dhsdb.diff import Diff

TABLES: dict[str, tuple[dict[str, Any], str, tuple[str, ...]]] = {
    "process": ({}, "process", ("existing_mw", "capital", "fixed", "life", "wacc")),
    "commodity": ({}, "commodity", ("price", "voll", "max_mw")),
    "storage": ({"commodity": "heat"}, "storage", ("e_existing", "capital_e", "fixed_e")),
    "transmission": ({"site_from": "a", "site_to": "b", "commodity": "heat"}, "line", ("capital", "fixed")),
    "process_mode": ({"mode": "1"}, "process", ("variable",)),
    "emission": ({}, "emission", ("price",)),
}
"""Table -> (other keys and cells, the key that is numbered, numbers that are set)."""

PARAMETERS, CHANGED, ADDED, REMOVED = 10_000, 200, 20, 20


def append(db: Database, scenario: str, table: str, rows: Sequence[dict[str, Any]]) -> None:
    """Write whole rows, or with ``cells`` partial ones, as a revision."""
    frame = pd.DataFrame([{"year": None} | row for row in rows])
    frame["year"] = frame["year"].astype("Int16")
    with db.write("benchmark") as writer:
        ref = find(writer.con, scenario)
        revision = scenarios.add_revision(writer, ref.scenario, "import", table)
        edits.add_rows(writer, input_table(table), Ref(ref.scenario, ref.name, revision), frame)


def row(table: str, n: int, value: float) -> dict[str, Any]:
    """Return a row of a table with all its numbers."""
    more, name, numbers = TABLES[table]
    site = {"site": "main"} if "site" in input_table(table).keys() else {}
    return site | more | {name: f"{table} {n}"} | {c: value + i for i, c in enumerate(numbers)}


def study(db: Database, tables: Sequence[str], years: Sequence[int]) -> None:
    """Make ``base`` with 10,000 parameters, and ``other`` on it, where 200 change, 20 come and 20 go."""
    scenarios.new(db, "base", list(years))
    scenarios.derive(db, "fresh", "base")
    rows = PARAMETERS // sum(len(TABLES[t][2]) for t in tables)
    for t in tables:
        append(db, "base", t, [row(t, n, float(n)) for n in range(rows)])
    scenarios.derive(db, "other", "base")
    for i, t in enumerate(tables):
        mine = [n for n in range(CHANGED) if n % len(tables) == i]
        keys, column = input_table(t).keys(), TABLES[t][2][0]
        whole = [row(t, n, float(n)) for n in mine]
        cells = [{k: r[k] for k in keys} | {column: r[column] + 0.5, "cells": [column]} for r in whole]
        append(db, "other", t, cells)
        new = [row(t, rows + n, 1.0) for n in range(ADDED) if n % len(tables) == i]
        gone = [{k: v for k, v in row(t, rows - 1 - n, 1.0).items() if k in keys} | {"removed": True}
                for n in range(REMOVED) if n % len(tables) == i]  # fmt: skip
        append(db, "other", t, new)
        append(db, "other", t, gone)


def profiles(db: Database, n: int, steps: int) -> None:
    """Let two scenarios name the same series, each by an import of its own, and delete the values."""
    rng = np.random.default_rng(1)
    values = [series.Values(rng.random(steps), "factor") for _ in range(n)]
    for scenario in ("left", "right"):
        scenarios.new(db, scenario)
        with db.write("benchmark") as writer:
            hashes = series.save(writer, values)
        append(db, scenario, "profile", [{"profile": f"p{i}", "sha256": h} for i, h in enumerate(hashes)])
    with db.write("benchmark") as writer:
        found = writer.con.execute("SELECT count(*) FROM meta.series_value").fetchone()
        assert found == (n * steps,), "both imports share the values"
        writer.con.execute("DELETE FROM meta.series_value")


def median(rounds: int, work: Callable[[], Diff]) -> tuple[float, float]:
    """Return the median wall and CPU seconds of some calls, after one that is not counted."""
    work()
    times = []
    for _ in range(rounds):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        times.append((time.perf_counter() - wall, time.process_time() - cpu))
    return statistics.median(t[0] for t in times), statistics.median(t[1] for t in times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    shown = Table("", "differs", "wall s", "CPU s", title="diff, inputs only", title_justify="left")
    for tables, years in (
        (("commodity",), (2030,)),
        (tuple(TABLES)[:3], (2030, 2040)),
        (tuple(TABLES), (2030, 2040, 2050)),
    ):
        with tempfile.TemporaryDirectory() as folder:
            db = Database(Path(folder) / "city.duckdb")
            db.create()
            study(db, tables, years)
            found = diff(db, "base", "other", results=False)
            counts = [sum(getattr(s, n) for s in found.summary) for n in ("cells", "added", "removed")]
            assert counts == [CHANGED, ADDED, REMOVED], counts
            wall, cpu = median(rounds, lambda db=db: diff(db, "base", "other", results=False))  # type: ignore[misc]
            what = f"{PARAMETERS:,} parameters in {len(tables)} table(s), {len(years)} year(s)"
            shown.add_row(what, str(sum(counts)), f"{wall:.3f}", f"{cpu:.3f}")
    with tempfile.TemporaryDirectory() as folder:
        db = Database(Path(folder) / "city.duckdb")
        db.create()
        profiles(db, 125, 8000)
        assert not diff(db, "left", "right", results=False)
        wall, cpu = median(rounds, lambda: diff(db, "left", "right", results=False))
        shown.add_row("1,000,000 profile values that are equal", "0", f"{wall:.3f}", f"{cpu:.3f}")
    Console().print(shown)


if __name__ == "__main__":
    main()
