"""Connect heat sources to the nearest point of the network along streets: route, pipe, cost and loss of each.

A source has a straight access line to the nearest street, then follows streets, then leaves them for the network by
another straight line, and is charged the whole way. Every source gets a trench of its own: shared trenches are not
sought here. Geometry is in metres of a projected system; tables come in and go out as data frames, and the store is
somebody else's business.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from dhsdb.models.pipes import pipe_physics
from dhsdb.models.stage import Remark
from dhsdb.models.streets import TIE_M, Nearest, Pieces, StreetGraph, nearest

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    from dhsdb.models.pipes import PipeChoice, PipePhysics, Temperatures
    from dhsdb.models.streets import Feet, Floats, Integers, Lines

__all__ = ["Connections", "Limits", "Reach", "Routes", "StreetGraph", "connect", "nearest", "route"]

KW_PER_MW = 1000.0
W_PER_KW = 1000.0


@dataclass(frozen=True, slots=True)
class Reach:
    """How far trenches may leave the streets.

    Attributes
    ----------
    offstreet_m
        Longest straight trench [m] that is dug in place of a way along streets: from a source right to the network, and
        from a source's street or a junction to a network nearby. Without any street there is no limit.
    access_m
        Longest access line [m] from a source to its nearest street, and from the network to its nearest street.
    sample_m
        Spacing [m] of the places where the network may be reached, besides its vertices and its crossings with streets.
    """

    offstreet_m: float = 50.0
    access_m: float = 200.0
    sample_m: float = 25.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of what is plausible; outside them a connection is kept and a warning is given.

    Attributes
    ----------
    capacity_mw
        Heat sources above this [MW] are likely kW read as MW.
    diameter_m
        Inner diameters from this on [m].
    loss_share
        Loss per capacity.
    cost_per_kw
        Lowest and highest investment per capacity [money/kW].
    velocity_m_s
        Lowest and highest velocity at peak load [m/s].
    undersized
        Share of the peak by which a pipe may fall short of it.
    """

    capacity_mw: float = 100.0
    diameter_m: float = 1.0
    loss_share: float = 0.2
    cost_per_kw: tuple[float, float] = (1.0, 5000.0)
    velocity_m_s: tuple[float, float] = (0.05, 4.0)
    undersized: float = 0.05


@dataclass(frozen=True, slots=True)
class Routes:
    """Trenches from n points to the network.

    Attributes
    ----------
    line
        Index of the network line reached, -1 where there is no way, shape (n,).
    trench_m
        Length [m], inf where there is no way, shape (n,).
    geometry
        LineStrings from the point to the network, None where there is no way, shape (n,).
    """

    line: Integers
    trench_m: Floats
    geometry: NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class Connections:
    """Result of :func:`connect`: one row per source that can be connected, and what a user should know."""

    frame: pd.DataFrame
    findings: list[Remark]


def connect(
    sources: pd.DataFrame,
    network: pd.DataFrame,
    streets: StreetGraph | None,
    temperatures: Temperatures,
    *,
    physics: PipePhysics | None = None,
    mean: Temperatures | None = None,
    reach: Reach | None = None,
    limits: Limits | None = None,
) -> Connections:
    """Connect every heat source to the network along streets.

    Parameters
    ----------
    sources
        heat_source (id), geometry (Point), capacity_mw [MW, peak load of the pipe], optionally temperature_c [degC].
    network
        pipe (id) and geometry (LineString or MultiLineString) of the pipes that may be joined.
    streets
        Streets in the same projected system. With None or an empty graph all trenches are straight lines, and a finding
        says so.
    temperatures
        Supply, return and ground temperature at design load: they size the pipe and set ``loss_kw``. The pipe is at
        network temperature: a heat pump, if needed, stands at the source.
    physics
        Rule that chooses the pipe; by default the default pipe table.
    mean
        Temperatures averaged over the year, for ``loss_mean_kw``; by default those of design.
    reach, limits
        Limits of trenches off the streets, and bounds of plausible results.

    Returns
    -------
    Connections
        Frame with source, network (pipe that the trench reaches), distance_m (straight, to nearest_point), trench_m,
        diameter_m, pipe_type, cost [money] = cost per m * trench_m, cost_per_kw, capacity_kw (of the source), power_kw
        (of the pipe), velocity_m_s, nearest_point (of the network, by straight distance), geometry (LineString from
        source to network), loss_kw and loss_mean_kw. Every source is in the frame, or an error names it.
    """
    usable, findings = _usable(sources)
    pipes = network[~shapely.is_missing(network["geometry"].to_numpy(object))]
    lines = pipes["geometry"].to_numpy(object)
    xy = shapely.get_coordinates(usable["geometry"].to_numpy(object))
    routes = route(xy, lines, streets, reach)
    choice = (physics or pipe_physics()).choose(usable["capacity_mw"].to_numpy(np.float64), temperatures)
    frame = _frame(usable, nearest(xy, lines), routes, choice)
    frame.insert(1, "network", pipes["pipe"].to_numpy(object)[routes.line])
    frame["loss_kw"] = choice.loss_w_m(temperatures) * routes.trench_m / W_PER_KW
    frame["loss_mean_kw"] = choice.loss_w_m(mean or temperatures) * routes.trench_m / W_PER_KW
    if _is_empty(streets):
        findings.append(Remark("warning", "no-streets", "street", "Without any street all trenches are straight."))
    findings += _unconnected(frame)
    frame = frame[np.isfinite(frame["trench_m"]) & frame["diameter_m"].notna()].reset_index(drop=True)
    findings += _implausible(frame, limits or Limits()) + _cold(usable, temperatures)
    return Connections(frame, findings)


