"""Numbers as people write them: with a decimal point or comma, thousands parted or not, and which of these a table has."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_PLAIN = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d{1,3})?")
_COMMA = re.compile(r"[-+]?\d*,\d+(?:[eE][-+]?\d{1,3})?")
_GROUPED = re.compile(
    r"[-+]?\d{1,3}(?:[.' \u00a0\u202f]\d{3})+,\d+|[-+]?\d{1,3}(?:,\d{3})+\.\d+|[-+]?\d{1,3}(?:[' \u00a0\u202f]\d{3})+(?:\.\d+)?"
)
_POINTS = re.compile(r"[-+]?\d{1,3}(?:\.\d{3})+")
_COMMAS = re.compile(r"[-+]?\d{1,3}(?:,\d{3})+")
_SHOWS_COMMA = re.compile(r"[-+]?\d{1,3}(?:\.\d{3})+,\d+|[-+]?\d*,(?:\d{1,2}|\d{4,})|[-+]?\d{4,},\d+|[-+]?0,\d+")
_SHOWS_POINT = re.compile(r"[-+]?\d{1,3}(?:,\d{3})+\.\d+|[-+]?\d*\.(?:\d{1,2}|\d{4,})|[-+]?\d{4,}\.\d+|[-+]?0\.\d+")
_OPEN = re.compile(r"[-+]?\d{1,3},\d{3}")


def number_of(text: str, *, comma: bool | None = None) -> float | None:
    """Return the number of a text, with a point or a comma; None if it is none.

    Parameters
    ----------
    comma
        Whether a comma parts decimals and a point thousands; None = not known.

    Examples
    --------
    >>> number_of("12,5"), number_of("1.234,5"), number_of("1,234.5"), number_of("1 234"), number_of("many")
    (12.5, 1234.5, 1234.5, 1234.0, None)
    >>> number_of("21.500", comma=True), number_of("21.500"), number_of("1,234", comma=False)
    (21500.0, 21.5, 1234.0)
    """
    word = text.strip()
    if comma is True and _POINTS.fullmatch(word):
        return float(word.replace(".", ""))
    if comma is False and _COMMAS.fullmatch(word):
        return float(word.replace(",", ""))
    if _PLAIN.fullmatch(word):
        return float(word)
    if _COMMA.fullmatch(word):
        return float(word.replace(",", "."))
    if _GROUPED.fullmatch(word):
        bare = re.sub(r"[' \u00a0\u202f]", "", word)
        mark = max(bare.rfind(","), bare.rfind("."))
        if "," in bare and "." in bare:
            bare = bare[:mark].replace(",", "").replace(".", "") + "." + bare[mark + 1 :]
        return float(bare.replace(",", "."))
    return None


def decimal_comma(columns: Iterable[Sequence[object]]) -> bool | None:
    """Return whether the numbers of a table have decimal commas, as far as some cell shows it; None = none does.

    Examples
    --------
    >>> decimal_comma([["21.500", "58.300,5"]]), decimal_comma([["1.25", "3.5"]]), decimal_comma([["21.500", 7]])
    (True, False, None)
    """
    shown: bool | None = None
    for column in columns:
        for text in (c.strip() for c in column if isinstance(c, str)):
            if _SHOWS_COMMA.fullmatch(text):
                return True
            if _SHOWS_POINT.fullmatch(text):
                shown = False
    return shown


def is_open(text: str) -> bool:
    """Return whether a number such as ``1,234`` may be a thousand, or a little more than one."""
    return bool(_OPEN.fullmatch(text.strip()))


def has_points(text: str) -> bool:
    """Return whether a number is one such as ``21.500``, whose point may part thousands or decimals."""
    return bool(_POINTS.fullmatch(text.strip()))
