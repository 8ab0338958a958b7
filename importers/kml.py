"""KML and KMZ: placemarks with their geometries, read without trust.

The parser is expat with a tree of its own: a document that declares a DOCTYPE, from which entities grow, is refused
before any of it is expanded; a KMZ is unpacked only in memory, only its first .kml, to a limit. Links are not followed.
"""

from __future__ import annotations

import math
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET
from xml.parsers import expat

from dhsdb.errors import Problem
from dhsdb.importers.archives import DAMAGED, grows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

MAX_BYTES = 200_000_000
"""Size of a document, unpacked, beyond which it is refused."""
MAX_DEPTH = 200
_CHUNK = 1 << 16
_GEOMETRIES = ("Point", "LineString", "LinearRing", "Polygon", "MultiGeometry", "Track", "MultiTrack")
_PAIR = 2


class _RefusedError(Exception):
    """Why a document is not read."""

    def __init__(self, message: str, hint: str, code: str = "format") -> None:
        super().__init__(message)
        self.message, self.hint, self.code = message, hint, code


@dataclass(slots=True)
class Placemark:
    """A placemark.

    Attributes
    ----------
    number
        Place in the document, from 1.
    shapes
        Its geometries in longitude and latitude, those of a MultiGeometry one by one.
    data
        Its extended data as text, by name.
    wrong
        What is wrong with its geometries, in words.
    """

    number: int
    name: str
    shapes: list[Any] = field(default_factory=list)
    data: dict[str, str] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Document:
    """A document: its placemarks, and what is to be said of it."""

    marks: list[Placemark]
    notes: list[Problem] = field(default_factory=list)


def read_kml(path: Path) -> Document | Problem:
    """Return what a KML or KMZ file holds, or why it is refused."""
    try:
        content, others = _content(path)
        root = _parse(content)
    except _RefusedError as why:
        return Problem(why.message, str(path), hint=why.hint, code=why.code)
    except DAMAGED as error:
        return Problem(f"the archive is damaged ({error}).", str(path), hint="Export it anew.", code="format")
    if _plain(root.tag) != "kml":
        text = f"this is XML, but no KML: it starts with <{_plain(root.tag)[:40]}>."
        return Problem(text, str(path), hint="Export it as KML or KMZ.", code="format")
    marks = (e for e in root.iter() if _plain(e.tag) == "Placemark")
    found = Document([_placemark(number, mark) for number, mark in enumerate(marks, 1)])
    links = [
        "".join(part.itertext()).strip()
        for e in root.iter() if _plain(e.tag) == "NetworkLink"
        for part in e.iter() if _plain(part.tag) == "href"
    ]  # fmt: skip
    if links:
        text = f"{len(links)} link{'s' * (len(links) > 1)} to other documents: what is there was not read."
        hint = "Export the map with its content, not as a link that keeps it up to date."
        found.notes.append(Problem(text, str(path), value=links[0][:80], hint=hint, severity="warning", code="link"))
    if others:
        text = f"{len(others)} more .kml in the archive: not read."
        hint = "Unpack it, and import each."
        found.notes.append(
            Problem(text, str(path), value=others[0][:80], hint=hint, severity="warning", code="ignored")
        )
    return found


# --- what the file claims --------------------------------------------------------------------------------------------
def _content(path: Path) -> tuple[bytes, list[str]]:
    """Return the document, and the names of other documents beside it in the archive."""
    with path.open("rb") as file:
        if not file.read(2).startswith(b"PK"):
            file.seek(0)
            content = file.read(MAX_BYTES + 1)
            _refuse_large(len(content), None)
            return content, []
    with zipfile.ZipFile(path) as archive:
        documents = [i for i in archive.infolist() if i.filename.casefold().endswith(".kml")]
        if not documents:
            raise _RefusedError("the archive holds no .kml document.", "Export it as KMZ anew.")
        info = next((i for i in documents if i.filename == "doc.kml"), documents[0])
        if info.flag_bits & 1:
            raise _RefusedError("the archive is encrypted.", "Save it without a password.")
        packed = path.stat().st_size
        _refuse_large(info.file_size, packed)  # what it claims
        info.file_size = MAX_BYTES + 1  # what it holds, whatever it claims
        unpacked = bytearray()
        with archive.open(info) as part:
            while chunk := part.read(_CHUNK * 16):
                unpacked += chunk
                _refuse_large(len(unpacked), packed)
        return bytes(unpacked), [i.filename for i in documents if i is not info]


