"""Check a scenario: references, uniqueness, years, profiles, bounds, plausibility. What is found is rows, never exceptions.

The rules are SQL. Those that follow from declarations are generated in :mod:`~dhsdb.check_rules`; the others stand in
``dhsdb/sql/check_*.sql``, one statement per rule, under a comment that names severity and code. All of them read
temporary tables that hold the effective inputs of one scenario: ``temp.process``, ``temp.demand`` and so on.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from dhsdb.names import Ref, find, scenario_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import duckdb

    from dhsdb.check_tables import Effective
    from dhsdb.database import Database, Writer

SEVERITIES = ("error", "warning", "info")
_INPUT_RULES = ("check_inputs", "check_plausibility")
_RESULT_RULES = ("check_results",)
_MOST = 25
_HEAD = re.compile(r"^-- (error|warning|info) ([a-z0-9-]+): (.+)$", re.MULTILINE)
_READS = re.compile(r'\btemp\."?([a-z_]+)"?')
_ALWAYS = frozenset({"level", "model_year"})


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem or warning.

    Attributes
    ----------
    scenario
        Scenario that was checked.
    severity
        ``error`` (a run is refused), ``warning`` or ``info``.
    code
        What kind of finding, one word with dashes.
    location
        Table and column, or table, key and year.
    message
        What is wrong.
    """

    scenario: str
    severity: str
    code: str
    location: str
    message: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A statement that returns ``location``, ``message`` and perhaps another ``severity`` of what breaks a rule."""

    severity: str
    code: str
    text: str
    sql: str

    @property
    def reads(self) -> frozenset[str]:
        """Temporary tables that it reads."""
        return frozenset(_READS.findall(self.sql))


def check(db: Database, scenario: str | None = None, *, results: bool = True, stored: bool = False) -> list[Finding]:
    """Return what is wrong or implausible.

    Parameters
    ----------
    scenario
        ``NAME`` or ``NAME@REVISION``; None = all living scenarios, and the results of all runs.
    results
        Whether to check results as well; before a run only the inputs matter.
    stored
        Whether to return also what imports and runs noted when they happened.

    Returns
    -------
    list of Finding
        Errors first, then warnings, then remarks.
    """
    with db.read() as con:
        names = scenario_names(con) if scenario is None else [scenario]
        found = [
            f for name in names for f in check_on(con, find(con, name), results=results, all_runs=scenario is None)
        ]
        if stored:
            found += [f for name in names for f in stored_findings(con, find(con, name)) if f not in found]
    return sorted(found, key=lambda f: SEVERITIES.index(f.severity))


def check_on(
    con: duckdb.DuckDBPyConnection, ref: Ref, *, results: bool = True, all_runs: bool = False
) -> list[Finding]:
    """Check one scenario on an open connection, such as one that holds an import which is not committed.

    Parameters
    ----------
    all_runs
        Whether to check the results of all runs of the scenario, or of the current ones only.
    """
    from dhsdb import check_rules
    from dhsdb.check_tables import Effective

    tables = Effective(con, ref)
    try:
        found = [f for rule in check_rules.input_rules(tables) for f in _apply(con, ref, rule)]
        found += check_rules.unknown_references(tables)
        found += _run_rules(con, ref, tables, _INPUT_RULES)
        if results and tables.add_runs(all_runs=all_runs):
            found += [f for rule in check_rules.result_rules(all_runs=all_runs) for f in _apply(con, ref, rule)]
            found += _run_rules(con, ref, tables, _RESULT_RULES)
    finally:
        tables.drop()
    return found


def stored_findings(con: duckdb.DuckDBPyConnection, ref: Ref) -> list[Finding]:
    """Return what the imports into the layers of a scenario, and its current runs, noted."""
    rows = con.execute(_sql("findings_stored"), {"name": ref.name, "revision": ref.revision}).fetchall()
    return [Finding(ref.name, *row) for row in rows]


def store_findings(writer: Writer, ref: Ref, findings: Iterable[Finding], run: int | None = None) -> int:
    """Keep findings with a scenario's revision, or with a run, in place of those of the same codes that stand there.

    Returns
    -------
    int
        Number of rows.
    """
    import pyarrow as pa

    from dhsdb.bulk import insert
    from dhsdb.schema.control import Finding as Row

    rows = list(findings)
    writer.con.execute(
        "DELETE FROM meta.finding WHERE scenario = ? AND run IS NOT DISTINCT FROM ? AND list_contains(?, code)",
        [ref.scenario, run, sorted(codes())],
    )
    columns = {
        n: pa.array([getattr(f, n) for f in rows], pa.string()) for n in ("severity", "code", "location", "message")
    }
    numbers = {"scenario": ref.scenario, "revision": ref.revision, "run": run}
    given = {n: pa.array([v] * len(rows), pa.int32()) for n, v in numbers.items()}
    return insert(writer.con, Row, pa.table(given | columns))


def codes() -> dict[str, str]:
    """Return code -> what it means, of all rules."""
    from dhsdb.check_declared import CODES

    return dict(sorted(({r.code: r.text for r in all_file_rules()} | CODES).items()))


@functools.cache
def all_file_rules() -> tuple[Rule, ...]:
    """Return the rules that stand in files."""
    return tuple(rule for file in (*_INPUT_RULES, *_RESULT_RULES) for rule in file_rules(file))


@functools.cache
def file_rules(name: str) -> tuple[Rule, ...]:
    """Return the rules of a file: each statement under a comment ``-- severity code: what it says``."""
    text = _sql(name)
    heads = list(_HEAD.finditer(text))
    ends = [head.start() for head in heads[1:]] + [len(text)]
    return tuple(
        Rule(head[1], head[2], head[3], text[head.start() : end]) for head, end in zip(heads, ends, strict=True)
    )


def _run_rules(con: duckdb.DuckDBPyConnection, ref: Ref, tables: Effective, files: Sequence[str]) -> Iterator[Finding]:
    """Yield what breaks the rules of some files; a rule whose tables are all empty can find nothing."""
    for rule in (r for file in files for r in file_rules(file)):
        needs = rule.reads - _ALWAYS
        if needs & tables.filled or not needs:
            tables.ensure(rule.reads)
            yield from _apply(con, ref, rule)


def _apply(con: duckdb.DuckDBPyConnection, ref: Ref, rule: Rule) -> Iterator[Finding]:
    """Yield the findings of a rule; beyond some of a kind, their number."""
    rows = con.execute(rule.sql).fetchall()
    for location, message, *severity in rows[:_MOST]:
        yield Finding(ref.name, severity[0] if severity else rule.severity, rule.code, location, message)
    if len(rows) > _MOST:
        location = rows[_MOST][0].split(",")[0]
        yield Finding(ref.name, rule.severity, rule.code, location, f"{len(rows) - _MOST:,} more of this kind.")


def _sql(name: str) -> str:
    return resources.files("dhsdb.sql").joinpath(f"{name}.sql").read_text(encoding="utf-8")
