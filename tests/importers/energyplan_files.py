"""Small EnergyPLAN files, written in the ways that its versions do: input files, distributions, outputs of a whole year."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    Num = Callable[..., str]

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
)  # fmt: skip
DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

KEYS: dict[str, str] = {
    "EnergyUnit": "GWh/year", "CapacityUnit": "kW", "MonetaryUnit": "EUR", "Input_el_demand_Twh": "26.5",
    "input_RES1_capacity": "5000", "NameRES1": "Photo Voltaic", "Filnavn_wave": "pv.txt", "input_RES2_capacity": "0",
    "NameRES2": "Wind", "Filnavn_wind": "wind.txt", "Filnavn_elbehov": "el.txt", "Filnavn_individual_heatdemand": "heat.txt",
    "Filnavn_prices": "price.txt", "input_nordpool_mult_fac": "1", "input_nordpool_add_fac": "0", "input_max_imp_exp": "7500",
    "input_cap_pp_el": "0", "input_eff_pp_el": "0.45", "input_fuel_PP[1]": "1", "input_fuel_PP[2]": "0", "input_fuel_PP[3]": "3",
    "input_fuel_PP[4]": "0", "input_fuel_Households[2]": "24", "input_HH_oilboiler_eff": "0.8", "input_HH_HP_heat": "16",
    "input_HH_HP_COP": "3.2", "input_fuel_price[1]": "3", "input_fuel_price[2]": "10", "input_fuel_price[3]": "8",
    "input_fuel_CO2[1]": "98.5", "input_fuel_CO2[2]": "72.9", "input_fuel_CO2[3]": "56.7", "input_Interest": "4",
    "input_Inv_PV": "2.6", "input_Period_PV": "25", "input_FOM_PV": "1", "input_Inv_PP": "0.5", "input_Period_PP": "25",
    "input_FOM_PP": "2", "input_keol_reg": "00000000", "input_regulation": "2", "general_notesText": "a, b = c",
}  # fmt: skip
"""An input file of a village: 26.5 GWh of electricity, 5 MW of PV, oil boilers and heat pumps."""


def input_text(
    keys: Mapping[str, str] | None = None, n_lines: int = 1500, *, padding: bool = True, **changed: str
) -> list[str]:
    """Return the lines of an input file; a second key of the same name is written with ~ behind it, a leading blank stays."""
    whole = {**(KEYS if keys is None else keys), **changed}
    lines = ["EnergyPLAN version", "698"]
    for key, value in whole.items():
        lines += [f"{key.rstrip('~')}=", value]
    return lines + ["xxx"] * (n_lines - len(lines)) if padding else lines


def write_lines(
    path: Path, lines: Sequence[str], encoding: str = "utf-16", newline: str = "\r\n", *, end: bool = True
) -> Path:
    """Write lines; utf-16 is little-endian with a byte order mark, as EnergyPLAN writes it."""
    text = newline.join(lines) + (newline if end else "")
    mark = b"\xff\xfe" if encoding == "utf-16" else b""
    path.write_bytes(mark + text.encode("utf-16-le" if encoding == "utf-16" else encoding))
    return path


def write_input(path: Path, encoding: str = "utf-16", newline: str = "\r\n", **changed: str) -> Path:
    """Write the input file of the village, with some keys of other values."""
    return write_lines(path, input_text(**changed), encoding, newline)


def write_fragment(path: Path, **keys: str) -> Path:
    """Write a modification fragment, as optimisers do: no end of the last line, no padding."""
    return write_lines(path, input_text(keys, padding=False), "cp1252", "\n", end=False)


def write_distribution(
    path: Path, values: Sequence[float] | None = None, n: int = 8784, *, comma: bool = False
) -> Path:
    """Write a distribution."""
    numbers = np.linspace(0.0, 1.0, n).round(4) if values is None else values
    lines = [f"{v:g}".replace(".", "," if comma else ".") for v in numbers]
    return write_lines(path, lines, "cp1252", "\r\n")


@dataclass
class Year:
    """An output of a whole year, whose annual, monthly and hourly figures agree.

    Attributes
    ----------
    columns
        Names of the columns, in two rows, with their hourly values in the unit of capacity.
    """

    columns: dict[tuple[str, str], np.ndarray] = field(default_factory=dict)
    energy: str = "GWh/year"
    power: str = "kW"
    money: str = "k EUR"
    co2: str = "kt"
    version: str = "16.2"
    warnings: tuple[str, ...] = ()

    @property
    def per_energy(self) -> float:
        return {"GWh/year": 1e-6, "TWh/year": 1e-6}[self.energy]  # kW to GWh, MW to TWh

    def months(self, values: np.ndarray) -> list[float]:
        ends = np.cumsum(np.array(DAYS) * 24)
        return [float(part.mean()) for part in np.split(values, ends[:-1])]


def demand(n: int = 8784) -> np.ndarray:
    """Return a demand that differs in each hour, whole numbers as EnergyPLAN prints them."""
    return 3000 + (np.arange(n) * 7919) % 2000


def village() -> Year:
    """Return the output of a village with PV, exchange, a store, prices."""
    use = demand()
    sun = np.where((np.arange(8784) % 24 > 7) & (np.arange(8784) % 24 < 18), 4500, 0)
    net = use - sun
    return Year(
        {
            ("Electr.", "Demand"): use, ("  PV  ", " Electr."): sun, ("Wave", "Electr."): 0 * use, ("Wave ", " Electr."): 0 * use + 3,
            ("Pumped ", "Storage"): (np.arange(8784) % 500), (" Import ", " Electr."): net.clip(0), (" Export ", " Electr."): (-net).clip(0),
            ("ExMarket", " Prices"): 40 + np.arange(8784) % 9, ("Import", "Payment"): 0 * use + 12, ("Stabil.", "Load"): 0 * use + 100,
            **{(f"CHP {i}", " Heat "): 0 * use for i in range(2, 30)},
        }
    )  # fmt: skip


def output_lines(
    year: Year, sep: str = "\t", *, old: bool = False, comma: bool = False, hours: int = 8784
) -> list[str]:
    """Return the lines of an output.

    Parameters
    ----------
    sep
        What separates fields: TAB, or NUL as old versions write.
    old
        The left block is written as `KEY = value 1000 EUR`.
    """

    def num(value: float, digits: int = 0) -> str:
        text = f"{value:8.{digits}f}"
        return text.replace(".", ",") if comma else text

    def row(label: str, cells: Sequence[str]) -> str:
        return sep.join([f"{label:17}", *cells, ""])

    first = "  ".join(f"§§§§§§ WARNING: {w} §§§§§" for w in year.warnings)
    lines = ["", f" {first} ", ""]
    right = [
        (["OVERVIEW OF INVESTMENT COSTS", "    Interest Rate:", f"{num(4.0, 1).strip()}%"], ["FUEL BALANCE"]),
        ([], []),
        (["COSTS", "Total Inv.", "Annual Inv.", "Fixed"], ["", "Primary Energy"]),
        (
            ["Costs     ", "Costs    ", "O&M"],
            ["", f"{year.energy}      ", "DHP    ", "PP   ", "Transp. ", "VRES", "Total"],
        ),
        (
            ["Photo Voltaic       ", num(13000), num(800), num(130)],
            ["Heat savings", "      ", "", "", "Coal     ", *map(num, (0, 0, 0, 0, 0))],
        ),
        (
            ["Large Power Plants  ", num(0), num(0), num(0)],
            ["", num(500), num(25), num(5), "Oil      ", *map(num, (0, 0, 7, 0, 7))],
        ),
        (["Photo Voltaic       ", num(10), num(1), num(0)], ["", "", "", "", "Renewable", *map(num, (0, 0, 0, 9, 9))]),
        ([], ["", "", "", "", "Total    ", *map(num, (0, 0, 7, 9, 16))]),
        ([], ["", "", "", "Detailed emissions (ton)"]),
        ([], ["", "", "", "SO2    ", num(1.5, 3)]),
    ]
    for at, left in enumerate(_left(year, num, old=old)):
        middle, last = right[at] if at < len(right) else ([], [])
        fields = [*left, *[""] * (6 - len(left)), *middle, *[""] * (5 - len(middle)), *last]
        lines.append(sep.join(fields) if middle or last else sep.join([*left, *[""] * (5 - len(left))]))
    lines += ["", "", sep.join(["", *(a for a, _ in year.columns)]), sep.join(["", *(b for _, b in year.columns)]), ""]
    lines += [
        f"TOTAL FOR ONE YEAR ({year.energy}):",
        row("Annual:", [_annual(year, name, v, num) for name, v in year.columns.items()]),
        "",
    ]
    lines += [f"MONTHLY AVERAGE VALUES ({year.power})"]
    means = [year.months(v) if b.strip() != "Payment" else [float(v[0])] * 12 for (_, b), v in year.columns.items()]
    lines += [row(month, [num(m[at]) for m in means]) for at, month in enumerate(MONTHS)]
    lines.append("")
    for label, how in (("Annual Average", np.mean), ("Annual Maximum", np.max), ("Annual Minimum", np.min)):
        lines.append(row(label, [num(float(how(v))) for v in year.columns.values()]))
    lines += ["", f"HOURLY VALUES ({year.power}):"]
    table = np.array(list(year.columns.values())).T
    lines += [row(f"{h + 1:14d}", [num(v) for v in table[h]]) for h in range(hours)]
    return lines


def _annual(year: Year, name: tuple[str, str], values: np.ndarray, num: Num) -> str:
    if name[1].strip() == "Load":
        return " Percent"
    if name[1].strip() == "Storage":
        return num(0, 2)
    return num(float(values.sum()) * year.per_energy, 2)


def _left(year: Year, num: Num, *, old: bool) -> list[list[str]]:
    def cost(label: str, value: float, place: int) -> list[str]:
        unit = {"k EUR": "1000 EUR", "M DKK": "Million DKK"}[year.money]
        named = {"Variable costs": "Total variable costs", "Electricity exchange": "Total Electricity exchange"}.get(
            label, label
        )
        text = num(value)
        return [f"{named:30}= {text.strip()} {unit}"] if old else [label, *[""] * (place - 1), text]

    return [
        [f"EnergyPLAN model {year.version}"],
        ["RESULT: Data-set:", "village.txt"],
        ["Technical regulation no. 2"],
        [],
        [f"ANNUAL CO2 EMISSIONS ({year.co2}):"],
        ["CO2-emission (total)", num(12.5, 3)],
        ["CO2-emission (corrected)", num(-3.25, 3)],
        ["SHARE OF RES (incl. Biomass):"],
        ["RES share of PES", num(36.2, 1), "percent"],
        ["RES electricity prod.", num(9.0, 2), year.energy],
        [f"ANNUAL FUEL CONSUMPTIONS ({year.energy})", "TOTAL:", "HOUSEHOLDS:"],
        ["Oil Consumption", num(7, 2), num(2, 2)],
        [f"ANNUAL COSTS ({year.money})", "TOTAL:", "VARIABLE:", "BREAKDOWN:"],
        cost("Coal", 100, 3),
        cost("Petrol/JP", 40, 3),
        cost("Electricity exchange", -60, 2),
        cost("Import", 20, 3),
        cost("Export", -80, 3),
        cost("Marginal operation costs", 5, 2),
        cost("Variable costs", 85, 1),
        cost("Fixed operation costs", 135, 1),
        cost("Annual Investment costs", 826, 1),
        cost("TOTAL ANNUAL COSTS", 1046, 1),
    ]


def write_output(path: Path, year: Year, sep: str = "\t", newline: str = "\n", **how: object) -> Path:
    """Write an output in the encoding of Windows."""
    return write_lines(path, output_lines(year, sep, **how), "cp1252", newline)
