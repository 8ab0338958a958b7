"""Counts on real extracts, as pyosmium, pyrosm and DuckDB give them."""

from __future__ import annotations

import functools
import itertools
from typing import TYPE_CHECKING

import numpy as np
import osmium
import pytest
import shapely
from pyproj import Transformer

from dhsdb.importers.osm import OsmImporter
from dhsdb.importers.rows import Request, Rows

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from dhsdb.errors import Problem

pytestmark = pytest.mark.reference

Found = tuple["dict[str, pd.DataFrame]", "list[Problem]"]


def read(path: Path, bbox: tuple[float, float, float, float] | None = None) -> Found:
    tables, problems = {}, []
    for item in OsmImporter().read(Request((path,), "base", bbox=bbox)):
        if isinstance(item, Rows):
            tables[item.table] = item.frame
        else:
            problems.append(item)
    return tables, problems


@pytest.fixture(scope="module")
def monaco(reference_data: Path) -> Found:
    return read(reference_data / "osm" / "monaco.osm.pbf")


@pytest.fixture(scope="module")
def helsinki(reference_data: Path) -> Found:
    return read(reference_data / "osm" / "helsinki.osm.pbf")


def test_monaco_buildings(monaco: Found) -> None:
    building = monaco[0]["building"]
    assert len(building) == 1283
    assert building["building"].str.startswith("r").sum() == 27  # 30 relations, of which 3 are no polygons
    assert building["building"].is_unique
    assert building["levels"].notna().sum() == 462
    assert building["address"].notna().sum() == 153
    assert shapely.is_valid(building["geometry"]).all()


def test_monaco_streets(monaco: Found) -> None:
    street = monaco[0]["street"]
    assert street["osm_way"].nunique() == 2852
    assert street["street"].is_unique
    by_way = street.drop_duplicates("osm_way")["highway"].value_counts()
    classes = ["footway", "steps", "service", "residential", "secondary", "tertiary", "primary"]
    assert by_way[classes].tolist() == [1360, 346, 335, 261, 168, 116, 116]


def test_monaco_demand_is_of_the_size_of_the_town(monaco: Found) -> None:
    demand = monaco[0]["building_demand"]
    gwh = (demand["space_heat_mwh"] + demand["hot_water_mwh"]).sum() / 1000
    assert 350 < gwh < 600  # 449 GWh at 100 to 120 kWh/m2 of another estimate of the floor area
    assert demand["peak_mw"].notna().all()
    assert len(demand) == 1283


def test_segments_meet_only_at_their_ends(monaco: Found) -> None:
    """The graph that pyosmium's ways give, node by node, has the same ends and the same length."""
    street = monaco[0]["street"]
    ends = set(street["from_node"]) | set(street["to_node"])
    assert street["length_m"].sum() == pytest.approx(136_273.5, rel=1e-4)
    points = shapely.get_coordinates(street["geometry"])
    assert len(points) == 16_266 + len(street) - 2852  # each cut repeats a point
    assert len(ends) < len(street) < len(points)


def test_helsinki_is_clipped(helsinki: Found) -> None:
    tables, problems = helsinki
    assert len(tables["building"]) == 446
    assert tables["street"]["osm_way"].nunique() == 2577  # as many as DuckDB's ST_ReadOSM gives lines
    clipped = [problem.message for problem in problems if problem.code == "clipped"]
    assert "191 streets miss nodes: 118 were kept in part, 73 left out." in clipped
    assert any("54 buildings" in message for message in clipped)


def test_helsinki_relations_ring_by_ring(reference_data: Path, helsinki: Found) -> None:
    """Every relation that has all its ways is a building: as large as what an odd number of its rings covers."""
    rings, whole, relations = {}, {}, {}
    to_metres = Transformer.from_crs(4326, 32635, always_xy=True).transform
    for thing in osmium.FileProcessor(str(reference_data / "osm" / "helsinki.osm.pbf")).with_locations():
        if thing.is_way():
            points = [(node.lon, node.lat) for node in thing.nodes if node.location.valid()]
            whole[thing.id] = len(points) == len(thing.nodes)
            rings[thing.id] = points
        elif thing.is_relation() and "building" in thing.tags:
            relations[f"r{thing.id}"] = [(way.role == "inner", way.ref) for way in thing.members if way.type == "w"]
    assert len(relations) == 67
    expected = {}
    for key, ways in relations.items():
        if all(whole.get(way) for _, way in ways):
            lines = [
                shapely.MultiLineString([rings[way] for inner, way in ways if inner == role]) for role in (False, True)
            ]
            closed = [shapely.Polygon(line.coords) for line in shapely.get_parts(shapely.line_merge(lines))]
            odd = functools.reduce(shapely.symmetric_difference, closed)
            expected[key] = shapely.area(shapely.transform(odd, lambda xy: np.column_stack(to_metres(*xy.T))))
    building = helsinki[0]["building"].set_index("building")["footprint_m2"]
    ours = building[building.index.str.startswith("r")]
    assert len(expected) == 61
    assert ours.to_dict() == pytest.approx(expected, rel=1e-9)


def test_helsinki_sources_and_pipes(helsinki: Found) -> None:
    tables = helsinki[0]
    kinds = tables["heat_source"].set_index("title")["kind"]
    assert kinds["Rautatientori"] == "metro_station"
    assert kinds["S-Market Kasarmitori"] == "supermarket"
    assert tables["network_pipe"]["trench_m"].sum() == pytest.approx(177.1, abs=0.1)


def test_helsinki_ways_by_a_plain_loop(reference_data: Path, helsinki: Found) -> None:
    """Every way keeps exactly its runs of known nodes, counted one node at a time."""
    expected = {}
    processor = osmium.FileProcessor(str(reference_data / "osm" / "helsinki.osm.pbf")).with_locations()
    for way in processor.with_filter(osmium.filter.KeyFilter("highway")):
        if not way.is_way():
            continue
        known = [node.location.valid() for node in way.nodes]
        pairs = sum(one and other for one, other in itertools.pairwise(known))
        if pairs:
            expected[way.id] = pairs
    street = helsinki[0]["street"]
    pairs = shapely.get_num_points(street["geometry"].to_numpy()) - 1
    assert street.assign(pairs=pairs).groupby("osm_way")["pairs"].sum().to_dict() == expected


def test_a_box_cuts_monaco(reference_data: Path, monaco: Found) -> None:
    tables, _ = read(reference_data / "osm" / "monaco.osm.pbf", (7.418, 43.730, 7.422, 43.734))
    whole = monaco[0]
    assert 0 < len(tables["building"]) < len(whole["building"])
    assert set(tables["building"]["building"]) < set(whole["building"]["building"])
    assert 0 < tables["street"]["length_m"].sum() < whole["street"]["length_m"].sum() / 4
