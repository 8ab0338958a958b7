"""City models, tables of results and years of weather as their tools write them: 3DBAG, German LoD2, SimStadt, DWD, EnergyPlus.

Every house is known by hand: a gabled one of 10 x 8 m with eaves at 3 m and the ridge at 6 m along the east has 360 m3 and
two planes of 50 m2, tilted by atan(3/4) to the south and the north.
"""

from __future__ import annotations

import datetime as dt
import json
import math
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Point = tuple[float, float, float]
Surface = tuple[str, list[Point]]

ORIGIN = (389500.0, 5819000.0, 34.0)
"""A corner in Berlin, EPSG:25833."""
TILT = math.degrees(math.atan2(3, 4))


def gabled(x: float = 0, y: float = 0, z: float = 0) -> list[Surface]:
    """The house that is known by hand, its corners counter-clockwise from outside."""
    faces: list[tuple[str, list[tuple[float, float, float]]]] = [
        ("GroundSurface", [(0, 0, 0), (0, 8, 0), (10, 8, 0), (10, 0, 0)]),
        ("WallSurface", [(0, 0, 0), (10, 0, 0), (10, 0, 3), (0, 0, 3)]),
        ("WallSurface", [(10, 8, 0), (0, 8, 0), (0, 8, 3), (10, 8, 3)]),
        ("WallSurface", [(10, 0, 0), (10, 8, 0), (10, 8, 3), (10, 4, 6), (10, 0, 3)]),
        ("WallSurface", [(0, 8, 0), (0, 0, 0), (0, 0, 3), (0, 4, 6), (0, 8, 3)]),
        ("RoofSurface", [(0, 0, 3), (10, 0, 3), (10, 4, 6), (0, 4, 6)]),
        ("RoofSurface", [(10, 8, 3), (0, 8, 3), (0, 4, 6), (10, 4, 6)]),
    ]
    return [(kind, [(px + x, py + y, pz + z) for px, py, pz in ring]) for kind, ring in faces]


def box(x: float, y: float, z: float, dx: float, dy: float, dz: float) -> list[Surface]:
    """A block."""
    a, b, c, d = (x, y, z), (x + dx, y, z), (x + dx, y + dy, z), (x, y + dy, z)
    e, f, g, h = ((px, py, pz + dz) for px, py, pz in (a, b, c, d))
    return [
        ("GroundSurface", [a, d, c, b]),
        ("RoofSurface", [e, f, g, h]),
        *(("WallSurface", list(w)) for w in ((a, b, f, e), (b, c, g, f), (c, d, h, g), (d, a, e, h))),
    ]


# --- CityJSON --------------------------------------------------------------------------------------------------------
class CityJson:
    """A document with a transform, as 3DBAG writes it."""

    def __init__(
        self, version: str = "2.0", epsg: str = "25833", origin: Point = ORIGIN, *, transform: bool = True
    ) -> None:
        self.version = version
        self.origin = origin
        self.scale = 0.001
        self.transform = transform
        self.vertices: list[list[float]] = []
        self.objects: dict[str, Any] = {}
        urn = f"urn:ogc:def:crs:EPSG::{epsg}" if version == "1.0" else f"https://www.opengis.net/def/crs/EPSG/0/{epsg}"
        self.system = urn

    def index(self, point: Point) -> int:
        moved = (
            [round(p / self.scale) for p in point]
            if self.transform
            else [p + o for p, o in zip(point, self.origin, strict=True)]
        )
        self.vertices.append(moved)
        return len(self.vertices) - 1

    def solid(
        self, surfaces: Sequence[Surface], lod: str = "2.2", *, semantics: bool = True, kind: str = "Solid"
    ) -> dict[str, Any]:
        shell = [[[self.index(p) for p in ring]] for _, ring in surfaces]
        kinds = sorted({k for k, _ in surfaces})
        values = [kinds.index(k) for k, _ in surfaces]
        boundaries, marks = ([shell], [values]) if kind == "Solid" else (shell, values)
        geometry = {"type": kind, "lod": float(lod) if self.version == "1.0" else lod, "boundaries": boundaries}
        if semantics:
            geometry["semantics"] = {"surfaces": [{"type": k} for k in kinds], "values": marks}
        return geometry

    def flat(self, ring: Sequence[tuple[float, float]], lod: str = "0") -> dict[str, Any]:
        return {"type": "MultiSurface", "lod": lod, "boundaries": [[[self.index((x, y, 0)) for x, y in ring]]]}

    def add(
        self, key: str, geometry: list[dict[str, Any]], attributes: dict[str, Any] | None = None, **facts: Any
    ) -> None:
        self.objects[key] = {"type": "Building", "geometry": geometry, "attributes": attributes or {}} | facts

    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            "type": "CityJSON", "version": self.version, "metadata": {"referenceSystem": self.system}, "CityObjects": self.objects,
            "vertices": self.vertices,
        }  # fmt: skip
        if self.transform:
            found["transform"] = {"scale": [self.scale] * 3, "translate": list(self.origin)}
        return found

    def write(self, path: Path) -> Path:
        path.write_text(json.dumps(self.document()), encoding="utf-8")
        return path


