"""Whether the names, types and bounds of urbs workbooks fit together: what breaks the model, and what only looks wrong.

What urbs itself refuses is a problem, and so is what it would read and silently lose. Each goes to the notes of its
workbook, so that one report holds all of them.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING

from dhsdb.importers.urbs_names import CO2, INF, Names, Row, is_partial, near

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dhsdb.importers.urbs_layout import Book

SITE_COLUMNS = {
    "Commodity": ("Site",), "Process": ("Site",), "Storage": ("Site",), "DSM": ("Site",),
    "Transmission": ("Site In", "Site Out"),
}  # fmt: skip
UNBALANCED = ("Env", "SupIm")
"""Types of commodity that urbs does not balance."""

_BOUNDS = {
    "Process": (("cap-lo", "cap-up", "inst-cap"),),
    "Transmission": (("cap-lo", "cap-up", "inst-cap"),),
    "Storage": (("cap-lo-p", "cap-up-p", "inst-cap-p"), ("cap-lo-c", "cap-up-c", "inst-cap-c")),
}


def check_books(books: Sequence[Book]) -> None:
    """Check each workbook, and what they say together."""
    named = [Names(book) for book in books]
    for names in named:
        _Checks(names, [other for other in named if other is not names]).run()
    _types(books)
    _areas(books)
    first = named[0]
    for names in named:
        _cost_limit(names, first, several=len(books) > 1)


class _Checks:
    """The checks of one workbook."""

    def __init__(self, names: Names, others: list[Names]) -> None:
        self.names = names
        self.book = names.book
        self.others = others

    def run(self) -> None:
        self.sites()
        self.units()
        self.prices()
        for process, rows in self.names.flows.items():
            self.flows(process, rows)
        self.unused()
        self.carried()
        self.lines()
        self.responses()
        self.columns()
        self.steps()
        self.limits()

    # --- sites and units ----------------------------------------------------------------------------------------------
    def sites(self) -> None:
        """Report sites that sheet Site does not name."""
        known = self.book.names("Site", "Name")
        for sheet, columns in SITE_COLUMNS.items():
            for row in self.book.rows_of(sheet):
                for column in columns:
                    if row[column] and row[column] not in known and "Site" in self.book.tables:
                        hint = near(str(row[column]), known) or f"Sites: {', '.join(known)}."
                        self.row_note(sheet, row, column, f"'{row[column]}' is not in sheet Site.", hint)

    def units(self) -> None:
        """Report capacities that cross, and lifetimes and efficiencies that can't be."""
        for sheet, triples in _BOUNDS.items():
            for row in self.book.rows_of(sheet):
                for low, high, existing in triples:
                    for lower in (low, existing):
                        if row[lower] > row[high]:
                            text = f"{lower} {row[lower]:g} is above {high} {row[high]:g}."
                            self.row_note(sheet, row, lower, text, "urbs refuses it: no capacity lies between them.")
                if row["depreciation"] <= 0:
                    self.row_note(
                        sheet, row, "depreciation", f"'{row['depreciation']:g}' years can't be.", "Write 1 or more."
                    )
                for column in ("eff", "eff-in", "eff-out"):
                    if column in row and row[column] <= 0:
                        self.row_note(
                            sheet, row, column, f"an efficiency of {row[column]:g} can't be.", "Write more than 0."
                        )
        for row in self.book.rows_of("Process"):
            self.least_load(row)

    def least_load(self, row: Row) -> None:
        """Report a minimum load that can't be, and say where urbs ignores one."""
        least = row["min-fraction"]
        if row["Process"] in self.names.partial and least >= 1:
            self.row_note("Process", row, "min-fraction", f"'{least:g}' leaves no range of load.", "Write less than 1.")
        elif least > 0 and row["Process"] not in self.names.partial:
            text = "ignored by urbs: min-fraction, since no input of the process has a ratio-min; taken as 0."
            self.row_note("Process", row, "min-fraction", text, "", "warning", "ignored-min-fraction")

    def prices(self) -> None:
        """Report prices that are missing or endless."""
        for row in self.book.rows_of("Commodity"):
            price, kind = row["price"], row["Type"]
            if price == INF and row["max"] == 0:
                text = "the price inf is taken as 0, since nothing of it can be had (max 0)."
                self.row_note("Commodity", row, "price", text, "", "warning", "price-infinite")
            elif price == INF:
                self.row_note(
                    "Commodity", row, "price", "a price can't be endless.", "Set max to 0 if there is none to buy."
                )
            elif math.isnan(price) and kind in ("Stock", "Buy", "Sell") and row["max"] != 0:
                self.row_note(
                    "Commodity", row, "price", f"a commodity of type {kind} needs a price.", "Write 0 if it is free."
                )
            elif math.isnan(price) and kind == "Env":
                self.row_note("Commodity", row, "price", "no price: taken as 0.", "", "warning", "price-missing")

    # --- processes ----------------------------------------------------------------------------------------------------
    def flows(self, process: str, rows: list[Row]) -> None:
        """Check what a process takes in and gives out at each of its sites."""
        sites = self.names.sites.get(process, [])
        if not sites:
            return
        for row in rows:
            for site in sites:
                if row["Commodity"] and row["Commodity"] not in self.names.at.get(site, {}):
                    self.absent(row, site)
        for site in dict.fromkeys(sites):
            self.intermittent(process, rows, site)
        self.only_emissions(process, rows, sites[0])
        if process not in self.names.partial:
            for row in rows:
                if is_partial(row):
                    text = "ignored by urbs: ratio-min, since no input of the process has one."
                    self.row_note("Process-Commodity", row, "ratio-min", text, "", "warning", "ignored-ratio-min")

    def absent(self, row: Row, site: str) -> None:
        """Report a commodity that a process uses and its site lacks."""
        commodity = row["Commodity"]
        years = [n.book.year for n in self.others if commodity in n.at.get(site, {})]
        also = f" (it is there in {', '.join(map(str, years))})" if years else ""
        text = (
            f"'{commodity}' of '{row['Process']}' is not in sheet Commodity at site '{site}' in {self.book.year}{also}."
        )
        known = self.names.at.get(site, {})
        hint = near(commodity, known) or f"Commodities there: {', '.join(known) or 'none'}."
        self.row_note("Process-Commodity", row, "Commodity", text, hint, code="unknown-commodity")

    def intermittent(self, process: str, rows: list[Row], site: str) -> None:
        """Check the inputs of type SupIm, which set the load."""
        inputs = [r for r in rows if r["Direction"] == "In" and self.names.type_of(site, r["Commodity"]) == "SupIm"]
        if len(inputs) > 1:
            text = f"'{process}' has two inputs of type SupIm at '{site}', which would set its load twice."
            self.row_note(
                "Process-Commodity", inputs[1], "Commodity", text, "Make one of them a Stock.", code="not-covered"
            )
        for row in inputs[:1]:
            self.one_input(process, row, site)

    def one_input(self, process: str, row: Row, site: str) -> None:
        header = f"{site}.{row['Commodity']}"
        steps = self.book.series.get("SupIm")
        if row["ratio"] <= 0:
            self.row_note("Process-Commodity", row, "ratio", "the ratio of a SupIm input must be above 0.", "")
        elif is_partial(row):
            text = "a SupIm input sets the load by itself and can't have a ratio-min."
            self.row_note("Process-Commodity", row, "ratio-min", text, "Clear the cell.", code="not-covered")
        elif steps is None:
            return
        elif header not in steps.columns:
            known = self.names.series("SupIm")
            text = f"'{process}' at '{site}' needs the column {header} in sheet SupIm in {self.book.year}."
            self.row_note("Process-Commodity", row, "Commodity", text, near(header, known), code="series-missing")
        elif (top := float(steps.columns[header].max())) / row["ratio"] > 1 + 1e-9 and top <= 1:
            text = f"the availability of '{process}' at '{site}' rises to {top / row['ratio']:.4g}, above its capacity."
            self.row_note(
                "Process-Commodity", row, "ratio", text, f"Raise the ratio to {top:g} or more.", code="not-covered"
            )

    def only_emissions(self, process: str, rows: list[Row], site: str) -> None:
        """Say where a process takes something in and gives out nothing but emissions."""
        given = [r for r in rows if r["Direction"] == "Out" and r["ratio"] != 0]
        taken = [r["Commodity"] for r in rows if r["Direction"] == "In"]
        if not (given and taken and all(self.names.type_of(site, r["Commodity"]) == "Env" for r in given)):
            return
        demanded = [
            c
            for c, row in self.names.at[site].items()
            if row["Type"] == "Demand" and c.casefold() in process.casefold()
        ]
        hint = f"Did you mean '{demanded[0]}'?" if demanded else "Is an output missing?"
        what = ", ".join(str(r["Commodity"]) for r in given)
        text = f"'{process}' takes in {', '.join(map(str, taken))} and gives out nothing but {what}, an emission."
        self.row_note("Process-Commodity", given[0], "Commodity", text, hint, "warning", "only-emissions")

    def unused(self) -> None:
        """Report processes without flows; say which flows belong to no process at any site."""
        flows, sites = self.names.flows, self.names.sites
        idle = {p: rows for p, rows in flows.items() if p and p not in sites}
        for row in self.book.rows_of("Process"):
            if row["Process"] and row["Process"] not in flows and "Process-Commodity" in self.book.tables:
                hint = near(row["Process"], idle) or "Add what it takes in and gives out."
                text = f"'{row['Process']}' is not in sheet Process-Commodity."
                self.row_note("Process", row, "Process", text, hint, code="process-without-flow")
        if idle:
            rows = [row for rows in idle.values() for row in rows]
            text = f"ignored: {len(rows)} rows of what stands at no site: {', '.join(idle)}."
            self.row_note("Process-Commodity", rows[0], "Process", text, "", "info", "ignored")

    # --- storage, lines, response -------------------------------------------------------------------------------------
    def carried(self) -> None:
        """Report what is stored, carried or moved in time, but is not at the site, or is not balanced."""
        places = {"Storage": ("Site",), "Transmission": ("Site In", "Site Out"), "DSM": ("Site",)}
        for sheet, columns in places.items():
            for row in self.book.rows_of(sheet):
                for site in (row[c] for c in columns):
                    if site in self.names.at and row["Commodity"]:
                        self.carried_at(sheet, row, site)

    def carried_at(self, sheet: str, row: Row, site: str) -> None:
        known, kind = self.names.at[site], self.names.type_of(site, row["Commodity"])
        if not kind:
            text = f"'{row['Commodity']}' is not in sheet Commodity at site '{site}' in {self.book.year}."
            hint = near(row["Commodity"], known) or f"Commodities there: {', '.join(known)}."
            self.row_note(sheet, row, "Commodity", text, hint, code="unknown-commodity")
        elif kind in UNBALANCED:
            what = {"Storage": "stored", "Transmission": "carried", "DSM": "moved in time"}[sheet]
            text = f"'{row['Commodity']}' is of type {kind}, which urbs does not balance: it can't be {what}."
            self.row_note(sheet, row, "Commodity", text, "Take the row out.", code="not-covered")

    def lines(self) -> None:
        """Report lines that are there in one direction only."""
        rows = self.book.rows_of("Transmission")
        both = {(r["Site In"], r["Site Out"], r["Transmission"], r["Commodity"]) for r in rows}
        for row in rows:
            start, end = row["Site In"], row["Site Out"]
            if start == end:
                self.row_note("Transmission", row, "Site Out", "a line can't lead to where it starts.", "")
            elif (end, start, row["Transmission"], row["Commodity"]) not in both:
                text = f"the line '{row['Transmission']}' lacks its other direction, from '{end}' to '{start}'."
                hint = "urbs needs both, with half of the cost each."
                self.row_note("Transmission", row, "Site In", text, hint, code="one-direction")

    def responses(self) -> None:
        """Report demand response whose share of recovery can't be."""
        for row in self.book.rows_of("DSM"):
            for column in ("delay", "recov", "cap-max-do", "cap-max-up", "eff"):
                if row[column] < 0:
                    self.row_note("DSM", row, column, f"'{row[column]:g}' is negative.", "Write 0 or more.")

    # --- series -------------------------------------------------------------------------------------------------------
    def columns(self) -> None:
        """Report hourly values that belong to nothing, and what lacks its own."""
        at = self.names.at
        demand = {f"{s}.{c}" for s in at for c, row in at[s].items() if row["Type"] == "Demand"}
        supply = {f"{s}.{c}" for s in at for c, row in at[s].items() if row["Type"] == "SupIm"}
        efficiency = {f"{s}.{p}" for p, sites in self.names.sites.items() for s in sites}
        self.known("Demand", demand, "a commodity of type Demand", "error")
        self.known("SupIm", supply, "a commodity of type SupIm", "error")
        self.known("TimeVarEff", efficiency, "a process at a site", "error")
        for header in sorted(demand - self.names.series("Demand")) if "Demand" in self.book.series else ():
            text = f"there is no column {header}: taken as no demand, as urbs does."
            hint = near(header, self.names.series("Demand") - demand)
            self.book.note(text, "Demand", 1, hint=hint, severity="warning", code="demand-missing")
        self.shares()
        self.trade()

    def shares(self) -> None:
        """Report intermittent supply that is no share of capacity."""
        steps = self.book.series.get("SupIm")
        for header, values in (steps.columns if steps else {}).items():
            if values.max() > 1 or values.min() < 0:
                at = int(values.argmax() if values.max() > 1 else values.argmin())
                row = at + 2 + bool(steps and steps.initial)
                text = f"{values[at]:g} in step {at + 1} is not between 0 and 1."
                self.book.note(text, "SupIm", row, header, float(values[at]), "It is a share of capacity.")

    def known(self, sheet: str, known: set[str], what: str, severity: str) -> None:
        """Report headers that name nothing."""
        for header in sorted(self.names.series(sheet) - known):
            hint = near(header, known) or f"Known: {', '.join(sorted(known)[:20]) or 'none'}."
            self.book.note(f"'{header}' is not {what}.", sheet, 1, header, header, hint, severity, "series-unknown")

    def trade(self) -> None:
        """Report what is bought or sold without a series of prices, and prices of nothing."""
        traded: dict[str, list[Row]] = defaultdict(list)
        for row in self.book.rows_of("Commodity"):
            if row["Type"] in ("Buy", "Sell"):
                traded[row["Commodity"]].append(row)
        if "Buy-Sell-Price" not in self.book.series:
            for name, rows in traded.items():
                text = f"'{name}' can't be bought or sold without the sheet Buy-Sell-Price; urbs leaves it out."
                self.row_note("Commodity", rows[0], "Type", text, "", "warning", "no-prices")
            return
        priced = self.names.series("Buy-Sell-Price")
        for name in (t for t in traded if t not in priced):
            for row in traded[name]:
                text = f"'{name}' of type {row['Type']} has no column in sheet Buy-Sell-Price in {self.book.year}."
                self.row_note("Commodity", row, "Commodity", text, near(name, priced), code="series-missing")
        self.known("Buy-Sell-Price", set(traded), "a commodity of type Buy or Sell", "warning")

    def steps(self) -> None:
        """Report sheets that have another number of steps than sheet Demand."""
        lengths = {sheet: steps.n for sheet, steps in self.book.series.items()}
        usual = lengths.get("Demand")
        for sheet, n in lengths.items():
            if usual is not None and n != usual:
                text = f"the sheet has {n} steps, but sheet Demand has {usual}."
                self.book.note(text, sheet, hint="All series of a year have the same steps.", code="steps")

    def limits(self) -> None:
        """Say where a limit on CO2 limits nothing."""
        emitted = {row["Commodity"] for row in self.book.rows_of("Commodity") if row["Type"] == "Env"}
        for name in ("CO2 limit", "CO2 budget"):
            value, row = self.book.properties.get(name, (INF, 0))
            if value < INF and CO2 not in emitted:
                hint = near(CO2, emitted) or "urbs limits the Env commodity of the name CO2 only."
                self.book.note(
                    f"{name} limits nothing: no Env commodity is called CO2.",
                    "Global",
                    row,
                    severity="warning",
                    hint=hint,
                    code="limit-idle",
                )

    def row_note(
        self, sheet: str, row: Row, column: str, message: str, hint: str, severity: str = "error", code: str = "urbs"
    ) -> None:  # fmt: skip
        self.book.note(message, sheet, int(row["_row"]), column, row.get(column), hint, severity, code)


