"""What a scenario holds before an import, for formats that change or complete it: read when asked for, as of one state."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from dhsdb import series
from dhsdb.names import Ref, find, scenario_names
from dhsdb.schema.catalog import input_table

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

    from dhsdb.database import Database
    from dhsdb.importers.rows import Request


class MovedError(Exception):
    """The scenario changed after the importer looked at it, so that what it made of it may be wrong."""


class HeldInputs:
    """The effective inputs of a scenario at the revision of the first look; nothing of a new scenario."""

    def __init__(self, db: Database, scenario: str) -> None:
        self._db = db
        self._scenario = scenario
        self._looked = False

    @functools.cached_property
    def _ref(self) -> Ref | None:
        self._looked = True
        with self._db.read() as con:
            return find(con, self._scenario) if self._scenario in scenario_names(con) else None

    def table(self, name: str) -> pd.DataFrame:
        """Return the effective rows of an input table: ``year``, key and cells."""
        import pandas as pd  # heavy

        if self._ref is None:
            table = input_table(name)
            return pd.DataFrame({c: pd.Series(dtype=object) for c in ("year", *table.own())})
        with self._db.read() as con:
            sql = f"SELECT * EXCLUDE (scenario) FROM input.{input_table(name).__table__.name}_at(?, ?)"
            return con.execute(sql, [self._ref.name, self._ref.revision]).df()

    def profile(self, name: str) -> series.Values | None:
        """Return the values of a profile, or None if the scenario has none of that name."""
        if self._ref is None:
            return None
        with self._db.read() as con:
            row = con.execute(
                "SELECT sha256 FROM input.profile_at(?, ?) WHERE profile = ?",
                [self._ref.name, self._ref.revision, name],
            ).fetchone()
            return series.load(con, [row[0]]).get(row[0]) if row and row[0] else None

    def refuse_moved(self, con: duckdb.DuckDBPyConnection) -> None:
        """Refuse to write what was made of a state that holds no longer.

        Raises
        ------
        MovedError
            If the importer looked, and the scenario was changed, made or deleted since.
        """
        if not self._looked:
            return
        now = find(con, self._scenario) if self._scenario in scenario_names(con) else None
        if (self._ref and self._ref.scenario) != (now and now.scenario):
            raise MovedError
        newer = "SELECT 1 FROM meta.revision WHERE scenario = ? AND revision > ?"
        if self._ref and con.execute(newer, [self._ref.scenario, self._ref.revision]).fetchone():
            raise MovedError


def held_rows(request: Request, name: str) -> pd.DataFrame:
    """Return the effective rows that the scenario of an import holds of a table; none where nothing is known."""
    import pandas as pd  # heavy

    return pd.DataFrame() if request.held is None else request.held.table(name)
