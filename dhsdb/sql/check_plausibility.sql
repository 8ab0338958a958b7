-- Rules of plausibility on the effective inputs of one scenario: what is possible but unlikely, most often a wrong unit. Each
-- statement returns location and message; the comment before it names severity and code, and where its bounds come from.

-- warning efficiency-above-1 [process_flow]: a technology gives out more than it takes in, and is neither a heat pump
-- (lift_source, lift_efficiency) nor condensing; a condensing one gives more than 1.2 of the lower heating value. What takes
-- in electricity alone, by its name, may move up to 8 times as much heat: heat pumps and chillers given by a plain ratio.
-- All outputs count together. Where outputs or inputs vary by hour, the best hour counts; where both do, their means.
WITH flow AS (
    SELECT f.site, f.process, f.mode, f.year, f.direction, f.ratio * coalesce(s.high, 1) AS high, f.ratio * coalesce(s.low, 1) AS low,
        f.ratio * coalesce(s.total / s.n, 1) AS mean, s.profile IS NOT NULL AS varies,
        regexp_matches(f.commodity, '^(el|elec.*|elc.*|power|strom.*)$', 'i') AS electric
    FROM temp.process_flow AS f
    LEFT JOIN temp.series AS s ON s.profile = f.ratio_profile
),
mode AS (
    SELECT site, process, mode, year, count(DISTINCT direction) FILTER (varies) > 1 AS mixed,
        CASE WHEN mixed THEN sum(mean) FILTER (direction = 'out') ELSE sum(high) FILTER (direction = 'out') END AS given,
        CASE WHEN mixed THEN sum(mean) FILTER (direction = 'in') ELSE sum(low) FILTER (direction = 'in') END AS taken,
        coalesce(bool_and(electric) FILTER (direction = 'in') AND NOT bool_or(electric) FILTER (direction = 'out'), FALSE) AS moves
    FROM flow
    GROUP BY site, process, mode, year
)
SELECT 'process_flow, ' || concat_ws(' / ', m.site, m.process, m.mode),
    format('it gives {:.3g} MWh out per MWh taken in{}.', max(m.given / m.taken),
        CASE WHEN bool_or(p.condensing) THEN ', more than condensing can' ELSE '' END)
    || CASE WHEN bool_or(p.condensing) THEN '' ELSE ' A heat pump has process.lift_efficiency, a condensing unit process.condensing.' END
FROM mode AS m
JOIN temp.process AS p ON p.site = m.site AND p.process = m.process AND p.year IS NOT DISTINCT FROM m.year
WHERE p.lift_source IS NULL AND p.lift_efficiency IS NULL AND m.taken > 0
    AND m.given > m.taken * CASE WHEN p.condensing THEN 1.2001 WHEN m.moves THEN 8 ELSE 1.001 END
GROUP BY m.site, m.process, m.mode;

-- warning cost-per-kw [process, storage, transmission]: an investment outside 5 to 20,000 EUR/kW, of storage outside 0.01 to 3,000
-- EUR/kWh, of a line outside 1 to 20,000 EUR/kW. A large tank costs some 3 EUR/kWh, a pit less than 1; a nuclear plant some
-- 8,000 EUR/kW. Without a rate in the store, a EUR is taken to be between 0.3 and 2,000 of another currency; names other than
-- ISO codes, such as million USD, are left out, and so are processes that stand for a penalty, such as urbs's slack and dump.
WITH rate AS (
    SELECT upper(coalesce((SELECT max(value) FROM temp.model_option WHERE option = 'currency'), 'EUR')) AS currency
),
money AS (
    SELECT currency, coalesce(CASE currency WHEN 'EUR' THEN 1 ELSE per_eur END, 0.3) AS least, coalesce(CASE currency WHEN 'EUR' THEN 1 ELSE per_eur END, 2000) AS most
    FROM rate, (SELECT max(c.per_eur) AS per_eur FROM meta.currency AS c, rate WHERE upper(c.currency) = rate.currency)
    WHERE length(currency) = 3
),
cost AS (
    SELECT 'process' AS name, site || ' / ' || process AS key, 'capital' AS cell, capital / 1000 AS value, 5 AS low, 20000 AS high, 'kW' AS per
    FROM temp.process
    WHERE NOT regexp_matches(process, 'slack|dump|spill|curtail', 'i')
    UNION ALL
    SELECT 'storage', site || ' / ' || storage, 'capital_e', capital_e / 1000, 0.01, 3000, 'kWh' FROM temp.storage
    UNION ALL
    SELECT 'storage', site || ' / ' || storage, 'capital_p', capital_p / 1000, 1, 20000, 'kW' FROM temp.storage
    UNION ALL
    SELECT 'transmission', concat_ws(' / ', site_from, site_to, line, commodity), 'capital', capital / 1000, 1, 20000, 'kW' FROM temp.transmission
)
SELECT DISTINCT concat_ws(', ', c.name, c.key, c.cell),
    format('{:,.4g} {}/{} is outside {:g} to {:,g} EUR/{}.', c.value, m.currency, c.per, c.low, c.high, c.per)
