"""Pictures of scenarios. ``map`` shows what stands in space: what was imported, and the network of the current runs.

A map reads the tables with geometries and no others, so that it can be drawn right after an import: swapped, shifted or
missing places are seen at once. It carries what the licences of the sources ask to be shown.
"""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dhsdb.attribution import attributions
from dhsdb.errors import UnknownNameError, UserError
from dhsdb.names import check_newest, find

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import geopandas as gpd
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dhsdb.database import Database

FORMATS = (".png", ".svg", ".pdf")
_INPUTS = ("street", "building", "network_pipe", "heat_source")
_RESULTS = ("network", "connection")
_MANY = 20_000
"""Shapes beyond which a layer is a bitmap in a picture that is made of lines."""
_INK, _PAPER, _ROAD = "#23303b", "#ffffff", "#c3ccd4"
_EXISTING, _BUILT = "#1f5fa8", "#a3128f"
_KINDS_SHOWN = 9
_HEIGHT = 7.5
"""Height of a panel in inches."""


@dataclass(slots=True)
class _Scene:
    """What stands in a scenario, by view; views without rows are left out."""

    title: str
    layers: dict[str, gpd.GeoDataFrame]
    credit: tuple[str, ...]

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north of the buildings, pipes and sources, or of the streets if there is nothing else."""
        import numpy as np

        shown = [frame for name, frame in self.layers.items() if name != "street"] or list(self.layers.values())
        edges = np.array([frame.total_bounds for frame in shown])
        return (*edges[:, :2].min(axis=0).tolist(), *edges[:, 2:].max(axis=0).tolist())


def draw(db: Database, kind: str, scenarios: Sequence[str], output: Path, year: int | None = None) -> Path:
    """Draw a picture of one scenario, or of several side by side, and write it.

    Parameters
    ----------
    kind
        One of :data:`KINDS`.
    scenarios
        Names.
    output
        A .png, .svg or .pdf file; one that is there is replaced once the new one is whole.
    year
        Model year; default the first one.

    Raises
    ------
    UserError
        If the file is of no such format, or the scenarios hold nothing to show.
    """
    if kind not in KINDS:
        raise UnknownNameError("kind of picture", kind, KINDS)
    if output.suffix.lower() not in FORMATS:
        raise UserError(f"{output.name} is of no format for pictures.", f"Formats: {', '.join(FORMATS)}.")
    if not output.parent.is_dir():
        raise UserError(f"there is no folder {output.parent}.", "Make it, or name another file.")
    from matplotlib import rc_context

    figure = KINDS[kind](db, scenarios, year)
    part = output.with_name(f"{output.stem}.part{output.suffix}")
    try:
        with rc_context({"svg.fonttype": "none"}):  # words stay words
            figure.savefig(part, dpi=150, facecolor=_PAPER)
        part.replace(output)
    finally:
        part.unlink(missing_ok=True)
    return output


# --- map -------------------------------------------------------------------------------------------------------------
def _map(db: Database, scenarios: Sequence[str], year: int | None) -> Figure:
    """Draw the places of scenarios: buildings by their heat, streets, pipes and heat sources, at one scale."""
    from matplotlib.figure import Figure

    scenes = [_scene(db, name, year) for name in scenarios]
    columns = math.ceil(math.sqrt(len(scenes)))
    rows = math.ceil(len(scenes) / columns)
    width = sum(_shape(scene) for scene in scenes) / len(scenes) * _HEIGHT
    figure = Figure(figsize=(width * columns + 1.5, _HEIGHT * rows), layout="constrained")
    heat = _heat_scale(scenes)
    kinds = sorted({str(k) for scene in scenes for k in _of(scene, "heat_source", "kind").dropna()})
    for number, scene in enumerate(scenes, 1):
        _panel(figure.add_subplot(rows, columns, number), scene, heat, kinds)
    if heat.is_known:
        bar = figure.colorbar(heat.mappable, ax=figure.axes, shrink=0.5, pad=0.01, extend="max")
        bar.set_label("heat of buildings [MWh/year]", color=_INK)
    credit = dict.fromkeys(text for scene in scenes for text in scene.credit)
    if credit:
        text = textwrap.fill("; ".join(credit), int(16 * figure.get_figwidth()))
        figure.supxlabel(text, fontsize=7, color=_INK, ha="right", x=0.99)
    return figure


KINDS: dict[str, Callable[[Database, Sequence[str], int | None], Figure]] = {"map": _map}
"""Kinds of pictures."""


def _scene(db: Database, scenario: str, year: int | None) -> _Scene:
    from dhsdb.shapes import geo_frame

    with db.read() as con:
        ref = find(con, check_newest(scenario))
    layers = {}
    for name in (*_INPUTS, *_RESULTS):
        frame = _of_year(geo_frame(db, name, ref.name), year)
        frame = frame[frame.geometry.notna() & ~frame.geometry.is_empty]
        if len(frame):
            layers[name] = frame
    if not layers:
        wanted = "" if year is None else f" in {year}"
        raise UserError(f"'{scenario}' holds no places{wanted}.", "Import some, for example with `dhsdb import osm`.")
    if "building" in layers:
        layers["building"] = _with_heat(db, ref.name, layers["building"], year)
    return _Scene(ref.name, layers, attributions(db, ref.name))


def _shape(scene: _Scene) -> float:
    """Return width by height of what is shown, within what is pleasant to look at."""
    west, south, east, north = scene.bounds
    return min(max((east - west) / max(north - south, 1.0), 0.6), 1.7)


def _of_year(frame: Any, year: int | None) -> Any:
    """Return the rows of a year (default the first), and those that hold in every year."""
    first = frame["year"].min() if year is None else year
    return frame[frame["year"].isna() | (frame["year"] == first)]


def _with_heat(db: Database, scenario: str, buildings: gpd.GeoDataFrame, year: int | None) -> gpd.GeoDataFrame:
    """Add ``heat_mwh``, the buildings' demand of a year [MWh/year], NaN where it is unknown."""
    demand = db.sql(
        "SELECT year, building, space_heat_mwh, hot_water_mwh FROM input.building_demand WHERE scenario = ?", [scenario]
    ).to_pandas()
    demand = _of_year(demand, year).drop_duplicates("building").set_index("building")
    heat = demand[["space_heat_mwh", "hot_water_mwh"]].astype(float).sum(axis=1, min_count=1)
    return buildings.assign(heat_mwh=buildings["building"].map(heat).astype(float))


