"""Time the import of OpenStreetMap extracts against peers, on the same file and in one run.

Each case runs in a process of its own, so that its peak memory is its own, and repeats its work there; the shortest CPU time
counts, without process start and imports. ``ours`` reads, nodes and estimates, as the pipeline sees it, without writing.
The bare passes of pyosmium assemble the same areas: ``every object`` hands all of them to Python, ``geometry`` filters in
C++ and builds the buildings' polygons and the streets' lines. pyrosm and osmnx are timed where they are installed, and osmnx
where it can read the file as XML.

    python benchmarks/import_osm.py monaco.osm.pbf [more files] [--repeat 5] [--copies 10]

``--copies`` adds an extract made of so many copies of each file, shifted side by side: memory must not grow faster than
that of a bare pass.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BARE = "pyosmium, geometry"


def ours(path: Path) -> str:
    """Read a file as the importer does."""
    from dhsdb.importers.osm import OsmImporter  # noqa: PLC0415  its import is not timed
    from dhsdb.importers.rows import Request, Rows  # noqa: PLC0415

    counts = {item.table: len(item.frame) for item in OsmImporter().read(Request((path,), "base")) if isinstance(item, Rows)}
    return f"{counts['building']:,} buildings, {counts['street']:,} segments"


def every_object(path: Path) -> str:
    """Hand every object to Python, with areas."""
    import osmium  # noqa: PLC0415

    return f"{sum(1 for _ in osmium.FileProcessor(str(path)).with_areas()):,} objects"


def geometry(path: Path) -> str:
    """Build the polygons of buildings and the lines of streets, and nothing else."""
    import osmium  # noqa: PLC0415
    from osmium.filter import KeyFilter  # noqa: PLC0415

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
    from pyrosm import OSM  # noqa: PLC0415

    OSM.clear_cache(str(path))
    osm = OSM(str(path), engine=engine)
    return f"{len(osm.get_buildings()):,} buildings, {len(osm.get_network('all')):,} ways"


def pyrosm_in_memory(path: Path) -> str:
    """Read buildings and streets with pyrosm's other engine."""
    return pyrosm(path, "in_memory")


def osmnx(path: Path) -> str:
    """Read buildings and the street graph with osmnx, from XML."""
    import osmnx as ox  # noqa: PLC0415

    buildings = ox.features_from_xml(path, tags={"building": True})
    graph = ox.graph_from_xml(path, retain_all=True)
    return f"{len(buildings):,} buildings, {len(graph.edges):,} directed edges"


CASES: dict[str, Callable[[Path], str]] = {
    "ours": ours, BARE: geometry, "pyosmium, every object": every_object, "pyrosm": pyrosm,
    "pyrosm, in memory": pyrosm_in_memory, "osmnx": osmnx,
}  # fmt: skip


def measure(case: str, path: Path, repeat: int) -> dict[str, object]:
    """Run a case in this process and return its shortest CPU time, peak memory and what it found."""
    work = CASES[case]
    best, found = float("inf"), ""
    start = psutil.Process().memory_info().rss
    for _ in range(repeat):
        began = time.process_time()
        found = work(path)
        best = min(best, time.process_time() - began)
    return {"cpu_s": best, "peak_mb": peak_bytes() / 1e6, "start_mb": start / 1e6, "found": found}


def peak_bytes() -> int:
    """Return the largest resident memory that this process has had."""
    memory = psutil.Process().memory_info()
    if hasattr(memory, "peak_wset"):  # Windows
        return int(memory.peak_wset)
    import resource  # noqa: PLC0415  not on Windows

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def in_process(case: str, path: Path, repeat: int) -> dict[str, object]:
    """Run a case in a process of its own."""
    command = [sys.executable, __file__, str(path), "--case", case, "--repeat", str(repeat)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | {"PYTHONWARNINGS": "ignore"})  # noqa: S603
    if done.returncode:
        return {"error": done.stderr.strip().splitlines()[-1][:100] if done.stderr.strip() else "failed"}
    result: dict[str, object] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def copied(path: Path, copies: int, target: Path) -> Path:
    """Write an extract of copies, each shifted to the east and with ids of its own."""
    import osmium  # noqa: PLC0415

    with osmium.SimpleWriter(str(target)) as writer:
        for kind in (osmium.osm.NODE, osmium.osm.WAY, osmium.osm.RELATION):
            for number in range(copies):
                for thing in osmium.FileProcessor(str(path), kind):
                    writer.add(shifted(thing, number))
    return target


def shifted(thing: object, number: int) -> object:
    """Return a copy of an OSM object with its ids moved and its place shifted by tenths of a degree."""
    import osmium  # noqa: PLC0415

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


def files(paths: list[Path], copies: int, folder: Path) -> Iterator[Path]:
    """Yield the files to read, and their multiples."""
    for path in paths:
        yield path
        if copies > 1:
            yield copied(path, copies, folder / f"{copies} x {path.name}")


def main() -> None:
    """Print a table of CPU seconds and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--copies", type=int, default=1)
    parser.add_argument("--case", choices=list(CASES), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        print(json.dumps(measure(options.case, options.files[0], options.repeat)))  # noqa: T201
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table("file", "case", "CPU s", "CPU : bare", "peak MB", "above start MB", "found")
    present = [case for case in CASES if case == "ours" or importlib.util.find_spec(case.split(",")[0].replace("pyosmium", "osmium"))]
    with tempfile.TemporaryDirectory() as folder:
        for path in files(options.files, options.copies, Path(folder)):
            results = {case: in_process(case, path, options.repeat) for case in present}
            bare = float(str(results[BARE].get("cpu_s", "nan")))
            for case, result in results.items():
                if "error" in result:
                    table.add_row(path.name, case, "", "", "", "", str(result["error"]))
                    continue
                cpu, peak, start = (float(str(result[key])) for key in ("cpu_s", "peak_mb", "start_mb"))
                table.add_row(path.name, case, f"{cpu:.3f}", f"{cpu / bare:.2f}", f"{peak:.0f}", f"{peak - start:.0f}", str(result["found"]))
            table.add_section()
    Console(width=150).print(table)


if __name__ == "__main__":
    main()
