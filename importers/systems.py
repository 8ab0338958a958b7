"""Coordinate systems of an import: which one a scenario gets, and how other geometries are brought into it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dhsdb.errors import Problem, UserError
from dhsdb.importers.streets import projection, utm_epsg
from dhsdb.schema.columns import LOCAL_PLANE

if TYPE_CHECKING:
    from collections.abc import Iterable

    import duckdb
    import pyarrow as pa

    from dhsdb.importers.checks import Checked

DEGREES = 4326


def stack_epsg(con: duckdb.DuckDBPyConnection, scenario: str) -> int | None:
    """Return the code of the geometries in a scenario's stack; None if it holds none."""
    row = con.execute(
        "SELECT max(l.epsg) FROM meta.layer_now AS st JOIN meta.scenario AS l ON l.scenario = st.layer"
        " WHERE st.scenario = ?",
        [scenario],
    ).fetchone()
    return row[0] if row else None


def is_known(epsg: int) -> bool:
    """Return whether there is such a coordinate system, or it is a local plane."""
    from pyproj import CRS  # heavy
    from pyproj.exceptions import CRSError

    if epsg == LOCAL_PLANE:
        return True
    try:
        CRS.from_epsg(epsg)
    except CRSError:
        return False
    return True


def choose_epsg(asked: int | None, checked: Iterable[Checked]) -> int | None:
    """Return the code for a scenario that has none: the one asked for, else that of the rows, else their UTM zone.

    Raises
    ------
    UserError
        If the code asked for is not projected in metres, or not made for this place.
    """
    first = next((c for c in checked if c.epsg is not None and c.rows["geometry"].null_count < c.rows.num_rows), None)
    if first is None or first.epsg is None:
        return None
    if LOCAL_PLANE in (asked, first.epsg):
        _agree(first.epsg, asked or first.epsg)
        return LOCAL_PLANE
    centre = _centre(first.rows["geometry"], first.epsg)
    wanted = asked or first.epsg
    unfit = projection(wanted, centre)
    if not isinstance(unfit, Problem):
        return wanted
    if asked:
        raise UserError(unfit.message, unfit.hint)
    return utm_epsg(*centre)


def _centre(wkb: pa.ChunkedArray, epsg: int) -> tuple[float, float]:
    """Return longitude and latitude of the middle of geometries."""
    import numpy as np  # heavy
    import shapely

    west, south, east, north = shapely.total_bounds(shapely.from_wkb(np.asarray(wkb, dtype=object)))
    x, y = _transformer(epsg, DEGREES)((west + east) / 2, (south + north) / 2)
    return float(x), float(y)


def reproject(rows: pa.Table, source: int, target: int) -> pa.Table:
    """Bring the geometries of rows from one system into another."""
    import numpy as np  # heavy
    import pyarrow as pa
    import shapely

    if source == target:
        return rows
    _agree(source, target)
    step = _transformer(source, target)
    shapes = shapely.from_wkb(np.asarray(rows["geometry"], dtype=object))
    moved = shapely.transform(shapes, lambda xy: np.column_stack(step(xy[:, 0], xy[:, 1])))
    if not np.isfinite(shapely.get_coordinates(moved)).all():
        raise UserError(
            f"geometries in EPSG:{source} lie outside EPSG:{target}, the scenario's system.", "Check their order."
        )
    return rows.set_column(
        rows.column_names.index("geometry"), "geometry", pa.array(shapely.to_wkb(moved), pa.binary())
    )


def _agree(source: int, target: int) -> None:
    """Refuse to bring a local plane onto the earth, or the other way round."""
    if source != target and LOCAL_PLANE in (source, target):
        named = f"EPSG:{source if target == LOCAL_PLANE else target}"
        raise UserError(
            f"geometries in a plane of their own can't be brought together with those in {named}.",
            "Name the system of the plane with --crs, or import into a scenario of its own.",
        )


def _transformer(source: int, target: int):  # type: ignore[no-untyped-def]  # noqa: ANN202  pyproj's own function type
    from pyproj import Transformer  # heavy

    return Transformer.from_crs(source, target, always_xy=True).transform
