"""Build urbs's single-year example and pass it to HiGHS: this package, Pyomo, and where installed PyPSA and oemof.solph.

Each case runs in a process of its own, so that its peak memory is its own; the cases take turns for some rounds, and the
shortest CPU time counts, without process start and imports. ``ours`` imports the workbook into a store beforehand and
reads the scenario from it, as a run does. ``pyomo`` is urbs's model written again in plain Pyomo with a rule per
constraint, demand response by pairs of steps [t, tt] as in urbs, handed over by ``appsi_highs``; its test holds it to the
optima of urbs. PyPSA and oemof.solph have neither demand response nor part load, nor oemof.solph ramps of capacities
that are sought. So all four also take the same *reduced* case, which is a layer on the example made with ``set`` and
``remove``: no response, constant efficiencies, no ramps, storages that end as they start. Before it counts anything, the
benchmark solves 168 h with every case and holds the optima to 1e-6 of each other.

    python benchmarks/investment.py [--rounds 3] [--full] [--python FILE] [--methods HOURS ...] [--limit SECONDS]

``--full`` builds the full year with the peers too (minutes, gigabytes). ``--python`` names the Python of another
environment that has PyPSA and oemof.solph. ``--methods`` solves windows of so many hours with each method of HiGHS
instead, which is how :mod:`dhsdb.models.method` was set.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("DHSDB_REFERENCE_DATA") or ROOT.parent / "shared" / "data")
BOOK = DATA / "urbs" / "single_year_example.xlsx"
YEAR, START, FULL, WARM_UP = 2024, 3500, 8760, 6
STORE = "DHSDB_BENCHMARK_STORE"
PEERS = {"pyomo": "pyomo", "pypsa": "pypsa", "oemof.solph": "oemof.solph"}
BOUND_S, BOUND_MB = 3.0, 1000.0
"""What the full year may take of CPU time and memory, from the scenario read to the model in HiGHS."""
METHODS = {
    "simplex": {"method": "simplex"},
    "IPX, crossover": {"method": "ipx"},
    "HiPO, crossover": {"method": "hipo"},
    "HiPO alone": {"method": "hipo", "run_crossover": "off"},
}


# --- one case, in its own process -------------------------------------------------------------------------------------
def window(hours: int) -> tuple[int, int]:
    """Return the first step minus one, and the number of steps."""
    return (0, FULL) if hours == FULL else (START if START + hours <= FULL else 0, hours)


def ours(hours: int, reduced: bool, solve: dict[str, Any] | None) -> dict[str, Any]:  # noqa: FBT001
    """Read the scenario, build its system and model, assemble and pass it."""
    from dhsdb.models.energy import EnergyModel
    from dhsdb.models.investment import investment_steps, rules_of
    from dhsdb.models.system import build_system
    from dhsdb.runner import Order, inputs_of
    from dhsdb.store import Store

    options = () if hours == FULL else (("hours", "{}:{}".format(*window(hours))),)
    clock = Clock()
    order = Order("reduced" if reduced else "example", ("investment",), options=options)
    inputs = inputs_of(Store(os.environ[STORE]).db, order)
    clock.lap("read")
    system = build_system(inputs, inputs.years, investment_steps(inputs))
    model = EnergyModel(system, None, rules_of(inputs)).model
    clock.lap("build")
    solver = model.solver(**(solve or {}))
    clock.lap("pass")
    facts = {"rows": model.n_rows, "columns": model.n_columns, "nonzeros": int(model.arrays().matrix.nnz)}
    found = clock.laps | facts | {"peak_mb": peak_mb()}
    if solve is not None:
        began = time.process_time()
        solution = solver.solve()
        spent = {"solve": time.process_time() - began, "status": solution.message, "solved_mb": peak_mb()}
        found |= {"objective": solution.objective, "iterations": solution.iterations} | spent
    return found


def pyomo(hours: int, reduced: bool, solve: dict[str, Any] | None) -> dict[str, Any]:  # noqa: FBT001
    """Build urbs's model with rules and hand it to HiGHS without a file."""
    from pyomo.contrib.appsi.solvers import Highs

    from tests.reference.urbs_pyomo import Urbs

    books = workbooks(reduced=reduced)
    clock = Clock()
    urbs = Urbs(books, *window(hours), cyclic=reduced)
    clock.lap("build")
    solver = Highs()
    solver.set_instance(urbs.model)
    clock.lap("pass")
    lp = solver._solver_model.getLp()  # noqa: SLF001  Pyomo does not tell
    found = clock.laps | {"rows": lp.num_row_, "columns": lp.num_col_, "nonzeros": len(lp.a_matrix_.value_)}
    found |= {"peak_mb": peak_mb()}
    if solve is not None:
        found["objective"] = float(solver.solve(urbs.model).best_feasible_objective)
    return found


