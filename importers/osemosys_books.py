"""Workbooks of OSeMOSYS: otoole's, with a sheet per set and parameter, and that of OSeMOSYS_PuLP, with one long list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dhsdb.errors import Problem, did_you_mean
from dhsdb.importers.osemosys_csv import VALUE, Config, add_column, check_heads, column_sets, read_config
from dhsdb.importers.osemosys_names import (
    ALIASES,
    BRACKET,
    DAYTYPE,
    OTHER_REGION,
    PARAMETERS,
    REGION,
    SEASON,
    SETS,
    YEAR,
    set_name,
)
from dhsdb.importers.osemosys_source import Block, Members, Place, Source, as_label, is_fit, parameter_of
from dhsdb.importers.workbooks import Workbook, column_letters, open_workbook

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import pandas as pd

    from dhsdb.importers.workbooks import Sheet

LONG, SET_SHEET, DEFAULT_SHEET = "PARAMETERS", "SETS", "PARAMETERS_DEFAULT"
_PARAM = "PARAM"
_SHOWN = 20
_PULP_EXTRA = ("Introduction", "MCS", "MCS_num", "MCM")
_NOTES = ("naming", "readme", "notes", "introduction")
_UNCALCULATED = "the formula holds no result."
_FROM_HEADERS = {SEASON: "Conversionls", DAYTYPE: "Conversionld", BRACKET: "Conversionlh"}
"""Sets that older workbooks don't list, and the sheet whose columns are their members."""


def is_book(sheets: Iterable[str]) -> bool:
    """Return whether a workbook with these sheets is one of OSeMOSYS."""
    names = {name.strip() for name in sheets}
    return {LONG, SET_SHEET} <= names or (
        {"YEAR", "TECHNOLOGY", "REGION"} <= names and sum(parameter_of(n) is not None for n in names) > 2  # noqa: PLR2004
    )


def read_book(path: Path, config: Path | None, ignored: frozenset[str] = frozenset()) -> Source:
    """Read a workbook."""
    book = open_workbook(path)
    if isinstance(book, Problem):
        return Source("otoole", path, problems=[book], files=[path])
    try:
        if {LONG, SET_SHEET} <= {name.strip() for name in book.names}:
            return _pulp(book, Source("pulp", path, files=[path], ignored=ignored))
        return _otoole(book, config, Source("otoole", path, files=[path], ignored=ignored))
    finally:
        book.close()


def _rows_of(book: Workbook, name: str, source: Source) -> list[list[object]]:
    """Return the rows of a sheet; cells that only look blank are problems."""
    sheet = book.sheet(name)
    if isinstance(sheet, Problem):
        source.problems.append(sheet)
        return []
    place = Place(book.path, name)
    for (row, column), what in list(sheet.broken.items())[:_SHOWN]:
        text = f"'{what}' is an error of the spreadsheet." if what else _UNCALCULATED
        source.problems.append(place.problem(text, row, column=column_letters(column), value=what or None, code="cell"))
    return _without_margin(sheet)


def _without_margin(sheet: Sheet) -> list[list[object]]:
    """Return rows without the empty columns at their end."""
    width = max((i + 1 for row in sheet.rows for i, cell in enumerate(row) if not _blank(cell)), default=0)
    return [row[:width] for row in sheet.rows]


def _blank(cell: object) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


