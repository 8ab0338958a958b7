-- Tables of version 0001, frozen: later versions change them by migrations of their own.

CREATE TABLE meta.scenario (
    scenario INTEGER NOT NULL,
    name VARCHAR NOT NULL,
    epsg INTEGER,
    created INTEGER NOT NULL,
    deleted INTEGER,
    chosen_chain INTEGER,
    PRIMARY KEY (scenario)
);

CREATE TABLE meta.stack (
    scenario INTEGER NOT NULL,
    rank INTEGER NOT NULL,
    layer INTEGER NOT NULL,
    pin INTEGER,
    peer INTEGER NOT NULL,
    rev_from INTEGER NOT NULL,
    rev_to INTEGER
);

CREATE TABLE meta.revision (
    revision INTEGER NOT NULL,
    scenario INTEGER NOT NULL,
    kind VARCHAR NOT NULL,
    created_at TIMESTAMP WITHOUT TIME ZONE,
    author VARCHAR NOT NULL,
    message VARCHAR NOT NULL,
    n_set INTEGER NOT NULL,
    n_removed INTEGER NOT NULL,
    PRIMARY KEY (revision)
);

CREATE TABLE meta.source (
    source INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    file VARCHAR NOT NULL,
    sha256 VARCHAR NOT NULL,
    bytes BIGINT NOT NULL,
    format VARCHAR NOT NULL,
    attribution VARCHAR,
    PRIMARY KEY (source)
);

CREATE TABLE meta.series (
    series INTEGER NOT NULL,
    sha256 VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    unit VARCHAR NOT NULL,
    n INTEGER NOT NULL,
    step_h DOUBLE NOT NULL,
    start VARCHAR NOT NULL,
    calendar VARCHAR NOT NULL,
    total DOUBLE NOT NULL,
    low DOUBLE NOT NULL,
    high DOUBLE NOT NULL,
    PRIMARY KEY (series)
);

CREATE TABLE meta.series_value (
    series INTEGER NOT NULL,
    t INTEGER NOT NULL,
    value DOUBLE NOT NULL
);

CREATE TABLE meta.run (
    run INTEGER NOT NULL,
    scenario INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    stage VARCHAR NOT NULL,
    years VARCHAR NOT NULL,
    options VARCHAR NOT NULL,
    is_default BOOLEAN NOT NULL,
    fingerprint VARCHAR NOT NULL,
    iteration INTEGER NOT NULL,
    status VARCHAR NOT NULL,
    objective DOUBLE,
    bound DOUBLE,
    gap DOUBLE,
    solver VARCHAR,
    solver_version VARCHAR,
    version VARCHAR NOT NULL,
    build_s DOUBLE,
    solve_s DOUBLE,
    wall_s DOUBLE,
    peak_mb DOUBLE,
    machine VARCHAR NOT NULL,
    host VARCHAR NOT NULL,
    pid INTEGER NOT NULL,
    process_start DOUBLE NOT NULL,
    started_at TIMESTAMP WITHOUT TIME ZONE,
    finished_at TIMESTAMP WITHOUT TIME ZONE,
    message VARCHAR,
    PRIMARY KEY (run)
);

CREATE TABLE meta.chain (
    chain INTEGER NOT NULL,
    scenario INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    is_default BOOLEAN NOT NULL,
    is_complete BOOLEAN NOT NULL,
    created_at TIMESTAMP WITHOUT TIME ZONE,
    PRIMARY KEY (chain)
);

CREATE TABLE meta.chain_run (
    chain INTEGER NOT NULL,
    run INTEGER NOT NULL
);

CREATE TABLE meta.finding (
    scenario INTEGER NOT NULL,
    revision INTEGER,
    run INTEGER,
    severity VARCHAR NOT NULL,
    code VARCHAR NOT NULL,
    location VARCHAR NOT NULL,
    message VARCHAR NOT NULL
);

CREATE TABLE meta.currency (
    currency VARCHAR NOT NULL,
    year SMALLINT,
    per_eur DOUBLE,
    price_level DOUBLE,
    source VARCHAR
);

