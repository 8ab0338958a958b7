"""The small language in which hotmaps names profiles, ``id # year, 20f + 5h``, and the files that hold them.

``f`` is added to every hour, ``h`` is a constant that takes the place of the profile. Only CSV files are read: the
``.dat`` files of the tool are pickles, which could run code when they are loaded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dhsdb.errors import Problem, did_you_mean

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray

    from dhsdb.importers.rows import Held

    Values = NDArray[np.float64]

KINDS = {
    "load": "share",
    "price": "price",
    "radiation": "factor",
    "temperature": "temperature",
    "flow temperature": "temperature",
    "return temperature": "temperature",
    "river temperature": "temperature",
    "wastewater temperature": "temperature",
    "datacenter temperature": "temperature",
    "seawater temperature": "temperature",
}
"""Kinds of profiles of the tool, and what each is in the store."""
HOURS = (8760, 8784)
DAYS = (365, 366)

_TERM = re.compile(r"\s*([+-]?\s*(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([fh])\s*")
_NAMED = re.compile(r"(.*\S)\s*#\s*([+-]?\d+)\s*(?:[,+]\s*(.*))?$", re.DOTALL)
_HEADER = re.compile(r"(.+)\|\s*([+-]?\d+)\s*$")
_FILE = re.compile(rf"({'|'.join(sorted((k.replace(' ', '_') for k in KINDS), key=len, reverse=True))})_profiles?")
_FORM = "Write id # year, and after a comma 5f to add 5 to each hour, or 5h for the constant 5 instead."
_MOST_BYTES = 500_000_000


@dataclass(frozen=True, slots=True)
class Expression:
    """What a cell says of a profile.

    Attributes
    ----------
    id, year
        Which profile; empty and 0 = the one of all units.
    offset
        What is added to each hour.
    constant
        What takes the place of the profile; None = nothing does.
    """

    id: str = ""
    year: int = 0
    offset: float = 0.0
    constant: float | None = None

    @property
    def name(self) -> str:
        """The profile as the tool writes it."""
        return f"{self.id} # {self.year}" if self.id else ""


def parse(text: str) -> Expression | None:
    """Return what a cell says; None if it is not in the language.

    Examples
    --------
    >>> parse("Wien#2016 , 10f")
    Expression(id='Wien', year=2016, offset=10.0, constant=None)
    >>> parse("20h + -4 f").constant
    20.0
    """
    named = _NAMED.match(text.strip()) if "#" in text else None
    if "#" in text and named is None:
        return None
    name, year, rest = (named[1].strip(), int(named[2]), named[3] or "") if named else ("", 0, text)
    offset, constant = 0.0, None
    at = 0
    while at < len(rest.rstrip()):
        found = _TERM.match(rest, at)
        if found is None:
            return None
        number = float(found[1].replace(" ", ""))
        if not np.isfinite(number):
            return None
        if found[2] == "f":
            offset += number
        elif constant is None:
            constant = number
        else:
            return None
        at = found.end()
        if rest[at : at + 1] in {",", "+"} and rest[at + 1 :].strip():
            at += 1
    return Expression(name, year, offset, constant) if name or rest.strip() else None


def form_hint(cell: object) -> str:
    """Return how a profile is written."""
    is_number = isinstance(cell, (int, float)) and not isinstance(cell, bool)
    return f"For the constant {cell:g} write {cell:g}h." if is_number else _FORM


def file_kind(path: Path) -> str:
    """Return the kind of the profiles in a file, by its name; empty if it is none."""
    found = _FILE.match(path.name.casefold())
    return found[1].replace("_", " ") if found else ""


def is_profiles(head: str) -> bool:
    """Return whether a text begins as a table of profiles: ``t,id|year,...``."""
    header = head.split("\n", 1)[0].strip().lstrip("\ufeff").split(",")
    return (
        len(header) > 1
        and header[0].strip('"').strip() == "t"
        and all(_HEADER.match(h.strip('" ')) for h in header[1:])
    )


class Profiles:
    """The profiles that the files hold, and those of the scenario."""

    def __init__(self, held: Held | None) -> None:
        self.held = held
        self.notes: list[Problem] = []
        self.files: list[Path] = []
        self._columns: dict[tuple[str, str, int], tuple[Path, str]] = {}
        self._frames: dict[Path, pd.DataFrame] = {}
        self._found: dict[tuple[str, str, int], tuple[Values | None, Path | None]] = {}

    def add(self, path: Path) -> None:
        """Read the names of the profiles in a file; the values of a column are read when it is asked for."""
        import pandas as pd  # heavy

        kind = file_kind(path)
        if not kind:
            known = ", ".join(f"{k.replace(' ', '_')}_profiles.csv" for k in KINDS)
            self._note(path, "the name does not say what profiles it holds.", hint=f"Name it as one of {known}.")
            return
        if path.stat().st_size > _MOST_BYTES:
            self._note(path, "the file is too large for hourly profiles.", hint="Keep the profiles that are needed.")
            return
        try:
            frame = pd.read_csv(path, dtype=str, encoding="utf-8-sig", keep_default_na=False, skip_blank_lines=False)
        except (ValueError, OSError, MemoryError) as error:
            self._note(path, f"the table can't be read ({str(error).strip()[:200]}).", hint="Save it as CSV in UTF-8.")
            return
        header = [str(c).strip() for c in frame.columns]
        if not header or header[0] != "t" or len(header) == 1:
            hint = "Row 1 is t,ID|YEAR,ID|YEAR ... with commas between."
            self._note(path, "the first column is not t, or it is the only one.", 1, hint=hint)
            return
        numbers = pd.to_numeric(frame.iloc[:, 0], errors="coerce").to_numpy(float)
        wrong = np.flatnonzero(numbers != np.arange(1, len(frame) + 1))
        if len(wrong):
            text = f"step {wrong[0] + 1} is expected, '{str(frame.iloc[wrong[0], 0])[:40]}' stands there."
            self._note(path, text, int(wrong[0]) + 2, "t", "The steps are 1, 2, 3, ... without gaps.")
            return
        self.files.append(path)
        self._frames[path] = frame
        for column, name in zip(frame.columns, header, strict=True):
            self._add_column(path, kind, str(column), name)

    def _add_column(self, path: Path, kind: str, column: str, name: str) -> None:
        found = _HEADER.match(name)
        if name == "t":
            return
        if found is None:
            self._note(path, f"'{name[:80]}' is no profile.", 1, name[:80], "Write ID|YEAR.")
            return
        key = (kind, _fold(found[1]), int(found[2]))
        if key in self._columns:
            text = f"the profile {found[1].strip()} # {int(found[2])} is there twice, first in {self._columns[key][0].name}."
            self._note(path, text, 1, name, "Leave one.")
        self._columns.setdefault(key, (path, column))

    def values(self, kind: str, expression: Expression) -> tuple[Values | None, Path | None]:
        """Return the hourly values of a profile and the file they are from; None if it is neither in a file nor held."""
        key = (kind, _fold(expression.id), expression.year)
        if key not in self._found:
            self._found[key] = self._read(key, expression)
        return self._found[key]

    def _read(self, key: tuple[str, str, int], expression: Expression) -> tuple[Values | None, Path | None]:
        import pandas as pd  # heavy

        if key not in self._columns:
            held = self.held.profile(profile_name(key[0], expression)) if self.held else None
            values = None if held is None else np.asarray(held.values, float)
            return (values if values is not None and len(values) in HOURS else None), None
        path, column = self._columns[key]
        texts = self._frames[path][column]
        values = pd.to_numeric(texts, errors="coerce").to_numpy(float)
        bad = np.flatnonzero(~np.isfinite(values))
        for i in bad[:20]:
            self._note(
                path, f"'{texts.iloc[i][:40]}' is not a finite number.", int(i) + 2, column, "Each step needs one."
            )
        if len(bad) > 20:  # noqa: PLR2004
            self._note(path, f"{len(bad) - 20} more steps have no finite number.", None, column)
        return self._hourly(key[0], values, path, column), path

    def _hourly(self, kind: str, values: Values, path: Path, column: str) -> Values:
        """Return values by the hour; a temperature by the day holds for its hours."""
        if len(values) in DAYS and kind.endswith("temperature"):
            text = f"{len(values)} daily values: each is taken for the 24 hours of its day."
            self._note(path, text, None, column, severity="warning", code="daily-values")
            return np.repeat(values, 24)
        if len(values) not in HOURS:
            self._note(path, f"{len(values)} values are no year of hours.", None, column, "8760 or 8784 are expected.")
        return values

    def hint(self, kind: str, expression: Expression) -> str:
        """Return what to do about a profile that is not there."""
        known = {f"{i} # {y}" for k, i, y in self._columns if k == kind}
        near = did_you_mean(expression.name, known)
        file = f"{kind.replace(' ', '_')}_profiles.csv"
        text = (
            f"Give it in {file} (columns t, {expression.id}|{expression.year}), or as the profile"
            f" '{profile_name(kind, expression)}' of the scenario, or leave it for later with -o missing_profiles=later."
        )
        return f"{near} {text}".strip()

    def _note(
        self,
        path: Path,
        message: str,
        row: int | None = None,
        column: str = "",
        hint: str = "",
        severity: str = "error",
        code: str = "profile",
    ) -> None:
        self.notes.append(Problem(message, str(path), "", row, column, None, hint, severity, code))


def profile_name(kind: str, expression: Expression) -> str:
    """Return the name of a profile in the scenario.

    Examples
    --------
    >>> profile_name("price", parse("low # 2030, 150f"))
    'price low 2030 + 150'
    """
    name = f"{kind} {expression.id} {expression.year}"
    if expression.offset:
        name += f" {'+' if expression.offset > 0 else '-'} {abs(expression.offset):g}"
    return name


def _fold(text: str) -> str:
    return " ".join(text.split()).casefold()
