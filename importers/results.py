"""Results of other tools: checked, and written as runs that stand beside those of the scenario.

A run is told by what it was read from: the same files bring no second run.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dhsdb.errors import Problem, did_you_mean
from dhsdb.schema.catalog import RESULT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import duckdb
    import pandas as pd

    from dhsdb.database import Writer
    from dhsdb.importers.batch import File
    from dhsdb.importers.rows import Results
    from dhsdb.names import Ref


@dataclass(frozen=True, slots=True)
class ImportedRun:
    """A run that an import brought, would bring, or had brought before.

    Attributes
    ----------
    run
        Its number; None in a dry run.
    is_new
        Whether it came with this import.
    rows
        Rows by result table.
    """

    run: int | None
    stage: str
    year: int | None
    status: str
    files: tuple[str, ...]
    is_new: bool
    rows: Mapping[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        number = "a run" if self.run is None else f"run {self.run}"
        counted = ", ".join(f"{n:,} {table}" for table, n in self.rows.items() if table != "item")
        return f"{number} of stage {self.stage}{f' for {self.year}' if self.year else ''}: {counted}"


def result_problems(item: Results) -> Iterator[Problem]:
    """Yield what is wrong with results: tables or columns that there are not, numbers that are not finite."""
    file = str(item.files[0])
    if not item.stage.isidentifier():
        yield Problem(f"'{item.stage}' can't name a stage.", file, value=item.stage)
    for name, frame in item.tables.items():
        if name not in RESULT:
            hint = did_you_mean(name, RESULT) or f"Tables: {', '.join(RESULT)}."
            yield Problem(f"'{name}' is no result table.", file, value=name, hint=hint)
            continue
        known = [c for c in RESULT[name].meanings() if c != "run"]
        for column in (str(c) for c in frame.columns if c not in known):
            hint = did_you_mean(column, known) or f"Columns: {', '.join(known)}."
            yield Problem(f"result table {name} has no column '{column}'.", file, column=column, hint=hint)
        yield from _not_finite(name, frame, file)
    n_items = len(item.tables["item"]) if "item" in item.tables else 0
    for name, frame in item.tables.items():
        if name in RESULT and "item" in frame.columns and (frame["item"].dropna() > n_items).any():
            yield Problem(f"result table {name} refers to an item that there is not.", file)


def _not_finite(name: str, frame: pd.DataFrame, file: str) -> Iterator[Problem]:
    import numpy as np  # heavy

    for column in frame.select_dtypes("number").columns:
        values = frame[column].to_numpy(np.float64, na_value=0.0)
        if np.isinf(values).any():
            yield Problem(f"a value of {name} is not finite.", file, column=str(column))


def known_run(con: duckdb.DuckDBPyConnection, ref: Ref, item: Results, files: Mapping[str, File]) -> int | None:
    """Return the run of a scenario that the same files brought before."""
    row = con.execute(
        "SELECT max(run) FROM meta.run WHERE scenario = ? AND fingerprint = ?",
        [ref.scenario, _fingerprint(item, files)],
    ).fetchone()
    return row[0] if row else None


def add_run(writer: Writer, ref: Ref, item: Results, files: Mapping[str, File]) -> ImportedRun:
    """Write results as a run of a scenario's revision, unless the same files brought it before."""
    from dhsdb import runs

    rows = {name: len(frame) for name, frame in item.tables.items() if len(frame)}
    names = tuple(str(path) for path in item.files)
    number = known_run(writer.con, ref, item, files)
    if number is not None:
        return ImportedRun(number, item.stage, item.year, item.status, names, is_new=False, rows=rows)
    read_from = {name: files[name].sha256 for name in names}
    start = runs.Start(
        ref.scenario,
        ref.revision,
        item.stage,
        "" if item.year is None else str(item.year),
        json.dumps({"files": read_from, **item.facts}, sort_keys=True, ensure_ascii=False),
        is_default=False,
        fingerprint=_fingerprint(item, files),
        reads=item.reads,
    )
    end = runs.End(
        0, 0, chain_complete=True, status=item.status, objective=item.objective, solver=item.solver,
        solver_version=item.solver_version or None, build_s=None, solve_s=None, wall_s=None, peak_mb=None,
        message=item.message or None,
        findings=list(
            dict.fromkeys((f.severity, f.code, f.location, f"{f.message} {f.hint}".strip()) for f in item.findings)
        ),
    )  # fmt: skip
    number = runs.bring_in(writer, start, end, item.tables)
    return ImportedRun(number, item.stage, item.year, item.status, names, is_new=True, rows=rows)


def _fingerprint(item: Results, files: Mapping[str, File]) -> str:
    facts = {
        "stage": item.stage,
        "solver": [item.solver, item.solver_version],
        "year": item.year,
        "files": sorted(files[str(path)].sha256 for path in item.files),
        "rows": {name: len(frame) for name, frame in item.tables.items()},
        "sites": sorted(map(str, item.tables["item"]["site"].unique())) if "item" in item.tables else [],
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
