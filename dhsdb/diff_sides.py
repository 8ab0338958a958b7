"""The two sides of a comparison: what a reference means, which runs speak for it, and what to know of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import resources
from typing import TYPE_CHECKING

from dhsdb.errors import UnknownNameError
from dhsdb.names import Ref, find, scenario_names
from dhsdb.staleness import Staleness

if TYPE_CHECKING:
    import duckdb

_RUN = "run:"


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison.

    Attributes
    ----------
    name
        As the user wrote it.
    ref
        Scenario and revision whose inputs are compared.
    run
        The run that was named, or None.
    runs
        Runs by stage whose results are compared.
    remarks
        What a reader should know of these results.
    """

    name: str
    ref: Ref
    run: int | None = None
    runs: tuple[tuple[str, int], ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The side in words."""
        at = f"{self.ref.name}@{self.ref.revision}"
        return at if self.run is None else f"run {self.run} of {at}"


def side(con: duckdb.DuckDBPyConnection, text: str) -> Side:
    """Resolve ``NAME``, ``NAME@REVISION``, ``run:NUMBER``, or a plain number that names no scenario.

    Raises
    ------
    UnknownNameError
        If there is no such scenario or run.
    """
    number = text.removeprefix(_RUN)
    if number.isdigit() and (number != text or number not in scenario_names(con)):
        return _run_side(con, text, int(number))
    return Side(text, find(con, text))


def with_results(con: duckdb.DuckDBPyConnection, one: Side) -> Side:
    """Return a side with the runs that speak for it, and remarks on those that are old, failed or missing."""
    if one.run is not None:
        return one
    newest = "@" not in one.name
    rows = con.execute(
        resources.files("dhsdb.sql").joinpath("diff_chain.sql").read_text(encoding="utf-8"),
        {"scenario": one.ref.scenario, "revision": one.ref.revision, "newest": newest},
    ).fetchall()
    runs = tuple((str(stage), int(run)) for stage, run, _ in rows)
    remarks: tuple[str, ...]
    if not rows:
        remarks = (f"'{one.name}' has no results; `dhsdb run scenario {one.ref.name}` makes them.",)
    else:
        remarks = _stale(con, one, runs, max(row[2] for row in rows))
    return replace(one, runs=runs, remarks=remarks + _unsolved(con, one, max((r for _, r in runs), default=0)))


def common_stages(a: Side, b: Side) -> tuple[dict[str, int], dict[str, int], tuple[str, ...]]:
    """Return the runs of both sides by stage, for the stages that both have, and a remark on those left out.

    Two runs of different stages are compared with each other, such as an investment with the dispatch that follows it.
    """
    left, right = dict(a.runs), dict(b.runs)
    if a.run is not None and b.run is not None and set(left) != set(right):
        both = f"{next(iter(left))} | {next(iter(right))}"
        return {both: a.run}, {both: b.run}, ()
    remarks = []
    for one, own, other in ((a, left, right), (b, right, left)):
        lacking = [stage for stage in other if stage not in own]
        if own and lacking:
            remarks.append(f"'{one.name}' has no results of stage {', '.join(lacking)}, which is left out.")
    stages = [stage for stage in left if stage in right]
    return {s: left[s] for s in stages}, {s: right[s] for s in stages}, tuple(remarks)


def epsg(con: duckdb.DuckDBPyConnection, ref: Ref) -> int | None:
    """Return the EPSG code of a scenario's geometries."""
    row = con.execute(
        "SELECT max(l.epsg) FROM meta.layer_at(?, ?) AS st JOIN meta.scenario AS l ON l.scenario = st.layer",
        [ref.name, ref.revision],
    ).fetchone()
    return row[0] if row else None


def _run_side(con: duckdb.DuckDBPyConnection, text: str, number: int) -> Side:
    row = con.execute(
        "SELECT s.scenario, s.name, r.revision, r.stage, r.status"
        " FROM meta.run AS r JOIN meta.scenario AS s USING (scenario) WHERE r.run = ?",
        [number],
    ).fetchone()
    if row is None:
        known = [str(r[0]) for r in con.execute("SELECT run FROM meta.run ORDER BY run DESC LIMIT 20").fetchall()]
        raise UnknownNameError("run", str(number), known)
    scenario, name, revision, stage, status = row
    remarks = () if status in ("optimal", "feasible") else (f"run {number} ({stage}) ended as {status}.",)
    return Side(text, Ref(scenario, name, revision), number, ((stage, number),), remarks)


def _stale(
    con: duckdb.DuckDBPyConnection, one: Side, runs: tuple[tuple[str, int], ...], solved_at: int
) -> tuple[str, ...]:
    """Return a remark if inputs that the runs of a side read are other ones at its revision."""
    judge = Staleness(con)
    found = [
        judge.of(run, scenario=one.ref.scenario, revision=solved_at, now=one.ref.revision) for _, run in reversed(runs)
    ]
    why = next((stale.why for stale in found if stale), None)
    if why is None:
        return ()
    return (
        f"the results of '{one.name}' are of revision {solved_at}; inputs that they read have changed since: {why}.",
    )


def _unsolved(con: duckdb.DuckDBPyConnection, one: Side, newest_solved: int) -> tuple[str, ...]:
    """Return remarks on later runs that found no solution, since the results then are of an earlier one."""
    rows = con.execute(
        "SELECT run, stage, status FROM meta.run WHERE scenario = ? AND run > ? AND revision <= ?"
        " AND status IN ('infeasible', 'unbounded', 'failed', 'lost') ORDER BY run DESC LIMIT 1",
        [one.ref.scenario, newest_solved, one.ref.revision],
    ).fetchall()
    return tuple(
        f"run {run} ({stage}) of '{one.name}' came later and ended as {status}." for run, stage, status in rows
    )
