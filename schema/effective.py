"""SQL of the effective inputs, generated from the table classes rather than written thirty times.

Rank first, then the specific year over "every year", then the newer revision. A row exists if some layer sets it as a whole
above whatever removes it; each of its cells comes from the highest row that sets the cell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dhsdb.schema.inputs import InputRow

_ORDER = "((s.rank * 2 + (r.year IS NOT NULL)::INTEGER) * 2147483648::BIGINT + r.origin) * 2 + (r.cells IS NOT NULL)::INTEGER"
_HOLDS = """JOIN layer.{table} AS r
        ON r.layer = s.layer AND r.rev_from <= s.pin AND (r.rev_to IS NULL OR r.rev_to > s.pin)"""
_STACK_NOW = "meta.stack_now"
_LAYER_AT = "meta.layer_at(scenario_name, at_revision)"
_STACK_AT = "meta.stack_at(scenario_name, at_revision)"


def view_sql(table: type[InputRow]) -> str:
    """Return the view over all scenarios at their newest revision."""
    return f"CREATE OR REPLACE VIEW input.{_name(table)} AS\n{resolve_sql(table, _STACK_NOW)}"


def macro_sql(table: type[InputRow]) -> str:
    """Return the table macro ``input.TABLE_at(scenario, revision)``."""
    body = resolve_sql(table, _STACK_AT)
    return f"CREATE OR REPLACE MACRO input.{_name(table)}_at(scenario_name, at_revision) AS TABLE\n{body}"


def stack_sql() -> list[str]:
    """Return ``meta.stack_now`` and ``meta.stack_at``: the layers of a stack with the model years of their scenario.

    The years ride along with each layer, so that a row of "every year" spreads over them in one pass.
    """
    return [
        f"CREATE OR REPLACE VIEW meta.stack_now AS\n{_stack('meta.layer_now')}",
        f"CREATE OR REPLACE MACRO meta.stack_at(scenario_name, at_revision) AS TABLE\n{_stack(_LAYER_AT)}",
    ]


def _stack(layers: str) -> str:
    return f"""SELECT l.*, coalesce(y.years, [NULL::SMALLINT]) AS years
FROM {layers} AS l
LEFT JOIN (
    SELECT scenario, list_sort(list(year)) AS years
    FROM (
        SELECT s.scenario, r.year
        FROM {layers} AS s
        {_HOLDS.format(table="model_year")}
        WHERE r.year IS NOT NULL
        GROUP BY s.scenario, r.year
        HAVING max({_ORDER}) FILTER (NOT r.removed AND r.cells IS NULL) > coalesce(max({_ORDER}) FILTER (r.removed), -1)
    )
    GROUP BY scenario
) AS y ON y.scenario = l.scenario"""


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
    year = "unnest(CASE WHEN r.year IS NULL THEN s.years ELSE [r.year] END)" if table.by_year else "NULL::SMALLINT"
    values = "".join(f",\n    {_cell(c)}" for c in cells)
    inner = ", ".join(["r.cells", "r.removed", *(f"r.{k}" for k in keys), *(f"r.{_quote(c)}" for c in cells)])
    group = ", ".join(["scenario", "year", *keys])
    chosen = f"\n    SEMI JOIN {only} AS o ON {' AND '.join(f'o.{k} = r.{k}' for k in keys)}" if only else ""
    return f"""SELECT
    {group}{values}
FROM (
    SELECT s.scenario, {year} AS year, {inner}, {_ORDER} AS ord
    FROM {stack} AS s
    {_HOLDS.format(table=_name(table))}{chosen}
)
GROUP BY {group}
HAVING max(ord) FILTER (NOT removed AND cells IS NULL) > coalesce(max(ord) FILTER (removed), -1)"""


def _cell(column: str) -> str:
    sets = f"NOT removed AND (cells IS NULL OR list_contains(cells, '{column}'))"
    return f"arg_max_null({_quote(column)}, ord) FILTER ({sets}) AS {_quote(column)}"


def _quote(column: str) -> str:
    return f'"{column}"'
