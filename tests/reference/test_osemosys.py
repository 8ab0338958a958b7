"""Real OSeMOSYS models, imported and read back: every value is where it belongs, and the tables give the published optima."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING

import openpyxl
import pytest

from dhsdb import Store
from dhsdb.errors import ProblemsError
from dhsdb.importers.registry import recognise
from tests.reference.osemosys_lp import OsemosysProgram
from tests.reference.osemosys_readers import Back, Data, Key, read_folder, read_gmpl, read_pulp

if TYPE_CHECKING:
    from collections.abc import Callable

    from dhsdb.database import Database
    from dhsdb.importers.pipeline import ImportReport

pytestmark = pytest.mark.reference

PJ = 1e15 / 3.6e9
UTOPIA = "utopia/utopia.txt"
VARIANTS = (
    "annual_co2", "depmethod2", "discount0", "discount10", "idv08", "idv_mixed", "maxinvest", "noflow_storage_invest", "period_co2", "re30",
    "unit_mip",
)  # fmt: skip
SUPER = "super_simple/super_simple_model.txt"
FIXTURE = "super_simple/otoole_fixture"
GMPL = "simplicity_csv/simplicity_gmpl_variant.txt"
BOOK = "simplicity_csv/otoole_simplicity.xlsx"
CASES: dict[str, Callable[[Path], Data]] = {
    UTOPIA: read_gmpl,
    **{f"utopia/variants/{name}.txt": read_gmpl for name in VARIANTS},
    SUPER: read_gmpl,
    f"{FIXTURE}/super_simple.txt": read_gmpl,
    f"{FIXTURE}/csv": lambda p: read_folder(p, p.parent / "super_simple.yaml"),
    "simplicity_csv/data": lambda p: read_folder(p, p.parent / "config.yaml"),
    GMPL: read_gmpl,
    "osemosys_se_csv/data": read_folder,
    "kenya_wesm/data_wesm.txt": read_gmpl,
    "pulp/UTOPIA_BASE.xlsx": read_pulp,
    "pulp/Test_case_Input.xlsx": read_pulp,
}
UPPER = (
    "TotalAnnualMaxCapacity", "TotalAnnualMaxCapacityInvestment", "TotalTechnologyAnnualActivityUpperLimit",
    "TotalTechnologyModelPeriodActivityUpperLimit", "AnnualEmissionLimit", "ModelPeriodEmissionLimit", "StorageMaxCapacity",
)  # fmt: skip


@pytest.fixture
def osemosys(reference_data: Path) -> Path:
    return reference_data / "osemosys"


@pytest.fixture
def store(db: Database) -> Store:
    return Store(db.path)


def codes(report: ImportReport) -> set[str]:
    return {f.code for f in report.findings}


# --- every value is where it belongs ---------------------------------------------------------------------------------
def expected(data: Data, *, pulp: bool) -> dict[str, dict[Key, float]]:
    """Return what each parameter says in the end, without what is unlimited, off, or has no effect by the rules."""
    full = {name: data.full(name) for name in (
        "YearSplit", "DiscountRate", "DepreciationMethod", "OperationalLife", "SpecifiedAnnualDemand", "AccumulatedAnnualDemand", "CapacityToActivityUnit",
        "CapacityFactor", "AvailabilityFactor", "ResidualCapacity", "CapitalCost", "FixedCost", "TotalAnnualMinCapacity", "TotalAnnualMinCapacityInvestment",
        "TotalTechnologyAnnualActivityLowerLimit", "TotalTechnologyModelPeriodActivityLowerLimit", "CapacityOfOneTechnologyUnit", "ReserveMarginTagTechnology",
        "ReserveMarginTagFuel", "ReserveMargin", "RETagTechnology", "RETagFuel", "REMinProductionTarget", "EmissionsPenalty", "AnnualExogenousEmission",
        "ModelPeriodExogenousEmission", "Conversionls", "Conversionld", "Conversionlh", "DaySplit", "DaysInDayType", "StorageLevelStart", "MinStorageCharge",
        "OperationalLifeStorage", "CapitalCostStorage", "ResidualStorageCapacity", *UPPER,
    )}  # fmt: skip
    for name in (
        "InputActivityRatio",
        "OutputActivityRatio",
        "EmissionActivityRatio",
        "TechnologyToStorage",
        "TechnologyFromStorage",
    ):
        axes = {key: v for key, v in data.values.get(name, {}).items() if known(data, name, key)}
        full[name] = {key: v for key, v in axes.items() if v != 0}
    for name in UPPER:
        far = () if pulp else (999999,)
        full[name] = {k: v for k, v in full[name].items() if v != -1 and v not in far}
    for name, values in full.items():
        if (
            re.search(r"Min(Capacity|imum)|LowerLimit|OneTechnologyUnit|Tag|^RE|^Conversion", name)
            or name == "ReserveMargin"
        ):
            full[name] = {k: v for k, v in values.items() if v > 0}
    full["AvailabilityFactor"] = {k: v for k, v in full["AvailabilityFactor"].items() if v < 1}
    full["CapacityFactor"] = flat_years(full["CapacityFactor"])
    demand = full["SpecifiedAnnualDemand"]
    shares = data.full("SpecifiedDemandProfile")
    full["SpecifiedDemandProfile"] = {
        k: v * demand[k[0], k[1], k[3]] for k, v in shares.items() if demand[k[0], k[1], k[3]]
    }
    return full


def known(data: Data, name: str, key: Key) -> bool:
    from tests.reference.osemosys_readers import INDICES, SETS

    return all(part in data.sets[SETS[i]] for part, i in zip(key, INDICES[name], strict=True))


def flat_years(factors: dict[Key, float]) -> dict[Key, float]:
    """Leave out years in which a technology is available all the time."""
    limited = {(r, t, y) for (r, t, _, y), v in factors.items() if v != 1}
    return {k: v for k, v in factors.items() if (k[0], k[1], k[3]) in limited}


def differences(told: dict[Key, float], wanted: dict[Key, float]) -> list[tuple[Key, float | None, float | None]]:
    keys = told.keys() | wanted.keys()
    pairs = ((k, told.get(k), wanted.get(k)) for k in keys)
    return [(k, a, b) for k, a, b in pairs if not math.isclose(a or 0.0, b or 0.0, rel_tol=1e-12, abs_tol=1e-15)]


@pytest.mark.parametrize("case", CASES)
def test_every_value_is_where_it_belongs(osemosys: Path, store: Store, case: str) -> None:
    path = osemosys / case
    data = CASES[case](path)
    hp, pulp = "Test_case" in case, case.startswith("pulp")
    report = store.import_("auto", path, scenario="s")
    assert report.format == "osemosys"
    back = Back(store, "s", 1.0 if hp else PJ, 1.0 if hp else 1e6)
    told = back.parameters()
    for index, table, column in (
        ("REGION", "site", "site"),
        ("TECHNOLOGY", "process", "process"),
        ("FUEL", "commodity", "commodity"),
        ("EMISSION", "emission", "emission"),
        ("STORAGE", "storage", "storage"),
        ("TIMESLICE", "time_slice", "label"),
        ("YEAR", "model_year", "year"),
    ):
        assert {str(row[column]) for row in back.table(table)} == set(data.sets.get(index, [])), index
    wanted = expected(data, pulp=pulp)
    unread = (
        {"StorageMaxCapacity"}
        if not hp
        else {"DaySplit", "DaysInDayType", "Conversionls", "Conversionld", "Conversionlh"}
    )
    has_tags = {"ReserveMargin": "ReserveMarginTagFuel", "REMinProductionTarget": "RETagFuel"}
    for name, values in wanted.items():
        if name in unread or (name in has_tags and not told[has_tags[name]] and not told[name]):
            continue
        if name == "SpecifiedDemandProfile":
            told[name] = {k: v for k, v in told[name].items() if v}
        if name == "SpecifiedAnnualDemand":
            continue  # compared as amount times share, which is what counts
        found = differences(told[name], values)
        assert not found, (name, len(found), found[:3])
        if len(values) > 1 and name != "SpecifiedDemandProfile":
            assert math.isclose(sum(told[name].values()), sum(values.values()), rel_tol=1e-9, abs_tol=1e-12), name
    modes_agree(data, told)
    rates_agree(data, told, hp=hp, pulp=pulp)


def modes_agree(data: Data, told: dict[str, dict[Key, float]]) -> None:
    """Each mode with flows, emissions or storage has its variable cost."""
    costs = data.values.get("VariableCost", {})
    used = {
        (k[0], k[1], k[3])
        for n in ("InputActivityRatio", "OutputActivityRatio", "EmissionActivityRatio")
        for k in told[n]
    }
    used |= {(k[0], k[1], k[3]) for n in ("TechnologyToStorage", "TechnologyFromStorage") for k in told[n]}
    wanted = {(*k, y): costs.get((*k, y), data.default("VariableCost")) for k in used for y in data.sets["YEAR"]}
    assert wanted
    assert not differences({k: v for k, v in told["VariableCost"].items() if k in wanted}, wanted)
    idle = {k for k in told["VariableCost"] if k not in wanted}
    lower = {
        k[:2]
        for n in ("TotalTechnologyAnnualActivityLowerLimit", "TotalTechnologyModelPeriodActivityLowerLimit")
        for k in told[n]
    }
    assert {k[:2] for k in idle} <= lower


def rates_agree(data: Data, told: dict[str, dict[Key, float]], *, hp: bool, pulp: bool) -> None:
    own = data.values.get("DiscountRateTech" if hp else "DiscountRateIdv", {})
    default = data.defaults.get("DiscountRateTech" if hp else "DiscountRateIdv")
    for (r, t), rate in told["DiscountRateIdv"].items():
        region = data.values.get("DiscountRate", {}).get((r,), data.default("DiscountRate"))
        assert rate == own.get((r, t), region if default is None else default)
    for (r, s), rate in told["DiscountRateStorage"].items():
        name = "DiscountRateSto" if hp else "DiscountRate" if pulp else "DiscountRateStorage"
        key = (r,) if name == "DiscountRate" else (r, s)
        assert rate == data.values.get(name, {}).get(key, data.default(name))


# --- the tables give the published optima ----------------------------------------------------------------------------
OPTIMA = {
    "super_simple": SUPER,
    "utopia": UTOPIA,
    "utopia_annual_co2": "utopia/variants/annual_co2.txt",
    "utopia_depmethod2": "utopia/variants/depmethod2.txt",
    "utopia_idv08": "utopia/variants/idv08.txt",
    "utopia_noflow_storage_invest": "utopia/variants/noflow_storage_invest.txt",
    "utopia_unit_mip": "utopia/variants/unit_mip.txt",
    "simplicity": "simplicity_csv/data",
    "pulp_test_case_dh": "pulp/Test_case_Input.xlsx",
}


@pytest.mark.parametrize("case", OPTIMA)
def test_a_plain_program_on_the_tables_gives_the_published_optimum(osemosys: Path, store: Store, case: str) -> None:
    published = json.loads((osemosys / "reference" / case / "reference.json").read_text())["objective"]
    store.import_("osemosys", osemosys / OPTIMA[case], scenario="s")
    assert OsemosysProgram(store, "s").objective() == pytest.approx(published, rel=1e-9)


# --- one model in several forms --------------------------------------------------------------------------------------
def effective(store: Store, scenario: str, table: str, leave_out: str = "scenario") -> list[tuple[object, ...]]:
    rows = store.sql(f"SELECT * EXCLUDE ({leave_out}) FROM input.\"{table}\" WHERE scenario = '{scenario}'").rows()
    return sorted((tuple(row.values()) for row in rows), key=repr)


TABLES = (
    "site", "model_year", "model_option", "time_slice", "slice_calendar", "commodity", "demand", "emission", "process", "process_mode", "process_flow",
    "process_emission", "storage", "storage_link", "limit", "limit_term", "transmission",
)  # fmt: skip


def test_a_data_file_and_a_folder_of_one_model_give_the_same_inputs(osemosys: Path, store: Store) -> None:
    store.import_("osemosys", osemosys / FIXTURE / "super_simple.txt", scenario="text")
    store.import_("osemosys", osemosys / FIXTURE / "csv", scenario="folder")
    for table in TABLES:
        assert effective(store, "text", table) == effective(store, "folder", table), table
    store.import_("osemosys", osemosys / SUPER, scenario="old")
    # The older file has no investment cost, and limits of 99999 that are bounds.
    differ = {table for table in TABLES if effective(store, "old", table) != effective(store, "text", table)}
    assert differ == {"process", "limit", "limit_term"}
    old, new = ({r["process"]: r for r in Back(store, s, PJ, 1e6).table("process")} for s in ("old", "text"))
    for name in old:
        changed = {c for c in old[name] if old[name][c] != new[name][c]}
        assert changed <= {"scenario", "capital", "cap_max", "new_max"}
        assert old[name]["cap_max"] == pytest.approx(99999 * PJ / 8760, rel=1e-12)


def mended(path: Path, target: Path) -> Path:
    """Give otoole's old workbook back what it lost: the technology of two rows, and of the links to storage."""
    book = openpyxl.load_workbook(path)
    sheet = book["InputActivityRatio"]
    for row in (28, 29):
        sheet.cell(row, 1).value = "LNDSUGPLRF"
    for name, first in (("TechnologyToStorage", 1), ("TechnologyFromStorage", 2)):
        del book[name]
        links = book.create_sheet(name)
        links.append(["REGION", "TECHNOLOGY", "STORAGE", "MODE_OF_OPERATION", "VALUE"])
        links.append(["SIMPLICITY", "HYD2", "DAM", first, 1])
    book.save(target)
    return target


