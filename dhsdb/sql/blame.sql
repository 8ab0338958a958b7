-- One row is an effective cell with the change that it comes from and what it overrides, or a row that a layer removed.
-- Cells alike in all model years are one row without a year. In braces stands what dhsdb/blame.py says of a table: lines (a
-- struct per cell), joins, slots (the years that a line stands for), chosen, keys. Table blame_held has the rows of all layers
-- of the stack with their rank as `ord` and their natural key as number `kid`.
WITH line AS (
    SELECT kid, year, years, whole, c.n AS n, c.f AS f
    FROM (
        SELECT h.kid, h.year, h.years, h.whole, unnest([
            {lines}
        ]) AS c
        FROM blame_held AS h
        {joins}
    )
    WHERE c.sets
),
counted AS MATERIALIZED (
    SELECT *, count(*) OVER w AS n_lines, bool_or(year IS NOT NULL) OVER w AS has_years
    FROM line
    WINDOW w AS (PARTITION BY kid, n)
),
-- Most cells are set once, for every year: these need no ranking.
single AS (
    SELECT kid, n, NULL::SMALLINT AS slot, f, [] AS below
    FROM counted
    WHERE n_lines = 1 AND NOT has_years AND whole AND NOT f.partial AND NOT f.removed AND (f.value IS NOT NULL)
),
several AS (
    SELECT kid, n, slot, list_reverse_sort(list(f)) AS all_f
    FROM (SELECT kid, n, f, whole, unnest({slots}) AS slot FROM counted WHERE n_lines > 1 OR has_years OR NOT whole) AS s
    {chosen}
    GROUP BY kid, n, slot
    HAVING bool_or(NOT f.partial AND NOT f.removed)
),
judged AS (
    SELECT kid, n, slot, all_f,
        list_max([x.ord FOR x IN all_f IF NOT x.partial AND NOT x.removed]) AS stands,
        coalesce(list_max([x.ord FOR x IN all_f IF x.removed]), -1) AS gone
    FROM several
),
best AS (
    FROM single
    UNION ALL
    SELECT kid, n, slot, all_f[1], all_f[2:] FROM judged WHERE stands > gone
),
said AS (
    SELECT * FROM best WHERE f.value IS NOT NULL OR f.partial OR len([1 FOR b IN below IF b.value IS NOT NULL AND NOT b.removed]) > 0
),
found AS (
    FROM said WHERE n >= 0
    UNION ALL
    -- A row none of whose cells has a value.
    FROM said AS r WHERE n < 0 AND NOT EXISTS (
        FROM said AS c WHERE c.kid = r.kid AND c.n >= 0 AND (c.slot = r.slot OR c.slot IS NULL OR r.slot IS NULL)
    )
    UNION ALL
    SELECT kid, n, slot, [x FOR x IN all_f IF x.removed][1], [x FOR x IN all_f IF NOT x.removed]
    FROM judged
    WHERE n < 0 AND gone > stands
),
fact AS (
    SELECT
        f.kid, f.n, f.slot, h.years, f.f.name AS "column", f.f.value AS value, f.f.number AS number, f.f.unit AS unit,
        h.layer_name AS layer, h.origin AS revision, CASE WHEN h.rev_from > h.origin THEN h.rev_from END AS restored,
        h.source, h.sheet, h.source_row,
        [{{value: b.value, layer: b.layer, revision: b.revision}} FOR b IN f.below] AS overrides
    FROM found AS f
    JOIN blame_held AS h ON h.rid = f.f.rid
),
alike AS (
    SELECT * EXCLUDE (years) FROM fact WHERE slot IS NULL OR NOT {collapse}
    UNION ALL BY NAME
    SELECT * EXCLUDE (years, slots), unnest(CASE WHEN slots = years THEN [NULL::SMALLINT] ELSE slots END) AS slot
    FROM (
        SELECT * EXCLUDE (slot), list_sort(list(slot)) AS slots
        FROM fact
        WHERE slot IS NOT NULL AND {collapse}
        GROUP BY ALL
    )
)
SELECT
    array_to_string(k.keys, ' / ') AS key, a.slot AS year, a."column", a.value, a.number, a.unit, a.layer, a.revision,
    r.author, r.created_at, r.message, r.kind, a.restored, o.file AS source, a.sheet, a.source_row, a.overrides,
    k.keys
FROM alike AS a
JOIN (SELECT kid, any_value([{keys}]::VARCHAR[]) AS keys FROM blame_held GROUP BY kid) AS k USING (kid)
LEFT JOIN meta.revision AS r ON r.revision = a.revision
LEFT JOIN meta.source AS o ON o.source = a.source
ORDER BY kid, a.n, a.slot NULLS FIRST
