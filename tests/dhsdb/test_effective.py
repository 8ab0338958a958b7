"""Effective inputs: what views and macros resolve, whichever way a query names the scenario, and that they resolve no others."""

from __future__ import annotations

import json
import random
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from dhsdb import edits, scenarios
from dhsdb.bulk import insert
from dhsdb.database import Database
from dhsdb.names import Ref, find
from dhsdb.schema.catalog import INPUT
from dhsdb.schema.inputs import Commodity, ModelYear, Process, Site

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import duckdb

    from dhsdb.database import Writer
    from dhsdb.schema.inputs import InputRow

NEWEST = 2147483647


# --- the rules, said once more without SQL ---------------------------------------------------------------------------
@dataclass
class Study:
    """Scenarios with random stacks over random rows, and the rules by which they resolve."""

    seed: int
    names: list[str] = field(default_factory=list)
    stacks: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    rows: dict[type[InputRow], list[dict[str, Any]]] = field(default_factory=dict)

    def fill(self, writer: Writer) -> None:
        rng = random.Random(self.seed)
        refs = [scenarios.register(writer, f"s{i}", "new", "a test", None) for i in range(8)]
        last = refs[-1].revision + 30
        for i, ref in enumerate(refs):
            below = rng.sample(refs[:i], min(i, rng.randint(0, 4)))
            stack = [scenarios.Entry(b.scenario, rng.randint(b.revision, last), n) for n, b in enumerate(below)]
            scenarios.push(writer, ref, [*stack, scenarios.own_entry(ref, stack)])
            self.names.append(ref.name)
            self.stacks[ref.name] = [(e.layer, e.pin or NEWEST) for e in stack] + [(ref.scenario, NEWEST)]
        for table, n in ((Commodity, 300), (ModelYear, 25), (Site, 40)):
            made = (self._row(rng, table, rng.choice(refs), last) for _ in range(n))
            unique = {(r["layer"], r["origin"], r["year"], r.get("site"), r.get("commodity")): r for r in made}
            self.rows[table] = list(unique.values())
            frame = pd.DataFrame(self.rows[table])
            frame[["year", "rev_to"]] = frame[["year", "rev_to"]].astype("Int32")
            insert(writer.con, table, frame)

    @staticmethod
    def _row(rng: random.Random, table: type[InputRow], ref: Ref, last: int) -> dict[str, Any]:
        origin = rng.randint(ref.revision, last)
        shape = rng.choice(["whole", "whole", "part", "removed"])
        years = [2025, 2035] if table is ModelYear else [None, None, 2025, 2035, 2050] if table.by_year else [None]
        row: dict[str, Any] = {
            "layer": ref.scenario, "origin": origin, "rev_from": origin, "removed": shape == "removed",
            "rev_to": origin + rng.randint(1, 10) if rng.random() < 0.2 else None, "year": rng.choice(years),
        }  # fmt: skip
        row |= {key: rng.choice("ab") for key in table.keys()}
        numbers = {Commodity: ["price", "max_mw"], ModelYear: ["stands_for"], Site: ["area", "discount_rate"]}[table]
        row |= {n: rng.choice([None, float(rng.randint(1, 99))]) for n in numbers}
        return row | {"cells": [rng.choice(numbers)] if shape == "part" else None}

    def effective(self, table: type[InputRow], scenario: str) -> set[tuple[Any, ...]]:
        """Return (scenario, year, key and cells) of the rows of a scenario."""
        modelled = set() if table is ModelYear else {r[1] for r in self.effective(ModelYear, scenario)}
        years = sorted(modelled) or [None]
        found: dict[tuple[Any, ...], list[tuple[tuple[int, ...], dict[str, Any]]]] = {}
        for rank, (layer, pin) in enumerate(self.stacks[scenario]):
            for row in self.rows[table]:
                if row["layer"] != layer or row["rev_from"] > pin or (row["rev_to"] or NEWEST + 1) <= pin:
                    continue
                order = (rank, row["year"] is not None, row["origin"], row["cells"] is not None)
                for year in [row["year"]] if row["year"] else years if table.by_year else [None]:
                    key = (year, *(row[k] for k in table.keys()))
                    found.setdefault(key, []).append((order, row))
        made = ((key, self._resolve(table, rows)) for key, rows in found.items())
        return {(scenario, *key, *cells) for key, cells in made if cells is not None}

    @staticmethod
    def _resolve(table: type[InputRow], rows: list[tuple[tuple[int, ...], dict[str, Any]]]) -> tuple[Any, ...] | None:
        none = (-1,)
        whole = max((o for o, r in rows if not r["removed"] and r["cells"] is None), default=none)
        if whole <= max((o for o, r in rows if r["removed"]), default=none):
            return None
        cells = []
        for cell in table.cell_names():
            sets = [(o, r) for o, r in rows if not r["removed"] and (r["cells"] is None or cell in r["cells"])]
            cells.append(max(sets, key=lambda x: x[0])[1].get(cell))
        return tuple(cells)


