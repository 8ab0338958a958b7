"""The LP of the energy system, written in blocks: investment where capacities are columns, dispatch where they are numbers.

Equations follow ``docs/formulation.md`` (numbers in brackets there). Every term that holds a capacity goes through
:meth:`_Capacity.limit`: into the matrix if it is a column, into a bound or the right-hand side if it is a number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dhsdb.models.grids import places
from dhsdb.models.lp import Model

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from dhsdb.models.lp import Block
    from dhsdb.models.system import System

    Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sizes:
    """Capacities that are given: processes in MW (y, u), storages in MWh and MW (y, s)."""

    process: Array
    energy: Array
    power: Array


class EnergyModel:
    """The LP of a system.

    Parameters
    ----------
    system
        Arrays of the scenario.
    sizes
        Given capacities; None = they are decided.
    objective
        ``cost`` or ``co2``.

    Attributes
    ----------
    weight
        Shape (y,). What a cost of each year weighs in the objective.
    """

    def __init__(self, system: System, sizes: Sizes | None = None, objective: str = "cost") -> None:
        self.system = system
        self.sizes = sizes
        self.model = Model()
        self.money = 1.0 if objective == "cost" else 0.0
        self.tonnes = 0.0 if objective == "cost" else 1.0
        self.weight = system.horizon.weight
        self.kinds = BalanceKinds(system)
        self._sets()
        self.capacity = self._capacities()
        self._activity()
        self._markets()
        self._slack()
        self._storage()
        self._balances()
        self._emission_limits()

    def _sets(self) -> None:
        s = self.system
        self.year = ("year", list(s.years))
        self.step = ("t", [int(h) for h in s.steps.hour])
        self.n_years, self.n_steps = len(s.years), s.steps.n

    # --- capacity [2.1] ----------------------------------------------------------------------------------------------
    def _capacities(self) -> dict[str, _Capacity]:
        s = self.system
        p, st, conn = s.processes, s.stores, s.connection
        process = [p.existing, p.cap_min, p.cap_max, p.new_min, p.new_max, p.capital + conn, p.fixed, p.life, p.wacc]
        facts: tuple[tuple[str, str, list[tuple[str, ...]], list[Array]], ...] = (
            ("process", "MW", p.unit, process),
            ("energy", "MWh", st.unit, [*_store_facts(st.e), st.life, st.wacc]),
            ("power", "MW", st.unit, [*_store_facts(st.p), st.life, st.wacc]),
        )
        made = {}
        for name, unit, units, numbers in facts:
            given = None if self.sizes is None else getattr(self.sizes, name)
            made[name] = _Capacity(self, name, unit, units, numbers, given)
        return made

    # --- activity [2.2], with the cost of what is netted [2.4] -------------------------------------------------------
    def _activity(self) -> None:
        s, p = self.system, self.system.processes
        cost = self._activity_cost()
        upper = np.full(cost.shape, np.inf)
        lower = np.zeros(cost.shape)
        single = np.bincount(p.unit_of, minlength=len(p.unit)) == 1
        given = self.sizes
        if given is not None and len(p.activity):
            alone = single[p.unit_of]
            most = (p.avail * given.process[:, :, None])[:, p.unit_of]
            least = np.minimum((p.min_load * given.process)[:, :, None], p.avail * given.process[:, :, None])[
                :, p.unit_of
            ]
            fixed = p.avail_fixed[:, p.unit_of][:, :, None]
            upper = np.where(alone[None, :, None], most, upper)
            lower = np.where(alone[None, :, None], np.where(fixed, most, least), lower)
        elif len(p.activity):
            upper = np.where(p.avail[:, p.unit_of] == 0, 0.0, upper)
        names = [" / ".join(a) for a in p.activity]
        self.act = self.model.add_columns(
            "act", cost.shape, lower, upper, cost, unit="MW", sets=(self.year, ("activity", names), self.step)
        )
        self._activity_rows(list(range(len(p.unit))) if given is None else places(~single))
        self._annual_rows(s.steps.weight)

    def _activity_rows(self, units: Sequence[int]) -> None:
        """Activity of all modes within the available capacity, and above the least load."""
        p, cap = self.system.processes, self.capacity["process"]
        for kind, chosen in (
            ("most", [u for u in units if (p.unit_of == u).any() and not p.avail_fixed[:, u].any()]),
            ("fixed", [u for u in units if (p.unit_of == u).any() and p.avail_fixed[:, u].any()]),
            ("least", [u for u in units if (p.unit_of == u).any() and p.min_load[:, u].any()]),
        ):
            if not chosen:
                continue
            share = (
                p.avail[:, chosen] if kind != "least" else np.minimum(p.min_load[:, chosen, None], p.avail[:, chosen])
            )
            low, high = {"most": (-np.inf, 0.0), "fixed": (0.0, 0.0), "least": (0.0, np.inf)}[kind]
            names = [" / ".join(p.unit[u]) for u in chosen]
            rows = self.model.add_rows(
                f"{kind} activity",
                share.shape,
                *cap.limit(chosen, share, low, high),
                unit="MW",
                sets=(self.year, ("unit", names), self.step),
            )
            cap.subtract(rows.index, chosen, share)
            for i, u in enumerate(chosen):
                for a in places(p.unit_of == u):
                    self.model.add_terms(rows.index[:, i], self.act.index[:, a], 1.0)

    def _annual_rows(self, weight: Array) -> None:
        """Annual availability of units, and limits on the annual activity of modes."""
        p, cap = self.system.processes, self.capacity["process"]
        low_units = places((p.annual_avail < 1).any(axis=0))
        if low_units:
            most = p.annual_avail[:, low_units] * (p.avail[:, low_units] @ weight)
            names = [" / ".join(p.unit[u]) for u in low_units]
            rows = self.model.add_rows(
                "annual availability",
                most.shape,
                *cap.limit(low_units, most, -np.inf, 0.0),
                unit="MWh",
                sets=(self.year, ("unit", names)),
            )
            cap.subtract(rows.index, low_units, most)
            for i, u in enumerate(low_units):
                for a in places(p.unit_of == u):
                    self.model.add_terms(rows.index[:, i, None], self.act.index[:, a], weight)
        bounded = places((p.act_min > 0).any(axis=0) | np.isfinite(p.act_max).any(axis=0))
        if bounded:
            names = [" / ".join(p.activity[a]) for a in bounded]
            rows = self.model.add_rows(
                "annual activity", (self.n_years, len(bounded)), p.act_min[:, bounded], p.act_max[:, bounded], unit="MWh",
                sets=(self.year, ("activity", names)),
            )  # fmt: skip
            self.model.add_terms(rows.index[:, :, None], self.act.index[:, bounded], weight)

    def _activity_cost(self) -> Array:
        """Return the objective of an activity: its own cost, that of netted fuel and sales, and its emission."""
        p, b, e = self.system.processes, self.system.balances, self.system.emissions
        money = np.repeat(p.variable[:, :, None], self.n_steps, axis=2)
        for f in range(len(p.flow_activity)):
            a, k = p.flow_activity[f], p.flow_balance[f]
            if self.kinds.netted_buy[k] and p.flow_sign[f] < 0:
                money[:, a] += p.ratio[:, f] * b.price[:, k]
            if self.kinds.netted_sell[k] and p.flow_sign[f] > 0:
                money[:, a] -= p.ratio[:, f] * b.sale_price[:, k]
        self.act_emission = self._activity_emission()
        money += np.einsum("yale,ye->yal", self.act_emission, e.price)
        return self._objective(money, self.act_emission.sum(axis=3) if self.tonnes else None)

    def _activity_emission(self) -> Array:
        """Return t per MWh of activity, shape (y, a, l, e), that of netted fuel included."""
        p, b, e = self.system.processes, self.system.balances, self.system.emissions
        shape = (self.n_years, len(p.activity), self.n_steps, len(e.key))
        emission = np.broadcast_to(e.of_activity[:, :, None, :], shape).copy()
        for f in range(len(p.flow_activity)):
            k = p.flow_balance[f]
            if self.kinds.netted_buy[k] and p.flow_sign[f] < 0:
                emission[:, p.flow_activity[f]] += p.ratio[:, f, :, None] * b.emission[:, k, None, :]
        return emission

    def _objective(self, money: Array, tonnes: Array | None) -> Array:
        """Return objective coefficients per MW from money and t per MWh, both (y, n, l)."""
        weight = self.system.steps.weight
        value = self.money * self.weight[:, None, None] * weight * money
        if tonnes is not None and self.tonnes:
            lasting = self.system.horizon.stands_for if self.n_years > 1 else np.ones(1)
            value = value + self.tonnes * lasting[:, None, None] * weight * tonnes
        return value

    # --- markets and slack [2.4] -------------------------------------------------------------------------------------
    def _markets(self) -> None:
        b, e = self.system.balances, self.system.emissions
        self.buying, self.selling = places(self.kinds.buy), places(self.kinds.sell)
        emission = b.emission[:, self.buying]
        money = b.price[:, self.buying] + np.einsum("yke,ye->yk", emission, e.price)[:, :, None]
        tonnes = np.broadcast_to(emission.sum(axis=2)[:, :, None], money.shape)
        upper = np.where(b.bought[:, self.buying], b.max_mw[:, self.buying], 0.0)[:, :, None]
        self.buy = self._flow_columns("buy", self.buying, self._objective(money, tonnes), upper)
        upper = np.where(b.sold[:, self.selling], b.sale_max_mw[:, self.selling], 0.0)[:, :, None]
        self.sell = self._flow_columns(
            "sell", self.selling, self._objective(-b.sale_price[:, self.selling], None), upper
        )
        self._annual_market("most bought", self.buying, self.buy, b.max_mwh)
        self._annual_market("most sold", self.selling, self.sell, b.sale_max_mwh)

    def _annual_market(self, name: str, balances: Sequence[int], block: Block, most: Array) -> None:
        bounded = [i for i, k in enumerate(balances) if np.isfinite(most[:, k]).any()]
        if bounded:
            chosen = [balances[i] for i in bounded]
            rows = self.model.add_rows(
                name,
                (self.n_years, len(chosen)),
                -np.inf,
                most[:, chosen],
                unit="MWh",
                sets=(self.year, self._balance_set(chosen)),
            )
            self.model.add_terms(rows.index[:, :, None], block.index[:, bounded], self.system.steps.weight)

    def _slack(self) -> None:
        """Unserved demand at the value of lost load, and surplus at the cost of dumping it.

        Where CO2 is minimised, all demand is met: the cleanest heat would be none.
        """
        b = self.system.balances
        need = b.demand + b.loss
        served = self.kinds.rows & (~np.isnan(b.voll)).any(axis=0) & (need > 0).any(axis=(0, 2))
        self.short = places(served)
        self.dumping = places(self.kinds.rows & (~np.isnan(b.dump_cost)).any(axis=0))
        shape = (self.n_years, 1, self.n_steps)
        voll = np.nan_to_num(b.voll[:, self.short])[:, :, None] * np.ones(shape)
        most = np.where(np.isnan(b.voll[:, self.short])[:, :, None], 0.0, self.money * need[:, self.short])
        self.unserved = self._flow_columns("unserved", self.short, self._objective(voll, None), most)
        cost = np.nan_to_num(b.dump_cost[:, self.dumping])[:, :, None] * np.ones(shape)
        most = np.where(np.isnan(b.dump_cost[:, self.dumping]), 0.0, np.inf)[:, :, None]
        self.dump = self._flow_columns("dump", self.dumping, self._objective(cost, None), most)

    def _flow_columns(self, name: str, balances: Sequence[int], cost: Array, upper: Array) -> Block:
        sets = (self.year, self._balance_set(balances), self.step)
        return self.model.add_columns(
            name, cost.shape, 0.0, np.broadcast_to(upper, cost.shape), cost, unit="MW", sets=sets
        )

    def _balance_set(self, balances: Sequence[int]) -> tuple[str, list[str]]:
        return ("balance", [" / ".join(self.system.balances.key[k]) for k in balances])

    # --- storage, chained over time [2.6] ----------------------------------------------------------------------------
    def _storage(self) -> None:
        st, steps, n = self.system.stores, self.system.steps, len(self.system.stores.unit)
        shape = (self.n_years, n, self.n_steps)
        sets = (self.year, ("storage", [" / ".join(u) for u in st.unit]), self.step)
        cost = self._objective(np.repeat(st.variable[:, :, None], self.n_steps, axis=2), None)
        most = {
            side: np.repeat(st.p[side][:, :, None], self.n_steps, axis=2) for side in ("charge_max", "discharge_max")
        }
        content = np.full(shape, np.inf)
        if self.sizes is not None:
            most = {side: np.minimum(m, self.sizes.power[:, :, None]) for side, m in most.items()}
            content = np.repeat(self.sizes.energy[:, :, None], self.n_steps, axis=2)
        self.charge = self.model.add_columns("charge", shape, 0.0, most["charge_max"], cost, unit="MW", sets=sets)
        self.discharge = self.model.add_columns(
            "discharge", shape, 0.0, most["discharge_max"], cost, unit="MW", sets=sets
        )
        self.level = self.model.add_columns("level", shape, 0.0, content, 0.0, unit="MWh", sets=sets)
        if not n:
            return
        rows = self.model.add_rows("storage content", shape, 0.0, 0.0, unit="MWh", sets=sets)
        keep = (1 - st.loss[:, :, None]) ** steps.h
        self.model.add_terms(rows.index, self.level.index, 1.0)
        self.model.add_terms(rows.index, self.level.index[:, :, steps.previous], -keep)
        self.model.add_terms(rows.index, self.charge.index, -steps.h * st.eff_in[:, :, None])
        self.model.add_terms(rows.index, self.discharge.index, steps.h / st.eff_out[:, :, None])
        if self.sizes is None:
            everything, ones = list(range(n)), np.ones(shape)
            for name, block, size in (
                ("charge", self.charge, "power"),
                ("discharge", self.discharge, "power"),
                ("level", self.level, "energy"),
            ):
                rows = self.model.add_rows(f"most {name}", shape, -np.inf, 0.0, unit="MW", sets=sets)
                self.model.add_terms(rows.index, block.index, 1.0)
                self.capacity[size].subtract(rows.index, everything, ones)
            self._tie_energy_to_power()

    def _tie_energy_to_power(self) -> None:
        ratio = self.system.stores.ep_ratio
        tied = places(~np.isnan(ratio).any(axis=0))
        if tied:
            names = [" / ".join(self.system.stores.unit[s]) for s in tied]
            rows = self.model.add_rows(
                "energy per power",
                (self.n_years, len(tied)),
                0.0,
                0.0,
                unit="MWh",
                sets=(self.year, ("storage", names)),
            )
            self.capacity["energy"].subtract(rows.index, tied, np.full((self.n_years, len(tied)), -1.0))
            self.capacity["power"].subtract(rows.index, tied, ratio[:, tied])

    # --- balances [2.4] ----------------------------------------------------------------------------------------------
    def _balances(self) -> None:
        b, p, st = self.system.balances, self.system.processes, self.system.stores
        self.balanced = places(self.kinds.rows)
        need = (b.demand + b.loss)[:, self.balanced]
        surplus = (b.rule[:, self.balanced] == "surplus")[:, :, None]
        sets = (self.year, self._balance_set(self.balanced), self.step)
        self.balance = self.model.add_rows(
            "balance", need.shape, need, np.where(surplus, np.inf, need), unit="MW", sets=sets
        )
        row = {k: self.balance.index[:, i] for i, k in enumerate(self.balanced)}
        for f in range(len(p.flow_activity)):
            if p.flow_balance[f] in row:
                self.model.add_terms(
                    row[p.flow_balance[f]], self.act.index[:, p.flow_activity[f]], p.flow_sign[f] * p.ratio[:, f]
                )
        for s in range(len(st.unit)):
            self.model.add_terms(row[st.balance[s]], self.discharge.index[:, s], 1.0)
            self.model.add_terms(row[st.balance[s]], self.charge.index[:, s], -1.0)
        for chosen, block, sign in (
            (self.buying, self.buy, 1.0), (self.selling, self.sell, -1.0),
            (self.short, self.unserved, 1.0), (self.dumping, self.dump, -1.0),
        ):  # fmt: skip
            for i, k in enumerate(chosen):
                self.model.add_terms(row[k], block.index[:, i], sign)
        self._annual_demand(row)

    def _annual_demand(self, row: dict[int, NDArray[np.int32]]) -> None:
        """Demand at any time of the year [2.4]: a column lets its heat go in any step, and its total is the demand."""
        annual = self.system.balances.annual
        chosen = [k for k in row if annual[:, k].any()]
        self.flexible_balances = chosen
        free = np.zeros((self.n_years, len(chosen), self.n_steps))
        columns = self._flow_columns("demand of the year", chosen, free, np.full_like(free, np.inf))
        rows = self.model.add_rows(
            "demand of the year is met",
            annual[:, chosen].shape,
            annual[:, chosen],
            annual[:, chosen],
            unit="MWh",
            sets=(self.year, self._balance_set(chosen)),
        )
        self.model.add_terms(rows.index[:, :, None], columns.index, self.system.steps.weight)
        for i, k in enumerate(chosen):
            self.model.add_terms(row[k], columns.index[:, i], -1.0)
        self.flexible = columns

    # --- emission [2.5] ----------------------------------------------------------------------------------------------
    def _emission_limits(self) -> None:
        most = self.system.emissions.max_t
        limited = places(np.isfinite(most).any(axis=0))
        if limited:
            names = [" / ".join(self.system.emissions.key[e]) for e in limited]
            rows = self.model.add_rows(
                "emission limit",
                most[:, limited].shape,
                -np.inf,
                most[:, limited],
                unit="t",
                sets=(self.year, ("emission", names)),
            )
            for i, e in enumerate(limited):
                self._add_emission(rows.index[:, i, None, None], e, np.ones(self.n_years))

    def add_total(self, emission: str, most: float = np.inf) -> Block:
        """Add a row that bounds an emission summed over all sites and calendar years, in t, and return it."""
        rows = self.model.add_rows(f"total {emission}", (1,), -np.inf, most, "t", (("total", [emission]),))
        lasting = self.system.horizon.stands_for if self.n_years > 1 else np.ones(1)
        for e, (_, name) in enumerate(self.system.emissions.key):
            if name == emission:
                self._add_emission(rows.index[0], e, lasting)
        return rows

    def _add_emission(self, rows: NDArray[np.int32], e: int, factor: Array) -> None:
        """Add an emission's terms, per year times ``factor``, to rows that broadcast against (y, n, l)."""
        weight = factor[:, None, None] * self.system.steps.weight
        self.model.add_terms(rows, self.act.index, weight * self.act_emission[:, :, :, e])
        self.model.add_terms(rows, self.buy.index, weight * self.system.balances.emission[:, self.buying, e, None])


