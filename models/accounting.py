"""What a cost of one year weighs in the objective of several: one pure function per school, no constraints.

Schools differ in when payments are due, how they are discounted, and what is left of a unit at the end of the horizon. None
of that is a row of the model: it is three arrays of factors, on investments, on fixed and on variable costs.

=========  ============================================================================================================
dhsdb      annuities: a unit is paid for in just those years in which it serves; no salvage; payments at mid-year
urbs       annuities inside the horizon, also where a unit no longer serves; the first payment is not discounted
osemosys   investments at the start of a year, less the salvage value at the end of the horizon; costs at mid-year
emb3rs     as osemosys without capital recovery, all discounted with the unit's own rate (the PuLP variant "HP")
=========  ============================================================================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

School = Literal["dhsdb", "urbs", "osemosys", "emb3rs"]
Kind = Literal["process", "storage", "line"]

ENDLESS = 10_000.0
"""Lifetime of a unit that has none, years."""
SINKING_FUND = 1
"""Depreciation method 1 of OSeMOSYS; 2 is the straight line."""


def annuity(life: Array | float, rate: Array | float) -> Array:
    r"""Return the yearly payment per investment.

    Parameters
    ----------
    life
        Technical lifetime, years.
    rate
        Cost of capital, 1/year.

    Notes
    -----
    :math:`f(n, i) = i (1+i)^n / ((1+i)^n - 1)`, and :math:`1/n` at :math:`i = 0`.

    Examples
    --------
    >>> round(float(annuity(50.0, 0.07)), 6)
    0.07246
    """
    life, rate = np.broadcast_arrays(np.asarray(life, np.float64), np.asarray(rate, np.float64))
    safe = np.where(rate == 0, 1.0, rate)
    with np.errstate(divide="ignore"):
        return np.where(rate == 0, 1.0 / life, safe / -np.expm1(-life * np.log1p(safe)))


def present_value(payments: Array | float, rate: Array | float) -> Array:
    r"""Return the value of paying 1 at the end of each of ``payments`` years.

    Notes
    -----
    :math:`(1 - (1+i)^{-n}) / i`, and :math:`n` at :math:`i = 0`.
    """
    payments, rate = np.broadcast_arrays(np.asarray(payments, np.float64), np.asarray(rate, np.float64))
    safe = np.where(rate == 0, 1.0, rate)
    return np.where(rate == 0, payments, -np.expm1(-payments * np.log1p(safe)) / safe)


@dataclass(frozen=True, slots=True)
class Asset:
    """What a factor on investments depends on, for units u and years v in which they are built.

    Attributes
    ----------
    life, wacc
        Shape (v, u). Lifetime in years; cost of capital, 1/year.
    discount
        Shape (u,). Social discount rate of the unit's site, for storages of OSeMOSYS their own; 1/year.
    method
        Shape (u,). Depreciation method of the unit's site.
    kind
        What is built.
    """

    life: Array
    wacc: Array
    discount: Array
    method: Array
    kind: Kind = "process"


@dataclass(frozen=True, slots=True)
class Horizon:
    """Model years, what they stand for, and how their costs add up.

    Attributes
    ----------
    years
        Shape (n,).
    stands_for
        Shape (n,). Calendar years that each stands for.
    school
        Accounting.
    life_rule
        When what was built serves: ``osemosys``, ``urbs``; empty = as the school has it.
    """

    years: NDArray[np.int64]
    stands_for: Array
    school: School = "dhsdb"
    life_rule: str = ""

    @property
    def _lives_as_in_urbs(self) -> bool:
        return (self.life_rule or self.school) == "urbs"

    @property
    def lasting(self) -> Array:
        """Calendar years that a total over the horizon counts for each model year, shape (n,): 1 where there is one."""
        if len(self.years) == 1 or self.school in ("osemosys", "emb3rs"):
            return np.ones(len(self.years))
        return self.stands_for

    @property
    def _offset(self) -> Array:
        return np.asarray(self.years - self.years[0], np.float64)

    # --- service ----------------------------------------------------------------------------------------------------
    def alive(self, life: Array, kind: Kind = "process") -> NDArray[np.bool_]:
        """Return whether what is built in year v serves in year y.

        Parameters
        ----------
        life
            Shape (n, units). Lifetime of what is built in v.

        Returns
        -------
        ndarray
            Shape (n built, n serving, units).

        Notes
        -----
        ``v <= y < v + life``; urbs asks that a process lives through half of the years that y stands for, lines and storages
        through all of them, and serves always where there is one model year.
        """
        built = self.years[:, None, None].astype(np.float64)
        after = built <= self.years[None, :, None]
        if not self._lives_as_in_urbs:
            return after & (self.years[None, :, None] < built + life[:, None, :])
        if len(self.years) == 1:
            return np.ones((1, 1, life.shape[1]), bool)
        until, strict = self._service_end(kind)
        del strict
        return after & (until[None, :, None] <= built + life[:, None, :])

    def standing(self, life: Array, kind: Kind = "process") -> NDArray[np.bool_]:
        """Return whether what stands in the first year still serves in year y, shape (n, units).

        Parameters
        ----------
        life
            Shape (units,). Years that it lasts from the first model year on.
        """
        first = float(self.years[0])
        if not self._lives_as_in_urbs:
            return np.asarray(self.years[:, None] < first + life[None, :])
        if len(self.years) == 1:
            return np.ones((1, len(life)), bool)
        until, strict = self._service_end(kind)
        end = first + life[None, :]
        return np.where(strict[:, None], until[:, None] < end, until[:, None] <= end)

    def _service_end(self, kind: Kind) -> tuple[Array, NDArray[np.bool_]]:
        """Return up to when urbs wants a unit to live for serving in each year; in the last one, existing units longer."""
        years = self.years.astype(np.float64)
        following = np.append(years[1:], np.nan)
        until = (years + following) / 2 if kind == "process" else following
        until[-1] = years[-1] + self.stands_for[-1] - 1
        return until, np.arange(len(years)) == len(years) - 1

    # --- factors ----------------------------------------------------------------------------------------------------
    def running(self, discount: Array) -> Array:
        r"""Return what a yearly cost weighs, shape (n, m), for m discount rates.

        Notes
        -----
        dhsdb: :math:`R_y = \sum_{a=0}^{s-1} (1+j)^{-(y-y_0+a+1/2)}`. urbs: :math:`(1+j)^{1-(y-y_0)} (1-(1+j)^{-s})/j`.
        Both 1 where there is one model year. osemosys and emb3rs: :math:`(1+d)^{-(y-y_0+1/2)}`.
        """
        rate, offset = discount[None, :], self._offset[:, None]
        if self.school in ("osemosys", "emb3rs"):
            return np.asarray((1 + rate) ** -(offset + 0.5))
        if len(self.years) == 1:
            return np.ones((1, len(discount)))
        lasting = self.stands_for[:, None]
        if self.school == "urbs":
            return np.asarray((1 + rate) ** (1 - offset) * present_value(lasting, rate))
        return np.asarray((1 + rate) ** (0.5 - offset) * present_value(np.round(lasting), rate))

    def running_each(self, rate: Array) -> Array:
        """Return what a yearly cost of each unit weighs, shape (n, units), where each discounts with its own rate."""
        return np.asarray((1 + rate) ** -(self._offset[:, None] + 0.5))

    def investment(self, asset: Asset) -> Array:
        """Return what an investment of 1 in year v weighs, shape (n, units)."""
        if self.school == "dhsdb":
            served = np.einsum("vyu,yu->vu", self.alive(asset.life, asset.kind), self.running(asset.discount))
            return np.asarray(annuity(asset.life, asset.wacc) * served)
        if self.school == "urbs":
            return self._investment_urbs(asset)
        return self._investment_osemosys(asset)

    def _investment_urbs(self, asset: Asset) -> Array:
        r"""Return :math:`(1+j)^{1-m} f(n, i) (1-(1+j)^{-k})/j` with the k annuities that fall into the horizon."""
        if len(self.years) == 1:
            return annuity(asset.life, asset.wacc)
        rate, offset = asset.discount[None, :], self._offset[:, None]
        end = self.years[-1] + self.stands_for[-1] - 1
        paid = np.maximum(np.minimum(asset.life, end + 1 - self.years[:, None]), 0.0)
        return np.asarray((1 + rate) ** (1 - offset) * annuity(asset.life, asset.wacc) * present_value(paid, rate))

    def _investment_osemosys(self, asset: Asset) -> Array:
        """Return the cost at the start of the year, less the salvage value after the last one."""
        storage = asset.kind == "storage"
        own = self.school == "emb3rs" and not storage
        rate = asset.wacc if own else np.broadcast_to(asset.discount[None, :], asset.life.shape)
        offset = self._offset[:, None]
        last = float(self.years[-1] - self.years[0])
        kept = self._salvage(asset, rate) * (1 + rate) ** -(1 + last)
        recovered = 1.0 if storage or self.school == "emb3rs" else self._recovery(asset)
        return np.asarray(recovered * ((1 + rate) ** -offset - kept))

    def _recovery(self, asset: Asset) -> Array:
        """Return OSeMOSYS's capital recovery factor times the present value of its annuity; 1 where both rates agree."""
        i, d, n = asset.wacc, asset.discount[None, :], asset.life
        safe = np.where(i == 0, 1.0, i)
        crf = np.where(i == 0, 1.0 / n, (1 - 1 / (1 + safe)) / -np.expm1(-n * np.log1p(safe)))
        return np.asarray(crf * present_value(n, d) * (1 + d))

    def _salvage(self, asset: Asset, rate: Array) -> Array:
        """Return the share of an investment that is left after the last year, shape (n, units)."""
        built = self.years[:, None].astype(np.float64)
        used, life = self.years[-1] - built + 1, asset.life
        safe = np.where(rate == 0, 1.0, rate)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            fund = 1 - np.expm1(used * np.log1p(safe)) / np.expm1(life * np.log1p(safe))
            line = 1 - used / life
            if self.school == "emb3rs" and asset.kind == "storage":
                line = (1 - used) / life  # as it is printed there
        method = np.broadcast_to(asset.method[None, :], life.shape)
        share = np.where((method == SINKING_FUND) & (rate > 0), fund, line)
        return np.where(built + life - 1 <= self.years[-1], 0.0, share)


def horizon(years: Sequence[int], stands_for: Array, school: School = "dhsdb", life_rule: str = "") -> Horizon:
    """Return a horizon; a year without ``stands_for`` (NaN) lasts until the next, the last one as long as the one before."""
    given = np.asarray(years, np.int64)
    gaps = np.diff(given).astype(np.float64)
    lasting = np.append(gaps, gaps[-1] if len(gaps) else 1.0)
    return Horizon(given, np.where(np.isnan(stands_for), lasting, stands_for), school, life_rule)
