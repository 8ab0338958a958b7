"""Buildings of others: tables and layers, city models in CityJSON and CityGML, metered totals, and the weather they were in.

Files of one command that name the same building complete each other. What only changes what the scenario holds already
(a table of results without places) leaves the rest of those buildings alone. How demands are found is in
:mod:`~dhsdb.importers.building_demand` and :mod:`~dhsdb.importers.calibration`.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, ClassVar, cast

from dhsdb.errors import Problem, did_you_mean
from dhsdb.importers import archives
from dhsdb.importers.building_columns import find_building_columns
from dhsdb.importers.building_study import Study
from dhsdb.importers.building_tables import Part, read_table
from dhsdb.importers.building_words import use_in
from dhsdb.importers.citygml import read_citygml
from dhsdb.importers.cityjson import read_cityjson
from dhsdb.importers.grids import Grid, concerns, files_of, read_grids, start_of
from dhsdb.importers.heat_sources_table import CAPACITY, HEAT
from dhsdb.importers.metered import is_metered, read_metered
from dhsdb.importers.place_columns import SOURCES, find_columns
from dhsdb.importers.weather import form_of, read_weather

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dhsdb.importers.building_columns import BuildingColumns
    from dhsdb.importers.city import Measured
    from dhsdb.importers.metered import Metered
    from dhsdb.importers.rows import Item, Request
    from dhsdb.importers.weather import WeatherYear

SUFFIXES = (
    ".gpkg",
    ".shp",
    ".geojson",
    ".json",
    ".jsonl",
    ".csv",
    ".txt",
    ".tsv",
    ".xlsx",
    ".gml",
    ".xml",
    ".citygml",
    ".epw",
    ".dat",
    ".zip",
    ".gz",
)
_PACKED = tuple(s for s in SUFFIXES if s not in (".shp", ".zip", ".gz"))
_TABLES = (".csv", ".gpkg", ".geojson", ".epw", ".dat")
_BYTES = 500_000_000
"""Size of a CityJSON document beyond which it is refused: it takes up to 20 times that in memory."""
_HEAD = 4096
_CITYGML, _CITYJSON, _GRIDS = "citygml", "cityjson", "grids"
_STRONG = 2
_SURFACE = 2


@dataclass(slots=True)
class _Found:
    """What the files of a command hold."""

    parts: list[Part] = field(default_factory=list)
    metered: list[Metered] = field(default_factory=list)
    weather: list[tuple[Path, WeatherYear]] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)


class BuildingsImporter:
    """Tables, layers and city models of buildings."""

    name = "buildings"
    reads = (
        "buildings in .gpkg, .shp, .geojson, .csv, .xlsx (also results of SimStadt), CityJSON, CityGML, or a .zip or .gz of them; metered"
        " totals of districts; weather (.dat of the DWD, .epw, .csv)"
    )
    attribution = ""
    options: ClassVar[Mapping[str, str]] = {
        "sheet": "sheet or layer that holds the buildings, where several could",
        "heat_unit": "unit of heat whose header names none, such as kWh/a",
        "power_unit": "unit of loads whose header names none, such as kW",
        "use": "use of buildings that say none, such as residential_multi",
        "metered_mwh": "heat that was metered in all of these buildings in a year [MWh]; estimates are scaled to it",
        "metered_year": "the year that it was metered in",
        "weather": "weather that gives the shape of the demand, where there are several; none = no shape",
        "leap_day": "keep or drop the 29th of February of weather",
        "utc_offset": "hours ahead of UTC that weather in UTC is brought to, such as 1",
    }

    def read(self, request: Request) -> Iterator[Item]:
        """Yield the rows of all files, joined, with demands, and what is wrong with them."""
        with tempfile.TemporaryDirectory() as folder:
            found = _Found()
            for done, path in enumerate(paths := list(_files(request.paths, found))):
                request.progress(done, len(paths) + 1, f"reading {path.name}")
                _read_path(path, request, found, Path(folder))
        yield from found.notes
        for part in found.parts:
            yield from part.notes
        for metered in found.metered:
            yield from metered.notes
        said = [*found.notes, *(n for p in found.parts for n in p.notes)]
        if not (found.parts or found.metered or found.weather) and not any(p.severity == "error" for p in said):
            hint = "docs/import.md lists the headers that tables of buildings have."
            yield Problem("there are no buildings.", str(request.paths[0]), hint=hint, code="empty")
            return
        request.progress(1, 1, "estimating demand")
        yield from Study(request, found.parts, found.metered, found.weather).items()


def recognises(path: Path) -> bool:
    """Return whether a table, layer or archive holds buildings, metered totals, or weather packed with them."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if head.startswith(archives.GZIP):
        return path.stem.casefold().endswith(_TABLES)
    if head.startswith(b"PK") and _is_packed(path):
        return any(
            (isinstance(m, archives.Member) and _form(Path(m.name), _peek(m)) in (_CITYGML, _CITYJSON))
            or (isinstance(m, archives.Member) and m.name.casefold().endswith(_TABLES))
            for m in archives.members(path, _PACKED)
        )  # fmt: skip
    return any(
        isinstance(grid, Grid)
        and (is_buildings(grid, find_building_columns(grid)) or is_metered(grid, find_building_columns(grid)))
        for grid in read_grids(path)
    )


