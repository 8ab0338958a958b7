"""Folders of topotherm and DHNx: what they become, what is refused, planes without a place on earth, and spoilt configurations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import shapely

from dhsdb.errors import ProblemsError, UserError
from dhsdb.importers.pipeline import run_import
from dhsdb.importers.topotherm_config import read_config
from dhsdb.shapes import geo_frame
from dhsdb.workbook import export_excel
from tests.importers import fuzz
from tests.importers.books import book, count, effective

if TYPE_CHECKING:
    from pathlib import Path

    from dhsdb.database import Database

CONFIG = """
temperatures:
  ambient: 8
  supply: 80  # design
  return_: 50
piping:
  diameters:
    - dn: 25
      inner: 0.03
      outer: 0.034
      jacket: 0.09
      cost: 700
    - dn: 50
      inner: 0.05
      cost: 900
solver:
  mip_gap: 1e-3
economics:
  source_c_inv: [500]
  source_c_irr: [0.05]
  source_lifetime: [20.]
  source_price: [[80e-3]]
  heat_price: 120e-3
  pipes_c_irr: 0.04
  pipes_lifetime: 40
"""
FILES = {
    "nodes.csv": "node,x,y,type\n0,0,0,producer\n1,30,0,junction\n2,30,40,consumer\n3,60,0,consumer\n",
    "edges.csv": "edge,from_node,to_node,length_m\n0,0,1,30\n1,1,2,40\n2,1,3,30\n",
    "consumers.csv": "consumer,node,q_kw_t0,flh_h_t0\n0,2,20,2000\n1,3,10,1500\n",
    "producers.csv": "producer,node,flh_h_t0\n0,0,4380\n",
    "regression.csv": "id,heat_loss_a,heat_loss_b,capacity_a,capacity_b,power_flow_max_kW,power_flow_max_partload\n0,1e-7,0.02,0.01,500,1000,1.\n",
    "config.yaml": CONFIG,
}
TWN = {
    "forks.csv": "id,lat,lon\n0,0,10\n",
    "consumers.csv": "id,lat,lon,P_heat_max\n0,0,30,15\n1,20,10,18\n",
    "producers.csv": "id,lat,lon,active\n0,0,0,1\n",
    "pipes.csv": "id,from_node,to_node,length\n0,producers-0,forks-0,10\n1,forks-0,consumers-0,20\n2,forks-0,consumers-1,20\n",
}
INVEST = {
    "network/pipes.csv": "label_3,active,nonconvex,l_factor,l_factor_fix,cap_max,cap_min,capex_pipes,fix_costs\na,1,1,0.001,0.02,500,10,2,300\nb,1,0,0,0,100,0,1,0\n",
    "consumers/demand.csv": "label_2,active,nominal_value\nheat,1,1\n",
    "consumers/bus.csv": "label_2,active,excess,shortage,shortage costs,excess costs\nheat,1,0,0,999,99\n",
    "producers/bus.csv": "label_2,active,excess,shortage,shortage costs,excess costs\nheat,1,0,0,999,99\n",
    "producers/source.csv": "label_2,active,variable_costs\nheat,1,0.05\n",
}


def written(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def topotherm(tmp_path: Path, **changed: str | None) -> Path:
    """Write an instance with some files changed (``nodes``, ``config`` ...) or left out."""
    ends = {"config": "config.yaml"}
    files = FILES | {ends.get(n, f"{n}.csv"): text for n, text in changed.items()}
    return written(tmp_path / "instance", {n: t for n, t in files.items() if t is not None})


def dhnx(tmp_path: Path, twn: dict[str, str] | None = None, invest: dict[str, str] | None = None) -> Path:
    folder = tmp_path / "dhnx"
    written(folder / "twn_data", TWN | (twn or {}))
    written(folder / "invest_data", INVEST | (invest or {}))
    return folder


def problems(db: Database, folder: Path, **options: Any) -> str:
    with pytest.raises(ProblemsError) as caught:
        run_import(db, "topotherm", folder, scenario="base", **options)
    assert count(db, "SELECT count(*) FROM scenarios") == 0
    return "\n".join(str(p) for p in caught.value.problems)


def codes(report: Any) -> dict[str, str]:
    return {f.code: f.severity for f in report.findings}


# --- topotherm -------------------------------------------------------------------------------------------------------
def test_an_instance_becomes_streets_buildings_plants_and_a_linear_pipe_type(db: Database, tmp_path: Path) -> None:
    report = run_import(db, "auto", topotherm(tmp_path), scenario="base", site="town", year=2030)
    assert report.format == "topotherm"
    assert effective(db, "street", ("street", "from_node", "to_node", "length_m")) == [
        ("0", 0, 1, 30),
        ("1", 1, 2, 40),
        ("2", 1, 3, 30),
    ]
    assert effective(db, "building", ("building", "site", "node")) == [
        ("consumer 0", "town", 2),
        ("consumer 1", "town", 3),
    ]
    assert effective(db, "building_demand", ("building", "year", "peak_mw", "space_heat_mwh")) == [
        ("consumer 0", 2030, 0.02, 40), ("consumer 1", 2030, 0.01, 15),
    ]  # fmt: skip
    assert effective(db, "plant_site", ("plant", "site", "node")) == [("producer 0", "town", 0)]
    assert effective(db, "process", ("process", "capital", "wacc", "life", "annual_avail")) == [
        ("producer 0", 500_000, 0.05, 20, 0.5)
    ]
    assert effective(db, "process_mode", ("process", "mode", "variable")) == [("producer 0", "1", 80)]
    assert effective(db, "process_flow", ("process", "commodity", "direction", "ratio")) == [
        ("producer 0", "heat", "out", 1)
    ]
    assert effective(db, "commodity", ("commodity", "sold", "sale_price")) == [("heat", False, 120)]
    assert effective(db, "network_temperature", ("site", "supply_c", "return_c", "ground_c")) == [("town", 80, 50, 8)]
    columns = (
        "pipe_type",
        "diameter_m",
        "cost_per_m",
        "cost_per_kw_m",
        "loss_w_m",
        "loss_per_m",
        "max_kw",
        "wacc",
        "life",
    )
    assert effective(db, "pipe_type", columns) == [
        ("DN25", 0.03, 700, None, None, None, None, None, None),
        ("DN50", 0.05, 900, None, None, None, None, None, None),
        ("regression", None, 500, 0.01, 20, 1e-7, 1000, 0.04, 40),
    ]


def test_several_time_steps_give_the_highest_load_and_all_heat(db: Database, tmp_path: Path) -> None:
    consumers = "consumer,node,q_kw_t0,q_kw_t1,flh_h_t0,flh_h_t1\n0,2,20,5,100,1000\n1,3,10,30,100,1000\n"
    run_import(db, "topotherm", topotherm(tmp_path, consumers=consumers), scenario="base")
    assert effective(db, "building_demand", ("peak_mw", "space_heat_mwh")) == [(0.02, 7), (0.03, 31)]


def test_power_that_pipes_can_t_carry_is_read_as_watts_unless_the_unit_is_said(db: Database, tmp_path: Path) -> None:
    consumers = "consumer,node,q_kw_t0,flh_h_t0\n0,2,20000,2000\n1,3,10000,1500\n"
    folder = topotherm(tmp_path, consumers=consumers)
    report = run_import(db, "topotherm", folder, scenario="base")
    assert codes(report)["power-unit"] == "warning"
    assert effective(db, "building_demand", ("peak_mw", "space_heat_mwh")) == [(0.01, 15), (0.02, 40)]
    report = run_import(db, "topotherm", folder, scenario="base", options={"power_unit": "kW"})
    assert "power-unit" not in codes(report)
    assert effective(db, "building_demand", ("peak_mw", "space_heat_mwh")) == [(10, 15_000), (20, 40_000)]
    with pytest.raises(ProblemsError, match="'MW' is no unit of power here"):
        run_import(db, "topotherm", folder, scenario="base", options={"power_unit": "MW"})


def test_without_regression_and_configuration_what_is_assumed_is_said(db: Database, tmp_path: Path) -> None:
    report = run_import(db, "topotherm", topotherm(tmp_path, regression=None, config=None), scenario="base")
    assert codes(report)["regression-assumed"] == "warning"
    assert codes(report)["no-config"] == "warning"
    assert effective(db, "pipe_type", ("cost_per_m", "loss_w_m", "wacc")) == [(567.335, pytest.approx(21.89), None)]


def test_words_in_place_of_coordinates_are_said_and_not_kept(db: Database, tmp_path: Path) -> None:
    nodes = "node,x,y,type\n0,Source,5,producer\n1,Road,7,junction\n2,House,9,consumer\n3,House,9,consumer\n"
    report = run_import(db, "topotherm", topotherm(tmp_path, nodes=nodes), scenario="base")
    assert codes(report)["no-place"] == "warning"
    assert effective(db, "building", ("building", "node", "geometry")) == [
        ("consumer 0", 2, None),
        ("consumer 1", 3, None),
    ]


REFUSED = [
    ({"edges": "edge,from_node,to_node,length_m\n0,0,1,30\n1,1,2,40\n2,1,9,30\n"}, "edges.csv, row 4, column to_node: there is no node 9"),
    ({"edges": "edge,from_node,to_node,length_m\n0,0,1,30\n1,1,2,40\n2,1,1,30\n"}, "from node 1 to itself"),
    ({"edges": "edge,from_node,to_node,length_m\n0,0,1,30\n1,1,2,40\n"}, "1 consumers have no edge, the first at node 3"),
    ({"edges": "edge,from_node,to_node,length_m\n0,0,1,0\n1,1,2,40\n2,1,3,30\n"}, "the length is 0"),
    ({"edges": "edge,from_node,to_node,length_m\n0,0,1,-3\n1,1,2,40\n2,1,3,30\n"}, "'-3' is negative"),
    ({"edges": "edge,from_node,to_node,length_m\n0,0,1,inf\n1,1,2,40\n2,1,3,30\n"}, "'inf' is not a finite number"),
    ({"edges": "edge,from_node,to_node,length_m\n0,0,1,1e308\n1,1,2,40\n2,1,3,30\n"}, "'1e308' is too large"),
    ({"nodes": "node,x,y,type\n0,0,0,producer\n1,30,0,junction\n2,30,1e308,consumer\n3,60,0,consumer\n"}, "'1e308' is too large"),
    ({"edges": "edge,from_node,to_node,length_m\n0,0,1,30\n0,1,2,40\n2,1,3,30\n"}, "edge 0 is there twice, first in row 2"),
    ({"edges": "edge,from_node,to_node,length_m\n0,0,1,3_0\n1,1,2,40\n2,1,3,30\n"}, "'3_0' is not a number"),
    ({"edges": "edge\tfrom_node\tto_node\tlength_m\n0\t0\t1\t30\n"}, "Separate the columns by commas"),
    ({"edges": "edge;from_node;to_node;length_m\n0;0;1;30\n"}, "Separate the columns by commas"),
    ({"edges": "edge,from_node,to_nod,length_m\n0,0,1,30\n"}, "the column to_node is missing. Did you mean 'to_nod'?"),
    ({"edges": None}, "edges.csv is missing"),
    ({"nodes": "node,x,y,type\n0,0,0,producer\n1,30,0,junction\n2,30,40,consumer\n3,60,0,house\n"}, "'house' is no type of node"),
    ({"nodes": "node,x,y,type\n0,0,0,producer\n1,30,0,junction\n2,30,40,consumer\n3,60,0\n"}, "the row has 3 of 4 cells"),
    ({"consumers": "consumer,node,q_kw_t0,flh_h_t0\n0,1,20,2000\n1,3,10,1500\n"}, "node 1 is a junction in nodes.csv, not a consumer"),
    ({"consumers": "consumer,node,q_kw_t0,flh_h_t0\n0,3,20,2000\n1,3,10,1500\n"}, "node 3 is there twice"),
    ({"consumers": "consumer,node,q_kw_t0\n0,2,20\n1,3,10\n"}, "columns q_kw_t0 and flh_h_t0 are needed"),
    ({"consumers": "consumer,node,q_kw_t0,flh_h_t0\n0,2,20,20000\n1,3,10,1500\n"}, "the full-load hours are 20000"),
    ({"consumers": 'consumer,node,q_kw_t0,flh_h_t0\n0,2,"20,5",2000\n1,3,10,1500\n'}, "'20,5' is not a number. Decimals have a point"),
    ({"producers": "producer,node,flh_h_t0\n"}, "there are no consumers or no producers"),
    ({"regression": FILES["regression.csv"].replace("1.\n", "0.5\n")}, "part load other than 1 is not covered"),
    ({"regression": FILES["regression.csv"] * 2}, "is not a number"),
    ({"config": CONFIG.replace("[500]", "[]")}, "source_c_inv has 0 entries for 1 producers"),
    ({"config": CONFIG.replace("[500]", "[lots]")}, "'lots' is no number of 0 or more"),
    ({"config": CONFIG.replace("heat_price", "heat_prices")}, "'heat_prices' is no figure of economics. Did you mean 'heat_price'?"),
    ({"config": CONFIG.replace("economics", "economy")}, "'economy' is no part of topotherm's configuration"),
    ({"config": CONFIG.replace("supply: 80", "supply: hot")}, "config.yaml, row 4, column supply: 'hot' is no number"),
    ({"config": CONFIG.replace("cost: 900", "price: 900")}, "a diameter needs dn, inner and cost"),
]  # fmt: skip


@pytest.mark.parametrize("way", ["quoted", "old line ends", "a byte-order mark", "blanks"])
def test_a_table_says_the_same_however_it_is_written(db: Database, tmp_path: Path, way: str) -> None:
    folder = topotherm(tmp_path)
    run_import(db, "topotherm", [folder], scenario="base")
    for path in folder.glob("*.csv"):
        lines = path.read_text().splitlines()
        if way == "quoted":
            lines = [",".join(f'"{cell}"' for cell in line.split(",")) for line in lines]
        elif way == "blanks":
            lines = [" , ".join(line.split(",")) for line in lines]
        text = ("\r" if way == "old line ends" else "\n").join(lines)
        path.write_bytes(text.encode("utf-8-sig" if way == "a byte-order mark" else "utf-8"))
    assert not run_import(db, "topotherm", [folder], scenario="base").changed


@pytest.mark.parametrize(("changed", "said"), REFUSED, ids=[said for _, said in REFUSED])
def test_refused(db: Database, tmp_path: Path, changed: dict[str, str | None], said: str) -> None:
    assert said in problems(db, topotherm(tmp_path, **changed))


def test_a_file_is_no_folder_and_two_folders_are_no_graph(db: Database, tmp_path: Path) -> None:
    folder = topotherm(tmp_path)
    assert "name one folder" in problems(db, folder / "nodes.csv")
    with pytest.raises(UserError, match="name one folder"):
        run_import(db, "topotherm", [folder, folder], scenario="base")


def test_surplus_entries_and_other_files_are_named_as_ignored(db: Database, tmp_path: Path) -> None:
    folder = topotherm(tmp_path, config=CONFIG.replace("[[80e-3]]", "[[80e-3, 70e-3], [1]]"))
    (folder / "config_mts.yaml").write_text(CONFIG, encoding="utf-8")
    said = " ".join(str(f) for f in run_import(db, "topotherm", folder, scenario="base").findings)
    assert "source_price has 2 entries for 1 producers; the first 1 are read" in said
    assert "other values for further time steps (0.07)" in said
    assert "config_mts.yaml: ignored: the file is not read. Read it with -o config=config_mts.yaml" in said


# --- documents --------------------------------------------------------------------------------------------------------
DOCUMENT = """{"source": "town.osm.pbf", "root": 0,
 "nodes": [{"id": 0, "lon": 7.42, "lat": 43.73}, {"id": 1, "lon": 7.421, "lat": 43.73}],
 "edges": [{"u": 0, "v": 1, "length_m": 80.5}],
 "buildings": [{"id": 9, "node": 1, "heat_mwh_a": 18, "peak_kw": 10, "service_m": 5},
  {"id": 10, "node": 1, "heat_mwh_a": 9, "peak_kw": 5, "service_m": 0}]}
