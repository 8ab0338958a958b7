from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import shapely

from dhsdb import composition, edits, scenarios
from dhsdb.check import Finding, check, check_on, codes, file_rules
from dhsdb.check_declared import REFERENCES, RESULT_KEYS
from dhsdb.names import find
from dhsdb.schema.catalog import INPUT, RESULT
from tests.dhsdb.study import HeldOpen, add, add_profile, add_run, boiler_run, build_rich

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dhsdb.database import Database


@pytest.fixture(scope="module")
def rich(empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rich") / "study.duckdb"
    shutil.copy(empty_store, path)
    db = HeldOpen(path)
    build_rich(db)
    db.close()
    return path


@pytest.fixture
def study(rich: Path, tmp_path: Path) -> Iterator[HeldOpen]:
    path = tmp_path / "city.duckdb"
    shutil.copy(rich, path)
    db = HeldOpen(path)
    yield db
    db.close()


def of(found: list[Finding], code: str) -> list[Finding]:
    return [f for f in found if f.code == code]


def test_a_sound_study_has_no_findings(study: HeldOpen) -> None:
    boiler_run(study, "base", 50.0)
    assert check(study) == []
    assert check(study, "base") == []


def test_an_empty_scenario_has_no_findings(db: Database) -> None:
    scenarios.new(db, "empty")
    assert check(db) == []
    assert check(db, "empty@1") == []


# --- inputs: one row or two that break a rule ------------------------------------------------------------------------
_CENTRE = {"site": "centre"}
_LINE = {"site_from": "centre", "site_to": "harbour", "line": "main", "commodity": "heat"}
_PROFILES: dict[str, tuple[np.ndarray, str, str]] = {
    "double": (np.linspace(1, 2, 8760), "factor", ""),
    "swinging": (np.linspace(-0.5, 1, 8760), "factor", ""),
    "cheap": (np.full(8760, 0.04), "price", "EUR/kWh"),
    "evening price": (np.r_[np.full(8000, 10.0), np.full(760, 50.0)], "price", "EUR/MWh"),
    "percent": (np.full(8760, 100 / 8760), "share", ""),
    "nothing": (np.zeros(8760), "share", ""),
    "load in kW": (np.full(8760, 10000.0), "power", "MW"),
    "sea": (np.full(8760, 280.0), "temperature", "degC"),
    "quarters": (np.full(35040, 0.9), "factor", ""),
}
"""Profiles of which a row that names them makes a finding."""
_ROWS: list[tuple[str, str, str, list[dict[str, Any]], str, str]] = [
    # code, severity, table, rows, location, part of the message
    ("unknown-reference", "error", "process_flow",
     [_CENTRE | {"process": "boilr", "mode": "1", "commodity": "heat", "direction": "out", "ratio": 1.0}],
     "process_flow.process", "'centre / boilr' is not in table process (named by centre / boilr / 1 / heat / out). Did you mean 'boiler'?"),
    ("unknown-reference", "error", "demand",
     [_CENTRE | {"commodity": "heat", "timing": "slice", "mwh": 1.0, "profile": "heat demnd"}],
     "demand.profile", "Did you mean 'heat demand'?"),
    ("unknown-reference", "error", "process", [_CENTRE | {"process": "boiler", "heat_source": "mal 1"}],
     "process.heat_source", "Did you mean 'mall 1'?"),
    ("unknown-reference", "warning", "plant_site", [{"plant": "north", "site": "nowhere"}],
     "plant_site.site", "'nowhere' is not in table site"),
    ("unknown-reference", "error", "limit_term", [{"limit": "buget", "side": "lhs", "n": 1}],
     "limit_term.limit", "Did you mean 'budget'?"),
    ("unknown-reference", "error", "process_mode", [_CENTRE | {"process": "boiler", "mode": "2", "variable": 1.0}],
     "process_mode.mode", "'centre / boiler / 2' is not in table process_flow"),
    ("out-of-bounds", "error", "storage", [_CENTRE | {"storage": "pit", "commodity": "heat", "eff_in": 1.2, "loss": -0.1}],
     "storage, centre / pit, 2025, eff_in", "1.2 is out of bounds: 0 to 1"),
    ("out-of-bounds", "error", "commodity", [_CENTRE | {"commodity": "gas", "bought": True, "price": np.inf}],
     "commodity, centre / gas, 2025, price", "inf is out of bounds"),
    ("not-allowed", "error", "commodity", [_CENTRE | {"commodity": "heat", "balance": "equals"}],
     "commodity, centre / heat, 2025, balance", "'equals' is none of: none, equal, surplus."),
    ("missing-year", "warning", "process", [_CENTRE | {"process": "new", "cap_max": 1.0, "capital": 1e5, "year": 2035}],
     "process", "1 of 3 keys have no row for 2025, 2045, though for other years: centre / new"),
    ("year-not-modelled", "warning", "commodity", [_CENTRE | {"commodity": "gas", "price": 50.0, "year": 2031}],
     "commodity", "1 rows are for 2031, which is no model year"),
    ("duplicate-row", "error", "site", [{"site": "harbour", "area": 1.0}, {"site": "harbour", "area": 2.0}],
     "site, harbour", "written 2 times by revision"),
    ("demand-without-amount", "error", "demand", [_CENTRE | {"commodity": "heat", "timing": "slice"}],
     "demand, centre / heat, 2025", "it has neither mwh nor a profile."),
    ("demand-without-amount", "error", "demand", [_CENTRE | {"commodity": "heat", "timing": "slice", "profile": "heat demand"}],
     "demand, centre / heat, 2025", "'heat demand' are shares of the year, but mwh is not given."),
    ("demand-without-profile", "warning", "demand", [_CENTRE | {"commodity": "heat", "timing": "slice", "mwh": 5.0}],
     "demand, centre / heat", "it has no profile"),
    ("demand-without-profile", "warning", "building_demand", [{"building": "b1", "space_heat_mwh": 50.0}],
     "building_demand", "1 of 1 buildings have no profile"),
    ("price-twice", "warning", "commodity",
     [_CENTRE | {"commodity": "power", "bought": True, "price": 2.0, "price_profile": "spot price"}],
     "commodity, centre / power, price", "it is multiplied by 'spot price'"),
    ("price-twice", "warning", "commodity",
     [_CENTRE | {"commodity": "power", "sold": True, "sale_price": 2.0, "sale_profile": "spot price"}],
     "commodity, centre / power, sale_price", "it is multiplied by 'spot price'"),
    ("limits-crossed", "error", "process", [_CENTRE | {"process": "boiler", "cap_min": 5.0, "cap_max": 2.0}],
     "process, centre / boiler, 2025", "cap_min above cap_max: 5 and 2."),
    ("limits-crossed", "error", "network_temperature", [_CENTRE | {"supply_c": 50.0, "return_c": 50.0}],
     "network_temperature, centre, 2025", "return_c not below supply_c"),
    ("missing-network-temperature", "error", "process", [{"site": "harbour", "process": "heat pump", "lift_efficiency": 0.5}],
     "process, harbour / heat pump", "a heat pump needs the temperatures of its network"),
    ("source-capacity", "error", "heat_source", [{"heat_source": "mall 1"}],
     "heat_source, mall 1", "it feeds heat pump but has no capacity_mw."),
    ("process-without-flow", "warning", "process", [_CENTRE | {"process": "idle", "cap_max": 1.0}],
     "process, centre / idle", "it does nothing"),
    ("demand-without-supply", "warning", "demand", [_CENTRE | {"commodity": "cold", "timing": "year", "mwh": 5.0}],
     "demand, centre / cold", "no process, purchase, line or storage provides it there."),
    ("limit-without-term", "warning", "limit", [{"limit": "empty", "value": 1.0}], "limit, empty", "it limits nothing"),
    ("limit-unit", "warning", "limit", [{"limit": "budget", "value": 1.0, "quantity": "emission", "unit": "MWh"}],
     "limit, budget, unit", "emission is limited in MWh."),
    ("unknown-cell", "error", "pareto_variable", [{"variable": "x", "cell": "process.cap_mx", "low": 0.0, "high": 1.0}],
     "pareto_variable, x, cell", "'process.cap_mx' is not TABLE.COLUMN"),
    ("no-geometry", "warning", "heat_source", [{"heat_source": "mall 4", "capacity_mw": 0.1}],
     "heat_source", "1 of 4 rows have no geometry."),
    ("efficiency-above-1", "warning", "process_flow",
     [_CENTRE | {"process": "boiler", "mode": "1", "commodity": "gas", "direction": "in", "ratio": 0.8}],
     "process_flow, centre / boiler / 1", "it gives 1.25 MWh out per MWh taken in."),
    ("efficiency-above-1", "warning", "process_flow",
     [_CENTRE | {"process": "boiler", "mode": "1", "commodity": "power", "direction": "out", "ratio": 0.2}],
     "process_flow, centre / boiler / 1", "it gives 1.09 MWh out per MWh taken in."),
    ("efficiency-above-1", "warning", "process_flow",
     [_CENTRE | {"process": "boiler", "mode": "1", "commodity": "heat", "direction": "out", "ratio": 1.0, "ratio_profile": "double"}],
     "process_flow, centre / boiler / 1", "it gives 1.82 MWh out per MWh taken in."),
    ("cost-per-kw", "warning", "process", [_CENTRE | {"process": "boiler", "existing_mw": 1.0, "capital": 60.0}],
     "process, centre / boiler, capital", "0.06 EUR/kW is outside 5 to 20,000 EUR/kW."),
    ("cost-per-kw", "warning", "storage", [_CENTRE | {"storage": "tank", "commodity": "heat", "capital_e": 3e7}],
     "storage, centre / tank, capital_e", "EUR/kWh is outside"),
    ("cost-per-kw", "warning", "transmission", [_LINE | {"capital": 50.0}],
     "transmission, centre / harbour / main / heat, capital", "0.05 EUR/kW is outside 1 to 20,000 EUR/kW."),
    ("cost-unit", "warning", "process",
     [{"site": f"s{i}", "process": "boiler", "capital": c} for i, c in enumerate((60000.0, 70000.0, 60.0))],
     "process, s2 / boiler, capital", "60 per MW is a 1,000th of that of boiler at other sites: is it per kW?"),
    ("cost-unit", "warning", "process",
     [{"site": f"s{i}", "process": "boiler", "capital": c} for i, c in enumerate((60000.0, 70000.0, 65000.0, 67.5e6))],
     "process, s3 / boiler, capital", "6.75e+07 per MW is 1,038 times that of boiler at other sites."),
    ("cost-per-m", "warning", "pipe_type", [{"pipe_type": "DN100", "diameter_m": 0.1071, "cost_per_m": 0.75}],
     "pipe_type, DN100, cost_per_m", "0.75 EUR/m is outside 20 to 20,000 EUR/m."),
    ("fixed-cost", "warning", "process", [_CENTRE | {"process": "boiler", "capital": 60000.0, "fixed": 2e6}],
     "process, centre / boiler, fixed", "3,333 % of the investment"),
    ("fixed-cost", "warning", "storage", [_CENTRE | {"storage": "tank", "commodity": "heat", "capital_e": 3000.0, "fixed_e": 3000.0}],
     "storage, centre / tank, fixed_e", "100 % of the investment"),
    ("price", "warning", "commodity", [_CENTRE | {"commodity": "gas", "bought": True, "price": 0.035}],
     "commodity, centre / gas, price", "0.035 EUR/MWh is little: is it per kWh?"),
    ("price", "warning", "commodity", [_CENTRE | {"commodity": "heat", "sold": True, "sale_price": 35000.0}],
     "commodity, centre / heat, sale_price", "is more than 2,000 EUR/MWh."),
    ("price", "warning", "emission", [_CENTRE | {"emission": "CO2", "price": 0.075}],
     "emission, centre / CO2, price", "is it per kg?"),
    ("price", "warning", "commodity", [_CENTRE | {"commodity": "power", "bought": True, "price_profile": "cheap"}],
     "commodity, centre / power, price", "0.04 EUR/MWh is little"),
    ("sale-above-purchase", "warning", "commodity",
     [_CENTRE | {"commodity": "power", "bought": True, "price": 30.0, "sold": True, "sale_price": 90.0}],
     "commodity, centre / power, sale_price", "sale_price 90 is up to 60 per MWh above price 30: buying and selling it at once earns that without end"),
    ("sale-above-purchase", "warning", "commodity",
     [_CENTRE | {"commodity": "power", "bought": True, "price_profile": "spot price", "sold": True, "sale_price": 41.0, "sale_max_mw": 5.0}],
     "commodity, centre / power, sale_price", "sale_price 41 is up to 1 per MWh above price (profile spot price): buying and selling it at once earns that."),
    ("sale-above-purchase", "warning", "commodity",
     [_CENTRE | {"commodity": "power", "bought": True, "price_profile": "spot price", "sold": True, "sale_profile": "evening price"}],
     "commodity, centre / power, sale_price", "sale_price (profile evening price) is up to 10 per MWh above price (profile spot price)"),
    ("sale-above-purchase", "warning", "commodity",
     [_CENTRE | {"commodity": "power", "bought": True, "price": 1.0, "price_profile": "swinging", "sold": True, "sale_price": 0.9, "sale_profile": "swinging"}],
     "commodity, centre / power, sale_price", "sale_price (profile swinging) is up to 0.05 per MWh above price (profile swinging)"),
    ("endless-profit", "warning", "commodity", [_CENTRE | {"commodity": "heat", "sold": True, "sale_price": 200.0}],
     "process, centre / boiler", "a year by selling heat and buying gas, and nothing limits it."),
    ("loss-share", "warning", "storage", [_CENTRE | {"storage": "tank", "commodity": "heat", "loss": 0.2}],
     "storage, centre / tank, loss", "20 % of the content is lost in an hour: is it per day?"),
    ("loss-share", "warning", "transmission", [_LINE | {"eff": 0.5}],
     "transmission, centre / harbour / main / heat, eff", "50 % is lost on the way."),
    ("loss-share", "warning", "network_temperature", [_CENTRE | {"supply_c": 90.0, "return_c": 50.0, "loss_share": 0.5}],
     "network_temperature, centre, loss_share", "50 % of the heat is lost."),
    ("diameter", "warning", "network_pipe", [{"pipe": "p1", "diameter_m": 1.5, "trench_m": 30000.0}],
     "network_pipe, p1, diameter_m", "1.5 m is wider"),
    ("diameter", "warning", "pipe_type", [{"pipe_type": "DN1400", "diameter_m": 1.4}],
     "pipe_type, DN1400, diameter_m", "1.4 m is wider"),
    ("full-load-hours", "warning", "heat_source",
     [{"heat_source": "mall 2", "kind": "supermarket", "capacity_mw": 0.1, "annual_mwh": 1000.0}],
     "heat_source, mall 2, annual_mwh", "1,000 MWh from 0.1 MW are 10,000 full-load hours."),
    ("full-load-hours", "warning", "heat_source",
     [{"heat_source": "mall 2", "kind": "supermarket", "capacity_mw": 1.9, "annual_mwh": 8.0}],
     "heat_source, mall 2, annual_mwh", "8 MWh from 1.9 MW are 4.2 full-load hours."),
    ("full-load-hours", "warning", "building_demand", [{"building": "b1", "space_heat_mwh": 100.0, "peak_mw": 0.01}],
     "building_demand, b1, peak_mw", "10,000 full-load hours"),
    ("full-load-hours", "warning", "building_demand", [{"building": "b1", "space_heat_mwh": 100.0, "peak_mw": 50.0}],
     "building_demand, b1, peak_mw", "100 MWh at a peak of 50 MW are 2 full-load hours"),
    ("specific-heat", "warning", "building_demand", [{"building": "b1", "space_heat_mwh": 120000.0}],
     "building_demand, b1", "120,000 kWh/m2 a year."),
    ("specific-heat", "warning", "building_demand", [{"building": "b1", "space_heat_mwh": 0.12}],
     "building_demand, b1", "0.12 kWh/m2 a year. Is its demand in GWh?"),
    ("specific-peak", "warning", "building_demand", [{"building": "b1", "space_heat_mwh": 120.0, "peak_mw": 50.0}],
     "building_demand, b1, peak_mw", "50 MW for 1,000 m2 are 50,000 W/m2: is it kW?"),
    ("energy-unit", "warning", "demand",
     [{"site": f"s{i}", "commodity": "cold", "timing": "year", "mwh": m} for i, m in enumerate((900.0, 1000.0, 1e6))],
     "demand, s2 / cold, mwh", "1e+06 MWh is 1,000 times that of other sites: is it kWh?"),
    ("energy-unit", "warning", "demand",
     [_CENTRE | {"commodity": "heat", "timing": "slice", "mwh": 87600.0, "profile": "load in kW"}],
     "demand, centre / heat, mwh", "profile 'load in kW' adds up to 8.76e+07 MWh: are both in the same unit?"),
    ("capacity-unit", "warning", "heat_source", [{"heat_source": "mall 3", "kind": "supermarket", "capacity_mw": 150.0}],
     "heat_source, mall 3, capacity_mw", "150 MW is more than a supermarket gives (2 MW): is it kW?"),
    ("capacity-unit", "warning", "heat_source",
     [{"heat_source": f"works {i}", "kind": "works", "capacity_mw": m} for i, m in enumerate((1.0, 1.1, 1.2, 900.0))],
     "heat_source, works 3, capacity_mw", "900 MW is 783 times that of its peers (works): is it kW?"),
    ("capacity-unit", "warning", "heat_source",
     [{"heat_source": f"works {i}", "kind": "works", "capacity_mw": m} for i, m in enumerate((900.0, 950.0, 1.0))],
     "heat_source, works 2, capacity_mw", "1 MW is a 900th of that of its peers"),
    ("capacity-unit", "warning", "process",
     [{"site": f"s{i}", "process": "boiler", "existing_mw": m} for i, m in enumerate((40.0, 60.0, 50000.0))],
     "process, s2 / boiler, existing_mw", "times that of boiler at other sites: is it kW?"),
    ("capacity-unit", "warning", "process", [_CENTRE | {"process": "boiler", "existing_mw": 50000.0}],
     "process, centre / boiler, existing_mw", "times the peak of heat there (17.1 MW): is it kW?"),
    ("capacity-unit", "warning", "storage",
     [{"site": f"s{i}", "storage": "tank", "commodity": "heat", "e_existing": m} for i, m in enumerate((400.0, 600.0, 500000.0))],
     "storage, s2 / tank, e_existing", "times that of tank at other sites: is it kWh?"),
    ("capacity-unit", "warning", "storage",
     [_CENTRE | {"storage": "tank", "commodity": "heat", "e_existing": 500.0, "p_existing": 50000.0}],
     "storage, centre / tank, p_existing", "50000 MW charge 500 MWh in 0.01 h: are both MW and MWh?"),
    ("capacity-unit", "warning", "heat_source", [{"heat_source": "oven", "kind": "oven", "capacity_mw": 600.0}],
     "heat_source, oven, capacity_mw", "600 MW is much for a heat source: is it kW?"),
    ("linear-heat-density", "warning", "network_pipe", [{"pipe": "p1", "site": "centre", "trench_m": 30.0}],
     "network_pipe, centre", "MWh/m a year"),
    ("emission-factor", "warning", "commodity_emission", [_CENTRE | {"commodity": "gas", "emission": "CO2", "t_per_mwh": 202.0}],
     "commodity_emission, centre / gas / CO2", "202 t/MWh: is it kg or g?"),
    ("emission-factor", "warning", "process_emission",
     [_CENTRE | {"process": "boiler", "mode": "1", "emission": "NOx", "t_per_mwh": 100.0}],
     "process_emission, centre / boiler / 1 / NOx", "100 t/MWh: is it kg or g?"),
    ("emission-factor", "warning", "commodity_emission", [_CENTRE | {"commodity": "gas", "emission": "CO2", "t_per_mwh": 0.0002}],
     "commodity_emission, centre / gas / CO2", "0.0002 t/MWh: is it t/kWh?"),
    ("sign", "warning", "demand", [_CENTRE | {"commodity": "heat", "timing": "slice", "mwh": -5.0, "profile": "heat demand"}],
     "demand, centre / heat, mwh", "-5 is negative."),
    ("sign", "warning", "process", [_CENTRE | {"process": "boiler", "existing_mw": 50.0, "capital": -60000.0}],
     "process, centre / boiler, capital", "-60000 is negative."),
    ("sign", "warning", "process_flow",
     [_CENTRE | {"process": "boiler", "mode": "1", "commodity": "gas", "direction": "in", "ratio": -1.1}],
     "process_flow, centre / boiler / 1 / gas / in, ratio", "-1.1 is negative."),
    ("sign", "info", "commodity", [_CENTRE | {"commodity": "waste", "bought": True, "price": -20.0}],
     "commodity, centre / waste, price", "-20 is negative."),
    ("sign", "warning", "storage", [_CENTRE | {"storage": "tank", "commodity": "heat", "capital_e": -3000.0}],
     "storage, centre / tank, capital_e", "is negative"),
    ("sign", "warning", "demand", [_CENTRE | {"commodity": "heat", "timing": "slice", "mwh": 5.0, "profile": "swinging"}],
     "demand, profile", "profile 'swinging' of factor goes down to -0.5."),
    ("share-sum", "info", "demand", [_CENTRE | {"commodity": "heat", "timing": "slice", "mwh": 5.0, "profile": "percent"}],
     "profile, percent", "its shares add up to 100; they are scaled to 1."),
    ("share-sum", "error", "demand", [_CENTRE | {"commodity": "heat", "timing": "slice", "mwh": 5.0, "profile": "nothing"}],
     "profile, nothing", "its shares add up to 0, so a demand can't be spread by them."),
    ("profile-unit", "warning", "commodity", [_CENTRE | {"commodity": "power", "bought": True, "price_profile": "cheap"}],
     "profile, cheap", "it is a price in EUR/kWh, but is read as money/MWh."),
    ("profile-unit", "warning", "model_option", [{"option": "currency", "value": "SEK"}],
     "profile, spot price", "it is in EUR/MWh, but the scenario's currency is SEK."),
    ("profile-unit", "warning", "process", [_CENTRE | {"process": "heat pump", "lift_source": "sea", "lift_efficiency": 0.5}],
     "profile, sea", "it is 280 degC on average: is it in kelvin?"),
    ("profile-step", "error", "process", [_CENTRE | {"process": "boiler", "avail_profile": "quarters"}],
     "profile, quarters", "its 35040 steps are 0.25 h long, but one value per hour is read."),
    ("years-stand-for", "warning", "model_year", [{"year": 2025, "stands_for": 5.0}],
     "model_year, 2025", "it stands for 5 years, but the next model year is 2035: 5 years count nothing."),
    ("years-stand-for", "warning", "model_year", [{"year": 2035, "stands_for": 12.0}],
     "model_year, 2035", "2 years count twice."),
    ("years-stand-for", "warning", "model_year", [{"year": 2045, "stands_for": 0.0}], "model_year, 2045", "it stands for no year"),
    ("limit-unit", "warning", "limit", [{"limit": "budget", "value": 1.0, "quantity": "cost", "unit": "MWh"}],
     "limit, budget, unit", "cost is limited in MWh."),
    ("source-capacity", "warning", "heat_source", [{"heat_source": "mall 9", "kind": "supermarket"}],
     "heat_source", "1 of 4 have no capacity_mw above 0, so they are not connected."),
    ("diameter", "warning", "pipe_type", [{"pipe_type": "DN0", "diameter_m": 0.004}],
     "pipe_type, DN0, diameter_m", "0.004 m is narrower than 1 cm."),
    ("out-of-bounds", "error", "network_pipe", [{"pipe": "p1", "diameter_m": 107.0, "trench_m": 30000.0}],
     "network_pipe, p1, diameter_m", "107 is out of bounds: 0 to 3 m. Is it in mm?"),
    ("rate", "warning", "process", [_CENTRE | {"process": "boiler", "wacc": 0.5, "cap_max": 1.0}],
     "process, centre / boiler, wacc", "50 % a year"),
    ("rate", "warning", "site", [{"site": "centre", "discount_rate": 0.4}],
     "site, centre, discount_rate", "40 % a year"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "severity", "table", "rows", "location", "message"),
    _ROWS,
    ids=[f"{r[0]}-{r[2]}-{i}" for i, r in enumerate(_ROWS)],
)
def test_rows_that_break_a_rule(
    study: HeldOpen, code: str, severity: str, table: str, rows: list[dict[str, Any]], location: str, message: str
) -> None:
    scenarios.derive(study, "bad", "base")
    for profile in _PROFILES.keys() & {value for row in rows for value in row.values() if isinstance(value, str)}:
        values, kind, unit = _PROFILES[profile]
        add_profile(study, "bad", profile, values, kind, unit, step_h=8760 / len(values))
    add(study, "bad", table, *rows)
    found = of(check(study, "bad", results=False), code)
    assert any(f.location == location and message in f.message for f in found), found
    assert {f.severity for f in found if f.location == location} == {severity}


def _no_years(db: HeldOpen) -> None:
    edits.remove_rows(db, "base", "model_year", where="TRUE", message="none")


def _mixed_crs(db: HeldOpen) -> None:
    scenarios.derive(db, "other", "base")
    with db.write("a test") as writer:
        writer.con.execute("UPDATE meta.scenario SET epsg = CASE name WHEN 'base' THEN 3879 ELSE 3067 END")
        writer.con.execute("UPDATE meta.stack SET scenario = 1, rank = 9 WHERE scenario = 2 AND layer = 2")


def _lost_series(db: HeldOpen) -> None:
    with db.write("a test") as writer:
        writer.con.execute("DELETE FROM meta.series WHERE kind = 'share'")


def _short(db: HeldOpen) -> None:
    add_profile(db, "base", "availability", np.full(168, 0.9), "factor")


def _leap(db: HeldOpen) -> None:
    add_profile(db, "base", "availability", np.full(8784, 0.9), "factor")


def _negative(db: HeldOpen) -> None:
    add_profile(db, "base", "availability", np.full(8760, -0.1), "factor")


def _source_above_1(db: HeldOpen) -> None:
    add_profile(db, "base", "much", np.full(8760, 2.0), "factor")
    add(db, "base", "heat_source", {"heat_source": "mall 1", "capacity_mw": 0.1, "profile": "much"})


def _temperature_as_availability(db: HeldOpen) -> None:
    add(db, "base", "process", {"site": "centre", "process": "boiler", "existing_mw": 50.0, "avail_profile": "outdoor"})


def _share_as_availability(db: HeldOpen) -> None:
    add(
        db,
        "base",
        "process",
        {"site": "centre", "process": "boiler", "existing_mw": 50.0, "avail_profile": "heat demand"},
    )


def _peak(db: HeldOpen) -> None:
    edits.remove_rows(db, "base", "storage", where="TRUE", message="none")
    edits.set_cells(db, "base", "process.cap_max", 5.0, message="little")


def _buildings(each_mwh: float) -> Callable[[HeldOpen], None]:
    def spoil(db: HeldOpen) -> None:
        names = [{"building": f"n{i}"} for i in range(10)]
        place = {"site": "centre", "floor_area_m2": 60 * each_mwh, "geometry": shapely.Point(0, 0)}
        add(db, "base", "building", *(name | place for name in names))
        add(db, "base", "building_demand", *(n | {"space_heat_mwh": each_mwh, "profile": "heat demand"} for n in names))

    return spoil


def _peak_of_buildings(db: HeldOpen) -> None:
    edits.remove_rows(db, "base", "storage", where="TRUE", message="none")
    edits.set_cells(db, "base", "process.cap_max", 50.0, where="process = 'boiler'", message="bounded")
    _buildings(1e5)(db)


def _several_boilers(db: HeldOpen) -> None:
    for name, mw in (("a", 10.0), ("b", 12.0), ("c", 15.0), ("d", 12000.0)):
        add(db, "base", "process", _CENTRE | {"process": name, "cap_max": mw})
        flow = _CENTRE | {"process": name, "mode": "1", "commodity": "heat", "direction": "out", "ratio": 1.0}
        add(db, "base", "process_flow", flow)


def _condensing(ratio: float) -> Callable[[HeldOpen], None]:
    def spoil(db: HeldOpen) -> None:
        edits.set_cells(db, "base", "process.condensing", value=True, where="process = 'boiler'", message="it does")
        edits.set_cells(db, "base", "process_flow.ratio", ratio, where="commodity = 'gas'", message="more")

    return spoil


def _standard(hours: int, start: str) -> Callable[[HeldOpen], None]:
    def spoil(db: HeldOpen) -> None:
        add_profile(db, "base", "availability", np.full(hours, 0.9), "factor", calendar="standard", start=start)

    return spoil


_STATES: list[tuple[str, str, Callable[[HeldOpen], None], str, str]] = [
        ("no-model-year", "warning", _no_years, "model_year", "it can't be run"),
        ("mixed-crs", "error", _mixed_crs, "layer base, other", "EPSG:3067"),
        ("profile-without-values", "error", _lost_series, "profile, heat demand", "the store holds no series of hash"),
        ("profile-length", "warning", _short, "profile, availability", "168 steps of 1 h"),
        ("leap-year", "warning", _leap, "profile", "1 series have 8784 h and 3 have 8760 h"),
        ("leap-year", "warning", _leap, "profile, availability", "its calendar is noleap"),
        ("leap-year", "warning", _standard(8784, ""), "profile, availability", "it has 8784 h, but no model year does (2025, 2035, 2045)"),
        ("leap-year", "warning", _standard(8760, "2024-01-01"), "profile, availability", "it starts in 2024, which has 8784 h, but it has 8760 h."),
        ("efficiency-above-1", "warning", _condensing(0.8), "process_flow, centre / boiler / 1", "1.25 MWh out per MWh taken in, more than condensing can"),
        ("capacity-unit", "warning", _several_boilers, "process, centre / d, cap_max", "12000 is 889 times that of others that give heat there"),
        ("energy-unit", "warning", _buildings(9e6), "building_demand, centre", "the buildings need 900 times the 100,000 MWh of the site's own demand: is it kWh?"),
        ("demand-twice", "warning", _buildings(9000.0), "demand, centre / heat", "100,000 MWh, and its 11 buildings need 90,120 MWh: both count."),
        ("peak-above-capacity", "warning", _peak_of_buildings, "demand, centre / heat, 2025", "but only 70 MW can stand"),
        ("availability", "warning", _negative, "process, centre / heat pump, avail_profile", "runs from -0.1 to -0.1"),
        ("availability", "warning", _source_above_1, "heat_source, mall 1, profile", "runs from 2 to 2"),
        ("profile-kind", "error", _temperature_as_availability, "process.avail_profile", "of kind temperature, but factor is wanted"),
        ("profile-kind", "warning", _share_as_availability, "process.avail_profile", "of kind share, but factor is wanted"),
        ("peak-above-capacity", "warning", _peak, "demand, centre / heat, 2025", "the peak is 17.12 MW, but only 10 MW can stand"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "severity", "spoil", "location", "message"), _STATES)
def test_states_that_break_a_rule(
    study: HeldOpen, code: str, severity: str, spoil: Callable[[HeldOpen], None], location: str, message: str
) -> None:
    spoil(study)
    found = of(check(study, "base", results=False), code)
    assert any(f.location == location and message in f.message for f in found), found
    assert {f.severity for f in found if f.location == location} == {severity}


def test_a_condensing_unit_may_exceed_1(study: HeldOpen) -> None:
    _condensing(1 / 1.15)(study)
    assert of(check(study, "base"), "efficiency-above-1") == []


def test_a_heat_pump_may_exceed_1(study: HeldOpen) -> None:
    edits.set_cells(
        study, "base", "process_flow.ratio", 0.3, where="process = 'heat pump' AND direction = 'in'", message="m"
    )
    assert of(check(study, "base"), "efficiency-above-1") == []


@pytest.mark.parametrize(("cells", "found"), [({}, 1), ({"max_mw": 5.0}, 0), ({"price": 190.0}, 0)])
def test_profit_without_end_needs_a_margin_and_no_limit(study: HeldOpen, cells: dict[str, float], found: int) -> None:
    add(study, "base", "commodity", _CENTRE | {"commodity": "heat", "sold": True, "sale_price": 200.0})
    add(study, "base", "commodity", _CENTRE | {"commodity": "gas", "bought": True, "price": 35.0} | cells)
    assert len(of(check(study, "base"), "endless-profit")) == found


def test_profit_is_bounded_by_capacity(study: HeldOpen) -> None:
    add(study, "base", "commodity", _CENTRE | {"commodity": "heat", "sold": True, "sale_price": 200.0})
    edits.set_cells(study, "base", "process.cap_max", 60.0, where="process = 'boiler'", message="bounded")
    assert of(check(study, "base"), "endless-profit") == []


def test_sale_at_the_price_of_purchase_is_sound(study: HeldOpen) -> None:
    row = _CENTRE | {
        "commodity": "power",
        "bought": True,
        "price_profile": "spot price",
        "sold": True,
        "sale_profile": "spot price",
    }
    add(study, "base", "commodity", row)
    assert of(check(study, "base"), "sale-above-purchase") == []


def test_a_leap_model_year_fits_a_profile_with_the_leap_day(study: HeldOpen) -> None:
    _standard(8784, "2028-01-01")(study)
    add(study, "base", "model_year", {"year": 2028})
    assert [f.location for f in of(check(study, "base"), "leap-year")] == ["profile"], "of several lengths only"


def test_heat_pumps_of_small_sources_are_no_peers_of_a_large_boiler(study: HeldOpen) -> None:
    for i in range(4):
        add(study, "base", "process", _CENTRE | {"process": f"pump {i}", "cap_max": 0.1, "heat_source": "mall 1"})
        flow = _CENTRE | {"process": f"pump {i}", "mode": "1", "commodity": "heat", "direction": "out", "ratio": 1.0}
        add(study, "base", "process_flow", flow)
    add(study, "base", "process", _CENTRE | {"process": "boiler", "existing_mw": 50.0, "cap_max": 100.0})
    assert of(check(study, "base"), "capacity-unit") == []


def test_time_slices_of_its_own_make_a_profile_fit(study: HeldOpen) -> None:
    _short(study)
    add(study, "base", "time_slice", *({"t": t + 1, "hours": 1.0, "weight_h": 8760 / 168} for t in range(168)))
    assert of(check(study, "base"), "profile-length") == []


def test_a_process_without_a_limit_meets_any_peak(study: HeldOpen) -> None:
    _peak(study)
    edits.set_cells(study, "base", "process.cap_max", None, where="process = 'boiler'", message="unlimited")
    assert of(check(study, "base"), "peak-above-capacity") == []


def test_a_currency_without_a_rate_is_judged_by_what_no_rate_could_explain(study: HeldOpen) -> None:
    add(study, "base", "model_option", {"option": "currency", "value": "SEK"})
    edits.set_cells(study, "base", "process.capital", 40e6, message="40,000 SEK/kW")
    assert of(check(study, "base"), "cost-per-kw") == []
    edits.set_cells(study, "base", "process.capital", 40, message="0.04 SEK/kW")
    said = {f.message for f in of(check(study, "base"), "cost-per-kw")}
    assert said == {"0.04 SEK/kW is outside 5 to 20,000 EUR/kW."}


def test_slack_and_dump_are_not_judged_by_their_cost(study: HeldOpen) -> None:
    for name in ("Slack (Heat)", "Load dump (Heat)"):
        add(study, "base", "process", _CENTRE | {"process": name, "capital": 1.0})
    assert of(check(study, "base"), "cost-per-kw") == []


@pytest.mark.parametrize(("fuel", "ratio", "said"), [("Elec", 4.0, 0), ("electricity", 9.0, 1), ("gas", 4.0, 1)])
def test_what_takes_in_electricity_alone_may_be_a_heat_pump_by_a_plain_ratio(
    study: HeldOpen, fuel: str, ratio: float, said: int
) -> None:
    add(study, "base", "process", _CENTRE | {"process": "pump", "existing_mw": 1.0})
    flow = _CENTRE | {"process": "pump", "mode": "1"}
    add(study, "base", "process_flow", flow | {"commodity": fuel, "direction": "in", "ratio": 1.0})
    add(study, "base", "process_flow", flow | {"commodity": "heat", "direction": "out", "ratio": ratio})
    assert len(of(check(study, "base"), "efficiency-above-1")) == said


def test_many_profiles_of_a_leap_year_are_one_finding(study: HeldOpen) -> None:
    for i in range(6):
        add_profile(study, "base", f"p{i}", np.ones(8784), "factor", calendar="noleap")
    said = [f for f in of(check(study, "base"), "leap-year") if "noleap" in f.message]
    assert [(f.location, f.message) for f in said] == [
        ("profile", "6 profiles (p0, p1, p2, ...) alike: it has 8784 h, but its calendar is noleap.")
    ]


def test_money_in_another_currency_moves_the_band(study: HeldOpen) -> None:
    add(study, "base", "model_option", {"option": "currency", "value": "million USD"})
    edits.set_cells(study, "base", "process.capital", 0.5, message="in millions")
    assert of(check(study, "base"), "cost-per-kw") == []
    edits.set_cells(study, "base", "model_option.value", "USD", where="option = 'currency'", message="single")
    assert of(check(study, "base"), "cost-per-kw") != []


# --- layers of equal standing ----------------------------------------------------------------------------------------
@pytest.fixture
def composed(study: HeldOpen) -> HeldOpen:
    for name, price in (("left", 50.0), ("right", 60.0)):
        scenarios.derive(study, name, "base")
        edits.set_cells(study, name, "commodity.price", price, where="commodity = 'gas'", message="m")
    composition.compose(study, "both", "base", ["left", "right"])
    return study


def test_layers_of_equal_standing_that_disagree(composed: HeldOpen) -> None:
    (found,) = check(composed, "both")
    assert (found.code, found.severity) == ("layers-disagree", "warning")
    assert found.location == "commodity, centre / gas, price"
    assert found.message == "'left' sets 50.0, 'right' sets 60.0; the latter stands higher and wins."
    assert check(composed, "left") == check(composed, "right") == []


def test_a_layer_above_decides(composed: HeldOpen) -> None:
    edits.set_cells(composed, "both", "commodity.price", 55.0, where="commodity = 'gas'", message="decided")
    assert check(composed, "both") == []


def test_layers_that_agree_or_set_other_cells_are_fine(study: HeldOpen) -> None:
    for name, cell in (("left", "price"), ("right", "voll")):
        scenarios.derive(study, name, "base")
        edits.set_cells(study, name, f"commodity.{cell}", 60.0, where="commodity = 'gas'", message="m")
        edits.set_cells(study, name, "process.life", 30.0, message="both alike")
    composition.compose(study, "both", "base", ["left", "right"])
    assert check(study, "both") == []


def test_a_row_that_one_layer_removes_and_the_other_sets(study: HeldOpen) -> None:
    scenarios.derive(study, "left", "base")
    edits.remove_rows(study, "left", "storage", where="TRUE", message="none")
    scenarios.derive(study, "right", "base")
    edits.set_cells(study, "right", "storage.eff_in", 0.9, message="worse")
    composition.compose(study, "both", "base", ["left", "right"])
    (found,) = of(check(study, "both"), "layers-disagree")
    assert found.location == "storage, centre / tank"
    assert found.message.startswith("'left' sets no row, 'right' sets a row")


def test_a_layer_made_on_top_of_another_does_not_stand_equal(composed: HeldOpen) -> None:
    scenarios.derive(composed, "above left", "left")
    edits.set_cells(composed, "above left", "commodity.price", 70.0, where="commodity = 'gas'", message="m")
    composition.compose(composed, "tower", "base", ["above left"])
    assert check(composed, "tower") == []


# --- results ---------------------------------------------------------------------------------------------------------
_ITEM = {"item": 1, "site": "centre", "technology": "boiler", "commodity": "heat", "direction": "out"}
_CONNECTION = {"source": "mall 1", "capacity_kw": 100.0, "loss_kw": 5.0, "diameter_m": 0.1, "cost_per_kw": 300.0}


_RESULTS: list[tuple[str, str, dict[str, list[dict[str, Any]]], str, str]] = [
        ("loss-above-capacity", "warning", {"connection": [_CONNECTION | {"loss_kw": 120.0}]},
         "connection, mall 1", "it loses 120 kW of 100 kW"),
        ("diameter", "warning", {"connection": [_CONNECTION | {"diameter_m": 1.3}]},
         "connection, mall 1", "1.3 m wide"),
        ("diameter", "warning", {"network": [{"pipe": "p", "diameter_m": 1.3}]}, "network, p", "1.3 m wide"),
        ("diameter", "warning", {"connection": [_CONNECTION | {"diameter_m": 0.8, "capacity_kw": 187.0}]},
         "connection, mall 1", "its pipe is 0.8 m wide for 187 kW: was the capacity in kW?"),
        ("loss-share", "warning", {"connection": [_CONNECTION | {"loss_kw": 30.0}]}, "connection, mall 1", "it loses 30 % of 100 kW"),
        ("trench", "warning", {"connection": [_CONNECTION | {"trench_m": 1700.0, "distance_m": 400.0}]},
         "connection, mall 1", "its trench is 1,700 m long, over a distance of 400 m."),
        ("linear-heat-density", "warning", {"connection": [_CONNECTION | {"trench_m": 7000.0, "distance_m": 5000.0}]},
         "connection, mall 1", "0.125 MWh/m a year at most"),
        ("cost-per-kw", "warning", {"connection": [_CONNECTION | {"cost_per_kw": 0.3}]},
         "connection, mall 1", "it costs 0.3 per kW"),
        ("full-load-hours", "warning",
         {"item": [_ITEM], "energy": [{"year": 2025, "item": 1, "mwh": 1.0, "full_load_hours": 9000.0}]},
         "energy, centre / boiler / heat", "9,000 full-load hours"),
        ("unserved", "warning", {"item": [_ITEM], "unserved": [{"year": 2025, "item": 1, "t": t, "mwh": 2.0} for t in (1, 2)]},
         "unserved, centre / heat", "4 MWh in 2 steps were not served"),
        ("linear-heat-density", "warning",
         {"grid_curve": [{"method": "density", "step": s, "heat_mwh": 10.0, "trench_m": 20.0 * s} for s in (1, 9)]},
         "grid_curve, density", "0.0556 MWh/m a year"),
        ("linear-heat-density", "warning",
         {"network": [{"pipe": "p", "trench_m": 10.0}], "building_supply": [{"year": 2025, "building": "b1", "technology": "grid", "grid": True, "mwh": 900.0}]},
         "network", "90 MWh/m a year"),
        ("result-without-item", "error", {"item": [_ITEM], "cost": [{"year": 2025, "item": 7, "kind": "fuel", "value": 1.0}]},
         "result.cost", "1 rows of an item that it lacks"),
        ("duplicate-result", "error",
         {"item": [_ITEM], "flow": [{"year": 2025, "item": 1, "t": t, "mwh": 1.0} for t in (1, 2, 2)]},
         "result.flow", "has rows twice for the same year, item, t"),
        ("duplicate-result", "error",
         {"connection": [_CONNECTION, _CONNECTION]}, "result.connection", "has rows twice for the same year, source"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "severity", "tables", "location", "message"), _RESULTS)
def test_results_that_break_a_rule(
    study: HeldOpen, code: str, severity: str, tables: dict[str, list[dict[str, Any]]], location: str, message: str
) -> None:
    add_run(study, "base", "dispatch", tables)
    (found,) = of(check(study, "base"), code)
    assert (found.severity, found.location) == (severity, location)
    assert message in found.message
    assert check(study, "base", results=False) == []


def test_sound_results_have_no_findings(study: HeldOpen) -> None:
    tables: dict[str, list[dict[str, Any]]] = {
        "item": [_ITEM],
        "flow": [{"year": 2025, "item": 1, "t": t, "mwh": 1.0} for t in range(1, 25)],
        "energy": [{"year": 2025, "item": 1, "mwh": 24.0, "full_load_hours": 5000.0}],
        "connection": [_CONNECTION],
        "network": [{"pipe": "p", "trench_m": 100.0, "diameter_m": 0.2}],
        "building_supply": [{"year": 2025, "building": "b1", "technology": "grid", "grid": True, "mwh": 200.0}],
        "grid_curve": [{"method": "density", "step": 1, "heat_mwh": 100.0, "trench_m": 50.0}],
    }
    add_run(study, "base", "dispatch", tables)
    assert check(study) == []


def test_results_of_a_run_that_is_gone(study: HeldOpen) -> None:
    run = boiler_run(study, "base", 50.0)
    boiler_run(study, "base", 51.0)
    with study.write("a test") as writer:
        writer.con.execute("DELETE FROM meta.run WHERE run = ?", [run])
    assert {f.location for f in of(check(study), "result-without-run")} == {
        "result.item", "result.capacity", "result.energy", "result.cost",
    }  # fmt: skip
    assert check(study, "base") == [], "one scenario is checked with its current results only"


# --- what is done with findings --------------------------------------------------------------------------------------
def test_errors_come_first_and_many_of_a_kind_are_counted(study: HeldOpen) -> None:
    add(study, "base", "plant_site", *({"plant": f"p{i}", "site": "centre"} for i in range(3)))
    add(study, "base", "pipe_type", *({"pipe_type": f"t{i}", "diameter_m": 2.0} for i in range(40)))
    add(study, "base", "limit", {"limit": "crossed", "sense": "least"})
    found = check(study, "base")
    assert [f.severity for f in found] == sorted((f.severity for f in found), key=["error", "warning", "info"].index)
    diameters = of(found, "diameter")
    assert len(diameters) == 26
    assert diameters[-1].message == "15 more of this kind."


def test_all_scenarios_are_checked_without_a_name(study: HeldOpen) -> None:
    scenarios.derive(study, "bad", "base")
    add(study, "bad", "site", {"site": "centre", "discount_rate": 0.4})
    assert [(f.scenario, f.code) for f in check(study)] == [("bad", "rate")]


def test_a_revision_is_checked_as_it_was(study: HeldOpen) -> None:
    with study.read() as con:
        before = find(con, "base").revision
    add(study, "base", "site", {"site": "centre", "discount_rate": 0.4})
    assert check(study, f"base@{before}") == []
    assert [f.code for f in check(study, "base")] == ["rate"]


def _note(db: Database, finding: Finding, *, run: int | None = None, revision: int | None = None) -> None:
    with db.write("a test") as writer:
        values = [finding.severity, finding.code, finding.location, finding.message, run, revision]
        columns = "scenario, severity, code, location, message, run, revision"
        writer.con.execute(f"INSERT INTO meta.finding ({columns}) VALUES (1, ?, ?, ?, ?, ?, ?)", values)


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("/data/model/SpecifiedDemandProfile.csv, row 7", True),
        ("process.xlsx, sheet demand", True),
        ("demand.profile", False),
        ("demand, centre / heat", False),
        ("", False),
    ],
)
def test_what_an_import_noted_of_a_file_stays_and_of_a_table_is_looked_for_anew(
    study: HeldOpen, location: str, *, shown: bool
) -> None:
    noted = Finding("base", "warning", "share-sum", location, "the shares add up to 0.9.")
    _note(study, noted, revision=1)
    assert check(study, "base", stored=True) == [noted] * shown


