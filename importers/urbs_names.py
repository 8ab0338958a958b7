"""What urbs workbooks name: commodities with their types, processes with their flows and sites."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from dhsdb.errors import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dhsdb.importers.urbs_layout import Book

Row = dict[str, Any]

INF = float("inf")
CO2 = "CO2"


class Names:
    """What a workbook names.

    Attributes
    ----------
    at
        Rows of sheet Commodity by site and commodity.
    flows
        Rows of sheet Process-Commodity by process.
    sites
        Sites of each process.
    partial
        Processes with a part-load input ratio, to which alone urbs applies the minimum load.
    """

    def __init__(self, book: Book) -> None:
        self.book = book
        self.at: dict[str, dict[str, Row]] = defaultdict(dict)
        for row in book.rows_of("Commodity"):
            self.at[row["Site"]].setdefault(row["Commodity"], row)
        self.flows: dict[str, list[Row]] = defaultdict(list)
        for row in book.rows_of("Process-Commodity"):
            self.flows[row["Process"]].append(row)
        self.sites: dict[str, list[str]] = defaultdict(list)
        for row in book.rows_of("Process"):
            self.sites[row["Process"]].append(row["Site"])
        self.partial = {
            process
            for process, rows in self.flows.items()
            if any(is_partial(r) and r["Direction"] == "In" for r in rows)
        }

    def type_of(self, site: str, commodity: str) -> str:
        """Return the type of a commodity at a site; empty if it is not there."""
        return str(self.at.get(site, {}).get(commodity, {}).get("Type", ""))

    def series(self, sheet: str) -> set[str]:
        """Return the headers of a sheet of hourly values."""
        return set(self.book.series[sheet].columns) if sheet in self.book.series else set()


def is_partial(row: Row) -> bool:
    """Return whether a flow has a part-load ratio."""
    return bool(row["ratio-min"] > 0)


def near(name: str, known: Iterable[str]) -> str:
    """Return ``Did you mean 'x'?`` for a name that begins alike, or else for the nearest one; or an empty string."""
    names = list(known)
    short = name.casefold()
    alike = [k for k in names if k and (k.casefold().startswith(short) or short.startswith(k.casefold()))]
    return did_you_mean(name, alike) or (f"Did you mean '{alike[0]}'?" if alike else did_you_mean(name, names))
