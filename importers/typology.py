"""Specific heat demands by use, age and state of the envelope, and which of them a building takes.

Dwellings are the calculated needs of the German national typology of TABULA, without losses of boilers and pipes inside
the house, in the national climate of 3,326 K d (G20/12). Other uses are those of the Norwegian stock by building code.
Calculated needs of old houses that were never insulated are above what is metered in them: a metered total of the
district calibrates them (:mod:`~dhsdb.importers.calibration`). A scenario overrides any row of ``specific_demand_age``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dhsdb.schema.places import REFURBISHMENTS

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Objects = NDArray[np.object_]

TABULA_DEGREE_DAYS = 3326.0
"""Degree days G20/12 of TABULA's national climate of Germany: 216 heating days of 4.6 degC on the mean [K d]."""


_TABULA = (
    "TABULA/EPISCOPE (IWU, episcope.eu), German typology, building {}, variant {}: q_h_nd and q_w_nd per reference"
    " floor area, national climate"
)
_YEARS = (
    (None, 1859), (1860, 1918), (1919, 1948), (1949, 1957), (1958, 1968), (1969, 1978), (1979, 1983), (1984, 1994),
    (1995, 2001), (2002, 2009), (2010, 2015), (2016, None),
)  # fmt: skip
# Net need for space heat [kWh/m2 a] by TABULA's classes 01 .. 12: as built, usual and advanced refurbishment. Of 12 it is
# the minimum required in 2016 (variant 011 or 021), KfW 55 (022) and KfW 40.
_SFH = (
    (282.7, 94.8, 49.0), (269.7, 98.5, 57.5), (218.5, 83.6, 50.7), (272.9, 119.2, 61.4), (265.3, 128.1, 69.9),
    (195.3, 91.5, 58.5), (130.6, 73.5, 45.5), (151.7, 96.5, 57.2), (98.2, 76.0, 57.8), (70.1, 61.3, 55.0),
    (82.2, 67.5, 42.0), (82.2, 61.0, 42.0),
)  # fmt: skip
_MFH = (
    (284.9, 101.1, 48.5), (172.5, 80.0, 40.8), (218.5, 81.8, 47.6), (193.7, 78.5, 48.4), (140.2, 64.7, 40.3),
    (147.9, 72.6, 45.3), (122.6, 66.5, 42.0), (127.6, 70.5, 44.0), (80.6, 53.0, 44.0), (49.9, 44.9, 41.3),
    (72.7, 44.7, 35.3), (74.2, 52.0, 35.3),
)  # fmt: skip
# use: TABULA's code, needs by class, hot water [kWh/m2 a]
_DWELLINGS = {"residential_single": ("SFH", _SFH, 10.0), "residential_multi": ("MFH", _MFH, 15.0)}

_NVE = "NVE energibruksmodell (github.com/NVE/ebm, energy_need_original_condition.csv): {} of {}, rounded"
_NVE_STATE = "; refurbished to the figures of {}: assumption"
_CODES = (
    ("before TEK87", None, 1986), ("TEK87", 1987, 1996), ("TEK97", 1997, 2006), ("TEK07", 2007, 2010),
    ("TEK10", 2011, 2019), ("TEK17", 2020, None),
)  # fmt: skip
# use: category, space heat by code [kWh/m2 a], hot water [kWh/m2 a]
_OTHERS = {
    "office": ("office", (106, 86, 70, 54, 39, 26), 5),
    "retail": ("retail", (132, 111, 94, 83, 55, 50), 10),
    "hotel": ("hotel", (164, 137, 115, 92, 68, 51), 30),
    "school": ("school", (136, 111, 92, 67, 47, 46), 10),
    "health": ("hospital", (156, 133, 116, 105, 105, 78), 30),
    "industrial": ("storage_repairs", (182, 143, 114, 90, 87, 76), 10),
    "public": ("culture", (155, 129, 110, 94, 76, 59), 10),
    "sports": ("sports", (184, 152, 126, 88, 69, 55), 49),
}
_USUAL, _ADVANCED = 3, 5  # codes whose figures stand for a usual and an advanced refurbishment


def age_class(first: int | None, last: int | None) -> str:
    """Return a span of years in words.

    Examples
    --------
    >>> age_class(None, 1859), age_class(1860, 1918), age_class(2016, None)
    ('until 1859', '1860-1918', 'from 2016')
    """
    if first is None:
        return f"until {last}"
    return f"from {first}" if last is None else f"{first}-{last}"


def specific_demand_age() -> pd.DataFrame:
    """Return the built-in table ``specific_demand_age``, each row with the source of its figures."""
    import pandas as pd  # heavy

    names = (
        "use",
        "age_class",
        "refurbishment",
        "from_year",
        "to_year",
        "space_heat_kwh_m2",
        "hot_water_kwh_m2",
        "reference",
    )
    frame = pd.DataFrame([*_dwelling_rows(), *_other_rows()], columns=list(names))
    return frame.astype({"from_year": "Int64", "to_year": "Int64"})


def _dwelling_rows() -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for use, (code, needs, water) in _DWELLINGS.items():
        for number, ((first, last), three) in enumerate(zip(_YEARS, needs, strict=True), 1):
            for variant, (state, space) in enumerate(zip(REFURBISHMENTS, three, strict=True), 1):
                source = _TABULA.format(f"DE.N.{code}.{number:02d}", f"{variant:03d}")
                rows.append((use, age_class(first, last), state, first, last, space, water, source))
    return rows


def _other_rows() -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for use, (category, needs, water) in _OTHERS.items():
        for (code, first, last), built in zip(_CODES, needs, strict=True):
            source = _NVE.format(category, code)
            for state, better in (("none", None), ("usual", _USUAL), ("advanced", _ADVANCED)):
                space = built if better is None else min(built, needs[better])
                said = source if better is None else source + _NVE_STATE.format(_CODES[better][0])
                rows.append((use, age_class(first, last), state, first, last, float(space), float(water), said))
    return rows


def match(buildings: pd.DataFrame, ages: pd.DataFrame) -> NDArray[np.int64]:
    """Return the row of ``specific_demand_age`` that each building takes; -1 = none.

    The state of a building that is not said is as built. Where several spans hold its year, the narrowest counts.

    Parameters
    ----------
    buildings
        Columns ``use``, ``construction_year`` and ``refurbishment``; what is missing is not known.
    ages
        Columns of the table ``specific_demand_age``.
    """
    import numpy as np  # heavy

    n = len(buildings)
    found = np.full(n, -1, dtype=np.int64)
    if not len(ages) or "construction_year" not in buildings:
        return found
    year = buildings["construction_year"].to_numpy(dtype=float, na_value=np.nan)
    use = buildings["use"].to_numpy(dtype=object)
    state = np.full(n, "none", dtype=object)
    if "refurbishment" in buildings:
        given = buildings["refurbishment"]
        state = given.astype(object).where(given.notna(), "none").to_numpy(dtype=object)
    first = ages["from_year"].to_numpy(dtype=float, na_value=-np.inf)
    last = ages["to_year"].to_numpy(dtype=float, na_value=np.inf)
    width = np.full(n, np.inf)
    for i, (of_use, of_state) in enumerate(zip(ages["use"], ages["refurbishment"], strict=True)):
        fits = (use == of_use) & (state == of_state) & (year >= first[i]) & (year <= last[i])
        span = last[i] - first[i]
        fits &= (span < width) | (found < 0)
        found[fits], width[fits] = i, span
    return found
