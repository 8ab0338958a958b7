"""Differences applied: what changed from one state of inputs to another, written into the layer of a third.

Three sides of each table are resolved for the keys that can differ: ``a`` (before), ``b`` (after) and ``t`` (the target as
it is). A cell that changed from a to b is written unless the target has it already; where the target has changed it too, it
is a :class:`Clash`. All of it is SQL over whole tables. Which states are compared is decided by others.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dhsdb.bulk import registered
from dhsdb.errors import UserError
from dhsdb.schema.catalog import INPUT
from dhsdb.schema.effective import resolve_sql
from dhsdb.stacks import DIFFERS, HOLDS, as_rows, ranges, stack, touched_tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import duckdb
    import pyarrow as pa

    from dhsdb.database import Writer
    from dhsdb.names import Ref
    from dhsdb.schema.inputs import InputRow
    from dhsdb.stacks import Level

NO_ROW = "no row"
"""What a clash says of a side that lacks the row."""

_A, _B, _TARGET = "a", "b", "t"
_STACK, _RANGE = "patch_stack", "patch_range"
_SHOWN_SHAPE = 60


@dataclass(frozen=True, slots=True)
class Clash:
    """A cell that both sides changed since their common ancestor, to different values.

    Attributes
    ----------
    key
        Natural key in words.
    year
        Year of the cell; None = alike in all model years.
    ancestor, ours, theirs
        Values as text, None for NULL, and :data:`NO_ROW` where the side lacks the row.
    """

    table: str
    key: str
    year: int | None
    column: str
    ancestor: str | None
    ours: str | None
    theirs: str | None

    def __str__(self) -> str:
        place = ", ".join(str(p) for p in (self.table, self.key, self.year, self.column) if p)
        was, ours, theirs = ("NULL" if v is None else v for v in (self.ancestor, self.ours, self.theirs))
        return f"{place}: {was} became {ours} here, {theirs} there"


@dataclass(slots=True)
class Patched:
    """What was written into the target's layer, and the cells that both sides changed, whoever decided."""

    n_set: int = 0
    n_removed: int = 0
    clashes: list[Clash] = field(default_factory=list)

    @property
    def n(self) -> int:
        """Number of rows written."""
        return self.n_set + self.n_removed


def apply(writer: Writer, target: Ref, a: Ref, b: Ref, tables: Iterable[str] | None = None) -> int:
    """Write what changed from ``a`` to ``b`` into the target's own layer, as part of revision ``target.revision``.

    If the target's effective inputs equal those of ``a``, they equal those of ``b`` afterwards. Cells that the target has
    changed itself get b's value.

    Returns
    -------
    int
        Number of rows written; the revision counts them.
    """
    done = patch(writer, target, stack(writer.con, a), stack(writer.con, b), tables, force=True)
    return done.n


def patch(
    writer: Writer,
    target: Ref,
    a: Sequence[Level],
    b: Sequence[Level],
    tables: Iterable[str] | None = None,
    *,
    force: bool,
) -> Patched:
    """Write what changed from one stack to another into the target's own layer.

    Parameters
    ----------
    target
        Scenario, and the revision that is being written.
    tables
        Input tables; None = all.
    force
        Let b decide where the target has changed a cell itself; else such cells are left as they are.

    Raises
    ------
    UserError
        If geometries of another coordinate system would be written.
    """
    con = writer.con
    found = ranges(a, b)
    names = touched_tables(con, INPUT if tables is None else [t for t in INPUT if t in set(tables)], found)
    done = Patched()
    if not names:
        return done
    sides = {_A: a, _B: b, _TARGET: stack(con, target)}
    with registered(con, _RANGE, as_rows(found)):
        if "model_year" in names:  # first, since all others are read in the model years that result
            _patch_table(
                con, "model_year", sides, {s: _years(con, x) for s, x in sides.items()}, target, done, force=force
            )
        years = dict.fromkeys(sides, _years(con, sides[_TARGET]))
        for name in (n for n in INPUT if n in names and n != "model_year"):
            before = done.n_set
            _patch_table(con, name, sides, years, target, done, force=force)
            if done.n_set > before and INPUT[name].geometries():
                _agree_epsg(con, target, sides)
    con.execute(
        "UPDATE meta.revision SET n_set = n_set + ?, n_removed = n_removed + ? WHERE revision = ?",
        [done.n_set, done.n_removed, target.revision],
    )
    return done


def _patch_table(
    con: duckdb.DuckDBPyConnection,
    name: str,
    sides: Mapping[str, Sequence[Level]],
    years: Mapping[str, list[int]],
    target: Ref,
    done: Patched,
    *,
    force: bool,
) -> None:
    """Compare the three sides of a table, and write what changed."""
    with registered(con, _STACK, _stack_rows(sides, years)):
        one = _TablePatch(con, INPUT[name], years[_TARGET], target, force=force)
        one.join()
        done.clashes += one.clashes()
        one.decide()
        one.collapse()
        n_set, n_removed = one.write()
    done.n_set += n_set
    done.n_removed += n_removed


