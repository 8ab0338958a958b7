"""Whatever a scenario holds: after an import each year reads as the rule says, and the same import again changes nothing."""

from __future__ import annotations

import contextlib
import shutil
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from dhsdb import edits, scenarios
from dhsdb.database import Database
from dhsdb.errors import UserError
from tests.importers.books import bring, effective, table

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

YEARS = (2030, 2040)
COLUMNS = ("site", "commodity", "price", "voll", "year")

Row = tuple[str, "float | None", "float | None", "int | None"]
Cells = dict[tuple[str, int], tuple[object, ...]]

value = st.sampled_from([None, 1.0, 2.0])
year = st.sampled_from([None, *YEARS])
rows = st.lists(
    st.tuples(st.sampled_from(["gas", "el"]), value, value, year), max_size=4, unique_by=lambda row: (row[0], row[3])
)
step = st.one_of(
    st.tuples(st.just("import"), rows, st.sampled_from(["a", "b"])),
    st.tuples(st.just("set"), st.sampled_from(["price", "voll"]), value, year),
    st.tuples(st.just("remove"), st.sampled_from(["gas", "el"]), year),
    st.tuples(st.just("derive")),
)


class Study:
    """A store with one scenario, or another derived from it, and two files."""

    def __init__(self, folder: Path, empty: Path) -> None:
        shutil.copy(empty, folder / "s.duckdb")
        self.db = Database(folder / "s.duckdb")
        self.folder = folder
        self.scenario = "base"
        scenarios.new(self.db, "base", YEARS)

    def bring(self, lines: list[Row], file: str, **options: str) -> bool:
        path = self.folder / file
        rows = table("commodity", path, COLUMNS, *(("c", *line) for line in lines))
        return bring(self.db, path, rows, scenario=self.scenario, **options).changed

    def take(self, kind: str, *facts: object) -> None:
        if kind == "import":
            self.bring(*facts)  # type: ignore[arg-type]
        elif kind == "derive" and self.scenario == "base":
            self.scenario = "high"
            scenarios.derive(self.db, "high", "base")
        with contextlib.suppress(UserError):  # where there is no such row
            if kind == "set":
                column, cell, when = facts
                edits.set_cells(self.db, self.scenario, f"commodity.{column}", cell, year=when, message="test")  # type: ignore[arg-type]
            elif kind == "remove":
                name, when = facts
                where = f"commodity = '{name}'" + (f" AND year = {when}" if when else "")
                edits.remove_rows(self.db, self.scenario, "commodity", where=where, message="test")

    def cells(self) -> Cells:
        found = effective(self.db, "commodity", ("commodity", "year", "price", "voll"), self.scenario)
        return {(str(name), int(str(when))): tuple(cells) for name, when, *cells in found}


def expected(before: Cells, lines: list[Row], rule: str) -> Cells:
    """Return what the rule says; rows of one year come before rows of every year."""
    after = dict(before)
    named = {(name, when): (price, voll) for name, price, voll, when in lines}
    for name in {name for name, _ in named}:
        for when in YEARS:
            new = named.get((name, when), named.get((name, None)))
            old = before.get((name, when))
            if new is None or (rule == "keep" and old is not None):
                continue
            merged = tuple(o if n is None else n for n, o in zip(new, old, strict=True)) if old else new
            after[name, when] = merged if rule == "merge" else new
    return after


@settings(max_examples=100, deadline=None)
@given(steps=st.lists(step, max_size=4), lines=rows, rule=st.sampled_from(["replace", "keep", "merge"]))
def test_an_import_does_what_its_rule_says_and_only_once(
    tmp_path_factory: pytest.TempPathFactory, empty_store: Path, steps: list[tuple[object, ...]], lines: list[Row], rule: str
) -> None:
    study = Study(tmp_path_factory.mktemp("merge"), empty_store)
    for kind, *facts in steps:
        study.take(str(kind), *facts)
    before = study.cells()
    changed = study.bring(lines, "new", on_conflict=rule)
    after = study.cells()
    assert after == expected(before, lines, rule)
    assert changed or after == before
    assert not study.bring(lines, "new", on_conflict=rule)
    assert study.cells() == after
