"""Write and read a run of 1,000,000 hourly rows: this store, bare DuckDB, pandas to Parquet, and where installed peers.

Ratios count, not seconds. CPU seconds are those of this process; each figure is the median of several rounds, in which all
candidates take turns.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
from rich.console import Console
from rich.table import Table

from dhsdb.bulk import insert
from dhsdb.database import Database
from dhsdb.schema.results import Flow

if TYPE_CHECKING:
    from collections.abc import Callable

UNITS, HOURS = 125, 8000


def rows(*, doubles: bool) -> pa.Table:
    """Return one run: 125 units x 8,000 h, 40 % zeros, three decimals or a solver's doubles."""
    rng = np.random.default_rng(1)
    values = np.where(rng.random(UNITS * HOURS) < 0.4, 0.0, rng.random(UNITS * HOURS) * 50)
    values = values if doubles else values.round(3)
    return pa.table(
        {
            "run": pa.array(np.ones(UNITS * HOURS, np.int32)),
            "year": pa.array(np.full(UNITS * HOURS, 2030, np.int16)),
            "item": pa.array(np.repeat(np.arange(1, UNITS + 1, dtype=np.int32), HOURS)),
            "t": pa.array(np.tile(np.arange(1, HOURS + 1, dtype=np.int16), UNITS)),
            "weight_h": pa.array(np.ones(UNITS * HOURS)),
            "mwh": pa.array(values),
        }
    )


def ours(folder: Path, table: pa.Table) -> None:
    with Database(folder / "ours.duckdb").write("benchmark") as writer:
        insert(writer.con, Flow, table)


def bare(folder: Path, table: pa.Table) -> None:
    with duckdb.connect(str(folder / "bare.duckdb")) as con:
        con.execute(
            "CREATE TABLE flow (run INTEGER, year SMALLINT, item INTEGER, t SMALLINT, weight_h DOUBLE, mwh DOUBLE)"
        )
        con.register("incoming", table)
        con.execute("INSERT INTO flow SELECT * FROM incoming")


def parquet(folder: Path, table: pa.Table) -> None:
    table.to_pandas().to_parquet(folder / "run.parquet")


