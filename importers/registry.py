"""The formats that can be imported: by name, or recognised by content."""

from __future__ import annotations

import zipfile
import zlib
from importlib import import_module
from typing import TYPE_CHECKING, cast
from xml.etree import ElementTree as ET

from dhsdb.errors import UnknownNameError, UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from dhsdb.importers.rows import Importer

AUTO = "auto"

_IMPORTERS = {
    "buildings": "dhsdb.importers.buildings:BuildingsImporter",
    "energyplan": "dhsdb.importers.energyplan:EnergyplanImporter",
    "excel": "dhsdb.importers.excel:ExcelImporter",
    "heat-sources": "dhsdb.importers.heat_sources:HeatSourcesImporter",
    "hotmaps": "dhsdb.importers.hotmaps:HotmapsImporter",
    "network": "dhsdb.importers.network:NetworkImporter",
    "osm": "dhsdb.importers.osm:OsmImporter",
    "osemosys": "dhsdb.importers.osemosys:OsemosysImporter",
    "topotherm": "dhsdb.importers.topotherm:TopothermImporter",
    "urbs": "dhsdb.importers.urbs:UrbsImporter",
}
_WORKBOOKS = {
    "osemosys": "dhsdb.importers.osemosys:recognises_book",
    "urbs": "dhsdb.importers.urbs:is_urbs",
    "hotmaps": "dhsdb.importers.hotmaps:is_hotmaps",
    "excel": "dhsdb.importers.excel:is_native",
}
"""What tells a workbook of a format by the names of its sheets, the most special first."""
_FOLDERS = {"topotherm": "dhsdb.importers.topotherm:is_network"}
"""What tells a folder of a format by what is in it; other folders are known by their first file that is."""
_TEXTS = {
    "osemosys": "dhsdb.importers.osemosys:recognises",
    "energyplan": "dhsdb.importers.energyplan:recognises",
    "hotmaps": "dhsdb.importers.hotmaps:recognises",
    "topotherm": "dhsdb.importers.topotherm_json:recognises",
    "buildings": "dhsdb.importers.buildings:recognises_head",
}
"""What tells any other file by its path and first bytes."""
_CONTENTS = {
    "network": "dhsdb.importers.network:recognises",
    "buildings": "dhsdb.importers.buildings:recognises",
    "heat-sources": "dhsdb.importers.heat_sources:recognises",
}
"""What tells tables and layers of places, which have no names of their own, by what is in them; asked last."""
_HEAD = 4096
_SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}sheet"


def formats() -> dict[str, str]:
    """Return what each format reads, in one line, by name."""
    return {name: find_importer(name).reads for name in _IMPORTERS}


def options_of(name: str) -> dict[str, str]:
    """Return what a format asks for besides, with what it is for."""
    return dict(getattr(find_importer(name), "options", {}))


def find_importer(name: str) -> Importer:
    """Return the importer of a format.

    Raises
    ------
    UnknownNameError
        If there is none of that name.
    """
    if name not in _IMPORTERS:
        raise UnknownNameError("format", name, [*_IMPORTERS, AUTO])
    return cast("Importer", _load(_IMPORTERS[name])())


def _load(place: str) -> Callable[..., object]:
    """Return what stands at ``module:name``; importers are heavy and loaded only where they are needed."""
    module, _, name = place.partition(":")
    return cast("Callable[..., object]", getattr(import_module(module), name))


def recognise(paths: Sequence[Path]) -> str:
    """Return the format of files by what is in them, whatever their names.

    Raises
    ------
    UserError
        If they are of no known format, or of several.
    """
    found = {path: _folder_format(path) if path.is_dir() else _format_of(path) for path in paths}
    known = sorted({name for name in found.values() if name})
    strange = [str(path) for path in paths if not found.get(path)]
    if strange or not known:
        what = strange[0] if strange else str(paths[0])
        raise UserError(
            f"{what} is of no format that is recognised.", "Name the format; `dhsdb import --list` shows them."
        )
    if len(known) > 1:
        raise UserError(f"the files are of several formats: {', '.join(known)}.", "Import them one format at a time.")
    return known[0]


def _folder_format(path: Path) -> str | None:
    """Return the format of a folder, or that of the first of its files that has one."""
    special = (name for name, place in _FOLDERS.items() if _load(place)(path))
    files = (f for f in sorted(path.iterdir()) if f.is_file())
    return next(special, None) or next(filter(None, map(_format_of, files)), None)


def _format_of(path: Path) -> str | None:
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if head.startswith(b"PK"):
        sheets = _sheets(path)
        named = (name for name, place in _WORKBOOKS.items() if sheets and _load(place)(sheets))
        return next(named, None) or _content_format(path)
    if _is_osm(path, head):
        return "osm"
    text = next((name for name, place in _TEXTS.items() if _load(place)(path, head)), None)
    return text or _content_format(path)


def _content_format(path: Path) -> str | None:
    return next((name for name, place in _CONTENTS.items() if _load(place)(path)), None)


def _is_osm(path: Path, head: bytes) -> bool:
    from dhsdb.errors import Problem
    from dhsdb.importers.osm import file_format  # heavy

    named = b"OSMHeader" in head[:64] or b"<osm" in head or b'"elements"' in head
    looks_like_it = named or head.startswith((b"\x1f\x8b", b"BZh"))
    return looks_like_it and not isinstance(file_format(path), Problem)


def _sheets(path: Path) -> list[str]:
    """Return the names of a workbook's sheets; none if it is no workbook."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open("xl/workbook.xml") as part:
            text = part.read(1 << 20)
            return [] if b"<!" in text else [str(e.get("name")) for e in ET.fromstring(text).iter(_SHEET)]  # noqa: S314
    except (zipfile.BadZipFile, zlib.error, KeyError, ET.ParseError, NotImplementedError, RuntimeError, OSError):
        return []
