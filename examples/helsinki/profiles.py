"""The hourly profiles of the Helsinki study: weather, electricity price, heat demand by use, excess heat.

All of them follow from one test reference year, so that cold hours, windless hours and high loads meet as they do in a
real year. The year is generic: 8760 hours, no leap day, and it starts on a Monday; hour 1 begins at midnight. What is
measured, what is shifted and what is made up is said with each function and, by profile, in :data:`TEXTS`.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from dhsdb.errors import UserError
from dhsdb.importers.rows import Rows, Series

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

ATTRIBUTION = (
    "Weather: Deutscher Wetterdienst (DWD), test reference years 2010, region 2 (Rostock), as shipped by demandlib. "
    "Heat demand: standard load profiles of BDEW, as shipped by demandlib."
)
"""Shown wherever the profiles go out."""

HOURS = 8760
MONDAY = "2018-01-01"
"""A day from which 8760 hours without leap day start on a Monday; the year itself means nothing."""

NORMALS_C = (-3.1, -3.8, -0.7, 4.4, 10.4, 14.9, 18.1, 16.9, 12.3, 6.6, 2.4, -0.7)
"""Mean temperature [degC] of each month at Helsinki Kaisaniemi, normals 1991-2020 of the Finnish Meteorological
Institute (from memory)."""

SEA_C = (1.0, 20.0)
"""Bounds [degC] of the sea's temperature at the intake."""

HEAT_SHAPES = {
    "heat residential": ("MFH", 11),
    "heat office": ("GBD", 0),
    "heat retail": ("GHA", 0),
    "heat hotel": ("GBH", 0),
    "heat public": ("GKO", 0),
    "heat other": ("GHD", 0),
}
"""Profile -> type of BDEW's standard load profile and class of building (11 = mean of the stock, 0 = no dwelling)."""

TEXTS = {
    "outdoor temperature": "DWD test reference year 2010, region 2 (Rostock), each month shifted to the normals of "
    "Helsinki 1991-2020; spread and sequence stay those of Rostock, so cold spells are milder than in Helsinki",
    "sea temperature": "synthetic: mean outdoor temperature of the 30 days before, within 1 .. 20 degC",
    "electricity price": "synthetic factor on the year's mean price, mean 1: dearer in cold, calm and working hours "
    "of the test reference year; never negative",
    **{
        name: f"BDEW standard load profile {kind} at the outdoor temperature, hot water included; shares of the year"
        for name, (kind, _) in HEAT_SHAPES.items()
    },
    "data centre availability": "synthetic: 0.9 at night, 1 by day",
    "supermarket availability": "synthetic: refrigeration gives more heat in warm weather and in opening hours",
    "ice rink availability": "synthetic: an outdoor rink that is cooled from mid-November to mid-March",
}
"""Profile -> what it describes and where it comes from."""

_TRY = Path("vdi", "resources_weather", "TRY2010_02_Jahr.dat")
_COLUMNS = (2, 7, 8)  # month, wind speed [m/s], air temperature [degC]


def try_file() -> Path:
    """Return the test reference year that demandlib ships; demandlib is not imported.

    Raises
    ------
    UserError
        If demandlib is not installed.
    """
    spec = find_spec("demandlib")
    if spec is None or spec.origin is None:
        raise UserError(
            "the Helsinki study needs the weather of package demandlib.", 'Install it: pip install "dhsdb[demo]"'
        )
    return Path(spec.origin).parent / _TRY


def series() -> list[Series]:
    """Return all profiles of the study, each of 8760 hours.

    Raises
    ------
    UserError
        If demandlib is not installed.
    """
    file = try_file()
    month, wind, raw = _read(file)
    outdoor = outdoor_temperature(raw, month)
    heat = {name: heat_shape(outdoor, *kind) for name, kind in HEAT_SHAPES.items()}
    return [
        Series("outdoor temperature", outdoor, "temperature", file, "degC"),
        Series("sea temperature", sea_temperature(outdoor), "temperature", file, "degC"),
        Series("electricity price", electricity_price(outdoor, wind), "factor", file),
        *(Series(name, shape, "share", file) for name, shape in heat.items()),
        *(Series(name, values, "factor", file) for name, values in availability(outdoor).items()),
    ]


def texts() -> Rows:
    """Return the rows of table ``profile`` that say what each profile describes.

    They name no values: import them after :func:`series`, with ``on_conflict="merge"``, which keeps what they leave blank.
    """
    import pandas as pd

    frame = pd.DataFrame({"profile": list(TEXTS), "text": list(TEXTS.values())})
    return Rows("profile", frame, try_file(), partial=True)


