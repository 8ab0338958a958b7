"""Tables of one command that name the same buildings, brought together: places of the one, figures of the other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dhsdb.errors import Problem
from dhsdb.importers.building_cells import listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from dhsdb.importers.building_tables import Part

_SAME = 0.01
"""Relative difference up to which figures of two files are the same."""
_OWN = ("building", "_row", "_part", "geometry", "profile", "function_code")


@dataclass(slots=True)
class Joined:
    """All buildings, each once.

    Attributes
    ----------
    frame
        Columns of the parts, ``_part`` = the part that a building's row is of; geometries in ``epsg``.
    """

    frame: pd.DataFrame
    parts: list[Part]
    epsg: int | None
    notes: list[Problem] = field(default_factory=list)

    def of_parts(self, frame: pd.DataFrame) -> Iterator[tuple[Part, pd.DataFrame]]:
        """Yield the rows of a frame part by part; it has ``_part``."""
        for number, part in enumerate(self.parts):
            rows = frame[frame["_part"] == number]
            if len(rows):
                yield part, rows


def join_parts(parts: Sequence[Part]) -> Joined:
    """Bring parts together; what has places goes before what has none, and contradictions are told."""
    import pandas as pd  # heavy

    ordered = sorted(parts, key=lambda part: (not part.has_areas, not part.has_places))
    epsg = next((p.epsg for p in ordered if p.epsg is not None), None)
    notes: list[Problem] = []
    frames = [_in_system(part, epsg).assign(_part=parts.index(part)) for part in ordered]
    frame = frames[0] if len(frames) == 1 else pd.concat([f.astype(object) for f in frames], ignore_index=True)
    if len(frames) > 1:
        frame = _joined(frame, notes)
        frame = frame.assign(**{c: pd.to_numeric(frame[c]) for c in frame.columns if _is_figure(frames, c)})
    return Joined(frame, list(parts), epsg, notes)


def _is_figure(frames: Sequence[pd.DataFrame], column: str) -> bool:
    return any(column in f and f[column].dtype.kind == "f" for f in frames)


def _in_system(part: Part, epsg: int | None) -> pd.DataFrame:
    """Return a part's rows with geometries in a system."""
    import shapely  # heavy
    from pyproj import Transformer

    if part.epsg is None or epsg is None or part.epsg == epsg or -1 in (part.epsg, epsg):
        return part.frame
    step: Any = Transformer.from_crs(part.epsg, epsg, always_xy=True).transform
    shapes = shapely.transform(part.frame["geometry"].to_numpy(dtype=object), step, interleaved=False)
    return part.frame.assign(geometry=shapes)


def _joined(frame: pd.DataFrame, notes: list[Problem]) -> pd.DataFrame:
    """Return one row per building; rows of the same part stay apart, as a mistake to be told."""
    import pandas as pd  # heavy

    own = frame.duplicated(["building", "_part"], keep=False)
    several = (
        frame.duplicated("building", keep=False)
        & ~own
        & frame["building"].notna()
        & ~frame["building"].isin(frame.loc[own, "building"])
    )
    if not several.any():
        return frame
    groups = frame[several].groupby("building", sort=False)
    _tell_contradictions(frame[several], notes)
    together = groups.first().reset_index()
    text = f"{len(together)} buildings are in several files; what they say was brought together."
    notes.append(Problem(text, severity="info", code="joined"))
    return pd.concat([frame[~several], together[list(frame.columns)]], ignore_index=True)


def _tell_contradictions(frame: pd.DataFrame, notes: list[Problem]) -> None:
    import pandas as pd  # heavy

    for column in frame.columns:
        if column in _OWN:
            continue
        values = frame[["building", column]].dropna()
        groups = values.groupby("building")[column]
        if (groups.size() < 2).all():  # noqa: PLR2004
            continue
        numbers = pd.to_numeric(values[column], errors="coerce")
        if numbers.notna().all():
            by = numbers.groupby(values["building"])
            low, high = by.min(), by.max()
            off = (high - low) > _SAME * high.abs()
        else:
            off = groups.agg(lambda words: len(set(words))) > 1
        if off.any():
            which = listed(off.index[off].astype(str), 3)
            text = f"{column} of {int(off.sum())} buildings differs between the files ({which}); that of the file with places was taken."
            notes.append(Problem(text, column=column, severity="warning", code="contradiction"))
