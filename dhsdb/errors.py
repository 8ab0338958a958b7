"""The exceptions of dhsdb: one small tree, each with what, where and what to do.

Every error that a user can cause or mend is a :class:`DhsdbError`. The command line prints its message without a
traceback and exits with its ``exit_code``: 2 for a user's mistake, 1 for a failure of ours, 3 for an infeasible model.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

EXIT_FAILURE = 1
EXIT_USER = 2
EXIT_INFEASIBLE = 3

_SHOWN = 50
_NAMES = 5
_OF_A_COLUMN = 5
"""Problems of one column that are shown, so that they don't hide those of the others."""


class DhsdbError(Exception):
    """The root: a failure of ours unless a subclass says otherwise.

    Parameters
    ----------
    message
        What is wrong and where, in one or two sentences.
    hint
        What the user can do about it.
    """

    exit_code = EXIT_FAILURE

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class UserError(DhsdbError, ValueError):
    """A mistake in arguments, files or names, which the user can mend."""

    exit_code = EXIT_USER


class UnknownNameError(UserError, LookupError):
    """A name that does not exist, with the nearest ones that do.

    Parameters
    ----------
    kind
        What was looked for, in the user's words (``"scenario"``).
    name
        The name as given.
    known
        The names that exist.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str], where: str = "") -> None:
        names = sorted(set(known))
        hint = did_you_mean(name, names) or (
            f"Known: {', '.join(names[:20])}." if names else f"There is no {kind} yet."
        )
        super().__init__(f"unknown {kind} '{name}'{' in ' + where if where else ''}", hint)
        self.kind = kind
        self.name = name


class LockTimeoutError(UserError, TimeoutError):
    """The store is held by another process for longer than we were asked to wait."""


class StoreVersionError(UserError):
    """The store was written by a newer dhsdb, or is not a store at all."""


class InfeasibleError(DhsdbError):
    """The model has no solution, or an unbounded one."""

    exit_code = EXIT_INFEASIBLE


class SolverError(DhsdbError, RuntimeError):
    """The solver failed, or stopped without an answer."""


class CheckError(UserError):
    """Findings of severity ``error`` stop what was asked for."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in an input, with its place.

    ``where`` parts that are not known are empty (a CSV has no sheet, a PBF no row).
    """

    message: str
    file: str = ""
    sheet: str = ""
    row: int | None = None
    column: str = ""
    value: object = None
    hint: str = ""
    severity: str = "error"
    code: str = "invalid"

    @property
    def location(self) -> str:
        """Place in words: ``plants.xlsx, sheet process, row 7, column capital``."""
        parts = [self.file] if self.file else []
        if self.sheet:
            parts.append(f"sheet {self.sheet}")
        if self.row is not None:
            parts.append(f"row {self.row}")
        if self.column:
            parts.append(f"column {self.column}")
        return ", ".join(parts)

    def __str__(self) -> str:
        text = f"{self.location}: {self.message}" if self.location else self.message
        return f"{text} {self.hint}".rstrip()


@dataclass(frozen=True, slots=True)
class MoreProblems(Problem):
    """How many more problems there are of a kind, where to list each would help nobody."""

    n: int = 1


def number_of(problems: Iterable[Problem]) -> int:
    """Return how many problems there are, also those that are only counted."""
    return sum(problem.n if isinstance(problem, MoreProblems) else 1 for problem in problems)


class ProblemsError(UserError):
    """All the mistakes of one input, reported together; nothing was written.

    Parameters
    ----------
    problems
        Every mistake found, in the order of the input.
    warnings
        What else looks wrong, so that one report says all of it.
    """

    def __init__(
        self, problems: Sequence[Problem], what: str = "the input", warnings: Sequence[Problem] = ()
    ) -> None:  # fmt: skip
        self.problems = tuple(problems)
        self.warnings = tuple(warnings)
        n, n_warnings = number_of(problems), number_of(warnings)
        lines = [f"{n} problem{'s' * (n != 1)} in {what}; nothing was written.", *_listed(problems)]
        if warnings:
            lines += [f"{n_warnings} warning{'s' * (n_warnings != 1)} besides:", *_listed(warnings)]
        hidden = max(n, n_warnings) > _SHOWN
        super().__init__("\n".join(lines), "`--json` lists them one by one." if hidden else "")


def _listed(problems: Sequence[Problem]) -> list[str]:
    """Return problems as lines: of many those of one column only begin, so that a report tells of every column."""
    if number_of(problems) <= _SHOWN:
        return [f"  - {problem}" for problem in problems]
    columns: dict[tuple[str, ...], list[Problem]] = {}
    for number, problem in enumerate(problems):
        alone = "" if problem.row is not None or isinstance(problem, MoreProblems) else str(number)
        columns.setdefault((problem.file, problem.sheet, problem.column, problem.code, alone), []).append(problem)
    lines: list[str] = []
    told = 0
    for found in columns.values():
        if len(lines) >= _SHOWN:
            break
        lines += [f"  - {problem}" for problem in found[:_OF_A_COLUMN]]
        told += number_of(found)
        if rest := number_of(found[_OF_A_COLUMN:]):
            lines.append(f"    (+{rest} more of {_column(found[0])})")
    rest = number_of(problems) - told
    return [*lines, f"  (+{rest} more)"] if rest else lines


def _column(problem: Problem) -> str:
    """Return the place of a problem without its row, in words."""
    return replace(problem, file="", row=None).location or Path(problem.file).name or "this kind"


def few(names: Sequence[str]) -> str:
    """Return names in a row, of more than five the first three and how many there are besides."""
    shown = names if len(names) <= _NAMES else names[: _NAMES - 2]
    rest = len(names) - len(shown)
    return f"{', '.join(shown)}{f' and {rest} more' if rest else ''}"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``Did you mean 'x'?`` for the nearest known name, or an empty string."""
    by_fold = {str(k).casefold(): str(k) for k in known}
    near = difflib.get_close_matches(str(name).casefold(), list(by_fold), n=1, cutoff=0.6)
    return f"Did you mean '{by_fold[near[0]]}'?" if near else ""
