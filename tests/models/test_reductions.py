"""Exact reductions against the forms that they stand for, on small random data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import linprog

from dhsdb.models import investment
from tests.models.frames import inputs, quiet
from tests.models.test_energy import SITE, merged

STEPS = 24
"""Steps of the studies, and hours of their year: that of their profiles."""


# --- demand response --------------------------------------------------------------------------------------------------
def by_pairs(price: np.ndarray, load: np.ndarray, most: float, r: dict[str, float]) -> float:
    """Return the least cost with a variable down[l, l'] for each pair of steps within the delay, as urbs writes it."""
    n, delay, recovery = len(load), max(int(r["delay"]), 1), max(int(r["recovery"]), 1)
    pairs = [(up, down) for up in range(n) for down in range(n) if abs(up - down) <= delay]
    width = 2 * n + len(pairs)  # bought, up, pairs
    lowered = np.zeros((n, width))
    matched = np.zeros((n, width))
    for i, (up, down) in enumerate(pairs):
        lowered[down, 2 * n + i] = 1.0
        matched[up, 2 * n + i] = 1.0
    raised = np.zeros((n, width))
    raised[:, n : 2 * n] = np.eye(n)
    bought = np.zeros((n, width))
    bought[:, :n] = np.eye(n)
    recover = np.array([raised[step : step + recovery].sum(axis=0) for step in range(n)])
    a_ub = np.vstack([raised, lowered, raised + lowered, recover])
    most_of = [r["up_mw"], r["down_mw"], max(r["up_mw"], r["down_mw"]), r["up_mw"] * r["delay"]]
    a_eq = np.vstack([bought - raised + lowered, matched - r["eff"] * raised])
    found = linprog(
        np.concatenate([price, np.zeros(width - n)]), a_ub, np.repeat(most_of, n), a_eq,
        np.concatenate([load, np.zeros(n)]), bounds=[(0, most)] * n + [(0, None)] * (width - n), method="highs",
    )  # fmt: skip
    assert found.status == 0
    return float(found.fun)


@pytest.mark.parametrize("seed", range(24))
def test_demand_response_by_cumulated_sums_costs_what_all_pairs_of_steps_cost(seed: int) -> None:
    rng = np.random.default_rng(seed)
    load, price = 5.0 + 5.0 * rng.random(STEPS), 100.0 * rng.random(STEPS) - 20.0
    most = float(load.max()) + 3.0
    response = {
        "delay": float(rng.integers(1, 7)), "recovery": float(rng.integers(1, 6)), "eff": float(rng.choice([0.8, 0.95, 1.0])),
        "up_mw": float(rng.choice([0.5, 2.0, 4.0])), "down_mw": float(rng.choice([0.7, 2.0, 4.0])),
    }  # fmt: skip
    key = {"site": "c", "commodity": "power"}
    study: dict[str, list[dict[str, Any]]] = {
        "site": SITE,
        "commodity": [key | {"bought": True, "price": 1.0, "price_profile": "price", "max_mw": most}],
        "demand": [key | {"timing": "slice", "profile": "load"}],
        "demand_response": [key | response],
        # A unit that does nothing: the stage wants one.
        "process": [{"site": "c", "process": "none", "cap_max": 0.0}],
        "process_flow": [{"site": "c", "process": "none", "mode": "1", "commodity": "power", "direction": "out", "ratio": 1.0}],
    }  # fmt: skip
    given = inputs([2030], study, {"load": load, "price": price}, hours=f"0:{STEPS}", periods=0)
    outcome = investment.solve(given, quiet)
    plain = float(price @ load)
    expected = by_pairs(price, load, most, response)
    assert outcome.objective == pytest.approx(expected, rel=1e-9, abs=1e-6)
    assert expected < plain - 1.0, "nothing was moved: the case shows nothing"


# --- netting ----------------------------------------------------------------------------------------------------------
def random_study(seed: int, **fuel: float) -> tuple[dict[str, list[dict[str, Any]]], dict[str, np.ndarray]]:
    """Return units of part load between a bought and a sold commodity and heat; ``fuel`` adds cells to what is traded."""
    rng = np.random.default_rng(seed)
    limits = {"max_mw": fuel["limit"]} if fuel else {}
    sale = {"sale_max_mw": fuel["limit"]} if fuel else {}
    traded = [
        {"site": "c", "commodity": "gas", "bought": True, "price": 20 + 30 * rng.random(), "price_profile": "gas"}
        | limits,
        {"site": "c", "commodity": "power", "sold": True, "sale_price": 40 + 40 * rng.random(), "sale_profile": "spot"}
        | sale,
    ]
    parts: list[dict[str, list[dict[str, Any]]]] = [
        {"site": SITE, "commodity": [{"site": "c", "commodity": "heat"}, *traded]},
        {"commodity_emission": [{"site": "c", "commodity": "gas", "emission": "CO2", "t_per_mwh": 0.2}]},
        {"emission": [{"site": "c", "emission": "CO2", "price": 60 * rng.random(), "max_t": 110.0}]},
        {"demand": [{"site": "c", "commodity": "heat", "timing": "slice", "mwh": 250.0, "profile": "load"}]},
    ]
    for number in range(3):
        key = {"site": "c", "process": f"unit {number}"}
        flow = key | {"mode": "1"}
        least = float(rng.choice([0.0, 0.3]))
        ratio = 1.05 + rng.random()
        gas = flow | {"commodity": "gas", "direction": "in", "ratio": ratio}
        if least:
            gas["ratio_min"] = ratio * 1.15
        flows = [gas, flow | {"commodity": "heat", "direction": "out", "ratio": 1.0}]
        if number:
            flows.append(flow | {"commodity": "power", "direction": "out", "ratio": 0.1 + 0.5 * rng.random()})
        size = {"life": 20.0, "wacc": 0.05, "capital": 1e5 * (1 + 5 * rng.random()), "min_load": least, "cap_max": 8.0}
        parts.append({"process": [key | size], "process_flow": flows})
    series = {"gas": 0.5 + rng.random(STEPS), "spot": 2 * rng.random(STEPS) - 0.3}
    load = 0.5 + rng.random(STEPS)
    return merged(*parts), series | {"load": load / load.sum()}


@pytest.mark.parametrize("seed", range(12))
def test_a_netted_commodity_costs_and_emits_what_one_with_columns_and_rows_does(seed: int) -> None:
    outcomes = []
    for limits in ({}, {"limit": 1e6}):
        study, series = random_study(seed, **limits)
        outcomes.append(investment.solve(inputs([2030], study, series, hours=f"0:{STEPS}", periods=0), quiet))
    netted, plain = outcomes
    assert netted.objective == pytest.approx(plain.objective, rel=1e-9)
    for table, column, by in (
        ("cost", "discounted", "kind"),
        ("emission", "t", "emission"),
        ("energy", "mwh", "commodity"),
    ):
        sums = [
            o.tables[table].merge(o.tables["item"], on="item").groupby(by)[column].sum().to_dict() for o in outcomes
        ]
        assert sums[0] == pytest.approx(sums[1], rel=1e-6, abs=1e-3), table


def test_netting_leaves_out_the_columns_and_rows_of_what_is_traded() -> None:
    from dhsdb.models.energy import EnergyModel
    from dhsdb.models.system import build_system

    sizes = []
    for limits in ({}, {"limit": 1e6}):
        study, series = random_study(1, **limits)
        given = inputs([2030], study, series, hours=f"0:{STEPS}", periods=0)
        model = EnergyModel(build_system(given, given.years, investment.investment_steps(given))).model
        sizes.append((model.n_rows, model.n_columns))
    assert sizes[1][0] - sizes[0][0] == sizes[1][1] - sizes[0][1] == 2 * STEPS
