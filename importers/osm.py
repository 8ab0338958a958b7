"""OpenStreetMap extracts (PBF, XML): streets, buildings with their demand, heat sources and existing heating pipes.

One pass of pyosmium filters in C++, assembles areas and hands over the few tags and positions that count; all else is
done on arrays. Noding is in :mod:`~dhsdb.importers.streets`, uses and demand in :mod:`~dhsdb.importers.demand`. Lengths
and areas are those of the projected system. Which streets carry a trench and which sources pay is left to the models.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from dhsdb.errors import Problem
from dhsdb.importers import demand, streets
from dhsdb.importers.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from dhsdb.importers.rows import Item, Request

from dhsdb.importers.osm_files import box_problem, file_format, files_of
from dhsdb.importers.osm_scan import BUILDING_TAGS, PIPE_TAGS, SOURCE_TAGS, STREET_TAGS, Scan, polygonal, scan_file

__all__ = ["OsmImporter", "file_format"]

ATTRIBUTION = "© OpenStreetMap contributors, ODbL 1.0, https://www.openstreetmap.org/copyright"
_AT_ONCE = 10_000
_COMPLETED = ("building", "heat_source")
"""Tables of which other files may know more: what maps do not say stays."""
_CLIPPED = "If the extract was clipped: `osmium extract --strategy={}` keeps {} whole."


class OsmImporter:
    """OpenStreetMap extracts."""

    name = "osm"
    reads = "OpenStreetMap extracts (.osm.pbf, .osm, .osm.gz, .osm.bz2; JOSM, Overpass): streets, buildings, heat sources, pipes"
    attribution = ATTRIBUTION

    def read(self, request: Request) -> Iterator[Item]:
        """Yield the rows of all files, noded together, and what is wrong with them."""
        files, problems = files_of(request.paths)
        if problem := box_problem(request.bbox):
            problems.append(problem)
        scans: list[Scan] = []
        for done, file in enumerate(files):
            request.progress(done, len(files) + 1, f"reading {file.name}")
            scan = scan_file(file, {key for earlier in scans for key in earlier.taken})
            if isinstance(scan, Problem):
                problems.append(scan)
            else:
                scans.append(scan)
        if problems:
            yield from problems
        elif scans:
            request.progress(len(files), len(files) + 1, "cutting streets, estimating demand")
            yield from _Study(request, scans).items()


class _Study:
    """The scans of one import on their way to rows."""

    def __init__(self, request: Request, scans: list[Scan]) -> None:
        self.request = request
        self.scans = scans
        self.where = str(scans[0].file) if len(scans) == 1 else f"{len(scans)} files"
        self.warnings: list[Problem] = []

    def items(self) -> Iterator[Item]:
        """Yield the rows of every table, then the warnings; or only what makes them impossible."""
        centre = self.centre()
        if centre is None:
            hint = "Does the box lie within the extract?" if self.request.bbox else "Does it hold more than boundaries?"
            yield Problem("there are no streets and no buildings.", self.where, hint=hint, code="empty")
            return
        epsg = self.request.epsg or streets.utm_epsg(*centre)
        transformer = streets.projection(epsg, centre)
        if isinstance(transformer, Problem):
            yield transformer
            return
        for table, frame in self.tables(streets.projector(transformer)):
            yield from self.rows(table, frame, epsg)
        yield from self.warnings

    def centre(self) -> tuple[float, float] | None:
        """Return longitude and latitude of the middle of the streets, or of the buildings; None = there are neither."""
        import numpy as np

        lines, _ = streets.gather([scan.of(scan.street_at) for scan in self.scans])
        points = lines.xy[streets.inside(lines.xy, self.request.bbox) & lines.known]
        if not len(points):
            points = _points(self.shapes())
        return cast("tuple[float, float]", tuple(np.median(points, axis=0).tolist())) if len(points) else None

    def tables(self, project: streets.Project) -> Iterator[tuple[str, pd.DataFrame]]:
        """Yield table names and their rows, with the index of the file in column ``_source``."""
        yield from (("street", frame) for frame in self.street_rows(project))
        specific = demand.specific_demand()
        buildings = self.building_rows(self.shapes(), project)
        yield "building", buildings.drop(columns="min_level")
        yield "specific_demand", specific.assign(_source=0)
        yield "building_demand", demand.estimate(buildings, specific).assign(_source=buildings["_source"])
        if any(scan.pipe_tags for scan in self.scans):
            yield "network_pipe", self.pipe_rows(project)
        if any(scan.sources for scan in self.scans):
            yield "heat_source", self.source_rows(project)
        self.warn_lost()

    def rows(self, table: str, frame: pd.DataFrame, epsg: int) -> Iterator[Rows]:
        """Yield the rows of a table file by file."""
        sheet = "built-in figures" if table == "specific_demand" else ""
        source = frame.pop("_source").to_numpy()
        for index, scan in enumerate(self.scans):
            part = frame if (source == index).all() else frame[source == index]
            if len(part):
                yield Rows(table, part, scan.file, sheet, epsg=epsg, partial=table in _COMPLETED)

    def records(self, records: str, wkb: str, columns: Sequence[str]) -> pd.DataFrame:
        """Return the records of all files with ``geometry`` in degrees and ``_source``."""
        import numpy as np
        import pandas as pd
        import shapely

        parts = [getattr(scan, records) for scan in self.scans]
        frame = pd.DataFrame([record for part in parts for record in part], columns=list(columns))
        shapes = [shape for scan in self.scans for shape in getattr(scan, wkb)]
        geometry = shapely.from_wkb(np.array(shapes, dtype=object))
        single = shapely.get_num_geometries(geometry) == 1
        geometry[single] = shapely.get_geometry(geometry[single], 0)
        frame["geometry"] = geometry
        frame["_source"] = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
        return frame

    def shapes(self) -> pd.DataFrame:
        """Return the buildings within the box, in degrees."""
        return self.within_box(self.records("buildings", "building_wkb", BUILDING_TAGS))

    def within_box(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the rows whose centroid lies in the box."""
        inside = streets.inside(_points(frame), self.request.bbox)
        return frame if inside.all() else frame[inside].reset_index(drop=True)

    def street_rows(self, project: streets.Project) -> Iterator[pd.DataFrame]:
        """Yield the rows of ``street``, some at a time: as geometries they take ten times the memory of their points."""
        lines, kept = streets.gather([scan.of(scan.street_at) for scan in self.scans])
        segments = streets.node_ways(lines, self.request.bbox)
        self.warn_cut(lines, segments)
        way = lines.way
        del lines
        for scan in self.scans:
            scan.forget_lines()
        tags = self.tags("street_tags", STREET_TAGS)
        for part in segments.parts(_AT_ONCE):
            frame = streets.table(part, way, project).rename(columns={"segment": "street"})
            yield _tagged(frame, tags, kept[part.way])

    def pipe_rows(self, project: streets.Project) -> pd.DataFrame:
        """Return the rows of ``network_pipe``, cut where pipes meet."""
        lines, kept = streets.gather([scan.of(scan.pipe_at) for scan in self.scans])
        segments = streets.node_ways(lines, self.request.bbox)
        frame = streets.table(segments, lines.way, project).drop(columns="osm_way")
        frame = frame.rename(columns={"segment": "pipe", "length_m": "trench_m"})
        frame = frame.astype({"from_node": str, "to_node": str}).assign(site=self.request.site)
        tags = self.tags("pipe_tags", PIPE_TAGS)
        return self.believed(_tagged(frame, tags, kept[segments.way]), "diameter_m", 3)

    def tags(self, tags: str, columns: Sequence[str]) -> pd.DataFrame:
        """Return the tags of the ways of all files, and ``_source``."""
        import numpy as np
        import pandas as pd

        parts = [getattr(scan, tags) for scan in self.scans]
        of_way = pd.DataFrame([record for part in parts for record in part], columns=list(columns))
        of_way["_source"] = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
        for part in parts:
            part.clear()
        return of_way

    def building_rows(self, shapes: pd.DataFrame, project: streets.Project) -> pd.DataFrame:
        """Return the rows of ``building``, with ``min_level``."""
        import numpy as np
        import shapely

        geometry = shapely.transform(shapes["geometry"].to_numpy(), project)
        for index in np.flatnonzero(~shapely.is_valid(geometry)):
            geometry[index] = polygonal(geometry[index])
        frame = shapes.assign(site=self.request.site, geometry=geometry, footprint_m2=shapely.area(geometry))
        frame["construction_year"] = frame["construction_year"].astype("Int64")
        frame = self.believed(self.believed(frame, "levels", 200), "height_m", 900)
        frame["floor_area_m2"] = demand.floor_area(frame)
        covered = _covered(geometry, frame["footprint_m2"].to_numpy())
        if covered.any():
            frame.loc[covered, "floor_area_m2"] = 0.0
            which = _some(frame["building"][covered])
            self.warn(f"{which} inside the footprint of another: floor area was counted there only.", "overlap")
        return frame

    def source_rows(self, project: streets.Project) -> pd.DataFrame:
        """Return the rows of ``heat_source``; a point within an area of the same kind is the same source."""
        import pandas as pd
        import shapely

        frame = self.within_box(self.records("sources", "source_wkb", SOURCE_TAGS))
        geometry = shapely.transform(frame["geometry"].to_numpy(), project)
        frame["geometry"] = shapely.point_on_surface(geometry)
        sizes = [
            demand.source_size(kind, output, area)
            for kind, output, area in zip(frame["kind"], frame.pop("output"), shapely.area(geometry), strict=True)
        ]
        size = pd.DataFrame(sizes, columns=["capacity_mw", "temperature_c", "annual_mwh", "rule"])
        kind = frame["kind"].to_numpy()
        point, area = shapely.STRtree(geometry).query(geometry, predicate="covered_by")
        twice = point[(shapely.get_type_id(geometry[point]) == 0) & (point != area) & (kind[point] == kind[area])]
        return cast("pd.DataFrame", pd.concat([frame, size], axis=1).assign(profile=None).drop(index=twice))

    def believed(self, frame: pd.DataFrame, column: str, high: float) -> pd.DataFrame:
        """Clear figures that can't be meant, with a warning."""
        wrong = ~frame[column].between(0, high) & frame[column].notna()
        if not wrong.any():
            return frame
        which = _some(frame.loc[wrong].iloc[:, 0], "row")
        self.warn(f"{column} of {which} was not believed: not in 0 .. {high}.", "implausible")
        return frame.assign(**{column: frame[column].mask(wrong)})

    def warn(self, text: str, code: str, hint: str = "") -> None:
        """Keep a warning for the end."""
        self.warnings.append(Problem(text, self.where, hint=hint, severity="warning", code=code))

    def warn_cut(self, lines: streets.Lines, segments: streets.Segments) -> None:
        """Say how many streets miss nodes."""
        import numpy as np

        cut = np.intersect1d(lines.owner[~lines.known], lines.owner[streets.inside(lines.xy, self.request.bbox)])
        if len(cut):
            out = len(np.setdiff1d(cut, segments.way))
            text = f"{len(cut)} streets miss nodes: {len(cut) - out} were kept in part, {out} left out."
            self.warn(text, "clipped", _CLIPPED.format("complete_ways", "streets"))

    def warn_lost(self) -> None:
        """Say which buildings were left out or repaired."""
        taken = {key for scan in self.scans for key in scan.taken}
        if lost := [key for scan in self.scans for key in scan.lost if key not in taken]:
            text = f"{_some(lost)} left out: nodes are missing, or the outline does not close."
            self.warn(text, "clipped", _CLIPPED.format("smart", "buildings"))
        if mended := [key for scan in self.scans for key in scan.mended]:
            self.warn(f"{_some(mended)} repaired: the outline crosses itself.", "repaired")


