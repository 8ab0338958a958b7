"""Small studies for the tests of comparisons and checks, written straight into the store."""

from __future__ import annotations

import contextlib
from datetime import datetime
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pandas as pd
import shapely

from dhsdb import edits, scenarios, series
from dhsdb.bulk import insert
from dhsdb.database import Database, Writer
from dhsdb.names import Ref, find
from dhsdb.schema.catalog import RESULT, input_table
from dhsdb.schema.control import Chain, ChainRun, Run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

YEARS = (2025, 2035, 2045)


def add(db: Database, scenario: str, table: str, *rows: Mapping[str, Any]) -> None:
    """Append whole rows; ``cells`` in a row makes it a partial one."""
    if table != "model_year":
        rows = tuple({"year": None} | dict(row) for row in rows)
    frame = pd.DataFrame([dict(row) for row in rows])
    frame["year"] = frame["year"].astype("Int16")
    with db.write("a test") as writer:
        ref = find(writer.con, scenario)
        revision = scenarios.add_revision(writer, ref.scenario, "import", f"rows of {table}")
        edits.add_rows(writer, input_table(table), Ref(ref.scenario, ref.name, revision), frame)


def add_profile(
    db: Database,
    scenario: str,
    name: str,
    values: Sequence[float] | np.ndarray,
    kind: str,
    unit: str = "",
    **facts: Any,
) -> str:
    """Store a series and name it."""
    with db.write("a test") as writer:
        (sha256,) = series.save(writer, [series.Values(np.asarray(values, np.float64), kind, unit, **facts)])
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
    add(
        db,
        name,
        "process",
        {"site": "centre", "process": "boiler", "existing_mw": 50.0, "capital": 60000.0, "life": 25.0},
    )
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
                chain=chain,
                scenario=ref.scenario,
                revision=ref.revision,
                is_default=True,
                is_complete=True,
                created_at=now,
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


class HeldOpen(Database):
    """A store that stays open between calls, so that a test of many edits does not spend its time on opening."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._con = duckdb.connect(str(path))

    @contextlib.contextmanager
    def read(self, *, spatial: bool = False, sandbox: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        del spatial, sandbox
        with contextlib.closing(self._con.cursor()) as con:
            yield con

    @contextlib.contextmanager
    def write(self, doing: str, *, spatial: bool = False) -> Iterator[Writer]:
        del doing, spatial
        with contextlib.closing(self._con.cursor()) as con:
            con.execute("BEGIN")
            writer = Writer(con)
            try:
                yield writer
                writer.flush()
                con.execute("COMMIT")
            except BaseException:
                con.execute("ROLLBACK")
                raise

    def close(self) -> None:
        self._con.close()


def build_rich(db: Database) -> None:
    """Make a sound study that fills most tables, so that every rule has something to be silent about."""
    build(db)
    line, point = shapely.LineString([(0, 0), (30000, 0)]), shapely.Point(10, 10)
    add_profile(db, "base", "outdoor", 5 - 10 * np.cos(np.arange(8760) / 8760 * 2 * np.pi), "temperature", "degC")
    add_profile(db, "base", "availability", np.full(8760, 0.9), "factor")
    add_profile(db, "base", "spot price", np.full(8760, 40.0), "price", "EUR/MWh")
    rows: dict[str, list[dict[str, Any]]] = {
        "commodity": [
            {"site": "centre", "commodity": "power", "bought": True, "price_profile": "spot price"},
            {"site": "centre", "commodity": "ambient", "bought": True, "price": 0.0},
        ],
        "commodity_emission": [{"site": "centre", "commodity": "gas", "emission": "CO2", "t_per_mwh": 0.2}],
        "emission": [{"site": "centre", "emission": "CO2", "price": 75.0}],
        "process": [
            {
                "site": "centre", "process": "heat pump", "cap_max": 20.0, "capital": 700000.0, "life": 20.0, "wacc": 0.05,
                "avail_profile": "availability", "lift_source": "outdoor", "lift_efficiency": 0.5, "heat_source": "mall 1",
            },
        ],
        "process_mode": [{"site": "centre", "process": "boiler", "mode": "1", "variable": 1.0}],
        "process_flow": [
            {"site": "centre", "process": "heat pump", "mode": "1", "commodity": c, "direction": d, "ratio": 1.0}
            for c, d in (("power", "in"), ("heat", "out"))
        ],
        "process_emission": [{"site": "centre", "process": "boiler", "mode": "1", "emission": "NOx", "t_per_mwh": 0.0001}],
        "storage": [
            {"site": "centre", "storage": "tank", "commodity": "heat", "e_existing": 500.0, "p_existing": 50.0, "capital_e": 3000.0}
        ],
        "network_temperature": [
            {"site": "centre", "supply_c": 90.0, "return_c": 50.0, "supply_profile": "outdoor", "loss_share": 0.1}
        ],
        "limit": [{"limit": "budget", "sense": "max", "value": 1e5, "unit": "t", "per": "year", "quantity": "emission"}],
        "limit_term": [{"limit": "budget", "side": "lhs", "n": 1, "emission": "CO2"}],
        "building": [{"building": "b1", "site": "centre", "floor_area_m2": 1000.0, "geometry": point.buffer(10)}],
        "building_demand": [
            {"building": "b1", "space_heat_mwh": 100.0, "hot_water_mwh": 20.0, "peak_mw": 0.05, "profile": "heat demand"}
        ],
        "heat_source": [
            {"heat_source": f"mall {i}", "kind": "supermarket", "capacity_mw": mw, "annual_mwh": 4000 * mw, "geometry": point}
            for i, mw in ((1, 0.1), (2, 0.2), (3, 0.3))
        ],
        "plant_site": [{"plant": "harbour", "site": "centre", "geometry": point}],
        "street": [{"street": "s1", "length_m": 30000.0, "geometry": line}],
        "network_pipe": [{"pipe": "p1", "site": "centre", "trench_m": 30000.0, "diameter_m": 0.5, "geometry": line}],
        "pipe_type": [{"pipe_type": "DN100", "diameter_m": 0.1071, "cost_per_m": 750.0}],
        "pareto_variable": [{"variable": "heat pump", "cell": "process.cap_max", "low": 0.0, "high": 20.0}],
    }  # fmt: skip
    for table, given in rows.items():
        add(db, "base", table, *given)
