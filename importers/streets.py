"""Noding: OSM ways as flat arrays, cut into segments between intersections, and the projection of what was read.

A way is cut where a node is shared with another way, where it meets itself, and at its ends. The graph is the nodes'
ids, never their positions: a bridge and the street below it may cross at one point without meeting. A way of a clipped
extract keeps its runs of two or more nodes whose positions are known. Which classes of highway a trench may follow is
left to the models.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dhsdb.errors import Problem
from dhsdb.importers.osm_dialects import true_ids

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from typing import Self

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray
    from pyproj import Transformer

    Box = tuple[float, float, float, float]
    Project = Callable[[NDArray[np.float64]], NDArray[np.float64]]

_TO_CSV = bytes.maketrans(b"xy,", b",,\n")

MAX_AREA_ERROR = 0.01
"""Relative error of areas beyond which a projection is called unfit for this place."""


@dataclass(frozen=True, slots=True)
class Lines:
    """Ways as flat arrays.

    Attributes
    ----------
    way
        OSM ids, shape (ways,).
    count
        Number of nodes of each way, shape (ways,).
    node
        Ids of all ways' nodes, one way after the other, shape (nodes,).
    xy
        Longitude and latitude of the nodes in degrees, NaN where unknown, shape (nodes, 2).
    """

    way: NDArray[np.int64]
    count: NDArray[np.int64]
    node: NDArray[np.int64]
    xy: NDArray[np.float64]

    @property
    def known(self) -> NDArray[np.bool_]:
        """Whether a node's position is known, shape (nodes,)."""
        import numpy as np

        return np.asarray(~np.isnan(self.xy[:, 0]))

    @property
    def owner(self) -> NDArray[np.int64]:
        """Index of the way that a node belongs to, shape (nodes,)."""
        import numpy as np

        return np.repeat(np.arange(len(self.way)), self.count)

    def take(self, index: NDArray[np.int64]) -> Lines:
        """Return some of the ways; ``index`` ascends."""
        import numpy as np

        nodes = np.isin(self.owner, index)
        return Lines(self.way[index], self.count[index], self.node[nodes], self.xy[nodes])


class WayFile:
    """Ways from pyosmium to arrays, through a file.

    pyosmium makes a Python object of every node of a way, which takes most of the time of a pass. libosmium's own text
    format (OPL) says ids and positions of all of them at once: ``w1 Thighway=path Nn21x7.42y43.73,n22xy`` has the
    known node 21 and the unknown 22.

    Parameters
    ----------
    path
        A file that does not exist yet.
    """

    def __init__(self, path: Path) -> None:
        import osmium

        self.path = path
        self._writer = osmium.SimpleWriter(osmium.io.File(str(path), "opl,locations_on_ways=true,add_metadata=false"))
        self.add = self._writer.add_way

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()

    def lines(self) -> Lines:
        """Return the ways in the order in which they were added; none can be added after."""
        import io

        import numpy as np
        import pyarrow as pa
        from pyarrow import csv

        self._writer.close()
        rows = self.path.read_bytes().splitlines()
        way = np.array([int(row[1 : row.index(b" ")]) for row in rows], dtype=np.int64)
        nodes = [row.rpartition(b" N")[2] for row in rows]
        count = np.array([part.count(b",") + 1 if part else 0 for part in nodes], dtype=np.int64)
        flat = b",".join(filter(None, nodes)).translate(_TO_CSV, delete=b"n")
        if not flat:
            return Lines(way, count, np.zeros(0, dtype=np.int64), np.zeros((0, 2)))
        kinds = {"node": pa.int64(), "x": pa.float64(), "y": pa.float64()}
        figures = csv.read_csv(
            io.BytesIO(flat),
            csv.ReadOptions(use_threads=False, column_names=list(kinds)),
            convert_options=csv.ConvertOptions(column_types=kinds, null_values=[""]),
        )
        node, x, y = (figures[name].to_numpy() for name in kinds)
        return Lines(true_ids(way), count, true_ids(node), np.column_stack([x, y]))


