from __future__ import annotations

import csv
import io
import json
import shutil
import uuid
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dhsdb import composition, diff_render, edits, scenarios
from dhsdb.database import Database
from dhsdb.diff import Diff, compare, diff
from dhsdb.errors import UnknownNameError, UserError
from dhsdb.schema.catalog import input_table
from dhsdb.stacks import NEVER, Level, Range, ranges
from tests.dhsdb.study import YEARS, HeldOpen, add, add_profile, add_run, boiler_run, build

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def built(empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("built") / "study.duckdb"
    shutil.copy(empty_store, path)
    db = Database(path)
    build(db)
    scenarios.derive(db, "other", "base")
    return path


@pytest.fixture
def study(built: Path, tmp_path: Path) -> Database:
    path = tmp_path / "city.duckdb"
    shutil.copy(built, path)
    return Database(path, wait_s=20)


def inputs(db: Database, a: str = "base", b: str = "other", **options: Any) -> Diff:
    return diff(db, a, b, results=False, **options)


def lines(found: Diff, *columns: str) -> list[tuple[Any, ...]]:
    names = columns or ("key", "year", "column", "change", "old", "new")
    return [tuple(row[n] for n in names) for row in found.changes.rows()]


# --- inputs ----------------------------------------------------------------------------------------------------------
def test_a_scenario_equals_itself_and_its_fresh_child(study: Database) -> None:
    for a, b in (("base", "base"), ("base", "other"), ("other", "base@3")):
        found = inputs(study, a, b, tables=["process"] if "@" in b else None)
        assert bool(found) is ("@" in b)
    assert inputs(study).headline == "no difference"
    assert inputs(study).summary == ()


def test_a_cell_set_for_all_years_is_one_line(study: Database) -> None:
    edits.set_cells(study, "other", "commodity.price", 42.0, where="commodity = 'gas'", message="dearer")
    (row,) = inputs(study).changes.rows()
    assert row == {
        "area": "inputs", "table": "commodity", "key": "centre / gas", "year": None, "column": "price", "change": "changed",
        "old": "35.0", "new": "42.0", "old_value": 35.0, "new_value": 42.0, "absolute": 7.0, "relative": pytest.approx(0.2),
        "unit": "money/MWh", "keys": ["centre", "gas"],
    }  # fmt: skip


def test_a_cell_set_for_one_year_is_a_line_of_that_year(study: Database) -> None:
    edits.set_cells(study, "other", "commodity.price", 42.0, where="commodity = 'gas'", year=2035, message="dearer")
    assert lines(inputs(study)) == [("centre / gas", 2035, "price", "changed", "35.0", "42.0")]


def test_years_that_change_differently_are_lines_of_their_own(study: Database) -> None:
    edits.set_cells(study, "base", "commodity.price", 50.0, where="commodity = 'gas'", year=2045, message="dearer late")
    scenarios.derive(study, "double", "base")
    edits.set_cells(study, "double", "commodity.price", "price * 2", where="commodity = 'gas'", message="twice")
    assert lines(inputs(study, "base", "double"), "year", "old", "new") == [
        (2025, "35.0", "70.0"), (2035, "35.0", "70.0"), (2045, "50.0", "100.0"),
    ]  # fmt: skip


def test_text_flags_and_null_are_compared(study: Database) -> None:
    edits.set_cells(study, "other", "commodity.balance", "surplus", where="commodity = 'heat'", message="free disposal")
    edits.set_cells(study, "other", "commodity.bought", None, where="commodity = 'gas'", message="off")
    assert lines(inputs(study), "column", "old", "new", "old_value", "absolute") == [
        ("bought", "true", None, None, None), ("balance", "equal", "surplus", None, None),
    ]  # fmt: skip


def test_rows_added_and_removed(study: Database) -> None:
    add(study, "other", "process", {"site": "centre", "process": "heat pump", "cap_max": 20.0, "capital": 700000.0})
    edits.remove_rows(study, "other", "process_flow", where="commodity = 'gas'", message="no gas")
    found = inputs(study)
    assert lines(found) == [
        ("centre / heat pump", None, "cap_max", "added", None, "20.0"),
        ("centre / heat pump", None, "capital", "added", None, "700000.0"),
        ("centre / boiler / 1 / gas / in", None, "ratio", "removed", "1.1", None),
    ]
    assert [(s.table, s.cells, s.added, s.removed) for s in found.summary] == [
        ("process", 0, 1, 0), ("process_flow", 0, 0, 1),
    ]  # fmt: skip
    assert found.headline == "inputs: 1 row added, 1 row removed in 2 tables"


def test_a_row_without_any_value_is_not_lost(study: Database) -> None:
    add(study, "other", "site", {"site": "harbour", "title": None})
    assert lines(inputs(study)) == [("harbour", None, None, "added", None, None)]


def test_a_row_whose_cells_vary_by_year_is_added_by_year(study: Database) -> None:
    rows = [
        {"site": "centre", "commodity": "wood", "bought": True, "price": 20.0 + i, "year": y}
        for i, y in enumerate(YEARS)
    ]
    add(study, "other", "commodity", *rows)
    found = inputs(study)
    assert {row["year"] for row in found.changes.rows()} == set(YEARS)
    assert found.summary[0].added == 3


def test_a_model_year_more_is_one_row_and_not_a_change_of_every_other(study: Database) -> None:
    add(study, "other", "model_year", {"year": 2055, "stands_for": 10.0})
    edits.set_cells(study, "other", "commodity.price", 42.0, where="commodity = 'gas'", message="dearer")
    assert lines(inputs(study), "table", "key", "year", "column", "change") == [
        ("model_year", "", 2055, "stands_for", "added"), ("commodity", "centre / gas", None, "price", "changed"),
    ]  # fmt: skip


def test_a_year_less_brings_no_rows_into_it(study: Database) -> None:
    scenarios.derive(study, "longer", "base")
    edits.remove_rows(study, "longer", "commodity", where="commodity = 'gas'", message="no gas")
    add(study, "longer", "model_year", {"year": 2055, "stands_for": None})
    edits.remove_rows(study, "other", "commodity", where="commodity = 'gas' AND year = 2025", message="none yet")
    found = inputs(study, "longer", "other", tables=["commodity"])
    assert {row["year"] for row in found.changes.rows()} == {2035, 2045}


def test_revisions_of_one_scenario(study: Database) -> None:
    before = edits.set_cells(study, "base", "commodity.price", 40.0, where="commodity = 'gas'", message="a").revision
    edits.set_cells(study, "base", "commodity.price", 45.0, where="commodity = 'gas'", message="b")
    assert lines(inputs(study, f"base@{before}", "base"), "old", "new") == [("40.0", "45.0")]
    assert lines(inputs(study, "base", f"base@{before}"), "old", "new") == [("45.0", "40.0")]
    assert lines(inputs(study, "base", "other"), "old", "new") == [("45.0", "35.0")], "the child's base is pinned"


def test_composed_scenarios_differ_by_the_layers_that_they_do_not_share(study: Database) -> None:
    scenarios.derive(study, "cheap", "base")
    edits.set_cells(study, "other", "commodity.price", 60.0, where="commodity = 'gas'", message="dear")
    edits.set_cells(study, "cheap", "process.capital", 1000.0, message="cheap")
    composition.compose(study, "both", "base", ["other", "cheap"])
    assert lines(inputs(study, "other", "both"), "column", "new") == [("capital", "1000.0")]
    assert lines(inputs(study, "cheap", "both"), "column", "new") == [("price", "60.0")]


def test_only_the_tables_asked_for(study: Database) -> None:
    edits.set_cells(study, "other", "commodity.price", 42.0, message="a")
    edits.set_cells(study, "other", "process.life", 30.0, message="b")
    assert {row[0] for row in lines(inputs(study, tables=["process"]), "table")} == {"process"}
    with pytest.raises(UnknownNameError, match="Did you mean 'process'"):
        inputs(study, tables=["proces"])


def test_names_that_do_not_exist(study: Database) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'other'"):
        inputs(study, "base", "othr")
    with pytest.raises(UnknownNameError, match="unknown run '99'"):
        inputs(study, "run:99", "base")


def test_an_import_that_is_not_committed_can_be_compared(study: Database) -> None:
    class Enough(Exception):  # noqa: N818
        pass

    with pytest.raises(Enough), study.write("a dry run") as writer:
        revision = scenarios.add_revision(writer, 2, "import", "dry run")
        writer.con.execute(
            "INSERT INTO layer.site (layer, origin, rev_from, removed, site) VALUES (2, $1, $1, FALSE, 'harbour')",
            [revision],
        )
        assert lines(compare(writer.con, "base", "other", results=False), "table", "key") == [("site", "harbour")]
        raise Enough
    assert not inputs(study)


# --- which keys can differ -------------------------------------------------------------------------------------------
def _stack(*layers: tuple[int, int]) -> list[Level]:
    return [Level(rank, layer, pin, rank) for rank, (layer, pin) in enumerate(layers)]


def test_layers_shared_at_the_same_pin_are_left_out() -> None:
    assert ranges(_stack((1, 5), (2, 9)), _stack((1, 5), (3, 9))) == [Range(2, NEVER, 9), Range(3, NEVER, 9)]


def test_layers_shared_at_other_pins_count_with_what_changed_between() -> None:
    assert ranges(_stack((1, 5)), _stack((1, 8))) == [Range(1, 5, 8)]


def test_layers_in_another_order_count_as_a_whole() -> None:
    found = ranges(_stack((1, 5), (2, 9), (3, 9)), _stack((1, 5), (3, 9), (2, 9)))
    assert {r.layer for r in found} in ({2}, {3})
    assert all(r.low == NEVER for r in found)


def test_untouched_keys_are_not_resolved(study: Database) -> None:
    edits.set_cells(study, "other", "commodity.price", 42.0, where="commodity = 'gas'", message="a")
    with study.read() as con:
        assert compare(con, "base", "other", results=False)
        assert con.execute("SELECT site, commodity FROM diff_touched").fetchall() == [("centre", "gas")]
        assert con.execute("SELECT count(*) FROM duckdb_columns() WHERE table_name = 'diff_joined'").fetchone() == (7,)


# --- profiles and geometries -----------------------------------------------------------------------------------------
def test_profiles_are_compared_by_figures(study: Database) -> None:
    values = np.full(8760, 2.0)
    add_profile(study, "base", "load", values, "power", "MW")
    scenarios.derive(study, "changed", "base")
    values[:100] = 5.0
    add_profile(study, "changed", "load", values, "power", "MW")
    found = inputs(study, "base", "changed")
    (row,) = found.profiles.rows()
    assert (row["key"], row["change"], row["unit"]) == ("load", "changed", "MWh")
    assert (row["old_sum"], row["new_sum"]) == (17520.0, 17820.0)
    assert (row["old_peak"], row["new_peak"], row["hours_changed"]) == (2.0, 5.0, 100.0)
    assert row["correlation"] is None, "a constant correlates with nothing"
    ((old, new, gained),) = lines(found, "old_value", "new_value", "absolute")
    assert (old, new, gained) == (17520.0, 17820.0, 300.0)


def test_profiles_of_different_length(study: Database) -> None:
    add_profile(study, "base", "shape", np.arange(24.0), "factor")
    scenarios.derive(study, "longer", "base")
    add_profile(study, "longer", "shape", np.arange(48.0), "factor")
    (row,) = inputs(study, "base", "longer").profiles.rows()
    assert (row["old_steps"], row["new_steps"], row["hours_changed"]) == (24, 48, 24.0)
    assert row["correlation"] == pytest.approx(1.0)


def test_no_value_is_read_of_profiles_with_equal_hashes(study: Database) -> None:
    edits.set_cells(study, "other", "commodity.price", 42.0, message="a")
    with study.write("a test") as writer:
        writer.con.execute("ALTER TABLE meta.series_value RENAME TO unreachable")
    assert inputs(study).profiles.rows() == []


def test_profiles_imported_twice_share_their_values_and_none_is_read(study: Database) -> None:
    values = np.random.default_rng(1).random(8760)
    for scenario in ("left", "right"):
        scenarios.new(study, scenario)
        for i in range(20):
            add_profile(study, scenario, f"p{i}", values * (i + 1), "factor")
    with study.write("a test") as writer:
        held = writer.con.execute("SELECT count(*) FROM meta.series WHERE kind = 'factor'").fetchone()
        writer.con.execute("DROP TABLE meta.series_value")
    assert held == (20,)
    found = inputs(study, "left", "right")
    assert not found
    assert len(found.profiles) == 0


def test_geometries_are_compared_by_size_and_distance(study: Database) -> None:
    line = shapely.LineString([(0, 0), (100, 0)])
    add(study, "base", "network_pipe", {"pipe": "p1", "geometry": line}, {"pipe": "p2", "geometry": line})
    scenarios.derive(study, "moved", "base")
    add(study, "moved", "network_pipe", {"pipe": "p1", "geometry": shapely.LineString([(0, 3), (50, 3)])})
    add(study, "moved", "heat_source", {"heat_source": "mall", "geometry": shapely.Point(1, 2)})
    found = inputs(study, "base", "moved")
    pipe = next(row for row in found.geometries.rows() if row["table"] == "network_pipe")
    assert (pipe["key"], pipe["change"], pipe["old_length"], pipe["new_length"]) == ("p1", "changed", 100.0, 50.0)
    assert pipe["moved_m"] == pytest.approx(np.hypot(25, 3))
    assert pipe["hausdorff_m"] == pytest.approx(np.hypot(50, 3))
    assert shapely.from_wkb(pipe["old_wkb"]) == line
    texts = {row["key"]: (row["old"], row["new"], row["absolute"], row["unit"]) for row in found.changes.rows()}
    assert texts == {
        "p1": ("LineString, 100.0 m", "LineString, 50.0 m", -50.0, "m"),
        "mall": (None, "Point", None, ""),
    }


def test_equal_geometries_written_again_do_not_differ(study: Database) -> None:
    row = {"heat_source": "mall", "capacity_mw": 1.0, "geometry": shapely.Point(1, 2)}
    add(study, "base", "heat_source", row)
    scenarios.derive(study, "same", "base")
    add(study, "same", "heat_source", row)
    assert not inputs(study, "base", "same")


def test_degrees_are_measured_in_metres(study: Database) -> None:
    with study.write("a test") as writer:
        writer.con.execute("UPDATE meta.scenario SET epsg = 4326 WHERE name = 'base'")
    add(study, "base", "street", {"street": "s", "geometry": shapely.LineString([(24.9, 60.17), (24.9, 60.18)])})
    scenarios.derive(study, "longer", "base")
    add(study, "longer", "street", {"street": "s", "geometry": shapely.LineString([(24.9, 60.17), (24.9, 60.19)])})
    (row,) = inputs(study, "base", "longer").geometries.rows()
    assert row["old_length"] == pytest.approx(1114, rel=0.01)
    assert row["new_length"] == pytest.approx(2228, rel=0.01)


# --- results ---------------------------------------------------------------------------------------------------------
def test_results_are_compared_by_stage_site_technology_and_year(study: Database) -> None:
    boiler_run(study, "base", 50.0)
    boiler_run(study, "other", 40.0, objective=2.0)
    found = diff(study, "base", "other", inputs=False)
    assert lines(found, "table", "key", "year", "column", "old_value", "new_value", "unit") == [
        ("run", "dispatch", None, "objective", 1.0, 2.0, "money"),
        ("capacity", "dispatch / centre / boiler / heat / MW", 2025, "capacity", 50.0, 40.0, ""),
        ("energy", "dispatch / centre / boiler / heat / out", 2025, "full_load_hours", 20.0, 25.0, "hour"),
    ]
    assert found.warnings == ()


def test_results_within_the_tolerance_are_equal(study: Database) -> None:
    boiler_run(study, "base", 50.0)
    boiler_run(study, "other", 50.0 * (1 + 1e-12))
    assert not diff(study, "base", "other", inputs=False)
    assert diff(study, "base", "other", inputs=False, rel_tol=0, abs_tol=0)


def test_a_side_without_results_is_named(study: Database) -> None:
    boiler_run(study, "base", 50.0)
    found = diff(study, "base", "other", inputs=False)
    assert not found
    assert [w.split(";")[0] for w in found.warnings] == ["'other' has no results"]


def test_a_stage_that_one_side_lacks_is_named_and_left_out(study: Database) -> None:
    boiler_run(study, "base", 50.0)
    add_run(study, "other", "geo", {})
    found = diff(study, "base", "other", inputs=False)
    assert not found
    assert any("no results of stage geo" in w for w in found.warnings)


def test_old_results_and_later_failures_are_named(study: Database) -> None:
    boiler_run(study, "base", 50.0)
    boiler_run(study, "other", 50.0)
    edits.set_cells(study, "other", "process.life", 30.0, message="longer")
    add_run(study, "other", "investment", {}, status="infeasible", objective=None)
    warnings = diff(study, "base", "other", inputs=False).warnings
    assert any("have changed since: 1 cell changed in process." in w for w in warnings)
    assert any("came later and ended as infeasible" in w for w in warnings)


def test_a_scenario_that_became_infeasible_shows_it(study: Database) -> None:
    boiler_run(study, "base", 50.0)
    boiler_run(study, "other", 50.0)
    add_run(study, "other", "dispatch", {}, status="infeasible", objective=None)
    expected = [("run", "status", "optimal", "infeasible"), ("run", "objective", "1.0", None)]
    assert lines(diff(study, "base", "other", inputs=False), "table", "column", "old", "new") == expected
    boiler_run(study, "other", 50.0)
    assert not diff(study, "base", "other", inputs=False), "solved again since"
    scenarios.derive(study, "never", "base")
    run = add_run(study, "never", "dispatch", {}, status="infeasible", objective=None)
    found = diff(study, "base", "never", inputs=False)
    assert lines(found, "table", "column", "old", "new") == expected
    assert "'never' has no results" in found.warnings[0]
    assert lines(diff(study, "run:1", f"run:{run}", inputs=False, tables=["run"]), "column", "new") == [
        ("status", "infeasible"), ("objective", None),
    ]  # fmt: skip


def test_a_revision_shows_the_results_that_spoke_for_it_then(study: Database) -> None:
    boiler_run(study, "base", 50.0)
    with study.read() as con:
        (then,) = con.execute("SELECT max(revision) FROM meta.revision").fetchone() or (0,)
    edits.set_cells(study, "base", "process.life", 30.0, message="longer")
    boiler_run(study, "base", 60.0)
    found = diff(study, f"base@{then}", "base", tables=["capacity"])
    assert lines(found, "old_value", "new_value") == [(50.0, 60.0)]


def test_runs_are_compared_by_number(study: Database) -> None:
    a, b = boiler_run(study, "base", 50.0), boiler_run(study, "base", 55.0)
    for names in ((f"run:{a}", f"run:{b}"), (str(a), str(b))):
        found = diff(study, *names, tables=["capacity"])
        assert lines(found, "old_value", "new_value") == [(50.0, 55.0)]
        assert found.a.startswith(f"run {a} of base@")


def test_runs_of_two_stages_are_compared_with_each_other(study: Database) -> None:
    row = {"item": 1, "year": 2025}
    item = {"item": 1, "site": "centre", "technology": "boiler", "commodity": "heat", "direction": "out"}
    a = add_run(study, "base", "investment", {"item": [item], "energy": [row | {"mwh": 10.0}]})
    b = add_run(study, "base", "dispatch", {"item": [item], "energy": [row | {"mwh": 9.0}]})
    found = diff(study, f"run:{a}", f"run:{b}", tables=["energy"])
    assert lines(found, "key", "absolute") == [("investment | dispatch / centre / boiler / heat / out", -1.0)]


def test_the_inputs_of_runs_are_those_they_read(study: Database) -> None:
    a = boiler_run(study, "base", 50.0)
    edits.set_cells(study, "base", "process.life", 30.0, message="longer")
    b = boiler_run(study, "base", 50.0)
    edits.set_cells(study, "base", "process.life", 40.0, message="longer still")
    assert lines(inputs(study, f"run:{a}", f"run:{b}"), "column", "new") == [("life", "30.0")]


# --- money -----------------------------------------------------------------------------------------------------------
def _in_money(db: Database, scenario: str, currency: str, price_year: int) -> None:
    add(
        db,
        scenario,
        "model_option",
        {"option": "currency", "value": currency},
        {"option": "price_year", "value": str(price_year)},
    )


RATES = "INSERT INTO meta.currency VALUES ('SEK', 2020, 10.5, 100, NULL), ('SEK', 2024, 11, 121, NULL)"
FACTOR = 1.21 / 11  # from SEK of 2020 to EUR of 2024: up by the Swedish price level, then by the rate of 2024


@pytest.fixture
def abroad(study: Database) -> Database:
    """The study with ``base`` in EUR of 2024 and ``other`` in SEK of 2020."""
    _in_money(study, "base", "EUR", 2024)
    scenarios.delete(study, "other")
    scenarios.derive(study, "other", "base")
    _in_money(study, "other", "SEK", 2020)
    return study


@pytest.fixture
def rated(abroad: Database) -> Database:
    with abroad.write("a test") as writer:
        writer.con.execute(RATES)
    return abroad


def test_money_is_converted_by_rate_and_price_level(abroad: Database) -> None:
    boiler_run(abroad, "base", 50.0)
    boiler_run(abroad, "other", 50.0)
    with pytest.raises(UserError, match="price level of SEK in 2024"):
        diff(abroad, "base", "other")
    with abroad.write("a test") as writer:
        writer.con.execute(RATES)
    found = diff(abroad, "base", "other", inputs=False, tables=["cost"])
    assert lines(found, "column", "new", "new_value") == [
        ("value", "35000.0", pytest.approx(35000 * FACTOR)),
        ("discounted", "30000.0", pytest.approx(30000 * FACTOR)),
    ]


def test_a_comparison_of_amounts_without_a_rate_is_refused_by_name(abroad: Database) -> None:
    with pytest.raises(UserError) as refused:
        inputs(abroad)
    assert refused.value.message == (
        "'base' is in EUR of 2024, 'other' in SEK of 2020: there is no price level of SEK in 2024,"
        " there is no price level of SEK in 2020, there is no rate of SEK in 2024."
    )
    assert "`dhsdb money set SEK 2024 --price-level ... --per-eur ... --source ...`" in refused.value.hint
    assert "`dhsdb money set SEK 2020 --price-level ... --source ...`" in refused.value.hint
    assert inputs(abroad, tables=["model_option", "process_flow"]), "no amount is compared"


def test_amounts_can_be_compared_as_given(abroad: Database) -> None:
    boiler_run(abroad, "base", 50.0)
    boiler_run(abroad, "other", 50.0)
    found = diff(abroad, "base", "other", as_given=True)
    assert {row["table"] for row in found.changes.rows()} == {"model_option"}
    assert found.warnings == ("'base' is in EUR of 2024, 'other' in SEK of 2020: amounts are compared as given.",)


def test_inputs_in_other_money_are_compared_by_value(rated: Database) -> None:
    edits.set_cells(rated, "other", "process.capital", 60000 / FACTOR, message="the same amount")
    edits.set_cells(rated, "other", "process.life", 30.0, message="longer")
    assert lines(
        inputs(rated, tables=["commodity", "process"]),
        "table",
        "column",
        "old",
        "new",
        "old_value",
        "new_value",
        "unit",
    ) == [
        ("commodity", "price", "35.0", "35.0", 35.0, pytest.approx(35 * FACTOR), "money/MWh"),
        ("process", "life", "25.0", "30.0", 25.0, 30.0, "year"),
    ]


def test_prices_by_hour_are_compared_by_value(rated: Database) -> None:
    prices = np.array([10.0, 20.0, 60.0])
    for name, values in (("same figures", prices), ("same amounts", prices), ("dearer", prices)):
        add_profile(rated, "base", name, values, "price", "money/MWh")
    add_profile(rated, "base", "shape", prices, "factor")
    scenarios.derive(rated, "swedish", "base")
    _in_money(rated, "swedish", "SEK", 2020)
    add_profile(rated, "swedish", "same amounts", prices / FACTOR, "price", "money/MWh")
    add_profile(rated, "swedish", "dearer", np.array([10.0, 20.0, 90.0]) / FACTOR, "price", "money/MWh")
    found = inputs(rated, "base", "swedish", tables=["profile"])
    figures = {row["key"]: row for row in found.profiles.rows()}
    assert set(figures) == {"same figures", "dearer"} == {row["key"] for row in found.changes.rows()}
    assert (figures["dearer"]["old_sum"], figures["dearer"]["new_sum"]) == (90.0, pytest.approx(120.0))
    assert (figures["dearer"]["new_peak"], figures["dearer"]["hours_changed"]) == (pytest.approx(90.0), 1.0)
    assert figures["same figures"]["new_sum"] == pytest.approx(90 * FACTOR)
    assert figures["same figures"]["hours_changed"] == 3.0
    assert figures["same figures"]["correlation"] == pytest.approx(1.0)


def test_a_price_series_without_a_rate_is_refused(abroad: Database) -> None:
    assert not inputs(abroad, tables=["profile"])
    add_profile(abroad, "other", "spot", np.array([10.0, 20.0]), "price", "money/MWh")
    with pytest.raises(UserError, match="no rate of SEK in 2024"):
        inputs(abroad, tables=["profile"])


def test_a_limit_is_money_only_where_it_limits_cost(rated: Database) -> None:
    for name, quantity in (("budget", "cost"), ("CO2", "emission")):
        add(rated, "base", "limit", {"limit": name, "value": 100.0, "quantity": quantity})
    scenarios.derive(rated, "swedish", "base")
    _in_money(rated, "swedish", "SEK", 2020)
    found = inputs(rated, "base", "swedish", tables=["limit"])
    assert lines(found, "key", "new_value") == [("budget", pytest.approx(100 * FACTOR))]


def test_a_side_that_does_not_say_its_money_is_compared_as_given(study: Database) -> None:
    _in_money(study, "other", "SEK", 2020)
    edits.set_cells(study, "other", "commodity.price", 42.0, where="commodity = 'gas'", message="dearer")
    found = inputs(study, tables=["commodity"])
    assert lines(found, "old_value", "new_value") == [(35.0, 42.0)]
    assert found.warnings == (
        "'base' is in money that it does not name, 'other' in SEK of 2020: amounts are compared as given.",
    )


def test_two_currencies_without_price_years_are_no_money_that_can_be_compared(study: Database) -> None:
    add(study, "base", "model_option", {"option": "currency", "value": "EUR"})
    add(study, "other", "model_option", {"option": "currency", "value": "SEK"})
    with pytest.raises(UserError, match="SEK of an unknown year can't be compared") as refused:
        inputs(study)
    assert "model options currency and price_year" in refused.value.hint


def test_results_are_in_the_money_that_their_run_read(rated: Database) -> None:
    boiler_run(rated, "base", 50.0)
    boiler_run(rated, "other", 50.0)
    _in_money(rated, "other", "EUR", 2024)
    assert lines(diff(rated, "base", "other", inputs=False, tables=["cost"]), "new_value")[0] == (
        pytest.approx(3850.0),
    )


def test_the_objective_is_money_only_where_cost_is_minimised(rated: Database) -> None:
    numbers = [boiler_run(rated, s, 50.0, objective=o) for s, o in (("base", 100.0), ("other", 1000.0))]
    found = diff(rated, "base", "other", inputs=False, tables=["run"])
    assert lines(found, "column", "new_value", "unit") == [("objective", pytest.approx(110.0), "money")]
    with rated.write("a test") as writer:
        writer.con.execute(
            'UPDATE meta.run SET options = \'{"objective": "co2"}\' WHERE list_contains(?, run)', [numbers]
        )
    found = diff(rated, "base", "other", inputs=False, tables=["run"])
    assert lines(found, "column", "new_value", "unit") == [("objective", 1000.0, "t")]


# --- the property ----------------------------------------------------------------------------------------------------
def apply(db: Database, scenario: str, found: Diff) -> None:
    """Write the changes of a diff into a scenario's own layer."""
    frames: dict[tuple[str, str, str | None], list[dict[str, Any]]] = {}
    whole: dict[tuple[str, tuple[str, ...], int | None, str], dict[str, Any]] = {}
    for row in found.changes.rows():
        table = input_table(row["table"])
        keys = dict(zip(table.keys(), row["keys"], strict=True)) | {"year": row["year"]}
        value = (
            {} if row["column"] is None else {row["column"]: row["new" if row["new_value"] is None else "new_value"]}
        )
        if row["change"] == "changed":
            frames.setdefault((row["table"], "changed", row["column"]), []).append(
                keys | value | {"cells": [row["column"]]}
            )
        else:
            at = (row["table"], tuple(row["keys"]), row["year"], row["change"])
            whole.setdefault(at, keys).update(value if row["change"] == "added" else {})
    for (name, _, _, change), row in whole.items():
        add(db, scenario, name, row | {"removed": change == "removed"})
    for (name, _, _), rows in frames.items():
        add(db, scenario, name, *rows)


_KEYS = st.sampled_from(["gas", "heat", "wood"])
_YEAR = st.sampled_from([None, *YEARS])
_SET = st.tuples(
    st.just("set"), st.sampled_from(["price", "voll", "max_mw"]), st.sampled_from([None, 1.0, 2.0, 3.5]), _KEYS, _YEAR
)
_REMOVE = st.tuples(st.just("remove"), _KEYS, _YEAR)
_ADD = st.tuples(st.just("add"), _KEYS, st.sampled_from([None, 4.0]), st.sampled_from([None, 5.0]), _YEAR)
_YEARS = st.tuples(st.just("year"), st.sampled_from([2055, 2065]))
_STEPS = st.lists(st.one_of(_SET, _SET, _REMOVE, _ADD, _YEARS), max_size=5)


def _edit(db: Database, scenario: str, step: tuple[Any, ...]) -> None:
    kind, *rest = step
    if kind == "add":
        name, price, voll, year = rest
        row = {"site": "centre", "commodity": name, "price": price, "voll": voll, "year": year}
        add(db, scenario, "commodity", row)
    elif kind == "year":
        add(db, scenario, "model_year", {"year": rest[0], "stands_for": None})
    elif kind == "set":
        column, value, name, year = rest
        edits.set_cells(
            db, scenario, f"commodity.{column}", value, where=f"commodity = '{name}'", year=year, message="m"
        )
    else:
        name, year = rest
        where = f"commodity = '{name}'" + (f" AND year = {year}" if year else "")
        edits.remove_rows(db, scenario, "commodity", where=where, message="m")


def _try(db: Database, scenario: str, steps: list[tuple[Any, ...]]) -> Iterator[None]:
    for step in steps:
        try:
            _edit(db, scenario, step)
        except UserError:  # nothing left to set or remove
            yield


def _state(db: Database, scenario: str) -> set[tuple[Any, ...]]:
    rows = db.sql("SELECT * EXCLUDE (scenario) FROM input.commodity WHERE scenario = $1", [scenario]).to_pylist()
    years = db.sql("SELECT year FROM input.model_year WHERE scenario = $1", [scenario]).to_pylist()
    return {tuple(row.values()) for row in rows} | {tuple(row.values()) for row in years}


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(shared=_STEPS, left=_STEPS, right=_STEPS)
def test_a_diff_applied_to_one_side_gives_the_other(
    empty_store: Path, tmp_path: Path, shared: list[Any], left: list[Any], right: list[Any]
) -> None:
    path = tmp_path / f"{uuid.uuid4().hex}.duckdb"
    shutil.copy(empty_store, path)
    db = HeldOpen(path)
    scenarios.new(db, "base", YEARS)
    add(db, "base", "commodity", {"site": "centre", "commodity": "gas", "price": 35.0})
    list(_try(db, "base", shared))
    scenarios.derive(db, "a", "base")
    scenarios.derive(db, "b", "base")
    list(_try(db, "a", left))
    list(_try(db, "b", right))
    assert not inputs(db, "a", "a")
    scenarios.derive(db, "patched", "a")
    apply(db, "patched", inputs(db, "a", "b"))
    assert _state(db, "patched") == _state(db, "b")
    assert not inputs(db, "patched", "b")
    db.close()
    path.unlink()


# --- rendering -------------------------------------------------------------------------------------------------------
@pytest.fixture
def rendered(study: Database) -> Diff:
    edits.set_cells(study, "other", "commodity.price", 42.0, where="commodity = 'gas'", message="dearer")
    add(study, "other", "site", {"site": "<b>harbour</b>", "title": "a, b"})
    add_profile(study, "other", "heat demand", np.arange(8760.0), "share")
    return diff(study, "base", "other")


def test_the_screen_shows_the_summary_and_the_lines(rendered: Diff) -> None:
    from rich.console import Console

    console = Console(width=200, record=True, file=io.StringIO())
    console.print(diff_render.to_table(rendered))
    text = console.export_text()
    assert "inputs: 2 cells changed, 1 row added in 3 tables" in text
    assert "warning: 'base' has no results" in text
    assert "+20.0 %" in text
    assert "h changed, correlation" in text
    assert "<b>harbour</b>" in text
    console.print(diff_render.to_table(rendered, details=False))
    assert "correlation" not in console.export_text()


def screen(found: Diff, **how: Any) -> str:
    from rich.console import Console

    console = Console(width=200, record=True, file=io.StringIO())
    console.print(diff_render.to_table(found, **how))
    return console.export_text()


def test_many_lines_are_shown_on_demand(study: Database) -> None:
    add(study, "other", "site", *({"site": f"s{i}", "title": "t"} for i in range(50)))
    found = inputs(study)
    assert "50 lines: --details lists them, --table TABLE narrows." in screen(found)
    assert "s49" not in screen(found)
    assert "s49" in screen(found, details=True)
    assert "--details" not in screen(found, details=False)
    assert "40 more lines; --format csv lists all" in screen(found, limit=10)
    assert len(diff_render.to_csv(found).splitlines()) == 51
    assert "<details><summary>site" in diff_render.to_html(found)


def test_csv_has_one_line_per_cell(rendered: Diff) -> None:
    rows = list(csv.DictReader(io.StringIO(diff_render.to_csv(rendered))))
    assert len(rows) == len(rendered.changes)
    price = next(row for row in rows if row["column"] == "price")
    assert (price["key"], price["old_value"], price["new_value"]) == ("centre / gas", "35.0", "42.0")


def test_json_holds_all(rendered: Diff) -> None:
    document = json.loads(diff_render.to_json(rendered))
    assert document["headline"] == rendered.headline
    assert len(document["changes"]) == len(rendered.changes)
    assert document["profiles"][0]["hours_changed"] == 8760
    assert document["summary"][0].keys() == {"area", "table", "cells", "added", "removed"}


def test_html_escapes_what_users_wrote(rendered: Diff) -> None:
    page = diff_render.to_html(rendered)
    assert page.startswith("<!doctype html>")
    assert "&lt;b&gt;harbour" in page
    assert "<b>harbour" not in page


def test_no_difference_renders_everywhere(study: Database) -> None:
    from rich.console import Console

    nothing = inputs(study)
    Console(file=io.StringIO()).print(diff_render.to_table(nothing))
    assert "no difference" in diff_render.to_html(nothing)
    assert json.loads(diff_render.to_json(nothing))["changes"] == []
    assert len(diff_render.to_csv(nothing).splitlines()) == 1


def test_changes_are_a_relation(rendered: Diff) -> None:
    frame = rendered.changes.df()
    assert list(frame.columns)[:8] == ["area", "table", "key", "year", "column", "change", "old", "new"]
    assert len(frame) == rendered.changes.arrow().num_rows
    assert "rows" in repr(rendered.changes)
    assert "<table" in rendered.changes._repr_html_()


def test_a_diff_answers_sql_and_nothing_else(rendered: Diff, tmp_path: Path) -> None:
    assert rendered.sql('SELECT "table", count(*) AS n FROM changes GROUP BY ALL ORDER BY ALL').rows() == [
        {"table": "commodity", "n": 1}, {"table": "profile", "n": 1}, {"table": "site", "n": 1},
    ]  # fmt: skip
    assert rendered.sql("SELECT sum(cells + added + removed) AS n FROM summary").rows() == [{"n": 3}]
    assert rendered.sql("SELECT hours_changed FROM profiles").rows() == [{"hours_changed": 8760.0}]
    assert rendered.sql("FROM geometries").columns[:3] == ["table", "key", "column"]
    assert rendered.by_table.rows()[0] == {"area": "inputs", "table": "site", "cells": 0, "added": 1, "removed": 0}
    (tmp_path / "secret.csv").write_text("a\n1\n")
    frame = rendered.changes.df()
    assert len(frame)
    for query in (
        f"FROM read_csv('{tmp_path}/secret.csv')", f"COPY changes TO '{tmp_path}/out.csv'", "SET enable_external_access = true",
        "FROM frame", "FROM rendered", "INSTALL spatial", f"ATTACH '{tmp_path}/x.db'",
    ):  # fmt: skip
        with pytest.raises(UserError):
            rendered.sql(query)
    assert [p.name for p in tmp_path.iterdir() if p.suffix in (".db", ".csv")] == ["secret.csv"]
    with pytest.raises(UserError, match="(?s)Candidate.*Relations: changes"):
        rendered.sql("SELECT colum FROM changes")


def test_a_diff_can_be_narrowed(rendered: Diff) -> None:
    narrow = rendered.only(["site"])
    assert {row["table"] for row in narrow.changes.rows()} == {"site"}
    assert len(narrow.profiles) == 0
    assert rendered.only(None) is rendered
    with pytest.raises(UnknownNameError, match="Did you mean 'site'"):
        rendered.only(["sit"])
