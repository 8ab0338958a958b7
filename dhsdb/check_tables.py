"""Rules that follow from the table classes: references, bounds, years, uniqueness, layers of equal standing.

What refers to what is declared once, in :data:`REFERENCES`; bounds and choices stand with the columns themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from dhsdb.check import Finding, Rule
from dhsdb.errors import did_you_mean
from dhsdb.schema.catalog import INPUT, RESULT
from dhsdb.schema.columns import Geometry
from dhsdb.schema.effective import resolve_sql
from dhsdb.stacks import HOLDS, NEVER, Range, stack, touched_tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import duckdb

    from dhsdb.names import Ref
    from dhsdb.schema.inputs import InputRow

CODES = {
    "unknown-reference": "a name that is not in the table that it refers to",
    "out-of-bounds": "a number below or above what its column allows, or not finite",
    "not-allowed": "a word that is not among its column's choices",
    "missing-year": "a key has rows for some model years and not for others",
    "year-not-modelled": "rows for a year that is no model year",
    "duplicate-row": "a layer sets the same cell twice in one revision",
    "layers-disagree": "layers of equal standing set the same cell to different values",
    "profile-kind": "a profile of a kind that its column can't use",
    "result-without-run": "result rows of a run that there is not",
    "result-without-item": "result rows of an item that the run does not have",
    "duplicate-result": "two result rows of the same natural key",
}
"""Codes of the generated rules."""

_PROFILE = "(name of a profile)"


@dataclass(frozen=True, slots=True)
class Reference:
    """Columns of a table that name a row of another one."""

    table: str
    columns: tuple[str, ...]
    target: str
    target_columns: tuple[str, ...] = ()
    severity: str = "error"

    @property
    def named(self) -> tuple[str, ...]:
        """Columns of the target that are named."""
        return self.target_columns or self.columns


_SITE, _COMMODITY, _PROCESS = ("site",), ("site", "commodity"), ("site", "process")
_MODE = ("site", "process", "mode")

REFERENCES = (
    *(
        Reference(t, _SITE, "site", severity="warning")
        for t in (
            "commodity",
            "process",
            "storage",
            "demand",
            "building",
            "network_pipe",
            "plant_site",
            "network_temperature",
        )
    ),
    *(
        Reference(t, _COMMODITY, "commodity")
        for t in ("commodity_emission", "demand", "process_flow", "storage", "demand_response")
    ),
    *(Reference(t, _PROCESS, "process") for t in ("process_mode", "process_flow", "process_emission", "storage_link")),
    *(Reference(t, _MODE, "process_flow") for t in ("process_mode", "process_emission", "storage_link")),
    Reference("storage_link", ("site", "storage"), "storage"),
    Reference("transmission", ("site_from", "commodity"), "commodity", _COMMODITY),
    Reference("transmission", ("site_to", "commodity"), "commodity", _COMMODITY),
    Reference("process", ("heat_source",), "heat_source"),
    Reference("building_demand", ("building",), "building", severity="warning"),
    Reference("limit_term", ("limit",), "limit"),
    Reference("limit_term", ("site",), "site", severity="warning"),
    Reference("limit_term", ("process",), "process"),
    Reference("limit_term", ("commodity",), "commodity"),
)
"""What refers to what, besides the columns that name a profile."""

KINDS: dict[tuple[str, str], tuple[str, ...]] = {
    ("commodity", "price_profile"): ("price", "factor"),
    ("commodity", "sale_profile"): ("price", "factor"),
    ("demand", "profile"): ("share", "power", "factor"),
    ("process", "avail_profile"): ("factor",),
    ("process", "lift_source"): ("temperature",),
    ("process_flow", "ratio_profile"): ("factor",),
    ("building_demand", "profile"): ("share", "power", "factor"),
    ("specific_demand", "profile"): ("share", "power", "factor"),
    ("heat_source", "profile"): ("factor",),
    ("network_temperature", "supply_profile"): ("temperature",),
    ("network_temperature", "return_profile"): ("temperature",),
}
"""Kinds of profile that a column can use."""

RESULT_KEYS: dict[str, tuple[str, ...]] = {
    "item": ("item",),
    "capacity": ("year", "item", "unit"),
    "flow": ("year", "item", "t"),
    "level": ("year", "item", "t"),
    "price": ("year", "item", "t"),
    "cost": ("year", "item", "kind"),
    "emission": ("year", "item", "emission"),
    "unserved": ("year", "item", "t"),
    "energy": ("year", "item"),
    "connection": ("year", "source"),
    "building_supply": ("year", "building", "technology"),
    "network": ("year", "pipe"),
    "grid_curve": ("year", "method", "step"),
    "pareto_point": ("study", "point"),
    "pareto_value": ("study", "point", "kind", "name"),
}
"""Natural key of each result table within a run."""


class Effective:
    """The effective inputs of one scenario, as temporary tables, for as long as it is checked.

    Attributes
    ----------
    filled
        Tables that hold rows.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, ref: Ref) -> None:
        self.con = con
        self.ref = ref
        self.made: set[str] = set()
        levels = stack(con, ref)
        self.peers = len({(x.peer) for x in levels}) < len(levels)
        whole = [Range(x.layer, NEVER, x.pin) for x in levels]
        held = touched_tables(con, INPUT, whole)
        rows = ", ".join(f"({x.rank}, {x.layer}, {x.pin}, {x.peer})" for x in levels)
        self._make(
            "level",
            f"SELECT '' AS scenario, [NULL::SMALLINT] AS years, * FROM (VALUES {rows}) AS l(rank, layer, pin, peer)",
        )
        self.filled: set[str] = set()
        self.held = held
        self._resolve("model_year")
        years = con.execute("SELECT DISTINCT year FROM temp.model_year WHERE year IS NOT NULL ORDER BY year").fetchall()
        self.years = [int(row[0]) for row in years]
        if self.years:
            con.execute("UPDATE temp.level SET years = $1", [self.years])
        for name in INPUT:
            if name in held and name != "model_year":
                self._resolve(name)
        self.ensure({"profile"})
        if "profile" in self.filled:
            self.filled.add("series")
        self._make(
            "series", "SELECT p.profile, s.* FROM temp.profile AS p JOIN meta.series AS s ON s.sha256 = p.sha256"
        )

    def ensure(self, names: Iterable[str]) -> None:
        """Make tables that the scenario has no rows for, so that rules may read them."""
        for name in set(names) & INPUT.keys() - self.made:
            self._make(name, f"SELECT {_read(INPUT[name])} FROM layer.{name} LIMIT 0")

    def add_runs(self, *, all_runs: bool) -> bool:
        """Make ``temp.checked_run``: the runs whose results are checked; return whether there are any."""
        current = "SELECT run, stage FROM meta.current_run WHERE scenario = $name"
        every = "SELECT r.run, r.stage FROM meta.run AS r JOIN meta.scenario AS s USING (scenario) WHERE s.name = $name"
        self._make("checked_run", every if all_runs else current, {"name": self.ref.name})
        if not self.con.execute("SELECT 1 FROM temp.checked_run LIMIT 1").fetchone():
            return False
        self.filled.add("checked_run")
        return True

    def drop(self) -> None:
        """Drop the temporary tables."""
        for name in self.made:
            self.con.execute(f'DROP TABLE IF EXISTS temp."{name}"')
        self.made.clear()

    def _resolve(self, name: str) -> None:
        """Make the table of effective rows of an input table."""
        if name not in self.held:
            self.ensure({name})
            return
        self._make(name, f"SELECT {_read(INPUT[name])} FROM ({resolve_sql(INPUT[name], 'temp.level')})")
        if self.con.execute(f'SELECT 1 FROM temp."{name}" LIMIT 1').fetchone():
            self.filled.add(name)

    def _make(self, name: str, query: str, values: dict[str, str] | None = None) -> None:
        self.con.execute(f'CREATE OR REPLACE TEMP TABLE "{name}" AS {query}', values)
        self.made.add(name)


