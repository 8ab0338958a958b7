"""What a run leaves in the store: reused, chosen, failed, lost, spooled, deleted."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
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


def current_of(store: Store, scenario: str) -> list[dict[str, Any]]:
    return store.sql("SELECT DISTINCT stage, run FROM energy WHERE scenario = ? ORDER BY run", [scenario]).rows()


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


def test_a_choice_is_taken_back(solved: Store, cli: Cli) -> None:
    solved.run("base", options={"hours": "48:24"})
    solved.use(4)
    assert cli(solved.db, "run", "use", "--newest", "base")[0] == 0
    assert current(solved) == {"investment": 1, "dispatch": 2}
    for wrong in ((), ("4", "--newest", "base"), ("--newest", "bas")):
        assert cli(solved.db, "run", "use", *wrong)[0] == 2


def test_a_scenario_that_shares_runs_chooses_among_them(solved: Store, cli: Cli) -> None:
    solved.derive("child", "base")
    solved.run("child")
    solved.run("child", force=True)
    assert cli(solved.db, "run", "use", "2", "--for", "child")[0] == 0
    shown = solved.sql("SELECT DISTINCT run FROM energy WHERE scenario = 'child' ORDER BY run").rows()
    assert shown == [{"run": 1}, {"run": 2}]
    solved.derive("other", "base")
    code, _, told = cli(solved.db, "run", "use", "2", "--for", "other")
    assert code == 2
    assert "'other' has no chain with run 2" in told


def n_chains(store: Store) -> int:
    return int(store.sql("SELECT count(*) AS n FROM meta.chain").rows()[0]["n"])


def test_what_is_asked_again_adds_no_chain(solved: Store) -> None:
    for options in ({}, {"hours": "48:24"}, {"hours": "0:24"}):
        solved.run("base", options=options)
        before = n_chains(solved)
        for _ in range(2):
            assert all(r.reused for r in solved.run("base", options=options))
        assert n_chains(solved) == before
    solved.use(4)
    before = n_chains(solved)
    solved.run("base")
    assert n_chains(solved) == before
    assert current(solved) == {"investment": 3, "dispatch": 4}


def test_results_shown_are_of_one_chain_whatever_came_after(solved: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def chains() -> list[int]:
        """Chains that hold all runs whose rows are shown."""
        runs = list(current(solved).values())
        held = "SELECT chain FROM meta.chain_run WHERE list_contains($runs, run) GROUP BY chain HAVING count(*) = len($runs)"
        return [r["chain"] for r in solved.sql(held, {"runs": runs}).rows()]

    solved.derive("child", "base")
    solved.set("base", "commodity.price", 50.0, where="commodity = 'gas'", message="a test")
    with monkeypatch.context() as patch:
        patch.setattr(dispatch, "solve", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            solved.run("base")
    assert current(solved) == {"investment": 1, "dispatch": 2}
    assert chains()
    solved.run("base", ["dispatch"])
    solved.run("base", options={"hours": "48:24"})
    assert current(solved) == {"investment": 1, "dispatch": 2}
    solved.run("base")
    assert current(solved) == {"investment": 3, "dispatch": 5}
    assert chains()
    solved.run("child")
    solved.rebase("child")
    solved.run("child")
    rows = solved.sql("SELECT DISTINCT scenario, run FROM energy ORDER BY ALL").rows()
    assert [(r["scenario"], r["run"]) for r in rows] == [("base", 3), ("base", 5), ("child", 3), ("child", 5)]
    solved.run("base", force=True)
    rows = solved.sql("SELECT DISTINCT scenario, run FROM energy ORDER BY ALL").rows()
    assert [(r["scenario"], r["run"]) for r in rows][2:] == [("child", 3), ("child", 5)]


# --- what a stage builds on ------------------------------------------------------------------------------------------
def parents(store: Store, run: int) -> list[int]:
    return [p["run"] for p in store.provenance(run)["parents"]]


def test_a_stage_alone_builds_on_the_run_of_the_same_inputs_not_on_an_old_one(solved: Store) -> None:
    solved.set("base", "commodity.price", 50.0, where="commodity = 'gas'", message="a test")
    (investment,) = solved.run("base", ["investment"])
    (run,) = solved.run("base", ["dispatch"])
    assert (investment.run, parents(solved, run.run)) == (3, [3])


def test_a_stage_that_has_only_an_old_run_to_build_on_says_so(solved: Store) -> None:
    solved.set("base", "commodity.price", 50.0, where="commodity = 'gas'", message="a test")
    (run,) = solved.run("base", ["dispatch"])
    facts = solved.provenance(run.run)
    assert [p["run"] for p in facts["parents"]] == [1]
    assert ("info", "other-parent", "run 1") in [(f["severity"], f["code"], f["location"]) for f in facts["findings"]]


def test_the_runs_to_build_on_can_be_named(solved: Store, cli: Cli) -> None:
    solved.run("base", force=True)
    assert cli(solved.db, "run", "scenario", "base", "--stage", "dispatch", "--on", "1", "--force")[0] == 0
    assert cli(solved.db, "run", "scenario", "base", "--stage", "dispatch", "--on", "none")[0] == 0
    assert (parents(solved, 4), parents(solved, 5), parents(solved, 6)) == ([3], [1], [])
    assert current(solved) == {"investment": 3, "dispatch": 4}
    for wrong in ("99", "x"):
        assert cli(solved.db, "run", "scenario", "base", "--on", wrong)[0] == 2


# --- provenance ------------------------------------------------------------------------------------------------------
def test_a_run_tells_where_it_comes_from(solved: Store, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DHSDB_AUTHOR", "Ada")
    edit = solved.set("base", "commodity.price", 50.0, where="commodity = 'gas'", message="gas got dearer")
    solved.derive("child", "base")
    solved.run("base")
    code, said, _ = cli(solved.db, "run", "show", "4", "--json")
    assert code == 0
    facts = json.loads(said)
    change = facts["revision_of"]
    assert (change["revision"], change["author"], change["message"]) == (edit.revision, "Ada", "gas got dearer")
    assert [(p["run"], p["stage"]) for p in facts["parents"]] == [(3, "investment")]
    assert facts["packages"]["highspy"] == facts["solver_version"] or facts["packages"]["highspy"]
    assert (facts["options"], facts["given"]) == ({"hours": "0:24"}, {"options": {}, "years": []})
    assert (facts["stale"], facts["current"]) == (False, ["base"])
    assert "commodity" in facts["reads"]
    shown = cli(solved.db, "run", "show", "4")[1]
    for text in (facts["fingerprint"], "set by Ada, gas got dearer", "run 3 (investment)", "duckdb=", facts["repeat"]):
        assert text in shown


def repeated(store: Store, run: int) -> dict[str, Any]:
    """Type the command that a run tells in a second process, and return the newest run."""
    command = shlex.split(store.provenance(run)["repeat"])
    assert command[0] == "dhsdb"
    done = subprocess.run([sys.executable, "-m", "dhsdb", *command[1:]], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    newest = max(statuses(store))
    assert newest > run
    return store.provenance(newest)


def test_the_command_of_a_run_repeats_it(solved_store: Path, tmp_path: Path) -> None:
    path = tmp_path / "a city's store.duckdb"
    shutil.copy(solved_store, path)
    store = Store(path, wait_s=20)
    store.derive("two words", "base")
    store.set("two words", "commodity.price", 50.0, where="commodity = 'gas'", message="a test")
    done = store.run("two words", years=[2025], options={"hours": "24:48"})
    store.set("two words", "commodity.price", 70.0, where="commodity = 'gas'", message="later")
    store.run("two words")
    shown = current_of(store, "two words")
    for run in [r.run for r in done] + [2]:
        before, after = store.provenance(run), repeated(store, run)
        for fact in ("scenario", "revision", "stage", "objective", "fingerprint", "years", "options"):
            assert after[fact] == before[fact]
    assert current_of(store, "two words") == shown
    assert "--on" in store.provenance(done[1].run)["repeat"]
    assert "--year" not in store.provenance(2)["repeat"]


def test_a_run_whose_parent_is_gone_is_repeated_with_all_stages(solved: Store, cli: Cli) -> None:
    before = solved.provenance(2)
    cli(solved.db, "run", "delete", "1")
    assert solved.provenance(2)["parents"][0]["run"] is None
    assert "a deleted run" in cli(solved.db, "run", "show", "2")[1]
    after = repeated(solved, 2)
    assert (after["objective"], after["fingerprint"]) == (before["objective"], before["fingerprint"])


def test_a_run_of_a_deleted_scenario_has_no_command(store: Store) -> None:
    store.derive("child", "base")
    run = boiler_run(store.db, "child", 5.0)
    store.delete("child")
    assert store.provenance(run)["repeat"] is None


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


def test_what_a_killed_process_left_half_put_aside_is_swept(store: Store) -> None:
    boiler_run(store.db, "base", 5.0, status="lost")
    folder = spool_folder(store.db)
    for name in ("unfinished-1", "unfinished-99"):
        (folder / name).mkdir(parents=True)
        (folder / name / "energy.parquet").write_bytes(b"half")
    Store(store.db.path)
    assert not folder.exists()


def test_what_a_living_process_puts_aside_is_left_alone(store: Store) -> None:
    signals = Signals()
    with process(run_and_wait, store.db.path, signals) as solving:
        signals.wait_there()
        (spool_folder(store.db) / "unfinished-2").mkdir(parents=True)
        Store(store.db.path)
        assert (spool_folder(store.db) / "unfinished-2").is_dir()
        solving.kill()
        solving.join()
    Store(store.db.path)
    assert not spool_folder(store.db).exists()


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


@pytest.mark.parametrize("run", ["3", "4"])
def test_deleting_a_run_of_a_chosen_chain_ends_the_choice(solved: Store, cli: Cli, run: str) -> None:
    solved.run("base", options={"hours": "48:24"})
    solved.use(4)
    said = cli(solved.db, "run", "delete", run)[1]
    assert "the newest whole study speaks for base again" in said
    assert current(solved) == {"investment": 1, "dispatch": 2}
    solved.run("base", options={"hours": "72:24"})
    assert current(solved) == {"investment": 1, "dispatch": 2}
    assert solved.sql("SELECT chosen_chain FROM meta.scenario WHERE name = 'base'").rows() == [{"chosen_chain": None}]


def test_a_chain_without_one_of_its_runs_does_not_speak_while_there_is_a_whole_one(solved: Store, cli: Cli) -> None:
    solved.run("base", force=True)
    cli(solved.db, "run", "delete", "4")
    assert current(solved) == {"investment": 1, "dispatch": 2}


def test_a_chain_that_lost_a_run_is_completed_again(solved: Store, cli: Cli) -> None:
    cli(solved.db, "run", "delete", "1")
    assert done(solved.run("base")) == [("investment", 3, False), ("dispatch", 2, True)]
    assert current(solved) == {"investment": 3, "dispatch": 2}


def test_a_run_of_a_deleted_scenario_is_not_shown(store: Store) -> None:
    store.derive("child", "base")
    boiler_run(store.db, "child", 5.0)
    store.delete("child")
    assert not store.sql("SELECT * FROM capacity").rows()


def test_the_number_of_a_deleted_run_is_not_given_again(solved: Store, cli: Cli) -> None:
    solved.run("base", force=True)
    before = solved.sql("SELECT max(chain) AS n FROM meta.chain").rows()[0]["n"]
    for run in ("3", "4"):
        assert cli(solved.db, "run", "delete", run)[0] == 0
    assert [r.run for r in solved.run("base", force=True)] == [5, 6]
    assert solved.sql("SELECT max(chain) AS n FROM meta.chain").rows()[0]["n"] > before
