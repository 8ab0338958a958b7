"""Rows of a query as a table on the screen, CSV, JSON or Parquet, to standard output or a file."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from dhsdb.errors import UnknownNameError, UserError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pyarrow as pa

FORMATS = ("table", "csv", "json", "parquet")


def write_table(rows: pa.Table, form: str, output: Path | None, attribution: Sequence[str] = ()) -> None:
    """Write rows in a format.

    Parameters
    ----------
    attribution
        What is to be shown with them; a Parquet file keeps it, other formats have no place for it.

    Raises
    ------
    UnknownNameError, UserError
        If the format is unknown, or the file can't be written.
    """
    if form not in FORMATS:
        raise UnknownNameError("format", form, FORMATS)
    if form == "parquet":
        if output is None:
            raise UserError("parquet needs a file.", "Add --output FILE.")
        import pyarrow.parquet as pq

        note = {"attribution": "; ".join(attribution)} if attribution else {}
        pq.write_table(rows.replace_schema_metadata({**(rows.schema.metadata or {}), **note}), output)
        return
    if form == "table" and output is None:
        from dhsdb.cli.output import rows as show

        show(rows.to_pylist(), as_json=False, empty=f"no rows: {', '.join(rows.column_names)}")
        return
    text = _csv(rows) if form in ("csv", "table") else json.dumps(_plain(rows), ensure_ascii=False) + "\n"
    if output is None:
        sys.stdout.write(text)
    else:
        output.write_text(text, encoding="utf-8", newline="")


def _csv(rows: pa.Table) -> str:
    import csv
    import io

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(rows.column_names)
    writer.writerows([_cell(v) for v in r.values()] for r in rows.to_pylist())
    return text.getvalue()


def _cell(value: object) -> object:
    from dhsdb.cli.output import plain

    return (
        json.dumps(plain(value))
        if isinstance(value, (list, dict))
        else plain(value)
        if isinstance(value, bytes)
        else value
    )


def _plain(rows: pa.Table) -> object:
    from dhsdb.cli.output import plain

    return plain(rows.to_pylist())
