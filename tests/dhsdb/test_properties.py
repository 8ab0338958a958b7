"""Any sequence of edits gives the state of a plain model of the same rules, and a diff says just what tells two states apart.

The model below knows nothing of rows, ranges of revisions or SQL: a layer is what holds per key, year and cell.
"""

from __future__ import annotations

import copy
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, precondition, rule

from dhsdb import composition, edits, history, scenarios
from dhsdb.database import Database
from dhsdb.diff import compare
from dhsdb.errors import UserError
from dhsdb.importers.pipeline import run_import
from dhsdb.importers.rows import Rows
from dhsdb.names import find
from dhsdb.rebasing import rebase
from tests.dhsdb.study import HeldOpen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dhsdb.importers.rows import Request

CELLS = ("existing_mw", "cap_max", "capital")
KEYS = ("boiler", "pump", "chp")
YEARS = (2025, 2035, 2045)
NUMBERS = st.integers(1, 4).map(float)

Slot = int | None
State = dict[tuple[str, int], dict[str, float | None]]
"""Effective cells by key and year."""


# --- the plain model -------------------------------------------------------------------------------------------------
@dataclass
class Layer:
    """What a layer says: of a slot (a year, or None = every year) whether rows are there or gone, and their cells."""

    years: set[int] = field(default_factory=set)
    presence: dict[tuple[str, Slot], bool] = field(default_factory=dict)
    cells: dict[tuple[str, Slot, str], float | None] = field(default_factory=dict)

    def is_there(self, key: str, year: int) -> bool | None:
        for slot in (year, None):
            if (key, slot) in self.presence:
                return self.presence[key, slot]
        return None

    def add(self, key: str, cells: dict[str, float | None]) -> None:
        for told in (self.presence, self.cells):
            for at in [at for at in told if at[0] == key]:
                del told[at]  # type: ignore[arg-type]
        self.presence[key, None] = True
        self.cells |= {(key, None, c): cells.get(c) for c in CELLS}

    def set(self, key: str, slot: Slot, cell: str, value: float | None) -> None:
        if slot is None:
            for year in YEARS:
                self.cells.pop((key, year, cell), None)
        self.cells[key, slot, cell] = value

    def remove(self, key: str, slot: Slot) -> None:
        if slot is None:
            for year in YEARS:
                self.presence.pop((key, year), None)
        self.presence[key, slot] = False


@dataclass
class Scenario:
    """A scenario: the layers below with the revision at which each is read, its own layer, and its past."""

    below: list[tuple[str, int]] = field(default_factory=list)
    own: Layer = field(default_factory=Layer)
    past: dict[int, tuple[list[tuple[str, int]], Layer]] = field(default_factory=dict)

    def note(self, revision: int) -> None:
        self.past[revision] = (list(self.below), copy.deepcopy(self.own))

    def at(self, revision: int) -> tuple[list[tuple[str, int]], Layer]:
        return self.past[max(r for r in self.past if r <= revision)]


class Model:
    """All scenarios, and how a stack resolves: rank first, then the year of its own over every year."""

    def __init__(self) -> None:
        self.scenarios: dict[str, Scenario] = {}

    def layers(self, name: str, revision: int | None = None) -> list[Layer]:
        """The layers of a stack, top first."""
        one = self.scenarios[name]
        below, own = (one.below, one.own) if revision is None else one.at(revision)
        return [own, *(self.scenarios[layer].at(pin)[1] for layer, pin in reversed(below))]

    def years(self, name: str, revision: int | None = None) -> set[int]:
        return set().union(*(layer.years for layer in self.layers(name, revision)))

    def state(self, name: str, revision: int | None = None, years: set[int] | None = None) -> State:
        layers = self.layers(name, revision)
        found: State = {}
        for key in KEYS:
            for year in self.years(name, revision) if years is None else years:
                said = [t for layer in layers if (t := layer.is_there(key, year)) is not None]
                if said and said[0]:
                    found[key, year] = {c: self.cell(layers, key, year, c) for c in CELLS}
        return found

    @staticmethod
    def cell(layers: list[Layer], key: str, year: int, cell: str) -> float | None:
        for layer in layers:
            for slot in (year, None):
                if (key, slot, cell) in layer.cells:
                    return layer.cells[key, slot, cell]
        return None


# --- the store -------------------------------------------------------------------------------------------------------
class InHand:
    """An importer of rows at hand."""

    name = "in-hand"
    reads = "rows of a test"
    attribution = ""

    def __init__(self, table: str, rows: list[dict[str, Any]]) -> None:
        self.table, self.rows = table, rows
        self.file = Path(f"{rows}")  # a file of its own: what another one brought stays

    def read(self, _request: Request) -> Iterator[Rows]:
        yield Rows(self.table, pd.DataFrame(self.rows), self.file)


