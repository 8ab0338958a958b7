-- One row is a finding that an import into a layer of a scenario, or one of its current runs, noted at the time.
-- Parameters: $name (scenario), $revision.
SELECT DISTINCT f.severity, f.code, f.location, f.message
FROM meta.finding AS f
LEFT JOIN meta.layer_at($name, $revision) AS l ON l.layer = f.scenario AND f.revision <= l.pin AND f.run IS NULL
LEFT JOIN meta.current_run AS c ON c.run = f.run AND c.scenario = $name
WHERE l.layer IS NOT NULL OR c.run IS NOT NULL
ORDER BY ALL