# --- otoole ----------------------------------------------------------------------------------------------------------
def _otoole(book: Workbook, config: Path | None, source: Source) -> Source:
    facts = read_config(config, source) if config is not None else Config()
    short = {str(f["short_name"]): name for name, f in facts.facts.items() if f.get("short_name")}
    tables: list[tuple[str, str]] = []
    for sheet in book.names:
        name = short.get(sheet, sheet).strip()
        if source.skips(parameter_of(name) or name):
            continue
        if name in SETS or (name in ALIASES and name.isupper()):
            _sheet_of_set(book, sheet, set_name(name), source)
        elif (parameter := parameter_of(name)) is not None:
            tables.append((sheet, parameter))
        elif name.casefold() not in _NOTES and facts.facts.get(name, {}).get("type") != "result":
            hint = did_you_mean(name, [*PARAMETERS, *SETS]) or "Remove the sheet if it is no part of the model."
            _report_stranger(book, sheet, f"'{sheet}' is no set or parameter of OSeMOSYS.", hint, source)
    for sheet, parameter in tables:
        _SheetOfParameter(book, sheet, parameter, source).read()
    return source


def _report_stranger(book: Workbook, sheet: str, text: str, hint: str, source: Source) -> None:
    """Report a sheet that is no part of a model; one without cells says nothing."""
    if any(not _blank(cell) for row in _rows_of(book, sheet, source) for cell in row):
        source.problems.append(Place(book.path, sheet).problem(text, value=sheet, hint=hint, code="sheet"))


def _sheet_of_set(book: Workbook, sheet: str, name: str, source: Source) -> None:
    """Read a set: one column, with or without the header VALUE."""
    place = Place(book.path, sheet)
    rows = [(i, row) for i, row in enumerate(_rows_of(book, sheet, source), 1) if any(not _blank(c) for c in row)]
    if rows and str(rows[0][1][0]).strip() in {VALUE, name}:
        rows = rows[1:]
    if name == OTHER_REGION:
        return
    wide = next((i for i, row in rows if any(not _blank(c) for c in row[1:])), None)
    if wide is not None:
        source.problems.append(
            place.problem(
                f"the set {name} has more than one column.", wide, hint="Members stand in column A.", code="header"
            )
        )
        return
    words = [as_label(row[0]) for _, row in rows]
    source.sets[name] = Members(words, [i for i, _ in rows], place)
    source.pool.codes(words)


