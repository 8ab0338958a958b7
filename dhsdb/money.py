"""Money of different currencies and price years, brought to one by the rates that the store holds.

A scenario says its money in the model options ``currency`` and ``price_year``. Rates and price levels stand in table
``meta.currency``, which :mod:`~dhsdb.rates` fills; none come with dhsdb. ``schema/sql/money.sql`` holds the same
conversion for result views.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dhsdb.errors import UserError
from dhsdb.names import Ref, newest_revision

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

EURO = "EUR"
_COLUMNS = {"per_eur": ("rate", "--per-eur"), "price_level": ("price level", "--price-level")}


@dataclass(frozen=True, slots=True)
class Money:
    """A currency at a price year; empty or None where the scenario does not say."""

    currency: str
    price_year: int | None

    @property
    def is_known(self) -> bool:
        """Whether both currency and price year are said."""
        return bool(self.currency) and self.price_year is not None

    def may_be(self, other: Money) -> bool:
        """Return whether this one says nothing that the other contradicts, but leaves something open."""
        same = (self.currency, other.currency), (self.price_year, other.price_year)
        return not (self.is_known and other.is_known) and all(x == y or not x or not y for x, y in same)

    def __str__(self) -> str:
        if not (self.currency or self.price_year):
            return "money that it does not name"
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


def money_of_results(con: duckdb.DuckDBPyConnection, ref: Ref, runs: Sequence[int]) -> Money:
    """Return the money of runs: what the scenario said when they were solved, or says now if it said nothing then."""
    row = con.execute(
        "SELECT max(c.revision) FROM meta.chain AS c JOIN meta.chain_run AS cr USING (chain)"
        " WHERE c.scenario = ? AND c.revision <= ? AND list_contains(?, cr.run)",
        [ref.scenario, ref.revision, list(runs)],
    ).fetchone()
    then = money_of(con, Ref(ref.scenario, ref.name, row[0] if row and row[0] else ref.revision))
    if then.is_known:
        return then
    now = money_of(con, Ref(ref.scenario, ref.name, newest_revision(con)))
    return now if then.may_be(now) else then


@dataclass(frozen=True, slots=True)
class Exchange:
    """From one money to another: the factor, or why there is none.

    Attributes
    ----------
    given, wanted
        The two moneys.
    missing
        What the store lacks, in words; empty if nothing.
    commands
        Commands that would add it, without the figures.
    """

    given: Money
    wanted: Money
    factor: float = 1.0
    missing: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()


def exchange(con: duckdb.DuckDBPyConnection, given: Money, wanted: Money) -> Exchange:
    """Return how an amount is brought to another money.

    Prices are moved to the wanted year by the price level of the currency's own area, then exchanged at its rate.
    """
    if given == wanted:
        return Exchange(given, wanted)
    if not (given.is_known and wanted.is_known):
        return Exchange(given, wanted, 1.0, (f"{given} can't be compared with {wanted}",))
    asked = []
    if given.price_year != wanted.price_year:
        asked += [
            (given.currency, wanted.price_year, "price_level", 1), (given.currency, given.price_year, "price_level", -1)
        ]  # fmt: skip
    if given.currency != wanted.currency:
        asked += [(c, wanted.price_year, "per_eur", n) for c, n in ((wanted.currency, 1), (given.currency, -1))]
    factor, missing = 1.0, []
    options: dict[str, list[str]] = {}
    for currency, year, column, power in asked:
        value = _look_up(con, currency, year, column)
        what, option = _COLUMNS[column]
        if value is None:
            missing.append(f"there is no {what} of {currency} in {year}")
            options.setdefault(f"{currency} {year}", []).append(f"{option} ...")
        else:
            factor *= value**power
    commands = (f"`dhsdb money set {at} {' '.join(said)} --source ...`" for at, said in options.items())
    return Exchange(given, wanted, factor, tuple(missing), tuple(commands))


def factor(con: duckdb.DuckDBPyConnection, given: Money, wanted: Money) -> float:
    """Return what an amount is multiplied by to bring it to another money.

    Raises
    ------
    UserError
        If a currency or price year is not known, or table ``meta.currency`` lacks it.
    """
    found = exchange(con, given, wanted)
    if found.missing:
        raise UserError(f"{'; '.join(found.missing)}.", advice(found))
    return found.factor


def advice(found: Exchange) -> str:
    """Return what a user can do about a missing rate."""
    if found.commands:
        return f"Add it: {', '.join(found.commands)}."
    return "Set the model options currency and price_year of both scenarios."


def _look_up(con: duckdb.DuckDBPyConnection, currency: str, year: int | None, column: str) -> float | None:
    if column == "per_eur" and currency == EURO:
        return 1.0
    row = con.execute(
        f"SELECT {column} FROM meta.currency WHERE upper(currency) = ? AND year = ?",
        [currency, year],
    ).fetchone()
    return float(row[0]) if row and row[0] else None
