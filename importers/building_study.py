"""The buildings of one import on their way to rows: files joined, areas and demands found, calibrated, and shaped by weather."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dhsdb.errors import Problem, did_you_mean
from dhsdb.importers import demand as specific_demands
from dhsdb.importers.building_cells import listed
from dhsdb.importers.building_demand import demand_rows, floor_areas, settle_uses
from dhsdb.importers.building_join import Joined, join_parts
from dhsdb.importers.building_totals import StudyTotals
from dhsdb.importers.building_weather import StudyWeather
from dhsdb.importers.calibration import ESTIMATED, District, calibrate, districts
from dhsdb.importers.held import held_rows
from dhsdb.importers.rows import Rows
from dhsdb.importers.specific_figures import SpecificFigures
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
        self.notes: list[Problem] = []
        self.weather = StudyWeather(request, weather, self.note)
        self.totals = StudyTotals(request, metered, self.weather, self.note)

    def items(self) -> Iterator[Item]:
        """Yield the rows of every table, then what is to be said."""
        yield from self.weather.items()
        yield from self.totals.items(alone=not self.parts)
        if self.parts:
            joined = join_parts(self.parts)
            self.notes += joined.notes
            yield from self.building_items(joined)
        yield from self.notes

    def note(self, text: str, code: str, *, severity: str = "warning", hint: str = "") -> None:
        """Keep what is to be said of the buildings."""
        file = (
            str(self.parts[0].grid.file)
            if len({str(p.grid.file) for p in self.parts}) == 1
            else f"{len(self.parts)} files"
        )
        self.notes.append(Problem(text, file, hint=hint, severity=severity, code=code))

    # --- buildings ----------------------------------------------------------------------------------------------------
    def building_items(self, joined: Joined) -> Iterator[Item]:
        """Yield buildings, roofs, specific demands and demands."""
        frame = self.completed(joined)
        frame = self.with_uses(frame)
        frame = self.with_areas(frame)
        specific = SpecificFigures(self.request)
        yield from self.building_rows(joined, frame)
        yield from self.roof_rows()
        yield from specific.items(self.parts[0].grid.file)
        demand = demand_rows(frame, *specific.effective())
        demand = self.calibrated(frame, demand, joined.epsg)
        yield from self.weather.shaped(demand, self.parts[0].grid.file)
        if not any(n.severity == "error" for p in self.parts for n in p.notes):  # what follows from mistakes is none
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
        held = held_rows(self.request, "building")
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
        frame = frame.assign(floor_area_m2=area, _assumed=[h == "assumed" for h in how])
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
                code = joined.epsg if part.has_places else None
                # What the file does not say at all may stand in the scenario from another.
                kept = kept.drop(columns=[c for c in cells if c != "building" and kept[c].isna().all()])
                yield Rows("building", kept, part.grid.file, part.grid.sheet, epsg=code, partial=True)
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
    def calibrated(self, frame: pd.DataFrame, demand: pd.DataFrame, epsg: int | None) -> pd.DataFrame:
        """Scale demands to metered totals."""
        metered = self.totals.frame(epsg)
        if not len(metered):
            return demand
        places = frame.assign(site=frame["site"].where(frame["site"].notna(), self.request.site))
        for found in districts(places, metered, self.weather.warmth):
            if isinstance(found, District):
                demand, note = calibrate(demand, found)
                self.notes.append(note)
            else:
                self.notes.append(found)
        return demand

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
