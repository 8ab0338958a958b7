"""A city model on its way to a table: buildings with their attributes, and the bodies that they and their parts consist of.

What CityJSON and CityGML have in common: which of several levels of detail is taken, how parts add up to a building, and
which coordinate system the corners are in, read the right way round.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dhsdb.errors import Problem
from dhsdb.importers.decimals import number_of
from dhsdb.importers.grids import Grid
from dhsdb.importers.regions import region_of, to_degrees
from dhsdb.importers.solids import Faces, measure

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from dhsdb.importers.rows import Request
    from dhsdb.importers.solids import Bodies

    Floats = NDArray[np.float64]
    Objects = NDArray[np.object_]

FARTHEST = 1e9
"""Coordinate beyond which nothing on earth lies, in degrees or metres."""
MAX_CORNERS = 200_000_000
SAME_SHARE = 0.5
"""Share of the smaller footprint from which a building's own body and that of its parts are the same house."""
_EPSG = re.compile(r"EPSG(?::[\d.]*:|/[\d.]+/|:|/)(\d{4,6})", re.IGNORECASE)
_UTM = re.compile(r"ETRS89_UTM(2[89]|3[0-9])", re.IGNORECASE)
_GAUSS = re.compile(r"DE_DHDN_3GK([2-5])", re.IGNORECASE)
_AXES = 3
_TALLEST = frozenset({"measuredHeight", "storeysAboveGround"})


@dataclass(slots=True)
class House:
    """A building as it is read.

    Attributes
    ----------
    number
        Place in the document, from 1.
    attributes
        What is said of it, by name; its own before that of its parts.
    parts
        Numbers of its bodies; ``own`` those that are not of a part.
    of_parts
        Names of attributes that only its parts have.
    lod
        Level of detail taken.
    """

    key: str
    number: int
    attributes: dict[str, Any] = field(default_factory=dict)
    parts: list[int] = field(default_factory=list)
    own: list[int] = field(default_factory=list)
    lod: str = ""
    of_parts: set[str] = field(default_factory=set)

    def learn(self, said: Iterable[tuple[str, Any]], *, own: bool) -> None:
        """Keep what is said of the building, else of its parts: of heights and storeys that of the tallest."""
        for name, value in said:
            known = self.attributes.get(name)
            if known is None:
                self.attributes[name] = value
                if not own:
                    self.of_parts.add(name)
            elif not own and name in self.of_parts and name in _TALLEST:
                numbers = [number_of(str(v)) for v in (known, value)]
                if None not in numbers and numbers[1] > numbers[0]:  # type: ignore[operator]
                    self.attributes[name] = value


@dataclass(slots=True)
class City:
    """A city model.

    Attributes
    ----------
    system
        Coordinate system as the file names it; empty if it does not.
    flat
        Bodies that are a footprint only, and have no height.
    """

    file: Path
    sheet: str = ""
    system: str = ""
    houses: list[House] = field(default_factory=list)
    faces: Faces = field(default_factory=Faces)
    n_bodies: int = 0
    flat: set[int] = field(default_factory=set)
    notes: list[Problem] = field(default_factory=list)

    def add_body(self, house: House, *, own: bool, flat: bool = False) -> int:
        """Return the number of a new body of a building."""
        number = self.n_bodies
        self.n_bodies += 1
        house.parts.append(number)
        if own:
            house.own.append(number)
        if flat:
            self.flat.add(number)
        return number

    def problem(self, message: str, house: House | None = None, hint: str = "", **facts: Any) -> Problem:
        """Return a problem of this model, or of one of its buildings."""
        text = message if house is None else f"building {house.key[:80]}: {message}"
        return Problem(text, str(self.file), self.sheet, None if house is None else house.number, hint=hint, **facts)


@dataclass(slots=True)
class Measured:
    """Buildings as a table, with what was measured of them.

    Attributes
    ----------
    grid
        Attributes, one row per building, with the id in column ``building``.
    found
        Columns height_m, volume_m3, footprint (geometries), lod; one line per row of the grid.
    roofs
        Rows of ``building_roof``, with the line of their building in column ``line``.
    """

    grid: Grid
    found: pd.DataFrame
    roofs: pd.DataFrame


def horizontal(system: str) -> int | None:
    """Return the EPSG code of a system's horizontal part, or None if it is not known.

    Examples
    --------
    >>> horizontal("urn:ogc:def:crs,crs:EPSG::25832,crs:EPSG::5783"), horizontal("EPSG:25832*DE_DHHN92_NH")
    (25832, 25832)
    >>> horizontal("https://www.opengis.net/def/crs/EPSG/0/7415"), horizontal("urn:adv:crs:ETRS89_UTM33*DE_DHHN2016_NH")
    (28992, 25833)
    """
    from pyproj import CRS  # heavy
    from pyproj.exceptions import CRSError

    if found := _EPSG.search(system):
        code = int(found[1])
    elif found := _UTM.search(system):
        return 25800 + int(found[1])
    elif found := _GAUSS.search(system):
        return 31464 + int(found[1])
    else:
        code = int(system) if system.isdigit() else 0
    try:
        crs = CRS.from_epsg(code)
        while crs.is_compound:
            crs = crs.sub_crs_list[0]
        if len(crs.axis_info) == _AXES:
            crs = crs.to_2d()
        return crs.to_epsg() if crs.is_projected or crs.is_geographic else None
    except CRSError:
        return None


