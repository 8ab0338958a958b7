from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest

from dhsdb import scenarios
from dhsdb.errors import UserError
from dhsdb.money import Money, factor, money_of
from dhsdb.names import find
from tests.dhsdb.study import add, add_run, boiler_run, build

if TYPE_CHECKING:
    from dhsdb.database import Database


@pytest.fixture
def rates(db: Database) -> Database:
    with db.write("a test") as writer:
        writer.con.execute(
            "INSERT INTO meta.currency VALUES"
            " ('EUR', 2020, 1, 100, NULL), ('EUR', 2024, 1, 120, NULL),"
            " ('SEK', 2024, 11.5, 125, NULL), ('SEK', 2020, 10.5, 100, NULL)"
        )
    return db


@pytest.mark.parametrize(
    ("given", "wanted", "expected"),
    [
        (("EUR", 2020), ("EUR", 2020), 1.0),
        (("EUR", 2020), ("EUR", 2024), 1.2),
        (("SEK", 2024), ("EUR", 2024), 1 / 11.5),
        (("SEK", 2020), ("EUR", 2024), 1.25 / 11.5),
        (("EUR", 2024), ("SEK", 2020), 10.5 / 1.2),
    ],
)
def test_amounts_move_by_price_level_and_then_by_rate(
    rates: Database, given: tuple[str, int], wanted: tuple[str, int], expected: float
) -> None:
    with rates.read() as con:
        assert factor(con, Money(*given), Money(*wanted)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("given", "wanted", "missing"),
    [
        (("NOK", 2024), ("EUR", 2024), "no rate of NOK in 2024"),
        (("SEK", 2019), ("EUR", 2024), "no price level of SEK in 2019"),
        (("SEK", None), ("EUR", 2024), "SEK of an unknown year can't be compared with EUR of 2024"),
        (("", 2024), ("EUR", 2024), "money of 2024 can't be compared"),
    ],
)
def test_what_is_missing_is_named(
    rates: Database, given: tuple[str, int | None], wanted: tuple[str, int], missing: str
) -> None:
    with rates.read() as con, pytest.raises(UserError, match=missing):
        factor(con, Money(*given), Money(*wanted))


def test_a_scenario_says_its_money_in_its_options(db: Database) -> None:
    scenarios.new(db, "base")
    with db.read() as con:
        assert money_of(con, find(con, "base")) == Money("", None)
    add(db, "base", "model_option", {"option": "currency", "value": "sek"}, {"option": "price_year", "value": "2020"})
    with db.read() as con:
        assert money_of(con, find(con, "base")) == Money("SEK", 2020)
    add(db, "base", "model_option", {"option": "price_year", "value": "last"})
    with db.read() as con, pytest.raises(UserError, match="price_year = 'last', which is no year"):
        money_of(con, find(con, "base"))


# --- results in one money --------------------------------------------------------------------------------------------
@pytest.fixture
def solved(rates: Database) -> Database:
    """Three scenarios with a cost of 35,000 each, in EUR of 2024, SEK of 2020 and NOK of 2024."""
    build(rates)
    for name, currency, year in (("base", "EUR", 2024), ("swedish", "sek", 2020), ("norwegian", "NOK", 2024)):
        if name != "base":
            scenarios.derive(rates, name, "base")
        in_money(rates, name, currency, year)
        boiler_run(rates, name, 50.0)
        item = {"item": 1, "site": "centre", "technology": "boiler", "commodity": "heat", "direction": "out"}
        add_run(
            rates, name, "investment", {"item": [item], "price": [{"year": 2025, "item": 1, "t": 1, "value": 40.0}]}
        )
    return rates


def in_money(db: Database, scenario: str, currency: str, price_year: int) -> None:
    options = {"currency": currency, "price_year": str(price_year)}
    add(db, scenario, "model_option", *({"option": option, "value": value} for option, value in options.items()))


def test_costs_and_prices_of_all_scenarios_in_one_money(solved: Database) -> None:
    with solved.write("a test") as writer:
        writer.con.execute("UPDATE meta.chain SET is_complete = FALSE WHERE chain % 2 = 0")  # dispatches speak
    costs = solved.sql(
        "SELECT scenario, value, discounted, currency, price_year FROM cost_in('EUR', 2024)"
        " WHERE scenario <> 'norwegian' ORDER BY scenario"
    ).to_pylist()
    assert [tuple(row.values()) for row in costs] == [
        ("base", 35000.0, 30000.0, "EUR", 2024),
        ("swedish", pytest.approx(35000 * 1.25 / 11.5), pytest.approx(30000 * 1.25 / 11.5), "EUR", 2024),
    ]
    with solved.write("a test") as writer:
        writer.con.execute("UPDATE meta.chain SET is_complete = NOT is_complete")
    prices = solved.sql(
        "SELECT scenario, value FROM price_in('sek', 2020) WHERE scenario <> 'norwegian' ORDER BY 1"
    ).to_pylist()
    assert [tuple(row.values()) for row in prices] == [("base", pytest.approx(40 / 1.2 * 10.5)), ("swedish", 40.0)]


@pytest.mark.parametrize(
    ("wanted", "missing"),
    [
        (("EUR", 2024), "scenario 'norwegian' can't be brought to EUR of 2024: there is no rate of NOK in 2024"),
        (("EUR", 2020), "scenario 'norwegian' can't be brought to EUR of 2020: there is no price level of NOK in 2020"),
    ],
)
def test_a_scenario_that_can_not_be_brought_to_a_money_is_refused_by_name(
    solved: Database, wanted: tuple[str, int], missing: str
) -> None:
    with pytest.raises(duckdb.Error, match=missing):
        solved.sql("SELECT scenario, sum(value) FROM price_in(?, ?) GROUP BY ALL", wanted)
    add(
        solved,
        "norwegian",
        "model_option",
        {"option": "price_year", "value": None},
        {"option": "currency", "value": None},
    )
    boiler_run(solved, "norwegian", 50.0)
    with pytest.raises(duckdb.Error, match="'norwegian' can't be brought .* it does not say its money"):
        solved.sql("SELECT scenario, sum(value) FROM cost_in(?, ?) GROUP BY ALL", wanted)


def test_results_keep_the_money_that_their_run_read(solved: Database) -> None:
    in_money(solved, "swedish", "EUR", 2024)
    query = "SELECT currency, price_year FROM meta.money_solved WHERE scenario = 'swedish'"
    assert solved.sql(query).to_pylist() == [{"currency": "SEK", "price_year": 2020}]
    scenarios.derive(solved, "late", "base")
    add(solved, "late", "model_option", {"option": "currency", "value": None}, {"option": "price_year", "value": None})
    boiler_run(solved, "late", 50.0)
    in_money(solved, "late", "EUR", 2020)
    late = "SELECT currency, price_year FROM meta.money_solved WHERE scenario = 'late'"
    assert solved.sql(late).to_pylist() == [{"currency": "EUR", "price_year": 2020}], "said only after the run"


@pytest.mark.parametrize("wanted", [("EUR", 2024), ("EUR", 2020), ("SEK", 2024), ("SEK", 2020)])
def test_sql_and_comparisons_convert_alike(solved: Database, wanted: tuple[str, int]) -> None:
    rows = solved.sql("SELECT scenario, factor FROM meta.exchange_to(?, ?) WHERE missing IS NULL", wanted).to_pylist()
    assert len(rows) == 2
    with solved.read() as con:
        for row in rows:
            given = money_of(con, find(con, row["scenario"]))
            assert row["factor"] == pytest.approx(factor(con, given, Money(*wanted)))
