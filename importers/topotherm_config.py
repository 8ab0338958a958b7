"""The configuration of topotherm (YAML): the small part of YAML that it is written in, and the figures that are read.

Maps by indentation, lists with dashes or in brackets, numbers and words; anchors, tags, several documents and all else
are refused, so that nothing is executed or expanded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dhsdb.errors import Problem, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_BYTES = 1_000_000

USED = {
    "temperatures": ("supply", "return_", "ambient"),
    "piping": ("diameters",),
    "solver": ("mip_gap", "time_limit"),
    "economics": (
        "source_c_inv", "source_c_irr", "source_lifetime", "source_price", "source_max_power", "source_min_power",
        "heat_price", "pipes_c_irr", "pipes_lifetime",
    ),
}  # fmt: skip
"""What is read, by part."""
IDLE = {
    "water": ("dynamic_viscosity", "density", "heat_capacity_cp"),
    "ground": ("thermal_conductivity",),
    "piping": ("max_pr_loss", "roughness", "thermal_conductivity", "depth", "number_diameters"),
}
"""What only the fit of the regression reads, which has been made."""

_LINE = re.compile(r"(?P<indent> *)(?P<dash>- +)?(?:(?P<key>[A-Za-z_][\w-]*)\s*:(?:\s+|$))?(?P<value>.*)")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_STRANGE = ("&", "*", "!", "|", ">", "%", "@", "`", "{", "---")
_DEPTH = 8


@dataclass(slots=True)
class Config:
    """A configuration: parts, their figures, and where they stand."""

    path: Path
    parts: dict[str, dict[str, Any]] = field(default_factory=dict)
    lines: dict[tuple[str, str], int] = field(default_factory=dict)
    notes: list[Problem] = field(default_factory=list)

    def note(self, message: str, line: int | None = None, key: str = "", value: object = None, **facts: str) -> None:
        """Keep a problem or a remark of this file."""
        self.notes.append(Problem(message, str(self.path), "", line, key, value, **facts))

    def number(self, part: str, key: str, *, low: float = float("-inf")) -> float | None:
        """Return a figure, None if it is not there; note what is no number."""
        value = self.parts.get(part, {}).get(key)
        if value is None:
            return None
        if isinstance(value, float) and low <= value < float("inf"):
            return value
        self.note(
            f"'{value}' is no number{f' of {low:g} or more' if low > float('-inf') else ''}.",
            self.line(part, key),
            key,
            str(value),
        )
        return None

    def line(self, part: str, key: str) -> int | None:
        """Return the line of a figure."""
        return self.lines.get((part, key))

    def numbers(self, key: str, n: int, low: float = 0.0) -> list[float | None]:
        """Return the figures of ``n`` heat sources; of a list of lists, the first of each, if the others are the same."""
        given = self.parts.get("economics", {}).get(key)
        if given is None:
            return [None] * n
        line = self.line("economics", key)
        values = given if isinstance(given, list) else [given]
        if len(values) < n:
            self.note(
                f"{key} has {len(values)} entries for {n} producers.",
                line,
                key,
                str(given)[:80],
                hint="Give one for each.",
            )
            return [None] * n
        if len(values) > n:
            text = f"ignored: {key} has {len(values)} entries for {n} producers; the first {n} are read."
            self.note(text, line, key, str(given)[:80], severity="warning", code="ignored")
        return [self._first(key, value, line, low) for value in values[:n]]

    def _first(self, key: str, value: Any, line: int | None, low: float) -> float | None:
        many = value if isinstance(value, list) else [value]
        if not many or any(not isinstance(v, float) or not low <= v < float("inf") for v in many):
            self.note(f"'{str(value)[:60]}' is no number of {low:g} or more.", line, key, str(value)[:80])
            return None
        if len(set(many)) > 1:
            text = f"ignored: {key} has other values for further time steps ({', '.join(f'{v:g}' for v in many[1:])}); the first is read."
            self.note(text, line, key, str(value)[:80], severity="warning", code="ignored")
        return float(many[0])


class _NotReadError(Exception):
    """Why a line can't be read."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.message, self.line = message, line


