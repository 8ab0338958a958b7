"""Figures that say how two profiles or two geometries differ: hashes and coordinates tell nobody anything."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Any

from dhsdb.diff_inputs import JOINED
from dhsdb.schema.columns import LOCAL_PLANE

if TYPE_CHECKING:
    import duckdb
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from dhsdb.diff_sql import Subject

    Shapes = NDArray[np.object_]
    Floats = NDArray[np.float64]

_FIGURES = ("length", "area")
_KINDS = (
    "Point", "LineString", "LinearRing", "Polygon",
    "MultiPoint", "MultiLineString", "MultiPolygon", "GeometryCollection",
)  # fmt: skip


def profile_figures(con: duckdb.DuckDBPyConnection, money: float) -> pa.Table:
    """Return the profiles whose series differ, from the rows of table ``profile`` that do.

    Parameters
    ----------
    money
        Factor from b's money to a's, for series of prices.
    """
    found = con.execute(_sql("diff_profiles").format(joined=JOINED), {"money": money}).to_arrow_table()
    return found.cast(profile_schema())


def has_prices(con: duckdb.DuckDBPyConnection) -> bool:
    """Return whether side b names a series of prices, among the rows of table ``profile`` that are compared."""
    sql = (
        f"SELECT 1 FROM {JOINED} AS p JOIN meta.series AS s ON s.sha256 = p.\"b.sha256\" WHERE s.kind = 'price' LIMIT 1"
    )
    return con.execute(sql).fetchone() is not None


def with_sums(changes: pa.Table, figures: pa.Table) -> pa.Table:
    """Return the changes of table ``profile``: where the series differ, a line with their sums as values."""
    import pyarrow as pa

    others = [row for row in changes.to_pylist() if row["column"] != "sha256"]
    lines = [*others, *(_series_line(found) for found in figures.to_pylist())]
    lines.sort(key=lambda row: (row["key"], row["column"] == "sha256"))
    return pa.Table.from_pylist(lines, schema=changes.schema)


def _series_line(found: dict[str, Any]) -> dict[str, Any]:
    return _difference(found["old_sum"], found["new_sum"]) | {
        "area": "inputs", "table": "profile", "key": found["key"], "year": None, "column": "sha256",
        "change": found["change"], "old": found["old_sha256"], "new": found["new_sha256"], "unit": found["unit"],
        "keys": [found["key"]],
    }  # fmt: skip


def geometry_figures(con: duckdb.DuckDBPyConnection, subject: Subject, epsg: tuple[int | None, int | None]) -> pa.Table:
    """Return the geometries of a table that differ: kind, length, area, Hausdorff and moved distance, in metres.

    Parameters
    ----------
    epsg
        Codes of side a and side b; b is brought to a's, and degrees to metres.
    """
    import pyarrow as pa
    import shapely

    parts = [geometry_schema().empty_table()]
    for cell in (c for c in subject.cells if c.kind == "geometry"):
        texts = ", ".join(f'"{k}"::VARCHAR' for k in subject.keys)
        rows = con.execute(
            f"""SELECT '{subject.table}' AS "table", concat_ws(' / ', {texts}) AS key, '{cell.name}' AS "column",
    CASE WHEN NOT in_a THEN 'added' WHEN NOT in_b THEN 'removed' ELSE 'changed' END AS change,
    {cell.a} AS old_wkb, {cell.b} AS new_wkb, [{texts}]::VARCHAR[] AS keys
