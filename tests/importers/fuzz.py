"""Files that are spoilt in ways that real ones are: cut, renamed, mistyped, doubled, hostile; seeded, so that each can be repeated.

A variant has a name that says what was done. An importer meets each with a clean import or with a report of the user's
mistake that names a place, never with an error of its own.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import math
import random
import re
import shutil
import zipfile
from typing import TYPE_CHECKING, Any

import openpyxl
import python_calamine

from dhsdb.errors import EXIT_USER, DhsdbError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

Book = dict[str, "list[list[Any]]"]

ODD = (
    "many", "12,5", "=1+1", "1e999", "-inf", "nan", "inf", "NULL", "", "  ", "#REF!", "0x10", "１２", "5 MW", "\x07bell", "<x/>", "'; DROP TABLE x; --",
    float("nan"), 1e308, -1e308, -1, 0, 1e-320, True, dt.date(2020, 1, 1), 2**70, "x" * 40_000,
)  # fmt: skip
"""What stands in a cell where it should not."""


def read_book(path: Path, most_rows: int = 60) -> Book:
    """Return a workbook's cells; long sheets are cut, so that hundreds of variants can be written."""
    book = python_calamine.load_workbook(path)
    sheets = {}
    for name in book.sheet_names:
        rows = book.get_sheet_by_name(name).to_python(skip_empty_area=False)[:most_rows]
        sheets[name] = [[None if cell == "" else cell for cell in row] for row in rows]
    return sheets


def write_book(path: Path, sheets: Book) -> Path:
    """Write a workbook; what a cell can't hold is left out, as a spreadsheet program does."""
    book = openpyxl.Workbook(write_only=True)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name[:31])
        for row in rows:
            sheet.append([_writable(cell) for cell in row])
    if not sheets:
        book.create_sheet("empty")
    book.save(path)
    return path


def _writable(cell: Any) -> Any:
    if isinstance(cell, str):
        return "".join(c for c in cell if c >= " " or c in "\t\n")[:32_000]
    if isinstance(cell, float) and math.isnan(cell):
        return "nan"
    return float(cell) if isinstance(cell, int) and abs(cell) > 2**60 else cell


def copied(sheets: Book) -> Book:
    return {name: [list(row) for row in rows] for name, rows in sheets.items()}


def spoilt_books(sheets: Book, n: int, seed: int) -> Iterator[tuple[str, Book]]:
    """Yield ``n`` variants of a workbook, each with one thing wrong."""
    rng = random.Random(seed)
    ways: tuple[Callable[[Book, random.Random], str], ...] = (
        _odd_cell, _odd_cell, _odd_cell, _drop_sheet, _rename_sheet, _drop_column, _rename_column, _double_column, _double_row, _drop_row,
        _swap_cells, _blank_row, _blank_cell, _no_header, _no_rows, _shift_row, _odd_key, _times_thousand, _other_unit,
        _blank_column, _long_year, _unbreakable, _empty_sheet,
    )  # fmt: skip
    for i in range(n):
        variant = copied(sheets)
        name = ways[i % len(ways)](variant, rng)
        yield f"{i}: {name}", variant


def _sheet(book: Book, rng: random.Random) -> str:
    return rng.choice([name for name, rows in book.items() if len(rows) > 1 and rows[0]] or list(book))


def _place(book: Book, rng: random.Random) -> tuple[str, int, int]:
    name = _sheet(book, rng)
    return name, rng.randrange(1, len(book[name])), rng.randrange(len(book[name][0]))


def _odd_cell(book: Book, rng: random.Random) -> str:
    name, row, column = _place(book, rng)
    book[name][row][column] = value = rng.choice(ODD)
    return f"{str(value)[:20]!r} in {name} row {row + 1} column {column + 1}"


def _odd_key(book: Book, rng: random.Random) -> str:
    name, row, _ = _place(book, rng)
    book[name][row][0] = value = rng.choice(("No Such Name", "a.b", " ", 7, 7.5, "ß" * 300, "N/A"))
    return f"{str(value)[:20]!r} as key in {name} row {row + 1}"


