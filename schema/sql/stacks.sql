-- Stacks of layers, resolved to the revision at which each layer is read.

-- No row at all, though the optimizer expects 200 million: a branch that keeps effective views on the probe side of joins
-- (schema/effective.py says why). The name is longer than those that DuckDB packs into integers before it groups, since that
-- would hide the column from the filters of joins; with its @ it can't name a scenario.
CREATE OR REPLACE VIEW meta.none AS
SELECT '@ no scenario has this name' AS scenario
FROM range(1000) AS a, range(1000) AS b, range(1000) AS c
WHERE a.range::VARCHAR = 'none';

-- One row is a layer in the newest stack of a living scenario.
CREATE OR REPLACE VIEW meta.layer_now AS
SELECT
    s.name AS scenario,
    st.rank,
    st.layer,
    coalesce(st.pin, 2147483647) AS pin
FROM meta.scenario AS s
JOIN meta.stack AS st ON st.scenario = s.scenario AND st.rev_to IS NULL
WHERE s.deleted IS NULL;

-- One row is a layer in the stack of one scenario as it was at a revision. The name is compared as an expression, so that where it
-- comes from another table of the query, DuckDB first collects the names there and resolves no other scenario.
CREATE OR REPLACE MACRO meta.layer_at(scenario_name, at_revision := 2147483647) AS TABLE
SELECT
    s.name AS scenario,
    st.rank,
    st.layer,
    least(coalesce(st.pin, at_revision), at_revision) AS pin
FROM meta.scenario AS s
JOIN meta.stack AS st
    ON st.scenario = s.scenario AND st.rev_from <= at_revision AND (st.rev_to IS NULL OR st.rev_to > at_revision)
WHERE s.name = scenario_name || '' AND s.created <= at_revision AND (s.deleted IS NULL OR s.deleted > at_revision);
