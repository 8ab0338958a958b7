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
            self._solver, self._offset = model.solver(**self._options), now.offset
        else:
            columns, rows = np.arange(len(now.cost)), np.arange(len(now.row_lower))
            self._solver.set_cost(columns, now.cost)
            self._solver.set_column_bounds(columns, now.lower, now.upper)
            self._solver.set_row_bounds(rows, now.row_lower, now.row_upper)
        self._before = now
        solution = self._solver.solve()
        shift = now.offset - self._offset  # the solver holds the constant of the first model
        return replace(solution, objective=solution.objective + shift, bound=solution.bound + shift)


def _same_matrix(a: Arrays, b: Arrays) -> bool:
    same = all(
        np.array_equal(getattr(a.matrix, part), getattr(b.matrix, part)) for part in ("indptr", "indices", "data")
    )
    return same and np.array_equal(a.integer, b.integer)
