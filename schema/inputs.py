"""Input tables: what a study knows, as rows of layers. Symbols and equations stand in ``docs/formulation.md``.

A physical row stands in schema ``layer`` and carries, before its own columns, the layer it belongs to, the revisions in
which it holds, which cells it sets, and where it came from. Its effective view has the same name in schema ``input``.
The tables of what is built in space (buildings, streets, pipes, heat sources) stand in :mod:`~dhsdb.schema.places`.
"""

from __future__ import annotations

from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

import sqlalchemy as sa

from dhsdb.schema.columns import Meaning, Table, column, count, flag, key, number, profile, words, year

if TYPE_CHECKING:
    from collections.abc import Mapping

MONEY = "money"
"""Unit that stands for the scenario's currency at its price year."""


class InputRow(Table):
    """What every input row carries besides its own columns."""

    space: ClassVar[str] = "layer"
    by_year: ClassVar[bool] = True
    """Whether rows may vary by year; else ``year`` stays NULL."""
    __mapper_args__ = {"primary_key": ["layer", "origin", "rev_from"]}  # noqa: RUF012
    layer: int = count("layer = number of the scenario that owns it", required=True)
    origin: int = count("revision that wrote the values", required=True)
    rev_from: int = count("first revision in which the row holds", required=True)
    rev_to: int | None = count("first revision in which it holds no longer; NULL = it still does")
    removed: bool = flag("the row removes what stands below it", required=True)
    cells: list[str] | None = column(sa.ARRAY(sa.String), "columns that the row sets; NULL = all")
    source: int | None = count("source file, in meta.source")
    sheet: str | None = words("sheet of the source")
    source_row: int | None = count("row of the source")
    year: int | None = year()

    @classmethod
    @cache
    def own(cls) -> Mapping[str, Meaning]:
        """Return the natural key and the cells: column name -> meaning."""
        return MappingProxyType({n: m for n, m in cls.meanings().items() if n not in InputRow.model_fields})

    @classmethod
    def keys(cls) -> list[str]:
        """Return the natural key without the year."""
        return [n for n, m in cls.own().items() if m.key]

    @classmethod
    def cell_names(cls) -> list[str]:
        """Return the cells: the columns that are not part of the key."""
        return [n for n, m in cls.own().items() if not m.key]


def share(text: str, **facts: Any) -> Any:
    """Declare a number between 0 and 1."""
    return number(text, **({"low": 0, "high": 1} | facts))


def size(text: str, unit: str = "MW", **facts: Any) -> Any:
    """Declare a number that is not negative."""
    return number(text, unit, **({"low": 0} | facts))


# --- the frame of a study --------------------------------------------------------------------------------------------
class Site(InputRow, table=True):
    """One row is a place with its own balances: a network, a district, a region."""

    by_year: ClassVar[bool] = False
    site: str = key("site", example="centre")
    area: float | None = size("land available for units", "m^2")
    discount_rate: float | None = number("social discount rate", "1/year", low=-0.5, high=1, example=0.03)
    depreciation_method: int | None = count("OSeMOSYS salvage: 1 sinking fund, 2 straight line", low=1, high=2)
    title: str | None = words("name for people")


class ModelYear(InputRow, table=True):
    """One row is a year that is modelled."""

    stands_for: float | None = size(
        "calendar years that it stands for; NULL = until the next model year", "year", example=10
    )


class ModelOption(InputRow, table=True):
    """One row is an option of a model, kept with the scenario; `-o NAME=VALUE` overrides it."""

    by_year: ClassVar[bool] = False
    option: str = key("option", example="accounting")
    value: str | None = words("value", example="dhsdb")


class TimeSlice(InputRow, table=True):
    """One row is a slice of the year, where a study brings its own."""

    t: int = count("slice, 1 .. n", key=True, low=1, high=32767, example=1)
    hours: float | None = size("length of one occurrence", "hour", example=1)
    weight_h: float | None = size("hours per year that it stands for", "hour", example=365)
    ordinal: int | None = count("position in time")
    period: int | None = count("typical period that it belongs to")
    period_count: float | None = size("how often the period occurs in a year")
    season: int | None = count("season (OSeMOSYS)")
    daytype: int | None = count("day type (OSeMOSYS)")
    bracket: int | None = count("daily time bracket (OSeMOSYS)")
    parent_hour: int | None = count("first hour of the year that it came from", low=1, high=8784)
    label: str | None = words("name in the source")


