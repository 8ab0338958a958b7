"""OSeMOSYS in its formats: what each says, what it becomes, what is refused, and that no spoilt file does harm."""

from __future__ import annotations

import itertools
import json
import re
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import openpyxl
import pytest

from dhsdb import Store
from dhsdb.cli import run
from dhsdb.errors import EXIT_USER, ProblemsError, UnknownNameError
from dhsdb.importers import batch
from dhsdb.importers.osemosys import OsemosysImporter
from dhsdb.importers.osemosys_csv import read_config
from dhsdb.importers.osemosys_gmpl import read_gmpl
from dhsdb.importers.osemosys_source import Model, Source
from dhsdb.importers.registry import recognise
from dhsdb.importers.rows import Request
from tests.importers import fuzz

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dhsdb.database import Database

PJ = 1e15 / 3.6e9
SMALL = """
# a plant that turns gas into heat, in two regions' worth of names
set REGION := R;
set TECHNOLOGY := mine boiler;
set FUEL := gas heat;
set EMISSION := CO2;
set STORAGE := ;
set MODE_OF_OPERATION := 1;
set TIMESLICE := day night;
set YEAR := 2020 2021 2022;
set SEASON := ; set DAYTYPE := ; set DAILYTIMEBRACKET := ;
param DiscountRate default 0.05 := ;
param YearSplit default 0.5 := ;
param OutputActivityRatio default 0 :=
[R,mine,gas,*,*]: 2020 2021 2022 :=
1 1 1 1
[R,boiler,heat,*,*]: 2020 2021 2022 :=
1 1 1 1;
param InputActivityRatio default 0 := [R,boiler,gas,1,*] 2020 1.1 2021 1.1 2022 1.0;
param SpecifiedAnnualDemand default 0 := [R,heat,*] 2020 10, 2021 10, 2022 12;
param SpecifiedDemandProfile default 0 := [R,heat,*,*] (tr): day night := 2020 0.6 0.4 2021 0.6 0.4 2022 0.7 0.3;
param CapacityToActivityUnit default 1 : mine boiler := R 31.536 31.536;
param CapitalCost default 0 := [R,*,*]: 2020 2021 2022 := boiler 100 100 90;
param OperationalLife default 20 := ;
"""


@pytest.fixture
def store(db: Database) -> Store:
    return Store(db.path)


def text(tmp_path: Path, *changes: tuple[str, str], more: str = "", base: str = SMALL) -> Path:
    """Write the small model with changes."""
    for old, new in changes:
        assert old in base, old
        base = base.replace(old, new)
    path = tmp_path / "model.txt"
    path.write_text(base + more, encoding="utf-8")
    return path


def rows(store: Store, table: str, columns: str = "*") -> list[dict[str, Any]]:
    return store.sql(f"SELECT {columns} FROM input.\"{table}\" WHERE scenario = 's' ORDER BY ALL").rows()


def refusal(store: Store, path: Path, **options: Any) -> ProblemsError:
    with pytest.raises(ProblemsError) as caught:
        store.import_("osemosys", path, scenario="s", **options)
    assert "s" not in [row["scenario"] for row in store.sql("SELECT scenario FROM scenarios").rows()]
    return caught.value


def codes(report: Any) -> set[str]:
    return {f.code for f in report.findings}


# --- what a model becomes --------------------------------------------------------------------------------------------
def test_capacities_are_power_and_costs_follow(store: Store, tmp_path: Path) -> None:
    store.import_("osemosys", text(tmp_path), scenario="s")
    found = rows(store, "process", "process, year, capital, source_mw, life, wacc, cap_max")
    assert [(r["process"], r["year"], r["capital"]) for r in found] == [
        ("boiler", 2020, pytest.approx(0.1)), ("boiler", 2021, pytest.approx(0.1)), ("boiler", 2022, pytest.approx(0.09)),
        ("mine", 2020, 0), ("mine", 2021, 0), ("mine", 2022, 0),
    ]  # fmt: skip
    assert {(r["life"], r["wacc"], r["cap_max"]) for r in found} == {(20, 0.05, None)}
    assert found[0]["source_mw"] == pytest.approx(1000)
    raw = store.sql("SELECT process, year FROM layer.process ORDER BY ALL NULLS FIRST").rows()
    assert [(r["process"], r["year"]) for r in raw][3:] == [("mine", None)], "what never changes is one row"


def test_demand_is_an_annual_amount_and_shares_of_slices(store: Store, tmp_path: Path) -> None:
    store.import_("osemosys", text(tmp_path), scenario="s")
    found = rows(store, "demand", "year, commodity, timing, mwh, profile")
    assert [(r["year"], r["mwh"]) for r in found] == [(2020, 10 * PJ), (2021, 10 * PJ), (2022, 12 * PJ)]
    assert [r["profile"] for r in found] == [
        "demand for heat in R, 2020", "demand for heat in R, 2020", "demand for heat in R, 2022"
    ]  # fmt: skip
    slices = rows(store, "time_slice", "t, label, weight_h, year")
    assert [(r["t"], r["label"], r["weight_h"]) for r in slices[:1] + slices[-1:]] == [
        (1, "day", 4380),
        (2, "night", 4380),
    ]


