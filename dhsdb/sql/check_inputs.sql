-- Rules on the effective inputs of one scenario. Each statement returns location and message of what breaks its rule; the
-- comment before it names severity (several: the first unless the statement says another), code and, in brackets, the tables
-- one of which must hold rows for it to find anything. temp.TABLE holds the effective rows of an input table, temp.series its profiles
-- with the head of their series, temp.level the layers of its stack.

-- warning no-model-year [process, demand, heat_source]: there is something to model, but no model year
SELECT 'model_year' AS location, 'the scenario has no model year, so it can''t be run.' AS message
WHERE NOT EXISTS (FROM temp.model_year) AND (EXISTS (FROM temp.process) OR EXISTS (FROM temp.demand) OR EXISTS (FROM temp.heat_source));

-- warning missing-year [model_year]: a key has rows for some model years and not for others
WITH model AS (
    SELECT list(DISTINCT year ORDER BY year) AS years FROM temp.model_year
),
gap AS (
    SELECT k.name, k.key, list_filter(any_value(m.years), lambda y: NOT list_contains(list(k.year), y)) AS years,
        any_value(len(m.years)) AS n
    FROM temp.key_year AS k, model AS m
    GROUP BY k.name, k.key
)
SELECT name, format('{} of {} keys have no row for {}, though for other years: {}{}', count(*), any_value(n_keys),
    array_to_string(years, ', '), array_to_string(list(key ORDER BY key)[:3], '; '),
    CASE WHEN count(*) > 3 THEN ' ...' ELSE '' END)
FROM (SELECT *, count(*) OVER (PARTITION BY name) AS n_keys FROM gap)
WHERE len(years) BETWEEN 1 AND n - 1
GROUP BY name, years
ORDER BY name, years;

-- warning year-not-modelled [model_year]: rows for a year that is no model year
SELECT name, format('{} rows are for {}, which is no model year: they are not used.', count(*), year)
FROM temp.key_year AS k
WHERE year IS NOT NULL AND EXISTS (FROM temp.model_year) AND NOT EXISTS (FROM temp.model_year AS m WHERE m.year = k.year)
GROUP BY name, year
ORDER BY name, year;

-- error mixed-crs: layers of the stack hold geometries in several coordinate systems
SELECT 'layer ' || string_agg(s.name, ', ' ORDER BY s.name), 'geometries are in ' || string_agg(DISTINCT 'EPSG:' || s.epsg, ', ') || '.'
FROM temp.level AS l
JOIN meta.scenario AS s ON s.scenario = l.layer
WHERE s.epsg IS NOT NULL
HAVING count(DISTINCT s.epsg) > 1;

-- error profile-without-values: a profile names no series that the store holds
SELECT 'profile, ' || p.profile,
    CASE WHEN p.sha256 IS NULL THEN 'it has no series.' ELSE 'the store holds no series of hash ' || p.sha256[:12] || '.' END
FROM temp.profile AS p
LEFT JOIN meta.series AS s ON s.sha256 = p.sha256
WHERE s.sha256 IS NULL;

-- warning profile-length [profile]: a series covers neither a year nor the scenario's own time slices
WITH slices AS (
    SELECT count(DISTINCT t) AS n FROM temp.time_slice
)
SELECT 'profile, ' || s.profile, format('it has {} steps of {:g} h, which is neither 8760 h nor 8784 h{}.', s.n, s.step_h,
    CASE WHEN slices.n > 0 THEN format(' nor the {} time slices', slices.n) ELSE '' END)
FROM temp.series AS s, slices
WHERE s.n * s.step_h NOT IN (8760, 8784) AND s.n <> slices.n;

-- warning leap-year [profile]: series with and without the leap day stand side by side, one of 8784 h says that it has no leap
-- day, or one of the standard calendar is not as long as the year that it starts in or as any model year
SELECT 'profile', format('{} series have 8784 h and {} have 8760 h: the same hour is another day after February.',
    count(*) FILTER (n * step_h = 8784), count(*) FILTER (n * step_h = 8760))
