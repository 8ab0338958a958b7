"""Tables and layers of heat sources: what is read, what is said of it, what is refused, and files that are spoilt."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING, Any

import geopandas
import pandas as pd
import pytest
import shapely
from pyproj import Transformer

from dhsdb.errors import ProblemsError
from dhsdb.importers.pipeline import run_import
from dhsdb.importers.registry import recognise
from tests.importers import fuzz
from tests.importers.books import book, count, effective

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dhsdb.database import Database
    from dhsdb.importers.pipeline import ImportReport

HEAD = ["Name", "Lat", "Long", "Type", "Capacity [kW]", "Annual heat (GWh)", "Temperature"]


def town(n: int = 12) -> list[list[Any]]:
    """A sheet of sources around Stockholm in which everything is right."""
    rows: list[list[Any]] = [
        [f"Shop {i}", 59.3 + i / 500, 18.0 + i / 400, "Supermarket", 100 + 10 * i, 0.5, 30] for i in range(n)
    ]
    return [list(HEAD), *rows]


def bring(db: Database, *paths: Path, scenario: str = "base", **options: Any) -> ImportReport:
    return run_import(db, "heat-sources", paths, scenario=scenario, **options)


def refused(db: Database, *paths: Path, **options: Any) -> list[tuple[str, int | None]]:
    """Return code and row of each problem; nothing may be written."""
    with pytest.raises(ProblemsError) as error:
        bring(db, *paths, **options)
    assert all(p.file for p in error.value.problems)
    assert count(db, "SELECT count(*) FROM layer.heat_source") == 0
    return [(p.code, p.row) for p in error.value.problems]


def warned(report: ImportReport) -> set[str]:
    known = {"no-model-year", "unknown-reference", "source-capacity"}
    return {f.code for f in report.findings if f.severity == "warning"} - known


def places(db: Database) -> list[tuple[float, float]]:
    sql = "SELECT geometry FROM layer.heat_source WHERE rev_to IS NULL ORDER BY source_row"
    shapes = [shapely.from_wkb(bytes(row["geometry"])) for row in db.sql(sql).to_pylist()]
    back = Transformer.from_crs(32633, 4326, always_xy=True)
    return [(round(x, 6), round(y, 6)) for x, y in (back.transform(s.x, s.y) for s in shapes)]


# --- what is read -----------------------------------------------------------------------------------------------------
def test_a_sheet_is_read_in_its_units_and_twice_makes_one_revision(db: Database, tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", Sources=town())
    assert recognise([path]) == "heat-sources"
    report = bring(db, path)
    assert warned(report) == set()
    row = effective(db, "heat_source", ["heat_source", "title", "kind", "capacity_mw", "annual_mwh", "temperature_c"])[
        0
    ]
    assert row == ("Shop 0 @ 59.30000, 18.00000", "Shop 0", "supermarket", 0.1, 500.0, 30.0)
    assert bring(db, path).revision is None


@pytest.mark.parametrize("form", ["csv", "semicolons", "cp1252", "geojson", "gpkg", "kml", "kmz"])
def test_every_form_gives_the_same_sources(db: Database, tmp_path: Path, form: str) -> None:
    frame = pd.DataFrame(town()[1:], columns=HEAD).rename(
        columns={"Capacity [kW]": "capacity_kw", "Annual heat (GWh)": "annual_heat_gwh"}
    )
    frame["Name"] = frame["Name"].str.replace("Shop", "Köp")
    points = geopandas.GeoDataFrame(
        frame.drop(columns=["Lat", "Long"]), geometry=geopandas.points_from_xy(frame["Long"], frame["Lat"]), crs=4326
    )
    path = tmp_path / f"a.{form}"
    if form == "csv":
        frame.to_csv(path, index=False)
    elif form == "semicolons":
        frame.to_csv(path, index=False, sep=";", decimal=",")
    elif form == "cp1252":
        frame.to_csv(path, index=False, encoding="cp1252")
    elif form == "geojson":
        points.to_file(path, driver="GeoJSON")
    elif form == "gpkg":
        points.to_crs(3006).to_file(path, driver="GPKG", layer="sources")
    else:
        text = kml(*(mark(r.Name, f"<Point><coordinates>{r.geometry.x},{r.geometry.y},0</coordinates></Point>", data=r._asdict()) for r in points.itertuples()) )  # fmt: skip
        path.write_text(text, encoding="utf-8") if form == "kml" else zipped(path, text.encode())
    assert recognise([path]) == "heat-sources"
    bring(db, path, options={"capacity_unit": "kW", "heat_unit": "GWh"}, epsg=32633)
    rows = effective(db, "heat_source", ["title", "kind", "round(capacity_mw, 6)"])
    assert rows[:2] == [("Köp 0", "supermarket", 0.1), ("Köp 1", "supermarket", 0.11)]
    assert len(rows) == 12
    assert places(db)[0] == (18.0, 59.3)


def kml(*marks: str, head: str = "") -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?>{head}<kml xmlns="http://www.opengis.net/kml/2.2"><Document>{"".join(marks)}</Document></kml>'


def mark(name: str, shape: str, data: dict[str, Any] | None = None) -> str:
    known = {"Type": "Type", "capacity_kw": "capacity_kw"}
    items = "".join(f'<Data name="{known[k]}"><value>{v}</value></Data>' for k, v in (data or {}).items() if k in known)
    return f"<Placemark><name>{name}</name><ExtendedData>{items}</ExtendedData>{shape}</Placemark>"


def zipped(path: Path, content: bytes, name: str = "doc.kml") -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)


def test_small_areas_become_points_and_regions_are_refused(db: Database, tmp_path: Path) -> None:
    small, large = shapely.Point(18, 59.3).buffer(0.001), shapely.Point(18, 59.3).buffer(0.1)
    path = tmp_path / "a.geojson"
    geopandas.GeoDataFrame({"name": ["hall"]}, geometry=[small], crs=4326).to_file(path)
    assert any(f.code == "area" for f in bring(db, path, scenario="small").findings)
    geopandas.GeoDataFrame({"name": ["region"]}, geometry=[large], crs=4326).to_file(path)
    with pytest.raises(ProblemsError, match="is a region and no heat source"):
        bring(db, path)


def test_degrees_minutes_and_numbers_as_text_are_read(db: Database, tmp_path: Path) -> None:
    rows = [
        ["name", "lat", "lon", "capacity_mw"],
        ["a", "59°18'0\"N", "18° 6' 0\"E", "1,5"],
        ["b", " 59.31°", "18.02°", "150 kW"],
    ]
    bring(db, book(tmp_path / "a.xlsx", s=rows), epsg=32633)
    assert places(db) == [(18.1, 59.3), (18.02, 59.31)]
    assert effective(db, "heat_source", ["title", "capacity_mw"]) == [("a", 1.5), ("b", 0.15)]


def plants() -> list[list[object]]:
    """A list of plants as a utility sends it: titles, units in a row of their own, decimal commas, a total, a note."""
    return [
        ["Stadtwerke Musterstadt GmbH"], ["Stand: 31.12.2023"], [],
        ["Nr.", "Anlage", "Art", "Leistung", "Wärme", "Temperatur", "Breite", "Länge"],
        [None, None, None, "kW", "MWh/a", "°C", "°", "°"],
        [1, "Heizwerk Nord", "Industrie", "12.500", "45.000", 95, "52,5200", "13,4050"],
        [2, "Klärwerk", "Klärwerk", "3.200,5", "12.000,5", 15, "52,5100", "13,4150"],
        [3, "Rechenzentrum", "Rechenzentrum", 850, 6800, 30, "52,500", "13,425"],
        ["Summe", None, None, 16550.5, 63800.5], [],
        ["* Angaben ohne Gewähr."],
    ]  # fmt: skip


@pytest.mark.parametrize("form", ["xlsx", "csv", "utf-16"])
def test_a_list_of_plants_is_read_below_its_titles_and_without_its_total(
    db: Database, tmp_path: Path, form: str
) -> None:
    if form == "xlsx":
        path = book(tmp_path / "a.xlsx", Erzeuger=plants())
    else:
        lines = (
            ";".join("" if c is None else str(c).replace(".", "," if isinstance(c, float) else ".") for c in row)
            for row in plants()
        )
        path = tmp_path / "a.csv"
        path.write_text("\n".join(lines), encoding="utf-8" if form == "csv" else form)
    assert recognise([path]) == "heat-sources"
    report = bring(db, path)
    said = {(f.code, f.message.rpartition(": ")[2]) for f in report.findings}
    assert {("titles", "rows 1-2."), ("totals", "row 9."), ("notes", "row 11.")} <= said
    found = effective(db, "heat_source", ["title", "kind", "capacity_mw", "annual_mwh", "temperature_c"])
    assert sorted(found) == [
        ("Heizwerk Nord", "industry", 12.5, 45_000.0, 95.0), ("Klärwerk", "waste_water", 3.2005, 12_000.5, 15.0),
        ("Rechenzentrum", "data_centre", 0.85, 6_800.0, 30.0),
    ]  # fmt: skip
    assert places(db) == [(13.405, 52.52), (13.415, 52.51), (13.425, 52.5)]


def test_a_point_in_a_number_that_nothing_explains_is_told(db: Database, tmp_path: Path) -> None:
    rows = [HEAD, *([f"S{i}", 59.3 + i / 100, 18.0, "industry", "12.500", None, None] for i in range(3))]
    report = bring(db, book(tmp_path / "a.xlsx", Sources=rows))
    assert "number-format" in warned(report)
    assert effective(db, "heat_source", ["capacity_mw"])[0] == (0.0125,)


def test_a_row_called_total_that_has_a_place_is_a_source(db: Database, tmp_path: Path) -> None:
    rows = [*town(3), ["Total", 59.31, 18.01, "industry", 500, 0.5, 30]]
    bring(db, book(tmp_path / "a.xlsx", Sources=rows))
    assert len(effective(db, "heat_source", ["title"])) == 4


def test_links_to_maps_elsewhere_are_told(db: Database, tmp_path: Path) -> None:
    path = tmp_path / "a.kmz"
    link = "<NetworkLink><Link><href>https://example.org/kml?mid=1</href></Link></NetworkLink>"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("doc.kml", f"<kml><Document>{link}</Document></kml>")
        archive.writestr("files/other.kml", "<kml/>")
    with pytest.raises(ProblemsError) as error:
        bring(db, path)
    assert [p.code for p in error.value.problems] == ["empty"]
    assert {(w.code, w.value) for w in error.value.warnings} >= {
        ("link", "https://example.org/kml?mid=1"), ("ignored", "files/other.kml"),
    }  # fmt: skip


def test_letters_tell_that_columns_are_swapped(db: Database, tmp_path: Path) -> None:
    rows = [["name", "lat", "lon"], ["a", "18°6'0\"E", "59°18'0\"N"]]
    report = bring(db, book(tmp_path / "a.xlsx", s=rows), epsg=32633)
    assert "swapped" in warned(report)
    assert places(db) == [(18.1, 59.3)]


# --- ids and joins ----------------------------------------------------------------------------------------------------
def test_sources_of_one_name_are_told_apart(db: Database, tmp_path: Path) -> None:
    rows = [["name", "lat", "lon"], ["Coop", 59.3, 18.0], ["Coop", 59.31, 18.0], ["Coop", 59.3, 18.0]]
    report = bring(db, book(tmp_path / "a.xlsx", s=rows))
    keys = [k for (k,) in effective(db, "heat_source", ["heat_source"])]
    assert keys == ["Coop @ 59.30000, 18.00000", "Coop @ 59.30000, 18.00000 #2", "Coop @ 59.31000, 18.00000"]
    assert "repeated" in warned(report)


def test_sources_that_the_scenario_holds_keep_their_ids_and_what_else_it_knows(db: Database, tmp_path: Path) -> None:
    with_ids = [["id", *HEAD], *([f"S{i}", *row] for i, row in enumerate(town(4)[1:]))]
    bring(db, book(tmp_path / "a.xlsx", Sources=with_ids))
    lean = [
        ["Name", "Lat", "Long", "Capacity [kW]"], ["shop 0", 59.3, 18.0, 111], ["Shop 1", 59.3023, 18.0025, 222],
        ["Shop 2", 59.4, 18.1, 333],
    ]  # fmt: skip
    path = book(tmp_path / "b.xlsx", Capacities=lean)
    report = bring(db, path)
    assert {"matched", "moved"} <= {f.code for f in report.findings}
    places_ = db.sql("SELECT count(geometry) AS n FROM input.heat_source WHERE scenario = 'base'").to_pylist()
    assert places_ == [{"n": 5}]
    names = ["heat_source", "title", "kind", "capacity_mw"]
    assert effective(db, "heat_source", names) == [
        ("S0", "shop 0", "supermarket", 0.111), ("S1", "Shop 1", "supermarket", 0.222), ("S2", "Shop 2", "supermarket", 0.12),
        ("S3", "Shop 3", "supermarket", 0.13), ("Shop 2 @ 59.40000, 18.10000", "Shop 2", None, 0.333),
    ]  # fmt: skip
    assert bring(db, path).revision is None


def test_a_table_without_a_column_says_nothing_of_it(db: Database, tmp_path: Path) -> None:
    bring(db, book(tmp_path / "a.xlsx", Sources=town(3)))
    names = ["heat_source", "kind", "capacity_mw"]
    before = effective(db, "heat_source", names)
    assert {kind for _, kind, _ in before} == {"supermarket"}
    bare = [["Name", "Lat", "Long", "Capacity [kW]"], *([r[0], r[1], r[2], 500] for r in town(3)[1:])]
    bring(db, book(tmp_path / "b.xlsx", Sources=bare))
    assert effective(db, "heat_source", names) == [(key, kind, 0.5) for key, kind, _ in before]


def test_a_changed_file_without_ids_changes_its_own_sources(db: Database, tmp_path: Path) -> None:
    rows = [*town(3), town(1)[1]]  # the first is there twice
    bring(db, book(tmp_path / "a.xlsx", Sources=rows))
    before = effective(db, "heat_source", ["heat_source"])
    rows = [
        HEAD,
        [*rows[1][:4], 999, *rows[1][5:]],
        [rows[2][0], rows[2][1] + 0.0002, *rows[2][2:]],
        rows[3],
        rows[4],
        rows[1],
    ]
    report = bring(db, book(tmp_path / "a.xlsx", Sources=rows))
    assert "moved" in warned(report)
    found = effective(db, "heat_source", ["heat_source", "capacity_mw"])
    assert [(key,) for key, _ in found] == [*before[:2], ("Shop 0 @ 59.30000, 18.00000 #3",), *before[2:]]
    assert found[0] == ("Shop 0 @ 59.30000, 18.00000", 0.999)


def test_sources_that_come_again_under_other_ids_are_told(db: Database, tmp_path: Path) -> None:
    bring(db, book(tmp_path / "a.xlsx", Sources=town(2)))
    report = bring(db, book(tmp_path / "b.xlsx", Sources=[["id", *HEAD], ["S0", *town(1)[1]]]))
    assert "double" in warned(report)


def test_an_id_that_is_there_twice_is_refused(db: Database, tmp_path: Path) -> None:
    rows = [["id", "name", "lat", "lon"], [7, "a", 59.3, 18.0], [7, "b", 59.31, 18.0]]
    assert refused(db, book(tmp_path / "a.xlsx", s=rows)) == [("duplicate", 3)]


def test_tables_are_joined_by_name_and_place_and_never_by_position(db: Database, tmp_path: Path) -> None:
    sizes = book(
        tmp_path / "a.xlsx",
        s=[["id", "name", "lat", "lon", "capacity_mw"], [1, "a", 59.3, 18.0, 2], [2, "b", 59.31, 18.0, 3]],
    )
    types = book(
        tmp_path / "b.xlsx",
        s=[["name", "lat", "lon", "type"], ["b", 59.31, 18.0, "Ice rink"], ["a", 59.3, 18.0, "metro"]],
    )
    bring(db, types, sizes)
    assert effective(db, "heat_source", ["heat_source", "kind", "capacity_mw"]) == [
        ("1", "metro_station", 2),
        ("2", "ice_rink", 3),
    ]


def test_tables_that_contradict_each_other_are_refused(db: Database, tmp_path: Path) -> None:
    one = book(tmp_path / "a.xlsx", s=[["id", "name", "lat", "lon", "capacity_mw"], [1, "a", 59.3, 18.0, 2]])
    two = book(tmp_path / "b.xlsx", s=[["name", "lat", "lon", "capacity_kw"], ["a", 59.3, 18.0, 2001]])
    assert refused(db, one, two) == [("contradiction", 2)]
    two = book(tmp_path / "b.xlsx", s=[["name", "lat", "lon", "capacity_kw"], ["a", 59.3, 18.0, 2000]])
    bring(db, one, two)


# --- swaps, systems, units --------------------------------------------------------------------------------------------
def swapped(rows: list[list[Any]], which: Sequence[int]) -> list[list[Any]]:
    return [[r[0], r[2], r[1], *r[3:]] if i in which else r for i, r in enumerate(rows)]


def test_few_swapped_rows_are_swapped_back_and_named(db: Database, tmp_path: Path) -> None:
    report = bring(db, book(tmp_path / "a.xlsx", s=swapped(town(), [4])), epsg=32633)
    assert [f.message[:41] for f in report.findings if f.code == "swapped"] == [
        "latitude and longitude of row 5 are swapp"
    ]
    assert places(db)[3] == (18.0075, 59.306)


@pytest.mark.parametrize("which", [range(1, 7), range(1, 11), (3, 4)])
def test_rows_that_mirror_each_other_are_refused_unless_a_region_tells(
    db: Database, tmp_path: Path, which: Sequence[int]
) -> None:
    path = book(tmp_path / "a.xlsx", s=swapped(town(), which))
    assert [code for code, _ in refused(db, path)] == ["swapped"]
    bring(db, path, bbox=(17, 58, 19, 60))
    assert count(db, "SELECT count(*) FROM layer.heat_source") == 12


def test_a_whole_table_that_is_swapped_shows_by_the_system_asked_for(db: Database, tmp_path: Path) -> None:
    report = bring(db, book(tmp_path / "a.xlsx", s=swapped(town(), range(1, 13))), epsg=3006)
    assert "swapped" in warned(report)


def test_a_place_that_no_reading_explains_is_refused(db: Database, tmp_path: Path) -> None:
    rows = town()
    rows[3][1] = 9.3
    path = book(tmp_path / "a.xlsx", s=rows)
    assert refused(db, path, epsg=3006) == [("outside", 4)]
    assert "far" in warned(bring(db, path))


def test_metres_need_a_system(db: Database, tmp_path: Path) -> None:
    rows = [["name", "easting", "northing"], ["a", 662913.8, 6581763.6]]
    path = book(tmp_path / "a.xlsx", s=rows)
    assert refused(db, path) == [("crs", 2)]
    bring(db, path, epsg=3006)


def test_a_geometry_that_stands_in_another_column_is_taken_and_said(db: Database, tmp_path: Path) -> None:
    rows = [["name", "geometry", "type"], ["a", "POINT (18 59.3)", "metro"], ["b", "Water", "POINT (18.1 59.3)"]]
    report = bring(db, book(tmp_path / "a.xlsx", s=rows))
    assert "shifted" in warned(report)
    assert effective(db, "heat_source", ["title", "kind"]) == [("a", "metro_station"), ("b", "water")]


def test_a_geometry_that_can_not_be_found_is_refused(db: Database, tmp_path: Path) -> None:
    rows = [["name", "geometry", "type"], ["a", "POINT (18 59.3)", "metro"], ["b", "Water", "lake"]]
    assert refused(db, book(tmp_path / "a.xlsx", s=rows)) == [("geometry", 3)]


@pytest.mark.parametrize(
    ("values", "unit"), [((90, 11_400), 0.001), ((0.1, 11.4), 1), ((90, 300), None), ((0.1, 11_400), None)]
)
def test_a_unit_that_is_not_said_is_taken_only_if_one_can_be_meant(db: Database, tmp_path: Path, values: tuple[float, float], unit: float | None) -> None:  # fmt: skip
    rows = [["name", "lat", "lon", "capacity"], *([f"s{i}", 59.3 + i / 100, 18.0, v] for i, v in enumerate(values))]
    path = book(tmp_path / "a.xlsx", s=rows)
    if unit is None:
        assert refused(db, path) == [("unit", 1)]
        return
    assert "unit-assumed" in warned(bring(db, path))
    assert effective(db, "heat_source", ["capacity_mw"])[0] == (pytest.approx(values[0] * unit),)


def test_annual_heat_without_a_unit_is_refused(db: Database, tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", s=[["name", "lat", "lon", "annual heat"], ["a", 59.3, 18.0, 5]])
    assert refused(db, path) == [("unit", 1)]
    bring(db, path, options={"heat_unit": "GWh"})
    assert effective(db, "heat_source", ["annual_mwh"]) == [(5000.0,)]


# --- hostile and spoilt -----------------------------------------------------------------------------------------------
POINT = "<Point><coordinates>18,59.3</coordinates></Point>"


@pytest.mark.parametrize(
    "head", ['<!DOCTYPE kml [<!ENTITY a "x"><!ENTITY b "&a;&a;">]>', '<!DOCTYPE kml SYSTEM "file:///etc/passwd">']
)
def test_entities_are_refused(db: Database, tmp_path: Path, head: str) -> None:
    path = tmp_path / "a.kml"
    path.write_text(kml(mark("&b;", POINT), head=head))
    assert refused(db, path) == [("unsafe", None)]


def test_archives_that_grow_without_bound_are_refused(db: Database, tmp_path: Path) -> None:
    path = tmp_path / "a.kmz"
    zipped(path, kml(mark("a", POINT)).encode() + b" " * 60_000_000)
    assert refused(db, path) == [("unsafe", None)]


def test_deep_nesting_is_refused(db: Database, tmp_path: Path) -> None:
    path = tmp_path / "a.kml"
    path.write_text(kml("<Folder>" * 100_000))
    assert refused(db, path) == [("unsafe", None)]


def test_paths_in_archives_write_nothing(db: Database, tmp_path: Path) -> None:
    path = tmp_path / "in" / "a.kmz"
    path.parent.mkdir()
    zipped(path, kml(mark("a", POINT)).encode(), "../../outside.kml")
    bring(db, path)
    assert not (tmp_path / "outside.kml").exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b'{"type": "FeatureCollection"}',
        b"[1]",
        b"SQLite format 3\x00" + b"\x01" * 99,
        b"<html/>",
        b"<kml",
        b"a,b\n1,2",
        b"\x00\x01",
        b"\x89PNG",
    ],
)
def test_what_holds_no_places_is_refused(db: Database, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.dat"
    path.write_bytes(content)
    assert refused(db, path)


def test_spoilt_workbooks_are_read_or_refused_by_place(db: Database, tmp_path: Path) -> None:
    for name, sheets in fuzz.spoilt_books({"Sources": town(), "notes": [["a", "b"], [1, 2]]}, 36, seed=9):
        path = fuzz.write_book(tmp_path / "a.xlsx", sheets)
        before = count(db, "SELECT count(*) FROM meta.revision")
        if fuzz.meets(lambda path=path: bring(db, path)):
            assert count(db, "SELECT count(*) FROM meta.revision") == before, name


@pytest.mark.parametrize("form", ["csv", "kml", "kmz", "geojson", "gpkg"])
def test_spoilt_bytes_are_read_or_refused(db: Database, tmp_path: Path, form: str) -> None:
    good, bad = tmp_path / f"good.{form}", tmp_path / f"bad.{form}"
    frame = geopandas.GeoDataFrame(
        {"name": ["a", "b"]}, geometry=geopandas.points_from_xy([18, 18.1], [59.3, 59.31]), crs=4326
    )
    text = kml(mark("a", POINT), mark("b", POINT.replace("18", "18.1")))
    if form == "csv":
        good.write_text("name,lat,lon,capacity_kw\na,59.3,18,5\nb,59.31,18.1,6\n")
    elif form == "kml":
        good.write_text(text)
    elif form == "kmz":
        zipped(good, text.encode())
    else:
        frame.to_file(good)
    for name in fuzz.spoilt_bytes(good, bad, 18, seed=9):
        before = count(db, "SELECT count(*) FROM meta.revision")
        if fuzz.meets(lambda: bring(db, bad)):
            assert count(db, "SELECT count(*) FROM meta.revision") == before, name


def test_odd_json_is_refused(db: Database, tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    for odd in ([], {"type": "Topology"}, {"type": "FeatureCollection", "features": 5}, {"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": {"type": "Point", "coordinates": ["a", None]}}]}):  # fmt: skip
        path.write_text(json.dumps(odd))
        assert fuzz.meets(lambda: bring(db, path))
