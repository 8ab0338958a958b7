"""From a scenario to results: reads what the stages need, solves them in order, writes what they return.

The store is closed while a model is solved. A stage whose inputs, options, parents and source were solved before is not
solved again.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dhsdb import runs
from dhsdb.errors import CheckError, DhsdbError, UserError
from dhsdb.inputs import Loaded, load
from dhsdb.names import Ref, find

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    import pandas as pd

    from dhsdb.database import Database
    from dhsdb.models.options import Options
    from dhsdb.models.stage import Inputs, Outcome, Stage
    from dhsdb.models.warm import Solvers


@dataclass(frozen=True, slots=True)
class Run:
    """A run as the view ``runs`` shows it; ``reused`` says that it was solved before, ``asked`` for which scenario now."""

    run: int
    scenario: str
    revision: int
    stage: str
    status: str
    objective: float | None
    gap: float | None
    build_s: float | None
    solve_s: float | None
    wall_s: float | None
    peak_mb: float | None
    started_at: datetime
    message: str | None
    reused: bool = False
    asked: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """What was asked for.

    Attributes
    ----------
    scenario
        Name.
    stages
        Stages to solve; empty = all that apply.
    years
        Model years to solve; empty = all.
    at
        Revision to read; None = the newest.
    options
        Options given by hand.
    force
        Solve again what was solved before.
    on
        Runs that the stages build on, instead of those that the store would choose; None = let it choose.
    """

    scenario: str
    stages: tuple[str, ...] = ()
    years: tuple[int, ...] = ()
    at: int | None = None
    options: tuple[tuple[str, object], ...] = ()
    force: bool = False
    on: tuple[int, ...] | None = None


class _Chain:
    """The runs of one command for one scenario, while they come about."""

    def __init__(
        self, db: Database, order: Order, watch: Callable[[str, float, str], None], solvers: Solvers | None = None
    ) -> None:
        from dhsdb.models.registry import STAGES, applicable
        from dhsdb.models.warm import Solvers

        self.db = db
        self.solvers = solvers or Solvers()
        self.order = order
        self.watch = watch
        with db.read() as con:
            self.ref: Ref = find(con, order.scenario if order.at is None else f"{order.scenario}@{order.at}")
            tables = sorted({t for s in STAGES.values() for t in s.reads})
            self.loaded: Loaded = load(con, self.ref, tables)
        self.options = self._options()
        self.years = self._years()
        self.usual = applicable(self.loaded.counts)
        self.stages: list[Stage] = self._stages()
        self.number: int | None = None
        self.done: dict[str, tuple[int, str]] = {}
        self.results: dict[str, Mapping[str, pd.DataFrame]] = {}
        self.found: dict[str, tuple[int, str]] = self._given_parents()
        self.records: list[Run] = []
        self.warnings: list[tuple[str, str, str, str]] = []

    # --- what is asked -----------------------------------------------------------------------------------------------
    def _options(self) -> Options:
        from dhsdb.models.options import ABOUT_DATA, parse

        kept = self.loaded.tables["model_option"]
        own = {o: v for o, v in zip(kept["option"], kept["value"], strict=True) if o not in ABOUT_DATA}
        return parse({**own, **dict(self.order.options)})

    def _years(self) -> tuple[int, ...]:
        model = tuple(int(y) for y in sorted(self.loaded.tables["model_year"]["year"].dropna().unique()))
        if not model:
            raise UserError(
                f"scenario '{self.ref.name}' has no model years.",
                "Give it some: `dhsdb scenario new NAME --years 2030,2040`, `dhsdb import ... --year 2030`, or a sheet model_year.",
            )
        unknown = [y for y in self.order.years if y not in model]
        if unknown:
            raise UserError(
                f"{unknown[0]} is no model year of '{self.ref.name}'.", f"It has {', '.join(map(str, model))}."
            )
        return tuple(sorted(self.order.years)) or model

    def _stages(self) -> list[Stage]:
        from dhsdb.models.registry import STAGES, find_stage, missing

        names = self.order.stages or tuple(self.usual)
        if not names:
            raise UserError(
                f"scenario '{self.ref.name}' holds nothing that a stage could solve.",
                "Import demand and processes first, for example `dhsdb import excel FILE --scenario NAME`.",
            )
        chosen = {find_stage(n).name for n in names}
        if self._is_aggregated(chosen) and missing("dispatch", self.loaded.counts) is None:
            chosen.add("dispatch")
        for name in chosen:
            if lack := missing(name, self.loaded.counts):
                raise UserError(
                    f"stage {name} can't be run for '{self.ref.name}': there is no {lack}.", "Import it first."
                )
        return [s for s in STAGES.values() if s.name in chosen]

    def _is_aggregated(self, chosen: set[str]) -> bool:
        """Return whether typical periods were asked for by hand: then the full year is dispatched too, to show their error."""
        asked = "periods" in dict(self.order.options) and bool(self.options.periods) and not self.options.hours
        return asked and "investment" in chosen and not self.loaded.counts.get("time_slice")

    @property
    def is_default(self) -> bool:
        """Whether nothing was asked for by hand that changes results."""
        past = self.order.at is not None or "@" in self.order.scenario
        return not (self.order.options or self.order.years or past or self.order.on is not None)

    # --- solving -----------------------------------------------------------------------------------------------------
    def solve(self) -> list[Run]:
        self._check()
        for stage in self.stages:
            parents = self.parents(stage)
            fingerprint = self._fingerprint(stage, parents)
            if self._answer_from_store(stage, fingerprint):
                continue
            if not self._solve_stage(stage, fingerprint, parents):
                return self.records
        if self.records and self.records[-1].reused:
            self._link_reused()
        return self.records

    def _check(self) -> None:
        from dhsdb.check import check

        found = check(self.db, f"{self.ref.name}@{self.ref.revision}", results=False)
        errors = [f for f in found if f.severity == "error"]
        self.warnings = [(f.severity, f.code, f.location, f.message) for f in found if f.severity != "error"]
        if errors:
            lines = "\n".join(f"  - {f.location}: {f.message}" for f in errors[:20])
            raise CheckError(
                f"scenario '{self.ref.name}' can't be run, {len(errors)} finding(s) stop it:\n{lines}",
                f"`dhsdb check {self.ref.name}` lists all.",
            )

    def parents(self, stage: Stage) -> dict[str, tuple[int, str]]:
        """Return the runs that a stage builds on, by stage."""
        return {p: run for p in stage.after if (run := self._parent(p))}

    def _parent(self, name: str) -> tuple[int, str] | None:
        """Return a run of a stage before: of this chain, else one of just these inputs and options, else the current one.

        A stage that does not apply to the scenario any more hands nothing over: its old results are of other inputs.
        """
        if name in self.done:
            return self.done[name]
        if name not in self.found and self.order.on is None and name in self.usual:
            from dhsdb.models.registry import STAGES

            fingerprint = self._fingerprint(STAGES[name], self.parents(STAGES[name]))
            with self.db.read() as con:
                run = runs.solved_before(con, fingerprint)
                row = con.execute(
                    "SELECT c.run, r.fingerprint FROM meta.current_run AS c JOIN meta.run AS r USING (run)"
                    " WHERE c.scenario = ? AND c.stage = ?",
                    [self.ref.name, name],
                ).fetchone()
            if run is not None:
                self._build_on(name, run, fingerprint)
            elif row:
                self._build_on(name, *row)
                told = f"it builds on run {row[0]} ({name}), which is of other inputs, options or model code."
                self.warnings.append(("info", "other-parent", f"run {row[0]}", told))
        return self.found.get(name)

    def _given_parents(self) -> dict[str, tuple[int, str]]:
        """Return the runs that were named to build on, by stage."""
        found: dict[str, tuple[int, str]] = {}
        with self.db.read() as con:
            for run in self.order.on or ():
                row = con.execute("SELECT stage, fingerprint, status FROM meta.run WHERE run = ?", [run]).fetchone()
                if row is None:
                    raise UserError(f"there is no run {run} to build on.", "`dhsdb run list` lists them.")
                if row[2] not in ("optimal", "feasible"):
                    raise UserError(f"run {run} is {row[2]}: it has no results to build on.", "Name another with --on.")
                found[row[0]] = (run, row[1])
                self.results[row[0]] = runs.results(con, run, _handed_over(row[0]))
        return found

    def _build_on(self, name: str, run: int, fingerprint: str) -> None:
        with self.db.read() as con:
            self.results[name] = runs.results(con, run, _handed_over(name))
        self.found[name] = (run, fingerprint)

    def _fingerprint(self, stage: Stage, parents: Mapping[str, tuple[int, str]]) -> str:
        from dhsdb.models.registry import source_of

        facts = {
            "stage": stage.name,
            "years": self.years,
            "options": {n: v for n, v in self.options.model_dump().items() if n in stage.options},
            "tables": {t: self.loaded.hashes[t] for t in sorted(stage.reads)},
            "parents": {n: f for n, (_, f) in sorted(parents.items())},
            "source": source_of(stage),
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def _answer_from_store(self, stage: Stage, fingerprint: str) -> bool:
        if self.order.force:
            return False
        with self.db.read() as con:
            run = runs.solved_before(con, fingerprint)
            if run is None:
                return False
            self.results[stage.name] = runs.results(con, run, _handed_over(stage.name))
        self.done[stage.name] = (run, fingerprint)
        self.records.append(replace(record(self.db, run), reused=True))
        self.watch(stage.name, 1.0, f"solved before as run {run}")
        return True

    def _solve_stage(self, stage: Stage, fingerprint: str, parents: Mapping[str, tuple[int, str]]) -> bool:
        """Solve a stage and write it; return whether the chain can go on."""
        began = time.perf_counter()
        chain = self._chain_number()
        given = {n: v for n, v in self.options.changed().items() if n in stage.options}
        years = ",".join(map(str, self.years))
        run = runs.start(
            self.db,
            chain,
            runs.Start(
                self.ref.scenario,
                self.ref.revision,
                stage.name,
                years,
                json.dumps(given, sort_keys=True),
                self.is_default,
                fingerprint,
                reads=tuple(sorted(stage.reads)),
                parents=tuple(parent for parent, _ in parents.values()),
                given=json.dumps({"options": dict(self.order.options), "years": self.order.years}, default=str),
            ),
        )
        self.done[stage.name] = (run, fingerprint)
        end = runs.End(run, chain, self._is_complete(), "failed")
        try:
            outcome = self._outcome(stage, parents)
        except KeyboardInterrupt:
            runs.finish(self.db, replace(end, status="cancelled", message="stopped by the user"), {})
            raise
        except Exception as error:
            text = str(error) if isinstance(error, DhsdbError) else f"{type(error).__name__}: {error}"
            runs.finish(self.db, replace(end, message=text), {})
            raise
        end.findings, self.warnings = self.warnings, []
        _fill(end, outcome, time.perf_counter() - began)
        self.watch(stage.name, 0.95, "writing")
        written = runs.finish(self.db, end, outcome.tables)
        self.results[stage.name] = outcome.tables
        self.watch(stage.name, 1.0, outcome.status)
        self.records.append(record(self.db, run) if written else _spooled(self.ref, stage, end))
        return outcome.solved

    def _outcome(self, stage: Stage, parents: Mapping[str, tuple[int, str]]) -> Outcome:
        inputs = self.inputs(stage, parents)
        return stage.solve(inputs, lambda fraction, doing: self.watch(stage.name, 0.9 * fraction, doing))

    def inputs(self, stage: Stage, parents: Mapping[str, tuple[int, str]]) -> Inputs:
        """Return what a stage reads."""
        from dhsdb.models.stage import Inputs

        return Inputs(
            self.ref.name,
            self.years,
            {t: self.loaded.tables[t] for t in stage.reads},
            self.loaded.profiles,
            self.loaded.epsg,
            self.options,
            {p: self.results[p] for p in parents},
            self.solvers,
        )

    # --- chains ------------------------------------------------------------------------------------------------------
    def _chain_number(self) -> int:
        if self.number is None:
            self.number = runs.open_chain(self.db, self.ref.scenario, self.ref.revision, is_default=self.is_default)
        if self._linked:
            runs.link(self.db, self.number, self._linked)
        return self.number

    @property
    def _linked(self) -> list[int]:
        """The runs of the chain: those answered or solved, and those that these build on."""
        return sorted({run for run, _ in (*self.done.values(), *self.found.values())})

    def _is_complete(self) -> bool:
        return set(self.usual) <= set(self.done)

    def _link_reused(self) -> None:
        """Bring the runs at the end of the chain into it, which no solved stage after them did."""
        linked, complete = self._linked, self._is_complete()
        if self.number is not None:
            runs.link(self.db, self.number, linked, complete=complete)
            return
        runs.reuse(self.db, self.ref.scenario, self.ref.revision, linked, is_default=self.is_default, complete=complete)


def run_scenario(
    db: Database,
    order: Order,
    watch: Callable[[str, float, str], None] = lambda *_: None,
    solvers: Solvers | None = None,
) -> list[Run]:
    """Solve the stages of a scenario.

    Parameters
    ----------
    watch
        Called with (stage, fraction, doing).
    solvers
        Solvers that are kept from one call to the next; None = new ones.

    Returns
    -------
    list of Run
        In the order of the stages; the last one tells where it stopped, if it was not solved.
    """
    chain = _Chain(db, order, watch, solvers)
    return [replace(run, asked=chain.ref.name) for run in chain.solve()]


def inputs_of(db: Database, order: Order) -> Inputs:
    """Return what the first stage that an order names reads, without solving it: to look at its model, or to time it."""
    from dhsdb.models.registry import find_stage

    chain = _Chain(db, order, lambda *_: None)
    stage = find_stage(order.stages[0])
    return chain.inputs(stage, chain.parents(stage))


def record(db: Database, run: int) -> Run:
    """Return a run's record."""
    columns = (
        "run, scenario, revision, stage, status, objective, gap, build_s, solve_s, wall_s, peak_mb, started_at, message"
    )
    with db.read() as con:
        row = con.execute(f"SELECT {columns} FROM runs WHERE run = ?", [run]).fetchone()
    if row is None:
        raise UserError(f"there is no run {run}.", "`dhsdb run list` lists them.")
    return Run(*row)


