"""Fixtures of all tests: a fresh store, copied from one made once per session, and the folder of reference data."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from dhsdb.database import Database

ROOT = Path(__file__).parent.parent


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
