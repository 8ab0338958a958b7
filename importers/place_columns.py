"""What the columns of other people's tables of places mean, and what stands in their cells.

A header is compared without case, punctuation and unit: ``Capacity [kW]``, ``capacity_kw`` and ``Capacity`` name one
column. Numbers may be text with a degree sign or a unit, coordinates degrees, minutes and seconds.
"""

from __future__ import annotations

import functools
import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dhsdb.importers.decimals import is_open, number_of
from dhsdb.importers.units import UnitError, conversion
from dhsdb.importers.workbooks import column_letters

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dhsdb.errors import Problem
    from dhsdb.importers.grids import Grid

COORDINATES: dict[str, tuple[str, ...]] = {
    "latitude": ("lat", "latitude", "supply lat", "supply latitude", "source lat", "breitengrad", "latitud"),
    "longitude": (
        "lon", "long", "lng", "longitude", "supply lon", "supply long", "supply longitude", "source lon",
        "laengengrad", "längengrad", "longitud",
    ),
    "x": ("x", "easting", "east", "x coord", "rechtswert"),
    "y": ("y", "northing", "north", "y coord", "hochwert"),
    "geometry": ("geometry", "geom", "wkt", "the geom", "shape"),
    "position": ("coordinates", "coordinate", "position", "dms", "lat lon", "latlon", "lat long"),
}  # fmt: skip
"""Headers of coordinates, folded; ``position`` is latitude and longitude in one cell."""

_GERMAN = {
    "latitude": ("breite", "geographische breite", "geogr breite"),
    "longitude": ("laenge", "länge", "geographische länge", "geographische laenge", "geogr länge", "geogr laenge"),
}
"""What of pipes would be a length."""
SOURCES: Mapping[str, tuple[str, ...]] = COORDINATES | {
    "latitude": (*COORDINATES["latitude"], *_GERMAN["latitude"]),
    "longitude": (*COORDINATES["longitude"], *_GERMAN["longitude"]),
    "heat_source": ("id", "source id", "heat source", "heat source id", "heatsource", "uid", "objectid"),
    "title": ("name", "title", "source", "source name", "site name", "facility", "plant", "bezeichnung", "anlage",
        "standort", "erzeuger", "namn",
    ),
    "kind": ("kind", "type", "source type", "category", "sector", "typ", "art", "kategorie"),
    "capacity_mw": (
        "capacity", "power", "heat capacity", "thermal capacity", "heat output", "heat power", "thermal power",
        "max capacity", "leistung",
        "waermeleistung", "wärmeleistung", "thermische leistung", "nennleistung", "effekt",
    ),
    "temperature_c": ("temperature", "temp", "source temperature", "heat temperature", "supply temperature", "temperatur"),
    "annual_mwh": (
        "annual", "annual heat", "annual energy", "annual heat potential", "heat per year", "yearly heat",
        "excess heat", "waste heat", "heat potential",
        "energy", "heat", "jahreswaerme", "jahreswärme", "wärme", "waerme", "wärmemenge", "waermemenge",
        "abwaerme", "abwärme", "årlig värme",
    ),
    "profile": ("profile", "availability", "availability profile", "profil"),
    "rule": ("rule", "method", "basis"),
}  # fmt: skip
"""Headers of tables of heat sources."""

PIPES: Mapping[str, tuple[str, ...]] = COORDINATES | {
    "pipe": (
        "pipe", "identifier", "id", "pipe id", "name", "line", "network", "pipeline", "segment", "leitung", "trasse", "strang",
    ),
    "site": ("site",),
    "from_node": ("from", "from node", "start", "start node", "node from", "u"),
    "to_node": ("to", "to node", "end", "end node", "node to", "v"),
    "trench_m": ("length", "trench", "trench length", "laenge", "länge"),
    "diameter_m": ("diameter", "inner diameter", "dn", "nominal diameter", "durchmesser", "innendurchmesser"),
    "kml_folder": ("kml folder",),
    "track": ("type",),
}  # fmt: skip
"""Headers of tables of pipes and of their vertices."""

