"""Time the import of OpenStreetMap extracts against peers, on the same file and in one run.

Each case runs in a process of its own, so that its peak memory is its own, and repeats its work there; the cases take
turns for some rounds. The shortest CPU time counts, without process start and imports. ``import`` is the whole import
into a store that was made beforehand: parse, node, estimate, check, write; ``import, unchecked`` leaves the checks of
the state that it makes out, which no peer does. ``import, reading only`` is what of it the importer does, before
anything is checked or written. The bare passes of pyosmium assemble the same areas: ``every object`` hands all of them
to Python, which is what the others are compared with, ``geometry`` filters in C++ and builds the buildings' polygons
and the streets' lines.

pyrosm and osmnx are timed where they are installed; osmnx reads a copy of the file in XML, made beforehand. pyrosm
reads buildings and whole ways into frames; ``noded`` has it cut the ways at their nodes, as ``import, reading only``
does at intersections; ``same work`` has it make a graph of segments, find the sources, estimate the demand and write
all of it, as the import does.

Before its memory is looked at, each case has imported one street and one building: what does not grow with the extract,
such as the code of pandas and DuckDB, so counts in all of them, and in none twice.

    python benchmarks/import_osm.py [file ...] [--rounds 3] [--repeat 3] [--copies 10]

Without a file it takes those of the reference data, else the extract that pyrosm ships. ``--copies`` adds an extract
made of so many copies of each file, shifted side by side: there memory must not grow much faster than that of a bare
pass.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dhsdb import Store

BARE = "pyosmium, every object"
IMPORT = "import"
SOURCES = {
    "telecom": ["data_center"], "shop": ["supermarket"], "leisure": ["ice_rink"], "station": ["subway"],
    "man_made": ["wastewater_plant", "works", "pipeline"], "power": ["plant", "generator"], "pipeline": ["substation"],
}  # fmt: skip
SMALL = """<osm version="0.6">
<node id="1" lat="43.73" lon="7.42"/><node id="2" lat="43.73" lon="7.421"/><node id="3" lat="43.731" lon="7.421"/>
<way id="1"><nd ref="1"/><nd ref="2"/><tag k="highway" v="residential"/></way>
<way id="2"><nd ref="1"/><nd ref="2"/><nd ref="3"/><nd ref="1"/><tag k="building" v="yes"/></way>
</osm>
"""


def whole_import(path: Path, store: Store) -> str:
    """Import a file into a store that is there, and empty."""
    report = store.import_("osm", path, scenario="base")
    return f"{report.n_set['building']:,} buildings, {report.n_set['street']:,} segments"


def unchecked_import(path: Path, store: Store) -> str:
    """Import a file without the checks of the state that this makes."""
    from unittest import mock

    with mock.patch("dhsdb.check.new_findings", return_value=[]):
        return whole_import(path, store)


def reading(path: Path) -> str:
    """Read a file as the importer does."""
    from dhsdb.importers.osm import OsmImporter
    from dhsdb.importers.rows import Request, Rows

    counts: Counter[str] = Counter()
    for item in OsmImporter().read(Request((path,), "base")):
        if isinstance(item, Rows):
            counts[item.table] += len(item.frame)
    return f"{counts['building']:,} buildings, {counts['street']:,} segments"


def every_object(path: Path) -> str:
    """Hand every object to Python, with areas."""
    import osmium

    return f"{sum(1 for _ in osmium.FileProcessor(str(path)).with_areas()):,} objects"


def geometry(path: Path) -> str:
    """Build the polygons of buildings and the lines of streets, and nothing else."""
    import osmium
    from osmium.filter import KeyFilter

    factory = osmium.geom.WKBFactory()
    buildings, lines = [], []
    for thing in osmium.FileProcessor(str(path)).with_areas().with_filter(KeyFilter("building", "highway")):
        if thing.is_area() and "building" in thing.tags:
            buildings.append(factory.create_multipolygon(thing))
        elif thing.is_way() and "highway" in thing.tags:
            try:
                lines.append(factory.create_linestring(thing))
            except (RuntimeError, osmium.InvalidLocationError):  # a clipped way
                continue
    return f"{len(buildings):,} buildings, {len(lines):,} ways"


def pyrosm(path: Path, engine: str = "out_of_core") -> str:
    """Read buildings and streets with pyrosm, whose default engine would answer a second read from its cache."""
    from pyrosm import OSM

    OSM.clear_cache(str(path))
    osm = OSM(str(path), engine=engine)
    found = f"{len(osm.get_buildings()):,} buildings, {len(osm.get_network('all')):,} ways"
    OSM.clear_cache(str(path))
    return found


def pyrosm_in_memory(path: Path) -> str:
    """Read buildings and streets with pyrosm's other engine."""
    return pyrosm(path, "in_memory")


