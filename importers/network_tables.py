"""Text tables of network models (CSV): typed columns with their rows, and all that is wrong with a file in one go."""

from __future__ import annotations

import csv
import math
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from dhsdb.errors import Problem, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

Kind = Literal["count", "number", "amount", "text"]
"""Whole number not negative, finite number, finite number not negative, text."""
GREATEST = 1e100
"""Number beyond which a cell is no quantity: products of several must stay finite."""
Row = dict[str, Any]

MAX_BYTES = 100_000_000
"""Size beyond which a text table is refused."""
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?|[-+]?(?:inf|infinity|nan)", re.ASCII | re.IGNORECASE)
_BLANK = ("", "nan", "none", "null")
_MOST = 50


@dataclass(slots=True)
class TextTable:
    """A file of rows.

    Attributes
    ----------
    rows
        Values by column, None where blank, with the line in the file under ``_row``.
    columns
        All columns of the header.
    notes
        What is wrong with the file, and what of it is not read.
    """

    path: Path
    rows: list[Row] = field(default_factory=list)
    columns: tuple[str, ...] = ()
    notes: list[Problem] = field(default_factory=list)

    def note(
        self, message: str, row: int | None = None, column: str = "", value: object = None, hint: str = "",
        severity: str = "error", code: str = "network",
    ) -> None:  # fmt: skip
        """Keep a problem or a remark of this file."""
        self.notes.append(Problem(message, str(self.path), "", row, column, value, hint, severity, code))


def find_file(folder: Path, name: str) -> Path | None:
    """Return a file of a folder, in whatever case it is written."""
    if not folder.is_dir():
        return None
    return next((p for p in sorted(folder.iterdir()) if p.is_file() and p.name.casefold() == name.casefold()), None)


def header_of(path: Path) -> list[str]:
    """Return the columns of a file; none if it is no text table."""
    with path.open("rb") as file:
        lines = file.read(65_536).decode("utf-8-sig", "replace").splitlines()[:1]
    try:
        return [name.strip() for line in csv.reader(lines, strict=True) for name in line]
    except csv.Error:
        return []


def read_table(path: Path, columns: Mapping[str, Kind], optional: Iterable[str] = (), key: str = "") -> TextTable:
    """Read a text table.

    Parameters
    ----------
    columns
        Columns that are read, and of what kind they are; others are named as ignored.
    optional
        Columns that may be absent or blank.
    key
        Column that names a row, each once.
    """
    table = TextTable(path)
    lines = _lines(table)
    if lines is None:
        return table
    header = [name.strip().lstrip("\ufeff") for name in lines[0]] if lines else []
    table.columns = tuple(header)
    place = _places(table, header, columns, frozenset(optional))
    for number, line in enumerate(lines[1:], start=2):
        if any(cell.strip() for cell in line):
            row = _row(table, line, number, place, columns, frozenset(optional))
            table.rows.append(row)
    if key in place:
        _refuse_twins(table, key)
    return table


def _lines(table: TextTable) -> list[list[str]] | None:
    """Return the cells of a file, or note why it can't be read."""
    try:
        if table.path.stat().st_size > MAX_BYTES:
            table.note("the file is too large to be read.", hint=f"At most {MAX_BYTES / 1e6:g} MB.", code="unsafe")
            return None
        text = table.path.read_text(encoding="utf-8-sig")
        return list(csv.reader(text.splitlines(), strict=True))
    except UnicodeDecodeError as error:
        table.note(f"the file is not in UTF-8 (byte {error.start}).", hint="Save it as CSV in UTF-8.", code="encoding")
    except (csv.Error, OSError) as error:
        table.note(f"the file can't be read as a text table ({error}).", hint="Save it as CSV anew.", code="format")
    return None


