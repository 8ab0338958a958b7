"""The command line answers at once, because it loads little: modules are counted, not seconds."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {
    "duckdb", "pandas", "numpy", "pyarrow", "sqlalchemy", "sqlmodel", "pydantic", "geopandas", "shapely", "highspy",
    "pyomo", "scipy", "pymoo", "openpyxl", "osmium", "pint", "filelock", "psutil", "multiprocessing", "dhsdb.store",
}  # fmt: skip
MOST = 200
"""Python and typer load about 160; for the help of a command typer loads pydantic if it is there: about 275."""

PROGRAM = """
import contextlib, io, json, sys
from dhsdb.cli import run
with contextlib.redirect_stdout(io.StringIO()) as said:
    code = run(sys.argv[1:])
print(json.dumps({"code": code, "modules": sorted(sys.modules), "said": said.getvalue()}))
"""


def modules_of(command: str) -> set[str]:
    child = subprocess.run([sys.executable, "-c", PROGRAM, *command.split()], capture_output=True, check=True)
    found = json.loads(child.stdout)
    assert found["code"] == 0
    assert "dhsdb" in found["said"]
    return set(found["modules"])


@pytest.mark.parametrize("command", ["--help", "--version"])
def test_help_loads_few_modules(command: str) -> None:
    found = modules_of(command)
    assert not HEAVY & found
    assert len(found) < MOST


@pytest.mark.parametrize("command", ["run scenario --help", "scenario set --help", "import --help"])
def test_the_help_of_a_command_loads_no_more_of_ours(command: str) -> None:
    assert not (HEAVY - {"pydantic"}) & modules_of(command)


def test_importing_the_package_loads_nothing_heavy() -> None:
    child = subprocess.run(
        [sys.executable, "-c", "import dhsdb, json, sys; print(json.dumps(sorted(sys.modules)))"],
        capture_output=True,
        check=True,
    )
    assert not HEAVY & set(json.loads(child.stdout))


@pytest.mark.parametrize("module", ["dhsdb.store", "dhsdb.sandbox"])
def test_a_store_loads_what_a_call_needs(module: str) -> None:
    """Tables as classes, frames and arrays take most of the time of a short command."""
    program = f"import {module}, json, sys; print(json.dumps(sorted(sys.modules)))"
    child = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    loaded = set(json.loads(child.stdout))
    assert module in loaded
    assert not {"pandas", "numpy", "sqlalchemy", "pydantic", "pyarrow", "geopandas", "shapely"} & loaded
