"""Merges: two scenarios that were edited apart become one, cell by cell, and what both changed is named."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from dhsdb.errors import UserError
from dhsdb.merging import MergeConflictError
from dhsdb.store import Store
from tests.dhsdb.study import YEARS, add, build
from tests.dhsdb.test_bundle import actions, history, states

if TYPE_CHECKING:
    from pathlib import Path

    from dhsdb.patch import Clash
    from tests.dhsdb.conftest import Cli

GAS = "commodity = 'gas'"


@pytest.fixture(scope="module")
def siblings(empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("siblings") / "city.duckdb"
    shutil.copy(empty_store, path)
    store = Store(path)
    build(store.db)
    store.derive("ours", "base")
    store.derive("theirs", "base")
    return path


@pytest.fixture
def city(siblings: Path, tmp_path: Path) -> Store:
    """A base with two scenarios on it."""
    path = tmp_path / "city.duckdb"
    shutil.copy(siblings, path)
    return Store(path, wait_s=20)


def price(store: Store, scenario: str, value: Any, *, where: str = GAS, **options: Any) -> None:
    store.set(scenario, "commodity.price", value, where=where, message=f"{scenario}: {value}", **options)


def life(store: Store, scenario: str, value: float | None) -> None:
    store.set(scenario, "process.life", value, where="process = 'boiler'", message="life")


def prices(store: Store, scenario: str) -> list[float | None]:
    query = "SELECT price FROM input.commodity WHERE scenario = ? AND commodity = 'gas' ORDER BY year"
    return [r["price"] for r in store.sql(query, [scenario]).rows()]


def lives(store: Store, scenario: str) -> set[float | None]:
    return {r["life"] for r in store.sql("SELECT life FROM input.process WHERE scenario = ?", [scenario]).rows()}


def told(clashes: tuple[Clash, ...]) -> list[tuple[Any, ...]]:
    return [(c.table, c.key, c.year, c.column, c.ancestor, c.ours, c.theirs) for c in clashes]


def revisions(store: Store) -> int:
    return int(store.sql("SELECT max(revision) AS r FROM meta.revision").rows()[0]["r"])


def disputed(store: Store, name: str = "ours", other: str = "theirs", **options: Any) -> list[tuple[Any, ...]]:
    """The cells that a merge names as it is refused, and that nothing was written."""
    before = revisions(store)
    with pytest.raises(MergeConflictError) as error:
        store.merge(name, other, **options)
    assert revisions(store) == before
    assert error.value.exit_code == 2
    assert "--prefer" in error.value.hint
    return told(error.value.conflicts)


# --- siblings --------------------------------------------------------------------------------------------------------
def test_cells_that_one_side_changed_come_in(city: Store) -> None:
    life(city, "ours", 30.0)
    price(city, "theirs", 40.0)
    done = city.merge("ours", "theirs", message="take it")
    assert (prices(city, "ours"), lives(city, "ours")) == ([40.0] * 3, {30.0})
    assert (done.ancestor, done.n_rows, done.conflicts) == (f"base@{city.scenario('base').revision - 5}", 1, ())
    assert done.changes
    assert done.changes.headline == "inputs: 1 cell changed in 1 table"
    assert prices(city, "theirs") == [40.0] * 3
    assert lives(city, "theirs") == {25.0}, "the other side stays as it is"
    row = city.sql("SELECT * FROM revisions WHERE scenario = 'ours' ORDER BY revision DESC").rows()[0]
    assert (row["kind"], row["message"], row["n_set"]) == ("merge", "take it", 1)


def test_cells_of_one_row_merge_apart(city: Store) -> None:
    life(city, "ours", 30.0)
    city.set("theirs", "process.capital", 50000.0, message="cheaper")
    city.merge("ours", "theirs")
    rows = city.sql("SELECT DISTINCT life, capital FROM input.process WHERE scenario = 'ours'").rows()
    assert rows == [{"life": 30.0, "capital": 50000.0}]


def test_the_same_change_on_both_sides_is_no_conflict(city: Store) -> None:
    price(city, "ours", 40.0)
    price(city, "theirs", 40.0)
    life(city, "theirs", 30.0)
    done = city.merge("ours", "theirs")
    assert (done.n_rows, done.conflicts) == (1, ())


def test_a_cell_that_both_changed_is_named_and_one_side_decides(city: Store) -> None:
    price(city, "ours", 40.0)
    price(city, "theirs", 50.0)
    life(city, "theirs", 30.0)
    assert disputed(city) == [("commodity", "centre / gas", None, "price", "35.0", "40.0", "50.0")]
    assert disputed(city, dry_run=True)
    done = city.merge("ours", "theirs", prefer="ours")
    assert (prices(city, "ours"), lives(city, "ours")) == ([40.0] * 3, {30.0})
    assert len(done.conflicts) == 1
    done = city.merge("theirs", "ours", prefer="ours")
    assert prices(city, "theirs") == [40.0] * 3


def test_the_other_side_can_decide(city: Store) -> None:
    price(city, "ours", 40.0)
    price(city, "theirs", 50.0)
    city.merge("ours", "theirs", prefer="theirs")
    assert prices(city, "ours") == [50.0] * 3
    with pytest.raises(UserError, match="neither of the two") as error:
        city.merge("ours", "theirs", prefer="theris")
    assert "theirs" in error.value.hint


def test_a_conflict_in_one_year_is_one_of_that_year(city: Store) -> None:
    price(city, "ours", 40.0)
    price(city, "theirs", 50.0, year=2035)
    assert disputed(city) == [("commodity", "centre / gas", 2035, "price", "35.0", "40.0", "50.0")]
    city.merge("ours", "theirs", prefer="theirs")
    assert prices(city, "ours") == [40.0, 50.0, 40.0]


def test_a_cell_set_to_null_counts_as_changed(city: Store) -> None:
    life(city, "ours", None)
    life(city, "theirs", 30.0)
    assert disputed(city) == [("process", "centre / boiler", None, "life", "25.0", None, "30.0")]


def test_a_row_removed_on_one_side_and_changed_on_the_other_is_a_conflict(city: Store) -> None:
    city.remove("ours", "process", where="process = 'boiler'", message="no boiler")
    life(city, "theirs", 30.0)
    assert disputed(city) == [("process", "centre / boiler", None, "life", "25.0", "no row", "30.0")]
    assert disputed(city, "theirs", "ours") == [("process", "centre / boiler", None, "life", "25.0", "30.0", "no row")]
    city.merge("ours", "theirs", prefer="theirs")
    assert lives(city, "ours") == {30.0}
    city.derive("again", "base")
    life(city, "again", 40.0)
    city.remove("base", "process", where="process = 'boiler'", message="no boiler")
    assert disputed(city, "again", "base") == [("process", "centre / boiler", None, "life", "25.0", "40.0", "no row")]
    city.merge("again", "base", prefer="base")
    assert lives(city, "again") == set()


def test_a_row_removed_on_one_side_only_is_removed(city: Store) -> None:
    city.remove("theirs", "process", where="process = 'boiler'", message="no boiler")
    price(city, "ours", 40.0)
    city.merge("ours", "theirs")
    assert lives(city, "ours") == set()


def test_a_row_that_both_added_differently_is_a_conflict(city: Store) -> None:
    wood = {"site": "centre", "commodity": "wood", "bought": True}
    add(city.db, "ours", "commodity", wood | {"price": 20.0})
    add(city.db, "theirs", "commodity", wood | {"price": 25.0})
    assert disputed(city) == [("commodity", "centre / wood", None, "price", "no row", "20.0", "25.0")]
    add(city.db, "ours", "commodity", wood | {"price": 25.0})
    assert city.merge("ours", "theirs").n_rows == 0


def test_model_years_merge(city: Store) -> None:
    add(city.db, "theirs", "model_year", {"year": 2055})
    price(city, "theirs", 50.0, year=2055)
    city.remove("ours", "model_year", where="year = 2025", message="later")
    city.merge("ours", "theirs")
    assert prices(city, "ours") == [35.0, 35.0, 50.0]


def test_a_second_merge_brings_only_what_is_new(city: Store) -> None:
    price(city, "theirs", 40.0)
    city.merge("ours", "theirs")
    price(city, "ours", 45.0)
    assert city.merge("ours", "theirs").changes is None, "nothing came since, so nothing is disputed either"
    life(city, "theirs", 30.0)
    done = city.merge("ours", "theirs")
    assert "merged before" in done.ancestor
    assert (prices(city, "ours"), lives(city, "ours")) == ([45.0] * 3, {30.0})


def test_a_child_merges_into_its_parent_and_the_parent_into_the_child(city: Store) -> None:
    price(city, "ours", 40.0)
    life(city, "base", 30.0)
    city.merge("base", "ours")
    assert (prices(city, "base"), lives(city, "base")) == ([40.0] * 3, {30.0})
    assert prices(city, "theirs") == [35.0] * 3, "it stands on the base as it was"
    price(city, "theirs", 50.0)
    assert disputed(city, "theirs", "base") == [("commodity", "centre / gas", None, "price", "35.0", "50.0", "40.0")]
    city.merge("theirs", "base", prefer="theirs")
    assert (prices(city, "theirs"), lives(city, "theirs")) == ([50.0] * 3, {30.0})


def test_strangers_are_refused(city: Store) -> None:
    city.new("stranger", [2030])
    with pytest.raises(UserError, match="nothing in common") as error:
        city.merge("ours", "stranger")
    assert "compose" in error.value.hint
    with pytest.raises(UserError, match="with itself"):
        city.merge("ours", "ours")
    with pytest.raises(UserError, match="past revision"):
        city.merge("ours@3", "theirs")


def test_other_money_is_refused(city: Store) -> None:
    for scenario, currency in (("ours", "EUR"), ("theirs", "SEK")):
        options = {"currency": currency, "price_year": "2025"}
        add(city.db, scenario, "model_option", *({"option": o, "value": v} for o, v in options.items()))
    price(city, "theirs", 400.0)
    with pytest.raises(UserError, match="'ours' is in EUR of 2025, 'theirs' in SEK of 2025"):
        city.merge("ours", "theirs", prefer="theirs")


def test_a_dry_run_writes_nothing(city: Store) -> None:
    price(city, "theirs", 40.0)
    before = revisions(city)
    done = city.merge("ours", "theirs", dry_run=True)
    assert done.revision is None
    assert done.changes
    assert len(done.changes.changes) == 1
    assert revisions(city) == before


def test_a_merge_can_be_reverted(city: Store) -> None:
    before = revisions(city)
    price(city, "theirs", 40.0)
    city.merge("ours", "theirs")
    city.revert("ours", before)
    assert prices(city, "ours") == [35.0] * 3


# --- changes applied elsewhere ---------------------------------------------------------------------------------------
def test_what_changed_between_two_states_is_applied_to_a_third(city: Store, cli: Cli) -> None:
    before = revisions(city)
    price(city, "theirs", "price * 2")
    life(city, "theirs", 30.0)
    after = revisions(city)
    add(city.db, "base", "model_year", {"year": 2055})
    code, out, _ = cli(
        city.db, "scenario", "apply", "base", "--from", f"theirs@{before}", "--to", f"theirs@{after}", "-m", "also here"
    )
    assert code == 0
    assert "brings in what" in out
    assert (prices(city, "base"), lives(city, "base")) == ([70.0] * 4, {30.0})
    assert city.apply("base", f"theirs@{before}", "theirs", "again").revision is None, "it has all of it"
    price(city, "ours", 40.0)
    code, out, err = cli(
        city.db, "scenario", "apply", "ours", "--from", f"theirs@{before}", "--to", "theirs", "-m", "x"
    )
    assert code == 2
    assert "35.0" in out
    assert "both changed 1 cell" in err
    city.apply("ours", f"theirs@{before}", "theirs", "x", prefer="theirs")
    assert prices(city, "ours") == [70.0] * 3


# --- the command line ------------------------------------------------------------------------------------------------
def test_the_command_line_lists_all_conflicts(city: Store, cli: Cli) -> None:
    rows = [{"site": "centre", "commodity": f"wood {i}", "price": 1.0} for i in range(60)]
    add(city.db, "ours", "commodity", *rows)
    add(city.db, "theirs", "commodity", *({**r, "price": 2.0} for r in rows))
    code, out, err = cli(city.db, "scenario", "merge", "ours", "--with", "theirs")
    assert code == 2
    assert out.count("wood") == 60
    assert "both changed 60 cells; nothing was written." in err
    assert "--prefer 'ours'" in err
    code, out, _ = cli(city.db, "scenario", "merge", "ours", "--with", "theirs", "--json")
    assert code == 2
    assert len(json.loads(out)["conflicts"]) == 60
    code, out, _ = cli(
        city.db, "scenario", "merge", "ours", "--with", "theirs", "--prefer", "theirs", "-m", "theirs it is", "--json"
    )
    assert code == 0
    assert (json.loads(out)["rows"], json.loads(out)["preferred"]) == (60, "theirs")
    code, out, _ = cli(city.db, "scenario", "merge", "ours", "--with", "theirs")
    assert (code, "nothing to bring in" in out) == (0, True)


def test_two_colleagues(city: Store, empty_store: Path, tmp_path: Path, cli: Cli) -> None:
    """Anna sends, both edit, Bob sends back, Anna merges and sends again: in the end both have the same."""
    path = tmp_path / "bob" / "bob.duckdb"
    path.parent.mkdir()
    shutil.copy(empty_store, path)
    anna, bob = city, Store(path, wait_s=20)
    bob.new("mine", [2030])

    def do(store: Store, *arguments: str, code: int = 0) -> str:
        found, out, err = cli(store.db, *arguments)
        assert found == code, err
        return out + err

    def send(sender: Store, receiver: Store, name: str, *scenarios: str) -> str:
        named = [part for s in scenarios for part in ("--scenario", s)]
        do(sender, "export", "bundle", str(tmp_path / name), *named)
        return do(receiver, "import", "bundle", str(tmp_path / name))

    assert "ours: created" in send(anna, bob, "1.zip", "ours")
    set_price = ("scenario", "set", "base", "--where", GAS)
    do(anna, *set_price, "commodity.price=40", "-m", "Anna's price")
    do(anna, "scenario", "set", "base", "demand.mwh=mwh * 2", "-m", "more demand")
    do(bob, *set_price, "commodity.price=50", "-m", "Bob's price")
    do(bob, "scenario", "set", "base", "process.life=30", "-m", "Bob's boiler lives longer")
    do(bob, "scenario", "rebase", "ours", "-m", "on Bob's base")

    said = send(bob, anna, "2.zip", "ours")
    assert "base has diverged" in said
    assert "ours: forwarded by 1 revision" in said
    assert prices(anna, "base") == [40.0] * 3
    assert prices(anna, "ours") == [50.0] * 3, "what stands on Bob's base reads Bob's base"
    said = do(anna, "scenario", "merge", "base", "--with", "base-theirs", code=2)
    assert "40.0" in said
    assert "50.0" in said
    assert "both changed 1 cell" in said
    do(
        anna,
        "scenario",
        "merge",
        "base",
        "--with",
        "base-theirs",
        "--prefer",
        "base",
        "-m",
        "Anna's price, Bob's boiler",
    )
    assert (prices(anna, "base"), lives(anna, "base")) == ([40.0] * 3, {30.0})

    said = send(anna, bob, "3.zip", "base")
    assert "base: forwarded by 3 revisions" in said
    assert (prices(bob, "base"), lives(bob, "base")) == ([40.0] * 3, {30.0})
    here, there = states(bob, "base"), states(anna, "base")
    assert {k: here[k] for k in there} == there, "at every revision of Anna's"
    assert prices(bob, "ours") == [50.0] * 3, "it stands on Bob's base as it was"
    assert "nothing changes" in do(bob, "import", "bundle", str(tmp_path / "3.zip"))

    do(bob, *set_price, "commodity.price=41", "-m", "a last word")
    said = send(bob, anna, "4.zip", "base")
    assert "base: forwarded by 1 revision" in said
    assert prices(anna, "base") == [41.0] * 3
    ends = [
        s.sql("SELECT r.* EXCLUDE (scenario) FROM input.process AS r WHERE scenario = 'base' ORDER BY ALL").rows()
        for s in (anna, bob)
    ]
    assert ends[0] == ends[1]
    for store in (anna, bob):
        assert [f for f in store.check() if f.severity == "error"] == []


def test_both_may_merge_and_meet_again(city: Store, empty_store: Path, tmp_path: Path) -> None:
    path = tmp_path / "bob" / "bob.duckdb"
    path.parent.mkdir()
    shutil.copy(empty_store, path)
    anna, bob = city, Store(path, wait_s=20)

    def send(sender: Store, receiver: Store, name: str, *scenarios: str) -> dict[str, tuple[str, str, int]]:
        sender.export_bundle(tmp_path / name, scenarios)
        return actions(receiver.import_bundle(tmp_path / name))

    send(anna, bob, "1", "base")
    price(anna, "base", 40.0)
    life(bob, "base", 30.0)
    assert send(bob, anna, "2", "base")["base"][:2] == ("diverged", "base-theirs")
    assert send(anna, bob, "3", "base")["base"][:2] == ("diverged", "base-theirs")
    anna.merge("base", "base-theirs")
    bob.merge("base", "base-theirs")
    assert prices(anna, "base") == prices(bob, "base") == [40.0] * 3
    assert lives(anna, "base") == lives(bob, "base") == {30.0}
    assert send(bob, anna, "4", "base")["base"][:2] == ("forwarded", "base-theirs")
    done = anna.merge("base", "base-theirs")
    assert (done.n_rows, done.conflicts) == (0, ())
    assert send(anna, bob, "5", "base")["base"] == ("forwarded", "base", 3)
    assert history(anna, "base")["changes"][-1] == history(bob, "base")["changes"][-1]
    for year in YEARS:
        assert anna.sql(
            "SELECT price FROM input.commodity WHERE scenario = 'base' AND year = ? ORDER BY ALL", [year]
        ).rows()
