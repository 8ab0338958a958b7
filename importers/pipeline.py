"""The one way of every import: read, check everything, then one transaction that writes what differs, or nothing.

A dry run walks the same way, compares the scenario with what it was, and takes the transaction back. What a foreign
file means is the importer's concern, what a row changes that of :mod:`~dhsdb.importers.merge`.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from dhsdb.errors import ProblemsError, UnknownNameError, UserError, few
from dhsdb.importers import batch as batches
from dhsdb.importers.checks import YEARS
from dhsdb.importers.held import HeldInputs, MovedError
from dhsdb.importers.merge import CONFLICTS, Rule
from dhsdb.importers.registry import AUTO, find_importer, recognise
from dhsdb.importers.rows import Request
from dhsdb.importers.systems import stack_epsg
from dhsdb.importers.writing import Order, Writing, record_failure
from dhsdb.names import check_newest, find

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from dhsdb.database import Database
    from dhsdb.diff import Diff
    from dhsdb.errors import Problem
    from dhsdb.importers.batch import Batch
    from dhsdb.importers.results import ImportedRun
    from dhsdb.importers.rows import Importer

    Progress = Callable[[int, int, str], None]
    Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did, or in a dry run would do.

    Attributes
    ----------
    revision
        Number of the revision; None if nothing changed, or in a dry run.
    n_set
        Rows written, by table.
    n_removed
        Rows removed because the same file brought them earlier and no longer has them.
    findings
        Warnings and remarks; they are kept with the revision.
    attribution
        What the source's licence asks to be shown wherever its data goes out.
    diff
        What would change in the scenario; only in a dry run.
    runs
        Runs of other tools that the files hold; those that were there already are not new.
    """

    scenario: str
    format: str
    revision: int | None = None
    n_set: Mapping[str, int] = field(default_factory=dict)
    n_removed: int = 0
    findings: tuple[Problem, ...] = ()
    attribution: str = ""
    dry_run: bool = False
    diff: Diff | None = None
    runs: tuple[ImportedRun, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether anything was written, or would be."""
        return bool(self.n_set or self.n_removed or any(run.is_new for run in self.runs))


class _TakenBackError(Exception):
    """Ends a transaction that shall leave nothing."""


def run_import(
    db: Database,
    format: str | Importer,  # noqa: A002  the word that users know
    paths: Sequence[str | Path] | str | Path,
    *,
    scenario: str,
    year: int | None = None,
    site: str | None = None,
    bbox: Box | None = None,
    epsg: int | None = None,
    on_conflict: str = "replace",
    message: str = "",
    dry_run: bool = False,
    options: Mapping[str, object] | None = None,
    progress: Progress | None = None,
) -> ImportReport:
    """Import files into a scenario's own layer; the scenario is created if it does not exist.

    Parameters
    ----------
    format
        Name of a format (see :func:`~dhsdb.importers.registry.formats`), ``auto`` to recognise it by content, or an
        importer of one's own.
    year
        Year of rows that name none, in tables that vary by year. It becomes a model year of the scenario.
    site
        Site of rows of formats that know none.
    bbox
        West, south, east, north in degrees.
    epsg
        Coordinate system, projected in metres, for a scenario that holds no geometries yet.
    on_conflict
        ``replace``: rows of the file win over those of the same key, and rows that an earlier import of the same file
        (in the same place) brought into the same table and it no longer has are removed. ``keep``: rows that hold
        already stay, only new ones come. ``merge``: cells that the file leaves blank keep their value.
    message
        Why; a default is written.
    dry_run
        Check everything and say what would change; nothing is written.
    options
        Options of the format, which its importer lists with what they are for.
    progress
        Called with (done, total, what); a total of 0 is not known.

    Raises
    ------
    ProblemsError
        With everything that is wrong in the files; nothing was written.
    UserError
        For a mistake in the arguments.
    """
    _check_arguments(scenario, year, on_conflict)
    files = _existing([paths] if isinstance(paths, (str, Path)) else paths)
    named = recognise(files) if format == AUTO else format
    importer = find_importer(named) if isinstance(named, str) else named
    code = _agreed_epsg(db, scenario, epsg)
    request = Request(files, scenario, year, site or "main", bbox, code, progress or _silent)
    request = replace(request, options=_known_options(importer, options or {}))
    what = few([path.name for path in files])
    rule = Rule(on_conflict, prunes=bbox is None, year=year, site=site)
    order = Order(importer, request, rule, message or f"import {importer.name} {what}", dry_run)
    try:
        return _settled(db, order, what)
    except ProblemsError as error:
        if not dry_run:
            record_failure(db, order, error)
        raise


def _silent(_done: int, _total: int, _what: str) -> None:
    """Tell nobody."""


# --- what was asked for ----------------------------------------------------------------------------------------------
def _check_arguments(scenario: str, year: int | None, on_conflict: str) -> None:
    if on_conflict not in CONFLICTS:
        raise UserError(f"'{on_conflict}' is no way to meet a conflict.", f"Ways: {', '.join(CONFLICTS)}.")
    if year is not None and not YEARS[0] <= year <= YEARS[1]:
        raise UserError(f"{year} is not a calendar year.", f"Allowed: {YEARS[0]} to {YEARS[1]}.")
    if "@" in scenario:
        raise UserError(f"'{scenario}' is a past revision.", "Import into the scenario itself; it gets a new revision.")


def _known_options(importer: Importer, given: Mapping[str, object]) -> dict[str, str]:
    """Return the options of a format as text; others are refused."""
    known: Mapping[str, str] = getattr(importer, "options", {})
    for name in given:
        if name not in known:
            raise UnknownNameError(f"option of {importer.name}", name, known)
    return {name: str(value) for name, value in given.items()}


def _existing(paths: Sequence[str | Path]) -> tuple[Path, ...]:
    found = tuple(Path(p) for p in paths)
    if not found:
        raise UserError("no file is named.", "Name at least one file or folder.")
    missing = [str(p) for p in found if not p.exists()]
    if missing:
        raise UserError(f"there is no {missing[0]}.", "Check the name and the folder.")
    return found


def _agreed_epsg(db: Database, scenario: str, asked: int | None) -> int | None:
    """Return the code of the scenario's geometries, or the one asked for if it has none."""
    if db.is_known_to_lack(scenario):
        return asked
    with db.read() as con:
        code = stack_epsg(con, scenario)
    if code is not None and asked is not None and code != asked:
        raise UserError(f"the geometries of '{scenario}' are in EPSG:{code}, not EPSG:{asked}.", "Leave --crs out.")
    return code or asked


# --- what is written -------------------------------------------------------------------------------------------------
def _settled(db: Database, order: Order, what: str) -> ImportReport:
    """Read and write; once more if the importer looked at what the scenario holds, and that changed meanwhile."""
    while True:
        held = HeldInputs(db, order.request.scenario)
        order.request.progress(0, 0, f"reading {what}")  # whether or not the importer says how far it is
        batch = batches.read(order.importer.read(replace(order.request, held=held)), order.request.year, what)
        with contextlib.suppress(MovedError):
            return _write(db, batch, order, held)


def _write(db: Database, batch: Batch, order: Order, held: HeldInputs) -> ImportReport:
    """Write a batch in one transaction, which is taken back after a dry run, or if nothing changed."""
    diff = None
    with contextlib.suppress(_TakenBackError), db.write(f"importing into {order.request.scenario}") as writer:
        held.refuse_moved(writer.con)
        writing = Writing(writer, batch, order)
        writing.run()
        if order.dry_run:
            diff = writing.difference()
        if order.dry_run or not writing.changed:
            raise _TakenBackError
    outcomes = {name: o for name, o in writing.outcomes.items() if o.n_set or o.n_removed}
    return ImportReport(
        scenario=order.request.scenario,
        format=order.importer.name,
        revision=None if order.dry_run else writing.revision,
        n_set={name: o.n_set for name, o in outcomes.items()},
        n_removed=sum(o.n_removed for o in outcomes.values()),
        findings=tuple(writing.findings),
        attribution=order.importer.attribution or "; ".join(batch.attributions),
        dry_run=order.dry_run,
        diff=diff,
        runs=tuple(replace(r, run=None) if order.dry_run and r.is_new else r for r in writing.runs),
    )


def preview(
    db: Database,
    scenario: str,
    path: str | Path,
    *,
    format: str | Importer = AUTO,  # noqa: A002  the word that users know
    year: int | None = None,
    site: str | None = None,
    on_conflict: str = "replace",
    options: Mapping[str, object] | None = None,
    tables: Iterable[str] | None = None,
) -> Diff:
    """Return what an import of a file or folder would change in a scenario; nothing is written.

    Raises
    ------
    UnknownNameError
        If there is no such scenario: a file is compared with something.
    ProblemsError
        With everything that is wrong in the file.
    """
    with db.read() as con:
        find(con, check_newest(scenario))
    report = run_import(
        db, format, path, scenario=scenario, year=year, site=site, on_conflict=on_conflict, options=options, dry_run=True
    )  # fmt: skip
    found = cast("Diff", report.diff).only(tables)
    return replace(found, warnings=(*found.warnings, *(str(f) for f in report.findings)))
