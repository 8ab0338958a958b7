"""Instances of topotherm and folders of DHNx, through the whole way, against what csv reads in them and their published objectives."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest

from dhsdb import Store

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.reference

TOPOTHERM = {"topotherm_small": 1.0, "topotherm_two_producers": 1.0, "topotherm_one_producer": 1e-3}
"""Folders, and what one of their q_kw is in kW."""
DHNX = ("dhnx_introduction", "dhnx_minimal_network", "dhnx_discrete_DN_numbers", "dhnx_invest_with_existing")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, reference_data: Path) -> Store:
    store = Store(tmp_path_factory.mktemp("network") / "network.duckdb")
    for name in (*TOPOTHERM, *DHNX):
        store.import_("topotherm", reference_data / "network" / name, scenario=name, year=2030)
    return store


DOCUMENTS = ("osm_monaco50", "osm_monaco200", "osm_monaco500", "osm_monaco_all", "osm_liecht2000")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_node_edge_and_building_of_a_document_lands(tmp_path: Path, reference_data: Path, name: str) -> None:
    file = reference_data / "network" / f"{name}.json"
    document = json.loads(file.read_text(encoding="utf-8"))
    store = Store(tmp_path / "json.duckdb")
    report = store.import_("auto", file, scenario="town", year=2030)
    assert report.format == "topotherm"
    assert report.attribution.startswith("© OpenStreetMap contributors")
    streets = rows(store, "SELECT street, from_node, to_node, length_m FROM input.street")
    edges = {r["street"]: (r["from_node"], r["to_node"], r["length_m"]) for r in streets if r["street"].isdigit()}
    assert edges == {str(i): (e["u"], e["v"], e["length_m"]) for i, e in enumerate(document["edges"])}
    services = {r["street"].removeprefix("service "): r for r in streets if not r["street"].isdigit()}
    found = rows(store, "FROM input.building JOIN input.building_demand USING (scenario, building)")
    assert len(found) == len(document["buildings"]) == len(services)
    given = {str(b["id"]): b for b in document["buildings"]}
    for row in found:
        building, service = given[row["building"]], services[row["building"]]
        assert (service["from_node"], service["to_node"]) == (building["node"], row["node"])
        assert service["length_m"] == building["service_m"]
        assert row["space_heat_mwh"] == building["heat_mwh_a"]
        assert row["peak_mw"] == pytest.approx(building["peak_kw"] / 1000, rel=1e-12)
    assert len({row["node"] for row in found} & {n["id"] for n in document["nodes"]}) == 0
    assert rows(store, "SELECT node FROM input.plant_site") == [{"node": document["root"]}]
    places = store.geo("building", "town").to_crs(4326)
    at = {n["id"]: (n["lon"], n["lat"]) for n in document["nodes"]}
    for name_, point in zip(places["building"], places.geometry, strict=True):
        assert (point.x, point.y) == pytest.approx(at[given[name_]["node"]], abs=1e-8)
    assert not store.import_("topotherm", file, scenario="town", year=2030).changed


def given(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def rows(store: Store, sql: str, *values: object) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = store.sql(sql, list(values)).arrow().to_pylist()
    return found


@pytest.mark.parametrize("name", list(TOPOTHERM))
def test_every_edge_of_topotherm_is_a_street_of_its_length(store: Store, reference_data: Path, name: str) -> None:
    edges = given(reference_data / "network" / name / "edges.csv")
    found = rows(store, "SELECT street, from_node, to_node, length_m FROM input.street WHERE scenario = ?", name)
    assert {(r["street"], r["from_node"], r["to_node"], r["length_m"]) for r in found} == {
        (e["edge"], int(e["from_node"]), int(e["to_node"]), float(e["length_m"])) for e in edges
    }


@pytest.mark.parametrize(("name", "unit"), TOPOTHERM.items())
def test_every_consumer_of_topotherm_has_its_peak_and_heat(
    store: Store, reference_data: Path, name: str, unit: float
) -> None:
    found = rows(
        store,
        "SELECT building, node, peak_mw, space_heat_mwh FROM input.building_demand JOIN input.building USING (scenario, building) WHERE scenario = ?",
        name,
    )
    by_node = {r["node"]: r for r in found}
    consumers = given(reference_data / "network" / name / "consumers.csv")
    assert len(found) == len(consumers)
    for c in consumers:
        power, hours = float(c["q_kw_t0"]) * unit, float(c["flh_h_t0"])
        assert by_node[int(c["node"])]["building"] == f"consumer {c['consumer']}"
        assert by_node[int(c["node"])]["peak_mw"] == pytest.approx(power / 1000, rel=1e-12)
        assert by_node[int(c["node"])]["space_heat_mwh"] == pytest.approx(power * hours / 1000, rel=1e-12)


def test_watts_in_a_column_of_kilowatts_are_found_and_said(store: Store) -> None:
    said = rows(store, "SELECT scenario, severity, message FROM findings WHERE code = 'power-unit'")
    assert [(r["scenario"], r["severity"]) for r in said] == [("topotherm_one_producer", "warning")]
    assert "q_kw is read as W, not kW" in said[0]["message"]
    total = rows(
        store, "SELECT sum(peak_mw) AS mw FROM input.building_demand WHERE scenario = 'topotherm_one_producer'"
    )
    assert total[0]["mw"] == pytest.approx(13.68752768)


def test_nodes_whose_columns_are_shifted_have_no_place_and_others_theirs(store: Store, reference_data: Path) -> None:
    said = rows(store, "SELECT scenario, message FROM findings WHERE code = 'no-place'")
    assert [r["scenario"] for r in said] == ["topotherm_one_producer"]
    assert "1939 of 1939 nodes have no place" in said[0]["message"]
    nodes = {int(n["node"]): n for n in given(reference_data / "network" / "topotherm_small" / "nodes.csv")}
    frame = store.geo("building", scenario="topotherm_small")
    assert frame.crs is None  # a plane of its own
    for node, point in zip(frame["node"], frame.geometry, strict=True):
        assert (point.x, point.y) == (float(nodes[node]["x"]), float(nodes[node]["y"]))


def test_the_regression_is_a_pipe_type_that_is_linear_in_its_heat(store: Store) -> None:
    found = rows(
        store,
        "SELECT scenario, cost_per_m, cost_per_kw_m, loss_w_m, loss_per_m, max_kw, wacc, life FROM input.pipe_type"
        " WHERE pipe_type = 'regression' ORDER BY ALL",
    )
    figures = (567.335, 0.018377, pytest.approx(21.89), 4.348e-07, 69_000)
    assert [tuple(r.values()) for r in found] == [
        ("topotherm_one_producer", *figures, 0.08, 40),
        ("topotherm_small", *figures, 0.08, 40),
        ("topotherm_two_producers", *figures, 0.03, 40),
    ]
    assumed = rows(store, "SELECT scenario FROM findings WHERE code = 'regression-assumed'")
    assert [r["scenario"] for r in assumed] == ["topotherm_small"]


def test_prices_costs_and_temperatures_of_the_configuration_land(store: Store) -> None:
    found = rows(
        store,
        "SELECT p.process, capital, wacc, life, cap_min, cap_max, variable, annual_avail FROM input.process AS p"
        " JOIN input.process_mode AS m USING (scenario, year, site, process) WHERE p.scenario = 'topotherm_two_producers' ORDER BY ALL",
    )
    avail = pytest.approx(2500 / 8760)
    assert [tuple(r.values()) for r in found] == [
        ("producer 0", 0, 0.08, 20, 0, 100, 80, avail),
        ("producer 1", 1000, 0.07, 23, 0, 100, 40, avail),
    ]
    assert rows(store, "SELECT sold, sale_price FROM input.commodity WHERE scenario = 'topotherm_two_producers'") == [
        {"sold": False, "sale_price": 220}
    ]
    temperatures = rows(
        store, "SELECT supply_c, return_c, ground_c FROM input.network_temperature WHERE scenario = 'topotherm_small'"
    )
    assert temperatures == [{"supply_c": 70, "return_c": 55, "ground_c": -20}]
    options = rows(
        store, "SELECT option, value FROM input.model_option WHERE scenario = 'topotherm_small' ORDER BY ALL"
    )
    assert [(r["option"], float(r["value"])) for r in options if r["option"] != "currency"] == [
        ("gap", 1e-4),
        ("time_limit", 10_000),
    ]
    n = rows(
        store,
        "SELECT count(*) AS n FROM input.pipe_type WHERE scenario = 'topotherm_two_producers' AND diameter_m IS NOT NULL",
    )
    assert n == [{"n": 17}]


def annuity(rate: float, years: float) -> float:
    return rate * (1 + rate) ** years / ((1 + rate) ** years - 1)


def test_the_tables_give_the_published_objective_of_the_small_instance(store: Store, reference_data: Path) -> None:
    """All consumers are joined to the one producer over a tree: what flows and what it costs needs no optimisation."""
    name = "topotherm_small"
    pipe = rows(store, "SELECT * FROM input.pipe_type WHERE scenario = ?", name)[0]
    demand = rows(
        store,
        "SELECT node, peak_mw, space_heat_mwh FROM input.building_demand JOIN input.building USING (scenario, building) WHERE scenario = ?",
        name,
    )
    root = rows(store, "SELECT node FROM input.plant_site WHERE scenario = ?", name)[0]["node"]
    source = rows(
        store,
        "SELECT capital, wacc, life, variable, annual_avail FROM input.process JOIN input.process_mode USING (scenario, year, site, process) WHERE scenario = ?",
        name,
    )[0]
    price = rows(store, "SELECT sale_price FROM input.commodity WHERE scenario = ?", name)[0]["sale_price"]
    joined = defaultdict(list)
    for s in rows(store, "SELECT from_node, to_node, length_m FROM input.street WHERE scenario = ?", name):
        joined[s["from_node"]].append((s["to_node"], s["length_m"]))
        joined[s["to_node"]].append((s["from_node"], s["length_m"]))
    power = {d["node"]: d["peak_mw"] * 1000 for d in demand}
    cost = 0.0

    def into(node: int, before: int | None) -> float:
        nonlocal cost
        total = power.get(node, 0.0)
        for other, length in joined[node]:
            if other != before:
                flow = (into(other, node) + pipe["loss_w_m"] / 1000 * length) / (1 - pipe["loss_per_m"] * length)
                cost += (
                    (pipe["cost_per_kw_m"] * flow + pipe["cost_per_m"]) * length * annuity(pipe["wacc"], pipe["life"])
                )
                total += flow
        return total

    capacity = into(root, None) / 1000
    cost += capacity * source["capital"] * annuity(source["wacc"], source["life"])
    cost += capacity * source["annual_avail"] * 8760 * source["variable"]
    expected = json.loads((reference_data / "network" / "expected.json").read_text(encoding="utf-8"))
    objective = expected["topotherm_small/sts_forced"]["objective_eur_a"]
    assert cost - sum(d["space_heat_mwh"] for d in demand) * price == pytest.approx(objective, rel=1e-6)


# --- DHNx ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", DHNX)
def test_every_pipe_and_consumer_of_dhnx_lands(store: Store, reference_data: Path, name: str) -> None:
    folder = reference_data / "network" / name / "twn_data"
    first = {"forks": 0, "consumers": 1_000_000, "producers": 2_000_000}

    def number(node: str) -> int:
        kind, _, i = node.partition("-")
        return first[kind] + int(i)

    found = rows(store, "SELECT street, from_node, to_node, length_m FROM input.street WHERE scenario = ?", name)
    assert {tuple(r.values()) for r in found} == {
        (p["id"], number(p["from_node"]), number(p["to_node"]), float(p["length"])) for p in given(folder / "pipes.csv")
    }
    demand = rows(store, "SELECT building, peak_mw FROM input.building_demand WHERE scenario = ?", name)
    expected = {f"consumers-{c['id']}": c.get("P_heat_max") for c in given(folder / "consumers.csv")}
    if name == "dhnx_invest_with_existing":
        expected = {"consumers-0": "10", "consumers-1": "12"}  # largest of 8, 10, 9 and of 12, 10, 7
    assert {d["building"]: d["peak_mw"] for d in demand} == {
        b: pytest.approx(float(p or 0) / 1000) for b, p in expected.items()
    }
    plants = rows(store, "SELECT plant, node FROM input.plant_site WHERE scenario = ?", name)
    assert {(p["plant"], p["node"]) for p in plants} == {
        (f"producers-{p['id']}", 2_000_000 + int(p["id"])) for p in given(folder / "producers.csv")
    }


@pytest.mark.parametrize("name", DHNX)
def test_every_pipe_type_of_dhnx_lands(store: Store, reference_data: Path, name: str) -> None:
    types = given(reference_data / "network" / name / "invest_data" / "network" / "pipes.csv")
    found = {r["pipe_type"]: r for r in rows(store, "SELECT * FROM input.pipe_type WHERE scenario = ?", name)}
    assert set(found) == {t["label_3"] for t in types} != set()
    for t in types:
        kept, fixed = found[t["label_3"]], t["nonconvex"] == "1"
        assert kept["cost_per_m"] == float(t["fix_costs"]) * fixed
        assert kept["loss_w_m"] == pytest.approx(float(t["l_factor_fix"]) * 1000 * fixed)
        assert (kept["cost_per_kw_m"], kept["loss_per_m"], kept["max_kw"]) == (
            float(t["capex_pipes"]),
            float(t["l_factor"]),
            float(t["cap_max"]),
        )
        assert kept["min_kw"] == (float(t["cap_min"]) if fixed else None)


def test_pipes_that_stand_keep_type_and_capacity_and_series_of_consumers_are_profiles(store: Store) -> None:
    name = "dhnx_invest_with_existing"
    pipes = rows(
        store,
        "SELECT pipe, from_node, to_node, trench_m, existing, pipe_type, capacity_mw FROM input.network_pipe WHERE scenario = ?",
        name,
    )
    assert [tuple(p.values()) for p in pipes] == [("9", "1", "2", 100, True, "heatpipe-milp", 0.1)]
    series = rows(
        store,
        "SELECT p.profile, s.unit, list(v.value ORDER BY t) AS v FROM input.profile AS p JOIN meta.series AS s USING (sha256)"
        " JOIN meta.series_value AS v USING (series) WHERE p.scenario = ? GROUP BY ALL ORDER BY ALL",
        name,
    )
    assert [tuple(s.values()) for s in series] == [
        ("heat_flow consumers-0", "MW", [0.008, 0.01, 0.009]),
        ("heat_flow consumers-1", "MW", [0.012, 0.01, 0.007]),
    ]
    assert [s["epsg"] for s in rows(store, "SELECT epsg FROM scenarios WHERE scenario = ?", name)] == [32633]


def test_the_tables_give_the_published_objective_of_the_minimal_network(store: Store, reference_data: Path) -> None:
    name = "dhnx_minimal_network"
    (kind,) = rows(store, "SELECT cost_per_kw_m FROM input.pipe_type WHERE scenario = ?", name)
    length = {
        r["street"]: r["length_m"]
        for r in rows(store, "SELECT street, length_m FROM input.street WHERE scenario = ?", name)
    }
    peak = {
        r["building"]: r["peak_mw"] * 1000
        for r in rows(store, "SELECT building, peak_mw FROM input.building_demand WHERE scenario = ?", name)
    }
    flows = {"1": 33.0, "9": peak["consumers-1"], "10": peak["consumers-0"], "12": peak["consumers-1"]}
    expected = json.loads((reference_data / "network" / "expected.json").read_text(encoding="utf-8"))
    assert sum(length[p] * f for p, f in flows.items()) * kind["cost_per_kw_m"] == pytest.approx(
        expected[name]["objective"]
    )


# --- all of them -----------------------------------------------------------------------------------------------------
def test_the_same_folders_twice_make_no_second_revision_and_are_recognised(store: Store, reference_data: Path) -> None:
    for name in (*TOPOTHERM, *DHNX):
        report = store.import_("auto", reference_data / "network" / name, scenario=name, year=2030)
        assert report.format == "topotherm"
        assert not report.changed, name


def test_the_scenarios_have_no_error(store: Store) -> None:
    assert rows(store, "SELECT * FROM findings WHERE severity = 'error'") == []