def rows(con: duckdb.DuckDBPyConnection, query: str, *values: Any) -> set[tuple[Any, ...]]:
    found = con.execute(query, list(values)).fetchall()
    assert len(set(found)) == len(found)
    return set(found)


@pytest.mark.parametrize("seed", range(4))
def test_views_and_macros_resolve_by_the_rules_however_the_scenario_is_named(db: Database, seed: int) -> None:
    study = Study(seed)
    with db.write("a test") as writer:
        study.fill(writer)
    with db.read() as con:
        for table in (Commodity, ModelYear, Site):
            name = table.__table__.name
            wanted = {s: study.effective(table, s) for s in study.names}
            assert rows(con, f"FROM input.{name}") == set().union(*wanted.values())
            for s in study.names[-2:]:
                asked = {
                    "literal": rows(con, f"FROM input.{name} WHERE scenario = '{s}'"),
                    "parameter": rows(con, f"FROM input.{name} WHERE scenario = ?", s),
                    "join": rows(con, f"SELECT v.* FROM input.{name} AS v JOIN scenarios USING (scenario) WHERE scenarios.scenario = '{s}'"),
                    "number": rows(con, f"SELECT v.* FROM meta.scenario AS s JOIN input.{name} AS v ON v.scenario = s.name WHERE s.name || '' = ?", s),
                    "sub-query": rows(con, f"FROM input.{name} WHERE scenario = (SELECT name FROM meta.scenario WHERE md5(name) = md5(?))", s),
                    "in": rows(con, f"FROM input.{name} WHERE scenario IN (SELECT scenario FROM scenarios WHERE md5(scenario) = md5(?))", s),
                    "macro": rows(con, f"FROM input.{name}_at(?, {NEWEST})", s),
                    "newest": rows(con, f"FROM input.{name}_at(?)", s),
                    "lateral": rows(con, f"SELECT v.* FROM scenarios AS s, input.{name}_at(s.scenario) AS v WHERE s.scenario || '' = ?", s),
                }  # fmt: skip
                assert asked == dict.fromkeys(asked, wanted[s])
    assert any(study.effective(Commodity, s) for s in study.names)


# --- the work that a query does --------------------------------------------------------------------------------------
N_ROWS, N_SCENARIOS = 4000, 40