CREATE TABLE layer.site (
    layer INTEGER NOT NULL,
    origin INTEGER NOT NULL,
    rev_from INTEGER NOT NULL,
    rev_to INTEGER,
    removed BOOLEAN NOT NULL,
    cells VARCHAR[],
    source INTEGER,
    sheet VARCHAR,
    source_row INTEGER,
    year SMALLINT,
    site VARCHAR NOT NULL,
    area DOUBLE,
    discount_rate DOUBLE,
    depreciation_method INTEGER,
    title VARCHAR
);

CREATE TABLE layer.model_year (
    layer INTEGER NOT NULL,
    origin INTEGER NOT NULL,
    rev_from INTEGER NOT NULL,
    rev_to INTEGER,
    removed BOOLEAN NOT NULL,
    cells VARCHAR[],
    source INTEGER,
    sheet VARCHAR,
    source_row INTEGER,
    year SMALLINT,
    stands_for DOUBLE
);

CREATE TABLE layer.model_option (
    layer INTEGER NOT NULL,
    origin INTEGER NOT NULL,
    rev_from INTEGER NOT NULL,
    rev_to INTEGER,
    removed BOOLEAN NOT NULL,
    cells VARCHAR[],
    source INTEGER,
    sheet VARCHAR,
    source_row INTEGER,
    year SMALLINT,
    option VARCHAR NOT NULL,
    value VARCHAR
);

CREATE TABLE layer.time_slice (
    layer INTEGER NOT NULL,
    origin INTEGER NOT NULL,
    rev_from INTEGER NOT NULL,
    rev_to INTEGER,
    removed BOOLEAN NOT NULL,
    cells VARCHAR[],
    source INTEGER,
    sheet VARCHAR,
    source_row INTEGER,
    year SMALLINT,
    t INTEGER NOT NULL,
    hours DOUBLE,
    weight_h DOUBLE,
    ordinal INTEGER,
    period INTEGER,
    period_count DOUBLE,
    season INTEGER,
    daytype INTEGER,
    bracket INTEGER,
    parent_hour INTEGER
);

CREATE TABLE layer.slice_calendar (
    layer INTEGER NOT NULL,
    origin INTEGER NOT NULL,
    rev_from INTEGER NOT NULL,
    rev_to INTEGER,
    removed BOOLEAN NOT NULL,
    cells VARCHAR[],
    source INTEGER,
    sheet VARCHAR,
    source_row INTEGER,
    year SMALLINT,
    season INTEGER NOT NULL,
    daytype INTEGER NOT NULL,
    bracket INTEGER NOT NULL,
    day_split DOUBLE,
    days_in_daytype DOUBLE
);

CREATE TABLE layer.profile (
    layer INTEGER NOT NULL,
    origin INTEGER NOT NULL,
    rev_from INTEGER NOT NULL,
    rev_to INTEGER,
    removed BOOLEAN NOT NULL,
    cells VARCHAR[],
    source INTEGER,
    sheet VARCHAR,
    source_row INTEGER,
    year SMALLINT,
    profile VARCHAR NOT NULL,
    sha256 VARCHAR,
    text VARCHAR
);

CREATE TABLE layer.commodity (
    layer INTEGER NOT NULL,
    origin INTEGER NOT NULL,
    rev_from INTEGER NOT NULL,
    rev_to INTEGER,
    removed BOOLEAN NOT NULL,
    cells VARCHAR[],
    source INTEGER,
    sheet VARCHAR,
    source_row INTEGER,
    year SMALLINT,
    site VARCHAR NOT NULL,
    commodity VARCHAR NOT NULL,
    balance VARCHAR,
    annual_only BOOLEAN,
    bought BOOLEAN,
    price DOUBLE,
    price_profile VARCHAR,
    max_mw DOUBLE,
    max_mwh DOUBLE,
    sold BOOLEAN,
    sale_price DOUBLE,
    sale_profile VARCHAR,
    sale_max_mw DOUBLE,
    sale_max_mwh DOUBLE,
    voll DOUBLE,
    dump_cost DOUBLE
);

