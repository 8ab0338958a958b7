"""From OSeMOSYS to the input tables: regions are sites, technologies processes, fuels commodities that may have a surplus.

Capacities are MW of activity, see :mod:`~dhsdb.importers.osemosys_arrays`; limits stand in
:mod:`~dhsdb.importers.osemosys_limits`. Rows that are the same in all years are one row of every year.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dhsdb.importers.osemosys_arrays import HOURS, SHARE_SUM, Arrays, greatest_label, off
from dhsdb.importers.osemosys_limits import Limits
from dhsdb.importers.osemosys_names import (
    BRACKET,
    DAYTYPE,
    EMISSION,
    FUEL,
    MODE,
    REGION,
    SEASON,
    SLICE,
    STORAGE,
    TECHNOLOGY,
    YEAR,
)
from dhsdb.importers.osemosys_rows import Table, draw_years, place_of
from dhsdb.importers.rows import Rows, Series

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from dhsdb.importers.osemosys_arrays import Floats, Ints, Mask, Units
    from dhsdb.importers.osemosys_source import Model

UNSTATED = "unstated"
"""Currency of amounts whose currency the source does not say."""


class Tables(Arrays):
    """The tables of one model."""

    def __init__(self, model: Model, units: Units, money: Mapping[str, str] | None = None) -> None:
        super().__init__(model, units)
        self.money = {"currency": UNSTATED} | dict(money or {})

    def items(self) -> Iterator[Rows | Series]:
        """Yield all rows and profiles."""
        for part in (
            self.frame(),
            self.time(),
            self.commodities(),
            self.processes(),
            self.activities(),
            self.storages(),
        ):
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
        yield Table(
            "model_year", {"year": self.years}, {"stands_for": np.ones(len(self.years))}, place, self.rows_of(YEAR)
        )
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
        calendar = {
            c: self.conversion(n)
            for c, n in (("season", "Conversionls"), ("daytype", "Conversionld"), ("bracket", "Conversionlh"))
        }
        split = m.array("DaySplit")
        hours = weight.copy()
        bracket = calendar["bracket"]
        if self.sets[STORAGE] and len(split) and not self.is_pulp and bool(np.isfinite(bracket).all()):
            place = {number: i for i, number in enumerate(self.numbers(BRACKET))}
            hours = split[[place[int(b)] for b in bracket]] * HOURS
        cells = {"hours": hours, "weight_h": weight, "ordinal": np.arange(1.0, len(labels) + 1)}
        cells |= calendar | {"label": np.array(labels, object)}
        yield Table(
            "time_slice", {"t": np.arange(1, len(labels) + 1)}, cells, m.source.place(SLICE), self.rows_of(SLICE)
        )
        keys = np.array(
            [
                (s, d, b)
                for s in range(self.size[SEASON])
                for d in range(self.size[DAYTYPE])
                for b in range(self.size[BRACKET])
            ],
            np.int64,
        ).reshape(-1, 3)
        if len(keys) and not self.is_pulp:
            names = {
                c: np.array(self.numbers(s))[keys[:, k]]
                for k, (c, s) in enumerate((("season", SEASON), ("daytype", DAYTYPE), ("bracket", BRACKET)))
            }
            days = m.array("DaysInDayType")[keys[:, 0], keys[:, 1]]
            cells = {"day_split": split[keys[:, 2]], "days_in_daytype": days}
            yield Table("slice_calendar", names, cells, m.source.place("DaySplit"))

    # --- commodities --------------------------------------------------------------------------------------------------
    def commodities(self) -> Iterator[Table | Series]:
        """Yield commodities, demand, emissions and trade."""
        m = self.model
        r, f = self.pairs(REGION, FUEL)
        keys = {"site": self.named(REGION, r), "commodity": self.named(FUEL, f)}
        rows = self.rows_of(FUEL)[f]
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
            yield Table("emission", keys, cells, m.source.place(EMISSION), self.rows_of(EMISSION)[e])
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
            losses += (m.array("GIS_Losses") * HOURS * self.e / greatest_label(self.sets[SLICE]))[:, :, None]
        r, f = np.nonzero((amount != 0).any(axis=2) | (losses != 0).any(axis=2))
        if len(r):
            shares = np.stack(
                [
                    shape.get((int(a), int(b)), np.zeros((len(self.years), self.size[SLICE])))
                    for a, b in zip(r, f, strict=True)
                ]
            )
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
        """Return demand of one timing."""
        keys = {"site": self.named(REGION, r), "commodity": self.named(FUEL, f), "timing": [timing] * len(r)}
        rows = self.model.rows(name, r, f)
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
            "site_from": self.named(REGION, a), "site_to": self.named(REGION, b), "line": ["trade"] * len(a),
            "commodity": self.named(FUEL, f),
        }  # fmt: skip
        cells = {"eff": np.ones(len(a)), "symmetric": np.zeros(len(a), bool), "capital": np.zeros(len(a))}
        rows = m.rows("TradeRoute", a, b, f)
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
        rows = self.rows_of(TECHNOLOGY)[t]
        yield Table("process", keys, cells, m.source.place(TECHNOLOGY), rows)

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
    def activities(self) -> Iterator[Table]:
        """Yield modes, flows, emissions, and the limits on them."""
        m = self.model
        r, t, mode = np.nonzero(self.modes)
        if len(r):
            keys = {"site": self.named(REGION, r), "process": self.named(TECHNOLOGY, t), "mode": self.named(MODE, mode)}
            cells: dict[str, NDArray[Any]] = {"variable": self.variable_costs()[r, t, mode] / self.e}
            if self.is_pulp:
                cells["capacity_use"] = m.array("OutputModeofoperation")[r, t, mode]
            rows = m.rows("VariableCost", r, t, mode)
            yield Table("process_mode", keys, cells, m.source.place("VariableCost"), rows)
        yield from self.flows()
        yield from self.emissions()
        yield from Limits(self).items()

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

    def emissions(self) -> Iterator[Table]:
        """Yield emissions per activity."""
        table = self.sparse("EmissionActivityRatio")
        if table is None:
            return
        keys, ratio, rows = table
        named = {
            "site": self.named(REGION, keys[0]), "process": self.named(TECHNOLOGY, keys[1]), "mode": self.named(MODE, keys[3]),
            "emission": self.named(EMISSION, keys[2]),
        }  # fmt: skip
        cells = {"t_per_mwh": ratio * self.units.emission_t / self.e}
        yield Table(
            "process_emission",
            named,
            cells,
            self.model.source.place("EmissionActivityRatio"),
            rows,
            present=~np.isnan(ratio),
        )

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
        yield Table("storage", keys, cells, m.source.place(STORAGE), self.rows_of(STORAGE)[s])
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
                yield Table(
                    "storage_link", named, {"ratio": found.values[told]}, m.source.place(name), found.rows[told]
                )

    def drawn(self, table: Table) -> Iterator[Rows]:
        """Yield a table's rows: one of every year for a key that never changes, else one per year."""
        frame = draw_years(table, self.years)
        yield Rows(table.name, frame, table.place.file, table.place.sheet)
