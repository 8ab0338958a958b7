"""The LP layer: linear models as named blocks of columns and rows on numpy arrays, and what a solver answers.

This module builds a model and holds its answer. Solving with HiGHS is in :mod:`dhsdb.models.highs`, handing over to Pyomo
in :mod:`dhsdb.models.pyomo_bridge`. What the blocks mean, and every equation, belongs to the models that use it.

A model minimises ``offset + cost @ x`` subject to ``row_lower <= matrix @ x <= row_upper`` and ``lower <= x <= upper``.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dhsdb.errors import SolverError, UserError

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence

    from dhsdb.models.highs import Solver

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int32]
BoolArray = NDArray[np.bool_]
Kind = Literal["column", "row"]
Status = Literal["optimal", "feasible", "infeasible", "unbounded", "failed"]

SMALL_COEFFICIENT = 1e-9
"""HiGHS takes smaller coefficients for zero; we drop them ourselves, so that every solver sees the same matrix."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Columns or rows with a common name and meaning.

    Attributes
    ----------
    name
        Symbol, in the words of the study (``"balance"``).
    kind
        Whether the block holds columns or rows.
    index
        Column or row numbers, of the block's shape, in C order, not writeable.
    sets
        Name and members of each dimension.
    unit
        Unit of a column's value or of a row's left side.
    integer
        Whether the columns take whole numbers only.
    """

    name: str
    kind: Kind
    index: IntArray
    sets: tuple[tuple[str, Sequence[Hashable]], ...]
    unit: str
    integer: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the block, one length per set."""
        return self.index.shape

    @property
    def size(self) -> int:
        """Number of columns or rows."""
        return self.index.size

    def __getitem__(self, key: Any) -> IntArray:
        """Return the column or row numbers at ``key``, which is anything that indexes a numpy array."""
        return np.asarray(self.index[key])

    def name_at(self, position: int) -> str:
        """Return the name of the entry at a flat position, as in ``balance[main, heat, 17]``."""
        if not self.sets:
            return self.name
        where = np.unravel_index(position, self.shape)
        return f"{self.name}[{', '.join(str(members[k]) for (_, members), k in zip(self.sets, where, strict=True))}]"


