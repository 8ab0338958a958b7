"""EnergyPLAN's two-page print-out, from the text of its PDF: every column of it stands there as a list of lines."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from dhsdb.errors import Problem
from dhsdb.importers.energyplan_columns import ENERGY, PERCENT, TOTAL, Column
from dhsdb.importers.energyplan_output import MONTHS, SUMMARY, Output
from dhsdb.importers.energyplan_text import lines_of, number

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_FIRST = re.compile(r"Input\s+(?P<data>.*?)\s+The EnergyPLAN model\s+(?P<version>\S+)")
_FUEL_NAMES = ("Coal", "Oil", "N.Gas", "Biomass", "Renewable", "H2 etc.", "Biofuel", "Nuclear/CCS", "Total")
_EXCHANGE = ("Import", "Export", "Bottleneck", "Fixed imp/ex")
_LAST = ("Variable costs", "Fixed operation costs", "Annual Investment costs", "TOTAL ANNUAL COSTS")
_SHARES = re.compile(
    r"RES Share:\s*(?P<energy>\S+) Percent of Primary Energy\s+(?P<power>\S+) Percent of Electricity\s+(?P<amount>\S+) (?P<unit>.Wh)"
)
_USERS = ("Elec. demand", "Flex.& Transp.", "HP", "Electrolyser", "EH", "Hydro Pump", "Exp")
_SUMS = ("CEEP", "EEP", "Total", "Demand Sum", "Sum", "RES")
_GAS_IN = ("DHP & Boilers", "CHP2 CHP3", "PP CAES", "Individual", "Transport", "Indu. Var.", "Export")
_ROWS = len(MONTHS) + len(SUMMARY)
_LIST = 8
"""Numbers after a unit that make it the head of a column, if a spoilt one."""


def read_print(path: Path, text: str) -> tuple[Output, list[Column]]:
    """Return what a print-out says, and what the columns of its tables are."""
    lines = lines_of(text)
    found = Output(path)
    if head := _FIRST.search(lines[0]):
        found.dataset, found.version = head["data"], head["version"]
    named = _tables(found, lines)
    _fuels(found, lines)
    _emissions(found, lines)
    if shares := _SHARES.search(text):
        found.units["summary"] = f"{shares['unit']}/year"
        for label, name in (("RES share of PES", "energy"), ("RES share of elec. prod.", "power")):
            found.summary.setdefault(label, {1: number(shares[name]) or 0.0, 2: "percent"})
        found.summary["RES electricity prod."] = {1: number(shares["amount"]) or 0.0, 2: f"{shares['unit']}/year"}
    _costs(found, lines)  # last: what follows the head of the costs are costs
    parts = (
        (named, "the monthly tables"),
        ("TOTAL ANNUAL COSTS" in found.summary, "the annual costs"),
        (found.fuels, "the fuel balance"),
        ("CO2-emission (total)" in found.summary, "the CO2 emissions"),
    )
    found.missing += [what for has, what in parts if not has]
    return found, named


# --- the tables of months --------------------------------------------------------------------------------------------
def _tables(found: Output, lines: Sequence[str]) -> list[Column]:
    """Read every column: its name, its unit, twelve months, average, maximum, minimum, and the total of the year."""
    part, named = "heat", []
    seen: Counter[str] = Counter()
    found.rows = {label: [] for label in (*MONTHS, *SUMMARY)}
    energy = next((line.strip() for line in lines if line.strip() in ("GWh/year", "TWh/year")), "")
    for name, unit, values, annual, at in _lists(lines):
        if len(values) < _ROWS:
            found.missing.append(f"the column {name or '?'} (line {at + 1}), which has no {_ROWS} numbers")
            continue
        part = _part(name, part, lines, at)
        label = f"{name}, {part}" if part != "electricity" else name
        seen[label] += 1
        label = label if seen[label] == 1 else f"{label} ({seen[label]})"
        if unit != "%":
            found.units |= {"monthly": unit, "annual": energy}
        named.append(_column(label, name, part, unit))
        found.labels.append(label)
        found.annual.append("" if annual is None else annual)
        for row, value in zip((*MONTHS, *SUMMARY), values, strict=True):
            found.rows[row].append(value)
    if not named:
        found.rows = {}
    return named


def _lists(lines: Sequence[str]) -> Iterator[tuple[str, str, list[float], float | None, int]]:
    """Yield name, unit, values, annual total and place of each column."""
    for at, line in enumerate(lines):
        unit = line.strip()
        if unit not in ("kW", "MW", "%"):
            continue
        values = [number(cell) for cell in lines[at + 1 : at + 1 + _ROWS]]
        numbers = [v for v in values if v is not None]
        if len(numbers) < _LIST:  # the units of the first page, which stand by themselves
            continue
        total = number(lines[at + 1 + _ROWS]) if at + 1 + _ROWS < len(lines) else None
        yield _name(lines, at), unit, numbers, total, at


def _name(lines: Sequence[str], at: int) -> str:
    """Join the lines of a name that stand above its unit; a word that is divided becomes one again."""
    words: list[str] = []
    for line in reversed(lines[max(at - 4, 0) : at]):
        bare = line.strip()
        if number(bare) is not None or bare in (*MONTHS, "Average", "Maximum", "Minimum", "GWh/year", "TWh/year"):
            break
        words.insert(0, bare)
    name = ""
    for word in (w for w in words if w):
        divided = name.endswith("-") and word[:1].islower()
        name = name[:-1] + word if divided else f"{name} {word}".strip()
    return name.replace("Trans port", "Transport")


def _part(name: str, part: str, lines: Sequence[str], at: int) -> str:
    """Return which table a column belongs to, from the columns that begin one."""
    if name.startswith("Elec. demand") or re.match(r"RES ?\d", name):
        return "electricity"
    if name.startswith("DHP & Boilers"):
        return "gas"
    if name == "District heating" and any(line.startswith("Output specifications") for line in lines[:at]):
        return "heat by group"
    return part


def _column(label: str, name: str, part: str, unit: str) -> Column:
    if unit == "%":
        return Column(label, PERCENT)
    if name in _SUMS or part == "heat by group" or name.startswith("RES "):
        return Column(label, TOTAL)
    if part == "electricity":
        return Column(label, ENERGY, name, "electricity", "in" if name in _USERS else "out")
    if part == "gas":
        return Column(label, ENERGY, name, "gas", "in" if name in _GAS_IN else "out")
    return Column(label, ENERGY, name, "heat", "in" if name in ("Distr. heating", "Balance") else "out")


# --- costs, fuels, emissions -----------------------------------------------------------------------------------------
def _costs(found: Output, lines: Sequence[str]) -> None:
    """Read the costs: the numbers stand by columns, first the parts, then the sums, then the totals."""
    start = next((i for i, line in enumerate(lines) if line.startswith("ANNUAL COSTS")), None)
    if start is None or not (unit := re.search(r"\(([^()]*)\)", lines[start])):
        return
    end = start + 1
    while end < len(lines) and lines[end].rstrip().endswith("="):
        end += 1
    labels = [_label(line) for line in lines[start + 1 : end]]
    values = [v for v in (number(line) for line in lines[end : end + len(labels)]) if v is not None]
    sums = [label for label in labels if label not in _LAST and _is_sum(label)]
    parts = [label for label in labels if label not in (*_LAST, *sums)]
    ordered = [*(p for p in parts if p not in _EXCHANGE), *(p for p in parts if p in _EXCHANGE), *sums, *_LAST]
    if len(values) != len(ordered) or set(_LAST) - set(labels):
        found.missing.append("the annual costs, whose numbers don't match their names")
        return
    costs = dict(zip(ordered, values, strict=True))
    if abs(sum(costs[s] for s in sums) - costs["Variable costs"]) > len(sums):
        found.missing.append("the annual costs, whose parts don't add up")
        return
    found.units["cost"] = unit[1].strip()
    found.summary[f"ANNUAL COSTS ({unit[1].strip()})"] = {}
    found.summary |= {label: {1: value} for label, value in costs.items()}


def _label(line: str) -> str:
    bare = line.rstrip().removesuffix("=").strip()
    bare = {"Total Fuel": "Fuel ex. Ngas exchange", "Total Fuel ex Ngas exchange": "Fuel ex. Ngas exchange"}.get(
        bare, bare
    )
    bare = bare.removeprefix("Total ")
    return bare[:1].upper() + bare[1:]


def _is_sum(label: str) -> bool:
    return label.startswith("Fuel ex") or label.endswith((" costs", " exchange"))


def _fuels(found: Output, lines: Sequence[str]) -> None:
    """Read the fuel balance: nine values for each use, after its name."""
    start = next((i for i, line in enumerate(lines) if line.startswith("FUEL BALANCE")), None)
    if start is None or not (unit := re.search(r"\(([^()]*)\)", lines[start])):
        return
    found.units["fuel"] = unit[1].strip()
    n = len(_FUEL_NAMES)
    at = start + 1 + n
    uses: dict[str, list[float]] = {}
    words: list[str] = []
    while at + n <= len(lines) and not lines[at].startswith("CO2 emission"):
        values = [0.0 if line.strip() == "-" else number(line) for line in lines[at : at + n]]
        if any(v is None for v in values):
            words.append(lines[at].strip())
            at += 1
            continue
        name = " ".join(words).replace("- ", "-") or "?"
        uses[f"{name} (2)" if name in uses else name] = [v for v in values if v is not None]
        words, at = [], at + n
    found.fuel_columns = list(uses)
    found.fuels = {fuel: [values[i] for values in uses.values()] for i, fuel in enumerate(_FUEL_NAMES)}


def _emissions(found: Output, lines: Sequence[str]) -> None:
    """Read CO2: by fuel and in total, as emitted, and corrected for the exchange of electricity."""
    start = next((i for i, line in enumerate(lines) if line.startswith("CO2 emission")), None)
    if start is None or not (unit := re.search(r"\(([^()]*)\)", lines[start])):
        return
    n = len(_FUEL_NAMES)
    for label, at in (("CO2-emission (total)", start + 1), ("CO2-emission (corrected)", start + 2 + n)):
        values = [number(line) for line in lines[at + 1 : at + 1 + n]]
        if len(values) == n and all(v is not None for v in values):
            found.units["co2"] = unit[1].strip()
            found.summary[label] = {1: values[-1] or 0.0}
            found.summary |= {
                f"{label}, {fuel}": {1: value or 0.0}
                for fuel, value in zip(_FUEL_NAMES, values, strict=True)
                if fuel != "Total"
            }


def refused_pdf(path: Path) -> Problem:
    """Return why a PDF is not read."""
    hint = "Save its text beside it, for example with pypdf, and import that."
    return Problem("a print-out is read from its text, not from the PDF.", str(path), hint=hint, code="format")
