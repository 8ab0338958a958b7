"""CityJSON and CityGML as their tools write them: every form of geometry, names of systems, parts, links, and what is refused."""

from __future__ import annotations

import gzip
import json
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
import shapely

from dhsdb.errors import ProblemsError
from dhsdb.importers.city import horizontal
from dhsdb.importers.pipeline import run_import
from dhsdb.importers.registry import recognise
from tests.importers import city_files as cf
from tests.importers import fuzz
from tests.importers.books import count, effective

if TYPE_CHECKING:
    from pathlib import Path

    from dhsdb.database import Database
    from dhsdb.importers.pipeline import ImportReport

ROOFS = ["building", "area_m2", "tilt_deg", "azimuth_deg"]


def bring(db: Database, *paths: Path, scenario: str = "base", **options: Any) -> ImportReport:
    return run_import(db, "buildings", paths, scenario=scenario, **options)


def refused(db: Database, *paths: Path, **options: Any) -> list[str]:
    """Return the code of each problem; nothing may be written."""
    with pytest.raises(ProblemsError) as error:
        bring(db, *paths, **options)
    assert all(p.file for p in error.value.problems), error.value
    assert count(db, "SELECT count(*) FROM layer.building") == 0
    return [p.code for p in error.value.problems]


def codes(report: ImportReport, severity: str = "warning") -> set[str]:
    about_the_scenario = {"no-model-year", "unknown-reference", "demand-without-profile"}
    return {f.code for f in report.findings if f.severity == severity} - about_the_scenario


def measures(db: Database) -> dict[str, tuple[float, float, float]]:
    rows = effective(db, "building", ["building", "footprint_m2", "height_m", "volume_m3"])
    return {b: tuple(None if v is None else round(v, 3) for v in rest) for b, *rest in rows}  # type: ignore[misc]


# --- CityGML ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("form", ["posList", "pos", "coordinates"])
def test_a_building_of_lod2_is_read_with_all_that_it_says(
    db: Database, tmp_path: Path, version: str, form: str
) -> None:
    inner = cf.facts(Gemeindeschluessel="11000000") + cf.ADDRESS + cf.lod2("DEBE1", cf.gabled(), form=form)
    path = cf.citygml(tmp_path / "a.gml", {"DEBE1": inner}, version=version)
    assert recognise([path]) == "buildings"
    assert codes(bring(db, path)) == set()
    names = [
        "building",
        "use",
        "function_code",
        "address",
        "levels",
        "construction_year",
        "height_m",
        "volume_m3",
        "floor_area_m2",
    ]
    assert effective(db, "building", names) == [
        ("DEBE1", "residential_single", "31001_1010", "Lindenweg 7, Berlin", 2.0, 1965, 6.0, 360.0, 160.0)
    ]
    roofs = effective(db, "building_roof", ROOFS)
    assert [(round(a, 6), round(t, 6)) for _, a, t, _ in roofs] == [(50, round(cf.TILT, 6))] * 2
    assert sorted(round(azimuth, 6) for *_, azimuth in roofs) == [0, 180]
    row = effective(db, "building_demand", ["space_heat_mwh", "hot_water_mwh", "rule"])[0]
    assert row[:2] == (pytest.approx(265.3 * 0.16), pytest.approx(10 * 0.16))
    assert "residential_single 1958-1968, as built" in row[2]
    assert bring(db, path).revision is None


def test_the_third_version_is_read_alike(db: Database, tmp_path: Path) -> None:
    path = cf.citygml3(tmp_path / "a.gml")
    assert recognise([path]) == "buildings"
    bring(db, path)
    names = ["use", "construction_year", "heating", "levels", "height_m", "volume_m3", "footprint_m2"]
    assert effective(db, "building", names) == [
        ("residential_single", 1965, "gas", 2.0, 6.2, pytest.approx(360 + 60), pytest.approx(80 + 20))
    ]
    roofs = effective(db, "building_roof", ["surface", "area_m2", "tilt_deg"])
    assert sorted(roofs) == [
        ("A_1_p1", pytest.approx(20), pytest.approx(0)), ("A_p5", pytest.approx(50), pytest.approx(cf.TILT)),
        ("A_p6", pytest.approx(50), pytest.approx(cf.TILT)),
    ]  # fmt: skip


