"""What buildings tell of themselves, and what later stages and importers added."""

from alembic import op

revision = "0003"
down_revision = "0002"

# What every table of inputs begins with.
_ROW = (
    "layer INTEGER NOT NULL, origin INTEGER NOT NULL, rev_from INTEGER NOT NULL, rev_to INTEGER, removed BOOLEAN NOT NULL,"
    " cells VARCHAR[], source INTEGER, sheet VARCHAR, source_row INTEGER, year SMALLINT"
)
_STATEMENTS: tuple[str, ...] = ("ALTER TABLE layer.building ADD COLUMN volume_m3 DOUBLE",)


def upgrade() -> None:
    """Add columns and tables."""
    for statement in _STATEMENTS:
        op.execute(statement)
