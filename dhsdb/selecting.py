"""Conditions that a user writes on effective rows: SQL that only ever selects, in the sandbox, with errors that help."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from dhsdb.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dhsdb.schema.inputs import InputRow


def condition(where: str) -> str:
    """Return a condition in brackets, on lines of its own so that a comment ends with it."""
    return f"(\n{where}\n)"


def needs_spatial(where: str) -> bool:
    """Return whether a condition calls functions of the spatial extension."""
    return "st_" in where.lower()


@contextlib.contextmanager
def selecting(table: type[InputRow], where: str, expression: str = "") -> Iterator[None]:
    """Turn an error in a condition or an expression into one that names the columns there are.

    Raises
    ------
    UserError
        If the condition is no SQL, or names what the table lacks.
    """
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        what = " and ".join(repr(text) for text in (where, expression) if text)
        first = str(error).splitlines()[0]
        names = ", ".join(["year", *table.own()])
        raise UserError(f"{what}: {first}", f"Columns of {table.__table__.name}: {names}.") from None
