"""Create and upgrade a store: Alembic for the tables, then all views, macros and comments anew."""

from __future__ import annotations

import shutil
from importlib import resources
from typing import TYPE_CHECKING

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.ddl.impl import DefaultImpl
from alembic.script import ScriptDirectory

from dhsdb.errors import StoreVersionError
from dhsdb.schema import effective
from dhsdb.schema.catalog import ALL, INPUT
from dhsdb.schema.session import engine_on

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import duckdb

SPACES = ("meta", "layer", "input", "result", "by_run")
_SQL_FILES = ("stacks", "control", "runs", "results", "money")


class DuckDBImpl(DefaultImpl):
    """Alembic's hook for the dialect: DuckDB runs DDL in transactions."""

    __dialect__ = "duckdb"
    transactional_ddl = True


def upgrade(con: duckdb.DuckDBPyConnection, to: str = "head") -> None:
    """Bring an open store to a revision, in one transaction.

    Parameters
    ----------
    con
        Connection without an open transaction.
    to
        Alembic revision.
    """
    con.execute("BEGIN")
    try:
        for space in SPACES:
            con.execute(f"CREATE SCHEMA IF NOT EXISTS {space}")
        _drop_views(con)
        with engine_on(con).connect() as connection:
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, to)
        if to in ("head", head()):
            refresh(con)
        con.execute("COMMIT")
    except BaseException:
        con.execute("ROLLBACK")
        raise


def refresh(con: duckdb.DuckDBPyConnection) -> None:
    """Create all views and macros anew, and write what each table and column means as COMMENTs."""
    for statement in view_statements():
        con.execute(statement)
    for statement in _comments():
        con.execute(statement)


def view_statements() -> Iterator[str]:
    """Yield the statements that create views and macros, in the order of their dependence."""
    yield from statements(sql_text("stacks"))
    yield from effective.stack_sql()
    for table in INPUT.values():
        yield effective.view_sql(table)
        yield effective.macro_sql(table)
    for name in _SQL_FILES[1:]:
        if name == "money":
            yield _options_solved()
        yield from statements(sql_text(name))


def _options_solved() -> str:
    """Return ``meta.option_solved``: the model options of each scenario at the revision that its current chain read."""
    stack = """(
        SELECT s.name AS scenario, [NULL::SMALLINT] AS years, st.rank, st.layer,
            least(coalesce(st.pin, c.revision), c.revision) AS pin
        FROM meta.current_chain AS cc
        JOIN meta.chain AS c ON c.chain = cc.chain
        JOIN meta.scenario AS s ON s.scenario = cc.scenario AND s.deleted IS NULL
        JOIN meta.stack AS st
            ON st.scenario = s.scenario AND st.rev_from <= c.revision AND (st.rev_to IS NULL OR st.rev_to > c.revision)
    )"""
    return f"CREATE OR REPLACE VIEW meta.option_solved AS\n{effective.resolve_sql(INPUT['model_option'], stack)}"


def sql_text(name: str) -> str:
    """Return a ``.sql`` file of this package."""
    return resources.files("dhsdb.schema.sql").joinpath(f"{name}.sql").read_text(encoding="utf-8")


def statements(text: str) -> list[str]:
    """Split a script of our own into statements; they hold no semicolon but the one that ends them."""
    bare = "\n".join(line.split("--", 1)[0] for line in text.splitlines())
    return [s.strip() for s in bare.split(";") if s.strip()]


def head() -> str:
    """Return the newest revision that this code knows."""
    return str(ScriptDirectory.from_config(_config()).get_current_head())


def refuse_newer(path: Path, version: str) -> None:
    """Refuse a store that a newer dhsdb wrote.

    Raises
    ------
    StoreVersionError
        If the store's revision is not one of ours.
    """
    known = {s.revision for s in ScriptDirectory.from_config(_config()).walk_revisions()}
    if version not in known:
        raise StoreVersionError(
            f"{path.name} was written by a newer dhsdb (schema {version}; this one knows up to {head()}).",
            "Upgrade with `pip install --upgrade dhsdb`.",
        )


def copy_aside(path: Path, version: str) -> Path:
    """Copy an old store to ``NAME.schema-VERSION`` before it is migrated, and return the copy."""
    copy = path.with_name(f"{path.stem}.schema-{version}{path.suffix}")
    shutil.copy2(path, copy)
    return copy


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "dhsdb.schema:migrations")
    config.set_main_option("path_separator", "os")
    return config


def _drop_views(con: duckdb.DuckDBPyConnection) -> None:
    """Drop our views and macros, whichever the old version had."""
    views = con.execute("SELECT schema_name, view_name FROM duckdb_views() WHERE NOT internal").fetchall()
    for space, view in views:
        con.execute(f'DROP VIEW IF EXISTS "{space}"."{view}"')
    macros = con.execute(
        "SELECT DISTINCT schema_name, function_name FROM duckdb_functions()"
        " WHERE NOT internal AND function_type = 'table_macro'"
    ).fetchall()
    for space, macro in macros:
        con.execute(f'DROP MACRO TABLE IF EXISTS "{space}"."{macro}"')


def _comments() -> Iterator[str]:
    for table in ALL:
        yield f"COMMENT ON TABLE {table.qualified()} IS {_literal(table.__table__.comment or '')}"
        for column, meaning in table.meanings().items():
            yield f'COMMENT ON COLUMN {table.qualified()}."{column}" IS {_literal(meaning.comment)}'


def _literal(text: str) -> str:
    return str(sa.literal(text).compile(compile_kwargs={"literal_binds": True}))
