r"""Demand that can be moved in time, as in urbs, in an exact compact form [2.7].

urbs pairs every increase with decreases within the delay, by (2 L + 1) columns per step. Windows are intervals with rising
ends, so matching in order is optimal, and cumulated sums say the same: with :math:`U_l, D_l` what was raised (after losses)
and lowered up to step l, :math:`U_l \le D_{l+L}` and :math:`D_l \le U_{l+L}`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dhsdb.errors import UserError
from dhsdb.models.flows import Flow

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dhsdb.models.blocks import Block
    from dhsdb.models.energy import EnergyModel

    Array = NDArray[np.float64]

RESPONSE = "demand response"


def add(energy: EnergyModel) -> None:
    """Add increases and decreases of demand, and what links them; typical periods are each balanced in themselves.

    Raises
    ------
    UserError
        If the steps are time slices.
    """
    r, steps = energy.system.response, energy.system.steps
    if not r.key:
        return
    if steps.sliced:
        raise UserError("demand response needs hours in a row, not time slices.", "Remove demand_response.")
    names = energy.balance_names([int(k) for k in r.balance])
    up = energy.step_columns("demand up", "balance", names, 0.0, r.up[:, :, None])
    down = energy.step_columns("demand down", "balance", names, 0.0, r.down[:, :, None])
    shape = (energy.n_years, len(r.key), energy.n_steps)
    sets = (energy.year, ("balance", names), energy.step)
    rows = energy.model.add_rows(
        "demand moved", shape, -np.inf, np.maximum(r.up, r.down)[:, :, None], unit="MW", sets=sets
    )
    energy.model.add_terms(rows, up, 1.0)
    energy.model.add_terms(rows, down, 1.0)
    _recover(energy, up, names)
    raised = _cumulated(energy, "raised", up, r.eff, names)
    lowered = _cumulated(energy, "lowered", down, np.ones_like(r.eff), names)
    for first, second, title in (
        (raised, lowered, "raised demand is lowered in time"),
        (lowered, raised, "lowered demand is raised in time"),
    ):
        rows = energy.model.add_rows(title, shape, -np.inf, 0.0, unit="MWh", sets=sets)
        energy.model.add_terms(rows, first, 1.0)
        for i in range(len(r.key)):
            delay = max(int(r.delay[0, i] / steps.h[0]), 1)
            later = np.minimum(np.arange(steps.n) + delay, steps.last)
            energy.model.add_terms(rows.index[:, i], second.index[:, i][:, later], -1.0)
    for i, k in enumerate(r.balance):
        for block, sign in ((up, -1.0), (down, 1.0)):
            energy.flows.append(Flow(int(k), sign, RESPONSE, ((block.index[:, i], np.ones(1)),)))


def _cumulated(energy: EnergyModel, name: str, block: Block, factor: Array, names: list[str]) -> Block:
    """Return columns of what a block adds up to by each step, MWh."""
    shape, h = block.shape, energy.system.steps.h
    total = energy.step_columns(f"{name} so far", "balance", names, 0.0, np.inf, "MWh")
    sets = (energy.year, ("balance", names), energy.step)
    rows = energy.model.add_rows(f"{name} adds up", shape, 0.0, 0.0, unit="MWh", sets=sets)
    energy.model.add_terms(rows, total, 1.0)
    after = np.flatnonzero(np.diff(energy.system.steps.last) == 0) + 1  # not across the ends of typical periods
    energy.model.add_terms(rows.index[:, :, after], total.index[:, :, after - 1], -1.0)
    energy.model.add_terms(rows, block, -factor[:, :, None] * h)
    return total


def _recover(energy: EnergyModel, up: Block, names: list[str]) -> None:
    """Limit what is raised within the recovery time to the increase over the delay."""
    r, steps = energy.system.response, energy.system.steps
    sets = (energy.year, ("balance", names), energy.step)
    most = (r.up * r.delay)[:, :, None]
    rows = energy.model.add_rows("recovery", up.shape, -np.inf, most, unit="MWh", sets=sets)
    for i in range(len(r.key)):
        span = max(int(r.recovery[0, i] / steps.h[0]), 1)
        for ahead in range(min(span, steps.n)):
            at = np.flatnonzero(np.arange(steps.n) + ahead <= steps.last)
            energy.model.add_terms(rows.index[:, i, at], up.index[:, i, at + ahead], steps.h[at + ahead])
