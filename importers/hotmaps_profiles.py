"""Profiles of a hotmaps case: those that its cells name, and what is made of them: availability, and heat pumps' efficiency."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dhsdb.importers.hotmaps_case import COP_FLOOR, THRESHOLD, Sheets, is_set, number
from dhsdb.importers.hotmaps_language import Expression, profile_name
from dhsdb.importers.hotmaps_layout import (
    EXTERNAL,
    GENERATORS,
    SOURCES,
    STRANGE,
    Row,
    fold,
)
from dhsdb.importers.rows import Series
from dhsdb.importers.urbs_cells import as_name

if TYPE_CHECKING:
    from dhsdb.importers.hotmaps_language import Values


class ProfiledSheets(Sheets):
    """Sheets whose cells name profiles by the hour."""

    def general_values(self, kind: str, row: Row) -> Values | None:
        """Return the values of the general profile of a kind; None if there is none, which is reported."""
        expression = self.general_expression(kind)
        header = str(self.external.get(f"header {kind}", kind))
        if expression is None:
            severity = "warning" if self.later or self.is_catalogue else "error"
            text = f"'{row['name']}' needs the profile of its {kind}, but the workbook names none."
            hint = f"Name one in sheet {EXTERNAL}, or leave it out with -o missing_profiles=later."
            self.book.note(
                text,
                EXTERNAL,
                self.external.get("_row"),
                header,
                hint=hint,
                severity=severity,
                code="profile-missing",
            )
            return None
        if expression.constant is not None:
            return np.full(8760, expression.constant + expression.offset)
        values, _ = self.values_of(kind, expression, EXTERNAL, self.external, header)
        return None if values is None else values + expression.offset

    def values_of(
        self, kind: str, expression: Expression, sheet: str, row: Row, column: str
    ) -> tuple[Values | None, Any]:
        """Return the values of a profile and its file; one that is nowhere is reported once."""
        base = replace(expression, offset=0.0)
        values, path = self.profiles.values(kind, base)
        if values is None:
            severity = "warning" if self.later else "error"
            text = f"the {kind} profile {base.name} is in no file and not in the scenario."
            if self.later and expression.offset:
                text += f" '{profile_name(kind, expression)}' is it plus {expression.offset:g}."
            hint = self.profiles.hint(kind, base)
            if not any(n.message == text for n in self.book.notes):
                self.note(text, sheet, row, column, base.name, hint=hint, severity=severity, code="profile-missing")
        return values, path

    def named(self, kind: str, expression: Expression, sheet: str, row: Row, column: str) -> str:
        """Return the name of a profile, whose values are kept; one that is nowhere is reported."""
        name = profile_name(kind, expression)
        values, path = self.values_of(kind, expression, sheet, row, column)
        if values is not None:
            meaning = {"load": "share", "price": "price"}.get(kind, "factor")
            text = f"hotmaps: {kind} {expression.name}"
            if path is not None:  # the scenario keeps it for workbooks that come without it
                self.keep(profile_name(kind, replace(expression, offset=0.0)), values, meaning, text, path)
            if expression.offset:
                self.keep(name, values + expression.offset, meaning, f"{text} plus {expression.offset:g}", path)
        return name

    def keep(self, name: str, values: Values, kind: str, text: str, path: Any = None, unit: str = "") -> None:
        """Keep the values of a profile."""
        calendar = "noleap" if len(values) != 8784 else "standard"  # noqa: PLR2004
        self.series[name] = Series(name, values, kind, path or self.book.path, unit=unit, text=text, calendar=calendar)

    def availability(self, row: Row, n_th: float) -> tuple[str, str]:
        """Return the profiles of input per heat and of availability; empty where a unit has none."""
        kind = fold(str(row["type"]))
        sensitive = any(is_set(row[c]) for c in ("by_source", "by_flow", "by_return"))
        if kind in STRANGE:
            text = f"the published version of the tool does not know the type {row['type']}: it would keep the COP of"
            text += f" '{row['name']}' constant; here it follows its temperatures."
            self.note(text, GENERATORS, row, "type", row["type"], severity="warning", code="type-unknown-to-tool")
        if kind in SOURCES:
            return self.heat_pump(row, n_th) if sensitive or is_set(row["off_below"]) else ("", "")
        if sensitive:
            text = f"ignored: '{row['name']}' carries the COP sensitivity of a heat pump, but is of type {row['type']}."
            self.note(text, GENERATORS, row, "by_source", row["by_source"], severity="warning", code="cop-sensitivity")
        if kind == "solar thermal":
            return "", self.solar(row)
        return "", self.frost(row) if kind == "heat pump" else ""

    def solar(self, row: Row) -> str:
        """Return the availability of a solar field: radiation as a share of its maximum."""
        values = self.general_values("radiation", row)
        if values is None:
            return f"solar {row['name']}" if self.later or self.is_catalogue else ""
        if not values.max() > 0:
            self.note("the radiation is never above 0.", GENERATORS, row, "name", row["name"])
            return ""
        name = f"solar {row['name']}" + (f" {self.book.year}" if self.book.year else "")
        self.keep(
            name, np.clip(values, 0, None) / values.max(), "factor", "hotmaps: radiation as a share of its maximum"
        )
        return name

    def frost(self, row: Row) -> str:
        """Return the availability of a heat pump that stands still in the cold; empty if it never does."""
        given = number(self.general.get("threshold"))
        threshold = given if not math.isnan(given) else THRESHOLD
        said = "" if not math.isnan(given) else ", which the tool takes where the workbook names none"
        if not as_name(self.external.get("temperature")):
            text = f"not applied: heat pumps stand still at {threshold:g} °C{said}; the workbook names no temperature."
            self.note(text, GENERATORS, row, "type", severity="info", code="heat-pump-threshold")
            return ""
        values = self.general_values("temperature", row)
        if values is None:
            return ""
        off = values <= threshold
        text = f"heat pumps stand still at {threshold:g} °C{said}: '{row['name']}' in {int(off.sum())} hours."
        self.note(text, GENERATORS, row, "type", severity="info", code="heat-pump-threshold")
        if not off.any():
            return ""
        name = f"availability {row['name']}" + (f" {self.book.year}" if self.book.year else "")
        self.keep(name, np.where(off, 0.0, 1.0), "factor", f"hotmaps: heat pump above {threshold:g} °C")
        return name

    def heat_pump(self, row: Row, n_th: float) -> tuple[str, str]:
        """Return the profiles of a heat pump whose COP follows temperatures."""
        source = SOURCES[fold(str(row["type"]))]
        parts = (
            ("by_source", source, "source_c"),
            ("by_flow", "flow temperature", "flow_c"),
            ("by_return", "return temperature", "return_c"),
        )
        values: dict[str, Values] = {}
        is_complete = True
        for column, kind, nominal in parts:
            if not is_set(row[column]) and not (column == "by_source" and is_set(row["off_below"])):
                continue
            if is_set(row[column]) and number(row[nominal]) != number(row[nominal]):
                self.note(
                    "the temperature to which the sensitivity refers is blank.",
                    GENERATORS,
                    row,
                    nominal,
                    hint="Write it.",
                )
                is_complete = False
            found = self.general_values(kind, row)
            is_complete = is_complete and found is not None
            if found is not None:
                values[column] = found
        if not is_complete or len({len(v) for v in values.values()}) != 1:
            if is_complete and values:
                self.note("its temperature profiles are of different length.", GENERATORS, row, "name", row["name"])
            elif self.later:
                text = f"left out: the COP of '{row['name']}' stays {n_th:g}, and its capacity too, since temperature profiles are missing."
                self.note(text, GENERATORS, row, "by_source", severity="warning", code="cop-constant")
            return "", ""
        cop = np.full(len(next(iter(values.values()))), n_th)
        for column, _, nominal in parts:
            if is_set(row[column]):
                cop = cop + (values[column] - number(row[nominal])) * number(row[column])
        cop = np.maximum(cop, COP_FLOOR)
        avail = cop / n_th * self.fade(row, values.get("by_source"))
        suffix = f"{row['name']}" + (f" {self.book.year}" if self.book.year else "")
        self.keep(f"input {suffix}", n_th / cop, "factor", "hotmaps: nominal COP by COP")
        self.keep(f"availability {suffix}", avail, "factor", "hotmaps: COP by nominal COP, and less near the shut-off")
        return f"input {suffix}", f"availability {suffix}"

    def fade(self, row: Row, source: Values | None) -> Values | float:
        """Return the share of power near the temperature of the source at which a heat pump shuts off."""
        low, high = number(row["off_below"]), number(row["fades_below"])
        if source is None or math.isnan(low):
            return 1.0
        if not high > low:
            return np.where(source <= low, 0.0, 1.0)
        text = f"between {low:g} and {high:g} °C of its source the power of '{row['name']}' is taken to rise evenly."
        self.note(text, GENERATORS, row, "fades_below", severity="info", code="fade-out")
        return np.clip((source - low) / (high - low), 0.0, 1.0)
