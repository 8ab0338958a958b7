"""Why a model has no solution, in the words of the study."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from dhsdb.models.stage import Remark

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dhsdb.models.energy import EnergyModel
    from dhsdb.models.highs import Limit
    from dhsdb.models.lp import Solution

_SHOWN = 12
_SHORT = 1e-6
"""MWh in a step."""


def why(energy: EnergyModel, solution: Solution) -> tuple[str, list[Remark]]:
    """Return why a model has no solution, and findings that say more."""
    if solution.status == "unbounded":
        grown = energy.model.solver().explain_unbounded()
        return "costs fall without end as these grow: " + "; ".join(grown[:_SHOWN]), []
    if solution.status != "infeasible":
        return solution.message, []
    short, binding = shortage(energy)
    told = [remark.message for remark in short]
    solver = energy.model.solver()
    if limits := (solver.contradiction() if short else solver.explain_infeasible()):
        told.append("these limits contradict each other: " + in_words(limits))
    elif binding:
        told.append("in the way are: " + in_words(binding))
    return "; ".join(told) or solution.message, short


def in_words(limits: Iterable[Limit]) -> str:
    """Return limits in words: those of time steps together, those that can be set first.

    Equations without a constant only tie the others together; they are counted.
    """
    groups: dict[tuple[str, str, str], list[Limit]] = {}
    tied = 0
    for limit in limits:
        if limit.value == 0 and not (limit.kind == "column" and limit.side == "upper" and not limit.step):
            tied += 1
        else:
            groups.setdefault((limit.group, limit.side, limit.unit), []).append(limit)
    listed = sorted(groups.values(), key=lambda found: (bool(found[0].step), found[0].kind == "row"))
    told = [_together(found) for found in listed]
    more = [f"{len(told) - _SHOWN} more"] if len(told) > _SHOWN else []
    links = [f"and {tied} equation{'s' if tied > 1 else ''} tying them together"] if tied else []
    return "; ".join([*told[:_SHOWN], *more, *links])


def _together(limits: list[Limit]) -> str:
    """Return limits of one group in words."""
    first = limits[0]
    if len(limits) == 1:
        return str(first)
    sign = ">=" if first.side == "lower" else "<="
    low, high = min(limit.value for limit in limits), max(limit.value for limit in limits)
    value = f"{low:g}" if low == high else f"{low:g} to {high:g}"
    steps = [limit.step for limit in limits]
    shown = ", ".join(steps) if len(steps) <= 3 else f"{steps[0]}, {steps[1]}, .. {steps[-1]}"  # noqa: PLR2004  a line
    return f"{first.group} {sign} {value} {first.unit}".rstrip() + f" in {len(limits)} steps ({shown})"


def shortage(energy: EnergyModel) -> tuple[list[Remark], tuple[Limit, ...]]:
    """Return the least demand that can't be met, by balance, where no value of lost load says what that costs, and what limits it.

    That is another LP: demand may be unserved everywhere, and as little of it as possible is.
    """
    from dhsdb.models.energy import EnergyModel

    system = energy.system
    b = system.balances
    needed = (b.demand + b.loss).any(axis=2) & np.isnan(b.voll)
    if not needed.any():
        return [], ()
    voll = np.where(needed, 1.0, b.voll)
    # Costs first, so that a slack for demand is allowed, whatever is minimised.
    rules = replace(energy.rules, objective="cost")
    relaxed = EnergyModel(replace(system, balances=replace(b, voll=voll)), energy.sizes, rules)
    solver = relaxed.model.solver()
    solver.set_cost(np.arange(relaxed.model.n_columns), 0.0)
    solver.set_cost(relaxed.unserved, np.broadcast_to(system.weight[:, None, :], relaxed.unserved.shape))
    solution = solver.solve()
    if solution.status != "optimal":
        return [], ()
    found = []
    for i, k in enumerate(relaxed.short):
        mwh = solution.values(relaxed.unserved)[:, i] * system.weight
        site, commodity = b.key[k]
        for year, of_year in zip(system.years, mwh, strict=True):
            steps = int((of_year > _SHORT).sum())
            if steps:
                word = "1 step" if steps == 1 else f"{steps} steps"
                text = f"at least {of_year.sum():.6g} MWh of {commodity} at {site} can't be met in {word} of {year}"
                found.append(Remark("error", "unserved", f"{site} / {commodity}, {year}", text))
    return found, solver.binding(solution) if found else ()
