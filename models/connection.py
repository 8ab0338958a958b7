"""The geo stage: heat sources joined to the network, and the network as it stands and grows by their pipes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from dhsdb.errors import UserError
from dhsdb.models.stage import Outcome, Remark

if TYPE_CHECKING:
    import pandas as pd

    from dhsdb.models.pipes import Temperatures
    from dhsdb.models.stage import Inputs, Progress
    from dhsdb.models.streets import StreetGraph

DEFAULT_GROUND_C = 8.0
_TUNNELS = ("motorway", "motorway_link", "steps", "proposed", "construction", "elevator", "corridor")
"""Classes of highway along which no trench is dug."""


def solve(inputs: Inputs, progress: Progress) -> Outcome:
    """Connect each heat source along streets, and return connections, pipes and what is implausible about them."""
    from dhsdb.models.geo import connect
    from dhsdb.models.pipes import pipe_physics

    began = time.perf_counter()
    progress(0.1, "drawing the street graph")
    streets = street_graph(inputs)
    temperatures, findings = design_temperatures(inputs)
    table = inputs.tables["pipe_type"]
    physics = pipe_physics(inputs.options.physics, table if len(table) else None)
    sources = inputs.tables["heat_source"]
    built = time.perf_counter()
    progress(0.4, f"connecting {len(sources)} heat sources")
    found = connect(sources, inputs.tables["network_pipe"], streets, temperatures, physics=physics)
    outcome = Outcome(
        "optimal",
        solver="dijkstra",
        build_s=built - began,
        solve_s=time.perf_counter() - built,
        objective=float(found.frame["cost"].sum()),
    )
    outcome.findings = [*findings, *found.findings]
    outcome.tables = {"connection": _connections(found.frame), "network": _network(inputs, found.frame)}
    return outcome


def street_graph(inputs: Inputs) -> StreetGraph | None:
    """Return the graph of the streets along which trenches can be dug; None if there are none."""
    from dhsdb.models.streets import StreetGraph

    rows = inputs.tables["street"]
    rows = rows[~rows["highway"].isin(_TUNNELS)]
    if not len(rows):
        return None
    return StreetGraph.from_segments(
        rows["from_node"].to_numpy(np.int64),
        rows["to_node"].to_numpy(np.int64),
        rows["geometry"].to_numpy(object),
        rows["length_m"].to_numpy(np.float64),
    )


def design_temperatures(inputs: Inputs) -> tuple[Temperatures, list[Remark]]:
    """Return the temperatures that size pipes: those of the model year with the least spread, which needs the widest pipe.

    Raises
    ------
    UserError
        If several sites have networks of different temperatures, or none is given.
    """
    from dhsdb.models.pipes import Temperatures

    rows = inputs.tables["network_temperature"].dropna(subset=["supply_c", "return_c"])
    if not len(rows):
        raise UserError(
            "no network temperature is known, so no pipe can be sized.", "Add a row to network_temperature."
        )
    if len(rows["site"].unique()) > 1:
        raise UserError(
            f"there are networks of several sites ({', '.join(sorted(rows['site'].unique()))}); this stage sizes pipes for one.",
            "Derive a scenario for each of them.",
        )
    spread = rows["supply_c"] - rows["return_c"]
    row = rows.iloc[int(spread.to_numpy().argmin())]
    ground = DEFAULT_GROUND_C if np.isnan(row["ground_c"]) else float(row["ground_c"])
    findings = []
    if spread.max() > spread.min():
        year = "" if np.isnan(row["year"]) else f" of {int(row['year'])}"
        text = f"pipes are sized for the temperatures{year}, the least spread of all model years: {spread.min():g} K"
        findings.append(Remark("info", "design-temperature", "network_temperature", text))
    return Temperatures(float(row["supply_c"]), float(row["return_c"]), ground), findings


def _connections(frame: pd.DataFrame) -> pd.DataFrame:
    columns = [
        "source", "network", "distance_m", "trench_m", "diameter_m", "pipe_type", "cost", "cost_per_kw", "loss_kw", "capacity_kw",
        "nearest_point", "geometry",
    ]  # fmt: skip
    return frame[columns]


def _network(inputs: Inputs, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the pipes that stand, then those that join the sources."""
    import pandas as pd
    import shapely

    pipes = inputs.tables["network_pipe"]
    measured = pd.Series(shapely.length(pipes["geometry"].to_numpy(object)), index=pipes.index)
    standing = pipes[["pipe", "from_node", "to_node", "diameter_m", "geometry"]].assign(
        trench_m=pipes["trench_m"].fillna(measured), existing=True
    )
    joined = pd.DataFrame(
        {
            "pipe": "connection " + frame["source"].astype(str),
            "from_node": frame["source"],
            "to_node": frame["network"],
            "trench_m": frame["trench_m"],
            "diameter_m": frame["diameter_m"],
            "peak_kw": frame["capacity_kw"],
            "cost": frame["cost"],
            "loss_kw": frame["loss_kw"],
            "existing": False,
            "geometry": frame["geometry"],
        }
    )
    return pd.concat([standing, joined], ignore_index=True)
