"""The investment stage: capacities over the model years, at least cost, on typical days or any other steps."""

from __future__ import annotations

import time
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np

from dhsdb.errors import DhsdbError, UnknownNameError, UserError
from dhsdb.models.demand import building_rows
from dhsdb.models.explanation import why
from dhsdb.models.stage import Outcome, Remark, joined
from dhsdb.models.steps import Steps, full_year, slices, typical_periods, window
from dhsdb.models.system import build_system

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import pandas as pd
    from numpy.typing import NDArray

    from dhsdb.models.energy import EnergyModel, Rules
    from dhsdb.models.stage import Inputs, Progress
    from dhsdb.models.system import System
    from dhsdb.models.warm import WarmSolver

HOURS = 8760


def solve(inputs: Inputs, progress: Progress) -> Outcome:
    """Decide capacities and return them with the flows, prices, costs and emissions of the steps."""
    from dhsdb.models.energy import EnergyModel

    began = time.perf_counter()
    progress(0.05, "choosing time steps")
    steps = investment_steps(inputs)
    progress(0.2, "building the model")
    system = build_system(inputs, inputs.years, steps)
    energy = EnergyModel(system, None, rules_of(inputs))
    near = (lambda f, doing: progress(0.5 + 0.5 * f, doing)) if inputs.options.near else None
    outcome = solve_energy(
        inputs, energy, partial(progress, 0.3, "solving"), began, solver_of(inputs, "investment"), near=near
    )
    if outcome.solved:
        outcome.tables["building_supply"] = _building_supply(inputs)
        check_handover(inputs, outcome)
        if steps.calendar is not None:
            _tell_periods(outcome, steps)
    outcome.findings = [*system.findings, *unused_sources(inputs), *outcome.findings]
    return outcome


def _tell_periods(outcome: Outcome, steps: Steps) -> None:
    """Say that time was aggregated, to people and to the dispatch, which shows what it cost."""
    from dhsdb.models import figures

    assert steps.calendar is not None  # noqa: S101  the caller asked
    number = steps.n // steps.length
    outcome.message = f"{number} typical periods of {steps.length} h for {len(steps.calendar)}; {outcome.message}"
    told = figures.frame([figures.Figure(None, None, figures.PERIODS, float(number), "")])
    outcome.tables["figure"] = joined(outcome.tables["figure"], told)


def solve_energy(
    inputs: Inputs,
    energy: EnergyModel,
    tell: Callable[[], None],
    began: float,
    warm: WarmSolver,
    near: Callable[[float, str], None] | None = None,
) -> Outcome:
    """Solve an energy model and return its tables, or why it has no solution; ``near`` follows near-optimal exploration."""
    from dhsdb.models.energy_results import Results

    built = time.perf_counter()
    tell()
    solution = warm.solve(energy.model)
    outcome = Outcome(
        solution.status,
        solver=warm.name,
        solver_version=version("highspy") if warm.name == "highs" else "",
        build_s=built - began,
        solve_s=time.perf_counter() - built,
        message="; ".join(filter(None, (_window_in_words(inputs), solution.method))),
    )
    if not outcome.solved:
        outcome.message, outcome.findings = why(energy, solution)
        return outcome
    outcome.objective, outcome.bound, outcome.gap = solution.objective, solution.bound, solution.gap
    results = Results(energy, solution)
    ranges = []
    if near is not None:
        from dhsdb.models.mga import explore

        ranges = explore(energy, solution.objective, inputs.options.near, results.items.number, near)
    outcome.tables = results.tables(ranges)
    return outcome


def rules_of(inputs: Inputs, objective: str = "") -> Rules:
    """Return the choices that the options name."""
    from dhsdb.models.energy import Rules

    options = inputs.options
    if not objective and options.objective != "cost":
        require_emission(inputs, options.objective)
    return Rules(objective or options.objective, options.negative_emission, options.cost_floor)


def require_emission(inputs: Inputs, name: str) -> None:
    """Refuse to minimise an emission that the scenario does not have; names are compared without regard to case.

    Raises
    ------
    UnknownNameError
        If there is none of that name.
    """
    tables = ("emission", "commodity_emission", "process_emission")
    known = {str(e) for table in tables for e in inputs.tables[table]["emission"]}
    if name.casefold() not in {e.casefold() for e in known}:
        raise UnknownNameError("objective", name, {"cost", *known})


def solver_of(inputs: Inputs, slot: str) -> WarmSolver:
    """Return the solver that the options ask for; a slot's is kept alive where the command solves several scenarios."""
    options = inputs.options
    return inputs.solvers.of(slot, options.solver, time_limit=options.time_limit, gap=options.gap)


