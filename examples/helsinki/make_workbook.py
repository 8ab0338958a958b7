"""Write ``helsinki.xlsx``, the native workbook of the Helsinki study: one sheet per input table, each row with its source.

Run by whoever changes a figure: ``python -m dhsdb.examples.helsinki.make_workbook``. The same figures give the same file,
byte for byte. Columns that start with ``_`` are notes, which the importer leaves alone.
"""

from __future__ import annotations

import io
import re
import zipfile
from functools import cache
from typing import TYPE_CHECKING

from dhsdb.examples.helsinki import ATTRIBUTION, SITE, WORKBOOK, YEARS, osm_file
from dhsdb.examples.helsinki.backbone import PLANTS, backbone, junction
from dhsdb.schema.catalog import INPUT, input_table
from dhsdb.schema.inputs import MONEY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from typing import Any

    from dhsdb.examples.helsinki.backbone import Course
    from openpyxl import Workbook

    Cell = str | float | bool | None
    Row = dict[str, Cell]
    ByYear = tuple[float, float, float]

NOTES = ("_unit", "_price_year", "_source", "_note")
PRICE_YEAR = 2020
_STAMP = (2026, 1, 1, 0, 0, 0)

# --- sources ----------------------------------------------------------------------------------------------------------
_CATALOGUE = (
    "Danish Energy Agency, Technology Data for {}, sheet '{}', as converted to EUR 2020 by github.com/PyPSA/technology-data "
    "(outputs/costs_2025.csv and costs_2045.csv); rounded, 2035 in between"
)
_ELDH = "Generation of Electricity and District Heating"
_GAS_CHP = (
    _CATALOGUE.format(_ELDH, "04 Gas turb. simple cycle, L") + ", at a power-to-heat ratio of 1; capacity: assumption"
)
_GAS_BOILER = _CATALOGUE.format(_ELDH, "44 Natural Gas DH Only") + "; existing capacity: assumption"
_ELECTRIC = _CATALOGUE.format(_ELDH, "41 Electric Boilers")
_SEA = _CATALOGUE.format(_ELDH, "40 Comp. hp, seawater 20 MW") + "; lift_efficiency, life, cap_max: assumption"
_EXCESS = _CATALOGUE.format(_ELDH, "40 Comp. hp, excess heat 10 MW") + "; lift_efficiency: assumption"
_TANK = _CATALOGUE.format("Energy Storage", "141 Large hot water tank") + "; ep_ratio, e_cap_max, losses: assumption"
_CHIPS = (
    "assumption, in the range that the Danish Energy Agency's Technology Data for Generation of Electricity and District "
    "Heating gives for wood-chip boilers (quoted from memory, rounded; EUR 2020)"
)
_ASSUMED = "assumption"
_STUDY = "choice of this study"
_NORMS = "hot water: Ministry of the Environment of Finland, decree 1010/2017, standard use (from memory, rounded)"


# --- rows -------------------------------------------------------------------------------------------------------------
def _row(source: str, note: str = "", **cells: Cell) -> Row:
    return {**cells, "_source": source, "_note": note or None}


def _yearly(source: str, note: str = "", **cells: Cell | ByYear) -> list[Row]:
    """Return one row per model year; a tuple holds the values of the years, a single value stands for all of them."""
    return [
        _row(source, note, year=year, **{k: v[i] if isinstance(v, tuple) else v for k, v in cells.items()})
        for i, year in enumerate(YEARS)
    ]


def _here(rows: Iterable[Row]) -> list[Row]:
    return [{"site": SITE, **row} for row in rows]


def _sites() -> list[Row]:
    return [_row(_STUDY, "discount rate: real, social", site=SITE, discount_rate=0.03, title="Helsinki, city centre")]


def _model_years() -> list[Row]:
    return [_row(_STUDY, year=year, stands_for=10) for year in YEARS]


