"""CityJSON 1.0 to 2.0, one document or a sequence of features: buildings with their attributes and bodies.

Of several geometries the highest level of detail up to 2.x is taken. Templates are resolved. Whatever is no building
(bridges, trees, terrain) is left out.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from dhsdb.errors import Problem
from dhsdb.importers.city import FARTHEST, MAX_CORNERS, City, House, finish
from dhsdb.importers.solids import GROUND, OTHER, ROOF, UNKNOWN, WALL

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from dhsdb.importers.city import Measured
    from dhsdb.importers.rows import Request

    Floats = NDArray[np.float64]

VERSIONS = ("1.0", "1.1", "2.0")
_KINDS = {
    "GroundSurface": GROUND, "RoofSurface": ROOF, "WallSurface": WALL, "ClosureSurface": OTHER, "OuterCeilingSurface": OTHER,
    "OuterFloorSurface": OTHER, "InteriorWallSurface": -1, "CeilingSurface": -1, "FloorSurface": -1, "Window": WALL, "Door": WALL,
}  # fmt: skip
_DEPTH = {"MultiSurface": 1, "CompositeSurface": 1, "Solid": 2, "MultiSolid": 3, "CompositeSolid": 3}
_HIGHEST = 3.0
_BOTH_ENDS = 3


class _WrongError(Exception):
    """What is wrong with a geometry."""


def read_cityjson(
    path: Path, content: bytes, request: Request, shown: Path | None = None
) -> tuple[Measured | None, list[Problem]]:
    """Return the buildings of a document, and what is wrong with it.

    Parameters
    ----------
    path, shown
        File that it came from, and the name that places are given by, where it is a part of an archive.
    """
    file = shown or path
    documents = _documents(content, file)
    if isinstance(documents, Problem):
        return None, [documents]
    reader = _Reader(City(file), request)
    for document in documents:
        reader.take(document)
    return reader.finish(), reader.city.notes


def _documents(content: bytes, file: Path) -> list[dict[str, Any]] | Problem:
    """Return the document, or the header and the features of a sequence."""
    try:
        found = [json.loads(content)]
    except RecursionError:
        return Problem("the JSON is nested too deeply.", str(file), hint="Export it anew.", code="unsafe")
    except ValueError as error:
        try:
            found = [json.loads(line) for line in content.splitlines() if line.strip()]
        except (ValueError, RecursionError):
            text = f"the JSON is damaged or not complete ({str(error)[:120]})."
            return Problem(text, str(file), hint="Export it anew.", code="format")
    if (
        not found
        or not all(isinstance(d, dict) for d in found)
        or found[0].get("type") not in ("CityJSON", "CityJSONFeature")
    ):
        return Problem("this is JSON, but no CityJSON.", str(file), hint="Export it as CityJSON.", code="format")
    return found


class _Reader:
    """A document on its way to buildings."""

    def __init__(self, city: City, request: Request) -> None:
        self.city = city
        self.request = request
        self.transform: Any = None
        self.corners: list[Floats] = []
        self.vertices: Floats
        self.flat: list[int] = []
        self.extra: list[Floats] = []
        self.templates: list[Any] = []
        self.template_vertices: Any = None

    def take(self, document: dict[str, Any]) -> None:
        """Read the objects of a document or feature."""
        import numpy as np  # heavy

        if document.get("type") == "CityJSON":
            self.read_head(document)
        vertices = self.read_vertices(document)
        objects = document.get("CityObjects", {})
        if vertices is None:
            return
        if not isinstance(objects, dict):
            self.wrong("CityObjects is no object.")
            return
        self.vertices, self.flat, self.extra = vertices, [], []
        self.read_objects(objects)
        everything = np.concatenate([self.vertices, *self.extra]) if self.extra else self.vertices
        self.corners.append(everything[np.array(self.flat, dtype=np.int64)] if self.flat else np.zeros((0, 3)))

    def wrong(self, text: str, hint: str = "Export it anew.") -> None:
        self.city.notes.append(self.city.problem(text, hint=hint, code="format"))

    def read_head(self, document: dict[str, Any]) -> None:
        version = str(document.get("version", ""))
        if not version.startswith(VERSIONS):
            text = f"CityJSON {version or 'without a version'} is not known; read are {', '.join(VERSIONS)}."
            self.city.notes.append(
                self.city.problem(text, value=version[:20], hint="Upgrade it, for example with cjio.", code="version")
            )
        metadata = document.get("metadata")
        system = metadata.get("referenceSystem") or metadata.get("crs") if isinstance(metadata, dict) else None
        if isinstance(system, dict):
            system = system.get("epsg")
        self.city.system = str(system or "")
        self.transform = document.get("transform")
        templates = document.get("geometry-templates")
        if isinstance(templates, dict):
            listed = templates.get("templates")
            self.templates = listed if isinstance(listed, list) else []
            self.template_vertices = templates.get("vertices-templates")

    def read_vertices(self, document: dict[str, Any]) -> Floats | None:
        import numpy as np  # heavy

        given = document.get("vertices", [])
        try:
            vertices = np.array(given, dtype=float).reshape(-1, 3) if len(given) else np.zeros((0, 3))
            if isinstance(self.transform, dict):
                scale, move = (np.array(self.transform[k], dtype=float).reshape(3) for k in ("scale", "translate"))
                vertices = vertices * scale + move
        except (ValueError, TypeError, KeyError, OverflowError):
            self.wrong("vertices or transform are not triples of numbers.")
            return None
        bad = ~(np.abs(vertices) < FARTHEST).all(axis=1)  # nor NaN
        if bad.any():
            first = int(np.flatnonzero(bad)[0])
            text = f"{int(bad.sum())} vertices are not finite, or farther than anything on earth; the first is number {first}."
            self.wrong(text)
            return None
        return vertices

    # --- objects ------------------------------------------------------------------------------------------------------
    def read_objects(self, objects: dict[str, Any]) -> None:
        good = {key: o for key, o in objects.items() if isinstance(o, dict)}
        if len(good) < len(objects):
            self.wrong(f"{len(objects) - len(good)} city objects are no objects.")
        # Parts may name their parent, be named by it, or both; a part of a part belongs to the building all the same.
        parent = {child: key for key, o in good.items() for child in _texts(o.get("children"))}
        parent |= {key: p[0] for key, o in good.items() if (p := _texts(o.get("parents")))}
        houses: dict[str, House] = {}
        n_before = len(self.city.houses)
        for key, o in good.items():
            if str(o.get("type", "")).lstrip("+") == "Building":
                house = House(key, n_before + len(houses) + 1, _attributes(o))
                houses[key] = house
                self.read_geometry(house, o, own=True)
        orphans = 0
        for key, o in good.items():
            if o.get("type") != "BuildingPart":
                continue
            whole = _root(key, parent, houses)
            if whole is None:
                orphans += 1
                whole = houses[key] = House(key, n_before + len(houses) + 1, {})
            whole.learn(_attributes(o).items(), own=False)
            self.read_geometry(whole, o, own=False)
        if orphans:
            text = f"{orphans} building parts name no building that is there; each was taken as a building."
            self.city.notes.append(self.city.problem(text, severity="warning", code="orphan-part"))
        self.city.houses += houses.values()

    def read_geometry(self, house: House, o: dict[str, Any], *, own: bool) -> None:
        """Take the best geometry of an object, and a footprint besides if there is no more."""
        geometries = o.get("geometry", o.get("geometries")) or []
        usable = [(lod, g) for g in geometries if isinstance(g, dict) and (lod := _lod(g)) is not None]
        if not isinstance(geometries, list) or not usable:
            return
        best = max((lod for lod, _ in usable if lod < _HIGHEST), default=min(lod for lod, _ in usable))
        for geometry in [g for lod, g in usable if lod == best]:
            try:
                self.add(house, geometry, own=own, flat=best < 1)
                if best >= 1 or not house.lod:
                    house.lod = f"{best:g}"
            except _WrongError as why:
                self.city.notes.append(
                    self.city.problem(str(why), house, "Mend it there.", column="geometry", code="geometry")
                )
            except (TypeError, ValueError, IndexError, KeyError, AttributeError, OverflowError) as error:
                text = f"the geometry can't be read ({str(error)[:80] or type(error).__name__})."
                self.city.notes.append(
                    self.city.problem(text, house, "Export it anew.", column="geometry", code="geometry")
                )

    def add(self, house: House, geometry: dict[str, Any], *, own: bool, flat: bool) -> None:
        """Add the bodies of a geometry."""
        offset, base = 0, len(self.vertices) + sum(len(e) for e in self.extra)
        n = len(self.vertices)
        if geometry.get("type") == "GeometryInstance":
            geometry, corners = self.instance(geometry)
            self.extra.append(corners)
            offset, n = base, len(corners)
        kind = geometry.get("type")
        if kind not in _DEPTH:
            if kind in ("MultiPoint", "MultiLineString"):
                return
            raise _WrongError(f"a geometry '{str(kind)[:40]}' is not known.")
        boundaries = geometry["boundaries"]
        semantics = geometry.get("semantics") or {}
        surfaces = [_KINDS.get(str(s.get("type")).lstrip("+"), UNKNOWN) for s in semantics.get("surfaces") or []]
        values = semantics.get("values")
        solids = {1: [[boundaries]], 2: [boundaries], 3: boundaries}[_DEPTH[kind]]
        marks = {1: [[values]], 2: [values], 3: values}[_DEPTH[kind]] if values is not None else None
        staged = list(_stage(solids, marks, surfaces, flat=flat))
        self.check(staged, n)
        for shells in staged:
            body = self.city.add_body(house, own=own, flat=flat)
            for place, faces in enumerate(shells):
                shell = self.city.faces.begin_shell(hollow=place > 0)
                for what, rings in faces:
                    self.city.faces.add(body, shell, what, [len(ring) for ring in rings])
                    for ring in rings:
                        self.flat.extend([i + offset for i in ring] if offset else ring)
        if len(self.flat) > MAX_CORNERS:
            raise _WrongError("the model has too many corners.")

    def check(self, staged: list[list[list[tuple[int, list[list[int]]]]]], n: int) -> None:
        for shells in staged:
            for faces in shells:
                for _, rings in faces:
                    for ring in rings:
                        if min(ring) < 0 or max(ring) >= n:
                            raise _WrongError("a surface names a vertex that is not there.")

    def instance(self, geometry: dict[str, Any]) -> tuple[dict[str, Any], Floats]:
        """Return a template, and its vertices in place."""
        import numpy as np  # heavy

        number, point = geometry["template"], geometry["boundaries"][0]
        if not (isinstance(number, int) and 0 <= number < len(self.templates)):
            raise _WrongError(f"there is no template {str(number)[:20]}.")
        matrix = np.array(geometry["transformationMatrix"], dtype=float).reshape(4, 4)
        local = np.array(self.template_vertices, dtype=float).reshape(-1, 3)
        placed = local @ matrix[:3, :3].T + matrix[:3, 3] + self.vertices[point]
        if not (np.abs(placed) < FARTHEST).all():
            raise _WrongError("the template has vertices that are no finite numbers.")
        return self.templates[number], placed

    def finish(self) -> Measured | None:
        """Return the buildings."""
        import numpy as np  # heavy

        if any(p.code in ("format", "unsafe", "version") and p.severity == "error" for p in self.city.notes):
            return None
        if not self.city.houses:
            text = "the model holds no buildings."
            self.city.notes.append(self.city.problem(text, hint="Is it the right file?", code="empty"))
            return None
        xyz = np.concatenate(self.corners) if self.corners else np.zeros((0, 3))
        return finish(self.city, xyz, self.request)


def _stage(
    solids: Sequence[Any], marks: Sequence[Any] | None, surfaces: Sequence[int], *, flat: bool
) -> Iterator[list[list[tuple[int, list[list[int]]]]]]:
    """Yield the shells of each solid: faces with what they are and their rings."""
    for s, shells in enumerate(solids):
        staged = []
        for h, shell in enumerate(shells):
            values = _at(_at(marks, s), h)
            faces = []
            for f, rings in enumerate(shell):
                mark = _at(values, f)
                what = surfaces[mark] if isinstance(mark, int) and 0 <= mark < len(surfaces) else UNKNOWN
                what = GROUND if flat else what
                good = [r for ring in rings if (r := _ring(ring))]
                # Interior surfaces belong to rooms; what has no outer ring is no face.
                if what >= 0 and good and len(good[0]) >= _BOTH_ENDS:
                    faces.append((what, [r for r in good if len(r) >= _BOTH_ENDS]))
            staged.append(faces)
        yield staged


def _ring(ring: list[int]) -> list[int]:
    """Return the indices of a ring without the closing one."""
    if not all(type(i) is int for i in ring):
        raise _WrongError("a surface names a vertex by something that is no whole number.")
    return ring[:-1] if len(ring) > 1 and ring[0] == ring[-1] else ring


def _at(values: Any, place: int) -> Any:
    return values[place] if isinstance(values, list) and place < len(values) else None


def _texts(value: object) -> list[str]:
    return [v for v in value if isinstance(v, str)] if isinstance(value, list) else []


def _root(key: str, parent: dict[str, str], houses: dict[str, House]) -> House | None:
    seen = set()
    while key in parent and key not in seen:
        seen.add(key)
        key = parent[key]
        if key in houses:
            return houses[key]
    return None


def _lod(geometry: dict[str, Any]) -> float | None:
    try:
        lod = float(geometry.get("lod", 2))
    except (TypeError, ValueError):
        return None
    return lod if math.isfinite(lod) else None


def _attributes(o: dict[str, Any]) -> dict[str, Any]:
    """Return the attributes of an object that a table can hold, and its address."""
    given = o.get("attributes")
    found = {}
    for name, said in (given if isinstance(given, dict) else {}).items():
        value = (
            said[0] if isinstance(said, list) and said else said
        )  # functions may be several; the first is the main one
        if isinstance(value, (str, int, float, bool)) or value is None:
            found[str(name)] = value
    addresses = o.get("address")
    first = addresses[0] if isinstance(addresses, list) and addresses else addresses
    if isinstance(first, dict) and "address" not in found:
        named = {str(k).casefold(): str(v) for k, v in first.items() if isinstance(v, (str, int))}
        street = " ".join(filter(None, (named.get("thoroughfarename"), named.get("thoroughfarenumber"))))
        city = " ".join(
            filter(
                None,
                (named.get("postcode") or named.get("postalcode"), named.get("localityname") or named.get("locality")),
            )
        )
        if text := ", ".join(filter(None, (street, city))):
            found["address"] = text
    return found
