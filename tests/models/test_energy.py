"""Investment and dispatch against results found by hand, and against each other."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dhsdb.errors import UserError
from dhsdb.models import dispatch, investment
from tests.models.frames import inputs, quiet

HEAT = {"site": "c", "commodity": "heat"}
GAS = {"site": "c", "commodity": "gas", "bought": True, "price": 30.0}
SITE = [{"site": "c", "discount_rate": 0.03}]


def unit(name: str, fuel: str, efficiency: float, **cells: object) -> dict[str, list[dict[str, object]]]:
    key = {"site": "c", "process": name}
    flow = key | {"mode": "1"}
    return {
        "process": [key | cells],
        "process_flow": [
            flow | {"commodity": fuel, "direction": "in", "ratio": 1 / efficiency},
            flow | {"commodity": "heat", "direction": "out", "ratio": 1.0},
        ],
    }


def merged(*parts: dict[str, list[dict[str, object]]]) -> dict[str, list[dict[str, object]]]:
    tables: dict[str, list[dict[str, object]]] = {}
    for part in parts:
        for name, rows in part.items():
            tables.setdefault(name, []).extend(rows)
    return tables


def demand(mwh: float, profile: str | None = None) -> dict[str, list[dict[str, object]]]:
    return {"demand": [HEAT | {"timing": "slice", "mwh": mwh, "profile": profile}]}


def total(outcome, table: str, column: str, **where: object) -> float:
    rows = outcome.tables[table].merge(outcome.tables["item"], on="item")
    for name, value in where.items():
        rows = rows[rows[name] == value]
    return float(rows[column].sum())


def annuity(life: float, rate: float) -> float:
    return rate * (1 + rate) ** life / ((1 + rate) ** life - 1)


def test_one_boiler_is_built_to_the_demand() -> None:
    study = merged(
        {"site": SITE, "commodity": [HEAT, GAS]},
        {"commodity_emission": [{"site": "c", "commodity": "gas", "emission": "CO2", "t_per_mwh": 0.2}]},
        {"emission": [{"site": "c", "emission": "CO2", "price": 50.0}]},
        unit("boiler", "gas", 0.9, life=20.0, wacc=0.05, capital=60_000.0, fixed=1_000.0),
        demand(8760 * 10.0),
    )
    outcome = investment.solve(inputs([2030], study), quiet)
    by_hand = 10 * (60_000 * annuity(20, 0.05) + 1_000) + 87_600 / 0.9 * (30 + 0.2 * 50)
    assert outcome.objective == pytest.approx(by_hand, rel=1e-9)
    assert total(outcome, "capacity", "capacity", unit="MW") == pytest.approx(10)
    assert total(outcome, "emission", "t") == pytest.approx(87_600 / 0.9 * 0.2)
    assert total(outcome, "cost", "discounted") == pytest.approx(outcome.objective, rel=1e-9)


def test_two_years_discount_and_retire_as_by_hand() -> None:
    """A boiler of 10 years is built in both years; each serves the ten years that its model year stands for."""
    study = merged(
        {"site": SITE, "commodity": [HEAT, GAS]},
        unit("boiler", "gas", 1.0, life=10.0, wacc=0.05, capital=60_000.0),
        demand(8760.0),
    )
    outcome = investment.solve(inputs([2030, 2040], study), quiet)
    weights = [sum(1.03 ** -(o + a + 0.5) for a in range(10)) for o in (0, 10)]
    yearly = 60_000 * annuity(10, 0.05) + 8760 * 30
    assert outcome.objective == pytest.approx(sum(weights) * yearly, rel=1e-9)
    built = outcome.tables["capacity"].sort_values("year")
    assert built["new"].to_list() == pytest.approx([1.0, 1.0])
    assert built["retired"].to_list() == pytest.approx([0.0, 1.0])


def test_dispatch_runs_the_cheap_unit_first_and_prices_at_the_margin() -> None:
    load = np.tile([6.0, 12.0], 12)
    study = merged(
        {
            "site": SITE,
            "commodity": [
                HEAT | {"voll": 500.0},
                GAS,
                {"site": "c", "commodity": "wood", "bought": True, "price": 20.0},
            ],
        },
        unit("wood boiler", "wood", 1.0, existing_mw=8.0),
        unit("gas boiler", "gas", 1.0, existing_mw=3.0),
        demand(load.sum(), "load"),
    )
    outcome = dispatch.solve(inputs([2030], study, {"load": load / load.sum()}, hours="0:24"), quiet)
    assert outcome.objective == pytest.approx(12 * (6 * 20) + 12 * (8 * 20 + 3 * 30 + 1 * 500), rel=1e-9)
    assert total(outcome, "unserved", "mwh") == pytest.approx(12.0)
    prices = outcome.tables["price"]["value"].to_numpy()
    assert prices == pytest.approx(np.tile([20.0, 500.0], 12))
    assert [f.code for f in outcome.findings] == ["existing-capacity", "unserved"]


def test_storage_moves_heat_within_its_losses() -> None:
    """Surplus of a must-run source is stored: 4 MW for 12 h at night, of which 90 % returns by day."""
    load = np.repeat([0.0, 3.6], 12)
    study = merged(
        {
            "site": SITE,
            "commodity": [
                HEAT | {"voll": 1_000.0, "dump_cost": 0.0},
                {"site": "c", "commodity": "waste", "bought": True},
            ],
        },
        unit("waste", "waste", 1.0, existing_mw=4.0, avail_profile="night", avail_rule="fixed"),
        {
            "storage": [
                {
                    "site": "c",
                    "storage": "tank",
                    "commodity": "heat",
                    "e_existing": 100.0,
                    "p_existing": 4.0,
                    "eff_in": 0.9,
                }
            ]
        },
        demand(load.sum(), "load"),
    )
    profiles = {"load": load / load.sum(), "night": np.repeat([1.0, 0.0], 12)}
    outcome = dispatch.solve(inputs([2030], study, profiles, hours="0:24"), quiet)
    assert total(outcome, "unserved", "mwh") == pytest.approx(0.0, abs=1e-6)
    assert total(outcome, "energy", "mwh", technology="tank", direction="out") == pytest.approx(43.2)
    assert total(outcome, "energy", "mwh", technology="tank", direction="in") == pytest.approx(48.0)
    level = outcome.tables["level"]["mwh"]
    assert level.iloc[0] == pytest.approx(level.iloc[-1])


def test_combined_heat_and_power_sells_at_the_hour_s_price() -> None:
    price = np.array([10.0, 100.0])
    chp = {"site": "c", "process": "chp", "mode": "1"}
    study = {
        "site": SITE,
        "commodity": [HEAT, GAS, {"site": "c", "commodity": "power", "sold": True, "sale_profile": "spot"}],
        "process": [{"site": "c", "process": "chp", "existing_mw": 5.0}],
        "process_flow": [
            chp | {"commodity": "gas", "direction": "in", "ratio": 2.0},
            chp | {"commodity": "heat", "direction": "out", "ratio": 1.0},
            chp | {"commodity": "power", "direction": "out", "ratio": 0.8},
        ],
    } | demand(4.0, "flat")
    outcome = dispatch.solve(inputs([2030], study, {"flat": np.full(2, 0.5), "spot": price}, hours="0:2"), quiet)
    assert outcome.objective == pytest.approx(sum(2 * (2 * 30 - 0.8 * p) for p in price))


def test_given_capacities_reproduce_the_investment() -> None:
    """Dispatch with the capacities found, over the same hours, costs what the investment's year costs."""
    hours = np.arange(48)
    load = 10 + 5 * np.cos(hours / 24 * 2 * np.pi)
    study = merged(
        {"site": SITE, "commodity": [HEAT, GAS, {"site": "c", "commodity": "wood", "bought": True, "price": 12.0}]},
        unit("wood boiler", "wood", 0.9, life=25.0, wacc=0.05, capital=700_000.0, fixed=20_000.0, min_load=0.2),
        unit("gas boiler", "gas", 0.95, life=25.0, wacc=0.05, capital=60_000.0, fixed=1_000.0),
        {
            "storage": [
                {
                    "site": "c",
                    "storage": "tank",
                    "commodity": "heat",
                    "capital_e": 3_000.0,
                    "life": 30.0,
                    "ep_ratio": 8.0,
                    "loss": 0.001,
                }
            ]
        },
        demand(load.sum(), "load"),
    )
    given = inputs([2030], study, {"load": load / load.sum()}, hours="0:48")
    decided = investment.solve(given, quiet)
    again = inputs([2030], study, {"load": load / load.sum()}, {"investment": decided.tables}, hours="0:48")
    run = dispatch.solve(again, quiet)
    capital = total(decided, "cost", "value", kind="capital")
    assert run.objective + capital == pytest.approx(decided.objective, rel=1e-9)


