"""All tables of the store, found by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dhsdb.errors import UnknownNameError
from dhsdb.schema import control, inputs, places, results

if TYPE_CHECKING:
    from dhsdb.schema.columns import Table
    from dhsdb.schema.inputs import InputRow

INPUT: dict[str, type[InputRow]] = {t.__table__.name: t for t in (*inputs.TABLES, *places.TABLES)}
RESULT: dict[str, type[results.ResultTable]] = {t.__table__.name: t for t in results.TABLES}
CONTROL: dict[str, type[control.ControlTable]] = {t.__table__.name: t for t in control.TABLES}
ALL: tuple[type[Table], ...] = (*CONTROL.values(), *INPUT.values(), *RESULT.values())


def input_table(name: str) -> type[InputRow]:
    """Return the class of an input table.

    Raises
    ------
    UnknownNameError
        If there is none of that name.
    """
    try:
        return INPUT[name]
    except KeyError:
        raise UnknownNameError("input table", name, INPUT) from None
