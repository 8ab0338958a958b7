"""A plain linear program over the input tables of an imported OSeMOSYS scenario, row by row as docs/formulation.md says it.

It stands apart from the models of the package: it shows that the tables hold all that OSeMOSYS knows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import highspy
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dhsdb.store import Store

INF = highspy.kHighsInf
Key = tuple[Any, ...]
Terms = dict[Key, float]


class Program:
    """Columns and rows by name."""

    def __init__(self) -> None:
        self.columns: dict[Key, int] = {}
        self.low: list[float] = []
        self.high: list[float] = []
        self.cost: list[float] = []
        self.whole: list[int] = []
        self.rows: list[tuple[dict[int, float], float, float]] = []

    def column(self, key: Key, cost: float = 0.0, low: float = 0.0, high: float = INF, *, whole: bool = False) -> int:
        number = self.columns[key] = len(self.cost)
        self.cost.append(cost)
        self.low.append(low)
        self.high.append(high)
        if whole:
            self.whole.append(number)
        return number

    def costs(self) -> dict[str, float]:
        """Return what the solution costs by the first part of its columns' keys."""
        found: dict[str, float] = {}
        for key, number in self.columns.items():
            found[key[0]] = found.get(key[0], 0.0) + self.cost[number] * self.values[number]
        return found

    def row(self, terms: list[tuple[Key, float]], low: float = -INF, high: float = INF) -> None:
        line: dict[int, float] = {}
        for key, factor in terms:
            line[self.columns[key]] = line.get(self.columns[key], 0.0) + factor
        self.rows.append(({c: f for c, f in line.items() if f}, low, high))

    def solve(self) -> float:
        """Return the optimum; costs are scaled so that the solver's tolerances fit them."""
        solver = highspy.Highs()
        solver.setOptionValue("output_flag", False)  # noqa: FBT003
        solver.setOptionValue("mip_rel_gap", 1e-9)
        costs = np.array(self.cost)
        scale = 2.0 ** -round(float(np.log2(np.median(np.abs(costs[costs != 0])))))
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_ = len(costs), len(self.rows)
        lp.col_cost_, lp.col_lower_, lp.col_upper_ = costs * scale, np.array(self.low), np.array(self.high)
        lp.row_lower_ = np.array([low for _, low, _ in self.rows])
        lp.row_upper_ = np.array([high for _, _, high in self.rows])
        lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        lp.a_matrix_.start_ = np.cumsum([0, *(len(line) for line, _, _ in self.rows)]).astype(np.int32)
        lp.a_matrix_.index_ = np.array([c for line, _, _ in self.rows for c in line], np.int32)
        lp.a_matrix_.value_ = np.array([f for line, _, _ in self.rows for f in line.values()])
        if self.whole:
            kinds = [highspy.HighsVarType.kContinuous] * len(costs)
            for c in self.whole:
                kinds[c] = highspy.HighsVarType.kInteger
            lp.integrality_ = kinds
        solver.passModel(lp)
        solver.run()
        assert solver.getModelStatus() == highspy.HighsModelStatus.kOptimal, solver.getModelStatus()
        self.values = np.array(solver.getSolution().col_value)
        return float(solver.getInfo().objective_function_value) / scale


