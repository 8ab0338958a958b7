from __future__ import annotations

import io

import pyarrow as pa
from rich.console import Console

from dhsdb.relation import Relation


def test_rows_come_as_frame_arrow_and_dictionaries() -> None:
    relation = Relation(pa.table({"name": ["a", "b"], "value": [1.5, None]}))
    assert relation.columns == ["name", "value"]
    assert len(relation) == 2
    assert relation.rows() == [{"name": "a", "value": 1.5}, {"name": "b", "value": None}]
    assert list(relation.df()["name"]) == ["a", "b"]
    assert relation.arrow().num_rows == 2
    assert repr(relation) == "<Relation of 2 rows: name, value>"


def test_many_rows_are_cut_on_the_screen() -> None:
    relation = Relation(pa.table({"[n]": list(range(60))}))
    console = Console(file=io.StringIO(), record=True)
    console.print(relation)
    text = console.export_text()
    assert "[n]" in text
    assert "10 more" in text
    assert "59" not in text
    assert "<table" in relation._repr_html_()
