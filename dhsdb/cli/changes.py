"""What commands print that change scenarios as wholes: composed, rebased and reverted ones, and their conflicts."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from dhsdb.cli.output import console, emit, rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dhsdb.composition import Composed
    from dhsdb.conflicts import Conflict
    from dhsdb.history import Reverted
    from dhsdb.rebasing import Hidden, Rebased

_SHOWN = 40


def show_composed(made: Sequence[Composed], *, as_json: bool) -> None:
    """Print the scenarios that were composed, and what their layers disagree about."""
    facts = [
        {"scenario": c.name, "revision": c.revision, "new": c.is_new, "conflicts": [asdict(x) for x in c.conflicts]}
        for c in made
    ]
    if as_json:
        emit(facts if len(facts) != 1 else facts[0], as_json=True)
        return
    for one in made:
        how = f"composed as revision {one.revision}" if one.is_new else "is there already"
        emit(None, as_json=False, text=f"scenario {one.name} {how}")
    disagreed = {c: None for one in made for c in one.conflicts}
    show_conflicts(disagreed)


def show_conflicts(conflicts: Iterable[Conflict]) -> None:
    """Print the cells that layers of equal standing set differently, if there are any."""
    found = [
        {
            "table": c.table,
            "key": c.key,
            "year": c.year,
            "column": c.column,
            "layer": f"{c.lower}: {c.lower_value}",
            "wins": f"{c.upper}: {c.upper_value}",
        }
        for c in conflicts
    ]
    if found:
        rows(found[:_SHOWN], as_json=False, title="layers of equal standing disagree; --prefer LAYER decides")
        _more(len(found))


def show_rebased(done: Sequence[Rebased], *, dry_run: bool, as_json: bool) -> None:
    """Print which pins moved, what changed, and which changes do not come through."""
    from dhsdb import diff_render

    if as_json:
        emit([_rebased(one) for one in done], as_json=True)
        return
    if not done:
        emit(None, as_json=False, text="no scenario is behind")
    for one in done:
        if one.changes is None:
            emit(None, as_json=False, text=f"{one.scenario} is not behind")
            continue
        how = "would move" if dry_run else f"revision {one.revision} moves"
        emit(None, as_json=False, text=f"{one.scenario}: {how} {', '.join(map(str, one.moves))}")
        console().print(diff_render.to_table(one.changes, limit=_SHOWN))
        _show_hidden(one.hidden)
        show_conflicts(one.conflicts)


def _show_hidden(hidden: Sequence[Hidden]) -> None:
    if hidden:
        found = [
            {
                "table": h.table,
                "key": h.key,
                "year": h.year,
                "column": h.column,
                "changed below": f"{h.layer}: {h.old} -> {'no row' if h.change == 'removed' else h.new}",
                "kept" if h.change != "removed" else "in vain": f"{h.by}: {h.kept}",
            }
            for h in hidden
        ]
        names = ("table", "key", "year", "column", "changed below", "kept", "in vain")
        found = [{n: f.get(n) for n in names} for f in found]
        title = "conflicts: changed below, but a layer above sets it"
        rows(found[:_SHOWN], as_json=False, columns=names, title=title)
        _more(len(found))


def show_reverted(done: Reverted, *, as_json: bool) -> None:
    """Print what a revert changed."""
    from dhsdb import diff_render

    facts = {"scenario": done.scenario, "revision": done.revision, "to": done.to}
    if as_json:
        emit(facts | {"changes": diff_render.to_dict(done.changes)}, as_json=True)
        return
    emit(None, as_json=False, text=f"{done.scenario}: revision {done.revision} restores the state of {done.to}")
    console().print(diff_render.to_table(done.changes, limit=_SHOWN))


def _rebased(one: Rebased) -> dict[str, Any]:
    from dhsdb import diff_render

    return {
        "scenario": one.scenario,
        "revision": one.revision,
        "moves": [asdict(m) for m in one.moves],
        "changes": None if one.changes is None else diff_render.to_dict(one.changes),
        "hidden": [asdict(h) for h in one.hidden],
        "conflicts": [asdict(c) for c in one.conflicts],
    }


def _more(n: int) -> None:
    if n > _SHOWN:
        emit(None, as_json=False, text=f"{n - _SHOWN:,} more; --json lists all")
