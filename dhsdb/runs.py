"""Runs and chains in the store: registered when they start, written when they end, lost when their process died.

A result that can't be written in time is spooled as Parquet beside the store and taken in at the next opening.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import shutil
import socket
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from dhsdb.bulk import insert
from dhsdb.errors import LockTimeoutError, UserError
from dhsdb.names import check_newest, find

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import duckdb
    import pandas as pd
    import pyarrow as pa

    from dhsdb.database import Database, Writer

_FINISHED = ("optimal", "feasible")
_BESIDE = ("energyplan",)
"""Stages of imported runs, which no chain of our own holds."""
_UNFINISHED = "unfinished-"
PACKAGES = (
    "dhsdb",
    "duckdb",
    "geopandas",
    "highspy",
    "networkx",
    "numpy",
    "pandas",
    "pymoo",
    "pyomo",
    "scipy",
    "shapely",
    "tsam",
)
"""Packages whose versions a run keeps."""


@dataclass(frozen=True, slots=True)
class Start:
    """What is known of a run when it starts.

    Attributes
    ----------
    reads
        Input tables that it reads; those of its parents are added.
    parents
        Runs that it builds on.
    given
        Options and years that were given by hand, as JSON.
    """

    scenario: int
    revision: int
    stage: str
    years: str
    options: str
    is_default: bool
    fingerprint: str
    iteration: int = 0
    reads: tuple[str, ...] = ()
    parents: tuple[int, ...] = ()
    given: str | None = None


@dataclass(slots=True)
class End:
    """What is known of a run when it ends; ``findings`` are (severity, code, location, message)."""

    run: int
    chain: int
    chain_complete: bool
    status: str
    objective: float | None = None
    bound: float | None = None
    gap: float | None = None
    solver: str | None = None
    solver_version: str | None = None
    build_s: float | None = 0.0
    solve_s: float | None = 0.0
    wall_s: float | None = 0.0
    peak_mb: float | None = 0.0
    message: str | None = None
    findings: list[tuple[str, str, str, str]] = field(default_factory=list)


def open_chain(db: Database, scenario: int, revision: int, *, is_default: bool) -> int:
    """Register the chain of a command for one scenario and return its number."""
    from dhsdb.schema.control import Chain

    with db.write("starting a run") as writer:
        number = writer.next_id("chain", "chain")
        writer.session.add(
            Chain(
                chain=number,
                scenario=scenario,
                revision=revision,
                is_default=is_default,
                is_complete=False,
                created_at=_now(),
            )
        )
        return number


def start(db: Database, chain: int, what: Start) -> int:
    """Register a run with the process that solves it, and return its number."""
    with db.write("starting a run") as writer:
        return _register(writer, chain, what, _machine())


def bring_in(writer: Writer, what: Start, end: End, tables: Mapping[str, pd.DataFrame]) -> int:
    """Write a run that another tool solved, with its results, as part of an open transaction; return its number.

    It gets a chain of its own. The numbers in ``end`` are filled in here.
    """
    from dhsdb.schema.control import Chain

    end.chain = writer.next_id("chain", "chain")
    writer.session.add(
        Chain(
            chain=end.chain, scenario=what.scenario, revision=what.revision, is_default=what.is_default,
            is_complete=False, created_at=_now(),
        )
    )  # fmt: skip
    end.run = _register(writer, end.chain, what, "not known: imported")
    writer.flush()
    _write(writer, end, tables)
    return end.run


def _register(writer: Writer, chain: int, what: Start, machine: str) -> int:
    import psutil

    import dhsdb
    from dhsdb.schema.control import ChainRun, Run

    number = writer.next_id("run", "run")
    known = asdict(what) | _built_on(writer, what)
    writer.session.add(
        Run(
            run=number, **known, status="running", version=dhsdb.__version__, machine=machine,
            host=socket.gethostname(), pid=os.getpid(), process_start=psutil.Process().create_time(), started_at=_now(),
            uid=uuid4().hex, packages=json.dumps(package_versions()),
        )
    )  # fmt: skip
    writer.session.add(ChainRun(chain=chain, run=number))
    return number


def link(db: Database, chain: int, linked: Sequence[int], *, complete: bool = False) -> None:
    """Link runs that were solved before, or elsewhere, into a chain; it is complete if they are the last that it lacked."""
    with db.write("linking runs solved before") as writer:
        _link(writer, chain, linked)
        if complete:
            writer.con.execute("UPDATE meta.chain SET is_complete = TRUE WHERE chain = ?", [chain])


def reuse(
    db: Database, scenario: int, revision: int, linked: Sequence[int], *, is_default: bool, complete: bool
) -> int:
    """Return the chain of a scenario that holds just these runs; make one if there is none.

    Of chains with default options the newest speaks for the scenario, so an older one of the same runs is not enough.
    """
    from dhsdb.schema.control import Chain

    with db.read() as con:
        row = con.execute(
            "SELECT chain FROM (FROM meta.chain WHERE scenario = $scenario AND is_default = $default AND is_complete = $complete"
            " QUALIFY NOT $default OR chain = max(chain) OVER ()) AS c"
            " WHERE (SELECT list(run ORDER BY run) FROM meta.chain_run AS r WHERE r.chain = c.chain) = $runs"
            " ORDER BY chain DESC LIMIT 1",
            {"scenario": scenario, "default": is_default, "complete": complete, "runs": sorted(set(linked))},
        ).fetchone()
    if row:
        return int(row[0])
    with db.write("linking runs solved before") as writer:
        number = writer.next_id("chain", "chain")
        writer.session.add(
            Chain(
                chain=number,
                scenario=scenario,
                revision=revision,
                is_default=is_default,
                is_complete=complete,
                created_at=_now(),
            )
        )
        _link(writer, number, linked)
    return number


def finish(db: Database, end: End, tables: Mapping[str, pd.DataFrame]) -> bool:
    """Write a run's results and its end in one transaction; bulk rows come sorted by year, item and time step.

    Returns
    -------
    bool
        False if the store was held for too long and the results were spooled instead.
    """
    try:
        with db.write(f"writing run {end.run}") as writer:
            _write(writer, end, tables)
    except LockTimeoutError:
        _spool(db, end, tables)
        return False
    return True


def use(db: Database, run: int, scenario: str = "") -> str:
    """Let the newest chain that holds a run speak for its scenario, or for another one that shares it.

    Returns
    -------
    str
        Name of the scenario.

    Raises
    ------
    UserError
        If there is no such run, it has no results, or the scenario does not have it.
    """
    with db.write("choosing a run") as writer:
        row = writer.con.execute("SELECT scenario, status, stage FROM meta.run WHERE run = ?", [run]).fetchone()
        if row is None:
            raise UserError(f"there is no run {run}.", "`dhsdb run list` lists them.")
        if row[1] not in _FINISHED:
            raise UserError(f"run {run} is {row[1]}: it has no results to show.", "Choose another.")
        if row[2] in _BESIDE:
            said = (
                f"run {run} was imported ({row[2]}): it stands beside the chains, and the newest of each year is shown."
            )
            raise UserError(said, "`dhsdb run delete` takes a newer one away; view by_run.* shows any.")
        owner = find(writer.con, check_newest(scenario)).scenario if scenario else row[0]
        (name,) = writer.con.execute("SELECT name FROM meta.scenario WHERE scenario = ?", [owner]).fetchone() or ("",)
        (chain,) = writer.con.execute(
            "SELECT max(c.chain) FROM meta.chain_run AS r JOIN meta.chain AS c USING (chain) WHERE r.run = ? AND c.scenario = ?",
            [run, owner],
        ).fetchone() or (None,)
        if chain is None:
            raise UserError(f"'{name}' has no chain with run {run}.", f"`dhsdb run list {name}` lists its runs.")
        writer.con.execute("UPDATE meta.scenario SET chosen_chain = ? WHERE scenario = ?", [chain, owner])
    return str(name)


def use_newest(db: Database, scenario: str) -> None:
    """Take back what :func:`use` chose: the newest complete chain with default options speaks for the scenario again."""
    with db.write("choosing the newest runs") as writer:
        ref = find(writer.con, check_newest(scenario))
        writer.con.execute("UPDATE meta.scenario SET chosen_chain = NULL WHERE scenario = ?", [ref.scenario])


def delete(db: Database, run: int) -> list[str]:
    """Delete a run with its results; the chains that held it stay without it, and are not complete any more.

    A choice of such a chain ends: half of what was chosen is not what was chosen.

    Returns
    -------
    list of str
        Scenarios whose choice ended.

    Raises
    ------
    UserError
        If there is no such run, or it is still running.
    """
    from dhsdb.schema.catalog import RESULT

    with db.write(f"deleting run {run}") as writer:
        row = writer.con.execute("SELECT status FROM meta.run WHERE run = ?", [run]).fetchone()
        if row is None:
            raise UserError(f"there is no run {run}.", "`dhsdb run list` lists them.")
        if row[0] == "running":
            raise UserError(f"run {run} is still running.", "Stop it first.")
        for table in ("run", "chain"):
            writer.spend(table, table)
        for table in RESULT:
            writer.con.execute(f"DELETE FROM result.{table} WHERE run = ?", [run])
        held = "IN (SELECT chain FROM meta.chain_run WHERE run = ?)"
        chosen = writer.con.execute(f"SELECT name FROM meta.scenario WHERE chosen_chain {held}", [run]).fetchall()
        writer.con.execute(f"UPDATE meta.scenario SET chosen_chain = NULL WHERE chosen_chain {held}", [run])
        writer.con.execute(f"UPDATE meta.chain SET is_complete = FALSE WHERE chain {held}", [run])
        for table in ("finding", "chain_run", "run"):
            writer.con.execute(f"DELETE FROM meta.{table} WHERE run = ?", [run])
        writer.con.execute("DELETE FROM meta.chain WHERE chain NOT IN (SELECT chain FROM meta.chain_run)")
    return sorted(str(name) for (name,) in chosen)


def solved_before(con: duckdb.DuckDBPyConnection, fingerprint: str) -> int | None:
    """Return the newest finished run of a fingerprint."""
    row = con.execute(
        "SELECT max(run) FROM meta.run WHERE fingerprint = ? AND status IN ('optimal', 'feasible')", [fingerprint]
    ).fetchone()
    return int(row[0]) if row and row[0] is not None else None


def results(con: duckdb.DuckDBPyConnection, run: int, tables: Sequence[str]) -> dict[str, pd.DataFrame]:
    """Return result tables of a run, without the column ``run``."""
    return {t: con.execute(f"SELECT * EXCLUDE (run) FROM result.{t} WHERE run = ?", [run]).df() for t in tables}


def repair(db: Database) -> None:
    """Take in spooled results, then mark runs as lost whose process is gone."""
    folder = spool_folder(db)
    if folder.is_dir():
        for spooled in sorted(folder.glob("run-*")):
            _take_in(db, spooled)
    with db.read() as con:
        dead = _dead(con)
        db.note_scenarios(con)
    if dead:
        with db.write("marking lost runs") as writer:
            writer.con.execute(
                "UPDATE meta.run SET status = 'lost', finished_at = ?, message = 'its process ended before it did'"
                " WHERE status = 'running' AND list_contains(?, run)",
                [_now(), dead],
            )
    if folder.is_dir():
        _sweep(db, folder)


def spool_folder(db: Database) -> Path:
    """Return where results wait that could not be written."""
    return db.path.with_name(f"{db.path.name}.spool")


def peak_mb() -> float:
    """Return the peak memory of this process in megabytes (the present one where the system keeps no peak)."""
    import psutil

    info = psutil.Process().memory_info()
    peak = getattr(info, "peak_wset", 0)  # Windows
    if not peak:
        try:
            import resource

            scale = 1 if platform.system() == "Darwin" else 1024
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale
        except ImportError:
            peak = info.rss
    return float(peak) / 1e6


def package_versions() -> dict[str, str]:
    """Return the versions of the packages that results depend on."""
    from importlib import metadata

    found = {}
    for name in PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


# --- writing ---------------------------------------------------------------------------------------------------------
def _write(writer: Writer, end: End, tables: Mapping[str, pd.DataFrame]) -> None:
    import pyarrow as pa

    from dhsdb import check
    from dhsdb.bulk import to_arrow
    from dhsdb.schema.catalog import RESULT
    from dhsdb.schema.control import Finding

    row = writer.con.execute("SELECT coalesce(max(item), 0) FROM result.item").fetchone()
    before = int(row[0]) if row else 0
    for name, frame in tables.items():
        arrow = _renumbered(to_arrow(frame), before)
        arrow = arrow.append_column("run", pa.repeat(pa.scalar(end.run, pa.int32()), arrow.num_rows))
        insert(writer.con, RESULT[name], arrow)
    row = writer.con.execute("SELECT scenario, revision FROM meta.run WHERE run = ?", [end.run]).fetchone()
    if row is None:
        return
    noted = {(code, location) for _, code, location, _ in end.findings}
    odd = check.run_findings(writer.con, end.run, tables.keys(), noted)
    end.findings += [(f.severity, f.code, f.location, f.message) for f in odd]
    for severity, code, location, message in end.findings:
        writer.session.add(
            Finding(
                scenario=row[0],
                revision=row[1],
                run=end.run,
                severity=severity,
                code=code,
                location=location,
                message=message,
            )
        )
    writer.flush()
    writer.con.execute(
        "UPDATE meta.run SET status = $status, objective = $objective, bound = $bound, gap = $gap, solver = $solver,"
        " solver_version = $solver_version, build_s = $build_s, solve_s = $solve_s, wall_s = $wall_s, peak_mb = $peak_mb,"
        " message = $message, finished_at = $finished WHERE run = $run",
        {k: v for k, v in asdict(end).items() if k not in ("chain", "chain_complete", "findings")}
        | {"finished": _now()},
    )
    if end.chain_complete and end.status in _FINISHED:
        writer.con.execute("UPDATE meta.chain SET is_complete = TRUE WHERE chain = ?", [end.chain])


def _built_on(writer: Writer, what: Start) -> dict[str, str | None]:
    """Return what a run and those that it builds on read, and the names of these that hold in every store."""
    rows = writer.con.execute(
        "SELECT uid, reads FROM meta.run WHERE list_contains(?, run) ORDER BY run", [list(what.parents)]
    ).fetchall()
    reads = {*what.reads, *(table for _, tables in rows for table in (tables or "").split(",") if table)}
    return {"reads": ",".join(sorted(reads)) or None, "parents": ",".join(str(uid) for uid, _ in rows) or None}


def _renumbered(rows: pa.Table, before: int) -> pa.Table:
    """Return rows whose items are counted on from those that the store has."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if "item" not in rows.column_names or not rows.num_rows:
        return rows
    place = rows.column_names.index("item")
    return rows.set_column(place, "item", pc.add(rows.column(place).cast(pa.int32()), pa.scalar(before, pa.int32())))