def finish(city: City, xyz: Floats, request: Request) -> Measured | None:
    """Measure the buildings of a model; None if its coordinates can't be placed, which is then among its notes.

    Parameters
    ----------
    xyz
        Corners of all rings in the order in which faces were added, without closing ones, shape (corners, 3).
    """
    code = _settled_system(city, request)
    if code is None:
        return None
    placed = _placed(city, xyz, code)
    if placed is None:
        return None
    xyz, code = placed
    bodies = measure(city.faces, xyz, city.n_bodies)
    return _measured(city, bodies, code)


# --- coordinates -----------------------------------------------------------------------------------------------------
def _settled_system(city: City, request: Request) -> int | None:
    if not city.system:
        if request.epsg is not None and request.epsg > 0:
            text = f"the model does not name its coordinate system; it was read in EPSG:{request.epsg}."
            city.notes.append(city.problem(text, severity="warning", code="crs"))
            return request.epsg
        city.notes.append(
            city.problem("the model does not name its coordinate system.", hint="Name it with --crs.", code="crs")
        )
        return None
    code = horizontal(city.system)
    if code is None:
        text = "the coordinate system of the model is not known."
        city.notes.append(city.problem(text, value=city.system[:120], hint="Name it by its EPSG code.", code="crs"))
    return code


def _placed(city: City, xyz: Floats, code: int) -> tuple[Floats, int] | None:
    """Return corners in metres, east before north, and their system."""
    import numpy as np  # heavy
    from pyproj import CRS, Transformer

    from dhsdb.importers.streets import projection, utm_epsg

    if not len(xyz):
        return xyz, code
    crs = CRS.from_epsg(code)
    unit = crs.axis_info[0].unit_conversion_factor if crs.is_projected else 1.0
    if crs.is_projected and abs(unit - 1) > 1e-9:  # noqa: PLR2004
        text = f"the coordinates are in units of {unit:g} m; only metres are read."
        city.notes.append(city.problem(text, value=city.system[:120], hint="Export the model in metres.", code="crs"))
        return None
    middle = np.median(xyz[:, :2], axis=0)
    region = region_of(code)
    straight, turned = _lies_in(region, code, middle), _lies_in(region, code, middle[::-1])
    if straight and turned and crs.is_geographic and re.match(r"urn:|https?:", city.system, re.IGNORECASE):
        straight = crs.axis_info[0].direction == "east"  # names of this form mean the official order of axes
    if not straight and turned:
        # Latitude before longitude, or northing before easting, is what some systems ask for.
        if not (crs.is_geographic or crs.axis_info[0].direction == "north"):
            text = "the coordinates are the wrong way round for their system; they were swapped."
            city.notes.append(city.problem(text, severity="warning", code="swapped"))
        xyz = xyz[:, [1, 0, 2]]
        middle = middle[::-1]
    elif not straight:
        text = f"the coordinates ({middle[0]:,.1f}, {middle[1]:,.1f}) are not where EPSG:{code} is made for."
        city.notes.append(city.problem(text, hint="Name another system with --crs, or mend the file.", code="crs"))
        return None
    place = to_degrees(code)(float(middle[0]), float(middle[1]))
    if not isinstance(projection(code, place), Problem):
        return xyz, code
    target = utm_epsg(*place)  # degrees, or a system like Web Mercator that keeps no areas
    x, y = Transformer.from_crs(code, target, always_xy=True).transform(xyz[:, 0], xyz[:, 1])
    return np.column_stack([x, y, xyz[:, 2]]), target


def _lies_in(region: tuple[float, float, float, float] | None, code: int, xy: Floats) -> bool:
    if region is None:
        return True
    east, north = to_degrees(code)(float(xy[0]), float(xy[1]))
    return bool(region[0] <= east <= region[2] and region[1] <= north <= region[3])


