"""Folders of CSV files as otoole reads them: a file per set and per parameter, defaults in its configuration.

The configuration (YAML) stands in the folder or beside it, or is named; the small subset of YAML that it needs is read
here. A ``default_values.csv`` does as well.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from dhsdb.errors import did_you_mean
from dhsdb.importers.osemosys_names import (
    ALIASES,
    OTHER_REGION,
    PARAMETERS,
    RESULTS,
    SETS,
    set_name,
)
from dhsdb.importers.osemosys_source import Block, Members, Place, Source, as_label, is_fit, parameter_of, why_unfit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import pandas as pd

DEFAULTS = "default_values.csv"
VALUE = "VALUE"
MAX_BYTES = 2_000_000_000
"""Size beyond which a file is refused."""

_LINE = re.compile(r"(?P<indent>[ \t]*)(?P<key>[^\s:#'\"]+)[ \t]*:(?:[ \t]+(?P<value>[^#]*?))?[ \t]*(?:#.*)?")
_ITEM = re.compile(r"[ \t]*-[ \t]+(?P<item>[^#]*?)[ \t]*(?:#.*)?")
_CONFIG_BYTES = 5_000_000


# --- configuration ---------------------------------------------------------------------------------------------------
@dataclass(slots=True)
class Config:
    """What an otoole configuration says of each name: type, indices, default, short_name; and where."""

    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)


def is_config(text: str) -> bool:
    """Return whether text looks like an otoole configuration."""
    return bool(re.search(r"(?m)^[ \t]+type:[ \t]*(?:set|param|result)\b", text)) and "indices" in text


def read_config(path: Path, source: Source) -> Config:
    """Read a configuration; what can't be read is a problem of the source."""
    config, place = Config(), Place(path)
    source.files.append(path)
    text = _decoded(path, source, _CONFIG_BYTES)
    current, listed = "", ""
    for row, line in enumerate((text or "").splitlines(), 1):
        found, item = _LINE.fullmatch(line), _ITEM.fullmatch(line)
        if not line.strip() or line.lstrip().startswith("#") or line.strip() in {"---", "..."}:
            continue
        if item and current and listed:
            config.facts[current].setdefault(listed, []).append(_unquoted(item["item"]))
        elif found and not found["indent"]:
            current, listed = found["key"], ""
            config.facts[current], config.rows[current] = {}, row
        elif found and current:
            listed = found["key"] if not found["value"] else ""
            if found["value"]:
                config.facts[current][found["key"]] = _scalar(found["value"])
        else:
            hint = "A configuration names type, indices, dtype and default of each set and parameter."
            source.problems.append(
                place.problem("the line can't be read.", row, value=line.strip()[:60], hint=hint, code="config")
            )
    _take_defaults(config, place, source)
    return config


def _unquoted(text: str) -> str:
    return text.strip().strip("'\"")


def _scalar(text: str) -> object:
    text = text.strip()
    if text.startswith("[") and text.endswith("]"):
        return [_unquoted(part) for part in text[1:-1].split(",") if part.strip()]
    return _unquoted(text)


def _take_defaults(config: Config, place: Place, source: Source) -> None:
    """Keep the default of each parameter that is known; report indices that differ from the model's."""
    for name, facts in config.facts.items():
        if facts.get("type") != "param":
            continue
        known = parameter_of(name)
        if "default" in facts:
            value = _number(str(facts["default"]))
            if value is None:
                text = f"the default of {name} is no finite number."
                source.problems.append(
                    place.problem(text, config.rows[name], column="default", value=facts["default"], code="config")
                )
            else:
                source.defaults[known or name] = value


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if is_fit(value) else None


