"""Compositions: layers of equal standing and what they disagree about, who is preferred, and grids of scenarios."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from dhsdb.errors import UnknownNameError, UserError
from tests.dhsdb.study import add

if TYPE_CHECKING:
    from dhsdb.composition import Composed
    from dhsdb.store import Store
    from tests.dhsdb.conftest import Cli


@pytest.fixture
def city(store: Store) -> Store:
    """The base, and five scenarios that set one or two cells each."""
    for name, cells in (
        ("high-gas", {"commodity.price": 60.0}),
        ("low-gas", {"commodity.price": 20.0}),
        ("warm", {"demand.mwh": 90000.0}),
        ("cheap", {"process.capital": 1.0, "process.life": 30.0}),
        ("durable", {"process.life": 50.0}),
    ):
        store.derive(name, "base")
        for cell, value in cells.items():
            where = "commodity = 'gas'" if cell == "commodity.price" else ""
            store.set(name, cell, value, where=where, message="a test")
    return store


def cell(store: Store, scenario: str, table: str, column: str, where: str = "TRUE") -> Any:
    rows = store.sql(f"SELECT {column} FROM input.{table} WHERE scenario = ? AND {where}", [scenario]).rows()
    assert len(rows) == 1
    return rows[0][column]


def said(made: Composed) -> list[tuple[Any, ...]]:
    return [(c.table, c.key, c.year, c.column, c.lower, c.lower_value, c.upper, c.upper_value) for c in made.conflicts]


# --- conflicts -------------------------------------------------------------------------------------------------------
def test_layers_that_set_other_cells_of_a_row_compose_without_a_conflict(city: Store) -> None:
    made = city.compose("both", "base", ["high-gas", "durable"])
    assert made.conflicts == ()
    assert cell(city, "both", "process", "life") == 50.0


def test_a_cell_that_equals_set_differently_is_listed_and_the_last_wins(city: Store) -> None:
    made = city.compose("both", "base", ["cheap", "durable"])
    assert said(made) == [("process", "centre / boiler", None, "life", "cheap", "30.0", "durable", "50.0")]
    assert cell(city, "both", "process", "life") == 50.0
    assert cell(city, "both", "process", "capital") == 1.0
    assert "'cheap' sets 30.0, 'durable' sets 50.0" in str(made.conflicts[0])


def test_the_preferred_layer_decides(city: Store) -> None:
    made = city.compose("both", "base", ["cheap", "durable"], prefer=["cheap"])
    assert made.conflicts == ()
    assert cell(city, "both", "process", "life") == 30.0
    assert not [f for f in city.check("both") if f.code == "layers-disagree"]


def test_of_several_preferred_layers_the_first_is_the_strongest(city: Store) -> None:
    city.derive("middling", "base")
    city.set("middling", "process.life", 40.0, message="a test")
    made = city.compose("three", "base", ["cheap", "durable", "middling"], prefer=["middling", "cheap"])
    assert cell(city, "three", "process", "life") == 40.0
    assert made.conflicts == ()
    order = city.sql("SELECT stack FROM scenarios WHERE scenario = 'three'").rows()[0]["stack"]
    assert [name.split("@")[0] for name in order] == ["three", "middling", "cheap", "durable", "base"]


def test_equal_values_are_no_conflict(city: Store) -> None:
    city.derive("same", "base")
    city.set("same", "process.life", 50.0, message="a test")
    assert city.compose("both", "base", ["durable", "same"]).conflicts == ()


def test_a_conflict_of_one_year_names_the_year(city: Store) -> None:
    add(city.db, "base", "model_year", {"year": 2035})
    for name, value in (("left", 1.0), ("right", 2.0)):
        city.derive(name, "base")
        city.set(name, "process.capital", value, year=2035, message="a test")
    made = city.compose("both", "base", ["left", "right"])
    assert said(made) == [("process", "centre / boiler", 2035, "capital", "left", "1.0", "right", "2.0")]


def test_a_row_that_one_removes_and_the_other_sets_is_a_conflict(city: Store) -> None:
    city.derive("without", "base")
    city.remove("without", "process", where="process = 'boiler'", message="a test")
    made = city.compose("both", "base", ["durable", "without"])
    assert said(made) == [("process", "centre / boiler", None, "", "durable", "a row", "without", "no row")]


def test_layers_of_one_scenario_are_ranked_and_do_not_disagree(city: Store) -> None:
    city.derive("more-durable", "durable")
    city.set("more-durable", "process.life", 80.0, message="a test")
    made = city.compose("both", "base", ["more-durable", "high-gas"])
    assert made.conflicts == ()
    assert cell(city, "both", "process", "life") == 80.0
    made = city.compose("three", "base", ["cheap", "more-durable"])
    assert said(made) == [("process", "centre / boiler", None, "life", "cheap", "30.0", "more-durable", "80.0")]


def test_the_own_layer_settles_a_conflict(city: Store) -> None:
    city.compose("both", "base", ["cheap", "durable"])
    assert [f.code for f in city.check("both") if f.code == "layers-disagree"] == ["layers-disagree"]
    city.set("both", "process.life", 45.0, message="a test")
    assert not [f for f in city.check("both") if f.code == "layers-disagree"]


def test_preferring_what_is_not_composed_is_refused(city: Store) -> None:
    with pytest.raises(UnknownNameError, match="cheep"):
        city.compose("both", "base", ["cheap", "durable"], prefer=["cheep"])
    assert not city.sql("SELECT * FROM scenarios WHERE scenario = 'both'").rows()


def test_layers_of_different_money_are_refused(city: Store) -> None:
    for name, currency in (("cheap", "EUR"), ("durable", "SEK")):
        for option, value in (("currency", currency), ("price_year", "2020")):
            add(city.db, name, "model_option", {"option": option, "value": value})
    with pytest.raises(UserError, match=r"'cheap' is in EUR of 2020, 'durable' is in SEK of 2020"):
        city.compose("both", "base", ["cheap", "durable"])


def test_the_command_line_lists_conflicts_and_prefers(city: Store, cli: Cli) -> None:
    options = ["--from", "base", "--with", "cheap", "--with", "durable"]
    code, out, _ = cli(city.db, "scenario", "compose", "both", *options)
    assert code == 0
    assert "cheap: 30.0" in out
    assert "durable: 50.0" in out
    code, out, _ = cli(city.db, "scenario", "compose", "other", *options, "--prefer", "cheap", "--json")
    assert json.loads(out)["conflicts"] == []
    code, _, why = cli(city.db, "scenario", "compose", "third", *options, "--prefer", "cheep")
    assert code == 2
    assert "Did you mean 'cheap'?" in why


# --- grids -----------------------------------------------------------------------------------------------------------
def test_a_2_2_3_study_is_one_command_and_holds_each_difference_once(city: Store, cli: Cli) -> None:
    before = city.sql("SELECT count(*) AS n FROM layer.process").rows()
    axes = ["--axis", "base,warm", "--axis", "base,durable", "--axis", "base,low-gas,high-gas"]
    code, out, _ = cli(city.db, "scenario", "grid", "--from", "base", *axes, "-m", "the study", "--json")
    assert code == 0
    assert [one["scenario"] for one in json.loads(out)] == [
        "durable+low-gas", "durable+high-gas", "warm+low-gas", "warm+high-gas", "warm+durable", "warm+durable+low-gas",
        "warm+durable+high-gas",
    ]  # fmt: skip
    assert city.sql("SELECT count(*) AS n FROM layer.process").rows() == before
    assert cell(city, "warm+durable+high-gas", "demand", "mwh") == 90000.0
    assert cell(city, "warm+durable+high-gas", "process", "life") == 50.0
    assert cell(city, "warm+durable+high-gas", "commodity", "price", "commodity = 'gas'") == 60.0
    city.set("durable", "process.life", 55.0, message="a test")
    city.rebase()
    assert cell(city, "warm+durable+low-gas", "process", "life") == 55.0


def test_a_grid_of_named_scenarios_makes_every_combination(city: Store) -> None:
    made = city.grid("base", [["low-gas", "high-gas"], ["cheap", "durable"]], pattern="{} and {}")
    assert [m.name for m in made] == [
        "low-gas and cheap", "low-gas and durable", "high-gas and cheap", "high-gas and durable"
    ]  # fmt: skip


def test_a_grid_grows_by_what_is_new(city: Store) -> None:
    city.grid("base", [["low-gas"], ["cheap", "durable"]])
    made = city.grid("base", [["low-gas", "high-gas"], ["cheap", "durable"]])
    assert [m.is_new for m in made] == [False, False, True, True]
    city.derive("cheap+warm", "base")
    with pytest.raises(UserError, match="exists already, and is not composed of base, cheap, warm"):
        city.grid("base", [["cheap"], ["warm"]])


@pytest.mark.parametrize(
    ("axes", "pattern", "why"),
    [
        ([["cheap"]], "", "at least two axes"),
        ([["cheap", "cheap"], ["warm"]], "", "twice"),
        ([["cheap", ""], ["warm"]], "", "or none"),
        ([["cheap"], ["cheap"]], "", "several axes"),
        ([["cheap"], ["warm"]], "{}", "once for each"),
        ([["cheap"], ["warm"]], "{0}{}{}", "once for each"),
        ([["cheap"], ["wram"]], "", "unknown scenario 'wram'"),
    ],
)
def test_a_grid_that_can_not_be_made_makes_nothing(city: Store, axes: list[list[str]], pattern: str, why: str) -> None:
    before = city.sql("SELECT scenario FROM scenarios ORDER BY 1").rows()
    with pytest.raises(UserError, match=why):
        city.grid("base", axes, pattern)
    assert city.sql("SELECT scenario FROM scenarios ORDER BY 1").rows() == before


def test_a_grid_lists_what_its_layers_disagree_about(city: Store, cli: Cli) -> None:
    axes = ["--axis", "base,cheap", "--axis", "base,durable"]
    code, out, _ = cli(city.db, "scenario", "grid", "--from", "base", *axes)
    assert code == 0
    assert "durable: 50.0" in out
    assert city.grid("base", [["base", "cheap"], ["base", "durable"]], "{} {}", prefer=["cheap"])[0].conflicts == ()
