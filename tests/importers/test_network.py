"""Existing networks: vertices, lines and tracks, their names, nodes and lengths, and files that are spoilt."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Any

import geopandas
import pytest
import shapely
from pyproj import Geod

from dhsdb.errors import ProblemsError
from dhsdb.importers.pipeline import run_import
from dhsdb.importers.registry import recognise
from tests.importers import fuzz
from tests.importers.books import book, count, effective

if TYPE_CHECKING:
    from pathlib import Path

    from dhsdb.database import Database
    from dhsdb.importers.pipeline import ImportReport

EAST, NORTH = [(18.0, 59.3), (18.01, 59.3)], [(18.01, 59.3), (18.01, 59.31), (18.01, 59.32)]


def bring(db: Database, *paths: Path, scenario: str = "base", **options: Any) -> ImportReport:
    return run_import(db, "network", paths, scenario=scenario, **options)


def refused(db: Database, *paths: Path, **options: Any) -> list[tuple[str, int | None]]:
    """Return code and row of each problem; nothing may be written."""
    with pytest.raises(ProblemsError) as error:
        bring(db, *paths, **options)
    assert all(p.file for p in error.value.problems)
    assert count(db, "SELECT count(*) FROM layer.network_pipe") == 0
    return [(p.code, p.row) for p in error.value.problems]


def metres(line: list[tuple[float, float]]) -> Any:
    """Return the length on the ellipsoid, from which that of a projected system differs by its scale."""
    return pytest.approx(Geod(ellps="WGS84").line_length(*zip(*line, strict=True)), rel=5e-4)


def vertices(**lines: list[tuple[float, float]]) -> list[list[Any]]:
    return [["Identifier", "lat", "long"], *([name, y, x] for name, line in lines.items() for x, y in line)]


def kml(*lines: tuple[str, list[tuple[float, float]]]) -> str:
    marks = "".join(
        f"<Placemark><name>{name}</name><LineString><coordinates>{' '.join(f'{x},{y},0' for x, y in line)}</coordinates></LineString></Placemark>"
        for name, line in lines
    )
    return f'<?xml version="1.0"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document>{marks}</Document></kml>'


def names(db: Database, scenario: str = "base") -> list[object]:
    return [name for (name,) in effective(db, "network_pipe", ["pipe"], scenario)]


def test_vertices_become_lines_that_share_their_nodes(db: Database, tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", Sheet1=vertices(east=EAST, north=NORTH))
    assert recognise([path]) == "network"
    bring(db, path, epsg=3006)
    east, north = effective(
        db, "network_pipe", ["pipe", "from_node", "to_node", "trench_m", "existing", "site", "diameter_m"]
    )
    assert east == ("east", "59.300000, 18.000000", "59.300000, 18.010000", metres(EAST), True, "main", None)
    assert north[1] == east[2]
    assert bring(db, path).revision is None


@pytest.mark.parametrize("form", ["kml", "kmz", "geojson", "gpkg", "csv", "wkt"])
def test_every_form_gives_the_same_pipes(db: Database, tmp_path: Path, form: str) -> None:
    path = tmp_path / f"a.{form}"
    frame = geopandas.GeoDataFrame(
        {"name": ["east", "north"], "DN": [100, 80]},
        geometry=[shapely.LineString(EAST), shapely.LineString(NORTH)],
        crs=4326,
    )
    if form == "kml":
        path.write_text(kml(("east", EAST), ("north", NORTH)))
    elif form == "kmz":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("doc.kml", kml(("east", EAST), ("north", NORTH)))
    elif form == "geojson":
        frame.to_file(path)
    elif form == "gpkg":
        frame.to_crs(3006).to_file(path)
    elif form == "csv":
        path.write_text("\n".join(",".join(map(str, row)) for row in vertices(east=EAST, north=NORTH)))
    else:
        frame.assign(wkt=frame.geometry.to_wkt()).drop(columns="geometry").to_csv(path, index=False)
    assert recognise([path]) == "network"
    bring(db, path, epsg=3006)
    rows = effective(db, "network_pipe", ["pipe", "trench_m", "diameter_m"])
    diameters = (0.1, 0.08) if form in ("geojson", "gpkg", "wkt") else (None, None)
    assert rows == [("east", metres(EAST), diameters[0]), ("north", metres(NORTH), diameters[1])]


def test_names_that_a_tool_wrote_give_way_to_the_name_of_the_file(db: Database, tmp_path: Path) -> None:
    (tmp_path / "Port.kml").write_text(kml(("Town [1:LineString]", EAST)))
    (tmp_path / "Hill.kml").write_text(kml(("Town [2:LineString]", NORTH)))
    bring(db, tmp_path / "Port.kml", tmp_path / "Hill.kml")
    assert names(db) == ["Hill", "Port"]
    (tmp_path / "two.kml").write_text(kml(("Town", EAST), ("Town", NORTH)))
    bring(db, tmp_path / "two.kml", scenario="two")
    assert names(db, "two") == ["two-1", "two-2"]


def test_tracks_of_gpsvisualizer_are_lines(db: Database, tmp_path: Path) -> None:
    head = "type\tlatitude\tlongitude\tname\tdesc\tkml_folder"
    lines = [
        f"T\t{y}\t{x}\t{'Town [9:LineString]' if i == 0 else ''}\t\t{'Hill.kmz' if i == 0 else ''}"
        for i, (x, y) in enumerate(NORTH)
    ]
    (tmp_path / "Hill.txt").write_text("\n".join([head, *lines]), encoding="utf-8-sig")
    bring(db, tmp_path / "Hill.txt", epsg=3006)
    assert effective(db, "network_pipe", ["pipe", "trench_m"]) == [("Hill", metres(NORTH))]


def test_a_line_that_is_there_twice_is_refused_also_in_the_other_direction(db: Database, tmp_path: Path) -> None:
    (tmp_path / "a.kml").write_text(kml(("a", EAST)))
    (tmp_path / "b.kml").write_text(kml(("b", EAST[::-1])))
    assert refused(db, tmp_path / "a.kml", tmp_path / "b.kml") == [("duplicate", 1)]


def test_vertices_that_are_not_together_are_refused(db: Database, tmp_path: Path) -> None:
    rows = vertices(east=EAST, north=NORTH)
    path = book(tmp_path / "a.xlsx", s=[*rows, ["east", 59.3, 18.02]])
    assert refused(db, path) == [("order", 7)]
    path = book(tmp_path / "a.xlsx", s=[*rows, ["lone", 59.3, 18.02], [None, 59.3, 18.03]])
    assert sorted(refused(db, path), key=str) == [("geometry", 7), ("key", 8)]


def test_swapped_vertices_are_seen(db: Database, tmp_path: Path) -> None:
    rows = vertices(east=EAST * 3, north=NORTH * 3)
    rows[3] = [rows[3][0], rows[3][2], rows[3][1]]
    report = bring(db, book(tmp_path / "a.xlsx", s=rows))
    assert any(f.code == "swapped" and "row 4" in f.message for f in report.findings)


def test_a_length_that_differs_from_its_line_is_said_and_kept(db: Database, tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    geopandas.GeoDataFrame(
        {"name": ["east"], "length_m": [1140.0]}, geometry=[shapely.LineString(EAST)], crs=4326
    ).to_file(path)
    report = bring(db, path)
    assert any(f.code == "contradiction" and f.severity == "warning" for f in report.findings)
    assert effective(db, "network_pipe", ["trench_m"]) == [(1140.0,)]


def test_a_diameter_without_unit_is_refused(db: Database, tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    geopandas.GeoDataFrame(
        {"name": ["east"], "diameter": [100]}, geometry=[shapely.LineString(EAST)], crs=4326
    ).to_file(path)
    assert refused(db, path) == [("unit", 1)]


def test_nominal_diameters_are_read_in_their_own_writing(db: Database, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    lines = [
        f'p{i},{cell},"LINESTRING (13.4 52.5, 13.4{i + 1} 52.5)"' for i, cell in enumerate(("DN 300", "dn150", "80"))
    ]
    path.write_text("name,DN,geometry\n" + "\n".join(lines), encoding="utf-8")
    bring(db, path)
    assert sorted(effective(db, "network_pipe", ["pipe", "diameter_m"])) == [("p0", 0.3), ("p1", 0.15), ("p2", 0.08)]


def test_sources_with_a_type_are_no_track(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("Name,Type,Latitude,Longitude\nA,shop,59.3,18.0\nB,plant,59.4,18.1\n", encoding="utf-8")
    assert recognise([path]) == "heat-sources"


def test_headers_that_name_no_place_are_listed(db: Database, tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", Netz=[["Leitung", "Anfang"], ["L1", 1], ["L1", 2]])
    with pytest.raises(ProblemsError) as error:
        bring(db, path)
    assert [p.code for p in error.value.problems] == ["header", "empty"]
    assert "Leitung, Anfang" in error.value.problems[0].hint


def test_a_system_that_has_no_code_is_told_and_one_with_heights_is_its_plane(db: Database, tmp_path: Path) -> None:
    line = shapely.LineString([(690000, 5336000), (691000, 5336000)])
    odd, high = tmp_path / "odd.gpkg", tmp_path / "high.gpkg"
    geopandas.GeoDataFrame({"name": ["a"]}, geometry=[line], crs="+proj=tmerc +lon_0=9.3 +ellps=GRS80").to_file(odd)
    assert [code for code, _ in refused(db, odd)] == ["crs"]
    geopandas.GeoDataFrame({"name": ["a"]}, geometry=[line], crs=5555).to_file(high)
    bring(db, high)
    assert effective(db, "network_pipe", ["pipe", "trench_m"]) == [("a", pytest.approx(1000))]


def test_points_are_no_network(db: Database, tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    geopandas.GeoDataFrame({"name": ["a"]}, geometry=[shapely.Point(18, 59.3)], crs=4326).to_file(path)
    assert refused(db, path) == [("empty", None)]


def test_spoilt_workbooks_are_read_or_refused_by_place(db: Database, tmp_path: Path) -> None:
    for name, sheets in fuzz.spoilt_books(
        {"Sheet1": vertices(east=EAST, north=NORTH, far=[(18.1, 59.3), (18.2, 59.3)])}, 54, seed=9
    ):
        path = fuzz.write_book(tmp_path / "a.xlsx", sheets)
        before = count(db, "SELECT count(*) FROM meta.revision")
        if fuzz.meets(lambda path=path: bring(db, path)):
            assert count(db, "SELECT count(*) FROM meta.revision") == before, name


@pytest.mark.parametrize("form", ["kml", "kmz", "geojson", "gpkg", "txt"])
def test_spoilt_bytes_are_read_or_refused(db: Database, tmp_path: Path, form: str) -> None:
    good, bad = tmp_path / f"good.{form}", tmp_path / f"bad.{form}"
    if form == "kml":
        good.write_text(kml(("east", EAST), ("north", NORTH)))
    elif form == "kmz":
        with zipfile.ZipFile(good, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("doc.kml", kml(("east", EAST), ("north", NORTH)))
    elif form == "txt":
        good.write_text("\n".join("\t".join(map(str, row)) for row in vertices(east=EAST, north=NORTH)))
    else:
        geopandas.GeoDataFrame(
            {"name": ["e", "n"]}, geometry=[shapely.LineString(EAST), shapely.LineString(NORTH)], crs=4326
        ).to_file(good)
    for name in fuzz.spoilt_bytes(good, bad, 18, seed=9):
        before = count(db, "SELECT count(*) FROM meta.revision")
        if fuzz.meets(lambda: bring(db, bad)):
            assert count(db, "SELECT count(*) FROM meta.revision") == before, name
