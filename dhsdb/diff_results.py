"""Differences of results: what is compared of each result view, and how it is added up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dhsdb.bulk import registered
from dhsdb.diff_sql import Cell, Subject, changes_sql, joined_sql

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import duckdb
    import pyarrow as pa

    from dhsdb.diff_money import Amounts
    from dhsdb.diff_sides import Side

_JOINED = "diff_results_joined"
_RUN = "diff_run"

Runs = "Mapping[str, int]"


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure of a result view.

    Attributes
    ----------
    name
        Its name in the comparison.
    sql
        Aggregate over the rows of a key.
    """

    name: str
    sql: str
    unit: str = ""

    @property
    def cell(self) -> Cell:
        """The column that is compared."""
        return Cell(self.name, "text" if self.sql.startswith("any_value") else "number", self.unit)


@dataclass(frozen=True, slots=True)
class ResultView:
    """What is compared of a result view: its natural key besides stage and year, and the figures per key."""

    name: str
    keys: tuple[str, ...]
    measures: tuple[Measure, ...]
    source: str = ""
    """View that is added up, if it has another name."""


def _total(name: str, unit: str) -> Measure:
    return Measure(name, f"sum({name})", unit)


_CONNECTION_TOTALS = (
    _total("trench_m", "m"),
    _total("cost", "money"),
    _total("loss_kw", "kW"),
    _total("capacity_kw", "kW"),
)

VIEWS: dict[str, ResultView] = {
    v.name: v
    for v in (
        ResultView(
            "capacity",
            ("site", "technology", "commodity", "unit"),
            (_total("capacity", ""), _total("new", ""), _total("retired", "")),
        ),
        ResultView(
            "energy",
            ("site", "technology", "commodity", "direction"),
            (_total("mwh", "MWh"), Measure("full_load_hours", "max(full_load_hours)", "hour")),
        ),
        ResultView(
            "cost", ("site", "technology", "kind"), (_total("value", "money/year"), _total("discounted", "money"))
        ),
        ResultView("emission", ("site", "technology", "emission"), (_total("t", "t"),)),
        ResultView("unserved", ("site", "commodity"), (_total("mwh", "MWh"), Measure("steps", "count(*)"))),
        ResultView("price", ("site", "commodity"), (Measure("mean", "avg(value)", "money/MWh"),)),
        ResultView("connection_total", (), (Measure("connections", "count(*)"), *_CONNECTION_TOTALS), "connection"),
        ResultView(
            "connection",
            ("source",),
            (
                *_CONNECTION_TOTALS,
                Measure("diameter_m", "max(diameter_m)", "m"),
                Measure("pipe_type", "any_value(pipe_type)"),
            ),
        ),
        ResultView("building_supply", ("technology",), (Measure("buildings", "count(*)"), _total("mwh", "MWh"))),
        ResultView(
            "network",
            (),
            (Measure("pipes", "count(*)"), _total("trench_m", "m"), _total("cost", "money"), _total("loss_kw", "kW")),
        ),
    )
}
"""Result views in the order in which they are shown; hourly flows are compared by their annual totals, ``energy``."""

RUN = "run"
"""Name of the comparison of the runs themselves: status, objective, gap."""

SOLVED = ("optimal", "feasible")
"""Statuses of runs that have results."""

NAMES = (RUN, *VIEWS)


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How near two results count as equal: ``|a - b| <= absolute + relative * max(|a|, |b|)``."""

    relative: float = 1e-9
    absolute: float = 1e-9


def changed_results(
    con: duckdb.DuckDBPyConnection,
    runs: tuple[Mapping[str, int], Mapping[str, int]],
    names: Sequence[str],
    tolerance: Tolerance,
    amounts: Amounts,
) -> Iterator[pa.Table]:
    """Yield the changes of each result view that differs.

    Parameters
    ----------
    runs
        Run by stage of side a and of side b, with the same stages.
    names
        Views to compare, of :data:`NAMES`.
    amounts
        How amounts of side b are read.
    """
    if runs[0] == runs[1]:
        return
    with registered(con, _RUN, _run_rows(runs)):
        for name in (n for n in NAMES if n in names):
            subject, sides = _runs_themselves() if name == RUN else _added_up(VIEWS[name])
            con.execute(f"CREATE OR REPLACE TEMP TABLE {_JOINED} AS {joined_sql(subject, sides)}")
            sql = changes_sql(subject, _JOINED)
            money = amounts.factor(con, subject, _JOINED)
            values = {"years": [], "rel_tol": tolerance.relative, "abs_tol": tolerance.absolute, "money": money}
            changes = con.execute(sql, {n: v for n, v in values.items() if f"${n}" in sql}).to_arrow_table()
            if changes.num_rows:
                yield changes


def _added_up(view: ResultView) -> tuple[Subject, str]:
    """Return what is compared of a view, and the SELECT of both sides."""
    keys = ("stage", *view.keys)
    subject = Subject("results", view.name, keys, tuple(m.cell for m in view.measures), converts=True)
    columns = "".join(f'v."{k}", ' for k in view.keys)
    measures = ", ".join(f'{m.sql} AS "{m.name}"' for m in view.measures)
    sides = f"""SELECT d.side AS scenario, v.year, d.stage, {columns}{measures}
FROM by_run.{view.source or view.name} AS v JOIN {_RUN} AS d ON d.run = v.run
GROUP BY ALL"""
    return subject, sides


def _runs_themselves() -> tuple[Subject, str]:
    """Return status, objective and gap of runs; where CO2 was minimised, the objective is no money."""
    cells = (
        Cell("status", "text"),
        Cell("cost", "number", "money", title="objective"),
        Cell("co2", "number", "t", title="objective"),
        Cell("gap", "number"),
    )
    is_co2 = "coalesce(r.options::JSON ->> '$.objective', 'cost') = 'co2'"
    sides = f"""SELECT d.side AS scenario, NULL::SMALLINT AS year, d.stage, r.status,
    CASE WHEN NOT {is_co2} THEN r.objective END AS cost, CASE WHEN {is_co2} THEN r.objective END AS co2, r.gap
FROM meta.run AS r JOIN {_RUN} AS d ON d.run = r.run"""
    return Subject("results", RUN, ("stage",), cells, converts=True), sides


def verdicts(con: duckdb.DuckDBPyConnection, one: Side) -> Side:
    """Return a side with the newest verdict on each stage: where the last default run found no solution, that one.

    Results are then still those of an earlier run, or there are none; but the comparison says that it is infeasible now.
    """
    if one.run is not None:
        return one
    rows = con.execute(
        "SELECT stage, arg_max(run, run), arg_max(status, run) FROM meta.run WHERE scenario = ? AND revision <= ?"
        " AND is_default AND status NOT IN ('running', 'cancelled') GROUP BY stage ORDER BY 2",
        [one.ref.scenario, one.ref.revision],
    ).fetchall()
    runs = dict(one.runs)
    for stage, run, status in rows:
        if status not in SOLVED and run > runs.get(stage, 0):
            runs[stage] = run
    return replace(one, runs=tuple(runs.items()))


def _run_rows(runs: tuple[Mapping[str, int], Mapping[str, int]]) -> pa.Table:
    import pyarrow as pa

    rows = [(side, stage, run) for side, of in zip(("a", "b"), runs, strict=True) for stage, run in of.items()]
    return pa.table(
        {
            "side": pa.array([r[0] for r in rows], pa.string()),
            "stage": pa.array([r[1] for r in rows], pa.string()),
            "run": pa.array([r[2] for r in rows], pa.int32()),
        }
    )
