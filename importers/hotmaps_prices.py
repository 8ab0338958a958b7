"""Prices of a hotmaps case: fuels that are bought, electricity that is bought and sold, and what they emit."""

from __future__ import annotations

import math
from dataclasses import replace

from dhsdb.errors import did_you_mean
from dhsdb.importers.hotmaps_case import SOLD, Price, is_set, number
from dhsdb.importers.hotmaps_language import parse
from dhsdb.importers.hotmaps_layout import (
    BOTH,
    CARRIERS,
    CO2,
    ELECTRICITY,
    EXTERNAL,
    FACTORS,
    GENERATORS,
    MODE,
    Row,
    fold,
)
from dhsdb.importers.hotmaps_profiles import ProfiledSheets
from dhsdb.importers.rows import ROW
from dhsdb.importers.urbs_cells import as_name


class PricedSheets(ProfiledSheets):
    """Sheets whose generators buy and sell."""

    def price(self, row: Row, column: str, kind: str) -> Price | None:
        """Return the price of a unit: its own, or the general one, with its own addition."""
        own = self.expression(row[column], GENERATORS, row, column)
        if as_name(row[column]) and own is None:
            return None
        general = self.general_expression(kind)
        if own is None or not (own.id or own.constant is not None):
            if general is None:
                return None
            own = replace(general, offset=general.offset + (own.offset if own else 0.0))
        if own.constant is not None:
            if own.id:
                text = f"the constant {own.constant + own.offset:g} takes the place of the profile {own.name}."
                self.note(text, GENERATORS, row, column, row[column], severity="warning", code="constant-price")
            elif as_name(row[column]):
                text = f"the price is the constant {own.constant + own.offset:g}."
                self.note(text, GENERATORS, row, column, row[column], severity="info", code="constant-price")
            return Price("", own.constant + own.offset)
        named = parse(as_name(row[column]))
        if named is not None and named.id:
            return Price(self.named("price", own, GENERATORS, row, column))
        return Price(self.named("price", own, EXTERNAL, self.external, str(self.external.get(f"header {kind}", kind))))

    def fuel(self, row: Row) -> str:
        """Return the commodity that a unit takes in; empty if there is none, which is reported."""
        name = str(row["name"])
        if self.is_catalogue and row["carrier"]:
            carrier, sheet, place, column = str(row["carrier"]), GENERATORS, row, "carrier"
        else:
            place, sheet, column = self.fuels.get(name, {}), CARRIERS, "carrier"
            carrier = str(place.get("carrier", ""))
        known = self.carriers.get(fold(carrier))
        if not carrier:
            near = did_you_mean(name, [n for n in self.fuels if n])
            self.note(
                f"'{name}' has no carrier.",
                sheet,
                place or row,
                column,
                name,
                hint=near or f"Name it in sheet {CARRIERS}.",
                code="carrier",
            )
            return ""
        if known is None:
            names = [str(k["name"]) for k in self.carriers.values()]
            hint = did_you_mean(carrier, names) or f"Carriers: {', '.join(names)}."
            self.note(f"'{carrier}' has no price.", sheet, place, column, carrier, hint=hint, code="carrier")
            return ""
        known["used"] = True
        if fold(carrier) == ELECTRICITY:
            return self.electricity(row, known)
        if as_name(row["buys_at"]):
            self.note(
                f"ignored: '{name}' buys no electricity.",
                GENERATORS,
                row,
                "buys_at",
                row["buys_at"],
                severity="warning",
                code="price-without-use",
            )
        if number(known.get("price")) != number(known.get("price")):
            self.note(
                f"'{carrier}' has no price, but '{name}' burns it.",
                str(known["sheet"]),
                {"_row": known[ROW]},
                "price",
                hint="Write one, also if it is 0.",
                code="price",
            )
        return str(known["name"])

    def electricity(self, row: Row, known: Row) -> str:
        """Return the electricity that a unit buys: one commodity for each price."""
        price = self.price(row, "buys_at", "price")
        if price is None and number(known.get("price")) == number(known.get("price")):
            price = Price("", number(known["price"]))
        if price is None:
            if not as_name(row["buys_at"]) or parse(as_name(row["buys_at"])):
                severity = "warning" if self.is_catalogue else "error"
                text = "electricity has no price: the workbook names no profile of it."
                if not any(n.message == text for n in self.book.notes):
                    self.book.note(
                        text, EXTERNAL, hint=f"Name one in sheet {EXTERNAL}.", severity=severity, code="price"
                    )
            return str(known["name"])
        general = self.general_expression("price")
        is_general = not as_name(row["buys_at"]) or general is None
        return self.bought.setdefault(price, str(known["name"]) if is_general else f"{known['name']} ({price.label})")

    def sale(self, row: Row) -> str:
        """Return the electricity that a unit sells: one commodity for each price."""
        price = self.price(row, "sells_at", "sale")
        if price is None:
            if not self.is_catalogue and (not as_name(row["sells_at"]) or parse(as_name(row["sells_at"]))):
                self.note(
                    f"'{row['name']}' gives electricity, but there is no price of it.",
                    GENERATORS,
                    row,
                    "sells_at",
                    hint=f"Name a profile in sheet {EXTERNAL}.",
                    code="price",
                )
            return SOLD if self.is_catalogue else ""
        return self.sold.setdefault(price, SOLD if not as_name(row["sells_at"]) else f"{SOLD} ({price.label})")

    def source_price(self, row: Row, n_th: float, profile: str) -> None:
        """Charge the heat that a heat pump takes from its source."""
        price = number(row["source_price"])
        if not is_set(price):
            return
        if profile:
            self.note(
                "a price of the source is not covered where the COP varies.",
                GENERATORS,
                row,
                "source_price",
                price,
                hint="Clear it, or the sensitivities of the COP.",
                code="not-covered",
            )
            return
        name = f"source of {row['name']}"
        self.add(
            "commodity", GENERATORS, row, site=self.site, commodity=name, balance="equal", bought=True, price=price
        )
        self.flow(row, name, "in", 1 - 1 / n_th)

    def flow(self, row: Row, commodity: str, direction: str, ratio: float, profile: str = "") -> None:
        """Make a flow of a generator."""
        self.add(
            "process_flow",
            GENERATORS,
            row,
            site=self.site,
            process=row["name"],
            mode=MODE,
            commodity=commodity,
            direction=direction,
            ratio=ratio,
            ratio_profile=profile or None,
        )

    def fuel_rows(self) -> None:
        """Yield what is bought and sold, with the emission of what is bought."""
        for known in self.carriers.values():
            place = {"_row": known[ROW]}
            price, factor = number(known.get("price")), number(known.get("factor"))
            if fold(str(known["name"])) == ELECTRICITY:
                self.electricity_rows(known, factor)
                continue
            if not math.isnan(price) or known.get("used"):
                self.add(
                    "commodity",
                    str(known["sheet"]),
                    place,
                    site=self.site,
                    commodity=known["name"],
                    balance="equal",
                    bought=True,
                    price=price,
                )
            self.emission(known, str(known["name"]), factor)
        names = set(self.sold.values()) | ({SOLD} if self.is_catalogue and not self.sold else set())
        by_name = {name: price for price, name in self.sold.items()}
        for name in sorted(names):
            price_of = by_name.get(name)
            facts: Row = (
                {}
                if price_of is None
                else {
                    "sold": True,
                    "sale_price": None if price_of.profile else price_of.constant,
                    "sale_profile": price_of.profile or None,
                }
            )
            self.add("commodity", GENERATORS, {}, site=self.site, commodity=name, balance="equal", **facts)

    def electricity_rows(self, known: Row, factor: float) -> None:
        """Make the electricity that is bought, a commodity for each price."""
        place = {"_row": known[ROW]}
        names = {name: price for price, name in self.bought.items()}
        if known.get("used") and not names:
            names = {str(known["name"]): Price("", math.nan)}
        for name, price in names.items():
            is_priced = bool(price.profile) or price.constant == price.constant
            self.add(
                "commodity",
                str(known["sheet"]),
                place,
                site=self.site,
                commodity=name,
                balance="equal",
                bought=True if is_priced else None,
                price=None if price.profile else price.constant,
                price_profile=price.profile or None,
            )
            self.emission(known, name, factor)
        if not names and not math.isnan(factor):
            self.emission(known, str(known["name"]), factor)
        if is_set(known.get("price")) and any(p.profile for p in self.bought):
            self.note(
                "ignored: the price by the hour counts.",
                str(known["sheet"]),
                place,
                "price",
                known["price"],
                severity="warning",
                code="ignored",
            )

    def emission(self, known: Row, commodity: str, factor: float) -> None:
        """Make the emission of a commodity that is bought."""
        sheet = BOTH if BOTH in self.book.tables else FACTORS
        place = {"_row": known.get("factor row", known[ROW])}
        if not math.isnan(factor):
            self.add(
                "commodity_emission", sheet, place, site=self.site, commodity=commodity, emission=CO2, t_per_mwh=factor
            )
        elif known.get("used"):
            self.note(
                f"'{commodity}' has no emission factor: none is counted.",
                sheet,
                place,
                "factor",
                severity="warning",
                code="no-emission-factor",
            )
