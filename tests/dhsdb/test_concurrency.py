"""Four processes that import, edit, run and read one store at the same time: nothing is lost, nothing is numbered twice."""

from __future__ import annotations

import json
import os
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from dhsdb.store import Store
from tests.dhsdb.apart import process

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = float(os.environ.get("DHSDB_SOAK_S", "60"))
LONGEST_S = 120.0
"""How long the last change may take after the time is up."""
GAS = "commodity = 'gas'"


def worker(path: Path, log: Path, name: str, seconds: float) -> None:
    """Do one kind of work again and again, and write down what came of each turn."""
    from dhsdb.errors import LockTimeoutError

    store = Store(path, wait_s=30)
    end, said, n = time.monotonic() + seconds, [], 0
    while time.monotonic() < end:
        n += 1
        began = time.monotonic()
        try:
            found = {"import": imports, "edit": edits, "run": runs, "read": reads}[name](store, log, n)
        except LockTimeoutError as error:
            assert "is held by" in str(error)
            found = {"timeout": str(error)}
        said.append(found | {"seconds": time.monotonic() - began})
    log.write_text(json.dumps(said), encoding="utf-8")


def imports(store: Store, log: Path, n: int) -> dict[str, Any]:
    """Import a workbook-like file of one emission price, another one each time, and derive a scenario now and then."""
    import pandas as pd

    from dhsdb.importers.rows import Rows

    class Price:
        name, reads, attribution = "price", "a price of a test", ""

        def read(self, _request: object) -> Any:
            frame = pd.DataFrame([{"site": "centre", "emission": "CO2", "price": float(n)}])
            yield Rows("emission", frame, log)

    log.touch()
    from dhsdb.importers.pipeline import run_import

    report = run_import(store.db, Price(), [log], scenario="base", message=f"import {n}")
    made = [report.revision] if report.revision else []
    if n % 5 == 0:
        made.append(store.derive(f"child {n}", "base", f"derive {n}").revision)
    return {"revisions": made}


def edits(store: Store, _log: Path, n: int) -> dict[str, Any]:
    """Raise a price that two processes raise: here by a factor, in the running process by another."""
    edit = store.set("base", "commodity.price", "price * 1.01", where=GAS, message=f"edit {n}")
    return {"revisions": [edit.revision], "factor": 1.01}


def runs(store: Store, _log: Path, n: int) -> dict[str, Any]:
    """Raise the price as well, and solve the study; each change makes new runs."""
    edit = store.set("base", "commodity.price", "price * 0.995", where=GAS, message=f"run {n}")
    done = store.run("base", ["investment", "dispatch"])
    assert all(r.status == "optimal" for r in done)
    return {"revisions": [edit.revision], "factor": 0.995, "runs": [r.run for r in done if not r.reused]}


def reads(store: Store, _log: Path, _n: int) -> dict[str, Any]:
    """Read what there is: each state is whole."""
    rows = store.sql("SELECT scenario, commodity, price FROM input.commodity WHERE scenario = 'base'").rows()
    assert len(rows) == 2
    assert store.sql("SELECT count(*) AS n FROM scenarios").rows()[0]["n"] >= 1
    store.diff("base@1", "base")
    assert len(store.sql("SELECT DISTINCT run FROM energy WHERE scenario = 'base'").rows()) <= 2
    return {}


def test_four_processes_lose_nothing(store: Store, tmp_path: Path) -> None:
    first = store.scenario("base").revision
    price = store.sql(f"SELECT price FROM input.commodity WHERE scenario = 'base' AND {GAS}").rows()[0]["price"]
    logs = {name: tmp_path / f"{name}.json" for name in ("import", "edit", "run", "read")}
    with ExitStack() as stack:
        work = [stack.enter_context(process(worker, store.db.path, logs[n], n, SECONDS)) for n in logs]
        for one in work:
            one.join(SECONDS + LONGEST_S)
        assert [one.exitcode for one in work] == [0, 0, 0, 0]
    said = {name: json.loads(log.read_text(encoding="utf-8")) for name, log in logs.items()}
    turns = [turn for one in said.values() for turn in one]
    assert all(any("timeout" not in turn for turn in one) for one in said.values())
    # no revision is lost, none is given twice, none is there that nobody made
    told = [revision for turn in turns for revision in turn.get("revisions", ())]
    assert len(told) == len(set(told))
    fresh = Store(store.db.path)
    kept = [r["revision"] for r in fresh.sql("SELECT revision FROM meta.revision ORDER BY revision").rows()]
    assert kept == list(range(1, first + 1)) + sorted(told)
    assert kept == list(range(1, len(kept) + 1))
    # every edit took effect once
    expected = price
    for turn in turns:
        expected *= turn.get("factor", 1.0)
    now = fresh.sql(f"SELECT price FROM input.commodity WHERE scenario = 'base' AND {GAS}").rows()[0]["price"]
    assert abs(now / expected - 1) < 1e-9
    for table, column in (
        ("scenario", "scenario"),
        ("run", "run"),
        ("chain", "chain"),
        ("series", "series"),
        ("source", "source"),
    ):
        query = f"SELECT count(*) AS n, count(DISTINCT {column}) AS d FROM meta.{table}"
        counted = fresh.sql(query).rows()[0]
        assert counted["n"] == counted["d"]
    runs_told = [run for turn in turns for run in turn.get("runs", ())]
    states = fresh.sql("SELECT run, status FROM runs").rows()
    assert sorted(r["run"] for r in states) == sorted(runs_told)
    assert {r["status"] for r in states} <= {"optimal"}
    assert not [f for f in fresh.check() if f.severity == "error"]