FROM {JOINED} WHERE {cell.a} IS DISTINCT FROM {cell.b} ORDER BY ALL"""
        ).to_arrow_table()
        old, new = (shapely.from_wkb(rows.column(c).to_numpy(zero_copy_only=False)) for c in ("old_wkb", "new_wkb"))
        for name, values in _measures(*_in_metres(old, new, epsg)).items():
            kind = pa.string() if name.endswith("_type") else pa.float64()
            rows = rows.append_column(name, pa.array(values, kind, from_pandas=True))
        parts.append(rows.select(geometry_schema().names).cast(geometry_schema()))
    return pa.concat_tables(parts)


def with_sizes(changes: pa.Table, figures: pa.Table) -> pa.Table:
    """Return changes with what geometries are in words, and their area or length as value."""
    import pyarrow as pa

    sizes = {(row["key"], row["column"]): row for row in figures.drop_columns(["old_wkb", "new_wkb"]).to_pylist()}
    names = ("old", "new", "old_value", "new_value", "absolute", "relative", "unit")
    columns = {name: changes.column(name).to_pylist() for name in names}
    for i, at in enumerate(zip(*(changes.column(c).to_pylist() for c in ("key", "column")), strict=True)):
        if found := sizes.get(at):
            for name, value in _size(found).items():
                columns[name][i] = value
    for name, values in columns.items():
        at = changes.schema.get_field_index(name)
        changes = changes.set_column(at, changes.schema.field(name), pa.array(values, changes.schema.field(name).type))
    return changes


def _size(found: dict[str, Any]) -> dict[str, Any]:
    """Return the cells of a line that tell how large a geometry was and is."""
    measure, unit = _measure_of(found["new_type"] or found["old_type"])
    old, new = (found.get(f"{side}_{measure}") for side in ("old", "new"))
    return _difference(old, new) | {"unit": unit, "old": _words(found, "old"), "new": _words(found, "new")}


def _difference(old: float | None, new: float | None) -> dict[str, float | None]:
    """Return two values with their absolute and relative difference."""
    absolute = None if old is None or new is None else new - old
    relative = absolute / abs(old) if absolute is not None and old else None
    return {"old_value": old, "new_value": new, "absolute": absolute, "relative": relative}


def _measure_of(kind: str) -> tuple[str, str]:
    """Return the figure that tells how large a geometry of a kind is, and its unit."""
    if "Polygon" in kind:
        return "area", "m^2"
    return ("length", "m") if "Line" in kind else ("", "")


def _words(found: dict[str, Any], side: str) -> str | None:
    """Return ``LineString, 123.4 m``."""
    kind: str | None = found[f"{side}_type"]
    if kind is None:
        return None
    measure, unit = _measure_of(kind)
    return f"{kind}, {found[f'{side}_{measure}']:,.1f} {unit}" if measure else kind


def _in_metres(old: Shapes, new: Shapes, epsg: tuple[int | None, int | None]) -> tuple[Shapes, Shapes]:
    """Return both sides in the metric system of side a, or in the nearest UTM zone if that one counts in degrees."""
    first, second = epsg[0] or epsg[1], epsg[1] or epsg[0]
    if first is None or second is None or LOCAL_PLANE in (first, second):
        return old, new
    import geopandas as gpd
    import pandas as pd
    from pyproj import CRS

    target = CRS.from_epsg(first)
    if first == second and not target.is_geographic:
        return old, new
    sides = gpd.GeoSeries(old, crs=first), gpd.GeoSeries(new, crs=second)
    if target.is_geographic:
        degrees = pd.concat([side.dropna().to_crs(4326) for side in sides])
        target = degrees.estimate_utm_crs()
    moved = [side.to_crs(target).to_numpy() for side in sides]
    return moved[0], moved[1]


def _measures(old: Shapes, new: Shapes) -> dict[str, Any]:
    """Return the figures of pairs of geometries; None or NaN where one side has none."""
    import numpy as np
    import shapely

    kinds = np.array(_KINDS)
    figures: dict[str, Any] = {}
    for side, shapes in (("old", old), ("new", new)):
        number = shapely.get_type_id(shapes)
        missing = shapely.is_missing(shapes)
        figures[f"{side}_type"] = np.where(number >= 0, kinds[number], np.array(None, object))
        figures[f"{side}_length"] = np.where(missing, np.nan, shapely.length(shapes))
        figures[f"{side}_area"] = np.where(missing, np.nan, shapely.area(shapes))
    figures["hausdorff_m"] = shapely.hausdorff_distance(old, new)
    figures["moved_m"] = shapely.distance(shapely.centroid(old), shapely.centroid(new))
    return figures


def _sql(name: str) -> str:
    return resources.files("dhsdb.sql").joinpath(f"{name}.sql").read_text(encoding="utf-8")


def profile_schema() -> pa.Schema:
    """Return the columns of ``Diff.profiles``."""
    import pyarrow as pa

    figures = ("old_sum", "new_sum", "old_peak", "new_peak", "hours_changed", "correlation")
    return pa.schema(
        [(name, pa.string()) for name in ("key", "change", "kind", "unit")]
        + [(name, pa.float64()) for name in figures]
        + [(name, pa.int32()) for name in ("old_steps", "new_steps")]
        + [(name, pa.string()) for name in ("old_sha256", "new_sha256")]
    )


def geometry_schema() -> pa.Schema:
    """Return the columns of ``Diff.geometries``."""
    import pyarrow as pa

    columns = [(name, pa.string()) for name in ("table", "key", "column", "change")]
    for side in ("old", "new"):
        columns += [(f"{side}_type", pa.string()), *((f"{side}_{figure}", pa.float64()) for figure in _FIGURES)]
    columns += [(name, pa.float64()) for name in ("hausdorff_m", "moved_m")]
    columns += [(name, pa.binary()) for name in ("old_wkb", "new_wkb")]
    return pa.schema([*columns, ("keys", pa.list_(pa.string()))])
