"""One table or city model of buildings, as columns of the store: words and codes read, figures in their units, places measured."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dhsdb.importers import building_cells as cell
from dhsdb.importers.building_columns import TARGETS
from dhsdb.importers.building_shapes import place
from dhsdb.importers.building_units import settle_units
from dhsdb.importers.building_words import RESIDENTIAL, heating_in, plain, state_in, state_since, use_in, year_in_words
from dhsdb.importers.grids import ranges

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from dhsdb.errors import Problem
    from dhsdb.importers.building_columns import BuildingColumns
    from dhsdb.importers.city import Measured
    from dhsdb.importers.grids import Grid
    from dhsdb.importers.rows import Request

    Floats = NDArray[np.float64]

TEXTS = ("title", "address", "district", "site", "osm_tag", "profile")
FIGURES = tuple(TARGETS)
SUMMED = (
    "footprint_m2", "floor_area_m2", "volume_m3", "space_heat_mwh", "hot_water_mwh", "heat_mwh", "metered_mwh", "peak_mw",
)  # fmt: skip
"""Figures of parts that add up to those of their building."""
_NO_USE = frozenset({
    "yes", "building", "buildingpart", "building part", "way", "relation", "multipolygon", "polygon", "1", "0",
    "gebäude", "gebaeude", "bu", "node",
    "feature",
})  # fmt: skip
"""What columns of types say that is no use."""
_FLOAT = re.compile(r"\d+\.0+")
_SPAN = re.compile(r"\d{4}\s*\D{1,4}\s*\d{4}")
_LEVELS = (999.0, 9999.0)
_SURFACE = 2
_TAGS = 0.5
"""Share of different values below which a column named building holds kinds and no ids."""


@dataclass(slots=True)
class Part:
    """What one table says of buildings.

    Attributes
    ----------
    frame
        One line per building: its id and what is known, geometries in ``epsg``; ``_row`` is the row in the source.
    roofs
        Rows of ``building_roof``.
    """

    grid: Grid
    frame: pd.DataFrame
    epsg: int | None
    roofs: pd.DataFrame | None = None
    notes: list[Problem] = field(default_factory=list)

    @property
    def has_places(self) -> bool:
        """Whether some building has a geometry."""
        return bool(self.frame["geometry"].notna().any())

    @property
    def has_areas(self) -> bool:
        """Whether some building has a footprint, and is not only a point."""
        import shapely  # heavy

        return bool((shapely.get_dimensions(self.frame["geometry"].to_numpy(dtype=object)) == _SURFACE).any())


def read_table(grid: Grid, columns: BuildingColumns, request: Request, measured: Measured | None = None) -> Part:
    """Return what a table says of buildings."""
    return _Table(grid, columns, request, measured).read()


class _Table:
    """A table on its way to columns of the store."""

    def __init__(self, grid: Grid, columns: BuildingColumns, request: Request, measured: Measured | None) -> None:
        self.grid = grid
        self.columns = columns
        self.request = request
        self.measured = measured
        self.notes: list[Problem] = []
        self.found: dict[str, Any] = {}

    def read(self) -> Part:
        import pandas as pd  # heavy

        self.settle_kinds()
        self.found["_row"] = list(self.grid.numbers)
        self.keys()
        for name in TEXTS:
            if name in self.columns:
                self.found[name] = cell.words(self.grid, self.columns.places[name][0])
        self.addresses()
        self.figures()
        self.uses()
        self.years()
        self.states()
        self.heatings()
        geometry, epsg, inside, notes = place(self.grid, self.columns, self.request, self.measured)
        self.notes += notes
        self.found["geometry"] = geometry
        frame = pd.DataFrame(
            {name: pd.Series(list(v), dtype=object) if name in _OBJECTS else v for name, v in self.found.items()}
        )
        roofs = self.measure(frame)
        if not inside.all():
            frame = frame[inside].reset_index(drop=True)
            roofs = None if roofs is None else roofs[roofs["_row"].isin(frame["_row"])].reset_index(drop=True)
        if "parent" in self.columns:
            frame = self.summed_parts(frame)
        if self.columns.ignored and self.measured is None:
            text = f"columns that are not known were not read: {', '.join(self.columns.ignored)[:300]}."
            self.note(text, "ignored", severity="info")
        return Part(self.grid, frame, epsg, roofs, self.notes)

    def note(
        self,
        text: str,
        code: str,
        *,
        column: str = "",
        severity: str = "warning",
        hint: str = "",
        row: int | None = None,
    ) -> None:
        self.notes.append(self.grid.problem(text, row, column, hint=hint, severity=severity, code=code))

    def header(self, name: str) -> str:
        return self.grid.header[self.columns.places[name][0]]

    # --- keys ---------------------------------------------------------------------------------------------------------
    def settle_kinds(self) -> None:
        """Move a column ``building`` that holds kinds of building, as OpenStreetMap's does, to the uses."""
        at = self.columns.places
        for place_ in list(at.get("building", ())):
            if self.measured is not None or plain(self.grid.header[place_]) not in ("building", "gebäude", "gebaeude"):
                continue
            values = [w for w in cell.words(self.grid, place_) if w is not None]
            kinds = [w for w in values if use_in(w) is not None or plain(w) in _NO_USE]
            if (values and len(set(values)) < max(2, _TAGS * len(values))) or (
                values and len(kinds) > _TAGS * len(values)
            ):
                at["building"].remove(place_)
                at.setdefault("use", []).append(place_)
                at.setdefault("osm_tag", [place_])
        if not at.get("building"):
            at.pop("building", None)

    def keys(self) -> None:
        """Take the ids; without them rows are numbered, which holds as long as the file keeps its order."""
        if self.measured is not None:
            self.columns.places["building"] = [0]
        if "building" in self.columns:
            found = cell.words(self.grid, self.columns.places["building"][0])
            if all(
                word is None or _FLOAT.fullmatch(word) for word in found
            ):  # whole numbers of a program that has none
                found = [None if word is None else word.partition(".")[0] for word in found]
            # A blank id is told by the pipeline; an id that is only a blank word stays what it is.
            self.found["building"] = found
            return
        stem = self.grid.file.stem
        self.found["building"] = [f"{stem}-{number}" for number in self.grid.numbers]
        text = "the buildings have no ids; they were named by file and row."
        self.note(text, "no-id", hint="Name a column id, so that a later import finds them again.")

    def addresses(self) -> None:
        if "address" in self.columns or "street" not in self.columns:
            return
        street = cell.words(self.grid, self.columns.places["street"][0])
        number = (
            cell.words(self.grid, self.columns.places["house_number"][0])
            if "house_number" in self.columns
            else [None] * len(street)
        )
        self.found["address"] = [" ".join(filter(None, pair)) or None for pair in zip(street, number, strict=True)]

    # --- figures ------------------------------------------------------------------------------------------------------
    def figures(self) -> None:
        """Read figures; columns that name a unit per area hold specific figures, whatever else they are called."""
        import numpy as np  # heavy

        for name, specific in (
            ("space_heat_mwh", "space_specific"),
            ("hot_water_mwh", "water_specific"),
            ("heat_mwh", "heat_specific"),
        ):
            for at in list(self.columns.places.get(name, ())):
                if "m2" in self.columns.units.get(at, ""):
                    self.columns.places[name].remove(at)
                    self.columns.places.setdefault(specific, []).append(at)
            if not self.columns.places.get(name, True):
                del self.columns.places[name]
        # City models write numbers with a point, as their standards ask for.
        comma = False if self.measured is not None else cell.table_comma(self.grid, self.columns)
        settle_units(self.grid, self.columns, self.request.options, self.notes, comma=comma)
        for name in FIGURES:
            if name in self.columns:
                values, notes = cell.figures(
                    self.grid, self.columns.places[name][0], name, self.columns.units, comma=comma
                )
                self.notes += notes
                self.found[name] = values
        if "levels" in self.columns:
            values, notes = cell.figures(self.grid, self.columns.places["levels"][0], "levels", {}, comma=comma)
            values[np.isin(values, _LEVELS)] = np.nan
            self.notes += notes
            self.found["levels"] = values
        for name in ("height_m", "floor_area_m2", "volume_m3", "footprint_m2", "levels"):
            unknown = np.isin(self.found[name], (0, -1)) if name in self.found else np.zeros(1, dtype=bool)
            if unknown.any():
                rows = [n for n, bare in zip(self.grid.numbers, unknown, strict=True) if bare]
                self.note(
                    f"0 or -1 in {ranges(rows)} was taken as not known.",
                    "zero",
                    column=self.header(name),
                    severity="info",
                )
                self.found[name] = np.where(unknown, np.nan, self.found[name])

    # --- words --------------------------------------------------------------------------------------------------------
    def uses(self) -> None:
        """Map uses; the first column whose word is known decides."""
        n = len(self.grid.rows)
        use: list[str | None] = [None] * n
        code: list[str | None] = [None] * n
        unknown: Counter[str] = Counter()
        columns = [cell.words(self.grid, at) for at in self.columns.places.get("use", ())]
        for i in range(n):
            said = [word for column in columns if (word := column[i]) is not None]
            known = [(found, word) for word in said if (found := use_in(word)) is not None]
            if known:
                use[i], code[i] = known[0]
                # A second column may tell what kind of dwelling it is.
                if use[i] == RESIDENTIAL:
                    use[i] = next((u for u, _ in known if u.startswith(f"{RESIDENTIAL}_")), RESIDENTIAL)
            elif strange := [w for w in said if plain(w) not in _NO_USE]:
                unknown[strange[0]] += 1
                code[i] = strange[0]
        if unknown:
            named = cell.listed(f"{word} ({number})" for word, number in unknown.most_common())
            text = f"{sum(unknown.values())} buildings have a use that is not known; they were taken as other: {named}."
            hint = "Set building.use to one of those that specific demands are named for."
            self.note(text, "unknown-use", column=self.header("use"), hint=hint)
        if columns:
            self.found["use"] = use
            self.found["function_code"] = code

    def years(self) -> None:
        """Take years of construction, of spans the middle."""
        if "construction_year" not in self.columns:
            return
        n = len(self.grid.rows)
        years: list[int | None] = [None] * n
        spans: list[int] = []
        for at in reversed(self.columns.places["construction_year"]):
            for i, given in enumerate(cell.cells(self.grid, at)):
                if cell.is_blank(given) or given in (0, "0", *cell.MISSING):
                    continue
                found = year_in_words(
                    given
                    if not isinstance(given, str) or not given.strip().replace(".0", "").isdecimal()
                    else float(given)
                )
                if found is None:
                    text = f"'{str(given)[:40]}' is no year."
                    self.notes.append(
                        self.grid.problem(
                            text,
                            self.grid.numbers[i],
                            self.grid.header[at],
                            given,
                            "Write it as 1965, or a span as 1958-1968.",
                        )
                    )
                    continue
                if isinstance(given, str) and (not given.strip()[:4].isdecimal() or _SPAN.search(given)):
                    spans.append(self.grid.numbers[i])
                years[i] = found
        if spans:
            text = f"spans of years in {ranges(spans)} were taken as their middle, or as the year that they name."
            self.note(text, "year-span", column=self.header("construction_year"), severity="info")
        self.found["construction_year"] = years

    def states(self) -> None:
        """Take the state of the envelope from words, else from the year of its renovation."""
        if not {"refurbishment", "renovation_year"} & self.columns.places.keys():
            return
        n = len(self.grid.rows)
        state = self.mapped("refurbishment", state_in, "is no state of an envelope", "unknown-state") or [None] * n
        if "renovation_year" in self.columns:
            for i, given in enumerate(cell.cells(self.grid, self.columns.places["renovation_year"][0])):
                year = (
                    None
                    if cell.is_blank(given)
                    else year_in_words(given if not isinstance(given, str) or not given.isdecimal() else float(given))
                )
                if state[i] is None and year is not None and year > 0:
                    state[i] = state_since(year)
        self.found["refurbishment"] = state

    def heatings(self) -> None:
        """Take what a building is heated with; a word that is not known is other."""
        found = self.mapped(
            "heating",
            heating_in,
            "is no way of heating that is known; it was taken as other",
            "unknown-heating",
            "other",
        )
        if found is not None:
            self.found["heating"] = found

    def mapped(
        self, name: str, known: Callable[[str], str | None], what: str, code: str, default: str | None = None
    ) -> list[str | None] | None:
        """Return words of a column mapped to those of the store; tell those that are not known."""
        if name not in self.columns:
            return None
        result: list[str | None] = []
        unknown: Counter[str] = Counter()
        for given in cell.cells(self.grid, self.columns.places[name][0]):
            # "none" is an answer here.
            answered = isinstance(given, str) and given.strip().casefold() == "none"
            word = cell.text_of(given) if answered or not cell.is_blank(given) else None
            found = None if word is None else known(word)
            if word is not None and found is None:
                unknown[word] += 1
                found = default
            result.append(found)
        if unknown:
            self.note(f"{cell.listed(unknown)} {what}.", code, column=self.header(name))
        return result

    # --- measures -----------------------------------------------------------------------------------------------------
    def measure(self, frame: pd.DataFrame) -> pd.DataFrame | None:
        """Complete figures by what geometries say; figures of the source go first."""
        import numpy as np  # heavy
        import shapely

        shapes = frame["geometry"].to_numpy(dtype=object)
        area = np.where(shapely.get_dimensions(shapes) == _SURFACE, shapely.area(shapes), np.nan)
        _complete(frame, "footprint_m2", area)
        roofs = None
        if self.measured is not None:
            found = self.measured.found
            _complete(frame, "height_m", found["height_m"].to_numpy(dtype=float))
            _complete(frame, "volume_m3", found["volume_m3"].to_numpy(dtype=float))
            roofs = self.measured.roofs.copy()
            roofs.insert(0, "building", frame["building"].to_numpy(dtype=object)[roofs["line"].to_numpy(dtype=int)])
            roofs["_row"] = frame["_row"].to_numpy()[roofs["line"].to_numpy(dtype=int)]
            roofs = roofs.drop(columns="line")
        high = frame["height_m"].to_numpy(dtype=float) if "height_m" in frame else np.full(len(frame), np.nan)
        prism = frame["footprint_m2"].to_numpy(dtype=float) * np.where(
            high > 0, high, np.nan
        )  # a wrong height is told once
        _complete(frame, "volume_m3", prism)
        return roofs

    def summed_parts(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Add the rows of parts up to their building, as tables of results have a row per part."""
        import numpy as np  # heavy

        parent = cell.words(self.grid, self.columns.places["parent"][0])
        is_part = np.array([p is not None for p in parent])
        if not is_part.any():
            return frame
        frame = frame.assign(building=[p or b for p, b in zip(parent, frame["building"], strict=True)])
        for specific, whole in (
            ("space_specific", "space_heat_mwh"),
            ("water_specific", "hot_water_mwh"),
            ("heat_specific", "heat_mwh"),
        ):
            if specific in frame and "floor_area_m2" in frame:
                amount = frame[specific].to_numpy(dtype=float) * frame["floor_area_m2"].to_numpy(dtype=float) / 1000
                _complete(frame, whole, amount)
                frame = frame.drop(columns=specific)
        rules = {
            c: (lambda s: s.sum(min_count=1)) if c in SUMMED else "max" if c in ("height_m", "levels") else "first"
            for c in frame.columns if c != "building"
        }  # fmt: skip
        # Only rows of parts are brought together; a building that is there twice stays a mistake.
        parts = frame["building"].isin({p for p in parent if p})
        joined = frame[parts].groupby("building", sort=False, as_index=False).agg(rules)
        text = f"{int(is_part.sum())} rows of parts were added up to {len(joined)} buildings."
        self.note(text, "parts", column=self.header("parent"), severity="info")
        import pandas as pd

        return pd.concat([frame[~parts], joined], ignore_index=True).sort_values("_row", ignore_index=True)


_OBJECTS = frozenset(
    {*TEXTS, "building", "use", "function_code", "refurbishment", "heating", "construction_year", "geometry"}
)


def _complete(frame: pd.DataFrame, name: str, values: Floats) -> None:
    """Fill the blanks of a column."""
    import numpy as np  # heavy

    given: Sequence[float] | Floats = (
        frame[name].to_numpy(dtype=float) if name in frame else np.full(len(frame), np.nan)
    )
    frame[name] = np.where(np.isnan(given), values, given)
