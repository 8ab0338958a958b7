from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dhsdb import composition, edits, scenarios
from dhsdb.check import Finding, check, check_on, codes, file_rules, store_findings
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
    ("efficiency-above-1", "info", "process_flow",
     [_CENTRE | {"process": "boiler", "mode": "1", "commodity": "gas", "direction": "in", "ratio": 0.9}],
     "process_flow, centre / boiler / 1", "it gives 1.11 MWh out per MWh taken in."),
    ("cost-per-kw", "warning", "process", [_CENTRE | {"process": "boiler", "existing_mw": 1.0, "capital": 60.0}],
     "process, centre / boiler, capital", "0.06 EUR/kW is outside 5 to 20,000 EUR/kW."),
    ("cost-per-kw", "warning", "storage", [_CENTRE | {"storage": "tank", "commodity": "heat", "capital_e": 3e7}],
     "storage, centre / tank, capital_e", "EUR/kWh is outside"),
    ("loss-share", "warning", "network_temperature", [_CENTRE | {"supply_c": 90.0, "return_c": 50.0, "loss_share": 0.5}],
     "network_temperature, centre, loss_share", "50 % of the heat is lost."),
    ("diameter", "warning", "network_pipe", [{"pipe": "p1", "diameter_m": 1.5, "trench_m": 30000.0}],
     "network_pipe, p1, diameter_m", "1.5 m is wider"),
    ("diameter", "warning", "pipe_type", [{"pipe_type": "DN1400", "diameter_m": 1.4}],
     "pipe_type, DN1400, diameter_m", "1.4 m is wider"),
    ("full-load-hours", "warning", "heat_source",
     [{"heat_source": "mall 2", "kind": "supermarket", "capacity_mw": 0.1, "annual_mwh": 1000.0}],
     "heat_source, mall 2, annual_mwh", "1,000 MWh from 0.1 MW are 10,000 full-load hours."),
    ("full-load-hours", "warning", "building_demand", [{"building": "b1", "space_heat_mwh": 100.0, "peak_mw": 0.01}],
     "building_demand, b1, peak_mw", "10,000 full-load hours"),
    ("specific-heat", "warning", "building_demand", [{"building": "b1", "space_heat_mwh": 120000.0}],
     "building_demand, b1", "120,000 kWh/m2 a year."),
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
    ("linear-heat-density", "warning", "network_pipe", [{"pipe": "p1", "site": "centre", "trench_m": 30.0}],
     "network_pipe, centre", "MWh/m a year"),
    ("emission-factor", "warning", "commodity_emission", [_CENTRE | {"commodity": "gas", "emission": "CO2", "t_per_mwh": 202.0}],
     "commodity_emission, centre / gas / CO2", "202 t/MWh: is it kg or g?"),
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


_STATES: list[tuple[str, str, Callable[[HeldOpen], None], str, str]] = [
        ("no-model-year", "warning", _no_years, "model_year", "it can't be run"),
        ("mixed-crs", "error", _mixed_crs, "layer base, other", "EPSG:3067"),
        ("profile-without-values", "error", _lost_series, "profile, heat demand", "the store holds no series of hash"),
        ("profile-length", "warning", _short, "profile, availability", "168 steps of 1 h"),
        ("leap-year", "warning", _leap, "profile", "1 series have 8784 h and 3 have 8760 h"),
        ("leap-year", "warning", _leap, "profile, availability", "its calendar is noleap"),
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


def test_time_slices_of_its_own_make_a_profile_fit(study: HeldOpen) -> None:
    _short(study)
    add(study, "base", "time_slice", *({"t": t + 1, "hours": 1.0, "weight_h": 8760 / 168} for t in range(168)))
    assert of(check(study, "base"), "profile-length") == []


def test_a_process_without_a_limit_meets_any_peak(study: HeldOpen) -> None:
    _peak(study)
    edits.set_cells(study, "base", "process.cap_max", None, where="process = 'boiler'", message="unlimited")
    assert of(check(study, "base"), "peak-above-capacity") == []


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


def test_findings_are_stored_with_the_revision_and_replaced(study: HeldOpen) -> None:
    add(study, "base", "site", {"site": "centre", "discount_rate": 0.4})
    for _ in range(2):
        with study.write("a test") as writer:
            ref = find(writer.con, "base")
            assert store_findings(writer, ref, check_on(writer.con, ref)) == 1
    rows = study.sql("SELECT scenario, revision, run, severity, code, location FROM findings").to_pylist()
    assert rows == [
        {"scenario": "base", "revision": ref.revision, "run": None, "severity": "warning", "code": "rate", "location": "site, centre, discount_rate"}
    ]  # fmt: skip


def test_what_imports_and_runs_noted_is_shown_on_demand(study: HeldOpen) -> None:
    run = boiler_run(study, "base", 50.0)
    with study.write("a test") as writer:
        ref = find(writer.con, "base")
        noted = Finding("base", "warning", "no-streets", "street", "All trenches are straight.")
        store_findings(writer, ref, [noted], run)
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
