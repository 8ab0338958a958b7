"""The LP of the energy system, written in blocks: investment where capacities are columns, dispatch where they are numbers.

Equations follow ``docs/formulation.md`` (numbers in brackets there). Every part adds its columns and rows, enters its costs
and emissions into the ledger, and hands over flows: expressions that the balances add up, and that the results show again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dhsdb.models import activity, limits, lines, markets, response, storage_chain, storage_daytype, storage_slices
from dhsdb.models.capacity import Capacity
from dhsdb.models.grids import places
from dhsdb.models.ledger import Ledger
from dhsdb.models.lp import Model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dhsdb.models.flows import Flow
    from dhsdb.models.lp import Block
    from dhsdb.models.system import System
    from dhsdb.models.units import Units

    Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sizes:
    """Capacities that are given: processes and lines in MW (y, u), storages in MWh and MW (y, s)."""

    process: Array
    energy: Array
    power: Array
    line: Array


@dataclass(frozen=True, slots=True)
class Rules:
    """Named choices in which schools differ.

    Attributes
    ----------
    objective
        ``cost``, or the name of an emission.
    negative_emission, cost_floor
        As in :class:`~dhsdb.models.options.Options`.
    """

    objective: str = "cost"
    negative_emission: str = "allow"
    cost_floor: str = "none"


class EnergyModel:
    """The LP of a system.

    Parameters
    ----------
    system
        Arrays of the scenario.
    sizes
        Given capacities; None = they are decided.
    rules
        Choices, or just the objective.

    Attributes
    ----------
    flows
        All flows, those of netted commodities included.
    ledger
        All costs and emissions.
    """

    act: Block
    buy: Block
    buying: Sequence[int]
    unserved: Block
    short: Sequence[int]
    flexible_balances: Sequence[int]
    charge: Block
    discharge: Block
    level: Block
    chained: Sequence[int]
    first_level: tuple[Sequence[int], Block] | None
    period_level: Block | None

    def __init__(self, system: System, sizes: Sizes | None = None, rules: Rules | str = "cost") -> None:
        self.system = system
        self.sizes = sizes
        self.rules = Rules(rules) if isinstance(rules, str) else rules
        self.model = Model()
        self.ledger = Ledger()
        self.flows: list[Flow] = []
        self.year: tuple[str, Sequence[int]] = ("year", list(system.years))
        self.step: tuple[str, Sequence[int]] = ("t", [int(h) for h in system.steps.hour])
        self.n_years, self.n_steps = len(system.years), system.steps.n
        self.weight = system.weight[:, None, :]
        self.kinds = BalanceKinds(system)
        self.capacity = self._capacities()
        activity.add(self)
        markets.add(self)
        lines.add(self)
        response.add(self)
        storage_chain.add(self)
        storage_daytype.add(self)
        storage_slices.add(self)
        self._balances()
        limits.add(self)
        if self.rules.objective == "cost":
            self.ledger.minimise_cost(self.model)
        else:
            self.ledger.minimise_emission(self.model, self.rules.objective, system.horizon.lasting)

    # --- capacity [2.1] ----------------------------------------------------------------------------------------------
    def _capacities(self) -> dict[str, Capacity]:
        s = self.system
        p = s.processes.size
        p.capital = p.capital + s.connection
        made = {}
        kinds: tuple[tuple[str, Units], ...] = (
            ("process", p),
            ("energy", s.stores.energy),
            ("power", s.stores.power),
            ("line", s.lines.size),
        )
        for name, units in kinds:
            given = None if self.sizes is None else getattr(self.sizes, name)
            one = Capacity(self.model, name, units, s.horizon, s.years, given)
            made[name] = one
            joined = s.connection if name == "process" else None
            one.charge(self.ledger, labels_of(name, units.key), self.running_of(name), joined)
        return made

    def running_of(self, name: str) -> Array:
        """Return what a yearly cost of each unit of a kind weighs, shape (y, u)."""
        s = self.system
        units = {"process": s.processes.size, "energy": s.stores.energy, "power": s.stores.power, "line": s.lines.size}[
            name
        ]
        if s.horizon.school == "emb3rs" and name == "process":
            return s.horizon.running_each(units.wacc)
        return s.horizon.running(s.discount[[s.site(key[0]) for key in units.key]])

    # --- what parts hand over -----------------------------------------------------------------------------------------
    def step_columns(
        self,
        name: str,
        label: str,
        members: Sequence[object],
        lower: Array | float,
        upper: Array | float,
        unit: str = "MW",
    ) -> Block:
        """Add columns by year, member and step."""
        shape = (self.n_years, len(members), self.n_steps)
        sets = (self.year, (label, members), self.step)
        low, high = (np.broadcast_to(side, shape) for side in (lower, upper))
        return self.model.add_columns(name, shape, low, high, unit=unit, sets=sets)

    def balance_names(self, balances: Sequence[int]) -> list[str]:
        """Return balances in words."""
        return [" / ".join(self.system.balances.key[k]) for k in balances]

    def running_at(self, balances: Sequence[int]) -> Array:
        """Return what a yearly cost at the site of each balance weighs, shape (y, n)."""
        return self.system.running[:, [self.system.site(self.system.balances.key[k][0]) for k in balances]]

    # --- balances [2.4] ----------------------------------------------------------------------------------------------
    def _balances(self) -> None:
        b = self.system.balances
        whole = ~b.annual_only
        self.balanced = places(self.kinds.rows & whole)
        into, given = self._inflows()
        need = np.zeros((self.n_years, len(self.balanced), self.n_steps))
        for i, k in enumerate(self.balanced):
            if k in given:
                need[:, i] = -given[k]
        surplus = (b.rule[:, self.balanced] == "surplus")[:, :, None]
        sets = (self.year, ("balance", self.balance_names(self.balanced)), self.step)
        self.balance = self.model.add_rows(
            "balance", need.shape, need, np.where(surplus, np.inf, need), unit="MW", sets=sets
        )
        for i, k in enumerate(self.balanced):
            for columns, factor in into.get(k, ()):
                self.model.add_terms(self.balance.index[:, i], columns, factor)
        self._yearly(into, given)

    def _inflows(self) -> tuple[dict[int, list[tuple[NDArray[np.int32], Array]]], dict[int, Array]]:
        """Return by balance the terms of its flows, with their sign, and what flows in as a number."""
        into: dict[int, list[tuple[NDArray[np.int32], Array]]] = {}
        given: dict[int, Array] = {}
        for flow in self.flows:
            terms = into.setdefault(flow.balance, [])
            terms += [(columns, flow.sign * factor) for columns, factor in flow.terms]
            if flow.constant is not None:
                given[flow.balance] = given.get(flow.balance, 0.0) + flow.sign * flow.constant
        return into, given

    def _yearly(self, into: dict[int, list[tuple[NDArray[np.int32], Array]]], given: dict[int, Array]) -> None:
        """Balances over the year: of commodities that are balanced so alone, and where more is needed at any time."""
        b = self.system.balances
        chosen = places(
            self.kinds.rows & (b.annual_only | (b.annual > 0).any(axis=0) & (b.rule == "surplus").any(axis=0))
        )
        chosen = [k for k in chosen if k not in self.flexible_balances]
        if not chosen:
            return
        only = b.annual_only[chosen]
        # An annual demand beside one by step is not added to it: each is met, as in OSeMOSYS.
        by_step = np.where(only[None, :, None], 0.0, (b.demand + b.loss)[:, chosen])
        need = b.annual[:, chosen] - np.einsum("ykl,yl->yk", by_step, self.system.weight)
        for i, k in enumerate(chosen):
            if k in given:
                need[:, i] -= (given[k] * self.system.weight).sum(axis=1)
        surplus = (b.rule[:, chosen] == "surplus") | ~only
        sets = (self.year, ("balance", self.balance_names(chosen)))
        rows = self.model.add_rows(
            "balance of the year", need.shape, need, np.where(surplus, np.inf, need), unit="MWh", sets=sets
        )
        for i, k in enumerate(chosen):
            for columns, factor in into.get(k, ()):
                self.model.add_terms(rows.index[:, i, None], columns, factor * self.system.weight)

    def add_total(self, emission: str, most: float = np.inf) -> Block:
        """Add a row that bounds an emission summed over all sites and calendar years, in t, and return it."""
        rows = self.model.add_rows(f"total {emission}", (1,), -np.inf, most, "t", (("total", [emission]),))
        lasting = self.system.horizon.lasting
        for entry in self.ledger.of(emission):
            self.model.add_terms(rows.index[0], entry.columns, entry.tonnes * lasting[:, None, None])
        return rows


class BalanceKinds:
    """Which commodities need a balance, a market, or neither, each shape (k,).

    A bought commodity without producer, demand, storage, line or response needs neither column nor row: its price goes to
    whoever uses it (exact netting [2.4]); the same for a sold one that nobody uses.
    """

    def __init__(self, system: System) -> None:
        b, p = system.balances, system.processes
        n = len(b.key)
        made = np.bincount(p.flow_balance[p.flow_sign > 0], minlength=n).astype(bool)
        used = np.bincount(p.flow_balance[p.flow_sign < 0], minlength=n).astype(bool)
        held = np.zeros(n, bool)
        for at in (system.stores.balance, system.lines.start, system.lines.end, system.response.balance):
            held[at[at >= 0]] = True
        needed = (b.demand + b.loss).any(axis=(0, 2)) | b.annual.any(axis=0) | b.annual_only
        bought, sold = b.bought.any(axis=0), b.sold.any(axis=0)
        free = (b.rule == "none").any(axis=0)
        slack = (~np.isnan(b.voll) | ~np.isnan(b.dump_cost)).any(axis=0)
        unbounded = ~np.isfinite(b.max_mw).any(axis=0) & ~np.isfinite(b.max_mwh).any(axis=0)
        self.netted_buy = b.bought.all(axis=0) & unbounded & ~(made | held | needed | sold | free | slack)
        unbounded = ~np.isfinite(b.sale_max_mw).any(axis=0) & ~np.isfinite(b.sale_max_mwh).any(axis=0)
        self.netted_sell = b.sold.all(axis=0) & unbounded & ~(used | held | needed | bought | free | slack)
        self.rows = ~(self.netted_buy | self.netted_sell | free)
        self.buy, self.sell = bought & self.rows, sold & self.rows


def labels_of(name: str, keys: Sequence[tuple[str, ...]]) -> list[tuple[str, str]]:
    """Return site and technology of units; a line is named with where it leads to."""
    if name == "line":
        return [(start, f"{line} to {end}") for start, end, line, _ in keys]
    return [(key[0], key[1]) for key in keys]
