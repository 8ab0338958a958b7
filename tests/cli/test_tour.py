"""README's tour, typed in order on a copy of the demo's store: every command ends with 0 and prints what is shown."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)


def steps() -> list[tuple[str, list[str]]]:
    """Return each `$ dhsdb` command of the README with the lines shown below it."""
    found: list[tuple[str, list[str]]] = []
    for block in BLOCK.findall(README):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            elif line.strip():
                found[-1][1].append(line.strip())
    return [(command, shown) for command, shown in found if command.startswith("dhsdb ")]


def test_the_tour_shows_all_that_it_promises():
    commands = " ".join(command for command, _ in steps())
    for word in ("import", "derive", "run scenario", "sql", "diff"):
        assert f" {word} " in commands
    assert README.index("make demo") < README.index("make test") < README.index("pip install")


@pytest.fixture(scope="module")
def folder(demo_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that looks like the checkout after `make demo`."""
    here = tmp_path_factory.mktemp("checkout")
    (here / "demo").mkdir()
    shutil.copy(demo_store, here / "demo" / "helsinki.duckdb")
    shutil.copytree(ROOT / "examples", here / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    return here


def test_every_command_of_the_tour_runs_in_order(folder):
    assert len(steps()) >= 10
    plain = {k: v for k, v in os.environ.items() if not k.startswith("DHSDB_") and k != "COLUMNS"}
    for command, shown in steps():
        arguments = shlex.split(command)[1:]
        done = subprocess.run(
            [sys.executable, "-m", "dhsdb", *arguments],
            cwd=folder, env=plain | {"PYTHONUTF8": "1"}, capture_output=True, encoding="utf-8", check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"$ {command}\n{done.stdout}\n{done.stderr}"
        assert done.stdout.strip(), command
        for line in shown:
            assert line in done.stdout, f"$ {command}\ndoes not print: {line}\n{done.stdout}"


def test_files_and_columns_that_the_readme_names_exist():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("http") or (ROOT / target).is_file(), target


def test_the_python_example_is_valid():
    code = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    for block in code:
        compile(block, "README.md", "exec")


@pytest.mark.parametrize("page", ["store.md", "import.md", "formulation.md"])
def test_links_of_the_docs_lead_somewhere(page):
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert target.startswith("http") or (ROOT / "docs" / target).is_file(), target
