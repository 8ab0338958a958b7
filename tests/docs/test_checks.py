"""The page of checks says what the rules say."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

from dhsdb.check import all_file_rules, codes
from dhsdb.schema.catalog import INPUT

SCRIPT = Path(__file__).parents[2] / "docs" / "make_checks.py"


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_checks", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date() -> None:
    made = script()
    assert made.FILE.read_text(encoding="utf-8") == made.text(), "run: python docs/make_checks.py"


def test_every_code_is_on_it() -> None:
    text = script().text()
    for code in codes():
        assert f"\n| {code} | " in text


def test_what_a_rule_needs_is_among_what_it_reads() -> None:
    for rule in all_file_rules():
        for need in rule.drivers:
            table, _, column = need.partition(".")
            assert table in rule.reads or (table, "series" in rule.reads) == ("profile", True)
            assert not column or column in INPUT[table].own()
