"""Graphs of network models as rows: nodes in a plane, edges as streets, and what is joined to them.

Coordinates that name no system are taken in that of ``--crs``, or of the scenario, or else as a local plane in metres
(:data:`~dhsdb.schema.columns.LOCAL_PLANE`); which of them is said.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dhsdb.errors import Problem
from dhsdb.importers.rows import ROW, Rows
from dhsdb.schema.columns import LOCAL_PLANE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from dhsdb.importers.network_tables import Row, TextTable
    from dhsdb.importers.rows import Request

XY = tuple[float, float]

DEGREES = 4326
EARTH_M = 6_371_008.8
DRAWN = 0.02
"""Relative difference between given and drawn length from which on a length is said not to be that drawn."""


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes and edges.

    Attributes
    ----------
    xy
        Place of each node that has one.
    edges
        Rows with edge, from_node, to_node, length_m and ``_row``.
    epsg
        System of the places.
    """

    xy: Mapping[int, XY]
    edges: Sequence[Row]
    epsg: int

    def point(self, node: int) -> Any:
        """Return the place of a node, None if it has none."""
        import shapely  # heavy

        return shapely.Point(self.xy[node]) if node in self.xy else None

    def line(self, start: int, end: int) -> Any:
        """Return the straight line between two nodes, None if one has no place."""
        import shapely  # heavy

        return shapely.LineString([self.xy[start], self.xy[end]]) if start in self.xy and end in self.xy else None

    def drawn(self, edge: Row) -> float:
        """Return the straight length of an edge, NaN if an end has no place."""
        start, end = self.xy.get(edge["from_node"]), self.xy.get(edge["to_node"])
        if start is None or end is None:
            return math.nan
        return _on_earth(start, end) if self.epsg == DEGREES else math.dist(start, end)


def _on_earth(start: XY, end: XY) -> float:
    """Return the distance of two places in degrees, on a sphere [m]."""
    (x1, y1), (x2, y2) = ((math.radians(v) for v in place) for place in (start, end))
    share = math.sin((y2 - y1) / 2) ** 2 + math.cos(y1) * math.cos(y2) * math.sin((x2 - x1) / 2) ** 2
    return 2 * EARTH_M * math.asin(min(1.0, math.sqrt(share)))


def rows(table: str, lines: Sequence[Row], file: Path, graph: Graph | None = None, **units: str) -> Iterator[Rows]:
    """Yield rows of a table if there are any; with places if a graph is given."""
    import pandas as pd  # heavy

    if not lines:
        return
    frame = pd.DataFrame(lines, dtype=object)
    frame[ROW] = frame[ROW].astype("int64")
    if graph is not None and frame["geometry"].isna().all():
        frame, graph = frame.drop(columns="geometry"), None
    units = {c: unit for c, unit in units.items() if frame[c].notna().any()}
    yield Rows(table, frame, file, units=units, epsg=graph.epsg if graph else None)


def streets(graph: Graph, file: Path) -> Iterator[Rows]:
    """Yield the edges as streets: wherever an edge is, a trench can be dug."""
    lines = [
        {
            "street": str(edge["edge"]), "from_node": edge["from_node"], "to_node": edge["to_node"],
            "length_m": edge["length_m"], "geometry": graph.line(edge["from_node"], edge["to_node"]), ROW: edge[ROW],
        }
        for edge in graph.edges
    ]  # fmt: skip
    yield from rows("street", lines, file, graph)


def system(request: Request, file: Path) -> tuple[int, Problem]:
    """Return the system of coordinates that name none, and how it was found."""
    if request.epsg is None:
        text = "the coordinates name no system: they are taken as a plane of their own in metres, without a place on earth."
        return LOCAL_PLANE, _said(text, file, "Name the system with --crs if they have one.")
    if request.epsg == LOCAL_PLANE:
        return LOCAL_PLANE, _said("the coordinates are taken as a plane of their own in metres.", file)
    text = f"the coordinates name no system: they are taken in EPSG:{request.epsg}, that of --crs or of the scenario."
    return request.epsg, _said(text, file)


def _said(text: str, file: Path, hint: str = "") -> Problem:
    return Problem(text, str(file), hint=hint, severity="info", code="local-plane")


def check_graph(table: TextTable, nodes: set[int], named: Mapping[str, Sequence[int]]) -> None:
    """Note edges that lead nowhere, to themselves or have no length, and nodes that no edge reaches.

    Parameters
    ----------
    table
        The edges.
    nodes
        Nodes that there are.
    named
        Nodes that must be joined, by what they are.
    """
    reached: Counter[int] = Counter()
    for edge in table.rows:
        ends = edge["from_node"], edge["to_node"]
        reached.update(end for end in ends if end is not None)
        for column, end in zip(("from_node", "to_node"), ends, strict=True):
            if end is not None and end not in nodes:
                table.note(
                    f"there is no node {end}.", edge[ROW], column, end, "Add it to the nodes, or correct the edge."
                )
        if ends[0] is not None and ends[0] == ends[1]:
            table.note(f"the edge leads from node {ends[0]} to itself.", edge[ROW], "to_node", ends[1], "Leave it out.")
        if edge["length_m"] == 0:
            table.note("the length is 0.", edge[ROW], "length_m", 0, "Give the length of the trench in metres.")
    for what, members in named.items():
        lonely = [node for node in members if not reached[node]]
        if lonely:
            text = f"{len(lonely)} {what} have no edge, the first at node {lonely[0]}."
            table.note(text, hint="Nothing can reach them.", code="not-joined")


def check_lengths(table: TextTable, graph: Graph) -> None:
    """Note where lengths are not those between the nodes' places."""
    pairs = [(edge, graph.drawn(edge)) for edge in graph.edges if edge["length_m"]]
    known = [(edge, drawn) for edge, drawn in pairs if not math.isnan(drawn)]
    off = [(e, d) for e, d in known if abs(d - e["length_m"]) > DRAWN * e["length_m"]]
    if off:
        edge, drawn = off[0]
        text = (
            f"{len(off)} of {len(known)} edges are not as long as the straight line between their nodes, the first:"
            f" {edge['length_m']:g} m given, {drawn:.4g} m drawn; the given ones are kept."
        )
        table.note(text, edge[ROW], "length_m", edge["length_m"], severity="warning", code="length-not-drawn")