CREATE TABLE layer.commodity_emission (
    layer INTEGER NOT NULL,
    origin INTEGER NOT NULL,
    rev_from INTEGER NOT NULL,
    rev_to INTEGER,
    removed BOOLEAN NOT NULL,
    cells VARCHAR[],
    source INTEGER,
    sheet VARCHAR,
    source_row INTEGER,
    year SMALLINT,
    site VARCHAR NOT NULL,
    commodity VARCHAR NOT NULL,
    emission VARCHAR NOT NULL,
    t_per_mwh DOUBLE
);

CREATE TABLE layer.demand (
    layer INTEGER NOT NULL,
    origin INTEGER NOT NULL,
    rev_from INTEGER NOT NULL,
    rev_to INTEGER,
    removed BOOLEAN NOT NULL,
    cells VARCHAR[],
    source INTEGER,
    sheet VARCHAR,
    source_row INTEGER,
    year SMALLINT,
    site VARCHAR NOT NULL,
    commodity VARCHAR NOT NULL,
    timing VARCHAR NOT NULL,
    mwh DOUBLE,
    profile VARCHAR
);

CREATE TABLE layer.emission (
    layer INTEGER NOT NULL,
    origin INTEGER NOT NULL,
    rev_from INTEGER NOT NULL,
    rev_to INTEGER,
    removed BOOLEAN NOT NULL,
    cells VARCHAR[],
    source INTEGER,
    sheet VARCHAR,
    source_row INTEGER,
    year SMALLINT,
    site VARCHAR NOT NULL,
    emission VARCHAR NOT NULL,
    price DOUBLE,
    max_rate DOUBLE,
    max_t DOUBLE,
    exogenous_t DOUBLE
);

CREATE TABLE layer.process (
    layer INTEGER NOT NULL,
    origin INTEGER NOT NULL,
    rev_from INTEGER NOT NULL,
    rev_to INTEGER,
    removed BOOLEAN NOT NULL,
    cells VARCHAR[],
    source INTEGER,
    sheet VARCHAR,
    source_row INTEGER,
    year SMALLINT,
    site VARCHAR NOT NULL,
    process VARCHAR NOT NULL,
    existing_mw DOUBLE,
    existing_life DOUBLE,
    cap_min DOUBLE,
    cap_max DOUBLE,
    new_min DOUBLE,
    new_max DOUBLE,
    life DOUBLE,
    wacc DOUBLE,
    capital DOUBLE,
    fixed DOUBLE,
    unit_mw DOUBLE,
    min_load DOUBLE,
    ramp DOUBLE,
    ramp_cost DOUBLE,
    avail_profile VARCHAR,
    avail_rule VARCHAR,
    annual_avail DOUBLE,
    area_per_mw DOUBLE,
    lift_source VARCHAR,
    lift_efficiency DOUBLE,
    heat_source VARCHAR
);

CREATE TABLE layer.process_mode (
    layer INTEGER NOT NULL,
    origin INTEGER NOT NULL,
    rev_from INTEGER NOT NULL,
    rev_to INTEGER,
    removed BOOLEAN NOT NULL,
    cells VARCHAR[],
    source INTEGER,
    sheet VARCHAR,
    source_row INTEGER,
    year SMALLINT,
    site VARCHAR NOT NULL,
    process VARCHAR NOT NULL,
    mode VARCHAR NOT NULL,
    variable DOUBLE,
    act_min_mwh DOUBLE,
    act_max_mwh DOUBLE
);

