"""Export of a bundle: scenarios with everything that they stand on, as files that another store can take in.

All revisions, stacks, tags, sources, findings and series come along, and the runs chosen. A bundle gets its name last, so
that a half-written one is never found.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from dhsdb.bundle_format import MANIFEST, Entry, Manifest, arrow_schema, file_of, selected, tables
from dhsdb.errors import UserError
from dhsdb.names import author, check_newest, find

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from dhsdb.database import Database
    from dhsdb.schema.columns import Table

_BATCH = 250_000
_COUNTED = {"revision": file_of("meta.revision"), "series": file_of("meta.series")}


@dataclass(frozen=True, slots=True)
class Exported:
    """What a bundle holds.

    Attributes
    ----------
    path
        The file or folder.
    scenarios
        Names asked for.
    needed
        Names of the scenarios whose layers they stand on.
    runs
        Numbers of the runs, in this store.
    n_revisions, n_series, n_bytes
        How much there is.
    attribution
        What the licences of its sources ask to be named.
    """

    path: Path
    scenarios: tuple[str, ...]
    needed: tuple[str, ...]
    runs: tuple[int, ...]
    n_revisions: int
    n_series: int
    n_bytes: int
    attribution: tuple[str, ...]


def export_bundle(
    db: Database, path: str | Path, scenarios: Sequence[str], *, runs: Sequence[int] | None = None
) -> Exported:
    """Write scenarios, with the layers that they stand on and runs, as a bundle.

    Parameters
    ----------
    path
        A folder to make, or a file that ends in ``.zip``; it must not exist.
    scenarios
        Names.
    runs
        Runs that come along with their results; None = those of each scenario's current chain.

    Raises
    ------
    UnknownNameError
        If there is no such scenario.
    UserError
        If the path exists, no scenario is named, or there is no such run.
    """
    target = Path(path).absolute()
    if not scenarios:
        raise UserError("a bundle needs a scenario.", "Name some with --scenario NAME.")
    if target.exists():
        raise UserError(f"{target} exists already.", "Name a new file or folder.")
    if not target.parent.is_dir():
        raise UserError(f"there is no folder {target.parent}.", "Make it first, or name another.")
    unfinished = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        with db.read() as con:
            chosen = _choose(con, scenarios, runs)
            files = {
                file_of(name): entry for name, table in tables().items() if (entry := _write(con, table, unfinished))
            }
            manifest = _manifest(con, scenarios, files)
        (unfinished / MANIFEST).write_text(manifest.model_dump_json(indent=1), encoding="utf-8")
        _finish(unfinished, target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    counts = {name: files[file].rows if file in files else 0 for name, file in _COUNTED.items()}
    n_bytes = sum(entry.bytes for entry in files.values())
    return Exported(
        target,
        manifest.scenarios,
        manifest.needed,
        chosen,
        counts["revision"],
        counts["series"],
        n_bytes,
        manifest.attribution,
    )


# --- what comes along ------------------------------------------------------------------------------------------------
def _choose(con: duckdb.DuckDBPyConnection, names: Sequence[str], runs: Sequence[int] | None) -> tuple[int, ...]:
    """Collect scenarios, runs and chains in temporary tables, and return the runs."""
    asked = [find(con, check_newest(name)).scenario for name in dict.fromkeys(names)]
    con.execute(
        "CREATE OR REPLACE TEMP TABLE bundle_scenario AS"
        " WITH RECURSIVE needed(scenario) AS ("
        "SELECT unnest($asked::INTEGER[]) UNION SELECT s.layer FROM meta.stack AS s JOIN needed AS n ON n.scenario = s.scenario"
        ") SELECT scenario, list_contains($asked::INTEGER[], scenario) AS asked FROM needed",
        {"asked": asked},
    )
    if runs is None:
        chosen = con.execute(
            "SELECT r.run, c.scenario, c.revision FROM meta.current_chain AS k JOIN meta.chain AS c USING (chain)"
            " JOIN meta.chain_run USING (chain) JOIN meta.run AS r USING (run)"
            " WHERE c.scenario IN (SELECT scenario FROM bundle_scenario WHERE asked) AND r.status <> 'running'"
            " UNION SELECT r.run, r.scenario, r.revision FROM meta.current_run AS k JOIN meta.run AS r USING (run)"
            " WHERE r.scenario IN (SELECT scenario FROM bundle_scenario WHERE asked)"
        ).fetchall()
    else:
        chosen = _runs_named(con, runs)
    con.execute("CREATE OR REPLACE TEMP TABLE bundle_run (run INTEGER, scenario INTEGER, revision INTEGER)")
    if chosen:
        con.executemany("INSERT INTO bundle_run VALUES (?, ?, ?)", list({row[0]: row for row in chosen}.values()))
    # A run that was solved for another scenario, and answered for one that comes along, is told as one of the latter.
    con.execute(
        "UPDATE bundle_run AS b SET scenario = r.scenario, revision = r.revision FROM meta.run AS r"
        " WHERE r.run = b.run AND r.scenario IN (SELECT scenario FROM bundle_scenario)"
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE bundle_chain AS SELECT c.chain FROM meta.chain AS c JOIN meta.chain_run AS r USING (chain)"
        " WHERE c.scenario IN (SELECT scenario FROM bundle_scenario)"
        " GROUP BY c.chain HAVING bool_and(r.run IN (SELECT run FROM bundle_run))"
    )
    return tuple(sorted({int(row[0]) for row in chosen}))


def _runs_named(con: duckdb.DuckDBPyConnection, runs: Sequence[int]) -> list[tuple[int, int, int]]:
    """Return the runs that were named, refusing those that belong to no scenario of the bundle."""
    found = []
    for run in dict.fromkeys(runs):
        row = con.execute(
            "SELECT r.run, r.scenario, r.revision, r.status, s.name, r.scenario IN (SELECT scenario FROM bundle_scenario)"
            " FROM meta.run AS r JOIN meta.scenario AS s USING (scenario) WHERE r.run = ?",
            [run],
        ).fetchone()
        if row is None:
            raise UserError(f"there is no run {run}.", "`dhsdb run list` lists them.")
        if row[3] == "running":
            raise UserError(f"run {run} is still running.", "Wait for it, or leave it out.")
        if not row[5]:
            raise UserError(f"run {run} is one of '{row[4]}', which is not exported.", f"Add --scenario '{row[4]}'.")
        found.append((row[0], row[1], row[2]))
    return found


_OF_SCENARIO = "x.scenario IN (SELECT scenario FROM bundle_scenario)"
_OF_RUN = "x.run IN (SELECT run FROM bundle_run)"
_USED_SERIES = "x.sha256 IN (SELECT sha256 FROM layer.profile WHERE layer IN (SELECT scenario FROM bundle_scenario) AND sha256 IS NOT NULL)"
_WHERE = {
    "meta.source": "x.revision IN (SELECT r.revision FROM meta.revision AS r SEMI JOIN bundle_scenario USING (scenario))",
    "meta.series": _USED_SERIES,
    "meta.series_value": f"x.series IN (SELECT series FROM meta.series AS x WHERE {_USED_SERIES})",
    "meta.run": _OF_RUN,
    "meta.chain": "x.chain IN (SELECT chain FROM bundle_chain)",
    "meta.chain_run": "x.chain IN (SELECT chain FROM bundle_chain)",
    "meta.finding": f"CASE WHEN x.run IS NULL THEN {_OF_SCENARIO} ELSE {_OF_RUN} END",
}


def _query(table: type[Table]) -> str:
    """Return the SELECT of the rows of a table that come along."""
    name = table.qualified()
    columns = selected(table, "x")
    if name == "meta.scenario":
        chain = "CASE WHEN x.chosen_chain IN (SELECT chain FROM bundle_chain) THEN x.chosen_chain END AS chosen_chain"
        columns = columns.replace('x."chosen_chain"', chain)
    if name in ("meta.run", "meta.finding"):
        columns = columns.replace('x."scenario"', "coalesce(b.scenario, x.scenario) AS scenario")
        columns = columns.replace('x."revision"', "coalesce(b.revision, x.revision) AS revision")
    joined = " LEFT JOIN bundle_run AS b ON b.run = x.run" if name in ("meta.run", "meta.finding") else ""
    own = "x.layer IN (SELECT scenario FROM bundle_scenario)" if table.space == "layer" else _OF_SCENARIO
    where = _OF_RUN if table.space == "result" else _WHERE.get(name, own)
    return f"SELECT {columns} FROM {name} AS x{joined} WHERE {where} ORDER BY x.rowid"


# --- files -----------------------------------------------------------------------------------------------------------
def _write(con: duckdb.DuckDBPyConnection, table: type[Table], folder: Path) -> Entry | None:
    """Write the rows of a table, batch by batch; none if there is no row."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = arrow_schema(table)
    path = folder / file_of(table.qualified())
    rows = 0
    writer: pq.ParquetWriter | None = None
    try:
        for batch in con.execute(_query(table)).to_arrow_reader(_BATCH):
            if batch.num_rows:
                writer = writer or pq.ParquetWriter(path, schema, compression="zstd")
                writer.write_table(pa.Table.from_batches([batch]).cast(schema))
                rows += batch.num_rows
    finally:
        if writer is not None:
            writer.close()
    return Entry(sha256=_hash(path), rows=rows, bytes=path.stat().st_size) if rows else None


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _manifest(con: duckdb.DuckDBPyConnection, asked: Sequence[str], files: dict[str, Entry]) -> Manifest:
    import dhsdb

    needed = con.execute(
        "SELECT s.name FROM meta.scenario AS s JOIN bundle_scenario AS b USING (scenario) WHERE NOT b.asked ORDER BY s.scenario"
    ).fetchall()
    named = con.execute(
        f"SELECT DISTINCT attribution FROM meta.source AS x WHERE {_WHERE['meta.source']} AND attribution <> '' ORDER BY 1"
    ).fetchall()
    return Manifest(
        dhsdb=dhsdb.__version__,
        created_at=datetime.now(UTC),
        author=author(),
        scenarios=tuple(dict.fromkeys(asked)),
        needed=tuple(row[0] for row in needed),
        attribution=tuple(row[0] for row in named),
        files=files,
    )


def _finish(unfinished: Path, target: Path) -> None:
    """Give a bundle its name: the folder as it is, or packed into one file."""
    if target.suffix.lower() != ".zip":
        unfinished.chmod(0o755)  # a temporary folder is its owner's alone
        unfinished.rename(target)
        return
    packed = unfinished / "packed"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted(unfinished.glob("*.*")):
            archive.write(file, file.name)
    packed.rename(target)
