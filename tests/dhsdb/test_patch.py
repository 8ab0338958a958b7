"""What changed from one state to another, applied to a third: the third equals the second afterwards."""

from __future__ import annotations

import shutil
import uuid
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dhsdb import edits, history, patch, scenarios
from dhsdb.errors import UserError
from dhsdb.names import Ref, find
from dhsdb.schema.catalog import INPUT, input_table
from dhsdb.store import Store
from tests.dhsdb.study import HeldOpen, add, add_profile, build

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import duckdb

    from dhsdb.database import Database


def differing(con: duckdb.DuckDBPyConnection, a: Ref, b: Ref, tables: Iterable[str] = INPUT) -> list[str]:
    """The tables whose effective rows differ, compared row by row with SQL of this test's own."""
    found = []
    for name in tables:
        table = INPUT[name]
        shapes = table.geometries()
        cells = ", ".join(f'ST_AsWKB("{c}")' if c in shapes else f'"{c}"' for c in table.own())
        sides = [f"(SELECT year, {cells} FROM input.{name}_at('{x.name}', {x.revision}))" for x in (a, b)]
        for one, other in (sides, reversed(sides)):
            if con.execute(f"SELECT count(*) FROM ({one} EXCEPT ALL {other})").fetchone() != (0,):
                found.append(name)
    return found


def apply(db: Database, target: str, a: str, b: str, tables: list[str] | None = None) -> int:
    with db.write("a test") as writer:
        refs = [find(writer.con, x) for x in (a, b)]
        ref = find(writer.con, target)
        revision = scenarios.add_revision(writer, ref.scenario, "merge", "a test")
        return patch.apply(writer, Ref(ref.scenario, ref.name, revision), *refs, tables)


def own_rows(db: Database, scenario: str, table: str) -> list[dict[str, Any]]:
    with db.read() as con:
        query = f"SELECT * FROM layer.{table} WHERE layer = ? ORDER BY year NULLS FIRST"
        return con.execute(query, [find(con, scenario).scenario]).to_arrow_table().to_pylist()


def check_equal(db: Database, a: str, b: str, tables: Iterable[str] = INPUT) -> None:
    with db.read() as con:
        assert differing(con, find(con, a), find(con, b), tables) == []


@pytest.fixture
def study(db: Database) -> Database:
    build(db)
    scenarios.derive(db, "changed", "base")
    scenarios.derive(db, "target", "base")
    return db


GAS = "commodity = 'gas'"


def test_a_cell_that_is_alike_in_all_years_becomes_one_row_of_one_cell(study: Database) -> None:
    edits.set_cells(study, "changed", "commodity.price", 40.0, where=GAS, message="a")
    assert apply(study, "target", "base", "changed") == 1
    (row,) = own_rows(study, "target", "commodity")
    assert (row["year"], row["cells"], row["price"], row["bought"]) == (None, ["price"], 40.0, None)
    check_equal(study, "target", "changed")


def test_years_that_differ_get_rows_of_their_own(study: Database) -> None:
    edits.set_cells(study, "changed", "commodity.price", 40.0, where=GAS, year=2035, message="a")
    edits.set_cells(study, "changed", "commodity.max_mw", 7.0, where=GAS, message="a")
    assert apply(study, "target", "base", "changed") == 2
    assert [(r["year"], r["cells"]) for r in own_rows(study, "target", "commodity")] == [
        (None, ["max_mw"]),
        (2035, ["price"]),
    ]
    check_equal(study, "target", "changed")


def test_rows_of_single_years_in_the_targets_layer_do_not_hide_a_change_of_all_years(study: Database) -> None:
    edits.set_cells(study, "target", "commodity.price", 99.0, where=GAS, year=2035, message="a")
    edits.set_cells(study, "changed", "commodity.price", 40.0, where=GAS, message="a")
    assert apply(study, "target", "base", "changed") == 2
    check_equal(study, "target", "changed")


