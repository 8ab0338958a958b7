"""Exchange rates and price levels of a store: set one, remove it, read a table of them; none come with dhsdb.

What they are used for stands in :mod:`~dhsdb.money`.
"""

from __future__ import annotations

import csv
import io
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dhsdb.errors import Problem, ProblemsError, UnknownNameError, UserError, did_you_mean
from dhsdb.money import EURO

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from dhsdb.database import Database, Writer

COLUMNS = ("currency", "year", "per_eur", "price_level", "source")
_FIGURES = ("per_eur", "price_level")
_CODE = re.compile(r"[A-Z]{3}")
_YEARS = (1900, 2200)


@dataclass(frozen=True, slots=True)
class Rate:
    """A year of a currency.

    Attributes
    ----------
    per_eur
        Units of the currency per EUR, mean of the year.
    price_level
        Price level of the currency area, any base year = 100.
    source
        Where the figures come from.
    """

    currency: str
    year: int
    per_eur: float | None = None
    price_level: float | None = None
    source: str = ""


def rates(db: Database) -> list[Rate]:
    """Return all rates, by currency and year."""
    with db.read() as con:
        rows = con.execute(
            f"SELECT {', '.join(COLUMNS[:-1])}, coalesce(source, '') FROM meta.currency ORDER BY 1, 2"
        ).fetchall()
    return [Rate(*row) for row in rows]


def set_rate(
    db: Database,
    currency: str,
    year: int,
    *,
    per_eur: float | None = None,
    price_level: float | None = None,
    source: str,
) -> Rate:
    """Set the rate, the price level, or both, of a currency in a year; a figure that is not given stays as it is.

    Raises
    ------
    UserError
        If a figure can't be, or the source is not named.
    """
    given = {"currency": currency, "year": year, "per_eur": per_eur, "price_level": price_level, "source": source}
    wrong = list(_mistakes(given))
    if wrong:
        raise UserError(" ".join(w.message for w in wrong), " ".join(dict.fromkeys(w.hint for w in wrong if w.hint)))
    rate = _rate(given)
    with db.write(f"setting a rate of {rate.currency}") as writer:
        _put(writer, rate)
    return next(r for r in rates(db) if (r.currency, r.year) == (rate.currency, rate.year))


def remove_rate(db: Database, currency: str, year: int | None = None) -> int:
    """Remove a currency's figures of a year, or of all years; return of how many.

    Raises
    ------
    UnknownNameError
        If there are none.
    """
    code = currency.strip().upper()
    with db.write(f"removing a rate of {code}") as writer:
        known = writer.con.execute("SELECT upper(currency), year FROM meta.currency ORDER BY ALL").fetchall()
        gone = [k for k in known if k[0] == code and year in (None, k[1])]
        if not gone:
            years = [str(y) for c, y in known if c == code]
            if years:
                raise UnknownNameError(f"year of {code}", str(year), years)
            raise UnknownNameError("currency", code, [c for c, _ in known])
        writer.con.execute(
            "DELETE FROM meta.currency WHERE upper(currency) = $code AND ($year IS NULL OR year = $year)",
            {"code": code, "year": year},
        )
    return len(gone)


def import_rates(db: Database, path: Path, source: str = "") -> list[Rate]:
    """Read rates from a CSV file with the columns of table ``meta.currency``; all of it, or nothing.

    Parameters
    ----------
    source
        Where the figures of rows come from that don't say it.

    Raises
    ------
    ProblemsError
        With everything that is wrong in the file, by row.
    UserError
        If there is no such file.
    """
    found: list[Rate] = []
    problems: list[Problem] = []
    first: dict[tuple[str, str], int] = {}
    for row, given in _lines(path):
        values = given | {"source": given.get("source") or source}
        wrong = list(_mistakes(values))
        problems += [Problem(w.message, str(path), "", row, w.column, w.value, w.hint, code="rate") for w in wrong]
        at = str(values.get("currency") or "").upper(), str(values.get("year") or "")
        if first.setdefault(at, row) != row:
            text = f"{at[0]} {at[1]} stands there twice, first in row {first[at]}."
            problems.append(Problem(text, str(path), row=row, code="rate"))
        if not wrong:
            found.append(_rate(values))
    if problems:
        raise ProblemsError(problems, str(path))
    with db.write(f"importing rates from {path.name}") as writer:
        for rate in found:
            _put(writer, rate)
    return found


