"""Lines between sites: what goes in at one end, within the capacity, and arrives at the other [2.1, 2.4]."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dhsdb.models.flows import Flow
from dhsdb.models.ledger import Cost

if TYPE_CHECKING:
    from dhsdb.models.energy import EnergyModel


def add(energy: EnergyModel) -> None:
    """Add what lines carry, their capacities and costs."""
    from dhsdb.models.energy import labels_of

    lines, cap = energy.system.lines, energy.capacity["line"]
    if not lines.size.n:
        return
    shape = (energy.n_years, lines.size.n, energy.n_steps)
    upper = np.inf if cap.given is None else cap.given[:, :, None]
    carried = energy.step_columns("carried", "line", lines.size.names, 0.0, upper)
    everything = list(range(lines.size.n))
    if cap.given is None:
        sets = (energy.year, ("line", lines.size.names), energy.step)
        rows = energy.model.add_rows("most carried", shape, -np.inf, 0.0, unit="MW", sets=sets)
        energy.model.add_terms(rows, carried, 1.0)
        cap.add(rows.index, everything, -np.ones(shape))
        _share_capacity(energy)
    labels = labels_of("line", lines.size.key)
    value = lines.variable[:, :, None] * energy.weight
    energy.ledger.add(Cost("variable", labels, carried.index, value, value * energy.running_of("line")[:, :, None]))
    for i in everything:
        technology, columns = labels[i][1], carried.index[:, i]
        energy.flows.append(Flow(int(lines.start[i]), -1.0, technology, ((columns, np.ones(1)),)))
        energy.flows.append(
            Flow(int(lines.end[i]), 1.0, technology, ((columns, lines.eff[:, i, None]),), None, ("line", i))
        )


def _share_capacity(energy: EnergyModel) -> None:
    """Let both directions of a line have one capacity; each direction is paid for."""
    lines, cap = energy.system.lines, energy.capacity["line"]
    pairs = [(i, int(j)) for i, j in enumerate(lines.twin) if j > i]
    if pairs:
        shape = (energy.n_years, len(pairs))
        sets = (energy.year, ("line", [lines.size.names[i] for i, _ in pairs]))
        rows = energy.model.add_rows("one capacity both ways", shape, 0.0, 0.0, unit="MW", sets=sets)
        for side, sign in ((0, 1.0), (1, -1.0)):
            cap.add(rows.index, [pair[side] for pair in pairs], np.full(shape, sign))
