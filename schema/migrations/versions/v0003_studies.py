"""What buildings tell of themselves, and what later stages and importers added."""

from alembic import op

revision = "0003"
down_revision = "0002"

# What every table of inputs begins with.
_ROW = (
    "layer INTEGER NOT NULL, origin INTEGER NOT NULL, rev_from INTEGER NOT NULL, rev_to INTEGER, removed BOOLEAN NOT NULL,"
    " cells VARCHAR[], source INTEGER, sheet VARCHAR, source_row INTEGER, year SMALLINT"
)
_STATEMENTS: tuple[str, ...] = (
    "ALTER TABLE layer.building ADD COLUMN volume_m3 DOUBLE",
    # What tables and city models tell of buildings, their roofs, what was metered, and the weather.
    "ALTER TABLE layer.building ADD COLUMN district VARCHAR",
    "ALTER TABLE layer.building ADD COLUMN function_code VARCHAR",
    "ALTER TABLE layer.building ADD COLUMN refurbishment VARCHAR",
    "ALTER TABLE layer.building ADD COLUMN heating VARCHAR",
    "ALTER TABLE layer.building_demand ADD COLUMN calibration DOUBLE",
    "ALTER TABLE layer.building_demand ADD COLUMN weather VARCHAR",
    (
        f"CREATE TABLE layer.building_roof ({_ROW}, building VARCHAR NOT NULL, surface VARCHAR NOT NULL, area_m2 DOUBLE,"
        " tilt_deg DOUBLE, azimuth_deg DOUBLE)"
    ),
    (
        f"CREATE TABLE layer.specific_demand_age ({_ROW}, use VARCHAR NOT NULL, age_class VARCHAR NOT NULL,"
        " refurbishment VARCHAR NOT NULL, from_year INTEGER, to_year INTEGER, space_heat_kwh_m2 DOUBLE,"
        " hot_water_kwh_m2 DOUBLE, reference VARCHAR)"
    ),
    (
        f"CREATE TABLE layer.metered_demand ({_ROW}, metered VARCHAR NOT NULL, district VARCHAR, data_year INTEGER,"
        " heat_mwh DOUBLE, weather VARCHAR, geometry GEOMETRY)"
    ),
    (
        f"CREATE TABLE layer.weather ({_ROW}, weather VARCHAR NOT NULL, profile VARCHAR, kind VARCHAR, data_year INTEGER,"
        " n_hours INTEGER, utc_offset_h DOUBLE, latitude DOUBLE, longitude DOUBLE, altitude_m DOUBLE, mean_c DOUBLE,"
        " low_c DOUBLE, degree_days DOUBLE, degree_days_12 DOUBLE, heating_days DOUBLE)"
    ),
)


def upgrade() -> None:
    """Add columns and tables."""
    for statement in _STATEMENTS:
        op.execute(statement)
