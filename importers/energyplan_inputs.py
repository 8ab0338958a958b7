"""What EnergyPLAN's keys mean in the tables of the store: demand, units, fuels, prices, emissions, storages, exchange.

All keys are kept as they are in ``energyplan_key``; here those that have a cell of their own get it as well. Amounts are in
the file's units, which the pipeline converts.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dhsdb.importers.energyplan_cells import TO_MW, CellMaker
from dhsdb.importers.energyplan_gaps import gaps
from dhsdb.importers.energyplan_keys import Keys, Made, Meaning, Profiles
from dhsdb.importers.units import CURRENCIES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dhsdb.importers.energyplan_text import Entry

ELECTRICITY = "electricity"
HEAT = "individual heat"
FUELS = {1: "coal", 2: "oil", 3: "natural gas", 4: "biomass"}
"""Fuels that plants burn, by the number in the brackets of a key."""

_PRICED = {**FUELS, 5: "diesel", 6: "petrol", 8: "LPG", 9: "waste", 12: "uranium"}
_CO2 = {"coal": 1, "oil": 2, "diesel": 2, "petrol": 2, "natural gas": 3, "LPG": 8, "waste": 9}
_RES = {
    1: "Filnavn_wave", 2: "Filnavn_wind", 3: "Filnavn_pv", 4: "Filnavn_RES4", 5: "Filnavn_RES5", 6: "Filnavn_RES6",
    7: "Filnavn_RES7",
}  # fmt: skip
"""Distribution of each slot of renewable electricity: by slot, whatever the name of the key and the label say."""
_RES_COSTS = {
    "Wind": "Wind", "Offshore Wind": "WindOffshore", "Photo Voltaic": "PV", "Wave Power": "Wave", "River Hydro": "RiverOffHydro",
    "Tidal": "Tidal", "CSP Solar Power": "CSP",
}  # fmt: skip
"""Costs that a slot takes, by its label."""
_HOUSEHOLD = (
    ("coal", "input_fuel_Households[1]", "input_HH_coalboiler_eff"),
    ("oil", "input_fuel_Households[2]", "input_HH_oilboiler_eff"),
    ("natural gas", "input_fuel_Households[3]", "input_HH_ngasboiler_eff"),
    ("biomass", "input_fuel_Households[4]", "input_HH_bioboiler_eff"),
)
_HOUSEHOLD_CHP = (("natural gas", "Ngas"), ("biomass", "Bio"))
_UNLIMITED = 9_999_999
_SPARE = 1.5
"""Capacity of individual boilers, as a multiple of their peak."""
_PER_HOUSE = 15_000.0
"""Heat of a house that EnergyPLAN assumes where a file in MW says none [kWh/year]."""


def meaning_of(entries: Iterable[Entry], site: str, profiles: Profiles) -> Meaning:
    """Return what keys mean for a site.

    Parameters
    ----------
    profiles
        Distributions that the scenario has, or gets with this import.
    """
    reader = _Reader(Keys(entries), site, profiles)
    reader.read()
    reader.meaning.used |= reader.keys.seen
    return reader.meaning


class _Reader(CellMaker):
    """Reads one part of the system after the other."""

    def read(self) -> None:
        """Read all of it, and note what has no cell though a run would need it."""
        if self.is_known_unit():
            self.frame()
            self.fuels()
            self.exchange()
            self.demands()
            self.renewables()
            self.plants()
            self.district_heat()
            self.households()
            self.storages()
            self.drop_unused()
            for said, entry in gaps(self.keys):
                hint = "It stays in energyplan_key; what a run gives differs from EnergyPLAN's by it."
                self.note(said, entry, hint, severity="warning", code="simplified")
            for entry in self.keys.bad.values():
                said = f"'{entry.value.strip()[:40]}' of {entry.key} is not a number."
                self.note(said, entry, "Write it with a point or a comma.", severity="error", code="number")

    # --- the frame ----------------------------------------------------------------------------------------------------
    def is_known_unit(self) -> bool:
        """Return whether the units are known, without which no amount means anything."""
        good = True
        for key, unit, allowed in (
            ("EnergyUnit", self.energy, "TWh/year or GWh/year"),
            ("CapacityUnit", self.power, "MW or kW"),
        ):
            if not unit:
                entry = self.keys.entry(key)
                said = f"{key} is '{entry.value if entry else ''}'."
                self.note(said, entry, f"Allowed: {allowed}.", severity="error", code="unit")
                good = False
        return good

    def frame(self) -> None:
        self.add("site", {"site": self.site}, {}, "EnergyUnit")
        code = self.keys.text("MonetaryUnit")
        if code:
            self.add("model_option", {"option": "currency"}, {"value": code.upper()}, "MonetaryUnit")
        if code and self.money == "money":
            said = f"the currency '{code}' is not known here; amounts are kept as they are."
            hint = f"Known: {', '.join(CURRENCIES)}."
            self.note(said, self.keys.entry("MonetaryUnit"), hint, severity="warning", code="currency")

    def fuels(self) -> None:
        for n, fuel in _PRICED.items():
            price = self.keys.number(f"input_fuel_price[{n}]")
            self.commodity(
                fuel, {"bought": True, "price": price}, f"input_fuel_price[{n}]", {"price": f"{self.money}/GJ"}
            )
        for fuel, n in _CO2.items():
            factor = self.keys.number(f"input_fuel_CO2[{n}]")
            if factor is not None:
                key = {"site": self.site, "commodity": fuel, "emission": "CO2"}
                units = {"t_per_mwh": "kg/GJ"}
                self.add(
                    "commodity_emission", key, {"t_per_mwh": factor}, f"input_fuel_CO2[{n}]", units, idle=not factor
                )
        price = self.keys.number("input_CO2_price")
        key = {"site": self.site, "emission": "CO2"}
        self.add("emission", key, {"price": price}, "input_CO2_price", {"price": f"{self.money}/t"}, idle=not price)

    def exchange(self) -> None:
        """Electricity is bought and sold at the hourly price, up to the transmission line."""
        line = self.keys.number("input_max_imp_exp")
        limit = None if line is None or line >= _UNLIMITED else line
        price = self.price_profile()
        # Production that neither demand nor line takes is EnergyPLAN's critical excess: it is not refused.
        cells = {
            "balance": "surplus", "bought": bool(line), "price_profile": price, "max_mw": limit,
            "sold": bool(line), "sale_profile": price, "sale_max_mw": limit,
        }  # fmt: skip
        units = {"max_mw": self.power, "sale_max_mw": self.power}
        self.commodity(ELECTRICITY, cells, "input_max_imp_exp", units, idle=False)

    def price_profile(self) -> str | None:
        """Return the profile of the external market: the distribution times the factor plus the addition."""
        name = self.distribution("Filnavn_prices", "the price of electricity")
        factor, addition = self.keys.number("input_nordpool_mult_fac"), self.keys.amount("input_nordpool_add_fac")
        if name is None or (factor in (None, 1.0) and not addition):
            return name
        factor = 1.0 if factor is None else factor
        made = f"{name} x {factor:g} + {addition:g}"
        self.meaning.made[made] = Made(name, "price", factor, addition)
        return made

    # --- demand and production ----------------------------------------------------------------------------------------
    def demands(self) -> None:
        self.demand(ELECTRICITY, self.keys.number("Input_el_demand_Twh"), "Input_el_demand_Twh", "Filnavn_elbehov")
        for key in ("Input_El_demand_elec_heating_share", "Input_El_demand_cooling_share"):
            if self.keys.amount(key):
                said = (
                    f"{key} takes {self.keys.text(key)} {self.energy} out of the electricity demand by other profiles."
                )
                hint = "Here all of it has the profile of the demand."
                self.note(said, self.keys.entry(key), hint, severity="warning", code="simplified")

    def renewables(self) -> None:
        labels = {n: self.keys.text(f"NameRES{n}") or f"RES{n}" for n in _RES}
        for n, distribution in _RES.items():
            origin = f"input_RES{n}_capacity"
            capacity = self.keys.number(origin)
            if capacity is None:
                continue
            process = f"{labels[n]} (RES{n})"
            cells: dict[str, object] = {
                "existing_mw": capacity,
                "avail_rule": "fixed",
                **self.cost(_RES_COSTS.get(labels[n])),
            }
            if capacity:
                cells["avail_profile"] = self.distribution(distribution, process)
                factor = self.keys.amount(f"input_RES{n}_factor")
                if factor:
                    said = (
                        f"the correction factor {factor:g} of {process} is kept as a key; the profile stays as it is."
                    )
                    self.note(said, self.keys.entry(f"input_RES{n}_factor"), severity="warning", code="simplified")
            self.process(process, cells, origin, {"out": {ELECTRICITY: 1.0}}, idle=not capacity)
        supply = self.keys.amount("input_hydro_watersupply") * self.keys.amount("input_hydro_eff")
        capacity = self.keys.amount("input_hydro_cap")
        cells = {"existing_mw": capacity, **self.cost("HydroPower")}
        if capacity and supply and not self.keys.amount("input_hydro_storage"):
            cells |= {"avail_profile": self.inflow(supply, capacity), "avail_rule": "fixed"}
        flows = {"out": {ELECTRICITY: 1.0}}
        follows = cells.get("avail_profile") is not None  # else the water of the year may be used at any time
        mode = {"act_max_mwh": None if follows else supply, "variable": self.keys.number("input_VC_hydro")}
        self.process("hydro power", cells, "input_hydro_cap", flows, mode, idle=not (capacity and supply))

    def inflow(self, supply: float, capacity: float) -> str | None:
        """Return the profile of hydro power without a reservoir: water as it comes, up to the capacity."""
        name = self.distribution("filnavn_hydro_water", "hydro power")
        total = self.profiles.total(name) if name else 0.0
        if name is None or total <= 0:
            return None
        mean = supply * self.scale
        made = f"{name} for {supply:g} {self.energy} by {capacity:g} {self.power}"
        self.meaning.made[made] = Made(name, "factor", mean / capacity / total, most=1.0)
        return made

    def plants(self) -> None:
        """Power plants, whose activity is electricity."""
        for name, capacity, eff, fuels, cost in (
            ("power plant", "input_cap_pp_el", "input_eff_pp_el", "input_fuel_PP", "PP"),
            ("power plant 2", "input_cap_pp2_el", "input_eff_pp2_el", "input_fuel_PP2", "PP"),
        ):
            self.burner(name, capacity, eff, fuels, {ELECTRICITY: 1.0}, cost, "input_VC_pp")
        share = self.keys.positive("input_nuclear_eff")
        nuclear = self.keys.amount("input_nuclear_cap")
        flows = {"out": {ELECTRICITY: 1.0}, "in": {"uranium": 1 / share} if share else {}}
        cells = {"existing_mw": nuclear, **self.cost("Nuclear")}
        self.process("nuclear", cells, "input_nuclear_cap", flows, idle=not nuclear)

    def district_heat(self) -> None:
        for group in (1, 2, 3):
            heat = f"district heat {group}"
            origin = f"input_dh_ann_gr{group}"
            self.demand(heat, self.keys.number(origin), origin, "Filnavn_dh")
        for group in (2, 3):
            heat = f"district heat {group}"
            electric, thermal = (self.keys.positive(f"input_eff_chp{group}_{x}") for x in ("el", "th"))
            out = {ELECTRICITY: 1.0} | ({heat: thermal / electric} if electric and thermal else {})
            names = (f"CHP {group}", f"input_cap_chp{group}_el", f"input_eff_chp{group}_el", f"input_fuel_chp{group}")
            self.burner(*names, out, f"CHP{group}", "input_VC_chp_dh")
            names = (
                f"boiler {group}", f"input_cap_boiler{group}_th", f"input_eff_boiler{group}_th", f"input_fuel_Boiler{group}",
            )  # fmt: skip
            self.burner(*names, {heat: 1.0}, "Boilers_dh", "input_VC_boiler_dh")
            cop, capacity = self.keys.positive(f"input_eff_hp{group}_cop"), self.keys.amount(f"input_cap_hp{group}_el")
            flows = {"in": {ELECTRICITY: 1.0}, "out": {heat: cop} if cop else {}}
            cells = {"existing_mw": capacity, **self.cost(f"HP{group}")}
            mode = {"variable": self.keys.number("input_VC_hp_dh")}
            self.process(f"heat pump {group}", cells, f"input_cap_hp{group}_el", flows, mode, idle=not capacity)

    def households(self) -> None:
        """Heating of single buildings: each technology meets the demand of its own buildings, hour by hour."""
        for fuel, key, eff in _HOUSEHOLD:
            efficiency = self.keys.positive(eff)
            heat = self.keys.amount(key) * efficiency if efficiency else 0.0
            flows = {"in": {fuel: 1 / efficiency} if efficiency else {}}
            self.heater(f"{fuel} boiler", heat, key, flows, ("Boilers_indv", 1.0), _SPARE)
        for fuel, name in _HOUSEHOLD_CHP:
            thermal, electric = (self.keys.positive(f"input_HH_{name}CHP_eff_{x}") for x in ("th", "el"))
            made = {ELECTRICITY: electric / thermal} if thermal and electric else {}
            heat = self.keys.amount(f"input_HH_{name}CHP_heat")
            flows = {"in": {fuel: 1 / thermal} if thermal else {}, "out": made}
            self.heater(f"{fuel} micro CHP", heat, f"input_HH_{name}CHP_heat", flows, ("CHP_indv", 1.0))
        for process, key, cop, cost in (
            ("heat pump", "input_HH_HP_heat", self.keys.positive("input_HH_HP_COP"), "HP_indv"),
            ("electric heating", "input_HH_EB_heat", 1.0, "EB_indv"),
        ):
            flows = {"in": {ELECTRICITY: 1 / cop} if cop else {}}
            self.heater(process, self.keys.amount(key), key, flows, (cost, 1 / cop if cop else 1.0))

    def heater(
        self,
        name: str,
        heat: float,
        origin: str,
        flows: Mapping[str, Mapping[str, float]],
        cost: tuple[str, float],
        spare: float = 1.0,
    ) -> None:
        """Add a technology of single buildings; EnergyPLAN makes it as large as its peak."""
        commodity = f"{HEAT}, {name}"
        flows = {**flows, "out": {commodity: 1.0, **flows.get("out", {})}}
        peak = self.profiles.peak(self.keys.text("Filnavn_individual_heatdemand"))
        size = None if peak is None else heat * self.scale * peak * spare
        cells: dict[str, object] = {"existing_mw": size, "new_max": None if size is None else 0.0}
        cells |= self.heater_cost(cost[0], heat, size, cost[1])
        self.process(f"individual {name}", cells, origin, flows, idle=not heat)
        self.demand(commodity, heat, origin, "Filnavn_individual_heatdemand")

    def heater_cost(self, name: str, heat: float, size: float | None, share: float) -> dict[str, object]:
        """Return the cost of a heater per capacity of heat.

        EnergyPLAN counts it per house of so much heat a year; in files in kW that don't say how much, per capacity.

        Parameters
        ----------
        size
            Capacity of heat, in the unit of the file; None if it is not known.
        share
            What the capacity that is paid is of that of heat, where cost is per capacity.
        """
        found = self.cost(name)
        per_house = self.keys.positive("input_Heatdemand_PerHouse") or (_PER_HOUSE if self.power == "MW" else None)
        if per_house:
            thousands = heat * {"TWh": 1e6, "GWh": 1e3}[self.energy] / per_house  # of houses, each at so many thousands
            share = thousands / (size * TO_MW[self.power]) if size else 0.0
        paid = {c: v * share for c in ("capital", "fixed") if share and isinstance(v := found[c], float)}
        return {**paid, "life": found["life"], "wacc": self.wacc}

    def storages(self) -> None:
        for group in (2, 3):
            cells = {
                "commodity": f"district heat {group}",
                "e_existing": self.keys.number(f"input_storage_gr{group}_cap"),
            }
            cost = self.cost(f"Heatstorage{group}")
            self.storage(f"heat storage {group}", cells, f"input_storage_gr{group}_cap", cost)
        for n, number_ in (("1", ""), ("2", "2")):
            cells = {
                "commodity": ELECTRICITY, "e_existing": self.keys.number(f"input_storage_pump_cap{number_}"),
                "charge_max": self.keys.number(f"input_cap_pump_el{number_}"),
                "discharge_max": self.keys.number(f"input_cap_turbine_el{number_}"),
                "eff_in": self.keys.number(f"input_eff_pump_el{number_}"),
                "eff_out": self.keys.number(f"input_eff_turbine_el{number_}"),
            }  # fmt: skip
            cost = self.cost(f"PumpStorage{number_}")
            self.storage(f"electricity storage {n}", cells, f"input_storage_pump_cap{number_}", cost)

    def drop_unused(self) -> None:
        """Let emissions of fuels that nothing uses say nothing."""
        rows = self.meaning.rows
        for place, row in rows.items():
            if row.table == "commodity_emission":
                fuel = rows.get(("commodity", row.key[:2]))
                rows[place] = replace(row, idle=row.idle or fuel is None or fuel.idle)

    def burner(
        self, name: str, capacity: str, eff: str, fuels: str, out: Mapping[str, float], cost: str, variable: str
    ) -> None:
        """Add a plant that burns a mix of fuels in fixed shares."""
        size, efficiency = self.keys.amount(capacity), self.keys.positive(eff)
        weights = {fuel: self.keys.amount(f"{fuels}[{n}]") for n, fuel in FUELS.items()}
        whole = sum(weights.values())
        burnt = {f: w / whole / efficiency for f, w in weights.items() if w} if whole and efficiency else {}
        others = [k for k in (f"{fuels}[6]", f"{fuels}[7]") if self.keys.amount(k)]
        if size and (others or not burnt):
            what = f"{others[0]} is hydrogen or electrofuel" if others else "no fuel or no efficiency is given"
            said = f"{name}: {what}, so its fuel is kept in the keys only."
            self.note(said, self.keys.entry(others[0] if others else capacity), severity="warning", code="simplified")
        cells = {"existing_mw": size, **self.cost(cost)}
        flows = {"out": out, "in": {} if others else burnt}
        mode = {"variable": self.keys.number(variable)}
        self.process(name, cells, capacity, flows, mode, idle=not size)
