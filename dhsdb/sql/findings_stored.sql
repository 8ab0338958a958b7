-- One row is a finding that an import into a layer of a scenario, or one of its current runs, noted at the time, and that no
-- rule of the check can find again: it is of another code, or about a file. What has no revision is an import that failed,
-- which concerns the scenario itself only.
-- Parameters: $name and $scenario, $revision, $rules (codes of the rules), $tables (what their places begin with).
SELECT DISTINCT f.severity, f.code, f.location, f.message
FROM meta.finding AS f
LEFT JOIN meta.layer_at($name, $revision) AS l
    ON l.layer = f.scenario AND f.run IS NULL AND (f.revision <= l.pin OR f.revision IS NULL AND f.scenario = $scenario)
LEFT JOIN meta.current_run AS c ON c.run = f.run AND c.scenario = $name
WHERE (l.layer IS NOT NULL OR c.run IS NOT NULL) AND NOT (
    list_contains($rules, f.code)
    AND (f.run IS NOT NULL OR f.location = '' OR list_contains($tables, regexp_extract(f.location, '^([a-z_]+)(,|\.[a-z_]+$| |$)', 1)))
)
ORDER BY ALL
