"""``dhsdb run``: solve scenarios; list, show, choose and delete runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from dhsdb.cli.output import Json, console, emit, rows, shown
from dhsdb.errors import EXIT_FAILURE, EXIT_INFEASIBLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from dhsdb.models.warm import Solvers
    from dhsdb.runner import Order, Run
    from dhsdb.store import Store

app = typer.Typer(help="Solve scenarios; list, show, choose and delete runs.", no_args_is_help=True)

_COLUMNS = (
    "run", "scenario", "revision", "stage", "status", "objective", "gap", "wall_s", "started_at", "current", "stale", "message",
)  # fmt: skip

_FIGURES = 40
"""Figures that the screen shows of a run."""


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
    on: Annotated[
        list[str] | None,
        typer.Option(
            "--on", metavar="RUN", help="Run that the stages build on, not the current one; none = on no run."
        ),
    ] = None,
    jobs: Annotated[
        int, typer.Option("--jobs", min=1, help="Scenarios solved at the same time, in processes of their own.")
    ] = 1,
    as_json: Json = False,
) -> None:
    """Solve the stages of scenarios; what was solved before is answered from the store."""
    from dhsdb.cli.why import behind_note
    from dhsdb.runner import Order

    store = context.obj()
    given, parents = tuple(_options(option or [])), _parents(on)
    orders = [Order(name, tuple(stage or ()), tuple(year or ()), at, given, force, parents) for name in names]
    for name in names:
        store.scenario(name)
    behind = _behind(store, names) if at is None else {}
    for name, layers in behind.items():
        console(stderr=True).print(behind_note(name, layers), markup=False, soft_wrap=True)
    done = solve(store, orders, jobs, quiet=as_json)
    records = [record(r) | _how_far(behind.get(r.asked, [])) for r in done]
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
    """List the runs, the newest first: which speak for their scenario now, and whose inputs have changed since."""
    found = context.obj().run_list(scenario)
    rows(
        found if as_json else [r | {"current": _current(r), "stale": _stale(r)} for r in found],
        as_json=as_json,
        columns=_COLUMNS,
        empty="There is no run yet. Solve one with `dhsdb run scenario NAME`.",
    )


@app.command()
def options(as_json: Json = False) -> None:
    """List what `run scenario -o NAME=VALUE` can say, with defaults and the stages that heed it."""
    from dhsdb.models.options import Options
    from dhsdb.models.registry import STAGES

    records = [
        {
            "option": name,
            "default": field.default,
            "stages": [stage.name for stage in STAGES.values() if name in stage.options],
            "meaning": field.description,
        }
        for name, field in Options.model_fields.items()
    ]
    rows(records if as_json else [r | {"stages": ", ".join(map(str, r["stages"]))} for r in records], as_json=as_json)


@app.command()
def show(context: typer.Context, run: Annotated[int, typer.Argument(help="Run.")], as_json: Json = False) -> None:
    """Show where a run comes from, its findings, whether it is stale, and the command that repeats it."""
    facts = context.obj().provenance(run)
    if as_json:
        emit(facts, as_json=True)
        return
    rows([{"": n, "value": v} for n, v in _in_words(facts).items() if v], as_json=False, title=f"run {run}")
    if facts["findings"]:
        rows(facts["findings"], as_json=False, title="findings")
    figures = facts["figures"]
    if figures:
        rows(figures[:_FIGURES], as_json=False, title="figures")
    if len(figures) > _FIGURES:
        more = f'{len(figures) - _FIGURES} more figures: dhsdb sql "SELECT * FROM by_run.figure WHERE run = {run}"'
        emit(None, as_json=False, text=more)
    if facts["repeat"]:
        emit(None, as_json=False, text=f"repeat it with:\n{facts['repeat']}")


@app.command()
def use(
    context: typer.Context,
    run: Annotated[int | None, typer.Argument(help="Run.")] = None,
    scenario: Annotated[
        str, typer.Option("--for", metavar="SCENARIO", help="Scenario that shares the run of another one.")
    ] = "",
    newest: Annotated[
        str, typer.Option("--newest", metavar="SCENARIO", help="Take the choice back: the newest whole study speaks.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Let the chain of a run speak for its scenario in the result views, or the newest one again."""
    from dhsdb.errors import UserError

    if (run is None) == (not newest):
        raise UserError("name a run, or a scenario with --newest.", "For example: dhsdb run use 7")
    store = context.obj()
    if run is None:
        store.use_newest(newest)
        emit({"scenario": newest, "newest": True}, as_json=as_json, text=f"the newest whole study speaks for {newest}")
        return
    name = store.use(run, scenario)
    emit({"run": run, "scenario": name, "used": True}, as_json=as_json, text=f"run {run} speaks for {name} now")


