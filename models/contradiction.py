"""A small set of limits that contradict each other, from a proof that a linear model has no solution.

The proof (Farkas 1902) is a sum of rows and bounds that says 0 >= something positive. That of a simplex basis needs few of
them, and none that could be left out (Gleeson & Ryan 1990, doi:10.1287/ijoc.2.1.61); a last look by HiGHS at these alone is
quick, while its search in the whole model can take hours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from dhsdb.models.blocks import FloatArray, IntArray

LOWER, UPPER = 2, 3
"""Sides of a limit, as HiGHS's IisBoundStatus numbers them."""
_IIS_MINIMAL = 6  # kIisStrategyFromLp + kIisStrategyIrreducible
_IIS_FOUND = 2  # kIisModelStatusReducible or ...Irreducible
_SMALL = 400
"""Rows that HiGHS shrinks one by one in a moment."""
_SECONDS = 20.0
_SHARE = 1e-9


@dataclass(frozen=True, slots=True)
class Part:
    """Rows and columns of a model with the side of each that matters, as in IisBoundStatus."""

    rows: IntArray
    row_sides: IntArray
    columns: IntArray
    column_sides: IntArray


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bounds of columns and rows."""

    lower: FloatArray
    upper: FloatArray
    row_lower: FloatArray
    row_upper: FloatArray


def find(matrix: Any, bounds: Bounds, load: Callable[[Any, Bounds], Any]) -> Part | None:
    """Return limits that contradict each other, or None if no proof is found in time, or there is none.

    Parameters
    ----------
    matrix
        Coefficients, ``scipy.sparse.csc_array``.
    load
        Returns a quiet HiGHS with a matrix and bounds, without costs.
    """
    if matrix.shape[0] <= _SMALL:
        return _iis(load(matrix, bounds))
    proof = _proof(matrix, bounds, load)
    if proof is None:
        return None
    rows, columns = proof.rows, proof.columns
    part = matrix[rows]
    touched = np.unique(np.concatenate([part.nonzero()[1], columns])).astype(np.int32)
    if len(rows) > _SMALL:
        return proof
    kept = Bounds(*(side.copy() for side in _alone(bounds, proof, touched)))
    smaller = _iis(load(part[:, touched].tocsc(), kept))
    if smaller is None:
        return proof
    return Part(rows[smaller.rows], smaller.row_sides, touched[smaller.columns], smaller.column_sides)


def _alone(bounds: Bounds, proof: Part, touched: IntArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return the bounds that a proof uses, of the columns touched and of its rows; all others are infinite."""
    lower, upper = (np.full(bounds.lower.shape, v) for v in (-np.inf, np.inf))
    at, sides = proof.columns, proof.column_sides
    lower[at[sides == LOWER]] = bounds.lower[at[sides == LOWER]]
    upper[at[sides == UPPER]] = bounds.upper[at[sides == UPPER]]
    low = np.where(proof.row_sides == LOWER, bounds.row_lower[proof.rows], -np.inf)
    high = np.where(proof.row_sides == UPPER, bounds.row_upper[proof.rows], np.inf)
    return lower[touched], upper[touched], low, high


def _iis(highs: Any) -> Part | None:
    """Return HiGHS's irreducible set."""
    highs.setOptionValue("iis_strategy", _IIS_MINIMAL)
    _, iis = highs.getIis()
    if iis.status_ < _IIS_FOUND:
        return None
    return Part(*(np.array(a, np.int32) for a in (iis.row_index_, iis.row_bound_, iis.col_index_, iis.col_bound_)))


def _proof(matrix: Any, bounds: Bounds, load: Callable[[Any, Bounds], Any]) -> Part | None:
    """Return the rows and bounds of the dual ray of the simplex."""
    highs = load(matrix, bounds)
    highs.setOptionValue("presolve", "off")
    highs.setOptionValue("solver", "simplex")
    highs.setOptionValue("time_limit", _SECONDS)
    highs.run()
    if highs.getModelStatus().name != "kInfeasible":
        return None
    _, found, ray = highs.getDualRay()
    if not found:
        return None
    for sign in (1.0, -1.0):  # whichever way round HiGHS writes it, only one proves anything
        part = _proven(matrix, bounds, sign * np.asarray(ray, np.float64))
        if part is not None:
            return part
    return None


def _proven(matrix: Any, bounds: Bounds, ray: FloatArray) -> Part | None:
    """Return what a ray proves: rows weighed with it and bounds of columns add up to 0 >= something positive."""
    ray = np.where(np.abs(ray) > _SHARE * np.abs(ray).max(initial=0.0), ray, 0.0)
    rest = -(matrix.T @ ray)
    scale = np.abs(matrix).T @ np.abs(ray)
    rest = np.where(np.abs(rest) > _SHARE * np.maximum(scale, _SHARE), rest, 0.0)
    rows, columns = np.flatnonzero(ray).astype(np.int32), np.flatnonzero(rest).astype(np.int32)
    row_bound = np.where(ray[rows] > 0, bounds.row_lower[rows], bounds.row_upper[rows])
    bound = np.where(rest[columns] > 0, bounds.lower[columns], bounds.upper[columns])
    if not (np.isfinite(row_bound).all() and np.isfinite(bound).all()):
        return None
    if ray[rows] @ row_bound + rest[columns] @ bound <= 0:
        return None
    return Part(
        rows,
        np.where(ray[rows] > 0, LOWER, UPPER).astype(np.int32),
        columns,
        np.where(rest[columns] > 0, LOWER, UPPER).astype(np.int32),
    )
