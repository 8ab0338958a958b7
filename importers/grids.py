"""Files of places, whatever their form, as grids: a header, rows of cells, and geometries where the form has them.

Workbooks, delimited text, KML and KMZ, GeoJSON and GeoPackage; what a file is shows in its first bytes, not its name.
"""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from dhsdb.errors import Problem
from dhsdb.importers.kml import read_kml
from dhsdb.importers.table_bounds import find_bounds
from dhsdb.importers.workbooks import open_workbook

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

MAX_BYTES = 500_000_000
"""Size of a text file or GeoPackage beyond which it is refused."""
MAX_CELLS = 20_000_000
_SHOWN = 60
DEGREES = 4326
GEOMETRY = "geometry"
SUFFIXES = (".xlsx", ".xlsm", ".csv", ".txt", ".tsv", ".kml", ".kmz", ".geojson", ".json", ".gpkg")
_SQLITE = b"SQLite format 3\x00"
_COMMA = re.compile(r"[-+]?\d+,\d+")
_POINT = re.compile(r"[-+]?\d+\.\d+")
_ENCODINGS = ("utf-8-sig", "cp1252")


@dataclass(slots=True)
class Grid:
    """A sheet, text table or layer.

    Attributes
    ----------
    rows
        Cells; text, numbers, booleans, None where blank, shapely objects in the column ``geometry`` of layers.
    numbers
        Number of each row in the source.
    broken
        What is wrong with cells that only look blank, by number of the row and column (from 0).
    epsg
        Code of the geometries' system, where the file says it.
    head
        Number of the row of the header.
    units
        Units that a row below the header names, by column.
    """

    file: Path
    sheet: str
    header: list[str]
    rows: list[list[object]]
    numbers: list[int]
    broken: dict[tuple[int, int], str]
    epsg: int | None = None
    head: int = 1
    units: dict[int, str] = field(default_factory=dict)

    def problem(
        self, message: str, row: int | None = None, column: str = "", value: object = None, hint: str = "", **facts: str
    ) -> Problem:
        """Return a problem of this grid."""
        return Problem(message, str(self.file), self.sheet, row, column, value, hint, **facts)


def ranges(numbers: Iterable[int]) -> str:
    """Return numbers in words.

    Examples
    --------
    >>> ranges([2, 3, 4, 7])
    'rows 2-4, 7'
    """
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    words = [str(a) if a == b else f"{a}-{b}" for a, b in runs[:_SHOWN]]
    more = f" and {len(runs) - _SHOWN} more places" if len(runs) > _SHOWN else ""
    return f"row{'s' * (len(runs) > 1 or runs[0][0] != runs[0][1])} {', '.join(words)}{more}" if runs else "no rows"


