-- Results of several scenarios in one money: prices are moved to the wanted year by the price level of the currency's own
-- area, then exchanged at the rate of that year. What dhsdb/money.py does for comparisons, these macros do for SQL.

-- One row is a living scenario and the money that its results are in: what it said at the revision that its current chain
-- read, or says now if it said nothing then. View meta.option_solved holds the options at that revision.
CREATE OR REPLACE VIEW meta.money_solved AS
WITH said AS (
    SELECT
        s.name AS scenario,
        (SELECT upper(trim(max(o.value))) FROM meta.option_solved AS o WHERE o.scenario = s.name AND o.option = 'currency') AS then_currency,
        (SELECT try_cast(max(o.value) AS INTEGER) FROM meta.option_solved AS o WHERE o.scenario = s.name AND o.option = 'price_year') AS then_year,
        (SELECT upper(trim(max(o.value))) FROM input.model_option AS o WHERE o.scenario = s.name AND o.option = 'currency') AS now_currency,
        (SELECT try_cast(max(o.value) AS INTEGER) FROM input.model_option AS o WHERE o.scenario = s.name AND o.option = 'price_year') AS now_year
    FROM meta.scenario AS s
    WHERE s.deleted IS NULL
),
judged AS (
    SELECT
        *,
        (then_currency IS NULL OR then_year IS NULL)
        AND coalesce(then_currency = now_currency, TRUE)
        AND coalesce(then_year = now_year, TRUE) AS takes_now
    FROM said
)
SELECT
    scenario,
    nullif(CASE WHEN takes_now THEN now_currency ELSE then_currency END, '') AS currency,
    CASE WHEN takes_now THEN now_year ELSE then_year END AS price_year
FROM judged;

-- One row is a scenario, the factor that brings its amounts to a money, and in words what is missing for that.
CREATE OR REPLACE MACRO meta.exchange_to(currency, price_year) AS TABLE
WITH looked_up AS (
    SELECT
        m.scenario,
        m.currency AS given_currency,
        m.price_year AS given_year,
        upper(currency) AS wanted_currency,
        price_year::INTEGER AS wanted_year,
        CASE WHEN m.price_year = price_year::INTEGER THEN 1 ELSE nullif(lw.price_level, 0) END AS level_wanted,
        CASE WHEN m.price_year = price_year::INTEGER THEN 1 ELSE nullif(lg.price_level, 0) END AS level_given,
        CASE WHEN m.currency = upper(currency) OR upper(currency) = 'EUR' THEN 1 ELSE nullif(rw.per_eur, 0) END AS rate_wanted,
        CASE WHEN m.currency = upper(currency) OR m.currency = 'EUR' THEN 1 ELSE nullif(lw.per_eur, 0) END AS rate_given,
        m.currency <> upper(currency) AS exchanges
    FROM meta.money_solved AS m
    LEFT JOIN meta.currency AS lw ON upper(lw.currency) = m.currency AND lw.year = price_year::INTEGER
    LEFT JOIN meta.currency AS lg ON upper(lg.currency) = m.currency AND lg.year = m.price_year
    LEFT JOIN meta.currency AS rw ON upper(rw.currency) = upper(currency) AND rw.year = price_year::INTEGER
)
SELECT
    scenario,
    given_currency,
    given_year,
    wanted_currency,
    wanted_year,
    level_wanted / level_given * CASE WHEN exchanges THEN rate_wanted / rate_given ELSE 1 END AS factor,
    CASE
        WHEN given_currency IS NULL OR given_year IS NULL
            THEN 'it does not say its money: set its model options currency and price_year'
        WHEN level_wanted IS NULL
            THEN 'there is no price level of ' || given_currency || ' in ' || wanted_year || ': `dhsdb money set ' || given_currency || ' ' || wanted_year || '` adds it'
        WHEN level_given IS NULL
            THEN 'there is no price level of ' || given_currency || ' in ' || given_year || ': `dhsdb money set ' || given_currency || ' ' || given_year || '` adds it'
        WHEN rate_wanted IS NULL
            THEN 'there is no rate of ' || wanted_currency || ' in ' || wanted_year || ': `dhsdb money set ' || wanted_currency || ' ' || wanted_year || '` adds it'
        WHEN rate_given IS NULL
            THEN 'there is no rate of ' || given_currency || ' in ' || wanted_year || ': `dhsdb money set ' || given_currency || ' ' || wanted_year || '` adds it'
    END AS missing
FROM looked_up;

-- One row is a kind of cost of a unit in a year, in one money; a scenario that can't be brought to it is refused by name.
CREATE OR REPLACE MACRO main.cost_in(currency, price_year) AS TABLE
SELECT
    c.scenario,
    c.year,
    c.stage,
    c.site,
    c.technology,
    c.kind,
    CASE WHEN e.missing IS NULL THEN c.value * e.factor ELSE error('scenario ''' || c.scenario || ''' can''t be brought to ' || e.wanted_currency || ' of ' || e.wanted_year || ': ' || e.missing) END AS value,
    CASE WHEN e.missing IS NULL THEN c.discounted * e.factor ELSE error('scenario ''' || c.scenario || ''' can''t be brought to ' || e.wanted_currency || ' of ' || e.wanted_year || ': ' || e.missing) END AS discounted,
    e.wanted_currency AS currency,
    e.wanted_year AS price_year,
    c.run
FROM main.cost AS c
JOIN meta.exchange_to(currency, price_year) AS e ON e.scenario = c.scenario;

-- One row is a balance's marginal price in a time step, in one money; a scenario that can't be brought to it is refused by name.
CREATE OR REPLACE MACRO main.price_in(currency, price_year) AS TABLE
SELECT
    p.scenario,
    p.year,
    p.stage,
    p.site,
    p.commodity,
    p.t,
    CASE WHEN e.missing IS NULL THEN p.value * e.factor ELSE error('scenario ''' || p.scenario || ''' can''t be brought to ' || e.wanted_currency || ' of ' || e.wanted_year || ': ' || e.missing) END AS value,
    e.wanted_currency AS currency,
    e.wanted_year AS price_year,
    p.run
FROM main.price AS p
JOIN meta.exchange_to(currency, price_year) AS e ON e.scenario = p.scenario;
