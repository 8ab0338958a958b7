"""``dhsdb demo``: the Helsinki study from import to comparison, with what to type next."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from dhsdb.cli.output import console, emit, rows
from dhsdb.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dhsdb.importers.rows import Item, Request
    from dhsdb.runner import Run
    from dhsdb.store import Store

SUMMARY = """
WITH cost AS (SELECT scenario, year, sum(value) / 1e6 AS cost FROM cost WHERE stage = 'investment' GROUP BY ALL),
cap AS (SELECT scenario, year, sum(capacity) AS mw FROM capacity WHERE stage = 'investment' AND unit = 'MW' AND technology NOT IN
    (SELECT storage FROM input.storage) GROUP BY ALL),
co2 AS (SELECT scenario, year, sum(t) / 1e3 AS kt FROM emission WHERE stage = 'dispatch' AND emission = 'CO2' GROUP BY ALL),
excess AS (
    SELECT e.scenario, e.year, sum(e.mwh) / 1e3 AS gwh
    FROM energy AS e
    WHERE e.stage = 'dispatch' AND e.commodity = 'heat' AND e.direction = 'out'
        AND e.technology IN (SELECT process FROM input.process WHERE heat_source IS NOT NULL)
    GROUP BY ALL
),
short AS (SELECT scenario, year, sum(mwh) AS mwh FROM unserved WHERE stage = 'dispatch' GROUP BY ALL)
SELECT
    cost.scenario, cost.year, round(cost.cost, 2) AS "cost MEUR/a", round(cap.mw, 1) AS "capacity MW",
    round(co2.kt, 2) AS "CO2 kt", round(excess.gwh, 1) AS "excess heat GWh", round(coalesce(short.mwh, 0), 3) AS "unserved MWh"