def _read(file: Path) -> tuple[Array, Array, Array]:
    """Return month, wind speed [m/s] and air temperature [degC] of each hour of a test reference year."""
    import numpy as np

    _, _, table = file.read_text(encoding="utf-8").partition("***\n")
    month, wind, temperature = np.loadtxt(table.splitlines(), usecols=_COLUMNS).T
    return month, wind, temperature


def outdoor_temperature(raw: Array, month: Array) -> Array:
    """Return the outdoor temperature [degC]: a test reference year, each month shifted to the mean in Helsinki.

    Parameters
    ----------
    raw
        Temperature of the test reference year [degC], shape (8760,).
    month
        Month of each hour, 1 .. 12, shape (8760,).
    """
    import numpy as np

    index = month.astype(np.int64) - 1
    means = np.bincount(index, raw) / np.bincount(index)
    return np.asarray(raw + (np.array(NORMALS_C) - means)[index])


def sea_temperature(outdoor: Array) -> Array:
    """Return the sea's temperature [degC]: the mean outdoor temperature of the 30 days before, within :data:`SEA_C`.

    The sea follows the air with a lag of about two weeks and does not freeze at the intake. Synthetic.
    """
    import numpy as np

    return np.clip(_mean_before(outdoor, 30 * 24), *SEA_C)


def electricity_price(outdoor: Array, wind: Array) -> Array:
    """Return the electricity price as a factor on the year's mean: positive, mean 1. Synthetic.

    The logarithm of the factor is a sum of four terms, so that scarce hours are dearer than plentiful ones are cheap:
    cold (0.03 per K that the last three days are below the year's mean), calm (0.12 per m/s that the last day is below
    the mean), the hour (0.10 to 0.15 from 8 to 20 o'clock, -0.3 at 2 o'clock), Saturday and Sunday (-0.15).
    """
    import numpy as np

    hour = np.arange(HOURS)
    cold = outdoor.mean() - _mean_before(outdoor, 3 * 24)
    calm = wind.mean() - _mean_before(wind, 24)
    daily = -0.2 * np.cos(2 * np.pi * (hour - 2) / 24) - 0.1 * np.cos(4 * np.pi * (hour - 2) / 24)
    weekend = hour // 24 % 7 >= 5
    factor = np.exp(0.03 * cold + 0.12 * calm + daily - 0.15 * weekend)
    return np.asarray(factor / factor.mean())


def heat_shape(outdoor: Array, kind: str, building_class: int) -> Array:
    """Return the heat demand of a kind of building as shares of the year: BDEW's profile, hot water included.

    Parameters
    ----------
    outdoor
        Outdoor temperature [degC], shape (8760,).
    kind, building_class
        As in :data:`HEAT_SHAPES`.
    """
    import numpy as np
    import pandas as pd
    from demandlib.bdew import HeatBuilding

    index = pd.date_range(MONDAY, periods=HOURS, freq="h")
    building = HeatBuilding(
        index, temperature=pd.Series(outdoor, index), shlp_type=kind, building_class=building_class, wind_class=0
    )
    shape = np.asarray(building.get_normalized_bdew_profile(), np.float64)
    return np.asarray(shape / shape.sum())


def availability(outdoor: Array) -> dict[str, Array]:
    """Return what each kind of heat source gives, as a factor on its capacity. Synthetic.

    Data centres give 0.9 at night and 1 from 7 to 22 o'clock. Supermarkets give 0.4 below -5 degC, rising to 1 at
    20 degC, and a fifth less outside 7 to 22 o'clock. The ice rink is cooled from 15 November to 15 March and gives 0.4
    below -10 degC, rising to 1 at 5 degC.
    """
    import numpy as np

    hour, day = np.arange(HOURS) % 24, np.arange(HOURS) // 24 + 1
    open_ = (hour >= 7) & (hour < 22)
    season = (day < 75) | (day >= 319)

    def warm(low: float, high: float) -> Array:
        return 0.4 + 0.6 * np.clip((outdoor - low) / (high - low), 0, 1)

    return {
        "data centre availability": np.where(open_, 1.0, 0.9),
        "supermarket availability": warm(-5, 20) * np.where(open_, 1.0, 0.8),
        "ice rink availability": warm(-10, 5) * season,
    }


def _mean_before(values: Array, hours: int) -> Array:
    """Return the mean of the last ``hours`` hours, this one included; the year is taken as a circle."""
    import numpy as np

    total = np.cumsum(np.concatenate([[0.0], values[-hours:], values]))
    return np.asarray((total[hours + 1 :] - total[1:-hours]) / hours)
