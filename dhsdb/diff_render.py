"""How a diff looks: a table on the screen, CSV, JSON, an HTML page. What differs is decided in :mod:`~dhsdb.diff`."""

from __future__ import annotations

import csv
import html
import io
import json
import math
from itertools import groupby
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.console import Group

    from dhsdb.diff import Diff


_SHORT = 12
_MARK = {"added": "+", "removed": "-", "changed": "~"}
_STYLE = {"added": "green", "removed": "red", "changed": ""}
_COLUMNS = ("", "key", "year", "column", "old", "new", "change", "relative", "unit")
_CSS = """body{font:14px system-ui,sans-serif;margin:2em;color:#222}table{border-collapse:collapse;margin:0 0 1.5em}
th,td{padding:.2em .7em;border-bottom:1px solid #ddd;text-align:left}
td.n{text-align:right;font-variant-numeric:tabular-nums}
tr.added{background:#eaf7ea}tr.removed{background:#fbeaea}.warning{color:#8a5a00}"""


def to_table(diff: Diff, *, details: bool = True, limit: int | None = 40) -> Group:
    """Return a diff for the screen: a summary first, then the lines of each table.

    Parameters
    ----------
    details
        Whether to show the lines, or the summary alone.
    limit
        Most lines per table; None = all.
    """
    from rich.console import Group
    from rich.text import Text

    parts: list[Any] = [Text(f"{diff.a} -> {diff.b}", style="bold"), Text(diff.headline)]
    parts += [Text(f"warning: {w}", style="yellow") for w in diff.warnings]
    if diff:
        parts.append(_summary_table(diff))
    if details:
        parts += [_detail_table(area, table, rows, limit) for (area, table), rows in _by_table(diff)]
    return Group(*parts)


def to_csv(diff: Diff) -> str:
    """Return all changes as CSV, one line per cell."""
    columns = [c for c in diff.changes.columns if c != "keys"]
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(diff.changes.rows())
    return out.getvalue()


def to_dict(diff: Diff) -> dict[str, Any]:
    """Return a diff as plain values for JSON: numbers that are not finite become text, geometries stay out."""
    return {
        "a": diff.a,
        "b": diff.b,
        "headline": diff.headline,
        "warnings": list(diff.warnings),
        "summary": [
            {"area": s.area, "table": s.table, "cells": s.cells, "added": s.added, "removed": s.removed}
            for s in diff.summary
        ],
        "changes": [_plain(row) for row in diff.changes.rows()],
        "profiles": [_plain(row) for row in diff.profiles.rows()],
        "geometries": [
            _plain({n: v for n, v in row.items() if not n.endswith("_wkb")}) for row in diff.geometries.rows()
        ],
    }


def to_json(diff: Diff) -> str:
    """Return a diff as one JSON document."""
    return json.dumps(to_dict(diff), ensure_ascii=False, indent=1, allow_nan=False)


def to_html(diff: Diff) -> str:
    """Return a diff as a page that needs nothing else."""
    title = html.escape(f"{diff.a} → {diff.b}")
    warnings = "".join(f'<p class="warning">{html.escape(w)}</p>' for w in diff.warnings)
    head = ("area", "table", "cells changed", "rows added", "rows removed")
    summary = _html_table(head, ([s.area, s.table, s.cells, s.added, s.removed] for s in diff.summary))
    details = "".join(
        f"<h2>{html.escape(table)} <small>({area})</small></h2>" + _html_table(_COLUMNS[1:], _html_rows(rows), rows)
        for (area, table), rows in _by_table(diff)
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>{_CSS}</style></head>'
        f"<body><h1>{title}</h1><p>{html.escape(diff.headline)}</p>{warnings}{summary if diff else ''}{details}"
        "</body></html>"
    )


# --- lines -----------------------------------------------------------------------------------------------------------
def _by_table(diff: Diff) -> Iterator[tuple[tuple[str, str], list[dict[str, Any]]]]:
    """Yield (area, table) and its lines, with the figures of profiles and geometries in words."""
    notes = _notes(diff)
    for at, rows in groupby(diff.changes.rows(), key=lambda r: (r["area"], r["table"])):
        yield at, [row | {"note": notes.get((row["table"], row["key"], row["column"]), "")} for row in rows]