@dataclass(frozen=True, slots=True)
class _Heat:
    """Colours of the buildings' heat, alike in all panels."""

    mappable: Any
    is_known: bool


def _heat_scale(scenes: Sequence[_Scene]) -> _Heat:
    """Return colours from nothing to what all but the largest twentieth need."""
    import numpy as np
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    values = np.concatenate([_of(scene, "building", "heat_mwh").dropna().to_numpy(dtype=float) for scene in scenes])
    top = float(np.quantile(values, 0.95)) if len(values) else 0.0
    return _Heat(ScalarMappable(Normalize(0, top or 1.0), "YlOrRd"), top > 0)


def _of(scene: _Scene, layer: str, column: str) -> pd.Series:
    import pandas as pd

    return scene.layers[layer][column] if layer in scene.layers else pd.Series(dtype=object)


def _panel(axes: Axes, scene: _Scene, heat: _Heat, kinds: Sequence[str]) -> None:
    west, south, east, north = scene.bounds
    margin = 0.03 * max(east - west, north - south) or 50.0
    axes.set_xlim(west - margin, east + margin)
    axes.set_ylim(south - margin, north + margin)
    axes.set_aspect("equal")
    for name, paint in _PAINTERS.items():
        if name in scene.layers:
            paint(axes, scene.layers[name], heat)
    if "heat_source" in scene.layers:
        _sources(axes, scene.layers["heat_source"], kinds)
    _scale_bar(axes, east - west + 2 * margin)
    axes.set(xticks=[], yticks=[], ylabel="")  # after the layers, which would name their axes
    axes.set_title(scene.title, color=_INK, fontsize=12)
    axes.set_xlabel(textwrap.fill(_caption(scene), int(14 * _HEIGHT * _shape(scene))), color=_INK, fontsize=8)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="upper left", fontsize=7, framealpha=0.9)


def _streets(axes: Axes, frame: gpd.GeoDataFrame, _heat: _Heat) -> None:
    frame.plot(ax=axes, color=_ROAD, linewidth=0.5, aspect=None, rasterized=len(frame) > _MANY, zorder=1)


def _buildings(axes: Axes, frame: gpd.GeoDataFrame, heat: _Heat) -> None:
    known = frame["heat_mwh"].notna()
    colours = heat.mappable.to_rgba(frame["heat_mwh"].fillna(0).to_numpy())
    colours[~known.to_numpy()] = (0.85, 0.87, 0.89, 1)
    raster = len(frame) > _MANY
    areas = frame.geom_type.isin(["Polygon", "MultiPolygon"]).to_numpy()
    for part, size in ((areas, {}), (~areas, {"markersize": 4})):
        if part.any():
            frame[part].plot(
                ax=axes, color=colours[part], edgecolor="none", aspect=None, rasterized=raster, zorder=2, **size
            )


