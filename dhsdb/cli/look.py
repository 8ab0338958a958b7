"""Commands that look: sql, diff, check, schema; and the upkeep of the file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dhsdb.cli.output import Json, console, emit, rows

if TYPE_CHECKING:
    from dhsdb.diff import Diff


def sql(
    context: typer.Context,
    query: Annotated[str, typer.Argument(help="One SQL statement; `-` reads it from standard input.")],
    form: Annotated[str, typer.Option("--format", help="table, csv, json or parquet.")] = "table",
    output: Annotated[Path | None, typer.Option("--output", help="File to write instead of standard output.")] = None,
    write: Annotated[bool, typer.Option("--write", help="Allow statements that change the store.")] = False,
    as_json: Json = False,
) -> None:
    """Run SQL over the store: read-only unless --write, and never on other files."""
    from dhsdb.sandbox import query_apart
    from dhsdb.tabular import write_table

    text = sys.stdin.read() if query == "-" else query
    db = context.obj().db
    write_table(query_apart(db, text, write=write), "json" if as_json else form, output)


def diff(
    context: typer.Context,
    a: Annotated[str, typer.Argument(help="Scenario, scenario@revision, or run:NUMBER.")],
    b: Annotated[str, typer.Argument(help="What it is compared with.")],
    inputs: Annotated[bool, typer.Option("--inputs", help="Only inputs.")] = False,
    results: Annotated[bool, typer.Option("--results", help="Only results.")] = False,
    table: Annotated[list[str] | None, typer.Option("--table", help="Only this table; may be repeated.")] = None,
    form: Annotated[str, typer.Option("--format", help="table, csv, json or html.")] = "table",
    as_json: Json = False,
) -> None:
    """Compare two scenarios, revisions or runs: what was added, removed and changed."""
    both = inputs == results
    found = context.obj().diff(a, b, inputs=both or inputs, results=both or results, tables=table or None)
    show_diff(found, "json" if as_json else form)


def show_diff(found: Diff, form: str, limit: int | None = 40) -> None:
    """Print a diff as a table (of at most ``limit`` lines per part), CSV, JSON or HTML."""
    from dhsdb import diff_render
    from dhsdb.errors import UnknownNameError

    if form == "table":
        console().print(diff_render.to_table(found, limit=limit))
        return
    writers = {"csv": diff_render.to_csv, "json": diff_render.to_json, "html": diff_render.to_html}
    if form not in writers:
        raise UnknownNameError("format", form, ["table", *writers])
    print(writers[form](found))


def check(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Scenario; default all.")] = "",
    as_json: Json = False,
) -> None:
    """Check references, uniqueness, units and plausibility; exit code 2 if there are errors."""
    from dhsdb.errors import EXIT_USER

    store = context.obj()
    if name:
        store.scenario(name)
    found = [
        {"scenario": f.scenario, "severity": f.severity, "code": f.code, "location": f.location, "message": f.message}
        for f in store.check(name or None)
    ]
    rows(found, as_json=as_json, empty="Nothing found.")
    raise typer.Exit(EXIT_USER if any(f["severity"] == "error" for f in found) else 0)


def schema(table: Annotated[str, typer.Argument(help="Table; default all.")] = "", as_json: Json = False) -> None:
    """Show the data dictionary: tables, columns, units and meaning."""
    from dhsdb.contents import dictionary

    rows(dictionary(table), as_json=as_json, title=table)


def compact(context: typer.Context, as_json: Json = False) -> None:
    """Rewrite the file without what nothing refers to."""
    before, after = context.obj().compact()
    text = f"{before / 1e6:.1f} MB before, {after / 1e6:.1f} MB after"
    emit({"bytes_before": before, "bytes_after": after}, as_json=as_json, text=text)


def backup(
    context: typer.Context, file: Annotated[Path, typer.Argument(help="New file.")], as_json: Json = False
) -> None:
    """Copy the store consistently to a new file."""
    written = context.obj().backup(file)
    emit({"backup": str(written)}, as_json=as_json, text=f"copied to {written}")


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (sql, diff, check, schema, compact, backup):
        app.command()(command)
