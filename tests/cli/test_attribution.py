"""What OpenStreetMap's licence asks for is shown on every way out of the store."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING

import openpyxl
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from dhsdb import Store
from dhsdb.cli.app import app
from dhsdb.importers.osm import ATTRIBUTION

if TYPE_CHECKING:
    from pathlib import Path

TOWN = """<osm version="0.6">
<node id="1" lat="43.73" lon="7.42"/><node id="2" lat="43.73" lon="7.421"/><node id="3" lat="43.731" lon="7.421"/>
<way id="1"><nd ref="1"/><nd ref="2"/><tag k="highway" v="residential"/></way>
<way id="2"><nd ref="1"/><nd ref="2"/><nd ref="3"/><nd ref="1"/><tag k="building" v="yes"/></way>
</osm>
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("attribution")
    (folder / "town.osm").write_text(TOWN, encoding="utf-8")
    store = Store(folder / "town.duckdb")
    store.new("plain", years=[2030])
    store.import_("osm", folder / "town.osm", scenario="town")
    store.derive("derived", "town")
    store.set("derived", "building.floor_area_m2", 500, message="measured")
    return folder


def run(folder: Path, *words: str) -> tuple[str, str]:
    result = CliRunner().invoke(app, ["--store", str(folder / "town.duckdb"), *words])
    assert result.exit_code == 0, result.output
    return result.stdout, result.stderr


def test_an_import_says_it_also_in_a_dry_run(folder: Path) -> None:
    for more in ([], ["--json"], ["--dry-run"], ["--dry-run", "--json"]):
        out, _ = run(folder, "import", "osm", str(folder / "town.osm"), "--scenario", "new", "--dry-run", *more)
        assert out.count("OpenStreetMap contributors") == 1, out


@pytest.mark.parametrize("name", ["town", "derived"])
def test_a_scenario_shows_it_with_its_tables_its_rows_and_its_past(folder: Path, name: str) -> None:
    asked = (["show", name], ["show", name, "building"], ["show", name, "building", "--why"], ["log", name])
    for words in asked:
        for more in ([], ["--json"]):
            out, error = run(folder, "scenario", *words, *more)
            if words[0] != "log" or name == "town":
                assert error.strip() == ATTRIBUTION, words
            if more:
                json.loads(out)


def test_a_scenario_that_stands_on_no_such_data_shows_nothing(folder: Path) -> None:
    assert "OpenStreetMap" not in "".join(run(folder, "scenario", "show", "plain", "model_year"))
    assert Store(folder / "town.duckdb").attribution("plain") == ()
    assert Store(folder / "town.duckdb").attribution() == (ATTRIBUTION,)


def test_a_query_says_it_unless_it_asks_for_the_books_alone(folder: Path) -> None:
    out, error = run(folder, "sql", "FROM input.building SELECT building", "--format", "csv")
    assert out.splitlines()[0] == "building"
    assert error.strip() == ATTRIBUTION
    assert run(folder, "sql", "SELECT name FROM meta.scenario WHERE name = 'town'")[1] == ""
    assert run(folder, "sql", "SELECT 1 AS one")[1] == ""
    file = folder / "b.parquet"
    run(folder, "sql", "FROM input.building SELECT building", "--format", "parquet", "--output", str(file))
    assert pq.read_schema(file).metadata[b"attribution"].decode() == ATTRIBUTION


def test_a_diff_says_it_in_every_format(folder: Path) -> None:
    assert ATTRIBUTION in run(folder, "diff", "town", "derived", "--inputs")[0]
    assert json.loads(run(folder, "diff", "town", "derived", "--inputs", "--json")[0])["attribution"] == [ATTRIBUTION]
    assert run(folder, "diff", "town", "derived", "--inputs", "--format", "csv")[1].strip() == ATTRIBUTION
    page = folder / "diff.html"
    run(folder, "diff", "town", "derived", "--inputs", "--output", str(page))
    assert ATTRIBUTION in page.read_text(encoding="utf-8")
    assert run(folder, "diff", "town", "derived", "--inputs", "--sql", "FROM changes")[1].strip() == ATTRIBUTION


def test_a_workbook_a_bundle_and_a_geo_frame_hold_it(folder: Path) -> None:
    book = folder / "town.xlsx"
    run(folder, "export", "excel", str(book), "--scenario", "derived")
    sheet = openpyxl.load_workbook(book)["readme"]
    assert f"Attribution: {ATTRIBUTION}" in [row[0].value for row in sheet.iter_rows()]
    bundle = folder / "town.zip"
    out, _ = run(folder, "export", "bundle", str(bundle), "--scenario", "derived")
    assert ATTRIBUTION in out
    with zipfile.ZipFile(bundle) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    assert manifest["attribution"] == [ATTRIBUTION]
    frame = Store(folder / "town.duckdb").geo("building", "derived")
    assert frame.attrs["attribution"] == ATTRIBUTION


def test_it_survives_a_workbook_and_a_bundle_on_the_way_to_another_store(folder: Path, tmp_path: Path) -> None:
    store = Store(folder / "town.duckdb")
    run(folder, "export", "excel", str(tmp_path / "town.xlsx"), "--scenario", "town")
    store.export_bundle(tmp_path / "town.zip", ["derived"])
    other = Store(tmp_path / "other.duckdb")
    report = other.import_("excel", tmp_path / "town.xlsx", scenario="again")
    assert report.attribution == ATTRIBUTION
    assert other.attribution("again") == (ATTRIBUTION,)
    brought = Store(tmp_path / "brought.duckdb")
    brought.import_bundle(tmp_path / "town.zip")
    assert brought.attribution("derived") == (ATTRIBUTION,)