def route(xy: ArrayLike, lines: Lines, streets: StreetGraph | None, reach: Reach | None = None) -> Routes:
    """Find the shortest trench from each point to the network along streets.

    One search by Dijkstra's algorithm runs outwards from the whole network at once: it starts at every place where the
    network may be left for a street, at the cost of the straight line between the two.

    Parameters
    ----------
    xy
        Points [m], shape (n, 2).
    lines
        Lines of the network.
    streets
        Streets; None or an empty graph leaves straight trenches of any length.
    reach
        Limits of trenches off the streets.
    """
    points = np.asarray(xy, dtype=np.float64).reshape(-1, 2)
    reach = reach or Reach()
    straight = nearest(points, lines)
    if streets is None or _is_empty(streets):
        ends = shapely.linestrings(np.stack([points, straight.xy], axis=1))
        return Routes(straight.line, straight.distance_m, np.asarray(ends, dtype=object).reshape(-1))
    search = _Search.of(points, lines, streets, straight, reach)
    return search.routes(straight)


@dataclass(frozen=True, slots=True)
class _Search:
    """The graph that is searched: street nodes 0 .. n-1, then the points, then one root that stands for the network.

    Attributes
    ----------
    points
        Coordinates of the points [m], shape (k, 2).
    graph
        Streets, cut where points and network attach.
    joint
        Nodes with a straight line to the network, shape (j,), rising.
    join
        Where that line meets the network: line, distance and coordinates, j rows.
    edges
        Directed edges beside the streets as (from, to, length): root to joints and points, streets to points.
    """

    points: Floats
    graph: StreetGraph
    joint: Integers
    join: Nearest
    edges: tuple[Integers, Integers, Floats]

    @classmethod
    def of(cls, points: Floats, lines: Lines, streets: StreetGraph, straight: Nearest, reach: Reach) -> _Search:
        """Attach the network and the points to the streets."""
        graph, joint, join = _attach_network(streets, lines, reach)
        graph, node, feet = _attach_points(graph, joint, points, reach)
        own, own_join = _joints(graph, np.unique(node), lines, reach.offstreet_m)
        joint, join = np.concatenate([joint, own]), _stack(join, own_join)
        first, root = len(graph.xy), len(graph.xy) + len(points)
        direct = np.flatnonzero(straight.distance_m <= reach.offstreet_m + TIE_M)
        # Edges lead away from the network and end at the points, so that no trench passes through a neighbour's house.
        start = np.concatenate([np.full(len(joint), root), node, np.full(len(direct), root)])
        end = np.concatenate([joint, first + feet.point, first + direct])
        length = np.concatenate([join.distance_m, feet.distance_m, straight.distance_m[direct]])
        return cls(points, graph, joint, join, (start, end, length))

    def routes(self, straight: Nearest) -> Routes:
        """Search, and draw the way of each point."""
        from scipy.sparse.csgraph import dijkstra

        count, first = len(self.points), len(self.graph.xy)
        root = first + count
        length, before = dijkstra(self._matrix(root + 1), indices=root, return_predecessors=True)
        way = before.tolist()
        line = np.full(count, -1, dtype=np.int64)
        geometry = np.full(count, None, dtype=object)
        for point in np.flatnonzero(np.isfinite(length[first:root])):
            nodes = _walk(way, first + int(point), root)
            at = np.searchsorted(self.joint, nodes[-1]) if nodes else point
            place = self.join if nodes else straight
            line[point] = place.line[at]
            geometry[point] = _draw(np.vstack([self.points[point], self.graph.xy[nodes], place.xy[at]]))
        # No way is shorter than the straight one, not even by the rounding of its sum.
        return Routes(line, np.maximum(length[first:root], straight.distance_m), geometry)

    def _matrix(self, size: int) -> Any:
        """Return the sparse matrix of lengths; of parallel edges the shortest, since scipy would add them up."""
        from scipy.sparse import csr_array

        street = self.graph.pieces.length_m
        start = np.concatenate([self.graph.start, self.graph.end, self.edges[0]])
        end = np.concatenate([self.graph.end, self.graph.start, self.edges[1]])
        length = np.concatenate([street, street, self.edges[2]])
        order = np.lexsort((length, end, start))
        start, end, length = start[order], end[order], length[order]
        shortest = np.append(True, (start[1:] != start[:-1]) | (end[1:] != end[:-1]))
        return csr_array((length[shortest], (start[shortest], end[shortest])), shape=(size, size))


