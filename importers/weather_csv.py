"""Tables of time and temperature: what their times mean, and whole years of hourly values in standard time."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dhsdb.errors import Problem
from dhsdb.importers.building_cells import is_blank
from dhsdb.importers.decimals import number_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_TIMES = frozenset({
    "time", "timestamp", "datetime", "date time", "date", "zeit", "datum", "zeitpunkt", "zeitstempel", "uhrzeit", "mess datum",
    "valid time", "local time", "time utc", "utc", "timestamp utc", "time local", "datum uhrzeit", "date time utc", "zeit utc",
    "zeit mez", "time cet", "local",
})  # fmt: skip
_TEMPERATURES = frozenset({
    "temperature", "temp", "t", "lufttemperatur", "air temperature", "tt tu", "t2m", "dry bulb", "dry bulb temperature",
    "temperatur", "aussentemperatur", "außentemperatur", "temp air", "outdoor temperature", "outside temperature", "ambient temperature",
    "temperature 2m", "ta", "t air", "tamb", "t amb", "t out", "tas", "temperature c", "air temp",
})  # fmt: skip
_UNIT = re.compile(r"[\[(]\s*([^\[\]()]*)\s*[\])]")
_COMPACT = re.compile(r"\d{10}(?:\d{2})?")
_MOST = 20
_GAP_H = 6
_OVERHANG_H = 26
_MISSING = -90.0
_KELVIN = 200.0
_FEW = 3


@dataclass(slots=True)
class Year:
    """A calendar year of hourly temperatures in standard time."""

    name: str
    temperature: Floats
    data_year: int
    utc_offset_h: float | None
    text: str


@dataclass(slots=True)
class _Table:
    header: list[str]
    rows: list[list[str]]
    first: int
    time_at: int
    temperature_at: int
    unit: str


def is_weather_table(text: str, *, complete: bool) -> bool:
    """Return whether the beginning of a text is a table of times and temperatures, and of nothing that has an id."""
    table = _table(text)
    if table is None or (complete and len(table.rows) < _FEW):
        return False
    rows = table.rows[:_FEW]
    return (
        all(len(r) > max(table.time_at, table.temperature_at) for r in rows)
        and _stamps([r[table.time_at] for r in rows])[0] is not None
    )


def _fold(header: str) -> tuple[str, str]:
    found = _UNIT.search(header)
    words = re.sub(r"[\W_]+", " ", _UNIT.sub(" ", header.replace("°", ""))).casefold().split()
    return " ".join(words), found[1] if found else ""


def _table(text: str) -> _Table | None:
    lines = text.splitlines()
    for number, line in enumerate(lines[:40]):
        separator = max("\t;,|", key=line.count)
        if not line.strip() or separator not in line:
            continue
        header = [c.strip().strip('"') for c in line.split(separator)]
        folded = [_fold(h) for h in header]
        time_at = next((i for i, (h, _) in enumerate(folded) if h in _TIMES), None)
        temperature_at = next((i for i, (h, _) in enumerate(folded) if h in _TEMPERATURES), None)
        if time_at is None or temperature_at is None:
            continue
        rows = [
            r
            for r in csv.reader(io.StringIO("\n".join(lines[number + 1 :])), delimiter=separator)
            if any(c.strip() for c in r)
        ]
        return _Table(header, rows, number + 2, time_at, temperature_at, folded[temperature_at][1])
    return None


def read_csv(path: Path, text: str, options: Mapping[str, str]) -> tuple[list[Year], list[Problem]]:
    """Return the whole calendar years of a table, and what is wrong with it.

    Parameters
    ----------
    options
        ``utc_offset``: hours ahead of UTC of the standard time that is wanted, where the times are in UTC.
    """
    notes: list[Problem] = []
    try:
        table = _table(text)
    except csv.Error as error:
        return [], [Problem(f"the table can't be read ({error}).", str(path), code="format")]
    if table is None:
        hint = "It needs a column of times and one of temperatures."
        return [], [Problem("this is no table of weather.", str(path), hint=hint, code="format")]
    times, values = _read_rows(path, table, notes)
    if any(n.severity == "error" for n in notes):
        return [], notes
    stamps, zone = _stamps(times)
    if stamps is None:
        text_ = f"times such as '{times[0][:40] if times else ''}' can't be read."
        return [], [
            *notes,
            Problem(
                text_,
                str(path),
                row=table.first,
                column=table.header[table.time_at],
                hint="Write 2015-01-31 13:00.",
                code="time",
            ),
        ]
    frame = _standard(path, stamps, values, zone, table, options, notes)
    if frame is None or any(n.severity == "error" for n in notes):
        return [], notes
    return _years(path, *frame, notes), notes


def _read_rows(path: Path, table: _Table, notes: list[Problem]) -> tuple[list[str], Floats]:
    import numpy as np  # heavy

    times, values = [], []
    scale_kelvin = table.unit.strip().casefold() in ("k", "kelvin")
    for number, row in enumerate(table.rows, table.first):
        time = row[table.time_at].strip() if table.time_at < len(row) else ""
        cell = row[table.temperature_at] if table.temperature_at < len(row) else ""
        value = float("nan") if is_blank(cell) else number_of(cell)
        if value is None or not time:
            if len(notes) < _MOST:
                text = "the time is missing." if not time else f"'{cell.strip()[:40]}' is not a number."
                notes.append(
                    Problem(
                        text,
                        str(path),
                        row=number,
                        column=table.header[table.temperature_at if time else table.time_at],
                        value=cell[:40],
                        code="weather",
                    )
                )
            continue
        times.append(time)
        values.append(float("nan") if value <= _MISSING else value)
    series = np.array(values, dtype=float)
    if scale_kelvin or (len(series) and np.nanmedian(series) > _KELVIN):
        series = series - 273.15
        notes.append(
            Problem(
                "temperatures are in kelvin; they were converted to degC.",
                str(path),
                severity="info",
                code="unit-converted",
            )
        )
    return times, series


def _stamps(times: Sequence[str]) -> tuple[pd.Series[Any] | None, str]:
    """Return times, and their zone: ``offset`` if they say how far from UTC they are (then they are in UTC), else none."""
    import pandas as pd  # heavy

    if not times:
        return None, ""
    series = pd.Series(times, dtype=str)
    if series.map(lambda t: bool(_COMPACT.fullmatch(t))).all():
        form = "%Y%m%d%H" if len(times[0]) == 10 else "%Y%m%d%H%M"  # noqa: PLR2004
        found = pd.to_datetime(series, format=form, errors="coerce")
        return (None, "") if found.isna().any() else (found, "")
    offset = series.str.contains(r"(?:Z|[+-]\d{2}:?\d{2})$", regex=True).all()
    dotted = bool(re.match(r"\d{1,2}\.\d{1,2}\.\d{2,4}", times[0]))
    slashed = bool(re.match(r"\d{1,2}/\d{1,2}/\d{2,4}", times[0]))
    if not dotted and not slashed and not re.match(r"\d{4}-\d{1,2}-\d{1,2}|\d{4}/\d{1,2}/\d{1,2}", times[0]):
        return None, ""
    try:
        found = pd.to_datetime(series, format="mixed", dayfirst=dotted or slashed, errors="coerce", utc=bool(offset))
    except (ValueError, TypeError, OverflowError):
        return None, ""
    if found.isna().any():
        return None, ""
    return (found.dt.tz_localize(None), "offset") if offset else (found, "")


def _standard(
    path: Path,
    stamps: pd.Series[Any],
    values: Floats,
    zone: str,
    table: _Table,
    options: Mapping[str, str],
    notes: list[Problem],
) -> tuple[pd.Series[Any], float | None] | None:
    """Return temperatures by standard time, and its distance from UTC; tell what the times were taken for."""
    import numpy as np  # heavy
    import pandas as pd

    wish = options.get("utc_offset", "")
    offset = number_of(wish) if wish else None
    if wish and offset is None:
        notes.append(
            Problem(
                f"utc_offset can't be '{wish}'.",
                str(path),
                hint="Give hours, as in 1 for Central Europe.",
                code="option",
            )
        )
        return None
    name = _fold(table.header[table.time_at])[0]
    if zone == "offset" or "utc" in name or name == "mess datum":
        said = offset if offset is not None else 0.0
        hint = "" if offset is not None else "-o utc_offset=1 makes them hours of Central Europe."
        text = (
            f"times are in UTC; they were taken as hours of UTC{said:+g}."
            if said
            else "times are in UTC, and were kept so."
        )
        notes.append(Problem(text, str(path), hint=hint, severity="info", code="time-zone"))
        series = pd.Series(values, index=stamps + pd.Timedelta(hours=said)).sort_index()
        return _without_twins(path, series, notes), said
    ordered = pd.Series(values, index=stamps)
    step = pd.Series(stamps).diff().dropna()
    hour = pd.Timedelta(hours=1)
    usual = step.mode().iloc[0] if len(step) else hour
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
    return _without_twins(path, series, notes), offset if offset is not None else np.nan


def _undo_saving(series: pd.Series[Any], usual: Any) -> tuple[pd.DatetimeIndex, list[str]]:
    """Return times without daylight saving, and where it was seen: the hour that is missing in spring, or double in autumn."""
    import numpy as np  # heavy
    import pandas as pd

    index = pd.DatetimeIndex(series.index)
    hour = pd.Timedelta(hours=1)
    moved = np.zeros(len(index), dtype=np.int64)
    seen: list[str] = []
    for year in sorted(set(index.year)):
        spring, autumn = _last_sunday(year, 3), _last_sunday(year, 10)
        begins = spring + 2 * hour
        ends = autumn + 3 * hour
        gap = (
            not ((index >= begins) & (index < begins + hour)).any()
            and ((index >= begins - hour) & (index < begins)).any()
        )
        gap = gap and ((index >= begins + hour) & (index < begins + 2 * hour)).any()
        double = (index >= ends - hour) & (index < ends)
        expected = max(int(hour / usual), 1) if usual > pd.Timedelta(0) else 1
        twice = int(double.sum()) >= 2 * expected
        if not (gap or twice):
            continue
        seen += [f"{begins:%Y-%m-%d} lacks an hour"] if gap else []
        seen += [f"{autumn:%Y-%m-%d} has one twice"] if twice else []
        saving = (index >= begins) & (index < ends)
        if twice:
            later = np.flatnonzero(double)[expected:]
            saving[later] = False  # the second time the clock shows that hour it is standard time again
        moved[saving] = 1
    return index - pd.to_timedelta(moved, unit="h"), seen


def _last_sunday(year: int, month: int) -> pd.Timestamp:
    import pandas as pd  # heavy

    last = pd.Timestamp(year=int(year), month=month, day=31)
    return last - pd.Timedelta(days=(last.weekday() + 1) % 7)


def _without_twins(path: Path, series: pd.Series[Any], notes: list[Problem]) -> pd.Series[Any]:
    twins = series.index.duplicated(keep="first")
    if twins.any():
        first = series.index[twins][0]
        text = f"{int(twins.sum())} times are there twice, the first is {first:%Y-%m-%d %H:%M}; their first value was taken."
        notes.append(Problem(text, str(path), severity="warning", code="duplicate"))
    return series[~twins].sort_index()


def _years(path: Path, series: pd.Series[Any], offset: float | None, notes: list[Problem]) -> list[Year]:
    """Return whole calendar years of hourly means."""
    import numpy as np  # heavy
    import pandas as pd

    step = pd.Series(series.index).diff().mode()
    hour = pd.Timedelta(hours=1)
    usual = step.iloc[0] if len(step) else hour
    # Times that begin with the full hour are its beginning, those that end a year at midnight its end.
    if (
        len(series)
        and series.index[0].hour == 1
        and series.index[0].day == 1
        and series.index[0].month == 1
        and usual == hour
    ):
        last = series.index[-1]
        if last.month == 1 and last.day == 1 and last.hour == 0:
            series = pd.Series(series.to_numpy(), index=pd.DatetimeIndex(series.index) - hour)
            notes.append(
                Problem(
                    "times are the ends of hours; they were taken as such.",
                    str(path),
                    severity="info",
                    code="time-zone",
                )
            )
    if usual < hour:
        series = series.resample("h").mean()
        notes.append(
            Problem(
                f"values every {usual / hour * 60:g} minutes became means of hours.",
                str(path),
                severity="info",
                code="resampled",
            )
        )
    elif usual > hour:
        if usual > pd.Timedelta(hours=24):
            notes.append(
                Problem(
                    f"values every {usual / hour:g} h are too few.",
                    str(path),
                    hint="Give hourly values.",
                    code="weather",
                )
            )
            return []
        days = usual == pd.Timedelta(hours=24)
        series = series.resample("h").ffill(limit=23) if days else series.resample("h").interpolate(limit_area="inside")
        what = "held through the day" if days else "bridged between them"
        notes.append(
            Problem(f"values every {usual / hour:g} h were {what}.", str(path), severity="warning", code="resampled")
        )
    found = []
    short = []
    for year in sorted(set(pd.DatetimeIndex(series.index).year)):
        whole = pd.date_range(f"{year}-01-01", f"{year}-12-31 23:00", freq="h")
        part = series.reindex(whole)
        values = part.to_numpy(dtype=float)
        missing = np.isnan(values)
        if (~missing).sum() < _OVERHANG_H and len(series) > _OVERHANG_H:
            continue  # hours that another zone moved over New Year
        tail = int(usual / hour) if usual > hour else _GAP_H
        edges = np.flatnonzero(np.diff(np.concatenate([[0], missing.astype(int), [0]])))
        longest = int((edges[1::2] - edges[::2]).max()) if len(edges) else 0
        if longest > max(_GAP_H, tail):
            short.append(f"{year} ({int((~missing).sum()):,} hours)")
            continue
        if missing.any():
            at = np.arange(len(values))
            values = np.interp(at, at[~missing], values[~missing])
            text = (
                f"{int(missing.sum())} hours of {year} have no temperature; they were bridged between their neighbours."
            )
            notes.append(Problem(text, str(path), severity="warning", code="gap"))
        found.append((year, values))
    if short:
        severity = "info" if found else "error"
        text = f"no whole year, or more than {_GAP_H} hours missing in a row: {', '.join(short[:5])}; such years were left out."
        notes.append(Problem(text, str(path), hint="Give a whole year.", severity=severity, code="weather"))
    several = len(found) > 1
    at_offset = None if offset is None or np.isnan(offset) else float(offset)
    return [
        Year(
            f"{path.stem} {year}" if several else path.stem,
            values,
            int(year),
            at_offset,
            f"hourly temperature of {year}",
        )
        for year, values in found
    ]
