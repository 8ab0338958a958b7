"""Typical periods: they are the full year where each stands for itself, and storages hold heat from one to the next."""

from __future__ import annotations

import numpy as np
import pytest

from dhsdb.models import dispatch, investment
from dhsdb.models.steps import full_year, typical_periods
from tests.models.frames import inputs, quiet
from tests.models.test_energy import GAS, HEAT, SITE, demand, merged, total, unit

DAYS = 30
HOURS = DAYS * 24


def shapes(seed: int = 1) -> dict[str, np.ndarray]:
    """Return a season of demand and sun, with noise, over thirty days."""
    rng = np.random.default_rng(seed)
    hour = np.arange(HOURS)
    cold = 1.2 + np.cos(2 * np.pi * hour / HOURS) + 0.3 * np.cos(2 * np.pi * hour / 24) + 0.1 * rng.random(HOURS)
    sun = np.clip(np.sin(2 * np.pi * (hour % 24 - 6) / 24), 0, None) * (1 - 0.8 * np.cos(2 * np.pi * hour / HOURS))
    return {"load": cold / cold.sum(), "sun": np.clip(sun, 0, 1), "price": 1 + 0.5 * rng.random(HOURS)}


def study(**store: object) -> dict[str, list[dict[str, object]]]:
    """Return a study with what links hours: storages, ramps, a least load, and demand that can be moved."""
    held = {
        "site": "c",
        "storage": "tank",
        "commodity": "heat",
        "capital_e": 2.0,
        "capital_p": 50.0,
        "life": 20.0,
    } | store
    return merged(
        {"site": SITE, "commodity": [HEAT, GAS | {"price_profile": "price"}, {"site": "c", "commodity": "sun", "balance": "none"}]},
        unit("boiler", "gas", 0.9, life=20.0, capital=5_000.0, fixed=10.0, ramp=0.08, min_load=0.1),
        unit("peak", "gas", 0.5, life=20.0, capital=500.0),
        unit("collector", "sun", 1.0, life=20.0, capital=9_000.0, avail_profile="sun"),
        {"storage": [held]},
        {"demand_response": [HEAT | {"delay": 4, "recovery": 8, "eff": 0.95, "down_mw": 0.4, "up_mw": 0.5}]},
        demand(3_000.0, "load"),
    )  # fmt: skip


@pytest.mark.parametrize(
    "store",
    [
        {"eff_in": 0.95, "eff_out": 0.95, "loss": 0.002},
        {"eff_in": 0.95, "eff_out": 0.95, "loss": 0.002, "level_min": 0.1, "variable_e": 0.01},
        {"eff_in": 0.9, "eff_out": 0.9, "loss": 0.01, "end_rule": "urbs", "init": 0.5},
        {"eff_in": 0.9, "eff_out": 0.9, "loss": 0.0, "end_rule": "given", "level_start": 10.0, "ep_ratio": 20.0},
    ],
    ids=["losses", "least level", "urbs's end", "given start"],
)
@pytest.mark.parametrize("days", [1, 5])
def test_periods_that_stand_for_themselves_are_the_full_year(store: dict[str, object], days: int) -> None:
    whole = investment.solve(inputs([2030], study(**store), shapes(), periods=0), quiet)
    cut = investment.solve(inputs([2030], study(**store), shapes(), periods=366, period_days=days), quiet)
    assert total(whole, "capacity", "capacity", technology="tank") > 1
    assert cut.objective == pytest.approx(whole.objective, rel=1e-9)
    assert len(cut.tables["level"]) == len(whole.tables["level"]) == HOURS + 1


def test_a_storage_carries_heat_from_summer_to_winter_over_typical_days() -> None:
    """Two kinds of days, sunny ones first: all heat of the dark ones comes from the tank, which holds ten days of it."""
    sun = np.repeat([1.0, 0.0], 10 * 24)
    flat = np.repeat([1.0, 1.000001], 10 * 24)
    tables = merged(
        {"site": SITE, "commodity": [HEAT, {"site": "c", "commodity": "sun", "balance": "none"}]},
        unit("collector", "sun", 1.0, life=20.0, capital=1_000.0, avail_profile="sun", avail_rule="max"),
        {"storage": [{"site": "c", "storage": "pit", "commodity": "heat", "capital_e": 1.0, "life": 20.0}]},
        demand(20 * 24.0, "flat"),
    )
    given = inputs([2030], tables, {"sun": sun, "flat": flat / flat.sum()}, periods=2)
    outcome = investment.solve(given, quiet)
    assert total(outcome, "capacity", "capacity", technology="collector") == pytest.approx(2.0, rel=1e-5)
    assert total(outcome, "capacity", "capacity", unit="MWh") == pytest.approx(240.0, rel=1e-5)
    level = outcome.tables["level"]["mwh"].to_numpy()
    assert level.argmax() == 240
    assert level[0] == pytest.approx(level[-1], abs=1e-6)
    steps = investment.investment_steps(given)
    assert steps.n == 48
    assert list(steps.calendar) == [0] * 10 + [1] * 10