NUMBERED = ("srno", "sr no", "no", "nr", "number", "row", "index", "fid", "#")
"""Headers of row numbers, which identify nothing."""

_UNIT = re.compile(r"[\[(]\s*([^\[\]()]+?)\s*[\])]")
_TAILS = (
    "w",
    "kw",
    "mw",
    "gw",
    "wh",
    "kwh",
    "mwh",
    "gwh",
    "twh",
    "gj",
    "tj",
    "pj",
    "c",
    "degc",
    "°c",
    "k",
    "m",
    "km",
    "mm",
    "cm",
)
_NUMBER = re.compile(
    r"([-+]?(?:\d{1,3}(?: \d{3})+(?:[.,]\d*)?|\d[\d.,']*|[.,]\d+)(?:[eE][-+]?\d{1,3})?)\s*(°|º)?\s*(.*)", re.DOTALL
)
_DMS = re.compile(
    r"([-+]?\d{1,3})\s*[°º]\s*(?:(\d{1,2})\s*['\u2032\u2019]\s*)?(?:(\d{1,2}(?:[.,]\d+)?)\s*[\"\u2033\u201d]\s*)?([NSEWOÖ]?)",
    re.IGNORECASE,
)
_PAIR = 2
_SIXTY = 60


@dataclass(slots=True)
class Columns:
    """Where each meaning stands in a grid.

    Attributes
    ----------
    at
        Columns by meaning; several where a table says the same twice.
    units
        Unit that the header names, by meaning.
    ignored
        Headers that are not known.
    """

    at: dict[str, list[int]] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def __contains__(self, meaning: str) -> bool:
        return meaning in self.at

    @property
    def has_places(self) -> bool:
        """Whether rows have coordinates."""
        pairs = (("latitude", "longitude"), ("x", "y"), ("geometry",), ("position",))
        return any(all(name in self.at for name in pair) for pair in pairs)


def fold(header: str) -> tuple[str, str]:
    """Return a header without case, punctuation and unit, and its unit.

    Examples
    --------
    >>> fold("Capacity [kW]"), fold("annual_heat_gwh"), fold("Supply Lat")
    (('capacity', 'kW'), ('annual heat', 'GWh'), ('supply lat', ''))
    """
    found = _UNIT.search(header)
    unit = found[1] if found else ""
    words = re.sub(r"[\W_]+", " ", _UNIT.sub(" ", header)).casefold().split()
    if not unit and len(words) > 1 and words[-1] in _TAILS:
        unit = words.pop()
    return " ".join(words), _canonical(unit)


def _canonical(unit: str) -> str:
    by_fold = {
        "w": "W", "kw": "kW", "mw": "MW", "gw": "GW", "wh": "Wh", "kwh": "kWh", "mwh": "MWh", "gwh": "GWh",
        "twh": "TWh", "gj": "GJ", "tj": "TJ",
        "pj": "PJ", "c": "degC", "°c": "degC", "degc": "degC", "k": "K", "kwh/a": "kWh/a", "mwh/a": "MWh/a",
        "gwh/a": "GWh/a",
    }  # fmt: skip
    # MW and mW differ, but nobody counts heat sources in milliwatts.
    return by_fold.get(unit.casefold(), unit)


def find_columns(grid: Grid, meanings: Mapping[str, tuple[str, ...]]) -> Columns:
    """Return what the headers of a grid mean."""
    known = {word: meaning for meaning, words in meanings.items() for word in words}
    columns = Columns()
    for at, header in enumerate(grid.header):
        name, unit = fold(header)
        unit = unit or _canonical(grid.units.get(at, ""))
        meaning = known.get(name) or (header.casefold() if header.casefold() in meanings else None)
        if name in NUMBERED:
            continue
        if meaning is None:
            used = any(row[at] is not None for row in grid.rows if at < len(row))
            if used:
                columns.ignored.append(header or f"(column {column_letters(at)} without a name)")
            continue
        if columns.units.setdefault(meaning, unit) != unit:
            text = f"the columns of {meaning} have different units."
            columns.problems.append(grid.problem(text, grid.head, header, hint="Leave one of them.", code="unit"))
        columns.at.setdefault(meaning, []).append(at)
    return columns


