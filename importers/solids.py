r"""Buildings as faces in space: their volume, height, footprint, and the planes of their roofs; on arrays, for a whole city.

A face is a plane polygon of rings. Its area vector follows from the corners :math:`p_i` of its rings,
:math:`N = \frac12 \sum_i p_i \times p_{i+1}`: its length is the area, its direction the way that the face looks. A shell
that is closed holds :math:`V = \frac13 \sum N \cdot p_0` and has :math:`\sum N = 0`; one that is not is measured below its
roofs. Coordinates are those of a projected system in metres; directions are counted from grid north.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]
    Mask = NDArray[np.bool_]
    Objects = NDArray[np.object_]

UNKNOWN, GROUND, ROOF, WALL, OTHER = range(5)
"""What a face is."""
FLAT_DEG = 1.0
"""Tilt below which a plane is flat and faces nowhere."""
SLIVER_M2 = 0.01
OPEN_SHARE = 0.01
"""Sum of area vectors, as a share of the areas, from which a shell is not closed."""
_UPRIGHT = 0.1
"""Vertical part of a face's direction below which a face without a name is a wall."""


def _integers() -> array[int]:
    """Return a list of whole numbers that takes eight bytes for each."""
    return array("q")


@dataclass(slots=True)
class Faces:
    """Faces as they are read, ring by ring.

    Attributes
    ----------
    count
        Number of corners of each ring.
    face
        Face that each ring belongs to; its first ring is the outer one.
    part, shell, kind, name
        Of each face: the body it belongs to, its shell (-1 = of none), what it is, and its id in the source.
    hollow
        Shells that are holes of the body.
    """

    count: array[int] = field(default_factory=_integers)
    face: array[int] = field(default_factory=_integers)
    part: array[int] = field(default_factory=_integers)
    shell: array[int] = field(default_factory=_integers)
    kind: array[int] = field(default_factory=_integers)
    name: list[str] = field(default_factory=list)
    hollow: set[int] = field(default_factory=set)
    n_shells: int = 0

    def begin_shell(self, *, hollow: bool = False) -> int:
        """Return the number of a new shell."""
        self.n_shells += 1
        if hollow:
            self.hollow.add(self.n_shells - 1)
        return self.n_shells - 1

    def add(self, part: int, shell: int, kind: int, counts: Sequence[int], name: str = "") -> None:
        """Add a face of rings with so many corners each; the caller keeps the corners in the same order."""
        number = len(self.part)
        self.part.append(part)
        self.shell.append(shell)
        self.kind.append(kind)
        self.name.append(name)
        self.count.extend(counts)
        self.face.extend([number] * len(counts))


@dataclass(frozen=True, slots=True)
class Bodies:
    """What is known of n bodies.

    Attributes
    ----------
    volume
        Volume [m^3], NaN where there is nothing to measure.
    low, high
        Heights of the lowest and highest corner [m].
    is_open
        Whether the shell is not closed, so that the volume is that below the roofs.
    footprint
        Polygons in the plane, None where there is none.
    by_projection
        Whether the footprint is the outline from above, for want of a ground surface.
    roof_of, roof_name, roof_area, roof_tilt, roof_azimuth
        Planes of the roofs: their body, name, area [m^2], tilt [degree], azimuth [degree], NaN where flat.
    """

    volume: Floats
    low: Floats
    high: Floats
    is_open: Mask
    footprint: Objects
    by_projection: Mask
    roof_of: Integers
    roof_name: list[str]
    roof_area: Floats
    roof_tilt: Floats
    roof_azimuth: Floats


def measure(faces: Faces, xyz: Floats, n: int) -> Bodies:
    """Measure bodies.

    Parameters
    ----------
    faces
        Their faces.
    xyz
        Corners of all rings, one after the other, without the closing one, shape (corners, 3).
    n
        Number of bodies.
    """
    return _Measure(faces, xyz, n).run()


