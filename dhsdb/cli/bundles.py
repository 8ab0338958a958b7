"""What the commands for bundles print: what was written, and what an import did to each scenario."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from dhsdb.cli.output import emit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dhsdb.bundle import Exported
    from dhsdb.bundle_import import BundleReport


def show_exported(done: Exported, *, as_json: bool) -> None:
    """Print what a bundle holds, and what has to be named wherever it goes."""
    facts = asdict(done) | {"written": str(done.path), "path": str(done.path)}
    also = f", with {', '.join(done.needed)} below" if done.needed else ""
    runs = f", run{'s' * (len(done.runs) != 1)} {', '.join(map(str, done.runs))}" if done.runs else ", no runs"
    lines = [
        f"written: {done.path} ({done.n_bytes / 1e6:,.1f} MB)",
        f"{', '.join(done.scenarios)}{also}: {done.n_revisions:,} revisions, {done.n_series:,} series{runs}",
        *done.attribution,
    ]
    emit(facts, as_json=as_json, text="\n".join(lines))


def show_imported(report: BundleReport, *, as_json: bool) -> None:
    """Print what happened to each scenario of a bundle, or would."""
    if as_json:
        emit(asdict(report) | {"changed": report.changed}, as_json=True)
        return
    lines = [str(scenario) for scenario in report.scenarios]
    if not report.changed:
        lines.append("nothing changes: this store holds all of it already")
    else:
        parts = ((report.n_runs, "run"), (report.n_series, "series"), (report.n_tags, "tag"))
        counts = ", ".join(f"{n:,} {what}{'s' * (n != 1 and what != 'series')}" for n, what in parts)
        lines.append(f"{counts} {'would be ' if report.dry_run else ''}added")
    lines += [*report.remarks, *report.attribution]
    if report.dry_run:
        lines.append("a dry run: nothing was written")
    emit(None, as_json=False, text="\n".join(lines))


def renamed(pairs: Sequence[str]) -> dict[str, str]:
    """Return ``OLD=NEW`` as a dictionary.

    Raises
    ------
    UserError
        If one is not of that form.
    """
    from dhsdb.errors import UserError

    found = {}
    for pair in pairs:
        old, equals, new = (part.strip() for part in pair.partition("="))
        if not (equals and old and new):
            raise UserError(f"'{pair}' is not OLD=NEW.", "For example: --rename base=base-of-anna")
        found[old] = new
    return found
