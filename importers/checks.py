"""Rows of an importer, checked column by column and brought to the types and units of their table.

Every mistake becomes a :class:`~dhsdb.errors.Problem` with its place; nothing here raises for what a file says. Whether
names refer to something that exists is left to ``dhsdb check``.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import sqlalchemy as sa

from dhsdb.errors import MoreProblems, Problem, did_you_mean
from dhsdb.importers.rows import ROW
from dhsdb.importers.units import Conversion, UnitError, conversion
from dhsdb.schema.catalog import input_table
from dhsdb.schema.columns import Geometry, Meaning

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

    from dhsdb.importers.rows import Rows
    from dhsdb.schema.inputs import InputRow

    Mask = NDArray[np.bool_]
    Objects = NDArray[np.object_]

ERROR_VALUES = frozenset({"#N/A", "#DIV/0!", "#REF!", "#NAME?", "#NUM!", "#VALUE!", "#NULL!", "#SPILL!", "#CALC!"})
"""What a spreadsheet shows where a formula failed."""

YEARS = (1000, 2999)
_PER_COLUMN = 1000
_EXACT = 2**53
_CONTROL = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x{fffe}\x{ffff}]"
_NUMBER = re.compile(r"[-+]?[\d\s.,]+(?:[eE][-+]?\d+)?")
_TRUE = frozenset({"true", "yes", "1", "1.0"})
_FALSE = frozenset({"false", "no", "0", "0.0"})
_NO_KEY = (lambda _: "is blank, but belongs to the key.", "Each row needs one.")
_FAILED = "The formula failed in the spreadsheet; mend it there, or clear the cell."


@dataclass(slots=True)
class Notes:
    """Problems and remarks, collected in the order of the input; at most a thousand per column and kind."""

    problems: list[Problem] = field(default_factory=list)
    findings: list[Problem] = field(default_factory=list)

    def add(self, problem: Problem) -> None:
        """Keep a problem, or a finding where it is less than an error."""
        (self.problems if problem.severity == "error" else self.findings).append(problem)


@dataclass(frozen=True, slots=True)
class Checked:
    """Rows in the types and units of their table.

    Attributes
    ----------
    rows
        Key, ``year``, the cells that the source has, ``sheet``, ``source_row``; geometries as WKB in ``epsg``.
    cells
        Cells that the rows set; None = all.
    currencies
        ISO codes that the source units named.
    keeps
        Rows that the same file brought earlier and it no longer has stay.
    """

    table: type[InputRow]
    rows: pa.Table
    file: str
    sheet: str
    cells: tuple[str, ...] | None
    epsg: int | None
    currencies: frozenset[str]
    keeps: bool = False


@dataclass(frozen=True)
class _Column:
    """A column while it is checked: its name and meaning, its values, and where its problems go."""

    name: str
    meaning: Meaning
    given: pd.Series[Any]
    rows: Rows
    notes: Notes
    unit: str = ""

    @functools.cached_property
    def raw(self) -> Objects:
        """The values as objects, None for what is missing."""
        objects = self.given.to_numpy(dtype=object, copy=True)
        objects[self.given.isna().to_numpy()] = None
        return objects

    def report(self, bad: Mask, message: Callable[[object], str], hint: str | Callable[[object], str] = "") -> None:
        """Add a problem for each value that is bad."""
        at = np.flatnonzero(bad)
        for i in at[:_PER_COLUMN]:
            value, row = self.raw[i], self.rows.row(i)
            shown = int(value) if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT else value
            self.notes.add(self.problem(message(shown), row, value, hint(shown) if callable(hint) else hint))
        if len(at) > _PER_COLUMN:
            rest = len(at) - _PER_COLUMN
            text = f"{rest} more values of this column are not allowed."
            self.notes.add(MoreProblems(text, str(self.rows.file), self.rows.sheet, column=self.name, n=rest))

    def problem(
        self, message: str, row: int | None = None, value: object = None, hint: str = "", **kind: Any
    ) -> Problem:
        """Return a problem of this column."""
        file, sheet = str(self.rows.file), self.rows.sheet
        return Problem(message, file, sheet, row, self.name, value, hint, **kind)


def check_rows(rows: Rows, year: int | None, notes: Notes) -> Checked:
    """Check rows and convert them.

    Parameters
    ----------
    year
        Year of rows that name none, where the table varies by year.
    notes
        Where problems and remarks go; the rows are usable only if no problem was added.
    """
    import pyarrow as pa  # heavy

    table = input_table(rows.table)
    allowed = {**table.own(), "year": table.meanings()["year"]}
    frame = rows.frame
    columns: dict[str, pa.Array] = {}
    currencies: set[str] = set()
    for name in (str(c) for c in frame.columns if c != ROW):
        if name not in allowed:
            notes.add(_unknown_column(rows, name, list(allowed)))
            continue
        column = _Column(name, allowed[name], frame[name], rows, notes, rows.units.get(name, ""))
        how = _conversion(column, table.__table__.columns[name].type)
        currencies |= how.currencies
        columns[name] = _converted(column, table, how)
    _keys_present(rows, table, columns, notes)
    columns["year"] = _years(rows, table, columns.get("year"), year, notes)
    n = len(frame)
    columns["sheet"] = pa.repeat(pa.scalar(rows.sheet or None, pa.string()), n)
    columns["source_row"] = (
        pa.Array.from_pandas(frame[ROW], type=pa.int32()) if ROW in frame.columns else pa.nulls(n, pa.int32())
    )
    said = tuple(c for c in table.cell_names() if c in columns)
    cells = said if rows.partial and len(said) < len(table.cell_names()) else None
    epsg = rows.epsg if "geometry" in columns else None
    return Checked(table, pa.table(columns), str(rows.file), rows.sheet, cells, epsg, frozenset(currencies), rows.keeps)


# --- columns and keys ------------------------------------------------------------------------------------------------
def _unknown_column(rows: Rows, name: str, allowed: list[str]) -> Problem:
    hint = did_you_mean(name, allowed) or f"Columns of {rows.table}: {', '.join(allowed)}."
    first = 1 if ROW in rows.frame.columns else None
    return Problem(f"table {rows.table} has no column '{name}'.", str(rows.file), rows.sheet, first, name, None, hint)


def _conversion(column: _Column, sa_type: object) -> Conversion:
    """Return how a column is brought to its own unit; the source unit is kept as a remark."""
    if not column.unit:
        return Conversion()
    if not isinstance(sa_type, (sa.Double, sa.Integer)) or column.meaning.key:
        text = f"has no unit, but '{column.unit}' is given."
        column.notes.add(column.problem(text, value=column.unit, hint="Leave it out.", code="unit"))
        return Conversion()
    try:
        how = conversion(column.unit, column.meaning.unit)
    except UnitError as error:
        column.notes.add(column.problem(error.message, value=column.unit, hint=error.hint, code="unit"))
        return Conversion()
    if not how.is_identity:
        unit = column.meaning.unit or "a plain number"
        text = f"{column.rows.table}.{column.name} was converted from {column.unit} to {unit} ({how})."
        column.notes.add(column.problem(text, value=column.unit, severity="info", code="unit-converted"))
    return how


def _converted(column: _Column, table: type[InputRow], how: Conversion) -> pa.Array:
    sa_type = table.__table__.columns[column.name].type
    if isinstance(sa_type, Geometry):
        return _geometry(column)
    if isinstance(sa_type, sa.Boolean):
        return _booleans(column)
    if isinstance(sa_type, sa.Integer):
        return _integers(column, how, sa_type)
    if isinstance(sa_type, sa.Double):
        return _numbers(column, how)
    return _texts(column)


def _keys_present(rows: Rows, table: type[InputRow], columns: dict[str, pa.Array], notes: Notes) -> None:
    """Report keys that are missing; ``year`` is the key of what has no other."""
    for key in table.keys() or ["year"]:
        text = f"the column {key} is missing: it belongs to the key of {rows.table}."
        if key not in columns:
            if len(rows.frame) and key != "year":
                notes.add(Problem(text, str(rows.file), rows.sheet, column=key, code="key"))
        elif key != "year":
            missing = np.asarray(columns[key].is_null())
            column = _Column(key, table.own()[key], rows.frame[key], rows, notes)
            if missing.any():
                column.report(missing & _blank(column.raw), *_NO_KEY)


def _years(rows: Rows, table: type[InputRow], years: pa.Array | None, default: int | None, notes: Notes) -> pa.Array:
    """Return the year of each row: its own, else the one asked for; none where the table does not vary by year."""
    import pandas as pd  # heavy
    import pyarrow as pa  # heavy
    import pyarrow.compute as pc

    n = len(rows.frame)
    years = pa.nulls(n, pa.int16()) if years is None else years
    raw = rows.frame["year"] if "year" in rows.frame.columns else pd.Series([None] * n, dtype=object)
    column = _Column("year", table.meanings()["year"], raw, rows, notes)
    given = np.asarray(pc.is_valid(years))
    if not table.by_year:
        column.report(given, lambda _: f"{rows.table} does not vary by year.", "Clear the cell.")
        return pa.nulls(n, pa.int16())
    if default is not None:
        years = pc.fill_null(years, pa.scalar(default, pa.int16()))
    if not table.keys():
        column.report(np.asarray(pc.is_null(years)) & _blank(column.raw), *_NO_KEY)
    return years


# --- types -----------------------------------------------------------------------------------------------------------
def _is(values: Objects, kinds: tuple[type, ...]) -> Mask:
    return np.fromiter((isinstance(v, kinds) for v in values), bool, len(values))


def _blank(values: Objects) -> Mask:
    return np.fromiter((v is None or (isinstance(v, str) and not v.strip()) for v in values), bool, len(values))


def _floats(column: _Column) -> NDArray[np.float64]:
    """Return values as floats, NaN where blank; report what is no finite number."""
    from pandas.api import types  # heavy

    values = column.given
    if types.is_numeric_dtype(values.dtype) and not types.is_bool_dtype(values.dtype):
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
    else:
        numbers = np.full(len(values), np.nan)
        good = _is(column.raw, (int, float, np.number)) & ~_is(column.raw, (bool,))
        column.report(~good & ~_blank(column.raw), _not_a_number, lambda v: _number_hint(column.meaning, v))
        numbers[good] = [_as_float(v) for v in column.raw[good]]
    infinite = np.isinf(numbers)
    column.report(infinite, lambda v: f"'{v}' is not a finite number.", "Leave the cell blank for unlimited.")
    numbers[infinite] = np.nan
    return numbers


def _as_float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return np.inf


def _not_a_number(value: object) -> str:
    return f"'{value}' is an error of the spreadsheet." if value in ERROR_VALUES else f"'{value}' is not a number."


def _number_hint(meaning: Meaning, value: object) -> str:
    text = str(value).strip()
    wanted = f"A number{f' in {meaning.unit}' if meaning.unit else ''} is expected."
    if text in ERROR_VALUES:
        return _FAILED
    if text.startswith("="):
        return f"{wanted} It is the text of a formula; open and save the workbook, so that it holds the result."
    if text.casefold() in {"none", "null", "unlimited", "inf", "nan", "-"}:
        return f"{wanted} Leave it blank for none or unlimited."
    if isinstance(value, str) and _NUMBER.fullmatch(text):
        return f"{wanted} It is stored as text; make the cell a number."
    return wanted


def _numbers(column: _Column, how: Conversion) -> pa.Array:
    import pyarrow as pa  # heavy

    numbers = how.apply(_floats(column))
    beyond = np.isinf(numbers)
    column.report(beyond, lambda v: f"'{v}' {column.unit} is too large to be converted.")
    numbers[beyond] = np.nan
    _bounds(column, numbers)
    return pa.array(numbers, pa.float64(), from_pandas=True)


def _integers(column: _Column, how: Conversion, sa_type: sa.Integer) -> pa.Array:
    import pyarrow as pa  # heavy
    from pandas.api import types

    small, big = isinstance(sa_type, sa.SmallInteger), isinstance(sa_type, sa.BigInteger)
    kind = pa.int64() if big else pa.int16() if small else pa.int32()
    if types.is_integer_dtype(column.given.dtype) and big and how.is_identity:
        return pa.Array.from_pandas(column.given).cast(kind)
    numbers = how.apply(_floats(column))
    broken = numbers != np.floor(numbers)
    column.report(broken & ~np.isnan(numbers), lambda v: f"'{v}' is not a whole number.")
    low, high = YEARS if column.name == "year" else (-_EXACT, _EXACT) if big else (-(2**31), 2**31 - 1)
    outside = (numbers < low) | (numbers > high)
    column.report(outside, lambda v: f"'{v}' is out of range.", f"Allowed: {low} to {high}.")
    _bounds(column, np.where(outside, np.nan, numbers))
    usable = ~(np.isnan(numbers) | broken | outside)
    return pa.array(np.where(usable, numbers, 0).astype(np.int64), mask=~usable).cast(kind)


def _bounds(column: _Column, numbers: NDArray[np.float64]) -> None:
    """Report numbers outside the bounds that the column declares, which hold in its own unit."""
    meaning = column.meaning
    low = -np.inf if meaning.low is None else meaning.low
    high = np.inf if meaning.high is None else meaning.high
    limits = f"{low:g} or more" if high == np.inf else f"{low:g} to {high:g}"
    allowed = f"Allowed: {limits}{f' {meaning.unit}' if meaning.unit else ''}."
    unit = f" {column.unit}" if column.unit else ""
    column.report((numbers < low) | (numbers > high), lambda v: f"'{v}'{unit} is out of bounds.", allowed)


def _booleans(column: _Column) -> pa.Array:
    import pyarrow as pa  # heavy

    words = [None if v is None else str(v).strip().casefold() for v in column.raw]
    known = np.array([not w or w in _TRUE or w in _FALSE for w in words], bool)
    allowed = "Allowed: TRUE, FALSE, yes, no, 1, 0, or blank."
    column.report(~known, lambda v: f"'{v}' is neither TRUE nor FALSE.", allowed)
    return pa.array([True if w in _TRUE else False if w in _FALSE else None for w in words], pa.bool_())


def _texts(column: _Column) -> pa.Array:
    """Return text: keys without blanks around them, empty text as NULL."""
    import pyarrow as pa  # heavy
    import pyarrow.compute as pc

    try:
        texts = pa.Array.from_pandas(column.given, type=pa.string())
    except (pa.ArrowException, UnicodeError):
        texts = pa.array(_words(column), pa.string())
    failed = np.asarray(pc.is_in(texts, pa.array(sorted(ERROR_VALUES))))
    column.report(failed, lambda v: f"'{v}' is an error of the spreadsheet.", _FAILED)
    control = np.asarray(pc.fill_null(pc.match_substring_regex(texts, _CONTROL), fill_value=False))
    column.report(control, lambda v: f"{v!r} holds control characters.")
    if column.meaning.key or column.meaning.choices:
        texts = pc.utf8_trim_whitespace(texts)
    texts = pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)
    return _choices(column, texts) if column.meaning.choices else texts


def _words(column: _Column) -> Objects:
    """Return what is not all text as text: whole numbers without their point; the rest is reported."""
    words = column.raw.copy()
    other = ~_is(words, (str, type(None)))
    plain = _is(words, (bool, np.bool_, int, float, np.number))
    column.report(other & ~plain, lambda v: f"'{v}' is not text.", "A date? Format the cell as text and write it anew.")
    words[other & ~plain] = None
    words[other & plain] = [_number_as_text(v) for v in words[other & plain]]
    broken = np.array([w is not None and not _is_utf8(w) for w in words], bool)
    column.report(broken, lambda v: f"{v!r} holds characters that are not Unicode.")
    words[broken] = None
    return words


def _number_as_text(value: Any) -> str:
    if isinstance(value, (bool, np.bool_)):
        return str(value).lower()
    return str(int(value)) if float(value).is_integer() and abs(value) < _EXACT else str(value)


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _choices(column: _Column, texts: pa.Array) -> pa.Array:
    import pyarrow as pa  # heavy

    by_fold = {c.casefold(): c for c in column.meaning.choices}
    encoded = texts.dictionary_encode()
    words = encoded.dictionary.to_pylist()
    found = pa.array([by_fold.get(w.casefold()) for w in words], pa.string())
    mapped = found.take(encoded.indices)
    bad = np.asarray(mapped.is_null()) & ~np.asarray(texts.is_null())
    allowed = f"Allowed: {', '.join(column.meaning.choices)}."
    column.report(
        bad,
        lambda v: f"'{v}' is not allowed.",
        lambda v: f"{did_you_mean(str(v), column.meaning.choices)} {allowed}".strip(),
    )
    return mapped


def _geometry(column: _Column) -> pa.Array:
    """Return geometries as WKB; what is no geometry, empty, or has coordinates that can't be is reported."""
    import pyarrow as pa  # heavy
    import shapely

    shapes = column.raw.copy()
    given = np.asarray(shapely.is_geometry(shapes), bool)
    hint = "Write WKT, as in POINT (24.94 60.17)."
    if not given.all():
        column.report(~given & ~_blank(shapes), lambda v: f"'{_short(v)}' is not a geometry.", hint)
    shapes[~given] = None
    bounds = shapely.bounds(shapes)
    bad = given & ~np.isfinite(bounds).all(axis=1)
    column.report(bad, lambda v: f"'{_short(v)}' is empty or has no finite coordinates.")
    if column.rows.epsg is None and given.any():
        column.notes.add(column.problem("the coordinate system is not known.", hint="Name it with --crs.", code="crs"))
    elif column.rows.epsg == 4326:  # noqa: PLR2004
        limits = np.array([180, 90, 180, 90])
        off = given & ~bad & (np.abs(bounds) > limits).any(axis=1)
        hint = "Write longitude, then latitude, in degrees; SRID=3067;POINT (x y) names another system."
        column.report(off, lambda v: f"'{_short(v)}' is not on the globe.", hint)
    return pa.array(shapely.to_wkb(shapes), pa.binary())


def _short(shape: object) -> str:
    text = str(shape)
    return text if len(text) < 60 else f"{text[:57]}..."  # noqa: PLR2004
