"""Elements of GML and CityGML: names, ids, rings of corners, attributes and addresses."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from dhsdb.importers.city import FARTHEST

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Element = Any

GML = ("http://www.opengis.net/gml", "http://www.opengis.net/gml/3.2")
_AXES = 3


class WrongError(Exception):
    """What is wrong with a geometry."""


def plain_tag(element: Element) -> str:
    """Return the name of an element without its namespace."""
    tag = element.tag if element is not None else ""
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def gml_id(element: Element) -> str | None:
    """Return the id of an element."""
    return next((found for n in GML if (found := element.get(f"{{{n}}}id"))), None)


def children(element: Element, *names: str) -> list[Element]:
    """Return the children of some names."""
    return [child for child in element if plain_tag(child) in names]


def generic(element: Element) -> Iterator[tuple[str, str]]:
    """Yield name and value of a generic attribute; since CityGML 3.0 its name is an element, too."""
    words = {plain_tag(child): (child.text or "").strip() for child in element}
    name = element.get("name") or words.get("name")
    if name and words.get("value"):
        yield str(name), words["value"]


def heights(element: Element) -> Iterator[Element]:
    """Yield the values of the heights of a building of CityGML 3.0, measured ones first."""
    found = [height for holder in children(element, "height") for height in children(holder, "Height")]
    found.sort(key=lambda h: [(s.text or "").strip() for s in children(h, "status")] != ["measured"])
    yield from (value for height in found for value in children(height, "value"))


def address_of(element: Element) -> str:
    """Return the address in one line, from whatever of xAL is filled."""
    found: dict[str, str] = {}
    for e in element.iter():
        if (text := (e.text or "").strip()) and plain_tag(e) not in found:
            found[plain_tag(e)] = text
    street = " ".join(filter(None, (found.get("ThoroughfareName"), found.get("ThoroughfareNumber"))))
    city = " ".join(filter(None, (found.get("PostalCodeNumber"), found.get("LocalityName"))))
    return ", ".join(filter(None, (street, city)))


def ring_of(border: Element) -> Floats | None:
    """Return the corners of a ring without the closing one, or None if it has none."""
    import numpy as np  # heavy

    texts: list[str] = []
    dimension = 0
    for e in border.iter():
        name = plain_tag(e)
        if name in ("posList", "pos") and e.text:
            texts.append(e.text)
            dimension = dimension or _number(e.get("srsDimension") or e.get("dimension"))
        elif name == "coordinates" and e.text:
            decimal, between, tuples = (e.get(k, d) for k, d in (("decimal", "."), ("cs", ","), ("ts", " ")))
            text = e.text.replace(tuples, " ").replace(between, " ") if between != " " else e.text
            texts.append(text.replace(decimal, "."))
    if not texts:
        return None
    try:
        values = np.array(" ".join(texts).split(), dtype=float)
    except ValueError:
        word = next((w for t in texts for w in t.split() if not _is_number(w)), "")
        raise WrongError(f"'{word[:40]}' is no coordinate.") from None
    if not (np.abs(values) < FARTHEST).all():  # nor NaN
        raise WrongError("a coordinate is no finite number, or farther than anything on earth.")
    if dimension not in (2, _AXES):
        dimension = _AXES if len(values) % _AXES == 0 else 2
    if len(values) % dimension:
        raise WrongError(f"a ring has {len(values)} numbers, which are no corners of {dimension}.")
    xyz = values.reshape(-1, dimension)
    if dimension == 2:  # noqa: PLR2004
        xyz = np.column_stack([xyz, np.zeros(len(xyz))])
    return xyz[:-1] if len(xyz) > 1 and (xyz[0] == xyz[-1]).all() else xyz


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 0


def _is_number(word: str) -> bool:
    try:
        return math.isfinite(float(word))
    except ValueError:
        return False