CREATE TABLE layer.process_flow (
    layer INTEGER NOT NULL,
    origin INTEGER NOT NULL,
    rev_from INTEGER NOT NULL,
    rev_to INTEGER,
    removed BOOLEAN NOT NULL,
    cells VARCHAR[],
    source INTEGER,
    sheet VARCHAR,
    source_row INTEGER,
    year SMALLINT,
    site VARCHAR NOT NULL,
    process VARCHAR NOT NULL,
    mode VARCHAR NOT NULL,
    commodity VARCHAR NOT NULL,
    direction VARCHAR NOT NULL,
    ratio DOUBLE,
    ratio_min DOUBLE,
    ratio_profile VARCHAR
);

CREATE TABLE layer.process_emission (
    layer INTEGER NOT NULL,
    origin INTEGER NOT NULL,
    rev_from INTEGER NOT NULL,
    rev_to INTEGER,
    removed BOOLEAN NOT NULL,
    cells VARCHAR[],
    source INTEGER,
    sheet VARCHAR,
    source_row INTEGER,
    year SMALLINT,
    site VARCHAR NOT NULL,
    process VARCHAR NOT NULL,
    mode VARCHAR NOT NULL,
    emission VARCHAR NOT NULL,
    t_per_mwh DOUBLE,
    t_per_mwh_min DOUBLE
);

CREATE TABLE layer.storage (
    layer INTEGER NOT NULL,
    origin INTEGER NOT NULL,
    rev_from INTEGER NOT NULL,
    rev_to INTEGER,
    removed BOOLEAN NOT NULL,
    cells VARCHAR[],
    source INTEGER,
    sheet VARCHAR,
    source_row INTEGER,
    year SMALLINT,
    site VARCHAR NOT NULL,
    storage VARCHAR NOT NULL,
    commodity VARCHAR,
    kind VARCHAR,
    e_cap_min DOUBLE,
    e_cap_max DOUBLE,
    e_new_max DOUBLE,
    e_existing DOUBLE,
    p_cap_min DOUBLE,
    p_cap_max DOUBLE,
    p_new_max DOUBLE,
    p_existing DOUBLE,
    existing_life DOUBLE,
    charge_max DOUBLE,
    discharge_max DOUBLE,
    eff_in DOUBLE,
    eff_out DOUBLE,
    loss DOUBLE,
    ep_ratio DOUBLE,
    init DOUBLE,
    level_start DOUBLE,
    level_min DOUBLE,
    life DOUBLE,
    wacc DOUBLE,
    capital_e DOUBLE,
    capital_p DOUBLE,
    fixed_e DOUBLE,
    fixed_p DOUBLE,
    variable_e DOUBLE,
    variable_p DOUBLE,
    discount_rate DOUBLE,
    end_rule VARCHAR,
    timing VARCHAR
);

CREATE TABLE layer.storage_link (
    layer INTEGER NOT NULL,
    origin INTEGER NOT NULL,
    rev_from INTEGER NOT NULL,
    rev_to INTEGER,
    removed BOOLEAN NOT NULL,
    cells VARCHAR[],
    source INTEGER,
    sheet VARCHAR,
    source_row INTEGER,
    year SMALLINT,
    site VARCHAR NOT NULL,
    storage VARCHAR NOT NULL,
    process VARCHAR NOT NULL,
    mode VARCHAR NOT NULL,
    direction VARCHAR NOT NULL,
    ratio DOUBLE
);

CREATE TABLE layer.transmission (
    layer INTEGER NOT NULL,
    origin INTEGER NOT NULL,
    rev_from INTEGER NOT NULL,
    rev_to INTEGER,
    removed BOOLEAN NOT NULL,
    cells VARCHAR[],
    source INTEGER,
    sheet VARCHAR,
    source_row INTEGER,
    year SMALLINT,
    site_from VARCHAR NOT NULL,
    site_to VARCHAR NOT NULL,
    line VARCHAR NOT NULL,
    commodity VARCHAR NOT NULL,
    eff DOUBLE,
    "symmetric" BOOLEAN,
    existing_mw DOUBLE,
    existing_life DOUBLE,
    cap_min DOUBLE,
    cap_max DOUBLE,
    new_max DOUBLE,
    life DOUBLE,
    wacc DOUBLE,
    capital DOUBLE,
    fixed DOUBLE,
    variable DOUBLE
);

