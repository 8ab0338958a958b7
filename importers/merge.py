"""What an import changes in a scenario's own layer: only rows that differ from what holds already are written.

A row of a year stands for that year. A row without a year stands for every year, so with ``replace`` it also takes the
place of the layer's rows of single years that the file does not name, as a ``set`` without a year does. Rows that are
replaced or no longer brought are closed at the new revision and stay readable at older ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dhsdb.bulk import registered
from dhsdb.edits import add_rows
from dhsdb.names import Ref
from dhsdb.schema.effective import resolve_sql

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import duckdb
    import pyarrow as pa

    from dhsdb.database import Writer
    from dhsdb.schema.inputs import InputRow

CONFLICTS = ("replace", "keep", "merge")


@dataclass(frozen=True, slots=True)
class Rule:
    """How rows of a file meet those that are there.

    Attributes
    ----------
    on_conflict
        One of :data:`CONFLICTS`.
    prunes
        Whether rows that an earlier import of the same file brought, and it no longer has, are removed.
    year, site
        If given, only rows of this year or site are removed.
    """

    on_conflict: str = "replace"
    prunes: bool = True
    year: int | None = None
    site: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was written into a table."""

    n_set: int = 0
    n_removed: int = 0


@dataclass(slots=True)
class Layer:
    """A scenario's own layer while an import writes into it.

    Attributes
    ----------
    ref
        The scenario, and the revision at which it is read.
    number
        Gives the revision of the import; called only once there is something to write.
    is_new
        Whether the scenario is new, so that it holds nothing.
    """

    writer: Writer
    ref: Ref
    number: Callable[[], int]
    is_new: bool = False
    _years: dict[int, list[int | None]] = field(default_factory=dict)

    @property
    def con(self) -> duckdb.DuckDBPyConnection:
        """The connection, inside a transaction."""
        return self.writer.con

    def begin(self) -> int:
        """Return the revision to write, from which on the layer is read."""
        self.ref = Ref(self.ref.scenario, self.ref.name, self.number())
        return self.ref.revision

    def years(self) -> list[int | None]:
        """Return the model years that a row of every year stands for; [None] if the scenario has none."""
        at = self.ref.revision
        if at not in self._years:
            row = self.con.execute(
                "SELECT any_value(years) FROM meta.stack_at($name, $at)", {"name": self.ref.name, "at": at}
            ).fetchone()
            self._years[at] = row[0] if row else [None]
        return self._years[at]


def merge_rows(layer: Layer, table: type[InputRow], rows: pa.Table, files: Sequence[str], rule: Rule) -> Outcome:
    """Bring rows into a scenario's own layer.

    Parameters
    ----------
    rows
        Key, ``year``, cells, ``cells``, ``source``, ``sheet``, ``source_row``; no (key, year) twice.
    files
        Names of the files that hold this table.
    """
    if _is_new(layer, table):
        if not rows.num_rows:
            return Outcome()
        full = rows.set_column(rows.column_names.index("cells"), "cells", _no_cells(rows.num_rows))
        return Outcome(add_rows(layer.writer, table, Ref(*_triple(layer)), full))
    return _Merge(layer, table, rule).run(rows, files)


def _is_new(layer: Layer, table: type[InputRow]) -> bool:
    """Return whether no layer of the stack has a row of this table."""
    if layer.is_new:
        return True
    found = layer.con.execute(
        f"SELECT 1 FROM {table.qualified()} SEMI JOIN (FROM meta.layer_at($name, $at)) USING (layer) LIMIT 1",
        {"name": layer.ref.name, "at": layer.ref.revision},
    ).fetchone()
    return found is None


def _triple(layer: Layer) -> tuple[int, str, int]:
    revision = layer.begin()
    return layer.ref.scenario, layer.ref.name, revision


def _no_cells(n: int) -> pa.Array:
    import pyarrow as pa  # heavy

    return pa.nulls(n, pa.list_(pa.string()))