def pyrosm_noded(path: Path) -> str:
    """Read buildings and the streets' pieces between nodes with pyrosm."""
    from pyrosm import OSM

    OSM.clear_cache(str(path))
    osm = OSM(str(path))
    nodes, pieces = osm.get_network("all", nodes=True)
    found = f"{len(osm.get_buildings()):,} buildings, {len(pieces):,} pieces, {len(nodes):,} nodes"
    OSM.clear_cache(str(path))
    return found


def pyrosm_same_work(path: Path, engine: str = "out_of_core") -> str:
    """Do with pyrosm what the import does: buildings with an estimated demand, noded streets, sources, written."""
    import geopandas as gpd
    from pyrosm import OSM

    OSM.clear_cache(str(path))
    osm = OSM(str(path), engine=engine)
    buildings = osm.get_buildings().pipe(lambda frame: frame.to_crs(frame.estimate_utm_crs()))
    levels = buildings["building:levels"].astype("string").str.extract(r"(\d+)")[0].astype(float).fillna(1)
    buildings["annual_kwh"] = 120 * levels * buildings.area
    graph = osm.get_graph(
        "all", graph_type="igraph", retain_all=True, custom_filter={"highway": True}, filter_type="keep"
    )
    texts = {name: list(map(str, graph.es[name])) for name in ("id", "highway", "name", "surface")}
    segments = gpd.GeoDataFrame(texts, geometry=graph.es["geometry"], crs=4326).assign(length_m=graph.es["length"])
    sources = osm.get_data_by_custom_criteria(custom_filter=SOURCES)
    with tempfile.TemporaryDirectory() as folder:
        for name, frame in {
            "buildings": buildings,
            "segments": segments.to_crs(buildings.crs),
            "sources": sources,
        }.items():
            if frame is not None:
                frame.to_parquet(Path(folder) / f"{name}.parquet")
    OSM.clear_cache(str(path))
    return f"{len(buildings):,} buildings, {len(segments):,} segments"


def osmnx(path: Path) -> str:
    """Read buildings and the street graph with osmnx, from XML that lies beside the file."""
    import osmnx as ox

    path = path.with_suffix(".xml")
    buildings = ox.features_from_xml(path, tags={"building": True})
    graph = ox.graph_from_xml(path, retain_all=True)
    return f"{len(buildings):,} buildings, {len(graph.edges):,} directed edges"


CASES: dict[str, Callable[..., str]] = {
    IMPORT: whole_import, "import, unchecked": unchecked_import, "import, reading only": reading,
    BARE: every_object, "pyosmium, geometry": geometry,
    "pyrosm": pyrosm, "pyrosm, in memory": pyrosm_in_memory, "pyrosm, noded": pyrosm_noded,
    "pyrosm, same work": pyrosm_same_work, "osmnx": osmnx,
}  # fmt: skip


def measure(case: str, path: Path, repeat: int) -> dict[str, object]:
    """Run a case in this process and return its shortest CPU time, peak memory and what it found."""
    work = CASES[case]
    best, peak, found = float("inf"), 0, ""
    with tempfile.TemporaryDirectory() as folder:
        warm_up(Path(folder))
        fresh = work in (whole_import, unchecked_import)
        stores = [new_store(Path(folder) / f"{i}.duckdb") for i in range(repeat)] if fresh else []
        start = psutil.Process().memory_info().rss
        for i in range(repeat):
            began = time.process_time()
            found = work(path, *stores[i : i + 1])
            best = min(best, time.process_time() - began)
            peak = peak or peak_bytes()  # of the first: later ones find the memory that it left in pieces
    return {"cpu_s": best, "peak_mb": peak / 1e6, "start_mb": start / 1e6, "found": found}


def warm_up(folder: Path) -> None:
    """Import next to nothing."""
    small = folder / "small.osm"
    small.write_text(SMALL, encoding="utf-8")
    whole_import(small, new_store(folder / "small.duckdb"))


def new_store(path: Path) -> Store:
    """Make an empty store."""
    from dhsdb import Store

    return Store(path)


