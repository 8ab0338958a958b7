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
    from collections.abc import Iterable, Iterator, Mapping

    from rich.console import Group

    from dhsdb.diff import Diff


_SHORT = 12
_MARK = {"added": "+", "removed": "-", "changed": "~"}
_STYLE = {"added": "green", "removed": "red", "changed": ""}
_SUMMARY = ("area", "table", "cells changed", "rows added", "rows removed")
_NUMBERS = (*_SUMMARY[2:], "old", "new", "change", "relative")
_COLUMNS = ("", "key", "year", "column", "old", "new", "change", "relative", "unit")
_CSS = """:root{color-scheme:light dark}
body{font:14px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:78rem;padding:0 1.5rem;color:#1c2530;background:#fff}
h1{font-size:1.5rem;margin:0 0 .2rem}p.headline{font-size:1.05rem;margin:.2rem 0 1.2rem;color:#46525f}
p.warning{border-left:4px solid #c98a1b;background:#fdf5e6;padding:.4rem .8rem;margin:.4rem 0;color:#6b4707}
table{border-collapse:collapse;margin:0 0 1rem;background:#fff}
th{background:#eef2f5;font-weight:600;border-bottom:2px solid #c8d2da}
th,td{padding:.28rem .8rem;text-align:left;vertical-align:top}td{border-bottom:1px solid #e4e9ed}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
tr.added{background:#eaf6ec}tr.removed{background:#fbecec}.note{color:#5d6975}
details{border:1px solid #d9e0e6;border-radius:6px;margin:0 0 .8rem;padding:.1rem .9rem}
summary{cursor:pointer;padding:.5rem 0;font-weight:600}summary small{font-weight:400;color:#5d6975;margin-left:.5rem}
details>div{overflow-x:auto}
@media(prefers-color-scheme:dark){body,table{background:#161b21;color:#dfe5ea}th{background:#232b34;border-color:#3a4652}
td{border-color:#2b343d}tr.added{background:#17301d}tr.removed{background:#3a1c1e}p.warning{background:#33270f;color:#f0cf91}
details{border-color:#323d47}p.headline,.note,summary small{color:#9aa7b3}}"""
FEW = 40
"""Lines up to which the screen shows them all without being asked."""


def to_table(diff: Diff, *, details: bool | None = None, limit: int | None = None) -> Group:
    """Return a diff for the screen: a summary first, then the lines of each table.

    Parameters
    ----------
    details
        Whether to show the lines; None = if they are :data:`FEW`, else a hint.
    limit
        Most lines per table; None = all.
    """
    from rich.console import Group
    from rich.text import Text

    parts: list[Any] = [Text(f"{diff.a} -> {diff.b}", style="bold"), Text(diff.headline)]
    parts += [Text(f"warning: {w}", style="yellow") for w in diff.warnings]
    if diff:
        parts.append(_summary_table(diff))
    shown = limit is not None or len(diff.changes) <= FEW if details is None else details
    if shown:
        parts += [_detail_table(area, table, rows, limit) for (area, table), rows in _by_table(diff)]
    elif details is None:
        parts.append(Text(f"{len(diff.changes):,} lines: --details lists them, --table TABLE narrows.", style="dim"))
    parts += [Text(credit, style="dim") for credit in diff.attribution]
    return Group(*parts)


def to_csv(diff: Diff) -> str:
    """Return all changes as CSV, one line per cell; ``note`` has the figures of profiles and geometries in words."""
    columns = [c for c in diff.changes.columns if c != "keys"]
    out = io.StringIO()
    writer = csv.DictWriter(out, [*columns, "note"], extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for _, rows in _by_table(diff):
        writer.writerows(rows)
    return out.getvalue()


def to_dict(diff: Diff) -> dict[str, Any]:
    """Return a diff as plain values for JSON: numbers that are not finite become text, geometries stay out."""
    return {
        "a": diff.a,
        "b": diff.b,
        "headline": diff.headline,
        "warnings": list(diff.warnings),
        "attribution": list(diff.attribution),
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
    """Return a diff as a page that needs nothing else: the summary, then the lines of each table to unfold."""
    title = html.escape(f"{diff.a} → {diff.b}")
    warnings = "".join(f'<p class="warning">{html.escape(w)}</p>' for w in diff.warnings)
    summary = _html_table(
        _SUMMARY, ([s.area, s.table, s.cells or "", s.added or "", s.removed or ""] for s in diff.summary)
    )
    opened = " open" if len(diff.changes) <= FEW else ""
    details = "".join(
        f"<details{opened}><summary>{html.escape(table)}<small>{area}, {len(rows):,} line{'s' * (len(rows) != 1)}</small>"
        f"</summary><div>{_html_table(_COLUMNS[1:], (_cells(row)[1:] for row in rows), rows)}</div></details>"
        for (area, table), rows in _by_table(diff)
    )
    credit = "".join(f'<p class="note">{html.escape(text)}</p>' for text in diff.attribution)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{title}</title><style>{_CSS}</style></head>"
        f'<body><h1>{title}</h1><p class="headline">{html.escape(diff.headline)}</p>{warnings}'
        f"{summary if diff else ''}{details}{credit}</body></html>"
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

    table = Table(*_SUMMARY[:2])
    for name in _SUMMARY[2:]:
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
        table.add_column(column, justify="right" if column in _NUMBERS else "left")
    for row in shown:
        table.add_row(*(Text(cell) for cell in _cells(row)), style=_STYLE[row["change"]])
    return table


def _html_table(head: tuple[str, ...], rows: Iterable[list[Any]], marks: list[dict[str, Any]] | None = None) -> str:
    top = "".join(f"<th{_css(h)}>{html.escape(h)}</th>" for h in head)
    body = []
    for i, row in enumerate(rows):
        mark = f' class="{marks[i]["change"]}"' if marks else ""
        cells = "".join(f"<td{_css(h)}>{html.escape(str(value))}</td>" for h, value in zip(head, row, strict=True))
        body.append(f"<tr{mark}>{cells}</tr>")
    return f"<table><thead><tr>{top}</tr></thead><tbody>{''.join(body)}</tbody></table>"


def _css(head: str) -> str:
    return ' class="n"' if head in _NUMBERS else ""
