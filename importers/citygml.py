"""CityGML 1.0 to 3.0, LoD 0 to 3, read as a stream: one building in memory at a time, and the corners of all.

The parser resolves no entities, opens no network and follows no link out of the file; a document that declares a DOCTYPE is
refused. Surfaces that a body names by ``xlink:href`` are looked up within the building, and in a second pass in the file.
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

from dhsdb.importers.city import MAX_CORNERS, City, House, finish
from dhsdb.importers.gml import GML, WrongError, address_of, children, generic, gml_id, heights, plain_tag, ring_of
from dhsdb.importers.solids import GROUND, OTHER, ROOF, UNKNOWN, WALL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from dhsdb.errors import Problem
    from dhsdb.importers.city import Measured
    from dhsdb.importers.rows import Request

    Floats = NDArray[np.float64]
    Element = Any
    Rings = list[Floats]

_CITY = tuple(f"http://www.opengis.net/citygml/{v}" for v in ("1.0", "2.0", "3.0"))
_BUILDING = tuple(f"http://www.opengis.net/citygml/building/{v}" for v in ("1.0", "2.0", "3.0"))
_APPEARANCE = tuple(f"http://www.opengis.net/citygml/appearance/{v}" for v in ("1.0", "2.0", "3.0"))
_HREF = "{http://www.w3.org/1999/xlink}href"
_KINDS = {
    "GroundSurface": GROUND, "RoofSurface": ROOF, "WallSurface": WALL, "ClosureSurface": OTHER, "OuterCeilingSurface": OTHER,
    "OuterFloorSurface": OTHER,
}  # fmt: skip
_SOLIDS = {"lod1Solid": 1, "lod2Solid": 2, "lod3Solid": 3}
_SURFACES = {"lod1MultiSurface": 1, "lod2MultiSurface": 2, "lod3MultiSurface": 3}
_FLAT = ("lod0FootPrint", "lod0RoofEdge", "lod0MultiSurface")
_PARTS = ("consistsOfBuildingPart", "buildingPart")
_BOUNDED = ("boundedBy", "boundary")
_PLAIN = (
    "class",
    "function",
    "usage",
    "yearOfConstruction",
    "roofType",
    "storeysAboveGround",
    "name",
)
_METRES = frozenset(
    {"", "m", "#m", "metre", "meter", "urn:adv:uom:m", "urn:ogc:def:uom:ucum::m", "urn:ogc:def:uom:epsg::9001"}
)
_POLYGONS = ("Polygon", "PolygonPatch", "Triangle", "Rectangle")
_MANY = 100_000
_LEAST = 3


def read_citygml(
    opened: Callable[[], IO[bytes]], file: Path, request: Request, size: int = 0
) -> tuple[Measured | None, list[Problem]]:
    """Return the buildings of a document, and what is wrong with it.

    Parameters
    ----------
    opened
        Opens the document anew.
    file
        Name that places are given by.
    size
        Its size in bytes, for the progress; 0 = not known.
    """
    from lxml import etree  # heavy

    reader = _Reader(City(file), request)
    try:
        with opened() as stream:
            reader.read(stream, size)
        if reader.missing:
            with opened() as stream:
                reader.resolve(stream)
    except etree.XMLSyntaxError as error:
        text = f"the document is damaged or not complete ({str(error)[:160]})."
        return None, [*reader.city.notes, reader.city.problem(text, hint="Export it anew.", code="format")]
    except _RefusedError as why:
        return None, [reader.city.problem(str(why), hint="Export it anew.", code="unsafe")]
    return reader.finish(), reader.city.notes


class _RefusedError(Exception):
    """Why a document is not read."""


def _events(stream: IO[bytes], tags: list[str]) -> Any:
    from lxml import etree  # heavy

    return etree.iterparse(
        stream, events=("end",), tag=tags, resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False,
        huge_tree=False, remove_comments=True, remove_pis=True,
    )  # fmt: skip


def _free(element: Element) -> None:
    """Give back what was read: the element's content, and what stands before it."""
    element.clear()
    parent = element.getparent()
    if parent is not None:
        while element.getprevious() is not None:
            del parent[0]


