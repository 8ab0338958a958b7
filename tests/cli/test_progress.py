"""The progress bar of an import: on a terminal, whatever the format; never in a pipe or beside JSON."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from dhsdb.errors import Problem
from dhsdb.importers.pipeline import run_import
from tests.cli.test_attribution import TOWN
from tests.importers.books import book
from tests.importers.test_topotherm import DOCUMENT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dhsdb.database import Database
    from dhsdb.importers.rows import Item, Request

if sys.platform != "win32":
    import pty


def command(tmp_path: Path, form: str, *more: str) -> list[str]:
    file = tmp_path / {"osm": "town.osm", "topotherm": "town.json", "excel": "town.xlsx"}[form]
    if form == "excel":
        book(file, site=[["site"], ["centre"]])
    else:
        file.write_text(TOWN if form == "osm" else DOCUMENT, encoding="utf-8")
    words = ["--store", str(tmp_path / "a.duckdb"), "import", form, str(file), "--scenario", "town", *more]
    return [sys.executable, "-m", "dhsdb", *words]


def on_a_terminal(words: list[str]) -> str:
    """Return what a command shows on a terminal."""
    ours, theirs = pty.openpty()
    shown: list[bytes] = []

    def read() -> None:
        with contextlib.suppress(OSError):  # the terminal is gone once the command has ended
            while chunk := os.read(ours, 4096):
                shown.append(chunk)

    reader = threading.Thread(target=read)
    reader.start()
    done = subprocess.run(
        words, stdin=theirs, stdout=theirs, stderr=theirs, env=os.environ | {"TERM": "xterm-256color"}, check=False
    )
    os.close(theirs)
    reader.join()
    os.close(ours)
    text = b"".join(shown).decode()
    assert done.returncode == 0, text
    return text


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such terminals")
@pytest.mark.parametrize("form", ["osm", "topotherm", "excel"])
def test_a_terminal_shows_a_bar(tmp_path: Path, form: str) -> None:
    text = on_a_terminal(command(tmp_path, form))
    assert "reading" in text  # the name of the file comes with the next refresh, if the import takes that long
    assert "━" in text
    assert "revision 2 sets" in text


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such terminals")
def test_json_shows_no_bar_even_on_a_terminal(tmp_path: Path) -> None:
    text = on_a_terminal(command(tmp_path, "osm", "--json"))
    assert json.loads(text)["revision"] == 2
    assert "reading" not in text


def test_a_pipe_shows_no_bar(tmp_path: Path) -> None:
    done = subprocess.run(command(tmp_path, "osm"), capture_output=True, text=True, encoding="utf-8", check=True)
    assert "reading" not in done.stdout + done.stderr
    assert "━" not in done.stderr


class Silent:
    """An importer that says nothing of how far it is."""

    name = "silent"
    reads = "nothing"
    attribution = ""

    def read(self, request: Request) -> Iterator[Item]:
        yield Problem("a remark", str(request.paths[0]), severity="info", code="remark")


def test_the_bar_begins_before_the_importer_of_any_format_does(db: Database, tmp_path: Path) -> None:
    said: list[tuple[int, int, str]] = []
    (tmp_path / "a.txt").write_text("x", encoding="utf-8")
    run_import(db, Silent(), tmp_path / "a.txt", scenario="base", progress=lambda *step: said.append(step))
    assert said[0] == (0, 0, "reading a.txt")
