"""Use, floor area and heat demand from tags, and what heat sources could give."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from dhsdb.importers import demand


@pytest.mark.parametrize(
    ("tags", "use"),
    [
        ({"building": "apartments", "shop": "bakery"}, "residential_multi"),
        ({"building": "detached"}, "residential_single"),
        ({"building": "yes", "amenity": "school", "shop": "kiosk"}, "school"),
        ({"building": "public", "amenity": "university"}, "school"),
        ({"building": "public"}, "public"),
        ({"building": "commercial"}, "office"),
        ({"building": "commercial", "shop": "mall"}, "retail"),
        ({"building": "yes", "shop": "no", "office": "company"}, "office"),
        ({"building": "yes", "tourism": "hotel"}, "hotel"),
        ({"building": "yes", "tourism": "attraction"}, "other"),
        ({"building": "yes", "healthcare": "clinic"}, "health"),
        ({"building": "yes", "building:use": "residential"}, "residential_multi"),
        ({"building": "cathedral", "tourism": "attraction"}, "church"),
        ({"building": "yes", "leisure": "sports_centre"}, "sports"),
        ({"building": "warehouse"}, "industrial"),
        ({"building": "roof", "shop": "fuel"}, "unheated"),
        ({"building": "construction"}, "unheated"),
        ({"building": "something new"}, "other"),
        ({"building": "something new", "amenity": "cinema"}, "public"),
        ({}, "other"),
    ],
)
def test_use(tags: dict[str, str], use: str) -> None:
    assert demand.use_of(tags.get) == use
    assert use in demand.USES


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("5", 5), ("3.5", 3.5), ("3,5", 3.5), ("3;5", 4), ("3-5", 4), (" 4 ", 4), ("-1", -1), ("4 + attic", 4),
        ("attic", math.nan), ("", math.nan), (None, math.nan), ("nan", math.nan), ("inf", math.nan),
        ("9" * 400, math.nan),
    ],
)  # fmt: skip
def test_numbers(text: str | None, number: float) -> None:
    assert demand.number_in(text) == pytest.approx(number, nan_ok=True)


@pytest.mark.parametrize(
    ("text", "metres"),
    [
        ("12", 12),
        ("12.13 m", 12.13),
        ("12,5m", 12.5),
        ("39 ft", 11.8872),
        ("6'", 1.8288),
        ("5'11\"", 1.8034),
        ("?", math.nan),
    ],
)
def test_lengths(text: str, metres: float) -> None:
    assert demand.metres_in(text) == pytest.approx(metres, nan_ok=True)


@pytest.mark.parametrize(
    ("text", "year"),
    [
        ("1936", 1936),
        ("2017-03-28", 2017),
        ("~1890s", 1890),
        ("after 1905..1908", 1905),
        ("C19", None),
        ("19360", None),
        (None, None),
    ],
)
def test_years(text: str | None, year: int | None) -> None:
    assert demand.year_in(text) == year


@pytest.mark.parametrize(
    ("use", "levels", "height", "storeys"),
    [
        ("office", 5, 100, 5),
        ("office", 3.5, math.nan, 3.5),
        ("office", 0, 9, 0),
        ("office", math.nan, 16, 5),
        ("office", math.nan, 2.4, 1),
        ("office", math.nan, math.nan, 4),
        ("church", math.nan, 40, 1),
        ("church", 2, 40, 2),
        ("industrial", math.nan, math.nan, 1),
        ("a use of one's own", math.nan, math.nan, 3),
    ],
)
def test_floor_area(use: str, levels: float, height: float, storeys: float) -> None:
    building = pd.DataFrame({"use": [use], "footprint_m2": [200.0], "levels": [levels], "height_m": [height]})
    assert demand.floor_area(building).tolist() == pytest.approx([200 * storeys])


def test_floor_area_of_a_part_in_the_air() -> None:
    part = pd.DataFrame({
        "use": "office", "footprint_m2": 100.0, "height_m": math.nan,
        "levels": [8.0, 8.0, 2.0], "min_level": [7.0, math.nan, 3.0],
    })  # fmt: skip
    assert demand.floor_area(part).tolist() == [100, 800, 0]


BUILDINGS = pd.DataFrame({
    "building": ["w1", "w2", "w3", "w4", "w5"],
    "use": ["office", "hotel", "castle", "unheated", "office"],
    "footprint_m2": [250.0, 250.0, 250.0, 100.0, math.nan],
    "floor_area_m2": [1234.0, 1000.0, 500.0, 80.0, math.nan],
    "levels": [5.0, math.nan, 2.0, math.nan, math.nan],
    "height_m": math.nan,
})  # fmt: skip


def test_estimate_by_hand() -> None:
    rows = demand.estimate(BUILDINGS, demand.specific_demand()).set_index("building")
    assert rows.loc["w1", ["space_heat_mwh", "hot_water_mwh"]].tolist() == pytest.approx([104.89, 6.17])
    assert rows.loc["w1", "peak_mw"] == pytest.approx((104.89 + 6.17) / 1800)
    assert rows.loc["w1", "rule"] == "specific demand office 90 kWh/m2 x 1,234 m2"
    assert rows.loc["w2", "rule"] == "specific demand hotel 165 kWh/m2 x 1,000 m2 (storeys assumed)"
    assert rows.loc["w4", ["space_heat_mwh", "hot_water_mwh", "peak_mw"]].tolist() == [0, 0, 0]
    assert rows.loc["w4", "rule"] == "specific demand unheated 0 kWh/m2 x 80 m2"  # a floor area that was given


def test_what_is_unknown_is_not_zero() -> None:
    rows = demand.estimate(BUILDINGS, demand.specific_demand()).set_index("building")
    assert rows.loc[["w3", "w5"], ["space_heat_mwh", "hot_water_mwh", "peak_mw"]].isna().all().all()
    assert rows.loc["w3", "rule"] == "no specific demand of use castle"
    assert rows.loc["w5", "rule"] == "floor area unknown"


def test_estimate_with_a_table_of_ones_own() -> None:
    specific = pd.DataFrame({
        "use": ["castle", "office"], "space_heat_kwh_m2": [300.0, 50.0], "hot_water_kwh_m2": [0.0, 10.0],
        "full_load_hours": [1500.0, math.nan], "profile": ["castle-2025", None],
    })  # fmt: skip
    rows = demand.estimate(BUILDINGS, specific).set_index("building")
    assert rows.loc["w3", ["space_heat_mwh", "peak_mw"]].tolist() == pytest.approx([150, 0.1])
    assert rows.loc["w3", "profile"] == "castle-2025"
    assert rows.loc["w1", "space_heat_mwh"] == pytest.approx(61.7)
    assert math.isnan(rows.loc["w1", "peak_mw"])  # no full-load hours
    assert rows.loc["w2", "rule"] == "no specific demand of use hotel"


def test_estimate_of_nothing() -> None:
    assert demand.estimate(BUILDINGS.iloc[:0], demand.specific_demand()).empty


def test_the_built_in_table_is_complete_and_says_where_it_comes_from() -> None:
    table = demand.specific_demand()
    assert tuple(table["use"]) == demand.USES
    heated = table[table["use"] != "unheated"]
    total = heated["space_heat_kwh_m2"] + heated["hot_water_kwh_m2"]
    assert total.between(80, 250).all()
    assert heated["full_load_hours"].between(1200, 4000).all()
    assert table["reference"].str.contains("NVE|assumption|by definition").all()


@pytest.mark.parametrize(
    ("tags", "kind"),
    [
        ({"telecom": "data_center"}, "data_centre"),
        ({"building": "data_center"}, "data_centre"),
        ({"building": "supermarket"}, "supermarket"),
        ({"leisure": "ice_rink"}, "ice_rink"),
        ({"leisure": "ice_rink", "seasonal": "yes"}, None),
        ({"man_made": "wastewater_plant"}, "waste_water"),
        ({"man_made": "works"}, "industry"),
        ({"man_made": "flagpole"}, None),
        ({"railway": "station", "station": "subway"}, "metro_station"),
        ({"railway": "station", "subway": "yes"}, "metro_station"),
        ({"railway": "stop", "subway": "yes"}, None),
        ({"power": "plant", "plant:output:hot_water": "yes"}, "plant"),
        ({"power": "plant", "plant:output:electricity": "5 MW"}, None),
        ({"power": "plant", "plant:output:hot_water": "no"}, None),
        ({"power": "generator", "generator:source": "solar", "generator:output:hot_water": "yes"}, None),
        ({"power": "generator", "generator:source": "solar", "generator:output:hot_water": "2 MW"}, "plant"),
        ({"pipeline": "substation", "substance": "hot_water"}, "substation"),
        ({"pipeline": "substation", "substance": "gas"}, None),
        ({"building": "yes"}, None),
    ],
)
def test_source_kind(tags: dict[str, str], kind: str | None) -> None:
    assert demand.source_kind(tags.get("building"), tags.get) == kind


@pytest.mark.parametrize(
    ("output", "mw"),
    [
        ("120 MW", 120), ("1.5 GW", 1500), ("500kW", 0.5), ("1,5 MW", 1.5), ("yes", math.nan), ("120", math.nan),
        ("9" * 400 + " MW", math.nan),
    ],
)  # fmt: skip
def test_size_of_a_plant(output: str, mw: float) -> None:
    got = demand.source_size("plant", f"plant:output:heat={output}", 0)
    assert got[0] == pytest.approx(mw, nan_ok=True)
    assert np.isnan(got[1:3]).all()
    assert output in got[3]


def test_sizes_by_footprint_and_by_default() -> None:
    by_area = demand.source_size("data_centre", None, 4000)
    assert by_area[:3] == (2, 28, 16_000)
    assert by_area[3] == "assumption, rounded: 0.5 kW/m2 x 4,000 m2 footprint, 8,000 h/a"
    assert demand.source_size("data_centre", None, 0)[:3] == (1, 28, 8000)
    assert demand.source_size("waste_water", None, 50_000)[0] == 1
    assert math.isnan(demand.source_size("substation", None, 10)[0])