def recognises_head(path: Path, head: bytes) -> bool:
    """Return whether a file is a city model or weather, by its path and first bytes."""
    if head.startswith(archives.GZIP):
        head = _peek(archives.Member(path, path.stem))
        path = Path(path.stem)
    return _form(path, head) not in (_GRIDS, "")


def is_buildings(grid: Grid, columns: BuildingColumns) -> bool:
    """Return whether a grid holds buildings: areas or ids, with what only buildings have."""
    import shapely  # heavy

    if not grid.rows:
        return False
    shapes = [row[-1] for row in grid.rows[:1000] if isinstance(row[-1], shapely.Geometry)]
    areas = sum(shapely.get_dimensions(s) == _SURFACE for s in shapes)
    lines = sum(shapely.get_dimensions(s) == 1 for s in shapes)
    if lines > areas:
        return False
    if columns.score >= _STRONG:
        return True
    named = any(
        h.strip().casefold() in ("building", "gebäude", "gebaeude", "gmlid", "gml_id", "gfk", "gebaeudefunktion")
        for h in grid.header
    )
    if (columns.score >= 1 and (named or areas > 0 or "use" in columns)) or (areas > 0 and named):
        return True
    return areas > 0 and _says_uses(grid, columns) and not {CAPACITY, HEAT} & find_columns(grid, SOURCES).at.keys()


def _says_uses(grid: Grid, columns: BuildingColumns) -> bool:
    """Return whether half of the words of some column are uses of buildings."""
    for at in columns.places.get("use", ()):
        words = [str(row[at]) for row in grid.rows[:1000] if row[at] is not None]
        if words and sum(use_in(word) is not None for word in words) * 2 >= len(words):
            return True
    return False


# --- files -----------------------------------------------------------------------------------------------------------
def _files(paths: Sequence[Path], found: _Found) -> Iterator[Path]:
    """Yield files, and those of folders that may hold buildings or weather."""
    for item in files_of(paths, SUFFIXES, "buildings"):
        if isinstance(item, Problem):
            found.notes.append(item)
        else:
            yield item


def _read_path(path: Path, request: Request, found: _Found, folder: Path) -> None:
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if head.startswith(archives.GZIP):
        _read_member(archives.Member(path, path.stem), "", request, found, folder)
        return
    if head.startswith(b"PK") and _is_packed(path):
        _read_archive(path, request, found, folder)
        return
    _read_one(path, path, "", head, request, found)


def _is_packed(path: Path) -> bool:
    """Return whether a zip is an archive of files, and not a workbook or a KMZ."""
    import zipfile

    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except archives.DAMAGED:
        return path.suffix.casefold() == ".zip"
    return (
        "xl/workbook.xml" not in names
        and "[Content_Types].xml" not in names
        and not any(n.casefold().endswith(".kml") for n in names)
    )


def _read_archive(path: Path, request: Request, found: _Found, folder: Path) -> None:
    """Read the members of an archive; a city model as a stream, all else unpacked under a name of our own."""
    members = archives.members(path, _PACKED)
    found.notes += (m for m in members if isinstance(m, Problem))
    packed = [m for m in members if isinstance(m, archives.Member)]
    if not packed and not any(isinstance(m, Problem) and m.severity == "error" for m in members):
        hint = f"Files of buildings end in {', '.join(_PACKED)}."
        found.notes.append(Problem("the archive holds no file of buildings.", str(path), hint=hint, code="format"))
    for member in packed:
        _read_member(member, member.name, request, found, folder)


def _read_member(member: archives.Member, sheet: str, request: Request, found: _Found, folder: Path) -> None:
    """Read a file of an archive, which places name as ``sheet``."""
    path, name = member.archive, Path(member.name)
    try:
        head = member.head(_HEAD)
        if _form(name, head) == _CITYGML:
            measured, notes = read_citygml(lambda: cast("IO[bytes]", member.open()), path, request)
            _take_city(measured, notes, sheet, request, found)
            return
        with tempfile.NamedTemporaryFile(dir=folder, suffix=name.suffix) as file:
            target = Path(file.name)
            member.extract(target)
            _read_one(target, path, sheet, head, request, found, named=name.stem)
    except archives.UnsafeError as why:
        found.notes.append(Problem(str(why), str(path), sheet[:80], hint="Pack it anew.", code="unsafe"))
    except archives.DAMAGED as error:
        text = f"it can't be unpacked ({str(error)[:120]})."
        found.notes.append(Problem(text, str(path), sheet[:80], hint="Pack it anew.", code="format"))


def _peek(member: archives.Member) -> bytes:
    try:
        return member.head(_HEAD)
    except (archives.UnsafeError, *archives.DAMAGED):
        return b""