def test_the_scenario_carries_the_switches_of_its_tool(store: Store, tmp_path: Path) -> None:
    options = {"currency": "million USD", "emission_unit": "kt", "price_year": 2020}
    report = store.import_("osemosys", text(tmp_path), scenario="s", options=options)
    found = {r["option"]: r["value"] for r in rows(store, "model_option")}
    assert found == {
        "accounting": "osemosys", "life_rule": "osemosys", "negative_emission": "forbid", "cost_floor": "osemosys",
        "energy_unit": "PJ", "emission_unit": "kt", "currency": "million USD", "price_year": "2020",
    }  # fmt: skip
    assert "currency-not-stated" not in codes(report)


def test_defaults_that_are_not_neutral_count(store: Store, tmp_path: Path) -> None:
    more = """
param VariableCost default 3.6 := ;
param AvailabilityFactor default 0.9 := ;
param CapacityFactor default 0.5 := [R,mine,day,*] 2020 1 2021 1 2022 1;
param TotalAnnualMaxCapacity default 7 := ;
param ReserveMargin default 1.2 := ;
param ReserveMarginTagFuel default 1 := ;
param EmissionsPenalty default 4 := ;
"""
    store.import_("osemosys", text(tmp_path, more=more), scenario="s")
    assert {r["variable"] for r in rows(store, "process_mode")} == {3.6 / PJ}
    found = rows(store, "process", "process, annual_avail, avail_profile, cap_max")
    assert {(r["annual_avail"], round(r["cap_max"])) for r in found} == {(0.9, 7000)}
    values = store.sql(
        "SELECT profile, list(value ORDER BY t) AS v FROM input.profile JOIN meta.series USING (sha256)"
        " JOIN meta.series_value USING (series) WHERE scenario = 's' AND profile LIKE 'avail%' GROUP BY ALL ORDER BY ALL"
    ).rows()
    assert [(r["profile"], r["v"]) for r in values] == [
        ("availability of boiler in R", [0.5, 0.5]), ("availability of mine in R", [1, 0.5]),
    ]  # fmt: skip
    assert {(r["value"], r["quantity"], r["base"], r["per"]) for r in rows(store, "limit")} == {
        (1.2, "capacity", "production", "step")
    }
    assert {r["commodity"] for r in rows(store, "limit_term") if r["side"] == "base"} == {"gas", "heat"}
    assert {r["price"] for r in rows(store, "emission")} == {4 / 1e6}


def test_shares_that_do_not_add_up_are_demanded_as_they_are(store: Store, tmp_path: Path) -> None:
    path = text(tmp_path, ("2022 0.7 0.3", "2022 0.6 0.3"))
    report = store.import_("osemosys", path, scenario="s")
    assert rows(store, "demand", "mwh, year")[-1]["mwh"] == pytest.approx(12 * 0.9 * PJ)
    assert [f.severity for f in report.findings if f.code == "share-sum"] == ["warning"]


def test_limits_become_rows_with_terms_and_unlimited_is_nothing(store: Store, tmp_path: Path) -> None:
    more = """
param TotalTechnologyAnnualActivityUpperLimit default -1 := [R,boiler,*] 2020 5 2021 -1 2022 5;
param TotalTechnologyModelPeriodActivityLowerLimit default 0 := R mine 3;
param AnnualEmissionLimit default 999999 := [R,CO2,*] 2022 1.5;
param ModelPeriodEmissionLimit default -1 := R CO2 9;
param ModelPeriodExogenousEmission default 0 := R CO2 2;
param AnnualExogenousEmission default 0.25 := ;
"""
    report = store.import_("osemosys", text(tmp_path, more=more), scenario="s")
    found = {(r["limit"], r["year"]): (r["sense"], r["per"], r["value"]) for r in rows(store, "limit")}
    assert found["activity max per year, boiler in R", 2020] == ("max", "year", 5 * PJ)
    assert found["activity max per year, boiler in R", 2021] == ("max", "year", None)
    assert found["activity min per horizon, mine in R", 2020] == ("min", "horizon", 3 * PJ)
    assert found["CO2 max per year in R", 2022] == ("max", "year", 1.5e6)
    assert found["CO2 max per year in R", 2020][2] is None
    assert found["CO2 max per horizon in R", 2021] == ("max", "horizon", 9e6)
    assert {(r["exogenous_t"], r["exogenous_horizon_t"]) for r in rows(store, "emission")} == {(2.5e5, 2e6)}
    assert "not-emitted" in codes(report)


def test_a_mode_without_flows_is_kept_where_a_lower_limit_makes_it_matter(store: Store, tmp_path: Path) -> None:
    changes = (("MODE_OF_OPERATION := 1", "MODE_OF_OPERATION := 1 2"),)
    more = "param VariableCost default 0 := [R,*,2,*]: 2020 2021 2022 := mine 5 5 5 boiler 6 6 6;\n"
    report = store.import_("osemosys", text(tmp_path, *changes, more=more), scenario="s")
    assert {(r["process"], r["mode"]) for r in rows(store, "process_mode")} == {("mine", "1"), ("boiler", "1")}
    assert any("6 values are of modes without flows" in f.message for f in report.findings)
    more += "param TotalTechnologyAnnualActivityLowerLimit default 0 := [R,mine,*] 2021 1;\n"
    report = store.import_("osemosys", text(tmp_path, *changes, more=more), scenario="s")
    assert ("mine", "2") in {(r["process"], r["mode"]) for r in rows(store, "process_mode")}
    idle = [r for r in rows(store, "process_flow") if r["mode"] == "2"]
    assert {(r["process"], r["commodity"], r["ratio"]) for r in idle} == {("mine", "gas", 0)}
    assert "idle-mode" in codes(report)


