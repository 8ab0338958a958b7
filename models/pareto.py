"""The Pareto stage: cost against CO2, as an exact front by moving a CO2 limit, and as a search over cells of the scenario.

The exact front solves one LP again and again from the last basis. The search (NSGA-II, Deb et al. 2002, by pymoo) varies
cells that `pareto_variable` names; for each individual the rest of the system is decided at least cost.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from dhsdb.errors import DhsdbError, UserError
from dhsdb.models.investment import investment_steps, rules_of, solver_of
from dhsdb.models.stage import Outcome, Remark
from dhsdb.models.system import build_system

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from dhsdb.models.energy import EnergyModel
    from dhsdb.models.lp import Solution
    from dhsdb.models.stage import Inputs, Progress
    from dhsdb.models.steps import Steps

    Array = NDArray[np.float64]

CO2 = "CO2"
FRONT, SEARCH = "front: cost, CO2", "search: cost, CO2"
_SLACK = 1e-6
"""By how much, relative, the least CO2 is missed so that the limit stays feasible within the solver's tolerance."""


def solve(inputs: Inputs, progress: Progress) -> Outcome:
    """Return the points of both studies with their variables and objectives."""
    began = time.perf_counter()
    steps = investment_steps(inputs)
    currency = _currency(inputs)
    front = _front(inputs, steps, lambda f, doing: progress(0.3 * f, doing))
    points = _table(FRONT, ["CO2 limit"], ["t"], front, currency)
    searched = []
    if len(inputs.tables["pareto_variable"]):
        variables = inputs.tables["pareto_variable"]
        searched = _search(inputs, steps, lambda f, doing: progress(0.3 + 0.7 * f, doing))
        points += _table(SEARCH, list(variables["variable"]), [_unit(c) for c in variables["cell"]], searched, currency)
    outcome = Outcome(
        "optimal", objective=front[-1][1][0], solver="HiGHS, NSGA-II", solve_s=time.perf_counter() - began
    )
    if not searched:
        text = "no cell is varied: pareto_variable has no rows, so there is only the exact front"
        outcome.findings.append(Remark("info", "no-search", "pareto_variable", text))
    outcome.tables = _frames(points)
    return outcome


Individual = tuple["Array", "Array", int | None]
"""Variables, objectives (cost, CO2) and generation of a point."""


def _front(inputs: Inputs, steps: Steps, progress: Progress) -> list[Individual]:
    """Return the exact front from the least CO2 to the least cost, evenly spaced in CO2."""
    progress(0.0, "least CO2")
    cleanest = _energy(inputs, steps, "co2")
    least = tonnes_of(cleanest, cleanest.model.solver().solve())
    energy = _energy(inputs, steps, "cost")
    total = energy.add_total(CO2)
    solver = energy.model.solver()
    dearest = tonnes_of(energy, solver.solve())
    points: list[Individual] = []
    limits = np.linspace(dearest, least * (1 + _SLACK) + _SLACK, inputs.options.points)
    for i, limit in enumerate(limits):
        progress(i / len(limits), f"point {i + 1} of {len(limits)}")
        solver.set_row_bounds(total, upper=limit)
        points.append((np.array([limit]), _objectives(energy, solver.solve()), None))
    return points[::-1]


