"""From a solved energy model to result tables: capacities, flows, levels, prices, costs, emissions, unserved energy."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from dhsdb.errors import DhsdbError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from dhsdb.models.energy import EnergyModel
    from dhsdb.models.lp import Block, Solution

    Array = NDArray[np.float64]

MARKET, DEMAND, LOSS, UNSERVED, DUMP = "market", "demand", "network loss", "unserved", "dump"
"""Technologies that stand for what is not a unit."""
_TINY = 1e-9


@dataclass(slots=True)
class _Items:
    """Numbers given to what rows refer to."""

    rows: dict[tuple[str, str | None, str | None, str | None], int] = field(default_factory=dict)

    def number(
        self, site: str, technology: str | None, commodity: str | None = None, direction: str | None = None
    ) -> int:
        return self.rows.setdefault((site, technology, commodity, direction), len(self.rows) + 1)


@dataclass(frozen=True, slots=True)
class _Flow:
    """A flow: mean power in each step, shape (y, l), and the capacity that it is measured by, shape (y,)."""

    item: int
    balance: int
    sign: float
    power: Array
    capacity: Array | None = None


class Results:
    """The tables of a solved model.

    Parameters
    ----------
    energy
        Model.
    solution
        Its solution.
    first_step
        Number of the first step in the tables.
    """

    def __init__(self, energy: EnergyModel, solution: Solution, first_step: int = 1) -> None:
        self.energy, self.solution, self.system = energy, solution, energy.system
        self.first_step = first_step
        self.items = _Items()
        self.sizes = {name: self._size(name) for name in ("process", "energy", "power")}
        self.act = self._values(energy.act)
        self.flows = _merged(self._all_flows())
        self._check_balances()

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return all result tables."""
        import pandas as pd

        tables = {
            "capacity": self._capacity(),
            "flow": self._flow(),
            "energy": self._energy(),
            "level": self._level(),
            "price": self._price(),
            "cost": self._cost(),
            "emission": self._emission(),
            "unserved": self._unserved(),
        }
        names = ["site", "technology", "commodity", "direction"]
        items = pd.DataFrame(list(self.items.rows), columns=names, dtype=object)
        items.insert(0, "item", list(self.items.rows.values()))
        return {"item": items} | tables

    # --- values ------------------------------------------------------------------------------------------------------
    def _values(self, block: Block) -> Array:
        return np.asarray(self.solution.values(block), np.float64)

    def _size(self, name: str) -> Array:
        capacity = self.energy.capacity[name]
        return capacity.given if capacity.cap is None else _clean(self._values(capacity.cap))  # type: ignore[return-value]

    def _all_flows(self) -> Iterable[_Flow]:
        p, b, st, e = self.system.processes, self.system.balances, self.system.stores, self.energy
        market: dict[tuple[int, float], Array] = {}
        for f in range(len(p.flow_activity)):
            a, k, sign = int(p.flow_activity[f]), int(p.flow_balance[f]), float(p.flow_sign[f])
            site, process, _mode = p.activity[a]
            power = p.ratio[:, f] * self.act[:, a]
            item = self.items.number(site, process, b.key[k][1], "out" if sign > 0 else "in")
            yield _Flow(item, k, sign, power, self.sizes["process"][:, p.unit_of[a]] if sign > 0 else None)
            if e.kinds.netted_buy[k] or e.kinds.netted_sell[k]:
                market[k, -sign] = market.get((k, -sign), 0.0) + power
        for (k, sign), power in market.items():
            yield self._other(MARKET, k, sign, power)
        for s, (_site, storage) in enumerate(st.unit):
            for block, sign in ((e.charge, -1.0), (e.discharge, 1.0)):
                yield self._other(storage, int(st.balance[s]), sign, self._values(block)[:, s])
        others: tuple[tuple[str, Sequence[int], Block, float], ...] = (
            (MARKET, e.buying, e.buy, 1.0), (MARKET, e.selling, e.sell, -1.0), (UNSERVED, e.short, e.unserved, 1.0),
            (DUMP, e.dumping, e.dump, -1.0), (DEMAND, e.flexible_balances, e.flexible, -1.0),
        )  # fmt: skip
        for name, chosen, block, sign in others:
            for i, k in enumerate(chosen):
                yield self._other(name, k, sign, self._values(block)[:, i])
        for k in e.balanced:
            for name, need in ((DEMAND, b.demand), (LOSS, b.loss)):
                if need[:, k].any():
                    yield self._other(name, k, -1.0, need[:, k])

    def _other(self, technology: str, k: int, sign: float, power: Array) -> _Flow:
        site, commodity = self.system.balances.key[k]
        return _Flow(self.items.number(site, technology, commodity, "out" if sign > 0 else "in"), k, sign, power)

    def _check_balances(self) -> None:
        """Refuse a solution whose flows do not add up: what is made and bought is what is used, sold and lost."""
        total = np.zeros((len(self.system.balances.key), self.energy.n_years, self.energy.n_steps))
        size = np.ones_like(total)
        for flow in self.flows:
            total[flow.balance] += flow.sign * flow.power
            size[flow.balance] += np.abs(flow.power)
        surplus = np.moveaxis(
            np.broadcast_to((self.system.balances.rule == "surplus")[:, :, None], np.moveaxis(total, 0, 1).shape), 1, 0
        )
        free = (self.system.balances.rule == "none").any(axis=0)
        off = np.where(surplus, np.minimum(total, 0.0), total) / size
        off[free] = 0.0
        if np.abs(off).max(initial=0.0) > 1e-6:  # noqa: PLR2004  relative
            k = int(np.abs(off).max(axis=(1, 2)).argmax())
            raise DhsdbError(
                f"the balance of {' / '.join(self.system.balances.key[k])} is off by {np.abs(off).max():.2g}."
            )

    # --- tables ------------------------------------------------------------------------------------------------------
    def _capacity(self) -> pd.DataFrame:
        import pandas as pd

        frames = []
        for name, unit in (("process", "MW"), ("energy", "MWh"), ("power", "MW")):
            capacity = self.energy.capacity[name]
            standing = self.sizes[name]
            new = np.zeros_like(standing) if capacity.new is None else _clean(self._values(capacity.new))
            before = np.vstack([np.zeros((1, standing.shape[1])), standing[:-1]])
            retired = np.maximum(before + new - standing, 0.0)
            commodity = self._commodities(name)
            for u, (site, technology) in enumerate(capacity.units):
                item = self.items.number(site, technology, commodity[u])
                columns = {
                    "year": self.system.years,
                    "item": item,
                    "capacity": standing[:, u],
                    "new": new[:, u],
                    "retired": retired[:, u],
                }
                frames.append(pd.DataFrame(columns | {"unit": unit}))
        return _stack(frames, ["year", "item", "capacity", "new", "retired", "unit"])

    def _commodities(self, name: str) -> list[str | None]:
        """Return what each unit's capacity is measured by: the stored commodity, or the output of ratio 1."""
        p, b = self.system.processes, self.system.balances
        if name != "process":
            return [b.key[k][1] for k in self.system.stores.balance]
        main: list[str | None] = [None] * len(p.unit)
        for f in np.flatnonzero(p.flow_sign > 0)[::-1]:
            main[p.unit_of[p.flow_activity[f]]] = b.key[p.flow_balance[f]][1]
        return main

    def _flow(self) -> pd.DataFrame:
        weight = self.system.steps.weight
        flows = sorted(self.flows, key=lambda f: f.item)
        energy = np.array([f.power * weight for f in flows]).reshape(
            len(flows), self.energy.n_years, self.energy.n_steps
        )
        rows = self._series([f.item for f in flows], self._t(), np.moveaxis(energy, 0, 1), "mwh")
        rows.insert(3, "weight_h", np.tile(weight, len(rows) // max(len(weight), 1)))
        return rows

    def _t(self) -> NDArray[np.int16]:
        return np.arange(self.first_step, self.first_step + self.energy.n_steps, dtype=np.int16)

    def _energy(self) -> pd.DataFrame:
        import pandas as pd

        frames = []
        for flow in self.flows:
            mwh = flow.power @ self.system.steps.weight
            size = np.full(len(mwh), np.nan) if flow.capacity is None else flow.capacity
            hours = np.divide(mwh, size, out=np.full(len(mwh), np.nan), where=size > _TINY)
            frames.append(
                pd.DataFrame({"year": self.system.years, "item": flow.item, "mwh": mwh, "full_load_hours": hours})
            )
        return _stack(frames, ["year", "item", "mwh", "full_load_hours"])

    def _level(self) -> pd.DataFrame:
        level = self._values(self.energy.level)
        whole = np.concatenate([level[:, :, -1:], level], axis=2)
        first = self.first_step - 1
        t = np.arange(first, first + whole.shape[2], dtype=np.int16)
        items = [
            self.items.number(site, storage, self.system.balances.key[k][1])
            for (site, storage), k in zip(self.system.stores.unit, self.system.stores.balance, strict=True)
        ]
        return self._series(items, t, whole, "mwh")

    def _price(self) -> pd.DataFrame:
        """Marginal price: the dual per MWh, in undiscounted money."""
        duals = np.asarray(self.solution.duals(self.energy.balance), np.float64)
        scale = self.energy.weight[:, None, None] * self.system.steps.weight
        items = [self.items.number(*self._site(k)) for k in self.energy.balanced]
        return self._series(items, self._t(), duals / scale, "value")

    def _site(self, k: int) -> tuple[str, None, str]:
        site, commodity = self.system.balances.key[k]
        return site, None, commodity

    def _unserved(self) -> pd.DataFrame:
        short = self._values(self.energy.unserved) * self.system.steps.weight
        items = [self.items.number(*self._site(k)) for k in self.energy.short]
        rows = self._series(items, self._t(), short, "mwh")
        return rows[rows["mwh"] > 1e-6]  # noqa: PLR2004  MWh

    def _series(self, items: Sequence[int], t: NDArray[np.int16], values: Array, name: str) -> pd.DataFrame:
        """Return values of shape (y, n, t) as rows in the order year, item, t."""
        import pandas as pd

        years = np.array(self.system.years, np.int16)[:, None, None]
        numbers = np.array(items, np.int32)[None, :, None]
        columns = {
            "year": np.broadcast_to(years, values.shape).ravel(),
            "item": np.broadcast_to(numbers, values.shape).ravel(),
            "t": np.broadcast_to(t, values.shape).ravel(),
        }
        return pd.DataFrame(columns | {name: values.ravel() + 0.0})

    # --- money and emissions -----------------------------------------------------------------------------------------
    def _cost(self) -> pd.DataFrame:
        import pandas as pd

        frames = []
        for (site, technology, kind), value in self._costs().items():
            if np.abs(value).max() > 0:
                item = self.items.number(site, technology)
                columns = {"year": self.system.years, "item": item, "kind": kind, "value": value}
                frames.append(pd.DataFrame(columns | {"discounted": value * self.energy.weight}))
        return _stack(frames, ["year", "item", "kind", "value", "discounted"])

    def _costs(self) -> dict[tuple[str, str, str], Array]:
        """Return cost per year by (site, technology, kind), shape (y,), undiscounted."""
        costs: dict[tuple[str, str, str], Array] = {}

        def add(site: str, technology: str, kind: str, value: Array) -> None:
            costs[site, technology, kind] = costs.get((site, technology, kind), 0.0) + value

        for name in ("process", "energy", "power"):
            self._capacity_costs(name, add)
        self._flow_costs(add)
        return costs

    def total_cost(self) -> float:
        """Return the discounted cost of all years, whatever was minimised."""
        return float(sum(value @ self.energy.weight for value in self._costs().values()))

    def _capacity_costs(self, name: str, add: object) -> None:
        from dhsdb.models.accounting import annuity

        capacity = self.energy.capacity[name]
        new = None if capacity.new is None else self._values(capacity.new)
        for u, (site, technology) in enumerate(capacity.units):
            add(site, technology, "fixed", capacity.fixed[:, u] * self.sizes[name][:, u])  # type: ignore[operator]
            if new is None:
                continue
            yearly = annuity(capacity.life[:, u], capacity.wacc[:, u]) * new[:, u]
            joined = self.system.connection[:, u] if name == "process" else np.zeros(len(yearly))
            alive = capacity.alive[:, :, u].astype(np.float64)
            add(site, technology, "capital", (yearly * (capacity.capital[:, u] - joined)) @ alive)  # type: ignore[operator]
            add(site, technology, "connection", (yearly * joined) @ alive)  # type: ignore[operator]

    def _flow_costs(self, add: object) -> None:
        s, e = self.system, self.energy
        p, b, st, weight = s.processes, s.balances, s.stores, s.steps.weight
        mwh = self.act @ weight
        for a, (site, process, _mode) in enumerate(p.activity):
            add(site, process, "variable", p.variable[:, a] * mwh[:, a])  # type: ignore[operator]
            paid = np.einsum("yle,ye,yl->y", e.act_emission[:, a], s.emissions.price, self.act[:, a] * weight)
            add(site, process, "emission", paid)  # type: ignore[operator]
        for f in range(len(p.flow_activity)):
            a, k = p.flow_activity[f], p.flow_balance[f]
            site, process, _mode = p.activity[a]
            power = p.ratio[:, f] * self.act[:, a] * weight
            if e.kinds.netted_buy[k] and p.flow_sign[f] < 0:
                add(site, process, "fuel", (power * b.price[:, k]).sum(axis=1))  # type: ignore[operator]
            if e.kinds.netted_sell[k] and p.flow_sign[f] > 0:
                add(site, process, "sale", -(power * b.sale_price[:, k]).sum(axis=1))  # type: ignore[operator]
        for chosen, block, technology, kind, price in (
            (e.buying, e.buy, MARKET, "fuel", b.price), (e.selling, e.sell, MARKET, "sale", -b.sale_price),
            (e.short, e.unserved, UNSERVED, "unserved", np.nan_to_num(b.voll)[:, :, None]),
            (e.dumping, e.dump, DUMP, "dump", np.nan_to_num(b.dump_cost)[:, :, None]),
        ):  # fmt: skip
            values = self._values(block) * weight
            for i, k in enumerate(chosen):
                add(b.key[k][0], technology, kind, (values[:, i] * price[:, k]).sum(axis=1))  # type: ignore[operator]
                if block is e.buy:
                    paid = values[:, i].sum(axis=1) * (b.emission[:, k] * s.emissions.price).sum(axis=1)
                    add(b.key[k][0], technology, "emission", paid)  # type: ignore[operator]
        moved = (self._values(e.charge) + self._values(e.discharge)) @ weight
        for i, (site, storage) in enumerate(st.unit):
            add(site, storage, "variable", st.variable[:, i] * moved[:, i])  # type: ignore[operator]

    def _emission(self) -> pd.DataFrame:
        import pandas as pd

        frames = []
        for (site, technology, emission), tonnes in self.emissions().items():
            if np.abs(tonnes).max() > 0:
                item = self.items.number(site, technology)
                frames.append(
                    pd.DataFrame({"year": self.system.years, "item": item, "emission": emission, "t": tonnes})
                )
        return _stack(frames, ["year", "item", "emission", "t"])

    def emissions(self) -> dict[tuple[str, str, str], Array]:
        """Return emissions by (site, technology, emission), shape (y,), t."""
        s, e = self.system, self.energy
        found: dict[tuple[str, str, str], Array] = {}
        energy = self.act * s.steps.weight
        bought = self._values(e.buy) @ s.steps.weight
        for i, (_, emission) in enumerate(s.emissions.key):
            for a, (site, process, _mode) in enumerate(s.processes.activity):
                tonnes = (energy[:, a] * e.act_emission[:, a, :, i]).sum(axis=1)
                found[site, process, emission] = found.get((site, process, emission), 0.0) + tonnes
            for j, k in enumerate(e.buying):
                site = s.balances.key[k][0]
                found[site, MARKET, emission] = (
                    found.get((site, MARKET, emission), 0.0) + bought[:, j] * s.balances.emission[:, k, i]
                )
        return found


def _clean(capacity: Array) -> Array:
    """Return capacities without the solver's noise around zero."""
    return np.where(np.abs(capacity) < _TINY, 0.0, capacity)


def _merged(flows: Iterable[_Flow]) -> list[_Flow]:
    """Add up flows of the same item: the modes of a process share a commodity."""
    found: dict[int, _Flow] = {}
    for flow in flows:
        before = found.get(flow.item)
        found[flow.item] = flow if before is None else replace(flow, power=before.power + flow.power)
    return list(found.values())


def _stack(frames: list[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    import pandas as pd

    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)
