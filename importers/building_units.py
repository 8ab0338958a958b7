"""Units of heat and load that no header names: the one that was asked for, or the only one that can be meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dhsdb.importers import building_cells as cell
from dhsdb.importers.building_columns import TARGETS, spell_unit
from dhsdb.importers.units import UnitError, conversion

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from dhsdb.errors import Problem
    from dhsdb.importers.building_columns import BuildingColumns
    from dhsdb.importers.grids import Grid

    Floats = NDArray[np.float64]

HEATS = ("space_heat_mwh", "heat_mwh", "metered_mwh", "hot_water_mwh")
SPECIFIC = (4.0, 700.0)
"""Heat of half of the buildings per floor area that can be meant [kWh/m2 a]."""
HOURS = (300.0, 6000.0)
"""Annual heat by peak load that can be meant [h]."""


def settle_units(
    grid: Grid, columns: BuildingColumns, options: Mapping[str, str], notes: list[Problem], *, comma: bool | None
) -> None:
    """Give columns of heat and load without a unit the one that is meant, and say so; else ask for it.

    Parameters
    ----------
    comma
        Whether the numbers of the table have decimal commas; None = not known.
    """
    for name in HEATS:
        for at in columns.places.get(name, ())[:1]:
            if at in columns.units or _names_own(grid, at, name):
                continue
            unit = options.get("heat_unit", "")
            if unit:
                _asked(grid, columns, at, name, unit, "heat_unit", notes)
            elif _has_numbers(grid, at):
                _meant(grid, columns, at, notes, comma=comma)
    for at in columns.places.get("peak_mw", ())[:1]:
        if at in columns.units or _names_own(grid, at, "peak_mw") or not _has_numbers(grid, at):
            continue
        unit = options.get("power_unit", "")
        if unit:
            _asked(grid, columns, at, "peak_mw", unit, "power_unit", notes)
        else:
            _meant_load(grid, columns, at, notes, comma=comma)


def _names_own(grid: Grid, at: int, name: str) -> bool:
    return grid.header[at].strip().casefold() == name


def _has_numbers(grid: Grid, at: int) -> bool:
    return any(not cell.is_blank(c) for c in cell.cells(grid, at))


def _asked(
    grid: Grid, columns: BuildingColumns, at: int, name: str, unit: str, option: str, notes: list[Problem]
) -> None:
    try:
        conversion(spell_unit(unit), TARGETS[name])
    except UnitError as error:
        notes.append(
            grid.problem(f"{option}: {error.message}", grid.head, grid.header[at], unit, error.hint, code="unit")
        )
        return
    columns.units[at] = spell_unit(unit)


def _values(grid: Grid, columns: BuildingColumns, name: str, *, comma: bool | None) -> Floats | None:
    places = columns.places.get(name, ())
    return cell.figures(grid, places[0], name, columns.units, comma=comma)[0] if places else None


def _meant(grid: Grid, columns: BuildingColumns, at: int, notes: list[Problem], *, comma: bool | None) -> None:
    """Take kWh or MWh by the heat per floor area that half of the buildings would have."""
    import numpy as np  # heavy

    header = grid.header[at]
    heat, _ = cell.figures(grid, at, "levels", {}, comma=comma)
    area = _values(grid, columns, "floor_area_m2", comma=comma)
    if area is None:
        area = _values(grid, columns, "footprint_m2", comma=comma)
    with np.errstate(divide="ignore", invalid="ignore"):
        per_area = heat / area if area is not None else np.array([np.nan])
    per_area = per_area[np.isfinite(per_area) & (per_area > 0)]
    fits = list(_fitting(float(np.median(per_area)))) if len(per_area) else []
    if len(fits) == 1:
        columns.units[at] = f"{fits[0]}/a"
        text = f"the unit of '{header}' is not said; {fits[0]} was taken, since only so half of the buildings need 4 to 700 kWh/m2 a year."
        notes.append(
            grid.problem(
                text,
                grid.head,
                header,
                fits[0],
                "Name it with -o heat_unit=UNIT if that is wrong.",
                severity="warning",
                code="unit-assumed",
            )
        )
        return
    hint = f"Write it in the header, as in '{header} [kWh/a]', or name it with -o heat_unit=UNIT."
    notes.append(grid.problem(f"the unit of '{header}' is not said.", grid.head, header, hint=hint, code="unit"))


def _fitting(per_area: float) -> Iterator[str]:
    for unit, scale in (("kWh", 1.0), ("MWh", 1000.0)):
        if SPECIFIC[0] <= per_area * scale <= SPECIFIC[1]:
            yield unit


def _meant_load(grid: Grid, columns: BuildingColumns, at: int, notes: list[Problem], *, comma: bool | None) -> None:
    """Take kW or MW by the hours that annual heat takes at that load."""
    import numpy as np  # heavy

    header = grid.header[at]
    load, _ = cell.figures(grid, at, "levels", {}, comma=comma)
    heat = next(
        (
            v
            for name in ("heat_mwh", "metered_mwh", "space_heat_mwh")
            if (v := _values(grid, columns, name, comma=comma)) is not None
        ),
        None,
    )
    if heat is not None:
        with np.errstate(divide="ignore", invalid="ignore"):
            hours = heat / load
        hours = hours[np.isfinite(hours) & (hours > 0)]
        if len(hours):
            middle = float(np.median(hours))
            fits = [unit for unit, scale in (("kW", 1000.0), ("MW", 1.0)) if HOURS[0] <= middle * scale <= HOURS[1]]
            if len(fits) == 1:
                columns.units[at] = fits[0]
                text = (
                    f"the unit of '{header}' is not said; {fits[0]} was taken, by the hours that the annual heat takes."
                )
                hint = "Name it with -o power_unit=UNIT if that is wrong."
                notes.append(
                    grid.problem(text, grid.head, header, fits[0], hint, severity="warning", code="unit-assumed")
                )
                return
    hint = f"Write it in the header, as in '{header} [kW]', or name it with -o power_unit=UNIT."
    notes.append(grid.problem(f"the unit of '{header}' is not said.", grid.head, header, hint=hint, code="unit"))
