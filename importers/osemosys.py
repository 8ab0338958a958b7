"""OSeMOSYS: otoole's CSV folders and workbooks, GNU MathProg data files, and the workbooks of OSeMOSYS_PuLP."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from dhsdb.errors import Problem
from dhsdb.importers.osemosys_arrays import Units
from dhsdb.importers.osemosys_books import is_book, read_book
from dhsdb.importers.osemosys_csv import is_config, is_table, read_folder
from dhsdb.importers.osemosys_gmpl import is_data, read_gmpl
from dhsdb.importers.osemosys_rules import check_sets, check_values
from dhsdb.importers.osemosys_source import Model, Place, Source
from dhsdb.importers.osemosys_tables import Tables
from dhsdb.importers.rows import Rows
from dhsdb.importers.units import UnitError, conversion

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from dhsdb.importers.rows import Item, Request

_HEAD = 65_536
_FOLDERS = ("data", "csv", "inputs")
_YAML = (".yaml", ".yml")
_PLANT_YEAR = {"PJ": 31.536, "MWh": 8760.0, "TWh": 8.76}
"""Energy that a unit of capacity gives in a year, by the unit of energy that it tells."""
_NEAR = 0.01


class OsemosysImporter:
    """OSeMOSYS models in the forms that they are handed around."""

    name = "osemosys"
    reads = "OSeMOSYS models: otoole CSV folders and workbooks, GNU MathProg data files, OSeMOSYS_PuLP workbooks"
    attribution = ""
    options: ClassVar[Mapping[str, str]] = {
        "energy_unit": "unit of energy and activity (PJ, TWh, GWh, MWh ...); default as CapacityToActivityUnit tells",
        "emission_unit": "unit of emissions (Mt, kt, t, kg); default Mt, with MWh t",
        "currency": "currency of the amounts, as in 'million USD'; default unstated",
        "price_year": "year of the price level",
        "ignore": "parameters that are left out, separated by commas",
    }

    def read(self, request: Request) -> Iterator[Item]:
        """Yield the tables of one model, and what is wrong with it."""
        found = _locate(request.paths)
        if isinstance(found, Problem):
            yield found
            return
        path, config = found
        ignored = frozenset(n.strip() for n in request.options.get("ignore", "").split(",") if n.strip())
        request.progress(0, 3, f"reading {path.name}")
        source = _read(path, config, ignored)
        yield from source.problems
        if any(p.severity == "error" for p in source.problems) and not source.sets:
            return
        yield from _translated(source, request)


def _translated(source: Source, request: Request) -> Iterator[Item]:
    model = Model(source)
    problems = [*model.problems, *check_sets(model)]
    model.problems.clear()
    yield from problems
    if any(p.severity == "error" for p in check_sets(model)):
        return
    units = _units(model, request.options)
    if isinstance(units, Problem):
        yield units
        return
    yield from _assumed(model, units, request.options)
    request.progress(1, 3, "checking values")
    tables = Tables(model, units, {n: v for n in ("currency", "price_year") if (v := request.options.get(n))})
    found = list(check_values(tables))
    yield from found
    if any(p.severity == "error" for p in (*source.problems, *problems, *found)):
        return
    request.progress(2, 3, "bringing it into tables")
    for path in source.files:
        yield _nothing(path)
    yield from tables.items()


def _nothing(path: Path) -> Rows:
    """Return no rows of a file, so that it is kept as a source though none of its rows stands for itself."""
    import pandas as pd  # heavy

    return Rows("model_option", pd.DataFrame({"option": pd.Series([], dtype=object)}), path)


# --- where the model is ----------------------------------------------------------------------------------------------
def recognises(path: Path, head: bytes) -> bool:
    """Return whether a file belongs to an OSeMOSYS model, by what is in it."""
    if head.startswith(b"PK"):
        return False
    with path.open("rb") as file:
        text = file.read(_HEAD).decode("utf-8", errors="replace")
    if "\0" in text:
        return False
    return is_table(text.split("\n", 1)[0]) or is_config(text) or is_data(text)


def recognises_book(sheets: Sequence[str]) -> bool:
    """Return whether a workbook with these sheets holds an OSeMOSYS model."""
    return is_book(sheets)


def _locate(paths: Sequence[Path]) -> tuple[Path, Path | None] | Problem:
    """Return the file or the folder of CSV files that holds the model, and its configuration if there is one."""
    config = next((p for p in paths if p.is_file() and p.suffix.casefold() in _YAML), None)
    rest = [p for p in paths if p != config]
    if len(rest) != 1:
        hint = "Name one file or folder, and its configuration besides if it stands elsewhere."
        return Problem("one model at a time is imported.", str(paths[0]), hint=hint, code="format")
    path = rest[0]
    if not path.is_dir():
        return (path.parent, config) if path.suffix.casefold() == ".csv" else (path, config)
    folders = [f for f in (path, *(path / name for name in _FOLDERS)) if f.is_dir() and _has_tables(f)]
    if folders:
        return folders[0], config or _config_near(folders[0], path)
    files = [f for f in sorted(path.iterdir()) if f.is_file() and _is_model(f)]
    if len(files) == 1:
        return files[0], config or _config_near(path, path)
    listed = ", ".join(f.name for f in files)
    text = f"the folder holds several models: {listed}." if files else "the folder holds no OSeMOSYS model."
    return Problem(text, str(path), hint="Name the file, or the folder of CSV files.", code="format")


def _has_tables(folder: Path) -> bool:
    return (folder / "YEAR.csv").is_file() or (folder / "TECHNOLOGY.csv").is_file()


def _is_model(path: Path) -> bool:
    return path.suffix.casefold() in {".xlsx", ".xlsm", ".txt", ".dat"} and not path.name.startswith("~$")


def _config_near(folder: Path, named: Path) -> Path | None:
    """Return the one configuration in a folder or beside it."""
    for place in dict.fromkeys((folder, named, folder.parent)):
        found = [p for p in sorted(place.iterdir()) if p.suffix.casefold() in _YAML and p.is_file()]
        told = [p for p in found if is_config(p.read_text(encoding="utf-8", errors="replace")[:_HEAD])]
        if len(told) == 1:
            return told[0]
        if named == place and named != folder.parent and not told:
            continue
    return None


def _read(path: Path, config: Path | None, ignored: frozenset[str]) -> Source:
    if path.is_dir():
        return read_folder(path, config, ignored)
    with path.open("rb") as file:
        head = file.read(8)
    if head.startswith((b"PK", b"\xd0\xcf\x11\xe0")) or path.suffix.casefold() in {".xlsx", ".xlsm", ".xls"}:
        return read_book(path, config, ignored)
    return read_gmpl(path, ignored)


# --- units -----------------------------------------------------------------------------------------------------------
def _units(model: Model, options: Mapping[str, str]) -> Units | Problem:
    energy = options.get("energy_unit") or _told_energy(model)[0]
    emission = options.get("emission_unit") or ("t" if energy == "MWh" else "Mt")
    found = []
    for unit, target in ((energy, "MWh"), (emission, "t")):
        try:
            found.append(float(conversion(unit, target).apply(np.array([1.0]))[0]))
        except UnitError as error:
            return Problem(error.message, value=unit, hint=error.hint, code="unit")
    return Units(energy, found[0], emission, found[1])


def _told_energy(model: Model) -> tuple[str, bool]:
    """Return the unit of energy that CapacityToActivityUnit tells, and whether it tells any."""
    factors = model.array("CapacityToActivityUnit")
    factors = factors[factors != 1]
    for unit, year in _PLANT_YEAR.items():
        if len(factors) and abs(float(np.median(factors)) / year - 1) < _NEAR:
            return unit, True
    return "PJ", not len(factors)


def _assumed(model: Model, units: Units, options: Mapping[str, str]) -> Iterator[Problem]:
    """Say which units were assumed: OSeMOSYS knows none."""
    place = Place(model.source.file)
    energy, told = _told_energy(model)
    if not options.get("energy_unit"):
        text = (
            f"energy is taken to be in {energy} (1 {energy} = {units.energy_mwh:,.10g} MWh): OSeMOSYS states no units."
        )
        severity = "info" if told else "warning"
        yield place.problem(text, hint="Say it with -o energy_unit=UNIT.", code="unit-assumed", severity=severity)
    if not options.get("emission_unit") and model.sets["EMISSION"]:
        text = f"emissions are taken to be in {units.emission} (1 {units.emission} = {units.emission_t:,.10g} t)."
        yield place.problem(text, hint="Say it with -o emission_unit=UNIT.", code="unit-assumed", severity="info")
    if not options.get("currency"):
        text = "money stays as given; OSeMOSYS states no currency."
        hint = "Say it with -o currency='million USD'."
        yield place.problem(text, hint=hint, severity="info", code="currency-not-stated")