class _SheetOfParameter:
    """A sheet of values: long, with a column VALUE, or wide over one index, most often the year."""

    def __init__(self, book: Workbook, sheet: str, name: str, source: Source) -> None:
        self.name, self.source = name, source
        self.place = Place(book.path, sheet)
        self.rows = _rows_of(book, sheet, source)
        self.indices = PARAMETERS[name].indices

    def read(self) -> None:
        self.source.declared.setdefault(self.name, self.place)
        filled = [(i, row) for i, row in enumerate(self.rows, 1) if any(not _blank(c) for c in row)]
        if not filled:
            return
        if len(filled) == 1 and sum(not _blank(c) for c in filled[0][1]) == 1 and self.is_number(filled[0][1]):
            self.read_single(*filled[0])
            return
        heads = column_sets([as_label(c) if c is not None else "" for c in filled[0][1]])
        if VALUE in heads:
            self.read_long(heads, filled[1:])
        else:
            self.read_wide(heads, filled)

    @staticmethod
    def is_number(row: Sequence[object]) -> bool:
        return any(isinstance(c, (int, float)) and not isinstance(c, bool) for c in row)

    def read_single(self, row: int, cells: Sequence[object]) -> None:
        """Read a sheet of one number, which holds for all regions."""
        if self.indices != (REGION,):
            self.problem("one number without a header can't be placed.", row)
            return
        value = float(next(c for c in cells if isinstance(c, (int, float))))
        regions = self.regions()
        codes = self.source.pool.codes(regions)
        rows = np.full(len(regions), row, np.int32)
        self.source.add(self.name, Block({REGION: codes}, np.full(len(regions), value), rows, self.place))

    def regions(self) -> list[str]:
        members = self.source.sets.get(REGION)
        return members.words if members else []

    def read_long(self, heads: list[str], rows: list[tuple[int, list[object]]]) -> None:
        lacks_region = REGION not in heads and REGION in self.indices
        wanted = [REGION, *heads] if lacks_region else heads
        named = [h for h in wanted if h]
        if check_heads(self.name, named, self.place, self.source, empty=not rows) or not rows:
            return
        if lacks_region and not self.one_region():
            return
        columns = {h: [row[k] if k < len(row) else None for _, row in rows] for k, h in enumerate(heads) if h}
        self.add(columns, [i for i, _ in rows])

    def one_region(self) -> bool:
        if len(self.regions()) == 1:
            return True
        self.problem("the column REGION is missing, and there are several regions.", 1)
        return False

    def read_wide(self, heads: list[str], filled: list[tuple[int, list[object]]]) -> None:
        """Read a sheet whose columns are the members of one index."""
        if _refused_twins([h for h in heads if h in self.indices], self.place, self.source):
            return
        own = [h for h in heads if h in self.indices]
        if own != heads[: len(own)]:
            self.problem("indices stand right of values; they must come first.", filled[0][0])
            return
        rest = [i for i in self.indices if i not in own and not (i == REGION and len(self.regions()) == 1)]
        across = heads[len(own) :]
        rows = filled[1:]
        if not rows:
            return
        if len(rest) != 1:
            lacking = ", ".join(rest) or "none"
            text = f"the columns {', '.join(own) or 'none'} leave {len(rest)} indices open ({lacking}), so values can't be placed."
            hint = (
                f"Add columns, so that {', '.join(self.indices)} can be told; or leave it out: -o ignore={self.name}."
            )
            self.problem(text, filled[0][0], hint)
            return
        if rest[0] not in self.source.sets and rest[0] in _FROM_HEADERS:
            self.list_members(rest[0], across, filled[0][0])
        if not self.fits(own, rows):
            return
        columns: dict[str, list[object]] = {h: [] for h in (*own, rest[0], VALUE)}
        places = []
        for i, row in rows:
            for k, head in enumerate(across, len(own)):
                if not head and _blank(row[k] if k < len(row) else None):
                    continue
                if k < len(row) and not _blank(row[k]):
                    for j, h in enumerate(own):
                        columns[h].append(row[j])
                    columns[rest[0]].append(head)
                    columns[VALUE].append(row[k])
                    places.append(i)
        self.add(columns, places)

    def fits(self, own: Sequence[str], rows: list[tuple[int, list[object]]]) -> bool:
        """Return whether the labels of each column are members of its set; a column that holds another set is named."""
        for k, index in enumerate(own):
            words = {as_label(row[k]) for _, row in rows if not _blank(row[k])}
            members = self.source.sets.get(REGION if index == OTHER_REGION else index)
            if members is None or not words or words & set(members.words):
                continue
            other = next((s for s, m in self.source.sets.items() if words <= set(m.words)), "")
            if other:
                text = f"the column {index} holds members of {other}, so {index} is not told."
                hint = f"Add a column {index}, or leave the sheet out: -o ignore={self.name}."
                self.problem(text, rows[0][0], hint)
                return False
        return True

    def list_members(self, name: str, words: Sequence[str], row: int) -> None:
        """Take the members of a set that the workbook does not list from the columns of a sheet."""
        self.source.sets[name] = Members(list(words), [row] * len(words), self.place)
        self.source.pool.codes(words)
        text = f"the set {name} is not listed; its members are taken from the columns: {', '.join(words)}."
        self.source.problems.append(self.place.problem(text, row, severity="info", code="set-assumed"))

    def add(self, columns: dict[str, list[object]], rows: list[int]) -> None:
        import pandas as pd  # heavy

        if REGION in self.indices and REGION not in columns:
            columns[REGION] = [self.regions()[0]] * len(rows)
        labels = {
            i: pd.Series([as_label("" if c is None else c) for c in columns[i]], dtype=object) for i in self.indices
        }
        add_cells(self.name, labels, columns[VALUE], rows, self.place, self.source)

    def problem(self, text: str, row: int, hint: str = "") -> None:
        self.source.problems.append(self.place.problem(text, row, column=self.name, hint=hint, code="header"))