def rules(tables: Effective) -> Iterator[Rule]:
    """Yield the generated rules that apply to the tables which a scenario fills."""
    filled = [INPUT[name] for name in INPUT if name in tables.filled]
    for code, severity, part in (
        ("out-of-bounds", "error", _bounds_sql),
        ("not-allowed", "error", _choices_sql),
        ("duplicate-row", "error", _duplicates_sql),
    ):
        parts = [sql for table in filled if (sql := part(table))]
        if parts:
            yield _rule(code, severity, "\nUNION ALL\n".join(parts))
    by_year = [table for table in filled if table.by_year and table.keys()]
    if by_year and tables.years:
        years = f"[{', '.join(f'{y}::SMALLINT' for y in tables.years)}]"
        yield _rule("missing-year", "warning", "\nUNION ALL\n".join(_missing_sql(t, years) for t in by_year))
        yield _rule("year-not-modelled", "warning", "\nUNION ALL\n".join(_other_years_sql(t, years) for t in by_year))
    used = [(t, c, kinds) for (t, c), kinds in KINDS.items() if t in tables.filled and "profile" in tables.filled]
    if used:
        yield _rule("profile-kind", "warning", "\nUNION ALL\n".join(_kind_sql(*use) for use in used))
    if tables.peers:
        for name in tables.held:
            yield _rule("layers-disagree", "warning", _peers_sql(INPUT[name]))


