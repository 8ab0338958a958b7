"""The commands of the first level, and the groups below them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dhsdb.cli import exchange, look, money, pictures, runs, scenario
from dhsdb.cli.output import Json, emit

if TYPE_CHECKING:
    from dhsdb.store import Store

app = typer.Typer(
    name="dhsdb",
    help="Scenarios, runs and results of district-heating studies in one DuckDB file.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(value: bool) -> None:  # noqa: FBT001  typer's own signature
    if value:
        import dhsdb

        print(f"dhsdb {dhsdb.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    store: Annotated[
        Path | None, typer.Option("--store", envvar="DHSDB_STORE", help="File of the store; default dhsdb.duckdb.")
    ] = None,
    wait: Annotated[
        float | None,
        typer.Option(
            "--wait", envvar="DHSDB_WAIT", help="Seconds to wait for a process that holds the store; default 60."
        ),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    del version
    context.obj = Opener(store, wait)


class Opener:
    """Opens the store when a command needs it."""

    def __init__(self, path: Path | None, wait_s: float | None) -> None:
        self.path, self.wait_s = path, wait_s

    def __call__(self, *, create: bool = False) -> Store:
        """Return the store; only an import or `init` may create it."""
        from dhsdb.errors import UserError
        from dhsdb.store import Store

        store = Store(self.path, create=create, wait_s=self.wait_s)
        if not store.db.path.exists():
            raise UserError(
                f"there is no store at {store.db.path}.",
                "Create it with `dhsdb init`, or name another with --store FILE or $DHSDB_STORE.",
            )
        return store


@app.command()
def init(context: typer.Context, as_json: Json = False) -> None:
    """Create the store, or migrate an old one after a copy of it was made."""
    from dhsdb.database import DEFAULT_FILE, Database

    opener: Opener = context.obj
    db = Database(opener.path or DEFAULT_FILE, opener.wait_s)
    state = db.create()
    said = {
        "created": "created",
        "migrated": "migrated; a copy of the old one lies beside it",
        "current": "is up to date",
    }[state]
    emit({"store": str(db.path), "state": state}, as_json=as_json, text=f"{db.path}: {said}")


app.add_typer(scenario.app, name="scenario")
app.add_typer(runs.app, name="run")
app.add_typer(money.app, name="money")
look.register(app)
pictures.register(app)
exchange.register(app)
