-- The walk at the end of quiet hours.

-- ended --
-- Find the zones in which quiet hours ended between two times: a day that begins when they end began there meanwhile.
SELECT zone FROM unnest(%(zones)s::text[]) AS zone
WHERE date_trunc('day', pushcore_local_time(%(until)s, zone, %(own)s) - %(ends)s::time)
    > date_trunc('day', pushcore_local_time(%(since)s, zone, %(own)s) - %(ends)s::time)

-- by_index --
-- Leave the planner no other way than along the index: where statistics lag behind, it would take those that are left for
-- few, and read and sort all of them for each step.
SET LOCAL enable_bitmapscan = off; SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off

-- any_way --
-- Undo `by_index`.
SET LOCAL enable_bitmapscan TO DEFAULT; SET LOCAL enable_seqscan TO DEFAULT; SET LOCAL enable_sort TO DEFAULT

-- waiting --
-- Read the next messages of a workspace that keep quiet hours and wait ({waiting}, {valid}, of the message m), and say of
-- each whether its device is in one of the zones; where the workspace's own zone is one of them, so is every device
-- that is in no known zone (the other zones are named).
SELECT m.id, coalesce(
    CASE WHEN %(with_own)s THEN d.time_zone <> ALL(%(others)s::text[]) ELSE d.time_zone = ANY(%(zones)s::text[]) END,
    false
)
FROM (
    SELECT m.id, m.device_id FROM pushcore_message m
    WHERE m.workspace_id = %(workspace)s AND m.id > %(after)s AND m.device_rules >= 2 AND {waiting} AND {valid}
        AND m.device_id IS NOT NULL
    ORDER BY m.id LIMIT %(at_most)s
) m
LEFT JOIN LATERAL (SELECT time_zone FROM pushcore_device WHERE id = m.device_id OFFSET 0) d ON true
ORDER BY m.id
