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

-- One row is a layer in the stack of one scenario as it was at a revision. What is asked for is bound first, where no table is in
-- sight: a macro is pasted into the query, and `scenario` or `s.name` in its arguments must mean the query's table, not one of
-- these. The name is compared as an expression, so that where it comes from a table of the query, DuckDB first collects the names
-- there and resolves no other scenario.
CREATE OR REPLACE MACRO meta.layer_at(scenario_name, at_revision := 2147483647) AS TABLE
SELECT
    s.name AS scenario,
    st.rank,
    st.layer,
    least(coalesce(st.pin, asked.dhsdb_at), asked.dhsdb_at) AS pin
FROM (SELECT scenario_name AS dhsdb_name, at_revision AS dhsdb_at) AS asked
JOIN meta.scenario AS s
    ON s.name = asked.dhsdb_name || '' AND s.created <= asked.dhsdb_at AND (s.deleted IS NULL OR s.deleted > asked.dhsdb_at)
JOIN meta.stack AS st
    ON st.scenario = s.scenario AND st.rev_from <= asked.dhsdb_at AND (st.rev_to IS NULL OR st.rev_to > asked.dhsdb_at);
