"""EnergyPLAN's text files as they are: encodings, line ends, keys and values, numbers with a comma, and which file is what.

An input file alternates a key and its value, filled up with lines ``xxx``. It is read without loss, so that
:func:`render` gives the same bytes again.
"""

from __future__ import annotations

import codecs
import math
import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dhsdb.errors import Problem, UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

VERSION = "EnergyPLAN version"
"""The first key, and the only one without ``=``."""
PADDING = "xxx"
USUAL_LINES = (1500, 2000, 2100, 2250)
"""Lengths of input files, by version."""
MAX_BYTES = 300_000_000
"""Size beyond which a file is not read; an output of a year has 12 MB."""
HOURS = (8784, 8760)

_NEWLINES = {"CRLF": "\r\n", "LF": "\n"}
_NUMBER = re.compile(r"[-+]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][-+]?\d+)?", re.ASCII)
_COMMA = re.compile(r"[-+]?\d+,\d+", re.ASCII)
_MAX_INPUT = 5_000_000
_COST_KEYS = 100
_MOST = 20
_HEAD = 4000
_MOSTLY = 0.8
"""Share of lines with a single number that makes a distribution, if a spoilt one."""
_PEEK = 200


@dataclass(frozen=True, slots=True)
class Entry:
    """A key of an input file, where it stands, and its value as written.

    Attributes
    ----------
    label
        The key's line as written, where it is more than the key and ``=``.
    row
        Line of the key, from 1.
    """

    key: str
    occurrence: int
    value: str
    ordinal: int
    label: str | None = None
    row: int = 0
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """How an input file is written."""

    encoding: str = "utf-16"
    newline: str = "CRLF"
    n_lines: int = 0
    ends_line: bool = True


@dataclass(frozen=True, slots=True)
class InputFile:
    """An input file, a cost file, or a fragment that changes some keys."""

    path: Path
    kind: str
    layout: Layout
    entries: tuple[Entry, ...]
    findings: tuple[Problem, ...] = ()

    @property
    def n_padding(self) -> int:
        """Lines that only fill up."""
        return max(self.layout.n_lines - 2 * len(self.entries), 0)

    @property
    def version(self) -> str:
        """Version as the file says it."""
        return next((e.value for e in self.entries if e.key == VERSION), "")


def number(text: object) -> float | None:
    """Return a number as EnergyPLAN writes it, with a point or a comma; None if it is none.

    Examples
    --------
    >>> number("1,5"), number(" 0.25 "), number("1.000,5"), number("nan")
    (1.5, 0.25, None, None)
    """
    bare = str(text).strip()
    value = float(bare.replace(",", ".")) if _NUMBER.fullmatch(bare) else math.nan
    return value if math.isfinite(value) else None


