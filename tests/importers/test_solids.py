"""Bodies in space, each known by hand: volume, footprint, and the planes of roofs, however their faces were drawn."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely

from dhsdb.importers.solids import GROUND, OTHER, ROOF, UNKNOWN, WALL, Bodies, Faces, measure
from tests.importers.city_files import ORIGIN, TILT, box, gabled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.importers.city_files import Point, Surface

KIND = {"GroundSurface": GROUND, "RoofSurface": ROOF, "WallSurface": WALL, "ClosureSurface": OTHER}


def body(surfaces: Sequence[Surface], *, named: bool = True, shell: bool = True, origin: Point = ORIGIN) -> Bodies:
    faces, points = Faces(), []
    number = faces.begin_shell() if shell else -1
    for kind, ring in surfaces:
        faces.add(0, number, KIND[kind] if named else UNKNOWN, [len(ring)])
        points += ring
    return measure(faces, np.array(points, dtype=float) + origin, 1)


@pytest.mark.parametrize("named", [True, False])
def test_a_gabled_house_has_the_volume_and_roofs_that_it_has_by_hand(named: bool) -> None:  # noqa: FBT001  a case of the table
    found = body(gabled(), named=named)
    assert found.volume[0] == pytest.approx(10 * 8 * 3 + 10 * 8 * 3 / 2)
    assert not found.is_open[0]
    assert sorted(found.roof_azimuth) == pytest.approx([0, 180])
    assert found.roof_area == pytest.approx([10 * 5, 10 * 5])
    assert found.roof_tilt == pytest.approx([TILT, TILT])
    assert found.footprint[0].equals(shapely.box(ORIGIN[0], ORIGIN[1], ORIGIN[0] + 10, ORIGIN[1] + 8))
    assert found.high[0] - found.low[0] == pytest.approx(6)


@pytest.mark.parametrize(("turn", "azimuths"), [(90, [270, 90]), (30, [330, 150]), (-45, [45, 225])])
def test_azimuth_is_counted_clockwise_from_north(turn: float, azimuths: list[float]) -> None:
    a = math.radians(turn)  # anticlockwise, as mathematics turns
    turned = [
        (k, [(x * math.cos(a) - y * math.sin(a), x * math.sin(a) + y * math.cos(a), z) for x, y, z in ring])
        for k, ring in gabled()
    ]
    found = body(turned)
    assert sorted(found.roof_azimuth) == pytest.approx(sorted(azimuths))
    assert found.volume[0] == pytest.approx(360)


def test_faces_drawn_inside_out_give_the_same() -> None:
    found = body([(kind, ring[::-1]) for kind, ring in gabled()])
    assert found.volume[0] == pytest.approx(360)
    assert sorted(found.roof_azimuth) == pytest.approx([0, 180])


def test_a_shell_that_lacks_a_wall_is_measured_below_its_roofs() -> None:
    found = body([s for i, s in enumerate(gabled()) if i != 1])
    assert found.is_open[0]
    assert found.volume[0] == pytest.approx(360)


def test_roofs_and_ground_alone_are_enough() -> None:
    found = body([s for s in gabled() if s[0] != "WallSurface"], shell=False)
    assert found.volume[0] == pytest.approx(360)
    assert found.footprint[0].area == pytest.approx(80)


def test_faces_that_look_in_and_out_never_give_more_than_the_box() -> None:
    rng = random.Random(4)
    mixed = [(kind, ring[::-1] if rng.random() < 0.5 else ring) for kind, ring in gabled()]
    found = body(mixed)
    assert 0 < found.volume[0] <= 10 * 8 * 6


def test_a_courtyard_is_not_roofed() -> None:
    faces, points = Faces(), []
    outer = [(0, 0), (20, 0), (20, 20), (0, 20)]
    inner = [(5, 5), (15, 5), (15, 15), (5, 15)]
    shell = faces.begin_shell()
    for z, up in ((0.0, False), (10.0, True)):
        rings = [[(x, y, z) for x, y in (ring if up else ring[::-1])] for ring in (outer, inner[::-1])]
        faces.add(0, shell, UNKNOWN, [4, 4])
        points += [p for ring in rings for p in ring]
    for ring in (outer, inner[::-1]):
        for (x, y), (u, v) in zip(ring, [*ring[1:], ring[0]], strict=True):
            faces.add(0, shell, UNKNOWN, [4])
            points += [(x, y, 0), (u, v, 0), (u, v, 10), (x, y, 10)]
    found = measure(faces, np.array(points, dtype=float) + ORIGIN, 1)
    assert found.volume[0] == pytest.approx(300 * 10)
    assert found.footprint[0].area == pytest.approx(300)
    assert found.roof_area == pytest.approx([300])
    assert np.isnan(found.roof_azimuth).all()


def test_a_hollow_is_taken_off() -> None:
    faces, points = Faces(), []
    for surfaces, hollow in ((box(0, 0, 0, 10, 10, 10), False), (box(2, 2, 2, 5, 5, 5), True)):
        shell = faces.begin_shell(hollow=hollow)
        for kind, ring in surfaces:
            faces.add(0, shell, KIND[kind] if not hollow else OTHER, [len(ring)])
            points += ring
    found = measure(faces, np.array(points, dtype=float), 1)
    assert found.volume[0] == pytest.approx(1000 - 125)


def test_without_a_ground_surface_the_outline_from_above_is_the_footprint() -> None:
    found = body([s for s in gabled() if s[0] != "GroundSurface"])
    assert found.by_projection[0]
    assert found.footprint[0].area == pytest.approx(80, abs=0.1)


def test_many_bodies_are_measured_as_each_alone() -> None:
    faces, points = Faces(), []
    n = 30
    for i in range(n):
        shell = faces.begin_shell()
        for kind, ring in gabled(50.0 * i, 7.0 * i, i):
            faces.add(i, shell, KIND[kind], [len(ring)])
            points += ring
    found = measure(faces, np.array(points, dtype=float) + ORIGIN, n)
    assert found.volume == pytest.approx([360] * n)
    assert found.low == pytest.approx([ORIGIN[2] + i for i in range(n)])
    assert len(found.roof_area) == 2 * n


def test_nothing_is_measured_as_nothing() -> None:
    found = measure(Faces(), np.zeros((0, 3)), 2)
    assert np.isnan(found.volume).all()
    assert list(found.footprint) == [None, None]
