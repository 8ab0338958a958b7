"""The native workbook, written: an empty template, or a scenario's effective inputs to change and import again.

What is exported and imported into the same scenario changes nothing. A row that is alike in all model years is written
once, without a year. Geometries are WKT in the scenario's own system, with its code before it. How the workbook is read
stands in :mod:`dhsdb.importers.excel`.
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

import sqlalchemy as sa

from dhsdb.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import duckdb
    import openpyxl
    import pyarrow as pa

    from dhsdb.database import Database
    from dhsdb.names import Ref
    from dhsdb.schema.columns import Meaning
    from dhsdb.schema.inputs import InputRow
    from dhsdb.series import Values

README = "readme"
"""Sheet of notes; of these only those that begin as :data:`RIGHTS` are read."""
RIGHTS = "Attribution:"
"""How notes begin that say what the licences of the sources ask to be shown."""
PROFILE_SHEET = "profile_values"
"""Sheet of hourly profiles, one column each."""
PROFILE_HEAD = ("profile", "kind", "unit", "text", "start", "step_h", "calendar")
"""What the first rows of a profile's column say, as column A labels them."""
MARK = "_"
"""Name of the column that marks example rows."""
EXAMPLE = "#"
"""What marks them, and the start of an example profile's name."""

_MAX_ROWS = 1_048_576
_MAX_COLUMNS = 16_384
_MAX_TEXT = 32_000
_EXACT = 2**53
_ESCAPED = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)|[\x00-\x08\x0b-\x1f\ufffe\uffff]")
_ANY = re.compile(".", re.DOTALL)
_LAST_LINE = 10_000

_HOW_TO = (
    "One sheet per input table. Row 1 names the columns; the note on a name says its meaning, unit and bounds.",
    "A unit other than the note's may follow the name: capital [kEUR/MW]. A blank year means every year.",
    "A blank cell means unlimited, off or unknown. Write TRUE or FALSE, decimal points, and no thousands separators.",
    "Geometries are WKT: POINT (24.94 60.17) in longitude and latitude, or SRID=3067;POINT (x y) in another system.",
    "Hourly profiles stand in the sheet profile_values; other sheets name them.",
    "Notes are not read: this sheet, sheets and columns whose name starts with _, and columns source, note or comment.",
    "Import with: dhsdb import excel FILE --scenario NAME",
)
_TEMPLATE_HOW_TO = (
    "Rows marked # in the column _ are examples and not read; so is the profile whose name starts with #.",
)


# --- public ----------------------------------------------------------------------------------------------------------
def write_template(path: str | Path) -> Path:
    """Write an empty workbook: a sheet per input table, notes, drop-downs, and an example row that is not imported.

    Returns
    -------
    Path
        The file written.
    """
    target = _xlsx(Path(path))
    with _Book() as book:
        book.text_sheet(README, [*_HOW_TO, *_TEMPLATE_HOW_TO])
        for name, table in _sheet_tables().items():
            columns = [MARK, *_columns(table)]
            examples = {c: m.example for c, m in table.own().items()} | {MARK: EXAMPLE}
            examples |= {} if table.keys() else {"year": 2030}
            book.table_sheet(name, table, columns, [[examples.get(c) for c in columns]], examples=True)
        head = ("#heat demand", "share", "", "an example: shares of the year", "", 1.0, "noleap")
        labels = [[label, value] for label, value in zip(PROFILE_HEAD, head, strict=True)]
        book.plain_sheet(PROFILE_SHEET, [*labels, [1, 0.5], [2, 0.3], [3, 0.2]], header_rows=len(PROFILE_HEAD))
        book.save(target)
    return target


