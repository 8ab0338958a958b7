"""Rows that follow from EnergyPLAN's keys, in the units of the file: how demand, plants, storages and costs are put into tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dhsdb.errors import Problem
from dhsdb.importers.energyplan_keys import Cells, Keys, Meaning, Profiles
from dhsdb.importers.units import CURRENCIES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dhsdb.importers.energyplan_text import Entry

TO_MW = {"MW": 1.0, "kW": 1e-3}


class CellMaker:
    """Adds rows of a site to a meaning.

    Parameters
    ----------
    profiles
        Distributions that the scenario has, or gets with this import.
    """

    def __init__(self, keys: Keys, site: str, profiles: Profiles) -> None:
        self.keys = keys
        self.site = site
        self.profiles = profiles
        self.meaning = Meaning()
        unit = keys.text("EnergyUnit").split("/")[0]
        self.energy = {"TWH": "TWh", "GWH": "GWh"}.get(unit.upper(), "")
        self.power = {"MW": "MW", "KW": "kW"}.get(keys.text("CapacityUnit").upper(), "")
        self.stored = {"MW": "GWh", "kW": "MWh"}.get(self.power, "")
        code = keys.text("MonetaryUnit").upper()
        self.money = code if code in CURRENCIES else "money"
        rate = keys.number("input_Interest")
        self.wacc = None if rate is None else rate / 100

    @property
    def scale(self) -> float:
        """Power of an hour, in the unit of capacities, per unit of energy."""
        return {"TWh": 1e6, "GWh": 1e3}[self.energy] / TO_MW[self.power]

    def process(
        self,
        name: str,
        cells: Mapping[str, object],
        origin: str,
        flows: Mapping[str, Mapping[str, float]],
        mode: Mapping[str, float | None] | None = None,
        *,
        idle: bool,
    ) -> None:
        """Add a process with its mode and flows, and the commodities that it uses unless it is idle."""
        key = {"site": self.site, "process": name}
        units = {
            "existing_mw": self.power, "capital": f"M{self.money}/MW", "fixed": f"M{self.money}/MW/a",
            "variable": f"{self.money}/MWh", "act_max_mwh": self.energy,
        }  # fmt: skip
        if self.money == "money":
            units |= {"capital": "money/W", "fixed": "money/W/a"}
        # EnergyPLAN simulates what is given: nothing is built besides.
        self.add("process", key, {"new_max": 0.0, **cells}, origin, units, idle=idle)
        key |= {"mode": "1"}
        if mode:
            self.add("process_mode", key, mode, origin, units, idle=idle)
        for direction, ratios in flows.items():
            for commodity, ratio in ratios.items():
                flow = {**key, "commodity": commodity, "direction": direction}
                self.add("process_flow", flow, {"ratio": ratio}, origin, idle=idle)
                if not idle:
                    self.commodity(commodity, {}, origin, idle=False)

    def storage(self, name: str, cells: Mapping[str, object], origin: str, cost: Mapping[str, object]) -> None:
        """Add a storage; one without contents is idle."""
        size = cells["e_existing"]
        key = {"site": self.site, "storage": name}
        money = {
            "capital_e": cost.get("capital"),
            "fixed_e": cost.get("fixed"),
            "life": cost.get("life"),
            "wacc": self.wacc,
        }
        per_energy = f"M{self.money}/GWh" if self.money != "money" else "money/kWh"
        units = {
            "e_existing": self.stored, "charge_max": self.power, "discharge_max": self.power, "capital_e": per_energy,
            "fixed_e": f"{per_energy}/a",
        }  # fmt: skip
        self.add("storage", key, {**cells, **money}, origin, units, idle=not size)
        if size:
            self.commodity(str(cells["commodity"]), {}, origin, idle=False)

    def demand(self, commodity: str, amount: float | None, origin: str, distribution: str) -> None:
        """Add a demand with the profile that a key names, if there is any."""
        key = {"site": self.site, "commodity": commodity, "timing": "slice"}
        cells: dict[str, object] = {"mwh": amount}
        if amount:
            cells["profile"] = self.distribution(distribution, f"the demand for {commodity}")
            self.commodity(commodity, {}, origin, idle=False)
        self.add("demand", key, cells, origin, {"mwh": self.energy}, idle=not amount)

    def commodity(
        self,
        name: str,
        cells: Mapping[str, object],
        origin: str,
        units: Mapping[str, str] | None = None,
        *,
        idle: bool | None = None,
    ) -> None:
        """Add a commodity; one that is used is not idle, whatever its price is."""
        key = {"site": self.site, "commodity": name}
        place = ("commodity", tuple(key.items()))
        before = self.meaning.rows.get(place)
        still = (not cells.get("price")) if idle is None else idle
        if before is None:
            self.add("commodity", key, cells, origin, units or {}, idle=still)
            return
        self.meaning.rows[place] = Cells(
            "commodity", before.key, {**before.cells, **cells}, {**before.units, **(units or {})}, before.origin,
            before.idle and still,
        )  # fmt: skip

    def add(
        self,
        table: str,
        key: Mapping[str, object],
        cells: Mapping[str, object],
        origin: str,
        units: Mapping[str, str] | None = None,
        *,
        idle: bool = False,
    ) -> None:
        """Add a row; the key that it stands for gives its place."""
        named = tuple(key.items())
        units = {c: u for c, u in (units or {}).items() if c in cells}
        self.meaning.rows[table, named] = Cells(table, named, dict(cells), units, self.keys.entry(origin), idle)

    def cost(self, name: str | None) -> dict[str, object]:
        """Return investment, fixed operation and life of a technology, as the file gives them per capacity."""
        if name is None:
            return {"wacc": self.wacc}
        capital, share, life = (self.keys.number(f"input_{x}_{name}") for x in ("Inv", "FOM", "Period"))
        fixed = None if capital is None or share is None else capital * share / 100
        return {"capital": capital, "fixed": fixed, "life": life or None, "wacc": self.wacc}

    # --- distributions and notes --------------------------------------------------------------------------------------
    def distribution(self, key: str, what_for: str) -> str | None:
        """Return the profile that a key names; None if it is not there."""
        named = self.keys.text(key)
        if not named:
            return None
        found = self.profiles.find(named)
        if found is None:
            self.meaning.wanted.setdefault(named, []).append(what_for)
        return found

    def note(self, text: str, entry: Entry | None, hint: str = "", **kind: Any) -> None:
        """Say something of a key."""
        file, row = (str(entry.path or ""), entry.row or None) if entry else ("", None)
        self.meaning.findings.append(Problem(text, file, row=row, hint=hint, **kind))
