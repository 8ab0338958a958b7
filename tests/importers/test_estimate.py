"""Heat demand estimated anew: by the specific demands of the scenario, as an edit of its own layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest

from dhsdb import edits, scenarios
from dhsdb.errors import UserError
from dhsdb.importers.estimate import estimate_demand
from dhsdb.names import Ref
from dhsdb.schema.places import Building, BuildingDemand, SpecificDemand

if TYPE_CHECKING:
    from dhsdb.database import Database


def study(db: Database) -> None:
    ref = scenarios.new(db, "base", [2030, 2040])
    with db.write("test") as writer:
        here = Ref(ref.scenario, "base", scenarios.add_revision(writer, ref.scenario, "import", "test"))
        buildings = {
            "building": ["a", "b"],
            "use": "office",
            "floor_area_m2": [1000.0, 2000.0],
            "footprint_m2": 500.0,
            "levels": 3.0,
        }
        edits.add_rows(writer, Building, here, pd.DataFrame(buildings))
        specific = {
            "use": ["office"],
            "space_heat_kwh_m2": [100.0],
            "hot_water_kwh_m2": [10.0],
            "full_load_hours": [2000.0],
        }
        edits.add_rows(writer, SpecificDemand, here, pd.DataFrame(specific))
        metered = {"building": ["b"], "space_heat_mwh": [77.0]}
        edits.add_rows(writer, BuildingDemand, here, pd.DataFrame(metered))


def heat(db: Database, scenario: str) -> dict[tuple[str, int], float]:
    rows = db.sql(
        "SELECT building, year, space_heat_mwh FROM input.building_demand WHERE scenario = $s ORDER BY ALL",
        {"s": scenario},
    ).to_pylist()
    return {(r["building"], r["year"]): r["space_heat_mwh"] for r in rows}


def test_a_specific_demand_of_a_year_reaches_the_buildings_of_that_year(db: Database) -> None:
    study(db)
    scenarios.derive(db, "refurbished", "base")
    edits.set_cells(
        db,
        "refurbished",
        "specific_demand.space_heat_kwh_m2",
        "space_heat_kwh_m2 * 0.6",
        year=2040,
        message="refurbish",
    )
    estimate_demand(db, "refurbished")
    found = heat(db, "refurbished")
    assert found["a", 2030] == pytest.approx(100.0)
    assert found["a", 2040] == pytest.approx(60.0)


def test_given_demand_is_left_alone(db: Database) -> None:
    study(db)
    estimate_demand(db, "base")
    assert heat(db, "base")["b", 2030] == 77.0


def test_without_buildings_there_is_nothing_to_estimate(db: Database) -> None:
    scenarios.new(db, "empty", [2030])
    with pytest.raises(UserError, match="no buildings"):
        estimate_demand(db, "empty")
