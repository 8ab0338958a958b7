"""What a workbook of hotmapsDispatch is made of: its sheets and columns, the types of its generators, and what is read of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from dhsdb.errors import Problem
from dhsdb.importers.units import CURRENCIES

if TYPE_CHECKING:
    from pathlib import Path

Form = Literal["dispatch", "catalogue", "study", "capacities"]
"""A case that can be run, a list of technologies without capacity, tables by year of several cases, or capacities by year."""
Row = dict[str, Any]

GENERATORS, STORAGE, DATA, CARRIERS = "Heat Generators", "Heat Storage", "Data", "Energy Carrier"
PRICES, FACTORS, EXTERNAL = "energy carrier prices", "emmision factors", "Default - External Data"
BOTH = "prices and emmision factors"
PARAMETERS = "financal and other parameteres"

ELECTRICITY = "electricity"
HEAT = "heat"
MODE = "1"
CO2 = "CO2"


@dataclass(frozen=True, slots=True)
class Field:
    """A column: how headers name it, and in which unit it is kept.

    Attributes
    ----------
    code
        Name in the first row of a catalogue.
    unit
        Unit that a header must be convertible to; empty for names, shares and counts.
    """

    name: str
    title: str
    code: str = ""
    unit: str = ""
    is_text: bool = False


GENERATOR = (
    Field("name", "name", "name", is_text=True),
    Field("type", "type", "type", is_text=True),
    Field("carrier", "input", "energy_carrier", is_text=True),
    Field("capacity", "installed capacity", "P_th_cap", "MW"),
    Field("n_th", "efficiency th", "n_th"),
    Field("n_el", "efficiency el", "n_el"),
    Field("capital", "investment costs", "IK", "money/MW"),
    Field("fixed", "OPEX fix", "OP_fix", "money/MW/year"),
    Field("variable", "OPEX var", "OP_var", "money/MWh"),
    Field("coldstart", "Coldstart Costs"),
    Field("life", "life time", "LT"),
    Field("renewable", "renewable factor", "RF"),
    Field("must_run", "must run", "MR"),
    Field("potential", "Maximal Available Potential", "", "MWh"),
    Field("most_power", "Maximal Output Power", "", "MW"),
    Field("source_price", "Excess Heat Source Price", "", "money/MWh"),
    Field("ramp_cost", "Ramping Costs", "c_ramp"),
    Field("by_source", "COP source temperature sensitivity"),
    Field("by_flow", "COP flow temperature sensitivity"),
    Field("by_return", "COP return temperature sensitivity"),
    Field("off_below", "min shutoff source temperature"),
    Field("fades_below", "fade out temp where power reduction starts"),
    Field("source_c", "Source Temperature"),
    Field("flow_c", "Nominal Inlet Temperature"),
    Field("return_c", "Nominal Return Temperature"),
    Field("refrigerant", "Refrigerants", is_text=True),
    Field("compressor", "Maximum Power of the Heatpump Compressor Pel", "", "MW"),
    Field("least_power", "Minimum Output Power Factor"),
    Field("buys_at", "Electricity price", is_text=True),
    Field("sells_at", "Sale Electricity price", is_text=True),
    Field("condensing_mw", "P_max in condensing mode", "P_max_el_j"),
)
STORE = (
    Field("name", "name", "hs_name", is_text=True),
    Field("capacity", "Storage Capacity", "cap_hs", "MWh"),
    Field("loss", "Hourly Stoarge Losses", "cap_losse_hs", "1/hour"),
    Field("unload", "maximum unloading power", "unload_cap_hs", "MW"),
    Field("load", "maximum loading power", "load_cap_hs", "MW"),
    Field("eff_in", "loading efficiency", "n_pump_hs"),
    Field("eff_out", "unloading efficiency"),
    Field("capital", "Invesment costs for additional storage capacity", "IK_cap_hs", "money/MWh"),
    Field("fixed", "OPEX fix", "OP_fix_hs", "money/MWh/year"),
    Field("life", "Life Time", "LT_hs"),
    Field("year", "Year"),
)
GENERAL = (
    Field("co2_price", "CO2 Price", "P_co2", "money/t"),
    Field("interest", "Interest Rate", "interest_rate"),
    Field("threshold", "Threshold Temperature", "threshold_heatpump"),
    Field("renewable", "Minimum Renewable Factor", "toatl_RF"),
    Field("scale", "Demand Scaling Factor", "demand_factor"),
    Field("demand", "Total Demand", "total_demand", "MWh"),
)
CARRIER = (Field("name", "name", is_text=True), Field("carrier", "carrier", is_text=True))
PRICE = (
    Field("carrier", "energy carrier", "energy_carrier", is_text=True),
    Field("price", "prices", "energy_carrier_prices", "money/MWh"),
)
FACTOR = (
    Field("carrier", "energy carrier", "energy_carrier", is_text=True),
    Field("factor", "emission factor", "em", "t/MWh"),
)

SHEETS: dict[str, tuple[Field, ...]] = {
    GENERATORS: GENERATOR,
    STORAGE: STORE,
    DATA: GENERAL,
    CARRIERS: CARRIER,
    PRICES: PRICE,
    FACTORS: FACTOR,
    BOTH: (*PRICE, FACTOR[1]),
}
NEEDED = {
    GENERATORS: ("name", "type", "capacity", "n_th"),
    STORAGE: ("name", "capacity"),
    DATA: ("demand",),
    CARRIERS: ("name", "carrier"),
    PRICES: ("carrier", "price"),
    FACTORS: ("carrier", "factor"),
    BOTH: ("carrier", "price", "factor"),
}
"""Columns without which a sheet says nothing."""
ALTERNATIVES = {"data": DATA, "prices": PRICES, "emissions": FACTORS, "profiles": EXTERNAL}
"""Options that choose among the alternatives of a sheet."""

EXTERNALS = {
    "Radiation": "radiation",
    "Temperature": "temperature",
    "Demand": "load",
    "Heat Demand": "load",
    "Sale Electricity Price": "sale",
    "Electricity Price": "price",
    "Inlet Temperature": "flow temperature",
    "Return Temperature": "return temperature",
    "River Temperature": "river temperature",
    "Waste Water Temperature": "wastewater temperature",
    "Data Center Temperature": "datacenter temperature",
    "Seawater Temperature": "seawater temperature",
}
"""Columns of the profiles, and the kind of each."""
SOURCES = {
    "heat pump air": "temperature",
    "heat pump river water": "river temperature",
    "heat pump wastewater": "wastewater temperature",
    "heat pump seawater": "seawater temperature",
    "heat pump data center": "datacenter temperature",
}
"""Types of heat pumps whose COP follows temperatures, and the profile of their source."""
STRANGE = ("heat pump seawater", "heat pump data center")
"""Types that the published version of the tool does not know."""
TYPES = (
    "heat pump",
    "Power To Heat",
    "Solar Thermal",
    "waste treatment",
    "CHP-BP",
    "CHP-SE",
    "boiler",
    "Waste Heat",
    "Geo Thermal",
    "Heat Pump Air",
    "Heat Pump River Water",
    "Heat Pump Wastewater",
    "Heat Pump Ind. Wasteheat",
    "Heat Pump Seawater",
    "Heat Pump Data Center",
)

REFERENCE = re.compile(r"see (?:table in )?sheet", re.IGNORECASE)
"""What stands in a cell of a study whose value is in a table by year."""
_UNIT = re.compile(r"^(.*?)\s*[(\[]\s*([^()\[\]]*?)\s*[)\]]\s*$")
_MONEY = re.compile(rf"(?<![A-Za-z])([kM]?)({'|'.join(CURRENCIES)}|€)(?=/)")
_UNSAID = {"", "0-1", "a", "1/°C", "°C", "Celsius"}


@dataclass(slots=True)
class Sheet:
    """A sheet of rows.

    Attributes
    ----------
    rows
        One per line: texts, numbers with NaN where blank, what refers to a table as text, and ``_row``.
    units
        Unit per column as its header says it.
    headers
        Header per column.
    """

    name: str
    rows: list[Row] = field(default_factory=list)
    units: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Book:
    """One workbook once it is read.

    Attributes
    ----------
    tables
        Sheets of rows.
    externals
        Rows of the sheet that names the profiles.
    by_year
        Tables by year of a study: sheet, name, year -> value and row.
    n_alternatives
        How many alternatives a sheet holds.
    said
        Headers by the currency that they name.
    year
        Year that the rows hold for; None = every year.
    """

    path: Path
    form: Form
    tables: dict[str, Sheet] = field(default_factory=dict)
    externals: list[Row] = field(default_factory=list)
    by_year: dict[str, dict[tuple[str, int], tuple[float, int]]] = field(default_factory=dict)
    n_alternatives: dict[str, int] = field(default_factory=dict)
    said: dict[str, list[str]] = field(default_factory=dict)
    notes: list[Problem] = field(default_factory=list)
    year: int | None = None

    def note(
        self,
        message: str,
        sheet: str,
        row: int | None = None,
        column: str = "",
        value: object = None,
        hint: str = "",
        severity: str = "error",
        code: str = "hotmaps",
    ) -> None:
        """Keep a problem or a remark of this workbook."""
        self.notes.append(Problem(message, str(self.path), sheet, row, column, value, hint, severity, code))

    def rows_of(self, name: str) -> list[Row]:
        """Return the rows of a sheet; none if there is no such sheet."""
        return self.tables[name].rows if name in self.tables else []

    def header(self, sheet: str, column: str) -> str:
        """Return the header of a column, or its name where the sheet has none."""
        return self.tables[sheet].headers.get(column, column) if sheet in self.tables else column

    @property
    def failed(self) -> bool:
        """Whether anything is wrong."""
        return any(note.severity == "error" for note in self.notes)

    @property
    def is_heat_pump_form(self) -> bool:
        """Whether it is of the later form, in which the COP of heat pumps follows temperatures."""
        return GENERATORS in self.tables and "by_source" in self.tables[GENERATORS].headers


def split_header(header: str) -> tuple[str, str]:
    """Return a header without its unit, and the unit.

    Examples
    --------
    >>> split_header("Total Demand[ MWh]")
    ('Total Demand', 'MWh')
    """
    found = _UNIT.match(header)
    return (found[1].strip(), found[2]) if found else (header.strip(), "")


def fold(text: str) -> str:
    """Return a name as headers and sheets are compared: without case and doubled blanks."""
    return " ".join(text.split()).casefold()


def named_currency(unit: str) -> str:
    """Return the ISO code of the currency in a unit; empty if it names none."""
    found = _MONEY.search(unit)
    return ("EUR" if found[2] == "€" else found[2]) if found else ""


def readable_unit(unit: str, meaning: Field, currency: str) -> str:
    """Return a unit of a header as it is meant: slips of the form mended, in the currency that is meant."""
    if unit in _UNSAID:
        return ""
    text = _MONEY.sub(lambda found: found[1] + (currency or found[2]), unit)
    text = re.sub(r"\btC[O0]2\b", "t", text)
    text = re.sub(r"\bMWa\b", "MW/a", text)
    if meaning.name == "loss":
        return f"{text}/h"
    return f"{text}/a" if meaning.unit.endswith("/year") and "/a" not in text else text
