"""Small studies for the tests of comparisons and checks, written straight into the store."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from dhsdb import edits, scenarios, series
from dhsdb.bulk import insert
from dhsdb.names import Ref, find
from dhsdb.schema.catalog import RESULT, input_table
from dhsdb.schema.control import Chain, ChainRun, Run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dhsdb.database import Database

YEARS = (2025, 2035, 2045)


def add(db: Database, scenario: str, table: str, *rows: Mapping[str, Any]) -> None:
    """Append whole rows; ``cells`` in a row makes it a partial one."""
    if table not in ("model_year",):
        rows = tuple({"year": None} | dict(row) for row in rows)
    frame = pd.DataFrame([dict(row) for row in rows])
    frame["year"] = frame["year"].astype("Int16")
    with db.write("a test") as writer:
        ref = find(writer.con, scenario)
        revision = scenarios.add_revision(writer, ref.scenario, "import", f"rows of {table}")
        edits.add_rows(writer, input_table(table), Ref(ref.scenario, ref.name, revision), frame)


def add_profile(db: Database, scenario: str, name: str, values: Sequence[float] | np.ndarray, kind: str, unit: str = "") -> str:
    """Store a series and name it."""
    with db.write("a test") as writer:
        (sha256,) = series.save(writer, [series.Values(np.asarray(values, np.float64), kind, unit)])
    add(db, scenario, "profile", {"profile": name, "sha256": sha256})
    return sha256


def build(db: Database, name: str = "base", years: Sequence[int] = YEARS) -> None:
    """Make a small sound study: one site, heat from a gas boiler, a demand with a shape."""
    scenarios.new(db, name, years)
    add(db, name, "site", {"site": "centre", "discount_rate": 0.03})
    add(
        db,
        name,
        "commodity",
        {"site": "centre", "commodity": "gas", "bought": True, "price": 35.0},
        {"site": "centre", "commodity": "heat", "balance": "equal"},
    )
    add(db, name, "process", {"site": "centre", "process": "boiler", "existing_mw": 50.0, "capital": 60000.0, "life": 25.0})
    add(
        db,
        name,
        "process_flow",
        *(
            {"site": "centre", "process": "boiler", "mode": "1", "commodity": c, "direction": d, "ratio": r}
            for c, d, r in (("gas", "in", 1.1), ("heat", "out", 1.0))
        ),
    )
    shape = 1 + 0.5 * np.cos(np.arange(8760) / 8760 * 2 * np.pi)
    add_profile(db, name, "heat demand", shape / shape.sum(), "share")
    add(
        db,
        name,
        "demand",
        {"site": "centre", "commodity": "heat", "timing": "slice", "mwh": 100000.0, "profile": "heat demand"},
    )


def add_run(
    db: Database,
    scenario: str,
    stage: str,
    tables: Mapping[str, Sequence[Mapping[str, Any]]],
    *,
    status: str = "optimal",
    objective: float | None = 1.0,
) -> int:
    """Write a run, in a chain of its own, with result rows; items are numbered from 1."""
    with db.write("a test") as writer:
        ref = find(writer.con, scenario)
        run, chain = writer.next_id("run", "run"), writer.next_id("chain", "chain")
        now = datetime(2026, 1, 1)  # noqa: DTZ001  as the store keeps it
        writer.session.add(
            Run(
                run=run, scenario=ref.scenario, revision=ref.revision, stage=stage, years="2025", options="{}",
                is_default=True, fingerprint=f"f{run}", iteration=0, status=status, objective=objective, version="test",
                machine="test", host="test", pid=1, process_start=0.0, started_at=now,
            )
        )  # fmt: skip
        writer.session.add(
            Chain(
                chain=chain, scenario=ref.scenario, revision=ref.revision, is_default=True, is_complete=True, created_at=now
            )
        )
        writer.session.add(ChainRun(chain=chain, run=run))
        writer.flush()
        (before,) = writer.con.execute("SELECT coalesce(max(item), 0) FROM result.item").fetchone() or (0,)
        for name, rows in tables.items():
            frame = pd.DataFrame([dict(row) | {"run": run} for row in rows])
            if "item" in frame:
                frame["item"] += before
            insert(writer.con, RESULT[name], frame)
    return run


def boiler_run(db: Database, scenario: str, capacity: float, **facts: Any) -> int:
    """Write a dispatch with one boiler of a capacity."""
    items = [{"item": 1, "site": "centre", "technology": "boiler", "commodity": "heat", "direction": "out"}]
    tables = {
        "item": items,
        "capacity": [{"year": 2025, "item": 1, "capacity": capacity, "unit": "MW"}],
        "energy": [{"year": 2025, "item": 1, "mwh": 1000.0, "full_load_hours": 1000.0 / capacity}],
        "cost": [{"year": 2025, "item": 1, "kind": "fuel", "value": 35000.0, "discounted": 30000.0}],
    }
    return add_run(db, scenario, "dispatch", tables, **facts)
