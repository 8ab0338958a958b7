"""Names of changes and runs that hold in every store, tags, branches of a stack, and package versions, parents and tables read of a run."""

from alembic import op

revision = "0002"
down_revision = "0001"

# What every table of inputs begins with.
_ROW = (
    "layer INTEGER NOT NULL, origin INTEGER NOT NULL, rev_from INTEGER NOT NULL, rev_to INTEGER, removed BOOLEAN NOT NULL,"
    " cells VARCHAR[], source INTEGER, sheet VARCHAR, source_row INTEGER, year SMALLINT"
)
_STATEMENTS = (
    "ALTER TABLE meta.stack ADD COLUMN branch INTEGER",
    # What was composed before kept no branches: each layer of equal standing counts as one of its own.
    "UPDATE meta.stack SET branch = layer",
    # A pin names a revision of its layer from now on, not just any number up to which the layer is read.
    (
        "UPDATE meta.stack AS s SET pin = (SELECT max(revision) FROM meta.revision AS r"
        " WHERE r.scenario = s.layer AND r.revision <= s.pin) WHERE s.pin IS NOT NULL"
    ),
    "ALTER TABLE meta.revision ADD COLUMN uid VARCHAR",
    "ALTER TABLE meta.revision ADD COLUMN merged VARCHAR",
    "UPDATE meta.revision SET uid = md5(concat_ws('|', revision, scenario, kind, created_at, author, message))",
    "ALTER TABLE meta.run ADD COLUMN uid VARCHAR",
    "ALTER TABLE meta.run ADD COLUMN packages VARCHAR",
    "ALTER TABLE meta.run ADD COLUMN reads VARCHAR",
    "ALTER TABLE meta.run ADD COLUMN parents VARCHAR",
    "ALTER TABLE meta.run ADD COLUMN given VARCHAR",
    "UPDATE meta.run SET uid = md5(concat_ws('|', run, scenario, fingerprint, host, pid, started_at))",
    "CREATE TABLE meta.tag (scenario INTEGER NOT NULL, tag VARCHAR NOT NULL, revision INTEGER NOT NULL)",
    # Efficiencies above 1 are a finding unless the unit is said to condense.
    "ALTER TABLE layer.process ADD COLUMN condensing BOOLEAN",
    # What OSeMOSYS says besides: names of slices, exogenous emissions, units of its capacities, shares of another sum.
    "ALTER TABLE layer.time_slice ADD COLUMN label VARCHAR",
    "ALTER TABLE layer.demand ADD COLUMN slice_loss_mwh DOUBLE",
    "ALTER TABLE layer.emission ADD COLUMN exogenous_horizon_t DOUBLE",
    "ALTER TABLE layer.process ADD COLUMN source_mw DOUBLE",
    "ALTER TABLE layer.process_mode ADD COLUMN capacity_use DOUBLE",
    'ALTER TABLE layer."limit" ADD COLUMN base VARCHAR',
    # Graphs without a place (topotherm, DHNx): nodes of what is joined, pipes whose cost and loss are linear in their heat.
    "ALTER TABLE layer.building ADD COLUMN node BIGINT",
    "ALTER TABLE layer.plant_site ADD COLUMN node BIGINT",
    "ALTER TABLE layer.network_pipe ADD COLUMN pipe_type VARCHAR",
    "ALTER TABLE layer.network_pipe ADD COLUMN capacity_mw DOUBLE",
    "ALTER TABLE layer.pipe_type ADD COLUMN cost_per_kw_m DOUBLE",
    "ALTER TABLE layer.pipe_type ADD COLUMN loss_w_m DOUBLE",
    "ALTER TABLE layer.pipe_type ADD COLUMN loss_per_m DOUBLE",
    "ALTER TABLE layer.pipe_type ADD COLUMN min_kw DOUBLE",
    "ALTER TABLE layer.pipe_type ADD COLUMN max_kw DOUBLE",
    "ALTER TABLE layer.pipe_type ADD COLUMN wacc DOUBLE",
    "ALTER TABLE layer.pipe_type ADD COLUMN life DOUBLE",
    (
        f"CREATE TABLE layer.energyplan_file ({_ROW}, file VARCHAR NOT NULL, version VARCHAR, encoding VARCHAR,"
        " newline VARCHAR, n_lines INTEGER, ends_line BOOLEAN)"
    ),
    (
        f"CREATE TABLE layer.energyplan_key ({_ROW}, key VARCHAR NOT NULL, occurrence INTEGER NOT NULL, value VARCHAR,"
        " ordinal INTEGER, label VARCHAR)"
    ),
    (
        "CREATE TABLE result.figure (run INTEGER NOT NULL, year SMALLINT, item INTEGER, name VARCHAR, t SMALLINT,"
        " weight_h DOUBLE, value DOUBLE, unit VARCHAR)"
    ),
    "CREATE TABLE meta.spent (kind VARCHAR NOT NULL, number INTEGER NOT NULL)",
)


def upgrade() -> None:
    """Add columns and the table of tags."""
    for statement in _STATEMENTS:
        op.execute(statement)
