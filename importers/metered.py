"""Tables and layers of heat that was metered in districts: name or polygon, year, amount."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dhsdb.importers import building_cells as cell
from dhsdb.importers.building_shapes import place
from dhsdb.importers.building_units import settle_units
from dhsdb.importers.building_words import year_in_words

if TYPE_CHECKING:
    import pandas as pd

    from dhsdb.errors import Problem
    from dhsdb.importers.building_columns import BuildingColumns
    from dhsdb.importers.grids import Grid
    from dhsdb.importers.rows import Request

_SURFACE = 2
_HEATS = ("metered_mwh", "heat_mwh")
_OF_BUILDINGS = frozenset({
    "building", "parent", "use", "levels", "height_m", "footprint_m2", "floor_area_m2", "volume_m3", "construction_year", "refurbishment",
    "space_specific", "heat_specific",
})  # fmt: skip


@dataclass(slots=True)
class Metered:
    """Rows of ``metered_demand``; geometries in ``epsg``."""

    grid: Grid
    frame: pd.DataFrame
    epsg: int | None
    notes: list[Problem] = field(default_factory=list)


def is_metered(grid: Grid, columns: BuildingColumns) -> bool:
    """Return whether a grid holds totals of districts: heat of a name or area, and nothing of buildings."""
    names = [name for name in columns.places if name in _OF_BUILDINGS and not _is_id(grid, columns, name)]
    return (
        bool(grid.rows)
        and not names
        and any(h in columns for h in _HEATS)
        and ("district" in columns or "data_year" in columns)
    )


def _is_id(grid: Grid, columns: BuildingColumns, name: str) -> bool:
    """Return whether it is only a row's own id."""
    return name == "building" and all(
        grid.header[at].strip().casefold() in ("id", "fid", "oid", "objectid", "gid") for at in columns.places[name]
    )


def read_metered(grid: Grid, columns: BuildingColumns, request: Request) -> Metered:
    """Return the metered totals of a grid."""
    import pandas as pd  # heavy
    import shapely

    notes: list[Problem] = []
    name = next(h for h in _HEATS if h in columns)
    at = columns.places[name][0]
    comma = cell.table_comma(grid, columns)
    if at not in columns.units and not _says_mwh(grid.header[at]):
        if unit := request.options.get("heat_unit", ""):
            columns.units[at] = unit
        else:
            settle_units(grid, columns, request.options, notes, comma=comma)
    heat, wrong = cell.figures(grid, at, name, columns.units, comma=comma)
    notes += wrong
    named = next((c for c in ("district", "site", "title") if c in columns), None)
    district = cell.words(grid, columns.places[named][0]) if named else [None] * len(grid.rows)
    years = (
        [_year(c) for c in cell.cells(grid, columns.places["data_year"][0])]
        if "data_year" in columns
        else [None] * len(grid.rows)
    )
    shapes, epsg, _, placed = place(grid, columns, request, None)
    notes += placed
    keys = [
        " ".join(filter(None, (d or f"{grid.file.stem} row {n}", str(y) if y else "")))
        for d, y, n in zip(district, years, grid.numbers, strict=True)
    ]
    areas = [
        shape if size == _SURFACE else None for shape, size in zip(shapes, shapely.get_dimensions(shapes), strict=True)
    ]
    frame = pd.DataFrame(
        {
            "metered": keys,
            "district": pd.Series(district, dtype=object),
            "data_year": pd.Series(years, dtype=object),
            "heat_mwh": heat,
            "geometry": pd.Series(areas, dtype=object),
            "_row": list(grid.numbers),
        }
    )
    return Metered(grid, frame, epsg, notes)


def _says_mwh(header: str) -> bool:
    return header.strip().casefold() in ("heat_mwh", "metered_mwh")


def _year(given: Any) -> int | None:
    if cell.is_blank(given):
        return None
    return year_in_words(float(given) if isinstance(given, str) and given.strip().isdecimal() else given)
