"""Bundles: what one store writes another holds afterwards, joined to what it had; what is damaged is refused by name."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import stat
import uuid
import warnings
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dhsdb.bundle_format import MANIFEST, BundleError
from dhsdb.errors import UnknownNameError, UserError
from dhsdb.names import find
from dhsdb.scenarios import add_revision, entries, restack
from dhsdb.schema.catalog import INPUT, RESULT
from dhsdb.schema.columns import Geometry
from dhsdb.store import Store
from tests.dhsdb.study import HeldOpen, add, add_profile, boiler_run, build

if TYPE_CHECKING:
    from collections.abc import Callable

    from dhsdb.bundle_import import BundleReport
    from tests.dhsdb.conftest import Cli

GAS = "commodity = 'gas'"


def price(store: Store, scenario: str, value: Any, **options: Any) -> None:
    store.set(scenario, "commodity.price", value, where=GAS, message=f"gas at {value}", **options)


def shape(table: Any, alias: str, but: tuple[str, ...] = ()) -> str:
    return ", ".join(
        f'hex(ST_AsWKB({alias}."{c.name}"))' if isinstance(c.type, Geometry) else f'{alias}."{c.name}"'
        for c in table.__table__.columns
        if c.name not in but
    )


def states(store: Store, *names: str) -> dict[tuple[str, str], dict[str, list[Any]]]:
    """The effective rows of all tables, by scenario and each change of its own."""
    found: dict[tuple[str, str], dict[str, list[Any]]] = {}
    with store.db.read() as con:
        rows = con.execute(
            "SELECT s.name, r.revision, r.uid FROM meta.scenario AS s JOIN meta.revision AS r USING (scenario)"
            " WHERE s.deleted IS NULL AND list_contains(?, s.name) ORDER BY 2",
            [list(names)],
        ).fetchall()
        filled = [n for n in INPUT if con.execute(f"SELECT 1 FROM layer.{n} LIMIT 1").fetchone()]
        for name, revision, uid in rows:
            found[name, uid] = {
                table: con.execute(
                    f"SELECT COLUMNS(* EXCLUDE (scenario))::VARCHAR FROM input.{table}_at(?, ?) AS r ORDER BY ALL",
                    [name, revision],
                ).fetchall()
                for table in filled
            }
    return found


def history(store: Store, name: str) -> dict[str, list[Any]]:
    """All rows of a scenario's layer and stack, its tags and changes, with names in place of numbers: what blame and log say."""
    uid = {
        c: f"(SELECT uid FROM meta.revision WHERE revision = r.{c})" for c in ("origin", "rev_from", "rev_to", "pin")
    }
    with store.db.read() as con:
        (number,) = con.execute(
            "SELECT scenario FROM meta.scenario WHERE name = ? AND deleted IS NULL", [name]
        ).fetchone()  # type: ignore[misc]
        found = {
            table: con.execute(
                f"SELECT {uid['origin']}, {uid['rev_from']}, {uid['rev_to']},"
                " (SELECT sha256 FROM meta.source WHERE source = r.source),"
                f" {shape(INPUT[table], 'r', ('layer', 'origin', 'rev_from', 'rev_to', 'source'))}"
                f" FROM layer.{table} AS r WHERE layer = ? ORDER BY ALL",
                [number],
            ).fetchall()
            for table in INPUT
        }
        found["stack"] = con.execute(
            "SELECT rank, (SELECT created FROM meta.scenario WHERE scenario = r.layer) IS NOT NULL,"
            f" {uid['pin']}, {uid['rev_from']}, {uid['rev_to']}, peer, branch FROM meta.stack AS r WHERE scenario = ? ORDER BY ALL",
            [number],
        ).fetchall()
        found["changes"] = con.execute(
            "SELECT kind, created_at, author, message, n_set, n_removed, uid, merged FROM meta.revision"
            " WHERE scenario = ? ORDER BY revision",
            [number],
        ).fetchall()
        found["tags"] = con.execute(
            "SELECT tag, (SELECT arg_max(uid, revision) FROM meta.revision AS x WHERE x.scenario = r.scenario AND x.revision <= r.revision)"
            " FROM meta.tag AS r WHERE scenario = ? ORDER BY ALL",
            [number],
        ).fetchall()
    return found


def results(store: Store) -> dict[str, list[Any]]:
    """All result rows, with names in place of numbers."""
    found = {}
    with store.db.read() as con:
        for name, table in RESULT.items():
            has_items = "item" in table.__table__.columns and name != "item"
            joined = "LEFT JOIN result.item AS i ON i.item = r.item AND i.run = r.run" if has_items else ""
            named = "i.site, i.technology, i.commodity, i.direction, " if has_items else ""
            rows = con.execute(
                f"SELECT m.uid, {named}{shape(table, 'r', ('run', 'item'))} FROM result.{name} AS r"
                f" JOIN meta.run AS m ON m.run = r.run {joined} ORDER BY ALL"
            ).fetchall()
            found[name] = rows
        (twice,) = con.execute("SELECT count(*) - count(DISTINCT item) FROM result.item").fetchone()  # type: ignore[misc]
        assert twice == 0, "one integer joins an item over the whole store"
    return found


