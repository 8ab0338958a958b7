-- Runs and chains: what was solved, and which of it speaks for a scenario.

-- One row is a run.
CREATE OR REPLACE VIEW main.runs AS
SELECT
    r.run,
    s.name AS scenario,
    r.revision,
    r.stage,
    r.iteration,
    r.status,
    r.objective,
    r.bound,
    r.gap,
    r.solver,
    r.solver_version,
    r.fingerprint,
    r.build_s,
    r.solve_s,
    r.wall_s,
    r.peak_mb,
    r.started_at,
    r.message,
    r.years,
    r.options,
    r.version,
    r.machine,
    r.packages,
    r.finished_at,
    r.host,
    r.is_default,
    r.reads,
    r.parents,
    r.given,
    r.uid
FROM meta.run AS r
JOIN meta.scenario AS s ON s.scenario = r.scenario;

-- One row is the chain that speaks for a scenario: the chosen one, else the newest complete one with default options. Only
-- where there is none such, the newest that has results at all, so that a study's first window can be looked at.
CREATE OR REPLACE VIEW meta.current_chain AS
SELECT c.scenario, arg_max(c.chain, (coalesce(c.chain = s.chosen_chain, FALSE), c.is_default AND c.is_complete, c.is_default, c.chain)) AS chain
FROM meta.chain AS c
JOIN meta.scenario AS s ON s.scenario = c.scenario
WHERE EXISTS (
    SELECT 1
    FROM meta.chain_run AS cr
    JOIN meta.run AS r ON r.run = cr.run
    WHERE cr.chain = c.chain AND r.status IN ('optimal', 'feasible') AND r.stage <> 'energyplan'
)
GROUP BY c.scenario;

-- One row is a run of the chain that speaks for a scenario; iterations before the last stay queryable by run.
CREATE OR REPLACE VIEW meta.current_run AS
SELECT s.name AS scenario, r.stage, max(r.run) AS run
FROM meta.current_chain AS c
JOIN meta.scenario AS s ON s.scenario = c.scenario
JOIN meta.chain_run AS cr ON cr.chain = c.chain
JOIN meta.run AS r ON r.run = cr.run
WHERE r.status IN ('optimal', 'feasible') AND s.deleted IS NULL AND r.stage NOT IN ('pareto', 'energyplan')
GROUP BY s.name, r.stage
UNION ALL
-- A Pareto study stands beside the chain: the newest one is shown.
SELECT s.name AS scenario, r.stage, max(r.run) AS run
FROM meta.run AS r
JOIN meta.scenario AS s ON s.scenario = r.scenario
WHERE r.status IN ('optimal', 'feasible') AND s.deleted IS NULL AND r.stage = 'pareto'
GROUP BY s.name, r.stage
UNION ALL
-- What another tool solved and was imported stands beside the chain as well: the newest of each year is shown.
SELECT s.name AS scenario, r.stage, max(r.run) AS run
FROM meta.run AS r
JOIN meta.scenario AS s ON s.scenario = r.scenario
WHERE r.status IN ('optimal', 'feasible') AND s.deleted IS NULL AND r.stage = 'energyplan'
GROUP BY s.name, r.stage, r.years;
