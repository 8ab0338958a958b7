"""Storages, lines between sites, and demand that can be moved in time, as arrays."""

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
    from dhsdb.models.units import Rates, Units

    Array = NDArray[np.float64]

LINKED = -1
"""Balance of a store that is charged and discharged by processes."""


@dataclass(slots=True)
class Stores:
    """Storages s: energy and power are chosen apart unless ``ep_ratio`` ties them.

    Attributes
    ----------
    balance
        k of each, or :data:`LINKED`.
    how, end
        Shape (s,). How time is linked (chain, daytype, slicechain); what holds at the end (cyclic, urbs, given).
    charge_max, discharge_max, eff_in, eff_out, loss, ep_ratio, init, level_start, level_min, variable_p, variable_e
        Shape (y, s).
    """

    energy: Units
    power: Units
    balance: NDArray[np.int64]
    how: NDArray[np.object_]
    end: NDArray[np.object_]
    charge_max: Array
    discharge_max: Array
    eff_in: Array
    eff_out: Array
    loss: Array
    ep_ratio: Array
    init: Array
    level_start: Array
    level_min: Array
    variable_p: Array
    variable_e: Array


@dataclass(slots=True)
class Lines:
    """Lines, one per direction: keys (from, to, line, commodity); ``twin`` the same line the other way, or -1."""

    size: Units
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    eff: Array
    variable: Array
    twin: NDArray[np.int64]


@dataclass(slots=True)
class Response:
    """Demand that can be moved in time (urbs), each shape (y, n)."""

    key: list[tuple[str, ...]]
    balance: NDArray[np.int64]
    delay: Array
    recovery: Array
    eff: Array
    down: Array
    up: Array


def stores_of(inputs: Inputs, years: tuple[int, ...], place: dict[tuple[str, ...], int], rates: Rates) -> Stores:
    """Return the storages of a scenario.

    Raises
    ------
    UserError
        If a storage holds a commodity that is not there.
    """
    grid = Grid(inputs.tables["storage"], years, ["site", "storage"])
    names = grid.words("commodity")
    balance = []
    for s, (site, storage) in enumerate(grid.key):
        name = next((c for c in names[:, s] if c), "")
        if name and (site, name) not in place:
            raise UserError(
                f"storage '{storage}' at '{site}' holds commodity '{name}', which table commodity lacks.", "Add it."
            )
        balance.append(place[site, name] if name else LINKED)

    def sized(of: str, measure: str) -> Units:
        columns = {
            "existing": f"{of}_existing", "cap_min": f"{of}_cap_min", "cap_max": f"{of}_cap_max", "new_max": f"{of}_new_max",
            "capital": f"capital_{of}", "fixed": f"fixed_{of}", "life": "life", "wacc": "wacc", "existing_life": "existing_life",
        }  # fmt: skip
        if rates.horizon.school in ("osemosys", "emb3rs"):
            columns["discount"] = "discount_rate"
        return units_of(grid, rates, "storage", columns, measure)

    energy, power = sized("e", "MWh"), sized("p", "MW")
    if rates.horizon.school == "urbs" and len(years) > 1:  # power that stands decides whether content stands as well
        energy.existing = np.where(power.existing > 0, energy.existing, 0.0)
    how, end = _words(grid, "kind", "chain"), _words(grid, "end_rule", "cyclic")
    return Stores(
        energy=energy,
        power=power,
        balance=np.array(balance, np.int64),
        how=how,
        end=end,
        charge_max=grid.numbers("charge_max", np.inf),
        discharge_max=grid.numbers("discharge_max", np.inf),
        eff_in=grid.numbers("eff_in", 1.0),
        eff_out=grid.numbers("eff_out", 1.0),
        loss=grid.numbers("loss", 0.0),
        ep_ratio=grid.numbers("ep_ratio", np.nan),
        init=grid.numbers("init", np.nan),
        level_start=grid.numbers("level_start", np.nan),
        level_min=grid.numbers("level_min", 0.0),
        variable_p=grid.numbers("variable_p", 0.0),
        variable_e=grid.numbers("variable_e", 0.0),
    )


def _words(grid: Grid, column: str, null: str) -> NDArray[np.object_]:
    """Return a word per unit, which holds in all years: the first one that is given."""
    return np.array([next((w for w in words if w), null) for words in grid.words(column).T], object)


def lines_of(inputs: Inputs, years: tuple[int, ...], place: dict[tuple[str, ...], int], rates: Rates) -> Lines:
    """Return the lines of a scenario.

    Raises
    ------
    UserError
        If an end of a line lacks the commodity.
    """
    grid = Grid(inputs.tables["transmission"], years, ["site_from", "site_to", "line", "commodity"])
    columns = {
        "existing": "existing_mw", "existing_life": "existing_life", "cap_min": "cap_min", "cap_max": "cap_max", "new_max": "new_max",
        "capital": "capital", "fixed": "fixed", "life": "life", "wacc": "wacc",
    }  # fmt: skip
    for start, end, line, commodity in grid.key:
        for site in (start, end):
            if (site, commodity) not in place:
                raise UserError(
                    f"line '{line}' carries '{commodity}', which table commodity lacks at '{site}'.", "Add it there."
                )
    twins = np.asarray(grid.flags("symmetric").any(axis=0))
    back = [grid.index((end, start, line, commodity)) for start, end, line, commodity in grid.key]
    return Lines(
        size=units_of(grid, rates, "line", columns),
        start=np.array([place[k[0], k[3]] for k in grid.key], np.int64),
        end=np.array([place[k[1], k[3]] for k in grid.key], np.int64),
        eff=grid.numbers("eff", 1.0),
        variable=grid.numbers("variable", 0.0),
        twin=np.array([b if b is not None and t else -1 for b, t in zip(back, twins.tolist(), strict=True)], np.int64),
    )


def response_of(inputs: Inputs, years: tuple[int, ...], place: dict[tuple[str, ...], int]) -> Response:
    """Return the demand that can be moved in time.

    Raises
    ------
    UserError
        If a commodity is not there.
    """
    grid = Grid(inputs.tables["demand_response"], years, ["site", "commodity"])
    for key in grid.key:
        if key not in place:
            raise UserError(f"demand_response names {' / '.join(key)}, which table commodity lacks.", "Add it.")
    return Response(
        key=grid.key,
        balance=np.array([place[k] for k in grid.key], np.int64),
        delay=grid.numbers("delay", 1.0),
        recovery=grid.numbers("recovery", 1.0),
        eff=grid.numbers("eff", 1.0),
        down=grid.numbers("down_mw", 0.0),
        up=grid.numbers("up_mw", 0.0),
    )
