"""Reading a bundle that somebody sent: every file is verified before a row of any is used, and nothing is unpacked by name.

What is listed in the manifest is read and nothing else. A file is opened once: the bytes that were hashed are the bytes that
are read.
"""

from __future__ import annotations

import contextlib
import hashlib
import stat
import tempfile
import zipfile
from typing import IO, TYPE_CHECKING

from dhsdb.bundle_format import (
    MANIFEST,
    MANIFEST_BYTES,
    REQUIRED,
    BundleError,
    Manifest,
    arrow_schema,
    file_of,
    read_manifest,
    tables,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pyarrow as pa
    import pyarrow.parquet as pq

    from dhsdb.schema.columns import Table

_BLOCK = 1 << 20
_BATCH = 250_000
_MAX_RATIO = 100
"""Parquet is compressed already: a zip that unpacks to more than this is no bundle but a bomb."""
_MAX_INFLATION = 2_000
"""Bytes in memory per byte of a Parquet file; hourly series of one repeated value reach some hundreds."""
_ALLOWANCE = 64 << 20
"""Bytes that a file may take in memory however small it is."""
_AGAIN = "Ask for the bundle again."


class Bundle:
    """An open bundle, verified.

    Attributes
    ----------
    manifest
        What it says of itself.
    """

    def __init__(self, manifest: Manifest, files: dict[str, pq.ParquetFile]) -> None:
        self.manifest = manifest
        self._files = files

    def __contains__(self, table: str) -> bool:
        return table in self._files

    def table(self, name: str) -> pa.Table:
        """Return all rows of a table, given as ``space.name``; none if the bundle has no file of it."""
        import pyarrow as pa

        return pa.concat_tables([arrow_schema(tables()[name]).empty_table(), *self.batches(name)])

    def batches(self, name: str) -> Iterator[pa.Table]:
        """Yield the rows of a table in parts, with the columns of its class.

        Raises
        ------
        BundleError
            If a column that is required lacks a value, or the file can't be read.
        """
        import pyarrow as pa

        if name not in self._files:
            return
        schema = arrow_schema(tables()[name])
        try:
            for batch in self._files[name].iter_batches(_BATCH):
                rows = pa.Table.from_batches([batch])
                _refuse_gaps(name, rows)
                yield rows.cast(schema)
        except (pa.ArrowException, OSError) as error:
            raise BundleError(f"{file_of(name)} can't be read: {_first_line(error)}", _AGAIN) from None


@contextlib.contextmanager
def open_bundle(path: Path) -> Iterator[Bundle]:
    """Open a bundle, a folder or a zip file, and verify all of it.

    Raises
    ------
    BundleError
        Naming the file that is missing, damaged or not what the manifest says.
    """
    if not path.exists():
        raise BundleError(f"there is no {path}.", "Check the name and the folder.")
    with contextlib.ExitStack() as stack:
        source = _Folder(path) if path.is_dir() else stack.enter_context(_zipped(path))
        manifest = read_manifest(source.read_manifest())
        known = {file_of(name): name for name in tables()}
        for file in manifest.files:
            if file not in known:
                raise BundleError(f"{MANIFEST} names {file!r}, which no bundle holds.", _AGAIN)
        for name in REQUIRED:
            if file_of(name) not in manifest.files:
                raise BundleError(f"{file_of(name)} is missing: the bundle holds no scenario.", _AGAIN)
        source.refuse_strangers(manifest)
        files = {}
        for file, entry in manifest.files.items():
            handle = stack.enter_context(source.open(file, entry.bytes))
            _verify_bytes(file, handle, entry.sha256, entry.bytes)
            files[known[file]] = _verified_rows(file, handle, tables()[known[file]], entry.rows, entry.bytes)
        yield Bundle(manifest, files)


# --- where files lie -------------------------------------------------------------------------------------------------
class _Folder:
    """A bundle as a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read_manifest(self) -> bytes:
        with self.open(MANIFEST, None) as file:
            text = file.read(MANIFEST_BYTES + 1)
        _refuse_long_manifest(len(text))
        return text

    def refuse_strangers(self, manifest: Manifest) -> None:
        """Refuse tables that the manifest does not know of; what is no table is never read."""
        for file in sorted(self.path.glob("*.parquet")):
            if file.name not in manifest.files:
                raise BundleError(f"{file.name} is not in the manifest.", "Take it away, or ask for the bundle again.")

    def open(self, name: str, size: int | None) -> IO[bytes]:
        path = self.path / name
        try:
            status = path.lstat()
        except OSError:
            raise BundleError(f"{name} is missing in {self.path}.", _AGAIN) from None
        if not stat.S_ISREG(status.st_mode):
            raise BundleError(f"{name} is no plain file: a bundle holds no links.", _AGAIN)
        if size is not None and status.st_size != size:
            raise BundleError(f"{name} is damaged: {status.st_size:,} bytes instead of {size:,}.", _AGAIN)
        return path.open("rb")


class _Zip:
    """A bundle as one file. Members are copied to nameless temporary files, no longer than the manifest says."""

    def __init__(self, archive: zipfile.ZipFile, path: Path) -> None:
        self.archive, self.path = archive, path
        self.members: dict[str, zipfile.ZipInfo] = {}
        for member in archive.infolist():
            self._refuse_tricks(member)
            self.members[member.filename] = member
        total = sum(member.file_size for member in self.members.values())
        if total > _MAX_RATIO * max(path.stat().st_size, MANIFEST_BYTES):
            raise BundleError(f"{path.name} would unpack to {total:,} bytes: that is no bundle.", _AGAIN)

    def _refuse_tricks(self, member: zipfile.ZipInfo) -> None:
        name = member.filename
        if name.startswith(("/", "\\")) or ".." in name or "/" in name or "\\" in name or ":" in name:
            raise BundleError(f"{self.path.name} holds {name!r}: the files of a bundle stand in no folder.", _AGAIN)
        if stat.S_ISLNK(member.external_attr >> 16) or member.is_dir():
            raise BundleError(f"{self.path.name} holds {name!r}, which is no plain file.", _AGAIN)
        if name in self.members:
            raise BundleError(f"{self.path.name} holds {name!r} twice.", _AGAIN)
        if member.flag_bits & 1:
            raise BundleError(f"{self.path.name}: {name!r} is encrypted.", "Pack it without a password.")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise BundleError(
                f"{self.path.name}: {name!r} is packed in a way that is not read.", "Pack it as plain zip."
            )

    def read_manifest(self) -> bytes:
        if MANIFEST not in self.members:
            raise BundleError(f"{MANIFEST} is missing in {self.path.name}.", "`dhsdb export bundle` writes one.")
        _refuse_long_manifest(self.members[MANIFEST].file_size)
        with self.open(MANIFEST, None) as file:
            return file.read(MANIFEST_BYTES)

    def refuse_strangers(self, manifest: Manifest) -> None:
        """Refuse members that the manifest does not know of."""
        for name in self.members:
            if name != MANIFEST and name not in manifest.files:
                raise BundleError(f"{name} is not in the manifest.", _AGAIN)

    def open(self, name: str, size: int | None) -> IO[bytes]:
        member = self.members.get(name)
        if member is None:
            raise BundleError(f"{name} is missing in {self.path.name}.", _AGAIN)
        size = member.file_size if size is None else size
        if member.file_size != size:
            raise BundleError(f"{name} is damaged: {member.file_size:,} bytes instead of {size:,}.", _AGAIN)
        copy = tempfile.TemporaryFile()  # noqa: SIM115  closed by who asked for it
        try:
            with self.archive.open(member) as packed:
                left = size + 1
                while left and (block := packed.read(min(_BLOCK, left))):
                    copy.write(block)
                    left -= len(block)
        except (zipfile.BadZipFile, OSError, EOFError, ValueError) as error:
            copy.close()
            raise BundleError(f"{name} is damaged: {_first_line(error)}", _AGAIN) from None
        copy.seek(0)
        return copy


@contextlib.contextmanager
def _zipped(path: Path) -> Iterator[_Zip]:
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise BundleError(f"{path} is no bundle: {_first_line(error)}", "A bundle is a folder or a zip file.") from None
    with archive:
        yield _Zip(archive, path)


# --- what is verified ------------------------------------------------------------------------------------------------
def _refuse_long_manifest(size: int) -> None:
    if size > MANIFEST_BYTES:
        raise BundleError(f"{MANIFEST} is longer than {MANIFEST_BYTES:,} bytes: that is no manifest.", _AGAIN)


def _verify_bytes(file: str, handle: IO[bytes], sha256: str, size: int) -> None:
    """Compare size and hash with the manifest's, and go back to the beginning."""
    seen, digest = 0, hashlib.sha256()
    while block := handle.read(_BLOCK):
        seen += len(block)
        if seen > size:
            break
        digest.update(block)
    if seen != size or digest.hexdigest() != sha256:
        raise BundleError(f"{file} is damaged: its SHA-256 is not that of the manifest.", _AGAIN)
    handle.seek(0)


def _verified_rows(file: str, handle: IO[bytes], table: type[Table], rows: int, size: int) -> pq.ParquetFile:
    """Return a file whose columns, types and number of rows are as they should be."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        opened = pq.ParquetFile(handle)
        schema, metadata = opened.schema_arrow, opened.metadata
    except (pa.ArrowException, OSError) as error:
        raise BundleError(f"{file} is no Parquet file: {_first_line(error)}", _AGAIN) from None
    wanted = arrow_schema(table)
    have, need = dict(zip(schema.names, schema.types, strict=True)), dict(zip(wanted.names, wanted.types, strict=True))
    for name in need.keys() ^ have.keys():
        which = "lacks the column" if name in need else "has an unexpected column"
        raise BundleError(f"{file} {which} {name!r}.", "Have it exported again with the same version of dhsdb.")
    if schema.names != wanted.names:
        raise BundleError(f"{file} has its columns twice or in another order.", _AGAIN)
    for name, kind in need.items():
        if have[name] != kind:
            raise BundleError(f"{file}: column {name!r} is {have[name]} instead of {kind}.", _AGAIN)
    if metadata.num_rows != rows:
        raise BundleError(f"{file} is damaged: {metadata.num_rows:,} rows instead of {rows:,}.", _AGAIN)
    unpacked = sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
    if unpacked > _ALLOWANCE + _MAX_INFLATION * size:
        raise BundleError(f"{file} would take {unpacked:,} bytes in memory: that is no table of a study.", _AGAIN)
    return opened


def _refuse_gaps(name: str, rows: pa.Table) -> None:
    """Refuse rows without a value where one is required."""
    for column in tables()[name].__table__.columns:
        if not column.nullable and rows.column(column.name).null_count:
            raise BundleError(f"{file_of(name)}: column {column.name!r} lacks values.", _AGAIN)


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