FROM temp.series
HAVING count(*) FILTER (n * step_h = 8784) > 0 AND count(*) FILTER (n * step_h = 8760) > 0
UNION ALL
SELECT CASE count(*) WHEN 1 THEN 'profile, ' || min(profile) ELSE 'profile' END, CASE count(*) WHEN 1 THEN message
    ELSE format('{} profiles ({}{}) alike: {}', count(*), array_to_string(list(profile ORDER BY profile)[:3], ', '),
        CASE WHEN count(*) > 3 THEN ', ...' ELSE '' END, message)
END
FROM (
    SELECT profile, 'it has 8784 h, but its calendar is noleap.' AS message
    FROM temp.series
    WHERE n * step_h = 8784 AND calendar = 'noleap'
    UNION ALL
    SELECT s.profile, CASE
        WHEN s.whole <> s.starting THEN format('it starts in {}, which has {} h, but it has {:g} h.', left(s.start, 4), s.starting::INTEGER, s.whole)
        ELSE format('it has {:g} h, but no model year does ({}): the days after February are shifted by one.', s.whole, m.years)
    END
    FROM (
        SELECT *, n * step_h AS whole, CASE
            WHEN NOT regexp_matches(start, '^\d{4}-01-01') THEN n * step_h
            WHEN left(start, 4)::INTEGER % 4 = 0 AND (left(start, 4)::INTEGER % 100 <> 0 OR left(start, 4)::INTEGER % 400 = 0) THEN 8784
            ELSE 8760
        END AS starting
        FROM temp.series
        WHERE calendar = 'standard' AND n * step_h IN (8760, 8784)
    ) AS s, (
        SELECT string_agg(DISTINCT year, ', ' ORDER BY year) AS years,
            list(CASE WHEN year % 4 = 0 AND (year % 100 <> 0 OR year % 400 = 0) THEN 8784 ELSE 8760 END) AS hours
        FROM temp.model_year
        WHERE year IS NOT NULL
    ) AS m
    WHERE s.whole <> s.starting OR NOT list_contains(m.hours, s.whole)
)
GROUP BY message;

-- error profile-step [profile_use]: a profile that is used has no hourly steps, but models take one value per hour
SELECT DISTINCT 'profile, ' || s.profile, format('its {} steps are {:g} h long, but one value per hour is read.', s.n, s.step_h)
FROM temp.series AS s
JOIN temp.profile_use AS u ON u.profile = s.profile
WHERE s.step_h <> 1 AND s.n <> (SELECT count(DISTINCT t) FROM temp.time_slice);

-- warning profile-unit [profile]: a profile's unit is not the one in which its kind is read: MW, money/MWh, degC, or none; a
-- price is in another currency than the scenario's; a temperature is above 150 on average and so in kelvin
WITH option AS (
    SELECT upper(coalesce(max(value) FILTER (option = 'currency'), '')) AS currency FROM temp.model_option
)
SELECT DISTINCT 'profile, ' || s.profile, CASE
    WHEN s.kind = 'temperature' AND s.total / s.n > 150 THEN format('it is {:.0f} degC on average: is it in kelvin?', s.total / s.n)
    WHEN s.kind = 'price' AND regexp_matches(s.unit, '^[A-Za-z]{3}/MWh$')
        THEN format('it is in {}, but the scenario''s currency is {}.', s.unit, o.currency)
    ELSE format('it is a {} in {}, but is read as {}.', s.kind, s.unit, CASE s.kind
        WHEN 'power' THEN 'MW' WHEN 'price' THEN 'money/MWh' WHEN 'temperature' THEN 'degC' ELSE 'a plain number' END)
END
FROM temp.series AS s, option AS o
WHERE CASE s.kind
    WHEN 'power' THEN s.unit NOT IN ('', 'MW')
    WHEN 'temperature' THEN s.unit NOT IN ('', 'degC', '°C') OR s.total / s.n > 150
    WHEN 'price' THEN NOT (
        s.unit IN ('', 'money/MWh') OR regexp_matches(s.unit, '^[A-Za-z]{3}/MWh$') AND (o.currency = '' OR upper(left(s.unit, 3)) = o.currency)
    )
    ELSE s.unit NOT IN ('', '1', '-')
END;

-- info|error share-sum [profile]: the shares of a profile do not add up to 1 within 0.1 %: a demand is scaled so that its own
-- amount is met; an error where they add up to nothing, so that there is nothing to scale
SELECT DISTINCT 'profile, ' || s.profile,
    CASE WHEN s.total > 0 THEN format('its shares add up to {:.4g}; they are scaled to 1.', s.total)
        ELSE format('its shares add up to {:.4g}, so a demand can''t be spread by them.', s.total)
    END,
    CASE WHEN s.total > 0 THEN 'info' ELSE 'error' END
