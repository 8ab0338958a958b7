"""Workbooks of hotmapsDispatch: what they become, how profiles are named, what is refused, and files that are spoilt."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dhsdb.errors import ProblemsError
from dhsdb.importers import registry
from dhsdb.importers.hotmaps_language import Expression, parse
from dhsdb.importers.pipeline import run_import
from tests.importers import fuzz
from tests.importers.books import book, count, effective

if TYPE_CHECKING:
    from pathlib import Path

    from dhsdb.database import Database

Sheets = dict[str, "list[list[Any]]"]

GENERATORS = [
    None, "name", "type", "installed capacity (MW_th)", "efficiency th", "efficiency el", "investment costs (EUR/MW_th)",
    "OPEX fix (EUR/MWa)", "OPEX var (EUR/MWh)", "life time", "renewable factor", "must run [0-1]", "Sale Electricity Price",
    "Electricity Price",
]  # fmt: skip
PUMP = [
    "COP source temperature sensitivity (1/°C)", "COP flow temperature sensitivity (1/°C)",
    "COP return temperature sensitivity (1/°C)", "min shutoff source temperature (°C)",
    "fade out temp where power reduction starts (°C)", "Source Temperature (°C)", "Nominal Inlet Temperature (°C)",
    "Nominal Return Temperature (°C)", "Coldstart Costs (EUR/Start)",
]  # fmt: skip


def sheets(*, pump: bool = False) -> Sheets:
    """A town with a CHP, a boiler and a heat pump."""
    content: Sheets = {
        "Heat Generators": [
            list(GENERATORS),
            [0, "CHP", "CHP-BP", 29, 0.64, 0.16, 8500000, 150000, 0, 20, 0.5, 0.1, "10h + 2 f", None],
            [1, "Boiler", "boiler", 175, 0.8, 0, 60000, 2000, 1.1, 25, 0, None, None, None],
            [2, "Pump", "heat pump", 10, 4, 0, 26000, 5000, 0, 20, 0, 0, None, "27.5f"],
        ],
        "emmision factors": [[None, "energy carrier", "emission factor [tCO2/MWh]"], [0, "electricity", 0.3], [1, "waste", 0.12], [2, "natural gas", 0.2]],
        "energy carrier prices": [
            [None, "energy carrier", "prices(EUR/MWh)", "prices(EUR/MWh)"],
            [0, "electricity", None, None], [1, "waste", -5, 80], [2, "natural gas", 30, 50],
        ],
        "Data": [[None, "CO2 Price [EUR/tC02]", "Interest Rate [0-1]", "Minimum Renewable Factor [0-1]", "Total Demand[ MWh]"], [0, 25, 0.05, 0.1, 1200]],
        "Heat Storage": [
            [None, "name", "Storage Capacity [MWh]", "Hourly Stoarge Losses [%]", "maximum unloading power  [MW]", "maximum loading power [MW]", "loading efficiency", "unloading efficiency", "Invesment costs for additional storage capacity  [€/MWh]", "OPEX fix [€/MWh]", "Life Time [a]"],
            [0, "tank", 100, 0.5, 60, 50, 0.95, 0.98, 3000, 100, 25],
        ],
        "Energy Carrier": [[None, "name", "carrier"], [0, "CHP", "waste"], [1, "Boiler", "natural gas"], [2, "Pump", "electricity"]],
        "Default - External Data": [[None, "Radiation", "Temperature", "Demand", "Sale Electricity Price", "Electricity Price"], [0, None, None, "Town#2016 ", "Town # 2016", "Town # 2016"]],
    }  # fmt: skip
    if pump:
        content["Heat Generators"][0] = [*GENERATORS, *PUMP]
        content["Heat Generators"][3][2] = "Heat Pump Wastewater"
        content["Heat Generators"][3] += [0.06, -0.02, -0.01, 3, 6, 10, 80, 40, None]
        content["Default - External Data"][0] += ["Inlet Temperature", "Return Temperature", "Waste Water Temperature"]
        content["Default - External Data"][1] += ["80h", "45h", "Town # 2016"]
    return content


def hourly(path: Path, values: Any, name: str = "Town|2016") -> Path:
    path.write_text("\n".join([f"t,{name}", *(f"{t},{v!r}" for t, v in enumerate(values, 1))]) + "\n", encoding="utf-8")
    return path


PRICE = [float(t % 24) for t in range(8760)]


def bring(db: Database, tmp_path: Path, content: Sheets | None = None, *, profiles: bool = True, **facts: Any) -> Any:
    folder = tmp_path / "case"
    folder.mkdir(exist_ok=True)
    book(folder / facts.pop("file", "input.xlsx"), **(content or sheets()))
    if profiles:
        hourly(folder / "load_profiles.csv", [1 / 8760] * 8760)
        hourly(folder / "price_profiles.csv", PRICE)
        hourly(folder / "wastewater_temperature_profiles.csv", [5.0, 20.0] * 4380)
    return run_import(db, "hotmaps", facts.pop("paths", folder), scenario="base", **facts)


def problems(db: Database, tmp_path: Path, content: Sheets | None = None, **facts: Any) -> list[str]:
    with pytest.raises(ProblemsError) as caught:
        bring(db, tmp_path, content, **facts)
    assert caught.value.exit_code == 2
    assert count(db, "SELECT count(*) FROM scenarios") == 0
    return [str(p) for p in caught.value.problems]


def changed(sheet: str, row: int, column: str, value: object, *, pump: bool = False) -> Sheets:
    """Return the town with one cell changed; rows count from 1, the header."""
    content = sheets(pump=pump)
    content[sheet][row - 1][content[sheet][0].index(column)] = value
    return content


def hours(db: Database, profile: str) -> Any:
    return np.array(
        [
            r["value"]
            for r in db.sql("SELECT value FROM input.profile_value WHERE profile = ? ORDER BY t", [profile]).to_pylist()
        ]
    )


# --- the language ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Wien#2016 ", Expression("Wien", 2016)),
        ("low # 2030,150f", Expression("low", 2030, 150.0)),
        ("VL(65/55)RL(50) # 2016 + -1.5 f", Expression("VL(65/55)RL(50)", 2016, -1.5)),
        ("LZB # 1 , -10h", Expression("LZB", 1, 0.0, -10.0)),
        ("10h + 2 f", Expression("", 0, 2.0, 10.0)),
        ("20h + -4 f", Expression("", 0, -4.0, 20.0)),
        ("-20f", Expression("", 0, -20.0)),
        ("a#b # 7", Expression("a#b", 7)),
    ],
)
def test_profiles_are_named_in_a_small_language(text: str, expected: Expression) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    "text", ["", "Wien", "Wien#", "# 2016", "10", "10x", "1h 2h", "Wien#2016, nanf", "Wien # 2016 5", "1e999f", "10f,"]
)
def test_what_is_not_in_the_language_is_none(text: str) -> None:
    assert parse(text) is None or parse(text) == Expression("", 0, 10.0)


# --- what becomes of it ----------------------------------------------------------------------------------------------
def test_a_generator_is_a_process_that_makes_heat(db: Database, tmp_path: Path) -> None:
    report = bring(db, tmp_path)
    assert effective(db, "process", ("process", "year", "existing_mw", "life", "wacc", "capital", "fixed", "min_load")) == [
        ("Boiler", 2016, 175, 25, 0.05, 60000, 2000, None), ("CHP", 2016, 29, 20, 0.05, 8500000, 150000, 0.1), ("Pump", 2016, 10, 20, 0.05, 26000, 5000, 0),
    ]  # fmt: skip
    assert effective(db, "process_flow", ("process", "commodity", "direction", "ratio")) == [
        ("Boiler", "heat", "out", 1), ("Boiler", "natural gas", "in", 1.25), ("CHP", "electricity sold (12)", "out", 0.25), ("CHP", "heat", "out", 1),
        ("CHP", "waste", "in", 1.5625), ("Pump", "electricity (Town 2016 + 27.5)", "in", 0.25), ("Pump", "heat", "out", 1),
    ]  # fmt: skip
    assert "year-assumed" in {f.code for f in report.findings}


def test_fuels_are_bought_and_electricity_sold(db: Database, tmp_path: Path) -> None:
    bring(db, tmp_path, options={"prices": 1})
    assert effective(db, "commodity", ("commodity", "balance", "bought", "price", "price_profile", "sold", "sale_price")) == [
        ("electricity (Town 2016 + 27.5)", "equal", True, None, "price Town 2016 + 27.5", None, None),
        ("electricity sold (12)", "equal", None, None, None, True, 12), ("heat", "surplus", None, None, None, None, None),
        ("natural gas", "equal", True, 30, None, None, None), ("waste", "equal", True, -5, None, None, None),
    ]  # fmt: skip
    assert effective(db, "commodity_emission", ("commodity", "t_per_mwh")) == [
        ("electricity (Town 2016 + 27.5)", 0.3),
        ("natural gas", 0.2),
        ("waste", 0.12),
    ]
    assert (hours(db, "price Town 2016 + 27.5") == np.array(PRICE) + 27.5).all()
    assert effective(db, "emission", ("emission", "price")) == [("CO2", 25)]
    assert effective(db, "demand", ("commodity", "timing", "mwh", "profile")) == [
        ("heat", "slice", 1200, "load Town 2016")
    ]


def test_switches_stores_and_the_renewable_share_reproduce_the_tool(db: Database, tmp_path: Path) -> None:
    bring(db, tmp_path)
    assert dict(effective(db, "model_option", ("option", "value"))) == {
        "accounting": "urbs", "negative_emission": "allow", "cost_floor": "none", "physics": "hotmaps", "currency": "EUR",
    }  # fmt: skip
    columns = (
        "e_existing",
        "charge_max",
        "discharge_max",
        "eff_in",
        "eff_out",
        "loss",
        "capital_e",
        "fixed_e",
        "end_rule",
        "timing",
    )
    assert effective(db, "storage", columns) == [(100, 50, 60, 0.95, 0.98, 0.005, 3000, 100, "hotmaps", "lag")]
    assert effective(db, "limit", ("sense", "value", "per", "quantity", "base")) == [
        ("min", 0.1, "year", "production", "production")
    ]
    assert effective(db, "limit_term", ("side", "process", "factor"))[-3:] == [
        ("lhs", "Boiler", 0),
        ("lhs", "CHP", 0.5),
        ("lhs", "Pump", 0),
    ]


def test_the_cop_follows_the_temperatures(db: Database, tmp_path: Path) -> None:
    bring(db, tmp_path, sheets(pump=True))
    cop = [4 + (source - 10) * 0.06 + (45 - 40) * -0.01 for source in (5.0, 20.0)]
    assert hours(db, "input Pump 2016")[:2] == pytest.approx([4 / c for c in cop])
    assert hours(db, "availability Pump 2016")[:2] == pytest.approx([cop[0] / 4 * 2 / 3, cop[1] / 4])
    assert effective(db, "process", ("process", "avail_profile", "avail_rule"))[2] == (
        "Pump",
        "availability Pump 2016",
        "max",
    )
    assert effective(db, "storage", ("end_rule",)) == [("cyclic",)]
    assert "physics" not in dict(effective(db, "model_option", ("option", "value")))


def test_a_cold_day_stops_heat_pumps_and_daily_values_hold_for_their_hours(db: Database, tmp_path: Path) -> None:
    content = changed("Default - External Data", 2, "Temperature", "Town # 2016")
    (tmp_path / "case").mkdir()
    hourly(tmp_path / "case" / "temperature_profiles.csv", [-25.0, *[5.0] * 364])
    report = bring(db, tmp_path, content)
    values = hours(db, "availability Pump 2016")
    assert (values[:24] == 0).all()
    assert (values[24:] == 1).all()
    assert "daily-values" in {f.code for f in report.findings}


def test_solar_heat_follows_radiation(db: Database, tmp_path: Path) -> None:
    content = changed("Default - External Data", 2, "Radiation", "Town # 2016")
    content["Heat Generators"].append([3, "Field", "Solar Thermal", 5, 0.8, 0, 1, 1, 1, 20, 1, None, None, None])
    content["Energy Carrier"].append([3, "Field", "radiation"])
    content["energy carrier prices"].append([3, "radiation", 0, 0])
    content["emmision factors"].append([3, "radiation", 0])
    (tmp_path / "case").mkdir()
    hourly(tmp_path / "case" / "radiation_profiles.csv", [0.0, 250.0, 500.0] * 2920)
    bring(db, tmp_path, content)
    assert hours(db, "solar Field 2016")[:3].tolist() == [0, 0.5, 1]


def test_several_years_are_one_scenario_and_the_same_files_change_nothing(db: Database, tmp_path: Path) -> None:
    bring(db, tmp_path, file="Inputs_2030.xlsx")
    report = bring(db, tmp_path, file="Inputs_2040.xlsx")
    assert effective(db, "model_year", ("year",)) == [(2030,), (2040,)]
    assert report.revision is not None
    assert bring(db, tmp_path, file="Inputs_2040.xlsx").revision is None


# --- currency --------------------------------------------------------------------------------------------------------
def test_headers_in_another_currency_are_a_finding(db: Database, tmp_path: Path) -> None:
    report = bring(db, tmp_path, options={"currency": "sek"})
    assert dict(effective(db, "model_option", ("option", "value")))["currency"] == "SEK"
    assert [f.severity for f in report.findings if f.code == "currency-differs"] == ["warning"]
    assert effective(db, "commodity", ("commodity", "price"))[3] == ("natural gas", 30)


def test_a_price_that_no_fuel_has_in_euros_is_a_finding(db: Database, tmp_path: Path) -> None:
    report = bring(db, tmp_path, changed("energy carrier prices", 4, "prices(EUR/MWh)", 1738))
    assert [f.value for f in report.findings if f.code == "currency-doubtful"] == [1738]


# --- profiles --------------------------------------------------------------------------------------------------------
def test_a_profile_that_is_nowhere_is_refused_or_comes_later(db: Database, tmp_path: Path) -> None:
    found = problems(db, tmp_path, changed("Default - External Data", 2, "Demand", "Twon # 2016"))
    assert len(found) == 1
    assert "row 2, column Demand: the load profile Twon # 2016 is in no file" in found[0]
    assert "Did you mean 'town # 2016'?" in found[0]
    bring(db, tmp_path, profiles=False, paths=tmp_path / "case" / "input.xlsx", options={"missing_profiles": "later"})
    assert effective(db, "demand", ("profile",)) == [("load Twon 2016",)] or effective(db, "demand", ("profile",)) == [
        ("load Town 2016",)
    ]


def test_profiles_of_the_scenario_are_taken(db: Database, tmp_path: Path) -> None:
    bring(db, tmp_path)
    report = bring(db, tmp_path, profiles=False, paths=tmp_path / "case" / "input.xlsx", year=2016)
    assert (hours(db, "price Town 2016 + 27.5") == np.array(PRICE) + 27.5).all()
    assert not [f for f in report.findings if f.code == "profile-missing"]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("t,Town|2016\n1,1\n3,2\n", "row 3, column t: step 2 is expected"),
        ("t,Town|2016\n1,1\n2,2\n", "2 values are no year of hours"),
        ("t;Town|2016\n1;1\n", "row 1: the first column is not t"),
        ("t,Town\n1,1\n", "row 1, column Town: 'Town' is no profile"),
        ("t,Town|2016\n1,x\n", "row 2, column Town|2016: 'x' is not a finite number"),
    ],
)
def test_a_broken_table_of_profiles_is_refused(db: Database, tmp_path: Path, text: str, place: str) -> None:
    bring(db, tmp_path)
    (tmp_path / "case" / "load_profiles.csv").write_text(text, encoding="utf-8")
    with pytest.raises(ProblemsError) as caught:
        run_import(db, "hotmaps", tmp_path / "case", scenario="other")
    assert any(place in str(p) for p in caught.value.problems), str(caught.value)


def test_pickles_are_never_loaded(db: Database, tmp_path: Path) -> None:
    path = tmp_path / "load_profiles.dat"
    path.write_bytes(b"\x80\x04.")
    with pytest.raises(ProblemsError, match="pickles, which could run code"):
        run_import(db, "hotmaps", path, scenario="base")


def test_content_is_recognised(tmp_path: Path) -> None:
    assert (
        registry.recognise([book(tmp_path / "x.xlsx", **sheets()), hourly(tmp_path / "price_profiles.csv", [1.0, 2.0])])
        == "hotmaps"
    )


# --- what is refused -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("sheet", "row", "column", "value", "expected"),
    [
        ("Heat Generators", 2, "efficiency th", 0, "the efficiency is 0"),
        ("Heat Generators", 2, "efficiency th", None, "the efficiency is blank"),
        ("Heat Generators", 2, "efficiency th", "many", "'many' is not a finite number"),
        ("Heat Generators", 2, "type", "CHP-PB", "Did you mean 'CHP-BP'?"),
        ("Heat Generators", 2, "Sale Electricity Price", 12, "For the constant 12 write 12h"),
        ("Heat Generators", 3, "name", "CHP", "'CHP' is there twice, first in row 2"),
        ("Heat Generators", 2, "must run [0-1]", 2, "out of bounds"),
        ("Heat Generators", 2, "installed capacity (MW_th)", -3, "out of bounds"),
        ("Energy Carrier", 2, "carrier", "wsate", "Did you mean 'waste'?"),
        ("Energy Carrier", 2, "name", "CPH", "'CHP' has no carrier"),
        ("energy carrier prices", 3, "prices(EUR/MWh)", None, "'waste' has no price, but 'CHP' burns it"),
        ("Data", 2, "Total Demand[ MWh]", None, "the total demand is not there"),
        ("Data", 2, "Minimum Renewable Factor [0-1]", 3, "3 is no share"),
        ("Default - External Data", 2, "Electricity Price", "cheap", "'cheap' names no profile"),
        ("Heat Generators", 1, "efficiency th", "efficency th", "the column efficiency th is missing"),
        ("Heat Generators", 1, "OPEX fix (EUR/MWa)", "OPEX fix (EUR/MWh)", "column OPEX fix (EUR/MWh)"),
    ],
)  # fmt: skip
def test_mistakes_are_named_with_their_place(
    db: Database, tmp_path: Path, sheet: str, row: int, column: str, value: object, expected: str
) -> None:
    found = problems(db, tmp_path, changed(sheet, row, column, value))
    assert any(expected in text and f"sheet {sheet}" in text for text in found), found


def test_what_needs_decisions_by_the_hour_is_refused_by_name(db: Database, tmp_path: Path) -> None:
    content = changed("Heat Generators", 4, "Coldstart Costs (EUR/Start)", 50, pump=True)
    assert "Coldstart Costs (EUR/Start) is not covered" in problems(db, tmp_path, content)[0]


def test_two_files_of_one_year_are_refused(db: Database, tmp_path: Path) -> None:
    (tmp_path / "case").mkdir()
    book(tmp_path / "case" / "a_2030.xlsx", **sheets())
    assert "2030 is also the year of a_2030.xlsx" in problems(db, tmp_path, file="b_2030.xlsx")[0]


def test_sheets_without_influence_are_named(db: Database, tmp_path: Path) -> None:
    report = bring(db, tmp_path, sheets() | {"my notes": [["x"]]})
    assert [f.sheet for f in report.findings if f.code == "ignored"] == ["my notes"]
    assert "Did you mean 'Heat Storage'?" in "".join(_renamed(db, tmp_path))


def _renamed(db: Database, tmp_path: Path) -> list[str]:
    content = sheets()
    content["Heat Storages"] = content.pop("Heat Storage")
    with pytest.raises(ProblemsError) as caught:
        bring(db, tmp_path, content)
    return [str(p) for p in caught.value.problems]


# --- files that are spoilt -------------------------------------------------------------------------------------------
@pytest.mark.parametrize("pump", [False, True])
def test_spoilt_workbooks_import_clean_or_give_a_report(db: Database, tmp_path: Path, pump: bool) -> None:  # noqa: FBT001
    bring(db, tmp_path, sheets(pump=pump))
    path = tmp_path / "spoilt" / "input.xlsx"
    path.parent.mkdir()
    profiles = sorted((tmp_path / "case").glob("*.csv"))
    for i, (name, variant) in enumerate(
        fuzz.spoilt_books(fuzz.read_book(tmp_path / "case" / "input.xlsx"), 27, seed=7 + pump)
    ):
        fuzz.write_book(path, variant)
        error = fuzz.meets(lambda i=i: run_import(db, "hotmaps", [path, *profiles], scenario=f"s{i}"))  # type: ignore[misc]
        assert not error or count(db, f"SELECT count(*) FROM scenarios WHERE scenario = 's{i}'") == 0, name


def test_spoilt_files_give_a_report(db: Database, tmp_path: Path) -> None:
    bring(db, tmp_path)
    source, target = tmp_path / "case" / "input.xlsx", tmp_path / "input.xlsx"
    for variants in (fuzz.spoilt_bytes(source, target, 12, seed=3), fuzz.hostile_archives(source, target)):
        for _ in variants:
            fuzz.meets(lambda: run_import(db, "hotmaps", target, scenario="spoilt"))
    table = tmp_path / "price_profiles.csv"
    for _ in fuzz.spoilt_bytes(tmp_path / "case" / "price_profiles.csv", table, 12, seed=3):
        fuzz.meets(lambda: run_import(db, "hotmaps", [source, table], scenario="spoilt"))
    assert count(db, "SELECT count(*) FROM scenarios WHERE scenario = 'spoilt'") == 0


def test_a_damaged_workbook_is_reported_once(db: Database, tmp_path: Path) -> None:
    path = tmp_path / "Inputs_2030.xlsx"
    path.write_bytes(b"PK\x03\x04 cut")
    with pytest.raises(ProblemsError) as caught:
        run_import(db, "hotmaps", [path], scenario="s")
    assert [p.code for p in caught.value.problems] == ["format"]


def test_an_amount_that_is_no_number_is_never_stored(db: Database, tmp_path: Path) -> None:
    for value in (float("inf"), "nan", "=1+1", "1e999"):
        content = changed("Heat Generators", 2, "investment costs (EUR/MW_th)", value)
        with_it = fuzz.meets(lambda content=content: bring(db, tmp_path, content))  # type: ignore[misc]
        assert with_it or all(math.isfinite(v) for (v,) in effective(db, "process", ("capital",)) if v is not None)
