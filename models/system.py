"""The energy system of a scenario as arrays over model years, units and steps: what the LP is written from.

Symbols follow ``docs/formulation.md``: y year, u unit (process or storage), a activity (a mode of a process), f flow of an
activity, k balance (commodity at a site), l step.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from dhsdb.errors import UserError
from dhsdb.models.accounting import ENDLESS, Horizon, horizon
from dhsdb.models.demand import demands
from dhsdb.models.grids import Grid
from dhsdb.models.sources import lift_factor, tie_to_sources

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from dhsdb.models.stage import Inputs, Remark
    from dhsdb.models.steps import Steps

    Array = NDArray[np.float64]

READS = (
    "site", "model_year", "model_option", "profile", "commodity", "commodity_emission", "demand", "emission", "process",
    "process_mode", "process_flow", "process_emission", "storage", "heat_source", "building", "building_demand",
    "network_temperature", "time_slice", "storage_link", "transmission", "demand_response", "limit", "limit_term",
)  # fmt: skip
NOT_COVERED = ("time_slice", "storage_link", "transmission", "demand_response", "limit")
_UNUSED_CELLS = {
    "process": ("existing_life", "unit_mw", "ramp", "ramp_cost", "area_per_mw"),
    "process_flow": ("ratio_min",),
    "process_emission": ("t_per_mwh_min",),
    "commodity": ("annual_only",),
    "emission": ("max_rate",),
    "storage": ("existing_life", "init", "level_start", "level_min", "variable_e"),
}
NO_WACC = 0.05


@dataclass(slots=True)
class Processes:
    """Processes u and their activities a and flows f.

    Attributes
    ----------
    unit
        (site, process) of each u.
    activity
        (site, process, mode) of each a; ``unit_of`` its u.
    flow
        (a, k, sign) of each f, sign +1 out, -1 in.
    ratio
        Shape (y, f, l). Flow per activity.
    """

    unit: list[tuple[str, ...]]
    activity: list[tuple[str, ...]]
    unit_of: NDArray[np.int64]
    cap_min: Array
    cap_max: Array
    new_min: Array
    new_max: Array
    existing: Array
    life: Array
    wacc: Array
    capital: Array
    fixed: Array
    min_load: Array
    annual_avail: Array
    avail: Array
    avail_fixed: NDArray[np.bool_]
    variable: Array
    act_min: Array
    act_max: Array
    flow_activity: NDArray[np.int64]
    flow_balance: NDArray[np.int64]
    flow_sign: Array
    ratio: Array


@dataclass(slots=True)
class Stores:
    """Storages s: energy and power are chosen apart unless ``ep_ratio`` ties them."""

    unit: list[tuple[str, ...]]
    balance: NDArray[np.int64]
    e: Mapping[str, Array]
    p: Mapping[str, Array]
    life: Array
    wacc: Array
    eff_in: Array
    eff_out: Array
    loss: Array
    ep_ratio: Array
    variable: Array


@dataclass(slots=True)
class Balances:
    """Commodities at sites k.

    Attributes
    ----------
    demand
        Shape (y, k, l), MW; ``annual`` shape (y, k), MWh at any time of the year.
    price, sale_price
        Shape (y, k, l), money/MWh.
    emission
        Shape (y, k, e), t/MWh of what is bought.
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


@dataclass(slots=True)
class Emissions:
    """Emissions e at sites: price, limit, and what activities emit besides their fuel.

    Attributes
    ----------
    of_activity
        Shape (y, a, e), t/MWh.
    """

    key: list[tuple[str, ...]]
    price: Array
    max_t: Array
    of_activity: Array


@dataclass(slots=True)
class System:
    """All of it.

    Attributes
    ----------
    connection
        Shape (y, u). Cost of joining a heat source to the network, money per MW of the unit that it feeds.
    """

    years: tuple[int, ...]
    horizon: Horizon
    steps: Steps
    processes: Processes
    stores: Stores
    balances: Balances
    emissions: Emissions
    connection: Array
    findings: list[Remark] = field(default_factory=list)


def build_system(inputs: Inputs, years: tuple[int, ...], steps: Steps) -> System:
    """Return the arrays of a scenario.

    Raises
    ------
    UserError
        If the scenario holds what this model does not cover, or refers to something that is not there.
    """
    refuse_uncovered(inputs)
    findings: list[Remark] = []
    balances = _balances(inputs, years, steps, findings)
    place = {k: i for i, k in enumerate(balances.key)}
    processes, connection = _processes(inputs, years, steps, place, findings)
    stores = _stores(inputs, years, place)
    emissions = _emissions(inputs, years, processes)
    return System(years, _horizon(inputs, years), steps, processes, stores, balances, emissions, connection, findings)


