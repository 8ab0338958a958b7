"""Where buildings stand: footprints in metres, mended where an outline crosses itself, or points where nothing better is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dhsdb.importers.building_cells import is_blank
from dhsdb.importers.grids import ranges
from dhsdb.importers.place_columns import COORDINATES, Columns
from dhsdb.importers.positions import locate
from dhsdb.importers.regions import DEGREES

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dhsdb.errors import Problem
    from dhsdb.importers.building_columns import BuildingColumns
    from dhsdb.importers.city import Measured
    from dhsdb.importers.grids import Grid
    from dhsdb.importers.rows import Request

    Objects = NDArray[np.object_]
    Placed = tuple[Objects, int | None, NDArray[np.bool_], list[Problem]]


def place(grid: Grid, columns: BuildingColumns, request: Request, measured: Measured | None) -> Placed:
    """Return the geometry of each row in one projected system, its code, which rows lie in the box, and what is wrong."""
    import numpy as np  # heavy

    n = len(grid.rows)
    if measured is not None:
        shapes = measured.found["footprint"].to_numpy(dtype=object)
        notes = _mend(grid, shapes)
        inside = _boxed(grid, shapes, grid.epsg, request, notes)
        return shapes, grid.epsg, inside, notes
    names = [name for name in COORDINATES if name in columns and not _is_empty(grid, columns.places[name])]
    if not names or not Columns({name: columns.places[name] for name in names}).has_places:
        return np.full(n, None, dtype=object), None, np.ones(n, dtype=bool), []
    found = locate(grid, Columns({name: columns.places[name] for name in names}), request)
    notes = list(found.notes)
    shapes = np.full(n, None, dtype=object)
    shapes[:] = found.shapes
    if any(p.severity == "error" for p in notes):
        return np.full(n, None, dtype=object), None, np.ones(n, dtype=bool), notes
    codes = np.array(found.codes)
    notes += _mend(grid, shapes)
    shapes, code = _in_metres(shapes, codes, request)
    return shapes, code, np.array(found.inside, dtype=bool), notes


def _is_empty(grid: Grid, places: list[int]) -> bool:
    return all(at >= len(row) or is_blank(row[at]) for row in grid.rows for at in places)


def _mend(grid: Grid, shapes: Objects) -> list[Problem]:
    """Make footprints valid, and refuse what is no footprint; returns what is to be said."""
    import numpy as np  # heavy
    import shapely

    from dhsdb.importers.osm_scan import polygonal

    notes = []
    given = shapely.is_geometry(shapes)
    finite = np.isfinite(shapely.bounds(shapes)).all(axis=1)
    for i in np.flatnonzero(given & ~finite).tolist():
        empty = shapely.is_empty(shapes[i])
        text = "the geometry is empty." if empty else "a coordinate is no finite number."
        notes.append(
            grid.problem(text, grid.numbers[i], "geometry", hint="Mend the geometry, or leave it out.", code="geometry")
        )
        shapes[i] = None
    lines = given & finite & (shapely.get_dimensions(shapes) == 1)
    for i in np.flatnonzero(lines).tolist():
        text = f"a building can't be a {shapes[i].geom_type}."
        notes.append(grid.problem(text, grid.numbers[i], "geometry", hint="Give an area or a point.", code="geometry"))
    mended = []
    for i in np.flatnonzero(given & finite & ~lines & ~shapely.is_valid(shapes)).tolist():
        mended.append(grid.numbers[i])
        shapes[i] = polygonal(shapes[i])
        if shapely.is_empty(shapes[i]):
            text = "the outline holds no area."
            notes.append(
                grid.problem(
                    text, grid.numbers[i], "geometry", hint="Mend the geometry, or leave it out.", code="geometry"
                )
            )
            shapes[i] = None
    if mended:
        text = f"the outline of {ranges(mended)} crosses itself; it was mended."
        notes.append(grid.problem(text, None, "geometry", severity="warning", code="repaired"))
    points = [grid.numbers[i] for i in np.flatnonzero(given & finite & (shapely.get_dimensions(shapes) == 0)).tolist()]
    if points:
        text = f"{ranges(points)} are points, and no footprints."
        notes.append(grid.problem(text, None, "geometry", severity="info", code="point"))
    return notes


def _in_metres(shapes: Objects, codes: NDArray[np.int64], request: Request) -> tuple[Objects, int | None]:
    """Bring geometries into one projected system: the one asked for, else their own, else the local UTM zone."""
    import numpy as np  # heavy
    import shapely
    from pyproj import Transformer
    from pyproj.exceptions import CRSError

    from dhsdb.errors import Problem
    from dhsdb.importers.streets import projection, utm_epsg

    given = np.flatnonzero(shapely.is_geometry(shapes))
    if not len(given):
        return shapes, None
    own = int(codes[given[0]])
    if own < 0 or request.epsg == -1:
        return shapes, own if own < 0 else -1
    try:
        target = request.epsg
        if target is None:
            west, south, east, north = shapely.total_bounds(shapes[given])
            step: Any = Transformer.from_crs(own, DEGREES, always_xy=True).transform
            middle = step((west + east) / 2, (south + north) / 2)
            # Web Mercator is in metres too, but doubles the areas of Central Europe.
            target = utm_epsg(*middle) if isinstance(projection(own, middle), Problem) else own
        for code in np.unique(codes[given]).tolist():
            if code == target:
                continue
            chosen = given[codes[given] == code]
            step = Transformer.from_crs(int(code), target, always_xy=True).transform
            shapes[chosen] = shapely.transform(shapes[chosen], step, interleaved=False)
    except (CRSError, ValueError, OverflowError):
        return shapes, own  # the pipeline tells that the system is not known
    return shapes, target


def _boxed(grid: Grid, shapes: Objects, code: int | None, request: Request, notes: list[Problem]) -> NDArray[np.bool_]:
    """Return which buildings lie in the box that was asked for; those without a place do."""
    import numpy as np  # heavy
    import shapely

    from dhsdb.importers.regions import to_degrees

    inside = np.ones(len(shapes), dtype=bool)
    if request.bbox is None or code is None:
        return inside
    given = np.flatnonzero(shapely.is_geometry(shapes))
    centre = shapely.get_coordinates(shapely.centroid(shapes[given]))
    places = np.array([to_degrees(code)(x, y) for x, y in centre.tolist()]).reshape(-1, 2)
    west, south, east, north = request.bbox
    off = (places[:, 0] < west) | (places[:, 0] > east) | (places[:, 1] < south) | (places[:, 1] > north)
    if off.any():
        text = f"{int(off.sum())} buildings lie outside the box and were left out."
        notes.append(grid.problem(text, severity="info", code="outside"))
    inside[given[off]] = False
    return inside