def everything(store: Store) -> dict[str, Any]:
    """Every row of every table: to see that nothing was written."""
    with store.db.read() as con:
        tables = con.execute(
            "SELECT schema_name, table_name FROM duckdb_tables() WHERE schema_name <> 'main'"
        ).fetchall()
        return {
            f"{s}.{t}": con.execute(f'SELECT count(*), sum(hash(COLUMNS(*)::VARCHAR)) FROM "{s}"."{t}"').fetchall()
            for s, t in tables
        }


def actions(report: BundleReport) -> dict[str, tuple[str, str, int]]:
    return {s.name: (s.action, s.here, s.n_revisions) for s in report.scenarios}


@pytest.fixture(scope="module")
def made(empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """The stores of Anna and of Bob, and a bundle of Anna's."""
    folder = tmp_path_factory.mktemp("made")
    anna, bob = folder / "anna.duckdb", folder / "bob.duckdb"
    for path in (anna, bob):
        shutil.copy(empty_store, path)
    store = Store(anna, wait_s=20)
    build(store.db)
    add(store.db, "base", "network_pipe", {"pipe": "p1", "geometry": shapely.LineString([(0, 0), (9, 9)])})
    store.derive("dear", "base", "dear gas")
    price(store, "dear", 70.0)
    price(store, "base", 36.0, year=2035)
    store.derive("cold", "base", "cold winters")
    store.set("cold", "demand.mwh", "mwh * 1.2", message="colder")
    store.compose("both", "base", ["dear", "cold"], "both")
    store.tag("dear", store.scenario("dear").revision, "first")
    store.rebase("dear", message="move")
    store.remove("cold", "process", where="process = 'boiler'", message="no boiler")
    store.revert(
        "cold", store.sql("SELECT min(revision) + 1 AS r FROM revisions WHERE scenario = 'cold'").rows()[0]["r"]
    )
    store.export_bundle(folder / "bundle", ["dear"])
    other = Store(bob, wait_s=20)
    other.new("mine", [2030])
    add_profile(other.db, "mine", "flat", [1.0] * 24, "factor")
    return anna, bob, folder / "bundle"


def copied(source: Path, folder: Path) -> Store:
    folder.mkdir()
    shutil.copy(source, folder / source.name)
    return Store(folder / source.name, wait_s=20)


@pytest.fixture
def anna(made: tuple[Path, Path, Path], tmp_path: Path) -> Store:
    """A store with a base, two scenarios on it, a scenario of both, and what happened to them."""
    return copied(made[0], tmp_path / "anna")


@pytest.fixture
def bob(made: tuple[Path, Path, Path], tmp_path: Path) -> Store:
    """A store of somebody else, with a scenario of its own, so that numbers differ."""
    return copied(made[1], tmp_path / "bob")


def send(sender: Store, receiver: Store, path: Path, *names: str, **options: Any) -> BundleReport:
    """Export and import; give each bundle a name of its own."""
    path = path / f"bundle-{len(list(path.glob('bundle-*')))}"
    sender.export_bundle(path, names, **options)
    return receiver.import_bundle(path)


# --- what arrives ----------------------------------------------------------------------------------------------------
def test_every_revision_and_row_arrives_under_new_numbers(anna: Store, bob: Store, tmp_path: Path) -> None:
    report = send(anna, bob, tmp_path, "both", "dear", "cold")
    assert {n: a[0] for n, a in actions(report).items()} == dict.fromkeys(("base", "dear", "cold", "both"), "created")
    names = ("base", "dear", "cold", "both")
    assert states(bob, *names) == states(anna, *names)
    for name in names:
        assert history(bob, name) == history(anna, name)
    assert bob.sql("SELECT count(*) AS n FROM scenarios WHERE scenario = 'mine'").rows() == [{"n": 1}]
    assert [f for f in bob.check() if f.severity == "error"] == [f for f in anna.check() if f.severity == "error"]
    assert bob.diff("base", "dear").summary == anna.diff("base", "dear").summary


def test_layers_come_along_and_others_do_not(anna: Store, bob: Store, tmp_path: Path) -> None:
    made = anna.export_bundle(tmp_path / "dear", ["dear"])
    assert (made.scenarios, made.needed, made.runs) == (("dear",), ("base",), ())
    assert set(actions(bob.import_bundle(tmp_path / "dear"))) == {"base", "dear"}
    assert states(bob, "dear") == states(anna, "dear")


def test_the_same_bundle_again_changes_nothing(anna: Store, bob: Store, tmp_path: Path) -> None:
    boiler_run(anna.db, "dear", 5.0)
    with anna.db.write("a test") as writer:
        writer.con.execute("UPDATE meta.run SET uid = 'a-run'")
    anna.export_bundle(tmp_path / "b.zip", ["dear"])
    assert bob.import_bundle(tmp_path / "b.zip").changed
    before = everything(bob)
    again = bob.import_bundle(tmp_path / "b.zip")
    assert not again.changed
    assert {a[0] for a in actions(again).values()} == {"unchanged"}
    assert everything(bob) == before
    assert not anna.import_bundle(tmp_path / "b.zip").changed, "nor where it came from"


def test_a_dry_run_writes_nothing(anna: Store, bob: Store, tmp_path: Path) -> None:
    anna.export_bundle(tmp_path / "b", ["dear"])
    before = everything(bob)
    report = bob.import_bundle(tmp_path / "b", dry_run=True)
    assert report.changed
    assert report.dry_run
    assert everything(bob) == before


def test_a_zip_and_a_folder_hold_the_same(anna: Store, tmp_path: Path) -> None:
    anna.export_bundle(tmp_path / "b", ["dear"])
    anna.export_bundle(tmp_path / "b.zip", ["dear"])
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        assert sorted(archive.namelist()) == sorted(f.name for f in (tmp_path / "b").iterdir())
        assert {m.compress_type for m in archive.infolist()} == {zipfile.ZIP_STORED}
    assert not list(tmp_path.glob(".*")), "nothing is left beside"


def test_series_are_stored_once(anna: Store, bob: Store, tmp_path: Path) -> None:
    assert send(anna, bob, tmp_path, "dear").n_series == 1
    assert bob.sql("SELECT count(*) AS n FROM meta.series").rows() == [{"n": 2}]
    values = "SELECT t, value FROM input.profile_value WHERE scenario = 'base' ORDER BY t"
    assert bob.sql(values).rows() == anna.sql(values).rows()


def test_the_attribution_of_sources_goes_along(anna: Store, bob: Store, tmp_path: Path, cli: Cli) -> None:
    with anna.db.write("a test") as writer:
        revision = writer.con.execute("SELECT max(revision) FROM meta.revision WHERE scenario = 1").fetchone()
        writer.con.execute(
            "INSERT INTO meta.source VALUES (1, ?, 'map.osm', 'abc', 7, 'osm', '© OpenStreetMap contributors, ODbL 1.0')",
            [revision[0] if revision else None],
        )
        writer.con.execute("UPDATE layer.network_pipe SET source = 1")
    code, out, _ = cli(anna.db, "export", "bundle", str(tmp_path / "b"), "--scenario", "dear")
    assert code == 0
    assert "© OpenStreetMap contributors, ODbL 1.0" in out
    assert json.loads((tmp_path / "b" / MANIFEST).read_text(encoding="utf-8"))["attribution"]
    code, out, _ = cli(bob.db, "import", "bundle", str(tmp_path / "b"))
    assert code == 0
    assert "© OpenStreetMap contributors, ODbL 1.0" in out
    assert history(bob, "base") == history(anna, "base")


# --- runs ------------------------------------------------------------------------------------------------------------
def test_results_arrive_and_are_not_solved_again(solved: Store, bob: Store, tmp_path: Path) -> None:
    boiler_run(bob.db, "mine", 1.0)
    solved.derive("child", "base")
    report = send(solved, bob, tmp_path, "base")
    assert report.n_runs == 2
    theirs = {k: [r for r in rows if r[0] is not None] for k, rows in results(bob).items()}
    assert theirs == results(solved)
    for view in ("capacity", "flow", "cost", "energy"):
        query = f"SELECT * EXCLUDE (run) FROM {view} WHERE scenario = 'base' ORDER BY ALL"
        assert bob.sql(query).rows() == solved.sql(query).rows()
    runs = bob.run("base")
    assert [r.reused for r in runs] == [True, True]
    assert bob.sql("SELECT count(*) AS n FROM meta.run").rows() == [{"n": 3}]


def test_runs_can_be_chosen_or_left_out(solved: Store, bob: Store, tmp_path: Path) -> None:
    assert solved.export_bundle(tmp_path / "none", ["base"], runs=[]).runs == ()
    assert solved.export_bundle(tmp_path / "one", ["base"], runs=[1]).runs == (1,)
    assert bob.import_bundle(tmp_path / "none").n_runs == 0
    assert bob.import_bundle(tmp_path / "one").n_runs == 1
    with pytest.raises(UserError, match="no run 99"):
        solved.export_bundle(tmp_path / "x", ["base"], runs=[99])
    solved.new("other")
    with pytest.raises(UserError, match="run 1 is one of 'base'"):
        solved.export_bundle(tmp_path / "x", ["other"], runs=[1])


def test_a_run_that_answered_for_another_scenario_comes_with_that_one(
    solved: Store, bob: Store, tmp_path: Path
) -> None:
    twin = Store(solved.db.path)
    twin.derive("child", "base")
    assert all(r.reused for r in twin.run("child"))
    made = twin.export_bundle(tmp_path / "b", ["child"])
    assert made.runs == (1, 2)
    bob.import_bundle(tmp_path / "b")
    query = "SELECT * EXCLUDE (run) FROM capacity WHERE scenario = 'child' ORDER BY ALL"
    assert bob.sql(query).rows() == solved.sql(query).rows()


def test_older_results_do_not_replace_what_a_store_shows(anna: Store, bob: Store, tmp_path: Path) -> None:
    send(anna, bob, tmp_path, "base")
    boiler_run(anna.db, "base", 5.0)
    price(bob, "base", 50.0)
    boiler_run(bob.db, "base", 7.0)
    for store in (anna, bob):
        with store.db.write("a test") as writer:
            writer.con.execute("UPDATE meta.run SET uid = ? || run WHERE uid IS NULL", [store.db.path.stem])
    report = send(anna, bob, tmp_path, "base")
    assert report.n_runs == 1
    assert any("older than the results" in r for r in report.remarks)
    assert [r["capacity"] for r in bob.sql("SELECT capacity FROM capacity WHERE scenario = 'base'").rows()] == [7.0]
    assert not send(anna, bob, tmp_path, "base").changed


# --- what both have --------------------------------------------------------------------------------------------------
def test_a_store_that_is_behind_is_forwarded(anna: Store, bob: Store, tmp_path: Path) -> None:
    send(anna, bob, tmp_path, "both")
    price(anna, "base", 50.0)
    anna.remove("base", "process_flow", where="commodity = 'gas'", message="no gas")
    anna.rebase("both")
    anna.revert("cold", anna.sql("SELECT min(revision) AS r FROM revisions WHERE scenario = 'cold'").rows()[0]["r"])
    report = send(anna, bob, tmp_path, "both")
    assert {n: (a, k) for n, (a, _, k) in actions(report).items()} == {
        "base": ("forwarded", 2), "dear": ("unchanged", 0), "cold": ("forwarded", 1), "both": ("forwarded", 1),
    }  # fmt: skip
    names = ("base", "dear", "cold", "both")
    assert states(bob, *names) == states(anna, *names)
    for name in names:
        assert history(bob, name) == history(anna, name)


def test_rows_that_an_import_ended_end_here_as_well(anna: Store, bob: Store, tmp_path: Path) -> None:
    send(anna, bob, tmp_path, "base")
    with anna.db.write("a test") as writer:
        revision = add_revision(writer, 1, "import", "ends rows")
        writer.con.execute(
            "UPDATE layer.commodity SET rev_to = ? WHERE layer = 1 AND commodity = 'gas' AND year IS NULL", [revision]
        )
    send(anna, bob, tmp_path, "base")
    assert history(bob, "base") == history(anna, "base")
    assert states(bob, "base") == states(anna, "base")


def test_a_store_that_is_ahead_stays_as_it_is(anna: Store, bob: Store, tmp_path: Path) -> None:
    send(anna, bob, tmp_path, "base")
    price(bob, "base", 50.0)
    before = everything(bob)
    assert actions(send(anna, bob, tmp_path, "base")) == {"base": ("unchanged", "base", 0)}
    assert everything(bob) == before


def test_what_was_edited_apart_comes_in_beside(anna: Store, bob: Store, tmp_path: Path) -> None:
    send(anna, bob, tmp_path, "dear")
    price(bob, "base", 50.0)
    price(anna, "base", 60.0)
    anna.rebase("dear")
    mine = states(bob, "base")
    report = send(anna, bob, tmp_path, "dear")
    assert actions(report)["base"][:2] == ("diverged", "base-theirs")
    assert actions(report)["dear"] == ("forwarded", "dear", 1)
    assert "base has diverged" in str(report.scenarios[0])
    assert "`dhsdb scenario merge base --with base-theirs`" in str(report.scenarios[0])
    assert states(bob, "base") == mine
    assert {uid: s for (_, uid), s in states(bob, "base-theirs").items()} == {
        uid: s for (_, uid), s in states(anna, "base").items()
    }
    assert history(bob, "base-theirs") == history(anna, "base")
    assert states(bob, "dear") == states(anna, "dear"), "its new pin is read in the copy"
    assert not send(anna, bob, tmp_path, "dear").changed
    price(anna, "base", 61.0)
    assert actions(send(anna, bob, tmp_path, "base")) == {"base": ("forwarded", "base-theirs", 1)}


def test_versions_that_crossed_come_in_beside(anna: Store, bob: Store, tmp_path: Path) -> None:
    """What is base-theirs for Anna is base for Bob, and what is base for Anna is base-theirs for Bob."""
    send(anna, bob, tmp_path, "dear")
    price(bob, "base", 50.0)
    bob.rebase("dear")
    price(anna, "base", 60.0)
    assert actions(send(bob, anna, tmp_path, "dear"))["base"][:2] == ("diverged", "base-theirs")
    report = send(anna, bob, tmp_path, "dear", "base")
    assert actions(report)["base-theirs"] == ("unchanged", "base", 0)
    assert actions(report)["base"][:2] == ("diverged", "base-theirs")
    assert states(bob, "dear") == states(anna, "dear")
    assert not send(anna, bob, tmp_path, "dear", "base").changed


def test_a_name_that_another_scenario_has_is_refused_unless_renamed(
    anna: Store, bob: Store, tmp_path: Path, cli: Cli
) -> None:
    bob.new("dear", [2030])
    anna.export_bundle(tmp_path / "b", ["dear"])
    before = everything(bob)
    with pytest.raises(UserError, match="'dear' exists already") as error:
        bob.import_bundle(tmp_path / "b")
    assert "--rename 'dear=NAME'" in error.value.hint
    assert everything(bob) == before
    with pytest.raises(UserError, match="no scenario 'daer' to rename") as error:
        bob.import_bundle(tmp_path / "b", rename={"daer": "x"})
    assert "Did you mean 'dear'?" in error.value.hint
    code, out, _ = cli(bob.db, "import", "bundle", str(tmp_path / "b"), "--rename", "dear=dear of Anna")
    assert code == 0
    assert "dear, here dear of Anna: created" in out
    assert not bob.import_bundle(tmp_path / "b").changed


def test_a_scenario_that_was_deleted_here_comes_again(anna: Store, bob: Store, tmp_path: Path) -> None:
    send(anna, bob, tmp_path, "dear")
    bob.delete("dear")
    assert actions(send(anna, bob, tmp_path, "dear"))["dear"][0] == "created"
    assert states(bob, "dear") == states(anna, "dear")


def test_a_scenario_that_somebody_deleted_lives_on_here(anna: Store, bob: Store, tmp_path: Path) -> None:
    anna.derive("top", "dear")
    send(anna, bob, tmp_path, "top")
    with anna.db.write("a test") as writer:  # a layer that only the past of a stack needs
        ref = find(writer.con, "top")
        revision = add_revision(writer, ref.scenario, "rebase", "leave dear")
        here = type(ref)(ref.scenario, ref.name, revision)
        restack(writer, here, [e for e in entries(writer.con, here) if e.layer != find(writer.con, "dear").scenario])
    anna.delete("both")
    anna.delete("dear")
    report = send(anna, bob, tmp_path, "top")
    assert actions(report)["dear"][0] == "unchanged"
    assert states(bob, "top") == states(anna, "top")
    assert "dear" in [r["scenario"] for r in bob.sql("SELECT scenario FROM scenarios").rows()]


# --- what is refused -------------------------------------------------------------------------------------------------
@pytest.fixture
def folder(made: tuple[Path, Path, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(made[2], tmp_path / "bundle"))


def rewrite(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    change(manifest)
    (folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")


def replace_table(folder: Path, name: str, change: Callable[[pa.Table], pa.Table]) -> None:
    """Change a table and let the manifest say so: what is left to refuse is what the rows say."""
    rows = change(pq.read_table(folder / name))
    pq.write_table(rows, folder / name)
    data = (folder / name).read_bytes()
    entry = {"sha256": hashlib.sha256(data).hexdigest(), "rows": rows.num_rows, "bytes": len(data)}
    rewrite(folder, lambda m: m["files"].__setitem__(name, entry))


def refused(store: Store, path: Path, match: str) -> None:
    before = everything(store)
    with pytest.raises(BundleError, match=match) as error:
        store.import_bundle(path)
    assert error.value.exit_code == 2
    assert error.value.hint
    assert everything(store) == before


def test_a_damaged_file_is_named(bob: Store, folder: Path, cli: Cli) -> None:
    file = folder / "layer.commodity.parquet"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    refused(bob, folder, "layer.commodity.parquet is damaged")
    code, out, err = cli(bob.db, "import", "bundle", str(folder))
    assert (code, out) == (2, "")
    assert "layer.commodity.parquet is damaged: its SHA-256" in err


def test_a_file_cut_short_is_named(bob: Store, folder: Path) -> None:
    file = folder / "meta.revision.parquet"
    file.write_bytes(file.read_bytes()[:-7])
    refused(bob, folder, "meta.revision.parquet is damaged: .* bytes instead of")


def test_a_missing_file_is_named(bob: Store, folder: Path) -> None:
    (folder / "meta.series_value.parquet").unlink()
    refused(bob, folder, "meta.series_value.parquet is missing")
    (folder / MANIFEST).unlink()
    refused(bob, folder, "manifest.json is missing")
    refused(bob, folder / "nowhere", "there is no")


def test_a_file_that_the_manifest_does_not_know_is_refused(bob: Store, folder: Path) -> None:
    shutil.copy(folder / "meta.stack.parquet", folder / "layer.emission.parquet")
    refused(bob, folder, "layer.emission.parquet is not in the manifest")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda m: m.update(format=2), "newer dhsdb"),
        (lambda m: m.update(schema_version="9999"), "newer dhsdb"),
        (lambda m: m.update(schema_version="0001"), "schema 0001"),
        (lambda m: m.update(kind="something"), "not that of a dhsdb bundle"),
        (lambda m: m.update(files={}), "meta.scenario.parquet is missing"),
        (lambda m: m.update(files=[]), "damaged: files"),
        (lambda m: m.pop("dhsdb"), "damaged: dhsdb"),
        (lambda m: m["files"]["meta.stack.parquet"].update(sha256="0" * 64), "meta.stack.parquet is damaged"),
        (lambda m: m["files"]["meta.stack.parquet"].update(rows=3), "meta.stack.parquet is damaged: .* rows"),
        (lambda m: m["files"]["meta.stack.parquet"].update(bytes=3), "meta.stack.parquet is damaged: .* bytes"),
        (lambda m: m["files"]["meta.stack.parquet"].update(bytes=-3), "damaged: files.meta.stack.parquet.bytes"),
        (lambda m: m["files"].update({"../evil.parquet": m["files"]["meta.stack.parquet"]}), "evil.parquet.*which no bundle holds"),
    ],
)  # fmt: skip
def test_a_manifest_that_does_not_fit_is_refused(bob: Store, folder: Path, change: Any, match: str) -> None:
    rewrite(folder, change)
    refused(bob, folder, match)


def test_a_manifest_that_is_none_is_refused(bob: Store, folder: Path) -> None:
    for text in ("", "{", "[" * 100_000, "[]", "7"):
        (folder / MANIFEST).write_text(text, encoding="utf-8")
        refused(bob, folder, "manifest.json")
    (folder / MANIFEST).write_text(" " * 5_000_000, encoding="utf-8")
    refused(bob, folder, "longer than")


@pytest.mark.parametrize(
    ("name", "change", "match"),
    [
        ("meta.stack", lambda t: t.append_column("extra", pa.nulls(t.num_rows, pa.int32())), "unexpected column 'extra'"),
        ("meta.stack", lambda t: t.drop_columns(["rank"]), "lacks the column 'rank'"),
        ("meta.stack", lambda t: t.set_column(1, "rank", t["rank"].cast(pa.string())), "column 'rank' is string instead of int32"),
        ("meta.stack", lambda t: t.set_column(1, "rank", pa.nulls(t.num_rows, pa.int32())), "'rank' lacks values"),
        ("meta.stack", lambda t: t.set_column(2, "layer", pa.array([99] * t.num_rows, pa.int32())), "names a scenario that the bundle lacks"),
        ("meta.stack", lambda t: t.set_column(3, "pin", pa.nulls(t.num_rows, pa.int32())), "stack of 'dear' is broken"),
        ("meta.revision", lambda t: t.slice(1), "the history of 'base' is broken"),
        ("meta.revision", lambda t: pa.concat_tables([t, t.slice(0, 1)]), "does not fit"),
        ("layer.commodity", lambda t: t.set_column(0, "layer", pa.array([99] * t.num_rows, pa.int32())), "names a layer that the bundle lacks"),
        ("layer.commodity", lambda t: t.set_column(2, "rev_from", pa.array([9999] * t.num_rows, pa.int32())), "names revisions that the bundle lacks"),
        ("layer.network_pipe", lambda t: t.set_column(t.column_names.index("geometry"), "geometry", pa.array([b"nonsense"] * t.num_rows)), "contradicts itself"),
        ("meta.series_value", lambda t: t.set_column(2, "value", pa.array([1.0] * t.num_rows)), "not what its hash says"),
    ],
)  # fmt: skip
def test_tables_that_do_not_fit_are_refused(bob: Store, folder: Path, name: str, change: Any, match: str) -> None:
    replace_table(folder, f"{name}.parquet", change)
    refused(bob, folder, match)


def test_what_is_no_parquet_is_refused(bob: Store, folder: Path) -> None:
    data = b"PAR1 not really PAR1"
    (folder / "meta.stack.parquet").write_bytes(data)
    entry = {"sha256": hashlib.sha256(data).hexdigest(), "rows": 1, "bytes": len(data)}
    rewrite(folder, lambda m: m["files"].__setitem__("meta.stack.parquet", entry))
    refused(bob, folder, "meta.stack.parquet is no Parquet file")


def test_links_are_refused(bob: Store, folder: Path, tmp_path: Path) -> None:
    (folder / "meta.stack.parquet").rename(tmp_path / "elsewhere")
    (folder / "meta.stack.parquet").symlink_to(tmp_path / "elsewhere")
    refused(bob, folder, "meta.stack.parquet is no plain file")


def pack(
    folder: Path, target: Path, *, extra: Callable[[zipfile.ZipFile], None] | None = None, how: int = zipfile.ZIP_STORED
) -> Path:
    with zipfile.ZipFile(target, "w", how) as archive:
        for file in sorted(folder.iterdir()):
            archive.write(file, file.name)
        if extra:
            extra(archive)
    return target


def test_a_bundle_packed_by_another_tool_is_read(bob: Store, anna: Store, folder: Path, tmp_path: Path) -> None:
    bob.import_bundle(pack(folder, tmp_path / "again.zip", how=zipfile.ZIP_DEFLATED))
    assert states(bob, "dear") == states(anna, "dear")


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/b.parquet", "..\\evil", "C:evil", "folder/"])
def test_paths_in_a_zip_are_refused(bob: Store, folder: Path, tmp_path: Path, name: str) -> None:
    path = pack(folder, tmp_path / "evil.zip", extra=lambda z: z.writestr(name, b"x"))
    refused(bob, path, "evil.zip holds")


def test_links_strangers_and_twins_in_a_zip_are_refused(bob: Store, folder: Path, tmp_path: Path) -> None:
    link = zipfile.ZipInfo("layer.emission.parquet")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    refused(bob, pack(folder, tmp_path / "link.zip", extra=lambda z: z.writestr(link, "/etc/passwd")), "no plain file")
    more = pack(folder, tmp_path / "more.zip", extra=lambda z: z.writestr("readme.txt", "x"))
    refused(bob, more, "readme.txt is not in the manifest")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        twin = pack(folder, tmp_path / "twin.zip", extra=lambda z: z.writestr("meta.stack.parquet", b"x"))
    refused(bob, twin, "meta.stack.parquet' twice")


def test_a_zip_that_unpacks_to_a_lot_is_refused(bob: Store, folder: Path, tmp_path: Path) -> None:
    path = pack(
        folder, tmp_path / "bomb.zip", extra=lambda z: z.writestr("zeros", bytes(500_000_000)), how=zipfile.ZIP_DEFLATED
    )
    assert path.stat().st_size < 1_000_000
    refused(bob, path, "would unpack to")


def test_a_broken_zip_is_refused(bob: Store, folder: Path, tmp_path: Path) -> None:
    path = pack(folder, tmp_path / "b.zip")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    refused(bob, path, "is no bundle")
    broken = bytearray(data)
    broken[data.find(b"PAR1") + 100] ^= 1
    path.write_bytes(broken)
    refused(bob, path, "is damaged")
    (tmp_path / "text.zip").write_text("hello", encoding="utf-8")
    refused(bob, tmp_path / "text.zip", "is no bundle")


# --- writing ---------------------------------------------------------------------------------------------------------
def test_an_export_never_overwrites_and_leaves_nothing_half_written(
    anna: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna.export_bundle(tmp_path / "b", ["dear"])
    with pytest.raises(UserError, match="exists already"):
        anna.export_bundle(tmp_path / "b", ["dear"])
    with pytest.raises(UnknownNameError, match="daer"):
        anna.export_bundle(tmp_path / "c", ["daer"])
    with pytest.raises(UserError, match="needs a scenario"):
        anna.export_bundle(tmp_path / "c", [])
    with pytest.raises(UserError, match="no folder"):
        anna.export_bundle(tmp_path / "no" / "c", ["dear"])
    with pytest.raises(UserError, match="past revision"):
        anna.export_bundle(tmp_path / "c", ["dear@3"])

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("dhsdb.bundle._finish", fail)
    with pytest.raises(OSError, match="disk full"):
        anna.export_bundle(tmp_path / "c", ["dear"])
    assert sorted(f.name for f in tmp_path.iterdir() if f.suffix != ".duckdb") == ["anna", "b"]


def test_the_command_line_speaks_json(anna: Store, bob: Store, tmp_path: Path, cli: Cli) -> None:
    code, out, _ = cli(
        anna.db, "export", "bundle", str(tmp_path / "b.zip"), "--scenario", "dear", "--no-runs", "--json"
    )
    assert code == 0
    assert json.loads(out)["needed"] == ["base"]
    code, out, _ = cli(bob.db, "import", "bundle", str(tmp_path / "b.zip"), "--dry-run", "--json")
    assert code == 0
    assert json.loads(out)["changed"] is True
    assert json.loads(out)["dry_run"] is True
    code, out, _ = cli(bob.db, "import", "bundle", str(tmp_path / "b.zip"))
    assert code == 0
    assert "dear: created with" in out
    code, out, _ = cli(bob.db, "import", "bundle", str(tmp_path / "b.zip"))
    assert "nothing changes: this store holds all of it already" in out
    assert cli(bob.db, "import", "bundle", str(tmp_path / "b.zip"), "--scenario", "x")[0] == 2
    assert cli(bob.db, "import", "bundle")[0] == 2
    assert "bundle" in cli(bob.db, "import", "--list")[1]


# --- any exchange at all ---------------------------------------------------------------------------------------------
_who = st.sampled_from(["anna", "bob"])
_deed = st.one_of(
    st.tuples(st.just("set"), _who, st.sampled_from(["base", "child"]), st.integers(1, 3), st.sampled_from([None, 2030, 2040])),
    st.tuples(st.just("remove"), _who, st.sampled_from(["base", "child"])),
    st.tuples(st.just("rebase"), _who),
    st.tuples(st.just("revert"), _who, st.sampled_from(["base", "child"]), st.integers(0, 3)),
    st.tuples(st.just("merge"), _who, st.sampled_from(["base", "child"])),
    st.tuples(st.just("send"), _who),
    st.tuples(st.just("send"), _who),
)  # fmt: skip


def do(stores: dict[str, Store], deed: tuple[Any, ...], folder: Path) -> None:
    """Do one thing, if it can be done."""
    what, who, *rest = deed
    store = stores[who]
    names = [r[0] for r in store.db.sql("SELECT name FROM meta.scenario WHERE deleted IS NULL").to_pandas().to_numpy()]
    with contextlib.suppress(UserError):
        if what == "set":
            name, value, year = rest
            store.set(name, "commodity.price", float(value), year=year, message="a step")
        elif what == "remove":
            store.remove(rest[0], "commodity", where="commodity = 'wood'", message="a step")
        elif what == "rebase":
            store.rebase()
        elif what == "revert":
            query = "SELECT revision FROM revisions WHERE scenario = ? ORDER BY revision DESC"
            past = [r["revision"] for r in store.sql(query, [rest[0]]).rows()]
            store.revert(rest[0], past[min(rest[1], len(past) - 1)])
        elif what == "merge":
            for name in (n for n in names if n.startswith(f"{rest[0]}-theirs")):
                store.merge(rest[0], name, prefer=rest[0])
    if what == "send":
        other = stores["bob" if who == "anna" else "anna"]
        path = folder / uuid.uuid4().hex
        store.export_bundle(path, [n for n in names if "-" not in n])
        other.import_bundle(path)
        check_same(store, other)


def check_same(sender: Store, receiver: Store) -> None:
    """Where two stores hold a change of the same name, they hold the same state; and all numbers fit."""
    query = (
        "SELECT s.name, r.revision, r.uid FROM meta.revision AS r JOIN meta.scenario AS s USING (scenario)"
        " WHERE s.deleted IS NULL ORDER BY r.revision"
    )
    rows = {k: s.db.sql(query).to_pylist() for k, s in (("sender", sender), ("receiver", receiver))}
    here: dict[str, list[tuple[str, int]]] = {}
    for row in rows["receiver"]:
        here.setdefault(row["uid"], []).append((row["name"], row["revision"]))
    effective = "SELECT year, commodity, price FROM input.commodity_at(?, ?) ORDER BY ALL"
    for row in rows["sender"]:
        wanted = sender.db.sql(effective, [row["name"], row["revision"]]).to_pylist()
        for place in here.get(row["uid"], []):
            assert receiver.db.sql(effective, list(place)).to_pylist() == wanted, (row, place)
    newest = {row["name"]: row["uid"] for row in rows["sender"]}
    merged = {r["merged"] for r in receiver.db.sql("SELECT merged FROM meta.revision").to_pylist()}
    for name in ("base", "child"):
        assert newest[name] in here or newest[name] in merged
    for column, owner, table in (
        ("pin", "layer", "meta.stack"),
        *((c, "layer", "layer.commodity") for c in ("origin", "rev_from", "rev_to")),
    ):
        strange = receiver.db.sql(
            f"SELECT * FROM {table} AS x WHERE {column} IS NOT NULL AND NOT EXISTS"
            f" (FROM meta.revision AS r WHERE r.revision = x.{column} AND r.scenario = x.{owner})"
        )
        assert strange.num_rows == 0


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(deeds=st.lists(_deed, min_size=4, max_size=12))
def test_a_change_of_one_name_is_one_state_in_every_store(empty_store: Path, tmp_path: Path, deeds: list[Any]) -> None:
    folder = tmp_path / uuid.uuid4().hex
    folder.mkdir()
    stores = {}
    with contextlib.ExitStack() as stack:
        for who in ("anna", "bob"):
            path = folder / f"{who}.duckdb"
            shutil.copy(empty_store, path)
            store = Store(path)
            store.db = HeldOpen(path)
            stack.callback(store.db.close)
            stores[who] = store
        stores["anna"].new("base", [2030, 2040])
        rows = [{"site": "centre", "commodity": c, "price": 5.0} for c in ("gas", "wood")]
        add(stores["anna"].db, "base", "commodity", *rows)
        stores["anna"].derive("child", "base")
        for deed in [("send", "anna"), *deeds, ("send", "bob"), ("send", "anna")]:
            do(stores, deed, folder)