def result_rules(*, all_runs: bool) -> Iterator[Rule]:
    """Yield the rules on the raw results of ``temp.checked_run``: references and uniqueness, which no key enforces."""
    runs = "(SELECT run FROM temp.checked_run)"
    parts = [
        f"SELECT 'result.{name}' AS location, 'run ' || run || ': ' || count(*) || ' rows of an item that it lacks.'"
        f" FROM result.{name} AS t WHERE run IN {runs} AND item IS NOT NULL"
        f" AND NOT EXISTS (FROM result.item AS i WHERE i.item = t.item AND i.run = t.run) GROUP BY run"
        for name, keys in RESULT_KEYS.items()
        if "item" in keys and name != "item"
    ]
    yield _rule("result-without-item", "error", "\nUNION ALL\n".join(parts))
    yield _rule(
        "duplicate-result",
        "error",
        "\nUNION ALL\n".join(_duplicate_results_sql(n, k, runs) for n, k in RESULT_KEYS.items()),
    )
    if not all_runs:
        return
    lost = [
        f"SELECT 'result.{name}' AS location, 'rows of run ' || run || ', which there is not.' AS message"
        f" FROM (SELECT DISTINCT run FROM result.{name}) WHERE run NOT IN (SELECT run FROM meta.run)"
        for name in RESULT
    ]
    yield _rule("result-without-run", "error", "\nUNION ALL\n".join(lost))


def unknown_references(tables: Effective) -> list[Finding]:
    """Return names that are not in the table that they refer to, with the nearest that is."""
    active = [r for r in (*REFERENCES, *_profile_references()) if r.table in tables.filled]
    if not active:
        return []
    tables.ensure({r.target for r in active})
    sql = "\nUNION ALL\n".join(_reference_sql(i, r) for i, r in enumerate(active))
    found = []
    for number, names, n, key in tables.con.execute(sql).fetchall():
        ref = active[number]
        rows = tables.con.execute(f'SELECT DISTINCT "{ref.named[-1]}" FROM temp."{ref.target}"').fetchall()
        hint = did_you_mean(names[-1], (str(row[0]) for row in rows))
        what = " / ".join(names)
        rows_in_words = key if n == 1 else f"{key} and {n - 1} more"
        text = f"'{what}' is not in table {ref.target} (named by {rows_in_words}). {hint}".strip()
        location = f"{ref.table}.{ref.columns[-1]}"
        found.append(Finding(tables.ref.name, ref.severity, "unknown-reference", location, text))
    return found


def _profile_references() -> list[Reference]:
    return [
        Reference(name, (column,), "profile", ("profile",))
        for name, table in INPUT.items()
        for column, meaning in table.own().items()
        if meaning.text.endswith(_PROFILE)
    ]


# --- SQL of one table ------------------------------------------------------------------------------------------------
def _rule(code: str, severity: str, sql: str) -> Rule:
    return Rule(severity, code, CODES[code], sql)


def _read(table: type[InputRow]) -> str:
    """Return the columns that rules read: of geometries only whether there is one."""
    columns = table.__table__.columns
    names = ["year", *table.own()]
    return ", ".join(
        f'"{n}" IS NOT NULL AS "has_{n}"' if isinstance(columns[n].type, Geometry) else f'"{n}"' for n in names
    )


def _key(table: type[InputRow], row: str = "r") -> str:
    """Return SQL of a row's key in words: ``centre / gas``."""
    keys = table.keys()
    return f"concat_ws(' / ', {', '.join(f'{row}.{chr(34)}{k}{chr(34)}::VARCHAR' for k in keys)})" if keys else "''"


def _place(table: type[InputRow], column: str = "''") -> str:
    """Return SQL of a place: ``table, key, year, column``."""
    parts = [
        "'" + str(table.__table__.name) + "'",
        f"nullif({_key(table)}, '')",
        "r.year::VARCHAR",
        f"nullif({column}, '')",
    ]
    return f"concat_ws(', ', {', '.join(parts)})"


