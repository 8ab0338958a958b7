"""A scenario's EnergyPLAN keys written back as an input file: byte by byte where nothing changed, changed values in place."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dhsdb import series
from dhsdb.errors import UserError
from dhsdb.importers.energyplan_inputs import meaning_of
from dhsdb.importers.energyplan_keys import Profiles
from dhsdb.importers.energyplan_scenario import held_as_entries, layout_of
from dhsdb.importers.energyplan_text import USUAL_LINES, Layout, render
from dhsdb.importers.units import conversion
from dhsdb.names import find
from dhsdb.schema.catalog import input_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import duckdb
    import pandas as pd

    from dhsdb.database import Database
    from dhsdb.importers.energyplan_keys import Cells
    from dhsdb.importers.energyplan_text import Entry
    from dhsdb.names import Ref

_SAME = 1e-9
_MOST = 1000


@dataclass(frozen=True, slots=True)
class ExportedKeys:
    """An input file that was written.

    Attributes
    ----------
    n_keys
        Keys with their values, those that are there twice counted twice.
    differences
        Cells of the scenario that say another thing than the keys: they are not in the file.
    """

    path: Path
    n_keys: int
    differences: tuple[str, ...] = ()


def export_energyplan(db: Database, path: Path, scenario: str, year: int | None = None) -> ExportedKeys:
    """Write the EnergyPLAN keys of a scenario as an input file.

    Parameters
    ----------
    scenario
        ``NAME`` or ``NAME@REVISION``.
    year
        Model year; None if the keys are the same in all.

    Raises
    ------
    UserError
        If the scenario holds no keys, or different ones by year.
    """
    with db.read() as con:
        ref = find(con, scenario)
        keys = _of_year(_rows(con, ref, "energyplan_key"), year, scenario)
        files = _of_year(_rows(con, ref, "energyplan_file"), year, scenario)
        entries = list(held_as_entries(keys))
        if not entries:
            raise UserError(
                f"'{scenario}' holds no EnergyPLAN keys{f' for {year}' if year else ''}.",
                f"`dhsdb import energyplan FILE --scenario {scenario}` brings an input file.",
            )
        found = tuple(_differences(con, ref, entries, year))
    data = render(entries, _layout(files, len(entries)))
    path.write_bytes(data)
    return ExportedKeys(path, len(entries), found)


def _rows(con: duckdb.DuckDBPyConnection, ref: Ref, table: str) -> pd.DataFrame:
    return con.execute(
        f"SELECT * EXCLUDE (scenario) FROM input.{input_table(table).__table__.name}_at(?, ?)", [ref.name, ref.revision]
    ).df()


def _of_year(rows: pd.DataFrame, year: int | None, scenario: str) -> pd.DataFrame:
    """Return the rows of one year; without a year, they have to be the same in all."""
    if year is not None:
        return rows[rows["year"].isna() | (rows["year"] == year)]
    years = sorted(rows["year"].dropna().unique())
    if not years:
        return rows
    first: pd.DataFrame = rows[rows["year"] == years[0]]
    cells = [c for c in rows.columns if c != "year"]
    if len(rows[cells].drop_duplicates()) > len(first):
        shown = ", ".join(f"{y:.0f}" for y in years)
        raise UserError(f"the keys of '{scenario}' differ by year ({shown}).", "Say which with --year.")
    return first


def _layout(files: pd.DataFrame, n: int) -> Layout:
    """Return how the file was written, of a whole input file rather than a cost file; else as EnergyPLAN does."""
    for kind in ("input", "cost"):
        rows = files[files["file"] == kind].dropna(subset=["encoding", "newline", "n_lines", "ends_line"])
        if len(rows):
            return layout_of(rows.iloc[0].to_dict())
    return Layout(n_lines=next((lines for lines in USUAL_LINES if lines >= 2 * n), 2 * n))


# --- what the keys don't say -----------------------------------------------------------------------------------------
def _differences(con: duckdb.DuckDBPyConnection, ref: Ref, entries: Sequence[Entry], year: int | None) -> Iterator[str]:
    """Yield cells that follow from keys but were changed on their own, so that the file does not have them."""
    named = _rows(con, ref, "profile").dropna(subset=["sha256"])
    hashes = dict(zip(named["profile"], named["sha256"], strict=True))
    profiles = Profiles(hashes, lambda name: series.load(con, [hashes[name]])[hashes[name]].values)  # noqa: PD011  no frame
    sites = sorted(set(_rows(con, ref, "site")["site"]))
    if len(sites) != 1:
        return
    by_table: dict[str, list[Cells]] = {}
    for cells in meaning_of(entries, sites[0], profiles).rows.values():
        if not cells.idle:
            by_table.setdefault(cells.table, []).append(cells)
    n = 0
    for table, wanted in by_table.items():
        rows = _rows(con, ref, table)
        rows = rows if year is None else rows[rows["year"].isna() | (rows["year"] == year)]
        names = input_table(table).keys()
        held = {tuple(row[k] for k in names): row for row in rows.to_dict("records")}
        for cells in wanted:
            key = dict(cells.key)
            row = held.get(tuple(key[k] for k in names))
            for text in _of_row(table, cells, row):
                n += 1
                if n <= _MOST:
                    yield text


def _of_row(table: str, cells: Cells, row: dict[Any, Any] | None) -> Iterator[str]:
    import pandas as pd  # heavy

    shown = " / ".join(str(v) for _, v in cells.key)
    origin = f" (key {cells.origin.key})" if cells.origin else ""
    if row is None:
        yield f"{table} {shown}: it is not there, but the keys say it{origin}."
        return
    for cell, value in cells.cells.items():
        said, own = _in_store(table, cells, cell, value), row[cell]
        own = None if pd.isna(own) else own
        if not _same(said, own):
            yield f"{table} {shown}, {cell}: it is {_word(own)}, but the keys say {_word(said)}{origin}."


def _in_store(table: str, cells: Cells, cell: str, value: object) -> object:
    unit = cells.units.get(cell)
    if not isinstance(value, float) or not unit:
        return value
    how = conversion(unit, input_table(table).own()[cell].unit)
    return value * how.factor / how.divisor


def _same(a: object, b: object) -> bool:
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return math.isclose(float(a), float(b), rel_tol=_SAME, abs_tol=1e-12)
    return a == b


def _word(value: object) -> str:
    return "not given" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
