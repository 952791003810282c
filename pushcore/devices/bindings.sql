-- Messages to users follow the users' devices.

-- attach_waiting --
-- Give messages of these users that wait a device. One waits that never had a device (no_device), or whose device does
-- not serve its user any more ({still_bound}, of the message m). It goes to the device that was bound last, never to
-- one that has a message of the same push.
WITH waiting AS (
    SELECT m.id, m.target, m.task_id
    FROM pushcore_message m
    WHERE m.workspace_id = %(workspace)s AND m.target = ANY(%(users)s) AND m.id >= %(oldest)s
        AND m.delivery_type = %(to_users)s AND m.expire_at > now()
        AND (m.status = %(no_device)s OR (m.status = %(waiting)s AND NOT {still_bound}))
    ORDER BY m.id LIMIT %(at_most)s
    FOR UPDATE
), chosen AS (
    SELECT w.id, bound.device_id
    FROM waiting w
    CROSS JOIN LATERAL (
        SELECT b.device_id FROM pushcore_binding b
        WHERE b.workspace_id = %(workspace)s AND b.user_id = w.target AND b.unbound_at IS NULL
            AND NOT EXISTS (
                SELECT FROM pushcore_message other
                WHERE other.workspace_id = %(workspace)s AND other.target = w.target AND other.id >= %(oldest)s
                    AND other.task_id = w.task_id AND other.device_id = b.device_id AND other.id <> w.id
            )
        ORDER BY b.bound_at DESC LIMIT 1
    ) bound
)
UPDATE pushcore_message m SET device_id = chosen.device_id, status = %(waiting)s, updated_at = now()
FROM chosen
WHERE m.id = chosen.id AND m.id >= %(oldest)s
RETURNING m.device_id, m.id, m.device_rules