class _Measure:
    """The faces of a city while they are measured."""

    def __init__(self, faces: Faces, xyz: Floats, n: int) -> None:
        import numpy as np

        self.n = n
        self.names = faces.name
        self.part = np.array(faces.part, dtype=np.int64)
        self.shell = np.array(faces.shell, dtype=np.int64)
        self.kind = np.array(faces.kind, dtype=np.int64)
        self.ring_face = np.array(faces.face, dtype=np.int64)
        count = np.array(faces.count, dtype=np.int64)
        self.start = np.concatenate([[0], np.cumsum(count)[:-1]]).astype(np.int64) if len(count) else count
        self.n_shells = faces.n_shells
        self.hollow = np.zeros(faces.n_shells, dtype=bool)
        self.hollow[list(faces.hollow)] = True
        self.count = count
        self.corner_ring = np.repeat(np.arange(len(count)), count)
        corner_part = self.part[self.ring_face][self.corner_ring] if len(count) else np.zeros(0, np.int64)
        self.low = np.full(n, np.nan)
        self.high = np.full(n, np.nan)
        self.origin = np.full((n, 3), np.nan)
        np.fmin.at(self.low, corner_part, xyz[:, 2])
        np.fmax.at(self.high, corner_part, xyz[:, 2])
        for axis in range(3):
            np.fmin.at(self.origin[:, axis], corner_part, xyz[:, axis])
        # Near their own origin, products of coordinates keep their digits.
        self.xyz = xyz - self.origin[corner_part]
        self.ring_vectors()

    def ring_vectors(self) -> None:
        """Find the area vector of each ring and face, and a corner of each face."""
        import numpy as np

        following = np.arange(len(self.xyz)) + 1
        if len(self.count):
            following[self.start + self.count - 1] = self.start
        cross = np.cross(self.xyz, self.xyz[following]) if len(self.xyz) else np.zeros((0, 3))
        ring = 0.5 * np.add.reduceat(cross, self.start, axis=0) if len(self.count) else np.zeros((0, 3))
        n_faces = len(self.part)
        first = np.ones(len(self.count), dtype=bool)
        first[1:] = self.ring_face[1:] != self.ring_face[:-1]
        self.outer = first
        outer = np.zeros((n_faces, 3))
        outer[self.ring_face[first]] = ring[first]
        # A hole takes away, whichever way it was drawn.
        along = np.einsum("ij,ij->i", ring, outer[self.ring_face])
        sign = np.where(first, 1.0, np.where(along > 0, -1.0, 1.0))
        self.vector = np.zeros((n_faces, 3))
        np.add.at(self.vector, self.ring_face, ring * sign[:, None])
        corner = self.xyz[self.start] if len(self.count) else np.zeros((0, 3))
        self.corner = np.zeros((n_faces, 3))
        self.corner[self.ring_face[first]] = corner[first]
        self.area = np.linalg.norm(self.vector, axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            self.up = np.where(self.area > 0, self.vector[:, 2] / self.area, 0.0)
        self.heights = np.zeros(n_faces)
        self.count_of = np.zeros(n_faces)
        z = np.add.reduceat(self.xyz[:, 2], self.start) if len(self.count) else np.zeros(0)
        np.add.at(self.heights, self.ring_face[first], z[first])
        np.add.at(self.count_of, self.ring_face[first], self.count[first])
        self.heights /= np.maximum(self.count_of, 1)

    def run(self) -> Bodies:
        """Return what was measured."""
        kind = self.kinds()
        volume, is_open = self.volumes(kind)
        footprint, by_projection = self.footprints(kind)
        roofs = self.roofs(kind)
        return Bodies(volume, self.low, self.high, is_open, footprint, by_projection, *roofs)

    def kinds(self) -> Integers:
        """Return what each face is; one that is not said is judged by the way it looks, and by where it lies."""
        import numpy as np

        kind = self.kind.copy()
        open_faces = kind == UNKNOWN
        lying = np.abs(self.up) > _UPRIGHT
        height = np.maximum((self.high - self.low)[self.part], 0.01) if len(kind) else np.zeros(0)
        at_foot = self.heights <= 0.1 * height
        down = np.where(self.closed()[self.part] if len(kind) else np.zeros(0, bool), self.up < 0, at_foot)
        kind[open_faces & ~lying] = WALL
        kind[open_faces & lying & ~down] = ROOF
        kind[open_faces & lying & down & at_foot] = GROUND
        kind[open_faces & lying & down & ~at_foot] = OTHER
        return np.asarray(kind)

    def closed(self) -> Mask:
        """Return which bodies have a shell that is closed and looks outwards."""
        import numpy as np

        _, is_open, sign = self.shells()
        good = np.zeros(self.n, dtype=bool)
        owner = self.shell_owner()
        good[owner[~is_open & (sign > 0)]] = True
        return good

    def shell_owner(self) -> Integers:
        import numpy as np

        owner = np.zeros(self.n_shells, dtype=np.int64)
        within = self.shell >= 0
        owner[self.shell[within]] = self.part[within]
        return owner

    def shells(self) -> tuple[Floats, Mask, Floats]:
        """Return volume, whether it is not closed, and the sign of each shell."""
        import numpy as np

        within = self.shell >= 0
        vector = np.zeros((self.n_shells, 3))
        area = np.zeros(self.n_shells)
        volume = np.zeros(self.n_shells)
        np.add.at(vector, self.shell[within], self.vector[within])
        np.add.at(area, self.shell[within], self.area[within])
        each = np.einsum("ij,ij->i", self.vector, self.corner) / 3
        np.add.at(volume, self.shell[within], each[within])
        is_open = np.linalg.norm(vector, axis=1) > OPEN_SHARE * np.maximum(area, 1e-9)
        return np.abs(volume), is_open | (area == 0), np.sign(volume)

    def volumes(self, kind: Integers) -> tuple[Floats, Mask]:
        """Return the volume of each body, and whether its shell is open."""
        import numpy as np

        volume, is_open, _ = self.shells()
        owner = self.shell_owner()
        total = np.zeros(self.n)
        bad = np.ones(self.n, dtype=bool)
        if self.n_shells:
            np.add.at(total, owner, np.where(self.hollow, -volume, volume))
            bad[np.unique(owner)] = False
            bad[owner[is_open]] = True
        below = self.below_roofs(kind)
        box = self.box()
        # A shell whose faces look in and out holds anything; no building is larger than its box.
        bad |= (total <= 0) | (total > box * 1.001 + 1e-6)
        result = np.where(bad, below, total)
        return np.where(result > 0, result, np.nan), bad & (result > 0)

    def below_roofs(self, kind: Integers) -> Floats:
        """Return the volume between roofs and the lowest corner: the roofs' area from above times their mean height."""
        import numpy as np

        total = np.zeros(self.n)
        roofs = np.flatnonzero(kind == ROOF)
        flat = np.abs(self.vector[roofs, 2])
        np.add.at(total, self.part[roofs], flat * self.mean_height(roofs))
        return total

    def mean_height(self, chosen: Integers) -> Floats:
        """Return the mean height of plane faces above their body's lowest corner, by the triangles of their outer ring."""
        import numpy as np

        weight = np.zeros(len(self.part))
        moment = np.zeros(len(self.part))
        ring = np.flatnonzero(self.outer & np.isin(self.ring_face, chosen))
        corners = np.flatnonzero(np.isin(self.corner_ring, ring))
        owner = self.corner_ring[corners]
        last = corners == self.start[owner] + self.count[owner] - 1
        after = np.where(last, self.start[owner], corners + 1)
        p, q, o = self.xyz[corners], self.xyz[after], self.xyz[self.start[owner]]
        twice = (p[:, 0] - o[:, 0]) * (q[:, 1] - o[:, 1]) - (p[:, 1] - o[:, 1]) * (q[:, 0] - o[:, 0])
        np.add.at(weight, self.ring_face[owner], twice)
        np.add.at(moment, self.ring_face[owner], twice * (p[:, 2] + q[:, 2] + o[:, 2]) / 3)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(np.abs(weight) > 0, moment / weight, self.heights)[chosen]

    def box(self) -> Floats:
        import numpy as np

        top = np.full((self.n, 3), np.nan)
        corner_part = self.part[self.ring_face][self.corner_ring] if len(self.count) else np.zeros(0, np.int64)
        for axis in range(3):
            np.fmax.at(top[:, axis], corner_part, self.xyz[:, axis])
        return np.asarray(np.prod(top, axis=1))

    def footprints(self, kind: Integers) -> tuple[Objects, Mask]:
        """Return the union of ground surfaces, else of all faces from above."""
        import numpy as np

        ground = (kind == GROUND) & (np.abs(self.vector[:, 2]) > SLIVER_M2)
        has_ground = np.zeros(self.n, dtype=bool)
        has_ground[self.part[ground]] = True
        lying = (np.abs(self.vector[:, 2]) > SLIVER_M2) & ~has_ground[self.part]
        chosen = np.flatnonzero(ground | lying)
        return self.unions(chosen), ~has_ground

    def unions(self, chosen: Integers) -> Objects:
        """Return the union of faces in the plane, body by body."""
        import numpy as np
        import shapely

        result = np.full(self.n, None, dtype=object)
        if not len(chosen):
            return result
        rings = np.flatnonzero(np.isin(self.ring_face, chosen) & (self.count >= 3))  # noqa: PLR2004
        corners = np.flatnonzero(np.isin(self.corner_ring, rings))
        place = np.full(len(self.count), -1, dtype=np.int64)
        place[rings] = np.arange(len(rings))
        xy = self.xyz[corners, :2] + self.origin[self.part[self.ring_face[self.corner_ring[corners]]], :2]
        lines = shapely.linearrings(xy, indices=place[self.corner_ring[corners]])
        faces, of_face = np.unique(self.ring_face[rings], return_inverse=True)
        shapes = shapely.polygons(lines, indices=of_face)
        invalid = ~shapely.is_valid(shapes)
        shapes[invalid] = shapely.make_valid(shapes[invalid])
        owner = self.part[faces]
        order = np.argsort(owner, kind="stable")
        owner, shapes = owner[order], shapes[order]
        bodies, at, number = np.unique(owner, return_index=True, return_counts=True)
        single = number == 1
        result[bodies[single]] = shapes[at[single]]
        for body, start, many in zip(bodies[~single], at[~single], number[~single], strict=True):
            result[body] = shapely.union_all(shapes[start : start + many], grid_size=1e-3)
        return result

    def roofs(self, kind: Integers) -> tuple[Integers, list[str], Floats, Floats, Floats]:
        """Return body, name, area, tilt and azimuth of the planes of roofs."""
        import numpy as np

        chosen = np.flatnonzero((kind == ROOF) & (self.area > SLIVER_M2))
        vector = self.vector[chosen]
        vector = np.where(vector[:, 2:] < 0, -vector, vector)  # a roof looks up, however it was drawn
        area = self.area[chosen]
        tilt = np.degrees(np.arccos(np.clip(vector[:, 2] / area, -1, 1)))
        azimuth = np.degrees(np.arctan2(vector[:, 0], vector[:, 1])) % 360
        azimuth = np.where(azimuth >= 360 - 1e-9, 0.0, azimuth)
        azimuth = np.where(tilt < FLAT_DEG, np.nan, azimuth)
        return self.part[chosen], [self.names[i] for i in chosen.tolist()], area, tilt, azimuth