def _link(writer: Writer, chain: int, runs: Sequence[int]) -> None:
    from dhsdb.schema.control import ChainRun

    present = {r[0] for r in writer.con.execute("SELECT run FROM meta.chain_run WHERE chain = ?", [chain]).fetchall()}
    for run in sorted(set(runs) - present):
        writer.session.add(ChainRun(chain=chain, run=run))
    writer.flush()


def _spool(db: Database, end: End, tables: Mapping[str, pd.DataFrame]) -> None:
    """Leave the results beside the store; the folder gets its name last, so that a half-written one is never taken in."""
    import pyarrow.parquet as pq

    from dhsdb.bulk import to_arrow

    folder = spool_folder(db)
    unfinished = folder / f"{_UNFINISHED}{end.run}"
    unfinished.mkdir(parents=True, exist_ok=True)
    for name, frame in tables.items():
        pq.write_table(to_arrow(frame), unfinished / f"{name}.parquet")
    (unfinished / "end.json").write_text(json.dumps(asdict(end)), encoding="utf-8")
    unfinished.rename(folder / f"run-{end.run}")


def _take_in(db: Database, spooled: Path) -> None:
    """Write spooled results, unless another process did so while we waited for our turn."""
    import pyarrow.parquet as pq

    run = int(spooled.name.removeprefix("run-"))
    with db.write(f"taking in run {run}") as writer:
        waiting = writer.con.execute("SELECT status FROM meta.run WHERE run = ?", [run]).fetchone()
        if waiting and waiting[0] in ("running", "lost"):
            facts: dict[str, Any] = json.loads((spooled / "end.json").read_text(encoding="utf-8"))
            facts["findings"] = [tuple(f) for f in facts["findings"]]
            _write(writer, End(**facts), {f.stem: pq.read_table(f) for f in sorted(spooled.glob("*.parquet"))})
    shutil.rmtree(spooled, ignore_errors=True)


