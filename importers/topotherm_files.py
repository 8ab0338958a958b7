"""The files of a folder of topotherm: nodes, edges, consumers, producers, configuration, regression, and whether they fit together."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dhsdb.errors import Problem
from dhsdb.importers.network_graph import check_graph
from dhsdb.importers.network_tables import Kind, Row, TextTable, find_file, header_of, read_table
from dhsdb.importers.rows import ROW
from dhsdb.importers.topotherm_config import Config, read_config
from dhsdb.importers.topotherm_pipes import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from dhsdb.importers.rows import Request

HOURS = 8760.0

_FILES: dict[str, dict[str, Kind]] = {
    "nodes.csv": {"node": "count", "x": "text", "y": "number", "type": "text"},
    "edges.csv": {"edge": "text", "from_node": "count", "to_node": "count", "length_m": "amount"},
    "consumers.csv": {"consumer": "text", "node": "count"},
    "producers.csv": {"producer": "text", "node": "count"},
}
_REGRESSION: dict[str, Kind] = dict.fromkeys(DEFAULT, "amount")
_TYPES = ("junction", "producer", "consumer")
_STEP = re.compile(r"(q_kw|flh_h)_t(\d{1,4})")
_CONFIG = "config.yaml"


class Files:
    """The files of one folder, and all that is wrong with them."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.folder = request.paths[0]
        self.notes: list[Problem] = []
        self.tables: dict[str, TextTable] = {}
        self.config: Config | None = None

    def has_error(self) -> bool:
        """Return whether anything that was read is wrong."""
        noted = [
            *self.notes,
            *(n for t in self.tables.values() for n in t.notes),
            *(self.config.notes if self.config else ()),
        ]
        return any(note.severity == "error" for note in noted)

    def read(self) -> None:
        """Read all files of the folder."""
        for name, columns in _FILES.items():
            path = find_file(self.folder, name)
            if path is None:
                hint = f"A folder of topotherm has {', '.join(_FILES)}."
                self.notes.append(Problem(f"{name} is missing.", str(self.folder / name), hint=hint, code="file"))
                continue
            wanted: dict[str, Kind] = {**columns, **dict.fromkeys(_step_columns(path), "amount")}
            optional = ("y",) if name == "nodes.csv" else ("edge",)
            self.tables[name] = read_table(path, wanted, optional, key=next(iter(columns)))
        path = find_file(self.folder, "regression.csv")
        if path is not None:
            self.tables["regression.csv"] = read_table(
                path, {"id": "text", **_REGRESSION}, ("id", "power_flow_max_partload")
            )
        self.read_config()
        self.other_files()

    def read_config(self) -> None:
        """Read the configuration, the one that is asked for."""
        asked = self.request.options.get("config", "")
        path = find_file(self.folder, asked or _CONFIG)
        if path is not None:
            self.config = read_config(path)
        elif asked:
            self.notes.append(
                Problem(f"there is no {asked}.", str(self.folder), hint="Name a file of the folder.", code="file")
            )
        else:
            text = f"there is no {_CONFIG}: no temperatures, prices and costs are read."
            self.notes.append(Problem(text, str(self.folder), severity="warning", code="no-config"))

    def other_files(self) -> None:
        """Say which files of the folder are not read."""
        read = {t.path for t in self.tables.values()} | ({self.config.path} if self.config else set())
        for path in sorted(self.folder.iterdir()):
            if path.is_file() and path not in read and not path.name.startswith("."):
                hint = f"Read it with -o config={path.name}." if path.suffix in {".yaml", ".yml"} else ""
                self.notes.append(
                    Problem("ignored: the file is not read.", str(path), hint=hint, severity="info", code="ignored")
                )

    # --- checks -------------------------------------------------------------------------------------------------------
    def check(self) -> None:
        """Check what the files say together."""
        nodes = self.tables["nodes.csv"]
        known = {row["node"]: row for row in nodes.rows}
        for row in nodes.rows:
            if row["type"] not in _TYPES:
                nodes.note(
                    f"'{row['type']}' is no type of node.",
                    row[ROW],
                    "type",
                    row["type"],
                    f"Types: {', '.join(_TYPES)}.",
                )
        joined: dict[str, list[int]] = {}
        for name, kind in (("consumers.csv", "consumer"), ("producers.csv", "producer")):
            joined[f"{kind}s"] = [row["node"] for row in self.tables[name].rows]
            self.check_joined(self.tables[name], kind, known)
        check_graph(self.tables["edges.csv"], set(known), joined)
        for table in (self.tables["consumers.csv"], self.tables["producers.csv"]):
            self.check_steps(table)
        if not self.tables["consumers.csv"].rows or not self.tables["producers.csv"].rows:
            self.tables["producers.csv"].note(
                "there are no consumers or no producers.", hint="Heat needs both.", code="empty"
            )
        for table in (t for n, t in self.tables.items() if n == "regression.csv"):
            self.check_regression(table)

    def check_joined(self, table: TextTable, kind: str, known: Mapping[int, Row]) -> None:
        """Note consumers or producers at nodes that are none, or that are there twice."""
        first: dict[int, int] = {}
        for row in table.rows:
            node = row["node"]
            if node not in known:
                table.note(f"there is no node {node}.", row[ROW], "node", node, "Add it to nodes.csv.")
            elif known[node]["type"] != kind:
                text = f"node {node} is a {known[node]['type']} in nodes.csv, not a {kind}."
                table.note(text, row[ROW], "node", node, "Correct one of the two.")
            if first.setdefault(node, row[ROW]) != row[ROW]:
                table.note(
                    f"node {node} is there twice, first in row {first[node]}.", row[ROW], "node", node, "Leave one."
                )
        idle = [n for n, row in known.items() if row["type"] == kind and n not in first]
        if idle:
            table.note(
                f"{len(idle)} nodes are of type {kind} and have no row here, the first {idle[0]}.",
                severity="warning",
                code="idle-node",
            )

    def check_steps(self, table: TextTable) -> None:
        """Note full-load hours without power, or more of them than a year has."""
        is_consumer = table.path.name.casefold() == "consumers.csv"
        steps = {
            kind: {int(f[2]) for c in table.columns if (f := _STEP.fullmatch(c)) and f[1] == kind}
            for kind in ("q_kw", "flh_h")
        }
        if is_consumer and (not steps["q_kw"] or steps["q_kw"] != steps["flh_h"]):
            table.note("columns q_kw_t0 and flh_h_t0 are needed, both for each time step.", 1, "q_kw_t0", code="header")
        for row in table.rows:
            hours = sum(row[c] or 0.0 for c in table.columns if c in row and c.startswith("flh_h_t"))
            if hours > HOURS + 24:
                table.note(f"the full-load hours are {hours:g}, more than a year has.", row[ROW], "flh_h_t0", hours)

    def check_regression(self, table: TextTable) -> None:
        """Note lines of cost and loss that are not one pair for all pipes."""
        if len(table.rows) != 1:
            table.note(
                f"there are {len(table.rows)} rows, but one is expected.", hint="One pair of lines fits all pipes."
            )
        for row in table.rows:
            if row["power_flow_max_partload"] not in (None, 1.0):
                table.note(
                    "part load other than 1 is not covered.",
                    row[ROW],
                    "power_flow_max_partload",
                    row["power_flow_max_partload"],
                )


def _step_columns(path: Path) -> Sequence[str]:
    """Return the columns of power and full-load hours in the header of a file."""
    return [name for name in header_of(path) if _STEP.fullmatch(name)]
