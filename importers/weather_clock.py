"""What the times of weather mean: formats, distances from UTC, and daylight saving, which is seen, said and undone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dhsdb.errors import Problem
from dhsdb.importers.decimals import number_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_COMPACT = re.compile(r"(\d{8}):?(\d{2}(?:\d{2})?)")
"""As the DWD and PVGIS write times: 2015013113, 20150131:1300."""
_OFFSET = re.compile(r"(?:Z|([+-])(\d{2}):?(\d{2}))$")


@dataclass(slots=True)
class Times:
    """Times of a table.

    Attributes
    ----------
    stamps
        Times, in UTC where they say how far from it they are.
    offset_h
        Hours ahead of UTC of standard time, the least that the times say; None if they do not.
    """

    stamps: pd.Series[Any]
    offset_h: float | None = None


def read_times(words: Sequence[str]) -> Times | None:
    """Return times, or None if they can't be read."""
    import pandas as pd  # heavy

    if not words:
        return None
    series = pd.Series(words, dtype=str)
    compact = [_COMPACT.fullmatch(word) for word in words]
    if all(compact):
        joined = pd.Series([f"{m[1]}{m[2]:0<4}" for m in compact if m])
        found = pd.to_datetime(joined, format="%Y%m%d%H%M", errors="coerce")
        return None if found.isna().any() else Times(found)
    offset = _least_offset(words)
    dotted = bool(re.match(r"\d{1,2}\.\d{1,2}\.\d{2,4}", words[0]))
    slashed = bool(re.match(r"\d{1,2}/\d{1,2}/\d{2,4}", words[0]))
    if not dotted and not slashed and not re.match(r"\d{4}-\d{1,2}-\d{1,2}|\d{4}/\d{1,2}/\d{1,2}", words[0]):
        return None
    try:
        found = pd.to_datetime(
            series, format="mixed", dayfirst=dotted or slashed, errors="coerce", utc=offset is not None
        )
    except (ValueError, TypeError, OverflowError):
        return None
    if found.isna().any():
        return None
    return Times(found if offset is None else found.dt.tz_localize(None), offset)


def _least_offset(words: Sequence[str]) -> float | None:
    """Return the least distance from UTC in hours, None if not all times say one."""
    least: float | None = None
    for word in words:
        found = _OFFSET.search(word)
        if found is None:
            return None
        hours = 0.0 if found[1] is None else float(f"{found[1]}{int(found[2]) + int(found[3]) / 60}")
        least = hours if least is None else min(least, hours)
    return least


def standard_time(
    path: Path, times: Times, values: Floats, options: Mapping[str, str], notes: list[Problem], *, is_utc: bool
) -> tuple[pd.Series[Any], float | None] | None:
    """Return temperatures by standard time, and its distance from UTC; tell what the times were taken for.

    Parameters
    ----------
    is_utc
        Whether the file says that its times are in UTC.
    """
    import pandas as pd  # heavy

    wish = options.get("utc_offset", "")
    offset = number_of(wish) if wish else None
    if wish and offset is None:
        text = f"utc_offset can't be '{wish}'."
        hint = "Give hours, as in 1 for Central Europe."
        notes.append(Problem(text, str(path), hint=hint, code="option"))
        return None
    if is_utc or times.offset_h is not None:
        said = offset if offset is not None else (times.offset_h or 0.0)
        hint = "" if said else "-o utc_offset=1 makes them hours of Central Europe."
        text = f"times were taken as hours of UTC{said:+g}." if said else "times are in UTC, and were kept so."
        notes.append(Problem(text, str(path), hint=hint, severity="info", code="time-zone"))
        series = pd.Series(values, index=times.stamps + pd.Timedelta(hours=said)).sort_index()
        return _without_twins(path, series, notes), said
    ordered = pd.Series(values, index=times.stamps)
    step = pd.Series(times.stamps).diff().dropna()
    usual = step.mode().iloc[0] if len(step) else pd.Timedelta(hours=1)
    if not ordered.index.is_monotonic_increasing and (step < pd.Timedelta(0)).sum() > 2:  # noqa: PLR2004  not only the autumn
        ordered = ordered.sort_index(kind="stable")
    shifted, saving = _undo_saving(ordered, usual)
    if saving:
        text = f"times are local with daylight saving ({'; '.join(saving)}); they were brought to standard time."
        notes.append(Problem(text, str(path), severity="warning", code="daylight-saving"))
    else:
        text = "times name no zone and show no daylight saving; they were taken as standard time."
        notes.append(Problem(text, str(path), severity="info", code="time-zone"))
    series = pd.Series(ordered.to_numpy(), index=shifted)
    return _without_twins(path, series, notes), offset


def _undo_saving(series: pd.Series[Any], usual: Any) -> tuple[pd.DatetimeIndex, list[str]]:
    """Return times without daylight saving, and where it was seen: the hour that is missing in spring, or double in autumn."""
    import numpy as np  # heavy
    import pandas as pd

    index = pd.DatetimeIndex(series.index)
    hour = pd.Timedelta(hours=1)
    moved = np.zeros(len(index), dtype=np.int64)
    expected = max(int(hour / usual), 1) if usual > pd.Timedelta(0) else 1
    seen: list[str] = []
    for year in sorted(set(index.year)):
        for begins, ends in _savings(year):
            gap = _lacks(index, begins)
            double = (index >= ends - hour) & (index < ends)
            twice = int(double.sum()) >= 2 * expected
            if not (gap or twice):
                continue
            seen += [f"{begins:%Y-%m-%d} lacks an hour"] if gap else []
            seen += [f"{ends:%Y-%m-%d} has one twice"] if twice else []
            saving = (index >= begins) & (index < ends)
            if twice:
                later = np.flatnonzero(double)[expected:]
                saving[later] = False  # the second time the clock shows that hour it is standard time again
            moved[saving] = 1
            break
    return index - pd.to_timedelta(moved, unit="h"), seen


def _savings(year: int) -> Iterator[tuple[pd.Timestamp, pd.Timestamp]]:
    """Yield when clocks are put forward and back again: in the European Union, and in North America."""
    import pandas as pd  # heavy

    hour = pd.Timedelta(hours=1)
    yield _sunday(year, 3, 25) + 2 * hour, _sunday(year, 10, 25) + 3 * hour
    yield _sunday(year, 3, 8) + 2 * hour, _sunday(year, 11, 1) + 2 * hour


def _sunday(year: int, month: int, day: int) -> pd.Timestamp:
    """Return the first Sunday from a day on."""
    import pandas as pd  # heavy

    first = pd.Timestamp(year=int(year), month=month, day=day)
    return first + pd.Timedelta(days=6 - first.weekday())


def _lacks(index: pd.DatetimeIndex, begins: pd.Timestamp) -> bool:
    """Return whether the hour from a time on is missing, and those before and after it are there."""
    import pandas as pd  # heavy

    hour = pd.Timedelta(hours=1)

    def has(first: pd.Timestamp) -> bool:
        return bool(((index >= first) & (index < first + hour)).any())

    return not has(begins) and has(begins - hour) and has(begins + hour)


def _without_twins(path: Path, series: pd.Series[Any], notes: list[Problem]) -> pd.Series[Any]:
    twins = series.index.duplicated(keep="first")
    if twins.any():
        first = series.index[twins][0]
        text = f"times that are there twice: {int(twins.sum())}, the first is {first:%Y-%m-%d %H:%M}; their first value was taken."
        notes.append(Problem(text, str(path), severity="warning", code="duplicate"))
    return series[~twins].sort_index()