class OsemosysProgram:
    """The program of one scenario."""

    def __init__(self, store: Store, scenario: str) -> None:
        self.store, self.scenario = store, scenario
        self.p = Program()
        self.years = sorted(row["year"] for row in self.table("model_year"))
        self.option = {row["option"]: row["value"] for row in self.table("model_option")}
        self.emb3rs = self.option["accounting"] == "emb3rs"
        self.site = {row["site"]: row for row in self.table("site")}
        self.slice = {(row["year"], row["t"]): row for row in self.table("time_slice")}
        self.slices = sorted({t for _, t in self.slice})
        self.unit = {(row["site"], row["process"], row["year"]): row for row in self.table("process")}
        self.mode = {(r["site"], r["process"], r["mode"], r["year"]): r for r in self.table("process_mode")}
        self.flow = self.table("process_flow")
        self.acts = sorted({(row["site"], row["process"], row["mode"]) for row in self.flow})
        self.emitted = self.table("process_emission")
        self.emission = {(row["site"], row["emission"], row["year"]): row for row in self.table("emission")}
        sql = (
            "SELECT p.profile, v.t, v.value FROM input.profile AS p JOIN meta.series AS s USING (sha256)"
            f" JOIN meta.series_value AS v ON v.series = s.series WHERE p.scenario = '{scenario}'"
        )
        self.profile = {(row["profile"], row["t"]): row["value"] for row in store.sql(sql).arrow().to_pylist()}

    def table(self, name: str) -> list[dict[str, Any]]:
        return self.store.sql(f"SELECT * FROM input.\"{name}\" WHERE scenario = '{self.scenario}'").arrow().to_pylist()

    def w(self, year: int, t: int) -> float:
        return float(self.slice[year, t]["weight_h"])

    # --- costs --------------------------------------------------------------------------------------------------------
    def salvage(self, life: float, rate: float, method: int, year: int) -> float:
        last = self.years[-1]
        if year + life - 1 <= last:
            return 0.0
        if method == 1 and rate > 0:
            return 1 - ((1 + rate) ** (last - year + 1) - 1) / ((1 + rate) ** life - 1)
        return 1 - (last - year + 1) / life

    def weights(self, unit: dict[str, Any], site: dict[str, Any]) -> tuple[float, float]:
        """Return what an investment and what a yearly cost weigh."""
        first, last, y, n, i = self.years[0], self.years[-1], unit["year"], unit["life"], unit["wacc"]
        d = i if self.emb3rs else site["discount_rate"]
        recovery = 1.0
        if not self.emb3rs:
            factor = 1 / n if i == 0 else (1 - 1 / (1 + i)) / (1 - (1 + i) ** -n)
            recovery = factor * (n if d == 0 else (1 - (1 + d) ** -n) * (1 + d) / d)
        left = self.salvage(n, d, site["depreciation_method"], y)
        new = recovery * ((1 + d) ** -(y - first) - left * (1 + d) ** -(1 + last - first))
        return new, (1 + d) ** -(y - first + 0.5)

    # --- the program --------------------------------------------------------------------------------------------------
    def objective(self) -> float:
        self.capacities()
        self.activities()
        self.balances()
        self.storages()
        self.limits()
        return self.p.solve()

    def capacities(self) -> None:
        for (s, u, y), unit in sorted(self.unit.items()):
            new, yearly = self.weights(unit, self.site[s])
            high = INF if unit["new_max"] is None else unit["new_max"]
            self.p.column(("new", s, u, y), new * unit["capital"], unit["new_min"] or 0.0, high)
            high = INF if unit["cap_max"] is None else unit["cap_max"]
            self.p.column(("cap", s, u, y), yearly * unit["fixed"], unit["cap_min"] or 0.0, high)
            if unit["unit_mw"]:
                self.p.column(("n", s, u, y), whole=True)
                self.p.row([(("new", s, u, y), 1.0), (("n", s, u, y), -unit["unit_mw"])], 0, 0)
        for (s, u, y), unit in self.unit.items():
            alive = [v for v in self.years if v <= y < v + unit["life"]]
            terms = [(("cap", s, u, y), 1.0), *((("new", s, u, v), -1.0) for v in alive)]
            self.p.row(terms, unit["existing_mw"], unit["existing_mw"])

    def activities(self) -> None:
        rates: dict[Key, float] = {}
        forbidden = set()
        for e in self.emitted:
            key = (e["site"], e["process"], e["mode"], e["year"])
            price = self.emission[e["site"], e["emission"], e["year"]]["price"] or 0.0
            rates[key] = rates.get(key, 0.0) + e["t_per_mwh"] * price
            if e["t_per_mwh"] < 0 and self.option["negative_emission"] == "forbid":
                forbidden.add(key)
        for s, u, m in self.acts:
            for y in self.years:
                _, yearly = self.weights(self.unit[s, u, y], self.site[s])
                variable = self.mode.get((s, u, m, y), {}).get("variable") or 0.0
                cost = yearly * (variable + rates.get((s, u, m, y), 0.0))
                high = 0.0 if (s, u, m, y) in forbidden else INF
                for t in self.slices:
                    self.p.column(("act", s, u, m, y, t), cost * self.w(y, t), 0.0, high)
        for (s, u, y), unit in self.unit.items():
            modes = [a for a in self.acts if a[:2] == (s, u)]
            use = {a: self.mode.get((*a, y), {}).get("capacity_use") for a in modes}
            use = {a: 1.0 if v is None else v for a, v in use.items()}
            avail = {t: self.profile[unit["avail_profile"], t] if unit["avail_profile"] else 1.0 for t in self.slices}
            for t in self.slices if modes else ():
                self.p.row([*((("act", *a, y, t), use[a]) for a in modes), (("cap", s, u, y), -avail[t])], high=0)
            if unit["annual_avail"] is not None and modes:
                total = unit["annual_avail"] * sum(self.w(y, t) * avail[t] for t in self.slices)
                terms = [(("act", *a, y, t), self.w(y, t) * use[a]) for a in modes for t in self.slices]
                self.p.row([*terms, (("cap", s, u, y), -total)], high=0)

    def balances(self) -> None:
        made: dict[Key, list[tuple[Key, float]]] = {}
        for f in self.flow:
            sign = 1.0 if f["direction"] == "out" else -1.0
            a = (f["site"], f["process"], f["mode"])
            made.setdefault((f["site"], f["commodity"], f["year"]), []).append((a, sign * f["ratio"]))
        demand = {(r["site"], r["commodity"], r["timing"], r["year"]): r for r in self.table("demand")}
        for c in self.table("commodity"):
            s, name, y = c["site"], c["commodity"], c["year"]
            terms = made.get((s, name, y), [])
            wanted = demand.get((s, name, "slice", y))
            for t in self.slices:
                energy = 0.0
                if wanted:
                    energy = wanted["mwh"] * self.profile[wanted["profile"], t] if wanted["profile"] else 0.0
                    energy += wanted["slice_loss_mwh"] or 0.0
                if terms or energy:
                    self.p.row([(("act", *a, y, t), r) for a, r in terms], low=energy / self.w(y, t))
            if yearly := demand.get((s, name, "year", y)):
                total = [(("act", *a, y, t), r * self.w(y, t)) for a, r in terms for t in self.slices]
                if yearly["mwh"] > 0:
                    self.p.row(total, low=yearly["mwh"])

    # --- storage ------------------------------------------------------------------------------------------------------
    def storages(self) -> None:
        links = self.table("storage_link")
        stores = sorted({(r["site"], r["storage"]) for r in self.table("storage")})
        for s, name in stores:
            rows = {r["year"]: r for r in self.table("storage") if (r["site"], r["storage"]) == (s, name)}
            own = [k for k in links if (k["site"], k["storage"]) == (s, name)]
            self.storage_capacity(s, name, rows)
            if own and rows[self.years[0]]["kind"] == "daytype":
                self.daytypes(s, name, rows, own)

    def storage_capacity(self, s: str, name: str, rows: dict[int, dict[str, Any]]) -> None:
        first, last = self.years[0], self.years[-1]
        for y, r in rows.items():
            d = r["discount_rate"]
            left = self.salvage(r["life"], d, self.site[s]["depreciation_method"], y) if r["life"] else 0.0
            weight = (1 + d) ** -(y - first) - left * (1 + d) ** -(1 + last - first)
            self.p.column(("new e", s, name, y), weight * r["capital_e"])
            high = INF if r["e_cap_max"] is None else r["e_cap_max"]
            self.p.column(("cap e", s, name, y), 0.0, 0.0, high)
        for y, r in rows.items():
            alive = [v for v in self.years if v <= y < v + r["life"]]
            terms = [(("cap e", s, name, y), 1.0), *((("new e", s, name, v), -1.0) for v in alive)]
            self.p.row(terms, r["e_existing"], r["e_existing"])

    def daytypes(self, s: str, name: str, rows: dict[int, dict[str, Any]], links: list[dict[str, Any]]) -> None:
        start = rows[self.years[0]]["level_start"]
        self.p.column(("start", s, name), 0.0, start, start)
        Daytypes(self, s, name, rows, links).add()

    def between(self, level: Terms, s: str, name: str, row: dict[str, Any]) -> None:
        cap = ("cap e", s, name, row["year"])
        self.p.row([*level.items(), (cap, -row["level_min"])], low=0)
        self.p.row([*level.items(), (cap, -1.0)], high=0)

    # --- limits -------------------------------------------------------------------------------------------------------
    def limits(self) -> None:
        terms: dict[Key, list[dict[str, Any]]] = {}
        for term in self.table("limit_term"):
            terms.setdefault((term["limit"], term["side"], term["year"]), []).append(term)
        seen = set()
        for limit in self.table("limit"):
            if limit["value"] is None or (limit["per"] == "horizon" and limit["limit"] in seen):
                continue
            seen.add(limit["limit"])
            years = self.years if limit["per"] == "horizon" else [limit["year"]]
            for t in self.slices if limit["per"] == "step" else [None]:
                lhs: list[tuple[Key, float]] = []
                outside = 0.0
                for y in years:
                    for term in terms.get((limit["limit"], "lhs", y), []):
                        lhs += self.quantity(limit["quantity"], term, y, t, 1.0)
                        if limit["quantity"] == "emission":
                            outside += self.outside(term, y, limit["per"], first=y == years[0])
                    for term in terms.get((limit["limit"], "base", y), []):
                        lhs += self.quantity(limit["base"], term, y, t, -limit["value"])
                value = 0.0 if limit["base"] else limit["value"] - outside
                self.p.row(lhs, *((value, INF) if limit["sense"] == "min" else (-INF, value)))

    def outside(self, term: dict[str, Any], y: int, per: str, *, first: bool) -> float:
        row = self.emission[term["site"], term["emission"], y]
        if per == "year":
            return float(row["exogenous_t"] or 0.0)
        return float(row["exogenous_horizon_t"] or 0.0) if first else 0.0

    def quantity(
        self, what: str, term: dict[str, Any], y: int, t: int | None, factor: float
    ) -> list[tuple[Key, float]]:
        factor *= 1.0 if term["factor"] is None else term["factor"]
        slices = self.slices if t is None else [t]
        weight = {x: self.w(y, x) if t is None else 1.0 for x in slices}
        if what == "capacity":
            return [(("cap", term["site"], term["process"], y), factor)]
        acts: list[tuple[Key, float]] = []
        if what == "activity":
            for a in self.acts:
                if a[:2] == (term["site"], term["process"]):
                    use = self.mode.get((*a, y), {}).get("capacity_use")
                    acts.append((a, 1.0 if use is None else use))
        elif what == "emission":
            acts = [
                ((e["site"], e["process"], e["mode"]), e["t_per_mwh"]) for e in self.emitted
                if (e["site"], e["emission"], e["year"]) == (term["site"], term["emission"], y)
            ]  # fmt: skip
        else:
            acts = [
                ((f["site"], f["process"], f["mode"]), f["ratio"]) for f in self.flow
                if f["direction"] == "out" and f["year"] == y and f["site"] == term["site"]
                and term["process"] in {None, f["process"]} and term["commodity"] in {None, f["commodity"]}
            ]  # fmt: skip
        return [(("act", *a, y, x), factor * r * weight[x]) for a, r in acts for x in slices]


