"""A HiGHS solver that stays alive: one structure, solved again and again with changed costs, bounds and coefficients.

The model itself is built by :class:`dhsdb.models.lp.Model`. HiGHS says with a status whether it took an option or a
change; every one is looked at, because HiGHS goes on with its defaults after a refusal.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dhsdb.errors import SolverError, UnknownNameError, UserError
from dhsdb.models.blocks import Block, Solution, check_bounds
from dhsdb.models.method import METHODS, chosen, in_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import highspy
    from numpy.typing import ArrayLike

    from dhsdb.models.blocks import FloatArray, IntArray, Kind, Status
    from dhsdb.models.contradiction import Bounds
    from dhsdb.models.lp import Model

RENAMED = {"method": "solver", "gap": "mip_rel_gap", "seed": "random_seed"}
"""Our options that HiGHS calls otherwise; ``time_limit``, ``threads`` and all the rest go by HiGHS's own names."""

_IIS_LOWER, _IIS_UPPER, _IIS_BOTH = 2, 3, 4  # IisBoundStatus
_STATUS: dict[str, Status] = {"kOptimal": "optimal", "kInfeasible": "infeasible", "kUnbounded": "unbounded"}
_WITH_VALUES = ("optimal", "feasible")
_NOTHING_SHOWN = ("kUnknown", "kSolveError", "kNotset")
_FEASIBLE = 2  # kSolutionStatusFeasible
_TOLERANCE = 1e-6  # of HiGHS, for limits
_PATIENCE = 60.0  # seconds for the cheapest way to loosen rows
_RESCALE = 16.0  # costs whose median moved by more get a new scale
_DUAL, _PRIMAL = 1, 4  # simplex_strategy


@dataclass(frozen=True, slots=True)
class Limit:
    """One bound of a row or column, in words.

    Attributes
    ----------
    name
        Name of the row or column, as in ``balance[main, heat, 17]``.
    kind
        ``"row"`` or ``"column"``.
    side
        ``"lower"`` or ``"upper"``.
    value
        The bound, in ``unit``.
    unit
        Unit of the row or column.
    group, step
        The name without the time step, and the time step, ``""`` where there is none.
    """

    name: str
    kind: Kind
    side: str
    value: float
    unit: str
    group: str = ""
    step: str = ""

    def __str__(self) -> str:
        sign = ">=" if self.side == "lower" else "<="
        return f"{self.name} {sign} {self.value:g} {self.unit}".rstrip()


