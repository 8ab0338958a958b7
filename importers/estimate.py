"""Estimate the heat demand of buildings anew, and carry it to other weather: edits like any other.

Buildings whose demand was given keep it; the rule of a demand says how it was found. Metered totals calibrate what was
estimated. Space heat follows the degree days of the weather asked for; hot water does not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dhsdb.edits import Edit, add_rows, write_settled
from dhsdb.errors import Problem, UnknownNameError, UserError
from dhsdb.importers.calibration import ESTIMATED, District, calibrate, districts
from dhsdb.importers.typology import TABULA_DEGREE_DAYS
from dhsdb.names import find

if TYPE_CHECKING:
    from collections.abc import Mapping

    import duckdb
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from dhsdb.database import Database, Writer
    from dhsdb.names import Ref
    from dhsdb.series import Values

__all__ = ["ESTIMATED", "estimate_demand"]

TYPOLOGY = "typology"
"""Name of the climate that the built-in figures of dwellings hold for."""
_CELLS = ("space_heat_mwh", "hot_water_mwh", "peak_mw", "profile", "rule", "calibration", "weather")
_LIMIT_12 = 12.0
_CLOSE = 1e-9


@dataclass(slots=True)
class _State:
    """What a scenario holds that demands follow from."""

    buildings: pd.DataFrame
    specific: pd.DataFrame
    ages: pd.DataFrame
    present: pd.DataFrame
    metered: pd.DataFrame
    weather: pd.DataFrame
    temperature: Mapping[str, Values]


@dataclass(slots=True)
class _Plan:
    """What is to be written."""

    parts: list[pd.DataFrame]
    profiles: dict[str, tuple[NDArray[np.float64], str, str]] = field(default_factory=dict)
    notes: list[Problem] = field(default_factory=list)


def estimate_demand(
    db: Database, scenario: str, message: str = "", *, weather: str = "", reference: str = "", year: int | None = None
) -> Edit:
    """Write the heat demand that follows from floor area, use, age, specific demand and metered totals.

    Buildings whose demand was given (its rule does not say that it was estimated) keep it, but for the weather.

    Parameters
    ----------
    weather
        Weather of the scenario that all demands are carried to; empty = they stay those of their sources. Demands also get
        the hourly shape of its temperatures.
    reference
        Weather that demands hold for which name none: the name of one, its degree days G20/15 as a number, or ``typology``
        for the climate of the built-in figures, which is taken for estimates if nothing is said.
    year
        Model year whose demands are carried; None = every year.

    Raises
    ------
    UserError
        If the scenario holds no buildings or no specific demands, or it is not known what weather demands hold for.
    """
    plan = _Plan([])

    def choose() -> tuple[Ref, _Plan]:
        nonlocal plan
        ref, state = _read(db, scenario)
        plan = _planned(scenario, state, weather, reference, year)
        return ref, plan

    def write(writer: Writer, ref: Ref, plan: _Plan) -> int:
        return _write(writer, ref, plan)

    carried = f", in the weather of {weather}" if weather else ""
    text = message or f"estimate heat demand from floor area, use and specific demand{carried}"
    edit = write_settled(db, f"estimating demand in {scenario}", ("estimate", text), choose, write)
    return Edit(edit.scenario, edit.revision, edit.n_rows, tuple(plan.notes))


# --- what is there ---------------------------------------------------------------------------------------------------
def _read(db: Database, scenario: str) -> tuple[Ref, _State]:
    import shapely  # heavy

    from dhsdb import series

    with db.read() as con:
        ref = find(con, scenario)
        at = [ref.name, ref.revision]

        def table(name: str, columns: str = "* EXCLUDE (scenario)", order: str = "ALL") -> pd.DataFrame:
            return con.execute(f"SELECT {columns} FROM input.{name}_at(?, ?) ORDER BY {order}", at).df()

        metered = table("metered_demand", "* EXCLUDE (scenario, year)", "data_year DESC NULLS LAST, metered")
        places = "CASE WHEN $3 THEN ST_AsWKB(geometry) END AS geometry"
        buildings = con.execute(
            f"SELECT * EXCLUDE (scenario, year, geometry), {places} FROM input.building_at($1, $2) ORDER BY building",
            [*at, bool(len(metered))],
        ).df()
        weather = table("weather", "* EXCLUDE (scenario, year)", "weather")
        hashes = con.execute("SELECT profile, sha256 FROM input.profile_at(?, ?)", at).fetchall()
        named = {p: h for p, h in hashes if p in set(weather["profile"].dropna())}
        loaded = series.load(con, named.values())
        state = _State(
            buildings,
            table("specific_demand", order="year, use"),
            table("specific_demand_age", order="year, use, age_class, refurbishment"),
            table("building_demand", order="building, year"),
            metered,
            weather,
            {p: loaded[h] for p, h in named.items()},
        )  # fmt: skip
    for frame in (state.buildings, state.metered):
        if len(frame):
            frame["geometry"] = shapely.from_wkb([None if _is_blank(g) else bytes(g) for g in frame["geometry"]])
    return ref, state


def _is_blank(value: Any) -> bool:
    import pandas as pd  # heavy

    return value is None or bool(pd.isna(value))


# --- what follows ----------------------------------------------------------------------------------------------------
def _planned(scenario: str, state: _State, weather: str, reference: str, year: int | None) -> _Plan:
    """Return the rows of ``building_demand`` to write."""
    if not len(state.buildings) or not (len(state.specific) or weather):
        lack = "buildings" if not len(state.buildings) else "specific demands"
        raise UserError(
            f"scenario '{scenario}' holds no {lack}.",
            "Import them first, for example with `dhsdb import osm` or `dhsdb import buildings`.",
        )
    given = state.present[~state.present["rule"].fillna("").str.startswith(ESTIMATED)]
    plan = _Plan([])
    open_buildings = state.buildings[~state.buildings["building"].isin(given["building"])]
    plan.parts = _estimated(state, open_buildings, given, plan.notes) if len(state.specific) else []
    if weather:
        _carry(state, plan, given, weather, reference, year)
    for i, part in enumerate(plan.parts):
        plan.parts[i] = part.astype({"year": "Int16"})
    return plan


def _estimated(state: _State, buildings: pd.DataFrame, given: pd.DataFrame, notes: list[Problem]) -> list[pd.DataFrame]:
    """Return estimates by year, calibrated together with what was given."""
    import numpy as np  # heavy

    from dhsdb.importers import demand

    parts = []
    for year, specific, ages in _by_year(state.specific, state.ages):
        rows = demand.estimate(buildings, specific, ages).assign(calibration=np.nan, weather=None)
        rows = _calibrated(state, rows, given, year, notes)
        parts.append(rows[["building", *_CELLS]].assign(year=year))
    return parts


def _calibrated(
    state: _State, rows: pd.DataFrame, given: pd.DataFrame, year: int | None, notes: list[Problem]
) -> pd.DataFrame:
    """Scale estimates to metered totals; given demands count, and stay."""
    import pandas as pd  # heavy

    if not len(state.metered) or not len(rows):
        return rows
    fixed = given if year is None else given[given["year"].isna() | (given["year"] == year)]
    fixed = fixed.drop_duplicates("building")
    fixed = fixed.assign(rule="metered: as it stands").reindex(columns=["building", *_CELLS])
    together = pd.concat([f.astype(object) for f in (rows, fixed)], ignore_index=True)
    for name in ("space_heat_mwh", "hot_water_mwh", "peak_mw", "calibration"):
        together[name] = pd.to_numeric(together[name])
    order = together[["building"]].merge(state.buildings, on="building", how="left")
    seen = {str(n) for n in notes}
    for found in districts(order, state.metered, lambda name: _warmth(state, name)):
        note = found
        if isinstance(found, District):
            together, note = calibrate(together, found)
        if isinstance(note, Problem) and str(note) not in seen:
            notes.append(note)
    return together.iloc[: len(rows)].reset_index(drop=True)


def _warmth(state: _State, weather: str | None) -> float | None:
    row = state.weather[state.weather["weather"] == weather]
    value = row["degree_days_12"].dropna()
    return float(value.iloc[0]) / TABULA_DEGREE_DAYS if len(value) else None


def _by_year(specific: pd.DataFrame, ages: pd.DataFrame) -> list[tuple[int | None, pd.DataFrame, pd.DataFrame]]:
    """Return specific demands by year; as one table of every year where all years agree."""
    import pandas as pd  # heavy

    def of(frame: pd.DataFrame, year: Any) -> pd.DataFrame:
        if "year" not in frame or not len(frame):
            return frame.drop(columns="year", errors="ignore")
        chosen = frame["year"].isna() if pd.isna(year) else (frame["year"] == year) | frame["year"].isna()
        return frame[chosen].drop(columns="year").reset_index(drop=True)

    years = pd.unique(pd.concat([specific["year"], ages["year"]] if len(ages) else [specific["year"]]))
    groups = [(None if pd.isna(year) else int(year), of(specific, year), of(ages, year)) for year in years]
    _, first, first_ages = groups[0]
    if all(first.equals(s) and first_ages.equals(a) for _, s, a in groups):
        return [(None, first, first_ages)]
    return groups


# --- weather ---------------------------------------------------------------------------------------------------------
def _carry(state: _State, plan: _Plan, given: pd.DataFrame, weather: str, reference: str, year: int | None) -> None:
    """Bring all demands to a weather, and give them its shape."""
    from dhsdb.importers.building_weather import shape_demand
    from dhsdb.importers.degree_days import degree_days, heat_shape

    temperature = _temperature(state, weather)
    target = (degree_days(temperature.values), degree_days(temperature.values, _LIMIT_12))
    held = given if year is None else given[given["year"].isna() | (given["year"] == year)]
    plan.parts = [p for p in plan.parts if year is None or p["year"].isna().all() or (p["year"] == year).any()]
    if year is not None:
        plan.parts = [p.assign(year=year) for p in plan.parts]
        held = held.assign(year=year)
    parts = [*plan.parts]
    if len(held):
        parts.append(held[["building", *_CELLS, "year"]].reset_index(drop=True))
    carried = [_carried(state, part, weather, target, reference) for part in parts if len(part)]
    before, after = (sum(float(p["space_heat_mwh"].sum()) for p in found) for found in (parts, carried))
    text = f"space heat was carried to {weather} ({target[0]:,.0f} K d): {before:,.0f} MWh became {after:,.0f} MWh."
    plan.notes.append(Problem(text, severity="info", code="degree-days"))
    names: dict[str, float] = {}
    for part in carried:
        automatic = part["profile"].isna() | part["profile"].astype(str).str.startswith("heat ")
        part["profile"] = part["profile"].where(~automatic, None).astype(object)
        names |= shape_demand(part, weather)
    for name, share in names.items():
        text = f"heat by degree hours of {weather}; {share:.0%} of the year's heat is hot water, the same in every hour"
        plan.profiles[name] = (heat_shape(temperature.values, share), text, temperature.calendar)
    plan.parts = carried


def _temperature(state: _State, weather: str) -> Values:
    rows = state.weather[state.weather["weather"] == weather]
    if not len(rows):
        raise UnknownNameError("weather", weather, state.weather["weather"].astype(str))
    found = state.temperature.get(str(rows["profile"].iloc[0]))
    if found is None or found.step_h != 1:
        raise UserError(f"weather '{weather}' has no hourly temperatures.", "Import its file again.")
    return found


def _carried(
    state: _State, part: pd.DataFrame, weather: str, target: tuple[float, float], reference: str
) -> pd.DataFrame:
    """Return rows whose space heat is that of a weather."""
    import numpy as np  # heavy

    rule = part["rule"].fillna("").astype(str)
    estimated = rule.str.startswith(ESTIMATED)
    ratio = np.full(len(part), np.nan)
    was = np.full(len(part), "", dtype=object)
    own = part["weather"].fillna("").astype(str)
    for i, (name, is_estimate) in enumerate(zip(own, estimated, strict=True)):
        ratio[i], was[i] = _ratio(state, name or reference or (TYPOLOGY if is_estimate else ""), target)
    unknown = np.isnan(ratio) & part["space_heat_mwh"].notna().to_numpy()
    if unknown.any():
        n = int(unknown.sum())
        raise UserError(
            f"{n} demands, such as that of building '{part['building'][unknown].iloc[0]}', do not say what weather they hold for.",
            "Name it with --reference: a weather of the scenario, its degree days G20/15, or typology.",
        )
    ratio = np.where(np.isnan(ratio), 1.0, ratio)
    space = part["space_heat_mwh"].to_numpy(dtype=float, na_value=np.nan)
    # The peak is that of a cold day, which a year's sum does not tell.
    texts = [
        r if abs(f - 1) < _CLOSE else f"{r}; space heat x {f:.4g} to the degree days of {weather} (before: {w})"
        for r, f, w in zip(rule, ratio.tolist(), was.tolist(), strict=True)
    ]
    return part.assign(space_heat_mwh=space * ratio, rule=texts, weather=weather)


def _ratio(state: _State, before: str, target: tuple[float, float]) -> tuple[float, str]:
    """Return what space heat is multiplied by, and what it held for in words."""
    if before == TYPOLOGY:
        return target[1] / TABULA_DEGREE_DAYS, f"{TABULA_DEGREE_DAYS:,.0f} K d G20/12 of the typology"
    try:
        days = float(before) if before else float("nan")
    except ValueError:
        rows = state.weather.loc[state.weather["weather"] == before, "degree_days"].dropna()
        if not len(rows):
            raise UnknownNameError("weather", before, state.weather["weather"].astype(str)) from None
        days = float(rows.iloc[0])
    if days <= 0:
        raise UserError(f"{before} degree days can't be a reference.", "Give K d of G20/15, such as 3500.")
    return target[0] / days, f"{days:,.0f} K d"


# --- writing ---------------------------------------------------------------------------------------------------------
def _write(writer: Writer, ref: Ref, plan: _Plan) -> int:
    """Write profiles, demands and findings."""
    import pandas as pd  # heavy

    from dhsdb import series
    from dhsdb.schema.inputs import Profile
    from dhsdb.schema.places import BuildingDemand

    if plan.profiles:
        values = [series.Values(v, "share", "", 1.0, "", calendar) for v, _, calendar in plan.profiles.values()]
        hashes = series.save(writer, values)
        frame = pd.DataFrame(
            {"profile": list(plan.profiles), "sha256": hashes, "text": [t for _, t, _ in plan.profiles.values()]}
        )
        held = _held_profiles(writer.con, ref)
        frame = frame[[held.get(n) != h for n, h in zip(frame["profile"], frame["sha256"], strict=True)]]
        if len(frame):
            add_rows(writer, Profile, ref, frame)
    n = sum(add_rows(writer, BuildingDemand, ref, part) for part in plan.parts)
    _note(writer, ref, plan.notes)
    return n


def _held_profiles(con: duckdb.DuckDBPyConnection, ref: Ref) -> dict[str, str]:
    rows = con.execute("SELECT profile, sha256 FROM input.profile_at(?, ?)", [ref.name, ref.revision]).fetchall()
    return {str(p): str(h) for p, h in rows}


def _note(writer: Writer, ref: Ref, notes: list[Problem]) -> None:
    """Keep findings with the revision."""
    import pyarrow as pa  # heavy

    from dhsdb.bulk import insert
    from dhsdb.schema.control import Finding

    if not notes:
        return
    columns: dict[str, Any] = {
        "scenario": pa.array([ref.scenario] * len(notes), pa.int32()),
        "revision": pa.array([ref.revision] * len(notes), pa.int32()),
        "severity": [n.severity for n in notes],
        "code": [n.code for n in notes],
        "location": [n.location for n in notes],
        "message": [f"{n.message} {n.hint}".strip() for n in notes],
    }
    insert(writer.con, Finding, pa.table(columns))
