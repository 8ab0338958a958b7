"""urbs's model written again in plain Pyomo, from the workbooks alone: an independent check, and a yardstick of time.

One variable and one constraint per item and step, energy per step, demand response by pairs of steps, as urbs documents
its model; nothing of dhsdb is used.
"""

from __future__ import annotations

import math
import warnings
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyomo.environ as pyo

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import numpy as np

Row = dict[str, float]
INF = float("inf")
KINDS = ("Invest", "Fixed", "Variable", "Fuel", "Environmental", "Revenue", "Purchase")
CO2 = "CO2"


@dataclass
class Book:
    """One workbook: rows by key, series by header."""

    year: int
    properties: dict[str, float]
    area: dict[str, float]
    commodity: dict[tuple[str, str, str], Row]
    process: dict[tuple[str, str], Row]
    ratio: dict[tuple[str, str], dict[str, Row]]
    line: dict[tuple[str, str, str, str], Row] = field(default_factory=dict)
    storage: dict[tuple[str, str, str], Row] = field(default_factory=dict)
    response: dict[tuple[str, str], Row] = field(default_factory=dict)
    series: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)


def read(path: Path, year: int | None = None) -> list[Book]:
    """Return the workbooks of a file or a folder, by year."""
    files = sorted(path.glob("*.xlsx")) if path.is_dir() else [path]
    return sorted((_book(file, year) for file in files), key=lambda book: book.year)


def _book(path: Path, year: int | None) -> Book:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sheets = pd.read_excel(path, sheet_name=None)
    properties = {r["Property"]: float(r["value"]) for _, r in sheets["Global"].dropna(subset="Property").iterrows()}
    book = Book(
        int(properties.get("Support timeframe", year or 0)),
        properties,
        {s: r["area"] for (s,), r in _rows(sheets, "Site", "Name").items()},
        _rows(sheets, "Commodity", "Site", "Commodity", "Type"),
        _rows(sheets, "Process", "Site", "Process"),
        defaultdict(dict),
    )
    for (process, commodity, direction), row in _rows(
        sheets, "Process-Commodity", "Process", "Commodity", "Direction"
    ).items():
        book.ratio[process, direction][commodity] = row
    book.line = _rows(sheets, "Transmission", "Site In", "Site Out", "Transmission", "Commodity")
    book.storage = _rows(sheets, "Storage", "Site", "Storage", "Commodity")
    book.response = _rows(sheets, "DSM", "Site", "Commodity")
    for name in ("Demand", "SupIm", "Buy-Sell-Price", "TimeVarEff"):
        frame = sheets.get(name, pd.DataFrame({"t": []})).set_index("t").astype(float)
        book.series[name] = {str(c): frame[c].to_numpy() for c in frame.columns if not frame[c].isna().all()}
    return book


def _rows(sheets: Mapping[str, pd.DataFrame], sheet: str, *keys: str) -> dict[Any, Row]:
    if sheet not in sheets:
        return {}
    frame = sheets[sheet].dropna(subset=list(keys)).set_index(list(keys))
    frame = frame[[c for c in frame.columns if c != "description"]].apply(pd.to_numeric)
    index = frame.index if len(keys) > 1 else [(k,) for k in frame.index]
    return dict(zip(index, frame.to_dict("records"), strict=True))


def _value(row: Mapping[str, float], column: str, missing: float = 0.0) -> float:
    value = row.get(column, math.nan)
    return missing if math.isnan(value) else value


def _bound(value: float) -> float | None:
    return None if value == INF else value