FROM temp.series AS s
JOIN temp.profile_use AS u ON u.profile = s.profile
WHERE s.kind = 'share' AND abs(s.total - 1) > 0.001;

-- warning years-stand-for [model_year]: a model year stands for fewer or more calendar years than lie before the next one
SELECT 'model_year, ' || year, CASE
    WHEN stands_for = 0 THEN 'it stands for no year, so what it costs counts nothing.'
    ELSE format('it stands for {:g} years, but the next model year is {}: {:.0f} years {}.', stands_for, next,
        abs(next - year - stands_for)::DOUBLE, CASE WHEN year + stands_for < next THEN 'count nothing' ELSE 'count twice' END)
END
FROM (SELECT year, stands_for, lead(year) OVER (ORDER BY year) AS next FROM temp.model_year WHERE year IS NOT NULL)
WHERE stands_for = 0 OR year + stands_for <> next;

-- warning|info sign [demand, process, process_mode, process_flow, commodity, emission, storage, transmission]: a negative number
-- where hardly one can be meant; a negative price is only a remark, since waste is paid for being taken
WITH cell AS (
    SELECT 'demand' AS name, site || ' / ' || commodity AS key, unnest([{cell: 'mwh', value: mwh}]) AS c, 'warning' AS severity FROM temp.demand
    UNION ALL
    SELECT 'process', site || ' / ' || process, unnest([{cell: 'capital', value: capital}, {cell: 'fixed', value: fixed}]), 'warning'
    FROM temp.process
    UNION ALL
    SELECT 'process_mode', concat_ws(' / ', site, process, mode), {cell: 'variable', value: variable}, 'info' FROM temp.process_mode
    UNION ALL
    SELECT 'process_flow', concat_ws(' / ', site, process, mode, commodity, direction), {cell: 'ratio', value: ratio}, 'warning'
    FROM temp.process_flow
    UNION ALL
    SELECT 'commodity', site || ' / ' || commodity, unnest([{cell: 'price', value: price}, {cell: 'sale_price', value: sale_price}]), 'info'
    FROM temp.commodity
    UNION ALL
    SELECT 'commodity', site || ' / ' || commodity, {cell: 'voll', value: voll}, 'warning' FROM temp.commodity
    UNION ALL
    SELECT 'emission', site || ' / ' || emission, {cell: 'price', value: price}, 'warning' FROM temp.emission
    UNION ALL
    SELECT 'storage', site || ' / ' || storage, unnest([
        {cell: 'capital_e', value: capital_e}, {cell: 'capital_p', value: capital_p}, {cell: 'fixed_e', value: fixed_e}, {cell: 'fixed_p', value: fixed_p}
    ]), 'warning'
    FROM temp.storage
    UNION ALL
    SELECT 'transmission', concat_ws(' / ', site_from, site_to, line, commodity), unnest([{cell: 'capital', value: capital}, {cell: 'fixed', value: fixed}]), 'warning'
    FROM temp.transmission
)
SELECT name || ', ' || key || ', ' || c.cell, format('{:g} is negative.', min(c.value)), any_value(severity)
FROM cell
WHERE c.value < 0
GROUP BY name, key, c.cell
UNION ALL
SELECT DISTINCT concat_ws(', ', u.name, u.cell), format('profile ''{}'' of {} goes down to {:g}.', s.profile, s.kind, s.low), 'warning'
FROM temp.profile_use AS u
JOIN temp.series AS s ON s.profile = u.profile
WHERE s.low < 0 AND s.kind IN ('share', 'power', 'factor') AND u.cell NOT IN ('avail_profile', 'price_profile', 'sale_profile')
    AND u.name <> 'heat_source';

