"""The data dictionary says what the table classes say."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

from dhsdb.schema.catalog import ALL

SCRIPT = Path(__file__).parents[2] / "docs" / "make_dictionary.py"


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_dictionary", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_dictionary_is_up_to_date():
    made = script()
    held = made.FILE.read_text(encoding="utf-8")
    assert held == made.text(), "run: python docs/make_dictionary.py"


def test_every_table_and_column_is_in_it():
    text = script().text()
    for table in ALL:
        assert f"### {table.__table__.name}\n" in text
        own = table.own() if hasattr(table, "own") else table.meanings()
        for column in own:
            assert f"| {column} |" in text or f"| **{column}** |" in text
