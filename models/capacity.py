"""Capacities in a model: columns with their vintages, or given numbers; every term that holds one goes through here [2.1]."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dhsdb.models.ledger import Cost

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dhsdb.models.accounting import Horizon
    from dhsdb.models.blocks import Block
    from dhsdb.models.ledger import Ledger
    from dhsdb.models.lp import Model
    from dhsdb.models.units import Units

    Array = NDArray[np.float64]

_BY_STEP = 3
"""Dimensions of a factor by year, unit and step."""


class Capacity:
    """Capacities of one kind of unit.

    Parameters
    ----------
    name
        Symbol in the model.
    given
        Shape (y, u). Capacities as numbers, in dispatch; None = they are decided.
    part
        Shape (y, u). Part of ``units.capital`` that is named apart in the costs.
    """

    def __init__(
        self, model: Model, name: str, units: Units, horizon: Horizon, years: Sequence[int], given: Array | None
    ) -> None:
        self.model, self.name, self.units, self.horizon, self.given = model, name, units, horizon, given
        self.new: Block | None = None
        self.cap: Block | None = None
        self.alive = horizon.alive(units.life, units.kind)
        if given is not None or not units.n:
            return
        shape, sets = units.existing.shape, (("year", list(years)), ("unit", units.names))
        self.new = model.add_columns(f"new {name}", shape, units.new_min, units.new_max, unit=units.measure, sets=sets)
        self.cap = model.add_columns(
            f"{name} capacity", shape, units.cap_min, np.maximum(units.cap_max, units.existing), unit=units.measure, sets=sets
        )  # fmt: skip
        rows = model.add_rows(f"{name} vintages", shape, units.existing, units.existing, unit=units.measure, sets=sets)
        model.add_terms(rows, self.cap, 1.0)
        for v in range(shape[0]):
            model.add_terms(rows.index, self.new.index[v][None, :], -self.alive[v].astype(np.float64))
        self._whole_units(sets)

    def _whole_units(self, sets: tuple[tuple[str, Sequence[object]], ...]) -> None:
        """Let what is built be a whole number of units where a unit has a size."""
        chosen = np.flatnonzero((np.nan_to_num(self.units.unit_size) > 0).any(axis=0))
        if not chosen.size or self.new is None:
            return
        size = np.nan_to_num(self.units.unit_size[:, chosen])
        named = (sets[0], ("unit", [self.units.names[u] for u in chosen]))
        number = self.model.add_columns(f"number of {self.name} units", size.shape, integer=True, sets=named)
        rows = self.model.add_rows(
            f"whole {self.name} units", size.shape, 0.0, np.where(size > 0, 0.0, np.inf), sets=named
        )
        self.model.add_terms(rows.index, self.new.index[:, chosen], 1.0)
        self.model.add_terms(rows, number, -size)

    # --- terms --------------------------------------------------------------------------------------------------------
    def moved(self, units: Sequence[int] | NDArray[np.int64], factor: Array) -> Array:
        """Return ``factor * capacity`` where capacity is a number, else 0; what it moves a bound by."""
        if self.given is None:
            return np.zeros(factor.shape)
        given = self.given[:, list(units)]
        return np.asarray(factor * (given[:, :, None] if factor.ndim == _BY_STEP else given))

    def add(self, rows: NDArray[np.int32], units: Sequence[int] | NDArray[np.int64], factor: Array) -> None:
        """Put ``factor * capacity`` into rows, if capacity is a column."""
        if self.cap is not None:
            columns = self.cap.index[:, list(units)]
            self.model.add_terms(rows, columns[:, :, None] if factor.ndim == _BY_STEP else columns, factor)

    def columns(self, units: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int32] | None:
        """Return the columns of capacities, shape (y, u); None where they are numbers."""
        return None if self.cap is None else self.cap.index[:, list(units)]

    # --- costs --------------------------------------------------------------------------------------------------------
    def charge(self, ledger: Ledger, labels: Sequence[tuple[str, str]], running: Array, joined: Array | None) -> None:
        """Enter investments and fixed costs.

        Parameters
        ----------
        labels
            Site and technology of each unit.
        running
            Shape (y, u). What a yearly cost weighs.
        joined
            Shape (y, u). Cost of connections per capacity, contained in ``units.capital``.
        """
        u = self.units
        if self.given is not None:
            fixed = u.fixed * self.given
            ledger.add(Cost("fixed", labels, None, None, None, fixed, fixed * running))
            return
        if self.cap is None or self.new is None:
            return
        ledger.add(Cost("fixed", labels, self.cap.index, u.fixed, u.fixed * running))
        connection = np.zeros_like(u.capital) if joined is None else joined
        for kind, capital in (("capital", u.capital - connection), ("connection", connection)):
            if capital.any():
                self._invest(ledger, kind, labels, capital, running)

    def capital_weight(self, running: Array) -> Array:
        """Return what a unit of capital cost of what is built in each year weighs in the objective, shape (y, u)."""
        from dhsdb.models.accounting import annuity

        if self.horizon.school != "dhsdb":
            return self.horizon.investment(self.units.asset)
        served = np.einsum("vyu,yu->vu", self.alive.astype(np.float64), running)
        return np.asarray(annuity(self.units.life, self.units.wacc) * served, np.float64)

    def _invest(
        self, ledger: Ledger, kind: str, labels: Sequence[tuple[str, str]], capital: Array, running: Array
    ) -> None:
        """Enter investments: annuities in the years of service by our own accounting, else once in the year of building."""
        from dhsdb.models.accounting import annuity

        assert self.new is not None  # noqa: S101  the caller asked
        u = self.units
        if self.horizon.school != "dhsdb":
            weight = self.horizon.investment(u.asset)
            once = len(self.horizon.years) > 1 or self.horizon.school != "urbs"
            value = capital if once else capital * weight
            ledger.add(Cost(kind, labels, self.new.index, value, capital * weight))
            return
        yearly = annuity(u.life, u.wacc) * capital
        # (serving y, u, built v): what is built in v is paid for in y
        value = np.moveaxis(self.alive * yearly[:, None, :], 0, 2)
        columns = np.broadcast_to(np.moveaxis(self.new.index[:, None, :], 0, 2), value.shape)
        ledger.add(Cost(kind, labels, columns, value, value * running[:, :, None]))
