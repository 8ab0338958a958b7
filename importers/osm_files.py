"""OpenStreetMap files judged by their content before pyosmium sees them."""

from __future__ import annotations

import bz2
import gzip
import re
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from dhsdb.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dhsdb.importers import streets


SUFFIXES = (".pbf", ".osm", ".osm.gz", ".osm.bz2")
"""What is read from a folder; a single file is judged by its content, not its name."""

MAX_RATIO = 100
"""Compressed XML that unpacks to more than this times its size is refused (extracts reach about 20)."""

MAX_JSON = 500_000_000
"""Bytes of an answer of Overpass in JSON."""

_HEAD = 65_536
_CHUNK = 1 << 20
_PROLOG = re.compile(rb"(?:\xef\xbb\xbf)?(?:\s+|<\?.*?\?>|<!--.*?-->)*", re.DOTALL)


def files_of(paths: Iterable[Path]) -> tuple[list[Path], list[Problem]]:
    """Return the files of a request, those of folders included, and what is wrong with the rest."""
    files: list[Path] = []
    problems: list[Problem] = []
    for path in paths:
        found = [path]
        if path.is_dir():
            found = sorted(file for file in path.iterdir() if file.name.lower().endswith(SUFFIXES) and file.is_file())
        if not found:
            hint = f"Give a file or a folder that holds {', '.join(SUFFIXES)}."
            problems.append(Problem("the folder holds no OpenStreetMap extract.", str(path), hint=hint, code="format"))
        files += [file for file in found if file not in files]
    return files, problems


def box_problem(bbox: streets.Box | None) -> Problem | None:
    """Return what is wrong with a box."""
    if bbox is None:
        return None
    west, south, east, north = bbox
    if -180 <= west < east <= 180 and -90 <= south < north <= 90:  # noqa: PLR2004  degrees
        return None
    hint = "Give west,south,east,north in degrees, as in 24.93,60.16,24.96,60.18."
    return Problem("the box is empty or not in degrees.", column="bbox", value=bbox, hint=hint, code="bbox")


def file_format(path: Path) -> str | Problem:
    """Return pyosmium's name of a file's format (pbf, osm, osm.gz, osm.bz2), json for Overpass's, or why it is refused.

    XML is refused if it declares a DOCTYPE, whose entities could grow without bound, and compressed XML if it unpacks
    to more than :data:`MAX_RATIO` times its size.
    """
    try:
        head = _read_head(path, None)
        if b"OSMHeader" in head[:64]:
            return "pbf"
        if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and b'"elements"' in head:
            return _size_problem(path) or "json"
        for magic, name, opener in ((b"\x1f\x8b", "osm.gz", gzip.open), (b"BZh", "osm.bz2", bz2.open)):
            if head.startswith(magic):
                return _xml_problem(path, _read_head(path, opener)) or _bomb_problem(path, opener) or name
        return _xml_problem(path, head) or "osm"
    except (OSError, EOFError, zlib.error) as error:
        return broken(path, str(error))


def _read_head(path: Path, opener: Callable[..., Any] | None) -> bytes:
    with (opener or open)(path, "rb") as file:
        return cast("bytes", file.read(_HEAD))


def _xml_problem(path: Path, head: bytes) -> Problem | None:
    """Look at what stands before the root element: a DOCTYPE has no other place."""
    prolog = _PROLOG.match(head)
    rest = head[prolog.end() if prolog else 0 :]
    if re.match(rb"<osm[\s>/]", rest):
        return None
    if rest.startswith((b"<!DOCTYPE", b"<!ENTITY")):
        text = "the XML declares a DOCTYPE, which OpenStreetMap files never do; it was not read."
        return Problem(text, str(path), hint="Take the file from a source that you trust.", code="unsafe")
    what = "a file of changes, not an extract" if rest.startswith(b"<osmChange") else "neither PBF nor OSM XML"
    hint = "Give an extract as .osm.pbf, .osm, .osm.gz or .osm.bz2, or Overpass's .json, for example from download.geofabrik.de."
    return Problem(f"this is {what}.", str(path), hint=hint, code="format")


def _size_problem(path: Path) -> Problem | None:
    if (size := path.stat().st_size) <= MAX_JSON:
        return None
    hint = "Ask Overpass for XML ([out:xml]), or take an extract as .osm.pbf."
    return Problem(
        f"JSON of {size / 1e6:,.0f} MB is not read: it is held in memory.", str(path), hint=hint, code="size"
    )


def _bomb_problem(path: Path, opener: Callable[..., Any]) -> Problem | None:
    limit = max(64 * _CHUNK, MAX_RATIO * path.stat().st_size)
    size = 0
    with opener(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            size += len(chunk)
            if size > limit:
                text = f"it unpacks to more than {limit / 1e6:,.0f} MB, far more than an extract; it was not read."
                return Problem(text, str(path), hint="Unpack it yourself if you trust it.", code="unsafe")
    return None


def broken(path: Path, why: str) -> Problem:
    """Return the problem of a file that can't be read."""
    hint = "Download it again, or cut it anew with osmium-tool; a file that breaks off was not copied to its end."
    return Problem(f"the file is broken ({why}).", str(path), hint=hint, code="broken")