def add_cells(
    name: str, labels: dict[str, pd.Series], values: Sequence[object], rows: Sequence[int], place: Place, source: Source
) -> None:
    """Add values that are cells: numbers as they are, text as text."""
    import pandas as pd  # heavy

    texts = pd.Series([repr(v) if isinstance(v, float) else "" if v is None else str(v) for v in values], dtype=object)
    add_column(name, labels, texts, np.asarray(rows, np.int32), place, source)


# --- OSeMOSYS_PuLP ---------------------------------------------------------------------------------------------------
def _pulp(book: Workbook, source: Source) -> Source:
    sheets = {name.strip(): name for name in book.names}
    _pulp_sets(book, sheets[SET_SHEET], source)
    if DEFAULT_SHEET in sheets:
        _pulp_defaults(book, sheets[DEFAULT_SHEET], source)
    _pulp_values(book, sheets[LONG], source)
    known = {LONG, SET_SHEET, DEFAULT_SHEET, *_PULP_EXTRA}
    for name, sheet in sheets.items():
        if name not in known:
            text = f"the sheet '{sheet}' is none of OSeMOSYS_PuLP's."
            _report_stranger(book, sheet, text, did_you_mean(sheet, known), source)
    if "MCS" in sheets:
        _pulp_trials(book, sheets["MCS"], source)
    return source


def _refused_twins(heads: Sequence[str], place: Place, source: Source) -> bool:
    """Report headers that are there twice; return whether there are any."""
    twins = sorted({h for h in heads if h and heads.count(h) > 1})
    for head in twins:
        text = f"the column {head} is there twice."
        source.problems.append(place.problem(text, 1, column=head, hint="Leave one of the two.", code="header"))
    return bool(twins)


def _pulp_sets(book: Workbook, sheet: str, source: Source) -> None:
    rows = _rows_of(book, sheet, source)
    place = Place(book.path, sheet)
    heads = column_sets([str(c or "").strip() for c in rows[0]]) if rows else []
    if _refused_twins(heads, place, source):
        return
    for k, head in enumerate(heads):
        if head in SETS:
            filled = [(i, row[k]) for i, row in enumerate(rows[1:], 2) if not _blank(row[k])]
            words = [as_label(cell) for _, cell in filled]
            source.sets[head] = Members(words, [i for i, _ in filled], place)
            source.pool.codes(words)
        elif head and head not in {OTHER_REGION, "FLEXIBLEDEMANDTYPE"}:
            hint = did_you_mean(head, SETS)
            source.problems.append(
                place.problem(f"'{head}' is no set.", 1, column=head, value=head, hint=hint, code="header")
            )


def _pulp_defaults(book: Workbook, sheet: str, source: Source) -> None:
    place = Place(book.path, sheet)
    rows = _rows_of(book, sheet, source)
    heads = _pulp_heads(rows, place, source)
    if not heads:
        return
    named, valued = heads.index(_PARAM), heads.index(VALUE)
    for i, row in enumerate(rows[1:], 2):
        if _blank(row[named]):
            if not _blank(row[valued]):
                source.problems.append(_unnamed(place, i))
            continue
        name = parameter_of(str(row[named])) or str(row[named]).strip()
        value = 0.0 if _blank(row[valued]) else row[valued]
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not is_fit(value):
            text = f"the default of {name} is no finite number."
            source.problems.append(place.problem(text, i, column=VALUE, value=value, code="number"))
            continue
        source.defaults[name] = float(value)
        source.declared.setdefault(name, place)


def _pulp_heads(rows: Sequence[Sequence[object]], place: Place, source: Source) -> list[str]:
    """Return the columns of a list of values; none, with a problem, where they can't be told."""
    heads = column_sets([str(c or "").strip() for c in rows[0]]) if rows else []
    if _refused_twins(heads, place, source):
        return []
    if _PARAM not in heads or VALUE not in heads:
        source.problems.append(place.problem("the columns PARAM and VALUE are expected.", 1, code="header"))
        return []
    return heads