# --- cells -----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Number:
    """A number in a cell; ``text`` if it is stored as text, ``unit`` if the cell names one."""

    value: float
    text: bool = False
    unit: str = ""


def read_number(cell: object, *, comma: bool | None = None) -> Number | None:
    """Return the number of a cell; None if it holds none, or one that can be read in two ways.

    Parameters
    ----------
    comma
        Whether numbers of the table have decimal commas; None = not known.

    Examples
    --------
    >>> read_number(" 59.28°").value, read_number("12,5").value, read_number("150 kW").unit, read_number("many")
    (59.28, 12.5, 'kW', None)
    """
    if isinstance(cell, bool) or cell is None:
        return None
    if not isinstance(cell, str):
        try:
            own = float(cell)  # type: ignore[arg-type]
        except (TypeError, ValueError, OverflowError):
            return None
        return Number(own) if math.isfinite(own) else None
    text = cell.replace("\u00a0", " ").strip()
    found = _NUMBER.fullmatch(text) if text.isascii() or "°" in text or "º" in text else None
    value = None if found is None or (comma is None and is_open(found[1])) else number_of(found[1], comma=comma)
    if found is None or value is None:
        return None
    rest = found[3].strip()
    if found[2] and rest.casefold() in ("c", "k"):
        rest = f"{found[2]}{rest}"
    unit = _canonical(rest)
    if not math.isfinite(value) or (unit and not unit[0].isalpha() and unit[0] not in "°%"):
        return None
    return Number(value, text=True, unit=unit)


def read_degrees(cell: object, *, comma: bool | None = None) -> tuple[float, str] | None:
    """Return decimal degrees and the letter of the quarter of a coordinate; None if the cell holds none.

    Parameters
    ----------
    comma
        Whether numbers have decimal commas; None = not known.

    Examples
    --------
    >>> read_degrees('''59°30'36"N'''), read_degrees(" 17.941205°")
    ((59.51, 'N'), (17.941205, ''))
    """
    number = read_number(cell, comma=comma)
    if number is not None and not number.unit:
        return number.value, ""
    found = _DMS.fullmatch(str(cell).strip()) if isinstance(cell, str) else None
    return _degrees(found) if found else None


def read_position(cell: object) -> tuple[float, float] | None:
    """Return latitude and longitude of a cell that holds both.

    Examples
    --------
    >>> read_position('''59°30'36"N, 18°15'0"E''')
    (59.51, 18.25)
    """
    text = str(cell).strip()
    found = [_degrees(m) for m in _DMS.finditer(text)]
    if len(found) != _PAIR:
        parts = [read_degrees(part) for part in re.split(r"[,;\s]+", text) if part]
        found = [part for part in parts if part is not None]
        if len(parts) != _PAIR or len(found) != _PAIR:
            return None
    if None in found:
        return None
    (first, letter), (second, _) = (found[0] or (0.0, "")), (found[1] or (0.0, ""))
    return (second, first) if letter in ("E", "W") else (first, second)


def _degrees(found: re.Match[str]) -> tuple[float, str] | None:
    whole, minutes = float(found[1]), float(found[2] or 0)
    seconds = float((found[3] or "0").replace(",", "."))
    if minutes >= _SIXTY or seconds >= _SIXTY:
        return None
    letter = found[4].upper().replace("Ö", "E").replace("O", "E")
    size = abs(whole) + minutes / 60 + seconds / 3600
    negative = found[1].startswith("-") or letter in ("S", "W")
    return (-size if negative else size), letter


@functools.lru_cache(maxsize=256)
def factor(source: str, target: str) -> float | None:
    """Return what a value in one unit is multiplied by to be in another; None if it can't be."""
    try:
        how = conversion(source, target)
    except UnitError:
        return None
    return how.factor / how.divisor if not how.offset else None
