"""``dhsdb scenario``: make, compose, show, edit, rebase, revert and delete scenarios."""

from __future__ import annotations

from typing import Annotated

import typer

from dhsdb.cli.changes import show_composed
from dhsdb.cli.output import Json, Message, credit, emit, rows
from dhsdb.errors import few

app = typer.Typer(help="Create, derive, compose, show, edit, rebase and revert scenarios.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Scenario.")]
Prefer = Annotated[
    list[str] | None,
    typer.Option(
        "--prefer", help="Scenario whose layers stand above the others and decide; may be repeated, strongest first."
    ),
]
Where = Annotated[str, typer.Option("--where", help="SQL condition on the rows.")]


@app.command()
def new(
    context: typer.Context,
    name: Name,
    years: Annotated[str, typer.Option("--years", help="Model years, comma separated.")] = "",
    message: Message = "",
    as_json: Json = False,
) -> None:
    """Create an empty scenario."""
    ref = context.obj(create=True).new(name, _years(years), message)
    emit(
        {"scenario": name, "revision": ref.revision},
        as_json=as_json,
        text=f"scenario {name} at revision {ref.revision}",
    )


@app.command()
def derive(
    context: typer.Context,
    name: Name,
    base: Annotated[str, typer.Option("--from", help="Scenario that it stands on, perhaps at a revision: base@7.")],
    message: Message = "",
    as_json: Json = False,
) -> None:
    """Create a scenario on top of another; it stores only what differs."""
    ref = context.obj().derive(name, base, message)
    emit({"scenario": name, "revision": ref.revision}, as_json=as_json, text=f"scenario {name}, derived from {base}")


@app.command()
def compose(
    context: typer.Context,
    name: Name,
    base: Annotated[str, typer.Option("--from", help="Scenario at the bottom, perhaps at a revision.")],
    layers: Annotated[list[str], typer.Option("--with", help="Scenario whose layers are put on top; may be repeated.")],
    prefer: Prefer = None,
    message: Message = "",
    as_json: Json = False,
) -> None:
    """Create a scenario from a base and the layers of others; cells that they set differently are listed."""
    made = context.obj().compose(name, base, layers, message, prefer or ())
    show_composed([made], as_json=as_json)


@app.command()
def grid(
    context: typer.Context,
    base: Annotated[str, typer.Option("--from", help="Scenario at the bottom of all, perhaps at a revision.")],
    axis: Annotated[
        list[str],
        typer.Option("--axis", help="Scenarios of an axis, comma separated; the base's own name means: as the base."),
    ],
    pattern: Annotated[
        str, typer.Option("--name", help="Name with {} for each axis; default the names joined by +.")
    ] = "",
    prefer: Prefer = None,
    message: Message = "",
    as_json: Json = False,
) -> None:
    """Compose a scenario for each combination of one scenario per axis, such as 2 x 2 x 3."""
    axes = [[name.strip() for name in one.split(",")] for one in axis]
    made = context.obj().grid(base, axes, pattern, message, prefer or ())
    show_composed(made, as_json=as_json)


@app.command()
def rebase(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(help="Scenarios.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All scenarios that are behind.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change; write nothing.")] = False,
    message: Message = "",
    as_json: Json = False,
) -> None:
    """Move scenarios to the newest revisions of what they stand on, and show what changes and what does not come through."""
    from dhsdb.cli.changes import show_rebased
    from dhsdb.errors import UserError

    if bool(names) == everything:
        raise UserError("name the scenarios to rebase, or --all.", "`dhsdb scenario list` shows which are behind.")
    done = context.obj().rebase(*(names or ()), message=message, dry_run=dry_run)
    show_rebased(done, dry_run=dry_run, as_json=as_json)


@app.command()
def revert(
    context: typer.Context,
    name: Name,
    revision: Annotated[str, typer.Argument(help="Revision or tag whose state is restored.")],
    message: Message = "",
    as_json: Json = False,
) -> None:
    """Restore an old state as a new revision; what came between stays in the log."""
    from dhsdb.cli.changes import show_reverted

    show_reverted(context.obj().revert(name, revision, message), as_json=as_json)


