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
    from collections.abc import Collection, Iterable, Iterator

    import duckdb

    from dhsdb.database import Database

SEVERITIES = ("error", "warning", "info")
_INPUT_RULES = ("check_inputs", "check_plausibility")
_RESULT_RULES = ("check_results",)
MOST = 25
"""Findings of a kind that are told one by one; the others are counted."""
_REFERENCE = "unknown-reference"
_HEAD = re.compile(
    r"^-- ((?:error|warning|info)(?:\|(?:error|warning|info))*) ([a-z0-9-]+)(?: \[([a-z_., ]+)\])?: (.+(?:\n-- .+)*)$",
    re.MULTILINE,
)
_READS = re.compile(r'\btemp\."?([a-z_]+)"?')
_RESULTS = re.compile(r"\bresult\.([a-z_]+)")
_ALWAYS = frozenset({"level", "model_year", "checked_run"})


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


@dataclass(frozen=True)
class Rule:
    """A statement that returns ``location``, ``message`` and perhaps another ``severity`` of what breaks a rule.

    Attributes
    ----------
    severity
        Severity of its findings; where it gives several, ``error|warning``, the first unless the statement says another.
    text
        What it means, and where its bounds come from.
    drivers
        What must be there for it to find anything: one of these tables must be filled, or one of these columns
        (``table.column``) be set, or true, in some row. Empty = one of the tables that it reads.
    """

    severity: str
    code: str
    text: str
    sql: str
    drivers: frozenset[str] = frozenset()

    @functools.cached_property
    def reads(self) -> frozenset[str]:
        """Temporary tables that it reads."""
        return frozenset(_READS.findall(self.sql))

    @functools.cached_property
    def needs(self) -> frozenset[str]:
        """What must be there, as ``drivers``; empty = it always applies."""
        return self.drivers or self.reads - _ALWAYS

    @functools.cached_property
    def results(self) -> frozenset[str]:
        """Result tables that it reads."""
        return frozenset(_RESULTS.findall(self.sql))


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a code means.

    Attributes
    ----------
    severities
        ``error``, ``warning``, ``info``, or several of them.
    subject
        ``inputs`` or ``results``.
    text
        What is found, and where its bounds come from.
    """

    code: str
    severities: str
    subject: str
    text: str


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
    return sorted(found, key=_order)


def check_on(
    con: duckdb.DuckDBPyConnection,
    ref: Ref,
    *,
    results: bool = True,
    all_runs: bool = False,
    touched: Collection[str] | None = None,
    only: Collection[str] | None = None,
    imported: bool = False,
    fresh: bool = False,
) -> list[Finding]:
    """Check one scenario on an open connection, such as one that holds an import which is not committed.

    Parameters
    ----------
    all_runs
        Whether to check the results of all runs of the scenario, or of the current ones only.
    touched
        Input tables that were changed: only rules that read one of them apply. None = all rules.
    only
        Codes to look for; None = all.
    imported
        Whether the changed rows were checked one by one on their way in: bounds, choices and doubles are not looked at.
    fresh
        Whether the scenario holds nothing but one import's rows in ``touched``.
    """
    from dhsdb import check_rules
    from dhsdb.check_tables import Effective

    tables = Effective(con, ref, touched, imported=imported, fresh=fresh)
    try:
        rules = (*check_rules.input_rules(tables), *(r for file in _INPUT_RULES for r in file_rules(file)))
        found = [f for r in rules if _is_wanted(r, only) and tables.concern(r) for f in _apply(con, ref, r)]
        if only is None or _REFERENCE in only:
            found += check_rules.unknown_references(tables)
        if results and tables.add_runs(all_runs=all_runs):
            rules = (
                *check_rules.result_rules(all_runs=all_runs),
                *(r for file in _RESULT_RULES for r in file_rules(file)),
            )
            found += [f for r in rules if _is_wanted(r, only) and tables.concern(r) for f in _apply(con, ref, r)]
    finally:
        tables.drop()
    return found


def new_findings(
    con: duckdb.DuckDBPyConnection, before: Ref | None, after: Ref, touched: Collection[str]
) -> list[Finding]:
    """Return what is wrong with the inputs after an import and was not before it.

    The state before is looked at only for the kinds of findings that there are now, so that a sound change costs one check.
    What the import has checked row by row is not checked again.

    Parameters
    ----------
    before
        The revision before; None = the scenario is new.
    touched
        Input tables that differ between the two.
    """
    found = check_on(con, after, results=False, touched=touched, imported=True, fresh=before is None)
    if not found:
        return []
    codes_found = {f.code for f in found}
    known = set()
    if before is not None:
        known = set(check_on(con, before, results=False, touched=touched, only=codes_found, imported=True))
    return sorted((f for f in found if f not in known), key=_order)


def run_findings(
    con: duckdb.DuckDBPyConnection, run: int, tables: Collection[str], noted: Collection[tuple[str, str]] = ()
) -> list[Finding]:
    """Return what is implausible about the results of one run, also before they are committed.

    Parameters
    ----------
    tables
        Result tables that the run wrote rows of.
    noted
        (code, location) of what the stage said itself, which is not said again.
    """
    ref = Ref(0, "", 0)
    rules = [r for file in _RESULT_RULES for r in file_rules(file) if r.results & set(tables)]
    if not rules:
        return []
    con.execute("CREATE OR REPLACE TEMP TABLE checked_run AS SELECT $run::INTEGER AS run", {"run": run})
    try:
        found = [f for rule in rules for f in _apply(con, ref, rule)]
    finally:
        con.execute("DROP TABLE temp.checked_run")
    codes_noted = {code for code, _ in noted}
    return [f for f in found if f.code not in codes_noted or _is_news(f, noted)]


def _is_news(finding: Finding, noted: Collection[tuple[str, str]]) -> bool:
    """Return whether a stage that noted the same of other heat sources said nothing of this one."""
    table, _, source = finding.location.partition(", ")
    return table == "connection" and (finding.code, f"heat_source {source}") not in noted


def summary(found: Iterable[Finding]) -> str:
    """Return how many findings there are of each severity: ``2 errors, 5 warnings``."""
    counts = dict.fromkeys(SEVERITIES, 0)
    for finding in found:
        counts[finding.severity] += 1
    words = {"error": ("error", "errors"), "warning": ("warning", "warnings"), "info": ("remark", "remarks")}
    return ", ".join(f"{n:,} {words[severity][n != 1]}" for severity, n in counts.items() if n)


def stored_findings(con: duckdb.DuckDBPyConnection, ref: Ref) -> list[Finding]:
    """Return what the imports into the layers of a scenario, and its current runs, noted and no rule can find again.

    What a rule can find again is left out: it may have been mended since.
    """
    from dhsdb.schema.catalog import INPUT

    values = {
        "name": ref.name,
        "scenario": ref.scenario,
        "revision": ref.revision,
        "rules": sorted(codes()),
        "tables": [*INPUT, "layer"],
    }
    rows = con.execute(_sql("findings_stored"), values).fetchall()
    return [Finding(ref.name, *row) for row in rows]


def codes() -> dict[str, str]:
    """Return code -> what it means, of all rules."""
    found: dict[str, str] = {}
    for meaning in meanings():
        found[meaning.code] = f"{found[meaning.code]}; {meaning.text}" if meaning.code in found else meaning.text
    return found


@functools.cache
def meanings() -> tuple[Meaning, ...]:
    """Return what is looked for, in the order of code and subject; a code may be looked for in inputs and in results."""
    from dhsdb.check_declared import CODES

    files = ((_INPUT_RULES, "inputs"), (_RESULT_RULES, "results"))
    found = [
        Meaning(r.code, r.severity.replace("|", ", "), subject, r.text)
        for names, subject in files
        for name in names
        for r in file_rules(name)
    ]
    found += [
        Meaning(code, severities, "results" if "result" in code else "inputs", text)
        for code, (severities, text) in CODES.items()
    ]
    return tuple(sorted(found, key=lambda m: (m.code, m.subject)))


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
        Rule(
            head[1],
            head[2],
            head[4].replace("\n--", ""),
            text[head.start() : end],
            frozenset((head[3] or "").replace(",", " ").split()),
        )
        for head, end in zip(heads, ends, strict=True)
    )


def _is_wanted(rule: Rule, only: Collection[str] | None) -> bool:
    return only is None or rule.code in only


def _order(finding: Finding) -> tuple[int, str, str]:
    """Return the place in a list: errors first, then by scenario and kind; those of a kind stand in order already."""
    return (SEVERITIES.index(finding.severity), finding.scenario, finding.code)


def _apply(con: duckdb.DuckDBPyConnection, ref: Ref, rule: Rule) -> Iterator[Finding]:
    """Yield the findings of a rule; beyond some of a kind, their number."""
    usual = rule.severity.partition("|")[0]
    rows = sorted(con.execute(rule.sql).fetchall())
    for location, message, *severity in rows[:MOST]:
        yield Finding(ref.name, severity[0] if severity else usual, rule.code, location, message)
    if len(rows) > MOST:
        location = rows[MOST][0].split(",")[0]
        yield Finding(ref.name, usual, rule.code, location, f"{len(rows) - MOST:,} more of this kind.")


def _sql(name: str) -> str:
    return resources.files("dhsdb.sql").joinpath(f"{name}.sql").read_text(encoding="utf-8")