def _unnamed(place: Place, row: int) -> Problem:
    hint = "Name the parameter, or clear the row; cells that are merged hold one name alone."
    return place.problem("the row has a value, but no parameter.", row, column=_PARAM, hint=hint, code="name")


def _pulp_values(book: Workbook, sheet: str, source: Source) -> None:
    """Read the long list of values, parameter by parameter."""
    import pandas as pd  # heavy

    place = Place(book.path, sheet)
    rows = _rows_of(book, sheet, source)
    heads = _pulp_heads(rows, place, source)
    if not heads:
        return
    frame = pd.DataFrame(rows[1:], columns=pd.Index(heads), dtype=object)
    frame.index = pd.RangeIndex(2, len(frame) + 2)
    unnamed = frame[_PARAM].map(_blank)
    lost = frame.index[unnamed & ~frame[VALUE].map(_blank)]
    source.problems += [_unnamed(place, int(i)) for i in lost[:_SHOWN]]
    frame = frame.loc[~unnamed]
    for word, part in frame.groupby(frame[_PARAM].map(str), sort=False):
        name = parameter_of(str(word))
        first = int(part.index[0])
        if source.skips(name or str(word)):
            continue
        if name is None or not PARAMETERS[name].indices:
            hint = did_you_mean(str(word), PARAMETERS) or f"Leave it out: -o ignore={word}."
            text = f"'{word}' is no parameter that is known."
            source.problems.append(place.problem(text, first, column=_PARAM, value=word, hint=hint, code="name"))
            source.declared.setdefault(str(word), place)
            continue
        source.declared[name] = place
        _pulp_parameter(name, part, place, source)


def _pulp_parameter(name: str, part: pd.DataFrame, place: Place, source: Source) -> None:
    indices = PARAMETERS[name].indices
    lacking = [i for i in indices if i not in part.columns or part[i].map(_blank).any()]
    if lacking:
        column = lacking[0]
        bad = part.index[part[column].map(_blank)] if column in part.columns else part.index
        text = f"{name} needs {column}."
        source.problems.append(place.problem(text, int(bad[0]), column=column, code="label"))
        return
    others = [c for c in part.columns if c in (*SETS, OTHER_REGION) and c not in indices]
    extra = [c for c in others if not part[c].map(_blank).all()]
    if extra == [YEAR] and name in {"DiscountRateTech", "DiscountRateSto"}:
        default = source.defaults.get(name, PARAMETERS[name].default)
        text = f"{name} is given by year; OSeMOSYS_PuLP looks for it without, and takes the default {default:g}."
        hint = "The import does the same, so that results agree; clear YEAR to use the values."
        source.problems.append(
            place.problem(text, int(part.index[0]), column=name, hint=hint, severity="warning", code="not-read-by-pulp")
        )
        return
    if extra:
        text = f"{name} does not vary by {extra[0]}."
        row = int(part.index[~part[extra[0]].map(_blank)][0])
        source.problems.append(place.problem(text, row, column=extra[0], hint="Clear the cells.", code="label"))
        return
    labels = {i: part[i].map(as_label) for i in indices}
    add_cells(name, labels, list(part[VALUE]), [int(i) for i in part.index], place, source)


def _pulp_trials(book: Workbook, sheet: str, source: Source) -> None:
    """Say that Monte Carlo trials are not imported, where there are any."""
    rows = _rows_of(book, sheet, source)
    n = sum(any(not _blank(c) for c in row) for row in rows[1:])
    if n:
        text = f"{n} distributions of Monte Carlo trials are not imported, only the values themselves."
        source.problems.append(Place(book.path, sheet).problem(text, severity="info", code="not-imported"))
