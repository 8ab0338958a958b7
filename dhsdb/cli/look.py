"""Commands that look: sql, diff, check, schema; and the upkeep of the file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dhsdb.cli.output import Json, console, credit, emit, rows

if TYPE_CHECKING:
    from dhsdb.diff import Diff

Details = Annotated[bool, typer.Option("--details", help="List all lines, however many.")]
Summary = Annotated[bool, typer.Option("--summary", help="The summary alone.")]
DiffFormat = Annotated[str, typer.Option("--format", help="table, csv, json or html.")]
DiffOutput = Annotated[Path | None, typer.Option("--output", help="File to write; .csv, .json or .html.")]


def sql(
    context: typer.Context,
    query: Annotated[str, typer.Argument(help="One SQL statement; `-` reads it from standard input.")],
    form: Annotated[str, typer.Option("--format", help="table, csv, json or parquet.")] = "table",
    output: Annotated[Path | None, typer.Option("--output", help="File to write instead of standard output.")] = None,
    write: Annotated[bool, typer.Option("--write", help="Allow statements that change the store.")] = False,
    as_json: Json = False,
) -> None:
    """Run SQL over the store: read-only unless --write, and never on other files."""
    from dhsdb.attribution import of_query
    from dhsdb.sandbox import query_apart
    from dhsdb.tabular import write_table

    text = sys.stdin.read() if query == "-" else query
    db = context.obj().db
    found = query_apart(db, text, write=write)
    credits_due = of_query(db, text) if found.num_rows else ()
    write_table(found, "json" if as_json else form, output, credits_due)
    credit(credits_due)


def diff(  # noqa: PLR0913, PLR0917  each is an option of the command line
    context: typer.Context,
    a: Annotated[str, typer.Argument(help="Scenario, scenario@revision, or run:NUMBER.")],
    b: Annotated[str, typer.Argument(help="What it is compared with; or a file that would be imported into A.")],
    inputs: Annotated[bool, typer.Option("--inputs", help="Only inputs.")] = False,
    results: Annotated[bool, typer.Option("--results", help="Only results.")] = False,
    table: Annotated[list[str] | None, typer.Option("--table", help="Only this table; may be repeated.")] = None,
    rel_tol: Annotated[
        float, typer.Option("--rel-tol", min=0, help="Results that differ by less, relatively, count as equal.")
    ] = 1e-9,
    abs_tol: Annotated[
        float, typer.Option("--abs-tol", min=0, help="Results that differ by less, in their unit, count as equal.")
    ] = 1e-9,
    as_given: Annotated[
        bool, typer.Option("--as-given", help="Compare amounts of money as stored, even if in different money.")
    ] = False,
    as_format: Annotated[str, typer.Option("--as", help="Format of a file; default recognised.")] = "auto",
    year: Annotated[int | None, typer.Option("--year", help="Model year of a file's rows that name none.")] = None,
    site: Annotated[str | None, typer.Option("--site", help="Site of a file's rows that name none.")] = None,
    query: Annotated[
        str, typer.Option("--sql", help="A statement over changes, profiles, geometries and summary.")
    ] = "",
    details: Details = False,
    summary: Summary = False,
    form: DiffFormat = "table",
    output: DiffOutput = None,
    as_json: Json = False,
) -> None:
    """Compare two scenarios, revisions or runs, or a scenario with a file: what was added, removed and changed."""
    from dhsdb.diff import is_file
    from dhsdb.errors import UserError

    store = context.obj()
    both = inputs == results
    if is_file(store.db, b):
        if results and not both:
            raise UserError(f"{b} is a file, which holds no results.", "Leave --results out.")
        found = store.diff(a, b, format=as_format, year=year, site=site, tables=table or None)
    else:
        if as_format != "auto" or year is not None or site is not None:
            raise UserError(f"--as, --year and --site are for files; '{b}' is none.", "Leave them out.")
        found = store.diff(
            a, b, inputs=both or inputs, results=both or results, tables=table or None, rel_tol=rel_tol, abs_tol=abs_tol,
            as_given=as_given,
        )  # fmt: skip
    form = "json" if as_json else form
    if query:
        _query(found, query, form, output)
        credit(found.attribution)
    else:
        show_diff(found, form, details=wanted(details=details, summary=summary), output=output)


def _query(found: Diff, query: str, form: str, output: Path | None) -> None:
    from dhsdb.sandbox import query_relations_apart
    from dhsdb.tabular import write_table

    tables = {name: relation.table for name, relation in found.relations.items()}
    write_table(query_relations_apart(tables, query), form, output)


def wanted(*, details: bool, summary: bool) -> bool | None:
    """Return whether the lines of a diff are asked for; None = if they are few.

    Raises
    ------
    UserError
        If both or neither can't be.
    """
    from dhsdb.errors import UserError

    if details and summary:
        raise UserError("--details and --summary exclude each other.", "Leave one out.")
    return True if details else False if summary else None


def show_diff(
    found: Diff,
    form: str = "table",
    *,
    details: bool | None = None,
    limit: int | None = None,
    output: Path | None = None,
) -> None:
    """Print a diff, or write it to a file: as a table, CSV, JSON or HTML; all but the table hold everything.

    Parameters
    ----------
    details, limit
        Whether a table shows the lines (None = if they are few), and at most how many per table of the store.
    output
        File; its name says the format if none is given.
    """
    from dhsdb import diff_render
    from dhsdb.errors import UnknownNameError, UserError

    writers = {"csv": diff_render.to_csv, "json": diff_render.to_json, "html": diff_render.to_html}
    if form not in ("table", *writers):
        raise UnknownNameError("format", form, ["table", *writers])
    if form == "table" and output is None:
        console().print(diff_render.to_table(found, details=details, limit=limit))
        return
    if form == "table":
        form = str(output and output.suffix.lower().removeprefix("."))
        if form not in writers:
            raise UserError(f"'{output}' does not say its format.", "Add --format csv, json or html.")
    text = writers[form](found)
    if form == "csv":  # which has no place for it
        credit(found.attribution)
    if output is None:
        print(text, end="" if text.endswith("\n") else "\n")
        return
    try:
        output.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise UserError(f"{output} can't be written: {error.strerror}.", "Name another file.") from None
    console(stderr=True).print(f"{found.headline}; written to {output}", markup=False, soft_wrap=True)


def check(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Scenario, or scenario@revision; default all.")] = "",
    severity: Annotated[
        list[str] | None, typer.Option("--severity", help="Only error, warning or info; may be repeated.")
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="List the codes with what they mean.")] = False,
    as_json: Json = False,
) -> None:
    """Check references, uniqueness, units and plausibility; exit code 2 if there are errors."""
    from dhsdb.check import SEVERITIES, meanings, summary
    from dhsdb.errors import EXIT_USER, UnknownNameError

    if listed:
        rows([{n: getattr(m, n) for n in m.__dataclass_fields__} for m in meanings()], as_json=as_json)
        return
    for wrong in (s for s in severity or () if s not in SEVERITIES):
        raise UnknownNameError("severity", wrong, SEVERITIES)
    store = context.obj()
    if name:
        store.scenario(name)
    found = store.check(name or None)
    shown = [f for f in found if not severity or f.severity in severity]
    columns = [
        n for n in ("scenario", "severity", "code", "location", "message") if n != "scenario" or not name or as_json
    ]
    empty = f"Nothing of severity {' or '.join(severity or ())}." if found else "Nothing found."
    rows([{n: getattr(f, n) for n in columns} for f in shown], as_json=as_json, empty=empty)
    if found and not as_json:
        emit(None, as_json=False, text=summary(found))
    raise typer.Exit(EXIT_USER if any(f.severity == "error" for f in found) else 0)


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
