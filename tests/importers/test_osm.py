"""OpenStreetMap extracts: noding, buildings, sources and pipes on maps made by hand, and files that are refused."""

from __future__ import annotations

import bz2
import gzip
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import osmium
import pytest
import shapely

from dhsdb.errors import Problem
from dhsdb.importers import osm_files, osm_scan, streets
from dhsdb.importers.osm import OsmImporter, file_format
from dhsdb.importers.pipeline import run_import
from dhsdb.importers.rows import Request, Rows
from dhsdb.schema.catalog import input_table
from tests.importers.books import bring, effective, table

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from dhsdb.database import Database

# A thousandth of a degree on the central meridian of UTM zone 35, at 60 degrees north, by the ellipsoid's radii of
# curvature: 6383454 m along the meridian, 6394209 m across it; UTM shortens both by 0.9996.
NORTH_M = math.radians(0.001) * 6_383_454 * 0.9996
EAST_M = math.radians(0.001) * 6_394_209 * math.cos(math.radians(60)) * 0.9996


@dataclass
class Read:
    """What an import yielded."""

    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    rows: list[Rows] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def error(self) -> Problem:
        assert not self.tables
        (problem,) = self.problems
        assert problem.severity == "error"
        return problem

    @property
    def codes(self) -> list[str]:
        return [problem.code for problem in self.problems]


def read(*paths: Path, **options: Any) -> Read:
    found = Read()
    for item in OsmImporter().read(Request(paths, "base", **options)):
        if isinstance(item, Rows):
            found.rows.append(item)
            found.tables[item.table] = item.frame
        else:
            assert isinstance(item, Problem)
            found.problems.append(item)
    return found


def tags(**given: str) -> str:
    return "".join(f'<tag k="{key.replace("__", ":")}" v="{value}"/>' for key, value in given.items())


def node(number: int, east: float, north: float, **given: str) -> str:
    """Return a node so many thousandths of a degree east and north of 27 E, 60 N."""
    return f'<node id="{number}" lat="{60 + north / 1000:.7f}" lon="{27 + east / 1000:.7f}">{tags(**given)}</node>'


def way(number: int, *nodes: int, **given: str) -> str:
    refs = "".join(f'<nd ref="{one}"/>' for one in nodes)
    return f'<way id="{number}">{refs}{tags(**given)}</way>'


def multipolygon(number: int, outer: int, inner: int, **given: str) -> str:
    members = f'<member type="way" ref="{outer}" role="outer"/><member type="way" ref="{inner}" role="inner"/>'
    return f'<relation id="{number}">{members}{tags(type="multipolygon", **given)}</relation>'


def rectangle(first: int, west: float, south: float, east: float, north: float) -> str:
    """Return four nodes, numbered from ``first``."""
    corners = [(west, south), (east, south), (east, north), (west, north)]
    return "".join(node(first + at, *corner) for at, corner in enumerate(corners))


def ring(number: int, first: int, **given: str) -> str:
    return way(number, first, first + 1, first + 2, first + 3, first, **given)