def _bounds_sql(table: type[InputRow]) -> str:
    """Return the numbers outside the bounds of their column."""
    lines, bad = [], []
    for name, meaning in table.own().items():
        sa_type = table.__table__.columns[name].type
        if not isinstance(sa_type, (sa.Double, sa.Integer)):
            continue
        low = "'-inf'::DOUBLE" if meaning.low is None else f"{float(meaning.low)!r}::DOUBLE"
        high = "'inf'::DOUBLE" if meaning.high is None else f"{float(meaning.high)!r}::DOUBLE"
        if (meaning.low, meaning.high) == (None, None) and not isinstance(sa_type, sa.Double):
            continue
        lines.append(f"{{name: '{name}', value: \"{name}\"::DOUBLE, low: {low}, high: {high}, unit: '{meaning.unit}'}}")
        bad.append(f'NOT isfinite("{name}"::DOUBLE) OR "{name}" NOT BETWEEN {low} AND {high}')
    if not lines:
        return ""
    text = """format('{:g} is out of bounds: {:g} to {:g} {}', c.value, c.low, c.high, c.unit)"""
    return f"""SELECT {_place(table, "c.name")} AS location, rtrim({text}) || '.' AS message
FROM (
    SELECT *, unnest([{", ".join(lines)}]) AS c
    FROM temp."{table.__table__.name}"
    WHERE {" OR ".join(bad)}
) AS r
WHERE NOT isfinite(c.value) OR c.value NOT BETWEEN c.low AND c.high"""


def _choices_sql(table: type[InputRow]) -> str:
    """Return the words that are not among the choices of their column."""
    parts = []
    for name, meaning in table.own().items():
        if meaning.choices:
            allowed = ", ".join(f"'{c}'" for c in meaning.choices)
            parts.append(
                f"""SELECT {_place(table, f"'{name}'")}, '''' || r."{name}" || ''' is none of: {", ".join(meaning.choices)}.'
FROM temp."{table.__table__.name}" AS r WHERE r."{name}" NOT IN ({allowed})"""
            )
    return "\nUNION ALL\n".join(parts)


def _duplicates_sql(table: type[InputRow]) -> str:
    """Return the rows of which one revision of a layer wrote two: which of them holds is not defined."""
    keys = "".join(f', r."{k}"' for k in table.keys())
    held = HOLDS.format(at="l.pin")
    return f"""SELECT {_place(table)}, 'written ' || count(*) || ' times by revision ' || r.origin || '.'
FROM layer.{table.__table__.name} AS r JOIN temp.level AS l ON l.layer = r.layer AND {held}
GROUP BY r.layer, r.origin, r.removed, r.cells IS NULL, r.year{keys}
HAVING count(*) > 1 AND (r.cells IS NULL OR len(flatten(list(r.cells))) > len(list_distinct(flatten(list(r.cells)))))"""


def _missing_sql(table: type[InputRow], years: str) -> str:
    """Return the model years that keys lack which have others."""
    keys = ", ".join(f'"{k}"' for k in table.keys())
    return f"""SELECT '{table.__table__.name}' AS location, format('{{}} of {{}} keys have no row for {{}}, though for other years: {{}}{{}}',
    count(*), any_value(n_all), array_to_string(missing, ', '), array_to_string(list(key ORDER BY key)[:3], '; '),
    CASE WHEN count(*) > 3 THEN ' ...' ELSE '' END) AS message
FROM (
    SELECT {_key(table)} AS key, list_filter({years}, lambda y: NOT list_contains(list(r.year), y)) AS missing,
        count(*) OVER () AS n_all
    FROM temp."{table.__table__.name}" AS r
    GROUP BY {keys}
)
WHERE len(missing) BETWEEN 1 AND {years.count(",")}
GROUP BY missing"""


def _other_years_sql(table: type[InputRow], years: str) -> str:
    """Return the years of rows that no model year is."""
    return f"""SELECT '{table.__table__.name}', format('{{}} rows are for {{}}, which is no model year: they are not used.', count(*), r.year)
FROM temp."{table.__table__.name}" AS r
WHERE r.year IS NOT NULL AND NOT list_contains({years}, r.year)
GROUP BY r.year"""


def _kind_sql(name: str, column: str, kinds: tuple[str, ...]) -> str:
    """Return the profiles of a kind that a column can't use: an error where temperatures and others are mixed up."""
    allowed = ", ".join(f"'{k}'" for k in kinds)
    return f"""SELECT '{name}.{column}', format('profile ''{{}}'' is of kind {{}}, but {" or ".join(kinds)} is wanted.', s.profile, s.kind),
    CASE WHEN (s.kind = 'temperature') <> {"temperature" in kinds} THEN 'error' ELSE 'warning' END
FROM temp.series AS s
WHERE s.kind NOT IN ({allowed}) AND EXISTS (FROM temp."{name}" AS r WHERE r."{column}" = s.profile)"""


