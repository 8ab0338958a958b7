# ruff: noqa: INP001  a script, no package
"""Write ``docs/data-dictionary.md`` from the table classes, which are the one definition of every column.

Run it after a change of a table: ``python docs/make_dictionary.py``. A test holds the file against the classes.
"""

from __future__ import annotations

from pathlib import Path

from dhsdb.contents import dictionary
from dhsdb.schema.catalog import CONTROL, INPUT, RESULT

FILE = Path(__file__).with_name("data-dictionary.md")

HEAD = """# Data dictionary

Made from the table classes by `python docs/make_dictionary.py`; do not edit. `dhsdb schema [TABLE]` says the same, and so
do the COMMENTs of the store's columns. `money` stands for the currency of the scenario at its price year. In the
column *unit*, an empty cell means a name, a count, or a number without unit.
"""

PARTS = (
    (
        "Inputs",
        INPUT,
        (
            "What a study knows. Read them as `input.TABLE`, whose first columns are `scenario` and `year` (NULL = every year "
            "where the scenario has no model years), or at a revision as `input.TABLE_at('NAME', REVISION)`. The rows of the "
            "layers, from which these views are resolved, stand in schema `layer`."
        ),
    ),
    (
        "Results",
        RESULT,
        (
            "What runs wrote. Read them through the views of the same name (`capacity`, `flow`, ...), which join the names in "
            "`result.item` back; see [store.md](store.md)."
        ),
    ),
    ("Control", CONTROL, "Scenarios, stacks, revisions, sources, series, runs, chains, findings: schema `meta`."),
)


def text() -> str:
    """Return the dictionary as Markdown."""
    lines = [HEAD]
    for title, tables, about in PARTS:
        lines += [f"## {title}\n", f"{about}\n"]
        for name, table in tables.items():
            comment = (table.__table__.comment or "").strip()
            lines += [f"### {name}\n", f"{comment}.\n", *_columns(table.qualified())]
    return "\n".join(lines).rstrip() + "\n"


def _columns(table: str) -> list[str]:
    lines = ["| column | type | unit | meaning | allowed |", "|---|---|---|---|---|"]
    for row in dictionary(table):
        name = f"**{row['column']}**" if row["key"] else row["column"]
        cells = (name, row["type"], row["unit"], row["meaning"], row["allowed"])
        lines.append("| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |")
    return [*lines, ""]


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8", newline="\n")
