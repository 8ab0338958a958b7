"""OpenStreetMap extracts (PBF, XML): streets, buildings with their demand, heat sources and existing heating pipes.

One pass of pyosmium filters in C++, assembles areas and hands over the few tags and positions that count; all else is
done on arrays. Noding is in :mod:`~dhsdb.importers.streets`, uses and demand in :mod:`~dhsdb.importers.demand`. Lengths
and areas are those of the projected system. Which streets carry a trench and which sources pay is left to the models.
"""

from __future__ import annotations

import bz2
import gzip
import re
import tempfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from dhsdb.errors import Problem
from dhsdb.importers import demand, streets
from dhsdb.importers.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import numpy as np
    import osmium
    import pandas as pd
    import shapely
    from numpy.typing import NDArray

    from dhsdb.importers.rows import Item, Request

ATTRIBUTION = "© OpenStreetMap contributors, ODbL 1.0, https://www.openstreetmap.org/copyright"

SUFFIXES = (".pbf", ".osm", ".osm.gz", ".osm.bz2")
"""What is read from a folder; a single file is judged by its content, not its name."""

MAX_RATIO = 100
"""Compressed XML that unpacks to more than this times its size is refused (extracts reach about 20)."""

_CLIPPED = "If the extract was clipped: `osmium extract --strategy={}` keeps {} whole."
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_HEAD = 65_536
_CHUNK = 1 << 20
_PROLOG = re.compile(rb"(?:\xef\xbb\xbf)?(?:\s+|<\?.*?\?>|<!--.*?-->)*", re.DOTALL)


class OsmImporter:
    """OpenStreetMap extracts."""

    name = "osm"
    reads = "OpenStreetMap extracts (.osm.pbf, .osm, .osm.gz, .osm.bz2): streets, buildings, heat sources and pipes"
    attribution = ATTRIBUTION

    def read(self, request: Request) -> Iterator[Item]:
        """Yield the rows of all files, noded together, and what is wrong with them."""
        files, problems = _files(request.paths)
        if problem := _box_problem(request.bbox):
            problems.append(problem)
        scans: list[_Scan] = []
        for done, file in enumerate(files):
            request.progress(done, len(files) + 1, f"reading {file.name}")
            scan = _scan(file, {key for earlier in scans for key in earlier.taken})
            if isinstance(scan, Problem):
                problems.append(scan)
            else:
                scans.append(scan)
        if problems:
            yield from problems
        elif scans:
            request.progress(len(files), len(files) + 1, "cutting streets, estimating demand")
            yield from _Study(request, scans).items()


# --- files: judged by content before pyosmium sees them -------------------------------------------------------------


def _files(paths: Iterable[Path]) -> tuple[list[Path], list[Problem]]:
    files: list[Path] = []
    problems: list[Problem] = []
    for path in paths:
        found = [path]
        if path.is_dir():
            found = sorted(file for file in path.iterdir() if file.name.lower().endswith(SUFFIXES) and file.is_file())
        if not found:
            hint = f"Give a file or a folder that holds {', '.join(SUFFIXES)}."
            problems.append(Problem("the folder holds no OpenStreetMap extract.", str(path), hint=hint, code="format"))
        files += [file for file in found if file not in files]
    return files, problems


def _box_problem(bbox: streets.Box | None) -> Problem | None:
    if bbox is None:
        return None
    west, south, east, north = bbox
    if -180 <= west < east <= 180 and -90 <= south < north <= 90:  # noqa: PLR2004  degrees
        return None
    hint = "Give west,south,east,north in degrees, as in 24.93,60.16,24.96,60.18."
    return Problem("the box is empty or not in degrees.", column="bbox", value=bbox, hint=hint, code="bbox")


def file_format(path: Path) -> str | Problem:
    """Return pyosmium's name of a file's format (pbf, osm, osm.gz, osm.bz2), or why it is refused.

    XML is refused if it declares a DOCTYPE, whose entities could grow without bound, and compressed XML if it unpacks
    to more than :data:`MAX_RATIO` times its size.
    """
    try:
        head = _read_head(path, None)
        if b"OSMHeader" in head[:64]:
            return "pbf"
        for magic, name, opener in ((b"\x1f\x8b", "osm.gz", gzip.open), (b"BZh", "osm.bz2", bz2.open)):
            if head.startswith(magic):
                return _xml_problem(path, _read_head(path, opener)) or _bomb_problem(path, opener) or name
        return _xml_problem(path, head) or "osm"
    except (OSError, EOFError, zlib.error) as error:
        return _broken(path, str(error))


