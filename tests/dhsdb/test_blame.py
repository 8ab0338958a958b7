"""Blame: every effective cell names the change that it comes from and what it overrides."""

from __future__ import annotations

import contextlib
import json
import random
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import shapely
from openpyxl import Workbook

from dhsdb import edits, scenarios
from dhsdb.contents import effective_rows
from dhsdb.errors import UnknownNameError, UserError
from dhsdb.names import Ref, find
from dhsdb.schema.catalog import INPUT, input_table
from dhsdb.store import Store
from tests.dhsdb.study import YEARS, add, build, build_rich

if TYPE_CHECKING:
    from pathlib import Path

    from dhsdb.database import Database
    from tests.dhsdb.conftest import Cli

BOILER = "process = 'boiler'"


@pytest.fixture
def city(db: Database) -> Store:
    build(db)
    store = Store(db.path, wait_s=20)
    store.derive("dear", "base")
    return store


def cells(store: Store, scenario: str, table: str, column: str | None = None, where: str = "") -> list[dict[str, Any]]:
    found = store.blame(scenario, table, where).rows()
    return [r for r in found if column is None or r["column"] == column]


def cell(store: Store, scenario: str, table: str, column: str, where: str = "") -> dict[str, Any]:
    (found,) = cells(store, scenario, table, column, where)
    return found


def below(row: dict[str, Any]) -> list[tuple[str | None, str, int]]:
    return [(o["value"], o["layer"], o["revision"]) for o in row["overrides"]]


