"""The made-up backbone of the Helsinki study: existing pipes that follow real streets of the OpenStreetMap extract.

Only the course of the streets is real. Where pipes of the real network lie is not public, and these are not they.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import networkx as nx

    Position = tuple[float, float]

NODES = {
    "Hakaniemi": 247335167,
    "Kaisaniemi": 1375815868,
    "Rautatientori": 142054942,
    "Asema": 313959167,
    "Postitalo": 175882281,
    "Stockmann": 288554482,
    "Esplanadi": 317703803,
    "Senaatintori": 4435014125,
    "Kauppatori": 25469822,
}
"""Junction of the backbone -> OpenStreetMap node at a crossing of the streets."""

PLANTS = ("Hakaniemi", "Kauppatori")
"""Junctions where heat enters from plants beyond the map: to the north, and from the harbour."""


@dataclass(frozen=True, slots=True)
class Pipe:
    """A pipe pair between two junctions along named streets; the inner diameter is in metres."""

    name: str
    start: str
    end: str
    streets: tuple[str, ...]
    diameter_m: float


PIPES = (
    Pipe(
        "Pitkäsilta",
        "Hakaniemi",
        "Kaisaniemi",
        ("Siltasaarenkatu", "Pitkäsilta", "Unioninkatu", "Kaisaniemenkatu"),
        0.3938,
    ),
    Pipe("Kaisaniemenkatu", "Kaisaniemi", "Rautatientori", ("Kaisaniemenkatu",), 0.3938),
    Pipe("Kaivokatu", "Rautatientori", "Asema", ("Kaivokatu",), 0.3127),
    Pipe("Mannerheimintie north", "Asema", "Postitalo", ("Mannerheimintie",), 0.2101),
    Pipe("Mannerheimintie middle", "Asema", "Stockmann", ("Mannerheimintie",), 0.3127),
    Pipe("Mannerheimintie south", "Stockmann", "Esplanadi", ("Mannerheimintie",), 0.3127),
    Pipe("Aleksanterinkatu", "Stockmann", "Senaatintori", ("Aleksanterinkatu",), 0.2101),
    Pipe("Unioninkatu north", "Kaisaniemi", "Senaatintori", ("Unioninkatu", "Kaisaniemenkatu"), 0.3127),
    Pipe("Unioninkatu south", "Senaatintori", "Kauppatori", ("Unioninkatu",), 0.3938),
    Pipe("Pohjoisesplanadi", "Esplanadi", "Kauppatori", ("Pohjoisesplanadi",), 0.3127),
)
"""The backbone; diameters are those of steel pipes DN200, DN300 and DN400."""


@dataclass(frozen=True, slots=True)
class Course:
    """Where a pipe lies: positions in degrees, and the length of its trench in metres."""

    pipe: Pipe
    positions: tuple[Position, ...]
    trench_m: float

    @property
    def wkt(self) -> str:
        """Its line as WKT, longitude first."""
        return f"LINESTRING ({', '.join(f'{x:.7f} {y:.7f}' for x, y in self.positions)})"


def backbone(file: Path) -> tuple[Course, ...]:
    """Return the course of each pipe: the shortest way along its streets, whatever their driving direction.

    Parameters
    ----------
    file
        The OpenStreetMap extract.
    """
    import networkx as nx
    from pyproj import Geod

    names, position = _streets(file)
    geod = Geod(ellps="WGS84")

    def length(path: Iterable[int]) -> float:
        longitude, latitude = zip(*(position[node] for node in path), strict=True)
        return float(geod.line_length(longitude, latitude))

    def course(pipe: Pipe) -> Course:
        graph: nx.Graph[int] = nx.Graph()
        for street in pipe.streets:
            graph.add_weighted_edges_from((a, b, length((a, b))) for a, b in names[street])
        path = nx.shortest_path(graph, NODES[pipe.start], NODES[pipe.end], weight="weight")
        return Course(pipe, tuple(position[node] for node in path), round(length(path), 1))

    return tuple(course(pipe) for pipe in PIPES)


def junction(courses: Iterable[Course], name: str) -> Position:
    """Return the position of a junction: longitude and latitude in degrees."""
    for course in courses:
        if name in {course.pipe.start, course.pipe.end}:
            return course.positions[0 if course.pipe.start == name else -1]
    raise KeyError(name)


def _streets(file: Path) -> tuple[dict[str, list[tuple[int, int]]], dict[int, Position]]:
    """Return the pieces of the named streets as pairs of nodes, and the nodes' longitude and latitude."""
    import osmium
    from osmium.filter import EntityFilter, KeyFilter

    wanted = {street for pipe in PIPES for street in pipe.streets}
    pieces: dict[str, list[tuple[int, int]]] = {street: [] for street in wanted}
    position: dict[int, Position] = {}
    ways = osmium.FileProcessor(str(file)).with_locations()
    for way in ways.with_filter(EntityFilter(osmium.osm.WAY)).with_filter(KeyFilter("highway")):
        name = way.tags.get("name")
        if name in wanted and isinstance(way, osmium.osm.Way):
            nodes = [node for node in way.nodes if node.location.valid()]
            position |= {node.ref: (node.lon, node.lat) for node in nodes}
            pieces[name] += [(a.ref, b.ref) for a, b in pairwise(nodes)]
    return pieces, position