@pytest.mark.parametrize("form", ["utf-16", "gml.gz", "json.gz"])
def test_a_model_in_another_encoding_or_packed_is_read(db: Database, tmp_path: Path, form: str) -> None:
    plain = cf.citygml(tmp_path / "a.gml", {"A": cf.facts() + cf.lod2("A", cf.gabled())})
    path = tmp_path / f"b.{'gml' if form == 'utf-16' else form}"
    if form == "utf-16":
        path.write_bytes(plain.read_text().replace("UTF-8", "UTF-16").encode("utf-16"))
    else:
        plain = plain if form == "gml.gz" else cf.dutch_tile(1).write(tmp_path / "a.json")
        path.write_bytes(gzip.compress(plain.read_bytes()))
    assert recognise([path]) == "buildings"
    bring(db, path)
    assert effective(db, "building", ["volume_m3", "footprint_m2"]) == [(pytest.approx(360), pytest.approx(80))]


def test_what_gzip_lets_grow_or_cut_is_refused(db: Database, tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.gml.gz"
    bomb.write_bytes(gzip.compress(b"<CityModel>" + b" " * 30_000_000))
    assert refused(db, bomb) == ["unsafe"]
    cut = tmp_path / "cut.gml.gz"
    cut.write_bytes(gzip.compress(cf.citygml3(tmp_path / "a.gml").read_bytes())[:-200])
    assert refused(db, cut) == ["format"]


def test_parts_add_up_to_their_building(db: Database, tmp_path: Path) -> None:
    """An L of two blocks: 10 x 4 x 3 m and 5 x 6 x 6 m."""
    parts = cf.part("A_1", cf.lod2("A_1", cf.box(0, 0, 0, 10, 4, 3))) + cf.part(
        "A_2", cf.lod2("A_2", cf.box(0, 4, 0, 5, 6, 6))
    )
    bring(db, cf.citygml(tmp_path / "a.gml", {"A": cf.facts(height=6) + parts}))
    assert measures(db) == {"A": (70, 6, 120 + 180)}
    assert sorted(row[1] for row in effective(db, "building_roof", ROOFS)) == pytest.approx([30, 40])


def test_a_building_with_a_body_besides_its_parts_has_all_of_them(db: Database, tmp_path: Path) -> None:
    own = cf.lod2("A", cf.box(0, 0, 0, 10, 4, 3))
    beside = own + cf.part("A_1", cf.lod2("A_1", cf.box(0, 4, 0, 5, 6, 6)))
    bring(db, cf.citygml(tmp_path / "a.gml", {"A": beside}))
    assert measures(db)["A"] == (70, 6, 300)


def test_a_body_that_is_that_of_the_parts_once_more_counts_once(db: Database, tmp_path: Path) -> None:
    whole = cf.lod2("A", cf.box(0, 0, 0, 10, 4, 3)) + cf.part("A_1", cf.lod2("A_1", cf.box(0, 0, 0, 10, 4, 3)))
    report = bring(db, cf.citygml(tmp_path / "a.gml", {"A": whole}))
    assert "counted-twice" in codes(report)
    assert measures(db)["A"] == (40, 3, 120)


def test_of_several_levels_the_second_is_taken(db: Database, tmp_path: Path) -> None:
    inner = cf.lod1("A", cf.box(0, 0, 0, 10, 8, 4)) + cf.lod2("A", cf.gabled())
    bring(db, cf.citygml(tmp_path / "a.gml", {"A": inner}))
    assert measures(db)["A"] == (80, 6, 360)


def test_a_block_has_a_flat_roof_and_says_so(db: Database, tmp_path: Path) -> None:
    report = bring(db, cf.citygml(tmp_path / "a.gml", {"A": cf.lod1("A", cf.box(0, 0, 0, 10, 20, 9))}))
    assert "lod1-roof" in codes(report, "info")
    assert measures(db)["A"] == (200, 9, 1800)
    assert effective(db, "building_roof", ROOFS) == [("A", 200.0, 0.0, None)]


def test_surfaces_without_a_solid_are_measured_alike(db: Database, tmp_path: Path) -> None:
    report = bring(db, cf.citygml(tmp_path / "a.gml", {"A": cf.lod2("A", cf.gabled(), solid=False)}))
    assert codes(report) == set()
    assert measures(db)["A"] == (80, 6, 360)


def test_a_surface_of_another_building_is_found_by_its_link(db: Database, tmp_path: Path) -> None:
    wall = cf.lod2("B", cf.box(10, 0, 0, 10, 8, 3))
    shared = cf.lod2("A", cf.box(0, 0, 0, 10, 8, 3), skip=3)  # its wall to the east stands in B
    shared = shared.replace("#A_p3", "#B_p5")
    report = bring(db, cf.citygml(tmp_path / "a.gml", {"A": shared, "B": wall}))
    assert "missing-surface" not in codes(report)
    assert measures(db)["A"] == (80, 3, 240)


def test_a_link_to_nowhere_is_told_and_the_volume_is_that_below_the_roof(db: Database, tmp_path: Path) -> None:
    report = bring(db, cf.citygml(tmp_path / "a.gml", {"A": cf.lod2("A", cf.gabled(), skip=1)}))
    assert codes(report) >= {"missing-surface", "open-solid"}
    assert measures(db)["A"] == (80, 6, 360)


@pytest.mark.parametrize(
    ("system", "code"),
    [
        ("urn:ogc:def:crs,crs:EPSG::25833,crs:EPSG::5783", 25833), ("EPSG:25833*DE_DHHN92_NH", 25833), ("urn:adv:crs:ETRS89_UTM33*DE_DHHN2016_NH", 25833),
        ("urn:ogc:def:crs,crs:EPSG:6.12:3068,crs:EPSG:6.12:5783", 3068), ("http://www.opengis.net/def/crs/EPSG/0/7415", 28992), ("EPSG:4979", 4326),
        ("urn:adv:crs:DE_DHDN_3GK3", 31467), ("EPSG:5555", 25832), ("local", None), ("EPSG:99999", None),
    ],
)  # fmt: skip
def test_systems_are_known_by_their_many_names(system: str, code: int | None) -> None:
    assert horizontal(system) == code


def test_northing_before_easting_is_seen(db: Database, tmp_path: Path) -> None:
    turned = [(k, [(y, x, z) for x, y, z in ring]) for k, ring in cf.gabled()]
    inner = cf.lod2("A", turned, (cf.ORIGIN[1], cf.ORIGIN[0], cf.ORIGIN[2]))
    report = bring(db, cf.citygml(tmp_path / "a.gml", {"A": inner}))
    assert "swapped" in codes(report)
    assert measures(db)["A"] == (80, 6, 360)


def test_degrees_are_measured_in_metres(db: Database, tmp_path: Path) -> None:
    degree = 111_320.0
    low = [(k, [(52 + y / degree, 13 + x / degree / 0.6157, z) for x, y, z in ring]) for k, ring in cf.gabled()]
    text = cf.citygml(tmp_path / "b.gml", {"A": cf.facts()}, system="urn:ogc:def:crs:EPSG::4979").read_text()
    body = "".join(
        f'<bldg:boundedBy><bldg:{k} gml:id="s{i}"><bldg:lod2MultiSurface><gml:MultiSurface><gml:surfaceMember><gml:Polygon gml:id="p{i}"><gml:exterior>'
        f"<gml:LinearRing><gml:posList>{' '.join(f'{a:.9f} {b:.9f} {c:.3f}' for a, b, c in [*ring, ring[0]])}</gml:posList></gml:LinearRing></gml:exterior>"
        f"</gml:Polygon></gml:surfaceMember></gml:MultiSurface></bldg:lod2MultiSurface></bldg:{k}></bldg:boundedBy>"
        for i, (k, ring) in enumerate(low)
    )
    (tmp_path / "b.gml").write_text(text.replace("</bldg:Building>", f"{body}</bldg:Building>"))
    bring(db, tmp_path / "b.gml")
    footprint, height, volume = measures(db)["A"]
    assert (footprint, height, volume) == (pytest.approx(80, rel=0.01), 6, pytest.approx(360, rel=0.01))


def test_a_model_without_a_system_needs_one(db: Database, tmp_path: Path) -> None:
    path = cf.citygml(tmp_path / "a.gml", {"A": cf.lod2("A", cf.gabled())}, system="")
    assert refused(db, path) == ["crs"]
    assert "crs" in codes(bring(db, path, epsg=25833))


def test_a_model_elsewhere_than_its_system_is_refused(db: Database, tmp_path: Path) -> None:
    path = cf.citygml(tmp_path / "a.gml", {"A": cf.lod2("A", cf.gabled(), (5, 7, 0))})
    assert refused(db, path) == ["crs"]


@pytest.mark.parametrize(
    "head",
    [
        '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>',
        '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE x SYSTEM "http://localhost:9/x.dtd">',
    ],
)
def test_a_document_with_entities_is_refused(db: Database, tmp_path: Path, head: str) -> None:
    path = cf.citygml(
        tmp_path / "a.gml",
        {"A": cf.facts(x="&b;" if "ENTITY b" in head else "y") + cf.lod2("A", cf.gabled())},
        head=head,
    )
    assert set(refused(db, path)) <= {"unsafe", "format"}


@pytest.mark.parametrize(
    ("old", "new"), [("389500.000", "NaN"), ("389500.000", "many"), ("389500.000", "1e999"), ("389500.000", "")]
)
def test_a_coordinate_that_is_none_is_told_with_its_building(db: Database, tmp_path: Path, old: str, new: str) -> None:
    path = cf.citygml(tmp_path / "a.gml", {"A": cf.lod2("A", cf.gabled()), "B": cf.lod2("B", cf.gabled(50))})
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(ProblemsError, match="building A"):
        bring(db, path)


def test_twice_the_same_id_is_refused(db: Database, tmp_path: Path) -> None:
    path = cf.citygml(tmp_path / "a.gml", {"A": cf.lod2("A", cf.gabled())})
    text = path.read_text()
    member = text[text.index("<core:cityObjectMember>") : text.index("</core:CityModel>")]
    path.write_text(text.replace("</core:CityModel>", f"{member}</core:CityModel>"))
    assert "duplicate" in refused(db, path)


def test_negative_heights_and_odd_figures_are_told_in_one_report(db: Database, tmp_path: Path) -> None:
    bad = cf.facts(year=None, height=-3.0, storeys=None) + "<bldg:yearOfConstruction>new</bldg:yearOfConstruction>"
    path = cf.citygml(tmp_path / "a.gml", {"A": bad + cf.lod2("A", cf.gabled())})
    with pytest.raises(ProblemsError) as error:
        bring(db, path)
    assert {p.column for p in error.value.problems} >= {"height_m", "yearOfConstruction"}


def test_memory_does_not_grow_with_what_is_no_building(db: Database, tmp_path: Path) -> None:
    path = cf.citygml(tmp_path / "a.gml", {"A": cf.lod2("A", cf.gabled())})
    tree = (
        '<core:cityObjectMember><veg:SolitaryVegetationObject xmlns:veg="v"><x>'
        + "y" * 1000
        + "</x></veg:SolitaryVegetationObject></core:cityObjectMember>"
    )
    path.write_text(path.read_text().replace("</core:CityModel>", tree * 2000 + "</core:CityModel>"))
    bring(db, path)
    assert measures(db)["A"] == (80, 6, 360)


# --- CityJSON --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("version", ["1.0", "1.1", "2.0"])
@pytest.mark.parametrize("transform", [True, False])
def test_a_document_of_each_version_is_read(db: Database, tmp_path: Path, version: str, transform: bool) -> None:  # noqa: FBT001  a case of the table
    city = cf.CityJson(version, transform=transform)
    city.add(
        "A",
        [city.solid(cf.gabled(), "2.0" if version == "1.0" else "2.2")],
        {"measuredHeight": 6.0, "function": "1010", "yearOfConstruction": 1950},
    )
    path = city.write(tmp_path / "a.json")
    assert recognise([path]) == "buildings"
    assert codes(bring(db, path)) == set()
    assert measures(db) == {"A": (80, 6, 360)}
    assert sorted(round(r[3]) for r in effective(db, "building_roof", ROOFS)) == [0, 180]
    assert bring(db, path).revision is None


def test_the_parts_of_3dbag_give_their_building_the_best_level(db: Database, tmp_path: Path) -> None:
    bring(db, cf.dutch_tile(3).write(tmp_path / "t.city.json"))
    assert set(measures(db).values()) == {(80, 6, 360)}
    rows = effective(db, "building", ["building", "construction_year", "levels"])
    assert rows[0] == ("NL.IMBAG.Pand.0000000000000000", 1900, 2.0)


@pytest.mark.parametrize("kind", ["Solid", "MultiSurface"])
@pytest.mark.parametrize("semantics", [True, False])
def test_faces_are_told_apart_with_and_without_names(db: Database, tmp_path: Path, kind: str, semantics: bool) -> None:  # noqa: FBT001  a case of the table
    city = cf.CityJson()
    city.add("A", [city.solid(cf.gabled(), kind=kind, semantics=semantics)])
    bring(db, city.write(tmp_path / "a.json"))
    assert measures(db)["A"] == (80, 6, 360)
    assert len(effective(db, "building_roof", ROOFS)) == 2


def test_solids_that_belong_together_add_up(db: Database, tmp_path: Path) -> None:
    city = cf.CityJson()
    solids = [city.solid(cf.box(0, 0, 0, 10, 4, 3))["boundaries"], city.solid(cf.box(0, 4, 0, 5, 6, 6))["boundaries"]]
    city.add("A", [{"type": "CompositeSolid", "lod": "1.2", "boundaries": solids}])
    bring(db, city.write(tmp_path / "a.json"))
    assert measures(db)["A"] == (70, 6, 300)


def test_a_footprint_alone_has_no_height(db: Database, tmp_path: Path) -> None:
    city = cf.CityJson()
    city.add("A", [city.flat([(0, 0), (10, 0), (10, 8), (0, 8)])])
    bring(db, city.write(tmp_path / "a.json"))
    assert measures(db)["A"] == (80, None, None)
    assert effective(db, "building_roof", ROOFS) == []


def test_a_template_is_put_in_its_place(db: Database, tmp_path: Path) -> None:
    city = cf.CityJson()
    city.add("A", [])
    document = city.document()
    corners = [list(p) for _, ring in cf.gabled() for p in ring]
    shell, at = [], 0
    for _, ring in cf.gabled():
        shell.append([list(range(at, at + len(ring)))])
        at += len(ring)
    document["geometry-templates"] = {
        "templates": [{"type": "Solid", "lod": "2", "boundaries": [shell]}],
        "vertices-templates": corners,
    }
    document["vertices"] = [[30000, 40000, 0]]
    turned = [0, -2, 0, 0, 2, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1]  # a quarter to the left, twice as large
    document["CityObjects"]["A"]["geometry"] = [
        {"type": "GeometryInstance", "template": 0, "boundaries": [0], "transformationMatrix": turned}
    ]
    (tmp_path / "a.json").write_text(json.dumps(document))
    bring(db, tmp_path / "a.json")
    assert measures(db)["A"] == (320, 12, 360 * 8)
    shape = shapely.from_wkb(bytes(db.sql("SELECT geometry FROM layer.building").to_pylist()[0]["geometry"]))
    x, y = cf.ORIGIN[0] + 30, cf.ORIGIN[1] + 40
    assert shape.bounds == pytest.approx((x - 16, y, x, y + 20))


def test_a_sequence_of_features_is_read_as_one_model(db: Database, tmp_path: Path) -> None:
    head = cf.CityJson()
    lines = [json.dumps(head.document())]
    for i in range(3):
        city = cf.CityJson()
        city.add(f"A{i}", [city.solid(cf.gabled(30.0 * i))])
        lines.append(
            json.dumps(
                {"type": "CityJSONFeature", "id": f"A{i}", "CityObjects": city.objects, "vertices": city.vertices}
            )
        )
    (tmp_path / "a.city.jsonl").write_text("\n".join(lines))
    assert recognise([tmp_path / "a.city.jsonl"]) == "buildings"
    bring(db, tmp_path / "a.city.jsonl")
    assert measures(db) == {f"A{i}": (80, 6, 360) for i in range(3)}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda d: d.update(version="0.9"), "version"), (lambda d: d.update(vertices=[["x", 0, 0]]), "format"),
        (lambda d: d.update(vertices=[[float("nan"), 0, 0]] * 40), "format"), (lambda d: d.update(vertices=d["vertices"][:3]), "geometry"),
        (lambda d: d.update(CityObjects=[]), "format"), (lambda d: d.update(CityObjects={}), "empty"), (lambda d: d.update(transform={"scale": 1}), "format"),
        (lambda d: d["CityObjects"]["A"]["geometry"][0].update(boundaries="x"), "geometry"),
        (lambda d: d["CityObjects"]["A"]["geometry"][0].update(type="Cone"), "geometry"), (lambda d: d.update(metadata={}), "crs"),
        (lambda d: d.update(metadata={"referenceSystem": "EPSG:2263"}), "crs"),
    ],
)  # fmt: skip
def test_a_damaged_document_is_refused_with_a_place(db: Database, tmp_path: Path, change: Any, code: str) -> None:
    city = cf.CityJson()
    city.add("A", [city.solid(cf.gabled())])
    document = city.document()
    change(document)
    (tmp_path / "a.json").write_text(json.dumps(document))
    assert code in refused(db, tmp_path / "a.json")