class SliceCalendar(InputRow, table=True):
    """One row is a daily time bracket of a day type in a season (OSeMOSYS)."""

    season: int = count("season", key=True, example=1)
    daytype: int = count("day type", key=True, example=1)
    bracket: int = count("daily time bracket", key=True, example=1)
    day_split: float | None = share("length of the bracket as a fraction of the year")
    days_in_daytype: float | None = size("days per week of the day type", "day", high=7)


class Profile(InputRow, table=True):
    """One row is a named hourly profile; its values are stored once, under their hash."""

    by_year: ClassVar[bool] = False
    profile: str = key("name by which other rows refer to it", example="heat demand")
    sha256: str | None = words("SHA-256 of the series in meta.series")
    text: str | None = words("what it describes and where it comes from")


# --- commodities and demand ------------------------------------------------------------------------------------------
class Commodity(InputRow, table=True):
    """One row is something that is bought, converted, sold or demanded at a site."""

    site: str = key("site", example="centre")
    commodity: str = key("commodity", example="heat")
    balance: str | None = words(
        "sum of flows: none, equal (=) or surplus (>= demand); NULL = equal",
        choices=("none", "equal", "surplus"),
        example="equal",
    )
    annual_only: bool | None = flag("balanced over the year only, not in each slice")
    bought: bool | None = flag("can be bought")
    price: float | None = number("price of what is bought", "money/MWh", example=35)
    price_profile: str | None = profile("price, or factor on the price, in each hour")
    max_mw: float | None = size("most that can be bought at a time")
    max_mwh: float | None = size("most that can be bought in a year", "MWh")
    sold: bool | None = flag("can be sold")
    sale_price: float | None = number("price of what is sold", "money/MWh")
    sale_profile: str | None = profile("price, or factor on the price, in each hour")
    sale_max_mw: float | None = size("most that can be sold at a time")
    sale_max_mwh: float | None = size("most that can be sold in a year", "MWh")
    voll: float | None = size("value of lost load; NULL = demand must be met", "money/MWh")
    dump_cost: float | None = number("cost of getting rid of surplus; NULL = it can't be dumped", "money/MWh")


class CommodityEmission(InputRow, table=True):
    """One row is an emission of a bought commodity."""

    site: str = key("site", example="centre")
    commodity: str = key("commodity", example="gas")
    emission: str = key("emission", example="CO2")
    t_per_mwh: float | None = number("emission factor of the fuel's energy", "t/MWh", example=0.2)


class Demand(InputRow, table=True):
    """One row is the demand for a commodity at a site."""

    site: str = key("site", example="centre")
    commodity: str = key("commodity", example="heat")
    timing: str = key(
        "slice (by the hour or slice) or year (at any time of it)", choices=("slice", "year"), example="slice"
    )
    mwh: float | None = number("demand of the year; NULL = the profile is in MW", "MWh", example=120000)
    profile: str | None = profile("shape: shares of the year, or power in MW where mwh is NULL")
    slice_loss_mwh: float | None = size("network loss in each slice, besides the demand (EMB3Rs)", "MWh")


class Emission(InputRow, table=True):
    """One row is an emission that is priced or limited at a site."""

    site: str = key("site", example="centre")
    emission: str = key("emission", example="CO2")
    price: float | None = number("price", "money/t", example=75)
    max_rate: float | None = size("most in an hour", "t/hour")
    max_t: float | None = number("most in a year", "t")
    exogenous_t: float | None = number("emission from outside the model", "t")
    exogenous_horizon_t: float | None = number(
        "emission from outside over all years, which only limits of the horizon count (OSeMOSYS)", "t"
    )