# --- bodies to buildings ---------------------------------------------------------------------------------------------
def _measured(city: City, bodies: Bodies, code: int) -> Measured:
    """Return the buildings as a table."""
    import numpy as np  # heavy
    import pandas as pd
    import shapely

    n = len(city.houses)
    names = list(dict.fromkeys(name for house in city.houses for name in house.attributes))
    header = ["building", *(name for name in names if name != "building")]
    rows = [[house.key, *(house.attributes.get(name) for name in header[1:])] for house in city.houses]
    grid = Grid(city.file, city.sheet, header, rows, [house.number for house in city.houses], {}, code)
    kept, same = _kept_bodies(city, bodies)
    if same:
        text = f"{_some(same)} with a body that is that of the parts once more: the parts were taken."
        city.notes.append(city.problem(text, severity="warning", code="counted-twice"))
    house_of = np.full(city.n_bodies, -1, dtype=np.int64)
    for line, which in enumerate(kept):
        house_of[which] = line
    used = house_of >= 0
    solid = used.copy()
    solid[list(city.flat)] = False
    volume = np.zeros(n)
    low, high = np.full(n, np.nan), np.full(n, np.nan)
    np.add.at(volume, house_of[solid], np.nan_to_num(bodies.volume[solid]))
    np.fmin.at(low, house_of[solid], bodies.low[solid])
    np.fmax.at(high, house_of[solid], bodies.high[solid])
    footprint = np.full(n, None, dtype=object)
    for line, which in enumerate(kept):
        shapes = [bodies.footprint[i] for i in which if bodies.footprint[i] is not None]
        if shapes:
            footprint[line] = shapes[0] if len(shapes) == 1 else shapely.union_all(shapes, grid_size=1e-3)
    height = high - low
    found = pd.DataFrame(
        {
            "height_m": np.where(height > 0, height, np.nan),
            "volume_m3": np.where(volume > 0, volume, np.nan),
            "footprint": footprint,
            "lod": [house.lod for house in city.houses],
        }
    )
    roofs = _roofs(bodies, house_of, city)
    _say(city, bodies, house_of, solid)
    return Measured(grid, found, roofs)


def _kept_bodies(city: City, bodies: Bodies) -> tuple[list[list[int]], list[str]]:
    """Return the bodies of each building that count: solid ones before mere footprints, and no house twice."""
    kept: list[list[int]] = []
    same: list[str] = []
    for house in city.houses:
        which = [i for i in house.parts if i not in city.flat and bodies.footprint[i] is not None]
        which = which or [i for i in house.parts if bodies.footprint[i] is not None]
        own = [i for i in which if i in house.own]
        parts = [i for i in which if i not in house.own]
        if own and parts and _is_same([bodies.footprint[i] for i in own], [bodies.footprint[i] for i in parts]):
            which = parts
            same.append(house.key)
        kept.append(which)
    return kept, same


def _is_same(own: Sequence[Any], parts: Sequence[Any]) -> bool:
    import shapely  # heavy

    a, b = shapely.union_all(list(own)), shapely.union_all(list(parts))
    return bool(shapely.area(shapely.intersection(a, b)) > SAME_SHARE * min(shapely.area(a), shapely.area(b)))


def _roofs(bodies: Bodies, house_of: NDArray[np.int64], city: City) -> pd.DataFrame:
    """Return the planes of roofs; a surface has its id in the source where that is one, else a number."""
    import numpy as np  # heavy
    import pandas as pd

    line = house_of[bodies.roof_of] if len(bodies.roof_of) else np.zeros(0, np.int64)
    solid = np.array([i not in city.flat for i in bodies.roof_of.tolist()], dtype=bool)
    chosen = np.flatnonzero((line >= 0) & solid) if len(line) else np.zeros(0, np.int64)
    frame = pd.DataFrame(
        {
            "line": line[chosen],
            "surface": [bodies.roof_name[i] for i in chosen.tolist()],
            "area_m2": bodies.roof_area[chosen],
            "tilt_deg": bodies.roof_tilt[chosen],
            "azimuth_deg": bodies.roof_azimuth[chosen],
        }
    ).sort_values("line", kind="stable", ignore_index=True)
    number = (frame.groupby("line").cumcount() + 1).astype(str)
    bare = (frame["surface"] == "") | frame.duplicated(["line", "surface"], keep=False)
    frame["surface"] = frame["surface"].where(~bare, number)
    return frame


def _say(city: City, bodies: Bodies, house_of: NDArray[np.int64], solid: NDArray[np.bool_]) -> None:
    """Tell what was measured in another way than from a closed solid."""
    import numpy as np  # heavy

    keys = [house.key for house in city.houses]
    opened = np.unique(house_of[solid & bodies.is_open])
    if len(opened):
        text = (
            f"{_some([keys[i] for i in opened])} whose shell is not closed: the volume is that between roof and ground."
        )
        city.notes.append(city.problem(text, severity="warning", code="open-solid"))
    outlined = np.unique(house_of[solid & bodies.by_projection])
    if len(outlined):
        text = (
            f"{_some([keys[i] for i in outlined])} without a ground surface: the footprint is the outline from above."
        )
        city.notes.append(city.problem(text, severity="info", code="outline"))
    simple = [house.key for house in city.houses if house.lod.startswith("1") and house.parts]
    if simple:
        text = f"{_some(simple)} of LoD1: their roofs are flat there, whatever they are."
        city.notes.append(city.problem(text, severity="info", code="lod1-roof"))
    bare = [house.key for house in city.houses if not house.parts]
    if bare:
        text = f"{_some(bare)} without a geometry of LoD 0 to 3; they were kept without a place."
        city.notes.append(city.problem(text, severity="warning", code="no-place"))


def _some(keys: Sequence[str]) -> str:
    """Return ``3 buildings (a, b, c)``, with the first five of many."""
    more = f" and {len(keys) - 5} more" if len(keys) > 5 else ""  # noqa: PLR2004  enough to find them
    return f"{len(keys)} building{'s' * (len(keys) != 1)} ({', '.join(k[:60] for k in keys[:5])}{more})"
