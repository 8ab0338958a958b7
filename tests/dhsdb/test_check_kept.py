"""Findings where they arise: with an import, before a run, with its results; and what `dhsdb check` says of them later."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pandas as pd
import pytest
import shapely

from dhsdb import edits
from dhsdb.check import check, meanings, run_findings
from dhsdb.errors import CheckError
from dhsdb.importers.pipeline import run_import
from tests.dhsdb.study import add, add_run
from tests.importers.books import book, bring, table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dhsdb.database import Database
    from dhsdb.store import Store

    Cli = Callable[..., tuple[int, str, str]]

COLUMNS = ("site", "process", "existing_mw")
KEPT = "SELECT revision, severity, code, location FROM findings WHERE run IS NULL ORDER BY ALL"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "study.dat"


def kept(db: Database) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in db.sql(KEPT).to_pylist()]


# --- imports ---------------------------------------------------------------------------------------------------------
def test_an_import_says_and_keeps_what_it_makes_wrong(store: Store, file: Path) -> None:
    report = bring(store.db, file, table("process", file, COLUMNS, ("centre", "boilr", 50.0)))
    (told,) = report.findings
    assert (told.severity, told.code, told.location) == ("warning", "process-without-flow", "process, centre / boilr")
    assert str(told) == "process, centre / boilr: it has no row in process_flow, so it does nothing."
    assert kept(store.db) == [(report.revision, "warning", "process-without-flow", "process, centre / boilr")]


def test_errors_about_the_scenario_do_not_stop_an_import_but_a_run(store: Store, file: Path) -> None:
    flow = ("site", "process", "mode", "commodity", "direction", "ratio")
    rows = table("process_flow", file, flow, ("centre", "boilr", "1", "heat", "out", 1.0))
    report = bring(store.db, file, rows)
    assert [(f.severity, f.code) for f in report.findings] == [("error", "unknown-reference")]
    assert "Did you mean 'boiler'?" in report.findings[0].message
    with pytest.raises(CheckError, match=r"1 finding\(s\) stop it:\n  - process_flow.process: 'centre / boilr'"):
        store.run("base")


def test_what_was_wrong_before_is_not_said_again(store: Store, file: Path) -> None:
    bring(store.db, file, table("process", file, COLUMNS, ("centre", "a", 50.0)))
    second = bring(store.db, file, table("process", file, COLUMNS, ("centre", "a", 50.0), ("centre", "b", 60.0)))
    assert [f.location for f in second.findings] == ["process, centre / b"]
    third = bring(store.db, file, table("commodity", file, ("site", "commodity", "price"), ("centre", "oil", 50.0)))
    assert third.findings == ()


def test_what_is_mended_is_history_only(store: Store, file: Path) -> None:
    first = bring(store.db, file, table("process", file, COLUMNS, ("centre", "pump", 5.0)))
    assert [f.code for f in store.check("base")] == ["process-without-flow"], "found once, though kept and found again"
    flow = ("site", "process", "mode", "commodity", "direction", "ratio")
    bring(
        store.db,
        file.with_name("flows"),
        table("process_flow", file.with_name("flows"), flow, ("centre", "pump", "1", "heat", "out", 1.0)),
    )
    assert store.check("base") == []
    assert kept(store.db) == [(first.revision, "warning", "process-without-flow", "process, centre / pump")]
    assert [f.code for f in store.check(f"base@{first.revision}")] == ["process-without-flow"]


def test_what_the_file_itself_says_is_kept_beside_it(store: Store, file: Path) -> None:
    report = bring(
        store.db, file, table("commodity", file, ("site", "commodity", "price", "year"), ("centre", "oil", 50.0, 2040))
    )
    assert [f.code for f in report.findings] == ["year-not-modelled"], "said once"
    assert [row[:3] for row in kept(store.db)] == [(report.revision, "warning", "year-not-modelled")]
    assert [f.location for f in store.check("base")] == ["commodity"]


def test_a_dry_run_says_the_same_and_keeps_nothing(store: Store, file: Path) -> None:
    rows = table("process", file, COLUMNS, ("centre", "boilr", 50.0))
    said = bring(store.db, file, rows, dry_run=True).findings
    assert [f.code for f in said] == ["process-without-flow"]
    assert kept(store.db) == []
    assert bring(store.db, file, rows).findings == said


def test_rows_that_an_import_removes_are_missed(store: Store, file: Path) -> None:
    rows = [("gas store", "gas"), ("tank", "heat")]
    storage = [("centre", name, commodity) for name, commodity in rows]
    bring(store.db, file, table("commodity", file, ("site", "commodity"), ("centre", "oil")))
    other = file.with_name("stores")
    bring(
        store.db,
        other,
        table("storage", other, ("site", "storage", "commodity"), *storage, ("centre", "oil tank", "oil")),
    )
    report = bring(store.db, file, table("commodity", file, ("site", "commodity"), ("centre", "wood")))
    assert report.n_removed == 1
    assert [(f.code, f.location) for f in report.findings] == [("unknown-reference", "storage.commodity")]


def test_new_model_years_concern_all_tables(store: Store, file: Path) -> None:
    add(store.db, "base", "emission", {"site": "centre", "emission": "CO2", "price": 75.0, "year": 2025})
    report = bring(store.db, file, table("model_year", file, ("year",), (2035,)))
    assert [(f.code, f.location) for f in report.findings] == [("missing-year", "emission")]


def test_a_workbook_in_two_parts_is_sound_in_the_end(db: Database, tmp_path: Path) -> None:
    first = book(
        tmp_path / "units.xlsx",
        model_year=[["year"], [2030]],
        site=[["site"], ["c"]],
        process=[["site", "process", "existing_mw"], ["c", "boiler", 50]],
        process_flow=[
            ["site", "process", "mode", "commodity", "direction", "ratio"],
            ["c", "boiler", "1", "gas", "in", 1.1],
            ["c", "boiler", "1", "heat", "out", 1],
        ],
    )
    second = book(
        tmp_path / "demand.xlsx",
        commodity=[["site", "commodity", "bought", "price"], ["c", "gas", True, 35], ["c", "heat", None, None]],
        demand=[["site", "commodity", "timing", "mwh"], ["c", "heat", "year", 100000]],
    )
    report = run_import(db, "excel", [first], scenario="base")
    assert report.changed
    assert [(f.severity, f.code) for f in report.findings] == [("error", "unknown-reference")] * 2
    assert {f.code for f in check(db, "base")} == {"unknown-reference"}
    assert run_import(db, "excel", [second], scenario="base").findings == ()
    assert check(db, "base", stored=True) == []


def test_the_command_line_shows_findings_of_an_import(store: Store, tmp_path: Path, cli: Cli) -> None:
    path = book(tmp_path / "plants.xlsx", process=[["site", "process", "existing_mw"], ["centre", "boilr", 50000]])
    code, out, _ = cli(store.db, "import", "excel", str(path), "--scenario", "base", "--dry-run", "--json")
    said = {
        "severity": "warning",
        "code": "process-without-flow",
        "location": "process, centre / boilr",
        "message": "it has no row in process_flow, so it does nothing.",
    }
    assert (code, json.loads(out)["findings"]) == (0, [said])
    code, out, _ = cli(store.db, "import", "excel", str(path), "--scenario", "base")
    assert code == 0
    assert "process-without-flow" in out


# --- runs ------------------------------------------------------------------------------------------------------------
def test_warnings_are_kept_with_the_run_and_shown_with_it(store: Store, cli: Cli) -> None:
    edits.set_cells(store.db, "base", "process.capital", 60.0, message="per kW, by mistake")
    run = store.run("base")[0].run
    code, out, _ = cli(store.db, "run", "show", str(run), "--json")
    assert code == 0
    assert [(f["severity"], f["code"], f["location"]) for f in json.loads(out)["findings"]] == [
        ("warning", "cost-per-kw", "process, centre / boiler, capital")
    ]
    assert "0.06 EUR/kW is outside" in cli(store.db, "run", "show", str(run))[1]
    code, out, _ = cli(store.db, "sql", "SELECT run, code, message FROM findings", "--format", "csv")
    assert code == 0
    assert f"{run},cost-per-kw" in out
    edits.set_cells(store.db, "base", "process.capital", 60000.0, message="mended")
    assert [f.code for f in store.check("base")] == [], "the run's warning is about inputs that have changed since"


def test_errors_stop_a_run_and_are_listed(store: Store, cli: Cli) -> None:
    add(store.db, "base", "process", {"site": "centre", "process": "boiler", "cap_min": 5.0, "cap_max": 2.0})
    add(store.db, "base", "storage", {"site": "centre", "storage": "tank", "commodity": "het"})
    code, _, said = cli(store.db, "run", "scenario", "base")
    assert code == 2
    assert "2 finding(s) stop it" in said
    assert "process, centre / boiler, 2025: cap_min above cap_max: 5 and 2." in said
    assert "Did you mean 'heat'?" in said
    assert cli(store.db, "run", "list", "--json")[1].strip() == "[]"


CONNECTION = {
    "source": "mall",
    "capacity_kw": 187.0,
    "loss_kw": 236.0,
    "diameter_m": 0.806,
    "cost_per_kw": 95000.0,
    "trench_m": 3600.0,
    "distance_m": 985.0,
}


def test_results_are_looked_at_when_they_are_written(store: Store) -> None:
    run = add_run(store.db, "base", "geo", {"connection": [CONNECTION]})
    with store.db.read() as con:
        found = run_findings(con, run, {"connection"})
        assert [f.code for f in found] == ["loss-above-capacity", "diameter", "trench", "cost-per-kw"]
        assert run_findings(con, run, {"item"}) == []
        noted = {("cost-per-kw", "heat_source mall"), ("diameter", "heat_source other")}
        assert [f.code for f in run_findings(con, run, {"connection"}, noted)] == [
            "loss-above-capacity",
            "diameter",
            "trench",
        ]


def _geo(store: Store, sources: pd.DataFrame) -> tuple[int, pd.DataFrame]:
    """Run stage geo for sources beside a straight network, and return the run and what it noted."""
    line = shapely.LineString([(0, 0), (20000, 0)])
    add(store.db, "base", "network_pipe", {"pipe": "main", "site": "centre", "diameter_m": 0.8, "geometry": line})
    add(
        store.db,
        "base",
        "network_temperature",
        {"site": "centre", "supply_c": 100.0, "return_c": 70.0, "ground_c": 5.0},
    )
    add(store.db, "base", "heat_source", *sources.to_dict("records"))
    run = store.run("base", ["geo"], options={"physics": "emb3rs"})[0]
    return run.run, store.db.sql("SELECT code, location FROM findings WHERE run = ?", [run.run]).to_pandas()


def test_kw_read_as_mw_is_seen_in_the_run(store: Store) -> None:
    """As in the published study of Stockholm: supermarkets of 100 to 190 kW, connected as if they had 100 to 190 MW."""
    capacity = [100.0, 126.0, 187.0, 187.0]
    sources = pd.DataFrame(
        {"heat_source": [f"market {i}" for i in range(4)], "kind": "supermarket", "capacity_mw": capacity,
         "geometry": [shapely.Point(1000 * i, 900) for i in range(4)]}
    )  # fmt: skip
    run, noted = _geo(store, sources)
    assert set(noted.loc[noted["code"] == "capacity-unit", "location"]) >= {
        f"heat_source, market {i}, capacity_mw" for i in range(4)
    }
    assert (
        store.db.sql("SELECT max(diameter_m) AS d FROM by_run.connection WHERE run = ?", [run]).to_pylist()[0]["d"]
        > 0.6
    )


def test_the_right_unit_has_other_findings(store: Store) -> None:
    """With kW as kW the pipes are thin, and what is left is true: a kilometre of trench is much for 100 kW."""
    sources = pd.DataFrame(
        {"heat_source": ["market"], "kind": "supermarket", "capacity_mw": [0.1], "geometry": [shapely.Point(500, 900)]}
    )
    run, noted = _geo(store, sources)
    assert "capacity-unit" not in set(noted["code"])
    assert {"loss-share", "loss-above-capacity"} & set(noted["code"])
    assert (
        store.db.sql("SELECT max(diameter_m) AS d FROM by_run.connection WHERE run = ?", [run]).to_pylist()[0]["d"]
        < 0.1
    )


# --- the command -----------------------------------------------------------------------------------------------------
@pytest.fixture
def spoiled(store: Store) -> Store:
    add(
        store.db,
        "base",
        "process",
        {"site": "centre", "process": "boiler", "cap_min": 5.0, "cap_max": 2.0, "capital": 60.0},
    )
    add(store.db, "base", "process_mode", {"site": "centre", "process": "boiler", "mode": "1", "variable": -1.0})
    return store


def test_the_command_lists_errors_first_and_counts(spoiled: Store, cli: Cli) -> None:
    code, out, _ = cli(spoiled.db, "check", "base")
    assert code == 2
    lines = [line for line in out.splitlines() if " / " in line]
    assert ["error" in lines[0], "limits-crossed" in lines[0], "cost-per-kw" in lines[1], "sign" in lines[-1]] == [
        True
    ] * 4
    assert out.splitlines()[-1] == "1 error, 2 warnings, 1 remark"
    code, out, _ = cli(spoiled.db, "check", "base", "--json")
    assert code == 2
    assert [f["severity"] for f in json.loads(out)] == ["error", "warning", "warning", "info"]
    assert set(json.loads(out)[0]) == {"scenario", "severity", "code", "location", "message"}


def test_the_command_shows_one_severity(spoiled: Store, cli: Cli) -> None:
    code, out, _ = cli(spoiled.db, "check", "base", "--severity", "info", "--json")
    assert (code, [f["code"] for f in json.loads(out)]) == (2, ["sign"])
    code, _, said = cli(spoiled.db, "check", "--severity", "warnin")
    assert code == 2
    assert "Did you mean 'warning'?" in said


def test_the_command_lists_what_it_looks_for(store: Store, cli: Cli) -> None:
    code, out, _ = cli(store.db, "check", "--list", "--json")
    listed = json.loads(out)
    assert code == 0
    assert len(listed) == len(meanings())
    (condensing,) = (m for m in listed if m["code"] == "efficiency-above-1")
    assert condensing["severities"] == "warning"
    assert "condensing" in condensing["text"]


def test_a_sound_scenario_ends_with_0(store: Store, cli: Cli) -> None:
    assert cli(store.db, "check", "base")[:2] == (0, "Nothing found.\n")
    code, _, said = cli(store.db, "check", "bas")
    assert code == 2
    assert "Did you mean 'base'?" in said


def test_a_failed_import_is_shown_until_it_succeeds(store: Store, tmp_path: Path, cli: Cli) -> None:
    path = book(tmp_path / "plants.xlsx", process=[["site", "process", "cap_max"], ["centre", "boiler", -1]])
    assert cli(store.db, "import", "excel", str(path), "--scenario", "base")[0] == 2
    store.derive("other", "base")
    assert [f.code for f in store.check("base")] == ["import-failed"]
    assert store.check("other") == [], "it concerns the scenario itself only"
    book(path, process=[["site", "process", "cap_max"], ["centre", "boiler", 60]])
    assert cli(store.db, "import", "excel", str(path), "--scenario", "base")[0] == 0
    assert store.check("base") == []


def test_errors_of_an_import_are_said_to_stop_a_run(store: Store, tmp_path: Path, cli: Cli) -> None:
    flows = [["site", "process", "mode", "commodity", "direction", "ratio"], ["centre", "boilr", "1", "heat", "out", 1]]
    path = book(tmp_path / "flows.xlsx", process_flow=flows)
    code, out, _ = cli(store.db, "import", "excel", str(path), "--scenario", "base")
    assert code == 0
    assert "1 error(s) don't stop an import but a run; `dhsdb check base` says what is left of them" in out