def test_rows_come_and_go(study: Database) -> None:
    edits.remove_rows(study, "changed", "process_flow", where="commodity = 'gas'", message="a")
    add(study, "changed", "commodity", {"site": "centre", "commodity": "wood", "price": 20.0})
    add(study, "changed", "commodity", {"site": "centre", "commodity": "waste", "price": 20.0, "year": 2045})
    assert apply(study, "target", "base", "changed") == 3
    assert [r["removed"] for r in own_rows(study, "target", "process_flow")] == [True]
    check_equal(study, "target", "changed")
    with study.read() as con:
        row = con.execute("SELECT n_set, n_removed FROM meta.revision ORDER BY revision DESC LIMIT 1").fetchone()
    assert row == (2, 1)


def test_a_cell_can_become_null(study: Database) -> None:
    edits.set_cells(study, "changed", "process.life", None, where="process = 'boiler'", message="a")
    apply(study, "target", "base", "changed")
    check_equal(study, "target", "changed")


def test_model_years_that_come_and_go(study: Database) -> None:
    add(study, "changed", "model_year", {"year": 2055})
    edits.remove_rows(study, "changed", "model_year", where="year = 2025", message="a")
    edits.set_cells(study, "changed", "commodity.price", 40.0, where=GAS, message="a")
    apply(study, "target", "base", "changed")
    check_equal(study, "target", "changed")
    assert [r["year"] for r in own_rows(study, "target", "commodity")] == [None], "every year, of the new years as well"


def test_profiles_and_geometries(study: Database) -> None:
    add_profile(study, "changed", "heat demand", np.ones(8760) / 8760, "share")
    pipe = {"pipe": "p1", "geometry": shapely.LineString([(0, 0), (100, 0)])}
    add(study, "changed", "network_pipe", pipe)
    with study.write("a test") as writer:
        writer.con.execute("UPDATE meta.scenario SET epsg = 3067 WHERE name = 'changed'")
    apply(study, "target", "base", "changed")
    check_equal(study, "target", "changed")
    with study.read() as con:
        assert con.execute("SELECT epsg FROM meta.scenario WHERE name = 'target'").fetchone() == (3067,)
        assert differing(con, find(con, "target"), find(con, "base")), "the comparison of this test sees a difference"


def test_geometries_of_another_coordinate_system_are_refused(study: Database) -> None:
    add(study, "changed", "network_pipe", {"pipe": "p1", "geometry": shapely.LineString([(0, 0), (100, 0)])})
    with study.write("a test") as writer:
        writer.con.execute("UPDATE meta.scenario SET epsg = 3067 WHERE name = 'changed'")
        writer.con.execute("UPDATE meta.scenario SET epsg = 3006 WHERE name = 'target'")
    with pytest.raises(UserError, match="EPSG:3006.*EPSG:3067"):
        apply(study, "target", "base", "changed")
    assert own_rows(study, "target", "network_pipe") == []


def test_a_past_state_can_be_applied_backwards(study: Database) -> None:
    before = Store(study.path).scenario("base").revision
    edits.set_cells(study, "base", "commodity.price", 40.0, where=GAS, year=2035, message="a")
    edits.remove_rows(study, "base", "demand", where="TRUE", message="a")
    now = Store(study.path).scenario("base").revision
    apply(study, "base", f"base@{now}", f"base@{before}")
    check_equal(study, "base", f"base@{before}")


def test_only_the_tables_named_are_touched(study: Database) -> None:
    edits.set_cells(study, "changed", "commodity.price", 40.0, where=GAS, message="a")
    edits.set_cells(study, "changed", "process.life", 30.0, message="a")
    apply(study, "target", "base", "changed", ["process"])
    assert own_rows(study, "target", "commodity") == []
    assert len(own_rows(study, "target", "process")) == 1


def test_scenarios_without_model_years(db: Database) -> None:
    build(db, years=[])
    scenarios.derive(db, "changed", "base")
    add(db, "changed", "commodity", {"site": "centre", "commodity": "gas", "price": 1.0, "year": 2030})
    edits.set_cells(db, "changed", "commodity.price", 40.0, where="commodity = 'gas' AND year IS NULL", message="a")
    add(db, "changed", "commodity", {"site": "centre", "commodity": "wood", "price": 20.0})
    scenarios.derive(db, "target", "base")
    apply(db, "target", "base", "changed")
    check_equal(db, "target", "changed")