def _drop_sheet(book: Book, rng: random.Random) -> str:
    name = rng.choice(list(book))
    del book[name]
    return f"without sheet {name}"


def _rename_sheet(book: Book, rng: random.Random) -> str:
    name = rng.choice(list(book))
    rows = book.pop(name)
    new = rng.choice((name[:-1] or "x", f"{name}s", name.swapcase(), "Sheet1", name[::-1]))
    book[new] = rows
    return f"sheet {name} named {new}"


def _drop_column(book: Book, rng: random.Random) -> str:
    name, _, column = _place(book, rng)
    for row in book[name]:
        del row[column]
    return f"without column {column + 1} of {name}"


def _rename_column(book: Book, rng: random.Random) -> str:
    name, _, column = _place(book, rng)
    old = str(book[name][0][column])
    book[name][0][column] = new = rng.choice((old[:-1], old + "x", old.upper(), None, "_" + old, 5))
    return f"column {old} of {name} named {new}"


def _double_column(book: Book, rng: random.Random) -> str:
    name, _, column = _place(book, rng)
    for row in book[name]:
        row.append(row[column])
    return f"column {column + 1} of {name} twice"


def _double_row(book: Book, rng: random.Random) -> str:
    name, row, _ = _place(book, rng)
    book[name].insert(row, list(book[name][row]))
    return f"row {row + 1} of {name} twice"


def _drop_row(book: Book, rng: random.Random) -> str:
    name, row, _ = _place(book, rng)
    del book[name][row]
    return f"without row {row + 1} of {name}"


def _blank_row(book: Book, rng: random.Random) -> str:
    name, row, _ = _place(book, rng)
    book[name].insert(row, [None] * len(book[name][0]))
    return f"a blank row {row + 1} in {name}"


def _blank_cell(book: Book, rng: random.Random) -> str:
    name, row, column = _place(book, rng)
    book[name][row][column] = None
    return f"nothing in {name} row {row + 1} column {column + 1}"


def _blank_column(book: Book, rng: random.Random) -> str:
    name = _sheet(book, rng)
    for row in book[name]:
        row.insert(0, None)
    return f"a blank column A in {name}"


def _long_year(book: Book, rng: random.Random) -> str:
    """Type a zero too many into a year, in a header or a cell."""
    years = [
        (name, i, k)
        for name, rows in book.items()
        for i, row in enumerate(rows)
        for k, cell in enumerate(row)
        if isinstance(cell, (int, float)) and 1980 <= cell <= 2100
    ]
    if not years:
        return _odd_cell(book, rng)
    name, row, column = rng.choice(years)
    book[name][row][column] *= 10
    return f"year {book[name][row][column]:g} in {name} row {row + 1} column {column + 1}"


def _unbreakable(book: Book, rng: random.Random) -> str:
    name = _sheet(book, rng)
    book[name] = [[f"\u00a0{c}\u00a0" if isinstance(c, str) else c for c in row] for row in book[name]]
    return f"unbreakable blanks around the texts of {name}"


def _empty_sheet(book: Book, rng: random.Random) -> str:
    name = rng.choice(("Sheet1", "Tabelle1", " "))
    book[name] = []
    return f"an empty sheet '{name}'"


def _swap_cells(book: Book, rng: random.Random) -> str:
    name, row, column = _place(book, rng)
    line = book[name][row]
    line[column], line[0] = line[0], line[column]
    return f"column 1 and {column + 1} of {name} row {row + 1} swapped"


def _shift_row(book: Book, rng: random.Random) -> str:
    name, row, _ = _place(book, rng)
    book[name][row] = [None, *book[name][row][:-1]]
    return f"row {row + 1} of {name} shifted"


def _no_header(book: Book, rng: random.Random) -> str:
    name = _sheet(book, rng)
    del book[name][0]
    return f"{name} without header"


