"""The transaction of an import: rows, profiles, years, money and places of a batch meet the scenario they are for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dhsdb import check, names, scenarios, series
from dhsdb.diff import compare
from dhsdb.diff_sides import Side
from dhsdb.errors import Problem, ProblemsError, number_of
from dhsdb.importers.batch import free_unused
from dhsdb.importers.checks import Checked
from dhsdb.importers.merge import Layer, Outcome, Rule, merge_rows
from dhsdb.importers.origins import Known, home_of, place_of, tables_of
from dhsdb.importers.results import ImportedRun, add_run
from dhsdb.importers.systems import choose_epsg, reproject, stack_epsg

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import pyarrow as pa

    from dhsdb.database import Database, Writer
    from dhsdb.diff import Diff
    from dhsdb.importers.batch import Batch
    from dhsdb.importers.rows import Importer, Request
    from dhsdb.names import Ref

_FAILED = "import-failed"
_MOST_FINDINGS = 1000
_CURRENCY = "currency"
_SMALL = 100_000
"""Rows below which a second thread costs more than it brings."""


@dataclass(frozen=True, slots=True)
class Order:
    """An import as it was asked for."""

    importer: Importer
    request: Request
    rule: Rule
    message: str
    dry_run: bool

    @property
    def places(self) -> str:
        """The files and folders as the user named them."""
        return ", ".join(str(path) for path in self.request.paths)


class Writing:
    """One import within its transaction."""

    def __init__(self, writer: Writer, batch: Batch, order: Order) -> None:
        self.writer = writer
        self.con = writer.con
        self.batch = batch
        self.order = order
        self.revision: int | None = None
        self.findings = list(batch.notes.findings)
        self.outcomes: dict[str, Outcome] = {}
        self.runs: list[ImportedRun] = []
        self.ref = self.scenario()
        self.layer = Layer(writer, self.ref, self.number, is_new=self.is_new)
        self.first_source = writer.next_id("source", "source")
        self.source_of = {name: self.first_source + i for i, name in enumerate(batch.files)}
        home = home_of(self.con)
        self.place_of = {name: place_of(name, home) for name in batch.files}
        folders = [path for path in order.request.paths if path.is_dir()]
        prunes = folders and order.rule.prunes and order.rule.on_conflict == "replace" and not self.is_new
        self.known = Known(self.con, self.ref.scenario, home)
        self.lost = self.known.lost(order.importer.name, folders) if prunes else []

    def run(self) -> None:
        """Write what differs; ``revision`` stays None if nothing does."""
        order = self.order
        if self.batch.n_rows < _SMALL:
            self.con.execute("SET threads = 1")
        self.check_money()
        epsg = self.settle_epsg()
        is_empty = not self.batch.n_rows
        for done, (name, parts) in enumerate(work := list(self.tables())):
            order.request.progress(done, len(work), f"writing {name}")
            self.merge(name, parts, epsg)
            free_unused()
        self.drop_lost()
        if is_empty and not self.batch.results:
            self.findings.append(Problem("the files hold no rows.", severity="warning", code="empty"))
        if self.revision is not None:
            self.finish(epsg)
        self.add_runs()

    @property
    def changed(self) -> bool:
        """Whether there is anything to keep: inputs that differ, or a run that was not there."""
        return self.revision is not None or any(run.is_new for run in self.runs)

    def add_runs(self) -> None:
        """Write the results of other tools as runs of the state that the import makes; known ones are left."""
        ref = self.ref if self.revision is None else names.Ref(self.ref.scenario, self.ref.name, self.revision)
        for done, item in enumerate(self.batch.results):
            self.order.request.progress(done, len(self.batch.results), f"writing a run of {item.stage}")
            self.runs.append(add_run(self.writer, ref, item, self.batch.files))
            if self.runs[-1].is_new:
                self.findings += item.findings
        if any(run.is_new for run in self.runs):
            _forget_failure(self.writer, self.ref.scenario, self.order)

    def scenario(self) -> Ref:
        """Return the scenario, created if it is new."""
        name = self.order.request.scenario
        self.is_new = name not in names.scenario_names(self.con)
        return scenarios.create(self.writer, name) if self.is_new else names.find(self.con, name)

    def difference(self) -> Diff:
        """Return what the import changes: the scenario before against the scenario in this transaction."""
        self.writer.flush()
        name = self.ref.name
        after = self.ref if self.revision is None else names.Ref(self.ref.scenario, name, self.revision)
        # A currency that the files correct is no reason to refuse a look at what they change.
        found = compare(self.con, Side(name, self.ref), Side(name, after), results=False, as_given=True)
        before = f"nothing ('{name}' is new)" if self.is_new else f"{name}@{self.ref.revision}"
        return replace(found, a=before, b=f"{name} with {self.order.places}")

    def number(self) -> int:
        """Return the revision of this import; the first call makes it, with its sources."""
        from dhsdb.schema.control import Source  # heavy

        if self.revision is None:
            self.revision = scenarios.add_revision(self.writer, self.ref.scenario, "import", self.order.message)
            for file in self.batch.files.values():
                self.writer.session.add(
                    Source(
                        source=self.source_of[file.name], revision=self.revision, file=self.place_of[file.name],
                        sha256=file.sha256, bytes=file.size, format=self.order.importer.name,
                        attribution=file.attribution or self.order.importer.attribution,
                    )
                )  # fmt: skip
            self.writer.flush()
        return self.revision

    def tables(self) -> Iterator[tuple[str, list[Checked]]]:
        """Yield the tables in the order of writing: model years first, since rows of every year spread over them."""
        tables = {"model_year": [*self.batch.tables.get("model_year", []), *self.declared_years()]}
        tables |= {name: parts for name, parts in self.batch.tables.items() if name != "model_year"}
        if self.batch.profiles:
            tables["profile"] = [*tables.get("profile", []), *self.profiles()]
        return ((name, parts) for name, parts in tables.items() if parts)

    def merge(self, name: str, parts: list[Checked], epsg: int | None) -> None:
        """Merge the rows of one table, in the scenario's coordinate system."""
        import pyarrow as pa  # heavy

        tables = [self.with_origin(part, epsg) for part in parts]
        rows = pa.concat_tables(tables, promote_options="default")
        whole = {p.file for p in parts if p.file and not p.keeps}
        files = sorted({name for file in whole for name in self.known.names_of(file)} | set(self.lost))
        self.outcomes[name] = merge_rows(self.layer, parts[0].table, rows, files, self.order.rule)

    def drop_lost(self) -> None:
        """Remove what files brought that are gone from their folder, also from tables of which no other file has rows."""
        from dhsdb.schema.catalog import input_table  # heavy

        if not self.lost:
            return
        for name in set(tables_of(self.con, self.ref.scenario, self.lost)) - set(self.outcomes):
            table = input_table(name)
            named = ", ".join(f'"{c}"' for c in [*table.keys(), "year", "cells", "source"])
            no_rows = self.con.execute(f"SELECT {named} FROM {table.qualified()} LIMIT 0").to_arrow_table()
            self.outcomes[name] = merge_rows(self.layer, table, no_rows, self.lost, self.order.rule)
        if any(outcome.n_removed for outcome in self.outcomes.values()):
            text = "is no longer in the folder; what it alone had brought was removed."
            self.findings += [Problem(text, file, severity="info", code="file-gone") for file in self.lost]

    def with_origin(self, part: Checked, epsg: int | None) -> pa.Table:
        """Add source and cells to rows, and bring their geometries into the scenario's system."""
        import pyarrow as pa  # heavy

        rows = part.rows
        if part.epsg is not None and epsg is not None:
            rows = reproject(rows, part.epsg, epsg)
        cells = pa.scalar(None if part.cells is None else list(part.cells), pa.list_(pa.string()))
        rows = rows.append_column("cells", pa.repeat(cells, rows.num_rows))
        return rows.append_column(
            "source", pa.repeat(pa.scalar(self.source_of.get(part.file), pa.int32()), rows.num_rows)
        )

    def profiles(self) -> Iterator[Checked]:
        """Store the series, and yield the rows that name them."""
        hashes = series.save(self.writer, (p.values for p in self.batch.profiles))
        places = {(p.file, p.sheet): None for p in self.batch.profiles}
        for file, sheet in places:
            chosen = [i for i, p in enumerate(self.batch.profiles) if (p.file, p.sheet) == (file, sheet)]
            named = [self.batch.profiles[i] for i in chosen]
            columns: dict[str, Sequence[object]] = {
                "profile": [p.name for p in named],
                "sha256": [hashes[i] for i in chosen],
                "text": [p.text.strip() or None for p in named],
            }
            yield _made("profile", columns, file, sheet)

    # --- years, money, places -----------------------------------------------------------------------------------------
    def declared_years(self) -> Iterator[Checked]:
        """Yield the model years that this import declares; other years that rows name are a finding.

        The year asked for is always declared. Years that rows name are declared if the scenario has none at all.
        """
        known = self.years_before() | self.batch.years(of_model=True)
        named = self.batch.years(of_model=False)
        new = named - known if not known else named & {self.order.request.year}
        if new - known:
            years = sorted(new - known)
            yield _made("model_year", {"year": years}, "", "")
        if strange := sorted(named - known - new):
            text = (
                f"rows name years that are no model years: {', '.join(map(str, strange))}; the models don't read them."
            )
            declared = ", ".join(map(str, sorted(known | new)))
            hint = f"Model years: {declared}. Declare more in a sheet model_year, or with --year."
            self.findings.append(Problem(text, hint=hint, severity="warning", code="year-not-modelled"))

    def years_before(self) -> set[int]:
        """Return the model years that the scenario had before the import."""
        if self.is_new:
            return set()
        query = "SELECT DISTINCT year FROM input.model_year_at($name, $at)"
        rows = self.con.execute(query, {"name": self.ref.name, "at": self.ref.revision}).fetchall()
        return {int(row[0]) for row in rows}

    def check_money(self) -> None:
        """Refuse amounts in another currency than the scenario's, as far as both are named.

        Files without anything but options may correct it, and a file what it said itself; to others the currency is
        given, since it holds for all amounts that are there.
        """
        said, held = self.said_currency(), self.held_currency()
        for given in sorted(self.batch.currencies | {said} - {""}):
            own = held or said
            if own and own.upper() != given.upper():
                text = f"amounts are in {given}, but the scenario's currency is {own}."
                hint = (
                    "Convert them first, import into a scenario of its own, or correct the currency: dhsdb scenario set"
                    f" {self.ref.name} model_option.value={given} --where \"option = 'currency'\" -m WHY"
                )
                raise ProblemsError([Problem(text, value=given, hint=hint, code=_CURRENCY)], self.order.places)
            if not own:
                text = f"amounts are in {given}, but the scenario does not say its currency."
                hint = f"Add the option 'currency' with the value {given} to the sheet model_option."
                self.findings.append(Problem(text, value=given, hint=hint, severity="warning", code=_CURRENCY))

    def said_currency(self) -> str:
        """Return the currency that the files say the scenario has."""
        for part in self.batch.tables.get("model_option", []):
            if "value" in part.rows.column_names:
                options = dict(zip(part.rows["option"].to_pylist(), part.rows["value"].to_pylist(), strict=True))
                if options.get(_CURRENCY):
                    return str(options[_CURRENCY])
        return ""

    def held_currency(self) -> str:
        """Return the currency that the scenario has, unless these files are free to say it anew."""
        if self.said_currency() and set(self.batch.tables) == {"model_option"}:
            return ""
        row = self.con.execute(
            "SELECT value FROM input.model_option_at($name, $at) WHERE option = 'currency'",
            {"name": self.ref.name, "at": self.ref.revision},
        ).fetchone()
        own = self.con.execute(
            "SELECT 1 FROM layer.model_option AS o JOIN meta.source AS s USING (source) WHERE o.layer = $layer"
            " AND o.option = 'currency' AND o.rev_to IS NULL AND list_contains($files, s.file)",
            {"layer": self.ref.scenario, "files": [n for file in self.batch.files for n in self.known.names_of(file)]},
        ).fetchone()
        return "" if own and self.said_currency() else (row[0] if row else None) or ""

    def settle_epsg(self) -> int | None:
        """Return the code of the scenario's geometries, chosen now if it holds none yet."""
        own = None if self.is_new else stack_epsg(self.con, self.ref.name)
        return own or choose_epsg(self.order.request.epsg, self.batch.checked)

    # --- the end ------------------------------------------------------------------------------------------------------
    def finish(self, epsg: int | None) -> None:
        """Write counts, findings and the layer's coordinate system; an earlier failure of these files is mended."""
        counts = [sum(o.n_set for o in self.outcomes.values()), sum(o.n_removed for o in self.outcomes.values())]
        self.con.execute(
            "UPDATE meta.revision SET n_set = ?, n_removed = ? WHERE revision = ?", [*counts, self.revision]
        )
        if any(part.epsg is not None and part.rows.num_rows for part in self.batch.checked):
            update = "UPDATE meta.scenario SET epsg = ? WHERE scenario = ? AND epsg IS NULL"
            self.con.execute(update, [epsg, self.ref.scenario])
        _forget_failure(self.writer, self.ref.scenario, self.order)
        self.tell_options()
        self.check()
        _add_findings(self.writer, self.ref.scenario, self.revision, self.findings)

    def tell_options(self) -> None:
        """Note options of the models that a foreign file changes for all that the scenario held before."""
        if self.order.importer.name == "excel" or "model_option" not in self.outcomes:
            return
        changed = self.con.execute(
            "SELECT a.option, a.value, b.value FROM input.model_option_at($name, $after) AS a"
            " LEFT JOIN input.model_option_at($name, $at) AS b ON b.option = a.option AND b.year IS NOT DISTINCT FROM a.year"
            " WHERE a.value IS DISTINCT FROM b.value"
            " AND (b.value IS NOT NULL OR EXISTS (FROM input.process_at($name, $at))) ORDER BY ALL",
            {"name": self.ref.name, "at": self.ref.revision, "after": self.revision},
        ).fetchall()
        if changed:
            said = ", ".join(f"{o} = {new} (before: {'not set' if old is None else old})" for o, new, old in changed)
            text = f"options that hold for all of the scenario, also for what it held before: {said}."
            hint = "Import into a scenario of its own if that is not meant."
            self.findings.append(Problem(text, "model_option", hint=hint, severity="warning", code="option-changed"))

    def check(self) -> None:
        """Check the state that the import makes, and note what was not wrong before.

        Nothing of it stops an import: what is missing may come with the next file. Errors stop a run.
        """
        if self.revision is None:
            return
        touched = {name for name, outcome in self.outcomes.items() if outcome.n_set or outcome.n_removed}
        after = names.Ref(self.ref.scenario, self.ref.name, self.revision)
        noted = {f.code for f in self.findings}
        before = None if self.is_new else self.ref
        found = [f for f in check.new_findings(self.con, before, after, touched) if f.code not in noted]
        # A finding about the scenario has a table and a key for a place, not a file.
        self.findings += [Problem(f.message, f.location, severity=f.severity, code=f.code) for f in found]


