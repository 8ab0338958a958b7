"""Weather of an import of buildings: its rows, which one shapes the demand, and the shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from dhsdb.errors import Problem, did_you_mean
from dhsdb.importers.degree_days import LIMIT_C, degree_days, heat_shape, heating_days
from dhsdb.importers.held import held_rows
from dhsdb.importers.rows import Rows, Series
from dhsdb.importers.typology import TABULA_DEGREE_DAYS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from dhsdb.importers.rows import Item, Request
    from dhsdb.importers.weather import WeatherYear

    Floats = NDArray[np.float64]

SHARE_STEP = 0.05
"""Step in which the share of hot water is rounded, so that buildings share their profiles."""
_LIMIT_12 = 12.0


class StudyWeather:
    """The weather that the files of a command and the scenario hold.

    Parameters
    ----------
    note
        Keeps what is to be said of the buildings: text, code, severity and hint.
    """

    def __init__(self, request: Request, years: Sequence[tuple[Path, WeatherYear]], note: Callable[..., None]) -> None:
        self.request = request
        self.years = list(years)
        self.note = note

    def items(self) -> Iterator[Item]:
        """Yield years of weather with their degree days."""
        import pandas as pd  # heavy

        for file, year in self.years:
            t = year.temperature
            start = f"{year.data_year}-01-01T00:00" if year.has_leap_day and year.data_year else ""
            yield Series(
                year.name, t, "temperature", file, "degC", start=start, calendar="standard" if year.has_leap_day else "noleap",
                text=f"outside temperature, {year.text or year.kind}",
            )  # fmt: skip
            row = {
                "weather": year.name, "profile": year.name, "kind": year.kind, "data_year": year.data_year, "n_hours": len(t),
                "utc_offset_h": year.utc_offset_h, "latitude": year.latitude, "longitude": year.longitude, "altitude_m": year.altitude_m,
                "mean_c": float(t.mean()), "low_c": float(t[: len(t) // 24 * 24].reshape(-1, 24).mean(axis=1).min()),
                "degree_days": degree_days(t), "degree_days_12": degree_days(t, _LIMIT_12), "heating_days": float(heating_days(t)),
            }  # fmt: skip
            yield Rows("weather", pd.DataFrame([row]), file, partial=True)
            text = (
                f"{year.name}: {row['degree_days']:,.0f} degree days G20/15, {row['heating_days']:.0f} heating days below"
                f" {LIMIT_C:g} degC, {len(t):,} hours."
            )
            yield Problem(text, str(file), severity="info", code="degree-days")

    def of_year(self, year: object) -> str | None:
        """Return the weather of a calendar year, if one is known."""
        import pandas as pd  # heavy

        if year is None or pd.isna(cast("Any", year)):
            return None
        mine = [w.name for _, w in self.years if w.data_year == year]
        held = held_rows(self.request, "weather")
        stored = held.loc[held["data_year"] == year, "weather"].tolist() if len(held) else []
        found = list(dict.fromkeys([*mine, *stored]))
        return str(found[0]) if len(found) == 1 else None

    def warmth(self, weather: str | None) -> float | None:
        """Return the space heat of a weather by that of the built-in figures: degree days by those of TABULA's climate."""
        year = next((w for _, w in self.years if w.name == weather), None)
        if year is not None:
            return degree_days(year.temperature, _LIMIT_12) / TABULA_DEGREE_DAYS
        held = held_rows(self.request, "weather")
        if not len(held):
            return None
        found = held.loc[held["weather"] == weather, "degree_days_12"].dropna()
        return float(found.iloc[0]) / TABULA_DEGREE_DAYS if len(found) else None

    def shaped(self, demand: pd.DataFrame, file: Path) -> Iterator[Item]:
        """Give demands without a profile the shape that the weather asks for, by their share of hot water."""
        chosen = self._chosen(file)
        if chosen is None:
            return
        name, temperature, origin = chosen
        profiles = shape_demand(demand, name)
        start, calendar = ("", "standard") if len(temperature) % 8760 else ("", "noleap")
        for profile, share in profiles.items():
            text = (
                f"heat by degree hours of {name}; {share:.0%} of the year's heat is hot water, the same in every hour"
            )
            yield Series(
                profile, heat_shape(temperature, share), "share", origin, start=start, calendar=calendar, text=text
            )

    def _chosen(self, file: Path) -> tuple[str, Floats, Path] | None:
        """Return the weather that shapes the demand: the one asked for, or the only one."""
        wish = self.request.options.get("weather", "")
        if wish == "none":
            return None
        mine = {w.name: (w.name, w.temperature, f) for f, w in self.years}
        held = held_rows(self.request, "weather")
        stored = dict(zip(held["weather"], held["profile"], strict=True)) if len(held) else {}
        names = list(dict.fromkeys([*mine, *stored]))
        if wish and wish not in names:
            hint = did_you_mean(wish, names) or f"Weather: {', '.join(names) or 'none yet'}."
            self.note(f"there is no weather '{wish}'.", "option", severity="error", hint=hint)
            return None
        if not wish and len(mine or stored) > 1:
            self.note(
                f"{len(mine or stored)} years of weather could shape the demand; none was taken.",
                "weather",
                severity="info",
                hint="-o weather=NAME chooses one.",
            )
            return None
        name = wish or next(iter(mine or stored), "")
        if name in mine:
            return mine[name]
        if name and self.request.held is not None:
            series = self.request.held.profile(str(stored[name]))
            if series is not None and series.step_h == 1:
                return name, series.values, file  # noqa: PD011  no frame
        return None


def shape_demand(demand: pd.DataFrame, weather: str) -> dict[str, float]:
    """Name the profile of each demand that has none, in place; returns the share of hot water by profile."""
    import numpy as np  # heavy

    space = demand["space_heat_mwh"].to_numpy(dtype=float, na_value=np.nan)
    water = demand["hot_water_mwh"].to_numpy(dtype=float, na_value=np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.nan_to_num(np.nan_to_num(water) / (np.nan_to_num(space) + np.nan_to_num(water)))
    step = np.round(share / SHARE_STEP).astype(int)
    names = [f"heat {weather}, {s * SHARE_STEP:.0%} hot water" for s in step.tolist()]
    bare = demand["profile"].isna().to_numpy()
    demand["profile"] = [n if b else p for n, b, p in zip(names, bare.tolist(), demand["profile"], strict=True)]
    return {names[i]: float(step[i] * SHARE_STEP) for i in np.flatnonzero(bare).tolist()}
