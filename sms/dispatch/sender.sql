-- SMS that are due: found, leased, looked at, marked and written back (sms.models.SmsMessage). Rows before {oldest} are
-- of days whose messages are long over.

-- workspaces_due --
-- Find the workspaces with due SMS: jumps from one to the next in the index of what is due.
WITH RECURSIVE waiting(workspace_id) AS (
    (
        SELECT workspace_id FROM sms_smsmessage
        WHERE due_at IS NOT NULL AND message_id >= %(oldest)s ORDER BY workspace_id LIMIT 1
    )
    UNION ALL
    SELECT following.workspace_id
    FROM waiting
    CROSS JOIN LATERAL (
        SELECT s.workspace_id FROM sms_smsmessage s
        WHERE s.due_at IS NOT NULL AND s.message_id >= %(oldest)s AND s.workspace_id > waiting.workspace_id
        ORDER BY s.workspace_id LIMIT 1
    ) following
)
SELECT workspace_id FROM waiting w
WHERE EXISTS (
    SELECT FROM sms_smsmessage s
    WHERE s.workspace_id = w.workspace_id AND s.due_at <= %(now)s AND s.message_id >= %(oldest)s
    OFFSET 0
)

-- close_in_doubt --
-- End the SMS whose sender died while it asked the provider: nobody knows, so they are not sent again.
UPDATE sms_smsmessage SET state = %(unknown)s, due_at = NULL, code = 'interrupted'
WHERE message_id IN (
    SELECT message_id FROM sms_smsmessage
    WHERE workspace_id = %(workspace)s AND due_at <= %(now)s AND message_id >= %(oldest)s AND state = %(sending)s
    ORDER BY message_id FOR UPDATE SKIP LOCKED
)

-- claim --
-- Lease the SMS that are due longest; those another sender is about to lease are passed by.
WITH due AS MATERIALIZED (
    SELECT message_id FROM sms_smsmessage
    WHERE workspace_id = %(workspace)s AND due_at <= %(now)s AND message_id >= %(oldest)s AND state = %(waiting)s
    ORDER BY due_at LIMIT %(most)s
    FOR UPDATE SKIP LOCKED
)
UPDATE sms_smsmessage s SET due_at = %(until)s
FROM due WHERE s.message_id = due.message_id
RETURNING s.message_id

-- consider --
-- Read leased SMS with their message, what became of it, and the phone number of its recipient. It has arrived if it has
-- on any device of the recipient.
SELECT s.message_id, s.attempts, t.sms::text, t.content::text, m.override::text, m.expire_at,
    t.revoked_at IS NOT NULL OR m.status = ANY(%(withdrawn)s),
    EXISTS (
        SELECT FROM pushcore_message o
        WHERE o.workspace_id = s.workspace_id AND o.target = m.target AND o.id BETWEEN s.message_id AND t.last_message_id
            AND o.task_id = s.task_id AND o.msgkey = m.msgkey AND o.arrived_at IS NOT NULL
        OFFSET 0
    ),
    NOT ({quiet}),
    CASE WHEN m.delivery_type = {user} THEN (
        SELECT b.phone_number_sealed FROM pushcore_binding b
        WHERE b.workspace_id = s.workspace_id AND b.user_id = m.target AND b.unbound_at IS NULL
            AND b.phone_number_sealed <> ''
        ORDER BY b.bound_at DESC LIMIT 1
    ) ELSE (
        SELECT b.phone_number_sealed FROM pushcore_binding b
        WHERE b.device_id = m.device_id AND b.unbound_at IS NULL
    ) END
FROM sms_smsmessage s
JOIN pushcore_message m ON m.id = s.message_id
JOIN pushcore_pushtask t ON t.id = s.task_id
LEFT JOIN LATERAL (SELECT time_zone FROM pushcore_device WHERE id = m.device_id OFFSET 0) d ON true
WHERE s.message_id = ANY(%(ids)s) AND s.due_at = %(until)s AND s.state = %(waiting)s

-- write --
-- Write the states of SMS that are still leased: after its lease a row may be another sender's. Returns which were.
UPDATE sms_smsmessage s
SET state = n.state, due_at = n.due_at, attempts = n.attempts, provider_id = n.provider_id, code = n.code,
    segments = n.segments, price = n.price, currency = n.currency, sent_at = n.sent_at
FROM unnest(
    %(ids)s::bigint[], %(states)s::smallint[], %(due_at)s::timestamptz[], %(attempts)s::smallint[],
    %(provider_ids)s::text[], %(codes)s::text[], %(segments)s::smallint[], %(prices)s::numeric[],
    %(currencies)s::text[], %(sent_at)s::timestamptz[]
) AS n(id, state, due_at, attempts, provider_id, code, segments, price, currency, sent_at)
WHERE s.message_id = n.id AND s.due_at = %(until)s AND s.state = %(from)s
RETURNING s.message_id