@app.command()
def merge(
    context: typer.Context,
    name: Name,
    other: Annotated[str, typer.Option("--with", help="Scenario whose changes come in, perhaps at a revision.")],
    prefer: Annotated[
        str, typer.Option("--prefer", help="Which of the two decides where both changed a cell; else that is refused.")
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change; write nothing.")] = False,
    message: Message = "",
    as_json: Json = False,
) -> None:
    """Bring in what another scenario changed since the common ancestor; cells that both changed are listed."""
    from dhsdb.cli.merges import show_merge

    store = context.obj()
    show_merge(
        lambda: store.merge(name, other, prefer=prefer, message=message, dry_run=dry_run),
        dry_run=dry_run,
        as_json=as_json,
    )


@app.command()
def apply(
    context: typer.Context,
    name: Name,
    before: Annotated[str, typer.Option("--from", help="State before the changes: a scenario, perhaps at a revision.")],
    after: Annotated[str, typer.Option("--to", help="State after the changes.")],
    message: Message,
    prefer: Annotated[
        str,
        typer.Option("--prefer", help="NAME or the state after: who decides where NAME differs from the state before."),
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change; write nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Apply what changed from one state to another onto a scenario."""
    from dhsdb.cli.merges import show_merge

    store = context.obj()
    show_merge(
        lambda: store.apply(name, before, after, message, prefer=prefer, dry_run=dry_run),
        dry_run=dry_run,
        as_json=as_json,
    )


@app.command()
def tag(
    context: typer.Context,
    name: Name,
    revision: Annotated[str, typer.Argument(help="Revision, or another tag of it.")],
    tag_name: Annotated[str, typer.Argument(metavar="TAG", help="Name of the revision.")],
    move: Annotated[bool, typer.Option("--move", help="Let a tag that is given already mean this revision.")] = False,
    as_json: Json = False,
) -> None:
    """Name a revision, so that NAME@TAG means it wherever NAME@REVISION does."""
    ref = context.obj().tag(name, revision, tag_name, move=move)
    emit(
        {"scenario": name, "revision": ref.revision, "tag": tag_name},
        as_json=as_json,
        text=f"{name}@{tag_name} is revision {ref.revision}",
    )


@app.command()
def untag(
    context: typer.Context,
    name: Name,
    tag_name: Annotated[str, typer.Argument(metavar="TAG", help="Name of a revision.")],
    as_json: Json = False,
) -> None:
    """Take a tag from its revision."""
    context.obj().untag(name, tag_name)
    emit({"scenario": name, "removed": tag_name}, as_json=as_json, text=f"{name} has no tag {tag_name} any more")


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List the scenarios, and how far they are behind what they stand on."""
    from dhsdb.cli.why import behind_words

    found = context.obj().sql("SELECT * FROM scenarios ORDER BY scenario").rows()
    lines = found if as_json else [r | {"behind": behind_words(r["behind_of"]) or None} for r in found]
    rows(
        lines,
        as_json=as_json,
        columns=("scenario", "revision", "years", "stack", "behind", "created_at", "message", "epsg"),
        empty="There is no scenario yet. Create one with `dhsdb scenario new` or `dhsdb import`.",
    )
    if any(r["behind"] for r in found) and not as_json:
        hint = "`dhsdb scenario rebase NAME` moves a scenario to the newest revisions of what it stands on"
        emit(None, as_json=False, text=hint)


@app.command()
def show(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Scenario, perhaps at a revision or tag: base@7.")],
    table: Annotated[str, typer.Argument(help="Input table; without it the tables that hold rows are listed.")] = "",
    why: Annotated[
        bool, typer.Option("--why", help="For every cell: its layer, revision, author, message and file.")
    ] = False,
    where: Where = "",
    as_json: Json = False,
) -> None:
    """Show what a scenario holds, the effective rows of one of its tables, or where each cell comes from."""
    from dhsdb.attribution import attributions
    from dhsdb.cli.why import behind_note, show_blame
    from dhsdb.contents import effective_rows, row_counts
    from dhsdb.errors import UserError

    store = context.obj()
    credits_due = attributions(store.db, name)
    if not table and (why or where):
        raise UserError("--why and --where need a table.", f"For example: dhsdb scenario show {name} process --why")
    if why:
        show_blame(store.blame(name, table, where), name, table, narrowed=bool(where), as_json=as_json)
    elif table:
        which = " that match" if where else ""
        rows(
            effective_rows(store.db, name, table, where),
            as_json=as_json,
            title=f"{table} of {name}",
            empty=f"{name} has no rows of {table}{which}.",
        )
    else:
        rows(row_counts(store.db, name), as_json=as_json, title=name, empty=f"{name} holds no rows yet.")
        if not as_json:
            layers = store.sql("SELECT behind_of FROM scenarios WHERE scenario = ?", [name]).rows()
            emit(None, as_json=False, text=behind_note(name, layers[0]["behind_of"] if layers else ()))
    credit(credits_due)


@app.command()
def log(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Scenario, perhaps up to a revision or tag: base@7.")],
    as_json: Json = False,
) -> None:
    """List the revisions of a scenario, the newest first."""
    from dhsdb.attribution import attributions

    store = context.obj()
    ref = store.scenario(name)
    found = store.sql(
        "SELECT * EXCLUDE (scenario) FROM revisions WHERE scenario = ? AND revision <= ? ORDER BY revision DESC",
        [ref.name, ref.revision],
    ).rows()
    if not as_json:
        found = [row | {"source": row["source"] and few(row["source"].split(", "))} for row in found]
    order = ("revision", "created_at", "kind", "author", "message", "n_set", "n_removed", "source", "tags", "stack")
    rows(found, as_json=as_json, columns=order, title=name)
    credit(attributions(store.db, name))


@app.command("set")
def set_(
    context: typer.Context,
    name: Name,
    assignment: Annotated[
        str, typer.Argument(help="TABLE.COLUMN=VALUE; NULL = unlimited or off; `price * 1.1` is an expression.")
    ],
    message: Message,
    where: Where = "",
    year: Annotated[int | None, typer.Option("--year", help="Only this model year.")] = None,
    as_json: Json = False,
) -> None:
    """Set a column of the rows that a condition selects."""
    from dhsdb.errors import UserError

    cell, equals, text = assignment.partition("=")
    if not equals:
        raise UserError(f"'{assignment}' is not TABLE.COLUMN=VALUE.", "For example: commodity.price=60")
    edit = context.obj().set(name, cell.strip(), parse_value(text.strip()), where=where, year=year, message=message)
    emit(
        {"scenario": name, "revision": edit.revision, "rows": edit.n_rows},
        as_json=as_json,
        text=f"{name}: {cell.strip()} set in {edit.n_rows} row(s), revision {edit.revision}",
    )


@app.command()
def add(
    context: typer.Context,
    name: Name,
    table: Annotated[str, typer.Argument(help="Input table; `dhsdb schema TABLE` lists its columns.")],
    values: Annotated[
        list[str], typer.Argument(metavar="COLUMN=VALUE...", help="The key, and cells that are not NULL.")
    ],
    message: Message,
    year: Annotated[int | None, typer.Option("--year", help="Only in this model year; default every year.")] = None,
    as_json: Json = False,
) -> None:
    """Add one row to an input table."""
    from dhsdb.errors import UserError

    given = {}
    for text in values:
        column, equals, value = text.partition("=")
        if not equals:
            raise UserError(f"'{text}' is not COLUMN=VALUE.", "For example: option=currency value=EUR")
        given[column.strip()] = parse_value(value.strip())
    edit = context.obj().add(name, table, given, year=year, message=message)
    emit(
        {"scenario": name, "revision": edit.revision, "rows": edit.n_rows},
        as_json=as_json,
        text=f"{name}: a row of {table} added, revision {edit.revision}",
    )


@app.command()
def remove(
    context: typer.Context,
    name: Name,
    table: Annotated[str, typer.Argument(help="Input table.")],
    where: Annotated[str, typer.Option("--where", help="SQL condition on the rows.")],
    message: Message,
    as_json: Json = False,
) -> None:
    """Remove the rows that a condition selects."""
    edit = context.obj().remove(name, table, where=where, message=message)
    emit(
        {"scenario": name, "revision": edit.revision, "rows": edit.n_rows},
        as_json=as_json,
        text=f"{name}: {edit.n_rows} row(s) of {table} removed, revision {edit.revision}",
    )


@app.command()
def estimate(
    context: typer.Context,
    name: Name,
    message: Message = "",
    weather: Annotated[
        str, typer.Option("--weather", help="Weather of the scenario that space heat is carried to by degree days.")
    ] = "",
    reference: Annotated[
        str, typer.Option("--reference", help="What demands hold for now: a weather, degree days G20/15, or typology.")
    ] = "",
    year: Annotated[
        int | None, typer.Option("--year", help="Model year whose demands are carried; default all.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Estimate the heat demand of buildings anew, after specific demands or buildings changed, or for other weather."""
    edit = context.obj().estimate(name, message, weather=weather, reference=reference, year=year)
    found = [
        {"severity": f.severity, "code": f.code, "message": f"{f.message} {f.hint}".strip()} for f in edit.findings
    ]
    if found and not as_json:
        rows(found, as_json=False, title="findings")
    emit(
        {"scenario": name, "revision": edit.revision, "rows": edit.n_rows, "findings": found},
        as_json=as_json,
        text=f"{name}: heat demand of {edit.n_rows} building(s) estimated, revision {edit.revision}",
    )


@app.command()
def delete(context: typer.Context, name: Name, message: Message = "", as_json: Json = False) -> None:
    """Delete a scenario that no other builds on."""
    context.obj().delete(name, message)
    emit({"scenario": name, "deleted": True}, as_json=as_json, text=f"scenario {name} deleted")


def parse_value(text: str) -> float | str | bool | None:
    """Return a value as typed: NULL, a boolean, a number, or text (an expression where the column is a number)."""
    if text.upper() == "NULL":
        return None
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        return float(text)
    except ValueError:
        return text.strip("'\"")


def _years(text: str) -> list[int]:
    from dhsdb.errors import UserError

    parts = [p.strip() for p in text.split(",") if p.strip()]
    bad = [p for p in parts if not (p.isdigit() and len(p) == 4)]  # noqa: PLR2004
    if bad:
        raise UserError(f"'{bad[0]}' is not a year.", "For example: --years 2030,2040")
    return [int(p) for p in parts]
