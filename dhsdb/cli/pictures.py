"""The command that draws pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dhsdb.cli.output import Json, emit


def plot(
    context: typer.Context,
    kind: Annotated[str, typer.Argument(metavar="KIND", help="map: buildings, streets, pipes and heat sources.")],
    scenarios: Annotated[list[str], typer.Argument(metavar="NAME...", help="Scenarios, drawn side by side.")],
    output: Annotated[Path, typer.Option("--output", help="File to write: .png, .svg or .pdf.")],
    year: Annotated[int | None, typer.Option("--year", help="Model year; default the first.")] = None,
    as_json: Json = False,
) -> None:
    """Draw a picture of scenarios: right after an import, it shows whether all stands where it should."""
    done = context.obj().plot(kind, *scenarios, output=output, year=year)
    emit({"written": str(done)}, as_json=as_json, text=f"written: {done}")


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(plot)
