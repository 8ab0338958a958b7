"""The dispatch stage: every hour of each model year, with the capacities of the investment stage as numbers."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from dhsdb.errors import DhsdbError
from dhsdb.models.investment import own_slices, rules_of, solve_energy, solver_of, year_hours
from dhsdb.models.stage import Outcome, Remark, joined
from dhsdb.models.steps import full_year, window
from dhsdb.models.system import build_system

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from dhsdb.models.energy import Sizes
    from dhsdb.models.stage import Inputs, Progress
    from dhsdb.models.system import System

_AGREE = 1e-6
_NOTICEABLE = 0.01
"""Relative error of typical periods that is a warning."""


def solve(inputs: Inputs, progress: Progress) -> Outcome:
    """Run the units of each model year at least cost; demand that they can't meet is unserved, at its value."""
    from dhsdb.models.energy import EnergyModel

    given = inputs.options.window
    hours = year_hours(inputs)
    sliced = own_slices(inputs) if len(inputs.tables["time_slice"]) else None
    steps = sliced or (window(*given, hours) if given else full_year(hours))
    warm = solver_of(
        inputs, "dispatch"
    )  # of all years: where matrices are the same, the next one starts from the last basis
    whole: Outcome | None = None
    for i, year in enumerate(inputs.years):
        began = time.perf_counter()
        progress(i / len(inputs.years), f"building {year}")
        system = build_system(inputs, (year,), steps)
        sizes = capacities(inputs, system)
        energy = EnergyModel(system, sizes, rules_of(inputs))
        tell = partial(progress, (i + 0.3) / len(inputs.years), f"solving {year}")
        one = solve_energy(inputs, energy, tell, began, warm)
        one.findings = [*system.findings, *one.findings, *_shortage(one, year)]
        if not one.solved:
            one.message = f"{year}: {one.message}"
            return one
        whole = one if whole is None else _join(whole, one)
    if whole is None:
        raise DhsdbError("dispatch has no year to solve.")
    whole.findings += _error_of_periods(inputs, whole)
    return whole


def capacities(inputs: Inputs, system: System) -> Sizes:
    """Return the capacities that stand: those of the investment stage, else those that exist in the inputs.

    Raises
    ------
    DhsdbError
        If the investment stage hands over a unit that the dispatch lacks, or a sum that does not agree.
    """
    from dhsdb.models.energy import Sizes, labels_of

    parent = inputs.parents.get("investment")
    if parent is None or not len(parent["capacity"]):
        system.findings.append(
            Remark(
                "info", "existing-capacity", "dispatch", "no investment run: dispatched with the existing capacities"
            )
        )
        return Sizes(
            system.processes.size.existing,
            system.stores.energy.existing,
            system.stores.power.existing,
            system.lines.size.existing,
        )
    rows = parent["capacity"].merge(parent["item"], on="item")
    rows = rows[rows["year"].isin(system.years)]
    found = Sizes(
        _sizes(rows, system, system.processes.size.key, "MW"),
        _sizes(rows, system, system.stores.energy.key, "MWh"),
        _sizes(rows, system, system.stores.power.key, "MW"),
        _sizes(rows, system, labels_of("line", system.lines.size.key), "MW"),
    )
    _check_sums(rows, found)
    return found


def _sizes(rows: pd.DataFrame, system: System, units: Sequence[tuple[str, ...]], unit: str) -> NDArray[np.float64]:
    values = np.zeros((len(system.years), len(units)))
    place = {u: i for i, u in enumerate(units)}
    year = {y: i for i, y in enumerate(system.years)}
    chosen = rows[rows["unit"] == unit]
    for y, site, technology, capacity in chosen[["year", "site", "technology", "capacity"]].itertuples(index=False):
        if (site, technology) in place:
            values[year[y], place[site, technology]] = max(capacity, 0.0)
    return values


