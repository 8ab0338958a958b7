"""Runs of a bundle: those that a store lacks come in with results, chains and findings, under numbers of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dhsdb.bulk import registered
from dhsdb.bundle_format import BundleError, file_of
from dhsdb.schema import control
from dhsdb.schema.catalog import RESULT
from dhsdb.schema.columns import Geometry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dhsdb.bundle_writing import Writing
    from dhsdb.schema.results import ResultTable

_AGAIN = "Ask for the bundle again."
_ROWS, _RUNS = "bundle_rows", "bundle_new_run"


class Runs:
    """The runs of a bundle while they are written.

    Attributes
    ----------
    numbers
        Number in this store of each run, by number in the bundle.
    fresh
        Those that this store lacked.
    """

    def __init__(self, writing: Writing) -> None:
        self.writing = writing
        self.con = writing.writer.con
        self.bundle = writing.bundle
        self.numbers: dict[int, int] = {}
        self.fresh: dict[int, tuple[int, int]] = {}

    def run(self) -> None:
        """Write runs, results, chains and findings."""
        self.add_runs()
        if self.fresh:
            self.add_results()
        self.add_chains()
        self.add_findings()

    def add_runs(self) -> None:
        """Write the runs that this store lacks, each at the revision that has the state which it read."""
        here = dict(self.con.execute("SELECT uid, run FROM meta.run WHERE uid IS NOT NULL").fetchall())
        number = self.writing.writer.next_id("run", "run")
        rows, lost = [], []
        for row in self.bundle.table("meta.run").sort_by("run").to_pylist():
            if row["uid"] is None or row["run"] in self.numbers:
                raise BundleError(f"{file_of('meta.run')}: run {row['run']} has no name, or stands twice.", _AGAIN)
            place = self.writing.locate(row["scenario"], row["revision"])
            if row["uid"] in here:
                self.numbers[row["run"]] = here[row["uid"]]
            elif place is None:
                lost.append(str(row["run"]))
            else:
                self.numbers[row["run"]] = number
                self.fresh[row["run"]] = place
                rows.append(row | {"run": number, "scenario": place[0], "revision": place[1]})
                number += 1
        self.writing.put(control.Run, rows)
        if lost:
            self.writing.remarks.append(
                f"runs {', '.join(lost)} of the bundle read states that this store lacks; left out."
            )

    # --- results ------------------------------------------------------------------------------------------------------
    def add_results(self) -> None:
        """Write the results of new runs; items are counted over the whole store, so they get new numbers."""
        import pyarrow as pa

        numbers = pa.table(
            {
                "theirs": pa.array(list(self.fresh), pa.int32()),
                "ours": pa.array([self.numbers[run] for run in self.fresh], pa.int32()),
            }
        )
        with registered(self.con, _RUNS, numbers):
            self._number_items()
            for table in RESULT.values():
                for rows in self.bundle.batches(table.qualified()):
                    with registered(self.con, _ROWS, rows):
                        self._insert(table)

    def _number_items(self) -> None:
        """Give the items of new runs numbers after those that this store has, in ``bundle_item``."""
        self.con.execute("CREATE OR REPLACE TEMP TABLE bundle_item_row (run INTEGER, item INTEGER)")
        for rows in self.bundle.batches("result.item"):
            with registered(self.con, _ROWS, rows):
                self.con.execute(f"INSERT INTO bundle_item_row SELECT run, item FROM {_ROWS}")
        self.con.execute(
            "CREATE OR REPLACE TEMP TABLE bundle_item AS SELECT i.item AS theirs, ("
            "(SELECT coalesce(max(item), 0) FROM result.item) + row_number() OVER (ORDER BY i.item))::INTEGER AS ours"
            f" FROM bundle_item_row AS i SEMI JOIN {_RUNS} AS r ON r.theirs = i.run"
        )
        row = self.con.execute("SELECT count(*) - count(DISTINCT theirs) FROM bundle_item").fetchone()
        if row and row[0]:
            raise BundleError(f"{file_of('result.item')}: an item stands twice.", _AGAIN)

    def _insert(self, table: type[ResultTable]) -> None:
        columns = list(table.__table__.columns)
        has_items = "item" in table.__table__.columns
        mapped = {"run": "n.ours"} | ({"item": "i.ours"} if has_items else {})
        values = [
            mapped.get(c.name) or (f'ST_GeomFromWKB(r."{c.name}")' if isinstance(c.type, Geometry) else f'r."{c.name}"')
            for c in columns
        ]
        joined = f"FROM {_ROWS} AS r JOIN {_RUNS} AS n ON n.theirs = r.run"
        if has_items:
            joined += " LEFT JOIN bundle_item AS i ON i.theirs = r.item"
            row = self.con.execute(f"SELECT count(*) {joined} WHERE r.item IS NOT NULL AND i.ours IS NULL").fetchone()
            if row and row[0]:
                raise BundleError(f"{file_of(table.qualified())} names items that the bundle lacks.", _AGAIN)
        order = [f'r."{n}"' for n in ("run", "year", "item", "t", "point") if n in table.__table__.columns]
        listed = ", ".join(f'"{c.name}"' for c in columns)
        self.con.execute(
            f"INSERT INTO {table.qualified()} ({listed}) SELECT {', '.join(values)} {joined} ORDER BY {', '.join(order)}"
        )

    # --- chains and findings ------------------------------------------------------------------------------------------
    def add_chains(self) -> None:
        """Write chains whose runs are all here, unless this store has them or newer ones: the newest speaks for a scenario."""
        members: dict[int, list[int]] = {}
        for row in self.bundle.table("meta.chain_run").to_pylist():
            members.setdefault(row["chain"], []).append(row["run"])
        number = self.writing.writer.next_id("chain", "chain")
        chains, links, old = [], [], []
        for row in self.bundle.table("meta.chain").sort_by("chain").to_pylist():
            runs = [self.numbers[run] for run in members.get(row["chain"], ()) if run in self.numbers]
            place = self.writing.locate(row["scenario"], row["revision"])
            if place is None or not runs or len(runs) < len(members[row["chain"]]):
                continue
            if not self._is_known(place[0], runs):
                if self._is_old(place, row):
                    old += [str(run) for run in runs if run in self._fresh_numbers]
                    continue
                chains.append(row | {"chain": number, "scenario": place[0], "revision": place[1]})
                links += [{"chain": number, "run": run} for run in sorted(set(runs))]
                self._choose(row, place[0], number)
                number += 1
        self.writing.put(control.Chain, chains)
        self.writing.put(control.ChainRun, links)
        if old:
            self.writing.remarks.append(
                f"runs {', '.join(old)} are older than the results that this store shows; `dhsdb run show` shows them."
            )

    @property
    def _fresh_numbers(self) -> set[int]:
        return {self.numbers[run] for run in self.fresh}

    def _is_known(self, scenario: int, runs: Sequence[int]) -> bool:
        found = self.con.execute(
            "SELECT list(r.run ORDER BY r.run) FROM meta.chain AS c JOIN meta.chain_run AS r USING (chain)"
            " WHERE c.scenario = ? GROUP BY c.chain",
            [scenario],
        ).fetchall()
        return sorted(set(runs)) in [row[0] for row in found]

    def _is_old(self, place: tuple[int, int], row: dict[str, Any]) -> bool:
        """Return whether this store has results of a newer state, or newer ones of the same state."""
        found = self.con.execute(
            "SELECT 1 FROM meta.chain WHERE scenario = ? AND (revision > ? OR (revision = ? AND created_at > ?)) LIMIT 1",
            [*place, place[1], row["created_at"]],
        ).fetchone()
        return found is not None

    def _choose(self, row: dict[str, Any], scenario: int, number: int) -> None:
        """Let the chain that was chosen with `run use` speak for a scenario that is new here."""
        step = self.writing.steps[row["scenario"]]
        heads = self.bundle.table("meta.scenario").to_pylist()
        chosen = next((h["chosen_chain"] for h in heads if h["scenario"] == row["scenario"]), None)
        if step.is_fresh and step.into == scenario and chosen == row["chain"]:
            self.con.execute("UPDATE meta.scenario SET chosen_chain = ? WHERE scenario = ?", [number, scenario])

    def add_findings(self) -> None:
        """Write the findings of new runs and new changes."""
        rows = []
        for row in self.bundle.table("meta.finding").to_pylist():
            if row["run"] is not None:
                if row["run"] in self.fresh:
                    scenario, revision = self.fresh[row["run"]]
                    rows.append(row | {"run": self.numbers[row["run"]], "scenario": scenario, "revision": revision})
                continue
            step = self.writing.steps.get(row["scenario"])
            own = step.theirs.own(row["revision"]) if step and row["revision"] is not None else None
            if step and step.into is not None and own in step.new:
                rows.append(row | {"scenario": step.into, "revision": step.numbers[own]})
        self.writing.put(control.Finding, rows)
