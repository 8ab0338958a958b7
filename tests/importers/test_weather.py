"""Years of weather: each form by its content, whole years in standard time, leap days, daylight saving, degree days, demand."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from dhsdb import scenarios
from dhsdb.cli import run
from dhsdb.errors import ProblemsError, UnknownNameError, UserError
from dhsdb.importers.degree_days import degree_days, heat_shape, heating_days
from dhsdb.importers.pipeline import run_import
from dhsdb.importers.registry import recognise
from dhsdb.store import Store
from tests.importers import city_files as cf
from tests.importers import fuzz
from tests.importers.books import count, effective

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dhsdb.database import Database
    from dhsdb.importers.pipeline import ImportReport

DEMAND = ["building", "space_heat_mwh", "hot_water_mwh", "profile", "weather"]


def bring(db: Database, *paths: Path, scenario: str = "base", **options: Any) -> ImportReport:
    return run_import(db, "buildings", paths, scenario=scenario, **options)


def profile(db: Database, name: str, scenario: str = "base") -> np.ndarray:
    sql = """SELECT v.value FROM input.profile AS p JOIN meta.series AS s USING (sha256) JOIN meta.series_value AS v USING (series)
WHERE p.scenario = $s AND p.profile = $p ORDER BY v.t"""
    return np.array([row["value"] for row in db.sql(sql, {"s": scenario, "p": name}).to_pylist()])


def said(report: ImportReport) -> set[str]:
    return {f.code for f in report.findings}


def houses(path: Path) -> Path:
    path.write_text(
        "id;use;baujahr;floor area [m2];space heat [MWh];hot water [MWh]\na;office;1990;1000;;\nb;office;1990;1000;75;25\n"
    )
    return path


# --- degree days by hand -----------------------------------------------------------------------------------------------
def test_degree_days_count_days_below_the_limit_up_to_the_room() -> None:
    t = np.array([10.0] * 24 + [14.9] * 24 + [15.0] * 24 + [0.0] * 12 + [20.0] * 12)
    assert degree_days(t) == pytest.approx(10 + 5.1 + 10)
    assert heating_days(t) == 3
    assert degree_days(t, limit=12) == pytest.approx(10 + 10)


def test_the_shape_of_demand_adds_up_and_follows_the_cold() -> None:
    t = np.array(cf.outside())
    shape = heat_shape(t, 0.2)
    assert shape.sum() == pytest.approx(1)
    assert shape.min() == pytest.approx(0.2 / 8760)
    assert int(shape.argmax()) == int(np.where(np.repeat(t.reshape(-1, 24).mean(axis=1) < 15, 24), t, 99).argmin())
    assert heat_shape(np.full(8760, 25.0), 0.2).sum() == pytest.approx(1)


# --- forms ---------------------------------------------------------------------------------------------------------------
def test_a_test_reference_year_is_read(db: Database, tmp_path: Path) -> None:
    path = cf.try_file(tmp_path / "TRY2015_5247.dat")
    assert recognise([path]) == "buildings"
    report = bring(db, path)
    assert {"time-zone", "degree-days"} <= said(report)
    assert profile(db, "TRY2015_5247") == pytest.approx(cf.outside())
    names = ["kind", "data_year", "n_hours", "utc_offset_h", "altitude_m", "degree_days"]
    assert effective(db, "weather", names) == [
        ("try", None, 8760, 1.0, 34.0, pytest.approx(degree_days(np.array(cf.outside()))))
    ]
    assert bring(db, path).revision is None


@pytest.mark.parametrize(("year", "hours"), [(2015, 8760), (2016, 8784)])
def test_an_epw_is_read_with_its_leap_day(db: Database, tmp_path: Path, year: int, hours: int) -> None:
    path = cf.epw_file(tmp_path / "berlin.epw", year)
    assert recognise([path]) == "buildings"
    report = bring(db, path)
    assert ("leap-day" in said(report)) == (hours == 8784)
    names = ["kind", "data_year", "n_hours", "utc_offset_h", "latitude", "longitude"]
    assert effective(db, "weather", names) == [("epw", year, hours, 1.0, 52.47, 13.4)]
    assert len(profile(db, "berlin")) == hours


def test_a_leap_day_can_be_dropped(db: Database, tmp_path: Path) -> None:
    values = [float(i // 24) / 10 for i in range(8784)]
    bring(db, cf.epw_file(tmp_path / "a.epw", 2016, values), options={"leap_day": "drop"})
    found = profile(db, "a")
    assert len(found) == 8760
    assert (found[59 * 24 - 1], found[59 * 24]) == (5.8, 6.0)


def test_months_of_different_years_are_a_typical_year(db: Database, tmp_path: Path) -> None:
    path = cf.epw_file(tmp_path / "a.epw", 2015)
    path.write_text(path.read_text(encoding="latin-1").replace("\n2015,7,", "\n1999,7,"), encoding="latin-1")
    assert "typical-year" in said(bring(db, path))
    assert effective(db, "weather", ["data_year"]) == [(None,)]


# --- time ----------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("year", [2019, 2020])
def test_local_time_is_brought_to_standard_time_and_said(db: Database, tmp_path: Path, year: int) -> None:
    values = cf.outside(8784 if year % 4 == 0 else 8760)
    report = bring(db, cf.local_time_csv(tmp_path / "a.csv", year, values))
    finding = next(f for f in report.findings if f.code == "daylight-saving")
    assert f"{year}-03" in finding.message
    assert "has one twice" in finding.message
    assert profile(db, "a") == pytest.approx(values)


def test_standard_time_stays_as_it_is(db: Database, tmp_path: Path) -> None:
    report = bring(db, cf.local_time_csv(tmp_path / "a.csv", 2019, cf.outside(), saving=False))
    assert "daylight-saving" not in said(report)
    assert "time-zone" in said(report)
    assert profile(db, "a") == pytest.approx(cf.outside())


def table(path: Path, times: Sequence[str], values: Sequence[object], head: str = "time,temperature [°C]") -> Path:
    path.write_text(
        "\n".join([head, *(f"{t},{v}" for t, v in zip(times, values, strict=True))]) + "\n", encoding="utf-8"
    )
    return path


def hours(year: int = 2019) -> list[pd.Timestamp]:
    n = 8784 if year % 4 == 0 else 8760
    return [pd.Timestamp(year, 1, 1) + dt.timedelta(hours=h) for h in range(n)]


def test_times_that_say_how_far_from_utc_they_are_need_no_guess(db: Database, tmp_path: Path) -> None:
    berlin = pd.date_range("2019-01-01", "2019-12-31 23:00", freq="h", tz="Etc/GMT-1").tz_convert("Europe/Berlin")
    path = table(tmp_path / "a.csv", [t.isoformat() for t in berlin], cf.outside())
    report = bring(db, path, options={"utc_offset": "1"})
    assert "daylight-saving" not in said(report)
    assert profile(db, "a") == pytest.approx(cf.outside())
    assert effective(db, "weather", ["utc_offset_h"]) == [(1.0,)]


@pytest.mark.parametrize(
    ("zone", "standard", "offset"), [("Europe/Berlin", "Etc/GMT-1", 1.0), ("America/New_York", "Etc/GMT+5", None)]
)
@pytest.mark.parametrize("year", [2019, 2020])
def test_local_time_becomes_the_standard_time_of_its_place(
    db: Database, tmp_path: Path, zone: str, standard: str, offset: float | None, year: int
) -> None:
    values = cf.outside(8784 if year % 4 == 0 else 8760)
    local = pd.date_range(f"{year}-01-01", periods=len(values), freq="h", tz=standard).tz_convert(zone)
    words = [t.isoformat() if offset else f"{t:%Y-%m-%d %H:%M}" for t in local]
    report = bring(db, table(tmp_path / "a.csv", words, values))
    assert profile(db, "a") == pytest.approx(values)
    assert effective(db, "weather", ["utc_offset_h"]) == [(offset,)]
    assert ("daylight-saving" in said(report)) == (offset is None)


@pytest.mark.parametrize("offset", [0, 1])
def test_a_typical_year_of_pvgis_is_read(db: Database, tmp_path: Path, offset: int) -> None:
    head = "Latitude (decimal degrees): 52.5\nmonth,year\n1,2015\n2,2012\ntime(UTC),T2m,RH"
    words = [f"{2012 if t.month == 2 else 2015}{t:%m%d:%H%M}" for t in hours()]
    path = table(tmp_path / "tmy.csv", words, [f"{v},80" for v in cf.outside()], head)
    path.write_text(f"{path.read_text()}T2m: 2-m air temperature\nRH: relative humidity\n")
    assert recognise([path]) == "buildings"
    report = bring(db, path, options={"utc_offset": str(offset)})
    assert {"typical-year", "time-zone"} <= said(report)
    assert "gap" not in said(report)
    assert profile(db, "tmy") == pytest.approx(np.roll(cf.outside(), offset))
    assert effective(db, "weather", ["data_year", "utc_offset_h"]) == [(None, float(offset))]


def test_hours_of_the_weather_service_are_utc(db: Database, tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", [f"{t:%Y%m%d%H}" for t in hours()], cf.outside(), "MESS_DATUM,TT_TU")
    report = bring(db, path)
    assert any(f.code == "time-zone" and "UTC" in f.message for f in report.findings)
    assert profile(db, "a") == pytest.approx(cf.outside())


def test_the_ends_of_hours_are_seen(db: Database, tmp_path: Path) -> None:
    times = [f"{t + dt.timedelta(hours=1):%Y-%m-%d %H:%M}" for t in hours()]
    bring(db, table(tmp_path / "a.csv", times, cf.outside()))
    assert profile(db, "a") == pytest.approx(cf.outside())


def test_quarters_of_hours_become_hours(db: Database, tmp_path: Path) -> None:
    times = [f"{t + dt.timedelta(minutes=m):%Y-%m-%d %H:%M}" for t in hours() for m in (0, 15, 30, 45)]
    values = [t + d for t in cf.outside() for d in (-1, 1, -2, 2)]
    assert "resampled" in said(bring(db, table(tmp_path / "a.csv", times, values)))
    assert profile(db, "a") == pytest.approx(cf.outside())


def test_kelvin_become_degrees_and_short_gaps_are_bridged(db: Database, tmp_path: Path) -> None:
    values: list[object] = [t + 273.15 for t in cf.outside()]
    values[100] = values[101] = ""
    report = bring(db, table(tmp_path / "a.csv", [f"{t:%Y-%m-%d %H:%M}" for t in hours()], values, "time,temp [K]"))
    assert {"gap", "unit-converted"} <= said(report)
    found = profile(db, "a")
    assert found[100] == pytest.approx(cf.outside()[99] + (cf.outside()[102] - cf.outside()[99]) / 3)


def test_several_years_come_one_by_one(db: Database, tmp_path: Path) -> None:
    times = [f"{t:%Y-%m-%d %H:%M}" for y in (2019, 2020) for t in hours(y)] + ["2021-01-01 00:00"]
    bring(db, table(tmp_path / "a.csv", times, [*cf.outside(), *cf.outside(8784), 1.0]))
    assert effective(db, "weather", ["weather", "data_year", "n_hours"]) == [
        ("a 2019", 2019, 8760),
        ("a 2020", 2020, 8784),
    ]


# --- what is refused -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda lines: lines[:5000], "weather"), (lambda lines: [*lines[:5000], *lines[5001:]], "weather"), (lambda lines: [*lines[:4000], lines[4001], lines[4000], *lines[4002:]], "weather"),
        (lambda lines: [*lines[:99], lines[99].replace(",60,", ",60,", 1).replace("?9?9?9?9E0?9?9,", "?9?9?9?9E0?9?9,x"), *lines[100:]], "weather"),
        (lambda lines: [*lines[:8], *(",".join([*(p := x.split(","))[:6], "99.9", *p[7:]]) for x in lines[8:100]), *lines[100:]], "gap"),
        (lambda lines: [*lines[:8], *(",".join([*(p := x.split(","))[:6], "85", *p[7:]]) for x in lines[8:])], "temperature"),
    ],
)  # fmt: skip
def test_a_year_that_is_not_whole_or_not_weather_is_refused(
    db: Database, tmp_path: Path, spoil: Any, code: str
) -> None:
    path = cf.epw_file(tmp_path / "a.epw")
    path.write_text("\n".join(spoil(path.read_text(encoding="latin-1").splitlines())), encoding="latin-1")
    with pytest.raises(ProblemsError) as error:
        bring(db, path)
    assert code in {p.code for p in error.value.problems}
    assert all(p.file for p in error.value.problems)


@pytest.mark.parametrize("form", ["epw", "try", "csv"])
def test_spoilt_weather_gives_a_report_or_a_clean_import(db: Database, tmp_path: Path, form: str) -> None:
    source = (
        {"epw": cf.epw_file, "try": cf.try_file}[form](tmp_path / f"a.{form}")
        if form != "csv"
        else cf.local_time_csv(tmp_path / "a.csv", 2019, cf.outside())
    )
    target = tmp_path / f"spoilt.{source.suffix[1:]}"
    for i, _ in enumerate(fuzz.spoilt_lines(source, target, 14, seed=11, encoding="utf-8")):
        fuzz.meets(lambda i=i: bring(db, target, scenario=f"s{i}", dry_run=True))  # type: ignore[misc]


# --- demand ----------------------------------------------------------------------------------------------------------------
def test_weather_beside_buildings_shapes_their_demand(db: Database, tmp_path: Path) -> None:
    bring(db, houses(tmp_path / "a.csv"), cf.try_file(tmp_path / "try.dat"))
    rows = {b: p for b, *_, p, _ in effective(db, "building_demand", DEMAND)}
    assert rows == {"a": "heat try, 5% hot water", "b": "heat try, 25% hot water"}
    shape = profile(db, rows["b"])
    assert (len(shape), shape.sum()) == (8760, pytest.approx(1))
    assert shape == pytest.approx(heat_shape(np.array(cf.outside()), 0.25))


def test_degree_days_carry_space_heat_and_not_hot_water(db: Database, tmp_path: Path) -> None:
    cold = [t - 4 for t in cf.outside()]
    bring(db, houses(tmp_path / "a.csv"))
    bring(db, cf.try_file(tmp_path / "usual.dat"), cf.epw_file(tmp_path / "cold.epw", values=cold))
    store = Store(db.path)
    with pytest.raises(UserError, match="do not say what weather"):
        store.estimate("base", weather="cold")
    store.estimate("base", weather="cold", reference="usual")
    ratio = degree_days(np.array(cold)) / degree_days(np.array(cf.outside()))
    rows = {b: rest for b, *rest in effective(db, "building_demand", DEMAND)}
    assert rows["b"][:2] == [pytest.approx(75 * ratio), pytest.approx(25)]
    assert rows["a"][:2] == [pytest.approx(86 * ratio), pytest.approx(5)]
    assert rows["b"][2:] == [f"heat cold, {round(25 / (75 * ratio + 25) * 20) * 5}% hot water", "cold"]
    assert (
        count(
            db,
            "SELECT count(*) FROM meta.finding WHERE code = 'degree-days' AND message LIKE 'space heat was carried%'",
        )
        == 1
    )
    store.estimate("base", weather="usual")  # what each demand holds for is known now
    assert {b: s for b, s, *_ in effective(db, "building_demand", DEMAND)}["b"] == pytest.approx(75)
    store.estimate("base", weather="usual")
    assert {b: s for b, s, *_ in effective(db, "building_demand", DEMAND)}["b"] == pytest.approx(75)


def test_estimates_hold_for_the_climate_of_their_figures(db: Database, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id;use;baujahr;floor area [m2]\na;residential_single;1960;100\n")
    bring(db, tmp_path / "a.csv")
    bring(db, cf.try_file(tmp_path / "usual.dat"))
    Store(db.path).estimate("base", weather="usual")
    factor = degree_days(np.array(cf.outside()), limit=12) / 3326
    assert effective(db, "building_demand", ["space_heat_mwh", "hot_water_mwh"]) == [
        (pytest.approx(26.53 * factor), pytest.approx(1))
    ]


def test_degree_days_can_be_a_number(db: Database, tmp_path: Path) -> None:
    bring(db, houses(tmp_path / "a.csv"))
    bring(db, cf.try_file(tmp_path / "usual.dat"))
    Store(db.path).estimate("base", weather="usual", reference="4000")
    assert {b: s for b, s, *_ in effective(db, "building_demand", DEMAND)}["b"] == pytest.approx(
        75 * degree_days(np.array(cf.outside())) / 4000
    )
    with pytest.raises(UnknownNameError, match="Did you mean 'usual'"):
        Store(db.path).estimate("base", weather="usuall")


def test_one_model_year_can_have_weather_of_its_own(db: Database, tmp_path: Path) -> None:
    scenarios.new(db, "base", [2030, 2040])
    bring(db, houses(tmp_path / "a.csv"))
    bring(
        db,
        cf.try_file(tmp_path / "usual.dat"),
        cf.epw_file(tmp_path / "warm.epw", values=[t + 3 for t in cf.outside()]),
    )
    Store(db.path).estimate("base", weather="warm", reference="usual", year=2040)
    rows = db.sql(
        "SELECT year, space_heat_mwh AS s FROM input.building_demand WHERE scenario = 'base' AND building = 'b' ORDER BY year"
    ).to_pylist()
    assert rows[0] == {"year": 2030, "s": 75.0}
    assert rows[1]["s"] < 60


def test_the_total_of_a_cold_year_calibrates_to_the_usual_one(db: Database, tmp_path: Path) -> None:
    cold = cf.epw_file(tmp_path / "cold.epw", 2021, [t - 4 for t in cf.outside()])
    (tmp_path / "a.csv").write_text("id;use;baujahr;floor area [m2];Ortsteil\na;residential_single;1960;1000;north\n")
    (tmp_path / "m.csv").write_text("Ortsteil;Jahr;Verbrauch [MWh]\nnorth;2021;300\n")
    bring(db, tmp_path / "a.csv", tmp_path / "m.csv", cold)
    assert effective(db, "metered_demand", ["weather"]) == [("cold",)]
    warmth = degree_days(np.array(cf.outside()) - 4, limit=12) / 3326
    factor = 300 / (265.3 * warmth + 10)
    assert effective(db, "building_demand", ["space_heat_mwh", "calibration"]) == [
        (pytest.approx(265.3 * factor), pytest.approx(factor))
    ]


def test_the_command_line_carries_and_says(db: Database, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def call(*arguments: str) -> tuple[int, str, str]:
        code = run(["--store", str(db.path), *arguments])
        heard = capfd.readouterr()
        return code, heard.out, heard.err

    bring(db, houses(tmp_path / "a.csv"))
    code, out, _ = call("import", "buildings", str(cf.try_file(tmp_path / "usual.dat")), "--scenario", "base", "--json")
    assert (code, json.loads(out)["n_set"]["weather"]) == (0, 1)
    code, _, err = call("scenario", "estimate", "base", "--weather", "usual")
    assert code == 2
    assert "--reference" in err
    code, out, _ = call("scenario", "estimate", "base", "--weather", "usual", "--reference", "3500", "--json")
    found = json.loads(out)
    assert (code, found["rows"], found["findings"][0]["code"]) == (0, 2, "degree-days")


def test_years_of_2010_of_the_weather_service_are_read_as_they_are(db: Database) -> None:
    vdi = pytest.importorskip("demandlib.vdi")
    path = Path(vdi.__file__).parent / "resources_weather" / "TRY2010_04_Jahr.dat"
    assert recognise([path]) == "buildings"
    bring(db, path)
    found = effective(db, "weather", ["n_hours", "latitude", "longitude", "altitude_m"])
    assert found == [(8760, 52.3833, 13.0667, 81.0)]
    lines = path.read_text(encoding="latin-1").splitlines()
    mark = lines.index("***")
    assert profile(db, "TRY2010_04_Jahr") == pytest.approx([float(line.split()[8]) for line in lines[mark + 1 :]])