STORAGE = (
    ("STORAGE := ;", "STORAGE := tank;"),
    (
        "set SEASON := ; set DAYTYPE := ; set DAILYTIMEBRACKET := ;",
        "set SEASON := 1; set DAYTYPE := 1; set DAILYTIMEBRACKET := 1 2;",
    ),
    ("MODE_OF_OPERATION := 1", "MODE_OF_OPERATION := 1 2"),
)
STORAGE_DATA = """
param Conversionls default 1 := ; param Conversionld default 1 := ;
param Conversionlh default 0 : 1 2 := day 1 0 night 0 1;
param TechnologyToStorage default 0 := [R,boiler,*,*]: 1 2 := tank 0 0.9;
param TechnologyFromStorage default 0 := R boiler tank 1 1;
param StorageLevelStart default 2 := ; param StorageMaxChargeRate default 31.536 := ;
param CapitalCostStorage default 5 := ; param MinStorageCharge default 0.1 := ; param OperationalLifeStorage default 40 := ;
"""


def test_storage_is_linked_to_modes_and_to_the_calendar(store: Store, tmp_path: Path) -> None:
    report = store.import_("osemosys", text(tmp_path, *STORAGE, more=STORAGE_DATA), scenario="s")
    tank = rows(store, "storage")[0]
    assert (tank["kind"], tank["level_start"], tank["level_min"], tank["life"]) == ("daytype", 2 * PJ, 0.1, 40)
    assert (tank["charge_max"], tank["discharge_max"], tank["e_existing"]) == (pytest.approx(1000), 0, 999 * PJ)
    links = {(r["process"], r["mode"], r["direction"], r["ratio"]) for r in rows(store, "storage_link")}
    assert links == {("boiler", "2", "in", 0.9), ("boiler", "1", "out", 1.0)}
    assert {(r["t"], r["season"], r["bracket"]) for r in rows(store, "time_slice")} == {(1, 1, 1), (2, 1, 2)}
    assert {(r["bracket"], r["day_split"], r["days_in_daytype"]) for r in rows(store, "slice_calendar")} == {
        (1, 0.00137, 7),
        (2, 0.00137, 7),
    }
    assert {"storage-rate", "default-assumed"} <= codes(report)


def test_trade_is_a_pair_of_lines(store: Store, tmp_path: Path) -> None:
    changes = (("REGION := R;", "REGION := R Q;"),)
    output = "[Q,mine,gas,*,*]: 2020 2021 2022 := 1 1 1 1 [R,mine,gas,*,*]:"
    both = (
        *changes,
        ("[R,mine,gas,*,*]:", output),
        ("[R,boiler,gas,1,*]", "[Q,boiler,gas,1,*] 2020 0 [R,boiler,gas,1,*]"),
    )
    more = "param TradeRoute default 0 := [*,*,gas,*] : ;"
    del more
    route = "param TradeRoute default 0 := [R,Q,gas,*] 2020 1 2021 1 2022 1 [Q,R,gas,*] 2020 1 2021 1 2022 1;\n"
    store.import_("osemosys", text(tmp_path, *both, more=route), scenario="s")
    lines = {
        (r["site_from"], r["site_to"], r["commodity"], r["eff"], r["cap_max"]) for r in rows(store, "transmission")
    }
    assert lines == {("R", "Q", "gas", 1, None), ("Q", "R", "gas", 1, None)}
    assert {(r["site"], r["process"]) for r in rows(store, "process")} >= {
        ("Q", "mine"),
        ("R", "mine"),
        ("R", "boiler"),
    }