def _pipes(axes: Axes, frame: gpd.GeoDataFrame, _heat: _Heat) -> None:
    standing = frame["existing"].fillna(value=False).astype(bool)
    for part, colour, label in ((standing, _EXISTING, "existing pipes"), (~standing, _BUILT, "planned pipes")):
        if part.any():
            frame[part].plot(ax=axes, color=colour, linewidth=1.4, aspect=None, label=label, zorder=3)


def _network(axes: Axes, frame: gpd.GeoDataFrame, _heat: _Heat) -> None:
    """Draw what a run adds to the network, pipes as wide as the root of the peak that they carry."""
    frame = frame[~frame["existing"].fillna(value=False).astype(bool)]
    if not len(frame):
        return
    peak = frame["peak_kw"].astype(float).fillna(0).to_numpy()
    width = 0.6 + 2.4 * (peak / (peak.max() or 1.0)) ** 0.5
    frame.plot(ax=axes, color=_BUILT, linewidth=width, aspect=None, label="new pipes of the current run", zorder=4)


_PAINTERS: dict[str, Callable[[Axes, Any, _Heat], None]] = {
    "street": _streets, "building": _buildings, "network_pipe": _pipes, "network": _network,
}  # fmt: skip


def _sources(axes: Axes, frame: gpd.GeoDataFrame, kinds: Sequence[str]) -> None:
    """Draw heat sources, as large as their capacity; those without one are small and hollow."""
    from matplotlib import colormaps

    colours = colormaps["tab10"].colors  # type: ignore[attr-defined]
    capacity = frame["capacity_mw"].astype(float)
    most = capacity.max() or 1.0
    named = frame["kind"].astype("string").fillna("heat source")
    shown = [*kinds[:_KINDS_SHOWN], *(["heat source"] if (named == "heat source").any() else [])]
    for kind, part in frame.groupby(named.where(named.isin(shown), "other kinds")):
        colour = colours[shown.index(str(kind)) % 10] if str(kind) in shown else colours[-1]
        points = part.geometry.representative_point()
        sized = 15 + 120 * (capacity[part.index] / most).fillna(0)
        known = capacity[part.index].notna()
        axes.scatter(
            points.x, points.y, s=sized, c=[colour if k else _PAPER for k in known], edgecolors=[colour if not k else _INK for k in known],
            linewidths=0.8, label=str(kind).replace("_", " "), zorder=5,
        )  # fmt: skip


def _caption(scene: _Scene) -> str:
    """Return counts and sums of what is shown."""
    layers, said = scene.layers, []
    if "building" in layers:
        heat = layers["building"]["heat_mwh"]
        said.append(f"{len(heat):,} buildings" + (f", {heat.sum() / 1000:,.1f} GWh/year" if heat.notna().any() else ""))
    for name, column, words in (
        ("street", "length_m", "street segments"),
        ("network_pipe", "trench_m", "pipes"),
        ("network", "trench_m", "pipes of the current run"),
    ):
        if name in layers:
            metres = layers[name][column].astype(float).sum()
            said.append(f"{len(layers[name]):,} {words}, {metres / 1000:,.1f} km")
    if "heat_source" in layers:
        megawatt = layers["heat_source"]["capacity_mw"].astype(float)
        said.append(
            f"{len(megawatt):,} heat sources" + (f", {megawatt.sum():,.1f} MW" if megawatt.notna().any() else "")
        )
    if "connection" in layers:
        said.append(f"{len(layers['connection']):,} connections")
    return " · ".join(said)


def _scale_bar(axes: Axes, width: float) -> None:
    """Draw a bar of a round number of metres, about a fifth of the width."""
    from matplotlib.patheffects import withStroke

    power = 10 ** math.floor(math.log10(width / 5))
    metres = max(step * power for step in (1, 2, 5) if step * power <= width / 5)
    left, right = axes.get_xlim()
    low, high = axes.get_ylim()
    x, y = right - 0.03 * (right - left) - metres, low + 0.03 * (high - low)
    halo = [withStroke(linewidth=5, foreground=_PAPER)]
    axes.plot([x, x + metres], [y, y], color=_INK, linewidth=2.5, solid_capstyle="butt", path_effects=halo, zorder=6)
    text = f"{metres / 1000:g} km" if metres >= 1000 else f"{metres:g} m"  # noqa: PLR2004
    middle, above = x + metres / 2, y + 0.008 * (high - low)
    axes.text(middle, above, text, ha="center", va="bottom", fontsize=8, color=_INK, path_effects=halo, zorder=6)
