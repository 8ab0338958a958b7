"""The first version of the store: its tables stand in ``v0001_first.sql``, frozen."""

from importlib import resources

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create all tables."""
    script = resources.files("dhsdb.schema.migrations.versions").joinpath("v0001_first.sql").read_text(encoding="utf-8")
    for statement in script.split(";"):
        if statement.strip():
            op.execute(statement)