def test_what_imports_and_runs_noted_is_shown_on_demand(study: HeldOpen) -> None:
    run = boiler_run(study, "base", 50.0)
    noted = Finding("base", "warning", "no-streets", "street", "All trenches are straight.")
    _note(study, noted, run=run)
    assert check(study, "base") == []
    assert check(study, "base", stored=True) == [noted]
    boiler_run(study, "base", 50.0)
    assert check(study, "base", stored=True) == [], "an older run no longer speaks for the scenario"


def test_nothing_is_left_on_a_connection(study: HeldOpen) -> None:
    with study.write("a test") as writer:
        check_on(writer.con, find(writer.con, "base"))
        assert writer.con.execute("SELECT count(*) FROM duckdb_tables() WHERE temporary").fetchone() == (0,)


# --- the declarations ------------------------------------------------------------------------------------------------
def test_references_name_columns_that_exist() -> None:
    for ref in REFERENCES:
        assert set(ref.columns) <= INPUT[ref.table].own().keys()
        assert set(ref.named) <= INPUT[ref.target].own().keys()


def test_every_result_table_has_a_natural_key() -> None:
    assert RESULT_KEYS.keys() == RESULT.keys()
    for name, keys in RESULT_KEYS.items():
        assert set(keys) <= RESULT[name].meanings().keys()


def test_every_rule_is_tried_here() -> None:
    tried = {row[0] for row in (*_ROWS, *_STATES, *_RESULTS)}
    assert codes().keys() - tried == {"layers-disagree", "result-without-run"}, "these two have tests of their own"


def test_rules_say_what_they_are_about() -> None:
    for file in ("check_inputs", "check_plausibility", "check_results"):
        for rule in file_rules(file):
            assert rule.text
            assert rule.reads