def refuse_uncovered(inputs: Inputs) -> None:
    """Refuse by name what a scenario holds and this model does not cover, rather than leave it out."""
    held = [t for t in NOT_COVERED if len(inputs.tables[t])]
    for table, columns in _UNUSED_CELLS.items():
        held += [f"{table}.{c}" for c in columns if len(inputs.tables[table]) and inputs.tables[table][c].notna().any()]
    ends = inputs.tables["storage"]
    if len(ends) and not ends["end_rule"].fillna("cyclic").eq("cyclic").all():
        held.append("storage.end_rule other than cyclic")
    if held:
        raise UserError(
            f"scenario '{inputs.scenario}' holds what the model does not cover yet: {', '.join(held)}.",
            "Remove these rows in a derived scenario (`dhsdb scenario remove`), or set the cells to NULL.",
        )


def _horizon(inputs: Inputs, years: tuple[int, ...]) -> Horizon:
    grid = Grid(inputs.tables["model_year"], years, ["year"])
    stands_for = np.diag(grid.numbers("stands_for", np.nan)) if grid.n else np.full(len(years), np.nan)
    rates: list[float] = (
        inputs.tables["site"]["discount_rate"].dropna().unique().tolist() if len(inputs.tables["site"]) else []
    )
    if len(rates) > 1:
        raise UserError(f"the sites have different discount rates: {sorted(rates)}.", "Give all sites the same.")
    return horizon(years, stands_for, float(rates[0]) if len(rates) else 0.0)


def _year_profiles(inputs: Inputs, words: NDArray[np.object_], steps: Steps, where: str) -> Array:
    """Return profiles named by (y, n) as (y, n, l), 1 where none is named."""
    values = np.ones((*words.shape, steps.n))
    for name in {w for w in words.ravel() if w}:
        values[words == name] = steps.of(inputs.profile(name, where), f"profile '{name}'")
    return values


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
    )


def _prices(inputs: Inputs, grid: Grid, steps: Steps, column: str, profile_column: str) -> Array:
    """Return prices, shape (y, k, l): the profile alone where no price is given, else price times profile."""
    names = grid.words(profile_column)
    null = np.where(names != "", 1.0, 0.0)
    price = grid.numbers(column, np.nan)
    price = np.where(np.isnan(price), null, price)
    return price[:, :, None] * _year_profiles(inputs, names, steps, f"commodity.{profile_column}")


def _fuel_emission(inputs: Inputs, years: tuple[int, ...], commodities: Grid) -> Array:
    keys = _emission_keys(inputs, years)
    grid = Grid(inputs.tables["commodity_emission"], years, ["site", "commodity", "emission"])
    factor = grid.numbers("t_per_mwh", 0.0)
    result = np.zeros((len(years), commodities.n, len(keys)))
    for i, (site, commodity, emission) in enumerate(grid.key):
        k = commodities.index((site, commodity))
        if k is not None:
            result[:, k, keys.index((site, emission))] = factor[:, i]
    return result


def _emission_keys(inputs: Inputs, years: tuple[int, ...]) -> list[tuple[str, ...]]:
    """Return (site, emission) of all that is priced, limited or emitted."""
    keys: dict[tuple[str, ...], None] = {}
    for table in ("emission", "commodity_emission", "process_emission"):
        keys |= dict.fromkeys(Grid(inputs.tables[table], years, ["site", "emission"]).key)
    return list(keys)


def _emissions(inputs: Inputs, years: tuple[int, ...], processes: Processes) -> Emissions:
    keys = _emission_keys(inputs, years)
    grid = Grid(inputs.tables["emission"], years, ["site", "emission"])
    price, max_t = np.zeros((len(years), len(keys))), np.full((len(years), len(keys)), np.inf)
    for i, key in enumerate(grid.key):
        e = keys.index(key)
        price[:, e], max_t[:, e] = grid.numbers("price", 0.0)[:, i], grid.numbers("max_t", np.inf)[:, i]
    own = Grid(inputs.tables["process_emission"], years, ["site", "process", "mode", "emission"])
    of_activity = np.zeros((len(years), len(processes.activity), len(keys)))
    for i, (site, process, mode, emission) in enumerate(own.key):
        if (site, process, mode) in processes.activity:
            a = processes.activity.index((site, process, mode))
            of_activity[:, a, keys.index((site, emission))] = own.numbers("t_per_mwh", 0.0)[:, i]
    return Emissions(keys, price, max_t, of_activity)