def test_content_follows_charging_and_discharging_over_the_year() -> None:
    given = inputs([2030], study(eff_in=0.95, eff_out=0.9, loss=0.003), shapes(), periods=5)
    outcome = investment.solve(given, quiet)
    steps = investment.investment_steps(given)
    items = outcome.tables["item"].set_index("item")
    rows = outcome.tables["flow"].join(items, on="item")
    tank = rows[rows["technology"] == "tank"]
    into, out = (tank[tank["direction"] == d].sort_values("t") for d in ("in", "out"))
    hour = (steps.calendar[:, None] * 24 + np.arange(24)).ravel()
    charge, discharge = ((part["mwh"] / part["weight_h"]).to_numpy()[hour] for part in (into, out))
    level = outcome.tables["level"]["mwh"].to_numpy()
    after = level[:-1] * 0.997 + 0.95 * charge - discharge / 0.9
    assert np.abs(level[1:] - after).max() < 1e-6
    size = total(outcome, "capacity", "capacity", unit="MWh")
    assert set(outcome.tables["figure"]["name"]) >= {"typical periods", "capital too high by"}
    assert level.min() > -1e-6
    assert level.max() < size + 1e-6


def test_results_are_numbered_by_the_hour_of_the_year() -> None:
    """So that they meet the values of profiles: demand at t is the load of that hour, of a typical day or a window."""
    profiles = shapes()
    for options, first in (({"periods": 4}, 0), ({"hours": "100:48"}, 100)):
        given = inputs([2030], study(), profiles, **options)
        tables = investment.solve(given, quiet).tables
        rows = tables["flow"].merge(tables["item"], on="item")
        need = rows[(rows["technology"] == "demand") & (rows["commodity"] == "heat")]
        shape = profiles["load"][need["t"].to_numpy() - 1]
        scale = (need["mwh"] / need["weight_h"]).to_numpy() / shape
        assert len(np.unique(np.round(scale, 6))) <= 2, "one for the day of the peak, one for all others"
        assert need["t"].to_numpy()[0] > first
        assert tables["level"]["t"].iloc[0] == first


def test_the_peak_of_each_demand_is_kept_and_the_year_s_total_too() -> None:
    profiles = shapes()
    given = inputs([2030], study(), profiles, periods=4)
    system = investment.build_system(given, (2030,), investment.investment_steps(given))
    need = system.balances.demand[0, 0]
    assert need @ system.weight[0] == pytest.approx(3_000.0)
    assert need.max() == pytest.approx(3_000 * profiles["load"].max())


@pytest.mark.parametrize(
    ("hours", "days", "periods", "peak"),
    [(8760, 7, 6, 8759), (8760, 7, 6, 100), (8784, 1, 12, 4000), (8760, 5, 300, 12)],
)
def test_weights_make_up_the_year(hours: int, days: int, periods: int, peak: int) -> None:
    features = np.random.default_rng(3).random((hours, 2))
    features[peak, 0] = 9.0
    steps = typical_periods(features, periods, days, [0])
    assert steps.weight.sum() == pytest.approx(hours)
    assert len(steps.calendar) == hours // (24 * days)
    assert peak + 1 in steps.hour
    assert steps.kept[steps.hour == peak + 1].all()
    counts = np.bincount(steps.calendar)
    assert np.allclose(steps.weight.reshape(-1, 24 * days)[:, 0], counts * hours / (len(steps.calendar) * 24 * days))


def test_each_typical_period_is_like_itself() -> None:
    features = np.random.default_rng(4).random((24 * 40, 3))
    steps = typical_periods(features, 7, 1, [0, 1])
    first = (steps.hour.reshape(-1, 24)[:, 0] - 1) // 24
    assert list(steps.calendar[first]) == list(range(len(first)))


def test_pairs_of_steps_lead_from_period_to_period_as_in_the_year() -> None:
    features = np.repeat([[1.0], [2.0], [1.0], [1.0]], 24, axis=0) + np.tile(np.linspace(0, 0.1, 24), 4)[:, None]
    steps = typical_periods(features, 2)
    first, second = steps.pairs
    across = {(int(a), int(b)) for a, b in zip(first, second, strict=True) if b != a + 1 or b == 24}
    assert across == {(23, 24), (47, 0), (23, 0)}
    assert len(full_year(48).pairs[0]) == 47


def test_dispatch_meets_the_investment_s_cost_where_no_hour_is_left_out() -> None:
    tables = study(eff_in=0.95, eff_out=0.95, loss=0.002)
    built = investment.solve(inputs([2030], tables, shapes(), periods=0), quiet)
    run = dispatch.solve(inputs([2030], tables, shapes(), {"investment": built.tables}), quiet)
    operated = total(built, "cost", "value") - total(built, "cost", "value", kind="capital")
    assert run.objective == pytest.approx(operated, rel=1e-7)
