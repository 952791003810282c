-- Changes are noted: one row for a statement, its entries in arrays. What all entries have in common is kept once, as
-- an array of one. The triggers of messages do the same (migrations/0001_message_counts.sql).

-- note_broadcasts --
-- Note devices that acknowledged broadcasts on the self-built channel (0).
INSERT INTO analytics_change (metrics, minutes, tasks, channels, devices, statuses)
SELECT ARRAY[%(metric)s::smallint], ARRAY[analytics_minute(now())],
    CASE WHEN min(task_id) = max(task_id) THEN ARRAY[min(task_id)] ELSE array_agg(task_id) END,
    ARRAY[0::smallint], array_agg(device_id), ARRAY[%(status)s::integer]
FROM unnest(%(tasks)s::bigint[], %(devices)s::bigint[]) AS said(task_id, device_id)
HAVING count(*) > 0

-- note_events --
-- Note the events that count.
INSERT INTO analytics_change (metrics, minutes, tasks, channels, devices, statuses)
SELECT CASE WHEN min(metric) = max(metric) THEN ARRAY[min(metric)] ELSE array_agg(metric) END,
    CASE WHEN min(minute) = max(minute) THEN ARRAY[min(minute)] ELSE array_agg(minute) END,
    CASE WHEN min(task_id) = max(task_id) THEN ARRAY[min(task_id)] ELSE array_agg(task_id) END,
    CASE WHEN min(channel) = max(channel) THEN ARRAY[min(channel)] ELSE array_agg(channel) END,
    array_agg(device_id), ARRAY[0]
FROM (
    SELECT (CASE e.kind WHEN 'opened' THEN %(opened)s ELSE %(ignored)s END)::smallint AS metric,
        analytics_minute(e.at) AS minute, coalesce(e.task_id, 0) AS task_id, e.channel, e.device_id
    FROM analytics_messageevent e
    WHERE e.id = ANY(%(events)s) AND analytics_event_counts(e.kind, e.channel)
) entries
HAVING count(*) > 0
