"""What a hotmaps case becomes: rows of the input tables, so that the model reproduces the tool's dispatch without flags.

A generator becomes a process whose activity is heat; its fuel is bought, its electricity sold at its own price. Equations
and symbols stand in ``docs/formulation.md``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dhsdb.errors import did_you_mean
from dhsdb.importers.hotmaps_language import Expression, form_hint, parse, profile_name
from dhsdb.importers.hotmaps_layout import (
    BOTH,
    CARRIERS,
    CO2,
    DATA,
    ELECTRICITY,
    EXTERNAL,
    FACTORS,
    GENERATORS,
    HEAT,
    MODE,
    PRICES,
    SOURCES,
    STORAGE,
    STRANGE,
    TYPES,
    Book,
    Row,
    fold,
)
from dhsdb.importers.rows import ROW, Rows, Series
from dhsdb.importers.urbs_cells import as_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from dhsdb.importers.hotmaps_language import Profiles, Values
    from dhsdb.importers.rows import Item

SOLD = "electricity sold"
RENEWABLE = "renewable share"
THRESHOLD = -20.0
"""Temperature below which heat pumps of type ``heat pump`` stand still where the workbook names none."""
COP_FLOOR = 1e-3

_NOT_COVERED = {
    "coldstart": "its cost counts starts, which need a decision in each hour",
    "least_power": "it holds only while the unit runs, which needs a decision in each hour",
    "compressor": "it limits the electricity of the unit, not its heat",
    "condensing_mw": "the line between condensing and back pressure can't be kept",
}
_GENERAL = {"carrier", "buys_at", "sells_at"}


def number(value: Any) -> float:
    """Return a cell of a numeric column."""
    return float(value) if isinstance(value, (int, float)) else math.nan


def is_set(value: Any) -> bool:
    """Return whether a numeric cell holds a number that is not 0."""
    return number(value) == number(value) and number(value) != 0


@dataclass(frozen=True, slots=True)
class Price:
    """A price by the hour, or the same in each."""

    profile: str = ""
    constant: float = 0.0

    @property
    def label(self) -> str:
        """What tells it from other prices."""
        return self.profile.removeprefix("price ") or f"{self.constant:g}"


class Case:
    """One workbook on its way to rows.

    Parameters
    ----------
    choices
        Which alternative of a sheet is taken, 1 first.
    later
        Whether a profile that is nowhere may come later.
    """

    def __init__(self, book: Book, profiles: Profiles, site: str, choices: Mapping[str, int], later: bool) -> None:  # noqa: FBT001
        self.book = book
        self.profiles = profiles
        self.site = site
        self.choices = choices
        self.later = later
        self.tables: dict[tuple[str, str], list[Row]] = {}
        self.series: dict[str, Series] = {}
        self.read_kinds: set[str] = set()
        self.bought: dict[Price, str] = {}
        self.sold: dict[Price, str] = {}
        self.external: Row = self.chosen_externals()
        self.general: Row = self.alternative(DATA, book.rows_of(DATA))
        self.carriers = self.read_carriers()
        self.fuels = {str(r["name"]): r for r in book.rows_of(CARRIERS)}

    @property
    def is_catalogue(self) -> bool:
        """Whether it lists technologies without capacity."""
        return self.book.form == "catalogue"

    # --- alternatives -------------------------------------------------------------------------------------------------
    def alternative(self, sheet: str, rows: list[Row]) -> Row:
        """Return the row that is chosen among those of a sheet."""
        at = self.choices.get(sheet, 1)
        return rows[at - 1] if at <= len(rows) else {}

    def chosen_externals(self) -> Row:
        """Return the names of the profiles."""
        return self.alternative(EXTERNAL, self.book.externals)

    def read_carriers(self) -> dict[str, Row]:
        """Return price and emission factor of each carrier, of the chosen alternatives."""
        found: dict[str, Row] = {}
        for sheet, column in ((BOTH, "price"), (BOTH, "factor"), (PRICES, "price"), (FACTORS, "factor")):
            for row in self.book.rows_of(sheet):
                values = row.get(f"all {column}", [])
                at = self.choices.get(sheet, 1) - 1
                value = number(values[at]) if at < len(values) else math.nan
                name = str(row["carrier"])
                known = found.setdefault(fold(name), {"name": name, ROW: row["_row"], "sheet": sheet})
                if column in known and sheet != BOTH:
                    self.note(
                        f"'{name}' is there twice.", sheet, row, "carrier", name, hint="Leave one.", code="duplicate"
                    )
                elif sheet == BOTH and known[ROW] != row["_row"] and column == "price":
                    self.note(
                        f"'{name}' is there twice, first in row {known[ROW]}.",
                        sheet,
                        row,
                        "carrier",
                        name,
                        hint="Leave one.",
                        code="duplicate",
                    )
                if not name:
                    self.note(
                        "the carrier has no name.", sheet, row, "carrier", hint="Each row needs one.", code="name"
                    )
                known.setdefault(column, value)
                known.setdefault(f"{column} row", row["_row"])
        return found

    # --- the whole ----------------------------------------------------------------------------------------------------
    def run(self) -> None:
        """Make the rows; what is wrong goes to the notes of the workbook."""
        rows = [r for r in self.book.rows_of(GENERATORS) if r["name"]]
        if not rows:
            self.book.note(
                "the workbook holds no generators: it is an empty template.",
                GENERATORS,
                hint="Fill it in, or name the file that holds the case.",
                code="empty",
            )
            return
        self.check_fuels(rows)
        self.frame()
        for row in rows:
            self.generator(row)
        self.fuel_rows()
        self.demand()
        self.stores()
        self.renewable(rows)
        self.unread()

    def add(self, table: str, sheet: str, row: Row, **facts: Any) -> None:
        """Keep a row of a table, of this year."""
        year = {} if table in ("site", "model_year") else {"year": self.book.year}
        self.tables.setdefault((table, sheet), []).append({**year, **facts, ROW: row.get("_row", 1)})

    def note(self, message: str, sheet: str, row: Row, column: str = "", value: object = None, **facts: str) -> None:
        """Keep a problem of a cell."""
        title = self.book.header(sheet, column) if column else ""
        name = self.book.tables[sheet].name if sheet in self.book.tables else sheet
        self.book.note(message, name, row.get("_row"), title, value, **facts)

    def frame(self) -> None:
        """Make what stands around the generators: site, year, price of CO2, heat."""
        interest = number(self.general.get("interest"))
        self.add("site", DATA, self.general, site=self.site, discount_rate=interest)
        if self.book.year is not None:
            self.add("model_year", DATA, self.general, year=self.book.year)
        price = number(self.general.get("co2_price"))
        if not math.isnan(price):
            self.add("emission", DATA, self.general, site=self.site, emission=CO2, price=price)
        self.add(
            "commodity",
            DATA,
            self.general,
            site=self.site,
            commodity=HEAT,
            balance="equal" if self.book.is_heat_pump_form else "surplus",
        )

    def check_fuels(self, rows: list[Row]) -> None:
        """Report carriers of generators that are not there."""
        known = [str(r["name"]) for r in rows]
        for name, row in self.fuels.items():
            if name and name not in known:
                hint = did_you_mean(name, known) or "Take the row out, or add the generator."
                self.note(f"'{name}' is not in {GENERATORS}.", CARRIERS, row, "name", name, hint=hint, code="name")

    # --- generators ---------------------------------------------------------------------------------------------------
    def generator(self, row: Row) -> None:
        """Make a process of a generator."""
        name, kind = str(row["name"]), str(row["type"])
        if fold(kind) not in {fold(t) for t in TYPES}:
            hint = did_you_mean(kind, TYPES) or f"Types: {', '.join(TYPES)}."
            self.note(f"'{kind}' is no type of generator.", GENERATORS, row, "type", kind, hint=hint)
            return
        n_th, n_el, capacity = number(row["n_th"]), number(row["n_el"]), number(row["capacity"])
        if not n_th > 0:
            self.no_efficiency(row, n_th, capacity)
            return
        if n_el < 0:
            self.note(f"{n_el:g} is no efficiency.", GENERATORS, row, "n_el", n_el, hint="It can't be negative.")
            return
        if math.isnan(capacity):
            self.note("the capacity is blank.", GENERATORS, row, "capacity", hint="Write 0 if there is none.")
        self.not_covered(row, capacity)
        ratio_profile, avail = self.availability(row, n_th)
        must_run, potential = number(row["must_run"]), number(row["potential"])
        self.add(
            "process",
            GENERATORS,
            row,
            site=self.site,
            process=name,
            existing_mw=capacity,
            life=number(row["life"]),
            wacc=number(self.general.get("interest")),
            capital=number(row["capital"]),
            fixed=number(row["fixed"]),
            min_load=must_run,
            ramp_cost=number(row["ramp_cost"]),
            avail_profile=avail or None,
            avail_rule="max" if avail else None,
        )
        self.add(
            "process_mode",
            GENERATORS,
            row,
            site=self.site,
            process=name,
            mode=MODE,
            variable=number(row["variable"]),
            act_max_mwh=potential,
        )
        self.flow(row, HEAT, "out", 1.0)
        fuel = self.fuel(row)
        if fuel:
            self.flow(row, fuel, "in", 1 / n_th, ratio_profile)
        if n_el > 0 and (sold := self.sale(row)):
            self.flow(row, sold, "out", n_el / n_th, ratio_profile)
        elif as_name(row["sells_at"]) and not n_el > 0:
            self.note(
                f"ignored: '{name}' sells no electricity.",
                GENERATORS,
                row,
                "sells_at",
                row["sells_at"],
                severity="warning",
                code="price-without-use",
            )
        self.source_price(row, n_th, ratio_profile)

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

    def no_efficiency(self, row: Row, n_th: float, capacity: float) -> None:
        """Refuse a unit without efficiency, or leave it out where it has no capacity either."""
        if (n_th == 0 or math.isnan(n_th)) and not is_set(capacity):
            text = f"left out: '{row['name']}' has neither efficiency nor capacity."
            self.note(text, GENERATORS, row, "n_th", row["n_th"], severity="warning", code="no-efficiency")
        else:
            shown = "blank" if math.isnan(n_th) else f"{n_th:g}"
            self.note(
                f"the efficiency is {shown}.",
                GENERATORS,
                row,
                "n_th",
                row["n_th"],
                hint="It must be above 0: heat per input.",
            )

    def not_covered(self, row: Row, capacity: float) -> None:
        """Refuse what can't be kept, where it says anything."""
        for column, why in _NOT_COVERED.items():
            if is_set(row[column]):
                title = self.book.header(GENERATORS, column)
                self.note(
                    f"{title} is not covered: {why}.",
                    GENERATORS,
                    row,
                    column,
                    row[column],
                    hint="Clear it to leave it out.",
                    code="not-covered",
                )
        if number(row["most_power"]) < capacity:
            self.note(
                "the output power is limited below the capacity.",
                GENERATORS,
                row,
                "most_power",
                row["most_power"],
                hint="Lower the capacity instead.",
                code="not-covered",
            )
        if row["refrigerant"]:
            self.note(
                f"ignored: the refrigerant of '{row['name']}'.",
                GENERATORS,
                row,
                "refrigerant",
                row["refrigerant"],
                severity="info",
                code="ignored",
            )
        if not 0 <= (share := number(row["renewable"])) <= 1 and not math.isnan(share):
            self.note(f"{share:g} is no share.", GENERATORS, row, "renewable", share, hint="It is between 0 and 1.")

    # --- prices -------------------------------------------------------------------------------------------------------
    def expression(self, cell: object, sheet: str, row: Row, column: str) -> Expression | None:
        """Return what a cell says of a profile; None if it is blank or wrong."""
        text = as_name(cell)
        if not text or text.casefold() in ("nan", "none"):
            return None
        found = parse(text) if isinstance(cell, str) else None
        if found is None:
            self.note(
                f"'{text[:80]}' names no profile.",
                sheet,
                row,
                column,
                text[:80],
                hint=form_hint(cell),
                code="expression",
            )
        return found

    def general_expression(self, kind: str) -> Expression | None:
        """Return the profile of a kind that holds for all units."""
        self.read_kinds.add(kind)
        row: Row = {"_row": self.external.get("_row")}
        return self.expression(
            self.external.get(kind),
            self.external.get("sheet", EXTERNAL),
            row,
            str(self.external.get(f"header {kind}", kind)),
        )

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

    # --- profiles -----------------------------------------------------------------------------------------------------
    def named(self, kind: str, expression: Expression, sheet: str, row: Row, column: str) -> str:
        """Return the name of a profile, whose values are kept; one that is nowhere is reported."""
        name = profile_name(kind, expression)
        values, path = self.values_of(kind, expression, sheet, row, column)
        if values is not None:
            meaning = {"load": "share", "price": "price"}.get(kind, "factor")
            text = f"hotmaps: {kind} {expression.name}"
            if path is not None:  # the scenario keeps it for workbooks that come without it
                self.keep(profile_name(kind, replace(expression, offset=0.0)), values, meaning, text, path)
            if expression.offset:
                self.keep(name, values + expression.offset, meaning, f"{text} plus {expression.offset:g}", path)
        return name

    def values_of(
        self, kind: str, expression: Expression, sheet: str, row: Row, column: str
    ) -> tuple[Values | None, Any]:
        """Return the values of a profile and its file; one that is nowhere is reported once."""
        base = replace(expression, offset=0.0)
        values, path = self.profiles.values(kind, base)
        if values is None:
            severity = "warning" if self.later else "error"
            text = f"the {kind} profile {base.name} is in no file and not in the scenario."
            if self.later and expression.offset:
                text += f" '{profile_name(kind, expression)}' is it plus {expression.offset:g}."
            hint = self.profiles.hint(kind, base)
            if not any(n.message == text for n in self.book.notes):
                self.note(text, sheet, row, column, base.name, hint=hint, severity=severity, code="profile-missing")
        return values, path

    def keep(self, name: str, values: Values, kind: str, text: str, path: Any = None, unit: str = "") -> None:
        """Keep the values of a profile."""
        calendar = "noleap" if len(values) != 8784 else "standard"  # noqa: PLR2004
        self.series[name] = Series(name, values, kind, path or self.book.path, unit=unit, text=text, calendar=calendar)

    def general_values(self, kind: str, row: Row) -> Values | None:
        """Return the values of the general profile of a kind; None if there is none, which is reported."""
        expression = self.general_expression(kind)
        header = str(self.external.get(f"header {kind}", kind))
        if expression is None:
            severity = "warning" if self.later or self.is_catalogue else "error"
            text = f"'{row['name']}' needs the profile of its {kind}, but the workbook names none."
            hint = f"Name one in sheet {EXTERNAL}, or leave it out with -o missing_profiles=later."
            self.book.note(
                text,
                EXTERNAL,
                self.external.get("_row"),
                header,
                hint=hint,
                severity=severity,
                code="profile-missing",
            )
            return None
        if expression.constant is not None:
            return np.full(8760, expression.constant + expression.offset)
        values, _ = self.values_of(kind, expression, EXTERNAL, self.external, header)
        return None if values is None else values + expression.offset

    # --- availability and COP -----------------------------------------------------------------------------------------
    def availability(self, row: Row, n_th: float) -> tuple[str, str]:
        """Return the profiles of input per heat and of availability; empty where a unit has none."""
        kind = fold(str(row["type"]))
        sensitive = any(is_set(row[c]) for c in ("by_source", "by_flow", "by_return"))
        if kind in STRANGE:
            text = f"the published version of the tool does not know the type {row['type']}: it would keep the COP of"
            text += f" '{row['name']}' constant; here it follows its temperatures."
            self.note(text, GENERATORS, row, "type", row["type"], severity="warning", code="type-unknown-to-tool")
        if kind in SOURCES:
            return self.heat_pump(row, n_th) if sensitive or is_set(row["off_below"]) else ("", "")
        if sensitive:
            text = f"ignored: '{row['name']}' carries the COP sensitivity of a heat pump, but is of type {row['type']}."
            self.note(text, GENERATORS, row, "by_source", row["by_source"], severity="warning", code="cop-sensitivity")
        if kind == "solar thermal":
            return "", self.solar(row)
        return "", self.frost(row) if kind == "heat pump" else ""

    def solar(self, row: Row) -> str:
        """Return the availability of a solar field: radiation as a share of its maximum."""
        values = self.general_values("radiation", row)
        if values is None:
            return f"solar {row['name']}" if self.later or self.is_catalogue else ""
        if not values.max() > 0:
            self.note("the radiation is never above 0.", GENERATORS, row, "name", row["name"])
            return ""
        name = f"solar {row['name']}" + (f" {self.book.year}" if self.book.year else "")
        self.keep(
            name, np.clip(values, 0, None) / values.max(), "factor", "hotmaps: radiation as a share of its maximum"
        )
        return name

    def frost(self, row: Row) -> str:
        """Return the availability of a heat pump that stands still in the cold; empty if it never does."""
        given = number(self.general.get("threshold"))
        threshold = given if not math.isnan(given) else THRESHOLD
        said = "" if not math.isnan(given) else ", which the tool takes where the workbook names none"
        if not as_name(self.external.get("temperature")):
            text = f"not applied: heat pumps stand still at {threshold:g} °C{said}; the workbook names no temperature."
            self.note(text, GENERATORS, row, "type", severity="info", code="heat-pump-threshold")
            return ""
        values = self.general_values("temperature", row)
        if values is None:
            return ""
        off = values <= threshold
        text = f"heat pumps stand still at {threshold:g} °C{said}: '{row['name']}' in {int(off.sum())} hours."
        self.note(text, GENERATORS, row, "type", severity="info", code="heat-pump-threshold")
        if not off.any():
            return ""
        name = f"availability {row['name']}" + (f" {self.book.year}" if self.book.year else "")
        self.keep(name, np.where(off, 0.0, 1.0), "factor", f"hotmaps: heat pump above {threshold:g} °C")
        return name

    def heat_pump(self, row: Row, n_th: float) -> tuple[str, str]:
        """Return the profiles of a heat pump whose COP follows temperatures."""
        source = SOURCES[fold(str(row["type"]))]
        parts = (
            ("by_source", source, "source_c"),
            ("by_flow", "flow temperature", "flow_c"),
            ("by_return", "return temperature", "return_c"),
        )
        values: dict[str, Values] = {}
        is_complete = True
        for column, kind, nominal in parts:
            if not is_set(row[column]) and not (column == "by_source" and is_set(row["off_below"])):
                continue
            if is_set(row[column]) and number(row[nominal]) != number(row[nominal]):
                self.note(
                    "the temperature to which the sensitivity refers is blank.",
                    GENERATORS,
                    row,
                    nominal,
                    hint="Write it.",
                )
                is_complete = False
            found = self.general_values(kind, row)
            is_complete = is_complete and found is not None
            if found is not None:
                values[column] = found
        if not is_complete or len({len(v) for v in values.values()}) != 1:
            if is_complete and values:
                self.note("its temperature profiles are of different length.", GENERATORS, row, "name", row["name"])
            elif self.later:
                text = f"left out: the COP of '{row['name']}' stays {n_th:g}, and its capacity too, since temperature profiles are missing."
                self.note(text, GENERATORS, row, "by_source", severity="warning", code="cop-constant")
            return "", ""
        cop = np.full(len(next(iter(values.values()))), n_th)
        for column, _, nominal in parts:
            if is_set(row[column]):
                cop = cop + (values[column] - number(row[nominal])) * number(row[column])
        cop = np.maximum(cop, COP_FLOOR)
        avail = cop / n_th * self.fade(row, values.get("by_source"))
        suffix = f"{row['name']}" + (f" {self.book.year}" if self.book.year else "")
        self.keep(f"input {suffix}", n_th / cop, "factor", "hotmaps: nominal COP by COP")
        self.keep(f"availability {suffix}", avail, "factor", "hotmaps: COP by nominal COP, and less near the shut-off")
        return f"input {suffix}", f"availability {suffix}"

    def fade(self, row: Row, source: Values | None) -> Values | float:
        """Return the share of power near the temperature of the source at which a heat pump shuts off."""
        low, high = number(row["off_below"]), number(row["fades_below"])
        if source is None or math.isnan(low):
            return 1.0
        if not high > low:
            return np.where(source <= low, 0.0, 1.0)
        text = f"between {low:g} and {high:g} °C of its source the power of '{row['name']}' is taken to rise evenly."
        self.note(text, GENERATORS, row, "fades_below", severity="info", code="fade-out")
        return np.clip((source - low) / (high - low), 0.0, 1.0)

    # --- demand, stores, limit ----------------------------------------------------------------------------------------
    def demand(self) -> None:
        """Make the demand: a total, and its shares by the hour."""
        total, scale = number(self.general.get("demand")), number(self.general.get("scale"))
        if not self.general or math.isnan(total) or total < 0:
            self.note(
                "the total demand is not there or negative.",
                DATA,
                self.general,
                "demand",
                self.general.get("demand"),
                hint="Write the MWh of a year.",
                code="demand",
            )
            return
        expression = self.general_expression("load")
        column = str(self.external.get("header load", "Demand"))
        if expression is None:
            severity = "warning" if self.is_catalogue else "error"
            text = f"the demand of {total:g} MWh has no profile by the hour" + (
                ": it is left out." if self.is_catalogue else "."
            )
            self.note(
                text,
                DATA,
                self.general,
                "demand",
                total,
                hint=f"Name a profile in sheet {EXTERNAL}.",
                severity=severity,
                code="demand",
            )
            return
        if expression.constant is not None or expression.offset:
            self.note(
                "a demand can't be a constant or have something added.",
                EXTERNAL,
                self.external,
                column,
                self.external.get("load"),
                hint="Name a profile.",
                code="expression",
            )
            return
        name = self.named("load", expression, EXTERNAL, self.external, column)
        values = self.series[name].values if name in self.series else None
        if values is not None and abs(values.sum() - 1) > 1e-6:  # noqa: PLR2004
            text = f"the load profile {expression.name} sums to {values.sum():g}, not to 1: the demand is taken times that,"
            text += " as the tool does."
            self.note(text, EXTERNAL, self.external, column, severity="warning", code="profile-sum")
            total *= float(values.sum())
        mwh = total * (1.0 if math.isnan(scale) else scale)
        self.add("demand", DATA, self.general, site=self.site, commodity=HEAT, timing="slice", mwh=mwh, profile=name)

    def stores(self) -> None:
        """Make the stores."""
        is_later = self.book.is_heat_pump_form
        for row in self.book.rows_of(STORAGE):
            if not row["name"]:
                continue
            self.add(
                "storage",
                STORAGE,
                row,
                site=self.site,
                storage=row["name"],
                commodity=HEAT,
                kind="chain",
                e_existing=number(row["capacity"]),
                charge_max=number(row["load"]),
                discharge_max=number(row["unload"]),
                eff_in=number(row["eff_in"]),
                eff_out=number(row["eff_out"]),
                loss=number(row["loss"]),
                life=number(row["life"]),
                wacc=number(self.general.get("interest")),
                capital_e=number(row["capital"]),
                fixed_e=number(row["fixed"]),
                end_rule="cyclic" if is_later else "hotmaps",
                timing="lag",
            )
            hint = "Here both efficiencies count." if is_later else "The option physics=hotmaps repeats that."
            text = f"the tool takes the loading efficiency of '{row['name']}' for both ways, so that nothing is lost in a round trip."
            self.note(
                text, STORAGE, row, "eff_in", row["eff_in"], hint=hint, severity="info", code="storage-efficiency"
            )

    def renewable(self, rows: list[Row]) -> None:
        """Ask for a share of heat and electricity from what is renewable."""
        share = number(self.general.get("renewable"))
        if math.isnan(share) or not any(number(r["renewable"]) == number(r["renewable"]) for r in rows):
            return
        if not 0 <= share <= 1:
            self.note(f"{share:g} is no share.", DATA, self.general, "renewable", share, hint="It is between 0 and 1.")
            return
        year = "" if self.book.year is None else f" {self.book.year}"
        limit = f"{RENEWABLE}{year}"
        self.add(
            "limit",
            DATA,
            self.general,
            limit=limit,
            sense="min",
            value=share,
            unit=None,
            per="year",
            quantity="production",
            base="production",
            tag="hotmaps: Minimum Renewable Factor",
        )
        made = {str(r["process"]) for r in self.tables.get(("process", GENERATORS), [])}
        for n, row in enumerate((r for r in rows if str(r["name"]) in made), 1):
            given = number(row["renewable"])
            facts: Row = {"limit": limit, "n": n, "site": self.site, "process": row["name"]}
            self.add("limit_term", GENERATORS, row, side="lhs", factor=given if not math.isnan(given) else 0.0, **facts)
            self.add("limit_term", GENERATORS, row, side="base", factor=1.0, **facts)

    def unread(self) -> None:
        """Name the profiles that no unit needs."""
        for kind, cell in self.external.items():
            if kind in ("_row", "sheet") or kind.startswith("header ") or kind in self.read_kinds or not as_name(cell):
                continue
            self.book.note(
                f"not read: no unit needs the {kind} ({as_name(cell)[:60]}).",
                str(self.external["sheet"]),
                self.external["_row"],
                str(self.external[f"header {kind}"]),
                as_name(cell)[:60],
                severity="info",
                code="ignored",
            )


