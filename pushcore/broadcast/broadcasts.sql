-- Broadcasts that are active.

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
