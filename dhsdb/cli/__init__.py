"""The command line: a thin cover of :class:`dhsdb.Store`. Nothing else knows it."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING

from dhsdb.errors import EXIT_FAILURE, EXIT_USER, DhsdbError, ProblemsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dhsdb.errors import Problem

_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 our failure, 2 the user's mistake, 3 infeasible or unbounded."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and not stream.isatty():
            stream.reconfigure(encoding="utf-8")  # a pipe of Windows has no place for © and table lines
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        sys.exit(run(given))
    except KeyboardInterrupt:  # before or after the command itself
        sys.exit(_stopped(given))


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit code; a user sees a message, never a traceback."""
    import typer

    from dhsdb.cli.app import app

    as_json = "--json" in arguments
    try:
        result = app(args=list(arguments), prog_name="dhsdb", standalone_mode=False)
    except ProblemsError as error:
        found = (*error.problems, *error.warnings)
        return _say(error.message, error.hint, error.exit_code, as_json=as_json, problems=found)
    except DhsdbError as error:
        return _say(error.message, error.hint, error.exit_code, as_json=as_json)
    except typer.Exit as stop:
        return stop.exit_code
    except typer.TyperException as error:
        return _say(error.format_message(), _usage(error), EXIT_USER, as_json=as_json)
    except (KeyboardInterrupt, typer.Abort):
        return _stopped(arguments)
    except Exception as error:
        if os.environ.get("DHSDB_DEBUG"):
            raise
        text = f"{type(error).__name__}: {error}"
        return _say(text, "This is a failure of dhsdb; DHSDB_DEBUG=1 shows where.", EXIT_FAILURE, as_json=as_json)
    if result == _INTERRUPTED:  # typer's own answer to an interrupt
        return _stopped(arguments)
    return result if isinstance(result, int) else 0


def _stopped(arguments: Sequence[str]) -> int:
    return _say("stopped", "", _INTERRUPTED, as_json="--json" in arguments)


def _usage(error: Exception) -> str:
    """Return what helps after a command that could not be understood."""
    context = getattr(error, "ctx", None)
    if (name := getattr(error, "option_name", None)) in {"--store", "--wait"} and context:
        return f"{name} stands before the command: dhsdb {name} ... {context.command_path.removeprefix('dhsdb ')} ..."
    return f"`{context.command_path} --help` says more." if context else ""


def _say(message: str, hint: str, code: int, *, as_json: bool, problems: Sequence[Problem] = ()) -> int:
    import json

    if as_json:
        said = {"error": message, "hint": hint, "exit_code": code}
        print(json.dumps(said | ({"problems": [_facts(p) for p in problems]} if problems else {}), ensure_ascii=False))
    else:
        print(f"dhsdb: {message}", file=sys.stderr)
        if hint:
            print(hint, file=sys.stderr)
    return code


def _facts(problem: Problem) -> dict[str, object]:
    """Return a problem as JSON has it."""
    from dataclasses import asdict

    from dhsdb.cli.output import plain

    return {name: plain(value) for name, value in asdict(problem).items()}
