"""What a run leaves in the store: reused, chosen, failed, lost, spooled, deleted."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from shapely.geometry import LineString, Point

from dhsdb.errors import DhsdbError, UserError
from dhsdb.models import dispatch
from dhsdb.runs import spool_folder
from dhsdb.schema.catalog import RESULT
from dhsdb.store import Store
from tests.dhsdb.apart import LONG_S, Signals, ended, hold_like_a_shell, process, run_and_wait
from tests.dhsdb.study import add, boiler_run

if TYPE_CHECKING:
    from pathlib import Path

    from dhsdb.runner import Run
    from tests.dhsdb.conftest import Cli


def done(found: list[Run]) -> list[tuple[str, int, bool]]:
    return [(r.stage, r.run, r.reused) for r in found]


def current(store: Store) -> dict[str, int]:
    """Stage -> run that the plain views show."""
    rows = store.sql("SELECT DISTINCT stage, run FROM energy WHERE scenario = 'base'").rows()
    assert len({r["stage"] for r in rows}) == len(rows)
    return {r["stage"]: r["run"] for r in rows}


def statuses(store: Store) -> dict[int, str]:
    return {r["run"]: r["status"] for r in store.sql("SELECT run, status FROM runs ORDER BY run").rows()}


def n_rows(store: Store, run: int) -> int:
    each = " UNION ALL ".join(f"SELECT count(*) AS n FROM result.{t} WHERE run = $run" for t in RESULT)
    return int(store.sql(f"SELECT sum(n)::INTEGER AS n FROM ({each})", {"run": run}).rows()[0]["n"])


# --- fingerprints ----------------------------------------------------------------------------------------------------
def test_what_was_solved_before_is_answered_from_the_store(solved: Store, cli: Cli) -> None:
    code, said, _ = cli(solved.db, "run", "scenario", "base", "--json")
    assert code == 0
    assert said.count("solved before, on 20") == 2
    assert list(statuses(solved)) == [1, 2]
    assert solved.sql("SELECT count(*) AS n FROM meta.chain").rows() == [{"n": 1}]


def test_force_solves_again(solved: Store) -> None:
    assert done(solved.run("base", force=True)) == [("investment", 3, False), ("dispatch", 4, False)]
    assert current(solved) == {"investment": 3, "dispatch": 4}


def test_a_changed_option_is_another_run_only_of_the_stages_that_heed_it(solved: Store) -> None:
    assert done(solved.run("base", options={"hours": "24:24"})) == [("investment", 3, False), ("dispatch", 4, False)]
    assert done(solved.run("base", options={"physics": "emb3rs"})) == [("investment", 1, True), ("dispatch", 2, True)]


def test_an_edit_taken_back_is_answered_from_the_store_and_speaks_again(solved: Store) -> None:
    for price, runs in ((50.0, [3, 4]), (35.0, [1, 2])):
        solved.set("base", "commodity.price", price, where="commodity = 'gas'", message="a test")
        assert [r.run for r in solved.run("base")] == runs
        assert sorted(current(solved).values()) == runs


def test_a_child_that_changes_nothing_shares_the_runs_of_its_parent(solved: Store) -> None:
    solved.derive("child", "base")
    assert done(solved.run("child")) == [("investment", 1, True), ("dispatch", 2, True)]
    assert solved.sql("SELECT DISTINCT run FROM energy WHERE scenario = 'child' ORDER BY run").rows() == [
        {"run": 1},
        {"run": 2},
    ]


def test_the_grid_is_not_solved_again_for_a_gas_price(store: Store) -> None:
    source = {"heat_source": "data centre", "capacity_mw": 1.0, "temperature_c": 30.0, "geometry": Point(0, 50)}
    add(store.db, "base", "heat_source", source)
    add(
        store.db,
        "base",
        "network_pipe",
        {"pipe": "main", "site": "centre", "geometry": LineString([(30, 0), (30, 100)])},
    )
    add(
        store.db, "base", "network_temperature", {"site": "centre", "supply_c": 80.0, "return_c": 50.0, "ground_c": 8.0}
    )
    assert [r.stage for r in store.run("base")] == ["geo", "investment", "dispatch"]
    store.set("base", "commodity.price", 60.0, where="commodity = 'gas'", message="a test")
    assert done(store.run("base")) == [("geo", 1, True), ("investment", 4, False), ("dispatch", 5, False)]
    assert store.sql("SELECT stage, run FROM meta.current_run ORDER BY run").rows() == [
        {"stage": "geo", "run": 1}, {"stage": "investment", "run": 4}, {"stage": "dispatch", "run": 5},
    ]  # fmt: skip


# --- chains ----------------------------------------------------------------------------------------------------------
def test_neither_a_window_nor_half_a_study_nor_an_old_revision_replaces_what_is_shown(store: Store) -> None:
    revision = store.scenario("base").revision
    store.run("base")
    store.run("base", options={"hours": "48:24"})
    store.run("base", ["dispatch"], force=True)
    store.run("base", years=[2025], force=True)
    store.set("base", "commodity.price", 50.0, where="commodity = 'gas'", message="a test")
    store.run("base", at=revision, force=True)
    store.run(f"base@{revision}", force=True)
    assert current(store) == {"investment": 1, "dispatch": 2}


def test_a_first_window_is_shown_until_there_is_a_whole_study(store: Store) -> None:
    store.run("base", options={"hours": "48:24"})
    assert current(store) == {"investment": 1, "dispatch": 2}
    store.run("base")
    assert current(store) == {"investment": 3, "dispatch": 4}


def test_a_chosen_run_is_shown_with_its_chain(solved: Store, cli: Cli) -> None:
    solved.run("base", options={"hours": "48:24"})
    assert cli(solved.db, "run", "use", "4")[0] == 0
    assert current(solved) == {"investment": 3, "dispatch": 4}
    solved.run("base", force=True)
    assert current(solved) == {"investment": 3, "dispatch": 4}
    assert cli(solved.db, "run", "use", "99")[0] == 2


# --- what goes wrong -------------------------------------------------------------------------------------------------
def test_a_failed_run_leaves_its_record_alone(solved: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise DhsdbError("the solver fell over")

    monkeypatch.setattr(dispatch, "solve", broken)
    with pytest.raises(DhsdbError, match="fell over"):
        solved.run("base", force=True)
    assert statuses(solved) == {1: "optimal", 2: "optimal", 3: "optimal", 4: "failed"}
    assert solved.sql("SELECT message FROM runs WHERE run = 4").rows() == [{"message": "the solver fell over"}]
    assert n_rows(solved, 4) == 0
    assert current(solved) == {"investment": 1, "dispatch": 2}
    with pytest.raises(UserError, match="run 4 is failed"):
        solved.use(4)


def test_a_failure_is_not_reused(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(dispatch, "solve", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            store.run("base")
    assert done(store.run("base")) == [("investment", 1, True), ("dispatch", 3, False)]
    assert current(store) == {"investment": 1, "dispatch": 3}


def test_an_infeasible_model_says_so(store: Store, cli: Cli) -> None:
    store.set("base", "process.cap_max", 1.0, message="too little")
    store.set("base", "process.existing_mw", 0.0, message="too little")
    code, said, _ = cli(store.db, "run", "scenario", "base", "--json")
    assert code == 3
    assert "contradict each other" in said
    assert statuses(store) == {1: "infeasible"}
    assert n_rows(store, 1) == 0


def test_a_run_whose_process_was_killed_is_lost_at_the_next_opening(store: Store) -> None:
    signals = Signals()
    with process(run_and_wait, store.db.path, signals) as solving:
        signals.wait_there()
        assert statuses(Store(store.db.path)) == {1: "optimal", 2: "running"}
        solving.kill()
        solving.join()
    fresh = Store(store.db.path)
    assert statuses(fresh) == {1: "optimal", 2: "lost"}
    assert n_rows(fresh, 2) == 0
    assert done(fresh.run("base")) == [("investment", 1, True), ("dispatch", 3, False)]


# --- spooling --------------------------------------------------------------------------------------------------------
def rows_of_all_tables(store: Store) -> dict[str, list[dict[str, Any]]]:
    return {t: store.sql(f"SELECT * FROM result.{t} ORDER BY ALL").rows() for t in RESULT}


def spool(path: Path) -> None:
    """Run the study while a forgotten shell takes the file before the results are written."""
    signals, shell_signals = Signals(), Signals()
    with process(run_and_wait, path, signals, 0.5) as solving:
        signals.wait_there()
        with process(hold_like_a_shell, path, shell_signals):
            shell_signals.wait_there()
            signals.go_on.set()
            assert ended(solving) == 0


def test_results_that_can_not_be_written_wait_beside_the_store(store: Store, solved: Store) -> None:
    spool(store.db.path)
    folder = spool_folder(store.db)
    assert [f.name for f in folder.iterdir()] == ["run-2"]
    assert statuses(store) == {1: "optimal", 2: "running"}
    fresh = Store(store.db.path)
    assert not folder.exists()
    assert statuses(fresh) == {1: "optimal", 2: "optimal"}
    assert current(fresh) == {"investment": 1, "dispatch": 2}
    assert rows_of_all_tables(fresh) == rows_of_all_tables(solved)
    assert done(fresh.run("base")) == [("investment", 1, True), ("dispatch", 2, True)]


def test_spooled_results_are_taken_in_once_when_several_open(store: Store) -> None:
    spool(store.db.path)
    with ExitStack() as stack:
        signals = [Signals() for _ in range(3)]
        opening = [stack.enter_context(process(open_when_told, store.db.path, one)) for one in signals]
        for one in signals:
            one.wait_there()
        for one in signals:
            one.go_on.set()
        assert [ended(one) for one in opening] == [0, 0, 0]
    assert statuses(store) == {1: "optimal", 2: "optimal"}
    assert store.sql("SELECT count(*) AS n FROM by_run.energy WHERE run = 2 GROUP BY ALL").rows() == [
        {"n": len(store.sql("SELECT DISTINCT year, item FROM result.energy WHERE run = 2"))}
    ]


def open_when_told(path: Path, signals: Signals) -> None:
    signals.wait_here()
    Store(path, wait_s=LONG_S)


# --- deleting --------------------------------------------------------------------------------------------------------
def test_a_deleted_run_is_gone_and_the_one_before_is_shown(solved: Store, cli: Cli) -> None:
    solved.run("base", force=True)
    for run in ("3", "4"):
        assert cli(solved.db, "run", "delete", run)[0] == 0
    assert statuses(solved) == {1: "optimal", 2: "optimal"}
    assert n_rows(solved, 3) == n_rows(solved, 4) == 0
    assert current(solved) == {"investment": 1, "dispatch": 2}
    code, _, said = cli(solved.db, "run", "delete", "4")
    assert code == 2
    assert "there is no run 4" in said


def test_a_chain_that_lost_a_run_is_completed_again(solved: Store, cli: Cli) -> None:
    cli(solved.db, "run", "delete", "1")
    assert done(solved.run("base")) == [("investment", 3, False), ("dispatch", 2, True)]
    assert current(solved) == {"investment": 3, "dispatch": 2}


def test_a_run_of_a_deleted_scenario_is_not_shown(store: Store) -> None:
    store.derive("child", "base")
    boiler_run(store.db, "child", 5.0)
    store.delete("child")
    assert not store.sql("SELECT * FROM capacity").rows()
