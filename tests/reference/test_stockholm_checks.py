"""The Stockholm excess-heat study read kW as MW, and nobody noticed: here its results say so themselves.

241 of its 294 connections can be matched with their output; of these 133 lose more heat than their source gives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest

from dhsdb import runs, scenarios
from dhsdb.check import MOST
from dhsdb.names import find
from dhsdb.store import Store
from tests.dhsdb.study import add

if TYPE_CHECKING:
    from pathlib import Path

    from dhsdb.database import Database

pytestmark = pytest.mark.reference
KINDS = {
    "supermarket": "supermarket",
    "Subway station": "metro_station",
    "Data Center": "data_centre",
    "Ice rink": "ice_rink",
}


@pytest.fixture(scope="module")
def published(reference_data: Path) -> pd.DataFrame:
    rows = pd.read_csv(reference_data / "stockholm" / "derived" / "gis_reference_visible.csv")
    return rows.assign(source=rows["source_id"].astype(str))


def written(db: Database, rows: pd.DataFrame, loss: str, diameter: str, trench: str, cost: str) -> pd.DataFrame:
    """Write a run of stage geo with these connections, and return the findings that it keeps: code, n."""
    ref = scenarios.new(db, "stockholm", [2020])
    with db.read() as con:
        ref = find(con, "stockholm")
    chain = runs.open_chain(db, ref.scenario, ref.revision, is_default=True)
    run = runs.start(db, chain, runs.Start(ref.scenario, ref.revision, "geo", "2020", "{}", True, "published"))  # noqa: FBT003
    connection = pd.DataFrame(
        {
            "source": rows["source"], "network": rows["network_identifier"], "distance_m": rows["d_line_3006_m"],
            "trench_m": rows[trench], "diameter_m": rows[diameter], "cost": rows[cost], "loss_kw": rows[loss],
            "capacity_kw": rows["capacity_kw"], "cost_per_kw": rows[cost] / rows["capacity_kw"],
        }
    )  # fmt: skip
    runs.finish(db, runs.End(run, chain, True, "optimal"), {"connection": connection})  # noqa: FBT003
    kept = db.sql("SELECT code, message FROM findings WHERE run = ? AND severity = 'warning'", [run]).to_pandas()
    more = kept["message"].str.extract(r"^([\d,]+) more of this kind")[0].str.replace(",", "").astype(float)
    return kept.assign(n=more.fillna(1).astype(int)).groupby("code")["n"].sum().to_frame()


def test_what_was_published_is_implausible(db: Database, published: pd.DataFrame) -> None:
    found = written(db, published, "pub_losses_kw", "diam_m_as_published", "pub_length_m", "pub_cost_eur")["n"]
    assert found["loss-above-capacity"] == (published["pub_losses_kw"] >= published["capacity_kw"]).sum() == 133
    assert found["diameter"] == 217, "0.8 m for a supermarket of 187 kW"
    assert found["trench"] == 160, "route lengths were counted twice"
    assert found["cost-per-kw"] > 200
    shown = [f for f in Store(db.path).check("stockholm") if f.code == "loss-above-capacity"]
    assert len(shown) == MOST + 1
    assert shown[-1].message == f"{133 - MOST} more of this kind."


def test_the_right_unit_is_plausible_but_for_what_is_far(db: Database, published: pd.DataFrame) -> None:
    found = written(
        db, published, "losses_kw_correct_mw", "diam_m_correct_mw", "route_length_m", "cost_eur_correct_mw"
    )["n"]
    assert "diameter" not in found
    assert found["loss-above-capacity"] == 34
    assert found["trench"] == 28


def test_capacities_in_kw_are_seen_before_anything_is_solved(db: Database, published: pd.DataFrame) -> None:
    scenarios.new(db, "stockholm", [2020])
    for scenario, per_mw in (("stockholm", 1.0), ("right", 1000.0)):
        if scenario != "stockholm":
            scenarios.new(db, scenario, [2020])
        sources = pd.DataFrame(
            {
                "heat_source": published["source"],
                "kind": published["source_type"].map(KINDS),
                "capacity_mw": published["capacity_kw"] / per_mw,
            }
        )
        add(db, scenario, "heat_source", *sources.to_dict("records"))
    store = Store(db.path)
    seen = [f for f in store.check("stockholm") if f.code == "capacity-unit"]
    assert seen[-1].message == f"{len(published) - MOST} more of this kind.", "all of them"
    assert "MW is more than a" in seen[0].message
    left = {f.location.split(", ")[1] for f in store.check("right") if f.code == "capacity-unit"}
    mixed_up = published[published["type_capacity_suspect"]]
    assert left == set(mixed_up["source"]), "ice rinks that were given the capacity of a data centre"