FROM cost AS c, money AS m
WHERE c.value > 0 AND c.value NOT BETWEEN c.low * m.least AND c.high * m.most;

-- warning cost-unit [process]: an investment near a thousand times, or a thousandth, of that of the same technology at other
-- sites (300 to 3,000 times the median of three or more)
WITH cost AS (
    SELECT site, process, max(capital) AS capital FROM temp.process WHERE capital > 0 GROUP BY site, process
),
peer AS (
    SELECT process, median(capital) AS capital FROM cost GROUP BY process HAVING count(*) > 2
)
SELECT 'process, ' || c.site || ' / ' || c.process || ', capital', CASE
    WHEN c.capital > p.capital THEN format('{:,.6g} per MW is {:,.0f} times that of {} at other sites.', c.capital, c.capital / p.capital, c.process)
    ELSE format('{:,.6g} per MW is a {:,.0f}th of that of {} at other sites: is it per kW?', c.capital, p.capital / c.capital, c.process)
END
FROM cost AS c
JOIN peer AS p ON p.process = c.process
WHERE c.capital / p.capital BETWEEN 300 AND 3000 OR p.capital / c.capital BETWEEN 300 AND 3000;

-- warning cost-per-m [pipe_type]: a pipe outside 20 to 20,000 EUR per metre of trench; the smallest cost some 200, the largest in
-- city streets some 8,000
WITH rate AS (
    SELECT upper(coalesce((SELECT max(value) FROM temp.model_option WHERE option = 'currency'), 'EUR')) AS currency
),
money AS (
    SELECT currency, coalesce(CASE currency WHEN 'EUR' THEN 1 ELSE per_eur END, 0.3) AS least, coalesce(CASE currency WHEN 'EUR' THEN 1 ELSE per_eur END, 2000) AS most
    FROM rate, (SELECT max(c.per_eur) AS per_eur FROM meta.currency AS c, rate WHERE upper(c.currency) = rate.currency)
    WHERE length(currency) = 3
)
SELECT 'pipe_type, ' || p.pipe_type || ', cost_per_m', format('{:,.4g} {}/m is outside 20 to 20,000 EUR/m.', p.cost_per_m, m.currency)
FROM temp.pipe_type AS p, money AS m
WHERE p.cost_per_m > 0 AND p.cost_per_m NOT BETWEEN 20 * m.least AND 20000 * m.most;

-- warning fixed-cost [process, storage]: fixed operation and maintenance of more than half the investment, each year; some 2 to 5 %
-- are usual
SELECT 'process, ' || site || ' / ' || process || ', fixed',
    format('{:,.4g} per MW a year is {:,.0f} % of the investment of {:,.6g} per MW.', max(fixed), 100 * max(fixed / capital), max_by(capital, fixed / capital))
FROM temp.process
WHERE capital > 0 AND fixed > 0.5 * capital
GROUP BY site, process
UNION ALL
SELECT 'storage, ' || site || ' / ' || storage || ', fixed_e',
    format('{:,.4g} per MWh a year is {:,.0f} % of the investment of {:,.6g} per MWh.', max(fixed_e), 100 * max(fixed_e / capital_e), max_by(capital_e, fixed_e / capital_e))
FROM temp.storage
WHERE capital_e > 0 AND fixed_e > 0.5 * capital_e
GROUP BY site, storage;