def state_of(db: Database, name: str, revision: int | None = None) -> State:
    with db.read() as con:
        at = revision or find(con, name).revision
        rows = con.execute(
            f"SELECT process, year, {', '.join(CELLS)} FROM input.process_at(?, ?)", [name, at]
        ).fetchall()
    assert len({row[:2] for row in rows}) == len(rows)
    return {(key, year): dict(zip(CELLS, cells, strict=True)) for key, year, *cells in rows}


_EMPTY: list[Path] = []


def empty() -> Path:
    if not _EMPTY:
        path = Path(tempfile.mkdtemp()) / "empty.duckdb"
        Database(path).create()
        _EMPTY.append(path)
    return _EMPTY[0]


class Machine(RuleBasedStateMachine):
    names = Bundle("names")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        path = self.folder / "city.duckdb"
        shutil.copy(empty(), path)
        self.db = HeldOpen(path)
        self.model = Model()
        self.touched = "s1"

    def teardown(self) -> None:
        try:
            for name, one in self.model.scenarios.items():
                assert state_of(self.db, name) == self.model.state(name)
                for revision in one.past:
                    assert state_of(self.db, name, revision) == self.model.state(name, revision)
        finally:
            self.db.close()
            shutil.rmtree(self.folder)

    # --- how scenarios come about -----------------------------------------------------------------------------------
    def create(self, name: str, below: list[tuple[str, int]], revision: int, years: set[int] | None = None) -> str:
        self.model.scenarios[name] = Scenario(below, Layer(years or set()))
        return self.noted(name, revision)

    def noted(self, name: str, revision: int) -> str:
        self.model.scenarios[name].note(revision)
        self.touched = name
        return name

    def pins(self, name: str) -> list[tuple[str, int]]:
        one = self.model.scenarios[name]
        return [*one.below, (name, max(one.past))]

    @property
    def fresh(self) -> str:
        return f"s{len(self.model.scenarios) + 1}"

    @initialize(target=names)
    def first(self) -> str:
        return self.create("s1", [], scenarios.new(self.db, "s1", [2025, 2035]).revision, {2025, 2035})

    @rule(target=names, base=names)
    @precondition(lambda self: len(self.model.scenarios) < 6)
    def derive(self, base: str) -> str:
        name = self.fresh
        return self.create(name, self.pins(base), scenarios.derive(self.db, name, base).revision)

    @rule(target=names, base=names, others=st.lists(names, min_size=1, max_size=2, unique=True), prefers=st.booleans())
    @precondition(lambda self: len(self.model.scenarios) < 6)
    def compose(self, base: str, others: list[str], *, prefers: bool) -> str:
        name, stack = self.fresh, self.pins(base)
        preferred = others[:1] if prefers else []
        added: dict[str, list[tuple[str, int]]] = {}
        for other in others:
            present = {layer for layer, _ in (*stack, *(e for part in added.values() for e in part))}
            added[other] = [entry for entry in self.pins(other) if entry[0] not in present]
        try:
            made = composition.compose(self.db, name, base, others, prefer=preferred)
        except UserError:
            assert not all(added.values())
            return base
        assert all(added.values())
        for other in [*(o for o in others if o not in preferred), *preferred]:
            stack += added[other]
        return self.create(name, stack, made.revision)

    # --- what changes them --------------------------------------------------------------------------------------------
    @rule(name=names, key=st.sampled_from(KEYS), cells=st.dictionaries(st.sampled_from(CELLS), NUMBERS, min_size=1))
    def add(self, name: str, key: str, cells: dict[str, float | None]) -> None:
        if any(k == key for k, _ in self.model.state(name)):
            return
        importer = InHand("process", [{"site": "centre", "process": key, **cells}])
        report = run_import(self.db, importer, [Path(__file__)], scenario=name, message="a test")
        if report.revision is None:
            return
        self.model.scenarios[name].own.add(key, cells)
        self.noted(name, report.revision)

    @rule(name=names, year=st.sampled_from(YEARS))
    def add_year(self, name: str, year: int) -> None:
        importer = InHand("model_year", [{"year": year}])
        report = run_import(self.db, importer, [Path(__file__)], scenario=name, on_conflict="keep", message="a test")
        assert (report.revision is None) == (year in self.model.years(name))
        if report.revision is not None:
            self.model.scenarios[name].own.years.add(year)
            self.noted(name, report.revision)

    @rule(
        name=names, key=st.sampled_from([*KEYS, None]), cell=st.sampled_from(CELLS), year=st.sampled_from([*YEARS, None]),
        value=st.one_of(NUMBERS, st.none(), st.sampled_from(["{} + 1", "{} * 2"])),
    )  # fmt: skip
    def set(self, name: str, key: str | None, cell: str, year: int | None, value: Any) -> None:
        state, own = self.model.state(name), self.model.scenarios[name].own
        chosen = {at: c for at, c in state.items() if key in (None, at[0]) and year in (None, at[1])}
        given = value.format(cell) if isinstance(value, str) else value
        where = f"process = '{key}'" if key else ""
        done = self.tried(lambda: edits.set_cells(
            self.db, name, f"process.{cell}", given, where=where, year=year, message="a test"
        ).revision)  # fmt: skip
        assert (done is None) == (not chosen)
        if done is None:
            return
        for k in {k for k, _ in chosen}:
            new = {y: computed(value, cells[cell]) for (n, y), cells in chosen.items() if n == k}
            if year is None and len(set(new.values())) == 1:
                own.set(k, None, cell, next(iter(new.values())))
            else:
                for y, v in new.items():
                    own.set(k, y, cell, v)
        self.noted(name, done)

    @rule(name=names, key=st.sampled_from(KEYS), year=st.sampled_from([*YEARS, None]))
    def remove(self, name: str, key: str, year: int | None) -> None:
        there = {y for k, y in self.model.state(name) if k == key}
        chosen = there if year is None else there & {year}
        where = f"process = '{key}'" + (f" AND year = {year}" if year else "")
        done = self.tried(lambda: edits.remove_rows(self.db, name, "process", where=where, message="a test").revision)
        assert (done is None) == (not chosen)
        if done is None:
            return
        for slot in [None] if chosen == there else sorted(chosen):
            self.model.scenarios[name].own.remove(key, slot)
        self.noted(name, done)

    @rule(name=names)
    def rebase(self, name: str) -> None:
        one = self.model.scenarios[name]
        old = max(one.past)
        (done,) = rebase(self.db, [name])
        if done.revision is None:
            assert all(self.model.layers(name)[-1 - i] == self.newest(layer) for i, (layer, _) in enumerate(one.below))
            return
        one.below = [(layer, max(self.model.scenarios[layer].past)) for layer, _ in one.below]
        self.noted(name, done.revision)
        years = self.model.years(name, old), self.model.years(name)
        before, after = (self.model.state(name, at, years[0] | years[1]) for at in (old, None))
        assert bool(done.changes) == (before != after or years[0] != years[1])

    def newest(self, layer: str) -> Layer:
        return self.model.scenarios[layer].own

    @rule(name=names, choose=st.integers(0, 1000))
    def revert(self, name: str, choose: int) -> None:
        one = self.model.scenarios[name]
        to = sorted(one.past)[choose % len(one.past)]
        done = self.tried(lambda: history.revert(self.db, name, str(to)).revision)
        if done is None:
            assert self.model.state(name) == self.model.state(name, to)
            return
        below, own = one.at(to)
        one.below, one.own = list(below), copy.deepcopy(own)
        self.noted(name, done)

    @staticmethod
    def tried(change: Callable[[], int]) -> int | None:
        try:
            return change()
        except UserError:
            return None

    # --- what holds after each step -----------------------------------------------------------------------------------
    @invariant()
    def the_state_is_that_of_the_model(self) -> None:
        if self.model.scenarios:
            assert state_of(self.db, self.touched) == self.model.state(self.touched)

    @rule(a=names, b=names)
    def diff_applied_to_one_gives_the_other(self, a: str, b: str) -> None:
        with self.db.read() as con:
            found = compare(con, a, b, results=False)
        years = self.model.years(a) | self.model.years(b)
        left, right = self.model.state(a, None, years), self.model.state(b, None, years)
        assert (not found.changes.table.num_rows) == (left == right and self.model.years(a) == self.model.years(b))
        assert applied(left, found.changes.rows(), years) == right
        assert a != b or not found


def computed(value: Any, old: float | None) -> float | None:
    if not isinstance(value, str):
        return value  # type: ignore[no-any-return]
    return None if old is None else old + 1 if "+" in value else old * 2


def applied(state: State, changes: list[dict[str, Any]], years: set[int]) -> State:
    """Apply the lines of a diff to a state, as a reader of the diff would."""
    result = copy.deepcopy(state)
    for line in (line for line in changes if line["table"] == "process"):
        key = line["keys"][1]
        for year in sorted(years) if line["year"] is None else [line["year"]]:
            if line["change"] == "removed":
                result.pop((key, year), None)
                continue
            if line["change"] == "added":
                result.setdefault((key, year), dict.fromkeys(CELLS))
            if line["column"] is not None:
                result[key, year][line["column"]] = None if line["new"] is None else float(line["new"])
    return result


Machine.TestCase.settings = settings(
    max_examples=25,
    stateful_step_count=25,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
test_any_sequence_of_changes = Machine.TestCase
