"""The demo study, whole: what comes out of `dhsdb demo` adds up, in SQL as a user would write it."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from dhsdb import Store

if TYPE_CHECKING:
    from pathlib import Path

SCENARIOS = {"base", "high-gas", "low-temperature", "high-gas-low-temperature"}
YEARS = {2025, 2035, 2045}
TOLERANCE = 1e-6


@pytest.fixture(scope="module")
def store(demo_store: Path) -> Store:
    return Store(demo_store, create=False, wait_s=60)


@pytest.fixture(scope="module")
def sql(store: Store) -> Any:
    return lambda query, *parameters: store.sql(query, list(parameters)).rows()


def near(a: float, b: float) -> bool:
    return abs(a - b) <= TOLERANCE * max(abs(a), abs(b), 1.0)


def test_all_runs_are_optimal_and_every_scenario_is_whole(sql):
    runs = sql("SELECT run, scenario, stage, status, solver, solver_version, fingerprint, peak_mb FROM runs")
    assert {r["status"] for r in runs} == {"optimal"}
    assert all(r["solver"] and len(r["fingerprint"]) == 64 and r["peak_mb"] > 0 for r in runs)
    current = {(r["scenario"], r["stage"]) for r in sql("SELECT scenario, stage FROM meta.current_run")}
    assert current == {(s, g) for s in SCENARIOS for g in ("geo", "investment", "dispatch")} | {("base", "pareto")}


def test_a_stage_that_reads_nothing_new_was_not_solved_again(sql):
    """Gas has no part in stage geo, so the dear-gas scenarios share the runs of the others."""
    geo = {r["scenario"]: r["run"] for r in sql("SELECT scenario, run FROM meta.current_run WHERE stage = 'geo'")}
    assert geo["high-gas"] == geo["base"]
    assert geo["high-gas-low-temperature"] == geo["low-temperature"] != geo["base"]


# --- energy ----------------------------------------------------------------------------------------------------------
def test_every_balance_of_every_run_closes_in_every_step(sql):
    rows = sql(
        """
        WITH balance AS (
            SELECT run, site, commodity, year, t, sum(CASE direction WHEN 'out' THEN mwh ELSE -mwh END) AS off, sum(abs(mwh)) AS size
            FROM by_run.flow GROUP BY ALL
        )
        SELECT run, count(*) AS steps, count(DISTINCT commodity) AS commodities, max(abs(off) / greatest(size, 1)) AS worst
        FROM balance GROUP BY run"""
    )
    solved = sql("SELECT count(*) AS n FROM runs WHERE stage IN ('investment', 'dispatch')")[0]["n"]
    assert len(rows) == solved == 2 * len(SCENARIOS)
    assert all(r["commodities"] == 4 and r["steps"] > 3 * 4 * 24 for r in rows)
    assert max(r["worst"] for r in rows) < TOLERANCE


def test_dispatch_holds_every_hour_of_every_year(sql):
    rows = sql(
        "SELECT run, year, count(DISTINCT t) AS n, min(t) AS low, max(t) AS high FROM flow WHERE stage = 'dispatch' GROUP BY ALL"
    )
    assert len(rows) == len(SCENARIOS) * len(YEARS)
    assert {(r["n"], r["low"], r["high"]) for r in rows} == {(8760, 1, 8760)}


def test_annual_totals_are_the_sums_of_the_steps(sql):
    rows = sql(
        """
        SELECT e.run, e.technology, e.mwh, f.mwh AS summed
        FROM by_run.energy AS e
        FULL JOIN (SELECT run, year, site, technology, commodity, direction, sum(mwh) AS mwh FROM by_run.flow GROUP BY ALL) AS f
            USING (run, year, site, technology, commodity, direction)"""
    )
    assert len(rows) > 100
    assert all(near(r["mwh"], r["summed"]) for r in rows)


def test_the_heat_of_the_buildings_arrives_in_every_stage(sql):
    rows = sql(
        """
        SELECT d.scenario, d.year, d.mwh AS wanted, s.mwh AS supplied, e.stage, e.mwh AS served
        FROM (SELECT scenario, year, sum(coalesce(space_heat_mwh, 0) + coalesce(hot_water_mwh, 0)) AS mwh FROM input.building_demand GROUP BY ALL) AS d
        JOIN (SELECT scenario, year, sum(mwh) AS mwh FROM building_supply GROUP BY ALL) AS s USING (scenario, year)
        JOIN (SELECT scenario, year, stage, sum(mwh) AS mwh FROM energy WHERE technology = 'demand' AND commodity = 'heat' GROUP BY ALL) AS e
            USING (scenario, year)"""
    )
    assert len(rows) == len(SCENARIOS) * len(YEARS) * 2
    assert all(near(r["wanted"], r["supplied"]) and near(r["wanted"], r["served"]) for r in rows)
    assert min(r["wanted"] for r in rows) > 1e5


def test_unserved_heat_is_none_or_said(sql):
    short = {
        (r["scenario"], r["mwh"] > 0.1) for r in sql("SELECT scenario, sum(mwh) AS mwh FROM unserved GROUP BY scenario")
    }
    said = {r["scenario"] for r in sql("SELECT DISTINCT scenario FROM findings WHERE code = 'unserved'")}
    assert {scenario for scenario, much in short if much} <= said


def test_storages_hold_what_they_take_in(sql):
    """What is taken out never exceeds what was put in, and levels stay within the capacity that stands."""
    rows = sql(
        """
        SELECT l.run, l.year, max(l.mwh) AS most, min(l.mwh) AS least, any_value(c.capacity) AS capacity
        FROM level AS l JOIN capacity AS c ON c.run = l.run AND c.year = l.year AND c.technology = l.technology AND c.unit = 'MWh'
        GROUP BY ALL"""
    )
    assert len(rows) == len(SCENARIOS) * len(YEARS) * 2
    assert all(r["least"] >= -1e-6 and r["most"] <= r["capacity"] + 1e-6 * max(r["capacity"], 1) for r in rows)


# --- handover from stage to stage ------------------------------------------------------------------------------------
def test_every_heat_source_is_connected_or_named(sql):
    lost = sql(
        """
        SELECT h.scenario, h.heat_source FROM input.heat_source AS h
        ANTI JOIN connection AS c ON c.scenario = h.scenario AND c.source = h.heat_source"""
    )
    said = " ".join(f"{r['location']} {r['message']}" for r in sql("SELECT location, message FROM findings"))
    assert all(r["heat_source"] in said for r in lost)
    assert sql("SELECT count(*) AS n FROM connection")[0]["n"] > 0


def test_every_connection_feeds_a_process_or_is_named(sql):
    unused = sql(
        """
        SELECT DISTINCT c.scenario, c.source FROM connection AS c
        ANTI JOIN input.process AS p ON p.scenario = c.scenario AND p.heat_source = c.source"""
    )
    said = {
        (r["scenario"], r["location"])
        for r in sql("SELECT scenario, location FROM findings WHERE code = 'source-not-used'")
    }
    assert all((r["scenario"], f"heat_source {r['source']}") in said for r in unused)


def test_the_dispatch_runs_what_the_investment_built(sql):
    rows = sql(
        """
        SELECT i.scenario, i.year, i.technology, i.unit, i.capacity AS built, d.capacity AS run
        FROM (SELECT * FROM capacity WHERE stage = 'investment') AS i
        FULL JOIN (SELECT * FROM capacity WHERE stage = 'dispatch') AS d USING (scenario, year, site, technology, unit)"""
    )
    assert len(rows) > 100
    assert all(r["built"] is not None and r["run"] is not None and near(r["built"], r["run"]) for r in rows)


def test_a_connection_is_paid_where_its_heat_pump_is_built(sql):
    paid = sql("SELECT count(*) AS n, min(value) AS least FROM cost WHERE kind = 'connection'")[0]
    assert paid["n"] > 0
    assert paid["least"] >= 0


# --- money and emissions ---------------------------------------------------------------------------------------------
def test_costs_add_up_to_the_objective(sql):
    rows = sql(
        """
        SELECT r.run, r.stage, r.objective, sum(c.discounted) AS total
        FROM runs AS r JOIN by_run.cost AS c USING (run) WHERE r.stage IN ('investment', 'dispatch') GROUP BY ALL"""
    )
    assert len(rows) == 2 * len(SCENARIOS)
    assert all(near(r["objective"], r["total"]) for r in rows)


def test_emissions_are_fuel_times_factor(sql):
    """Gas goes to its users; electricity and wood are bought by the market or by the users."""
    rows = sql(
        """
        WITH fuel AS (
            SELECT e.scenario, e.year, e.stage, sum(e.mwh * f.t_per_mwh) AS t
            FROM energy AS e
            JOIN input.commodity_emission AS f USING (scenario, year, site, commodity)
            WHERE e.technology = 'market' AND e.direction = 'out' AND f.emission = 'CO2' GROUP BY ALL
        )
        SELECT fuel.*, m.t AS emitted
        FROM fuel FULL JOIN (SELECT scenario, year, stage, sum(t) AS t FROM emission WHERE emission = 'CO2' GROUP BY ALL) AS m
            USING (scenario, year, stage)"""
    )
    assert len(rows) == len(SCENARIOS) * len(YEARS) * 2
    assert all(near(r["t"], r["emitted"]) for r in rows)


def test_dear_gas_costs_more_and_a_cooler_network_loses_less(sql):
    cost = {r["scenario"]: r["objective"] for r in sql(
        "SELECT c.scenario, r.objective FROM meta.current_run AS c JOIN runs AS r USING (run) WHERE c.stage = 'investment'"
    )}  # fmt: skip
    assert cost["high-gas"] >= cost["base"] * (1 - TOLERANCE)
    assert cost["high-gas-low-temperature"] >= cost["low-temperature"] * (1 - TOLERANCE)
    loss = {(r["scenario"], r["year"]): r["mwh"] for r in sql(
        "SELECT scenario, year, mwh FROM energy WHERE stage = 'dispatch' AND technology = 'network loss'"
    )}  # fmt: skip
    assert near(loss["low-temperature", 2025], loss["base", 2025])
    assert all(loss["low-temperature", y] < 0.9 * loss["base", y] for y in (2035, 2045))
    assert all(near(loss["high-gas", y], loss["base", y]) for y in YEARS)


def test_the_composed_scenario_holds_the_changes_of_both(sql):
    gas = "SELECT scenario, year, price FROM input.commodity WHERE commodity = 'gas' AND price IS NOT NULL"
    price = {(r["scenario"], r["year"]): r["price"] for r in sql(gas)}
    cold = {
        (r["scenario"], r["year"]): r["supply_c"]
        for r in sql("SELECT scenario, year, supply_c FROM input.network_temperature")
    }
    both = "high-gas-low-temperature"
    for year in YEARS:
        assert price[both, year] == pytest.approx(1.8 * price["base", year])
        assert price[both, year] == price["high-gas", year]
        assert cold[both, year] == cold["low-temperature", year]
    assert price["low-temperature", 2035] == price["base", 2035]


# --- the Pareto study ------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def points(sql: Any) -> list[dict[str, Any]]:
    return sql(
        """
        SELECT p.study, p.point, p.generation, p.feasible, p.nondominated, p.knee,
            max(v.value) FILTER (v.name = 'cost' AND v.kind = 'objective') AS cost,
            max(v.value) FILTER (v.name = 'CO2' AND v.kind = 'objective') AS co2
        FROM pareto AS p JOIN pareto_value AS v USING (scenario, study, point) WHERE p.scenario = 'base'
        GROUP BY ALL ORDER BY p.study, p.point"""
    )


def test_the_exact_front_has_ten_points_whose_cost_falls_as_co2_rises(points):
    front = sorted((p for p in points if p["study"].startswith("front")), key=lambda p: p["co2"])
    assert len(front) == 10
    assert all(p["feasible"] and p["nondominated"] for p in front)
    assert all(b["cost"] < a["cost"] for a, b in pairwise(front))
    assert sum(p["knee"] for p in front) == 1
    steps = [b["co2"] - a["co2"] for a, b in pairwise(front)]
    assert max(steps) == pytest.approx(min(steps), rel=1e-3)


def test_the_cleanest_point_is_not_bought_by_leaving_people_cold(points, sql):
    """Heat that is not served emits nothing: the least CO2 is that of a system which serves what the cheapest serves."""
    year = "SELECT max(voll) AS voll FROM input.commodity WHERE scenario = 'base' AND commodity = 'heat'"
    heat = "SELECT max(mwh) AS mwh FROM energy WHERE scenario = 'base' AND technology = 'demand' AND commodity = 'heat'"
    discounted_years = sum(1.03 ** -(a + 0.5) for a in range(30))
    one_percent_cold = 0.01 * sql(year)[0]["voll"] * sql(heat)[0]["mwh"] * discounted_years
    front = [p["cost"] for p in points if p["study"].startswith("front")]
    assert max(front) - min(front) < one_percent_cold


def test_every_individual_of_the_search_is_stored(points, sql):
    found = [p for p in points if p["study"].startswith("search")]
    options = json.loads(sql("SELECT options FROM runs WHERE stage = 'pareto' ORDER BY run DESC LIMIT 1")[0]["options"])
    population, generations = options.get("population", 12), options.get("generations", 6)
    assert len(found) == population * generations
    sizes = {g: sum(p["generation"] == g for p in found) for g in range(1, generations + 1)}
    assert set(sizes.values()) == {population}
    varied = sql("SELECT count(*) AS n FROM pareto_value WHERE kind = 'variable' AND study LIKE 'search%'")[0]["n"]
    assert varied == len(found) * sql("SELECT count(*) AS n FROM input.pareto_variable WHERE scenario = 'base'")[0]["n"]


@pytest.mark.parametrize("study", ["front", "search"])
def test_what_is_called_nondominated_is_so_by_brute_force(points, study):
    chosen = [p for p in points if p["study"].startswith(study) and p["feasible"]]
    slack = {n: 1e-9 * max(abs(p[n]) for p in chosen) for n in ("cost", "co2")}

    def beats(a: dict[str, Any], b: dict[str, Any]) -> bool:
        no_worse = all(a[n] <= b[n] + slack[n] for n in slack)
        return no_worse and any(a[n] < b[n] - slack[n] for n in slack)

    for point in chosen:
        assert point["nondominated"] == (not any(beats(other, point) for other in chosen)), point


def test_the_search_never_beats_the_exact_front(points):
    """The front is exact, and the search only varies cells of the same scenario: its points lie above the front or on it."""
    front = sorted((p["co2"], p["cost"]) for p in points if p["study"].startswith("front"))
    least_cost = front[-1][1]
    searched = [p for p in points if p["study"].startswith("search") and p["feasible"]]
    assert min(p["cost"] for p in searched) >= least_cost * (1 - 1e-3)
    assert min(p["co2"] for p in searched) >= front[0][0] * (1 - 1e-3)


# --- provenance ------------------------------------------------------------------------------------------------------
def test_the_revisions_say_where_everything_comes_from(sql):
    rows = sql("SELECT * FROM revisions WHERE scenario = 'base' AND kind = 'import'")
    assert any("OpenStreetMap contributors, ODbL" in (r["attribution"] or "") for r in rows)
    assert any("Deutscher Wetterdienst" in (r["attribution"] or "") and "BDEW" in r["attribution"] for r in rows)
    assert all(r["source"] and len(r["sha256"]) == 64 and r["n_set"] > 0 for r in rows)


def test_every_imported_row_knows_its_file_and_profiles_say_what_they_are(sql):
    for table in ("street", "building", "commodity", "process", "network_pipe"):
        row = sql(
            f"SELECT count(*) AS n, count(source) AS known FROM layer.{table} WHERE layer = 1 AND rev_from = origin"
        )[0]
        assert row["n"] == row["known"] > 0, table
    assert sql("SELECT count(*) AS n FROM layer.process WHERE sheet IS NULL OR source_row IS NULL")[0]["n"] == 0
    profiles = sql("SELECT profile, sha256, text FROM input.profile WHERE scenario = 'base'")
    assert len(profiles) == 12
    assert all(r["text"] and len(r["sha256"]) == 64 for r in profiles)


def test_check_finds_no_error(store):
    assert [f for f in store.check() if f.severity == "error"] == []