# --- processes -------------------------------------------------------------------------------------------------------
class Process(InputRow, table=True):
    """One row is a technology at a site: capacities, costs, lifetime."""

    site: str = key("site", example="centre")
    process: str = key("technology", example="gas boiler")
    existing_mw: float | None = size("capacity that stands, by year", example=50)
    existing_life: float | None = size("years that the existing capacity lasts; NULL = it is given by year", "year")
    cap_min: float | None = size("least total capacity")
    cap_max: float | None = size("most total capacity; NULL = unlimited")
    new_min: float | None = size("least new capacity")
    new_max: float | None = size("most new capacity; NULL = unlimited, 0 = none can be built")
    life: float | None = size("technical lifetime", "year", example=25)
    wacc: float | None = number("cost of capital", "1/year", low=-0.5, high=1, example=0.05)
    capital: float | None = number("investment per capacity of activity", "money/MW", example=60000)
    fixed: float | None = number("fixed operation and maintenance", "money/MW/year", example=2000)
    unit_mw: float | None = size("size of a unit; NULL = any capacity")
    min_load: float | None = share("least load while it stands, as a share of capacity")
    ramp: float | None = size("largest change of load, as a share of capacity per hour", "1/hour")
    ramp_cost: float | None = size("cost of raising the load", "money/MW")
    avail_profile: str | None = profile("availability in each hour")
    avail_rule: str | None = words(
        "activity up to (max) or at (fixed) the availability; NULL = max", choices=("max", "fixed")
    )
    annual_avail: float | None = share("most activity in a year as a share of capacity")
    area_per_mw: float | None = size("land use", "m^2/MW")
    lift_source: str | None = profile("temperature of the heat source; makes it a heat pump, with input ratio 1/COP")
    lift_efficiency: float | None = share("COP as a share of the Lorenz COP between source and network")
    heat_source: str | None = words("heat source that feeds it; geo prices its connection")
    condensing: bool | None = flag("a condensing unit, whose efficiency may exceed 1 of the lower heating value")
    source_mw: float | None = size(
        "MW of activity per unit of capacity of the source (OSeMOSYS), to show results in it"
    )


class ProcessMode(InputRow, table=True):
    """One row is a mode of operation of a process; a process without rows has one mode, named 1."""

    site: str = key("site", example="centre")
    process: str = key("technology", example="gas boiler")
    mode: str = key("mode", example="1")
    variable: float | None = number("variable operation and maintenance per activity", "money/MWh", example=1)
    act_min_mwh: float | None = size("least activity in a year", "MWh")
    act_max_mwh: float | None = size("most activity in a year", "MWh")
    capacity_use: float | None = size(
        "capacity and activity limits that an activity takes up; NULL = 1 (EMB3Rs OutputModeofoperation)", "MW/MW"
    )


class ProcessFlow(InputRow, table=True):
    """One row is what a mode takes in or gives out per unit of activity."""

    site: str = key("site", example="centre")
    process: str = key("technology", example="gas boiler")
    mode: str = key("mode", example="1")
    commodity: str = key("commodity", example="gas")
    direction: str = key("in or out", choices=("in", "out"), example="in")
    ratio: float | None = number("flow per activity at full load", "MWh/MWh", example=1.087)
    ratio_min: float | None = number("flow per activity at least load", "MWh/MWh")
    ratio_profile: str | None = profile("factor on the ratio in each hour")


class ProcessEmission(InputRow, table=True):
    """One row is an emission of a mode per unit of activity, besides that of its fuel."""

    site: str = key("site", example="centre")
    process: str = key("technology", example="waste CHP")
    mode: str = key("mode", example="1")
    emission: str = key("emission", example="CO2")
    t_per_mwh: float | None = number("emission per activity at full load", "t/MWh")
    t_per_mwh_min: float | None = number("emission per activity at least load", "t/MWh")