@dataclass(frozen=True, slots=True, eq=False)
class Arrays:
    """A whole model as arrays: n columns, m rows.

    Attributes
    ----------
    cost, lower, upper
        Objective coefficients and bounds of the columns, each of shape (n,).
    integer
        Which columns take whole numbers only, shape (n,).
    row_lower, row_upper
        Bounds of the rows, each of shape (m,).
    matrix
        Coefficients, a ``scipy.sparse.csc_array`` of shape (m, n) without duplicates or zeros.
    offset
        Constant of the objective.
    """

    cost: FloatArray
    lower: FloatArray
    upper: FloatArray
    integer: BoolArray
    row_lower: FloatArray
    row_upper: FloatArray
    matrix: Any
    offset: float


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """What a solver answered, in the units of the model.

    Attributes
    ----------
    status
        ``feasible``: values that keep every limit, but not shown to be optimal; ``failed``: no values, for the reason
        in ``message``.
    objective
        Value of the objective; NaN without values.
    bound
        No solution is cheaper than this; -inf if nothing is known.
    gap
        ``(objective - bound) / |objective|``; inf if nothing is known.
    solve_s
        Wall time in s.
    iterations
        Simplex, interior point and crossover iterations together.
    message
        The solver's own words.
    x, row_dual, column_dual
        Values and duals of all columns and rows, or None where the solver gave none.
    """

    status: Status
    objective: float
    bound: float
    gap: float
    solve_s: float
    iterations: int
    message: str
    x: FloatArray | None = None
    row_dual: FloatArray | None = None
    column_dual: FloatArray | None = None

    def values(self, block: Block) -> FloatArray:
        """Return the values of a column block, in the block's shape and unit."""
        return self._of(block, "column", self.x, "values")

    def duals(self, block: Block) -> FloatArray:
        """Return the change of the objective per unit of each row's bound, in the shape of the row block."""
        return self._of(block, "row", self.row_dual, "duals")

    def reduced_costs(self, block: Block) -> FloatArray:
        """Return the change of the objective per unit of each column's bound, in the shape of the column block."""
        return self._of(block, "column", self.column_dual, "reduced costs")

    def _of(self, block: Block, kind: Kind, array: FloatArray | None, what: str) -> FloatArray:
        _require_kind(block, kind)
        if array is None:
            why = "a model with integer columns has none" if self.status == "optimal" else f"status '{self.status}'"
            raise SolverError(f"there are no {what} of '{block.name}': {self.message} ({why})")
        return np.asarray(array[block.index])


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
        sets: Iterable[tuple[str, Iterable[Hashable]]] = (),
        unit: str = "",
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
        sets
            Name and members of each dimension; without it the members are 0, 1, 2, ...
        unit
            Unit of both sides.
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
        triple = self.broadcast_terms(rows, columns, values)
        self._arrays = None
        self._terms.append(triple)

    def add_offset(self, value: float) -> None:
        """Add a constant to the objective, in money."""
        if not math.isfinite(value):
            raise UserError(f"the constant of the objective is {value}")
        self._arrays = None
        self._offset += float(value)

    def arrays(self) -> Arrays:
        """Return the assembled model; it is kept until something is added."""
        if self._arrays is None:
            columns = [np.concatenate(parts) for parts in zip(*self._column_data, strict=True)] or [np.empty(0)] * 3
            rows = [np.concatenate(parts) for parts in zip(*self._row_data, strict=True)] or [np.empty(0)] * 2
            integer = [np.full(block.size, block.integer) for block in self.columns.values()]
            self._arrays = Arrays(
                cost=columns[2],
                lower=columns[0],
                upper=columns[1],
                integer=np.concatenate([np.empty(0, dtype=np.bool_), *integer]),
                row_lower=rows[0],
                row_upper=rows[1],
                matrix=self._assemble(),
                offset=self._offset,
            )
        return self._arrays

    def solver(self, **options: object) -> Solver:
        """Hand the model to HiGHS, see :class:`dhsdb.models.highs.Solver` for the options.

        What is added to the model afterwards does not reach the solver.
        """
        from dhsdb.models.highs import Solver  # noqa: PLC0415  heavy

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
            _require_kind(target, kind)
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
        """Return ``values`` as float64 in the shape of ``target``, a copy; NaN (or infinity, if ``finite``) is refused."""
        shape = target.shape
        try:
            # Always to float64, and always a copy: integers from a table must act like floats, and the caller keeps his.
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
        """Return rows, columns and coefficients as flat arrays of one length, without zeros, all checked."""
        parts = self.numbers(rows, "row"), self.numbers(columns, "column"), np.asarray(values, dtype=np.float64)
        try:
            row, column, value = (part.ravel() for part in np.broadcast_arrays(*parts))
        except ValueError as error:
            shapes = ", ".join(str(part.shape) for part in parts)
            raise UserError(f"rows, columns and values of terms don't broadcast: shapes {shapes}") from error
        bad = np.flatnonzero(~np.isfinite(value))
        if bad.size:
            where = f"{self.name_of_column(int(column[bad[0]]))} in {self.name_of_row(int(row[bad[0]]))}"
            raise UserError(f"the coefficient of {where} is {value[bad[0]]}")
        keep = value != 0.0
        return (row, column, value) if keep.all() else (row[keep], column[keep], value[keep])

    def assemble(self, row: IntArray, column: IntArray, value: FloatArray) -> Any:
        """Return the (rows, columns) CSC matrix of flat terms: duplicates summed, sorted, without zeros."""
        from scipy.sparse import coo_array  # type: ignore[import-untyped] # noqa: PLC0415  heavy

        matrix = coo_array((value, (row, column)), shape=(self.n_rows, self.n_columns)).tocsc()
        matrix.sum_duplicates()
        small = np.abs(matrix.data) <= SMALL_COEFFICIENT
        if small.any():
            self._log_small(matrix, small)
            matrix.data[small] = 0.0
            matrix.eliminate_zeros()
        return matrix

    def _assemble(self) -> Any:
        empty = np.empty(0, dtype=np.int32), np.empty(0, dtype=np.int32), np.empty(0)
        row, column, value = (np.concatenate(parts) for parts in zip(empty_triple(empty), *self._terms, strict=True))
        return self.assemble(row, column, value)

    def _log_small(self, matrix: Any, small: BoolArray) -> None:
        # Terms that cancel leave exact zeros or rounding noise, which nobody needs to hear of.
        worth = np.flatnonzero(small & (np.abs(matrix.data) > SMALL_COEFFICIENT**2))
        if worth.size:
            column = int(np.searchsorted(matrix.indptr, worth[0], side="right")) - 1
            where = f"{self.name_of_column(column)} in {self.name_of_row(int(matrix.indices[worth[0]]))}"
            log.warning("%d coefficients below %g are taken for zero, as that of %s", worth.size, SMALL_COEFFICIENT, where)

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
