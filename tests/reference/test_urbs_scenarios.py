"""urbs's standard scenarios as layers, both objectives, all example sets: optima as urbs's model in plain Pyomo finds them.

The layers are made with expressions and composed; the other side reads the workbooks itself and changes them as the
scenario functions of urbs do.
"""

from __future__ import annotations

import shutil
from functools import cache
from typing import TYPE_CHECKING

import pytest

from dhsdb.store import Store
from tests.reference import urbs_pyomo

if TYPE_CHECKING:
    from pathlib import Path

    from tests.reference.urbs_pyomo import Book

pytestmark = pytest.mark.reference

SETS = {
    "single": ("single_year_example.xlsx", "3500:96"),
    "many": ("intertemporal_example", "3500:24"),
    "park": ("business_park_corrected", "3000:72"),
    "p2h": ("business_park_corrected_p2h", "3000:72"),
}
STANDARD = ("co2_tax_mid", "north_process_caps", "no_dsm", "all_together")
CASES = [
    *((s, scenario) for s in ("single", "many") for scenario in STANDARD),
    ("many", ""), ("park", ""), ("p2h", ""),
]  # fmt: skip
STOCK = "bought AND price_profile IS NULL"


def layers(store: Store, base: str) -> None:
    """Make urbs's standard scenarios on top of an imported one; the last is composed of others."""
    for name in ("stock_prices", "co2_limit", *STANDARD[:3]):
        store.derive(f"{base} {name}", base)
    north = "site = 'North' AND process = "

    def change(name: str, cell: str, value: str | float, where: str) -> None:
        store.set(f"{base} {name}", cell, value, where=where, message=name)

    change("stock_prices", "commodity.price", "price * 1.5", STOCK)
    change("co2_limit", "limit.value", "value * 0.05", "\"limit\" = 'CO2 limit'")
    change("co2_tax_mid", "emission.price", 50.0, "site = 'Mid' AND emission = 'CO2'")
    change("north_process_caps", "process.cap_max", "cap_max * 0.5", f"{north} 'Hydro plant'")
    change("north_process_caps", "process.cap_max", "cap_max * 0.25", f"{north} 'Biomass plant'")
    store.remove(f"{base} no_dsm", "demand_response", where="TRUE", message="no_dsm")
    together = [f"{base} {name}" for name in ("stock_prices", "co2_limit", "north_process_caps")]
    store.compose(f"{base} all_together", base, together)


def changed(books: list[Book], scenario: str) -> list[Book]:
    """Do to workbooks what urbs's scenario functions do to its data."""
    for book in books:
        if scenario == "all_together":
            for row in (r for (_, _, kind), r in book.commodity.items() if kind == "Stock"):
                row["price"] *= 1.5
            book.properties["CO2 limit"] *= 0.05
        if scenario in ("north_process_caps", "all_together"):
            book.process["North", "Hydro plant"]["cap-up"] *= 0.5
            book.process["North", "Biomass plant"]["cap-up"] *= 0.25
        if scenario == "co2_tax_mid":
            book.commodity["Mid", "CO2", "Env"]["price"] = 50.0
        if scenario == "no_dsm":
            book.response.clear()
    return books


@pytest.fixture(scope="module")
def imported(empty_store: Path, reference_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("urbs") / "urbs.duckdb"
    shutil.copy(empty_store, path)
    store = Store(path)
    for name, (place, _) in SETS.items():
        year = {"year": 2024} if name == "single" else {}
        store.import_("urbs", reference_data / "urbs" / place, scenario=name, **year)
    for base in ("single", "many"):
        layers(store, base)
    return path


@cache
def theirs(path: Path, scenario: str, hours: str, objective: str) -> tuple[float, dict[str, float]]:
    start, count = (int(part) for part in hours.split(":"))
    books = changed(urbs_pyomo.read(path, 2024), scenario)
    return urbs_pyomo.solve(urbs_pyomo.Urbs(books, start, count, objective))


@pytest.mark.parametrize("objective", ["cost", "co2"])
@pytest.mark.parametrize(("base", "scenario"), CASES)
def test_the_optimum_is_that_of_urbs_written_in_pyomo(
    imported: Path, reference_data: Path, base: str, scenario: str, objective: str
) -> None:
    place, hours = SETS[base]
    expected, _ = theirs(reference_data / "urbs" / place, scenario, hours, objective)
    store = Store(imported)
    (run,) = store.run(f"{base} {scenario}".strip(), ["investment"], options={"hours": hours, "objective": objective})
    assert run.status == "optimal"
    assert run.objective == pytest.approx(expected, rel=1e-8, abs=1e-3)


def test_each_scenario_moves_the_optimum(imported: Path, reference_data: Path) -> None:
    """A layer that changes nothing would pass the comparison, if the other side missed the change as well."""
    store = Store(imported)
    options = {"hours": SETS["single"][1]}
    names = ["single", *(f"single {scenario}" for scenario in STANDARD)]
    found = {run.asked: run.objective for run in store.run(names, ["investment"], options=options)}
    assert len({round(objective / 1e6) for objective in found.values()}) == len(names)
    assert found["single no_dsm"] > found["single"]
