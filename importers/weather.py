"""Years of weather: test reference years of the DWD (.dat), EPW, and CSV with time and temperature.

What comes out is one temperature per hour of standard time, 8,760 values, or 8,784 with a leap day. TRY and EPW are in
standard time. A CSV in local time has an hour less in spring and one twice in autumn: this is seen, said, and undone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dhsdb.errors import Problem
from dhsdb.importers.building_cells import is_blank
from dhsdb.importers.decimals import number_of
from dhsdb.importers.weather_csv import is_weather_table, read_csv
from dhsdb.importers.weather_years import GAP_H, bridge, gaps

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

MAX_BYTES = 200_000_000
YEAR_H, LEAP_H = 8760, 8784
_LEAP_FROM = 59 * 24
"""Hour from which on a leap year has its leap day."""
_COLDEST, _HOTTEST = -70.0, 60.0
_EPW_HEAD = 8
_EPW_TEMPERATURE = 6
_EPW_MISSING = 99.9
_TRY_MISSING = -99.0
_LAMBERT = 3034
"""EPSG code of the TRY's grid: ETRS89, Lambert conformal conic."""
_MOST = 20
_STATION = re.compile(r"(\d{2})°(\d{2})'N.*?(\d{1,2})°(\d{2})'[OE].*?(-?\d+) Meter")


@dataclass(slots=True)
class WeatherYear:
    """A year of weather.

    Attributes
    ----------
    temperature
        Hourly, standard time, hour 1 first [degC].
    data_year
        Calendar year; None = a typical one.
    """

    name: str
    kind: str
    temperature: Floats
    data_year: int | None = None
    utc_offset_h: float | None = None
    latitude: float | None = None
    longitude: float | None = None
    altitude_m: float | None = None
    text: str = ""

    @property
    def has_leap_day(self) -> bool:
        """Whether there are 8,784 hours."""
        return len(self.temperature) == LEAP_H

    def without_leap_day(self) -> WeatherYear:
        """Return the year without its 29th of February."""
        import numpy as np  # heavy

        kept = np.delete(self.temperature, slice(_LEAP_FROM, _LEAP_FROM + 24))
        facts = (self.data_year, self.utc_offset_h, self.latitude, self.longitude, self.altitude_m, self.text)
        return WeatherYear(self.name, self.kind, kept, *facts)


@dataclass(slots=True)
class Reading:
    """What a file says of weather, and what is wrong with it."""

    years: list[WeatherYear] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)


def form_of(path: Path, head: bytes) -> str | None:
    """Return try, epw or csv if a file holds weather, else None."""
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start[:9].upper() == b"LOCATION,":
        return "epw"
    text = head.decode("latin-1")
    if re.search(r"^\*{3}", text, re.MULTILINE) or re.search(
        r"\bRW\s+HW\s+MM\s+DD\s+HH\b|\bRG\s+IS\s+MM\s+DD\s+HH\b", text
    ):
        return "try"
    if re.search(r"Testreferenzjahr|Test Reference Year|TRY_?\d{4}", text[:600]) and not start.startswith((b"{", b"<")):
        return "try" if path.suffix.casefold() == ".dat" else None
    return "csv" if is_weather_table(text, complete=len(head) < 4096) else None  # noqa: PLR2004  what the registry reads


def read_weather(path: Path, form: str, options: Mapping[str, str]) -> Reading:
    """Return the years of weather that a file holds."""
    if path.stat().st_size > MAX_BYTES:
        return Reading(notes=[Problem("the file is too large to be weather.", str(path), code="unsafe")])
    content = path.read_bytes()
    text = _decoded(content)
    if form == "csv":
        found, notes = read_csv(path, text, options)
        reading = Reading(
            [WeatherYear(y.name, "csv", y.temperature, y.data_year, y.utc_offset_h, text=y.text) for y in found], notes
        )
    else:
        reading = (_read_epw if form == "epw" else _read_try)(path, text)
    _check(path, reading)
    if not any(n.severity == "error" for n in reading.notes):
        _leap(path, reading, options)
    return reading


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _check(path: Path, reading: Reading) -> None:
    for year in reading.years:
        low, high = float(year.temperature.min()), float(year.temperature.max())
        if low < _COLDEST or high > _HOTTEST:
            hint = "Are they in kelvin, or in tenths of a degree?"
            text = f"temperatures from {low:g} to {high:g} degC are not those of outside air."
            reading.notes.append(Problem(text, str(path), column="temperature", hint=hint, code="temperature"))


