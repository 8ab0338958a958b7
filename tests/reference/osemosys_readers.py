"""Small readers of OSeMOSYS data that share nothing with the importer, and what its tables say, brought back to parameters."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Any

import openpyxl

if TYPE_CHECKING:
    from pathlib import Path

    from dhsdb.store import Store

Key = tuple[str, ...]

_INDICES = """YearSplit ly
DiscountRate r
DiscountRateIdv rt
DepreciationMethod r
OperationalLife rt
SpecifiedAnnualDemand rfy
SpecifiedDemandProfile rfly
AccumulatedAnnualDemand rfy
CapacityToActivityUnit rt
CapacityFactor rtly
AvailabilityFactor rty
ResidualCapacity rty
InputActivityRatio rtfmy
OutputActivityRatio rtfmy
CapitalCost rty
VariableCost rtmy
FixedCost rty
TotalAnnualMaxCapacity rty
TotalAnnualMinCapacity rty
TotalAnnualMaxCapacityInvestment rty
TotalAnnualMinCapacityInvestment rty
TotalTechnologyAnnualActivityUpperLimit rty
TotalTechnologyAnnualActivityLowerLimit rty
TotalTechnologyModelPeriodActivityUpperLimit rt
TotalTechnologyModelPeriodActivityLowerLimit rt
CapacityOfOneTechnologyUnit rty
ReserveMarginTagTechnology rty
ReserveMarginTagFuel rfy
ReserveMargin ry
RETagTechnology rty
RETagFuel rfy
REMinProductionTarget ry
EmissionActivityRatio rtemy
EmissionsPenalty rey
AnnualExogenousEmission rey
ModelPeriodExogenousEmission re
AnnualEmissionLimit rey
ModelPeriodEmissionLimit re
TechnologyToStorage rtsm
TechnologyFromStorage rtsm
StorageLevelStart rs
StorageMaxChargeRate rs
StorageMaxDischargeRate rs
MinStorageCharge rsy
OperationalLifeStorage rs
CapitalCostStorage rsy
ResidualStorageCapacity rsy
DiscountRateStorage rs
DaySplit By
DaysInDayType SDy
Conversionls lS
Conversionld lD
Conversionlh lB
OutputModeofoperation rtmy
GIS_Losses rf
StorageMaxCapacity rs
DiscountRateTech rt
DiscountRateSto rs"""
INDICES = {name: tuple(letters) for name, letters in (line.split() for line in _INDICES.split("\n"))}
SETS = {
    "r": "REGION", "t": "TECHNOLOGY", "f": "FUEL", "e": "EMISSION", "s": "STORAGE", "m": "MODE_OF_OPERATION", "l": "TIMESLICE", "y": "YEAR",
    "S": "SEASON", "D": "DAYTYPE", "B": "DAILYTIMEBRACKET",
}  # fmt: skip
OTOOLE = {
    "DiscountRate": 0.05, "DiscountRateStorage": 0.05, "DepreciationMethod": 1, "OperationalLife": 1, "CapacityToActivityUnit": 1,
    "CapacityFactor": 1, "AvailabilityFactor": 1, "ReserveMargin": 1, "ResidualStorageCapacity": 999, "DaySplit": 0.00137, "DaysInDayType": 7,
    "TotalAnnualMaxCapacity": -1, "TotalAnnualMaxCapacityInvestment": -1, "TotalTechnologyAnnualActivityUpperLimit": -1,
    "TotalTechnologyModelPeriodActivityUpperLimit": -1, "AnnualEmissionLimit": -1, "ModelPeriodEmissionLimit": -1, "OutputModeofoperation": 1,
}  # fmt: skip


@dataclass
class Data:
    """Sets, values by parameter and index, and defaults."""

    sets: dict[str, list[str]] = field(default_factory=dict)
    values: dict[str, dict[Key, float]] = field(default_factory=dict)
    defaults: dict[str, float] = field(default_factory=dict)

    def default(self, name: str) -> float:
        return self.defaults.get(name, OTOOLE.get(name, 0.0))

    def full(self, name: str) -> dict[Key, float]:
        """Return a parameter over all its indices; what a label outside the sets has is dropped."""
        axes = [self.sets.get(SETS[i], []) for i in INDICES[name]]
        own, default = self.values.get(name, {}), self.default(name)
        return {key: own.get(key, default) for key in product(*axes)}


def label(cell: object) -> str:
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell).strip()


def read_gmpl(path: Path) -> Data:
    """Read a data file as the real ones are written: one record per line, or one table row per line."""
    text = re.sub(r"#.*", "", path.read_text(encoding="utf-8", errors="replace"))
    data = Data()
    for statement in text.split(";"):
        words = statement.split()
        if words[:1] == ["set"]:
            name = "FUEL" if words[1] == "COMMODITY" else words[1]
            data.sets[name] = statement.split(":=", 1)[1].split()
        elif words[:1] == ["param"] and words[1] != "ResultsPath":
            _gmpl_parameter(statement, data)
    return data


def _gmpl_parameter(statement: str, data: Data) -> None:
    head = re.match(r"\s*param\s+(?:default\s+(\S+)\s*:\s*(\w+)|(\w+)(?:\s+default\s+([^\s:]+))?)", statement)
    assert head is not None
    name, default = head[2] or head[3], head[1] or head[4]
    if default is not None:
        data.defaults[name] = float(default)
    if name not in INDICES:
        return
    values = data.values.setdefault(name, {})
    body = statement[head.end() :]
    parts = re.split(r"\[([^\]]*)\]", body)
    slices = [("", parts[0]), *zip(parts[1::2], parts[2::2], strict=True)]
    for where, block in slices:
        pattern = [p.strip() for p in where.split(",")] if where else ["*"] * len(INDICES[name])
        table = re.search(r"(?<![:=]):(?!=)(.*?):=(.*)", block, re.DOTALL)
        tokens = (table[2] if table else block.replace(":=", " ")).split()
        columns = table[1].split() if table else [""]
        free = pattern.count("*")
        width = (1 + len(columns)) if table else free + 1
        for i in range(0, len(tokens) - len(tokens) % width, width):
            record = tokens[i : i + width]
            lines = (
                [([record[0], c], v) for c, v in zip(columns, record[1:], strict=True)]
                if table
                else [(record[:-1], record[-1])]
            )
            for told, value in lines:
                names = iter(told)
                values[tuple(next(names) if p == "*" else p for p in pattern)] = float(value)


def read_folder(folder: Path, config: Path | None = None) -> Data:
    data = Data()
    if config is not None:
        for name, default in re.findall(r"(?m)^(\w+):\n(?:[ ]+.*\n)*?[ ]+default: *(\S+)", config.read_text()):
            data.defaults[name] = float(default)
    for path in folder.glob("*.csv"):
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [row for row in csv.reader(file) if any(row)]
        if path.stem in SETS.values():
            data.sets[path.stem] = [row[0] for row in rows[1:]]
        elif path.stem in INDICES:
            data.values[path.stem] = {tuple(row[:-1]): float(row[-1]) for row in rows[1:]}
        elif path.name == "default_values.csv":
            data.defaults = {row[0]: float(row[1]) for row in rows[1:]}
    return data


def read_pulp(path: Path) -> Data:
    book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    data = Data()
    rows = list(book["SETS"].iter_rows(values_only=True))
    for k, name in enumerate(rows[0]):
        data.sets[str(name)] = [
            label(float(c) if isinstance(c, int) else c) for c in (row[k] for row in rows[1:]) if c not in {None, ""}
        ]
    data.defaults = {
        str(n): float(v) for n, v in list(book["PARAMETERS_DEFAULT"].iter_rows(values_only=True, max_col=2))[1:] if n
    }
    rows = list(book["PARAMETERS"].iter_rows(values_only=True))
    head = [str(c) for c in rows[0]]
    for row in rows[1:]:
        cell = dict(zip(head, row, strict=True))
        name = str(cell["PARAM"])
        if name in INDICES:
            key = tuple(label(float(c) if isinstance(c := cell[SETS[i]], int) else c) for i in INDICES[name])
            by_year = "y" not in INDICES[name] and cell["YEAR"] not in {None, ""}
            if not by_year:  # OSeMOSYS_PuLP finds no value that is listed by a year it does not ask for
                data.values.setdefault(name, {})[key] = float(cell["VALUE"])
    return data


class Back:
    """The effective input tables of a scenario as parameters of OSeMOSYS again."""

    def __init__(self, store: Store, scenario: str, energy: float, mass: float) -> None:
        self.store, self.scenario, self.e, self.mass = store, scenario, energy, mass
        self.slices = {row["t"]: row["label"] for row in self.table("time_slice")}
        self.profiles: dict[str, dict[str, float]] = {}
        sql = (
            "SELECT p.profile, v.t, v.value FROM input.profile AS p JOIN meta.series AS s USING (sha256)"
            f" JOIN meta.series_value AS v ON v.series = s.series WHERE p.scenario = '{scenario}'"
        )
        for row in store.sql(sql).rows():
            self.profiles.setdefault(row["profile"], {})[self.slices[row["t"]]] = row["value"]

    def table(self, name: str) -> list[dict[str, Any]]:
        return self.store.sql(f"SELECT * FROM input.\"{name}\" WHERE scenario = '{self.scenario}'").rows()

    def parameters(self) -> dict[str, dict[Key, float]]:
        """Return values by parameter; what is unlimited or off is left out."""
        found: dict[str, dict[Key, float]] = {name: {} for name in INDICES}
        for part in (
            self.time,
            self.sites,
            self.processes,
            self.flows,
            self.demand,
            self.emissions,
            self.limits,
            self.storages,
        ):
            part(found)
        return found

    def time(self, found: dict[str, dict[Key, float]]) -> None:
        for r in self.table("time_slice"):
            found["YearSplit"][r["label"], str(r["year"])] = r["weight_h"] / 8760
            for name, column in (("Conversionls", "season"), ("Conversionld", "daytype"), ("Conversionlh", "bracket")):
                if r[column] is not None:
                    found[name][r["label"], str(r[column])] = 1.0
        for r in self.table("slice_calendar"):
            found["DaySplit"][str(r["bracket"]), str(r["year"])] = r["day_split"]
            found["DaysInDayType"][str(r["season"]), str(r["daytype"]), str(r["year"])] = r["days_in_daytype"]

    def sites(self, found: dict[str, dict[Key, float]]) -> None:
        for r in self.table("site"):
            found["DiscountRate"][(r["site"],)] = r["discount_rate"]
            found["DepreciationMethod"][(r["site"],)] = r["depreciation_method"]

    def processes(self, found: dict[str, dict[Key, float]]) -> None:
        for r in self.table("process"):
            key, mw = (r["site"], r["process"]), r["source_mw"]
            at = (*key, str(r["year"]))
            found["CapacityToActivityUnit"][key] = mw * 8760 / self.e
            found["OperationalLife"][key] = r["life"]
            found["DiscountRateIdv"][key] = r["wacc"]
            found["CapitalCost"][at] = r["capital"] * mw
            found["FixedCost"][at] = r["fixed"] * mw
            found["ResidualCapacity"][at] = r["existing_mw"] / mw
            for name, column in (
                ("TotalAnnualMaxCapacity", "cap_max"), ("TotalAnnualMinCapacity", "cap_min"), ("TotalAnnualMaxCapacityInvestment", "new_max"),
                ("TotalAnnualMinCapacityInvestment", "new_min"), ("CapacityOfOneTechnologyUnit", "unit_mw"),
            ):  # fmt: skip
                if r[column] is not None:
                    found[name][at] = r[column] / mw
            if r["annual_avail"] is not None:
                found["AvailabilityFactor"][at] = r["annual_avail"]
            if r["avail_profile"] is not None:
                for slice_, value in self.profiles[r["avail_profile"]].items():
                    found["CapacityFactor"][(*key, slice_, at[2])] = value

    def flows(self, found: dict[str, dict[Key, float]]) -> None:
        for r in self.table("process_flow"):
            name = "InputActivityRatio" if r["direction"] == "in" else "OutputActivityRatio"
            if r["ratio"]:
                found[name][r["site"], r["process"], r["commodity"], r["mode"], str(r["year"])] = r["ratio"]
        for r in self.table("process_emission"):
            value = r["t_per_mwh"] * self.e / self.mass
            found["EmissionActivityRatio"][r["site"], r["process"], r["emission"], r["mode"], str(r["year"])] = value
        for r in self.table("process_mode"):
            found["VariableCost"][r["site"], r["process"], r["mode"], str(r["year"])] = r["variable"] * self.e
            if r["capacity_use"] is not None:
                found["OutputModeofoperation"][r["site"], r["process"], r["mode"], str(r["year"])] = r["capacity_use"]

    def demand(self, found: dict[str, dict[Key, float]]) -> None:
        """Keep slice demand as the product of amount and share, which is all that OSeMOSYS uses of them."""
        for r in self.table("demand"):
            key = (r["site"], r["commodity"], str(r["year"]))
            if r["timing"] == "year":
                found["AccumulatedAnnualDemand"][key] = r["mwh"] / self.e
                continue
            found["SpecifiedAnnualDemand"][key] = r["mwh"] / self.e
            for slice_, share in self.profiles[r["profile"]].items() if r["profile"] else ():
                found["SpecifiedDemandProfile"][key[0], key[1], slice_, key[2]] = r["mwh"] / self.e * share

    def emissions(self, found: dict[str, dict[Key, float]]) -> None:
        for r in self.table("emission"):
            key = (r["site"], r["emission"])
            found["EmissionsPenalty"][(*key, str(r["year"]))] = r["price"] * self.mass
            found["AnnualExogenousEmission"][(*key, str(r["year"]))] = r["exogenous_t"] / self.mass
            found["ModelPeriodExogenousEmission"][key] = r["exogenous_horizon_t"] / self.mass

    def limits(self, found: dict[str, dict[Key, float]]) -> None:
        terms: dict[tuple[str, int], list[dict[str, Any]]] = {}
        for r in self.table("limit_term"):
            terms.setdefault((r["limit"], r["year"]), []).append(r)
        tags = {
            ("ReserveMargin", "lhs"): ("ReserveMarginTagTechnology", "process"), ("ReserveMargin", "base"): ("ReserveMarginTagFuel", "commodity"),
            ("REMinProductionTarget", "lhs"): ("RETagTechnology", "process"), ("REMinProductionTarget", "base"): ("RETagFuel", "commodity"),
        }  # fmt: skip
        for r in self.table("limit"):
            name, value, year = r["tag"], r["value"], str(r["year"])
            own = terms.get((r["limit"], r["year"]), [])
            if r["quantity"] in {"activity", "emission"}:
                scale = self.e if r["quantity"] == "activity" else self.mass
                key = (own[0]["site"], own[0]["process"] or own[0]["emission"])
                if value is not None:
                    found[name][key if r["per"] == "horizon" else (*key, year)] = value / scale
                continue
            for term in own:
                tag, column = tags[name, term["side"]]
                found[tag][term["site"], term[column], year] = term["factor"]
            if value is not None:
                found[name][r["limit"].rsplit(" in ", 1)[1], year] = value

    def storages(self, found: dict[str, dict[Key, float]]) -> None:
        for r in self.table("storage"):
            key = (r["site"], r["storage"])
            at = (*key, str(r["year"]))
            found["ResidualStorageCapacity"][at] = r["e_existing"] / self.e
            found["MinStorageCharge"][at] = r["level_min"]
            found["CapitalCostStorage"][at] = r["capital_e"] * self.e
            found["OperationalLifeStorage"][key] = r["life"]
            found["StorageLevelStart"][key] = r["level_start"] / self.e
            found["DiscountRateStorage"][key] = r["discount_rate"]
            for name, column, scale in (
                ("StorageMaxChargeRate", "charge_max", 8760 / self.e), ("StorageMaxDischargeRate", "discharge_max", 8760 / self.e), ("StorageMaxCapacity", "e_cap_max", 1 / self.e),
            ):  # fmt: skip
                if r[column] is not None:
                    found[name][key] = r[column] * scale
        for r in self.table("storage_link"):
            name = "TechnologyToStorage" if r["direction"] == "in" else "TechnologyFromStorage"
            found[name][r["site"], r["process"], r["storage"], r["mode"]] = r["ratio"]
