"""Estimate the heat demand of buildings anew, after specific demands or buildings changed: an edit like any other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dhsdb.edits import Edit, add_rows
from dhsdb.errors import UserError
from dhsdb.names import Ref, find
from dhsdb.scenarios import add_revision

if TYPE_CHECKING:
    import pandas as pd

    from dhsdb.database import Database

ESTIMATED = ("specific demand", "no specific demand")
"""How the rule of an estimated demand begins; other rows were given and are left alone."""


def estimate_demand(db: Database, scenario: str, message: str = "") -> Edit:
    """Write the heat demand that follows from floor area, use and specific demand into a scenario's own layer.

    Buildings whose demand was given (its rule does not say that it was estimated) keep it.

    Raises
    ------
    UserError
        If the scenario holds no buildings or no specific demands.
    """
    from dhsdb.importers import demand

    buildings, specific, present = _read(db, scenario)
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
    with db.write(f"estimating demand in {scenario}") as writer:
        ref = find(writer.con, scenario)
        text = message or "estimate heat demand from floor area, use and specific demand"
        revision = add_revision(writer, ref.scenario, "set", text)
        n = sum(_add(writer, part, Ref(ref.scenario, ref.name, revision)) for part in parts)
        writer.con.execute("UPDATE meta.revision SET n_set = ? WHERE revision = ?", [n, revision])
    return Edit(scenario, revision, n)


def _read(db: Database, scenario: str) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    with db.read() as con:
        ref = find(con, scenario)
        at = [ref.name, ref.revision]
        buildings = con.execute("SELECT * EXCLUDE (scenario, year, geometry) FROM input.building_at(?, ?)", at).df()
        specific = con.execute(
            "SELECT * EXCLUDE (scenario) FROM input.specific_demand_at(?, ?) ORDER BY year, use", at
        ).df()
        present = con.execute("SELECT building, rule FROM input.building_demand_at(?, ?)", at).df()
    return buildings, specific, present


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


def _add(writer: object, rows: pd.DataFrame, ref: Ref) -> int:
    from dhsdb.schema.places import BuildingDemand

    rows["year"] = rows["year"].astype("Int16")
    return add_rows(writer, BuildingDemand, ref, rows)  # type: ignore[arg-type]