CREATE TABLE layer.demand_response (
    layer INTEGER NOT NULL,
    origin INTEGER NOT NULL,
    rev_from INTEGER NOT NULL,
    rev_to INTEGER,
    removed BOOLEAN NOT NULL,
    cells VARCHAR[],
    source INTEGER,
    sheet VARCHAR,
    source_row INTEGER,
    year SMALLINT,
    site VARCHAR NOT NULL,
    commodity VARCHAR NOT NULL,
    delay DOUBLE,
    recovery DOUBLE,
    eff DOUBLE,
    down_mw DOUBLE,
    up_mw DOUBLE
);

CREATE TABLE layer."limit" (
    layer INTEGER NOT NULL,
    origin INTEGER NOT NULL,
    rev_from INTEGER NOT NULL,
    rev_to INTEGER,
    removed BOOLEAN NOT NULL,
    cells VARCHAR[],
    source INTEGER,
    sheet VARCHAR,
    source_row INTEGER,
    year SMALLINT,
    "limit" VARCHAR NOT NULL,
    sense VARCHAR,
    value DOUBLE,
    unit VARCHAR,
    per VARCHAR,
    quantity VARCHAR,
    tag VARCHAR
);

CREATE TABLE layer.limit_term (
    layer INTEGER NOT NULL,
    origin INTEGER NOT NULL,
    rev_from INTEGER NOT NULL,
    rev_to INTEGER,
    removed BOOLEAN NOT NULL,
    cells VARCHAR[],
    source INTEGER,
    sheet VARCHAR,
    source_row INTEGER,
    year SMALLINT,
    "limit" VARCHAR NOT NULL,
    side VARCHAR NOT NULL,
    n INTEGER NOT NULL,
    site VARCHAR,
    process VARCHAR,
    mode VARCHAR,
    commodity VARCHAR,
    emission VARCHAR,
    factor DOUBLE
);

CREATE TABLE layer.pareto_variable (
    layer INTEGER NOT NULL,
    origin INTEGER NOT NULL,
    rev_from INTEGER NOT NULL,
    rev_to INTEGER,
    removed BOOLEAN NOT NULL,
    cells VARCHAR[],
    source INTEGER,
    sheet VARCHAR,
    source_row INTEGER,
    year SMALLINT,
    variable VARCHAR NOT NULL,
    cell VARCHAR,
    rows VARCHAR,
    low DOUBLE,
    high DOUBLE
);

CREATE TABLE layer.street (
    layer INTEGER NOT NULL,
    origin INTEGER NOT NULL,
    rev_from INTEGER NOT NULL,
    rev_to INTEGER,
    removed BOOLEAN NOT NULL,
    cells VARCHAR[],
    source INTEGER,
    sheet VARCHAR,
    source_row INTEGER,
    year SMALLINT,
    street VARCHAR NOT NULL,
    from_node BIGINT,
    to_node BIGINT,
    osm_way BIGINT,
    highway VARCHAR,
    title VARCHAR,
    surface VARCHAR,
    length_m DOUBLE,
    geometry GEOMETRY
);

CREATE TABLE layer.building (
    layer INTEGER NOT NULL,
    origin INTEGER NOT NULL,
    rev_from INTEGER NOT NULL,
    rev_to INTEGER,
    removed BOOLEAN NOT NULL,
    cells VARCHAR[],
    source INTEGER,
    sheet VARCHAR,
    source_row INTEGER,
    year SMALLINT,
    building VARCHAR NOT NULL,
    site VARCHAR,
    use VARCHAR,
    osm_tag VARCHAR,
    title VARCHAR,
    address VARCHAR,
    levels DOUBLE,
    height_m DOUBLE,
    footprint_m2 DOUBLE,
    floor_area_m2 DOUBLE,
    construction_year INTEGER,
    geometry GEOMETRY
);

