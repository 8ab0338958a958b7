"""What words and codes of others say of a building: its use, how it is heated, the state of its envelope, its age.

Uses are ALKIS building functions (``31001_1010``, or the four digits alone), the words of OpenStreetMap, and common words
in English, German and Dutch. What is not known is "other" and told, never dropped.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

from dhsdb.importers.demand import USES, tag_use
from dhsdb.schema.places import HEATINGS, REFURBISHMENTS

if TYPE_CHECKING:
    from collections.abc import Mapping

RESIDENTIAL = "residential"
"""A dwelling of which it is not said whether one family lives in it or many; its size decides."""
SINGLE_M2 = 400.0
"""Floor area up to which such a dwelling counts as a single-family house [m^2]; an assumption."""

_ALKIS = re.compile(r"(?:(31001|51001|51002|51003|51006|51007|51009|53001)[_-])?(\d{4})")
_BUILDING_KIND = "31001"

# ALKIS Gebäudefunktion: the longest beginning of the code counts.
_FUNCTIONS: dict[str, str] = {
    use_code: use
    for use, codes in {
        RESIDENTIAL: "10 11 12 1221 1223",
        "residential_multi": "1020 1023 1024 1021 2310 2320 3100 1110 1120 1130 1131 1123 1122 1121",
        "health": "1022 305 3242 3240 3241",
        "hotel": "1025 207 1311 1312 1310",
        "unheated": (
            "1313 246 250 251 252 253 254 255 256 257 258 259 260 261 262 272 274 2723 2724"
            " 3074 3230 3260 327 3280 3281 3080 2523 2220 2142"
        ),
        "industrial": (
            "21 22 2000 2100 2110 2111 2112 2120 2140 2141 2143 2150 2170 2180 2200 2700 2710 24"
            " 2410 2420 2430 2440 2450 23"
        ),
        "office": "2020 2030 2040 2160 3010 3013 3014 3016 3017 3018 3019 3024",
        "retail": "201 205 2060 208 2130 2131 2054 2055 2056",
        "public": (
            "30 3000 3011 3012 3015 303 3044 3060 3061 3062 3063 3064 3070 3071 3072 3073 3075 3090 3091"
            " 3092 3095 3097 209 3081 3082"
        ),
        "residential_single": "1222 1210",
        "school": "3020 3021 3022 3023 3065",
        "church": "304",
        "sports": "321 322 3220 3221 3222 3210 3211 3212 3200",
        "other": "9998 9999",
    }.items()
    for use_code in codes.split()
}  # fmt: skip

_WORDS: Mapping[str, str] = {
    word.replace("_", " "): use
    for use, words in {
        RESIDENTIAL: (
            "residential wohnen wohngebaeude wohngebäude wohnhaus wohnbebauung dwelling dwellings housing"
            " woonfunctie wohnnutzung"
            " residential_building wohngebaude bostad wohneinheit habitation"
        ),
        "residential_single": (
            "single_family single_family_house single_family_home sfh efh einfamilienhaus"
            " ein_und_zweifamilienhaus zweifamilienhaus zfh ezfh rh"
            " reihenhaus reihenendhaus reihenmittelhaus terraced terraced_house row_house th dhh doppelhaushälfte"
            " doppelhaushaelfte semi_detached"
            " ein_zweifamilienhaus einfamilien_haus bauernhaus villa detached_house smahus småhus"
        ),
        "residential_multi": (
            "multi_family multi_family_house multifamily mfh mehrfamilienhaus apartment_block apartment_building"
            " apartment ab gmh gmfh"
            " grosses_mehrfamilienhaus großes_mehrfamilienhaus hochhaus wohnblock wohnheim studentenwohnheim"
            " flerbostadshus wohn_und_geschäftshaus"
            " wohn_und_geschaeftshaus mixed mischnutzung gemischt_genutztes_gebäude mehr_familienhaus"
            " big_multi_family_house"
        ),
        "office": (
            "office offices office_and_administration büro buero bürogebäude buerogebaeude verwaltung"
            " verwaltungsgebäude verwaltungsgebaeude"
            " büro_und_verwaltung kantoorfunctie administration bank gewerbe commercial dienstleistung service"
            " gewerbe_handel_dienstleistungen ghd"
            " tertiary kontor"
        ),
        "retail": (
            "retail shop store trade gebäude_für_handel_und_dienstleistungen geschäftsgebäude"
            " handel handelsgebäude handelsgebaeude laden geschäft supermarkt supermarket"
            " kaufhaus einkaufszentrum"
            " winkelfunctie restaurant gaststätte gaststaette gastronomie verkauf verkaufsstätte"
        ),
        "hotel": "hotel hostel beherbergung beherbergungsgebäude logiesfunctie herberge pension ferienhaus",
        "school": (
            "school education educational schule bildung kindergarten kita kindertagesstätte kindertagesstaette"
            " universität universitaet university"
            " hochschule onderwijsfunctie bildungsgebäude forschung bildungseinrichtung skola"
        ),
        "health": (
            "health healthcare hospital krankenhaus klinik pflegeheim altenheim altersheim gesundheit"
            " gezondheidszorgfunctie nursing_home"
            " gesundheit_und_pflege heilbehandlung seniorenheim"
        ),
        "industrial": (
            "industry industrial industrie industriegebäude gebäude_für_wirtschaft_oder_gewerbe gebäude_für_gewerbe_und_industrie"
            " betriebsgebäude gewerbe_und_industrie produktion lager lagerhalle"
            " halle werkstatt fabrik factory"
            " warehouse workshop industriefunctie produktionsgebäude industrial_building"
        ),
        "public": (
            "public öffentlich oeffentlich gebäude_für_öffentliche_zwecke öffentliches_gebäude rathaus kultur culture event_location museum"
            " theater bibliothek feuerwehr polizei"
            " bijeenkomstfunctie celfunctie non_residential_public gemeinbedarf versammlungsstätte"
        ),
        "sports": "sport sports sporthalle turnhalle sport_location schwimmbad hallenbad sportfunctie gym schwimmhalle",
        "church": "church kirche religious religion kapelle moschee synagoge kirchengebäude",
        "unheated": (
            "garage garagen garages carport shed scheune stall stallgebäude schuppen parkhaus tiefgarage"
            " non_heated unheated unbeheizt"
            " nebengebäude nebengebaeude gewächshaus gewaechshaus trafo transformator trafostation ruine nicht_beheizt"
        ),
        "other": (
            "other others sonstige sonstiges unknown unbekannt overige_gebruiksfunctie nicht_spezifiziert"
            " k._a. keine_angabe undefined"
        ),
    }.items()
    for word in words.split()
}  # fmt: skip

_HEATINGS: Mapping[str, str] = {
    "district_heating": (
        "district heating fernwärme fernwaerme nahwärme nahwaerme wärmenetz waermenetz dh district"
        " fernheizung fjärrvärme stadsverwarming stadtwärme"
    ),
    "gas": (
        "gas natural gas erdgas gasheizung gaskessel gas boiler gasbrennwert gastherme biogas flüssiggas"
        " fluessiggas lpg"
    ),
    "oil": "oil heizöl heizoel öl oel ölheizung oelheizung heating oil fuel oil ölkessel oelkessel oil boiler",
    "coal": "coal kohle braunkohle steinkohle koks kohleheizung lignite",
    "wood": "wood biomass holz pellets pellet biomasse hackschnitzel scheitholz holzheizung wood chips",
    "heat_pump": (
        "heat pump wärmepumpe waermepumpe wp umweltwärme umweltwaerme luft wärmepumpe heatpump geothermal"
        " erdwärme"
    ),
    "electric": (
        "electric electricity strom stromheizung nachtspeicher elektro direct electric"
        " nachtspeicherheizung elektroheizung direktstrom"
    ),
    "solar": "solar solar thermal solarthermie",
    "none": "none no heating keine ohne unheated unbeheizt not heated",
    "other": "other sonstige sonstiges unknown unbekannt",
}  # fmt: skip
_STATES: Mapping[str, tuple[str, ...]] = {
    "none": (
        "none", "no", "unrefurbished", "not refurbished", "unsaniert", "original", "as built", "existing",
        "existing state", "ist zustand",
        "ist", "0", "false", "nein", "no refurbishment", "unrenovated", "bestand", "status quo", "001", "never",
    ),
    "usual": (
        "usual", "partial", "partly", "medium", "moderate", "standard", "teilsaniert", "saniert", "refurbished",
        "renovated", "yes", "ja", "true",
        "1", "conventional", "usual refurbishment", "002", "modernisiert", "teilweise", "medium refurbishment",
        "partially refurbished", "enev",
        "vollsaniert", "full", "fully refurbished", "geg", "saniert nach enev",
    ),
    "advanced": (
        "advanced", "ambitious", "deep", "passive house", "passivhaus", "2", "future", "advanced refurbishment", "003",
        "kfw", "kfw 55", "kfw 40", "zukunftsweisend",
        "nzeb", "deep retrofit", "high", "effizienzhaus",
    ),
}  # fmt: skip
_BY_STATE = {word: state for state, words in _STATES.items() for word in words}
_USUAL_FROM = 1995
"""Year from which a renovation counts as a usual refurbishment: the second German ordinance on heat insulation."""
_RANGE = re.compile(r"(1\d{3}|20\d{2})\s*(?:-|\u2013|bis|to|until|/|\.\.)\s*(1\d{3}|20\d{2})")
_YEAR = re.compile(r"(?<!\d)(1\d{3}|20\d{2})(?!\d)")


def plain(text: object) -> str:
    """Return words without case and punctuation.

    Examples
    --------
    >>> plain("Single-Family_House (detached)")
    'single family house detached'
    """
    spaced = re.sub(r"(?<=[a-zäöüß])(?=[A-ZÄÖÜ])", " ", str(text))
    return " ".join(re.sub(r"[\W_]+", " ", spaced).casefold().split())


@functools.lru_cache(maxsize=4096)
def use_in(text: str) -> str | None:
    """Return the use that a word or code says: one of the uses that demands are known of, or ``residential``; None = not known.

    Examples
    --------
    >>> use_in("31001_2020"), use_in("31001_1010"), use_in("Mehrfamilienhaus"), use_in("apartments"), use_in("xyz")
    ('office', 'residential', 'residential_multi', 'residential_multi', None)
    """
    stripped = re.sub(r"\.0$", "", text.strip())
    if found := _ALKIS.fullmatch(stripped):
        return _function_use(found[2]) if found[1] in {None, _BUILDING_KIND} else "unheated"
    word = plain(stripped)
    if stripped in USES or word.replace(" ", "_") in USES:
        return stripped if stripped in USES else word.replace(" ", "_")
    if word in _WORDS:
        return _WORDS[word]
    tag = word.replace(" ", "_")
    if tag == RESIDENTIAL:
        return RESIDENTIAL
    if (use := tag_use(tag)) is not None:
        return use
    parts = [part for part in re.split(r"\s*(?:,|;|/|\+| und | and | & )\s*", stripped) if part != stripped]
    return next((use for part in parts if part and (use := use_in(part)) is not None), None)


def _function_use(code: str) -> str | None:
    return next((_FUNCTIONS[code[:n]] for n in (4, 3, 2) if code[:n] in _FUNCTIONS), None)


@functools.lru_cache(maxsize=1024)
def heating_in(text: str) -> str | None:
    """Return how a building is heated, or None if the word is not known.

    Examples
    --------
    >>> heating_in("Gas-Brennwertkessel"), heating_in("Fernwärme"), heating_in("magic")
    ('gas', 'district_heating', None)
    """
    word = plain(text)
    if word.replace(" ", "_") in HEATINGS:
        return word.replace(" ", "_")
    padded = f" {word} "
    for heating, words in _HEATINGS.items():
        whole = set(words.split()) - {
            "no",
            "fuel",
            "heating",
            "boiler",
            "pump",
            "thermal",
            "heat",
            "natural",
            "not",
            "luft",
            "chips",
            "direct",
        }
        if any(f" {w} " in padded for w in whole):
            return heating
    if "heat pump" in word:
        return "heat_pump"
    stems = (
        ("fernw", "district_heating"), ("nahw", "district_heating"), ("wärmepump", "heat_pump"), ("waermepump", "heat_pump"),
        ("gas", "gas"), ("öl", "oil"), ("oel", "oil"), ("pellet", "wood"), ("holz", "wood"), ("strom", "electric"),
        ("elektr", "electric"), ("electr", "electric"),
    )  # fmt: skip
    return next((heating for stem, heating in stems if any(part.startswith(stem) for part in word.split())), None)


@functools.lru_cache(maxsize=1024)
def state_in(text: str) -> str | None:
    """Return the state of an envelope, or None if the word is not known.

    Examples
    --------
    >>> state_in("unsaniert"), state_in("Medium refurbishment"), state_in("KfW 55")
    ('none', 'usual', 'advanced')
    """
    bare = re.sub(r"\.0$", "", text.strip())
    words = plain(bare), plain(bare.casefold())  # KfW is no word of two
    return next((_BY_STATE.get(word, word) for word in words if word in _BY_STATE or word in REFURBISHMENTS), None)


def state_since(year: float) -> str:
    """Return the state of an envelope that was renovated in a year."""
    return "usual" if year >= _USUAL_FROM else "none"


def year_in_words(text: object) -> int | None:
    """Return the year of construction that a word says: the middle of a span, the year itself of "until 1918".

    Examples
    --------
    >>> year_in_words("1949 - 1957"), year_in_words("bis 1918"), year_in_words("1987-05-01"), year_in_words(1936.0)
    (1953, 1918, 1987, 1936)
    """
    if isinstance(text, bool):
        return None
    if isinstance(text, (int, float)):
        return int(text) if float(text).is_integer() and 1 <= text <= 2999 else None  # noqa: PLR2004
    words = str(text)
    if span := _RANGE.search(words):
        return (int(span[1]) + int(span[2])) // 2
    found = _YEAR.search(words)
    if found is None:
        return None
    year = int(found[1])
    return year - 1 if re.search(r"\b(?:vor|before|pre)\b|<(?!=)", words, re.IGNORECASE) else year
