"""Folders of DHNx: ``twn_data`` with forks, consumers, producers and pipes, and ``invest_data`` with what pipes cost.

Nodes have a number here, the folder gives them a kind and an id: forks keep theirs, consumers start at a million,
producers at two millions. Figures are in kW. Tables of oemof buses are read as far as they say more than the default.
"""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING, Any

from dhsdb.errors import Problem, did_you_mean
from dhsdb.importers.network_graph import DEGREES, DRAWN, Graph, check_graph, check_lengths, rows, streets, system
from dhsdb.importers.network_tables import Kind, Row, TextTable, all_notes, find_file, read_table
from dhsdb.importers.rows import ROW, Series
from dhsdb.schema.columns import LOCAL_PLANE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from dhsdb.importers.rows import Item, Request

HEAT = "heat"
FIRST = {"forks": 0, "consumers": 1_000_000, "producers": 2_000_000}
"""Number of the first node of each kind."""

_PLACE: dict[str, Kind] = {"id": "count", "lat": "number", "lon": "number"}
_NODES: dict[str, tuple[dict[str, Kind], tuple[str, ...]]] = {
    "forks": (_PLACE, ()),
    "consumers": (
        {**_PLACE, "P_heat_max": "amount", "heat_flow": "text", "active": "count"},
        ("P_heat_max", "heat_flow", "active"),
    ),
    "producers": ({**_PLACE, "active": "count"}, ("active",)),
}
_PIPES: dict[str, Kind] = {
    "id": "count", "from_node": "text", "to_node": "text", "length": "amount", "existing": "count",
    "capacity": "amount", "hp_type": "text", "active": "count",
}  # fmt: skip
_TYPES: dict[str, Kind] = {
    "label_3": "text", "active": "count", "nonconvex": "count", "l_factor": "amount", "l_factor_fix": "amount",
    "cap_max": "amount", "cap_min": "amount", "capex_pipes": "amount", "fix_costs": "amount",
}  # fmt: skip
_BUS: dict[str, Kind] = {
    "label_2": "text", "active": "count", "excess": "count", "shortage": "count", "shortage costs": "amount",
    "excess costs": "amount",
}  # fmt: skip
_SOURCE: dict[str, Kind] = {"label_2": "text", "active": "count", "variable_costs": "number"}
_DEMAND: dict[str, Kind] = {"label_2": "text", "active": "count", "nominal_value": "amount"}


def is_dhnx(folder: Path) -> bool:
    """Return whether a folder is one of DHNx, or its ``twn_data``."""
    return find_file(_network(folder), "pipes.csv") is not None and find_file(_network(folder), "forks.csv") is not None


def read_dhnx(request: Request) -> Iterator[Item]:
    """Yield the rows of a folder, and what is wrong with it; no rows if anything is."""
    yield from _Folder(request).items()


def _network(folder: Path) -> Path:
    return folder / "twn_data" if (folder / "twn_data").is_dir() else folder


