"""The stages there are, what each reads, and when it applies to a scenario."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import import_module, util
from pathlib import Path
from typing import TYPE_CHECKING

from dhsdb.errors import UnknownNameError
from dhsdb.models.stage import Inputs, Outcome, Progress, Stage

if TYPE_CHECKING:
    from collections.abc import Mapping

_ENERGY = (
    "site", "model_year", "model_option", "profile", "commodity", "commodity_emission", "demand", "emission", "process",
    "process_mode", "process_flow", "process_emission", "storage", "heat_source", "building", "building_demand",
    "network_temperature", "time_slice", "slice_calendar", "storage_link", "transmission", "demand_response", "limit", "limit_term",
)  # fmt: skip
_ENERGY_MODULES = (
    "accounting",
    "activity",
    "blocks",
    "capacity",
    "contradiction",
    "explanation",
    "figures",
    "flows",
    "ledger",
    "limits",
    "lines",
    "method",
    "markets",
    "processes",
    "response",
    "storage_chain",
    "storage_daytype",
    "storage_periods",
    "storage_slices",
    "stores",
    "units",
    "highs",
    "pyomo_bridge",
    "warm",
    "demand",
    "energy",
    "energy_results",
    "grids",
    "lp",
    "sources",
    "stage",
    "steps",
    "system",
)
_ENERGY_OPTIONS = (
    "hours", "objective", "accounting", "life_rule", "cost_limit_scope", "supim", "negative_emission", "cost_floor", "solver", "gap",
    "time_limit",
)  # fmt: skip
_NEEDS = {
    "geo": (("heat_source",), ("network_pipe",)),
    "investment": (("process",), ("process_flow",), ("demand", "building_demand")),
    "dispatch": (("process",), ("process_flow",), ("demand", "building_demand")),
    "pareto": (("process",), ("process_flow",), ("demand", "building_demand")),
}
"""Tables that a stage needs rows of: one of each group."""
USUAL = ("geo", "investment", "dispatch")
"""Stages that `run scenario` solves where nothing else is said."""


def _solve_with(module: str) -> object:
    def solve(inputs: Inputs, progress: Progress) -> Outcome:
        outcome: Outcome = import_module(f"dhsdb.models.{module}").solve(inputs, progress)
        return outcome

    return solve


def _stage(
    name: str, reads: tuple[str, ...], after: tuple[str, ...], modules: tuple[str, ...], options: tuple[str, ...]
) -> Stage:
    return Stage(
        name,
        reads,
        after,
        (*modules, "stage"),
        options,
        lambda counts: missing(name, counts) is None,
        _solve_with(modules[0]),  # type: ignore[arg-type]
    )


STAGES: dict[str, Stage] = {
    s.name: s
    for s in (
        _stage(
            "geo", ("heat_source", "network_pipe", "network_temperature", "pipe_type", "street"), (),
            ("connection", "geo", "pipes", "streets"), ("physics",),
        ),
        _stage(
            "investment", _ENERGY, ("geo",), ("investment", "mga", *_ENERGY_MODULES), (*_ENERGY_OPTIONS, "periods", "period_days", "mga"),
        ),
        _stage("dispatch", _ENERGY, ("geo", "investment"), ("dispatch", "investment", *_ENERGY_MODULES), _ENERGY_OPTIONS),
        _stage(
            "pareto", (*_ENERGY, "pareto_variable"), ("geo",), ("pareto", "investment", *_ENERGY_MODULES),
            (*_ENERGY_OPTIONS, "periods", "period_days", "points", "population", "generations", "seed"),
        ),
    )
}  # fmt: skip


def find_stage(name: str) -> Stage:
    """Return a stage by name.

    Raises
    ------
    UnknownNameError
        If there is none of that name.
    """
    if name not in STAGES:
        raise UnknownNameError("stage", name, STAGES)
    return STAGES[name]


def missing(name: str, counts: Mapping[str, int]) -> str | None:
    """Return the tables that a stage needs and a scenario has no rows of, in words; None if it has what is needed."""
    lack = [" or ".join(group) for group in _NEEDS[name] if not any(counts.get(t, 0) for t in group)]
    return ", no ".join(lack) or None


def applicable(counts: Mapping[str, int]) -> list[str]:
    """Return the usual stages that a scenario has what they need for, in their order."""
    return [name for name in USUAL if missing(name, counts) is None]


@cache
def source_of(stage: Stage) -> str:
    """Return the SHA-256 of the source of a stage's modules."""
    digest = hashlib.sha256()
    for module in sorted(set(stage.modules)):
        found = util.find_spec(f"dhsdb.models.{module}")
        if found and found.origin:
            digest.update(Path(found.origin).read_bytes())
    return digest.hexdigest()