class BalanceKinds:
    """Which commodities need a balance, a market, or neither, each shape (k,).

    A bought commodity without producer, demand and storage needs neither column nor row: its price goes to whoever uses it
    (exact netting [2.4]); the same for a sold one that nobody uses.
    """

    def __init__(self, system: System) -> None:
        b, p, st = system.balances, system.processes, system.stores
        n = len(b.key)
        made = np.bincount(p.flow_balance[p.flow_sign > 0], minlength=n).astype(bool)
        used = np.bincount(p.flow_balance[p.flow_sign < 0], minlength=n).astype(bool)
        stored = np.bincount(st.balance, minlength=n).astype(bool)
        needed = (b.demand + b.loss).any(axis=(0, 2)) | b.annual.any(axis=0)
        bought, sold = b.bought.any(axis=0), b.sold.any(axis=0)
        free = (b.rule == "none").any(axis=0)
        always = b.bought.all(axis=0)
        slack = (~np.isnan(b.voll) | ~np.isnan(b.dump_cost)).any(axis=0)
        unbounded = ~np.isfinite(b.max_mw).any(axis=0) & ~np.isfinite(b.max_mwh).any(axis=0)
        self.netted_buy = always & unbounded & ~(made | stored | needed | sold | free | slack)
        unbounded = ~np.isfinite(b.sale_max_mw).any(axis=0) & ~np.isfinite(b.sale_max_mwh).any(axis=0)
        self.netted_sell = b.sold.all(axis=0) & unbounded & ~(used | stored | needed | bought | free | slack)
        self.rows = ~(self.netted_buy | self.netted_sell | free)
        self.buy, self.sell = bought & self.rows, sold & self.rows


