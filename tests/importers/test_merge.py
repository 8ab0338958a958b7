"""Whatever a scenario holds: after an import each year reads as the rule says, and the same import again changes nothing."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dhsdb import edits, scenarios
from dhsdb.importers.merge import Layer, Rule, merge_rows
from dhsdb.names import Ref
from dhsdb.schema.inputs import Commodity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dhsdb.database import Database, Writer

YEARS = (2030, 2040)

Line = tuple[str, "float | None", "float | None", "int | None"]
Cells = dict[tuple[str, int], tuple["float | None", ...]]

name = st.sampled_from(["gas", "gas", "gas", "el"])
value = st.sampled_from([None, 1.0, 2.0])
year = st.sampled_from([None, None, *YEARS])
lines = st.lists(st.tuples(name, value, value, year), min_size=1, max_size=4, unique_by=lambda row: (row[0], row[3]))
kind = st.sampled_from(["whole", "whole", "price", "voll", "removed"])
stored = st.tuples(st.sampled_from([0, 1, 1]), kind, st.tuples(name, value, value, year))


class Study:
    """A scenario on top of a base within one open transaction."""

    _numbers = itertools.count()

    def __init__(self, writer: Writer) -> None:
        number = next(self._numbers)
        self.writer = writer
        self.base = scenarios.create(writer, f"base {number}", YEARS)
        self.top = scenarios.create(writer, f"top {number}")
        writer.con.execute("UPDATE meta.stack SET rank = 1 WHERE scenario = ?", [self.top.scenario])
        writer.con.execute(
            "INSERT INTO meta.stack (scenario, rank, layer, peer, rev_from) VALUES (?, 0, ?, 0, ?)",
            [self.top.scenario, self.base.scenario, self.top.revision],
        )

    def number(self) -> int:
        return scenarios.add_revision(self.writer, self.top.scenario, "import", "test")

    def store(self, layer: int, kind: str, line: Line) -> None:
        """Write a row as an import, a `set` or a removal leaves it."""
        owner = (self.base, self.top)[layer]
        rows = arrow([line], None if kind in ("whole", "removed") else [kind])
        rows = rows.append_column("removed", pa.array([kind == "removed"]))
        edits.add_rows(self.writer, Commodity, Ref(owner.scenario, owner.name, self.number()), rows)

    def bring(self, rows: Sequence[Line], rule: str) -> bool:
        now = self.writer.con.execute("SELECT max(revision) FROM meta.revision").fetchone()
        assert now is not None
        layer = Layer(self.writer, Ref(self.top.scenario, self.top.name, now[0]), self.number)
        outcome = merge_rows(layer, Commodity, arrow(rows, None), [], Rule(rule))
        return bool(outcome.n_set or outcome.n_removed)

    def cells(self) -> Cells:
        found = self.writer.con.execute(
            "SELECT commodity, year, price, voll FROM input.commodity_at(?, 2147483647)", [self.top.name]
        ).fetchall()
        return {(commodity, when): (price, voll) for commodity, when, price, voll in found}


def arrow(rows: Sequence[Line], cells: list[str] | None) -> pa.Table:
    n = len(rows)
    columns = list(zip(*rows, strict=True))
    return pa.table(
        {
            "site": ["c"] * n,
            "commodity": list(columns[0]),
            "price": pa.array(columns[1], pa.float64()),
            "voll": pa.array(columns[2], pa.float64()),
            "year": pa.array(columns[3], pa.int16()),
            "cells": pa.array([cells] * n, pa.list_(pa.string())),
        }
    )


def expected(before: Cells, rows: Sequence[Line], rule: str) -> Cells:
    """Return what the rule says; rows of one year come before rows of every year."""
    after = dict(before)
    named = {(commodity, when): (price, voll) for commodity, price, voll, when in rows}
    for commodity, when in itertools.product({commodity for commodity, _ in named}, YEARS):
        new = named.get((commodity, when), named.get((commodity, None)))
        old = before.get((commodity, when))
        if new is None or (rule == "keep" and old is not None):
            continue
        merged = tuple(o if n is None else n for n, o in zip(new, old, strict=True)) if old else new
        after[commodity, when] = merged if rule == "merge" else new
    return after


@pytest.fixture
def writer(db: Database) -> Iterator[Writer]:
    with db.write("testing") as writer:
        yield writer


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(held=st.lists(stored, max_size=6), rows=lines, rule=st.sampled_from(["replace", "keep", "merge"]))
def test_an_import_does_what_its_rule_says_and_only_once(
    writer: Writer, held: list[tuple[int, str, Line]], rows: list[Line], rule: str
) -> None:
    study = Study(writer)
    for entry in held:
        study.store(*entry)
    before = study.cells()
    changed = study.bring(rows, rule)
    after = study.cells()
    assert after == expected(before, rows, rule)
    assert changed == (after != before)
    assert not study.bring(rows, rule)
    assert study.cells() == after
