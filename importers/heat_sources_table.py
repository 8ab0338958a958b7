"""One table of heat sources: its cells as values of the store's columns, and the units that its headers leave open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dhsdb.importers.decimals import decimal_comma, has_points
from dhsdb.importers.grids import ranges
from dhsdb.importers.place_columns import factor, fold, read_number
from dhsdb.importers.positions import locate
from dhsdb.importers.units import UnitError, conversion

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence

    from dhsdb.errors import Problem
    from dhsdb.importers.grids import Grid
    from dhsdb.importers.place_columns import Columns
    from dhsdb.importers.positions import Positions
    from dhsdb.importers.rows import Request

CAPACITY, HEAT, TEMPERATURE = "capacity_mw", "annual_mwh", "temperature_c"
UNITS = {CAPACITY: "MW", HEAT: "MWh", TEMPERATURE: "degC"}
TEXTS = ("title", "kind", "profile", "rule")
MAX_AREA_KM2 = 5.0
"""Area beyond which a polygon is no heat source but a region."""
MOST_MW = 500.0
"""Capacity of one source beyond which a unit that no header names can't be meant."""
LEAST_KW = 5.0
"""Capacity that half of the sources have to reach for kW to be meant."""
SAME = 1e-6
"""Relative difference up to which figures are the same."""
FULL_HOURS = (50.0, 8800.0)
KINDS: Mapping[str, tuple[str, ...]] = {
    "supermarket": ("supermarkets", "grocery", "grocery store", "food retail"),
    "metro_station": ("subway station", "subway", "metro", "metro station", "underground station", "subway stations"),
    "data_centre": ("data center", "data centre", "data centers", "data centres", "datacenter", "datahall", "rechenzentrum"),
    "ice_rink": ("ice rink", "ice rinks", "ice rings", "ice hall", "ishall", "eishalle"),
    "waste_water": (
        "sewage plant", "sewage", "sewage water", "waste water", "wastewater", "wastewater treatment plant", "wwtp",
        "waste water treatment plant", "reningsverk", "klaeranlage", "kläranlage", "klaerwerk", "klärwerk", "abwasser",
    ),
    "industry": ("industrial", "factory", "industri", "industrie"),
    "plant": ("power plant", "chp", "chp plant"),
}  # fmt: skip
"""Words of others for the kinds of sources that models know."""

_BY_WORD = {word: kind for kind, words in KINDS.items() for word in words}