# --- storage, lines, response ----------------------------------------------------------------------------------------
class Storage(InputRow, table=True):
    """One row is a store of a commodity at a site."""

    site: str = key("site", example="centre")
    storage: str = key("store", example="hot-water tank")
    commodity: str | None = words("commodity stored; NULL = linked to processes", example="heat")
    kind: str | None = words(
        "how time is linked; NULL = chain", choices=("chain", "daytype", "slicechain"), example="chain"
    )
    e_cap_min: float | None = size("least energy capacity", "MWh")
    e_cap_max: float | None = size("most energy capacity; NULL = unlimited", "MWh")
    e_new_max: float | None = size("most new energy capacity; NULL = unlimited", "MWh")
    e_existing: float | None = size("energy capacity that stands", "MWh", example=500)
    p_cap_min: float | None = size("least power")
    p_cap_max: float | None = size("most power; NULL = unlimited")
    p_new_max: float | None = size("most new power; NULL = unlimited")
    p_existing: float | None = size("power that stands", example=50)
    existing_life: float | None = size("years that what stands lasts; NULL = it is given by year", "year")
    charge_max: float | None = size("most charging")
    discharge_max: float | None = size("most discharging")
    eff_in: float | None = share("efficiency of charging", example=0.99)
    eff_out: float | None = share("efficiency of discharging", example=0.99)
    loss: float | None = share("loss of content", unit="1/hour", example=0.0005)
    ep_ratio: float | None = size("energy per power; NULL = they are chosen apart", "hour", example=10)
    init: float | None = share("content at the start as a share of energy capacity")
    level_start: float | None = size("content at the start", "MWh")
    level_min: float | None = share("least content as a share of energy capacity")
    life: float | None = size("technical lifetime", "year", example=30)
    wacc: float | None = number("cost of capital", "1/year", low=-0.5, high=1)
    capital_e: float | None = number("investment per energy capacity", "money/MWh", example=3000)
    capital_p: float | None = number("investment per power", "money/MW")
    fixed_e: float | None = number("fixed operation and maintenance per energy", "money/MWh/year")
    fixed_p: float | None = number("fixed operation and maintenance per power", "money/MW/year")
    variable_e: float | None = number("cost of content per step", "money/MWh")
    variable_p: float | None = number("cost of charging and discharging", "money/MWh")
    discount_rate: float | None = number("discount rate of its salvage (OSeMOSYS)", "1/year")
    end_rule: str | None = words(
        "level at the end; NULL = cyclic", choices=("cyclic", "urbs", "given", "hotmaps"), example="cyclic"
    )
    timing: str | None = words("level counts flows of the same (end) or the last (lag) step", choices=("end", "lag"))


class StorageLink(InputRow, table=True):
    """One row is a mode that charges (in) or discharges (out) a linked store (OSeMOSYS)."""

    site: str = key("site", example="centre")
    storage: str = key("store", example="hot-water tank")
    process: str = key("technology", example="gas boiler")
    mode: str = key("mode", example="1")
    direction: str = key("in charges, out discharges", choices=("in", "out"), example="in")
    ratio: float | None = number("flow per activity", "MWh/MWh")


class Transmission(InputRow, table=True):
    """One row is a line that carries a commodity between two sites."""

    site_from: str = key("site that it starts from", example="centre")
    site_to: str = key("site that it leads to", example="harbour")
    line: str = key("line", example="main")
    commodity: str = key("commodity", example="heat")
    eff: float | None = share("share that arrives", example=0.98)
    symmetric: bool | None = flag("both directions share one capacity")
    existing_mw: float | None = size("capacity that stands")
    existing_life: float | None = size("years that it lasts", "year")
    cap_min: float | None = size("least total capacity")
    cap_max: float | None = size("most total capacity; NULL = unlimited")
    new_max: float | None = size("most new capacity; NULL = unlimited")
    life: float | None = size("technical lifetime", "year")
    wacc: float | None = number("cost of capital", "1/year", low=-0.5, high=1)
    capital: float | None = number("investment per capacity", "money/MW")
    fixed: float | None = number("fixed operation and maintenance", "money/MW/year")
    variable: float | None = number("cost of what is carried", "money/MWh")


class DemandResponse(InputRow, table=True):
    """One row is demand that can be moved in time (urbs)."""

    site: str = key("site", example="centre")
    commodity: str = key("commodity", example="heat")
    delay: float | None = size("longest shift", "hour")
    recovery: float | None = size("time until it can be used again", "hour")
    eff: float | None = share("share that remains after the shift")
    down_mw: float | None = size("most reduction")
    up_mw: float | None = size("most increase")


