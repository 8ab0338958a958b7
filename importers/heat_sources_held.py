"""Heat sources that a scenario holds already: known by name and place where a file has no ids of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dhsdb.importers.regions import to_degrees

if TYPE_CHECKING:
    from dhsdb.importers.rows import Request

SAME_M = 2.0
"""Distance within which a source of the same name stands at the same place."""
NEAR_M = 50.0
"""Distance within which the only source of a name is the same that was moved."""


@dataclass(slots=True)
class HeldSources:
    """Sources of a scenario: key, longitude and latitude, by name without case."""

    by_name: dict[str, list[tuple[str, float, float]]] = field(default_factory=dict)

    def at(self, name: str, place: tuple[float, float]) -> list[str]:
        """Return the keys of sources of a name at a place, in their order."""
        return [key for key, *where in self.by_name.get(name, []) if _metres(place, (where[0], where[1])) <= SAME_M]

    def near(self, name: str, place: tuple[float, float]) -> str | None:
        """Return the key of the only source of a name if it is near a place."""
        found = self.by_name.get(name, [])
        if len(found) != 1:
            return None
        key, x, y = found[0]
        return key if _metres(place, (x, y)) <= NEAR_M else None


def held_sources(request: Request) -> HeldSources:
    """Return the sources that the scenario holds and that have a name and a place."""
    import pandas as pd  # heavy
    import shapely

    found = HeldSources()
    if request.held is None or request.epsg is None or request.epsg < 0:
        return found
    frame = request.held.table("heat_source")
    frame = frame[frame["title"].notna() & frame["geometry"].notna()].drop_duplicates("heat_source")
    step = to_degrees(request.epsg)
    for key, title, wkb in frame.sort_values("heat_source")[["heat_source", "title", "geometry"]].itertuples(
        index=False
    ):
        shape = None if pd.isna(wkb) else shapely.from_wkb(bytes(wkb))
        if shape is not None and not shape.is_empty:
            middle = shape.centroid
            found.by_name.setdefault(str(title).casefold(), []).append((str(key), *step(middle.x, middle.y)))
    return found


def _metres(one: tuple[float, float], other: tuple[float, float]) -> float:
    from pyproj import Geod  # heavy

    return float(Geod(ellps="WGS84").inv(*one, *other)[2])
