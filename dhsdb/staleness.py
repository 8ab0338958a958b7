"""Stale runs: what a run read, and whether the effective inputs of these tables are other ones by now.

Decided by meaning, with the diff: an edit that was taken back, one of a table that the run does not read, or a change of a
base that the scenario does not follow yet leave a run fresh. What a run read is kept with it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dhsdb.bulk import registered
from dhsdb.diff_inputs import Touched, changed_inputs, touched
from dhsdb.diff_money import Amounts
from dhsdb.names import Ref, newest_revision
from dhsdb.schema.catalog import INPUT
from dhsdb.stacks import DIFFERS, as_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import duckdb
    import pyarrow as pa

_CHANGED, _RANGE = "stale_changed", "stale_range"
_AS_STORED = Amounts(("then", "now"))
_NAMED = 4
"""Tables that a headline names."""
_JUDGED = ("optimal", "feasible", "infeasible", "unbounded")
"""Statuses of runs whose answer depends on their inputs."""


@dataclass(frozen=True, slots=True)
class Stale:
    """Why a run is stale.

    Attributes
    ----------
    since
        First revision of the scenario that changed what the run read, and still holds.
    why
        What changed, in one line: ``3 cells changed in process, commodity``.
    """

    since: int
    why: str


@dataclass(frozen=True, slots=True)
class _Read:
    """What a run read: the scenario at a revision, tables, and the runs it builds on."""

    scenario: int
    revision: int
    status: str
    tables: frozenset[str]
    parents: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _TableChange:
    cells: int
    added: int
    removed: int
    since: int | None


class Staleness:
    """Judges the runs of a store on an open connection; what runs of the same revision have in common is compared once."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = con
        self._newest = newest_revision(con)
        self._names = dict(con.execute("SELECT scenario, name FROM meta.scenario WHERE deleted IS NULL").fetchall())
        self._own: dict[int, list[int]] = {}
        self._touched: dict[tuple[int, int, int], Touched] = {}
        self._changes: dict[tuple[int, int, int, str], _TableChange | None] = {}
        self._runs: dict[int, _Read] = {}
        self._load()

    def of(self, run: int, *, scenario: int | None = None, revision: int = 0, now: int | None = None) -> Stale | None:
        """Return why a run is stale; None if it is not, if it has no answer, or if its scenario is deleted.

        Parameters
        ----------
        scenario, revision
            Scenario that shares the run of another one, and the revision at which it took it over.
        now
            Revision to compare with; None = the newest.
        """
        read = self._runs.get(run)
        owner = read.scenario if read and scenario is None else scenario
        if read is None or owner is None or owner not in self._names or read.status not in _JUDGED:
            return None
        began = read.revision if read.scenario == owner else revision
        until = self._newest if now is None else now
        tables = {(table, began) for table in read.tables}
        for parent in self._ancestors(read, owner):
            tables |= {(table, parent.revision) for table in parent.tables}
        return self._judge(owner, until, tables)

    def judges(self, run: int) -> bool:
        """Return whether a run can be stale at all: it has an answer, and its scenario lives."""
        read = self._runs.get(run)
        return read is not None and read.scenario in self._names and read.status in _JUDGED

    # --- what was read -----------------------------------------------------------------------------------------------
    def _load(self) -> None:
        rows = self._con.execute(
            "SELECT run, uid, scenario, revision, status, reads, string_split(coalesce(parents, ''), ',') FROM meta.run"
        ).fetchall()
        by_uid = {row[1]: row[0] for row in rows if row[1]}
        for run, _, scenario, revision, status, reads, parents in rows:
            tables = frozenset(INPUT if reads is None else reads.split(","))
            known = tuple(by_uid[uid] for uid in parents if uid in by_uid)
            self._runs[run] = _Read(scenario, revision, status, tables, known)

    def _ancestors(self, read: _Read, owner: int) -> Iterable[_Read]:
        """Return the runs that one builds on: they may be of an older revision."""
        found: dict[int, _Read] = {}
        waiting = list(read.parents)
        while waiting:
            run = waiting.pop()
            if run not in found:
                found[run] = self._runs[run]
                waiting += found[run].parents
        return [one for one in found.values() if one.scenario == owner]

    # --- what changed ------------------------------------------------------------------------------------------------
    def _judge(self, scenario: int, now: int, tables: Iterable[tuple[str, int]]) -> Stale | None:
        until = self._at(scenario, now)
        wanted: dict[int, set[str]] = {}
        for table, began in tables:
            wanted.setdefault(self._at(scenario, began), set()).add(table)
        found: dict[str, _TableChange] = {}
        for began in sorted(wanted):
            for table in wanted[began] if began < until else ():
                change = self._change(scenario, began, until, table, wanted[began])
                if change and table not in found:
                    found[table] = change
        if not found:
            return None
        since = [c.since for c in found.values() if c.since is not None]
        return Stale(min(since, default=until), _in_words({t: found[t] for t in INPUT if t in found}))

    def _at(self, scenario: int, revision: int) -> int:
        """Return the scenario's own revision that holds at a revision of the store: nothing else changes its inputs."""
        if scenario not in self._own:
            rows = self._con.execute(
                "SELECT revision FROM meta.revision WHERE scenario = ? ORDER BY revision", [scenario]
            ).fetchall()
            self._own[scenario] = [row[0] for row in rows]
        return max((r for r in self._own[scenario] if r <= revision), default=revision)

    def _change(self, scenario: int, began: int, until: int, table: str, wanted: set[str]) -> _TableChange | None:
        """Return how a table differs between two revisions; all tables wanted of these are compared at once."""
        at = (scenario, began, until)
        if at not in self._touched:
            name = self._names[scenario]
            self._touched[at] = touched(self._con, Ref(scenario, name, began), Ref(scenario, name, until))
        where = self._touched[at]
        if (*at, table) not in self._changes:
            new = [t for t in sorted(wanted) if (*at, t) not in self._changes]
            self._changes |= dict.fromkeys(((*at, t) for t in new), None)
            for subject, rows in changed_inputs(self._con, where, new, _AS_STORED):
                if not rows.num_rows:
                    continue
                keys = [f'"{k}"' for k in subject.keys]
                since = self._since(scenario, (began, until), where, subject.table, keys, rows)
                self._changes[(*at, subject.table)] = _counted(rows, since)
        return self._changes[(*at, table)]

    def _since(
        self, scenario: int, between: tuple[int, int], where: Touched, table: str, keys: Sequence[str], rows: pa.Table
    ) -> int | None:
        """Return the first revision after a run that touched the cells which differ: an edit, or a stack that moved."""
        key = f"[{', '.join(f'r.{k}::VARCHAR' for k in keys)}]::VARCHAR[]"
        cell = f"""{key} = c.keys AND (r.removed OR r.cells IS NULL OR c."column" IS NULL OR list_contains(r.cells, c."column"))"""
        stacked = "SELECT min(rev_from) FROM meta.stack WHERE scenario = $scenario AND rev_from > $began AND rev_from <= $until"
        with registered(self._con, _CHANGED, rows), registered(self._con, _RANGE, as_rows(where.ranges)):
            row = self._con.execute(
                f"""SELECT min(edit) FROM (
    SELECT unnest([r.rev_from, r.rev_to]) AS edit
    FROM layer.{table} AS r JOIN {_CHANGED} AS c ON {cell} WHERE r.layer = $scenario
    UNION ALL
    SELECT ({stacked}) AS edit
    FROM layer.{table} AS r JOIN {_RANGE} AS d ON {DIFFERS} JOIN {_CHANGED} AS c ON {cell}
    WHERE r.layer <> $scenario
) WHERE edit > $began AND edit <= $until""",
                {"scenario": scenario, "began": between[0], "until": between[1]},
            ).fetchone()
        return row[0] if row else None


def _counted(changes: pa.Table, since: int | None) -> _TableChange:
    names = ("change", "key", "year")
    columns = changes.select(names).to_pydict()
    cells = Counter(columns["change"])
    rows = Counter(change for change, *_ in set(zip(*(columns[n] for n in names), strict=True)))
    return _TableChange(cells["changed"], rows["added"], rows["removed"], since)


def _in_words(found: dict[str, _TableChange]) -> str:
    """Return ``3 cells changed, 1 row added in process, commodity``."""
    parts = []
    for n, what in (
        (sum(c.cells for c in found.values()), "cell{} changed"),
        (sum(c.added for c in found.values()), "row{} added"),
        (sum(c.removed for c in found.values()), "row{} removed"),
    ):
        if n:
            parts.append(f"{n} {what.format('s' * (n != 1))}")
    named = list(found)[:_NAMED]
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return f"{', '.join(parts)} in {', '.join(named)}{more}"
