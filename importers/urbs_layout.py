"""What a urbs workbook is made of: its sheets and columns, what their cells may say, and a workbook once it is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from dhsdb.errors import Problem

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

Blank = Literal["number", "optional", "unlimited", "price"]
"""What a numeric column allows: a finite number only, blank too, blank and inf for unlimited, or inf to be judged later."""

GLOBAL = "Global"
MANDATORY = (GLOBAL, "Site", "Commodity", "Process", "Process-Commodity", "Demand", "SupIm")
TYPES = ("Stock", "SupIm", "Demand", "Env", "Buy", "Sell")
DIRECTIONS = ("In", "Out")
PROPERTIES = ("Support timeframe", "Discount rate", "CO2 limit", "CO2 budget", "Cost limit", "Cost budget", "Weight")
NOTES = ("description", "comment", "comments", "note", "notes", "source", "reference")


@dataclass(frozen=True, slots=True)
class Layout:
    """A sheet of rows.

    Attributes
    ----------
    keys
        Columns that name a row.
    numbers
        Numeric columns and what they allow.
    optional
        Columns that may be absent.
    first
        Columns that count only in the file of the first year.
    ignored
        Columns that urbs itself does not read.
    refused
        Columns that say what can't be kept here, if any cell is not blank or zero.
    """

    keys: tuple[str, ...]
    numbers: dict[str, Blank]
    optional: tuple[str, ...] = ()
    first: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that are read."""
        return (*self.keys, *self.numbers)


LAYOUTS = {
    "Site": Layout(("Name",), {"area": "unlimited"}, optional=("area",), refused=("base-voltage", "min-voltage", "max-voltage")),
    "Commodity": Layout(
        ("Site", "Commodity", "Type"), {"price": "price", "max": "unlimited", "maxperhour": "unlimited"}
    ),
    "Process": Layout(
        ("Site", "Process"),
        {
            "inst-cap": "optional", "lifetime": "optional", "cap-lo": "optional", "cap-up": "unlimited",
            "max-grad": "unlimited", "min-fraction": "optional", "inv-cost": "number", "fix-cost": "number",
            "var-cost": "number", "wacc": "number", "depreciation": "number", "area-per-cap": "optional",
        },
        optional=("inst-cap", "lifetime", "max-grad", "min-fraction", "area-per-cap"),
        first=("inst-cap", "lifetime"),
        ignored=("startup-cost",),
        refused=("on-off", "start-price", "start-time", "cap-block", "ramp-up-grad", "ramp-down-grad", "decom-price", "decom-saving"),
    ),
    "Process-Commodity": Layout(
        ("Process", "Commodity", "Direction"), {"ratio": "number", "ratio-min": "optional"}, optional=("ratio-min",)
    ),
    "Transmission": Layout(
        ("Site In", "Site Out", "Transmission", "Commodity"),
        {
            "eff": "number", "lifetime": "optional", "inv-cost": "number", "fix-cost": "number", "var-cost": "number",
            "inst-cap": "optional", "cap-lo": "optional", "cap-up": "unlimited", "wacc": "number",
            "depreciation": "number",
        },
        optional=("lifetime", "inst-cap"),
        first=("inst-cap", "lifetime"),
        ignored=("difflimit", "base_voltage"),
        refused=("reactance", "resistance"),
    ),
    "Storage": Layout(
        ("Site", "Storage", "Commodity"),
        {
            "inst-cap-c": "optional", "cap-lo-c": "optional", "cap-up-c": "unlimited", "inst-cap-p": "optional",
            "cap-lo-p": "optional", "cap-up-p": "unlimited", "eff-in": "number", "eff-out": "number",
            "inv-cost-p": "number", "inv-cost-c": "number", "fix-cost-p": "number", "fix-cost-c": "number",
            "var-cost-p": "number", "var-cost-c": "number", "lifetime": "optional", "wacc": "number",
            "depreciation": "number", "init": "optional", "discharge": "number", "ep-ratio": "optional",
        },
        optional=("inst-cap-c", "inst-cap-p", "lifetime", "init", "ep-ratio"),
        first=("inst-cap-c", "inst-cap-p", "lifetime"),
        refused=("c-block", "p-block"),
    ),
    "DSM": Layout(
        ("Site", "Commodity"),
        {"delay": "number", "eff": "number", "recov": "number", "cap-max-do": "number", "cap-max-up": "number"},
    ),
}  # fmt: skip

SERIES = {"Demand": "Commodity", "SupIm": "Commodity", "Buy-Sell-Price": "", "TimeVarEff": "Process"}
"""Sheets of hourly values, and what stands behind the site and a dot in their headers; nothing = no site either."""
DROPS_BLANK = ("Buy-Sell-Price", "TimeVarEff")
"""Sheets of which a column without any value counts as absent."""


@dataclass(frozen=True, slots=True)
class Steps:
    """The hourly values of a sheet.

    Attributes
    ----------
    columns
        One array per column, step 1 first.
    initial
        Values of row t = 0, the state before the first step, which no modelled step reads.
    """

    n: int
    columns: dict[str, NDArray[np.float64]]
    initial: dict[str, float]


@dataclass(slots=True)
class Book:
    """One workbook.

    Attributes
    ----------
    properties
        Value and row of each property of sheet Global; inf where unlimited.
    tables
        Rows of each sheet: keys as text, numbers as floats with NaN where blank, and ``_row``.
    series
        Sheets of hourly values.
    notes
        All that is wrong, and all that is not read.
    year
        Year that the rows hold for, once it is known.
    """

    path: Path
    properties: dict[str, tuple[float, int]] = field(default_factory=dict)
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    series: dict[str, Steps] = field(default_factory=dict)
    notes: list[Problem] = field(default_factory=list)
    year: int | None = None

    def note(
        self, message: str, sheet: str, row: int | None = None, column: str = "", value: object = None, hint: str = "",
        severity: str = "error", code: str = "urbs",
    ) -> None:  # fmt: skip
        """Keep a problem or a remark of this workbook."""
        self.notes.append(Problem(message, str(self.path), sheet, row, column, value, hint, severity, code))

    def names(self, sheet: str, column: str) -> list[str]:
        """Return the names in a column, each once, in the order of the sheet."""
        return list(dict.fromkeys(self.tables[sheet][column])) if sheet in self.tables else []

    def rows_of(self, sheet: str) -> list[dict[str, Any]]:
        """Return the rows of a sheet; none if it has no such sheet."""
        if sheet not in self.tables:
            return []
        return [{str(name): value for name, value in row.items()} for row in self.tables[sheet].to_dict("records")]