-- error demand-without-amount [demand]: a demand has neither an annual amount nor a profile, or shares of no amount
SELECT concat_ws(', ', 'demand', d.site || ' / ' || d.commodity, d.year::VARCHAR),
    CASE WHEN d.profile IS NULL THEN 'it has neither mwh nor a profile.'
        ELSE format('''{}'' are shares of the year, but mwh is not given.', d.profile)
    END
FROM temp.demand AS d
LEFT JOIN temp.series AS s ON s.profile = d.profile
WHERE d.mwh IS NULL AND (d.profile IS NULL OR s.kind = 'share');

-- warning demand-without-profile: a demand by time step has no profile, and is taken as flat
SELECT concat_ws(', ', 'demand', site || ' / ' || commodity), 'it has no profile, so every hour gets the same.'
FROM temp.demand
WHERE timing = 'slice' AND profile IS NULL AND mwh > 0
GROUP BY site, commodity
UNION ALL
SELECT 'building_demand', format('{} of {} buildings have no profile, so every hour gets the same.',
    count(DISTINCT building) FILTER (profile IS NULL), count(DISTINCT building))
FROM temp.building_demand
HAVING count(*) FILTER (profile IS NULL AND coalesce(space_heat_mwh, 0) + coalesce(hot_water_mwh, 0) > 0) > 0;

-- warning price-twice [commodity]: a price is multiplied by a profile that is a price itself
SELECT DISTINCT 'commodity, ' || c.site || ' / ' || c.commodity || ', price',
    format('it is multiplied by ''{}'', which is a price and not a factor.', s.profile)
FROM temp.commodity AS c
JOIN temp.series AS s ON s.profile = c.price_profile AND s.kind = 'price'
WHERE c.price IS NOT NULL
UNION ALL
SELECT DISTINCT 'commodity, ' || c.site || ' / ' || c.commodity || ', sale_price',
    format('it is multiplied by ''{}'', which is a price and not a factor.', s.profile)
FROM temp.commodity AS c
JOIN temp.series AS s ON s.profile = c.sale_profile AND s.kind = 'price'
WHERE c.sale_price IS NOT NULL;

-- warning availability [profile]: an availability or a share goes below 0 or above 1
SELECT DISTINCT 'process, ' || p.site || ' / ' || p.process || ', avail_profile',
    format('''{}'' runs from {:g} to {:g}, not from 0 to 1.', s.profile, s.low, s.high)
FROM temp.process AS p
JOIN temp.series AS s ON s.profile = p.avail_profile
WHERE s.low < 0 OR s.high > 1.000001
UNION ALL
SELECT 'heat_source, ' || h.heat_source || ', profile',
    format('''{}'' runs from {:g} to {:g}, not from 0 to 1.', s.profile, s.low, s.high)
FROM temp.heat_source AS h
JOIN temp.series AS s ON s.profile = h.profile
WHERE s.low < 0 OR s.high > 1.000001;

-- error limits-crossed: a least value above the greatest
WITH pair AS (
    SELECT 'process' AS name, site || ' / ' || process AS key, year, unnest([
        {what: 'cap_min above cap_max', low: cap_min, high: cap_max},
        {what: 'new_min above new_max', low: new_min, high: new_max}
    ]) AS p
    FROM temp.process
    UNION ALL
    SELECT 'storage', site || ' / ' || storage, year, unnest([
        {what: 'e_cap_min above e_cap_max', low: e_cap_min, high: e_cap_max},
        {what: 'p_cap_min above p_cap_max', low: p_cap_min, high: p_cap_max}
    ])
    FROM temp.storage
    UNION ALL
    SELECT 'transmission', concat_ws(' / ', site_from, site_to, line, commodity), year,
        {what: 'cap_min above cap_max', low: cap_min, high: cap_max}
    FROM temp.transmission
    UNION ALL
    SELECT 'network_temperature', site, year, {what: 'return_c not below supply_c', low: return_c + 1e-9, high: supply_c}
    FROM temp.network_temperature
    UNION ALL
    SELECT 'pareto_variable', variable, NULL, {what: 'low above high', low: low, high: high}
    FROM temp.pareto_variable
)
SELECT concat_ws(', ', name, key, year::VARCHAR), format('{}: {:g} and {:g}.', p.what, p.low, p.high)
FROM pair
WHERE p.low > p.high;

-- error missing-network-temperature [process]: a heat pump stands at a site whose network temperatures are not known
SELECT DISTINCT 'process, ' || p.site || ' / ' || p.process,
    'a heat pump needs the temperatures of its network: add the site to network_temperature.'
FROM temp.process AS p
WHERE p.lift_efficiency IS NOT NULL AND NOT EXISTS (FROM temp.network_temperature AS n WHERE n.site = p.site);

-- error|warning source-capacity [heat_source]: a process is fed by a heat source of unknown capacity; a warning where nothing is
-- fed by it, since geo leaves it out
SELECT DISTINCT 'heat_source, ' || h.heat_source, 'it feeds ' || p.process || ' but has no capacity_mw.', 'error'
FROM temp.process AS p
JOIN temp.heat_source AS h ON h.heat_source = p.heat_source
WHERE h.capacity_mw IS NULL
UNION ALL
SELECT 'heat_source', format('{} of {} have no capacity_mw above 0, so they are not connected.', count(*) FILTER (lacks), count(*)), 'warning'
FROM (SELECT coalesce(capacity_mw, 0) <= 0 AS lacks FROM temp.heat_source)
HAVING count(*) FILTER (lacks) > 0;

-- warning process-without-flow [process]: a technology takes nothing in and gives nothing out
SELECT DISTINCT 'process, ' || p.site || ' / ' || p.process, 'it has no row in process_flow, so it does nothing.'
FROM temp.process AS p
WHERE NOT EXISTS (FROM temp.process_flow AS f WHERE f.site = p.site AND f.process = p.process);

-- warning demand-without-supply [demand]: nothing provides a commodity that is demanded
SELECT DISTINCT 'demand, ' || d.site || ' / ' || d.commodity, 'no process, purchase, line or storage provides it there.'
FROM temp.demand AS d
WHERE NOT EXISTS (FROM temp.process_flow AS f WHERE f.site = d.site AND f.commodity = d.commodity AND f.direction = 'out')
    AND NOT EXISTS (FROM temp.commodity AS c WHERE c.site = d.site AND c.commodity = d.commodity AND c.bought)
    AND NOT EXISTS (FROM temp.transmission AS l WHERE d.site IN (l.site_from, l.site_to) AND l.commodity = d.commodity)
    AND NOT EXISTS (FROM temp.storage AS s WHERE s.site = d.site AND s.commodity = d.commodity);

-- warning limit-without-term [limit]: a limit sums nothing
SELECT DISTINCT 'limit, ' || l."limit", 'it has no row in limit_term, so it limits nothing.'
FROM temp."limit" AS l
WHERE NOT EXISTS (FROM temp.limit_term AS t WHERE t."limit" = l."limit" AND t.side = 'lhs');

-- warning limit-unit [limit]: the unit of a limit does not fit what it sums
SELECT DISTINCT 'limit, ' || l."limit" || ', unit', format('{} is limited in {}.', l.quantity, l.unit)
FROM temp."limit" AS l
WHERE l.unit IS NOT NULL AND NOT EXISTS (FROM temp.limit_term AS t WHERE t."limit" = l."limit" AND t.side = 'base')
    AND CASE l.quantity
        WHEN 'emission' THEN NOT regexp_matches(l.unit, '^(k|M)?(t|g|ton|tonne)', 'i')
        WHEN 'activity' THEN NOT regexp_matches(l.unit, '(Wh|J)', 'i')
        WHEN 'production' THEN NOT regexp_matches(l.unit, '(Wh|J)', 'i')
        WHEN 'capacity' THEN NOT regexp_matches(l.unit, 'W$', 'i')
        WHEN 'new' THEN NOT regexp_matches(l.unit, 'W$', 'i')
        WHEN 'cost' THEN regexp_matches(l.unit, '(Wh?|J|^(k|M)?(t|g|ton|tonne))$', 'i')
        ELSE FALSE
    END;

-- warning no-geometry: something that stands in space has no place
SELECT name, format('{} of {} rows have no geometry.', count(*) FILTER (NOT placed), count(*))
FROM (
    SELECT 'street' AS name, has_geometry AS placed FROM temp.street
    UNION ALL
    SELECT 'building', has_geometry FROM temp.building
    UNION ALL
    SELECT 'heat_source', has_geometry FROM temp.heat_source
    UNION ALL
    SELECT 'plant_site', has_geometry FROM temp.plant_site
    UNION ALL
    SELECT 'network_pipe', has_geometry FROM temp.network_pipe
)
GROUP BY name
HAVING count(*) FILTER (NOT placed) > 0;
