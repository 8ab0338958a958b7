"""What a cost of one year weighs in the objective of several (``accounting=dhsdb``: annuities).

A unit is paid for by an annuity in just those years in which it serves: no service without payment, no payment without
service, and so no salvage value. Years between model years are represented by the model year before them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

ENDLESS = 10_000.0
"""Lifetime of a unit that has none, years."""


def annuity(life: NDArray[np.float64] | float, rate: NDArray[np.float64] | float) -> NDArray[np.float64]:
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
    return np.where(rate == 0, 1.0 / life, safe / -np.expm1(-life * np.log1p(safe)))


@dataclass(frozen=True, slots=True)
class Horizon:
    """Model years and what they stand for.

    Attributes
    ----------
    years
        Shape (n,).
    stands_for
        Shape (n,). Calendar years that each stands for.
    discount
        Social discount rate, 1/year.
    """

    years: NDArray[np.int64]
    stands_for: NDArray[np.float64]
    discount: float

    @property
    def weight(self) -> NDArray[np.float64]:
        r"""Present value of paying 1 in each calendar year that a model year stands for, at mid-year, shape (n,).

        :math:`R_y = \sum_{a=0}^{s-1} (1+j)^{-(y-y_0+a+1/2)}`; 1 where there is only one model year.
        """
        if len(self.years) == 1:
            return np.ones(1)
        offset = self.years - self.years[0]
        return np.array(
            [
                sum((1 + self.discount) ** -(o + a + 0.5) for a in range(round(s)))
                for o, s in zip(offset, self.stands_for, strict=True)
            ]
        )

    def alive(self, life: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return whether what is built in year v serves in year y: ``v <= y < v + life``.

        Parameters
        ----------
        life
            Shape (n, units). Lifetime of what is built in v.

        Returns
        -------
        ndarray
            Shape (n built, n serving, units).
        """
        built, serving = self.years[:, None, None], self.years[None, :, None]
        return (built <= serving) & (serving < built + life[:, None, :])

    def investment_weight(self, life: NDArray[np.float64], wacc: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the present value of the annuities of an investment of 1 in year v, shape (n, units)."""
        served: NDArray[np.float64] = np.einsum("vyu,y->vu", self.alive(life), self.weight)
        return annuity(life, wacc) * served


def horizon(years: Sequence[int], stands_for: NDArray[np.float64], discount: float) -> Horizon:
    """Return a horizon; a year without ``stands_for`` (NaN) lasts until the next, the last one as long as the one before."""
    given = np.asarray(years, np.int64)
    gaps = np.diff(given).astype(np.float64)
    lasting = np.append(gaps, gaps[-1] if len(gaps) else 1.0)
    return Horizon(given, np.where(np.isnan(stands_for), lasting, stands_for), discount)
