"""Rows of a table over the years, before they are drawn together: what never changes is one row of every year."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dhsdb.importers.osemosys_source import Place
from dhsdb.importers.rows import ROW

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from dhsdb.importers.osemosys_source import Model

    Codes = NDArray[np.int32]
    Ints = NDArray[np.int64]
    Mask = NDArray[np.bool_]


@dataclass(slots=True)
class Table:
    """Rows of one table.

    Attributes
    ----------
    keys
        Natural key without the year; shape (n,).
    cells
        Values by column; shape (n, years), or (n,) where they never vary.
    rows
        Row in the source of each key, shape (n,), or of its value in each year, shape (n, years); 0 = not known.
    present
        Shape (n, years): in which years a row is there; None = in all.
    """

    name: str
    keys: Mapping[str, Any]
    cells: Mapping[str, NDArray[Any]]
    place: Place
    rows: Ints | Codes | Sequence[int] = ()
    present: Mask | None = None


def draw_years(table: Table, years: Ints) -> pd.DataFrame:
    """Return a table as a frame: a key that is there and the same in all years is one row without a year.

    Examples
    --------
    >>> from pathlib import Path
    >>> from dhsdb.importers.osemosys_source import Place
    >>> cost = np.array([[1.0, 1.0], [1.0, 2.0]])
    >>> table = Table("process", {"process": ["a", "b"]}, {"capital": cost}, Place(Path("x")))
    >>> draw_years(table, np.array([2020, 2030]))[["process", "year", "capital"]].values.tolist()
    [['a', nan, 1.0], ['b', 2020.0, 1.0], ['b', 2030.0, 2.0]]
    """
    import pandas as pd  # heavy

    keys = {k: np.asarray(v, object if not isinstance(v, np.ndarray) else v.dtype) for k, v in table.keys.items()}
    n = len(next(iter(keys.values())))
    wide = {k: v for k, v in table.cells.items() if v.ndim == 2}  # noqa: PLR2004
    there = np.ones((n, len(years)), bool) if table.present is None else table.present
    same = np.asarray(there.all(axis=1), bool)
    for values in wide.values():
        same = np.asarray(same & np.all(_equal(values, values[:, :1]), axis=1), bool)
    varies = (wide or table.present is not None) and "year" not in keys
    one = np.flatnonzero(same) if varies else np.arange(n)
    each, which = np.nonzero(there & ~same[:, None] & bool(varies))
    at = np.concatenate([one, each])
    columns: dict[str, Any] = {k: v[at] for k, v in keys.items()}
    if varies:
        columns["year"] = np.concatenate([np.full(len(one), np.nan), years[which].astype(np.float64)])
    for name, values in table.cells.items():
        if values.ndim == 2:  # noqa: PLR2004
            columns[name] = np.concatenate([values[one, 0], values[each, which]])
        else:
            columns[name] = values[at]
    if len(table.rows):
        rows = np.asarray(table.rows, np.int64)
        of_one = rows[one] if rows.ndim == 1 else _first(rows[one])
        found = np.concatenate([of_one, rows[each] if rows.ndim == 1 else rows[each, which]])
        columns[ROW] = pd.arrays.IntegerArray(found, found == 0)
    return pd.DataFrame(columns)


def _first(rows: Ints) -> Ints:
    """Return the first row that is known of each key, shape (n,); 0 = none is."""
    return np.asarray(rows[np.arange(len(rows)), np.argmax(rows > 0, axis=1)])


def _equal(a: NDArray[Any], b: NDArray[Any]) -> Mask:
    if a.dtype == object:
        return np.asarray(a == b, bool)  # None == None holds, element by element
    return np.asarray((a == b) | (np.isnan(a) & np.isnan(b)), bool)


def place_of(model: Model) -> Place:
    """Return the place of what the source says as a whole."""
    return Place(model.source.file)
