"""Scenarios and their stacks: new, derive, compose, delete; and the revision that every change is.

A scenario is a ranked stack of layers, each read at a pinned revision. It owns the top layer, of its own number, and
stores there only what differs. How cells are edited stands in :mod:`~dhsdb.edits`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from dhsdb.errors import UserError
from dhsdb.names import Ref, author, check_name, check_newest, find, scenario_names

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    ref = _register(writer, name, "new", message or f"new scenario {name}", epsg)
    _push(writer, ref, [(ref.scenario, None, 0)])
    declare_years(writer, ref, years)
    return ref


def derive(db: Database, name: str, base: str, message: str = "") -> Ref:
    """Create a scenario on top of another: its stack, pinned, and an empty layer of its own.

    Parameters
    ----------
    base
        ``NAME`` or ``NAME@REVISION``.
    """
    return compose(db, name, base, (), message)


def compose(db: Database, name: str, base: str, layers: Sequence[str], message: str = "") -> Ref:
    """Create a scenario from a base and the layers of others, which stand equal.

    Parameters
    ----------
    base
        ``NAME`` or ``NAME@REVISION``, at the bottom.
    layers
        Scenarios whose layers (those the base lacks) are put on top of it, in this order.
    """
    with db.write(f"creating scenario {name}") as writer:
        stack = _pinned(writer, find(writer.con, base))
        present = {layer for layer, _, _ in stack}
        peer = 1 + max(p for _, _, p in stack)
        for other in layers:
            added = [entry for entry in _pinned(writer, find(writer.con, other)) if entry[0] not in present]
            if not added:
                raise UserError(f"'{other}' adds no layer to '{base}'.", "Name scenarios that differ from the base.")
            stack += [(layer, pin, peer) for layer, pin, _ in added]
            present |= {layer for layer, _, _ in added}
        kind = "compose" if layers else "derive"
        text = message or (f"compose {base} with {', '.join(layers)}" if layers else f"derive from {base}")
        _refuse_mixed_epsg(writer, present)
        ref = _register(writer, name, kind, text, None)
        _push(writer, ref, [*stack, (ref.scenario, None, peer + 1)])
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


def _register(writer: Writer, name: str, kind: str, message: str, epsg: int | None) -> Ref:
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


def _push(writer: Writer, ref: Ref, stack: Sequence[tuple[int, int | None, int]]) -> None:
    from dhsdb.schema.control import Stack

    for rank, (layer, pin, peer) in enumerate(stack):
        writer.session.add(
            Stack(scenario=ref.scenario, rank=rank, layer=layer, pin=pin, peer=peer, rev_from=ref.revision)
        )
    writer.flush()


def _pinned(writer: Writer, ref: Ref) -> list[tuple[int, int | None, int]]:
    """Return a scenario's stack (layer, pin, peer) with its own layer pinned as well."""
    rows = writer.con.execute(
        "SELECT layer, least(coalesce(pin, $rev), $rev), peer FROM meta.stack"
        " WHERE scenario = $scenario AND rev_from <= $rev AND (rev_to IS NULL OR rev_to > $rev) ORDER BY rank",
        {"rev": ref.revision, "scenario": ref.scenario},
    ).fetchall()
    return [(int(layer), int(pin), int(peer)) for layer, pin, peer in rows]


def _refuse_mixed_epsg(writer: Writer, layers: set[int]) -> None:
    """Refuse a stack whose layers hold geometries in several coordinate systems."""
    rows = writer.con.execute(
        "SELECT DISTINCT epsg FROM meta.scenario WHERE epsg IS NOT NULL AND list_contains(?, scenario)", [list(layers)]
    ).fetchall()
    if len(rows) > 1:
        codes = ", ".join(f"EPSG:{r[0]}" for r in rows)
        raise UserError(f"the layers mix coordinate systems: {codes}.", "Import the files again with one --crs.")