def pypsa(hours: int, reduced: bool, solve: dict[str, Any] | None) -> dict[str, Any]:  # noqa: FBT001
    """Build the reduced case with PyPSA and linopy, and pass it without a file."""
    from peers import energy_pypsa

    assert reduced
    books = workbooks(reduced=True)
    clock = Clock()
    network = energy_pypsa.network(books[0], *window(hours))
    clock.lap("read")
    model = energy_pypsa.model(network, books[0])
    clock.lap("build")
    highs = model.to_highspy()
    clock.lap("pass")
    return measured(clock, highs, solve)


def oemof(hours: int, reduced: bool, solve: dict[str, Any] | None) -> dict[str, Any]:  # noqa: FBT001
    """Build the reduced case with oemof.solph, and pass it without a file."""
    from peers import energy_oemof
    from pyomo.contrib.appsi.solvers import Highs

    assert reduced
    books = workbooks(reduced=True)
    clock = Clock()
    system = energy_oemof.system(books[0], *window(hours))
    clock.lap("read")
    model = energy_oemof.model(system, books[0])
    clock.lap("build")
    solver = Highs()
    solver.set_instance(model)
    clock.lap("pass")
    found = measured(clock, solver._solver_model, None)  # noqa: SLF001
    if solve is not None:
        found["objective"] = float(solver.solve(model).best_feasible_objective)
    return found


CASES: dict[str, Callable[[int, bool, dict[str, Any] | None], dict[str, Any]]] = {
    "ours": ours, "pyomo": pyomo, "pypsa": pypsa, "oemof.solph": oemof,
}  # fmt: skip


class Clock:
    """CPU seconds by lap."""

    def __init__(self) -> None:
        self.laps: dict[str, Any] = {}
        self._last = time.process_time()

    def lap(self, name: str) -> None:
        now = time.process_time()
        self.laps[name], self._last = now - self._last, now


def measured(clock: Clock, highs: Any, solve: dict[str, Any] | None) -> dict[str, Any]:
    lp = highs.getLp()
    found = clock.laps | {"rows": lp.num_row_, "columns": lp.num_col_, "nonzeros": len(lp.a_matrix_.value_)}
    found |= {"peak_mb": peak_mb()}
    if solve is not None:
        highs.setOptionValue("output_flag", False)  # noqa: FBT003  positional only
        highs.run()
        found["objective"] = highs.getInfo().objective_function_value
    return found


def workbooks(*, reduced: bool) -> list[Any]:
    """Return the example as its workbook says it, or the reduced case of it."""
    from tests.reference.urbs_pyomo import read

    books = read(BOOK, YEAR)
    for book in books if reduced else ():
        book.response.clear()
        for flows in book.ratio.values():
            for row in flows.values():
                row["ratio-min"] = float("nan")
        for row in book.process.values():
            row |= {"max-grad": float("inf"), "min-fraction": 0.0}
        for row in book.storage.values():
            row["init"] = float("nan")
    return books