# --- folders ---------------------------------------------------------------------------------------------------------
def read_folder(folder: Path, config: Path | None, ignored: frozenset[str] = frozenset()) -> Source:
    """Read a folder of CSV files."""
    source = Source("otoole", folder, ignored=ignored)
    facts = read_config(config, source) if config is not None else Config()
    short = {str(f["short_name"]): name for name, f in facts.facts.items() if f.get("short_name")}
    files = sorted(p for p in folder.iterdir() if p.suffix.casefold() == ".csv" and p.is_file())
    for path in files:
        name = short.get(path.stem, path.stem)
        if source.skips(parameter_of(name) or name):
            continue
        if path.name.casefold() == DEFAULTS:
            _read_defaults(path, source)
        elif _is_set(name):
            _read_set(path, set_name(name), source)
        elif (parameter := parameter_of(name)) is not None:
            _read_parameter(path, parameter, source)
        elif name not in RESULTS and facts.facts.get(name, {}).get("type") != "result":
            _report_stranger(path, name, source)
    return source


def is_table(line: str) -> bool:
    """Return whether the first line of a CSV file is that of an OSeMOSYS parameter."""
    words = [word.strip().strip('"') for word in line.lstrip("\ufeff").strip().split(",")]
    return (
        len(words) > 1 and words[-1].upper() == VALUE and all(set_name(w) in (*SETS, OTHER_REGION) for w in words[:-1])
    )


def _is_set(name: str) -> bool:
    return name in SETS or (name in ALIASES and name.isupper()) or name == OTHER_REGION


def _report_stranger(path: Path, name: str, source: Source) -> None:
    hint = did_you_mean(name, [*PARAMETERS, *SETS]) or "Move it elsewhere if it is no part of the model."
    source.problems.append(
        Place(path).problem(f"'{name}' is no set or parameter of OSeMOSYS.", value=name, hint=hint, code="name")
    )


def _decoded(path: Path, source: Source, most: int) -> str | None:
    """Return a file's text, or None with a problem."""
    place = Place(path)
    if path.stat().st_size > most:
        source.problems.append(
            place.problem(f"the file has more than {most / 1e6:,.0f} MB; it was not read.", code="unsafe")
        )
        return None
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        source.problems.append(
            place.problem("the file is no text in UTF-8.", hint="Save it as CSV in UTF-8.", code="encoding")
        )
        return None
    return text


def _frame(path: Path, source: Source) -> pd.DataFrame | None:
    """Return a CSV file as text, None with a problem if it is none; the index is the row in the file."""
    import io

    import pandas as pd  # heavy

    text = _decoded(path, source, MAX_BYTES)
    if text is None:
        return None
    source.files.append(path)
    if not text.strip():
        return pd.DataFrame()
    try:
        frame = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False, skip_blank_lines=False, engine="c")
    except (pd.errors.ParserError, ValueError) as error:
        text = f"the file is no table of commas ({str(error).strip()[:120]})."
        source.problems.append(
            Place(path).problem(text, hint="Each row needs as many entries as the first.", code="format")
        )
        return None
    frame.index = pd.RangeIndex(2, len(frame) + 2)
    frame.columns = [str(c).strip() for c in frame.columns]
    return frame.loc[(frame.fillna("") != "").any(axis=1)] if len(frame) else frame


def _read_set(path: Path, name: str, source: Source) -> None:
    frame = _frame(path, source)
    if frame is None or name == OTHER_REGION:
        return
    if list(frame.columns) not in ([VALUE], []):
        hint = f"A set has one column, {VALUE}."
        source.problems.append(
            Place(path).problem(f"the columns are {', '.join(frame.columns)}.", 1, hint=hint, code="header")
        )
        return
    words = [as_label(word) for word in frame[VALUE]] if len(frame.columns) else []
    source.sets[name] = Members(words, [int(i) for i in frame.index], Place(path))
    source.pool.codes(words)


def _read_defaults(path: Path, source: Source) -> None:
    """Read ``default_values.csv``: name, default_value."""
    frame = _frame(path, source)
    if frame is None:
        return
    place = Place(path)
    if len(frame.columns) != 2:  # noqa: PLR2004
        source.problems.append(place.problem("two columns are expected: name, default_value.", 1, code="header"))
        return
    for row, (name, text) in zip(frame.index, frame.itertuples(index=False, name=None), strict=True):
        known = parameter_of(str(name))
        value = _number(str(text))
        if known is not None and value is None:
            message = f"the default of {name} is no finite number."
            source.problems.append(place.problem(message, int(row), column="default_value", value=text, code="config"))
        elif known is not None and value is not None:
            source.defaults[known] = value


