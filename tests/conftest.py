"""Fixtures of all tests: a fresh store, copied from one made once per session, and the folder of reference data."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from dhsdb.database import Database

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def _endless_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let tables be as wide as they are: workers of xdist say that their terminal has 80 columns."""
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store") / "empty.duckdb"
    Database(path).create()
    return path


@pytest.fixture
def db(empty_store: Path, tmp_path: Path) -> Database:
    path = tmp_path / "city.duckdb"
    shutil.copy(empty_store, path)
    return Database(path, wait_s=20)


@pytest.fixture(scope="session")
def reference_data() -> Path:
    folder = Path(os.environ.get("DHSDB_REFERENCE_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        if os.environ.get("CI"):
            pytest.fail(f"CI needs the reference data at {folder}")
        pytest.skip(f"no reference data at {folder}: set DHSDB_REFERENCE_DATA")
    return folder


@pytest.fixture(scope="session")
def demo_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store that `dhsdb demo` makes, once for all workers, in a process of its own as a user starts it; read only.

    ``$DHSDB_DEMO_STORE`` names one that was made before, for work on the tests themselves.
    """
    if given := os.environ.get("DHSDB_DEMO_STORE"):
        return Path(given)
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    folder = folder / "demo-store"
    folder.mkdir(exist_ok=True)
    path, log = folder / "helsinki.duckdb", folder / "said.json"
    with FileLock(folder / "making.lock"):
        if not log.exists():
            done = subprocess.run(
                [sys.executable, "-m", "dhsdb", "demo", "--store", str(path)],
                capture_output=True,
                text=True,
                check=False,
            )
            said = {"code": done.returncode, "out": done.stdout, "err": done.stderr}
            log.write_text(json.dumps(said), encoding="utf-8")
    said = json.loads(log.read_text(encoding="utf-8"))
    assert said["code"] == 0, said["out"] + said["err"]
    return path