def test_the_old_workbook_is_reported_and_agrees_once_mended(osemosys: Path, store: Store, tmp_path: Path) -> None:
    with pytest.raises(ProblemsError) as caught:
        store.import_("osemosys", osemosys / BOOK, scenario="book")
    places = {(p.sheet, p.row) for p in caught.value.problems}
    assert places == {("TechnologyFromStorage", 1), ("TechnologyToStorage", 1), ("InputActivityRatio", 28)}
    store.import_("osemosys", mended(osemosys / BOOK, tmp_path / "mended.xlsx"), scenario="book")
    store.import_("osemosys", osemosys / GMPL, scenario="text")
    for table in TABLES:
        book, text = effective(store, "book", table), effective(store, "text", table)
        assert book == text, table


def test_the_folder_and_the_variant_of_simplicity_differ_where_documented(osemosys: Path, store: Store) -> None:
    store.import_("osemosys", osemosys / "simplicity_csv" / "data", scenario="folder")
    store.import_("osemosys", osemosys / GMPL, scenario="text")
    same = {table for table in TABLES if effective(store, "folder", table) == effective(store, "text", table)}
    assert {"site", "model_year", "model_option", "time_slice", "slice_calendar", "storage", "storage_link"} <= same
    assert (
        differences(
            Back(store, "folder", PJ, 1e6).parameters()["CapitalCost"],
            {
                k: v
                for k, v in Back(store, "text", PJ, 1e6).parameters()["CapitalCost"].items()
                if k[1] not in {"BIOMASSPRO", "CHP", "ELEC_IMPORT"}
            },
        )
        == []
    )


