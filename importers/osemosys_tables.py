"""From OSeMOSYS to the input tables: regions are sites, technologies processes, fuels commodities that may have a surplus.

Columns are power: a capacity becomes MW of activity (``cap * CapacityToActivityUnit * E / 8760`` with E MWh per unit of
energy), and costs, limits and unit sizes follow. Rows that are the same in all years are one row of every year.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from dhsdb.importers.osemosys_names import (
    BRACKET,
    DAYTYPE,
    EMISSION,
    FUEL,
    MODE,
    PARAMETERS,
    REGION,
    SEASON,
    SLICE,
    STORAGE,
    TECHNOLOGY,
    YEAR,
)
from dhsdb.importers.osemosys_source import Place
from dhsdb.importers.rows import ROW, Rows, Series

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from dhsdb.importers.osemosys_source import Model

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Mask = NDArray[np.bool_]

HOURS = 8760.0
"""Hours of an OSeMOSYS year, whatever its fractions add up to."""

UNSTATED = "unstated"
"""Currency of amounts whose currency the source does not say."""

UNLIMITED = -1.0
FAR_AWAY = 999999.0
"""What MUIO writes for unlimited."""


@dataclass(frozen=True, slots=True)
class Units:
    """Units of the source.

    Attributes
    ----------
    energy_mwh
        MWh per unit of energy.
    emission_t
        Tonnes per unit of emission.
    """

    energy: str
    energy_mwh: float
    emission: str
    emission_t: float


@dataclass(slots=True)
class Table:
    """Rows before years are drawn together: keys of shape (n,), cells of shape (n, years) or (n,)."""

    name: str
    keys: dict[str, Sequence[object] | NDArray[Any]]
    cells: dict[str, NDArray[Any]]
    place: Place
    rows: Sequence[int | None] | NDArray[Any] = ()
    present: Mask | None = None
    extra: dict[str, object] = field(default_factory=dict)


class Tables:
    """The tables of one model."""

    def __init__(self, model: Model, units: Units, money: Mapping[str, str] | None = None) -> None:
        self.model = model
        self.units = units
        self.money = {"currency": UNSTATED} | dict(money or {})
        self.sets = model.sets
        self.years = np.array([int(y) for y in self.sets[YEAR]], np.int64)
        self.is_pulp = is_hp(model)
        self.e = units.energy_mwh
        self.size = model.size
        self.mw = self._mw()
        self.modes = self._modes()

    def _mw(self) -> Floats:
        """Return MW of activity per unit of capacity; shape (region, technology)."""
        return self.model.array("CapacityToActivityUnit") * self.e / HOURS

    def items(self) -> Iterator[Rows | Series]:
        """Yield all rows and profiles."""
        for part in (self.frame(), self.time(), self.commodities(), self.processes(), self.activities(), self.storages()):
            for item in part:
                yield from self.drawn(item) if isinstance(item, Table) else (item,)

    # --- the frame of a study -----------------------------------------------------------------------------------------
    def frame(self) -> Iterator[Table]:
        """Yield sites, years and options."""
        m = self.model
        regions = self.sets[REGION]
        rows = self.rows_of(REGION)
        yield Table(
            "site",
            {"site": regions},
            {
                "discount_rate": m.array("DiscountRate"),
                "depreciation_method": m.array("DepreciationMethod"),
            },
            m.source.place(REGION),
            rows,
        )
        place = m.source.place(YEAR)
        yield Table("model_year", {"year": self.years}, {"stands_for": np.ones(len(self.years))}, place, self.rows_of(YEAR))
        options = {
            "accounting": "emb3rs" if self.is_pulp else "osemosys",
            "life_rule": "osemosys",
            "negative_emission": "forbid",
            "cost_floor": "osemosys",
            "energy_unit": self.units.energy,
            "emission_unit": self.units.emission,
            **self.money,
        }
        yield Table(
            "model_option", {"option": list(options)}, {"value": np.array(list(options.values()), object)}, place_of(m)
        )

    def time(self) -> Iterator[Table]:
        """Yield time slices and the calendar of seasons, day types and brackets."""
        m = self.model
        labels = self.sets[SLICE]
        weight = m.array("YearSplit") * HOURS
        calendar = {c: self.conversion(n) for c, n in (("season", "Conversionls"), ("daytype", "Conversionld"), ("bracket", "Conversionlh"))}
        split = m.array("DaySplit")
        hours = weight.copy()
        bracket = calendar["bracket"]
        if self.sets[STORAGE] and len(split) and not self.is_pulp and bool(np.isfinite(bracket).all()):
            place = {number: i for i, number in enumerate(self.numbers(BRACKET))}
            hours = split[[place[int(b)] for b in bracket]] * HOURS
        cells = {"hours": hours, "weight_h": weight, "ordinal": np.arange(1.0, len(labels) + 1)}
        cells |= calendar | {"label": np.array(labels, object)}
        yield Table("time_slice", {"t": np.arange(1, len(labels) + 1)}, cells, m.source.place(SLICE), self.rows_of(SLICE))
        keys = np.array(
            [(s, d, b) for s in range(self.size[SEASON]) for d in range(self.size[DAYTYPE]) for b in range(self.size[BRACKET])],
            np.int64,
        ).reshape(-1, 3)
        if len(keys) and not self.is_pulp:
            names = {c: np.array(self.numbers(s))[keys[:, k]] for k, (c, s) in enumerate((("season", SEASON), ("daytype", DAYTYPE), ("bracket", BRACKET)))}
            days = m.array("DaysInDayType")[keys[:, 0], keys[:, 1]]
            cells = {"day_split": split[keys[:, 2]], "days_in_daytype": days}
            yield Table("slice_calendar", names, cells, m.source.place("DaySplit"))

    def numbers(self, name: str) -> list[int]:
        return [int(word) for word in self.sets[name]]

    def conversion(self, name: str) -> Floats:
        """Return the season, day type or bracket of each slice, NaN where none or several are given."""
        given = self.model.array(name) != 0
        found = np.full(len(given), np.nan)
        one = given.sum(axis=1) == 1
        if one.any():
            found[one] = np.array(self.numbers(PARAMETERS[name].indices[1]), np.float64)[given[one].argmax(axis=1)]
        return found

    # --- commodities --------------------------------------------------------------------------------------------------
    def commodities(self) -> Iterator[Table | Series]:
        """Yield commodities, demand, emissions and trade."""
        m = self.model
        r, f = self.pairs(REGION, FUEL)
        keys = {"site": self.named(REGION, r), "commodity": self.named(FUEL, f)}
        rows = np.array(self.rows_of(FUEL), object)[f]
        yield Table("commodity", keys, {"balance": np.full(len(r), "surplus", object)}, m.source.place(FUEL), rows)
        yield from self.demand()
        r, e = self.pairs(REGION, EMISSION)
        if len(r):
            t = self.units.emission_t
            cells = {
                "price": m.array("EmissionsPenalty")[r, e] / t,
                "exogenous_t": m.array("AnnualExogenousEmission")[r, e] * t,
                "exogenous_horizon_t": m.array("ModelPeriodExogenousEmission")[r, e] * t,
            }
            keys = {"site": self.named(REGION, r), "emission": self.named(EMISSION, e)}
            yield Table("emission", keys, cells, m.source.place(EMISSION), np.array(self.rows_of(EMISSION), object)[e])
        yield from self.trade()

    def demand(self) -> Iterator[Table | Series]:
        """Yield demand in slices with its shape, and demand of the year.

        OSeMOSYS does not scale shares: where they add up to less than 1, less is demanded. Amount and shape say so here.
        """
        m = self.model
        amount = m.array("SpecifiedAnnualDemand") * self.e
        shape = self.by_slice("SpecifiedDemandProfile")
        losses = np.zeros(amount.shape)
        if self.is_pulp:
            losses += (m.array("GIS_Losses") * HOURS * self.e / max(self.size[SLICE], 1))[:, :, None]
        r, f = np.nonzero((amount != 0).any(axis=2) | (losses != 0).any(axis=2))
        if len(r):
            shares = np.stack([shape.get((int(a), int(b)), np.zeros((len(self.years), self.size[SLICE]))) for a, b in zip(r, f, strict=True)])
            total = shares.sum(axis=2)
            odd = (np.abs(total - 1) > SHARE_SUM) & (total > 0)
            mwh = np.where(odd, amount[r, f] * total, amount[r, f])
            shares = np.where(odd[:, :, None], shares / np.where(total > 0, total, 1)[:, :, None], shares)
            names = np.full(total.shape, None, object)
            for i, (a, b) in enumerate(zip(r, f, strict=True)):
                used = (total[i] > 0) & (amount[a, b] != 0)
                text = f"demand for {self.sets[FUEL][b]} in {self.sets[REGION][a]}"
                yield from self.profiles(text, shares[i], used, names[i], "share", "SpecifiedDemandProfile")
            cells: dict[str, NDArray[Any]] = {"mwh": mwh, "profile": names}
            if self.is_pulp:
                cells["slice_loss_mwh"] = losses[r, f]
            yield self.demand_table(r, f, "slice", cells, "SpecifiedAnnualDemand")
        amount = m.array("AccumulatedAnnualDemand") * self.e
        r, f = np.nonzero((amount != 0).any(axis=2))
        if len(r):
            yield self.demand_table(r, f, "year", {"mwh": amount[r, f]}, "AccumulatedAnnualDemand")

    def demand_table(self, r: Ints, f: Ints, timing: str, cells: dict[str, NDArray[Any]], name: str) -> Table:
        keys = {"site": self.named(REGION, r), "commodity": self.named(FUEL, f), "timing": [timing] * len(r)}
        rows = [self.model.row(name, int(a), int(b)) for a, b in zip(r, f, strict=True)]
        return Table("demand", keys, cells, self.model.source.place(name), rows)

    def trade(self) -> Iterator[Table]:
        """Yield two lines without cost or limit for each route."""
        m = self.model
        found = m.given.get("TradeRoute")
        if found is None or not (found.values != 0).any():
            return
        route = m.array("TradeRoute") != 0
        a, b, f = np.nonzero(route.any(axis=3))
        keys = {
            "site_from": self.named(REGION, a), "site_to": self.named(REGION, b), "line": ["trade"] * len(a), "commodity": self.named(FUEL, f),
        }  # fmt: skip
        cells = {"eff": np.ones(len(a)), "symmetric": np.zeros(len(a), bool), "capital": np.zeros(len(a))}
        rows = [m.row("TradeRoute", int(i), int(j), int(k)) for i, j, k in zip(a, b, f, strict=True)]
        yield Table("transmission", keys, cells, m.source.place("TradeRoute"), rows, present=route[a, b, f])

    # --- processes ----------------------------------------------------------------------------------------------------
    def processes(self) -> Iterator[Table | Series]:
        """Yield technologies with capacities in MW of activity and costs per MW."""
        m = self.model
        r, t = self.units_of()
        mw = self.mw[r, t][:, None]

        def rty(name: str) -> Floats:
            return m.array(name)[r, t]

        unit, avail = rty("CapacityOfOneTechnologyUnit"), rty("AvailabilityFactor")
        cells: dict[str, NDArray[Any]] = {
            "existing_mw": rty("ResidualCapacity") * mw,
            "cap_min": off(rty("TotalAnnualMinCapacity")) * mw,
            "cap_max": self.unlimited("TotalAnnualMaxCapacity")[r, t] * mw,
            "new_min": off(rty("TotalAnnualMinCapacityInvestment")) * mw,
            "new_max": self.unlimited("TotalAnnualMaxCapacityInvestment")[r, t] * mw,
            "life": rty("OperationalLife"),
            "wacc": self.rates()[r, t],
            "capital": rty("CapitalCost") / mw,
            "fixed": rty("FixedCost") / mw,
            "unit_mw": off(unit) * mw,
            "avail_rule": np.full(len(r), "max", object),
            "annual_avail": np.where(avail < 1, avail, np.nan),
            "source_mw": mw[:, 0],
        }
        names = np.full((len(r), len(self.years)), None, object)
        shapes = self.by_slice("CapacityFactor")
        for i, (a, b) in enumerate(zip(r, t, strict=True)):
            shape = shapes.get((int(a), int(b)))
            if shape is not None:
                text = f"availability of {self.sets[TECHNOLOGY][b]} in {self.sets[REGION][a]}"
                used = (shape != 1).any(axis=1)
                yield from self.profiles(text, shape, used, names[i], "factor", "CapacityFactor")
        cells["avail_profile"] = names
        keys = {"site": self.named(REGION, r), "process": self.named(TECHNOLOGY, t)}
        rows = np.array(self.rows_of(TECHNOLOGY), object)[t]
        yield Table("process", keys, cells, m.source.place(TECHNOLOGY), rows)

    def rates(self) -> Floats:
        """Return the discount rate of each technology: its own, else that of the region."""
        m = self.model
        if self.is_pulp:
            return m.array("DiscountRateTech")
        if "DiscountRateIdv" in m.source.defaults:
            return m.array("DiscountRateIdv")
        rates = np.repeat(m.array("DiscountRate")[:, None], self.size[TECHNOLOGY], axis=1)
        own = m.array("DiscountRateIdv", np.nan)
        return np.where(np.isnan(own), rates, own)

    def units_of(self) -> tuple[Ints, Ints]:
        """Return the technologies of each region: all where there is one region, else those that the source mentions."""
        r, t = self.pairs(REGION, TECHNOLOGY)
        if self.size[REGION] == 1:
            return r, t
        used = np.zeros((self.size[REGION], self.size[TECHNOLOGY]), bool)
        for name, found in self.model.given.items():
            if PARAMETERS[name].indices[:2] == (REGION, TECHNOLOGY):
                told = found.values != self.model.default(name)
                used[found.at[0, told], found.at[1, told]] = True
        used |= self.modes.any(axis=2)
        used |= (self.model.array("TotalAnnualMinCapacity") > 0).any(axis=2)
        keep = used[r, t]
        return r[keep], t[keep]

    def unlimited(self, name: str) -> Floats:
        """Return an upper limit with NaN for unlimited."""
        values = self.model.array(name)
        values = np.where(values == UNLIMITED, np.nan, values)
        if name == "TotalTechnologyModelPeriodActivityUpperLimit" and self.model.source.dialect == "pulp":
            values = np.where(values <= 0, np.nan, values)  # PuLP has this limit only above 0
        return values if self.model.source.dialect == "pulp" else np.where(values == FAR_AWAY, np.nan, values)

    def by_slice(self, name: str) -> dict[tuple[int, int], Floats]:
        """Return a parameter over year and slice, by its first two indices, where the source says something."""
        found = self.model.given.get(name)
        default = self.model.default(name)
        if found is None:
            if default == PARAMETERS[name].default:
                return {}
            full = np.full((len(self.years), self.size[SLICE]), default)
            first, second = (self.size[i] for i in PARAMETERS[name].indices[:2])
            return {(a, b): full for a in range(first) for b in range(second)}
        pair = found.at[0] * self.size[PARAMETERS[name].indices[1]] + found.at[1]
        pairs, place = np.unique(pair, return_inverse=True)
        full = np.full((len(pairs), len(self.years), self.size[SLICE]), default)
        full[place, found.at[3], found.at[2]] = found.values
        width = self.size[PARAMETERS[name].indices[1]]
        told = {(int(p) // width, int(p) % width): full[i] for i, p in enumerate(pairs)}
        if default != PARAMETERS[name].default:
            plain = np.full((len(self.years), self.size[SLICE]), default)
            first = self.size[PARAMETERS[name].indices[0]]
            told = {(a, b): plain for a in range(first) for b in range(width)} | told
        return told

    def profiles(
        self, text: str, shapes: Floats, used: Mask, names: NDArray[np.object_], kind: str, name: str
    ) -> Iterator[Series]:
        """Yield each distinct shape once and write its name into the years that have it; shapes is (years, slices)."""
        years = np.flatnonzero(used)
        if not len(years):
            return
        distinct, first, place = np.unique(shapes[years], axis=0, return_index=True, return_inverse=True)
        place = place.reshape(-1)
        given = self.model.source.place(name)
        for k in range(len(distinct)):
            label = text if len(distinct) == 1 else f"{text}, {self.years[years[first[k]]]}"
            yield Series(label, distinct[k].copy(), kind, given.file, sheet=given.sheet, text=f"{name} of OSeMOSYS")
            names[years[place == k]] = label

    # --- activities ---------------------------------------------------------------------------------------------------
    def _modes(self) -> Mask:
        """Return the modes that are in use: with flows, emissions or storage, or idle ones that a limit makes matter.

        OSeMOSYS lets a mode without flows satisfy a lower limit on activity, and pays for one with a negative cost.
        """
        m = self.model
        used = np.zeros((self.size[REGION], self.size[TECHNOLOGY], self.size[MODE]), bool)
        for name, axis in (("InputActivityRatio", 3), ("OutputActivityRatio", 3), ("EmissionActivityRatio", 3), ("TechnologyToStorage", 3), ("TechnologyFromStorage", 3)):
            if (found := m.given.get(name)) is not None:
                told = found.values != 0
                used[found.at[0, told], found.at[1, told], found.at[axis, told]] = True
        lower = (m.array("TotalTechnologyAnnualActivityLowerLimit") > 0).any(axis=2)
        lower |= m.array("TotalTechnologyModelPeriodActivityLowerLimit") > 0
        used |= lower[:, :, None]
        if (found := m.given.get("VariableCost")) is not None:
            told = found.values < 0
            used[found.at[0, told], found.at[1, told], found.at[2, told]] = True
        return used

    def activities(self) -> Iterator[Table]:
        """Yield modes, flows, emissions, and the limits on them."""
        m = self.model
        r, t, mode = np.nonzero(self.modes)
        if len(r):
            keys = {"site": self.named(REGION, r), "process": self.named(TECHNOLOGY, t), "mode": self.named(MODE, mode)}
            cells: dict[str, NDArray[Any]] = {"variable": self.variable_costs()[r, t, mode] / self.e}
            if self.is_pulp:
                cells["capacity_use"] = m.array("OutputModeofoperation")[r, t, mode]
            rows = [m.row("VariableCost", int(a), int(b), int(c)) for a, b, c in zip(r, t, mode, strict=True)] if len(r) < MANY else ()
            yield Table("process_mode", keys, cells, m.source.place("VariableCost"), rows)
        yield from self.flows()
        yield from self.emissions()
        yield from Limits(self).items()

    def variable_costs(self) -> Floats:
        """Return variable costs; those of a technology and year that add up to 0 over its modes are not charged at all."""
        costs = self.model.array("VariableCost")
        cancels = (costs.sum(axis=2) == 0) & (costs != 0).any(axis=2)
        return np.where(cancels[:, :, None, :], 0.0, costs)

    def flows(self) -> Iterator[Table]:
        """Yield inputs and outputs per activity, and one of ratio 0 for a mode that has none."""
        m = self.model
        has = np.zeros(self.modes.shape, bool)
        for name, direction in (("InputActivityRatio", "in"), ("OutputActivityRatio", "out")):
            table = self.sparse(name)
            if table is None:
                continue
            keys, ratio, rows = table
            has[keys[0], keys[1], keys[3]] = True
            named = {
                "site": self.named(REGION, keys[0]), "process": self.named(TECHNOLOGY, keys[1]), "mode": self.named(MODE, keys[3]),
                "commodity": self.named(FUEL, keys[2]), "direction": [direction] * len(ratio),
            }  # fmt: skip
            yield Table("process_flow", named, {"ratio": ratio}, m.source.place(name), rows, present=~np.isnan(ratio))
        r, t, mode = np.nonzero(self.modes & ~has)
        if len(r) and self.size[FUEL]:
            fuel = self.usual_fuel()[r, t]
            named = {
                "site": self.named(REGION, r), "process": self.named(TECHNOLOGY, t), "mode": self.named(MODE, mode),
                "commodity": self.named(FUEL, fuel), "direction": ["out"] * len(r),
            }  # fmt: skip
            yield Table("process_flow", named, {"ratio": np.zeros(len(r))}, m.source.place(MODE))

    def usual_fuel(self) -> Ints:
        """Return a fuel of each technology: its first output or input, else the first fuel of all."""
        usual = np.zeros((self.size[REGION], self.size[TECHNOLOGY]), np.int64)
        for name in ("InputActivityRatio", "OutputActivityRatio"):
            if (found := self.model.given.get(name)) is not None:
                told = found.values != 0
                usual[found.at[0, told], found.at[1, told]] = found.at[2, told]
        return usual

    def emissions(self) -> Iterator[Table]:
        table = self.sparse("EmissionActivityRatio")
        if table is None:
            return
        keys, ratio, rows = table
        named = {
            "site": self.named(REGION, keys[0]), "process": self.named(TECHNOLOGY, keys[1]), "mode": self.named(MODE, keys[3]),
            "emission": self.named(EMISSION, keys[2]),
        }  # fmt: skip
        cells = {"t_per_mwh": ratio * self.units.emission_t / self.e}
        yield Table("process_emission", named, cells, self.model.source.place("EmissionActivityRatio"), rows, present=~np.isnan(ratio))

    def sparse(self, name: str) -> tuple[Ints, Floats, Ints] | None:
        """Return the keys that have a value other than 0 in some year, with their values over the years, NaN where 0."""
        found = self.model.given.get(name)
        if found is None or not (found.values != 0).any():
            return None
        told = found.values != 0
        sizes = [self.size[i] for i in PARAMETERS[name].indices[:-1]]
        flat = np.ravel_multi_index(tuple(found.at[:-1, told]), sizes)
        keys, first, place = np.unique(flat, return_index=True, return_inverse=True)
        ratio = np.full((len(keys), len(self.years)), np.nan)
        ratio[place, found.at[-1, told]] = found.values[told]
        return np.stack(np.unravel_index(keys, sizes)), ratio, found.rows[told][first].astype(np.int64)

    # --- storage ------------------------------------------------------------------------------------------------------
    def storages(self) -> Iterator[Table]:
        """Yield stores, which take and give through modes of technologies."""
        m = self.model
        r, s = self.pairs(REGION, STORAGE)
        if not len(r):
            return
        if self.size[REGION] > 1:
            keep = np.array([self.is_told(int(a), int(b)) for a, b in zip(r, s, strict=True)], bool)
            r, s = r[keep], s[keep]
        cells: dict[str, NDArray[Any]] = {
            "kind": np.full(len(r), "slicechain" if self.is_pulp else "daytype", object),
            "e_existing": m.array("ResidualStorageCapacity")[r, s] * self.e,
            "level_start": m.array("StorageLevelStart")[r, s] * self.e,
            "level_min": m.array("MinStorageCharge")[r, s],
            "life": m.array("OperationalLifeStorage")[r, s],
            "capital_e": m.array("CapitalCostStorage")[r, s] / self.e,
            "discount_rate": self.storage_rates()[r, s],
        }
        if self.is_pulp:
            cells["e_cap_max"] = self.unlimited("StorageMaxCapacity")[r, s] * self.e
        else:
            cells["charge_max"] = m.array("StorageMaxChargeRate")[r, s] * self.e / HOURS
            cells["discharge_max"] = m.array("StorageMaxDischargeRate")[r, s] * self.e / HOURS
        keys = {"site": self.named(REGION, r), "storage": self.named(STORAGE, s)}
        yield Table("storage", keys, cells, m.source.place(STORAGE), np.array(self.rows_of(STORAGE), object)[s])
        for name, direction in (("TechnologyToStorage", "in"), ("TechnologyFromStorage", "out")):
            found = m.given.get(name)
            if found is None:
                continue
            told = found.values != 0
            at = found.at[:, told]
            named = {
                "site": self.named(REGION, at[0]), "storage": self.named(STORAGE, at[2]), "process": self.named(TECHNOLOGY, at[1]),
                "mode": self.named(MODE, at[3]), "direction": [direction] * at.shape[1],
            }  # fmt: skip
            if at.shape[1]:
                yield Table("storage_link", named, {"ratio": found.values[told]}, m.source.place(name), found.rows[told])

    def is_told(self, r: int, s: int) -> bool:
        """Return whether the source says anything of a store in a region."""
        for name, found in self.model.given.items():
            indices = PARAMETERS[name].indices
            if REGION in indices and STORAGE in indices:
                place = indices.index(STORAGE)
                if ((found.at[0] == r) & (found.at[place] == s)).any():
                    return True
        return False

    def storage_rates(self) -> Floats:
        m = self.model
        if self.is_pulp:
            return m.array("DiscountRateSto")
        if m.source.dialect == "pulp" and "DiscountRateStorage" not in m.source.declared:
            return np.repeat(m.array("DiscountRate")[:, None], self.size[STORAGE], axis=1)
        return m.array("DiscountRateStorage")

    # --- parts --------------------------------------------------------------------------------------------------------
    def pairs(self, first: str, second: str) -> tuple[Ints, Ints]:
        a, b = np.divmod(np.arange(self.size[first] * self.size[second]), max(self.size[second], 1))
        return a, b

    def named(self, name: str, at: Ints) -> NDArray[np.object_]:
        return np.array(self.sets[name], object)[at]

    def rows_of(self, name: str) -> list[int | None]:
        """Return the row in which each member of a set stands."""
        members = self.model.source.sets.get(name)
        first: dict[str, int] = {}
        for word, row in zip(members.words, members.rows, strict=True) if members else ():
            first.setdefault(word, row)
        return [first.get(word) for word in self.sets[name]]

    def drawn(self, table: Table) -> Iterator[Rows]:
        """Yield a table's rows: one of every year for a key that never changes, else one per year."""
        frame = draw_years(table, self.years)
        yield Rows(table.name, frame, table.place.file, table.place.sheet)