def _sweep(db: Database, folder: Path) -> None:
    """Remove what a process left that was killed while it put results aside, and the folder once it is empty."""
    with db.read() as con:
        running = {r[0] for r in con.execute("SELECT run FROM meta.run WHERE status = 'running'").fetchall()}
    for unfinished in folder.glob(f"{_UNFINISHED}*"):
        number = unfinished.name.removeprefix(_UNFINISHED)
        if number.isdigit() and int(number) not in running:
            shutil.rmtree(unfinished, ignore_errors=True)
    with contextlib.suppress(OSError):  # another process may be at it, or have left something
        folder.rmdir()


def _dead(con: duckdb.DuckDBPyConnection) -> list[int]:
    """Return runs of this host that say they run but whose process is gone, or is another one by now."""
    import psutil

    # A statement with parameters would make DuckDB load pandas, at every start of the command line.
    running = con.execute("SELECT run, pid, process_start, host FROM meta.run WHERE status = 'running'").fetchall()
    here = socket.gethostname()
    dead = []
    for run, pid, started, host in running:
        if host != here:
            continue
        try:
            alive = abs(psutil.Process(pid).create_time() - started) < 1.0
        except psutil.NoSuchProcess:
            alive = False
        except psutil.AccessDenied:
            alive = True
        if not alive:
            dead.append(int(run))
    return dead


def _machine() -> str:
    return f"{platform.system()} {platform.release()}, {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
