"""Result tables: what runs write, in bulk, sorted, with integer ids and neither keys nor foreign keys.

Names of sites, technologies and commodities are held once per run in ``result.item``; the views join them back by one
integer, which is twice as fast as by run and number.
"""

from __future__ import annotations

from typing import Any, ClassVar

from dhsdb.schema.columns import Table, count, flag, geometry, hour, number, words, year


class ResultTable(Table):
    """What every result row carries."""

    space: ClassVar[str] = "result"
    __mapper_args__ = {"primary_key": ["run"]}  # noqa: RUF012
    run: int = count("run", required=True)


class Item(ResultTable, table=True):
    """One row is what result rows refer to by number: a unit, a commodity at a unit, a balance."""

    item: int = count("number, counted over the whole store, so that one integer joins it", required=True)
    site: str | None = words("site")
    technology: str | None = words("technology, storage or line")
    commodity: str | None = words("commodity")
    direction: str | None = words("in or out, seen from the technology")


class Capacity(ResultTable, table=True):
    """One row is a unit in a year."""

    year: int | None = year("year")
    item: int | None = count("unit, in result.item")
    capacity: float | None = number("capacity that stands")
    new: float | None = number("capacity built in the year")
    retired: float | None = number("capacity retired since the last model year")
    unit: str | None = words("MW or MWh")


class Flow(ResultTable, table=True):
    """One row is the energy of a unit and commodity in a time step."""

    year: int | None = year("year")
    item: int | None = count("unit, commodity and direction, in result.item")
    t: int | None = hour()
    weight_h: float | None = number("hours of the year that the step stands for", "hour")
    mwh: float | None = number("energy in these hours; the mean power is mwh / weight_h", "MWh")


class Level(ResultTable, table=True):
    """One row is the content of a storage at the end of a time step."""

    year: int | None = year("year")
    item: int | None = count("storage, in result.item")
    t: int | None = hour("time step, 0 .. n")
    mwh: float | None = number("content", "MWh")


class Price(ResultTable, table=True):
    """One row is the marginal price of a balance in a time step."""

    year: int | None = year("year")
    item: int | None = count("balance, in result.item")
    t: int | None = hour()
    value: float | None = number("marginal price, undiscounted", "money/MWh")


class Cost(ResultTable, table=True):
    """One row is a kind of cost of a unit in a year."""

    year: int | None = year("year")
    item: int | None = count("unit, in result.item")
    kind: str | None = words("capital, fixed, variable, fuel, sale, emission, unserved, dump, connection ...")
    value: float | None = number("cost of the year as paid, undiscounted", "money/year")
    discounted: float | None = number("its part of the objective", "money")


class Emission(ResultTable, table=True):
    """One row is an emission of a unit in a year."""

    year: int | None = year("year")
    item: int | None = count("unit, in result.item")
    emission: str | None = words("emission")
    t: float | None = number("emission of the year", "t")


class Unserved(ResultTable, table=True):
    """One row is a time step in which a demand was not met."""

    year: int | None = year("year")
    item: int | None = count("balance, in result.item")
    t: int | None = hour()
    mwh: float | None = number("energy not served in the step", "MWh")


class Energy(ResultTable, table=True):
    """One row is the annual total of a unit, commodity and direction."""

    year: int | None = year("year")
    item: int | None = count("unit, commodity and direction, in result.item")
    mwh: float | None = number("energy of the year", "MWh")
    full_load_hours: float | None = number("energy per capacity", "hour")


class Connection(ResultTable, table=True):
    """One row is a heat source or building joined to the network."""

    year: int | None = year("year; NULL = every year")
    source: str | None = words("heat source or building")
    network: str | None = words("pipe of the network that it is joined to")
    distance_m: float | None = number("straight distance to the network", "m")
    trench_m: float | None = number("trench length along streets", "m")
    diameter_m: float | None = number("inner diameter", "m")
    pipe_type: str | None = words("pipe type")
    cost: float | None = number("investment", "money")
    cost_per_kw: float | None = number("investment per capacity", "money/kW")
    loss_kw: float | None = number("heat loss at design temperatures", "kW")
    capacity_kw: float | None = number("capacity", "kW")
    nearest_point: Any = geometry("nearest point of the network")
    geometry: Any = geometry("trench")


class BuildingSupply(ResultTable, table=True):
    """One row is a building's way of heating."""

    year: int | None = year("year")
    building: str | None = words("building")
    technology: str | None = words("technology, or grid")
    grid: bool | None = flag("it is supplied by the grid")
    mwh: float | None = number("heat of the year", "MWh")


class Network(ResultTable, table=True):
    """One row is a pipe of the layout."""

    year: int | None = year("year; NULL = every year")
    pipe: str | None = words("pipe")
    from_node: str | None = words("node that it starts from")
    to_node: str | None = words("node that it ends at")
    trench_m: float | None = number("trench length", "m")
    diameter_m: float | None = number("inner diameter", "m")
    peak_kw: float | None = number("peak load", "kW")
    cost: float | None = number("investment", "money")
    loss_kw: float | None = number("heat loss at design temperatures", "kW")
    existing: bool | None = flag("it stands already")
    geometry: Any = geometry("line")


class GridCurve(ResultTable, table=True):
    """One row is a growth stage of the grid."""

    year: int | None = year("year; NULL = every year")
    method: str | None = words("method that ordered the segments")
    step: int | None = count("stage, 1 .. n")
    segment: str | None = words("street segment added")
    heat_mwh: float | None = number("heat of the grid so far", "MWh/year")
    trench_m: float | None = number("trench length of the grid so far", "m")
    cost_per_mwh: float | None = number("investment annuity per heat of the grid so far", "money/MWh")


class ParetoPoint(ResultTable, table=True):
    """One row is a point of a Pareto study."""

    study: str | None = words("study: method and objectives")
    point: int | None = count("point, 1 .. n")
    generation: int | None = count("generation of a genetic search; NULL = exact front")
    feasible: bool | None = flag("the point is feasible")
    nondominated: bool | None = flag("no other point of the study is better in all objectives")
    knee: bool | None = flag("the point of the front farthest from the line between its ends")


class ParetoValue(ResultTable, table=True):
    """One row is a variable or an objective of a point."""

    study: str | None = words("study")
    point: int | None = count("point")
    kind: str | None = words("variable, objective, limit, or output of an imported study")
    name: str | None = words("name")
    value: float | None = number("value")
    unit: str | None = words("unit of the value")


class Figure(ResultTable, table=True):
    """One row is a figure of a run that no other table holds: a price, a range, what the tool of an imported run reports."""

    year: int | None = year("year; NULL = not said")
    item: int | None = count("what it is about, in result.item; NULL = the whole system")
    name: str | None = words("name of the figure; of an imported run as its tool writes it")
    t: int | None = hour("time step or month; NULL = the year")
    weight_h: float | None = number("hours that the step or month stands for; NULL = the year", "hour")
    value: float | None = number("value in its unit")
    unit: str | None = words("unit of the value; money stands for the currency of the scenario")


TABLES: tuple[type[ResultTable], ...] = (
    Item, Capacity, Flow, Level, Price, Cost, Emission, Unserved, Energy, Connection, BuildingSupply, Network,
    GridCurve, ParetoPoint, ParetoValue, Figure,
)  # fmt: skip
