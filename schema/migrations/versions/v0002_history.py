"""Names of changes and runs that hold in every store, tags, branches of a stack, and package versions of a run."""

from alembic import op

revision = "0002"
down_revision = "0001"

_STATEMENTS = (
    "ALTER TABLE meta.stack ADD COLUMN branch INTEGER",
    # What was composed before kept no branches: each layer of equal standing counts as one of its own.
    "UPDATE meta.stack SET branch = layer",
    # A pin names a revision of its layer from now on, not just any number up to which the layer is read.
    "UPDATE meta.stack AS s SET pin = (SELECT max(revision) FROM meta.revision AS r"
    " WHERE r.scenario = s.layer AND r.revision <= s.pin) WHERE s.pin IS NOT NULL",
    "ALTER TABLE meta.revision ADD COLUMN uid VARCHAR",
    "UPDATE meta.revision SET uid = md5(concat_ws('|', revision, scenario, kind, created_at, author, message))",
    "ALTER TABLE meta.run ADD COLUMN uid VARCHAR",
    "ALTER TABLE meta.run ADD COLUMN packages VARCHAR",
    "UPDATE meta.run SET uid = md5(concat_ws('|', run, scenario, fingerprint, host, pid, started_at))",
    "CREATE TABLE meta.tag (scenario INTEGER NOT NULL, tag VARCHAR NOT NULL, revision INTEGER NOT NULL)",
    # Efficiencies above 1 are a finding unless the unit is said to condense.
    "ALTER TABLE layer.process ADD COLUMN condensing BOOLEAN",
)


def upgrade() -> None:
    """Add columns and the table of tags."""
    for statement in _STATEMENTS:
        op.execute(statement)
