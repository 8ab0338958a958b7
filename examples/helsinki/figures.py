"""The figures of the Helsinki study as rows of input tables, each with its source: what ``make_workbook.py`` writes.

Cells named ``_source`` and ``_note`` are for people. A figure whose source is not sure says ``assumption``; one that
was quoted from memory says so. Money is real EUR of :data:`PRICE_YEAR`.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from dhsdb.examples.helsinki import ATTRIBUTION, SITE, YEARS, osm_file
from dhsdb.examples.helsinki.backbone import PLANTS, backbone, junction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dhsdb.examples.helsinki.backbone import Course

    Cell = str | float | bool | None
    Row = dict[str, Cell]

PRICE_YEAR = 2020

# --- sources ----------------------------------------------------------------------------------------------------------
_CATALOGUE = (
    "Danish Energy Agency, Technology Data for {}, sheet '{}', as converted to EUR 2020 by "
    "github.com/PyPSA/technology-data (outputs/costs_2025.csv, costs_2045.csv); rounded, 2035 in between; {}"
)
_EL_DH = "Generation of Electricity and District Heating"
_GAS_CHP = _CATALOGUE.format(
    _EL_DH, "04 Gas turb. simple cycle, L", "assumption: power-to-heat ratio 1, existing capacity, life"
)
_GAS_BOILER = _CATALOGUE.format(_EL_DH, "44 Natural Gas DH Only", "assumption: existing capacity")
_ELECTRIC = _CATALOGUE.format(_EL_DH, "41 Electric Boilers", "wacc: assumption")
_SEA = _CATALOGUE.format(_EL_DH, "40 Comp. hp, seawater 20 MW", "assumption: lift_efficiency, life, cap_max")
_EXCESS = _CATALOGUE.format(_EL_DH, "40 Comp. hp, excess heat 10 MW", "assumption: lift_efficiency")
_SMALL = _EXCESS + "; assumption: capital 1.5 times the catalogue's, for less than 1 MW"
_TANK = _CATALOGUE.format("Energy Storage", "141 Large hot water tank", "assumption: e_cap_max, ep_ratio, losses")
_CHIPS = (
    "assumption, in the range that the Danish Energy Agency's Technology Data for Generation of Electricity and "
    "District Heating gives for wood-chip boilers (from memory, rounded, EUR 2020)"
)
_GAS_PRICE = "assumption: of the order of European wholesale prices of 2024-25 in money of 2020; no excise duty"
_WOOD_PRICE = (
    "Statistics Finland, Energy prices: forest chips in heat production cost 22.5 to 23.1 EUR/MWh from December 2020 "
    "to September 2021; assumption: the rise"
)
_POWER_PRICE = (
    "assumption: of the order of the Finnish spot price of 2023-24; what is bought costs 10 EUR/MWh more for network, "
    "tax and trade"
)
_GAS_CO2 = "Statistics Finland, fuel classification: natural gas about 55 t CO2/TJ (from memory, rounded)"
_POWER_CO2 = "assumption: of the order of Fingrid's and Statistics Finland's figures of recent years, falling"
_SPECIFIC = (
    "space heat: assumption for stone houses mostly older than 1940 in the climate of Helsinki; full-load hours: "
    "assumption; hot water: Ministry of the Environment of Finland, decree 1010/2017, standard use (from memory)"
)
_SHOP = (
    f"place: {ATTRIBUTION}; capacity: mean of Danish supermarkets, 400 MW of cooling in 2684 shops (ReUseHeat, "
    "catalogue of projects, Super Supermarkets); temperature: assumption"
)
_METRO = f"place: {ATTRIBUTION}; assumption: capacity and temperature of the exhaust air"
_MADE_UP = "made up: place, capacity and temperature"
_RINK = "a winter rink has stood on this square (from memory); assumption: capacity and temperature"
_TEMPERATURES = "assumption: a Finnish city network over the heating season"
_ASSUMED = "assumption"
_DEFINED = "definition"
_CHOSEN = "choice of this study"


def _row(source: str, note: str = "", /, **cells: Any) -> Row:
    return {**cells, "_source": source, "_note": note or None}


def _yearly(source: str, note: str = "", /, **cells: Any) -> list[Row]:
    """Return a row per model year; a tuple holds the values of the years, a single value stands for all of them."""
    return [
        _row(source, note, year=year, **{k: v[i] if isinstance(v, tuple) else v for k, v in cells.items()})
        for i, year in enumerate(YEARS)
    ]


def _here(rows: Iterable[Row]) -> list[Row]:
    return [{"site": SITE, **row} for row in rows]


# --- the frame --------------------------------------------------------------------------------------------------------
def _sites() -> list[Row]:
    return [_row(_CHOSEN, "discount rate: real, social", site=SITE, discount_rate=0.03, title="Helsinki, city centre")]


def _model_years() -> list[Row]:
    return [_row(_CHOSEN, year=year, stands_for=10.0) for year in YEARS]


def _model_options() -> list[Row]:
    return [
        _row(_CHOSEN, option="currency", value="EUR"),
        _row(_CHOSEN, "all money is real money of this year", option="price_year", value=str(PRICE_YEAR)),
    ]


def _pareto_variables() -> list[Row]:
    note = "forcing clean heat in costs money and saves CO2: a front, not a point"
    return [
        _row(_CHOSEN, note, variable=name, cell="process.cap_min", rows=f"process = '{name}'", low=0.0, high=40.0)
        for name in ("sea-water heat pump", "bio boiler")
    ]


# --- commodities ------------------------------------------------------------------------------------------------------
def _commodities() -> list[Row]:
    hourly = (
        "mean of the year: the hour's price is this times the profile, so that buying is always dearer than selling"
    )
    profile = "electricity price"
    power = {"price": 60.0, "price_profile": profile, "sale_price": 50.0, "sale_profile": profile}
    return _here(
        [
            *_yearly(_GAS_PRICE, "CO2 is priced apart", commodity="gas", bought=True, price=(35.0, 32.0, 30.0)),
            *_yearly(_WOOD_PRICE, commodity="wood_chips", bought=True, price=(25.0, 27.0, 29.0)),
            _row(_POWER_PRICE, hourly, commodity="electricity", bought=True, sold=True, **power),
            _row(_ASSUMED, "so dear that a peak boiler is built for one hour", commodity="heat", voll=10000.0),
        ]
    )


def _commodity_emissions() -> list[Row]:
    biogenic = "zero by the rules of the EU emissions trading system"
    mix = "mean of the mix; its CO2 price comes on top of the power price, which in part holds it already"
    return _here(
        [
            _row(_GAS_CO2, commodity="gas", emission="CO2", t_per_mwh=0.198),
            _row(biogenic, "biogenic CO2", commodity="wood_chips", emission="CO2", t_per_mwh=0.0),
            *_yearly(_POWER_CO2, mix, commodity="electricity", emission="CO2", t_per_mwh=(0.04, 0.02, 0.01)),
        ]
    )


def _emissions() -> list[Row]:
    return _here(_yearly(_ASSUMED, "rising EU allowance price", emission="CO2", price=(65.0, 100.0, 150.0)))


# --- units ------------------------------------------------------------------------------------------------------------
def _processes() -> list[Row]:
    common = {"wacc": 0.05, "min_load": 0.0}
    gas_chp = {"existing_mw": (50.0, 25.0, 0.0), "new_max": 0.0, "life": 25.0, "fixed": 20e3}
    gas_boiler = {"existing_mw": (60.0, 40.0, 20.0), "life": 25.0, "capital": (58e3, 55e3, 53e3), "fixed": 2e3}
    bio_boiler = {"cap_max": 40.0, "life": 25.0, "capital": 750e3, "fixed": 34e3, "condensing": True}
    electric = {"life": 20.0, "capital": (69e3, 66e3, 63e3), "fixed": 1.1e3}
    sea = {"cap_max": 40.0, "life": 25.0, "capital": 1060e3, "fixed": 5.3e3}
    lift = {"lift_source": "sea temperature", "lift_efficiency": 0.5}
    same_life = "life: as the catalogue's other heat pumps; it gives 40 years for this one"
    return _here(
        [
            *_yearly(_GAS_CHP, "none can be built", process="gas CHP", **gas_chp, **common),
            *_yearly(_GAS_BOILER, process="gas boiler", **gas_boiler, **common),
            _row(_CHIPS, "cap_max: fuel has to come through the city", process="bio boiler", **bio_boiler, **common),
            *_yearly(_ELECTRIC, process="electric boiler", **electric, **common),
            _row(_SEA, same_life, process="sea-water heat pump", **sea, **lift, **common),
            *_excess_heat_pumps(common),
        ]
    )


def _excess_heat_pumps(common: dict[str, float]) -> list[Row]:
    """Return a heat pump for each heat source."""
    large = {"capital": (705e3, 655e3, 605e3), "fixed": 2.1e3, "life": 25.0, "lift_efficiency": 0.5}
    small = large | {"capital": (1060e3, 980e3, 910e3)}
    note = "limited by its heat source; stage geo adds the cost of the connection"
    rows = []
    for heat in _heat_sources():
        source, figures = (_EXCESS, large) if heat["kind"] == "data_centre" else (_SMALL, small)
        names = {"process": _heat_pump(heat), "heat_source": heat["heat_source"]}
        rows += _yearly(source, note, **names, **figures, **common)
    return rows


def _heat_pump(heat_source: Row) -> str:
    return f"{heat_source['title']} heat pump"


def _process_modes() -> list[Row]:
    variable = {
        "gas CHP": (4.5, _GAS_CHP),
        "gas boiler": (1.1, _GAS_BOILER),
        "bio boiler": (2.6, _CHIPS),
        "electric boiler": (1.0, _ELECTRIC),
        "sea-water heat pump": (1.7, _SEA),
        **{_heat_pump(heat): (1.8, _EXCESS) for heat in _heat_sources()},
    }
    return _here(_row(source, process=process, mode="1", variable=cost) for process, (cost, source) in variable.items())


def _process_flows() -> list[Row]:
    combined = "assumption: combined cycle in back pressure, 45 % heat and 45 % power of the gas"
    pump = ("electricity", 1.0, _DEFINED, "1 per heat: the model divides it by the COP")
    inputs = {
        "gas CHP": ("gas", 1 / 0.45, combined, ""),
        "gas boiler": ("gas", 1 / 0.95, _ASSUMED, "95 %: the existing ones do not condense"),
        "bio boiler": ("wood_chips", 1 / 1.1, _ASSUMED, "110 % of the lower heating value: flue-gas condensation"),
        "electric boiler": ("electricity", 1 / 0.99, _ELECTRIC, "99 %"),
        "sea-water heat pump": pump,
        **{_heat_pump(heat): pump for heat in _heat_sources()},
    }
    rows = [_row(combined, process="gas CHP", commodity="electricity", direction="out", ratio=1.0)]
    for process, (commodity, ratio, source, note) in inputs.items():
        rows += [
            _row(source, note, process=process, commodity=commodity, direction="in", ratio=round(ratio, 4)),
            _row(_DEFINED, "activity is heat", process=process, commodity="heat", direction="out", ratio=1.0),
        ]
    return _here({"mode": "1", **row} for row in rows)


def _storages() -> list[Row]:
    size = {"e_cap_max": 1500.0, "ep_ratio": 8.0, "life": 40.0, "wacc": 0.05}
    cost = {"capital_e": 3100.0, "fixed_e": 9.0}
    losses = {"eff_in": 0.99, "eff_out": 0.99, "loss": 0.0002}
    names = {"storage": "hot-water tank", "commodity": "heat", "kind": "chain", "end_rule": "cyclic"}
    return _here([_row(_TANK, "8 h to fill or to empty", **names, **size, **losses, **cost)])


# --- places -----------------------------------------------------------------------------------------------------------
def _specific_demands() -> list[Row]:
    columns = ("space_heat_kwh_m2", "hot_water_kwh_m2", "full_load_hours", "profile")
    figures: dict[str, tuple[Cell, ...]] = {
        "residential_multi": (125.0, 35.0, 2600.0, "heat residential"),
        "residential_single": (130.0, 35.0, 2400.0, "heat residential"),
        "office": (105.0, 6.0, 2200.0, "heat office"),
        "retail": (110.0, 4.0, 2000.0, "heat retail"),
        "hotel": (130.0, 40.0, 2700.0, "heat hotel"),
        "school": (120.0, 11.0, 2200.0, "heat public"),
        "health": (140.0, 30.0, 2700.0, "heat hotel"),
        "industrial": (140.0, 6.0, 2200.0, "heat other"),
        "public": (130.0, 6.0, 2200.0, "heat public"),
        "sports": (140.0, 20.0, 2500.0, "heat public"),
        "church": (110.0, 0.0, 1800.0, "heat public"),
        "other": (120.0, 15.0, 2300.0, "heat other"),
        "unheated": (0.0, 0.0, 2300.0, "heat other"),
    }
    return [
        _row(_SPECIFIC, use=use, reference=_SPECIFIC, **dict(zip(columns, values, strict=True)))
        for use, values in figures.items()
    ]


def _heat_sources() -> list[Row]:
    """Return the heat sources; those of OpenStreetMap are named as an import of the map names them."""
    columns = ("heat_source", "title", "kind", "capacity_mw", "temperature_c", "profile", "geometry", "rule")
    data, ice = "data centre availability", "ice rink availability"
    shop = ("supermarket", 0.15, 30.0, "supermarket availability")
    metro = ("metro_station", 0.2, 18.0, None)
    # fmt: off
    figures: tuple[tuple[Cell, ...], ...] = (
        (one := "data centre Kluuvi", one, "data_centre", 5.0, 28.0, data, _point(24.9470, 60.1697), _MADE_UP),
        (two := "data centre Kruununhaka", two, "data_centre", 2.5, 28.0, data, _point(24.9525, 60.1722), _MADE_UP),
        (rink := "ice rink Rautatientori", rink, "ice_rink", 0.4, 30.0, ice, _point(24.9437, 60.1713), _RINK),
        ("n4788270822", "K-Supermarket Kaisaniemi", *shop, _point(24.9478491, 60.1712496), _SHOP),
        ("n2916171916", "K-Supermarket Postitalo", *shop, _point(24.9388411, 60.1711808), _SHOP),
        ("n4867546225", "Lidl Citycenter", *shop, _point(24.9419972, 60.1699217), _SHOP),
        ("n349041876", "S-Market Hakaniemi", *shop, _point(24.9497203, 60.1778232), _SHOP),
        ("n299983963", "S-Market Kasarmitori", *shop, _point(24.9482105, 60.1650065), _SHOP),
        ("n288130404", "S-Market Sokos", *shop, _point(24.9386883, 60.1706546), _SHOP),
        ("n418089207", "metro station Rautatientori", *metro, _point(24.9398457, 60.1703844), _METRO),
        ("n418089202", "metro station Yliopisto", *metro, _point(24.9486006, 60.1727636), _METRO),
    )
    # fmt: on
    rows = [dict(zip(columns, values, strict=True)) for values in figures]
    return [_row(str(row["rule"]), **row) for row in rows]


def _point(longitude: float, latitude: float) -> str:
    return f"POINT ({longitude:.7f} {latitude:.7f})"


@cache
def _courses() -> tuple[Course, ...]:
    return backbone(osm_file())


def _plant_sites() -> list[Row]:
    source = f"made up; crossing of streets: {ATTRIBUTION}"
    places = {name: junction(_courses(), name) for name in PLANTS}
    return [_row(source, plant=n, site=SITE, existing=True, geometry=_point(*place)) for n, place in places.items()]


def _network_pipes() -> list[Row]:
    source = f"made up; course of the street: {ATTRIBUTION}; diameter: assumption"
    return _here(
        _row(
            source,
            pipe=course.pipe.name,
            from_node=course.pipe.start,
            to_node=course.pipe.end,
            trench_m=course.trench_m,
            diameter_m=course.pipe.diameter_m,
            existing=True,
            geometry=course.wkt,
        )
        for course in _courses()
    )


def _network_temperatures() -> list[Row]:
    note = "constant over the year, though a real network slides with the weather; loss_share: of Finnish city networks"
    celsius = {"supply_c": 90.0, "return_c": 50.0, "ground_c": 6.0, "loss_reference_c": 70.0}
    return _here([_row(_TEMPERATURES, note, loss_share=0.08, **celsius)])


ROWS: dict[str, Callable[[], list[Row]]] = {
    "site": _sites,
    "model_year": _model_years,
    "model_option": _model_options,
    "commodity": _commodities,
    "commodity_emission": _commodity_emissions,
    "emission": _emissions,
    "process": _processes,
    "process_mode": _process_modes,
    "process_flow": _process_flows,
    "storage": _storages,
    "pareto_variable": _pareto_variables,
    "specific_demand": _specific_demands,
    "heat_source": _heat_sources,
    "plant_site": _plant_sites,
    "network_pipe": _network_pipes,
    "network_temperature": _network_temperatures,
}
"""Input table -> what returns its rows."""
