"""Scenarios composed of others: a base with the layers of several scenarios, which stand equal; and whole grids of them."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING

from dhsdb.conflicts import conflicts
from dhsdb.errors import UnknownNameError, UserError
from dhsdb.money import money_of
from dhsdb.names import Ref, find, scenario_names
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
    is_new: bool = True


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
        Name of a scenario, with ``{}`` for each axis; default the names that differ from the base, joined by ``+``.
    prefer
        As in :func:`compose`.

    Returns
    -------
    list of Composed
        All scenarios of the grid but the base and those that differ from it on one axis only, which are there already. One
        that was composed alike before is returned as it stands.

    Raises
    ------
    UserError
        If there are fewer than two axes, an axis names a scenario twice, or a name is taken. Nothing is made then.
    """
    plain = base.partition("@")[0]
    _check_axes(axes, plain, pattern)
    made = []
    with db.write("composing a grid of scenarios") as writer:
        for combination in product(*axes):
            layers = [name for name in combination if name != plain]
            if len(layers) >= _LEAST_AXES:
                name = pattern.format(*combination) if pattern else "+".join(layers)
                kept = [p for p in prefer if p in layers]
                made.append(_present(writer, name, base, layers) or _compose(writer, name, base, layers, message, kept))
        for preferred in prefer:
            if not any(preferred in axis for axis in axes):
                raise UnknownNameError("layer", preferred, {n for axis in axes for n in axis}, "the axes")
    return made


def _check_axes(axes: Sequence[Sequence[str]], base: str, pattern: str) -> None:
    if len(axes) < _LEAST_AXES:
        raise UserError("a grid needs at least two axes.", "For example: --axis high-gas,low-gas --axis warm,cold")
    for axis in axes:
        if len(set(axis)) < len(axis) or not all(axis):
            raise UserError(f"the axis '{','.join(axis)}' names a scenario twice, or none.", "Name each once.")
    counts = Counter(name for axis in axes for name in axis if name != base)
    twice = sorted(name for name, n in counts.items() if n > 1)
    if twice:
        raise UserError(f"{', '.join(twice)} stands on several axes.", f"Only the base, '{base}', may.")
    if pattern and (pattern.count("{}") != len(axes) or re.search(r"[{}]", pattern.replace("{}", ""))):
        example = "-".join("{}" for _ in axes)
        raise UserError(f"the name '{pattern}' needs {{}} once for each of the {len(axes)} axes.", f"Such as {example}")


def _present(writer: Writer, name: str, base: str, layers: Sequence[str]) -> Composed | None:
    """Return a scenario of this name that is composed of these layers already, so that a grid can grow."""
    if name not in scenario_names(writer.con):
        return None
    ref = find(writer.con, name)
    wanted = {e.layer for part in (base, *layers) for e in pinned(writer, find(writer.con, part))}
    if {e.layer for e in pinned(writer, ref)} != wanted | {ref.scenario}:
        raise UserError(
            f"scenario '{name}' exists already, and is not composed of {', '.join([base, *layers])}.",
            "Name those of the grid otherwise, with --name.",
        )
    return Composed(ref.scenario, ref.name, ref.revision, conflicts(writer.con, ref), is_new=False)


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
    equal = [(first, other) for other in layers if other not in prefer]
    decisive = [(first + n, other) for n, other in enumerate(reversed(prefer), 1)]
    stack += [replace(entry, peer=peer) for peer, other in (*equal, *decisive) for entry in added[other]]
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