@dataclass(frozen=True, slots=True)
class Segments:
    """Segments between intersections.

    Attributes
    ----------
    way
        Index of the way that a segment is part of, shape (segments,).
    number
        Place of the segment in its way, from 0, shape (segments,).
    from_node, to_node
        OSM ids of its ends, shape (segments,).
    count
        Number of points of a segment, shape (segments,).
    xy
        The points of all segments, one after the other, shape (points, 2).
    """

    way: NDArray[np.int64]
    number: NDArray[np.int64]
    from_node: NDArray[np.int64]
    to_node: NDArray[np.int64]
    count: NDArray[np.int64]
    xy: NDArray[np.float64]

    def parts(self, size: int) -> Iterator[Segments]:
        """Yield the segments, some at a time; at least one part, which may be empty."""
        import numpy as np

        ends = np.append(0, np.cumsum(self.count))
        for low in range(0, max(len(self.way), 1), size):
            rows = slice(low, low + size)
            points = slice(ends[low], ends[min(low + size, len(self.way))])
            ends_of = self.from_node[rows], self.to_node[rows]
            yield Segments(self.way[rows], self.number[rows], *ends_of, self.count[rows], self.xy[points])


def gather(parts: Sequence[Lines]) -> tuple[Lines, NDArray[np.int64]]:
    """Join the ways of several files; of a way that is in two of them, the one with more known nodes stays.

    Returns
    -------
    tuple
        The ways, and for each its index in the parts, one after the other, shape (ways,).
    """
    import numpy as np

    if len(parts) == 1:
        return parts[0], np.arange(len(parts[0].way))
    names = ("way", "count", "node", "xy")
    lines = Lines(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
    known = np.bincount(lines.owner[lines.known], minlength=len(lines.way))
    order = np.lexsort((-known, lines.way))
    fresh = np.append(True, np.diff(lines.way[order]) != 0)[: len(order)]
    keep = np.sort(order[fresh])
    return lines.take(keep), keep


def node_ways(lines: Lines, bbox: Box | None = None) -> Segments:
    """Cut ways into segments between intersections.

    Parameters
    ----------
    lines
        The ways; only they make intersections.
    bbox
        West, south, east, north in degrees: nodes outside count as unknown.

    Returns
    -------
    Segments
        In the order of the ways and along each way; a closed way without intersections is one segment that starts and
        ends at the same node.
    """
    import numpy as np

    kept, run = _runs(lines, bbox)
    node, owner = lines.node[kept], lines.owner[kept]
    _, inverse, visits = np.unique(node, return_inverse=True, return_counts=True)
    starts = np.append(True, np.diff(run) != 0) if len(run) else np.zeros(0, dtype=bool)
    cut = np.flatnonzero((visits[inverse] > 1) | starts | np.append(starts[1:], True)[: len(run)])
    inner = run[cut[:-1]] == run[cut[1:]]
    first, last = cut[:-1][inner], cut[1:][inner]
    count = last - first + 1
    offset = np.cumsum(count) - count
    points = np.repeat(first - offset, count) + np.arange(count.sum())
    way = owner[first]
    fresh = np.flatnonzero(np.append(True, np.diff(way) != 0)[: len(way)])
    number = np.arange(len(way)) - np.repeat(fresh, np.diff(np.append(fresh, len(way))))
    return Segments(way, number, node[first], node[last], count, lines.xy[kept][points])


def table(segments: Segments, way: NDArray[np.int64], project: Project) -> pd.DataFrame:
    """Return segments as a table.

    Parameters
    ----------
    segments
        As :func:`node_ways` returns them.
    way
        OSM ids of the ways, shape (ways,).
    project
        As :func:`projector` returns it.

    Returns
    -------
    pandas.DataFrame
        ``segment`` (way and number), ``from_node``, ``to_node``, ``osm_way``, ``length_m`` [m], ``geometry`` (a line).
    """
    import numpy as np
    import pandas as pd
    import shapely

    of_segment = way[segments.way]
    owner = np.repeat(np.arange(len(segments.way)), segments.count)
    geometry = shapely.linestrings(project(segments.xy), indices=owner)
    return pd.DataFrame(
        {
            "segment": [f"{one}-{n}" for one, n in zip(of_segment.tolist(), segments.number.tolist(), strict=True)],
            "from_node": segments.from_node,
            "to_node": segments.to_node,
            "osm_way": of_segment,
            "length_m": shapely.length(geometry),
            "geometry": geometry,
        }
    )


def _runs(lines: Lines, bbox: Box | None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the positions of the nodes that stay, and the run of known nodes that each belongs to."""
    import numpy as np

    owner = lines.owner
    known = lines.known & inside(lines.xy, bbox)
    # A node named twice in a row is a slip of the mapper, not an intersection.
    repeated = np.append(False, (np.diff(lines.node) == 0) & (np.diff(owner) == 0))[: len(owner)]
    place = np.flatnonzero(~repeated)
    known, owner = known[place], owner[place]
    fresh = np.append(True, ~known[:-1] | (np.diff(owner) != 0))[: len(owner)]
    run = np.cumsum(fresh & known, dtype=np.int64)[known]
    place = place[known]
    long = np.bincount(run, minlength=1)[run] > 1
    return place[long], run[long]


def inside(xy: NDArray[np.float64], bbox: Box | None) -> NDArray[np.bool_]:
    """Return which points lie in the box, shape (n,); all of them without a box."""
    import numpy as np

    if bbox is None:
        return np.ones(len(xy), dtype=bool)
    west, south, east, north = bbox
    x, y = xy[:, 0], xy[:, 1]
    return np.asarray((x >= west) & (x <= east) & (y >= south) & (y <= north))


def utm_epsg(longitude: float, latitude: float) -> int:
    """Return the EPSG code of the UTM zone (WGS 84) of a point.

    Examples
    --------
    >>> utm_epsg(24.94, 60.17), utm_epsg(-58.4, -34.6)
    (32635, 32721)
    """
    zone = min(int((longitude + 180) // 6) + 1, 60)
    return (32600 if latitude >= 0 else 32700) + zone


def projection(epsg: int, centre: tuple[float, float]) -> Transformer | Problem:
    """Return the way from longitude and latitude to a projected system in metres, or what is wrong with the system.

    Parameters
    ----------
    epsg
        Code of the system.
    centre
        Longitude and latitude of the data, where the system must keep areas within :data:`MAX_AREA_ERROR`.
    """
    from pyproj import CRS, Proj, Transformer
    from pyproj.exceptions import CRSError

    hint = f"Leave --crs out for the local UTM zone, EPSG:{utm_epsg(*centre)}, or name the country's own system."
    try:
        crs = CRS.from_epsg(epsg)
    except CRSError:
        return Problem(f"EPSG:{epsg} is not a known coordinate system.", value=epsg, hint=hint, code="crs")
    if not crs.is_projected or any(axis.unit_name != "metre" for axis in crs.axis_info):
        return Problem(f"EPSG:{epsg} ({crs.name}) is not projected in metres.", value=epsg, hint=hint, code="crs")
    error = abs(Proj(crs).get_factors(*centre, errcheck=False).areal_scale - 1)
    if not error <= MAX_AREA_ERROR:  # also where it is not finite
        text = f"EPSG:{epsg} ({crs.name}) is not made for this place: areas are wrong by {error:.0%}."
        hint += " If it is the system of what the scenario holds, import into a scenario of its own."
        return Problem(text, value=epsg, hint=hint, code="crs")
    return Transformer.from_crs(4326, crs, always_xy=True)


def projector(transformer: Transformer) -> Project:
    """Return a function on arrays of longitude and latitude, shape (n, 2), as ``shapely.transform`` takes it."""
    import numpy as np

    return lambda xy: np.column_stack(transformer.transform(xy[:, 0], xy[:, 1]))
