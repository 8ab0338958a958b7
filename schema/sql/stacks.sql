-- Stacks of layers, resolved to the revision at which each layer is read.

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

-- One row is a layer in the stack of one scenario as it was at a revision.
CREATE OR REPLACE MACRO meta.layer_at(scenario_name, at_revision) AS TABLE
SELECT
    s.name AS scenario,
    st.rank,
    st.layer,
    least(coalesce(st.pin, at_revision), at_revision) AS pin
FROM meta.scenario AS s
JOIN meta.stack AS st
    ON st.scenario = s.scenario AND st.rev_from <= at_revision AND (st.rev_to IS NULL OR st.rev_to > at_revision)
WHERE s.name = scenario_name AND s.created <= at_revision AND (s.deleted IS NULL OR s.deleted > at_revision);
