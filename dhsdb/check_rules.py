"""Rules that follow from declarations: references, bounds, years, uniqueness, layers of equal standing.

The declarations stand in :mod:`~dhsdb.check_declared`, bounds and choices with the columns themselves. Rules that need a
thought of their own are SQL files, see :mod:`~dhsdb.check`.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import sqlalchemy as sa

from dhsdb.check import MOST, Finding, Rule
from dhsdb.check_declared import CODES, KINDS, PLACES, REFERENCES, RESULT_KEYS, Reference
from dhsdb.check_tables import bounds, breaks_sql, key_sql, place_sql
from dhsdb.conflicts import conflicts_sql
from dhsdb.errors import did_you_mean
from dhsdb.schema.catalog import INPUT, RESULT
from dhsdb.stacks import HOLDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dhsdb.check_tables import Effective
    from dhsdb.schema.inputs import InputRow


def input_rules(tables: Effective) -> Iterator[Rule]:
    """Yield the rules that apply to the tables which a scenario fills."""
    suspect = [table for table in tables.changed if table.__table__.name in tables.suspect]
    for code, part in (("out-of-bounds", _bounds_sql), ("not-allowed", _choices_sql)):
        parts = [sql for table in suspect if (sql := part(table))]
        if parts:
            yield _rule(code, "error", "\nUNION ALL\n".join(parts))
    for name in [] if tables.imported else _written_twice(tables):
        yield _rule("duplicate-row", "error", _duplicates_sql(INPUT[name]))
    yield _rule("profile-kind", "warning", _kinds_sql(), "profile_use")
    yield _rule("unknown-cell", "error", _CELLS.format(cells=_all_cells()), "pareto_variable")
    if tables.peers:
        for table in tables.changed:
            yield _rule("layers-disagree", "warning", _peers_sql(table))


def result_rules(*, all_runs: bool) -> Iterator[Rule]:
    """Yield the rules on the raw results of ``temp.checked_run``: references and uniqueness, which no key enforces."""
    parts = [
        f"SELECT 'result.{name}' AS location, 'run ' || run || ': ' || count(*) || ' rows of an item that it lacks.'"
        f" FROM result.{name} AS t WHERE run IN {_RUNS} AND item IS NOT NULL"
        f" AND NOT EXISTS (FROM result.item AS i WHERE i.item = t.item AND i.run = t.run) GROUP BY run"
        for name, keys in RESULT_KEYS.items()
        if "item" in keys and name != "item"
    ]
    yield _rule("result-without-item", "error", "\nUNION ALL\n".join(parts))
    twice = [_duplicate_results_sql(name, keys) for name, keys in RESULT_KEYS.items()]
    yield _rule("duplicate-result", "error", "\nUNION ALL\n".join(twice))
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
    about = [r for r in REFERENCES if r.table in tables.held and tables.is_touched({r.table, r.target})]
    # Maps and networks come before the sites that they belong to: as long as there is none at all, none is missing.
    about = [r for r in about if r.target != "site" or r.table not in PLACES or "site" in tables.held]
    tables.ensure({"profile", "profile_use", *(r.table for r in about), *(r.target for r in about)})
    active = sorted((r for r in about if r.table in tables.filled), key=lambda r: (r.target, r.named))
    parts = [
        _references_sql(target, named, list(refs))
        for (target, named), refs in groupby(active, lambda r: (r.target, r.named))
    ]
    if "profile_use" in tables.filled:
        parts.append(_PROFILES)
    rows = tables.con.execute("\nUNION ALL\n".join(parts)).fetchall() if parts else []
    known: dict[tuple[str, str], list[str]] = {}
    found = []
    for (table, cell), alike in groupby(sorted(rows, key=lambda r: (*r[:2], r[5])), lambda r: r[:2]):
        missing = list(alike)
        for _table, _cell, severity, target, named, names, n, key in missing[:MOST]:
            by = key if n == 1 else f"{key} and {n - 1} more"
            text = f"'{' / '.join(names)}' is not in table {target}{f' (named by {by})' if key else ''}."
            if (target, named) not in known:
                listed = tables.con.execute(f'SELECT DISTINCT "{named}"::VARCHAR FROM temp."{target}"').fetchall()
                known[target, named] = [row[0] for row in listed]
            text = f"{text} {did_you_mean(names[-1], known[target, named])}".strip()
            found.append(Finding(tables.ref.name, severity, "unknown-reference", f"{table}.{cell}", text))
        if len(missing) > MOST:
            text = f"{len(missing) - MOST:,} more of this kind."
            found.append(Finding(tables.ref.name, missing[MOST][2], "unknown-reference", f"{table}.{cell}", text))
    return found


# --- SQL -------------------------------------------------------------------------------------------------------------
_RUNS = "(SELECT run FROM temp.checked_run)"

_PROFILES = """SELECT DISTINCT u.name, u.cell, 'error', 'profile', 'profile', [u.profile], 1, ''
FROM temp.profile_use AS u
WHERE u.profile IS NOT NULL AND NOT EXISTS (FROM temp.profile AS p WHERE p.profile = u.profile)"""


_CELLS = """SELECT 'pareto_variable, ' || v.variable || ', cell', '\'\'' || v.cell || '\'\' is not TABLE.COLUMN of an input table.'
FROM temp.pareto_variable AS v
WHERE v.cell IS NULL OR NOT list_contains({cells}, v.cell)"""


def _all_cells() -> list[str]:
    return [f"{name}.{cell}" for name, table in INPUT.items() for cell in table.cell_names()]


def _rule(code: str, severity: str, sql: str, *drivers: str) -> Rule:
    return Rule(severity, code, CODES[code][1], sql, frozenset(drivers))


def _bounds_sql(table: type[InputRow]) -> str:
    """Return the numbers outside the bounds of their column."""
    lines = []
    for name, meaning in table.own().items():
        if isinstance(table.__table__.columns[name].type, (sa.Double, sa.Integer)):
            low, high = bounds(table, name)
            lines.append(
                f"{{name: '{name}', value: \"{name}\"::DOUBLE, low: {low}, high: {high}, unit: '{meaning.unit}'}}"
            )
    if not lines:
        return ""
    text = """format('{:g} is out of bounds: {:g} to {:g} {}', c.value, c.low, c.high, c.unit)"""
    milli = "CASE WHEN c.unit = 'm' AND c.value > c.high AND c.value / 1000 <= c.high THEN ' Is it in mm?' ELSE '' END"
    return f"""SELECT {place_sql(table, "c.name")} AS location, rtrim({text}) || '.' || {milli} AS message