def export_excel(db: Database, path: str | Path, scenarios: Sequence[str]) -> list[Path]:
    """Write the effective inputs of scenarios as workbooks that can be imported again.

    Parameters
    ----------
    path
        File for one scenario; for several a folder, which gets one workbook each.
    scenarios
        ``NAME`` or ``NAME@REVISION``.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    UserError
        If no scenario is named, several share one file, or a value does not fit into a cell.
    """
    path = Path(path)
    if not scenarios:
        raise UserError(
            "no scenario is named.", "Name one with --scenario, or write an empty workbook with --template."
        )
    if len(scenarios) > 1 and path.suffix.lower() == ".xlsx":
        raise UserError(f"one workbook holds one scenario, but {len(scenarios)} are named.", "Name a folder instead.")
    in_folder = len(scenarios) > 1 or path.is_dir()
    written = []
    for scenario in scenarios:
        content = _read(db, scenario)
        target = path / f"{scenario.replace('@', '-')}.xlsx" if in_folder else _xlsx(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        _write(content, target)
        written.append(target)
    return written


def _xlsx(path: Path) -> Path:
    if path.suffix.lower() != ".xlsx":
        raise UserError(f"'{path.name}' is no name of a workbook.", "Let it end in .xlsx.")
    return path


def _sheet_tables() -> dict[str, type[InputRow]]:
    """Return the tables that have a sheet; profiles have one of their own kind."""
    from dhsdb.schema.catalog import INPUT  # heavy

    return {name: table for name, table in INPUT.items() if name != "profile"}


def _columns(table: type[InputRow]) -> list[str]:
    return [*table.keys(), *(["year"] if table.by_year else []), *table.cell_names()]


# --- what is exported ------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class _Content:
    """A scenario's effective inputs, read before the slow work of writing begins."""

    ref: Ref
    epsg: int | None
    tables: dict[str, pa.Table]
    profiles: dict[str, tuple[Values, str]]
    sources: list[tuple[str, str, str]]


def _read(db: Database, scenario: str) -> _Content:
    from dhsdb import series  # heavy
    from dhsdb.names import find

    with db.read() as con:
        ref = find(con, scenario)
        at = {"name": ref.name, "at": ref.revision}
        stack = "(FROM meta.layer_at($name, $at))"
        epsg = con.execute(
            f"SELECT max(s.epsg) FROM {stack} AS st JOIN meta.scenario AS s ON s.scenario = st.layer", at
        ).fetchone()
        sources = con.execute(
            f"SELECT DISTINCT f.file, f.sha256, f.attribution FROM {stack} AS st"
            " JOIN meta.revision AS r ON r.scenario = st.layer AND r.revision <= st.pin"
            " JOIN meta.source AS f USING (revision) ORDER BY ALL",
            at,
        ).fetchall()
        years = con.execute("SELECT year FROM input.model_year_at($name, $at) ORDER BY year", at).fetchall()
        tables = {name: _effective(con, ref, table, [y for (y,) in years]) for name, table in _sheet_tables().items()}
        named = con.execute(
            "SELECT profile, sha256, text FROM input.profile_at($name, $at) ORDER BY ALL", at
        ).fetchall()
        held = series.load(con, {sha256 for _, sha256, _ in named if sha256})
    profiles = {name: (held[sha256], text or "") for name, sha256, text in named if sha256 in held}
    return _Content(ref, epsg[0] if epsg else None, {n: t for n, t in tables.items() if t.num_rows}, profiles, sources)


def _effective(con: duckdb.DuckDBPyConnection, ref: Ref, table: type[InputRow], years: list[int]) -> pa.Table:
    """Return the effective rows of a table; what is alike in all model years is one row without a year."""
    names = table.keys()
    keys = ", ".join(f'"{k}"' for k in names)
    shown = {c: f'ST_AsWKB("{c}") AS "{c}"' if c in table.geometries() else f'"{c}"' for c in _columns(table)}
    listed, order = ", ".join(shown.values()), ", ".join([*([keys] if keys else []), "year"])
    effective = f"input.{table.__table__.name}_at($name, $at)"
    at: dict[str, Any] = {"name": ref.name, "at": ref.revision}
    if not (table.by_year and names and years):
        return con.execute(f"SELECT {listed} FROM {effective} ORDER BY {order}", at).to_arrow_table()
    cells = ", ".join(f'"{c}"' for c in table.cell_names())
    once = ", ".join("NULL::SMALLINT AS year" if c == "year" else text for c, text in shown.items())
    same = " AND ".join(f'eff."{k}" = alike."{k}"' for k in names)
    return con.execute(
        f"""
WITH eff AS (SELECT {listed} FROM {effective}),
alike AS (
    SELECT {keys}, min(year) AS first FROM eff WHERE list_contains($years, year)
    GROUP BY {keys} HAVING count(*) = len($years) AND count(DISTINCT ({cells}, TRUE)) = 1
)
SELECT {once} FROM eff SEMI JOIN alike ON {same} AND year = first
UNION ALL
SELECT {listed} FROM eff ANTI JOIN alike ON {same} AND list_contains($years, year)
ORDER BY {order}""",
        at | {"years": years},
    ).to_arrow_table()


def _write(content: _Content, target: Path) -> None:
    about = [f"Effective inputs of scenario {content.ref.name} at revision {content.ref.revision}.", *_HOW_TO]
    origins = [f"Source: {file}{f' (SHA-256 {sha})' if sha else ''}" for file, sha, _ in content.sources]
    rights = [f"{RIGHTS} {text}" for text in dict.fromkeys(a for _, _, a in content.sources if a)]
    with _Book() as book:
        book.text_sheet(README, [*about, *rights, *origins])
        for name, rows in content.tables.items():
            table = _sheet_tables()[name]
            columns, lines = _lines(table, rows, content.epsg)
            book.table_sheet(name, table, columns, lines)
        if content.profiles:
            book.plain_sheet(PROFILE_SHEET, _profile_lines(content.profiles), header_rows=len(PROFILE_HEAD))
        book.save(target)


def _lines(table: type[InputRow], rows: pa.Table, epsg: int | None) -> tuple[list[str], Iterable[Sequence[object]]]:
    """Return columns and lines; a geometry too long for a cell goes on in columns geometry_2, geometry_3, ..."""
    columns = list(rows.column_names)
    values: list[Sequence[object]] = [rows[c].to_pylist() for c in columns]
    for at, name in enumerate(columns.copy()):
        if name in table.geometries():
            parts = [_parts(text) for text in _wkt(rows[name], epsg)]
            values[at] = [part[0] if part else None for part in parts]
            for n in range(1, max(map(len, parts), default=1)):
                columns.append(f"{name}_{n + 1}")
                values.append([part[n] if n < len(part) else None for part in parts])
    return columns, zip(*values, strict=True)


def _wkt(wkb: pa.ChunkedArray, epsg: int | None) -> list[str]:
    """Return geometries as text of all their digits, with their code; empty where there is none."""
    import numpy as np  # heavy
    import shapely

    shapes = shapely.from_wkb(np.array([None if w is None else bytes(w) for w in wkb.to_pylist()], dtype=object))
    texts = shapely.to_wkt(shapes, rounding_precision=17)
    return [f"SRID={epsg};{text}" if text else "" for text in texts]


def _parts(text: str) -> list[str]:
    return [text[i : i + _MAX_TEXT] for i in range(0, len(text), _MAX_TEXT)]


def _profile_lines(profiles: dict[str, tuple[Values, str]]) -> Iterator[list[object]]:
    """Yield the rows of the sheet of profiles."""
    if len(profiles) >= _MAX_COLUMNS:
        raise UserError(f"{len(profiles):,} profiles don't fit into one sheet of {_MAX_COLUMNS:,} columns.")
    kept = {name: (v, text, v.values.tolist()) for name, (v, text) in profiles.items()}
    heads = [(name, v.kind, v.unit, text, v.start, v.step_h, v.calendar) for name, (v, text, _) in kept.items()]
    for i, label in enumerate(PROFILE_HEAD):
        yield [label, *(head[i] for head in heads)]
    columns = [values for _, _, values in kept.values()]
    for t in range(max(map(len, columns))):
        yield [t + 1, *(values[t] if t < len(values) else None for values in columns)]


# --- the workbook ----------------------------------------------------------------------------------------------------
class _Book:
    """A workbook that is written row by row."""

    def __init__(self) -> None:
        import openpyxl  # heavy
        from openpyxl.styles import Font, PatternFill

        self.book: openpyxl.Workbook = openpyxl.Workbook(write_only=True)
        self.bold = Font(bold=True)
        self.pale = Font(italic=True, color="808080")
        self.key_fill = PatternFill("solid", fgColor="BDD7EE")
        self.cell_fill = PatternFill("solid", fgColor="E7E6E6")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, _error: BaseException | None, _trace: object) -> None:
        """Finish what a refused workbook leaves half written: openpyxl would complain about it much later."""
        sheets: list[Any] = list(self.book.worksheets) if kind is not None else []
        for sheet in sheets:
            if not sheet.closed:
                sheet.close()
            sheet._writer.cleanup()  # noqa: SLF001  the only way to its temporary file

    def sheet(self, name: str) -> Any:
        return self.book.create_sheet(name)

    def text_sheet(self, name: str, lines: Iterable[str]) -> None:
        """Add a sheet of sentences."""
        sheet = self.sheet(name)
        sheet.column_dimensions["A"].width = 110
        for line in lines:
            sheet.append([_cell(sheet, line)])

    def plain_sheet(self, name: str, lines: Iterable[Sequence[object]], header_rows: int) -> None:
        """Add a sheet whose first rows and first column are its header."""
        sheet = self.sheet(name)
        sheet.freeze_panes = f"B{header_rows + 1}"
        for line in lines:
            sheet.append([_cell(sheet, value) for value in line])

    def table_sheet(
        self,
        name: str,
        table: type[InputRow],
        columns: Sequence[str],
        lines: Iterable[Sequence[object]],
        *,
        examples: bool = False,
    ) -> None:
        """Add a sheet of rows, with notes, drop-downs and a frozen header."""
        from openpyxl.utils import get_column_letter  # heavy

        sheet = self.sheet(name)
        keys = table.keys() or ["year"]
        sheet.freeze_panes = f"{get_column_letter(1 + max(columns.index(key) for key in keys) + 1)}2"
        for at, column in enumerate(columns, start=1):
            meaning = table.meanings().get(column)
            wide = meaning is not None and (meaning.key or isinstance(table.__table__.columns[column].type, sa.String))
            sheet.column_dimensions[get_column_letter(at)].width = max(len(column) + 3, 18 if wide else 10)
            _add_choices(sheet, get_column_letter(at), table, column)
        sheet.append([self.header(sheet, table, column) for column in columns])
        for n, line in enumerate(lines, start=2):
            if n > _MAX_ROWS:
                raise UserError(f"table {name} has more rows than a sheet holds ({_MAX_ROWS:,}).")
            sheet.append([self.example(sheet, value) if examples else _cell(sheet, value) for value in line])

    def header(self, sheet: Any, table: type[InputRow], column: str) -> Any:
        """Return the header's cell, with a note of what the column means."""
        from openpyxl.comments import Comment  # heavy

        cell = _styled(sheet, column)
        meaning = table.meanings().get(column)
        is_key = column in (table.keys() or ["year"])
        cell.font = self.bold
        cell.fill = self.key_fill if is_key else self.cell_fill
        text = _note(meaning, is_key=is_key) if meaning else "# marks an example row, which is not imported"
        cell.comment = Comment(text, "dhsdb", height=40 + 18 * (1 + len(text) // 40), width=300)
        return cell

    def example(self, sheet: Any, value: object) -> Any:
        cell = _styled(sheet, value)
        cell.font = self.pale
        return cell

    def save(self, target: Path) -> None:
        """Write the file beside the target, then put it in its place."""
        handle, temporary = tempfile.mkstemp(suffix=".xlsx", prefix=".", dir=target.parent)
        os.close(handle)
        try:
            self.book.save(temporary)
            Path(temporary).replace(target)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
            raise


def _note(meaning: Meaning, *, is_key: bool) -> str:
    """Return the note of a header: meaning, unit, whether it must be filled in, bounds and choices."""
    parts = [meaning.comment]
    if is_key:
        parts.append("Part of the key: never blank.")
    if meaning.choices:
        parts.append(f"One of: {', '.join(meaning.choices)}.")
    if meaning.low is not None:
        parts.append(f"{meaning.low:g} or more." if meaning.high is None else f"{meaning.low:g} to {meaning.high:g}.")
    return "\n".join(parts)


def _add_choices(sheet: Any, letter: str, table: type[InputRow], column: str) -> None:
    """Add a drop-down to a column of an enumeration or of booleans."""
    from openpyxl.worksheet.datavalidation import DataValidation  # heavy

    meaning = table.meanings().get(column)
    if meaning is None:
        return
    choices = meaning.choices
    if isinstance(table.__table__.columns[column].type, sa.Boolean):
        choices = ("TRUE", "FALSE")
    if choices:
        rule = DataValidation(type="list", formula1=f'"{",".join(choices)}"', allow_blank=True, showErrorMessage=True)
        rule.add(f"{letter}2:{letter}{_LAST_LINE}")
        sheet.data_validations.append(rule)


def _cell(sheet: Any, value: object) -> Any:
    """Return what openpyxl writes exactly: the plain value where it does, else a cell of its own.

    openpyxl rounds numbers to 16 digits, takes text that starts with = for a formula and #N/A for an error.
    """
    if value == "":
        return None
    if isinstance(value, float):
        return value if float(f"{value:.16g}") == value else _styled(sheet, value)
    if isinstance(value, str):
        plain = value[0] not in "=#" and not value.isspace() and not _ESCAPED.search(value) and len(value) <= _MAX_TEXT
        return value if plain else _styled(sheet, value)
    return value


def _styled(sheet: Any, value: object) -> Any:
    """Return a cell that holds exactly this value."""
    from openpyxl.cell import WriteOnlyCell  # heavy

    if isinstance(value, float):
        cell = WriteOnlyCell(sheet, repr(value))
        cell.data_type = "n"
        return cell
    if not isinstance(value, str):
        return WriteOnlyCell(sheet, cast("Any", value))
    if len(value) > _MAX_TEXT:
        raise UserError(f"text of {len(value):,} characters does not fit into a cell: {value[:40]}...", "Shorten it.")
    pattern = _ANY if value.isspace() else _ESCAPED  # blanks alone would be read as an empty cell
    cell = WriteOnlyCell(sheet, pattern.sub(lambda found: f"_x{ord(found[0]):04X}_", value))
    cell.data_type = "s"
    cell.quotePrefix = value.startswith("=")
    return cell
