-- Marks of messages in inboxes.

-- mark --
-- Mark messages, in the order of their ids. Who read one first counts; a deleted one stays deleted.
INSERT INTO pushcore_inboxmark (workspace_id, owner, message_id, read_at, is_deleted)
SELECT %(workspace)s, said.owner, said.message_id, %(now)s, %(deleted)s
FROM unnest(%(owners)s::text[], %(messages)s::bigint[]) AS said(owner, message_id)
ORDER BY said.message_id
ON CONFLICT (workspace_id, owner, message_id) DO UPDATE SET
    read_at = coalesce(pushcore_inboxmark.read_at, excluded.read_at),
    is_deleted = pushcore_inboxmark.is_deleted OR excluded.is_deleted
