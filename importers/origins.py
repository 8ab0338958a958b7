"""Which file a row is from, so that it is the same file for the next import too: from wherever it is named."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import duckdb


def home_of(con: duckdb.DuckDBPyConnection) -> Path:
    """Return the folder of the store that is open."""
    row = con.execute("SELECT path FROM duckdb_databases() WHERE database_name = current_database()").fetchone()
    return Path(row[0]).parent if row and row[0] else Path.cwd()


def place_of(file: str, home: Path) -> str:
    """Return how the store names a file: as the user does, but a relative name from the folder of the store.

    So a file is known again from any working folder, and two files of one name are two.
    """
    if not file or Path(file).is_absolute():
        return file
    full = _full(Path(file))
    common = os.path.commonpath([full, home]) if full.anchor == home.anchor else ""
    return str(full) if len(common) <= len(home.anchor) else Path(os.path.relpath(full, home)).as_posix()


class Known:
    """The files that a layer was imported from before."""

    def __init__(self, con: duckdb.DuckDBPyConnection, layer: int, home: Path) -> None:
        rows = con.execute(
            "SELECT DISTINCT s.file, s.format FROM meta.source AS s JOIN meta.revision AS r USING (revision)"
            " WHERE r.scenario = ? ORDER BY ALL",
            [layer],
        ).fetchall()
        self._files = [(file, format_, _full(home / file)) for file, format_ in rows]

    def names_of(self, file: str) -> list[str]:
        """Return the names by which earlier imports knew a file."""
        full = _full(Path(file))
        return sorted({name for name, _, known in self._files if known == full})

    def lost(self, format: str, folders: Iterable[Path]) -> list[str]:  # noqa: A002
        """Return the names of files that imports of a format found in folders, and that are no longer there."""
        roots = [folder.resolve() for folder in folders]
        return [
            name
            for name, format_, full in self._files
            if format_ == format and any(full.is_relative_to(root) for root in roots) and not _is_there(full)
        ]


def _full(path: Path) -> Path:
    return path.parent.resolve() / path.name


def _is_there(path: Path) -> bool:
    """Return whether a file is there, or the archive that it is a part of."""
    return path.exists() or any(parent.is_file() for parent in path.parents)


def tables_of(con: duckdb.DuckDBPyConnection, layer: int, files: Sequence[str]) -> list[str]:
    """Return the input tables in which a layer holds rows of files."""
    from dhsdb.schema.catalog import INPUT  # heavy

    parts = (
        f"SELECT '{name}' AS name WHERE EXISTS (FROM {table.qualified()} AS o JOIN meta.source AS s USING (source)"
        " WHERE o.layer = $layer AND o.rev_to IS NULL AND list_contains($files, s.file))"
        for name, table in INPUT.items()
    )
    return [row[0] for row in con.execute(" UNION ALL ".join(parts), {"layer": layer, "files": list(files)}).fetchall()]