CREATE TABLE layer.building_demand (
    layer INTEGER NOT NULL,
    origin INTEGER NOT NULL,
    rev_from INTEGER NOT NULL,
    rev_to INTEGER,
    removed BOOLEAN NOT NULL,
    cells VARCHAR[],
    source INTEGER,
    sheet VARCHAR,
    source_row INTEGER,
    year SMALLINT,
    building VARCHAR NOT NULL,
    space_heat_mwh DOUBLE,
    hot_water_mwh DOUBLE,
    peak_mw DOUBLE,
    profile VARCHAR,
    rule VARCHAR
);

CREATE TABLE layer.specific_demand (
    layer INTEGER NOT NULL,
    origin INTEGER NOT NULL,
    rev_from INTEGER NOT NULL,
    rev_to INTEGER,
    removed BOOLEAN NOT NULL,
    cells VARCHAR[],
    source INTEGER,
    sheet VARCHAR,
    source_row INTEGER,
    year SMALLINT,
    use VARCHAR NOT NULL,
    space_heat_kwh_m2 DOUBLE,
    hot_water_kwh_m2 DOUBLE,
    full_load_hours DOUBLE,
    profile VARCHAR,
    reference VARCHAR
);

CREATE TABLE layer.heat_source (
    layer INTEGER NOT NULL,
    origin INTEGER NOT NULL,
    rev_from INTEGER NOT NULL,
    rev_to INTEGER,
    removed BOOLEAN NOT NULL,
    cells VARCHAR[],
    source INTEGER,
    sheet VARCHAR,
    source_row INTEGER,
    year SMALLINT,
    heat_source VARCHAR NOT NULL,
    title VARCHAR,
    kind VARCHAR,
    capacity_mw DOUBLE,
    temperature_c DOUBLE,
    annual_mwh DOUBLE,
    profile VARCHAR,
    rule VARCHAR,
    geometry GEOMETRY
);

CREATE TABLE layer.plant_site (
    layer INTEGER NOT NULL,
    origin INTEGER NOT NULL,
    rev_from INTEGER NOT NULL,
    rev_to INTEGER,
    removed BOOLEAN NOT NULL,
    cells VARCHAR[],
    source INTEGER,
    sheet VARCHAR,
    source_row INTEGER,
    year SMALLINT,
    plant VARCHAR NOT NULL,
    site VARCHAR,
    existing BOOLEAN,
    geometry GEOMETRY
);

CREATE TABLE layer.network_pipe (
    layer INTEGER NOT NULL,
    origin INTEGER NOT NULL,
    rev_from INTEGER NOT NULL,
    rev_to INTEGER,
    removed BOOLEAN NOT NULL,
    cells VARCHAR[],
    source INTEGER,
    sheet VARCHAR,
    source_row INTEGER,
    year SMALLINT,
    pipe VARCHAR NOT NULL,
    site VARCHAR,
    from_node VARCHAR,
    to_node VARCHAR,
    trench_m DOUBLE,
    diameter_m DOUBLE,
    existing BOOLEAN,
    geometry GEOMETRY
);

CREATE TABLE layer.pipe_type (
    layer INTEGER NOT NULL,
    origin INTEGER NOT NULL,
    rev_from INTEGER NOT NULL,
    rev_to INTEGER,
    removed BOOLEAN NOT NULL,
    cells VARCHAR[],
    source INTEGER,
    sheet VARCHAR,
    source_row INTEGER,
    year SMALLINT,
    pipe_type VARCHAR NOT NULL,
    diameter_m DOUBLE,
    cost_per_m DOUBLE,
    loss_w_mk DOUBLE,
    max_velocity_m_s DOUBLE
);

CREATE TABLE layer.network_temperature (
    layer INTEGER NOT NULL,
    origin INTEGER NOT NULL,
    rev_from INTEGER NOT NULL,
    rev_to INTEGER,
    removed BOOLEAN NOT NULL,
    cells VARCHAR[],
    source INTEGER,
    sheet VARCHAR,
    source_row INTEGER,
    year SMALLINT,
    site VARCHAR NOT NULL,
    supply_c DOUBLE,
    return_c DOUBLE,
    supply_profile VARCHAR,
    return_profile VARCHAR,
    ground_c DOUBLE,
    loss_share DOUBLE,
    loss_reference_c DOUBLE
);

