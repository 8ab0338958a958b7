"""Existing networks: lines of KML, KMZ, GeoJSON and GeoPackage, and tables of vertices or of pipes with their geometry.

A pipe is named by its line, or by its file where lines are not named apart, as where a tool names every placemark after the
first. Ends that coincide are one node. Lengths are those of the projected system.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, cast

from dhsdb.errors import Problem
from dhsdb.importers.geojson import GEOMETRY
from dhsdb.importers.grids import Grid, concerns, files_of, ranges, read_grids
from dhsdb.importers.place_columns import PIPES, Columns, factor, find_columns, fold, read_number
from dhsdb.importers.positions import locate
from dhsdb.importers.regions import to_degrees
from dhsdb.importers.rows import ROW, Rows
from dhsdb.importers.streets import projection, utm_epsg

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from pyproj import Transformer

    from dhsdb.importers.rows import Item, Request

SAME_M = 0.1
"""Distance within which ends of lines are one node."""
LENGTH_SHARE = 0.02
"""Share by which a length that the file gives may differ from that of its line before it is said."""
_TOOL = re.compile(r"\[\d+:\s*\w+\]\s*$")
"""What GPSVisualizer writes behind the name of the first line."""
_LINE = re.compile(r"\s*(?:SRID\s*=\s*\d+\s*;)?\s*(?:MULTI)?LINESTRING\b", re.IGNORECASE)
_HEADS = ("type", "latitude", "longitude", "name")
_NOMINAL = re.compile(r"\s*DN\s*(?=\d)", re.IGNORECASE)
_MOST_TURNS = 9
_SHORT = 2


@dataclass(slots=True)
class Line:
    """A line: where it comes from, its geometry in longitude and latitude, what the file says of it."""

    grid: Grid
    number: int
    name: str
    shape: Any
    cells: dict[str, Any] = field(default_factory=dict)


class NetworkImporter:
    """Existing networks."""

    name = "network"
    reads = "existing networks: lines in .kml, .kmz, .geojson, .gpkg, .shp; vertices or WKT lines in .xlsx, .csv, .txt"
    attribution = ""
    options: ClassVar[Mapping[str, str]] = {"sheet": "sheet or layer that holds the network, where several could"}

    def read(self, request: Request) -> Iterator[Item]:
        """Yield the pipes of all files, joined at their ends, and what is wrong with them."""
        lines: list[Line] = []
        notes: list[Problem] = []
        for path in files_of(request.paths):
            for item in [path] if isinstance(path, Problem) else read_grids(path):
                if not concerns(item, request.options.get("sheet", "")):
                    continue
                if isinstance(item, Problem):
                    notes.append(item)
                else:
                    lines += _lines(item, request, notes)
        if not lines and not any(p.severity == "error" for p in notes):
            hint = "A table of vertices has the pipe's identifier, latitude and longitude, in order along the pipe."
            notes = [replace(n, severity="error", code="header") if n.code == "other-sheet" else n for n in notes]
            notes.append(Problem("there are no lines.", str(request.paths[0]), hint=hint, code="empty"))
        notes += _name(lines)
        notes += _doubles(lines)
        yield from notes
        if not any(p.severity == "error" for p in notes):
            yield from _pipes(lines, request)


def recognises(path: Path) -> bool:
    """Return whether a file holds lines, or vertices of them."""
    import shapely  # heavy

    for grid in read_grids(path):
        if not isinstance(grid, Grid) or not grid.rows:
            continue
        shapes: list[Any] = [row[-1] for row in grid.rows if isinstance(row[-1], shapely.Geometry)]
        if any(s.geom_type in ("LineString", "MultiLineString") for s in shapes):
            return True
        columns = find_columns(grid, PIPES)
        cells = (row[at] for at in columns.at.get(GEOMETRY, ()) for row in grid.rows)
        if any(isinstance(cell, str) and _LINE.match(cell) for cell in cells):
            return True
        if not shapes and columns.has_places and (_is_track(grid) or _repeats(grid, columns)):
            return True
    return False


def _is_track(grid: Grid) -> bool:
    """Return whether a table is one of GPSVisualizer's: rows of type T are points of tracks."""
    heads = [h.casefold() for h in grid.header]
    if not all(head in heads for head in _HEADS):
        return False
    at = heads.index("type")
    return any(str(row[at]).strip().casefold() == "t" for row in grid.rows)