class SourceTable:
    """A table of heat sources on its way to rows."""

    def __init__(self, grid: Grid, columns: Columns, request: Request) -> None:
        self.grid = grid
        self.columns = columns
        self.request = request
        self.units = {name: columns.units.get(name, "") for name in UNITS if name in columns}
        self.values: dict[str, list[Any]] = {}
        self.places: Positions
        self.degrees: list[tuple[float, float] | None] = []
        self.lines: list[int] = []

    def comma(self, name: str) -> bool | None:
        """Return whether numbers have decimal commas, as its own column shows, or else another one; None = none does."""
        groups = [self.columns.at.get(name, ()), [at for n in UNITS for at in self.columns.at.get(n, ())]]
        groups.append([at for n in ("latitude", "longitude") for at in self.columns.at.get(n, ())])
        shown = (decimal_comma([row[at] for row in self.grid.rows] for at in group) for group in groups)
        return next((comma for comma in shown if comma is not None), None)

    def numbers(self, name: str) -> list[float]:
        """Return the numbers of a column whose cells name no unit."""
        comma = self.comma(name)
        found = (read_number(row[at], comma=comma) for row in self.grid.rows for at in self.columns.at.get(name, ()))
        return [f.value for f in found if f is not None and not f.unit]

    def read(self) -> Iterator[Problem]:
        """Read all cells; yield what is wrong or worth saying."""
        yield from self.columns.problems
        yield from self.broken()
        self.places = locate(self.grid, self.columns, self.request)
        yield from self.places.notes
        for name in (*TEXTS, "heat_source"):
            if name in self.columns:
                self.values[name] = yield from self.texts(name)
        for name in UNITS:
            if name in self.columns:
                self.values[name] = yield from self.quantities(name)
        yield from self.kinds()
        yield from self.points()
        yield from self.blank_rows()
        if self.columns.ignored:
            text = f"columns that are not known were not read: {', '.join(self.columns.ignored)[:300]}."
            yield self.grid.problem(text, self.grid.head, severity="info", code="ignored")

    def broken(self) -> Iterator[Problem]:
        """Yield cells whose formula failed or was never calculated."""
        used = {at for places in self.columns.at.values() for at in places}
        for (row, at), what in self.grid.broken.items():
            if at in used:
                text = f"'{what}' is an error of the spreadsheet." if what else "the formula holds no result."
                hint = (
                    "Mend the formula, or clear the cell."
                    if what
                    else "Open and save the workbook in a spreadsheet program."
                )
                yield self.grid.problem(text, row, self.grid.header[at], what or None, hint, code="cell")

    def cells(self, name: str) -> Iterator[tuple[int, list[object]]]:
        """Yield the index of each row and the cells of a meaning that are not blank."""
        for i, row in enumerate(self.grid.rows):
            yield i, [row[at] for at in self.columns.at[name] if row[at] is not None and str(row[at]).strip()]

    def texts(self, name: str) -> Generator[Problem, None, list[Any]]:
        """Return a text per row; columns of the same meaning must not contradict each other."""
        found: list[Any] = [None] * len(self.grid.rows)
        for i, cells in self.cells(name):
            words = [c.strip() if isinstance(c, str) else c for c in cells]
            if name == "kind" and i in self.places.moved:
                words = [self.places.moved[i][1]]
            if len({str(w).casefold() for w in words}) > 1:
                text = f"the columns of {name} contradict each other: {' and '.join(map(str, words))[:120]}."
                yield self.grid.problem(
                    text, self.grid.numbers[i], self.header(name), hint="Clear one of them.", code="contradiction"
                )
            found[i] = _plain(words[0]) if words else None
        return found

    def header(self, name: str) -> str:
        """Return the header of a meaning's first column."""
        return self.grid.header[self.columns.at[name][0]]

    def quantities(self, name: str) -> Generator[Problem, None, list[Any]]:
        """Return a number per row in the column's unit; what is no number stays for the pipeline to report."""
        found: list[Any] = [None] * len(self.grid.rows)
        as_text: list[int] = []
        pointed: list[int] = []
        comma = self.comma(name)
        for i, cells in self.cells(name):
            values = [n.value for c in cells if (n := read_number(c, comma=comma)) is not None]
            if any(abs(v - values[0]) > SAME * abs(values[0]) for v in values):
                text = f"the columns of {name} contradict each other: {' and '.join(map(str, cells))[:120]}."
                hint = "Clear one of them."
                yield self.grid.problem(text, self.grid.numbers[i], self.header(name), hint=hint, code="contradiction")
            for cell in cells[:1]:
                number = read_number(cell, comma=comma)
                if number is None:
                    found[i] = cell
                    continue
                if comma is None and isinstance(cell, str) and has_points(cell):
                    pointed.append(i)
                if number.text and self.grid.sheet:
                    as_text.append(i)
                found[i] = number.value
                if number.unit:
                    times = factor(number.unit, self.units[name] or UNITS[name])
                    found[i] = cell if times is None else number.value * times
        if pointed:
            text = (
                f"numbers in {ranges(self.grid.numbers[i] for i in pointed)} were read with a decimal point;"
                " nothing shows that it parts thousands."
            )
            row, cell = self.grid.numbers[pointed[0]], self.grid.rows[pointed[0]][self.columns.at[name][0]]
            yield self.grid.problem(text, row, self.header(name), cell, severity="warning", code="number-format")
        if as_text:
            text = f"numbers are stored as text in {ranges(self.grid.numbers[i] for i in as_text)}; they were read as numbers."
            yield self.grid.problem(text, None, self.header(name), severity="info", code="text-number")
        return found

    def kinds(self) -> Iterator[Problem]:
        """Bring the kinds of others to those that models know."""
        changed: dict[str, str] = {}
        kinds = self.values.get("kind", [])
        for i, kind in enumerate(kinds):
            if kind is None:
                continue
            word = fold(str(kind))[0]
            own = _BY_WORD.get(word) or word.replace(" ", "_")
            if own != kind:
                changed[str(kind)] = own
            kinds[i] = own
        if changed:
            listed = ", ".join(f"'{theirs}' as {own}" for theirs, own in list(changed.items())[:20])
            yield self.grid.problem(
                f"types were read so: {listed}.", None, self.header("kind"), severity="info", code="renamed"
            )

    # --- places -------------------------------------------------------------------------------------------------------
    def points(self) -> Iterator[Problem]:
        """Bring areas to points, and note longitude and latitude of each row."""
        import shapely  # heavy

        areas, hulls = [], []
        for i, shape in enumerate(self.places.shapes):
            number = self.grid.numbers[i]
            if shape is None or shape.geom_type == "Point":
                continue
            if shape.geom_type == "MultiPoint" and len(shape.geoms) == 1:
                self.places.shapes[i] = shape.geoms[0]
            elif shape.geom_type not in ("Polygon", "MultiPolygon"):
                text = f"a source can't be a {shape.geom_type}."
                yield self.grid.problem(text, number, "geometry", hint="Give a point or an area.", code="geometry")
            elif (size := _area_km2(shape, self.places.codes[i])) > MAX_AREA_KM2:
                text = f"an area of {size:,.1f} km2 is a region and no heat source; regions are not kept."
                yield self.grid.problem(text, number, "geometry", hint="Leave it out.", code="area")
            else:
                if not shape.is_valid:
                    hulls.append(i)
                    shape = shape.convex_hull  # noqa: PLW2901
                areas.append(i)
                self.places.shapes[i] = shapely.point_on_surface(shape)
        if areas:
            text = f"{len(areas)} areas became points within them."
            yield self.grid.problem(text, None, "geometry", severity="info", code="area")
        if hulls:
            text = f"the outline crosses itself in {ranges(self.grid.numbers[i] for i in hulls)}; its convex hull was taken."
            yield self.grid.problem(text, None, "geometry", severity="warning", code="repaired")
        self.degrees = [_degrees(s, code) for s, code in zip(self.places.shapes, self.places.codes, strict=True)]

    def blank_rows(self) -> Iterator[Problem]:
        """Keep the rows that say something of a source, and are not left out."""
        said = [
            bool(s is not None) or any(v[i] is not None for v in self.values.values())
            for i, s in enumerate(self.places.shapes)
        ]
        self.lines = [i for i, something in enumerate(said) if something and self.places.inside[i]]
        empty = [self.grid.numbers[i] for i, something in enumerate(said) if not something]
        if empty:
            text = f"left out, since nothing is said of a source: {ranges(empty)}."
            yield self.grid.problem(text, severity="info", code="ignored")
        bare = [self.grid.numbers[i] for i in self.lines if self.places.shapes[i] is None]
        if bare:
            text = f"kept without a place, since there are no coordinates: {ranges(bare)}."
            yield self.grid.problem(text, None, "geometry", severity="warning", code="no-place")


