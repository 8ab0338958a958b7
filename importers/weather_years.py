"""Whole calendar years of hourly temperatures: other steps brought to hours, short gaps bridged, years cut out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dhsdb.errors import Problem

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

GAP_H = 6
"""Hours in a row that are bridged where they have no temperature."""
_OVERHANG_H = 26


@dataclass(slots=True)
class Year:
    """A calendar year of hourly temperatures in standard time.

    Attributes
    ----------
    data_year
        None = a typical year, whose months are of different years.
    """

    name: str
    temperature: Floats
    data_year: int | None
    utc_offset_h: float | None
    text: str


def whole_years(path: Path, series: pd.Series[Any], offset: float | None, notes: list[Problem]) -> list[Year]:
    """Return whole calendar years of hourly means."""
    import pandas as pd  # heavy

    step = pd.Series(series.index).diff().mode()
    usual = step.iloc[0] if len(step) else pd.Timedelta(hours=1)
    series = _from_beginnings(path, series, usual, notes)
    hourly = _hourly(path, series, usual, notes)
    if hourly is None:
        return []
    found: list[tuple[int, Floats]] = []
    short: list[str] = []
    for year in sorted(set(pd.DatetimeIndex(hourly.index).year)):
        part = hourly.reindex(pd.date_range(f"{year}-01-01", f"{year}-12-31 23:00", freq="h")).to_numpy(dtype=float)
        n = int((part == part).sum())  # noqa: PLR0124  not NaN
        if n < _OVERHANG_H < len(hourly):
            continue  # hours that another zone moved over New Year
        bridged = bridge(part, max(GAP_H, int(usual / pd.Timedelta(hours=1))))
        if bridged is None:
            short.append(f"{year} ({n:,} hours)")
            continue
        if n < len(part):
            text = (
                f"hours of {year} without a temperature: {len(part) - n}; they were bridged between their neighbours."
            )
            notes.append(Problem(text, str(path), severity="warning", code="gap"))
        found.append((int(year), bridged))
    if short:
        severity = "info" if found else "error"
        text = f"no whole year, or more than {GAP_H} hours missing in a row: {', '.join(short[:5])}; such years were left out."
        notes.append(Problem(text, str(path), hint="Give a whole year.", severity=severity, code="weather"))
    name = f"{path.stem} {{}}" if len(found) > 1 else path.stem
    return [Year(name.format(y), values, y, offset, f"hourly temperature of {y}") for y, values in found]


def gaps(values: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where values are missing: the first place and the length of each gap."""
    import numpy as np  # heavy

    edges = np.flatnonzero(np.diff(np.concatenate([[0], np.isnan(values).astype(int), [0]])))
    return edges[::2], edges[1::2] - edges[::2]


def bridge(values: Floats, most: int) -> Floats | None:
    """Return values whose gaps are bridged between their neighbours, None if more than ``most`` in a row are missing."""
    import numpy as np  # heavy

    _, lengths = gaps(values)
    if not len(lengths):
        return values
    missing = np.isnan(values)
    if missing.all() or lengths.max() > most:
        return None
    at = np.arange(len(values))
    return np.asarray(np.interp(at, at[~missing], values[~missing]))


def _from_beginnings(path: Path, series: pd.Series[Any], usual: Any, notes: list[Problem]) -> pd.Series[Any]:
    """Return a series by the beginnings of hours: one from 1:00 on New Year to 0:00 on the next has their ends."""
    import pandas as pd  # heavy

    hour = pd.Timedelta(hours=1)
    if not len(series) or usual != hour:
        return series
    first, last = series.index[0], series.index[-1]
    if (first.month, first.day, first.hour) != (1, 1, 1) or (last.month, last.day, last.hour) != (1, 1, 0):
        return series
    text = "times are the ends of hours; they were taken as such."
    notes.append(Problem(text, str(path), severity="info", code="time-zone"))
    return pd.Series(series.to_numpy(), index=pd.DatetimeIndex(series.index) - hour)


def _hourly(path: Path, series: pd.Series[Any], usual: Any, notes: list[Problem]) -> pd.Series[Any] | None:
    """Return hourly values, None if there are too few."""
    import pandas as pd  # heavy

    hour = pd.Timedelta(hours=1)
    day = 24 * hour
    if usual > day:
        text = f"values every {usual / hour:g} h are too few."
        notes.append(Problem(text, str(path), hint="Give hourly values.", code="weather"))
        return None
    if usual < hour:
        text = f"values every {usual / hour * 60:g} minutes became means of hours."
        notes.append(Problem(text, str(path), severity="info", code="resampled"))
        return series.resample("h").mean()
    if usual > hour:
        what = "held through the day" if usual == day else "bridged between them"
        text = f"values every {usual / hour:g} h were {what}."
        notes.append(Problem(text, str(path), severity="warning", code="resampled"))
        hours = series.resample("h")
        return hours.ffill(limit=23) if usual == day else hours.interpolate(limit_area="inside")
    return series
