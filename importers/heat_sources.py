"""Heat sources of others: workbooks, delimited text, GeoJSON, GeoPackage, KML and KMZ of points or small areas.

Names repeat, so a source's key is the file's own id, or its name and place. Several files of one command that name the
same source at the same place complete each other; nothing is joined by position. Units that no header names are only
taken where one of them can be meant. How coordinates are judged is in :mod:`~dhsdb.importers.positions`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from dhsdb.errors import Problem, did_you_mean
from dhsdb.importers.grids import Grid, concerns, files_of, ranges, read_grids
from dhsdb.importers.heat_sources_held import held_sources
from dhsdb.importers.heat_sources_join import join
from dhsdb.importers.heat_sources_table import CAPACITY, HEAT, SourceTable, settle_units
from dhsdb.importers.place_columns import SOURCES, Columns, find_columns

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from dhsdb.importers.rows import Item, Request

_CORNERS = tuple(f"p{n} {axis}" for n in range(1, 5) for axis in ("lat", "lon"))


class HeatSourcesImporter:
    """Tables and layers of heat sources."""

    name = "heat-sources"
    reads = "heat sources in .xlsx, .csv, .geojson, .gpkg, .shp, .kml, .kmz: points or areas with name, type, capacity, heat"
    attribution = ""
    options: ClassVar[Mapping[str, str]] = {
        "sheet": "sheet or layer that holds the sources, where several could",
        "capacity_unit": "unit of capacities whose header names none, such as kW",
        "heat_unit": "unit of annual heat whose header names none, such as GWh",
    }

    def read(self, request: Request) -> Iterator[Item]:
        """Yield the rows of all files, joined, and what is wrong with them."""
        found = [
            item
            for path in files_of(request.paths)
            for item in ([path] if isinstance(path, Problem) else read_grids(path))
        ]
        wanted = request.options.get("sheet", "")
        yield from (item for item in found if isinstance(item, Problem) and concerns(item, wanted))
        grids = [item for item in found if isinstance(item, Grid)]
        tables, notes = _tables(grids, request)
        yield from notes if tables else (n for n in notes if n.code != "other-sheet")
        if any(note.code == "sheet" for note in notes):
            return  # what is wrong with the sheets shows when one is chosen
        if not tables:
            if not any(p.severity == "error" for p in [*notes, *(f for f in found if isinstance(f, Problem))]):
                yield from (replace(n, severity="error", code="header") for n in notes if n.code == "other-sheet")
                hint = "A table of sources has latitude and longitude, or a geometry; docs/import.md lists the headers."
                yield Problem("there are no heat sources.", str(request.paths[0]), hint=hint, code="empty")
            return
        yield from settle_units(tables, request.options)
        said = [problem for table in tables for problem in table.read()]
        yield from said
        if not any(table.lines for table in tables) and not any(p.severity == "error" for p in said):
            yield tables[0].grid.problem("no row holds a heat source.", hint="Is it the right file?", code="empty")
        yield from join(tables, held_sources(request))


def recognises(path: Path) -> bool:
    """Return whether a file holds sources: places with a name, or with points or areas."""
    found = read_grids(path)
    return any(isinstance(grid, Grid) and _is_sources(grid, find_columns(grid, SOURCES)) for grid in found)


def _is_sources(grid: Grid, columns: Columns) -> bool:
    import shapely  # heavy

    if not columns.has_places or not grid.rows:
        return False
    shapes: list[Any] = [row[-1] for row in grid.rows if isinstance(row[-1], shapely.Geometry)]
    if any(s.geom_type in ("Point", "MultiPoint") for s in shapes):
        return True
    if shapes:  # areas alone may be anything: buildings, parcels, districts
        says = any(name in columns for name in (CAPACITY, HEAT, "temperature_c", "kind"))
        return says and any(s.geom_type in ("Polygon", "MultiPolygon") for s in shapes)
    return any(name in columns for name in ("title", "heat_source", CAPACITY, HEAT))


def _tables(grids: Sequence[Grid], request: Request) -> tuple[list[SourceTable], list[Problem]]:
    """Return the grids that hold sources, and what is said of the others."""
    notes: list[Problem] = []
    wanted = request.options.get("sheet", "")
    if wanted:
        named = [g for g in grids if g.sheet.strip().casefold() == wanted.strip().casefold()]
        if not named:
            hint = (
                did_you_mean(wanted, {g.sheet for g in grids})
                or f"Sheets: {', '.join(sorted({g.sheet for g in grids}))}."
            )
            return [], [
                Problem(f"there is no sheet '{wanted}'.", str(request.paths[0]), value=wanted, hint=hint, code="sheet")
            ]
        grids = named
    tables: list[SourceTable] = []
    for grid in grids:
        columns = find_columns(grid, SOURCES)
        if columns.has_places and grid.rows:
            tables.append(SourceTable(grid, columns, request))
        elif sum(" ".join(h.casefold().split()) in _CORNERS for h in grid.header) == len(_CORNERS):
            notes += list(_areas(grid))
        elif grid.rows:
            missing = [n for n in ("latitude", "longitude") if n not in columns]
            severity = "error" if wanted or not grid.sheet else "info"
            hint = f"Headers are: {', '.join(h for h in grid.header if h)[:200]}."
            text = f"the table has no {' and '.join(missing)} and no geometry; it was not read."
            notes.append(
                grid.problem(
                    text,
                    grid.head,
                    hint=hint,
                    severity=severity,
                    code="other-sheet" if severity == "info" else "header",
                )
            )
    for file, n in Counter(t.grid.file for t in tables).items():
        if n > 1 and not wanted:
            names = [t.grid.sheet for t in tables if t.grid.file == file]
            text = f"{n} sheets hold sources: {', '.join(names)}."
            notes.append(Problem(text, str(file), hint="Choose one with -o sheet=NAME.", code="sheet"))
    return tables, notes


def _areas(grid: Grid) -> Iterator[Problem]:
    """Say that corners of areas were left out, which of them cross themselves, and which rows are shifted."""
    import shapely  # heavy

    from dhsdb.importers.place_columns import read_number

    at = [next(i for i, h in enumerate(grid.header) if " ".join(h.casefold().split()) == name) for name in _CORNERS]
    crossed, shifted, n = [], [], 0
    for row, number in zip(grid.rows, grid.numbers, strict=True):
        found = [read_number(row[i]) for i in at]
        values = [f.value for f in found if f is not None]
        if len(values) < len(at):
            continue
        n += 1
        points = list(zip(values[1::2], values[::2], strict=True))
        if max(values[::2]) - min(values[::2]) > 1 or max(values[1::2]) - min(values[1::2]) > 1:
            shifted.append(number)
        elif not shapely.Polygon(points).is_valid:
            crossed.append(number)
    text = f"{n} areas of four corners are no heat sources; they were left out."
    if crossed:
        text += f" The order of corners crosses itself in {ranges(crossed)}, so that their convex hull would be meant."
    yield grid.problem(text, severity="info", code="ignored")
    if shifted:
        text = f"latitudes and longitudes are mixed in {ranges(shifted)}: the row is shifted by a column."
        yield grid.problem(
            text, shifted[0], hint="Nothing was read from this sheet.", severity="warning", code="shifted"
        )
