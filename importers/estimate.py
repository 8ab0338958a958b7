"""Estimate the heat demand of buildings anew, after specific demands or buildings changed: an edit like any other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dhsdb.edits import Edit, add_rows, write_settled
from dhsdb.errors import UserError
from dhsdb.names import find

if TYPE_CHECKING:
    import pandas as pd

    from dhsdb.database import Database, Writer
    from dhsdb.names import Ref

ESTIMATED = ("specific demand", "no specific demand", "floor area unknown")
"""How the rule of an estimated demand begins; other rows were given and are left alone."""


def estimate_demand(db: Database, scenario: str, message: str = "") -> Edit:
    """Write the heat demand that follows from floor area, use and specific demand into a scenario's own layer.

    Buildings whose demand was given (its rule does not say that it was estimated) keep it.

    Raises
    ------
    UserError
        If the scenario holds no buildings or no specific demands.
    """

    def choose() -> tuple[Ref, list[pd.DataFrame]]:
        ref, *tables = _read(db, scenario)
        return ref, _estimated(scenario, *tables)

    def write(writer: Writer, ref: Ref, parts: list[pd.DataFrame]) -> int:
        from dhsdb.schema.places import BuildingDemand

        return sum(add_rows(writer, BuildingDemand, ref, part) for part in parts)

    text = message or "estimate heat demand from floor area, use and specific demand"
    return write_settled(db, f"estimating demand in {scenario}", ("estimate", text), choose, write)


def _estimated(
    scenario: str, buildings: pd.DataFrame, specific: pd.DataFrame, present: pd.DataFrame
) -> list[pd.DataFrame]:
    """Return the rows of ``building_demand`` of all buildings whose demand was not given."""
    from dhsdb.importers import demand

    if not len(buildings) or not len(specific):
        lack = "buildings" if not len(buildings) else "specific demands"
        raise UserError(
            f"scenario '{scenario}' holds no {lack}.", "Import them first, for example with `dhsdb import osm`."
        )
    given = present[~present["rule"].fillna("").str.startswith(ESTIMATED)]
    buildings = buildings[~buildings["building"].isin(given["building"])]
    parts = [
        demand.estimate(buildings, rows.reset_index(drop=True)).assign(year=year) for year, rows in _by_year(specific)
    ]
    return [part.astype({"year": "Int16"}) for part in parts]


def _read(db: Database, scenario: str) -> tuple[Ref, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    with db.read() as con:
        ref = find(con, scenario)
        at = [ref.name, ref.revision]
        buildings = con.execute("SELECT * EXCLUDE (scenario, year, geometry) FROM input.building_at(?, ?)", at).df()
        specific = con.execute(
            "SELECT * EXCLUDE (scenario) FROM input.specific_demand_at(?, ?) ORDER BY year, use", at
        ).df()
        present = con.execute("SELECT building, rule FROM input.building_demand_at(?, ?)", at).df()
    return ref, buildings, specific, present


def _by_year(specific: pd.DataFrame) -> list[tuple[int | None, pd.DataFrame]]:
    """Return specific demands by year; as one table of every year where all years agree."""
    import pandas as pd

    figures = specific.drop(columns=["year"])
    years = specific["year"]
    groups: list[tuple[int | None, pd.DataFrame]] = [
        (None if pd.isna(year) else int(year), figures[years.isna() if pd.isna(year) else years == year])
        for year in years.unique()
    ]
    first = groups[0][1].reset_index(drop=True)
    if all(first.equals(rows.reset_index(drop=True)) for _, rows in groups):
        return [(None, groups[0][1])]
    return groups