def xml(*parts: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?><osm version="0.6" generator="hand">{"".join(parts)}</osm>'


def write(folder: Path, *parts: str, name: str = "map.osm") -> Path:
    path = folder / name
    path.write_text(xml(*parts), encoding="utf-8")
    return path


CROSS = (
    node(1, 0, 0) + node(2, 1, 0) + node(3, 2, 0) + node(4, 1, -1) + node(5, 1, 1),
    way(10, 1, 2, 3, highway="residential", name="Cross Street", surface="asphalt"),
    way(20, 4, 2, 5, highway="footway"),
)


def ends(frame: pd.DataFrame) -> list[tuple[str, int, int]]:
    columns = (frame["street"], frame["from_node"], frame["to_node"])
    return list(zip(*(column.tolist() for column in columns), strict=True))


# --- streets ----------------------------------------------------------------------------------------------------------


def test_a_crossing_cuts_both_streets(tmp_path: Path) -> None:
    found = read(write(tmp_path, *CROSS))
    street = found.tables["street"]
    assert ends(street) == [("10-0", 1, 2), ("10-1", 2, 3), ("20-0", 4, 2), ("20-1", 2, 5)]
    assert street["length_m"].tolist() == pytest.approx([EAST_M, EAST_M, NORTH_M, NORTH_M], rel=2e-6)
    assert street["highway"].tolist() == ["residential"] * 2 + ["footway"] * 2
    assert street["title"].tolist()[:2] == ["Cross Street"] * 2
    assert street["surface"].isna().tolist() == [False, False, True, True]
    assert street["osm_way"].tolist() == [10, 10, 20, 20]
    assert [row.epsg for row in found.rows] == [32635] * len(found.rows)
    np.testing.assert_allclose(shapely.length(street["geometry"]), street["length_m"])
    assert found.problems == []


def test_a_bridge_over_a_street_does_not_meet_it(tmp_path: Path) -> None:
    bridge = way(30, 7, 6, 8, highway="primary", bridge="yes")
    street = read(write(tmp_path, CROSS[0] + node(6, 1, 0) + node(7, 0, 1) + node(8, 2, -1), CROSS[1], bridge)).tables[
        "street"
    ]
    assert ends(street) == [("10-0", 1, 3), ("30-0", 7, 8)]


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        pytest.param([1, 2, 3, 5, 2], [("10-0", 1, 2), ("10-1", 2, 2)], id="lollipop"),
        pytest.param([1, 2, 3, 1], [("10-0", 1, 1)], id="closed"),
        pytest.param([1, 2, 2, 3], [("10-0", 1, 3)], id="node named twice in a row"),
        pytest.param([1, 2, 3, 2, 5], [("10-0", 1, 2), ("10-1", 2, 2), ("10-2", 2, 5)], id="there and back"),
    ],
)
def test_a_way_that_meets_itself(tmp_path: Path, nodes: list[int], expected: list[tuple[str, int, int]]) -> None:
    street = read(write(tmp_path, CROSS[0], way(10, *nodes, highway="service"))).tables["street"]
    assert ends(street) == expected


def test_a_roundabout_is_cut_where_streets_leave_it(tmp_path: Path) -> None:
    street = read(
        write(tmp_path, CROSS[0], way(10, 1, 4, 3, 5, 1, highway="primary"), way(20, 3, 2, highway="path"))
    ).tables["street"]
    assert ends(street) == [("10-0", 1, 3), ("10-1", 3, 1), ("20-0", 3, 2)]


def test_a_clipped_way_keeps_the_runs_of_known_nodes(tmp_path: Path) -> None:
    clipped = way(10, 1, 2, 99, 3, 5, 98, 4, highway="service") + way(20, 97, 1, 96, highway="service")
    found = read(write(tmp_path, CROSS[0], clipped))
    assert ends(found.tables["street"]) == [("10-0", 1, 2), ("10-1", 3, 5)]
    assert found.codes == ["clipped"]
    assert "2 streets miss nodes: 1 were kept in part, 1 left out" in found.problems[0].message


def test_a_street_shared_by_two_files_is_one_street(tmp_path: Path) -> None:
    known = "".join(node(at, at, 0) for at in (1, 2, 3))
    west = write(tmp_path, known, way(10, 1, 2, 3, 4, 5, highway="path"), name="1.osm")
    east = write(tmp_path, "".join(node(at, at, 0) for at in (2, 3, 4, 5)) + node(6, 3, 1),
                 way(10, 1, 2, 3, 4, 5, highway="path"), way(11, 3, 6, highway="path"), name="2.osm")  # fmt: skip
    found = read(west, east)
    assert [row.file for row in found.rows if row.table == "street"] == [east]
    assert ends(found.tables["street"]) == [("10-0", 2, 3), ("10-1", 3, 5), ("11-0", 3, 6)]
    assert read(tmp_path).tables["street"].equals(found.tables["street"])


