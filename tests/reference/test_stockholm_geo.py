"""The Stockholm excess-heat study (github.com/ShravanKumar23/Stockholm-DHS): nearest points, pipes, costs and losses.

The authors take the nearest *vertex* of 14 digitised pipelines by haversine distance, and size pipes by the formulas of
EMB3Rs with capacities in kW read as MW. Both are repeated here; then the same with the right unit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
import shapely
from pyproj import Geod, Transformer

from dhsdb.models.geo import connect, nearest
from dhsdb.models.pipes import Temperatures, pipe_physics

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from dhsdb.models.pipes import PipeChoice

pytestmark = pytest.mark.reference

SWEREF99 = "EPSG:3006"
RUN_PY = Temperatures(supply_c=100, return_c=70, ground_c=5)


def projected(longitude: pd.Series, latitude: pd.Series) -> NDArray[np.float64]:
    """Return metres in SWEREF 99 TM, shape (n, 2)."""
    to_metres = Transformer.from_crs("EPSG:4326", SWEREF99, always_xy=True)
    return np.column_stack(to_metres.transform(longitude.to_numpy(), latitude.to_numpy()))


@pytest.fixture(scope="module")
def study(reference_data: Path) -> Path:
    return reference_data / "stockholm"


@pytest.fixture(scope="module")
def network(study: Path) -> pd.DataFrame:
    vertices = pd.read_excel(study / "network" / "Network.xlsx", engine="calamine")
    xy = pd.DataFrame(projected(vertices["long"], vertices["lat"]))
    lines = {name: shapely.LineString(part.to_numpy()) for name, part in xy.groupby(vertices["Identifier"], sort=False)}
    return pd.DataFrame({"pipe": lines.keys(), "geometry": lines.values()})


@pytest.fixture(scope="module")
def sources(study: Path) -> pd.DataFrame:
    """Return the 294 sources; a source's id is its position, since names repeat."""
    return pd.read_excel(study / "sources" / "Sources.xlsx", engine="calamine")


@pytest.fixture(scope="module")
def published(study: Path) -> pd.DataFrame:
    """Return input and output of the authors' GIS stage by source id; Huddinge.xlsx lacks the suffix of the others."""
    parts = []
    for path in sorted((study / "gis_input").glob("*.xlsx")):
        given = pd.read_excel(path, sheet_name="Connection points", engine="calamine").dropna(subset="ID")
        output = study / "gis_output" / f"{path.stem}_output.xlsx"
        found = pd.read_excel(output if output.exists() else study / "gis_output" / path.name, engine="calamine")
        found = found.assign(ID=found["ID"].astype(float)).drop(columns=["Unnamed: 0", "Name"])
        parts.append(given.merge(found, left_on="Srno.", right_on="ID", suffixes=("", "_out"), validate="1:1"))
    rows = pd.concat(parts)
    return rows.set_index(rows["ID"].astype(int)).sort_index()


@pytest.fixture(scope="module")
def checked(study: Path) -> pd.DataFrame:
    """Return an independent recomputation with GeoPandas and with the formulas of the study, by source id."""
    return pd.read_csv(study / "derived" / "gis_reference_visible.csv").set_index("source_id").sort_index()


# --- nearest points ---------------------------------------------------------------------------------------------------


def test_the_network_has_the_known_size(network: pd.DataFrame) -> None:
    lines = network["geometry"].to_numpy(object)
    assert len(lines) == 14
    assert shapely.get_num_coordinates(lines).sum() == 2119
    assert shapely.length(lines).sum() == pytest.approx(196_245, abs=1)


def test_every_source_has_the_same_nearest_network(
    network: pd.DataFrame, sources: pd.DataFrame, checked: pd.DataFrame
) -> None:
    lines = network["geometry"].to_numpy(object)
    xy = projected(sources["Long"], sources["Lat"])[checked.index]
    for vertices in (False, True):
        pipes = network["pipe"].to_numpy(object)[nearest(xy, lines, vertices=vertices).line]
        assert (pipes == checked["network_identifier"]).all()


def test_no_published_vertex_is_nearer(network: pd.DataFrame, sources: pd.DataFrame, published: pd.DataFrame) -> None:
    xy = projected(sources["Long"], sources["Lat"])[published.index]
    theirs = projected(published["Demand Lon"], published["Demand Lat"])
    ours = nearest(xy, network["geometry"].to_numpy(object), vertices=True)
    gain = np.hypot(*(theirs - xy).T) - ours.distance_m
    assert gain.min() >= -0.01
    other = np.hypot(*(theirs - ours.xy).T) > 0.5
    # Four of all 294 sources lie between two vertices: Stadion once and T-Centralen three times.
    assert set(published["Name"][other]) <= {"Stadion", "T-Centralen"}
    assert other.sum() <= 4
    assert gain[other].max() < 0.1


