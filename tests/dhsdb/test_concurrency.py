"""Four processes that import, edit, run and read one store at the same time: nothing is lost, nothing is numbered twice."""

from __future__ import annotations

import json
import math
import os
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np

from dhsdb.store import Store
from tests.dhsdb.apart import process
from tests.importers.books import book

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

SECONDS = float(os.environ.get("DHSDB_SOAK_S", "60"))
WAIT_S = 30.0
LONGEST_S = 120.0
"""How long the last change may take after the time is up."""
RARE = 0.02
"""Share of the turns that may end with a time-out."""
GAS = "commodity = 'gas'"
NUMBERED = ("scenario", "revision", "source", "series", "run", "chain")


# --- what the processes do; each turn returns what it was told -------------------------------------------------------
def worker(path: Path, log: Path, name: str, seconds: float) -> None:
    """Do one kind of work again and again, and write down what came of each turn."""
    from dhsdb.errors import LockTimeoutError

    os.environ["DHSDB_AUTHOR"] = name
    store = Store(path, wait_s=WAIT_S)
    end, said, n = time.monotonic() + seconds, [], 0
    while time.monotonic() < end:
        n += 1
        began = time.monotonic()
        try:
            found = WORK[name](store, log, n)
        except LockTimeoutError as error:
            assert "is held by process" in str(error)
            assert "--wait" in str(error)
            found = {"timeout": str(error)}
        said.append(found | {"seconds": time.monotonic() - began})
    log.write_text(json.dumps(said), encoding="utf-8")


def imports(store: Store, log: Path, n: int) -> dict[str, Any]:
    """Import a workbook whose price and profile are others each time, and derive a scenario now and then."""
    file = book(
        log.with_suffix(".xlsx"),
        emission=[["site", "emission", "price"], ["centre", "CO2", n]],
        profile_values=[
            ["profile", "outdoor"],
            ["kind", "temperature"],
            ["unit", "degC"],
            *([t, n] for t in range(1, 25)),
        ],
    )
    report = store.import_("excel", file, scenario="base", message=f"import {n}")
    told = [(report.revision, "base", f"import {n}")]
    if n % 5 == 0:
        name = f"child {n}"
        told.append((store.derive(name, "base", f"derive {n}").revision, name, f"derive {n}"))
    return {"told": told}


def edits(store: Store, _log: Path, n: int) -> dict[str, Any]:
    """Raise a price that two processes raise: here by a factor, in the running process by another; and one's own scenario."""
    one = store.set("base", "commodity.price", "price * 1.01", where=GAS, message=f"edit {n}")
    two = store.set("edited", "process.life", float(n), message=f"life {n}")
    return {
        "told": [(one.revision, "base", f"edit {n}"), (two.revision, "edited", f"life {n}")],
        "factor": 1.01,
        "life": n,
    }


def runs(store: Store, _log: Path, n: int) -> dict[str, Any]:
    """Lower the price, and solve the study; each change makes new runs."""
    edit = store.set("base", "commodity.price", "price * 0.995", where=GAS, message=f"run {n}")
    done = store.run("base", ["investment", "dispatch"])
    assert [r.status for r in done] == ["optimal", "optimal"]
    told = [(edit.revision, "base", f"run {n}")]
    return {"told": told, "factor": 0.995, "runs": [r.run for r in done if not r.reused]}


def reads(store: Store, _log: Path, _n: int) -> dict[str, Any]:
    """Read what there is: each state is whole."""
    rows = store.sql("SELECT scenario, commodity, price FROM input.commodity WHERE scenario = 'base'").rows()
    assert len(rows) == 2
    (row,) = store.sql(
        "SELECT count(*) AS n, max(r.revision) AS newest, count(*) FILTER (r.n_set = 0 AND r.author IN ('edit', 'import') AND r.kind <> 'derive') AS empty"
        " FROM meta.revision AS r"
    ).rows()
    assert row["n"] == row["newest"]
    assert not row["empty"]
    store.diff("base@1", "base")
    (row,) = store.sql(
        "SELECT count(DISTINCT run) AS runs, count(DISTINCT stage) AS stages FROM energy WHERE scenario = 'base'"
    ).rows()
    assert row["runs"] == row["stages"]
    return {}