def _tagged(frame: pd.DataFrame, tags: pd.DataFrame, way: NDArray[np.int64]) -> pd.DataFrame:
    """Add the tags of the ways to segments."""
    import pandas as pd

    return pd.concat([frame, tags.iloc[way].set_axis(frame.index)], axis=1)


def _points(frame: pd.DataFrame) -> NDArray[np.float64]:
    """Return the centroids of geometries, shape (rows, 2)."""
    import shapely

    return shapely.get_coordinates(shapely.centroid(frame["geometry"].to_numpy()))


def _some(keys: Iterable[str], what: str = "building") -> str:
    """Return ``3 buildings (w1, w2, r3)``, with the first five of many."""
    listed = list(keys)
    more = f" and {len(listed) - 5} more" if len(listed) > 5 else ""  # noqa: PLR2004  enough to find them
    return f"{len(listed)} {what}{'s' * (len(listed) != 1)} ({', '.join(listed[:5])}{more})"


def _covered(geometry: NDArray[np.object_], area: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which polygons lie to 95 % or more in a larger one (of two equal ones: the later), shape (n,)."""
    import numpy as np
    import shapely

    small, large = shapely.STRtree(geometry).query(geometry)
    bounds = shapely.bounds(geometry)
    smaller = (area[small] < area[large]) | ((area[small] == area[large]) & (small > large))
    slack = 0.05 * np.sqrt(area)[small, None]
    within = (bounds[small, :2] >= bounds[large, :2] - slack) & (bounds[small, 2:] <= bounds[large, 2:] + slack)
    small, large = small[smaller & within.all(axis=1)], large[smaller & within.all(axis=1)]
    shared = shapely.area(shapely.intersection(geometry[small], geometry[large]))
    covered = np.zeros(len(area), dtype=bool)
    covered[small[shared >= 0.95 * area[small]]] = True
    return covered
