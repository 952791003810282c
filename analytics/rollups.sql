-- Changes are summed up, by minute and by quarter of an hour; and the sums are compared with what the rows say.
-- A push that tells devices of a revocation (kind revoke) counts nowhere.

-- fold --
-- Take the oldest changes away and add them to the sums; returns how many there were, and the device and minute of each
-- open. Metrics: 1 pushed, 2 accepted,
-- 4 arrived, 8 opened, 16 ignored, 32 the status, 64 no longer status 0 (analytics.changes.Metric), below zero where an
-- entry takes back.
WITH taken AS (
    DELETE FROM analytics_change
    WHERE id IN (SELECT id FROM analytics_change ORDER BY id LIMIT %(at_most)s FOR UPDATE SKIP LOCKED)
    RETURNING metrics, minutes, tasks, channels, devices, statuses
), entries AS (
    SELECT abs(metric) AS metric, minute, task_id, channel, device_id, status, sum(sign(metric)) AS sign
    FROM (
        -- What all entries of a change have in common is kept once.
        SELECT coalesce(metric, metrics[1]) AS metric, coalesce(minute, minutes[1]) AS minute,
            coalesce(task_id, tasks[1]) AS task_id, coalesce(channel, channels[1]) AS channel, device_id,
            coalesce(status, statuses[1]) AS status
        FROM taken, unnest(metrics, minutes, tasks, channels, devices, statuses)
            AS each(metric, minute, task_id, channel, device_id, status)
    ) unpacked
    GROUP BY abs(metric), minute, task_id, channel, device_id, status
), summed AS (
    SELECT workspace_id, minute, platform, app_version, channel, kind,
        coalesce(pushed, 0) AS pushed, coalesce(accepted, 0) AS accepted, coalesce(arrived, 0) AS arrived,
        coalesce(opened, 0) AS opened, coalesce(ignored, 0) AS ignored
    FROM (
        SELECT t.workspace_id, e.minute, coalesce(d.platform, 1) AS platform,
            coalesce(d.app_version, '') AS app_version, e.channel, t.kind,
            sum(sign) FILTER (WHERE metric & 1 > 0) AS pushed,
            sum(sign) FILTER (WHERE metric & 2 > 0) AS accepted,
            sum(sign) FILTER (WHERE metric & 4 > 0) AS arrived,
            sum(sign) FILTER (WHERE metric & 8 > 0) AS opened,
            sum(sign) FILTER (WHERE metric & 16 > 0) AS ignored
        FROM entries e
        JOIN LATERAL (
            SELECT workspace_id, kind FROM pushcore_pushtask WHERE id = e.task_id AND kind <> 'revoke' OFFSET 0
        ) t ON true
        LEFT JOIN LATERAL (
            SELECT platform, app_version FROM pushcore_device WHERE id = e.device_id OFFSET 0
        ) d ON true
        WHERE e.metric & 31 > 0
        GROUP BY 1, 2, 3, 4, 5, 6
    ) counted
), minutes AS (
    INSERT INTO analytics_minuterollup AS kept (workspace_id, start, platform, app_version, channel, kind,
        pushed, accepted, arrived, opened, ignored)
    SELECT workspace_id, to_timestamp(minute * 60) AS start, platform, app_version, channel, kind,
        sum(pushed), sum(accepted), sum(arrived), sum(opened), sum(ignored)
    FROM summed
    GROUP BY 1, 2, 3, 4, 5, 6
    ORDER BY 1, 2, 3, 4, 5, 6
    ON CONFLICT (workspace_id, start, platform, app_version, channel, kind) DO UPDATE
    SET pushed = kept.pushed + excluded.pushed, accepted = kept.accepted + excluded.accepted,
        arrived = kept.arrived + excluded.arrived, opened = kept.opened + excluded.opened,
        ignored = kept.ignored + excluded.ignored
), quarters AS (
    INSERT INTO analytics_quarterrollup AS kept (workspace_id, start, platform, app_version, channel, kind,
        pushed, accepted, arrived, opened, ignored)
    SELECT workspace_id, to_timestamp(minute / 15 * 900) AS start, platform, app_version, channel, kind,
        sum(pushed), sum(accepted), sum(arrived), sum(opened), sum(ignored)
    FROM summed
    GROUP BY 1, 2, 3, 4, 5, 6
    ORDER BY 1, 2, 3, 4, 5, 6
    ON CONFLICT (workspace_id, start, platform, app_version, channel, kind) DO UPDATE
    SET pushed = kept.pushed + excluded.pushed, accepted = kept.accepted + excluded.accepted,
        arrived = kept.arrived + excluded.arrived, opened = kept.opened + excluded.opened,
        ignored = kept.ignored + excluded.ignored
), statuses AS (
    INSERT INTO analytics_statusrollup AS kept (workspace_id, start, channel, kind, status, messages)
    SELECT t.workspace_id, to_timestamp(analytics_minute_of_id(e.task_id) / 15 * 900), e.channel, t.kind, s.status,
        sum(s.messages)
    FROM (
        SELECT task_id, channel, status, metric & 64 > 0 AS waited, sum(sign) AS messages
        FROM entries
        WHERE metric & 32 > 0
        GROUP BY 1, 2, 3, 4
    ) e
    JOIN LATERAL (
        SELECT workspace_id, kind FROM pushcore_pushtask WHERE id = e.task_id AND kind <> 'revoke' OFFSET 0
    ) t ON true
    CROSS JOIN LATERAL (VALUES (e.status, e.messages), (0, CASE WHEN e.waited THEN -e.messages END))
        AS s(status, messages)
    WHERE s.messages IS NOT NULL
    GROUP BY 1, 2, 3, 4, 5
    HAVING sum(s.messages) <> 0
    ORDER BY 1, 2, 3, 4, 5
    ON CONFLICT (workspace_id, start, channel, kind, status) DO UPDATE SET messages = kept.messages + excluded.messages
)
SELECT (SELECT count(*) FROM taken),
    (SELECT array_agg(ARRAY[device_id, minute]::bigint[]) FROM entries WHERE metric & 8 > 0 AND sign > 0)

