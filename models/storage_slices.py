"""Linked storages whose level goes from slice to slice, as in the PuLP variant of OSeMOSYS that EMB3Rs uses [2.6].

Levels stand at the start of each slice; heat may be lost at will and at no cost; what is charged over the horizon is
discharged in it. The level at the end of the last slice of a year is not bounded there, and not here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dhsdb.models.grids import places

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dhsdb.models.blocks import Block
    from dhsdb.models.energy import EnergyModel
    from dhsdb.models.system import Link

    Array = NDArray[np.float64]
    Index = NDArray[np.int32]


def add(energy: EnergyModel) -> None:
    """Add the storages of kind slicechain."""
    st, model = energy.system.stores, energy.model
    chosen = places((st.how == "slicechain") & (st.balance < 0))
    if not chosen:
        return
    names = [st.energy.names[s] for s in chosen]
    level = energy.step_columns("level at the start of the slice", "storage", names, 0.0, np.inf, "MWh")
    lost = energy.step_columns("loss of storage", "storage", names, 0.0, np.inf, "MWh")
    sets = (energy.year, ("storage", names))
    shape = (energy.n_years, len(chosen))
    year = model.add_columns("level at the start of the year", shape, 0.0, np.inf, unit="MWh", sets=sets)
    start = np.nan_to_num(st.level_start[0, chosen])
    begins = model.add_rows("storage: first year begins", (len(chosen),), start, start, unit="MWh", sets=sets[1:])
    model.add_terms(begins.index, year.index[0], 1.0)
    first = model.add_rows("storage: first slice begins", shape, 0.0, 0.0, unit="MWh", sets=sets)
    model.add_terms(first.index, level.index[:, :, 0], 1.0)
    model.add_terms(first.index, year.index, -1.0)
    steps = (*sets, ("t", energy.step[1][1:]))
    follows = model.add_rows(
        "storage: slice follows slice", (*shape, energy.n_steps - 1), 0.0, 0.0, unit="MWh", sets=steps
    )
    model.add_terms(follows.index, level.index[:, :, 1:], 1.0)
    model.add_terms(follows.index, level.index[:, :, :-1], -1.0)
    model.add_terms(follows.index, lost.index[:, :, :-1], 1.0)
    carried = model.add_rows("storage: year follows year", (shape[0] - 1, shape[1]), 0.0, 0.0, unit="MWh")
    model.add_terms(carried.index, year.index[1:], 1.0)
    model.add_terms(carried.index, year.index[:-1], -1.0)
    refill = model.add_rows("storage: discharged what was charged", (len(chosen),), 0.0, 0.0, unit="MWh", sets=sets[1:])
    for link in (x for x in energy.system.links if x.store in chosen):
        i = chosen.index(link.store)
        columns, net = energy.act.index[:, link.activity], _net(energy, link)
        model.add_terms(follows.index[:, i], columns[:, :-1], -net[:, :-1])
        model.add_terms(carried.index[:, i, None], columns[:-1], -net[:-1])
        model.add_terms(refill.index[i], columns, net)
    _sizes(energy, chosen, names, level)


def _net(energy: EnergyModel, link: Link) -> Array:
    """Return MWh that a MW of activity brings into its store in each slice, shape (y, l)."""
    return np.asarray(link.sign * link.ratio[:, None] * energy.system.weight)


def _sizes(energy: EnergyModel, chosen: list[int], names: list[str], level: Block) -> None:
    """Levels between the least share of the size and the size."""
    cap, sets = energy.capacity["energy"], (energy.year, ("storage", names), energy.step)
    least = np.repeat(energy.system.stores.level_min[:, chosen, None], energy.n_steps, axis=2)
    for title, share, most in (("most level", np.ones_like(least), True), ("least level", least, False)):
        moved = cap.moved(chosen, share)
        low, high = (-np.inf, moved) if most else (moved, np.inf)
        rows = energy.model.add_rows(f"storage: {title}", share.shape, low, high, unit="MWh", sets=sets)
        energy.model.add_terms(rows, level, 1.0)
        cap.add(rows.index, chosen, -share)