# --- processes -------------------------------------------------------------------------------------------------------
def _processes(
    inputs: Inputs, years: tuple[int, ...], steps: Steps, place: dict[tuple[str, ...], int], findings: list[Remark]
) -> tuple[Processes, Array]:
    unit = Grid(inputs.tables["process"], years, ["site", "process"])
    flow = Grid(inputs.tables["process_flow"], years, ["site", "process", "mode", "commodity", "direction"])
    mode = Grid(inputs.tables["process_mode"], years, ["site", "process", "mode"])
    activity = list(dict.fromkeys([key[:3] for key in flow.key]))
    unit_of = np.array([_position(unit, a[:2], "process_flow", "process") for a in activity], np.int64)
    lifted = lift_factor(inputs, years, steps, unit)
    flow_activity = np.array([activity.index(key[:3]) for key in flow.key], np.int64)
    sign = np.array([1.0 if key[4] == "out" else -1.0 for key in flow.key])
    ratio = flow.numbers("ratio", 0.0)[:, :, None] * _year_profiles(
        inputs, flow.words("ratio_profile"), steps, "process_flow.ratio_profile"
    )
    ratio = np.where((sign < 0)[None, :, None], ratio * lifted[:, unit_of[flow_activity]], ratio) if flow.n else ratio
    modes = _mode_numbers(mode, activity, len(years))
    result = Processes(
        unit=unit.key,
        activity=activity,
        unit_of=unit_of,
        cap_min=unit.numbers("cap_min", 0.0),
        cap_max=np.where(unit.present, unit.numbers("cap_max", np.inf), 0.0),
        new_min=unit.numbers("new_min", 0.0),
        new_max=np.where(unit.present, unit.numbers("new_max", np.inf), 0.0),
        existing=unit.numbers("existing_mw", 0.0),
        life=unit.numbers("life", ENDLESS),
        wacc=unit.numbers("wacc", NO_WACC),
        capital=unit.numbers("capital", 0.0),
        fixed=unit.numbers("fixed", 0.0),
        min_load=unit.numbers("min_load", 0.0),
        annual_avail=unit.numbers("annual_avail", 1.0),
        avail=_year_profiles(inputs, unit.words("avail_profile"), steps, "process.avail_profile"),
        avail_fixed=unit.words("avail_rule") == "fixed",
        variable=modes["variable"],
        act_min=modes["act_min_mwh"],
        act_max=modes["act_max_mwh"],
        flow_activity=flow_activity,
        flow_balance=np.array([_flow_balance(place, key) for key in flow.key], np.int64),
        flow_sign=sign,
        ratio=ratio,
    )
    return result, tie_to_sources(inputs, steps, unit, result, lifted, findings)


def _mode_numbers(mode: Grid, activity: list[tuple[str, ...]], n_years: int) -> dict[str, Array]:
    """Return the numbers of process_mode by activity; an activity without a row has no cost and no limit."""
    nulls = {"variable": 0.0, "act_min_mwh": 0.0, "act_max_mwh": np.inf}
    found = {}
    for column, null in nulls.items():
        values = np.full((n_years, len(activity)), null)
        given = mode.numbers(column, null)
        for i, a in enumerate(activity):
            position = mode.index(a)
            if position is not None:
                values[:, i] = given[:, position]
        found[column] = values
    return found


def _flow_balance(place: dict[tuple[str, ...], int], key: tuple[str, ...]) -> int:
    site, process, _mode, commodity, _direction = key
    if (site, commodity) not in place:
        raise UserError(
            f"process '{process}' at '{site}' uses commodity '{commodity}', which table commodity lacks.",
            f"Add a row for it. There are: {', '.join(sorted(c for _, c in place))}.",
        )
    return place[site, commodity]


def _position(grid: Grid, key: tuple[str, ...], table: str, target: str) -> int:
    position = grid.index(key)
    if position is None:
        raise UserError(f"{table} names {' / '.join(key)}, which table {target} lacks.", f"Add a row to {target}.")
    return position


# --- storages --------------------------------------------------------------------------------------------------------
def _stores(inputs: Inputs, years: tuple[int, ...], place: dict[tuple[str, ...], int]) -> Stores:
    grid = Grid(inputs.tables["storage"], years, ["site", "storage"])
    commodity = grid.words("commodity")
    balance = []
    for s, (site, storage) in enumerate(grid.key):
        name = next((c for c in commodity[:, s] if c), "")
        if (site, name) not in place:
            raise UserError(
                f"storage '{storage}' at '{site}' holds commodity '{name}', which table commodity lacks.", "Add it."
            )
        balance.append(place[site, name])

    def sized(of: str) -> dict[str, Array]:
        new_max = grid.numbers(f"{of}_new_max", np.inf)
        cap_max = grid.numbers(f"{of}_cap_max", np.inf)
        return {
            "existing": grid.numbers(f"{of}_existing", 0.0),
            "cap_min": grid.numbers(f"{of}_cap_min", 0.0),
            "cap_max": np.where(grid.present, cap_max, 0.0),
            "new_max": np.where(grid.present, new_max, 0.0),
            "capital": grid.numbers(f"capital_{of}", 0.0),
            "fixed": grid.numbers(f"fixed_{of}", 0.0),
        }

    power = sized("p")
    for column in ("charge_max", "discharge_max"):
        power[column] = grid.numbers(column, np.inf)
    return Stores(
        unit=grid.key,
        balance=np.array(balance, np.int64),
        e=sized("e"),
        p=power,
        life=grid.numbers("life", ENDLESS),
        wacc=grid.numbers("wacc", NO_WACC),
        eff_in=grid.numbers("eff_in", 1.0),
        eff_out=grid.numbers("eff_out", 1.0),
        loss=grid.numbers("loss", 0.0),
        ep_ratio=grid.numbers("ep_ratio", np.nan),
        variable=grid.numbers("variable_p", 0.0),
    )