# --- over all workbooks ----------------------------------------------------------------------------------------------
def _types(books: Sequence[Book]) -> None:
    """Report commodities of two types: urbs tells types by the name alone, over all sites and years."""
    first: dict[str, tuple[str, Book, Row]] = {}
    for book, row in _commodities(books):
        name, kind = row["Commodity"], row["Type"]
        if name and first.setdefault(name, (kind, book, row))[0] != kind:
            other, there, at = first[name]
            place = f"row {at['_row']}{'' if there is book else f' of {there.path.name}'}"
            text = f"'{name}' is of type {kind} here and of type {other} in {place}; urbs takes it for both everywhere."
            book.note(
                text, "Commodity", int(row["_row"]), "Type", kind, "Give one of them another name.", code="two-types"
            )


def _commodities(books: Sequence[Book]) -> Iterator[tuple[Book, Row]]:
    for book in books:
        for row in book.rows_of("Commodity"):
            yield book, row


def _areas(books: Sequence[Book]) -> None:
    """Report sites whose area changes over the years, which can't be kept."""
    first: dict[str, tuple[float, Book]] = {}
    for book in books:
        for row in book.rows_of("Site"):
            area = INF if row["area"] != row["area"] else row["area"]
            known, there = first.setdefault(row["Name"], (area, book))
            if area != known:
                text = f"the area of '{row['Name']}' is {area:g} here and {known:g} in {there.path.name}."
                book.note(
                    text,
                    "Site",
                    int(row["_row"]),
                    "area",
                    row["area"],
                    "Give it the same in all years.",
                    code="not-covered",
                )


