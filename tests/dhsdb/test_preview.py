"""A dry run is a diff, and so is a scenario against a file that is not imported yet."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely

from dhsdb import edits, scenarios
from dhsdb.errors import UnknownNameError, UserError
from dhsdb.importers.rows import Series
from dhsdb.store import Store
from tests.dhsdb.study import add, boiler_run, build
from tests.importers.books import book, bring, table

if TYPE_CHECKING:
    from pathlib import Path

    from dhsdb.database import Database
    from dhsdb.diff import Diff
    from tests.dhsdb.conftest import Cli


@pytest.fixture
def city(db: Database) -> Database:
    build(db)
    return db


@pytest.fixture
def plants(tmp_path: Path) -> Path:
    """Gas at 36 instead of 35, and a heat pump."""
    return book(
        tmp_path / "plants.xlsx",
        commodity=[["site", "commodity", "bought", "price"], ["centre", "gas", True, 36]],
        process=[["site", "process", "cap_max", "capital"], ["centre", "heat pump", 20, 700000]],
    )


def lines(found: Diff) -> list[tuple[object, ...]]:
    names = ("table", "key", "column", "change", "old", "new")
    return [tuple(row[n] for n in names) for row in found.changes.rows()]


PLANTS = [
    ("commodity", "centre / gas", "price", "changed", "35.0", "36.0"),
    ("process", "centre / heat pump", "cap_max", "added", None, "20.0"),
    ("process", "centre / heat pump", "capital", "added", None, "700000.0"),
]


def state(db: Database) -> list[object]:
    return [
        db.sql(f"SELECT * FROM meta.{t} ORDER BY ALL").to_pylist() for t in ("revision", "scenario", "stack", "source")
    ]


# --- the value -------------------------------------------------------------------------------------------------------
def test_a_dry_run_is_the_diff_that_the_import_then_makes(city: Database, plants: Path) -> None:
    before = state(city)
    store = Store(city.path)
    report = store.import_("excel", plants, scenario="base", dry_run=True)
    assert report.diff
    assert lines(report.diff) == PLANTS
    assert report.diff.headline == "inputs: 1 cell changed, 1 row added in 2 tables"
    assert state(city) == before
    at = store.scenario("base").revision
    assert store.import_("excel", plants, scenario="base").diff is None
    assert lines(store.diff(f"base@{at}", "base")) == PLANTS
    again = store.import_("excel", plants, scenario="base", dry_run=True).diff
    assert again is not None
    assert not again


def test_a_scenario_is_compared_with_a_file(city: Database, plants: Path) -> None:
    before = state(city)
    store = Store(city.path)
    found = store.diff("base", plants)
    assert lines(found) == lines(store.diff("base", str(plants), results=False)) == PLANTS
    assert (found.a.partition("@")[0], found.b) == ("base", f"base with {plants}")
    assert lines(store.diff("base", plants, tables=["commodity"])) == PLANTS[:1]
    year = store.diff("base", plants, format="excel", year=2035, tables=["commodity"]).changes.rows()
    assert [(row["year"], row["new"]) for row in year] == [(2035, "36.0")]
    assert state(city) == before


def test_the_file_may_stand_in_a_folder(city: Database, plants: Path) -> None:
    assert lines(Store(city.path).diff("base", plants.parent, format="excel", tables=["process"])) == PLANTS[1:]


def test_a_new_scenario_is_compared_with_nothing(city: Database, plants: Path) -> None:
    report = Store(city.path).import_("excel", plants, scenario="fresh", dry_run=True)
    assert report.diff
    assert report.diff.a == "nothing ('fresh' is new)"
    assert {row["change"] for row in report.diff.changes.rows()} == {"added"}
    assert len(report.diff.changes) == 4
    with pytest.raises(UnknownNameError, match="unknown scenario 'fresh'"):
        Store(city.path).diff("fresh", plants)


def test_what_is_neither_is_named_with_what_it_may_mean(
    city: Database, plants: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(plants.parent)
    store = Store(city.path)
    with pytest.raises(
        UnknownNameError, match=r"unknown scenario, run or file 'plant\.xlsx'\nDid you mean 'plants.xlsx'"
    ):
        store.diff("base", "plant.xlsx")
    with pytest.raises(UnknownNameError, match="Did you mean 'base'"):
        store.diff("base", "bsae")
    with pytest.raises(UnknownNameError, match="unknown run '77'"):
        store.diff("base", "77")
    scenarios.derive(city, "gone", "base")
    scenarios.delete(city, "gone")
    scenarios.derive(city, "gone 2", "base")
    with pytest.raises(UnknownNameError, match="Did you mean 'gone 2'"):
        store.diff("base", "gone")
    with pytest.raises(UserError, match="past revision"):
        store.diff("base@2", "plants.xlsx")
    (plants.parent / "base").write_text("a file that is named as a scenario")
    assert not store.diff("base", "base"), "names go before files"


def test_profiles_show_figures_and_geometries_distances(city: Database, tmp_path: Path) -> None:
    file = tmp_path / "more.dat"
    columns = ("pipe", "geometry")

    def pipe(y: float, length: float) -> object:
        return table(
            "network_pipe", file, columns, ("p1", shapely.LineString([(385000, y), (385000 + length, y)])), epsg=3067
        )

    shape = np.full(8760, 1 / 8760)
    bring(city, file, pipe(6672000, 100), Series("flat", shape, "share", file))
    changed = shape.copy()
    changed[:10] *= 2
    report = bring(city, file, pipe(6672003, 50), Series("flat", changed, "share", file), dry_run=True)
    assert report.diff
    (profile,) = report.diff.profiles.rows()
    assert (profile["key"], profile["hours_changed"], profile["old_sum"]) == ("flat", 10.0, pytest.approx(1.0))
    assert profile["new_peak"] == pytest.approx(2 / 8760)
    (moved,) = report.diff.geometries.rows()
    assert (moved["old_length"], moved["new_length"]) == (100.0, 50.0)
    assert moved["hausdorff_m"] == pytest.approx(np.hypot(50, 3))
    assert city.sql("SELECT count(*) AS n FROM meta.series WHERE kind = 'share'").to_pylist() == [{"n": 2}]


def test_a_corrected_currency_does_not_stop_a_dry_run(city: Database, tmp_path: Path) -> None:
    add(city, "base", "model_option", {"option": "currency", "value": "EUR"}, {"option": "price_year", "value": "2020"})
    file = book(
        tmp_path / "options.xlsx", model_option=[["option", "value"], ["currency", "SEK"], ["price_year", "2020"]]
    )
    found = Store(city.path).diff("base", file)
    assert lines(found) == [("model_option", "currency", "value", "changed", "EUR", "SEK")]
    assert "amounts are compared as given" in found.warnings[0]


# --- the command line ------------------------------------------------------------------------------------------------
def test_the_dry_run_prints_as_the_diff_does(city: Database, plants: Path, cli: Cli) -> None:
    code, out, _ = cli(city, "import", "excel", str(plants), "--scenario", "base", "--dry-run")
    assert code == 0
    assert "what would change in base; nothing was written" in out
    assert "inputs: 1 cell changed, 1 row added in 2 tables" in out
    assert "+2.9 %" in out
    code, out, _ = cli(city, "import", "excel", str(plants), "--scenario", "base", "--dry-run", "--format", "csv")
    assert [row["column"] for row in csv.DictReader(io.StringIO(out))] == ["price", "cap_max", "capital"]
    document = json.loads(cli(city, "import", "excel", str(plants), "--scenario", "base", "--dry-run", "--json")[1])
    assert (document["dry_run"], document["revision"], document["n_set"]) == (
        True,
        None,
        {"commodity": 1, "process": 1},
    )
    compared = json.loads(cli(city, "diff", "base", str(plants), "--json")[1])
    for part in ("summary", "changes", "profiles", "geometries", "headline"):
        assert document[part] == compared[part]
    page = plants.with_name("out.html")
    code, out, _ = cli(city, "import", "auto", str(plants), "--scenario", "base", "--dry-run", "--output", str(page))
    assert (code, out) == (0, "")
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert "--summary exclude" in cli(city, "diff", "base", "base", "--details", "--summary")[2]


def test_diff_of_a_file_takes_its_own_options(city: Database, plants: Path, cli: Cli) -> None:
    assert (
        "2035" in cli(city, "diff", "base", str(plants), "--as", "excel", "--year", "2035", "--table", "commodity")[1]
    )
    assert "holds no results" in cli(city, "diff", "base", str(plants), "--results")[2]
    assert "are for files" in cli(city, "diff", "base", "base", "--year", "2035")[2]
    assert "excel" in cli(city, "diff", "base", str(plants), "--as", "exel")[2]


def test_the_summary_comes_first_and_details_on_demand(city: Database, cli: Cli) -> None:
    scenarios.derive(city, "many", "base")
    add(city, "many", "site", *({"site": f"s{i}", "title": "t"} for i in range(41)))
    code, out, _ = cli(city, "diff", "base", "many", "--inputs")
    assert (code, "41 lines: --details lists them" in out, "s40" in out) == (0, True, False)
    assert "s40" in cli(city, "diff", "base", "many", "--inputs", "--details")[1]
    out = cli(city, "diff", "base", "many", "--inputs", "--summary")[1]
    assert ("--details" in out, "41" in out) == (False, True)
    assert len(json.loads(cli(city, "diff", "base", "many", "--inputs", "--json")[1])["changes"]) == 41


def test_sql_over_a_diff_is_safe(city: Database, cli: Cli, tmp_path: Path) -> None:
    scenarios.derive(city, "dear", "base")
    edits.set_cells(city, "dear", "commodity.price", "price * 2", where="commodity = 'gas'", message="dear")
    query = "SELECT key, absolute FROM changes"
    assert json.loads(cli(city, "diff", "base", "dear", "--sql", query, "--json")[1]) == [
        {"key": "centre / gas", "absolute": 35.0}
    ]
    assert (
        cli(city, "diff", "base", "dear", "--sql", query, "--format", "csv")[1] == "key,absolute\ncentre / gas,35.0\n"
    )
    for bad in (
        f"COPY changes TO '{tmp_path}/x.csv'",
        "FROM input.commodity",
        "SET threads = 3",
        "SELECT nonsense FROM changes",
    ):
        code, out, err = cli(city, "diff", "base", "dear", "--sql", bad)
        assert (code, out) == (2, "")
        assert "reads the relations alone" in err or "Relations: changes" in err
    assert not (tmp_path / "x.csv").exists()


def test_tolerances_are_options(city: Database, cli: Cli) -> None:
    scenarios.derive(city, "other", "base")
    boiler_run(city, "base", 50.0)
    boiler_run(city, "other", 50.4)
    arguments = ("diff", "base", "other", "--results", "--table", "capacity", "--json")
    assert len(json.loads(cli(city, *arguments)[1])["changes"]) == 1
    for tolerance in ("--rel-tol", "0.01"), ("--abs-tol", "0.5"):
        assert json.loads(cli(city, *arguments, *tolerance)[1])["changes"] == []
    assert cli(city, *arguments, "--rel-tol", "-1")[0] == 2


def test_a_missing_rate_is_refused_with_the_command_that_adds_it(city: Database, cli: Cli) -> None:
    scenarios.derive(city, "swedish", "base")
    for name, currency in (("base", "EUR"), ("swedish", "SEK")):
        add(
            city,
            name,
            "model_option",
            {"option": "currency", "value": currency},
            {"option": "price_year", "value": "2020"},
        )
    code, _, err = cli(city, "diff", "base", "swedish", "--inputs")
    assert code == 2
    assert "'base' is in EUR of 2020, 'swedish' in SEK of 2020: there is no rate of SEK in 2020." in err
    assert "`dhsdb money set SEK 2020 --per-eur ... --source ...`" in err
    assert cli(city, "diff", "base", "swedish", "--inputs", "--as-given")[0] == 0
    assert cli(city, "money", "set", "SEK", "2020", "--per-eur", "10", "--source", "a test")[0] == 0
    found = json.loads(cli(city, "diff", "base", "swedish", "--inputs", "--table", "commodity", "--json")[1])
    assert [(row["old"], row["new"], row["new_value"]) for row in found["changes"]] == [("35.0", "35.0", 3.5)]