def _repeats(grid: Grid, columns: Columns) -> bool:
    """Return whether rows share an identifier with the next, as vertices of one line do."""
    at = columns.at.get("pipe", [])
    names = [row[at[0]] for row in grid.rows] if at else []
    # Names of things that repeat by chance do so in few rows.
    return sum(a == b for a, b in itertools.pairwise(names)) > len(names) / 2 if len(names) >= _SHORT else False


# --- lines of a grid -------------------------------------------------------------------------------------------------
def _lines(grid: Grid, request: Request, notes: list[Problem]) -> list[Line]:
    if _is_track(grid):
        grid = _untangled(grid)
    columns = find_columns(grid, PIPES)
    notes += columns.problems
    if not columns.has_places:
        if grid.rows:
            severity = "info" if grid.sheet else "error"
            text = "the table has no latitude and longitude and no geometry; it was not read."
            hint = f"Headers are: {', '.join(h for h in grid.header if h)[:200]}."
            code = "other-sheet" if grid.sheet else "header"
            notes.append(grid.problem(text, grid.head, hint=hint, severity=severity, code=code))
        return []
    for (row, at), what in grid.broken.items():
        if any(at in places for places in columns.at.values()):
            text = f"'{what}' is an error of the spreadsheet." if what else "the formula holds no result."
            notes.append(grid.problem(text, row, grid.header[at], what or None, "Mend it.", code="cell"))
    places = locate(grid, columns, request)
    notes += places.notes
    if columns.ignored:
        text = f"columns that are not known were not read: {', '.join(columns.ignored)[:300]}."
        notes.append(grid.problem(text, grid.head, severity="info", code="ignored"))
    shapes = [
        _in_degrees(s, c) if s is not None and ok else None
        for s, c, ok in zip(places.shapes, places.codes, places.inside, strict=True)
    ]
    if GEOMETRY in columns:
        return _whole_lines(grid, columns, shapes, notes)
    return _vertex_lines(grid, columns, shapes, notes)


def _in_degrees(shape: Any, code: int) -> Any:
    import numpy as np  # heavy
    import shapely

    if code == 4326:  # noqa: PLR2004
        return shape
    step = cast("Any", to_degrees(code))
    return shapely.transform(shape, lambda xy: np.column_stack(step(xy[:, 0], xy[:, 1])))


def _whole_lines(grid: Grid, columns: Columns, shapes: Sequence[Any], notes: list[Problem]) -> list[Line]:
    """Return rows that hold a line each; a line of several parts becomes several."""
    import shapely

    lines: list[Line] = []
    other: list[int] = []
    for i, shape in enumerate(shapes):
        if shape is None:
            continue
        number = grid.numbers[i]
        parts = [p for p in shapely.get_parts(shape) if p.geom_type in ("LineString", "LinearRing")]
        if not parts:
            other.append(number)
            continue
        cells = _cells(grid, columns, i, notes)
        lines += [Line(grid, number, str(cells.get("pipe") or ""), part, cells) for part in parts]
    if other:
        text = f"no lines in {ranges(other)}: left out."
        notes.append(grid.problem(text, None, GEOMETRY, severity="warning", code="ignored"))
    return lines


def _vertex_lines(grid: Grid, columns: Columns, shapes: Sequence[Any], notes: list[Problem]) -> list[Line]:
    """Return lines of vertices that follow each other under one identifier."""
    import shapely

    if "pipe" not in columns:
        hint = "Add a column 'identifier' that names the pipe of each vertex."
        notes.append(
            grid.problem(
                "the table of vertices does not say which pipe they belong to.", grid.head, hint=hint, code="header"
            )
        )
        return []
    at = columns.at["pipe"][0]
    runs: list[tuple[str, list[int]]] = []
    for i, row in enumerate(grid.rows):
        name = "" if row[at] is None else str(_plain(row[at])).strip()
        if shapes[i] is None:
            continue
        if not name:
            notes.append(grid.problem("the vertex belongs to no pipe.", grid.numbers[i], grid.header[at], code="key"))
        elif runs and runs[-1][0] == name:
            runs[-1][1].append(i)
        else:
            runs.append((name, [i]))
    seen: dict[str, int] = {}
    lines = []
    for name, which in runs:
        first = grid.numbers[which[0]]
        if name in seen:
            text = f"vertices of '{name}' go on here, after those of another pipe; the first are in row {seen[name]}."
            hint = "Keep the vertices of a pipe together, in order; name another pipe apart."
            notes.append(grid.problem(text, first, grid.header[at], name, hint, code="order"))
            continue
        seen[name] = first
        if len(which) < _SHORT:
            text = f"'{name}' has one vertex; a line needs two."
            notes.append(grid.problem(text, first, grid.header[at], name, code="geometry"))
            continue
        shape = shapely.LineString([(shapes[i].x, shapes[i].y) for i in which])
        lines.append(Line(grid, first, name, shape))
    return lines


