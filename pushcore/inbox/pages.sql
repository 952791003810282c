-- Messages of inboxes, found by the indexes on (workspace, target, id) and (device, id).

-- entries --
-- The messages of a user, each once though it has a row for each device, and those of a device that were pushed to it;
-- newest first, without those that are deleted.
(
    SELECT m.id, m.msgkey, t.content || coalesce(m.override, '{}') AS content, k.read_at, true AS is_users
    FROM pushcore_message m
    JOIN pushcore_pushtask t ON t.id = m.task_id AND t.inbox AND t.revoked_at IS NULL
    LEFT JOIN pushcore_inboxmark k
        ON k.workspace_id = %(workspace)s AND k.owner = %(of_user)s AND k.message_id = m.id
    WHERE m.workspace_id = %(workspace)s AND m.target = %(user)s AND m.delivery_type = %(to_users)s
        AND m.id >= %(oldest)s AND m.id < %(before)s AND m.msgkey <> '' AND m.status <> ALL(%(hidden)s::int[])
        AND k.is_deleted IS NOT TRUE
        AND NOT EXISTS (
            SELECT FROM pushcore_message former
            WHERE former.workspace_id = m.workspace_id AND former.target = m.target AND former.task_id = m.task_id
                AND former.id >= m.task_id AND former.id < m.id AND former.delivery_type = m.delivery_type
        )
    ORDER BY m.id DESC LIMIT %(at_most)s
)
UNION ALL
(
    SELECT m.id, m.msgkey, t.content || coalesce(m.override, '{}') AS content, k.read_at, false AS is_users
    FROM pushcore_message m
    JOIN pushcore_pushtask t ON t.id = m.task_id AND t.inbox AND t.revoked_at IS NULL
    LEFT JOIN pushcore_inboxmark k
        ON k.workspace_id = %(workspace)s AND k.owner = %(of_device)s AND k.message_id = m.id
    WHERE m.device_id = %(device)s AND m.delivery_type <> %(to_users)s AND m.workspace_id = %(workspace)s
        AND m.id >= %(oldest)s AND m.id < %(before)s AND m.msgkey <> '' AND m.status <> ALL(%(hidden)s::int[])
        AND k.is_deleted IS NOT TRUE
    ORDER BY m.id DESC LIMIT %(at_most)s
)

-- page --
-- Read the next messages.
SELECT e.id, e.msgkey, e.content, e.read_at, e.is_users FROM ({entries}) e ORDER BY e.id DESC LIMIT %(at_most)s

-- unread --
-- Count those that are unread among the newest.
SELECT least(count(*) FILTER (WHERE e.read_at IS NULL), %(at_most)s) FROM ({entries}) e

-- named --
-- Find which of the named messages are in the inbox, or which are unread where none are named.
SELECT e.id, e.is_users FROM ({entries}) e
WHERE (%(names)s::bigint[] IS NULL AND e.read_at IS NULL) OR e.id = ANY(%(names)s::bigint[])