-- count_messages --
-- Count messages from their rows, by the minute in which each counts (an expression; NULL where it does not).
SELECT m.workspace_id, {minute} AS minute, coalesce(d.platform, 1) AS platform, m.channel, t.kind, count(*)
FROM pushcore_message m
JOIN pushcore_pushtask t ON t.id = m.task_id AND t.kind <> 'revoke'
LEFT JOIN pushcore_device d ON d.id = m.device_id
WHERE m.device_id IS NOT NULL
GROUP BY 1, 2, 3, 4, 5

-- count_events --
-- Count events of a kind by the minute they happened in, from their rows.
SELECT e.workspace_id, analytics_minute(e.at) AS minute, coalesce(d.platform, 1) AS platform, e.channel, t.kind,
    count(*)
FROM analytics_messageevent e
JOIN pushcore_pushtask t ON t.id = e.task_id
LEFT JOIN pushcore_device d ON d.id = e.device_id
WHERE e.kind = %(kind)s AND analytics_event_counts(e.kind, e.channel)
GROUP BY 1, 2, 3, 4, 5

-- summed --
-- Read the sums of minutes since a time, all versions of apps together.
SELECT workspace_id, analytics_minute(start) AS minute, platform, channel, kind,
    sum(pushed), sum(accepted), sum(arrived), sum(opened), sum(ignored)
FROM analytics_minuterollup
WHERE start >= to_timestamp(%(since)s)
GROUP BY 1, 2, 3, 4, 5

-- count_statuses --
-- Count messages by the status they have, and the quarter of an hour (its first minute) in which their push was made.
SELECT m.workspace_id, analytics_minute_of_id(m.task_id) / 15 * 15, m.channel, t.kind, m.status, count(*)
FROM pushcore_message m
JOIN pushcore_pushtask t ON t.id = m.task_id AND t.kind <> 'revoke'
GROUP BY 1, 2, 3, 4, 5

-- summed_statuses --
-- Read the sums by status, of quarters of an hour since a time.
SELECT workspace_id, analytics_minute(start), channel, kind, status, messages
FROM analytics_statusrollup
WHERE start >= to_timestamp(%(since)s)

-- rebuild_quarters --
-- Make the sums of quarters of an hour from those of minutes since a time; there must be none since then.
INSERT INTO analytics_quarterrollup (workspace_id, start, platform, app_version, channel, kind,
    pushed, accepted, arrived, opened, ignored)
SELECT workspace_id, to_timestamp(analytics_minute(start) / 15 * 900), platform, app_version, channel, kind,
    sum(pushed), sum(accepted), sum(arrived), sum(opened), sum(ignored)
FROM analytics_minuterollup
WHERE start >= to_timestamp(%(since)s)
GROUP BY 1, 2, 3, 4, 5, 6

-- main_version --
-- Find the version that has most of a cell's metric, which is a column's name.
SELECT app_version FROM analytics_minuterollup
WHERE workspace_id = %(workspace)s AND start = %(start)s AND platform = %(platform)s AND channel = %(channel)s
    AND kind = %(kind)s
ORDER BY {metric} DESC LIMIT 1

-- make_cell --
-- Make a cell without anything in it, where there is none.
INSERT INTO analytics_minuterollup (workspace_id, start, platform, app_version, channel, kind,
    pushed, accepted, arrived, opened, ignored)
VALUES (%(workspace)s, %(start)s, %(platform)s, %(version)s, %(channel)s, %(kind)s, 0, 0, 0, 0, 0)
ON CONFLICT (workspace_id, start, platform, app_version, channel, kind) DO NOTHING

-- mend --
-- Add to a cell's metric, which is a column's name.
UPDATE analytics_minuterollup SET {metric} = {metric} + %(missing)s
WHERE workspace_id = %(workspace)s AND start = %(start)s AND platform = %(platform)s AND channel = %(channel)s
    AND kind = %(kind)s AND app_version = %(version)s

-- mend_status --
-- Add to the sum of a status, which is made where there is none.
INSERT INTO analytics_statusrollup AS kept (workspace_id, start, channel, kind, status, messages)
VALUES (%(workspace)s, %(start)s, %(channel)s, %(kind)s, %(status)s, %(missing)s)
ON CONFLICT (workspace_id, start, channel, kind, status) DO UPDATE SET messages = kept.messages + excluded.messages