class _Capacity:
    """Capacities of one kind: columns with their vintages, or given numbers."""

    def __init__(
        self,
        owner: EnergyModel,
        name: str,
        unit: str,
        units: list[tuple[str, ...]],
        numbers: Sequence[Array],
        given: Array | None,
    ) -> None:
        self.owner, self.given, self.units = owner, given, units
        existing, cap_min, cap_max, new_min, new_max, capital, fixed, life, wacc = numbers
        horizon = owner.system.horizon
        self.annuity = horizon.investment_weight(life, wacc)
        self.alive = horizon.alive(life)
        self.existing, self.capital, self.fixed, self.life, self.wacc = existing, capital, fixed, life, wacc
        self.new: Block | None = None
        self.cap: Block | None = None
        yearly = owner.money * owner.weight[:, None] * fixed
        if given is not None:
            owner.model.add_offset(float((yearly * given).sum()))
            return
        shape = existing.shape
        sets = (owner.year, ("unit", [" / ".join(u) for u in units]))
        self.new = owner.model.add_columns(
            f"new {name}", shape, new_min, new_max, owner.money * self.annuity * capital, unit=unit, sets=sets
        )
        self.cap = owner.model.add_columns(
            f"{name} capacity", shape, cap_min, np.maximum(cap_max, existing), yearly, unit=unit, sets=sets
        )
        rows = owner.model.add_rows(f"{name} vintages", shape, existing, existing, unit=unit, sets=sets)
        owner.model.add_terms(rows.index, self.cap.index, 1.0)
        for v in range(shape[0]):
            owner.model.add_terms(rows.index, self.new.index[v][None, :], -self.alive[v].astype(np.float64))

    def limit(self, units: Sequence[int], factor: Array, low: float, high: float) -> tuple[Array, Array]:
        """Return row bounds for ``x - factor * capacity`` between low and high; a given capacity moves them."""
        if self.given is None:
            return np.full(factor.shape, low), np.full(factor.shape, high)
        size = self.given[:, list(units)]
        size = size[:, :, None] if factor.ndim == 3 else size  # noqa: PLR2004  (y, u, l)
        return low + factor * size, high + factor * size

    def subtract(self, rows: NDArray[np.int32], units: Sequence[int], factor: Array) -> None:
        """Put ``-factor * capacity`` into rows, if capacity is a column."""
        if self.cap is None:
            return
        columns = self.cap.index[:, list(units)]
        columns = columns[:, :, None] if factor.ndim == 3 else columns  # noqa: PLR2004  (y, u, l)
        self.owner.model.add_terms(rows, columns, -factor)


def _store_facts(size: Mapping[str, Array]) -> list[Array]:
    """Return a storage's numbers in the order of :class:`_Capacity`; it has no least new capacity."""
    none = np.zeros_like(size["existing"])
    return [
        size["existing"],
        size["cap_min"],
        size["cap_max"],
        none,
        size["new_max"],
        size["capital"],
        size["fixed"],
    ]
