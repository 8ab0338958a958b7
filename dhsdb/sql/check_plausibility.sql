-- Rules of plausibility on the effective inputs of one scenario: what is possible but unlikely, most often a wrong unit. Each
-- statement returns location and message; the comment before it names severity and code, and where its bounds come from.

-- warning efficiency-above-1: a technology gives out more than it takes in, and is no heat pump (lift_source, lift_efficiency).
-- Condensing reaches some 1.2 of the lower heating value, so up to there it is only a remark.
SELECT 'process_flow, ' || concat_ws(' / ', f.site, f.process, f.mode),
    format('it gives {:.3g} MWh out per MWh taken in.', max(f.given / f.taken)),
    CASE WHEN max(f.given / f.taken) > 1.2 THEN 'warning' ELSE 'info' END
FROM (
    SELECT site, process, mode, year, sum(ratio) FILTER (direction = 'out') AS given, sum(ratio) FILTER (direction = 'in') AS taken
    FROM temp.process_flow
    GROUP BY ALL
) AS f
JOIN temp.process AS p ON p.site = f.site AND p.process = f.process AND p.year IS NOT DISTINCT FROM f.year
WHERE p.lift_source IS NULL AND p.lift_efficiency IS NULL AND f.taken > 0 AND f.given > 1.001 * f.taken
GROUP BY f.site, f.process, f.mode;

-- warning cost-per-kw: an investment outside 5 to 20,000 EUR/kW, of storage outside 0.01 to 3,000 EUR/kWh. A large tank costs
-- some 3 EUR/kWh, a pit less than 1; a nuclear plant some 8,000 EUR/kW. Currencies named otherwise than by ISO code, such as
-- million USD, are left out.
WITH rate AS (
    SELECT coalesce((SELECT max(value) FROM temp.model_option WHERE option = 'currency'), 'EUR') AS currency
),
money AS (
    SELECT currency, coalesce((SELECT max(per_eur) FROM meta.currency AS c WHERE c.currency = rate.currency), 1) AS per_eur FROM rate
),
cost AS (
    SELECT 'process' AS name, site || ' / ' || process AS key, 'capital' AS cell, capital / 1000 AS value, 5 AS low, 20000 AS high, 'kW' AS per
    FROM temp.process
    UNION ALL
    SELECT 'storage', site || ' / ' || storage, 'capital_e', capital_e / 1000, 0.01, 3000, 'kWh' FROM temp.storage
    UNION ALL
    SELECT 'storage', site || ' / ' || storage, 'capital_p', capital_p / 1000, 1, 20000, 'kW' FROM temp.storage
)
SELECT DISTINCT concat_ws(', ', c.name, c.key, c.cell),
    format('{:,.4g} {}/{} is outside {:g} to {:,g} EUR/{}.', c.value, m.currency, c.per, c.low, c.high, c.per)
FROM cost AS c, money AS m
WHERE c.value > 0 AND c.value / m.per_eur NOT BETWEEN c.low AND c.high AND length(m.currency) = 3;

-- warning loss-share: a network loses more than 40 % of its heat; the worst German networks lose about 35 %
SELECT DISTINCT 'network_temperature, ' || site || ', loss_share', format('{:.0f} % of the heat is lost.', 100 * loss_share)
FROM temp.network_temperature
WHERE loss_share > 0.4;

-- warning diameter: a pipe wider than 1.2 m inside, the largest that is sold with insulation
SELECT 'network_pipe, ' || pipe || ', diameter_m', format('{:g} m is wider than 1.2 m.', diameter_m)
FROM temp.network_pipe
WHERE diameter_m > 1.2
UNION ALL
SELECT 'pipe_type, ' || pipe_type || ', diameter_m', format('{:g} m is wider than 1.2 m.', diameter_m)
FROM temp.pipe_type
WHERE diameter_m > 1.2;