# --- who set it ------------------------------------------------------------------------------------------------------
def test_a_cell_names_its_layer_revision_author_and_message_and_what_it_overrides(
    city: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DHSDB_AUTHOR", "Ada")
    edit = city.set("dear", "process.capital", 80000.0, where=BOILER, message="boilers got dearer")
    found = cell(city, "dear", "process", "capital")
    assert (found["key"], found["year"], found["value"], found["number"]) == (
        "centre / boiler",
        None,
        "80000.0",
        80000.0,
    )
    assert (found["layer"], found["revision"], found["author"]) == ("dear", edit.revision, "Ada")
    assert (found["message"], found["kind"], found["unit"]) == ("boilers got dearer", "set", "money/MW")
    (old,) = below(found)
    assert old[:2] == ("60000.0", "base")
    assert below(cell(city, "base", "process", "capital")) == []


def test_edits_of_one_layer_are_listed_the_next_lower_first(city: Store) -> None:
    for price in (40.0, 45.0):
        city.set("dear", "commodity.price", price, where="commodity = 'gas'", message=f"{price}")
    found = cell(city, "dear", "commodity", "price")
    assert [(v, layer) for v, layer, _ in below(found)] == [("40.0", "dear"), ("35.0", "base")]


def test_a_year_of_its_own_is_shown_apart_and_years_that_are_alike_once(city: Store) -> None:
    city.set("dear", "process.capital", 1.0, where=BOILER, year=2035, message="2035 only")
    found = cells(city, "dear", "process", "capital")
    assert [(r["year"], r["value"], r["layer"]) for r in found] == [
        (2025, "60000.0", "base"), (2035, "1.0", "dear"), (2045, "60000.0", "base"),
    ]  # fmt: skip
    assert cell(city, "dear", "process", "life")["year"] is None


def test_a_year_of_a_lower_layer_yields_to_every_year_of_a_higher_one(city: Store) -> None:
    city.set("base", "process.capital", 1.0, where=BOILER, year=2035, message="2035 only")
    city.derive("late", "base")
    edit = city.set("late", "process.capital", 2.0, where=BOILER, message="always")
    found = cells(city, "late", "process", "capital")
    assert {(r["value"], r["revision"]) for r in found} == {("2.0", edit.revision)}
    assert [len(r["overrides"]) for r in found] == [1, 2, 1]


def test_set_to_null_is_said_and_columns_that_nobody_set_are_left_out(city: Store, cli: Cli) -> None:
    city.set("dear", "process.existing_mw", None, where=BOILER, message="unknown")
    found = cell(city, "dear", "process", "existing_mw")
    assert (found["value"], found["layer"], below(found)[0][0]) == (None, "dear", "50.0")
    assert {r["column"] for r in cells(city, "dear", "process")} == {"existing_mw", "capital", "life"}
    assert "set to NULL" in cli(city.db, "scenario", "show", "dear", "process", "--why")[1]


def test_a_row_without_values_is_a_line_of_its_own(city: Store) -> None:
    found = cells(city, "base", "model_year")
    assert [(r["year"], r["column"], r["value"], r["layer"]) for r in found] == [
        (year, "", "a row", "base") for year in YEARS
    ]


def test_a_removed_row_tells_who_removed_it_and_one_that_came_back_who_brought_it(city: Store) -> None:
    gone = city.remove("dear", "commodity", where="commodity = 'gas'", message="no gas any more")
    for where in ("", "commodity = 'gas'", "price = 35"):
        (found,) = [r for r in cells(city, "dear", "commodity", where=where) if r["value"] == "removed"]
        assert (found["key"], found["column"], found["year"]) == ("centre / gas", "", None)
        assert (found["revision"], found["message"]) == (gone.revision, "no gas any more")
        assert [(o[0], o[1]) for o in below(found)] == [("a row", "base")]
    add(city.db, "dear", "commodity", {"site": "centre", "commodity": "gas", "bought": True, "price": 9.0})
    found = cell(city, "dear", "commodity", "price")
    assert [(v, layer) for v, layer, _ in below(found)] == [("removed", "dear"), ("35.0", "base")]


def test_a_revert_leaves_the_blame_with_who_wrote_the_value(city: Store) -> None:
    first = city.set("dear", "process.capital", 70000.0, where=BOILER, message="first")
    city.remove("dear", "process", where=BOILER, message="a mistake")
    done = city.revert("dear", first.revision)
    found = cell(city, "dear", "process", "capital")
    assert (found["revision"], found["message"]) == (first.revision, "first")
    assert not [r for r in cells(city, "dear", "process") if r["value"] == "removed"]
    city.set("dear", "process.life", 30.0, where=BOILER, message="longer")
    city.revert("dear", first.revision - 1)
    again = city.revert("dear", first.revision)
    assert cell(city, "dear", "process", "capital")["restored"] == again.revision > done.revision


def test_a_past_revision_and_a_tag_are_explained_as_they_were(city: Store) -> None:
    then = city.scenario("base").revision
    city.set("base", "process.capital", 1.0, where=BOILER, message="later")
    city.tag("base", then, "first")
    assert cell(city, "base", "process", "capital")["message"] == "later"
    for name in (f"base@{then}", "base@first"):
        assert cell(city, name, "process", "capital")["message"] == "rows of process"


def test_an_imported_cell_names_file_sheet_and_row(city: Store, tmp_path: Path, cli: Cli) -> None:
    book = Workbook()
    sheet = book.create_sheet("commodity")
    for row in (["site", "commodity", "price"], ["centre", "coal", 12.5]):
        sheet.append(row)
    book.remove(book.worksheets[0])
    book.save(tmp_path / "fuels.xlsx")
    city.import_("excel", tmp_path / "fuels.xlsx", scenario="dear")
    found = cells(city, "dear", "commodity", "price", "commodity = 'coal'")[0]
    assert (found["source"], found["sheet"], found["source_row"]) == (str(tmp_path / "fuels.xlsx"), "commodity", 2)
    assert found["kind"] == "import"
    said = cli(city.db, "scenario", "show", "dear", "commodity", "--why", "--where", "commodity = 'coal'")[1]
    assert "fuels.xlsx, commodity, row 2" in said


# --- geometries and profiles -----------------------------------------------------------------------------------------
def test_geometries_are_told_by_type_and_size_profiles_by_hash_and_sum(db: Database, cli: Cli) -> None:
    build_rich(db)
    store = Store(db.path, wait_s=20)
    found = cell(store, "base", "street", "geometry")
    assert (found["value"], found["number"], found["unit"]) == ("LineString, 30,000.0 m", 30000.0, "m")
    assert cell(store, "base", "building", "geometry")["value"].startswith("Polygon, 313.7")
    prices = cell(store, "base", "profile", "sha256", "profile = 'spot price'")
    assert (len(prices["value"]), prices["number"], prices["unit"]) == (64, 8760 * 40.0, "EUR/MWh")
    said = cli(db, "scenario", "show", "base", "profile", "--why")[1]
    assert f"{prices['value'][:12]}, sum 350,400" in said
    add(db, "base", "street", {"street": "s1", "length_m": 5.0, "geometry": shapely.LineString([(0, 0), (5, 0)])})
    assert below(cell(store, "base", "street", "geometry"))[0][0] == "LineString, 30,000.0 m"


# --- conditions ------------------------------------------------------------------------------------------------------
def test_a_condition_narrows_rows_and_years_with_and_without_why(city: Store, cli: Cli) -> None:
    assert {r["key"] for r in cells(city, "dear", "commodity", where="price > 30")} == {"centre / gas"}
    assert {r["year"] for r in cells(city, "dear", "commodity", where="year = 2035 -- only")} == {2035}
    code, said, _ = cli(city.db, "scenario", "show", "dear", "commodity", "--where", "price > 30", "--json")
    assert code == 0
    assert [(r["commodity"], r["year"]) for r in json.loads(said)] == [("gas", y) for y in YEARS]
    assert (
        "no rows of commodity that match"
        in cli(city.db, "scenario", "show", "dear", "commodity", "--where", "FALSE")[1]
    )


@pytest.mark.parametrize("why", [(), ("--why",)])
@pytest.mark.parametrize(
    ("where", "hint"), [("prise > 3", "Columns of commodity: year, site, commodity"), ("price >", "Columns of")]
)
def test_a_wrong_condition_names_the_columns(
    city: Store, cli: Cli, why: tuple[str, ...], where: str, hint: str
) -> None:
    code, said, told = cli(city.db, "scenario", "show", "dear", "commodity", "--where", where, *why)
    assert (code, said) == (2, "")
    assert hint in told


@pytest.mark.parametrize(
    "where", ["(SELECT count(*) FROM read_csv('/etc/passwd')) > 0", "TRUE); DROP TABLE meta.run; --"]
)
def test_a_condition_reads_no_files_and_writes_nothing(city: Store, where: str) -> None:
    with pytest.raises(UserError):
        city.blame("dear", "commodity", where)
    with pytest.raises(UserError):
        effective_rows(city.db, "dear", "commodity", where)
    assert city.sql("SELECT count(*) AS n FROM meta.run").rows() == [{"n": 0}]


def test_unknown_names_come_with_a_suggestion(city: Store, cli: Cli) -> None:
    with pytest.raises(UnknownNameError, match="proces"):
        city.blame("dear", "proces")
    with pytest.raises(UnknownNameError, match="deer"):
        city.blame("deer", "process")
    code, _, told = cli(city.db, "scenario", "show", "dear", "--why")
    assert code == 2
    assert "need a table" in told


def test_json_is_the_relation(city: Store, cli: Cli) -> None:
    code, said, _ = cli(city.db, "scenario", "show", "dear", "process", "--why", "--json")
    assert code == 0
    assert [r["column"] for r in json.loads(said)] == [r["column"] for r in cells(city, "dear", "process")]


# --- right and fast --------------------------------------------------------------------------------------------------
def effective(store: Store, scenario: str, table: str) -> dict[tuple[str, int | None, str], str]:
    """Return the effective cells that have a value, as text."""
    columns = [c for c in INPUT[table].cell_names() if c != "geometry"]
    keys = " || ' / ' || ".join(INPUT[table].keys())
    texts = ", ".join(f'"{c}"::VARCHAR AS "{c}"' for c in columns)
    rows = store.sql(f"SELECT {keys} AS k, year AS y, {texts} FROM input.{table} WHERE scenario = ?", [scenario]).rows()
    return {(r["k"], r["y"], c): r[c] for r in rows for c in columns if r[c] is not None}


def blamed(store: Store, scenario: str, table: str, where: str = "") -> dict[tuple[str, int | None, str], str]:
    by_year = YEARS if INPUT[table].by_year else (None,)
    return {
        (r["key"], year, r["column"]): r["value"]
        for r in cells(store, scenario, table, where=where)
        for year in (by_year if r["year"] is None else (r["year"],))
        if r["value"] is not None and r["column"] and r["column"] != "geometry"
    }


def change(store: Store, rng: random.Random, n: int) -> None:
    """Make some change of table process, of those that can be made."""
    name, year = rng.choice(("base", "dear", "top")), rng.choice([None, None, *YEARS])
    where = rng.choice([BOILER, "process = 'pump'", "TRUE"])
    row = {"site": "centre", "process": rng.choice(["boiler", "pump"]), "year": year, "capital": float(n)}
    with contextlib.suppress(UserError):  # no row matches
        match rng.randrange(6):
            case 0 | 1:
                column = rng.choice(["capital", "life", "cap_max"])
                store.set(name, f"process.{column}", rng.choice([None, float(n)]), where=where, year=year, message="x")
            case 2:
                add(store.db, name, "process", row)
            case 3:
                add(store.db, name, "process", row | {"cells": ["capital"]})
            case 4:
                store.remove(name, "process", where=where, message="x")
            case 5:
                store.rebase("dear", "top")


@pytest.mark.parametrize("seed", range(2))
def test_what_is_blamed_is_what_is_effective(city: Store, seed: int) -> None:
    rng = random.Random(seed)
    city.derive("top", "dear")
    for n in range(16):
        change(city, rng, n)
        for name in ("base", "dear", "top") if n % 4 == 3 else ():
            for where in ("TRUE", "year <> 2035"):
                expected = {
                    k: v for k, v in effective(city, name, "process").items() if where == "TRUE" or k[1] != 2035
                }
                assert blamed(city, name, "process", where) == expected
            assert blamed(city, name, "process") == effective(city, name, "process")
    for table in ("commodity", "demand", "site", "process_flow"):
        assert blamed(city, "top", table) == effective(city, "top", table)


def test_a_table_of_ten_thousand_rows_is_explained_in_about_a_second(city: Store) -> None:
    n = 10_000
    rows = pd.DataFrame(
        {"site": "centre", "process": [f"p{i}" for i in range(n)], "capital": np.arange(n) * 1.0, "life": 20.0}
    )
    rows["year"] = pd.array([None] * n, "Int16")
    with city.db.write("a test") as writer:
        ref = find(writer.con, "base")
        revision = scenarios.add_revision(writer, ref.scenario, "import", "many")
        edits.add_rows(writer, input_table("process"), Ref(ref.scenario, "base", revision), rows)
    city.derive("many", "base")
    city.set("many", "process.capital", "capital * 1.1", year=2035, message="dearer")
    began = time.perf_counter()
    found = city.blame("many", "process")
    assert time.perf_counter() - began < 4  # generous: others may share the machine
    assert len(found) == 4 * n + 5
