"""Alembic's entry: runs the migrations on the connection that it is handed."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    version_table_schema="meta",
    transaction_per_migration=False,
)
context.run_migrations()
