"""Scenarios, runs and results of district-heating studies in one DuckDB file.

``Store`` is the one name that most programs need; it is loaded on first use, so that importing dhsdb costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dhsdb.store import Store

__version__ = "0.1.0"
__all__ = ["Store", "__version__"]


def __getattr__(name: str) -> object:
    if name == "Store":
        from dhsdb.store import Store

        return Store
    raise AttributeError(name)
