"""Stale runs: a run is stale if what it read is something else by now, and only then."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dhsdb.diff import diff
from tests.dhsdb.study import YEARS, add, add_profile, boiler_run, build

if TYPE_CHECKING:
    from dhsdb.database import Database
    from dhsdb.store import Store
    from tests.dhsdb.conftest import Cli

GAS = "commodity = 'gas'"


def stale(store: Store, scenario: str = "") -> dict[int, bool | None]:
    return {r["run"]: r["stale"] for r in store.run_list(scenario)}


def why(store: Store, run: int) -> tuple[int | None, str | None]:
    (row,) = [r for r in store.run_list() if r["run"] == run]
    return row["stale_since"], row["stale_why"]


def price(store: Store, value: float, scenario: str = "base") -> int:
    return store.set(scenario, "commodity.price", value, where=GAS, message="a test").revision


def warned(store: Store, a: str, b: str) -> str:
    return " ".join(w for w in diff(store.db, a, b, inputs=False).warnings if "have changed since" in w)


# --- the scenario's own changes --------------------------------------------------------------------------------------
def test_a_changed_input_makes_the_runs_that_read_it_stale(solved: Store, cli: Cli) -> None:
    assert stale(solved) == {1: False, 2: False}
    revision = price(solved, 50.0)
    assert stale(solved) == {1: True, 2: True}
    assert why(solved, 2) == (revision, "1 cell changed in commodity")
    code, said, _ = cli(solved.db, "run", "list", "--json")
    assert code == 0
    assert [(r["run"], r["stale"], r["stale_since"]) for r in json.loads(said)] == [
        (2, True, revision),
        (1, True, revision),
    ]
    assert f"yes, since {revision}: 1 cell changed in commodity" in cli(solved.db, "run", "list")[1]
    assert f"yes, since {revision}: 1 cell changed in commodity" in cli(solved.db, "run", "show", "1")[1]


def test_an_edit_that_was_taken_back_leaves_a_run_fresh(solved: Store) -> None:
    price(solved, 50.0)
    price(solved, 35.0)
    assert stale(solved) == {1: False, 2: False}
    then = solved.scenario("base").revision
    price(solved, 60.0)
    solved.revert("base", then)
    assert stale(solved) == {1: False, 2: False}


def test_since_is_the_edit_that_still_holds(solved: Store) -> None:
    solved.set("base", "process.life", 30.0, message="a test")
    solved.set("base", "process.life", 25.0, message="taken back")
    revision = price(solved, 50.0)
    price(solved, 55.0)
    assert why(solved, 1) == (revision, "1 cell changed in commodity")


def test_an_edit_of_a_table_that_the_stage_does_not_read_leaves_it_fresh(solved: Store) -> None:
    add(solved.db, "base", "pipe_type", {"pipe_type": "DN100", "diameter_m": 0.1, "cost_per_m": 750.0})
    assert stale(solved) == {1: False, 2: False}


def test_a_stage_is_stale_by_what_the_runs_it_builds_on_read(solved: Store) -> None:
    with solved.db.write("a test") as writer:
        writer.con.execute("UPDATE meta.run SET reads = 'pipe_type,' || reads WHERE run = 1")
    solved.run("base", ["dispatch"], force=True)
    add(solved.db, "base", "pipe_type", {"pipe_type": "DN100", "diameter_m": 0.1, "cost_per_m": 750.0})
    assert stale(solved) == {1: True, 2: True, 3: True}


def test_a_run_on_an_older_run_is_as_stale_as_that_one(solved: Store) -> None:
    price(solved, 50.0)
    (run,) = solved.run("base", ["dispatch"], on=[1])
    assert (run.run, stale(solved)[run.run]) == (3, True)


def test_rows_added_and_removed_and_profiles_count(solved: Store) -> None:
    shape = np.linspace(1.0, 2.0, 8760)
    add_profile(solved.db, "base", "heat demand", shape / shape.sum(), "share")
    add(solved.db, "base", "emission", {"site": "centre", "emission": "CO2", "price": 75.0})
    solved.remove("base", "process_flow", where="direction = 'in'", message="a test")
    assert why(solved, 1)[1] == "1 cell changed, 1 row added, 1 row removed in profile, emission, process_flow"


def test_a_run_without_an_answer_is_neither(store: Store) -> None:
    boiler_run(store.db, "base", 50.0, status="failed")
    boiler_run(store.db, "base", 50.0, status="infeasible")
    price(store, 50.0)
    assert stale(store) == {1: None, 2: True}
    store.derive("child", "base")
    boiler_run(store.db, "child", 50.0)
    store.delete("child")
    assert stale(store)[3] is None


def test_a_run_that_does_not_say_what_it_read_is_stale_by_any_table(store: Store) -> None:
    boiler_run(store.db, "base", 50.0)
    add(store.db, "base", "pipe_type", {"pipe_type": "DN100", "diameter_m": 0.1, "cost_per_m": 750.0})
    assert stale(store) == {1: True}


# --- bases -----------------------------------------------------------------------------------------------------------
def test_a_changed_base_makes_a_child_stale_with_the_rebase_that_brings_it(store: Store) -> None:
    store.derive("child", "base")
    price(store, 90.0, "child")
    store.run("child")
    price(store, 50.0)
    store.set("base", "process.life", 30.0, message="a test")
    assert stale(store) == {1: False, 2: False}
    (done,) = store.rebase("child")
    assert why(store, 1) == (done.revision, "1 cell changed in process")


def test_a_rebase_that_brings_only_what_the_child_keeps_leaves_it_fresh(store: Store) -> None:
    store.derive("child", "base")
    price(store, 90.0, "child")
    store.run("child")
    price(store, 50.0)
    store.rebase("child")
    assert stale(store) == {1: False, 2: False}


def test_shared_runs_are_judged_for_the_scenario_that_took_them_over(solved: Store, cli: Cli) -> None:
    price(solved, 50.0)
    price(solved, 35.0)
    solved.derive("child", "base")
    assert [r.run for r in solved.run("child")] == [1, 2]
    price(solved, 60.0)
    assert stale(solved) == {1: True, 2: True}
    assert stale(solved, "child") == {1: False, 2: False}
    assert warned(solved, "child", "base").startswith("the results of 'base' are of revision")
    price(solved, 35.0)
    price(solved, 70.0, "child")
    assert (stale(solved), stale(solved, "child")) == ({1: False, 2: False}, {1: True, 2: True})
    assert "the results of 'child'" in warned(solved, "base", "child")
    assert [r["current"] for r in solved.run_list("child")] == [["base", "child"]] * 2
    assert "yes, child" in cli(solved.db, "run", "list")[1]


# --- where it is told ------------------------------------------------------------------------------------------------
def test_a_comparison_of_results_warns_by_the_same_rule(solved: Store) -> None:
    solved.derive("other", "base")
    solved.run("other")
    add(solved.db, "base", "pipe_type", {"pipe_type": "DN100", "diameter_m": 0.1, "cost_per_m": 750.0})
    assert warned(solved, "base", "other") == ""
    price(solved, 50.0)
    assert "inputs that they read have changed since: 1 cell changed in commodity" in warned(solved, "base", "other")
    price(solved, 35.0)
    assert warned(solved, "base", "other") == ""


def test_what_is_solved_again_is_fresh(solved: Store) -> None:
    price(solved, 50.0)
    solved.run("base")
    assert stale(solved) == {1: True, 2: True, 3: False, 4: False}
    assert [r["current"] for r in solved.run_list("base")] == [["base"], ["base"], [], []]


@pytest.mark.parametrize("names", [["commodity"], ["model_year", "profile"]])
def test_a_change_is_counted_once_for_all_years(db: Database, names: list[str]) -> None:
    from dhsdb.store import Store

    build(db, years=YEARS)
    boiler_run(db, "base", 50.0)
    store = Store(db.path, wait_s=20)
    if names == ["commodity"]:
        price(store, 50.0)
        assert why(store, 1)[1] == "1 cell changed in commodity"
    else:
        add(db, "base", "model_year", {"year": 2050})
        assert "1 row added in model_year" in str(why(store, 1)[1])


def test_a_hundred_runs_are_judged_in_a_moment(store: Store) -> None:
    for n in range(10):
        price(store, 40.0 + n)
        boiler_run(store.db, "base", 50.0)
    with store.db.write("a test") as writer:
        writer.con.execute(
            "INSERT INTO meta.run SELECT r.* REPLACE (run + 10 * n AS run, uid || n AS uid)"
            " FROM meta.run AS r, range(1, 10) AS t(n)"
        )
    began = time.perf_counter()
    found: list[dict[str, Any]] = store.run_list()
    assert time.perf_counter() - began < 4  # generous: others may share the machine
    assert {r["run"] % 10 for r in found if not r["stale"]} == {0}
    assert sum(r["stale"] for r in found) == 90


# --- how far behind --------------------------------------------------------------------------------------------------
def test_only_changes_of_rows_below_count_as_behind(solved: Store, cli: Cli) -> None:
    solved.derive("child", "base")
    solved.derive("grandchild", "child")
    solved.tag("base", solved.scenario("base").revision, "first")
    assert "behind" not in cli(solved.db, "run", "scenario", "child")[2]
    price(solved, 50.0)
    price(solved, 55.0)
    solved.rebase("child")
    behind = {r["scenario"]: (r["behind"], r["behind_of"]) for r in solved.sql("SELECT * FROM scenarios").rows()}
    assert behind == {"base": (0, []), "child": (0, []), "grandchild": (2, ["base: 2"])}
    assert "base is 2 revisions behind" in cli(solved.db, "scenario", "list")[1]
    note = "grandchild: base is 2 revisions behind; `dhsdb scenario rebase grandchild` moves it"
    assert note in cli(solved.db, "scenario", "show", "grandchild")[1]
    for command in (("list",), ("show", "grandchild")):
        assert json.loads(cli(solved.db, "scenario", *command, "--json")[1])
    code, said, told = cli(solved.db, "run", "scenario", "grandchild", "--json")
    assert (code, {r["behind"] for r in json.loads(said)}) == (0, {2})
    assert note in told
    assert {r["asked"] for r in json.loads(said)} == {"grandchild"}


def test_the_log_shows_what_changed_the_stack(solved: Store, cli: Cli) -> None:
    solved.derive("child", "base")
    pin = solved.sql("SELECT max(revision) AS n FROM revisions WHERE scenario = 'base'").rows()[0]["n"]
    edit = price(solved, 90.0, "child")
    now = price(solved, 50.0)
    solved.rebase("child")
    solved.tag("child", edit, "dear")
    code, said, _ = cli(solved.db, "scenario", "log", "child", "--json")
    assert code == 0
    rows = json.loads(said)
    assert [(r["kind"], r["stack"], r["tags"]) for r in rows] == [
        ("rebase", ["child", f"base@{now}"], None), ("set", None, ["dear"]), ("derive", ["child", f"base@{pin}"], None),
    ]  # fmt: skip
    assert (rows[1]["n_set"], rows[1]["message"]) == (1, "a test")
    assert len(json.loads(cli(solved.db, "scenario", "log", "child@dear", "--json")[1])) == 2
    assert f"child, base@{now}" in cli(solved.db, "scenario", "log", "child")[1]
