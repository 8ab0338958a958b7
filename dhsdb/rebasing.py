"""Rebase: move the layers that a scenario stands on to their newest revisions, and show what that changes and what it hides."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from importlib import resources
from typing import TYPE_CHECKING

from dhsdb.bulk import registered
from dhsdb.conflicts import Conflict, conflicts
from dhsdb.diff import compare
from dhsdb.diff_inputs import Touched, changed_inputs
from dhsdb.names import Ref, check_newest, find
from dhsdb.scenarios import add_revision, entries, restack
from dhsdb.stacks import Level, ranges, stack, touched_tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import duckdb
    import pyarrow as pa

    from dhsdb.database import Database, Writer
    from dhsdb.diff import Diff
    from dhsdb.diff_sql import Subject

NO_ROWS = ("derive", "compose", "rebase", "delete")
"""Kinds of revision that change no row of a layer."""

_CHANGE, _LEVEL = "rebase_change", "rebase_level"


@dataclass(frozen=True, slots=True)
class Move:
    """A layer whose pin moves; ``behind`` counts the revisions that changed its rows in between."""

    layer: str
    old: int
    new: int
    behind: int

    def __str__(self) -> str:
        return f"{self.layer} {self.old} -> {self.new} ({self.behind} revision{'s' * (self.behind != 1)})"


@dataclass(frozen=True, slots=True)
class Hidden:
    """A cell that changed below, while a layer above keeps setting it: the change does not come through.

    Attributes
    ----------
    layer
        The layer that changed it, from ``old`` to ``new``.
    change
        ``changed``, ``added`` or ``removed``: what the layer did to it.
    by
        The layer that sets it to ``kept``; where the row was removed below, what that layer sets is without effect.
    """

    table: str
    key: str
    year: int | None
    column: str
    layer: str
    change: str
    old: str
    new: str
    by: str
    kept: str

    def __str__(self) -> str:
        place = ", ".join(str(p) for p in (self.table, self.key, self.year, self.column) if p)
        if self.change == "removed":
            return f"{place}: '{self.layer}' removed the row, so '{self.by}' sets {self.kept} in vain"
        return f"{place}: '{self.layer}' changed {self.old} to {self.new}, '{self.by}' keeps {self.kept}"


@dataclass(frozen=True, slots=True)
class Rebased:
    """What a rebase did to a scenario.

    Attributes
    ----------
    revision
        Number of the revision; None in a dry run, or if nothing was behind.
    moves
        Pins that moved.
    changes
        Effective inputs that changed; None if nothing was behind.
    hidden
        Cells whose change does not come through.
    conflicts
        What layers of equal standing disagree about now, and did not before.
    """

    scenario: str
    revision: int | None
    moves: tuple[Move, ...] = ()
    changes: Diff | None = None
    hidden: tuple[Hidden, ...] = ()
    conflicts: tuple[Conflict, ...] = ()


class _TakenBackError(Exception):
    """Ends a transaction that shall leave nothing."""


def rebase(db: Database, names: Sequence[str] = (), message: str = "", *, dry_run: bool = False) -> list[Rebased]:
    """Move the pins of scenarios to the newest revisions of their layers; each scenario gets a revision of its own.

    Parameters
    ----------
    names
        Scenarios; empty = all that are behind.
    message
        Why; a default says which pins moved.
    dry_run
        Show what would change; nothing is written.
    """
    with contextlib.suppress(_TakenBackError), db.write("rebasing") as writer:
        chosen = [find(writer.con, check_newest(n)) for n in names] or list(_behind(writer.con))
        done = [_rebase(writer, ref, message) for ref in chosen]
        if dry_run:
            done = [replace(one, revision=None) for one in done]
            raise _TakenBackError
    return done


def moves(con: duckdb.DuckDBPyConnection, ref: Ref) -> list[Move]:
    """Return the layers below a scenario's own that have newer revisions than it stands on."""
    rows = con.execute(
        """SELECT s.name, e.pin, max(r.revision), count(*) FILTER (NOT list_contains($no_rows, r.kind))
FROM meta.stack AS e
JOIN meta.scenario AS s ON s.scenario = e.layer
JOIN meta.revision AS r ON r.scenario = e.layer AND r.revision > e.pin
WHERE e.scenario = $scenario AND e.rev_to IS NULL
GROUP BY s.name, e.pin, e.rank HAVING count(*) FILTER (NOT list_contains($no_rows, r.kind)) > 0 ORDER BY e.rank""",
        {"scenario": ref.scenario, "no_rows": list(NO_ROWS)},
    ).fetchall()
    return [Move(*row) for row in rows]


