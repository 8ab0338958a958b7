"""Files of OpenStreetMap data that libosmium does not read as they are meant, written anew for it.

JOSM numbers what was not uploaded below zero and keeps what was deleted; Overpass gives positions with the ways
(``out geom``), answers in JSON, and says in a remark that it stopped half-way.
"""

from __future__ import annotations

import bz2
import gzip
import json
import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dhsdb.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import numpy as np
    import osmium
    from numpy.typing import NDArray

    Place = tuple[float, float] | None

_NEW = 1 << 40
"""Numbers below zero, which libosmium has no positions for, are counted from here: far above those of the map."""

_OPENERS: dict[str, Any] = {"osm": open, "osm.gz": gzip.open, "osm.bz2": bz2.open}
_SEEN = 1 << 20
_FOREIGN = re.compile(rb"""generator=["']JOSM|\sid=["']-|<nd\s[^>]*lat=|<member\s[^>]*>\s*<nd\s""")
_REMARK = re.compile(rb"<remark>(.*?)</remark>", re.DOTALL)


@dataclass(slots=True)
class _Thing:
    """A node, way or relation; places are longitude and latitude."""

    kind: str
    number: int
    tags: dict[str, str] = field(default_factory=dict)
    place: Place = None
    nodes: list[int] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    """Positions of the nodes, if they come with them."""
    members: list[tuple[str, int, str, list[Place]]] = field(default_factory=list)


def true_id(number: int) -> int:
    """Return the number that the file gave."""
    return number if number < _NEW else _NEW - number


