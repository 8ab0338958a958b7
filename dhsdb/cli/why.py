"""How the command line shows where cells come from, and how far a scenario is behind what it stands on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dhsdb.cli.output import console, rows, shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dhsdb.relation import Relation

MOST = 500
"""Cells that a screen gets."""

_HASH = 12


def show_blame(found: Relation, name: str, table: str, *, narrowed: bool, as_json: bool) -> None:
    """Print a line per cell: where its value comes from and what it overrides."""
    if as_json:
        rows(found.rows(), as_json=True)
        return
    cut = found.table.slice(0, MOST).to_pylist()
    lines = [_line(cell, table) for cell in cut]
    which = " that match" if narrowed else ""
    names = [n for n in (lines[0] if lines else ()) if any(line[n] for line in lines)]
    rows(
        lines, as_json=False, title=f"{table} of {name}", columns=names, empty=f"{name} has no rows of {table}{which}."
    )
    if len(found) > MOST:
        more = f'{len(found) - MOST:,} more cells; --where "SQL condition" narrows, --json gives all'
        console().print(more, markup=False)


def behind_words(layers: Sequence[str]) -> str:
    """Return ``base is 3 revisions behind`` from entries like ``base: 3`` of the view ``scenarios``."""
    parts = [entry.rpartition(": ")[::2] for entry in layers]
    return ", ".join(f"{layer} is {n} revision{'s' * (n != '1')} behind" for layer, n in parts)


def behind_note(name: str, layers: Sequence[str]) -> str:
    """Return a sentence that says how far a scenario is behind, and what to do; empty if it isn't."""
    return f"{name}: {behind_words(layers)}; `dhsdb scenario rebase {name}` moves it" if layers else ""


def _line(cell: Mapping[str, Any], table: str) -> dict[str, str]:
    place = ", ".join(
        str(p)
        for p in (cell["source"], cell["sheet"], None if cell["source_row"] is None else f"row {cell['source_row']}")
        if p
    )
    restored = "" if cell["restored"] is None else f", restored by revision {cell['restored']}"
    lower = ", ".join(f"{_value(o['value'], table)} ({o['layer']}@{o['revision']})" for o in cell["overrides"])
    return {
        "key": cell["key"],
        "year": "" if cell["year"] is None else str(cell["year"]),
        "column": cell["column"],
        "value": _of(cell, table),
        "unit": cell["unit"],
        "from": f"{cell['layer']}@{cell['revision']}{restored}",
        "on": shown(cell["created_at"]),
        "by": cell["author"] or "",
        "message": cell["message"] or "",
        "source": place,
        "overrides": f"overrides {lower}" if lower else "",
    }


def _of(cell: Mapping[str, Any], table: str) -> str:
    if cell["value"] is None:
        return "set to NULL" if cell["kind"] == "set" else "NULL"
    if table == "profile" and cell["column"] == "sha256" and cell["number"] is not None:
        return f"{_value(cell['value'], table)}, sum {shown(cell['number'])}"
    return _value(cell["value"], table)


def _value(text: str | None, table: str) -> str:
    """Return a value as people read it: numbers short, hashes of profiles by their first letters."""
    if text is None:
        return "NULL"
    if table == "profile":
        return text[:_HASH]
    try:
        return f"{float(text):,.10g}"
    except ValueError:
        return text
