-- One row is a stage's solved run in the chain that speaks for a scenario: the current chain, or with a revision the chain
-- that spoke for it then. Parameters: $scenario (number), $revision, $newest (true = the current chain).
WITH chosen AS (
    SELECT chain FROM meta.current_chain WHERE $newest AND scenario = $scenario
    UNION ALL
    SELECT arg_max(c.chain, (c.is_default AND c.is_complete, c.is_default, c.chain))
    FROM meta.chain AS c
    WHERE NOT $newest AND c.scenario = $scenario AND c.revision <= $revision AND EXISTS (
        SELECT 1
        FROM meta.chain_run AS cr
        JOIN meta.run AS r ON r.run = cr.run
        WHERE cr.chain = c.chain AND r.status IN ('optimal', 'feasible') AND r.stage <> 'energyplan'
    )
)
SELECT r.stage, max(r.run) AS run, max(c.revision) AS revision
FROM chosen
JOIN meta.chain AS c ON c.chain = chosen.chain
JOIN meta.chain_run AS cr ON cr.chain = c.chain
JOIN meta.run AS r ON r.run = cr.run
WHERE r.status IN ('optimal', 'feasible')
GROUP BY r.stage
UNION ALL
-- The newest run of another tool, which stands beside the chain.
SELECT stage, max(run), max(revision)
FROM meta.run
WHERE scenario = $scenario AND ($newest OR revision <= $revision) AND stage = 'energyplan' AND status IN ('optimal', 'feasible')
GROUP BY stage
ORDER BY run
