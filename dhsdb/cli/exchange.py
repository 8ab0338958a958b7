"""Commands that bring data in and out: import, export; and the demo."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dhsdb.cli.output import Json, console, emit, rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from dhsdb.importers.pipeline import ImportReport


def import_(
    context: typer.Context,
    form: Annotated[
        str, typer.Argument(metavar="FORMAT", help="What the files are; `dhsdb import --list` names the formats.")
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
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change; write nothing.")] = False,
    formats: Annotated[bool, typer.Option("--list", help="List the formats.")] = False,
    as_json: Json = False,
) -> None:
    """Import files into a scenario: all of it, or nothing and a report of all problems."""
    from dhsdb.errors import UserError
    from dhsdb.importers.pipeline import run_import
    from dhsdb.importers.registry import formats as known

    if formats:
        rows([{"format": n, "reads": r} for n, r in known().items()], as_json=as_json)
        return
    if not form or not paths or not scenario:
        raise UserError(
            "an import needs a format, files and a scenario.", "dhsdb import FORMAT PATH... --scenario NAME"
        )
    store = context.obj(create=True)
    with _bar(quiet=as_json) as progress:
        report = run_import(
            store.db, form, paths, scenario=scenario, year=year, site=site, bbox=_bbox(bbox), epsg=crs, on_conflict=on_conflict,
            message=message, dry_run=dry_run, progress=progress,
        )  # fmt: skip
    _show(report, as_json=as_json)


def export(
    context: typer.Context,
    form: Annotated[str, typer.Argument(metavar="FORMAT", help="excel.")],
    path: Annotated[Path, typer.Argument(help="File to write.")],
    scenario: Annotated[list[str] | None, typer.Option("--scenario", help="Scenario; may be repeated.")] = None,
    template: Annotated[bool, typer.Option("--template", help="An empty workbook to fill in.")] = False,
    as_json: Json = False,
) -> None:
    """Write scenarios, or an empty template, as a workbook that can be imported again."""
    from dhsdb.errors import UnknownNameError
    from dhsdb.workbook import export_excel, write_template

    if form != "excel":
        raise UnknownNameError("export format", form, ["excel"])
    if template:
        write_template(path)
    else:
        export_excel(context.obj().db, path, scenario or [])
    emit({"written": str(path)}, as_json=as_json, text=f"written: {path}")


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


def show_report(report: ImportReport, *, as_json: bool) -> None:
    """Print what an import did, or would do."""
    counts = {**report.n_set}
    document = {
        "scenario": report.scenario, "format": report.format, "revision": report.revision, "rows_set": counts,
        "rows_removed": report.n_removed, "dry_run": report.dry_run, "attribution": report.attribution,
        "findings": [{"severity": p.severity, "code": p.code, "location": p.location, "message": p.message} for p in report.findings],
        "changes": {name: asdict(change) for name, change in report.changes.items()},
    }  # fmt: skip
    for p in () if as_json else report.findings:
        console(stderr=True).print(f"{p.severity}: {p}", markup=False)
    if not report.changed:
        text = f"{report.scenario}: nothing changed"
    else:
        did = "would be written" if report.dry_run else f"written as revision {report.revision}"
        what = ", ".join(f"{n:,} {table}" for table, n in counts.items())
        text = f"{report.scenario}: {what} {did}" + (f", {report.n_removed} removed" if report.n_removed else "")
    emit(document, as_json=as_json, text="\n".join(filter(None, (text, report.attribution))))


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
    """Print what an import did, or in a dry run would do, with its findings and the attribution asked for."""
    findings = [
        {"severity": f.severity, "code": f.code, "location": f.location, "message": f"{f.message} {f.hint}".strip()}
        for f in report.findings
    ]
    if as_json:
        facts = {
            n: getattr(report, n) for n in ("scenario", "format", "revision", "n_removed", "dry_run", "attribution")
        }
        emit(facts | {"n_set": dict(report.n_set), "changes": _changes(report), "findings": findings}, as_json=True)
        return
    if findings:
        rows(findings, as_json=False, title="findings")
    if report.dry_run:
        title = f"what would change in {report.scenario}; nothing was written"
        rows(_changes(report), as_json=False, title=title, empty=f"nothing would change in {report.scenario}")
    elif report.changed:
        written = ", ".join(f"{n:,} {table}" for table, n in report.n_set.items()) or "nothing"
        removed = f"; {report.n_removed:,} row(s) removed that the file no longer has" if report.n_removed else ""
        emit(None, as_json=False, text=f"{report.scenario}: revision {report.revision} sets {written}{removed}")
    else:
        emit(None, as_json=False, text=f"{report.scenario}: nothing changes, the scenario holds all of it already")
    if report.attribution:
        emit(None, as_json=False, text=report.attribution)


def _changes(report: ImportReport) -> list[dict[str, object]]:
    return [
        {"table": table, "added": c.added, "changed": c.changed, "removed": c.removed}
        for table, c in report.changes.items()
    ]


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
