r"""Storages whose content goes from step to step, also from one typical period to the next over the whole year [2.6].

Within a typical period k content is counted from its beginning: :math:`q_{k,l}`, of either sign. A period p of the year that
is like k starts with :math:`Q_p`, of which :math:`r^l = (1-loss)^l` is left after l hours: its content is :math:`Q_p r^l +
q_{k,l}`, and :math:`Q_{p+1} = Q_p r^L + q_{k,L}` (Kotzur et al. 2018, doi:10.1016/j.apenergy.2018.01.023).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dhsdb.errors import UserError
from dhsdb.models import storage_periods
from dhsdb.models.flows import Flow
from dhsdb.models.grids import places
from dhsdb.models.ledger import Cost

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dhsdb.models.blocks import Block, Solution
    from dhsdb.models.energy import EnergyModel

    Array = NDArray[np.float64]


def add(energy: EnergyModel) -> None:
    """Add charging, discharging and contents of the storages that are chained over time."""
    st, steps = energy.system.stores, energy.system.steps
    chosen = places((st.how == "chain") & (st.balance >= 0))
    energy.chained = chosen
    names = [st.energy.names[s] for s in chosen]
    power, content = energy.capacity["power"].given, energy.capacity["energy"].given
    most = [side[:, chosen, None] for side in (st.charge_max, st.discharge_max)]
    if power is not None:
        most = [np.minimum(side, power[:, chosen, None]) for side in most]
    upper = np.inf if content is None else content[:, chosen, None]
    energy.charge = energy.step_columns("charge", "storage", names, 0.0, most[0])
    energy.discharge = energy.step_columns("discharge", "storage", names, 0.0, most[1])
    lowest = 0.0 if steps.calendar is None else -np.inf
    energy.level = energy.step_columns(
        "level", "storage", names, lowest, upper if steps.calendar is None else np.inf, "MWh"
    )
    energy.first_level = None
    energy.period_level = None
    if not chosen:
        return
    if steps.sliced:
        raise UserError("a chained storage needs hours in a row, not time slices.", "Set storage.kind to daytype.")
    if steps.calendar is None:
        _content(energy, chosen, names)
        _bound(energy, energy.level, "most level", "energy", chosen, names)
        _least(energy, chosen, names)
    else:
        storage_periods.add(energy, chosen, names)
    for block, name in ((energy.charge, "most charge"), (energy.discharge, "most discharge")):
        _bound(energy, block, name, "power", chosen, names)
    if energy.capacity["energy"].given is None:
        _tie_energy_to_power(energy, chosen)
    _flows(energy, chosen)


def content(energy: EnergyModel, solution: Solution) -> Array:
    """Return what is in each storage before the first step and after each step of the year, shape (y, s, steps + 1), MWh."""
    level = np.asarray(solution.values(energy.level), np.float64)
    if energy.period_level is not None:
        return storage_periods.content(energy, solution, level)
    start = level[:, :, -1].copy()
    if energy.first_level is not None:
        at, block = energy.first_level
        start[:, at] = solution.values(block)
    return np.concatenate([start[:, :, None], level], axis=2)


def _content(energy: EnergyModel, chosen: Sequence[int], names: list[str]) -> None:
    """Content at the end of a step: what is left of the one before, and what went in and out."""
    st, steps, model = energy.system.stores, energy.system.steps, energy.model
    sets = (energy.year, ("storage", names), energy.step)
    shape = (energy.n_years, len(chosen), energy.n_steps)
    rows = model.add_rows("storage content", shape, 0.0, 0.0, unit="MWh", sets=sets)
    keep = (1 - st.loss[:, chosen, None]) ** steps.h
    model.add_terms(rows, energy.level, 1.0)
    model.add_terms(rows, energy.charge, -steps.h * st.eff_in[:, chosen, None])
    model.add_terms(rows, energy.discharge, steps.h / st.eff_out[:, chosen, None])
    model.add_terms(rows.index[:, :, 1:], energy.level.index[:, :, :-1], -keep[:, :, 1:])
    cyclic = [i for i, s in enumerate(chosen) if st.end[s] == "cyclic"]
    model.add_terms(rows.index[:, cyclic, 0], energy.level.index[:, cyclic, -1], -keep[:, cyclic, 0])
    started = [i for i in range(len(chosen)) if i not in cyclic]
    if started:
        start = start_column(energy, [chosen[i] for i in started], energy.level.index[:, started, -1])
        energy.first_level = (started, start)
        model.add_terms(rows.index[:, started, 0], start, -keep[:, started, 0])


def start_column(energy: EnergyModel, stores: Sequence[int], last: NDArray[np.int32]) -> Block:
    """Add the content before the first step: fixed by a share of the size or an amount, not above that at the end (urbs).

    Parameters
    ----------
    last
        Shape (y, stores). Columns of the content at the end.
    """
    st, model, cap = energy.system.stores, energy.model, energy.capacity["energy"]
    shape = (energy.n_years, len(stores))
    sets = (energy.year, ("storage", [st.energy.names[s] for s in stores]))
    given = np.nan_to_num(st.level_start[:, stores], nan=-1.0)
    known = given >= 0
    low, high = np.where(known, given, 0.0), np.where(known, given, np.inf)
    if cap.given is not None:
        high = np.minimum(high, cap.given[:, list(stores)])
    q0 = model.add_columns("level at the start", shape, low, np.maximum(low, high), unit="MWh", sets=sets)
    if cap.given is None:
        size = model.add_rows("most level at the start", shape, -np.inf, 0.0, unit="MWh", sets=sets)
        model.add_terms(size, q0, 1.0)
        cap.add(size.index, stores, -np.ones(shape))
    share = np.nan_to_num(st.init[:, stores], nan=-1.0)
    held = [i for i in range(len(stores)) if (share[:, i] >= 0).any()]
    if held:
        named = (energy.year, ("storage", [st.energy.names[stores[i]] for i in held]))
        part = share[:, held]
        moved = cap.moved([stores[i] for i in held], part)
        init = model.add_rows("share at the start", part.shape, moved, moved, unit="MWh", sets=named)
        model.add_terms(init.index, q0.index[:, held], 1.0)
        cap.add(init.index, [stores[i] for i in held], -part)
    ruled = [i for i, s in enumerate(stores) if st.end[s] == "urbs"]
    if ruled:
        named = (energy.year, ("storage", [st.energy.names[stores[i]] for i in ruled]))
        end = model.add_rows("level at the end", (energy.n_years, len(ruled)), 0.0, np.inf, unit="MWh", sets=named)
        model.add_terms(end.index, last[:, ruled], 1.0)
        model.add_terms(end.index, q0.index[:, ruled], -1.0)
    return q0


def _bound(energy: EnergyModel, block: Block, title: str, size: str, chosen: Sequence[int], names: list[str]) -> None:
    """Keep columns within the size of their storage, where that is decided; where it is given it is their bound."""
    if energy.capacity[size].given is not None:
        return
    sets = (energy.year, ("storage", names), energy.step)
    rows = energy.model.add_rows(title, block.shape, -np.inf, 0.0, unit=block.unit, sets=sets)
    energy.model.add_terms(rows, block, 1.0)
    energy.capacity[size].add(rows.index, chosen, -np.ones(block.shape))


def _least(energy: EnergyModel, chosen: Sequence[int], names: list[str]) -> None:
    """Keep contents above their least share of the size."""
    st, model = energy.system.stores, energy.model
    least = [i for i, s in enumerate(chosen) if st.level_min[:, s].any()]
    if not least:
        return
    stores = [chosen[i] for i in least]
    share = np.repeat(st.level_min[:, stores, None], energy.n_steps, axis=2)
    moved = energy.capacity["energy"].moved(stores, share)
    named = (energy.year, ("storage", [names[i] for i in least]), energy.step)
    rows = model.add_rows("least level", share.shape, moved, np.inf, unit="MWh", sets=named)
    model.add_terms(rows.index, energy.level.index[:, least], 1.0)
    energy.capacity["energy"].add(rows.index, stores, -share)


def _tie_energy_to_power(energy: EnergyModel, chosen: Sequence[int]) -> None:
    ratio = energy.system.stores.ep_ratio
    tied = [s for s in chosen if not np.isnan(ratio[:, s]).any()]
    if tied:
        sets = (energy.year, ("storage", [energy.system.stores.energy.names[s] for s in tied]))
        rows = energy.model.add_rows("energy per power", (energy.n_years, len(tied)), 0.0, 0.0, unit="MWh", sets=sets)
        energy.capacity["energy"].add(rows.index, tied, np.ones((energy.n_years, len(tied))))
        energy.capacity["power"].add(rows.index, tied, -ratio[:, tied])


def _flows(energy: EnergyModel, chosen: Sequence[int]) -> None:
    st, steps = energy.system.stores, energy.system.steps
    labels = [(st.energy.key[s][0], st.energy.key[s][1]) for s in chosen]
    running = energy.running_of("energy")[:, chosen, None]
    for i, s in enumerate(chosen):
        for block, sign in ((energy.charge, -1.0), (energy.discharge, 1.0)):
            energy.flows.append(Flow(int(st.balance[s]), sign, labels[i][1], ((block.index[:, i], np.ones(1)),)))
    value = st.variable_p[:, chosen, None] * energy.weight
    for block in (energy.charge, energy.discharge):
        energy.ledger.add(Cost("variable", labels, block.index, value, value * running))
    value = st.variable_e[:, chosen, None] * energy.weight / steps.h  # the cost of content is per step, not per hour
    energy.ledger.add(Cost("variable", labels, energy.level.index, value, value * running))
    if energy.period_level is not None:
        value = st.variable_e[:, chosen, None] * storage_periods.hours_of_start(energy, chosen)
        energy.ledger.add(Cost("variable", labels, energy.period_level.index, value, value * running))