def _plain(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else value


def _area_km2(shape: Any, code: int) -> float:
    from pyproj import Geod  # heavy

    if code != 4326:  # noqa: PLR2004
        return float(shape.convex_hull.area) / 1e6
    return abs(Geod(ellps="WGS84").geometry_area_perimeter(shape.convex_hull)[0]) / 1e6


def _degrees(shape: Any, code: int) -> tuple[float, float] | None:
    from dhsdb.importers.regions import to_degrees

    if shape is None or shape.geom_type != "Point":
        return None
    return to_degrees(code)(shape.x, shape.y)


# --- units that no header names ----------------------------------------------------------------------------------------
def settle_units(tables: Sequence[SourceTable], options: Mapping[str, str]) -> Iterator[Problem]:
    """Give columns whose header names no unit the one that was asked for, or the only one that can be meant.

    Tables of the same header are judged together.
    """
    for name, option in ((HEAT, "heat_unit"), (CAPACITY, "capacity_unit")):
        alike: dict[tuple[str, ...], list[SourceTable]] = {}
        for table in tables:
            if name in table.units and not table.units[name] and table.numbers(name):
                alike.setdefault(tuple(table.grid.header), []).append(table)
        for group in alike.values():
            if unit := options.get(option, ""):
                yield from _asked(group, name, unit, option)
            else:
                yield from _meant(group, name, option)


def _asked(group: Sequence[SourceTable], name: str, unit: str, option: str) -> Iterator[Problem]:
    try:
        conversion(unit, {CAPACITY: "MW", HEAT: "MWh/year"}[name])
    except UnitError as error:
        yield group[0].grid.problem(
            f"{option}: {error.message}", group[0].grid.head, group[0].header(name), unit, error.hint, code="unit"
        )
        return
    for table in group:
        table.units[name] = unit


def _meant(group: Sequence[SourceTable], name: str, option: str) -> Iterator[Problem]:
    header = group[0].header(name)
    units = dict(_readings(group, name))
    if len(units) != 1:
        text = f"the unit of '{header}' is not said, and {'several' if units else 'none'} of kW and MW could be meant."
        if name == HEAT:
            text = f"the unit of '{header}' is not said."
        hint = f"Write it in the header, as in '{header} [{'MW' if name == CAPACITY else 'MWh'}]', or name it with -o {option}=UNIT."
        for table in group:
            yield table.grid.problem(text, table.grid.head, table.header(name), hint=hint, code="unit")
        return
    unit, why = next(iter(units.items()))
    for table in group:
        table.units[name] = unit
        text = f"the unit of '{header}' is not said; {unit} was taken, since {why}."
        hint = f"Name it with -o {option}=UNIT if that is wrong."
        yield table.grid.problem(text, table.grid.head, header, unit, hint, severity="warning", code="unit-assumed")


def _readings(group: Sequence[SourceTable], name: str) -> Iterator[tuple[str, str]]:
    """Yield the units of capacity that can be meant, and why."""
    if name != CAPACITY:
        return
    hours = [h for table in group for h in _full_hours(table)]
    values = sorted(v for table in group for v in table.numbers(name) if v > 0)
    if hours:
        for unit, scale in (("MW", 1.0), ("kW", 1e3)):
            if all(FULL_HOURS[0] <= h * scale <= FULL_HOURS[1] for h in hours):
                yield (
                    unit,
                    f"only so the annual heat takes {min(hours) * scale:,.0f} to {max(hours) * scale:,.0f} hours",
                )
    elif values:
        median = values[(len(values) - 1) // 2]
        if values[-1] <= MOST_MW:
            yield "MW", f"in kW half of the sources would have less than {median:.3g} kW"
        if values[-1] <= MOST_MW * 1e3 and median >= LEAST_KW:
            yield "kW", f"in MW a source would have {values[-1]:,.0f} MW"


def _full_hours(table: SourceTable) -> Iterable[float]:
    """Return the hours that annual heat takes at full capacity, read in MW."""
    if HEAT not in table.units or not table.units[HEAT]:
        return []
    times = factor(table.units[HEAT], "MWh/year")
    (heat, *_), (power, *_) = table.columns.at[HEAT], table.columns.at[CAPACITY]
    commas = table.comma(HEAT), table.comma(CAPACITY)
    pairs = [
        (read_number(row[heat], comma=commas[0]), read_number(row[power], comma=commas[1])) for row in table.grid.rows
    ]
    known = [(h.value, p.value) for h, p in pairs if h is not None and p is not None and p.value > 0 and h.value > 0]
    return [h * times / p for h, p in known] if times else []
