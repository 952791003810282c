-- Conditions that a device (d) meets, and the devices that meet them. {matches} is a condition on a profile (p).
-- {own_within} and {bound_within} narrow what is looked at to the devices of a page.
--
-- Sets of devices are tested as (... IN (...)) IS TRUE, which the planner makes a hash table of, built once and probed
-- for each device. As a join it took up to three times as long, for it cannot estimate how many devices match.

-- matching --
-- Condition: the device's own profile matches, or that of the user who is bound to it.
(d.id IN (
    SELECT p.device_id FROM pushcore_audienceprofile p
    WHERE p.workspace_id = %(workspace)s AND p.device_id IS NOT NULL {own_within} AND {matches}
    UNION ALL
    SELECT b.device_id FROM pushcore_binding b
    JOIN pushcore_audienceprofile p
        ON p.workspace_id = b.workspace_id AND p.user_id = b.user_id AND p.device_id IS NULL
    WHERE b.workspace_id = %(workspace)s AND b.unbound_at IS NULL {bound_within} AND {matches}
)) IS TRUE

-- bound --
-- Condition: a user is bound to the device.
(d.id IN (
    SELECT b.device_id FROM pushcore_binding b
    WHERE b.workspace_id = %(workspace)s AND b.unbound_at IS NULL {bound_within}
)) IS TRUE

-- version --
-- Condition: the app's version compares so with a version, as lists of numbers without zeros at their ends. What stands
-- behind the numbers (`2.1-beta`) is no part of them; a version without any compares with none.
(string_to_array(regexp_replace(
    substring(d.app_version FROM '^[vV]?([0-9]+(?:[.][0-9]+)*)'), '([.]0+)+$', ''
), '.')::numeric[] {comparison} string_to_array(regexp_replace({version}, '([.]0+)+$', ''), '.')::numeric[]) IS TRUE

-- within --
-- Condition: {column} is one of a page's devices.
AND {column} > %(after)s AND {column} <= %(to)s

-- count --
-- Count the devices that meet a condition. A Live Activity is none.
SELECT count(*) FROM pushcore_device d
WHERE d.workspace_id = %(workspace)s AND d.activity_id IS NULL AND {condition}

-- ways --
-- Count the devices that meet a condition by how they are reached; {condition} is as in `count`. Each way has its first
-- device.
SELECT d.platform, d.third_channel, d.third_token <> '' AS has_token, count(*), min(d.id) FROM pushcore_device d
WHERE d.workspace_id = %(workspace)s AND d.activity_id IS NULL AND {condition}
GROUP BY 1, 2, 3

-- settings --
-- Allow hash tables of sixteen million devices (twice the memory at 32 bytes each; without one, a set would be searched
-- for each device); no workers, each of which would build them again; no compiler, which takes longer than the query.
SELECT set_config('work_mem', '256MB', true), set_config('max_parallel_workers_per_gather', '0', true),
    set_config('jit', 'off', true)

-- page_end --
-- Find the id that ends the next devices of the workspace, up to a last one.
SELECT max(page.id) FROM (
    SELECT d.id FROM pushcore_device d WHERE d.workspace_id = %(workspace)s AND d.id > %(after)s AND d.id <= %(last)s
    ORDER BY d.id LIMIT %(size)s
) page

-- page --
-- Find the first of them that meet a condition, in order.
SELECT d.id, d.ad_token, d.platform, d.third_channel, d.third_token, d.time_zone FROM pushcore_device d
WHERE d.workspace_id = %(workspace)s AND d.activity_id IS NULL AND d.id > %(after)s AND d.id <= %(to)s AND {condition}
    {in_part}
ORDER BY d.id LIMIT %(at_most)s

-- in_part --
-- Condition: the device is in some of the buckets of an A/B test.
AND pushcore_ab_bucket(%(task_id)s, d.id) >= %(first)s AND pushcore_ab_bucket(%(task_id)s, d.id) < %(end)s
