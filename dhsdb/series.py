"""Profiles: series of values stored once under the hash of what they are, however many scenarios share them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dhsdb.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import duckdb
    import numpy as np
    from numpy.typing import NDArray

    from dhsdb.database import Writer

KINDS = ("power", "share", "factor", "price", "temperature")


@dataclass(frozen=True, slots=True)
class Values:
    """A series and what it is.

    Attributes
    ----------
    values
        Shape (n,), step 1 first.
    kind
        One of :data:`KINDS`.
    unit
        Unit of the values; empty for factors and shares.
    """

    values: NDArray[np.float64]
    kind: str
    unit: str = ""
    step_h: float = 1.0
    start: str = ""
    calendar: str = "noleap"

    @property
    def sha256(self) -> str:
        """Hash of values (with -0.0 as 0.0), step, start, calendar, kind and unit."""
        import numpy as np  # heavy

        head = f"{self.kind}|{self.unit}|{self.step_h!r}|{self.start}|{self.calendar}|{len(self.values)}|"
        return hashlib.sha256(head.encode() + (np.ascontiguousarray(self.values, "<f8") + 0.0).tobytes()).hexdigest()


def save(writer: Writer, series: Iterable[Values]) -> list[str]:
    """Store those series that the store does not hold yet; return the hash of each.

    Raises
    ------
    UserError
        If a series is empty, holds no finite number, or is of an unknown kind.
    """
    import numpy as np
    import pyarrow as pa

    from dhsdb.bulk import insert
    from dhsdb.schema.control import Series, SeriesValue

    hashes = []
    for one in series:
        sha256 = one.sha256
        hashes.append(sha256)
        if writer.con.execute("SELECT 1 FROM meta.series WHERE sha256 = ?", [sha256]).fetchone():
            continue
        _refuse_bad(one)
        number = writer.next_id("series", "series")
        n = len(one.values)
        writer.session.add(
            Series(
                series=number, sha256=sha256, kind=one.kind, unit=one.unit, n=n, step_h=one.step_h, start=one.start,
                calendar=one.calendar, total=float(one.values.sum()), low=float(one.values.min()), high=float(one.values.max()),
            )
        )  # fmt: skip
        writer.flush()
        rows = {
            "series": pa.repeat(pa.scalar(number, pa.int32()), n),
            "t": pa.array(np.arange(1, n + 1, dtype=np.int32)),
            "value": pa.array(np.asarray(one.values, np.float64) + 0.0),
        }
        insert(writer.con, SeriesValue, pa.table(rows))
    return hashes


def load(con: duckdb.DuckDBPyConnection, hashes: Iterable[str]) -> dict[str, Values]:
    """Return series by hash."""
    import numpy as np  # heavy

    wanted = sorted(set(hashes))
    heads = con.execute(
        "SELECT series, sha256, kind, unit, step_h, start, calendar FROM meta.series WHERE list_contains(?, sha256)",
        [wanted],
    ).fetchall()
    found = {}
    for number, sha256, kind, unit, step_h, start, calendar in heads:
        values = con.execute("SELECT value FROM meta.series_value WHERE series = ? ORDER BY t", [number]).fetchnumpy()
        found[sha256] = Values(np.asarray(values["value"], np.float64), kind, unit, step_h, start, calendar)
    return found


def _refuse_bad(series: Values) -> None:
    import numpy as np  # heavy

    if series.kind not in KINDS:
        raise UserError(f"a profile can't be of kind '{series.kind}'.", f"Kinds: {', '.join(KINDS)}.")
    if not len(series.values) or not np.isfinite(series.values).all():
        raise UserError("a profile needs at least one value, and finite numbers only.")
