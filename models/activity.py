"""Activities of processes: within available capacity, above the least load, within ramps; what they cost and emit [2.2, 2.3]."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dhsdb.errors import UserError
from dhsdb.models.flows import MARKET, Flow
from dhsdb.models.grids import places
from dhsdb.models.ledger import Cost, Emitted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dhsdb.models.capacity import Capacity
    from dhsdb.models.energy import EnergyModel
    from dhsdb.models.processes import Processes

    Array = NDArray[np.float64]


def add(energy: EnergyModel) -> None:
    """Add activities with their rows, flows, costs and emissions."""
    p, cap = energy.system.processes, energy.capacity["process"]
    single = np.bincount(p.unit_of, minlength=p.size.n) == 1
    single[p.unit_of[(p.use != 1).any(axis=0)]] = False
    lower, upper = _bounds(energy, p, cap, single)
    names = [" / ".join(a) for a in p.activity]
    energy.act = energy.step_columns("act", "activity", names, lower, upper)
    if not p.activity:
        return
    _rows(
        energy, p, cap, places(np.bincount(p.unit_of, minlength=p.size.n) > 0) if cap.given is None else places(~single)
    )
    _ramps(energy, p, cap)
    _annual(energy, p, cap)
    _flows(energy, p, cap)
    _costs(energy, p)
    _emissions(energy, p, cap)


def _bounds(energy: EnergyModel, p: Processes, cap: Capacity, single: NDArray[np.bool_]) -> tuple[Array, Array]:
    """Return bounds of activities; where capacity is a number, a unit of one mode needs no row at all."""
    shape = (energy.n_years, len(p.activity), energy.n_steps)
    lower, upper = np.zeros(shape), np.full(shape, np.inf)
    if p.activity:
        avail = p.avail[:, p.unit_of]
        upper[avail == 0] = 0.0
        if cap.given is not None:
            size = cap.given[:, p.unit_of, None]
            least = np.minimum(p.min_load[:, p.unit_of, None], avail) * size
            alone, fixed = single[p.unit_of][None, :, None], p.avail_fixed[:, p.unit_of][:, :, None]
            upper = np.where(alone, avail * size, upper)
            lower = np.where(alone, np.where(fixed, avail * size, least), lower)
    if energy.rules.negative_emission == "forbid":
        for per_act, _ in p.emission.values():
            upper = np.where((per_act < 0)[:, :, None], 0.0, upper)
            lower = np.where((per_act < 0)[:, :, None], 0.0, lower)
    return lower, upper


def _unit_rows(
    energy: EnergyModel, name: str, units: Sequence[int], share: Array, low: Array | float, high: Array | float
) -> None:
    """Add rows ``low <= activity of all modes - share * capacity <= high``, shape (y, n, l)."""
    p, cap = energy.system.processes, energy.capacity["process"]
    moved = cap.moved(units, share)
    sets = (energy.year, ("unit", [p.size.names[u] for u in units]), energy.step)
    rows = energy.model.add_rows(name, share.shape, low + moved, high + moved, unit="MW", sets=sets)
    cap.add(rows.index, units, -share)
    for i, u in enumerate(units):
        for a in places(p.unit_of == u):
            energy.model.add_terms(rows.index[:, i], energy.act.index[:, a], p.use[:, a, None])


def _rows(energy: EnergyModel, p: Processes, cap: Capacity, units: Sequence[int]) -> None:
    """Activity of all modes within the available capacity, and above the least load."""
    del cap
    if units:
        fixed = p.avail_fixed[:, units][:, :, None]
        _unit_rows(energy, "most activity", units, p.avail[:, units], np.where(fixed, 0.0, -np.inf), 0.0)
    over = [u for u in units if (p.avail_fixed[:, u] & (p.avail[:, u] > 1).any(axis=1)).any()]
    if over:
        _unit_rows(
            energy, "activity within capacity", over, np.ones((energy.n_years, len(over), energy.n_steps)), -np.inf, 0.0
        )
    least = [u for u in units if p.min_load[:, u].any()]
    if least:
        share = np.minimum(p.min_load[:, least, None], p.avail[:, least])
        _unit_rows(energy, "least activity", least, share, 0.0, np.inf)


def _ramps(energy: EnergyModel, p: Processes, cap: Capacity) -> None:
    """Change of load from step to step, also between typical periods that follow each other; free into the first one."""
    steps = energy.system.steps
    units = places((p.ramp < 1.0).any(axis=0))
    units = [u for u in units if (p.unit_of == u).any()]
    before, after = steps.pairs
    if not units or not after.size:
        return
    if steps.sliced:
        raise UserError(
            "ramps need hours in a row, not time slices.", "Set process.ramp to NULL in a derived scenario."
        )
    ramp = np.where(p.ramp[:, units] < 1.0, p.ramp[:, units], 1e3)[:, :, None] * steps.h[after]
    moved = cap.moved(units, ramp)
    step = ("t", [f"{b} after {a}" for a, b in zip(steps.hour[before], steps.hour[after], strict=True)])
    for name, sign in (("ramp up", 1.0), ("ramp down", -1.0)):
        sets = (energy.year, ("unit", [p.size.names[u] for u in units]), step)
        rows = energy.model.add_rows(name, ramp.shape, -np.inf, moved, unit="MW", sets=sets)
        cap.add(rows.index, units, -ramp)
        for i, u in enumerate(units):
            for a in places(p.unit_of == u):
                energy.model.add_terms(rows.index[:, i], energy.act.index[:, a][:, after], sign)
                energy.model.add_terms(rows.index[:, i], energy.act.index[:, a][:, before], -sign)


def _annual(energy: EnergyModel, p: Processes, cap: Capacity) -> None:
    """Annual availability of units, and limits on the annual activity of modes."""
    weight, w = energy.system.weight, energy.weight
    units = [u for u in places((p.annual_avail < 1).any(axis=0)) if (p.unit_of == u).any()]
    if units:
        most = p.annual_avail[:, units] * np.einsum("yul,yl->yu", p.avail[:, units], weight)
        sets = (energy.year, ("unit", [p.size.names[u] for u in units]))
        rows = energy.model.add_rows(
            "annual availability", most.shape, -np.inf, cap.moved(units, most), unit="MWh", sets=sets
        )
        cap.add(rows.index, units, -most)
        for i, u in enumerate(units):
            for a in places(p.unit_of == u):
                energy.model.add_terms(rows.index[:, i, None], energy.act.index[:, a], weight * p.use[:, a, None])
    bounded = places((p.act_min > 0).any(axis=0) | np.isfinite(p.act_max).any(axis=0))
    if bounded:
        sets = (energy.year, ("activity", [" / ".join(p.activity[a]) for a in bounded]))
        rows = energy.model.add_rows(
            "annual activity", (energy.n_years, len(bounded)), p.act_min[:, bounded], p.act_max[:, bounded], unit="MWh", sets=sets
        )  # fmt: skip
        energy.model.add_terms(rows.index[:, :, None], energy.act.index[:, bounded], w)


# --- flows, costs, emissions ------------------------------------------------------------------------------------------
def _flows(energy: EnergyModel, p: Processes, cap: Capacity) -> None:
    for f in range(len(p.flow_activity)):
        a, k, sign = int(p.flow_activity[f]), int(p.flow_balance[f]), float(p.flow_sign[f])
        u = int(p.unit_of[a])
        terms = [(energy.act.index[:, a], p.ratio[:, f])]
        constant = None
        if p.standby is not None and p.standby[:, f].any():
            columns = cap.columns([u])
            if columns is None:
                constant = cap.moved([u], p.standby[:, f : f + 1])[:, 0]
            else:
                terms.append((columns, p.standby[:, f]))
        technology = p.activity[a][1]
        size = ("process", u) if sign > 0 else None
        energy.flows.append(Flow(k, sign, technology, tuple(terms), constant, size))
        if energy.kinds.netted_buy[k] or energy.kinds.netted_sell[k]:
            energy.flows.append(Flow(k, -sign, MARKET, tuple(terms), constant))


def _costs(energy: EnergyModel, p: Processes) -> None:
    b, w = energy.system.balances, energy.weight
    running = energy.running_of("process")[:, p.unit_of]
    labels = [(a[0], a[1]) for a in p.activity]
    value = p.variable[:, :, None] * w
    energy.ledger.add(Cost("variable", labels, energy.act.index, value, value * running[:, :, None]))
    for f in range(len(p.flow_activity)):
        a, k = int(p.flow_activity[f]), int(p.flow_balance[f])
        if energy.kinds.netted_buy[k] and p.flow_sign[f] < 0:
            _market(energy, p, f, "fuel", b.price[:, k], labels[a], running[:, a])
        if energy.kinds.netted_sell[k] and p.flow_sign[f] > 0:
            _market(energy, p, f, "sale", -b.sale_price[:, k], labels[a], running[:, a])


def _market(
    energy: EnergyModel, p: Processes, f: int, kind: str, price: Array, label: tuple[str, str], running: Array
) -> None:
    """Charge what a flow of a netted commodity costs to its activity, and to its capacity."""
    a, w = int(p.flow_activity[f]), energy.weight
    value = (p.ratio[:, f] * price)[:, None, :] * w
    energy.ledger.add(Cost(kind, [label], energy.act.index[:, a : a + 1], value, value * running[:, None, None]))
    if p.standby is not None and p.standby[:, f].any():
        per_cap = ((p.standby[:, f] * price)[:, None, :] * w).sum(axis=2)
        _of_capacity(energy, kind, label, int(p.unit_of[a]), per_cap, running)


def _of_capacity(energy: EnergyModel, kind: str, label: tuple[str, str], u: int, value: Array, running: Array) -> None:
    cap = energy.capacity["process"]
    columns, discounted = cap.columns([u]), value * running[:, None]
    if columns is None:
        given = cap.given[:, [u]]  # type: ignore[index]
        energy.ledger.add(Cost(kind, [label], None, None, None, value * given, discounted * given))
    else:
        energy.ledger.add(Cost(kind, [label], columns, value, discounted))


def _emissions(energy: EnergyModel, p: Processes, cap: Capacity) -> None:
    """Enter what activities emit: by their own factors, and by the netted fuel that they take."""
    s = energy.system
    running = energy.running_of("process")
    for e, (site, emission) in enumerate(s.emissions.key):
        per_act, per_cap = _factors(energy, p, e)
        chosen = places(per_act.any(axis=(0, 2)) | per_cap.any(axis=(0, 2)))
        if not chosen:
            continue
        labels = [(p.activity[a][0], p.activity[a][1]) for a in chosen]
        tonnes = per_act[:, chosen] * energy.weight
        units = [int(p.unit_of[a]) for a in chosen]
        price = (s.emissions.price[:, e, None] * np.ones(len(chosen)))[:, :, None]
        pay = running[:, units][:, :, None]
        columns = energy.act.index[:, chosen]
        energy.ledger.add(Emitted(site, emission, labels, columns, tonnes))
        energy.ledger.add(Cost("emission", labels, columns, tonnes * price, tonnes * price * pay))
        if per_cap.any():
            yearly = (per_cap[:, chosen] * energy.weight).sum(axis=2)
            held = cap.columns(units)
            if held is None:
                given = yearly * cap.given[:, units]  # type: ignore[index]
                none = np.zeros((energy.n_years, len(chosen), 1))
                energy.ledger.add(Emitted(site, emission, labels, columns[:, :, :1], none, given))
                paid = given * price[:, :, 0]
                energy.ledger.add(Cost("emission", labels, None, None, None, paid, paid * pay[:, :, 0]))
            else:
                energy.ledger.add(Emitted(site, emission, labels, held[:, :, None], yearly[:, :, None]))
                paid = yearly * price[:, :, 0]
                energy.ledger.add(Cost("emission", labels, held, paid, paid * pay[:, :, 0]))


def _factors(energy: EnergyModel, p: Processes, e: int) -> tuple[Array, Array]:
    """Return t per MWh of activity and per MW of capacity and hour of one emission, each shape (y, a, l)."""
    b = energy.system.balances
    own = p.emission.get(energy.system.emissions.key[e])
    shape = (energy.n_years, len(p.activity), energy.n_steps)
    per_act, per_cap = np.zeros(shape), np.zeros(shape)
    if own is not None:
        per_act, per_cap = (np.repeat(part[:, :, None], energy.n_steps, axis=2) for part in own)
    for f in places(energy.kinds.netted_buy[p.flow_balance] & (p.flow_sign < 0)):
        factor = b.emission[:, p.flow_balance[f], e, None]
        if factor.any():
            per_act[:, p.flow_activity[f]] += p.ratio[:, f] * factor
            if p.standby is not None:
                per_cap[:, p.flow_activity[f]] += p.standby[:, f] * factor
    return per_act, per_cap
