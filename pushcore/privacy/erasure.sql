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
    UPDATE pushcore_pushtask t SET content = '{}', options = '{}',
        sms = CASE WHEN t.sms IS NOT NULL THEN jsonb_build_object('delay_seconds', t.sms -> 'delay_seconds') END
    FROM (SELECT DISTINCT task_id FROM batch) AS own
    WHERE t.id = own.task_id AND t.message_count = 1 AND t.kind = ANY(%(own_content)s)
)
UPDATE pushcore_message m SET target = '', msgkey = '', override = NULL FROM batch WHERE m.id = batch.id

-- erase_events --
-- Take the user out of the next events of webhooks that are not to be posted any more. Returns how many events were
-- looked at, the last of them, and how many of the user's are still to be posted.
WITH page AS MATERIALIZED (
    SELECT id, state, data FROM pushcore_webhookdelivery
    WHERE workspace_id = %(workspace)s AND id > %(after)s
    ORDER BY id LIMIT %(at_most)s
), own AS MATERIALIZED (
    SELECT id, state FROM page WHERE %(user)s IN (data::json ->> 'targetId', data::json ->> 'userId')
), erased AS (
    UPDATE pushcore_webhookdelivery d SET data = '{}' FROM own WHERE d.id = own.id AND own.state <> 'due'
)
SELECT (SELECT count(*) FROM page), (SELECT max(id) FROM page), (SELECT count(*) FROM own WHERE state = 'due')