def test_ten_thousand_buildings_take_seconds(db: Database, tmp_path: Path) -> None:
    import time

    path = cf.dutch_tile(10_000).write(tmp_path / "t.city.json")
    start = time.process_time()
    bring(db, path)
    assert time.process_time() - start < 15  # 3.3 s on a quiet machine
    assert count(db, "SELECT count(*) FROM layer.building_roof") == 20_000


# --- archives --------------------------------------------------------------------------------------------------------
def test_an_archive_of_models_and_tables_is_read(db: Database, tmp_path: Path) -> None:
    gml = cf.citygml(tmp_path / "a.gml", {"A": cf.facts() + cf.lod2("A", cf.gabled())})
    sim = cf.simstadt(
        tmp_path / "a.csv",
        [["A", "", "", "", "", "", 1965, "EFH", 2, "residential", 80, 160, 360, 24000, 2000, 26000, 150, ""]],
    )
    with zipfile.ZipFile(tmp_path / "all.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(gml, "tiles/a.gml")
        archive.write(sim, "a.csv")
        archive.writestr("readme.pdf", b"x")
    assert recognise([tmp_path / "all.zip"]) == "buildings"
    bring(db, tmp_path / "all.zip")
    assert measures(db)["A"] == (80, 6, 360)
    assert effective(db, "building_demand", ["space_heat_mwh", "hot_water_mwh"]) == [(24.0, 2.0)]
    assert bring(db, tmp_path / "all.zip").revision is None


@pytest.mark.parametrize("name", ["../../out.gml", "/etc/out.gml", "C:\\out.gml", "a/../../b.gml"])
def test_a_name_that_leads_out_of_an_archive_is_refused(db: Database, tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(name, cf.citygml(tmp_path / "a.gml", {"A": cf.lod2("A", cf.gabled())}).read_text())
    assert refused(db, tmp_path / "a.zip") == ["unsafe"]


def test_a_zip_bomb_is_refused_before_it_is_unpacked(db: Database, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", b"id;height\n" + b"0" * 100_000_000)
    assert refused(db, tmp_path / "a.zip") == ["unsafe"]


# --- spoilt files ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("form", ["gml", "json", "zip"])
def test_spoilt_models_give_a_report_or_a_clean_import(db: Database, tmp_path: Path, form: str) -> None:
    inner = (
        cf.facts() + cf.ADDRESS + cf.lod2("A", cf.gabled()) + cf.part("A_1", cf.lod1("A_1", cf.box(20, 0, 0, 5, 5, 5)))
    )
    source = cf.citygml(tmp_path / "a.gml", {"A": inner, "B": cf.lod2("B", cf.gabled(60))})
    if form == "json":
        source = cf.dutch_tile(2).write(tmp_path / "a.json")
    if form == "zip":
        with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(source, "a.gml")
        source = tmp_path / "a.zip"
    target = tmp_path / f"spoilt.{form}"
    for i, _ in enumerate(fuzz.spoilt_bytes(source, target, 24, seed=7)):
        fuzz.meets(lambda i=i: bring(db, target, scenario=f"s{i}", dry_run=True))  # type: ignore[misc]


def test_a_surface_that_is_named_from_behind_closes_the_shell(db: Database, tmp_path: Path) -> None:
    """Two houses share a wall: the second names that of the first, seen from the other side."""
    first = cf.lod2("A", cf.box(0, 0, 0, 10, 8, 3))
    second = cf.lod2("B", cf.box(10, 0, 0, 10, 8, 3), skip=5)
    named = '<gml:surfaceMember><gml:OrientableSurface orientation="-"><gml:baseSurface xlink:href="#A_p3"/></gml:OrientableSurface></gml:surfaceMember>'
    second = second.replace('<gml:surfaceMember xlink:href="#B_p5"/>', named)
    report = bring(db, cf.citygml(tmp_path / "a.gml", {"B": second, "A": first}))
    assert not {"open-solid", "missing-surface"} & codes(report)
    assert measures(db) == {"A": (80, 3, 240), "B": (80, 3, 240)}


def test_of_the_heights_of_parts_the_greatest_is_that_of_the_building(db: Database, tmp_path: Path) -> None:
    parts = "".join(
        cf.part(f"A_{i}", cf.facts(height=h, storeys=s) + cf.lod1(f"A_{i}", cf.box(10 * i, 0, 0, 10, 10, h)))
        for i, (h, s) in enumerate([(3, 1), (9, 3), (6, 2)])
    )
    bring(db, cf.citygml(tmp_path / "a.gml", {"A": parts}))
    assert measures(db)["A"] == (300, 9, 1800)
    assert effective(db, "building", ["levels"]) == [(3.0,)]


def test_heights_to_the_millimetre_are_no_thousands(db: Database, tmp_path: Path) -> None:
    report = bring(db, cf.citygml(tmp_path / "a.gml", {"A": cf.facts(height=6.125) + cf.lod2("A", cf.gabled())}))
    assert codes(report) == set()
    assert effective(db, "building", ["height_m"]) == [(6.125,)]
