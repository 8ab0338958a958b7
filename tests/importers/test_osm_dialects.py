"""JOSM's and Overpass's ways to write OpenStreetMap data give the rows of the plain file; what is not whole is refused."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dhsdb.errors import Problem
from dhsdb.importers.osm import OsmImporter
from dhsdb.importers.rows import Request, Rows

if TYPE_CHECKING:
    import pandas as pd

PLACES = {
    1: (27.0, 60.0), 2: (27.001, 60.0), 3: (27.001, 60.001), 4: (27.0, 60.001), 5: (27.0, 60.002), 6: (27.002, 60.002),
    7: (27.003, 60.0), 8: (27.004, 60.0), 9: (27.004, 60.001),
}  # fmt: skip
WAYS: dict[int, tuple[list[int], dict[str, str]]] = {
    10: ([1, 2, 3, 4, 1], {"building": "house"}),
    11: ([4, 5, 6], {"highway": "residential"}),
    20: ([7, 8, 9], {}),
    21: ([9, 7], {}),
}
SCHOOL = {"type": "multipolygon", "building": "school"}
"""Tags of a relation of ways 20 and 21."""


def tags(given: dict[str, str]) -> str:
    return "".join(f'<tag k="{key}" v="{value}"/>' for key, value in given.items())


def nodes(sign: int = 1, more: str = "") -> str:
    return "".join(f'<node id="{sign * n}" lat="{lat}" lon="{lon}"{more}/>' for n, (lon, lat) in PLACES.items())


def point(number: int) -> str:
    return f'<nd ref="{number}" lat="{PLACES[number][1]}" lon="{PLACES[number][0]}"/>'


def ways(sign: int = 1, *, places: bool = False, only: Iterable[int] = WAYS) -> str:
    made = ""
    for number in only:
        refs, given = WAYS[number]
        inside = "".join(point(n) if places else f'<nd ref="{sign * n}"/>' for n in refs)
        made += f'<way id="{sign * number}">{inside}{tags(given)}</way>'
    return made


def school(sign: int = 1) -> str:
    members = "".join(f'<member type="way" ref="{sign * way}" role="outer"/>' for way in (20, 21))
    return f'<relation id="{sign * 30}">{members}{tags(SCHOOL)}</relation>'


def xml(*parts: str, generator: str = "hand") -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?><osm version="0.6" generator="{generator}">{"".join(parts)}</osm>'.encode()


def read(folder: Path, content: bytes, name: str = "map.osm") -> tuple[dict[str, pd.DataFrame], list[Problem]]:
    path = folder / name
    path.write_bytes(content)
    tables: dict[str, pd.DataFrame] = {}
    problems: list[Problem] = []
    for item in OsmImporter().read(Request((path,), "base")):
        if isinstance(item, Rows):
            tables[item.table] = item.frame
        elif isinstance(item, Problem):
            problems.append(item)
    return tables, problems


def facts(tables: dict[str, pd.DataFrame], *, ids: bool = True) -> list[Any]:
    """Return what the rows say, with or without the numbers of nodes, ways and relations."""
    building = tables["building"].sort_values("footprint_m2", ignore_index=True)
    found: list[Any] = [round(area, 3) for area in building["footprint_m2"]]
    found += [round(length, 3) for length in tables["street"]["length_m"]]
    if ids:
        found += [*building["building"], *tables["street"]["street"], *tables["street"]["from_node"]]
    return found


@pytest.fixture
def plain(tmp_path: Path) -> dict[str, pd.DataFrame]:
    tables, problems = read(tmp_path, xml(nodes(), ways(), school()), "plain.osm")
    assert problems == []
    assert sorted(tables["building"]["building"]) == ["r30", "w10"]
    return tables


def overpass(elements: list[dict[str, Any]], **more: Any) -> bytes:
    return json.dumps({"version": 0.6, "generator": "Overpass API 0.7.62", "elements": elements, **more}).encode()


def at(numbers: Iterable[int]) -> list[dict[str, float]]:
    return [{"lat": PLACES[n][1], "lon": PLACES[n][0]} for n in numbers]


def json_nodes() -> list[dict[str, Any]]:
    return [{"type": "node", "id": n, "lat": lat, "lon": lon} for n, (lon, lat) in PLACES.items()]


def json_ways(*, places: bool, only: Iterable[int] = WAYS) -> list[dict[str, Any]]:
    made = []
    for number in only:
        refs, given = WAYS[number]
        made.append(
            {"type": "way", "id": number, "nodes": refs, "tags": given} | ({"geometry": at(refs)} if places else {})
        )
    return made


def json_school(*, places: bool) -> dict[str, Any]:
    members = [{"type": "way", "ref": way, "role": "outer"} for way in (20, 21)]
    if places:
        members = [one | {"geometry": at(WAYS[int(str(one["ref"]))][0])} for one in members]
    return {"type": "relation", "id": 30, "members": members, "tags": SCHOOL}


MEMBERS = (
    "".join(
        f'<member type="way" ref="{way}" role="outer">'
        + "".join(f'<nd lat="{PLACES[n][1]}" lon="{PLACES[n][0]}"/>' for n in WAYS[way][0])
        + "</member>"
        for way in (20, 21)
    )
)  # fmt: skip
SAME = {
    "Overpass XML with geometry": xml(ways(places=True), school()),
    "members with geometry": xml(
        ways(places=True, only=(10, 11)), f'<relation id="30">{MEMBERS}{tags(SCHOOL)}</relation>'
    ),
    "ways before nodes": xml("<note>x</note>", ways(), school(), nodes(), generator="Overpass API"),
    "once without tags, once with": xml(
        nodes(),
        '<way id="10"><nd ref="1"/><nd ref="2"/><nd ref="3"/><nd ref="4"/><nd ref="1"/></way>',
        ways(),
        school(),
    ),
    "everything twice": xml(nodes(), nodes(), ways(), ways(), school(), school()),
    "JSON": overpass([*json_nodes(), *json_ways(places=False), json_school(places=False)]),
    "JSON with geometry": overpass([*json_ways(places=True), json_school(places=False)]),
    "JSON, members with geometry": overpass([*json_ways(places=True, only=(10, 11)), json_school(places=True)]),
    "JSON with a mark": b"\xef\xbb\xbf \n"
    + overpass([*json_nodes(), *json_ways(places=False), json_school(places=False)]),
    "JOSM without changes": xml(nodes(), ways(), school(), generator="JOSM"),
}


@pytest.mark.parametrize("content", SAME.values(), ids=SAME.keys())
def test_dialects_say_what_the_plain_file_says(tmp_path: Path, plain: dict[str, pd.DataFrame], content: bytes) -> None:
    tables, problems = read(tmp_path, content)
    assert problems == []
    assert facts(tables) == facts(plain)


def test_what_josm_drew_has_numbers_below_zero(tmp_path: Path, plain: dict[str, pd.DataFrame]) -> None:
    drawn = xml(nodes(-1, " action='modify'"), ways(-1), school(-1), generator="JOSM")
    tables, problems = read(tmp_path, drawn)
    assert problems == []
    assert facts(tables, ids=False) == facts(plain, ids=False)
    assert sorted(tables["building"]["building"]) == ["r-30", "w-10"]
    assert tables["street"][["street", "from_node", "to_node"]].to_numpy().tolist() == [["-11-0", -4, -6]]


def test_what_josm_deleted_is_gone(tmp_path: Path) -> None:
    deleted = ways(only=(11,)).replace("<way ", '<way action="delete" ')
    tables, _ = read(tmp_path, xml(nodes(), ways(only=(10,)), deleted, generator="JOSM"))
    assert "street" not in tables or tables["street"].empty
    assert tables["building"]["building"].tolist() == ["w10"]


def test_packed_drawings_are_read(tmp_path: Path, plain: dict[str, pd.DataFrame]) -> None:
    packed = gzip.compress(xml(nodes(-1), ways(-1), school(-1), generator="JOSM"))
    tables, _ = read(tmp_path, packed, "map.osm.gz")
    assert facts(tables, ids=False) == facts(plain, ids=False)


def test_a_box_of_overpass_cuts_ways(tmp_path: Path) -> None:
    """Overpass writes null where its box cuts a way; the rest of the way stays."""
    street = {"type": "way", "id": 11, "nodes": [4, 5, 6], "geometry": [*at([4, 5]), None], "tags": {"highway": "path"}}
    tables, problems = read(tmp_path, overpass([street]), "answer.json")
    assert tables["street"][["from_node", "to_node"]].to_numpy().tolist() == [[4, 5]]
    assert [problem.code for problem in problems] == ["clipped"]


REMARK = "runtime error: Query timed out in &quot;query&quot; at line 3 after 26 seconds."
WRONG = {
    "unfinished XML": (xml(nodes(), ways(), f"<remark> {REMARK} </remark>"), "incomplete", "timed out"),
    "unfinished JSON": (
        overpass(json_nodes(), remark="runtime error: Query ran out of memory"),
        "incomplete",
        "memory",
    ),
    "centres only": (
        xml('<way id="10"><center lat="60" lon="27"/><tag k="building" v="yes"/></way>'),
        "positions",
        "geom",
    ),
    "ways only": (overpass(json_ways(places=False)), "positions", "out geom"),
    "a number that is none": (overpass([{"type": "way", "id": "x", "nodes": [1]}]), "broken", "'x'"),
    "cut off": (overpass(json_nodes())[:-40], "broken", "line 1"),
    "not finite": (overpass([{"type": "node", "id": 1, "lat": "NaN", "lon": 4}]), "broken", "node 1"),
    "far too large a number": (overpass([{"type": "node", "id": 2**70, "lat": 1, "lon": 4}]), "broken", ""),
    "no objects": (overpass([5]), "broken", "int"),  # type: ignore[list-item]
    "no list": (b'{"version": 0.6, "elements": 7}', "broken", "int"),
    "a drawing that breaks off": (xml(nodes(-1), ways(-1), generator="JOSM")[:-30], "broken", ""),
}


@pytest.mark.parametrize(("content", "code", "word"), WRONG.values(), ids=WRONG.keys())
def test_what_is_not_whole_is_refused(tmp_path: Path, content: bytes, code: str, word: str) -> None:
    tables, problems = read(tmp_path, content)
    assert not tables
    assert [problem.code for problem in problems] == [code]
    assert word in str(problems[0])
    assert "map.osm" in str(problems[0])


def test_large_json_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dhsdb.importers.osm_files.MAX_JSON", 100)
    _, problems = read(tmp_path, overpass(json_nodes()))
    assert [problem.code for problem in problems] == ["size"]