FROM (SELECT *, unnest([{", ".join(lines)}]) AS c FROM temp."{table.__table__.name}") AS r
WHERE NOT isfinite(c.value) OR c.value NOT BETWEEN c.low AND c.high"""


def _choices_sql(table: type[InputRow]) -> str:
    """Return the words that are not among the choices of their column."""
    name = table.__table__.name
    return "\nUNION ALL\n".join(
        f"""SELECT {place_sql(table, f"'{c}'")}, '\'\'' || r."{c}" || '\'\' is none of: {", ".join(meaning.choices)}.'
FROM temp."{name}" AS r WHERE {breaks_sql(table, c, "r.")}"""
        for c, meaning in table.own().items()
        if meaning.choices
    )


def _written_twice(tables: Effective) -> list[str]:
    """Return the tables of which one revision may have written two rows of one key, to spare the others the slower rule."""
    rows = "\nUNION ALL ".join(
        f"SELECT '{name}' AS name, hash({', '.join(_row_key(INPUT[name]))}) AS h, r.cells"
        f" FROM layer.{name} AS r WHERE r.{tables.in_layers}"
        for name in (t.__table__.name for t in tables.changed)
    )
    sql = f"SELECT DISTINCT name FROM (SELECT name FROM ({rows}) AS r GROUP BY name, h HAVING {_TWICE})"
    return sorted(row[0] for row in tables.con.execute(sql).fetchall()) if rows else []


_TWICE = (
    "count(*) > 1 AND (count(r.cells) = 0 OR len(flatten(list(r.cells))) > len(list_distinct(flatten(list(r.cells)))))"
)


def _row_key(table: type[InputRow]) -> list[str]:
    """Return SQL of what two rows of a layer must not share."""
    return ["r.layer", "r.origin", "r.removed", "r.cells IS NULL", "r.year", *(f'r."{k}"' for k in table.keys())]


def _duplicates_sql(table: type[InputRow]) -> str:
    """Return the rows of which one revision of a layer wrote two: which of them holds is not defined."""
    return f"""SELECT {place_sql(table)}, 'written ' || count(*) || ' times by revision ' || r.origin || '.'