class Solver:
    """A model in HiGHS, with the basis of its last solution.

    The first solve is cold, with presolve. Later ones start from the last basis without presolve: with the primal simplex
    where costs alone have changed, which leaves the last solution feasible, else with the dual one. Models with integer
    columns start anew each time, and interior points, where they are asked for or leave no basis.

    Parameters
    ----------
    model
        Must have columns; later additions to it do not reach the solver.
    **options
        ``method``: ``choose`` (by size, :mod:`dhsdb.models.method`), ``simplex``, ``ipm``, ``ipx`` or ``hipo``;
        ``time_limit`` in s per solve; ``gap``: relative, for integer columns; ``seed``; ``threads``; anything else is an
        option of HiGHS by its own name. None leaves the default.
    """

    def __init__(self, model: Model, **options: object) -> None:
        import highspy

        if not model.n_columns:
            raise UserError("the model has no columns")
        arrays = model.arrays()
        self.model = model
        self._highs: Any = highspy.Highs()  # type: ignore[no-untyped-call]
        self._cost, self._lower, self._upper = arrays.cost.copy(), arrays.lower.copy(), arrays.upper.copy()
        self._row_lower, self._row_upper = arrays.row_lower.copy(), arrays.row_upper.copy()
        self._matrix, self._integer, self._offset = arrays.matrix, arrays.integer, arrays.offset
        self._scale = power_of_two(self._cost)
        self._start: dict[Block, FloatArray] = {}
        self._check(self._highs.setOptionValue("output_flag", False), "be quiet")  # noqa: FBT003  positional only
        self._options = {name: value for name, value in options.items() if value is not None}
        self._choice = chosen(self._options, model.n_rows, whole=bool(self._integer.any()))
        self._options |= self._choice
        self._costs_alone = True
        for name, value in self._options.items():
            self._set_option(name, value)
        self._pass(self._highs)

    def solve(self) -> Solution:
        """Solve, from the last basis if there is one."""
        highs = self._highs
        warm = self._prepare()
        started = time.perf_counter()
        status = highs.run()
        if highs.getModelStatus().name == "kUnboundedOrInfeasible":
            highs.setOptionValue("presolve", "off")  # presolve can't tell which
            status = highs.run()
        method = in_words(self._options, whole=bool(self._integer.any()), warm=warm)
        if highs.getModelStatus().name in _NOTHING_SHOWN:
            method = f"primal simplex, since this failed: {method}"
            status = self._run_primal()
        seconds = time.perf_counter() - started
        self._check(status, f"solve ({highs.modelStatusToString(highs.getModelStatus())})")
        solution = replace(self._solution(seconds), method=method)
        self._costs_alone = solution.status == "optimal"
        return solution

    def set_cost(self, columns: Block | ArrayLike, values: ArrayLike) -> None:
        """Change objective coefficients.

        Parameters
        ----------
        columns
            A column block or an array of column numbers, such as ``block[mask]``.
        values
            Money per unit of the column, broadcast to the shape of ``columns``.
        """
        index = self.model.numbers(columns, "column")
        target = columns if isinstance(columns, Block) else index
        self._cost[index] = self.model.floats(target, values, "cost", finite=True)
        self._send_cost(np.unique(index))

    def set_column_bounds(
        self, columns: Block | ArrayLike, lower: ArrayLike | None = None, upper: ArrayLike | None = None
    ) -> None:
        """Change bounds of columns, in the columns' unit; None leaves that side as it is."""
        index = self._set_bounds("column", columns, lower, upper)
        status = self._highs.changeColsBounds(index.size, index, self._lower[index], self._upper[index])
        self._check(status, "change bounds of columns")

    def set_row_bounds(
        self, rows: Block | ArrayLike, lower: ArrayLike | None = None, upper: ArrayLike | None = None
    ) -> None:
        """Change bounds of rows, in the rows' unit; None leaves that side as it is."""
        index = self._set_bounds("row", rows, lower, upper)
        status = self._highs.changeRowsBounds(index.size, index, self._row_lower[index], self._row_upper[index])
        self._check(status, "change bounds of rows")

    def set_coefficients(self, rows: Block | ArrayLike, columns: Block | ArrayLike, values: ArrayLike) -> None:
        """Replace coefficients; entries that are named twice are summed, as in :meth:`Model.add_terms`.

        Parameters
        ----------
        rows, columns
            Blocks or arrays of row and column numbers.
        values
            Coefficients, in the row's unit per unit of the column. All three broadcast together.
        """
        row, column, value = self.model.broadcast_terms(rows, columns, values)
        old = self._matrix.tocoo()
        # One number per place in the matrix finds the entries that are replaced.
        places = [c.astype(np.int64) * self.model.n_rows + r for r, c in ((old.row, old.col), (row, column))]
        keep = ~np.isin(places[0], places[1])
        parts = ((old.row[keep], row), (old.col[keep], column), (old.data[keep], value))
        self._matrix = self.model.assemble(*(np.concatenate(part) for part in parts))
        self._costs_alone = False
        basis = self._highs.getBasis()
        self._pass(self._highs)
        if basis.valid:
            self._check(self._highs.setBasis(basis), "keep the basis")

    def set_start(self, values: Mapping[Block, ArrayLike]) -> None:
        """Give the next solve of a model with integer columns a solution to start from.

        Parameters
        ----------
        values
            Values of column blocks, each broadcast to its block's shape. HiGHS completes what is not given.
        """
        if not self._integer.any():
            raise UserError("a start needs integer columns; a linear model starts from its last basis by itself")
        for block, start in values.items():
            self.model.numbers(block, "column")
            self._start[block] = self.model.floats(block, start, "the start value", finite=True)

    def explain_infeasible(self) -> tuple[Limit, ...]:
        """Return limits that contradict each other.

        Leaving out any one of them resolves the contradiction. Where it is due to whole numbers alone, or can't be found in
        time, it is the limits that the least total violation of rows breaks. Empty if the model is feasible.
        """
        return self.contradiction() or self._explain_elastic()

    def contradiction(self) -> tuple[Limit, ...]:
        """Return limits that contradict each other without regard to whole numbers, or none if none are found in time."""
        from dhsdb.models.contradiction import Bounds, find

        crossed = [*self._crossed("row"), *self._crossed("column")]
        if crossed:
            return tuple(crossed)
        part = find(self._matrix, Bounds(self._lower, self._upper, self._row_lower, self._row_upper), _loaded)
        if part is None:
            return ()
        found = self._limits("row", part.rows.tolist(), part.row_sides.tolist())
        return (*found, *self._limits("column", part.columns.tolist(), part.column_sides.tolist()))

    def binding(self, solution: Solution) -> tuple[Limit, ...]:
        """Return the limits that hold a solution up: those with a dual."""
        found: list[Limit] = []
        for kind, duals in (("row", solution.row_dual), ("column", solution.column_dual)):
            if duals is not None:
                at = np.flatnonzero(np.abs(duals) > _TOLERANCE * np.abs(duals).max(initial=0.0))
                sides = np.where(duals[at] > 0, _IIS_LOWER, _IIS_UPPER)
                found += self._limits(kind, at.tolist(), sides.tolist())  # type: ignore[arg-type]
        return tuple(found)

    def _crossed(self, kind: Kind) -> list[Limit]:
        """Return the first limits whose lower side is above the upper one."""
        lower, upper = self._bounds(kind)
        at = np.flatnonzero(lower > upper)[:1].tolist()
        return self._limits(kind, at, [_IIS_BOTH] * len(at))

    def explain_unbounded(self) -> tuple[str, ...]:
        """Return what can rise or fall together without end, what earns most first; empty if there is nothing."""
        highs = self._copy(integer=False)
        highs.setOptionValue("presolve", "off")
        highs.setOptionValue("solver", "simplex")
        highs.run()
        _, found, ray = highs.getPrimalRay()
        if not found:
            return ()
        ray = np.asarray(ray, np.float64)
        groups: dict[tuple[str, str], list[float]] = {}
        for j in np.flatnonzero(ray):
            block = self.model.locate(int(j), "column")[1]
            group, _ = block.group_at(int(j - block.index.flat[0]))
            groups.setdefault((group, "rises" if ray[j] > 0 else "falls"), []).append(self._cost[j] * ray[j])
        listed = sorted(groups.items(), key=lambda item: sum(item[1]))
        return tuple(
            f"{group} {way}" + (f" in {len(earned)} steps" if len(earned) > 1 else "")
            for (group, way), earned in listed
        )

    def _explain_elastic(self) -> tuple[Limit, ...]:
        highs = self._copy(integer=True)
        highs.setOptionValue("time_limit", _PATIENCE)
        self._check(highs.feasibilityRelaxation(-1.0, -1.0, 1.0), "relax the rows")  # -1: columns keep their bounds
        x = np.array(highs.getSolution().col_value)
        return (*self._broken("row", self._matrix @ x), *self._broken("column", x))

    def _broken(self, kind: Kind, values: FloatArray) -> list[Limit]:
        lower, upper = self._bounds(kind)
        low = np.flatnonzero(lower - values > _TOLERANCE * np.maximum(1.0, np.abs(lower))).tolist()
        high = np.flatnonzero(values - upper > _TOLERANCE * np.maximum(1.0, np.abs(upper))).tolist()
        return self._limits(kind, [*low, *high], [_IIS_LOWER] * len(low) + [_IIS_UPPER] * len(high))

    def _limits(self, kind: Kind, numbers: Sequence[int], sides: Sequence[int]) -> list[Limit]:
        """Return limits in words; ``sides`` are HiGHS's IisBoundStatus, where 4 is both and the others are neither."""
        found: list[Limit] = []
        for number, side in zip(numbers, sides, strict=True):
            name, block = self.model.locate(number, kind)
            apart = block.group_at(int(number - block.index.flat[0]))
            for word, code, bounds in zip(
                ("lower", "upper"), (_IIS_LOWER, _IIS_UPPER), self._bounds(kind), strict=True
            ):
                if side in (code, _IIS_BOTH):
                    found.append(Limit(name, kind, word, float(bounds[number]), block.unit, *apart))
        return found

    def _bounds(self, kind: Kind) -> tuple[FloatArray, FloatArray]:
        return (self._row_lower, self._row_upper) if kind == "row" else (self._lower, self._upper)

    def _set_option(self, name: str, value: object) -> None:
        import highspy

        known = [*RENAMED, *(key for key in dir(highspy.HighsOptions) if not key.startswith("_"))]
        ours = {theirs: ours for ours, theirs in RENAMED.items()}
        if name in ours:
            raise UserError(f"the option '{name}' is called '{ours[name]}' here")
        if name not in known:
            raise UnknownNameError("solver option", name, known)
        if name == "method" and value not in METHODS:
            raise UnknownNameError("method", str(value), METHODS)
        try:
            accepted = self._highs.setOptionValue(RENAMED.get(name, name), value).name != "kError"
        except TypeError:
            accepted = False
        if not accepted:
            hint = "HiPO is a package of its own: pip install highspy-extras" if value == "hipo" else ""
            raise UserError(f"HiGHS does not take {value!r} for the option '{name}'", hint)

    def _set_bounds(
        self, kind: Kind, target: Block | ArrayLike, lower: ArrayLike | None, upper: ArrayLike | None
    ) -> IntArray:
        index = self.model.numbers(target, kind)
        lows, highs = self._bounds(kind)
        named = target if isinstance(target, Block) else index
        for side, new, old in (("lower", lower, lows), ("upper", upper, highs)):
            if new is not None:
                old[index] = self.model.floats(named, new, f"the {side} limit", kind=kind)
        touched = np.unique(index)
        self._costs_alone = False
        if touched.size:
            check_bounds(self.model.locate(int(touched[0]), kind)[1].name, lows[touched], highs[touched])
        return touched

    def _send_cost(self, index: IntArray) -> None:
        status = self._highs.changeColsCost(index.size, index, self._cost[index] * self._scale)
        self._check(status, "change costs")

    def _prepare(self) -> bool:
        """Make HiGHS ready for a solve and return whether it will start from the last basis."""
        highs = self._highs
        if "threads" in self._options:
            # HiGHS has one pool of threads for all its solvers, and refuses to run if it has another size.
            highs.resetGlobalScheduler(True)  # noqa: FBT003  positional only
        scale = power_of_two(self._cost)
        if not 1 / _RESCALE <= scale / self._scale <= _RESCALE:
            self._scale = scale
            self._send_cost(np.arange(self.model.n_columns, dtype=np.int32))
            self._check(highs.changeObjectiveOffset(self._offset * scale), "change the constant of the objective")
        method = str(self._options.get("method", "choose"))
        # An interior point that was our choice leaves a basis by crossover: the simplex goes on from there.
        simplex = method in ("choose", "simplex") or bool(self._choice)
        warm = bool(simplex and not self._integer.any() and highs.getBasis().valid)
        self._check(highs.setOptionValue("solver", "simplex" if warm else method), "choose a method")
        presolve = "off" if warm else str(self._options.get("presolve", "choose"))
        self._check(highs.setOptionValue("presolve", presolve), "presolve")
        if "simplex_strategy" not in self._options:
            strategy = _PRIMAL if warm and self._costs_alone else _DUAL
            self._check(highs.setOptionValue("simplex_strategy", strategy), "choose a simplex")
        if "time_limit" in self._options:
            # HiGHS counts its time over all solves of a solver's life.
            limit = highs.getRunTime() + float(str(self._options["time_limit"]))
            self._check(highs.setOptionValue("time_limit", limit), "limit the time")
        if self._start:
            index = np.concatenate([block.index.ravel() for block in self._start])
            values = np.concatenate([start.ravel() for start in self._start.values()])
            self._check(highs.setSolution(index.size, index, values), "take the start")
            self._start = {}
        return warm

    def _run_primal(self) -> Any:
        """Solve with the primal simplex what another method gave up, as each of them may where a model is infeasible."""
        asked = self._options.get("method", "choose"), self._options.get("simplex_strategy", _DUAL)
        self._highs.setOptionValue("solver", "simplex")
        self._highs.setOptionValue("simplex_strategy", _PRIMAL)
        self._highs.clearSolver()
        status = self._highs.run()
        self._highs.setOptionValue("solver", asked[0])
        self._highs.setOptionValue("simplex_strategy", asked[1])
        return status

    def _pass(self, highs: Any, *, integer: bool = True) -> None:
        matrix = self._matrix
        status = highs.passModel(
            self.model.n_columns,
            self.model.n_rows,
            matrix.nnz,
            1,  # by columns
            1,  # minimise
            self._offset * self._scale,
            self._cost * self._scale,
            self._lower,
            self._upper,
            self._row_lower,
            self._row_upper,
            matrix.indptr.astype(np.int32, copy=False),
            matrix.indices.astype(np.int32, copy=False),
            matrix.data,
            (self._integer & integer).astype(np.int32),
        )
        self._check(status, "take the model")

    def _copy(self, *, integer: bool) -> Any:
        """Return the present model in a second HiGHS, to be asked about without touching the first one."""
        import highspy

        highs: Any = highspy.Highs()  # type: ignore[no-untyped-call]
        highs.setOptionValue("output_flag", False)  # noqa: FBT003  positional only
        self._pass(highs, integer=integer)
        return highs

    def _solution(self, seconds: float) -> Solution:
        highs = self._highs
        name, info = highs.getModelStatus().name, highs.getInfo()
        values = info.primal_solution_status == _FEASIBLE
        status = _STATUS.get(name, "feasible" if values else "failed")
        objective = info.objective_function_value / self._scale if status in _WITH_VALUES else math.nan
        bound, gap = -math.inf, math.inf
        if self._integer.any() and info.valid:
            bound, gap = info.mip_dual_bound / self._scale, info.mip_gap
        elif status == "optimal":
            bound, gap = objective, 0.0
        counts = (info.simplex_iteration_count, info.ipm_iteration_count, info.crossover_iteration_count)
        return Solution(
            status,
            objective,
            bound,
            gap,
            seconds,
            sum(max(0, count) for count in counts),
            highs.modelStatusToString(highs.getModelStatus()),
            *self._vectors(status),
        )

    def _vectors(self, status: Status) -> tuple[FloatArray | None, FloatArray | None, FloatArray | None]:
        if status not in _WITH_VALUES:
            return None, None, None
        found = self._highs.getSolution()
        x = np.array(found.col_value)
        if status != "optimal" or not found.dual_valid:
            return x, None, None
        return x, np.array(found.row_dual) / self._scale, np.array(found.col_dual) / self._scale

    def _check(self, status: highspy.HighsStatus, what: str) -> None:
        if status.name == "kError":
            raise SolverError(f"HiGHS refused to {what}")


def power_of_two(cost: FloatArray) -> float:
    """Return the power of two that brings the median of the nonzero ``|cost|`` nearest to 1.

    HiGHS's tolerances are absolute: costs of 1e-7 "million EUR" would be taken for nothing. A power of two changes no
    digit.
    """
    sizes = np.abs(cost[cost != 0.0])
    return float(2.0 ** -np.round(np.log2(np.median(sizes)))) if sizes.size else 1.0


def _loaded(matrix: Any, bounds: Bounds) -> Any:
    """Return a quiet HiGHS with limits and without costs."""
    import highspy

    highs: Any = highspy.Highs()  # type: ignore[no-untyped-call]
    highs.setOptionValue("output_flag", False)  # noqa: FBT003  positional only
    m, n = matrix.shape
    highs.passModel(
        n, m, matrix.nnz, 1, 1, 0.0, np.zeros(n), bounds.lower, bounds.upper, bounds.row_lower, bounds.row_upper,
        matrix.indptr.astype(np.int32), matrix.indices.astype(np.int32), matrix.data, np.zeros(n, np.int32),
    )  # fmt: skip
    return highs
