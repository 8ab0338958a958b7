"""Limits on sums of OSeMOSYS: activity, emissions, reserve margin, renewable share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dhsdb.importers.osemosys_arrays import off
from dhsdb.importers.osemosys_names import EMISSION, FUEL, REGION, TECHNOLOGY
from dhsdb.importers.osemosys_rows import Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from dhsdb.importers.osemosys_arrays import Arrays

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Mask = NDArray[np.bool_]


class Limits:
    """Limits on sums: activity, emissions, reserve margin, renewable share."""

    def __init__(self, arrays: Arrays) -> None:
        self.t = arrays
        self.m = arrays.model
        self.e = arrays.e

    def items(self) -> Iterator[Table]:
        """Yield limits and their terms."""
        t = self.t
        for name, sense, per in (
            ("TotalTechnologyAnnualActivityUpperLimit", "max", "year"),
            ("TotalTechnologyAnnualActivityLowerLimit", "min", "year"),
            ("TotalTechnologyModelPeriodActivityUpperLimit", "max", "horizon"),
            ("TotalTechnologyModelPeriodActivityLowerLimit", "min", "horizon"),
        ):
            values = t.unlimited(name) if sense == "max" else off(self.m.array(name))
            yield from self.activity(name, sense, per, values * self.e)
        for name, per in (("AnnualEmissionLimit", "year"), ("ModelPeriodEmissionLimit", "horizon")):
            yield from self.emission(name, per, t.unlimited(name) * t.units.emission_t)
        yield from self.reserve_margin()
        yield from self.renewables()

    def limits(self, names: Sequence[str], value: Floats, tag: str, rows: Ints, **facts: str) -> Table:
        """Return rows of limits."""
        n = len(names)
        cells: dict[str, NDArray[Any]] = {k: np.full(n, v, object) for k, v in facts.items()}
        cells |= {"value": value, "tag": np.full(n, tag, object)}
        return Table("limit", {"limit": list(names)}, cells, self.m.source.place(tag), rows)

    def activity(self, name: str, sense: str, per: str, values: Floats) -> Iterator[Table]:
        """Yield limits on the activity of technologies."""
        told = ~np.isnan(values)
        r, k = np.nonzero(told if told.ndim == 2 else told.any(axis=2))  # noqa: PLR2004
        if not len(r):
            return
        sites, processes = self.t.named(REGION, r), self.t.named(TECHNOLOGY, k)
        names = [f"activity {sense} per {per}, {p} in {s}" for s, p in zip(sites, processes, strict=True)]
        rows = self.m.rows(name, r, k)
        yield self.limits(names, values[r, k], name, rows, sense=sense, per=per, quantity="activity", unit="MWh")
        cells = {"site": sites, "process": processes, "factor": np.ones(len(r))}
        yield self.terms(names, "lhs", np.ones(len(r), np.int64), cells, name)

    def emission(self, name: str, per: str, values: Floats) -> Iterator[Table]:
        """Yield limits on emissions."""
        told = ~np.isnan(values)
        r, k = np.nonzero(told if told.ndim == 2 else told.any(axis=2))  # noqa: PLR2004
        if not len(r):
            return
        sites, emissions = self.t.named(REGION, r), self.t.named(EMISSION, k)
        names = [f"{e} max per {per} in {s}" for s, e in zip(sites, emissions, strict=True)]
        rows = self.m.rows(name, r, k)
        yield self.limits(names, values[r, k], name, rows, sense="max", per=per, quantity="emission", unit="t")
        cells = {"site": sites, "emission": emissions, "factor": np.ones(len(r))}
        yield self.terms(names, "lhs", np.ones(len(r), np.int64), cells, name)

    def terms(
        self,
        names: Sequence[str],
        side: str,
        n: Ints,
        cells: dict[str, NDArray[Any]],
        name: str,
        present: Mask | None = None,
    ) -> Table:
        """Return terms of limits."""
        keys = {"limit": list(names), "side": [side] * len(names), "n": n}
        return Table("limit_term", keys, cells, self.m.source.place(name), present=present)

    def reserve_margin(self) -> Iterator[Table]:
        """Yield ``sum tagged capacity >= ReserveMargin * sum tagged production`` in each slice."""
        margin = self.m.array("ReserveMargin")
        yield from self.share(
            "reserve margin", np.where(margin > 0, margin, np.nan), "ReserveMargin", "step",
            ("capacity", "ReserveMarginTagTechnology"), ("production", "ReserveMarginTagFuel"),
        )  # fmt: skip

    def renewables(self) -> Iterator[Table]:
        """Yield ``sum of all outputs of tagged units >= target * sum production of tagged fuels`` over the year."""
        target = self.m.array("REMinProductionTarget")
        yield from self.share(
            "renewable share", np.where(target > 0, target, np.nan), "REMinProductionTarget", "year",
            ("production", "RETagTechnology"), ("production", "RETagFuel"),
        )  # fmt: skip

    def share(
        self, what: str, value: Floats, name: str, per: str, lhs: tuple[str, str], base: tuple[str, str]
    ) -> Iterator[Table]:
        """Yield one limit per region that has tags or, where the source gives one, a value; NULL = off."""
        tagged = {side: self.m.array(tag) for side, tag in (("lhs", lhs[1]), ("base", base[1]))}
        has = (tagged["lhs"] != 0).any(axis=(1, 2)) | (tagged["base"] != 0).any(axis=(1, 2))
        if (found := self.m.given.get(name)) is not None:
            told = found.at[0, found.values > 0]
            has[told] = True
        regions = np.flatnonzero(has)
        if not len(regions):
            return
        names = np.array([f"{what} in {r}" for r in self.t.sets[REGION]], object)
        rows = self.m.rows(name, regions)
        yield self.limits(
            list(names[regions]), value[regions], name, rows, sense="min", per=per, quantity=lhs[0], base=base[0]
        )
        for side, index, column, tag in (("lhs", TECHNOLOGY, "process", lhs[1]), ("base", FUEL, "commodity", base[1])):
            r, k = np.nonzero((tagged[side] != 0).any(axis=2))
            if not len(r):
                continue
            factor = tagged[side][r, k]
            cells = {"site": self.t.named(REGION, r), column: self.t.named(index, k), "factor": factor}
            yield self.terms(list(names[r]), side, k + 1, cells, tag, present=factor != 0)
