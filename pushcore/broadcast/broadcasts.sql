-- Broadcasts that are active, and the devices that they are for. A window of time has an open end where it is NULL.

-- active --
-- Read all broadcasts that gateways may give to their sessions now ({task}: `deliverable.task_condition`); of those they
-- hold already, the kind is NULL, and what is large of them is not read.
SELECT b.task_id, b.workspace_id, b.platform, b.vendor_channels::text, b.bound::text, b.msgkey, b.expire_at,
    CASE WHEN unknown THEN t.kind END, CASE WHEN unknown THEN t.content::text END,
    CASE WHEN unknown THEN t.options::text END
FROM pushcore_broadcast b
CROSS JOIN LATERAL (SELECT b.task_id <> ALL(%(held)s) AS unknown) u
JOIN pushcore_pushtask t ON t.id = b.task_id AND t.id >= %(oldest)s AND {task}
WHERE b.self_built AND b.revoked_at IS NULL AND b.expire_at > now()
ORDER BY b.task_id

-- bound_within --
-- Find which of the devices have a user that was bound within a broadcast's window.
SELECT w.broadcast_id, b.device_id
FROM unnest(%(broadcasts)s::bigint[], %(starts)s::timestamptz[], %(stops)s::timestamptz[])
    AS w(broadcast_id, start, stop)
JOIN pushcore_binding b ON b.device_id = ANY(%(devices)s) AND b.unbound_at IS NULL
    AND b.bound_at >= coalesce(w.start, '-infinity'::timestamptz)
    AND b.bound_at <= coalesce(w.stop, 'infinity'::timestamptz)

-- next_devices --
-- Walk on through the devices of a broadcast, in the order of their ids.
SELECT d.id, d.ad_token, d.third_channel, d.third_token
FROM pushcore_device d
WHERE {condition} AND d.id > %(walked_to)s
ORDER BY d.id LIMIT %(at_most)s

-- of_platform --
-- Condition: a device (d) of the workspace and the platform, whatever reaches it.
d.workspace_id = %(workspace)s AND d.platform = %(platform)s

-- behind_vendors --
-- Condition: a device (d) of the workspace and the platform that one of these vendors reaches. A Live Activity is none.
d.workspace_id = %(workspace)s AND d.platform = %(platform)s AND d.third_token <> ''
    AND d.third_channel = ANY(%(vendors)s) AND d.activity_id IS NULL

-- bound --
-- Condition: the device's user was bound within the window.
EXISTS (
    SELECT FROM pushcore_binding b
    WHERE b.device_id = d.id AND b.unbound_at IS NULL
        AND b.bound_at >= coalesce(%(bound_from)s, '-infinity'::timestamptz)
        AND b.bound_at <= coalesce(%(bound_to)s, 'infinity'::timestamptz)
)

-- unbound --
-- Condition: the device has no user, and its last one was unbound within the window.
(
    NOT EXISTS (SELECT FROM pushcore_binding b WHERE b.device_id = d.id AND b.unbound_at IS NULL)
    AND (SELECT max(b.unbound_at) FROM pushcore_binding b WHERE b.device_id = d.id) BETWEEN
        coalesce(%(unbound_from)s, '-infinity'::timestamptz) AND coalesce(%(unbound_to)s, 'infinity'::timestamptz)
)