def _lines(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the number of each line of a CSV file with its cells by column."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} can't be read: {error}", "Name a CSV file in UTF-8.") from None
    head = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=";" if ";" in head and "," not in head else ",")
    names = [name.strip().casefold() for name in next(reader, [])]
    _check_head(path, names)
    for cells in reader:
        filled = dict(zip(names, (cell.strip() for cell in cells), strict=False))
        if any(filled.values()):
            if len(cells) > len(names):
                more = Problem(f"{len(cells)} cells, but {len(names)} columns.", str(path), row=reader.line_num)
                raise ProblemsError([more], str(path))
            yield reader.line_num, filled


def _check_head(path: Path, names: Sequence[str]) -> None:
    problems = [
        Problem(f"there is no column '{name}'.", str(path), row=1, hint=f"Columns: {', '.join(COLUMNS)}.")
        for name in ("currency", "year")
        if name not in names
    ]
    problems += [
        Problem(f"'{name}' is no column of rates.", str(path), row=1, hint=did_you_mean(name, COLUMNS))
        for name in names
        if name not in COLUMNS
    ]
    if len(set(names)) < len(names):
        problems.append(Problem("a column stands there twice.", str(path), row=1))
    if problems:
        raise ProblemsError(problems, str(path))


# --- one rate --------------------------------------------------------------------------------------------------------
def _mistakes(given: Mapping[str, object]) -> Iterator[Problem]:
    """Yield what is wrong with the figures of one year of a currency."""
    code = str(given.get("currency") or "").strip().upper()
    if not _CODE.fullmatch(code):
        hint = "Three letters, such as SEK."
        yield Problem(f"'{given.get('currency') or ''}' is no ISO code of a currency.", column="currency", hint=hint)
    year = given.get("year")
    if not (str(year).isdigit() and _YEARS[0] <= int(str(year)) <= _YEARS[1]):
        hint = f"Years: {_YEARS[0]} to {_YEARS[1]}."
        yield Problem(f"'{'' if year is None else year}' is no year.", column="year", value=year, hint=hint)
    said = {c: given[c] for c in _FIGURES if given.get(c) not in (None, "")}
    if not said:
        yield Problem("neither a rate nor a price level is given.", hint="Give per_eur, price_level or both.")
    for column, value in said.items():
        number = _number(value)
        if number is None:
            hint = "Give a number above 0, with a decimal point."
            yield Problem(f"{column} can't be '{value}'.", column=column, value=value, hint=hint)
        elif column == "per_eur" and code == EURO and number != 1:
            yield Problem(f"one EUR is one EUR, not {number:g}.", column=column, value=value, hint="Leave per_eur out.")
    if not str(given.get("source") or "").strip():
        yield Problem("no source is named.", column="source", hint="Say where the figures come from, with --source.")


def _number(value: object) -> float | None:
    """Return a number above zero, or None."""
    try:
        number = float(str(value))
    except ValueError:
        return None
    return number if math.isfinite(number) and number > 0 else None


def _rate(given: Mapping[str, object]) -> Rate:
    """Return the rate that sound figures say."""
    per_eur, price_level = (_number(given[c]) if given.get(c) not in (None, "") else None for c in _FIGURES)
    code, year = str(given["currency"]).strip().upper(), int(str(given["year"]))
    return Rate(code, year, per_eur, price_level, str(given["source"]).strip())


def _put(writer: Writer, rate: Rate) -> None:
    """Write a rate over what stands there; a figure that is not given stays."""
    facts = {c: getattr(rate, c) for c in COLUMNS}
    held = writer.con.execute(
        "UPDATE meta.currency SET per_eur = coalesce($per_eur, per_eur), price_level = coalesce($price_level, price_level),"
        " source = $source WHERE upper(currency) = $currency AND year = $year RETURNING 1",
        facts,
    ).fetchall()
    if not held:
        names = ", ".join(COLUMNS)
        values = ", ".join(f"${c}" for c in COLUMNS)
        writer.con.execute(f"INSERT INTO meta.currency ({names}) VALUES ({values})", facts)
