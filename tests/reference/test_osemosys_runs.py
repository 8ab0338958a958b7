"""OSeMOSYS's test cases through the whole way: import, run; objectives as GLPK and HiGHS found them for the official code."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from dhsdb.store import Store

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
