"""EnergyPLAN: input and cost files, fragments that change them, distributions, outputs, print-outs, and studies of many runs.

Every key of an input file is kept as written in ``energyplan_key``, so that `dhsdb export energyplan` gives the file back; what
has a cell in other tables gets it as well. A fragment or a cost file changes the keys that a scenario holds, and the cells that
follow from them. Outputs become runs.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dhsdb.errors import Problem
from dhsdb.importers.energyplan_output import read_output
from dhsdb.importers.energyplan_points import read_points, study_of, study_results
from dhsdb.importers.energyplan_print import read_print, refused_pdf
from dhsdb.importers.energyplan_results import output_results
from dhsdb.importers.energyplan_scenario import Inputs
from dhsdb.importers.energyplan_text import HOURS, decode, kind_of, load, read_distribution, read_input

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from dhsdb.importers.energyplan_points import Points
    from dhsdb.importers.energyplan_text import InputFile
    from dhsdb.importers.rows import Item, Request

NAME = "energyplan"
_SUFFIXES = (".txt", ".csv", ".pf", ".pdf")


class EnergyplanImporter:
    """EnergyPLAN's files, all kinds in one command."""

    name = NAME
    reads = "EnergyPLAN input, cost and distribution files, modification fragments, -ascii outputs, print-outs, tables of runs"
    attribution = ""

    def read(self, request: Request) -> Iterator[Item]:
        """Yield what all files together say, each by what is in it."""
        found = _Found()
        files = list(_files(request.paths))
        if not files:
            yield Problem("the folder holds no text file.", str(request.paths[0]), code="format")
        for done, path in enumerate(files):
            request.progress(done, len(files), f"reading {path.name}")
            yield from found.add(path, request)
        yield from Inputs(found.inputs, found.distributions, request).items()
        for study, points in found.studies.items():
            results = study_results(study[1], points, _year(request))
            yield from results if isinstance(results, list) else [results]


def recognises(path: Path, head: bytes) -> bool:
    """Return whether a file is one of EnergyPLAN's that its content tells: an input, an output, a distribution of a year."""
    try:
        kind = kind_of(decode(head[: len(head) // 2 * 2])[0])
    except UnicodeError:
        return False
    if kind == "distribution":
        with path.open("rb") as file:
            return sum(1 for _ in file) in HOURS
    return kind in ("input", "output", "print", "table")


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(p for p in path.iterdir() if p.is_file() and p.suffix.casefold() in _SUFFIXES)
        else:
            yield path


@dataclass(slots=True)
class _Found:
    """What was read of all files, before it is put together."""

    inputs: list[InputFile] = field(default_factory=list)
    distributions: dict[str, tuple[Path, list[float]]] = field(default_factory=dict)
    studies: dict[tuple[Path, str], list[Points]] = field(default_factory=lambda: defaultdict(list))

    def add(self, path: Path, request: Request) -> Iterator[Item]:
        """Read a file; results of a single run come at once."""
        with path.open("rb") as file:
            if file.read(5) == b"%PDF-":
                yield refused_pdf(path)
                return
        loaded = load(path)
        if isinstance(loaded, Problem):
            yield loaded
            return
        text, encoding = loaded
        kind = kind_of(text)
        if kind == "input":
            read = read_input(path, text, encoding)
            yield from read if isinstance(read, list) else read.findings
            self.inputs += [] if isinstance(read, list) else [read]
        elif kind == "distribution":
            yield from self.add_distribution(path, text)
        elif kind in ("points", "table"):
            self.studies[path.parent, study_of(path)].append(read_points(path, text, headed=kind == "table"))
        elif kind == "output":
            out = read_output(path, text)
            yield from out.problems or _as_list(output_results(out, request.site, _year(request)))
        elif kind == "print":
            out, columns = read_print(path, text)
            yield from _as_list(output_results(out, request.site, _year(request), columns))
        else:
            said = "this is no file of EnergyPLAN that is known here."
            hint = "An input begins with 'EnergyPLAN version', an output names its 'EnergyPLAN model', a distribution has 8784 numbers."
            yield Problem(said, str(path), row=1, hint=hint, code="format")

    def add_distribution(self, path: Path, text: str) -> Iterator[Item]:
        values = read_distribution(path, text)
        if isinstance(values[0], Problem):
            yield from (p for p in values if isinstance(p, Problem))
            return
        if path.name in self.distributions:
            said = f"two distributions are named {path.name}; the other is {self.distributions[path.name][0]}."
            yield Problem(said, str(path), hint="Import one of them.", code="twice")
            return
        self.distributions[path.name] = (path, [v for v in values if isinstance(v, float)])


def _as_list(found: Any) -> list[Item]:
    return found if isinstance(found, list) else [found]


def _year(request: Request) -> int | None:
    """Return the year that was asked for, else the only model year that the scenario has."""
    if request.year is not None or request.held is None:
        return request.year
    years = sorted({int(y) for y in request.held.table("model_year")["year"].dropna()})
    return years[0] if len(years) == 1 else None
