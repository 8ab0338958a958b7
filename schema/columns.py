"""How a column is declared: type, unit, meaning, bounds and choices, once, with its class.

What is declared here reaches the file as a COMMENT, the Excel template as a header note, the import as a check and
``dhsdb schema`` as a row, so that all of them say the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.orm import declared_attr
from sqlalchemy.types import UserDefinedType
from sqlmodel import Field, SQLModel

if TYPE_CHECKING:
    from collections.abc import Mapping

LOCAL_PLANE = -1
"""Stands for an EPSG code where geometries lie in a plane of their own, in metres and without a place on earth."""


class Geometry(UserDefinedType[bytes]):
    """DuckDB's core GEOMETRY type; the EPSG code belongs to the layer, not to the column."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """Return the type's name in DDL."""
        return "GEOMETRY"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a column says.

    Attributes
    ----------
    text
        Its meaning in one sentence.
    unit
        Its unit as pint reads it; empty for names and counts, ``money`` stands for the scenario's currency.
    key
        Whether it belongs to the natural key.
    low, high
        Bounds of an input value, both inclusive.
    choices
        The values allowed, if it is an enumeration.
    example
        A value for the template's example row.
    """

    text: str
    unit: str = ""
    key: bool = False
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    example: Any = None

    @property
    def comment(self) -> str:
        """The COMMENT of the column: ``meaning [unit]``."""
        return f"{self.text} [{self.unit}]" if self.unit else self.text


def column(sa_type: Any, text: str, unit: str = "", *, required: bool = False, **facts: Any) -> Any:
    """Declare a column.

    Parameters
    ----------
    sa_type
        SQLAlchemy type of the column.
    text, unit
        Meaning and unit, as in :class:`Meaning`.
    required
        Whether NULL is refused; keys always refuse it.
    **facts
        The other attributes of :class:`Meaning`.
    """
    meaning = Meaning(text, unit, **facts)
    return Field(
        default=None,
        sa_type=sa_type,
        nullable=not (meaning.key or required),
        description=meaning.comment,
        sa_column_kwargs={"comment": meaning.comment, "info": {"meaning": meaning}},
    )


def words(text: str, **facts: Any) -> Any:
    """Declare a text column."""
    return column(sa.String, text, **facts)


def key(text: str, **facts: Any) -> Any:
    """Declare a text column of the natural key."""
    return column(sa.String, text, key=True, **facts)


def number(text: str, unit: str = "", **facts: Any) -> Any:
    """Declare a DOUBLE column; never FLOAT, which loses digits."""
    return column(sa.Double, text, unit, **facts)


def count(text: str, unit: str = "", **facts: Any) -> Any:
    """Declare an INTEGER column."""
    return column(sa.Integer, text, unit, **facts)


def flag(text: str, **facts: Any) -> Any:
    """Declare a BOOLEAN column."""
    return column(sa.Boolean, text, **facts)


def year(text: str = "calendar year; NULL = every year") -> Any:
    """Declare the SMALLINT year."""
    return column(sa.SmallInteger, text)


def hour(
    text: str = "hour of the year, also of typical periods and windows; number of a time slice", **facts: Any
) -> Any:
    """Declare the SMALLINT time step."""
    return column(sa.SmallInteger, text, **facts)


def geometry(text: str) -> Any:
    """Declare a geometry in the layer's EPSG code."""
    return column(Geometry, text)


def moment(text: str) -> Any:
    """Declare a point in time (UTC)."""
    return column(sa.DateTime, text)


def profile(text: str) -> Any:
    """Declare a column that names a profile."""
    return column(sa.String, f"{text} (name of a profile)")


class Table(SQLModel):
    """Root of all table classes: the name follows from the class, the comment from its docstring.

    ``space`` is the DuckDB schema that the table stands in. SQLAlchemy wants a primary key per class, bulk tables have none in
    the database: they name a stand-in through ``__mapper_args__``, which reaches no DDL.
    """

    model_config = {"arbitrary_types_allowed": True}
    space: ClassVar[str] = "main"
    __table__: ClassVar[sa.Table]

    @declared_attr.directive
    def __tablename__(cls) -> str:  # noqa: N805
        return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()

    @declared_attr.directive
    def __table_args__(cls) -> dict[str, str]:  # noqa: N805
        return {"schema": cls.space, "comment": (cls.__doc__ or "").split("\n", 1)[0].rstrip(".")}

    @classmethod
    @cache
    def meanings(cls) -> Mapping[str, Meaning]:
        """Return column name -> meaning, in the order of the table."""
        return MappingProxyType({c.name: c.info["meaning"] for c in cls.__table__.columns})

    @classmethod
    @cache
    def geometries(cls) -> frozenset[str]:
        """Return the columns that hold geometries."""
        return frozenset(c.name for c in cls.__table__.columns if isinstance(c.type, Geometry))

    @classmethod
    def qualified(cls) -> str:
        """Return ``space.table``."""
        return f"{cls.space}.{cls.__table__.name}"
