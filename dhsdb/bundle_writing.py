"""A bundle's changes, rows, tags and series written into a store, with every number mapped to this store's.

What happens to each scenario is planned in :mod:`~dhsdb.bundle_plan`; runs stand in :mod:`~dhsdb.bundle_runs`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dhsdb import series
from dhsdb.bulk import insert, registered
from dhsdb.bundle_format import BundleError, arrow_schema, file_of
from dhsdb.schema import control
from dhsdb.schema.catalog import INPUT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pyarrow as pa

    from dhsdb.bundle_plan import Step
    from dhsdb.bundle_read import Bundle
    from dhsdb.database import Writer
    from dhsdb.schema.columns import Table

_NUMBERS, _LAYERS, _SOURCES, _ROWS = "bundle_number", "bundle_layer", "bundle_source", "bundle_rows"
_AGAIN = "Ask for the bundle again."


@dataclass(slots=True)
class Writing:
    """The import of a bundle while it is written."""

    writer: Writer
    bundle: Bundle
    steps: dict[int, Step]
    n_series: int = 0
    n_tags: int = 0
    remarks: list[str] = field(default_factory=list)

    @property
    def written(self) -> list[Step]:
        """What is written to."""
        return [step for step in self.steps.values() if step.into is not None]

    def run(self) -> None:
        """Write everything but runs."""
        self.add_scenarios()
        self.add_series()
        sources = self.add_sources()
        self.add_stacks()
        self.add_rows(sources)
        self.add_tags()

    def locate(self, scenario: int, revision: int) -> tuple[int, int] | None:
        """Return scenario and revision of this store whose state equals that of a revision in the bundle."""
        if scenario not in self.steps:
            raise BundleError("the bundle names a scenario that it lacks.", _AGAIN)
        return self.steps[scenario].locate(revision)

    def put(self, table: type[Table], rows: Sequence[Mapping[str, Any]]) -> None:
        """Append control rows."""
        import pyarrow as pa

        if rows:
            insert(self.writer.con, table, pa.Table.from_pylist(list(rows), arrow_schema(table)))

    # --- scenarios and their changes ----------------------------------------------------------------------------------
    def add_scenarios(self) -> None:
        """Write new scenarios and new changes."""
        heads = {row["scenario"]: row for row in self.bundle.table("meta.scenario").to_pylist()}
        fresh, changes = [], []
        for step in self.written:
            head = heads[step.theirs.scenario]
            if step.is_fresh:
                fresh.append(
                    head
                    | {
                        "scenario": step.into,
                        "name": step.name,
                        "created": step.numbers[step.theirs.created],
                        "deleted": step.numbers.get(step.theirs.deleted or -1),
                        "chosen_chain": None,
                    }
                )
            elif head["epsg"] is not None:
                self.writer.con.execute(
                    "UPDATE meta.scenario SET epsg = ? WHERE scenario = ? AND epsg IS NULL", [head["epsg"], step.into]
                )
        for row in self.bundle.table("meta.revision").to_pylist():
            step = self.steps[row["scenario"]]
            if row["revision"] in step.new:
                changes.append(row | {"scenario": step.into, "revision": step.numbers[row["revision"]]})
        self.put(control.Scenario, fresh)
        self.put(control.Revision, sorted(changes, key=lambda r: r["revision"]))

    def add_series(self) -> None:
        """Write the series that this store lacks, and hold them to their hashes."""
        con = self.writer.con
        here = {row[0] for row in con.execute("SELECT sha256 FROM meta.series").fetchall()}
        first = self.writer.next_id("series", "series")
        heads = [row for row in self.bundle.table("meta.series").to_pylist() if row["sha256"] not in here]
        numbers = {row["series"]: first + i for i, row in enumerate(heads)}
        self.put(control.Series, [row | {"series": numbers[row["series"]]} for row in heads])
        self.n_series = len(heads)
        if not heads:
            return
        with registered(con, "bundle_series", _pairs(numbers)):
            for rows in self.bundle.batches("meta.series_value"):
                with registered(con, _ROWS, rows):
                    con.execute(
                        "INSERT INTO meta.series_value (series, t, value) SELECT n.ours, r.t, r.value"
                        f" FROM {_ROWS} AS r JOIN bundle_series AS n ON n.theirs = r.series ORDER BY n.ours, r.t"
                    )
        found = series.load(con, [row["sha256"] for row in heads])
        for row in heads:
            if row["sha256"] not in found or found[row["sha256"]].sha256 != row["sha256"]:
                raise BundleError(f"{file_of('meta.series_value')}: a series is not what its hash says.", _AGAIN)

    def add_sources(self) -> dict[int, int]:
        """Write the sources of new changes; return the number of each source in this store."""
        con = self.writer.con
        owner = {number: step for step in self.steps.values() for number, _, _ in step.theirs.changes}
        here = {
            (revision, sha256, file): source
            for source, revision, sha256, file in con.execute(
                "SELECT source, revision, sha256, file FROM meta.source"
            ).fetchall()
        }
        number = self.writer.next_id("source", "source")
        found, fresh = {}, []
        for row in self.bundle.table("meta.source").sort_by("source").to_pylist():
            step = owner.get(row["revision"])
            if step and row["revision"] in step.new:
                fresh.append(row | {"source": number, "revision": step.numbers[row["revision"]]})
                found[row["source"]], number = number, number + 1
            elif step and row["revision"] in step.known:
                known = here.get((step.known[row["revision"]], row["sha256"], row["file"]))
                if known is not None:
                    found[row["source"]] = known
        self.put(control.Source, fresh)
        return found

    # --- rows that hold for a range of revisions ----------------------------------------------------------------------
    def add_stacks(self) -> None:
        """Write stacks: each layer below is read at the revision that has the state of the one in the bundle."""
        rows = self.bundle.table("meta.stack").to_pylist()
        for step in self.written:
            self._switch(step, "meta.stack", "scenario")
            added = []
            for row in (r for r in rows if r["scenario"] == step.theirs.scenario):
                until = None if row["rev_to"] is None else step.numbers.get(row["rev_to"])
                if row["rev_from"] >= step.since:
                    added.append(self._entry(step, row) | {"rev_to": until})
                elif until is not None and row["rev_to"] >= step.since:
                    self.writer.con.execute(
                        "UPDATE meta.stack SET rev_to = ? WHERE scenario = ? AND rank = ? AND rev_to IS NULL",
                        [until, step.into, row["rank"]],
                    )
            self.put(control.Stack, added)

    def _entry(self, step: Step, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return a row of a stack with its numbers in this store."""
        broken = BundleError(f"{file_of('meta.stack')}: the stack of '{step.theirs.name}' is broken.", _AGAIN)
        begin = step.numbers.get(row["rev_from"])
        place: tuple[int | None, int | None] | None = (step.into, None)
        if row["layer"] != step.theirs.scenario:
            place = self.locate(row["layer"], row["pin"]) if row["pin"] is not None else None
        if begin is None or place is None or (row["rev_to"] is not None and row["rev_to"] not in step.numbers):
            raise broken
        return {**row, "scenario": step.into, "layer": place[0], "pin": place[1], "rev_from": begin}

    def _switch(self, step: Step, table: str, owner: str) -> None:
        """Let a scenario go back to the last change that it shares with the bundle, whose merge holds what came after."""
        if step.switch_after is None:
            return
        at = {"into": step.into, "after": step.switch_after, "first": step.numbers[step.since]}
        self.writer.con.execute(
            f"UPDATE {table} SET rev_to = $first WHERE {owner} = $into AND rev_to IS NULL AND rev_from > $after", at
        )
        self.writer.con.execute(
            f"INSERT INTO {table} SELECT * REPLACE ($first AS rev_from, NULL AS rev_to) FROM {table}"
            f" WHERE {owner} = $into AND rev_from <= $after AND rev_to > $after AND rev_to <= $first",
            at,
        )

    def add_rows(self, sources: Mapping[int, int]) -> None:
        """Write the rows of layers: end those that newer changes ended, add those that they brought."""
        con = self.writer.con
        steps = self.written
        if not steps:
            return
        with (
            registered(con, _NUMBERS, _numbers(steps)),
            registered(con, _LAYERS, _layers(steps)),
            registered(con, _SOURCES, _pairs(sources)),
        ):
            for name, table in INPUT.items():
                for step in steps:
                    self._switch(step, table.qualified(), "layer")
                if table.qualified() in self.bundle:
                    with registered(con, _ROWS, self.bundle.table(table.qualified())):
                        self._check_rows(name)
                        self._end_rows(name)
                        self._insert_rows(name)

    def _check_rows(self, name: str) -> None:
        """Refuse rows whose revisions are none of their layer's."""
        row = self.writer.con.execute(
            f"SELECT count(*) FROM {_ROWS} AS r JOIN {_LAYERS} AS l ON l.theirs = r.layer"
            f" LEFT JOIN {_NUMBERS} AS f ON f.layer = r.layer AND f.theirs = r.rev_from"
            f" LEFT JOIN {_NUMBERS} AS o ON o.layer = r.layer AND o.theirs = r.origin"
            f" LEFT JOIN {_NUMBERS} AS e ON e.layer = r.layer AND e.theirs = r.rev_to"
            " WHERE (r.rev_from >= l.since AND (f.ours IS NULL OR o.ours IS NULL)) OR (r.rev_to >= l.since AND e.ours IS NULL)"
        ).fetchone()
        if row and row[0]:
            raise BundleError(f"{file_of(f'layer.{name}')} names revisions that the bundle lacks.", _AGAIN)

    def _end_rows(self, name: str) -> None:
        """End rows that are here already; a row is known by its layer, origin, key, year and cells."""
        same = " AND ".join(
            f'o."{k}" IS NOT DISTINCT FROM m."{k}"' for k in ("year", "cells", "removed", *INPUT[name].keys())
        )
        self.writer.con.execute(
            f"""UPDATE layer.{name} AS o SET rev_to = m.until FROM (
    SELECT l.ours AS in_layer, b.ours AS by_origin, e.ours AS until, r.*
    FROM {_ROWS} AS r
    JOIN {_LAYERS} AS l ON l.theirs = r.layer AND r.rev_from < l.since AND r.rev_to >= l.since
    JOIN {_NUMBERS} AS b ON b.layer = r.layer AND b.theirs = r.origin
    JOIN {_NUMBERS} AS e ON e.layer = r.layer AND e.theirs = r.rev_to
) AS m
WHERE o.layer = m.in_layer AND o.origin = m.by_origin AND o.rev_to IS NULL AND {same}"""
        )

    def _insert_rows(self, name: str) -> None:
        """Add the rows of new changes, in the order of the bundle."""
        table = INPUT[name]
        mapped = {
            "layer": "l.ours", "origin": "o.ours", "rev_from": "f.ours", "rev_to": "e.ours", "source": "s.ours",
        }  # fmt: skip
        shapes = table.geometries()
        columns = list(table.meanings())
        values = [mapped.get(c) or (f'ST_GeomFromWKB(r."{c}")' if c in shapes else f'r."{c}"') for c in columns]
        listed = ", ".join(f'"{c}"' for c in columns)
        self.writer.con.execute(
            f"""INSERT INTO layer.{name} ({listed}) SELECT {", ".join(values)}
FROM {_ROWS} AS r
JOIN {_LAYERS} AS l ON l.theirs = r.layer AND r.rev_from >= l.since
JOIN {_NUMBERS} AS f ON f.layer = r.layer AND f.theirs = r.rev_from
JOIN {_NUMBERS} AS o ON o.layer = r.layer AND o.theirs = r.origin
LEFT JOIN {_NUMBERS} AS e ON e.layer = r.layer AND e.theirs = r.rev_to
LEFT JOIN {_SOURCES} AS s ON s.theirs = r.source
ORDER BY o.ours, {", ".join(f'r."{c}"' for c in ("year", *table.keys()))}"""
        )

    # --- names of revisions -------------------------------------------------------------------------------------------
    def add_tags(self) -> None:
        """Write tags; one that is given to another revision here stays."""
        con = self.writer.con
        here = {
            (scenario, tag): revision
            for scenario, tag, revision in con.execute("SELECT scenario, tag, revision FROM meta.tag").fetchall()
        }
        fresh = []
        for row in self.bundle.table("meta.tag").to_pylist():
            step = self.steps.get(row["scenario"])
            place = step.locate(row["revision"]) if step else None
            if step is None or place is None:
                continue
            scenario, revision = place
            given = here.get((scenario, row["tag"]))
            if given is None:
                fresh.append({"scenario": scenario, "tag": row["tag"], "revision": revision})
            elif step.theirs.own(row["revision"]) != self._own_here(scenario, given, step):
                self.remarks.append(f"tag {row['tag']} of {step.name} names another revision here; it stays.")
        self.put(control.Tag, fresh)
        self.n_tags = len(fresh)

    @staticmethod
    def _own_here(scenario: int, revision: int, step: Step) -> int | None:
        """Return the change in the bundle that a revision of this store stands for."""
        numbers = step.known if step.home and step.home.scenario == scenario else step.numbers
        found = [(ours, theirs) for theirs, ours in numbers.items() if ours <= revision]
        return max(found)[1] if found else None


def _pairs(numbers: Mapping[int, int]) -> pa.Table:
    """Return numbers in the bundle and in this store as rows."""
    import pyarrow as pa

    return pa.table(
        {"theirs": pa.array(list(numbers), pa.int32()), "ours": pa.array(list(numbers.values()), pa.int32())}
    )


def _numbers(steps: Iterable[Step]) -> pa.Table:
    import pyarrow as pa

    rows = [(s.theirs.scenario, theirs, ours) for s in steps for theirs, ours in s.numbers.items()]
    columns = zip(("layer", "theirs", "ours"), zip(*rows, strict=True), strict=True)
    return pa.table({name: pa.array(values, pa.int32()) for name, values in columns})


def _layers(steps: Iterable[Step]) -> pa.Table:
    """Return the layers that are written to, with the first change that is."""
    import pyarrow as pa

    rows = [(s.theirs.scenario, s.into, s.since) for s in steps]
    columns = zip(("theirs", "ours", "since"), zip(*rows, strict=True), strict=True)
    return pa.table({name: pa.array(values, pa.int32()) for name, values in columns})
