-- Results. Schema by_run holds those of every run; the plain views show what the current chain of each scenario says.

-- One row is a unit in a year, in any run.
CREATE OR REPLACE VIEW by_run.capacity AS
SELECT
    t.run,
    t.year,
    r.stage,
    i.site,
    i.technology,
    i.commodity,
    t.capacity,
    t.new,
    t.retired,
    t.unit
FROM result.capacity AS t
JOIN result.item AS i ON i.item = t.item
JOIN meta.run AS r ON r.run = i.run;

-- One row is a unit in a year.
CREATE OR REPLACE VIEW main.capacity AS
SELECT c.scenario, b.* EXCLUDE (run), b.run
FROM by_run.capacity AS b
JOIN meta.current_run AS c ON c.run = b.run;

-- One row is a unit and commodity in an hour or slice, in any run.
CREATE OR REPLACE VIEW by_run.flow AS
SELECT
    t.run,
    t.year,
    r.stage,
    i.site,
    i.technology,
    i.commodity,
    i.direction,
    t.t,
    t.weight_h,
    t.mwh
FROM result.flow AS t
JOIN result.item AS i ON i.item = t.item
JOIN meta.run AS r ON r.run = i.run;

-- One row is a unit and commodity in an hour or slice.
CREATE OR REPLACE VIEW main.flow AS
SELECT c.scenario, b.* EXCLUDE (run), b.run
FROM by_run.flow AS b
JOIN meta.current_run AS c ON c.run = b.run;

-- One row is a storage at a time step, in any run.
CREATE OR REPLACE VIEW by_run.level AS
SELECT
    t.run,
    t.year,
    r.stage,
    i.site,
    i.technology,
    t.t,
    t.mwh
FROM result.level AS t
JOIN result.item AS i ON i.item = t.item
JOIN meta.run AS r ON r.run = i.run;

-- One row is a storage at a time step.
CREATE OR REPLACE VIEW main.level AS
SELECT c.scenario, b.* EXCLUDE (run), b.run
FROM by_run.level AS b
JOIN meta.current_run AS c ON c.run = b.run;

-- One row is a balance's marginal price in a time step, in any run.
CREATE OR REPLACE VIEW by_run.price AS
SELECT
    t.run,
    t.year,
    r.stage,
    i.site,
    i.commodity,
    t.t,
    t.value
FROM result.price AS t
JOIN result.item AS i ON i.item = t.item
JOIN meta.run AS r ON r.run = i.run;

-- One row is a balance's marginal price in a time step.
CREATE OR REPLACE VIEW main.price AS
SELECT c.scenario, b.* EXCLUDE (run), b.run
FROM by_run.price AS b
JOIN meta.current_run AS c ON c.run = b.run;

-- One row is a kind of cost of a unit in a year, in any run.
CREATE OR REPLACE VIEW by_run.cost AS
SELECT
    t.run,
    t.year,
    r.stage,
    i.site,
    i.technology,
    t.kind,
    t.value,
    t.discounted
FROM result.cost AS t
JOIN result.item AS i ON i.item = t.item
JOIN meta.run AS r ON r.run = i.run;

-- One row is a kind of cost of a unit in a year.
CREATE OR REPLACE VIEW main.cost AS
SELECT c.scenario, b.* EXCLUDE (run), b.run
FROM by_run.cost AS b
JOIN meta.current_run AS c ON c.run = b.run;

-- One row is an emission of a unit in a year, in any run.
CREATE OR REPLACE VIEW by_run.emission AS
SELECT
    t.run,
    t.year,
    r.stage,
    i.site,
    i.technology,
    t.emission,
    t.t
FROM result.emission AS t
JOIN result.item AS i ON i.item = t.item
JOIN meta.run AS r ON r.run = i.run;

-- One row is an emission of a unit in a year.
CREATE OR REPLACE VIEW main.emission AS
SELECT c.scenario, b.* EXCLUDE (run), b.run
FROM by_run.emission AS b
JOIN meta.current_run AS c ON c.run = b.run;

-- One row is a time step in which a demand was not met, in any run.
CREATE OR REPLACE VIEW by_run.unserved AS
SELECT
    t.run,
    t.year,
    i.site,
    i.commodity,
    t.t,
    t.mwh,
    r.stage
FROM result.unserved AS t
JOIN result.item AS i ON i.item = t.item
JOIN meta.run AS r ON r.run = i.run;

-- One row is a time step in which a demand was not met.
CREATE OR REPLACE VIEW main.unserved AS
SELECT c.scenario, b.* EXCLUDE (run), b.run
FROM by_run.unserved AS b
JOIN meta.current_run AS c ON c.run = b.run;

-- One row is a unit's annual total of a commodity, in any run.
CREATE OR REPLACE VIEW by_run.energy AS
SELECT
    t.run,
    t.year,
    r.stage,
    i.site,
    i.technology,
    i.commodity,
    i.direction,
    t.mwh,
    t.full_load_hours
FROM result.energy AS t
JOIN result.item AS i ON i.item = t.item
JOIN meta.run AS r ON r.run = i.run;

