"""Flows of an energy model: expressions that balances add up and results show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

MARKET, DEMAND, LOSS, UNSERVED, DUMP = "market", "demand", "network loss", "unserved", "dump"
"""Technologies that stand for what is not a unit."""


@dataclass(frozen=True, slots=True)
class Flow:
    """A flow into (sign +1) or out of (-1) a balance: ``sum over terms of coefficient * x[columns] + constant``, MW.

    Attributes
    ----------
    technology
        Unit, or what stands for what is no unit.
    terms
        Columns and coefficients, each broadcasting to (y, l).
    constant
        Shape (y, l), or None.
    capacity
        Kind and number of the unit that full-load hours are counted of.
    """

    balance: int
    sign: float
    technology: str
    terms: tuple[tuple[NDArray[np.int32], Array], ...]
    constant: Array | None = None
    capacity: tuple[str, int] | None = None
