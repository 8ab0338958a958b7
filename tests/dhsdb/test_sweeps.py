"""Several scenarios in one command share a solver: each finds what it finds alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from dhsdb.models import method
from dhsdb.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from tests.dhsdb.conftest import Cli

PRICES = (20, 25, 30, 40)
WARM = "simplex from the basis of the solve before"


def cases(store: Store) -> list[str]:
    """Derive a scenario per gas price."""
    for price in PRICES:
        store.derive(f"gas-{price}", "base")
        store.set(f"gas-{price}", "commodity.price", float(price), where="commodity = 'gas'", message="gas price")
    return [f"gas-{price}" for price in PRICES]


def objectives(store: Store, stage: str) -> list[float]:
    rows = store.sql("SELECT objective FROM runs WHERE stage = ? ORDER BY scenario", [stage]).rows()
    return [r["objective"] for r in rows]


def test_the_scenarios_of_a_command_find_what_each_finds_alone(store: Store, small_store: Path, tmp_path: Path) -> None:
    names = cases(store)
    found = store.run(names)
    assert [(r.scenario, r.stage) for r in found] == [(n, s) for n in names for s in ("investment", "dispatch")]
    alone = Store(tmp_path / "alone.duckdb")
    alone.db.path.write_bytes(small_store.read_bytes())
    cases(alone)
    for name in names:
        alone.run(name)
    for stage in ("investment", "dispatch"):
        assert objectives(store, stage) == pytest.approx(objectives(alone, stage), rel=1e-9)
        assert len(set(objectives(store, stage))) == len(names)
    assert all(WARM in (r.message or "") for r in found[2:])
    assert not any(WARM in (r.message or "") for r in found[:2])
    told = alone.sql("SELECT message FROM runs").rows()
    assert not any(WARM in r["message"] for r in told)


def test_the_command_line_keeps_the_solver_from_scenario_to_scenario(store: Store, cli: Cli) -> None:
    names = cases(store)
    code, said, _ = cli(store.db, "run", "scenario", *names, "--stage", "investment", "--json")
    assert code == 0
    runs = json.loads(said)
    assert [WARM in r["message"] for r in runs] == [False, True, True, True]
    assert [r["asked"] for r in runs] == names
    code, said, _ = cli(
        store.db, "run", "scenario", *names, "--stage", "investment", "--force", "--jobs", "2", "--json"
    )
    assert code == 0
    again = json.loads(said)
    assert not any(WARM in r["message"] for r in again), "each process has a solver of its own"
    assert [r["objective"] for r in again] == pytest.approx([r["objective"] for r in runs], rel=1e-9)


@pytest.mark.skipif(not method.has_hipo(), reason="HiPO is not installed")
def test_a_run_says_that_an_interior_solution_is_less_exact_and_can_not_be_gone_on_from(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = store.run("base")
    monkeypatch.setattr(method, "LARGE", 10)
    monkeypatch.setattr(method, "HUGE", 10)
    found = store.run([*cases(store)[:1], "base"], force=True)
    told = "interior point HiPO without crossover: no basis, capacities and flows to about 1e-6"
    assert all(told in r.message for r in found)
    assert [r.objective for r in found[2:]] == pytest.approx([r.objective for r in exact], rel=1e-6)