def test_whole_numbers_give_the_same_result() -> None:
    study = merged(
        {"site": SITE, "commodity": [HEAT | {"voll": 500}, GAS | {"price": 30}]},
        unit("boiler", "gas", 1.0, existing_mw=7),
        demand(24 * 8),
    )
    whole = dispatch.solve(inputs([2030], study, {"x": np.ones(24)}, hours="0:24"), quiet)
    study["commodity"] = [HEAT | {"voll": 500.0}, GAS | {"price": 30.0}]
    exact = dispatch.solve(inputs([2030], study, {"x": np.ones(24)}, hours="0:24"), quiet)
    assert whole.objective == exact.objective


def test_network_loss_follows_the_temperature() -> None:
    """8 % lost at a mean of 70 C and a ground of 6 C: at 50 C it is 44/64 of that energy."""
    temperature = {
        "site": "c",
        "supply_c": 65.0,
        "return_c": 35.0,
        "ground_c": 6.0,
        "loss_share": 0.08,
        "loss_reference_c": 70.0,
    }
    study = merged(
        {"site": SITE, "commodity": [HEAT, GAS], "network_temperature": [temperature]},
        unit("boiler", "gas", 1.0, existing_mw=100.0),
        demand(8760.0),
    )
    outcome = dispatch.solve(inputs([2030], study), quiet)
    assert total(outcome, "energy", "mwh", technology="network loss") == pytest.approx(8760 * 0.08 / 0.92 * 44 / 64)


