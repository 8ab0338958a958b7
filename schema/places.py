"""Input tables of what stands in space: buildings, streets, heat sources, pipes, plants and the network's temperatures."""

from __future__ import annotations

from typing import Any, ClassVar

import sqlalchemy as sa

from dhsdb.schema.columns import column, count, flag, geometry, key, number, profile, words
from dhsdb.schema.inputs import InputRow, share, size

REFURBISHMENTS = ("none", "usual", "advanced")
"""States of an envelope: as built, insulated as is usual, to the highest standard."""
HEATINGS = (
    "district_heating", "gas", "oil", "coal", "wood", "electric", "heat_pump", "solar", "other", "none",
)  # fmt: skip
"""Ways in which a building is heated now, by what it takes."""


class Place(InputRow):
    """What stands in space does not vary by year; its figures do, in tables of their own."""

    by_year: ClassVar[bool] = False


class Street(Place, table=True):
    """One row is a street segment between two intersections, along which a trench can be dug."""

    street: str = key("segment: OSM way and number", example="4253174-0")
    from_node: int | None = column(sa.BigInteger, "node that it starts from")
    to_node: int | None = column(sa.BigInteger, "node that it ends at")
    osm_way: int | None = column(sa.BigInteger, "OpenStreetMap way")
    highway: str | None = words("class (OpenStreetMap highway)", example="residential")
    title: str | None = words("name of the street")
    surface: str | None = words("surface")
    length_m: float | None = size("length", "m")
    geometry: Any = geometry("line")


class Building(Place, table=True):
    """One row is a building."""

    building: str = key("building", example="w4253174")
    site: str | None = words("site that it belongs to", example="centre")
    use: str | None = words("use, which chooses the specific demand", example="office")
    osm_tag: str | None = words("value of the OpenStreetMap tag building")
    title: str | None = words("name")
    address: str | None = words("address")
    levels: float | None = size("storeys above ground", "", high=200)
    height_m: float | None = size("height", "m", high=900)
    footprint_m2: float | None = size("footprint", "m^2")
    floor_area_m2: float | None = size("heated floor area", "m^2")
    construction_year: int | None = count("year of construction", low=1000, high=2200)
    geometry: Any = geometry("footprint")
    node: int | None = column(sa.BigInteger, "node of the streets that it is joined to; NULL = the nearest place")
    volume_m3: float | None = size("heated gross volume", "m^3")
    district: str | None = words("district, by which metered totals are found")
    function_code: str | None = words("use as the source says it", example="31001_1010")
    refurbishment: str | None = words("state of the envelope", choices=REFURBISHMENTS)
    heating: str | None = words("how it is heated now", choices=HEATINGS)


class BuildingDemand(InputRow, table=True):
    """One row is a building's heat demand."""

    building: str = key("building", example="w4253174")
    space_heat_mwh: float | None = size("heat for space", "MWh/year")
    hot_water_mwh: float | None = size("heat for hot water", "MWh/year")
    peak_mw: float | None = size("peak load")
    profile: str | None = profile("shape: shares of the year")
    rule: str | None = words("how it was estimated")
    calibration: float | None = size("factor that brings estimates to a metered total", "")
    weather: str | None = words("weather that it holds for; NULL = that of its source")


class BuildingRoof(Place, table=True):
    """One row is a plane of a building's roof."""

    building: str = key("building", example="DEBW_001")
    surface: str = key("surface: its id in the source, or a number", example="1")
    area_m2: float | None = size("area in its own plane", "m^2")
    tilt_deg: float | None = number("tilt: 0 = flat, 90 = upright", "degree", low=0, high=90)
    azimuth_deg: float | None = number(
        "direction that it faces, clockwise from grid north: 90 = east, 180 = south; NULL = flat",
        "degree",
        low=0,
        high=360,
    )


class SpecificDemand(InputRow, table=True):
    """One row is the specific heat demand of a use; it overrides the built-in figures."""

    use: str = key("use", example="office")
    space_heat_kwh_m2: float | None = size("heat for space per heated floor area", "kWh/m^2/year", high=2000)
    hot_water_kwh_m2: float | None = size("heat for hot water per heated floor area", "kWh/m^2/year", high=2000)
    full_load_hours: float | None = size("annual demand per peak load", "hour/year", high=8784)
    profile: str | None = profile("shape: shares of the year")
    reference: str | None = words("where the figures come from")


class SpecificDemandAge(InputRow, table=True):
    """One row is the specific heat demand of a use by age and state; where it fits, it goes before specific_demand."""

    use: str = key("use", example="residential_single")
    age_class: str = key("age class", example="1958-1968")
    refurbishment: str = key("state of the envelope", choices=REFURBISHMENTS, example="none")
    from_year: int | None = count("first year of construction; NULL = any before", low=0, high=2200)
    to_year: int | None = count("last year of construction; NULL = any after", low=0, high=2200)
    space_heat_kwh_m2: float | None = size("heat for space per heated floor area", "kWh/m^2/year", high=2000)
    hot_water_kwh_m2: float | None = size("heat for hot water per heated floor area", "kWh/m^2/year", high=2000)
    reference: str | None = words("where the figures come from")


class MeteredDemand(Place, table=True):
    """One row is the heat that was metered in a district, to which estimates are calibrated."""

    metered: str = key("district: its buildings name it, or lie in the polygon", example="old town 2022")
    district: str | None = words("district or site of the buildings; NULL = that of the key")
    data_year: int | None = count("year that was metered", low=1900, high=2200)
    heat_mwh: float | None = size("heat delivered to its buildings", "MWh/year")
    weather: str | None = words("weather of that year; NULL = as that of the estimates")
    geometry: Any = geometry("polygon")


