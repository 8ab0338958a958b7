"""Options of a run: names, types, defaults; an unknown or unfit one is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dhsdb.errors import UnknownNameError, UserError

if TYPE_CHECKING:
    from collections.abc import Mapping


ABOUT_DATA = ("currency", "price_year", "energy_unit", "emission_unit")
"""Model options that say what figures are in; no model heeds them."""


class Options(BaseModel):
    """What `-o NAME=VALUE` may say."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    hours: str = Field(
        "", pattern=r"^(\d+:\d+)?$", description="window of the year START:COUNT, annualised; steps START+1 .."
    )
    periods: int = Field(
        12, ge=0, le=366, description="typical periods of the investment stage; 0 = every hour of the year"
    )
    period_days: int = Field(1, ge=1, le=31, description="length of a typical period in days, such as 1 or 7")
    objective: str = Field("cost", min_length=1, description="what is minimised: cost, or an emission by its name")
    accounting: Literal["dhsdb", "urbs", "osemosys", "emb3rs"] = Field(
        "dhsdb", description="how costs of several years add up, and when what was built serves"
    )
    life_rule: Literal["", "osemosys", "urbs"] = Field(
        "", description="when what was built serves; default as the accounting has it"
    )
    cost_limit_scope: Literal["horizon"] = Field("horizon", description="what a limit on cost sums over")
    supim: Literal["fixed", "curtail"] = Field(
        "fixed", description="what is available must be used (fixed), or may be curtailed"
    )
    negative_emission: Literal["allow", "forbid"] = Field(
        "allow", description="forbid: modes that take up an emission are off, as in OSeMOSYS"
    )
    cost_floor: Literal["none", "osemosys"] = Field(
        "none", description="osemosys: no unit earns more than it costs to run in a year"
    )
    mga: str = Field(
        "",
        pattern=r"^(\d+(\.\d+)?%|0?\.\d+)?$",
        description="how far from the least cost to explore how little and how much of each unit there can be: 5% or 0.05",
    )
    physics: Literal["dhsdb", "emb3rs"] = Field("dhsdb", description="pipe sizes, losses and costs of the geo stage")
    solver: Literal["highs", "gurobi", "cplex", "scip", "cbc", "glpk"] = Field("highs", description="solver")
    time_limit: float | None = Field(None, gt=0, description="seconds for the solver")
    gap: float | None = Field(None, ge=0, le=1, description="relative gap at which the solver may stop")
    seed: int = Field(1, ge=0, description="seed of random choices")
    points: int = Field(10, ge=2, le=200, description="points of the exact Pareto front")
    population: int = Field(12, ge=4, le=1000, description="individuals of a genetic search")
    generations: int = Field(6, ge=1, le=1000, description="generations of a genetic search")

    @property
    def window(self) -> tuple[int, int] | None:
        """First step minus one, and number of steps, of a window; None = the whole year."""
        if not self.hours:
            return None
        start, count = self.hours.split(":")
        return int(start), int(count)

    @property
    def near(self) -> float:
        """Share of the least objective by which near-optimal plans may exceed it; 0 = none are looked for."""
        return float(self.mga[:-1]) / 100 if self.mga.endswith("%") else float(self.mga or 0)

    def changed(self) -> dict[str, object]:
        """Return the options that differ from their default."""
        return {n: v for n, v in self.model_dump().items() if v != type(self).model_fields[n].default}


def parse(given: Mapping[str, object]) -> Options:
    """Return options from names and values.

    Raises
    ------
    UnknownNameError, UserError
        If a name or a value is not one of those described in :class:`Options`.
    """
    for name in given:
        if name not in Options.model_fields:
            raise UnknownNameError("option", name, Options.model_fields)
    try:
        return Options.model_validate(dict(given))
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        about = Options.model_fields[name].description
        fault = "it can't be read" if first["type"] == "string_pattern_mismatch" else first["msg"]
        raise UserError(f"option {name}={given[name]}: {fault}.", f"{name}: {about}.") from None
