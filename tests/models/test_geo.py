"""Connections of heat sources along streets: cases by hand on a grid of 3 x 3 crossroads, and what must always hold."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import LineString, Point

from dhsdb.errors import UserError
from dhsdb.models.geo import Connections, Limits, Reach, StreetGraph, connect, route
from dhsdb.models.pipes import TablePipes, Temperatures, pipe_physics

if TYPE_CHECKING:
    from collections.abc import Sequence

DESIGN = Temperatures(supply_c=90, return_c=50, ground_c=10)
STRICT = Reach(offstreet_m=0.0)
EAST = LineString([(200, -50), (200, 250)])
AWAY = LineString([(260, -50), (260, 250)])
PIPE = TablePipes.from_frame(
    pd.DataFrame(
        {"pipe_type": ["P"], "diameter_m": [0.1], "cost_per_m": [800.0], "loss_w_mk": [0.5], "max_velocity_m_s": [1.0]}
    )
)

Place = tuple[float, float]
inside = st.tuples(st.floats(-40, 190), st.floats(-40, 240))


def streets(cuts: Sequence[float] = (), lines: Sequence[LineString] | None = None) -> StreetGraph:
    """Return the grid of streets with crossroads every 100 m, each street cut at these shares of its segments."""
    if lines is None:
        ends = [((i, j), (i + a, j + b)) for i in range(3) for j in range(3) for a, b in [(1, 0), (0, 1)]]
        lines = [LineString([(100 * i, 100 * j), (100 * k, 100 * m)]) for (i, j), (k, m) in ends if max(k, m) < 3]
    bounds = [0.0, *sorted(cuts), 1.0]
    pieces = [
        [line.interpolate(a, normalized=True).coords[0], line.interpolate(b, normalized=True).coords[0]]
        for line in lines
        for a, b in pairwise(bounds)
    ]
    places = {place: number for number, place in enumerate(dict.fromkeys(p for piece in pieces for p in piece), 10**10)}
    start, end = ([places[piece[side]] for piece in pieces] for side in (0, 1))
    return StreetGraph.from_segments(start, end, [LineString(piece) for piece in pieces])


def sources(places: Sequence[Place], capacity_mw: float = 1.0, **columns: object) -> pd.DataFrame:
    """Return heat sources named s0, s1 ..."""
    rows = {
        "heat_source": [f"s{i}" for i in range(len(places))],
        "geometry": pd.Series([Point(p) for p in places], dtype=object),
        "capacity_mw": capacity_mw,
    }
    return pd.DataFrame({**rows, **columns})


def network(*lines: LineString) -> pd.DataFrame:
    """Return network pipes named main-0, main-1 ..."""
    return pd.DataFrame({"pipe": [f"main-{i}" for i in range(len(lines))], "geometry": list(lines)})


def trench(place: Place, lines: Sequence[LineString], graph: StreetGraph | None, reach: Reach | None = None) -> float:
    """Return the trench length of one point."""
    return float(route([place], lines, graph, reach).trench_m[0])


def codes(found: Connections) -> list[str]:
    return [finding.code for finding in found.findings]


# --- routes by hand ---------------------------------------------------------------------------------------------------


def test_route_and_pipe_by_hand() -> None:
    # Access 20 m, south 30 m, east 200 m = 250 m of trench at 800/m and 0.5 W/(m K) * 60 K.
    found = connect(sources([(20, 30)]), network(EAST), streets(), DESIGN, physics=PIPE)
    row = found.frame.iloc[0]
    assert (row["source"], row["network"], row["pipe_type"]) == ("s0", "main-0", "P")
    assert row[["distance_m", "trench_m", "diameter_m", "capacity_kw"]].tolist() == [180, 250, 0.1, 1000]
    assert row["cost"] == pytest.approx(200_000)
    assert row["cost_per_kw"] == pytest.approx(200)
    assert row["loss_kw"] == pytest.approx(7.5)
    assert list(row["geometry"].coords) == [(20, 30), (0, 30), (0, 0), (100, 0), (200, 0)]
    assert row["nearest_point"].equals(Point(200, 30))
    assert found.findings == []


def test_a_network_beside_the_streets_is_charged_straight() -> None:
    assert trench((20, 30), [AWAY], streets()) == pytest.approx(20 + 30 + 200 + 60)


def test_a_network_out_of_access_is_not_reached() -> None:
    assert trench((20, 30), [AWAY], streets(), Reach(access_m=59)) == np.inf


def test_a_source_beside_the_network_goes_straight() -> None:
    found = connect(sources([(160, 50)]), network(EAST), streets(), DESIGN)
    assert found.frame["trench_m"].tolist() == [40]
    assert list(found.frame["geometry"][0].coords) == [(160, 50), (200, 50)]


def test_streets_are_followed_where_the_network_is_beyond_a_straight_trench() -> None:
    assert trench((130, 45), [EAST], streets(), Reach(offstreet_m=70)) == pytest.approx(70)
    assert trench((130, 45), [EAST], streets(), STRICT) == pytest.approx(30 + 45 + 100)


def test_a_source_on_the_network_needs_no_trench() -> None:
    found = connect(sources([(200, 30)]), network(EAST), streets(), DESIGN)
    assert found.frame["trench_m"].tolist() == [0]
    assert found.frame["cost"].tolist() == [0]
    assert found.frame["geometry"][0].length == 0


def test_the_network_may_be_reached_between_its_vertices() -> None:
    # No vertex and no sample of the pipe lies where it crosses the street y = 100.
    assert trench((40, 102), [LineString([(170, -37), (170, 241)])], streets(), STRICT) == pytest.approx(2 + 130)


def test_the_pipe_reached_by_street_may_not_be_the_nearest() -> None:
    island = LineString([(20, 700), (21, 700)])
    found = connect(sources([(20, 230)]), network(island, EAST), streets(), DESIGN, reach=Reach(access_m=300))
    assert found.frame["network"].tolist() == ["main-1"]
    found = connect(sources([(20, 210)]), network(LineString([(20, 290), (21, 290)]), EAST), streets(), DESIGN)
    assert found.frame["network"].tolist() == ["main-0"]
    assert found.frame["trench_m"][0] == pytest.approx(10 + 90)


def test_a_footpath_without_links_is_no_street() -> None:
    grid = [LineString([(0, 0), (100, 0)]), LineString([(100, 0), (200, 0)])]
    path = LineString([(20, 55), (60, 55)])
    assert trench((40, 50), [EAST], streets(lines=[*grid, path]), Reach(access_m=100)) == pytest.approx(50 + 160)


def test_the_better_of_two_equally_near_streets_is_taken() -> None:
    assert trench((50, 50), [EAST], streets()) == pytest.approx(50 + 50 + 100)


def test_no_trench_passes_through_a_neighbour() -> None:
    # The first source lies between both streets and could join them; only the upper one leads to the network.
    graph = streets(lines=[LineString([(0, 0), (60, 0)]), LineString([(0, 80), (200, 80)])])
    found = route([(50, 40), (10, -30)], [EAST], graph, Reach(access_m=120))
    assert found.trench_m.tolist() == pytest.approx([40 + 150, 110 + 190])


def test_the_shorter_of_parallel_streets_is_taken() -> None:
    detour = LineString([(0, 0), (100, 40), (200, 0)])
    straight = LineString([(0, 0), (200, 0)])
    graph = StreetGraph.from_segments([1, 1, 1], [2, 2, 2], [detour, straight, straight])
    assert trench((-30, 0), [EAST], graph) == pytest.approx(230)


# --- what always holds ------------------------------------------------------------------------------------------------


def by_formula(place: Place) -> float:
    """Return the trench to x = 200 on the grid: access to the nearest street, to a crossroads if need be, then east."""
    x, y = place
    ways = []
    for street in (0, 100, 200):
        foot_x, foot_y = min(max(x, 0), 200), min(max(y, 0), 200)
        ways.append((np.hypot(x - foot_x, y - street), 200 - foot_x))
        aside = min(foot_y % 100, 100 - foot_y % 100) if street < 200 else 0
        ways.append((np.hypot(x - street, y - foot_y), aside + 200 - street))
    access = min(way[0] for way in ways)
    return float(min(a + along for a, along in ways if a <= access + 1e-6))


@settings(deadline=None)
@given(inside)
def test_route_agrees_with_the_formula_for_a_grid(place: Place) -> None:
    assert trench(place, [EAST], streets(), STRICT) == pytest.approx(by_formula(place), abs=1e-5)


@settings(max_examples=50, deadline=None)
@given(st.lists(inside, min_size=1, max_size=8), st.sampled_from(["dhsdb", "emb3rs"]))
def test_invariants(places: list[Place], physics: str) -> None:
    rows = sources(places, capacity_mw=2.0)
    grid = network(LineString([(-10, 260), (150, 120), (230, 130)]), EAST)
    frame = connect(rows, grid, streets(), DESIGN, physics=pipe_physics(physics)).frame
    assert frame["source"].tolist() == rows["heat_source"].tolist()
    assert (frame["trench_m"] >= frame["distance_m"]).all()
    drawn = frame["geometry"].to_numpy(object)
    assert shapely.length(drawn) == pytest.approx(frame["trench_m"].to_numpy(), rel=1e-9, abs=1e-9)
    points = rows["geometry"].to_numpy(object)
    assert shapely.distance(shapely.get_point(drawn, 0), points) == pytest.approx(0, abs=1e-9)
    reached = frame["network"].map(grid.set_index("pipe")["geometry"]).to_numpy(object)
    assert shapely.distance(shapely.get_point(drawn, -1), reached) == pytest.approx(0, abs=1e-9)
    away = shapely.distance(points, frame["nearest_point"].to_numpy(object))
    assert away == pytest.approx(frame["distance_m"].to_numpy(), abs=1e-9)
    per_m = pipe_physics(physics).choose([2.0], DESIGN).cost_per_m[0]
    assert frame["cost"].to_numpy() == pytest.approx(per_m * frame["trench_m"].to_numpy())


@settings(max_examples=50, deadline=None)
@given(st.lists(inside, min_size=1, max_size=8), st.lists(st.floats(0.001, 0.999), max_size=4))
def test_cutting_streets_changes_nothing(places: list[Place], cuts: list[float]) -> None:
    lines = [LineString([(-10, 260), (150, 120), (230, 130)]), EAST]
    whole, cut = route(places, lines, streets()), route(places, lines, streets(cuts))
    assert cut.trench_m == pytest.approx(whole.trench_m, rel=1e-9, abs=1e-6)


def test_doubling_the_segments_changes_no_cost() -> None:
    rows = sources([(20, 30), (130, 45), (-30, 220)])
    whole, halves = (connect(rows, network(EAST), streets(cuts), DESIGN).frame for cuts in ([], [0.5]))
    assert halves["cost"].to_numpy() == pytest.approx(whole["cost"].to_numpy(), rel=1e-12)
    assert halves["cost_per_kw"].to_numpy() == pytest.approx(whole["cost_per_kw"].to_numpy(), rel=1e-12)


# --- without a way ----------------------------------------------------------------------------------------------------


def test_an_unreachable_source_is_named() -> None:
    found = connect(sources([(20, 30), (-900, 0)]), network(EAST), streets(), DESIGN)
    assert found.frame["source"].tolist() == ["s0"]
    assert [(f.severity, f.code, f.location) for f in found.findings] == [("error", "unreachable", "heat_source s1")]
    assert "1,100 m" in found.findings[0].message


@pytest.mark.parametrize("graph", [None, streets(lines=[])])
def test_without_streets_all_trenches_are_straight(graph: StreetGraph | None) -> None:
    found = connect(sources([(20, 30), (-900, 0)]), network(EAST), graph, DESIGN, limits=Limits(cost_per_kw=(0, 9e9)))
    assert found.frame["trench_m"].tolist() == [180, 1100]
    assert codes(found) == ["no-streets"]


def test_streets_far_from_everything_leave_only_straight_trenches() -> None:
    remote = streets(lines=[LineString([(9000, 0), (9100, 0)])])
    found = connect(sources([(160, 50), (20, 30)]), network(EAST), remote, DESIGN)
    assert found.frame["source"].tolist() == ["s0"]
    assert codes(found) == ["unreachable"]


def test_every_source_is_in_the_result_or_named() -> None:
    rows = sources([(20, 30)] * 6, capacity_mw=[1, np.nan, 0, -2, 1, 1e6])
    rows.loc[4, "geometry"] = None
    found = connect(rows, network(EAST), streets(), DESIGN)
    assert found.frame["source"].tolist() == ["s0"]
    errors = {finding.location: finding.code for finding in found.findings if finding.severity == "error"}
    assert errors == {
        "heat_source s1": "source-capacity",
        "heat_source s2": "source-capacity",
        "heat_source s3": "source-capacity",
        "heat_source s4": "source-place",
        "heat_source s5": "pipe-too-small",
    }


def test_no_source_makes_an_empty_result() -> None:
    found = connect(sources([]), network(EAST), streets(), DESIGN)
    assert len(found.frame) == 0
    assert found.findings == []
    assert "geometry" in found.frame


def test_pipes_without_geometry_are_left_out_and_none_is_refused() -> None:
    found = connect(sources([(20, 30)]), network(None, EAST), streets(), DESIGN)
    assert found.frame["network"].tolist() == ["main-1"]
    with pytest.raises(UserError, match="no line"):
        connect(sources([(20, 30)]), network(None), streets(), DESIGN)


# --- loss over the year and plausibility ------------------------------------------------------------------------------


def test_loss_over_the_year_has_its_own_temperatures() -> None:
    mean = Temperatures(supply_c=70, return_c=45, ground_c=8)
    rows = sources([(20, 30)])
    frame = connect(rows, network(EAST), streets(), DESIGN, physics=PIPE, mean=mean).frame
    assert frame["loss_kw"].tolist() == pytest.approx([0.5 * 60 * 250 / 1000])
    assert frame["loss_mean_kw"].tolist() == pytest.approx([0.5 * 49.5 * 250 / 1000])
    same = connect(rows, network(EAST), streets(), DESIGN, physics=PIPE).frame
    assert same["loss_mean_kw"].tolist() == same["loss_kw"].tolist()


def test_kw_read_as_mw_is_noticed() -> None:
    rows = sources([(20, 30)], capacity_mw=600.0)
    found = connect(rows, network(EAST), streets(), DESIGN, physics=pipe_physics("emb3rs"))
    assert {"capacity-unit", "diameter", "pipe-undersized", "velocity"} <= set(codes(found))
    hint = next(f.message for f in found.findings if f.code == "capacity-unit")
    assert hint == "600 MW is much for a heat source: is it 600 kW, a factor of 1000 less?"
    right = connect(sources([(20, 30)], capacity_mw=0.6), network(EAST), streets(), DESIGN)
    assert codes(right) == []


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (Limits(loss_share=0.007), "loss-share"),
        (Limits(cost_per_kw=(201, 5000)), "cost-per-kw"),
        (Limits(cost_per_kw=(1, 199)), "cost-per-kw"),
        (Limits(velocity_m_s=(0.9, 4)), "velocity"),
        (Limits(velocity_m_s=(0.1, 0.7)), "velocity"),
        (Limits(diameter_m=0.1), "diameter"),
        (Limits(capacity_mw=0.9), "capacity-unit"),
    ],
)
def test_each_limit_gives_one_warning(limits: Limits, code: str) -> None:
    found = connect(sources([(20, 30)]), network(EAST), streets(), DESIGN, physics=PIPE, limits=limits)
    assert [(f.severity, f.code, f.location) for f in found.findings] == [("warning", code, "heat_source s0")]


def test_cold_sources_are_counted_once() -> None:
    rows = sources([(20, 30), (40, 30), (60, 30)], temperature_c=[28.0, 95.0, np.nan])
    found = connect(rows, network(EAST), streets(), DESIGN)
    assert [(f.severity, f.code) for f in found.findings] == [("info", "source-cold")]
    assert found.findings[0].message.startswith("1 of 3 sources")
