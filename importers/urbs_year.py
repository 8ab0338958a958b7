"""What the sheets of one urbs workbook become: rows of its year."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dhsdb.importers.rows import ROW, Rows, Series
from dhsdb.importers.urbs_names import INF, Names, Row, is_partial

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from dhsdb.importers.rows import Item
    from dhsdb.importers.urbs_layout import Book

MODE = "1"

_TRADE = {
    "Buy": {"price": "price", "price_profile": "", "max_mw": "maxperhour", "max_mwh": "max"},
    "Sell": {"sale_price": "price", "sale_profile": "", "sale_max_mw": "maxperhour", "sale_max_mwh": "max"},
}
_PROCESS = {
    "existing_mw": "inst-cap", "existing_life": "lifetime", "cap_min": "cap-lo", "cap_max": "cap-up",
    "life": "depreciation", "wacc": "wacc", "capital": "inv-cost", "fixed": "fix-cost", "ramp": "max-grad",
    "area_per_mw": "area-per-cap",
}  # fmt: skip
_STORAGE = {
    "e_cap_min": "cap-lo-c", "e_cap_max": "cap-up-c", "e_existing": "inst-cap-c", "p_cap_min": "cap-lo-p",
    "p_cap_max": "cap-up-p", "p_existing": "inst-cap-p", "existing_life": "lifetime", "eff_in": "eff-in",
    "eff_out": "eff-out", "loss": "discharge", "ep_ratio": "ep-ratio", "init": "init", "life": "depreciation",
    "wacc": "wacc", "capital_e": "inv-cost-c", "capital_p": "inv-cost-p", "fixed_e": "fix-cost-c",
    "fixed_p": "fix-cost-p", "variable_e": "var-cost-c", "variable_p": "var-cost-p",
}  # fmt: skip
_LINE = {
    "eff": "eff", "existing_mw": "inst-cap", "existing_life": "lifetime", "cap_min": "cap-lo", "cap_max": "cap-up",
    "life": "depreciation", "wacc": "wacc", "capital": "inv-cost", "fixed": "fix-cost", "variable": "var-cost",
}  # fmt: skip
_RESPONSE = {"delay": "delay", "recovery": "recov", "eff": "eff", "down_mw": "cap-max-do", "up_mw": "cap-max-up"}


class Year:
    """One workbook on its way to rows."""

    def __init__(self, book: Book, first: Book, twice: set[tuple[str, str]]) -> None:
        self.book = book
        self.names = Names(book)
        self.first = first
        self.twice = twice
        self.derived: dict[str, NDArray[np.float64]] = {}

    def items(self) -> Iterator[Item]:
        """Yield all rows and profiles of the workbook."""
        yield from self.rows("commodity", "Commodity", self.commodities())
        yield from self.rows("emission", "Commodity", self.emissions())
        yield from self.rows("demand", "Demand", self.demands())
        yield from self.rows("process", "Process", self.processes())
        yield from self.rows("process_mode", "Process", self.modes())
        yield from self.rows("process_flow", "Process-Commodity", self.flows())
        yield from self.rows("process_emission", "Process-Commodity", self.process_emissions())
        yield from self.rows("storage", "Storage", self.storages())
        yield from self.rows("transmission", "Transmission", self.lines())
        yield from self.rows("demand_response", "DSM", self.responses())
        yield from self.symmetry()
        yield from self.series()

    def rows(self, table: str, sheet: str, rows: Iterable[Row]) -> Iterator[Item]:
        """Yield rows of a table, of this year."""
        yield from rows_of(table, self.book, sheet, [{"year": self.book.year} | row for row in rows])

    # --- commodities --------------------------------------------------------------------------------------------------
    def commodities(self) -> Iterator[Row]:
        """Yield what is balanced, bought or sold; what the weather gives is not balanced."""
        for row in self.book.rows_of("Commodity"):
            kind = row["Type"]
            if kind == "Env":
                continue
            facts: Row = {
                "site": row["Site"],
                "commodity": row["Commodity"],
                "balance": "none" if kind == "SupIm" else "equal",
            }
            price = 0.0 if row["price"] == INF else row["price"]
            if kind == "Stock":
                facts |= {"bought": True, "price": price, "max_mw": row["maxperhour"], "max_mwh": row["max"]}
            elif kind in _TRADE and "Buy-Sell-Price" in self.book.series:
                given = row | {"price": price, "": self.profile("Buy-Sell-Price", row["Commodity"])}
                facts |= {c: given[own] for c, own in _TRADE[kind].items()} | {
                    "bought" if kind == "Buy" else "sold": True
                }
            yield placed(row, facts)

    def emissions(self) -> Iterator[Row]:
        """Make an emission of each commodity that urbs counts as such."""
        for row in self.book.rows_of("Commodity"):
            if row["Type"] == "Env":
                facts = {"price": row["price"], "max_rate": row["maxperhour"], "max_t": row["max"]}
                yield placed(row, {"site": row["Site"], "emission": row["Commodity"]} | facts)

    def demands(self) -> Iterator[Row]:
        """Make a demand of each hourly series."""
        for header in self.headers("Demand"):
            site, commodity = header.split(".")
            yield {
                "site": site, "commodity": commodity, "timing": "slice", "mwh": None,
                "profile": self.profile("Demand", header),
            }  # fmt: skip

    # --- processes ----------------------------------------------------------------------------------------------------
    def processes(self) -> Iterator[Row]:
        """Make processes, with what stands at the start."""
        standing = {(r["Site"], r["Process"]): r for r in self.first.rows_of("Process")}
        for row in self.book.rows_of("Process"):
            site, process = row["Site"], row["Process"]
            facts = {c: row[own] for c, own in _PROCESS.items()} | _standing(standing.get((site, process)), _PROCESS)
            least = row["min-fraction"] if process in self.names.partial else 0.0
            facts |= {"min_load": least} | self.availability(site, process)
            yield placed(row, {"site": site, "process": process} | facts)

    def availability(self, site: str, process: str) -> Row:
        """Return the availability that an input of type SupIm sets: its series by its ratio, exactly."""
        for flow in self.names.flows[process]:
            header = f"{site}.{flow['Commodity']}"
            if flow["Direction"] == "In" and self.names.type_of(site, flow["Commodity"]) == "SupIm":
                name = self.profile("SupIm", header)
                if flow["ratio"] != 1:
                    name = f"{name} / {flow['ratio']:.17g}"
                    self.derived[name] = self.book.series["SupIm"].columns[header] / flow["ratio"]
                return {"avail_profile": name, "avail_rule": "fixed"}
        return {"avail_profile": None, "avail_rule": None}

    def modes(self) -> Iterator[Row]:
        """Give each process the one mode that urbs knows."""
        for row in self.book.rows_of("Process"):
            yield placed(
                row, {"site": row["Site"], "process": row["Process"], "mode": MODE, "variable": row["var-cost"]}
            )

    def flows(self) -> Iterator[Row]:
        """Yield inputs and outputs at each site of a process; emissions have a table of their own."""
        efficiency = self.names.series("TimeVarEff")
        for process, site, flow in self.sited():
            if self.names.type_of(site, flow["Commodity"]) == "Env":
                continue
            header = f"{site}.{process}"
            varies = flow["Direction"] == "Out" and header in efficiency
            least = flow["ratio-min"] if process in self.names.partial and is_partial(flow) else None
            yield placed(
                flow,
                {
                    "site": site, "process": process, "mode": MODE, "commodity": flow["Commodity"],
                    "direction": flow["Direction"].lower(), "ratio": flow["ratio"], "ratio_min": least,
                    "ratio_profile": self.profile("TimeVarEff", header) if varies else None,
                },
            )  # fmt: skip

    def process_emissions(self) -> Iterator[Row]:
        """Yield emissions per activity; what a process takes in of one counts against what it gives out."""
        found: dict[tuple[str, str, str], Row] = {}
        for process, site, flow in self.sited():
            emission = flow["Commodity"]
            if self.names.type_of(site, emission) != "Env":
                continue
            sign = 1.0 if flow["Direction"] == "Out" else -1.0
            least = flow["ratio-min"] if process in self.names.partial and is_partial(flow) else None
            row = placed(
                flow,
                {
                    "site": site,
                    "process": process,
                    "mode": MODE,
                    "emission": emission,
                    "t_per_mwh": 0.0,
                    "t_per_mwh_min": None,
                },
            )
            row = found.setdefault((site, process, emission), row)
            before = row["t_per_mwh"]
            row["t_per_mwh"] += sign * flow["ratio"]
            if least is not None or row["t_per_mwh_min"] is not None:
                known = before if row["t_per_mwh_min"] is None else row["t_per_mwh_min"]
                row["t_per_mwh_min"] = known + sign * (flow["ratio"] if least is None else least)
        yield from found.values()

    def sited(self) -> Iterator[tuple[str, str, Row]]:
        """Yield process, site and flow for every process at every site."""
        for process, flows in self.names.flows.items():
            for flow in flows:
                for site in self.names.sites.get(process, ()):
                    yield process, site, flow

    # --- storage, lines, response -------------------------------------------------------------------------------------
    def storages(self) -> Iterator[Row]:
        """Make stores, with what stands at the start."""
        keys = ("Site", "Storage", "Commodity")
        standing = {tuple(r[k] for k in keys): r for r in self.first.rows_of("Storage")}
        for row in self.book.rows_of("Storage"):
            site, name, commodity = (row[k] for k in keys)
            facts = {c: row[own] for c, own in _STORAGE.items()} | _standing(
                standing.get((site, name, commodity)), _STORAGE
            )
            shown = f"{name} ({commodity})" if (site, name) in self.twice else name
            facts |= {"site": site, "storage": shown, "commodity": commodity}
            yield placed(row, facts | {"kind": "chain", "end_rule": "urbs", "timing": "end"})

    def lines(self) -> Iterator[Row]:
        """Make lines of both directions, with what stands at the start."""
        keys = ("Site In", "Site Out", "Transmission", "Commodity")
        standing = {tuple(r[k] for k in keys): r for r in self.first.rows_of("Transmission")}
        for row in self.book.rows_of("Transmission"):
            key = tuple(row[k] for k in keys)
            facts = {c: row[own] for c, own in _LINE.items()} | _standing(standing.get(key), _LINE)
            facts |= dict(zip(("site_from", "site_to", "line", "commodity"), key, strict=True))
            yield placed(row, facts | {"symmetric": True})

    def responses(self) -> Iterator[Row]:
        """Make demand response."""
        for row in self.book.rows_of("DSM"):
            facts = {c: row[own] for c, own in _RESPONSE.items()}
            yield placed(row, {"site": row["Site"], "commodity": row["Commodity"]} | facts)

    def symmetry(self) -> Iterator[Item]:
        """Yield the pairs of processes that buy and sell through one connection, whose capacities urbs makes equal."""
        if "Buy-Sell-Price" not in self.book.series:
            return
        limits, terms = [], []
        for site, buy, sell, row in self.pairs():
            for sense in ("max", "min"):
                name = f"{buy} = {sell} at {site}, {sense}"
                limits.append(
                    placed(
                        row,
                        {
                            "limit": name, "sense": sense, "value": 0.0, "unit": "MW", "per": "year", "quantity": "capacity",
                            "tag": "urbs: what buys and what sells through one connection have the same capacity",
                        },
                    )
                )  # fmt: skip
                for n, (process, factor) in enumerate(((buy, 1.0), (sell, -1.0)), start=1):
                    term = {"limit": name, "side": "lhs", "n": n, "site": site, "process": process, "factor": factor}
                    terms.append(placed(row, term))
        yield from self.rows("limit", "Process-Commodity", limits)
        yield from self.rows("limit_term", "Process-Commodity", terms)

    def pairs(self) -> Iterator[tuple[str, str, str, Row]]:
        """Yield site, process that buys, the first that sells what the other gives out, and the row of the purchase."""
        for process, site, flow in self.sited():
            if flow["Direction"] == "In" and self.names.type_of(site, flow["Commodity"]) == "Buy":
                given = {f["Commodity"] for f in self.names.flows[process] if f["Direction"] == "Out"}
                sell = next((p for p in self.sellers(site) if given & self.taken(p)), None)
                if sell is not None and sell != process:
                    yield site, process, sell, flow

    def sellers(self, site: str) -> Iterator[str]:
        """Yield the processes of a site that give out what is sold."""
        for process, sites in self.names.sites.items():
            sold = (f["Commodity"] for f in self.names.flows[process] if f["Direction"] == "Out")
            if site in sites and any(self.names.type_of(site, c) == "Sell" for c in sold):
                yield process

    def taken(self, process: str) -> set[str]:
        """Return what a process takes in."""
        return {f["Commodity"] for f in self.names.flows[process] if f["Direction"] == "In"}

    # --- series -------------------------------------------------------------------------------------------------------
    def headers(self, sheet: str) -> Sequence[str]:
        """Return the headers of a sheet of hourly values."""
        return list(self.book.series[sheet].columns) if sheet in self.book.series else []

    def profile(self, sheet: str, header: str) -> str:
        """Return the name of a profile; it says the year, since each has its own."""
        return f"{sheet} {header} {self.book.year}"

    def series(self) -> Iterator[Item]:
        """Yield the hourly values, and those of availabilities that differ from them."""
        kinds = {
            "Demand": ("power", "demand in MW"), "SupIm": ("factor", "share of capacity that the weather gives"),
            "Buy-Sell-Price": ("factor", "price in the currency per MWh, a factor on the commodity's price"),
            "TimeVarEff": ("factor", "factor on the outputs of a process"),
        }  # fmt: skip
        for sheet, (kind, text) in kinds.items():
            for header in self.headers(sheet):
                values = self.book.series[sheet].columns[header]
                yield Series(
                    self.profile(sheet, header), values, kind, self.book.path, sheet=sheet, text=f"urbs: {text}"
                )
        for name, values in self.derived.items():
            text = "urbs: share of capacity that the weather gives, by the input ratio of the process"
            yield Series(name, values, "factor", self.book.path, sheet="SupIm", text=text)


def placed(source: Row, facts: Row) -> Row:
    """Return a row with the place that it comes from, endless numbers as unlimited."""
    return {c: None if isinstance(v, float) and v == INF else v for c, v in facts.items()} | {ROW: source["_row"]}


def rows_of(table: str, book: Book, sheet: str, rows: list[Row]) -> Iterator[Rows]:
    """Yield the rows of a table if there are any."""
    import pandas as pd  # heavy

    if rows:
        for row in rows:
            if row.get("value") == INF:
                row["value"] = None
        yield Rows(table, pd.DataFrame(rows), book.path, sheet)


def _standing(row: Row | None, columns: dict[str, str]) -> Row:
    """Return what stands at the start and how long it lasts, as the first file says."""
    of_first = {c: own for c, own in columns.items() if own.startswith("inst-cap") or own == "lifetime"}
    return {c: None if row is None else row[own] for c, own in of_first.items()}