# --- any change at all -----------------------------------------------------------------------------------------------
TABLES = ("commodity", "process", "site", "model_year", "model_option", "network_pipe")
_years = st.sampled_from([None, 2025, 2035, 2045])
_numbers = st.sampled_from([None, 1.0, 2.0])
_step = st.fixed_dictionaries(
    {
        "table": st.sampled_from(TABLES),
        "key": st.sampled_from(["x", "y"]),
        "year": _years,
        "how": st.sampled_from(["whole", "whole", "cells", "removed", "revert"]),
        "first": _numbers,
        "second": _numbers,
        "named": st.sets(st.integers(0, 1), min_size=1),
    }
)
COLUMNS = {
    "commodity": ("price", "max_mw"),
    "process": ("capital", "life"),
    "site": ("area", "discount_rate"),
    "model_year": ("stands_for",),
    "model_option": ("value",),
    "network_pipe": ("trench_m", "geometry"),
}


def act(db: Database, scenario: str, step: dict[str, Any]) -> None:
    """Append a row of any kind to a scenario's own layer, or take its layer back to where it began."""
    name, table = step["table"], input_table(step["table"])
    if step["how"] == "revert":
        with db.read() as con:
            created = con.execute("SELECT created FROM meta.scenario WHERE name = ?", [scenario]).fetchone()
        try:
            history.revert(db, scenario, str(created[0] if created else 0))
        except UserError:  # it is there already
            return
        return
    values = dict(zip(COLUMNS[name], (step["first"], step["second"]), strict=False))
    named = [c for i, c in enumerate(values) if i in step["named"]] or list(values)[:1]
    year = (step["year"] or 2025) if name == "model_year" else step["year"] if table.by_year else None
    row: dict[str, Any] = dict.fromkeys(table.keys(), step["key"]) | {"year": year}
    if step["how"] != "removed":
        row |= values if step["how"] == "whole" else {c: values[c] for c in named}
    if "geometry" in row:
        row["geometry"] = None if row["geometry"] is None else shapely.Point(row["geometry"], 0)
    if isinstance(row.get("value"), float):
        row["value"] = str(row["value"])
    if step["how"] == "cells":
        row["cells"] = named
    frame = pd.DataFrame([row | {"removed": step["how"] == "removed"}])
    frame["year"] = frame["year"].astype("Int16")
    with db.write("a test") as writer:
        ref = find(writer.con, scenario)
        revision = scenarios.add_revision(writer, ref.scenario, "set", "a step")
        edits.add_rows(writer, table, Ref(ref.scenario, ref.name, revision), frame)


@pytest.fixture
def held(empty_store: Path, tmp_path: Path) -> Iterator[HeldOpen]:
    path = tmp_path / "held.duckdb"
    shutil.copy(empty_store, path)
    db = HeldOpen(path)
    yield db
    db.close()


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    first=st.lists(_step, max_size=6),
    second=st.lists(_step, max_size=5),
    third=st.lists(_step, max_size=5),
    years=st.sampled_from([(), (2025, 2035)]),
    how=st.sampled_from(["derived", "own", "backwards"]),
)
def test_what_changed_from_a_to_b_makes_a_become_b(
    held: HeldOpen, first: list[Any], second: list[Any], third: list[Any], years: tuple[int, ...], how: str
) -> None:
    """Whether the target stands on a, is a itself, or is b that goes back to a."""
    base, a, b, target = (f"{kind}-{uuid.uuid4().hex[:8]}" for kind in ("base", "a", "b", "target"))
    scenarios.new(held, base, years)
    for step in first:
        act(held, base, step)
    scenarios.derive(held, a, base)
    scenarios.derive(held, b, base)
    for scenario, steps in ((a, second), (b, third)):
        for step in steps:
            act(held, scenario, step)
    if how == "derived":
        scenarios.derive(held, target, a)
        apply(held, target, a, b)
        check_equal(held, target, b, TABLES)
    elif how == "own":
        apply(held, a, a, b)
        check_equal(held, a, b, TABLES)
    else:
        with held.read() as con:
            now = find(con, b)
            (created,) = con.execute("SELECT created FROM meta.scenario WHERE name = ?", [b]).fetchone() or (0,)
        apply(held, b, f"{b}@{now.revision}", f"{b}@{created}")
        check_equal(held, b, f"{b}@{created}", TABLES)
