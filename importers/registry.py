"""The formats that can be imported: by name, or recognised by content."""

from __future__ import annotations

import zipfile
from importlib import import_module
from typing import TYPE_CHECKING, cast
from xml.etree import ElementTree as ET

from dhsdb.errors import UnknownNameError, UserError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dhsdb.importers.rows import Importer

AUTO = "auto"

_IMPORTERS = {
    "excel": "dhsdb.importers.excel:ExcelImporter",
    "osm": "dhsdb.importers.osm:OsmImporter",
}
_HEAD = 4096
_SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}sheet"


def formats() -> dict[str, str]:
    """Return what each format reads, in one line, by name."""
    return {name: find_importer(name).reads for name in _IMPORTERS}


def find_importer(name: str) -> Importer:
    """Return the importer of a format.

    Raises
    ------
    UnknownNameError
        If there is none of that name.
    """
    try:
        module, _, cls = _IMPORTERS[name].partition(":")
    except KeyError:
        raise UnknownNameError("format", name, [*_IMPORTERS, AUTO]) from None
    return cast("Importer", getattr(import_module(module), cls)())


def recognise(paths: Sequence[Path]) -> str:
    """Return the format of files by what is in them, whatever their names.

    Raises
    ------
    UserError
        If they are of no known format, or of several.
    """
    found = {path: _format_of(file) for path in paths for file in _files(path)}
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


def _files(path: Path) -> list[Path]:
    """Return a file itself, or the files of a folder of which one is recognised."""
    if not path.is_dir():
        return [path]
    return [f for f in sorted(path.iterdir()) if f.is_file() and _format_of(f)][:1]


def _format_of(path: Path) -> str | None:
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if head.startswith(b"PK"):
        return "excel" if _is_native(path) else None
    return "osm" if _is_osm(path, head) else None


def _is_osm(path: Path, head: bytes) -> bool:
    from dhsdb.errors import Problem
    from dhsdb.importers.osm import file_format  # heavy

    looks_like_it = b"OSMHeader" in head[:64] or b"<osm" in head or head.startswith((b"\x1f\x8b", b"BZh"))
    return looks_like_it and not isinstance(file_format(path), Problem)


def _is_native(path: Path) -> bool:
    """Return whether a workbook has a sheet that is named as an input table."""
    from dhsdb.importers.excel import is_native_sheet

    try:
        with zipfile.ZipFile(path) as archive, archive.open("xl/workbook.xml") as part:
            sheets = [str(e.get("name")) for e in ET.fromstring(part.read(1 << 20)).iter(_SHEET)]  # noqa: S314  no entities
    except (zipfile.BadZipFile, KeyError, ET.ParseError, NotImplementedError, RuntimeError):
        return False
    return any(is_native_sheet(name) for name in sheets)