def _places(
    table: TextTable, header: list[str], columns: Mapping[str, Kind], optional: frozenset[str]
) -> dict[str, int]:
    """Return where each column stands; note what is missing, doubled, or not read."""
    by_fold = {name.casefold(): name for name in columns}
    named = [by_fold.get(name.casefold(), name) for name in header]
    for name, n in Counter(name for name in named if name).items():
        if n > 1:
            table.note(f"the column {name} is there {n} times.", 1, name, hint="Leave one.", code="header")
    place = {name: named.index(name) for name in columns if name in named}
    missing = [name for name in columns if name not in place and name not in optional]
    strange = [name for name in named if name and name not in columns]
    for name in missing:
        joined = len(header) == 1 and (";" in header[0] or "\t" in header[0])
        hint = "Separate the columns by commas." if joined else did_you_mean(name, strange)
        table.note(
            f"the column {name} is missing.", 1, name, hint=hint or f"Needed: {', '.join(columns)}.", code="header"
        )
    for name in strange:
        near = did_you_mean(name, [c for c in columns if c not in place])
        if near and not missing:
            table.note(f"'{name}' is no column of {table.path.name}.", 1, name, hint=near, code="header")
        elif not near:
            table.note(f"ignored: column {name}.", 1, name, severity="info", code="ignored")
    return place


def _row(
    table: TextTable, line: list[str], number: int, place: Mapping[str, int], columns: Mapping[str, Kind],
    optional: frozenset[str],
) -> Row:  # fmt: skip
    row: Row = {"_row": number}
    if len(line) < len(table.columns) and any(at >= len(line) for name, at in place.items() if name not in optional):
        table.note(f"the row has {len(line)} of {len(table.columns)} cells.", number, hint="Is it cut or shifted?")
    for name, kind in columns.items():
        at = place.get(name, len(line))
        cell = line[at].strip() if at < len(line) else ""
        row[name] = _value(table, cell, number, name, kind)
        if (
            row[name] is None
            and cell.casefold() in _BLANK
            and name in place
            and at < len(line)
            and name not in optional
        ):
            table.note(f"{name} is blank.", number, name, cell, hint="Each row needs one.")
    return row


def _value(table: TextTable, cell: str, number: int, name: str, kind: Kind) -> object:
    """Return a cell in the type of its column, None where it is blank or wrong."""
    if cell.casefold() in _BLANK and not (kind == "text" and cell):
        return None
    if kind == "text":
        return cell
    value = as_number(cell)
    if value is None:
        hint = "Decimals have a point." if "," in cell else "A number is expected."
        table.note(f"'{cell[:40]}' is not a number.", number, name, cell[:200], hint)
        return None
    if not abs(value) <= GREATEST or (kind != "number" and value < 0):
        what = "negative" if abs(value) <= GREATEST else "too large" if math.isfinite(value) else "not a finite number"
        table.note(f"'{cell[:40]}' is {what}.", number, name, cell[:200], "A number of 0 or more is expected.")
        return None
    if kind == "count":
        if value != int(value) or value >= 2**53:
            table.note(f"'{cell[:40]}' is no number of a row.", number, name, cell[:200], "A whole number is expected.")
            return None
        return int(value)
    return value


def as_number(cell: str) -> float | None:
    """Return a number, also one that is not finite, None if a cell is none: ``1_000`` is a number to Python alone."""
    return float(cell) if _NUMBER.fullmatch(cell) else None


def _refuse_twins(table: TextTable, key: str) -> None:
    first: dict[object, int] = {}
    for row in table.rows:
        if row[key] is not None and first.setdefault(row[key], row["_row"]) != row["_row"]:
            text = f"{key} {row[key]} is there twice, first in row {first[row[key]]}."
            table.note(text, row["_row"], key, row[key], "Leave one of the two.", code="duplicate")


def all_notes(tables: Iterable[TextTable]) -> Iterator[Problem]:
    """Yield the notes of files, of each kind and column of a file at most fifty."""
    for table in tables:
        seen: Counter[tuple[str, str]] = Counter()
        for note in table.notes:
            seen[note.code, note.column] += 1
            if seen[note.code, note.column] <= _MOST:
                yield note
        for (code, column), n in seen.items():
            if n > _MOST:
                severity = next(note.severity for note in table.notes if (note.code, note.column) == (code, column))
                yield Problem(
                    f"{n - _MOST} more of this kind.", str(table.path), column=column, severity=severity, code=code
                )
