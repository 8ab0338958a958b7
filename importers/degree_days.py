r"""Degree days and the shape of heat demand over a year, from hourly temperatures.

Degree days G20/15 as in VDI 2067 and VDI 3807: :math:`\sum (20 - t_m)` over the days whose mean outside temperature
:math:`t_m` is below the heating limit of 15 degC. Space heat of one year is carried to another by their ratio; heat for
hot water is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

ROOM_C = 20.0
LIMIT_C = 15.0
"""Heating limit: mean outside temperature of a day below which it is heated."""
_DAY = 24


def daily_means(temperature: Floats) -> Floats:
    """Return the mean of each day, shape (days,); hours beyond whole days are left out."""
    whole = len(temperature) // _DAY * _DAY
    means: Floats = temperature[:whole].reshape(-1, _DAY).mean(axis=1)
    return means


def degree_days(temperature: Floats, limit: float = LIMIT_C, room: float = ROOM_C) -> float:
    """Return the degree days of hourly temperatures [K d].

    Examples
    --------
    >>> import numpy as np
    >>> degree_days(np.array([10.0] * 24 + [15.0] * 24 + [-5.0] * 24))
    35.0
    """
    mean = daily_means(temperature)
    return float((room - mean[mean < limit]).sum())


def heating_days(temperature: Floats, limit: float = LIMIT_C) -> int:
    """Return the number of days below the heating limit."""
    return int((daily_means(temperature) < limit).sum())


def heat_shape(temperature: Floats, water: float, limit: float = LIMIT_C, room: float = ROOM_C) -> Floats:
    """Return the share of a year's heat that is needed in each hour: they add up to 1.

    Space heat follows the degrees that are lacking to the room temperature, on days below the heating limit; hot water is
    the same in every hour.

    Parameters
    ----------
    temperature
        Hourly outside temperatures of a year [degC], shape (hours,).
    water
        Share of hot water in the year's heat.

    Examples
    --------
    >>> import numpy as np
    >>> heat_shape(np.array([0.0] * 12 + [10.0] * 12), 0.5).round(4)[[0, 12]]
    array([0.0486, 0.0347])
    """
    import numpy as np

    n = len(temperature)
    heated = np.repeat(daily_means(temperature) < limit, _DAY)
    heated = np.concatenate([heated, np.zeros(n - len(heated), dtype=bool)])
    lacking = np.where(heated, np.maximum(room - temperature, 0.0), 0.0)
    total = lacking.sum()
    space = lacking / total if total > 0 else np.full(n, 1 / n)
    return np.asarray((1 - water) * space + water / n)