class Daytypes:
    """S1 to S15 and SC1 to SC6: levels are sums of activities of linked modes."""

    def __init__(
        self, o: OsemosysProgram, s: str, name: str, rows: dict[int, dict[str, Any]], links: list[dict[str, Any]]
    ) -> None:
        self.o, self.s, self.name, self.rows, self.links = o, s, name, rows, links
        self.calendar = {(c["year"], c["season"], c["daytype"], c["bracket"]): c for c in o.table("slice_calendar")}
        self.seasons, self.days, self.brackets = (sorted({k[i] for k in self.calendar}) for i in (1, 2, 3))
        net = {k: plus(self.rate(k, "in"), self.rate(k, "out"), -1.0) for k in self.calendar}
        hours = {k: sum(o.w(k[0], t) for t in self.here(k)) for k in self.calendar}
        self.year = {k: plus({}, terms, hours[k]) for k, terms in net.items()}
        self.day = {k: plus({}, terms, self.calendar[k]["day_split"] * 8760) for k, terms in net.items()}

    def here(self, k: Key) -> list[int]:
        of = {t: self.o.slice[k[0], t] for t in self.o.slices}
        return [t for t, r in of.items() if (r["season"], r["daytype"], r["bracket"]) == k[1:]]

    def rate(self, k: Key, direction: str) -> Terms:
        own = [x for x in self.links if (x["direction"], x["year"]) == (direction, k[0])]
        found: Terms = {}
        for x in own:
            for t in self.here(k):
                found = plus(found, {("act", x["site"], x["process"], x["mode"], k[0], t): x["ratio"]})
        return found

    def over(self, y: int, season: int | None = None) -> Terms:
        """Return what a year, or a season of it, adds."""
        return total(terms for k, terms in self.year.items() if k[0] == y and season in {None, k[1]})

    def of_days(self, y: int, ls: int, ld: int, brackets: list[int], *, weeks: bool = False) -> Terms:
        """Return what brackets of one day add, or of as many days as the week has of it."""
        keys = [(y, ls, ld, lh) for lh in brackets]
        return total(plus({}, self.day[k], self.calendar[k]["days_in_daytype"] if weeks else 1.0) for k in keys)

    def add(self) -> None:
        years, level = self.o.years, {("start", self.s, self.name): 1.0}
        starts = []
        for y in years:
            starts.append(level)
            level = plus(level, self.over(y))
        for y, start, finish in zip(years, starts, [*starts[1:], level], strict=True):
            self.add_year(y, start, finish)

    def add_year(self, y: int, start: Terms, finish: Terms) -> None:
        seasons = []
        level = start
        for ls in self.seasons:
            seasons.append(level)
            level = plus(level, self.over(y, ls))
        for ls, first, last in zip(self.seasons, seasons, [*seasons[1:], finish], strict=True):
            self.add_season(y, ls, first, last)

    def add_season(self, y: int, ls: int, first: Terms, last: Terms) -> None:
        begin, end = [first], [last]
        for ld in self.days[:-1]:
            begin.append(plus(begin[-1], self.of_days(y, ls, ld, self.brackets, weeks=True)))
        for ld in self.days[:0:-1]:
            end.insert(0, plus(end[0], self.of_days(y, ls, ld, self.brackets, weeks=True), -1.0))
        row = self.rows[y]
        for level in (*begin, *end):
            self.o.p.row(list(level.items()), low=0)
        for k, ld in enumerate(self.days):
            for lh in self.brackets:
                earlier, later = [b for b in self.brackets if b < lh], [b for b in self.brackets if b > lh]
                levels = [
                    plus(begin[k], self.of_days(y, ls, ld, earlier)),
                    plus(end[k], self.of_days(y, ls, ld, later), -1.0),
                ]
                if k:
                    levels.append(plus(begin[k], self.of_days(y, ls, self.days[k - 1], later), -1.0))
                    levels.append(plus(end[k - 1], self.of_days(y, ls, ld, earlier)))
                for level in levels:
                    self.o.between(level, self.s, self.name, row)
                self.o.p.row(list(self.rate((y, ls, ld, lh), "in").items()), high=row["charge_max"])
                self.o.p.row(list(self.rate((y, ls, ld, lh), "out").items()), high=row["discharge_max"])


def plus(a: Terms, b: Terms, factor: float = 1.0) -> Terms:
    return {k: a.get(k, 0.0) + factor * b.get(k, 0.0) for k in {**a, **b}}


def total(parts: Iterable[Terms]) -> Terms:
    found: Terms = {}
    for part in parts:
        found = plus(found, part)
    return found
