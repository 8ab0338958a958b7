-- One row is a profile whose series differs between two sides, with its sum, its peak, the hours that changed and the correlation.
-- {joined} holds the rows of table profile that differ; no value of any other series is read. The sum of power
-- is energy (MWh); all other kinds are added up as they are. Parameter $money is the factor from b's money to a's, for prices; where
-- it is not 1, equal series of prices are listed as well, as they are different amounts.
WITH pair AS (
    SELECT
        p.profile AS key,
        CASE WHEN NOT p.in_a THEN 'added' WHEN NOT p.in_b THEN 'removed' ELSE 'changed' END AS change,
        p."a.sha256" AS old_sha256,
        p."b.sha256" AS new_sha256,
        a.series AS old_series,
        b.series AS new_series,
        coalesce(b.kind, a.kind) AS kind,
        CASE WHEN b.kind = 'price' THEN coalesce(a.unit, b.unit) ELSE coalesce(b.unit, a.unit) END || CASE WHEN coalesce(b.kind, a.kind) = 'power' THEN 'h' ELSE '' END AS unit,
        a.total * CASE WHEN a.kind = 'power' THEN a.step_h ELSE 1 END AS old_sum,
        b.total * CASE b.kind WHEN 'power' THEN b.step_h WHEN 'price' THEN $money ELSE 1 END AS new_sum,
        a.high AS old_peak,
        b.high * CASE b.kind WHEN 'price' THEN $money ELSE 1 END AS new_peak,
        CASE b.kind WHEN 'price' THEN $money ELSE 1 END AS factor,
        a.n AS old_steps,
        b.n AS new_steps,
        coalesce(b.step_h, a.step_h) AS step_h
    FROM {joined} AS p
    LEFT JOIN meta.series AS a ON a.sha256 = p."a.sha256"
    LEFT JOIN meta.series AS b ON b.sha256 = p."b.sha256"
    WHERE p."a.sha256" IS DISTINCT FROM p."b.sha256" OR (b.kind = 'price' AND $money <> 1)
),
both_sides AS (
    SELECT * FROM pair WHERE old_series IS NOT NULL AND new_series IS NOT NULL
),
-- One row is a step of a pair; a step that one side lacks has no value there.
step AS (
    SELECT key, t, max(value) FILTER (side = 'a') AS old, max(value) FILTER (side = 'b') AS new, bool_or(rounds) AS rounds
    FROM (
        SELECT p.key, 'a' AS side, v.t, v.value, p.factor <> 1 AS rounds
        FROM meta.series_value AS v
        JOIN both_sides AS p ON p.old_series = v.series
        UNION ALL
        SELECT p.key, 'b' AS side, v.t, v.value * p.factor, p.factor <> 1
        FROM meta.series_value AS v
        JOIN both_sides AS p ON p.new_series = v.series
    )
    GROUP BY key, t
),
change AS (
    SELECT
        key,
        count(*) FILTER (
            old IS DISTINCT FROM new
            AND NOT (rounds AND coalesce(abs(new - old) <= 1e-9 * greatest(abs(old), abs(new)), FALSE))
        ) AS steps,
        corr(old, new) AS correlation
    FROM step
    GROUP BY key
)
SELECT
    p.key,
    p.change,
    p.kind,
    p.unit,
    p.old_sum,
    p.new_sum,
    p.old_peak,
    p.new_peak,
    c.steps * p.step_h AS hours_changed,
    CASE WHEN isfinite(c.correlation) THEN c.correlation END AS correlation,
    p.old_steps,
    p.new_steps,
    p.old_sha256,
    p.new_sha256
FROM pair AS p
LEFT JOIN change AS c ON c.key = p.key
-- Prices that are equal after conversion are no difference.
WHERE p.factor = 1 OR c.steps IS DISTINCT FROM 0
ORDER BY p.key
