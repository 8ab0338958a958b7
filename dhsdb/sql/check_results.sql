-- Rules on the results of temp.checked_run, a run and its stage per row. Each statement returns location and message.

-- warning loss-above-capacity: a connection loses more heat than it carries, as where kW are read as MW
SELECT 'connection, ' || c.source, format('run {}: it loses {:,.4g} kW of {:,.4g} kW.', c.run, c.loss_kw, c.capacity_kw)
FROM result.connection AS c
JOIN temp.checked_run AS r ON r.run = c.run
WHERE c.loss_kw >= c.capacity_kw;

-- warning loss-share: a connection loses more than a fifth of what it carries
SELECT 'connection, ' || c.source, format('run {}: it loses {:.0f} % of {:,.4g} kW.', c.run, 100 * c.loss_kw / c.capacity_kw, c.capacity_kw)
FROM result.connection AS c
JOIN temp.checked_run AS r ON r.run = c.run
WHERE c.loss_kw > 0.2 * c.capacity_kw AND c.loss_kw < c.capacity_kw;

-- warning diameter: a pipe wider than 1.2 m inside, that of a single source wider than 1 m, or so wide for its source that the water would
-- stand still: less than 0.02 m/s at 30 K between supply and return
SELECT 'connection, ' || c.source, CASE
    WHEN c.diameter_m > 1 THEN format('run {}: its pipe is {:g} m wide.', c.run, c.diameter_m)
    ELSE format('run {}: its pipe is {:g} m wide for {:,.4g} kW: was the capacity in kW?', c.run, c.diameter_m, c.capacity_kw)
END
FROM result.connection AS c
JOIN temp.checked_run AS r ON r.run = c.run
WHERE c.diameter_m > 1 OR c.capacity_kw > 0 AND c.capacity_kw < 0.02 * 30 * 4186 * pi() / 4 * c.diameter_m ** 2
UNION ALL
SELECT 'network, ' || n.pipe, format('run {}: it is {:g} m wide.', n.run, n.diameter_m)
FROM result.network AS n
JOIN temp.checked_run AS r ON r.run = n.run
WHERE n.diameter_m > 1.2;

-- warning trench: a trench of more than three times the distance as the crow flies and 500 m more than it; streets make 1.2 to 2 times
SELECT 'connection, ' || c.source, format('run {}: its trench is {:,.0f} m long, over a distance of {:,.0f} m.', c.run, c.trench_m, c.distance_m)
FROM result.connection AS c
JOIN temp.checked_run AS r ON r.run = c.run
WHERE c.trench_m > 3 * c.distance_m AND c.trench_m > c.distance_m + 500;

-- warning cost-per-kw: a connection outside 1 to 5,000 per kW
SELECT 'connection, ' || c.source, format('run {}: it costs {:,.4g} per kW.', c.run, c.cost_per_kw)
FROM result.connection AS c
JOIN temp.checked_run AS r ON r.run = c.run
WHERE c.cost_per_kw NOT BETWEEN 1 AND 5000;

-- warning full-load-hours: more full-load hours than a year has
SELECT 'energy, ' || concat_ws(' / ', i.site, i.technology, i.commodity),
    format('run {}, {}: {:,.0f} full-load hours.', e.run, e.year, e.full_load_hours)
FROM result.energy AS e
JOIN temp.checked_run AS r ON r.run = e.run
JOIN result.item AS i ON i.item = e.item
WHERE e.full_load_hours > 8785 AND i.direction = 'out';

-- warning unserved: heat was not served
SELECT 'unserved, ' || concat_ws(' / ', i.site, i.commodity),
    format('run {}, {}: {:,.4g} MWh in {} steps were not served.', u.run, u.year, sum(u.mwh), count(*))
FROM result.unserved AS u
JOIN temp.checked_run AS r ON r.run = u.run
JOIN result.item AS i ON i.item = u.item
WHERE u.mwh > 0
GROUP BY u.run, u.year, i.site, i.commodity
HAVING sum(u.mwh) > 0.001;

-- warning linear-heat-density: a grid that carries less than 0.2 or more than 40 MWh per metre of trench a year; a connection that
-- would carry less than 0.2 even at full load all year
SELECT 'connection, ' || c.source,
    format('run {}: {:,.4g} kW over {:,.0f} m are {:.3g} MWh/m a year at most.', c.run, c.capacity_kw, c.trench_m, 8.76 * c.capacity_kw / c.trench_m)
FROM result.connection AS c
JOIN temp.checked_run AS r ON r.run = c.run
WHERE c.trench_m > 0 AND 8.76 * c.capacity_kw < 0.2 * c.trench_m
UNION ALL
SELECT 'grid_curve, ' || g.method,
    format('run {}: {:,.0f} MWh over {:,.0f} m are {:.3g} MWh/m a year.', g.run, g.heat_mwh, g.trench_m, g.heat_mwh / g.trench_m)
FROM result.grid_curve AS g
JOIN temp.checked_run AS r ON r.run = g.run
WHERE g.trench_m > 0 AND g.heat_mwh / g.trench_m NOT BETWEEN 0.2 AND 40
QUALIFY row_number() OVER (PARTITION BY g.run, g.method, g.year ORDER BY g.step DESC) = 1
UNION ALL
SELECT 'network', format('run {}: {:,.0f} MWh over {:,.0f} m are {:.3g} MWh/m a year.', n.run, b.mwh, n.m, b.mwh / n.m)
FROM (SELECT n.run, sum(n.trench_m) AS m FROM result.network AS n JOIN temp.checked_run AS r ON r.run = n.run GROUP BY n.run) AS n
JOIN (
    SELECT run, max(mwh) AS mwh
    FROM (
        SELECT s.run, s.year, sum(s.mwh) AS mwh
        FROM result.building_supply AS s
        JOIN temp.checked_run AS r ON r.run = s.run
        WHERE s.grid
        GROUP BY ALL
    )
    GROUP BY run
) AS b ON b.run = n.run
WHERE n.m > 0 AND b.mwh / n.m NOT BETWEEN 0.2 AND 40;