-- warning full-load-hours: more full-load hours than a year has
SELECT 'heat_source, ' || heat_source || ', annual_mwh',
    format('{:,.0f} MWh from {:g} MW are {:,.0f} full-load hours.', annual_mwh, capacity_mw, annual_mwh / capacity_mw)
FROM temp.heat_source
WHERE capacity_mw > 0 AND annual_mwh > 8784 * capacity_mw
UNION ALL
SELECT DISTINCT 'building_demand, ' || building || ', peak_mw',
    format('{:,.4g} MWh at a peak of {:g} MW are {:,.0f} full-load hours.', mwh, peak_mw, mwh / peak_mw)
FROM (SELECT building, peak_mw, coalesce(space_heat_mwh, 0) + coalesce(hot_water_mwh, 0) AS mwh FROM temp.building_demand)
WHERE peak_mw > 0 AND mwh > 8784 * peak_mw;

-- warning specific-heat: a building needs more than 1,000 kWh/m2 a year; old ones need some 250
SELECT 'building_demand, ' || d.building, format('{:,.0f} kWh/m2 a year.', max(1000 * d.mwh / b.floor_area_m2))
FROM (SELECT building, coalesce(space_heat_mwh, 0) + coalesce(hot_water_mwh, 0) AS mwh FROM temp.building_demand) AS d
JOIN temp.building AS b ON b.building = d.building
WHERE b.floor_area_m2 > 0 AND 1000 * d.mwh > 1000 * b.floor_area_m2
GROUP BY d.building;

