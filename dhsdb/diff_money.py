"""Amounts of two sides in different money: converted, or refused by name; where a side names no money, taken as given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dhsdb.errors import UserError
from dhsdb.money import advice, exchange

if TYPE_CHECKING:
    import duckdb

    from dhsdb.diff_sql import Subject
    from dhsdb.money import Exchange, Money


@dataclass(frozen=True, slots=True)
class Amounts:
    """How amounts of side b are read in the money of side a.

    Attributes
    ----------
    names
        The sides as the user wrote them.
    exchange
        From b's money to a's; None = the figures are compared as they are.
    remark
        What a reader should know of it.
    """

    names: tuple[str, str]
    exchange: Exchange | None = None
    remark: str = ""

    @property
    def differ(self) -> bool:
        """Whether the sides are in different money, so that equal figures are different amounts."""
        return self.exchange is not None

    def factor(self, con: duckdb.DuckDBPyConnection, subject: Subject, joined: str) -> float:
        """Return the factor for a table whose sides stand in a relation.

        Raises
        ------
        UserError
            If side b has an amount there, and the store holds no rate.
        """
        if self.exchange is None:
            return 1.0
        if self.exchange.missing and subject.amounts:
            holds = " OR ".join(f"({c.b} IS NOT NULL AND {c.money})" for c in subject.amounts)
            if con.execute(f"SELECT 1 FROM {joined} WHERE {holds} LIMIT 1").fetchone():
                self.refuse()
        return self.exchange.factor

    def refuse(self) -> None:
        """Refuse the comparison if a rate is missing.

        Raises
        ------
        UserError
            If so.
        """
        if self.exchange and self.exchange.missing:
            raise UserError(
                f"{_who(self.names, self.exchange.wanted, self.exchange.given)}: {', '.join(self.exchange.missing)}.",
                f"{advice(self.exchange)} Or compare the figures as they are, with --as-given.",
            )


AS_GIVEN = Amounts(("", ""))
"""Amounts of sides that are in the same money."""


def amounts(
    con: duckdb.DuckDBPyConnection, names: tuple[str, str], moneys: tuple[Money, Money], *, as_given: bool
) -> Amounts:
    """Return how amounts of side b are read, from the names and the moneys of both sides.

    Parameters
    ----------
    as_given
        Compare the figures as they are, whatever money they are in.
    """
    a, b = moneys
    if a == b:
        return Amounts(names)
    if as_given or a.may_be(b):
        return Amounts(names, None, f"{_who(names, a, b)}: amounts are compared as given.")
    return Amounts(names, exchange(con, b, a))


def _who(names: tuple[str, str], a: Money, b: Money) -> str:
    return f"'{names[0]}' is in {a}, '{names[1]}' in {b}"
