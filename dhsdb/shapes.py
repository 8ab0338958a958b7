"""Views with geometries as GeoDataFrames: the coordinate system belongs to the scenario's layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dhsdb.attribution import of_refs
from dhsdb.errors import UnknownNameError, UserError
from dhsdb.names import find
from dhsdb.schema.columns import LOCAL_PLANE

if TYPE_CHECKING:
    import geopandas as gpd

    from dhsdb.database import Database


def geo_frame(db: Database, view: str, scenario: str) -> gpd.GeoDataFrame:
    """Return a view's rows of one scenario with its geometries; ``attrs["attribution"]`` says what to show with them.

    Raises
    ------
    UnknownNameError
        If no view of that name holds geometries.
    """
    import geopandas as gpd
    import shapely

    with db.read() as con:
        ref = find(con, scenario)
        views = con.execute(
            "SELECT schema_name, table_name, list(column_name ORDER BY column_index) FROM duckdb_columns()"
            " WHERE data_type = 'GEOMETRY' AND schema_name IN ('main', 'input') GROUP BY ALL ORDER BY schema_name DESC"
        ).fetchall()
        known = {name: (space, columns) for space, name, columns in views}
        name = view.removeprefix("input.")
        if name not in known:
            raise UnknownNameError("view with geometries", view, known)
        space, columns = known[name]
        frame = con.execute(f'SELECT * FROM "{space}"."{name}" WHERE scenario = ?', [ref.name]).df()
        row = con.execute(
            "SELECT max(s.epsg) FROM meta.layer_at(?, ?) AS l JOIN meta.scenario AS s ON s.scenario = l.layer",
            [ref.name, ref.revision],
        ).fetchone()
        credit = of_refs(con, [ref])
    if row is None or row[0] is None:
        raise UserError(
            f"scenario '{scenario}' holds no geometries.", "Import some first, for example with `dhsdb import osm`."
        )
    crs = None if row[0] == LOCAL_PLANE else row[0]
    for column in columns:
        wkb = [None if missing else bytes(w) for w, missing in zip(frame[column], frame[column].isna(), strict=True)]
        frame[column] = gpd.GeoSeries(shapely.from_wkb(wkb), crs=crs)
    made = gpd.GeoDataFrame(frame, geometry="geometry" if "geometry" in columns else columns[0], crs=crs)
    if credit:
        made.attrs["attribution"] = "; ".join(credit)
    return made
