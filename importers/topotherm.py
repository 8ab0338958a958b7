"""Graphs of network models: instances of topotherm, folders of DHNx (:mod:`~dhsdb.importers.dhnx`), JSON documents.

An instance of topotherm is a folder with nodes.csv, edges.csv, consumers.csv and producers.csv, and where given
config.yaml and regression.csv. Edges become streets, consumers buildings with peak load and heat, producers plant sites
and processes, and the regression a pipe type whose cost and loss are linear in the heat that it carries.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dhsdb.errors import Problem
from dhsdb.importers.dhnx import is_dhnx, read_dhnx
from dhsdb.importers.network_graph import Graph, check_lengths, rows, streets, system
from dhsdb.importers.network_tables import (
    GREATEST,
    Row,
    all_notes,
    as_number,
    find_file,
)
from dhsdb.importers.rows import ROW
from dhsdb.importers.topotherm_files import HOURS, Files
from dhsdb.importers.topotherm_json import is_object, read_json
from dhsdb.importers.topotherm_pipes import DEFAULT, HEAT, LOSS_UNIT, MODE, pipe_type

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from dhsdb.importers.rows import Item, Request
    from dhsdb.importers.topotherm_config import Config

UNITS = ("kW", "W")
IMPOSSIBLE = 10.0
"""Demand, as a multiple of what pipes from all producers can carry, from which on figures in kW are read as W."""


class TopothermImporter:
    """Graphs of topotherm and DHNx."""

    name = "topotherm"
    reads = "folders of topotherm (nodes, edges, consumers, producers .csv) and DHNx (twn_data, invest_data); networks in one .json"
    attribution = ""
    options: ClassVar[Mapping[str, str]] = {
        "power_unit": "unit of the consumers' q_kw columns, kW or W; default kW, or W where kW can't be",
        "config": "file of the configuration in the folder; default config.yaml",
        "currency": "ISO code of the amounts, which the files don't name; default EUR",
        "price_year": "year of the price level",
    }

    def read(self, request: Request) -> Iterator[Item]:
        """Yield the rows of one folder and what is wrong with it; no rows if anything is."""
        unit = request.options.get("power_unit", "")
        if unit and unit not in UNITS:
            yield Problem(
                f"'{unit}' is no unit of power here.", value=unit, hint=f"Allowed: {', '.join(UNITS)}.", code="unit"
            )
        if len(request.paths) == 1 and is_object(request.paths[0]):
            yield from read_json(request)
        elif len(request.paths) != 1 or not request.paths[0].is_dir():
            hint = "A graph is a folder with nodes.csv and edges.csv, or twn_data, or one document of JSON."
            yield Problem("name one folder, or one document.", str(request.paths[0]), hint=hint, code="format")
        elif is_dhnx(request.paths[0]):
            yield from read_dhnx(request)
        else:
            yield from _Instance(request).items()


def is_network(folder: Path) -> bool:
    """Return whether a folder is an instance of topotherm or of DHNx."""
    return is_dhnx(folder) or all(find_file(folder, name) for name in ("nodes.csv", "edges.csv"))


@dataclass(frozen=True, slots=True)
class _Steps:
    """Power and full-load hours of what is joined, by time step, in kW and h; ``total`` in kWh, ``peak`` in kW."""

    power: list[float]
    hours: list[float]

    @property
    def peak(self) -> float:
        return max(self.power, default=0.0)

    @property
    def total(self) -> float:
        return sum(q * h for q, h in zip(self.power, self.hours, strict=True))


class _Instance(Files):
    """A folder of topotherm on its way to rows."""

    def items(self) -> Iterator[Item]:
        self.read()
        if not self.has_error():
            self.check()
        said = [*self.notes, *all_notes(self.tables.values())]
        if not self.has_error():
            items = list(self.rows())
            said += self.config.notes if self.config else []
            yield from said
            if not any(note.severity == "error" for note in said):
                yield from items
            return
        yield from said
        yield from self.config.notes if self.config else ()

    # --- rows ---------------------------------------------------------------------------------------------------------
    def rows(self) -> Iterator[Item]:
        graph = self.graph()
        edges = self.tables["edges.csv"]
        check_lengths(edges, graph)
        self.notes += [note for note in edges.notes if note.code == "length-not-drawn"]
        scale = self.scale()
        yield from self.notes_late()
        yield from self.frame()
        yield from streets(graph, edges.path)
        yield from self.consumers(graph, scale)
        yield from self.producers(graph)
        yield from self.pipes()

    def notes_late(self) -> Iterator[Problem]:
        """Yield what was noted while rows were made."""
        yield from (n for n in self.notes if n.code in {"length-not-drawn", "local-plane", "no-place", "power-unit"})

    def graph(self) -> Graph:
        """Return the graph; nodes whose x is a word have no place, since a column is lost there."""
        nodes = self.tables["nodes.csv"]
        xy: dict[int, tuple[float, float]] = {}
        words = []
        for row in nodes.rows:
            x = _coordinate(row["x"])
            if x is None or row["y"] is None:
                words.append(row)
            else:
                xy[row["node"]] = (x, row["y"])
        if words:
            row = words[0]
            text = (
                f"{len(words)} of {len(nodes.rows)} nodes have no place, the first: x is '{row['x']}', y is {row['y']}."
                " The columns look shifted: x and y of these nodes are not kept."
            )
            self.notes.append(
                Problem(text, str(nodes.path), "", row[ROW], "x", row["x"], severity="warning", code="no-place")
            )
        epsg, said = system(self.request, nodes.path)
        if xy:
            self.notes.append(said)
        edges = [row | {"edge": row["edge"] or str(i)} for i, row in enumerate(self.tables["edges.csv"].rows)]
        return Graph(xy, edges, epsg)

    def scale(self) -> float:
        """Return the factor from the figures of the consumers to kW: their header says kW, but some are in W."""
        table = self.tables["consumers.csv"]
        asked = self.request.options.get("power_unit")
        if asked:
            return 1.0 if asked == "kW" else 1e-3
        total = sum(self.steps(row, 1.0).peak for row in table.rows)
        most = self.regression()["power_flow_max_kW"] * len(self.tables["producers.csv"].rows)
        if not most or total <= IMPOSSIBLE * most:
            return 1.0
        text = (
            f"q_kw is read as W, not kW: as kW the demand of {total:,.0f} kW would be {total / most:,.0f} times what pipes from"
            f" all producers can carry ({most:,.0f} kW)."
        )
        hint = "Say -o power_unit=kW or -o power_unit=W."
        self.notes.append(
            Problem(text, str(table.path), "", 1, "q_kw_t0", hint=hint, severity="warning", code="power-unit")
        )
        return 1e-3

    def steps(self, row: Row, scale: float) -> _Steps:
        """Return power and full-load hours of a consumer by time step."""
        names = sorted((c for c in row if c.startswith("q_kw_t")), key=lambda c: int(c[6:]))
        return _Steps([(row[c] or 0.0) * scale for c in names], [row[f"flh_h_t{c[6:]}"] or 0.0 for c in names])

    def regression(self) -> dict[str, float]:
        """Return the lines of cost and loss, those that are not given as topotherm takes them."""
        table = self.tables.get("regression.csv")
        given = table.rows[0] if table and table.rows else {}
        return dict(DEFAULT) | {c: v for c, v in given.items() if c in DEFAULT and v is not None}

    def frame(self) -> Iterator[Item]:
        """Yield the site, options, temperatures and the heat that is sold."""
        config, site = self.config, self.request.site
        file = config.path if config else self.tables["nodes.csv"].path
        yield from rows("site", [{"site": site, ROW: 1}], file)
        options = {
            "currency": "EUR",
            **{n: v for n in ("currency", "price_year") if (v := self.request.options.get(n))},
        }
        for key, option in (("mip_gap", "gap"), ("time_limit", "time_limit")):
            value = config.number("solver", key, low=0.0) if config else None
            if value is not None:
                options[option] = f"{value:.17g}"
        yield from rows("model_option", [{"option": o, "value": v, ROW: 1} for o, v in options.items()], file)
        if "currency" not in self.request.options:
            text = "the files name no currency: EUR is taken, in which topotherm documents its figures."
            yield Problem(
                text, str(file), hint="Name another with -o currency=CODE.", severity="info", code="currency-assumed"
            )
        price = config.number("economics", "heat_price") if config else None
        heat: Row = {
            "site": site,
            "commodity": HEAT,
            "balance": "equal",
            "sold": False if price is not None else None,
            ROW: 1,
        }
        if config and config.line("economics", "heat_price"):
            heat[ROW] = config.line("economics", "heat_price")
        yield from rows("commodity", [heat | {"sale_price": price}], file, sale_price="EUR/kWh")
        if config:
            facts = {
                c: config.number("temperatures", k)
                for c, k in (("supply_c", "supply"), ("return_c", "return_"), ("ground_c", "ambient"))
            }
            if any(v is not None for v in facts.values()):
                yield from rows(
                    "network_temperature",
                    [{"site": site, **facts, ROW: config.line("temperatures", "supply") or 1}],
                    file,
                )

    def consumers(self, graph: Graph, scale: float) -> Iterator[Item]:
        table = self.tables["consumers.csv"]
        buildings, demands = [], []
        unit = "kW" if scale == 1 else "W, by the header kW,"
        for row in table.rows:
            steps = self.steps(row, scale)
            name = f"consumer {row['consumer']}"
            buildings.append(
                {
                    "building": name,
                    "site": self.request.site,
                    "node": row["node"],
                    "geometry": graph.point(row["node"]),
                    ROW: row[ROW],
                }
            )
            rule = f"topotherm: power in {unit} times full-load hours"
            demands.append(
                {"building": name, "peak_mw": steps.peak, "space_heat_mwh": steps.total, "rule": rule, ROW: row[ROW]}
            )
        yield from rows("building", buildings, table.path, graph)
        yield from rows("building_demand", demands, table.path, peak_mw="kW", space_heat_mwh="kWh")

    def producers(self, graph: Graph) -> Iterator[Item]:
        """Yield plant sites, and processes of the same names with the sources' costs."""
        table, site = self.tables["producers.csv"], self.request.site
        n = len(table.rows)
        costs = {
            key: self.config.numbers(key, n) if self.config else [None] * n
            for key in (
                "source_c_inv",
                "source_c_irr",
                "source_lifetime",
                "source_price",
                "source_max_power",
                "source_min_power",
            )
        }
        plants, processes, modes, flows = [], [], [], []
        for i, row in enumerate(table.rows):
            key = {"site": site, "process": f"producer {row['producer']}", ROW: row[ROW]}
            hours = sum(row[c] or 0.0 for c in row if c.startswith("flh_h_t"))
            plants.append(
                {
                    "plant": key["process"],
                    "site": site,
                    "node": row["node"],
                    "geometry": graph.point(row["node"]),
                    ROW: row[ROW],
                }
            )
            processes.append(
                key
                | {
                    "capital": costs["source_c_inv"][i], "wacc": costs["source_c_irr"][i], "life": costs["source_lifetime"][i],
                    "cap_max": costs["source_max_power"][i], "cap_min": costs["source_min_power"][i],
                    "annual_avail": min(hours / HOURS, 1.0) if hours else None,
                }
            )  # fmt: skip
            modes.append(key | {"mode": MODE, "variable": costs["source_price"][i]})
            flows.append(key | {"mode": MODE, "commodity": HEAT, "direction": "out", "ratio": 1.0})
        yield from rows("plant_site", plants, table.path, graph)
        yield from rows("process", processes, table.path, capital="EUR/kW", cap_max="kW", cap_min="kW")
        yield from rows("process_mode", modes, table.path, variable="EUR/kWh")
        yield from rows("process_flow", flows, table.path)

    def pipes(self) -> Iterator[Item]:
        """Yield the regression as a pipe type, and the diameters that the configuration lists."""
        table, config, found = self.tables.get("regression.csv"), self.config, self.regression()
        if table is None:
            text = "there is no regression.csv: the figures that topotherm takes by default are used (steel pipes at 70/55 degC)."
            yield Problem(text, str(self.folder), severity="warning", code="regression-assumed")
        wacc = config.number("economics", "pipes_c_irr") if config else None
        life = config.number("economics", "pipes_lifetime", low=0.0) if config else None
        line = pipe_type(found, 2 if table else 1, wacc, life)
        yield from rows("pipe_type", [line], table.path if table else self.tables["edges.csv"].path, loss_w_m=LOSS_UNIT)
        if config:
            yield from self.diameters(config)

    def diameters(self, config: Config) -> Iterator[Item]:
        given = config.parts.get("piping", {}).get("diameters") or []
        lines: list[Row] = []
        for entry in given if isinstance(given, list) else [given]:
            if not isinstance(entry, dict) or any(not isinstance(entry.get(k), float) for k in ("dn", "inner", "cost")):
                config.note(
                    "a diameter needs dn, inner and cost.",
                    config.line("piping", "diameters"),
                    "diameters",
                    str(entry)[:80],
                )
                continue
            name = f"DN{entry['dn']:g}"
            lines.append(
                {
                    "pipe_type": name,
                    "diameter_m": entry["inner"],
                    "cost_per_m": entry["cost"],
                    ROW: config.line("piping", "diameters") or 1,
                }
            )
        if any(isinstance(e, dict) and {"outer", "jacket"} & e.keys() for e in given):
            text = "ignored: outer and jacket of the diameters, from which topotherm fits the losses of the regression."
            config.note(text, config.line("piping", "diameters"), severity="info", code="ignored")
        yield from rows("pipe_type", lines, config.path)


def _coordinate(cell: str | None) -> float | None:
    """Return a coordinate, None if it is a word, or too large."""
    value = as_number(cell or "")
    return value if value is not None and abs(value) <= GREATEST else None
