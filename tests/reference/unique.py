"""Between which bounds the costs of each kind can lie among all optima of a scenario: equal bounds mark a unique split."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dhsdb.models.energy import EnergyModel
from dhsdb.models.investment import investment_steps, rules_of
from dhsdb.models.system import build_system
from dhsdb.runner import Order, inputs_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dhsdb.store import Store

SLACK = 1e-11
"""By how much, relative, a solution may miss the optimum and still counts as one."""
_SIZE = 1e6
"""What the row that keeps the optimum is scaled to, so that the solver's absolute tolerance is far below the slack."""


def cost_ranges(store: Store, scenario: str, options: Mapping[str, object]) -> dict[str, tuple[float, float]]:
    """Return the least and the greatest cost of each kind, discounted, over all optima."""
    inputs = inputs_of(store.db, Order(scenario, ("investment",), options=tuple(options.items())))
    energy = EnergyModel(build_system(inputs, inputs.years, investment_steps(inputs)), None, rules_of(inputs))
    model = energy.model
    arrays = model.arrays()
    found = model.solver().solve()
    assert found.status == "optimal"
    target = found.objective - arrays.offset
    scale = _SIZE / max(abs(target), 1.0)
    kept = model.add_rows("the optimum", (1,), -np.inf, (target + SLACK * abs(found.objective)) * scale)
    model.add_terms(kept.index, np.arange(model.n_columns), arrays.cost * scale)
    solver = model.solver()
    solver.solve()
    ranges = {}
    for kind, (cost, constant) in _by_kind(energy).items():
        ends = []
        for sign in (1.0, -1.0):
            solver.set_cost(np.arange(model.n_columns), sign * cost)
            solution = solver.solve()
            assert solution.status == "optimal"
            ends.append(float(cost @ solution.x) + constant)
        ranges[kind] = (ends[0], ends[1])
    return ranges


def _by_kind(energy: EnergyModel) -> dict[str, tuple[np.ndarray, float]]:
    found: dict[str, tuple[np.ndarray, float]] = {}
    for entry in energy.ledger.costs:
        cost, constant = found.get(entry.kind, (np.zeros(energy.model.n_columns), 0.0))
        if entry.columns is not None and entry.discounted is not None:
            np.add.at(cost, entry.columns, entry.discounted)
        if entry.constant_discounted is not None:
            constant += float(entry.constant_discounted.sum())
        found[entry.kind] = (cost, constant)
    return found
