"""What has a capacity: its size, cost and life as arrays over model years, whichever table it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dhsdb.models.accounting import ENDLESS, Asset

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dhsdb.models.accounting import Horizon, Kind
    from dhsdb.models.grids import Grid

    Array = NDArray[np.float64]

NO_WACC = 0.05
"""Cost of capital where none is given, 1/year; OSeMOSYS takes the site's discount rate."""


@dataclass(slots=True)
class Units:
    """Units u of one kind of capacity.

    Attributes
    ----------
    key
        Natural key of each, site first.
    kind, measure
        What they are, and the unit of their capacity, MW or MWh.
    existing
        Shape (y, u). What stands in each year, without what the model builds.
    cap_min, cap_max, new_min, new_max
        Shape (y, u). Limits on the total and on what is built in a year; inf = none.
    unit_size
        Shape (y, u). Size of one unit; NaN = any capacity.
    capital, fixed
        Shape (y, u). Money per capacity; money per capacity and year.
    life, wacc
        Shape (y, u). Years; 1/year.
    discount, method
        Shape (u,). Social discount rate and depreciation method of the site.
    """

    key: list[tuple[str, ...]]
    kind: Kind
    measure: str
    existing: Array
    cap_min: Array
    cap_max: Array
    new_min: Array
    new_max: Array
    unit_size: Array
    capital: Array
    fixed: Array
    life: Array
    wacc: Array
    discount: Array
    method: Array

    @property
    def n(self) -> int:
        """Number of units."""
        return len(self.key)

    @property
    def names(self) -> list[str]:
        """Keys in words."""
        return [" / ".join(key) for key in self.key]

    @property
    def asset(self) -> Asset:
        """What factors on investments depend on."""
        return Asset(self.life, self.wacc, self.discount, self.method, self.kind)


@dataclass(frozen=True, slots=True)
class Rates:
    """Discount rate and depreciation method by site."""

    horizon: Horizon
    discount: dict[str, float]
    method: dict[str, float]

    def of(self, sites: list[str]) -> tuple[Array, Array]:
        """Return both for a list of sites."""
        return (
            np.array([self.discount.get(s, 0.0) for s in sites]),
            np.array([self.method.get(s, 1.0) for s in sites]),
        )


def units_of(grid: Grid, rates: Rates, kind: Kind, columns: dict[str, str], measure: str = "MW") -> Units:
    """Return units from the rows of a table.

    Parameters
    ----------
    columns
        Column of each attribute; what is left out has no limit, no cost, no size.
    """

    def numbers(name: str, null: float) -> Array:
        return grid.numbers(columns[name], null) if name in columns else np.full((grid.years, grid.n), null)

    discount, method = rates.of([key[0] for key in grid.key])
    wacc = numbers("wacc", np.nan)
    none = discount[None, :] if rates.horizon.school == "osemosys" else NO_WACC
    if "discount" in columns:
        own = grid.numbers(columns["discount"], np.nan)
        given = np.array([next((v for v in own[:, u] if not np.isnan(v)), np.nan) for u in range(grid.n)])
        discount = np.where(np.isnan(given), discount, given)
    return Units(
        key=grid.key,
        kind=kind,
        measure=measure,
        existing=_existing(grid, rates.horizon, kind, columns),
        cap_min=numbers("cap_min", 0.0),
        cap_max=np.where(grid.present, numbers("cap_max", np.inf), 0.0),
        new_min=numbers("new_min", 0.0),
        new_max=np.where(grid.present, numbers("new_max", np.inf), 0.0),
        unit_size=numbers("unit_size", np.nan),
        capital=numbers("capital", 0.0),
        fixed=numbers("fixed", 0.0),
        life=numbers("life", ENDLESS),
        wacc=np.where(np.isnan(wacc), none, wacc),
        discount=discount,
        method=method,
    )


def _existing(grid: Grid, horizon: Horizon, kind: Kind, columns: dict[str, str]) -> Array:
    """Return what stands in each year: given by year, or of the first year for as long as it lasts."""
    given = grid.numbers(columns["existing"], 0.0) if "existing" in columns else np.zeros((grid.years, grid.n))
    if "existing_life" not in columns or not grid.n:
        return given
    life = grid.numbers(columns["existing_life"], np.nan)[0]
    lasting = given[:1] * horizon.standing(np.where(np.isnan(life), np.inf, life), kind)
    return np.where(np.isnan(life)[None, :], given, lasting)
