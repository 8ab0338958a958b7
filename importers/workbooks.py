"""Workbooks of others, opened safely: what a file claims is checked before calamine builds a sheet in memory.

A sheet's size follows from its outermost cells, so that two cells can ask for terabytes, and a zip can unpack without
bound; both are refused. Cells whose formula failed or was never calculated look blank to calamine: they are named.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from dhsdb.errors import Problem
from dhsdb.importers.archives import RATIO_FROM, grows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import python_calamine

MAX_BYTES = 1_000_000_000
"""Unpacked size beyond which a workbook is refused."""
MAX_CELLS = 50_000_000
"""Rows times columns beyond which a sheet is refused."""
_SPARSE_FROM, _SPARSE = 5_000_000, 0.01
"""Rows times columns from which on a sheet is refused if less than this share of it are cells: one of them stands far out."""

_CHUNK = 1 << 20
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_TAIL = 65_536
_OVERLAP = 4096
_PLACE = re.compile(rb"""\br\s*=\s*["']([A-Z]{0,3})(\d{1,7})["']""")
_CELL = re.compile(rb"<(?:\w+:)?c[\s/>]")
_CELL_END = re.compile(rb"</(?:\w+:)?c>")
_ROW = re.compile(rb"<(?:\w+:)?row[\s/>]")
_IS_ERROR = re.compile(rb"""\bt\s*=\s*["']e["']""")
_ERROR = re.compile(
    rb"""<(?:\w+:)?c\b(?=[^>]*\bt=["']e["'])[^>]*\br=["']([A-Z]{1,3})(\d{1,7})["'][^>]*>(.*?)</(?:\w+:)?c>""", re.DOTALL
)
_UNCALCULATED = re.compile(
    rb"""<(?:\w+:)?c\b[^>]*\br=["']([A-Z]{1,3})(\d{1,7})["'][^>]*>\s*<(?:\w+:)?f\b(?:[^>]*/>|[^>]*>[^<]*</(?:\w+:)?f>)\s*"""
    rb"""(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v>\s*</(?:\w+:)?v>)?\s*</(?:\w+:)?c>"""
)
_SHOWN = re.compile(rb"#[A-Z0-9/]+[!?]?")


class _RefusedError(Exception):
    """Why a workbook is not read."""

    def __init__(self, message: str, hint: str, sheet: str = "", code: str = "format") -> None:
        super().__init__(message)
        self.message, self.hint, self.sheet, self.code = message, hint, sheet, code


@dataclass(slots=True)
class Sheet:
    """A sheet's cells.

    Attributes
    ----------
    rows
        Row 1 first; text, numbers, booleans and times, None where blank.
    broken
        What is wrong with cells that only look blank, by row (from 1) and column (from 0).
    """

    name: str
    rows: list[list[object]]
    broken: dict[tuple[int, int], str] = field(default_factory=dict)


class Workbook:
    """An open workbook.

    Parameters
    ----------
    path
        File of type xlsx or xlsm.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._broken = _inspect(path)
        self._book = _open(path)

    @property
    def names(self) -> list[str]:
        """Names of the sheets that hold cells."""
        import python_calamine  # heavy

        cells = python_calamine.SheetTypeEnum.WorkSheet
        return [s.name for s in self._book.sheets_metadata if s.typ == cells]

    def sheet(self, name: str) -> Sheet | Problem:
        """Return the cells of a sheet, or why it can't be read."""
        try:
            rows = self._book.get_sheet_by_name(name).to_python(skip_empty_area=False)
        except Exception as error:  # noqa: BLE001  whatever the reader says of a damaged sheet
            return _damaged(self.path, error, name)
        return Sheet(name, [[None if cell == "" else cell for cell in row] for row in rows], self._broken.get(name, {}))

    def close(self) -> None:
        """Let go of the file."""
        self._book.close()


def open_workbook(path: Path) -> Workbook | Problem:
    """Open a workbook, or say why it is refused."""
    try:
        return Workbook(path)
    except _RefusedError as why:
        return Problem(why.message, str(path), why.sheet, hint=why.hint, code=why.code)
    except (zipfile.BadZipFile, zlib.error, ET.ParseError, EOFError, OSError, ValueError, NotImplementedError) as error:
        return _damaged(path, error)


def column_letters(index: int) -> str:
    """Return the letters of a column, counted from 0.

    Examples
    --------
    >>> column_letters(0), column_letters(27)
    ('A', 'AB')
    """
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def _damaged(path: Path, error: Exception, sheet: str = "") -> Problem:
    hint = "Open it in a spreadsheet program and save it anew as .xlsx."
    return Problem(f"the workbook is damaged or not complete ({error}).", str(path), sheet, hint=hint, code="format")


def _open(path: Path) -> python_calamine.CalamineWorkbook:
    import python_calamine  # heavy

    try:
        return python_calamine.load_workbook(path)
    except python_calamine.PasswordError:
        raise _RefusedError("the workbook is encrypted.", "Save it without a password.") from None
    except python_calamine.CalamineError as error:
        raise ValueError(error) from None


# --- what the file claims --------------------------------------------------------------------------------------------
def _inspect(path: Path) -> dict[str, dict[tuple[int, int], str]]:
    """Unpack every part once without keeping it, and return the broken cells by sheet."""
    with path.open("rb") as file:
        head = file.read(8)
    if head.startswith(_OLE):
        raise _RefusedError("this is an encrypted workbook or an old .xls.", "Save it as .xlsx without a password.")
    if not head.startswith(b"PK"):
        raise _RefusedError("this is not an .xlsx workbook.", "Save it as .xlsx.")
    with zipfile.ZipFile(path) as archive:
        _refuse_bomb(sum(i.file_size for i in archive.infolist()), path.stat().st_size)
        for info in archive.infolist():  # a bomb may hide beside honest parts
            _refuse_bomb(info.file_size, max(info.compress_size, 1))
        sheets = _sheet_parts(archive)
        broken: dict[str, dict[tuple[int, int], str]] = {}
        total = 0
        for info in archive.infolist():
            scan = _Scan(sheets.get(info.filename, ""))
            for chunk in _unpacked(archive, info):
                total += len(chunk)
                _refuse_bomb(total, path.stat().st_size)
                scan.feed(chunk)
            scan.end()
            broken[scan.sheet] = scan.broken
    return broken


def _refuse_bomb(size: int, packed: int) -> None:
    if grows(size, packed, MAX_BYTES):
        how = f"to more than {size / 1e6:,.0f} MB, {size / max(packed, 1):,.0f} times its size"
        raise _RefusedError(
            f"it unpacks {how}; it was not read.", "Split the workbook, or save it anew if you trust it.", code="unsafe"
        )


def _unpacked(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield a part to its true end, whatever size the archive claims for it."""
    if info.flag_bits & 1:
        raise _RefusedError("the workbook is encrypted.", "Save it without a password.")
    claimed, info.file_size = info.file_size, MAX_BYTES + 1
    try:
        with archive.open(info) as part:
            while chunk := part.read(_CHUNK):
                yield chunk
    finally:
        info.file_size = claimed


def _sheet_parts(archive: zipfile.ZipFile) -> dict[str, str]:
    """Return the name of the sheet that each part of the archive holds."""
    try:
        book = _small_xml(archive, "xl/workbook.xml")
        links = _small_xml(archive, "xl/_rels/workbook.xml.rels")
    except KeyError:
        raise _RefusedError("this is a zip archive, but not an .xlsx workbook.", "Save it as .xlsx.") from None
    target = {str(link.get("Id")): str(link.get("Target")) for link in links}
    sheets = {str(e.get(_RELATION)): str(e.get("name")) for e in book.iter(f"{_MAIN}sheet")}
    parts = {key: target.get(key, "") for key in sheets}
    return {(p[1:] if p.startswith("/") else f"xl/{p}"): sheets[key] for key, p in parts.items()}


def _small_xml(archive: zipfile.ZipFile, name: str) -> ET.Element:
    """Parse a part that lists other parts; one with a DOCTYPE, whose entities could grow, is refused."""
    with archive.open(name) as part:
        text = part.read(RATIO_FROM)
    if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        raise _RefusedError("the workbook declares XML entities; it was not read.", "Save it anew.", code="unsafe")
    return ET.fromstring(text)  # noqa: S314  without entities there is nothing to expand


class _Scan:
    """Looks at a sheet's XML as it streams by: where its outermost cells are, and which cells only look blank."""

    def __init__(self, sheet: str) -> None:
        self.sheet = sheet
        self.broken: dict[tuple[int, int], str] = {}
        self.rest = b""
        self.rows = 0
        self.columns = 0
        self.n_rows = 0
        self.n_cells = 0
        self.n_in_row = 0

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes; a cell that is cut stays for later."""
        if not self.sheet:
            return
        text = self.rest + chunk
        ends = [found.end() for found in _CELL_END.finditer(text, max(0, len(text) - _TAIL))]
        cut = ends[-1] if ends else len(text)
        self._look_at(text[:cut])
        self.rest = text[cut:] if ends else text[-_OVERLAP:]

    def end(self) -> None:
        """Look at what is left."""
        self._look_at(self.rest)
        if self.rows * self.columns > _SPARSE_FROM and self.n_cells < _SPARSE * self.rows * self.columns:
            self._refuse(f"though it holds {self.n_cells:,} cells only")

    def _look_at(self, text: bytes) -> None:
        self._measure(text)
        self._find_broken(text)

    def _measure(self, text: bytes) -> None:
        """Follow the outermost cell, also where cells don't say their place and are only counted."""
        places = _PLACE.findall(text)
        widest = max((letters for letters, _ in places), key=lambda letters: (len(letters), letters), default=b"")
        self.columns = max(self.columns, _column(widest) + 1)
        n_cells = len(_CELL.findall(text))
        self.n_cells += n_cells
        if n_cells > sum(1 for letters, _ in places if letters):
            for i, row in enumerate(_ROW.split(text)):
                self.n_in_row = len(_CELL.findall(row)) + (0 if i else self.n_in_row)
                self.columns = max(self.columns, self.n_in_row)
        self.n_rows += len(_ROW.findall(text))
        self.rows = max(self.rows, self.n_rows, max((int(row) for _, row in places), default=0))
        if self.rows * self.columns > MAX_CELLS:
            self._refuse("too large to be read")

    def _refuse(self, why: str) -> None:
        size = f"the sheet reaches to row {self.rows:,} and column {self.columns:,}, {why}."
        raise _RefusedError(size, "Delete the empty rows and columns, also stray cells far out.", self.sheet, "unsafe")

    def _find_broken(self, text: bytes) -> None:
        if _IS_ERROR.search(text):
            for found in _ERROR.finditer(text):
                shown = _SHOWN.search(found[3])
                self._add(found, shown[0].decode() if shown else "#ERROR!")
        for found in _UNCALCULATED.finditer(text):
            self._add(found, "")

    def _add(self, found: re.Match[bytes], what: str) -> None:
        self.broken[int(found[2]), _column(found[1])] = what


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number - 1
