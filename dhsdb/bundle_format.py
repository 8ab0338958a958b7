"""What a bundle is: one Parquet file per table and a manifest with the size, rows and SHA-256 of each.

Numbers in the files are those of the store that wrote them; names that hold in every store (``uid`` of changes and runs,
SHA-256 of series and sources) join them to what another store has.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dhsdb.errors import UserError
from dhsdb.schema import catalog
from dhsdb.schema.columns import Geometry
from dhsdb.schema.version import HEAD

if TYPE_CHECKING:
    import pyarrow as pa

    from dhsdb.schema.columns import Table

FORMAT = 1
"""Version of the format; a reader refuses newer ones."""

MANIFEST = "manifest.json"
MANIFEST_BYTES = 4_000_000
"""Most that a manifest may hold."""

_CONTROL = (
    "scenario",
    "stack",
    "revision",
    "tag",
    "source",
    "series",
    "series_value",
    "run",
    "chain",
    "chain_run",
    "finding",
)
REQUIRED = ("meta.scenario", "meta.stack", "meta.revision")
"""Tables without which a bundle holds nothing."""


class BundleError(UserError):
    """A bundle that is damaged, incomplete, of a newer format, or not a bundle at all; nothing was written."""


class Entry(BaseModel):
    """A file of a bundle."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    rows: int = Field(ge=0)
    bytes: int = Field(ge=0)


class Manifest(BaseModel):
    """What a bundle says of itself.

    Attributes
    ----------
    scenarios
        Names that were asked for.
    needed
        Names of the other scenarios whose layers they stand on.
    attribution
        What the licences of its sources ask to be named wherever the data goes.
    files
        Files by name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: str = "dhsdb bundle"
    format: int = FORMAT
    schema_version: str = HEAD
    dhsdb: str
    created_at: datetime
    author: str
    scenarios: tuple[str, ...]
    needed: tuple[str, ...] = ()
    attribution: tuple[str, ...] = ()
    files: dict[str, Entry]


def read_manifest(text: bytes) -> Manifest:
    """Return the manifest that a file holds.

    Raises
    ------
    BundleError
        If it is none, or of a newer format or schema.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise BundleError(f"{MANIFEST} is damaged: it is no JSON.", "Ask for the bundle again.") from None
    if not isinstance(document, dict) or document.get("kind") != "dhsdb bundle":
        raise BundleError(f"{MANIFEST} is not that of a dhsdb bundle.", "`dhsdb export bundle` writes one.")
    version, schema = document.get("format"), str(document.get("schema_version"))
    if isinstance(version, int) and (version > FORMAT or schema > HEAD):
        raise BundleError(
            f"the bundle was written by a newer dhsdb ({document.get('dhsdb')}: format {version}, schema {schema};"
            f" this one reads format {FORMAT}, schema {HEAD}).",
            "Upgrade with `pip install --upgrade dhsdb`.",
        )
    if schema != HEAD:
        raise BundleError(
            f"the bundle holds tables of schema {schema}, this dhsdb those of {HEAD}.",
            "Have it exported again with the present dhsdb, which migrates the store that it comes from.",
        )
    try:
        manifest = Manifest.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BundleError(f"{MANIFEST} is damaged: {where}: {first['msg']}.", "Ask for the bundle again.") from None
    return manifest


def tables() -> dict[str, type[Table]]:
    """Return the tables that a bundle may hold, by ``space.name``, in the order in which they are written."""
    control = [catalog.CONTROL[name] for name in _CONTROL]
    return {t.qualified(): t for t in (*control, *catalog.INPUT.values(), *catalog.RESULT.values())}


def file_of(table: str) -> str:
    """Return the file that holds a table."""
    return f"{table}.parquet"


def arrow_schema(table: type[Table]) -> pa.Schema:
    """Return the columns and types of a table's file; geometries are WKB."""
    import pyarrow as pa

    return pa.schema(
        [
            pa.field(column.name, _arrow_type(column.type), nullable=column.nullable)
            for column in table.__table__.columns
        ]
    )


def selected(table: type[Table], alias: str) -> str:
    """Return the columns of a table as a SELECT list, geometries as WKB."""
    return ", ".join(
        f'ST_AsWKB({alias}."{c.name}") AS "{c.name}"' if isinstance(c.type, Geometry) else f'{alias}."{c.name}"'
        for c in table.__table__.columns
    )


def _arrow_type(sa_type: Any) -> pa.DataType:
    import pyarrow as pa

    if isinstance(sa_type, Geometry):
        return pa.binary()
    if isinstance(sa_type, sa.ARRAY):
        return pa.list_(_arrow_type(sa_type.item_type))
    kinds = (  # the narrower first: a SmallInteger is an Integer too
        (sa.SmallInteger, pa.int16()),
        (sa.BigInteger, pa.int64()),
        (sa.Integer, pa.int32()),
        (sa.Double, pa.float64()),
        (sa.Float, pa.float64()),
        (sa.Boolean, pa.bool_()),
        (sa.DateTime, pa.timestamp("us")),
        (sa.String, pa.string()),
    )
    return next(arrow for kind, arrow in kinds if isinstance(sa_type, kind))
