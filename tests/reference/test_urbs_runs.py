"""urbs's published examples through the whole way: import, layers for its scenarios, run; objectives as urbs found them."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from dhsdb.store import Store
from tests.reference.unique import SLACK, cost_ranges

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.reference

KINDS = {"capital": "Invest", "fixed": "Fixed", "variable": "Variable", "sale": "Revenue", "emission": "Environmental"}
STOCK = "bought AND price_profile IS NULL"
"""Stock commodities: bought at a price that no series moves, unlike Buy commodities."""


@pytest.fixture(scope="module")
def imported(empty_store: Path, reference_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("urbs") / "urbs.duckdb"
    shutil.copy(empty_store, path)
    store = Store(path)
    folder = reference_data / "urbs"
    store.import_("urbs", folder / "single_year_example.xlsx", scenario="single", year=2024)
    store.import_("urbs", folder / "intertemporal_example", scenario="many")
    store.import_("urbs", folder / "business_park_corrected", scenario="park")
    for base in ("single", "many"):
        store.derive(f"{base} stock prices", base)
        store.set(f"{base} stock prices", "commodity.price", "price * 1.5", where=STOCK, message="stock_prices")
    store.derive("single CO2 limit", "single")
    where = "\"limit\" = 'CO2 limit'"
    store.set("single CO2 limit", "limit.value", "value * 0.05", where=where, message="co2_limit")
    return path


CASES = [
    ("sy168_base", "single", {"hours": "3500:168"}),
    ("sy168_stock_prices", "single stock prices", {"hours": "3500:168"}),
    ("sy168_co2_limit", "single CO2 limit", {"hours": "3500:168"}),
    ("sy168_base_CO2obj", "single", {"hours": "3500:168", "objective": "co2"}),
    ("it24_base", "many", {"hours": "3500:24"}),
    ("it24_stock_prices", "many stock prices", {"hours": "3500:24"}),
    ("it168_base", "many", {"hours": "3500:168"}),
    ("bp168_base", "park", {"hours": "3000:168"}),
]


@pytest.mark.parametrize(("case", "scenario", "options"), CASES)
def test_the_objective_and_costs_are_those_of_urbs(
    imported: Path, reference_data: Path, case: str, scenario: str, options: dict[str, str]
) -> None:
    expected = json.loads((reference_data / "urbs" / "results" / f"{case}.json").read_text(encoding="utf-8"))
    store = Store(imported)
    (run,) = store.run(scenario, ["investment"], options=options)
    assert run.status == "optimal"
    assert run.objective == pytest.approx(expected["objective"], rel=1e-9)
    rows = store.sql(
        "SELECT kind, sum(discounted) AS cost FROM by_run.cost WHERE run = ? GROUP BY kind", [run.run]
    ).rows()
    costs = {row["kind"]: row["cost"] for row in rows}
    assert sum(costs.values()) == pytest.approx(expected["total_cost"], rel=1e-9)
    for kind, theirs in KINDS.items():
        assert costs.get(kind, 0.0) == pytest.approx(expected["costs"][theirs], rel=1e-5, abs=1.0)
    fuel = expected["costs"]["Fuel"] + expected["costs"]["Purchase"]
    assert costs["fuel"] == pytest.approx(fuel, rel=1e-5)


@pytest.mark.parametrize(
    ("case", "scenario", "options"), [c for c in CASES if c[0] not in ("it168_base", "bp168_base")]
)
def test_no_other_optimum_splits_the_costs_otherwise(
    imported: Path, reference_data: Path, case: str, scenario: str, options: dict[str, str]
) -> None:
    """So that costs by kind may be compared at all: the least and the greatest of each kind over all optima agree."""
    expected = json.loads((reference_data / "urbs" / "results" / f"{case}.json").read_text(encoding="utf-8"))
    ranges = cost_ranges(Store(imported), scenario, options)
    assert set(ranges) >= {"capital", "fixed", "variable", "fuel"}
    given = {kind: expected["costs"][theirs] for kind, theirs in KINDS.items()}
    given["fuel"] = expected["costs"]["Fuel"] + expected["costs"]["Purchase"]
    for kind, (low, high) in ranges.items():
        room = 1e-6 * abs(given[kind]) + 30 * SLACK * expected["total_cost"]  # costs shift against each other
        assert high - low <= room, kind
        assert given[kind] == pytest.approx(low, abs=room), kind


@pytest.mark.parametrize(
    ("scenario", "options"),
    [
        ("single", {"hours": "3500:168"}),
        ("single", {"hours": "100:72"}),
        ("single CO2 limit", {"hours": "3500:168"}),
        ("single stock prices", {"hours": "3500:72"}),
        ("many stock prices", {"hours": "3500:24"}),
        ("park", {"hours": "3000:72"}),
    ],
)
def test_the_dispatch_is_the_investment_with_numbers_for_capacities(
    imported: Path, scenario: str, options: dict[str, str]
) -> None:
    """With the capacities found held fixed, every year runs as the investment stage has it, at the same cost."""
    store = Store(imported)
    built, operated = store.run(scenario, ["investment", "dispatch"], options=options)
    assert operated.status == "optimal"
    sql = "SELECT year, sum(value) AS cost FROM by_run.cost WHERE run = ? AND kind <> 'capital' GROUP BY year ORDER BY year"
    found = [{row["year"]: row["cost"] for row in store.sql(sql, [run.run]).rows()} for run in (built, operated)]
    assert found[1] == pytest.approx(found[0], rel=1e-9)
    assert operated.objective == pytest.approx(sum(found[0].values()), rel=1e-9)
