"""What a solution says besides: prices of emissions and limits, what is too dear, and what typical periods left out."""

from __future__ import annotations

import numpy as np
import pytest

from dhsdb.errors import UserError
from dhsdb.models import dispatch, investment
from dhsdb.models.options import parse
from tests.models.frames import inputs, quiet
from tests.models.test_energy import GAS, HEAT, SITE, annuity, demand, merged, total, unit

FUEL = {"site": "c", "commodity": "oil", "bought": True, "price": 60.0}
CO2 = {"commodity_emission": [{"site": "c", "commodity": "gas", "emission": "CO2", "t_per_mwh": 0.2}]}


def figure(outcome, name: str, **where: object) -> list[float]:
    rows = outcome.tables["figure"].merge(outcome.tables["item"], on="item", how="left")
    rows = rows[rows["name"] == name]
    for column, value in where.items():
        rows = rows[rows[column] == value]
    return rows["value"].tolist()


LOAD = {"load": np.random.default_rng(5).random(240)}


def two_boilers(capital: float = 65_000.0, price: float = 60.0) -> dict[str, list[dict[str, object]]]:
    """Return a study whose demand, where it has more years, halves: the peak that needs the capacity is one hour."""
    need = HEAT | {"timing": "slice", "profile": "load"}
    return merged(
        {"site": SITE, "commodity": [HEAT, GAS, FUEL | {"price": price}]},
        unit("gas boiler", "gas", 1.0, life=20.0, wacc=0.05, capital=60_000.0),
        unit("oil boiler", "oil", 1.0, life=20.0, wacc=0.05, capital=capital),
        {"demand": [need | {"mwh": 120.0, "year": 2030}, *(need | {"mwh": 60.0, "year": y} for y in (2031, 2040))]},
    )


def test_what_was_not_built_says_how_much_cheaper_it_must_be() -> None:
    """A MW of oil boiler would save one of gas boiler, and cost 30 more for the MWh of the one hour of peak load."""
    by_hand = 5_000 + 30.0 / annuity(20, 0.05)
    outcome = investment.solve(inputs([2030], two_boilers(), LOAD, periods=0), quiet)
    assert figure(outcome, "capital too high by", technology="oil boiler") == pytest.approx([by_hand], rel=1e-6)
    assert figure(outcome, "capital too high by", technology="gas boiler") == []


def test_what_never_pays_is_too_dear_by_all_of_its_capital() -> None:
    tables = two_boilers(price=1e5)
    outcome = investment.solve(inputs([2030], tables, LOAD, periods=0), quiet)
    assert figure(outcome, "capital too high by", technology="oil boiler") == pytest.approx([65_000.0], rel=1e-6)


@pytest.mark.parametrize(
    ("accounting", "years"), [("dhsdb", [2030, 2040]), ("osemosys", [2030, 2031]), ("urbs", [2030, 2040])]
)
def test_a_unit_that_gets_that_much_cheaper_is_built(accounting: str, years: list[int]) -> None:
    def study(capital: float) -> dict[str, list[dict[str, object]]]:
        stands = [{"year": y, "stands_for": float(years[1] - years[0])} for y in years]
        return two_boilers(capital) | {"model_year": stands}

    given = {"accounting": accounting, "periods": 0}
    outcome = investment.solve(inputs(years, study(65_000.0), LOAD, **given), quiet)
    gap = min(figure(outcome, "capital too high by", technology="oil boiler"))
    for change, built in ((0.999, False), (1.001, True)):
        again = investment.solve(inputs(years, study(65_000.0 - gap * change), LOAD, **given), quiet)
        assert (total(again, "capacity", "new", technology="oil boiler") > 1e-6) == built


def test_a_co2_limit_has_the_price_of_the_switch_that_it_forces() -> None:
    """At the limit one MWh of gas is replaced by one of clean heat: 50 - 30 money for 0.2 t."""
    tables = merged(
        {"site": SITE, "commodity": [HEAT, GAS, {"site": "c", "commodity": "wood", "bought": True, "price": 50.0}]},
        CO2,
        {"emission": [{"site": "c", "emission": "CO2", "price": 10.0, "max_t": 400.0}]},
        unit("gas boiler", "gas", 1.0, life=20.0),
        unit("wood boiler", "wood", 1.0, life=20.0),
        demand(8760.0),
    )
    outcome = investment.solve(inputs([2030], tables), quiet)
    assert figure(outcome, "price of CO2", site="c") == pytest.approx([100.0])


