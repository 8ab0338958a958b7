"""Near-optimal exploration: how little and how much of each unit there can be for a cost close to the least.

Modelling to generate alternatives (DeCarolis 2011, doi:10.1016/j.eneco.2010.05.002), here as the extremes of each capacity: the
objective may exceed its least value by a share, and each capacity is made as small and as large as it then can be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dhsdb.models.energy import labels_of
from dhsdb.models.figures import Figure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dhsdb.models.energy import EnergyModel
    from dhsdb.models.highs import Solver
    from dhsdb.models.lp import Block

LEAST, MOST = "least capacity within {}", "most capacity within {}"
_BUDGET = "most objective"
_PRIMAL = 4
"""HiGHS's primal simplex: under a new objective the last basis stays feasible, but is not optimal."""


def explore(
    energy: EnergyModel,
    best: float,
    share: float,
    number: Callable[..., int],
    tell: Callable[[float, str], None],
) -> list[Figure]:
    """Return the least and the most capacity of each unit in the last model year.

    Parameters
    ----------
    best
        Least value of the objective.
    share
        By which share of it the objective may exceed it.
    number
        Gives the number of an item by site, technology and commodity.
    tell
        Called with a fraction and what is being done.

    Returns
    -------
    list of Figure
        Two of each unit that can be built; the most is inf where nothing limits it.
    """
    solver = _solver(energy, best + share * abs(best))
    word = f"{share * 100:g} %"
    found = []
    units = list(_units(energy))
    for done, (label, block, u, measure) in enumerate(units):
        tell(done / len(units), f"range of {label[1]}")
        column = block.index[-1, u]
        item = number(*label)
        for title, sign in ((LEAST, 1.0), (MOST, -1.0)):
            value = _extreme(solver, int(column), sign)
            found.append(Figure(energy.system.years[-1], item, title.format(word), value, measure))
    return found


def _solver(energy: EnergyModel, most: float) -> Solver:
    """Return a solver of the model whose objective is a limit now."""
    model = energy.model
    arrays = model.arrays()
    costed = np.flatnonzero(arrays.cost)
    # A row in units of the least objective: HiGHS keeps rows to an absolute tolerance.
    size = max(abs(most), 1.0)
    row = model.add_rows(_BUDGET, (), -np.inf, (most - arrays.offset) / size)
    model.add_terms(np.full(costed.size, row.index), costed.astype(np.int32), arrays.cost[costed] / size)
    solver = model.solver(method="simplex", simplex_strategy=_PRIMAL)
    solver.set_cost(np.arange(model.n_columns), 0.0)
    return solver


def _extreme(solver: Solver, column: int, sign: float) -> float:
    """Return the least (sign +1) or the most (-1) value of a column."""
    solver.set_cost(np.array([column]), sign)
    solution = solver.solve()
    solver.set_cost(np.array([column]), 0.0)
    if solution.status == "unbounded":
        return float(np.inf) * -sign
    if solution.x is None:
        return float("nan")
    return max(float(solution.x[column]), 0.0)


def _units(energy: EnergyModel) -> Iterator[tuple[tuple[str, str], Block, int, str]]:
    """Yield what can be built at all: site and technology, columns, place in them, and unit of the capacity."""
    for name, capacity in energy.capacity.items():
        if capacity.cap is None or capacity.new is None:
            continue
        for u, label in enumerate(labels_of(name, capacity.units.key)):
            if name == "power" and energy.system.stores.balance[u] < 0:
                continue
            if (capacity.units.new_max[:, u] > 0).any():
                yield label, capacity.cap, u, capacity.units.measure