def _leap(path: Path, reading: Reading, options: Mapping[str, str]) -> None:
    """Say that a year has a leap day, and drop it where that was asked for."""
    wish = options.get("leap_day", "keep")
    if wish not in ("keep", "drop"):
        reading.notes.append(
            Problem(f"leap_day can't be '{wish}'.", str(path), hint="Give keep or drop.", code="option")
        )
        return
    for i, year in enumerate(reading.years):
        if not year.has_leap_day:
            continue
        if wish == "drop":
            reading.years[i] = year.without_leap_day()
        what = (
            "the 29th of February was dropped"
            if wish == "drop"
            else "kept as 8,784 hours; -o leap_day=drop leaves the 29th of February out"
        )
        reading.notes.append(
            Problem(f"{year.name} has a leap day: {what}.", str(path), severity="info", code="leap-day")
        )


# --- EPW -------------------------------------------------------------------------------------------------------------
def _read_epw(path: Path, text: str) -> Reading:
    """Read an EnergyPlus weather file: comma-separated, standard time, hours 1 to 24."""
    reading = Reading()
    lines = [line for line in text.splitlines() if line.strip()]
    place = [part.strip() for part in lines[0].split(",")]
    facts = [number_of(part) for part in [*place[6:10], "", "", "", ""][:4]]
    name = path.stem
    rows = [line.split(",") for line in lines[_EPW_HEAD:]]
    per_hour = _records_per_hour(lines[:_EPW_HEAD])
    values, stamps, years = [], [], []
    for number, row in enumerate(rows, _EPW_HEAD + 1):
        numbers = [number_of(row[i]) if i < len(row) else None for i in (0, 1, 2, 3, _EPW_TEMPERATURE)]
        if any(n is None for n in numbers[1:]):
            if len(reading.notes) < _MOST:
                bad = row[_EPW_TEMPERATURE] if len(row) > _EPW_TEMPERATURE else ",".join(row)[:40]
                text_ = "this is no line of weather: month, day, hour and dry-bulb temperature are expected."
                reading.notes.append(
                    Problem(text_, str(path), row=number, column="dry-bulb", value=bad[:40], code="weather")
                )
            continue
        year, month, day, hour, temperature = (float(n or 0) for n in numbers)
        years.append(int(year))
        stamps.append((int(month), int(day), int(hour)))
        values.append(temperature if temperature < _EPW_MISSING else float("nan"))
    if any(n.severity == "error" for n in reading.notes):
        return reading
    temperature_ = _regular(path, reading, values, stamps, per_hour)
    if temperature_ is not None:
        same = len(set(years)) == 1
        reading.years.append(
            WeatherYear(
                name,
                "epw",
                temperature_,
                years[0] if same else None,
                facts[2],
                facts[0],
                facts[1],
                facts[3],
                ", ".join(filter(None, place[1:5])),
            )
        )
        text_ = f"hours are standard time, UTC{facts[2] or 0:+g}, without daylight saving."
        reading.notes.append(Problem(text_, str(path), severity="info", code="time-zone"))
        if not same:
            text_ = "its months are of different years: a typical year."
            reading.notes.append(Problem(text_, str(path), severity="info", code="typical-year"))
    return reading


def _records_per_hour(head: list[str]) -> int:
    line = next((line for line in head if line.upper().startswith("DATA PERIODS")), "")
    parts = line.split(",")
    found = number_of(parts[2]) if len(parts) > 2 else 1  # noqa: PLR2004
    return int(found) if found and found >= 1 else 1


def _regular(
    path: Path, reading: Reading, values: list[float], stamps: list[tuple[int, int, int]], per_hour: int
) -> Floats | None:
    """Return hourly values of a whole year in order, short gaps filled; what is not so is told."""
    import numpy as np  # heavy

    series = np.array(values, dtype=float)
    if per_hour > 1 and len(series) % per_hour == 0:
        hours = series.reshape(-1, per_hour)
        series = np.nanmean(hours, axis=1) if len(hours) else hours[:, 0]
        stamps = stamps[per_hour - 1 :: per_hour]
        reading.notes.append(
            Problem(f"{per_hour} values an hour became their mean.", str(path), severity="info", code="resampled")
        )
    if len(series) not in (YEAR_H, LEAP_H):
        text = f"it has {len(series):,} hours; a year has 8,760, or 8,784 with a leap day."
        reading.notes.append(Problem(text, str(path), hint="Give a whole year.", code="weather"))
        return None
    wanted = _calendar(len(series) == LEAP_H)
    wrong = [i for i, (a, b) in enumerate(zip(stamps, wanted, strict=True)) if a != b]
    if wrong:
        month, day, hour = stamps[wrong[0]]
        said = f"month {month}, day {day}, hour {hour}"
        text = f"{len(wrong)} hours are out of order: hour {wrong[0] + 1} of the year is said to be {said}."
        reading.notes.append(Problem(text, str(path), hint="Sort the file, and leave no hour out.", code="weather"))
        return None
    return _filled(path, reading.notes, series)