def clock(work: Callable[[], object]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def write_rounds(rounds: int, *, doubles: bool) -> None:
    table = rows(doubles=doubles)
    found: dict[str, list[tuple[float, float]]] = {}
    sizes: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        base = Path(name) / "empty.duckdb"
        Database(base).create()
        empty = base.stat().st_size
        for i in range(rounds):
            folder = Path(name) / str(i)
            folder.mkdir()
            shutil.copy(base, folder / "ours.duckdb")
            for work, file in ((ours, "ours.duckdb"), (bare, "bare.duckdb"), (parquet, "run.parquet")):
                found.setdefault(work.__name__, []).append(clock(lambda w=work, f=folder: w(f, table)))  # type: ignore[misc]
                sizes[work.__name__] = ((folder / file).stat().st_size - (empty if work is ours else 0)) / 1e6
    report(f"write 1,000,000 rows, {'solver doubles' if doubles else '3 decimals'}", found, sizes)


def report(title: str, found: dict[str, list[tuple[float, float]]], sizes: dict[str, float]) -> None:
    table = Table("", "wall s", "CPU s", "wall / bare", "CPU / bare", "MB", title=title, title_justify="left")
    bare_wall, bare_cpu = (statistics.median(x[i] for x in found["bare"]) for i in (0, 1))
    for name, times in found.items():
        wall, cpu = (statistics.median(x[i] for x in times) for i in (0, 1))
        table.add_row(
            name, f"{wall:.3f}", f"{cpu:.3f}", f"{wall / bare_wall:.2f}", f"{cpu / bare_cpu:.2f}", f"{sizes[name]:.2f}"
        )
    Console().print(table)


def reads(runs: int) -> None:
    """Read one unit's year, and the sum by unit over 20 runs, on an open connection; and open the store."""
    table = rows(doubles=False)
    with tempfile.TemporaryDirectory() as name:
        db = Database(Path(name) / "city.duckdb")
        db.create()
        with db.write("benchmark") as writer:
            writer.con.execute("INSERT INTO meta.scenario VALUES (1, 'base', NULL, 1, NULL, NULL)")
            names = pd.DataFrame({"item": range(1, UNITS + 1), "site": "main", "commodity": "heat", "direction": "out"})
            names["technology"] = "unit " + names["item"].astype(str)
            for run in range(1, runs + 1):
                insert_run(writer.con, run, names, table)
        opening = median_of(9, lambda: open_and_close(db))
        with db.read() as con:
            series = (
                "SELECT t, mwh FROM flow WHERE scenario = 'base' AND technology = 'unit 77' AND year = 2030 ORDER BY t"
            )
            total = "SELECT technology, sum(mwh) FROM by_run.flow GROUP BY technology"
            one = median_of(9, lambda: con.execute(series).fetchnumpy())
            whole = median_of(5, lambda: con.execute(total).fetchall())
    shown = Table(
        "", "wall s", "CPU s", title=f"read from {runs} runs of 1,000,000 rows, through the views", title_justify="left"
    )
    shown.add_row("open and close the store", *opening)
    shown.add_row("one unit's year", *one)
    shown.add_row("sum by unit over all runs", *whole)
    Console().print(shown)


def median_of(rounds: int, work: Callable[[], object]) -> tuple[str, str]:
    times = [clock(work) for _ in range(rounds)]
    wall, cpu = (statistics.median(t[i] for t in times) for i in (0, 1))
    return f"{wall:.3f}", f"{cpu:.3f}"


def insert_run(con: duckdb.DuckDBPyConnection, run: int, names: pd.DataFrame, table: pa.Table) -> None:
    con.execute(
        "INSERT INTO meta.run (run, scenario, revision, stage, years, options, is_default, fingerprint, iteration, status, version,"
        " machine, host, pid, process_start) VALUES (?, 1, 1, 'dispatch', '2030', '{}', TRUE, '', 0, 'optimal', '', '', '', 0, 0)",
        [run],
    )
    con.execute("INSERT INTO meta.chain VALUES (?, 1, 1, TRUE, TRUE, NULL)", [run])
    con.execute("INSERT INTO meta.chain_run VALUES (?, ?)", [run, run])
    con.register("names", names)
    con.execute(
        f"INSERT INTO result.item SELECT {run}, item + {(run - 1) * UNITS}, site, technology, commodity, direction FROM names"
    )
    column = pa.array(np.full(table.num_rows, run, np.int32))
    items = pa.array(table["item"].to_numpy() + (run - 1) * UNITS, pa.int32())
    insert(con, Flow, table.set_column(0, "run", column).set_column(2, "item", items))


def open_and_close(db: Database) -> None:
    with db.read() as con:
        con.execute("SELECT 1")


def peers(rounds: int) -> None:
    """Write the same run with peers, where they are installed."""
    try:
        import spinedb_api  # type: ignore[import-not-found]  # noqa: F401
    except ImportError:
        Console().print("spinedb_api is not installed: not timed")
    else:
        spine(rounds)
    try:
        import ixmp4  # type: ignore[import-not-found]  # noqa: F401
    except ImportError:
        Console().print("ixmp4 is not installed: not timed")
    else:
        ixmp(rounds)


def spine(rounds: int) -> None:
    from spinedb_api import DatabaseMapping, TimeSeriesFixedResolution, to_database  # type: ignore[import-not-found]

    table = rows(doubles=False)
    values = table["mwh"].to_numpy().reshape(UNITS, HOURS)
    times = []
    for _ in range(rounds):
        with (
            tempfile.TemporaryDirectory() as name,
            DatabaseMapping(f"sqlite:///{name}/spine.sqlite", create=True) as db,
        ):
            db.add_entity_class(name="unit")
            db.add_parameter_definition(entity_class_name="unit", name="flow")
            started = time.perf_counter()
            for i in range(UNITS):
                db.add_entity(entity_class_name="unit", name=f"u{i}")
                value, kind = to_database(
                    TimeSeriesFixedResolution("2030-01-01", "1h", values[i], ignore_year=False, repeat=False)
                )
                db.add_parameter_value(
                    entity_class_name="unit", entity_byname=(f"u{i}",), parameter_definition_name="flow",
                    alternative_name="Base", value=value, type=kind,
                )  # fmt: skip
            db.commit_session("run")
            times.append(time.perf_counter() - started)
    Console().print(f"spinedb_api: {statistics.median(times):.2f} s wall")


def ixmp(rounds: int) -> None:
    """Write a hundredth of the run: at its speed the whole takes minutes."""
    import ixmp4  # type: ignore[import-not-found]
    from ixmp4.conf.base import PlatformInfo  # type: ignore[import-not-found]
    from ixmp4.core import Platform  # type: ignore[import-not-found]
    from ixmp4.data.backend import SqliteTestBackend  # type: ignore[import-not-found]

    units, hours = 10, 1000
    values = rows(doubles=False)["mwh"].to_numpy()[: units * hours]
    times = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as name:
            backend = SqliteTestBackend(PlatformInfo(name="benchmark", dsn=f"sqlite:///{name}/run.sqlite3"))
            backend.setup()
            platform = Platform(_backend=backend)
            platform.regions.create("main", "country")
            platform.units.create("MWh")
            points = pd.DataFrame(
                {
                    "region": "main",
                    "variable": np.repeat([f"u{i}" for i in range(units)], hours),
                    "unit": "MWh",
                    "step_datetime": list(pd.date_range("2030-01-01", periods=hours, freq="h")) * units,
                    "value": values,
                }
            )
            run = platform.runs.create("model", "scenario")
            started = time.perf_counter()
            with run.transact("benchmark"):
                run.iamc.add(points, type=ixmp4.DataPoint.Type.DATETIME)
            times.append(time.perf_counter() - started)
    Console().print(f"ixmp4 {ixmp4.__version__}: {statistics.median(times):.2f} s wall for {units * hours:,} rows")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--runs", type=int, default=20)
    given = parser.parse_args()
    write_rounds(given.rounds, doubles=False)
    write_rounds(given.rounds, doubles=True)
    reads(given.runs)
    peers(given.rounds)