def _model_options() -> list[Row]:
    return [
        _row(_STUDY, option="currency", value="EUR"),
        _row(
            _STUDY, "all money in the workbook is real money of this year", option="price_year", value=str(PRICE_YEAR)
        ),
    ]


def _commodities() -> list[Row]:
    gas = "assumption: of the order of European wholesale prices of 2024-25 in money of 2020; no excise duty"
    wood = (
        "Statistics Finland, Energy prices: forest chips in heat production at 22.5 to 23.1 EUR/MWh from December 2020 to "
        "September 2021; the rise is an assumption"
    )
    power = "assumption: of the order of the Finnish spot price of 2023-24; 12 EUR/MWh for network, tax and trade on what is bought"
    hourly = "mean of the year; the hour's price is this times the profile, for buying and selling, so that buying is always dearer"
    return _here([
        *_yearly(gas, "CO2 is priced apart", commodity="gas", bought=True, price=(35.0, 32.0, 30.0)),
        *_yearly(wood, commodity="wood_chips", bought=True, price=(24.0, 26.0, 28.0)),
        _row(power, hourly, commodity="electricity", bought=True, price=62.0, price_profile="electricity price",
             sold=True, sale_price=50.0, sale_profile="electricity price"),
        _row(_ASSUMED, "dear enough that a peak boiler is built for one hour", commodity="heat", voll=10000.0),
    ])  # fmt: skip


def _commodity_emissions() -> list[Row]:
    gas = "Statistics Finland, fuel classification: natural gas about 55 t CO2/TJ (from memory, rounded)"
    mix = "assumption: of the order of Fingrid's and Statistics Finland's figures for recent years, falling"
    note = "mean of the mix; its CO2 price comes on top of the power price, which in part holds it already"
    return _here([
        _row(gas, commodity="gas", emission="CO2", t_per_mwh=0.198),
        _row("biogenic CO2 counts as zero in the EU emissions trading system", commodity="wood_chips", emission="CO2", t_per_mwh=0.0),
        *_yearly(mix, note, commodity="electricity", emission="CO2", t_per_mwh=(0.04, 0.02, 0.01)),
    ])  # fmt: skip


def _emissions() -> list[Row]:
    note = "EU allowances cost about 60 to 80 EUR/t in 2024-25"
    return _here(_yearly(_ASSUMED, note, emission="CO2", price=(65.0, 100.0, 150.0)))


def _processes() -> list[Row]:
    common: dict[str, Any] = {"wacc": 0.05, "min_load": 0.0}
    return _here([
        *_yearly(_GAS_CHP, "none can be built", process="gas CHP", existing_mw=(50.0, 25.0, 0.0), new_max=0.0, life=25.0,
                 fixed=20000.0, **common),
        *_yearly(_GAS_BOILER, process="gas boiler", existing_mw=(60.0, 40.0, 20.0), life=25.0,
                 capital=(58000.0, 55000.0, 53000.0), fixed=2000.0, **common),
        _row(_CHIPS, "cap_max: fuel transport through the city", process="bio boiler", cap_max=40.0, life=25.0, capital=750000.0,
             fixed=34000.0, **common),
        *_yearly(_ELECTRIC, process="electric boiler", life=20.0, capital=(69000.0, 66000.0, 63000.0), fixed=1100.0, **common),
        _row(_SEA, "life: as the catalogue's other heat pumps; it gives 40 years for this one", process="sea-water heat pump",
             cap_max=40.0, life=25.0, capital=1060000.0, fixed=5300.0, lift_source="sea temperature", lift_efficiency=0.5, **common),
        *_excess_heat_pumps(common),
    ])  # fmt: skip


