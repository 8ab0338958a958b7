"""One solver kept alive per structure: changed prices, demands and limits are solved from the last basis."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from dhsdb.models.highs import Solver
    from dhsdb.models.lp import Arrays, Model, Solution


class WarmSolver:
    """Solves models one after the other, from the last basis where their matrices are the same.

    Parameters
    ----------
    name
        ``highs``, or another solver, to which the model is handed over through Pyomo, cold each time.
    **options
        Options of the solver; None leaves its default.
    """

    def __init__(self, name: str = "highs", **options: float | None) -> None:
        self.name = name
        self._options = options
        self._before: Arrays | None = None
        self._solver: Solver | None = None
        self._offset = 0.0

    def solve(self, model: Model) -> Solution:
        """Solve a model."""
        if self.name != "highs":
            from dhsdb.models.pyomo_bridge import solve_pyomo

            return solve_pyomo(model, self.name, self._options)
        now = model.arrays()
        if self._solver is None or self._before is None or not _same_matrix(now, self._before):
            self._solver = None  # frees the old one before the new one takes memory
            self._solver, self._offset = model.solver(**self._options), now.offset
        else:
            self._send(self._solver, self._before, now)
        self._before = now
        solution = self._solver.solve()
        shift = now.offset - self._offset  # the solver holds the constant of the first model
        return replace(solution, objective=solution.objective + shift, bound=solution.bound + shift)

    def _send(self, solver: Solver, before: Arrays, now: Arrays) -> None:
        """Send what has changed, and nothing else: the solver chooses by that how to go on."""
        columns, rows = np.arange(len(now.cost)), np.arange(len(now.row_lower))
        if not np.array_equal(now.cost, before.cost):
            solver.set_cost(columns, now.cost)
        if not _equal(now, before, "lower", "upper"):
            solver.set_column_bounds(columns, now.lower, now.upper)
        if not _equal(now, before, "row_lower", "row_upper"):
            solver.set_row_bounds(rows, now.row_lower, now.row_upper)


class Solvers:
    """The solvers of one command, handed to its stages with their inputs.

    Parameters
    ----------
    keep
        Keep each alive from scenario to scenario: where the next one has the same matrix, it is solved from the last
        basis. A kept solver holds its model in memory.
    """

    def __init__(self, *, keep: bool = False) -> None:
        self._keep = keep
        self._kept: dict[tuple[object, ...], WarmSolver] = {}

    def of(self, slot: str, name: str, **options: float | None) -> WarmSolver:
        """Return the solver of a slot, such as a stage and year, for just these options."""
        if not self._keep:
            return WarmSolver(name, **options)
        key = (slot, name, *sorted(options.items()))
        return self._kept.setdefault(key, WarmSolver(name, **options))


def _same_matrix(a: Arrays, b: Arrays) -> bool:
    same = all(
        np.array_equal(getattr(a.matrix, part), getattr(b.matrix, part)) for part in ("indptr", "indices", "data")
    )
    return same and np.array_equal(a.integer, b.integer)


def _equal(a: Arrays, b: Arrays, *parts: str) -> bool:
    return all(np.array_equal(getattr(a, part), getattr(b, part)) for part in parts)
