from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dhsdb import scenarios
from dhsdb.errors import UserError
from dhsdb.money import Money, factor, money_of
from dhsdb.names import find
from tests.dhsdb.study import add

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
