"""The units that an EnergyPLAN output declares, and how they become MWh, MW, t and money."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dhsdb.errors import Problem
from dhsdb.importers.units import CURRENCIES, Conversion, UnitError, conversion

if TYPE_CHECKING:
    from dhsdb.importers.energyplan_output import Output

_MONEY = re.compile(r"(?P<scale>1000|[kM])?\s*(?P<code>[A-Za-z]{2,4}|€)")
_SCALES = {None: 1.0, "k": 1e3, "1000": 1e3, "M": 1e6}


@dataclass(slots=True)
class Units:
    """How the file's units become those of the store."""

    annual: Conversion
    fuel: Conversion
    power: Conversion
    hourly: Conversion
    co2: Conversion
    money: float
    currency: str
    prints_thousands: bool


def money_unit(text: str) -> tuple[float, str] | None:
    """Return the scale and the code of a currency such as ``k EUR``, ``M DKK``, ``1000 EUR``; None if it is none."""
    found = _MONEY.fullmatch(text.strip())
    if not found:
        return None
    code = "EUR" if found["code"] == "€" else found["code"].upper()
    return _SCALES[found["scale"]], code


def units_of(out: Output, problems: list[Problem]) -> Units:
    """Return the units of an output; what is missing or not known is added to the problems."""

    def how(name: str, target: str, default: str) -> Conversion:
        unit = out.units.get(name, default)
        try:
            return conversion(unit, target)
        except UnitError as error:
            problems.append(
                Problem(error.message, str(out.path), column=name, value=unit, hint=error.hint, code="unit")
            )
            return Conversion()

    used = {
        "annual": bool(out.annual), "fuel": bool(out.fuels), "monthly": bool(out.rows), "hourly": out.hours is not None,
        "co2": out.total("CO2-emission (total)") is not None, "cost": bool(out.investments),
    }  # fmt: skip
    problems += [
        Problem(f"the unit of the {name} figures is missing.", str(out.path), column=name, code="unit")
        for name, there in used.items()
        if there and name not in out.units
    ]
    money = money_unit(out.units["cost"]) if "cost" in out.units else (1.0, "")
    if money is None:
        hint = "A currency is expected, such as k EUR or M DKK."
        problems.append(
            Problem(
                f"'{out.units['cost']}' is not a unit of money.", str(out.path), column="cost", hint=hint, code="unit"
            )
        )
        money = (1.0, "")
    currency = money[1] if money[1] in CURRENCIES else ""
    return Units(
        how("annual", "MWh", "MWh"), how("fuel", "MWh", "MWh"), how("monthly", "MW", "MW"), how("hourly", "MW", "MW"),
        how("co2", "t", "t"), money[0], currency, prints_thousands=money[0] == _SCALES["k"],
    )  # fmt: skip


def energy_unit(unit: str) -> Conversion:
    """Return how values in a unit become MWh; unchanged if it is none of energy."""
    try:
        return conversion(unit, "MWh") if unit else Conversion()
    except UnitError:
        return Conversion()