def test_plane_distances_agree_with_geodesics(network: pd.DataFrame, sources: pd.DataFrame) -> None:
    xy = projected(sources["Long"], sources["Lat"])
    found = nearest(xy, network["geometry"].to_numpy(object), vertices=True)
    longitude, latitude = Transformer.from_crs(SWEREF99, "EPSG:4326", always_xy=True).transform(*found.xy.T)
    geodesic = Geod(ellps="WGS84").inv(sources["Long"], sources["Lat"], longitude, latitude)[2]
    ratio = found.distance_m / geodesic - 1
    assert np.abs(ratio).max() < 100e-6
    assert np.abs(found.distance_m - geodesic).max() < 1
    assert ratio.mean() == pytest.approx(-39e-6, abs=1e-6)


def test_a_point_on_the_line_is_nearer_than_a_vertex(
    network: pd.DataFrame, sources: pd.DataFrame, checked: pd.DataFrame
) -> None:
    lines, xy = network["geometry"].to_numpy(object), projected(sources["Long"], sources["Lat"])
    on_line, vertex = nearest(xy, lines), nearest(xy, lines, vertices=True)
    gain = vertex.distance_m - on_line.distance_m
    assert gain.min() >= 0
    assert gain.mean() == pytest.approx(4.1, abs=0.1)
    assert gain.max() == pytest.approx(390, abs=1)
    assert [(gain > limit).sum() for limit in (1, 10, 50)] == [57, 11, 3]
    assert on_line.distance_m[checked.index] == pytest.approx(checked["d_line_3006_m"].to_numpy(), abs=1e-3)
    assert vertex.distance_m[checked.index] == pytest.approx(checked["d_vertex_3006_m"].to_numpy(), abs=1e-3)


def test_distances_have_the_known_spread(network: pd.DataFrame, sources: pd.DataFrame) -> None:
    xy = projected(sources["Long"], sources["Lat"])
    distance = nearest(xy, network["geometry"].to_numpy(object), vertices=True).distance_m
    spread = [distance.min(), np.median(distance), distance.mean(), np.quantile(distance, 0.9), distance.max()]
    assert spread == pytest.approx([14.1, 836, 962, 1896, 4049], abs=0.5)


def test_without_streets_every_source_is_connected_straight(
    network: pd.DataFrame, sources: pd.DataFrame, published: pd.DataFrame, checked: pd.DataFrame
) -> None:
    rows = sources.loc[published.index]
    table = pd.DataFrame(
        {
            "heat_source": published.index,
            "geometry": shapely.points(projected(rows["Long"], rows["Lat"])),
            "capacity_mw": published["Capacity"].to_numpy() / 1000,
        }
    )
    found = connect(table, network, None, RUN_PY, physics=pipe_physics("emb3rs")).frame
    assert found["network"].tolist() == checked["network_identifier"].tolist()
    assert found["trench_m"].to_numpy() == pytest.approx(checked["d_line_3006_m"].to_numpy(), abs=1e-3)
    assert found["diameter_m"].to_numpy() == pytest.approx(checked["diam_m_correct_mw"].to_numpy())


# --- pipes, costs and losses ------------------------------------------------------------------------------------------


def sized(capacity_mw: pd.Series) -> PipeChoice:
    return pipe_physics("emb3rs").choose(capacity_mw.to_numpy(), RUN_PY)


def test_published_costs_and_losses_with_kw_read_as_mw(published: pd.DataFrame, checked: pd.DataFrame) -> None:
    choice, trench = sized(published["Capacity"]), published["Length"].to_numpy() / 2
    assert choice.diameter_m == pytest.approx(checked["diam_m_as_published"].to_numpy())
    assert choice.cost_per_m * trench == pytest.approx(published["Total_Cost"].to_numpy(), rel=1e-6)
    loss_kw = choice.loss_w_m(RUN_PY) * trench / 1000
    off = np.abs(loss_kw / published["Losses"].to_numpy() - 1) > 1e-5
    assert published["Name"][off].tolist() == ["Hemköp Älvsjöhallen"]
    assert (loss_kw > published["Capacity"]).sum() == (checked["pub_losses_kw"] > checked["capacity_kw"]).sum()


def test_published_cost_index_is_divided_by_street_segments(published: pd.DataFrame) -> None:
    segments = published["Total_Cost"] / (published["Cost"] * published["Capacity"])
    assert segments.to_numpy() == pytest.approx(segments.round().to_numpy(), rel=1e-6)
    assert (segments.min(), segments.max()) == pytest.approx((2, 94))


def test_the_same_formulas_with_the_right_unit(published: pd.DataFrame, checked: pd.DataFrame) -> None:
    choice, trench = sized(published["Capacity"] / 1000), published["Length"].to_numpy() / 2
    assert choice.diameter_m == pytest.approx(checked["diam_m_correct_mw"].to_numpy())
    cost = choice.cost_per_m * trench
    assert cost == pytest.approx(checked["cost_eur_correct_mw"].to_numpy(), rel=1e-9)
    loss_kw = choice.loss_w_m(RUN_PY) * trench / 1000
    assert loss_kw == pytest.approx(checked["losses_kw_correct_mw"].to_numpy(), abs=5e-7)  # given with six decimals
    assert cost.sum() < 0.15 * published["Total_Cost"].sum()
