"""Demand in each step: what tables say, what buildings need, and what the network loses on the way to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dhsdb.errors import UserError
from dhsdb.models.grids import records
from dhsdb.models.stage import Remark

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from dhsdb.models.grids import Grid
    from dhsdb.models.stage import Inputs
    from dhsdb.models.steps import Steps

    Array = NDArray[np.float64]

HEAT = "heat"
"""Commodity that buildings need and that the network carries."""
_FLAT = ""


def demands(
    inputs: Inputs, years: tuple[int, ...], steps: Steps, commodities: Grid, findings: list[Remark]
) -> tuple[Array, Array, Array]:
    """Return demand in each step, network loss in each step, and demand at any time of the year.

    Returns
    -------
    demand, loss
        Shape (y, k, l), MW at substations, and MW lost between plants and substations.
    annual
        Shape (y, k), MWh.
    """
    demand = np.zeros((len(years), commodities.n, steps.n))
    annual = np.zeros((len(years), commodities.n))
    for y, year in enumerate(years):
        rows, now = inputs.table("demand", year), steps.in_year(y)
        for row in records(rows):
            site, commodity, timing, mwh = row.site, row.commodity, row.timing, row.mwh
            profile = row.profile if isinstance(row.profile, str) else ""
            k = _balance(commodities, site, commodity, "demand")
            if timing == "year":
                annual[y, k] += mwh
            elif mwh == mwh or profile:  # noqa: PLR0124  neither: the row only names a loss
                demand[y, k] += _shape(inputs, now, profile or _FLAT, mwh, f"demand of {commodity} at {site}")
        for (site, profile), mwh in building_heat(inputs, year, findings if y == 0 else []).items():
            k = _balance(commodities, site, HEAT, "building_demand")
            demand[y, k] += _shape(inputs, now, profile, mwh, "building_demand")
    loss = np.zeros_like(demand)
    for y, year in enumerate(years):
        _add_loss(inputs, year, steps.in_year(y), commodities, demand[y], loss[y])
        for row in records(inputs.table("demand", year).dropna(subset=["slice_loss_mwh"])):
            loss[y, _balance(commodities, row.site, row.commodity, "demand")] += (
                row.slice_loss_mwh / steps.in_year(y).weight
            )
    return demand, loss, annual


def building_heat(inputs: Inputs, year: int, findings: list[Remark]) -> dict[tuple[str, str], float]:
    """Return the buildings' heat by (site, profile), MWh; a building without a profile takes a flat one."""
    rows = building_rows(inputs, year)
    if not len(rows):
        return {}
    flat = int((rows["profile"] == _FLAT).sum())
    if flat:
        findings.append(
            Remark(
                "warning",
                "demand-without-profile",
                "building_demand",
                f"{flat} buildings have no profile: taken as flat",
            )
        )
    sums = rows.groupby(["site", "profile"])["mwh"].sum().reset_index()
    return {(str(r.site), str(r.profile)): float(r.mwh) for r in records(sums)}


def building_rows(inputs: Inputs, year: int) -> pd.DataFrame:
    """Return the buildings' heat in a year: building, site, profile, mwh.

    Raises
    ------
    UserError
        If a building's site is not known.
    """
    rows = inputs.table("building_demand", year)
    mwh = rows["space_heat_mwh"].fillna(0.0) + rows["hot_water_mwh"].fillna(0.0)
    sites = inputs.tables["building"].set_index("building")["site"] if len(inputs.tables["building"]) else None
    known = list(inputs.tables["site"]["site"])
    site = rows["building"].map(sites) if sites is not None else rows["building"].map({})
    if len(known) == 1:
        site = site.fillna(known[0])
    if site.isna().any():
        lost = rows.loc[site.isna(), "building"].iloc[0]
        raise UserError(
            f"building '{lost}' belongs to no site.", f"Set building.site to one of: {', '.join(known) or 'none yet'}."
        )
    return rows.assign(site=site, mwh=mwh, profile=rows["profile"].fillna(_FLAT))[
        ["building", "site", "profile", "mwh"]
    ]


