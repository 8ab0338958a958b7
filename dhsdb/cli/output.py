"""What commands print: rich tables for people, one JSON document for scripts."""

from __future__ import annotations

import json
import math
import os
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rich.console import Console

_ENDLESS = 100_000
"""Width of what has none."""

Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output, nothing else.")]
Message = Annotated[str, typer.Option("-m", "--message", help="Why the change is made.")]


def console(*, stderr: bool = False) -> Console:
    """Return a console; what is not the answer goes to standard error.

    A pipe or a file has no width: there lines are as long as they are, unless ``$COLUMNS`` says otherwise.
    """
    from rich.console import Console

    made = Console(stderr=stderr, highlight=False)
    if not (stderr or made.is_terminal or "COLUMNS" in os.environ):
        made.width = _ENDLESS
    return made


def emit(document: object, *, as_json: bool, text: str = "") -> None:
    """Print a document as JSON, or a text for people."""
    if as_json:
        print(json.dumps(plain(document), ensure_ascii=False))
    elif text:
        console().print(text, markup=False)


def credit(attributions: Iterable[str]) -> None:
    """Show what the licences of sources ask for; on standard error, since the answer itself may go to a program."""
    for text in attributions:
        console(stderr=True).print(text, markup=False, soft_wrap=True)


def rows(
    records: Sequence[Mapping[str, Any]],
    *,
    as_json: bool,
    title: str = "",
    columns: Iterable[str] = (),
    empty: str = "nothing",
) -> None:
    """Print records: a JSON list, or a table with the columns named that say anything (all by default)."""
    if as_json:
        print(json.dumps(plain(list(records)), ensure_ascii=False))
        return
    if not records:
        console().print(empty, markup=False)
        return
    from rich.table import Table

    names = [n for n in columns if any(r[n] is not None for r in records)] or list(records[0])
    if title:
        console().print(title, style="bold", markup=False)
    table = Table(header_style="bold")
    for name in names:
        right = any(isinstance(r[name], (int, float)) and not isinstance(r[name], bool) for r in records)
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    for record in records:
        table.add_row(*(shown(record[n]) for n in names))
    console().print(table)


def shown(value: object) -> str:
    """Return a value as people read it."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1e4 else f"{value:,.4g}" if value else "0"  # noqa: PLR2004
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, (list, tuple)):
        return ", ".join(shown(v) if isinstance(v, float) else str(v) for v in value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"<{len(value)} bytes>"
    return str(value)


def plain(value: object) -> object:
    """Return a value as JSON holds it: NaN and infinity as null, times as ISO text, geometries as hex WKB."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (str, bool, int)) or value is None:
        return value
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(v) for v in value]
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    if hasattr(value, "item"):
        return plain(value.item())
    return str(value)
