"""What a query returns: rows held in memory, so that no lock outlives the call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from rich.table import Table

_SHOWN = 50


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Relation:
    """Rows and columns, as Arrow, as a data frame, or as dictionaries.

    Attributes
    ----------
    table
        The rows.
    """

    table: pa.Table

    def df(self) -> pd.DataFrame:
        """Return the rows as a data frame."""
        frame: pd.DataFrame = self.table.to_pandas()
        return frame

    def arrow(self) -> pa.Table:
        """Return the rows as an Arrow table."""
        return self.table

    def rows(self) -> list[dict[str, Any]]:
        """Return each row as a dictionary by column."""
        rows: list[dict[str, Any]] = self.table.to_pylist()
        return rows

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return list(self.table.column_names)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def __repr__(self) -> str:
        return f"<Relation of {len(self)} rows: {', '.join(self.columns)}>"

    def _repr_html_(self) -> str:
        return self.df().to_html(index=False, max_rows=_SHOWN)

    def __rich__(self) -> Table:
        from rich.table import Table
        from rich.text import Text

        caption = f"{len(self) - _SHOWN} more rows" if len(self) > _SHOWN else None
        shown = Table(caption=caption)
        for column in self.columns:
            shown.add_column(Text(column))
        for row in self.table.slice(0, _SHOWN).to_pylist():
            shown.add_row(
                *(Text("" if v is None else f"{v:,.6g}" if isinstance(v, float) else str(v)) for v in row.values())
            )
        return shown
