"""The effective inputs of one scenario as temporary tables, which the rules of a check read.

Only what some rule reads is resolved: the tables that the stack holds rows of, and of these the cells that a rule names or
whose stored values break a bound. Of geometries a rule may ask whether there is one.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

import sqlalchemy as sa

from dhsdb.check_declared import PROFILE, REFERENCES
from dhsdb.conflicts import has_equals
from dhsdb.schema.catalog import INPUT
from dhsdb.schema.effective import resolve_sql, spread_sql
from dhsdb.stacks import NEVER, Range, stack, touched_tables

if TYPE_CHECKING:
    from collections.abc import Iterable

    import duckdb

    from dhsdb.check import Rule
    from dhsdb.names import Ref
    from dhsdb.schema.inputs import InputRow

_NAME = re.compile(r"[a-z_0-9]+")


_GENERATED = {"pareto_variable": ("cell",)}
"""Cells that generated rules read, besides references and profiles."""
_DERIVED = frozenset({"series", "key_year", "profile_use"})


class Effective:
    """The effective inputs of one scenario, as temporary tables, for as long as it is checked.

    ``temp.TABLE`` holds the rows of an input table, ``temp.level`` the layers of the stack, ``temp.key_year`` the keys and
    years of all tables, ``temp.profile_use`` which column names which profile, ``temp.series`` the heads of the series.
    A table is made when the first rule wants to read it.

    Parameters
    ----------
    touched
        Input tables that were changed; None = all of them. Other model years, or other profiles, may concern any table.
    imported
        Whether the changed rows were checked one by one on their way in.
    fresh
        Whether the scenario holds nothing but the rows of one import in ``touched``, none of them twice.

    Attributes
    ----------
    held
        Input tables that the stack holds rows of, which need not be there in the end.
    filled
        Tables made that hold rows.
    suspect
        Input tables of which some stored value breaks a bound.
    years
        Model years.
    peers
        Whether layers of the stack stand equal.
    alone
        Whether the stack has one layer, which can't disagree with another.
    in_layers
        Condition that a stored row belongs to a layer of the stack, whether it holds or not.
    """

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        ref: Ref,
        touched: Iterable[str] | None = None,
        *,
        imported: bool = False,
        fresh: bool = False,
    ) -> None:
        self.con = con
        self.ref = ref
        self.imported = imported
        self.fresh = fresh
        self.made: set[str] = set()
        self.filled: set[str] = set()
        self.touched = None if touched is None or "model_year" in touched else frozenset(touched)
        levels = stack(con, ref)
        self.peers = has_equals(levels)
        self.alone = len(levels) < 2  # noqa: PLR2004  a stack of one
        held = touched if fresh else touched_tables(con, INPUT, [Range(x.layer, NEVER, x.pin) for x in levels])
        self.held = [name for name in INPUT if name in (held or ())]
        rows = ", ".join(f"({x.rank}, {x.layer}, {x.pin}, {x.peer}, {x.branch})" for x in levels)
        self._make("level", f"SELECT * FROM (VALUES {rows}) AS l(rank, layer, pin, peer, branch)")
        self.in_layers = f"layer IN ({', '.join(str(x.layer) for x in levels)})"
        self.suspect = frozenset() if imported else self._suspects()
        self.years = self._model_years()

    @property
    def changed(self) -> list[type[InputRow]]:
        """Classes of the input tables that the stack holds rows of and that were changed."""
        return [INPUT[name] for name in self.held if self.is_touched({name})]

    def is_touched(self, names: Iterable[str]) -> bool:
        """Return whether one of some tables was changed."""
        return self.touched is None or not self.touched.isdisjoint(names)

    def concern(self, rule: Rule) -> bool:
        """Return whether a rule can find anything, and make the tables that it reads if so."""
        if self.alone and rule.reads == {"level"}:
            return False
        inputs = rule.reads & INPUT.keys()
        whole = {"key_year"} | ({"series", "profile_use"} if self.is_touched({"profile"}) else set())
        if (inputs or rule.reads & _DERIVED) and not (self.is_touched(inputs) or rule.reads & whole):
            return False
        if rule.needs and not any(self._may_hold(need.partition(".")[0]) for need in rule.needs):
            return False
        self.ensure(rule.reads)
        return not rule.needs or any(self._holds(need) for need in rule.needs)

    def _may_hold(self, name: str) -> bool:
        """Return whether a table may hold rows; it need not be made for that."""
        return name in self.filled or (name not in self.made and (name in self.held or name in _DERIVED))

    def _holds(self, need: str) -> bool:
        """Return whether a table holds rows, or a column is set, or true, in some row."""
        name, _, column = need.partition(".")
        if not column or name not in self.filled:
            return name in self.filled
        flag = isinstance(INPUT[name].__table__.columns[column].type, sa.Boolean)
        condition = f'"{column}"' if flag else f'"{column}" IS NOT NULL'
        row = self.con.execute(f'SELECT EXISTS (FROM temp."{name}" WHERE {condition})').fetchone()
        return bool(row and row[0])

    def ensure(self, names: Iterable[str]) -> None:
        """Make tables that rules are about to read; those that the scenario has no rows for are empty."""
        for name in sorted(names):
            if name in self.made:
                continue
            if name in self.held:
                self._resolve(name)
            elif name in INPUT:
                cells = _columns(INPUT[name], _named_cells(name))
                self._make(name, f"SELECT year, {cells} FROM layer.{name} LIMIT 0")
            elif name in _DERIVED:
                self._derive(name)

    def add_runs(self, *, all_runs: bool) -> bool:
        """Make ``temp.checked_run``: the runs whose results are checked; return whether there are any."""
        current = "SELECT run, stage FROM meta.current_run WHERE scenario = $name"
        every = "SELECT r.run, r.stage FROM meta.run AS r JOIN meta.scenario AS s USING (scenario) WHERE s.name = $name"
        self._make("checked_run", every if all_runs else current, {"name": self.ref.name})
        return "checked_run" in self.filled

    def drop(self) -> None:
        """Drop the temporary tables from a connection that lives on."""
        for name in self.made:
            self.con.execute(f'DROP TABLE IF EXISTS temp."{name}"')
        self.made.clear()

    def _make(self, name: str, query: str, values: dict[str, str] | None = None) -> None:
        row = self.con.execute(f'CREATE OR REPLACE TEMP TABLE "{name}" AS {query}', values).fetchone()
        self.made.add(name)
        if row and row[0]:
            self.filled.add(name)

    def _resolve(self, name: str) -> None:
        """Make the table of effective rows of an input table, with the cells that rules need."""
        table = INPUT[name]
        cells = table.cell_names() if name in self.suspect else _named_cells(name)
        if self.fresh and not self._has_overlaps(name):
            source = f"SELECT * EXCLUDE (year), {spread_sql(table)} AS year FROM layer.{name} AS r, temp.stack AS s"
            self._make(name, f"SELECT year, {_columns(table, cells)} FROM ({source} WHERE r.layer = s.layer)")
            return
        resolved = resolve_sql(table, "temp.stack", cells=cells)
        self._make(name, f"SELECT year, {_columns(table, cells)} FROM ({resolved})")

    def _has_overlaps(self, name: str) -> bool:
        """Return whether rows of single years may stand above rows of every year."""
        row = self.con.execute(
            f"SELECT count(year) BETWEEN 1 AND count(*) - 1 FROM layer.{name} WHERE {self.in_layers}"
        )
        return bool((row.fetchone() or (True,))[0])

    def _model_years(self) -> list[int]:
        """Return the model years, and make ``temp.stack``: the levels with the years that a row of every year spreads to."""
        self._make("stack", "SELECT '' AS scenario, [NULL::SMALLINT] AS years, rank, layer, pin FROM temp.level")
        if "model_year" in self.held:
            self._resolve("model_year")
        self.ensure({"model_year"})
        rows = self.con.execute(
            "SELECT DISTINCT year FROM temp.model_year WHERE year IS NOT NULL ORDER BY year"
        ).fetchall()
        years = [int(row[0]) for row in rows]
        if years:
            self.con.execute("UPDATE temp.stack SET years = $1", [years])
        return years

    def _suspects(self) -> frozenset[str]:
        """Return the tables with a stored value outside the bounds or choices of its column, whether it holds or not."""
        parts = []
        for table in self.changed:
            name = _name(table)
            bad = [condition for column in table.cell_names() if (condition := breaks_sql(table, column))]
            if bad:
                parts.append(f"SELECT '{name}' FROM layer.{name} WHERE {self.in_layers} AND ({' OR '.join(bad)})")
        return frozenset(row[0] for row in self.con.execute(" UNION ".join(parts)).fetchall()) if parts else frozenset()

    def _derive(self, name: str) -> None:
        """Make a table that says the same of several input tables."""
        if name == "series":
            self.ensure({"profile"})
            heads = "SELECT p.profile, s.* FROM temp.profile AS p JOIN meta.series AS s ON s.sha256 = p.sha256"
            self._make(name, heads)
            return
        tables = [INPUT[t] for t in self.held] if self.is_touched({"profile"}) else self.changed
        if name == "key_year":
            tables = [t for t in self.changed if t.by_year and t.keys()]
            parts = [
                f"SELECT '{_name(t)}' AS name, {key_sql(t)} AS key, r.year FROM temp.\"{_name(t)}\" AS r"
                for t in tables
            ]
            none = "SELECT '' AS name, '' AS key, NULL::SMALLINT AS year LIMIT 0"
        else:
            tables = [t for t in tables if profile_cells(t)]
            parts = [
                f"SELECT DISTINCT '{_name(t)}' AS name, '{c}' AS cell, \"{c}\" AS profile FROM temp.\"{_name(t)}\""
                for t in tables
                for c in profile_cells(t)
            ]
            none = "SELECT '' AS name, '' AS cell, '' AS profile LIMIT 0"
        self.ensure(_name(t) for t in tables)
        self._make(name, " UNION ALL ".join(parts) or none)


def _name(table: type[InputRow]) -> str:
    return str(table.__table__.name)


# --- SQL of a column or a row ----------------------------------------------------------------------------------------
def key_sql(table: type[InputRow], row: str = "r") -> str:
    """Return SQL of a row's key in words: ``centre / gas``."""
    keys = ", ".join(f'{row}."{k}"::VARCHAR' for k in table.keys())
    return f"concat_ws(' / ', {keys})" if keys else "''"