-- warning price [commodity, emission]: a price between 0 and 0.5 EUR/MWh, as of a figure per kWh, or above 2,000 EUR/MWh; what varies
-- by hour counts with its mean. An emission below 0.5 or above 2,000 EUR/t.
WITH rate AS (
    SELECT upper(coalesce((SELECT max(value) FROM temp.model_option WHERE option = 'currency'), 'EUR')) AS currency
),
money AS (
    SELECT currency, coalesce(CASE currency WHEN 'EUR' THEN 1 ELSE per_eur END, 0.3) AS least, coalesce(CASE currency WHEN 'EUR' THEN 1 ELSE per_eur END, 2000) AS most
    FROM rate, (SELECT max(c.per_eur) AS per_eur FROM meta.currency AS c, rate WHERE upper(c.currency) = rate.currency)
    WHERE length(currency) = 3
),
quote AS (
    SELECT 'commodity, ' || c.site || ' / ' || c.commodity || ', price' AS place, 'MWh' AS per,
        CASE WHEN s.profile IS NULL THEN c.price ELSE coalesce(c.price, 1) * s.total / s.n END AS value
    FROM temp.commodity AS c
    LEFT JOIN temp.series AS s ON s.profile = c.price_profile
    UNION ALL
    SELECT 'commodity, ' || c.site || ' / ' || c.commodity || ', sale_price', 'MWh',
        CASE WHEN s.profile IS NULL THEN c.sale_price ELSE coalesce(c.sale_price, 1) * s.total / s.n END
    FROM temp.commodity AS c
    LEFT JOIN temp.series AS s ON s.profile = c.sale_profile
    UNION ALL
    SELECT 'emission, ' || site || ' / ' || emission || ', price', 't', price FROM temp.emission
)
SELECT q.place, format('{:,.4g} {}/{} is {}', max(q.value), any_value(m.currency), any_value(q.per),
    CASE WHEN max(q.value / m.least) < 1 THEN CASE any_value(q.per) WHEN 't' THEN 'little: is it per kg?' ELSE 'little: is it per kWh?' END
        ELSE 'more than 2,000 EUR/' || any_value(q.per) || '.' END)
FROM quote AS q, money AS m
WHERE q.value > 2000 * m.most OR q.value > 0 AND q.value < 0.5 * m.least
GROUP BY q.place;

-- warning sale-above-purchase [commodity.sold]: a commodity is sold for more than it is bought for at the same place and hour, so that buying
-- and selling at once earns without end, unless something bounds it
WITH quote AS (
    SELECT DISTINCT site, commodity, price_profile, sale_profile, max_mw IS NULL AND max_mwh IS NULL AND sale_max_mw IS NULL AND sale_max_mwh IS NULL AS endless,
        coalesce(price, CASE WHEN price_profile IS NULL THEN 0 ELSE 1 END) AS p,
        coalesce(sale_price, CASE WHEN sale_profile IS NULL THEN 0 ELSE 1 END) AS s
    FROM temp.commodity
    WHERE bought AND sold
),
hourly AS (
    SELECT q.price_profile, q.sale_profile, q.p, q.s, max(q.s * b.value - q.p * a.value) AS gain
    FROM (SELECT DISTINCT price_profile, sale_profile, p, s FROM quote WHERE price_profile <> sale_profile) AS q
    JOIN temp.series AS sa ON sa.profile = q.price_profile
    JOIN temp.series AS sb ON sb.profile = q.sale_profile
    JOIN meta.series_value AS a ON a.series = sa.series
    JOIN meta.series_value AS b ON b.series = sb.series AND b.t = a.t
    GROUP BY ALL
),
earned AS (
    SELECT q.*, CASE
        WHEN q.price_profile <> q.sale_profile THEN h.gain
        WHEN q.price_profile = q.sale_profile THEN greatest((q.s - q.p) * x.high, (q.s - q.p) * x.low)
        ELSE greatest(q.s * coalesce(y.high, 1), q.s * coalesce(y.low, 1)) - least(q.p * coalesce(x.high, 1), q.p * coalesce(x.low, 1))
    END AS gain
    FROM quote AS q
    LEFT JOIN hourly AS h ON h.price_profile = q.price_profile AND h.sale_profile = q.sale_profile AND h.p = q.p AND h.s = q.s
    LEFT JOIN temp.series AS x ON x.profile = q.price_profile
    LEFT JOIN temp.series AS y ON y.profile = q.sale_profile
)
SELECT 'commodity, ' || site || ' / ' || commodity || ', sale_price',
    format('sale_price{} is up to {:,.4g} per MWh above price{}: buying and selling it at once earns that{}.',
        coalesce(' (profile ' || any_value(sale_profile) || ')', format(' {:g}', max_by(s, gain))), max(gain),
        coalesce(' (profile ' || any_value(price_profile) || ')', format(' {:g}', max_by(p, gain))),
        CASE WHEN bool_or(endless) THEN ' without end, so the model has no finite optimum' ELSE '' END)
FROM earned
WHERE gain > 1e-6
GROUP BY site, commodity;

