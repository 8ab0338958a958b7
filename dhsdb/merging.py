"""Merge: what another scenario changed since a common ancestor, brought into this one; cells that both changed are named.

The ancestor of two copies that were edited apart is the newest change that both have; that of two scenarios which stand on
the same layers are these layers. How a difference is written stands in :mod:`~dhsdb.patch`.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dhsdb.diff import compare
from dhsdb.errors import UserError, did_you_mean
from dhsdb.money import money_of
from dhsdb.names import Ref, check_newest, find
from dhsdb.patch import patch
from dhsdb.scenarios import add_revision
from dhsdb.schema.catalog import INPUT
from dhsdb.stacks import Level, ranges, stack, touched_tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from dhsdb.database import Database, Writer
    from dhsdb.diff import Diff
    from dhsdb.patch import Clash

_LISTED = 50


class MergeConflictError(UserError):
    """Both sides changed the same cells to different values; nothing was written.

    Parameters
    ----------
    conflicts
        The cells.
    ours, theirs
        The two sides in words.
    n
        Number of cells, where they are listed elsewhere.
    """

    def __init__(self, conflicts: Sequence[Clash], ours: str, theirs: str, n: int | None = None) -> None:
        self.conflicts = tuple(conflicts)
        self.ours, self.theirs = ours, theirs
        n = len(conflicts) if n is None else n
        lines = [f"'{ours}' and '{theirs}' both changed {n} cell{'s' * (n != 1)}; nothing was written."]
        lines += [f"  - {conflict}" for conflict in conflicts[:_LISTED]]
        if len(conflicts) > _LISTED:
            lines.append(f"  (+{len(conflicts) - _LISTED} more)")
        super().__init__("\n".join(lines), f"Decide with --prefer '{ours}' or --prefer '{theirs}'.")


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge did.

    Attributes
    ----------
    other
        Where the changes come from.
    revision
        Number of the revision; None if there was nothing to merge, or in a dry run.
    ancestor
        The state that both sides were compared with, in words.
    n_rows
        Rows written into the scenario's own layer.
    conflicts
        Cells that both sides changed, which ``preferred`` decided.
    changes
        What changed in the scenario's effective inputs; None if there was nothing to merge.
    """

    scenario: str
    other: str
    revision: int | None
    ancestor: str
    n_rows: int = 0
    conflicts: tuple[Clash, ...] = ()
    preferred: str = ""
    changes: Diff | None = None


@dataclass(frozen=True, slots=True)
class Ancestor:
    """A state that two scenarios have in common, as the layers that make it, and in words."""

    levels: tuple[Level, ...]
    name: str


@dataclass(frozen=True, slots=True)
class _Order:
    """What is to be brought in: what changed from ``ancestor`` to ``theirs``."""

    ancestor: Ancestor
    theirs: Ref
    label: str
    message: str
    prefer: str = ""
    merged: str | None = None


class _TakenBackError(Exception):
    """Ends a transaction that shall leave nothing."""


def merge(db: Database, name: str, other: str, *, prefer: str = "", message: str = "", dry_run: bool = False) -> Merged:
    """Bring into a scenario what another one changed since their common ancestor, as one revision.

    Parameters
    ----------
    other
        ``NAME`` or ``NAME@REVISION``; it stays as it is.
    prefer
        Name of the scenario that decides where both changed a cell to different values.
    message
        Why; a default is written.
    dry_run
        Show what would change; nothing is written.

    Raises
    ------
    MergeConflictError
        If both changed the same cells, and none is preferred.
    UserError
        If they have no layer in common, or are in different money or coordinate systems.
    """
    with contextlib.suppress(_TakenBackError), db.write(f"merging {other} into {name}") as writer:
        con = writer.con
        ours, theirs = find(con, check_newest(name)), find(con, other)
        if ours.scenario == theirs.scenario:
            raise UserError(f"'{name}' can't be merged with itself.", f"`dhsdb scenario revert {name}` goes back.")
        order = _Order(
            ancestor(con, ours, theirs), theirs, other, message or f"merge {other}", prefer, _newest_uid(con, theirs)
        )
        done = _bring(writer, ours, order)
        if dry_run:
            done = replace(done, revision=None)
            raise _TakenBackError
    return done


def pick(
    db: Database, name: str, a: str, b: str, *, prefer: str = "", message: str = "", dry_run: bool = False
) -> Merged:
    """Apply what changed from one state to another onto a scenario, as one revision.

    Parameters
    ----------
    a, b
        States before and after: ``NAME`` or ``NAME@REVISION``.
    prefer
        ``name`` or ``b``: who decides where the scenario has changed a cell itself since ``a``.

    Raises
    ------
    MergeConflictError
        If the scenario has other values than ``a`` in cells that changed, and none is preferred.
    """
    with contextlib.suppress(_TakenBackError), db.write(f"applying changes to {name}") as writer:
        con = writer.con
        ours, before, theirs = find(con, check_newest(name)), find(con, a), find(con, b)
        start = Ancestor(tuple(stack(con, before)), a)
        done = _bring(writer, ours, _Order(start, theirs, b, message or f"apply {a} to {b}", prefer))
        if dry_run or not done.n_rows:
            done = replace(done, revision=None)
            raise _TakenBackError
    return done