def _attach_network(streets: StreetGraph, lines: Lines, reach: Reach) -> tuple[StreetGraph, Integers, Nearest]:
    """Return the streets, cut where the network meets them, the nodes joined to it (rising), and where it is joined.

    These are crossings, junctions nearby, and the feet of places on the network on their nearest street, which may be
    ``access_m`` away. None of them depends on how a street is cut into segments.
    """
    pieces = streets.pieces
    places = shapely.get_coordinates(shapely.segmentize(np.asarray(lines, dtype=object), reach.sample_m))
    feet, crossings = pieces.feet(places, reach.access_m), pieces.crossings(Pieces.of(lines))
    cut, node = streets.with_points(
        np.concatenate([feet.piece, crossings.piece]), np.concatenate([feet.share, crossings.share])
    )
    junction, by_junction = _joints(cut, streets.junctions(), lines, reach.offstreet_m)
    joint, by_foot = _joints(cut, node, lines, reach.access_m)
    return cut, np.concatenate([junction, joint]), _stack(by_junction, by_foot)


def _attach_points(
    graph: StreetGraph, joint: Integers, points: Floats, reach: Reach
) -> tuple[StreetGraph, Integers, Feet]:
    """Return streets that are cut at the feet of the points, the nodes there, and the feet.

    A point has its foot on the nearest street *that leads to the network*: a footpath without a link to the others, as
    maps are full of, is none.
    """
    label = graph.components()
    linked = np.flatnonzero(np.isin(label[graph.start], label[joint]))
    pieces = Pieces(graph.pieces.start[linked], graph.pieces.end[linked], linked)
    feet = pieces.feet(points, reach.access_m)
    cut, node = graph.with_points(linked[feet.piece], feet.share)
    return cut, node, feet


def _joints(graph: StreetGraph, node: Integers, lines: Lines, limit_m: float) -> tuple[Integers, Nearest]:
    """Return those of the street nodes that lie within a distance of the network, and its place nearest to each."""
    near = nearest(graph.xy[node], lines)
    kept = near.distance_m <= limit_m + TIE_M
    return node[kept], Nearest(near.line[kept], near.distance_m[kept], near.xy[kept])


def _stack(one: Nearest, other: Nearest) -> Nearest:
    return Nearest(
        np.concatenate([one.line, other.line]),
        np.concatenate([one.distance_m, other.distance_m]),
        np.concatenate([one.xy, other.xy]),
    )


def _walk(before: list[int], point: int, root: int) -> list[int]:
    """Return the street nodes on the way from a point to the network, by Dijkstra's predecessors."""
    nodes = []
    node = before[point]
    while node != root:
        nodes.append(node)
        node = before[node]
    return nodes


def _draw(xy: Floats) -> shapely.LineString:
    """Return the line through places, without repetitions; a line of no length keeps its two ends."""
    moved = np.append(True, (xy[1:] != xy[:-1]).any(axis=1))
    places = xy[moved]
    return shapely.LineString(places if len(places) > 1 else xy[[0, -1]])


def _is_empty(streets: StreetGraph | None) -> bool:
    return streets is None or not len(streets.start)


