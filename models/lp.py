"""The LP layer: linear models as named blocks of columns and rows on numpy arrays.

This module builds a model; its parts are in :mod:`dhsdb.models.blocks` and are found here too. Solving with HiGHS is in
:mod:`dhsdb.models.highs`, handing over to Pyomo in :mod:`dhsdb.models.pyomo_bridge`. What the blocks mean, and every
equation, belongs to the models that use it.

A model minimises ``offset + cost @ x`` subject to ``row_lower <= matrix @ x <= row_upper`` and ``lower <= x <= upper``.
"""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from dhsdb.errors import UserError
from dhsdb.models.blocks import (
    Arrays,
    Block,
    BoolArray,
    FloatArray,
    IntArray,
    Kind,
    Solution,
    Status,
    check_bounds,
    require_kind,
)

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from numpy.typing import ArrayLike

    from dhsdb.models.highs import Solver

__all__ = [
    "Arrays",
    "Block",
    "BoolArray",
    "FloatArray",
    "IntArray",
    "Kind",
    "Model",
    "Solution",
    "Status",
]

SMALL_COEFFICIENT = 1e-9
"""HiGHS takes smaller coefficients for zero; we drop them ourselves, so that every solver sees the same matrix."""

log = logging.getLogger(__name__)


class Model:
    """A linear model under construction: named blocks of columns and rows, and the terms that link them."""

    def __init__(self) -> None:
        self.columns: dict[str, Block] = {}
        self.rows: dict[str, Block] = {}
        self.n_columns = 0
        self.n_rows = 0
        self._offset = 0.0
        self._column_data: list[tuple[FloatArray, FloatArray, FloatArray]] = []
        self._row_data: list[tuple[FloatArray, FloatArray]] = []
        self._terms: list[tuple[IntArray, IntArray, FloatArray]] = []
        self._costs: list[tuple[IntArray, FloatArray]] = []
        self._arrays: Arrays | None = None

    def add_columns(
        self,
        name: str,
        shape: int | tuple[int, ...],
        lower: ArrayLike = 0.0,
        upper: ArrayLike = math.inf,
        cost: ArrayLike = 0.0,
        unit: str = "",
        sets: Iterable[tuple[str, Iterable[Hashable]]] = (),
        *,
        integer: bool = False,
    ) -> Block:
        """Add a block of columns.

        Parameters
        ----------
        name
            Symbol, unique in the model.
        shape
            Length of each dimension; ``()`` is one column.
        lower, upper
            Bounds, broadcast to ``shape``, in ``unit``. A limit on a single column belongs here and not into a row.
        cost
            Objective coefficients, broadcast to ``shape``, in money per ``unit``.
        unit
            Unit of the values.
        sets
            Name and members of each dimension; without it the members are 0, 1, 2, ...
        integer
            Whether the columns take whole numbers only.
        """
        block = self._block(name, "column", shape, sets, unit, integer=integer)
        bounds = self._bounds(block, lower, upper)
        self._column_data.append((*bounds, self.floats(block, cost, "cost", finite=True).ravel()))
        self.columns[name] = block
        self.n_columns += block.size
        return block

    def add_rows(
        self,
        name: str,
        shape: int | tuple[int, ...],
        lower: ArrayLike = -math.inf,
        upper: ArrayLike = math.inf,
        unit: str = "",
        sets: Iterable[tuple[str, Iterable[Hashable]]] = (),
    ) -> Block:
        """Add a block of rows ``lower <= terms <= upper``; the terms come with :meth:`add_terms`.

        Parameters
        ----------
        name
            Symbol, unique in the model, also among the columns.
        shape
            Length of each dimension; ``()`` is one row.
        lower, upper
            Bounds, broadcast to ``shape``, in ``unit``; equal ones make an equation.
        unit
            Unit of both sides.
        sets
            Name and members of each dimension; without it the members are 0, 1, 2, ...
        """
        block = self._block(name, "row", shape, sets, unit)
        self._row_data.append(self._bounds(block, lower, upper))
        self.rows[name] = block
        self.n_rows += block.size
        return block

    def add_terms(self, rows: Block | ArrayLike, columns: Block | ArrayLike, values: ArrayLike) -> None:
        """Add ``values * columns`` to the left side of ``rows``.

        Parameters
        ----------
        rows, columns
            Blocks or arrays of row and column numbers.
        values
            Coefficients, in the row's unit per unit of the column. All three broadcast together. Zeros are dropped, and
            terms for the same row and column are summed.
        """
        row, column, value = self.broadcast_terms(rows, columns, values)
        keep = value != 0.0
        self._arrays = None
        self._terms.append((row, column, value) if keep.all() else (row[keep], column[keep], value[keep]))

    def add_cost(self, columns: Block | ArrayLike, values: ArrayLike) -> None:
        """Add to the objective coefficients of columns.

        Parameters
        ----------
        columns
            A column block or an array of column numbers; one that is named twice gets the sum.
        values
            Money per unit of the column, broadcast to the shape of ``columns``.
        """
        index = self.numbers(columns, "column")
        target = columns if isinstance(columns, Block) else index
        self._arrays = None
        self._costs.append((index.ravel(), self.floats(target, values, "cost", finite=True).ravel()))

    def add_offset(self, value: float) -> None:
        """Add a constant to the objective, in money."""
        if not math.isfinite(value):
            raise UserError(f"the constant of the objective is {value}")
        self._arrays = None
        self._offset += float(value)

    def arrays(self) -> Arrays:
        """Return the assembled model; it is kept until something is added."""
        if self._arrays is None:
            # The empty arrays in front let a model without columns, rows or terms pass.
            none = np.empty(0)
            lower, upper, cost = zip((none, none, none), *self._column_data, strict=True)
            row_lower, row_upper = zip((none, none), *self._row_data, strict=True)
            integer = [np.full(block.size, block.integer) for block in self.columns.values()]
            self._arrays = Arrays(
                cost=self._total_cost(np.concatenate(cost)),
                lower=np.concatenate(lower),
                upper=np.concatenate(upper),
                integer=np.concatenate([none.astype(np.bool_), *integer]),
                row_lower=np.concatenate(row_lower),
                row_upper=np.concatenate(row_upper),
                matrix=self._assemble(),
                offset=self._offset,
            )
        return self._arrays

    def _total_cost(self, cost: FloatArray) -> FloatArray:
        for index, values in self._costs:
            cost += np.bincount(index, values, minlength=len(cost))
        return cost

    def solver(self, **options: object) -> Solver:
        """Hand the model to HiGHS, see :class:`dhsdb.models.highs.Solver` for the options.

        What is added to the model afterwards does not reach the solver.
        """
        from dhsdb.models.highs import Solver

        return Solver(self, **options)

    def name_of_row(self, row: int) -> str:
        """Return the name of a row in words, as in ``balance[main, heat, 2035, 17]``."""
        return self.locate(row, "row")[0]

    def name_of_column(self, column: int) -> str:
        """Return the name of a column in words, as in ``act[chp, 17]``."""
        return self.locate(column, "column")[0]

    def locate(self, number: int, kind: Kind) -> tuple[str, Block]:
        """Return the name and the block of a row or column number."""
        blocks = self.rows if kind == "row" else self.columns
        for block in blocks.values():
            if block.size and block.index.flat[0] <= number <= block.index.flat[-1]:
                return block.name_at(int(number - block.index.flat[0])), block
        raise IndexError(f"there is no {kind} {number}")

    def numbers(self, target: Block | ArrayLike, kind: Kind) -> IntArray:
        """Return the row or column numbers of a block or an index array, checked to lie in this model."""
        if isinstance(target, Block):
            require_kind(target, kind)
            if (self.rows if kind == "row" else self.columns).get(target.name) is not target:
                raise UserError(f"the {kind} block '{target.name}' belongs to another model")
            return target.index
        array = np.asarray(target)
        if array.size == 0:
            return np.empty(array.shape, dtype=np.int32)
        if array.dtype.kind not in "iu":
            raise UserError(f"{kind} numbers must be integers, not {array.dtype}", "Index the block: block[mask].")
        size = self.n_rows if kind == "row" else self.n_columns
        if array.min() < 0 or array.max() >= size:
            raise UserError(f"{kind} numbers reach from {array.min()} to {array.max()}, but there are {size} {kind}s")
        return array.astype(np.int32, copy=False)

    def floats(
        self, target: Block | IntArray, values: ArrayLike, what: str, *, kind: Kind = "column", finite: bool = False
    ) -> FloatArray:
        """Return a float64 copy of ``values`` in the shape of ``target``, without NaN (and infinity, if ``finite``)."""
        shape = target.shape
        try:
            # Always float64, always a copy: integers must act like floats, and the caller may change his array.
            array = np.array(np.broadcast_to(np.asarray(values, dtype=np.float64), shape))
        except (TypeError, ValueError) as error:
            label = f"'{target.name}'" if isinstance(target, Block) else "the entries"
            raise UserError(f"{what} of {label} can't be numbers of shape {shape}: {error}") from error
        bad = ~np.isfinite(array) if finite else np.isnan(array)
        if bad.any():
            at = int(np.flatnonzero(bad)[0])
            name = target.name_at(at) if isinstance(target, Block) else self.locate(int(target.flat[at]), kind)[0]
            hint = "" if finite else "A limit that does not exist is inf or -inf."
            raise UserError(f"{what} of {name} is {array.flat[at]}", hint)
        return array

    def broadcast_terms(
        self, rows: Block | ArrayLike, columns: Block | ArrayLike, values: ArrayLike
    ) -> tuple[IntArray, IntArray, FloatArray]:
        """Return rows, columns and coefficients as flat arrays of one length, copied and checked."""
        numbers = self.numbers(rows, "row"), self.numbers(columns, "column")
        try:
            parts = np.broadcast_arrays(*numbers, np.asarray(values, dtype=np.float64))
        except (TypeError, ValueError) as error:
            shapes = ", ".join(str(np.shape(part)) for part in (*numbers, values))
            raise UserError(f"the terms' rows, columns and values have shapes {shapes}: {error}") from error
        row, column, value = (part.flatten() for part in parts)
        bad = np.flatnonzero(~np.isfinite(value))
        if bad.size:
            where = f"{self.name_of_column(int(column[bad[0]]))} in {self.name_of_row(int(row[bad[0]]))}"
            raise UserError(f"the coefficient of {where} is {value[bad[0]]}")
        return row, column, value

    def assemble(self, row: IntArray, column: IntArray, value: FloatArray) -> Any:
        """Return the (rows, columns) CSC matrix of flat terms: duplicates summed, sorted, without zeros."""
        from scipy.sparse import coo_array

        matrix = coo_array((value, (row, column)), shape=(self.n_rows, self.n_columns)).tocsc()
        matrix.sum_duplicates()
        small = np.abs(matrix.data) <= SMALL_COEFFICIENT
        if small.any():
            self._log_small(matrix, small)
            matrix.data[small] = 0.0
            matrix.eliminate_zeros()
        return matrix

    def _assemble(self) -> Any:
        none = np.empty(0, dtype=np.int32)
        row, column, value = zip((none, none, np.empty(0)), *self._terms, strict=True)
        return self.assemble(np.concatenate(row), np.concatenate(column), np.concatenate(value))

    def _log_small(self, matrix: Any, small: BoolArray) -> None:
        # Terms that cancel leave exact zeros or rounding noise, which nobody needs to hear of.
        worth = np.flatnonzero(small & (np.abs(matrix.data) > SMALL_COEFFICIENT**2))
        if worth.size:
            column = int(np.searchsorted(matrix.indptr, worth[0], side="right")) - 1
            where = f"{self.name_of_column(column)} in {self.name_of_row(int(matrix.indices[worth[0]]))}"
            log.warning(
                "%d coefficients below %g are taken for zero, as that of %s", worth.size, SMALL_COEFFICIENT, where
            )

    def _block(
        self,
        name: str,
        kind: Kind,
        shape: int | tuple[int, ...],
        sets: Iterable[tuple[str, Iterable[Hashable]]],
        unit: str,
        *,
        integer: bool = False,
    ) -> Block:
        if name in self.columns or name in self.rows:
            raise UserError(f"there is a block '{name}' already")
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        members = tuple((label, _members(values)) for label, values in sets)
        members = members or tuple((f"n{k}", range(length)) for k, length in enumerate(shape))
        if tuple(len(values) for _, values in members) != shape:
            sizes = ", ".join(f"{label} {len(values)}" for label, values in members)
            raise UserError(f"block '{name}' has shape {shape}, but its sets have the sizes {sizes}")
        for label, values in members:
            if not isinstance(values, range) and len(set(values)) != len(values):
                raise UserError(f"block '{name}': a member of the set '{label}' occurs twice")
        start = self.n_columns if kind == "column" else self.n_rows
        index = np.arange(start, start + math.prod(shape), dtype=np.int32).reshape(shape)
        index.flags.writeable = False
        self._arrays = None
        return Block(name, kind, index, members, unit, integer)

    def _bounds(self, block: Block, lower: ArrayLike, upper: ArrayLike) -> tuple[FloatArray, FloatArray]:
        low = self.floats(block, lower, "the lower limit", kind=block.kind).ravel()
        high = self.floats(block, upper, "the upper limit", kind=block.kind).ravel()
        check_bounds(block.name, low, high)
        return low, high


def _members(values: Iterable[Hashable]) -> Sequence[Hashable]:
    if isinstance(values, range):
        return values
    # Members of a numpy array as Python's own, so that names read "17" and a dict finds them.
    return tuple(values.tolist()) if isinstance(values, np.ndarray) else tuple(values)
