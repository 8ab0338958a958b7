"""Real files of every format, spoilt in hundreds of ways: each gives a clean import or a report that names the place.

Nothing of a refused file is in the store, no error is one of ours, time and memory stay bounded. The variants are seeded;
``$DHSDB_FUZZ`` multiplies their number for a longer soak, ``$DHSDB_FUZZ_SEED`` chooses others.
"""

from __future__ import annotations

import os
import resource
import shutil
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import osmium
import pytest

from dhsdb import Store
from dhsdb.database import Database
from dhsdb.errors import ProblemsError
from dhsdb.schema.catalog import INPUT
from dhsdb.workbook import export_excel
from tests.dhsdb import study
from tests.importers import city_files, fuzz

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

pytestmark = pytest.mark.reference

TIMES = float(os.environ.get("DHSDB_FUZZ", "1"))
SEED = int(os.environ.get("DHSDB_FUZZ_SEED", "1"))
MOST_CPU_S = 20
MOST_BYTES = 400e6
SWEREF = 3006


@dataclass(frozen=True)
class Sample:
    """A real file, or a maker of one, and how it is spoilt: ``book 20`` = 20 variants of a workbook."""

    format: str
    place: str
    ways: str
    options: Mapping[str, str] = field(default_factory=dict)
    asked: Mapping[str, Any] = field(default_factory=dict)
    encoding: str = "utf-8"
    name: str = ""
    """What the file is called, where its name matters."""

    def __str__(self) -> str:
        return f"{self.format} {self.place}"


def _sek(temperature: str = "") -> dict[str, str]:
    return {"currency": "SEK"} | ({"temperature": temperature, "price": temperature} if temperature else {})


