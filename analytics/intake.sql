-- Events come in: each is kept once.

-- keep --
-- Keep events about a message of the device that says so, or about a broadcast that it could get. When an event
-- happened is the device's word, unless that is before its message was made or after now.
INSERT INTO analytics_messageevent (workspace_id, message_id, task_id, channel, device_id, kind, at, received_at)
SELECT m.workspace_id, m.id, m.task_id, m.channel, m.device_id, said.kind,
    least(greatest(said.at, pushcore_time_of_id(m.id)), now()), now()
FROM unnest(%(messages)s::bigint[], %(devices)s::bigint[], %(kinds)s::text[], %(times)s::timestamptz[])
    AS said(message_id, device_id, kind, at)
JOIN pushcore_message m ON m.id = said.message_id AND m.device_id = said.device_id
WHERE m.id = ANY(%(messages)s::bigint[]) AND m.id >= %(first_kept)s
UNION
SELECT b.workspace_id, b.task_id, b.task_id, 0, d.id, said.kind,
    least(greatest(said.at, pushcore_time_of_id(b.task_id)), now()), now()
FROM unnest(%(messages)s::bigint[], %(devices)s::bigint[], %(kinds)s::text[], %(times)s::timestamptz[])
    AS said(message_id, device_id, kind, at)
JOIN pushcore_broadcast b ON b.task_id = said.message_id
JOIN pushcore_device d ON d.id = said.device_id
    AND d.workspace_id = b.workspace_id AND d.platform = b.platform
WHERE b.task_id >= %(first_kept)s
ORDER BY 2, 5, 6
ON CONFLICT DO NOTHING
RETURNING message_id, kind, id