def _calendar(leap: bool) -> list[tuple[int, int, int]]:  # noqa: FBT001  the one thing that tells years apart
    days = (31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    return [(month, day, hour) for month, n in enumerate(days, 1) for day in range(1, n + 1) for hour in range(1, 25)]


def _filled(path: Path, notes: list[Problem], series: Floats) -> Floats | None:
    """Return a series whose gaps of a few hours are bridged; longer ones are refused."""
    starts, lengths = gaps(series)
    if not len(lengths):
        return series
    bridged = bridge(series, GAP_H)
    if bridged is None:
        at = int(starts[int(lengths.argmax())])
        text = (
            f"{int(lengths.sum())} hours have no temperature, {int(lengths.max())} of them in a row from hour {at + 1}."
        )
        notes.append(Problem(text, str(path), hint=f"At most {GAP_H} hours in a row are bridged.", code="gap"))
        return None
    text = f"hours without a temperature: {int(lengths.sum())}; they were bridged between their neighbours."
    notes.append(Problem(text, str(path), severity="warning", code="gap"))
    return bridged


# --- TRY -------------------------------------------------------------------------------------------------------------
def _read_try(path: Path, text: str) -> Reading:
    """Read a test reference year: a head, a line of column names, ``***``, then one line per hour, 1 to 24, CET."""
    reading = Reading()
    lines = text.splitlines()
    mark = next((i for i, line in enumerate(lines) if line.startswith("***")), None)
    names = next(
        (line.split() for line in reversed(lines[: mark or 0]) if {"MM", "DD", "HH"} <= set(line.split())), None
    )
    if mark is None or names is None or "t" not in names:
        hint = "It has a line of names (MM DD HH ... t ...) and a line of ***."
        reading.notes.append(Problem("this is no test reference year.", str(path), hint=hint, code="format"))
        return reading
    at = [names.index(name) for name in ("MM", "DD", "HH", "t")]
    values, stamps = [], []
    for number, line in enumerate(lines[mark + 1 :], mark + 2):
        if is_blank(line.strip()):
            continue
        row = line.split()
        numbers = [number_of(row[i]) if i < len(row) else None for i in at]
        if any(n is None for n in numbers):
            if len(reading.notes) < _MOST:
                said = "this is no line of weather: month, day, hour and temperature are expected."
                reading.notes.append(
                    Problem(said, str(path), row=number, column="t", value=line.strip()[:40], code="weather")
                )
            continue
        month, day, hour, temperature = (float(n or 0) for n in numbers)
        stamps.append((int(month), int(day), int(hour)))
        values.append(temperature if temperature > _TRY_MISSING else float("nan"))
    if any(n.severity == "error" for n in reading.notes):
        return reading
    series = _regular(path, reading, values, stamps, 1)
    if series is None:
        return reading
    facts = _try_facts(lines[:mark])
    latitude, longitude = _from_lambert(facts.get("rechtswert"), facts.get("hochwert"))
    if station := _STATION.search("\n".join(lines[:mark])):  # as the years of 2010 say it
        n = [float(g) for g in station.groups()]
        latitude, longitude, facts["hoehenlage"] = round(n[0] + n[1] / 60, 4), round(n[2] + n[3] / 60, 4), n[4]
    kind = next(
        (line.split(":", 1)[1].strip() for line in lines[:mark] if line.casefold().startswith("art des try")), ""
    )
    reading.years.append(
        WeatherYear(
            path.stem,
            "try",
            series,
            None,
            1.0,
            latitude,
            longitude,
            facts.get("hoehenlage"),
            f"DWD test reference year {kind}".strip(),
        )
    )
    reading.notes.append(
        Problem(
            "hours are standard time (CET, UTC+1), without daylight saving.",
            str(path),
            severity="info",
            code="time-zone",
        )
    )
    return reading


def _try_facts(head: list[str]) -> dict[str, float]:
    """Return the figures of the head, by their first word."""
    found: dict[str, float] = {}
    for line in head:
        name, colon, rest = line.partition(":")
        number = re.search(r"-?\d+(?:[.,]\d+)?", rest)
        if colon and number and name.strip():
            word = name.split()[0] if not name.split()[0].rstrip(".").isdigit() else [*name.split(), ""][1]
            word = word.casefold().replace("ö", "oe")
            found.setdefault(word, float(number[0].replace(",", ".")))
    return found


def _from_lambert(x: float | None, y: float | None) -> tuple[float | None, float | None]:
    if x is None or y is None or x < 1e5 or y < 1e5:  # noqa: PLR2004  no metres of the grid
        return None, None
    from pyproj import Transformer  # heavy

    longitude, latitude = Transformer.from_crs(_LAMBERT, 4326, always_xy=True).transform(x, y)
    return (round(float(latitude), 5), round(float(longitude), 5)) if -90 <= latitude <= 90 else (None, None)  # noqa: PLR2004