def _check_sums(rows: pd.DataFrame, found: Sizes) -> None:
    """Hold what arrived against what was handed over, unit by unit in sum: nothing is dropped by name."""
    handed = rows.groupby("unit")["capacity"].sum()
    arrived = {"MW": found.process.sum() + found.power.sum() + found.line.sum(), "MWh": found.energy.sum()}
    for unit, total in handed.items():
        if abs(arrived[str(unit)] - total) > _AGREE * max(abs(total), 1.0):
            raise DhsdbError(
                f"the investment stage hands over {total:.6g} {unit}, but {arrived[str(unit)]:.6g} {unit} arrive in the dispatch.",
                "A unit was renamed or removed since: run both stages again.",
            )


def _shortage(outcome: Outcome, year: int) -> list[Remark]:
    rows = outcome.tables.get("unserved")
    if rows is None or not len(rows):
        return []
    text = f"{rows['mwh'].sum():.6g} MWh in {len(rows)} hours of {year} are not served"
    return [Remark("warning", "unserved", f"dispatch {year}", text)]


def _error_of_periods(inputs: Inputs, whole: Outcome) -> list[Remark]:
    """Compare what operation costs over the full year with what the typical periods of the investment stage said."""
    from dhsdb.models.figures import PERIODS

    parent = inputs.parents.get("investment", {})
    told = parent.get("figure")
    number = [] if told is None else told.loc[told["name"] == PERIODS, "value"].tolist()
    if inputs.options.window or not number:
        return []
    found = []
    for year in inputs.years:
        there, here = (_operation(tables["cost"], year) for tables in (parent, whole.tables))
        short = whole.tables["unserved"]
        mwh = float(short.loc[short["year"] == year, "mwh"].sum()) if len(short) else 0.0
        off = (here - there) / abs(there) if there else (np.inf if here else 0.0)
        text = (
            f"operation costs {here:.6g} over the full year, {off:+.2%} against {there:.6g} in the {number[0]:.0f} typical"
            f" periods that capacities were chosen by; {mwh:.6g} MWh are not served"
        )
        severity = "warning" if abs(off) > _NOTICEABLE or mwh > 0 else "info"
        found.append(Remark(severity, "aggregation-error", f"dispatch {year}", text))
    return found


def _operation(cost: pd.DataFrame, year: int) -> float:
    """Return what a year costs without investments, money of that year."""
    rows = cost[(cost["year"] == year) & ~cost["kind"].isin(("capital", "connection"))]
    return float(rows["value"].sum())


def _join(a: Outcome, b: Outcome) -> Outcome:
    """Return two years as one outcome; items are numbered anew so that names keep one number."""
    import pandas as pd

    names = ["site", "technology", "commodity", "direction"]
    keys = {tuple(r): i for r, i in zip(a.tables["item"][names].to_numpy(), a.tables["item"]["item"], strict=True)}
    renumbered = {}
    for row, item in zip(b.tables["item"][names].to_numpy(), b.tables["item"]["item"], strict=True):
        renumbered[item] = keys.setdefault(tuple(row), len(keys) + 1)
    items = pd.DataFrame(list(keys), columns=names, dtype=object)
    items.insert(0, "item", list(keys.values()))
    tables: dict[str, pd.DataFrame] = {"item": items}
    for name, rows in _with_items(b.tables, renumbered).items():
        tables[name] = joined(a.tables[name], rows)
    return Outcome(
        status="optimal" if a.status == b.status == "optimal" else "feasible",
        objective=(a.objective or 0.0) + (b.objective or 0.0),
        bound=(a.bound or 0.0) + (b.bound or 0.0),
        gap=max(a.gap or 0.0, b.gap or 0.0),
        solver=a.solver,
        solver_version=a.solver_version,
        build_s=a.build_s + b.build_s,
        solve_s=a.solve_s + b.solve_s,
        message="; ".join(dict.fromkeys(filter(None, [*a.message.split("; "), *b.message.split("; ")]))),
        tables=tables,
        findings=[*a.findings, *b.findings],
    )


def _with_items(tables: Mapping[str, pd.DataFrame], renumbered: Mapping[int, int]) -> dict[str, pd.DataFrame]:
    return {n: t.assign(item=t["item"].map(renumbered)) if len(t) else t for n, t in tables.items() if n != "item"}