def test_random_noding_agrees_with_a_plain_loop() -> None:
    rng = np.random.default_rng(7)
    for _ in range(50):
        count = rng.integers(0, 8, rng.integers(1, 12))
        nodes = rng.integers(1, 12, count.sum())
        xy = np.column_stack([nodes / 7.0, nodes % 5 / 3.0])
        xy[rng.random(len(nodes)) < 0.15] = np.nan
        lines = streets.Lines(np.arange(len(count)) + 100, count, nodes, xy)
        segments = streets.node_ways(lines)
        got = zip(segments.way, segments.from_node, segments.to_node, segments.count, strict=True)
        assert [tuple(int(part) for part in one) for one in got] == plain_noding(lines)
        assert not np.isnan(segments.xy).any()


def plain_noding(lines: streets.Lines) -> list[tuple[int, int, int, int]]:
    runs: list[tuple[int, list[int]]] = []
    start = 0
    for owner, count in enumerate(lines.count.tolist()):
        run: list[int] = []
        before = None
        for at in range(start, start + count):
            one, known = int(lines.node[at]), not math.isnan(lines.xy[at, 0])
            if one != before:
                if known:
                    run.append(one)
                else:
                    runs.append((owner, run))
                    run = []
            before = one
        runs.append((owner, run))
        start += count
    runs = [(owner, run) for owner, run in runs if len(run) > 1]
    visits = [one for _, run in runs for one in run]
    found = []
    for owner, run in runs:
        first = 0
        for at in range(1, len(run)):
            if at == len(run) - 1 or visits.count(run[at]) > 1:
                found.append((owner, run[first], run[at], at - first + 1))
                first = at
    return found


# --- coordinate system and box ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "epsg"), [((24.9, 60.2), 32635), ((7.4, 43.7), 32632), ((-58.4, -34.6), 32721), ((180, 1), 32660)]
)
def test_utm_zone(place: tuple[float, float], epsg: int) -> None:
    assert streets.utm_epsg(*place) == epsg


def test_the_named_system_is_used(tmp_path: Path) -> None:
    found = read(write(tmp_path, *CROSS), epsg=3067)
    assert {row.epsg for row in found.rows} == {3067}
    east, north = shapely.get_coordinates(found.tables["street"]["geometry"].iloc[0])[0]
    assert (east, north) == pytest.approx((500_000, 6_651_411), abs=1)


@pytest.mark.parametrize(
    ("epsg", "word"),
    [(4326, "not projected"), (3857, "not made for this place"), (99999, "not a known"), (2263, "in metres")],
)
def test_an_unfit_system_is_refused(tmp_path: Path, epsg: int, word: str) -> None:
    error = read(write(tmp_path, *CROSS), epsg=epsg).error
    assert word in error.message
    assert "32635" in error.hint


def test_box_cuts_streets_and_keeps_buildings_with_their_centre(tmp_path: Path) -> None:
    houses = rectangle(30, 0.1, 0.1, 0.2, 0.2) + rectangle(40, 1.8, 0.1, 2.4, 0.2) + rectangle(50, 5, 5, 6, 6)
    parts = (CROSS[0] + houses, *CROSS[1:], *(ring(60 + at, 30 + 10 * at, building="yes") for at in range(3)))
    found = read(write(tmp_path, *parts), bbox=(26.9999, 59.9999, 27.0015, 60.0005))
    assert ends(found.tables["street"]) == [("10-0", 1, 2)]
    assert found.tables["building"]["building"].tolist() == ["w60"]
    assert found.tables["building_demand"]["building"].tolist() == ["w60"]
    assert read(write(tmp_path, *parts), bbox=(10, 10, 11, 11)).error.code == "empty"


@pytest.mark.parametrize("bbox", [(25, 60, 24, 61), (24, 61, 25, 60), (24, 60, 25, 95), (math.nan, 60, 25, 61)])
def test_a_box_that_is_none_is_refused(tmp_path: Path, bbox: tuple[float, float, float, float]) -> None:
    assert read(write(tmp_path, *CROSS), bbox=bbox).error.column == "bbox"


