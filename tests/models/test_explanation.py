"""Why a study has no solution, in its own words."""

from __future__ import annotations

import numpy as np

from dhsdb.models import investment
from dhsdb.models.explanation import in_words
from dhsdb.models.highs import Limit
from tests.models.frames import inputs, quiet
from tests.models.test_energy import GAS, HEAT, SITE, demand, merged, unit

LOAD = {"load": 1 + 0.2 * np.sin(np.arange(960) / 7)}


def test_too_little_capacity_names_the_shortage_and_the_limits() -> None:
    """960 rows of balance: too many to be shrunk one by one."""
    tables = merged(
        {"site": SITE, "commodity": [HEAT, GAS]},
        unit("boiler", "gas", 0.9, cap_max=1.1),
        unit("heater", "gas", 1.0, cap_max=0.05),
        {"demand": [HEAT | {"timing": "slice", "profile": "load"}]},
    )
    outcome = investment.solve(inputs([2030], tables, LOAD, periods=0), quiet)
    missing = np.clip(LOAD["load"] - 1.15, 0, None)
    assert outcome.status == "infeasible"
    start = f"at least {missing.sum():.6g} MWh of heat at c can't be met in {(missing > 1e-6).sum()} steps of 2030"
    assert outcome.message.startswith(f"{start}; these limits contradict each other: ")
    assert (
        "process capacity[2030, c / boiler] <= 1.1 MW; process capacity[2030, c / heater] <= 0.05 MW; balance[2030, c / heat,"
        in outcome.message
    )
    assert [f.message for f in outcome.findings if f.code == "unserved"] == [start]


def test_a_co2_limit_that_can_not_be_kept_is_named() -> None:
    tables = merged(
        {"site": SITE, "commodity": [HEAT, GAS]},
        {"commodity_emission": [{"site": "c", "commodity": "gas", "emission": "CO2", "t_per_mwh": 0.2}]},
        {"emission": [{"site": "c", "emission": "CO2", "max_t": 1000.0}]},
        unit("boiler", "gas", 1.0),
        demand(8760.0),
    )
    outcome = investment.solve(inputs([2030], tables, periods=0), quiet)
    assert outcome.status == "infeasible"
    assert "at least 3760 MWh of heat at c can't be met" in outcome.message
    assert "most CO2 of c in a year[2030] <= 1000 t" in outcome.message


def test_what_earns_without_end_is_named_first() -> None:
    """Gas turned into power that is sold for more than it costs, without a limit."""
    power = {"site": "c", "commodity": "power", "sold": True, "sale_price": 90.0}
    engine = unit("engine", "gas", 0.5)
    engine["process_flow"][1]["commodity"] = "power"
    tables = merged({"site": SITE, "commodity": [HEAT, GAS, power]}, unit("boiler", "gas", 1.0), engine, demand(8760.0))
    outcome = investment.solve(inputs([2030], tables, LOAD, periods=0), quiet)
    assert outcome.status == "unbounded"
    assert outcome.message.startswith("costs fall without end as these grow: act[2030, c / engine / 1] rises")


def test_steps_are_told_together_and_equations_are_counted() -> None:
    limits = [Limit(f"balance[c, {t}]", "row", "lower", float(t), "MW", "balance[c]", str(t)) for t in (3, 5, 8, 9)]
    limits += [
        Limit("level[c, 3]", "column", "lower", 0.0, "MWh", "level[c]", "3"),
        Limit("capacity[c]", "column", "upper", 0.0, "MW", "capacity[c]"),
    ]
    expected = (
        "capacity[c] <= 0 MW; balance[c] >= 3 to 9 MW in 4 steps (3, 5, .. 9); and 1 equation tying them together"
    )
    assert in_words(limits) == expected