# --- what is said ----------------------------------------------------------------------------------------------------
def test_what_the_real_files_get_wrong_is_said(osemosys: Path, store: Store) -> None:
    report = store.import_("osemosys", osemosys / "osemosys_se_csv" / "data", scenario="se")
    assert {"header", "negative-emission"} <= codes(report)
    report = store.import_("osemosys", osemosys / "pulp" / "Test_case_Input.xlsx", scenario="dh")
    assert {"not-read-by-pulp", "read-by-pulp", "no-effect", "unit-assumed"} <= codes(report)
    assert any("'sto1' is no member of STORAGE" in f.message for f in report.findings)
    report = store.import_("osemosys", osemosys / "kenya_wesm" / "data_wesm.txt", scenario="ke")
    assert {"year-split", "unlimited", "idle-mode", "no-effect"} <= codes(report)


def test_the_same_model_twice_makes_no_second_revision(osemosys: Path, store: Store) -> None:
    for case in (UTOPIA, "osemosys_se_csv/data", "pulp/UTOPIA_BASE.xlsx"):
        assert store.import_("osemosys", osemosys / case, scenario="s").revision
        assert store.import_("osemosys", osemosys / case, scenario="s").revision is None


def test_a_folder_is_kept_with_the_hash_of_each_of_its_files(osemosys: Path, store: Store) -> None:
    store.import_("osemosys", osemosys / "simplicity_csv", scenario="s")
    rows = store.sql("SELECT file, sha256 FROM meta.source").rows()
    hashed = {row["file"].rsplit("/", 1)[1] for row in rows if row["sha256"]}
    assert {"CapacityFactor.csv", "YEAR.csv", "config.yaml"} <= hashed
    assert len(hashed) == len(list((osemosys / "simplicity_csv" / "data").glob("*.csv"))) + 1


