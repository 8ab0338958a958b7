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
from dhsdb.schema.columns import Geometry
from dhsdb.schema.effective import resolve_sql
from dhsdb.stacks import NEVER, Range, stack, touched_tables

if TYPE_CHECKING:
    from collections.abc import Iterable

    import duckdb

    from dhsdb.names import Ref
    from dhsdb.schema.inputs import InputRow

_NAME = re.compile(r"[a-z_0-9]+")


class Effective:
    """The effective inputs of one scenario, as temporary tables, for as long as it is checked.

    ``temp.TABLE`` holds the rows of an input table, ``temp.level`` the layers of the stack, ``temp.key_year`` the keys and
    years of all tables, ``temp.profile_use`` which column names which profile, ``temp.series`` the heads of the series.

    Attributes
    ----------
    filled
        Tables that hold rows.
    suspect
        Input tables of which some stored value breaks a bound.
    years
        Model years.
    peers
        Whether layers of the stack stand equal.
    in_layers
        Condition that a stored row belongs to a layer of the stack, whether it holds or not.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, ref: Ref) -> None:
        self.con = con
        self.ref = ref
        self.made: set[str] = set()
        self.filled: set[str] = set()
        levels = stack(con, ref)
        self.peers = has_equals(levels)
        held = touched_tables(con, INPUT, [Range(x.layer, NEVER, x.pin) for x in levels])
        self.held = [name for name in INPUT if name in held]
        rows = ", ".join(f"({x.rank}, {x.layer}, {x.pin}, {x.peer}, {x.branch})" for x in levels)
        self._make("level", f"SELECT * FROM (VALUES {rows}) AS l(rank, layer, pin, peer, branch)")
        self.in_layers = f"layer IN ({', '.join(str(x.layer) for x in levels)})"
        self.suspect = self._suspects()
        self.years = self._model_years()
        for name in (n for n in self.held if n != "model_year"):
            self._resolve(name)
        self._gather()

    @property
    def inputs(self) -> list[type[InputRow]]:
        """Classes of the input tables that hold rows."""
        return [INPUT[name] for name in self.held if name in self.filled]

    def ensure(self, names: Iterable[str]) -> None:
        """Make tables that the scenario has no rows for, so that rules may read them."""
        for name in set(names) & INPUT.keys() - self.made:
            cells = _columns(INPUT[name], _named_cells(name))
            self._make(name, f"SELECT year, {cells} FROM layer.{name} LIMIT 0")

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
        resolved = resolve_sql(table, "temp.stack", cells=cells)
        self._make(name, f"SELECT year, {_columns(table, cells)} FROM ({resolved})")

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
        for name in self.held:
            table = INPUT[name]
            bad = [condition for column in table.cell_names() if (condition := breaks_sql(table, column))]
            if bad:
                parts.append(f"SELECT '{name}' FROM layer.{name} WHERE {self.in_layers} AND ({' OR '.join(bad)})")
        return frozenset(row[0] for row in self.con.execute(" UNION ".join(parts)).fetchall()) if parts else frozenset()

    def _gather(self) -> None:
        """Make the tables that say the same of all input tables."""
        self.ensure({"profile"})
        self._make(
            "series", "SELECT p.profile, s.* FROM temp.profile AS p JOIN meta.series AS s ON s.sha256 = p.sha256"
        )
        keyed = [
            f"SELECT '{t.__table__.name}' AS name, {key_sql(t)} AS key, r.year FROM temp.\"{t.__table__.name}\" AS r"
            for t in self.inputs
            if t.by_year and t.keys()
        ]
        self._make(
            "key_year", " UNION ALL ".join(keyed) or "SELECT '' AS name, '' AS key, NULL::SMALLINT AS year LIMIT 0"
        )
        used = [
            f"SELECT DISTINCT '{t.__table__.name}' AS name, '{c}' AS cell, \"{c}\" AS profile FROM temp.\"{t.__table__.name}\""
            for t in self.inputs
            for c in profile_cells(t)
        ]
        self._make("profile_use", " UNION ALL ".join(used) or "SELECT '' AS name, '' AS cell, '' AS profile LIMIT 0")


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
    words |= {c for r in REFERENCES if r.table == name for c in r.columns}
    words |= {c for r in REFERENCES if r.target == name for c in r.named} | set(profile_cells(table))
    words |= {
        c for c in table.cell_names() if isinstance(table.__table__.columns[c].type, Geometry) and f"has_{c}" in words
    }
    return tuple(c for c in table.cell_names() if c in words)


def _columns(table: type[InputRow], cells: Iterable[str]) -> str:
    """Return the key and cells as rules read them: of geometries only whether there is one."""
    columns = table.__table__.columns
    read = [
        f'"{n}" IS NOT NULL AS "has_{n}"' if isinstance(columns[n].type, Geometry) else f'"{n}"'
        for n in (*table.keys(), *cells)
    ]
    return ", ".join(read) or "year AS only_year"
