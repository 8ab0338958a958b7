"""Import of a bundle: what two stores both have is joined, what is new is added, in one transaction.

What happens to each scenario is planned in :mod:`~dhsdb.bundle_plan` and written in :mod:`~dhsdb.bundle_writing`.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dhsdb.bundle_format import BundleError
from dhsdb.bundle_plan import CREATED, DIVERGED, FORWARDED, plan
from dhsdb.bundle_read import open_bundle
from dhsdb.bundle_runs import Runs
from dhsdb.bundle_writing import Writing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dhsdb.database import Database

_AGAIN = "Ask for the bundle again."


@dataclass(frozen=True, slots=True)
class ScenarioReport:
    """What happened to a scenario of a bundle.

    Attributes
    ----------
    name, here
        Its name in the bundle and in this store.
    action
        ``created``, ``forwarded``, ``unchanged``, or ``diverged``: brought as a scenario of its own beside ``diverged_from``.
    n_revisions
        Revisions added.
    """

    name: str
    here: str
    action: str
    n_revisions: int = 0
    diverged_from: str = ""

    def __str__(self) -> str:
        n = f"{self.n_revisions} revision{'s' * (self.n_revisions != 1)}"
        if self.action == DIVERGED:
            return (
                f"{self.diverged_from} has diverged, the bundle's is {self.here}:"
                f" `dhsdb scenario merge {self.diverged_from} --with {self.here}`"
            )
        named = self.here if self.name == self.here else f"{self.name}, here {self.here}"
        said = {CREATED: f"created with {n}", FORWARDED: f"forwarded by {n}"}
        return f"{named}: {said.get(self.action, self.action)}"


@dataclass(frozen=True, slots=True)
class BundleReport:
    """What the import of a bundle did, or would do.

    Attributes
    ----------
    n_series, n_runs
        Series and runs added.
    remarks
        What was left as it is, and why.
    attribution
        What the licences of its sources ask to be named.
    """

    scenarios: tuple[ScenarioReport, ...]
    n_series: int
    n_runs: int
    n_tags: int
    remarks: tuple[str, ...]
    attribution: tuple[str, ...]
    dry_run: bool = False

    @property
    def changed(self) -> bool:
        """Whether anything was written, or would be."""
        return bool(self.n_series or self.n_runs or self.n_tags or any(s.n_revisions for s in self.scenarios))


class _TakenBackError(Exception):
    """Ends a transaction that shall leave nothing."""


def import_bundle(
    db: Database, path: str | Path, *, rename: Mapping[str, str] | None = None, dry_run: bool = False
) -> BundleReport:
    """Bring the scenarios and runs of a bundle into a store, and join what both have.

    Parameters
    ----------
    path
        Folder or zip file.
    rename
        Name in this store by name in the bundle, for scenarios that are new here.
    dry_run
        Say what would happen; nothing is written.

    Raises
    ------
    BundleError
        If the bundle is damaged, incomplete or newer; nothing was written.
    UserError
        If the name of a new scenario is taken.
    """
    import duckdb

    with open_bundle(Path(path)) as bundle:
        try:
            with contextlib.suppress(_TakenBackError), db.write(f"importing {Path(path).name}") as writer:
                writing = Writing(writer, bundle, plan(writer, bundle, rename or {}))
                writing.run()
                runs = Runs(writing)
                runs.run()
                report = _report(writing, len(runs.fresh), dry_run=dry_run)
                if dry_run:
                    raise _TakenBackError
        except (duckdb.ConstraintException, duckdb.ConversionException, duckdb.InvalidInputException) as error:
            raise BundleError(f"the bundle contradicts itself: {str(error).splitlines()[0]}", _AGAIN) from None
    return report


def _report(writing: Writing, n_runs: int, *, dry_run: bool) -> BundleReport:
    scenarios = tuple(
        ScenarioReport(
            s.theirs.name, s.name, s.action, len(s.new), s.home.name if s.home and s.action == DIVERGED else ""
        )
        for s in writing.steps.values()
    )
    said = writing.bundle.manifest.attribution
    return BundleReport(scenarios, writing.n_series, n_runs, writing.n_tags, tuple(writing.remarks), said, dry_run)
