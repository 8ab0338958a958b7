"""SQL that a user wrote, in a process of its own: no files, no extensions, no settings; a crash there is not ours.

The parent hands over the statement on standard input and takes Arrow back on standard output. Run as
``python -m dhsdb.sandbox`` it is the child.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

from dhsdb.errors import DhsdbError, LockTimeoutError, UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from dhsdb.database import Database

_ERRORS = {"user": UserError, "lock": LockTimeoutError}


def query_apart(db: Database, query: str, *, write: bool = False) -> pa.Table:
    """Run one statement in a process of its own and return its rows.

    Parameters
    ----------
    write
        Allow statements that change the store.

    Raises
    ------
    UserError
        If the statement fails, with DuckDB's own words.
    """
    return _ask({"path": str(db.path), "wait_s": db.wait_s, "query": query, "write": write})


def query_relations_apart(relations: Mapping[str, pa.Table], query: str) -> pa.Table:
    """Run one statement over relations in memory, in a process of its own; see :func:`query_relations`."""
    import pyarrow as pa

    streams = []
    for table in relations.values():
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table)
        streams.append(sink.getvalue().to_pybytes())
    sizes = dict(zip(relations, map(len, streams), strict=True))
    return _ask({"relations": sizes, "query": query}, *streams)


def query_relations(relations: Mapping[str, pa.Table], query: str) -> pa.Table:
    """Run one statement over relations in memory: it sees them and nothing else, neither files nor this process.

    Raises
    ------
    UserError
        If the statement fails, with DuckDB's own words.
    """
    import duckdb

    from dhsdb.database import CONFIG, lock_down

    with duckdb.connect(":memory:", config={**CONFIG}) as con:
        con.execute("SET python_enable_replacements = false")  # else it reads data frames of whoever calls
        for name, table in relations.items():
            con.register(name, table)
        lock_down(con)
        try:
            return con.execute(query).to_arrow_table()
        except duckdb.Error as error:
            raise UserError(_said(error), _advice_on(relations, str(error))) from None


def _ask(order: Mapping[str, object], *streams: bytes) -> pa.Table:
    """Let the child run an order: one line of JSON, then the relations that it names as Arrow streams."""
    import pyarrow as pa

    child = subprocess.run(
        [sys.executable, "-m", "dhsdb.sandbox"],
        input=b"".join([json.dumps(order).encode(), b"\n", *streams]), capture_output=True, check=False,
    )  # fmt: skip
    if child.returncode == 0:
        return pa.ipc.open_stream(child.stdout).read_all()
    try:
        said = json.loads(child.stderr.splitlines()[-1])
    except (ValueError, IndexError):
        raise UserError("the statement ended the process that ran it.", "Simplify it; the store is unharmed.") from None
    raise _ERRORS.get(said["kind"], DhsdbError)(said["message"], said["hint"])


def _child() -> int:
    import duckdb
    import pyarrow as pa

    from dhsdb.database import Database

    order = json.loads(sys.stdin.buffer.readline())
    try:
        if "relations" in order:
            tables = {
                n: pa.ipc.open_stream(sys.stdin.buffer.read(size)).read_all() for n, size in order["relations"].items()
            }
            rows = query_relations(tables, order["query"])
        else:
            rows = _run(Database(order["path"], order["wait_s"]), order["query"], write=order["write"])
    except duckdb.Error as error:
        return _fail("user", _said(error), _advice(str(error)))
    except LockTimeoutError as error:
        return _fail("lock", error.message, error.hint)
    except UserError as error:
        return _fail("user", error.message, error.hint)
    with pa.ipc.new_stream(sys.stdout.buffer, rows.schema) as stream:
        stream.write_table(rows)
    return 0


def _run(db: Database, query: str, *, write: bool) -> pa.Table:
    from dhsdb.database import lock_down

    spatial = "st_" in query.lower()
    if not write:
        with db.read(spatial=spatial, sandbox=True) as con:
            return con.execute(query).to_arrow_table()
    with db.write("sql --write", spatial=spatial) as writer:
        lock_down(writer.con)
        return writer.con.execute(query).to_arrow_table()


def _said(error: Exception) -> str:
    """Return DuckDB's words without its drawing of the place."""
    return str(error).split("\n\nLINE")[0]


def _advice_on(relations: Mapping[str, pa.Table], message: str) -> str:
    if "Permission" in message or "configuration" in message:
        return "The statement reads the relations alone: no files, databases, extensions or settings."
    listed = "; ".join(f"{name} ({', '.join(table.column_names)})" for name, table in relations.items())
    return f'Relations: {listed}. "table" and "column" need quotes.'


def _advice(message: str) -> str:
    if "read-only" in message:
        return "`dhsdb sql` only reads; --write allows changes."
    if "Permission" in message or "configuration" in message:
        return "`dhsdb sql` reads the store alone: no other files, databases, extensions or settings."
    if "does not exist" in message:
        return "`dhsdb schema` lists the tables; views: scenarios, runs, capacity, energy, cost, input.process ..."
    return ""


def _fail(kind: str, message: str, hint: str) -> int:
    print(json.dumps({"kind": kind, "message": message, "hint": hint}), file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(_child())
