"""Compare two scenarios, two revisions or two runs, by natural key: added, removed and changed cells.

A :class:`Diff` is a value: relations that SQL, data frames and exports can use, and a summary. How it looks on a screen
or a page stands in :mod:`~dhsdb.diff_render`. Only keys that some layer sets differently are resolved; of profiles
whose hashes are equal no value is read.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dhsdb.errors import UnknownNameError, UserError
from dhsdb.relation import Relation

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import duckdb
    import pyarrow as pa

    from dhsdb.database import Database
    from dhsdb.diff_results import Tolerance
    from dhsdb.diff_sides import Side


@dataclass(frozen=True, slots=True)
class TableSummary:
    """How much differs in a table.

    Attributes
    ----------
    area
        ``inputs`` or ``results``.
    cells
        Cells that changed, in rows that both sides have; a change that is alike in all years counts once.
    added, removed
        Rows that only the second, only the first side has.
    """

    area: str
    table: str
    cells: int
    added: int
    removed: int


@dataclass(frozen=True, slots=True)
class Diff:
    """What differs between two sides.

    Attributes
    ----------
    a, b
        The sides in words: ``base@12``, ``run 7 of base@12``.
    changes
        One row per cell: area, table, key, year (NULL = alike in all model years), column, change (added, removed or
        changed), old, new (as stored), old_value, new_value (in the money of ``a``), absolute, relative, unit, keys.
    profiles
        One row per profile whose series differs: sum, peak, hours changed, correlation.
    geometries
        One row per geometry that differs: type, length, area, Hausdorff and moved distance [m], WKB of both sides.
    warnings
        What a reader should know: missing or old results, other money.
    """

    a: str
    b: str
    changes: Relation
    profiles: Relation
    geometries: Relation
    warnings: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return len(self.changes) > 0

    @property
    def summary(self) -> tuple[TableSummary, ...]:
        """What differs by table, in the order of ``changes``."""
        names = ("area", "table", "change", "key", "year")
        columns = self.changes.table.select(names).to_pydict()
        cells = Counter(zip(*(columns[n] for n in names[:3]), strict=True))
        rows = Counter(at[:3] for at in set(zip(*(columns[n] for n in names), strict=True)))
        return tuple(
            TableSummary(
                area, name, cells[area, name, "changed"], rows[area, name, "added"], rows[area, name, "removed"]
            )
            for area, name in dict.fromkeys(at[:2] for at in cells)
        )

    @property
    def headline(self) -> str:
        """The summary in one line: ``inputs: 14 cells changed in 3 tables; results: 9 cells changed in 2 tables``."""
        summary = self.summary
        areas = dict.fromkeys(s.area for s in summary)
        return (
            "; ".join(f"{area}: {_in_words([s for s in summary if s.area == area])}" for area in areas)
            or "no difference"
        )


def diff(
    db: Database,
    a: str,
    b: str,
    *,
    inputs: bool = True,
    results: bool = True,
    tables: Iterable[str] | None = None,
    rel_tol: float = 1e-9,
    abs_tol: float = 1e-9,
) -> Diff:
    """Compare two scenarios, revisions or runs.

    Parameters
    ----------
    a, b
        ``NAME``, ``NAME@REVISION``, ``run:NUMBER`` or a plain run number.
    inputs, results
        What to compare.
    tables
        Input tables and result views to compare; None = all.
    rel_tol, abs_tol
        Two results count as equal within ``abs_tol + rel_tol * max(|a|, |b|)``; inputs are compared exactly.

    Raises
    ------
    UnknownNameError
        If there is no such scenario, run or table.
    UserError
        If the sides are in different money and the store holds no rate.
    """
    with db.read() as con:
        return compare(con, a, b, inputs=inputs, results=results, tables=tables, rel_tol=rel_tol, abs_tol=abs_tol)


def compare(
    con: duckdb.DuckDBPyConnection,
    a: str,
    b: str,
    *,
    inputs: bool = True,
    results: bool = True,
    tables: Iterable[str] | None = None,
    rel_tol: float = 1e-9,
    abs_tol: float = 1e-9,
) -> Diff:
    """Compare on an open connection, such as one that holds an import which is not committed; see :func:`diff`."""
    from dhsdb.diff_results import NAMES, Tolerance
    from dhsdb.diff_sides import side
    from dhsdb.schema.catalog import INPUT

    wanted = _known(tables, (*INPUT, *NAMES))
    found = _Comparison(con, side(con, a), side(con, b), compares_results=results)
    if inputs:
        found.add_inputs([t for t in INPUT if wanted is None or t in wanted])
    if results:
        found.add_results([n for n in NAMES if wanted is None or n in wanted], Tolerance(rel_tol, abs_tol))
    return found.diff()


class _Comparison:
    """A diff while its parts are gathered."""

    def __init__(self, con: duckdb.DuckDBPyConnection, a: Side, b: Side, *, compares_results: bool) -> None:
        from dhsdb.diff_inputs import touched

        self.con, self.a, self.b = con, a, b
        self.changes: list[pa.Table] = []
        self.profiles: list[pa.Table] = []
        self.geometries: list[pa.Table] = []
        self.warnings: list[str] = []
        self.where = touched(con, a.ref, b.ref)
        self.money = self._money(refuse=compares_results) if "model_option" in self.where.tables else 1.0

    def add_inputs(self, tables: Sequence[str]) -> None:
        from dhsdb import diff_figures
        from dhsdb.diff_inputs import changed_inputs
        from dhsdb.diff_sides import epsg

        for subject, rows in changed_inputs(self.con, self.where, tables, self.money):
            changes = rows
            if subject.table == "profile":
                figures = diff_figures.profile_figures(self.con)
                changes = diff_figures.with_sums(changes, figures)
                self.profiles.append(figures)
            if any(cell.kind == "geometry" for cell in subject.cells):
                codes = epsg(self.con, self.a.ref), epsg(self.con, self.b.ref)
                figures = diff_figures.geometry_figures(self.con, subject, codes)
                changes = diff_figures.with_sizes(changes, figures)
                self.geometries.append(figures)
            self.changes.append(changes)

    def add_results(self, names: Sequence[str], tolerance: Tolerance) -> None:
        from dhsdb.diff_results import changed_results
        from dhsdb.diff_sides import common_stages, with_results

        a, b = with_results(self.con, self.a), with_results(self.con, self.b)
        self.warnings += dict.fromkeys([*a.remarks, *b.remarks])
        if a.runs and b.runs:
            left, right, remarks = common_stages(a, b)
            self.warnings += remarks
            self.changes += changed_results(self.con, (left, right), names, tolerance, self.money)

    def diff(self) -> Diff:
        from dhsdb.diff_sql import concat

        profiles, geometries = Relation(_one(self.profiles)), Relation(_one(self.geometries))
        return Diff(
            self.a.label, self.b.label, Relation(concat(self.changes)), profiles, geometries, tuple(self.warnings)
        )

    def _money(self, *, refuse: bool) -> float:
        """Return the factor from b's money to a's; without a rate refuse results, and take inputs as given."""
        from dhsdb.money import factor, money_of

        a, b = money_of(self.con, self.a.ref), money_of(self.con, self.b.ref)
        try:
            return factor(self.con, b, a)
        except UserError:
            if refuse and a.is_known and b.is_known:
                raise
            self.warnings.append(f"'{self.a.name}' is in {a}, '{self.b.name}' in {b}: amounts are compared as given.")
            return 1.0


def _one(parts: Sequence[pa.Table]) -> pa.Table:
    import pyarrow as pa

    return pa.concat_tables(parts) if parts else pa.table({})


def _known(tables: Iterable[str] | None, names: Sequence[str]) -> set[str] | None:
    """Return the tables asked for, refusing those that there are not."""
    if tables is None:
        return None
    wanted = set(tables)
    for name in sorted(wanted):
        if name not in names:
            raise UnknownNameError("table", name, names)
    return wanted


def _in_words(summary: Sequence[TableSummary]) -> str:
    """Return ``14 cells changed, 2 rows added in 3 tables``."""
    parts = []
    for n, what in (
        (sum(s.cells for s in summary), "cell{} changed"),
        (sum(s.added for s in summary), "row{} added"),
        (sum(s.removed for s in summary), "row{} removed"),
    ):
        if n:
            parts.append(f"{n} {what.format('s' * (n != 1))}")
    return f"{', '.join(parts)} in {len(summary)} table{'s' * (len(summary) != 1)}"