@app.command()
def delete(context: typer.Context, run: Annotated[int, typer.Argument(help="Run.")], as_json: Json = False) -> None:
    """Delete a run with its results."""
    from dhsdb import runs as records

    ended = records.delete(context.obj().db, run)
    told = "".join(f"; the newest whole study speaks for {name} again" for name in ended)
    emit({"run": run, "deleted": True, "choice_ended": ended}, as_json=as_json, text=f"run {run} deleted{told}")


def _current(row: dict[str, Any]) -> str | None:
    """Return ``yes``, and the other scenarios that a run speaks for."""
    names = ["yes" if name == row["scenario"] else name for name in row["current"]]
    return ", ".join(sorted(names, key=lambda name: name != "yes")) or None


def _stale(row: dict[str, Any]) -> str | None:
    if row["stale"] is None:
        return None
    return f"yes, since {row['stale_since']}: {row['stale_why']}" if row["stale"] else "no"


def _in_words(facts: dict[str, Any]) -> dict[str, str]:
    """Return what a screen shows of a run, by name."""
    change = facts["revision_of"]
    given = facts["given"].get("options", {})
    pairs = {name: ", ".join(f"{k}={v}" for k, v in facts[name].items()) for name in ("options", "packages")}
    parents = [f"run {p['run']} ({p['stage']})" if p["run"] else "a deleted run" for p in facts["parents"]]
    told: dict[str, object] = {
        name: facts[name]
        for name in ("scenario", "stage", "status", "message", "objective", "bound", "gap", "iteration")
    }
    told["revision"] = (
        f"{facts['revision']}: {change['kind']} by {change['author']}, {change['message']}" if change else ""
    )
    told |= {"years": facts["years"], "options": pairs["options"]}
    told["given by hand"] = ", ".join(f"{k}={v}" for k, v in given.items())
    told |= {"builds on": ", ".join(parents), "reads": ", ".join(facts["reads"]), "chains": facts["chains"]}
    told |= {"speaks for": facts["current"], "stale": _stale(facts), "fingerprint": facts["fingerprint"]}
    told["solver"] = " ".join(str(s) for s in (facts["solver"], facts["solver_version"]) if s)
    told |= {
        "dhsdb": facts["version"],
        "packages": pairs["packages"],
        "machine": facts["machine"],
        "host": facts["host"],
    }
    told |= {
        name: facts[name] for name in ("started_at", "finished_at", "build_s", "solve_s", "wall_s", "peak_mb", "uid")
    }
    return {name: shown(value) for name, value in told.items()}


def _behind(store: Store, names: list[str]) -> dict[str, list[str]]:
    """Return what the scenarios that are behind stand on, and by how many revisions."""
    found = store.sql("SELECT scenario, behind_of FROM scenarios WHERE behind > 0").rows()
    return {r["scenario"]: r["behind_of"] for r in found if r["scenario"] in names}


def _how_far(layers: list[str]) -> dict[str, object]:
    return {"behind": sum(int(entry.rpartition(": ")[2]) for entry in layers), "behind_of": layers}


def _parents(on: list[str] | None) -> tuple[int, ...] | None:
    from dhsdb.errors import UserError

    if on is None:
        return None
    numbers = [text for text in on if text != "none"]
    bad = [text for text in numbers if not text.isdigit()]
    if bad:
        raise UserError(f"'{bad[0]}' is not the number of a run.", "For example: --on 7, or --on none")
    return tuple(int(text) for text in numbers)


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
    """Solve orders one after the other with progress and one solver, or several at a time in processes of their own."""
    if jobs > 1 and len(orders) > 1:
        from dhsdb.runner import run_parallel

        return run_parallel(store.db, orders, jobs)
    from dhsdb.models.warm import Solvers

    done: list[Run] = []
    solvers = Solvers(keep=len(orders) > 1)
    for order in orders:
        done += _watched(store, order, solvers, quiet=quiet)
    return done


def _watched(store: Store, order: Order, solvers: Solvers, *, quiet: bool) -> list[Run]:
    from dhsdb.runner import run_scenario

    if quiet:
        return run_scenario(store.db, order, solvers=solvers)
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[doing]}"), TimeElapsedColumn())
    shown_on = console(stderr=True)
    with Progress(*columns, console=shown_on, transient=True, disable=not shown_on.is_terminal) as bar:
        return run_scenario(store.db, order, watcher(bar, order.scenario), solvers)


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