def dutch_tile(n: int) -> CityJson:
    """A tile as 3DBAG has it: a building with its footprint, its part with solids of several levels."""
    city = CityJson(epsg="7415", origin=(85000.0, 446000.0, 0.0))
    for i in range(n):
        x, y = 20.0 * (i % 100), 20.0 * (i // 100)
        key = f"NL.IMBAG.Pand.{i:016d}"
        facts = {
            "identificatie": key,
            "oorspronkelijkbouwjaar": 1900 + i % 120,
            "status": "Pand in gebruik",
            "b3_bouwlagen": 2,
        }
        city.add(key, [city.flat([(x, y), (x + 10, y), (x + 10, y + 8), (x, y + 8)])], facts, children=[f"{key}-0"])
        solids = [city.solid(box(x, y, 0, 10, 8, 4.5), "1.2"), city.solid(gabled(x, y), "2.2")]
        city.objects[f"{key}-0"] = {"type": "BuildingPart", "parents": [key], "geometry": solids, "attributes": {}}
    return city


# --- CityGML ---------------------------------------------------------------------------------------------------------
_SPACES = """xmlns:core="http://www.opengis.net/citygml/{v}" xmlns:bldg="http://www.opengis.net/citygml/building/{v}"
 xmlns:gen="http://www.opengis.net/citygml/generics/{v}" xmlns:gml="http://www.opengis.net/gml" xmlns:xlink="http://www.w3.org/1999/xlink"
 xmlns:xAL="urn:oasis:names:tc:ciq:xsdschema:xAL:2.0\""""


def _polygon(
    key: str, ring: Sequence[Point], origin: Point, holes: Sequence[Sequence[Point]] = (), form: str = "posList"
) -> str:
    def text(points: Sequence[Point]) -> str:
        moved = [[p + o for p, o in zip(point, origin, strict=True)] for point in [*points, points[0]]]
        if form == "pos":
            return "".join(f"<gml:pos>{' '.join(f'{c:.3f}' for c in point)}</gml:pos>" for point in moved)
        if form == "coordinates":
            return (
                f"<gml:coordinates>{' '.join(','.join(f'{c:.3f}' for c in point) for point in moved)}</gml:coordinates>"
            )
        return f'<gml:posList srsDimension="3">{" ".join(f"{c:.3f}" for point in moved for c in point)}</gml:posList>'

    inner = "".join(f"<gml:interior><gml:LinearRing>{text(h)}</gml:LinearRing></gml:interior>" for h in holes)
    return f'<gml:Polygon gml:id="{key}"><gml:exterior><gml:LinearRing>{text(ring)}</gml:LinearRing></gml:exterior>{inner}</gml:Polygon>'


def lod2(
    key: str,
    surfaces: Sequence[Surface],
    origin: Point = ORIGIN,
    *,
    solid: bool = True,
    form: str = "posList",
    skip: int | None = None,
) -> str:
    """Boundary surfaces, and a solid that names them by xlink, as the surveying offices write them."""
    bounded, members = [], []
    for i, (kind, ring) in enumerate(surfaces):
        polygon = f"{key}_p{i}"
        members.append(f'<gml:surfaceMember xlink:href="#{polygon}"/>')
        if i == skip:
            continue
        bounded.append(
            f'<bldg:boundedBy><bldg:{kind} gml:id="{key}_s{i}"><bldg:lod2MultiSurface><gml:MultiSurface><gml:surfaceMember>'
            f"{_polygon(polygon, ring, origin, form=form)}</gml:surfaceMember></gml:MultiSurface></bldg:lod2MultiSurface></bldg:{kind}></bldg:boundedBy>"
        )
    whole = (
        f"<bldg:lod2Solid><gml:Solid><gml:exterior><gml:CompositeSurface>{''.join(members)}</gml:CompositeSurface></gml:exterior></gml:Solid></bldg:lod2Solid>"
        if solid else ""
    )  # fmt: skip
    return whole + "".join(bounded)


def lod1(key: str, surfaces: Sequence[Surface], origin: Point = ORIGIN) -> str:
    members = "".join(
        f"<gml:surfaceMember>{_polygon(f'{key}_q{i}', ring, origin)}</gml:surfaceMember>"
        for i, (_, ring) in enumerate(surfaces)
    )
    return f"<bldg:lod1Solid><gml:Solid><gml:exterior><gml:CompositeSurface>{members}</gml:CompositeSurface></gml:exterior></gml:Solid></bldg:lod1Solid>"


def facts(
    function: str = "31001_1010", year: int | None = 1965, height: float = 6.0, storeys: int | None = 2, **generic: str
) -> str:
    """Attributes of a building in their order."""
    text = "".join(
        f'<gen:stringAttribute name="{k}"><gen:value>{v}</gen:value></gen:stringAttribute>' for k, v in generic.items()
    )
    text += f"<bldg:function>{function}</bldg:function>"
    text += f"<bldg:yearOfConstruction>{year}</bldg:yearOfConstruction>" if year else ""
    text += (
        f'<bldg:roofType>3100</bldg:roofType><bldg:measuredHeight uom="urn:adv:uom:m">{height}</bldg:measuredHeight>'
    )
    return text + (f"<bldg:storeysAboveGround>{storeys}</bldg:storeysAboveGround>" if storeys else "")


ADDRESS = (
    "<bldg:address><core:Address><core:xalAddress><xAL:AddressDetails><xAL:Country><xAL:Locality Type='Town'><xAL:LocalityName>Berlin</xAL:LocalityName>"
    "<xAL:Thoroughfare Type='Street'><xAL:ThoroughfareNumber>7</xAL:ThoroughfareNumber><xAL:ThoroughfareName>Lindenweg</xAL:ThoroughfareName>"
    "</xAL:Thoroughfare></xAL:Locality></xAL:Country></xAL:AddressDetails></core:xalAddress></core:Address></bldg:address>"
)


def citygml(
    path: Path,
    buildings: dict[str, str],
    *,
    version: str = "2.0",
    system: str = "urn:ogc:def:crs,crs:EPSG::25833,crs:EPSG::5783",
    head: str = "",
) -> Path:
    """A document of buildings by id and content."""
    members = "".join(
        f'<core:cityObjectMember><bldg:Building gml:id="{key}">{inner}</bldg:Building></core:cityObjectMember>\n'
        for key, inner in buildings.items()
    )
    envelope = f'<gml:boundedBy><gml:Envelope srsName="{system}" srsDimension="3"><gml:lowerCorner>0 0 0</gml:lowerCorner></gml:Envelope></gml:boundedBy>'
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n{head}<core:CityModel {_SPACES.format(v=version)}>{envelope if system else ""}\n{members}</core:CityModel>'
    path.write_text(text, encoding="utf-8")
    return path


def part(key: str, inner: str) -> str:
    return f'<bldg:consistsOfBuildingPart><bldg:BuildingPart gml:id="{key}">{inner}</bldg:BuildingPart></bldg:consistsOfBuildingPart>'


_SPACES_3 = """xmlns="http://www.opengis.net/citygml/3.0" xmlns:con="http://www.opengis.net/citygml/construction/3.0"
 xmlns:bldg="http://www.opengis.net/citygml/building/3.0" xmlns:gen="http://www.opengis.net/citygml/generics/3.0"
 xmlns:gml="http://www.opengis.net/gml/3.2" xmlns:xlink="http://www.w3.org/1999/xlink\""""


def citygml3(path: Path, key: str = "A") -> Path:
    """The house that is known by hand, with a block beside it as its part, as CityGML 3.0 has them."""

    def solid(key: str, surfaces: Sequence[Surface]) -> str:
        bounded = "".join(
            f'<boundary><con:{kind} gml:id="{key}_s{i}"><lod2MultiSurface><gml:MultiSurface><gml:surfaceMember>'
            f"{_polygon(f'{key}_p{i}', ring, ORIGIN)}</gml:surfaceMember></gml:MultiSurface></lod2MultiSurface></con:{kind}></boundary>"
            for i, (kind, ring) in enumerate(surfaces)
        )
        links = "".join(f'<gml:surfaceMember xlink:href="#{key}_p{i}"/>' for i in range(len(surfaces)))
        return f"{bounded}<lod2Solid><gml:Solid><gml:exterior><gml:Shell>{links}</gml:Shell></gml:exterior></gml:Solid></lod2Solid>"

    heights = "".join(
        f'<con:height><con:Height><con:status>{status}</con:status><con:value uom="m">{value}</con:value></con:Height></con:height>'
        for status, value in (("estimated", 5.5), ("measured", 6.2))
    )
    text = (
        f'<?xml version="1.0" encoding="UTF-8"?><CityModel {_SPACES_3}><gml:boundedBy><gml:Envelope srsName="urn:ogc:def:crs:EPSG::25833"/>'
        f'</gml:boundedBy><cityObjectMember><bldg:Building gml:id="{key}"><genericAttribute><gen:StringAttribute><gen:name>Heizung</gen:name>'
        f"<gen:value>Gas</gen:value></gen:StringAttribute></genericAttribute>{solid(key, gabled())}"
        f"<con:dateOfConstruction>1965-05-01</con:dateOfConstruction>{heights}<bldg:function>31001_1010</bldg:function>"
        f'<bldg:storeysAboveGround>2</bldg:storeysAboveGround><bldg:buildingPart><bldg:BuildingPart gml:id="{key}_1">'
        f"{solid(f'{key}_1', box(20, 0, 0, 5, 4, 3))}</bldg:BuildingPart></bldg:buildingPart></bldg:Building></cityObjectMember></CityModel>"
    )
    path.write_text(text, encoding="utf-8")
    return path


# --- SimStadt --------------------------------------------------------------------------------------------------------
SIMSTADT = (
    "GMLId;ParentGMLId;Latitude;Longitude;X-coordinate;Y-coordinate;Year of construction;Building type;Number of storeys;PrimaryUsageZoneType;"
    "Footprint area;Heated area;Heated volume;Yearly Heating demand;Yearly DHW demand;Total Yearly Heating + DHW demand;Specific space heating demand;"
    "Refurbishment variant"
)


def simstadt(path: Path, rows: Sequence[Sequence[object]], *, units: bool = True) -> Path:
    """A table of results: comments, semicolons, decimal commas, a row of units."""
    lines = ["# SimStadt 0.10.0", "# Weather: Berlin", SIMSTADT]
    if units:
        lines.append("[];[];[°];[°];[m];[m];[];[];[];[];[m²];[m²];[m³];[kWh/a];[kWh/a];[kWh/a];[kWh/m²a];[]")
    lines += [";".join(str(c).replace(".", ",") if isinstance(c, float) else str(c) for c in row) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


# --- weather ---------------------------------------------------------------------------------------------------------
def outside(hours: int = 8760) -> list[float]:
    """A year that is cold in winter and at night; one value per hour."""
    return [
        round(9 - 10 * math.cos(2 * math.pi * (h - 400) / hours) - 3 * math.cos(2 * math.pi * (h % 24 - 3) / 24), 1)
        for h in range(hours)
    ]


def days(year: int) -> list[tuple[int, int]]:
    first = dt.date(year, 1, 1)
    n = 366 if (year % 4 == 0 and year % 100 != 0) or year % 400 == 0 else 365
    return [((d := first + dt.timedelta(days=i)).month, d.day) for i in range(n)]


def try_file(path: Path, values: Sequence[float] | None = None) -> Path:
    """A test reference year of 2017: head, names, ***, one line per hour."""
    values = values or outside()
    head = [
        "1. Koordinatensystem : Lambert konform konisch", "2. Rechtswert        : 4577500 Meter", "   Hochwert          : 2711500 Meter",
        "   Hoehenlage        : 34 Meter ueber NN", "3. Erstellung des Datensatzes im Mai 2016", "4. Art des TRY       : mittleres Jahr",
        "5. Bezugszeitraum    : 1995-2012", "", "Reihenfolge der Parameter:", "t  Lufttemperatur in 2m Hoehe ueber Grund {GradC}", "",
        "RW HW MM DD HH     t    p  WR   WG N    x  RF    B    D   A    E  IL", "*** ",
    ]  # fmt: skip
    stamps = [(m, d, h) for m, d in days(2015) for h in range(1, 25)]
    lines = [
        f"4577500 2711500 {m:2d} {d:2d} {h:2d} {t:5.1f} 1010 240  3.1 6  4.9  88    0    0 274 -304   1"
        for (m, d, h), t in zip(stamps, values, strict=True)
    ]
    path.write_text("\n".join([*head, *lines]) + "\n", encoding="latin-1")
    return path


def epw_file(path: Path, year: int = 2015, values: Sequence[float] | None = None) -> Path:
    """An EPW: eight lines of head, standard time, hours 1 to 24."""
    stamps = [(m, d, h) for m, d in days(year) for h in range(1, 25)]
    values = values or outside(len(stamps))
    head = [
        "LOCATION,Berlin,BE,DEU,IWEC Data,103840,52.47,13.40,1.0,49.0", "DESIGN CONDITIONS,0", "TYPICAL/EXTREME PERIODS,0", "GROUND TEMPERATURES,0",
        "HOLIDAYS/DAYLIGHT SAVINGS,No,0,0,0", "COMMENTS 1,made for a test", "COMMENTS 2,", "DATA PERIODS,1,1,Data,Sunday, 1/ 1,12/31",
    ]  # fmt: skip
    rest = "3.0,80,101300,0,0,300,0,0,0,0,0,0,0,240,3.0,5,5,20.0,77777,9,999999999,80,0.05,0,88,0.2,0.0,1.0"
    lines = [f"{year},{m},{d},{h},60,?9?9?9?9E0?9?9,{t},{rest}" for (m, d, h), t in zip(stamps, values, strict=True)]
    path.write_text("\n".join([*head, *lines]) + "\n", encoding="latin-1")
    return path


def local_time_csv(path: Path, year: int, values: Sequence[float], *, saving: bool = True) -> Path:
    """A table in German local time: an hour is missing in March, and one is twice in October."""
    spring = max(d for d in (pd.Timestamp(year, 3, k) for k in range(25, 32)) if d.weekday() == 6) + dt.timedelta(
        hours=2
    )
    autumn = max(d for d in (pd.Timestamp(year, 10, k) for k in range(25, 32)) if d.weekday() == 6) + dt.timedelta(
        hours=2
    )
    lines = ["Zeit;Temperatur [°C]"]
    for h, t in enumerate(values):
        standard = pd.Timestamp(year, 1, 1) + dt.timedelta(hours=h)
        shown = standard + dt.timedelta(hours=1) if saving and spring <= standard < autumn else standard
        lines.append(f"{shown:%d.%m.%Y %H:%M};{str(t).replace('.', ',')}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
