"""Tables and layers of buildings: headers, units, words, places, demands given and estimated, totals that calibrate them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import geopandas
import numpy as np
import pandas as pd
import pytest
import shapely

from dhsdb import edits, scenarios
from dhsdb.errors import ProblemsError, UserError
from dhsdb.importers.building_columns import split_header
from dhsdb.importers.building_words import heating_in, state_in, use_in, year_in_words
from dhsdb.importers.decimals import number_of
from dhsdb.importers.pipeline import run_import
from dhsdb.importers.registry import recognise
from dhsdb.importers.rows import Rows
from dhsdb.importers.units import conversion
from dhsdb.store import Store
from tests.dhsdb import study
from tests.importers import city_files as cf
from tests.importers import fuzz
from tests.importers.books import book, count, effective

if TYPE_CHECKING:
    from pathlib import Path

    from dhsdb.database import Database
    from dhsdb.importers.pipeline import ImportReport

DEMAND = ["building", "space_heat_mwh", "hot_water_mwh", "rule"]
FOUND = {
    "id": ["a", "b", "c", "d"], "Nutzung": ["Wohngebäude", "Bürogebäude", "31001_3021", "garage"], "Baujahr": ["1949-1957", "1990", None, "bis 1918"],
    "Geschosse": [2, 5, 3, 1], "Heizung": ["Gas-Brennwert", "Fernwärme", "Heizöl", None], "Sanierung": ["saniert", None, None, None],
}  # fmt: skip


def bring(db: Database, *paths: Path, scenario: str = "base", **options: Any) -> ImportReport:
    return run_import(db, "buildings", paths, scenario=scenario, **options)


def codes(report: ImportReport, severity: str = "warning") -> set[str]:
    about_the_scenario = {"no-model-year", "unknown-reference", "demand-without-profile", "no-geometry"}
    return {f.code for f in report.findings if f.severity == severity} - about_the_scenario


def problems(db: Database, *paths: Path, **options: Any) -> list[tuple[str, int | None, str]]:
    """Return code, row and column of each problem; nothing may be written."""
    with pytest.raises(ProblemsError) as error:
        bring(db, *paths, **options)
    assert all(p.file for p in error.value.problems), error.value
    assert count(db, "SELECT count(*) FROM layer.building") == 0
    return [(p.code, p.row, p.column) for p in error.value.problems]


def house(i: int, size: float = 20, epsg: int = 25833) -> Any:
    x, y = (389500 + 50 * i, 5819000) if epsg == 25833 else (13 + i / 1000, 52.5)
    step = size if epsg == 25833 else size / 70000
    return shapely.box(x, y, x + step, y + step)


def layer(path: Path, columns: dict[str, Any] | None = None, epsg: int = 25833, **shapes: Any) -> Path:
    data = FOUND if columns is None else columns
    n = len(next(iter(data.values())))
    frame = geopandas.GeoDataFrame(
        data, geometry=shapes.get("geometry") or [house(i, epsg=epsg) for i in range(n)], crs=epsg
    )
    frame.to_file(path)
    return path


def csv(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


# --- headers, words, figures ------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("header", "words", "unit"),
    [
        ("Heated Area [m2]", "heated area", "m2"), ("Yearly heating demand [kWh/a]", "yearly heating demand", "kWh/a"),
        ("Spez. Heizwärmebedarf (kWh/(m²a))", "spez heizwärmebedarf", "kWh/m2/a"), ("heat_demand_kwh_a", "heat demand", "kWh/a"),
        ("yearOfConstruction", "year of construction", ""), ("heat demand in kWh", "heat demand", "kWh"), ("Height (roof)", "height roof", ""),
        ("Peak_kW", "peak", "kW"), ("Wärme [GJ]", "wärme", "GJ"), ("volume_m3", "volume", "m3"), ("BGF [qm]", "bgf", "m2"),
    ],
)  # fmt: skip
def test_headers_are_words_and_units(header: str, words: str, unit: str) -> None:
    assert split_header(header) == (words, unit)
    if unit.startswith("kWh/m2"):
        assert conversion(unit, "kWh/m^2/year").is_identity


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12,5", 12.5),
        ("1.234,5", 1234.5),
        ("1,234.5", 1234.5),
        ("1 234", 1234),
        ("1'234.5", 1234.5),
        ("-3", -3),
        ("1e3", 1000),
        ("12a", None),
        ("", None),
    ],
)
def test_numbers_are_read_as_they_are_written(text: str, number: float | None) -> None:
    assert number_of(text) == number


def test_codes_of_the_cadastre_are_those_of_its_catalogue() -> None:
    """Home, hostel, shop, museum, greenhouse, parking, with the object kinds of other structures."""
    codes = ("31001_1020", "31001_2072", "31001_2050", "31001_3034", "31001_2740", "31001_2465", "51003_1201")
    found = [use_in(code) for code in codes]
    assert found == ["residential_multi", "hotel", "retail", "public", "unheated", "unheated", "unheated"]


@pytest.mark.parametrize(
    ("word", "use"),
    [
        ("31001_1010", "residential"), ("31001_2463", "unheated"), ("31001_3021", "school"), ("2020", "office"), ("51002_1250", "unheated"),
        ("31001_9998", "other"), ("EFH", "residential_single"), ("Mehrfamilienhaus", "residential_multi"), ("apartments", "residential_multi"),
        ("office and administration", "office"), ("woonfunctie", "residential"), ("Krankenhaus", "health"), ("31001_3041", "church"),
        ("31001_2055", "retail"), ("31001_2143", "industrial"), ("31001_1100", "residential"), ("31001_3211", "sports"), ("Luftschloss", None), ("yes", None),
    ],
)  # fmt: skip
def test_uses_are_known_by_codes_and_words(word: str, use: str | None) -> None:
    assert use_in(word) == use


def test_heating_states_and_years_are_known_by_words() -> None:
    assert [heating_in(w) for w in ("Erdgas", "Fernwärme", "Wärmepumpe", "Öl", "Pellets", "xyz")] == [
        "gas",
        "district_heating",
        "heat_pump",
        "oil",
        "wood",
        None,
    ]
    states = [state_in(w) for w in ("unsaniert", "teilsaniert", "Passivhaus", "KfW 55", "xyz")]
    assert states == ["none", "usual", "advanced", "advanced", None]
    assert [year_in_words(w) for w in ("1949 - 1957", "bis 1918", "vor 1919", 1936.0, "1987-05-01", "alt")] == [
        1953,
        1918,
        1918,
        1936,
        1987,
        None,
    ]


# --- layers -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("form", "epsg"), [("gpkg", 25833), ("geojson", 4326), ("geojson", 25833)])
def test_a_layer_is_read_with_its_words(db: Database, tmp_path: Path, form: str, epsg: int) -> None:
    path = layer(tmp_path / f"a.{form}", epsg=epsg)
    assert recognise([path]) == "buildings"
    assert codes(bring(db, path)) == set()
    names = ["building", "use", "construction_year", "levels", "heating", "refurbishment"]
    assert effective(db, "building", names) == [
        ("a", "residential_multi", 1953, 2.0, "gas", "usual"), ("b", "office", 1990, 5.0, "district_heating", None),
        ("c", "school", None, 3.0, "oil", None), ("d", "unheated", 1918, 1.0, None, None),
    ]  # fmt: skip
    footprints = [row[0] for row in effective(db, "building", ["footprint_m2"])]
    assert footprints == pytest.approx([400] * 4 if epsg == 25833 else [footprints[0]] * 4, rel=1e-3)
    assert bring(db, path).revision is None


def test_demand_follows_from_use_age_state_and_floor_area(db: Database, tmp_path: Path) -> None:
    bring(db, layer(tmp_path / "a.gpkg"))
    rows = {b: (s, w, rule) for b, s, w, rule in effective(db, "building_demand", DEMAND)}
    assert rows["a"][:2] == pytest.approx((78.5 * 0.8, 15 * 0.8))  # 400 m2 x 2; 1949-1957, refurbished
    assert rows["b"][:2] == pytest.approx((86 * 2, 5 * 2))  # 1987-1996, as built
    assert rows["c"][:2] == pytest.approx((110 * 1.2, 10 * 1.2))  # no age: the figure of the use
    assert rows["d"][:2] == (0, 0)
    assert "residential_multi 1949-1957, refurbished" in rows["a"][2]


def test_a_rule_says_that_storeys_were_assumed_only_where_they_were(db: Database, tmp_path: Path) -> None:
    text = "id;use;footprint [m2];floor area [m2];storeys\na;office;100;500;\nb;office;100;;\nc;office;100;;3\n"
    bring(db, csv(tmp_path / "a.csv", text))
    rules = {b: rule for b, *_, rule in effective(db, "building_demand", DEMAND)}
    assert {b for b, rule in rules.items() if "storeys assumed" in rule} == {"b"}


def test_a_scenario_overrides_the_figures_and_a_new_import_keeps_them(db: Database, tmp_path: Path) -> None:
    path = layer(tmp_path / "a.gpkg")
    bring(db, path)
    edits.set_cells(
        db,
        "base",
        "specific_demand_age.space_heat_kwh_m2",
        50.0,
        where="use = 'office' AND age_class = '1987-1996' AND refurbishment = 'none'",
        message="measured",
    )
    Store(db.path).estimate("base")
    assert {b: s for b, s, *_ in effective(db, "building_demand", DEMAND)}["b"] == pytest.approx(100)
    assert bring(db, path).revision is None
    changed = layer(tmp_path / "b.gpkg", {**FOUND, "Geschosse": [2, 6, 3, 1]})
    bring(db, changed)
    assert {b: s for b, s, *_ in effective(db, "building_demand", DEMAND)}["b"] == pytest.approx(120)


def test_a_refurbished_scenario_needs_less(db: Database, tmp_path: Path) -> None:
    bring(db, layer(tmp_path / "a.gpkg"))
    scenarios.derive(db, "better", "base")
    edits.set_cells(db, "better", "building.refurbishment", "advanced", where="building = 'a'", message="insulated")
    Store(db.path).estimate("better")
    assert {b: s for b, s, *_ in effective(db, "building_demand", DEMAND, "better")}["a"] == pytest.approx(48.4 * 0.8)


def test_an_outline_that_crosses_itself_is_mended_and_told(db: Database, tmp_path: Path) -> None:
    bow = shapely.Polygon([(389500, 5819000), (389520, 5819020), (389520, 5819000), (389500, 5819020)])
    path = layer(tmp_path / "a.gpkg", {"id": ["a"], "height": [6.0], "use": ["office"]}, geometry=[bow])
    assert "repaired" in codes(bring(db, path))
    assert effective(db, "building", ["footprint_m2"]) == [(pytest.approx(200),)]


def test_heights_in_coordinates_do_not_matter(db: Database, tmp_path: Path) -> None:
    path = layer(
        tmp_path / "a.gpkg",
        {"id": ["a"], "height": [6.0], "use": ["office"]},
        geometry=[shapely.force_3d(house(0), 40)],
    )
    bring(db, path)
    assert effective(db, "building", ["footprint_m2", "volume_m3"]) == [(pytest.approx(400), pytest.approx(2400))]


@pytest.mark.parametrize(
    ("geometry", "code"),
    [({"type": "Polygon", "coordinates": [[[13, 52], [None, 52], [13, 53], [13, 52]]]}, "geometry"), ({"type": "LineString", "coordinates": [[13, 52], [13.1, 52]]}, "geometry"),
     ({"type": "Polygon", "coordinates": [[[13, 152], [13.1, 152], [13, 153], [13, 152]]]}, "geometry"), ({"type": "Polygon", "coordinates": []}, "geometry")],
)  # fmt: skip
def test_a_geometry_that_can_not_be_is_refused_with_its_row(
    db: Database, tmp_path: Path, geometry: Any, code: str
) -> None:
    good = {
        "type": "Feature",
        "properties": {"id": "a", "height": 5, "use": "office"},
        "geometry": shapely.geometry.mapping(house(0, epsg=4326)),
    }
    bad = {"type": "Feature", "properties": {"id": "b", "height": 5, "use": "office"}, "geometry": geometry}
    path = csv(tmp_path / "a.geojson", json.dumps({"type": "FeatureCollection", "features": [good, bad]}))
    found = problems(db, path)
    assert any(c == code and row == 2 for c, row, _ in found), found


def test_a_wrong_system_is_told(db: Database, tmp_path: Path) -> None:
    path = layer(tmp_path / "a.geojson", {"id": ["a"], "height": [6.0], "use": ["office"]}, epsg=25833)
    text = json.loads(path.read_text())
    del text["crs"]
    path.write_text(json.dumps(text))
    assert ("crs", 1, "geometry") in problems(db, path)


def test_only_what_lies_in_the_box_comes(db: Database, tmp_path: Path) -> None:
    path = layer(tmp_path / "a.geojson", epsg=4326)
    bring(db, path, bbox=(12.9995, 52.4, 13.0015, 52.6))
    assert [row[0] for row in effective(db, "building", ["building"])] == ["a", "b"]


# --- tables of results --------------------------------------------------------------------------------------------------
def sim_rows() -> list[list[Any]]:
    return [
        [
            "A",
            "",
            52.5,
            13.3,
            "",
            "",
            1965,
            "EFH",
            2,
            "residential",
            80,
            160,
            360,
            24000.5,
            2000,
            26000.5,
            150.0,
            "none",
        ],
        [
            "B_1",
            "B",
            52.5,
            13.3,
            "",
            "",
            1990,
            "Office",
            2,
            "office and administration",
            40,
            80,
            120,
            8000,
            0,
            8000,
            100,
            "Medium refurbishment",
        ],
        [
            "B_2",
            "B",
            52.5,
            13.3,
            "",
            "",
            1990,
            "Office",
            3,
            "office and administration",
            30,
            90,
            180,
            9000,
            0,
            9000,
            100,
            "Medium refurbishment",
        ],
    ]


@pytest.mark.parametrize("units", [True, False])
def test_a_table_of_simstadt_is_read(db: Database, tmp_path: Path, units: bool) -> None:  # noqa: FBT001  a case of the table
    path = cf.simstadt(tmp_path / "a.csv", sim_rows(), units=units)
    assert recognise([path]) == "buildings"
    report = bring(db, path)
    assert codes(report) == (set() if units else {"unit-assumed"})
    assert effective(db, "building_demand", DEMAND[:3]) == [("A", pytest.approx(24.0005), 2.0), ("B", 17.0, 0.0)]
    assert effective(db, "building", ["building", "levels", "floor_area_m2", "refurbishment"]) == [
        ("A", 2.0, 160.0, "none"),
        ("B", 3.0, 170.0, "usual"),
    ]
    assert bring(db, path).revision is None


def test_results_complete_the_model_that_they_are_of(db: Database, tmp_path: Path) -> None:
    parts = cf.part("B_1", cf.lod2("B_1", cf.box(40, 0, 0, 10, 4, 3))) + cf.part(
        "B_2", cf.lod2("B_2", cf.box(40, 4, 0, 5, 6, 6))
    )
    gml = cf.citygml(
        tmp_path / "a.gml", {"A": cf.facts() + cf.lod2("A", cf.gabled()), "B": cf.facts("31001_2020") + parts}
    )
    sim = cf.simstadt(tmp_path / "a.csv", sim_rows())
    bring(db, gml, sim, scenario="together")
    bring(db, gml, scenario="later")
    bring(db, sim, scenario="later")
    for scenario in ("together", "later"):
        names = ["building", "footprint_m2", "height_m", "volume_m3", "floor_area_m2"]
        assert effective(db, "building", names, scenario) == [
            ("A", 80.0, 6.0, 360.0, 160.0),
            ("B", 70.0, 6.0, 300.0, 170.0),
        ]
        assert effective(db, "building_demand", DEMAND[:3], scenario)[1] == ("B", 17.0, 0.0)
        kinds = db.sql(
            f"SELECT ST_GeometryType(geometry) AS kind FROM input.building WHERE scenario = '{scenario}'", spatial=True
        ).to_pylist()
        assert {row["kind"] for row in kinds} == {"POLYGON"}
    assert bring(db, sim, scenario="later").revision is None


@pytest.mark.parametrize(
    ("header", "value", "mwh"),
    [
        ("heat [kWh/a]", "26000", 26),
        ("heat [MWh]", "26", 26),
        ("heat_gj", "93.6", 26),
        ("Wärmebedarf [kWh/(m²a)]", "130", 26),
        ("spezifischer Wärmebedarf", "130", 26),
    ],
)
def test_heat_in_any_unit_is_split_as_the_use_has_it(
    db: Database, tmp_path: Path, header: str, value: str, mwh: float
) -> None:
    path = csv(tmp_path / "a.csv", f"id,use,year built,floor area,{header}\na,office,1990,200,{value}\n")
    bring(db, path)
    _, space, water, rule = effective(db, "building_demand", DEMAND)[0]
    assert space + water == pytest.approx(mwh)
    assert water / mwh == pytest.approx(5 / 91)
    assert rule.startswith("given: heat")


@pytest.mark.parametrize(
    ("columns", "space", "water", "says"),
    [
        ("space heat [MWh];hot water [MWh]\n20;3", 20, 3, "given: space heat and hot water"),
        ("space heat [MWh]\n20", 20, 1, "given: space heat; hot water by specific demand"),
        ("hot water [MWh]\n3", 17.2, 3, "given: hot water; space heat by specific demand"),
        ("space heat [MWh];heat [MWh]\n20;24", 20, 4, "given: space heat and hot water"),
        ("Verbrauch [MWh]\n30", 30 * 86 / 91, 30 * 5 / 91, "metered: 30 MWh"),
        ("comment\nx", 17.2, 1, "specific demand office 1987-1996, as built 91 kWh/m2"),
    ],
)
def test_what_is_given_stays_and_the_rest_is_estimated(
    db: Database, tmp_path: Path, columns: str, space: float, water: float, says: str
) -> None:
    head, row = columns.split("\n")
    path = csv(tmp_path / "a.csv", f"id;use;baujahr;floor area;{head}\na;office;1990;200;{row}\n")
    bring(db, path)
    _, found_space, found_water, rule = effective(db, "building_demand", DEMAND)[0]
    assert (found_space, found_water) == pytest.approx((space, water))
    assert rule.startswith(says)


def test_decimal_commas_blanks_and_a_row_of_units_are_read(db: Database, tmp_path: Path) -> None:
    text = "ID\tNutzung\tBaujahr\tHöhe\tGrundfläche\tWärmebedarf\tHeizlast\n\t\t\tm\tm²\tkWh/a\tkW\n1\tEFH\t1960\t6,5\t100,5\t26.000,5\t12,5\n2\tMFH\tk.A.\t-\t250\t\t\n"
    bring(db, csv(tmp_path / "a.csv", text))
    assert effective(db, "building", ["building", "height_m", "footprint_m2"]) == [
        ("1", 6.5, 100.5),
        ("2", None, 250.0),
    ]
    rows = effective(db, "building_demand", ["space_heat_mwh", "hot_water_mwh", "peak_mw"])
    assert (rows[0][0] + rows[0][1], rows[0][2]) == (pytest.approx(26.0005), 0.0125)


def test_a_workbook_of_buildings_is_read(db: Database, tmp_path: Path) -> None:
    path = book(
        tmp_path / "a.xlsx",
        Gebäude=[["Gebäude-ID", "Nutzung", "Baujahr", "Energiebezugsfläche [m²]"], ["x", "Schule", 1975, 3000]],
        Notizen=[["Text"], ["hallo"]],
    )
    assert recognise([path]) == "buildings"
    bring(db, path)
    assert effective(db, "building_demand", DEMAND[:3]) == [("x", pytest.approx(136 * 3), pytest.approx(30))]


def test_all_that_is_wrong_stands_in_one_report(db: Database, tmp_path: Path) -> None:
    text = "id;use;baujahr;height [m];floor area [m2];heat [MWh/a]\na;office;alt;many;200;5\nb;office;1990;-4;inf;5\na;office;1990;4;200;5\n;office;1990;4;200;5\n"
    found = problems(db, csv(tmp_path / "a.csv", text))
    assert {
        ("invalid", 2, "baujahr"),
        ("invalid", 2, "height [m]"),
        ("invalid", 3, "floor area [m2]"),
        ("invalid", 3, "height_m"),
    } <= set(found)
    assert any(code == "duplicate" and row == 4 for code, row, _ in found)
    assert any(row == 5 and column == "building" for _, row, column in found)


def test_a_unit_of_another_kind_is_refused(db: Database, tmp_path: Path) -> None:
    assert ("unit", 1, "heat [kW]") in problems(
        db, csv(tmp_path / "a.csv", "id;use;floor area;heat [kW]\na;office;200;5\n")
    )


def test_a_unit_that_could_be_either_is_asked_for(db: Database, tmp_path: Path) -> None:
    path = csv(tmp_path / "a.csv", "id;use;heat\na;office;500\nb;office;800\n")
    assert ("unit", 1, "heat") in problems(db, path)
    bring(db, path, options={"heat_unit": "MWh"})
    assert sum(s + w for _, s, w, _ in effective(db, "building_demand", DEMAND)) == pytest.approx(1300)


def test_what_is_not_known_is_told_and_named(db: Database, tmp_path: Path) -> None:
    report = bring(
        db,
        csv(
            tmp_path / "a.csv",
            "id;use;floor area [m2];heating;refurbishment;colour\na;Luftschloss;100;Magie;vielleicht;red\n",
        ),
    )
    assert codes(report) >= {"unknown-use", "unknown-heating", "unknown-state"}
    assert effective(db, "building", ["use", "heating", "refurbishment", "function_code"]) == [
        ("other", "other", None, "Luftschloss")
    ]
    assert any("colour" in f.message for f in report.findings)


def test_a_column_of_osm_kinds_is_no_id(db: Database, tmp_path: Path) -> None:
    path = layer(
        tmp_path / "a.geojson",
        {"building": ["apartments", "yes", "school"], "building:levels": [4, 2, 3], "full_id": ["w1", "w2", "w3"]},
        epsg=4326,
    )
    assert recognise([path]) == "buildings"
    bring(db, path)
    assert effective(db, "building", ["building", "use", "levels", "osm_tag"]) == [
        ("w1", "residential_multi", 4.0, "apartments"), ("w2", "other", 2.0, "yes"), ("w3", "school", 3.0, "school"),
    ]  # fmt: skip


def test_a_model_again_leaves_what_a_table_had_completed(db: Database, tmp_path: Path) -> None:
    outlines = layer(tmp_path / "a.geojson", {"id": ["a", "b"], "storeys": [2, 3]})
    ages = csv(tmp_path / "ages.csv", "id;construction_year;heating\na;1950;gas\n")
    bring(db, outlines)
    bring(db, ages)
    columns = ["building", "construction_year", "heating"]
    assert effective(db, "building", columns) == [("a", 1950, "gas"), ("b", None, None)]
    bring(db, outlines)
    assert effective(db, "building", columns) == [("a", 1950, "gas"), ("b", None, None)]


def test_files_that_contradict_each_other_are_told(db: Database, tmp_path: Path) -> None:
    one = layer(tmp_path / "a.gpkg", {"id": ["a"], "use": ["office"], "levels": [3]})
    two = csv(tmp_path / "b.csv", "id;use;levels;floor area [m2]\na;office;5;900\n")
    report = bring(db, one, two)
    assert "contradiction" in codes(report)
    assert effective(db, "building", ["levels", "floor_area_m2"]) == [(3.0, 900.0)]


def test_a_dry_run_writes_nothing(db: Database, tmp_path: Path) -> None:
    report = bring(db, layer(tmp_path / "a.gpkg"), dry_run=True)
    assert report.n_set["building"] == 4
    assert count(db, "SELECT count(*) FROM layer.building") == 0


# --- metered totals -------------------------------------------------------------------------------------------------------
def quarter(path: Path) -> Path:
    """Two districts: north with a 100 m2 office of 9.1 MWh and a metered house, south with an office of 18.2 MWh."""
    columns = {
        "id": ["a", "b", "c"], "use": ["office"] * 3, "baujahr": [1990] * 3, "floor area [m2]": [100.0, 100.0, 200.0], "Ortsteil": ["north", "north", "south"],
        "Verbrauch [MWh]": [None, 5.0, None],
    }  # fmt: skip
    return layer(path, columns)


def heats(db: Database, scenario: str = "base") -> dict[str, float]:
    return {b: s + w for b, s, w, _ in effective(db, "building_demand", DEMAND, scenario)}


@pytest.mark.parametrize("form", ["csv", "polygon"])
def test_a_metered_total_scales_the_estimated_and_not_the_metered(db: Database, tmp_path: Path, form: str) -> None:
    if form == "csv":
        metered = csv(tmp_path / "m.csv", "Ortsteil;Jahr;Wärmeverbrauch [MWh]\nnorth;2022;18,65\nwest;2022;10\n")
    else:
        area = shapely.box(389490, 5818990, 389590, 5819090)
        metered = layer(
            tmp_path / "m.geojson", {"district": ["zone"], "year": [2022], "heat [kWh]": [18650.0]}, geometry=[area]
        )
    report = bring(db, quarter(tmp_path / "a.gpkg"), metered)
    assert heats(db) == pytest.approx({"a": 9.1 * 1.5, "b": 5, "c": 18.2})
    row = {b: (f, rule) for b, f, rule in effective(db, "building_demand", ["building", "calibration", "rule"])}
    assert row["a"][0] == pytest.approx(1.5)
    assert "x 1.5 to the 19 MWh metered in" in row["a"][1]
    assert (row["b"][0], row["c"][0]) == (None, None)
    assert any(f.code == "calibrated" for f in report.findings)
    assert ("metered-nobody" in codes(report)) == (form == "csv")
    assert bring(db, quarter(tmp_path / "a.gpkg"), metered).revision is None


def test_a_metered_total_without_a_unit_is_asked_for(db: Database, tmp_path: Path) -> None:
    totals = csv(tmp_path / "totals.csv", "district;year;consumption\nNorth;2022;12.500\nSumme;;12.500\n")
    assert ("unit", 1, "consumption") in problems(db, totals)
    bring(db, totals, options={"heat_unit": "kWh"})
    assert effective(db, "metered_demand", ["district", "heat_mwh"]) == [("North", 0.0125)]


@pytest.mark.parametrize("mwh", [1, 1000])
def test_a_factor_that_can_not_be_meant_is_told_and_not_applied(db: Database, tmp_path: Path, mwh: float) -> None:
    path = layer(tmp_path / "a.gpkg", {"id": ["a"], "use": ["office"], "baujahr": [1990], "floor area [m2]": [1000.0]})
    report = bring(db, path, options={"metered_mwh": mwh, "metered_year": 2022})
    assert "calibration-implausible" in codes(report)
    assert heats(db) == pytest.approx({"a": 91})


def test_a_total_of_the_command_calibrates_all_and_stays_for_later_estimates(db: Database, tmp_path: Path) -> None:
    path = layer(tmp_path / "a.gpkg", {"id": ["a"], "use": ["office"], "baujahr": [1990], "floor area [m2]": [1000.0]})
    options = {"metered_mwh": 182, "metered_year": 2022}
    bring(db, path, options=options)
    assert heats(db) == pytest.approx({"a": 182})
    assert bring(db, path, options=options).revision is None
    edits.set_cells(db, "base", "building.floor_area_m2", 2000.0, message="measured anew")
    edit = Store(db.path).estimate("base")
    assert heats(db) == pytest.approx({"a": 182})
    assert [f.code for f in edit.findings] == ["calibrated"]
    assert count(db, "SELECT count(*) FROM meta.finding WHERE code = 'calibrated'") == 2


def test_a_given_demand_is_scaled_where_nothing_was_estimated(db: Database, tmp_path: Path) -> None:
    path = csv(tmp_path / "a.csv", "id;use;floor area [m2];space heat [MWh];hot water [MWh]\na;office;1000;80;20\n")
    bring(db, path, options={"metered_mwh": 120})
    assert effective(db, "building_demand", DEMAND[:3]) == [("a", pytest.approx(96), pytest.approx(24))]


# --- the stages that follow -----------------------------------------------------------------------------------------------
def test_metered_totals_that_come_later_wait_for_the_next_estimate(db: Database, tmp_path: Path) -> None:
    bring(db, quarter(tmp_path / "a.gpkg"))
    report = bring(db, csv(tmp_path / "m.csv", "Ortsteil;Jahr;Wärmeverbrauch [MWh]\nnorth;2022;18,65\n"))
    assert any("next estimate" in f.message for f in report.findings)
    Store(db.path).estimate("base")
    assert heats(db) == pytest.approx({"a": 9.1 * 1.5, "b": 5, "c": 18.2})


@pytest.mark.parametrize("form", ["gpkg", "geojson", "csv"])
def test_spoilt_tables_give_a_report_or_a_clean_import(db: Database, tmp_path: Path, form: str) -> None:
    source = cf.simstadt(tmp_path / "a.csv", sim_rows()) if form == "csv" else layer(tmp_path / f"a.{form}")
    target = tmp_path / f"spoilt.{form}"
    for i, _ in enumerate(fuzz.spoilt_bytes(source, target, 18, seed=9)):
        fuzz.meets(lambda i=i: bring(db, target, scenario=f"s{i}", dry_run=True))  # type: ignore[misc]
    if form == "csv":
        for i, _ in enumerate(fuzz.spoilt_lines(source, target, 28, seed=9, encoding="utf-8")):
            fuzz.meets(lambda i=i: bring(db, target, scenario=f"l{i}", dry_run=True))  # type: ignore[misc]


def test_a_large_layer_takes_seconds(db: Database, tmp_path: Path) -> None:
    import time

    n = 20_000
    rng = np.random.default_rng(1)
    columns = {
        "id": np.arange(n).astype(str),
        "function": ["31001_1010"] * n,
        "baujahr": rng.integers(1900, 2015, n),
        "height": rng.uniform(5, 20, n),
    }
    path = layer(tmp_path / "a.geojson", columns, epsg=4326, geometry=[house(i % 100, epsg=4326) for i in range(n)])
    start = time.process_time()
    bring(db, path)
    assert time.process_time() - start < 30
    assert len(pd.DataFrame(effective(db, "building_demand", ["building"]))) == n


def test_all_stages_run_on_buildings_with_streets_of_a_map(db: Database, tmp_path: Path) -> None:
    """Buildings of a layer, their heat shaped by weather, beside streets, a pipe and a source: network, plants and dispatch."""
    study.build(db, years=[2025])
    study.add(db, "base", "model_option", {"option": "hours", "value": "0:24"})
    near = {"street": "s1", "from_node": 1, "to_node": 2, "highway": "residential", "length_m": 300.0}
    frame = pd.DataFrame([near | {"geometry": shapely.LineString([(389480, 5818990), (389780, 5818990)])}])
    pipe = pd.DataFrame(
        [
            {
                "pipe": "p",
                "site": "centre",
                "existing": True,
                "geometry": shapely.LineString([(389480, 5818980), (389480, 5819090)]),
            }
        ]
    )
    source = pd.DataFrame(
        [
            {
                "heat_source": "data",
                "kind": "data_centre",
                "capacity_mw": 1.0,
                "temperature_c": 30.0,
                "geometry": shapely.Point(389760, 5819000),
            }
        ]
    )
    made = [
        Rows(t, f, tmp_path / "made", epsg=25833)
        for t, f in (("street", frame), ("network_pipe", pipe), ("heat_source", source))
    ]
    run_import(db, Made(made), [tmp_path], scenario="base")
    bring(db, layer(tmp_path / "a.gpkg"), cf.try_file(tmp_path / "try.dat"), site="centre")
    study.add(
        db, "base", "network_temperature", {"site": "centre", "supply_c": 90.0, "return_c": 50.0, "ground_c": 8.0}
    )
    runs = Store(db.path).run("base")
    assert [(r.stage, r.status) for r in runs] == [
        ("geo", "optimal"),
        ("investment", "optimal"),
        ("dispatch", "optimal"),
    ]


class Made:
    """An importer of rows that are there already."""

    name, reads, attribution = "made", "rows of a test", ""

    def __init__(self, rows: list[Rows]) -> None:
        self.rows = rows

    def read(self, _request: Any) -> Any:
        yield from self.rows


def test_points_part_thousands_where_commas_part_decimals(db: Database, tmp_path: Path) -> None:
    text = "id;use;Baujahr;BGF [m²];Wärmebedarf [kWh/a]\na;EFH;1962;140,5;21.500\nb;MFH;1995;1.640;58.300,5\n"
    assert "number-format" not in codes(bring(db, csv(tmp_path / "a.csv", text)))
    assert [row[0] for row in effective(db, "building", ["floor_area_m2"])] == [140.5, 1640.0]
    assert sorted(s + w for _, s, w, _ in effective(db, "building_demand", DEMAND)) == pytest.approx([21.5, 58.3005])


def test_a_point_that_may_part_either_is_told(db: Database, tmp_path: Path) -> None:
    report = bring(db, csv(tmp_path / "a.csv", "id;use;floor area [m2]\na;office;140.500\n"))
    assert "number-format" in codes(report)


def test_areas_are_those_on_the_ground_whatever_the_system(db: Database, tmp_path: Path) -> None:
    frame = geopandas.GeoDataFrame({"id": ["a"], "use": ["office"], "levels": [3]}, geometry=[house(0)], crs=25833)
    frame.to_crs(3857).to_file(tmp_path / "a.geojson")
    bring(db, tmp_path / "a.geojson")
    assert effective(db, "building", ["footprint_m2"]) == [(pytest.approx(400, rel=2e-3),)]


def test_cells_may_name_their_own_unit(db: Database, tmp_path: Path) -> None:
    bring(
        db,
        csv(
            tmp_path / "a.csv",
            "id;use;height;floor area;heat\na;office;5 m;120 m2;13 MWh\nb;office;450 cm;0.02 ha;26000 kWh/a\n",
        ),
        options={"heat_unit": "MWh"},
    )
    assert sorted(effective(db, "building", ["height_m", "floor_area_m2"])) == [(4.5, 200.0), (5.0, 120.0)]
    assert heats(db) == pytest.approx({"a": 13, "b": 26})


def test_a_building_inside_another_is_told(db: Database, tmp_path: Path) -> None:
    path = layer(
        tmp_path / "a.gpkg",
        {"id": ["a", "b", "c"], "use": ["office"] * 3, "levels": [2, 2, 2]},
        geometry=[house(0), house(0, 10), house(1)],
    )
    report = bring(db, path)
    finding = next(f for f in report.findings if f.code == "overlap")
    assert "'b'" in finding.message
    assert "'c'" not in finding.message


def test_areas_that_say_nothing_are_not_guessed(db: Database, tmp_path: Path) -> None:
    outlines = layer(tmp_path / "outlines.geojson", {"release": [1, 1]}, epsg=4326)
    with pytest.raises(UserError, match="no format"):
        recognise([outlines])
    uses = layer(tmp_path / "uses.shp", {"id": ["a", "b"], "type": ["office", "Wohnhaus"]})
    assert recognise([uses]) == "buildings"
    bring(db, uses)
    assert effective(db, "building", ["building", "use", "footprint_m2"]) == [
        ("a", "office", pytest.approx(400)), ("b", "residential_multi", pytest.approx(400)),
    ]  # fmt: skip
    heat = layer(tmp_path / "heat.gpkg", {"id": ["a", "b"], "type": ["office", "school"], "capacity_kw": [10, 20]})
    assert recognise([heat]) == "heat-sources"


def test_features_are_named_by_the_number_that_is_shown(db: Database, tmp_path: Path) -> None:
    path = layer(tmp_path / "a.gpkg", {"id": ["a", "b"], "height": ["5", "high"]})
    assert problems(db, path) == [("invalid", 2, "height")]


@pytest.mark.parametrize("last", ["b17", "1702", "17"])
def test_an_id_alone_is_no_note(db: Database, tmp_path: Path, last: str) -> None:
    bring(db, csv(tmp_path / "a.csv", f"id;use;baujahr;floor area [m2]\na1;office;1990;100\n{last};;;\n"))
    assert {b for (b,) in effective(db, "building", ["building"])} == {"a1", last}


def test_a_parcel_is_no_building(db: Database, tmp_path: Path) -> None:
    path = tmp_path / "alkis.gpkg"
    facts = {
        "oid": ["DE1", "DE2"], "gfkzshh": ["31001_2000", "31001_2050"], "gebnutzbez": ["Gebäude", "Gebäude"],
        "anzahlgs": ["2", None], "lagebeztxt": ["Am Markt 1", None],
    }  # fmt: skip
    boxes = [shapely.box(356000 + 30 * i, 5645000, 356010 + 30 * i, 5645010) for i in range(2)]
    geopandas.GeoDataFrame(facts, geometry=boxes, crs=25832).to_file(path, layer="GebaeudeBauwerk")
    parcel = geopandas.GeoDataFrame(
        {"oid": ["F1"]}, geometry=[shapely.box(356000, 5645000, 356100, 5645100)], crs=25832
    )
    parcel.to_file(path, layer="Flurstueck")
    parcel.to_file(path, layer="Flur")
    other = tmp_path / "other.gpkg"
    for name in ("one", "two"):
        parcel.to_file(other, layer=name)
    assert [code for code, *_ in problems(db, other)] == ["sheet"]
    bring(db, path)
    names = ["building", "use", "levels", "address"]
    assert effective(db, "building", names) == [("DE1", "industrial", 2.0, "Am Markt 1"), ("DE2", "retail", None, None)]


def test_one_feature_a_line_and_heights_that_are_not_known_are_read(db: Database, tmp_path: Path) -> None:
    path = tmp_path / "a.geojsonl"
    boxes = [shapely.to_geojson(shapely.box(x, 38.9, x + 0.0002, 38.9001)) for x in (-77.03, -77.029)]
    path.write_text(
        "\n".join(
            f'{{"type": "Feature", "properties": {{"height": {h}}}, "geometry": {g}}}'
            for g, h in zip(boxes, (-1, 7.5), strict=True)
        )
    )
    report = bring(db, path)
    assert "zero" in {f.code for f in report.findings}
    assert dict(effective(db, "building", ["building", "height_m"])) == {"a-1": None, "a-2": 7.5}


def test_square_feet_of_pluto_become_square_metres(db: Database, tmp_path: Path) -> None:
    text = "bbl,bldgarea,numfloors,yearbuilt,latitude,longitude\n1000010010.0,1000,3,1921,40.70,-74.01\n"
    bring(db, csv(tmp_path / "pluto.csv", text))
    names = ["building", "floor_area_m2", "levels", "construction_year"]
    assert effective(db, "building", names) == [("1000010010", pytest.approx(92.90304), 3.0, 1921)]


@pytest.mark.parametrize(
    ("ids", "named"), [(["b1", "b2"], ["b1", "b2"]), (["0", "1"], ["a-1", "a-2"]), (["b1", "b1"], ["a-1", "a-2"])]
)
def test_ids_beside_the_properties_of_geojson_name_buildings_unless_they_only_count(
    db: Database, tmp_path: Path, ids: list[str], named: list[str]
) -> None:
    outlines = [shapely.geometry.mapping(house(n, epsg=4326)) for n in range(2)]
    features = [
        {"type": "Feature", "id": i, "properties": {"height": 6.0}, "geometry": o}
        for i, o in zip(ids, outlines, strict=True)
    ]
    bring(db, csv(tmp_path / "a.geojson", json.dumps({"type": "FeatureCollection", "features": features})))
    assert [row["building"] for row in db.sql("SELECT building FROM input.building ORDER BY 1").to_pylist()] == named