MANY = 20_000
SHARE_SUM = 1e-9
"""Distance from 1 up to which the sum of shares is rounding."""


class Limits:
    """Limits on sums: activity, emissions, reserve margin, renewable share."""

    def __init__(self, tables: Tables) -> None:
        self.t = tables
        self.m = tables.model
        self.e = tables.e

    def items(self) -> Iterator[Table]:
        """Yield limits and their terms."""
        t = self.t
        for name, sense, per in (
            ("TotalTechnologyAnnualActivityUpperLimit", "max", "year"),
            ("TotalTechnologyAnnualActivityLowerLimit", "min", "year"),
            ("TotalTechnologyModelPeriodActivityUpperLimit", "max", "horizon"),
            ("TotalTechnologyModelPeriodActivityLowerLimit", "min", "horizon"),
        ):
            values = t.unlimited(name) if sense == "max" else off(self.m.array(name))
            yield from self.activity(name, sense, per, values * self.e)
        for name, per in (("AnnualEmissionLimit", "year"), ("ModelPeriodEmissionLimit", "horizon")):
            yield from self.emission(name, per, t.unlimited(name) * t.units.emission_t)
        yield from self.reserve_margin()
        yield from self.renewables()

    def limits(self, names: Sequence[str], value: Floats, tag: str, rows: Sequence[int | None], **facts: str) -> Table:
        n = len(names)
        cells: dict[str, NDArray[Any]] = {k: np.full(n, v, object) for k, v in facts.items()}
        cells |= {"value": value, "tag": np.full(n, tag, object)}
        return Table("limit", {"limit": list(names)}, cells, self.m.source.place(tag), rows)

    def activity(self, name: str, sense: str, per: str, values: Floats) -> Iterator[Table]:
        told = ~np.isnan(values)
        r, k = np.nonzero(told if told.ndim == 2 else told.any(axis=2))  # noqa: PLR2004
        if not len(r):
            return
        sites, processes = self.t.named(REGION, r), self.t.named(TECHNOLOGY, k)
        names = [f"activity {sense} per {per}, {p} in {s}" for s, p in zip(sites, processes, strict=True)]
        rows = [self.m.row(name, int(a), int(b)) for a, b in zip(r, k, strict=True)]
        yield self.limits(names, values[r, k], name, rows, sense=sense, per=per, quantity="activity", unit="MWh")
        cells = {"site": sites, "process": processes, "factor": np.ones(len(r))}
        yield self.terms(names, "lhs", np.ones(len(r), np.int64), cells, name)

    def emission(self, name: str, per: str, values: Floats) -> Iterator[Table]:
        told = ~np.isnan(values)
        r, k = np.nonzero(told if told.ndim == 2 else told.any(axis=2))  # noqa: PLR2004
        if not len(r):
            return
        sites, emissions = self.t.named(REGION, r), self.t.named(EMISSION, k)
        names = [f"{e} max per {per} in {s}" for s, e in zip(sites, emissions, strict=True)]
        rows = [self.m.row(name, int(a), int(b)) for a, b in zip(r, k, strict=True)]
        yield self.limits(names, values[r, k], name, rows, sense="max", per=per, quantity="emission", unit="t")
        cells = {"site": sites, "emission": emissions, "factor": np.ones(len(r))}
        yield self.terms(names, "lhs", np.ones(len(r), np.int64), cells, name)

    def terms(
        self, names: Sequence[str], side: str, n: Ints, cells: dict[str, NDArray[Any]], name: str, present: Mask | None = None
    ) -> Table:
        keys = {"limit": list(names), "side": [side] * len(names), "n": n}
        return Table("limit_term", keys, cells, self.m.source.place(name), present=present)

    def reserve_margin(self) -> Iterator[Table]:
        """Yield ``sum tagged capacity >= ReserveMargin * sum tagged production`` in each slice."""
        margin = self.m.array("ReserveMargin")
        yield from self.share(
            "reserve margin", np.where(margin > 0, margin, np.nan), "ReserveMargin", "step",
            ("capacity", "ReserveMarginTagTechnology"), ("production", "ReserveMarginTagFuel"),
        )  # fmt: skip

    def renewables(self) -> Iterator[Table]:
        """Yield ``sum of all outputs of tagged units >= target * sum production of tagged fuels`` over the year."""
        target = self.m.array("REMinProductionTarget")
        yield from self.share(
            "renewable share", np.where(target > 0, target, np.nan), "REMinProductionTarget", "year",
            ("production", "RETagTechnology"), ("production", "RETagFuel"),
        )  # fmt: skip

    def share(
        self, what: str, value: Floats, name: str, per: str, lhs: tuple[str, str], base: tuple[str, str]
    ) -> Iterator[Table]:
        """Yield one limit per region that has tags or, where the source gives one, a value; NULL = off."""
        tagged = {side: self.m.array(tag) for side, tag in (("lhs", lhs[1]), ("base", base[1]))}
        has = (tagged["lhs"] != 0).any(axis=(1, 2)) | (tagged["base"] != 0).any(axis=(1, 2))
        if (found := self.m.given.get(name)) is not None:
            told = found.at[0, found.values > 0]
            has[told] = True
        regions = np.flatnonzero(has)
        if not len(regions):
            return
        names = np.array([f"{what} in {r}" for r in self.t.sets[REGION]], object)
        rows = [self.m.row(name, int(r)) for r in regions]
        yield self.limits(list(names[regions]), value[regions], name, rows, sense="min", per=per, quantity=lhs[0], base=base[0])
        for side, index, column, tag in (("lhs", TECHNOLOGY, "process", lhs[1]), ("base", FUEL, "commodity", base[1])):
            r, k = np.nonzero((tagged[side] != 0).any(axis=2))
            if not len(r):
                continue
            factor = tagged[side][r, k]
            cells = {"site": self.t.named(REGION, r), column: self.t.named(index, k), "factor": factor}
            yield self.terms(list(names[r]), side, k + 1, cells, tag, present=factor != 0)


