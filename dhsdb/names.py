"""Names and references: ``NAME``, ``NAME@REVISION``, ``TABLE.COLUMN``."""

from __future__ import annotations

import getpass
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dhsdb.errors import UnknownNameError, UserError, did_you_mean

if TYPE_CHECKING:
    import duckdb

_NAME = re.compile(r"[^\W_][\w .+-]{0,99}", re.UNICODE)


@dataclass(frozen=True, slots=True)
class Ref:
    """A scenario at a revision."""

    scenario: int
    name: str
    revision: int


def check_name(name: str) -> str:
    """Return the name of a new scenario.

    Raises
    ------
    UserError
        If it holds more than letters, digits, blanks and ``_ . + -``, since ``@`` and commas mean something in commands.
    """
    if not _NAME.fullmatch(name):
        raise UserError(
            f"'{name}' can't name a scenario.", "Use a letter or digit first, then letters, digits, blanks, and _ . + -"
        )
    return name


def check_newest(name: str) -> str:
    """Return the name of a scenario that is to be changed.

    Raises
    ------
    UserError
        If a past revision is named: it stays as it was.
    """
    if "@" in name:
        raise UserError(
            f"'{name}' is a past revision, which stays as it was.", f"Change '{name.partition('@')[0]}' itself."
        )
    return name


def find(con: duckdb.DuckDBPyConnection, text: str) -> Ref:
    """Resolve ``NAME``, ``NAME@REVISION`` or ``NAME@TAG``.

    Raises
    ------
    UnknownNameError
        If there is no such scenario.
    UserError
        If there is no such tag, or the scenario did not exist at the revision.
    """
    name, _, at = text.partition("@")
    row = con.execute(
        "SELECT scenario, created FROM meta.scenario WHERE name = ? AND deleted IS NULL", [name]
    ).fetchone()
    if row is None:
        raise UnknownNameError("scenario", name, scenario_names(con))
    newest = newest_revision(con)
    if not at:
        return Ref(row[0], name, newest)
    revision = int(at) if at.isdigit() else _tagged(con, row[0], name, at)
    if not row[1] <= revision <= newest:
        raise UserError(
            f"scenario '{name}' has no revision {at}: it exists from {row[1]}, the newest is {newest}.",
            f"`dhsdb scenario log {name}` lists them.",
        )
    return Ref(row[0], name, revision)


def _tagged(con: duckdb.DuckDBPyConnection, scenario: int, name: str, tag: str) -> int:
    """Return the revision that a tag of a scenario means."""
    tags = dict(con.execute("SELECT tag, revision FROM meta.tag WHERE scenario = ?", [scenario]).fetchall())
    if tag not in tags:
        hint = did_you_mean(tag, tags) or f"`dhsdb scenario log {name}` lists both."
        raise UserError(f"'{tag}' in '{name}@{tag}' is neither a revision number nor a tag of '{name}'.", hint)
    return int(tags[tag])


def scenario_names(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Return the names of the living scenarios."""
    return [r[0] for r in con.execute("SELECT name FROM meta.scenario WHERE deleted IS NULL ORDER BY name").fetchall()]


def newest_revision(con: duckdb.DuckDBPyConnection) -> int:
    """Return the newest revision of the store; 0 if it has none."""
    row = con.execute("SELECT coalesce(max(revision), 0) FROM meta.revision").fetchone()
    return int(row[0]) if row else 0


def author() -> str:
    """Return who edits: ``$DHSDB_AUTHOR`` or the system user."""
    named = os.environ.get("DHSDB_AUTHOR", "").strip()
    if named:
        return named
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container's user may have no name
        return "unknown"
