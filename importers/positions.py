"""Where the rows of a table of places lie: swapped, shifted and mixed coordinates are seen, said, and never guessed.

What decides between two readings is a region: ``--bbox``, else where the system asked for is made for, else the geometries
beside the columns, else the other rows if all but a few of them agree. Where nothing decides, the rows are refused.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dhsdb.importers.decimals import decimal_comma
from dhsdb.importers.grids import ranges
from dhsdb.importers.place_columns import read_degrees, read_position
from dhsdb.importers.regions import DEGREES, box_of, is_metres, middle, outside, region_of, to_degrees, within

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from dhsdb.errors import Problem
    from dhsdb.importers.grids import Grid
    from dhsdb.importers.place_columns import Columns
    from dhsdb.importers.regions import Box
    from dhsdb.importers.rows import Request

    Mask = NDArray[np.bool_]

FEW_SHARE = 0.05
"""Share of a table's rows that may disagree with the others and are still read as those are."""
_FEW_ROWS = 8
_CLOSE = 0.01
_WKT = re.compile(
    r"\s*(?:SRID\s*=\s*(\d+)\s*;)?\s*((?:MULTI)?(?:POINT|LINESTRING|POLYGON)|GEOMETRYCOLLECTION)\b", re.IGNORECASE
)


@dataclass(slots=True)
class Positions:
    """Positions of the rows of a grid.

    Attributes
    ----------
    shapes
        Geometry of each row, None where it has none.
    codes
        Coordinate system of each.
    inside
        Whether a row lies in the box asked for.
    moved
        Text that stood in the geometry's column of rows whose geometry stands in another: index of the row -> column, text.
    notes
        Problems and findings.
    """

    shapes: list[Any]
    codes: list[int]
    inside: list[bool]
    moved: dict[int, tuple[int, str]] = field(default_factory=dict)
    notes: list[Problem] = field(default_factory=list)


def locate(grid: Grid, columns: Columns, request: Request) -> Positions:
    """Return where the rows of a grid lie."""
    return _Locator(grid, columns, request).run()


