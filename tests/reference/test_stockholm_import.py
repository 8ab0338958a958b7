"""The files of the Stockholm excess-heat study, through the whole way, against pandas, GeoPandas and the published tables."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import shapely
from pyproj import Transformer

from dhsdb import Store
from dhsdb.cli import run
from dhsdb.errors import ProblemsError
from dhsdb.importers.registry import recognise

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.reference

SWEREF = 3006
AFTERWARDS = {"unknown-reference", "no-model-year", "source-capacity"}
"""Findings of the checks of the whole scenario, of which only a part was imported."""
TO_DEGREES = Transformer.from_crs(SWEREF, 4326, always_xy=True)


@pytest.fixture(scope="module")
def study(reference_data: Path) -> Path:
    return reference_data / "stockholm"


@pytest.fixture
def store(db: Any) -> Store:
    return Store(db.path)


def rows(store: Store, table: str, scenario: str = "s") -> pd.DataFrame:
    """Return effective rows with their geometries in degrees."""
    key = {"heat_source": "heat_source", "network_pipe": "pipe"}[table]
    sql = f"SELECT i.*, l.source_row FROM input.{table} i JOIN layer.{table} l USING ({key}) JOIN meta.scenario s ON s.scenario = l.layer AND s.name = i.scenario"
    frame = store.sql(f"{sql} WHERE i.scenario = ? AND l.rev_to IS NULL", [scenario]).df()
    shapes = shapely.from_wkb(np.array([bytes(g) for g in frame["geometry"]], dtype=object))
    frame["geometry"] = shapely.transform(shapes, lambda xy: np.column_stack(TO_DEGREES.transform(xy[:, 0], xy[:, 1])))
    return frame


def codes(report: Any, severity: str = "warning") -> list[str]:
    return sorted(f.code for f in report.findings if f.severity == severity)


# --- network ----------------------------------------------------------------------------------------------------------
def kmz_lines(path: Path) -> list[np.ndarray]:
    """Return the lines of a KMZ as the standard library reads them."""
    with zipfile.ZipFile(path) as archive:
        root = ET.fromstring(archive.read("doc.kml"))  # noqa: S314  our own reference data
    texts = [e.findtext("{*}coordinates") or "" for e in root.iter("{http://www.opengis.net/kml/2.2}LineString")]
    return [np.array([list(map(float, p.split(",")))[:2] for p in text.split()]) for text in texts]


def singles(study: Path) -> list[Path]:
    return sorted(p for p in (study / "network_kmz").glob("*.kmz") if p.name != "Stockholm_DHN.kmz")


def test_the_network_is_the_same_from_vertices_from_14_files_and_from_one(study: Path, store: Store) -> None:
    forms = {
        "xlsx": [study / "network" / "Network.xlsx"],
        "files": singles(study),
        "one": [study / "network_kmz" / "Stockholm_DHN.kmz"],
    }
    found = {}
    for name, files in forms.items():
        assert recognise(files) == "network"
        report = store.import_("network", *files, scenario=name, epsg=SWEREF)
        assert set(codes(report)) <= AFTERWARDS
        found[name] = pipes = rows(store, "network_pipe", name)
        assert len(pipes) == 14
        assert shapely.get_num_coordinates(pipes["geometry"].to_numpy()).sum() == 2119
        assert pipes["trench_m"].sum() == pytest.approx(196_245, abs=1)
        assert pipes["existing"].all()
        assert pipes["diameter_m"].isna().all()
        again = store.import_("network", *files, scenario=name)
        assert again.revision is None
    vertices = pd.read_excel(forms["xlsx"][0], engine="calamine")
    by_name = found["xlsx"].set_index("pipe")["geometry"]
    for name, part in vertices.groupby("Identifier"):
        assert np.abs(shapely.get_coordinates(by_name[name]) - part[["long", "lat"]].to_numpy()).max() < 1e-9
    assert set(found["files"]["pipe"]) == {p.stem for p in singles(study)} == set(by_name.index)
    for name, line in found["files"].set_index("pipe")["geometry"].items():
        own = kmz_lines(study / "network_kmz" / f"{name}.kmz")
        assert np.abs(shapely.get_coordinates(line) - own[0]).max() < 1e-9
        assert np.abs(shapely.get_coordinates(line) - shapely.get_coordinates(by_name[name])).max() < 1e-9
    theirs = sorted(kmz_lines(forms["one"][0]), key=lambda xy: tuple(xy[0]))
    ours = sorted((shapely.get_coordinates(g) for g in found["one"]["geometry"]), key=lambda xy: tuple(xy[0]))
    assert max(np.abs(a - b).max() for a, b in zip(ours, theirs, strict=True)) < 1e-9


def test_tracks_of_gpsvisualizer_are_the_same_lines(study: Path, store: Store) -> None:
    store.import_("network", study / "network_txt_sample", scenario="s", epsg=SWEREF)
    for _, pipe in rows(store, "network_pipe").iterrows():
        own = kmz_lines(study / "network_kmz" / f"{pipe['pipe']}.kmz")[0]
        assert np.abs(shapely.get_coordinates(pipe["geometry"]) - own).max() < 1e-9


def test_a_line_that_is_in_two_files_is_named_with_both(study: Path, store: Store) -> None:
    with pytest.raises(ProblemsError) as error:
        store.import_("network", study / "network_kmz", scenario="s", epsg=SWEREF)
    assert len(error.value.problems) == 14
    assert {p.code for p in error.value.problems} == {"duplicate"}


# --- sources ----------------------------------------------------------------------------------------------------------
def test_the_sources_are_294_though_their_names_repeat(study: Path, store: Store) -> None:
    path = study / "sources" / "Sources.xlsx"
    assert recognise([path]) == "heat-sources"
    report = store.import_("heat-sources", path, scenario="s", epsg=SWEREF)
    found = rows(store, "heat_source").sort_values("source_row")
    given = pd.read_excel(path, engine="calamine")
    assert len(found) == 294 == found["heat_source"].nunique()
    assert found["title"].tolist() == given["Source"].str.strip().tolist()
    assert np.abs(shapely.get_coordinates(found["geometry"]) - given[["Long", "Lat"]].to_numpy()).max() < 1e-9
    assert {"repeated"} == {c for c in codes(report) if c not in AFTERWARDS}
    assert store.import_("heat-sources", path, scenario="s").revision is None


def test_types_are_those_of_the_table(study: Path, store: Store) -> None:
    store.import_("heat-sources", study / "sources" / "sources_with_type.xlsx", scenario="s", epsg=SWEREF)
    kinds = rows(store, "heat_source")["kind"].value_counts()
    assert kinds.to_dict() == {
        "supermarket": 197,
        "metro_station": 53,
        "data_centre": 24,
        "ice_rink": 18,
        "waste_water": 2,
    }


def test_capacities_in_kw_are_seen_and_types_are_joined_by_name_and_place(study: Path, store: Store) -> None:
    checked = pd.read_csv(study / "derived" / "gis_reference_visible.csv")
    files = [study / "gis_input", study / "sources" / "sources_with_type.xlsx"]
    report = store.import_("heat-sources", *files, scenario="s", epsg=SWEREF)
    assert "unit-assumed" in codes(report)
    found = rows(store, "heat_source")
    assert len(found) == 294
    known = (
        found[found["capacity_mw"].notna()]
        .assign(source_id=lambda f: f["heat_source"].astype(int))
        .set_index("source_id")
        .sort_index()
    )
    checked = checked.set_index("source_id").sort_index()
    assert known.index.tolist() == checked.index.tolist()
    assert (known["capacity_mw"] * 1000 - checked["capacity_kw"]).abs().max() < 1e-5
    assert known["capacity_mw"].sum() == pytest.approx(310.7605956, abs=1e-6)
    assert known["title"].tolist() == checked["name"].str.strip().tolist()
    assert (
        np.abs(shapely.get_coordinates(known["geometry"]) - checked[["lon", "lat"]].to_numpy()).max() < 6e-7
    )  # it has six decimals
    kinds = {
        "Subway station": "metro_station",
        "Data Center": "data_centre",
        "Ice rink": "ice_rink",
        "Sewage plant": "waste_water",
    }
    assert known["kind"].tolist() == checked["source_type"].replace(kinds).tolist()


def test_a_unit_that_could_be_either_is_refused_until_it_is_named(study: Path, store: Store) -> None:
    path = study / "gis_input" / "Sunbybergy-Täby.xlsx"
    with pytest.raises(ProblemsError, match="several of kW and MW could be meant"):
        store.import_("heat-sources", path, scenario="s", epsg=SWEREF)
    store.import_("heat-sources", path, scenario="s", epsg=SWEREF, options={"capacity_unit": "kW"})
    assert rows(store, "heat_source")["capacity_mw"].sum() == pytest.approx(0.25114155)


def messy(study: Path) -> Path:
    return study / "sources" / "Stockholm_sources.xlsx"


def test_a_workbook_of_many_tables_of_sources_asks_for_one(study: Path, store: Store) -> None:
    with pytest.raises(ProblemsError, match="sheets hold sources: Initial data, sups and tbs"):
        store.import_("heat-sources", messy(study), scenario="s", epsg=SWEREF)


def test_water_bodies_are_found_in_the_shifted_column_and_in_metres(study: Path, store: Store) -> None:
    report = store.import_("heat-sources", messy(study), scenario="s", epsg=SWEREF, options={"sheet": "Initial data"})
    given = pd.read_excel(messy(study), sheet_name="Initial data", engine="calamine")
    given = given[given["Annual heat (GWh)"].notna()]
    found = rows(store, "heat_source").sort_values("source_row")
    assert len(found) == len(given) == 337
    assert (found["source_row"].to_numpy() == given.index + 2).all()
    assert found["annual_mwh"].sum() == pytest.approx(given["Annual heat (GWh)"].sum() * 1000)
    assert found["capacity_mw"].sum() == pytest.approx(given["Capacity"].sum())
    assert (found["kind"] == "water").sum() == 34
    texts = given["geometry"].where(given["geometry"] != "Water", given["Source type"])
    shapes = shapely.from_wkt(texts.to_numpy(dtype=object))
    water = (given["geometry"] == "Water").to_numpy()
    shapes[water] = shapely.transform(
        shapes[water], lambda xy: np.column_stack(TO_DEGREES.transform(xy[:, 0], xy[:, 1]))
    )
    assert shapely.distance(shapes, found["geometry"].to_numpy()).max() < 1e-9
    assert {"mixed-crs", "shifted", "unit-assumed"} <= set(codes(report))
    shifted = next(f for f in report.findings if f.code == "shifted")
    assert "rows 301-334" in shifted.message


def test_metres_whose_system_is_not_said_are_refused(study: Path, store: Store) -> None:
    with pytest.raises(ProblemsError, match=r"rows 301-334 are in metres.*--crs"):
        store.import_("heat-sources", messy(study), scenario="s", options={"sheet": "Initial data"})


def test_swapped_columns_are_reported_and_the_geometry_beside_them_counts(study: Path, store: Store) -> None:
    report = store.import_("heat-sources", messy(study), scenario="s", epsg=SWEREF, options={"sheet": "sups and tbs"})
    found = rows(store, "heat_source").sort_values("source_row")
    given = pd.read_excel(messy(study), sheet_name="sups and tbs", engine="calamine")
    assert found["title"].tolist() == given["Source"].str.strip().tolist()
    shapes = shapely.from_wkt(np.array([g if isinstance(g, str) else None for g in given["geometry"]], dtype=object))
    bare = given["geometry"].isna().to_numpy()
    assert bare.sum() == 44
    shapes[bare] = shapely.points(given.loc[bare, "Long"].astype(float), given.loc[bare, "Lat "].astype(float))
    assert shapely.distance(shapes, found["geometry"].to_numpy()).max() < 1e-9
    lat_lon = given.loc[~bare, ["Long", "Lat "]].apply(pd.to_numeric, errors="coerce").to_numpy()
    off = np.abs(lat_lon - shapely.get_coordinates(shapes[~bare])[:, ::-1]).max(axis=1) > 0.01
    said = {f.code: f.message for f in report.findings}
    assert all(str(row + 2) in said["contradiction"] for row in given.index[~bare][off])
    xy = shapely.get_coordinates(found["geometry"])
    assert (np.abs(xy - [18.0, 59.3]).max(axis=1) < 0.4).all()
    assert {"swapped", "contradiction"} <= set(codes(report))


def test_regions_and_corners_are_no_sources(study: Path, store: Store) -> None:
    with pytest.raises(ProblemsError) as error:
        store.import_("heat-sources", study / "polygons_kml", scenario="s", epsg=SWEREF)
    assert {p.code for p in error.value.problems} == {"area"}
    assert len(error.value.problems) == 12
    report = store.import_("heat-sources", study / "gis_input" / "HammarbyV.xlsx", scenario="s", epsg=SWEREF)
    assert any("32 areas of four corners" in f.message for f in report.findings)


def test_a_shifted_row_of_corners_is_named(study: Path, store: Store) -> None:
    with pytest.raises(ProblemsError) as error:
        store.import_("heat-sources", messy(study), scenario="s", epsg=SWEREF, options={"sheet": "Polygons - raw"})
    assert [p.code for p in error.value.problems] == ["empty"]
    assert [(w.code, w.row) for w in error.value.warnings] == [("shifted", 2)]


def test_the_command_line_says_the_same(study: Path, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(study / "sources" / "Sources.xlsx")
    assert (
        run(["--store", str(store.db.path), "import", "--json", "auto", path, "--scenario", "s", "--crs", str(SWEREF)])
        == 0
    )
    said = json.loads(capsys.readouterr().out)
    assert said["n_set"] == {"heat_source": 294}
