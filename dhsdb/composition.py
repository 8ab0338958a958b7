"""Scenarios composed of others: a base with the layers of several scenarios, which stand equal; and whole grids of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING

from dhsdb.conflicts import conflicts
from dhsdb.errors import UnknownNameError, UserError
from dhsdb.money import money_of
from dhsdb.names import Ref, find
from dhsdb.scenarios import own_entry, pinned, push, register

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dhsdb.conflicts import Conflict
    from dhsdb.database import Database, Writer
    from dhsdb.scenarios import Entry

_LEAST_AXES = 2


@dataclass(frozen=True, slots=True)
class Composed(Ref):
    """A scenario that was composed, and what its layers disagree about."""

    conflicts: tuple[Conflict, ...] = ()


def compose(
    db: Database, name: str, base: str, layers: Sequence[str], message: str = "", prefer: Sequence[str] = ()
) -> Composed:
    """Create a scenario from a base and the layers of others, which stand equal.

    Where two of them set the same cell to different values, the one named last wins and the cell is listed.

    Parameters
    ----------
    base
        ``NAME`` or ``NAME@REVISION``, at the bottom.
    layers
        Scenarios whose layers (those the base lacks) are put on top of it, in this order.
    prefer
        Those of ``layers`` that stand above the others, the strongest first, so that they decide.

    Raises
    ------
    UnknownNameError
        If a scenario is not known, or a preferred one is not among the layers.
    UserError
        If a scenario adds nothing to the base, or they are in different money or coordinate systems.
    """
    with db.write(f"creating scenario {name}") as writer:
        return _compose(writer, name, base, layers, message, prefer)


def grid(
    db: Database,
    base: str,
    axes: Sequence[Sequence[str]],
    pattern: str = "",
    message: str = "",
    prefer: Sequence[str] = (),
) -> list[Composed]:
    """Compose one scenario for each combination of one scenario per axis; each difference is stored once.

    Parameters
    ----------
    base
        ``NAME`` or ``NAME@REVISION``, at the bottom of all.
    axes
        Scenarios by axis; the base's own name stands for "as the base".
    pattern
        Name of a scenario, with ``{}`` for each axis; default the names joined by ``+``.
    prefer
        As in :func:`compose`.

    Returns
    -------
    list of Composed
        The scenarios that were made. Combinations of the base with one other scenario are that scenario itself, and not
        made again.

    Raises
    ------
    UserError
        If there are fewer than two axes, an axis names a scenario twice, or a name is taken. Nothing is made then.
    """
    pattern = pattern or "+".join("{}" for _ in axes)
    _check_axes(axes, pattern)
    plain = base.partition("@")[0]
    made = []
    with db.write("composing a grid of scenarios") as writer:
        for combination in product(*axes):
            layers = [n for n in combination if n != plain]
            if len(layers) >= _LEAST_AXES:
                parts = [n for n in combination if n != plain] if pattern.count("{}") != len(axes) else combination
                name = (
                    "+".join(layers) if plain in combination and set(pattern) <= set("{}+") else pattern.format(*parts)
                )
                kept = [n for n in prefer if n in layers]
                made.append(_compose(writer, name, base, layers, message, kept))
    return made


def _check_axes(axes: Sequence[Sequence[str]], pattern: str) -> None:
    if len(axes) < _LEAST_AXES:
        raise UserError("a grid needs at least two axes.", "For example: --axis high-gas,low-gas --axis warm,cold")
    names = [n for axis in axes for n in set(axis)]
    for axis in axes:
        if len(set(axis)) < len(axis) or not axis:
            raise UserError(f"the axis '{','.join(axis)}' names a scenario twice, or none.", "Name each once.")
    twice = sorted({n for n in names if names.count(n) > 1})
    if len(twice) > 1:
        raise UserError(f"{', '.join(twice)} stand on several axes.", "Only the base may.")
    if pattern.count("{}") != len(axes):
        raise UserError(f"the name '{pattern}' needs {{}} once for each of the {len(axes)} axes.", "For example: {}+{}")


def _compose(
    writer: Writer, name: str, base: str, layers: Sequence[str], message: str, prefer: Sequence[str]
) -> Composed:
    for preferred in prefer:
        if preferred not in layers:
            raise UnknownNameError("layer", preferred, layers, "those that are composed")
    bottom = find(writer.con, base)
    stack = pinned(writer, bottom)
    first = 1 + max(entry.peer for entry in stack)
    refs = {other: find(writer.con, other) for other in layers}
    added = _branches(writer, base, stack, refs)
    order = [other for other in layers if other not in prefer] + list(reversed(prefer))
    for other in order:
        above = 1 + list(reversed(prefer)).index(other) if other in prefer else 0
        stack += [replace(entry, peer=first + above) for entry in added[other]]
    _refuse_mixed_epsg(writer, {entry.layer for entry in stack})
    _refuse_mixed_money(writer, [bottom, *refs.values()])
    text = message or f"compose {base} with {', '.join(layers)}" + (
        f", preferring {', '.join(prefer)}" if prefer else ""
    )
    ref = register(writer, name, "compose", text, None)
    push(writer, ref, [*stack, own_entry(ref, stack)])
    return Composed(ref.scenario, ref.name, ref.revision, conflicts(writer.con, ref))


def _branches(writer: Writer, base: str, stack: Sequence[Entry], refs: dict[str, Ref]) -> dict[str, list[Entry]]:
    """Return the layers that each scenario adds; those of one scenario are ranked among themselves."""
    present = {entry.layer for entry in stack}
    added = {}
    for branch, (other, ref) in enumerate(refs.items(), 1):
        new = [replace(entry, branch=branch) for entry in pinned(writer, ref) if entry.layer not in present]
        if not new:
            raise UserError(f"'{other}' adds no layer to '{base}'.", "Name scenarios that differ from the base.")
        added[other] = new
        present |= {entry.layer for entry in new}
    return added


def _refuse_mixed_epsg(writer: Writer, layers: set[int]) -> None:
    """Refuse a stack whose layers hold geometries in several coordinate systems."""
    rows = writer.con.execute(
        "SELECT DISTINCT epsg FROM meta.scenario WHERE epsg IS NOT NULL AND list_contains(?, scenario)", [list(layers)]
    ).fetchall()
    if len(rows) > 1:
        codes = ", ".join(f"EPSG:{r[0]}" for r in rows)
        raise UserError(f"the layers mix coordinate systems: {codes}.", "Import the files again with one --crs.")


def _refuse_mixed_money(writer: Writer, refs: Sequence[Ref]) -> None:
    """Refuse a stack whose amounts are in different money, which no layer says of its own rows."""
    said = {ref.name: money_of(writer.con, ref) for ref in refs}
    known = {str(money): name for name, money in reversed(said.items()) if money.is_known}
    if len(known) > 1:
        listed = ", ".join(f"'{name}' is in {money}" for money, name in sorted(known.items(), key=lambda x: x[1]))
        raise UserError(f"amounts of different money can't be composed: {listed}.", "Convert one of them first.")