class _Reader:
    """A document on its way to buildings."""

    def __init__(self, city: City, request: Request) -> None:
        self.city = city
        self.request = request
        self.corners: list[Floats] = []
        self.settled: list[Floats] = []
        self.n_corners = 0
        self.missing: dict[str, list[tuple[int, int, bool]]] = {}
        self.schema = ""
        self.unmeant = 0

    def read(self, stream: IO[bytes], size: int) -> None:
        """Read all buildings."""
        tags = [f"{{{n}}}Building" for n in _BUILDING]
        rest = [f"{{{n}}}{t}" for n in _CITY for t in ("cityObjectMember",)] + [f"{{{n}}}Envelope" for n in GML]
        rest += [f"{{{n}}}{t}" for n in GML for t in ("featureMember", "featureMembers")]
        rest += [
            f"{{{n}}}{t}" for n in (*_APPEARANCE, *_CITY) for t in ("appearanceMember", "appearance", "Appearance")
        ]
        first = True
        for _, element in _events(stream, [*tags, *rest]):
            if first:
                self.check_root(element)
                first = False
            name = plain_tag(element)
            if name == "Building" and plain_tag(element.getparent()) not in _PARTS:
                self.take(element)
                if size and len(self.city.houses) % 500 == 0:
                    self.request.progress(min(stream.tell(), size), size, f"reading {self.city.file.name}")
                element.clear()
            elif name == "Envelope":
                self.city.system = self.city.system or element.get("srsName", "")
            elif name not in ("appearance", "Appearance") or plain_tag(element.getparent()) == "CityModel":
                _free(element)
        if first:
            self.city.notes.append(
                self.city.problem(
                    "the document holds no buildings of CityGML 1.0 to 3.0.", hint="Is it the right file?", code="empty"
                )
            )

    def check_root(self, element: Element) -> None:
        tree = element.getroottree()
        if tree.docinfo.doctype or tree.docinfo.internalDTD is not None:
            raise _RefusedError("the document declares XML entities; it was not read.")
        root = tree.getroot()
        if plain_tag(root) not in ("CityModel", "FeatureCollection"):
            raise _RefusedError(f"this is XML, but no CityGML: it starts with <{plain_tag(root)[:40]}>.")

    # --- a building ---------------------------------------------------------------------------------------------------
    def take(self, element: Element) -> None:
        """Read a building and its parts."""
        number = len(self.city.houses) + 1
        house = House(gml_id(element) or f"building {number}", number)
        self.city.houses.append(house)
        polygons = {key: e for e in element.iter() if (key := gml_id(e)) and e is not element}
        self.take_body(element, house, polygons, own=True)
        for holder in children(element, *_PARTS):
            for part in holder:
                if plain_tag(part) == "BuildingPart":
                    self.take_body(part, house, polygons, own=False)

    def take_body(self, element: Element, house: House, polygons: dict[str, Element], *, own: bool) -> None:
        """Read attributes and the best geometry of a building or part."""
        house.learn(self.attributes(element, house), own=own)
        try:
            self.take_geometry(element, house, polygons, own=own)
        except WrongError as why:
            self.city.notes.append(
                self.city.problem(str(why), house, "Mend it there.", column="geometry", code="geometry")
            )

    def attributes(self, element: Element, house: House) -> Iterator[tuple[str, Any]]:
        for child in element:
            name = plain_tag(child)
            if name == "measuredHeight":
                yield from self.height(child, house)
            elif name in _PLAIN and (text := (child.text or "").strip()):
                yield name, text
            elif name == "dateOfConstruction" and (text := (child.text or "").strip()):
                yield "yearOfConstruction", text[:4]
            elif name.endswith("Attribute") and child.get("name"):
                yield from generic(child)
            elif name in ("genericAttributeSet", "genericAttribute"):
                for inner in child:
                    if plain_tag(inner).endswith("Attribute"):
                        yield from generic(inner)
            elif name == "address" and (address := address_of(child)):
                yield "address", address
        for value in heights(element):
            yield from self.height(value, house)

    def height(self, element: Element, house: House) -> Iterator[tuple[str, Any]]:
        """Yield a height if it is in metres."""
        text = (element.text or "").strip()
        if text and element.get("uom", "").casefold() in _METRES:
            yield "measuredHeight", text
        elif text:
            said = "the measured height is not in metres; it was not read."
            self.city.notes.append(
                self.city.problem(said, house, value=element.get("uom"), severity="warning", code="unit")
            )

    def take_geometry(self, element: Element, house: House, polygons: dict[str, Element], *, own: bool) -> None:
        """Take the surfaces of the highest level up to 2, else of 3, else the footprint."""
        bounded = [s for holder in children(element, *_BOUNDED) for s in holder if plain_tag(s) in _KINDS]
        direct = {plain_tag(child): child for child in element if plain_tag(child) in {**_SOLIDS, **_SURFACES}}
        levels = {(_SOLIDS | _SURFACES)[name] for name in direct}
        levels |= {_SURFACES[plain_tag(g)] for s in bounded for g in s if plain_tag(g) in _SURFACES}
        chosen = max((lod for lod in levels if lod <= 2), default=min(levels, default=0))  # noqa: PLR2004
        if not chosen:
            self.take_flat(element, house, own=own)
            return
        kind_of, named = self.bounded(bounded, chosen)
        solids = [direct[name] for name, lod in _SOLIDS.items() if lod == chosen and name in direct]
        before = len(self.city.faces.part)
        if solids:
            for solid in solids:
                self.take_solids(solid, house, polygons, kind_of, own=own)
        else:
            body = self.city.add_body(house, own=own)
            shell = self.city.faces.begin_shell()
            loose = [direct[name] for name, lod in _SURFACES.items() if lod == chosen and name in direct]
            if named:
                for key, kind, polygon in named:
                    self.add_polygon(body, shell, kind, polygon, key)
            for surface in [] if named else loose:
                self.add_surface(body, shell, surface, polygons, kind_of)
        if len(self.city.faces.part) == before and named and solids:
            body = self.city.add_body(house, own=own)
            shell = self.city.faces.begin_shell()
            for key, kind, polygon in named:
                self.add_polygon(body, shell, kind, polygon, key)
        house.lod = max(house.lod, str(chosen))

    def bounded(self, surfaces: list[Element], lod: int) -> tuple[dict[str, int], list[tuple[str, int, Element]]]:
        """Return what the polygons of thematic surfaces are, by id, and the polygons themselves."""
        kinds: dict[str, int] = {}
        polygons = []
        for surface in surfaces:
            kind = _KINDS[plain_tag(surface)]
            for geometry in surface:
                if _SURFACES.get(plain_tag(geometry)) != lod:
                    continue
                for e in geometry.iter():
                    if key := gml_id(e):
                        kinds[key] = kind
                    if href := e.get(_HREF):
                        kinds[href.lstrip("#")] = kind
                polygons += [
                    (gml_id(p) or gml_id(surface) or "", kind, p) for p in geometry.iter() if plain_tag(p) in _POLYGONS
                ]
        return kinds, polygons

    def take_solids(
        self, holder: Element, house: House, polygons: dict[str, Element], kind_of: dict[str, int], *, own: bool
    ) -> None:
        """Add each solid as a body, its inner shells as hollows."""
        for solid in (e for e in holder.iter() if plain_tag(e) == "Solid"):
            body = self.city.add_body(house, own=own)
            for part in solid:
                if plain_tag(part) in ("exterior", "interior"):
                    shell = self.city.faces.begin_shell(hollow=plain_tag(part) == "interior")
                    self.add_surface(body, shell, part, polygons, kind_of)

    def take_flat(self, element: Element, house: House, *, own: bool) -> None:
        for name in _FLAT:
            for holder in children(element, name):
                body = self.city.add_body(house, own=own, flat=True)
                shell = self.city.faces.begin_shell()
                for polygon in (e for e in holder.iter() if plain_tag(e) == "Polygon"):
                    self.add_polygon(body, shell, GROUND, polygon, "")
                house.lod = house.lod or "0"
                return

    # --- surfaces -----------------------------------------------------------------------------------------------------
    def add_surface(
        self, body: int, shell: int, holder: Element, polygons: dict[str, Element], kind_of: dict[str, int]
    ) -> None:
        """Add the polygons below an element, and those that it names; a surface may be named to be seen from behind."""
        seen: set[str] = set()
        stack = [(holder, False)]
        while stack:
            element, turned = stack.pop()
            if plain_tag(element) in _POLYGONS:
                self.add_polygon(
                    body, shell, self.kind(element, kind_of), element, gml_id(element) or "", turned=turned
                )
                continue
            turned ^= plain_tag(element) == "OrientableSurface" and element.get("orientation") == "-"
            href = element.get(_HREF)
            if href and (key := href.lstrip("#")) not in seen:
                seen.add(key)
                if key in polygons:
                    stack.append((polygons[key], turned))
                else:
                    self.missing.setdefault(key, []).append((body, shell, turned))
            stack.extend((child, turned) for child in reversed(element) if isinstance(child.tag, str))

    def kind(self, polygon: Element, kind_of: dict[str, int]) -> int:
        """Return what a polygon is: as it or one of the surfaces around it is said to be."""
        element = polygon
        while element is not None:
            if (key := gml_id(element)) in kind_of:
                return kind_of[key]
            if plain_tag(element) in _KINDS:
                return _KINDS[plain_tag(element)]
            if plain_tag(element) in ("Building", "BuildingPart"):
                return UNKNOWN
            element = element.getparent()
        return UNKNOWN

    def add_polygon(
        self, body: int, shell: int, kind: int, polygon: Element, key: str, *, turned: bool = False
    ) -> None:
        """Add a polygon with its holes."""
        import numpy as np  # heavy

        rings = []
        for border in polygon:
            if plain_tag(border) not in ("exterior", "interior", "outerBoundaryIs", "innerBoundaryIs"):
                continue
            ring = ring_of(border)
            if ring is not None and len(ring) >= _LEAST:
                rings.append(ring[::-1] if turned else ring)
            elif plain_tag(border) in ("exterior", "outerBoundaryIs"):
                return  # an outer ring of two corners holds no area
        if not rings:
            return
        if not self.city.system:
            self.city.system = next((s for e in (polygon, *polygon.iterancestors()) if (s := e.get("srsName"))), "")
        self.city.faces.add(body, shell, kind, [len(r) for r in rings], key if kind in {ROOF, UNKNOWN} else "")
        self.corners += rings
        if len(self.corners) > _MANY:  # small arrays take more room than what they hold
            self.settled.append(np.concatenate(self.corners))
            self.corners = []
        self.n_corners += sum(map(len, rings))
        if self.n_corners > MAX_CORNERS:
            raise _RefusedError("the model has too many corners.")

    def resolve(self, stream: IO[bytes]) -> None:
        """Find surfaces that were named but are not in the building itself, in the whole file."""
        wanted = self.missing
        found: set[str] = set()
        tags = [
            f"{{{n}}}{t}" for n in GML for t in ("Polygon", "CompositeSurface", "MultiSurface", "OrientableSurface")
        ]
        members = [f"{{{n}}}cityObjectMember" for n in _CITY]
        for _, element in _events(stream, [*tags, *members]):
            if plain_tag(element) == "cityObjectMember":
                _free(element)
                continue
            key = gml_id(element)
            if key is None or key not in wanted or key in found:
                continue
            found.add(key)
            for body, shell, turned in wanted[key]:
                for polygon in (e for e in element.iter() if plain_tag(e) == "Polygon"):
                    self.add_polygon(body, shell, self.kind(polygon, {}), polygon, "", turned=turned)
        lost = sorted(set(wanted) - found)
        if lost:
            text = f"{len(lost)} surfaces are named but not in the file, the first is '{lost[0][:80]}'."
            self.city.notes.append(
                self.city.problem(
                    text, hint="Their buildings are not closed.", severity="warning", code="missing-surface"
                )
            )

    def finish(self) -> Measured | None:
        """Return the buildings."""
        import numpy as np  # heavy

        if not self.city.houses:
            if not self.city.notes:
                text = "the document holds no buildings of CityGML 1.0 to 3.0."
                self.city.notes.append(self.city.problem(text, hint="Is it the right file?", code="empty"))
            return None
        xyz = np.concatenate([*self.settled, *self.corners, np.zeros((0, 3))])
        return finish(self.city, xyz, self.request)
