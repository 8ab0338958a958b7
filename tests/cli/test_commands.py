"""The command line: help of every command, JSON alone on standard output, and wrong commands with a way out."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer.main
from openpyxl import Workbook, load_workbook

from dhsdb import Store
from dhsdb.cli import run
from dhsdb.cli.app import app


def leaves(command: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return the path of every command."""
    if not hasattr(command, "commands"):
        return [path]
    return [leaf for name, sub in command.commands.items() for leaf in leaves(sub, (*path, name))]


COMMANDS = leaves(typer.main.get_command(app))


def book(path: Path, **sheets: list[list[Any]]) -> Path:
    made = Workbook()
    made.remove(made.worksheets[0])
    for name, rows in sheets.items():
        sheet = made.create_sheet(name)
        for row in rows:
            sheet.append(row)
    made.save(path)
    return path


SITE = [["site", "title"], ["centre", "the centre"]]
COMMODITIES = [["site", "commodity", "price"], ["centre", "gas", 35], ["centre", "heat", None]]


@pytest.fixture
def city(empty_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a store of one small scenario, in which the commands are typed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DHSDB_STORE", raising=False)
    path = tmp_path / "dhsdb.duckdb"
    shutil.copy(empty_store, path)
    store = Store(path, wait_s=20)
    store.new("base", [2030, 2040], "a start")
    store.import_("excel", book(tmp_path / "city.xlsx", site=SITE, commodity=COMMODITIES), scenario="base")
    return path


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Any:
    """Type a command in this process: exit code, standard output, standard error."""

    def type_(*arguments: str | Path) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run([str(a) for a in arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return type_


# --- help ------------------------------------------------------------------------------------------------------------
def test_the_commands_of_the_interface_are_there():
    names = {" ".join(c) for c in COMMANDS}
    wanted = (
        "init|import|export|sql|diff|check|schema|compact|backup|demo|run scenario|run list|run show|run use|run delete"
    )
    wanted += "|scenario new|scenario derive|scenario compose|scenario list|scenario show|scenario log|scenario set|scenario remove|scenario delete"
    assert set(wanted.split("|")) <= names


@pytest.mark.parametrize("command", [(), ("run",), ("scenario",), *COMMANDS], ids=" ".join)
def test_every_command_has_help(command, said):
    code, out, err = said(*command, "--help")
    assert code == 0
    assert "Usage: dhsdb" in out
    assert err == ""
    own = typer.main.get_command(app)
    for name in command:
        own = own.commands[name]  # type: ignore[attr-defined]
    assert own.help
    assert all(getattr(p, "help", "") for p in own.params)


@pytest.mark.parametrize("command", [c for c in COMMANDS if c != ("sql",)], ids=" ".join)
def test_every_command_offers_json(command, said):
    assert "--json" in said(*command, "--help")[1]


# --- JSON ------------------------------------------------------------------------------------------------------------
def as_json(answer: tuple[int, str, str]) -> Any:
    """Return the document, which has to be the only thing on standard output."""
    code, out, err = answer
    assert code == 0, out + err
    return json.loads(out)


def test_json_is_the_only_thing_on_standard_output(city, said, tmp_path):
    new = book(tmp_path / "more.xlsx", commodity=[["site", "commodity", "price"], ["centre", "oil", 50]])
    assert as_json(said("init", "--json"))["state"] == "current"
    assert as_json(said("scenario", "list", "--json"))[0]["scenario"] == "base"
    assert as_json(said("scenario", "derive", "dear", "--from", "base", "-m", "why", "--json"))["scenario"] == "dear"
    edit = as_json(
        said("scenario", "set", "dear", "commodity.price=60", "--where", "commodity = 'gas'", "-m", "60", "--json")
    )
    assert edit["rows"] == 1
    assert as_json(said("import", "excel", new, "--scenario", "base", "--json"))["n_set"] == {"commodity": 1}
    assert {"table": "commodity", "rows": 6}.items() <= {
        k: v
        for r in as_json(said("scenario", "show", "base", "--json"))
        if r["table"] == "commodity"
        for k, v in r.items()
    }.items()
    assert [
        r["price"] for r in as_json(said("scenario", "show", "dear", "commodity", "--json")) if r["commodity"] == "gas"
    ] == [60, 60]
    assert as_json(said("scenario", "log", "base", "--json"))[-1]["message"] == "a start"
    assert as_json(said("run", "list", "--json")) == []
    assert as_json(said("sql", "SELECT 1 AS one, NULL AS none", "--json")) == [{"one": 1, "none": None}]
    assert as_json(said("diff", "base", "dear", "--inputs", "--json"))["changes"]
    assert isinstance(as_json(said("schema", "process", "--json")), list)
    listed = as_json(said("import", "--list", "--json"))
    assert isinstance(listed, list)
    assert "power_unit" in {f["format"]: f["options"] for f in listed}["topotherm"]
    assert as_json(said("backup", tmp_path / "copy.duckdb", "--json"))["backup"].endswith("copy.duckdb")
    assert as_json(said("compact", "--json"))["bytes_after"] > 0
    assert as_json(
        said("scenario", "remove", "dear", "commodity", "--where", "commodity = 'gas'", "-m", "no gas", "--json")
    )["rows"]
    assert as_json(said("scenario", "delete", "dear", "--json"))["deleted"]


def test_a_mistake_is_one_json_document_too(city, said):
    code, out, err = said("scenario", "show", "bas", "--json")
    answer = json.loads(out)
    assert (code, err) == (2, "")
    assert answer["exit_code"] == 2
    assert "base" in answer["hint"]


# --- wrong commands --------------------------------------------------------------------------------------------------
BROKEN = "this is no workbook"
WRONG: dict[str, list[tuple[list[str], str, str]]] = {
    "unknown scenario": [
        (["scenario", "show", "bas"], "'bas'", "base"),
        (["run", "scenario", "bsae"], "'bsae'", "base"),
        (["diff", "base", "basee"], "'basee'", "base"),
    ],
    "broken file": [
        (["import", "excel", "broken.xlsx", "--scenario", "base"], "broken.xlsx", ""),
        (["import", "osm", "broken.osm.pbf", "--scenario", "base"], "broken.osm.pbf", ""),
        (["import", "excel", "missing.xlsx", "--scenario", "base"], "missing.xlsx", "Check the name"),
    ],
    "missing or unknown column": [
        (["import", "excel", "keyless.xlsx", "--scenario", "base"], "commodity", ""),
        (["import", "excel", "misspelt.xlsx", "--scenario", "base"], "prise", "price"),
        (["scenario", "set", "base", "commodity.prise=3", "-m", "x"], "prise", "price"),
    ],
    "unknown option": [
        (["scenario", "list", "--al"], "--al", "--help"),
        (["scenario", "list", "--store", "x.duckdb"], "--store", "dhsdb --store ... scenario list"),
        (["run", "scenario", "base", "--stag", "geo"], "--stag", "--stage"),
        (["import", "excel", "city.xlsx", "--scenario", "base", "--on-conflict", "overwrite"], "overwrite", "merge"),
    ],
    "unknown stage": [
        (["run", "scenario", "base", "--stage", "dispach"], "dispach", "dispatch"),
        (["run", "scenario", "base", "--stage", "invest"], "invest", "investment"),
        (["run", "scenario", "base", "--stage", ""], "", "dispatch"),
    ],
    "bad -o": [
        (["run", "scenario", "base", "-o", "hours"], "hours", "KEY=VALUE"),
        (["run", "scenario", "base", "-o", "hour=1:2"], "hour", "hours"),
        (["run", "scenario", "base", "-o", "points=many"], "points", "front"),
    ],
    "bad years": [
        (["scenario", "new", "next", "--years", "2030;2040"], "2030;2040", "2030,2040"),
        (["scenario", "new", "next", "--years", "soon"], "soon", "2030,2040"),
        (["scenario", "new", "next", "--years", "30"], "30", "2030,2040"),
    ],
    "bad statement": [
        (["sql", "SELECT * FROM capcity"], "capcity", "capacity"),
        (["sql", "DROP TABLE meta.run"], "read-only", "--write"),
        (["sql", "SELECT 1", "--format", "xml"], "xml", "csv"),
    ],
    "unknown format or table": [
        (["import", "exel", "city.xlsx", "--scenario", "base"], "exel", "excel"),
        (["export", "xls", "out.xlsx", "--scenario", "base"], "xls", "excel"),
        (["schema", "proces"], "proces", "process"),
    ],
    "unknown run": [
        (["run", "show", "99"], "99", ""),
        (["run", "use", "99"], "99", ""),
        (["run", "delete", "99"], "99", ""),
    ],
    "too little or too much": [
        (["scenario", "derive", "x"], "--from", "--help"),
        (["import", "excel"], "lacks files, a scenario", "dhsdb import excel PATH... --scenario NAME"),
        (
            ["import", "city.xlsx", "--scenario", "base"],
            "lacks a format",
            "dhsdb import auto city.xlsx --scenario base",
        ),
        (["backup", "dhsdb.duckdb"], "exists", "new file"),
    ],
}


@pytest.mark.parametrize(
    ("arguments", "what", "way"),
    [pytest.param(*case, id=f"{kind}: {' '.join(case[0])}") for kind, cases in WRONG.items() for case in cases],
)
def test_a_wrong_command_says_what_is_wrong_and_the_way_out(city, said, arguments, what, way):
    folder = city.parent
    (folder / "broken.xlsx").write_text(BROKEN)
    (folder / "broken.osm.pbf").write_text(BROKEN)
    book(folder / "keyless.xlsx", commodity=[["site", "price"], ["centre", 3]])
    book(folder / "misspelt.xlsx", commodity=[["site", "commodity", "prise"], ["centre", "gas", 3]])
    code, out, err = said(*arguments)
    assert (code, out) == (2, ""), err
    assert err.startswith("dhsdb: ")
    assert what in err
    assert way in err
    assert "Traceback" not in err
    assert err.count("\n") <= 8


def test_json_lists_the_problems_of_a_file_one_by_one(city, said):
    book(city.parent / "misspelt.xlsx", commodity=[["site", "commodity", "prise", "voll"], ["c", "gas", 3, "dear"]])
    code, out, _ = said("import", "excel", "misspelt.xlsx", "--scenario", "base", "--json")
    told = json.loads(out)
    assert (code, told["exit_code"]) == (2, 2)
    places = [(p["file"], p["sheet"], p["row"], p["column"], p["value"]) for p in told["problems"]]
    assert places == [
        ("misspelt.xlsx", "commodity", 1, "prise", None),
        ("misspelt.xlsx", "commodity", 2, "voll", "dear"),
    ]
    assert told["problems"][0]["hint"] == "Did you mean 'price'?"


def test_a_command_without_a_store_says_how_to_make_one(tmp_path, monkeypatch, said):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DHSDB_STORE", raising=False)
    code, _, err = said("scenario", "list")
    assert code == 2
    assert "dhsdb init" in err
    assert list(tmp_path.iterdir()) == []


# --- import and export -----------------------------------------------------------------------------------------------
def test_a_dry_run_writes_nothing(city, said, tmp_path):
    new = book(tmp_path / "more.xlsx", commodity=[["site", "commodity", "price"], ["centre", "oil", 50]])
    before = said("scenario", "log", "base", "--json")[1]
    code, out, _ = said("import", "excel", new, "--scenario", "base", "--dry-run")
    assert code == 0
    assert "nothing was written" in out
    assert "commodity" in out
    answer = as_json(said("import", "excel", new, "--scenario", "elsewhere", "--dry-run", "--json"))
    assert answer["dry_run"]
    assert answer["revision"] is None
    assert said("scenario", "log", "base", "--json")[1] == before
    assert [r["scenario"] for r in as_json(said("scenario", "list", "--json"))] == ["base"]


def test_what_is_exported_and_imported_changes_nothing(city, said, tmp_path):
    out = tmp_path / "out.xlsx"
    assert said("export", "excel", out, "--scenario", "base")[0] == 0
    before = said("scenario", "show", "base", "commodity", "--json")[1]
    code, text, _ = said("import", "excel", out, "--scenario", "base")
    assert code == 0
    assert "nothing changes" in text
    assert said("scenario", "show", "base", "commodity", "--json")[1] == before
    assert said("import", "excel", out, "--scenario", "copy", "-m", "a copy")[0] == 0
    assert as_json(said("scenario", "show", "copy", "commodity", "--json")) == json.loads(before)


def test_the_template_has_a_sheet_per_table_and_brings_no_rows(city, said, tmp_path):
    path = tmp_path / "template.xlsx"
    assert said("export", "excel", path, "--template")[0] == 0
    names = set(load_workbook(path, read_only=True).sheetnames)
    assert {"process", "commodity", "storage", "building", "profile_values", "readme"} <= names
    code, out, _ = said("import", "excel", path, "--scenario", "base")
    assert code == 0
    assert "nothing changes" in out


# --- where the store is ----------------------------------------------------------------------------------------------
def test_the_store_is_named_before_the_command_or_by_the_environment(city, said, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert as_json(said("--store", city, "scenario", "list", "--json"))[0]["scenario"] == "base"
    code, _, err = said("scenario", "list", "--store", city)
    assert code == 2
    assert "--store" in err
    monkeypatch.setenv("DHSDB_STORE", str(city))
    assert as_json(said("scenario", "list", "--json"))[0]["scenario"] == "base"
    assert as_json(said("--store", tmp_path / "new.duckdb", "init", "--json"))["state"] == "created"


def test_an_import_or_a_new_scenario_makes_the_store(tmp_path, monkeypatch, said):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DHSDB_STORE", raising=False)
    assert said("scenario", "new", "base", "--years", "2030,2040", "-m", "a start")[0] == 0
    assert (tmp_path / "dhsdb.duckdb").exists()
    assert as_json(said("scenario", "list", "--json"))[0]["years"] == [2030, 2040]


# --- as a process ----------------------------------------------------------------------------------------------------
def test_a_process_speaks_plainly(city):
    def start(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "dhsdb", *arguments]
        plain = {k: v for k, v in os.environ.items() if k != "COLUMNS"} | {"PYTHONUTF8": "1"}
        return subprocess.run(command, cwd=city.parent, env=plain, capture_output=True, encoding="utf-8", check=False)

    assert start("--version").stdout.startswith("dhsdb ")
    wrong = start("scenario", "show", "bas")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "Did you mean 'base'?" in wrong.stderr
    table = start("scenario", "show", "base", "commodity").stdout
    assert max(len(line) for line in table.splitlines()) < 200
    assert json.loads(start("scenario", "list", "--json").stdout)[0]["scenario"] == "base"


def test_a_pipe_without_utf8_gets_utf8(city):
    """The pipes of Windows; table lines and © are in no code page."""
    poor = os.environ | {"PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"}
    command = [sys.executable, "-m", "dhsdb", "scenario", "list"]
    done = subprocess.run(command, cwd=city.parent, env=poor, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "│ base" in done.stdout.decode("utf-8")


def test_the_options_of_models_are_listed_with_what_heeds_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from dhsdb.models.options import Options

    assert run(["--store", str(tmp_path / "none.duckdb"), "run", "options", "--json"]) == 0
    listed = {row["option"]: row for row in json.loads(capsys.readouterr().out)}
    assert set(listed) == set(Options.model_fields)
    assert listed["periods"]["stages"] == ["investment", "pareto"]
    assert all(row["meaning"] for row in listed.values())
    assert [name for name, row in listed.items() if not row["stages"]] == []
