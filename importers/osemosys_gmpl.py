"""Data files of GNU MathProg: a small parser of its data section, statement by statement.

Read are sets, parameters with defaults, slices ``[R,*,*]``, tables, transposed tables ``(tr)``, lists of tuples, and the
tabbing form ``param : A B :=``. Tables are taken as arrays, never cell by cell.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from dhsdb.importers.osemosys_names import PARAMETERS, set_name
from dhsdb.importers.osemosys_source import Block, Members, Place, Source, as_label, is_fit, parameter_of, why_unfit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

MAX_BYTES = 400_000_000
"""Size beyond which a data file is refused."""

_SPECIAL = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"|#[^\n]*|/\*.*?\*/|;", re.DOTALL)
_TOKEN = re.compile(r":=|[:;,\[\]()]|'[^']*'|\"[^\"]*\"|[^\s:;,\[\]()'\"]+")
_MODEL_WORDS = ("var", "minimize", "maximize", "s.t.", "subject", "solve", "printf", "table", "display", "check", "for")
_UNREAD = frozenset({"ResultsPath"})
_DECLARATION = re.compile(r"(?m)^[ \t]*(?:set|param)\b[^;]{0,400}?:")
_ENOUGH = 20
_TABLE = 2


class _SyntaxError(Exception):
    """What can't be understood, and at which word."""

    def __init__(self, message: str, at: int = 0) -> None:
        super().__init__(message)
        self.message, self.at = message, at


def is_data(text: str) -> bool:
    """Return whether text looks like a data file that names sets or parameters of OSeMOSYS."""
    if not _DECLARATION.search(text):
        return False
    words = set(re.findall(r"\w+", text))
    return len(words & set(PARAMETERS)) >= 2 or bool({"TECHNOLOGY", "TIMESLICE", "REGION"} & words)  # noqa: PLR2004


def read_gmpl(path: Path, ignored: frozenset[str] = frozenset()) -> Source:
    """Read a data file."""
    source = Source("gmpl", path, files=[path], ignored=ignored)
    text = _text(path, source)
    if text is None:
        return source
    for line, statement in _statements(text):
        _Statement(source, line, statement).read()
        if source.declared.get("end") or len(source.problems) > 10 * _ENOUGH:
            break
    source.declared.pop("end", None)
    return source