def _excess_heat_pumps(common: dict[str, Any]) -> list[Row]:
    """Return a heat pump for each heat source; small ones cost more."""
    large = (705000.0, 655000.0, 605000.0)
    small = (1060000.0, 980000.0, 910000.0)
    rows = []
    for row in _heat_sources():
        is_large = row["kind"] == "data_centre"
        source = _EXCESS if is_large else f"{_EXCESS}; capital: 1.5 times the figure, assumption for less than 1 MW"
        note = "limited by its heat source; stage geo adds the connection"
        rows += _yearly(source, note, process=_heat_pump(row), life=25.0, capital=large if is_large else small, fixed=2100.0,
                        lift_efficiency=0.5, heat_source=row["heat_source"], **common)  # fmt: skip
    return rows


def _heat_pump(source: Row) -> str:
    return f"{source['title']} heat pump"


def _process_modes() -> list[Row]:
    variable = {
        "gas CHP": (4.5, _GAS_CHP),
        "gas boiler": (1.1, _GAS_BOILER),
        "bio boiler": (2.6, _CHIPS),
        "electric boiler": (1.0, _ELECTRIC),
        "sea-water heat pump": (1.7, _SEA),
        **{_heat_pump(source): (1.8, _EXCESS) for source in _heat_sources()},
    }
    return _here(_row(source, process=process, mode="1", variable=cost) for process, (cost, source) in variable.items())


def _process_flows() -> list[Row]:
    combined = "assumption: combined cycle in back pressure, 45 % heat and 45 % power of the gas"
    pump = "1 per heat; the model divides it by the COP"
    inputs = {
        "gas CHP": ("gas", 1 / 0.45, combined, ""),
        "gas boiler": ("gas", 1 / 0.95, _ASSUMED, "95 %: the existing ones do not condense"),
        "bio boiler": ("wood_chips", 1 / 1.1, _ASSUMED, "110 % of the lower heating value, with flue-gas condensation"),
        "electric boiler": ("electricity", 1 / 0.99, _ELECTRIC, "99 %"),
        "sea-water heat pump": ("electricity", 1.0, "definition", pump),
    }
    inputs |= {_heat_pump(source): ("electricity", 1.0, "definition", pump) for source in _heat_sources()}
    rows = []
    for process, (commodity, ratio, source, note) in inputs.items():
        rows += [
            _row(source, note, process=process, commodity=commodity, direction="in", ratio=round(ratio, 4)),
            _row("definition", "activity is heat", process=process, commodity="heat", direction="out", ratio=1.0),
        ]
    rows.insert(2, _row(combined, process="gas CHP", commodity="electricity", direction="out", ratio=1.0))
    return _here({"mode": "1", **row} for row in rows)


def _storages() -> list[Row]:
    note = "unpressurised tank; 8 h to fill or empty"
    return _here([
        _row(_TANK, note, storage="hot-water tank", commodity="heat", kind="chain", e_cap_max=1500.0, eff_in=0.99, eff_out=0.99,
             loss=0.0002, ep_ratio=8.0, life=40.0, wacc=0.05, capital_e=3100.0, fixed_e=9.0, end_rule="cyclic"),
    ])  # fmt: skip


def _specific_demands() -> list[Row]:
    space = "space heat: assumption for stone houses mostly older than 1940, Helsinki climate; full-load hours: assumption; "
    used: dict[str, tuple[float, float, float, str]] = {
        "residential_multi": (125, 35, 2600, "heat residential"),
        "residential_single": (130, 35, 2400, "heat residential"),
        "office": (105, 6, 2200, "heat office"),
        "retail": (110, 4, 2000, "heat retail"),
        "hotel": (130, 40, 2700, "heat hotel"),
        "school": (120, 11, 2200, "heat public"),
        "health": (140, 30, 2700, "heat hotel"),
        "industrial": (140, 6, 2200, "heat other"),
        "public": (130, 6, 2200, "heat public"),
        "sports": (140, 20, 2500, "heat public"),
        "church": (110, 0, 1800, "heat public"),
        "other": (120, 15, 2300, "heat other"),
        "unheated": (0, 0, 2300, "heat other"),
    }
    source = space + _NORMS
    return [
        _row(
            source,
            use=use,
            space_heat_kwh_m2=heat,
            hot_water_kwh_m2=water,
            full_load_hours=hours,
            profile=profile,
            reference=source,
        )
        for use, (heat, water, hours, profile) in used.items()
    ]


