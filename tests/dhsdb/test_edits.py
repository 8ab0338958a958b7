"""Cells that are set, rows that are removed, and what holds of them: rank first, then the specific year."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from dhsdb.errors import UnknownNameError, UserError
from dhsdb.schema.catalog import INPUT
from dhsdb.store import Store
from tests.dhsdb.study import YEARS, add, build

if TYPE_CHECKING:
    from pathlib import Path

    from dhsdb.database import Database
    from tests.dhsdb.conftest import Cli

GAS = "commodity = 'gas'"


@pytest.fixture(scope="module")
def three_years(empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("years") / "years.duckdb"
    shutil.copy(empty_store, path)
    store = Store(path)
    build(store.db)
    store.derive("child", "base")
    return path


@pytest.fixture
def city(three_years: Path, tmp_path: Path) -> Store:
    path = tmp_path / "years.duckdb"
    shutil.copy(three_years, path)
    return Store(path, wait_s=20)


def prices(store: Store, scenario: str = "child") -> list[float | None]:
    """The gas price of each model year; a year whose row is gone is left out."""
    query = "SELECT year, price FROM input.commodity WHERE scenario = ? AND commodity = 'gas' ORDER BY year"
    rows = store.sql(query, [scenario]).rows()
    years = [r["year"] for r in rows]
    assert len(set(years)) == len(years)
    assert set(years) <= set(YEARS)
    return [r["price"] for r in rows]


def price(store: Store, value: Any, *, scenario: str = "child", year: int | None = None, where: str = GAS) -> int:
    return store.set(scenario, "commodity.price", value, where=where, year=year, message="a test").n_rows


# --- years -----------------------------------------------------------------------------------------------------------
def test_a_value_holds_in_every_year_or_in_the_one_named(city: Store) -> None:
    assert price(city, 40.0) == 1
    assert prices(city) == [40.0, 40.0, 40.0]
    assert price(city, 50.0, year=2035) == 1
    assert prices(city) == [40.0, 50.0, 40.0]
    assert prices(city, "base") == [35.0, 35.0, 35.0]


def test_a_condition_on_the_year_selects_years(city: Store) -> None:
    assert price(city, 50.0, where=f"{GAS} AND year >= 2035") == 2
    assert prices(city) == [35.0, 50.0, 50.0]


def test_a_value_of_every_year_replaces_the_years_set_before_in_the_layer(city: Store) -> None:
    price(city, 50.0, year=2035)
    price(city, 60.0, where=f"{GAS} AND year = 2045")
    price(city, 40.0)
    assert prices(city) == [40.0, 40.0, 40.0]
    price(city, 70.0, year=2025)
    assert prices(city) == [70.0, 40.0, 40.0]


def test_rank_comes_before_the_year(city: Store) -> None:
    price(city, 50.0, scenario="base", year=2035)
    city.derive("late", "base")
    assert prices(city, "late") == [35.0, 50.0, 35.0]
    price(city, 40.0, scenario="late")
    assert prices(city, "late") == [40.0, 40.0, 40.0]


def test_a_year_that_is_added_later_takes_the_value_of_every_year(city: Store) -> None:
    price(city, 40.0)
    add(city.db, "child", "model_year", {"year": 2055})
    query = "SELECT price FROM input.commodity WHERE scenario = 'child' AND commodity = 'gas' AND year = 2055"
    assert city.sql(query).rows() == [{"price": 40.0}]


def test_a_table_without_years_refuses_one(city: Store, cli: Cli) -> None:
    code, _, why = cli(city.db, "scenario", "set", "child", "site.discount_rate=0.05", "--year", "2035", "-m", "a test")
    assert code == 2
    assert "does not vary by year" in why
    assert city.sql("SELECT DISTINCT discount_rate FROM input.site WHERE scenario = 'child'").rows() == [
        {"discount_rate": 0.03}
    ]


# --- values ----------------------------------------------------------------------------------------------------------
def test_an_expression_is_worked_out_for_each_row(city: Store, cli: Cli) -> None:
    price(city, 50.0, year=2035)
    code, _, _ = cli(city.db, "scenario", "set", "child", "commodity.price=price * 2", "--where", GAS, "-m", "a test")
    assert code == 0
    assert prices(city) == [70.0, 100.0, 70.0]
    price(city, "commodity.price + (year - 2025) / 10")  # the table may be named
    assert prices(city) == [70.0, 101.0, 72.0]


@pytest.mark.parametrize("table", INPUT)
def test_an_expression_may_name_any_table(city: Store, table: str) -> None:
    """Some tables are called as SQL calls its own things: `limit`."""
    with pytest.raises(UserError, match=f"no row of {table}"):
        city.remove(
            "base",
            table,
            where=f'"{table}".{INPUT[table].keys()[0]} IS NULL' if INPUT[table].keys() else "FALSE",
            message="x",
        )


def test_an_expression_of_other_columns_may_be_null(city: Store) -> None:
    assert price(city, "max_mw * 2") == 1
    assert prices(city) == [None, None, None]


def test_null_is_a_value(city: Store, cli: Cli) -> None:
    code, _, _ = cli(city.db, "scenario", "set", "child", "commodity.price=NULL", "--where", GAS, "-m", "free")
    assert code == 0
    assert prices(city) == [None, None, None]
    assert prices(city, "base") == [35.0, 35.0, 35.0]
    price(city, 1.0, year=2035)
    assert prices(city) == [None, 1.0, None]


@pytest.mark.parametrize(
    ("cell", "text", "held"),
    [
        ("commodity.bought", "false", False),
        ("commodity.balance", "surplus", "surplus"),
        ("commodity.price_profile", "2030", "2030"),
        ("commodity.voll", "1e3", 1000.0),
    ],
)
def test_a_value_takes_the_type_of_its_column(city: Store, cli: Cli, cell: str, text: str, held: object) -> None:
    assert cli(city.db, "scenario", "set", "child", f"{cell}={text}", "--where", GAS, "-m", "a test")[0] == 0
    column = cell.split(".")[1]
    rows = city.sql(f"SELECT DISTINCT {column} AS v FROM input.commodity WHERE scenario = 'child' AND {GAS}").rows()
    assert rows == [{"v": held}]


@pytest.mark.parametrize(
    ("assignment", "where", "said"),
    [
        ("comodity.price=1", GAS, "Did you mean 'commodity'?"),
        ("commodity.prise=1", GAS, "Did you mean 'price'?"),
        ("commodity.commodity=oil", GAS, "part of the row's key"),
        ("commodity.year=2030", GAS, "part of the row's key"),
        ("commodity=1", GAS, "is not TABLE.COLUMN"),
        ("price", GAS, "is not TABLE.COLUMN=VALUE"),
        ("commodity.price=1", "commodity = 'oil'", "nothing was changed"),
        ("commodity.price=1", "commodty = 'gas'", "Columns of commodity"),
        ("commodity.price=prise * 2", GAS, "Columns of commodity"),
        ("commodity.price=1", "commodity =", "Columns of commodity"),
        ("commodity.price='cheap'", GAS, "Columns of commodity"),
        ("commodity.balance=surplu", GAS, "Did you mean 'surplus'?"),
        ("commodity.bought=1", GAS, "is true or false"),
        ("commodity.bought=yes", GAS, "is true or false"),
        ("commodity.max_mw=-1", GAS, "out of bounds"),
        ("commodity.max_mw=0 - price", GAS, "out of bounds"),
        ("commodity.price=1e999", GAS, "is a number"),
        ("site.depreciation_method=1.5", "TRUE", "whole number"),
        ("commodity.price=1", "EXISTS (FROM read_csv('/etc/hosts'))", "disabled"),
    ],
)
def test_a_mistake_is_told_and_nothing_changes(city: Store, cli: Cli, assignment: str, where: str, said: str) -> None:
    before = city.scenario("child").revision
    code, _, why = cli(city.db, "scenario", "set", "child", assignment, "--where", where, "-m", "a test")
    assert code == 2
    assert said in why
    assert city.scenario("child").revision == before


def test_a_geometry_is_not_set_by_hand(city: Store) -> None:
    with pytest.raises(UserError, match="is a geometry"):
        city.set("child", "building.geometry", "POINT(0 0)", message="a test")


def test_a_past_revision_is_not_edited(city: Store) -> None:
    with pytest.raises(UserError, match="revision"):
        price(city, 1.0, scenario=f"base@{city.scenario('base').revision - 1}")


# --- removing --------------------------------------------------------------------------------------------------------
def test_a_removed_row_is_gone_from_the_layer_up(city: Store) -> None:
    assert city.remove("child", "commodity", where=GAS, message="a test").n_rows == 1
    assert prices(city) == []
    assert prices(city, "base") == [35.0, 35.0, 35.0]
    city.derive("grandchild", "child")
    assert prices(city, "grandchild") == []


def test_a_removed_year_is_gone_alone(city: Store) -> None:
    city.remove("child", "commodity", where=f"{GAS} AND year = 2035", message="a test")
    assert prices(city) == [35.0, 35.0]


def test_rows_set_by_year_before_are_removed_with_the_rest(city: Store) -> None:
    price(city, 50.0, year=2035)
    city.remove("child", "commodity", where=GAS, message="a test")
    assert prices(city) == []


def test_a_removed_row_is_back_when_it_is_added_whole(city: Store) -> None:
    city.remove("child", "commodity", where=GAS, message="a test")
    add(city.db, "child", "commodity", {"site": "centre", "commodity": "gas", "price": 7.0})
    assert prices(city) == [7.0, 7.0, 7.0]
    assert city.sql(f"SELECT DISTINCT bought FROM input.commodity WHERE scenario = 'child' AND {GAS}").rows() == [
        {"bought": None}
    ]


def test_a_removed_row_can_not_be_set(city: Store) -> None:
    city.remove("child", "commodity", where=GAS, message="a test")
    with pytest.raises(UserError, match="nothing was changed"):
        price(city, 1.0)


def test_a_removed_model_year_is_gone_from_all_tables(city: Store) -> None:
    city.remove("child", "model_year", where="year = 2035", message="a test")
    assert len(prices(city)) == 2
    assert len(prices(city, "base")) == 3


def test_a_cell_set_above_a_row_that_is_removed_below_is_no_row(city: Store) -> None:
    city.derive("grandchild", "child")
    price(city, 1.0, scenario="grandchild")
    city.remove("child", "commodity", where=GAS, message="a test")
    city.compose("composed", "child", ["grandchild"])
    assert prices(city, "composed") == []


# --- what always holds -----------------------------------------------------------------------------------------------
def test_no_view_ever_shows_a_key_twice(city: Store) -> None:
    for year in (None, 2035, None):
        price(city, 1.0, year=year)
        for value in (2.0, 3.0):
            add(city.db, "child", "commodity", {"site": "centre", "commodity": "gas", "price": value, "year": year})
        city.remove("child", "commodity", where=f"{GAS} AND year = 2025", message="a test")
        add(city.db, "child", "commodity", {"site": "centre", "commodity": "gas", "price": 4.0, "year": 2025})
    for table, rows in INPUT.items():
        keys = ", ".join(["scenario", "year", *(f'"{k}"' for k in rows.keys())])
        assert not city.sql(f"SELECT {keys} FROM input.{table} GROUP BY {keys} HAVING count(*) > 1").rows()


def test_view_and_macro_agree(city: Store) -> None:
    price(city, 50.0, year=2035)
    newest = city.scenario("child").revision
    for table in ("commodity", "process", "site", "model_year"):
        view = city.sql(f"SELECT * FROM input.{table} WHERE scenario = 'child' ORDER BY ALL").rows()
        assert view == city.sql(f"SELECT * FROM input.{table}_at('child', ?) ORDER BY ALL", [newest]).rows()
        assert view


def test_a_scenario_without_years_holds_its_rows_once(db: Database) -> None:
    store = Store(db.path)
    store.new("plain")
    add(db, "plain", "commodity", {"site": "c", "commodity": "gas", "price": 1.0})
    assert store.sql("SELECT year, price FROM input.commodity").rows() == [{"year": None, "price": 1.0}]


def test_an_unknown_table_is_answered_with_the_nearest(city: Store) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'process'"):
        city.remove("child", "proces", where="TRUE", message="a test")


# --- rows that are added ---------------------------------------------------------------------------------------------
def test_a_row_is_added_with_its_types(city: Store, cli: Cli) -> None:
    code, said, _ = cli(
        city.db, "scenario", "add", "child", "process", "site=centre", "process=pump", "capital=5e5", "condensing=true",
        "-m", "a test",
    )  # fmt: skip
    assert code == 0
    assert "a row of process added" in said
    query = "SELECT year, capital, condensing, life FROM input.process WHERE scenario = 'child' AND process = 'pump' ORDER BY 1"
    rows = city.sql(query).rows()
    assert rows == [{"year": y, "capital": 5e5, "condensing": True, "life": None} for y in YEARS]
    assert city.sql("SELECT n_set FROM revisions WHERE kind = 'add'").rows() == [{"n_set": 1}]


def test_a_row_that_was_removed_in_a_year_is_there_again_in_all(city: Store) -> None:
    for where in ("year = 2035", "TRUE"):
        city.remove("child", "process", where=where, message="a test")
    city.add("child", "process", {"site": "centre", "process": "boiler", "capital": 7.0}, message="a test")
    rows = city.sql("SELECT year, capital FROM input.process WHERE scenario = 'child' ORDER BY 1").rows()
    assert rows == [{"year": y, "capital": 7.0} for y in YEARS]


def test_a_row_of_one_year_and_a_model_year_are_added(city: Store) -> None:
    city.add("child", "emission", {"site": "centre", "emission": "CO2", "price": 9.0}, year=2035, message="a test")
    assert city.sql("SELECT year FROM input.emission WHERE scenario = 'child'").rows() == [{"year": 2035}]
    city.add("child", "model_year", {}, year=2050, message="a test")
    assert city.sql("SELECT max(year) AS y FROM input.model_year WHERE scenario = 'child'").rows() == [{"y": 2050}]


@pytest.mark.parametrize(
    ("table", "values", "why"),
    [
        ("process", ["site=centre", "process=boiler"], "has centre / boiler already"),
        ("process", ["site=centre"], "needs process"),
        ("process", ["site=centre", "process=x", "capitl=5"], "Did you mean 'capital'?"),
        ("process", ["site=centre", "process=x", "capital=dear"], "is a number, not 'dear'"),
        ("process", ["site=centre", "process=x", "min_load=3"], "out of bounds"),
        ("proces", ["site=centre"], "Did you mean 'process'?"),
        ("process", ["site"], "is not COLUMN=VALUE"),
        ("building", ["building=b", "geometry=POINT (0 0)"], "is a geometry"),
        ("model_year", ["stands_for=3"], "needs a year"),
        ("site", ["site=north", "--year", "2035"], "does not vary by year"),
    ],
)
def test_a_row_that_can_not_be_added_is_refused(city: Store, cli: Cli, table: str, values: list[str], why: str) -> None:
    before = city.scenario("child").revision
    code, _, said = cli(city.db, "scenario", "add", "child", table, *values, "-m", "a test")
    assert code == 2
    assert why in said
    assert city.scenario("child").revision == before