-- warning endless-profit [commodity.sold]: a technology without a limit earns more than it costs from what it buys and sells without limit, so
-- that the more is built the better: sales, less fuel, emissions, operation and annuity, at full load all year and at mean prices
WITH co2 AS (
    SELECT x.site, x.commodity, x.year, sum(x.t_per_mwh * e.price) AS money
    FROM temp.commodity_emission AS x
    JOIN temp.emission AS e ON e.site = x.site AND e.emission = x.emission AND e.year IS NOT DISTINCT FROM x.year
    GROUP BY ALL
),
quote AS (
    SELECT c.site, c.commodity, c.year,
        CASE WHEN c.bought AND c.max_mw IS NULL AND c.max_mwh IS NULL
            THEN coalesce(c.price, CASE WHEN x.profile IS NULL THEN 0 ELSE 1 END) * coalesce(x.total / x.n, 1) + coalesce(co2.money, 0) END AS cost,
        CASE WHEN c.sold AND c.sale_max_mw IS NULL AND c.sale_max_mwh IS NULL
            THEN coalesce(c.sale_price, CASE WHEN y.profile IS NULL THEN 0 ELSE 1 END) * coalesce(y.total / y.n, 1)
            WHEN c.dump_cost IS NOT NULL THEN -c.dump_cost
            WHEN c.balance IN ('none', 'surplus') THEN 0 END AS income
    FROM temp.commodity AS c
    LEFT JOIN temp.series AS x ON x.profile = c.price_profile
    LEFT JOIN temp.series AS y ON y.profile = c.sale_profile
    LEFT JOIN co2 ON co2.site = c.site AND co2.commodity = c.commodity AND co2.year IS NOT DISTINCT FROM c.year
),
mode AS (
    SELECT f.site, f.process, f.mode, f.year,
        sum(CASE f.direction WHEN 'out' THEN f.ratio * q.income ELSE -f.ratio * q.cost END) AS margin,
        string_agg(f.commodity, ', ') FILTER (f.direction = 'in') AS bought,
        string_agg(f.commodity, ', ') FILTER (f.direction = 'out' AND q.income > 0) AS sold
    FROM temp.process_flow AS f
    LEFT JOIN quote AS q ON q.site = f.site AND q.commodity = f.commodity AND q.year IS NOT DISTINCT FROM f.year
    GROUP BY f.site, f.process, f.mode, f.year
    HAVING bool_and(CASE f.direction WHEN 'out' THEN q.income IS NOT NULL ELSE q.cost IS NOT NULL END) AND sold IS NOT NULL
),
emitted AS (
    SELECT x.site, x.process, x.mode, x.year, sum(x.t_per_mwh * e.price) AS money
    FROM temp.process_emission AS x
    JOIN temp.emission AS e ON e.site = x.site AND e.emission = x.emission AND e.year IS NOT DISTINCT FROM x.year
    GROUP BY ALL
),
earned AS (
    SELECT m.*, (m.margin - coalesce(v.variable, 0) - coalesce(d.money, 0)) * 8760 * coalesce(p.annual_avail, 1) * coalesce(a.total / a.n, 1)
        - coalesce(p.fixed, 0) - coalesce(p.capital, 0) * CASE WHEN coalesce(p.wacc, 0.05) = 0 THEN 1 / coalesce(p.life, 10000)
            ELSE coalesce(p.wacc, 0.05) / (1 - (1 + coalesce(p.wacc, 0.05)) ** -coalesce(p.life, 10000)) END AS yearly
    FROM mode AS m
    JOIN temp.process AS p ON p.site = m.site AND p.process = m.process AND p.year IS NOT DISTINCT FROM m.year
    LEFT JOIN temp.process_mode AS v ON v.site = m.site AND v.process = m.process AND v.mode = m.mode AND v.year IS NOT DISTINCT FROM m.year
    LEFT JOIN emitted AS d ON d.site = m.site AND d.process = m.process AND d.mode = m.mode AND d.year IS NOT DISTINCT FROM m.year
    LEFT JOIN temp.series AS a ON a.profile = p.avail_profile
    WHERE p.cap_max IS NULL AND p.new_max IS NULL AND p.heat_source IS NULL AND p.lift_efficiency IS NULL AND v.act_max_mwh IS NULL
)
SELECT 'process, ' || site || ' / ' || process,
    format('each MW earns {:,.0f} a year by selling {}{}, and nothing limits it.', max(yearly), any_value(sold), coalesce(' and buying ' || any_value(bought), ''))
