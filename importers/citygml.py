"""CityGML 1.0 and 2.0, LoD 0 to 3, read as a stream: one building in memory at a time, and the corners of all.

The parser resolves no entities, opens no network and follows no link out of the file; a document that declares a DOCTYPE is
refused. Surfaces that a body names by ``xlink:href`` are looked up within the building, and in a second pass in the file.
"""

from __future__ import annotations

import math
from typing import IO, TYPE_CHECKING, Any

from dhsdb.importers.city import FARTHEST, MAX_CORNERS, City, House, finish
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

_GML = ("http://www.opengis.net/gml", "http://www.opengis.net/gml/3.2")
_CITY = tuple(f"http://www.opengis.net/citygml/{v}" for v in ("1.0", "2.0", "3.0"))
_BUILDING = tuple(f"http://www.opengis.net/citygml/building/{v}" for v in ("1.0", "2.0"))
_APPEARANCE = tuple(f"http://www.opengis.net/citygml/appearance/{v}" for v in ("1.0", "2.0"))
_HREF = "{http://www.w3.org/1999/xlink}href"
_KINDS = {
    "GroundSurface": GROUND, "RoofSurface": ROOF, "WallSurface": WALL, "ClosureSurface": OTHER, "OuterCeilingSurface": OTHER,
    "OuterFloorSurface": OTHER,
}  # fmt: skip
_SOLIDS = {"lod1Solid": 1, "lod2Solid": 2, "lod3Solid": 3}
_SURFACES = {"lod1MultiSurface": 1, "lod2MultiSurface": 2, "lod3MultiSurface": 3}
_FLAT = ("lod0FootPrint", "lod0RoofEdge")
_PLAIN = (
    "class",
    "function",
    "usage",
    "yearOfConstruction",
    "roofType",
    "measuredHeight",
    "storeysAboveGround",
    "name",
)
_METRES = frozenset(
    {"", "m", "#m", "metre", "meter", "urn:adv:uom:m", "urn:ogc:def:uom:ucum::m", "urn:ogc:def:uom:epsg::9001"}
)
_POLYGONS = ("Polygon", "PolygonPatch", "Triangle", "Rectangle")
_AXES = 3
_MANY = 100_000
_LEAST = 3