def test_an_infeasible_model_names_the_limits_in_the_study_s_words() -> None:
    study = merged(
        {"site": SITE, "commodity": [HEAT, GAS]}, unit("boiler", "gas", 1.0, existing_mw=5.0), demand(8760 * 6.0)
    )
    outcome = dispatch.solve(inputs([2030], study, {"x": np.ones(24)}, hours="0:24"), quiet)
    assert outcome.status == "infeasible"
    assert "balance[2030, c / heat" in outcome.message
    assert "act[2030, c / boiler / 1" in outcome.message


def test_what_the_model_does_not_cover_is_refused_by_name() -> None:
    study = merged({"site": SITE, "commodity": [HEAT, GAS]}, unit("boiler", "gas", 1.0, ramp_cost=5.0), demand(10.0))
    with pytest.raises(UserError, match=r"process\.ramp_cost"):
        investment.solve(inputs([2030], study), quiet)


def test_a_ramp_holds_the_load_between_steps() -> None:
    """A cheap unit of 10 MW that changes by 1 MW an hour can't follow a step of 4 MW: the dear one fills in 3 + 2 + 1 MWh."""
    load = np.array([2.0] * 12 + [6.0] * 12)
    study = merged(
        {"site": SITE, "commodity": [HEAT, GAS, {"site": "c", "commodity": "oil", "bought": True, "price": 90.0}]},
        unit("slow", "gas", 1.0, existing_mw=10.0, ramp=0.1),
        unit("quick", "oil", 1.0, existing_mw=10.0),
        demand(float(load.sum()), "load"),
    )
    outcome = dispatch.solve(inputs([2030], study, {"load": load / load.sum()}, hours="0:24"), quiet)
    dear = float(sum(max(0.0, 6.0 - (2.0 + n)) for n in range(1, 13)))
    assert dear == 6.0
    weight = 24 / 24  # the profile is the year, so the window is all of it
    assert outcome.objective == pytest.approx(weight * (load.sum() * 30 + dear * 60), rel=1e-9)