S, E = "stockholm/", "energyplan/"
BOOK = "book 20, bytes 6, archive"
SAMPLES = (
    Sample("excel", "", "book 24, bytes 6, archive"),
    Sample("osm", "osm/monaco.osm.pbf", "bytes 12"),
    Sample("osm", "osm/helsinki.osm.pbf", "bytes 6", asked={"bbox": (24.94, 60.165, 24.945, 60.17)}),
    Sample("osm", "town.osm", "bytes 6, lines 21, encodings, xml"),
    Sample("heat-sources", S + "sources/Sources.xlsx", BOOK, asked={"epsg": SWEREF}),
    Sample("heat-sources", S + "sources/sources_with_type.xlsx", "book 20", asked={"epsg": SWEREF}),
    Sample(
        "heat-sources", S + "sources/Stockholm_sources.xlsx", "book 20", {"sheet": "sups and tbs"}, {"epsg": SWEREF}
    ),
    Sample("heat-sources", S + "gis_input/Hammarby-varta-Lidingö.xlsx", "book 20", asked={"epsg": SWEREF}),
    Sample("network", S + "network/Network.xlsx", BOOK, asked={"epsg": SWEREF}),
    Sample("network", S + "network_kmz/Huddinge.kmz", "bytes 12, archive", asked={"epsg": SWEREF}),
    Sample("network", S + "polygons_kml/Huddinge.kml", "bytes 6, lines 14, encodings, xml", asked={"epsg": SWEREF}),
    Sample(
        "network", S + "network_txt_sample/Akalla-Hässelby.txt", "bytes 6, lines 14, encodings", asked={"epsg": SWEREF}
    ),
    Sample("energyplan", E + "inputs/CEIS_2030_BAU__v16.0.txt", "bytes 9, lines 14, encodings", encoding="cp1252"),
    Sample("energyplan", E + "inputs/Denmark2030Reference__utf16.txt", "bytes 6, lines 7", encoding="utf-16"),
    Sample("energyplan", E + "inputs/cost_IDA2030_cost2009.txt", "bytes 6, lines 7", encoding="cp1252"),
    Sample("energyplan", E + "inputs/modification_fragment.txt", "bytes 6, lines 7", encoding="cp1252"),
    Sample("energyplan", E + "outputs_ascii/v16_3_input0_truncated.txt", "bytes 6, lines 14", encoding="cp1252"),
    Sample("energyplan", E + "outputs_ascii/v16_1_input1_CEIS_kW_truncated.txt", "bytes 6, lines 7", encoding="cp1252"),
    Sample("energyplan", E + "outputs/CEIS_4obj_noEV__allParameters.txt", "bytes 6, lines 7", encoding="cp1252"),
    Sample("energyplan", E + "outputs/print_CEIS_2030_BAU__v16.1.pdf", "bytes 6"),
    Sample("energyplan", E + "distributions/Nord_pool_system_2013_EUR.TXT", "bytes 6, lines 7", encoding="cp1252"),
    Sample("urbs", "urbs/single_year_example.xlsx", "book 12, bytes 2, archive", asked={"year": 2024}),
    Sample("urbs", "urbs/business_park_corrected/2020.xlsx", "book 30"),
    Sample("osemosys", "osemosys/simplicity_csv/data", "folder 13"),
    Sample("osemosys", "osemosys/super_simple/super_simple_model.txt", "bytes 9, lines 14, encodings"),
    Sample("osemosys", "osemosys/pulp/UTOPIA_BASE.xlsx", BOOK),
    Sample("osemosys", "osemosys/pulp/Test_case_Input.xlsx", "book 10"),
    Sample("hotmaps", "hotmaps/hotmaps_sample/DH_technology_cost.xlsx", "book 14", _sek(), name="Inputs_2035.xlsx"),
    Sample(
        "hotmaps",
        "hotmaps/stockholm_dispatch/inputs/Inputs_2035_HighTemp_LowPrice.xlsx",
        BOOK,
        _sek(),
        name="Inputs_2035.xlsx",
    ),
    Sample("hotmaps", "hotmaps/stockholm_dispatch/Inputs.xlsx", "book 14", _sek("low"), name="Inputs_2035.xlsx"),
    Sample("hotmaps", "hotmaps/hotmaps_sample/temperature_profiles_19d7acc.csv", "bytes 6, lines 7, encodings"),
    Sample("topotherm", "network/topotherm_small", "folder 13"),
    Sample("topotherm", "network/topotherm_two_producers", "folder 13"),
    Sample("topotherm", "network/dhnx_introduction", "folder 13"),
    Sample("topotherm", "network/dhnx_invest_with_existing", "folder 13"),
    Sample("topotherm", "network/osm_monaco50.json", "json 15, bytes 6, encodings"),
    Sample("buildings", "tile.json", "json 20, bytes 6, encodings"),
    Sample("buildings", "quarter.gml", "bytes 6, lines 14, encodings, xml"),
)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that holds a study."""
    path = tmp_path_factory.mktemp("template") / "kept.duckdb"
    db = Database(path)
    db.create()
    study.build(db, "kept")
    return path


@pytest.fixture
def made(tmp_path: Path, reference_data: Path, template: Path) -> Callable[[Sample], Path]:
    """Return the file of a sample; those that are not among the real ones are made of real ones, or as such are."""

    def make(sample: Sample) -> Path:
        if (reference_data / sample.place).exists() and sample.place:
            return reference_data / sample.place
        path = tmp_path / (sample.place or "study.xlsx")
        if sample.format == "excel":
            export_excel(Database(template), path, ["kept"])
        elif sample.place == "town.osm":
            _cut(reference_data / "osm" / "monaco.osm.pbf", path)
        elif sample.place == "tile.json":
            city_files.dutch_tile(2).write(path)
        else:
            inner = city_files.facts() + city_files.ADDRESS + city_files.lod2("A", city_files.gabled())
            city_files.citygml(path, {"A": inner, "B": city_files.lod2("B", city_files.gabled(60))})
        return path

    return make


def _cut(source: Path, target: Path) -> None:
    """Write a few streets and buildings of an extract as XML."""
    nodes: set[int] = set()
    chosen: set[int] = set()
    for way in osmium.FileProcessor(str(source), osmium.osm.WAY):
        if len(chosen) < 30 and ("building" in way.tags or "highway" in way.tags):
            chosen.add(way.id)
            nodes |= {node.ref for node in way.nodes}
    with osmium.SimpleWriter(osmium.io.File(str(target), "osm")) as writer:
        for thing in osmium.FileProcessor(str(source)):
            if (thing.is_node() and thing.id in nodes) or (thing.is_way() and thing.id in chosen):
                writer.add(thing)


def variants(sample: Sample, source: Path, target: Path) -> Iterator[str]:
    """Write the variants of a file to ``target``, one after the other."""
    for way in sample.ways.split(", "):
        kind, _, number = way.partition(" ")
        n = round(int(number or 0) * TIMES)
        match kind:
            case "book":
                for name, sheets in fuzz.spoilt_books(fuzz.read_book(source, 40), n, SEED):
                    fuzz.write_book(target, sheets)
                    yield name
            case "bytes":
                yield from fuzz.spoilt_bytes(source, target, n, SEED)
            case "lines":
                yield from fuzz.spoilt_lines(source, target, n, SEED, sample.encoding)
            case "json":
                yield from fuzz.spoilt_json(source, target, n, SEED)
            case "folder":
                yield from fuzz.spoilt_folders(source, target, n, SEED)
            case "encodings":
                yield from fuzz.spoilt_encodings(source, target, sample.encoding)
            case "archive":
                yield from fuzz.hostile_archives(source, target)
            case "xml":
                yield from fuzz.hostile_xml(source, target)


def state(store: Store) -> tuple[Any, ...]:
    """Return how many scenarios, revisions, sources, series, runs and rows of each table a store holds."""
    tables = [
        *(f"layer.{t}" for t in INPUT),
        *(f"meta.{t}" for t in ("scenario", "revision", "source", "series", "run")),
    ]
    counts = ", ".join(f"(SELECT count(*) FROM {table})" for table in tables)
    return tuple(store.sql(f"SELECT {counts}").rows()[0].values())


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_spoilt_real_files_import_clean_or_give_a_report(
    tmp_path: Path, template: Path, made: Callable[[Sample], Path], sample: Sample
) -> None:
    kept, fresh = tmp_path / "kept.duckdb", tmp_path / "fresh.duckdb"
    shutil.copyfile(template, kept)
    store = Store(kept)
    before = state(store)
    source = made(sample)
    folder = tmp_path / "spoilt"
    folder.mkdir()
    target = folder / (sample.name or f"spoilt{source.suffix}")
    fuzz.meets(lambda: bring(store, sample, source, really=False))  # loads what the format needs
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcomes = []
    for i, variant in enumerate(variants(sample, source, target)):
        really = i % 4 == 0
        if really:
            shutil.copyfile(template, fresh)
        into = Store(fresh) if really else store
        began = time.process_time()
        error = fuzz.meets(lambda: bring(into, sample, target, really=really))  # noqa: B023  called at once
        assert time.process_time() - began < MOST_CPU_S, variant
        if error is not None or not really:
            assert state(into) == before, variant
        assert error is None or names_it(error, target), f"{variant}: {error}"
        outcomes.append(error is None)
        assert not list(tmp_path.rglob("outside.xml")), variant
    assert not all(outcomes), "no variant was refused"
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak) * 1024
    assert grown < MOST_BYTES, f"memory grew by {grown / 1e6:.0f} MB"


def bring(store: Store, sample: Sample, path: Path, *, really: bool) -> None:
    store.import_(sample.format, path, scenario="spoilt", options=sample.options, dry_run=not really, **sample.asked)


def names_it(error: Exception, path: Path) -> bool:
    """Return whether a report names the file, or the folder, in each of its problems."""
    if isinstance(error, ProblemsError):
        return all(path.stem in f"{problem.file} {problem.message}" for problem in error.problems)
    return path.name in str(error) or "spoilt" in str(error)