def peak_bytes() -> int:
    """Return the largest resident memory that this process has had."""
    memory = psutil.Process().memory_info()
    if hasattr(memory, "peak_wset"):  # Windows
        return int(memory.peak_wset)
    status = Path("/proc/self/status")
    if status.exists():  # on Linux a child's ru_maxrss begins with its parent's
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) * 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def in_process(case: str, path: Path, repeat: int) -> dict[str, object]:
    """Run a case in a process of its own."""
    command = [sys.executable, __file__, str(path), "--case", case, "--repeat", str(repeat)]
    silent = os.environ | {"PYTHONWARNINGS": "ignore"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=silent)  # noqa: S603
    if done.returncode:
        return {"error": done.stderr.strip().splitlines()[-1][:100] if done.stderr.strip() else "failed"}
    result: dict[str, object] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def copied(path: Path, copies: int, target: Path) -> Path:
    """Write an extract of copies, each shifted to the east and with ids of its own."""
    import osmium

    with osmium.SimpleWriter(str(target)) as writer:
        for kind in (osmium.osm.NODE, osmium.osm.WAY, osmium.osm.RELATION):
            for number in range(copies):
                for thing in osmium.FileProcessor(str(path), kind):
                    writer.add(shifted(thing, number))
    return target


def shifted(thing: object, number: int) -> object:
    """Return a copy of an OSM object with its ids moved and its place shifted by tenths of a degree."""
    import osmium

    move = number * 10**11
    match thing:
        case osmium.osm.Node():
            place = (thing.location.lon + 0.1 * number, thing.location.lat)
            return thing.replace(id=thing.id + move, location=place)
        case osmium.osm.Way():
            return thing.replace(id=thing.id + move, nodes=[node.ref + move for node in thing.nodes])
        case osmium.osm.Relation():
            members = [(member.type, member.ref + move, member.role) for member in thing.members]
            return thing.replace(id=thing.id + move, members=members)
    raise TypeError(type(thing))


def default_files() -> list[Path]:
    """Return the extracts of the reference data, or the one that pyrosm ships, or none."""
    root = Path(os.environ.get("DHSDB_REFERENCE_DATA") or Path(__file__).parents[2] / "shared" / "data")
    found = sorted(root.glob("osm/*.osm.pbf"))
    if not found and importlib.util.find_spec("pyrosm"):
        from pyrosm import get_data

        found = [Path(get_data("test_pbf"))]
    return found


def files(paths: list[Path], copies: int, folder: Path) -> Iterator[Path]:
    """Yield copies of the files and their multiples, with XML beside them where osmnx wants it."""
    for path in paths:
        here = [Path(shutil.copy(path, folder))]
        if copies > 1:
            here.append(copied(path, copies, folder / f"{copies} x {path.name}"))
        for file in here:
            if present("osmnx"):
                as_xml(file)
            yield file


def as_xml(path: Path) -> None:
    """Write the file as XML beside it."""
    import osmium

    with osmium.SimpleWriter(osmium.io.File(str(path.with_suffix(".xml")), "osm")) as writer:
        for thing in osmium.FileProcessor(str(path)):
            writer.add(thing)


def present(case: str) -> bool:
    """Return whether a case's package is installed."""
    package = case.partition(",")[0]
    return importlib.util.find_spec({IMPORT: "dhsdb", "pyosmium": "osmium"}.get(package, package)) is not None


def lines(path: Path, rounds: int, repeat: int) -> Iterator[tuple[str, ...]]:
    """Run all cases on a file and yield their lines of the table."""
    results: dict[str, dict[str, object]] = {}
    for _ in range(rounds):
        for case in filter(present, CASES):
            now = in_process(case, path, 1 if case == "osmnx" else repeat)
            results[case] = min(results.get(case, now), now, key=lambda result: float(str(result.get("cpu_s", "inf"))))
    of_bare, of_ours = (
        {key: float(str(results[case].get(key, "nan"))) for key in ("cpu_s", "peak_mb")} for case in (BARE, IMPORT)
    )
    for case, result in results.items():
        if "error" in result:
            yield path.name, case, "", "", "", "", "", "", str(result["error"])
            continue
        cpu, peak, start = (float(str(result[key])) for key in ("cpu_s", "peak_mb", "start_mb"))
        figures = f"{cpu:.3f}", f"{cpu / of_bare['cpu_s']:.2f}", f"{cpu / of_ours['cpu_s']:.2f}"
        memory = f"{peak:.0f}", f"{peak / of_bare['peak_mb']:.2f}", f"{peak - start:.0f}"
        yield path.name, case, *figures, *memory, str(result["found"])


def main() -> None:
    """Print a table of CPU seconds and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--copies", type=int, default=1)
    parser.add_argument("--case", choices=list(CASES), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        print(json.dumps(measure(options.case, options.files[0], options.repeat)))
        return
    from rich.console import Console
    from rich.table import Table

    heads = ("CPU s", "CPU : bare", "CPU : import", "peak MB", "peak : bare", "above start MB")
    table = Table("file", "case", *heads, "found")
    with tempfile.TemporaryDirectory() as folder:
        for path in files(options.files or default_files(), options.copies, Path(folder)):
            for line in lines(path, options.rounds, options.repeat):
                table.add_row(*line)
            table.add_section()
    Console(width=160).print(table)


if __name__ == "__main__":
    main()