def _notes(diff: Diff) -> dict[tuple[str, str, str], str]:
    """Return what is said of a changed profile or geometry besides its size."""
    notes = {}
    for row in diff.profiles.rows():
        if row["change"] == "changed" and row["hours_changed"] is not None:
            alike = "" if row["correlation"] is None else f", correlation {row['correlation']:.4f}"
            peak = f"peak {_number(row['old_peak'])} -> {_number(row['new_peak'])}"
            notes["profile", row["key"], "sha256"] = f"{peak}, {row['hours_changed']:,.0f} h changed{alike}"
    for row in diff.geometries.rows():
        if row["change"] == "changed" and row["moved_m"] is not None:
            far = "" if row["hausdorff_m"] is None else f", Hausdorff distance {_number(row['hausdorff_m'])} m"
            notes[row["table"], row["key"], row["column"]] = f"moved {_number(row['moved_m'])} m{far}"
    return notes


def _cells(row: Mapping[str, Any]) -> list[str]:
    """Return a line as texts, in the order of ``_COLUMNS``."""
    relative = row["relative"]
    is_profile = row["table"] == "profile" and row["column"] == "sha256"
    old, new = (_shown(row, side, is_profile=is_profile) for side in ("old", "new"))
    return [
        _MARK[row["change"]],
        row["key"],
        "" if row["year"] is None else str(row["year"]),
        f"{row['column'] or ''} ({row['note']})" if row["note"] else row["column"] or "",
        old,
        new,
        "" if row["absolute"] is None else _number(row["absolute"], sign="+"),
        "" if relative is None else f"{100 * relative:+,.1f} %",
        row["unit"],
    ]


def _shown(row: Mapping[str, Any], side: str, *, is_profile: bool) -> str:
    text, value = row[side], row[f"{side}_value"]
    if text is None:
        return "" if row["change"] in ("added", "removed") else "NULL"
    if is_profile:
        return f"{text[:_SHORT]} (sum {_number(value)})" if value is not None else text[:_SHORT]
    try:
        return text if value is None else _number(float(text))
    except ValueError:  # a geometry: its text says what it is, its value how large
        return str(text)


def _number(value: float | None, sign: str = "") -> str:
    if value is None:
        return "NULL"
    return f"{value:{sign},.0f}" if value == round(value) and abs(value) < 1e15 else f"{value:{sign},.6g}"  # noqa: PLR2004


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {n: str(v) if isinstance(v, float) and not math.isfinite(v) else v for n, v in row.items()}


# --- tables ----------------------------------------------------------------------------------------------------------
def _summary_table(diff: Diff) -> Any:
    from rich.table import Table

    table = Table("area", "table")
    for name in ("cells changed", "rows added", "rows removed"):
        table.add_column(name, justify="right")
    for s in diff.summary:
        table.add_row(s.area, s.table, *(str(n) if n else "" for n in (s.cells, s.added, s.removed)))
    return table


def _detail_table(area: str, name: str, rows: list[dict[str, Any]], limit: int | None) -> Any:
    from rich.table import Table
    from rich.text import Text

    shown = rows if limit is None else rows[:limit]
    more = f"{len(rows) - len(shown):,} more lines; --format csv lists all" if len(rows) > len(shown) else None
    table = Table(title=f"{name} ({area})", title_justify="left", caption=more)
    for column in _COLUMNS:
        table.add_column(column, justify="right" if column in ("old", "new", "change", "relative") else "left")
    for row in shown:
        table.add_row(*(Text(cell) for cell in _cells(row)), style=_STYLE[row["change"]])
    return table


def _html_rows(rows: list[dict[str, Any]]) -> Iterator[list[str]]:
    return (_cells(row)[1:] for row in rows)


def _html_table(head: tuple[str, ...], rows: Any, marks: list[dict[str, Any]] | None = None) -> str:
    top = "".join(f"<th>{html.escape(h)}</th>" for h in head)
    body = []
    for i, row in enumerate(rows):
        mark = f' class="{marks[i]["change"]}"' if marks else ""
        cells = "".join(_html_cell(h, value) for h, value in zip(head, row, strict=True))
        body.append(f"<tr{mark}>{cells}</tr>")
    return f"<table><thead><tr>{top}</tr></thead><tbody>{''.join(body)}</tbody></table>"


def _html_cell(head: str, value: object) -> str:
    kind = ' class="n"' if isinstance(value, int) or head in ("old", "new", "change", "relative") else ""
    return f"<td{kind}>{html.escape(str(value))}</td>"
