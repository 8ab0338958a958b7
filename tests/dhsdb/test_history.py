"""Tags, and reverts that restore an old state as a new revision."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from dhsdb.errors import UserError
from dhsdb.schema.catalog import INPUT
from tests.dhsdb.study import add, add_profile

if TYPE_CHECKING:
    from dhsdb.store import Store
    from tests.dhsdb.conftest import Cli


def effective(store: Store, name: str, revision: int) -> dict[str, list[dict[str, Any]]]:
    """All effective rows of a scenario at a revision, by table."""
    return {
        t: store.sql(f"SELECT * EXCLUDE (scenario) FROM input.{t}_at(?, ?) ORDER BY ALL", [name, revision]).rows()
        for t in INPUT
    }


def test_a_revert_restores_rows_that_were_set_removed_and_added(store: Store) -> None:
    store.derive("child", "base")
    store.set("child", "process.capital", 1.0, message="a test")
    then = store.scenario("child").revision
    was = effective(store, "child", then)
    store.set("child", "process.capital", 2.0, message="a test")
    store.set("child", "process.life", 3.0, message="a test")
    store.remove("child", "commodity", where="commodity = 'gas'", message="a test")
    add(store.db, "child", "emission", {"site": "centre", "emission": "CO2", "price": 50.0})
    add_profile(store.db, "child", "other", [1.0] * 8760, "factor")
    before = store.scenario("child").revision
    middle = effective(store, "child", before)
    done = store.revert("child", then, "it was a mistake")
    assert effective(store, "child", done.revision) == was
    assert effective(store, "child", before) == middle
    assert not store.diff(f"child@{then}", f"child@{done.revision}", results=False)
    assert {r["table"] for r in done.changes.changes.rows()} == {"process", "commodity", "emission", "profile"}
    log = store.sql("SELECT kind, message, n_set, n_removed FROM revisions WHERE revision = ?", [done.revision]).rows()
    assert log == [{"kind": "revert", "message": "it was a mistake", "n_set": 0, "n_removed": 5}]


def test_rows_that_an_import_closed_hold_again_with_the_revision_that_wrote_them(store: Store) -> None:
    then = store.scenario("base").revision
    with store.db.write("a test") as writer:
        writer.con.execute("UPDATE layer.process SET rev_to = ? WHERE layer = 1", [then + 1])
    add(store.db, "base", "process", {"site": "centre", "process": "boiler", "capital": 5.0})
    wrote = store.sql("SELECT DISTINCT origin FROM layer.process WHERE layer = 1 AND rev_to IS NOT NULL").rows()
    done = store.revert("base", then)
    held = store.sql("SELECT origin, rev_from FROM layer.process WHERE layer = 1 AND rev_to IS NULL").rows()
    assert held == [wrote[0] | {"rev_from": done.revision}]
    assert not store.diff(f"base@{then}", "base", results=False)


def test_a_revert_of_a_revert_restores_what_was_reverted(store: Store) -> None:
    first = store.scenario("base").revision
    second = store.set("base", "process.capital", 1.0, message="a test").revision
    states = {r: effective(store, "base", r) for r in (first, second)}
    store.revert("base", first)
    third = store.revert("base", second).revision
    assert effective(store, "base", third) == states[second]
    assert effective(store, "base", store.revert("base", first).revision) == states[first]


def test_what_is_set_after_a_revert_wins(store: Store) -> None:
    then = store.scenario("base").revision
    store.set("base", "process.capital", 1.0, message="a test")
    store.revert("base", then)
    store.set("base", "process.capital", 2.0, message="a test")
    assert store.sql("SELECT capital FROM input.process WHERE scenario = 'base'").rows() == [{"capital": 2.0}]


def test_a_child_pinned_in_between_keeps_what_it_saw(store: Store) -> None:
    then = store.scenario("base").revision
    store.set("base", "process.capital", 1.0, message="a test")
    store.derive("child", "base")
    store.revert("base", then)
    assert store.sql("SELECT capital FROM input.process WHERE scenario = 'child'").rows() == [{"capital": 1.0}]
    store.rebase("child")
    assert store.sql("SELECT capital FROM input.process WHERE scenario = 'child'").rows() == [{"capital": 60000.0}]


def test_a_revert_to_the_present_state_is_refused_and_leaves_no_revision(store: Store, cli: Cli) -> None:
    before = store.scenario("base").revision
    code, _, why = cli(store.db, "scenario", "revert", "base", str(before))
    assert code == 2
    assert "nothing to revert" in why
    assert store.scenario("base").revision == before


@pytest.mark.parametrize("revision", ["0", "999", "first", "bsae"])
def test_an_unknown_revision_is_refused(store: Store, cli: Cli, revision: str) -> None:
    store.tag("base", 1, "start")
    code, _, why = cli(store.db, "scenario", "revert", "base", revision)
    assert code == 2
    assert "revision" in why


def test_the_command_line_reverts_to_a_tag_and_shows_what_changed(store: Store, cli: Cli) -> None:
    then = store.scenario("base").revision
    assert cli(store.db, "scenario", "tag", "base", str(then), "as-sent")[0] == 0
    store.set("base", "process.capital", 1.0, message="a test")
    code, said, _ = cli(store.db, "scenario", "revert", "base", "as-sent", "-m", "as it was sent", "--json")
    assert code == 0
    facts = json.loads(said)
    assert facts["to"] == then
    assert [(c["old"], c["new"]) for c in facts["changes"]["changes"]] == [("1.0", "60000.0")]


# --- tags ------------------------------------------------------------------------------------------------------------
def test_a_tag_means_its_revision_wherever_a_number_does(store: Store, cli: Cli) -> None:
    then = store.scenario("base").revision
    store.tag("base", then, "v1.0")
    store.set("base", "process.capital", 1.0, message="a test")
    assert store.scenario("base@v1.0").revision == then
    store.derive("old", "base@v1.0")
    assert store.sql("SELECT capital FROM input.process WHERE scenario = 'old'").rows() == [{"capital": 60000.0}]
    assert len(store.diff("base@v1.0", "base", results=False).changes) == 1
    code, said, _ = cli(store.db, "scenario", "log", "base", "--json")
    assert code == 0
    assert [r["tags"] for r in json.loads(said) if r["revision"] == then] == [["v1.0"]]


def test_a_tag_is_moved_only_when_asked(store: Store, cli: Cli) -> None:
    store.tag("base", 1, "draft")
    store.tag("base", 1, "draft")
    with pytest.raises(UserError, match="is revision 1 already"):
        store.tag("base", 2, "draft")
    assert cli(store.db, "scenario", "tag", "base", "2", "draft", "--move")[0] == 0
    assert store.scenario("base@draft").revision == 2
    assert cli(store.db, "scenario", "untag", "base", "draft")[0] == 0
    with pytest.raises(UserError, match="neither a revision number nor a tag"):
        store.scenario("base@draft")
    assert cli(store.db, "scenario", "untag", "base", "draft")[0] == 2


@pytest.mark.parametrize("name", ["", "12", "a b", "a@b", "-a", "a,b", "x" * 101])
def test_tags_that_mean_something_else_are_refused(store: Store, name: str) -> None:
    with pytest.raises(UserError, match="can't name a revision"):
        store.tag("base", 1, name)


def test_a_misspelt_tag_is_answered_with_the_nearest(store: Store, cli: Cli) -> None:
    store.tag("base", 1, "as-published")
    code, _, why = cli(store.db, "diff", "base@as-publised", "base")
    assert code == 2
    assert "Did you mean 'as-published'?" in why


def test_tags_of_one_scenario_are_not_those_of_another(store: Store) -> None:
    store.derive("child", "base")
    store.tag("base", 1, "start")
    with pytest.raises(UserError, match="nor a tag of 'child'"):
        store.scenario("child@start")
