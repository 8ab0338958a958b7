"""Specific demands that hold for an import of buildings: those of the scenario before the built-in ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dhsdb.importers import demand as specific_demands
from dhsdb.importers.held import held_rows
from dhsdb.importers.rows import Rows
from dhsdb.importers.typology import specific_demand_age

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pandas as pd

    from dhsdb.importers.rows import Request

BUILT_IN = "built-in figures"


class SpecificFigures:
    """Specific demands by use, and by use, age class and state.

    Attributes
    ----------
    new
        Built-in figures that the scenario does not hold yet, by table.
    """

    def __init__(self, request: Request) -> None:
        self.request = request
        self.new = {"specific_demand": self._new(), "specific_demand_age": self._new_ages()}

    def _new(self) -> pd.DataFrame:
        specific = specific_demands.specific_demand()
        held = held_rows(self.request, "specific_demand")
        if len(held):
            specific = specific[~specific["use"].isin(held["use"])]
        return specific.reset_index(drop=True)

    def _new_ages(self) -> pd.DataFrame:
        ages = specific_demand_age()
        held = held_rows(self.request, "specific_demand_age")
        if len(held):
            keys = ["use", "age_class", "refurbishment"]
            there = set(map(tuple, held[keys].astype(str).to_numpy().tolist()))
            # A use whose age classes were replaced by others keeps those alone.
            own = set(held["use"])
            new = [tuple(k) not in there and k[0] not in own for k in ages[keys].astype(str).to_numpy().tolist()]
            ages = ages[new]
        return ages.reset_index(drop=True)

    def items(self, file: Path) -> Iterator[Rows]:
        """Yield the built-in figures that are new to the scenario."""
        for name, new in self.new.items():
            if len(new):
                yield Rows(name, new, file, BUILT_IN, keeps=True)

    def effective(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return the specific demands that hold."""
        import pandas as pd  # heavy

        result = []
        for name, new in self.new.items():
            held = held_rows(self.request, name)
            if not len(held):
                result.append(new)
                continue
            year = self.request.year
            held = held[held["year"].isna() | (held["year"] == year)] if year is not None else held
            keys = [k for k in ("use", "age_class", "refurbishment") if k in held]
            held = held.sort_values("year", na_position="first").drop_duplicates(keys)[list(new.columns)]
            result.append(pd.concat([held, new], ignore_index=True) if len(new) else held.reset_index(drop=True))
        return result[0], result[1]
