-- What is kept of a user, erased.

-- erase --
-- Take the user out of messages of which no receipt is due, out of their receipts, and out of the tasks that were for
-- the user alone. Not the rows: they are counted.
WITH batch AS MATERIALIZED (
    SELECT m.id, m.task_id
    FROM pushcore_message m
    WHERE m.workspace_id = %(workspace)s AND m.target = %(user)s AND m.delivery_type = %(to_users)s
        AND NOT EXISTS (SELECT FROM pushcore_receipt r WHERE r.message_id = m.id AND r.state = 'due')
    ORDER BY m.id LIMIT %(at_most)s
    FOR UPDATE
), receipts AS (
    UPDATE pushcore_receipt r SET target = '', body = '{}' FROM batch WHERE r.message_id = batch.id
), tasks AS (
    UPDATE pushcore_pushtask t SET content = '{}', options = '{}'
    FROM (SELECT DISTINCT task_id FROM batch) AS own
    WHERE t.id = own.task_id AND t.message_count = 1 AND t.kind = ANY(%(own_content)s)
)
UPDATE pushcore_message m SET target = '', msgkey = '', override = NULL FROM batch WHERE m.id = batch.id