def files_of(
    paths: Sequence[Path], suffixes: Sequence[str] = SUFFIXES, what: str = "places"
) -> Iterator[Path | Problem]:
    """Yield files, and those of folders whose names end in one of the suffixes; a folder without any is a problem."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        inside = sorted(
            p for p in path.iterdir() if p.suffix.casefold() in suffixes and not p.name.startswith((".", "~$"))
        )
        yield from inside
        if not inside:
            hint = f"Files of {what} end in {', '.join(suffixes)}."
            yield Problem(f"the folder holds no file of {what}.", str(path), hint=hint, code="format")


def read_grids(path: Path) -> list[Grid | Problem]:
    """Return what a file holds, sheet by sheet or layer by layer, and what is wrong with it."""
    with path.open("rb") as file:
        head = file.read(512)
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not text:
        return [Problem("the file is empty.", str(path), code="format")]
    if head.startswith(b"PK"):
        return list(_kml(path) if _is_kmz(path) else _workbook(path))
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        return list(_workbook(path))
    if path.stat().st_size > MAX_BYTES:
        return [Problem("the file is too large to be read.", str(path), hint="Split it.", code="unsafe")]
    if head.startswith(_SQLITE):
        return list(_layers(path))
    if text.startswith(b"<"):
        return list(_kml(path))
    return list(_geojson(path) if text.startswith(b"{") else _text(path))


# --- forms -----------------------------------------------------------------------------------------------------------
def _is_kmz(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return path.suffix.casefold() == ".kmz"
    return "xl/workbook.xml" not in names and "[Content_Types].xml" not in names


def _workbook(path: Path) -> Iterator[Grid | Problem]:
    book = open_workbook(path)
    if isinstance(book, Problem):
        yield book
        return
    try:
        for name in book.names:
            sheet = book.sheet(name)
            if isinstance(sheet, Problem):
                yield sheet
            else:
                yield from _table(path, name, sheet.rows, sheet.broken)
    finally:
        book.close()


def _table(
    path: Path, sheet: str, rows: list[list[object]], broken: dict[tuple[int, int], str]
) -> Iterator[Grid | Problem]:
    """Yield the table of a sheet; blank rows are left out, and titles, totals and notes told."""
    used = [i for i, row in enumerate(rows) if any(c is not None and str(c).strip() for c in row)]
    used = sorted({*used, *(row - 1 for row, _ in broken if 0 < row <= len(rows))})
    found = find_bounds(rows, used)
    header = ["" if c is None else str(c).strip() for c in rows[found.head]] if used else []
    numbers = [i + 1 for i in found.rows]
    grid = Grid(
        path, sheet, header, [rows[i] for i in found.rows], numbers, broken, head=found.head + 1, units=found.units
    )
    yield grid
    for which, what in ((found.titles, "titles"), (found.totals, "totals"), (found.notes, "notes")):
        if which:
            first = next(str(c).strip() for c in rows[which[0]] if c is not None and str(c).strip())
            text = f"left out as {what}: {ranges(i + 1 for i in which)}."
            yield grid.problem(text, value=first[:80], severity="info", code=what)


def _text(path: Path) -> Iterator[Grid | Problem]:
    content = path.read_bytes()
    if b"\x00" in content:
        hint = "Give a workbook, CSV, KML, KMZ, GeoJSON or GPKG file."
        yield Problem("this is no text, nor another form that holds places.", str(path), hint=hint, code="format")
        return
    encoding = next(name for name in (*_ENCODINGS, "latin-1") if _decodes(content, name))
    if encoding != _ENCODINGS[0]:
        said = f"the file is not in UTF-8; it was read as {encoding}."
        yield Problem(said, str(path), hint="Look at its names.", severity="warning", code="encoding")
    lines = _without_comments(content.decode(encoding).splitlines())
    first = next((line for line in lines if line.strip()), "")
    separator = max("\t;,|", key=first.count)
    try:
        rows = [
            [c.strip() or None for c in row] for row in csv.reader(io.StringIO("\n".join(lines)), delimiter=separator)
        ]
    except csv.Error as error:
        yield Problem(f"the table can't be read ({error}).", str(path), hint="Are all quotes closed?", code="format")
        return
    if separator != "," and _has_decimal_commas(rows):
        rows = [[c.replace(",", ".") if c and _COMMA.fullmatch(c) else c for c in row] for row in rows]
        yield Problem("numbers have decimal commas.", str(path), severity="info", code="decimal-comma")
    width = max(map(len, rows), default=0)
    if width * len(rows) > MAX_CELLS:
        yield Problem("the table is too large to be read.", str(path), hint="Split it.", code="unsafe")
        return
    yield from _table(path, "", [[*row, *[None] * (width - len(row))] for row in cast("list[list[object]]", rows)], {})


def _without_comments(lines: list[str]) -> list[str]:
    """Blank the lines before the header that start with # and are parted less than it is, so that rows keep their numbers."""
    header = next((i for i, line in enumerate(lines) if line.strip() and not line.startswith("#")), 0)
    parts = max(map(lines[header].count, "\t;,|")) if lines else 0
    for i in range(header):
        if max(map(lines[i].count, "\t;,|")) < parts:
            lines[i] = ""
    return lines


def _has_decimal_commas(rows: list[list[str | None]]) -> bool:
    """Return whether numbers have commas and none has a point, so that commas can't part thousands."""
    cells = [c for row in rows for c in row if c]
    return any(map(_COMMA.fullmatch, cells)) and not any(map(_POINT.fullmatch, cells))


def _decodes(content: bytes, encoding: str) -> bool:
    try:
        content.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _kml(path: Path) -> Iterator[Grid | Problem]:
    marks = read_kml(path)
    if isinstance(marks, Problem):
        yield marks
        return
    for mark in marks:
        for wrong in mark.wrong:
            yield Problem(
                f"placemark '{mark.name}' has {wrong}", str(path), row=mark.number, column=GEOMETRY, code="geometry"
            )
    names = list(
        dict.fromkeys(name for mark in marks for name in mark.data if name.casefold() not in ("name", GEOMETRY))
    )
    rows = [[m.name, *(m.data.get(n) or None for n in names), shape] for m in marks for shape in m.shapes]
    numbers = [mark.number for mark in marks for _ in mark.shapes]
    yield Grid(path, "", ["name", *names, GEOMETRY], rows, numbers, {}, DEGREES)


