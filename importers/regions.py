"""Where coordinate systems may be used, and boxes around places: what decides which of two readings of coordinates is meant."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    Box = tuple[float, float, float, float]
    Mask = NDArray[np.bool_]

DEGREES = 4326
MARGIN = 6.0
"""Degrees around the area of use of a system within which places still are believed."""
_METRES = 1000


@functools.lru_cache(maxsize=64)
def region_of(epsg: int) -> Box | None:
    """Return where a coordinate system may be used, with a margin, since cities lie across the bounds of UTM zones.

    None if that is not known, or if it is everywhere.
    """
    from pyproj import CRS  # heavy
    from pyproj.exceptions import CRSError

    try:
        area = CRS.from_epsg(epsg).area_of_use
    except CRSError:
        return None
    if area is None or area.west >= area.east:
        return None
    return area.west - MARGIN, area.south - MARGIN, area.east + MARGIN, area.north + MARGIN


@functools.lru_cache(maxsize=64)
def to_degrees(epsg: int) -> Callable[[float, float], tuple[float, float]]:
    """Return the way from a coordinate system to longitude and latitude."""
    from pyproj import Transformer
    from pyproj.exceptions import CRSError

    try:
        return cast(
            "Callable[[float, float], tuple[float, float]]",
            Transformer.from_crs(epsg, DEGREES, always_xy=True).transform,
        )
    except CRSError:
        return lambda _x, _y: (float("nan"), float("nan"))


def middle(shape: Any) -> tuple[float, float]:
    """Return the middle of what a geometry spans."""
    west, south, east, north = shape.bounds
    return (west + east) / 2, (south + north) / 2


def is_metres(bounds: tuple[float, float, float, float]) -> bool:
    """Return whether numbers are too large for degrees, in both directions at once at least by one of them."""
    return max(map(abs, bounds)) > _METRES


def box_of(xy: NDArray[np.float64]) -> Box:
    """Return a generous box around points."""
    low, high = xy.min(axis=0), xy.max(axis=0)
    slack = max(0.5, float((high - low).max()))
    return float(low[0] - slack), float(low[1] - slack), float(high[0] + slack), float(high[1] + slack)


def within(box: Box, point: tuple[float, float]) -> bool:
    """Return whether a point lies in a box."""
    return box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]


def outside(box: Box, xy: NDArray[np.float64]) -> Mask:
    """Return which points, shape (n, 2), lie outside a box."""
    west, south, east, north = box
    return ~((xy[:, 0] >= west) & (xy[:, 0] <= east) & (xy[:, 1] >= south) & (xy[:, 1] <= north))
