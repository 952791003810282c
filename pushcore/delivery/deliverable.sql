-- Messages that may be delivered now. The conditions in braces are those of `deliverable.RULES`: {message} over the row
-- m of a message and d of its device, {task} over the row t of its task.
--
-- Devices, bindings and tasks are looked up by key (OFFSET 0 keeps it so): where statistics lag behind, the planner
-- would take them for few and compare each message with all of them.

-- columns --
-- The columns of a message m and its device d. Each statement adds whether the message may be delivered.
m.id, m.task_id, m.target, m.msgkey, d.id, d.platform, d.third_channel, d.third_token, m.sent_at IS NOT NULL,
d.capabilities LIKE '%%,trampoline,%%', m.override::text, m.expire_at

-- device --
-- What is read of a device: for the columns, and for the rules.
id, platform, third_channel, third_token, capabilities, marketing_consent, time_zone

-- quiet --
-- Find whether it is quiet now where the device d is, in the workspace of the message m. Quiet hours that end before
-- they start end on the next day.
SELECT FROM pushcore_quiethours q
CROSS JOIN LATERAL (SELECT pushcore_local_time(%(now)s, d.time_zone, q.time_zone)::time AS time OFFSET 0) here
WHERE q.workspace_id = m.workspace_id AND q.enabled
    AND CASE WHEN q.starts < q.ends THEN here.time >= q.starts AND here.time < q.ends
        ELSE here.time >= q.starts OR here.time < q.ends END

-- by_id --
-- Read the deliverable ones of some messages.
SELECT {columns}, true
FROM pushcore_message m
CROSS JOIN LATERAL (
    SELECT {device} FROM pushcore_device WHERE id = m.device_id OFFSET 0
) d
WHERE m.id = ANY(%(ids)s) AND {message}
ORDER BY m.id

-- by_device --
-- Read the oldest messages that wait for each device. A device for which none waits has a row without a message.
SELECT {columns}, m.id IS NOT NULL
FROM unnest(%(devices)s::bigint[], %(known)s::bigint[]) AS wanted(device_id, known)
CROSS JOIN LATERAL (
    SELECT {device}, settled_id FROM pushcore_device
    WHERE id = wanted.device_id OFFSET 0
) d
LEFT JOIN LATERAL (
    SELECT m.* FROM pushcore_message m
    WHERE m.device_id = d.id AND m.id >= %(oldest)s AND m.id > greatest(wanted.known, d.settled_id) AND {message}
    AND EXISTS (
        SELECT FROM pushcore_pushtask t WHERE t.id = m.task_id AND t.id >= %(oldest)s AND {task} OFFSET 0
    )
    ORDER BY m.id LIMIT %(at_most)s
) m ON true
ORDER BY m.id

-- by_range --
-- Read the oldest pending messages between two ids, and say of each whether it may be delivered.
SELECT {columns}, d.id IS NOT NULL AND {message}
FROM (
    SELECT * FROM pushcore_message m
    WHERE m.id >= %(low)s AND m.id < %(high)s AND {waiting} AND {valid} AND m.device_id IS NOT NULL
    ORDER BY m.id LIMIT %(at_most)s
) m
LEFT JOIN LATERAL (
    SELECT {device} FROM pushcore_device WHERE id = m.device_id OFFSET 0
) d ON true
ORDER BY m.id

-- tasks --
-- Read what messages of tasks have in common, where these may be delivered.
SELECT t.id, t.workspace_id, t.kind, t.expire_at, t.content::text, t.options::text
FROM pushcore_pushtask t
WHERE t.id = ANY(%(ids)s) AND {task}