class _WrongError(Exception):
    """What is wrong with a geometry."""


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
        rest = [f"{{{n}}}{t}" for n in _CITY for t in ("cityObjectMember",)] + [f"{{{n}}}Envelope" for n in _GML]
        rest += [f"{{{n}}}{t}" for n in _GML for t in ("featureMember", "featureMembers")]
        rest += [
            f"{{{n}}}{t}" for n in (*_APPEARANCE, *_CITY) for t in ("appearanceMember", "appearance", "Appearance")
        ]
        first = True
        for _, element in _events(stream, [*tags, *rest]):
            if first:
                self.check_root(element)
                first = False
            name = _plain(element)
            if name == "Building" and _plain(element.getparent()) != "consistsOfBuildingPart":
                self.take(element)
                if size and len(self.city.houses) % 500 == 0:
                    self.request.progress(min(stream.tell(), size), size, f"reading {self.city.file.name}")
                element.clear()
            elif name == "Envelope":
                self.city.system = self.city.system or element.get("srsName", "")
            elif name not in ("appearance", "Appearance") or _plain(element.getparent()) == "CityModel":
                _free(element)
        if first:
            self.city.notes.append(
                self.city.problem(
                    "the document holds no buildings of CityGML 1.0 or 2.0.", hint="Is it the right file?", code="empty"
                )
            )

    def check_root(self, element: Element) -> None:
        tree = element.getroottree()
        if tree.docinfo.doctype or tree.docinfo.internalDTD is not None:
            raise _RefusedError("the document declares XML entities; it was not read.")
        root = tree.getroot()
        if _plain(root) not in ("CityModel", "FeatureCollection"):
            raise _RefusedError(f"this is XML, but no CityGML: it starts with <{_plain(root)[:40]}>.")

    # --- a building ---------------------------------------------------------------------------------------------------
    def take(self, element: Element) -> None:
        """Read a building and its parts."""
        number = len(self.city.houses) + 1
        house = House(_id(element) or f"building {number}", number)
        self.city.houses.append(house)
        polygons = {key: e for e in element.iter() if (key := _id(e)) and e is not element}
        self.take_body(element, house, polygons, own=True)
        for holder in _children(element, "consistsOfBuildingPart"):
            for part in holder:
                if _plain(part) == "BuildingPart":
                    self.take_body(part, house, polygons, own=False)

    def take_body(self, element: Element, house: House, polygons: dict[str, Element], *, own: bool) -> None:
        """Read attributes and the best geometry of a building or part."""
        house.learn(self.attributes(element, house), own=own)
        try:
            self.take_geometry(element, house, polygons, own=own)
        except _WrongError as why:
            self.city.notes.append(
                self.city.problem(str(why), house, "Mend it there.", column="geometry", code="geometry")
            )

    def attributes(self, element: Element, house: House) -> Iterator[tuple[str, Any]]:
        for child in element:
            name = _plain(child)
            if name in _PLAIN and (text := (child.text or "").strip()):
                if name == "measuredHeight" and child.get("uom", "").casefold() not in _METRES:
                    said = self.city.problem(
                        "the measured height is not in metres; it was not read.",
                        house,
                        value=child.get("uom"),
                        severity="warning",
                        code="unit",
                    )
                    self.city.notes.append(said)
                    continue
                yield name, text
            elif name.endswith("Attribute") and child.get("name"):
                yield from _generic(child)
            elif name == "genericAttributeSet":
                for inner in child:
                    if _plain(inner).endswith("Attribute") and inner.get("name"):
                        yield from _generic(inner)
            elif name == "address" and (address := _address(child)):
                yield "address", address

    def take_geometry(self, element: Element, house: House, polygons: dict[str, Element], *, own: bool) -> None:
        """Take the surfaces of the highest level up to 2, else of 3, else the footprint."""
        bounded = [s for holder in _children(element, "boundedBy") for s in holder if _plain(s) in _KINDS]
        direct = {_plain(child): child for child in element if _plain(child) in {**_SOLIDS, **_SURFACES}}
        levels = {(_SOLIDS | _SURFACES)[name] for name in direct}
        levels |= {_SURFACES[_plain(g)] for s in bounded for g in s if _plain(g) in _SURFACES}
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
            kind = _KINDS[_plain(surface)]
            for geometry in surface:
                if _SURFACES.get(_plain(geometry)) != lod:
                    continue
                for e in geometry.iter():
                    if key := _id(e):
                        kinds[key] = kind
                    if href := e.get(_HREF):
                        kinds[href.lstrip("#")] = kind
                polygons += [(_id(p) or _id(surface) or "", kind, p) for p in geometry.iter() if _plain(p) in _POLYGONS]
        return kinds, polygons

    def take_solids(
        self, holder: Element, house: House, polygons: dict[str, Element], kind_of: dict[str, int], *, own: bool
    ) -> None:
        """Add each solid as a body, its inner shells as hollows."""
        for solid in (e for e in holder.iter() if _plain(e) == "Solid"):
            body = self.city.add_body(house, own=own)
            for part in solid:
                if _plain(part) in ("exterior", "interior"):
                    shell = self.city.faces.begin_shell(hollow=_plain(part) == "interior")
                    self.add_surface(body, shell, part, polygons, kind_of)

    def take_flat(self, element: Element, house: House, *, own: bool) -> None:
        for name in _FLAT:
            for holder in _children(element, name):
                body = self.city.add_body(house, own=own, flat=True)
                shell = self.city.faces.begin_shell()
                for polygon in (e for e in holder.iter() if _plain(e) == "Polygon"):
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
            if _plain(element) in _POLYGONS:
                self.add_polygon(body, shell, self.kind(element, kind_of), element, _id(element) or "", turned=turned)
                continue
            turned ^= _plain(element) == "OrientableSurface" and element.get("orientation") == "-"
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
            if (key := _id(element)) in kind_of:
                return kind_of[key]
            if _plain(element) in _KINDS:
                return _KINDS[_plain(element)]
            if _plain(element) in ("Building", "BuildingPart"):
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
            if _plain(border) not in ("exterior", "interior", "outerBoundaryIs", "innerBoundaryIs"):
                continue
            ring = _ring(border)
            if ring is not None and len(ring) >= _LEAST:
                rings.append(ring[::-1] if turned else ring)
            elif _plain(border) in ("exterior", "outerBoundaryIs"):
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
            f"{{{n}}}{t}" for n in _GML for t in ("Polygon", "CompositeSurface", "MultiSurface", "OrientableSurface")
        ]
        members = [f"{{{n}}}cityObjectMember" for n in _CITY]
        for _, element in _events(stream, [*tags, *members]):
            if _plain(element) == "cityObjectMember":
                _free(element)
                continue
            key = _id(element)
            if key is None or key not in wanted or key in found:
                continue
            found.add(key)
            for body, shell, turned in wanted[key]:
                for polygon in (e for e in element.iter() if _plain(e) == "Polygon"):
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
                text = "the document holds no buildings of CityGML 1.0 or 2.0."
                self.city.notes.append(self.city.problem(text, hint="Is it the right file?", code="empty"))
            return None
        xyz = np.concatenate([*self.settled, *self.corners, np.zeros((0, 3))])
        return finish(self.city, xyz, self.request)


