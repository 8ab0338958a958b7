"""The past of a scenario: names for its revisions, and a new revision that restores an old state."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dhsdb.errors import UserError
from dhsdb.names import Ref, check_newest, find
from dhsdb.scenarios import add_revision, entries, restack

if TYPE_CHECKING:
    from dhsdb.database import Database, Writer
    from dhsdb.diff import Diff

_TAG = re.compile(r"(?!\d+$)[^\W_][\w.+-]{0,99}", re.UNICODE)


@dataclass(frozen=True, slots=True)
class Reverted:
    """What a revert did.

    Attributes
    ----------
    revision
        Number of the new revision.
    to
        Revision whose state it restores.
    changes
        What differs from the state before.
    """

    scenario: str
    revision: int
    to: int
    changes: Diff


def tag(db: Database, scenario: str, revision: str, name: str, *, move: bool = False) -> Ref:
    """Name a revision of a scenario, so that ``SCENARIO@NAME`` means it.

    Parameters
    ----------
    revision
        Number, or another tag.
    move
        Let a name that is given already mean this revision from now on.

    Raises
    ------
    UserError
        If the name can't be one, or is given already.
    """
    if not _TAG.fullmatch(name):
        raise UserError(
            f"'{name}' can't name a revision.",
            "Use a letter or digit first, then letters, digits, and _ . + - ; no plain number.",
        )
    with db.write(f"naming a revision of {scenario}") as writer:
        ref = find(writer.con, f"{check_newest(scenario)}@{revision}")
        given = {"scenario": ref.scenario, "tag": name}
        row = writer.con.execute(
            "SELECT revision FROM meta.tag WHERE scenario = $scenario AND tag = $tag", given
        ).fetchone()
        if row and row[0] != ref.revision and not move:
            raise UserError(f"'{scenario}@{name}' is revision {row[0]} already.", "Choose another name, or add --move.")
        writer.con.execute("DELETE FROM meta.tag WHERE scenario = $scenario AND tag = $tag", given)
        writer.con.execute(
            "INSERT INTO meta.tag (scenario, tag, revision) VALUES ($scenario, $tag, $revision)",
            given | {"revision": ref.revision},
        )
    return ref


def untag(db: Database, scenario: str, name: str) -> None:
    """Take a name from a revision.

    Raises
    ------
    UserError
        If no revision has it.
    """
    with db.write(f"taking a name from a revision of {scenario}") as writer:
        ref = find(writer.con, f"{check_newest(scenario)}@{name}")
        writer.con.execute("DELETE FROM meta.tag WHERE scenario = ? AND tag = ?", [ref.scenario, name])


def revert(db: Database, scenario: str, revision: str, message: str = "") -> Reverted:
    """Restore an old state of a scenario, its stack included, as a new revision; what came between stays readable.

    The rows that hold again keep the revision that wrote their values, since order and blame go by it.

    Parameters
    ----------
    revision
        Number or tag.

    Raises
    ------
    UserError
        If the scenario is in that state already.
    """
    from dhsdb.diff import compare

    with db.write(f"reverting {scenario}") as writer:
        before = find(writer.con, check_newest(scenario))
        old = find(writer.con, f"{scenario}@{revision}")
        new = add_revision(writer, before.scenario, "revert", message or f"revert to {revision}")
        now = Ref(before.scenario, before.name, new)
        moved = restack(writer, now, entries(writer.con, old))
        n_set, n_removed = _restore_rows(writer, old, now)
        if not (moved or n_set or n_removed):
            raise UserError(f"'{scenario}' is as it was at {revision}: there is nothing to revert.")
        counts = [n_set, n_removed, new]
        writer.con.execute("UPDATE meta.revision SET n_set = ?, n_removed = ? WHERE revision = ?", counts)
        changes = compare(
            writer.con, f"{scenario}@{before.revision}", f"{scenario}@{new}", results=False, as_given=True
        )
    return Reverted(before.name, new, old.revision, changes)


def _restore_rows(writer: Writer, old: Ref, now: Ref) -> tuple[int, int]:
    """Let the rows of the own layer hold that held at an old revision, and no others; return how many begin and end."""
    from dhsdb.schema.catalog import INPUT

    at = {"layer": now.scenario, "old": old.revision, "new": now.revision}
    n_set = n_removed = 0
    for table in INPUT.values():
        name = table.qualified()
        ended = writer.con.execute(
            f"UPDATE {name} SET rev_to = $new WHERE layer = $layer AND rev_to IS NULL AND rev_from > $old", at
        ).fetchone()
        begun = writer.con.execute(
            f"INSERT INTO {name} SELECT * REPLACE ($new AS rev_from, NULL AS rev_to) FROM {name}"
            " WHERE layer = $layer AND rev_from <= $old AND rev_to > $old",
            at,
        ).fetchone()
        n_removed += ended[0] if ended else 0
        n_set += begun[0] if begun else 0
    return n_set, n_removed
