"""What `scenario merge` and `scenario apply` print: what changed, and the cells that both sides changed."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from dhsdb.cli.output import console, emit, rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dhsdb.merging import Merged
    from dhsdb.patch import Clash

_SHOWN = 40


def show_merge(bring: Callable[[], Merged], *, dry_run: bool, as_json: bool) -> None:
    """Bring changes in and print them; all cells that both sides changed are listed, also where that is refused."""
    import typer

    from dhsdb.merging import MergeConflictError

    try:
        done = bring()
    except MergeConflictError as error:
        facts = [asdict(c) for c in error.conflicts]
        if not as_json:
            _show_clashes(error.conflicts)
            raise type(error)((), error.ours, error.theirs, n=len(error.conflicts)) from None
        message = error.message.splitlines()[0]
        emit({"error": message, "hint": error.hint, "exit_code": error.exit_code, "conflicts": facts}, as_json=True)
        raise typer.Exit(error.exit_code) from None
    if as_json:
        emit(_facts(done) | {"dry_run": dry_run}, as_json=True)
    else:
        _show(done, dry_run=dry_run)


def _facts(done: Merged) -> dict[str, Any]:
    from dhsdb import diff_render

    return {
        "scenario": done.scenario,
        "other": done.other,
        "revision": done.revision,
        "ancestor": done.ancestor,
        "rows": done.n_rows,
        "preferred": done.preferred,
        "conflicts": [asdict(c) for c in done.conflicts],
        "changes": None if done.changes is None else diff_render.to_dict(done.changes),
    }


def _show(done: Merged, *, dry_run: bool) -> None:
    from dhsdb import diff_render

    if done.changes is None:
        emit(None, as_json=False, text=f"{done.scenario}: nothing to bring in, {done.other} changed nothing since")
        return
    if dry_run:
        how = "would bring in"
    elif done.revision is None:
        how = "nothing changes, it has"
    else:
        how = f"revision {done.revision} brings in"
    text = f"{done.scenario}: {how} what {done.other} changed since {done.ancestor}"
    emit(None, as_json=False, text=text)
    if done.conflicts:
        _show_clashes(done.conflicts)
        emit(None, as_json=False, text=f"both changed these; {done.preferred} decides")
    console().print(diff_render.to_table(done.changes, limit=_SHOWN))


def _show_clashes(clashes: Sequence[Clash]) -> None:
    names = {"ancestor": "was", "ours": "here", "theirs": "there"}
    found = [
        {names.get(n, n): "NULL" if v is None and n in names else v for n, v in asdict(c).items()} for c in clashes
    ]
    rows(found, as_json=False, title="changed on both sides")
