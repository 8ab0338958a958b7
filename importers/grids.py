"""Files of places, whatever their form, as grids: a header, rows of cells, and geometries where the form has them.

Workbooks, delimited text, KML and KMZ, GeoJSON, GeoPackage and shapefiles; what a file is shows in its first bytes, not its name.
"""

from __future__ import annotations

import codecs
import warnings
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dhsdb.errors import Problem
from dhsdb.importers.delimited import read_delimited
from dhsdb.importers.geojson import GEOMETRY, read_geojson
from dhsdb.importers.kml import read_kml
from dhsdb.importers.regions import DEGREES
from dhsdb.importers.table_bounds import find_bounds
from dhsdb.importers.workbooks import open_workbook

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from pyproj import CRS

MAX_BYTES = 500_000_000
"""Size of a text file, GeoPackage or shapefile beyond which it is refused."""
_SHOWN = 60
SUFFIXES = (".xlsx", ".xlsm", ".csv", ".txt", ".tsv", ".kml", ".kmz", ".geojson", ".json", ".gpkg", ".shp")
_SQLITE = b"SQLite format 3\x00"
_SHAPES = b"\x00\x00\x27\x0a"


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
        Number of the row of the header; None where a layer has none.
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
    head: int | None = None
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


def start_of(head: bytes) -> bytes:
    """Return the first bytes of a file in UTF-8, without its mark of order and blanks; other bytes stay as they are."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return head[: len(head) // 2 * 2].decode("utf-16", "ignore").lstrip().encode()
    return head.removeprefix(codecs.BOM_UTF8).lstrip()


def concerns(item: Grid | Problem, wanted: str) -> bool:
    """Return whether a sheet or layer is the one asked for, if one is, or what is said is of it or of the whole file."""
    name = item.sheet.strip().casefold()
    return not wanted or name == wanted.strip().casefold() or (isinstance(item, Problem) and not name)


def read_grids(path: Path) -> list[Grid | Problem]:
    """Return what a file holds, sheet by sheet or layer by layer, and what is wrong with it."""
    with path.open("rb") as file:
        head = file.read(512)
    text = start_of(head)
    if not text:
        return [Problem("the file is empty.", str(path), code="format")]
    if head.startswith(b"PK"):
        return list(_kml(path) if _is_kmz(path) else _workbook(path))
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        return list(_workbook(path))
    if path.stat().st_size > MAX_BYTES:
        return [Problem("the file is too large to be read.", str(path), hint="Split it.", code="unsafe")]
    if head.startswith(_SQLITE):
        return list(_layers(path, 0))
    if head.startswith(_SHAPES):
        return list(_layers(path, 1))
    if text.startswith(b"<"):
        return list(_kml(path))
    return list(_geojson(path) if text.startswith((b"{", b"\x1e")) else _text(path))


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
    for found in read_delimited(path):
        if isinstance(found, Problem):
            yield found
        else:
            yield from _table(path, "", found, {})


def _kml(path: Path) -> Iterator[Grid | Problem]:
    document = read_kml(path)
    if isinstance(document, Problem):
        yield document
        return
    yield from document.notes
    marks = document.marks
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
    """Yield the one layer of a GeoJSON file."""
    layer = read_geojson(path)
    yield from layer.notes
    if layer.names is not None:
        numbers = list(range(1, len(layer.rows) + 1))
        yield Grid(path, "", [*layer.names, GEOMETRY], layer.rows, numbers, {}, layer.epsg)


def _epsg(crs: CRS | None) -> int | None:
    """Return the code of a system, of one with heights that of its plane; None if it has none."""
    if crs is None:
        return None
    plane = crs.sub_crs_list[0] if crs.is_compound else crs.to_2d()
    found = plane.to_epsg()
    return None if found is None else int(found)


def _layers(path: Path, first: int) -> Iterator[Grid | Problem]:
    """Yield the layers of a file; features are numbered as they are shown, from ``first`` where GDAL begins with 0."""
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
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always")
                frame = pyogrio.read_dataframe(path, layer=name, fid_as_index=True)
            for text in dict.fromkeys(str(warning.message) for warning in said):
                yield Problem(f"GDAL says: {text[:160]}", str(path), str(name), severity="warning", code="gdal")
            code = _epsg(frame.crs)
            if frame.crs is not None and code is None:
                text = f"the coordinate system '{frame.crs.name[:60]}' is none of EPSG."
                hint = "Save the layer in one of EPSG."
                yield Problem(text, str(path), str(name), hint=hint, code="crs")
                continue
            columns = [c for c in frame.columns if c != frame.geometry.name]
            shapes = shapely.force_2d(frame.geometry.to_numpy())
            data = frame[columns].astype(object).where(frame[columns].notna(), None)
            rows = [[*row, shape] for row, shape in zip(data.to_numpy(), shapes, strict=True)]
            numbers = [int(i) + first for i in frame.index]
            yield Grid(path, str(name), [*map(str, columns), GEOMETRY], rows, numbers, {}, code)
    except (*errors, ValueError, TypeError, OverflowError, pyproj.exceptions.CRSError, shapely.GEOSException) as error:
        hint = "Export it anew."
        yield Problem(f"the file is damaged or not complete ({error}).", str(path), hint=hint, code="format")
