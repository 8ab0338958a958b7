"""Compare two scenarios, two revisions or two runs, by natural key: added, removed and changed cells.

A :class:`Diff` is a value: relations that SQL, data frames and exports can use, and a summary. How it looks on a screen or a page
stands in :mod:`~dhsdb.diff_render`. Only keys that some layer sets differently are resolved; of profiles whose hashes are
equal no value is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dhsdb.errors import UnknownNameError, UserError
from dhsdb.relation import Relation

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import duckdb
    import pyarrow as pa

    from dhsdb.database import Database
    from dhsdb.diff_inputs import Touched
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
        wanted = ["area", "table", "key", "year", "column", "change"]
        columns = self.changes.table.select(wanted).to_pydict()
        cells: dict[tuple[str, str], int] = {}
        rows: dict[tuple[str, str], dict[str, set[tuple[str, int | None]]]] = {}
        for area, table, key, year, change in zip(*(columns[n] for n in wanted if n != "column"), strict=True):
            cells.setdefault((area, table), 0)
            if change == "changed":
                cells[area, table] += 1
            else:
                rows.setdefault((area, table), {"added": set(), "removed": set()})[change].add((key, year))
        none: dict[str, set[tuple[str, int | None]]] = {"added": set(), "removed": set()}
        return tuple(
            TableSummary(*at, n, len(rows.get(at, none)["added"]), len(rows.get(at, none)["removed"])) for at, n in cells.items()
        )

    @property
    def headline(self) -> str:
        """The summary in one line: ``inputs: 14 cells changed in 3 tables; results: 9 cells changed in 2 tables``."""
        summary = self.summary
        areas = dict.fromkeys(s.area for s in summary)
        return "; ".join(f"{area}: {_in_words([s for s in summary if s.area == area])}" for area in areas) or "no difference"


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
    from dhsdb.diff_inputs import touched  # noqa: PLC0415  heavy
    from dhsdb.diff_results import NAMES, Tolerance  # noqa: PLC0415
    from dhsdb.diff_sides import side  # noqa: PLC0415
    from dhsdb.schema.catalog import INPUT  # noqa: PLC0415  heavy

    wanted = _known(tables, (*INPUT, *NAMES))
    sides = side(con, a), side(con, b)
    where = touched(con, sides[0].ref, sides[1].ref)
    found = _Found([], [], [], [])
    money = _money(con, sides, found, strict=results) if "model_option" in where.tables else 1.0
    if inputs:
        _add_inputs(con, sides, where, [t for t in INPUT if wanted is None or t in wanted], money, found)
    if results:
        names = [n for n in NAMES if wanted is None or n in wanted]
        _add_results(con, sides, names, Tolerance(rel_tol, abs_tol), money, found)
    return found.diff(sides)


@dataclass(slots=True)
class _Found:
    """The parts of a diff while they are gathered."""

    changes: list[pa.Table]
    profiles: list[pa.Table]
    geometries: list[pa.Table]
    warnings: list[str]

    def diff(self, sides: tuple[Side, Side]) -> Diff:
        import pyarrow as pa  # noqa: PLC0415  heavy

        from dhsdb.diff_sql import concat  # noqa: PLC0415

        profiles, geometries = (
            Relation(pa.concat_tables(parts) if parts else pa.table({})) for parts in (self.profiles, self.geometries)
        )
        a, b = sides
        return Diff(a.label, b.label, Relation(concat(self.changes)), profiles, geometries, tuple(self.warnings))


def _add_inputs(
    con: duckdb.DuckDBPyConnection, sides: tuple[Side, Side], where: Touched, tables: Sequence[str], money: float, found: _Found
) -> None:
    from dhsdb import diff_figures  # noqa: PLC0415
    from dhsdb.diff_inputs import changed_inputs  # noqa: PLC0415  heavy
    from dhsdb.diff_sides import epsg  # noqa: PLC0415

    for subject, rows in changed_inputs(con, where, tables, money):
        changes = rows
        if subject.table == "profile":
            figures = diff_figures.profile_figures(con)
            changes = diff_figures.with_sums(changes, figures)
            found.profiles.append(figures)
        if any(cell.kind == "geometry" for cell in subject.cells):
            figures = diff_figures.geometry_figures(con, subject, (epsg(con, sides[0].ref), epsg(con, sides[1].ref)))
            changes = diff_figures.with_sizes(changes, figures)
            found.geometries.append(figures)
        found.changes.append(changes)


def _add_results(
    con: duckdb.DuckDBPyConnection, sides: tuple[Side, Side], names: Sequence[str], tolerance: Tolerance, money: float, found: _Found
) -> None:
    from dhsdb.diff_results import changed_results  # noqa: PLC0415
    from dhsdb.diff_sides import common_stages, with_results  # noqa: PLC0415

    a, b = (with_results(con, one) for one in sides)
    found.warnings += dict.fromkeys([*a.remarks, *b.remarks])
    if not a.runs or not b.runs:
        return
    left, right, remarks = common_stages(a, b)
    found.warnings += remarks
    found.changes += changed_results(con, (left, right), names, tolerance, money)


def _money(con: duckdb.DuckDBPyConnection, sides: tuple[Side, Side], found: _Found, *, strict: bool) -> float:
    """Return the factor from b's money to a's; without one, refuse to compare results, and inputs are compared as given."""
    from dhsdb.money import factor, money_of  # noqa: PLC0415

    a, b = (money_of(con, one.ref) for one in sides)
    if a == b:
        return 1.0
    if strict and a.is_known and b.is_known:
        return factor(con, b, a)
    try:
        return factor(con, b, a)
    except UserError:
        found.warnings.append(f"'{sides[0].name}' is in {a}, '{sides[1].name}' in {b}: amounts are compared as given.")
        return 1.0


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