@pytest.mark.parametrize("per", ["year", "horizon"])
def test_a_limit_of_the_system_has_its_price_in_undiscounted_money(per: str) -> None:
    tables = merged(
        {"site": SITE, "commodity": [HEAT, GAS, {"site": "c", "commodity": "wood", "bought": True, "price": 50.0}]},
        CO2,
        {
            "limit": [
                {
                    "limit": "cap",
                    "sense": "max",
                    "per": per,
                    "quantity": "emission",
                    "value": 400.0 if per == "year" else 8000.0,
                }
            ]
        },
        {"limit_term": [{"limit": "cap", "side": "lhs", "n": 1, "emission": "CO2", "factor": 1.0}]},
        unit("gas boiler", "gas", 1.0, life=40.0),
        unit("wood boiler", "wood", 1.0, life=40.0),
        demand(8760.0),
    )
    outcome = investment.solve(inputs([2030, 2040], tables), quiet)
    prices = figure(outcome, "price of CO2", site="c")
    if per == "year":
        assert prices == pytest.approx([100.0, 100.0])
        assert figure(outcome, "price of limit cap") == pytest.approx([100.0, 100.0])
    else:  # money of the second decade weighs less, so emissions are saved there first
        assert prices == pytest.approx([100.0, 100.0 * 1.03**10])


def test_dispatch_says_what_typical_periods_left_out() -> None:
    hour = np.arange(8760)
    load = 1.5 + np.cos(2 * np.pi * hour / 8760) + 0.3 * np.sin(hour)
    price = 1 + 0.5 * np.sin(hour / 100)
    tables = merged(
        {"site": SITE, "commodity": [HEAT | {"voll": 500.0}, GAS | {"price_profile": "price"}]},
        unit("boiler", "gas", 0.9, life=20.0, capital=60_000.0),
        demand(20_000.0, "load"),
    )
    profiles = {"load": load / load.sum(), "price": price}
    built = investment.solve(inputs([2030], tables, profiles, periods=3), quiet)
    assert figure(built, "typical periods") == [4.0]
    run = dispatch.solve(inputs([2030], tables, profiles, {"investment": built.tables}), quiet)
    found = [f for f in run.findings if f.code == "aggregation-error"]
    assert len(found) == 1
    operated = total(built, "cost", "value") - total(built, "cost", "value", kind="capital")
    assert f"{(run.objective - operated) / operated:+.2%}" in found[0].message
    assert found[0].severity == ("warning" if abs(run.objective / operated - 1) > 0.01 else "info")


def test_an_hour_that_typical_days_left_out_is_named_with_what_is_missing() -> None:
    """The peak of demand is kept, but not the night without sun of another day: nothing can meet it."""
    sun = np.ones(240)
    sun[30] = 0.0
    load = np.ones(240)
    load[120] = 1.01
    tables = merged(
        {"site": SITE, "commodity": [HEAT, {"site": "c", "commodity": "sun", "balance": "none"}]},
        unit("collector", "sun", 1.0, life=20.0, capital=1_000.0, avail_profile="sun", avail_rule="max"),
        demand(240.0, "load"),
    )
    profiles = {"load": load / load.sum(), "sun": sun}
    built = investment.solve(inputs([2030], tables, profiles | {"sun": np.ones(240)}, periods=0), quiet)
    sized = dispatch.solve(inputs([2030], tables, profiles, {"investment": built.tables}), quiet)
    assert sized.status == "infeasible"
    found = [f for f in sized.findings if f.code == "unserved"]
    assert len(found) == 1
    assert found[0].message == "at least 0.999958 MWh of heat at c can't be met in 1 step of 2030"
    assert f"2030: {found[0].message}; these limits contradict each other: " in sized.message


def test_ranges_of_capacities_for_a_little_more_money_are_as_by_hand() -> None:
    """Both boilers serve a flat demand of 1 MW; 5 % more pays for a part of it by oil, and for idle boilers."""
    tables = merged(
        {"site": SITE, "commodity": [HEAT, GAS, FUEL | {"price": 40.0}]},
        unit("gas boiler", "gas", 1.0, life=20.0, wacc=0.05, capital=60_000.0),
        unit("oil boiler", "oil", 1.0, life=20.0, wacc=0.05, capital=60_000.0),
        demand(8760.0),
    )
    outcome = investment.solve(inputs([2030], tables, mga="5%"), quiet)
    build, best = 60_000 * annuity(20, 0.05), outcome.objective
    assert best == pytest.approx(build + 30 * 8760)
    by_oil = 0.05 * best / (10 * 8760)
    idle = 0.05 * best / build
    for title, gas, oil in (("least", 1 - by_oil, 0.0), ("most", 1 + idle, idle)):
        name = f"{title} capacity within 5 %"
        assert figure(outcome, name, technology="gas boiler") == pytest.approx([gas], rel=1e-6)
        assert figure(outcome, name, technology="oil boiler") == pytest.approx([oil], rel=1e-6, abs=1e-6)
    plain = investment.solve(inputs([2030], tables), quiet)
    assert plain.objective == pytest.approx(best)
    assert figure(plain, "most capacity within 5 %") == []


@pytest.mark.parametrize("text", ["5", "five", "-5%", "1.5"])
def test_a_share_that_could_mean_two_things_is_refused(text: str) -> None:
    with pytest.raises(UserError, match=r"mga.*5% or 0\.05"):
        parse({"mga": text})
