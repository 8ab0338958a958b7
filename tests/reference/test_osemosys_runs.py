"""OSeMOSYS's test cases through the whole way: import, run; objectives as GLPK and HiGHS found them for the official code."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from dhsdb.store import Store
from tests.reference.osemosys_lp import OsemosysProgram
from tests.reference.unique import cost_ranges

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.reference

CASES = {
    "utopia": "utopia/utopia.txt",
    "utopia_annual_co2": "utopia/variants/annual_co2.txt",
    "utopia_depmethod2": "utopia/variants/depmethod2.txt",
    "utopia_idv08": "utopia/variants/idv08.txt",
    "utopia_noflow_storage_invest": "utopia/variants/noflow_storage_invest.txt",
    "utopia_unit_mip": "utopia/variants/unit_mip.txt",
    "simplicity": "simplicity_csv",
    "super_simple": "super_simple/super_simple_model.txt",
    "pulp_test_case_dh": "pulp/Test_case_Input.xlsx",
}


@pytest.mark.parametrize("case", CASES)
def test_the_objective_is_that_of_osemosys(empty_store: Path, reference_data: Path, tmp_path: Path, case: str) -> None:
    folder = reference_data / "osemosys"
    expected = json.loads((folder / "reference" / case / "reference.json").read_text(encoding="utf-8"))
    path = tmp_path / "osemosys.duckdb"
    shutil.copy(empty_store, path)
    store = Store(path)
    store.import_("osemosys", folder / CASES[case], scenario=case)
    options = {"gap": 1e-9} if case == "utopia_unit_mip" else {}
    (run,) = store.run(case, ["investment"], options=options)
    assert run.status == "optimal"
    assert run.objective == pytest.approx(expected["objective"], rel=1e-9)
    total = store.sql("SELECT sum(discounted) AS cost FROM by_run.cost WHERE run = ?", [run.run]).rows()[0]["cost"]
    assert total == pytest.approx(expected["objective"], rel=1e-9)


GROUPS = {"capital": ("new", "new e"), "fixed": ("cap",), "variable": ("act",)}
"""Kinds of cost, and the columns of the plain program that bear them; activities bear emission prices, too."""


@pytest.mark.parametrize("case", [c for c in CASES if c != "utopia_unit_mip"])
def test_costs_by_kind_are_unique_and_those_of_a_plain_program(
    empty_store: Path, reference_data: Path, tmp_path: Path, case: str
) -> None:
    path = tmp_path / "osemosys.duckdb"
    shutil.copy(empty_store, path)
    store = Store(path)
    store.import_("osemosys", reference_data / "osemosys" / CASES[case], scenario=case)
    ranges = cost_ranges(store, case, {})
    (run,) = store.run(case, ["investment"])
    rows = store.sql("SELECT kind, sum(discounted) AS cost FROM by_run.cost WHERE run = ? GROUP BY kind", [run.run])
    ours = {row["kind"]: row["cost"] for row in rows.rows()}
    ours["variable"] = ours.get("variable", 0.0) + ours.pop("emission", 0.0)
    ranges["variable"] = tuple(
        a + b for a, b in zip(ranges["variable"], ranges.pop("emission", (0.0, 0.0)), strict=True)
    )
    program = OsemosysProgram(store, case)
    program.objective()
    theirs = program.p.costs()
    room = 1e-9 * run.objective
    for kind, (low, high) in ranges.items():
        assert high - low <= 1e-6 * max(abs(low), abs(high)) + room, "another optimum splits the costs otherwise"
        assert ours.get(kind, 0.0) == pytest.approx(sum(theirs.get(g, 0.0) for g in GROUPS[kind]), rel=1e-5, abs=room)


def test_osemosys_se_solves(empty_store: Path, reference_data: Path, tmp_path: Path) -> None:
    """Sweden over 46 years: the optimum of the plain program on the same tables."""
    path = tmp_path / "se.duckdb"
    shutil.copy(empty_store, path)
    store = Store(path)
    store.import_("osemosys", reference_data / "osemosys" / "osemosys_se_csv", scenario="se")
    (run,) = store.run("se", ["investment"])
    assert run.status == "optimal"
    assert run.objective == pytest.approx(OsemosysProgram(store, "se").objective(), rel=1e-7)


def test_kenya_is_imported_built_and_passed_within_its_bounds(reference_data: Path) -> None:
    """2.8 million nonzeros, in a process of its own: 15 CPU s and 1.5 GB from the file to the model in HiGHS."""
    found = subprocess.run(
        [sys.executable, "-c", KENYA, str(reference_data / "osemosys" / "kenya_wesm" / "data_wesm.txt")],
        capture_output=True,
        text=True,
        check=True,
    )
    cpu, peak, nonzeros = (float(part) for part in found.stdout.split())
    assert nonzeros > 2.7e6
    assert cpu < 15
    assert peak < 1500


KENYA = """
import resource, sys, tempfile, time
from pathlib import Path
from dhsdb.models.energy import EnergyModel
from dhsdb.models.investment import investment_steps, rules_of
from dhsdb.models.system import build_system
from dhsdb.runner import Order, inputs_of
from dhsdb.store import Store

with tempfile.TemporaryDirectory() as folder:
    store = Store(Path(folder) / "kenya.duckdb")
    store.import_("osemosys", sys.argv[1], scenario="kenya")
    inputs = inputs_of(store.db, Order("kenya", ("investment",)))
    model = EnergyModel(build_system(inputs, inputs.years, investment_steps(inputs)), None, rules_of(inputs)).model
    model.solver()
    status = Path("/proc/self/status")  # rusage counts the peak of the parent, too
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    if status.exists():
        peak = 1024 * int(status.read_text().split("VmHWM:")[1].split()[0])
    print(time.process_time(), peak / 1e6, model.arrays().matrix.nnz)
"""
