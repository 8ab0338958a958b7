"""The reduced example of urbs in oemof.solph: converters with sought input capacity, storages, paired investments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
from oemof import solph

if TYPE_CHECKING:
    from tests.reference.urbs_pyomo import Book, Row

INF = float("inf")


def system(book: Book, start: int, count: int) -> solph.EnergySystem:
    """Return the energy system over the steps after ``start``; costs are annual ones."""
    index = pd.date_range("2024-01-01", periods=count + 1, freq="h")
    found = solph.EnergySystem(timeindex=index, infer_last_interval=False)
    found.weight, found.count = 8760.0 / count, count
    steps = slice(start + 1, start + count + 1)
    kinds = {c: kind for _, c, kind in book.commodity}
    buses: dict[tuple[str, str], Any] = {}
    for site, commodity, kind in book.commodity:
        if kind in ("Env", "SupIm"):
            continue
        bus = buses[site, commodity] = solph.Bus(label=f"{site} {commodity}")
        found.add(bus)
        row, series = book.commodity[site, commodity, kind], book.series["Buy-Sell-Price"].get(commodity)
        if kind == "Demand":
            load = book.series["Demand"][f"{site}.{commodity}"][steps]
            found.add(
                solph.components.Sink(label=f"{site} demand", inputs={bus: solph.Flow(fix=load, nominal_capacity=1)})
            )
        elif kind == "Stock":
            cost = solph.Flow(variable_costs=row["price"] * found.weight)
            found.add(solph.components.Source(label=f"{site} {commodity} supply", outputs={bus: cost}))
        elif kind == "Buy":
            cost = solph.Flow(variable_costs=row["price"] * series[steps] * found.weight)
            found.add(solph.components.Source(label=f"{site} {commodity} market", outputs={bus: cost}))
        else:
            paid = solph.Flow(variable_costs=-row["price"] * series[steps] * found.weight)
            found.add(solph.components.Sink(label=f"{site} {commodity} market", inputs={bus: paid}))
    for key in book.process:
        _process(found, book, key, buses, kinds, steps)
    for (a, b, name, commodity), row in book.line.items():
        flow = solph.Flow(nominal_capacity=_investment(row, ""), variable_costs=row["var-cost"] * found.weight)
        found.add(solph.components.Converter(label=f"{name} {a} {b}", inputs={buses[a, commodity]: flow},
                  outputs={buses[b, commodity]: solph.Flow()}, conversion_factors={buses[b, commodity]: row["eff"]}))  # fmt: skip
    for (site, name, commodity), row in book.storage.items():
        _storage(found, f"{site} {name}", buses[site, commodity], row)
    return found


def _process(
    found: solph.EnergySystem, book: Book, key: tuple[str, str], buses: dict[tuple[str, str], Any], kinds: dict[str, str],
    steps: slice,
) -> None:  # fmt: skip
    site, process = key
    row, label = book.process[key], f"{site} {process}"
    if row["cap-up"] == 0:
        return
    (source,) = book.ratio[process, "In"]
    (target,) = (c for c in book.ratio[process, "Out"] if kinds[c] != "Env")
    emitted = sum(flow["ratio"] for c, flow in book.ratio[process, "Out"].items() if kinds[c] == "Env")
    size = _investment(row, "")
    if row.get("area-per-cap", 0.0) > 0 and book.area[site] < INF:
        size.maximum = [min(row["cap-up"], book.area[site] / row["area-per-cap"])]  # one process needs area
    costs = {"nominal_capacity": size, "variable_costs": row["var-cost"] * found.weight}
    to = buses[site, target]
    if kinds[source] == "SupIm":
        flow = solph.Flow(fix=book.series["SupIm"][f"{site}.{source}"][steps], **costs)
        found.add(solph.components.Source(label=label, outputs={to: flow}))
        return
    varying = book.series["TimeVarEff"].get(f"{site}.{process}")
    ratio = book.ratio[process, "Out"][target]["ratio"]
    flow = solph.Flow(**costs, custom_attributes={"emission_factor": emitted})
    efficiency = ratio if varying is None else ratio * varying[steps]
    found.add(solph.components.Converter(label=label, inputs={buses[site, source]: flow}, outputs={to: solph.Flow()},
              conversion_factors={to: efficiency}))  # fmt: skip


def _storage(found: solph.EnergySystem, label: str, bus: Any, row: Row) -> None:
    power = {"variable_costs": row["var-cost-p"] * found.weight}
    found.add(solph.components.GenericStorage(
        label=label, inputs={bus: solph.Flow(nominal_capacity=_investment(row, "-p"), **power)},
        outputs={bus: solph.Flow(nominal_capacity=solph.Investment(), **power)}, invest_relation_input_output=1.0,
        nominal_capacity=_investment(row, "-c"), loss_rate=row["discharge"], balanced=True,
        inflow_conversion_factor=row["eff-in"], outflow_conversion_factor=row["eff-out"],
    ))  # fmt: skip


def _investment(row: Row, suffix: str) -> solph.Investment:
    i, n = row["wacc"], row["depreciation"]
    annuity = i * (1 + i) ** n / ((1 + i) ** n - 1)
    cost = annuity * row[f"inv-cost{suffix}"] + row[f"fix-cost{suffix}"]
    return solph.Investment(ep_costs=cost, minimum=row[f"cap-lo{suffix}"], maximum=row[f"cap-up{suffix}"])


def model(found: solph.EnergySystem, book: Book) -> Any:
    """Return solph's Pyomo model, with the limit on CO2 and the equal capacities of pairs."""
    m = solph.Model(found)
    node = {str(n.label): n for n in found.nodes}
    solph.constraints.emission_limit(m, limit=book.properties["CO2 limit"] / found.weight)
    invest = m.InvestmentFlowBlock.invest

    def equal(one: tuple[str, str], other: tuple[str, str]) -> None:
        a, b = (invest[node[source], node[target], 0] for source, target in (one, other))
        solph.constraints.equate_variables(m, a, b)

    for a, b, name, commodity in book.line:
        if a < b:
            equal((f"{a} {commodity}", f"{name} {a} {b}"), (f"{b} {commodity}", f"{name} {b} {a}"))
    for site in {site for site, process in book.process if process == "Feed-in"}:
        equal((f"{site} Elec buy", f"{site} Purchase"), (f"{site} Elec", f"{site} Feed-in"))
    return m
