-- A single task by its rows. Its messages are those between its own id and its last message's.

-- messages_by_channel --
-- Count a task's messages on each channel: pushed, accepted, arrived. Accepted and arrived are told without the minute
-- (analytics_accepted_minute), which takes as long as all else.
SELECT m.channel,
    count(*) FILTER (WHERE analytics_pushed_minute(m.id, m.device_id, m.status, m.channel) IS NOT NULL),
    count(*) FILTER (WHERE m.status = %(acknowledged)s AND m.device_id IS NOT NULL),
    count(*) FILTER (WHERE m.arrived_at IS NOT NULL AND m.device_id IS NOT NULL)
FROM pushcore_message m
WHERE m.task_id = %(task)s AND m.id BETWEEN %(first)s AND %(last)s {on_platform}
GROUP BY m.channel

-- events_by_channel --
-- Count events of a task's messages on each channel: opened, ignored.
SELECT e.channel, count(*) FILTER (WHERE e.kind = 'opened'), count(*) FILTER (WHERE e.kind = 'ignored')
FROM analytics_messageevent e
WHERE e.task_id = %(task)s AND analytics_event_counts(e.kind, e.channel) {on_platform}
GROUP BY e.channel

-- messages_by_bucket --
-- Count a task's messages as `messages_by_channel` does, by their devices' buckets in its A/B test.
SELECT pushcore_ab_bucket(m.task_id, m.device_id),
    count(*) FILTER (WHERE analytics_pushed_minute(m.id, m.device_id, m.status, m.channel) IS NOT NULL),
    count(*) FILTER (WHERE m.status = %(acknowledged)s),
    count(*) FILTER (WHERE m.arrived_at IS NOT NULL)
FROM pushcore_message m
WHERE m.task_id = %(task)s AND m.id BETWEEN %(first)s AND %(last)s AND m.device_id IS NOT NULL
GROUP BY 1

-- events_by_bucket --
-- Count events of a task's messages as `events_by_channel` does, by bucket.
SELECT pushcore_ab_bucket(e.task_id, e.device_id), count(*) FILTER (WHERE e.kind = 'opened'),
    count(*) FILTER (WHERE e.kind = 'ignored')
FROM analytics_messageevent e
WHERE e.task_id = %(task)s AND e.message_id BETWEEN %(first)s AND %(last)s AND analytics_event_counts(e.kind, e.channel)
GROUP BY 1

-- on_platform --
-- Condition: a message or event ({row}) is one of a device of the platform.
AND EXISTS (SELECT FROM pushcore_device d WHERE d.id = {row}.device_id AND d.platform = %(platform)s)

-- undelivered --
-- Count a task's messages by channel and status, but for those that succeeded; the most frequent first. Pending messages
-- whose validity has ended count as expired.
SELECT m.channel, CASE WHEN m.status = ANY(%(pending)s) AND m.expire_at <= %(now)s THEN %(expired)s ELSE m.status END,
    count(*)
FROM pushcore_message m
WHERE m.task_id = %(task)s AND m.id BETWEEN %(first)s AND %(last)s AND m.status <> %(acknowledged)s
GROUP BY 1, 2
ORDER BY 3 DESC, 1, 2
