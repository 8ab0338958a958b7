"""What the columns of other people's tables of buildings mean: headers in English, German and Dutch, with their units.

A header is compared without case, punctuation and unit: ``Heated Area [m2]``, ``heated_area_m2`` and ``heatedArea`` name
one column. Where a table says the same in several ways, the first of the words listed counts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dhsdb.importers.place_columns import COORDINATES, NUMBERED
from dhsdb.importers.workbooks import column_letters

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dhsdb.importers.grids import Grid

_PLACES = {name: words for name, words in COORDINATES.items() if name != "position"}
_PLACES |= {axis: (*_PLACES[axis], f"{axis} coordinate", f"{axis} coord", f"utm {axis}") for axis in ("x", "y")}

BUILDINGS: Mapping[str, tuple[str, ...]] = _PLACES | {
    "building": (
        "building id", "gml id", "gmlid", "gebaeude id", "gebäude id", "gebaeudeid", "geb id", "gid", "egid",
        "identificatie",
        "pand id", "objektidentifikator", "oi", "building key", "building", "gebaeude", "gebäude", "full id", "osm id",
        "osm way id", "uuid",
        "id", "bldg id", "objectid", "object id", "oid", "bbl",
    ),
    "parent": ("parent gml id", "parentgmlid", "parent gmlid", "parent id", "parent"),
    "title": ("name", "title", "building name", "bezeichnung", "gebaeudename", "gebäudename"),
    "address": ("address", "adresse", "anschrift", "adress", "lagebeztxt"),
    "street": ("street", "strasse", "straße", "street name", "strassenname", "straßenname", "addr street"),
    "house_number": ("house number", "housenumber", "hausnummer", "hausnr", "hnr", "addr housenumber"),
    "district": (
        "district", "ortsteil", "stadtteil", "quartier", "quarter", "gemarkung", "bezirk", "block", "baublock",
        "zone",
    ),
    "site": ("site",),
    "osm_tag": ("building tag", "osm tag"),
    "use": (
        "gfkzshh", "function", "gebaeudefunktion", "gebäudefunktion", "gfk", "bezgfk", "gebnutzbez", "funktion",
        "primary usage zone type", "use", "usage",
        "building use", "usage type", "building function", "building type", "gebaeudeart", "gebäudeart", "gebaeudetyp",
        "gebäudetyp",
        "nutzung", "nutzungsart", "gebaeudenutzung", "gebäudenutzung", "main use", "hauptnutzung", "gebruiksdoel",
        "sector", "sektor",
        "category", "kategorie", "type", "typ", "art", "class",
    ),
    "levels": (
        "storeys above ground", "storeysaboveground", "number of storeys", "storeys", "stories", "floors",
        "number of floors",
        "nrfloor", "levels", "building levels", "geschosse", "anzahl geschosse", "vollgeschosse", "geschosszahl",
        "aog", "anz og", "anzahlgs", "numfloors", "num floors",
        "stockwerke", "b3 bouwlagen", "bouwlagen", "n floors",
    ),
    "height_m": (
        "measured height", "measuredheight", "height", "building height", "hoehe", "höhe", "gebaeudehoehe",
        "gebäudehöhe", "hoogte",
        "geb hoehe", "hoe", "eave height", "traufhoehe", "traufhöhe",
    ),
    "footprint_m2": (
        "footprint area", "footprint", "ground area", "ground floor area", "grundflaeche", "grundfläche", "gflache",
        "gebaeudegrundflaeche",
        "base area",
    ),
    "floor_area_m2": (
        "heated area", "heated floor area", "conditioned area", "conditioned floor area", "energy reference area",
        "energiebezugsflaeche",
        "energiebezugsfläche", "ebf", "eflache", "beheizte flaeche", "beheizte fläche", "nettoflaeche", "nettofläche",
        "net floor area", "nfa", "bldgarea",
        "floor area", "gross floor area", "gfa", "bgf", "bruttogrundflaeche", "bruttogrundfläche", "ngf",
        "nutzflaeche", "nutzfläche",
        "wohnflaeche", "wohnfläche", "living area", "usable area", "gebruiksoppervlakte", "area",
    ),
    "volume_m3": (
        "heated volume", "volume", "gross volume", "total volume", "beheiztes volumen", "volumen", "gebaeudevolumen",
        "gebäudevolumen",
        "bruttorauminhalt", "bri", "inhoud", "b3 volume lod22", "b3 volume lod12",
    ),
    "construction_year": (
        "year of construction", "construction year", "year built", "year construction", "baujahr", "yoc", "bouwjaar",
        "oorspronkelijkbouwjaar", "start date", "built", "yearbuilt", "age class", "baualtersklasse", "bak", "building age",
        "construction period",
    ),
    "renovation_year": (
        "year of renovation", "year of refurbishment", "renovation year", "refurbishment year",
        "year of modernization", "sanierungsjahr",
        "modernisierungsjahr", "renoviert",
    ),
    "refurbishment": (
        "refurbishment", "refurbishment state", "refurbishment variant", "refurbishment level", "renovation",
        "renovation state", "retrofit",
        "sanierungsstand", "sanierungszustand", "sanierung", "sanierungsgrad", "modernisierung", "variant",
    ),
    "heating": (
        "heating", "heating system", "heating type", "heat supply", "energy carrier", "existing heating", "heizung",
        "heizungsart", "heizungstyp",
        "waermeerzeuger", "wärmeerzeuger", "energietraeger", "energieträger", "energietraeger heizung", "fuel",
        "primary energy carrier", "boiler",
        "heating technology",
    ),
    "space_heat_mwh": (
        "yearly heating demand", "yearly space heating demand", "annual heating demand", "space heating demand",
        "space heat demand", "space heat",
        "space heating", "heating demand", "annual space heating demand", "heizwaermebedarf", "heizwärmebedarf",
        "raumwaermebedarf",
        "raumwärmebedarf", "raumwaerme", "raumwärme", "jahresheizwaermebedarf", "jahresheizwärmebedarf", "heating need",
    ),
    "hot_water_mwh": (
        "yearly dhw demand", "dhw demand", "domestic hot water demand", "hot water demand", "hot water",
        "domestic hot water", "dhw",
        "annual dhw demand", "warmwasser", "warmwasserbedarf", "trinkwarmwasser", "trinkwarmwasserbedarf", "tww",
        "yearly domestic hot water demand",
    ),
    "heat_mwh": (
        "total yearly heating dhw demand", "yearly heating dhw demand", "total heat demand", "heat demand",
        "annual heat demand", "yearly heat demand",
        "heat", "waermebedarf", "wärmebedarf", "gesamtwaermebedarf", "gesamtwärmebedarf", "waerme", "wärme",
        "jahreswaermebedarf", "jahreswärmebedarf",
        "nutzwaermebedarf", "jahresbedarf", "demand", "annual demand", "thermal demand",
    ),
    "metered_mwh": (
        "metered heat", "metered demand", "measured heat", "heat consumption", "annual heat consumption",
        "consumption", "metered", "waermeverbrauch",
        "wärmeverbrauch", "verbrauch", "jahresverbrauch", "gemessener verbrauch", "heat meter", "metered consumption",
        "abnahme",
    ),
    "space_specific": (
        "specific space heating demand", "specific heating demand", "specific space heat demand",
        "spezifischer heizwaermebedarf",
        "spezifischer heizwärmebedarf", "spez heizwaermebedarf",
    ),
    "water_specific": ("specific dhw demand", "specific hot water demand", "spezifischer warmwasserbedarf"),
    "heat_specific": (
        "specific heat demand", "spezifischer waermebedarf", "spezifischer wärmebedarf", "spez waermebedarf",
        "specific demand",
    ),
    "peak_mw": (
        "peak", "peak load", "peak heat load", "heat load", "heating load", "peak heating load", "max heating load",
        "heizlast", "waermelast",
        "wärmelast", "spitzenlast", "anschlussleistung", "anschlusswert", "peak power", "maximum heating power",
        "design load",
    ),
    "profile": ("profile", "profil", "load profile", "lastprofil"),
    "data_year": ("year", "jahr", "metered year", "abrechnungsjahr", "verbrauchsjahr"),
}  # fmt: skip
"""Headers of tables of buildings and of metered districts."""

TARGETS: Mapping[str, str] = {
    "height_m": "m", "footprint_m2": "m^2", "floor_area_m2": "m^2", "volume_m3": "m^3", "space_heat_mwh": "MWh/year",
    "hot_water_mwh": "MWh/year", "heat_mwh": "MWh/year", "metered_mwh": "MWh/year", "space_specific": "kWh/m^2/year",
    "water_specific": "kWh/m^2/year", "heat_specific": "kWh/m^2/year", "peak_mw": "MW",
}  # fmt: skip
"""Units that figures are brought to, by meaning."""

STRONG = frozenset({
    "levels", "footprint_m2", "floor_area_m2", "volume_m3", "construction_year", "refurbishment", "renovation_year",
    "space_heat_mwh",
    "hot_water_mwh", "space_specific", "water_specific", "heat_specific", "heating", "height_m", "parent",
})  # fmt: skip
"""What only tables of buildings have."""

_IMPLIED = {"bldgarea": "ft^2"}
"""Units of headers that only one source has: New York's PLUTO, whose areas are in square feet."""
_BRACKETS = re.compile(r"\[([^\[\]]*)\]|\(((?:[^()]|\([^()]*\))*)\)")
_UNIT_LIKE = re.compile(
    r"(?:[kMGT]?(?:Wh?|J)(?:[_/\s*·]*\(?\s*(?:m2|m²|m\^2|qm))?(?:[_/\s*·]*(?:a|yr|year|jahr|p\.?a\.?))?\)?(?:/(?:a|yr|year))?"
    r"|m|cm|km|ft|ft2|ft²|ft\^2|sq\.?\s*ft|m2|m²|m\^2|qm|ha|m3|m³|m\^3|%|percent|-|)",
    re.IGNORECASE,
)
_CAMEL = re.compile(r"(?<=[a-zäöü])(?=[A-Z])")
_TAIL = re.compile(
    r"[_\s]+(?:in[_\s]+)?((?:k|M|G|T)?(?:Wh|W|J)(?:[_/\s]*\(?(?:m2|m²|qm))?(?:[_/\s*·]*(?:a|yr|year|jahr))?\)?|m2|m²|qm|m3|m³|m|cm|ft|ft2|sqft|percent|%)$",
    re.IGNORECASE,
)
_SPELT = {"wh": "Wh", "kwh": "kWh", "mwh": "MWh", "gwh": "GWh", "twh": "TWh", "w": "W", "kw": "kW", "mw": "MW", "gw": "GW", "j": "J",
          "kj": "kJ", "mj": "MJ", "gj": "GJ", "tj": "TJ"}  # fmt: skip
