"""One pass over an OpenStreetMap file: pyosmium filters in C++, assembles areas and hands over what counts."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from dhsdb.errors import Problem
from dhsdb.importers import demand, osm_dialects, streets
from dhsdb.importers.osm_dialects import true_id
from dhsdb.importers.osm_files import broken, file_format

if TYPE_CHECKING:
    from collections.abc import Callable

    import osmium
    import shapely

_FOREIGN = re.compile(r"twice in input|Unknown element")
"""What libosmium says of XML that can be read once it is written anew."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


# Filters of the pass, run in C++: what a node must be tagged with, and which keys an area must have one of.
_NODES = (
    ("telecom", "data_center"), ("telecom", "data_centre"), ("shop", "supermarket"), ("leisure", "ice_rink"),
    ("man_made", "wastewater_plant"), ("man_made", "works"), ("station", "subway"), ("subway", "yes"),
    ("power", "plant"), ("power", "generator"), ("pipeline", "substation"),
)  # fmt: skip
_AREAS = ("building", "telecom", "shop", "leisure", "man_made", "station", "subway", "power", "pipeline")

_NO = frozenset({None, "no"})

Record = tuple[Any, ...]
STREET_TAGS = ("highway", "title", "surface")
PIPE_TAGS = ("diameter_m", "existing")
BUILDING_TAGS = (
    "building",
    "use",
    "osm_tag",
    "title",
    "address",
    "levels",
    "height_m",
    "min_level",
    "construction_year",
)
SOURCE_TAGS = ("heat_source", "title", "kind", "output")


@dataclass(slots=True)
class Scan:
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
            self.tagged.append(f"w{true_id(way.id)}")
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
        if len(index) == len(self.lines.way):
            return self.lines
        return self.lines.take(np.array(index, dtype=np.int64))

    def forget_lines(self) -> None:
        """Free the streets' nodes; pipes are kept."""
        pipes = self.of(self.pipe_at)
        self.lines, self.street_at, self.pipe_at = pipes, [], list(range(len(pipes.way)))

    def relation(self, relation: osmium.osm.Relation) -> None:
        """Note a building made of several ways; its area may have come before it."""
        tag = relation.tags.get
        if tag("type") == "multipolygon" and tag("building") not in _NO:
            self.tagged.append(f"r{true_id(relation.id)}")

    def area(self, area: osmium.osm.Area) -> None:
        """Take the polygon of a building, a source or both."""
        tag = area.tags.get
        building = tag("building")
        kind = demand.source_kind(building, tag)
        key = f"{'w' if area.from_way() else 'r'}{true_id(area.orig_id())}"
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
        tag, key = node.tags.get, f"n{true_id(node.id)}"
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
        polygon = polygonal(shapely.Polygon(shapely.get_coordinates(ring)))
        if polygon.area > 0:
            tag, key = way.tags.get, f"w{true_id(way.id)}"
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


def polygonal(geometry: shapely.Geometry) -> shapely.Polygon | shapely.MultiPolygon:
    """Make a polygon valid and drop the lines and points that this may leave."""
    import shapely

    parts = shapely.get_parts(shapely.get_parts(shapely.make_valid(geometry)))
    polygons = shapely.union_all(parts[shapely.get_dimensions(parts) == 2])  # noqa: PLR2004  surfaces
    return cast("shapely.Polygon | shapely.MultiPolygon", polygons)


def scan_file(file: Path, skip: set[str]) -> Scan | Problem:
    """Read a file; one that is not in order (nodes, ways, relations, each by id) is sorted first."""
    import osmium

    form = file_format(file)
    if isinstance(form, Problem):
        return form
    if problem := osm_dialects.remark(file, form):
        return problem
    try:
        rewrite = osm_dialects.is_foreign(file, form)
        if not rewrite:
            try:
                scan = _pass(file, osmium.io.File(str(file), form), skip)
                if not _lacks_all(scan):
                    return scan
            except RuntimeError as error:
                rewrite = form != "pbf" and _FOREIGN.search(str(error)) is not None
                if not rewrite and "out of order" not in str(error):
                    raise
        with tempfile.TemporaryDirectory() as folder:
            return _ordered(file, form, skip, Path(folder), rewrite=rewrite)
    except (RuntimeError, ValueError, OSError, MemoryError, osmium.InvalidLocationError) as error:
        return broken(file, str(error))


def _ordered(file: Path, form: str, skip: set[str], folder: Path, *, rewrite: bool) -> Scan | Problem:
    """Read a file that is put in order first, or written anew if it is of a dialect."""
    source = file
    if rewrite:
        source, form, given = folder / "rewritten.osm.pbf", "pbf", form
        if problem := osm_dialects.rewritten(file, given, source):
            return problem
    scan = _pass(file, _sorted(source, form, folder), skip)
    if not _lacks_all(scan):
        return scan
    hint = "Of Overpass, ask for `out geom;` or for the nodes too: `(._;>;); out;`."
    return Problem(
        "streets and buildings come without the positions of their nodes.", str(file), hint=hint, code="positions"
    )


def _pass(file: Path, opened: osmium.io.File, skip: set[str]) -> Scan:
    import osmium

    kinds = osmium.osm
    with tempfile.TemporaryDirectory() as folder, streets.WayFile(Path(folder) / "ways.opl") as ways:
        scan = Scan(file, skip, osmium.geom.WKBFactory(), ways.add)
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


def _lacks_all(scan: Scan) -> bool:
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