def _handed_over(stage: str) -> tuple[str, ...]:
    """Return the result tables of a stage that later stages read."""
    return {"geo": ("connection",), "investment": ("item", "capacity", "cost", "figure"), "dispatch": ()}.get(stage, ())


def _fill(end: runs.End, outcome: Outcome, wall_s: float) -> None:
    for name in ("status", "objective", "bound", "gap", "solver", "solver_version", "build_s", "solve_s"):
        setattr(end, name, getattr(outcome, name))
    end.message = outcome.message or None
    end.wall_s = wall_s
    end.peak_mb = runs.peak_mb()
    end.findings += [(f.severity, f.code, f.location, f.message) for f in outcome.findings]


def _spooled(ref: Ref, stage: Stage, end: runs.End) -> Run:
    from datetime import UTC, datetime

    note = "the store is held by another program; the results wait beside it and are taken in at the next opening"
    return Run(
        end.run, ref.name, ref.revision, stage.name, end.status, end.objective, end.gap, end.build_s, end.solve_s, end.wall_s,
        end.peak_mb, datetime.now(UTC).replace(tzinfo=None), note,
    )  # fmt: skip


def run_parallel(db: Database, orders: Sequence[Order], jobs: int) -> list[Run]:
    """Solve scenarios at the same time, each in a process of its own; the store orders their writes."""
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    with ProcessPoolExecutor(min(jobs, len(orders)), mp_context=get_context("spawn")) as pool:
        pending = [pool.submit(_run_apart, str(db.path), db.wait_s, order) for order in orders]
        return [run for one in pending for run in one.result()]


def _run_apart(path: str, wait_s: float, order: Order) -> list[Run]:
    from dhsdb.database import Database

    return run_scenario(Database(path, wait_s), order)
