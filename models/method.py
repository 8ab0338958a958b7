"""Which method of HiGHS solves a model: simplex or an interior point, by size, whole numbers and what is installed.

The choice was measured with ``benchmarks/investment.py --methods``; figures are in ``docs/formulation.md``.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

METHODS = ("choose", "simplex", "ipm", "ipx", "hipo")
LARGE = 100_000
"""Rows from which the interior point HiPO solves a model sooner than the simplex. Nonzeros tell less: a dispatch has many in
few rows, and is a matter of the simplex."""
HUGE = 500_000
"""Rows from which an interior solution is not crossed over to a basis: up to 385,505 that was measured to take little, above
it is not known."""

_INTERIOR = {"hipo": "HiPO", "ipx": "IPX"}


@cache
def has_hipo() -> bool:
    """Whether HiPO is there: it comes with the package highspy-extras, which has no wheel for some machines."""
    import highspy

    highs = highspy.Highs()  # type: ignore[no-untyped-call]
    highs.setOptionValue("output_flag", False)  # noqa: FBT003  positional only
    return bool(highs.setOptionValue("solver", "hipo").name == "kOk")


def chosen(options: Mapping[str, object], rows: int, *, whole: bool) -> dict[str, object]:
    """Return the options of HiGHS that the choice adds to what was asked for.

    Parameters
    ----------
    options
        What was asked for; a method or crossover named there stands.
    rows
        Rows of the model.
    whole
        Whether columns take whole numbers only: then branch and bound solves, which chooses for itself.
    """
    if options.get("method", "choose") != "choose" or whole:
        return {}
    if rows < LARGE or not has_hipo():
        return {"method": "simplex"}
    added: dict[str, object] = {"method": "hipo"}
    if rows >= HUGE and "run_crossover" not in options:
        added["run_crossover"] = "off"
    return added


def in_words(options: Mapping[str, object], *, whole: bool, warm: bool) -> str:
    """Return how a model was solved, and what that means for its figures."""
    if whole:
        return "branch and bound, no warm start"
    method = str(options.get("method", "choose"))
    if warm or method in ("choose", "simplex"):
        return "simplex from the basis of the solve before" if warm else "simplex"
    if method == "ipm":
        method = "hipo" if has_hipo() else "ipx"
    if options.get("run_crossover") == "off":
        return f"interior point {_INTERIOR[method]} without crossover: no basis, capacities and flows to about 1e-6"
    return f"interior point {_INTERIOR[method]} with crossover"
