"""GeoJSON as cells and geometries: one document, or one feature a line (GeoJSONSeq).

GEOS reads the geometries, since GDAL lets wrong ones through as none.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dhsdb.errors import Problem
from dhsdb.importers.regions import DEGREES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

GEOMETRY = "geometry"


@dataclass(slots=True)
class Layer:
    """A layer.

    Attributes
    ----------
    names
        Properties; None if the file is no GeoJSON.
    rows
        Properties of each feature, and its geometry last.
    """

    names: list[str] | None = None
    rows: list[list[object]] = field(default_factory=list)
    epsg: int = DEGREES
    notes: list[Problem] = field(default_factory=list)


def read_geojson(path: Path) -> Layer:
    """Return the layer of a file, and what is wrong with it."""
    layer = Layer()
    found = _document(path)
    if isinstance(found, Problem):
        layer.notes.append(found)
        return layer
    kind = found.get("type")
    features = [found] if kind == "Feature" else found.get("features")
    if kind not in ("FeatureCollection", "Feature") or not isinstance(features, list):
        text = "this is JSON, but no GeoJSON: it is no FeatureCollection with a list of features."
        hint = "Export it as GeoJSON."
        layer.notes.append(Problem(text, str(path), value=str(kind)[:40], hint=hint, code="format"))
        return layer
    code = _named_system(found.get("crs"))
    if isinstance(code, str):
        hint = "Export it in EPSG:4326."
        text = "the coordinate system is not known."
        layer.notes.append(Problem(text, str(path), value=code, hint=hint, code="crs"))
        return layer
    layer.epsg = code
    shapes: list[object] = []
    for number, feature in enumerate(features, 1):
        shape = _feature_shape(feature)
        shapes.append(None if isinstance(shape, str) else shape)
        if isinstance(shape, str):
            text = f"the feature has no geometry that can be read ({shape})."
            layer.notes.append(Problem(text, str(path), row=number, column=GEOMETRY, code="geometry"))
    data = [f.get("properties") if isinstance(f, dict) else None for f in features]
    cells = _with_ids(features, [d if isinstance(d, dict) else {} for d in data])
    names = list(dict.fromkeys(name for row in cells for name in row if name.casefold() != GEOMETRY))
    layer.names = names
    layer.rows = [[*(_simple(row.get(n)) for n in names), shape] for row, shape in zip(cells, shapes, strict=True)]
    return layer


def _document(path: Path) -> dict[str, Any] | Problem:
    """Return the document, or the features of its lines as one; each line may begin with a mark of records."""
    content = path.read_bytes()
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        lines = [line.strip(b"\x1e \t\r") for line in content.split(b"\n")]
        features = list(_features([line for line in lines if line]))
        if len(features) > 1 and None not in features:
            return {"type": "FeatureCollection", "features": features}
        hint = "Export it anew."
        return Problem(f"the JSON is damaged or not complete ({error}).", str(path), hint=hint, code="format")
    return found if isinstance(found, dict) else {}


def _features(lines: Sequence[bytes]) -> Iterator[object]:
    """Yield the feature of each line, None and no more where a line is none."""
    for line in lines:
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict) or found.get("type") != "Feature":
            yield None
            return
        yield found


def _with_ids(features: list[Any], cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the properties with the ids that stand beside them, unless they have one, or the ids only count."""
    ids = [f.get("id") if isinstance(f, dict) else None for f in features]
    named = any(name.casefold().endswith("id") for row in cells for name in row)
    texts = [str(i) for i in ids if isinstance(i, (str, int))]
    counted = texts in ([str(k + first) for k in range(len(ids))] for first in (0, 1))
    if named or counted or len(set(texts)) < len(ids):
        return cells
    return [{"id": text, **row} for text, row in zip(texts, cells, strict=True)]


def _simple(value: object) -> object:
    return value if value is None or isinstance(value, (str, bool, int, float)) else json.dumps(value)[:200]


def _named_system(crs: object) -> int | str:
    """Return the code of a system that a file names in the manner of 2008, degrees if it names none; else its name."""
    if crs is None:
        return DEGREES
    from pyproj import CRS  # heavy
    from pyproj.exceptions import CRSError

    name = (
        str(crs.get("properties", {}).get("name"))
        if isinstance(crs, dict) and isinstance(crs.get("properties"), dict)
        else ""
    )
    if name.endswith("CRS84"):
        return DEGREES
    try:
        return CRS.from_user_input(name).to_epsg() or name
    except CRSError:
        return name


def _feature_shape(feature: object) -> object:
    """Return the geometry of a feature, None if it has none, or what is wrong with it."""
    import shapely  # heavy

    geometry = feature.get("geometry") if isinstance(feature, dict) else None
    if geometry is None:
        return None if isinstance(feature, dict) else "it is no object"
    try:
        return shapely.force_2d(shapely.from_geojson(json.dumps(geometry)))
    except (shapely.GEOSException, ValueError, TypeError) as error:
        return str(error)[:120] or "it is wrong"