# --- buildings --------------------------------------------------------------------------------------------------------


def test_a_multipolygon_with_a_hole(tmp_path: Path) -> None:
    parts = rectangle(1, 0, 0, 3, 2) + rectangle(11, 1, 0.5, 2, 1.5)
    outer, inner = ring(100, 1), ring(101, 11)
    house = multipolygon(200, 100, 101, building="apartments", building__levels="4", name="Court")
    found = read(write(tmp_path, parts, outer, inner, house))
    (building,) = found.tables["building"].to_dict("records")
    area = (3 * 2 - 1) * EAST_M * NORTH_M
    assert building["building"] == "r200"
    assert building["footprint_m2"] == pytest.approx(area, rel=1e-4)  # meridians converge to the north
    assert building["floor_area_m2"] == pytest.approx(4 * area, rel=1e-4)
    assert building["geometry"].geom_type == "Polygon"
    assert len(building["geometry"].interiors) == 1
    (demand,) = found.tables["building_demand"].to_dict("records")
    assert demand["space_heat_mwh"] == pytest.approx(4 * area * 105 / 1000, rel=1e-4)
    assert demand["hot_water_mwh"] == pytest.approx(4 * area * 30 / 1000, rel=1e-4)
    assert demand["peak_mw"] == pytest.approx(4 * area * 135 / 1000 / 2300, rel=1e-4)
    assert "street" not in found.tables
    assert found.problems == []


def test_what_the_tags_of_a_building_say(tmp_path: Path) -> None:
    given = {"addr:street": "Kauppakatu", "addr:housenumber": "12 A", "name": "Talo\u0007 1", "height": "12 m"}
    path = tmp_path / "map.osm.pbf"
    with osmium.SimpleWriter(str(path)) as writer:
        for at, (east, north) in enumerate([(0, 0), (1e-3, 0), (1e-3, 1e-3), (0, 1e-3)]):
            writer.add_node(osmium.osm.mutable.Node(id=at + 1, location=(27 + east, 60 + north)))
        more = {"building": "yes", "office": "company", "start_date": "~1936-05"}
        writer.add_way(osmium.osm.mutable.Way(id=9, nodes=[1, 2, 3, 4, 1], tags=given | more))
    (building,) = read(path, site="centre").tables["building"].to_dict("records")
    expected = {"building": "w9", "use": "office", "osm_tag": "yes", "title": "Talo  1", "address": "Kauppakatu 12 A"}
    assert {name: building[name] for name in expected} == expected
    assert (building["height_m"], building["construction_year"], building["site"]) == (12, 1936, "centre")
    assert building["floor_area_m2"] == pytest.approx(building["footprint_m2"] * 12 / 3.2)
    assert math.isnan(building["levels"])


def test_a_part_of_a_building_counts_once(tmp_path: Path) -> None:
    parts = (
        rectangle(1, 0, 0, 3, 2) + rectangle(11, 1, 0.5, 2, 1.5) + rectangle(21, 0, 0, 1, 1) + rectangle(31, 5, 5, 6, 6)
    )
    whole = ring(100, 1, building="church") + ring(101, 1, building="yes")
    tower = ring(102, 11, building="tower", building__part="yes") + ring(103, 21, building__part="yes")
    found = read(write(tmp_path, parts, whole, tower, ring(104, 31, building="no")))
    building = found.tables["building"].set_index("building")
    assert building.index.tolist() == ["w100", "w101", "w102"]
    assert (building["floor_area_m2"] > 0).tolist() == [True, False, False]
    assert found.codes == ["overlap"]
    assert found.tables["building_demand"]["peak_mw"].tolist()[1:] == [0, 0]