def _bring(writer: Writer, ours: Ref, order: _Order) -> Merged:
    """Write what changed from the ancestor to the other side, unless nothing did or it is disputed."""
    con = writer.con
    _check_prefer(order, ours)
    theirs = stack(con, order.theirs)
    if not touched_tables(con, INPUT, ranges(order.ancestor.levels, theirs)):
        return Merged(ours.name, order.label, None, order.ancestor.name)
    _refuse_mixed_money(con, ours, order)
    revision = add_revision(writer, ours.scenario, "merge", order.message)
    con.execute("UPDATE meta.revision SET merged = ? WHERE revision = ?", [order.merged, revision])
    here = Ref(ours.scenario, ours.name, revision)
    wins = order.prefer in (order.label, order.theirs.name)
    done = patch(writer, here, order.ancestor.levels, theirs, force=wins)
    if done.clashes and not order.prefer:
        raise MergeConflictError(done.clashes, ours.name, order.label)
    changes = compare(con, f"{ours.name}@{ours.revision}", f"{ours.name}@{revision}", results=False, as_given=True)
    preferred = order.prefer if done.clashes else ""
    return Merged(
        ours.name, order.label, revision, order.ancestor.name, done.n, tuple(done.clashes), preferred, changes
    )


# --- the common ancestor ---------------------------------------------------------------------------------------------
def ancestor(con: duckdb.DuckDBPyConnection, ours: Ref, theirs: Ref) -> Ancestor:
    """Return the newest state that two scenarios have in common.

    Raises
    ------
    UserError
        If there is none.
    """
    known = _common_revision(con, ours, theirs)
    seen = _merged_before(con, ours, theirs, known)
    if seen:
        return Ancestor(tuple(stack(con, seen)), f"{seen.name}@{seen.revision}, which was merged before")
    if known:
        at = Ref(ours.scenario, ours.name, known[0])
        return Ancestor(tuple(stack(con, at)), f"{ours.name}@{known[0]}")
    names = dict(con.execute("SELECT scenario, name FROM meta.scenario").fetchall())
    levels = _shared_levels(con, stack(con, ours), stack(con, theirs))
    if not levels:
        raise UserError(
            f"'{ours.name}' and '{theirs.name}' have nothing in common: they share no layer and no revision.",
            f"`dhsdb scenario compose NAME --from {ours.name} --with {theirs.name}` puts one on top of the other.",
        )
    return Ancestor(levels, ", ".join(f"{names[level.layer]}@{level.pin}" for level in levels))


def _common_revision(con: duckdb.DuckDBPyConnection, ours: Ref, theirs: Ref) -> tuple[int, int] | None:
    """Return the newest change that both scenarios have, by its number in each."""
    row = con.execute(
        "SELECT a.revision, b.revision FROM meta.revision AS a JOIN meta.revision AS b ON b.uid = a.uid"
        " WHERE a.scenario = ? AND a.revision <= ? AND b.scenario = ? AND b.revision <= ?"
        " ORDER BY a.revision DESC LIMIT 1",
        [ours.scenario, ours.revision, theirs.scenario, theirs.revision],
    ).fetchone()
    return (int(row[0]), int(row[1])) if row else None


def _merged_before(con: duckdb.DuckDBPyConnection, ours: Ref, theirs: Ref, known: tuple[int, int] | None) -> Ref | None:
    """Return the state of one side that a merge brought into the other, if that came after the newest change in common."""
    since = known or (0, 0)
    found = []
    for into, start, source in ((ours, since[0], theirs), (theirs, since[1], ours)):
        found += con.execute(
            "SELECT m.created_at, r.revision, $into FROM meta.revision AS m JOIN meta.revision AS r ON r.uid = m.merged"
            " WHERE m.scenario = $into AND m.revision > $start AND m.revision <= $at"
            " AND r.scenario = $source AND r.revision <= $until",
            {
                "into": into.scenario,
                "start": start,
                "at": into.revision,
                "source": source.scenario,
                "until": source.revision,
            },
        ).fetchall()
    if not found:
        return None
    _, revision, into_scenario = max(found)
    source = theirs if into_scenario == ours.scenario else ours
    return Ref(source.scenario, source.name, int(revision))


def _shared_levels(con: duckdb.DuckDBPyConnection, a: Sequence[Level], b: Sequence[Level]) -> tuple[Level, ...]:
    """Return the layers, from the bottom, that two stacks have in common, each as old as the older of both."""
    found = []
    for x, y in zip(a, b, strict=False):
        pin: int | None = min(x.pin, y.pin)
        if x.layer != y.layer:  # perhaps copies of each other that were edited apart
            known = _common_revision(con, Ref(x.layer, "", x.pin), Ref(y.layer, "", y.pin))
            pin = known[0] if known else None
        if pin is None:
            break
        found.append(replace(x, pin=pin))
    return tuple(found)


def _newest_uid(con: duckdb.DuckDBPyConnection, ref: Ref) -> str | None:
    """Return the name, in every store, of a scenario's newest change at a revision."""
    row = con.execute(
        "SELECT arg_max(uid, revision) FROM meta.revision WHERE scenario = ? AND revision <= ?",
        [ref.scenario, ref.revision],
    ).fetchone()
    return row[0] if row else None


# --- what is refused -------------------------------------------------------------------------------------------------
def _check_prefer(order: _Order, ours: Ref) -> None:
    known = (ours.name, order.label, order.theirs.name)
    if order.prefer and order.prefer not in known:
        hint = did_you_mean(order.prefer, known) or f"Name '{ours.name}' or '{order.label}'."
        raise UserError(f"--prefer '{order.prefer}' is neither of the two scenarios.", hint)


def _refuse_mixed_money(con: duckdb.DuckDBPyConnection, ours: Ref, order: _Order) -> None:
    """Refuse amounts in another money, unless the scenario has changed nothing itself and takes over all of it."""
    one, other = money_of(con, ours), money_of(con, order.theirs)
    if not (one.is_known and other.is_known) or one == other:
        return
    if touched_tables(con, INPUT, ranges(order.ancestor.levels, stack(con, ours))):
        raise UserError(
            f"amounts of different money can't be merged: '{ours.name}' is in {one}, '{order.theirs.name}' in {other}.",
            "Convert one of them first.",
        )