def test_a_line_brings_heat_from_a_cheaper_site() -> None:
    """Heat at d is carried from c at 90 %, within one capacity for both directions, which each direction pays for."""
    far = {"site": "d", "commodity": "heat"}
    line = {
        "line": "main",
        "commodity": "heat",
        "eff": 0.9,
        "symmetric": True,
        "life": 20.0,
        "wacc": 0.05,
        "capital": 1000.0,
    }
    study = merged(
        {
            "site": [*SITE, {"site": "d", "discount_rate": 0.03}],
            "commodity": [HEAT, GAS, far],
            "transmission": [{"site_from": "c", "site_to": "d"} | line, {"site_from": "d", "site_to": "c"} | line],
            "demand": [far | {"timing": "slice", "mwh": 9.0 * 8760}],
        },
        unit("boiler", "gas", 1.0, existing_mw=50.0),
    )
    outcome = investment.solve(inputs([2030], study), quiet)
    by_hand = 10.0 * 8760 * 30 + 2 * 10.0 * 1000 * annuity(20, 0.05)
    assert outcome.objective == pytest.approx(by_hand, rel=1e-9)
    assert total(outcome, "capacity", "capacity", technology="main to d") == pytest.approx(10.0)


def test_land_limits_what_is_built() -> None:
    """100 m2 hold 5 MW of the cheap unit; the rest is unserved at its value."""
    study = merged(
        {"site": [{"site": "c", "area": 100.0}], "commodity": [HEAT | {"voll": 500.0}, GAS]},
        unit("boiler", "gas", 1.0, area_per_mw=20.0, life=20.0, wacc=0.0),
        demand(8760 * 8.0),
    )
    outcome = investment.solve(inputs([2030], study), quiet)
    assert outcome.objective == pytest.approx(8760 * (5 * 30 + 3 * 500), rel=1e-9)


def test_a_budget_over_the_horizon_limits_an_emission() -> None:
    """Two model years of 10 each: 1 t/h of gas may burn for half of the time; the rest is bought as clean fuel."""
    clean = {"site": "c", "commodity": "green", "bought": True, "price": 80.0}
    study = merged(
        {
            "site": SITE,
            "commodity": [HEAT, GAS, clean],
            "commodity_emission": [{"site": "c", "commodity": "gas", "emission": "CO2", "t_per_mwh": 1.0}],
            "limit": [{"limit": "budget", "value": 8760.0 * 10, "per": "horizon", "quantity": "emission"}],
            "limit_term": [{"limit": "budget", "side": "lhs", "n": 1, "emission": "CO2"}],
        },
        unit("gas boiler", "gas", 1.0, existing_mw=5.0),
        unit("green boiler", "green", 1.0, existing_mw=5.0),
        demand(8760.0),
    )
    outcome = investment.solve(inputs([2030, 2040], study), quiet)
    assert total(outcome, "emission", "t") * 10 == pytest.approx(87_600.0)
    weights = [sum(1.03 ** -(o + a + 0.5) for a in range(10)) for o in (0, 10)]
    # the fuels differ by 50 a MWh in both years, so the limit is spent where a euro weighs most: in the first
    assert outcome.objective == pytest.approx(8760 * (30 * weights[0] + 80 * weights[1]), rel=1e-9)


def test_a_unit_that_vanishes_between_stages_is_an_error() -> None:
    study = merged(
        {"site": SITE, "commodity": [HEAT, GAS]}, unit("boiler", "gas", 1.0, capital=1.0, life=9.0), demand(10.0)
    )
    decided = investment.solve(inputs([2030], study), quiet)
    renamed = merged({"site": SITE, "commodity": [HEAT, GAS]}, unit("kettle", "gas", 1.0), demand(10.0))
    with pytest.raises(Exception, match="hands over"):
        dispatch.solve(inputs([2030], renamed, parents={"investment": decided.tables}), quiet)


def test_buildings_are_handed_over_whole() -> None:
    study = merged(
        {"site": SITE, "commodity": [HEAT, GAS]},
        {"building": [{"building": b, "site": "c"} for b in ("a", "b")]},
        {
            "building_demand": [
                {"building": "a", "space_heat_mwh": 70.0, "hot_water_mwh": 30.0},
                {"building": "b", "space_heat_mwh": 50.0},
            ]
        },
        unit("boiler", "gas", 1.0, existing_mw=100.0),
    )
    outcome = investment.solve(inputs([2030], study), quiet)
    assert total(outcome, "energy", "mwh", technology="demand") == pytest.approx(150.0)
    assert outcome.tables["building_supply"]["mwh"].to_list() == [100.0, 50.0]
    assert isinstance(outcome.tables["building_supply"], pd.DataFrame)