class Urbs:
    """The model over the steps ``start + 1 .. start + count``, as ``model`` of Pyomo.

    ``cyclic``: storages end as they start, which urbs does not know.
    """

    def __init__(
        self, books: list[Book], start: int, count: int, objective: str = "cost", *, cyclic: bool = False
    ) -> None:
        self.books, self.objective, self.cyclic = books, objective, cyclic
        self.several = len(books) > 1
        self.first, self.last = books[0], books[-1]
        self.t0, self.tm = start, range(start + 1, start + count + 1)
        self.weight = 8760.0 / count
        self.years = [book.year for book in books]
        self.of = {book.year: book for book in books}
        self.kind = {c: kind for book in books for _, c, kind in book.commodity}
        self.model = m = pyo.ConcreteModel()
        m.constraints = pyo.Block()
        self._capacities()
        self._processes()
        self._trade()
        self._lines()
        self._storages()
        self._responses()
        self._balances()
        self._limits()
        self._costs()

    # --- helpers ------------------------------------------------------------------------------------------------------
    def var(self, name: str, keys: Iterable[Any]) -> Any:
        variable = pyo.Var(list(keys), within=pyo.NonNegativeReals)
        self.model.add_component(name, variable)
        return variable

    def rule(self, name: str, keys: Iterable[Any], rule: Any) -> None:
        self.model.constraints.add_component(name, pyo.Constraint(list(keys), rule=lambda _, *key: rule(*key)))

    def each(self, table: str, *, steps: bool = False) -> list[Any]:
        """Return year and key of every row of a table, with steps if asked for."""
        keys = [(b.year, *key) for b in self.books for key in getattr(b, table)]
        return [(t, *key) for key in keys for t in self.tm] if steps else keys

    def row(self, table: str, key: tuple[Any, ...]) -> Row:
        found: Row = getattr(self.of[key[0]], table)[key[1:]]
        return found

    def stays(self, built: int, year: int, life: float, table: str, *, standing: bool = False) -> bool:
        """Whether what was built in one year serves in another."""
        if not self.several:
            return True
        if built > year:
            return False
        if year == self.years[-1]:
            end = year + self.last.properties["Weight"] - 1
            return end < built + life if standing else end <= built + life
        following = self.years[self.years.index(year) + 1]
        need = (year + following) / 2 if table == "process" else following
        return need <= built + life

    # --- capacity -----------------------------------------------------------------------------------------------------
    def _capacities(self) -> None:
        self._capacity("process", "process", "")
        self._capacity("line", "line", "")
        self._capacity("content", "storage", "-c")
        self._capacity("power", "storage", "-p")
        keys = [k for k in self.each("storage") if not math.isnan(self.row("storage", k).get("ep-ratio", math.nan))]
        m = self.model
        self.rule(
            "energy_to_power",
            keys,
            lambda *k: m.cap_content[k] == m.cap_power[k] * self.row("storage", k)["ep-ratio"],
        )
        self.rule(
            "symmetry", self.each("line"), lambda y, a, b, n, c: m.cap_line[y, a, b, n, c] == m.cap_line[y, b, a, n, c]
        )

    def _capacity(self, name: str, table: str, suffix: str) -> None:
        cap, new = self.var(f"cap_{name}", self.each(table)), self.var(f"new_{name}", self.each(table))

        def define(*key: Any) -> Any:
            year, rest = key[0], key[1:]
            total = pyo.quicksum(
                new[y, *rest]
                for y in self.years
                if rest in getattr(self.of[y], table)
                and self.stays(y, year, self.row(table, (y, *rest))["depreciation"], table)
            )
            return cap[key] == total + self.standing(table, suffix, year, rest)

        def least(*key: Any) -> Any:
            return cap[key] >= _value(self.row(table, key), f"cap-lo{suffix}")

        def most(*key: Any) -> Any:
            return cap[key] <= self.row(table, key)[f"cap-up{suffix}"]

        self.rule(f"capacity_{name}", self.each(table), define)
        self.rule(f"least_{name}", self.each(table), least)
        limited = [k for k in self.each(table) if self.row(table, k)[f"cap-up{suffix}"] != INF]
        self.rule(f"most_{name}", limited, most)

    def standing(self, table: str, suffix: str, year: int, rest: tuple[Any, ...]) -> float:
        row = getattr(self.first, table).get(rest)
        if row is None:
            return 0.0
        size = _value(row, f"inst-cap{suffix}")
        if not self.several:
            return size
        decides = _value(row, "inst-cap-p") if table == "storage" else size
        alive = decides > 0 and self.stays(self.years[0], year, _value(row, "lifetime"), table, standing=True)
        return size if alive else 0.0

    # --- processes ----------------------------------------------------------------------------------------------------
    def _flows(self, direction: str) -> list[Any]:
        return [
            (t, y, s, p, c) for y, s, p in self.each("process") for c in self.of[y].ratio[p, direction] for t in self.tm
        ]

    def is_partial(self, year: int, process: str) -> bool:
        return any(_value(r, "ratio-min") > 0 for r in self.of[year].ratio[process, "In"].values())

    def _processes(self) -> None:
        m, cap = self.model, self.model.cap_process
        self.tau = tau = self.var("tau", [(t, *k) for k in self.each("process") for t in (self.t0, *self.tm)])
        self.taken = self.var("process_in", self._flows("In"))
        self.given = self.var("process_out", self._flows("Out"))
        supply = [k for k in self._flows("In") if self.kind[k[4]] == "SupIm"]
        self.rule("intake", [k for k in self._flows("In") if self.kind[k[4]] != "SupIm"], self._flow("In", self.taken))
        self.rule("intake_by_ratio", supply, lambda t, y, s, p, c: self.taken[t, y, s, p, c]
                  == tau[t, y, s, p] * self.of[y].ratio[p, "In"][c]["ratio"])  # fmt: skip
        self.rule("supply", supply, lambda t, y, s, p, c: self.taken[t, y, s, p, c]
                  == cap[y, s, p] * self.of[y].series["SupIm"][f"{s}.{c}"][t])  # fmt: skip
        self.rule("output", self._flows("Out"), self._flow("Out", self.given))
        self.rule("throughput", self.each("process", steps=True), lambda t, y, s, p: tau[t, y, s, p] <= cap[y, s, p])
        steep = [(t, *k) for k in self.each("process") for t in self.tm if self.row("process", k)["max-grad"] < 1.0]
        for name, sign in (("ramp_up", 1), ("ramp_down", -1)):
            self.rule(name, steep, lambda t, y, s, p, sign=sign: sign * (tau[t, y, s, p] - tau[t - 1, y, s, p])
                      <= cap[y, s, p] * self.row("process", (y, s, p))["max-grad"])  # fmt: skip
        partial = [k for k in self.each("process", steps=True) if self.is_partial(k[1], k[3])]
        self.rule("least_load", partial, lambda t, y, s, p: tau[t, y, s, p]
                  >= cap[y, s, p] * _value(self.row("process", (y, s, p)), "min-fraction"))  # fmt: skip
        sites = [(b.year, s) for b in self.books for s, area in b.area.items() if not math.isnan(area)]
        self.rule("area", sites, lambda y, s: pyo.quicksum(
            m.cap_process[y, site, p] * row["area-per-cap"] for (site, p), row in self.of[y].process.items()
            if site == s and _value(row, "area-per-cap") > 0) + 0 * m.cap_process[next(iter(m.cap_process))]
            <= self.of[y].area[s])  # fmt: skip

    def _flow(self, direction: str, flow: Any) -> Any:
        def rule(t: int, y: int, s: str, p: str, c: str) -> Any:
            row = self.of[y].ratio[p, direction][c]
            ratio, least = row["ratio"], _value(row, "ratio-min")
            factor = 1.0
            if direction == "Out" and self.kind[c] != "Env":
                factor = self.of[y].series["TimeVarEff"].get(f"{s}.{p}", {t: 1.0})[t]
            tau, cap = self.tau[t, y, s, p], self.model.cap_process[y, s, p]
            if not (self.is_partial(y, p) and least > 0):
                return flow[t, y, s, p, c] == tau * (ratio * factor)
            load = _value(self.row("process", (y, s, p)), "min-fraction")
            idle, slope = load * (least - ratio) / (1 - load), (ratio - load * least) / (1 - load)
            return flow[t, y, s, p, c] == (cap * idle + tau * slope) * factor

        return rule

    # --- stock, buy, sell ---------------------------------------------------------------------------------------------
    def _trade(self) -> None:
        for kind in ("Stock", "Buy", "Sell"):
            keys = [(y, s, c) for y, s, c, k in self.each("commodity") if k == kind]
            amount = self.var(kind.lower(), [(t, *k) for k in keys for t in self.tm])
            per_hour = [
                (t, *k) for k in keys for t in self.tm if self.row("commodity", (*k, kind))["maxperhour"] != INF
            ]
            self.rule(f"{kind}_step", per_hour, lambda t, *k, a=amount, kind=kind: a[t, *k]
                      <= self.row("commodity", (*k, kind))["maxperhour"])  # fmt: skip
            yearly = [k for k in keys if self.row("commodity", (*k, kind))["max"] != INF]
            self.rule(f"{kind}_year", yearly, lambda *k, a=amount, kind=kind: self.weight
                      * pyo.quicksum(a[t, *k] for t in self.tm) <= self.row("commodity", (*k, kind))["max"])  # fmt: skip
        pairs = [(b.year, s, buy, sell) for b in self.books for s, buy, sell in self._symmetric(b)]
        cap = self.model.cap_process
        self.rule("buy_sell_symmetry", pairs, lambda y, s, buy, sell: cap[y, s, buy] == cap[y, s, sell])

    def _symmetric(self, book: Book) -> list[tuple[str, str, str]]:
        """Return site, the process that buys, and the first that sells what the other gives out."""
        found = []
        for site, process in book.process:
            if not any(self.kind[c] == "Buy" for c in book.ratio[process, "In"]):
                continue
            for other_site, other in book.process:
                sells = any(self.kind[c] == "Sell" for c in book.ratio[other, "Out"])
                shared = set(book.ratio[process, "Out"]) & set(book.ratio[other, "In"])
                if other_site == site and sells and shared and other != process:
                    found.append((site, process, other))
                    break
        return found

    # --- lines, storages, response ------------------------------------------------------------------------------------
    def _lines(self) -> None:
        keys, cap = self.each("line", steps=True), self.model.cap_line
        self.sent, self.arrived = self.var("line_in", keys), self.var("line_out", keys)
        self.rule("line_loss", keys, lambda t, *k: self.arrived[t, *k] == self.sent[t, *k] * self.row("line", k)["eff"])
        self.rule("line_capacity", keys, lambda t, *k: self.sent[t, *k] <= cap[k])

    def _storages(self) -> None:
        m, keys = self.model, self.each("storage", steps=True)
        whole = [(t, *k) for k in self.each("storage") for t in (self.t0, *self.tm)]
        self.charge, self.discharge = self.var("storage_in", keys), self.var("storage_out", keys)
        self.content = self.var("storage_content", whole)

        def recursion(t: int, *k: Any) -> Any:
            row = self.row("storage", k)
            kept = self.content[t - 1, *k] * (1 - _value(row, "discharge"))
            moved = self.charge[t, *k] * row["eff-in"] - self.discharge[t, *k] / row["eff-out"]
            return self.content[t, *k] == kept + moved

        self.rule("storage_state", keys, recursion)
        self.rule("storage_charge", keys, lambda t, *k: self.charge[t, *k] <= m.cap_power[k])
        self.rule("storage_discharge", keys, lambda t, *k: self.discharge[t, *k] <= m.cap_power[k])
        self.rule("storage_room", whole, lambda t, *k: self.content[t, *k] <= m.cap_content[k])
        given = [k for k in self.each("storage") if not math.isnan(self.row("storage", k).get("init", math.nan))]
        self.rule("storage_start", given, lambda *k: self.content[self.t0, *k]
                  == m.cap_content[k] * self.row("storage", k)["init"])  # fmt: skip
        self.rule("storage_end", self.each("storage"), self._end)

    def _end(self, *key: Any) -> Any:
        first, last = self.content[self.t0, *key], self.content[self.tm[-1], *key]
        return first == last if self.cyclic else first <= last

    def _window(self, t: int, key: tuple[Any, ...]) -> range:
        delay = max(int(self.row("response", key)["delay"]), 1)
        return range(max(t - delay, self.tm[0]), min(t + delay, self.tm[-1]) + 1)

    def _responses(self) -> None:
        keys = self.each("response", steps=True)
        self.up = up = self.var("dsm_up", keys)
        self.down = down = self.var("dsm_down", [(t, tt, *k) for t, *k in keys for tt in self._window(t, tuple(k))])

        def lowered(t: int, k: tuple[Any, ...]) -> Any:
            return pyo.quicksum(down[tt, t, *k] for tt in self._window(t, k))

        self.lowered = lowered
        row = self.row
        self.rule("dsm_balance", keys, lambda t, *k: pyo.quicksum(down[t, tt, *k] for tt in self._window(t, k))
                  == up[t, *k] * row("response", k)["eff"])  # fmt: skip
        self.rule("dsm_upward", keys, lambda t, *k: up[t, *k] <= row("response", k)["cap-max-up"])
        self.rule("dsm_downward", keys, lambda t, *k: lowered(t, k) <= row("response", k)["cap-max-do"])
        self.rule("dsm_both", keys, lambda t, *k: up[t, *k] + lowered(t, k)
                  <= max(row("response", k)["cap-max-up"], row("response", k)["cap-max-do"]))  # fmt: skip
        self.rule("dsm_recovery", keys, lambda t, *k: pyo.quicksum(
            up[tt, *k] for tt in range(t, min(t + max(int(row("response", k)["recov"]), 1), self.tm[-1] + 1)))
            <= row("response", k)["cap-max-up"] * row("response", k)["delay"])  # fmt: skip

    # --- balances -----------------------------------------------------------------------------------------------------
    def _balances(self) -> None:
        self.parts: dict[tuple[int, str, str], list[tuple[Any, tuple[Any, ...], float]]] = defaultdict(list)
        for y, s, p in self.each("process"):
            for c in self.of[y].ratio[p, "In"]:
                self.parts[y, s, c].append((self.taken, (y, s, p, c), 1.0))
            for c in self.of[y].ratio[p, "Out"]:
                self.parts[y, s, c].append((self.given, (y, s, p, c), -1.0))
        for y, a, b, n, c in self.each("line"):
            self.parts[y, a, c].append((self.sent, (y, a, b, n, c), 1.0))
            self.parts[y, b, c].append((self.arrived, (y, a, b, n, c), -1.0))
        for y, s, n, c in self.each("storage"):
            self.parts[y, s, c].append((self.charge, (y, s, n, c), 1.0))
            self.parts[y, s, c].append((self.discharge, (y, s, n, c), -1.0))
        keys = [(t, *k) for k in self.each("commodity") if k[3] not in ("Env", "SupIm") for t in self.tm]
        self.rule("balance", keys, self._balance)

    def used(self, t: int, y: int, s: str, c: str) -> Any:
        """Return what processes, lines and storages take out of a commodity's balance, without what they give."""
        return pyo.quicksum(factor * flow[t, *key] for flow, key, factor in self.parts[y, s, c])

    def _balance(self, t: int, y: int, s: str, c: str, kind: str) -> Any:
        m, left = self.model, -self.used(t, y, s, c)
        if kind == "Stock":
            left += m.stock[t, y, s, c]
        elif kind == "Buy":
            left += m.buy[t, y, s, c]
        elif kind == "Sell":
            left -= m.sell[t, y, s, c]
        elif kind == "Demand":
            left -= self.of[y].series["Demand"].get(f"{s}.{c}", defaultdict(float))[t]
        if (s, c) in self.of[y].response:
            left += self.lowered(t, (y, s, c)) - self.up[t, y, s, c]
        if isinstance(left, (int, float)):
            return pyo.Constraint.Skip if left == 0 else pyo.Constraint.Infeasible
        return left == 0

    # --- limits, costs ------------------------------------------------------------------------------------------------
    def emitted(self, year: int, emission: str, site: str | None = None) -> Any:
        """Return t per year of an emission."""
        sites = [s for s, c, _ in self.of[year].commodity if c == emission and site in (None, s)]
        return self.weight * pyo.quicksum(-self.used(t, year, s, emission) for s in sites for t in self.tm)

    def _limits(self) -> None:
        env = [k[:3] for k in self.each("commodity") if k[3] == "Env"]
        per_hour = [(t, *k) for k in env for t in self.tm if self.row("commodity", (*k, "Env"))["maxperhour"] != INF]
        self.rule("emission_step", per_hour, lambda t, *k: -self.used(t, *k)
                  <= self.row("commodity", (*k, "Env"))["maxperhour"])  # fmt: skip
        yearly = [k for k in env if self.row("commodity", (*k, "Env"))["max"] != INF]
        self.rule("emission_year", yearly, lambda y, s, c: self.emitted(y, c, s)
                  <= self.row("commodity", (y, s, c, "Env"))["max"])  # fmt: skip
        if self.several or self.objective == "cost":
            limited = [y for y in self.years if self.of[y].properties.get("CO2 limit", INF) != INF]
            self.rule("co2_limit", limited, lambda y: self.emitted(y, CO2) <= self.of[y].properties["CO2 limit"])
        budget = self.first.properties.get("CO2 budget", INF)
        if self.several and self.objective == "cost" and budget != INF:
            self.rule("co2_budget", ["total"], lambda _: self.total_co2() <= budget)

    def total_co2(self) -> Any:
        return pyo.quicksum(self.lasting(y) * self.emitted(y, CO2) for y in self.years)

    def lasting(self, year: int) -> float:
        """Return how many years a model year stands for."""
        if not self.several:
            return 1.0
        i = self.years.index(year)
        return float(self.years[i + 1] - year) if i + 1 < len(self.years) else self.last.properties["Weight"]

    def yearly(self, year: int) -> float:
        """Return what a cost of 1 in each of the years that a model year stands for weighs."""
        if not self.several:
            return 1.0
        j, m, n = self.first.properties["Discount rate"], year - self.years[0], self.lasting(year)
        return n if j == 0 else (1 + j) ** (1 - m) * (1 - (1 + j) ** -n) / j

    def invested(self, year: int, row: Row) -> float:
        """Return what an investment of 1 weighs: all its annuities, without those after the end of the horizon."""
        n, i = row["depreciation"], row["wacc"]
        annuity = 1 / n if i == 0 else i * (1 + i) ** n / ((1 + i) ** n - 1)
        if not self.several:
            return annuity
        j, m = self.first.properties["Discount rate"], year - self.years[0]
        late = max(year + n - (self.years[-1] + self.last.properties["Weight"] - 1) - 1, 0.0)
        if j == 0:
            return annuity * (n - late)
        paid = (1 + j) ** (1 - m) * annuity * (1 - (1 + j) ** -n) / j
        overpaid = (1 + j) ** (1 - m) * annuity * ((1 + j) ** late - 1) / (j * (1 + j) ** n)
        return paid - max(overpaid, 0.0)

    def _costs(self) -> None:
        m = self.model
        m.costs = pyo.Var(KINDS)
        terms: dict[str, list[Any]] = {kind: [] for kind in KINDS}
        self._unit_costs(terms)
        self._trade_costs(terms)
        self.rule("cost_by_kind", KINDS, lambda kind: m.costs[kind] == pyo.quicksum(terms[kind]))
        total = pyo.quicksum(m.costs[kind] for kind in KINDS)
        if self.several or self.objective != "cost":
            capped = [y for y in self.years if self.of[y].properties.get("Cost limit", INF) != INF]
            self.rule("cost_limit", capped, lambda y: total <= self.of[y].properties["Cost limit"])
        budget = self.first.properties.get("Cost budget", INF)
        if self.several and self.objective != "cost" and budget != INF:
            self.rule("cost_budget", ["total"], lambda _: total <= budget)
        m.objective = pyo.Objective(expr=total if self.objective == "cost" else self.total_co2())

    def _unit_costs(self, terms: dict[str, list[Any]]) -> None:
        """Costs of capacities and of what flows through units."""
        m = self.model
        for table, units in (("process", [("process", "")]), ("line", [("line", "")]),
                             ("storage", [("content", "-c"), ("power", "-p")])):  # fmt: skip
            for key in self.each(table):
                row = self.row(table, key)
                for name, suffix in units:
                    cap, new = m.component(f"cap_{name}")[key], m.component(f"new_{name}")[key]
                    terms["Invest"].append(new * (row[f"inv-cost{suffix}"] * self.invested(key[0], row)))
                    terms["Fixed"].append(cap * (row[f"fix-cost{suffix}"] * self.yearly(key[0])))
        flows = [(self.tau, "process", "var-cost"), (self.sent, "line", "var-cost"), (self.charge, "storage", "var-cost-p"),
                 (self.discharge, "storage", "var-cost-p"), (self.content, "storage", "var-cost-c")]  # fmt: skip
        for flow, table, column in flows:
            for t, *k in self.each(table, steps=True):
                price = _value(self.row(table, tuple(k)), column)
                terms["Variable"].append(flow[t, *k] * (price * self.weight * self.yearly(k[0])))

    def _trade_costs(self, terms: dict[str, list[Any]]) -> None:
        """Costs of stock, of emissions, and of what is bought and sold at hourly prices."""
        m = self.model
        for y, s, c, kind in self.each("commodity"):
            row, pay = self.row("commodity", (y, s, c, kind)), self.weight * self.yearly(y)
            price = 0.0 if row["price"] == INF else row["price"]
            hourly = self.of[y].series["Buy-Sell-Price"].get(c)
            for t in self.tm:
                if kind == "Stock":
                    terms["Fuel"].append(m.stock[t, y, s, c] * (price * pay))
                elif kind == "Env" and price:
                    terms["Environmental"].append(-self.used(t, y, s, c) * (price * pay))
                elif kind == "Buy":
                    terms["Purchase"].append(m.buy[t, y, s, c] * (hourly[t] * price * pay))
                elif kind == "Sell":
                    terms["Revenue"].append(m.sell[t, y, s, c] * (-hourly[t] * price * pay))


def solve(urbs: Urbs) -> tuple[float, dict[str, float]]:
    """Solve with HiGHS through Pyomo; return the objective and the costs by kind."""
    solver = pyo.SolverFactory("appsi_highs")
    pyo.assert_optimal_termination(solver.solve(urbs.model))
    return pyo.value(urbs.model.objective), {kind: pyo.value(urbs.model.costs[kind]) for kind in KINDS}