def read_config(path: Path) -> Config:
    """Read a configuration; what is wrong with it stands in its notes."""
    config = Config(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            config.note("the configuration is too large to be read.", code="unsafe")
            return config
        lines = list(_split(path.read_text(encoding="utf-8-sig")))
        parsed = _parse(lines)
    except UnicodeDecodeError as error:
        config.note(f"the file is not in UTF-8 (byte {error.start}).", hint="Save it in UTF-8.", code="encoding")
        return config
    except _NotReadError as error:
        hint = "Maps by indentation, lists in brackets or with dashes, numbers and words are read."
        config.note(error.message, error.line, hint=hint, code="format")
        return config
    _fill(config, parsed, lines)
    return config


# --- the part of YAML that is read -----------------------------------------------------------------------------------
Line = tuple[int, int, bool, str, str]
"""Number, indentation, whether a dash stands before it, key, value."""


def _parse(lines: list[Line]) -> Any:
    parsed, rest = _block(lines, 0, 0)
    if rest < len(lines):
        raise _NotReadError("the indentation does not fit.", lines[rest][0])
    return parsed


def _split(text: str) -> Iterator[Line]:
    for number, raw in enumerate(text.splitlines(), start=1):
        bare = re.sub(r"(^|\s)#.*", "", raw).rstrip()
        if not bare.strip():
            continue
        if "\t" in bare or "\x00" in bare or bare.lstrip().startswith(_STRANGE):
            raise _NotReadError(f"'{bare.strip()[:40]}' is not read here.", number)
        found = _LINE.fullmatch(bare)
        if found is None:
            raise _NotReadError(f"'{bare.strip()[:40]}' is not read here.", number)
        indent = len(found["indent"]) + len(found["dash"] or "")
        yield number, indent, bool(found["dash"]), found["key"] or "", found["value"].strip()


def _block(lines: list[Line], at: int, depth: int) -> tuple[Any, int]:
    """Return the map or list that begins at a line, and the line behind it."""
    if at >= len(lines):
        return {}, at
    if depth > _DEPTH:
        raise _NotReadError("parts stand too deep in one another.", lines[at][0])
    return _list(lines, at, depth) if lines[at][2] else _map(lines, at, depth, lines[at][1])


def _list(lines: list[Line], at: int, depth: int) -> tuple[list[Any], int]:
    indent, items = lines[at][1], []
    while at < len(lines) and lines[at][1] == indent and lines[at][2]:
        number, _, _, key, value = lines[at]
        if not key:
            items.append(_scalar(value, number))
            at += 1
            continue
        lines[at] = (number, indent, False, key, value)
        item, at = _map(lines, at, depth + 1, indent)
        items.append(item)
    return items, at


def _map(lines: list[Line], at: int, depth: int, indent: int) -> tuple[dict[str, Any], int]:
    found: dict[str, Any] = {}
    while at < len(lines) and lines[at][1] == indent and not lines[at][2]:
        number, _, _, key, value = lines[at]
        if not key:
            raise _NotReadError(f"'{value[:40]}' has no name.", number)
        if key in found:
            raise _NotReadError(f"{key} is there twice.", number)
        at += 1
        if value:
            found[key] = _scalar(value, number)
        elif at < len(lines) and (lines[at][1] > indent or lines[at][2]):
            found[key], at = _block(lines, at, depth + 1)
        else:
            found[key] = None
    return found, at


def _scalar(text: str, number: int) -> Any:
    """Return a number, a word, or a list in brackets."""
    if text.startswith("["):
        value, rest = _bracket(text, number, 0)
        if rest.strip():
            raise _NotReadError(f"'{rest.strip()[:40]}' stands behind a list.", number)
        return value
    if text[:1] in {"{", "&", "*", "!"}:
        raise _NotReadError(f"'{text[:40]}' is not read here.", number)
    return float(text) if _NUMBER.fullmatch(text) else text.strip("'\"")


def _bracket(text: str, number: int, depth: int) -> tuple[list[Any], str]:
    items, rest = [], text[1:].lstrip()
    if depth > _DEPTH:
        raise _NotReadError("lists stand too deep in one another.", number)
    while rest and not rest.startswith("]"):
        if rest.startswith("["):
            item, rest = _bracket(rest, number, depth + 1)
        else:
            word = re.match(r"[^,\]]*", rest)
            item, rest = _scalar((word[0] if word else "").strip() or "?", number), rest[word.end() if word else 0 :]
        items.append(item)
        rest = rest.lstrip()
        rest = rest[1:].lstrip() if rest.startswith(",") else rest
    if not rest:
        raise _NotReadError(f"the list '{text[:40]}' does not end.", number)
    return items, rest[1:].lstrip()


# --- what it says ----------------------------------------------------------------------------------------------------
def _fill(config: Config, parsed: Any, lines: list[Line]) -> None:
    """Keep the parts that are known; say what is not read."""
    if not isinstance(parsed, dict):
        config.note("the configuration is no map of parts.", 1, hint=f"Parts: {', '.join(USED)}.", code="format")
        return
    known = {part: (*USED.get(part, ()), *IDLE.get(part, ())) for part in {**USED, **IDLE}}
    place = _places(lines)
    idle = []
    for part, figures in parsed.items():
        if part not in known or not isinstance(figures, dict):
            hint = did_you_mean(part, set(known) - set(parsed)) or f"Parts: {', '.join(known)}."
            config.note(
                f"'{part}' is no part of topotherm's configuration.", place.get(("", part)), part, hint=hint, code="key"
            )
            continue
        config.parts[part] = figures
        for key, value in figures.items():
            config.lines[part, key] = place.get((part, key), 0)
            if key not in known[part]:
                near = did_you_mean(key, [k for k in known[part] if k not in figures])
                facts = {"hint": near} if near else {"severity": "warning"}
                config.note(
                    f"{'' if near else 'ignored: '}'{key}' is no figure of {part}.",
                    place.get((part, key)),
                    key,
                    str(value)[:80],
                    code="key",
                    **facts,
                )
            elif key not in USED.get(part, ()):
                idle.append(f"{part}.{key}")
    if idle:
        text = f"ignored: {', '.join(idle)}: only the fit of the regression reads them."
        config.note(text, severity="info", code="ignored")


def _places(lines: list[Line]) -> dict[tuple[str, str], int]:
    place, part = {}, ""
    for number, indent, _, key, _ in lines:
        if indent == 0:
            part = key
            place["", key] = number
        place.setdefault((part, key), number)
    return place