def _text(path: Path, source: Source) -> str | None:
    """Return a file's text; what is none is a problem."""
    place = Place(path)
    if path.stat().st_size > MAX_BYTES:
        text = f"the file has more than {MAX_BYTES / 1e6:,.0f} MB; it was not read."
        source.problems.append(place.problem(text, hint="Split the model.", code="unsafe"))
        return None
    content = path.read_bytes()
    if b"\0" in content:
        source.problems.append(
            place.problem("the file is no text in UTF-8.", hint="Save it as text in UTF-8.", code="encoding")
        )
        return None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        text = f"the file is not in UTF-8 (first in line {line}); it was read as Windows-1252."
        source.problems.append(place.problem(text, line, severity="info", code="encoding"))
        return content.decode("cp1252", errors="replace")


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Yield the statements with the line that they start in; comments are left out, their line breaks stay."""
    parts: list[str] = []
    start = line = 1
    last = 0
    for found in _SPECIAL.finditer(text):
        what = found[0]
        if what[0] in "'\"":
            continue
        before = text[last : found.start()]
        last = found.end()
        parts.append(before)
        line += before.count("\n")
        if what == ";":
            yield start, "".join(parts)
            parts, start = [], line
        else:
            breaks = what.count("\n")
            parts.append("\n" * breaks)
            line += breaks
    parts.append(text[last:])
    yield start, "".join(parts)


def _word(word: str) -> str:
    return word[1:-1] if word[0] in "'\"" else word


class _Statement:
    """One statement."""

    def __init__(self, source: Source, line: int, text: str) -> None:
        self.source = source
        self.tokens: list[str] = []
        self.first: list[int] = []  # number of tokens before each line
        self.line = line
        for one in text.split("\n"):
            self.first.append(len(self.tokens))
            self.tokens.extend(_TOKEN.findall(one))
        self.place = Place(source.file)

    def read(self) -> None:
        """Add what the statement says to the source, or what is wrong with it."""
        if not self.tokens:
            return
        head = self.tokens[0]
        try:
            if head == "set":
                self.read_set()
            elif head == "param":
                self.read_param()
            elif head == "end":
                self.source.declared["end"] = self.place
            elif head in _MODEL_WORDS:
                raise _SyntaxError(f"'{head}' belongs to a model; a data file holds sets and parameters.")  # noqa: TRY301
            elif head != "data":
                raise _SyntaxError(f"'{head[:40]}' starts no statement; 'set' or 'param' is expected.")  # noqa: TRY301
        except _SyntaxError as error:
            at = min(error.at, len(self.tokens) - 1)
            hint = "Write it as GNU MathProg reads it; is a ';' missing before?"
            problem = self.place.problem(
                error.message, self.row(at), value=self.tokens[at][:60], hint=hint, code="syntax"
            )
            self.source.problems.append(problem)

    def row(self, at: int) -> int:
        """Return the line of a word."""
        return self.line + int(np.searchsorted(self.first, at, side="right")) - 1

    def rows(self, at: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return the lines of tokens."""
        return (self.line + np.searchsorted(self.first, at, side="right") - 1).astype(np.int32)

    def token(self, at: int) -> str:
        return self.tokens[at] if at < len(self.tokens) else ""

    def end_of(self, start: int, *stops: str) -> int:
        """Return the place of the first of these tokens, or the end."""
        found = len(self.tokens)
        for stop in stops:
            try:
                found = self.tokens.index(stop, start, found)
            except ValueError:
                continue
        return found

    # --- sets ---------------------------------------------------------------------------------------------------------
    def read_set(self) -> None:
        name = set_name(_word(self.token(1) or "?"))
        at = 3 if self.token(2) == ":=" else 2
        members = self.tokens[at:]
        for mark in (":", ":=", "[", "("):
            if mark in members:
                raise _SyntaxError(f"the set {name} is not a plain list of members.", at + members.index(mark))
        where = [i for i, word in enumerate(members) if word != ","]
        words = [as_label(_word(members[i])) for i in where]
        if name in self.source.sets:
            raise _SyntaxError(f"the set {name} is there twice.")
        rows = [self.row(at + i) for i in where] if len(where) < 10_000 else [self.row(at)] * len(where)  # noqa: PLR2004
        self.source.sets[name] = Members(words, rows, self.place)
        self.source.pool.codes(words)

    # --- parameters ---------------------------------------------------------------------------------------------------
    def read_param(self) -> None:
        if self.token(1) in {"default", ":"}:
            self.read_tabbing()
            return
        name, at = self.known(_word(self.token(1) or "?"), 1), 2
        if name in _UNREAD or self.source.skips(name):
            return
        if self.token(at) == ",":
            at += 1
        if self.token(at) == "default":
            self.source.defaults[name] = self.number(at + 1)
            at += 2
        if self.token(at) == ":=":
            at += 1
        self.declare(name)
        self.read_records(name, at)

    def known(self, word: str, at: int) -> str:
        name = parameter_of(word) or word
        if not re.fullmatch(r"\w+", name):
            raise _SyntaxError(f"'{word[:40]}' is no name of a parameter.", at)
        return name

    def declare(self, name: str) -> None:
        if name in self.source.declared:
            raise _SyntaxError(f"the parameter {name} is there twice.", 1)
        self.source.declared[name] = self.place

    def number(self, at: int) -> float:
        try:
            value = float(_word(self.token(at) or "?"))
        except ValueError:
            raise _SyntaxError(f"'{self.token(at)[:40]}' is not a number.", at) from None
        if why := why_unfit(self.token(at), value):
            raise _SyntaxError(why, at)
        return value

    def read_tabbing(self) -> None:
        """Read ``param default 0 : A B := subscripts a b ...``."""
        at, default = 1, None
        if self.token(at) == "default":
            default, at = self.number(at + 1), at + 2
        if self.token(at) != ":":
            raise _SyntaxError("':' is expected.", at)
        end = self.end_of(at, ":=")
        heads = self.tokens[at + 1 : end]
        if ":" in heads:
            heads = heads[heads.index(":") + 1 :]
        names = [self.known(_word(word), at) for word in heads if word != ","]
        if not names or end == len(self.tokens):
            raise _SyntaxError("the table names no parameter, or has no ':='.", at)
        for name in names:
            self.declare(name)
            if default is not None:
                self.source.defaults[name] = default
        tokens, where = self.plain(end + 1, len(self.tokens))
        if not tokens:
            return
        dims = [len(self.dimensions(name, len(tokens), len(names))) for name in names]
        if len(set(dims)) > 1:
            raise _SyntaxError(f"{', '.join(names)} have different indices.", at)
        width = dims[0] + len(names)
        self.refuse_ragged(len(tokens), width, where)
        for k, name in enumerate(names):
            if self.source.skips(name):
                continue
            free = self.dimensions(name, len(tokens), len(names))
            labels = {d: self.labels(tokens[j::width]) for j, d in enumerate(free)}
            self.add(name, labels, tokens[dims[0] + k :: width], where[dims[0] + k :: width])

    def dimensions(self, name: str, n: int = 0, values: int = 1) -> tuple[str, ...]:
        """Return the indices of a parameter; unnamed ones where it is not known."""
        known = PARAMETERS.get(name)
        if known is not None and known.indices:
            return known.indices
        del n, values
        return ()

    def read_records(self, name: str, at: int) -> None:
        """Read slices, tables and tuples to the end of the statement."""
        indices = self.dimensions(name)
        if not indices:
            self.read_unknown(name, at)
            return
        fixed: dict[str, str] = {}
        free = list(indices)
        transposed = False
        while at < len(self.tokens):
            word = self.tokens[at]
            if word == "[":
                fixed, free, at = self.read_slice(indices, at)
                transposed = False
            elif word == "(":
                if self.tokens[at : at + 3] != ["(", "tr", ")"]:
                    raise _SyntaxError("'(tr)' is expected.", at)
                transposed, at = True, at + 3
            elif word == ":":
                at = self.read_table(name, fixed, free, at, transposed=transposed)
            elif word in {":=", ","}:
                at += 1
            else:
                at = self.read_tuples(name, fixed, free, at)

    def read_slice(self, indices: tuple[str, ...], at: int) -> tuple[dict[str, str], list[str], int]:
        end = self.end_of(at, "]")
        parts = [word for word in self.tokens[at + 1 : end] if word != ","]
        if end == len(self.tokens) or len(parts) != len(indices):
            raise _SyntaxError(f"the slice needs {len(indices)} parts: {', '.join(indices)}.", at)
        fixed = {i: as_label(_word(p)) for i, p in zip(indices, parts, strict=True) if p != "*"}
        return fixed, [i for i in indices if i not in fixed], end + 1

    def read_table(self, name: str, fixed: dict[str, str], free: list[str], at: int, *, transposed: bool) -> int:
        """Read ``: columns := row values ...``; return where it ends."""
        head = self.end_of(at, ":=")
        if head == len(self.tokens):
            raise _SyntaxError("the table's columns end without ':='.", at)
        columns, _ = self.plain(at + 1, head)
        end = self.end_of(head + 1, "[", ":", "(")
        tokens, where = self.plain(head + 1, end)
        if len(free) != _TABLE:
            raise _SyntaxError(f"a table needs two free indices, here are {len(free)}: {', '.join(free)}.", at)
        width = len(columns) + 1
        self.refuse_ragged(len(tokens), width, where)
        row, column = free[::-1] if transposed else free
        n = len(tokens) // width
        is_value = np.ones(len(tokens), bool)
        is_value[::width] = False
        labels = {
            row: np.repeat(self.labels(tokens[::width]), width - 1),
            column: np.tile(self.labels(columns), n),
        }
        if columns:
            values = [word for i, word in enumerate(tokens) if i % width]
            self.add(name, self.spread(labels, fixed, len(values)), values, where[is_value])
        return end

    def read_tuples(self, name: str, fixed: dict[str, str], free: list[str], at: int) -> int:
        """Read ``subscripts value`` over and over; return where it ends."""
        end = self.end_of(at, "[", ":", "(", ":=")
        tokens, where = self.plain(at, end)
        width = len(free) + 1
        self.refuse_ragged(len(tokens), width, where)
        labels = {index: self.labels(tokens[j::width]) for j, index in enumerate(free)}
        values = tokens[len(free) :: width]
        self.add(name, self.spread(labels, fixed, len(values)), values, where[len(free) :: width])
        return end

    def read_unknown(self, name: str, at: int) -> None:
        """Keep the values of a parameter whose indices are not known: of tables their numbers, of lists only that they are."""
        found: list[str] = []
        first = at
        while at < len(self.tokens):
            word = self.tokens[at]
            if word == "[":
                at = self.end_of(at, "]") + 1
            elif word == ":":
                head = self.end_of(at, ":=")
                columns, _ = self.plain(at + 1, head)
                at = self.end_of(head + 1, "[", ":", "(")
                tokens, _ = self.plain(head + 1, at)
                found += [t for i, t in enumerate(tokens) if i % (len(columns) + 1)] if columns else []
            elif word in {":=", ",", "(", ")", "tr"}:
                at += 1
            else:
                found.append("nan")
                at += 1
        if found:
            values = self.slow_numbers(found, np.full(len(found), first))
            rows = np.full(len(found), self.row(first), np.int32)
            self.source.add(name, Block({}, values, rows, self.place))

    # --- parts --------------------------------------------------------------------------------------------------------
    def plain(self, start: int, end: int) -> tuple[list[str], NDArray[np.int64]]:
        """Return tokens without commas, and their places."""
        tokens = self.tokens[start:end]
        where = np.arange(start, end)
        if "," in tokens:
            keep = np.array([word != "," for word in tokens], bool)
            tokens, where = [word for word in tokens if word != ","], where[keep]
        return tokens, where

    def refuse_ragged(self, n: int, width: int, where: NDArray[np.int64]) -> None:
        if n % width:
            text = f"{n} entries are no whole number of records of {width}: one is missing or too many."
            raise _SyntaxError(text, self.ragged_at(where, width))

    def ragged_at(self, where: NDArray[np.int64], width: int) -> int:
        """Return the first entry of the first line that is no whole record; the last entry if all look whole."""
        rows, first, counts = np.unique(self.rows(where), return_index=True, return_counts=True)
        del rows
        odd = np.flatnonzero(counts % width)
        return int(where[first[odd[0]]]) if len(odd) else int(where[-1])

    def labels(self, tokens: list[str]) -> NDArray[np.int32]:
        return self.source.pool.codes(as_label(_word(word)) for word in tokens)

    def spread(
        self, labels: dict[str, NDArray[np.int32]], fixed: dict[str, str], n: int
    ) -> dict[str, NDArray[np.int32]]:
        return labels | {i: np.full(n, self.source.pool.code(word), np.int32) for i, word in fixed.items()}

    def add(self, name: str, labels: dict[str, NDArray[np.int32]], tokens: list[str], where: NDArray[np.int64]) -> None:
        """Add values; a '.' stands for the default."""
        if "." in tokens:
            keep = np.array([word != "." for word in tokens], bool)
            tokens, where = [word for word in tokens if word != "."], where[keep]
            labels = {index: codes[keep] for index, codes in labels.items()}
        try:
            values = np.array(tokens, dtype=str).astype(np.float64) if tokens else np.empty(0)
        except ValueError:
            values = self.slow_numbers(tokens, where)
        if len(unfit := np.flatnonzero(~is_fit(values))):
            first = int(unfit[0])
            raise _SyntaxError(f"{why_unfit(tokens[first], values[first])[:-1]}, in {name}.", int(where[first]))
        self.source.add(name, Block(labels, values, self.rows(where), self.place))

    def slow_numbers(self, tokens: list[str], where: NDArray[np.int64]) -> NDArray[np.float64]:
        values = np.empty(len(tokens))
        for i, word in enumerate(tokens):
            try:
                values[i] = float(_word(word))
            except ValueError:
                raise _SyntaxError(f"'{word[:40]}' is not a number.", int(where[i])) from None
        return values