def lines_of(text: str) -> list[str]:
    """Return the lines of a text, whatever ends them; other marks that Python takes for line ends stay."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def has_comma(text: str) -> bool:
    """Return whether a value is a number with a decimal comma."""
    return bool(_COMMA.fullmatch(text.strip()))


# --- bytes and text --------------------------------------------------------------------------------------------------
def load(path: Path) -> tuple[str, str] | Problem:
    """Return a file's text and encoding, or why it can't be read."""
    size = path.stat().st_size
    if size > MAX_BYTES:
        hint = "Is this an EnergyPLAN file? An output of a whole year has about 12 MB."
        return Problem(f"the file has {size / 1e6:,.0f} MB; it was not read.", str(path), hint=hint, code="unsafe")
    data = path.read_bytes()
    if not data.strip():
        return Problem("the file is empty.", str(path), hint="Save it again.", code="format")
    try:
        return decode(data)
    except UnicodeError as error:
        hint = "Save it as UTF-16, UTF-8 or ANSI (Windows-1252)."
        return Problem(f"the text can't be decoded ({error}).", str(path), hint=hint, code="encoding")


def decode(data: bytes) -> tuple[str, str]:
    """Return text and encoding: by byte order mark, else UTF-8 where it holds such characters, else Windows-1252."""
    for mark, name, codec in (
        (codecs.BOM_UTF16_LE, "utf-16", "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be", "utf-16-be"),
        (codecs.BOM_UTF8, "utf-8-sig", "utf-8"),
    ):
        if data.startswith(mark):
            return data[len(mark) :].decode(codec), name
    if len(data) > 1 and not any(data[1:_PEEK:2]) and all(data[:_PEEK:2]):
        return data.decode("utf-16-le"), "utf-16-le"
    # Pure ASCII is ANSI here: that is what EnergyPLAN reads, whatever is put in later.
    for name in ("cp1252",) if data.isascii() else ("utf-8", "cp1252"):
        try:
            return data.decode(name), name
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1"), "latin-1"


def encode(text: str, encoding: str) -> bytes:
    """Return the bytes of a text, with the mark that belongs to the encoding."""
    if encoding in ("utf-16", "utf-16-be"):
        big = encoding == "utf-16-be"
        return (codecs.BOM_UTF16_BE if big else codecs.BOM_UTF16_LE) + text.encode("utf-16-be" if big else "utf-16-le")
    return text.encode(encoding)


def kind_of(text: str) -> str | None:
    """Return what a text is: input, output, print, table, points or distribution; None if nothing of EnergyPLAN."""
    head = text[:_HEAD].replace("\0", "\t")
    lines = [line for line in lines_of(head) if line.strip()]
    if not lines:
        return None
    if lines[0].strip() == VERSION:
        return "input"
    if re.search(r"^\s*(EnergyPLAN model\b|RESULT: Data-set)", head, re.MULTILINE):
        return "output"
    if "The EnergyPLAN model" in lines[0]:
        return "print"
    whole = lines if len(text) < _HEAD else lines[:-1]  # the last line of the head may be cut
    if len(whole) > 1 and sum(number(line) is not None for line in whole) > _MOSTLY * len(whole):
        return "distribution"
    words = [re.split(r"[;\s]+", line.strip(" ;\t")) for line in lines[:2]]
    if all(number(w) is not None for line in words for w in line) and len(words[0]) > 1:
        return "points"
    return "table" if _is_table(lines) else None


def _is_table(lines: Sequence[str]) -> bool:
    """Return whether a header is followed by a line of units and a line of numbers."""
    if len(lines) < 3:  # noqa: PLR2004
        return False
    units = re.split(r"[;\s()]+", lines[1].strip().casefold())
    known = {"kwe", "kwth", "gwh", "keuro", "mw", "twh", "mton", "kt", "dkk", "mwh", "kw"}
    return len(known & set(units)) > 1 and number(re.split(r"[;\s]+", lines[2].strip())[0]) is not None


# --- input files -----------------------------------------------------------------------------------------------------
def read_input(path: Path, text: str, encoding: str) -> InputFile | list[Problem]:
    """Return an input file's keys, or all that is wrong with it."""
    if len(text) > _MAX_INPUT:
        return [Problem(f"an input file of {len(text) / 1e6:,.0f} MB is not read.", str(path), code="unsafe")]
    newline = "CRLF" if "\r\n" in text else "LF"
    lines = text.split(_NEWLINES[newline])
    ends = lines[-1] == ""
    lines = lines[:-1] if ends else lines
    first = next((i for i in range(0, len(lines), 2) if lines[i].strip() == PADDING), len(lines))
    keys, problems = lines[:first:2], []
    values = lines[1:first:2]
    for i, line in enumerate(keys):
        if not line.strip().endswith("=") and not (i == 0 and line.strip() == VERSION):
            hint = "Keys and values alternate, one line each: a line is missing or too many before this one."
            text_ = f"'{line[:60]}' is no key: it does not end with '='."
            problems.append(Problem(text_, str(path), row=2 * i + 1, value=line[:60], hint=hint, code="format"))
            break
    if len(values) < len(keys) and not problems:
        text_ = f"the last key '{keys[-1].strip()}' has no value: the file is cut off."
        problems.append(Problem(text_, str(path), row=2 * len(keys) - 1, hint="Save it again.", code="format"))
    if len(keys) < 2 and not problems:  # noqa: PLR2004
        problems.append(Problem("the file holds no key.", str(path), row=1, hint="Save it again.", code="format"))
    for i, value in enumerate(values):
        if "\r" in value or "\n" in value:
            text_ = "a value holds an end of line of another kind than the rest of the file."
            hint = "Save it again; within a value EnergyPLAN writes qQzZxX."
            problems.append(Problem(text_, str(path), row=2 * i + 2, value=value[:60], hint=hint, code="format"))
            break
    if problems:
        return problems
    entries = tuple(_entries(keys, values, path))
    layout = Layout(encoding, newline, len(lines), ends)
    file = InputFile(path, _input_kind(entries, first < len(lines)), layout, entries)
    return replace(file, findings=tuple(_findings(file, text)))


