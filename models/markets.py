"""What comes from and goes to outside: bought and sold commodities, demand, unserved demand, surplus that is dumped [2.4]."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dhsdb.models.flows import DEMAND, DUMP, LOSS, MARKET, UNSERVED, Flow
from dhsdb.models.grids import places
from dhsdb.models.ledger import Cost, Emitted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dhsdb.models.blocks import Block
    from dhsdb.models.energy import EnergyModel

    Array = NDArray[np.float64]


def add(energy: EnergyModel) -> None:
    """Add markets, demand and slack."""
    b = energy.system.balances
    buying, selling = places(energy.kinds.buy), places(energy.kinds.sell)
    most = np.where(b.bought, b.max_mw, 0.0)
    energy.buy = _trade(energy, "buy", buying, most, b.max_mwh, b.price, 1.0)
    energy.buying = buying
    most = np.where(b.sold, b.sale_max_mw, 0.0)
    _trade(energy, "sell", selling, most, b.sale_max_mwh, b.sale_price, -1.0)
    _fuel_emissions(energy, buying)
    for k in range(len(b.key)):
        for name, need in ((DEMAND, b.demand), (LOSS, b.loss)):
            if need[:, k].any():
                energy.flows.append(Flow(k, -1.0, name, (), need[:, k]))
    _slack(energy)
    _flexible(energy)


def _trade(
    energy: EnergyModel, name: str, chosen: Sequence[int], most: Array, yearly: Array, price: Array, sign: float
) -> Block:
    """Add columns of what is bought or sold, their limits over the year and their costs."""
    block = _columns(energy, name, chosen, most[:, chosen, None])
    _enter(energy, block, chosen, MARKET, sign, "fuel" if sign > 0 else "sale", sign * price[:, chosen])
    bounded = [i for i, k in enumerate(chosen) if np.isfinite(yearly[:, k]).any()]
    if bounded:
        limit = yearly[:, [chosen[i] for i in bounded]]
        sets = (energy.year, ("balance", energy.balance_names([chosen[i] for i in bounded])))
        title = "most bought" if sign > 0 else "most sold"
        rows = energy.model.add_rows(title, limit.shape, -np.inf, limit, unit="MWh", sets=sets)
        energy.model.add_terms(rows.index[:, :, None], block.index[:, bounded], energy.weight)
    return block


def _columns(energy: EnergyModel, name: str, chosen: Sequence[int], upper: Array) -> Block:
    return energy.step_columns(name, "balance", energy.balance_names(chosen), 0.0, upper)


def _enter(
    energy: EnergyModel, block: Block, chosen: Sequence[int], technology: str, sign: float, kind: str, price: Array
) -> None:
    """Hand over the flows of a block, and enter what they cost."""
    b = energy.system.balances
    for i, k in enumerate(chosen):
        energy.flows.append(Flow(k, sign, technology, ((block.index[:, i], np.ones(1)),)))
    if chosen:
        value = price * energy.weight
        labels = [(b.key[k][0], technology) for k in chosen]
        energy.ledger.add(Cost(kind, labels, block.index, value, value * energy.running_at(chosen)[:, :, None]))


def _fuel_emissions(energy: EnergyModel, buying: Sequence[int]) -> None:
    """Enter what bought commodities emit where they are not netted."""
    s = energy.system
    for e, (site, emission) in enumerate(s.emissions.key):
        chosen = [i for i, k in enumerate(buying) if s.balances.emission[:, k, e].any()]
        if chosen:
            at = [buying[i] for i in chosen]
            tonnes = s.balances.emission[:, at, e, None] * energy.weight
            labels = [(s.balances.key[k][0], MARKET) for k in at]
            columns = energy.buy.index[:, chosen]
            paid = tonnes * s.emissions.price[:, e, None, None]
            energy.ledger.add(Emitted(site, emission, labels, columns, tonnes))
            energy.ledger.add(Cost("emission", labels, columns, paid, paid * energy.running_at(at)[:, :, None]))


def _slack(energy: EnergyModel) -> None:
    """Unserved demand at the value of lost load, and surplus at the cost of dumping it.

    Where an emission is minimised, all demand is met: the cleanest heat would be none.
    """
    b = energy.system.balances
    need = b.demand + b.loss
    energy.short = places(energy.kinds.rows & (~np.isnan(b.voll)).any(axis=0) & (need > 0).any(axis=(0, 2)))
    paying = 1.0 if energy.rules.objective == "cost" else 0.0
    most = np.where(np.isnan(b.voll[:, energy.short])[:, :, None], 0.0, paying * need[:, energy.short])
    energy.unserved = _columns(energy, UNSERVED, energy.short, most)
    _enter(
        energy,
        energy.unserved,
        energy.short,
        UNSERVED,
        1.0,
        UNSERVED,
        np.nan_to_num(b.voll[:, energy.short])[:, :, None],
    )
    dumping = places(energy.kinds.rows & (~np.isnan(b.dump_cost)).any(axis=0))
    most = np.where(np.isnan(b.dump_cost[:, dumping]), 0.0, np.inf)[:, :, None]
    block = _columns(energy, DUMP, dumping, most)
    _enter(energy, block, dumping, DUMP, -1.0, DUMP, np.nan_to_num(b.dump_cost[:, dumping])[:, :, None])


def _flexible(energy: EnergyModel) -> None:
    """Demand at any time of the year where nothing is left over: a column lets it go in any step, its total is the demand."""
    b = energy.system.balances
    surplus = (b.rule == "surplus").any(axis=0)
    chosen = places(energy.kinds.rows & (b.annual > 0).any(axis=0) & ~surplus & ~b.annual_only)
    energy.flexible_balances = chosen
    if not chosen:
        return
    block = _columns(energy, "demand of the year", chosen, np.full((1, 1, 1), np.inf))
    amount = b.annual[:, chosen]
    sets = (energy.year, ("balance", energy.balance_names(chosen)))
    rows = energy.model.add_rows("demand of the year is met", amount.shape, amount, amount, unit="MWh", sets=sets)
    energy.model.add_terms(rows.index[:, :, None], block.index, energy.weight)
    for i, k in enumerate(chosen):
        energy.flows.append(Flow(k, -1.0, DEMAND, ((block.index[:, i], np.ones(1)),)))
