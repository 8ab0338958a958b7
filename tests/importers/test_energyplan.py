"""EnergyPLAN's files, each in the ways that its versions and optimisers write it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from dhsdb.cli import run
from dhsdb.errors import ProblemsError, UnknownNameError, UserError
from dhsdb.importers import batch
from dhsdb.importers.energyplan import EnergyplanImporter
from dhsdb.importers.energyplan_points import nondominated
from dhsdb.importers.energyplan_text import Layout, decode, encode, kind_of, number, read_input, render
from dhsdb.importers.pipeline import run_import
from dhsdb.importers.registry import recognise
from dhsdb.importers.rows import Request, Results, Rows
from dhsdb.store import Store
from tests.importers import fuzz
from tests.importers.books import Given, bring, count
from tests.importers.energyplan_files import (
    DAYS,
    KEYS,
    demand,
    input_text,
    output_lines,
    village,
    write_distribution,
    write_fragment,
    write_input,
    write_lines,
    write_output,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dhsdb.database import Database
    from dhsdb.importers.rows import Item

ENCODINGS = [("utf-16", "\r\n"), ("cp1252", "\r\n"), ("cp1252", "\n"), ("utf-8", "\n"), ("utf-16", "\n")]


@pytest.fixture
def store(db: Database) -> Store:
    return Store(db.path, wait_s=20)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_input(tmp_path / "village.txt")


def one(store: Store, sql: str) -> object:
    (row,) = store.sql(sql).rows()
    (value,) = row.values()
    return value


def keys(store: Store, scenario: str = "base") -> dict[str, str | None]:
    rows = store.sql("SELECT key, value FROM input.energyplan_key WHERE scenario = ? AND occurrence = 1", [scenario])
    return {row["key"]: row["value"] for row in rows.rows()}


def problems(store: Store, *paths: Path, **options: object) -> list[str]:
    """Import what is refused, and return the problems; nothing may be left in the store."""
    before = contents(store)
    with pytest.raises(ProblemsError) as refused:
        store.import_("energyplan", *paths, scenario="base", **options)
    assert contents(store) == before
    assert all(p.file for p in refused.value.problems)
    return [str(p) for p in refused.value.problems]


def contents(store: Store) -> list[object]:
    return [
        one(store, f"SELECT count(*) FROM {t}")
        for t in ("meta.revision", "layer.energyplan_key", "meta.run", "result.item")
    ]


def exported(store: Store, tmp_path: Path, scenario: str = "base", **options: int) -> bytes:
    target = tmp_path / "exported.txt"
    store.export_energyplan(target, scenario, **options)
    return target.read_bytes()


# --- text ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,5", 1.5),
        (" 0.25 ", 0.25),
        (".31", 0.31),
        ("-3", -3),
        ("1e-3", 0.001),
        ("1.000,5", None),
        ("", None),
        ("nan", None),
        ("1e999", None),
        ("5 MW", None),
    ],
)
def test_numbers_have_a_point_or_a_comma(text: str, value: float | None) -> None:
    assert number(text) == value


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-16-le", "utf-8-sig", "utf-8", "cp1252"])
def test_an_encoding_is_found_and_written_again(encoding: str) -> None:
    data = encode("EnergyPLAN version\nVærdi=\n", encoding)
    text, found = decode(data)
    assert (text, found) == ("EnergyPLAN version\nVærdi=\n", encoding)
    assert encode(text, found) == data


def test_what_is_no_windows_character_is_read_byte_by_byte() -> None:
    assert decode(b"a\x81b\xe6") == ("a\x81bæ", "latin-1")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("EnergyPLAN version\n698\n", "input"), ("\n\nEnergyPLAN model 12.3\n", "output"), ("Input  x The EnergyPLAN model 16.1\n", "print"),
        ("0,5\n0.25\n1\n", "distribution"), ("1 2 3 \n4 5 6 \n", "points"), ("a b\nKWe GWh\n1 2\n", "table"), ("hello\nworld\n", None), ("", None),
    ],
)  # fmt: skip
def test_a_file_is_known_by_its_content(text: str, kind: str | None) -> None:
    assert kind_of(text) == kind


def test_auto_recognises_inputs_outputs_and_distributions(tmp_path: Path, file: Path) -> None:
    other = write_distribution(tmp_path / "other.dat", n=100)
    assert recognise([file]) == "energyplan"
    assert recognise([write_output(tmp_path / "out.dat", village())]) == "energyplan"
    assert recognise([write_distribution(tmp_path / "el.dat")]) == "energyplan"
    with pytest.raises(UserError):
        recognise([other])


# --- input files: kept as written ------------------------------------------------------------------------------------
@pytest.mark.parametrize(("encoding", "newline"), ENCODINGS)
def test_an_input_comes_back_byte_by_byte(store: Store, tmp_path: Path, encoding: str, newline: str) -> None:
    odd = {
        " input_FOM_CHP2": "0",
        "Various1Text": "værdien = 743, slettet ",
        "input_twice": "1,5",
        "input_twice~": "0",
        "blank": "",
        "RES": "  7",
    }
    path = write_lines(tmp_path / "in.txt", input_text({**KEYS, **odd}), encoding, newline)
    report = store.import_("energyplan", path, scenario="base")
    assert exported(store, tmp_path) == path.read_bytes()
    held = store.sql("SELECT * FROM input.energyplan_key WHERE scenario = 'base' ORDER BY ordinal").rows()
    assert [h["key"] for h in held[:3]] == ["EnergyPLAN version", "EnergyUnit", "CapacityUnit"]
    assert keys(store)["Various1Text"] == "værdien = 743, slettet "
    assert (keys(store)["blank"], keys(store)["RES"], keys(store)["input_keol_reg"]) == (None, "  7", "00000000")
    assert [h["value"] for h in held if h["key"] == "input_twice"] == ["1,5", "0"]
    assert [h["label"] for h in held if h["key"] == "input_FOM_CHP2"] == [" input_FOM_CHP2="]
    assert [f.row for f in report.findings if f.code == "duplicate-key"] == [path_row(path, encoding, "input_twice=")]
    assert not store.import_("energyplan", path, scenario="base").changed


def path_row(path: Path, encoding: str, line: str) -> int:
    lines = path.read_bytes().decode(encoding).splitlines()
    return lines.index(line) + 1


def test_a_changed_key_is_replaced_in_place(store: Store, tmp_path: Path, file: Path) -> None:
    store.import_("energyplan", file, scenario="base")
    store.derive("more", base="base")
    store.set("more", "energyplan_key.value", "9000", where="key = 'input_RES1_capacity'", message="more sun")
    old, new = (exported(store, tmp_path, s).decode("utf-16").split("\r\n") for s in ("base", "more"))
    assert [(a, b) for a, b in zip(old, new, strict=True) if a != b] == [("5000", "9000")]
    (change,) = store.diff("base", "more").changes.rows()
    assert (change["table"], change["key"], change["old"], change["new"]) == (
        "energyplan_key",
        "input_RES1_capacity / 1",
        "5000",
        "9000",
    )


def test_what_a_file_can_not_hold_is_refused(store: Store, tmp_path: Path) -> None:
    path = write_input(tmp_path / "in.txt", "cp1252", "\n")
    store.import_("energyplan", path, scenario="base")
    store.set("base", "energyplan_key.value", "日本", where="key = 'general_notesText'", message="a note")
    with pytest.raises(UserError, match="can't be written in cp1252"):
        exported(store, tmp_path)
    store.set("base", "energyplan_file.encoding", "utf-16", message="for the note")
    assert "日本" in exported(store, tmp_path).decode("utf-16")
    store.set("base", "energyplan_key.value", "a\nb", where="key = 'general_notesText'", message="a note")
    with pytest.raises(UserError, match="over several lines"):
        exported(store, tmp_path)


def test_a_scenario_without_keys_is_not_exported(store: Store, tmp_path: Path) -> None:
    store.new("base", years=[2030])
    with pytest.raises(UserError, match="holds no EnergyPLAN keys"):
        exported(store, tmp_path)


def test_cells_that_keys_do_not_say_are_named_at_export(store: Store, tmp_path: Path, file: Path) -> None:
    store.import_("energyplan", file, scenario="base")
    assert store.export_energyplan(tmp_path / "x.txt", "base").differences == ()
    store.set("base", "process.existing_mw", 8, where="process = 'Photo Voltaic (RES1)'", message="cells only")
    store.remove("base", "demand", where="commodity = 'electricity'", message="cells only")
    assert store.export_energyplan(tmp_path / "x.txt", "base").differences == (
        "demand main / electricity / slice: it is not there, but the keys say it (key Input_el_demand_Twh).",
        "process main / Photo Voltaic (RES1), existing_mw: it is 8, but the keys say 5 (key input_RES1_capacity).",
    )


def test_lines_that_can_not_come_back_are_said(store: Store, tmp_path: Path) -> None:
    lines = [*input_text(), "after the end"]
    report = store.import_("energyplan", write_lines(tmp_path / "in.txt", lines), scenario="base")
    assert {"not-byte-identical", "unusual-length"} <= {f.code for f in report.findings}


def test_years_have_keys_of_their_own(store: Store, tmp_path: Path) -> None:
    first = write_input(tmp_path / "a.txt")
    second = write_input(tmp_path / "b.txt", input_RES1_capacity="8000")
    store.import_("energyplan", first, scenario="base", year=2030)
    store.import_("energyplan", second, scenario="base", year=2040)
    with pytest.raises(UserError, match="differ by year"):
        exported(store, tmp_path)
    assert exported(store, tmp_path, year=2030) == first.read_bytes()
    assert exported(store, tmp_path, year=2040) == second.read_bytes()
    fragment = write_fragment(tmp_path / "f.txt", input_RES1_capacity="1")
    assert "the keys of the scenario differ by year" in problems_of(store, fragment)[0]
    store.import_("energyplan", fragment, scenario="base", year=2040)
    rows = store.sql("SELECT year, existing_mw FROM input.process WHERE process LIKE 'Photo%' ORDER BY year").rows()
    assert rows == [{"year": 2030, "existing_mw": 5.0}, {"year": 2040, "existing_mw": 0.001}]


def problems_of(store: Store, path: Path) -> list[str]:
    with pytest.raises(ProblemsError) as refused:
        store.import_("energyplan", path, scenario="base")
    return [str(p) for p in refused.value.problems]


def test_the_year_in_the_notes_is_a_model_year(store: Store, tmp_path: Path) -> None:
    path = write_input(tmp_path / "in.txt", notes_model_yearText="2035")
    report = store.import_("energyplan", path, scenario="base")
    assert one(store, "SELECT year FROM input.model_year") == 2035
    assert [f.severity for f in report.findings if f.code == "year-from-notes"] == ["info"]
    store.import_("energyplan", path, scenario="other", year=2040)
    assert one(store, "SELECT year FROM input.model_year WHERE scenario = 'other'") == 2040


# --- input files: what they mean -------------------------------------------------------------------------------------
def test_keys_become_cells(store: Store, file: Path) -> None:
    report = store.import_("energyplan", file, scenario="base")
    assert {f.severity for f in report.findings if f.code == "kept-as-key"} == {"info"}
    assert one(store, "SELECT value FROM input.model_option WHERE option = 'currency'") == "EUR"
    demands = store.sql("SELECT commodity, mwh FROM input.demand ORDER BY commodity").rows()
    assert [(d["commodity"], d["mwh"]) for d in demands] == [
        ("electricity", 26500.0),
        ("individual heat, heat pump", 16e3),
        ("individual heat, oil boiler", pytest.approx(24e3 * 0.8)),
    ]
    (sun,) = store.sql("SELECT * FROM input.process WHERE process = 'Photo Voltaic (RES1)'").rows()
    assert (sun["existing_mw"], sun["capital"], sun["life"], sun["wacc"]) == (5.0, 2.6e6, 25.0, 0.04)
    assert sun["fixed"] == pytest.approx(26e3)
    assert (sun["avail_rule"], sun["avail_profile"]) == ("fixed", None)
    flows = store.sql("SELECT process, commodity, direction, ratio FROM input.process_flow ORDER BY ALL").rows()
    assert [tuple(f.values()) for f in flows] == [
        ("Photo Voltaic (RES1)", "electricity", "out", 1.0),
        ("individual heat pump", "electricity", "in", 1 / 3.2),
        ("individual heat pump", "individual heat, heat pump", "out", 1.0),
        ("individual oil boiler", "individual heat, oil boiler", "out", 1.0),
        ("individual oil boiler", "oil", "in", 1 / 0.8),
    ]
    prices = store.sql("SELECT commodity, price FROM input.commodity WHERE price IS NOT NULL ORDER BY 1").rows()
    assert [(p["commodity"], p["price"]) for p in prices] == [
        ("coal", pytest.approx(10.8)),
        ("natural gas", pytest.approx(28.8)),
        ("oil", 36.0),
    ]
    factors = store.sql("SELECT commodity, t_per_mwh FROM input.commodity_emission ORDER BY 1").rows()
    assert [(f["commodity"], f["t_per_mwh"]) for f in factors] == [
        ("coal", pytest.approx(0.3546)), ("natural gas", pytest.approx(0.20412)), ("oil", pytest.approx(0.26244)),
    ]  # fmt: skip
    (line,) = store.sql(
        "SELECT bought, max_mw, sold, sale_max_mw FROM input.commodity WHERE commodity = 'electricity'"
    ).rows()
    assert tuple(line.values()) == (True, 7.5, True, 7.5)


def test_cells_know_their_file_and_row(store: Store, file: Path) -> None:
    store.import_("energyplan", file, scenario="base")
    found = store.sql(
        "SELECT f.file, p.source_row FROM layer.process AS p JOIN meta.source AS f USING (source) WHERE process LIKE 'Photo%'"
    )
    assert found.rows() == [{"file": str(file), "source_row": path_row(file, "utf-16", "input_RES1_capacity=") + 1}]


def test_units_are_those_of_the_file(store: Store, tmp_path: Path) -> None:
    path = write_input(
        tmp_path / "in.txt", EnergyUnit="TWh/year", CapacityUnit="MW", MonetaryUnit="DKK", Input_el_demand_Twh="33,25"
    )
    report = store.import_("energyplan", path, scenario="base")
    assert one(store, "SELECT mwh FROM input.demand WHERE commodity = 'electricity'") == 33_250_000
    assert one(store, "SELECT existing_mw FROM input.process WHERE process LIKE 'Photo%'") == 5000
    assert one(store, "SELECT value FROM input.model_option WHERE option = 'currency'") == "DKK"
    assert any("converted from TWh" in f.message for f in report.findings)


def test_a_currency_that_is_not_known_is_kept_and_said(store: Store, tmp_path: Path) -> None:
    report = store.import_("energyplan", write_input(tmp_path / "in.txt", MonetaryUnit="Taler"), scenario="base")
    assert one(store, "SELECT capital FROM input.process WHERE process LIKE 'Photo%'") == 2.6e6
    assert any("'Taler' is not known" in f.message for f in report.findings)


def test_individual_heating_costs_per_capacity_or_per_house(store: Store, tmp_path: Path) -> None:
    costs = {"input_Inv_Boilers_indv": "6", "input_FOM_Boilers_indv": "5", "input_Inv_HP_indv": "8"}
    houses = {"input_Heatdemand_PerHouse": "16000"}
    heat = write_distribution(tmp_path / "heat.txt")
    for name, more in (("capacity", {}), ("house", houses), ("MW", {"CapacityUnit": "MW", "EnergyUnit": "TWh/year"})):
        file = write_input(tmp_path / f"{name}.txt", **costs, **more)
        store.import_("energyplan", file, heat, scenario=name)
    sql = "SELECT process, capital, fixed, capital * existing_mw AS paid FROM input.process WHERE scenario = ? AND capital > 0 AND process LIKE 'ind%' ORDER BY 1"
    pump, boiler = store.sql(sql, ["capacity"]).rows()
    assert (pump["capital"], boiler["capital"], boiler["fixed"]) == (pytest.approx(8e6 / 3.2), 6e6, pytest.approx(3e5))
    pump, boiler = store.sql(sql, ["house"]).rows()
    assert pump["paid"] == pytest.approx(16e6 / 16e3 * 8e3)
    assert boiler["paid"] == pytest.approx(24e6 * 0.8 / 16e3 * 6e3)
    assert boiler["fixed"] == pytest.approx(0.05 * boiler["capital"])
    pump, boiler = store.sql(sql, ["MW"]).rows()
    assert pump["paid"] == pytest.approx(16e9 / 15e3 * 8e3), "EnergyPLAN's own 15,000 kWh per house"


def test_what_a_run_goes_without_is_said_by_key(store: Store, tmp_path: Path) -> None:
    more = {
        "input_solar_ann_gr2": "1,5",
        "input_fuel_Transport[2]": "15.6",
        "input_fuel_Transport[5]": "11.44",
        "input_transport_TWh": "0",
    }
    report = store.import_("energyplan", write_input(tmp_path / "base.txt", **more), scenario="base")
    said = [(f.message, f.row) for f in report.findings if f.code == "simplified"]
    assert [message for message, _ in said] == [
        "supply of heat: a key has no cell: input_solar_ann_gr2 1,5.",
        "fuels and emissions: 2 keys have no cell: input_fuel_Transport[2] 15.6, input_fuel_Transport[5] 11.44.",
    ]
    assert all(row for _, row in said)


def test_plants_burn_a_mix_of_fuels(store: Store, tmp_path: Path) -> None:
    path = write_input(tmp_path / "in.txt", input_cap_pp_el="10000", input_VC_pp="3")
    store.import_("energyplan", path, scenario="base")
    flows = store.sql(
        "SELECT commodity, direction, ratio FROM input.process_flow WHERE process = 'power plant' ORDER BY 1"
    ).rows()
    assert [tuple(f.values()) for f in flows] == [
        ("coal", "in", pytest.approx(0.25 / 0.45)), ("electricity", "out", 1.0), ("natural gas", "in", pytest.approx(0.75 / 0.45)),
    ]  # fmt: skip
    assert one(store, "SELECT variable FROM input.process_mode WHERE process = 'power plant'") == 3.0


def test_renewables_take_their_distribution_by_slot_and_not_by_name(store: Store, tmp_path: Path) -> None:
    path = write_input(tmp_path / "in.txt", NameRES1="Wave Power", NameRES2="Wave Power", input_RES2_capacity="100")
    files = [write_distribution(tmp_path / n, n=8784) for n in ("pv.txt", "wind.txt")]
    store.import_("energyplan", path, *files, scenario="base")
    rows = store.sql("SELECT process, avail_profile FROM input.process WHERE process LIKE 'Wave%' ORDER BY 1").rows()
    assert [tuple(r.values()) for r in rows] == [("Wave Power (RES1)", "pv.txt"), ("Wave Power (RES2)", "wind.txt")]


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"EnergyUnit": "PJ"}, "row 3: EnergyUnit is 'PJ'. Allowed: TWh/year or GWh/year."),
        ({"CapacityUnit": "GW"}, "row 5: CapacityUnit is 'GW'. Allowed: MW or kW."),
        ({"input_RES1_capacity": "many"}, "'many' of input_RES1_capacity is not a number"),
        ({"input_RES1_capacity": "1e999"}, "'1e999' of input_RES1_capacity is not a number"),
        ({"input_RES1_capacity": "-5"}, "'-5' kW is out of bounds"),
    ],
)
def test_what_means_nothing_is_refused_with_its_place(
    store: Store, tmp_path: Path, changed: dict[str, str], text: str
) -> None:
    (said,) = problems(store, write_input(tmp_path / "in.txt", **changed))
    assert text in said
    assert "row " in said


def test_keys_and_values_must_alternate(store: Store, tmp_path: Path) -> None:
    lines = input_text()
    (said,) = problems(store, write_lines(tmp_path / "a.txt", [*lines[:9], *lines[10:]]))
    assert "row 11: '5000' is no key" in said
    (said,) = problems(store, write_lines(tmp_path / "b.txt", lines[:21]))
    assert "has no value: the file is cut off" in said
    (said,) = problems(store, write_lines(tmp_path / "c.txt", ["EnergyPLAN version"]))
    assert "'EnergyPLAN version' has no value" in said


def test_files_that_are_not_energyplans_are_named(store: Store, tmp_path: Path) -> None:
    strange = tmp_path / "notes.txt"
    strange.write_text("Dear all,\nplease find the files.\n", encoding="utf-8")
    pdf = tmp_path / "print.pdf"
    pdf.write_bytes(b"%PDF-1.4\n...")
    empty = tmp_path / "empty.txt"
    empty.write_bytes(b"")
    said = problems(store, strange, pdf, empty)
    assert len(said) == 3
    assert "no file of EnergyPLAN" in said[0]
    assert "read from its text" in said[1]
    assert "is empty" in said[2]


def test_two_input_files_do_not_fit_into_one_scenario(store: Store, tmp_path: Path) -> None:
    (said,) = problems(store, write_input(tmp_path / "a.txt"), write_input(tmp_path / "b.txt"))
    assert "there are 2 input files" in said


def test_keys_of_another_version_are_said(store: Store, tmp_path: Path, file: Path) -> None:
    store.import_("energyplan", write_input(tmp_path / "new.txt", input_new_key="4"), scenario="base")
    report = store.import_("energyplan", file, scenario="base")
    assert ["input_new_key" in f.message for f in report.findings if f.code == "other-keys"] == [True]


# --- distributions ---------------------------------------------------------------------------------------------------
def test_distributions_become_profiles_of_the_cells_that_name_them(store: Store, tmp_path: Path, file: Path) -> None:
    store.import_("energyplan", file, scenario="base")
    paths = [
        write_distribution(tmp_path / "EL.TXT", comma=True), write_distribution(tmp_path / "heat.txt"),
        write_distribution(tmp_path / "price.txt", [float(h % 90) for h in range(8784)]),
    ]  # fmt: skip
    report = store.import_("energyplan", *paths, scenario="base")
    assert report.n_set == {"profile": 3, "demand": 3, "commodity": 1, "process": 2}
    rows = store.sql("SELECT commodity, profile FROM input.demand ORDER BY 1").rows()
    profiles = [
        ("electricity", "EL.TXT"),
        ("individual heat, heat pump", "heat.txt"),
        ("individual heat, oil boiler", "heat.txt"),
    ]
    assert [tuple(r.values()) for r in rows] == profiles
    peak = 1 / np.linspace(0.0, 1.0, 8784).round(4).sum()
    sizes = store.sql(
        "SELECT process, existing_mw FROM input.process WHERE process LIKE 'individual%' ORDER BY 1"
    ).rows()
    assert [s["existing_mw"] for s in sizes] == [pytest.approx(16e3 * peak), pytest.approx(1.5 * 24e3 * 0.8 * peak)]
    kinds = store.sql(
        "SELECT p.profile, s.kind, s.n, s.calendar FROM input.profile AS p JOIN meta.series AS s USING (sha256) ORDER BY 1"
    ).rows()
    assert [tuple(r.values()) for r in kinds] == [
        ("EL.TXT", "factor", 8784, "standard"), ("heat.txt", "factor", 8784, "standard"), ("price.txt", "price", 8784, "standard"),
    ]  # fmt: skip
    assert one(store, "SELECT sale_profile FROM input.commodity WHERE commodity = 'electricity'") == "price.txt"
    for again in (paths, paths[:1]):
        assert not store.import_("energyplan", *again, scenario="base").changed
    assert not store.import_("energyplan", file, *paths, scenario="base").n_set.get("demand")


def test_water_comes_as_its_distribution_says_up_to_the_capacity(store: Store, tmp_path: Path) -> None:
    hydro = {
        "input_hydro_cap": "2000",
        "input_hydro_watersupply": "8.784",
        "input_hydro_eff": "1",
        "filnavn_hydro_water": "water.txt",
    }
    path = write_input(tmp_path / "in.txt", **hydro)
    water = write_distribution(tmp_path / "water.txt", [1.0, 5.0] * 4392)
    store.import_("energyplan", path, water, scenario="base")
    (row,) = store.sql("SELECT * FROM input.process WHERE process = 'hydro power'").rows()
    assert (row["existing_mw"], row["avail_rule"]) == (2.0, "fixed")
    sql = (
        "SELECT v.value FROM input.profile AS p JOIN meta.series AS s USING (sha256) JOIN meta.series_value AS v USING (series)"
        " WHERE p.profile = ? AND v.t <= 2 ORDER BY v.t"
    )
    # 1 MW on average: 1/3 MW in the first hour, 5/3 MW in the second, of 2 MW
    assert [v["value"] for v in store.sql(sql, [row["avail_profile"]]).rows()] == [
        pytest.approx(1 / 6),
        pytest.approx(5 / 6),
    ]
    store.import_("energyplan", write_fragment(tmp_path / "f.txt", input_hydro_cap="1500"), scenario="base")
    name = one(store, "SELECT avail_profile FROM input.process WHERE process = 'hydro power'")
    assert [v["value"] for v in store.sql(sql, [name]).rows()] == [pytest.approx(1 / 4.5), 1.0]


def test_a_missing_distribution_is_named_with_what_goes_without(store: Store, file: Path) -> None:
    report = store.import_("energyplan", file, scenario="base")
    missing = {f.value: f.message for f in report.findings if f.code == "distribution"}
    assert set(missing) == {"el.txt", "heat.txt", "pv.txt", "price.txt"}
    assert "Photo Voltaic (RES1) goes without" in missing["pv.txt"]


def test_a_price_is_scaled_as_the_keys_say(store: Store, tmp_path: Path) -> None:
    path = write_input(tmp_path / "in.txt", input_nordpool_mult_fac="1,3", input_nordpool_add_fac="2")
    prices = write_distribution(tmp_path / "price.txt", [float(h % 90) for h in range(8784)])
    store.import_("energyplan", prices, scenario="base")
    store.import_("energyplan", path, scenario="base")
    name = one(store, "SELECT price_profile FROM input.commodity WHERE commodity = 'electricity'")
    assert name == "price.txt x 1.3 + 2"
    sql = "SELECT s.total FROM input.profile AS p JOIN meta.series AS s USING (sha256) WHERE p.profile = ?"
    assert store.sql(sql, [name]).rows()[0]["total"] == pytest.approx(1.3 * sum(h % 90 for h in range(8784)) + 2 * 8784)


def test_a_distribution_of_8760_values_is_taken_and_said(store: Store, tmp_path: Path) -> None:
    report = store.import_("energyplan", write_distribution(tmp_path / "el.txt", n=8760), scenario="base")
    assert [f.severity for f in report.findings if f.code == "length"] == ["warning"]
    assert one(store, "SELECT calendar FROM meta.series") == "noleap"


def test_spoilt_distributions_are_reported_by_row(store: Store, tmp_path: Path) -> None:
    short = write_distribution(tmp_path / "short.txt", n=8000)
    path = write_distribution(tmp_path / "el.txt")
    lines = path.read_text().splitlines()
    lines[9], lines[19], lines[29] = "n/a", "", "1.000,5"
    write_lines(path, lines, "cp1252", "\n")
    said = problems(store, short, path)
    assert [
        "8,000 values" in said[0],
        "row 10: 'n/a' is not a number" in said[1],
        "row 20: the line is blank" in said[2],
    ] == [True] * 3
    assert "row 30" in said[3]


def test_two_distributions_of_one_name_are_refused(store: Store, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (said,) = problems(store, write_distribution(tmp_path / "el.txt"), write_distribution(tmp_path / "a" / "el.txt"))
    assert "two distributions are named el.txt" in said


# --- fragments and cost files ----------------------------------------------------------------------------------------
def test_a_fragment_changes_keys_and_the_cells_that_follow(store: Store, tmp_path: Path, file: Path) -> None:
    store.import_("energyplan", file, scenario="base")
    fragment = write_fragment(tmp_path / "f.txt", input_RES1_capacity="7000", input_cap_pp_el="200")
    report = store.import_("energyplan", fragment, scenario="base")
    assert report.n_set == {"energyplan_key": 2, "process": 2, "process_mode": 1, "process_flow": 3}
    assert not store.import_("energyplan", fragment, scenario="base").changed
    rows = store.sql(
        "SELECT process, existing_mw, capital FROM input.process WHERE existing_mw IS NOT NULL ORDER BY 1"
    ).rows()
    assert [tuple(r.values()) for r in rows] == [("Photo Voltaic (RES1)", 7.0, 2.6e6), ("power plant", 0.2, 5e5)]
    old, new = (
        file.read_bytes().decode("utf-16").split("\r\n"),
        exported(store, tmp_path).decode("utf-16").split("\r\n"),
    )
    assert [b for a, b in zip(old, new, strict=True) if a != b] == ["7000", "200"]
    (why,) = store.blame("base", "energyplan_key", "key = 'input_cap_pp_el'").rows()[:1]
    assert "f.txt" in json.dumps(why, default=str)


def test_a_fragment_leaves_what_another_one_set(store: Store, tmp_path: Path, file: Path) -> None:
    """Neither other keys of the same file, nor cells that were edited since, fall back."""
    store.import_("energyplan", file, scenario="base")
    path = tmp_path / "f.txt"
    store.import_(
        "energyplan", write_fragment(path, input_RES1_capacity="7000", input_cap_pp_el="200"), scenario="base"
    )
    store.set("base", "process.capital", 1, where="process = 'power plant'", message="cheap")
    store.import_("energyplan", write_fragment(path, input_RES1_capacity="8000"), scenario="base")
    rows = store.sql(
        "SELECT process, existing_mw, capital FROM input.process WHERE existing_mw IS NOT NULL ORDER BY 1"
    ).rows()
    assert [tuple(r.values()) for r in rows] == [("Photo Voltaic (RES1)", 8.0, 2.6e6), ("power plant", 0.2, 1.0)]
    assert keys(store)["input_cap_pp_el"] == "200"


def test_a_plant_that_a_fragment_takes_away_stands_with_nothing(store: Store, tmp_path: Path, file: Path) -> None:
    store.import_("energyplan", file, scenario="base")
    store.import_("energyplan", write_fragment(tmp_path / "f.txt", input_RES1_capacity="0"), scenario="base")
    assert one(store, "SELECT existing_mw FROM input.process WHERE process LIKE 'Photo%'") == 0.0


def test_a_fragment_sets_all_of_a_key_that_is_there_twice(store: Store, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "in.txt", input_text({**KEYS, "input_twice": "1", "input_twice~": "1"}))
    store.import_("energyplan", path, scenario="base")
    store.import_("energyplan", write_fragment(tmp_path / "f.txt", INPUT_TWICE="2"), scenario="base")
    rows = store.sql("SELECT key, value FROM input.energyplan_key WHERE key = 'input_twice'").rows()
    assert [tuple(r.values()) for r in rows] == [("input_twice", "2")] * 2


def test_a_fragment_and_its_input_come_in_one_command(store: Store, tmp_path: Path, file: Path) -> None:
    fragment = write_fragment(tmp_path / "f.txt", input_RES1_capacity="7000")
    store.import_("energyplan", file, fragment, scenario="base")
    assert one(store, "SELECT existing_mw FROM input.process WHERE process LIKE 'Photo%'") == 7.0
    assert not store.import_("energyplan", file, fragment, scenario="base").changed
    store.import_("energyplan", file, scenario="base")
    assert exported(store, tmp_path) == file.read_bytes()


def test_a_fragment_of_unknown_keys_or_without_an_input_is_refused(store: Store, tmp_path: Path, file: Path) -> None:
    fragment = write_fragment(tmp_path / "f.txt", input_RES1_capacty="7000")
    (said,) = problems(store, fragment)
    assert "there are none yet" in said
    store.import_("energyplan", file, scenario="base")
    (said,) = problems(store, fragment)
    assert (
        "row 3, column input_RES1_capacty: the input file has no key 'input_RES1_capacty'. Did you mean 'input_RES1_capacity'?"
        in said
    )


def test_a_child_takes_a_fragment_and_leaves_its_base(store: Store, tmp_path: Path, file: Path) -> None:
    store.import_("energyplan", file, scenario="base")
    store.derive("child", base="base")
    store.import_("energyplan", write_fragment(tmp_path / "f.txt", input_RES1_capacity="7000"), scenario="child")
    changed = store.diff("base", "child").changes.rows()
    assert sorted((c["table"], c["column"], c["new"]) for c in changed) == [
        ("energyplan_key", "value", "7000"),
        ("process", "existing_mw", "7.0"),
    ]
    assert exported(store, tmp_path) == file.read_bytes()


def test_a_cost_file_stands_alone_or_changes_an_input(store: Store, tmp_path: Path, file: Path) -> None:
    costs = {
        k: v for k, v in KEYS.items() if k.startswith(("input_Inv", "input_Period", "input_FOM", "input_fuel_price"))
    }
    path = write_lines(tmp_path / "cost.txt", input_text({**costs, "input_Inv_PV": "0,9"}))
    assert store.import_("energyplan", path, scenario="costs").n_set == {"energyplan_file": 1, "energyplan_key": 10}
    assert exported(store, tmp_path, "costs") == path.read_bytes()
    store.import_("energyplan", file, scenario="base")
    assert store.import_("energyplan", path, scenario="base").n_set == {"energyplan_key": 1, "process": 1}
    assert one(store, "SELECT capital FROM input.process WHERE process LIKE 'Photo%'") == 9e5


# --- outputs ---------------------------------------------------------------------------------------------------------
VARIANTS = {
    "TAB": {"sep": "\t", "newline": "\n"},
    "NUL": {"sep": "\0", "newline": "\r\n"},
    "NUL of version 10": {"sep": "\0", "newline": "\r\n", "old": True},
    "decimal commas": {"sep": "\t", "newline": "\r\n", "comma": True},
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_an_output_becomes_a_run_with_all_its_figures(store: Store, tmp_path: Path, variant: str) -> None:
    year = village()
    path = write_output(tmp_path / "out.txt", year, **VARIANTS[variant])
    report = store.import_("energyplan", path, scenario="base", year=2030)
    (brought,) = report.runs
    assert (brought.run, brought.stage, brought.is_new, report.revision is not None) == (1, "energyplan", True, False)
    (facts,) = store.sql("SELECT * FROM runs").rows()
    assert (facts["status"], facts["solver"], facts["solver_version"], facts["objective"]) == (
        "feasible",
        "EnergyPLAN",
        "16.2",
        1_046_000.0,
    )
    assert (facts["years"], facts["is_default"]) == ("2030", False)
    use = demand()
    hourly = store.sql("SELECT t, mwh FROM flow WHERE technology = 'demand' AND weight_h = 1 ORDER BY t").df()
    assert (len(hourly), hourly["t"].tolist()[-1]) == (8784, 8784)
    np.testing.assert_allclose(hourly["mwh"], use / 1000, rtol=1e-12)
    monthly = store.sql(
        "SELECT t, weight_h, mwh FROM flow WHERE technology = 'demand' AND weight_h > 1 ORDER BY t"
    ).df()
    assert monthly["weight_h"].tolist() == [24.0 * d for d in DAYS]
    np.testing.assert_allclose(
        monthly["mwh"], [round(m) * 24 * d / 1000 for m, d in zip(year.months(use), DAYS, strict=True)], rtol=1e-12
    )
    assert one(store, "SELECT mwh FROM energy WHERE technology = 'demand'") == pytest.approx(use.sum() / 1000, abs=5)
    directions = store.sql(
        "SELECT technology, direction FROM energy WHERE commodity = 'electricity' ORDER BY ALL"
    ).rows()
    assert [tuple(d.values()) for d in directions] == [
        ("Export", "in"), ("Import", "out"), ("PV", "out"), ("Wave", "out"), ("Wave (2)", "out"), ("demand", "in"),
    ]  # fmt: skip
    assert one(store, "SELECT sum(mwh) FROM level WHERE technology = 'Pumped Storage'") == pytest.approx(
        (np.arange(8784) % 500).sum() / 1000
    )
    assert one(store, "SELECT avg(value) FROM price WHERE commodity = 'electricity, ExMarket'") == pytest.approx(
        (40 + np.arange(8784) % 9).mean()
    )
    costs = store.sql("SELECT technology, kind, value FROM cost WHERE value <> 0 ORDER BY ALL").rows()
    assert [tuple(c.values()) for c in costs] == [
        ("Coal", "fuel", 100_000.0), ("Export", "exchange", -80_000.0), ("Heat savings", "capital", 25_000.0), ("Heat savings", "fixed", 5000.0),
        ("Import", "exchange", 20_000.0), ("Petrol/JP", "fuel", 40_000.0), ("Photo Voltaic", "capital", 800_000.0),
        ("Photo Voltaic", "fixed", 130_000.0), ("Photo Voltaic (2)", "capital", 1000.0), (None, "variable", 5000.0),
    ]  # fmt: skip
    emissions = store.sql("SELECT emission, t FROM emission ORDER BY 1").rows()
    assert [tuple(e.values()) for e in emissions] == [("CO2", 12_500.0), ("CO2 corrected", -3250.0), ("SO2", 1.5)]
    fuel = store.sql(
        "SELECT technology, commodity, mwh FROM energy WHERE commodity LIKE 'fuel:%' AND mwh <> 0 ORDER BY 1"
    ).rows()
    assert [tuple(f.values()) for f in fuel] == [("Transp.", "fuel: Oil", 7000.0), ("VRES", "fuel: Renewable", 9000.0)]
    names = (
        "RES share of PES",
        "Oil Consumption, households",
        "TOTAL ANNUAL COSTS",
        "Stabil. Load, maximum",
        "Electr. Demand, average",
    )
    figures = {n: store.sql("SELECT value, unit FROM figure WHERE name = ? AND t IS NULL", [n]).rows() for n in names}
    assert {n: tuple(f[0].values()) for n, f in figures.items()} == {
        "RES share of PES": (36.2, "percent"), "Oil Consumption, households": (2000.0, "MWh"), "TOTAL ANNUAL COSTS": (1_046_000.0, "money"),
        "Stabil. Load, maximum": (100.0, "percent"), "Electr. Demand, average": (round(use.mean()) / 1000, "MW"),
    }  # fmt: skip
    payments = store.sql(
        "SELECT t, weight_h, value, unit FROM figure WHERE name = 'Import Payment' AND t = 2 ORDER BY weight_h"
    ).rows()
    assert [tuple(p.values()) for p in payments] == [(2, 1.0, 12.0, "money"), (2, 696.0, 12_000.0, "money")]
    assert not {f.severity for f in report.findings} & {"error"}
    assert {f.code for f in report.findings} == {"currency"}


def test_units_of_a_country(store: Store, tmp_path: Path) -> None:
    year = village()
    year.energy, year.power, year.money, year.co2 = "TWh/year", "MW", "M DKK", "Mt"
    store.import_("energyplan", write_output(tmp_path / "out.txt", year), scenario="base")
    assert one(store, "SELECT mwh FROM flow WHERE technology = 'demand' AND t = 1 AND weight_h = 1") == 3000.0
    assert one(store, "SELECT mwh FROM energy WHERE technology = 'demand'") == pytest.approx(demand().sum(), abs=5000)
    assert one(store, "SELECT value FROM cost WHERE technology = 'Coal'") == 100e6
    assert one(store, "SELECT t FROM emission WHERE emission = 'CO2'") == 12.5e6
    assert one(store, "SELECT unit FROM figure WHERE name = 'Import Payment' AND t = 9 AND weight_h = 1") == ""


def test_warnings_of_the_output_are_findings_of_the_run(store: Store, tmp_path: Path) -> None:
    year = village()
    year.warnings = ("PP too small. Critical import", "Something else")
    report = store.import_("energyplan", write_output(tmp_path / "out.txt", year), scenario="base")
    said = ["EnergyPLAN warns: PP too small. Critical import", "EnergyPLAN warns: Something else"]
    assert [f.message for f in report.findings if f.code == "energyplan-warning"] == said
    kept = store.sql(
        "SELECT message, severity FROM findings WHERE run = 1 AND code = 'energyplan-warning' ORDER BY 1"
    ).rows()
    assert [tuple(k.values()) for k in kept] == [(s, "warning") for s in said]


def test_the_same_output_twice_makes_no_second_run(store: Store, tmp_path: Path, file: Path) -> None:
    path = write_output(tmp_path / "out.txt", village())
    store.import_("energyplan", file, scenario="base", year=2030)
    dry = store.import_("energyplan", path, scenario="base", dry_run=True)
    assert [(r.run, r.is_new, r.year, r.rows["price"]) for r in dry.runs] == [(None, True, 2030, 8784)]
    assert contents(store)[2:] == [0, 0]
    assert store.import_("energyplan", path, scenario="base").changed
    before = contents(store)
    copy = tmp_path / "copy.txt"
    shutil.copy(path, copy)
    for again in (path, copy):
        report = store.import_("energyplan", again, scenario="base")
        assert (report.changed, [(r.run, r.is_new) for r in report.runs], contents(store)) == (
            False,
            [(1, False)],
            before,
        )
    assert [(r.run, r.is_new) for r in store.import_("energyplan", path, scenario="other").runs] == [(2, True)]


def test_an_imported_run_stands_beside_the_chains(store: Store, tmp_path: Path) -> None:
    for n, load in enumerate((1, 2), 1):
        year = village()
        year.columns = {name: v * load for name, v in year.columns.items()}
        store.import_("energyplan", write_output(tmp_path / f"{n}.txt", year), scenario="base", year=2030)
    store.import_("energyplan", write_output(tmp_path / "3.txt", village()), scenario="base", year=2040)
    assert store.sql("SELECT DISTINCT run, year FROM energy ORDER BY 1").rows() == [
        {"run": 2, "year": 2030},
        {"run": 3, "year": 2040},
    ]
    assert store.sql("SELECT * FROM meta.current_chain").rows() == []
    with pytest.raises(UserError, match="stands beside the chains"):
        store.use(1)
    changes = store.diff("run:1", "run:2").changes.rows()
    assert {c["table"] for c in changes} >= {"energy"}
    assert {r["run"]: r["current"] for r in store.run_list("base")} == {1: [], 2: ["base"], 3: ["base"]}


def test_a_later_change_of_keys_makes_the_run_stale(store: Store, tmp_path: Path, file: Path) -> None:
    store.import_("energyplan", file, write_output(tmp_path / "out.txt", village()), scenario="base", year=2030)
    assert [bool(r["stale"]) for r in store.run_list("base")] == [False]
    store.set("base", "energyplan_key.value", "9000", where="key = 'input_RES1_capacity'", message="more")
    assert [bool(r["stale"]) for r in store.run_list("base")] == [True]


def test_what_holds_no_figure_makes_no_run(store: Store, tmp_path: Path) -> None:
    lines = output_lines(village(), hours=1)
    (said,) = problems(store, write_lines(tmp_path / "head.txt", lines[:5], "cp1252", "\n"))
    assert "the output holds no figures" in said
    (tmp_path / "about.json").write_text('{"model": "EnergyPLAN model 16.1",\n "label": "RESULT: Data-set:"}')
    (said,) = problems(store, tmp_path / "about.json")
    assert "no file of EnergyPLAN" in said
    assert not store.run_list()


@pytest.mark.parametrize("part", range(24))
def test_a_cut_output_gives_what_is_there_and_says_what_is_not(db: Database, tmp_path: Path, part: int) -> None:
    whole = "\n".join(output_lines(village(), hours=60)).encode("cp1252")
    path = tmp_path / "out.txt"
    path.write_bytes(whole)
    run_import(db, "energyplan", path, scenario="whole")
    at = len(whole) * (part + 1) // 25 + part % 3
    path.write_bytes(whole[:at])
    error = fuzz.meets(lambda: run_import(db, "energyplan", path, scenario="cut"))
    if error is not None:
        return
    truncated = db.sql("SELECT message FROM findings WHERE scenario = 'cut' AND code = 'truncated'").to_pylist()
    assert len(truncated) == 1
    for view in ("energy", "flow", "level", "price", "cost", "emission", "figure"):
        extra = f"SELECT count(*) FROM (SELECT * EXCLUDE (run, scenario) FROM {view} WHERE scenario = 'cut' EXCEPT SELECT * EXCLUDE (run, scenario) FROM {view} WHERE scenario = 'whole')"
        assert count(db, extra) == 0, view


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("MONTHLY AVERAGE VALUES (kW)", "MONTHLY AVERAGE VALUES (hp)", "column monthly: 'hp' is not a unit"),
        ("HOURLY VALUES (kW):", "HOURLY VALUES:", "the unit of the hourly figures is missing"),
        ("ANNUAL COSTS (k EUR)", "ANNUAL COSTS (k 12)", "is not a unit of money"),
        ("\n             7   \t", "\n             8   \t", "hour 7 is expected, but '8' stands there"),
        ("\n             9   \t    ", "\n             9   \tmany", "is not a number"),
        ("March            \t    ", "March            \tmany", "is not a number"),
        ("April            \t", "April            \t1\t", "the row April has"),
    ],
)
def test_a_spoilt_output_is_refused_by_place(store: Store, tmp_path: Path, old: str, new: str, text: str) -> None:
    lines = "\n".join(output_lines(village(), hours=30)) + "\n"
    assert old in lines
    path = tmp_path / "out.txt"
    path.write_bytes(lines.replace(old, new).encode("cp1252"))
    said = problems(store, path)
    assert any(text in s for s in said), said


def test_what_does_not_add_up_is_said(store: Store, tmp_path: Path) -> None:
    lines = "\n".join(output_lines(village(), hours=30)).replace("     135", "     999")
    path = write_lines(
        tmp_path / "out.txt", re.sub(r"(Annual: +\t *)\d+", r"\g<1>99", lines).split("\n"), "cp1252", "\n"
    )
    report = store.import_("energyplan", path, scenario="base")
    said = [f.message for f in report.findings if f.code == "totals-disagree"]
    assert any("'Fixed operation costs' is 999" in s for s in said)
    assert any("don't add up to the year" in s for s in said)


def test_amounts_of_another_currency_are_refused(store: Store, tmp_path: Path, file: Path) -> None:
    store.import_("energyplan", file, scenario="base")
    year = village()
    year.money = "M DKK"
    before = contents(store)
    with pytest.raises(ProblemsError, match="amounts are in DKK, but the scenario's currency is EUR"):
        store.import_("energyplan", write_output(tmp_path / "out.txt", year), scenario="base")
    assert contents(store) == before


# --- studies of many runs --------------------------------------------------------------------------------------------
def write_study(tmp_path: Path) -> dict[str, Path]:
    texts = {
        "s__allParameters.txt": "PV_Cap CHP_Cap AnnualPV CO2-Emission AnnualCost LFC \nKWe KWe GWh Mt KEuro  \n100 20 1.5;-2.5;700.0;.31;\n200 30 2.5;1.5;600.0;.21;\n300 30 2.5;1.5;900.0;.21;\n",
        "s__VAR.txt": "100.4 0.1 \n200.2 0.2 \n300.1 0.3 \n",
        "s__FUN.txt": "-2.5 700.0 \n1.5 600.0 \n1.5 900.0 \n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    return {name: tmp_path / name for name in texts}


def test_runs_of_an_optimisation_become_points(store: Store, tmp_path: Path) -> None:
    files = write_study(tmp_path)
    report = store.import_("energyplan", *files.values(), scenario="base")
    assert [(r.stage, r.rows["pareto_point"]) for r in report.runs] == [("pareto", 3)]
    points = store.sql("SELECT point, nondominated FROM pareto ORDER BY point").rows()
    assert [tuple(p.values()) for p in points] == [(1, True), (2, True), (3, False)]
    first = store.sql("SELECT kind, name, value, unit FROM pareto_value WHERE point = 1 ORDER BY ALL").rows()
    assert [tuple(p.values()) for p in first] == [
        ("objective", "AnnualCost", 700_000.0, "money"), ("objective", "CO2-Emission", -2500.0, "t"), ("output", "AnnualCost", 700_000.0, "money"),
        ("output", "AnnualPV", 1500.0, "MWh"), ("output", "CHP_Cap", 0.02, "MW"), ("output", "CO2-Emission", -2500.0, "t"),
        ("output", "LFC", 0.31, ""), ("output", "PV_Cap", 0.1, "MW"), ("variable", "x1", 100.4, ""), ("variable", "x2", 0.1, ""),
    ]  # fmt: skip
    assert ["is headed Mt" in f.message for f in report.findings if f.code == "unit-corrected"] == [True]
    assert not store.import_("energyplan", *files.values(), scenario="base").changed


def test_files_of_a_study_that_do_not_fit_are_refused(store: Store, tmp_path: Path) -> None:
    files = write_study(tmp_path)
    files["s__VAR.txt"].write_text("1 2 \n")
    (said,) = problems(store, *files.values())
    assert "different numbers of rows" in said
    other = tmp_path / "numbers.txt"
    other.write_text("1 2 \n3 4 \n")
    (said,) = problems(store, other)
    assert "does not say what its numbers are" in said
    files["s__FUN.txt"].write_text("1 2 \n3 \n4 x \n")
    said = problems(store, files["s__FUN.txt"])
    assert [
        "row 2: the row has 1 values for 2 columns" in said[0],
        "row 3, column x2: 'x' is not a number" in said[1],
    ] == [True, True]


def test_no_point_is_better_than_one_that_is_not_dominated() -> None:
    rng = np.random.default_rng(5)
    points = rng.integers(0, 6, (60, 3)).astype(float)
    best = nondominated(points)
    for i, one_ in enumerate(points):
        beaten = any((other <= one_).all() and (other < one_).any() for other in points)
        assert best[i] == (not beaten)


# --- the command line ------------------------------------------------------------------------------------------------
def test_the_command_line_brings_in_and_writes_back(
    store: Store, tmp_path: Path, file: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = write_output(tmp_path / "out.txt", village())
    assert (
        run(
            [
                "--store",
                str(store.db.path),
                "import",
                "auto",
                str(file),
                "--scenario",
                "base",
                "--year",
                "2030",
                "--json",
            ]
        )
        == 0
    )
    assert json.loads(capfd.readouterr().out)["n_set"]["energyplan_key"] == len(KEYS) + 1
    assert (
        run(
            [
                "--store",
                str(store.db.path),
                "import",
                "energyplan",
                str(out),
                "--scenario",
                "base",
                "--dry-run",
                "--json",
            ]
        )
        == 0
    )
    (would,) = json.loads(capfd.readouterr().out)["runs"]
    assert (would["run"], would["is_new"], would["stage"]) == (None, True, "energyplan")
    assert run(["--store", str(store.db.path), "import", "energyplan", str(out), "--scenario", "base"]) == 0
    assert "came as run 1 of stage energyplan for 2030" in " ".join(capfd.readouterr().out.split())
    target = tmp_path / "back.txt"
    assert (
        run(["--store", str(store.db.path), "export", "energyplan", str(target), "--scenario", "base", "--json"]) == 0
    )
    assert json.loads(capfd.readouterr().out) == {"written": str(target), "keys": len(KEYS) + 1, "differences": []}
    assert target.read_bytes() == file.read_bytes()
    assert run(["--store", str(store.db.path), "export", "energyplan", str(target), "--json"]) == 2
    capfd.readouterr()
    broken = write_input(tmp_path / "broken.txt", EnergyUnit="PJ")
    assert run(["--store", str(store.db.path), "import", "energyplan", str(broken), "--scenario", "base"]) == 2
    said = capfd.readouterr()
    assert "Traceback" not in said.out + said.err


# --- results of other tools, for any importer ------------------------------------------------------------------------
def results(path: Path, **tables: pd.DataFrame) -> Results:
    item = pd.DataFrame(
        {"item": [1], "site": ["c"], "technology": ["boiler"], "commodity": ["heat"], "direction": ["out"]}
    )
    return Results("othertool", {"item": item, **tables}, (path,), "Other")


@pytest.mark.parametrize(
    ("tables", "text"),
    [
        ({"energie": pd.DataFrame({"item": [1]})}, "'energie' is no result table. Did you mean 'energy'?"),
        ({"energy": pd.DataFrame({"item": [1], "mwhs": [1.0]})}, "no column 'mwhs'. Did you mean 'mwh'?"),
        ({"energy": pd.DataFrame({"item": [2], "mwh": [1.0]})}, "refers to an item that there is not"),
        ({"energy": pd.DataFrame({"item": [1], "mwh": [np.inf]})}, "is not finite"),
    ],
)
def test_results_that_do_not_fit_the_store_are_refused(
    db: Database, tmp_path: Path, tables: dict[str, pd.DataFrame], text: str
) -> None:
    path = tmp_path / "x.dat"
    with pytest.raises(ProblemsError) as refused:
        bring(db, path, results(path, **tables))
    assert text in str(refused.value)
    assert count(db, "SELECT count(*) FROM meta.run") == 0


def test_results_and_inputs_come_in_one_transaction(db: Database, tmp_path: Path) -> None:
    path = tmp_path / "x.dat"
    prices = pd.DataFrame({"site": ["c"], "commodity": ["gas"], "price": [35.0]})
    energy = pd.DataFrame({"item": [1, 1], "year": [2030, 2040], "mwh": [5.0, 6.0]})
    report = bring(db, path, Rows("commodity", prices, path), results(path, energy=energy))
    (run_,) = db.sql("SELECT * FROM runs").to_pylist()
    assert (run_["stage"], run_["revision"], run_["solver"]) == ("othertool", report.revision, "Other")
    assert json.loads(run_["options"])["files"] == {
        str(path): "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73"
    }
    assert count(db, "SELECT sum(mwh) FROM by_run.energy WHERE technology = 'boiler'") == 11


class Looking:
    """An importer that doubles the price that the scenario holds; somebody else changes it after the first look."""

    name, reads, attribution = "looking", "", ""

    def __init__(self, db: Database, path: Path) -> None:
        self.db, self.path, self.looks = db, path, 0

    def read(self, request: Request) -> Iterator[Item]:
        assert request.held is not None
        held = request.held.table("commodity")
        self.looks += 1
        if self.looks == 1:
            other = pd.DataFrame({"site": ["c"], "commodity": ["gas"], "price": [50.0]})
            run_import(self.db, Given(Rows("commodity", other, self.path, partial=True)), self.path, scenario="base")
        frame = held[["site", "commodity", "price"]].assign(price=held["price"] * 2)
        yield Rows("commodity", frame, self.path, partial=True)


def test_an_importer_looks_again_if_the_scenario_moved(db: Database, tmp_path: Path) -> None:
    path = tmp_path / "x.dat"
    bring(db, path, Rows("commodity", pd.DataFrame({"site": ["c"], "commodity": ["gas"], "price": [35.0]}), path))
    importer = Looking(db, path)
    run_import(db, importer, path, scenario="base")
    assert importer.looks == 2
    assert count(db, "SELECT price FROM input.commodity") == 100


def test_a_new_scenario_holds_nothing_yet(db: Database, tmp_path: Path) -> None:
    class Nothing(Looking):
        def read(self, request: Request) -> Iterator[Item]:
            assert request.held is not None
            held = request.held.table("commodity")
            assert (len(held), "price" in held.columns, request.held.profile("x")) == (0, True, None)
            with pytest.raises(UnknownNameError):
                request.held.table("comodity")
            yield Rows("commodity", pd.DataFrame({"site": ["c"], "commodity": ["gas"], "price": [35.0]}), self.path)

    path = tmp_path / "x.dat"
    path.write_bytes(b"x")
    assert run_import(db, Nothing(db, path), path, scenario="base").changed


# --- spoilt files ----------------------------------------------------------------------------------------------------
def test_spoilt_files_are_read_or_reported(store: Store, tmp_path: Path) -> None:
    write_study(tmp_path)
    sources = (
        (write_input(tmp_path / "in.txt"), "utf-16"), (write_input(tmp_path / "ansi.txt", "cp1252", "\n"), "cp1252"),
        (write_fragment(tmp_path / "f.txt", input_RES1_capacity="7"), "cp1252"), (write_distribution(tmp_path / "el.txt"), "cp1252"),
        (tmp_path / "s__allParameters.txt", "cp1252"), (tmp_path / "s__FUN.txt", "cp1252"),
        (write_lines(tmp_path / "out.txt", output_lines(village(), hours=40), "cp1252", "\n"), "cp1252"),
    )  # fmt: skip
    (tmp_path / "spoilt").mkdir()
    refused = 0
    for source, encoding in sources:
        target = tmp_path / "spoilt" / source.name
        request = Request((target,), "base")
        for spoilt in (fuzz.spoilt_bytes(source, target, 18, 1), fuzz.spoilt_lines(source, target, 28, 2, encoding)):
            for _ in spoilt:
                refused += (
                    fuzz.meets(lambda r=request: batch.read(EnergyplanImporter().read(r), None, "it")) is not None
                )
        target.write_bytes(source.read_bytes()[:-7])
        fuzz.meets(lambda t=target: store.import_("energyplan", t, scenario="base", dry_run=True))
    assert refused > 100
    assert contents(store) == [0, 0, 0, 0]


def test_an_input_read_and_rendered_is_the_same_for_any_lines() -> None:
    rng = np.random.default_rng(3)
    for _ in range(50):
        n = int(rng.integers(1, 20))
        pairs = [
            (
                f"{' ' * int(rng.integers(0, 2))}key{int(rng.integers(0, 8))}=",
                str(rng.choice(["", "0", "1,5", " a = b", "æ", "xxx"])),
            )
            for _ in range(n)
        ]
        lines = ["EnergyPLAN version", "16.0", *(x for pair in pairs for x in pair), *["xxx"] * int(rng.integers(0, 9))]
        newline, end = str(rng.choice(["CRLF", "LF"])), bool(rng.integers(0, 2))
        text = {"CRLF": "\r\n", "LF": "\n"}[newline].join(lines) + (
            {"CRLF": "\r\n", "LF": "\n"}[newline] if end else ""
        )
        if lines[-1] == "" and not end:
            continue  # the end of the text is that of a line
        data = encode(text, "cp1252")
        file = read_input(Path("some.txt"), *decode(data))
        assert not isinstance(file, list)
        assert render(file.entries, file.layout) == data or any(f.code == "not-byte-identical" for f in file.findings)
        assert isinstance(file.layout, Layout)