FROM layer.{table.__table__.name} AS r JOIN temp.level AS l ON l.layer = r.layer AND {HOLDS.format(at="l.pin")}
GROUP BY {", ".join(_row_key(table))}
HAVING {_TWICE}"""


def _kinds_sql() -> str:
    """Return the profiles of a kind that a column can't use: an error where temperatures and others are mixed up."""
    rows = ", ".join(f"('{t}', '{c}', {list(kinds)!r})" for (t, c), kinds in KINDS.items())
    return f"""SELECT DISTINCT u.name || '.' || u.cell,
    format('profile \'\'{{}}\'\' is of kind {{}}, but {{}} is wanted.', s.profile, s.kind, array_to_string(k.kinds, ' or ')),
    CASE WHEN (s.kind = 'temperature') <> list_contains(k.kinds, 'temperature') THEN 'error' ELSE 'warning' END
FROM temp.profile_use AS u
JOIN (VALUES {rows}) AS k(name, cell, kinds) ON k.name = u.name AND k.cell = u.cell
JOIN temp.series AS s ON s.profile = u.profile
WHERE NOT list_contains(k.kinds, s.kind)
ORDER BY ALL"""


def _references_sql(target: str, named: tuple[str, ...], refs: Sequence[Reference]) -> str:
    """Return the names that a table lacks, of all columns that refer to it in the same way."""
    parts = [
        f"""SELECT '{r.table}' AS name, '{r.columns[-1]}' AS cell, '{r.severity}' AS severity, {key_sql(INPUT[r.table])} AS key,
    {", ".join(f'r."{c}" AS n{i}' for i, c in enumerate(r.columns))} FROM temp."{r.table}" AS r"""
        for r in refs
    ]
    names = [f"n{i}" for i in range(len(named))]
    same = " AND ".join(f't."{c}" = u.{n}' for c, n in zip(named, names, strict=True))
    return f"""SELECT name, cell, severity, '{target}', '{named[-1]}', [{", ".join(f"{n}::VARCHAR" for n in names)}] AS names,
    count(DISTINCT key), min(key)
FROM ({" UNION ALL ".join(parts)}) AS u
ANTI JOIN temp."{target}" AS t ON {same}
WHERE {" AND ".join(f"{n} IS NOT NULL" for n in names)}
GROUP BY ALL"""


def _duplicate_results_sql(name: str, keys: tuple[str, ...]) -> str:
    """Return runs that wrote two rows of one key.

    Steps without a gap whose sum and sum of squares are those of the steps from first to last are each there once, which
    is five times faster to see than by grouping; only the other series are grouped by step.
    """
    group = ", ".join(["run", *(k for k in keys if k != "t")])
    rows = f"result.{name} WHERE run IN {_RUNS}"
    if "t" in keys:
        rows = f"""result.{name} SEMI JOIN (
        SELECT {group} FROM {rows} GROUP BY {group}
        HAVING count(*) <> max(t) - min(t) + 1 OR 2 * sum(t) <> (min(t) + max(t)) * count(*)
            OR 6 * sum(t::BIGINT * t) <> max(t)::BIGINT * (max(t) + 1) * (2 * max(t) + 1) - (min(t)::BIGINT - 1) * min(t) * (2 * min(t) - 1)
    ) USING ({group})"""
    return f"""SELECT 'result.{name}', 'run ' || run || ' has rows twice for the same {", ".join(keys)}.'
FROM (SELECT run FROM {rows} GROUP BY {", ".join(["run", *keys])} HAVING count(*) > 1)
GROUP BY run"""


def _peers_sql(table: type[InputRow]) -> str:
    """Return the cells that layers of equal standing set to different values, unless a layer above decides."""
    return f"""SELECT {place_sql(table, "r.cell")} AS location,
    format('''{{}}'' sets {{}}, ''{{}}'' sets {{}}; the latter stands higher and wins.',
        r.lower, r.lower_value, r.upper, r.upper_value) AS message
FROM ({conflicts_sql(table, "temp.level")}) AS r
ORDER BY ALL"""
