"""An EnergyPLAN output as the results of a run: energies, flows, contents, prices, costs, emissions, in MWh, MW, t and money."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dhsdb.errors import Problem
from dhsdb.importers.energyplan_columns import ENERGY, LEVEL, OTHER, PAYMENT, PERCENT, PRICE, TOTAL, Column, columns
from dhsdb.importers.energyplan_output import MONTH_HOURS, MONTHS, SUMMARY
from dhsdb.importers.energyplan_text import HOURS
from dhsdb.importers.energyplan_units import Units, energy_unit, units_of
from dhsdb.importers.rows import Results

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from dhsdb.importers.energyplan_output import Output
    from dhsdb.importers.units import Conversion

SOLVER = "EnergyPLAN"
STAGE = "energyplan"
READS = ("energyplan_key", "profile")
"""Inputs whose change makes an output stale."""

_FUELS = frozenset(
    ("Uranium", "Coal", "FuelOil", "Gasoil/Diesel", "Petrol/JP", "Gas handling", "Ngas", "LPG", "Biomass", "Food income", "Waste")
)  # fmt: skip
_EXCHANGE = frozenset(("Import", "Export", "Bottleneck", "Fixed imp/exp", "Fixed imp/ex"))
_SINGLE = {
    "Ngas Exchange costs": ("fuel", "Ngas exchange"),
    "Marginal operation costs": ("variable", None),
    "CO2 emission costs": ("emission", None),
}
_SUMS = (
    "Fuel ex. Ngas exchange", "Fuel ex Ngas exchange", "Electricity exchange", "Variable costs", "Fixed operation costs",
    "Annual Investment costs", "TOTAL ANNUAL COSTS",
)  # fmt: skip
"""Totals of the cost block: kept as figures, since their parts are the costs."""
_BALANCE_SUMS = ("Total", "Net", "Imp/Exp")
"""Columns of the fuel balance that are no use of it."""


def output_results(
    out: Output, site: str, year: int | None, found: Sequence[Column] | None = None
) -> Results | list[Problem]:
    """Return the results that an output holds, or what is wrong with its units.

    Parameters
    ----------
    found
        What the columns of the table are; None = what their names say.
    """
    problems: list[Problem] = []
    units = units_of(out, problems)
    if problems:
        return problems
    made = _Tables(out, site, year, units)
    made.blocks()
    made.table(columns(out.labels) if found is None else found)
    frames = made.frames()
    if not any(len(frame) for frame in frames.values()):
        hint = "It is cut off at its beginning, or no output of EnergyPLAN; write it anew with -ascii."
        return [Problem("the output holds no figures.", str(out.path), hint=hint, code="format")]
    said = [
        Problem(f"EnergyPLAN warns: {w}", str(out.path), severity="warning", code="energyplan-warning")
        for w in out.warnings
    ]
    if out.missing:
        text = f"the output is not complete; it lacks {'; '.join(out.missing)}."
        hint = "What is there was taken."
        said.append(Problem(text, str(out.path), hint=hint, severity="warning", code="truncated"))
    facts = {"data set": out.dataset} if out.dataset else {}
    return Results(
        STAGE, frames, (out.path,), SOLVER, out.version, objective=made.objective, year=year,
        currency=units.currency, message=f"{out.dataset or out.path.name}, simulated by EnergyPLAN", reads=READS, facts=facts,
        findings=(*said, *out.notes, *made.findings),
    )  # fmt: skip


@dataclass(slots=True)
class _Tables:
    """The result tables of an output while they come about."""

    out: Output
    site: str
    year: int | None
    units: Units
    items: dict[tuple[Any, ...], int] = field(default_factory=dict)
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    hourly: dict[str, list[pd.DataFrame]] = field(default_factory=dict)
    findings: list[Problem] = field(default_factory=list)
    objective: float | None = None

    # --- what stands at the top ---------------------------------------------------------------------------------------
    def blocks(self) -> None:
        self.costs()
        self.emissions()
        self.fuel_balance()
        self.summary()

    def costs(self) -> None:
        scale = self.units.money
        labels = list(self.out.summary)
        start = next((i for i, label in enumerate(labels) if label.startswith("ANNUAL COSTS")), len(labels))
        for label in labels[start + 1 :]:
            value = self.out.total(label)
            if value is None:
                continue
            if label in _FUELS:
                self.cost("fuel", label, value * scale)
            elif label in _EXCHANGE:
                self.cost("exchange", label, value * scale)
            elif label in _SINGLE:
                self.cost(*_SINGLE[label], value * scale)
            else:
                if label not in _SUMS:
                    said = f"the cost '{label}' is not known here; it is kept as a figure."
                    self.note(said, severity="warning", code="unknown-label")
                self.figure(label, value * scale, "money")
        total = self.out.total("TOTAL ANNUAL COSTS")
        self.objective = None if total is None else total * scale
        for technology, whole, annual, fixed in self.investments():
            self.cost("capital", technology, annual * scale)
            self.cost("fixed", technology, fixed * scale)
            self.figure("total investment", whole * scale, "money", self.item(technology))
        if self.out.investments:
            self.compare_sums()

    def investments(self) -> list[tuple[str, float, float, float]]:
        """Return the technologies, and what a study adds; one that is listed twice has (2) behind it."""
        seen: dict[str, int] = {}
        rows = []
        for technology, *values in (*self.out.investments, *self.out.alternatives):
            seen[technology] = seen.get(technology, 0) + 1
            named = technology if seen[technology] == 1 else f"{technology} ({seen[technology]})"
            rows.append((named, values[0], values[1], values[2]))
        return rows

    def compare_sums(self) -> None:
        """Say where the technologies' costs don't add up to the total, beyond rounding."""
        rows = self.investments()
        for label, sums in (
            ("Annual Investment costs", [r[2] for r in rows]),
            ("Fixed operation costs", [r[3] for r in rows]),
        ):
            total = self.out.total(label)
            if total is not None and abs(sum(sums) - total) > 0.5 * sum(s != 0 for s in sums) + 1:
                said = f"the technologies add up to {sum(sums):,.0f}, but '{label}' is {total:,.0f} {self.out.units['cost']}."
                self.note(said, severity="warning", code="totals-disagree")

    def cost(self, kind: str, technology: str | None, value: float) -> None:
        self.add("cost", item=self.item(technology), kind=kind, value=value, discounted=None)

    def emissions(self) -> None:
        named = {"CO2-emission (total)": "CO2", "CO2-emission (corrected)": "CO2 corrected"}
        for label in (label for label in self.out.summary if label.startswith("CO2-emission")):
            value = self.out.total(label)
            if value is not None and label in named:
                self.emission(named[label], self.converted(self.units.co2, value))
            elif value is not None:
                self.figure(label, self.converted(self.units.co2, value), "t")
        for emission, value in self.out.emissions.items():
            self.emission(emission, value)

    def emission(self, name: str, value: float) -> None:
        self.add("emission", item=self.item(None), emission=name, t=value)

    def fuel_balance(self) -> None:
        """Keep the fuel of each use; the sums of a fuel or a use are figures."""
        for fuel, values in self.out.fuels.items():
            if len(values) != len(self.out.fuel_columns):
                said = f"the fuel balance of {fuel} has {len(values)} values for {len(self.out.fuel_columns)} columns."
                self.note(said, hint="It is left out.", severity="warning", code="fuel-balance")
                continue
            for use, value in zip(self.out.fuel_columns, values, strict=True):
                mwh = self.converted(self.units.fuel, value)
                if fuel == "Total" or use.startswith(_BALANCE_SUMS):
                    self.figure(f"fuel balance, {fuel}, {use}", mwh, "MWh")
                else:
                    item = self.item(use, f"fuel: {fuel}", "in")
                    self.add("energy", item=item, mwh=mwh, full_load_hours=None)

    def summary(self) -> None:
        for label, values in self.out.summary.items():
            numbers = [(at, v) for at, v in values.items() if isinstance(v, float)]
            words = [v for v in values.values() if isinstance(v, str)]
            if label.startswith("ANNUAL COSTS"):
                return
            if label.startswith("CO2-emission") or not numbers:
                continue
            energy = "onsumption" in label or label.startswith(("Fuel(", "Waste Input")) or "prod." in label
            for at, value in numbers:
                name = label if at == 1 else f"{label}, households"
                if "percent" in words:
                    self.figure(name, value, "percent")
                elif energy:
                    unit = words[0] if words else self.out.units.get("summary", "")
                    self.figure(name, self.converted(energy_unit(unit), value), "MWh" if unit else "")
                else:
                    self.figure(name, value, "hour" if "Hours" in label else "")

    # --- the table ----------------------------------------------------------------------------------------------------
    def table(self, found: Sequence[Column]) -> None:
        length = HOURS[1] if self.out.n_hours == HOURS[1] else HOURS[0]
        for at, column in enumerate(found):
            self.annual(column, at)
            self.months(column, at, length)
            for label in SUMMARY:
                self.year_figure(column, at, label)
        self.hours(found)
        if self.out.annual and len([m for m in MONTHS if m in self.out.rows]) == len(MONTHS):
            self.compare_totals(found, length)
        unknown = [c.label for c in found if c.kind == OTHER]
        if unknown:
            said = (
                f"{len(unknown)} columns are kept as figures in the unit that EnergyPLAN prints: {', '.join(unknown)}."
            )
            self.note(said, severity="info", code="kept-as-figure")

    def annual(self, column: Column, at: int) -> None:
        value = self.out.annual[at] if self.out.annual else None
        if not isinstance(value, float):
            return
        if column.kind == ENERGY:
            mwh = self.converted(self.units.annual, value)
            self.add("energy", item=self.of(column), mwh=mwh, full_load_hours=None)
        elif column.kind == TOTAL:
            self.figure(column.label, self.converted(self.units.annual, value), "MWh")
        elif column.kind == PAYMENT:
            self.figure(column.label, value * self.units.money, "money")
        else:
            self.figure(column.label, value, "")

    def months(self, column: Column, at: int, length: int) -> None:
        for t, (month, weight) in enumerate(zip(MONTHS, MONTH_HOURS[length], strict=True), 1):
            value = self.out.rows[month][at] if month in self.out.rows else None
            if not isinstance(value, float):
                continue
            if column.kind == ENERGY:
                mwh = self.converted(self.units.power, value * weight)
                self.add("flow", item=self.of(column, "month"), t=t, weight_h=float(weight), mwh=mwh)
            elif column.kind == PAYMENT:  # the sum of the month
                self.figure(column.label, value * self.units.money, "money", t=t, weight_h=float(weight))
            else:
                self.figure(column.label, *self.mean(column, value), t=t, weight_h=float(weight))

    def year_figure(self, column: Column, at: int, label: str) -> None:
        value = self.out.rows[label][at] if label in self.out.rows else None
        if isinstance(value, float):
            name = f"{column.label}, {label.removeprefix('Annual ').lower()}"
            self.figure(name, *(self.mean(column, value) if column.kind != PAYMENT else (value, "")))

    def mean(self, column: Column, value: float) -> tuple[float, str]:
        """Return a mean, greatest or least value in the unit of the store."""
        if column.kind in (ENERGY, TOTAL):
            return self.converted(self.units.power, value), "MW"
        if column.kind == LEVEL:
            return self.converted(self.units.power, value), "MWh"
        return value, {PRICE: "money/MWh", PERCENT: "percent"}.get(column.kind, "")

    def hours(self, found: Sequence[Column]) -> None:
        """Keep the hourly values, column by column as arrays."""
        import numpy as np  # heavy
        import pandas as pd

        if self.out.hours is None or not len(self.out.hours):
            return
        t = np.arange(1, len(self.out.hours) + 1, dtype=np.int16)
        power = self.units.hourly.apply(self.out.hours)
        for at, column in enumerate(found):
            if column.kind == ENERGY:
                facts: dict[str, Any] = {"item": self.of(column), "t": t, "weight_h": 1.0, "mwh": power[:, at]}
                name = "flow"
            elif column.kind == LEVEL:
                facts, name = {"item": self.of(column), "t": t, "mwh": power[:, at]}, "level"
            elif column.kind == PRICE:
                facts, name = {"item": self.of(column), "t": t, "value": self.out.hours[:, at]}, "price"
            else:
                value, unit = self.hourly_figure(column, power[:, at], self.out.hours[:, at])
                facts = {"item": None, "name": column.label, "t": t, "weight_h": 1.0, "value": value, "unit": unit}
                name = "figure"
            rows = pd.DataFrame(facts)
            self.hourly.setdefault(name, []).append(rows.dropna(subset=["mwh" if "mwh" in facts else "value"]))

    def hourly_figure(
        self, column: Column, power: NDArray[np.float64], printed: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], str]:
        """Return hourly values of a column that is no flow; payments are known in files of thousands only."""
        if column.kind == TOTAL:
            return power, "MW"
        if column.kind == PAYMENT:
            return printed, "money" if self.units.prints_thousands else ""
        return printed, "percent" if column.kind == PERCENT else ""

    def compare_totals(self, found: Sequence[Column], length: int) -> None:
        """Say where a year is not the sum of its months, beyond rounding."""
        weights = MONTH_HOURS[length]
        rounded = self.converted(self.units.power, 0.5) * length + self.converted(self.units.annual, 0.005)
        odd = []
        for at, column in enumerate(found):
            whole, parts = self.out.annual[at], [self.out.rows[m][at] for m in MONTHS]
            if column.kind not in (ENERGY, TOTAL) or not isinstance(whole, float):
                continue
            summed = sum(p * w for p, w in zip(parts, weights, strict=True) if isinstance(p, float))
            if (
                abs(self.converted(self.units.power, summed) - self.converted(self.units.annual, whole))
                > rounded * 1.01
            ):
                odd.append(column.label)
        if odd:
            said = f"the months don't add up to the year in {len(odd)} columns: {', '.join(odd[:5])}."
            self.note(said, severity="warning", code="totals-disagree")

    # --- rows ---------------------------------------------------------------------------------------------------------
    def of(self, column: Column, resolution: str = "") -> int:
        if column.kind == PRICE:
            return self.item(None, column.commodity)
        return self.item(column.technology, column.commodity or None, column.direction or None, resolution)

    def item(
        self, technology: str | None, commodity: str | None = None, direction: str | None = None, resolution: str = ""
    ) -> int:
        """Return the number of an item; months have items of their own beside those of the hours."""
        return self.items.setdefault((technology, commodity, direction, resolution), len(self.items) + 1)

    def figure(
        self,
        name: str,
        value: float,
        unit: str,
        item: int | None = None,
        t: int | None = None,
        weight_h: float | None = None,
    ) -> None:
        self.add("figure", item=item, name=name, t=t, weight_h=weight_h, value=value, unit=unit)

    def add(self, table: str, **cells: Any) -> None:
        self.rows.setdefault(table, []).append({"year": self.year, **cells})

    def converted(self, how: Conversion, value: float) -> float:
        return value * how.factor / how.divisor

    def note(self, text: str, **facts: Any) -> None:
        self.findings.append(Problem(text, str(self.out.path), **facts))

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return the tables, sorted as the store reads them."""
        import pandas as pd  # heavy

        items = pd.DataFrame(
            [(n, self.site, t, c, d) for (t, c, d, _), n in self.items.items()],
            columns=["item", "site", "technology", "commodity", "direction"],
        )
        found = {"item": items}
        for name in ("energy", "flow", "level", "price", "cost", "emission", "figure"):
            parts = [pd.DataFrame(self.rows[name])] if name in self.rows else []
            parts += [part.assign(year=self.year) for part in self.hourly.get(name, [])]
            if parts:
                whole = pd.concat([p.astype(_TYPES[name]) for p in parts], ignore_index=True)
                found[name] = whole.sort_values(["year", "item", *(["t"] if "t" in whole else [])], kind="stable")
        return found


_NUMBER, _WHOLE, _TEXT = "Float64", "Int32", "string"
_TYPES: dict[str, dict[str, str]] = {
    "energy": {"year": _WHOLE, "item": _WHOLE, "mwh": _NUMBER, "full_load_hours": _NUMBER},
    "flow": {"year": _WHOLE, "item": _WHOLE, "t": _WHOLE, "weight_h": _NUMBER, "mwh": _NUMBER},
    "level": {"year": _WHOLE, "item": _WHOLE, "t": _WHOLE, "mwh": _NUMBER},
    "price": {"year": _WHOLE, "item": _WHOLE, "t": _WHOLE, "value": _NUMBER},
    "cost": {"year": _WHOLE, "item": _WHOLE, "kind": _TEXT, "value": _NUMBER, "discounted": _NUMBER},
    "emission": {"year": _WHOLE, "item": _WHOLE, "emission": _TEXT, "t": _NUMBER},
    "figure": {
        "year": _WHOLE, "item": _WHOLE, "name": _TEXT, "t": _WHOLE, "weight_h": _NUMBER, "value": _NUMBER, "unit": _TEXT,
    },
}  # fmt: skip
