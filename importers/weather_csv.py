"""Tables of time and temperature, as weather services write them."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dhsdb.errors import Problem
from dhsdb.importers.building_cells import is_blank
from dhsdb.importers.decimals import number_of
from dhsdb.importers.weather_clock import read_times, standard_time
from dhsdb.importers.weather_years import Year, whole_years

if TYPE_CHECKING:
    from collections.abc import Mapping
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
_MOST = 20
_MISSING = -90.0
_KELVIN = 200.0
_FEW = 3
_MONTHS = 12
_TYPICAL = 2001
"""A year without a leap day, in which the hours of a typical year are put in order."""


@dataclass(slots=True)
class _Table:
    header: list[str]
    rows: list[list[str]]
    first: int
    time_at: int
    temperature_at: int
    unit: str
    is_utc: bool = False


def is_weather_table(text: str, *, complete: bool) -> bool:
    """Return whether the beginning of a text is a table of times and temperatures, and of nothing that has an id."""
    table = _table(text)
    if table is None or (complete and len(table.rows) < _FEW):
        return False
    rows = table.rows[:_FEW]
    return (
        all(len(r) > max(table.time_at, table.temperature_at) for r in rows)
        and read_times([r[table.time_at] for r in rows]) is not None
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
        while rows and len(rows[-1]) <= max(time_at, temperature_at):
            rows.pop()  # explanations below the table
        name, unit = folded[time_at]
        before = "\n".join(lines[:number])
        is_utc = "utc" in f"{name} {unit}".casefold() or name == "mess datum" or "time in UTC" in before
        return _Table(header, rows, number + 2, time_at, temperature_at, folded[temperature_at][1], is_utc)
    return None


def read_csv(path: Path, text: str, options: Mapping[str, str]) -> tuple[list[Year], list[Problem]]:
    """Return the whole calendar years of a table, and what is wrong with it.

    Parameters
    ----------
    options
        ``utc_offset``: hours ahead of UTC of the standard time that is wanted, where the times are in UTC.
    """
    import pandas as pd  # heavy

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
    read = read_times(times)
    if read is None:
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
    typical = _is_typical(read.stamps)
    if typical:
        read.stamps = _in_one_year(read.stamps)
    frame = standard_time(path, read, values, options, notes, is_utc=table.is_utc)
    if frame is None or any(n.severity == "error" for n in notes):
        return [], notes
    series, offset = frame
    if not typical:
        return whole_years(path, series, offset, notes), notes
    # Hours that another zone moves over New Year are those of its other end.
    around = pd.Series(series.to_numpy(), index=_in_one_year(series.index.to_series())).sort_index()
    years = whole_years(path, around, offset, notes)
    said = "its months are of different years: a typical year."
    notes.append(Problem(said, str(path), severity="info", code="typical-year"))
    return [Year(y.name, y.temperature, None, offset, "hourly temperature of a typical year") for y in years], notes


def _is_typical(stamps: pd.Series[Any]) -> bool:
    """Return whether each month is there once, and they are of different years, as typical years are made of."""
    months = stamps.dt.month
    changes = int((months.diff().fillna(0) != 0).sum())
    leaps = ((months == 2) & (stamps.dt.day == 29)).any()  # noqa: PLR2004  typical years leave it out
    in_order = bool(months.is_monotonic_increasing) and changes == _MONTHS - 1
    return in_order and not leaps and len(set(stamps.dt.year)) > 1


def _in_one_year(stamps: pd.Series[Any]) -> pd.Series[Any]:
    return stamps.map(lambda t: t.replace(year=_TYPICAL))


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