FROM cost
LEFT JOIN cap USING (scenario, year) LEFT JOIN co2 USING (scenario, year)
LEFT JOIN excess USING (scenario, year) LEFT JOIN short USING (scenario, year)
ORDER BY scenario, year
"""


_COMPARED = ("base", "high-gas-low-temperature")


class _Profiles:
    """The hourly profiles of the study, made from the weather file that package demandlib ships."""

    name = "profiles"
    reads = "hourly profiles of the Helsinki study"

    def __init__(self) -> None:
        from dhsdb.examples.helsinki import profiles

        self.attribution = profiles.ATTRIBUTION

    def read(self, _request: Request) -> Iterator[Item]:
        from dhsdb.examples.helsinki import profiles

        for series in profiles.series():
            yield replace(series, text=profiles.TEXTS[series.name])


def run_demo(path: Path, *, as_json: bool) -> None:
    """Make the study in a new store and print what came out."""
    from dhsdb.diff_render import to_html
    from dhsdb.examples import helsinki
    from dhsdb.store import Store

    if path.exists():
        raise UserError(f"{path} exists already.", "Name another file: dhsdb demo --store FILE")
    helsinki.osm_file()
    say = _silent if as_json else _say
    began = time.perf_counter()
    store = Store(path)
    say(f"store {store.db.path}")
    _imports(store, say)
    _scenarios(store, say)
    done = _runs(store, say, quiet=as_json)
    summary = store.sql(SUMMARY).rows()
    if as_json:
        emit(
            {
                "store": str(store.db.path),
                "seconds": time.perf_counter() - began,
                "runs": [_short(r) for r in done],
                "summary": summary,
            },
            as_json=True,
        )
        return
    rows(summary, as_json=False, title="what the scenarios cost and emit (money in EUR of 2020, not discounted)")
    _compare(store)
    _front(store)
    page = path.with_name(f"{path.stem}-comparison.html")
    page.write_text(to_html(store.diff(*_COMPARED)), encoding="utf-8")
    say(f"the comparison of {' and '.join(_COMPARED)} as a page: {page}")
    _closing(store, time.perf_counter() - began)


def _imports(store: Store, say: object) -> None:
    from dhsdb.examples import helsinki
    from dhsdb.examples.helsinki import profiles
    from dhsdb.importers.estimate import estimate_demand
    from dhsdb.importers.pipeline import run_import

    for form, file, message in (
        ("osm", helsinki.osm_file(), "streets and buildings of central Helsinki"),
        ("excel", helsinki.WORKBOOK, "technology data"),
        (_Profiles(), profiles.try_file(), "hourly profiles"),
    ):
        report = run_import(store.db, form, [file], scenario="base", site=helsinki.SITE, message=message)
        say(f"imported {message}: " + ", ".join(f"{n:,} {table}" for table, n in report.n_set.items()))  # type: ignore[operator]
        if report.attribution:
            say(f"  {report.attribution}")  # type: ignore[operator]
    edit = estimate_demand(store.db, "base", "heat demand by the specific demands of the workbook")
    say(f"estimated the heat demand of {edit.n_rows} buildings")  # type: ignore[operator]


def _scenarios(store: Store, say: object) -> None:
    from dhsdb.examples.helsinki import SCENARIOS

    for scenario in SCENARIOS[1:]:
        if scenario.layers:
            store.compose(scenario.name, scenario.base, scenario.layers, scenario.text)
        else:
            store.derive(scenario.name, scenario.base, scenario.text)
        for change in scenario.changes:
            store.set(
                scenario.name, change.cell, change.value, where=change.where, year=change.year, message=change.message
            )
        what = (
            "composed of " + " and ".join(scenario.layers) if scenario.layers else f"{len(scenario.changes)} change(s)"
        )
        say(f"scenario {scenario.name}: {what}")  # type: ignore[operator]


def _runs(store: Store, say: object, *, quiet: bool) -> list[Run]:
    from dhsdb.cli.runs import solve
    from dhsdb.examples.helsinki import SCENARIOS
    from dhsdb.runner import Order

    orders = [Order(s.name) for s in SCENARIOS] + [Order("base", ("pareto",), options=(("periods", 4),))]
    done = []
    for order in orders:
        for run in solve(store, [order], 1, quiet=quiet):
            done.append(run)
            how = (
                "solved before" if run.reused else f"{run.wall_s or 0:.1f} s, of which solver {run.solve_s or 0:.1f} s"
            )
            say(f"run {run.run}: {run.scenario} {run.stage} {run.status}, {how}")  # type: ignore[operator]
    return done


def _compare(store: Store) -> None:
    from dhsdb.cli.look import show_diff

    show_diff(store.diff(*_COMPARED, results=False), "table")
    show_diff(store.diff(*_COMPARED, inputs=False), "table", limit=5)


def _front(store: Store) -> None:
    query = """
    SELECT p.point, max(v.value) FILTER (v.name = 'cost') / 1e6 AS "cost MEUR",
        max(v.value) FILTER (v.name = 'CO2') / 1e3 AS "CO2 kt", p.knee
    FROM pareto AS p JOIN pareto_value AS v USING (scenario, study, point)
    WHERE p.study LIKE 'front%' GROUP BY p.point, p.knee ORDER BY p.point"""
    rows(
        store.sql(query).rows(),
        as_json=False,
        title="cost against CO2: the exact front of base (discounted, all years)",
    )


def _closing(store: Store, seconds: float) -> None:
    name = store.db.path
    lines = [
        f"done in {seconds:.0f} s. Look further:",
        f"  dhsdb --store {name} scenario list",
        f"  dhsdb --store {name} run list",
        f"  dhsdb --store {name} sql \"SELECT * FROM capacity WHERE scenario = 'base' AND stage = 'investment'\"",
        f"  dhsdb --store {name} diff base high-gas",
        f"  dhsdb --store {name} check base",
    ]
    _say("\n".join(lines))


def _short(run: Run) -> dict[str, object]:
    return {
        n: getattr(run, n)
        for n in ("run", "scenario", "stage", "status", "objective", "solve_s", "wall_s", "peak_mb", "reused")
    }


def _say(text: str) -> None:
    console().print(text, markup=False, soft_wrap=True)


def _silent(_text: str) -> None:
    pass