def _heat_sources() -> list[Row]:
    """Return the heat sources; supermarkets bear their OpenStreetMap node, so that an import of the map names the same ones."""
    invented = "made up: place, capacity and temperature"
    halls = [
        ("data centre Kluuvi", "data_centre", 5.0, 28.0, (24.9470, 60.1697), "data centre availability", invented),
        ("data centre Kruununhaka", "data_centre", 2.5, 28.0, (24.9525, 60.1722), "data centre availability", invented),
        ("ice rink Rautatientori", "ice_rink", 0.4, 30.0, (24.9437, 60.1713), "ice rink availability",
         "a winter rink has stood on this square; capacity and temperature: assumption"),
    ]  # fmt: skip
    shops = [
        ("n4788270822", "K-Supermarket Kaisaniemi", (24.9478491, 60.1712496)),
        ("n2916171916", "K-Supermarket Postitalo", (24.9388411, 60.1711808)),
        ("n349041876", "S-Market Hakaniemi", (24.9497203, 60.1778232)),
    ]
    shop = (
        f"place: {ATTRIBUTION}; capacity: mean of Danish supermarkets, 400 MW of cooling in 2684 shops (ReUseHeat project "
        "catalogue, 'Super Supermarkets'); temperature: assumption"
    )
    rows = [
        _row(rule, heat_source=name, title=name, kind=kind, capacity_mw=mw, temperature_c=celsius, profile=profile, rule=rule,
             geometry=_point(place))
        for name, kind, mw, celsius, place, profile, rule in halls
    ]  # fmt: skip
    rows += [
        _row(shop, "the shop is real, its capacity is not", heat_source=node, title=title, kind="supermarket", capacity_mw=0.15,
             temperature_c=30.0, profile="supermarket availability", rule="mean of Danish supermarkets", geometry=_point(place))
        for node, title, place in shops
    ]  # fmt: skip
    return rows


def _point(place: tuple[float, float]) -> str:
    return f"POINT ({place[0]:.7f} {place[1]:.7f})"


@cache
def _courses() -> tuple[Course, ...]:
    return backbone(osm_file())


def _plant_sites() -> list[Row]:
    source = f"made up; crossing of streets: {ATTRIBUTION}"
    return [
        _row(source, plant=name, site=SITE, existing=True, geometry=_point(junction(_courses(), name)))
        for name in PLANTS
    ]


def _network_pipes() -> list[Row]:
    source = f"made up; course of the street: {ATTRIBUTION}; diameter: assumption"
    return [
        _row(source, pipe=course.pipe.name, site=SITE, from_node=course.pipe.start, to_node=course.pipe.end,
             trench_m=course.trench_m, diameter_m=course.pipe.diameter_m, existing=True, geometry=course.wkt)
        for course in _courses()
    ]  # fmt: skip


def _network_temperatures() -> list[Row]:
    source = "assumption: usual Finnish temperatures over the heating season; loss_share of the order of Finnish city networks"
    note = "constant over the year; a real network slides with the weather"
    return _here([
        _row(source, note, supply_c=90.0, return_c=50.0, ground_c=6.0, loss_share=0.08, loss_reference_c=70.0),
    ])  # fmt: skip


def _pareto_variables() -> list[Row]:
    note = "forcing clean heat in costs money and saves CO2: a front, not a point"
    return [
        _row(_STUDY, note, variable=name, cell="process.cap_min", rows=f"process = '{name}'", low=0.0, high=40.0)
        for name in ("sea-water heat pump", "bio boiler")
    ]


