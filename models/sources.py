"""Heat pumps and excess heat: the COP between a source and the network, and units tied to a heat source."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dhsdb.errors import UserError
from dhsdb.models.demand import network_temperature
from dhsdb.models.grids import places, records
from dhsdb.models.stage import Remark

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dhsdb.models.grids import Grid
    from dhsdb.models.processes import Processes
    from dhsdb.models.stage import Inputs
    from dhsdb.models.steps import Steps

    Array = NDArray[np.float64]

_KELVIN = 273.15
COP_MAX = 20.0
"""COP where the source is nearly as warm as the network; above it, heat would be exchanged without a heat pump."""


def lorenz_cop(supply_c: Array, return_c: Array, source_c: Array, efficiency: Array | float) -> Array:
    r"""Return the COP of a heat pump that warms the network's return to its supply temperature.

    Parameters
    ----------
    supply_c, return_c, source_c
        Temperatures, degC; the source is taken as large (constant over the evaporator).
    efficiency
        COP as a share of the Lorenz COP.

    Notes
    -----
    :math:`COP = \eta T_{lm} / (T_{lm} - T_{source})` with the logarithmic mean
    :math:`T_{lm} = (T_s - T_r) / \ln(T_s / T_r)` in kelvin (Lorenz 1895), at most :data:`COP_MAX`.

    Examples
    --------
    >>> round(float(lorenz_cop(np.float64(80), np.float64(40), np.float64(10), 0.5)), 3)
    3.323
    """
    supply, back = supply_c + _KELVIN, return_c + _KELVIN
    mean = np.where(
        np.isclose(supply, back),
        supply,
        (supply - back) / np.log(np.where(np.isclose(supply, back), np.e, supply / back)),
    )
    lift = mean - (source_c + _KELVIN)
    return np.where(lift * COP_MAX <= efficiency * mean, COP_MAX, efficiency * mean / np.where(lift == 0, 1.0, lift))


def lift_factor(inputs: Inputs, years: tuple[int, ...], steps: Steps, unit: Grid) -> Array:
    """Return the factor on a unit's inputs, shape (y, u, l): 1/COP for a heat pump, else 1."""
    factor = np.ones((len(years), unit.n, steps.n))
    efficiency = unit.numbers("lift_efficiency", np.nan)
    source = unit.words("lift_source")
    heat_source = unit.words("heat_source")
    warmth = _source_temperatures(inputs)
    for y, year in enumerate(years):
        rows = {r.site: r for r in records(inputs.table("network_temperature", year))}
        for u in places(~np.isnan(efficiency[y])):
            site, process = unit.key[u]
            if site not in rows:
                raise UserError(
                    f"heat pump '{process}' needs the temperatures of network '{site}'.",
                    "Add a row to network_temperature.",
                )
            supply = network_temperature(inputs, rows[site], steps, "supply")
            back = network_temperature(inputs, rows[site], steps, "return")
            cold = _cold_side(inputs, steps, process, source[y, u], warmth.get(heat_source[y, u], np.nan))
            factor[y, u] = 1.0 / lorenz_cop(supply, back, cold, efficiency[y, u])
    return factor


def tie_to_sources(
    inputs: Inputs,
    steps: Steps,
    unit: Grid,
    processes: Processes,
    lifted: Array,
    findings: list[Remark],
) -> Array:
    """Limit units by the heat source that feeds them, and charge its connection to the network.

    A unit that lifts the heat of a source of capacity Q gives ``Q COP / (COP - 1)``; at least in the worst step. The
    connection is paid per capacity of the unit, and its loss is taken from the unit's heat.

    Returns
    -------
    ndarray
        Shape (y, u). Cost of the connection per capacity, money/MW.
    """
    sources = {r.heat_source: r for r in records(inputs.tables["heat_source"])}
    links = _connections(inputs)
    named = unit.words("heat_source")
    lifts = ~np.isnan(unit.numbers("lift_efficiency", np.nan))
    per_mw = np.zeros_like(processes.size.capital)
    for u in places((named != "").any(axis=0)):
        name = next(n for n in named[:, u] if n)
        if name not in sources:
            raise UserError(
                f"process '{unit.key[u][1]}' is fed by heat source '{name}', which table heat_source lacks.", "Add it."
            )
        source = sources[name]
        share = np.where(lifts[:, u], 1.0 / np.maximum(1.0 - lifted[:, u].max(axis=1), 1e-9), 1.0)
        processes.size.cap_max[:, u] = np.minimum(processes.size.cap_max[:, u], float(source.capacity_mw) * share)
        if isinstance(source.profile, str) and source.profile:
            processes.avail[:, u] *= steps.of(
                inputs.profile(source.profile, f"heat source '{name}'"), f"heat source '{name}'"
            )
        if name in links:
            cost, loss = links[name]
            per_mw[:, u] = cost / np.maximum(processes.size.cap_max[:, u], 1e-9)
            out = (processes.unit_of[processes.flow_activity] == u) & (processes.flow_sign > 0)
            processes.ratio[:, out] *= 1.0 - min(loss / (1000.0 * float(source.capacity_mw)), 1.0)
        else:
            findings.append(
                Remark(
                    "warning",
                    "source-not-connected",
                    f"heat_source {name}",
                    "no connection from stage geo: taken as free",
                )
            )
    return per_mw


def _connections(inputs: Inputs) -> dict[str, tuple[float, float]]:
    """Return cost and loss in kW of each heat source's connection, from stage geo."""
    rows = inputs.parents.get("geo", {}).get("connection")
    if rows is None:
        return {}
    return {s: (float(c), float(k)) for s, c, k in zip(rows["source"], rows["cost"], rows["loss_kw"], strict=True)}


def _source_temperatures(inputs: Inputs) -> dict[str, float]:
    rows = inputs.tables["heat_source"]
    return dict(zip(rows["heat_source"], rows["temperature_c"], strict=True)) if len(rows) else {}


def _cold_side(inputs: Inputs, steps: Steps, process: str, profile: str, temperature: float) -> Array:
    if profile:
        where = f"process.lift_source of '{process}'"
        return steps.of(inputs.profile(profile, where), where)
    if np.isnan(temperature):
        raise UserError(
            f"heat pump '{process}' has no source temperature.",
            "Name a temperature profile in lift_source, or a heat source.",
        )
    return np.full(steps.n, temperature)