def _behind(con: duckdb.DuckDBPyConnection) -> Iterator[Ref]:
    """Yield the living scenarios that have something to move, the older first."""
    names = con.execute("SELECT name FROM meta.scenario WHERE deleted IS NULL ORDER BY scenario").fetchall()
    refs = [find(con, name) for (name,) in names]
    return (ref for ref in refs if moves(con, ref))


def _rebase(writer: Writer, ref: Ref, message: str) -> Rebased:
    con = writer.con
    moved = moves(con, ref)
    if not moved:
        return Rebased(ref.name, None)
    before, disagreed = stack(con, ref), set(conflicts(con, ref))
    newest = {find(con, m.layer).scenario: m.new for m in moved}
    text = message or "rebase: " + ", ".join(map(str, moved))
    revision = add_revision(writer, ref.scenario, "rebase", text)
    here = Ref(ref.scenario, ref.name, revision)
    restack(writer, here, [replace(e, pin=newest.get(e.layer, e.pin)) for e in entries(con, ref)])
    after = stack(con, here)
    changes = compare(con, f"{ref.name}@{ref.revision}", f"{ref.name}@{revision}", results=False, as_given=True)
    fresh = tuple(c for c in conflicts(con, here) if c not in disagreed)
    return Rebased(ref.name, revision, tuple(moved), changes, tuple(_hidden(con, before, after)), fresh)


# --- what does not come through --------------------------------------------------------------------------------------
def _hidden(con: duckdb.DuckDBPyConnection, before: Sequence[Level], after: Sequence[Level]) -> Iterator[Hidden]:
    """Yield the cells that a moved layer changed and a layer above keeps."""
    names = dict(con.execute("SELECT scenario, name FROM meta.scenario").fetchall())
    for i, (old, new) in enumerate(zip(before, after, strict=True)):
        above = after[i + 1 :]
        if old.pin != new.pin and above:
            levels = [*after[:i], old], [*after[:i], new]
            differs = ranges(*levels)
            where = Touched(levels, differs, touched_tables(con, _input_names(), differs))
            for subject, changes in changed_inputs(con, where, sorted(where.tables)):
                for row in _kept(con, subject, changes, above):
                    key, year, column, change, was, becomes, by, kept = row
                    yield Hidden(
                        subject.table, key, year, column or "", names[new.layer], change, was or "NULL", becomes or "NULL", names[by], kept
                    )  # fmt: skip


def _kept(
    con: duckdb.DuckDBPyConnection, subject: Subject, changes: pa.Table, above: Sequence[Level]
) -> Iterator[tuple[str, int | None, str | None, str, str | None, str | None, int, str]]:
    """Yield what layers above keep of the changed cells of a table."""
    import pyarrow as pa

    text = resources.files("dhsdb.sql").joinpath("hidden.sql").read_text(encoding="utf-8")
    keys = ", ".join(f'r."{k}"::VARCHAR' for k in subject.keys)
    levels = {n: pa.array([getattr(x, n) for x in above], pa.int32()) for n in ("layer", "rank", "pin")}
    with registered(con, _CHANGE, changes), registered(con, _LEVEL, pa.table(levels)):
        for cell in subject.cells:
            value = f'hex(ST_AsWKB(r."{cell.name}"))' if cell.kind == "geometry" else f'r."{cell.name}"::VARCHAR'
            sql = text.format(table=subject.table, keys=f"[{keys}]::VARCHAR[]", value=value)
            yield from con.execute(sql, {"name": cell.name}).fetchall()


def _input_names() -> list[str]:
    from dhsdb.schema.catalog import INPUT

    return list(INPUT)