def test_an_outline_that_crosses_itself_is_repaired(tmp_path: Path) -> None:
    parts = rectangle(1, 0, 0, 2, 2) + rectangle(11, 5, 5, 6, 6)
    found = read(write(tmp_path, parts, way(100, 1, 3, 2, 4, 1, building="house"), ring(101, 11, building="shed")))
    building = found.tables["building"].set_index("building")
    assert building.loc["w100", "geometry"].is_valid
    assert building.loc["w100", "footprint_m2"] == pytest.approx(2 * EAST_M * NORTH_M, rel=1e-4)  # two triangles
    assert building.loc["w100", "use"] == "residential_single"
    assert found.codes == ["repaired"]


def test_buildings_without_an_outline_are_named(tmp_path: Path) -> None:
    parts = rectangle(1, 0, 0, 2, 2)
    lost = (
        way(100, 1, 2, 99, 1, building="yes"),
        way(101, 1, 2, 3, building="yes"),
        multipolygon(200, 88, 89, building="a"),
    )
    found = read(write(tmp_path, parts, *lost, ring(102, 1, building="yes")))
    assert found.tables["building"]["building"].tolist() == ["w102"]
    assert found.codes == ["clipped"]
    assert "3 buildings (w100, w101, r200) left out" in found.problems[0].message


def test_figures_that_cannot_be_meant_are_not_believed(tmp_path: Path) -> None:
    parts = rectangle(1, 0, 0, 1, 1) + rectangle(11, 5, 5, 6, 6)
    odd = ring(100, 1, building="office", building__levels="500") + ring(101, 11, building="office", height="-3 m")
    found = read(write(tmp_path, parts, odd))
    assert found.tables["building"][["levels", "height_m"]].isna().all().all()
    assert found.codes == ["implausible", "implausible"]
    assert "w100" in found.problems[0].message
    assert "w101" in found.problems[1].message


def test_every_column_is_one_of_its_table(tmp_path: Path) -> None:
    shop = node(6, 3, 3, shop="supermarket")
    house = rectangle(30, 0.1, 0.1, 0.2, 0.2)
    pipe = way(90, 1, 2, man_made="pipeline", substance="hot_water")
    found = read(write(tmp_path, CROSS[0] + shop + house, *CROSS[1:], ring(60, 30, building="yes"), pipe))
    assert set(found.tables) == {
        "street", "building", "specific_demand", "building_demand", "network_pipe", "heat_source",
    }  # fmt: skip
    for name, frame in found.tables.items():
        assert set(frame.columns) <= set(input_table(name).own()), name


# --- heat sources and pipes -------------------------------------------------------------------------------------------


def test_heat_sources_carry_a_capacity_and_its_rule(tmp_path: Path) -> None:
    points = (
        node(6, 1.5, 0.5, shop="supermarket", name="Twice"),
        node(7, 3, 3, railway="station", subway="yes", station="subway"),
        node(8, 3, 4, power="plant", plant__output__hot_water="120 MW"),
        node(9, 4, 4, power="generator", generator__source="solar", generator__output__hot_water="yes"),
        node(10, 4, 5, leisure="ice_rink", seasonal="yes"),
    )
    area = rectangle(30, 1, 0, 2, 1)
    shop = ring(60, 30, building="retail", shop="supermarket", name="Market")
    found = read(write(tmp_path, CROSS[0], *points, area, *CROSS[1:], shop))
    source = found.tables["heat_source"].set_index("heat_source")
    assert source["kind"].to_dict() == {"n7": "metro_station", "n8": "plant", "w60": "supermarket"}
    assert source.loc["w60", "capacity_mw"] == pytest.approx(0.08 * EAST_M * NORTH_M / 1000, rel=1e-4)
    assert source.loc["w60", "annual_mwh"] == pytest.approx(5000 * source.loc["w60", "capacity_mw"])
    assert "0.08 kW/m2" in source.loc["w60", "rule"]
    assert source.loc["n8", "capacity_mw"] == 120
    assert source.loc["n8", "rule"] == "OpenStreetMap plant:output:hot_water=120 MW"
    assert {shape.geom_type for shape in source["geometry"]} == {"Point"}
    assert found.tables["building"]["geometry"].iloc[0].contains(source.loc["w60", "geometry"])


