-- Events, each for the endpoints that want it. Ids are made in the order of the rows.

-- messages --
-- Queue what became of messages. Those without a msgkey are the service's own. The planner is not told the ids, for it
-- would look at each of them; their bounds, which it is told, name the partitions.
INSERT INTO pushcore_webhookdelivery
    (id, workspace_id, endpoint_id, event_type, data, state, attempt_count, queued_at, next_attempt_at)
SELECT pushcore_new_ids(1), m.workspace_id, e.id, said.event,
    json_build_object(
        'messageId', m.id::text, 'taskId', m.task_id::text, 'msgKey', m.msgkey, 'targetId', m.target,
        'adToken', coalesce(d.ad_token, ''), 'platform', coalesce(p.name, ''),
        'channel', c.name, 'statusCode', m.status::text, 'statusDesc', coalesce(t.text, '')
    )::text,
    'due', 0, %(now)s, %(now)s
FROM unnest((SELECT %(ids)s::bigint[])::bigint[], %(events)s::text[]) AS said(id, event)
CROSS JOIN LATERAL (
    SELECT * FROM pushcore_message m
    WHERE m.id = said.id AND m.id BETWEEN %(first)s AND %(last)s OFFSET 0
) m
JOIN pushcore_webhookendpoint e
    ON e.workspace_id = m.workspace_id AND e.enabled AND said.event = ANY(e.event_types)
LEFT JOIN LATERAL (SELECT ad_token, platform FROM pushcore_device WHERE id = m.device_id OFFSET 0) d ON true
LEFT JOIN unnest(%(platforms)s::int[], %(platform_names)s::text[]) AS p(number, name) ON p.number = d.platform
LEFT JOIN unnest(%(all_channels)s::int[], %(channel_names)s::text[]) AS c(number, name) ON c.number = m.channel
LEFT JOIN unnest(%(statuses)s::int[], %(channels)s::int[], %(texts)s::text[]) AS t(status, channel, text)
    ON t.status = m.status AND t.channel = m.channel
WHERE m.msgkey <> '' AND (said.event <> %(arrived)s OR m.arrived_at = %(now)s)

-- opened --
-- Queue that messages were opened, or broadcasts, of which there is no message: then the task's id is said.
INSERT INTO pushcore_webhookdelivery
    (id, workspace_id, endpoint_id, event_type, data, state, attempt_count, queued_at, next_attempt_at)
SELECT pushcore_new_ids(1), d.workspace_id, e.id, %(event)s,
    json_build_object(
        'messageId', said.message_id::text, 'taskId', coalesce(m.task_id, said.message_id)::text,
        'msgKey', coalesce(m.msgkey, b.msgkey, ''), 'targetId', coalesce(m.target, ''),
        'adToken', d.ad_token, 'platform', coalesce(p.name, ''),
        'channel', coalesce(c.name, '')
    )::text,
    'due', 0, %(now)s, %(now)s
FROM unnest(%(messages)s::bigint[], %(devices)s::bigint[]) AS said(message_id, device_id)
JOIN pushcore_device d ON d.id = said.device_id
JOIN pushcore_webhookendpoint e
    ON e.workspace_id = d.workspace_id AND e.enabled AND %(event)s = ANY(e.event_types)
LEFT JOIN LATERAL (SELECT * FROM pushcore_message WHERE id = said.message_id OFFSET 0) m ON true
LEFT JOIN pushcore_broadcast b ON b.task_id = said.message_id
LEFT JOIN unnest(%(platforms)s::int[], %(platform_names)s::text[]) AS p(number, name) ON p.number = d.platform
LEFT JOIN unnest(%(all_channels)s::int[], %(channel_names)s::text[]) AS c(number, name) ON c.number = m.channel

-- devices --
-- Queue what happened to devices, or to their users.
INSERT INTO pushcore_webhookdelivery
    (id, workspace_id, endpoint_id, event_type, data, state, attempt_count, queued_at, next_attempt_at)
SELECT pushcore_new_ids(1), d.workspace_id, e.id, %(event)s,
    (jsonb_build_object('adToken', d.ad_token, 'platform', coalesce(p.name, '')) || said.details)::text,
    'due', 0, %(now)s, %(now)s
FROM unnest(%(devices)s::bigint[], %(details)s::jsonb[]) AS said(device_id, details)
JOIN pushcore_device d ON d.id = said.device_id AND d.activity_id IS NULL
JOIN pushcore_webhookendpoint e
    ON e.workspace_id = d.workspace_id AND e.enabled AND %(event)s = ANY(e.event_types)
LEFT JOIN unnest(%(platforms)s::int[], %(platform_names)s::text[]) AS p(number, name) ON p.number = d.platform

-- tasks --
-- Queue that tasks are finished: all their messages are final, and they get no more. Each is told once.
WITH finished AS (
    UPDATE pushcore_pushtask t SET finished_at = %(now)s
    WHERE t.id = ANY(%(tasks)s::bigint[]) AND t.id BETWEEN %(first)s AND %(last)s
        AND t.finished_at IS NULL AND t.kind <> 'revoke'
        AND (
            %(over)s
            OR (
                t.final_count >= t.message_count AND t.kind <> 'broadcast'
                AND NOT EXISTS (SELECT FROM pushcore_fileimport f WHERE f.id = t.id AND f.finished_at IS NULL)
                AND NOT EXISTS (SELECT FROM pushcore_audiencewalk a WHERE a.id = t.id AND a.finished_at IS NULL)
            )
        )
        AND EXISTS (
            SELECT FROM pushcore_workspace w WHERE w.id = t.workspace_id AND %(event)s = ANY(w.webhook_events)
        )
    RETURNING t.*
)
INSERT INTO pushcore_webhookdelivery
    (id, workspace_id, endpoint_id, event_type, data, state, attempt_count, queued_at, next_attempt_at)
SELECT pushcore_new_ids(1), t.workspace_id, e.id, %(event)s,
    json_build_object(
        'taskId', t.id::text, 'taskName', t.name, 'kind', t.kind, 'messages', t.message_count,
        'succeeded', t.success_count, 'arrived', t.arrival_count, 'expired', t.expired_count,
        'revoked', t.revoked_at IS NOT NULL
    )::text,
    'due', 0, %(now)s, %(now)s
FROM finished t
JOIN pushcore_webhookendpoint e
    ON e.workspace_id = t.workspace_id AND e.enabled AND %(event)s = ANY(e.event_types)