class _Folder:
    """A folder on its way to rows."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.folder = request.paths[0]
        self.network = _network(self.folder)
        self.tables: dict[str, TextTable] = {}
        self.notes: list[Problem] = []
        self.known: set[str] = set()

    def items(self) -> Iterator[Item]:
        self.read()
        found: list[Item] = []
        if not self.has_error():
            found = list(self.rows())
        yield from [*self.notes, *all_notes(self.tables.values())]
        if not self.has_error():
            yield from found

    def has_error(self) -> bool:
        noted = [*self.notes, *(note for table in self.tables.values() for note in table.notes)]
        return any(note.severity == "error" for note in noted)

    # --- files --------------------------------------------------------------------------------------------------------
    def read(self) -> None:
        """Read all files, and see that they fit together."""
        for kind, (columns, optional) in _NODES.items():
            self.table(kind, self.network, f"{kind}.csv", columns, optional, "id")
        self.table("pipes", self.network, "pipes.csv", _PIPES, ("existing", "capacity", "hp_type", "active"), "id")
        invest = self.folder / "invest_data"
        if invest.is_dir():
            self.table("types", invest / "network", "pipes.csv", _TYPES, (), "label_3")
            self.table("demand", invest / "consumers", "demand.csv", _DEMAND, ())
            self.table("source", invest / "producers", "source.csv", _SOURCE, ("variable_costs",))
            for place in ("consumers", "producers"):
                self.table(f"{place} bus", invest / place, "bus.csv", _BUS, ())
        else:
            text = "there is no invest_data: costs and losses of pipes are not known."
            self.notes.append(Problem(text, str(self.folder), severity="warning", code="no-invest-data"))
        if not self.has_error():
            self.check()

    def table(
        self, name: str, folder: Path, file: str, columns: Mapping[str, Kind], optional: tuple[str, ...], key: str = ""
    ) -> None:  # fmt: skip
        path = find_file(folder, file)
        if path is None:
            hint = "A folder of DHNx has twn_data with forks, consumers, producers and pipes, and invest_data."
            self.notes.append(Problem(f"{file} is missing.", str(folder / file), hint=hint, code="file"))
            return
        table = read_table(path, columns, optional, key)
        table.notes = [n for n in table.notes if n.code != "ignored" or n.column.strip()]
        self.tables[name] = table

    def check(self) -> None:
        """Check names, flags and what is not covered."""
        self.known = {f"{kind}-{row['id']}" for kind in _NODES for row in self.tables[kind].rows}
        pipes = self.tables["pipes"]
        types = [row["label_3"] for row in self.tables["types"].rows] if "types" in self.tables else []
        for row in pipes.rows:
            for column in ("from_node", "to_node"):
                if row[column] not in self.known:
                    hint = did_you_mean(row[column], self.known) or "Write kind-id, as in forks-0."
                    pipes.note(f"there is no node '{row[column]}'.", row[ROW], column, row[column], hint)
            if row["hp_type"] and row["hp_type"] not in types:
                hint = did_you_mean(row["hp_type"], types) or f"Types: {', '.join(types) or 'none'}."
                pipes.note(f"there is no pipe type '{row['hp_type']}'.", row[ROW], "hp_type", row["hp_type"], hint)
        for table in self.tables.values():
            self.check_flags(table)
        self.check_buses()
        for row in self.tables["demand"].rows if "demand" in self.tables else ():
            if row["label_2"] == HEAT and row["nominal_value"] != 1:
                hint = "Multiply the consumers' figures instead."
                self.tables["demand"].note(
                    "a nominal_value other than 1 is not covered.",
                    row[ROW],
                    "nominal_value",
                    row["nominal_value"],
                    hint,
                    code="not-covered",
                )
        for table in (self.tables[k] for k in ("consumers", "producers")):
            if not table.rows:
                table.note("the file has no rows.", hint="Heat needs both consumers and producers.", code="empty")

    def check_flags(self, table: TextTable) -> None:
        for row in table.rows:
            for flag in ("active", "existing", "nonconvex", "excess", "shortage"):
                if row.get(flag) not in (None, 0, 1):
                    table.note(f"'{row[flag]}' is neither 0 nor 1.", row[ROW], flag, row[flag])
            if row.get("active") == 0:
                named = row.get("label_3") or row.get("label_2") or row.get("id")
                table.note(f"ignored: {named} is not active.", row[ROW], "active", 0, severity="info", code="inactive")

    def check_buses(self) -> None:
        """Refuse what oemof buses say besides the default."""
        for name in ("consumers bus", "producers bus"):
            for row in self.tables[name].rows if name in self.tables else ():
                self.check_bus(self.tables[name], row)
            if name in self.tables:
                text = "ignored: costs of excess and shortage, which count where one is 1 only."
                self.tables[name].note(text, column="shortage costs", severity="info", code="ignored")

    def check_bus(self, table: TextTable, row: Row) -> None:
        """Refuse what heat can be taken from or left to besides the network."""
        for flag in ("excess", "shortage"):
            if row["active"] != 0 and row[flag] == 1:
                hint = "Set it to 0, or give the commodity a voll or dump_cost after the import."
                table.note(f"{flag} of '{row['label_2']}' is not covered.", row[ROW], flag, 1, hint, code="not-covered")
        if row["active"] != 0 and row["label_2"] != HEAT:
            table.note(
                f"the bus '{row['label_2']}' is not covered.",
                row[ROW],
                "label_2",
                row["label_2"],
                "Only heat is read.",
                code="not-covered",
            )

    # --- rows ---------------------------------------------------------------------------------------------------------
    def rows(self) -> Iterator[Item]:
        graph = self.graph()
        pipes = self.tables["pipes"]
        active = {kind: [self.node(kind, row) for row in self.active(kind)] for kind in ("consumers", "producers")}
        check_graph(
            TextTable(pipes.path, list(graph.edges), notes=pipes.notes), {self.number(n) for n in self.known}, active
        )
        check_lengths(pipes, graph)
        yield from self.frame()
        yield from streets(graph, pipes.path)
        yield from self.existing(graph)
        yield from self.consumers(graph)
        yield from self.producers(graph)
        yield from self.types()

    def active(self, name: str) -> list[Row]:
        return [row for row in self.tables[name].rows if row.get("active") != 0] if name in self.tables else []

    def node(self, kind: str, row: Row) -> int:
        return FIRST[kind] + int(row["id"])

    def number(self, name: str) -> int:
        kind, _, number = name.partition("-")
        return FIRST[kind] + int(number)

    def graph(self) -> Graph:
        xy = {self.node(kind, row): (row["lon"], row["lat"]) for kind in _NODES for row in self.tables[kind].rows}
        edges = [
            row
            | {
                "edge": row["id"],
                "from_node": self.number(row["from_node"]),
                "to_node": self.number(row["to_node"]),
                "length_m": row["length"],
            }
            for row in self.active("pipes")
        ]
        plane = Graph(xy, edges, 0)
        return Graph(xy, edges, self.system(plane))

    def system(self, plane: Graph) -> int:
        """Return the system of lat and lon: a plane where the lengths are those between the places, else degrees."""
        file = self.tables["pipes"].path
        shares = [plane.drawn(e) / e["length_m"] for e in plane.edges if e["length_m"]]
        is_plane = bool(shares) and abs(statistics.median(shares) - 1) <= DRAWN
        fits = all(abs(lon) <= 180 and abs(lat) <= 90 for lon, lat in plane.xy.values())  # noqa: PLR2004  degrees
        if self.request.epsg == LOCAL_PLANE or is_plane or not fits:
            code, said = system(self.request, file)
            self.notes.append(said)
            return code
        text = "lat and lon are read as degrees (EPSG:4326): the lengths are not those of a plane in metres."
        hint = "Say --crs -1 if they are a plane of its own."
        self.notes.append(Problem(text, str(file), hint=hint, severity="warning", code="degrees-assumed"))
        return DEGREES

    def frame(self) -> Iterator[Item]:
        file, site = self.tables["pipes"].path, self.request.site
        yield from rows("site", [{"site": site, ROW: 1}], file)
        options = {
            "currency": "EUR",
            **{n: v for n in ("currency", "price_year") if (v := self.request.options.get(n))},
        }
        yield from rows("model_option", [{"option": o, "value": v, ROW: 1} for o, v in options.items()], file)
        yield from rows("commodity", [{"site": site, "commodity": HEAT, "balance": "equal", ROW: 1}], file)
        text = "the files name no currency: EUR is taken."
        if "currency" not in self.request.options:
            yield Problem(
                text, str(file), hint="Name another with -o currency=CODE.", severity="info", code="currency-assumed"
            )

    def existing(self, graph: Graph) -> Iterator[Item]:
        """Yield the pipes that stand already; their streets are there too."""
        lines = [
            {
                "pipe": str(edge["edge"]), "site": self.request.site, "from_node": str(edge["from_node"]),
                "to_node": str(edge["to_node"]), "trench_m": edge["length_m"], "existing": True, "pipe_type": edge["hp_type"],
                "capacity_mw": edge["capacity"], "geometry": graph.line(edge["from_node"], edge["to_node"]), ROW: edge[ROW],
            }
            for edge in graph.edges
            if edge["existing"] == 1
        ]  # fmt: skip
        yield from rows("network_pipe", lines, self.tables["pipes"].path, graph, capacity_mw="kW")
        spare = [e for e in graph.edges if e["existing"] != 1 and (e["capacity"] or e["hp_type"])]
        for edge in spare:
            self.tables["pipes"].note(
                "ignored: capacity and type of a pipe that does not stand.",
                edge[ROW],
                "capacity",
                severity="warning",
                code="ignored",
            )

    def consumers(self, graph: Graph) -> Iterator[Item]:
        table = self.tables["consumers"]
        flows = self.flows()
        buildings, demands = [], []
        for row in self.active("consumers"):
            name = f"consumers-{row['id']}"
            key = {"building": name, ROW: row[ROW]}
            node = self.node("consumers", row)
            buildings.append(key | {"site": self.request.site, "node": node, "geometry": graph.point(node)})
            values = flows.get(row["id"])
            if values is not None and row["P_heat_max"] is not None:
                table.note(
                    "both P_heat_max and heat_flow are given.", row[ROW], "P_heat_max", row["P_heat_max"], "Leave one."
                )
            elif values is None and row["P_heat_max"] is None:
                table.note(
                    "neither P_heat_max nor a series heat_flow is given.",
                    row[ROW],
                    "P_heat_max",
                    hint="Give one of the two.",
                )
            peak = row["P_heat_max"] if values is None else max(values)
            rule = "DHNx: P_heat_max" if values is None else "DHNx: largest of heat_flow"
            demands.append(
                key | {"peak_mw": peak, "rule": rule, "profile": None if values is None else f"heat_flow {name}"}
            )
        yield from rows("building", buildings, table.path, graph)
        yield from rows("building_demand", demands, table.path, peak_mw="kW")
        yield from self.series(flows)

    def flows(self) -> dict[int, list[float]]:
        """Return the series of consumers that name one, in kW."""
        asked = [row for row in self.active("consumers") if row["heat_flow"]]
        if not asked:
            return {}
        path = find_file(self.network / "sequences", "consumers-heat_flow.csv")
        table = self.tables["consumers"]
        if path is None:
            table.note(
                "sequences/consumers-heat_flow.csv is missing.",
                asked[0][ROW],
                "heat_flow",
                asked[0]["heat_flow"],
                code="file",
            )
            return {}
        columns: dict[str, Kind] = {"timestep": "count", **{str(row["id"]): "amount" for row in asked}}
        self.tables["heat_flow"] = found = read_table(path, columns, key="timestep")
        if not found.rows:
            found.note("the file has no steps.", code="empty")
        if any(note.severity == "error" for note in found.notes):
            return {}
        for i, row in enumerate(found.rows):
            if row["timestep"] != i:
                found.note(
                    f"'{row['timestep']}' stands where step {i} is expected.", row[ROW], "timestep", row["timestep"]
                )
                return {}
        return {row["id"]: [float(line[str(row["id"])]) for line in found.rows] for row in asked}

    def series(self, flows: Mapping[int, list[float]]) -> Iterator[Item]:
        import numpy as np  # heavy

        for number, values in flows.items():
            file = self.tables["heat_flow"].path
            yield Series(f"heat_flow consumers-{number}", np.array(values), "power", file, "kW", text="DHNx: heat_flow")

    def producers(self, graph: Graph) -> Iterator[Item]:
        table, site = self.tables["producers"], self.request.site
        source = next((row for row in self.active("source") if row["label_2"] == HEAT), None)
        if "source" in self.tables and source is None:
            self.tables["source"].note("no active source gives heat.", hint="Add a row heat.", code="no-source")
        plants, processes, modes, flows = [], [], [], []
        for row in self.active("producers"):
            node = self.node("producers", row)
            key = {"site": site, "process": f"producers-{row['id']}", ROW: row[ROW]}
            plants.append(
                {"plant": key["process"], "site": site, "node": node, "geometry": graph.point(node), ROW: row[ROW]}
            )
            processes.append(dict(key))
            modes.append(key | {"mode": "1", "variable": source["variable_costs"] if source else None})
            flows.append(key | {"mode": "1", "commodity": HEAT, "direction": "out", "ratio": 1.0})
        yield from rows("plant_site", plants, table.path, graph)
        yield from rows("process", processes, table.path)
        yield from rows("process_mode", modes, table.path, variable="EUR/kWh")
        yield from rows("process_flow", flows, table.path)

    def types(self) -> Iterator[Item]:
        """Yield pipe types: fixed cost and loss per length, and what grows with the heat carried."""
        if "types" not in self.tables:
            return
        table = self.tables["types"]
        lines: list[dict[str, Any]] = []
        for row in self.active("types"):
            if row["cap_min"] > row["cap_max"]:
                table.note(
                    f"cap_min {row['cap_min']:g} is above cap_max {row['cap_max']:g}.",
                    row[ROW],
                    "cap_min",
                    row["cap_min"],
                )
            if row["nonconvex"] == 0 and (row["fix_costs"] or row["l_factor_fix"]):
                text = "ignored by DHNx: fix_costs and l_factor_fix, which count with nonconvex = 1 only; taken as 0."
                table.note(text, row[ROW], "fix_costs", row["fix_costs"], severity="warning", code="ignored")
            is_fixed = row["nonconvex"] == 1
            lines.append(
                {
                    "pipe_type": row["label_3"], "cost_per_m": row["fix_costs"] if is_fixed else 0.0,
                    "cost_per_kw_m": row["capex_pipes"], "loss_w_m": row["l_factor_fix"] if is_fixed else 0.0,
                    "loss_per_m": row["l_factor"], "min_kw": row["cap_min"] if is_fixed else None, "max_kw": row["cap_max"],
                    ROW: row[ROW],
                }
            )  # fmt: skip
            if not is_fixed and row["cap_min"]:
                table.note(
                    "ignored by DHNx: cap_min, which counts with nonconvex = 1 only.",
                    row[ROW],
                    "cap_min",
                    row["cap_min"],
                    severity="warning",
                    code="ignored",
                )
        yield from rows("pipe_type", lines, table.path, loss_w_m="kW/m")
        if any(not math.isfinite(v) for line in lines for v in line.values() if isinstance(v, float)):
            table.note("a figure is not finite.", code="invalid")