def _no_rows(book: Book, rng: random.Random) -> str:
    name = _sheet(book, rng)
    del book[name][rng.choice((0, 1)) :]
    return f"{name} without rows"


def _times_thousand(book: Book, rng: random.Random) -> str:
    name, _, column = _place(book, rng)
    factor = rng.choice((1000, 1e-3, -1))
    for row in book[name][1:]:
        if isinstance(row[column], (int, float)) and not isinstance(row[column], bool):
            row[column] *= factor
    return f"column {column + 1} of {name} times {factor}"


def _other_unit(book: Book, rng: random.Random) -> str:
    """Name another unit where one stands in a word of its own or in brackets, as in ``capital [EUR/MW]``."""
    named = [
        (name, i, k)
        for name, rows in book.items()
        for i, row in enumerate(rows[:6])
        for k, cell in enumerate(row)
        if isinstance(cell, str) and _UNIT.search(cell)
    ]
    if not named:
        return _odd_cell(book, rng)
    name, row, column = rng.choice(named)
    new = rng.choice(("kW", "GWh", "PJ", "bananas", "SEK", "m", "", "°F"))
    old = book[name][row][column]
    book[name][row][column] = _UNIT.sub(lambda found: found[1] + new + found[3], old, count=1)
    return f"{old[:30]!r} in another unit: {new!r}"


_UNIT = re.compile(r"(^|[\s\[(])((?:EUR/)?[kMGTP]?(?:Wh?|J|EUR|t)(?:/[A-Za-z]+)?|°C|%)([\s\])]|$)")


# --- bytes and archives ----------------------------------------------------------------------------------------------
def spoilt_bytes(path: Path, target: Path, n: int, seed: int) -> Iterator[str]:
    """Write ``n`` variants of a file to ``target``, one after the other: cut, with flipped bytes, doubled, in other encodings."""
    rng = random.Random(seed)
    content = path.read_bytes()
    for i in range(n):
        way = i % 6
        at = rng.randrange(len(content))
        if way == 0:
            target.write_bytes(content[:at])
            name = f"cut at byte {at}"
        elif way == 1:
            target.write_bytes(content[:at] + bytes(rng.randrange(256) for _ in range(64)) + content[at + 64 :])
            name = f"64 random bytes at {at}"
        elif way == 2:
            target.write_bytes(content + content)
            name = "doubled"
        elif way == 3:
            target.write_bytes(content.replace(b"\r\n", b"\n").replace(b"\n", b"\r"))
            name = "old line ends"
        elif way == 4:
            target.write_bytes(b"\xff\xfe" + content)
            name = "a wrong byte-order mark"
        else:
            target.write_bytes(content[:at] + b"\x00" * 16 + content[at:])
            name = f"NUL at byte {at}"
        yield f"{i}: {name}"
    for empty in (b"", b"\x00", b"PK", b"PK\x03\x04" + b"\x00" * 26):
        target.write_bytes(empty)
        yield f"only {empty[:8]!r}"


def hostile_archives(path: Path, target: Path) -> Iterator[str]:
    """Write an archive with a bomb, with entities, with parts outside it, and without its list of parts."""
    bomb = b"0" * 1_000_000
    entities = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><workbook>&b;</workbook>'
    with zipfile.ZipFile(path) as archive:
        parts = archive.namelist()
    whole, listed = (
        ("xl/worksheets/sheet1.xml", "xl/workbook.xml") if "xl/workbook.xml" in parts else (parts[0], parts[0])
    )
    for name, part, content in (
        ("a zip bomb", whole, bomb),
        ("XML entities", listed, entities),
        ("a part outside the archive", "../../outside.xml", b"<x/>"),
        ("a part with an absolute name", "/outside.xml", b"<x/>"),
        ("no list of parts", "xl/_rels/workbook.xml.rels", b"<Relationships/>"),
    ):
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new:
            for info in old.infolist():
                if info.filename != part:
                    new.writestr(info, old.read(info))
            with new.open(part, "w") as written:
                for _ in range(300 if content is bomb else 1):
                    written.write(content)
        yield name