def _shape(inputs: Inputs, steps: Steps, profile: str, mwh: float | None, where: str) -> Array:
    """Return a demand in each step, MW; typical steps keep the year's total."""
    if mwh is None or np.isnan(mwh):
        if not profile:
            raise UserError(f"{where} has neither an amount nor a profile.", "Give mwh, a profile, or both.")
        whole = inputs.profile(profile, where)
        return _kept_total(steps.of(whole, where), steps, whole[: round(steps.weight.sum())].sum())
    if not profile:
        return np.full(steps.n, mwh / steps.weight.sum())
    whole = inputs.profile(profile, where)
    share = steps.of(whole, where)
    if steps.sliced:  # a slice gets its share of the year's amount, however long it is
        return np.divide(share * mwh, steps.weight, out=np.zeros(steps.n), where=steps.weight > 0)
    covered = share @ steps.weight
    if covered <= 0:
        raise UserError(
            f"{where}: profile '{profile}' is zero in all modelled hours.", "Model other hours, or mend the profile."
        )
    share = share * (mwh / whole.sum())
    return _kept_total(share, steps, mwh)


def _kept_total(power: Array, steps: Steps, mwh: float) -> Array:
    """Return a demand in typical steps scaled to the year's total [MWh]; extreme periods, and with them the peak, stay."""
    if steps.calendar is None or steps.kept is None:
        return power
    energy = power * steps.weight
    free = energy[~steps.kept].sum()
    if free <= 0:
        return power
    return np.where(steps.kept, power, power * max(mwh - energy[steps.kept].sum(), 0.0) / free)


def _add_loss(inputs: Inputs, year: int, steps: Steps, commodities: Grid, demand: Array, loss: Array) -> None:
    r"""Add a network's heat loss.

    Notes
    -----
    The share :math:`s` lost at the mean temperature :math:`T_{ref}` gives the annual loss
    :math:`\frac{s}{1-s} Q \frac{T_m - T_g}{T_{ref} - T_g}`, spread over the year with :math:`T_m - T_g`: heat is lost
    by temperature, not by load.
    """
    rows = inputs.table("network_temperature", year)
    for row in records(rows):
        if np.isnan(row.loss_share) or not row.loss_share:
            continue
        k = _balance(commodities, row.site, HEAT, "network_temperature")
        mean = 0.5 * (
            network_temperature(inputs, row, steps, "supply") + network_temperature(inputs, row, steps, "return")
        )
        ground = 8.0 if np.isnan(row.ground_c) else row.ground_c
        reference = mean.max() if np.isnan(row.loss_reference_c) else row.loss_reference_c
        heat = demand[k] @ steps.weight
        hours = steps.weight.sum()
        loss[k] += row.loss_share / (1 - row.loss_share) * heat / hours * (mean - ground) / (reference - ground)


def network_temperature(inputs: Inputs, row: Any, steps: Steps, side: str) -> Array:
    """Return the supply or return temperature of a network in each step, degC."""
    profile = getattr(row, f"{side}_profile")
    if isinstance(profile, str) and profile:
        where = f"network_temperature.{side}_profile"
        return steps.of(inputs.profile(profile, where), where)
    value = getattr(row, f"{side}_c")
    if value is None or np.isnan(value):
        raise UserError(f"network_temperature of site '{row.site}' has no {side} temperature.", f"Give {side}_c.")
    return np.full(steps.n, float(value))


def _balance(commodities: Grid, site: str, commodity: str, table: str) -> int:
    k = commodities.index((site, commodity))
    if k is None:
        raise UserError(
            f"{table} needs commodity '{commodity}' at site '{site}', which table commodity lacks.", "Add a row for it."
        )
    return k
