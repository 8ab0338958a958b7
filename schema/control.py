"""Control tables: scenarios, stacks, revisions, sources, series, runs, chains, findings.

Small, written through SQLModel. They carry primary keys (given by the writer, not by a sequence) but no foreign keys:
DuckDB refuses to update a row that a foreign key points to; ``dhsdb check`` proves the references instead.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlmodel import Field

from dhsdb.schema.columns import Meaning, Table, column, count, flag, moment, number, words, year


def _number(text: str) -> Any:
    """Declare the INTEGER primary key, given by the writer (so without a sequence)."""
    meaning = Meaning(text, key=True)
    return Field(
        primary_key=True,
        description=text,
        sa_column_kwargs={"comment": text, "autoincrement": False, "info": {"meaning": meaning}},
    )


class ControlTable(Table):
    """Control tables stand in schema ``meta``."""

    space: ClassVar[str] = "meta"


class Scenario(ControlTable, table=True):
    """One row is a scenario; it owns the layer of its own name and number."""

    scenario: int = _number("number of the scenario and of its own layer")
    name: str = words("name", required=True)
    epsg: int | None = count("EPSG code of the geometries in its layer; NULL = it holds none yet")
    created: int = count("revision that created it", required=True)
    deleted: int | None = count("revision that deleted it; NULL = it lives")
    chosen_chain: int | None = count("chain chosen with `run use`; NULL = the newest complete one")


class Stack(ControlTable, table=True):
    """One row is a layer in the stack of a scenario, for a range of revisions."""

    __mapper_args__ = {"primary_key": ["scenario", "layer", "rev_from"]}  # noqa: RUF012
    scenario: int = count("scenario", required=True)
    rank: int = count("position, 0 = bottom; a higher rank wins", required=True)
    layer: int = count("layer = number of the scenario that owns it", required=True)
    pin: int | None = count("revision at which the layer is read; NULL = as the scenario's own revision")
    peer: int = count("layers of the same number stand equal: a conflict between them is reported", required=True)
    rev_from: int = count("first revision in which the row holds", required=True)
    rev_to: int | None = count("first revision in which it holds no longer; NULL = it still does")
    branch: int | None = count(
        "layers of one branch are ranked among themselves, not equal, though their peer is the same"
    )


class Revision(ControlTable, table=True):
    """One row is a change: an import, an edit, a merge, a rebase."""

    revision: int = _number("number, counted over the whole store")
    scenario: int = count("scenario that changed", required=True)
    kind: str = words(
        "new, derive, compose, import, set, remove, estimate, rebase, revert, merge or delete", required=True
    )
    created_at: datetime = moment("time of the change, UTC")
    author: str = words("who made it", required=True)
    message: str = words("why it was made", required=True)
    n_set: int = count("rows written", required=True)
    n_removed: int = count("rows removed", required=True)
    uid: str | None = words("name of the change in every store that it is brought to")
    merged: str | None = words("uid of the revision of another scenario that a merge brought in, with all before it")


class Tag(ControlTable, table=True):
    """One row is a name that somebody gave to a revision of a scenario."""

    __mapper_args__ = {"primary_key": ["scenario", "tag"]}  # noqa: RUF012
    scenario: int = count("scenario", required=True)
    tag: str = words("name of the revision", required=True)
    revision: int = count("revision", required=True)


class Source(ControlTable, table=True):
    """One row is a file that a revision was read from."""

    source: int = _number("number")
    revision: int = count("revision", required=True)
    file: str = words("file as the user named it; a relative name from the folder of the store", required=True)
    sha256: str = words("SHA-256 of its bytes", required=True)
    bytes: int = column(sa.BigInteger, "size of the file", "byte", required=True)
    format: str = words("format it was read as", required=True)
    attribution: str = words("attribution that its licence asks for; shown wherever its data goes out")


class Series(ControlTable, table=True):
    """One row is an hourly series, stored once however many scenarios use it."""

    series: int = _number("number")
    sha256: str = words("SHA-256 of values, step, start, calendar, kind and unit", required=True)
    kind: str = words("power, share, factor, price or temperature", required=True)
    unit: str = words("unit of the values; empty for factors and shares", required=True)
    n: int = count("number of steps", required=True)
    step_h: float = number("length of a step", "hour", required=True)
    start: str = words("ISO time of the beginning of step 1; empty = generic year", required=True)
    calendar: str = words("standard (with leap days) or noleap", required=True)
    total: float = number("sum of the values", required=True)
    low: float = number("smallest value", required=True)
    high: float = number("largest value", required=True)


class SeriesValue(ControlTable, table=True):
    """One row is a value of a series."""

    __mapper_args__ = {"primary_key": ["series", "t"]}  # noqa: RUF012
    series: int = count("series", required=True)
    t: int = count("step, 1 .. n", required=True)
    value: float = number("value in the unit of the series", required=True)


class Run(ControlTable, table=True):
    """One row is one stage solved once."""

    run: int = _number("number, growing with time")
    scenario: int = count("scenario", required=True)
    revision: int = count("revision of the scenario that was read", required=True)
    stage: str = words("geo, investment, dispatch, pareto, or the tool that an imported run comes from", required=True)
    years: str = words("years solved, comma separated", required=True)
    options: str = words("options that differ from the default, as JSON", required=True)
    is_default: bool = flag("no option, year or window was given by hand", required=True)
    fingerprint: str = words("SHA-256 of inputs read, parents, options and the stage's source", required=True)
    iteration: int = count("iteration of a loop between stages, 0 = first", required=True)
    status: str = words("optimal, feasible, infeasible, unbounded, failed, cancelled, running or lost", required=True)
    objective: float | None = number("objective, in the scenario's currency or t", "")
    bound: float | None = number("proved bound of the objective")
    gap: float | None = number("relative gap between objective and bound")
    solver: str | None = words("solver")
    solver_version: str | None = words("version of the solver")
    version: str = words("version of dhsdb", required=True)
    build_s: float | None = number("time to read the inputs and build the model", "s")
    solve_s: float | None = number("time in the solver", "s")
    wall_s: float | None = number("time from start to results written", "s")
    peak_mb: float | None = number("peak memory of the process", "megabyte")
    machine: str = words("system, processor and cores", required=True)
    host: str = words("host name", required=True)
    pid: int = count("process", required=True)
    process_start: float = number(
        "start of the process since the epoch, to tell it from a later one", "s", required=True
    )
    started_at: datetime = moment("start, UTC")
    finished_at: datetime | None = moment("end, UTC")
    message: str | None = words("what went wrong, or a remark")
    uid: str | None = words("name of the run in every store that it is brought to")
    packages: str | None = words("versions of the packages that it was solved with, as JSON")
    reads: str | None = words("input tables that it, or a run it builds on, read; comma separated, NULL = not known")
    parents: str | None = words("uid of the runs that it builds on, comma separated")
    given: str | None = words("options and years that were given by hand, as JSON")


class Chain(ControlTable, table=True):
    """One row is the runs of one command for one scenario."""

    chain: int = _number("number, growing with time")
    scenario: int = count("scenario", required=True)
    revision: int = count("revision that was read", required=True)
    is_default: bool = flag("no option, year or window was given by hand", required=True)
    is_complete: bool = flag("all stages that apply to the scenario were solved", required=True)
    created_at: datetime = moment("start, UTC")


class ChainRun(ControlTable, table=True):
    """One row is a run in a chain; a run solved before may stand in several."""

    __mapper_args__ = {"primary_key": ["chain", "run"]}  # noqa: RUF012
    chain: int = count("chain", required=True)
    run: int = count("run", required=True)


class Finding(ControlTable, table=True):
    """One row is a problem or warning."""

    __mapper_args__ = {"primary_key": ["scenario", "code", "location", "message"]}  # noqa: RUF012
    scenario: int = count("scenario", required=True)
    revision: int | None = count("revision that it belongs to")
    run: int | None = count("run that it belongs to")
    severity: str = words("error, warning or info", required=True)
    code: str = words("what kind of finding, one word with dashes", required=True)
    location: str = words("where: file, sheet, row, column, or table and key", required=True)
    message: str = words("what is wrong", required=True)


class Currency(ControlTable, table=True):
    """One row is a year's exchange rate and price level of a currency."""

    __mapper_args__ = {"primary_key": ["currency", "year"]}  # noqa: RUF012
    currency: str = words("ISO code", required=True)
    year: int = year("price year")
    per_eur: float | None = number("units of the currency per EUR, mean of the year")
    price_level: float | None = number("price level of the currency area, any base year = 100")
    source: str | None = words("where the figures come from")


class Spent(ControlTable, table=True):
    """One row is the highest number that a deleted run or chain had, so that it is not given again."""

    __mapper_args__ = {"primary_key": ["kind", "number"]}  # noqa: RUF012
    kind: str = words("run or chain", required=True)
    number: int = count("number", required=True)


TABLES: tuple[type[ControlTable], ...] = (
    Scenario, Stack, Revision, Tag, Source, Series, SeriesValue, Run, Chain, ChainRun, Finding, Currency, Spent,
)  # fmt: skip
