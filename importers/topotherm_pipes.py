"""topotherm's pipes: lines of cost and loss by the heat that they carry, and the figures that it takes by default."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dhsdb.importers.rows import ROW

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dhsdb.importers.network_tables import Row

HEAT = "heat"
MODE = "1"
REGRESSION = "regression"
DEFAULT: Mapping[str, float] = {
    "heat_loss_a": 4.348e-07, "heat_loss_b": 0.02189, "capacity_a": 0.018377, "capacity_b": 567.335,
    "power_flow_max_kW": 6.9e4, "power_flow_max_partload": 1.0,
}  # fmt: skip
"""Regression that topotherm takes where none is given: steel pipes at 70/55 degC."""
LOSS_UNIT = "kW/m"
"""Unit of ``loss_w_m`` here."""


def pipe_type(found: Mapping[str, float], row: int, wacc: float | None = None, life: float | None = None) -> Row:
    """Return a regression as a row of ``pipe_type``."""
    return {
        "pipe_type": REGRESSION, "cost_per_m": found["capacity_b"], "cost_per_kw_m": found["capacity_a"],
        "loss_w_m": found["heat_loss_b"], "loss_per_m": found["heat_loss_a"], "max_kw": found["power_flow_max_kW"],
        "wacc": wacc, "life": life, ROW: row,
    }  # fmt: skip
