"""What an importer yields: rows of one input table with their place, profiles, results of other tools, and problems.

An importer reads a foreign file and says what it means; it never touches the store. Units, checks, the report of all
problems, dry run, provenance and the transaction belong to the pipeline.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from dhsdb.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from dhsdb.series import Values

ROW = "_row"
"""Name of the optional frame column that holds the row number in the source."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one input table.

    Attributes
    ----------
    table
        Name of the input table.
    frame
        One line per row: natural key, ``year`` (optional) and any of the table's columns. Geometries are shapely objects in
        EPSG ``epsg``. ``_row`` holds the row number in the source.
    file, sheet
        Where the rows come from.
    units
        Source unit per column, as pint reads it; a column that is not named is in the table's own unit.
    epsg
        Code of the geometries' coordinate system, 4326 = longitude, latitude.
    partial
        The frame sets only the columns it has; else a column that is missing is set to NULL.
    keeps
        Rows that the same file brought earlier and it no longer has stay: the frame is a change, not the whole.
    attribution
        What the licence of this file asks to be shown, where the importer's own attribution is not that of all files.
    """

    table: str
    frame: pd.DataFrame
    file: Path
    sheet: str = ""
    units: Mapping[str, str] = field(default_factory=dict)
    epsg: int | None = None
    partial: bool = False
    keeps: bool = False
    attribution: str = ""

    def row(self, i: int) -> int | None:
        """Return the row of the source that a row of the frame is from, if it is known."""
        if ROW not in self.frame.columns or self.frame[ROW].isna().iloc[i]:
            return None
        return int(self.frame[ROW].iloc[i])


@dataclass(frozen=True, slots=True)
class Series:
    """A named profile with its values.

    Attributes
    ----------
    name
        Name in the scenario, by which other rows refer to it.
    values
        Shape (n,), hour 1 first.
    kind
        One of power, share, factor, price, temperature.
    unit
        Unit of the values, as pint reads it; empty for factors and shares.
    start
        ISO time of the beginning of the first step; empty if the year is generic.
    calendar
        ``noleap``, or ``standard`` if the values have leap days.
    text
        What it describes and where it comes from.
    """

    name: str
    values: NDArray[np.float64]
    kind: str
    file: Path
    unit: str = ""
    step_h: float = 1.0
    start: str = ""
    sheet: str = ""
    calendar: str = "noleap"
    text: str = ""


@dataclass(frozen=True, slots=True)
class Results:
    """What another tool solved: a run of its own, which stands beside those of the scenario.

    Attributes
    ----------
    stage
        Stage of the run: the tool's name, or pareto for a study of many points.
    tables
        Result tables by name, in the units of the store; ``item`` numbers the rows of table ``item`` from 1.
    files
        What they were read from.
    status
        feasible for a simulation, which seeks no optimum.
    year
        Year that the results are of; None = not said.
    currency
        ISO code of the amounts; empty = not said.
    reads
        Input tables whose change makes the run stale.
    facts
        What else is to be known of it, such as the tool's own options.
    findings
        Warnings of the tool, and what of the file is missing; they are kept with the run.
    """

    stage: str
    tables: Mapping[str, pd.DataFrame]
    files: tuple[Path, ...]
    solver: str
    solver_version: str = ""
    status: str = "feasible"
    objective: float | None = None
    year: int | None = None
    currency: str = ""
    message: str = ""
    reads: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    findings: tuple[Problem, ...] = ()


class Held(Protocol):
    """What the scenario holds before the import."""

    def table(self, name: str) -> pd.DataFrame:
        """Return the effective rows of an input table: ``year``, key and cells; none if the scenario is new."""
        ...

    def profile(self, name: str) -> Values | None:
        """Return the values of a profile, or None if the scenario has none of that name."""
        ...


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked to import.

    Attributes
    ----------
    paths
        Files or folders, which exist.
    year
        Year that the rows hold for; None = every year.
    site
        Site that the rows belong to where the format knows none.
    bbox
        West, south, east, north in degrees.
    epsg
        Projected system for geometries; None = the scenario's own, or the local UTM zone.
    progress
        Called with (done, total, what) on long work.
    held
        What the scenario holds already, for formats that change or complete it; None = nothing is known.
    options
        What else the format asks for, by name; only names that its importer lists.
    """

    paths: tuple[Path, ...]
    scenario: str
    year: int | None = None
    site: str = "main"
    bbox: tuple[float, float, float, float] | None = None
    epsg: int | None = None
    progress: Callable[[int, int, str], None] = lambda _done, _total, _what: None
    held: Held | None = None
    options: Mapping[str, str] = field(default_factory=dict)


Item = Rows | Series | Results | Problem


class Importer(Protocol):
    """One foreign format."""

    name: str
    reads: str
    """One line for ``dhsdb import --list``."""
    attribution: str
    """Attribution that the source's licence asks for, shown wherever its data goes out; may be empty."""

    def read(self, request: Request) -> Iterator[Item]:
        """Yield rows, profiles, results and problems; never raise for what a file says."""
        ...
