"""A network as one JSON document: nodes in degrees, edges, buildings with their heat and service pipe, and the root.

Such documents are cut out of OpenStreetMap for network models. A service pipe becomes a street of its own, from the
building's node to one that is the building's alone, so that its length counts as that of any trench. A document says
nothing of costs: pipes get topotherm's own figures, with a warning.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dhsdb.errors import Problem, did_you_mean
from dhsdb.importers.network_graph import DEGREES, Graph, check_graph, rows, streets
from dhsdb.importers.network_tables import MAX_BYTES, Kind, Row, TextTable
from dhsdb.importers.osm import ATTRIBUTION
from dhsdb.importers.rows import ROW, Rows
from dhsdb.importers.topotherm_pipes import DEFAULT, HEAT, LOSS_UNIT, MODE, pipe_type

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from dhsdb.importers.rows import Item, Request

_PARTS: Mapping[str, Mapping[str, Kind]] = {
    "nodes": {"id": "count", "lon": "number", "lat": "number"},
    "edges": {"u": "count", "v": "count", "length_m": "amount"},
    "buildings": {"id": "count", "node": "count", "heat_mwh_a": "amount", "peak_kw": "amount", "service_m": "amount"},
}
_FACTS = ("source", "epsg", "root")
_PLANT = "root"
_BIGGEST = 2**62
_BLANK = b"\xef\xbb\xbf \t\r\n"


def recognises(path: Path, head: bytes) -> bool:
    """Return whether a file may be such a document: an object that names nodes, edges and buildings."""
    if not head.lstrip(_BLANK).startswith(b"{") or b'"nodes"' not in head:
        return False
    found = _document(path)
    return isinstance(found, dict) and set(_PARTS) <= found.keys()


def is_object(path: Path) -> bool:
    """Return whether a file begins as an object of JSON does."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4096).lstrip(_BLANK).startswith(b"{")


def read_json(request: Request) -> Iterator[Item]:
    """Yield the rows of a document, or what is wrong with it."""
    path = request.paths[0]
    found = _document(path)
    if isinstance(found, Problem):
        yield found
        return
    document = _Document(request, found)
    notes = list(document.problems())
    yield from notes
    if not any(note.severity == "error" for note in notes):
        for item in document.rows():
            yield replace(item, attribution=document.attribution) if isinstance(item, Rows) else item


def _document(path: Path) -> Any:
    """Return what a file holds as JSON, or why it can't be read."""
    hint = "A network is an object with nodes, edges, buildings and root."
    if path.stat().st_size > MAX_BYTES:
        return Problem(f"the file is larger than {MAX_BYTES / 1e6:.0f} MB.", str(path), hint=hint, code="size")
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        return Problem(f"the file is not UTF-8 (byte {error.start}).", str(path), hint=hint, code="encoding")
    except json.JSONDecodeError as error:
        text = f"the file is no JSON: {error.msg}."
        return Problem(text, str(path), row=error.lineno, hint="Is it whole?", code="format")
    except (RecursionError, ValueError):
        return Problem("the file is no JSON that can be read.", str(path), hint=hint, code="format")


@dataclass(slots=True)
class _Part(TextTable):
    """A list of the document; its name stands as the sheet, the place in the list as the row."""

    name: str = ""

    def note(
        self, message: str, row: int | None = None, column: str = "", value: object = None, hint: str = "",
        severity: str = "error", code: str = "network",
    ) -> None:  # fmt: skip
        """Keep a problem of this list."""
        self.notes.append(Problem(message, str(self.path), self.name, row, column, value, hint, severity, code))


class _Document:
    """A document on its way to rows."""

    def __init__(self, request: Request, found: Any) -> None:
        self.request = request
        self.path = request.paths[0]
        self.found: dict[str, Any] = found if isinstance(found, dict) else {}
        self.parts = {name: _Part(self.path, name=name) for name in _PARTS}

    @property
    def attribution(self) -> str:
        """What is to be shown: the document names its source."""
        source = str(self.found.get("source", "")).casefold()
        return ATTRIBUTION if ".osm" in source or "openstreetmap" in source else ""

    # --- checks -------------------------------------------------------------------------------------------------------
    def problems(self) -> Iterator[Problem]:
        """Yield all that is wrong, and what is not read."""
        yield from self.names()
        for name, columns in _PARTS.items():
            self.read(self.parts[name], columns)
        if not any(part.notes for part in self.parts.values()):
            yield from self.check()
        for part in self.parts.values():
            yield from part.notes

    def names(self) -> Iterator[Problem]:
        where = str(self.path)
        for name in (*_PARTS, "root"):
            if name not in self.found:
                hint = did_you_mean(name, self.found) or "A network has nodes, edges, buildings and root."
                yield Problem(f"'{name}' is missing.", where, hint=hint, code="key")
        for name in sorted(self.found.keys() - {*_PARTS, *_FACTS}):
            yield Problem(f"'{name}' is not known.", where, value=name, hint=did_you_mean(name, _PARTS), code="key")

    def read(self, part: _Part, columns: Mapping[str, Kind]) -> None:
        """Take the objects of a list, and note what is wrong with them."""
        listed = self.found.get(part.name, [])
        if not isinstance(listed, list):
            part.note("this is no list.", value=str(listed)[:80])
            return
        for number, entry in enumerate(listed, 1):
            if not isinstance(entry, dict):
                part.note("this is no object.", number, value=str(entry)[:80])
                continue
            for name in entry.keys() - columns.keys():
                part.note(f"'{str(name)[:80]}' is not known.", number, hint=did_you_mean(name, columns), code="key")
            row: Row = {ROW: number}
            for name, kind in columns.items():
                if wrong := _wrong(entry.get(name), kind):
                    part.note(wrong, number, name, str(entry.get(name))[:80])
                row[name] = entry.get(name)
            part.rows.append(row)

    def check(self) -> Iterator[Problem]:
        """Note what the lists say together; each of them is right in itself."""
        nodes, buildings, edges = (self.parts[name] for name in ("nodes", "buildings", "edges"))
        for part in (nodes, buildings):
            first: dict[int, int] = {}
            for row in part.rows:
                if first.setdefault(row["id"], row[ROW]) != row[ROW]:
                    part.note(f"{row['id']} is there twice, first in {first[row['id']]}.", row[ROW], "id", row["id"])
        for row in nodes.rows:
            if abs(row["lon"]) > 180 or abs(row["lat"]) > 90:  # noqa: PLR2004  degrees
                value = f"{row['lon']} {row['lat']}"
                nodes.note("the node is not on the globe.", row[ROW], "lon", value, "Give degrees.")
        known, root = {row["id"] for row in nodes.rows}, self.found.get("root")
        for row in buildings.rows:
            if row["node"] not in known:
                buildings.note(f"there is no node {row['node']}.", row[ROW], "node", row["node"])
        if _wrong(root, "count") or root not in known:
            text = "the root is no node."
            yield Problem(
                text, str(self.path), column="root", value=root, hint="Name the node of the plant.", code="key"
            )
            return
        edges.rows = [{"edge": str(r[ROW] - 1), "from_node": r["u"], "to_node": r["v"], **r} for r in edges.rows]
        joined = {"buildings": [row["node"] for row in buildings.rows], "roots": [root]}
        check_graph(edges, known, joined)

    # --- rows ---------------------------------------------------------------------------------------------------------
    def rows(self) -> Iterator[Item]:
        nodes, buildings = self.parts["nodes"].rows, self.parts["buildings"].rows
        own = max(row["id"] for row in nodes) + 1
        graph = Graph({row["id"]: (row["lon"], row["lat"]) for row in nodes}, self.parts["edges"].rows, DEGREES)
        yield from self.frame()
        yield from _of("edges", streets(graph, self.path))
        yield from _of("buildings", self.services(buildings, own))
        yield from _of("buildings", self.consumers(graph, buildings, own))
        yield from self.plant(graph)
        text = "the document names no pipes: the figures that topotherm takes by default are used (steel pipes at 70/55 degC)."
        yield Problem(text, str(self.path), severity="warning", code="regression-assumed")
        yield from rows("pipe_type", [pipe_type(DEFAULT, 1)], self.path, loss_w_m=LOSS_UNIT)

    def frame(self) -> Iterator[Item]:
        """Yield the site and its heat; amounts are of pipes alone, which topotherm documents in EUR."""
        site, given = self.request.site, self.request.options
        options = {"currency": "EUR", **{n: given[n] for n in ("currency", "price_year") if given.get(n)}}
        yield from rows("site", [{"site": site, ROW: 1}], self.path)
        yield from rows("model_option", [{"option": o, "value": v, ROW: 1} for o, v in options.items()], self.path)
        yield from rows("commodity", [{"site": site, "commodity": HEAT, "balance": "equal", ROW: 1}], self.path)

    def services(self, buildings: list[Row], own: int) -> Iterator[Rows]:
        """Yield service pipes as streets; they have a length, but no place."""
        lines = [
            {
                "street": f"service {row['id']}", "from_node": row["node"], "to_node": own + i,
                "length_m": row["service_m"], ROW: row[ROW],
            }
            for i, row in enumerate(buildings)
            if row["service_m"] > 0
        ]  # fmt: skip
        yield from rows("street", lines, self.path)

    def consumers(self, graph: Graph, buildings: list[Row], own: int) -> Iterator[Rows]:
        """Yield buildings at the place of their nodes, and their demand."""
        lines = [
            {
                "building": str(row["id"]), "site": self.request.site, "geometry": graph.point(row["node"]),
                "node": own + i if row["service_m"] > 0 else row["node"], ROW: row[ROW],
            }
            for i, row in enumerate(buildings)
        ]  # fmt: skip
        demands = [
            {
                "building": str(row["id"]), "peak_mw": row["peak_kw"], "space_heat_mwh": row["heat_mwh_a"],
                "rule": "given by the network", ROW: row[ROW],
            }
            for row in buildings
        ]  # fmt: skip
        yield from rows("building", lines, self.path, graph)
        yield from rows("building_demand", demands, self.path, peak_mw="kW")

    def plant(self, graph: Graph) -> Iterator[Rows]:
        """Yield the plant at the root, which gives heat without cost."""
        root, site = self.found["root"], self.request.site
        key = {"site": site, "process": _PLANT, ROW: 1}
        place = {"plant": _PLANT, "site": site, "node": root, "geometry": graph.point(root), ROW: 1}
        yield from rows("plant_site", [place], self.path, graph)
        yield from rows("process", [key], self.path)
        yield from rows("process_mode", [key | {"mode": MODE}], self.path)
        flow = {"mode": MODE, "commodity": HEAT, "direction": "out", "ratio": 1.0}
        yield from rows("process_flow", [key | flow], self.path)


def _of(part: str, found: Iterator[Rows]) -> Iterator[Rows]:
    """Name the list that rows come from."""
    return (replace(item, sheet=part) for item in found)


def _wrong(value: object, kind: Kind) -> str:
    """Return what is wrong with a figure; empty if nothing is."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return "is missing." if value is None else "is no number."
    if not math.isfinite(value) or abs(value) > _BIGGEST:
        return "is not a finite number."
    if kind == "count" and (value < 0 or not isinstance(value, int)):
        return "is not a whole number of 0 or more."
    return "is negative." if kind == "amount" and value < 0 else ""
