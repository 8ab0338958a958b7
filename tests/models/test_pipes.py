"""Pipe physics against hand calculations, published check values and tables of water and pipes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dhsdb.errors import ProblemsError, UnknownNameError, UserError
from dhsdb.models.pipes import (
    Emb3rsPipes,
    TablePipes,
    Temperatures,
    default_pipe_table,
    pipe_physics,
    velocity_at_gradient,
    water_density,
    water_heat_capacity,
    water_viscosity,
)

DESIGN = Temperatures(supply_c=90, return_c=50, ground_c=10)
STOCKHOLM = Temperatures(supply_c=100, return_c=70, ground_c=5)


def table(**columns: list[object]) -> pd.DataFrame:
    """Return a table of two pipes, with columns replaced."""
    rows = {
        "pipe_type": ["small", "large"],
        "diameter_m": [0.1, 0.2],
        "cost_per_m": [500.0, 900.0],
        "loss_w_mk": [0.4, 0.6],
        "max_velocity_m_s": [1.0, 1.0],
    }
    return pd.DataFrame({**rows, **columns})


# IAPWS-IF97 at 10 bar: temperature, density, heat capacity, viscosity.
WATER = [
    (10, 1000.130, 4192.05, 1.30509e-3),
    (50, 988.438, 4177.48, 5.46702e-4),
    (70, 978.174, 4186.13, 4.03790e-4),
    (90, 965.729, 4203.02, 3.14424e-4),
    (120, 943.506, 4244.33, 2.32245e-4),
    (150, 917.304, 4308.57, 1.82744e-4),
]


@pytest.mark.parametrize(("celsius", "density", "heat_capacity", "viscosity"), WATER)
def test_water_is_that_of_iapws(celsius: float, density: float, heat_capacity: float, viscosity: float) -> None:
    assert water_density(celsius) == pytest.approx(density, rel=1.1e-3)
    assert water_heat_capacity(celsius) == pytest.approx(heat_capacity, rel=1.1e-3)
    assert water_viscosity(celsius) == pytest.approx(viscosity, rel=1.1e-2)


@settings(deadline=None)
@given(st.floats(0.015, 1.0), st.floats(20, 400), st.floats(1e-5, 5e-4), st.floats(10, 130))
def test_velocity_solves_darcy_weisbach_and_colebrook(diameter: float, gradient: float, rough: float, t: float) -> None:
    velocity = velocity_at_gradient([diameter], gradient, rough, t)[0]
    friction = gradient * 2 * diameter / (water_density(t) * velocity**2)
    reynolds = water_density(t) * velocity * diameter / water_viscosity(t)
    colebrook = -2 * np.log10(rough / (3.7 * diameter) + 2.51 / (reynolds * np.sqrt(friction)))
    assert 1 / np.sqrt(friction) == pytest.approx(colebrook, rel=1e-9)


def test_velocity_agrees_with_the_table_of_topotherm() -> None:
    # DN25, DN100 and DN600 at 250 Pa/m, wall of 0.01 mm, 90/55 degC; topotherm solves another friction formula.
    velocity = velocity_at_gradient([0.0291, 0.1071, 0.5958], 250, 1e-5, 72.5)
    assert velocity == pytest.approx([0.8395, 1.9669, 5.6584], rel=5e-3)


def test_power_of_a_pipe_by_hand() -> None:
    # 1 m/s through 0.1 m: 7.854 l/s of water at 70 degC, 7.683 kg/s * 4.186 kJ/(kg K) * 40 K = 1.2864 MW.
    choice = TablePipes.from_frame(table()).choose([0.6432], DESIGN)
    assert choice.power_mw == pytest.approx([1.2864], rel=1e-3)
    assert choice.velocity_m_s == pytest.approx([0.5], rel=1e-3)


def test_smallest_sufficient_pipe_is_chosen() -> None:
    pipes = TablePipes.from_frame(table())
    small, large = pipes.layout(DESIGN)[1]
    choice = pipes.choose([0.0, small, np.nextafter(small, 9), large, np.nextafter(large, 99)], DESIGN)
    assert choice.pipe_type.tolist() == ["small", "small", "large", "large", None]
    assert choice.cost_per_m[:4].tolist() == [500, 500, 900, 900]
    assert np.isnan([choice.diameter_m[4], choice.cost_per_m[4], choice.loss_w_mk[4], choice.velocity_m_s[4]]).all()


@settings(deadline=None)
@given(st.lists(st.floats(0, 136), min_size=1, max_size=20))
def test_no_pipe_of_the_default_table_is_undersized(peaks: list[float]) -> None:
    pipes = pipe_physics("dhsdb")
    choice = pipes.choose(peaks, DESIGN)
    assert (choice.power_mw >= peaks).all()
    power = TablePipes.from_frame(default_pipe_table()).layout(DESIGN)[1]
    assert choice.power_mw.tolist() == [min(power[power >= peak]) for peak in peaks]


def test_a_wide_pipe_with_a_low_velocity_is_passed_over() -> None:
    rows = table(max_velocity_m_s=[2.0, 0.1])  # 0.2 m at 0.1 m/s carries a fifth of 0.1 m at 2 m/s
    pipes = TablePipes.from_frame(rows)
    most = pipes.layout(DESIGN)[1].max()
    assert pipes.choose([most, 0.1 * most, 1.01 * most], DESIGN).pipe_type.tolist() == ["small", "small", None]


def test_a_pipe_without_a_velocity_is_laid_out_by_pressure_gradient() -> None:
    by_gradient = TablePipes.from_frame(table(max_velocity_m_s=[None, 1.0]))
    without_column = TablePipes.from_frame(table().drop(columns="max_velocity_m_s"))
    expected = velocity_at_gradient([0.1, 0.2], 100, 1e-4, 70)
    assert by_gradient.layout(DESIGN)[0].tolist() == [expected[0], 1.0]
    assert without_column.layout(DESIGN)[0].tolist() == expected.tolist()


def test_rows_may_come_in_any_order() -> None:
    rows = table()
    one, other = TablePipes.from_frame(rows), TablePipes.from_frame(rows[::-1])
    assert one.choose([0.5, 3], DESIGN).pipe_type.tolist() == other.choose([0.5, 3], DESIGN).pipe_type.tolist()


def test_loss_by_hand() -> None:
    choice = TablePipes.from_frame(table()).choose([0.5, 3], DESIGN)
    assert choice.loss_w_m(DESIGN).tolist() == pytest.approx([0.4 * 60, 0.6 * 60])
    assert choice.loss_w_m(Temperatures(70, 50, 8)).tolist() == pytest.approx([0.4 * 52, 0.6 * 52])


def test_a_network_colder_than_the_ground_gains_heat() -> None:
    cold = Temperatures(supply_c=8, return_c=4, ground_c=10)
    assert TablePipes.from_frame(table()).choose([0.01], cold).loss_w_m(cold)[0] == pytest.approx(-0.4 * 4)
    assert Emb3rsPipes().choose([0.01], cold).loss_w_m(cold)[0] > 0


def test_default_table_is_a_series_of_nominal_diameters() -> None:
    rows = default_pipe_table()
    assert rows["pipe_type"].iloc[[0, -1]].tolist() == ["DN20", "DN600"]
    assert rows.set_index("pipe_type")["diameter_m"][["DN20", "DN100", "DN600"]].tolist() == [0.0217, 0.1071, 0.5958]
    assert rows["diameter_m"].is_monotonic_increasing
    dn100 = rows.set_index("pipe_type").loc["DN100"]
    assert dn100["cost_per_m"] == pytest.approx(439 + 4073 * 0.1071)
    hotmaps = default_pipe_table(212, 4464).set_index("pipe_type").loc["DN100"]
    assert hotmaps["cost_per_m"] == pytest.approx(212 + 4464 * 0.1071)


@pytest.mark.parametrize(
    ("dn", "steel_m", "jacket_m"),
    [("DN20", 0.0269, 0.11), ("DN100", 0.1143, 0.225), ("DN300", 0.3239, 0.5), ("DN600", 0.61, 0.9)],
)
def test_default_loss_is_that_of_a_buried_pair(dn: str, steel_m: float, jacket_m: float) -> None:
    # Series 2 of EN 253 with 0.027 W/(m K), 1 m of soil with 1.6 W/(m K) above, and the warmth of the other pipe
    # (EN 13941): the regression is that of both pipes together, not of one.
    foam, soil, depth, apart = 0.027, 1.6, 1 + jacket_m / 2, jacket_m + 0.2
    insulation = np.log((jacket_m - 0.006) / steel_m) / (2 * np.pi * foam)
    ground = np.log(4 * depth / jacket_m) / (2 * np.pi * soil)
    neighbour = np.log(1 + (2 * depth / apart) ** 2) / (4 * np.pi * soil)
    pair = 2 / (insulation + ground + neighbour)
    assert default_pipe_table().set_index("pipe_type")["loss_w_mk"][dn] == pytest.approx(pair, rel=0.1)


def test_all_mistakes_of_a_pipe_table_are_reported() -> None:
    rows = table(pipe_type=["a", "a"], diameter_m=[-0.1, 0.2], cost_per_m=[None, 0.0], max_velocity_m_s=[0.0, 1.0])
    with pytest.raises(ProblemsError) as caught:
        TablePipes.from_frame(rows)
    assert [problem.column for problem in caught.value.problems] == [
        "pipe_type", "diameter_m", "cost_per_m", "max_velocity_m_s",
    ]  # fmt: skip


@pytest.mark.parametrize("rows", [table().drop(columns="loss_w_mk"), table()[:0]])
def test_a_table_without_columns_or_rows_is_refused(rows: pd.DataFrame) -> None:
    with pytest.raises(ProblemsError):
        TablePipes.from_frame(rows)


@pytest.mark.parametrize("peak", [-1.0, float("nan")])
@pytest.mark.parametrize("physics", ["dhsdb", "emb3rs"])
def test_a_load_must_be_a_number(peak: float, physics: str) -> None:
    with pytest.raises(UserError, match="peak load"):
        pipe_physics(physics).choose([1.0, peak], DESIGN)


def test_supply_must_be_warmer_than_return() -> None:
    with pytest.raises(UserError, match="not above the return"):
        Temperatures(50, 50, 10)


def test_unknown_physics_is_refused_by_name() -> None:
    with pytest.raises(UnknownNameError, match="emb3rs"):
        pipe_physics("emb3r")


# --- emb3rs -----------------------------------------------------------------------------------------------------------


def test_emb3rs_check_values_of_power() -> None:
    diameter, power = Emb3rsPipes().layout(STOCKHOLM)
    at = np.searchsorted(diameter, [0.05, 0.10, 0.20, 0.30, 0.50, 1.0])
    assert power[at].round(3).tolist() == [0.180, 1.071, 6.096, 16.630, 58.286, 315.250]
    assert len(diameter) == 991
    assert (diameter[0], diameter[-1]) == (0.01, 1.0)


def test_emb3rs_diameters_and_costs_of_the_stockholm_sources() -> None:
    # Capacities in MW, then the same figures in kW read as MW, as published.
    peak = np.array([0.186567237, 0.373134474, 11.4155251])
    right, published = (Emb3rsPipes().choose(p, STOCKHOLM) for p in (peak, peak * 1000))
    assert right.diameter_m.tolist() == [0.051, 0.066, 0.258]
    assert published.diameter_m.tolist() == [0.806, 1.0, 1.0]
    assert (right.cost_per_m / 2).round().tolist() == [555, 614, 1562]
    assert (published.cost_per_m / 2).round().tolist() == [5238, 6744, 6744]


def test_emb3rs_cost_and_loss_by_hand() -> None:
    choice = Emb3rsPipes().choose([1.0714], STOCKHOLM)
    assert choice.diameter_m.tolist() == [0.1]
    # 350 + 70^1.1 + 50 + 70^1.3 = 350 + 107.06 + 50 + 250.40 EUR per metre of pipe, twice per metre of trench.
    assert choice.cost_per_m[0] == pytest.approx(2 * (350 + 107.056 + 50 + 250.397), rel=1e-5)
    # 80 K * (0.1685 ln 0.1 + 0.85684) = 80 * 0.468854 = 37.508 W per metre of pipe.
    assert choice.loss_w_m(STOCKHOLM)[0] == pytest.approx(2 * 37.508, rel=1e-5)


@settings(deadline=None)
@given(st.lists(st.floats(0, 400), min_size=1, max_size=20))
def test_emb3rs_takes_the_nearest_power(peaks: list[float]) -> None:
    pipes = Emb3rsPipes()
    diameter, power = pipes.layout(STOCKHOLM)
    expected = [diameter[np.argmin(np.abs(power - peak))] for peak in peaks]
    assert pipes.choose(peaks, STOCKHOLM).diameter_m.tolist() == expected


def test_emb3rs_caps_at_one_metre() -> None:
    choice = Emb3rsPipes().choose([1000.0], STOCKHOLM)
    assert choice.diameter_m[0] == 1.0
    assert choice.power_mw[0] == pytest.approx(315.250, abs=1e-3)