def _entries(keys: Sequence[str], values: Sequence[str], path: Path) -> Iterator[Entry]:
    seen: Counter[str] = Counter()
    for i, (label, value) in enumerate(zip(keys, values, strict=True)):
        key = label.strip().removesuffix("=").strip()
        seen[key] += 1
        yield Entry(key, seen[key], value, i + 1, None if label == f"{key}=" else label, 2 * i + 1, path)


def _input_kind(entries: Sequence[Entry], padded: bool) -> str:  # noqa: FBT001
    keys = {e.key.casefold() for e in entries}
    if {"energyunit", "capacityunit"} <= keys:
        return "input"
    return "cost" if padded or len(keys) > _COST_KEYS else "fragment"


def _findings(file: InputFile, text: str) -> Iterator[Problem]:
    name = str(file.path)
    if render(file.entries, file.layout) != encode(text, file.layout.encoding):
        said = "lines end in different ways or something follows the lines xxx, so an export gives other bytes."
        yield Problem(said, name, severity="warning", code="not-byte-identical")
    if file.kind != "fragment" and file.layout.n_lines not in USUAL_LINES:
        said = f"the file has {file.layout.n_lines:,} lines; EnergyPLAN writes {', '.join(map(str, USUAL_LINES))}."
        hint = "It may be cut off, or of a version that is not known here."
        yield Problem(said, name, hint=hint, severity="warning", code="unusual-length")
    by_key: dict[str, list[Entry]] = {}
    for entry in file.entries:
        by_key.setdefault(entry.key, []).append(entry)
    for key, twins in by_key.items():
        if len({e.value for e in twins}) > 1:
            shown = ", ".join(f"'{e.value}' (row {e.row + 1})" for e in twins)
            said = f"the key {key} is there {len(twins)} times with different values: {shown}; all are kept."
            yield Problem(said, name, row=twins[0].row, severity="warning", code="duplicate-key")


def render(entries: Iterable[Entry], layout: Layout) -> bytes:
    """Return the bytes of an input file.

    Raises
    ------
    UserError
        If a value holds an end of line, or characters that the encoding does not have.
    """
    lines: list[str] = []
    for entry in sorted(entries, key=lambda e: (e.ordinal, e.key, e.occurrence)):
        if "\n" in entry.value or "\r" in entry.value:
            raise UserError(
                f"the value of {entry.key} goes over several lines.", "EnergyPLAN writes an end of line as qQzZxX."
            )
        lines += [f"{entry.key}=" if entry.label is None else entry.label, entry.value]
    lines += [PADDING] * (layout.n_lines - len(lines))
    end = _NEWLINES[layout.newline]
    text = end.join(lines) + (end if layout.ends_line else "")
    try:
        return encode(text, layout.encoding)
    except UnicodeEncodeError as error:
        at = text[: error.start].count(end)
        raise UserError(
            f"'{lines[at]}' can't be written in {layout.encoding}.", "Set energyplan_file.encoding to utf-16."
        ) from None


# --- distributions ---------------------------------------------------------------------------------------------------
def read_distribution(path: Path, text: str) -> list[float] | list[Problem]:
    """Return the values of a distribution, or all that is wrong with it."""
    lines = lines_of(text)
    while lines and not lines[-1].strip():
        lines.pop()
    values = [number(line) for line in lines]
    problems: list[Problem] = []
    for i, (line, value) in enumerate(zip(lines, values, strict=True)):
        if value is None:
            said = f"'{line.strip()[:60]}' is not a number." if line.strip() else "the line is blank."
            hint = "A distribution has one number in each line, with a point or a comma."
            problems.append(Problem(said, str(path), row=i + 1, value=line[:60], hint=hint))
        if len(problems) == _MOST:
            break
    if len(values) not in HOURS:
        said = f"it has {len(values):,} values."
        hint = "EnergyPLAN's distributions have 8784 hourly values, those of others 8760."
        problems.append(Problem(said, str(path), row=len(values), hint=hint, code="length"))
    return problems or [v for v in values if v is not None]