# --- what is refused -------------------------------------------------------------------------------------------------
REFUSED: dict[str, tuple[tuple[tuple[str, str], ...], str, str]] = {
    "a fuel without producer": ((("[R,mine,gas,*,*]", "[R,mine,heat,*,*]"),), "", "nothing produces it"),
    "a producer in some years only": ((("1 1 1 1\n[R,boiler", "1 1 0 1\n[R,boiler"),), "", "nothing produces it (2021)"),
    "negative ratio": ((("2020 1.1", "2020 -1.1"),), "", "'-1.1' is negative: R, boiler, gas, 1, 2020"),
    "negative capital cost": ((("boiler 100", "boiler -100"),), "", "'-100' is negative: R, boiler, 2020"),
    "capacity without activity": ((("R 31.536 31.536", "R 0 31.536"),), "", "'0' makes nothing of any capacity: R, mine"),
    "a label outside its set": ((("[R,boiler,gas,1,*]", "[R,boler,gas,1,*]"),), "", "Did you mean 'boiler'?"),
    "a demand without profile": ((("2022 0.7 0.3", "2022 0 0"),), "", "the demand has no profile (2022)"),
    "slices that are no year": ((("YearSplit default 0.5", "YearSplit default 0.4"),), "", "add up to 0.8 years"),
    "a limit below nothing": ((), "param TotalAnnualMaxCapacity default -1 := [R,mine,*] 2020 -5;", "'-5' is no limit"),
    "a rate in percent": ((("DiscountRate default 0.05 :=", "DiscountRate default 0.05 := R 5"),), "", "'5' is no rate"),
    "an odd depreciation": ((), "param DepreciationMethod default 3 := ;", "neither 1 (sinking fund) nor 2"),
    "a value twice": ((("2021 1.1 2022", "2020 1.1 2022"),), "", "the value is given twice: R, boiler, gas, 1, 2020"),
    "a member twice": ((("gas heat;", "gas heat gas;"),), "", "'gas' stands twice in FUEL"),
    "a ragged table": ((("2020 2021 2022 := boiler 100 100 90", "2020 2021 2022 := boiler 100 100"),), "", "no whole number of records of 4"),
    "text for a number": ((("boiler 100", "boiler 1oo"),), "", "'1oo' is not a number"),
    "infinity": ((("boiler 100", "boiler inf"),), "", "is not a finite number"),
    "no year": ((("set YEAR := 2020 2021 2022;", "set YEAR := ;"),), "", "the set YEAR is missing or empty"),
    "years that are words": ((("set YEAR := 2020", "set YEAR := MMXX"),), "", "'MMXX' is no whole number"),
    "a model, no data": ((), "var NewCapacity{r in REGION} >= 0;", "belongs to a model"),
    "an unknown parameter": ((), "param CapitalCosts default 0 := R boiler 2020 5;", "Did you mean 'CapitalCost'?"),
    "a user-defined constraint": ((), "param UDCConstant default 0 := [R,*,*]: 2020 := u 5;", "UDCConstant has no place in the tables"),
    "a limit of MUIO": ((), "param TechnologyActivityByModeLowerLimit default 0 := R mine 1 2020 5;", "has no place in the tables"),
    "trade one way": ((("REGION := R;", "REGION := R Q;"),), "param TradeRoute default 0 := R Q gas 2020 1;", "the way back is missing"),
    "trade with itself": ((), "param TradeRoute default 0 := R R gas 2020 1;", "a region can't trade with itself"),
    "half a trade": ((("REGION := R;", "REGION := R Q;"),), "param TradeRoute default 0 := R Q gas 2020 0.5 Q R gas 2020 0.5;", "neither 0 nor 1"),
    "everything makes everything": ((("OutputActivityRatio default 0", "OutputActivityRatio default 1"),), "", "would join everything"),
    "storage and a gap of years": ((*STORAGE, ("2020 2021 2022", "2020 2021 2023")), STORAGE_DATA, "storage needs every year"),
    "a slice of two seasons": ((*STORAGE, ("SEASON := 1;", "SEASON := 1 2;")), STORAGE_DATA, "belong to no or several SEASON"),
    "seasons that do not count": ((*STORAGE, ("SEASON := 1;", "SEASON := 2;")), STORAGE_DATA, "SEASON must be 1, 2, 3"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_can_not_be_meant_is_refused_by_name(store: Store, tmp_path: Path, name: str) -> None:
    changes, more, said = REFUSED[name]
    base = SMALL
    if "a gap of years" in name:
        base, changes = SMALL.replace("2022", "2023"), changes[:-1]
    error = refusal(store, text(tmp_path, *changes, more=more, base=base))
    assert said in str(error)
    assert all(p.file.endswith("model.txt") for p in error.problems)


def test_problems_name_the_line(store: Store, tmp_path: Path) -> None:
    path = text(tmp_path, ("2020 1.1", "2020 -1.1"), ("boiler 100", "boiler -100"))
    lines = path.read_text().split("\n")
    places = {p.column: p.row for p in refusal(store, path).problems}
    assert {c: lines[r - 1].split()[1] for c, r in places.items() if r} == {
        "InputActivityRatio": "InputActivityRatio",
        "CapitalCost": "CapitalCost",
    }


def test_costs_that_cancel_over_modes_are_dropped_with_a_word(store: Store, tmp_path: Path) -> None:
    more = "param VariableCost default 0 := [R,mine,*,*]: 2020 2021 2022 := 1 5 5 5 2 -5 -5 -5;\n"
    path = text(tmp_path, ("MODE_OF_OPERATION := 1", "MODE_OF_OPERATION := 1 2"), more=more)
    report = store.import_("osemosys", path, scenario="s")
    assert {r["variable"] for r in rows(store, "process_mode")} == {0}
    assert "cost-sum" in codes(report)


def test_what_the_user_wants_left_out_is_left_out(store: Store, tmp_path: Path) -> None:
    path = text(tmp_path, more="param UDCConstant default 0 := [R,*,*]: 2020 := u 5;")
    report = store.import_("osemosys", path, scenario="s", options={"ignore": "UDCConstant"})
    assert [f.severity for f in report.findings if f.code == "left-out"] == ["warning"]
    with pytest.raises(UnknownNameError, match="energy_unt"):
        store.import_("osemosys", path, scenario="s", options={"energy_unt": "PJ"})
    with pytest.raises(ProblemsError, match="furlong"):
        store.import_("osemosys", path, scenario="s", options={"energy_unit": "furlong", "ignore": "UDCConstant"})


def test_the_command_line_takes_options_of_the_format(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(text(tmp_path))
    base = ["--store", str(store.db.path), "import", "osemosys", path, "--scenario", "s", "--json"]
    assert run([*base, "-o", "emission_unit=kt", "-o", "currency=million USD"]) == 0
    assert json.loads(capsys.readouterr().out)["format"] == "osemosys"
    assert {r["option"]: r["value"] for r in rows(store, "model_option")}["currency"] == "million USD"
    for wrong in ("emission_unit", "emision_unit=kt", "emission_unit=furlong"):
        assert run([*base, "-o", wrong]) == EXIT_USER, wrong


# --- MathProg --------------------------------------------------------------------------------------------------------
def values(tmp_path: Path, more: str, name: str) -> dict[str, float]:
    head = SMALL[: SMALL.index("param DiscountRate")]
    source = read_gmpl(text(tmp_path, more=more, base=head))
    assert not source.problems, source.problems
    model = Model(source)
    assert not model.problems
    found = model.given[name]
    return {model.words(name, found.at[:, i]): float(v) for i, v in enumerate(found.values)}


@pytest.mark.parametrize(
    "form",
    [
        "param CapitalCost default 0 := R mine 2020 1 R mine 2021 2 R boiler 2020 3;",
        "param CapitalCost := [R,*,*]: 2020 2021 := mine 1 2 boiler 3 . ;",
        "param CapitalCost default 0 := [R,*,*] (tr): mine boiler := 2020 1 3 2021 2 . ;",
        "param CapitalCost := [R,mine,*] 2020 1, 2021 2, [R,boiler,*] 2020 3;",
        "param default 0 : CapitalCost := R mine 2020 1 R mine 2021 2 R boiler 2020 3;",
        "param : CapitalCost := 'R' \"mine\" 2020 1 R mine 2021 2 R boiler 2020 3;",
        "param CapitalCost default 0 := /* a\n comment; */ [*,*,2020]: mine boiler := R 1 3 # more\n [*,*,2021]: mine := R 2;",
    ],
)  # fmt: skip
def test_every_way_of_writing_a_parameter_says_the_same(tmp_path: Path, form: str) -> None:
    assert values(tmp_path, form, "CapitalCost") == {"R, mine, 2020": 1, "R, mine, 2021": 2, "R, boiler, 2020": 3}


def test_one_table_of_several_parameters(tmp_path: Path) -> None:
    more = "param default 0 : CapitalCost FixedCost := R mine 2020 1 10 R boiler 2020 2 20;"
    assert values(tmp_path, more, "CapitalCost") == {"R, mine, 2020": 1, "R, boiler, 2020": 2}
    assert values(tmp_path, more, "FixedCost") == {"R, mine, 2020": 10, "R, boiler, 2020": 20}


def test_a_million_values_are_read_as_arrays(tmp_path: Path) -> None:
    import time

    years = list(range(2000, 2100))
    technologies = [f"t{i}" for i in range(500)]
    lines = [f"{t} {' '.join(['1.5'] * len(years))}" for t in technologies]
    block = "\n".join([f"[R,*,s{k},*]: {' '.join(map(str, years))} :=\n" + "\n".join(lines) for k in range(20)])
    path = tmp_path / "large.txt"
    sets = f"set REGION := R; set TECHNOLOGY := {' '.join(technologies)}; set YEAR := {' '.join(map(str, years))};"
    path.write_text(
        f"{sets} set TIMESLICE := {' '.join(f's{k}' for k in range(20))};\nparam CapacityFactor default 1 :=\n{block};"
    )
    begin = time.process_time()
    model = Model(read_gmpl(path))
    assert model.given["CapacityFactor"].values.sum() == 1.5 * 20 * 500 * 100
    assert time.process_time() - begin < 5, "seconds for a million values; measured 0.8"


# --- CSV folders and workbooks ---------------------------------------------------------------------------------------
CONFIG = """
YEAR:
    type: set
    dtype: int
OperationalLife:
    indices: [REGION,TECHNOLOGY]
    type: param
    dtype: float
    default: 20
    short_name: OpLife  # a comment
DiscountRate:
    indices:
      - REGION
    type: param
    default: 0.08
TotalDiscountedCost:
    indices: [REGION,YEAR]
    type: result
"""


def folder(tmp_path: Path) -> Path:
    """Write the small model as otoole's folder."""
    from dhsdb.importers.osemosys_names import OTHER_REGION, PARAMETERS

    model = Model(read_gmpl(text(tmp_path)))
    target = tmp_path / "model" / "data"
    target.mkdir(parents=True, exist_ok=True)
    for name, members in model.sets.items():
        (target / f"{name}.csv").write_text("VALUE\n" + "".join(f"{m}\n" for m in members))
    for name, parameter in PARAMETERS.items():
        if parameter.kind == "model" and name != "YearSplit":
            head = ",".join("_REGION" if i == OTHER_REGION else i for i in parameter.indices)
            lines = [f"{head},VALUE\n"]
            if (found := model.given.get(name)) is not None:
                lines += [
                    f"{model.words(name, found.at[:, i]).replace(', ', ',')},{v!r}\n"
                    for i, v in enumerate(found.values.tolist())
                ]
            (target / f"{name}.csv").write_text("".join(lines))
    pairs = itertools.product(("day", "night"), (2020, 2021, 2022))
    (target / "YearSplit.csv").write_text("TIMESLICE,YEAR,VALUE\n" + "".join(f"{s},{y},0.5\n" for s, y in pairs))
    (target.parent / "config.yaml").write_text(CONFIG)
    return target


def same_but_for(store: Store, one: str, other: str, tables: tuple[str, ...]) -> None:
    for table in tables:
        found = [
            store.sql(f"SELECT * EXCLUDE (scenario) FROM input.\"{table}\" WHERE scenario = '{s}'").rows()
            for s in (one, other)
        ]
        assert sorted(map(repr, found[0])) == sorted(map(repr, found[1])), table


EQUAL = ("process_flow", "demand", "time_slice", "commodity", "process_mode", "limit", "emission", "model_year")


def test_a_folder_with_its_configuration_says_the_same_as_the_data_file(store: Store, tmp_path: Path) -> None:
    data = folder(tmp_path)
    report = store.import_("auto", data.parent, scenario="folder")
    store.import_("osemosys", tmp_path / "model.txt", scenario="text")
    same_but_for(store, "folder", "text", EQUAL)
    assert store.sql("SELECT DISTINCT discount_rate AS d FROM input.site WHERE scenario = 'folder'").rows() == [
        {"d": 0.08}
    ]
    assert any("StorageMaxChargeRate" not in f.message for f in report.findings)
    assert store.import_("osemosys", data, scenario="folder").revision is None, "the folder within is the same model"
    shutil.move(data.parent / "config.yaml", tmp_path / "elsewhere.yaml")
    assert store.import_("osemosys", data, tmp_path / "elsewhere.yaml", scenario="folder").revision is None
    source = store.sql(
        "SELECT f.file, p.source_row FROM layer.process_flow AS p JOIN meta.source AS f USING (source) WHERE p.commodity = 'gas' AND direction = 'in' AND f.file LIKE '%.csv' ORDER BY ALL"
    ).rows()
    assert source[0]["file"].endswith("InputActivityRatio.csv")
    assert source[0]["source_row"] == 2


def test_a_configuration_is_read_without_yaml(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG)
    source = Source("otoole", path)
    config = read_config(path, source)
    assert source.defaults == {"OperationalLife": 20, "DiscountRate": 0.08}
    assert config.facts["OperationalLife"]["short_name"] == "OpLife"
    assert config.facts["DiscountRate"]["indices"] == config.facts["TotalDiscountedCost"]["indices"][:1] == ["REGION"]
    path.write_text("OperationalLife:\n    type: param\n    default: twenty\n!!python/object:x\n&a [*a, *a]\n")
    source = Source("otoole", path)
    read_config(path, source)
    assert [(p.row, p.code) for p in source.problems] == [(4, "config"), (5, "config"), (1, "config")]


CSV_MISTAKES: dict[str, tuple[str, Callable[[str], str | bytes], str]] = {
    "a misspelt file": ("CapitalCost.csv>CapitalCots.csv", lambda t: t, "Did you mean 'CapitalCost'?"),
    "a misspelt column": ("CapitalCost.csv", lambda t: t.replace("TECHNOLOGY", "TECHNOLOG"), "Did you mean 'TECHNOLOGY'?"),
    "a decimal comma": ("CapitalCost.csv", lambda t: t.replace(",100.0", ',"100,0"', 1), "'100,0' is not a finite number"),
    "a row too long": ("CapitalCost.csv", lambda t: t + "R,boiler,2020,1,2,3\n", "no table of commas"),
    "another encoding": ("FUEL.csv", lambda t: (t + "öl\n").encode("latin-1"), "no text in UTF-8"),
    "semicolons": ("CapitalCost.csv", lambda t: t.replace(",", ";"), "Separate columns by commas"),
    "a number beyond all": ("CapacityToActivityUnit.csv", lambda t: t + "R,boiler,1e308\n", "'1e308' is no quantity"),
    "a number close to nothing": ("CapacityToActivityUnit.csv", lambda t: t + "R,boiler,1e-320\n", "'1e-320' is no quantity"),
    "a label outside": ("CapitalCost.csv", lambda t: t.replace("boiler", "boilr"), "'boilr' is no member of TECHNOLOGY"),
    "a missing number": ("CapitalCost.csv", lambda t: t.replace(",100.0", ",", 1), "'' is not a finite number"),
    "a set of two columns": ("FUEL.csv", lambda t: t.replace("VALUE", "VALUE,NAME").replace("gas", "gas,Gas").replace("heat", "heat,Heat"), "A set has one column"),
}  # fmt: skip


@pytest.mark.parametrize("name", CSV_MISTAKES)
def test_mistakes_in_a_folder_are_told_with_file_and_row(store: Store, tmp_path: Path, name: str) -> None:
    data = folder(tmp_path)
    files, change, said = CSV_MISTAKES[name]
    old, _, new = files.partition(">")
    content = change((data / old).read_text())
    (data / old).unlink()
    (data / (new or old)).write_bytes(content if isinstance(content, bytes) else content.encode())
    error = refusal(store, data)
    assert said in str(error)
    assert any(p.file.endswith(new or old) for p in error.problems)


def test_old_headers_of_empty_files_are_a_remark(store: Store, tmp_path: Path) -> None:
    data = folder(tmp_path)
    (data / "TradeRoute.csv").write_text("REGION,FUEL,YEAR,VALUE\n")
    (data / "DiscountRate.csv").write_text("REGION,TECHNOLOGY,VALUE\n")
    report = store.import_("osemosys", data, scenario="s")
    assert [f.severity for f in report.findings if f.code == "header"] == ["info", "info"]
    (data / "DiscountRate.csv").write_text("REGION,TECHNOLOGY,VALUE\nR,boiler,0.1\n")
    with pytest.raises(ProblemsError, match="but DiscountRate has REGION, VALUE"):
        store.import_("osemosys", data, scenario="t")


def otoole_book(tmp_path: Path, *, region: bool = True) -> Path:
    """Write the small model as otoole's workbook: wide over years, names cut, with or without REGION."""
    from dhsdb.importers.osemosys_names import PARAMETERS

    model = Model(read_gmpl(text(tmp_path)))
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, members in model.sets.items():
        sheet = book.create_sheet(name)
        for member in [*(["VALUE"] if region else []), *members]:
            sheet.append([int(member) if member.isdigit() else member])
    for name, parameter in PARAMETERS.items():
        if parameter.kind != "model":
            continue
        short = (
            name.replace("PeriodActivity", "PeriodAct").replace("Limit", "") if "ModelPeriodActivity" in name else name
        )
        sheet = book.create_sheet(
            short[:31].replace("PeriodActLower", "PeriodActLo").replace("PeriodActUpper", "PeriodActUp")
        )
        full = model.array(name) if name != "TradeRoute" else np.zeros((0,))
        given = model.given.get(name)
        if given is None and name != "YearSplit":
            continue
        axes = [i for i in parameter.indices if region or i != "REGION"]
        if axes[-1] == "YEAR":
            sheet.append([*axes[:-1], *(int(y) for y in model.sets["YEAR"])])
        else:
            sheet.append([*axes, "VALUE"])
        wide = full if axes[-1] == "YEAR" else full[..., None]
        names = [model.sets[i] for i in parameter.indices][: wide.ndim - 1]
        for place in np.ndindex(*wide.shape[:-1]):
            labels = [n[k] for n, k, i in zip(names, place, parameter.indices, strict=False) if region or i != "REGION"]
            sheet.append([*(int(v) if v.isdigit() else v for v in labels), *wide[place].tolist()])
    path = tmp_path / "otoole.xlsx"
    book.save(path)
    return path


@pytest.mark.parametrize("region", [True, False])
def test_a_workbook_of_otoole_says_the_same(store: Store, tmp_path: Path, *, region: bool) -> None:
    store.import_("auto", otoole_book(tmp_path, region=region), scenario="book")
    store.import_("osemosys", tmp_path / "model.txt", scenario="text")
    same_but_for(store, "book", "text", EQUAL)


PULP_SETS = [
    "REGION",
    "REGION2",
    "DAYTYPE",
    "EMISSION",
    "FUEL",
    "DAILYTIMEBRACKET",
    "SEASON",
    "TIMESLICE",
    "MODE_OF_OPERATION",
    "STORAGE",
    "TECHNOLOGY",
    "YEAR",
]


def pulp_book(tmp_path: Path, defaults: dict[str, float], *more: tuple[str, float, dict[str, object]]) -> Path:
    """Write the small model as the workbook of OSeMOSYS_PuLP, with slices that count."""
    from dhsdb.importers.osemosys_names import PARAMETERS

    model = Model(read_gmpl(text(tmp_path)))
    sets = model.sets | {"TIMESLICE": ["1", "2"]}
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.title = "SETS"
    sheet.append(PULP_SETS)
    for i in range(max(map(len, sets.values()))):
        sheet.append(
            [(int(m[i]) if m[i].isdigit() else m[i]) if len(m := sets.get(s, [])) > i else None for s in PULP_SETS]
        )
    sheet = book.create_sheet("PARAMETERS")
    sheet.append(["PARAM", "VALUE", *PULP_SETS])
    lines = [
        (n, float(v), dict(zip(PARAMETERS[n].indices, model.words(n, f.at[:, i]).split(", "), strict=True)))
        for n, f in model.given.items()
        for i, v in enumerate(f.values)
    ]
    for name, value, told in [*lines, *more]:
        cells = {k: {"day": 1, "night": 2}.get(str(v), int(v) if str(v).isdigit() else v) for k, v in told.items()}
        sheet.append([name, value, *(cells.get(s) for s in PULP_SETS)])
    sheet = book.create_sheet("PARAMETERS_DEFAULT")
    sheet.append(["PARAM", "VALUE"])
    for name, value in ({"YearSplit": 0.5, "DiscountRate": 0.05, "OperationalLife": 20} | defaults).items():
        sheet.append([name, value])
    path = tmp_path / "pulp.xlsx"
    book.save(path)
    return path


HP = {
    "DiscountRateTech": 0.06,
    "DiscountRateSto": 0.03,
    "OutputModeofoperation": 1,
    "GIS_Losses": 0,
    "StorageMaxCapacity": 99999,
}


def test_the_workbook_of_the_older_pulp_is_as_the_reference_with_a_word(store: Store, tmp_path: Path) -> None:
    report = store.import_("auto", pulp_book(tmp_path, {"TotalAnnualMaxCapacity": 9999}), scenario="pulp")
    store.import_("osemosys", tmp_path / "model.txt", scenario="text")
    same_but_for(store, "pulp", "text", ("process_flow", "commodity", "process_mode", "model_year", "model_option"))
    assert {"accounting", "real-bound"} <= codes(report)
    caps = store.sql("SELECT DISTINCT cap_max FROM input.process WHERE scenario = 'pulp'").rows()
    assert caps[0]["cap_max"] == pytest.approx(9_999_000), "9999 is a bound there, not unlimited"


def test_the_workbook_of_district_heating_is_a_school_of_its_own(store: Store, tmp_path: Path) -> None:
    more = (
        ("GIS_Losses", 0.5, {"REGION": "R", "FUEL": "heat"}),
        ("OutputModeofoperation", 0.5, {"REGION": "R", "TECHNOLOGY": "mine", "MODE_OF_OPERATION": 1, "YEAR": 2020}),
        ("DiscountRateTech", 0.01, {"REGION": "R", "TECHNOLOGY": "mine", "YEAR": 2020}),
        ("CapitalCost", 5, {"REGION": "R", "TECHNOLOGY": "mien", "YEAR": 2020}),
        ("StorageUvalue", 0.2, {"REGION": "R", "STORAGE": "s", "YEAR": 2020}),
    )
    report = store.import_("osemosys", pulp_book(tmp_path, HP, *more), scenario="s")
    assert {r["option"]: r["value"] for r in rows(store, "model_option")}["accounting"] == "emb3rs"
    assert {r["slice_loss_mwh"] for r in rows(store, "demand")} == {0.5 * 8760 / 2 * PJ}
    assert {r["wacc"] for r in rows(store, "process")} == {0.06}, "a rate by year is never found, so the default counts"
    use = {(r["process"], r["year"]): r["capacity_use"] for r in rows(store, "process_mode")}
    assert (use["mine", 2020], use["mine", 2021], use["boiler", 2020]) == (0.5, 1, 1)
    assert {"not-read-by-pulp"} <= codes(report)
    assert any(
        "'mien' is no member of TECHNOLOGY" in f.message and "never reads these 1 values" in f.message
        for f in report.findings
    )


def test_a_pulp_workbook_is_read_by_its_headers_whatever_stands_beside_it(store: Store, tmp_path: Path) -> None:
    store.import_("osemosys", pulp_book(tmp_path, HP), scenario="as-made")
    book = openpyxl.load_workbook(tmp_path / "pulp.xlsx")
    for sheet in book:
        sheet.insert_cols(1)
        sheet.title = f"{sheet.title} "
    book.create_sheet("Sheet1")
    book.save(tmp_path / "pulp.xlsx")
    store.import_("auto", tmp_path / "pulp.xlsx", scenario="shifted")
    same_but_for(store, "as-made", "shifted", (*EQUAL, "process", "storage", "model_option"))


def test_values_of_no_parameter_are_refused(store: Store, tmp_path: Path) -> None:
    book = openpyxl.load_workbook(pulp_book(tmp_path, HP))
    for name in ("PARAMETERS", "PARAMETERS_DEFAULT"):
        book[name].merge_cells("A2:A3")
    book.save(tmp_path / "pulp.xlsx")
    found = [(p.sheet, p.row) for p in refusal(store, tmp_path / "pulp.xlsx").problems if "no parameter" in p.message]
    assert found == [("PARAMETERS_DEFAULT", 3), ("PARAMETERS", 3)]


# --- spoilt files ----------------------------------------------------------------------------------------------------
def took(path: Path) -> bool:
    """Read and check a spoilt file as an import does: cleanly, or with a report of places."""
    request = Request((path,), "s")
    return not fuzz.meets(lambda: batch.read(OsemosysImporter().read(request), None, path.name))


def test_spoilt_data_files_do_no_harm(tmp_path: Path) -> None:
    source = text(tmp_path, *STORAGE, more=STORAGE_DATA)
    target = tmp_path / "spoilt.txt"
    for _ in fuzz.spoilt_bytes(source, target, 60, seed=4):
        took(target)


def test_spoilt_words_in_data_files_do_no_harm(tmp_path: Path) -> None:
    import random

    rng = random.Random(8)
    words = re.split(r"(\s+)", text(tmp_path, *STORAGE, more=STORAGE_DATA).read_text())
    target = tmp_path / "spoilt.txt"
    odd = (
        *map(str, fuzz.ODD),
        "[",
        "]",
        ":",
        ":=",
        ";",
        "(tr)",
        "*",
        "'",
        "/*",
        "#",
        "param",
        "set",
        "default",
        ",",
        ".",
        "[*,*]",
        "1 " * 50,
    )
    for i in range(120):
        changed = list(words)
        at = rng.randrange(len(changed))
        changed[at] = rng.choice(odd) if i % 3 else ""
        target.write_text("".join(changed), encoding="utf-8", errors="replace")
        took(target)


def test_spoilt_folders_do_no_harm(tmp_path: Path) -> None:
    data = folder(tmp_path)
    shutil.copy(data.parent / "config.yaml", data / "config.yaml")
    target = tmp_path / "spoilt"
    for _ in fuzz.spoilt_folders(data, target, 33, seed=5):
        took(target)


@pytest.mark.parametrize("form", ["otoole", "pulp"])
def test_spoilt_workbooks_do_no_harm(tmp_path: Path, form: str) -> None:
    source = otoole_book(tmp_path) if form == "otoole" else pulp_book(tmp_path, HP)
    target = tmp_path / "spoilt.xlsx"
    for _, book in fuzz.spoilt_books(fuzz.read_book(source), 36, seed=6):
        fuzz.write_book(target, book)
        took(target)
    for _ in fuzz.spoilt_bytes(source, target, 12, seed=7):
        took(target)


def test_a_hostile_file_is_refused_in_bounded_memory(store: Store, tmp_path: Path) -> None:
    many = " ".join(f"x{i}" for i in range(20_000))
    path = text(
        tmp_path,
        ("TECHNOLOGY := mine boiler", f"TECHNOLOGY := mine boiler {many}"),
        ("FUEL := gas heat", f"FUEL := gas heat {many}"),
        ("TIMESLICE := day night", f"TIMESLICE := day night {many}"),
    )
    assert any(p.code == "unsafe" for p in refusal(store, path).problems)


def test_what_is_no_model_of_osemosys_is_not_recognised(tmp_path: Path) -> None:
    from dhsdb.errors import UserError

    for content in ("hello", "site,process,capital\nx,y,1\n", "set A := 1 2;\nparam p := 1;\n"):
        path = tmp_path / "other.txt"
        path.write_text(content)
        with pytest.raises(UserError, match="no format"):
            recognise([path])