def _window_in_words(inputs: Inputs) -> str:
    return inputs.options.hours and f"window {inputs.options.hours}, annualised"


def investment_steps(inputs: Inputs) -> Steps:
    """Return the steps that the options ask for: a window, typical periods, or every hour."""
    if len(inputs.tables["time_slice"]):
        return own_slices(inputs)
    given = inputs.options.window
    if given:
        return window(*given, year_hours(inputs))
    everything = full_year(year_hours(inputs))
    if not inputs.options.periods:
        return everything
    features, peaks = _features(inputs, everything)
    if not features.shape[1]:
        return everything
    return typical_periods(features, inputs.options.periods, inputs.options.period_days, peaks)


def own_slices(inputs: Inputs) -> Steps:
    """Return the time slices that a study brings.

    Raises
    ------
    UserError
        If a slice is missing in a model year, or a window is asked for.
    """
    from dhsdb.models.grids import Grid

    if inputs.options.window:
        raise UserError(f"scenario '{inputs.scenario}' has time slices of its own.", "Leave -o hours out.")
    grid = Grid(inputs.tables["time_slice"], inputs.years, ["t"])
    order = np.argsort([int(key[0]) for key in grid.key])
    if not grid.present.all():
        year = inputs.years[int(np.flatnonzero(~grid.present.all(axis=1))[0])]
        raise UserError(f"time_slice lacks a slice in {year}.", "Give each model year the same slices.")
    number = np.array([int(grid.key[i][0]) for i in order], np.int64)
    return slices(number, grid.numbers("hours", 1.0)[0, order], grid.numbers("weight_h", 0.0)[:, order])


def year_hours(inputs: Inputs) -> int:
    """Return the hours of the modelled year: those of the profiles, 8,760 where there are none."""
    lengths = [len(p.values) for p in inputs.profiles.values() if p.step_h == 1]
    return min(lengths) if lengths else HOURS


def unused_sources(inputs: Inputs) -> list[Remark]:
    """Name each connection of stage geo that no process uses: nothing is dropped silently."""
    rows = inputs.parents.get("geo", {}).get("connection")
    if rows is None:
        return []
    used = set(inputs.tables["process"]["heat_source"].dropna()) if len(inputs.tables["process"]) else set()
    return [
        Remark("warning", "source-not-used", f"heat_source {name}", "no process names it, so its heat is not used")
        for name in rows["source"]
        if name not in used
    ]


def check_handover(inputs: Inputs, outcome: Outcome) -> None:
    """Hold the buildings' heat against the demand that was solved: they agree to 1e-6."""
    supplied = outcome.tables["building_supply"]
    for year in inputs.years:
        wanted = inputs.table("building_demand", year)
        total = float(wanted["space_heat_mwh"].fillna(0).sum() + wanted["hot_water_mwh"].fillna(0).sum())
        given = float(supplied.loc[supplied["year"] == year, "mwh"].sum()) if len(supplied) else 0.0
        if abs(total - given) > 1e-6 * max(total, 1.0):
            raise DhsdbError(f"buildings need {total:.6g} MWh in {year}, but {given:.6g} MWh were handed over.")


def _features(inputs: Inputs, steps: Steps) -> tuple[np.ndarray[tuple[int, int], np.dtype[np.float64]], list[int]]:
    """Return what tells days apart: demands first, whose peaks are kept, then prices and temperatures that are used."""
    system: System = build_system(inputs, inputs.years[:1], steps)
    demands = _varying(system.balances.demand[0] + system.balances.loss[0])
    others = _varying([*system.balances.price[0], *system.processes.ratio[0], *system.processes.avail[0]])
    columns = [*demands, *others]
    return np.column_stack(columns) if columns else np.empty((steps.n, 0)), list(range(len(demands)))


def _varying(columns: Iterable[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
    """Return the columns that vary, one of each shape."""
    shapes = {(c / c.max()).tobytes(): c for c in columns if np.ptp(c) > 0 and c.max() > 0}
    return list(shapes.values())


def _building_supply(inputs: Inputs) -> pd.DataFrame:
    """Return each building's way of heating: in this version all of them take their heat from the grid."""
    import pandas as pd

    frames = []
    for year in inputs.years:
        rows = building_rows(inputs, year)
        frames.append(
            pd.DataFrame(
                {"year": year, "building": rows["building"], "technology": "grid", "grid": True, "mwh": rows["mwh"]}
            )
        )
    return pd.concat(frames, ignore_index=True)
