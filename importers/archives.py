"""Zip archives of others, opened without trust: their members one by one, never more than is claimed and allowed.

A name that leads out of the archive is refused, whatever it holds; nothing is written but to a folder of one's own, under
names of one's own. Sizes are counted while they are unpacked, since an archive may claim anything.
"""

from __future__ import annotations

import gzip
import io
import re
import stat
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, cast

from dhsdb.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

MAX_BYTES = 4_000_000_000
"""Size of a member, unpacked, beyond which it is refused."""
MAX_MEMBERS = 10_000
MAX_RATIO = 200
"""Unpacked size, as a multiple of the packed one, beyond which more than 10 MB are refused: city models and sheets of figures
unpack to 10 to 60 times their size, what was made to fill a memory to 1,000 times."""
RATIO_FROM = 10_000_000
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError)
GZIP = b"\x1f\x8b"
_CHUNK = 1 << 20
_DRIVE = re.compile(r"^[A-Za-z]:")


def grows(size: int, packed: int, most: int = MAX_BYTES) -> bool:
    """Return whether something unpacks to more than is allowed."""
    return size > most or (size > RATIO_FROM and size > MAX_RATIO * max(packed, 1))


class UnsafeError(Exception):
    """Why a member is not read."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive, or the one that a .gz holds."""

    archive: Path
    name: str

    def open(self) -> Limited:
        """Open it as a stream that ends with an error where it holds too much."""
        if is_gzip(self.archive):
            return Limited(cast("IO[bytes]", gzip.open(self.archive)), self.archive.stat().st_size)
        archive = zipfile.ZipFile(self.archive)
        info = archive.getinfo(self.name)
        return Limited(archive.open(info), max(info.compress_size, 1), archive)

    def extract(self, target: Path) -> None:
        """Unpack it to a file.

        Raises
        ------
        UnsafeError
            If it holds too much.
        """
        with self.open() as stream, target.open("wb") as file:
            while chunk := stream.read(_CHUNK):
                file.write(chunk)

    def head(self, size: int = 4096) -> bytes:
        """Return its first bytes."""
        with self.open() as stream:
            return stream.read(size)


class Limited(io.RawIOBase):
    """A stream of a member that counts what it gives."""

    def __init__(self, stream: IO[bytes], packed: int, archive: zipfile.ZipFile | None = None) -> None:
        super().__init__()
        self.stream = stream
        self.packed = packed
        self.archive = archive
        self.size = 0

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes."""
        chunk = self.stream.read(_CHUNK if size is None or size < 0 else size)
        self.size += len(chunk)
        if grows(self.size, self.packed):
            raise UnsafeError(
                f"it unpacks to more than {self.size / 1e6:,.0f} MB, {self.size / self.packed:,.0f} times its size."
            )
        return chunk

    def tell(self) -> int:
        """Return how much was given."""
        return self.size

    def close(self) -> None:
        """Close stream and archive."""
        self.stream.close()
        if self.archive is not None:
            self.archive.close()
        super().close()


def is_gzip(path: Path) -> bool:
    """Return whether a file is compressed by gzip."""
    with path.open("rb") as file:
        return file.read(2) == GZIP


def members(path: Path, suffixes: Iterable[str]) -> list[Member | Problem]:
    """Return the files of an archive that end in one of some suffixes, and what is wrong with it."""
    wanted = tuple(suffixes)
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
    except DAMAGED as error:
        return [
            Problem(f"the archive is damaged ({str(error)[:120]}).", str(path), hint="Export it anew.", code="format")
        ]
    if len(infos) > MAX_MEMBERS:
        return [Problem(f"the archive holds {len(infos):,} files.", str(path), hint="Split it.", code="unsafe")]
    found: list[Member | Problem] = []
    for info in infos:
        if info.is_dir() or info.filename.startswith("__MACOSX/") or PurePosixPath(info.filename).name.startswith("."):
            continue
        if wrong := _wrong(info):
            found.append(Problem(wrong, str(path), info.filename[:80], hint="Pack it anew.", code="unsafe"))
        elif info.filename.casefold().endswith(wanted):
            found.append(Member(path, info.filename))
        else:
            text = "it is of no form that is read here; it was left out."
            found.append(Problem(text, str(path), info.filename[:80], severity="info", code="ignored"))
    return found


def _wrong(info: zipfile.ZipInfo) -> str:
    name = info.filename.replace("\\", "/")
    if name.startswith("/") or _DRIVE.match(name) or ".." in PurePosixPath(name).parts:
        return "its name leads out of the archive."
    if info.flag_bits & 1:
        return "it is encrypted."
    if stat.S_ISLNK(info.external_attr >> 16):
        return "it is a link."
    if grows(info.file_size, info.compress_size):
        return f"it unpacks to {info.file_size / 1e6:,.0f} MB, {info.file_size / max(info.compress_size, 1):,.0f} times its size."
    return ""