def _cells(grid: Grid, columns: Columns, i: int, notes: list[Problem]) -> dict[str, Any]:
    """Return what a row says of its pipe; lengths and diameters in metres."""
    found: dict[str, Any] = {}
    for name in ("pipe", "site", "from_node", "to_node"):
        if name in columns and (cell := grid.rows[i][columns.at[name][0]]) is not None and str(cell).strip():
            found[name] = str(_plain(cell)).strip()
    for name in ("trench_m", "diameter_m"):
        at = columns.at.get(name, [None])[0]
        cell = grid.rows[i][at] if at is not None else None
        if at is None or cell is None or not str(cell).strip():
            continue
        nominal = fold(grid.header[at])[0] in ("dn", "nominal diameter") or _NOMINAL.match(str(cell)) is not None
        number = read_number(_NOMINAL.sub("", cell) if isinstance(cell, str) else cell)
        unit = (number.unit if number else "") or columns.units.get(name) or ("mm" if nominal else "")
        times = factor(unit, "m") if unit else 1.0
        if number is None or times is None or (not unit and name == "diameter_m"):
            text = "the unit is not said." if number is not None and not unit else "this is no length."
            hint = "Write the unit in the header, as in 'diameter [mm]'."
            notes.append(grid.problem(text, grid.numbers[i], grid.header[at], str(cell)[:60], hint, code="unit"))
        else:
            found[name] = number.value * times
    return found


