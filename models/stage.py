"""What a stage is: it reads effective inputs and the results of its parents, solves, and returns result tables.

A stage never touches the store; the runner brings it what it reads and writes what it returns.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from dhsdb.errors import UserError
from dhsdb.models.warm import Solvers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from dhsdb.models.options import Options
    from dhsdb.models.steps import Steps
    from dhsdb.series import Values


@dataclass(frozen=True, slots=True)
class Remark:
    """A finding of a run."""

    severity: str
    code: str
    location: str
    message: str


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a stage reads.

    Attributes
    ----------
    scenario
        Name, for messages.
    years
        Model years, ascending.
    tables
        Effective rows by table: key, ``year`` and cells; every table that the stage reads is there, perhaps empty.
    profiles
        Series by name of the profile.
    epsg
        Code of the geometries.
    options
        Options of the run.
    parents
        Result tables of the parent stages: stage -> table -> rows.
    solvers
        Solvers of the command, which may be kept from scenario to scenario.
    """

    scenario: str
    years: tuple[int, ...]
    tables: Mapping[str, pd.DataFrame]
    profiles: Mapping[str, Values]
    epsg: int | None
    options: Options
    parents: Mapping[str, Mapping[str, pd.DataFrame]]
    solvers: Solvers = field(default_factory=Solvers)

    def table(self, name: str, year: int | None = None) -> pd.DataFrame:
        """Return the rows of a table, of one model year if given."""
        rows = self.tables[name]
        return rows if year is None else rows[rows["year"].isna() | (rows["year"] == year)]

    def profile(self, name: str, where: str) -> NDArray[np.float64]:
        """Return the values of a profile.

        Raises
        ------
        UserError
            If the scenario has no profile of that name.
        """
        if name not in self.profiles:
            known = ", ".join(sorted(self.profiles)) or "none"
            raise UserError(
                f"{where} names the profile '{name}', which scenario '{self.scenario}' lacks.", f"It has: {known}."
            )
        return np.asarray(self.profiles[name].values, np.float64)

    def profiles_by_year(self, names: NDArray[np.object_], steps: Steps, where: str) -> NDArray[np.float64]:
        """Return profiles named by (y, n) in each step, shape (y, n, l); 1 where none is named."""
        values = np.ones((*names.shape, steps.n))
        for name in {w for w in names.ravel() if w}:
            values[names == name] = steps.of(self.profile(name, where), f"profile '{name}'")
        return values


@dataclass(slots=True)
class Outcome:
    """What a stage returns.

    Attributes
    ----------
    tables
        Result rows by table, without the column ``run``.
    findings
        What a user should know about the result.
    """

    status: str
    objective: float | None = None
    bound: float | None = None
    gap: float | None = None
    solver: str = ""
    solver_version: str = ""
    build_s: float = 0.0
    solve_s: float = 0.0
    message: str = ""
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    findings: list[Remark] = field(default_factory=list)

    @property
    def solved(self) -> bool:
        """Whether there are results to build on."""
        return self.status in ("optimal", "feasible")


def joined(a: pd.DataFrame, b: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of two result tables; an empty one has no say in the types."""
    import pandas as pd

    if not len(a) or not len(b):
        return a if len(a) else b
    return pd.concat([a, b], ignore_index=True)


class Progress(Protocol):
    """Called with a fraction between 0 and 1 and what is being done."""

    def __call__(self, fraction: float, doing: str) -> None:
        """Take note."""
        ...


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage as the runner knows it.

    Attributes
    ----------
    name
        geo, investment, dispatch or pareto.
    reads
        Input tables whose rows belong to its fingerprint.
    after
        Stages whose results it uses where they apply.
    modules
        Modules whose source belongs to its fingerprint.
    applies
        Says from the tables whether a scenario has what the stage is about.
    solve
        Solves it.
    options
        Options that it heeds.
    """

    name: str
    reads: tuple[str, ...]
    after: tuple[str, ...]
    modules: tuple[str, ...]
    options: tuple[str, ...]
    applies: Callable[[Mapping[str, int]], bool]
    solve: Callable[[Inputs, Progress], Outcome]
