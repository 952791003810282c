-- Events come in: each is kept once.

-- keep --
-- Keep events about a message of the device that says so: named by its ID, or by its task's where devices shared a
-- vendor's call; or about a broadcast that it could get by its connection, of which there is no message. When an event
-- happened is the device's word, unless that is before its message was made or after now.
WITH said AS (
    SELECT * FROM unnest(%(messages)s::bigint[], %(devices)s::bigint[], %(kinds)s::text[], %(times)s::timestamptz[])
        AS said(message_id, device_id, kind, at)
    WHERE message_id >= %(first_kept)s
), own AS (
    SELECT m.workspace_id, m.id, m.task_id, m.channel, said.*
    FROM said
    JOIN pushcore_message m ON m.id = said.message_id AND m.device_id = said.device_id
    WHERE m.id = ANY(%(messages)s::bigint[]) AND m.id >= %(first_kept)s
    UNION ALL
    SELECT m.workspace_id, m.id, m.task_id, m.channel, said.*
    FROM said
    JOIN pushcore_pushtask t ON t.id = said.message_id AND t.id = ANY(%(messages)s::bigint[])
    CROSS JOIN LATERAL (
        SELECT * FROM pushcore_message m
        WHERE m.device_id = said.device_id AND m.id BETWEEN t.id AND t.last_message_id AND m.task_id = t.id
        ORDER BY m.id LIMIT 1
    ) m
)
INSERT INTO analytics_messageevent (workspace_id, message_id, task_id, channel, device_id, kind, at, received_at)
SELECT own.workspace_id, own.id, own.task_id, own.channel, own.device_id, own.kind,
    least(greatest(own.at, pushcore_time_of_id(own.id)), now()), now()
FROM own
UNION
SELECT b.workspace_id, b.task_id, b.task_id, 0, d.id, said.kind,
    least(greatest(said.at, pushcore_time_of_id(b.task_id)), now()), now()
FROM said
JOIN pushcore_broadcast b ON b.task_id = said.message_id
JOIN pushcore_device d ON d.id = said.device_id
    AND d.workspace_id = b.workspace_id AND d.platform = b.platform
WHERE NOT EXISTS (SELECT FROM own WHERE own.message_id = said.message_id AND own.device_id = said.device_id)
ORDER BY 2, 5, 6
ON CONFLICT DO NOTHING
RETURNING message_id, kind, id, device_id, kind = 'opened' AND EXISTS (
    SELECT FROM pushcore_workspace w WHERE w.id = analytics_messageevent.workspace_id AND %(opened)s = ANY(w.webhook_events)
)