def _made(table: str, columns: Mapping[str, Sequence[object]], file: str, sheet: str) -> Checked:
    """Return rows that the pipeline itself makes."""
    import pyarrow as pa  # heavy

    from dhsdb.schema.catalog import input_table  # heavy

    n = len(next(iter(columns.values())))
    rows = pa.table({name: pa.array(v, pa.int16() if name == "year" else pa.string()) for name, v in columns.items()})
    for name, value, kind in (
        ("year", None, pa.int16()),
        ("sheet", sheet or None, pa.string()),
        ("source_row", None, pa.int32()),
    ):
        if name not in rows.column_names:
            rows = rows.append_column(name, pa.repeat(pa.scalar(value, kind), n))
    return Checked(input_table(table), rows, file, sheet, None, None, frozenset())


# --- findings --------------------------------------------------------------------------------------------------------
def _add_findings(writer: Writer, scenario: int, revision: int | None, findings: Iterable[Problem]) -> None:
    """Keep findings as rows; beyond a thousand of a kind, their number."""
    import pyarrow as pa  # heavy

    from dhsdb.bulk import insert
    from dhsdb.schema.control import Finding

    by_code: dict[str, dict[tuple[str, str, str, str], None]] = {}
    for f in findings:
        row = (f.severity, f.code, f.location, f"{f.message} {f.hint}".strip())
        by_code.setdefault(f.code, {})[row] = None
    rows = []
    for code, found in by_code.items():
        rows += list(found)[:_MOST_FINDINGS]
        if len(found) > _MOST_FINDINGS:
            rows.append(("info", code, "", f"{len(found) - _MOST_FINDINGS} more of this kind."))
    columns = {name: [row[i] for row in rows] for i, name in enumerate(("severity", "code", "location", "message"))}
    n = len(rows)
    numbers = {
        "scenario": pa.repeat(pa.scalar(scenario, pa.int32()), n),
        "revision": pa.repeat(pa.scalar(revision, pa.int32()), n),
    }
    insert(writer.con, Finding, pa.table(numbers | {name: pa.array(v, pa.string()) for name, v in columns.items()}))


def record_failure(db: Database, order: Order, error: ProblemsError) -> None:
    """Note with the scenario, if there is one, that an import failed and why."""
    name = order.request.scenario
    with db.read() as con:
        if name not in names.scenario_names(con):
            return
    with db.write(f"noting a failed import into {name}") as writer:
        row = writer.con.execute(
            "SELECT scenario FROM meta.scenario WHERE name = ? AND deleted IS NULL", [name]
        ).fetchone()
        if row is None:
            return
        _forget_failure(writer, row[0], order)
        n = number_of(error.problems)
        text = f"{n} problem{'s' * (n != 1)}, nothing was written; the first: {error.problems[0]}"
        _add_findings(writer, row[0], None, [Problem(text, order.places, severity="warning", code=_FAILED)])


def _forget_failure(writer: Writer, scenario: int, order: Order) -> None:
    writer.con.execute(
        "DELETE FROM meta.finding WHERE scenario = ? AND code = ? AND location = ?", [scenario, _FAILED, order.places]
    )
