"""One solver over many models: what it finds is what a new one finds, in fewer iterations where the basis serves."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dhsdb.models import dispatch, investment, method
from dhsdb.models.energy import EnergyModel
from dhsdb.models.investment import investment_steps, rules_of
from dhsdb.models.system import build_system
from dhsdb.models.warm import Solvers, WarmSolver
from tests.models.frames import inputs, quiet
from tests.models.test_energy import GAS, HEAT, SITE, demand, merged, unit

if TYPE_CHECKING:
    from dhsdb.models.lp import Model
    from dhsdb.models.stage import Inputs

HOURS = 168
PRICES = [20.0 + 5.0 * i for i in range(10)]


def study(gas: float = 30.0, heat: float = 1.0, loss: float = 0.002, **cells: float) -> Inputs:
    """A boiler, a heat pump at hourly prices, a store: 168 h whose optimum moves with the price of gas."""
    rng = np.random.default_rng(5)
    load = 1.0 + rng.random(HOURS)
    power = {"site": "c", "commodity": "power", "bought": True, "price": 60.0, "price_profile": "power"}
    tables = merged(
        {"site": SITE, "commodity": [HEAT, GAS | {"price": gas}, power]},
        unit("boiler", "gas", 0.9, life=20.0, wacc=0.05, capital=60_000.0, **cells),
        unit("heat pump", "power", 3.0, life=20.0, wacc=0.05, capital=600_000.0),
        {"storage": [{"site": "c", "storage": "tank", "commodity": "heat", "capital_e": 800.0, "life": 25.0, "loss": loss}]},
        demand(heat * 80_000.0, "load"),
    )  # fmt: skip
    series = {"load": load / load.sum(), "power": 0.5 + rng.random(HOURS)}
    return inputs([2030], tables, series, hours=f"0:{HOURS}", periods=0)


def model_of(given: Inputs) -> Model:
    return EnergyModel(build_system(given, given.years, investment_steps(given)), None, rules_of(given)).model


def test_ten_gas_prices_cost_the_same_warm_and_cold_and_the_basis_serves() -> None:
    warm, cold = WarmSolver(), [WarmSolver().solve(model_of(study(gas))) for gas in PRICES]
    found = [warm.solve(model_of(study(gas))) for gas in PRICES]
    assert [s.objective for s in found] == pytest.approx([s.objective for s in cold], rel=1e-9)
    assert found[0].iterations == cold[0].iterations
    assert sum(s.iterations for s in found[1:]) < sum(s.iterations for s in cold[1:]) / 2
    assert [s.method for s in found] == ["simplex"] + ["simplex from the basis of the solve before"] * 9
    assert {s.method for s in cold} == {"simplex"}


@pytest.mark.parametrize("change", [{"heat": 1.2}, {"heat": 0.7, "gas": 45.0}])
def test_other_limits_start_from_the_basis_too(change: dict[str, float]) -> None:
    warm, cold = WarmSolver(), WarmSolver().solve(model_of(study(**change)))
    warm.solve(model_of(study()))
    found = warm.solve(model_of(study(**change)))
    assert found.objective == pytest.approx(cold.objective, rel=1e-9)
    assert found.method == "simplex from the basis of the solve before"
    assert found.iterations < cold.iterations


def test_other_coefficients_start_anew() -> None:
    warm = WarmSolver()
    warm.solve(model_of(study()))
    found = warm.solve(model_of(study(loss=0.004)))
    assert found.objective == pytest.approx(WarmSolver().solve(model_of(study(loss=0.004))).objective, rel=1e-9)
    assert found.method == "simplex"


def test_the_basis_serves_after_a_case_that_has_no_solution() -> None:
    warm, fixed = WarmSolver(), study()
    warm.solve(model_of(fixed))
    short = replace(fixed, tables={**fixed.tables, "process": fixed.tables["process"].assign(cap_max=1.0)})
    assert warm.solve(model_of(short)).status == "infeasible"
    found = warm.solve(model_of(study(35.0)))
    assert found.objective == pytest.approx(WarmSolver().solve(model_of(study(35.0))).objective, rel=1e-9)


def test_whole_units_and_interior_points_start_anew_and_say_so() -> None:
    warm = WarmSolver()
    for gas in (20.0, 40.0):
        found = warm.solve(model_of(study(gas, unit_mw=4.0)))
        assert found.method == "branch and bound, no warm start"
    for options, words in (({}, "with crossover"), ({"run_crossover": "off"}, "without crossover: no basis")):
        solver = model_of(study()).solver(method="ipm", **options)
        assert words in solver.solve().method
        assert "basis of" not in solver.solve().method


@pytest.mark.skipif(not method.has_hipo(), reason="HiPO is not installed")
def test_the_simplex_goes_on_where_a_large_model_was_crossed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(method, "LARGE", 100)
    warm = WarmSolver()
    found = [warm.solve(model_of(study(gas))) for gas in PRICES[:3]]
    assert [s.method for s in found] == [
        "interior point HiPO with crossover", *["simplex from the basis of the solve before"] * 2,
    ]  # fmt: skip
    monkeypatch.setattr(method, "HUGE", 100)
    warm = WarmSolver()
    assert all("without crossover: no basis" in warm.solve(model_of(study(gas))).method for gas in PRICES[:3])
    monkeypatch.undo()
    cold = [WarmSolver().solve(model_of(study(gas))) for gas in PRICES[:3]]
    assert [s.objective for s in found] == pytest.approx([s.objective for s in cold], rel=1e-9)


def test_solvers_are_kept_by_slot_and_options_or_not_at_all() -> None:
    kept, loose = Solvers(keep=True), Solvers()
    assert kept.of("investment", "highs", gap=None) is kept.of("investment", "highs", gap=None)
    assert kept.of("investment", "highs", gap=None) is not kept.of("investment", "highs", gap=0.1)
    assert kept.of("dispatch 2030", "highs") is not kept.of("dispatch 2040", "highs")
    assert loose.of("investment", "highs") is not loose.of("investment", "highs")


def test_stages_share_the_solvers_that_come_with_their_inputs() -> None:
    solvers = Solvers(keep=True)
    for stage in (investment, dispatch):
        first = stage.solve(replace(study(existing_mw=1000.0), solvers=solvers), quiet)
        second = stage.solve(replace(study(33.0, existing_mw=1000.0), solvers=solvers), quiet)
        assert "basis" not in first.message
        assert "simplex from the basis of the solve before" in second.message
        assert second.objective == pytest.approx(
            stage.solve(study(33.0, existing_mw=1000.0), quiet).objective, rel=1e-9
        )


class TestMethod:
    """The choice by size, whole numbers and what is installed."""

    def test_small_models_take_the_simplex_and_whole_numbers_choose_for_themselves(self) -> None:
        assert method.chosen({}, 1000, whole=False) == {"method": "simplex"}
        assert method.chosen({}, 10 * method.LARGE, whole=True) == {}

    def test_what_was_asked_for_stands(self) -> None:
        assert method.chosen({"method": "ipx"}, 10 * method.LARGE, whole=False) == {}

    def test_large_models_take_hipo_where_it_is_installed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for installed, expected in ((True, "hipo"), (False, "simplex")):
            monkeypatch.setattr(method, "has_hipo", lambda found=installed: found)
            assert method.chosen({}, method.LARGE, whole=False)["method"] == expected

    def test_an_infeasible_model_is_shown_infeasible_by_any_method(self) -> None:
        fixed = study()
        short = replace(fixed, tables={**fixed.tables, "process": fixed.tables["process"].assign(cap_max=1.0)})
        for name in ("simplex", "ipx", *(["hipo"] if method.has_hipo() else [])):
            assert model_of(short).solver(method=name, run_crossover="off").solve().status == "infeasible"