def place_sql(table: type[InputRow], column: str = "''") -> str:
    """Return SQL of a place: ``table, key, year, column``."""
    name = f"'{table.__table__.name}'"
    return f"concat_ws(', ', {name}, nullif({key_sql(table)}, ''), r.year::VARCHAR, nullif({column}, ''))"


def breaks_sql(table: type[InputRow], column: str, row: str = "") -> str:
    """Return the condition that a cell is outside its bounds or choices, or no finite number; empty if it can't be."""
    meaning, sa_type = table.own()[column], table.__table__.columns[column].type
    cell = f'{row}"{column}"'
    if meaning.choices:
        return f"NOT list_contains({list(meaning.choices)!r}, {cell})"
    low, high = bounds(table, column)
    if isinstance(sa_type, sa.Double):
        return f"NOT isfinite({cell}) OR {cell} NOT BETWEEN {low} AND {high}"
    return f"{cell} NOT BETWEEN {low} AND {high}" if (meaning.low, meaning.high) != (None, None) else ""


def bounds(table: type[InputRow], column: str) -> tuple[str, str]:
    """Return SQL of the least and the greatest value of a column."""
    meaning = table.own()[column]
    low = "'-inf'::DOUBLE" if meaning.low is None else f"{float(meaning.low)!r}::DOUBLE"
    high = "'inf'::DOUBLE" if meaning.high is None else f"{float(meaning.high)!r}::DOUBLE"
    return low, high


def profile_cells(table: type[InputRow]) -> list[str]:
    """Return the columns that name a profile."""
    return [c for c in table.cell_names() if table.own()[c].text.endswith(PROFILE)]


@functools.cache
def _named_cells(name: str) -> tuple[str, ...]:
    """Return the cells of a table that some rule reads."""
    from dhsdb.check import all_file_rules

    table = INPUT[name]
    words = {w for rule in all_file_rules() if name in rule.reads for w in _NAME.findall(rule.sql)}
    words |= {c for r in REFERENCES if r.table == name for c in r.columns} | set(_GENERATED.get(name, ()))
    words |= {c for r in REFERENCES if r.target == name for c in r.named} | set(profile_cells(table))
    words |= {c for c in table.geometries() if f"has_{c}" in words}
    return tuple(c for c in table.cell_names() if c in words)


def _columns(table: type[InputRow], cells: Iterable[str]) -> str:
    """Return the key and cells as rules read them: of geometries only whether there is one."""
    shapes = table.geometries()
    read = [f'"{n}" IS NOT NULL AS "has_{n}"' if n in shapes else f'"{n}"' for n in (*table.keys(), *cells)]
    return ", ".join(read) or "year AS only_year"