def _form(path: Path, head: bytes) -> str:
    """Return the form of a file by its first bytes."""
    text = start_of(head)
    if text.startswith(b"<"):
        is_xml = (
            b"CityModel" in text
            or b"opengis.net/citygml" in text
            or (b"<!" in text and path.suffix.casefold() in (".gml", ".citygml"))
        )
        return _CITYGML if is_xml else _GRIDS
    if text.startswith(b"{"):
        return _CITYJSON if _is_cityjson(path, head) else _GRIDS
    return form_of(path, head) or _GRIDS


def _is_cityjson(path: Path, head: bytes) -> bool:
    if b"CityJSON" in head or b'"CityObjects"' in head:
        return True
    if b'"FeatureCollection"' in head or b'"features"' in head or not path.is_file():
        return False
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _HEAD))
        return b"CityJSON" in file.read()


def _read_one(
    path: Path, file: Path, sheet: str, head: bytes, request: Request, found: _Found, named: str = ""
) -> None:
    """Read a file, which places name as ``file`` and ``sheet``."""
    form = _form(path, head)
    if form == _CITYGML:
        measured, notes = read_citygml(lambda: path.open("rb"), file, request, path.stat().st_size)
        _take_city(measured, notes, sheet, request, found)
    elif form == _CITYJSON:
        if path.stat().st_size > _BYTES:
            found.notes.append(
                Problem(
                    "the document is too large to be read.",
                    str(file),
                    sheet,
                    hint="Split it into tiles, or export it as CityGML, which is read building by building.",
                    code="unsafe",
                )
            )
            return
        measured, notes = read_cityjson(path, path.read_bytes(), request, file)
        _take_city(measured, notes, sheet, request, found)
    elif form != _GRIDS:
        reading = read_weather(path, form, request.options)
        found.notes += [_renamed(note, file, sheet) for note in reading.notes]
        for year in reading.years:
            year.name = year.name.replace(path.stem, named) if named else year.name
            found.weather.append((file, year))
    else:
        _take_grids(read_grids(path), file, sheet, request, found)


def _renamed(note: Problem, file: Path, sheet: str) -> Problem:
    return Problem(
        note.message,
        str(file),
        sheet or note.sheet,
        note.row,
        note.column,
        note.value,
        note.hint,
        note.severity,
        note.code,
    )


def _take_city(measured: Measured | None, notes: list[Problem], sheet: str, request: Request, found: _Found) -> None:
    """Keep the buildings of a city model."""
    if measured is None:
        found.notes += [_renamed(n, Path(n.file), sheet) for n in notes]
        return
    measured.grid.sheet = sheet
    columns = find_building_columns(measured.grid)
    part = read_table(measured.grid, columns, request, measured)
    part.notes[:0] = [_renamed(n, Path(n.file), sheet) for n in notes]
    found.parts.append(part)


def _take_grids(grids: Sequence[Grid | Problem], file: Path, sheet: str, request: Request, found: _Found) -> None:
    """Keep the tables that hold buildings or metered totals, and tell what the others are."""
    wanted = request.options.get("sheet", "")
    found.notes += [_renamed(g, file, sheet) for g in grids if isinstance(g, Problem) and concerns(g, wanted)]
    tables = [g for g in grids if isinstance(g, Grid)]
    for grid in tables:
        grid.file, grid.sheet = file, " ".join(filter(None, (sheet, grid.sheet)))
    if wanted and any(g.sheet for g in tables):
        named = [g for g in tables if g.sheet.strip().casefold() == wanted.strip().casefold()]
        if not named:
            names = sorted({g.sheet for g in tables})
            hint = did_you_mean(wanted, names) or f"Sheets: {', '.join(names)}."
            found.notes.append(
                Problem(f"there is no sheet '{wanted}'.", str(file), value=wanted, hint=hint, code="sheet")
            )
        tables = named
    sorted_ = [(grid, find_building_columns(grid)) for grid in tables]
    chosen = [(g, c) for g, c in sorted_ if g.rows and (wanted or is_buildings(g, c)) and not is_metered(g, c)]
    if not chosen:
        # A file that was named as one of buildings is taken at its word if there is an area or an id in it.
        chosen = [
            (g, c)
            for g, c in sorted_
            if g.rows and not is_metered(g, c) and (c.score or "building" in c or "geometry" in c)
        ]
        if len(chosen) > 1:
            layers = ", ".join(g.sheet for g, _ in chosen)
            text = f"{len(chosen)} layers could hold buildings: {layers}."
            found.notes.append(Problem(text, str(file), hint="Choose one with -o sheet=NAME.", code="sheet"))
    for grid, columns in sorted_:
        if is_metered(grid, columns):
            found.metered.append(read_metered(grid, columns, request))
        elif any(grid is g for g, _ in chosen):
            found.parts.append(read_table(grid, columns, request))
        elif grid.rows:
            severity = "info" if len(tables) > 1 else "error"
            hint = f"Headers are: {', '.join(h for h in grid.header if h)[:200]}."
            text = "the table holds no buildings: none of its headers is known."
            found.notes.append(
                grid.problem(
                    text, grid.head, hint=hint, severity=severity, code="ignored" if severity == "info" else "header"
                )
            )
        elif len(tables) == 1:
            found.notes.append(grid.problem("the table has no rows.", hint="Is it the right file?", code="empty"))