"""


def test_a_document_becomes_streets_with_service_pipes_buildings_and_a_plant(db: Database, tmp_path: Path) -> None:
    file = tmp_path / "town.json"
    file.write_text(DOCUMENT, encoding="utf-8")
    report = run_import(db, "auto", file, scenario="town")
    assert report.format == "topotherm"
    assert "ODbL" in report.attribution
    streets = db.sql("SELECT street, from_node, to_node, length_m FROM input.street ORDER BY street").to_pylist()
    assert [tuple(r.values()) for r in streets] == [("0", 0, 1, 80.5), ("service 9", 1, 2, 5)]
    buildings = db.sql(
        "SELECT building, node, peak_mw FROM input.building JOIN input.building_demand USING (building) ORDER BY node"
    )
    assert [tuple(r.values()) for r in buildings.to_pylist()] == [("10", 1, 0.005), ("9", 2, 0.01)]
    assert db.sql("SELECT pipe_type, cost_per_m FROM input.pipe_type").to_pylist() == [
        {"pipe_type": "regression", "cost_per_m": 567.335}
    ]
    assert "regression-assumed" in {f.code for f in report.findings}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"root": 0,', "", "'root' is missing"), ('"root": 0', '"root": 7', "the root is no node"), ('"nodes": [', '"knots": [', "'nodes' is missing"),
        ('"edges": [', '"edges": 5, "more": [', "'more' is not known"), ('"u": 0', '"u": 5', "sheet edges, row 1, column from_node: there is no node 5"),
        ("80.5", "-1", "sheet edges, row 1, column length_m: is negative"), ("80.5", "NaN", "is not a finite number"), ("80.5", '"far"', "is no number"),
        ('"id": 10,', '"id": 9,', "sheet buildings, row 2, column id: 9 is there twice"), ('"node": 1, "heat_mwh_a": 9', '"node": 4, "heat_mwh_a": 9', "there is no node 4"),
        ("43.73}]", "143.73}]", "the node is not on the globe"), ('"peak_kw": 10', '"peak_mw": 10', "'peak_mw' is not known. Did you mean 'peak_kw'?"),
        ("]}\n", "]", "the file is no JSON"), ("7.42,", "[" * 100_000, "no JSON"), ("80.5", "1" * 5000, "no JSON that can be read"), ('"id": 1,', '"id": 1.5,', "is not a whole number"),
    ],
)  # fmt: skip
def test_a_document_that_is_wrong_is_refused_with_the_place(
    db: Database, tmp_path: Path, old: str, new: str, said: str
) -> None:
    file = tmp_path / "town.json"
    assert old in DOCUMENT
    file.write_text(DOCUMENT.replace(old, new, 1), encoding="utf-8")
    assert said in problems(db, file)


# --- the configuration -----------------------------------------------------------------------------------------------
def test_the_small_part_of_yaml_is_read(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG + "  source_max_power: [[1, 2], [.5, 1e3]]\n", encoding="utf-8")
    config = read_config(path)
    assert not [n for n in config.notes if n.severity == "error"]
    assert config.parts["economics"]["source_max_power"] == [[1.0, 2.0], [0.5, 1000.0]]
    assert config.parts["piping"]["diameters"][1] == {"dn": 50.0, "inner": 0.05, "cost": 900.0}
    assert config.lines["temperatures", "supply"] == 4


@pytest.mark.parametrize(
    "text",
    [
        "a: &x [1]\nb: *x\n", "a: !!python/object/apply:os.system ['ls']\n", "- 1\n- 2\n", "a:\n  b: 1\n c: 2\n", "a: [1, 2\n", "a: {b: 1}\n",
        "\ta: 1\n", "a: 1\na: 2\n", "a: |\n  text\n", "---\na: 1\n", "just words\n", "a: " + "[" * 5000 + "]" * 5000, "\x00", "a:\n" + "".join(f"{' ' * i}b{i}:\n" for i in range(1, 400)),
        "a: [1] 2\n", "- - - 1\n",
    ],
)  # fmt: skip
def test_what_is_more_than_that_is_refused_with_its_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text, encoding="utf-8")
    assert [n for n in read_config(path).notes if n.severity == "error"]


def test_spoilt_configurations_are_read_or_reported(db: Database, tmp_path: Path) -> None:
    folder = topotherm(tmp_path)
    whole = tmp_path / "whole.yaml"
    whole.write_text(CONFIG, encoding="utf-8")
    for name in (
        *fuzz.spoilt_bytes(whole, folder / "config.yaml", 18, 2),
        *fuzz.spoilt_lines(whole, folder / "config.yaml", 24, 3),
    ):
        error = fuzz.meets(lambda: run_import(db, "topotherm", folder, scenario="base"))
        assert error is None or "instance" in str(error), name


# --- DHNx ------------------------------------------------------------------------------------------------------------
def test_a_folder_of_dhnx_becomes_the_same_tables(db: Database, tmp_path: Path) -> None:
    report = run_import(db, "auto", dhnx(tmp_path), scenario="base")
    assert report.format == "topotherm"
    assert effective(db, "street", ("street", "from_node", "to_node", "length_m")) == [
        ("0", 2_000_000, 0, 10), ("1", 0, 1_000_000, 20), ("2", 0, 1_000_001, 20),
    ]  # fmt: skip
    assert effective(db, "building_demand", ("building", "peak_mw")) == [("consumers-0", 0.015), ("consumers-1", 0.018)]
    assert effective(db, "process_mode", ("process", "variable")) == [("producers-0", 50)]
    assert effective(db, "pipe_type", ("pipe_type", "cost_per_m", "cost_per_kw_m", "loss_w_m", "loss_per_m", "min_kw", "max_kw")) == [
        ("a", 300, 2, 20, 0.001, 10, 500), ("b", 0, 1, 0, 0, None, 100),
    ]  # fmt: skip
    assert codes(report)["local-plane"] == "info"


def test_lat_and_lon_are_degrees_where_lengths_are_no_plane(db: Database, tmp_path: Path) -> None:
    places = {
        "forks.csv": "id,lat,lon\n0,51.34,12.38\n",
        "consumers.csv": "id,lat,lon,P_heat_max\n0,51.3418,12.38,15\n1,51.3382,12.38,18\n",
        "producers.csv": "id,lat,lon\n0,51.34,12.3829\n",
        "pipes.csv": "id,from_node,to_node,length\n0,producers-0,forks-0,201.5\n1,forks-0,consumers-0,200\n2,forks-0,consumers-1,200\n",
    }
    folder = dhnx(tmp_path, places)
    report = run_import(db, "topotherm", folder, scenario="base")
    assert codes(report)["degrees-assumed"] == "warning"
    assert "length-not-drawn" not in codes(report)
    assert sorted(geo_frame(db, "street", "base").length.round()) == [200, 200, 202]
    assert not run_import(db, "topotherm", folder, scenario="base").changed


DHNX_REFUSED = [
    ({"pipes.csv": TWN["pipes.csv"].replace("consumers-1", "consumer-1")}, {}, "there is no node 'consumer-1'. Did you mean 'consumers-1'?"),
    ({"pipes.csv": TWN["pipes.csv"].replace("length\n", "length,existing,capacity,hp_type\n").replace("10\n", "10,1,5,c\n")}, {}, "there is no pipe type 'c'"),
    ({"consumers.csv": TWN["consumers.csv"].replace("15", "")}, {}, "neither P_heat_max nor a series"),
    ({"consumers.csv": "id,lat,lon,heat_flow\n0,0,30,sequences/consumers/heat_flow\n1,20,10,\n"}, {}, "consumers-heat_flow.csv is missing"),
    ({}, {"consumers/bus.csv": INVEST["consumers/bus.csv"].replace("heat,1,0,0", "heat,1,0,1")}, "shortage of 'heat' is not covered"),
    ({}, {"consumers/bus.csv": INVEST["consumers/bus.csv"] + "gas,1,0,0,9,9\n"}, "the bus 'gas' is not covered"),
    ({}, {"consumers/demand.csv": "label_2,active,nominal_value\nheat,1,2\n"}, "a nominal_value other than 1 is not covered"),
    ({}, {"network/pipes.csv": INVEST["network/pipes.csv"].replace("500,10", "5,10")}, "cap_min 10 is above cap_max 5"),
    ({}, {"network/pipes.csv": INVEST["network/pipes.csv"].replace("a,1,1", "a,1,2")}, "'2' is neither 0 nor 1"),
]  # fmt: skip


@pytest.mark.parametrize(("twn", "invest", "said"), DHNX_REFUSED, ids=[said for _, _, said in DHNX_REFUSED])
def test_refused_of_dhnx(db: Database, tmp_path: Path, twn: dict[str, str], invest: dict[str, str], said: str) -> None:
    assert said in problems(db, dhnx(tmp_path, twn, invest))


# --- planes without a place on earth ---------------------------------------------------------------------------------
def test_a_plane_of_its_own_is_kept_as_it_is_and_has_no_system(db: Database, tmp_path: Path) -> None:
    folder = topotherm(tmp_path)
    assert codes(run_import(db, "topotherm", folder, scenario="base"))["local-plane"] == "info"
    frame = geo_frame(db, "building", "base")
    assert frame.crs is None
    assert set(frame.geometry.to_wkt()) == {"POINT (30 40)", "POINT (60 0)"}
    assert sorted(geo_frame(db, "street", "base").length) == [30, 30, 40]
    moved = topotherm(tmp_path, nodes=FILES["nodes.csv"].replace("60,0", "61,0"))
    found = run_import(db, "topotherm", moved, scenario="base", dry_run=True).diff
    assert found is not None
    assert len(found.changes.df()) > 0


def test_a_plane_goes_out_as_a_workbook_and_comes_back_unchanged(db: Database, tmp_path: Path) -> None:
    run_import(db, "topotherm", topotherm(tmp_path), scenario="base")
    path = tmp_path / "out.xlsx"
    export_excel(db, path, ["base"])
    assert not run_import(db, "excel", path, scenario="base").changed
    run_import(db, "excel", path, scenario="copy")
    assert effective(db, "building", ("st_astext(geometry)",), "copy") == effective(
        db, "building", ("st_astext(geometry)",)
    )


def test_a_plane_and_a_place_on_earth_are_not_mixed(db: Database, tmp_path: Path) -> None:
    run_import(db, "topotherm", topotherm(tmp_path), scenario="base")
    sheet = [["heat_source", "geometry"], ["lake", "POINT (24.9 60.2)"]]
    with pytest.raises(UserError, match="a plane of their own"):
        run_import(db, "excel", book(tmp_path / "a.xlsx", heat_source=sheet), scenario="base")


def test_coordinates_of_a_known_system_are_named_with_crs(db: Database, tmp_path: Path) -> None:
    nodes = FILES["nodes.csv"].replace("0,0,0,", "0,385000,6672000,").replace("1,30,0,", "1,385030,6672000,")
    nodes = nodes.replace("2,30,40,", "2,385030,6672040,").replace("3,60,0,", "3,385060,6672000,")
    run_import(db, "topotherm", topotherm(tmp_path, nodes=nodes), scenario="base", epsg=3067)
    frame = geo_frame(db, "building", "base")
    assert frame.crs.to_epsg() == 3067
    assert shapely.distance(frame.geometry.iloc[0], frame.geometry.iloc[1]) == pytest.approx(50)
