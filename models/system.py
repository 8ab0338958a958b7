"""The energy system of a scenario as arrays over model years, units and steps: what the LP is written from.

Symbols follow ``docs/formulation.md``: y year, u unit, a activity (a mode of a process), f flow of an activity, k balance
(commodity at a site), l step.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from dhsdb.errors import UserError
from dhsdb.models.accounting import horizon
from dhsdb.models.demand import demands
from dhsdb.models.grids import Grid
from dhsdb.models.processes import Processes, processes_of
from dhsdb.models.sources import lift_factor, tie_to_sources
from dhsdb.models.stores import Lines, Response, Stores, lines_of, response_of, stores_of
from dhsdb.models.units import Rates

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dhsdb.models.accounting import Horizon
    from dhsdb.models.stage import Inputs, Remark
    from dhsdb.models.steps import Steps

    Array = NDArray[np.float64]

READS = (
    "site", "model_year", "model_option", "profile", "commodity", "commodity_emission", "demand", "emission", "process",
    "process_mode", "process_flow", "process_emission", "storage", "heat_source", "building", "building_demand",
    "network_temperature", "time_slice", "slice_calendar", "storage_link", "transmission", "demand_response", "limit", "limit_term",
)  # fmt: skip
_UNUSED_CELLS = {"process": ("ramp_cost",)}


@dataclass(slots=True)
class Balances:
    """Commodities at sites k.

    Attributes
    ----------
    demand, loss
        Shape (y, k, l), MW; ``annual`` shape (y, k), MWh at any time of the year.
    price, sale_price
        Shape (y, k, l), money/MWh.
    emission
        Shape (y, k, e), t/MWh of what is bought.
    annual_only
        Shape (k,). Balanced over the year, not in each step.
    """

    key: list[tuple[str, ...]]
    rule: NDArray[np.object_]
    demand: Array
    loss: Array
    annual: Array
    bought: NDArray[np.bool_]
    price: Array
    max_mw: Array
    max_mwh: Array
    sold: NDArray[np.bool_]
    sale_price: Array
    sale_max_mw: Array
    sale_max_mwh: Array
    voll: Array
    dump_cost: Array
    emission: Array
    annual_only: NDArray[np.bool_]


@dataclass(slots=True)
class Emissions:
    """Emissions e at sites: price and limits.

    Attributes
    ----------
    price
        Shape (y, e), money/t.
    max_t, max_rate
        Shape (y, e), t/year without what is emitted outside the model, and t/hour.
    outside
        Shape (e,). What is emitted outside the model over all years, t; only limits of the horizon count it.
    """

    key: list[tuple[str, ...]]
    price: Array
    max_t: Array
    max_rate: Array
    outside: Array


@dataclass(slots=True)
class System:
    """All of it.

    Attributes
    ----------
    weight
        Shape (y, l). Hours of the year that each step stands for.
    running
        Shape (y, sites). What a yearly cost at a site weighs.
    area
        Land at each site, m2; inf = no limit.
    connection
        Shape (y, u). Cost of joining a heat source to the network, money per MW of the unit that it feeds.
    """

    years: tuple[int, ...]
    horizon: Horizon
    steps: Steps
    weight: Array
    sites: list[str]
    discount: Array
    running: Array
    area: Array
    processes: Processes
    stores: Stores
    lines: Lines
    response: Response
    balances: Balances
    emissions: Emissions
    connection: Array
    limits: Limits
    links: list[Link]
    calendar: Calendar
    findings: list[Remark] = field(default_factory=list)

    def site(self, name: str) -> int:
        """Return the position of a site."""
        return self.sites.index(name)


@dataclass(frozen=True, slots=True)
class Link:
    """A mode that charges (sign +1) or discharges (-1) a linked store; ``ratio`` shape (y,)."""

    store: int
    activity: int
    sign: float
    ratio: Array


@dataclass(frozen=True, slots=True)
class Calendar:
    """Seasons, day types and daily brackets of the slices (OSeMOSYS); all 0 where a study has none.

    Attributes
    ----------
    season, daytype, bracket
        Shape (l,). Number of each slice, counted from 0.
    day_split
        Shape (y, brackets). Length of a bracket as a fraction of the year.
    days
        Shape (y, seasons, day types). Days per week of each day type.
    """

    season: NDArray[np.int64]
    daytype: NDArray[np.int64]
    bracket: NDArray[np.int64]
    day_split: Array
    days: Array


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits on sums: their rows by year, and their terms."""

    grid: Grid
    terms: Grid


