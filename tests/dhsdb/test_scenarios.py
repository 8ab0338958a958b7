"""Scenarios as stacks of layers: derived and composed, pinned, named, deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dhsdb.errors import UnknownNameError, UserError
from tests.dhsdb.study import add

if TYPE_CHECKING:
    from dhsdb.store import Store
    from tests.dhsdb.conftest import Cli


def boiler(store: Store, scenario: str, *cells: str) -> tuple[Any, ...]:
    rows = store.sql("SELECT * FROM input.process WHERE scenario = ? AND process = 'boiler'", [scenario]).rows()
    assert len(rows) == 1
    return tuple(rows[0][cell] for cell in cells)


def change(store: Store, scenario: str, cell: str, value: Any) -> int:
    return store.set(scenario, cell, value, message="a test").revision


def facts(store: Store, scenario: str) -> dict[str, Any]:
    return store.sql("SELECT * FROM scenarios WHERE scenario = ?", [scenario]).rows()[0]


# --- stacks ----------------------------------------------------------------------------------------------------------
def test_a_child_holds_what_its_parent_holds_and_stores_only_what_differs(store: Store) -> None:
    store.derive("child", "base")
    assert boiler(store, "child", "capital", "life") == boiler(store, "base", "capital", "life") == (60000.0, 25.0)
    assert facts(store, "child")["years"] == [2025]
    change(store, "child", "process.capital", 50000.0)
    assert boiler(store, "child", "capital", "life") == (50000.0, 25.0)
    assert boiler(store, "base", "capital") == (60000.0,)
    assert store.sql("SELECT count(*) AS n FROM layer.process WHERE layer = 2").rows() == [{"n": 1}]


def test_a_child_does_not_see_what_changes_in_its_parent_afterwards(store: Store) -> None:
    store.derive("child", "base")
    assert facts(store, "child")["behind"] == 0
    change(store, "base", "process.capital", 1.0)
    change(store, "base", "process.life", 2.0)
    add(store.db, "base", "emission", {"site": "centre", "emission": "CO2", "price": 50.0})
    assert boiler(store, "child", "capital", "life") == (60000.0, 25.0)
    assert not store.sql("SELECT * FROM input.emission WHERE scenario = 'child'").rows()
    assert facts(store, "child")["behind"] == 3
    store.derive("younger", "base")
    assert boiler(store, "younger", "capital", "life") == (1.0, 2.0)
    assert facts(store, "younger")["behind"] == 0


def test_a_child_of_a_revision_holds_what_held_then(store: Store) -> None:
    before = store.scenario("base").revision
    change(store, "base", "process.capital", 1.0)
    store.derive("old", f"base@{before}")
    assert boiler(store, "old", "capital") == (60000.0,)
    assert facts(store, "old")["stack"] == ["old", f"base@{before}"]
    assert facts(store, "old")["behind"] == 1


def test_layers_compose_cell_by_cell(store: Store) -> None:
    store.derive("cheap", "base")
    store.derive("durable", "base")
    change(store, "cheap", "process.capital", 1.0)
    change(store, "durable", "process.life", 50.0)
    store.compose("both", "base", ["cheap", "durable"])
    assert boiler(store, "both", "capital", "life", "existing_mw") == (1.0, 50.0, 50.0)
    change(store, "cheap", "process.capital", 2.0)
    assert boiler(store, "both", "capital") == (1.0,)
    assert facts(store, "both")["behind"] == 1
    assert [name.split("@")[0] for name in facts(store, "both")["stack"]] == ["both", "durable", "cheap", "base"]


def test_the_last_of_equal_layers_wins_and_the_own_layer_over_all(store: Store) -> None:
    for name, price in (("low", 1.0), ("high", 2.0)):
        store.derive(name, "base")
        change(store, name, "process.capital", price)
    store.compose("low-high", "base", ["low", "high"])
    store.compose("high-low", "base", ["high", "low"])
    assert boiler(store, "low-high", "capital") == (2.0,)
    assert boiler(store, "high-low", "capital") == (1.0,)
    peers = store.sql("SELECT DISTINCT peer FROM meta.stack WHERE scenario = 4 AND layer IN (2, 3)").rows()
    assert len(peers) == 1  # what stands equal is known to stand equal
    change(store, "high-low", "process.capital", 3.0)
    assert boiler(store, "high-low", "capital") == (3.0,)


def test_a_composition_of_a_composition_keeps_all_layers_once(store: Store) -> None:
    for name in ("a", "b", "c"):
        store.derive(name, "base")
    change(store, "a", "process.capital", 1.0)
    change(store, "b", "process.life", 2.0)
    change(store, "c", "process.fixed", 3.0)
    store.compose("ab", "base", ["a", "b"])
    store.compose("abc", "ab", ["c"])
    assert boiler(store, "abc", "capital", "life", "fixed") == (1.0, 2.0, 3.0)
    assert len(facts(store, "abc")["stack"]) == 6


def test_a_layer_that_adds_nothing_is_refused(store: Store) -> None:
    store.derive("child", "base")
    with pytest.raises(UserError, match="'base' adds no layer to 'child'"):
        store.compose("both", "child", ["base"])
    assert not store.sql("SELECT * FROM scenarios WHERE scenario = 'both'").rows()


def test_layers_in_several_coordinate_systems_are_refused(store: Store, cli: Cli) -> None:
    for name, epsg in (("north", 3067), ("south", 25832)):
        store.derive(name, "base")
        with store.db.write("a test") as writer:
            writer.con.execute("UPDATE meta.scenario SET epsg = ? WHERE name = ?", [epsg, name])
    code, _, why = cli(store.db, "scenario", "compose", "both", "--from", "base", "--with", "north", "--with", "south")
    assert code == 2
    assert "EPSG:3067" in why
    assert "EPSG:25832" in why
    store.compose("fine", "base", ["north"])


# --- names -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["", " base", "a@3", "a,b", "a;b", "a'b", "_a", "-a", "a\nb", "x" * 101])
def test_names_that_mean_something_else_are_refused(store: Store, name: str) -> None:
    with pytest.raises(UserError, match="can't name a scenario"):
        store.new(name)


@pytest.mark.parametrize("name", ["2030", "Örebro låg", "high-gas.2", "a+b", "熱"])
def test_names_of_all_languages_are_taken(store: Store, name: str) -> None:
    store.derive(name, "base")
    assert store.sql(f"SELECT count(*) AS n FROM input.process_at('{name}', 99)").rows() == [{"n": 1}]


def test_a_name_is_given_once(store: Store) -> None:
    with pytest.raises(UserError, match="exists already"):
        store.new("base")
    with pytest.raises(UserError, match="exists already"):
        store.derive("base", "base")


def test_an_unknown_name_is_answered_with_the_nearest(store: Store, cli: Cli) -> None:
    code, _, why = cli(store.db, "scenario", "derive", "child", "--from", "bsae")
    assert code == 2
    assert "Did you mean 'base'?" in why
    with pytest.raises(UnknownNameError):
        store.compose("both", "base", ["bases"])


@pytest.mark.parametrize("ref", ["base@0", "base@999", "base@x", "base@-1"])
def test_a_revision_that_is_not_there_is_refused(store: Store, ref: str) -> None:
    with pytest.raises(UserError, match="revision"):
        store.derive("child", ref)


# --- deleting --------------------------------------------------------------------------------------------------------
def test_a_scenario_that_others_build_on_is_not_deleted(store: Store, cli: Cli) -> None:
    store.derive("child", "base")
    store.derive("grandchild", "child")
    code, _, why = cli(store.db, "scenario", "delete", "base")
    assert code == 2
    assert "child, grandchild build on it" in why
    for name in ("grandchild", "child", "base"):
        assert cli(store.db, "scenario", "delete", name)[0] == 0
    assert not store.sql("SELECT * FROM scenarios").rows()


def test_a_past_revision_is_not_deleted(store: Store) -> None:
    with pytest.raises(UserError, match="past revision"):
        store.delete("base@1")


def test_a_deleted_name_is_free_and_means_the_new_scenario(store: Store) -> None:
    before = store.scenario("base").revision
    store.delete("base")
    store.new("base", [2040])
    assert not store.sql("SELECT * FROM input.process").rows()
    assert facts(store, "base")["years"] == [2040]
    assert len(store.sql("SELECT * FROM input.process_at('base', ?)", [before])) == 1


# --- history ---------------------------------------------------------------------------------------------------------
def test_every_change_is_a_revision_with_author_and_message(
    store: Store, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DHSDB_AUTHOR", "Ada")
    store.derive("child", "base", "why not")
    store.set("child", "process.capital", 1.0, message=" cheaper ")
    rows = store.sql(
        "SELECT kind, author, message, n_set FROM revisions WHERE scenario = 'child' ORDER BY revision"
    ).rows()
    assert [tuple(r.values()) for r in rows] == [("derive", "Ada", "why not", 0), ("set", "Ada", "cheaper", 1)]
    code, _, why = cli(store.db, "scenario", "set", "child", "process.capital=2", "-m", "  ")
    assert code == 2
    assert "needs a message" in why


def test_history_is_read_as_it_was(store: Store) -> None:
    store.derive("child", "base")
    history = [(store.scenario("child").revision, 60000.0)]
    for scenario, value in (("child", 1.0), ("base", 2.0), ("child", 3.0)):
        revision = change(store, scenario, "process.capital", value)
        history.append((revision, value if scenario == "child" else history[-1][1]))
    store.remove("child", "process", where="TRUE", message="gone")
    for revision, value in history:
        rows = store.sql("SELECT capital FROM input.process_at('child', ?)", [revision]).rows()
        assert rows == [{"capital": value}]
    assert not store.sql("SELECT * FROM input.process_at('child', ?)", [history[-1][0] + 1]).rows()
    assert not store.sql("SELECT * FROM input.process_at('child', 1)").rows()
