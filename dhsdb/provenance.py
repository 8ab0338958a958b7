"""Where a run comes from: what was read, by which change, with which code, and the command that repeats it; and runs as a list."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

from dhsdb.errors import UserError
from dhsdb.names import find
from dhsdb.staleness import Staleness

if TYPE_CHECKING:
    from collections.abc import Mapping

    import duckdb

    from dhsdb.database import Database
    from dhsdb.staleness import Stale

_JSON = ("options", "packages", "given")
_BEFORE = {"geo": (), "investment": ("geo",), "dispatch": ("geo", "investment")}
"""Stages that `run scenario` solves without being told, and those before them."""


def run_list(db: Database, scenario: str = "") -> list[dict[str, Any]]:
    """Return the runs, the newest first, with those that a scenario shares with others.

    Returns
    -------
    list of dict
        The columns of view ``runs``; ``current``: scenarios for which the run speaks now; ``stale``: whether inputs that it
        read have changed since (None = it has no answer, or its scenario is deleted), ``stale_since`` (revision) and
        ``stale_why``.

    Raises
    ------
    UnknownNameError
        If there is no such scenario.
    """
    with db.read() as con:
        ref = find(con, scenario) if scenario else None
        found = con.execute(
            """SELECT r.*, c.scenarios AS current, t.scenario AS taken_by, t.revision AS taken_at
FROM runs AS r
LEFT JOIN (SELECT run, list(scenario ORDER BY scenario) AS scenarios FROM meta.current_run GROUP BY run) AS c USING (run)
LEFT JOIN (
    SELECT cr.run, c.scenario, max(c.revision) AS revision
    FROM meta.current_chain JOIN meta.chain AS c USING (chain) JOIN meta.chain_run AS cr USING (chain)
    WHERE c.scenario = $number GROUP BY cr.run, c.scenario
) AS t ON t.run = r.run AND r.scenario <> $name
WHERE $name = '' OR r.scenario = $name OR t.run IS NOT NULL
ORDER BY r.run DESC""",
            {"name": ref.name if ref else "", "number": ref.scenario if ref else -1},
        ).to_arrow_table()
        judge = Staleness(con)
        rows: list[dict[str, Any]] = found.to_pylist()
        for row in rows:
            row["current"] = row["current"] or []
            scenario_number, taken_at = row.pop("taken_by"), row.pop("taken_at")
            why = judge.of(row["run"], scenario=scenario_number, revision=taken_at or 0)
            row.update(_stale(why, known=judge.judges(row["run"])))
    return rows


def provenance(db: Database, run: int) -> dict[str, Any]:
    """Return all that is known of a run.

    Returns
    -------
    dict
        The columns of view ``runs`` with ``options``, ``packages`` and ``given`` as dictionaries; ``revision_of`` (the change
        that it read: author, message, kind, time), ``parents`` (runs that it builds on), ``chains``, ``current``, ``stale``,
        ``stale_since``, ``stale_why``, ``findings``, ``figures`` (what a solver's run says besides its tables: marginal prices,
        what is too dear, ranges), and ``repeat``, the command that solves it again.

    Raises
    ------
    UserError
        If there is no such run.
    """
    with db.read() as con:
        rows = con.execute("SELECT * FROM runs WHERE run = ?", [run]).to_arrow_table().to_pylist()
        if not rows:
            raise UserError(f"there is no run {run}.", "`dhsdb run list` lists them.")
        facts: dict[str, Any] = rows[0]
        facts |= {name: json.loads(facts[name] or "{}") for name in _JSON}
        facts["reads"] = [table for table in (facts["reads"] or "").split(",") if table]
        facts["revision_of"] = _change(con, facts)
        facts["parents"] = _parents(con, facts["parents"])
        facts["chains"] = _column(con, "SELECT chain FROM meta.chain_run WHERE run = ? ORDER BY chain", run)
        facts["current"] = _column(con, "SELECT scenario FROM meta.current_run WHERE run = ? ORDER BY scenario", run)
        judge = Staleness(con)
        facts |= _stale(judge.of(run), known=judge.judges(run))
        facts["findings"] = (
            con.execute("SELECT severity, code, location, message FROM meta.finding WHERE run = ? ORDER BY ALL", [run])
            .to_arrow_table()
            .to_pylist()
        )
        facts["figures"] = (
            con.execute(
                "SELECT name, year, site, technology, value, unit FROM by_run.figure WHERE run = ? AND stage <> 'energyplan'"
                " ORDER BY name, year, site, technology",
                [run],
            )
            .to_arrow_table()
            .to_pylist()
        )
        facts["repeat"] = _repeat(con, str(db.path), facts)
    return facts


def _stale(why: Stale | None, *, known: bool) -> dict[str, Any]:
    return {
        "stale": (why is not None) if known else None,
        "stale_since": why.since if why else None,
        "stale_why": why.why if why else None,
    }


def _change(con: duckdb.DuckDBPyConnection, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the change of the scenario itself that held when the run read it."""
    rows = con.execute(
        "SELECT r.revision, r.kind, r.author, r.message, r.created_at FROM meta.revision AS r"
        " WHERE r.scenario = (SELECT scenario FROM meta.run WHERE run = ?) AND r.revision <= ?"
        " ORDER BY r.revision DESC LIMIT 1",
        [facts["run"], facts["revision"]],
    )
    found: list[dict[str, Any]] = rows.to_arrow_table().to_pylist()
    return found[0] if found else {}


