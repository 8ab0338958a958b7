"""Streets as a graph of straight pieces, and the nearest point on a set of lines.

Trenches follow streets, and a building or pipe lies beside a street and not at its ends: so a street is taken apart
into the straight pieces between its vertices, and points can be put anywhere on a piece without changing any length.
Coordinates are metres in a projected system. What is routed here, and what it costs, is up to :mod:`dhsdb.models.geo`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import shapely

from dhsdb.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]
    Lines = NDArray[np.object_] | Sequence[shapely.Geometry]

TIE_M = 1e-6
"""Distances that differ by less are equal [m]: it lies far above rounding and far below any survey."""

LENGTH_TOLERANCE = 0.02
"""Relative difference between given and drawn length of all streets that is refused; projections stay far below it."""


@dataclass(frozen=True, slots=True)
class Feet:
    """Perpendicular feet of points on pieces; a point that is equally near to several pieces has one on each.

    Attributes
    ----------
    point, piece
        Index of the point and of the piece, shape (k,); sorted by point, then piece.
    share
        Where on the piece, 0 = start, 1 = end, shape (k,).
    xy
        Coordinates of the foot [m], shape (k, 2).
    distance_m
        From the point to the foot [m], shape (k,).
    """

    point: Integers
    piece: Integers
    share: Floats
    xy: Floats
    distance_m: Floats


@dataclass(frozen=True)
class Pieces:
    """Straight pieces of lines.

    Attributes
    ----------
    start, end
        Coordinates [m], shape (m, 2).
    owner
        Index of the line that a piece belongs to, shape (m,), rising.
    """

    start: Floats
    end: Floats
    owner: Integers

    @classmethod
    def of(cls, lines: Lines) -> Pieces:
        """Take lines apart; parts of a multi-line stay apart."""
        parts, line = shapely.get_parts(np.asarray(lines, dtype=object), return_index=True)
        xy, part = shapely.get_coordinates(parts, return_index=True)
        inside = part[1:] == part[:-1]
        return cls(xy[:-1][inside], xy[1:][inside], line[part[1:][inside]])

    @cached_property
    def length_m(self) -> Floats:
        """Length of each piece [m], shape (m,)."""
        return np.asarray(np.hypot(*(self.end - self.start).T), dtype=np.float64)

    @cached_property
    def tree(self) -> shapely.STRtree:
        """Spatial index of the pieces."""
        lines = shapely.linestrings(np.stack([self.start, self.end], axis=1))
        return shapely.STRtree(np.asarray(lines, dtype=object))

    def at(self, piece: Integers, share: Floats) -> Floats:
        """Return the coordinates of places on pieces, shape (k, 2); shares 0 and 1 are the very ends."""
        inside = self.start[piece] + share[:, None] * (self.end[piece] - self.start[piece])
        return np.where(share[:, None] == 1, self.end[piece], inside)

    def feet(self, xy: Floats, reach_m: float = float("inf")) -> Feet:
        """Return the feet of points, shape (n, 2), on their nearest pieces; none for those beyond ``reach_m``."""
        points = np.asarray(shapely.points(xy), dtype=object)
        limit = None if np.isinf(reach_m) else max(reach_m, TIE_M)
        (near, _), distance = self.tree.query_nearest(points, limit, return_distance=True, all_matches=False)
        # Asking again with a margin makes the answer independent of rounding where several pieces are equally near.
        found, piece = self.tree.query(points[near], predicate="dwithin", distance=distance + TIE_M)
        order = np.lexsort((piece, near[found]))
        return self._feet(xy, near[found][order], piece[order])

    def _feet(self, xy: Floats, point: Integers, piece: Integers) -> Feet:
        along = self.end[piece] - self.start[piece]
        square = (along**2).sum(axis=1)
        dot = ((xy[point] - self.start[piece]) * along).sum(axis=1)
        share = np.clip(np.divide(dot, square, out=np.zeros_like(dot), where=square > 0), 0.0, 1.0)
        foot = self.at(piece, share)
        return Feet(point, piece, share, foot, np.hypot(*(xy[point] - foot).T))

    def crossings(self, other: Pieces) -> Feet:
        """Return where the other pieces meet these: feet, at distance 0, of the points that both have in common.

        ``point`` is the index of the piece in ``other``. Of a stretch that runs along both, the two ends are returned.
        """
        theirs, ours = self.tree.query(other.tree.geometries, predicate="intersects")
        shared = shapely.intersection(other.tree.geometries[theirs], self.tree.geometries[ours])
        xy, pair = shapely.get_coordinates(shared, return_index=True)
        feet = self._feet(xy, np.arange(len(xy)), ours[pair])
        return Feet(theirs[pair], feet.piece, feet.share, feet.xy, feet.distance_m)


@dataclass(frozen=True, slots=True)
class Nearest:
    """The nearest place on a set of lines for each of n points.

    Attributes
    ----------
    line
        Index of the line, shape (n,); the first one if several are equally near.
    distance_m
        Straight distance [m], shape (n,).
    xy
        Coordinates of the place [m], shape (n, 2).
    """

    line: Integers
    distance_m: Floats
    xy: Floats


def nearest(xy: ArrayLike, lines: Lines, *, vertices: bool = False) -> Nearest:
    """Find the nearest place on lines, by straight distance in the plane.

    Parameters
    ----------
    xy
        Points [m], shape (n, 2).
    lines
        LineStrings or MultiLineStrings in the same system; at least one with a length.
    vertices
        Take the nearest vertex of a line instead of the nearest point on it.
    """
    points = np.asarray(xy, dtype=np.float64).reshape(-1, 2)
    pieces = Pieces.of(lines)
    if not len(pieces.owner):
        raise UserError("there is no line to be near to", "Import the network before its connections are sought.")
    if vertices:
        places, owner = np.concatenate([pieces.start, pieces.end]), np.concatenate([pieces.owner, pieces.owner])
        order = np.argsort(owner, kind="stable")
        pieces = Pieces(places[order], places[order], owner[order])
    feet = pieces.feet(points)
    first = np.unique(feet.point, return_index=True)[1]
    return Nearest(pieces.owner[feet.piece[first]], feet.distance_m[first], feet.xy[first])


@dataclass(frozen=True)
class StreetGraph:
    """Streets as an undirected graph whose edges are straight pieces.

    Attributes
    ----------
    xy
        Coordinates of the nodes [m], shape (n, 2).
    start, end
        Nodes at the ends of each piece, shape (m,).
    """

    xy: Floats
    start: Integers
    end: Integers

    @classmethod
    def from_segments(
        cls, from_node: ArrayLike, to_node: ArrayLike, geometry: Lines, length_m: ArrayLike | None = None
    ) -> StreetGraph:
        """Build the graph from street segments.

        Parameters
        ----------
        from_node, to_node
            Ids of the nodes where each segment starts and ends (int64), shape (s,); equal ids join segments.
        geometry
            LineStrings from start to end in metres, shape (s,). Trench lengths are measured on them.
        length_m
            Lengths as given [m], shape (s,). Only compared with the drawn ones, which finds degrees taken for metres.
        """
        lines = np.asarray(geometry, dtype=object)
        if not (shapely.get_type_id(lines) == shapely.GeometryType.LINESTRING).all():
            raise UserError(
                "a street has no geometry, or one that is not a LineString",
                "Import the streets again, or remove the rows.",
            )
        if length_m is not None:
            _refuse_other_length(lines, np.asarray(length_m, dtype=np.float64))
        ends = np.concatenate([np.asarray(from_node, dtype=np.int64), np.asarray(to_node, dtype=np.int64)])
        ids, end_node = np.unique(ends, return_inverse=True)
        xy, line = shapely.get_coordinates(lines, return_index=True)
        first = np.searchsorted(line, np.arange(len(lines)), side="left")
        last = np.searchsorted(line, np.arange(len(lines)), side="right") - 1
        node = np.full(len(xy), -1, dtype=np.int64)
        node[np.concatenate([first, last])] = end_node
        inner = node < 0
        node[inner] = len(ids) + np.arange(inner.sum())
        node_xy = np.empty((len(ids) + inner.sum(), 2))
        node_xy[node] = xy
        _refuse_torn_nodes(ids, node_xy[node] - xy, node)
        # A straight piece that returns to its node has no length, and would pass for a fork.
        inside = (line[1:] == line[:-1]) & (node[1:] != node[:-1])
        return cls(node_xy, node[:-1][inside], node[1:][inside])

    @cached_property
    def pieces(self) -> Pieces:
        """The pieces as lines; each is its own owner."""
        return Pieces(self.xy[self.start], self.xy[self.end], np.arange(len(self.start)))

    def junctions(self) -> Integers:
        """Return the nodes where a street ends or more than two pieces meet; cutting a street adds none."""
        degree = np.bincount(np.concatenate([self.start, self.end]), minlength=len(self.xy))
        return np.flatnonzero((degree > 0) & (degree != 2))  # noqa: PLR2004  two pieces meet at a mere bend

    def components(self) -> Integers:
        """Return a number for each node, shape (n,); nodes that streets connect have the same one."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        shape = (len(self.xy), len(self.xy))
        links = coo_array((np.ones(len(self.start)), (self.start, self.end)), shape=shape)
        return np.asarray(connected_components(links, directed=False)[1], dtype=np.int64)

    def with_points(self, piece: Integers, share: Floats) -> tuple[StreetGraph, Integers]:
        """Put points on pieces, which are cut there.

        Parameters
        ----------
        piece, share
            Piece and place on it (0 = start, 1 = end), shape (k,). Places may coincide.

        Returns
        -------
        tuple
            The graph with k nodes more, and their numbers, shape (k,).
        """
        xy, new = self.pieces.at(piece, share), len(self.xy) + np.arange(len(piece))
        every = np.arange(len(self.start))
        # Each piece as a chain start, points by rising share, end: neighbours in the chain are the new pieces.
        owner = np.concatenate([every, piece, every])
        place = np.concatenate([np.full(len(every), -1.0), share, np.full(len(every), 2.0)])
        order = np.lexsort((place, owner))
        chain, owner = np.concatenate([self.start, new, self.end])[order], owner[order]
        inside = owner[1:] == owner[:-1]
        return StreetGraph(np.concatenate([self.xy, xy]), chain[:-1][inside], chain[1:][inside]), new


def _refuse_other_length(lines: NDArray[np.object_], length_m: Floats) -> None:
    """Raise if lengths as given and as drawn can't be of the same unit."""
    known = ~np.isnan(length_m)
    drawn, given = float(shapely.length(lines[known]).sum()), float(length_m[known].sum())
    if abs(drawn - given) > LENGTH_TOLERANCE * given:
        raise UserError(
            f"streets are {given:,.0f} m long by street.length_m and {drawn:,.4g} by their geometry",
            "Geometries must be in a projected system in metres, not in degrees.",
        )


def _refuse_torn_nodes(ids: Integers, gap: Floats, node: Integers) -> None:
    """Raise if segments that share a node are drawn to different places: a trench can't jump."""
    torn = np.unique(ids[node[np.abs(gap).max(axis=1) > TIE_M]]) if len(node) else ids
    if len(node) and len(torn):
        raise UserError(
            f"{len(torn)} street nodes lie at several places, for instance node {torn[0]}",
            "A segment's geometry must run from its from_node to its to_node.",
        )
