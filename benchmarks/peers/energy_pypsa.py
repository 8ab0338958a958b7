"""The reduced example of urbs in PyPSA: buses for power, fuels and CO2, links for plants and lines, stores for storages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pypsa

if TYPE_CHECKING:
    from tests.reference.urbs_pyomo import Book, Row

INF = float("inf")


def network(book: Book, start: int, count: int) -> pypsa.Network:
    """Return the network over the steps after ``start``; costs are annual ones."""
    n = pypsa.Network()
    n.set_snapshots(pd.RangeIndex(start + 1, start + count + 1))
    n.snapshot_weightings["objective"] = 8760.0 / count
    steps = slice(start + 1, start + count + 1)
    kinds = {c: kind for _, c, kind in book.commodity}
    for site, commodity, kind in book.commodity:
        if kind == "Demand":
            n.add("Bus", f"{site} {commodity}")
            n.add(
                "Load",
                f"{site} demand",
                bus=f"{site} {commodity}",
                p_set=book.series["Demand"][f"{site}.{commodity}"][steps],
            )
        elif kind == "Stock":
            n.add("Bus", f"{site} {commodity}")
            n.add("Generator", f"{site} {commodity}", bus=f"{site} {commodity}", p_nom=INF,
                  marginal_cost=book.commodity[site, commodity, kind]["price"])  # fmt: skip
    n.add("Bus", "CO2")
    n.add("Store", "CO2", bus="CO2", e_nom=book.properties["CO2 limit"] * count / 8760.0)
    for (site, process), row in book.process.items():
        _process(n, book, (site, process, row), kinds, steps)
    for (a, b, name, commodity), row in book.line.items():
        n.add("Link", f"{name} {a} {b}", bus0=f"{a} {commodity}", bus1=f"{b} {commodity}", efficiency=row["eff"],
              marginal_cost=row["var-cost"], **_size(row, ""))  # fmt: skip
    for (site, name, commodity), row in book.storage.items():
        _storage(n, f"{site} {name}", f"{site} {commodity}", row)
    return n


def _process(n: pypsa.Network, book: Book, what: tuple[str, str, Row], kinds: dict[str, str], steps: slice) -> None:
    site, process, row = what
    name, size = f"{site} {process}", _size(row, "")
    taken, given = book.ratio[process, "In"], book.ratio[process, "Out"]
    (source,) = taken
    price = book.series["Buy-Sell-Price"]
    if row.get("area-per-cap", 0.0) > 0 and book.area[site] < INF:
        size["p_nom_max"] = min(size["p_nom_max"], book.area[site] / row["area-per-cap"])  # one process needs area
    (target,) = (c for c in given if kinds[c] != "Env")
    ratio = given[target]["ratio"]
    emitted = sum(flow["ratio"] for c, flow in given.items() if kinds[c] == "Env")
    if kinds[source] == "SupIm":
        share = book.series["SupIm"][f"{site}.{source}"][steps]
        n.add(
            "Generator",
            name,
            bus=f"{site} {target}",
            p_max_pu=share,
            p_min_pu=share,
            marginal_cost=row["var-cost"],
            **size,
        )
    elif kinds[target] == "Sell":
        paid = book.commodity[site, target, "Sell"]["price"] * price[target][steps]
        n.add("Generator", name, bus=f"{site} {source}", sign=-1, marginal_cost=row["var-cost"] - paid, **size)
    elif kinds[source] == "Buy":
        n.add("Bus", f"{name} market")
        cost = book.commodity[site, source, "Buy"]["price"] * price[source][steps]
        n.add("Generator", f"{name} market", bus=f"{name} market", p_nom=INF, marginal_cost=cost)
        n.add("Link", name, bus0=f"{name} market", bus1=f"{site} {target}", bus2="CO2", efficiency=ratio, efficiency2=emitted,
              marginal_cost=row["var-cost"], **size)  # fmt: skip
    else:
        varying = book.series["TimeVarEff"].get(f"{site}.{process}")
        efficiency = ratio if varying is None else ratio * varying[steps]
        n.add("Link", name, bus0=f"{site} {source}", bus1=f"{site} {target}", bus2="CO2", efficiency=efficiency,
              efficiency2=emitted, marginal_cost=row["var-cost"], **size)  # fmt: skip


def _storage(n: pypsa.Network, name: str, bus: str, row: Row) -> None:
    n.add("Bus", f"{name} inside")
    n.add("Store", name, bus=f"{name} inside", e_cyclic=True, standing_loss=row["discharge"], e_nom_extendable=True,
          e_nom_min=row["cap-lo-c"], e_nom_max=row["cap-up-c"],
          capital_cost=annuity(row) * row["inv-cost-c"] + row["fix-cost-c"])  # fmt: skip
    n.add("Link", f"{name} charge", bus0=bus, bus1=f"{name} inside", efficiency=row["eff-in"], p_nom_extendable=True,
          marginal_cost=row["var-cost-p"], p_nom_min=row["cap-lo-p"], p_nom_max=row["cap-up-p"],
          capital_cost=annuity(row) * row["inv-cost-p"] + row["fix-cost-p"])  # fmt: skip
    n.add("Link", f"{name} discharge", bus0=f"{name} inside", bus1=bus, efficiency=row["eff-out"], p_nom_extendable=True,
          marginal_cost=row["var-cost-p"] * row["eff-out"])  # fmt: skip


def _size(row: Row, suffix: str) -> dict[str, Any]:
    """Return capacity, its limits and its annual cost; what has no room is no decision."""
    low, high = row[f"cap-lo{suffix}"], row[f"cap-up{suffix}"]
    cost = annuity(row) * row[f"inv-cost{suffix}"] + row[f"fix-cost{suffix}"]
    if low == high:
        assert cost == 0 or high == 0
        return {"p_nom": high, "p_nom_max": high}
    return {"p_nom_extendable": True, "p_nom_min": low, "p_nom_max": high, "capital_cost": cost}


def annuity(row: Row) -> float:
    i, n = row["wacc"], row["depreciation"]
    return float(i * (1 + i) ** n / ((1 + i) ** n - 1))


def model(n: pypsa.Network, book: Book) -> Any:
    """Return linopy's model, with what PyPSA's components do not say: equal capacities of pairs."""
    m = n.optimize.create_model()
    links, generators = m.variables["Link-p_nom"], m.variables["Generator-p_nom"]
    lines = [(f"{name} {a} {b}", f"{name} {b} {a}") for a, b, name, _ in book.line if a < b]
    for one, other in lines:
        m.add_constraints(links.loc[one] - links.loc[other] == 0, name=f"equal {one}")
    for (site, name, _), row in book.storage.items():
        charge, discharge = links.loc[f"{site} {name} charge"], links.loc[f"{site} {name} discharge"]
        m.add_constraints(charge - row["eff-out"] * discharge == 0, name=f"equal {site} {name}")
    for site in {site for site, process in book.process if process == "Feed-in"}:
        both = links.loc[f"{site} Purchase"] - generators.loc[f"{site} Feed-in"]
        m.add_constraints(both == 0, name=f"equal trade {site}")
    return m