def _plain(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else value


def _untangled(grid: Grid) -> Grid:
    """Return a table of GPSVisualizer with the name of each track in all of its rows."""
    at = [h.casefold() for h in grid.header].index("name")
    kind = [h.casefold() for h in grid.header].index("type")
    rows, numbers = [], []
    name: object = None
    n = 0
    for row, number in zip(grid.rows, grid.numbers, strict=True):
        if str(row[kind]).strip().casefold() != "t":
            continue  # another header between two tracks, or a waypoint
        if row[at] is not None:
            n += 1
            name = f"{row[at]} " if n == 1 else f"{row[at]} ({n})"
        rows.append([*row[:at], name or grid.file.stem, *row[at + 1 :]])
        numbers.append(number)
    return Grid(grid.file, grid.sheet, grid.header, rows, numbers, grid.broken, grid.epsg)


# --- all lines together ----------------------------------------------------------------------------------------------
def _name(lines: Sequence[Line]) -> Iterator[Problem]:
    """Name lines apart: by their own name, else by their file, numbered where it holds several."""
    by_file: dict[Path, list[Line]] = {}
    for line in lines:
        by_file.setdefault(line.grid.file, []).append(line)
    own = [line.name for line in lines]
    for file, inside in by_file.items():
        names = [line.name for line in inside]
        if all(names) and not any(_TOOL.search(n) for n in names) and all(own.count(n) == 1 for n in names):
            continue
        named = [n for n in dict.fromkeys(names) if n]
        for k, line in enumerate(inside, 1):
            line.name = file.stem if len(inside) == 1 else f"{file.stem}-{k}"
        what = (
            f"the names of its lines ({', '.join(named)[:80]}) don't tell them apart"
            if named
            else "its lines have no names"
        )
        text = f"{what}: {'the pipe is' if len(inside) == 1 else 'the pipes are'} named after the file."
        yield inside[0].grid.problem(text, None, "name", severity="info", code="renamed")


def _doubles(lines: Sequence[Line]) -> Iterator[Problem]:
    """Report lines that are there twice, in either direction."""
    import shapely

    seen: dict[bytes, Line] = {}
    for line in lines:
        shape = shapely.set_precision(line.shape, 1e-8, mode="pointwise")
        forms = sorted((shapely.to_wkb(shape), shapely.to_wkb(shapely.reverse(shape))))
        first = seen.setdefault(forms[0], line)
        if first is not line:
            place = first.grid.problem("", first.number).location
            text = f"the line '{line.name}' is the same as '{first.name}' in {place}."
            yield line.grid.problem(text, line.number, GEOMETRY, hint="Leave one of the two out.", code="duplicate")


def _pipes(lines: Sequence[Line], request: Request) -> Iterator[Item]:
    """Yield the pipes in the projected system, file by file."""
    import numpy as np
    import pandas as pd
    import shapely

    shapes = np.array([line.shape for line in lines], dtype=object)
    west, south, east, north = shapely.total_bounds(shapes)
    centre = (float(west + east) / 2, float(south + north) / 2)
    epsg = request.epsg or utm_epsg(*centre)
    transformer = projection(epsg, centre)
    if isinstance(transformer, Problem):
        yield transformer
        return
    moved = _projected(shapes, transformer)
    length = shapely.length(moved)
    for line, metres in zip(lines, length, strict=True):
        yield from _length_notes(line, float(metres))
    start, end, n_on = _nodes(moved, shapes)
    if n_on:
        text = f"{n_on} ends lie on another line between its ends; those lines were not cut there."
        yield Problem(text, str(request.paths[0]), severity="info", code="junction")
    frame = pd.DataFrame(
        {
            "pipe": [line.name for line in lines],
            "site": [line.cells.get("site", request.site) for line in lines],
            "from_node": [line.cells.get("from_node", s) for line, s in zip(lines, start, strict=True)],
            "to_node": [line.cells.get("to_node", e) for line, e in zip(lines, end, strict=True)],
            "trench_m": [line.cells.get("trench_m", float(m)) for line, m in zip(lines, length, strict=True)],
            "diameter_m": [line.cells.get("diameter_m", float("nan")) for line in lines],
            "existing": True,
            "geometry": moved,
            ROW: [line.number for line in lines],
        }
    )
    grids = {id(line.grid): line.grid for line in lines}
    owner = np.array([id(line.grid) for line in lines])
    for key, grid in grids.items():
        part = frame[owner == key]
        part = part.drop(columns="diameter_m") if part["diameter_m"].isna().all() else part
        yield Rows("network_pipe", part, grid.file, grid.sheet, epsg=epsg, partial=True)


def _projected(shapes: Any, transformer: Transformer) -> Any:
    import numpy as np
    import shapely

    return shapely.transform(shapes, lambda xy: np.column_stack(transformer.transform(xy[:, 0], xy[:, 1])))


def _length_notes(line: Line, metres: float) -> Iterator[Problem]:
    if metres <= 0:
        yield line.grid.problem(f"the line '{line.name}' has no length.", line.number, GEOMETRY, code="geometry")
    given = line.cells.get("trench_m")
    if given is not None and abs(given - metres) > LENGTH_SHARE * max(metres, 1.0):
        text = (
            f"the length of '{line.name}' is {given:,.1f} m, that of its line {metres:,.1f} m; the given one was kept."
        )
        hint = "Is it in metres, and of the trench, not of both pipes?"
        yield line.grid.problem(text, line.number, "trench_m", given, hint, severity="warning", code="contradiction")


def _nodes(moved: Any, shapes: Any) -> tuple[list[str], list[str], int]:
    """Return the node at the start and at the end of each line, and how many ends lie within another line."""
    import numpy as np
    import shapely
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    ends = np.concatenate([shapely.get_point(moved, 0), shapely.get_point(moved, -1)])
    degrees = shapely.get_coordinates(np.concatenate([shapely.get_point(shapes, 0), shapely.get_point(shapes, -1)]))
    xy = shapely.get_coordinates(ends)
    pairs = cKDTree(xy).query_pairs(SAME_M, output_type="ndarray")
    links = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(xy), len(xy)))
    _, group = connected_components(links, directed=False)
    _, first, index = np.unique(group, return_index=True, return_inverse=True)
    names = [f"{lat:.6f}, {lon:.6f}" for lon, lat in degrees[first]]
    point, line = shapely.STRtree(moved).query(ends, predicate="dwithin", distance=SAME_M)
    own = np.stack([group[: len(moved)], group[len(moved) :]])
    within = (group[point] != own[0, line]) & (group[point] != own[1, line])
    named = [names[i] for i in index]
    return named[: len(moved)], named[len(moved) :], len(np.unique(point[within]))
