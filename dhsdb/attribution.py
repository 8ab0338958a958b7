"""What the licences of sources ask to be shown wherever their data goes out: one place that every way out asks.

An import keeps the attribution of each file in ``meta.source``. Whatever stands on a layer that such a file was imported
into is taken to hold some of it: derived scenarios, estimates, runs.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dhsdb.names import find

if TYPE_CHECKING:
    from collections.abc import Iterable

    import duckdb

    from dhsdb.database import Database
    from dhsdb.names import Ref

_BOOKS = re.compile(
    r"\b(?:meta|information_schema|pg_catalog)\.\w+|\b(?:scenarios|revisions|findings|runs)\b", re.IGNORECASE
)
"""Names in a statement that hold no data of sources, but what was done with them."""
_FROM = re.compile(r"\b(?:from|join)\s+[\"\w]", re.IGNORECASE)


def of_refs(con: duckdb.DuckDBPyConnection, refs: Iterable[Ref]) -> tuple[str, ...]:
    """Return the attributions that states of scenarios stand on, each once."""
    found: dict[str, None] = {}
    for ref in refs:
        rows = con.execute(
            "SELECT DISTINCT f.attribution FROM meta.layer_at($name, $at) AS st"
            " JOIN meta.revision AS r ON r.scenario = st.layer AND r.revision <= st.pin"
            " JOIN meta.source AS f USING (revision) WHERE f.attribution <> '' ORDER BY ALL",
            {"name": ref.name, "at": ref.revision},
        ).fetchall()
        found |= dict.fromkeys(row[0] for row in rows)
    return tuple(found)


def attributions(db: Database, scenario: str = "") -> tuple[str, ...]:
    """Return what is to be shown with data of a scenario, perhaps at a revision; without one, with those of the store.

    Raises
    ------
    UnknownNameError
        If there is no such scenario.
    """
    with db.read() as con:
        if scenario:
            return of_refs(con, [find(con, scenario)])
        rows = con.execute("SELECT DISTINCT attribution FROM meta.source WHERE attribution <> '' ORDER BY 1").fetchall()
    return tuple(row[0] for row in rows)


def of_query(db: Database, query: str) -> tuple[str, ...]:
    """Return what is to be shown with the answer to a statement: all of the store, unless it reads no data of sources."""
    return attributions(db) if _FROM.search(_BOOKS.sub("()", query)) else ()