def _geojson(path: Path) -> Iterator[Grid | Problem]:
    """Yield the one layer of a GeoJSON file; GEOS reads the geometries, since GDAL lets wrong ones through as none."""
    try:
        found = json.loads(path.read_bytes())
        kind = found.get("type")
        features = [found] if kind == "Feature" else found.get("features")
    except (ValueError, RecursionError) as error:
        hint = "Export it anew."
        yield Problem(f"the JSON is damaged or not complete ({error}).", str(path), hint=hint, code="format")
        return
    if kind not in ("FeatureCollection", "Feature") or not isinstance(features, list):
        text = "this is JSON, but no GeoJSON: it is no FeatureCollection with a list of features."
        yield Problem(text, str(path), value=str(kind)[:40], hint="Export it as GeoJSON.", code="format")
        return
    code = _named_system(found.get("crs"))
    if isinstance(code, str):
        hint = "Export it in EPSG:4326."
        yield Problem("the coordinate system is not known.", str(path), value=code, hint=hint, code="crs")
        return
    shapes: list[object] = []
    for number, feature in enumerate(features, 1):
        shape = _feature_shape(feature)
        shapes.append(None if isinstance(shape, str) else shape)
        if isinstance(shape, str):
            text = f"the feature has no geometry that can be read ({shape})."
            yield Problem(text, str(path), row=number, column=GEOMETRY, code="geometry")
    data = [f.get("properties") if isinstance(f, dict) else None for f in features]
    cells = _with_ids(features, [d if isinstance(d, dict) else {} for d in data])
    names = list(dict.fromkeys(name for row in cells for name in row if name.casefold() != GEOMETRY))
    rows = [[*(_simple(row.get(n)) for n in names), shape] for row, shape in zip(cells, shapes, strict=True)]
    yield Grid(path, "", [*names, GEOMETRY], rows, list(range(1, len(rows) + 1)), {}, code)


def _with_ids(features: list[Any], cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the properties with the ids that stand beside them, unless they have one, or the ids only count."""
    ids = [f.get("id") if isinstance(f, dict) else None for f in features]
    named = any(name.casefold().endswith("id") for row in cells for name in row)
    texts = [str(i) for i in ids if isinstance(i, (str, int))]
    counted = texts in ([str(k + first) for k in range(len(ids))] for first in (0, 1))
    if named or counted or len(set(texts)) < len(ids):
        return cells
    return [{"id": text, **row} for text, row in zip(texts, cells, strict=True)]


def _simple(value: object) -> object:
    return value if value is None or isinstance(value, (str, bool, int, float)) else json.dumps(value)[:200]


def _named_system(crs: object) -> int | str:
    """Return the code of a system that a file names in the manner of 2008, degrees if it names none; else its name."""
    if crs is None:
        return DEGREES
    from pyproj import CRS  # heavy
    from pyproj.exceptions import CRSError

    name = (
        str(crs.get("properties", {}).get("name"))
        if isinstance(crs, dict) and isinstance(crs.get("properties"), dict)
        else ""
    )
    if name.endswith("CRS84"):
        return DEGREES
    try:
        return CRS.from_user_input(name).to_epsg() or name
    except CRSError:
        return name


def _feature_shape(feature: object) -> object:
    """Return the geometry of a feature, None if it has none, or what is wrong with it."""
    import shapely  # heavy

    geometry = feature.get("geometry") if isinstance(feature, dict) else None
    if geometry is None:
        return None if isinstance(feature, dict) else "it is no object"
    try:
        return shapely.force_2d(shapely.from_geojson(json.dumps(geometry)))
    except (shapely.GEOSException, ValueError, TypeError) as error:
        return str(error)[:120] or "it is wrong"


def _layers(path: Path) -> Iterator[Grid | Problem]:
    import pyogrio  # type: ignore[import-untyped]  # heavy
    import pyproj
    import shapely

    errors = (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, pyogrio.errors.FieldError)
    try:
        for name, kind in pyogrio.list_layers(path):
            if kind is None:
                text = f"layer '{name}' has no geometries; it was not read."
                yield Problem(text, str(path), name, severity="info", code="ignored")
                continue
            frame = pyogrio.read_dataframe(path, layer=name, fid_as_index=True)
            code = frame.crs.to_epsg() if frame.crs is not None else None
            columns = [c for c in frame.columns if c != frame.geometry.name]
            shapes = shapely.force_2d(frame.geometry.to_numpy())
            data = frame[columns].astype(object).where(frame[columns].notna(), None)
            rows = [[*row, shape] for row, shape in zip(data.to_numpy(), shapes, strict=True)]
            numbers = [int(i) + 1 for i in frame.index]
            yield Grid(path, str(name), [*map(str, columns), GEOMETRY], rows, numbers, {}, code)
    except (*errors, ValueError, TypeError, OverflowError, pyproj.exceptions.CRSError, shapely.GEOSException) as error:
        hint = "Export it anew."
        yield Problem(f"the file is damaged or not complete ({error}).", str(path), hint=hint, code="format")
