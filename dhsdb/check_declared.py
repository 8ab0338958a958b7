"""What refers to what, which profiles a column can use, and what makes a result row unique: declared once, for the checks."""

from __future__ import annotations

from dataclasses import dataclass

CODES = {
    "unknown-reference": (
        "error, warning",
        "a name that is not in the table that it refers to; the site of buildings, pipes and plants only where there are sites",
    ),
    "out-of-bounds": ("error", "a number below or above what its column allows, or not finite"),
    "not-allowed": ("error", "a word that is not among its column's choices"),
    "duplicate-row": ("error", "a layer sets the same cell twice in one revision"),
    "layers-disagree": ("warning", "layers of equal standing set the same cell to different values"),
    "profile-kind": (
        "error, warning",
        "a profile of a kind that its column can't use; an error where a temperature is meant, or given, by mistake",
    ),
    "unknown-cell": ("error", "a Pareto variable varies a cell that there is not"),
    "result-without-run": ("error", "result rows of a run that there is not"),
    "result-without-item": ("error", "result rows of an item that the run does not have"),
    "duplicate-result": ("error", "two result rows of the same natural key"),
}
"""Severities and meaning of the codes of the generated rules."""

PLACES = frozenset({"building", "network_pipe", "plant_site"})
"""Tables of places, which may be there before any site is."""

PROFILE = "(name of a profile)"
"""How the meaning of a column ends that names a profile."""


@dataclass(frozen=True, slots=True)
class Reference:
    """Columns of a table that name a row of another one."""

    table: str
    columns: tuple[str, ...]
    target: str
    target_columns: tuple[str, ...] = ()
    severity: str = "error"

    @property
    def named(self) -> tuple[str, ...]:
        """Columns of the target that are named."""
        return self.target_columns or self.columns


_SITE, _COMMODITY, _PROCESS = ("site",), ("site", "commodity"), ("site", "process")
_MODE = ("site", "process", "mode")

REFERENCES = (
    *(
        Reference(t, _SITE, "site", severity="warning")
        for t in (
            "commodity",
            "process",
            "storage",
            "demand",
            "building",
            "network_pipe",
            "plant_site",
            "network_temperature",
        )
    ),
    *(
        Reference(t, _COMMODITY, "commodity")
        for t in ("commodity_emission", "demand", "process_flow", "storage", "demand_response")
    ),
    *(Reference(t, _PROCESS, "process") for t in ("process_mode", "process_flow", "process_emission", "storage_link")),
    *(Reference(t, _MODE, "process_flow") for t in ("process_mode", "process_emission", "storage_link")),
    Reference("storage_link", ("site", "storage"), "storage"),
    Reference("transmission", ("site_from", "commodity"), "commodity", _COMMODITY),
    Reference("transmission", ("site_to", "commodity"), "commodity", _COMMODITY),
    Reference("process", ("heat_source",), "heat_source"),
    Reference("building_demand", ("building",), "building", severity="warning"),
    Reference("building_roof", ("building",), "building", severity="warning"),
    Reference("building_demand", ("weather",), "weather", severity="warning"),
    Reference("metered_demand", ("weather",), "weather", severity="warning"),
    Reference("limit_term", ("limit",), "limit"),
    Reference("limit_term", ("site",), "site", severity="warning"),
    Reference("limit_term", ("process",), "process"),
    Reference("limit_term", ("commodity",), "commodity"),
)
"""What refers to what, besides the columns that name a profile."""

KINDS: dict[tuple[str, str], tuple[str, ...]] = {
    ("commodity", "price_profile"): ("price", "factor"),
    ("commodity", "sale_profile"): ("price", "factor"),
    ("demand", "profile"): ("share", "power", "factor"),
    ("process", "avail_profile"): ("factor",),
    ("process", "lift_source"): ("temperature",),
    ("process_flow", "ratio_profile"): ("factor",),
    ("building_demand", "profile"): ("share", "power", "factor"),
    ("specific_demand", "profile"): ("share", "power", "factor"),
    ("heat_source", "profile"): ("factor",),
    ("network_temperature", "supply_profile"): ("temperature",),
    ("network_temperature", "return_profile"): ("temperature",),
    ("weather", "profile"): ("temperature",),
}
"""Kinds of profile that a column can use."""

RESULT_KEYS: dict[str, tuple[str, ...]] = {
    "item": ("item",),
    "capacity": ("year", "item", "unit"),
    "flow": ("year", "item", "t"),
    "level": ("year", "item", "t"),
    "price": ("year", "item", "t"),
    "cost": ("year", "item", "kind"),
    "emission": ("year", "item", "emission"),
    "unserved": ("year", "item", "t"),
    "energy": ("year", "item"),
    "connection": ("year", "source"),
    "building_supply": ("year", "building", "technology"),
    "network": ("year", "pipe"),
    "grid_curve": ("year", "method", "step"),
    "pareto_point": ("study", "point"),
    "pareto_value": ("study", "point", "kind", "name"),
    "figure": ("year", "item", "name", "t", "weight_h"),
}
"""Natural key of each result table within a run."""