def spoilt_encodings(path: Path, target: Path, encoding: str = "utf-8") -> Iterator[str]:
    """Write a text file to ``target`` in encodings that it should not have, one after the other."""
    text = path.read_bytes().decode(encoding, "replace")
    for other in ("utf-16", "utf-16-be", "utf-32", "utf-7", "cp500", "utf-8-sig", "shift_jis"):
        target.write_bytes(text.encode(other, "replace"))
        yield f"in {other}"
    target.write_bytes(text.encode("utf-8", "replace") + "\nß".encode("latin-1"))
    yield "in two encodings"


def hostile_xml(path: Path, target: Path) -> Iterator[str]:
    """Write XML with entities, with a file of the system, nested without end, and with a root of its own."""
    text = path.read_text(encoding="utf-8")
    at = text.index("<", text.index("?>") + 1 if text.startswith("<?xml") else 0)
    laughs = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10 if i else "ha"}">' for i in range(12))
    outside = '<!ENTITY file SYSTEM "file:///etc/hostname">'
    for name, doctype, entity in (("a billion laughs", laughs, "&l11;"), ("a file of the system", outside, "&file;")):
        end = text.index(">", at) + 1
        target.write_text(f"{text[:at]}<!DOCTYPE x [{doctype}]>{text[at:end]}{entity}{text[end:]}", encoding="utf-8")
        yield name
    end = text.index(">", at) + 1
    target.write_text(text[:end] + "<x>" * 100_000 + text[end:], encoding="utf-8")
    yield "nested without end"
    target.write_text("<html><body/></html>", encoding="utf-8")
    yield "another kind of XML"


def spoilt_json(path: Path, target: Path, n: int, seed: int) -> Iterator[str]:
    """Write ``n`` variants of a JSON document to ``target``, one after the other, each with one value or key spoilt."""
    rng = random.Random(seed)
    text = path.read_text(encoding="utf-8-sig")
    for i in range(n):
        document = json.loads(text)
        holder, key = _inside(document, rng)
        way = ("odd", "gone", "nested", "twice", "named otherwise")[i % 5]
        if way == "odd":
            value = rng.choice([v for v in ODD if not isinstance(v, dt.date)])
            holder[key] = rng.choice((value, [], {}, None, [[[]]], {"a": value}))
        elif way == "gone":
            del holder[key]
        elif way == "nested":
            holder[key] = [holder[key]]
        elif isinstance(holder, list):
            holder.insert(key, holder[key])
        else:
            holder[f"{key}s" if way == "named otherwise" else str(key).upper()] = holder.pop(key)
        target.write_text(json.dumps(document), encoding="utf-8")
        yield f"{i}: {str(key)[:20]!r} {way}"
    for name, content in (("nested without end", "[" * 200_000), ("a long number", "1" * 10_000), ("a word", '"x"')):
        target.write_text(content, encoding="utf-8")
        yield name


def _inside(document: Any, rng: random.Random) -> tuple[Any, Any]:
    """Return a list or an object somewhere in a document, and one of its keys."""
    holder = document
    while True:
        key = rng.randrange(len(holder)) if isinstance(holder, list) else rng.choice(list(holder))
        if not isinstance(holder[key], (list, dict)) or not holder[key] or rng.random() < 0.25:
            return holder, key
        holder = holder[key]


# --- text tables -----------------------------------------------------------------------------------------------------
def spoilt_folders(source: Path, target: Path, n: int, seed: int, suffix: str = ".csv") -> Iterator[str]:
    """Write ``n`` variants of a folder of text tables to ``target``, one after the other, each with one thing wrong."""
    rng = random.Random(seed)
    files = sorted(p.relative_to(source) for p in source.rglob(f"*{suffix}"))
    for i in range(n):
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target, copy_function=shutil.copyfile)
        chosen = target / rng.choice(files)
        yield f"{i}: {chosen.name} {_spoil_text(chosen, i % 13, rng)}"