class _TablePatch:
    """The patch of one table, in temporary tables: three sides -> what is taken of each row -> the rows to write."""

    def __init__(
        self, con: duckdb.DuckDBPyConnection, table: type[InputRow], years: list[int], target: Ref, *, force: bool
    ) -> None:
        self.con = con
        self.table = table
        self.years: list[int | None] = [*years] if table.by_year and years else [None]
        self.target = target
        self.force = "TRUE" if force else "FALSE"
        self.keys = [f'"{k}"' for k in table.keys()]
        self.cells = table.cell_names()
        self.shapes = table.geometries()
        self.at = {"layer": target.scenario, "revision": target.revision}

    # --- the three sides ----------------------------------------------------------------------------------------------
    def join(self) -> None:
        """Bring the rows that differ between a and b side by side with the target's, into ``patch_joined``."""
        only = ""
        if self.keys:
            only = "patch_touched"
            listed = ", ".join(f"r.{k}" for k in self.keys)
            self.con.execute(
                f"CREATE OR REPLACE TEMP TABLE {only} AS SELECT DISTINCT {listed}"
                f" FROM {self.table.qualified()} AS r JOIN {_RANGE} AS d ON {DIFFERS}"
            )
        group = ", ".join([*self.keys, "year"])
        present = ", ".join(f"bool_or(scenario = '{s}') AS in_{s}" for s in (_A, _B, _TARGET))
        values = "".join(
            f", any_value({self._value(c)}) FILTER (scenario = '{s}') AS \"{s}.{c}\""
            for s in (_A, _B, _TARGET)
            for c in self.cells
        )
        unlike = " OR ".join(["in_a <> in_b", *(f'"a.{c}" IS DISTINCT FROM "b.{c}"' for c in self.cells)])
        self.con.execute(
            f"CREATE OR REPLACE TEMP TABLE patch_joined AS SELECT * FROM ("
            f"SELECT {group}, {present}{values} FROM ({resolve_sql(self.table, _STACK, only)}) GROUP BY {group}"
            f") WHERE {unlike}"
        )

    def _value(self, cell: str) -> str:
        return f'ST_AsWKB("{cell}")' if cell in self.shapes else f'"{cell}"'

    # --- what both changed --------------------------------------------------------------------------------------------
    def clashes(self) -> list[Clash]:
        """Return the cells that the target has changed too, those alike in all model years once."""
        texts = ", ".join(f"{k}::VARCHAR" for k in self.keys)
        key = f"concat_ws(' / ', {texts})" if self.keys else "''"
        lines = ", ".join(
            f"{{n: {i}, name: '{c}', ancestor: {self._text('a', c)}, ours: {self._text('t', c)},"
            f" theirs: {self._text('b', c)}, clash: {self._clash(c)}}}"
            for i, c in enumerate(self.cells)
        )
        rows = self.con.execute(
            f"""
WITH line AS (SELECT {key} AS key, year, unnest([{lines}]) AS c FROM patch_joined)
SELECT key, unnest(
        CASE WHEN list_sort(list(year)) = $years::SMALLINT[] AND $spread THEN [NULL::SMALLINT] ELSE list_sort(list(year)) END
    ) AS year, c.name, c.ancestor, c.ours, c.theirs
FROM line WHERE c.clash GROUP BY key, c ORDER BY key, c.n, year NULLS FIRST""",
            {"years": self.years, "spread": self._may_collapse and self.years != [None]},
        ).fetchall()
        return [Clash(str(self.table.__table__.name), *row) for row in rows]

    def _text(self, side: str, cell: str) -> str:
        column = f'"{side}.{cell}"'
        shown = (
            f"left(ST_GeomFromWKB({column})::VARCHAR, {_SHOWN_SHAPE})" if cell in self.shapes else f"{column}::VARCHAR"
        )
        return f"CASE WHEN in_{side} THEN {shown} ELSE '{NO_ROW}' END"

    def _clash(self, cell: str) -> str:
        """Condition that both sides changed a cell, and differently; a row that one of them removed counts as changed."""
        moved, ours, apart = self._moved(cell), self._ours(cell), self._apart(cell)
        return f"""CASE
            WHEN in_a AND in_b AND in_t THEN {moved} AND {ours} AND {apart}
            WHEN in_a AND in_b THEN {moved}
            WHEN in_a THEN in_t AND {ours}
            ELSE in_t AND {apart} END"""

    @staticmethod
    def _moved(cell: str) -> str:
        return f'"a.{cell}" IS DISTINCT FROM "b.{cell}"'

    @staticmethod
    def _ours(cell: str) -> str:
        return f'"t.{cell}" IS DISTINCT FROM "a.{cell}"'

    @staticmethod
    def _apart(cell: str) -> str:
        return f'"t.{cell}" IS DISTINCT FROM "b.{cell}"'

    # --- what is taken ------------------------------------------------------------------------------------------------
    def decide(self) -> None:
        """Say, in ``patch_taken``, for each row whether it is set whole, removed, or which of its cells are set."""
        taken = ", ".join(
            f"""CASE WHEN in_t AND in_b AND {self._apart(c)}
                AND (CASE WHEN in_a THEN {self._moved(c)} AND ({self.force} OR NOT ({self._ours(c)})) ELSE {self.force} END)
                THEN '{c}' END"""
            for c in self.cells
        )
        own = " OR ".join(self._ours(c) for c in self.cells) or "FALSE"
        self.con.execute(
            f"""
CREATE OR REPLACE TEMP TABLE patch_taken AS
SELECT * EXCLUDE (cells), CASE WHEN action = 'cells' THEN cells END AS cells
FROM (
    SELECT *, list_sort(list_distinct([{taken}]::VARCHAR[])) AS cells,
        CASE
            WHEN in_b AND NOT in_t AND (NOT in_a OR {self.force}) THEN 'whole'
            WHEN in_a AND NOT in_b AND in_t AND ({self.force} OR NOT ({own})) THEN 'removed'
            WHEN len(cells) > 0 THEN 'cells'
        END AS action
    FROM patch_joined
)
WHERE action IS NOT NULL"""
        )

    @property
    def _may_collapse(self) -> bool:
        """Whether rows of every year may be written: those of model_year stand for their own year."""
        return bool(self.keys) or not self.table.by_year

    def collapse(self) -> None:
        """Say, in ``patch_every``, what is alike in all model years of a key: its action and its cells."""
        group = ", ".join(self.keys) or "()"
        listed = "".join(f"{k}, " for k in self.keys)
        values = ", ".join(f'"b.{c}"' for c in self.cells)
        every = ", ".join(
            f"""CASE WHEN count(*) FILTER (list_contains(cells, '{c}')) = $n
                AND {self._alike(c)} THEN '{c}' END"""
            for c in self.cells
        )
        alike = f"""CASE WHEN count(*) = $n AND count(DISTINCT action) = 1
                AND (any_value(action) <> 'whole' OR count(DISTINCT hash({values})) = 1) THEN any_value(action) END"""
        sql = f"""
CREATE OR REPLACE TEMP TABLE patch_every AS
SELECT {listed}{alike} AS action, list_sort(list_distinct([{every}]::VARCHAR[])) AS cells
FROM patch_taken AS p WHERE {self._is_model_year} AND $may
GROUP BY {group}"""
        self.con.execute(sql, {"n": len(self.years), "may": self._may_collapse})

    @staticmethod
    def _alike(cell: str) -> str:
        """Condition that the rows of a group set a cell to one value."""
        some = f"FILTER (list_contains(cells, '{cell}'))"
        return f'count(DISTINCT "b.{cell}") {some} + coalesce(max(("b.{cell}" IS NULL)::INTEGER) {some}, 0) <= 1'

    # --- what is written ----------------------------------------------------------------------------------------------
    def write(self) -> tuple[int, int]:
        """Write rows of every year, and rows of single years where the layer has such rows already or years differ.

        A row of a year hides a row of every year in the same layer, however old it is.
        """
        self.con.execute(
            f"CREATE OR REPLACE TEMP TABLE patch_new AS {self._every_year()} UNION ALL {self._single_years()}"
        )
        counts = self.con.execute(
            "SELECT count(*) FILTER (action <> 'removed'), count(*) FILTER (action = 'removed') FROM patch_new"
        ).fetchone() or (0, 0)
        columns = ", ".join([*self.keys, *(f'"{c}"' for c in self.cells)])
        values = ", ".join([*self.keys, *(self._written(c) for c in self.cells)])
        order = ", ".join(["year", *self.keys])
        self.con.execute(
            f"INSERT INTO {self.table.qualified()} (layer, origin, rev_from, removed, cells, year, {columns})"
            f" SELECT $layer, $revision, $revision, action = 'removed', cells, year, {values} FROM patch_new ORDER BY {order}",
            self.at,
        )
        return int(counts[0]), int(counts[1])

    def _every_year(self) -> str:
        """Return the rows of every year: one per key that has something alike in all model years."""
        values = ", ".join(f'any_value("b.{c}") AS "b.{c}"' for c in self.cells)
        group = ", ".join([*(f"p.{k}" for k in self.keys), "e.action", "e.cells"])
        listed = "".join(f"p.{k}, " for k in self.keys)
        return f"""
SELECT {listed}NULL::SMALLINT AS year, coalesce(e.action, 'cells') AS action,
    CASE WHEN coalesce(e.action, 'cells') = 'cells' THEN e.cells END AS cells, {values}
FROM patch_taken AS p JOIN patch_every AS e ON {self._same("p", "e")}
WHERE {self._is_model_year} AND (e.action IN ('whole', 'removed') OR len(e.cells) > 0)
GROUP BY {group}"""

    def _single_years(self) -> str:
        """Return the rows of single years: what is not alike in all years, and what an own row of the year would hide."""
        listed = "".join(f"p.{k}, " for k in self.keys)
        same = self._same("o", "p")
        own = (
            f"EXISTS (SELECT 1 FROM {self.table.qualified()} AS o WHERE o.layer = {int(self.target.scenario)}"
            f" AND {HOLDS.format(at=int(self.target.revision)).replace('r.', 'o.')} AND o.year = p.year AND {same})"
        )
        values = ", ".join(f'"b.{c}"' for c in self.cells)
        return f"""
SELECT * FROM (
    SELECT {listed}p.year, p.action,
        CASE WHEN p.action = 'cells' THEN
            CASE WHEN {own} OR e.cells IS NULL THEN p.cells ELSE list_filter(p.cells, lambda x: NOT list_contains(e.cells, x)) END
        END AS cells, {values}
    FROM patch_taken AS p LEFT JOIN patch_every AS e ON {self._same("p", "e")} AND {self._is_model_year}
    WHERE p.year IS NOT NULL AND (p.action = 'cells' OR e.action IS NULL OR {own})
)
WHERE cells IS NULL OR len(cells) > 0"""

    @property
    def _is_model_year(self) -> str:
        """Condition on the year of a row that rows of every year spread to it."""
        years = ", ".join(str(int(y)) for y in self.years if y is not None)
        return f"list_contains([{years}]::SMALLINT[], p.year)" if years else "p.year IS NULL"

    def _same(self, x: str, y: str) -> str:
        return " AND ".join(f"{x}.{k} = {y}.{k}" for k in self.keys) or "TRUE"

    def _written(self, cell: str) -> str:
        value = f'ST_GeomFromWKB("b.{cell}")' if cell in self.shapes else f'"b.{cell}"'
        return f"CASE WHEN action = 'whole' OR list_contains(cells, '{cell}') THEN {value} END"


