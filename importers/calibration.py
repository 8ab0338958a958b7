"""Calibration: estimated heat demands are scaled so that a district needs what was metered in it.

What was metered in single buildings stays; of the others those are scaled that were estimated, or, if there are none, those
that a source gave. A factor that can't be meant is told and not applied. Space heat and hot water are scaled alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dhsdb.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]

ESTIMATED = ("specific demand", "no specific demand", "floor area unknown")
"""How the rule of an estimated demand begins; other rows were given and are left alone."""
METERED = "metered"
"""How the rule of a demand that was metered begins."""
FACTORS = (0.3, 3.0)
"""Factors within which a calibration is believed."""
_CLOSE = 1e-9


@dataclass(frozen=True, slots=True)
class District:
    """A metered total and the buildings that it is of."""

    name: str
    heat_mwh: float
    data_year: int | None
    members: Mask
    warmth: float = 1.0
    """Space heat of that year, as a multiple of that which the demands hold for."""


def districts(
    buildings: pd.DataFrame, metered: pd.DataFrame, warmth: Callable[[str | None], float | None]
) -> Iterator[District | Problem]:
    """Yield the metered totals with their buildings: those in the polygon, else those that name the district or site.

    Parameters
    ----------
    buildings
        Columns ``building``, ``district``, ``site``, ``geometry``; geometries of both tables in one system.
    metered
        Columns of the table ``metered_demand``.
    warmth
        Returns the space heat of a weather as a multiple of that of the demands; None = not known.
    """
    import numpy as np  # heavy
    import pandas as pd
    import shapely

    taken = np.zeros(len(buildings), dtype=bool)
    shapes = buildings["geometry"].to_numpy(dtype=object)
    points = shapely.centroid(shapes)
    for row in metered.to_dict("records"):
        name = str(row["metered"])
        heat = row.get("heat_mwh")
        if heat is None or pd.isna(heat):
            continue
        shape = row.get("geometry")
        if shape is not None and shapely.is_geometry(shape):
            members = np.asarray(shapely.covers(shape, points), dtype=bool)
        else:
            wanted = str(row["district"]) if isinstance(row.get("district"), str) else name
            members = np.zeros(len(buildings), dtype=bool)
            for column in ("district", "site"):
                if not members.any() and column in buildings:
                    members = (buildings[column].astype(object) == wanted).to_numpy(dtype=bool)
        twice = members & taken
        if twice.any():
            text = f"metered_demand, {name}: {int(twice.sum())} of its buildings belong to a total before it; they count there."
            yield Problem(text, severity="warning", code="metered-twice")
            members = members & ~taken
        if not members.any():
            text = f"metered_demand, {name}: no building lies in it or names it; the total calibrates nothing."
            yield Problem(
                text, hint="Set building.district, or give its polygon.", severity="warning", code="metered-nobody"
            )
            continue
        taken = taken | members
        weather = row.get("weather")
        ratio = warmth(weather) if isinstance(weather, str) else 1.0
        if ratio is None:
            text = f"metered_demand, {name}: the degree days of weather '{weather}' are not known; the total was taken as of usual weather."
            yield Problem(text, hint="Import the weather first.", severity="warning", code="metered-weather")
        year = row.get("data_year")
        shown = str(row["district"]) if isinstance(row.get("district"), str) else name
        yield District(shown, float(heat), None if year is None or pd.isna(year) else int(year), members, ratio or 1.0)


def calibrate(demand: pd.DataFrame, district: District) -> tuple[pd.DataFrame, Problem]:
    """Return demands scaled to a metered total, and what was done.

    Parameters
    ----------
    demand
        Columns ``space_heat_mwh``, ``hot_water_mwh``, ``peak_mw``, ``rule``, ``calibration``; one line per building.
    """
    import numpy as np  # heavy

    rule = demand["rule"].fillna("").astype(str)
    fixed = rule.str.startswith(METERED).to_numpy()
    estimated = rule.str.startswith(ESTIMATED).to_numpy()
    needs = _needs(demand, district.warmth)
    free = district.members & estimated & ~np.isnan(needs)
    what = "estimated"
    if not (np.nansum(needs[free]) > 0):
        free, what = district.members & ~fixed & ~np.isnan(needs), "given"
    open_mwh = district.heat_mwh - np.nansum(needs[district.members & ~free])
    total = float(needs[free].sum())
    when = f" of {district.data_year}" if district.data_year else ""
    label = f"metered_demand, {district.name}: {district.heat_mwh:,.0f} MWh{when}"
    if total <= 0:
        text = f"{label}: none of its {int(district.members.sum())} buildings has a demand that can be scaled."
        return demand, Problem(text, severity="warning", code="calibration")
    factor = open_mwh / total
    if not FACTORS[0] <= factor <= FACTORS[1]:
        text = (
            f"{label} against {total:,.0f} MWh {what}: a factor of {factor:.3g} is not believed, and was not applied."
        )
        hint = "Is the total in MWh, and are these its buildings?"
        return demand, Problem(text, hint=hint, severity="warning", code="calibration-implausible")
    changed = demand.copy()
    for name in ("space_heat_mwh", "hot_water_mwh", "peak_mw"):
        changed[name] = np.where(free, demand[name].to_numpy(dtype=float) * factor, demand[name].to_numpy(dtype=float))
    before = demand["calibration"].to_numpy(dtype=float)
    changed["calibration"] = np.where(free, np.where(np.isnan(before), 1.0, before) * factor, before)
    note = f"; x {factor:.4g} to the {district.heat_mwh:,.0f} MWh metered in {district.name}{when}"
    changed["rule"] = [
        text + note if scaled else text for text, scaled in zip(demand["rule"].fillna(""), free.tolist(), strict=True)
    ]
    text = (
        f"{label}: the {what} demand of {int(free.sum())} buildings, {total:,.0f} MWh, was multiplied by {factor:.4g}."
    )
    if district.warmth != 1:
        text += f" Space heat of that year is {district.warmth:.3f} of the usual."
    return changed, Problem(text, severity="info", code="calibrated")


def _needs(demand: pd.DataFrame, warmth: float) -> Floats:
    """Return the heat of each building in the year that was metered [MWh], NaN where it is not known."""
    import numpy as np  # heavy

    space = demand["space_heat_mwh"].to_numpy(dtype=float, na_value=np.nan)
    water = demand["hot_water_mwh"].to_numpy(dtype=float, na_value=np.nan)
    both = np.nan_to_num(space) * warmth + np.nan_to_num(water)
    return np.where(np.isnan(space) & np.isnan(water), np.nan, both)
