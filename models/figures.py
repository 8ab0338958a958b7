"""What a solution says besides its tables: prices of emissions and limits, and what would have to be cheaper to be built.

All of it comes from duals, so a model of whole numbers has none of it. Money is of the year that it falls in, undiscounted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dhsdb.models.energy import labels_of
from dhsdb.models.grids import places

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from dhsdb.models.capacity import Capacity
    from dhsdb.models.energy import EnergyModel
    from dhsdb.models.lp import Solution

    Array = NDArray[np.float64]

PERIODS = "typical periods"
TOO_DEAR = "capital too high by"
_UNITS = {"emission": "t", "activity": "MWh", "production": "MWh", "capacity": "MW", "new": "MW", "cost": "money"}
_TINY = 1e-9


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure about a unit, a site, or the whole system (item None); year None = all years."""

    year: int | None
    item: int | None
    name: str
    value: float
    unit: str


def frame(figures: Iterable[Figure]) -> pd.DataFrame:
    """Return figures as rows of the table ``figure``."""
    import pandas as pd

    listed = list(figures)
    return pd.DataFrame(
        {
            "year": pd.array([f.year for f in listed], "Int16"),
            "item": pd.array([f.item for f in listed], "Int32"),
            "name": pd.array([f.name for f in listed], object),
            "t": pd.array([None] * len(listed), "Int16"),
            "weight_h": np.full(len(listed), np.nan),
            "value": np.array([f.value for f in listed], np.float64),
            "unit": pd.array([f.unit for f in listed], object),
        }
    )


def of_solution(energy: EnergyModel, solution: Solution, number: Callable[..., int]) -> list[Figure]:
    """Return the figures of a solved model.

    Parameters
    ----------
    number
        Gives the number of an item by site, technology and commodity.
    """
    if solution.row_dual is None or energy.rules.objective != "cost":
        return []
    found = [*_limit_prices(energy, solution), *_emission_prices(energy, solution, number)]
    for name, capacity in energy.capacity.items():
        if capacity.new is not None:
            found += _too_dear(energy, solution, name, capacity, number)
    return found


# --- limits ----------------------------------------------------------------------------------------------------------
def _limit_prices(energy: EnergyModel, solution: Solution) -> Iterator[Figure]:
    """Yield what a limit costs: how much cheaper the system gets per unit by which it is loosened."""
    grid, running = energy.system.limits.grid, energy.system.running.max(axis=1)
    for i, (name,) in enumerate(grid.key):
        rows = energy.model.rows.get(f"limit '{name}'")
        if rows is None or len(rows.shape) > 1:
            continue  # one by step has a price in each
        quantity = next((w for w in grid.words("quantity")[:, i] if w), "emission")
        unit = f"money/{_UNITS.get(quantity, rows.unit)}"
        duals = np.abs(solution.duals(rows))
        if "horizon" in [label for label, _ in rows.sets]:
            yield Figure(None, None, f"price of limit {name}", float(duals[0]), unit)
            continue
        for year, value in zip(energy.system.years, duals / running, strict=True):
            yield Figure(year, None, f"price of limit {name}", float(value), unit)


def _emission_prices(energy: EnergyModel, solution: Solution, number: Callable[..., int]) -> Iterator[Figure]:
    """Yield the price of emissions at each site: the given one, and what limits of years and of the horizon add."""
    s = energy.system
    running = s.running[:, [s.site(site) for site, _ in s.emissions.key]]
    for e, (site, emission) in enumerate(s.emissions.key):
        price = s.emissions.price[:, e].copy()
        rows = energy.model.rows.get(f"most {emission} of {site} in a year")
        if rows is not None:
            price -= solution.duals(rows) / running[:, e]
        price += _from_limits(energy, solution, site, emission) / running[:, e]
        item = number(site, None)
        for year, value in zip(s.years, price, strict=True):
            yield Figure(year, item, f"price of {emission}", float(value), "money/t")


def _from_limits(energy: EnergyModel, solution: Solution, site: str, emission: str) -> Array:
    """Return what limits on an emission as a whole add to its price at a site, as it weighs in the objective, shape (y,)."""
    limits, found = energy.system.limits, np.zeros(energy.n_years)
    quantity = limits.grid.words("quantity")
    words = {c: limits.terms.words(c) for c in ("site", "emission", "process", "mode", "commodity")}
    factor = limits.terms.numbers("factor", 1.0)
    for j, (name, side, _) in enumerate(limits.terms.key):
        i = limits.grid.index((name,))
        rows = energy.model.rows.get(f"limit '{name}'")
        if i is None or rows is None or side != "lhs" or len(rows.shape) > 1:
            continue
        of = {c: next((w for w in listed[:, j] if w), "") for c, listed in words.items()}
        whole = next((w for w in quantity[:, i] if w), "emission") == "emission" and not (
            of["process"] or of["commodity"]
        )
        if whole and of["site"] in ("", site) and of["emission"].casefold() in ("", emission.casefold()):
            horizon = "horizon" in [label for label, _ in rows.sets]
            found -= solution.duals(rows) * factor[:, j] * (energy.system.horizon.lasting if horizon else 1.0)
    return found