-- One row is a unit's annual total of a commodity.
CREATE OR REPLACE VIEW main.energy AS
SELECT c.scenario, b.* EXCLUDE (run), b.run
FROM by_run.energy AS b
JOIN meta.current_run AS c ON c.run = b.run;

-- One row is a heat source or building joined to the network, in any run.
CREATE OR REPLACE VIEW by_run.connection AS
SELECT
    t.run,
    t.year,
    t.source,
    t.network,
    t.distance_m,
    t.trench_m,
    t.diameter_m,
    t.cost,
    t.cost_per_kw,
    t.loss_kw,
    t.capacity_kw,
    t.nearest_point,
    t.geometry,
    t.pipe_type
FROM result.connection AS t
JOIN meta.run AS r ON r.run = t.run;

-- One row is a heat source or building joined to the network.
CREATE OR REPLACE VIEW main.connection AS
SELECT c.scenario, b.* EXCLUDE (run), b.run
FROM by_run.connection AS b
JOIN meta.current_run AS c ON c.run = b.run;

-- One row is a building's way of heating, in any run.
CREATE OR REPLACE VIEW by_run.building_supply AS
SELECT
    t.run,
    t.year,
    t.building,
    t.technology,
    t.grid,
    t.mwh
FROM result.building_supply AS t
JOIN meta.run AS r ON r.run = t.run;

-- One row is a building's way of heating.
CREATE OR REPLACE VIEW main.building_supply AS
SELECT c.scenario, b.* EXCLUDE (run), b.run
FROM by_run.building_supply AS b
JOIN meta.current_run AS c ON c.run = b.run;

-- One row is a pipe of the layout, in any run.
CREATE OR REPLACE VIEW by_run.network AS
SELECT
    t.run,
    t.year,
    t.pipe,
    t.from_node,
    t.to_node,
    t.trench_m,
    t.diameter_m,
    t.peak_kw,
    t.cost,
    t.loss_kw,
    t.existing,
    t.geometry
FROM result.network AS t
JOIN meta.run AS r ON r.run = t.run;

-- One row is a pipe of the layout.
CREATE OR REPLACE VIEW main.network AS
SELECT c.scenario, b.* EXCLUDE (run), b.run
FROM by_run.network AS b
JOIN meta.current_run AS c ON c.run = b.run;

-- One row is a growth stage of the grid, in any run.
CREATE OR REPLACE VIEW by_run.grid_curve AS
SELECT
    t.run,
    t.year,
    t.method,
    t.step,
    t.segment,
    t.heat_mwh,
    t.trench_m,
    t.cost_per_mwh
FROM result.grid_curve AS t
JOIN meta.run AS r ON r.run = t.run;

-- One row is a growth stage of the grid.
CREATE OR REPLACE VIEW main.grid_curve AS
SELECT c.scenario, b.* EXCLUDE (run), b.run
FROM by_run.grid_curve AS b
JOIN meta.current_run AS c ON c.run = b.run;

-- One row is a point of a Pareto study; its variables and objectives stand in pareto_value, in any run.
CREATE OR REPLACE VIEW by_run.pareto AS
SELECT
    t.run,
    t.study,
    t.point,
    t.generation,
    t.feasible,
    t.nondominated,
    t.knee
FROM result.pareto_point AS t
JOIN meta.run AS r ON r.run = t.run;

-- One row is a point of a Pareto study; its variables and objectives stand in pareto_value.
CREATE OR REPLACE VIEW main.pareto AS
SELECT c.scenario, b.* EXCLUDE (run), b.run
FROM by_run.pareto AS b
JOIN meta.current_run AS c ON c.run = b.run;

-- One row is a variable or an objective of a point of a Pareto study, in any run.
CREATE OR REPLACE VIEW by_run.pareto_value AS
SELECT
    t.run,
    t.study,
    t.point,
    t.kind,
    t.name,
    t.value,
    t.unit
FROM result.pareto_value AS t
JOIN meta.run AS r ON r.run = t.run;

-- One row is a variable or an objective of a point of a Pareto study.
CREATE OR REPLACE VIEW main.pareto_value AS
SELECT c.scenario, b.* EXCLUDE (run), b.run
FROM by_run.pareto_value AS b
JOIN meta.current_run AS c ON c.run = b.run;

-- One row is a figure of a run that no other view shows: a price, a range, what the tool of an imported run reports.
CREATE OR REPLACE VIEW by_run.figure AS
SELECT
    t.run,
    t.year,
    r.stage,
    i.site,
    i.technology,
    i.commodity,
    t.name,
    t.t,
    t.weight_h,
    t.value,
    t.unit
FROM result.figure AS t
LEFT JOIN result.item AS i ON i.item = t.item
JOIN meta.run AS r ON r.run = t.run;

-- One row is a figure that no other view shows: a price, a range, what the tool of an imported run reports.
CREATE OR REPLACE VIEW main.figure AS
SELECT c.scenario, b.* EXCLUDE (run), b.run
FROM by_run.figure AS b
JOIN meta.current_run AS c ON c.run = b.run;