def peak_mb() -> float:
    """Return the largest resident memory that this process has had; Linux's rusage counts that of the parent, too."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(text for text in status.read_text().splitlines() if text.startswith("VmHWM"))
        return int(line.split()[1]) / 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


# --- all cases --------------------------------------------------------------------------------------------------------
def make_store(path: Path) -> None:
    """Import the example, and derive the reduced case from it as a layer."""
    from dhsdb.store import Store

    store = Store(path)
    store.import_("urbs", BOOK, scenario="example", year=YEAR)
    store.derive("reduced", "example")
    store.remove("reduced", "demand_response", where="TRUE", message="no demand response")
    for cell in ("process_flow.ratio_min", "process_emission.t_per_mwh_min", "process.ramp", "process.min_load"):
        store.set("reduced", cell, None, message="constant efficiency, no ramps")
    store.set("reduced", "storage.init", None, message="a cycle")
    store.set("reduced", "storage.end_rule", "cyclic", message="a cycle")


def apart(python: str, case: str, hours: int, *, reduced: bool, solve: dict[str, Any] | None = None) -> dict[str, Any]:
    """Run a case in a process of its own."""
    command = [python, __file__, "--case", case, "--hours", str(hours), "--solve", json.dumps(solve)]
    env = os.environ | {
        "PYTHONWARNINGS": "ignore",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(Path(__file__).parent)]),
    }
    done = subprocess.run(  # noqa: S603
        [*command, "--reduced"] if reduced else command, capture_output=True, text=True, check=False, env=env
    )
    if done.returncode:
        raise SystemExit(f"{case}, {hours} h: {done.stderr.strip()[-2000:]}")
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def best_of(rounds: int, runs: list[tuple[str, str, int, bool]]) -> dict[tuple[str, int, bool], dict[str, Any]]:
    """Return the round with the least CPU time of each case; the cases take turns."""
    found: dict[tuple[str, int, bool], dict[str, Any]] = {}
    for _ in range(rounds):
        for python, case, hours, reduced in runs:
            now = apart(python, case, hours, reduced=reduced)
            now["cpu"] = (
                now["build"] + now["pass"] + (now.get("read", 0.0) if case in ("pypsa", "oemof.solph") else 0.0)
            )
            best = found.setdefault((case, hours, reduced), now)
            if now["cpu"] < best["cpu"]:
                found[case, hours, reduced] = now
    return found


def check_optima(pythons: dict[str, str]) -> None:
    """Hold the optima of 168 h to each other."""
    for reduced in (False, True):
        cases = ["ours", *(c for c in pythons if reduced or c == "pyomo")]
        found = {
            c: apart(pythons.get(c, sys.executable), c, 168, reduced=reduced, solve={})["objective"] for c in cases
        }
        off = max(abs(value / found["ours"] - 1) for value in found.values())
        print(f"{'reduced' if reduced else 'whole'} example, 168 h: {len(found)} optima agree to {off:.0e}", found)
        assert off < 1e-6


def report(found: dict[tuple[str, int, bool], dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    for reduced in (False, True):
        title = f"{'reduced' if reduced else 'whole'} example: CPU s, built and passed to HiGHS"
        names = (
            "hours",
            "case",
            "read",
            "build",
            "pass",
            "together",
            "x",
            "peak MB",
            "x",
            "rows",
            "columns",
            "nonzeros",
        )
        table = Table(*names, title=title, title_justify="left")
        for (case, hours, is_reduced), r in sorted(found.items(), key=lambda item: item[0][1]):
            if is_reduced == reduced:
                base = found["ours", hours, reduced]
                ratios = f"{r['cpu'] / base['cpu']:.1f}", f"{r['peak_mb'] / base['peak_mb']:.1f}"
                table.add_row(
                    f"{hours:,}", case, f"{r.get('read', 0.0):.2f}", f"{r['build']:.2f}", f"{r['pass']:.2f}",
                    f"{r['cpu']:.2f}", ratios[0], f"{r['peak_mb']:,.0f}", ratios[1], f"{r['rows']:,}", f"{r['columns']:,}",
                    f"{r['nonzeros']:,}",
                )  # fmt: skip
        Console(width=140).print(table)
    year = found["ours", FULL, False]
    kept = year["cpu"] <= BOUND_S and year["peak_mb"] <= BOUND_MB
    print(
        f"full year: {year['cpu']:.2f} CPU s of {BOUND_S:g}, {year['peak_mb']:.0f} MB of {BOUND_MB:g}: {'kept' if kept else 'NOT KEPT'}"
    )


def methods(hours: list[int], limit: float) -> None:
    """Solve windows with each method."""
    for count in hours:
        for name, options in METHODS.items():
            r = apart(sys.executable, "ours", count, reduced=False, solve=options | {"time_limit": limit})
            print(
                f"{count:>5} h, {r['nonzeros']:>9,} nonzeros, {name:16} {r['solve']:8.1f} CPU s, {r['iterations']:>7,} iterations,"
                f" {r['solved_mb']:,.0f} MB, objective {r['objective']:.9g}, {r['status']}",
                flush=True,
            )  # fmt: skip


def peer_pythons(other: str | None) -> dict[str, str]:
    """Return the Python of each peer that is installed, here or in another environment."""
    found = {}
    for case, package in PEERS.items():
        if importlib.util.find_spec(package.partition(".")[0]) is not None:
            found[case] = sys.executable
        elif other:
            looked = subprocess.run([other, "-c", f"import {package}"], capture_output=True, check=False)  # noqa: S603
            if not looked.returncode:
                found[case] = other
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--full", action="store_true", help="the full year with the peers too")
    parser.add_argument("--python", help="Python of an environment with PyPSA and oemof.solph")
    parser.add_argument("--methods", type=int, nargs="+", metavar="HOURS", help="solve with each method instead")
    parser.add_argument("--limit", type=float, default=1500.0, help="seconds for a solve")
    for name in ("--case", "--solve"):
        parser.add_argument(name, help=argparse.SUPPRESS)
    parser.add_argument("--hours", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--reduced", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.case:
        CASES[given.case](WARM_UP, given.reduced, None)  # packages import more when they are first used
        print(json.dumps(CASES[given.case](given.hours, given.reduced, json.loads(given.solve))))
        return
    if not BOOK.exists():
        print(f"no reference data at {BOOK}: set DHSDB_REFERENCE_DATA")
        return
    with tempfile.TemporaryDirectory() as folder:
        os.environ[STORE] = str(Path(folder) / "urbs.duckdb")
        make_store(Path(os.environ[STORE]))
        if given.methods:
            methods(given.methods, given.limit)
            return
        pythons = peer_pythons(given.python)
        check_optima(pythons)
        runs = [(sys.executable, "ours", hours, reduced) for hours in (168, 672, FULL) for reduced in (False, True)]
        sizes = (168, 672, FULL) if given.full else (168, 672)
        for case, python in pythons.items():
            runs += [
                (python, case, hours, reduced)
                for hours in sizes
                for reduced in ((False, True) if case == "pyomo" else (True,))
            ]
        report(best_of(given.rounds, runs))


if __name__ == "__main__":
    main()