def _spoil_text(path: Path, way: int, rng: random.Random) -> str:
    rows = [line.split(",") for line in path.read_text(encoding="utf-8").splitlines()]
    row, column = rng.randrange(len(rows)), rng.randrange(len(rows[0]))
    if way == 0:
        path.unlink()
        return "is missing"
    if way == 1:
        path.write_bytes(path.read_bytes()[: rng.randrange(path.stat().st_size)])
        return "is cut"
    if way == 2:
        path.write_bytes("ä,ö\n".encode("latin-1") + path.read_bytes())
        return "is in another encoding"
    if way == 3:
        path.rename(path.with_name(path.name.upper()))
        return "is named in capitals"
    if way in (11, 12):
        lines = [",".join(f'"{cell}"' for cell in line) if way == 11 else ",".join(line) for line in rows]
        path.write_text(("\n" if way == 11 else "\r").join(lines), encoding="utf-8", newline="")
        return "is in quotes" if way == 11 else "has old line ends"
    if way == 4:
        rows.insert(row, list(rows[row]))
    elif way == 5:
        rows = [[cell for k, cell in enumerate(line) if k != column] for line in rows]
    elif way == 6:
        rows[row] = rows[row][:-1]
    elif way == 7:
        rows = [[";".join(line)] for line in rows]
    elif way == 8:
        del rows[0]
    else:
        with contextlib.suppress(IndexError):
            rows[row][column] = str(rng.choice(ODD))[:2000]
    path.write_text("\n".join(",".join(line) for line in rows) + "\n", encoding="utf-8")
    return (
        "has a row twice",
        "lacks a column",
        "has a short row",
        "has semicolons",
        "has no header",
        "has an odd cell",
        "has an odd cell",
    )[way - 4]


def spoilt_lines(path: Path, target: Path, n: int, seed: int, encoding: str = "cp1252") -> Iterator[str]:
    """Write ``n`` variants of a text file to ``target``, one after the other, each with a line or a field of it spoilt."""
    rng = random.Random(seed)
    with path.open(encoding=encoding, newline="") as file:
        lines = file.read().split("\n")
    for i in range(n):
        spoilt = list(lines)
        at = rng.randrange(len(spoilt))
        way = ("without", "twice", "odd", "field", "swapped", "without field", "blank")[i % 7]
        if way == "without":
            del spoilt[at]
        elif way == "twice":
            spoilt.insert(at, spoilt[at])
        elif way == "odd":
            spoilt[at] = str(rng.choice(ODD))[:2000]
        elif way == "swapped":
            other = rng.randrange(len(spoilt))
            spoilt[at], spoilt[other] = spoilt[other], spoilt[at]
        elif way == "blank":
            spoilt[at] = ""
        else:
            mark = next((m for m in "\t; " if m in spoilt[at]), "\t")
            fields = spoilt[at].split(mark)
            place = rng.randrange(len(fields))
            fields[place : place + 1] = [] if way == "without field" else [str(rng.choice(ODD))[:200]]
            spoilt[at] = mark.join(fields)
        target.write_bytes("\n".join(spoilt).encode(encoding, "replace"))
        yield f"{i}: line {at + 1} {way}"


# --- what an importer may do -----------------------------------------------------------------------------------------
def meets(action: Callable[[], object], *, places: bool = True) -> DhsdbError | None:
    """Run an import of a spoilt file; return the report of the user's mistake, or None if it went through.

    Parameters
    ----------
    places
        Whether each report must name a place.
    """
    try:
        action()
    except DhsdbError as error:
        assert error.exit_code == EXIT_USER, error
        problems = getattr(error, "problems", ())
        assert not places or all(p.file for p in problems), error
        return error
    return None
