"""Rebase: pins move to the newest revisions, what changes is shown, and what a layer above keeps is named."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from dhsdb.errors import UnknownNameError, UserError
from tests.dhsdb.study import add, add_profile

if TYPE_CHECKING:
    from dhsdb.store import Store
    from tests.dhsdb.conftest import Cli

GAS = "commodity = 'gas'"


def price(store: Store, scenario: str, value: Any, **how: Any) -> int:
    return store.set(scenario, "commodity.price", value, where=GAS, message="a test", **how).revision


def gas(store: Store, scenario: str) -> Any:
    query = "SELECT price FROM input.commodity WHERE scenario = ? AND commodity = 'gas'"
    return store.sql(query, [scenario]).rows()[0]["price"]


def stack(store: Store, scenario: str) -> list[str]:
    found: list[str] = store.sql("SELECT stack FROM scenarios WHERE scenario = ?", [scenario]).rows()[0]["stack"]
    return found


def hidden(done: Any) -> list[tuple[Any, ...]]:
    return [(h.table, h.key, h.year, h.column, h.layer, h.change, h.old, h.new, h.by, h.kept) for h in done.hidden]


def test_a_rebase_brings_what_changed_below_and_shows_it(store: Store) -> None:
    store.derive("child", "base")
    revision = price(store, "base", 40.0)
    assert gas(store, "child") == 35.0
    (done,) = store.rebase("child")
    assert gas(store, "child") == 40.0
    assert [(m.layer, m.new, m.behind) for m in done.moves] == [("base", revision, 1)]
    assert done.changes is not None
    assert [(r["key"], r["old"], r["new"]) for r in done.changes.changes.rows()] == [("centre / gas", "35.0", "40.0")]
    assert not done.hidden
    assert stack(store, "child") == ["child", f"base@{revision}"]
    assert store.sql(
        "SELECT kind, revision FROM revisions WHERE scenario = 'child' ORDER BY revision DESC LIMIT 1"
    ).rows() == [{"kind": "rebase", "revision": done.revision}]


def test_a_scenario_that_is_not_behind_gets_no_revision(store: Store) -> None:
    store.derive("child", "base")
    before = store.scenario("base").revision
    (done,) = store.rebase("child")
    assert (done.revision, done.moves, done.changes) == (None, (), None)
    assert store.rebase() == []
    assert store.scenario("base").revision == before


def test_a_cell_that_the_scenario_sets_itself_is_named_as_a_conflict(store: Store) -> None:
    store.derive("child", "base")
    price(store, "child", 38.5)
    price(store, "base", 40.0)
    store.set("base", "commodity.max_mw", 7.0, where=GAS, message="a test")
    (done,) = store.rebase("child")
    assert gas(store, "child") == 38.5
    assert hidden(done) == [
        ("commodity", "centre / gas", None, "price", "base", "changed", "35.0", "40.0", "child", "38.5")
    ]
    assert "'base' changed 35.0 to 40.0, 'child' keeps 38.5" in str(done.hidden[0])


def test_a_change_to_the_very_value_that_is_set_above_is_no_conflict(store: Store) -> None:
    store.derive("child", "base")
    price(store, "child", 40.0)
    price(store, "base", 40.0)
    (done,) = store.rebase("child")
    assert not done.hidden
    assert not done.changes


def test_years_that_are_set_above_are_named_alone(store: Store) -> None:
    add(store.db, "base", "model_year", {"year": 2035})
    store.derive("child", "base")
    price(store, "child", 50.0, year=2035)
    price(store, "base", 40.0)
    (done,) = store.rebase("child")
    assert [(h.year, h.kept) for h in done.hidden] == [(2035, "50.0")]
    assert done.changes is not None
    assert [(r["year"], r["new"]) for r in done.changes.changes.rows()] == [(2025, "40.0")]


def test_a_row_removed_below_leaves_what_is_set_above_in_vain(store: Store) -> None:
    store.derive("child", "base")
    store.set("child", "process.capital", 1.0, message="a test")
    store.remove("base", "process", where="process = 'boiler'", message="a test")
    (done,) = store.rebase("child")
    assert hidden(done) == [
        ("process", "centre / boiler", None, "capital", "base", "removed", "60000.0", "NULL", "child", "1.0")
    ]
    assert "in vain" in str(done.hidden[0])


def test_a_row_removed_above_keeps_a_change_from_coming_through(store: Store) -> None:
    store.derive("child", "base")
    store.remove("child", "process", where="process = 'boiler'", message="a test")
    store.set("base", "process.capital", 1.0, message="a test")
    (done,) = store.rebase("child")
    assert [(h.column, h.new, h.kept) for h in done.hidden] == [("capital", "1.0", "no row")]


def test_a_profile_that_is_replaced_above_is_a_conflict(store: Store) -> None:
    store.derive("child", "base")
    own = add_profile(store.db, "child", "heat demand", [1.0] * 8760, "share")
    add_profile(store.db, "base", "heat demand", [2.0] * 8760, "share")
    (done,) = store.rebase("child")
    assert [(h.table, h.column, h.kept) for h in done.hidden] == [("profile", "sha256", own)]


def test_a_dry_run_shows_all_and_writes_nothing(store: Store) -> None:
    store.derive("child", "base")
    price(store, "child", 38.5)
    price(store, "base", 40.0)
    before = store.scenario("child").revision
    (done,) = store.rebase("child", dry_run=True)
    assert done.revision is None
    assert len(done.hidden) == 1
    assert store.scenario("child").revision == before
    assert stack(store, "child")[1] != stack(store, "base")[0]
    assert store.rebase("child")[0].hidden == done.hidden


def test_all_that_are_behind_are_rebased_with_those_that_stand_on_them(store: Store) -> None:
    store.derive("child", "base")
    store.derive("grandchild", "child")
    store.derive("apart", "base")
    price(store, "base", 40.0)
    store.derive("young", "base")
    done = store.rebase()
    assert [one.scenario for one in done] == ["child", "grandchild", "apart"]
    assert [gas(store, n) for n in ("child", "grandchild", "apart")] == [40.0] * 3
    assert store.rebase() == []
    assert store.sql("SELECT scenario FROM scenarios WHERE behind > 0").rows() == []


def test_a_revert_undoes_a_rebase(store: Store) -> None:
    store.derive("child", "base")
    before, layers = store.scenario("child").revision, stack(store, "child")
    price(store, "base", 40.0)
    store.rebase("child")
    undone = store.revert("child", before)
    assert gas(store, "child") == 35.0
    assert stack(store, "child") == layers
    assert [r["new"] for r in undone.changes.changes.rows()] == ["35.0"]


def test_an_old_revision_of_a_rebased_scenario_stays_as_it_was(store: Store) -> None:
    store.derive("child", "base")
    before = store.scenario("child").revision
    price(store, "base", 40.0)
    store.rebase("child")
    query = "SELECT price FROM input.commodity_at('child', ?) WHERE commodity = 'gas'"
    assert store.sql(query, [before]).rows() == [{"price": 35.0}]


def test_equal_layers_that_disagree_after_a_rebase_are_named(store: Store) -> None:
    for name in ("left", "right"):
        store.derive(name, "base")
    price(store, "left", 40.0)
    store.set("right", "commodity.max_mw", 9.0, where=GAS, message="a test")
    assert store.compose("both", "base", ["left", "right"]).conflicts == ()
    price(store, "right", 41.0)
    (done,) = store.rebase("both")
    found = [(c.lower, c.lower_value, c.upper, c.upper_value) for c in done.conflicts]
    assert found == [("left", "40.0", "right", "41.0")]


def test_the_command_line_says_what_moves_and_what_is_kept(store: Store, cli: Cli) -> None:
    store.derive("child", "base")
    price(store, "child", 38.5)
    price(store, "base", 40.0)
    code, said, _ = cli(store.db, "scenario", "rebase", "child", "--dry-run")
    assert code == 0
    assert "child: would move base" in said
    assert "base: 35.0 -> 40.0" in said
    assert "child: 38.5" in said
    code, said, _ = cli(store.db, "scenario", "rebase", "--all", "--json")
    assert code == 0
    (one,) = json.loads(said)
    assert one["moves"][0]["layer"] == "base"
    assert one["hidden"][0]["kept"] == "38.5"
    assert cli(store.db, "scenario", "rebase", "--all")[1].strip() == "no scenario is behind"
    assert cli(store.db, "scenario", "rebase", "child")[1].strip() == "child is not behind"
    assert cli(store.db, "scenario", "rebase")[0] == 2
    assert cli(store.db, "scenario", "rebase", "child", "--all")[0] == 2
    code, _, why = cli(store.db, "scenario", "rebase", "chidl")
    assert code == 2
    assert "Did you mean 'child'?" in why


def test_a_past_revision_is_not_rebased(store: Store) -> None:
    with pytest.raises(UserError, match="past revision"):
        store.rebase("base@1")
    with pytest.raises(UnknownNameError):
        store.rebase("base", "nowhere")