class Weather(Place, table=True):
    """One row is a year of weather of a place."""

    weather: str = key("weather", example="TRY2015_Potsdam")
    profile: str | None = profile("hourly temperature")
    kind: str | None = words("form of the source", choices=("try", "epw", "csv"))
    data_year: int | None = count("calendar year; NULL = a typical one", low=1800, high=2200)
    n_hours: int | None = count("hours: 8760, or 8784 with a leap day", low=1)
    utc_offset_h: float | None = number("hours ahead of UTC, the year round", "hour", low=-12, high=14)
    latitude: float | None = number("latitude", "degree", low=-90, high=90)
    longitude: float | None = number("longitude", "degree", low=-180, high=180)
    altitude_m: float | None = number("height above the sea", "m", low=-500, high=9000)
    mean_c: float | None = number("mean temperature", "degC", low=-60, high=60)
    low_c: float | None = number("lowest daily mean", "degC", low=-90, high=60)
    degree_days: float | None = size("degree days G20/15: 20 degC less the mean of days below 15 degC", "")
    degree_days_12: float | None = size("degree days G20/12: 20 degC less the mean of days below 12 degC", "")
    heating_days: float | None = size("days whose mean is below 15 degC", "day")


class HeatSource(Place, table=True):
    """One row is a source of heat outside the network's own plants."""

    heat_source: str = key("source", example="data centre north")
    title: str | None = words("name for people")
    kind: str | None = words("data_centre, supermarket, ice_rink, waste_water, metro_station, industry, plant ...")
    capacity_mw: float | None = size("heat that it can give at a time", example=2.5)
    temperature_c: float | None = number("temperature of the heat", "degC", low=-30, high=600, example=28)
    annual_mwh: float | None = size("heat that it can give in a year", "MWh/year")
    profile: str | None = profile("availability in each hour")
    rule: str | None = words("how capacity and temperature were found")
    geometry: Any = geometry("point")


class PlantSite(Place, table=True):
    """One row is a place where heat enters the network."""

    plant: str = key("plant", example="harbour")
    site: str | None = words("site that it belongs to")
    existing: bool | None = flag("it stands already")
    geometry: Any = geometry("point")
    node: int | None = column(sa.BigInteger, "node of the streets that it is joined to; NULL = the nearest place")


class NetworkPipe(Place, table=True):
    """One row is a pipe pair (supply and return) of an existing network."""

    pipe: str = key("pipe", example="main-1")
    site: str | None = words("site that it belongs to", example="centre")
    from_node: str | None = words("node that it starts from")
    to_node: str | None = words("node that it ends at")
    trench_m: float | None = size("trench length", "m")
    diameter_m: float | None = size("inner diameter", "m", high=3)
    existing: bool | None = flag("it stands already")
    geometry: Any = geometry("line")
    pipe_type: str | None = words("pipe type", example="DN100")
    capacity_mw: float | None = size("heat that it can carry; NULL = by diameter and temperatures")


class PipeType(Place, table=True):
    """One row is a pipe pair that can be bought."""

    pipe_type: str = key("pipe type", example="DN100")
    diameter_m: float | None = size("inner diameter", "m", high=3, example=0.1071)
    cost_per_m: float | None = size("investment per trench length, digging included", "money/m", example=750)
    loss_w_mk: float | None = size(
        "loss of the pair per trench length and degree above ground", "W/m/delta_degC", example=0.35
    )
    max_velocity_m_s: float | None = size(
        "velocity that it is laid out for; NULL = by pressure gradient", "m/s", high=10
    )
    cost_per_kw_m: float | None = size(
        "investment per trench length and heat carried, besides cost_per_m", "money/kW/m"
    )
    loss_w_m: float | None = size("loss of the pair per trench length, whatever the temperatures", "W/m")
    loss_per_m: float | None = share("share of the heat carried that is lost per trench length", unit="1/m")
    min_kw: float | None = size("least heat that it is laid out for", "kW")
    max_kw: float | None = size("most heat that it can carry; NULL = by diameter and temperatures", "kW")
    wacc: float | None = number("cost of capital", "1/year", low=-0.5, high=1)
    life: float | None = size("technical lifetime", "year")


class NetworkTemperature(InputRow, table=True):
    """One row is the temperatures of a site's network: they set pipe sizes, losses and the COP of heat pumps."""

    site: str = key("site", example="centre")
    supply_c: float | None = number("supply temperature at design load", "degC", low=20, high=250, example=90)
    return_c: float | None = number("return temperature at design load", "degC", low=5, high=200, example=50)
    supply_profile: str | None = profile("supply temperature in each hour, in degC")
    return_profile: str | None = profile("return temperature in each hour, in degC")
    ground_c: float | None = number("ground temperature", "degC", low=-20, high=40, example=6)
    loss_share: float | None = share(
        "heat lost between plants and substations at supply_c and return_c", high=0.9, example=0.08
    )
    loss_reference_c: float | None = number(
        "mean network temperature at which loss_share was found", "degC", low=10, high=250
    )


TABLES: tuple[type[InputRow], ...] = (
    Street, Building, BuildingDemand, SpecificDemand, HeatSource, PlantSite, NetworkPipe, PipeType, NetworkTemperature,
    BuildingRoof, SpecificDemandAge, MeteredDemand, Weather,
)  # fmt: skip
