"""What an importer yields: rows of one input table with their place, profiles, and problems.

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
    """

    table: str
    frame: pd.DataFrame
    file: Path
    sheet: str = ""
    units: Mapping[str, str] = field(default_factory=dict)
    epsg: int | None = None
    partial: bool = False


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
    """

    paths: tuple[Path, ...]
    scenario: str
    year: int | None = None
    site: str = "main"
    bbox: tuple[float, float, float, float] | None = None
    epsg: int | None = None
    progress: Callable[[int, int, str], None] = lambda _done, _total, _what: None


Item = Rows | Series | Problem


class Importer(Protocol):
    """One foreign format."""

    name: str
    reads: str
    """One line for ``dhsdb import --list``."""
    attribution: str
    """Attribution that the source's licence asks for, shown wherever its data goes out; may be empty."""

    def read(self, request: Request) -> Iterator[Item]:
        """Yield rows, profiles and problems; never raise for what a file says."""
        ...