_PART = re.compile(r"[A-Za-z]+")


@dataclass(slots=True)
class BuildingColumns:
    """Where each meaning stands in a grid: columns by meaning, the first word of the list first.

    Attributes
    ----------
    units
        Unit that the header names, by column.
    ignored
        Headers that are not known.
    """

    places: dict[str, list[int]] = field(default_factory=dict)
    units: dict[int, str] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)

    def __contains__(self, meaning: str) -> bool:
        return meaning in self.places

    @property
    def score(self) -> int:
        """How many meanings only tables of buildings have."""
        return len(STRONG & self.places.keys())


def split_header(header: str) -> tuple[str, str]:
    """Return a header without case, punctuation and unit, and its unit.

    Examples
    --------
    >>> split_header("Heated Area [m2]"), split_header("heat_demand_kwh_a"), split_header("yearOfConstruction")
    (('heated area', 'm2'), ('heat demand', 'kWh/a'), ('year of construction', ''))
    """
    unit, bare = "", header
    for found in _BRACKETS.finditer(header):
        text = found[1] if found[1] is not None else found[2]
        if _UNIT_LIKE.fullmatch(text.strip()):
            unit, bare = text, bare.replace(found[0], " ")
    if not unit and (tail := _TAIL.search(bare)):
        unit, bare = tail[1], bare[: tail.start()]
    spaced = _CAMEL.sub(" ", bare)
    words = re.sub(r"[\W_]+", " ", spaced).casefold().split()
    return " ".join(words), spell_unit(unit)


