"""A small study that is solved in a moment, made once per session, and the command line as a function."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from dhsdb.cli import run
from dhsdb.database import Database
from dhsdb.store import Store
from tests.dhsdb.study import add, build

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="session")
def small_store(empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("small") / "small.duckdb"
    shutil.copy(empty_store, path)
    db = Database(path)
    build(db, years=[2025])
    add(db, "base", "model_option", {"option": "hours", "value": "0:24"})
    return path


@pytest.fixture
def store(small_store: Path, tmp_path: Path) -> Store:
    path = tmp_path / "city.duckdb"
    shutil.copy(small_store, path)
    return Store(path, wait_s=20)


@pytest.fixture(scope="session")
def solved_store(small_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("solved") / "solved.duckdb"
    shutil.copy(small_store, path)
    Store(path).run("base")
    return path


@pytest.fixture
def solved(solved_store: Path, tmp_path: Path) -> Store:
    """The small study with its investment solved as run 1 and its dispatch as run 2."""
    path = tmp_path / "solved.duckdb"
    shutil.copy(solved_store, path)
    return Store(path, wait_s=20)


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str]) -> Cli:
    def call(db: Database, *arguments: str) -> tuple[int, str, str]:
        code = run(["--store", str(db.path), *arguments])
        said = capfd.readouterr()
        return code, said.out, said.err

    return call
