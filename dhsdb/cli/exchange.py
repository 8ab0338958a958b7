"""Commands that bring data in and out: import, export; and the demo."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from dhsdb.cli.look import Details, DiffFormat, DiffOutput, Summary, show_diff, wanted
from dhsdb.cli.output import Json, console, credit, emit, rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from dhsdb.diff import Diff
    from dhsdb.errors import UserError
    from dhsdb.importers.pipeline import ImportReport

BUNDLE = "bundle"
ENERGYPLAN = "energyplan"
_MOST = 20


def import_(  # noqa: PLR0913, PLR0917  each is an option of the command line
    context: typer.Context,
    form: Annotated[
        str,
        typer.Argument(metavar="FORMAT", help="What the files are, or auto; `dhsdb import --list` names the formats."),
    ] = "",
    paths: Annotated[list[Path] | None, typer.Argument(help="Files or folders.")] = None,
    scenario: Annotated[str, typer.Option("--scenario", help="Scenario; created if it does not exist.")] = "",
    year: Annotated[
        int | None, typer.Option("--year", help="Model year that the rows hold for; default every year.")
    ] = None,
    site: Annotated[str | None, typer.Option("--site", help="Site, where the format knows none.")] = None,
    bbox: Annotated[str, typer.Option("--bbox", help="W,S,E,N in degrees: only what lies inside.")] = "",
    crs: Annotated[int | None, typer.Option("--crs", help="EPSG code of the geometries in the store.")] = None,
    on_conflict: Annotated[
        str, typer.Option("--on-conflict", help="keep, replace or merge rows that exist.")
    ] = "replace",
    message: Annotated[str, typer.Option("-m", "--message", help="Why.")] = "",
    option: Annotated[
        list[str] | None,
        typer.Option("-o", metavar="NAME=VALUE", help="Option of the format, as --list has it; may be repeated."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change, as `dhsdb diff` does; write nothing.")
    ] = False,
    details: Details = False,
    summary: Summary = False,
    diff_format: DiffFormat = "table",
    output: DiffOutput = None,
    rename: Annotated[
        list[str] | None,
        typer.Option("--rename", metavar="OLD=NEW", help="Of a bundle: name of a scenario that is new here."),
    ] = None,
    formats: Annotated[bool, typer.Option("--list", help="List the formats.")] = False,
    as_json: Json = False,
) -> None:
    """Import files into a scenario: all of it, or nothing and a report of all problems."""
    if formats:
        from dhsdb.importers.registry import formats as known
        from dhsdb.importers.registry import options_of

        listed = known() | {BUNDLE: "scenarios of another store, as `dhsdb export bundle` writes them"}
        options = {name: {} if name == BUNDLE else options_of(name) for name in listed}
        said = [
            {"format": n, "reads": r, "options": options[n] if as_json else [*options[n]]} for n, r in listed.items()
        ]
        rows(said, as_json=as_json)
        return
    if form == BUNDLE:
        _import_bundle(context, paths or [], scenario, rename or [], dry_run=dry_run, as_json=as_json)
        return
    if not form or not paths or not scenario:
        raise _incomplete(form, paths or [], scenario)
    from dhsdb.importers.pipeline import run_import

    store = context.obj(create=True)
    with _bar(quiet=as_json) as progress:
        report = run_import(
            store.db, form, paths, scenario=scenario, year=year, site=site, bbox=_bbox(bbox), epsg=crs, on_conflict=on_conflict,
            message=message, dry_run=dry_run, options=_options(option or []), progress=progress,
        )  # fmt: skip
    if report.diff is None:
        _show(report, as_json=as_json)
    else:
        _preview(report, "json" if as_json else diff_format, wanted(details=details, summary=summary), output)


def _incomplete(form: str, paths: list[Path], scenario: str) -> UserError:
    """Return what is missing of an import, and the whole command."""
    from dhsdb.errors import UserError

    if form and not paths and Path(form).exists():  # the format was left out
        form, paths = "", [Path(form)]
    missing = {"a format": form, "files": paths, "a scenario": scenario}
    lacks = ", ".join(what for what, given in missing.items() if not given)
    files = shlex.join(map(str, paths)) or "PATH..."
    command = f"dhsdb import {form or 'auto'} {files} --scenario {shlex.quote(scenario or 'NAME')}"
    return UserError(f"the import lacks {lacks}.", f"{command}  (`dhsdb import --list` names the formats)")


def _options(pairs: list[str]) -> dict[str, object]:
    """Return options of a format from NAME=VALUE."""
    from dhsdb.errors import UserError

    for pair in pairs:
        if not pair.partition("=")[0].strip() or "=" not in pair:
            raise UserError(f"'{pair}' is no option.", "Write NAME=VALUE, as in -o energy_unit=PJ.")
    return {name.strip(): value.strip() for name, _, value in (pair.partition("=") for pair in pairs)}


def _import_bundle(
    context: typer.Context, paths: list[Path], scenario: str, rename: list[str], *, dry_run: bool, as_json: bool
) -> None:
    from dhsdb.cli.bundles import renamed, show_imported
    from dhsdb.errors import UserError

    if scenario:
        raise UserError("a bundle brings its own scenarios.", "Leave --scenario out; --rename OLD=NEW names them anew.")
    if len(paths) != 1:
        raise UserError("name one bundle: a folder or a zip file.", "dhsdb import bundle PATH")
    store = context.obj(create=True)
    with _bar(quiet=as_json) as progress:
        if progress:
            progress(0, 0, f"reading {paths[0].name}")
        report = store.import_bundle(paths[0], rename=renamed(rename), dry_run=dry_run)
    show_imported(report, as_json=as_json)


def export(
    context: typer.Context,
    form: Annotated[str, typer.Argument(metavar="FORMAT", help="excel, bundle or energyplan.")],
    path: Annotated[Path, typer.Argument(help="File to write; a bundle is a folder, or one file if it ends in .zip.")],
    scenario: Annotated[list[str] | None, typer.Option("--scenario", help="Scenario; may be repeated.")] = None,
    template: Annotated[bool, typer.Option("--template", help="An empty workbook to fill in.")] = False,
    run: Annotated[
        list[int] | None,
        typer.Option("--run", help="Of a bundle: run to bring along; default those of the current chain."),
    ] = None,
    no_runs: Annotated[bool, typer.Option("--no-runs", help="Of a bundle: no runs at all.")] = False,
    year: Annotated[int | None, typer.Option("--year", help="Of EnergyPLAN: year whose keys are written.")] = None,
    as_json: Json = False,
) -> None:
    """Write scenarios as a workbook, as a bundle with history and results, or as an EnergyPLAN input file."""
    from dhsdb.cli.bundles import show_exported
    from dhsdb.errors import UnknownNameError, UserError
    from dhsdb.workbook import export_excel, write_template

    if form not in ("excel", BUNDLE, ENERGYPLAN):
        raise UnknownNameError("export format", form, ["excel", BUNDLE, ENERGYPLAN])
    if form == ENERGYPLAN:
        _export_energyplan(context, path, scenario or [], year, as_json=as_json)
        return
    if form == BUNDLE:
        if template or (run and no_runs):
            raise UserError("these options contradict each other.", "`dhsdb export --help` says what each is for.")
        runs = [] if no_runs else run or None
        show_exported(context.obj().export_bundle(path, scenario or [], runs=runs), as_json=as_json)
        return
    if template:
        write_template(path)
    else:
        export_excel(context.obj().db, path, scenario or [])
    emit({"written": str(path)}, as_json=as_json, text=f"written: {path}")


def _export_energyplan(
    context: typer.Context, path: Path, scenarios: list[str], year: int | None, *, as_json: bool
) -> None:
    from dhsdb.errors import UserError

    if len(scenarios) != 1:
        raise UserError("an EnergyPLAN input file is of one scenario.", "Name it with --scenario.")
    from dhsdb.attribution import attributions

    done = context.obj().export_energyplan(path, scenarios[0], year=year)
    facts = {"written": str(path), "keys": done.n_keys, "differences": list(done.differences)}
    credit(attributions(context.obj().db, scenarios[0]))  # the file itself has no place for it
    said = f"written: {path}, {done.n_keys:,} keys"
    if done.differences:
        shown = "\n".join(f"  {text}" for text in done.differences[:_MOST])
        said += f"\n{len(done.differences)} cells of {scenarios[0]} are not in the file, which holds the keys only:\n{shown}"
    emit(facts, as_json=as_json, text=said)


def demo(
    context: typer.Context,
    store: Annotated[Path | None, typer.Option("--store", help="Store to make; default demo.duckdb.")] = None,
    as_json: Json = False,
) -> None:
    """Make the example study, from import to comparison: central Helsinki, four scenarios, three years."""
    from dhsdb.cli.demo import run_demo

    run_demo(store or context.obj.path or Path("demo.duckdb"), as_json=as_json)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("import")(import_)
    for command in (export, demo):
        app.command()(command)


def _bbox(text: str) -> tuple[float, float, float, float] | None:
    from dhsdb.errors import UserError

    if not text:
        return None
    try:
        west, south, east, north = (float(p) for p in text.split(","))
    except ValueError:
        raise UserError(f"'{text}' is not W,S,E,N.", "For example: --bbox 24.93,60.16,24.96,60.18") from None
    if not (west < east and south < north):
        raise UserError(f"the box {text} is empty.", "West and south come first: W,S,E,N.")
    return west, south, east, north


def _show(report: ImportReport, *, as_json: bool) -> None:
    """Print what an import did, with its findings and the attribution asked for."""
    if as_json:
        emit(_facts(report), as_json=True)
        return
    _show_findings(report)
    _show_runs(report)
    if report.n_set or report.n_removed:
        written = ", ".join(f"{n:,} {table}" for table, n in report.n_set.items() if n) or "nothing"
        removed = f"; {report.n_removed:,} row(s) removed that the files no longer have" if report.n_removed else ""
        emit(None, as_json=False, text=f"{report.scenario}: revision {report.revision} sets {written}{removed}")
    elif not report.changed:
        emit(None, as_json=False, text=f"{report.scenario}: nothing changes, the scenario holds all of it already")
    if report.attribution:
        emit(None, as_json=False, text=report.attribution)


def _preview(report: ImportReport, form: str, details: bool | None, output: Path | None) -> None:  # noqa: FBT001
    """Print what an import would change; as JSON one document with the facts of the import and of the diff."""
    from dhsdb import diff_render

    found = cast("Diff", report.diff)
    if form == "json" and output is None:
        emit(diff_render.to_dict(found) | _facts(report), as_json=True)
        return
    if form == "table" and output is None:
        _show_findings(report)
        _show_runs(report)
    if found and form == "table" and output is None:
        console().print(f"what would change in {report.scenario}; nothing was written", style="bold", markup=False)
    if found or form != "table" or output is not None:
        show_diff(found, form, details=details, output=output)
    elif not report.changed:
        emit(None, as_json=False, text=f"nothing would change in {report.scenario}")
    if report.attribution and form == "table" and not found:
        emit(None, as_json=False, text=report.attribution)


def _facts(report: ImportReport) -> dict[str, object]:
    names = ("scenario", "format", "revision", "n_removed", "dry_run", "attribution")
    facts = {n: getattr(report, n) for n in names} | {"n_set": dict(report.n_set), "findings": _findings(report)}
    return facts | {"runs": [asdict(run) for run in report.runs]}


def _findings(report: ImportReport) -> list[dict[str, str]]:
    return [
        {"severity": f.severity, "code": f.code, "location": f.location, "message": f"{f.message} {f.hint}".strip()}
        for f in report.findings
    ]


def _show_runs(report: ImportReport) -> None:
    for run in report.runs:
        came = ("would come as" if report.dry_run else "came as") if run.is_new else "is there already as"
        emit(None, as_json=False, text=f"{report.scenario}: {', '.join(run.files)} {came} {run}")


def _show_findings(report: ImportReport) -> None:
    if report.findings:
        rows(_findings(report), as_json=False, title="findings")
        errors = sum(f.severity == "error" for f in report.findings)
        if errors:
            text = f"{errors} error(s) don't stop an import but a run; `dhsdb check {report.scenario}` says what is left of them"
            emit(None, as_json=False, text=text)


class _bar:  # noqa: N801  used like a function
    """Show progress of long work on standard error; nothing at all in quiet mode."""

    def __init__(self, *, quiet: bool) -> None:
        self.quiet = quiet

    def __enter__(self) -> Callable[[int, int, str], None] | None:
        if self.quiet:
            return None
        from rich.progress import Progress

        shown = console(stderr=True)
        self.progress = Progress(console=shown, transient=True, disable=not shown.is_terminal)
        self.progress.start()
        self.task = self.progress.add_task("reading", total=None)
        return self._update

    def _update(self, done: int, total: int, what: str) -> None:
        self.progress.update(self.task, completed=done, total=total or None, description=what)

    def __exit__(self, *_: object) -> None:
        if not self.quiet:
            self.progress.stop()