def build_system(inputs: Inputs, years: tuple[int, ...], steps: Steps) -> System:
    """Return the arrays of a scenario.

    Raises
    ------
    UserError
        If the scenario holds what this model does not cover, or refers to something that is not there.
    """
    refuse_uncovered(inputs)
    findings: list[Remark] = []
    time = _horizon(inputs, years)
    rates = _rates(inputs, time)
    weight = np.vstack([steps.in_year(i).weight for i in range(len(years))])
    balances = _balances(inputs, years, steps, findings)
    place = {k: i for i, k in enumerate(balances.key)}
    unit = Grid(inputs.tables["process"], years, ["site", "process"])
    lifted = lift_factor(inputs, years, steps, unit)
    processes = processes_of(inputs, years, steps, unit, place, rates, lifted)
    stores = stores_of(inputs, years, place, rates)
    connection = tie_to_sources(inputs, steps, unit, processes, lifted, findings)
    lines = lines_of(inputs, years, place, rates)
    sites = _sites(inputs, [balances.key, processes.size.key, stores.energy.key, lines.size.key])
    discount = rates.of(sites)[0]
    return System(
        years=years,
        horizon=time,
        steps=steps,
        weight=weight,
        sites=sites,
        discount=discount,
        running=time.running(discount),
        area=_area(inputs, sites),
        processes=processes,
        stores=stores,
        lines=lines,
        response=response_of(inputs, years, place),
        balances=balances,
        emissions=_emissions(inputs, years),
        connection=connection,
        limits=_limits(inputs, years),
        links=_links(inputs, years, stores, processes),
        calendar=_calendar(inputs, years, steps),
        findings=findings,
    )


def refuse_uncovered(inputs: Inputs) -> None:
    """Refuse by name what a scenario holds and this model does not cover, rather than leave it out."""
    held = []
    for table, columns in _UNUSED_CELLS.items():
        held += [f"{table}.{c}" for c in columns if len(inputs.tables[table]) and inputs.tables[table][c].notna().any()]
    stores = inputs.tables["storage"]
    if len(stores):
        ends = stores["end_rule"].fillna("cyclic")
        held += [f"storage.end_rule '{rule}'" for rule in sorted(set(ends) - {"cyclic", "urbs", "given"})]
        if (stores["timing"].fillna("end") != "end").any():
            held.append("storage.timing 'lag'")
    if held:
        raise UserError(
            f"scenario '{inputs.scenario}' holds what the model does not cover yet: {', '.join(held)}.",
            "Remove these rows in a derived scenario (`dhsdb scenario remove`), or set the cells to NULL.",
        )


# --- years, sites -----------------------------------------------------------------------------------------------------
def _horizon(inputs: Inputs, years: tuple[int, ...]) -> Horizon:
    grid = Grid(inputs.tables["model_year"], years, ["year"])
    stands_for = np.diag(grid.numbers("stands_for", np.nan)) if grid.n else np.full(len(years), np.nan)
    return horizon(years, stands_for, inputs.options.accounting, inputs.options.life_rule)


def _rates(inputs: Inputs, time: Horizon) -> Rates:
    """Return discount rates by site; our own and urbs's accounting want the same for all."""
    discount = _by_site(inputs, "discount_rate")
    given = sorted(set(discount.values()))
    if len(given) > 1 and time.school in ("dhsdb", "urbs"):
        raise UserError(f"the sites have different discount rates: {given}.", "Give all sites the same.")
    if given and time.school in ("dhsdb", "urbs"):
        discount = dict.fromkeys(_named_sites(inputs), given[0])
    methods = _by_site(inputs, "depreciation_method")
    return Rates(time, discount, methods)


def _by_site(inputs: Inputs, column: str) -> dict[str, float]:
    """Return a number column of table site where it is given."""
    rows = inputs.tables["site"].dropna(subset=[column])
    return dict(zip(rows["site"], rows[column].astype(float), strict=True))


def _named_sites(inputs: Inputs) -> list[str]:
    """Return every site that a row names, also where table site does not."""
    named: dict[str, None] = {}
    for table, column in (
        ("site", "site"),
        ("commodity", "site"),
        ("process", "site"),
        ("storage", "site"),
        ("transmission", "site_from"),
    ):
        named |= dict.fromkeys(inputs.tables[table][column])
    return list(named)


def _sites(inputs: Inputs, keys: list[list[tuple[str, ...]]]) -> list[str]:
    named = dict.fromkeys(_named_sites(inputs)) | dict.fromkeys(key[0] for part in keys for key in part)
    for table in ("emission", "commodity_emission", "process_emission"):
        named |= dict.fromkeys(inputs.tables[table]["site"])
    return list(named)


def _area(inputs: Inputs, sites: list[str]) -> Array:
    given = _by_site(inputs, "area")
    return np.array([given.get(site, np.inf) for site in sites])


# --- balances --------------------------------------------------------------------------------------------------------
def _balances(inputs: Inputs, years: tuple[int, ...], steps: Steps, findings: list[Remark]) -> Balances:
    grid = Grid(inputs.tables["commodity"], years, ["site", "commodity"])
    demand, loss, annual = demands(inputs, years, steps, grid, findings)
    return Balances(
        key=grid.key,
        rule=grid.words("balance"),
        demand=demand,
        loss=loss,
        annual=annual,
        bought=grid.flags("bought"),
        price=_prices(inputs, grid, steps, "price", "price_profile"),
        max_mw=grid.numbers("max_mw", np.inf),
        max_mwh=grid.numbers("max_mwh", np.inf),
        sold=grid.flags("sold"),
        sale_price=_prices(inputs, grid, steps, "sale_price", "sale_profile"),
        sale_max_mw=grid.numbers("sale_max_mw", np.inf),
        sale_max_mwh=grid.numbers("sale_max_mwh", np.inf),
        voll=grid.numbers("voll", np.nan),
        dump_cost=grid.numbers("dump_cost", np.nan),
        emission=_fuel_emission(inputs, years, grid),
        annual_only=np.asarray(grid.flags("annual_only").any(axis=0), np.bool_),
    )


