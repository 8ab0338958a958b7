"""Commands on rates and price levels: money list, set, remove, import."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from dhsdb.cli.output import Json, emit, rows

app = typer.Typer(
    help="Exchange rates and price levels, by which scenarios of different money are compared.", no_args_is_help=True
)
Source = Annotated[str, typer.Option("--source", help="Where the figures come from.")]


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List the rates and price levels that the store holds."""
    from dhsdb.rates import rates

    found = [asdict(rate) for rate in rates(context.obj().db)]
    empty = "no rates; `dhsdb money set CURRENCY YEAR --per-eur X --price-level Y --source TEXT` adds one"
    if not as_json:  # a year is no amount, and rates want more digits than a screen table gives
        found = [{n: v if v is None else str(v) for n, v in rate.items()} for rate in found]
    rows(found, as_json=as_json, empty=empty)


@app.command("set")
def set_(
    context: typer.Context,
    currency: Annotated[str, typer.Argument(help="ISO code, such as SEK.")],
    year: Annotated[int, typer.Argument(help="Price year.")],
    per_eur: Annotated[
        float | None, typer.Option("--per-eur", help="Units of the currency per EUR, mean of the year.")
    ] = None,
    price_level: Annotated[
        float | None, typer.Option("--price-level", help="Price level of the currency area, any base year = 100.")
    ] = None,
    source: Source = "",
    as_json: Json = False,
) -> None:
    """Set the rate, the price level, or both, of a currency in a year."""
    from dhsdb.rates import set_rate

    rate = set_rate(context.obj().db, currency, year, per_eur=per_eur, price_level=price_level, source=source)
    figures = [f"{n} {v:g}" for n, v in (("per EUR", rate.per_eur), ("price level", rate.price_level)) if v is not None]
    emit(asdict(rate), as_json=as_json, text=f"{rate.currency} {rate.year}: {', '.join(figures)} ({rate.source})")


@app.command("remove")
def remove(
    context: typer.Context,
    currency: Annotated[str, typer.Argument(help="ISO code.")],
    year: Annotated[int | None, typer.Argument(help="Price year; default all years.")] = None,
    as_json: Json = False,
) -> None:
    """Remove a currency's figures of a year, or of all years."""
    from dhsdb.rates import remove_rate

    n = remove_rate(context.obj().db, currency, year)
    emit({"removed": n}, as_json=as_json, text=f"{currency.upper()}: {n} year(s) removed")


@app.command("import")
def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="CSV with columns currency, year, per_eur, price_level, source.")],
    source: Source = "",
    as_json: Json = False,
) -> None:
    """Read rates from a CSV file: all of it, or nothing and a report of all problems."""
    from dhsdb.rates import import_rates

    found = import_rates(context.obj().db, file, source)
    text = f"{len(found)} row(s) of {len({r.currency for r in found})} currencies set from {file}"
    emit([asdict(rate) for rate in found], as_json=as_json, text=text)