class _Merge:
    """The merge of one table, in temporary tables: rows -> slots (row and year) -> what differs -> what is written."""

    def __init__(self, layer: Layer, table: type[InputRow], rule: Rule) -> None:
        self.layer = layer
        self.con = layer.con
        self.table = table
        self.rule = rule
        self.keys = table.keys() or ["year"]
        self.name = table.qualified()
        self.own = {"layer": layer.ref.scenario}
        self.at = {"name": layer.ref.name, "at": layer.ref.revision}

    def run(self, rows: pa.Table, files: Sequence[str]) -> Outcome:
        self.stage(rows)
        self.find_absent(files)
        n_removed = self.drop_absent()
        self.read()
        self.find_slots()
        self.compare()
        self.plan()
        if not self.one("SELECT count(*) FROM import_plan"):
            return Outcome(0, n_removed)
        revision = self.layer.begin()
        self.close(revision)
        return Outcome(self.append(revision), n_removed)

    # --- what comes and what holds ------------------------------------------------------------------------------------
    def stage(self, rows: pa.Table) -> None:
        """Bring the rows of the file into ``import_rows``, numbered, with all columns of the layer's table."""
        shapes = self.table.geometries()
        given = [f'ST_GeomFromWKB("{c}") AS "{c}"' if c in shapes else f'"{c}"' for c in rows.column_names]
        self.do(f"CREATE OR REPLACE TEMP TABLE import_rows AS SELECT 0 AS rid, * FROM {self.name} WHERE FALSE")
        with registered(self.con, "incoming", rows):
            self.do(
                "INSERT INTO import_rows BY NAME"
                f" SELECT (row_number() OVER ())::INTEGER AS rid, {', '.join(given)} FROM incoming"
            )
        if self.rule.on_conflict == "merge":
            named = ", ".join(f"CASE WHEN \"{c}\" IS NOT NULL THEN '{c}' END" for c in self.table.cell_names())
            self.do(f"UPDATE import_rows SET cells = list_distinct([{named}]::VARCHAR[])")  # drops the NULLs

    def find_absent(self, files: Sequence[str]) -> None:
        """Collect, in ``import_absent``, the layer's rows that the files brought earlier and no longer have."""
        prunes = self.rule.prunes and self.rule.on_conflict == "replace"
        one_year = "AND o.year = $year" if self.rule.year is not None and self.table.by_year else ""
        one_site = "AND o.site = $site" if self.rule.site is not None and "site" in self.keys else ""
        limits: dict[str, int | str | None] = {"year": self.rule.year} if one_year else {}
        limits |= {"site": self.rule.site} if one_site else {}
        self.do(
            f"""
CREATE OR REPLACE TEMP TABLE import_absent AS
SELECT o.rowid AS place, coalesce(o.year, 0) AS at_year, {self.listed("o")}
FROM {self.name} AS o
JOIN meta.source AS s ON s.source = o.source
JOIN meta.revision AS r ON r.revision = s.revision
WHERE o.layer = $layer AND r.scenario = $layer AND o.rev_to IS NULL AND NOT o.removed AND list_contains($files, s.file)
    AND NOT EXISTS (
        SELECT 1 FROM import_rows AS i WHERE {self.same("i", "o")} AND i.year IS NOT DISTINCT FROM o.year
    )
    {one_year} {one_site}""",
            {**self.own, "files": list(files) if prunes else [], **limits},
        )

    def drop_absent(self) -> int:
        """End the rows that the files no longer bring, so that what comes is compared with what is left; return how many."""
        n = int(self.one(f"SELECT count(DISTINCT ({self.listed('a')}, a.at_year)) FROM import_absent AS a"))
        if n:
            revision = self.layer.begin()
            self.do(
                f"UPDATE {self.name} SET rev_to = $revision WHERE rowid IN (SELECT place FROM import_absent)",
                {"revision": revision},
            )
            self.at = {"name": self.layer.ref.name, "at": revision}
        return n

    def read(self) -> None:
        """Read, into ``import_before``, the effective rows of the keys that the import touches."""
        keys = ", ".join(f'"{k}"' for k in self.keys)
        self.do(
            f"CREATE OR REPLACE TEMP TABLE import_keys AS"
            f" SELECT {keys} FROM import_rows UNION SELECT {keys} FROM import_absent"
        )
        only = "import_keys" if self.table.keys() else ""
        self.do(
            f"CREATE OR REPLACE TEMP TABLE import_before AS {resolve_sql(self.table, 'meta.stack_at($name, $at)', only)}",
            self.at,
        )

    def find_slots(self) -> None:
        """List, in ``import_slots``, the years that each row stands for; ``own`` = the layer has rows of that year."""
        years = self.layer.years() if self.table.by_year else [None]
        self.do(
            f"""
CREATE OR REPLACE TEMP TABLE import_slots AS
WITH every AS (SELECT * FROM import_rows WHERE year IS NULL),
spread AS (
    SELECT rid, unnest($years::SMALLINT[]) AS slot, FALSE AS own FROM every
    UNION ALL
    SELECT e.rid, o.year, TRUE
    FROM every AS e JOIN {self.name} AS o ON {self.same("e", "o")}
    WHERE o.layer = $layer AND o.rev_to IS NULL AND o.year IS NOT NULL
)
SELECT s.rid, s.slot, bool_or(s.own) AS own
FROM spread AS s JOIN import_rows AS i USING (rid)
WHERE NOT EXISTS (SELECT 1 FROM import_rows AS f WHERE {self.same("f", "i")} AND f.year = s.slot)
GROUP BY ALL
UNION ALL
SELECT rid, year, FALSE FROM import_rows WHERE year IS NOT NULL""",
            {**self.own, "years": years},
        )

    def compare(self) -> None:
        """Say, in ``import_match``, for each slot whether the row is found there and whether it differs."""
        differs = "".join(
            f' OR (i."{c}" IS DISTINCT FROM b."{c}" AND (i.cells IS NULL OR list_contains(i.cells, \'{c}\')))'
            for c in self.table.cell_names()
        )
        self.do(
            f"""
CREATE OR REPLACE TEMP TABLE import_match AS
SELECT s.rid, s.slot, s.own, b.scenario IS NOT NULL AS found,
    b.scenario IS NULL{differs if self.overwrites else ""} AS differs
FROM import_slots AS s
JOIN import_rows AS i USING (rid)
LEFT JOIN import_before AS b ON {self.same("b", "i")} AND b.year IS NOT DISTINCT FROM s.slot"""
        )

    # --- what is written ----------------------------------------------------------------------------------------------
    @property
    def overwrites(self) -> bool:
        """Whether cells that hold already may change."""
        return self.rule.on_conflict != "keep"

    def plan(self) -> None:
        """Choose, in ``import_plan``, the rows that differ, and all rows of a key whose every-year row moves.

        An every-year row is ``wide``, written as it is, unless it would then hide what shall stay: rows of other years
        with ``keep``, or cells of the years that the file names apart.
        """
        unless_named = (
            "OR NOT coalesce(bool_or(f.is_named), FALSE) OR bool_and(i.cells IS NULL)" if self.overwrites else ""
        )
        self.do(
            f"""
CREATE OR REPLACE TEMP TABLE import_plan AS
WITH moved AS (
    SELECT DISTINCT {self.listed("i")}
    FROM import_match AS m JOIN import_rows AS i USING (rid)
    WHERE i.year IS NULL AND m.differs
),
held AS (SELECT DISTINCT {self.listed("b")}, TRUE AS is_held FROM import_before AS b),
named AS (SELECT DISTINCT {self.listed("i")}, TRUE AS is_named FROM import_rows AS i WHERE i.year IS NOT NULL)
SELECT m.rid, bool_or(m.found) AS found,
    any_value(i.year) IS NOT NULL OR bool_or(m.slot IS NULL) OR NOT coalesce(bool_or(b.is_held), FALSE) {unless_named} AS wide
FROM import_match AS m
JOIN import_rows AS i USING (rid)
LEFT JOIN moved AS k ON {self.same("k", "i")}
LEFT JOIN held AS b ON {self.same("b", "i")}
LEFT JOIN named AS f ON {self.same("f", "i")}
GROUP BY m.rid
HAVING bool_or(m.differs) {f'OR bool_or(k."{self.keys[0]}" IS NOT NULL)' if self.overwrites else ""}"""
        )

    def close(self, revision: int) -> None:
        """End the rows that the file replaces."""
        if self.rule.on_conflict == "replace":
            self.do(
                f"""
UPDATE {self.name} AS o SET rev_to = $revision
WHERE o.layer = $layer AND o.rev_to IS NULL AND EXISTS (
    SELECT 1 FROM import_rows AS i SEMI JOIN import_plan USING (rid)
    WHERE {self.same("i", "o")} AND i.cells IS NULL AND (i.year IS NULL OR i.year = o.year)
)""",
                {**self.own, "revision": revision},
            )

    def append(self, revision: int) -> int:
        """Write the rows of the plan.

        A row that names its cells becomes a whole row where there was none. Years get a row of their own where a row of
        every year is not wide, where the layer's rows of single years would hide it, or where only some years lack it.
        """
        cells = "CASE WHEN {found} THEN i.cells END AS cells" if self.overwrites else "NULL::VARCHAR[] AS cells"
        self.do(
            f"""
CREATE OR REPLACE TEMP TABLE import_new AS
SELECT i.* REPLACE ({cells.format(found="p.found")})
FROM import_rows AS i JOIN import_plan AS p USING (rid)
WHERE p.wide AND {"TRUE" if self.overwrites else "NOT p.found"}
UNION ALL
SELECT i.* REPLACE ({cells.format(found="m.found")}, m.slot AS year)
FROM import_rows AS i JOIN import_plan AS p USING (rid) JOIN import_match AS m USING (rid)
WHERE i.year IS NULL AND m.slot IS NOT NULL AND {self.slot_needs_row}"""
        )
        # Cells that are all NULL set nothing where the row stands already.
        written = "FROM import_new WHERE cells IS NULL OR len(cells) > 0"
        order = ", ".join(["year", *(f'"{k}"' for k in self.keys)])
        self.do(
            f"INSERT INTO {self.name} BY NAME SELECT * EXCLUDE (rid) REPLACE ($layer AS layer, $revision AS origin,"
            f" $revision AS rev_from, FALSE AS removed) {written} ORDER BY {order}",
            {**self.own, "revision": revision},
        )
        return int(self.one(f"SELECT count(*) {written}"))

    @property
    def slot_needs_row(self) -> str:
        """Condition on a slot of an every-year row that needs a row of its own."""
        lacking = "NOT m.found AND (p.found OR m.own OR NOT p.wide)"
        return (
            f"i.cells IS NOT NULL AND (m.found AND (m.own OR NOT p.wide) OR {lacking})" if self.overwrites else lacking
        )

    # --- SQL ----------------------------------------------------------------------------------------------------------
    def listed(self, alias: str) -> str:
        return ", ".join(f'{alias}."{k}"' for k in self.keys)

    def same(self, a: str, b: str) -> str:
        """Condition that two relations name the same key."""
        return " AND ".join(f'{a}."{k}" = {b}."{k}"' for k in self.keys)

    def do(self, sql: str, parameters: dict[str, Any] | None = None) -> None:
        self.con.execute(sql, parameters)

    def one(self, sql: str, parameters: dict[str, Any] | None = None) -> Any:
        row = self.con.execute(sql, parameters).fetchone()
        return row[0] if row else None
