"""Compare two scenarios, two revisions or two runs, by natural key: added, removed and changed cells.

A :class:`Diff` is a value: relations that SQL, data frames and exports can use, and a summary. How it looks on a screen
or a page stands in :mod:`~dhsdb.diff_render`. Only keys that some layer sets differently are resolved; of profiles
whose hashes are equal no value is read.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dhsdb import attribution
from dhsdb.errors import UnknownNameError
from dhsdb.names import scenario_names
from dhsdb.relation import Relation

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import duckdb
    import pyarrow as pa

    from dhsdb.database import Database
    from dhsdb.diff_inputs import Touched
    from dhsdb.diff_money import Amounts
    from dhsdb.diff_results import Tolerance
    from dhsdb.diff_sides import Side
    from dhsdb.money import Money


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
    attribution
        What the licences of the sides' sources ask to be shown.
    """

    a: str
    b: str
    changes: Relation
    profiles: Relation
    geometries: Relation
    warnings: tuple[str, ...] = ()
    attribution: tuple[str, ...] = ()

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
    def by_table(self) -> Relation:
        """The summary as a relation: area, table, cells, added, removed."""
        import pyarrow as pa

        kinds = {"area": pa.string(), "table": pa.string()} | dict.fromkeys(("cells", "added", "removed"), pa.int64())
        rows = [asdict(s) for s in self.summary]
        return Relation(pa.Table.from_pylist(rows, pa.schema(kinds.items())))

    @property
    def relations(self) -> dict[str, Relation]:
        """What :meth:`sql` can read, by name."""
        return {
            "changes": self.changes, "profiles": self.profiles, "geometries": self.geometries, "summary": self.by_table
        }  # fmt: skip

    def sql(self, query: str) -> Relation:
        """Run one statement over the relations ``changes``, ``profiles``, ``geometries`` and ``summary``.

        It sees nothing else: no store, no files, no settings. Columns ``table`` and ``column`` need quotes.

        Raises
        ------
        UserError
            If the statement fails, with DuckDB's own words.

        Examples
        --------
        >>> store.diff("base", "dear").sql('SELECT "table", sum(absolute) FROM changes GROUP BY ALL')  # doctest: +SKIP
        """
        from dhsdb.sandbox import query_relations

        return Relation(query_relations({name: r.table for name, r in self.relations.items()}, query))

    def only(self, tables: Iterable[str] | None) -> Diff:
        """Return what differs in some tables; None = all."""
        if tables is None:
            return self
        from dhsdb.diff_results import NAMES
        from dhsdb.schema.catalog import INPUT

        wanted = _known(tables, (*INPUT, *NAMES)) or set()
        profiles = self.profiles if "profile" in wanted else Relation(self.profiles.table.slice(0, 0))
        changes, geometries = (_of_tables(r, wanted) for r in (self.changes, self.geometries))
        return replace(self, changes=changes, profiles=profiles, geometries=geometries)

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
    as_given: bool = False,
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
    as_given
        Compare amounts of money as they are stored, even if the sides are in different money.

    Raises
    ------
    UnknownNameError
        If there is no such scenario, run or table.
    UserError
        If the sides are in different money, amounts are compared, and the store holds no rate.
    """
    with db.read() as con:
        return compare(
            con, a, b, inputs=inputs, results=results, tables=tables, rel_tol=rel_tol, abs_tol=abs_tol, as_given=as_given
        )  # fmt: skip


def is_file(db: Database, name: str | Path) -> bool:
    """Return whether a name is no scenario and no run, but a file or folder on disk.

    Raises
    ------
    UnknownNameError
        If it is none of these.
    """
    from dhsdb.diff_sides import side

    path = Path(name)
    with db.read() as con:
        try:
            side(con, str(name))
        except UnknownNameError as error:
            if path.exists():
                return True
            if error.kind == "run":
                raise
            beside = [str(p) for p in path.parent.iterdir()] if path.parent.is_dir() else []
            raise UnknownNameError("scenario, run or file", str(name), [*scenario_names(con), *beside]) from None
    return False


def compare(
    con: duckdb.DuckDBPyConnection,
    a: str | Side,
    b: str | Side,
    *,
    inputs: bool = True,
    results: bool = True,
    tables: Iterable[str] | None = None,
    rel_tol: float = 1e-9,
    abs_tol: float = 1e-9,
    as_given: bool = False,
) -> Diff:
    """Compare on an open connection, such as one that holds an import which is not committed; see :func:`diff`."""
    from dhsdb.diff_results import NAMES, Tolerance
    from dhsdb.diff_sides import side
    from dhsdb.schema.catalog import INPUT

    wanted = _known(tables, (*INPUT, *NAMES))
    sides = [side(con, one) if isinstance(one, str) else one for one in (a, b)]
    found = _Comparison(con, *sides, as_given=as_given)
    if inputs:
        found.add_inputs([t for t in INPUT if wanted is None or t in wanted])
    if results:
        found.add_results([n for n in NAMES if wanted is None or n in wanted], Tolerance(rel_tol, abs_tol))
    return found.diff()


class _Comparison:
    """A diff while its parts are gathered."""

    def __init__(self, con: duckdb.DuckDBPyConnection, a: Side, b: Side, *, as_given: bool) -> None:
        from dhsdb.diff_figures import geometry_schema, profile_schema

        self.con, self.a, self.b, self.as_given = con, a, b, as_given
        self.changes: list[pa.Table] = []
        self.profiles: list[pa.Table] = [profile_schema().empty_table()]
        self.geometries: list[pa.Table] = [geometry_schema().empty_table()]
        self.warnings: list[str] = []

    def add_inputs(self, tables: Sequence[str]) -> None:
        from dhsdb import diff_figures
        from dhsdb.diff_inputs import PROFILE, changed_inputs, touched
        from dhsdb.diff_sides import epsg

        where = touched(self.con, self.a.ref, self.b.ref)
        amounts = self._amounts_of_inputs(where)
        for subject, rows in changed_inputs(self.con, where, tables, amounts):
            changes = rows
            if subject.table == PROFILE:
                if amounts.differ and diff_figures.has_prices(self.con):
                    amounts.refuse()
                figures = diff_figures.profile_figures(self.con, amounts.factor(self.con, subject, ""))
                changes = diff_figures.with_sums(changes, figures)
                self.profiles.append(figures)
            if any(cell.kind == "geometry" for cell in subject.cells):
                codes = epsg(self.con, self.a.ref), epsg(self.con, self.b.ref)
                figures = diff_figures.geometry_figures(self.con, subject, codes)
                changes = diff_figures.with_sizes(changes, figures)
                self.geometries.append(figures)
            self.changes.append(changes)

    def add_results(self, names: Sequence[str], tolerance: Tolerance) -> None:
        from dhsdb.diff_results import RUN, changed_results, verdicts
        from dhsdb.diff_sides import common_stages, with_results

        a, b = with_results(self.con, self.a), with_results(self.con, self.b)
        self.warnings += dict.fromkeys([*a.remarks, *b.remarks])
        left, right, _ = common_stages(*(verdicts(self.con, one) for one in (a, b)))
        amounts = self._amounts_of_results(a, b)
        self.changes += changed_results(self.con, (left, right), [n for n in names if n == RUN], tolerance, amounts)
        if a.runs and b.runs:
            left, right, remarks = common_stages(a, b)
            self.warnings += remarks
            others = [n for n in names if n != RUN]
            self.changes += changed_results(self.con, (left, right), others, tolerance, amounts)

    def diff(self) -> Diff:
        import pyarrow as pa

        from dhsdb.diff_sql import concat

        profiles, geometries = Relation(pa.concat_tables(self.profiles)), Relation(pa.concat_tables(self.geometries))
        warnings = tuple(dict.fromkeys(self.warnings))
        credit = attribution.of_refs(self.con, (self.a.ref, self.b.ref))
        return Diff(self.a.label, self.b.label, Relation(concat(self.changes)), profiles, geometries, warnings, credit)

    # --- money -------------------------------------------------------------------------------------------------------
    def _amounts_of_inputs(self, where: Touched) -> Amounts:
        from dhsdb.diff_money import Amounts
        from dhsdb.money import money_of

        if "model_option" not in where.tables:
            return Amounts((self.a.name, self.b.name))
        return self._amounts(money_of(self.con, self.a.ref), money_of(self.con, self.b.ref))

    def _amounts_of_results(self, a: Side, b: Side) -> Amounts:
        from dhsdb.money import money_of_results

        moneys = [money_of_results(self.con, one.ref, [run for _, run in one.runs]) for one in (a, b)]
        return self._amounts(*moneys)

    def _amounts(self, a: Money, b: Money) -> Amounts:
        from dhsdb.diff_money import amounts

        found = amounts(self.con, (self.a.name, self.b.name), (a, b), as_given=self.as_given)
        if found.remark:
            self.warnings.append(found.remark)
        return found


def _of_tables(rows: Relation, wanted: set[str]) -> Relation:
    import pyarrow as pa
    import pyarrow.compute as pc

    return Relation(rows.table.filter(pc.is_in(rows.table.column("table"), pa.array(sorted(wanted), pa.string()))))


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
