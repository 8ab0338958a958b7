"""Processes as arrays: units, their activities and flows, at full and at least load [2.2, 2.3]."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dhsdb.errors import UserError
from dhsdb.models.grids import Grid
from dhsdb.models.units import units_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dhsdb.models.stage import Inputs
    from dhsdb.models.steps import Steps
    from dhsdb.models.units import Rates, Units

    Array = NDArray[np.float64]

_COLUMNS = {
    "existing": "existing_mw", "existing_life": "existing_life", "cap_min": "cap_min", "cap_max": "cap_max", "new_min": "new_min",
    "new_max": "new_max", "unit_size": "unit_mw", "capital": "capital", "fixed": "fixed", "life": "life", "wacc": "wacc",
}  # fmt: skip


@dataclass(slots=True)
class Processes:
    """Processes u and their activities a and flows f.

    Attributes
    ----------
    size
        Their capacities, keys (site, process).
    activity
        (site, process, mode) of each a; ``unit_of`` its u.
    avail
        Shape (y, u, l).
    use
        Shape (y, a). Capacity that an activity takes up.
    min_load, ramp, area
        Shape (y, u). Least load as a share of capacity; largest change of load per hour (inf = any); m2 per MW.
    flow_balance, flow_sign
        k and sign of each f, +1 out, -1 in.
    ratio, standby
        Shape (y, f, l). Flow per activity, and per capacity: ``flow = ratio * act + standby * cap``; ``standby`` is 0 unless
        the flow has another ratio at least load.
    emission
        Emissions of activities: (site, emission) -> t per MWh of activity and per capacity and hour, shape (y, a).
    """

    size: Units
    activity: list[tuple[str, ...]]
    unit_of: NDArray[np.int64]
    avail: Array
    avail_fixed: NDArray[np.bool_]
    annual_avail: Array
    min_load: Array
    ramp: Array
    area: Array
    variable: Array
    use: Array
    act_min: Array
    act_max: Array
    flow_activity: NDArray[np.int64]
    flow_balance: NDArray[np.int64]
    flow_sign: Array
    ratio: Array
    standby: Array | None
    emission: dict[tuple[str, ...], tuple[Array, Array]]


def processes_of(
    inputs: Inputs,
    years: tuple[int, ...],
    steps: Steps,
    unit: Grid,
    place: dict[tuple[str, ...], int],
    rates: Rates,
    lifted: Array,
) -> Processes:
    """Return the processes of a scenario.

    Parameters
    ----------
    unit
        Rows of table process.
    place
        Position of each balance.
    lifted
        Shape (y, u, l). Factor on the inputs of heat pumps.
    """
    flow = Grid(inputs.tables["process_flow"], years, ["site", "process", "mode", "commodity", "direction"])
    mode = Grid(inputs.tables["process_mode"], years, ["site", "process", "mode"])
    activity = list(dict.fromkeys([key[:3] for key in flow.key]))
    unit_of = np.array([_position(unit, a[:2], "process_flow", "process") for a in activity], np.int64)
    which = {a: i for i, a in enumerate(activity)}
    flow_activity = np.array([which[key[:3]] for key in flow.key], np.int64)
    sign = np.array([1.0 if key[4] == "out" else -1.0 for key in flow.key])
    size = units_of(unit, rates, "process", _COLUMNS)
    min_load = unit.numbers("min_load", 0.0)
    varying = inputs.profiles_by_year(flow.words("ratio_profile"), steps, "process_flow.ratio_profile")
    full, least = _two_points(flow, "ratio", "ratio_min", min_load[:, unit_of[flow_activity]] if flow.n else None)
    if flow.n:
        varying = np.where((sign < 0)[None, :, None], varying * lifted[:, unit_of[flow_activity]], varying)
    modes = _mode_numbers(mode, activity, len(years))
    fixed = unit.words("avail_rule") == "fixed"
    return Processes(
        size=size,
        activity=activity,
        unit_of=unit_of,
        avail=inputs.profiles_by_year(unit.words("avail_profile"), steps, "process.avail_profile"),
        avail_fixed=fixed & (inputs.options.supim != "curtail"),
        annual_avail=unit.numbers("annual_avail", 1.0),
        min_load=min_load,
        ramp=unit.numbers("ramp", np.inf),
        area=unit.numbers("area_per_mw", 0.0),
        variable=modes["variable"],
        use=modes["capacity_use"],
        act_min=modes["act_min_mwh"],
        act_max=modes["act_max_mwh"],
        flow_activity=flow_activity,
        flow_balance=np.array([_flow_balance(place, key) for key in flow.key], np.int64),
        flow_sign=sign,
        ratio=full[:, :, None] * varying,
        standby=least[:, :, None] * varying if least.any() else None,
        emission=_emission(inputs, years, which, min_load, unit_of),
    )


def _two_points(grid: Grid, column: str, at_least: str, load: Array | None) -> tuple[Array, Array]:
    r"""Return a quantity per activity and per capacity from its ratios at full load R and at least load r.

    Notes
    -----
    With least load m as a share of capacity: :math:`A = (R - m r)/(1 - m)`, :math:`B = m (r - R)/(1 - m)`, so that the
    quantity is :math:`r m\,cap` at least load and :math:`R\,cap` at full load (urbs).
    """
    full = grid.numbers(column, 0.0)
    if load is None or not grid.n:
        return full, np.zeros_like(full)
    least = grid.numbers(at_least, np.nan)
    two = (np.nan_to_num(least) > 0) & (load > 0) & (load < 1)
    r, m = np.where(two, least, full), np.where(two, load, 0.0)
    return (full - m * r) / (1 - m), m * (r - full) / (1 - m)


def _emission(
    inputs: Inputs,
    years: tuple[int, ...],
    which: dict[tuple[str, ...], int],
    min_load: Array,
    unit_of: NDArray[np.int64],
) -> dict[tuple[str, ...], tuple[Array, Array]]:
    grid = Grid(inputs.tables["process_emission"], years, ["site", "process", "mode", "emission"])
    known = [i for i, key in enumerate(grid.key) if key[:3] in which]
    load = np.zeros((len(years), grid.n))
    for i in known:
        load[:, i] = min_load[:, unit_of[which[grid.key[i][:3]]]]
    full, least = _two_points(grid, "t_per_mwh", "t_per_mwh_min", load)
    found: dict[tuple[str, ...], tuple[Array, Array]] = {}
    for i in known:
        site, _process, _mode, emission = grid.key[i]
        none = (np.zeros((len(years), len(which))), np.zeros((len(years), len(which))))
        per_act, per_cap = found.setdefault((site, emission), none)
        a = which[grid.key[i][:3]]
        per_act[:, a], per_cap[:, a] = full[:, i], least[:, i]
    return found


def _mode_numbers(mode: Grid, activity: list[tuple[str, ...]], n_years: int) -> dict[str, Array]:
    """Return the numbers of process_mode by activity; an activity without a row has no cost and no limit."""
    nulls = {"variable": 0.0, "capacity_use": 1.0, "act_min_mwh": 0.0, "act_max_mwh": np.inf}
    at = [(i, position) for i, a in enumerate(activity) if (position := mode.index(a)) is not None]
    mine, theirs = [i for i, _ in at], [p for _, p in at]
    found = {}
    for column, null in nulls.items():
        values = np.full((n_years, len(activity)), null)
        values[:, mine] = mode.numbers(column, null)[:, theirs]
        found[column] = values
    return found


def _flow_balance(place: dict[tuple[str, ...], int], key: tuple[str, ...]) -> int:
    site, process, _mode, commodity, _direction = key
    if (site, commodity) not in place:
        raise UserError(
            f"process '{process}' at '{site}' uses commodity '{commodity}', which table commodity lacks.",
            f"Add a row for it. There are: {', '.join(sorted({c for _, c in place}))}.",
        )
    return place[site, commodity]


def _position(grid: Grid, key: tuple[str, ...], table: str, target: str) -> int:
    position = grid.index(key)
    if position is None:
        raise UserError(f"{table} names {' / '.join(key)}, which table {target} lacks.", f"Add a row to {target}.")
    return position
