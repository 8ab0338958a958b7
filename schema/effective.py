"""SQL of the effective inputs, generated from the table classes rather than written thirty times.

Rank first, then the specific year over "every year", then the newer revision. A row exists if some layer sets it as a whole
above whatever removes it; each of its cells comes from the highest row that sets the cell.

A view over all scenarios must not resolve all of them where only a few are asked for. A name that stands in the query is pushed
down to ``meta.scenario`` whatever the SQL looks like. A name that only turns up while the query runs (from a join or a sub-query)
reaches that table as a filter of DuckDB's hash join, but only along the probe sides of the joins below. So ``meta.scenario``
has to be the first probe side, the layers a build side, and the whole view the probe side of the user's join. DuckDB decides that
by estimates, so each of the three carries a second branch, ``meta.none``, which looks huge to the optimizer and never has a row.
A name in the query is unlike the name in that branch and prunes it, after which the layers are the probe side, and only those
of the scenario's own stack are read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dhsdb.schema.inputs import InputRow

ORDER = "((s.rank * 2 + (r.year IS NOT NULL)::INTEGER) * 2147483648::BIGINT + r.origin) * 2 + (r.cells IS NOT NULL)::INTEGER"
HOLDS = """JOIN layer.{table} AS r
        ON r.layer = s.layer AND r.rev_from <= s.pin AND (r.rev_to IS NULL OR r.rev_to > s.pin)"""
_STACK_NOW = "meta.stack_now"
_LAYER_AT = "meta.layer_at(scenario_name, at_revision)"
_STACK_AT = "meta.stack_at(scenario_name, at_revision)"
_PARAMETERS = "(scenario_name, at_revision := 2147483647)"


def view_sql(table: type[InputRow]) -> str:
    """Return the view over all scenarios at their newest revision."""
    resolved = resolve_sql(table, _STACK_NOW)
    return (
        f"CREATE OR REPLACE VIEW input.{_name(table)} AS\n{resolved}\nUNION ALL BY NAME\nSELECT scenario FROM meta.none"
    )


def macro_sql(table: type[InputRow]) -> str:
    """Return the table macro ``input.TABLE_at(scenario, revision)``; without a revision, the newest."""
    body = resolve_sql(table, _STACK_AT)
    return f"CREATE OR REPLACE MACRO input.{_name(table)}_at{_PARAMETERS} AS TABLE\n{body}"


def stack_sql() -> list[str]:
    """Return ``meta.stack_now`` and ``meta.stack_at``: the layers of a stack with the model years of their scenario.

    The years ride along with each layer, so that a row of "every year" spreads over them in one pass.
    """
    now = """SELECT s.scenario, l.rank, l.layer, l.pin, coalesce(y.years, [NULL::SMALLINT]) AS years
FROM (
    SELECT name AS scenario FROM meta.scenario WHERE deleted IS NULL
    UNION ALL
    SELECT scenario FROM meta.none
) AS s
JOIN meta.layer_now AS l ON l.scenario = s.scenario
JOIN meta.years_now AS y ON y.scenario = s.scenario
UNION ALL BY NAME
SELECT scenario FROM meta.none"""
    at = f"""WITH l AS NOT MATERIALIZED (FROM {_LAYER_AT}), y AS NOT MATERIALIZED ({_years("l")})
SELECT l.*, coalesce(y.years, [NULL::SMALLINT]) AS years
FROM l
LEFT JOIN y ON y.scenario = l.scenario"""
    years = f"""SELECT s.name AS scenario, y.years
FROM meta.scenario AS s
LEFT JOIN ({_years("meta.layer_now")}) AS y ON y.scenario = s.name
WHERE s.deleted IS NULL"""
    return [
        f"CREATE OR REPLACE VIEW meta.years_now AS\n{years}",
        f"CREATE OR REPLACE VIEW meta.stack_now AS\n{now}",
        f"CREATE OR REPLACE MACRO meta.stack_at{_PARAMETERS} AS TABLE\n{at}",
    ]


def _years(layers: str) -> str:
    """Return the SELECT of the model years of those scenarios that have any."""
    return f"""
    SELECT scenario, list_sort(list(year)) AS years
    FROM (
        SELECT s.scenario, r.year
        FROM {layers} AS s
        {HOLDS.format(table="model_year")}
        WHERE r.year IS NOT NULL
        GROUP BY s.scenario, r.year
        HAVING max({ORDER}) FILTER (NOT r.removed AND r.cells IS NULL) > coalesce(max({ORDER}) FILTER (r.removed), -1)
    )
    GROUP BY scenario
"""


def _name(table: type[InputRow]) -> str:
    return str(table.__table__.name)


def resolve_sql(table: type[InputRow], stack: str, only: str = "", cells: Sequence[str] | None = None) -> str:
    """Return the SELECT that resolves stacks cell by cell.

    Parameters
    ----------
    stack
        Relation with scenario, years, rank, layer and pin.
    only
        Relation with the natural key, to resolve just these keys; empty = all.
    cells
        Cells to resolve; None = all.
    """
    keys = [_quote(k) for k in table.keys()]
    cells = table.cell_names() if cells is None else cells
    year = spread_sql(table)
    values = "".join(f",\n    {_cell(c)}" for c in cells)
    inner = ", ".join(["r.cells", "r.removed", *(f"r.{k}" for k in keys), *(f"r.{_quote(c)}" for c in cells)])
    group = ", ".join(["scenario", "year", *keys])
    chosen = f"\n    SEMI JOIN {only} AS o ON {' AND '.join(f'o.{k} = r.{k}' for k in keys)}" if only else ""
    return f"""SELECT
    {group}{values}
FROM (
    SELECT s.scenario, {year} AS year, {inner}, {ORDER} AS ord
    FROM {stack} AS s
    {HOLDS.format(table=_name(table))}{chosen}
)
GROUP BY {group}
HAVING max(ord) FILTER (NOT removed AND cells IS NULL) > coalesce(max(ord) FILTER (removed), -1)"""


def spread_sql(table: type[InputRow]) -> str:
    """Return SQL of the years that a row ``r`` stands for in a stack ``s``."""
    return "unnest(CASE WHEN r.year IS NULL THEN s.years ELSE [r.year] END)" if table.by_year else "NULL::SMALLINT"


def _cell(column: str) -> str:
    sets = f"NOT removed AND (cells IS NULL OR list_contains(cells, '{column}'))"
    return f"arg_max_null({_quote(column)}, ord) FILTER ({sets}) AS {_quote(column)}"


def _quote(column: str) -> str:
    return f'"{column}"'