def _refuse_large(size: int, packed: int | None) -> None:
    if size > MAX_BYTES if packed is None else grows(size, packed, MAX_BYTES):
        text = f"the document is larger than {size / 1e6:,.0f} MB unpacked; it was not read."
        raise _RefusedError(text, "Split it.", "unsafe")


def _parse(content: bytes) -> ET.Element:
    """Parse a document that declares no DOCTYPE."""
    builder = ET.TreeBuilder()
    parser = expat.ParserCreate(namespace_separator="}")
    depth = 0

    def doctype(*_: object) -> None:
        raise _RefusedError("the document declares XML entities; it was not read.", "Export it anew.", "unsafe")

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > MAX_DEPTH:
            raise _RefusedError("its elements are nested too deeply; it was not read.", "Export it anew.", "unsafe")
        builder.start(tag, attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(tag)

    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = doctype
    parser.EntityDeclHandler = doctype
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(content, True)  # noqa: FBT003  expat's own way to say that this is all
        return builder.close()
    except expat.ExpatError as error:
        text = f"the document is damaged or not complete ({error})."
        raise _RefusedError(text, "Export it anew.") from None
    except (LookupError, AssertionError) as error:
        raise _RefusedError(f"the document can't be read ({error}).", "Save it as UTF-8.") from None


# --- placemarks ------------------------------------------------------------------------------------------------------
def _plain(tag: str) -> str:
    return tag.rpartition("}")[2]


def _child(element: ET.Element, name: str) -> ET.Element | None:
    return next((e for e in element if _plain(e.tag) == name), None)


def _placemark(number: int, element: ET.Element) -> Placemark:
    name = _child(element, "name")
    found = Placemark(number, (name.text or "").strip() if name is not None else "")
    for part in element:
        if _plain(part.tag) in _GEOMETRIES:
            _add_shapes(found, part)
        elif _plain(part.tag) == "ExtendedData":
            found.data |= dict(_data(part))
    return found


def _data(element: ET.Element) -> Iterator[tuple[str, str]]:
    """Yield untyped data and data of a schema: name and text."""
    for item in element.iter():
        if _plain(item.tag) == "Data":
            value = _child(item, "value")
            yield str(item.get("name")), ((value.text if value is not None else None) or "").strip()
        elif _plain(item.tag) == "SimpleData":
            yield str(item.get("name")), (item.text or "").strip()


def _add_shapes(mark: Placemark, element: ET.Element) -> None:
    import shapely  # heavy

    kind = _plain(element.tag)
    try:
        if kind in ("MultiGeometry", "MultiTrack"):
            for part in element:
                if _plain(part.tag) in _GEOMETRIES:
                    _add_shapes(mark, part)
        elif kind == "Polygon":
            rings = [_positions(e) for e in element.iter() if _plain(e.tag) == "LinearRing"]
            if not rings:
                mark.wrong.append("a Polygon without a ring.")
                return
            mark.shapes.append(shapely.Polygon(rings[0], rings[1:]))
        else:
            points = _track(element) if kind == "Track" else _positions(element)
            mark.shapes.append(shapely.Point(points[0]) if kind == "Point" else shapely.LineString(points))
    except (ValueError, IndexError, shapely.GEOSException) as error:
        mark.wrong.append(f"a {kind} that can't be read ({error}).")


def _positions(element: ET.Element) -> list[tuple[float, float]]:
    """Return longitude and latitude of each position; heights are left out."""
    text = next((e.text or "" for e in element.iter() if _plain(e.tag) == "coordinates"), "")
    return [_position(position.split(",")) for position in text.split()]


def _track(element: ET.Element) -> list[tuple[float, float]]:
    return [_position((e.text or "").split()) for e in element if _plain(e.tag) == "coord"]


def _position(parts: list[str]) -> tuple[float, float]:
    if len(parts) < _PAIR:
        raise ValueError(f"'{','.join(parts)[:40]}' is no longitude,latitude")
    x, y = float(parts[0]), float(parts[1])
    if not (math.isfinite(x) and math.isfinite(y)):
        raise ValueError(f"'{','.join(parts)[:40]}' is not finite")
    return x, y