FROM earned
WHERE yearly > 0
GROUP BY site, process;

-- warning loss-share [network_temperature, storage, transmission]: a network loses more than 40 % of its heat, where the worst German
-- ones lose about 35 %; a store more than 5 % of its content in an hour, where a small tank loses some 1 % in a day; a line more than 40 %
SELECT DISTINCT 'network_temperature, ' || site || ', loss_share', format('{:.0f} % of the heat is lost.', 100 * loss_share)
FROM temp.network_temperature
WHERE loss_share > 0.4
UNION ALL
SELECT DISTINCT 'storage, ' || site || ' / ' || storage || ', loss', format('{:.0f} % of the content is lost in an hour: is it per day?', 100 * loss)
FROM temp.storage
WHERE loss > 0.05
UNION ALL
SELECT DISTINCT 'transmission, ' || concat_ws(' / ', site_from, site_to, line, commodity) || ', eff', format('{:.0f} % is lost on the way.', 100 - 100 * eff)
FROM temp.transmission
WHERE eff < 0.6;

-- warning diameter [network_pipe, pipe_type]: a pipe wider than 1.2 m inside, the largest that is sold with insulation, or
-- narrower than 1 cm
SELECT name || ', ' || key || ', diameter_m',
    CASE WHEN m > 1.2 THEN format('{:g} m is wider than 1.2 m.', m) ELSE format('{:g} m is narrower than 1 cm.', m) END
FROM (
    SELECT 'network_pipe' AS name, pipe AS key, diameter_m AS m FROM temp.network_pipe
    UNION ALL
    SELECT 'pipe_type', pipe_type, diameter_m FROM temp.pipe_type
)
WHERE m > 1.2 OR m > 0 AND m < 0.01;

-- warning full-load-hours [heat_source, building_demand]: more full-load hours than a year has, or less than 10, as of a capacity in kW
-- that is read as MW
SELECT 'heat_source, ' || heat_source || ', annual_mwh',
    format('{:,.6g} MWh from {:g} MW are {:,.8g} full-load hours.', annual_mwh, capacity_mw, round(annual_mwh / capacity_mw, 1))
FROM temp.heat_source
WHERE capacity_mw > 0 AND (annual_mwh > 8784 * capacity_mw OR annual_mwh > 0 AND annual_mwh < 10 * capacity_mw)
UNION ALL
SELECT DISTINCT 'building_demand, ' || building || ', peak_mw',
    format('{:,.6g} MWh at a peak of {:g} MW are {:,.8g} full-load hours.', mwh, peak_mw, round(mwh / peak_mw, 1))
FROM (SELECT building, peak_mw, coalesce(space_heat_mwh, 0) + coalesce(hot_water_mwh, 0) AS mwh FROM temp.building_demand)
WHERE peak_mw > 0 AND (mwh > 8784 * peak_mw OR mwh > 0 AND mwh < 10 * peak_mw);

-- warning specific-heat [building_demand]: a building needs more than 1,000 kWh/m2 a year, where old ones need some 250, or less than 1
SELECT 'building_demand, ' || d.building, format('{:,.8g} kWh/m2 a year. Is its demand in {}?', round(max(1000 * d.mwh / b.floor_area_m2), 2),
    CASE WHEN max(d.mwh / b.floor_area_m2) > 1 THEN 'kWh' ELSE 'GWh' END)
FROM (SELECT building, coalesce(space_heat_mwh, 0) + coalesce(hot_water_mwh, 0) AS mwh FROM temp.building_demand) AS d
JOIN temp.building AS b ON b.building = d.building
WHERE b.floor_area_m2 > 0 AND (d.mwh > b.floor_area_m2 OR d.mwh > 0 AND 1000 * d.mwh < b.floor_area_m2)
GROUP BY d.building;

-- warning specific-peak [building_demand]: a building's peak is above 1,000 W/m2, where badly insulated ones reach some 150
SELECT 'building_demand, ' || d.building || ', peak_mw',
    format('{:g} MW for {:,.6g} m2 are {:,.0f} W/m2: is it kW?', max(d.peak_mw), any_value(b.floor_area_m2), max(1e6 * d.peak_mw / b.floor_area_m2))
FROM temp.building_demand AS d
JOIN temp.building AS b ON b.building = d.building
WHERE b.floor_area_m2 > 0 AND 1000 * d.peak_mw > b.floor_area_m2
GROUP BY d.building;