def true_ids(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the numbers that the file gave, shape (n,)."""
    import numpy as np

    return np.where(numbers < _NEW, numbers, _NEW - numbers)


def remark(path: Path, form: str) -> Problem | None:
    """Return what Overpass says of an answer that it did not finish, or None."""
    if form != "osm":
        return None
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 65_536))
        found = _REMARK.search(file.read())
    return _unfinished(path, found[1].decode("utf-8", "replace")) if found else None


def _unfinished(path: Path, text: str) -> Problem:
    hint = "The data are incomplete: ask again with a larger [timeout:...] and [maxsize:...], or for a smaller area."
    return Problem(
        f"Overpass did not finish: {' '.join(text.split()).rstrip('.')}.", str(path), hint=hint, code="incomplete"
    )


def is_foreign(path: Path, form: str) -> bool:
    """Return whether a file must be written anew, judged by its first megabyte."""
    if form == "json":
        return True
    if form not in _OPENERS:
        return False
    with _OPENERS[form](path, "rb") as file:
        return _FOREIGN.search(file.read(_SEEN)) is not None


def rewritten(path: Path, form: str, target: Path) -> Problem | None:
    """Write a file as PBF, in any order, or return what is wrong with it."""
    import osmium

    try:
        things = _of_json(path) if form == "json" else _of_xml(path, form)
        if isinstance(things, Problem):
            return things
        writer = osmium.SimpleWriter(str(target))
        try:
            _Writing(writer).write(things)
        finally:
            writer.close()
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, SyntaxError) as error:
        hint = "Export it again; it should be as JOSM or Overpass write it."
        return Problem(f"the file is broken ({error}).", str(path), hint=hint, code="broken")
    return None


class _Writing:
    """Things on their way to a writer: positions that come with a way become nodes, once each."""

    def __init__(self, writer: osmium.SimpleWriter) -> None:
        self.writer = writer
        self.nodes: set[int] = set()
        self.ways: set[int] = set()
        self.made: dict[Place, int] = {}

    def write(self, things: Iterable[_Thing]) -> None:
        """Write all; members of relations that only come with their geometry follow the ways, if they are none of them."""
        from osmium.osm.mutable import Relation

        borrowed: list[tuple[int, list[Place]]] = []
        for thing in things:
            number = _number(thing.number)
            if thing.kind == "node" and thing.place is not None:
                self.node(number, thing.place, thing.tags)
            elif thing.kind == "way":
                self.way(number, thing)
            elif thing.kind == "relation":
                members = [(kind[0], _number(ref), role) for kind, ref, role, _ in thing.members]
                self.writer.add_relation(Relation(id=number, members=members, tags=thing.tags))
                borrowed += [(_number(ref), at) for kind, ref, _, at in thing.members if kind == "way" and at]
        for number, places in borrowed:
            if number not in self.ways:
                self.way(number, _Thing("way", number, places=places))

    def node(self, number: int, place: tuple[float, float], tags: dict[str, str]) -> None:
        """Write a node, unless it was there already without tags to come."""
        from osmium.osm.mutable import Node

        if not all(math.isfinite(degrees) for degrees in place):
            raise ValueError(f"node {true_id(number)} lies at {place}")
        if number not in self.nodes or tags:
            self.nodes.add(number)
            self.writer.add_node(Node(id=number, version=1 + bool(tags), location=place, tags=tags))

    def way(self, number: int, thing: _Thing) -> None:
        """Write a way and the nodes that come with it; what has tags wins over the same without."""
        from osmium.osm.mutable import Way

        nodes = [_number(ref) for ref in thing.nodes]
        if not nodes:
            nodes = [self.place_id(place) for place in thing.places if place is not None]
        for ref, place in zip(nodes, thing.places if thing.nodes else (), strict=False):
            if place is not None and ref not in self.nodes:
                self.node(ref, place, {})
        self.ways.add(number)
        self.writer.add_way(Way(id=number, version=1 + bool(thing.tags), nodes=nodes, tags=thing.tags))

    def place_id(self, place: tuple[float, float]) -> int:
        """Return the number of a node that has none, from its position."""
        if place not in self.made:
            self.made[place] = 2 * _NEW + len(self.made)
            self.node(self.made[place], place, {})
        return self.made[place]


def _number(number: int) -> int:
    return number if number >= 0 else _NEW - number


# --- XML -------------------------------------------------------------------------------------------------------------
def _of_xml(path: Path, form: str) -> Iterator[_Thing]:
    from lxml import etree

    with _OPENERS[form](path, "rb") as file:
        safe = {"resolve_entities": False, "no_network": True, "load_dtd": False, "huge_tree": False}
        for _, element in etree.iterparse(file, tag=("node", "way", "relation"), **safe):
            if element.get("action") != "delete" and element.get("visible") != "false":
                yield _of_element(element)
            element.clear()
            while element.getprevious() is not None:
                del element.getparent()[0]


def _of_element(element: Any) -> _Thing:
    tags = {tag.get("k"): tag.get("v") for tag in element.iterchildren("tag")}
    thing = _Thing(element.tag, int(element.get("id")), tags, _place(element))
    points = list(element.iterchildren("nd"))
    thing.nodes = [int(point.get("ref")) for point in points if point.get("ref")]
    thing.places = [_place(point) for point in points]
    for member in element.iterchildren("member"):
        at = [_place(point) for point in member.iterchildren("nd")]
        thing.members.append((member.get("type"), int(member.get("ref")), member.get("role") or "", at))
    return thing


def _place(of: Any) -> Place:
    """Return longitude and latitude of an element or a JSON object; None where Overpass's box cut it off."""
    if of is None or of.get("lon") is None:
        return None
    return float(of.get("lon")), float(of.get("lat"))


# --- JSON ------------------------------------------------------------------------------------------------------------
def _of_json(path: Path) -> list[_Thing] | Problem:
    answer = json.loads(path.read_bytes())
    if said := answer.get("remark"):
        return _unfinished(path, str(said))
    return [_of_object(one) for one in answer["elements"]]


def _of_object(one: dict[str, Any]) -> _Thing:
    tags = {str(key): str(value) for key, value in (one.get("tags") or {}).items()}
    thing = _Thing(str(one["type"]), int(one["id"]), tags, _place(one))
    thing.nodes = [int(ref) for ref in one.get("nodes") or ()]
    thing.places = [_place(point) for point in one.get("geometry") or ()]
    for member in one.get("members") or ():
        at = [_place(point) for point in member.get("geometry") or ()]
        thing.members.append((str(member["type"]), int(member["ref"]), str(member.get("role") or ""), at))
    return thing
