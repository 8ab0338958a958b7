"""EnergyPLAN's keys and distributions as they are looked up, and what follows from them before it meets the store."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING

from dhsdb.importers.energyplan_text import Entry, number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from dhsdb.errors import Problem


@dataclass(frozen=True, slots=True)
class Cells:
    """A row of a table that follows from keys.

    Attributes
    ----------
    units
        Units of the cells, where they are not the table's own.
    idle
        The row says nothing, such as a plant without capacity.
    origin
        The key that it stands for.
    """

    table: str
    key: tuple[tuple[str, object], ...]
    cells: Mapping[str, object]
    units: Mapping[str, str]
    origin: Entry | None
    idle: bool = False


@dataclass(frozen=True, slots=True)
class Made:
    """A profile that is made of a distribution: its values times a factor, plus an addition, at most a limit."""

    distribution: str
    kind: str
    factor: float = 1.0
    addition: float = 0.0
    most: float = math.inf

    def of(self, values: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the values of the profile."""
        import numpy as np  # heavy

        return np.minimum(np.asarray(values, np.float64) * self.factor + self.addition, self.most)


@dataclass(slots=True)
class Meaning:
    """What all keys together mean.

    Attributes
    ----------
    used
        Keys that got a cell.
    wanted
        Distributions that cells refer to but which are not there: what for, by name.
    made
        Profiles to be made of a distribution, by name.
    """

    rows: dict[tuple[str, tuple[tuple[str, object], ...]], Cells] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    wanted: dict[str, list[str]] = field(default_factory=dict)
    made: dict[str, Made] = field(default_factory=dict)
    findings: list[Problem] = field(default_factory=list)


class Keys:
    """The keys of an input file, looked up whatever their case; what is looked up is noted."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries: dict[str, list[Entry]] = {}
        for entry in entries:
            self.entries.setdefault(entry.key.casefold(), []).append(entry)
        self.seen: set[str] = set()
        self.bad: dict[str, Entry] = {}

    def entry(self, key: str) -> Entry | None:
        """Return the last of a key."""
        found = self.entries.get(key.casefold())
        if found:
            self.seen.add(found[-1].key)
        return found[-1] if found else None

    def text(self, key: str) -> str:
        """Return a value without blanks around it; empty if there is no such key."""
        entry = self.entry(key)
        return entry.value.strip() if entry else ""

    def number(self, key: str) -> float | None:
        """Return a value as a number; None if there is none, or the key is there twice with different ones."""
        found = self.entries.get(key.casefold(), [])
        if len({e.value for e in found}) != 1:
            return None
        self.seen.add(found[-1].key)
        value = number(found[-1].value)
        if value is None and found[-1].value.strip():
            self.bad[found[-1].key] = found[-1]
        return value

    def positive(self, key: str) -> float | None:
        """Return a number above 0, else None."""
        value = self.number(key)
        return value if value is not None and value > 0 else None

    def amount(self, key: str) -> float:
        """Return a number, 0 if there is none."""
        return self.number(key) or 0.0


class Profiles:
    """The distributions that are there, found whatever their case and with or without .txt.

    Parameters
    ----------
    values
        Returns the values of one by its stored name.
    """

    def __init__(
        self,
        names: Iterable[str],
        values: Callable[[str], Sequence[float] | NDArray[np.float64] | None] = lambda _: None,
    ) -> None:
        self._values = values
        self._names: dict[str, str] = {}
        for name in names:
            self._names.setdefault(_plain(name), name)

    def find(self, named: str) -> str | None:
        """Return the name of a distribution as it is stored."""
        return self._names.get(_plain(named))

    def peak(self, named: str) -> float | None:
        """Return the greatest share of the year that falls in an hour; None if the distribution is not there, or flat zero."""
        found = self.find(named)
        values = self._values(found) if found else None
        whole = self.total(found) if found else 0.0
        return float(max(values)) / whole if values is not None and whole > 0 else None

    def total(self, name: str) -> float:
        """Return the sum of a distribution's values; 0 if they are not at hand."""
        values = self._values(name)
        return 0.0 if values is None else float(sum(values))


def _plain(name: str) -> str:
    bare = PurePath(name.replace("\\", "/")).name.strip().casefold()
    return bare.removesuffix(".txt")


def kept_only(entries: Iterable[Entry], used: set[str]) -> Iterator[Entry]:
    """Yield keys that say something (neither empty nor 0) but have no cell of their own."""
    for entry in entries:
        value = number(entry.value)
        if entry.key not in used and entry.value.strip() and value != 0:
            yield entry