def _parents(con: duckdb.DuckDBPyConnection, uids: str | None) -> list[dict[str, Any]]:
    """Return the runs of some names; ``run`` is None where one was deleted."""
    found = []
    for uid in (uids or "").split(","):
        row = con.execute(
            "SELECT r.run, s.name, r.revision, r.stage, r.fingerprint FROM meta.run AS r"
            " JOIN meta.scenario AS s USING (scenario) WHERE r.uid = ?",
            [uid],
        ).fetchone()
        if uid:
            names = ("run", "scenario", "revision", "stage", "fingerprint")
            found.append(dict(zip(names, row or (None,) * len(names), strict=True)))
    return found


def _column(con: duckdb.DuckDBPyConnection, sql: str, run: int) -> list[Any]:
    return [row[0] for row in con.execute(sql, [run]).fetchall()]


def _repeat(con: duckdb.DuckDBPyConnection, path: str, facts: Mapping[str, Any]) -> str | None:
    """Return the command that solves a run again; None if its scenario is deleted, or another tool solved it.

    It names the runs that the run builds on. Where these are deleted or not known, all stages are solved again.
    """
    alive = con.execute("SELECT 1 FROM scenarios WHERE scenario = ?", [facts["scenario"]]).fetchone()
    if not alive or facts["stage"] not in (*_BEFORE, "pareto"):
        return None
    given = facts["given"] or {"options": facts["options"], "years": facts["years"].split(",")}
    known = bool(facts["given"]) and all(parent["run"] is not None for parent in facts["parents"])
    words = ["dhsdb", "--store", path, "run", "scenario", facts["scenario"], "--at", str(facts["revision"])]
    if known or facts["stage"] not in _BEFORE:
        words += ["--stage", facts["stage"]]
    for year in given["years"]:
        words += ["--year", str(year)]
    for name, value in given["options"].items():
        words += ["-o", f"{name}={value}"]
    if known:
        parents = [str(parent["run"]) for parent in facts["parents"]]
        for run in parents or (["none"] if _could_build_on(con, facts) else []):
            words += ["--on", run]
    return shlex.join([*words, "--force"])


def _could_build_on(con: duckdb.DuckDBPyConnection, facts: Mapping[str, Any]) -> bool:
    """Return whether there are runs that a run without parents would build on, if it were solved now."""
    stages = list(_BEFORE.get(facts["stage"], _BEFORE))
    return (
        con.execute(
            "SELECT 1 FROM runs WHERE list_contains(?, stage) AND status IN ('optimal', 'feasible') LIMIT 1", [stages]
        ).fetchone()
        is not None
    )