@pytest.mark.parametrize("case", [*CASES, BOOK, "simplicity_csv"])
def test_a_model_is_recognised_by_content(osemosys: Path, case: str) -> None:
    assert recognise([osemosys / case]) == "osemosys"


def test_a_refused_model_leaves_nothing(osemosys: Path, store: Store) -> None:
    before = store.sql("SELECT count(*) AS n FROM meta.revision").rows()
    with pytest.raises(ProblemsError):
        store.import_("osemosys", osemosys / BOOK, scenario="s")
    assert store.sql("SELECT count(*) AS n FROM meta.revision").rows() == before
    assert store.sql("SELECT count(*) AS n FROM scenarios").rows() == [{"n": 0}]


@pytest.mark.parametrize(("case", "least"), [("simplicity_csv/data", 100), (f"{FIXTURE}/csv", 5)])
def test_rows_name_the_line_of_their_own_value(store: Store, osemosys: Path, case: str, least: int) -> None:
    """The line that a row names holds the row's labels, its year if it has one, and its value."""
    store.import_("osemosys", osemosys / case, scenario="base")
    checked = 0
    for table, labels, cell in (
        ("process_flow", ("process", "commodity", "mode"), "ratio"), ("process_mode", ("process", "mode"), "variable"),
        ("process_emission", ("process", "emission"), "t_per_mwh"), ("limit", (), "value"), ("demand", ("commodity",), "mwh"),
    ):  # fmt: skip
        wanted = ", ".join(f"r.{name}" for name in (*labels, cell))
        found = store.sql(
            f"SELECT f.file, r.source_row, r.year, {wanted} FROM layer.{table} AS r JOIN meta.source AS f USING (source)"
            " WHERE r.source_row IS NOT NULL AND f.file LIKE '%.csv'"
        ).rows()
        for row in found:
            lines = (osemosys / case / Path(row["file"]).name).read_text(encoding="utf-8").splitlines()
            words = lines[row["source_row"] - 1].split(",")
            assert {str(row[name]) for name in labels} <= set(words), (table, row)
            if row["year"] is not None:
                assert str(row["year"]) in words, (table, row)
            assert (float(words[-1]) == 0) == (not row[cell]), (table, row)
            checked += 1
    assert checked >= least
