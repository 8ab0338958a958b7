"""Typical periods and what a solution says besides its tables, on the way that a user goes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.dhsdb.study import add, add_profile

if TYPE_CHECKING:
    from dhsdb.store import Store
    from tests.dhsdb.conftest import Cli

WHOLE = ("-o", "hours=")
"""The study's own option is a window."""


def test_typical_periods_by_hand_bring_the_dispatch_that_shows_their_error(store: Store, cli: Cli) -> None:
    code, said, _ = cli(
        store.db, "run", "scenario", "base", "--stage", "investment", *WHOLE, "-o", "periods=4", "--json"
    )
    assert code == 0
    assert [run["stage"] for run in json.loads(said)] == ["investment", "dispatch"]
    found = store.sql("SELECT run, severity, location, message FROM findings WHERE code = 'aggregation-error'").rows()
    assert [f["location"] for f in found] == ["dispatch 2025"]
    assert {f["run"] for f in found} == {json.loads(said)[1]["run"]}
    assert all("typical periods that capacities were chosen by; 0 MWh are not served" in f["message"] for f in found)


@pytest.mark.parametrize("options", [WHOLE, (*WHOLE, "-o", "periods=0"), ("-o", "periods=4")])
def test_nothing_is_added_where_nothing_was_aggregated_by_hand(
    store: Store, cli: Cli, options: tuple[str, ...]
) -> None:
    code, said, _ = cli(store.db, "run", "scenario", "base", "--stage", "investment", *options, "--json")
    assert code == 0
    assert [run["stage"] for run in json.loads(said)] == ["investment"]


def test_a_run_shows_its_figures(store: Store, cli: Cli) -> None:
    code, said, _ = cli(store.db, "run", "scenario", "base", "--stage", "investment", *WHOLE, "-o", "mga=10%", "--json")
    assert code == 0
    run = json.loads(said)[0]["run"]
    code, shown, _ = cli(store.db, "run", "show", str(run))
    assert code == 0
    assert "most capacity within 10 %" in shown
    named = {row["name"] for row in store.sql("SELECT name FROM by_run.figure WHERE run = ?", [run]).rows()}
    assert {"least capacity within 10 %", "most capacity within 10 %", "typical periods"} <= named
    code, shown, _ = cli(store.db, "run", "show", str(run), "--json")
    assert {f["name"] for f in json.loads(shown)["figures"]} == named


def test_typical_days_that_are_all_days_cost_what_the_year_costs(store: Store) -> None:
    """A tank, a gas price that varies, and a boiler too small for the peak: time matters."""
    hour = np.arange(8760)
    add_profile(store.db, "base", "gas price", 35 + 15 * np.sin(hour / 60), "price", "EUR/MWh")
    store.set("base", "commodity.price_profile", "gas price", where="commodity = 'gas'", message="it varies")
    store.set("base", "commodity.price", None, where="commodity = 'gas'", message="it varies")
    store.set("base", "process.existing_mw", 14.0, message="smaller")
    add(
        store.db, "base", "storage",
        {"site": "centre", "storage": "pit", "commodity": "heat", "capital_e": 400.0, "life": 30.0, "loss": 0.0002, "eff_in": 0.98},
    )  # fmt: skip
    runs = [store.run("base", stages=["investment"], options={"hours": "", "periods": n})[0] for n in (0, 365)]
    assert runs[0].objective is not None
    assert runs[1].objective == pytest.approx(runs[0].objective, rel=1e-6)
    built = store.sql("SELECT run, max(mwh) AS most FROM by_run.level WHERE run IN (1, 2) GROUP BY run").rows()
    assert all(row["most"] > 10 for row in built)
