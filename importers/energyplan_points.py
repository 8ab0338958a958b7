"""Studies of many EnergyPLAN runs: tables of what each run gave, and the decision variables and objectives beside them.

A study is the files of one folder whose names differ only in what they hold: ``allParameters``, ``VAR``, ``FUN``.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dhsdb.errors import Problem
from dhsdb.importers.energyplan_results import READS, SOLVER
from dhsdb.importers.energyplan_text import lines_of, number
from dhsdb.importers.energyplan_units import money_unit
from dhsdb.importers.rows import Results
from dhsdb.importers.units import CURRENCIES, UnitError, conversion

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

VARIABLE, OBJECTIVE, OUTPUT = "variable", "objective", "output"
_ROLES = ((VARIABLE, re.compile(r"VAR\d*")), (OBJECTIVE, re.compile(r"FUN\d*|reference")))
_DROPPED = re.compile(r"(allParameters|merge|VAR\d*|FUN\d*|reference|\.(?:pf|txt|csv)\b|[-_. ]+)", re.IGNORECASE)
_MOST = 20
_WIDEST = 500
_COMPARED = 5000
"""Points up to which it is said which are dominated."""


@dataclass(slots=True)
class Points:
    """A file with a row per run.

    Attributes
    ----------
    numbers
        Shape (runs, columns), as printed; NaN where blank.
    """

    path: Path
    role: str
    names: list[str]
    units: list[str]
    numbers: NDArray[np.float64]
    problems: list[Problem] = field(default_factory=list)


def read_points(path: Path, text: str, *, headed: bool) -> Points:
    """Return the rows of a file; ``problems`` tells what is wrong with it.

    Parameters
    ----------
    headed
        A line of names and one of units stand on top.
    """
    import numpy as np  # heavy

    lines = [(i, line) for i, line in enumerate(lines_of(text), 1) if line.strip(" ;\t")]
    problems: list[Problem] = []
    names: list[str] = []
    units: list[str] = []
    if headed:
        names, units = _split(lines[0][1]), _split(lines[1][1])
        units = [u.strip("() ") for u in units] + [""] * (len(names) - len(units))
        lines = lines[2:]
    else:
        names = [f"x{i}" for i in range(1, len(_split(lines[0][1])) + 1)]
        units = [""] * len(names)
    if len(names) > _WIDEST:
        text_ = f"there are {len(names):,} columns; more than {_WIDEST} are not read."
        problems.append(Problem(text_, str(path), row=1, code="format"))
        names, lines = [], []
    values = np.full((len(lines), len(names)), np.nan)
    for at, (row, line) in enumerate(lines):
        cells = _split(line)
        if len(cells) != len(names):
            text_ = f"the row has {len(cells)} values for {len(names)} columns."
            problems.append(Problem(text_, str(path), row=row, hint="It may be cut off.", code="format"))
        else:
            problems += _fill(values[at], cells, names, (path, row))
        if len(problems) >= _MOST:
            break
    if not lines and not problems:
        problems.append(Problem("there are no rows of numbers.", str(path), code="format"))
    return Points(path, OUTPUT if headed else _role(path), _unique(names), units, values, problems)


def _split(line: str) -> list[str]:
    """Split a line at ; where it has any, first its blanks: ``1 2 3;4;5;`` is five values."""
    if ";" not in line:
        return [c.strip() for c in re.split(r"[ \t]", line.strip("\r\n").rstrip(" \t"))]
    first, *rest = line.strip("\r\n").rstrip(" \t").removesuffix(";").split(";")
    words = first.split()
    return [
        *(words if words and all(number(w) is not None for w in words) else [first.strip()]),
        *(c.strip() for c in rest),
    ]


def _fill(
    into: NDArray[np.float64], cells: Sequence[str], names: Sequence[str], place: tuple[Path, int]
) -> Iterator[Problem]:
    for at, cell in enumerate(cells):
        value = number(cell)
        if value is not None:
            into[at] = value
        elif cell:
            yield Problem(
                f"'{cell[:40]}' is not a number.", str(place[0]), row=place[1], column=names[at], value=cell[:40],
                hint="A number is expected, or nothing.",
            )  # fmt: skip


def _role(path: Path) -> str:
    return next((role for role, pattern in _ROLES if pattern.search(path.name)), "")


def _unique(names: Sequence[str]) -> list[str]:
    seen: Counter[str] = Counter()
    made = []
    for name in names:
        seen[name] += 1
        made.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return made


def study_of(path: Path) -> str:
    """Return the study that a file belongs to: its name without what it holds, else its folder."""
    bare = _DROPPED.sub(" ", path.name).strip()
    return re.sub(r"\s+", " ", bare) or path.resolve().parent.name


def study_results(name: str, files: Sequence[Points], year: int | None) -> Results | list[Problem]:
    """Return the points of a study as the results of one run, or what does not fit together."""
    problems = [p for f in files for p in f.problems]
    for file in files:
        if not file.role:
            hint = "Name it with VAR (decision variables) or FUN (objectives)."
            problems.append(
                Problem("its name does not say what its numbers are.", str(file.path), hint=hint, code="name")
            )
    sizes = {len(f.numbers) for f in files}
    if len(sizes) > 1:
        said = f"the files of study '{name}' have different numbers of rows: " + ", ".join(
            f"{f.path.name} {len(f.numbers)}" for f in files
        )
        problems.append(Problem(said, str(files[0].path), hint="Import them apart.", code="length"))
    twice = [role for role, n in Counter(f.role for f in files).items() if n > 1 and role]
    if twice:
        said = f"study '{name}' has several files of its {twice[0]}s: " + ", ".join(f.path.name for f in files)
        problems.append(Problem(said, str(files[0].path), hint="Import them one at a time.", code="twice"))
    if problems:
        return problems
    return _Study(name, files, year).results()


class _Study:
    """The points of a study while they are brought to the units of the store."""

    def __init__(self, name: str, files: Sequence[Points], year: int | None) -> None:
        self.name = name
        self.files = {f.role: f for f in files}
        self.year = year
        self.findings: list[Problem] = []
        self.currency = ""

    def results(self) -> Results:
        import pandas as pd  # heavy

        outputs = self.files.get(OUTPUT)
        converted = {at: self.convert(outputs, at) for at in range(len(outputs.names))} if outputs else {}
        parts = []
        for role, file in self.files.items():
            for at in range(len(file.names)):
                name, unit, values = f"{'f' if role == OBJECTIVE else 'x'}{at + 1}", "", file.numbers[:, at]
                if role == OUTPUT:
                    name, (values, unit) = file.names[at], converted[at]
                elif (
                    role == OBJECTIVE
                    and outputs
                    and (same := _same_column(file.numbers[:, at], outputs.numbers)) is not None
                ):
                    name, (values, unit) = outputs.names[same], converted[same]
                part = pd.DataFrame({"point": range(1, len(values) + 1), "value": values})
                parts.append(part.assign(study=self.name, kind=role, name=name, unit=unit).dropna(subset=["value"]))
        n = len(next(iter(self.files.values())).numbers)
        objectives = self.files.get(OBJECTIVE)
        best = nondominated(objectives.numbers) if objectives is not None and n <= _COMPARED else None
        points = pd.DataFrame({"study": self.name, "point": range(1, n + 1)})
        if best is not None:
            points["nondominated"] = best
        value = pd.concat(parts, ignore_index=True)
        files = tuple(f.path for f in self.files.values())
        return Results(
            "pareto", {"pareto_point": points, "pareto_value": value}, files, SOLVER, year=self.year, currency=self.currency,
            message=f"study '{self.name}' of {n:,} EnergyPLAN runs", reads=READS, findings=tuple(self.findings),
        )  # fmt: skip

    def convert(self, file: Points, at: int) -> tuple[NDArray[np.float64], str]:
        """Return a column in the unit of the store, and that unit; what can't be converted keeps its own."""
        unit, values = file.units[at], file.numbers[:, at]
        if not unit:
            return values, ""
        if money := _money(unit):
            return values * self.money_scale(file, at, *money), "money"
        scale = self.emission_unit(file, at)
        for source, target in ((scale, "t"), (_power(unit), "MW"), (unit if unit.endswith("Wh") else "", "MWh")):
            try:
                if source:
                    return conversion(source, target).apply(values), target
            except UnitError:
                continue
        said = f"the unit '{unit}' is none of power, energy in Wh, mass or money; the values are kept as they are."
        self.note(said, file, at, severity="info", code="unit-kept")
        return values, unit

    def emission_unit(self, file: Points, at: int) -> str:
        """Return kt for what is headed Mt beside energies in GWh: EnergyPLAN prints these together."""
        unit = {"mton": "Mt", "kton": "kt", "mt": "Mt", "kt": "kt"}.get(file.units[at].casefold(), file.units[at])
        if unit == "Mt" and "GWh" in file.units:
            said = "it is headed Mt, but EnergyPLAN prints kt where energies are in GWh; it is read as kt."
            self.note(said, file, at, severity="warning", code="unit-corrected")
            return "kt"
        return unit

    def money_scale(self, file: Points, at: int, scale: float, code: str) -> float:
        """Return how many units of the currency one is: millions beside energies in TWh, whatever the head says."""
        self.currency = code if code in CURRENCIES else self.currency
        if scale == 1.0 and "TWh" in file.units:
            said = (
                f"it is headed {code}, but EnergyPLAN prints millions where energies are in TWh; it is read as M{code}."
            )
            self.note(said, file, at, severity="warning", code="unit-corrected")
            return 1e6
        return scale

    def note(self, text: str, file: Points, at: int, **kind: str) -> None:
        self.findings.append(Problem(text, str(file.path), row=2, column=file.names[at], value=file.units[at], **kind))


def _money(unit: str) -> tuple[float, str] | None:
    text = re.sub(r"euro", "EUR", unit, flags=re.IGNORECASE).replace("K", "k", 1)
    found = money_unit(text)
    return found if found and found[1] in CURRENCIES else None


def _power(unit: str) -> str:
    return re.sub(r"^KW(?:e|th)?$", "kW", unit, flags=re.IGNORECASE) if unit.casefold() != "kwh" else unit


def _same_column(values: NDArray[np.float64], table: NDArray[np.float64]) -> int | None:
    """Return the column of a table that holds the same numbers in all rows; None if there is none, or several."""
    import numpy as np  # heavy

    same = np.flatnonzero((table == values[:, None]).all(axis=0))
    return int(same[0]) if len(same) == 1 else None


def nondominated(objectives: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which points no other point is at least as good as in all objectives, and better in one (all minimised)."""
    import numpy as np  # heavy

    good = np.ones(len(objectives), bool)
    for i, one in enumerate(objectives):
        good[i] = not ((objectives <= one).all(axis=1) & (objectives < one).any(axis=1)).any()
    return good
