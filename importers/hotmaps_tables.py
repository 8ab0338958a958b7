"""What a hotmaps case becomes: rows of the input tables, so that the model reproduces the tool's dispatch without flags.

A generator becomes a process whose activity is heat; its fuel is bought, its electricity sold at its own price. Equations
and symbols stand in ``docs/formulation.md``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from dhsdb.errors import did_you_mean
from dhsdb.importers.hotmaps_case import RENEWABLE, is_set, number, rows_of
from dhsdb.importers.hotmaps_layout import (
    CARRIERS,
    CO2,
    DATA,
    EXTERNAL,
    GENERATORS,
    HEAT,
    MODE,
    STORAGE,
    TYPES,
    Row,
    fold,
)
from dhsdb.importers.hotmaps_prices import PricedSheets
from dhsdb.importers.urbs_cells import as_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dhsdb.importers.rows import Item

_NOT_COVERED = {
    "coldstart": "its cost counts starts, which need a decision in each hour",
    "least_power": "it holds only while the unit runs, which needs a decision in each hour",
    "compressor": "it limits the electricity of the unit, not its heat",
    "condensing_mw": "the line between condensing and back pressure can't be kept",
}


class Case(PricedSheets):
    """One workbook on its way to rows."""

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


def items(case: Case) -> Iterator[Item]:
    """Yield the rows of a case, table by table."""
    for (table, sheet), rows in case.tables.items():
        yield rows_of(case.book, table, sheet, rows)