def test_heating_pipes_are_cut_where_they_meet(tmp_path: Path) -> None:
    pipes = (
        way(90, 1, 2, 3, man_made="pipeline", substance="hot_water", diameter="600"),
        way(91, 4, 2, man_made="pipeline", utility="heating", diameter="DN 80", disused="yes"),
        way(92, 4, 5, man_made="pipeline", substance="gas"),
        way(93, 4, 5, man_made="pipeline", substance="steam", diameter="9000"),
    )
    found = read(write(tmp_path, CROSS[0], CROSS[1], *pipes))
    pipe = found.tables["network_pipe"]
    assert pipe["pipe"].tolist() == ["90-0", "90-1", "91-0", "93-0"]
    assert pipe["from_node"].tolist() == ["1", "2", "4", "4"]
    assert pipe["trench_m"].tolist() == pytest.approx([EAST_M, EAST_M, NORTH_M, 2 * NORTH_M], rel=1e-5)
    assert pipe["diameter_m"].tolist()[:3] == [0.6, 0.6, 0.08]
    assert pipe["existing"].tolist() == [True, True, False, True]
    assert math.isnan(pipe["diameter_m"].iloc[3])
    assert found.codes == ["implausible"]


@pytest.mark.parametrize(
    ("text", "metres"),
    [("600", 0.6), ("DN500", 0.5), ("250 mm", 0.25), ("0.5 m", 0.5), ('20"', 0.508), (None, math.nan)],
)
def test_diameters(text: str | None, metres: float) -> None:
    assert osm_scan._diameter(text) == pytest.approx(metres, nan_ok=True)


# --- files ------------------------------------------------------------------------------------------------------------


def test_all_formats_say_the_same(tmp_path: Path) -> None:
    text = xml(*CROSS).encode()
    (tmp_path / "a.gz").write_bytes(gzip.compress(text))
    (tmp_path / "b.bz2").write_bytes(bz2.compress(text))
    (tmp_path / "c.txt").write_bytes(b"\xef\xbb\xbf" + text)
    with osmium.SimpleWriter(str(tmp_path / "d.osm.pbf")) as writer:
        for thing in osmium.FileProcessor(str(write(tmp_path, *CROSS))):
            writer.add(thing)
    (tmp_path / "d.osm.pbf").rename(tmp_path / "d")
    expected = read(tmp_path / "map.osm").tables["street"]
    for name, form in (("a.gz", "osm.gz"), ("b.bz2", "osm.bz2"), ("c.txt", "osm"), ("d", "pbf")):
        assert file_format(tmp_path / name) == form
        assert read(tmp_path / name).tables["street"].equals(expected), name


def test_a_file_out_of_order_is_sorted(tmp_path: Path) -> None:
    expected = read(write(tmp_path, *CROSS)).tables["street"]
    for parts in ((CROSS[2], CROSS[1], CROSS[0]), (CROSS[0], CROSS[2], CROSS[1])):
        assert read(write(tmp_path, *parts)).tables["street"].equals(expected)


LAUGHS = '<!DOCTYPE osm [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;">]>'
OUTSIDE = '<!DOCTYPE osm [<!ENTITY a SYSTEM "file:///etc/hostname">]>'


@pytest.mark.parametrize(
    "doctype", [LAUGHS, OUTSIDE, f"<!-- <osm> -->\n{LAUGHS}", f"<?x <osm ?>{OUTSIDE}", '<!ENTITY a "b">']
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress])
def test_a_doctype_is_refused_unread(tmp_path: Path, doctype: str, pack: Any) -> None:
    path = tmp_path / "map.osm"
    path.write_bytes(pack(f'<?xml version="1.0"?>{doctype}<osm version="0.6"><node id="1" user="&c;"/></osm>'.encode()))
    error = read(path).error
    assert error.code == "unsafe"
    assert error.file == str(path)


