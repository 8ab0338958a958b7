"""Heat demand of buildings: what their source gives, what was metered, and estimates for the rest, each with its rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dhsdb.importers import demand as specific_demands
from dhsdb.importers.building_words import RESIDENTIAL, SINGLE_M2

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

AREA_PER_VOLUME = 0.32
"""Floor area per heated gross volume of dwellings [1/m]: A_N = 0.32 V_e of the German EnEV, annex 1, no. 1.3.3."""
_TOLERANCE = 1.001


def settle_uses(frame: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Decide by floor area whether dwellings are single-family houses; returns how many were decided so."""
    import numpy as np  # heavy

    open_uses = (frame["use"] == RESIDENTIAL).to_numpy()
    single = frame["floor_area_m2"].to_numpy(dtype=float) <= SINGLE_M2
    use = frame["use"].to_numpy(dtype=object).copy()
    use[open_uses] = np.where(single[open_uses], "residential_single", "residential_multi")
    return frame.assign(use=use), int(open_uses.sum())


def floor_areas(frame: pd.DataFrame) -> tuple[Floats, list[str]]:
    """Return floor areas, and how each was found where the source does not give it.

    Storeys go before the volume; without either, storeys are assumed by use.

    Parameters
    ----------
    frame
        Columns ``use``, ``floor_area_m2``, ``footprint_m2``, ``levels``, ``height_m``, ``volume_m3``.
    """
    import numpy as np  # heavy

    given, foot, levels, volume = (
        frame[c].to_numpy(dtype=float, na_value=np.nan)
        for c in ("floor_area_m2", "footprint_m2", "levels", "volume_m3")
    )
    dwelling = frame["use"].isin([RESIDENTIAL, "residential_single", "residential_multi"]).to_numpy()
    by_levels = foot * levels
    by_volume = volume * np.where(dwelling, AREA_PER_VOLUME, 1 / specific_demands.STOREY_M)
    # One storey of a church, however high; the same as for those of a map.
    by_volume = np.where((frame["use"] == "church").to_numpy(), np.minimum(by_volume, foot), by_volume)
    assumed = specific_demands.floor_area(frame.assign(use=frame["use"].replace(RESIDENTIAL, "residential_single")))
    area = given.copy()
    how = np.where(np.isnan(given), "", "given").astype(object)
    for values, name in ((by_levels, "storeys"), (by_volume, "volume"), (assumed, "assumed")):
        fits = np.isnan(area) & ~np.isnan(values)
        area[fits], how[fits] = values[fits], name
    return area, how.tolist()


def demand_rows(frame: pd.DataFrame, specific: pd.DataFrame, ages: pd.DataFrame) -> pd.DataFrame:
    """Return rows of ``building_demand``: given figures where there are some, completed and else estimated.

    Parameters
    ----------
    frame
        Buildings with ``floor_area_m2``, ``levels``, ``_assumed`` (whether the area follows from assumed
        storeys) and any of ``space_heat_mwh``, ``hot_water_mwh``, ``heat_mwh``, ``metered_mwh`` [MWh/a],
        ``space_specific``, ``water_specific``, ``heat_specific`` [kWh/m2 a], ``peak_mw`` [MW], ``profile``.
    """
    import numpy as np  # heavy

    # Storeys only tell the rule whether they were assumed, which does not count where the floor area came from elsewhere.
    known = frame["levels"].where(frame["_assumed"], 1.0)
    estimated = specific_demands.estimate(frame.assign(levels=known), specific, ages)
    n = len(frame)

    def figure(name: str) -> Floats:
        return frame[name].to_numpy(dtype=float, na_value=np.nan) if name in frame else np.full(n, np.nan)

    area = figure("floor_area_m2")
    space = _first(figure("space_heat_mwh"), figure("space_specific") * area / 1000)
    water = _first(figure("hot_water_mwh"), figure("water_specific") * area / 1000)
    total = _first(figure("heat_mwh"), figure("heat_specific") * area / 1000)
    metered = figure("metered_mwh")
    est_space, est_water = (estimated[c].to_numpy(dtype=float) for c in ("space_heat_mwh", "hot_water_mwh"))
    rule = estimated["rule"].to_numpy(dtype=object).copy()
    words = [str(r) for r in rule]
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.nan_to_num(est_water / (est_space + est_water))

    has_space, has_water, has_total, is_metered = (~np.isnan(v) for v in (space, water, total, metered))
    # The rest of a total is what is not said of it; a total below what it should hold is no total.
    rest_water = has_space & ~has_water & has_total & (total >= space / _TOLERANCE)
    rest_space = has_water & ~has_space & has_total & (total >= water / _TOLERANCE)
    water = np.where(rest_water, np.maximum(total - space, 0), water)
    space = np.where(rest_space, np.maximum(total - water, 0), space)
    split = has_total & ~has_space & ~has_water
    space = np.where(split, total * (1 - share), space)
    water = np.where(split, total * share, water)
    water_open, space_open = np.isnan(water) & ~np.isnan(space), np.isnan(space) & ~np.isnan(water)
    nothing = np.isnan(space) & np.isnan(water)
    water = np.where(np.isnan(water), est_water, water)
    space = np.where(np.isnan(space), est_space, space)
    # Metered heat is split as the figures beside it are, whatever they add up to.
    with np.errstate(divide="ignore", invalid="ignore"):
        metered_share = np.nan_to_num(water / (space + water))
    space = np.where(is_metered, metered * (1 - metered_share), space)
    water = np.where(is_metered, metered * metered_share, water)
    for i in np.flatnonzero(~nothing | is_metered).tolist():
        if is_metered[i]:
            rule[i] = f"metered: {metered[i]:,.4g} MWh, of which {metered_share[i]:.0%} hot water"
        elif split[i]:
            rule[i] = f"given: heat; {share[i]:.0%} of it hot water by {words[i]}"
        elif water_open[i]:
            rule[i] = f"given: space heat; hot water by {words[i]}"
        elif space_open[i]:
            rule[i] = f"given: hot water; space heat by {words[i]}"
        else:
            rule[i] = "given: space heat and hot water"
    peak = _peaks(figure("peak_mw"), space, water, frame["use"].to_numpy(dtype=object), specific)
    profile = estimated["profile"].to_numpy(dtype=object)
    if "profile" in frame:
        own = frame["profile"]
        profile = np.where(own.notna().to_numpy(), own.to_numpy(dtype=object), profile)
    return estimated.assign(
        space_heat_mwh=space, hot_water_mwh=water, peak_mw=peak, profile=profile, rule=rule, calibration=np.nan, weather=None
    )  # fmt: skip


def _first(first: Floats, second: Floats) -> Floats:
    import numpy as np  # heavy

    return np.where(np.isnan(first), second, first)


def _peaks(given: Floats, space: Floats, water: Floats, uses: NDArray[np.object_], specific: pd.DataFrame) -> Floats:
    """Return peak loads: given, else the year's heat by the full-load hours of the use, or of others."""
    import numpy as np  # heavy

    hours_of = dict(zip(specific["use"], specific["full_load_hours"].astype(float), strict=True))
    other = hours_of.get("other", np.nan)
    hours = np.array([hours_of.get(use, other) for use in uses], dtype=float)
    heat = space + water
    with np.errstate(divide="ignore", invalid="ignore"):
        by_hours = np.where(heat == 0, 0.0, heat / np.where(hours > 0, hours, np.nan))
    return np.where(np.isnan(given), by_hours, given)
