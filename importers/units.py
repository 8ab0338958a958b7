"""Units of foreign figures: what a header says, converted to the unit of the column, or why it can't be.

The registry is small and our own: a year is a dimension of its own, so that MW never pass for MWh/year, a ton is a
metric ton, and every currency is money. Which currency a scenario is in is the pipeline's concern.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dhsdb.errors import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import pint
    from numpy.typing import NDArray

CURRENCIES = ("EUR", "USD", "SEK", "DKK", "NOK", "GBP", "CHF", "PLN", "CZK", "CNY", "JPY", "CAD", "AUD")

KIND_UNITS = {"power": "MW", "share": "", "factor": "", "price": "money/MWh", "temperature": "degC"}
"""Unit in which the values of each kind of profile are stored."""

_DEFINITIONS = (
    "milli- = 1e-3 = m-",
    "centi- = 1e-2 = c-",
    "kilo- = 1e3 = k-",
    "mega- = 1e6 = M-",
    "giga- = 1e9 = G-",
    "tera- = 1e12 = T-",
    "peta- = 1e15 = P-",
    "second = [time] = s",
    "minute = 60 * second = min",
    "hour = 60 * minute = h = hours",
    "day = 24 * hour = d = days",
    "year = [year] = a = yr = years",
    "meter = [length] = m = metre",
    "foot = 0.3048 * meter = ft = feet",
    "hectare = 1e4 * meter ** 2 = ha",
    "liter = 1e-3 * meter ** 3 = l = L = litre",
    "gram = [mass] = g",
    "tonne = 1e6 * gram = t = ton = tons = tonnes",
    "kelvin = [temperature]; offset: 0 = K",
    "degree_Celsius = kelvin; offset: 273.15 = °C = degC",
    "degree_Fahrenheit = 5 / 9 * kelvin; offset: 233.15 + 200 / 9 = °F = degF",
    "joule = 1000 * gram * meter ** 2 / second ** 2 = J",
    "watt = joule / second = W",
    "watt_hour = watt * hour = Wh",
    "toe = 41.868e9 * joule",
    "btu = 1055.05585262 * joule = Btu = BTU",
    "percent = 0.01",
    "thousand = 1e3",
    "million = 1e6",
    "billion = 1e9",
    "money = [money]",
    *(f"{code} = money" for code in CURRENCIES),
    "euro = money",
    "kr = money",
    "ct = 0.01 * money = cent",
    "ore = 0.01 * money = öre = øre",
)

_USUAL = (
    "W kW MW GW TW Wh kWh MWh GWh TWh kJ MJ GJ TJ PJ toe m cm mm km m^2 ha m^3 kg t kt Mt h day year degC K degF % MW/h"
    " kWh/a MWh/a EUR/kW EUR/MW kEUR/MW MEUR/MW EUR/kWh EUR/MWh EUR/MW/a EUR/kW/a EUR/t EUR/m t/MWh kg/kWh g/kWh kg/MWh"
    " W/m/K kWh/m^2/a m/s"
)
"""What an unknown unit may have meant."""

_PLAIN = {"", "-", "1", "p.u.", "pu", "share", "fraction", "factor", "dimensionless"}
_ALLOWED = re.compile(r"(?:[A-Za-zÅÄÖØåäöøµ°_%\s()*/]|\^-?[1-9]\b|\b1(?=\s*/))+")
_REWRITES: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"€"), "EUR"),
    (re.compile(r"\$"), "USD"),
    (re.compile(r"£"), "GBP"),
    (re.compile(r"²"), "^2"),
    (re.compile(r"³"), "^3"),
    (re.compile(r"[·⋅]"), "*"),
    (re.compile(r"%"), "percent"),
    (re.compile(r"°\s*([CF])|\bcelsius\b", re.IGNORECASE), lambda found: f"deg{(found[1] or 'C').upper()}"),
    (re.compile(r"\b(k|c|m)?m([23])"), r"\1m^\2"),
    (re.compile(r"/\s*(m\^2)\s*\*?\s*a\b"), r"/\1/a"),  # kWh/m²a, as heat demands are written
    (re.compile(r"\b([kMGTP]?Wh?)_?(?:th|el|e|heat|thermal|electric)\b"), r"\1"),
)
_DEGREES = re.compile(r"\bdegC\b")
_CODES = re.compile(rf"(?<![A-Za-z])(?:[kMG])?({'|'.join(CURRENCIES)})(?![A-Za-z])")

# What is counted per year in one place and plainly in another, by its dimensions without the year.
_ANNUAL = (
    {"[mass]": 1, "[length]": 2, "[time]": -2},  # energy
    {"[mass]": 1, "[time]": -2},  # energy per area
    {"[mass]": 1},
    {"[time]": 1},
)


class UnitError(ValueError):
    """A unit that is not known, or of another kind than the column's."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Conversion:
    """How values become values in another unit: times ``factor``, by ``divisor``, plus ``offset``.

    Attributes
    ----------
    currencies
        ISO codes that the source unit names.
    """

    factor: float = 1.0
    divisor: float = 1.0
    offset: float = 0.0
    currencies: frozenset[str] = frozenset()

    @property
    def is_identity(self) -> bool:
        """Whether the values stay as they are."""
        return (self.factor, self.divisor, self.offset) == (1.0, 1.0, 0.0)

    def apply(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Convert values; dividing by a whole number keeps 1.1 kW at 0.0011 MW, where a product would add a digit.

        What grows beyond all numbers is infinite.
        """
        import numpy as np  # heavy

        if self.is_identity:
            return values
        with np.errstate(over="ignore"):
            return values * self.factor / self.divisor + self.offset

    def __str__(self) -> str:
        text = f"times {self.factor:g}" if self.divisor == 1 else f"divided by {self.divisor:g}"
        return f"{text}, plus {self.offset:g}" if self.offset else text


@functools.lru_cache(maxsize=512)
def conversion(source: str, target: str) -> Conversion:
    """Return how values in unit ``source`` become values in unit ``target``.

    Parameters
    ----------
    source
        Unit as a file writes it (``kEUR/MW``, ``m²``, ``%``, ``kWh_th``).
    target
        Unit of a column, as in :class:`~dhsdb.schema.columns.Meaning`; empty = dimensionless.

    Raises
    ------
    UnitError
        If the source unit is unknown, or not of the same kind as the target.

    Examples
    --------
    >>> conversion("kW", "MW").apply(1100.0), conversion("kEUR/MW", "money/MW").factor
    (1.1, 1000.0)
    """
    import pint  # heavy

    if source.strip() == target:
        return Conversion()
    text = _normalised(source, target)
    registry = _registry()
    wanted = registry.parse_units(target)
    try:
        given = registry.parse_units(text)
        given, wanted = _of_one_year(registry, given, wanted)
        zero, one, many = (float(registry.Quantity(x, given).to(wanted).magnitude) for x in (0.0, 1.0, 1e6))
    except pint.DimensionalityError:
        kind = f"a unit of {target}" if target else "a share, factor or count"
        raise UnitError(f"'{source}' is not {kind}.", _allowed(target)) from None
    except Exception:  # noqa: BLE001  pint lets errors of many kinds through on odd text
        raise _unknown(source, target) from None
    return _tidy((many - zero) / 1e6 if zero else one, zero, frozenset(_CODES.findall(text)))


def _normalised(source: str, target: str) -> str:
    """Bring a unit into the form that the registry reads; refuse what could make it calculate."""
    text = source.strip()
    if text.lower() in _PLAIN:
        return ""
    for pattern, replacement in _REWRITES:
        text = pattern.sub(replacement, text)
    if len(text) > 60 or "**" in text or not _ALLOWED.fullmatch(text):  # noqa: PLR2004
        raise _unknown(source, target)
    return text if _DEGREES.fullmatch(text) else _DEGREES.sub("delta_degC", text)


def _unknown(source: str, target: str) -> UnitError:
    hint = did_you_mean(source, _USUAL.split()) or _allowed(target)
    return UnitError(f"'{source}' is not a unit that is known here.", hint)


def _allowed(target: str) -> str:
    if not target:
        return "Leave the unit out, or give %."
    currency = " (or another currency)" if "money" in target else ""
    return f"Give {target.replace('money', 'EUR')}{currency}, or a multiple of it."


def _of_one_year(registry: pint.UnitRegistry[Any], given: pint.Unit, wanted: pint.Unit) -> tuple[pint.Unit, pint.Unit]:
    """Let annual energy, mass and hours be written with or without the year; never money or power."""
    ratio = dict((given / wanted).dimensionality)
    if ratio not in ({"[year]": 1}, {"[year]": -1}):
        return given, wanted
    without = {d: n for d, n in dict(wanted.dimensionality).items() if d != "[year]"}
    if without not in _ANNUAL:
        return given, wanted
    year = registry.parse_units("year")
    return given, (wanted * year if ratio["[year]"] > 0 else wanted / year)


def _tidy(scale: float, offset: float, currencies: frozenset[str]) -> Conversion:
    """Write a scale as a whole factor or divisor where it is one but for rounding."""
    for value, name in ((scale, "factor"), (1 / scale, "divisor")):
        if round(value) >= 1 and abs(value / round(value) - 1) < 1e-12:  # noqa: PLR2004
            return Conversion(offset=offset, currencies=currencies, **{name: float(round(value))})
    return Conversion(factor=scale, offset=offset, currencies=currencies)


@functools.lru_cache(maxsize=1)
def _registry() -> pint.UnitRegistry[Any]:
    import pint  # heavy

    registry: pint.UnitRegistry[Any] = pint.UnitRegistry(None)
    registry.load_definitions(list(_DEFINITIONS))
    return registry
