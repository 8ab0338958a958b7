-- One row is a cell that a layer changed below, but that a layer above sets otherwise, so that the change does not come through.
-- {keys} are the key columns of {table} as text; {value} is the text of the cell; relation rebase_change holds the changes of
-- the layer below, rebase_level the levels above it.
SELECT
    c."key",
    coalesce(r.year, c.year) AS year,
    c."column",
    c.change,
    c.old,
    c.new,
    arg_max(l.layer, (l.rank, r.year IS NOT NULL, r.origin)) AS by_layer,
    arg_max(CASE WHEN r.removed THEN 'no row' ELSE coalesce({value}, 'NULL') END, (l.rank, r.year IS NOT NULL, r.origin)) AS kept
FROM rebase_change AS c
JOIN layer.{table} AS r ON {keys} = c.keys AND (r.year IS NULL OR c.year IS NULL OR r.year = c.year)
JOIN rebase_level AS l ON l.layer = r.layer AND (r.rev_from <= l.pin AND (r.rev_to IS NULL OR r.rev_to > l.pin))
WHERE c."column" IS NOT DISTINCT FROM $name AND (r.removed OR r.cells IS NULL OR list_contains(r.cells, $name))
GROUP BY ALL
HAVING kept IS DISTINCT FROM coalesce(c.new, 'NULL') OR c.change = 'removed'
