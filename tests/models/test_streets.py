"""Streets as a graph, and the nearest point on lines."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import LineString, MultiLineString, Point

from dhsdb.errors import UserError
from dhsdb.models.streets import Pieces, StreetGraph, nearest

BENT = LineString([(0, 0), (100, 0), (100, 50)])


def test_nearest_point_on_a_line_by_hand() -> None:
    found = nearest([(30, 40), (110, 25), (-30, -40), (100, 0)], [BENT])
    assert found.distance_m.tolist() == [40, 10, 50, 0]
    assert found.xy.tolist() == [[30, 0], [100, 25], [0, 0], [100, 0]]
    assert found.line.tolist() == [0, 0, 0, 0]


def test_nearest_vertex_by_hand() -> None:
    found = nearest([(30, 40), (110, 30)], [LineString([(500, 500), (600, 600)]), BENT], vertices=True)
    assert found.distance_m.tolist() == pytest.approx([50, np.hypot(10, 20)])
    assert found.xy.tolist() == [[0, 0], [100, 50]]
    assert found.line.tolist() == [1, 1]


def test_the_first_of_equally_near_lines_is_taken() -> None:
    meeting = [LineString([(0, 0), (50, 0)]), LineString([(50, 0), (100, 0)])]
    assert nearest([(50, 20)], meeting).line.tolist() == [0]
    assert nearest([(50, 20)], meeting[::-1]).line.tolist() == [0]


def test_parts_of_a_multi_line_are_not_joined() -> None:
    gap = MultiLineString([[(0, 0), (10, 0)], [(90, 0), (100, 0)]])
    assert nearest([(50, 0)], [gap]).distance_m.tolist() == [40]


def test_nearest_needs_a_line() -> None:
    with pytest.raises(UserError, match="no line"):
        nearest([(0, 0)], [])


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(-500, 500), st.floats(-500, 500)), min_size=1, max_size=10))
def test_nearest_agrees_with_geos(points: list[tuple[float, float]]) -> None:
    lines = [BENT, LineString([(-200, 300), (0, 200), (300, 310)]), LineString([(-90, -90), (-80, 20)])]
    found = nearest(points, lines)
    expected = np.array([[shapely.distance(Point(p), line) for line in lines] for p in points])
    assert found.distance_m == pytest.approx(expected.min(axis=1), abs=2e-6)
    on_line = shapely.distance(shapely.points(found.xy), np.array(lines, dtype=object)[found.line])
    assert on_line == pytest.approx(0, abs=1e-9)


def test_a_street_is_taken_apart_at_its_vertices() -> None:
    graph = StreetGraph.from_segments([7, 9], [9, 7], [BENT, LineString([(100, 50), (0, 0)])], [150, 111.8])
    assert graph.xy.tolist() == [[0, 0], [100, 50], [100, 0]]
    assert graph.pieces.length_m.tolist() == pytest.approx([100, 50, np.hypot(100, 50)])
    assert graph.junctions().tolist() == []


def test_junctions_are_dead_ends_and_forks() -> None:
    cross = [LineString([(0, 0), end]) for end in [(10, 0), (-10, 0), (0, 10)]]
    graph = StreetGraph.from_segments([1, 1, 1], [2, 3, 4], cross)
    assert graph.junctions().tolist() == [0, 1, 2, 3]


def test_streets_without_a_common_node_are_apart() -> None:
    crossing = [LineString([(0, 0), (10, 10)]), LineString([(0, 10), (10, 0)])]  # a bridge
    label = StreetGraph.from_segments([1, 3], [2, 4], crossing).components()
    assert label[0] == label[1] != label[2] == label[3]


def test_points_cut_pieces_and_keep_lengths() -> None:
    graph = StreetGraph.from_segments([1], [2], [BENT])
    cut, node = graph.with_points(np.array([0, 1, 0, 0]), np.array([0.75, 0.5, 0.25, 0.25]))
    assert cut.xy[node].tolist() == [[75, 0], [100, 25], [25, 0], [25, 0]]
    assert cut.pieces.length_m.sum() == pytest.approx(150)
    assert sorted(cut.pieces.length_m.tolist()) == [0, 25, 25, 25, 25, 50]


def test_a_point_between_two_pieces_has_a_foot_on_both() -> None:
    feet = Pieces.of([LineString([(0, 0), (100, 0)]), LineString([(0, 60), (100, 60)])]).feet(np.array([[20.0, 30.0]]))
    assert feet.piece.tolist() == [0, 1]
    assert feet.distance_m.tolist() == [30, 30]


def test_a_point_out_of_reach_has_no_foot() -> None:
    pieces = Pieces.of([BENT])
    assert pieces.feet(np.array([[50.0, -10.0], [50.0, -9.0]]), reach_m=9.5).point.tolist() == [1]


def test_crossings_and_the_ends_of_common_stretches() -> None:
    street = Pieces.of([LineString([(0, 0), (100, 0)])])
    pipe = Pieces.of([LineString([(30, -10), (30, 10)]), LineString([(40, 0), (60, 0)])])
    found = street.crossings(pipe)
    assert sorted(found.xy.tolist()) == [[30, 0], [40, 0], [60, 0]]
    assert found.distance_m.tolist() == [0, 0, 0]


def test_lengths_that_are_not_metres_are_refused() -> None:
    degrees = LineString([(24.94, 60.17), (24.95, 60.17)])
    with pytest.raises(UserError, match="by their geometry"):
        StreetGraph.from_segments([1], [2], [degrees], [555.0])


def test_a_node_at_two_places_is_refused() -> None:
    with pytest.raises(UserError, match="node 2"):
        StreetGraph.from_segments([1, 2], [2, 3], [LineString([(0, 0), (9, 0)]), LineString([(10, 0), (20, 0)])])


@pytest.mark.parametrize("geometry", [None, Point(0, 0), MultiLineString([BENT])])
def test_a_street_must_be_a_line(geometry: object) -> None:
    with pytest.raises(UserError, match="not a LineString"):
        StreetGraph.from_segments([1], [2], [geometry])


def test_no_streets_make_an_empty_graph() -> None:
    graph = StreetGraph.from_segments([], [], [])
    assert graph.xy.shape == (0, 2)
    assert len(graph.start) == 0