def _search(inputs: Inputs, steps: Steps, progress: Progress) -> list[Individual]:
    """Search over the cells with NSGA-II and return every individual."""
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.core.problem import ElementwiseProblem
    from pymoo.optimize import minimize

    variables, options = inputs.tables["pareto_variable"], inputs.options
    rows = [_chosen_rows(inputs, cell, where) for cell, where in zip(variables["cell"], variables["rows"], strict=True)]
    found: list[Individual] = []
    total = options.population * options.generations
    warm = solver_of(inputs, "pareto")

    class Study(ElementwiseProblem):  # type: ignore[misc]
        def __init__(self) -> None:
            low, high = variables["low"].to_numpy(np.float64), variables["high"].to_numpy(np.float64)
            super().__init__(n_var=len(variables), n_obj=2, xl=low, xu=high)

        def _evaluate(self, x: Array, out: dict[str, object], *_args: object, **_more: object) -> None:
            progress(len(found) / total, f"individual {len(found) + 1} of {total}")
            energy = _energy(_with_cells(inputs, list(variables["cell"]), rows, x), steps, "cost")
            objectives = _objectives(energy, warm.solve(energy.model))
            found.append((x.copy(), objectives, len(found) // options.population + 1))
            out["F"] = np.where(np.isnan(objectives), np.finfo(float).max, objectives)

    algorithm = NSGA2(pop_size=options.population, eliminate_duplicates=False)
    minimize(Study(), algorithm, ("n_gen", options.generations), seed=options.seed, verbose=False)
    return found


def _energy(inputs: Inputs, steps: Steps, objective: str) -> EnergyModel:
    from dhsdb.models.energy import EnergyModel

    return EnergyModel(build_system(inputs, inputs.years, steps), None, rules_of(inputs, objective))


def _objectives(energy: EnergyModel, solution: Solution) -> Array:
    """Return cost and CO2 of a solution at least cost; NaN where it has none."""
    if solution.status not in ("optimal", "feasible"):
        return np.full(2, np.nan)
    return np.array([solution.objective, tonnes_of(energy, solution)])


def tonnes_of(energy: EnergyModel, solution: Solution) -> float:
    """Return the CO2 of a solution over all sites and calendar years, t."""
    return energy.ledger.total(CO2, np.asarray(solution.x, np.float64), energy.system.horizon.lasting)


# --- cells -----------------------------------------------------------------------------------------------------------
def _chosen_rows(inputs: Inputs, cell: str, where: str | None) -> NDArray[np.bool_]:
    """Return which rows of a table a condition selects; it runs in memory and sees that table alone."""
    import duckdb

    table, _, column = cell.partition(".")
    if table not in inputs.tables or column not in inputs.tables[table].columns:
        raise UserError(
            f"pareto_variable varies '{cell}', which is no cell that the investment stage reads.", "TABLE.COLUMN"
        )
    rows = inputs.tables[table].drop(columns="geometry", errors="ignore")
    with duckdb.connect(config={"enable_external_access": "false", "lock_configuration": "true"}) as con:
        con.register("cells", rows)
        try:
            chosen = con.execute(f"SELECT ({where or 'TRUE'}) FROM cells").fetchnumpy()
        except duckdb.Error as error:
            raise UserError(
                f"pareto_variable.rows {where!r}: {str(error).splitlines()[0]}",
                f"Columns: {', '.join(map(str, rows.columns))}.",
            ) from None
    mask = np.asarray(next(iter(chosen.values())).astype(object) == True, bool)  # noqa: E712  NULL counts as False
    if not mask.any():
        raise UserError(f"pareto_variable.rows {where!r} selects no row of {table}.", "Mend the condition.")
    return mask


def _with_cells(inputs: Inputs, cells: Sequence[str], rows: Sequence[NDArray[np.bool_]], values: Array) -> Inputs:
    tables = dict(inputs.tables)
    for cell, mask, value in zip(cells, rows, values, strict=True):
        table, _, column = cell.partition(".")
        tables[table] = tables[table].assign(**{column: tables[table][column].mask(mask, value)})
    return replace(inputs, tables=tables)


def _unit(cell: str) -> str:
    from dhsdb.schema.catalog import input_table

    table, _, column = cell.partition(".")
    return input_table(table).own()[column].unit


def _currency(inputs: Inputs) -> str:
    options = inputs.tables["model_option"]
    found = dict(zip(options["option"], options["value"], strict=True))
    return f"{found.get('currency', 'money')} {found.get('price_year', '')}".strip()


# --- points ----------------------------------------------------------------------------------------------------------
def _table(
    study: str, names: Sequence[str], units: Sequence[str], found: Sequence[Individual], currency: str
) -> list[dict[str, object]]:
    """Return one record per point with its values."""
    objectives = np.array([o for _, o, _ in found])
    feasible = ~np.isnan(objectives).any(axis=1)
    best = nondominated(objectives)
    knee = knee_of(objectives, best)
    return [
        {
            "study": study, "point": i + 1, "generation": generation, "feasible": bool(feasible[i]), "nondominated": bool(best[i]),
            "knee": i == knee,
            "values": [
                *(("limit" if study == FRONT else "variable", n, float(v), u) for n, v, u in zip(names, variables, units, strict=True)),
                ("objective", "cost", float(values[0]), currency), ("objective", CO2, float(values[1]), "t"),
            ],
        }
        for i, (variables, values, generation) in enumerate(found)
    ]  # fmt: skip


def nondominated(objectives: Array, tolerance: float = 1e-9) -> NDArray[np.bool_]:
    """Return which points no other point beats: at least as good in all objectives and better in one.

    Parameters
    ----------
    objectives
        Shape (points, objectives), each to be minimised; NaN = infeasible.
    """
    feasible = ~np.isnan(objectives).any(axis=1)
    scale = np.abs(objectives[feasible]).max(axis=0, initial=1.0) * tolerance
    values = np.where(np.isnan(objectives), np.inf, objectives)
    no_worse = (values[:, None] <= values[None, :] + scale).all(axis=2)
    better = (values[:, None] < values[None, :] - scale).any(axis=2)
    beaten: NDArray[np.bool_] = (no_worse & better).any(axis=0)
    return feasible & ~beaten


def knee_of(objectives: Array, best: NDArray[np.bool_]) -> int | None:
    """Return the nondominated point farthest from the line between the ends of the front; None for fewer than three."""
    chosen = np.flatnonzero(best)
    if len(chosen) < 3:  # noqa: PLR2004  two ends and something between
        return None
    values = objectives[chosen]
    span = np.ptp(values, axis=0)
    unit = (values - values.min(axis=0)) / np.where(span == 0, 1.0, span)
    return int(chosen[np.argmax(1.0 - unit.sum(axis=1))])


def _frames(points: Sequence[dict[str, object]]) -> dict[str, pd.DataFrame]:
    import pandas as pd

    if not points:
        raise DhsdbError("the Pareto study found no point.")
    heads = pd.DataFrame([{k: v for k, v in p.items() if k != "values"} for p in points])
    heads["generation"] = heads["generation"].astype("Int32")
    values = [
        {"study": p["study"], "point": p["point"], "kind": kind, "name": name, "value": value, "unit": unit}
        for p in points
        for kind, name, value, unit in p["values"]  # type: ignore[attr-defined]
    ]
    return {"pareto_point": heads, "pareto_value": pd.DataFrame(values)}
