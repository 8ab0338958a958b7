-- One row is a finding that an import into a layer of a scenario, or one of its current runs, noted at the time, and that no
-- rule of the check can find again. What has no revision is an import that failed: it concerns the scenario itself only.
-- Parameters: $name and $scenario, $revision, $rules (codes of the rules).
SELECT DISTINCT f.severity, f.code, f.location, f.message
FROM meta.finding AS f
LEFT JOIN meta.layer_at($name, $revision) AS l
    ON l.layer = f.scenario AND f.run IS NULL AND (f.revision <= l.pin OR f.revision IS NULL AND f.scenario = $scenario)
LEFT JOIN meta.current_run AS c ON c.run = f.run AND c.scenario = $name
WHERE (l.layer IS NOT NULL OR c.run IS NOT NULL) AND NOT list_contains($rules, f.code)
ORDER BY ALL
