"""What outlives the building of a linear model: its blocks of columns and rows, its arrays, and a solver's answer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from dhsdb.errors import InfeasibleError, SolverError, UserError

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int32]
BoolArray = NDArray[np.bool_]
Kind = Literal["column", "row"]
TIMES = ("t", "hour", "period", "typical period")
"""Sets whose members follow each other in time; they come last."""
Status = Literal["optimal", "feasible", "infeasible", "unbounded", "failed"]


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
        return f"{self.name}[{', '.join(self._members_at(position))}]"

    def group_at(self, position: int) -> tuple[str, str]:
        """Return name and time of the entry at a flat position apart, as in ``balance[main, heat]`` and ``17``."""
        if not self.sets or self.sets[-1][0] not in TIMES:
            return self.name_at(position), ""
        *members, step = self._members_at(position)
        return f"{self.name}[{', '.join(members)}]" if members else self.name, step

    def _members_at(self, position: int) -> list[str]:
        where = zip(self.sets, np.unravel_index(position, self.shape), strict=True)
        return [str(members[int(k)]) for (_, members), k in where]


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
    method
        How it was solved, and what that means for the figures.
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
    method: str = ""

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
        require_kind(block, kind)
        if array is None:
            message = f"there are no {what} of '{block.name}': the model is {self.status} ({self.message})"
            if self.status in ("infeasible", "unbounded"):
                raise InfeasibleError(message)
            raise SolverError(message, "" if what == "values" else "Models with integer columns have no duals.")
        return np.asarray(array[block.index])


def require_kind(block: Block, kind: Kind) -> None:
    """Refuse a block of the other kind."""
    if block.kind != kind:
        raise UserError(f"'{block.name}' is a {block.kind} block, but a {kind} block is needed")


def check_bounds(name: str, lower: FloatArray, upper: FloatArray) -> None:
    """Refuse a lower limit of inf and an upper one of -inf, which no value meets; crossing ones are infeasible."""
    if (lower == math.inf).any() or (upper == -math.inf).any():
        raise UserError(f"a lower limit of '{name}' is inf, or an upper one -inf", "No limit: lower -inf, upper inf.")
