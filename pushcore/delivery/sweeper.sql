-- bound_meanwhile --
-- Find users with messages that have no device, and who are bound after all. Some, where there are many.
SELECT DISTINCT m.workspace_id, m.target
FROM pushcore_message m
JOIN pushcore_binding b ON b.workspace_id = m.workspace_id AND b.user_id = m.target AND b.unbound_at IS NULL
WHERE m.id >= %(low)s AND m.id < %(high)s AND m.status = %(no_bind_info)s AND m.delivery_type = %(user)s AND {valid}
LIMIT %(at_most)s