CREATE TABLE result.item (
    run INTEGER NOT NULL,
    item INTEGER NOT NULL,
    site VARCHAR,
    technology VARCHAR,
    commodity VARCHAR,
    direction VARCHAR
);

CREATE TABLE result.capacity (
    run INTEGER NOT NULL,
    year SMALLINT,
    item INTEGER,
    capacity DOUBLE,
    "new" DOUBLE,
    retired DOUBLE,
    unit VARCHAR
);

CREATE TABLE result.flow (
    run INTEGER NOT NULL,
    year SMALLINT,
    item INTEGER,
    t SMALLINT,
    weight_h DOUBLE,
    mwh DOUBLE
);

CREATE TABLE result.level (
    run INTEGER NOT NULL,
    year SMALLINT,
    item INTEGER,
    t SMALLINT,
    mwh DOUBLE
);

CREATE TABLE result.price (
    run INTEGER NOT NULL,
    year SMALLINT,
    item INTEGER,
    t SMALLINT,
    value DOUBLE
);

CREATE TABLE result.cost (
    run INTEGER NOT NULL,
    year SMALLINT,
    item INTEGER,
    kind VARCHAR,
    value DOUBLE,
    discounted DOUBLE
);

CREATE TABLE result.emission (
    run INTEGER NOT NULL,
    year SMALLINT,
    item INTEGER,
    emission VARCHAR,
    t DOUBLE
);

CREATE TABLE result.unserved (
    run INTEGER NOT NULL,
    year SMALLINT,
    item INTEGER,
    t SMALLINT,
    mwh DOUBLE
);

CREATE TABLE result.energy (
    run INTEGER NOT NULL,
    year SMALLINT,
    item INTEGER,
    mwh DOUBLE,
    full_load_hours DOUBLE
);

CREATE TABLE result.connection (
    run INTEGER NOT NULL,
    year SMALLINT,
    source VARCHAR,
    network VARCHAR,
    distance_m DOUBLE,
    trench_m DOUBLE,
    diameter_m DOUBLE,
    pipe_type VARCHAR,
    cost DOUBLE,
    cost_per_kw DOUBLE,
    loss_kw DOUBLE,
    capacity_kw DOUBLE,
    nearest_point GEOMETRY,
    geometry GEOMETRY
);

CREATE TABLE result.building_supply (
    run INTEGER NOT NULL,
    year SMALLINT,
    building VARCHAR,
    technology VARCHAR,
    grid BOOLEAN,
    mwh DOUBLE
);

CREATE TABLE result.network (
    run INTEGER NOT NULL,
    year SMALLINT,
    pipe VARCHAR,
    from_node VARCHAR,
    to_node VARCHAR,
    trench_m DOUBLE,
    diameter_m DOUBLE,
    peak_kw DOUBLE,
    cost DOUBLE,
    loss_kw DOUBLE,
    existing BOOLEAN,
    geometry GEOMETRY
);

CREATE TABLE result.grid_curve (
    run INTEGER NOT NULL,
    year SMALLINT,
    method VARCHAR,
    step INTEGER,
    segment VARCHAR,
    heat_mwh DOUBLE,
    trench_m DOUBLE,
    cost_per_mwh DOUBLE
);

CREATE TABLE result.pareto_point (
    run INTEGER NOT NULL,
    study VARCHAR,
    point INTEGER,
    generation INTEGER,
    feasible BOOLEAN,
    nondominated BOOLEAN,
    knee BOOLEAN
);

CREATE TABLE result.pareto_value (
    run INTEGER NOT NULL,
    study VARCHAR,
    point INTEGER,
    kind VARCHAR,
    name VARCHAR,
    value DOUBLE,
    unit VARCHAR
);