def _read_head(path: Path, opener: Callable[..., Any] | None) -> bytes:
    with (opener or open)(path, "rb") as file:
        return cast("bytes", file.read(_HEAD))


def _xml_problem(path: Path, head: bytes) -> Problem | None:
    """Look at what stands before the root element: a DOCTYPE has no other place."""
    prolog = _PROLOG.match(head)
    rest = head[prolog.end() if prolog else 0 :]
    if re.match(rb"<osm[\s>/]", rest):
        return None
    if rest.startswith((b"<!DOCTYPE", b"<!ENTITY")):
        text = "the XML declares a DOCTYPE, which OpenStreetMap files never do; it was not read."
        return Problem(text, str(path), hint="Take the file from a source that you trust.", code="unsafe")
    what = "a file of changes, not an extract" if rest.startswith(b"<osmChange") else "neither PBF nor OSM XML"
    hint = "Give an extract as .osm.pbf, .osm, .osm.gz or .osm.bz2, for example from download.geofabrik.de."
    return Problem(f"this is {what}.", str(path), hint=hint, code="format")


def _bomb_problem(path: Path, opener: Callable[..., Any]) -> Problem | None:
    limit = max(64 * _CHUNK, MAX_RATIO * path.stat().st_size)
    size = 0
    with opener(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            size += len(chunk)
            if size > limit:
                text = f"it unpacks to more than {limit / 1e6:,.0f} MB, far more than an extract; it was not read."
                return Problem(text, str(path), hint="Unpack it yourself if you trust it.", code="unsafe")
    return None


def _broken(path: Path, why: str) -> Problem:
    hint = "Download it again, or cut it anew with osmium-tool; a file that breaks off was not copied to its end."
    return Problem(f"the file is broken ({why}).", str(path), hint=hint, code="broken")


# --- the pass ---------------------------------------------------------------------------------------------------------

# Filters of the pass, run in C++: what a node must be tagged with, and which keys an area must have one of.
_NODES = (
    ("telecom", "data_center"), ("telecom", "data_centre"), ("shop", "supermarket"), ("leisure", "ice_rink"),
    ("man_made", "wastewater_plant"), ("man_made", "works"), ("station", "subway"), ("subway", "yes"),
    ("power", "plant"), ("power", "generator"), ("pipeline", "substation"),
)  # fmt: skip
_AREAS = ("building", "telecom", "shop", "leisure", "man_made", "station", "subway", "power", "pipeline")

_NO = frozenset({None, "no"})

Record = tuple[Any, ...]
_STREET = ("highway", "title", "surface")
_PIPE = ("diameter_m", "existing")
_BUILDING = ("building", "use", "osm_tag", "title", "address", "levels", "height_m", "min_level", "construction_year")
_SOURCE = ("heat_source", "title", "kind", "output")


@dataclass(slots=True)
class _Scan:
    """What one pass over a file brings: records of tags, hex WKB of polygons and points, ways as arrays."""

    file: Path
    skip: set[str]
    """Ids of buildings and sources that an earlier file brought."""
    wkb: osmium.geom.WKBFactory
    add: Callable[[osmium.osm.Way], None]
    """Takes a street or pipe to the arrays."""
    added: int = 0
    lines: streets.Lines | None = None
    """All streets and pipes, once the pass is over."""
    street_at: list[int] = field(default_factory=list)
    """Indices of the streets in ``lines``."""
    street_tags: list[Record] = field(default_factory=list)
    pipe_at: list[int] = field(default_factory=list)
    pipe_tags: list[Record] = field(default_factory=list)
    buildings: list[Record] = field(default_factory=list)
    building_wkb: list[bytes] = field(default_factory=list)
    sources: list[Record] = field(default_factory=list)
    source_wkb: list[bytes] = field(default_factory=list)
    tagged: list[str] = field(default_factory=list)
    """Ids of all ways and multipolygons tagged as buildings, whether or not an area could be made of them."""
    crossed: list[int] = field(default_factory=list)
    """Ids of building ways whose outline crosses itself."""
    mended: list[str] = field(default_factory=list)

    @property
    def taken(self) -> set[str]:
        """Ids of the buildings and sources that the file brought."""
        return {record[0] for record in self.buildings} | {record[0] for record in self.sources}

    @property
    def lost(self) -> list[str]:
        """Ids of the buildings that no polygon could be made of."""
        taken = self.taken | self.skip
        return [key for key in self.tagged if key not in taken]

    def way(self, way: osmium.osm.Way) -> None:
        """Take a street or a pipe; note a building, whose area follows."""
        tag = way.tags.get
        if (highway := tag("highway")) is not None:
            self.street_at.append(self.added)
            self.street_tags.append((_text(highway), _text(tag("name")), _text(tag("surface"))))
            self.line(way)
        if tag("building") not in _NO:
            self.tagged.append(f"w{way.id}")
        elif tag("man_made") == "pipeline" and (tag("substance") in demand.HEAT or tag("utility") == "heating"):
            gone = any(tag(state) == "yes" for state in ("disused", "abandoned", "proposed", "construction"))
            self.pipe_at.append(self.added)
            self.pipe_tags.append((_diameter(tag("diameter")), not gone))
            self.line(way)

    def line(self, way: osmium.osm.Way) -> None:
        """Take the nodes of a way."""
        self.add(way)
        self.added += 1

    def of(self, index: list[int]) -> streets.Lines:
        """Return some of the lines."""
        import numpy as np

        assert self.lines is not None, "the pass is over"  # noqa: S101
        return self.lines.take(np.array(index, dtype=np.int64))

    def relation(self, relation: osmium.osm.Relation) -> None:
        """Note a building made of several ways; its area may have come before it."""
        tag = relation.tags.get
        if tag("type") == "multipolygon" and tag("building") not in _NO:
            self.tagged.append(f"r{relation.id}")

    def area(self, area: osmium.osm.Area) -> None:
        """Take the polygon of a building, a source or both."""
        tag = area.tags.get
        building = tag("building")
        kind = demand.source_kind(building, tag)
        key = f"{'w' if area.from_way() else 'r'}{area.orig_id()}"
        if key in self.skip or (kind is None and building in _NO):
            return
        try:
            wkb = bytes.fromhex(self.wkb.create_multipolygon(area))
        except RuntimeError:  # a ring that crosses itself
            if building not in _NO and area.from_way():
                self.crossed.append(area.orig_id())
            return
        if building not in _NO:
            self.buildings.append(_record(key, building, tag))
            self.building_wkb.append(wkb)
        if kind is not None:
            self.source(key, kind, tag, wkb)

    def node(self, node: osmium.osm.Node) -> None:
        """Take a source that is mapped as a point."""
        tag, key = node.tags.get, f"n{node.id}"
        kind = demand.source_kind(tag("building"), tag)
        if kind is not None and key not in self.skip and node.location.valid():
            self.source(key, kind, tag, bytes.fromhex(self.wkb.create_point(node)))

    def source(self, key: str, kind: str, tag: demand.Tag, wkb: bytes) -> None:
        """Take a source of heat."""
        self.sources.append((key, _text(tag("name")), kind, demand.heat_output(tag) if kind == "plant" else None))
        self.source_wkb.append(wkb)

    def mend(self, way: osmium.osm.Way) -> None:
        """Make a valid polygon of a closed way that no area could be made of."""
        import osmium
        import shapely

        try:
            ring = shapely.from_wkb(self.wkb.create_linestring(way))
        except (RuntimeError, osmium.InvalidLocationError):  # nodes are missing
            return
        if not ring.is_closed or shapely.get_num_points(ring) < 4:  # noqa: PLR2004  a ring of three sides
            return
        polygon = _polygonal(shapely.Polygon(shapely.get_coordinates(ring)))
        if polygon.area > 0:
            tag, key = way.tags.get, f"w{way.id}"
            self.mended.append(key)
            self.buildings.append(_record(key, tag("building"), tag))
            self.building_wkb.append(polygon.wkb)


def _record(key: str, building: str | None, tag: demand.Tag) -> Record:
    street = _text(tag("addr:street"))
    address = f"{street} {_text(tag('addr:housenumber')) or ''}".rstrip() if street else None
    return (
        key, demand.use_of(tag), _text(building), _text(tag("name")), address,
        demand.number_in(tag("building:levels")), demand.metres_in(tag("height")),
        demand.number_in(tag("building:min_level")), demand.year_in(tag("start_date")),
    )  # fmt: skip


def _text(value: str | None) -> str | None:
    """Return a tag without the control characters that some names have."""
    return value if value is None or value.isprintable() else _CONTROL.sub(" ", value).strip()


def _diameter(text: str | None) -> float:
    """Return a pipe's diameter in metres: OpenStreetMap means millimetres unless it names a unit."""
    number = demand.number_in(text)
    if text and re.search(r"(\"|in|inch)\s*$", text):
        return number * 0.0254
    return number if text and re.search(r"\d\s*m$", text) else number / 1000


def _polygonal(geometry: shapely.Geometry) -> shapely.Polygon | shapely.MultiPolygon:
    """Make a polygon valid and drop the lines and points that this may leave."""
    import shapely

    parts = shapely.get_parts(shapely.get_parts(shapely.make_valid(geometry)))
    polygons = shapely.union_all(parts[shapely.get_dimensions(parts) == 2])  # noqa: PLR2004  surfaces
    return cast("shapely.Polygon | shapely.MultiPolygon", polygons)


def _scan(file: Path, skip: set[str]) -> _Scan | Problem:
    """Read a file; one that is not in order (nodes, ways, relations, each by id) is sorted first."""
    import osmium

    form = file_format(file)
    if isinstance(form, Problem):
        return form
    try:
        try:
            scan = _pass(file, osmium.io.File(str(file), form), skip)
            if not _lacks_all(scan):
                return scan
        except RuntimeError as error:
            if "out of order" not in str(error):
                raise
        with tempfile.TemporaryDirectory() as folder:
            return _pass(file, _sorted(file, form, Path(folder)), skip)
    except (RuntimeError, ValueError, OSError, MemoryError, osmium.InvalidLocationError) as error:
        return _broken(file, str(error))


def _pass(file: Path, opened: osmium.io.File, skip: set[str]) -> _Scan:
    import osmium

    kinds = osmium.osm
    with tempfile.TemporaryDirectory() as folder, streets.WayFile(Path(folder) / "ways.opl") as ways:
        scan = _Scan(file, skip, osmium.geom.WKBFactory(), ways.add)
        take: dict[type, Callable[[Any], None]] = {
            kinds.Node: scan.node, kinds.Way: scan.way, kinds.Relation: scan.relation, kinds.Area: scan.area,
        }  # fmt: skip
        for thing in _processor(opened):
            take[type(thing)](thing)
        scan.lines = ways.lines()
    if scan.crossed:
        again = osmium.FileProcessor(opened).with_locations().with_filter(osmium.filter.EntityFilter(kinds.WAY))
        for way in again.with_filter(osmium.filter.IdFilter(scan.crossed)):
            scan.mend(cast("osmium.osm.Way", way))
    return scan


def _processor(opened: osmium.io.File) -> osmium.FileProcessor:
    import osmium
    from osmium.filter import KeyFilter, TagFilter

    kinds = osmium.osm
    processor = osmium.FileProcessor(opened).with_areas(KeyFilter(*_AREAS))
    for entity, passing in (
        (kinds.NODE, TagFilter(*_NODES)),
        (kinds.WAY, KeyFilter("highway", "building", "man_made")),
        (kinds.RELATION, KeyFilter("building")),
        (kinds.AREA, KeyFilter(*_AREAS)),
    ):
        passing.enable_for(entity)
        processor.with_filter(passing)
    return processor


def _lacks_all(scan: _Scan) -> bool:
    """Return whether there are ways but no position of any of their nodes: then the nodes came after them."""
    known = scan.lines is not None and scan.lines.known.any()
    return not known and not scan.buildings and bool(scan.tagged or scan.added)


def _sorted(file: Path, form: str, folder: Path) -> osmium.io.File:
    import osmium

    target = str(folder / "sorted.osm.pbf")
    reader = osmium.MergeInputReader()
    reader.add_buffer(file.read_bytes(), form)
    writer = osmium.SimpleWriter(target)
    try:
        reader.apply(writer)
    finally:
        writer.close()
    return osmium.io.File(target, "pbf")


# --- from scans to rows -----------------------------------------------------------------------------------------------


class _Study:
    """The scans of one import on their way to rows."""

    def __init__(self, request: Request, scans: list[_Scan]) -> None:
        self.request = request
        self.scans = scans
        self.where = str(scans[0].file) if len(scans) == 1 else f"{len(scans)} files"
        self.warnings: list[Problem] = []

    def items(self) -> Iterator[Item]:
        """Yield the rows of every table, then the warnings; or only what makes them impossible."""
        import numpy as np

        lines, kept = streets.gather([scan.of(scan.street_at) for scan in self.scans])
        points = lines.xy[streets.inside(lines.xy, self.request.bbox) & lines.known]
        if not len(points):
            points = _points(self.shapes())
        if not len(points):
            hint = "Does the box lie within the extract?" if self.request.bbox else "Does it hold more than boundaries?"
            yield Problem("there are no streets and no buildings.", self.where, hint=hint, code="empty")
            return
        centre = cast("tuple[float, float]", tuple(np.median(points, axis=0).tolist()))
        epsg = self.request.epsg or streets.utm_epsg(*centre)
        transformer = streets.projection(epsg, centre)
        if isinstance(transformer, Problem):
            yield transformer
            return
        for table, frame in self.tables(lines, kept, streets.projector(transformer)):
            yield from self.rows(table, frame, epsg)
        yield from self.warnings

    def tables(
        self, lines: streets.Lines, kept: NDArray[np.int64], project: streets.Project
    ) -> Iterator[tuple[str, pd.DataFrame]]:
        """Yield table names and their rows, with the index of the file in column ``_source``."""
        yield "street", self.street_rows(lines, kept, project)
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
                yield Rows(table, part, scan.file, sheet, epsg=epsg)

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
        return self.within_box(self.records("buildings", "building_wkb", _BUILDING))

    def within_box(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the rows whose centroid lies in the box."""
        inside = streets.inside(_points(frame), self.request.bbox)
        return frame if inside.all() else frame[inside].reset_index(drop=True)

    def street_rows(self, lines: streets.Lines, kept: NDArray[np.int64], project: streets.Project) -> pd.DataFrame:
        """Return the rows of ``street``."""
        segments = streets.node_ways(lines, self.request.bbox)
        self.warn_cut(lines, segments)
        frame = streets.table(segments, lines.way, project).rename(columns={"segment": "street"})
        return self.tagged(frame, "street_tags", _STREET, kept[segments.way])

    def pipe_rows(self, project: streets.Project) -> pd.DataFrame:
        """Return the rows of ``network_pipe``, cut where pipes meet."""
        lines, kept = streets.gather([scan.of(scan.pipe_at) for scan in self.scans])
        segments = streets.node_ways(lines, self.request.bbox)
        frame = streets.table(segments, lines.way, project).drop(columns="osm_way")
        frame = frame.rename(columns={"segment": "pipe", "length_m": "trench_m"})
        frame = frame.astype({"from_node": str, "to_node": str}).assign(site=self.request.site)
        return self.believed(self.tagged(frame, "pipe_tags", _PIPE, kept[segments.way]), "diameter_m", 3)

    def tagged(self, frame: pd.DataFrame, tags: str, columns: Sequence[str], way: NDArray[np.int64]) -> pd.DataFrame:
        """Add the tags of the ways and ``_source`` to segments."""
        import numpy as np
        import pandas as pd

        parts = [getattr(scan, tags) for scan in self.scans]
        of_way = pd.DataFrame([record for part in parts for record in part], columns=list(columns))
        of_way["_source"] = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
        return pd.concat([frame, of_way.iloc[way].set_axis(frame.index)], axis=1)

    def building_rows(self, shapes: pd.DataFrame, project: streets.Project) -> pd.DataFrame:
        """Return the rows of ``building``, with ``min_level``."""
        import numpy as np
        import shapely

        geometry = shapely.transform(shapes["geometry"].to_numpy(), project)
        for index in np.flatnonzero(~shapely.is_valid(geometry)):
            geometry[index] = _polygonal(geometry[index])
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

        frame = self.within_box(self.records("sources", "source_wkb", _SOURCE))
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