# --- rows ------------------------------------------------------------------------------------------------------------
_UNITS: dict[str, dict[str, str]] = {
    "process": {"existing_mw": "capacity", "capital": "capital", "fixed": "fixed"},
    "process_mode": {"variable": "variable", "act_max_mwh": "potential"},
    "storage": {
        "e_existing": "capacity",
        "charge_max": "load",
        "discharge_max": "unload",
        "capital_e": "capital",
        "fixed_e": "fixed",
        "loss": "loss",
    },
    "commodity": {"price": "price"},
    "commodity_emission": {"t_per_mwh": "factor"},
    "emission": {"price": "co2_price"},
    "demand": {"mwh": "demand"},
}


def items(case: Case) -> Iterator[Item]:
    """Yield the rows of a case, table by table."""
    for (table, sheet), rows in case.tables.items():
        yield rows_of(case.book, table, sheet, rows)


def rows_of(book: Book, table: str, sheet: str, rows: Iterable[Row]) -> Rows:
    """Return rows of a table in the units of their sheet."""
    import pandas as pd  # heavy

    frame = pd.DataFrame(list(rows))
    held = book.tables.get(sheet)
    units = {
        c: held.units[own] for c, own in _UNITS.get(table, {}).items() if held and own in held.units and c in frame
    }
    return Rows(table, frame, book.path, held.name if held else sheet, units, partial=table == "site")
