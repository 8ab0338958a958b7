"""What a source of OSeMOSYS says, whatever its format: sets, and values of parameters with their place.

Readers fill a :class:`Source`; labels are numbers into one pool, so that a million values stay arrays. :class:`Model` brings
them into the order of the sets: each parameter as an array, defaults filled in.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from dhsdb.errors import Problem, did_you_mean
from dhsdb.importers.osemosys_names import OTHER_REGION, PARAMETERS, REGION, SETS, SHORT_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Codes = NDArray[np.int32]
    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Mask = NDArray[np.bool_]

MOST_CELLS = 40_000_000
"""Number of values of one parameter, with its defaults, beyond which a model is refused; a tenth of it with three indices."""
_MANY_TABLES = 3
_SPARSE = (
    "InputActivityRatio",
    "OutputActivityRatio",
    "EmissionActivityRatio",
    "TechnologyToStorage",
    "TechnologyFromStorage",
)
_MOST_PLACES = 2**62
_SHOWN = 20
_MOST_STRANGERS = 500
_LEAST, _GREATEST = 1e-100, 1e100
"""Magnitudes of numbers between which products of several stay finite."""


class Pool:
    """Labels by number."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self._codes: dict[str, int] = {}

    def code(self, word: str) -> int:
        """Return the number of a label."""
        number = self._codes.get(word)
        if number is None:
            number = self._codes[word] = len(self.words)
            self.words.append(word)
        return number

    def codes(self, words: Iterable[str]) -> Codes:
        """Return the numbers of labels."""
        return np.fromiter((self.code(word) for word in words), np.int32)


def why_unfit(word: object, value: float) -> str:
    """Return why a number can't be a quantity of a model, empty if it can: products of several must stay finite."""
    shown = f"'{str(word).strip()[:40]}'"
    if not math.isfinite(value):
        return f"{shown} is not a finite number."
    return (
        "" if is_fit(value) else f"{shown} is no quantity: it is beyond {_GREATEST:g}, or closer to 0 than {_LEAST:g}."
    )


def is_fit(values: Any) -> Any:
    """Return which numbers can be quantities of a model."""
    size = np.abs(values)
    return (size <= _GREATEST) & ((size >= _LEAST) | (size == 0))


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands: file, sheet, and the header or name of its column."""

    file: Path
    sheet: str = ""

    def problem(self, message: str, row: int | None = None, **facts: Any) -> Problem:
        """Return a problem here."""
        return Problem(message, str(self.file), self.sheet, row, **({"code": "osemosys"} | facts))


@dataclass(slots=True)
class Block:
    """Values of one parameter as they stand together.

    Attributes
    ----------
    labels
        Number in the pool of each value's label, by index; one number for all where a slice fixes it.
    values
        Shape (n,).
    rows
        Row in the source of each value.
    """

    labels: dict[str, Codes]
    values: Floats
    rows: Codes
    place: Place


@dataclass(slots=True)
class Members:
    """A set as the source lists it."""

    words: list[str]
    rows: list[int]
    place: Place


@dataclass(slots=True)
class Source:
    """All that a reader found.

    Attributes
    ----------
    dialect
        ``otoole``, ``gmpl`` or ``pulp``.
    file
        The file, or the one that stands for the folder.
    defaults
        Default of each parameter for which the source states one.
    declared
        Parameters that the source names, with or without values.
    files
        All files that were read.
    ignored, left_out
        Parameters that the user wants left out, and those of them that are there.
    """

    dialect: str
    file: Path
    pool: Pool = field(default_factory=Pool)
    sets: dict[str, Members] = field(default_factory=dict)
    blocks: dict[str, list[Block]] = field(default_factory=dict)
    defaults: dict[str, float] = field(default_factory=dict)
    declared: dict[str, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    ignored: frozenset[str] = frozenset()
    left_out: set[str] = field(default_factory=set)

    def skips(self, name: str) -> bool:
        """Return whether the user wants a parameter left out; it is noted."""
        if name in self.ignored:
            self.left_out.add(name)
        return name in self.ignored

    def add(self, name: str, block: Block) -> None:
        """Add values of a parameter."""
        self.declared.setdefault(name, block.place)
        if len(block.values):
            self.blocks.setdefault(name, []).append(block)

    def place(self, name: str) -> Place:
        """Return where a parameter or a set stands."""
        if name in self.sets:
            return self.sets[name].place
        return self.declared.get(name, Place(self.file))


@dataclass(slots=True)
class Values:
    """The values that a source gives a parameter, sorted by nothing.

    Attributes
    ----------
    at
        Shape (number of indices, n): place of each value in the sets.
    values
        Shape (n,).
    rows, block
        Row of each value, and the number of the block that it stands in.
    """

    at: NDArray[np.int64]
    values: Floats
    rows: Codes
    block: Codes


def parameter_of(word: str) -> str | None:
    """Return the parameter that a name or a sheet means, None if none is known."""
    word = word.strip()
    if word in PARAMETERS:
        return word
    if word in SHORT_NAMES:
        return SHORT_NAMES[word]
    folded = {name.casefold(): name for name in (*PARAMETERS, *SHORT_NAMES)}.get(word.casefold())
    return SHORT_NAMES.get(folded, folded) if folded else None


def as_label(value: object) -> str:
    """Return a label as text: whole numbers without a point, no blanks around.

    Examples
    --------
    >>> as_label(1.0), as_label(" ID "), as_label("2014.0")
    ('1', 'ID', '2014')
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(int(value)) if float(value).is_integer() else str(value)
    text = str(value).strip()
    head, dot, tail = text.rpartition(".")
    return head if dot and tail and not tail.strip("0") and head.lstrip("-").isdigit() else text


