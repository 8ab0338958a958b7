"""Effective inputs of a scenario, read in one go: rows by table, their hashes, and the profiles that they name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dhsdb import series

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import duckdb
    import pandas as pd

    from dhsdb.names import Ref


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was read.

    Attributes
    ----------
    tables
        Effective rows by table: ``year``, key and cells; geometries as shapely objects.
    hashes
        SHA-256 of the rows by table.
    profiles
        Series by name.
    epsg
        Code of the geometries.
    """

    tables: Mapping[str, pd.DataFrame]
    hashes: Mapping[str, str]
    profiles: Mapping[str, series.Values]
    epsg: int | None

    @property
    def counts(self) -> dict[str, int]:
        """Number of rows by table."""
        return {name: len(rows) for name, rows in self.tables.items()}


def load(con: duckdb.DuckDBPyConnection, ref: Ref, tables: Sequence[str]) -> Loaded:
    """Read the effective rows of tables of a scenario at a revision."""
    frames, hashes = {}, {}
    for name in sorted({*tables, "profile", "model_option", "model_year"}):
        frames[name], hashes[name] = _table(con, ref, name)
    profile = frames["profile"].dropna(subset=["sha256"])
    found = series.load(con, profile["sha256"]) if len(profile) else {}
    profiles = {n: found[h] for n, h in zip(profile["profile"], profile["sha256"], strict=True) if h in found}
    row = con.execute(
        "SELECT max(l.epsg) FROM meta.layer_at(?, ?) AS st JOIN meta.scenario AS l ON l.scenario = st.layer",
        [ref.name, ref.revision],
    ).fetchone()
    return Loaded(frames, hashes, profiles, row[0] if row else None)


def _table(con: duckdb.DuckDBPyConnection, ref: Ref, name: str) -> tuple[pd.DataFrame, str]:
    """Return the rows of a table in the order of their key, and their hash; the text of a DOUBLE gives all its digits."""
    from dhsdb.schema.catalog import input_table

    table = input_table(name)
    order = ", ".join([*(f'"{k}"' for k in table.keys()), "year"])
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE effective AS"
        f" SELECT * EXCLUDE (scenario) FROM input.{name}_at($name, $revision) ORDER BY {order}",
        {"name": ref.name, "revision": ref.revision},
    )
    row = con.execute(
        "SELECT sha256(coalesce(string_agg(r, chr(30) ORDER BY r), '')) FROM (SELECT CAST(e AS VARCHAR) AS r FROM effective AS e)"
    ).fetchone()
    frame = con.execute("SELECT * FROM effective").df()
    for column, meaning in table.__table__.columns.items():
        if meaning.type.__class__.__name__ == "Geometry" and len(frame):
            frame[column] = _shapes(frame[column])
    return frame, str(row[0]) if row else ""


def _shapes(wkb: pd.Series[Any]) -> Any:
    import shapely

    return shapely.from_wkb([None if missing else bytes(w) for w, missing in zip(wkb, wkb.isna(), strict=True)])