def _years(con: duckdb.DuckDBPyConnection, levels: Sequence[Level]) -> list[int]:
    """Return the model years of a stack."""
    with registered(con, _STACK, _stack_rows({_A: levels}, {_A: []})):
        sql = resolve_sql(INPUT["model_year"], _STACK)
        rows = con.execute(f"SELECT DISTINCT year FROM ({sql}) WHERE year IS NOT NULL ORDER BY year").fetchall()
    return [int(row[0]) for row in rows]


def _stack_rows(sides: Mapping[str, Sequence[Level]], years: Mapping[str, list[int]]) -> pa.Table:
    """Return stacks as the rows that effective views resolve; without model years a row stands for itself."""
    import pyarrow as pa

    rows = [(side, level) for side, stacked in sides.items() for level in stacked]
    nothing: list[int | None] = [None]
    return pa.table(
        {
            "scenario": pa.array([side for side, _ in rows], pa.string()),
            "rank": pa.array([level.rank for _, level in rows], pa.int32()),
            "layer": pa.array([level.layer for _, level in rows], pa.int32()),
            "pin": pa.array([level.pin for _, level in rows], pa.int32()),
            "years": pa.array([years[side] or nothing for side, _ in rows], pa.list_(pa.int16())),
        }
    )


def _agree_epsg(con: duckdb.DuckDBPyConnection, target: Ref, sides: Mapping[str, Sequence[Level]]) -> None:
    """Let the target's layer take the coordinate system of the geometries that were written; refuse another one."""
    codes = {}
    for side in (_B, _TARGET):
        layers = [level.layer for level in sides[side]]
        row = con.execute("SELECT max(epsg) FROM meta.scenario WHERE list_contains(?, scenario)", [layers]).fetchone()
        codes[side] = row[0] if row else None
    theirs, ours = codes[_B], codes[_TARGET]
    if None not in (theirs, ours) and theirs != ours:
        raise UserError(
            f"the geometries of '{target.name}' are in EPSG:{ours}, those to be taken over in EPSG:{theirs}.",
            "Import the files again with one --crs.",
        )
    con.execute(
        "UPDATE meta.scenario SET epsg = ? WHERE scenario = ? AND epsg IS NULL AND ? IS NOT NULL",
        [theirs, target.scenario, theirs],
    )