# --- elements --------------------------------------------------------------------------------------------------------
def _plain(element: Element) -> str:
    tag = element.tag if element is not None else ""
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def _id(element: Element) -> str | None:
    found: str | None = element.get("{http://www.opengis.net/gml}id") or element.get(
        "{http://www.opengis.net/gml/3.2}id"
    )
    return found


def _children(element: Element, name: str) -> list[Element]:
    return [child for child in element if _plain(child) == name]


def _generic(element: Element) -> Iterator[tuple[str, str]]:
    value = next(iter(_children(element, "value")), None)
    if value is not None and (text := (value.text or "").strip()):
        yield str(element.get("name")), text


def _address(element: Element) -> str:
    """Return the address in one line, from whatever of xAL is filled."""
    found: dict[str, str] = {}
    for e in element.iter():
        if (text := (e.text or "").strip()) and _plain(e) not in found:
            found[_plain(e)] = text
    street = " ".join(filter(None, (found.get("ThoroughfareName"), found.get("ThoroughfareNumber"))))
    city = " ".join(filter(None, (found.get("PostalCodeNumber"), found.get("LocalityName"))))
    return ", ".join(filter(None, (street, city)))


def _ring(border: Element) -> Floats | None:
    """Return the corners of a ring without the closing one, or None if it has none."""
    import numpy as np  # heavy

    texts: list[str] = []
    dimension = 0
    for e in border.iter():
        name = _plain(e)
        if name in ("posList", "pos") and e.text:
            texts.append(e.text)
            dimension = dimension or _number(e.get("srsDimension") or e.get("dimension"))
        elif name == "coordinates" and e.text:
            decimal, between, tuples = (e.get(k, d) for k, d in (("decimal", "."), ("cs", ","), ("ts", " ")))
            text = e.text.replace(tuples, " ").replace(between, " ") if between != " " else e.text
            texts.append(text.replace(decimal, "."))
    if not texts:
        return None
    try:
        values = np.array(" ".join(texts).split(), dtype=float)
    except ValueError:
        word = next((w for t in texts for w in t.split() if not _is_number(w)), "")
        raise _WrongError(f"'{word[:40]}' is no coordinate.") from None
    if not (np.abs(values) < FARTHEST).all():  # nor NaN
        raise _WrongError("a coordinate is no finite number, or farther than anything on earth.")
    if dimension not in (2, _AXES):
        dimension = _AXES if len(values) % _AXES == 0 else 2
    if len(values) % dimension:
        raise _WrongError(f"a ring has {len(values)} numbers, which are no corners of {dimension}.")
    xyz = values.reshape(-1, dimension)
    if dimension == 2:  # noqa: PLR2004
        xyz = np.column_stack([xyz, np.zeros(len(xyz))])
    return xyz[:-1] if len(xyz) > 1 and (xyz[0] == xyz[-1]).all() else xyz


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 0


def _is_number(word: str) -> bool:
    try:
        return math.isfinite(float(word))
    except ValueError:
        return False
