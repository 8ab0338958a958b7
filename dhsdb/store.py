"""``Store``: what a Python program does with a store. The command line is a thin cover of it.

No lock is held between calls. Heavy parts are loaded by the call that needs them.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dhsdb import composition, edits, history, rates, runs, scenarios
from dhsdb.database import DEFAULT_FILE, Database
from dhsdb.errors import UserError
from dhsdb.names import find
from dhsdb.relation import Relation
from dhsdb.runner import Order, Run, run_scenario

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import geopandas as gpd

    from dhsdb.bundle import Exported
    from dhsdb.bundle_import import BundleReport
    from dhsdb.check import Finding
    from dhsdb.diff import Diff
    from dhsdb.history import Reverted
    from dhsdb.importers.energyplan_export import ExportedKeys
    from dhsdb.importers.pipeline import ImportReport
    from dhsdb.merging import Merged
    from dhsdb.names import Ref
    from dhsdb.rebasing import Rebased


class Store:
    """A store on disk.

    Parameters
    ----------
    path
        File; default ``$DHSDB_STORE``, else ``dhsdb.duckdb`` in the current folder.
    create
        Create it if it is not there.
    wait_s
        How long to wait for another process that holds it, in seconds.

    Examples
    --------
    >>> store = Store("city.duckdb")  # doctest: +SKIP
    >>> store.derive("high-gas", base="base")  # doctest: +SKIP
    """

    def __init__(self, path: str | Path | None = None, *, create: bool = True, wait_s: float | None = None) -> None:
        self.db = Database(path or os.environ.get("DHSDB_STORE") or DEFAULT_FILE, wait_s)
        if create and not self.db.path.exists():
            self.db.create()
        if self.db.path.exists():
            runs.repair(self.db)

    # --- inputs ------------------------------------------------------------------------------------------------------
    def import_(self, format: str, *paths: str | Path, scenario: str, **options: Any) -> ImportReport:  # noqa: A002
        """Import files into a scenario, which is created if it does not exist.

        Parameters
        ----------
        format
            One of those that `dhsdb import --list` names, or ``auto``.
        **options
            ``year``, ``site``, ``bbox``, ``epsg``, ``on_conflict``, ``message``, ``dry_run``, ``progress``.
        """
        from dhsdb.importers.pipeline import run_import

        return run_import(self.db, format, [Path(p) for p in paths], scenario=scenario, **options)

    def export_bundle(
        self, path: str | Path, scenarios: Sequence[str], *, runs: Sequence[int] | None = None
    ) -> Exported:
        """Write scenarios with all that they stand on, and runs, for another store; see :func:`dhsdb.bundle.export_bundle`."""
        from dhsdb.bundle import export_bundle

        return export_bundle(self.db, path, scenarios, runs=runs)

    def export_energyplan(self, path: str | Path, scenario: str, *, year: int | None = None) -> ExportedKeys:
        """Write a scenario's EnergyPLAN keys as an input file; see :func:`dhsdb.importers.energyplan_export.export_energyplan`."""
        from dhsdb.importers.energyplan_export import export_energyplan

        return export_energyplan(self.db, Path(path), scenario, year)

    def import_bundle(
        self, path: str | Path, *, rename: Mapping[str, str] | None = None, dry_run: bool = False
    ) -> BundleReport:
        """Bring in a bundle and join what both have; see :func:`dhsdb.bundle_import.import_bundle`."""
        from dhsdb.bundle_import import import_bundle

        return import_bundle(self.db, path, rename=rename, dry_run=dry_run)

    def new(self, name: str, years: Sequence[int] = (), message: str = "") -> Ref:
        """Create an empty scenario with its model years."""
        return scenarios.new(self.db, name, years, message)

    def derive(self, name: str, base: str, message: str = "") -> Ref:
        """Create a scenario on top of another, which may be named with a revision: ``base@7``."""
        return scenarios.derive(self.db, name, base, message)

    def compose(
        self, name: str, base: str, layers: Sequence[str], message: str = "", prefer: Sequence[str] = ()
    ) -> composition.Composed:
        """Create a scenario from a base and the layers of other scenarios; see :func:`dhsdb.composition.compose`."""
        return composition.compose(self.db, name, base, layers, message, prefer)

    def grid(
        self,
        base: str,
        axes: Sequence[Sequence[str]],
        pattern: str = "",
        message: str = "",
        prefer: Sequence[str] = (),
    ) -> list[composition.Composed]:
        """Compose a scenario for each combination of one per axis; see :func:`dhsdb.composition.grid`."""
        return composition.grid(self.db, base, axes, pattern, message, prefer)

    def rebase(self, *names: str, message: str = "", dry_run: bool = False) -> list[Rebased]:
        """Move scenarios (default all that are behind) to the newest revisions of the layers that they stand on."""
        from dhsdb.rebasing import rebase

        return rebase(self.db, names, message, dry_run=dry_run)

    def revert(self, name: str, revision: int | str, message: str = "") -> Reverted:
        """Restore the state of an old revision (number or tag) as a new one."""
        return history.revert(self.db, name, str(revision), message)

    def tag(self, name: str, revision: int | str, tag: str, *, move: bool = False) -> Ref:
        """Name a revision of a scenario, so that ``NAME@TAG`` means it."""
        return history.tag(self.db, name, str(revision), tag, move=move)

    def untag(self, name: str, tag: str) -> None:
        """Take a tag from its revision."""
        history.untag(self.db, name, tag)

    def merge(self, name: str, other: str, *, prefer: str = "", message: str = "", dry_run: bool = False) -> Merged:
        """Bring in what another scenario changed since the common ancestor; see :func:`dhsdb.merging.merge`."""
        from dhsdb.merging import merge

        return merge(self.db, name, other, prefer=prefer, message=message, dry_run=dry_run)

    def apply(self, scenario: str, a: str, b: str, message: str, *, prefer: str = "", dry_run: bool = False) -> Merged:
        """Apply what changed from ``a`` to ``b`` onto a scenario; see :func:`dhsdb.merging.pick`."""
        from dhsdb.merging import pick

        return pick(self.db, scenario, a, b, prefer=prefer, message=message, dry_run=dry_run)

    def delete(self, name: str, message: str = "") -> None:
        """Delete a scenario that no other builds on."""
        scenarios.delete(self.db, name, message)

    def set(
        self, scenario: str, cell: str, value: edits.Value, *, where: str = "", year: int | None = None, message: str
    ) -> edits.Edit:
        """Set a column of the rows that a condition selects; see :func:`dhsdb.edits.set_cells`."""
        return edits.set_cells(self.db, scenario, cell, value, where=where, year=year, message=message)

    def add(
        self, scenario: str, table: str, values: Mapping[str, edits.Value], *, year: int | None = None, message: str
    ) -> edits.Edit:
        """Add one row to an input table; see :func:`dhsdb.edits.add_row`."""
        return edits.add_row(self.db, scenario, table, values, year=year, message=message)

    def remove(self, scenario: str, table: str, *, where: str, message: str) -> edits.Edit:
        """Remove the rows that a condition selects; see :func:`dhsdb.edits.remove_rows`."""
        return edits.remove_rows(self.db, scenario, table, where=where, message=message)

    def estimate(
        self, scenario: str, message: str = "", *, weather: str = "", reference: str = "", year: int | None = None
    ) -> edits.Edit:
        """Estimate the heat demand of buildings anew; see :func:`dhsdb.importers.estimate.estimate_demand`."""
        from dhsdb.importers.estimate import estimate_demand

        return estimate_demand(self.db, scenario, message, weather=weather, reference=reference, year=year)

    # --- runs --------------------------------------------------------------------------------------------------------
    def run(
        self,
        scenario: str | Sequence[str],
        stages: Iterable[str] = (),
        *,
        years: Iterable[int] = (),
        at: int | None = None,
        options: Mapping[str, object] | None = None,
        force: bool = False,
        on: Iterable[int] | None = None,
        watch: Callable[[str, float, str], None] = lambda *_: None,
    ) -> list[Run]:
        """Solve the stages of a scenario; what was solved before is answered from the store.

        Parameters
        ----------
        scenario
            Name, or several: they share one solver, which goes on from the last solution where a scenario differs from
            the one before in costs and limits alone.
        stages
            geo, investment, dispatch, pareto; empty = all that apply but pareto.
        on
            Runs that the stages build on, instead of those that the store would choose.
        watch
            Called with (stage, fraction, doing).
        """
        from dhsdb.models.warm import Solvers

        names = [scenario] if isinstance(scenario, str) else list(scenario)
        order = Order("", tuple(stages), tuple(years), at, tuple((options or {}).items()), force)
        order = replace(order, on=None if on is None else tuple(on))
        solvers = Solvers(keep=len(names) > 1)
        return [run for name in names for run in run_scenario(self.db, replace(order, scenario=name), watch, solvers)]

    def run_list(self, scenario: str = "") -> list[dict[str, Any]]:
        """Return the runs, which of them speak now, and which are stale; see :func:`dhsdb.provenance.run_list`."""
        from dhsdb.provenance import run_list

        return run_list(self.db, scenario)

    def provenance(self, run: int) -> dict[str, Any]:
        """Return all that is known of a run; see :func:`dhsdb.provenance.provenance`."""
        from dhsdb.provenance import provenance

        return provenance(self.db, run)

    def use(self, run: int, scenario: str = "") -> str:
        """Let the chain of a run speak for its scenario, or for another that shares it, in the plain result views."""
        return runs.use(self.db, run, scenario)

    def use_newest(self, scenario: str) -> None:
        """Take back what `use` chose: the newest whole study speaks for the scenario again."""
        runs.use_newest(self.db, scenario)

    # --- looking -----------------------------------------------------------------------------------------------------
    def sql(self, query: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> Relation:
        """Run one statement for reading; functions whose name begins with ``ST_`` load the spatial extension."""
        return Relation(self.db.sql(query, parameters, spatial="st_" in query.lower()))  # type: ignore[arg-type]

    def geo(self, view: str, scenario: str) -> gpd.GeoDataFrame:
        """Return a view with geometries as a GeoDataFrame in the scenario's coordinate system.

        Parameters
        ----------
        view
            A result view (``network``, ``connection``) or an input table (``building``, ``input.street``).
        """
        from dhsdb.shapes import geo_frame

        return geo_frame(self.db, view, scenario)

    def plot(self, kind: str, *scenarios: str, output: str | Path, year: int | None = None) -> Path:
        """Draw a picture of scenarios side by side, and write it; see :func:`dhsdb.pictures.draw`."""
        from dhsdb.pictures import draw

        return draw(self.db, kind, scenarios, Path(output), year)

    def attribution(self, scenario: str = "") -> tuple[str, ...]:
        """Return what licences ask to be shown with data of a scenario, or of the whole store."""
        from dhsdb.attribution import attributions

        return attributions(self.db, scenario)

    def blame(self, scenario: str, table: str, where: str = "") -> Relation:
        """Return for every effective cell where it comes from; see :func:`dhsdb.blame.blame`."""
        from dhsdb.blame import blame

        return blame(self.db, scenario, table, where)

    def diff(self, a: str, b: str | Path, **options: Any) -> Diff:
        """Compare two scenarios, revisions or runs, or a scenario with a file that is not imported yet.

        Parameters
        ----------
        a
            Scenario, ``scenario@revision``, or ``run:NUMBER``.
        b
            What it is compared with; a file or folder shows what its import into scenario ``a`` would change.
        **options
            ``inputs``, ``results``, ``tables``, ``rel_tol``, ``abs_tol``, ``as_given``: see :func:`dhsdb.diff.diff`. For a
            file ``format``, ``year``, ``site``, ``on_conflict``, ``tables``: see :func:`dhsdb.importers.pipeline.preview`.
        """
        from dhsdb.diff import diff, is_file

        if is_file(self.db, b):
            from dhsdb.importers.pipeline import preview

            of_scenarios = ("inputs", "results", "rel_tol", "abs_tol", "as_given")
            return preview(self.db, a, b, **{n: v for n, v in options.items() if n not in of_scenarios})
        return diff(self.db, a, str(b), **options)

    def set_rate(
        self,
        currency: str,
        year: int,
        *,
        per_eur: float | None = None,
        price_level: float | None = None,
        source: str,
    ) -> rates.Rate:
        """Set the exchange rate or price level of a currency in a year; see :func:`dhsdb.rates.set_rate`."""
        return rates.set_rate(self.db, currency, year, per_eur=per_eur, price_level=price_level, source=source)

    def check(self, scenario: str | None = None) -> list[Finding]:
        """Return what is wrong or implausible, in one scenario or in all; findings of imports and runs included."""
        from dhsdb.check import check

        return check(self.db, scenario, stored=True)

    def scenario(self, name: str) -> Ref:
        """Return a scenario's number and newest revision.

        Raises
        ------
        UnknownNameError
            If there is none of that name.
        """
        with self.db.read() as con:
            return find(con, name)

    # --- the file ----------------------------------------------------------------------------------------------------
    def backup(self, path: str | Path) -> Path:
        """Copy the store consistently to a new file."""
        from dhsdb.upkeep import backup

        return backup(self.db, Path(path))

    def compact(self) -> tuple[int, int]:
        """Drop what nothing refers to and rewrite the file; return its size before and after, in bytes."""
        from dhsdb.upkeep import compact

        return compact(self.db)


def existing(path: str | Path | None) -> Store:
    """Return a store that must be there already.

    Raises
    ------
    UserError
        If it is not.
    """
    store = Store(path, create=False)
    if not store.db.path.exists():
        raise UserError(
            f"there is no store at {store.db.path}.",
            "Create it with `dhsdb init`, or name another with --store FILE or $DHSDB_STORE.",
        )
    return store