def _read_parameter(path: Path, name: str, source: Source) -> None:
    frame = _frame(path, source)
    if frame is None:
        return
    place = Place(path)
    source.declared.setdefault(name, place)
    if not len(frame.columns):
        return
    heads = column_sets(list(frame.columns))
    missing = check_heads(name, heads, place, source, empty=frame.empty)
    if missing or frame.empty:
        return
    where = {head: i for i, head in enumerate(heads)}
    labels = {index: frame.iloc[:, where[index]] for index in PARAMETERS[name].indices}
    add_column(name, labels, frame.iloc[:, where[VALUE]], np.asarray(frame.index, np.int32), place, source)


def column_sets(columns: Sequence[str]) -> list[str]:
    """Return the sets that columns mean; a second REGION is the other one.

    Examples
    --------
    >>> column_sets(["REGION", "_REGION", "FUEL", "YEAR", "VALUE"])
    ['REGION', '_REGION', 'FUEL', 'YEAR', 'VALUE']
    """
    heads: list[str] = []
    for column in columns:
        head = set_name(column)
        heads.append(OTHER_REGION if head == "REGION" and "REGION" in heads else head)
    return heads


def check_heads(name: str, heads: Sequence[str], place: Place, source: Source, *, empty: bool) -> bool:
    """Report a header that is not the parameter's; return whether values can't be read. An empty table may have any."""
    wanted = [*PARAMETERS[name].indices, VALUE]
    if not PARAMETERS[name].indices:
        if not empty:
            source.problems.append(refused(name, place))
        return True
    if sorted(heads) == sorted(wanted):
        return False
    text = f"the columns are {', '.join(heads)}, but {name} has {', '.join(wanted)}."
    facts: dict[str, Any] = {"severity": "info", "hint": "The table is empty, so nothing is lost."} if empty else {}
    if not empty:
        strange = [h for h in heads if h not in wanted]
        facts["hint"] = did_you_mean(strange[0], wanted) if strange else "Bring them into this form."
        if len(heads) == 1 and re.split(r"[;\t|]", heads[0])[1:]:
            facts["hint"] = "Separate columns by commas; numbers have a point."
    source.problems.append(place.problem(text, 1, column=name, code="header", **facts))
    return True


def refused(name: str, place: Place, row: int | None = None) -> Any:
    """Return the problem of a parameter that has no place in the tables."""
    text = f"{name} has no place in the tables."
    return place.problem(text, row, column=name, hint=f"Leave it out: -o ignore={name}.", code="not-covered")


def add_column(
    name: str, labels: dict[str, pd.Series], values: pd.Series, rows: np.ndarray, place: Place, source: Source
) -> None:
    """Add values of a parameter whose labels and numbers stand in columns of text."""
    import pandas as pd  # heavy

    numbers = pd.to_numeric(values.str.strip(), errors="coerce").to_numpy(np.float64, na_value=np.nan)
    bad = np.flatnonzero(~is_fit(numbers))
    for i in bad[:20]:
        text = why_unfit(values.iloc[i], numbers[i])
        hint = "Leave the row out for the default; numbers have a point, no comma."
        source.problems.append(
            place.problem(text, int(rows[i]), column=VALUE, value=values.iloc[i], hint=hint, code="number")
        )
    if len(bad):
        return
    codes = {index: coded(column, source) for index, column in labels.items()}
    source.add(name, Block(codes, numbers, rows.astype(np.int32), place))


def coded(column: Iterable[str], source: Source) -> np.ndarray:
    """Return the labels of a column as numbers of the pool."""
    import pandas as pd  # heavy

    codes, words = pd.factorize(np.asarray(column, dtype=object))
    return source.pool.codes(as_label(word) for word in words)[codes]
