"""What OpenStreetMap tags tell of heat: a building's use, floor area and demand, and what a source could give.

The specific demands stand in a table, ``specific_demand``, that a scenario can override; :func:`estimate` turns any
such table and any buildings into ``building_demand``. Sources get a typical size with the rule that it was found by.
What a metered district, a typology by year or an owner knows better is left to others.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    Tag = Callable[[str], str | None]

STOREY_M = 3.2
"""Height of a storey where only the height of a building is known [m]; an assumption."""

_NVE = "NVE energibruksmodell (github.com/NVE/ebm, energy_need_original_condition.csv): {} of 1987-1996, rounded to 5"
_ASSUMED = "assumption, rounded"

# use: space heat and hot water [kWh/m2 a], full-load hours [h], storeys where none are tagged, origin of the demands.
# Full-load hours and storeys are rounded assumptions of ours throughout.
_DEFAULTS: dict[str, tuple[float, float, float, float, str]] = {
    "residential_multi": (105, 30, 2300, 4, _NVE.format("apartment_block")),
    "residential_single": (125, 30, 2200, 2, _NVE.format("house")),
    "office": (85, 5, 1800, 4, _NVE.format("office")),
    "retail": (110, 10, 1800, 2, _NVE.format("retail")),
    "hotel": (135, 30, 2400, 4, _NVE.format("hotel")),
    "school": (110, 10, 1800, 2, _NVE.format("school")),
    "health": (135, 30, 2400, 3, _NVE.format("hospital")),
    "industrial": (145, 10, 1800, 1, _NVE.format("storage_repairs")),
    "public": (130, 10, 1900, 2, _NVE.format("culture")),
    "sports": (150, 50, 2200, 1, _NVE.format("sports")),
    "church": (110, 0, 1500, 1, _ASSUMED),
    "other": (110, 20, 2000, 3, _ASSUMED),
    "unheated": (0, 0, 2000, 1, "not heated by definition"),
}

USES = tuple(_DEFAULTS)
"""The uses that tags are mapped to; a scenario may name more."""


def _by_value(words: Mapping[str, str]) -> dict[str, str]:
    return {word: use for use, listed in words.items() for word in listed.split()}


_BUILDING = _by_value({
    "residential_multi": "apartments residential dormitory tenement flats",
    "residential_single": "house detached semidetached_house terrace bungalow villa farm cabin houseboat",
    "office": "office commercial bank government",
    "retail": "retail shop supermarket mall kiosk restaurant pub department_store",
    "hotel": "hotel hostel guest_house motel",
    "school": "school kindergarten university college",
    "health": "hospital clinic nursing_home",
    "industrial": "industrial warehouse factory manufacture workshop works hangar depot data_center",
    "public": "public civic townhall library museum theatre cinema train_station transportation fire_station "
              "police courthouse prison community_centre palace castle",
    "sports": "sports_hall sports_centre gymnasium swimming_pool ice_rink riding_hall",
    "church": "church cathedral chapel mosque synagogue temple monastery shrine religious",
    "unheated": "roof garage garages carport parking shed hut greenhouse glasshouse barn stable cowshed sty "
                "farm_auxiliary construction ruins collapsed service transformer_tower water_tower storage_tank silo "
                "digester tank bunker container tent ship bridge entrance underpass_entrance utility tech_cab stadium "
                "grandstand canopy atrium boathouse no",
})  # fmt: skip

# What a house stands for when its building tag says little; the first key that answers decides.
_GENERIC = frozenset({"yes", "building", "block", "commercial", "public", "civic", "historic"})
_FEATURES: tuple[tuple[str, dict[str, str], str], ...] = (
    ("building:use", _BUILDING, ""),
    ("amenity", _by_value({
        "school": "school kindergarten university college language_school music_school",
        "health": "hospital clinic doctors dentist nursing_home social_facility",
        "church": "place_of_worship monastery",
        "public": "townhall library theatre cinema community_centre courthouse police fire_station arts_centre "
                  "casino exhibition_centre conference_centre embassy prison bus_station",
        "retail": "restaurant cafe bar pub fast_food bank pharmacy marketplace fuel post_office nightclub",
        "unheated": "parking bicycle_parking shelter",
    }), ""),
    ("tourism", _by_value({
        "hotel": "hotel hostel motel guest_house apartment", "public": "museum gallery aquarium",
    }), ""),
    ("leisure", _by_value({
        "sports": "sports_centre sports_hall fitness_centre swimming_pool ice_rink", "unheated": "stadium",
    }), ""),
    ("healthcare", {}, "health"),
    ("shop", {"no": "", "vacant": ""}, "retail"),
    ("office", {"no": ""}, "office"),
    ("craft", {"no": ""}, "industrial"),
    ("industrial", {"no": ""}, "industrial"),
)  # fmt: skip


def use_of(tag: Tag) -> str:
    """Return the use of a building, one of :data:`USES`.

    A telling ``building=*`` decides; where it says little (``yes``, ``commercial``, ``public``), the feature in the
    building does: amenity, tourism, leisure, healthcare, shop, office.

    Parameters
    ----------
    tag
        Looks a tag up: the ``get`` of a dictionary or of a pyosmium tag list.

    Examples
    --------
    >>> use_of({"building": "yes", "amenity": "school"}.get)
    'school'
    """
    building = tag("building") or "yes"
    if building not in _GENERIC and building in _BUILDING:
        return _BUILDING[building]
    for key, uses, default in _FEATURES:
        value = tag(key)
        if value is not None and (use := uses.get(value, default)):
            return use
    return _BUILDING.get(building, "other")


def tag_use(value: str) -> str | None:
    """Return the use that a value of ``building=*`` or of a telling feature says, or None."""
    found = _BUILDING.get(value)
    if found is not None or value in _GENERIC:
        return found
    return next((uses[value] for _, uses, _ in _FEATURES if uses.get(value)), None)


_NUMBER = re.compile(r"[-+]?\d+(?:[.,]\d+)?")
_RANGE = re.compile(r"(?<=\d)\s*-\s*(?=\d)")
_YEAR = re.compile(r"(?<!\d)(1\d{3}|20\d{2})(?!\d)|(?<!\d)(1\d{2}|20\d)0s")


def number_in(text: str | None) -> float:
    """Return the number of a tag, the mean of a list or range such as ``3;5`` or ``3-5``, or NaN."""
    if text is None:
        return math.nan
    # A hyphen between two figures is a range, not a sign.
    found = [text] if text.isdecimal() else _NUMBER.findall(_RANGE.sub(";", text))
    mean = sum(float(part.replace(",", ".")) for part in found) / len(found) if found else math.nan
    return mean if math.isfinite(mean) else math.nan


def metres_in(text: str | None) -> float:
    """Return a length tag in metres (``12``, ``12 m``, ``39 ft``, ``5'11"``), or NaN."""
    if text is None:
        return math.nan
    if "'" in text:
        feet, _, inches = text.partition("'")
        return (number_in(feet) + (number_in(inches) if inches.strip(' "') else 0) / 12) * 0.3048
    return number_in(text) * (0.3048 if "ft" in text or "feet" in text else 1)


def year_in(text: str | None) -> int | None:
    """Return the first year that a date tag names (``1936``, ``2017-03-28``, ``~1890s``), or None."""
    found = _YEAR.search(text) if text else None
    return int(found[1] or f"{found[2]}0") if found else None


def floor_area(buildings: pd.DataFrame) -> NDArray[np.float64]:
    """Return the heated floor area of buildings: footprint times storeys above ground.

    Storeys are those tagged; else the height by :data:`STOREY_M`, though one at least and only one in a church; else a
    default by use. Storeys below ground and those of the roof do not count.

    Parameters
    ----------
    buildings
        Columns ``use``, ``footprint_m2`` [m^2], ``levels``, ``height_m`` [m]; the last two may hold NaN. ``min_level``,
        where it is there, is the number of levels below a part that hangs in the air.

    Returns
    -------
    numpy.ndarray
        Floor area [m^2], shape (buildings,).
    """
    import numpy as np

    levels = buildings["levels"].to_numpy(dtype=float, na_value=np.nan)
    if "min_level" in buildings:
        levels = levels - buildings["min_level"].fillna(0).to_numpy(dtype=float)
    height = buildings["height_m"].to_numpy(dtype=float, na_value=np.nan)
    uses = buildings["use"].to_numpy(dtype=object)
    by_use = np.array([_DEFAULTS.get(use, _DEFAULTS["other"])[3] for use in uses], dtype=float)
    by_height = np.where(uses == "church", np.nan, np.maximum(height / STOREY_M, 1))
    storeys = np.where(np.isnan(levels), np.where(np.isnan(by_height), by_use, by_height), np.fmax(levels, 0))
    return np.asarray(buildings["footprint_m2"].to_numpy(dtype=float) * storeys)


def specific_demand() -> pd.DataFrame:
    """Return the built-in table ``specific_demand``: one row per use, with the source of its figures.

    Nordic stock of the late 1980s to mid 1990s, as delivered heat without losses of the network.
    """
    import pandas as pd

    return pd.DataFrame(
        {
            "use": USES,
            "space_heat_kwh_m2": [row[0] for row in _DEFAULTS.values()],
            "hot_water_kwh_m2": [row[1] for row in _DEFAULTS.values()],
            "full_load_hours": [row[2] for row in _DEFAULTS.values()],
            "profile": pd.Series([None] * len(USES), dtype=object),
            "reference": [f"{row[4]}; full-load hours: {_ASSUMED}" for row in _DEFAULTS.values()],
        }
    )


def estimate(buildings: pd.DataFrame, specific: pd.DataFrame, ages: pd.DataFrame | None = None) -> pd.DataFrame:
    """Estimate the heat demand of buildings from use, floor area, and age and state of the envelope where they are known.

    Parameters
    ----------
    buildings
        Columns ``building``, ``use``, ``floor_area_m2`` [m^2]; ``levels``, ``height_m`` and ``footprint_m2``, where they
        are there, only tell the rule whether storeys were assumed; ``construction_year`` and ``refurbishment`` choose a row of ``ages``.
    specific
        Columns of the table ``specific_demand``, one row per use.
    ages
        Columns of the table ``specific_demand_age``, whose figures go before those of the use; None = none.

    Returns
    -------
    pandas.DataFrame
        Rows of ``building_demand`` in the order of ``buildings``: ``space_heat_mwh`` and ``hot_water_mwh`` [MWh/a],
        ``peak_mw`` [MW] = their sum by the full-load hours, ``profile``, ``rule``. A building whose use or floor area
        is unknown has NaN, never zero, and its rule says why.
    """
    import numpy as np
    import pandas as pd

    uses = buildings["use"].to_numpy(dtype=object)
    place = {use: index for index, use in enumerate(specific["use"])}
    row = np.array([place.get(use, -1) for use in uses], dtype=int)  # -1: the NaN after the last
    area = buildings["floor_area_m2"].to_numpy(dtype=float, na_value=np.nan)

    def figure(column: str) -> NDArray[np.float64]:
        values = np.append(specific[column].to_numpy(dtype=float, na_value=np.nan), np.nan)
        return np.asarray(values[row])

    space, water, hours = figure("space_heat_kwh_m2"), figure("hot_water_kwh_m2"), figure("full_load_hours")
    named = [str(use) for use in uses]
    if ages is not None and len(ages):
        space, water, named = _by_age(buildings, ages, space, water, named)
    space_mwh, water_mwh = space * area / 1000, water * area / 1000
    with np.errstate(divide="ignore", invalid="ignore"):
        peak = np.where(space_mwh + water_mwh == 0, 0.0, (space_mwh + water_mwh) / np.where(hours > 0, hours, np.nan))
    return pd.DataFrame(
        {
            "building": buildings["building"].to_numpy(),
            "space_heat_mwh": space_mwh,
            "hot_water_mwh": water_mwh,
            "peak_mw": peak,
            "profile": np.array([*specific["profile"], None], dtype=object)[row],
            "rule": _rules(named, space + water, area, _assumed(buildings)),
        }
    )


def _by_age(
    buildings: pd.DataFrame,
    ages: pd.DataFrame,
    space: NDArray[np.float64],
    water: NDArray[np.float64],
    named: list[str],
) -> tuple[NDArray[np.float64], NDArray[np.float64], list[str]]:
    """Return specific demands, and what they are of in words, with those by age where one fits."""
    import numpy as np

    from dhsdb.importers.typology import match

    row = match(buildings, ages)
    aged = row >= 0
    own_space = ages["space_heat_kwh_m2"].to_numpy(dtype=float, na_value=np.nan)[row]
    own_water = ages["hot_water_kwh_m2"].to_numpy(dtype=float, na_value=np.nan)[row]
    states = {"none": "as built", "usual": "refurbished", "advanced": "refurbished well"}
    texts = [
        f"{use} {span}, {states.get(state, state)}"
        for use, span, state in zip(ages["use"], ages["age_class"], ages["refurbishment"], strict=True)
    ]
    words = [texts[i] if i >= 0 else name for i, name in zip(row.tolist(), named, strict=True)]
    return (
        np.where(aged & ~np.isnan(own_space), own_space, space),
        np.where(aged & ~np.isnan(own_water), own_water, water),
        words,
    )


def _assumed(buildings: pd.DataFrame) -> NDArray[np.bool_]:
    """Return where the floor area is that of a default number of storeys by use, shape (buildings,)."""
    import numpy as np

    if not {"levels", "height_m", "footprint_m2"} <= set(buildings.columns):
        return np.zeros(len(buildings), dtype=bool)
    by_height = buildings["height_m"].notna().to_numpy() & (buildings["use"].to_numpy(dtype=object) != "church")
    area = buildings["floor_area_m2"].to_numpy(dtype=float, na_value=np.nan)
    return np.asarray(buildings["levels"].isna().to_numpy() & ~by_height & np.isclose(area, floor_area(buildings)))


def _rules(
    uses: Iterable[object], total: NDArray[np.float64], area: NDArray[np.float64], assumed: NDArray[np.bool_]
) -> list[str]:
    texts = []
    for use, kwh, square, guess in zip(uses, total.tolist(), area.tolist(), assumed.tolist(), strict=True):
        if math.isnan(kwh):
            texts.append(f"no specific demand of use {use}")
        elif math.isnan(square):
            texts.append("floor area unknown")
        else:
            note = " (storeys assumed)" if guess else ""
            texts.append(f"specific demand {use} {kwh:g} kWh/m2 x {square:,.0f} m2{note}")
    return texts


# --- heat sources: all sizes are our assumptions, rounded; each rule says so ------------------------------------------


@dataclass(frozen=True, slots=True)
class Typical:
    """Typical size of a kind of source.

    Attributes
    ----------
    kw_per_m2
        Heat by footprint [kW/m2]; None = the footprint says nothing.
    mw
        Heat where the footprint is unknown or says nothing [MW].
    celsius
        Temperature [degC].
    hours
        Hours a year at that capacity [h].
    """

    kw_per_m2: float | None
    mw: float
    celsius: float
    hours: float


TYPICAL = {
    "data_centre": Typical(0.5, 1.0, 28, 8000),
    "supermarket": Typical(0.08, 0.08, 35, 5000),
    "ice_rink": Typical(0.15, 0.3, 30, 5000),
    "waste_water": Typical(None, 1.0, 12, 8000),
    "industry": Typical(0.02, 0.5, 60, 5000),
    "metro_station": Typical(None, 0.2, 18, 6000),
}

HEAT = frozenset({"hot_water", "steam", "heat"})
"""Values of ``substance`` that make a pipeline or a substation part of a heating network."""

_DATA = frozenset({"data_center", "data_centre"})
_OUTPUT = tuple(f"{thing}:output:{form}" for thing in ("plant", "generator") for form in ("hot_water", "heat", "steam"))
_POWER = re.compile(r"(\d[\d.,]*)\s*(GW|MW|kW|W)", re.IGNORECASE)
_MW = {"gw": 1e3, "mw": 1.0, "kw": 1e-3, "w": 1e-6}


def source_kind(building: str | None, tag: Tag) -> str | None:
    """Return the kind of heat source that tags speak of: one of :data:`TYPICAL`, plant, substation, or None.

    A plant or generator counts if its output of heat is tagged; a roof's own solar collector only with a figure.

    Parameters
    ----------
    building
        The tag ``building``, which most of the callers know already.
    tag
        Looks up the other tags.
    """
    if building in _DATA or tag("telecom") in _DATA:
        return "data_centre"
    if building == "supermarket" or tag("shop") == "supermarket":
        return "supermarket"
    if tag("leisure") == "ice_rink" and tag("seasonal") in {None, "no"}:
        return "ice_rink"
    if (made := tag("man_made")) in {"wastewater_plant", "works"}:
        return "waste_water" if made == "wastewater_plant" else "industry"
    if tag("railway") == "station" and (tag("station") == "subway" or tag("subway") == "yes"):
        return "metro_station"
    if tag("power") in {"plant", "generator"} and heat_output(tag):
        return "plant"
    return "substation" if tag("pipeline") == "substation" and tag("substance") in HEAT else None


def heat_output(tag: Tag) -> str | None:
    """Return the tag that says how much heat a plant gives, as ``key=value``, or None."""
    for key in _OUTPUT:
        value = tag(key)
        if value is not None and value != "no":
            return f"{key}={value}" if tag("generator:source") != "solar" or _POWER.search(value) else None
    return None


def source_size(kind: str, output: str | None, area: float) -> tuple[float, float, float, str]:
    """Return what a source could give.

    Parameters
    ----------
    kind
        As :func:`source_kind` returns it.
    output
        As :func:`heat_output` returns it.
    area
        Footprint [m^2]; 0 for a point.

    Returns
    -------
    tuple
        Capacity [MW], temperature [degC], annual heat [MWh/a], each NaN where unknown, and the rule.
    """
    unknown = math.nan
    if kind == "substation":
        return unknown, unknown, unknown, "substation of a heating network: no capacity of its own"
    if kind == "plant":
        found = _POWER.search(output or "")
        mw = number_in(found[1]) * _MW[found[2].lower()] if found else unknown
        return mw, unknown, unknown, f"OpenStreetMap {output}" + ("" if found else ": capacity unknown")
    typical = TYPICAL[kind]
    mw, rule = typical.mw, f"assumption, rounded: {typical.mw:g} MW per {kind.replace('_', ' ')}"
    if typical.kw_per_m2 is not None and area > 0:
        mw = typical.kw_per_m2 * area / 1000
        rule = f"assumption, rounded: {typical.kw_per_m2:g} kW/m2 x {area:,.0f} m2 footprint"
    return mw, typical.celsius, mw * typical.hours, f"{rule}, {typical.hours:,.0f} h/a"
