-- Scenarios, revisions, findings and profiles as people see them.

-- One row is a layer below a scenario's own that has changed its rows since the scenario was pinned to it, and how often. What
-- moved the layer's own stack only (derive, compose, rebase) changed none of its rows.
CREATE OR REPLACE VIEW meta.behind AS
SELECT st.scenario, st.layer, st.pin, count(*) AS n
FROM meta.stack AS st
JOIN meta.revision AS r ON r.scenario = st.layer AND r.revision > st.pin
WHERE st.rev_to IS NULL
    AND r.kind IN ('import', 'set', 'remove', 'estimate', 'merge', 'revert')
    AND (r.kind <> 'revert' OR r.n_set + r.n_removed > 0)
GROUP BY st.scenario, st.layer, st.pin;

-- One row is a living scenario, with its newest revision, its model years and its stack from top to bottom.
CREATE OR REPLACE VIEW main.scenarios AS
SELECT
    s.name AS scenario,
    r.revision,
    coalesce(y.years, []) AS years,
    k.stack,
    c.created_at,
    r.message,
    k.epsg,
    k.behind,
    k.behind_of
FROM meta.scenario AS s
JOIN meta.revision AS c ON c.revision = s.created
JOIN (SELECT scenario, max(revision) AS revision FROM meta.revision GROUP BY scenario) AS n ON n.scenario = s.scenario
JOIN meta.revision AS r ON r.revision = n.revision
JOIN (
    SELECT
        st.scenario,
        list(CASE WHEN st.pin IS NULL THEN l.name ELSE l.name || '@' || st.pin END ORDER BY st.rank DESC) AS stack,
        coalesce(sum(b.n), 0)::INTEGER AS behind,
        coalesce(list(l.name || ': ' || b.n ORDER BY st.rank DESC) FILTER (b.n > 0), []) AS behind_of,
        max(l.epsg) AS epsg
    FROM meta.stack AS st
    JOIN meta.scenario AS l ON l.scenario = st.layer
    LEFT JOIN meta.behind AS b ON b.scenario = st.scenario AND b.layer = st.layer
    WHERE st.rev_to IS NULL
    GROUP BY st.scenario
) AS k ON k.scenario = s.scenario
JOIN meta.years_now AS y ON y.scenario = s.name
WHERE s.deleted IS NULL;

-- One row is a revision: a change of one scenario, with the file it was read from, its tags, and the stack where it changed that.
CREATE OR REPLACE VIEW main.revisions AS
SELECT
    s.name AS scenario,
    r.revision,
    r.created_at,
    r.author,
    r.message,
    f.file AS source,
    f.sha256,
    r.n_set,
    r.n_removed,
    r.kind,
    f.attribution,
    t.tags,
    k.stack
FROM meta.revision AS r
JOIN meta.scenario AS s ON s.scenario = r.scenario
LEFT JOIN (
    SELECT
        revision,
        string_agg(file, ', ' ORDER BY source) AS file,
        string_agg(sha256, ', ' ORDER BY source) AS sha256,
        string_agg(DISTINCT attribution, ', ') AS attribution
    FROM meta.source
    GROUP BY revision
) AS f ON f.revision = r.revision
LEFT JOIN (
    SELECT scenario, revision, list(tag ORDER BY tag) AS tags FROM meta.tag GROUP BY scenario, revision
) AS t ON t.scenario = r.scenario AND t.revision = r.revision
-- The stack from top to bottom, of the revisions that changed it.
LEFT JOIN (
    SELECT
        c.scenario,
        c.revision,
        list(CASE WHEN st.pin IS NULL THEN l.name ELSE l.name || '@' || st.pin END ORDER BY st.rank DESC) AS stack
    FROM (SELECT DISTINCT scenario, rev_from AS revision FROM meta.stack) AS c
    JOIN meta.stack AS st
        ON st.scenario = c.scenario AND st.rev_from <= c.revision AND (st.rev_to IS NULL OR st.rev_to > c.revision)
    JOIN meta.scenario AS l ON l.scenario = st.layer
    GROUP BY c.scenario, c.revision
) AS k ON k.scenario = r.scenario AND k.revision = r.revision;

-- One row is a problem or warning of a revision or a run.
CREATE OR REPLACE VIEW main.findings AS
SELECT s.name AS scenario, f.revision, f.run, f.severity, f.code, f.location, f.message
FROM meta.finding AS f
JOIN meta.scenario AS s ON s.scenario = f.scenario;

-- One row is a value of a profile of a living scenario.
CREATE OR REPLACE VIEW input.profile_value AS
SELECT p.scenario, p.profile, v.t, v.value, h.kind, h.unit
FROM input.profile AS p
JOIN meta.series AS h ON h.sha256 = p.sha256
JOIN meta.series_value AS v ON v.series = h.series;