def test_another_solver_gives_the_same_objective() -> None:
    study = merged(
        {"site": SITE, "commodity": [HEAT, GAS]},
        unit("boiler", "gas", 0.9, life=20.0, wacc=0.05, capital=60_000.0, fixed=1_000.0),
        {"storage": [{"site": "c", "storage": "tank", "commodity": "heat", "capital_e": 900.0, "ep_ratio": 6.0}]},
        demand(24.0, "load"),
    )
    load = {"load": (1 + np.sin(np.arange(24))) / (1 + np.sin(np.arange(24))).sum()}
    ours = investment.solve(inputs([2030], study, load, hours="0:24"), quiet)
    other = investment.solve(inputs([2030], study, load, hours="0:24", solver="glpk"), quiet)
    assert other.solver == "glpk"
    assert other.objective == pytest.approx(ours.objective, rel=1e-9)


def test_years_solved_warm_cost_what_they_cost_cold() -> None:
    """The second year starts from the basis of the first: other prices, demand and fixed costs, the same matrix."""
    rows = [HEAT | {"voll": 900.0, "year": y} for y in (2030, 2040)]
    rows += [GAS | {"price": p, "year": y} for y, p in ((2030, 30.0), (2040, 45.0))]
    boiler = unit("boiler", "gas", 0.9)
    boiler["process"] = [
        {"site": "c", "process": "boiler", "existing_mw": mw, "fixed": 1e3, "year": y}
        for y, mw in ((2030, 9.0), (2040, 7.0))
    ]
    study = merged({"site": SITE, "commodity": rows}, boiler, demand(24 * 8.0))
    both = dispatch.solve(inputs([2030, 2040], study, {"x": np.ones(24)}, hours="0:24"), quiet)
    alone = [dispatch.solve(inputs([y], study, {"x": np.ones(24)}, hours="0:24"), quiet) for y in (2030, 2040)]
    assert both.objective == pytest.approx(sum(a.objective for a in alone), rel=1e-12)


def test_where_co2_is_minimised_demand_is_met() -> None:
    study = merged(
        {"site": SITE, "commodity": [HEAT | {"voll": 1.0}, GAS]},
        {"commodity_emission": [{"site": "c", "commodity": "gas", "emission": "CO2", "t_per_mwh": 0.2}]},
        unit("boiler", "gas", 1.0, capital=10.0, life=20.0),
        demand(8760.0),
    )
    outcome = investment.solve(inputs([2030], study, objective="co2"), quiet)
    assert outcome.objective == pytest.approx(8760 * 0.2)
    assert not len(outcome.tables["unserved"])


def test_any_emission_can_be_minimised_by_its_name() -> None:
    """Wood has no CO2 but soot, gas the reverse."""
    wood = {"site": "c", "commodity": "wood", "bought": True, "price": 10.0}
    factors = {("gas", "CO2"): 0.2, ("wood", "soot"): 0.01}
    study = merged(
        {"site": SITE, "commodity": [HEAT, GAS, wood]},
        {"commodity_emission": [{"site": "c", "commodity": c, "emission": e, "t_per_mwh": t} for (c, e), t in factors.items()]},
        unit("gas boiler", "gas", 1.0, life=20.0, cap_max=0.75),
        unit("wood boiler", "wood", 1.0, life=20.0),
        demand(8760.0),
    )  # fmt: skip
    least = investment.solve(inputs([2030], study, objective="Soot"), quiet)
    assert least.objective == pytest.approx(0.25 * 8760 * 0.01)
    assert total(least, "emission", "t", emission="CO2") == pytest.approx(0.75 * 8760 * 0.2)
    with pytest.raises(UserError, match=r"(?s)unknown objective 'sooot'.*soot"):
        investment.solve(inputs([2030], study, objective="sooot"), quiet)
