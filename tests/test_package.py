"""The package as others get it: a wheel that works elsewhere, and nothing that only works on POSIX."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("dhsdb", "schema", "models", "importers", "examples")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of the checkout, built from a copy so that no build folder is left behind."""
    import shutil

    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in FOLDERS:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(target), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(target.glob("*.whl"))


def test_the_wheel_puts_only_dhsdb_on_the_path(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"dhsdb"}
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"dhsdb"}


def test_the_wheel_holds_every_file_of_the_packages(wheel):
    """SQL, migrations, the workbook of the example: package data that a test from the checkout would not miss."""
    held = {name.removeprefix("dhsdb/") for name in zipfile.ZipFile(wheel).namelist()}
    wanted = {
        path.relative_to(ROOT / ("dhsdb" if folder == "dhsdb" else "")).as_posix()
        for folder in FOLDERS
        for ending in ("*.py", "*.sql", "*.xlsx", "py.typed")
        for path in (ROOT / folder).rglob(ending)
    }
    assert any(name.endswith(".sql") for name in wanted)
    assert any("migrations/versions/" in name for name in wanted)
    assert wanted - held == set()


@pytest.fixture(scope="module")
def elsewhere(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of commands of a fresh environment that has the wheel, and borrows the packages it depends on."""
    folder = tmp_path_factory.mktemp("elsewhere") / "venv"
    venv.create(folder, with_pip=False, symlinks=os.name != "nt")
    scripts = folder / ("Scripts" if os.name == "nt" else "bin")
    paths = {"base": str(folder), "platbase": str(folder)}
    site = Path(sysconfig.get_path("purelib", "venv", vars=paths))
    command = [
        sys.executable, "-m", "pip", "--python", str(scripts / "python"), "install", "--no-deps", "--no-index",
        "--disable-pip-version-check", str(wheel),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    # A plain line adds a folder without reading the .pth files in it, so the editable install of the checkout stays out.
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return scripts


def test_an_installed_wheel_works_in_another_folder(elsewhere, tmp_path):
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("DHSDB_", "PYTHON"))}

    def start(*command: str) -> str:
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    dhsdb = str(elsewhere / "dhsdb")
    where = start(
        str(elsewhere / "python"), "-c", "import dhsdb, dhsdb.schema; print(dhsdb.__file__, dhsdb.schema.__file__)"
    )
    assert str(ROOT) not in where.replace(str(elsewhere.parent), "")
    assert "Usage" in start(dhsdb, "--help")
    assert json.loads(start(dhsdb, "init", "--json"))["state"] == "created"
    start(dhsdb, "scenario", "new", "base", "--years", "2030,2040", "-m", "a start")
    rows = json.loads(start(dhsdb, "sql", "SELECT scenario, years FROM scenarios", "--json"))
    assert rows == [{"scenario": "base", "years": [2030, 2040]}]
    start(dhsdb, "export", "excel", "template.xlsx", "--template")
    assert "nothing changes" in start(dhsdb, "import", "excel", "template.xlsx", "--scenario", "base")
    assert json.loads(start(dhsdb, "check", "--json")) == []


# --- nothing that only works on POSIX --------------------------------------------------------------------------------
ABSENT_MODULES = {"fcntl", "grp", "pwd", "resource", "termios", "tty", "pty", "syslog", "readline", "posix", "crypt"}
ABSENT_NAMES = {
    "os": {
        "fork",
        "forkpty",
        "getuid",
        "geteuid",
        "getgid",
        "setsid",
        "killpg",
        "mkfifo",
        "chown",
        "uname",
        "getloadavg",
        "WNOHANG",
    },
    "signal": {
        "SIGKILL",
        "SIGHUP",
        "SIGUSR1",
        "SIGUSR2",
        "SIGALRM",
        "SIGQUIT",
        "SIGCHLD",
        "alarm",
        "setitimer",
        "pause",
    },
    "time": {"tzset"},
}
MODULES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))


def posix_only(tree: ast.AST) -> list[str]:
    """Return what a module uses that Windows lacks, unless it says what to do without (``except ImportError``)."""
    found = []
    prepared = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.Try) and any("ImportError" in ast.dump(h.type) for h in node.handlers if h.type)
        for part in node.body
        for inner in ast.walk(part)
    }
    for node in ast.walk(tree):
        if node in prepared:
            continue
        if isinstance(node, ast.Import):
            found += [f"import {a.name}" for a in node.names if a.name.split(".")[0] in ABSENT_MODULES]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = ABSENT_NAMES.get(node.module, set())
            found += [f"from {node.module} import {a.name}" for a in node.names if a.name in names]
            found += [f"from {node.module}"] * (node.module.split(".")[0] in ABSENT_MODULES)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            found += [f"{node.value.id}.{node.attr}"] * (node.attr in ABSENT_NAMES.get(node.value.id, set()))
    return found


def test_the_search_finds_what_it_looks_for():
    code = "import fcntl\nimport os\nfrom signal import SIGKILL\ndef f():\n    return os.fork()\n"
    assert posix_only(ast.parse(code)) == ["import fcntl", "from signal import SIGKILL", "os.fork"]
    assert posix_only(ast.parse("try:\n    import resource\nexcept ImportError:\n    resource = None\n")) == []


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_no_module_needs_posix(path):
    assert posix_only(ast.parse(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_text_files_are_opened_with_an_encoding(path):
    """The default of Windows is not UTF-8."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ("read_text", "write_text")
        ):
            assert any(k.arg == "encoding" for k in node.keywords), f"line {node.lineno}"