def spell_unit(unit: str) -> str:
    """Return a unit as the registry reads it: ``kwh_m2_a`` as ``kWh/m2/a``, ``qm`` as ``m2``.

    Examples
    --------
    >>> spell_unit("kwh_m2_a"), spell_unit("KWH/(m²a)"), spell_unit("qm")
    ('kWh/m2/a', 'kWh/m2/a', 'm2')
    """
    text = re.sub(r"[\[\]()]", "", unit.strip()).replace("²", "2").replace("³", "3").replace("·", "*").replace("⋅", "*")
    text = re.sub(r"\bqm\b|m\^2", "m2", text, flags=re.IGNORECASE).replace("m^3", "m3")
    text = re.sub(r"\b(?:sq\.?\s*ft|ft2)\b", "ft^2", text, flags=re.IGNORECASE)
    text = re.sub(r"[_\s]+", "/", text) if "/" not in text and "*" not in text else text.replace(" ", "")
    text = text.replace("*", "/") if text.count("/") and "m2*a" in text else text
    text = re.sub(r"m2(?=a\b|a$)", "m2/", text)
    text = re.sub(r"/(?:yr|year|jahr|p\.?a\.?)$", "/a", text, flags=re.IGNORECASE)
    return _PART.sub(lambda part: _SPELT.get(part[0].casefold(), part[0]), text)


def find_building_columns(grid: Grid) -> BuildingColumns:
    """Return what the headers of a grid mean."""
    known = {word: (meaning, rank) for meaning, words in BUILDINGS.items() for rank, word in enumerate(words)}
    columns = BuildingColumns()
    ranked: dict[str, list[tuple[int, int]]] = {}
    own = {name for name in BUILDINGS if "_" in name}
    for at, header in enumerate(grid.header):
        name, unit = split_header(header)
        unit = unit or spell_unit(grid.units.get(at, "")) or _IMPLIED.get(name, "")
        meaning = known.get(name)
        if meaning is None and header.casefold() in own:
            meaning, unit = (header.casefold(), 0), ""
        if meaning is None:
            if name not in NUMBERED and any(at < len(row) and row[at] is not None for row in grid.rows[:1000]):
                columns.ignored.append(header or f"(column {column_letters(at)} without a name)")
            continue
        ranked.setdefault(meaning[0], []).append((meaning[1], at))
        if unit:
            columns.units[at] = unit
    columns.places = {meaning: [at for _, at in sorted(found)] for meaning, found in ranked.items()}
    return columns
