"""Delimited text of others as rows of cells: encoding, separator, comments and decimal commas are found out, and said."""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import re
from typing import TYPE_CHECKING, cast

from dhsdb.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

MAX_CELLS = 20_000_000
_SEPARATORS = "\t;,|"
_COMMA = re.compile(r"[-+]?\d+,\d+")
_POINT = re.compile(r"[-+]?\d+\.\d+")
_ENCODINGS = ("utf-8-sig", "cp1252")
_TITLES = 15
"""Lines before the header that may be titles."""
_PARTED = 2
_COORDINATES = re.compile(r"\(\s*[-+]?\d")


def read_delimited(path: Path) -> Iterator[list[list[object]] | Problem]:
    """Yield the rows of a text table, all as wide as the widest, and what is wrong with it."""
    content = path.read_bytes()
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if b"\x00" in content and not wide:
        hint = "Give a workbook, CSV, KML, KMZ, GeoJSON or GPKG file."
        yield Problem("this is no text, nor another form that holds places.", str(path), hint=hint, code="format")
        return
    encoding = "utf-16" if wide else next(name for name in (*_ENCODINGS, "latin-1") if _decodes(content, name))
    if not _decodes(content, encoding):
        yield Problem("the text is damaged or not complete.", str(path), hint="Save it as UTF-8.", code="encoding")
        return
    if encoding not in (_ENCODINGS[0], "utf-16"):
        said = f"the file is not in UTF-8; it was read as {encoding}."
        yield Problem(said, str(path), hint="Look at its names.", severity="warning", code="encoding")
    lines = _without_comments(content.decode(encoding).splitlines())
    separator = _separator(lines)
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
    yield [[*row, *[None] * (width - len(row))] for row in cast("list[list[object]]", rows)]


def _separator(lines: Sequence[str]) -> str:
    """Return what parts the cells: that of the first line, or of the first below titles that part nothing."""
    used = [line for line in lines if line.strip()][: _TITLES + 1]
    first = max(_SEPARATORS, key=used[0].count) if used else ","
    if not used or used[0].count(first) >= _PARTED:
        return first
    for line, after in itertools.pairwise(used):
        separator = max(_SEPARATORS, key=line.count)
        n = line.count(separator)
        if n and n == after.count(separator) and (n >= _PARTED or line is used[0]):
            return first if _COORDINATES.search(line) else separator
    return first


def _without_comments(lines: list[str]) -> list[str]:
    """Blank the lines before the header that start with # and are parted less than it is, so that rows keep their numbers."""
    header = next((i for i, line in enumerate(lines) if line.strip() and not line.startswith("#")), 0)
    parts = max(map(lines[header].count, _SEPARATORS)) if lines else 0
    for i in range(header):
        if max(map(lines[i].count, _SEPARATORS)) < parts:
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