@pytest.fixture(scope="module")
def wide(empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Database:
    """A base of many rows with many scenarios over it."""
    db = Database(tmp_path_factory.mktemp("wide") / "wide.duckdb")
    shutil.copy(empty_store, db.path)
    frame = pd.DataFrame({"site": "centre", "process": [f"p{i}" for i in range(N_ROWS)], "capital": 1.0})
    frame["year"] = pd.array([None] * N_ROWS, "Int16")
    with db.write("a test") as writer:
        base = scenarios.create(writer, "base", [2025])
        edits.add_rows(writer, Process, base, frame)
        for i in range(N_SCENARIOS):
            stack = scenarios.pinned(writer, find(writer.con, "base"))
            ref = scenarios.register(writer, f"s{i}", "derive", "a test", None)
            scenarios.push(writer, ref, [*stack, scenarios.own_entry(ref, stack)])
    return db


def work(db: Database, query: str) -> int:
    """Return the largest number of rows that an operator of the query's plan gave out; with one thread, always the same."""
    with db.read() as con:
        con.execute("SET threads = 1")
        ((_, text),) = con.execute(f"EXPLAIN (ANALYZE, FORMAT json) {query}").fetchall()

    def sizes(node: dict[str, Any]) -> Iterable[int]:
        yield node.get("operator_cardinality", 0)
        for child in node["children"]:
            yield from sizes(child)

    return max(sizes(json.loads(text)))


ONE = f"s{N_SCENARIOS // 2}"
QUERIES = {
    "literal": f"SELECT * FROM input.process WHERE scenario = '{ONE}'",
    "join with a literal": f"SELECT p.* FROM input.process AS p JOIN scenarios USING (scenario) WHERE scenarios.scenario = '{ONE}'",
    "join": f"SELECT p.* FROM meta.scenario AS s JOIN input.process AS p ON p.scenario = s.name WHERE md5(s.name) = md5('{ONE}')",
    "join the other way": f"SELECT p.* FROM input.process AS p JOIN meta.scenario AS s ON p.scenario = s.name WHERE md5(s.name) = md5('{ONE}')",
    "left join": f"SELECT p.* FROM meta.scenario AS s LEFT JOIN input.process AS p ON p.scenario = s.name WHERE md5(s.name) = md5('{ONE}')",
    "sub-query": f"SELECT * FROM input.process WHERE scenario = (SELECT name FROM meta.scenario WHERE md5(name) = md5('{ONE}'))",
    "in a sub-query": f"SELECT * FROM input.process WHERE scenario IN (SELECT name FROM meta.scenario WHERE md5(name) = md5('{ONE}'))",
    "macro": f"FROM input.process_at('{ONE}')",
    "macro of a sub-query": f"FROM input.process_at((SELECT name FROM meta.scenario WHERE md5(name) = md5('{ONE}')))",
    "macro of a column": f"SELECT p.* FROM scenarios AS s, input.process_at(s.scenario) AS p WHERE md5(s.scenario) = md5('{ONE}')",
    "macro at a revision of a column": f"SELECT p.* FROM scenarios AS s, input.process_at(s.scenario, s.revision) AS p"
    f" WHERE md5(s.scenario) = md5('{ONE}')",
    "macro of a column that names none": "SELECT p.* FROM scenarios AS s, input.process_at(s.scenario) AS p WHERE md5(s.scenario) = ''",
}  # fmt: skip


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES.keys())
def test_a_query_resolves_no_scenario_but_those_it_asks_for(wide: Database, query: str) -> None:
    assert work(wide, query) <= N_ROWS * 2
    assert work(wide, "SELECT scenario, sum(capital) FROM input.process GROUP BY ALL") >= N_ROWS * N_SCENARIOS


def test_the_branch_that_steers_the_optimizer_has_no_row(db: Database) -> None:
    with db.read() as con:
        assert con.execute("SELECT count(*) FROM meta.none").fetchone() == (0,)
        for name in INPUT:
            view = con.execute(f"DESCRIBE input.{name}").fetchall()
            macro = con.execute(f"DESCRIBE FROM input.{name}_at('base')").fetchall()
            assert [c[:2] for c in view] == [c[:2] for c in macro]


@pytest.mark.parametrize("alias", ["s", "st", "l", "r", "y", "asked", "layer"])
def test_a_macro_takes_its_arguments_from_the_query_whatever_its_tables_are_called(db: Database, alias: str) -> None:
    study = Study(0)
    with db.write("a test") as writer:
        study.fill(writer)
    wanted = {row for s in study.names for row in study.effective(Commodity, s)}
    names = "(SELECT name, name AS scenario, name AS scenario_name, 1000 AS rank, 1000 AS revision FROM meta.scenario)"
    with db.read() as con:
        for column in ("name", "scenario", "scenario_name"):
            for place in (f"{alias}.", ""):
                macro = f"input.commodity_at({place}{column}, {place}rank)"
                assert rows(con, f"SELECT v.* FROM {names} AS {alias}, {macro} AS v") == wanted