class Model:
    """A source in the order of its sets.

    Attributes
    ----------
    sets
        Members by set.
    problems
        What is wrong with labels and values.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.problems: list[Problem] = []
        self.sets: dict[str, list[str]] = {name: self._members(name) for name in SETS}
        self.size = {name: len(words) for name, words in self.sets.items()} | {OTHER_REGION: len(self.sets[REGION])}
        self._lookup = {name: self._places(name) for name in SETS}
        self._lookup[OTHER_REGION] = self._lookup[REGION]
        self._strangers: dict[tuple[str, str], list[tuple[str, Place, int, int]]] = {}
        known = {
            name: blocks for name, blocks in source.blocks.items() if name in PARAMETERS and PARAMETERS[name].indices
        }
        self.given = {name: self._values(name, blocks) for name, blocks in known.items()}
        self._report_strangers()

    # --- sets ---------------------------------------------------------------------------------------------------------
    def _members(self, name: str) -> list[str]:
        """Return the members of a set, each once."""
        members = self.source.sets.get(name)
        if members is None:
            return []
        seen: dict[str, int] = {}
        for word, row in zip(members.words, members.rows, strict=True):
            if word in seen:
                text = f"'{word}' stands twice in {name}, first in row {seen[word]}."
                self.problems.append(members.place.problem(text, row, column=name, value=word, code="duplicate"))
            seen.setdefault(word, row)
        return list(seen)

    def _places(self, name: str) -> NDArray[np.int64]:
        """Return the place in a set of each label of the pool, -1 if it is no member."""
        places = {word: i for i, word in enumerate(self.sets[name])}
        return np.array([places.get(word, -1) for word in self.source.pool.words], np.int64)

    # --- values -------------------------------------------------------------------------------------------------------
    def _values(self, name: str, blocks: Sequence[Block]) -> Values:
        indices = PARAMETERS[name].indices
        if self.cells(name) > _MOST_PLACES:
            self.problems.append(self.source.place(name).problem(f"the sets of {name} are too large.", code="unsafe"))
            blocks = []
        if not blocks:
            return Values(
                np.empty((len(indices), 0), np.int64), np.empty(0), np.empty(0, np.int32), np.empty(0, np.int32)
            )
        at = np.concatenate([np.stack([self._lookup[i][b.labels[i]] for i in indices]) for b in blocks], axis=1)
        values = np.concatenate([b.values for b in blocks])
        rows = np.concatenate([b.rows for b in blocks])
        block = np.repeat(np.arange(len(blocks), dtype=np.int32), [len(b.values) for b in blocks])
        known = (at >= 0).all(axis=0)
        if not known.all():
            self._report_unknown(name, blocks, at)
        found = Values(at[:, known], values[known], rows[known], block[known])
        self._refuse_twins(name, found)
        return found

    def _report_unknown(self, name: str, blocks: Sequence[Block], at: NDArray[np.int64]) -> None:
        """Report each label that is no member of its set, once."""
        for k, index in enumerate(PARAMETERS[name].indices):
            own = REGION if index == OTHER_REGION else index
            labels = np.concatenate([b.labels[index] for b in blocks])
            bad = np.flatnonzero(at[k] < 0)
            words, first, counts = np.unique(labels[bad], return_index=True, return_counts=True)
            for code, i, n in zip(words, first, counts, strict=True):
                place, row = self._where(blocks, int(bad[i]))
                self._strangers.setdefault((own, self.source.pool.words[code]), []).append((name, place, row, int(n)))

    def _report_strangers(self) -> None:
        """Report labels that are no member of their set, once each; OSeMOSYS_PuLP never looks at their values."""
        for (own, word), uses in list(self._strangers.items())[:_MOST_STRANGERS]:
            name, place, row, _ = uses[0]
            hint = did_you_mean(word, self.sets[own]) or f"Members: {', '.join(self.sets[own][:10]) or 'none'}."
            text, facts = f"'{word}' is no member of {own}.", {"severity": "error", "code": "label"}
            if len(uses) > 1:
                text = f"{text[:-1]}; it is used in {', '.join(use[0] for use in uses)}."
            if self.source.dialect == "pulp":
                text = (
                    f"{text} OSeMOSYS_PuLP never reads these {sum(use[3] for use in uses)} values, nor does the import."
                )
                facts = {"severity": "warning", "code": "not-read-by-pulp"}
            self.problems.append(place.problem(text, row, column=name, value=word, hint=hint, **facts))

    @staticmethod
    def _where(blocks: Sequence[Block], i: int) -> tuple[Place, int]:
        for block in blocks:
            if i < len(block.values):
                return block.place, int(block.rows[i])
            i -= len(block.values)
        raise IndexError(i)

    def _refuse_twins(self, name: str, found: Values) -> None:
        """Report values that are given twice."""
        key = self.flat(name, found)
        order = np.argsort(key, kind="stable")
        twin = np.flatnonzero(np.diff(key[order]) == 0) + 1
        again = np.zeros(len(key), bool)
        again[order[twin]] = True
        if again.any():
            # One value per row tells it: a row of a table is often there twice as a whole.
            _, first = np.unique(np.stack([found.block, found.rows])[:, again], axis=1, return_index=True)
            again[np.setdiff1d(np.flatnonzero(again), np.flatnonzero(again)[first])] = False
            hint = "Leave one of the two."
            self.report(name, again, lambda _: "the value is given twice", hint, code="duplicate", found=found)

    def flat(self, name: str, found: Values | None = None) -> NDArray[np.int64]:
        """Return one number per value that tells its indices."""
        found = self.given[name] if found is None else found
        sizes = [max(self.size[i], 1) for i in PARAMETERS[name].indices]
        return np.asarray(np.ravel_multi_index(tuple(found.at), sizes), np.int64)

    def report(
        self, name: str, bad: Mask, message: Any, hint: str = "", *, found: Values | None = None, **facts: Any
    ) -> None:
        """Add a problem for each value that is bad; ``message`` makes its text of the value.

        Parameters
        ----------
        bad
            Shape (n,), of the values that the source gives; if none of them is bad, the default must be.
        """
        found = self.given.get(name) if found is None else found
        at = np.flatnonzero(bad) if found is not None else np.array([], np.int64)
        for i in at[:_SHOWN]:
            value = float(found.values[i])  # type: ignore[union-attr]
            place = self.source.blocks[name][found.block[i]].place  # type: ignore[union-attr]
            text = f"{message(value)}: {self.words(name, found.at[:, i])}."  # type: ignore[union-attr]
            row = int(found.rows[i])  # type: ignore[union-attr]
            self.problems.append(place.problem(text, row, column=name, value=value, hint=hint, **facts))
        if len(at) > _SHOWN:
            text = f"{len(at) - _SHOWN} more values of this kind."
            self.problems.append(self.source.place(name).problem(text, column=name, **facts))

    def words(self, name: str, at: Iterable[int]) -> str:
        """Return the indices of a value in words."""
        own = [REGION if i == OTHER_REGION else i for i in PARAMETERS[name].indices]
        return ", ".join(self.sets[i][int(k)] for i, k in zip(own, at, strict=False))

    def row(self, name: str, *at: int) -> int | None:
        """Return the row of the first value of a parameter with these leading indices."""
        found = self.given.get(name)
        if found is None:
            return None
        same = np.flatnonzero((found.at[: len(at)] == np.array(at)[:, None]).all(axis=0))
        return int(found.rows[same[0]]) if len(same) else None

    def rows(self, name: str, *at: Ints) -> Ints:
        """Return the rows of a parameter's values at leading indices, each of shape (n,).

        Returns
        -------
        numpy.ndarray
            Shape (n, ...) over the indices that follow; 0 where the source gives no value.
        """
        full = np.zeros([self.size[i] for i in PARAMETERS[name].indices], np.int64)
        if (found := self.given.get(name)) is not None:
            full[tuple(found.at)] = found.rows
        return full[at]

    # --- arrays -------------------------------------------------------------------------------------------------------
    def default(self, name: str) -> float:
        """Return the default of a parameter: the source's own, else otoole's."""
        return self.source.defaults.get(name, PARAMETERS[name].default)

    def array(self, name: str, default: float | None = None) -> Floats:
        """Return a parameter as an array over its indices, defaults filled in."""
        shape = [self.size[i] for i in PARAMETERS[name].indices]
        full = np.full(shape, self.default(name) if default is None else default)
        if (found := self.given.get(name)) is not None:
            full[tuple(found.at)] = found.values
        return full

    def cells(self, name: str) -> int:
        """Return how many values a parameter has with its defaults."""
        return math.prod(self.size[i] for i in PARAMETERS[name].indices)

    def too_large(self) -> list[Problem]:
        """Return a problem for each parameter whose array would be too large."""
        found = []
        for name, parameter in PARAMETERS.items():
            most = MOST_CELLS if len(parameter.indices) > _MANY_TABLES else MOST_CELLS // 10
            if parameter.indices and name not in _SPARSE and (n := self.cells(name)) > most:
                text = f"the sets ask for {n:,} values of {name}, more than the {most:,} that are read."
                found.append(self.source.place(name).problem(text, column=name, code="unsafe"))
        return found
