"""What of OSeMOSYS data can't be meant, has no place here, or is read otherwise: refused by name, or said in a finding.

OSeMOSYS has holes that are reported, not emulated: a fuel without producer is supplied free, costs that add up to 0 over
modes are dropped, trade listed one way creates energy.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from dhsdb.importers.osemosys_arrays import FAR_AWAY, SHARE_SUM, UNLIMITED, is_hp
from dhsdb.importers.osemosys_csv import refused
from dhsdb.importers.osemosys_names import (
    BRACKET,
    DAYTYPE,
    FUEL,
    MODE,
    PARAMETERS,
    REGION,
    SEASON,
    SLICE,
    STORAGE,
    TECHNOLOGY,
    UNUSED_BY_PULP,
    UPPER,
    YEAR,
)
from dhsdb.importers.osemosys_remarks import SHOWN, Remarks, Reports
from dhsdb.importers.osemosys_source import Place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from dhsdb.errors import Problem
    from dhsdb.importers.osemosys_arrays import Arrays
    from dhsdb.importers.osemosys_source import Model

    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]

_INACTIVE = (0.0, UNLIMITED, FAR_AWAY)
_SPLIT = 1e-4
_YEAR = 0.01
_RATES = ("DiscountRate", "DiscountRateIdv", "DiscountRateStorage", "DiscountRateTech", "DiscountRateSto")
_RATE = (-0.5, 1.0)
_MOST = {"MinStorageCharge": 1.0, "DaySplit": 1.0, "DaysInDayType": 7.0}
_NEVER_EVERYWHERE = (
    "InputActivityRatio", "OutputActivityRatio", "EmissionActivityRatio", "TechnologyToStorage", "TechnologyFromStorage", "TradeRoute",
)  # fmt: skip
_NEVER_NEGATIVE = (
    "YearSplit", "OperationalLife", "SpecifiedAnnualDemand", "SpecifiedDemandProfile", "AccumulatedAnnualDemand", "CapacityToActivityUnit",
    "CapacityFactor", "AvailabilityFactor", "ResidualCapacity", "InputActivityRatio", "OutputActivityRatio", "CapitalCost", "FixedCost",
    "TotalAnnualMinCapacity", "TotalAnnualMinCapacityInvestment", "TotalTechnologyAnnualActivityLowerLimit",
    "TotalTechnologyModelPeriodActivityLowerLimit", "CapacityOfOneTechnologyUnit", "ReserveMarginTagTechnology", "ReserveMarginTagFuel",
    "RETagTechnology", "RETagFuel", "EmissionsPenalty", "TechnologyToStorage", "TechnologyFromStorage", "StorageLevelStart",
    "StorageMaxChargeRate", "StorageMaxDischargeRate", "MinStorageCharge", "OperationalLifeStorage", "CapitalCostStorage",
    "ResidualStorageCapacity", "DaySplit", "DaysInDayType", "GIS_Losses", "OutputModeofoperation",
)  # fmt: skip


def check_sets(model: Model) -> list[Problem]:
    """Return what is wrong with the sets, without which nothing else can be read."""
    found = [p for name in (REGION, TECHNOLOGY, FUEL, MODE, SLICE, YEAR) if (p := _missing(model, name))]
    whole = [YEAR] if is_hp(model) else [YEAR, SEASON, DAYTYPE, BRACKET]
    for name in whole:
        bad = [word for word in model.sets[name] if not word.lstrip("-").isdigit()]
        for word in bad[:SHOWN]:
            text = f"'{word}' is no whole number, as members of {name} must be."
            found.append(model.source.place(name).problem(text, column=name, value=word, code="label"))
    years = [int(w) for w in model.sets[YEAR] if w.lstrip("-").isdigit()]
    if years != sorted(years):
        text = "the years are not in ascending order."
        found.append(model.source.place(YEAR).problem(text, column=YEAR, hint="Sort them.", code="label"))
    if is_hp(model) and model.sets[SLICE] != [str(i + 1) for i in range(len(model.sets[SLICE]))]:
        text = "the time slices are not 1, 2, ... n in this order, as OSeMOSYS_PuLP needs them."
        found.append(model.source.place(SLICE).problem(text, column=SLICE, code="label"))
    return found + model.too_large()


def _missing(model: Model, name: str) -> Problem | None:
    if model.sets[name]:
        return None
    text = f"the set {name} is missing or empty."
    return model.source.place(name).problem(text, column=name, hint="Without it there is no model.", code="set")


def check_values(arrays: Arrays) -> Iterator[Problem]:
    """Yield what is wrong with the values, and what is read otherwise than it stands."""
    rules = _Rules(arrays)
    yield from rules.not_covered()
    yield from rules.signs()
    yield from rules.time()
    yield from rules.fuels()
    yield from rules.trade()
    yield from rules.storage()
    yield from Remarks(arrays).said()


class _Rules(Reports):
    """What can't be meant, or has no place."""

    # --- what has no place --------------------------------------------------------------------------------------------
    def not_covered(self) -> Iterator[Problem]:
        """Refuse what is given in parameters that have no place; say what is given without effect."""
        idle: list[str] = []
        for name, blocks in self.source.blocks.items():
            kind = PARAMETERS[name].kind if name in PARAMETERS else "unknown"
            if kind == "model" or (kind == "pulp" and is_hp(self.m)):
                continue
            neutral = (*_INACTIVE, self.m.default(name) if name in PARAMETERS else self.source.defaults.get(name, 0.0))
            values = np.concatenate([b.values for b in blocks])
            rows = np.concatenate([b.rows for b in blocks])
            told = ~np.isin(values, neutral)
            if name in UNUSED_BY_PULP or not told.any():
                idle.append(name)
            elif kind == "unknown":
                yield self.unknown(name, int(rows[told][0]))
            else:
                yield refused(name, blocks[0].place, int(rows[told][0]))
        if is_hp(self.m):
            idle += [n for n in UNUSED_BY_PULP if n in self.m.given]
            idle += [
                n
                for n in ("StorageMaxChargeRate", "StorageMaxDischargeRate", "DaysInDayType", "DiscountRate")
                if n in self.m.given
            ]
        if idle:
            text = f"no equation uses {', '.join(sorted(set(idle)))} as they stand; they are not imported."
            yield Place(self.source.file).problem(text, severity="info", code="no-effect")
        if self.source.left_out:
            text = f"left out as asked: {', '.join(sorted(self.source.left_out))}."
            yield Place(self.source.file).problem(text, severity="warning", code="left-out")

    def unknown(self, name: str, row: int) -> Problem:
        from dhsdb.errors import did_you_mean

        hint = did_you_mean(name, PARAMETERS) or f"Leave it out: -o ignore={name}."
        return self.source.place(name).problem(
            f"{name} is no parameter that is known.", row, column=name, hint=hint, code="name"
        )

    # --- values that can't be -----------------------------------------------------------------------------------------
    def signs(self) -> Iterator[Problem]:
        """Refuse values that no parameter of their kind can have."""
        for name in _NEVER_NEGATIVE:
            hint = "OSeMOSYS would force the activity to 0." if name.endswith("ActivityRatio") else ""
            yield from self.bad(name, lambda v: v < 0, "'{:g}' is negative", hint, code="negative")
            if self.m.default(name) < 0:
                yield self.problem(name, f"the default of {name} is negative.", code="negative")
        for name in UPPER:
            hint = "Write -1 for unlimited."
            yield from self.bad(name, lambda v: (v < 0) & (v != UNLIMITED), "'{:g}' is no limit", hint, code="negative")
        for name in _RATES:
            hint = "Write 0.05 for 5 %."
            yield from self.bad(name, lambda v: (v < _RATE[0]) | (v > _RATE[1]), "'{:g}' is no rate", hint, code="rate")
            if not _RATE[0] <= self.m.default(name) <= _RATE[1]:
                yield self.problem(name, f"the default of {name} is no rate.", hint=hint, code="rate")
        for name, most in _MOST.items():
            yield from self.bad(name, partial(np.less, most), f"'{{:g}}' is above {most:g}", code="bounds")
            if self.m.default(name) > most:
                yield self.problem(name, f"the default of {name} is above {most:g}.", code="bounds")
        yield from self.method()
        yield from self.conversion_to_activity()
        for name in _NEVER_EVERYWHERE:
            if self.m.default(name) != 0:
                text = f"a default of {self.m.default(name):g} would join everything with everything."
                yield self.problem(name, text, code="default", hint="List the values and let the default be 0.")

    def bad(
        self, name: str, is_bad: Callable[[Floats], Mask], message: str, hint: str = "", *, code: str
    ) -> Iterator[Problem]:
        """Yield a problem for each given value that is bad."""
        if (found := self.m.given.get(name)) is not None:
            yield from self.given(name, is_bad(found.values), message, hint, code=code)

    def method(self) -> Iterator[Problem]:
        """Refuse depreciation that is neither by sinking fund nor straight."""
        name = "DepreciationMethod"
        yield from self.bad(name, lambda v: ~np.isin(v, (1, 2)), "'{:g}' is neither 1 nor 2", code="bounds")
        if self.m.default(name) not in (1, 2):
            text = "its default is neither 1 (sinking fund) nor 2 (straight line)."
            yield self.problem(name, text, code="bounds")

    def conversion_to_activity(self) -> Iterator[Problem]:
        name = "CapacityToActivityUnit"
        hint = "A capacity without activity has no size in MW; write 1 or 31.536."
        if (found := self.m.given.get(name)) is not None:
            yield from self.given(name, found.values == 0, "'0' makes nothing of any capacity", hint, code="zero")
        if self.m.default(name) == 0 and (self.m.array(name) == 0).any():
            yield self.problem(name, "its default is 0, which makes nothing of any capacity.", code="zero", hint=hint)

    # --- time ---------------------------------------------------------------------------------------------------------
    def time(self) -> Iterator[Problem]:
        split = self.m.array("YearSplit")
        total = split.sum(axis=0)
        bad = np.abs(total - 1) > _SPLIT
        if bad.any():
            first = int(np.flatnonzero(bad)[0])
            text = f"the slices of {self.t.years[first]} add up to {total[first]:.6g} years, not 1 ({self.years(bad)})."
            severity = "error" if np.abs(total - 1).max() > _YEAR else "warning"
            hint = "GNU MathProg stops at more than 0.0001 from 1; slices are taken as they are."
            yield self.problem("YearSplit", text, code="year-split", hint=hint, severity=severity)
        if (split <= 0).any():
            at = np.argwhere(split <= 0)[0]
            text = f"{self.m.words('YearSplit', at)}: the slice has no length."
            yield self.problem("YearSplit", text, *map(int, at), code="year-split")
        yield from self.calendar()

    def calendar(self) -> Iterator[Problem]:
        """Check seasons, day types and brackets, which only storage uses."""
        if is_hp(self.m) or not self.m.sets[STORAGE]:
            return
        linked = any(
            n in self.m.given and (self.m.given[n].values != 0).any()
            for n in ("TechnologyToStorage", "TechnologyFromStorage")
        )
        for name, index in (("Conversionls", SEASON), ("Conversionld", DAYTYPE), ("Conversionlh", BRACKET)):
            members = self.t.numbers(index)
            if members != list(range(1, len(members) + 1)):
                yield self.problem(
                    index,
                    f"{index} must be 1, 2, 3, ...: its members are {', '.join(map(str, members))}.",
                    code="label",
                )
                continue
            given = self.m.array(name)
            for at in np.argwhere((given != 0) & (given != 1))[:SHOWN]:
                text = f"{self.m.words(name, at)}: '{given[tuple(at)]:g}' is neither 0 nor 1."
                yield self.problem(name, text, *map(int, at), code="conversion")
            odd = np.flatnonzero((given != 0).sum(axis=1) != 1)
            if len(odd) and linked:
                slices = ", ".join(self.m.sets[SLICE][i] for i in odd[:5])
                text = f"{len(odd)} time slices belong to no or several {index} ({slices}); storage needs one each."
                yield self.problem(name, text, int(odd[0]), code="conversion")
        if linked and (np.diff(self.t.years) != 1).any():
            yield self.problem(YEAR, "storage needs every year from the first to the last.", code="years")

    # --- fuels --------------------------------------------------------------------------------------------------------
    def fuels(self) -> Iterator[Problem]:
        m = self.m
        shape = (m.size[REGION], m.size[FUEL], m.size[YEAR])
        used, made = np.zeros(shape, bool), np.zeros(shape, bool)
        used |= (m.array("SpecifiedAnnualDemand") != 0) | (m.array("AccumulatedAnnualDemand") != 0)
        for name, target in (("InputActivityRatio", used), ("OutputActivityRatio", made)):
            if (found := m.given.get(name)) is not None:
                told = found.values != 0
                target[found.at[0, told], found.at[2, told], found.at[4, told]] = True
        text = "it is used or demanded, but nothing produces it"
        hint = "OSeMOSYS would supply it free; add a technology that gives it."
        if self.pulp:
            hint = "There is no solution unless its demand is 0; add a technology that gives it."
        severity = "warning" if self.pulp else "error"
        yield from self.where("SpecifiedAnnualDemand", used & ~made, text, hint, code="no-producer", severity=severity)
        yield from self.demand()
        yield from self.costs()

    def demand(self) -> Iterator[Problem]:
        m = self.m
        amount = m.array("SpecifiedAnnualDemand")
        total = np.zeros(amount.shape)
        for (r, f), shape in self.t.by_slice("SpecifiedDemandProfile").items():
            total[r, f] = shape.sum(axis=1)
        none = (amount != 0) & (total <= 0)
        hint = "OSeMOSYS would meet nothing of it; give shares in SpecifiedDemandProfile, or AccumulatedAnnualDemand."
        yield from self.where("SpecifiedAnnualDemand", none, "the demand has no profile", hint, code="no-profile")
        odd = (amount != 0) & (total > 0) & (np.abs(total - 1) > SHARE_SUM)
        far = odd & (np.abs(total - 1) > _SPLIT)
        for mask, severity in ((far, "warning"), (odd & ~far, "info")):
            for at in np.argwhere(mask.any(axis=-1))[:SHOWN]:
                sums = total[tuple(at)][mask[tuple(at)]]
                text = f"{m.words('SpecifiedAnnualDemand', at)}: the shares add up to {sums.min():.10g}"
                text += "" if sums.min() == sums.max() else f" to {sums.max():.10g}"
                text += f" ({self.years(mask[tuple(at)])}); OSeMOSYS takes them as they are, so that much of the demand is met."
                yield self.problem("SpecifiedDemandProfile", text, *map(int, at), code="share-sum", severity=severity)
        both = (amount != 0) & (m.array("AccumulatedAnnualDemand") != 0)
        text = "it has demand by slice and by year, which do not add up: the greater one counts"
        yield from self.where("AccumulatedAnnualDemand", both, text, code="both-demands", severity="warning")

    def costs(self) -> Iterator[Problem]:
        costs = self.m.array("VariableCost")
        cancels = (costs.sum(axis=2) == 0) & (costs != 0).any(axis=2)
        text = "the variable costs of its modes add up to 0, so that OSeMOSYS drops them all; they are set to 0"
        yield from self.where("VariableCost", cancels, text, code="cost-sum", severity="warning")
        yield from self.negative_emissions()
        if (found := self.m.given.get("VariableCost")) is not None:
            at = found.at
            idle = ~self.t.modes[at[0], at[1], at[2]] & (found.values != 0)
            if idle.any():
                text = (
                    f"{int(idle.sum())} values are of modes without flows, so they have no effect and are not imported."
                )
                yield self.problem(
                    "VariableCost", text, *map(int, at[:3, np.flatnonzero(idle)[0]]), code="no-effect", severity="info"
                )

    def negative_emissions(self) -> Iterator[Problem]:
        """Say which modes OSeMOSYS forbids because they take emissions out of the air."""
        name = "EmissionActivityRatio"
        if (found := self.m.given.get(name)) is None:
            return
        keys, counts = np.unique(found.at[:4, found.values < 0], axis=1, return_counts=True)
        for at, n in list(zip(keys.T, counts, strict=True))[:SHOWN]:
            text = (
                f"{self.m.words(name, at)}: the emission is negative in {n} years, so OSeMOSYS forbids this mode then."
            )
            hint = "Run with -o negative_emission=allow to let it count."
            yield self.problem(name, text, *map(int, at), code="negative-emission", hint=hint, severity="warning")

    # --- trade --------------------------------------------------------------------------------------------------------
    def trade(self) -> Iterator[Problem]:
        name = "TradeRoute"
        found = self.m.given.get(name)
        if found is None:
            return
        yield from self.given(name, ~np.isin(found.values, (0, 1)), "'{:g}' is neither 0 nor 1", code="trade")
        route = self.m.array(name)
        told = found.values != 0
        own = told & (found.at[0] == found.at[1])
        yield from self.given(name, own, "a region can't trade with itself", code="trade")
        back = route[found.at[1], found.at[0], found.at[2], found.at[3]]
        hint = "List both directions; one alone would create energy."
        yield from self.given(name, told & ~own & (back == 0), "the way back is missing", hint, code="trade")

    # --- storage ------------------------------------------------------------------------------------------------------
    def storage(self) -> Iterator[Problem]:
        m = self.m
        if not m.sets[STORAGE]:
            return
        life = m.array("OperationalLifeStorage")
        for at in np.argwhere(life == 0)[:SHOWN]:
            text = f"{m.words('OperationalLifeStorage', at)}: a lifetime of 0 years, so that new storage never serves."
            yield self.problem("OperationalLifeStorage", text, *map(int, at), code="storage-life", severity="warning")
        for name in ("StorageMaxChargeRate", "StorageMaxDischargeRate"):
            if not is_hp(m):
                for at in np.argwhere(m.array(name) == 0)[:SHOWN]:
                    text = f"{m.words(name, at)}: a rate of 0 forbids all use of the storage."
                    yield self.problem(name, text, *map(int, at), code="storage-rate", severity="warning")
