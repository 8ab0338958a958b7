"""What a model costs and emits, as entries: the objective, limits on sums, and the result tables all read the same ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from dhsdb.models.lp import Model

    Array = NDArray[np.float64]
    Index = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Cost:
    """Costs of one kind: of entry n in year y, ``sum(value * x[columns]) + constant``.

    Attributes
    ----------
    labels
        Site and technology of each entry n.
    columns
        Shape (y, n) or (y, n, m).
    value, discounted
        Money of the year, and what it weighs in the objective, per unit of the column; shape of ``columns``.
    constant, constant_discounted
        Shape (y, n).
    """

    kind: str
    labels: Sequence[tuple[str, str]]
    columns: Index | None
    value: Array | None
    discounted: Array | None
    constant: Array | None = None
    constant_discounted: Array | None = None


@dataclass(frozen=True, slots=True)
class Emitted:
    """Emissions of a kind at a site by entries n, t per year: ``sum(tonnes * x[columns]) + constant``.

    Attributes
    ----------
    tonnes
        Shape of ``columns``, (y, n, m).
    rate
        Hours that a column stands for, (y, m): tonnes per hour are ``tonnes / rate``.
    """

    site: str
    emission: str
    labels: Sequence[tuple[str, str]]
    columns: Index
    tonnes: Array
    constant: Array | None = None


@dataclass(slots=True)
class Ledger:
    """All entries of a model."""

    costs: list[Cost] = field(default_factory=list)
    emissions: list[Emitted] = field(default_factory=list)

    def add(self, entry: Cost | Emitted) -> None:
        """Enter a cost or an emission, unless it is nothing."""
        if isinstance(entry, Emitted):
            if entry.tonnes.any() or (entry.constant is not None and entry.constant.any()):
                self.emissions.append(entry)
        elif any(part is not None and part.any() for part in (entry.value, entry.discounted, entry.constant)):
            self.costs.append(entry)

    def minimise_cost(self, model: Model) -> None:
        """Let the model minimise the discounted cost."""
        for cost in self.costs:
            if cost.columns is not None and cost.discounted is not None:
                model.add_cost(cost.columns, cost.discounted)
            if cost.constant_discounted is not None:
                model.add_offset(float(cost.constant_discounted.sum()))

    def minimise_emission(self, model: Model, emission: str, lasting: Array) -> None:
        """Let the model minimise an emission over all sites and calendar years.

        Parameters
        ----------
        lasting
            Shape (y,). Calendar years that each model year stands for.
        """
        for entry in self.of(emission):
            model.add_cost(entry.columns, entry.tonnes * lasting[:, None, None])
            if entry.constant is not None:
                model.add_offset(float((entry.constant * lasting[:, None]).sum()))

    def of(self, emission: str, site: str | None = None) -> list[Emitted]:
        """Return the entries of an emission, at one site or at all; names are compared without regard to case."""
        name = emission.casefold()
        return [e for e in self.emissions if e.emission.casefold() == name and site in (None, e.site)]

    def total(self, emission: str, x: Array, lasting: Array) -> float:
        """Return an emission of a solution over all sites and calendar years, t."""
        found = 0.0
        for entry in self.of(emission):
            per_year = (entry.tonnes * x[entry.columns]).sum(axis=(1, 2))
            if entry.constant is not None:
                per_year = per_year + entry.constant.sum(axis=1)
            found += float(per_year @ lasting)
        return found