def _reference_sql(number: int, ref: Reference) -> str:
    """Return the names of a reference that its target lacks."""
    table = INPUT[ref.table]
    names = ", ".join(f'r."{c}"::VARCHAR' for c in ref.columns)
    given = " AND ".join(f'r."{c}" IS NOT NULL' for c in ref.columns)
    same = " AND ".join(f't."{d}" = r."{c}"' for c, d in zip(ref.columns, ref.named, strict=True))
    return f"""SELECT {number}, [{names}] AS names, count(DISTINCT {_key(table)}), min({_key(table)})
FROM temp."{ref.table}" AS r
WHERE {given} AND NOT EXISTS (FROM temp."{ref.target}" AS t WHERE {same})
GROUP BY names"""


def _duplicate_results_sql(name: str, keys: tuple[str, ...], runs: str) -> str:
    """Return runs that wrote two rows of one key; of hourly rows the hours are counted, which is faster than grouping by them."""
    group = ", ".join(["run", *(k for k in keys if k != "t")])
    having = "count(*) > count(DISTINCT t)" if "t" in keys else "count(*) > 1"
    return f"""SELECT 'result.{name}', 'run ' || run || ' has rows twice for the same {", ".join(keys)}.'
FROM (SELECT run FROM result.{name} WHERE run IN {runs} GROUP BY {group} HAVING {having})
GROUP BY run"""


def _peers_sql(table: type[InputRow]) -> str:
    """Return the cells that layers of equal standing set to different values, unless a layer above decides.

    A layer that stands in the stack of the other's scenario was made on top of it, so the two don't stand equal.
    """
    keys = [f'"{k}"' for k in table.keys()]
    columns = table.cell_names()
    geometry = {c for c in columns if isinstance(table.__table__.columns[c].type, Geometry)}
    text = {c: f'hex(ST_AsWKB(r."{c}"))' if c in geometry else f'r."{c}"::VARCHAR' for c in columns}
    lines = ", ".join(f"{{name: '{c}', value: {text[c]}}}" for c in columns)
    group = ", ".join(["rank", "peer", "layer", "year", *keys])
    same = " AND ".join(f"{{0}}.{k} = {{1}}.{k}" for k in keys) or "TRUE"
    above = f"""FROM set_cell AS o WHERE {same.format("o", "r")} AND o.name IN (r.name, '') AND o.rank > greatest(r.rank, b.rank)
        AND (o.year IS NULL OR o.year = coalesce(r.year, b.year))"""
    return f"""WITH line AS (
    SELECT l.rank, l.peer, r.layer, r.year, {"".join(f"r.{k}, " for k in keys)}r.cells, r.origin,
        unnest(CASE WHEN r.removed THEN [{{name: '', value: 'no row'}}] ELSE [{lines}] END) AS c
    FROM layer.{table.__table__.name} AS r
    JOIN temp.level AS l ON l.layer = r.layer AND {HOLDS.format(at="l.pin")}
),
set_cell AS (
    SELECT {group}, c.name AS name, arg_max_null(c.value, origin * 2 + (cells IS NOT NULL)::INTEGER) AS value
    FROM line
    WHERE c.name = '' OR cells IS NULL OR list_contains(cells, c.name)
    GROUP BY {group}, c.name
)
SELECT DISTINCT {_place(table, "CASE WHEN r.name <> '' THEN nullif(b.name, '') END")} AS location,
    format('''{{}}'' sets {{}}, ''{{}}'' sets {{}}; the latter stands higher and wins.',
        x.name, CASE WHEN b.name = '' THEN 'a row' ELSE coalesce(r.value, 'NULL') END,
        y.name, CASE WHEN r.name = '' THEN 'a row' ELSE coalesce(b.value, 'NULL') END) AS message
FROM set_cell AS r
JOIN set_cell AS b ON b.peer = r.peer AND b.rank > r.rank AND {same.format("b", "r")}
    AND (b.name = r.name OR (b.name = '') <> (r.name = ''))
    AND (b.year IS NULL OR r.year IS NULL OR b.year = r.year)
JOIN meta.scenario AS x ON x.scenario = r.layer
JOIN meta.scenario AS y ON y.scenario = b.layer
WHERE r.value IS DISTINCT FROM b.value
    AND NOT EXISTS (FROM meta.stack AS s WHERE s.scenario = b.layer AND s.layer = r.layer)
    AND NOT EXISTS ({above})
ORDER BY ALL"""