-- warning capacity-unit [heat_source]: kW read as MW: a capacity some 1000 times that of its peers (300 to 3,000 times the median of
-- three or more of its kind), or too large for its kind. Largest of a kind: a data centre of 200 MW, waste-water heat pumps of
-- 250 MW (Stockholm's Hammarbyverket has 225 MW in seven units), of other kinds but plants 100 MW.
WITH largest(kind, mw) AS (
    VALUES ('supermarket', 2.0::DOUBLE), ('ice_rink', 5), ('metro_station', 10), ('data_centre', 200), ('waste_water', 250), ('industry', 500)
),
peer AS (
    SELECT kind, median(capacity_mw) AS mw FROM temp.heat_source WHERE capacity_mw > 0 GROUP BY kind HAVING count(*) > 2
)
SELECT 'heat_source, ' || h.heat_source || ', capacity_mw',
    CASE
        WHEN h.capacity_mw > g.mw THEN format('{:g} MW is more than a {} gives ({:g} MW): is it kW?', h.capacity_mw, h.kind, g.mw)
        WHEN h.capacity_mw / p.mw BETWEEN 300 AND 3000
        THEN format('{:g} MW is {:,.0f} times that of its peers ({}): is it kW?', h.capacity_mw, h.capacity_mw / p.mw, h.kind)
        WHEN p.mw / h.capacity_mw BETWEEN 300 AND 3000
        THEN format('{:g} MW is a {:,.0f}th of that of its peers ({}): were the others in kW?', h.capacity_mw, p.mw / h.capacity_mw, h.kind)
        ELSE format('{:g} MW is much for a heat source: is it kW?', h.capacity_mw)
    END
FROM temp.heat_source AS h
LEFT JOIN largest AS g ON g.kind = h.kind
LEFT JOIN peer AS p ON p.kind = h.kind
WHERE h.capacity_mw > 0 AND (
    h.capacity_mw > g.mw OR h.capacity_mw / p.mw BETWEEN 300 AND 3000 OR p.mw / h.capacity_mw BETWEEN 300 AND 3000
    OR g.mw IS NULL AND h.capacity_mw > 100 AND coalesce(h.kind, '') <> 'plant'
);

-- warning capacity-unit [process, storage]: kW read as MW: a capacity some 1000 times (300 to 3,000) the median of the same technology at
-- three or more sites, or of three or more others that give the same commodity at the site, heat sources apart; one that stands and is
-- more than 100 times the peak of what it provides; a store that is charged in less than 6 minutes or more than a year
WITH size AS (
    SELECT 'process' AS name, site, process AS unit, heat_source IS NULL AS own, unnest([
        {cell: 'existing_mw', mw: max(existing_mw)}, {cell: 'cap_max', mw: max(cap_max)}, {cell: 'new_max', mw: max(new_max)}
    ]) AS c
    FROM temp.process
    GROUP BY ALL
    UNION ALL
    SELECT 'storage', site, storage, FALSE, unnest([
        {cell: 'e_existing', mw: max(e_existing)}, {cell: 'p_existing', mw: max(p_existing)}, {cell: 'e_cap_max', mw: max(e_cap_max)},
        {cell: 'p_cap_max', mw: max(p_cap_max)}
    ])
    FROM temp.storage
    GROUP BY ALL
),
stands AS (
    SELECT name, site, unit, own, c.cell AS cell, c.mw AS mw FROM size WHERE c.mw > 0 AND c.mw NOT IN (9999, 99999, 999999) AND c.mw < 1e6
),
elsewhere AS (
    SELECT name, unit, cell, median(mw) AS mw FROM stands GROUP BY name, unit, cell HAVING count(*) > 2
),
given AS (
    SELECT DISTINCT s.site, s.unit, s.cell, s.mw, f.commodity
    FROM stands AS s
    JOIN temp.process_flow AS f ON f.site = s.site AND f.process = s.unit AND f.direction = 'out'
    WHERE s.name = 'process' AND s.own
),
beside AS (
    SELECT site, commodity, cell, median(mw) AS mw FROM given GROUP BY site, commodity, cell HAVING count(*) > 3
),
peak AS (
    SELECT d.site, d.commodity, max(CASE
        WHEN d.mwh IS NULL THEN s.high
        WHEN s.total > 0 THEN d.mwh * s.high / (s.total * s.step_h)
        ELSE d.mwh / 8760
    END) AS mw
    FROM temp.demand AS d
    LEFT JOIN temp.series AS s ON s.profile = d.profile
    WHERE d.timing = 'slice'
    GROUP BY d.site, d.commodity
),
found AS (
    SELECT s.name, s.site, s.unit, s.cell, 1 AS nth,
        format('{:g} is {:,.0f} times that of {} at other sites: is it {}?', s.mw, s.mw / e.mw, s.unit, CASE WHEN s.cell LIKE 'e_%' AND s.name = 'storage' THEN 'kWh' ELSE 'kW' END) AS message
    FROM stands AS s
    JOIN elsewhere AS e ON e.name = s.name AND e.unit = s.unit AND e.cell = s.cell
    WHERE s.mw / e.mw BETWEEN 300 AND 3000
    UNION ALL
    SELECT 'process', g.site, g.unit, g.cell, 2, format('{:g} is {:,.0f} times that of others that give {} there: is it kW?', g.mw, g.mw / b.mw, g.commodity)
    FROM given AS g
    JOIN beside AS b ON b.site = g.site AND b.commodity = g.commodity AND b.cell = g.cell
    WHERE g.mw / b.mw BETWEEN 300 AND 3000
    UNION ALL
    SELECT 'process', g.site, g.unit, g.cell, 3, format('{:g} is {:,.0f} times the peak of {} there ({:,.3g} MW): is it kW?', g.mw, g.mw / p.mw, g.commodity, p.mw)
    FROM given AS g
    JOIN peak AS p ON p.site = g.site AND p.commodity = g.commodity
    WHERE g.cell = 'existing_mw' AND p.mw > 0 AND g.mw > 100 * p.mw
    UNION ALL
    SELECT 'storage', site, storage, 'p_existing', 4, format('{:g} MW charge {:g} MWh in {:.2g} h: are both MW and MWh?', p_existing, e_existing, e_existing / p_existing)
    FROM temp.storage
    WHERE p_existing > 0 AND e_existing > 0 AND e_existing / p_existing NOT BETWEEN 0.1 AND 8784
)
SELECT name || ', ' || site || ' / ' || unit || ', ' || cell, min_by(message, nth)
FROM found
GROUP BY name, site, unit, cell;

-- warning energy-unit [demand]: kWh read as MWh: a demand some 1000 times (300 to 3,000) the median of the same commodity
-- at three or more sites; ten or more buildings that need more than 300 times their site's own demand; a demand some 1000 times what its
-- profile in MW adds up to, or a thousandth
WITH own AS (
    SELECT site, commodity, max(mwh) AS mwh FROM temp.demand WHERE mwh > 0 GROUP BY site, commodity
),
peer AS (
    SELECT commodity, median(mwh) AS mwh FROM own GROUP BY commodity HAVING count(*) > 2
),
built AS (
    SELECT site, max(mwh) AS mwh
    FROM (
        SELECT coalesce(b.site, (SELECT min(site) FROM temp.site HAVING count(*) = 1)) AS site, d.year, count(*) AS n,
            sum(coalesce(d.space_heat_mwh, 0) + coalesce(d.hot_water_mwh, 0)) AS mwh
        FROM temp.building_demand AS d
        JOIN temp.building AS b ON b.building = d.building
        GROUP BY ALL
    )
    WHERE n >= 10
    GROUP BY site
)
SELECT 'demand, ' || o.site || ' / ' || o.commodity || ', mwh', format('{:,.6g} MWh is {:,.0f} times that of other sites: is it kWh?', o.mwh, o.mwh / p.mwh)
FROM own AS o
JOIN peer AS p ON p.commodity = o.commodity
WHERE o.mwh / p.mwh BETWEEN 300 AND 3000
UNION ALL
SELECT 'building_demand, ' || o.site, format('the buildings need {:,.0f} times the {:,.6g} MWh of the site''s own demand: is it kWh?', b.mwh / o.mwh, o.mwh)
FROM own AS o
JOIN built AS b ON b.site = o.site
WHERE o.commodity = 'heat' AND b.mwh > 300 * o.mwh
UNION ALL
SELECT DISTINCT 'demand, ' || d.site || ' / ' || d.commodity || ', mwh',
    format('{:,.6g} MWh, but profile ''{}'' adds up to {:,.6g} MWh: are both in the same unit?', d.mwh, s.profile, s.total * s.step_h)
FROM temp.demand AS d
JOIN temp.series AS s ON s.profile = d.profile
WHERE s.kind = 'power' AND s.total > 0 AND d.mwh > 0
    AND (d.mwh / (s.total * s.step_h) BETWEEN 300 AND 3000 OR s.total * s.step_h / d.mwh BETWEEN 300 AND 3000);

-- warning demand-twice [demand]: a site has a demand for heat of its own and ten or more buildings that need about as much (half to
-- twice): both are supplied
SELECT 'demand, ' || o.site || ' / heat', format('{:,.6g} MWh, and its {} buildings need {:,.6g} MWh: both count.', o.mwh, b.n, b.mwh)
FROM (SELECT site, max(mwh) AS mwh FROM temp.demand WHERE commodity = 'heat' AND mwh > 0 GROUP BY site) AS o
JOIN (
    SELECT site, max(mwh) AS mwh, max(n) AS n
    FROM (
        SELECT coalesce(b.site, (SELECT min(site) FROM temp.site HAVING count(*) = 1)) AS site, d.year, count(*) AS n,
            sum(coalesce(d.space_heat_mwh, 0) + coalesce(d.hot_water_mwh, 0)) AS mwh
        FROM temp.building_demand AS d
        JOIN temp.building AS b ON b.building = d.building
        GROUP BY ALL
    )
    WHERE n >= 10
    GROUP BY site
) AS b ON b.site = o.site
WHERE b.mwh / o.mwh BETWEEN 0.5 AND 2;

-- warning peak-above-capacity [process_flow]: the largest demand is above all that can stand by then. A commodity that is bought, stored or
-- carried there, or made by a process without a limit, is left out. Of buildings those that share a profile count together.
WITH peak AS (
    SELECT site, commodity, year, max(mw) AS mw
    FROM (
        SELECT d.site, 'heat' AS commodity, d.year, d.mwh * coalesce(s.high / nullif(s.total * s.step_h, 0), 1 / 8760) AS mw
        FROM (
            SELECT coalesce(b.site, (SELECT min(site) FROM temp.site HAVING count(*) = 1)) AS site, d.profile, d.year,
                sum(coalesce(d.space_heat_mwh, 0) + coalesce(d.hot_water_mwh, 0)) AS mwh
            FROM temp.building_demand AS d
            JOIN temp.building AS b ON b.building = d.building
            GROUP BY ALL
        ) AS d
        LEFT JOIN temp.series AS s ON s.profile = d.profile
        UNION ALL
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

-- warning linear-heat-density [network_pipe]: the network carries less than 0.2 or more than 40 MWh per metre of trench a year; networks that
-- pay carry 1 to 5, the cores of large cities some 20
SELECT 'network_pipe, ' || n.site, format('{:,.0f} MWh over {:,.0f} m are {:.3g} MWh/m a year.', d.mwh, n.m, d.mwh / n.m)
FROM (SELECT site, sum(trench_m) AS m FROM temp.network_pipe GROUP BY site) AS n
JOIN (
    SELECT site, max(mwh) AS mwh
    FROM (SELECT site, year, sum(mwh) AS mwh FROM temp.demand WHERE commodity = 'heat' GROUP BY ALL)
    GROUP BY site
) AS d ON d.site = n.site
WHERE n.m > 0 AND d.mwh / n.m NOT BETWEEN 0.2 AND 40;

-- warning emission-factor [commodity_emission, process_emission]: more than 1.5 t/MWh, or CO2 of less than 0.002 t/MWh; lignite emits
-- 0.4 t CO2, gas 0.2
SELECT name || ', ' || key, format('{:g} t/MWh: is it {}?', max_by(t, abs(t)), CASE WHEN max(abs(t)) > 1.5 THEN 'kg or g' ELSE 't/kWh' END)
FROM (
    SELECT 'commodity_emission' AS name, concat_ws(' / ', site, commodity, emission) AS key, emission, t_per_mwh AS t FROM temp.commodity_emission
    UNION ALL
    SELECT 'process_emission', concat_ws(' / ', site, process, mode, emission), emission, t_per_mwh FROM temp.process_emission
)
WHERE abs(t) > 1.5 OR t <> 0 AND abs(t) < 0.002 AND regexp_matches(emission, '^co2', 'i')
GROUP BY name, key;

-- warning rate [site, process]: a discount rate or cost of capital above 30 % a year
SELECT DISTINCT 'site, ' || site || ', discount_rate', format('{:.0f} % a year: is it in percent?', 100 * discount_rate)
FROM temp.site
WHERE discount_rate > 0.3
UNION ALL
SELECT DISTINCT 'process, ' || site || ' / ' || process || ', wacc', format('{:.0f} % a year: is it in percent?', 100 * wacc)
FROM temp.process
WHERE wacc > 0.3;
