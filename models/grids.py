"""Rows of input tables as arrays over model years: one place where a missing row or a NULL gets its meaning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd
    from numpy.typing import NDArray


def places(mask: NDArray[np.bool_] | np.bool_) -> list[int]:
    """Return where a mask of one dimension is true."""
    return [int(i) for i in np.flatnonzero(mask)]


def records(rows: pd.DataFrame) -> Iterable[Any]:
    """Return rows as tuples with their columns as attributes."""
    return rows.itertuples(index=False)


class Grid:
    """The rows of a table by year and key.

    Parameters
    ----------
    rows
        Effective rows with ``year`` and the key columns.
    years
        Model years.
    keys
        Key columns.

    Attributes
    ----------
    key
        Keys in the order of their first row, as tuples; ``n`` of them.
    present
        Shape (years, n). Whether there is a row.
    """

    def __init__(self, rows: pd.DataFrame, years: Sequence[int], keys: Sequence[str]) -> None:
        import pandas as pd

        rows = rows[rows["year"].isin(list(years))] if len(rows) else rows
        tuples = list(zip(*(rows[k] for k in keys), strict=True)) if len(rows) else []
        codes, unique = (
            pd.factorize(pd.Index(tuples, tupleize_cols=False)) if tuples else (np.empty(0, np.int64), pd.Index([]))
        )
        self.key: list[tuple[str, ...]] = [tuple(k) for k in unique]  # type: ignore[arg-type]
        self.n = len(self.key)
        self.years = len(years)
        position = {y: i for i, y in enumerate(years)}
        self._rows = rows
        self._year = rows["year"].map(position).to_numpy(np.int64) if len(rows) else np.empty(0, np.int64)
        self._key = np.asarray(codes, np.int64)
        self.present = np.zeros((self.years, self.n), bool)
        self.present[self._year, self._key] = True
        self._place = {k: i for i, k in enumerate(self.key)}

    def index(self, key: tuple[str, ...]) -> int | None:
        """Return the position of a key."""
        return self._place.get(key)

    def numbers(self, column: str, null: float) -> NDArray[np.float64]:
        """Return a number column, shape (years, n), with ``null`` where it is NULL or there is no row."""
        values = np.full((self.years, self.n), np.nan)
        if len(self._rows):
            values[self._year, self._key] = self._rows[column].to_numpy(np.float64, na_value=np.nan)
        return np.where(np.isnan(values), null, values)

    def flags(self, column: str) -> NDArray[np.bool_]:
        """Return a boolean column, shape (years, n), False where it is NULL or there is no row."""
        values = np.zeros((self.years, self.n), bool)
        if len(self._rows):
            values[self._year, self._key] = [v is True or v == 1 for v in self._rows[column].fillna(value=False)]
        return values

    def words(self, column: str) -> NDArray[np.object_]:
        """Return a text column, shape (years, n), empty where it is NULL or there is no row."""
        values = np.full((self.years, self.n), "", object)
        if len(self._rows):
            values[self._year, self._key] = ["" if v is None or v != v else v for v in self._rows[column]]  # noqa: PLR0124
        return values