def _frame(usable: pd.DataFrame, straight: Nearest, routes: Routes, choice: PipeChoice) -> pd.DataFrame:
    """Return the columns of the result but network and loss, one row per usable source, connected or not."""
    import pandas as pd

    capacity = usable["capacity_mw"].to_numpy(np.float64) * KW_PER_MW
    cost = choice.cost_per_m * routes.trench_m
    columns = {
        "source": usable["heat_source"].to_numpy(object),
        "distance_m": straight.distance_m,
        "trench_m": routes.trench_m,
        "diameter_m": choice.diameter_m,
        "pipe_type": choice.pipe_type,
        "cost": cost,
        "cost_per_kw": cost / capacity,
        "capacity_kw": capacity,
        "power_kw": choice.power_mw * KW_PER_MW,
        "velocity_m_s": choice.velocity_m_s,
        "nearest_point": np.asarray(shapely.points(straight.xy), dtype=object).reshape(-1),
        "geometry": routes.geometry,
    }
    return pd.DataFrame(columns)


# --- findings ---------------------------------------------------------------------------------------------------------


def _each(severity: str, code: str, rows: pd.DataFrame, text: str) -> list[Remark]:
    """Return one finding per row; the text names the columns whose values it shows."""
    name = "heat_source" if "heat_source" in rows else "source"
    records = rows.drop(columns="geometry").to_dict("records")
    return [Remark(severity, code, f"heat_source {row[name]}", text.format_map(row)) for row in records]


def _usable(sources: pd.DataFrame) -> tuple[pd.DataFrame, list[Remark]]:
    """Return the sources with a place and a capacity, and an error for each of the others."""
    geometry = sources["geometry"].to_numpy(object)
    placed = (shapely.get_type_id(geometry) == shapely.GeometryType.POINT) & ~shapely.is_empty(geometry)
    able = sources["capacity_mw"].to_numpy(np.float64, na_value=np.nan) > 0
    return sources[placed & able], [
        *_each("error", "source-place", sources[~placed], "It has no point: not connected."),
        *_each("error", "source-capacity", sources[placed & ~able], "It has no capacity above 0 MW: not connected."),
    ]


def _unconnected(frame: pd.DataFrame) -> list[Remark]:
    """Return an error for each source that no street leads to, or no pipe is large enough for."""
    cut_off, too_large = frame[np.isinf(frame["trench_m"])], frame[frame["diameter_m"].isna()]
    away = "No street leads to the network, which is {distance_m:,.0f} m away: not connected."
    return [
        *_each("error", "unreachable", cut_off, away),
        *_each("error", "pipe-too-small", too_large, "No pipe carries {capacity_kw:,.0f} kW: not connected."),
    ]


def _implausible(frame: pd.DataFrame, limits: Limits) -> list[Remark]:
    """Return a warning for each connection and bound that it breaks."""
    low, high = limits.cost_per_kw
    slow, fast = limits.velocity_m_s
    rows = frame.assign(share=frame["loss_kw"] / frame["capacity_kw"], capacity_mw=frame["capacity_kw"] / KW_PER_MW)
    mega, cost, speed = rows["capacity_mw"], rows["cost_per_kw"], rows["velocity_m_s"]
    mw = "{capacity_mw:,.4g}"
    kw_as_mw = f"{mw} MW is much for a heat source: is it {mw} kW, a factor of 1000 less?"
    short = rows["power_kw"] < rows["capacity_kw"] * (1 - limits.undersized)
    checks = (
        ("capacity-unit", mega > limits.capacity_mw, kw_as_mw),
        ("diameter", rows["diameter_m"] >= limits.diameter_m, "The pipe is {diameter_m:.3f} m wide."),
        ("pipe-undersized", short, "The pipe carries {power_kw:,.0f} of {capacity_kw:,.0f} kW."),
        ("loss-share", rows["share"] > limits.loss_share, "The pipe loses {share:.0%} of the capacity."),
        ("cost-per-kw", ~cost.between(low, high), "The connection costs {cost_per_kw:,.4g} per kW."),
        ("velocity", ~speed.between(slow, fast), "The water moves at {velocity_m_s:.2f} m/s."),
    )
    return [finding for code, bad, text in checks for finding in _each("warning", code, rows[bad], text)]


def _cold(usable: pd.DataFrame, temperatures: Temperatures) -> list[Remark]:
    """Say once how many sources need a heat pump, whose electricity the capacity does not contain."""
    if "temperature_c" not in usable:
        return []
    cold = int((usable["temperature_c"] < temperatures.supply_c).sum())
    text = (
        f"{cold} of {len(usable)} sources are colder than the supply at {temperatures.supply_c:g} degC: they need a "
        "heat pump, and their pipes are sized for capacity_mw alone."
    )
    return [Remark("info", "source-cold", "heat_source", text)] if cold else []
