"""Scenarios and their stacks: new, derive, delete; and the revision that every change is.

A scenario is a ranked stack of layers, each read at a pinned revision. It owns the top layer, of its own number, and
stores there only what differs. How scenarios are composed of others stands in :mod:`~dhsdb.composition`, how cells are
edited in :mod:`~dhsdb.edits`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from dhsdb.errors import UserError
from dhsdb.names import Ref, author, check_name, check_newest, find, scenario_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from dhsdb.database import Database, Writer


def new(db: Database, name: str, years: Sequence[int] = (), message: str = "", epsg: int | None = None) -> Ref:
    """Create an empty scenario.

    Parameters
    ----------
    years
        Model years; an import that names years declares them as well.
    message
        Why; a default is written.
    """
    with db.write(f"creating scenario {name}") as writer:
        return create(writer, name, years, message, epsg)


def create(writer: Writer, name: str, years: Sequence[int] = (), message: str = "", epsg: int | None = None) -> Ref:
    """Create an empty scenario within an open transaction."""
    ref = register(writer, name, "new", message or f"new scenario {name}", epsg)
    push(writer, ref, [own_entry(ref, ())])
    declare_years(writer, ref, years)
    return ref


def derive(db: Database, name: str, base: str, message: str = "") -> Ref:
    """Create a scenario on top of another: its stack, pinned, and an empty layer of its own.

    Parameters
    ----------
    base
        ``NAME`` or ``NAME@REVISION``.
    """
    with db.write(f"creating scenario {name}") as writer:
        stack = pinned(writer, find(writer.con, base))
        ref = register(writer, name, "derive", message or f"derive from {base}", None)
        push(writer, ref, [*stack, own_entry(ref, stack)])
        return ref


def delete(db: Database, name: str, message: str = "") -> None:
    """Delete a scenario; its rows and runs stay until `compact`, and its name is free again.

    Raises
    ------
    UserError
        If other scenarios stack on it.
    """
    with db.write(f"deleting scenario {name}") as writer:
        ref = find(writer.con, check_newest(name))
        users = writer.con.execute(
            "SELECT DISTINCT s.name FROM meta.stack AS st JOIN meta.scenario AS s USING (scenario)"
            " WHERE st.layer = ? AND st.scenario <> ? AND st.rev_to IS NULL AND s.deleted IS NULL ORDER BY 1",
            [ref.scenario, ref.scenario],
        ).fetchall()
        if users:
            raise UserError(
                f"'{name}' can't be deleted: {', '.join(u[0] for u in users)} build on it.", "Delete those first."
            )
        revision = add_revision(writer, ref.scenario, "delete", message or f"delete {name}")
        writer.con.execute("UPDATE meta.scenario SET deleted = ? WHERE scenario = ?", [revision, ref.scenario])


def add_revision(writer: Writer, scenario: int, kind: str, message: str, n_set: int = 0, n_removed: int = 0) -> int:
    """Register a change and return its number.

    Raises
    ------
    UserError
        If the message is empty.
    """
    from dhsdb.schema.control import Revision

    if not message.strip():
        raise UserError("every change needs a message.", 'Say why with -m "..."')
    revision = Revision(
        revision=writer.next_id("revision", "revision"),
        scenario=scenario,
        kind=kind,
        created_at=datetime.now(UTC).replace(tzinfo=None),
        author=author(),
        message=message.strip(),
        n_set=n_set,
        n_removed=n_removed,
        uid=uuid4().hex,
    )
    writer.session.add(revision)
    writer.flush()
    return revision.revision


def declare_years(writer: Writer, ref: Ref, years: Sequence[int]) -> None:
    """Write model years into the scenario's own layer, as part of revision ``ref.revision``."""
    import pyarrow as pa

    from dhsdb.bulk import insert
    from dhsdb.schema.inputs import ModelYear

    if not years:
        return
    n = len(years)
    rows = pa.table(
        {
            "layer": [ref.scenario] * n,
            "origin": [ref.revision] * n,
            "rev_from": [ref.revision] * n,
            "removed": [False] * n,
            "year": pa.array(sorted(years), pa.int16()),
        }
    )
    insert(writer.con, ModelYear, rows)


def register(writer: Writer, name: str, kind: str, message: str, epsg: int | None) -> Ref:
    """Create the record of a scenario, still without a stack.

    Raises
    ------
    UserError
        If the name is taken, or can't be one.
    """
    from dhsdb.schema.control import Scenario

    check_name(name)
    if name in scenario_names(writer.con):
        raise UserError(
            f"scenario '{name}' exists already.", f"Choose another name, or `dhsdb scenario delete {name}`."
        )
    number = writer.next_id("scenario", "scenario")
    revision = add_revision(writer, number, kind, message)
    writer.session.add(Scenario(scenario=number, name=name, epsg=epsg, created=revision))
    writer.flush()
    return Ref(number, name, revision)


@dataclass(frozen=True, slots=True)
class Entry:
    """A layer of a stack; its rank is its place in the list. ``pin`` None = as the scenario's own revision."""

    layer: int
    pin: int | None
    peer: int
    branch: int = 0


def own_entry(ref: Ref, below: Sequence[Entry]) -> Entry:
    """Return the entry of a scenario's own layer, on top of others."""
    return Entry(ref.scenario, None, 1 + max((entry.peer for entry in below), default=-1))


def push(writer: Writer, ref: Ref, stack: Sequence[Entry]) -> None:
    """Write the stack of a scenario as of revision ``ref.revision``, bottom first."""
    from dhsdb.schema.control import Stack

    for rank, entry in enumerate(stack):
        writer.session.add(Stack(scenario=ref.scenario, rank=rank, rev_from=ref.revision, **asdict(entry)))
    writer.flush()


def entries(con: duckdb.DuckDBPyConnection, ref: Ref) -> list[Entry]:
    """Return the stack of a scenario at a revision as it is kept, bottom first."""
    rows = con.execute(
        "SELECT layer, pin, peer, coalesce(branch, 0) FROM meta.stack"
        " WHERE scenario = $scenario AND rev_from <= $rev AND (rev_to IS NULL OR rev_to > $rev) ORDER BY rank",
        {"rev": ref.revision, "scenario": ref.scenario},
    ).fetchall()
    return [Entry(*row) for row in rows]


def restack(writer: Writer, ref: Ref, stack: Sequence[Entry]) -> bool:
    """Give a scenario another stack from revision ``ref.revision`` on; return whether it differs from the present one."""
    if entries(writer.con, ref) == list(stack):
        return False
    writer.con.execute(
        "UPDATE meta.stack SET rev_to = ? WHERE scenario = ? AND rev_to IS NULL", [ref.revision, ref.scenario]
    )
    push(writer, ref, stack)
    return True


def pinned(writer: Writer, ref: Ref) -> list[Entry]:
    """Return a scenario's stack with each layer pinned to the newest revision that changed it."""
    rows = writer.con.execute(
        "SELECT layer, (SELECT max(revision) FROM meta.revision AS r WHERE r.scenario = st.layer"
        " AND r.revision <= least(coalesce(pin, $rev), $rev)), peer, coalesce(branch, 0) FROM meta.stack AS st"
        " WHERE scenario = $scenario AND rev_from <= $rev AND (rev_to IS NULL OR rev_to > $rev) ORDER BY rank",
        {"rev": ref.revision, "scenario": ref.scenario},
    ).fetchall()
    return [Entry(*row) for row in rows]