def _cost_limit(names: Names, first: Names, *, several: bool) -> None:
    """Say that a Cost limit bounds the whole horizon, and where fixed costs alone exceed it."""
    value, row = names.book.properties.get("Cost limit", (INF, 0))
    if not value < INF or not several:
        return
    fixed = _fixed_cost(first.book)
    text = f"the Cost limit of {value:,.0f} bounds the total cost of all years together in urbs, also where cost is minimised"
    if fixed > value:
        text += f"; the fixed costs of what stands in {first.book.year} alone are {fixed:,.0f} a year: the model would be infeasible"
    hint = "Write inf, or a limit for the whole horizon."
    names.book.note(f"{text}.", "Global", row, "value", value, hint, "warning", "cost-limit")


def _fixed_cost(book: Book) -> float:
    """Return the fixed costs of a year of what stands or must be built, whatever the rest does."""
    parts = (
        ("Process", "fix-cost", "inst-cap", "cap-lo"),
        ("Transmission", "fix-cost", "inst-cap", "cap-lo"),
        ("Storage", "fix-cost-p", "inst-cap-p", "cap-lo-p"),
        ("Storage", "fix-cost-c", "inst-cap-c", "cap-lo-c"),
    )
    total = 0.0
    for sheet, cost, existing, least in parts:
        for row in book.rows_of(sheet):
            capacity = max((row[c] for c in (existing, least) if row[c] == row[c]), default=0.0)
            total += 0.0 if row[cost] != row[cost] else row[cost] * capacity
    return total