def _prices(inputs: Inputs, grid: Grid, steps: Steps, column: str, profile_column: str) -> Array:
    """Return prices, shape (y, k, l): the profile alone where no price is given, else price times profile."""
    names = grid.words(profile_column)
    null = np.where(names != "", 1.0, 0.0)
    price = grid.numbers(column, np.nan)
    price = np.where(np.isnan(price), null, price)
    return price[:, :, None] * inputs.profiles_by_year(names, steps, f"commodity.{profile_column}")


def _fuel_emission(inputs: Inputs, years: tuple[int, ...], commodities: Grid) -> Array:
    keys = emission_keys(inputs, years)
    grid = Grid(inputs.tables["commodity_emission"], years, ["site", "commodity", "emission"])
    factor = grid.numbers("t_per_mwh", 0.0)
    result = np.zeros((len(years), commodities.n, len(keys)))
    for i, (site, commodity, emission) in enumerate(grid.key):
        k = commodities.index((site, commodity))
        if k is not None:
            result[:, k, keys.index((site, emission))] = factor[:, i]
    return result


def emission_keys(inputs: Inputs, years: tuple[int, ...]) -> list[tuple[str, ...]]:
    """Return (site, emission) of all that is priced, limited or emitted."""
    keys: dict[tuple[str, ...], None] = {}
    for table in ("emission", "commodity_emission", "process_emission"):
        keys |= dict.fromkeys(Grid(inputs.tables[table], years, ["site", "emission"]).key)
    return list(keys)


def _emissions(inputs: Inputs, years: tuple[int, ...]) -> Emissions:
    keys = emission_keys(inputs, years)
    grid = Grid(inputs.tables["emission"], years, ["site", "emission"])
    place = [keys.index(key) for key in grid.key]

    def spread(column: str, null: float) -> Array:
        values = np.full((len(years), len(keys)), null)
        values[:, place] = grid.numbers(column, null)
        return values

    most = spread("max_t", np.inf) - spread("exogenous_t", 0.0)
    return Emissions(
        keys,
        spread("price", 0.0),
        most,
        spread("max_rate", np.inf),
        spread("exogenous_horizon_t", 0.0).max(axis=0, initial=0.0),
    )


# --- limits, links, calendar -----------------------------------------------------------------------------------------
def _limits(inputs: Inputs, years: tuple[int, ...]) -> Limits:
    return Limits(
        Grid(inputs.tables["limit"], years, ["limit"]), Grid(inputs.tables["limit_term"], years, ["limit", "side", "n"])
    )


def _links(inputs: Inputs, years: tuple[int, ...], stores: Stores, processes: Processes) -> list[Link]:
    grid = Grid(inputs.tables["storage_link"], years, ["site", "storage", "process", "mode", "direction"])
    ratio = grid.numbers("ratio", 0.0)
    found = []
    for i, (site, storage, process, mode, direction) in enumerate(grid.key):
        if (site, storage) not in stores.energy.key or (site, process, mode) not in processes.activity:
            raise UserError(
                f"storage_link names {' / '.join(grid.key[i])}, whose store or mode is not there.", "Mend the names."
            )
        s, a = stores.energy.key.index((site, storage)), processes.activity.index((site, process, mode))
        found.append(Link(s, a, 1.0 if direction == "in" else -1.0, ratio[:, i]))
    return found


def _calendar(inputs: Inputs, years: tuple[int, ...], steps: Steps) -> Calendar:
    slices = Grid(inputs.tables["time_slice"], years, ["t"])
    if not steps.sliced or not slices.n:
        none = np.zeros(steps.n, np.int64)
        return Calendar(none, none, none, np.zeros((len(years), 1)), np.ones((len(years), 1, 1)))
    order = np.argsort([int(key[0]) for key in slices.key])
    parts = [slices.numbers(c, 1.0).max(axis=0)[order].astype(np.int64) for c in ("season", "daytype", "bracket")]
    labels = [np.unique(part) for part in parts]
    season, daytype, bracket = (np.searchsorted(label, part) for label, part in zip(labels, parts, strict=True))
    given = Grid(inputs.tables["slice_calendar"], years, ["season", "daytype", "bracket"])
    split = np.zeros((len(years), len(labels[2])))
    days = np.full((len(years), len(labels[0]), len(labels[1])), 7.0)
    for i, key in enumerate(given.key):
        at = [int(np.searchsorted(label, int(part))) for label, part in zip(labels, key, strict=True)]
        if all(n < len(label) and label[n] == int(part) for n, label, part in zip(at, labels, key, strict=True)):
            split[:, at[2]] = given.numbers("day_split", 0.0)[:, i]
            days[:, at[0], at[1]] = given.numbers("days_in_daytype", 7.0)[:, i]
    return Calendar(season, daytype, bracket, split, days)
