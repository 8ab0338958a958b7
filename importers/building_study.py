"""The buildings of one import on their way to rows: files joined, areas and demands found, calibrated, and shaped by weather."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, cast

from dhsdb.errors import Problem, did_you_mean
from dhsdb.importers import demand as specific_demands
from dhsdb.importers.building_cells import listed
from dhsdb.importers.building_demand import demand_rows, floor_areas, settle_uses
from dhsdb.importers.building_join import Joined, join_parts
from dhsdb.importers.calibration import ESTIMATED, District, calibrate, districts
from dhsdb.importers.decimals import number_of
from dhsdb.importers.degree_days import LIMIT_C, degree_days, heat_shape, heating_days
from dhsdb.importers.rows import Rows, Series
from dhsdb.importers.typology import TABULA_DEGREE_DAYS, specific_demand_age
from dhsdb.schema.places import Building

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from dhsdb.importers.building_tables import Part
    from dhsdb.importers.metered import Metered
    from dhsdb.importers.rows import Item, Request
    from dhsdb.importers.weather import WeatherYear

    Floats = NDArray[np.float64]

BUILT_IN = "built-in figures"
SHARE_STEP = 0.05
"""Step in which the share of hot water is rounded, so that buildings share their profiles."""
_USED = (
    "use",
    "floor_area_m2",
    "footprint_m2",
    "levels",
    "height_m",
    "volume_m3",
    "construction_year",
    "refurbishment",
    "district",
    "site",
)
_LIMIT_12 = 12.0
_SURFACE = 2


class Study:
    """What the files of a command hold, on its way to rows."""

    def __init__(
        self,
        request: Request,
        parts: Sequence[Part],
        metered: Sequence[Metered],
        weather: Sequence[tuple[Path, WeatherYear]],
    ) -> None:
        self.request = request
        self.parts = list(parts)
        self.metered = list(metered)
        self.weather = list(weather)
        self.notes: list[Problem] = []

    def items(self) -> Iterator[Item]:
        """Yield the rows of every table, then what is to be said."""
        yield from self.weather_items()
        yield from self.metered_rows()
        if self.parts:
            joined = join_parts(self.parts)
            self.notes += joined.notes
            yield from self.building_items(joined)
        yield from self.notes

    def held(self, name: str) -> pd.DataFrame:
        """Return the rows that the scenario holds of a table."""
        import pandas as pd  # heavy

        if self.request.held is None:
            return pd.DataFrame()
        return self.request.held.table(name)

    def note(self, text: str, code: str, *, severity: str = "warning", hint: str = "") -> None:
        """Keep what is to be said of the buildings."""
        file = (
            str(self.parts[0].grid.file)
            if len({str(p.grid.file) for p in self.parts}) == 1
            else f"{len(self.parts)} files"
        )
        self.notes.append(Problem(text, file, hint=hint, severity=severity, code=code))

    # --- weather and totals -------------------------------------------------------------------------------------------
    def weather_items(self) -> Iterator[Item]:
        """Yield years of weather with their degree days."""
        import pandas as pd  # heavy

        for file, year in self.weather:
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

    def metered_rows(self) -> Iterator[Rows]:
        """Yield metered totals: those of files, and that of the command."""
        import pandas as pd  # heavy

        for metered in self.metered:
            known = pd.Series([self.weather_of(y) for y in metered.frame["data_year"]], dtype=object)
            frame = metered.frame.assign(weather=known)
            metered.frame = frame
            frame = frame if metered.epsg is not None else frame.drop(columns="geometry")
            yield Rows("metered_demand", frame, metered.grid.file, metered.grid.sheet, epsg=metered.epsg)
        asked = self.asked_total
        if asked is not None:
            yield Rows(
                "metered_demand", pd.DataFrame([asked]), self.request.paths[0], "options", partial=True, keeps=True
            )
        if self.metered and not self.parts and len(self.held("building")):
            file = str(self.metered[0].grid.file)
            text = "the totals calibrate the buildings that the scenario holds with the next estimate."
            self.notes.append(
                Problem(text, file, hint="`dhsdb scenario estimate NAME`", severity="info", code="calibration")
            )

    @functools.cached_property
    def asked_total(self) -> dict[str, object] | None:
        """Return the metered total that the command names."""
        asked, when = (self.request.options.get(name, "") for name in ("metered_mwh", "metered_year"))
        if not asked:
            return None
        heat, year = number_of(asked), number_of(when)
        if heat is None or heat <= 0 or (when and (year is None or year % 1)):
            text = f"metered_mwh={asked}{f', metered_year={when}' if when else ''} is no amount of a year."
            self.note(
                text,
                "option",
                severity="error",
                hint="Give MWh and a year, as in -o metered_mwh=12300 -o metered_year=2022.",
            )
            return None
        data_year = None if year is None else int(year)
        site = self.request.site
        key = f"{site} {data_year}" if data_year else site
        return {
            "metered": key,
            "district": site,
            "data_year": data_year,
            "heat_mwh": heat,
            "weather": self.weather_of(data_year),
        }

    def weather_of(self, year: object) -> str | None:
        """Return the weather of a calendar year, if one is known."""
        import pandas as pd  # heavy

        if year is None or pd.isna(cast("Any", year)):
            return None
        mine = [w.name for _, w in self.weather if w.data_year == year]
        held = self.held("weather")
        stored = held.loc[held["data_year"] == year, "weather"].tolist() if len(held) else []
        found = list(dict.fromkeys([*mine, *stored]))
        return str(found[0]) if len(found) == 1 else None

    # --- buildings ----------------------------------------------------------------------------------------------------
    def building_items(self, joined: Joined) -> Iterator[Item]:
        """Yield buildings, roofs, specific demands and demands."""
        frame = self.completed(joined)
        frame = self.with_uses(frame)
        frame = self.with_areas(frame)
        specific, ages = self.specific()
        yield from self.building_rows(joined, frame)
        yield from self.roof_rows()
        yield from self.specific_rows(specific, ages)
        demand = demand_rows(frame, *self.effective(specific, ages))
        demand = self.calibrated(frame, demand, joined.epsg)
        yield from self.shaped(demand)
        self.tell(frame, demand)
        self.tell_overlaps(frame)
        columns = ["building", "space_heat_mwh", "hot_water_mwh", "peak_mw", "profile", "rule", "calibration"]
        for part, of_part in joined.of_parts(demand.assign(_row=frame["_row"], _part=frame["_part"])):
            yield Rows("building_demand", of_part[[*columns, "_row"]], part.grid.file, part.grid.sheet)

    def completed(self, joined: Joined) -> pd.DataFrame:
        """Return the buildings with what the scenario knows of them already, for those that come without a footprint."""
        import pandas as pd  # heavy

        frame = joined.frame.copy()
        for name in (*_USED, "function_code", "heating"):
            if name not in frame:
                frame[name] = (
                    None
                    if name in ("use", "refurbishment", "district", "site", "function_code", "heating")
                    else float("nan")
                )
        frame["_partial"] = False
        held = self.held("building")
        bare = ~frame["_part"].isin([i for i, p in enumerate(self.parts) if p.has_areas])
        if not len(held) or not bare.any():
            return frame
        held = held.drop_duplicates("building").set_index("building")
        there = frame["building"].isin(held.index) & bare
        lost = frame.loc[bare & ~there, "building"].dropna().astype(str).tolist()
        if lost and there.any():
            self.note(
                f"{len(lost)} buildings are not in the scenario; they come without a footprint: {listed(lost)}.",
                "unknown-building",
            )
        for name in _USED:
            if name in held:
                given = frame.loc[there, name]
                stored = pd.Series(frame.loc[there, "building"].map(held[name]).to_numpy(), index=given.index)
                frame[name] = frame[name].astype(object) if frame[name].dtype != float else frame[name]
                frame.loc[there, name] = given.where(given.notna(), stored)
        frame["_partial"] = there
        return frame

    def with_uses(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Give a use to buildings that say none."""
        default = self.request.options.get("use", "")
        if default and default not in specific_demands.USES:
            hint = did_you_mean(default, specific_demands.USES) or f"Uses: {', '.join(specific_demands.USES)}."
            self.note(f"'{default}' is no use.", "option", severity="error", hint=hint)
            default = ""
        bare = frame["use"].isna() & frame["function_code"].isna()
        if bare.any():
            text = f"{int(bare.sum())} buildings say no use; they were taken as {default or 'other'}."
            self.note(
                text, "no-use", severity="info", hint="" if default else "-o use=residential_multi names another."
            )
        return frame.assign(
            use=frame["use"].where(
                frame["use"].notna(), frame["function_code"].isna().map({True: default or "other", False: "other"})
            )
        )

    def with_areas(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Find floor areas, then whether dwellings are small or large."""
        import pandas as pd  # heavy

        area, how = floor_areas(frame)
        frame = frame.assign(floor_area_m2=area)
        counts = pd.Series(how).value_counts()
        words = {
            "storeys": "footprint times storeys", "volume": "0.32 per m of the volume of dwellings, of others volume by 3.2 m",
            "assumed": "storeys assumed by height or use",
        }  # fmt: skip
        said = [f"{counts[h]:,} by {words[h]}" for h in words if h in counts]
        if said:
            self.note(
                f"heated floor areas that are not given were estimated: {'; '.join(said)}.",
                "floor-area",
                severity="info",
            )
        frame, n = settle_uses(frame)
        if n:
            text = f"{n} dwellings do not say for how many families: up to 400 m2 of floor area they were taken as single-family houses."
            self.note(text, "dwellings", severity="info")
        return frame

    def building_rows(self, joined: Joined, frame: pd.DataFrame) -> Iterator[Rows]:
        """Yield rows of ``building``; those that only complete what is held set only what they say."""
        cells = [c for c in ("building", *Building.cell_names()) if c in frame and c not in ("geometry", "profile")]
        whole = frame.assign(site=frame["site"].where(frame["site"].notna(), self.request.site))
        for (part, full), (_, given) in zip(
            joined.of_parts(whole), joined.of_parts(joined.frame.assign(_partial=frame["_partial"])), strict=True
        ):
            rows = full[[*cells, "geometry", "_row"]]
            lean = given["_partial"].to_numpy(dtype=bool)
            if not lean.all():
                kept = rows[~lean]
                kept = kept if part.has_places else kept.drop(columns="geometry")
                yield Rows(
                    "building", kept, part.grid.file, part.grid.sheet, epsg=joined.epsg if part.has_places else None
                )
            if lean.any():
                said = [c for c in cells if c in given and (c == "building" or given.loc[lean, c].notna().any())]
                settled = full.loc[lean, "use"] if "use" in said else None
                some = given.loc[lean, [*said, "_row"]]
                yield Rows(
                    "building",
                    some if settled is None else some.assign(use=settled),
                    part.grid.file,
                    part.grid.sheet,
                    partial=True,
                )

    def roof_rows(self) -> Iterator[Rows]:
        """Yield the planes of roofs."""
        for part in self.parts:
            if part.roofs is not None and len(part.roofs):
                yield Rows("building_roof", part.roofs, part.grid.file, part.grid.sheet)

    # --- demand -------------------------------------------------------------------------------------------------------
    def specific(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return the built-in specific demands that the scenario does not hold yet."""
        specific, ages = specific_demands.specific_demand(), specific_demand_age()
        held = self.held("specific_demand")
        if len(held):
            specific = specific[~specific["use"].isin(held["use"])]
        held = self.held("specific_demand_age")
        if len(held):
            keys = ["use", "age_class", "refurbishment"]
            there = set(map(tuple, held[keys].astype(str).to_numpy().tolist()))
            # A use whose age classes were replaced by others keeps those alone.
            own = set(held["use"])
            new = [tuple(k) not in there and k[0] not in own for k in ages[keys].astype(str).to_numpy().tolist()]
            ages = ages[new]
        return specific.reset_index(drop=True), ages.reset_index(drop=True)

    def specific_rows(self, specific: pd.DataFrame, ages: pd.DataFrame) -> Iterator[Rows]:
        """Yield the built-in figures that are new to the scenario."""
        file = self.parts[0].grid.file
        if len(specific):
            yield Rows("specific_demand", specific, file, BUILT_IN, keeps=True)
        if len(ages):
            yield Rows("specific_demand_age", ages, file, BUILT_IN, keeps=True)

    def effective(self, specific: pd.DataFrame, ages: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return the specific demands that hold: those of the scenario before the built-in ones."""
        import pandas as pd  # heavy

        result = []
        for name, new in (("specific_demand", specific), ("specific_demand_age", ages)):
            held = self.held(name)
            if not len(held):
                result.append(new)
                continue
            year = self.request.year
            held = held[held["year"].isna() | (held["year"] == year)] if year is not None else held
            keys = [k for k in ("use", "age_class", "refurbishment") if k in held]
            held = held.sort_values("year", na_position="first").drop_duplicates(keys)[list(new.columns)]
            result.append(pd.concat([held, new], ignore_index=True) if len(new) else held.reset_index(drop=True))
        return result[0], result[1]

    def calibrated(self, frame: pd.DataFrame, demand: pd.DataFrame, epsg: int | None) -> pd.DataFrame:
        """Scale demands to metered totals."""
        metered = self.totals(epsg)
        if not len(metered):
            return demand
        places = frame.assign(site=frame["site"].where(frame["site"].notna(), self.request.site))
        for found in districts(places, metered, self.warmth):
            if isinstance(found, District):
                demand, note = calibrate(demand, found)
                self.notes.append(note)
            else:
                self.notes.append(found)
        return demand

    def totals(self, epsg: int | None) -> pd.DataFrame:
        """Return metered totals, the newest year first, their polygons in the buildings' system."""
        import pandas as pd  # heavy
        import shapely
        from pyproj import Transformer

        frames = []
        for metered in self.metered:
            part = metered.frame.drop(columns="_row")
            if (
                metered.epsg is not None
                and epsg is not None
                and metered.epsg != epsg
                and -1 not in (metered.epsg, epsg)
            ):
                step: Any = Transformer.from_crs(metered.epsg, epsg, always_xy=True).transform
                shapes = shapely.transform(part["geometry"].to_numpy(dtype=object), step, interleaved=False)
                part = part.assign(geometry=shapes)
            frames.append(part)
        if asked := self.asked_total:
            frames.append(pd.DataFrame([asked | {"geometry": None}]))
        held = self.held("metered_demand")
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

    def warmth(self, weather: str | None) -> float | None:
        """Return the space heat of a weather by that of the built-in figures: degree days by those of TABULA's climate."""
        year = next((w for _, w in self.weather if w.name == weather), None)
        if year is not None:
            return degree_days(year.temperature, _LIMIT_12) / TABULA_DEGREE_DAYS
        held = self.held("weather")
        if not len(held):
            return None
        found = held.loc[held["weather"] == weather, "degree_days_12"].dropna()
        return float(found.iloc[0]) / TABULA_DEGREE_DAYS if len(found) else None

    def shaped(self, demand: pd.DataFrame) -> Iterator[Item]:
        """Give demands without a profile the shape that the weather asks for, by their share of hot water."""
        chosen = self.chosen_weather()
        if chosen is None:
            return
        name, temperature, file = chosen
        profiles = shape_demand(demand, name)
        start, calendar = ("", "standard") if len(temperature) % 8760 else ("", "noleap")
        for profile, share in profiles.items():
            text = (
                f"heat by degree hours of {name}; {share:.0%} of the year's heat is hot water, the same in every hour"
            )
            yield Series(
                profile, heat_shape(temperature, share), "share", file, start=start, calendar=calendar, text=text
            )

    def chosen_weather(self) -> tuple[str, Floats, Path] | None:
        """Return the weather that shapes the demand: the one asked for, or the only one."""
        wish = self.request.options.get("weather", "")
        if wish == "none":
            return None
        mine = {w.name: (w.name, w.temperature, f) for f, w in self.weather}
        held = self.held("weather")
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
                return name, series.values, self.parts[0].grid.file  # noqa: PD011  no frame
        return None

    def tell(self, frame: pd.DataFrame, demand: pd.DataFrame) -> None:
        """Say how many demands were given and estimated, and which could not be."""
        rule = demand["rule"].astype(str)
        estimated = rule.str.startswith(ESTIMATED)
        nothing = demand["space_heat_mwh"].isna() & demand["hot_water_mwh"].isna()
        if (estimated & ~nothing).any():
            unknown = estimated & frame["construction_year"].isna() & ~nothing
            text = f"heat of {int((estimated & ~nothing).sum())} buildings was estimated by use, age and state"
            text += (
                f"; of {int(unknown.sum())} the age is not known, so that the figures of their use count"
                if unknown.any()
                else ""
            )
            self.note(f"{text}.", "estimated", severity="info", hint="building_demand.rule says how.")
        if nothing.any():
            which = listed(demand.loc[nothing, "building"].astype(str))
            self.note(f"the heat of {int(nothing.sum())} buildings could not be estimated: {which}.", "no-demand")

    def tell_overlaps(self, frame: pd.DataFrame) -> None:
        """Say which buildings stand in the footprint of another, so that the same rooms may be heated twice."""
        import numpy as np  # heavy
        import shapely

        shapes = frame["geometry"].to_numpy(dtype=object)
        areas = np.flatnonzero(shapely.get_dimensions(shapes) == _SURFACE)
        if not len(areas):
            return
        shapes, size = shapes[areas], shapely.area(shapes[areas])
        inner, outer = shapely.STRtree(shapes).query(shapely.point_on_surface(shapes), predicate="within")
        twice = (inner != outer) & ((size[inner] < size[outer]) | ((size[inner] == size[outer]) & (inner > outer)))
        which = frame["building"].iloc[areas[np.unique(inner[twice])]]
        if len(which):
            text = f"{len(which)} buildings stand in the footprint of another ({listed(which)}): the same area may count twice."
            self.note(text, "overlap")


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