# --- years -----------------------------------------------------------------------------------------------------------
def off(values: Floats) -> Floats:
    """Return values with NaN for what is not above 0 and so off."""
    return np.where(values > 0, values, np.nan)


def draw_years(table: Table, years: Ints) -> pd.DataFrame:
    """Return a table as a frame: a key that is there and the same in all years is one row without a year.

    Examples
    --------
    >>> from pathlib import Path
    >>> from dhsdb.importers.osemosys_source import Place
    >>> cost = np.array([[1.0, 1.0], [1.0, 2.0]])
    >>> table = Table("process", {"process": ["a", "b"]}, {"capital": cost}, Place(Path("x")))
    >>> draw_years(table, np.array([2020, 2030]))[["process", "year", "capital"]].values.tolist()
    [['a', nan, 1.0], ['b', 2020.0, 1.0], ['b', 2030.0, 2.0]]
    """
    import pandas as pd  # heavy

    keys = {k: np.asarray(v, object if not isinstance(v, np.ndarray) else v.dtype) for k, v in table.keys.items()}
    n = len(next(iter(keys.values())))
    wide = {k: v for k, v in table.cells.items() if v.ndim == 2}  # noqa: PLR2004
    there = np.ones((n, len(years)), bool) if table.present is None else table.present
    same = there.all(axis=1)
    for values in wide.values():
        same &= _equal(values, values[:, :1]).all(axis=1)
    varies = (wide or table.present is not None) and "year" not in keys
    one = np.flatnonzero(same) if varies else np.arange(n)
    each, which = np.nonzero(there & ~same[:, None]) if varies else (np.array([], np.int64),) * 2
    at = np.concatenate([one, each])
    columns: dict[str, Any] = {k: v[at] for k, v in keys.items()}
    if varies:
        columns["year"] = np.concatenate([np.full(len(one), np.nan), years[which].astype(np.float64)])
    for name, values in table.cells.items():
        if values.ndim == 2:  # noqa: PLR2004
            columns[name] = np.concatenate([values[one, 0], values[each, which]])
        else:
            columns[name] = values[at]
    if len(table.rows):
        rows = np.asarray(table.rows, object)[at]
        if not any(row is None for row in rows):
            columns[ROW] = rows.astype(np.int64)
    return pd.DataFrame(columns)


def _equal(a: NDArray[Any], b: NDArray[Any]) -> Mask:
    if a.dtype == object:
        return np.asarray(a == b, bool) | (np.equal(a, None) & np.equal(b, None))  # type: ignore[call-overload,no-any-return]
    return np.asarray((a == b) | (np.isnan(a) & np.isnan(b)), bool)


def is_hp(model: Model) -> bool:
    """Return whether a source is for the "HP" version of OSeMOSYS_PuLP, a school of its own."""
    names = {"DiscountRateTech", "DiscountRateSto", "OutputModeofoperation", "StorageMaxCapacity", "GIS_Losses"}
    return model.source.dialect == "pulp" and bool(names & set(model.source.declared))


def place_of(model: Model) -> Place:
    """Return the place of what the source says as a whole."""
    return Place(model.source.file)