# --- what was not built ----------------------------------------------------------------------------------------------
def _too_dear(
    energy: EnergyModel, solution: Solution, name: str, capacity: Capacity, number: Callable[..., int]
) -> Iterator[Figure]:
    """Yield by how much, at least, the capital cost of what is built in no year would have to fall.

    That is the reduced cost of building a MW in a year, together with what the capacity then costs and earns in the years
    that it serves, per unit of what capital weighs in the objective.
    """
    assert capacity.new is not None  # noqa: S101  the caller asked
    assert capacity.cap is not None  # noqa: S101
    units = capacity.units
    idle = places((solution.values(capacity.new) <= _TINY).all(axis=0) & (units.capital > 0).any(axis=0))
    yearly = np.asarray(solution.reduced_costs(capacity.cap), np.float64) + _unused(energy, solution, name)
    gap = np.einsum("vyu,yu->vu", capacity.alive.astype(np.float64), yearly) + solution.reduced_costs(capacity.new)
    weight = capacity.capital_weight(energy.running_of(name))
    gap, weight = _tied(energy, name, gap, weight)
    labels = labels_of(name, units.key)
    for u in idle:
        item = number(*labels[u])
        for v, year in enumerate(energy.system.years):
            if units.new_max[v, u] > 0 and weight[v, u] > 0 and gap[v, u] > _TINY * weight[v, u]:
                yield Figure(year, item, TOO_DEAR, float(gap[v, u] / weight[v, u]), f"money/{units.measure}")


_USES = {
    "process": (("most activity", "act"),),
    "power": (("most charge", "charge"), ("most discharge", "discharge")),
    "energy": (("most level", "level"),),
    "line": (("most carried", "carried"),),
}
"""Rows that keep a use within the capacity, and the columns of that use."""


def _unused(energy: EnergyModel, solution: Solution, name: str) -> Array:
    """Return what duals credit to capacity for uses that do not pay, shape (y, u).

    Where nothing is built, ``use <= share * capacity`` holds with zeros, and its dual may be anything between what the use
    earns and what that and the use's own reduced cost allow. The least one is meant: only what earns counts for capacity.
    """
    found = np.zeros((energy.n_years, energy.capacity[name].units.n))
    for title, use in _USES[name]:
        rows, columns = energy.model.rows.get(title), energy.model.columns.get(use)
        if rows is None or columns is None or rows.shape[1:2] == (0,):
            continue
        if name == "energy" and energy.period_level is not None:
            continue  # contents over typical periods are sums of two columns
        dual, cost = np.abs(solution.duals(rows)), solution.reduced_costs(columns)
        if name == "process":
            found += _unused_activity(energy, dual, cost, list(rows.sets[1][1]))
        elif name == "line":
            found += np.minimum(dual, cost).clip(0.0).sum(axis=2)
        else:
            found[:, list(energy.chained)] += np.minimum(dual, cost).clip(0.0).sum(axis=2)
    return found


def _unused_activity(energy: EnergyModel, dual: Array, cost: Array, names: list[object]) -> Array:
    p = energy.system.processes
    found = np.zeros((energy.n_years, p.size.n))
    for i, name in enumerate(names):
        u = p.size.names.index(str(name))
        modes = places(p.unit_of == u)
        least = (cost[:, modes] / p.use[:, modes, None]).min(axis=1)
        # What must be used comes with the capacity, whatever it costs.
        credit = np.where(p.avail_fixed[:, u, None], least, np.minimum(dual[:, i], least).clip(0.0))
        found[:, u] = (credit * p.avail[:, u]).sum(axis=1)
    return found


def _tied(energy: EnergyModel, name: str, gap: Array, weight: Array) -> tuple[Array, Array]:
    """Count both directions of a line together, since neither is built without the other."""
    if name != "line":
        return gap, weight
    twin: Sequence[int] = [int(j) if j >= 0 else i for i, j in enumerate(energy.system.lines.twin)]
    return gap + gap[:, twin], weight + weight[:, twin]