# --- limits ----------------------------------------------------------------------------------------------------------
class Limit(InputRow, table=True):
    """One row is a limit on a sum, whose terms stand in limit_term."""

    limit: str = key("limit", example="CO2 budget")
    sense: str | None = words("max or min", choices=("max", "min"), example="max")
    value: float | None = number("bound in the unit of the quantity; NULL = off; a factor on the base for shares")
    unit: str | None = words("unit of the value", example="t")
    per: str | None = words("what it sums over", choices=("step", "year", "horizon"), example="year")
    quantity: str | None = words(
        "what is summed", choices=("emission", "activity", "production", "capacity", "new", "cost"), example="emission"
    )
    tag: str | None = words("where it comes from")
    base: str | None = words(
        "what is summed on the base side, of which the value is a factor; NULL = no base side",
        choices=("emission", "activity", "production", "capacity", "new", "cost"),
    )


class LimitTerm(InputRow, table=True):
    """One row is a term of a limit; NULL in a name stands for all."""

    limit: str = key("limit", example="CO2 budget")
    side: str = key("lhs, or base of a share", choices=("lhs", "base"), example="lhs")
    n: int = count("number of the term", key=True, example=1)
    site: str | None = words("site; NULL = all")
    process: str | None = words("technology; NULL = all")
    mode: str | None = words("mode; NULL = all")
    commodity: str | None = words("commodity; NULL = all")
    emission: str | None = words("emission; NULL = all", example="CO2")
    factor: float | None = number("factor; NULL = 1")


class ParetoVariable(InputRow, table=True):
    """One row is a cell of the scenario that a Pareto study varies."""

    by_year: ClassVar[bool] = False
    variable: str = key("variable", example="heat pump")
    cell: str | None = words("TABLE.COLUMN that it sets", example="process.cap_max")
    rows: str | None = words(
        "condition on the rows that it sets, as in `scenario set --where`", example="process = 'heat pump'"
    )
    low: float | None = number("least value, in the unit of the cell")
    high: float | None = number("most value, in the unit of the cell")


# --- files of other tools, kept as they are --------------------------------------------------------------------------
class EnergyplanFile(InputRow, table=True):
    """One row is how an EnergyPLAN input file is written, so that it can be written back byte by byte."""

    file: str = key("input (a whole input file) or cost", choices=("input", "cost"), example="input")
    version: str | None = words("version as the file says it; 698 up to version 15", example="698")
    encoding: str | None = words(
        "encoding; utf-16 and utf-16-be begin with a byte order mark, utf-16-le has none",
        choices=("utf-16", "utf-16-be", "utf-16-le", "utf-8-sig", "utf-8", "cp1252", "latin-1"),
    )
    newline: str | None = words("end of a line", choices=("CRLF", "LF"), example="CRLF")
    n_lines: int | None = count("lines, filled up with xxx", low=0, example=1500)
    ends_line: bool | None = flag("the last line has an end of line")


class EnergyplanKey(InputRow, table=True):
    """One row is a key of an EnergyPLAN input file with its value as written."""

    key: str = key("key without the = at its end and blanks around it", example="input_cap_chp3_el")
    occurrence: int = count("1, or 2 where the file has the key a second time", key=True, low=1, example=1)
    value: str | None = words("value as written; NULL = an empty line", example="450")
    ordinal: int | None = count("position in the file, 1 .. n", low=1)
    label: str | None = words("line of the key as written; NULL = the key and =")


TABLES: tuple[type[InputRow], ...] = (
    Site, ModelYear, ModelOption, TimeSlice, SliceCalendar, Profile, Commodity, CommodityEmission, Demand, Emission,
    Process, ProcessMode, ProcessFlow, ProcessEmission, Storage, StorageLink, Transmission, DemandResponse,
    Limit, LimitTerm, ParetoVariable, EnergyplanFile, EnergyplanKey,
)  # fmt: skip
