"""Storages over typical periods: what each period of the year starts with is linked to the next [2.6]."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dhsdb.models.blocks import Solution
    from dhsdb.models.energy import EnergyModel

    Array = NDArray[np.float64]


def add(energy: EnergyModel, chosen: Sequence[int], names: list[str]) -> None:
    """Add what each period of the year starts with, how content goes on, and its limits."""
    _within(energy, chosen, names)
    starts = _periods(energy, chosen, names)
    days, length = len(_calendar(energy)), energy.system.steps.length
    # Both forms are exact without losses; with losses the shorter one, by extremes, is on the safe side.
    if days * length <= days + energy.n_steps:
        _limit_each_step(energy, chosen, names, starts)
    else:
        _limit_extremes(energy, chosen, names, starts)


def content(energy: EnergyModel, solution: Solution, level: Array) -> Array:
    """Return content before the first and after each step of the year, shape (y, s, periods * length + 1), MWh.

    Parameters
    ----------
    level
        Shape (y, s, n). Content of typical periods, counted from their beginning.
    """
    assert energy.period_level is not None  # noqa: S101  the caller asked
    start = np.asarray(solution.values(energy.period_level), np.float64)
    left = _left(energy, energy.chained)
    within = level.reshape(*level.shape[:2], -1, energy.system.steps.length)[:, :, _calendar(energy)]
    path = (start[:, :, :, None] * left[:, :, None, :] + within).reshape(*level.shape[:2], -1)
    return np.concatenate([start[:, :, :1], path], axis=2)


def hours_of_start(energy: EnergyModel, chosen: Sequence[int]) -> Array:
    """Return for how many hours of the year a MWh at the start of each period counts, shape (y, s, periods)."""
    steps = energy.system.steps
    calendar = _calendar(energy)
    counts = np.bincount(calendar)
    each = energy.system.weight.reshape(energy.n_years, -1, steps.length) / counts[:, None] / steps.h[0]
    return np.asarray(np.einsum("ykl,ysl->ysk", each, _left(energy, chosen))[:, :, calendar])


def _calendar(energy: EnergyModel) -> NDArray[np.int64]:
    calendar = energy.system.steps.calendar
    assert calendar is not None  # noqa: S101  asked by those who look first
    return calendar


def _left(energy: EnergyModel, chosen: Sequence[int]) -> Array:
    """Return what is left of a MWh after each step of a period, shape (y, s, length)."""
    steps = energy.system.steps
    after = np.cumsum(steps.h[: steps.length])
    return np.asarray((1 - energy.system.stores.loss[:, list(chosen), None]) ** after)


def _within(energy: EnergyModel, chosen: Sequence[int], names: list[str]) -> None:
    """Content of typical periods, counted from their beginning."""
    st, steps, model = energy.system.stores, energy.system.steps, energy.model
    sets = (energy.year, ("storage", names), energy.step)
    rows = model.add_rows("storage content", energy.level.shape, 0.0, 0.0, unit="MWh", sets=sets)
    keep = (1 - st.loss[:, chosen, None]) ** steps.h
    model.add_terms(rows, energy.level, 1.0)
    model.add_terms(rows, energy.charge, -steps.h * st.eff_in[:, chosen, None])
    model.add_terms(rows, energy.discharge, steps.h / st.eff_out[:, chosen, None])
    inner = np.flatnonzero(np.arange(steps.n) % steps.length)
    model.add_terms(rows.index[:, :, inner], energy.level.index[:, :, inner - 1], -keep[:, :, inner])


def _periods(energy: EnergyModel, chosen: Sequence[int], names: list[str]) -> NDArray[np.int32]:
    """Add the content at the start of each period and how one follows from the other; return its columns."""
    from dhsdb.models.storage_chain import start_column

    st, steps, model, calendar = energy.system.stores, energy.system.steps, energy.model, _calendar(energy)
    shape = (energy.n_years, len(chosen), len(calendar))
    sets = (energy.year, ("storage", names), ("period", [p + 1 for p in range(len(calendar))]))
    # Without an end rule the last period leads to the first; else there is a column of the end besides.
    energy.period_level = block = model.add_columns("level at the start of a period", shape, 0.0, unit="MWh", sets=sets)
    starts = block.index
    ends = np.roll(starts, -1, axis=2).copy()
    ruled = [i for i, s in enumerate(chosen) if st.end[s] != "cyclic"]
    if ruled:
        named = (energy.year, ("storage", [names[i] for i in ruled]))
        end = model.add_columns(
            "level after the last period", (energy.n_years, len(ruled)), 0.0, unit="MWh", sets=named
        )
        ends[:, ruled, -1] = end.index
        first = start_column(energy, [chosen[i] for i in ruled], end.index)
        same = model.add_rows("level of the first period", first.shape, 0.0, 0.0, unit="MWh", sets=named)
        model.add_terms(same, first, 1.0)
        model.add_terms(same.index, starts[:, ruled, 0], -1.0)
    rows = model.add_rows("content from period to period", shape, 0.0, 0.0, unit="MWh", sets=sets)
    model.add_terms(rows.index, ends, 1.0)
    model.add_terms(rows.index, starts, -_left(energy, chosen)[:, :, -1:])
    last = (calendar + 1) * steps.length - 1
    model.add_terms(rows.index, energy.level.index[:, :, last], -1.0)
    return starts


def _limit_each_step(energy: EnergyModel, chosen: Sequence[int], names: list[str], starts: NDArray[np.int32]) -> None:
    """Keep the content of every hour of the year within its limits."""
    steps, model, calendar = energy.system.steps, energy.model, _calendar(energy)
    hours = len(calendar) * steps.length
    step = (calendar[:, None] * steps.length + np.arange(steps.length)).ravel()
    left = np.tile(_left(energy, chosen), len(calendar))
    begun = np.repeat(starts, steps.length, axis=2)
    for title, low, high, share in _limits(energy, chosen):
        sets = (energy.year, ("storage", names), ("hour", range(1, hours + 1)))
        rows = model.add_rows(title, begun.shape, low, high, unit="MWh", sets=sets)
        model.add_terms(rows.index, energy.level.index[:, :, step], 1.0)
        model.add_terms(rows.index, begun, left)
        energy.capacity["energy"].add(rows.index, chosen, np.broadcast_to(-share, begun.shape))


def _limit_extremes(energy: EnergyModel, chosen: Sequence[int], names: list[str], starts: NDArray[np.int32]) -> None:
    """Keep the start of each period with the highest and the lowest content of its typical period within the limits."""
    steps, model, calendar = energy.system.steps, energy.model, _calendar(energy)
    shape = (energy.n_years, len(chosen), energy.n_steps // steps.length)
    of_period = ("typical period", [k + 1 for k in range(shape[2])])
    step_sets = (energy.year, ("storage", names), energy.step)
    sets = (energy.year, ("storage", names), ("period", [p + 1 for p in range(len(calendar))]))
    for (title, low, high, share), word, sign in zip(
        _limits(energy, chosen), ("lowest", "highest"), (1.0, -1.0), strict=True
    ):
        extreme = model.add_columns(
            f"{word} of a typical period", shape, -np.inf, unit="MWh", sets=(*step_sets[:2], of_period)
        )
        rows = model.add_rows(f"{word} content", energy.level.shape, 0.0, np.inf, unit="MWh", sets=step_sets)
        model.add_terms(rows, energy.level, sign)
        model.add_terms(rows.index, np.repeat(extreme.index, steps.length, axis=2), -sign)
        limit = model.add_rows(title, starts.shape, low, high, unit="MWh", sets=sets)
        # What is lost on the way counts against the lower limit, and not for the upper one.
        left = _left(energy, chosen)[:, :, -1:] if word == "lowest" else np.ones((1, 1, 1))
        model.add_terms(limit.index, starts, left)
        model.add_terms(limit.index, extreme.index[:, :, calendar], 1.0)
        energy.capacity["energy"].add(limit.index, chosen, np.broadcast_to(-share, starts.shape))


def _limits(energy: EnergyModel, chosen: Sequence[int]) -> list[tuple[str, Array | float, Array | float, Array]]:
    """Return the limits of content, lower and upper: title, bounds, and share of the size that is subtracted."""
    least = energy.system.stores.level_min[:, list(chosen), None]
    size = energy.capacity["energy"]
    low, high = size.moved(chosen, least), size.moved(chosen, np.ones_like(least))
    return [("least level", low, np.inf, least), ("most level", -np.inf, high, np.ones_like(least))]