def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(osm_files, "_CHUNK", 1024)
    for pack in (gzip.compress, bz2.compress):
        path = tmp_path / "bomb.osm"
        path.write_bytes(pack(xml(" " * 1_000_000).encode()))
        error = read(path).error
        assert error.code == "unsafe"
        assert "unpacks to more than" in error.message


BROKEN = {
    "empty": b"",
    "text": b"hello, this is no map",
    "workbook": b"PK\x03\x04" + bytes(100),
    "other xml": b"<?xml version='1.0'?><kml></kml>",
    "changes": xml(*CROSS).replace("osm version", "osmChange version").replace("</osm>", "</osmChange>").encode(),
    "utf-16": xml(*CROSS).encode("utf-16"),
    "truncated xml": xml(*CROSS).encode()[:-200],
    "truncated gz": gzip.compress(xml(*CROSS).encode())[:-20],
    "damaged gz": gzip.compress(xml(*CROSS).encode())[:60] + b"????" * 30,
    "truncated bz2": bz2.compress(xml(*CROSS).encode())[:-20],
    "no version": xml(*CROSS).replace(' version="0.6"', "").encode(),
    "bad id": xml(*CROSS).replace('id="2"', 'id="two"').encode(),
    "bad position": xml(*CROSS).replace('lat="60.0000000"', 'lat="north"').encode(),
    "endless tag": xml(*CROSS).replace("asphalt", "a" * 100_000).encode(),
    "pbf header only": b"\x00\x00\x00\x0d\x0a\x09OSMHeader\x18\x10",
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_file_is_named(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "map.osm.pbf"
    path.write_bytes(BROKEN[kind])
    error = read(path).error
    assert error.file == str(path)
    assert error.hint
    assert error.code in {"broken", "format"}


def test_a_truncated_pbf_is_broken(tmp_path: Path) -> None:
    path = tmp_path / "map.osm.pbf"
    with osmium.SimpleWriter(str(path)) as writer:
        for at in range(1, 20_000):
            writer.add_node(osmium.osm.mutable.Node(id=at, location=(27 + at / 1e5, 60)))
    whole = path.read_bytes()
    for end in (50, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:end])
        assert read(path).error.code == "broken"
    damaged = bytearray(whole)
    damaged[len(whole) // 2] ^= 255
    path.write_bytes(damaged)
    assert read(path).error.code == "broken"


def test_all_broken_files_are_reported_together(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.osm").write_text("no")
    found = read(write(tmp_path, *CROSS), tmp_path / "bad.osm", tmp_path / "empty", bbox=(3, 2, 1, 0))
    assert found.tables == {}
    assert found.codes == ["format", "bbox", "format"]


def test_an_extract_without_streets_and_buildings_says_so(tmp_path: Path) -> None:
    error = read(write(tmp_path, node(1, 0, 0, shop="supermarket"))).error
    assert error.code == "empty"


def test_a_map_again_leaves_what_another_file_had_completed(db: Database, tmp_path: Path) -> None:
    path = write(tmp_path, rectangle(1, 0, 0, 1, 1), ring(9, 1, building="house", height="6"))
    run_import(db, "osm", path, scenario="base")
    ages = table("building", tmp_path / "ages", ("building", "refurbishment"), ("w9", "usual"), partial=True)
    bring(db, tmp_path / "ages", ages)
    assert run_import(db, "osm", path, scenario="base").revision is None
    write(tmp_path, rectangle(1, 0, 0, 1, 1), ring(9, 1, building="house", height="9"))
    run_import(db, "osm", path, scenario="base")
    assert effective(db, "building", ("building", "height_m", "refurbishment")) == [("w9", 9.0, "usual")]


def test_attribution_and_progress(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    read(write(tmp_path, *CROSS), progress=lambda done, total, _: seen.append((done, total)))
    assert seen == [(0, 2), (1, 2)]
    assert OsmImporter.attribution == (
        "© OpenStreetMap contributors, ODbL 1.0, https://www.openstreetmap.org/copyright"
    )
