"""From a solved energy model to result tables: capacities, flows, levels, prices, costs, emissions, unserved energy."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from dhsdb.errors import DhsdbError
from dhsdb.models import figures
from dhsdb.models.energy import labels_of
from dhsdb.models.storage_chain import content

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from dhsdb.models.energy import EnergyModel
    from dhsdb.models.lp import Block, Solution

    Array = NDArray[np.float64]

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
    """

    def __init__(self, energy: EnergyModel, solution: Solution) -> None:
        self.energy, self.solution, self.system = energy, solution, energy.system
        self.items = _Items()
        self.x = np.asarray(solution.x, np.float64)
        self.sizes = {name: self._size(name) for name in energy.capacity}
        self.flows = _merged(self._all_flows())
        self._check_balances()

    def tables(self, more: Sequence[figures.Figure] = ()) -> dict[str, pd.DataFrame]:
        """Return all result tables, with figures that were found besides."""
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
            "figure": figures.frame([*figures.of_solution(self.energy, self.solution, self.items.number), *more]),
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
        if capacity.given is not None:
            return capacity.given
        return _clean(self._values(capacity.cap)) if capacity.cap is not None else np.zeros((self.energy.n_years, 0))

    def _all_flows(self) -> Iterable[_Flow]:
        shape = (self.energy.n_years, self.energy.n_steps)
        for flow in self.energy.flows:
            power = np.zeros(shape) if flow.constant is None else flow.constant.copy()
            for columns, factor in flow.terms:
                power += factor * self.x[columns]
            site, commodity = self.system.balances.key[flow.balance]
            item = self.items.number(site, flow.technology, commodity, "out" if flow.sign > 0 else "in")
            size = None if flow.capacity is None else self.sizes[flow.capacity[0]][:, flow.capacity[1]]
            yield _Flow(item, flow.balance, flow.sign, power, size)

    def _check_balances(self) -> None:
        """Refuse a solution whose flows do not add up: what is made and bought is what is used, sold and lost."""
        b = self.system.balances
        total = np.zeros((len(b.key), self.energy.n_years, self.energy.n_steps))
        size = np.ones_like(total)
        for flow in self.flows:
            total[flow.balance] += flow.sign * flow.power
            size[flow.balance] += np.abs(flow.power)
        surplus = (b.rule == "surplus").T[:, :, None]
        off = np.where(surplus, np.minimum(total, 0.0), total) / size
        off[(b.rule == "none").any(axis=0) | b.annual_only] = 0.0
        if np.abs(off).max(initial=0.0) > 1e-6:  # noqa: PLR2004  relative
            k = int(np.abs(off).max(axis=(1, 2)).argmax())
            raise DhsdbError(f"the balance of {' / '.join(b.key[k])} is off by {np.abs(off).max():.2g}.")

    # --- tables ------------------------------------------------------------------------------------------------------
    def _capacity(self) -> pd.DataFrame:
        import pandas as pd

        frames = []
        for name, capacity in self.energy.capacity.items():
            standing = self.sizes[name]
            new = np.zeros_like(standing) if capacity.new is None else _clean(self._values(capacity.new))
            before = np.vstack([np.zeros((1, standing.shape[1])), standing[:-1]])
            retired = np.maximum(before + new - standing, 0.0)
            commodity = self._commodities(name)
            for u, (site, technology) in enumerate(labels_of(name, capacity.units.key)):
                if name == "power" and self.system.stores.balance[u] < 0:
                    continue  # a linked store has no power of its own
                item = self.items.number(site, technology, commodity[u])
                columns = {
                    "year": self.system.years,
                    "item": item,
                    "capacity": standing[:, u],
                    "new": new[:, u],
                    "retired": retired[:, u],
                }
                frames.append(pd.DataFrame(columns | {"unit": capacity.units.measure}))
        return _stack(frames, ["year", "item", "capacity", "new", "retired", "unit"])

    def _commodities(self, name: str) -> list[str | None]:
        """Return what each unit's capacity is measured by: what is stored or carried, or the output of ratio 1."""
        p, keys = self.system.processes, self.system.balances.key
        if name == "line":
            return [key[3] for key in self.system.lines.size.key]
        if name != "process":
            return [keys[k][1] if k >= 0 else None for k in self.system.stores.balance]
        main: list[str | None] = [None] * p.size.n
        for f in np.flatnonzero(p.flow_sign > 0)[::-1]:
            main[p.unit_of[p.flow_activity[f]]] = keys[p.flow_balance[f]][1]
        return main

    def _flow(self) -> pd.DataFrame:
        weight = self.system.weight
        flows = sorted(self.flows, key=lambda f: f.item)
        energy = np.array([f.power * weight for f in flows]).reshape(
            len(flows), self.energy.n_years, self.energy.n_steps
        )
        rows = self._series([f.item for f in flows], self._t(), np.moveaxis(energy, 0, 1), "mwh")
        rows.insert(3, "weight_h", np.repeat(weight[:, None, :], len(flows), axis=1).ravel())
        return rows

    def _t(self) -> NDArray[np.int16]:
        """Return the hour of the year, or the number of the slice, of each step: where profiles have its values."""
        return self.system.steps.hour.astype(np.int16)

    def _energy(self) -> pd.DataFrame:
        import pandas as pd

        frames = []
        for flow in self.flows:
            mwh = (flow.power * self.system.weight).sum(axis=1)
            size = np.full(len(mwh), np.nan) if flow.capacity is None else flow.capacity
            hours = np.divide(mwh, size, out=np.full(len(mwh), np.nan), where=size > _TINY)
            frames.append(
                pd.DataFrame({"year": self.system.years, "item": flow.item, "mwh": mwh, "full_load_hours": hours})
            )
        return _stack(frames, ["year", "item", "mwh", "full_load_hours"])

    def _level(self) -> pd.DataFrame:
        whole = content(self.energy, self.solution)
        first = self.system.steps.start
        t = np.arange(first, first + whole.shape[2], dtype=np.int16)
        st, keys = self.system.stores, self.system.balances.key
        names = [(st.energy.key[s], keys[st.balance[s]][1]) for s in self.energy.chained]
        items = [self.items.number(site, storage, commodity) for (site, storage), commodity in names]
        return self._series(items, t, whole, "mwh")

    def _price(self) -> pd.DataFrame:
        """Marginal price: the dual per MWh, in undiscounted money; there is none in a model of whole numbers."""
        e = self.energy
        if self.solution.row_dual is None:
            return self._series([], self._t(), np.zeros((e.n_years, 0, e.n_steps)), "value")
        duals = np.asarray(self.solution.duals(e.balance), np.float64)
        scale = self.system.weight[:, None, :]
        if e.rules.objective == "cost":
            scale = scale * e.running_at(e.balanced)[:, :, None]
        items = [self.items.number(*self._site(k)) for k in e.balanced]
        return self._series(items, self._t(), duals / scale, "value")

    def _site(self, k: int) -> tuple[str, None, str]:
        site, commodity = self.system.balances.key[k]
        return site, None, commodity

    def _unserved(self) -> pd.DataFrame:
        short = self._values(self.energy.unserved) * self.system.weight[:, None, :]
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
        for (site, technology, kind), (value, discounted) in self._costs().items():
            if np.abs(value).max() > 0 or np.abs(discounted).max() > 0:
                item = self.items.number(site, technology)
                columns = {"year": self.system.years, "item": item, "kind": kind, "value": value}
                frames.append(pd.DataFrame(columns | {"discounted": discounted}))
        return _stack(frames, ["year", "item", "kind", "value", "discounted"])

    def _costs(self) -> dict[tuple[str, str, str], tuple[Array, Array]]:
        """Return costs by (site, technology, kind): of the year and as they weigh in the objective, each shape (y,)."""
        found: dict[tuple[str, str, str], tuple[Array, Array]] = {}
        for cost in self.energy.ledger.costs:
            shape = (self.energy.n_years, len(cost.labels))
            value, discounted = np.zeros(shape), np.zeros(shape)
            if cost.columns is not None and cost.value is not None and cost.discounted is not None:
                x = self.x[cost.columns]
                value += (cost.value * x).reshape(*shape, -1).sum(axis=2)
                discounted += (cost.discounted * x).reshape(*shape, -1).sum(axis=2)
            if cost.constant is not None and cost.constant_discounted is not None:
                value, discounted = value + cost.constant, discounted + cost.constant_discounted
            for n, (site, technology) in enumerate(cost.labels):
                before = found.get((site, technology, cost.kind), (0.0, 0.0))
                found[site, technology, cost.kind] = (before[0] + value[:, n], before[1] + discounted[:, n])
        return found

    def total_cost(self) -> float:
        """Return the discounted cost of all years, whatever was minimised."""
        return float(sum(discounted.sum() for _, discounted in self._costs().values()))

    def _emission(self) -> pd.DataFrame:
        import pandas as pd

        frames = []
        for (site, technology, emission), tonnes in self._emissions().items():
            if np.abs(tonnes).max() > 0:
                item = self.items.number(site, technology)
                frames.append(
                    pd.DataFrame({"year": self.system.years, "item": item, "emission": emission, "t": tonnes})
                )
        return _stack(frames, ["year", "item", "emission", "t"])

    def _emissions(self) -> dict[tuple[str, str, str], Array]:
        """Return emissions by (site, technology, emission), shape (y,), t."""
        found: dict[tuple[str, str, str], Array] = {}
        for entry in self.energy.ledger.emissions:
            tonnes = (entry.tonnes * self.x[entry.columns]).sum(axis=2)
            if entry.constant is not None:
                tonnes = tonnes + entry.constant
            for n, (_, technology) in enumerate(entry.labels):
                key = (entry.site, technology, entry.emission)
                found[key] = found.get(key, 0.0) + tonnes[:, n]
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