SHEETS: dict[str, Callable[[], list[Row]]] = {
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
    "specific_demand": _specific_demands,
    "heat_source": _heat_sources,
    "plant_site": _plant_sites,
    "network_pipe": _network_pipes,
    "network_temperature": _network_temperatures,
    "pareto_variable": _pareto_variables,
}
"""Sheet = input table -> what returns its rows."""

README = (
    "Helsinki study: technology data of a made-up heat supply for the real city centre",
    "An illustration of dhsdb. It is not the network, the plants or the plans of Helen Oy or of anybody else.",
    "",
    "One sheet per input table; the first row holds the names of its columns, which `dhsdb schema TABLE` explains.",
    "A blank year means every year; a blank cell means: not set, no limit, or off.",
    "Columns that start with _ are notes for people: _unit (of the figures in the row), _price_year (of money), _source, _note.",
    "Money is real EUR of 2020. Geometry is WKT, longitude then latitude in degrees (EPSG 4326).",
    "",
    "The workbook holds no demand and no hourly profile: demand follows from the buildings of the OpenStreetMap extract and the",
    "sheet specific_demand, profiles from dhsdb.examples.helsinki.profiles. README.md beside this file says what is real.",
    f"Streets under network_pipe and plant_site, and the places of the supermarkets: {ATTRIBUTION}",
    "Written by dhsdb.examples.helsinki.make_workbook: change figures there.",
)


# --- the file ---------------------------------------------------------------------------------------------------------
def tables() -> dict[str, list[Row]]:
    """Return the rows of all sheets, notes included."""
    return {name: [_noted(name, row) for row in rows()] for name, rows in SHEETS.items()}


def _noted(table: str, row: Row) -> Row:
    """Add the units of a row's figures, and their price year where they are money."""
    meanings = input_table(table).own()
    units = {
        c: meanings[c].unit
        for c, value in row.items()
        if c in meanings and isinstance(value, float | int) and meanings[c].unit
    }
    text = "; ".join(f"{column} {unit.replace(MONEY, 'EUR')}" for column, unit in units.items())
    return {
        **row,
        "_unit": text or None,
        "_price_year": PRICE_YEAR if any(MONEY in unit for unit in units.values()) else None,
    }


def columns(table: str, rows: Iterable[Row]) -> list[str]:
    """Return the header of a sheet: key, year and those columns that a row sets, in the order of the table, then the notes."""
    used = {column for row in rows for column, value in row.items() if value is not None}
    kind = input_table(table)
    key = kind.keys()
    year = ["year"] if "year" in used else []
    return [*key, *year, *(c for c in kind.cell_names() if c in used), *NOTES]


def workbook() -> Workbook:
    """Return the workbook: the sheet ``readme``, then one sheet per table."""
    from openpyxl import Workbook
    from openpyxl.styles import Font

    book = Workbook()
    readme = book.worksheets[0]
    readme.title = "readme"
    for line in README:
        readme.append([line])
    readme["A1"].font = Font(bold=True)
    filled = tables()
    for name in (name for name in INPUT if name in filled):
        sheet = book.create_sheet(name)
        header = columns(name, filled[name])
        sheet.append(header)
        for row in filled[name]:
            sheet.append([row.get(column) for column in header])
        sheet.freeze_panes = "B2"
        for cell in sheet[1]:
            cell.font = Font(bold=True, italic=str(cell.value).startswith("_"))
            sheet.column_dimensions[cell.column_letter].width = max(10, len(str(cell.value)) + 2)
    return book


def save(book: Workbook, path: Path) -> None:
    """Write a workbook without the time of writing, so that equal contents are equal files."""
    buffer = io.BytesIO()
    book.save(buffer)
    stamp = "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z".format(*_STAMP).encode()
    with zipfile.ZipFile(buffer) as written, zipfile.ZipFile(path, "w") as file:
        for name in written.namelist():
            data = written.read(name)
            if name == "docProps/core.xml":
                data = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", stamp, data)
            file.writestr(zipfile.ZipInfo(name, _STAMP), data, zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    save(workbook(), WORKBOOK)
