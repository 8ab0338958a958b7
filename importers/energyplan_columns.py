"""What the columns of an EnergyPLAN output are: whose energy, a content of a store, a price, or another figure.

Names are those of version 16 and follow its two header rows; what is not known is kept as a figure.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

ENERGY, LEVEL, PRICE, PAYMENT, PERCENT, TOTAL, OTHER = (
    "energy",
    "level",
    "price",
    "payment",
    "percent",
    "total",
    "other",
)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table.

    Attributes
    ----------
    label
        Its name, made unique: the second of the same name has (2) behind it.
    kind
        ``total`` is a sum of other columns, in units of energy; ``other`` is not known.
    direction
        in or out, seen from the technology.
    """

    label: str
    kind: str
    technology: str = ""
    commodity: str = ""
    direction: str = ""


_NAMED: dict[str, tuple[str, str, str]] = {
    "Electr. Demand": ("demand", "electricity", "in"),
    "Elec.dem Cooling": ("cooling demand", "electricity", "in"),
    "Fixed Exp/Imp": ("fixed exchange", "electricity", "in"),
    "DH Demand": ("district heating demand", "heat", "in"),
    "Hydro pump": ("Hydro pump", "electricity", "in"),
    "Hydro Wat-Sup": ("Hydro", "water", "in"),
    "Hydro Wat-Loss": ("Hydro loss", "water", "in"),
    "CSP2 loss": ("CSP2 loss", "heat", "in"),
    "V2G Demand": ("V2G demand", "electricity", "in"),
    "V2G Charge": ("V2G charge", "electricity", "in"),
    "V2G Discha.": ("V2G discharge", "electricity", "out"),
    "HH Dem. Heat": ("individual heat demand", "individual heat", "in"),
    "HH Balan Heat": ("HH Balan", "individual heat", "in"),
    "Balance2 Heat": ("Balance2", "heat", "in"),
    "Balance3 Heat": ("Balance3", "heat", "in"),
    "ELT 2 H2 ELT 2": ("ELT 2", "hydrogen", "out"),
    "ELT 3 H2 ELT 3": ("ELT 3", "hydrogen", "out"),
    "CO2Hydro liq.fuel": ("CO2Hydro", "liquid fuel", "out"),
    "NH3Hydro Ammonia": ("NH3Hydro", "ammonia", "out"),
    "H2 demand": ("hydrogen demand", "hydrogen", "in"),
    "H2 prod.": ("hydrogen production", "hydrogen", "out"),
    "H2 import": ("hydrogen import", "hydrogen", "out"),
    "H2 export": ("hydrogen export", "hydrogen", "in"),
    "Boilers": ("Boilers", "gas", "in"),
    "CHP2+3": ("CHP2+3", "gas", "in"),
    "PP CAES": ("PP CAES", "gas", "in"),
    "Indi- vidual": ("Individual", "gas", "in"),
    "Transp.": ("Transp.", "gas", "in"),
    "Indust. Various": ("Indust. Various", "gas", "in"),
    "Biogas": ("Biogas", "gas", "out"),
    "Syngas": ("Syngas", "gas", "out"),
    "CO2HyGas": ("CO2HyGas", "gas", "out"),
    "SynHyGas": ("SynHyGas", "gas", "out"),
    "SynFuel": ("SynFuel", "gas", "out"),
    "Storage": ("gas storage", "gas", "out"),
    "Import Gas": ("Import", "gas", "out"),
    "Export Gas": ("Export", "gas", "in"),
}
_TOTALS = ("CEEP Electr.", "EEEP Electr.", "Demand Sum", "Sum", "ExMarket Prod", "H2 balance")
_USERS = frozenset(
    ("Flexible", "HP", "Pump", "Pump2", "Charge", "Charge2", "Rock in", "ELT 2", "ELT 3", "H2", "CO2Hydro", "NH3Hydro", "HH-HP",
     "HH-HP/EB", "HH-EB", "HH-H2", "Export", "Desal.Pl", "FWPump", "Cooling")
)  # fmt: skip
"""Technologies that take electricity in."""
_LEVEL = re.compile(r"\bstorage\b|^Sol\d Str Heat$|^Storage\d Heat$|^HH Store Heat$|^Storage Content$", re.IGNORECASE)
_WATER = ("FreshW", "SaltW", "Brine")
_COOL = re.compile(r"^(Cool\S*) (Demand|Natural)$")
_SUFFIXES = (("Electr.", "electricity"), ("Heat", "heat"), ("Steam", "steam"))


def columns(labels: Iterable[str]) -> list[Column]:
    """Return what the columns of a table are, in their order."""
    seen: Counter[str] = Counter()
    found = []
    for label in labels:
        seen[label] += 1
        again = f" ({seen[label]})" if seen[label] > 1 else ""
        one = _column(label)
        found.append(Column(f"{label}{again}", one.kind, f"{one.technology}{again}", one.commodity, one.direction))
    return found


def _column(label: str) -> Column:
    if label in _NAMED:
        return Column(label, ENERGY, *_NAMED[label])
    if kind := _other_kind(label):
        priced = f"electricity, {label.removesuffix(' Prices')}" if kind == PRICE else ""
        stored = re.sub(r"\s*\b(?:Heat|Content)$", "", label) if kind == LEVEL else ""
        return Column(label, kind, stored, priced)
    if found := _COOL.match(label):
        return Column(label, ENERGY, found[1], "cooling", "in" if found[2] == "Demand" else "out")
    if label.startswith("Cooling DH"):
        return Column(label, ENERGY, label, "heat", "in")
    for suffix, commodity in _SUFFIXES:
        if label.endswith(f" {suffix}"):
            technology = label.removesuffix(suffix).strip()
            kind = "individual heat" if commodity == "heat" and technology.startswith("HH") else commodity
            taken = commodity == "electricity" and technology in _USERS
            return Column(label, ENERGY, technology, kind, "in" if taken else "out")
    return Column(label, OTHER)


def _other_kind(label: str) -> str:
    """Return the kind of a column that is no energy of a technology; empty if it is one."""
    kinds = (
        (TOTAL, label in _TOTALS),
        (OTHER, label.startswith(_WATER) or not label),
        (PRICE, label.endswith(" Prices")),
        (PAYMENT, label.endswith(" Payment")),
        (PERCENT, label == "Stabil. Load"),
        (LEVEL, bool(_LEVEL.search(label))),
    )
    return next((kind for kind, is_it in kinds if is_it), "")