class _Locator:
    """The rows of one grid on their way to positions."""

    def __init__(self, grid: Grid, columns: Columns, request: Request) -> None:
        n = len(grid.rows)
        self.grid = grid
        self.columns = columns
        self.request = request
        self.found = Positions([None] * n, [grid.epsg or DEGREES] * n, [True] * n)
        self.pairs: dict[int, tuple[float, float]] = {}
        self.metres: list[int] = []
        self.texts: list[int] = []
        self.lettered: list[int] = []

    def run(self) -> Positions:
        """Read all rows, then judge them together."""
        for i in range(len(self.grid.rows)):
            self.read_shape(i)
            self.read_pair(i)
        self.say_shifted()
        self.compare()
        self.take_pairs()
        self.settle_metres()
        self.judge()
        if self.texts:
            text = f"coordinates are stored as text in {self.rows(self.texts)}; they were read as numbers."
            self.note(text, "text-number", severity="info")
        if self.lettered:
            text = f"latitude and longitude stand in each other's column in {self.rows(self.lettered)}, as their letters say."
            self.note(text, "swapped")
        return self.found

    def rows(self, which: Iterable[int]) -> str:
        return ranges(self.grid.numbers[i] for i in which)

    def note(self, text: str, code: str, *, severity: str = "warning", hint: str = "", row: int | None = None) -> None:
        self.found.notes.append(self.grid.problem(text, row, "geometry", hint=hint, severity=severity, code=code))

    def cell(self, i: int, meaning: str) -> object:
        """Return the first cell of a meaning that is not blank."""
        cells = (self.grid.rows[i][at] for at in self.columns.at.get(meaning, ()))
        return next((c for c in cells if c is not None and str(c).strip()), None)

    # --- cells --------------------------------------------------------------------------------------------------------
    def read_shape(self, i: int) -> None:
        """Take the geometry of a row, also where it stands in a column beside."""
        if "geometry" not in self.columns:
            return
        cell = self.cell(i, "geometry")
        if cell is None or self.take_shape(i, cell):
            return
        row, own = self.grid.rows[i], self.columns.at["geometry"]
        others = [at for at, c in enumerate(row) if at not in own and isinstance(c, str) and _WKT.match(c)]
        if len(others) == 1 and self.take_shape(i, row[others[0]]):
            self.found.moved[i] = others[0], str(cell)
            return
        is_text = isinstance(cell, str)
        hint = "Write WKT, as in POINT (18.05 59.33)." if is_text else "Draw it anew, or delete the feature."
        number = self.grid.numbers[i]
        text = "this is no geometry." if is_text else "the geometry is empty."
        self.found.notes.append(self.grid.problem(text, number, "geometry", str(cell)[:80], hint, code="geometry"))

    def take_shape(self, i: int, cell: object) -> bool:
        import shapely  # heavy

        shape: Any = cell
        if isinstance(cell, str):
            found = _WKT.match(cell)
            shape = shapely.from_wkt(cell[found.start(2) :], on_invalid="ignore") if found else None
            if found and found[1]:
                self.found.codes[i] = int(found[1])
        if not shapely.is_geometry(shape) or shape.is_empty:
            return False
        self.found.shapes[i] = shapely.force_2d(shape)
        return True

    def read_pair(self, i: int) -> None:
        """Take latitude and longitude, or easting and northing, of a row as longitude and latitude."""
        for names in (("longitude", "latitude"), ("x", "y")):
            if all(name in self.columns for name in names):
                self.read_cells(i, names)
                return
        if "position" in self.columns and (cell := self.cell(i, "position")) is not None:
            found = read_position(cell)
            if found is None:
                hint = "Write latitude, longitude, as in 59.33, 18.05."
                self.bad_cell(i, "position", cell, hint)
            else:
                self.pairs[i] = found[::-1]

    def read_cells(self, i: int, names: tuple[str, str]) -> None:
        cells = [self.cell(i, name) for name in names]
        found = [read_degrees(c, comma=self.comma(c, names)) if c is not None else None for c in cells]
        for name, cell, value in zip(names, cells, found, strict=True):
            if cell is not None and value is None:
                self.bad_cell(i, name, cell, "Write decimal degrees, as in 59.3345, or 59°20'4.2\"N.")
        if found[0] is not None and found[1] is not None:
            (x, east), (y, north) = found[0], found[1]
            self.pairs[i] = (x, y)
            if east in ("N", "S") and north in ("E", "W"):
                self.pairs[i] = (y, x)
                self.lettered.append(i)
            if any(isinstance(c, str) for c in cells) and self.grid.sheet:
                self.texts.append(i)
        elif (cells[0] is None) != (cells[1] is None) and self.found.shapes[i] is None:
            missing = names[0] if cells[0] is None else names[1]
            text = f"the {missing} is missing."
            self.found.notes.append(self.grid.problem(text, self.grid.numbers[i], missing, code="geometry"))

    def comma(self, cell: object, names: tuple[str, str]) -> bool | None:
        """Return whether a coordinate has a decimal comma: degrees have no thousands that a comma could part."""
        if names == ("longitude", "latitude"):
            return isinstance(cell, str) and "," in cell and "." not in cell
        return self.metres_comma

    @functools.cached_property
    def metres_comma(self) -> bool | None:
        places = [at for name in ("x", "y") for at in self.columns.at.get(name, ())]
        return decimal_comma([row[at] for row in self.grid.rows] for at in places)

    def bad_cell(self, i: int, name: str, cell: object, hint: str) -> None:
        """Report a cell, mildly if the row has its geometry elsewhere."""
        mild = self.found.shapes[i] is not None
        text = f"this is no {name}{': the geometry beside was taken' if mild else ''}."
        header = self.grid.header[self.columns.at[name][0]]
        facts = {"severity": "warning" if mild else "error", "code": "geometry"}
        self.found.notes.append(self.grid.problem(text, self.grid.numbers[i], header, str(cell)[:80], hint, **facts))

    def refuse(self, i: int, text: str, hint: str, code: str) -> None:
        """Report what makes a row impossible, once."""
        self.found.notes.append(self.grid.problem(text, self.grid.numbers[i], "geometry", hint=hint, code=code))
        self.leave_out([i])

    def leave_out(self, which: Iterable[int]) -> None:
        """Keep rows from being judged again; either they were left out with a word, or the import is refused."""
        for i in which:
            self.found.inside[i] = False

    # --- rows together ------------------------------------------------------------------------------------------------
    def say_shifted(self) -> None:
        by_column: dict[int, list[int]] = {}
        for i, (at, _) in self.found.moved.items():
            by_column.setdefault(at, []).append(i)
        for at, which in by_column.items():
            said = sorted({self.found.moved[i][1][:40] for i in which})[:3]
            text = (
                f"the geometry of {self.rows(which)} stands in column '{self.grid.header[at]}', and geometry says '{', '.join(said)}':"
                " the row is shifted. The geometry was taken from there."
            )
            self.note(text, "shifted")

    def compare(self) -> None:
        """Compare geometries with the coordinates beside them; the geometry is taken."""
        swapped: list[int] = []
        other: list[int] = []
        for i, (x, y) in self.pairs.items():
            shape = self.found.shapes[i]
            if shape is None or self.found.codes[i] != DEGREES or is_metres(shape.bounds):
                continue
            east, north = shape.centroid.x, shape.centroid.y
            if max(abs(x - east), abs(y - north)) > _CLOSE:
                (swapped if max(abs(y - east), abs(x - north)) <= _CLOSE else other).append(i)
        if swapped:
            self.note(
                f"latitude and longitude are swapped in {self.rows(swapped)}; the geometry beside them was taken.",
                "swapped",
            )
        if other:
            text = f"latitude and longitude say another place than the geometry in {self.rows(other)}; the geometry was taken."
            self.note(text, "contradiction", hint="Look at these rows.")

    def take_pairs(self) -> None:
        """Use the coordinates of rows without geometry, as they stand or swapped where geometries beside tell."""
        import numpy as np  # heavy
        import shapely

        open_rows = [i for i in self.pairs if self.found.shapes[i] is None]
        anchors = [i for i, s in enumerate(self.found.shapes) if s is not None and self.is_degrees(i)]
        if len(anchors) >= _FEW_ROWS and self.region() is None and open_rows:
            box = box_of(np.array([middle(self.found.shapes[i]) for i in anchors]))
            swapped = [i for i in open_rows if not within(box, self.pairs[i]) and within(box, self.pairs[i][::-1])]
            for i in swapped:
                self.pairs[i] = self.pairs[i][::-1]
            if swapped:
                self.note(
                    f"latitude and longitude are swapped in {self.rows(swapped)}: the other geometries show it.",
                    "swapped",
                )
        for i in open_rows:
            self.found.shapes[i] = shapely.Point(self.pairs[i])

    def is_degrees(self, i: int) -> bool:
        return self.found.codes[i] == DEGREES and not is_metres(self.found.shapes[i].bounds)

    def settle_metres(self) -> None:
        """Give geometries in metres the system that was asked for."""
        shapes = self.found.shapes
        metres = [
            i for i, s in enumerate(shapes) if s is not None and self.found.codes[i] == DEGREES and is_metres(s.bounds)
        ]
        if not metres:
            return
        if self.request.epsg is None:
            text = f"the coordinates of {self.rows(metres)} are in metres, but the system is not said."
            self.refuse(metres[0], text, "Name it with --crs.", "crs")
            self.leave_out(metres)
            return
        for i in metres:
            self.found.codes[i] = self.request.epsg
        text = f"the coordinates of {self.rows(metres)} are in metres; they were read in EPSG:{self.request.epsg}."
        self.note(text, "mixed-crs")

    # --- regions ------------------------------------------------------------------------------------------------------
    def region(self) -> Box | None:
        """Return the box that decides between readings: the one asked for, else where the system is made for."""
        return self.request.bbox or (region_of(self.request.epsg) if self.request.epsg else None)

    def judge(self) -> None:
        """Swap what only fits swapped; report what fits in no way, or in both."""
        import numpy as np  # heavy

        which = [i for i, s in enumerate(self.found.shapes) if s is not None and self.is_degrees(i)]
        if not which:
            self.settle_projected()
            return
        xy = np.array([middle(self.found.shapes[i]) for i in which])
        region = self.region()
        if region is not None:
            self.judge_by(region, which, xy)
        else:
            self.judge_alone(which, xy)
        self.warn_far(which)
        self.settle_projected()

    def judge_by(self, box: Box, which: Sequence[int], xy: NDArray[np.float64]) -> None:
        off = outside(box, xy)
        swapped = off & ~outside(box, xy[:, ::-1])
        self.swap(which, swapped, "only so they lie in the region of the study")
        lost = [i for i, bad in zip(which, off & ~swapped, strict=True) if bad]
        if not lost:
            return
        if self.request.bbox:
            for i in lost:
                self.found.inside[i] = False
            self.note(f"{self.rows(lost)} lie outside the box and were left out.", "outside", severity="info")
            return
        for i in lost:
            x, y = middle(self.found.shapes[i])
            text = f"this place (longitude {x:g}, latitude {y:g}) is not where EPSG:{self.request.epsg} is made for, nor is it swapped."
            self.refuse(i, text, "Mend the coordinates.", "outside")

    def judge_alone(self, which: Sequence[int], xy: NDArray[np.float64]) -> None:
        """Judge rows by each other: few may be swapped, and then are those that mirror the many."""
        import numpy as np

        globe = outside((-180, -90, 180, 90), xy)
        mirrored = globe & ~outside((-180, -90, 180, 90), xy[:, ::-1])
        upper = xy[:, 1] > xy[:, 0]
        many = upper if upper.mean() >= 0.5 else ~upper  # noqa: PLR2004
        centre = np.median(xy[many], axis=0)
        slack = max(1.0, 3 * float(np.quantile(np.abs(xy[many] - centre).max(axis=1), 0.8)))
        suspect = (np.abs(xy - centre).max(axis=1) > slack) & (np.abs(xy[:, ::-1] - centre).max(axis=1) <= slack)
        n_few = max(int(FEW_SHARE * len(xy)), int(len(xy) >= _FEW_ROWS))
        if suspect.sum() > n_few:
            rows = self.rows(i for i, bad in zip(which, suspect, strict=True) if bad)
            text = f"{rows} have latitude and longitude the other way round than the other rows, and nothing says which way is right."
            hint = "Name the region with --bbox W,S,E,N, or the system with --crs."
            self.refuse(which[int(np.flatnonzero(suspect)[0])], text, hint, "swapped")
            self.leave_out(i for i, bad in zip(which, suspect, strict=True) if bad)
            return
        self.swap(which, suspect, "only so they lie among the others")
        for i in (i for i, bad in zip(which, globe & ~suspect, strict=True) if bad):
            x, y = middle(self.found.shapes[i])
            hint = (
                "If latitude and longitude are swapped, change them."
                if mirrored[list(which).index(i)]
                else "Mend the coordinates."
            )
            text = f"longitude {x:g}, latitude {y:g} is not on the globe."
            self.refuse(i, text, hint, "geometry")

    def warn_far(self, which: Sequence[int]) -> None:
        """Name rows that lie much farther from the middle than most; nothing else is wrong with them."""
        import numpy as np

        listed = [i for i in which if self.found.inside[i]]
        if not listed:
            return
        xy = np.array([middle(self.found.shapes[i]) for i in listed])
        off = np.abs(xy - np.median(xy, axis=0)).max(axis=1)
        far = off > max(3.0, 10 * float(np.quantile(off, 0.8)))
        if far.any():
            rows = self.rows(i for i, bad in zip(listed, far, strict=True) if bad)
            self.note(f"{rows} lie far from the others.", "far", hint="Look at their coordinates.")

    def swap(self, which: Sequence[int], swapped: Mask, why: str) -> None:
        import shapely

        listed = [i for i, bad in zip(which, swapped, strict=True) if bad]
        for i in listed:
            self.found.shapes[i] = shapely.transform(self.found.shapes[i], lambda xy: xy[:, ::-1])
        if listed:
            self.note(
                f"latitude and longitude of {self.rows(listed)} are swapped; they were swapped back, since {why}.",
                "swapped",
            )

    def settle_projected(self) -> None:
        """Report geometries in metres that don't lie in the region, and leave those outside the box out."""
        box = self.region()
        which = [i for i, s in enumerate(self.found.shapes) if s is not None and not self.is_degrees(i)]
        if box is None:
            return
        for i in which:
            if self.found.codes[i] == DEGREES:
                continue
            place = to_degrees(self.found.codes[i])(*middle(self.found.shapes[i]))
            if within(box, place):
                continue
            if self.request.bbox:
                self.found.inside[i] = False
                continue
            text = f"this place in EPSG:{self.found.codes[i]} is not where EPSG:{self.request.epsg} is made for."
            hint = "Mend the coordinates, or name their system with --crs."
            self.refuse(i, text, hint, "outside")
