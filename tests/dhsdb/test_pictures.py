"""Pictures: what a map shows is counted in its words, which stay words in SVG; nothing half-written is left."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import shapely

from dhsdb import Store, pictures
from dhsdb.cli import run
from dhsdb.errors import UnknownNameError, UserError

TOWN = """<osm version="0.6">
<node id="1" lat="43.73" lon="7.42"/><node id="2" lat="43.73" lon="7.421"/><node id="3" lat="43.731" lon="7.421"/>
<node id="4" lat="43.732" lon="7.422"><tag k="shop" v="supermarket"/><tag k="name" v="Market"/></node>
<way id="1"><nd ref="1"/><nd ref="2"/><tag k="highway" v="residential"/></way>
<way id="2"><nd ref="1"/><nd ref="2"/><nd ref="3"/><nd ref="1"/><tag k="building" v="office"/></way>
</osm>
"""


@pytest.fixture
def town(tmp_path: Path) -> Store:
    (tmp_path / "town.osm").write_text(TOWN, encoding="utf-8")
    store = Store(tmp_path / "town.duckdb")
    store.import_("osm", tmp_path / "town.osm", scenario="base")
    return store


def words(path: Path) -> str:
    """Return the text of an SVG."""
    return " ".join(re.findall(r">([^<>]+)</(?:text|tspan)>", path.read_text(encoding="utf-8"))).replace("&#183;", "·")


def test_a_map_says_what_it_shows(town: Store, tmp_path: Path) -> None:
    said = words(town.plot("map", "base", output=tmp_path / "map.svg"))
    building = town.geo("building", "base")
    street = town.geo("street", "base")
    heat = town.sql(
        "SELECT sum(space_heat_mwh + hot_water_mwh) AS mwh FROM input.building_demand WHERE scenario = 'base'"
    ).rows()
    assert len(building) == 1
    assert f"1 buildings, {heat[0]['mwh'] / 1000:,.1f} GWh/year" in said
    assert f"1 street segments, {street['length_m'].sum() / 1000:,.1f} km" in said
    assert "1 heat sources" in said
    assert "supermarket" in said
    assert "© OpenStreetMap contributors, ODbL 1.0" in said


def test_scenarios_stand_side_by_side(town: Store, tmp_path: Path) -> None:
    town.derive("other", base="base")
    said = words(town.plot("map", "base", "other", output=tmp_path / "two.svg"))
    assert said.count("1 street segments") == 2
    assert {"base", "other"} <= set(said.split())
    one = town.plot("map", "base", output=tmp_path / "one.png").read_bytes()
    two = town.plot("map", "base", "other", output=tmp_path / "two.png").read_bytes()
    assert one[:8] == two[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(two[16:20], "big") > 1.5 * int.from_bytes(one[16:20], "big")  # the width


def test_pipes_are_told_apart_and_need_no_buildings(tmp_path: Path) -> None:
    lines = [shapely.LineString([(18.0, 59.3), (18.01, 59.3)]), shapely.LineString([(18.01, 59.3), (18.02, 59.31)])]
    frame = gpd.GeoDataFrame({"id": ["a", "b"], "status": ["existing", "existing"]}, geometry=lines, crs=4326)
    frame.to_file(tmp_path / "pipes.gpkg")
    store = Store(tmp_path / "pipes.duckdb")
    store.import_("network", tmp_path / "pipes.gpkg", scenario="base")
    length = store.geo("network_pipe", "base")["trench_m"].sum() / 1000
    said = words(store.plot("map", "base", output=tmp_path / "pipes.svg"))
    assert f"2 pipes, {length:,.1f} km" in said
    assert "existing pipes" in said
    assert "heat of buildings" not in said


@pytest.mark.parametrize(
    ("kind", "name", "file", "said"),
    [
        ("mpa", "base", "map.png", "map"),
        ("map", "bsae", "map.png", "base"),
        ("map", "base", "map.bmp", ".svg"),
        ("map", "base", "nowhere/map.png", "folder"),
        ("map", "empty", "map.png", "dhsdb import osm"),
        ("map", "base@1", "map.png", "base"),
    ],
)
def test_what_cannot_be_drawn_is_refused(
    town: Store, tmp_path: Path, kind: str, name: str, file: str, said: str
) -> None:
    town.new("empty", [2030])
    before = sorted(tmp_path.iterdir())
    with pytest.raises((UserError, UnknownNameError)) as error:
        town.plot(kind, name, output=tmp_path / file)
    assert said in f"{error.value.message} {error.value.hint}"
    assert sorted(tmp_path.iterdir()) == before


def test_a_picture_that_fails_leaves_the_old_one(town: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = town.plot("map", "base", output=tmp_path / "map.png")
    old = path.read_bytes()

    class Failing:
        def savefig(self, part: Path, **_: Any) -> None:
            part.write_bytes(b"half")
            raise OSError("disk full")

    monkeypatch.setitem(pictures.KINDS, "map", lambda *_: Failing())  # type: ignore[arg-type, return-value]
    with pytest.raises(OSError, match="disk full"):
        town.plot("map", "base", output=path)
    assert path.read_bytes() == old
    assert not list(tmp_path.glob("*.part*"))


def test_the_command_writes_the_picture(town: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "map.pdf"
    assert run(["--store", str(town.db.path), "plot", "map", "base", "--output", str(target)]) == 0
    assert target.read_bytes().startswith(b"%PDF")
    assert "written" in capsys.readouterr().out
