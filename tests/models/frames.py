"""Effective rows for model tests, made from plain dictionaries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from dhsdb.models.options import parse
from dhsdb.models.stage import Inputs
from dhsdb.schema.catalog import INPUT
from dhsdb.series import Values

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def inputs(
    years: Sequence[int],
    rows: Mapping[str, Sequence[Mapping[str, Any]]],
    profiles: Mapping[str, np.ndarray] | None = None,
    parents: Mapping[str, Mapping[str, pd.DataFrame]] | None = None,
    **options: object,
) -> Inputs:
    """Return the inputs of a stage; a row without a year holds in every model year."""
    tables = {name: _frame(name, rows.get(name, ()), years) for name in INPUT}
    if not len(tables["model_year"]):
        tables["model_year"] = _frame("model_year", [{"year": y} for y in years], years)
    series = {n: Values(np.asarray(v, float), "factor") for n, v in (profiles or {}).items()}
    return Inputs("test", tuple(years), tables, series, 3857, parse(options), parents or {})


def _frame(name: str, rows: Sequence[Mapping[str, Any]], years: Sequence[int]) -> pd.DataFrame:
    table = INPUT[name]
    columns = ["year", *table.keys(), *table.cell_names()]
    spread = [
        r if "year" in r or not table.by_year else r | {"year": y}
        for r in rows
        for y in (years if "year" not in r and table.by_year else (None,))
    ]
    frame = pd.DataFrame(spread, columns=columns)
    for column in columns:
        kind = table.__table__.columns[column].type
        if isinstance(kind, (sa.Double, sa.Integer, sa.SmallInteger)):
            frame[column] = frame[column].astype(float)
        else:
            frame[column] = frame[column].astype(object).where(frame[column].notna(), None)
    return frame


def quiet(_fraction: float, _doing: str) -> None:
    """Ignore progress."""
