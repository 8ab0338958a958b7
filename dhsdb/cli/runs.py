"""``dhsdb run``: solve scenarios; list, show, choose and delete runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dhsdb.cli.output import Json, console, emit, rows, shown
from dhsdb.errors import EXIT_FAILURE, EXIT_INFEASIBLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from dhsdb.runner import Order, Run
    from dhsdb.store import Store

app = typer.Typer(help="Solve scenarios; list, show, choose and delete runs.", no_args_is_help=True)

_COLUMNS = ("run", "scenario", "stage", "status", "objective", "gap", "wall_s", "started_at", "message")


@app.command("scenario")
def scenario(
    context: typer.Context,
    names: Annotated[list[str], typer.Argument(help="Scenarios.")],
    stage: Annotated[
        list[str] | None, typer.Option("--stage", help="geo, investment, dispatch or pareto; default all that apply.")
    ] = None,
    year: Annotated[list[int] | None, typer.Option("--year", help="Only these model years.")] = None,
    at: Annotated[int | None, typer.Option("--at", help="Revision to read.")] = None,
    option: Annotated[
        list[str] | None, typer.Option("-o", "--option", help="KEY=VALUE, an option of the models.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Solve again what was solved before.")] = False,
    jobs: Annotated[
        int, typer.Option("--jobs", min=1, help="Scenarios solved at the same time, in processes of their own.")
    ] = 1,
    as_json: Json = False,
) -> None:
    """Solve the stages of scenarios; what was solved before is answered from the store."""
    from dhsdb.runner import Order

    store = context.obj()
    orders = [
        Order(name, tuple(stage or ()), tuple(year or ()), at, tuple(_options(option or [])), force) for name in names
    ]
    for name in names:
        store.scenario(name)
    done = solve(store, orders, jobs, quiet=as_json)
    records = [record(r) for r in done]
    rows(
        records,
        as_json=as_json,
        columns=("run", "scenario", "stage", "status", "objective", "build_s", "solve_s", "wall_s", "note"),
    )
    raise typer.Exit(_exit_code(done))


@app.command("list")
def list_(
    context: typer.Context,
    scenario: Annotated[str, typer.Argument(help="Only of this scenario.")] = "",
    as_json: Json = False,
) -> None:
    """List the runs, the newest first."""
    store = context.obj()
    if scenario:
        store.scenario(scenario)
    found = store.sql("SELECT * FROM runs WHERE $1 = '' OR scenario = $1 ORDER BY run DESC", [scenario]).rows()
    rows(
        found, as_json=as_json, columns=_COLUMNS, empty="There is no run yet. Solve one with `dhsdb run scenario NAME`."
    )


@app.command()
def show(context: typer.Context, run: Annotated[int, typer.Argument(help="Run.")], as_json: Json = False) -> None:
    """Show all that is known of a run, and its findings."""
    from dhsdb.runner import record as find

    store = context.obj()
    find(store.db, run)
    facts = store.sql("SELECT * FROM runs WHERE run = ?", [run]).rows()[0]
    found = store.sql(
        "SELECT severity, code, location, message FROM findings WHERE run = ? ORDER BY severity", [run]
    ).rows()
    if as_json:
        emit(facts | {"findings": found}, as_json=True)
        return
    rows([{"": n, "value": shown(v)} for n, v in facts.items()], as_json=False, title=f"run {run}")
    if found:
        rows(found, as_json=False, title="findings")


@app.command()
def use(context: typer.Context, run: Annotated[int, typer.Argument(help="Run.")], as_json: Json = False) -> None:
    """Let the chain of a run speak for its scenario in the result views."""
    context.obj().use(run)
    emit({"run": run, "used": True}, as_json=as_json, text=f"run {run} speaks for its scenario now")


@app.command()
def delete(context: typer.Context, run: Annotated[int, typer.Argument(help="Run.")], as_json: Json = False) -> None:
    """Delete a run with its results."""
    from dhsdb import runs as records

    records.delete(context.obj().db, run)
    emit({"run": run, "deleted": True}, as_json=as_json, text=f"run {run} deleted")


def record(run: Run) -> dict[str, object]:
    """Return a run as a record for printing."""
    facts: dict[str, object] = {name: getattr(run, name) for name in run.__dataclass_fields__}
    facts["note"] = f"solved before, on {shown(run.started_at)}" if run.reused else run.message
    return facts


def _options(given: list[str]) -> list[tuple[str, object]]:
    from dhsdb.errors import UserError

    found: list[tuple[str, object]] = []
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise UserError(f"option '{text}' is not KEY=VALUE.", "For example: -o hours=3500:168")
        found.append((name.strip(), value.strip()))
    return found


def solve(store: Store, orders: list[Order], jobs: int, *, quiet: bool) -> list[Run]:
    """Solve orders one after the other with progress, or several at a time in processes of their own."""
    if jobs > 1 and len(orders) > 1:
        from dhsdb.runner import run_parallel

        return run_parallel(store.db, orders, jobs)
    done: list[Run] = []
    for order in orders:
        done += _watched(store, order, quiet=quiet)
    return done


def _watched(store: Store, order: Order, *, quiet: bool) -> list[Run]:
    from dhsdb.runner import run_scenario

    if quiet:
        return run_scenario(store.db, order)
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[doing]}"), TimeElapsedColumn())
    shown_on = console(stderr=True)
    with Progress(*columns, console=shown_on, transient=True, disable=not shown_on.is_terminal) as bar:
        return run_scenario(store.db, order, watcher(bar, order.scenario))


def watcher(bar: object, name: str) -> Callable[[str, float, str], None]:
    """Return a callback that shows stages as bars of a rich progress display."""
    tasks: dict[str, int] = {}

    def watch(stage: str, fraction: float, doing: str) -> None:
        if stage not in tasks:
            tasks[stage] = bar.add_task(f"{name}: {stage}", total=1.0, doing=doing)  # type: ignore[attr-defined]
        bar.update(tasks[stage], completed=fraction, doing=doing)  # type: ignore[attr-defined]

    return watch


def _exit_code(done: list[Run]) -> int:
    statuses = {r.status for r in done}
    if statuses & {"infeasible", "unbounded"}:
        return EXIT_INFEASIBLE
    return EXIT_FAILURE if statuses - {"optimal", "feasible"} else 0