WORK = {"import": imports, "edit": edits, "run": runs, "read": reads}


# --- what must hold in the end ---------------------------------------------------------------------------------------
def test_four_processes_lose_nothing(store: Store, tmp_path: Path) -> None:
    store.derive("edited", "base")
    first = store.scenario("base").revision
    price = gas_price(store)
    logs = {name: tmp_path / f"{name}.json" for name in WORK}
    with ExitStack() as stack:
        work = [stack.enter_context(process(worker, store.db.path, log, name, SECONDS)) for name, log in logs.items()]
        for one in work:
            one.join(SECONDS + LONGEST_S)
        assert [one.exitcode for one in work] == [0, 0, 0, 0]
    said: dict[str, list[dict[str, Any]]] = {n: json.loads(log.read_text(encoding="utf-8")) for n, log in logs.items()}
    turns = [turn for one in said.values() for turn in one]
    print(latencies(said))
    assert sum("timeout" in turn for turn in turns) <= max(1, RARE * len(turns))
    assert all(any("timeout" not in turn for turn in one) for one in said.values())
    fresh = Store(store.db.path)
    assert_revisions(fresh, first, said)
    # every edit took effect once
    expected = price * math.prod(turn.get("factor", 1.0) for turn in turns)
    assert math.isclose(gas_price(fresh), expected, rel_tol=1e-9)
    life = fresh.sql("SELECT life FROM input.process WHERE scenario = 'edited'").rows()[0]["life"]
    assert life == max(turn.get("life", 0) for turn in turns)
    # nothing is numbered twice, and every run ended with results
    for table in NUMBERED:
        counted = fresh.sql(
            f"SELECT count(*) AS n, count(DISTINCT {table}) AS d, max({table}) AS m FROM meta.{table}"
        ).rows()[0]
        assert counted["n"] == counted["d"] == counted["m"], table
    states = fresh.sql("SELECT run, status FROM runs ORDER BY run").rows()
    assert [r["run"] for r in states] == sorted(run for turn in turns for run in turn.get("runs", ()))
    assert {r["status"] for r in states} == {"optimal"}
    assert fresh.sql("SELECT count(DISTINCT run) AS n FROM result.energy").rows()[0]["n"] == len(states)
    assert not [f for f in fresh.check() if f.severity == "error"]


def assert_revisions(store: Store, first: int, said: dict[str, list[dict[str, Any]]]) -> None:
    """Every change is there as its process was told, with its author and message, and no other."""
    told = sorted(
        (revision, scenario, author, message)
        for author, turns in said.items()
        for turn in turns
        for revision, scenario, message in turn.get("told", ())
    )
    kept = store.sql(
        "SELECT revision, scenario, author, message FROM revisions WHERE revision > ? ORDER BY revision", [first]
    ).rows()
    assert [tuple(row.values()) for row in kept] == told
    assert [revision for revision, *_ in told] == list(range(first + 1, first + 1 + len(told)))


def gas_price(store: Store) -> float:
    rows = store.sql(f"SELECT price FROM input.commodity WHERE scenario = 'base' AND {GAS}").rows()
    return float(rows[0]["price"])


def latencies(said: dict[str, list[dict[str, Any]]]) -> str:
    """Say how long the turns took, to be read with `pytest -s`."""

    def line(name: str, seconds: Iterable[float]) -> str:
        p50, p95, most = np.percentile(list(seconds), [50, 95, 100])
        return f"{name}: {len(said[name])} turns, {p50:.2f} s median, {p95:.2f} s at the 95th percentile, {most:.2f} s at most"

    return "\n".join(line(name, (turn["seconds"] for turn in turns)) for name, turns in said.items())