-- warning capacity-unit: kW read as MW: a capacity some 1000 times that of its peers, or too large for its kind. Largest of a
-- kind: a data centre of 200 MW, waste-water heat pumps of 100 MW (Stockholm's Hammarbyverket has 225 MW in seven units).
WITH largest(kind, mw) AS (
    VALUES ('supermarket', 2.0::DOUBLE), ('ice_rink', 5), ('metro_station', 10), ('data_centre', 200), ('waste_water', 250), ('industry', 500)
),
peer AS (
    SELECT kind, median(capacity_mw) AS mw FROM temp.heat_source WHERE capacity_mw > 0 GROUP BY kind HAVING count(*) > 2
)
SELECT 'heat_source, ' || h.heat_source || ', capacity_mw',
    CASE
        WHEN h.capacity_mw > g.mw THEN format('{:g} MW is more than a {} gives ({:g} MW): is it kW?', h.capacity_mw, h.kind, g.mw)
        WHEN h.capacity_mw > p.mw
        THEN format('{:g} MW is {:,.0f} times that of its peers ({}): is it kW?', h.capacity_mw, h.capacity_mw / p.mw, h.kind)
        ELSE format('{:g} MW is a {:,.0f}th of that of its peers ({}): were the others in kW?', h.capacity_mw, p.mw / h.capacity_mw, h.kind)
    END
FROM temp.heat_source AS h
LEFT JOIN largest AS g ON g.kind = h.kind
LEFT JOIN peer AS p ON p.kind = h.kind
WHERE h.capacity_mw > g.mw OR h.capacity_mw / p.mw BETWEEN 300 AND 3000 OR p.mw / nullif(h.capacity_mw, 0) BETWEEN 300 AND 3000
UNION ALL
SELECT DISTINCT 'process, ' || p.site || ' / ' || p.process || ', existing_mw',
    format('{:g} MW is {:,.0f} times that of {} at other sites: is it kW?', p.existing_mw, p.existing_mw / q.mw, p.process)
FROM temp.process AS p
JOIN (
    SELECT process, median(existing_mw) AS mw FROM temp.process WHERE existing_mw > 0 GROUP BY process HAVING count(DISTINCT site) > 2
) AS q ON q.process = p.process
WHERE p.existing_mw / q.mw BETWEEN 300 AND 3000;

-- warning peak-above-capacity: the largest demand is above all that can stand by then. A commodity that is bought, stored or
-- carried there, or made by a process without a limit, is left out.
WITH peak AS (
    SELECT site, commodity, year, max(mw) AS mw
    FROM (
        SELECT d.site, d.commodity, d.year, CASE
            WHEN d.mwh IS NULL THEN s.high
            WHEN s.total > 0 THEN d.mwh * s.high / (s.total * s.step_h)
            ELSE d.mwh / 8760
        END AS mw
        FROM temp.demand AS d
        LEFT JOIN temp.series AS s ON s.profile = d.profile
        WHERE d.timing = 'slice'
    )
    GROUP BY ALL
),
stands AS (
    SELECT site, process, year, CASE
        WHEN cap_max IS NOT NULL THEN cap_max
        WHEN count(*) OVER earlier = count(new_max) OVER earlier THEN coalesce(existing_mw, 0) + sum(new_max) OVER earlier
    END AS mw
    FROM temp.process
    WINDOW earlier AS (PARTITION BY site, process ORDER BY year)
),
supply AS (
    SELECT f.site, f.commodity, f.year, CASE WHEN count(*) = count(s.mw) THEN sum(f.ratio * s.mw) END AS mw
    FROM (SELECT site, process, commodity, year, max(ratio) AS ratio FROM temp.process_flow WHERE direction = 'out' GROUP BY ALL) AS f
    JOIN stands AS s ON s.site = f.site AND s.process = f.process AND s.year IS NOT DISTINCT FROM f.year
    GROUP BY ALL
)
SELECT concat_ws(', ', 'demand', p.site || ' / ' || p.commodity, p.year::VARCHAR),
    format('the peak is {:,.4g} MW, but only {:,.4g} MW can stand.', p.mw, s.mw)
FROM peak AS p
JOIN supply AS s ON s.site = p.site AND s.commodity = p.commodity AND s.year IS NOT DISTINCT FROM p.year
WHERE p.mw > s.mw * 1.000001
    AND NOT EXISTS (FROM temp.commodity AS c WHERE c.site = p.site AND c.commodity = p.commodity AND c.bought)
    AND NOT EXISTS (FROM temp.transmission AS l WHERE p.site IN (l.site_from, l.site_to) AND l.commodity = p.commodity)
    AND NOT EXISTS (FROM temp.storage AS t WHERE t.site = p.site AND t.commodity = p.commodity);

-- warning linear-heat-density: the network carries less than 0.2 or more than 40 MWh per metre of trench a year; networks that
-- pay carry 1 to 5, the cores of large cities some 20
SELECT 'network_pipe, ' || n.site, format('{:,.0f} MWh over {:,.0f} m are {:.3g} MWh/m a year.', d.mwh, n.m, d.mwh / n.m)
FROM (SELECT site, sum(trench_m) AS m FROM temp.network_pipe GROUP BY site) AS n
JOIN (
    SELECT site, max(mwh) AS mwh
    FROM (SELECT site, year, sum(mwh) AS mwh FROM temp.demand WHERE commodity = 'heat' GROUP BY ALL)
    GROUP BY site
) AS d ON d.site = n.site
WHERE n.m > 0 AND d.mwh / n.m NOT BETWEEN 0.2 AND 40;

-- warning emission-factor: a fuel emits more than 1.5 t/MWh; lignite emits 0.4 t CO2
SELECT DISTINCT 'commodity_emission, ' || concat_ws(' / ', site, commodity, emission),
    format('{:g} t/MWh: is it kg or g?', t_per_mwh)
FROM temp.commodity_emission
WHERE abs(t_per_mwh) > 1.5;

-- warning rate: a discount rate or cost of capital above 30 % a year
SELECT DISTINCT 'site, ' || site || ', discount_rate', format('{:.0f} % a year: is it in percent?', 100 * discount_rate)
FROM temp.site
WHERE discount_rate > 0.3
UNION ALL
SELECT DISTINCT 'process, ' || site || ' / ' || process || ', wacc', format('{:.0f} % a year: is it in percent?', 100 * wacc)
FROM temp.process
WHERE wacc > 0.3;
