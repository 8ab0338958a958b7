"""Money of different currencies and price years, brought to one by the rates that the store holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dhsdb.errors import UserError

if TYPE_CHECKING:
    import duckdb

    from dhsdb.names import Ref

EURO = "EUR"


@dataclass(frozen=True, slots=True)
class Money:
    """A currency at a price year; empty or None where the scenario does not say."""

    currency: str
    price_year: int | None

    @property
    def is_known(self) -> bool:
        """Whether both currency and price year are said."""
        return bool(self.currency) and self.price_year is not None

    def __str__(self) -> str:
        return f"{self.currency or 'money'} of {self.price_year or 'an unknown year'}"


def money_of(con: duckdb.DuckDBPyConnection, ref: Ref) -> Money:
    """Return the money that a scenario's figures are in: its model options ``currency`` and ``price_year``.

    Raises
    ------
    UserError
        If the price year is no number.
    """
    rows = con.execute(
        "SELECT option, value FROM input.model_option_at(?, ?) WHERE option IN ('currency', 'price_year')",
        [ref.name, ref.revision],
    ).fetchall()
    said = {option: value or "" for option, value in rows}
    year = said.get("price_year", "").strip()
    if year and not year.isdigit():
        raise UserError(
            f"scenario '{ref.name}' has price_year = '{year}', which is no year.", "Set model_option price_year."
        )
    return Money(said.get("currency", "").strip().upper(), int(year) if year else None)


def factor(con: duckdb.DuckDBPyConnection, given: Money, wanted: Money) -> float:
    """Return what an amount is multiplied by to bring it to another money.

    Prices are moved to the wanted year by the price level of the currency's own area, then exchanged at its rate.

    Raises
    ------
    UserError
        If a currency or price year is not known, or table ``meta.currency`` lacks it.
    """
    if given == wanted:
        return 1.0
    if given.price_year is None or wanted.price_year is None or not given.currency or not wanted.currency:
        raise UserError(
            f"{given} can't be compared with {wanted}.",
            "Set the model options currency and price_year of both scenarios.",
        )
    result = 1.0
    if given.price_year != wanted.price_year:
        result = _look_up(con, given.currency, wanted.price_year, "price_level") / _look_up(
            con, given.currency, given.price_year, "price_level"
        )
    if given.currency != wanted.currency:
        year = wanted.price_year
        result *= _look_up(con, wanted.currency, year, "per_eur") / _look_up(con, given.currency, year, "per_eur")
    return result


def _look_up(con: duckdb.DuckDBPyConnection, currency: str, year: int, column: str) -> float:
    if column == "per_eur" and currency == EURO:
        return 1.0
    row = con.execute(
        f"SELECT {column} FROM meta.currency WHERE upper(currency) = ? AND year = ?",
        [currency, year],
    ).fetchone()
    if row is None or not row[0]:
        what = "price level" if column == "price_level" else "rate"
        raise UserError(
            f"there is no {what} of {currency} in {year}.", f"Add it to table meta.currency, column {column}."
        )
    return float(row[0])
