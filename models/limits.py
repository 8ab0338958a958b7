"""Limits on sums: land, emissions in a year and an hour, and whatever the tables limit and limit_term say [2.5, 2.8]."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dhsdb.errors import UserError
from dhsdb.models.grids import places

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from dhsdb.models.energy import EnergyModel

    Array = NDArray[np.float64]
    Index = NDArray[np.int32]
    Term = tuple[Index, Array, Array | None]


def add(energy: EnergyModel) -> None:
    """Add all limits on sums."""
    _area(energy)
    _emissions(energy)
    _cost_floor(energy)
    for i in range(energy.system.limits.grid.n):
        _limit(energy, i)


def _area(energy: EnergyModel) -> None:
    """Land use of the units at a site [2.1]."""
    p, cap = energy.system.processes, energy.capacity["process"]
    for i in places(np.isfinite(energy.system.area)):
        site = energy.system.sites[i]
        units = [u for u, key in enumerate(p.size.key) if key[0] == site and p.area[:, u].any()]
        if units:
            per_mw = p.area[:, units]
            most = energy.system.area[i] - cap.moved(units, per_mw).sum(axis=1)
            rows = energy.model.add_rows(
                f"land at {site}", (energy.n_years,), -np.inf, most, unit="m2", sets=(energy.year,)
            )
            cap.add(rows.index[:, None], units, per_mw)


def _emissions(energy: EnergyModel) -> None:
    """Most that a site emits in a year and in an hour."""
    e, weight = energy.system.emissions, energy.system.weight
    for i, (site, emission) in enumerate(e.key):
        entries = energy.ledger.of(emission, site)
        constant = sum((x.constant.sum(axis=1) for x in entries if x.constant is not None), np.zeros(energy.n_years))
        if np.isfinite(e.max_t[:, i]).any():
            name = f"most {emission} of {site} in a year"
            rows = energy.model.add_rows(
                name, (energy.n_years,), -np.inf, e.max_t[:, i] - constant, unit="t", sets=(energy.year,)
            )
            for entry in entries:
                energy.model.add_terms(rows.index[:, None, None], entry.columns, entry.tonnes)
        if np.isfinite(e.max_rate[:, i]).any():
            name, shape = f"most {emission} of {site} in an hour", (energy.n_years, energy.n_steps)
            hourly = np.broadcast_to((e.max_rate[:, i] - constant / weight.sum(axis=1))[:, None], shape)
            rows = energy.model.add_rows(name, shape, -np.inf, hourly, unit="t/h", sets=(energy.year, energy.step))
            for entry in entries:
                by_hour = entry.tonnes.shape[2] == energy.n_steps
                rate = (
                    entry.tonnes / weight[:, None, :] if by_hour else entry.tonnes / weight.sum(axis=1)[:, None, None]
                )
                energy.model.add_terms(rows.index[:, None, :], entry.columns, rate)


def _cost_floor(energy: EnergyModel) -> None:
    """No unit earns more than it costs to run in a year (OSeMOSYS), where a mode has a negative cost at all."""
    p = energy.system.processes
    if energy.rules.cost_floor != "osemosys":
        return
    for u in range(p.size.n):
        modes = places(p.unit_of == u)
        if modes and (p.variable[:, modes] < 0).any():
            rows = energy.model.add_rows(
                f"cost of running {p.size.names[u]}", (energy.n_years,), 0.0, np.inf, unit="money", sets=(energy.year,)
            )
            value = p.variable[:, modes, None] * energy.weight
            energy.model.add_terms(rows.index[:, None, None], energy.act.index[:, modes], value)


# --- tables limit and limit_term --------------------------------------------------------------------------------------
def _limit(energy: EnergyModel, i: int) -> None:
    """Add one limit: ``sum of terms <= value``, or ``<= value * sum of the base``."""
    limits = energy.system.limits
    name = limits.grid.key[i][0]
    value = limits.grid.numbers("value", np.nan)[:, i]
    if np.isnan(value).all():
        return
    per, quantity = _word(limits.grid, "per", i, "year"), _word(limits.grid, "quantity", i, "emission")
    if not _applies(energy, quantity, per):
        return
    if (
        quantity == "cost" and per == "year"
    ):  # cost_limit_scope=horizon: each year's limit holds for the whole, so the least does
        per, value = "horizon", np.full_like(value, np.nanmin(value))
    least = _word(limits.grid, "sense", i, "max") == "min"
    if per == "horizon":
        value = np.where(np.isnan(value), value[~np.isnan(value)][0], value)
    active = ~np.isnan(value)
    of = {"lhs": quantity, "base": _word(limits.grid, "base", i, quantity)}
    terms = [(side, columns, factor, constant) for side, columns, factor, constant in _terms(energy, name, of, per)]
    shared = any(side == "base" for side, *_ in terms)
    shape = {"step": (energy.n_years, energy.n_steps), "year": (energy.n_years,), "horizon": (1,)}[per]
    wide = {"step": value[:, None], "year": value, "horizon": value[:1]}[per]
    bound = np.broadcast_to(np.zeros_like(wide) if shared else np.nan_to_num(wide), shape).copy()
    scale = {"lhs": np.ones(energy.n_years), "base": -np.nan_to_num(value)}
    for side, _, _, constant in terms:
        if constant is not None:
            part = constant * (scale[side][:, None] if per == "step" else scale[side])
            bound -= part if per != "horizon" else part.sum(keepdims=True)
    on = np.broadcast_to({"step": active[:, None], "year": active, "horizon": active[:1]}[per], shape)
    low, high = np.where(on & least, bound, -np.inf), np.where(on & (not least), bound, np.inf)
    sets = {"step": (energy.year, energy.step), "year": (energy.year,), "horizon": (("horizon", ["all years"]),)}[per]
    unit = _word(limits.grid, "unit", i, "")
    rows = energy.model.add_rows(f"limit '{name}'", shape, low, high, unit=unit, sets=sets)
    for side, columns, factor, _ in terms:
        sized = factor * scale[side].reshape(-1, *(1 for _ in factor.shape[1:]))
        if per == "step":
            energy.model.add_terms(rows.index[:, None, :], columns, sized)
        elif per == "year":
            energy.model.add_terms(rows.index.reshape(-1, *(1 for _ in columns.shape[1:])), columns, sized)
        else:
            energy.model.add_terms(rows.index[0], columns, sized)


def _applies(energy: EnergyModel, quantity: str, per: str) -> bool:
    """Return whether a limit holds: urbs leaves some out that bound what is minimised, or the whole of one year."""
    if energy.system.horizon.school != "urbs" or quantity not in ("cost", "emission"):
        return True
    single, minimised = energy.n_years == 1, (quantity == "cost") == (energy.rules.objective == "cost")
    if per == "horizon":
        return not single and not minimised
    return not (single and minimised)


def _word(grid: object, column: str, i: int, null: str) -> str:
    return next((w for w in grid.words(column)[:, i] if w), null)  # type: ignore[attr-defined]


def _terms(
    energy: EnergyModel, name: str, of: dict[str, str], per: str
) -> Iterator[tuple[str, Index, Array, Array | None]]:
    """Yield side, columns, coefficients (y, n, ...) and constant of each term of a limit."""
    grid = energy.system.limits.terms
    words = {c: grid.words(c) for c in ("site", "process", "mode", "commodity", "emission")}
    factor = grid.numbers("factor", 1.0)
    for i, key in enumerate(grid.key):
        if key[0] != name:
            continue
        chosen = {c: next((w for w in words[c][:, i] if w), "") for c in words}
        present = np.where(grid.present[:, i], factor[:, i], 0.0)
        for columns, value, constant in _quantity(energy, of[key[1]], chosen, per):
            sized = value * present.reshape(-1, *(1 for _ in value.shape[1:]))
            yield key[1], columns, sized, None if constant is None else (constant.T * present).T


def _quantity(energy: EnergyModel, quantity: str, chosen: dict[str, str], per: str) -> Iterator[Term]:
    """Yield columns, coefficients and constant of what is summed, of one term."""
    if quantity == "emission":
        yield from _emitted(energy, chosen, per)
    elif quantity in ("activity", "production"):
        yield from _active(energy, chosen, per, produced=quantity == "production")
    elif quantity in ("capacity", "new"):
        yield from _built(energy, chosen, per, new=quantity == "new")
    elif quantity == "cost":
        if per != "horizon":
            raise UserError("a limit on cost is one over the horizon.", "Set limit.per to horizon or year.")
        yield from _paid(energy, chosen)


def _matches(chosen: dict[str, str], **given: str) -> bool:
    return all(chosen[c] in ("", v) for c, v in given.items())


def _emitted(energy: EnergyModel, chosen: dict[str, str], per: str) -> Iterator[Term]:
    e, lasting = energy.system.emissions, np.ones(energy.n_years)
    if per == "horizon":
        lasting = energy.system.horizon.lasting
        for i, (site, emission) in enumerate(e.key):
            if e.outside[i] and _matches(chosen, site=site, emission=emission) and not chosen["process"]:
                once = np.concatenate([e.outside[i : i + 1], np.zeros(energy.n_years - 1)])
                yield np.zeros((energy.n_years, 0), np.int32), np.zeros((energy.n_years, 0)), once
    weight = energy.system.weight[:, None, :] if per == "step" else 1.0
    for entry in energy.ledger.emissions:
        if not _matches(chosen, site=entry.site, emission=entry.emission):
            continue
        keep = [n for n, (_, technology) in enumerate(entry.labels) if _matches(chosen, process=technology)]
        if keep:
            constant = None if entry.constant is None else entry.constant[:, keep].sum(axis=1) * lasting
            yield entry.columns[:, keep], entry.tonnes[:, keep] / weight * lasting[:, None, None], constant


def _active(energy: EnergyModel, chosen: dict[str, str], per: str, *, produced: bool) -> Iterator[Term]:
    """Activity of modes, or what they give out; MW in a step, MWh over a year or the horizon."""
    p, lasting = energy.system.processes, energy.system.horizon.lasting
    weight = np.ones((energy.n_years, 1, 1)) if per == "step" else energy.weight
    if per == "horizon":
        weight = weight * lasting[:, None, None]
    if not produced:
        at = [
            a
            for a, (site, process, mode) in enumerate(p.activity)
            if _matches(chosen, site=site, process=process, mode=mode)
        ]
        yield energy.act.index[:, at], np.broadcast_to(weight, (energy.n_years, len(at), energy.n_steps)), None
        return
    keys = energy.system.balances.key
    for f in places(p.flow_sign > 0):
        a, k = int(p.flow_activity[f]), int(p.flow_balance[f])
        site, process, mode = p.activity[a]
        if _matches(chosen, site=site, process=process, mode=mode, commodity=keys[k][1]):
            yield energy.act.index[:, a : a + 1], p.ratio[:, f : f + 1] * weight, None


def _built(energy: EnergyModel, chosen: dict[str, str], per: str, *, new: bool) -> Iterator[Term]:
    p, cap = energy.system.processes, energy.capacity["process"]
    at = [u for u, (site, process) in enumerate(p.size.key) if _matches(chosen, site=site, process=process)]
    factor = np.ones((energy.n_years, len(at)))
    block = cap.new if new else cap.cap
    constant = cap.moved(at, factor).sum(axis=1) if not new else np.zeros(energy.n_years)
    if per == "step":
        constant = np.repeat(constant[:, None], energy.n_steps, axis=1)
    if block is None:
        yield np.zeros((energy.n_years, 0), np.int32), np.zeros((energy.n_years, 0)), constant
        return
    columns = block.index[:, at]
    yield (columns[:, :, None], factor[:, :, None], None) if per == "step" else (columns, factor, None)


def _paid(energy: EnergyModel, chosen: dict[str, str]) -> Iterator[Term]:
    for cost in energy.ledger.costs:
        keep = [
            n for n, (site, technology) in enumerate(cost.labels) if _matches(chosen, site=site, process=technology)
        ]
        if not keep:
            continue
        constant = None if cost.constant_discounted is None else cost.constant_discounted[:, keep].sum(axis=1)
        if cost.columns is None or cost.discounted is None:
            yield np.zeros((energy.n_years, 0), np.int32), np.zeros((energy.n_years, 0)), constant
        else:
            yield cost.columns[:, keep], cost.discounted[:, keep], constant
