"""Metered totals of an import of buildings: those of files, of the command, and of the scenario."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from dhsdb.errors import Problem
from dhsdb.importers.decimals import number_of
from dhsdb.importers.held import held_rows
from dhsdb.importers.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pandas as pd

    from dhsdb.importers.building_weather import StudyWeather
    from dhsdb.importers.metered import Metered
    from dhsdb.importers.rows import Item, Request


class StudyTotals:
    """The totals that calibrate the buildings of a command.

    Parameters
    ----------
    note
        Keeps what is to be said of the buildings: text, code, severity and hint.
    """

    def __init__(
        self, request: Request, metered: Sequence[Metered], weather: StudyWeather, note: Callable[..., None]
    ) -> None:
        self.request = request
        self.metered = list(metered)
        self.weather = weather
        self.note = note

    def items(self, *, alone: bool) -> Iterator[Item]:
        """Yield metered totals: those of files, and that of the command.

        Parameters
        ----------
        alone
            Whether the command brings no buildings.
        """
        import pandas as pd  # heavy

        for metered in self.metered:
            known = pd.Series([self.weather.of_year(y) for y in metered.frame["data_year"]], dtype=object)
            metered.frame = metered.frame.assign(weather=known)
            frame = metered.frame if metered.epsg is not None else metered.frame.drop(columns="geometry")
            yield Rows("metered_demand", frame, metered.grid.file, metered.grid.sheet, epsg=metered.epsg)
        asked = self.asked
        if asked is not None:
            yield Rows(
                "metered_demand", pd.DataFrame([asked]), self.request.paths[0], "options", partial=True, keeps=True
            )
        if self.metered and alone and len(held_rows(self.request, "building")):
            file = str(self.metered[0].grid.file)
            text = "the totals calibrate the buildings that the scenario holds with the next estimate."
            yield Problem(text, file, hint="`dhsdb scenario estimate NAME`", severity="info", code="calibration")

    @functools.cached_property
    def asked(self) -> dict[str, object] | None:
        """Return the metered total that the command names."""
        asked, when = (self.request.options.get(name, "") for name in ("metered_mwh", "metered_year"))
        if not asked:
            return None
        heat, year = number_of(asked), number_of(when)
        if heat is None or heat <= 0 or (when and (year is None or year % 1)):
            text = f"metered_mwh={asked}{f', metered_year={when}' if when else ''} is no amount of a year."
            hint = "Give MWh and a year, as in -o metered_mwh=12300 -o metered_year=2022."
            self.note(text, "option", severity="error", hint=hint)
            return None
        data_year = None if year is None else int(year)
        site = self.request.site
        return {
            "metered": f"{site} {data_year}" if data_year else site,
            "district": site,
            "data_year": data_year,
            "heat_mwh": heat,
            "weather": self.weather.of_year(data_year),
        }

    def frame(self, epsg: int | None) -> pd.DataFrame:
        """Return all totals, the newest year first, their polygons in the buildings' system."""
        import pandas as pd  # heavy
        import shapely

        frames = [_moved(metered, epsg) for metered in self.metered]
        if asked := self.asked:
            frames.append(pd.DataFrame([asked | {"geometry": None}]))
        held = held_rows(self.request, "metered_demand")
        if len(held):
            new = {m for f in frames for m in f["metered"]}
            held = held[~held["metered"].isin(new)].drop(columns="year")
            stored = [None if pd.isna(g) else shapely.from_wkb(bytes(g)) for g in held["geometry"]]
            frames.append(held.assign(geometry=pd.Series(stored, index=held.index, dtype=object)))
        frames = [f.astype(object) for f in frames if len(f)]
        if not frames:
            return pd.DataFrame()
        return pd.concat(frames, ignore_index=True).sort_values(
            "data_year", ascending=False, na_position="last", kind="stable"
        )


def _moved(metered: Metered, epsg: int | None) -> pd.DataFrame:
    """Return the totals of a file with their polygons in another system."""
    import shapely  # heavy
    from pyproj import Transformer

    part = metered.frame.drop(columns="_row")
    if metered.epsg is None or epsg is None or metered.epsg == epsg or -1 in (metered.epsg, epsg):
        return part
    step: Any = Transformer.from_crs(metered.epsg, epsg, always_xy=True).transform
    return part.assign(geometry=shapely.transform(part["geometry"].to_numpy(dtype=object), step, interleaved=False))
