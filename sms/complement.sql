-- SMS of messages and tasks (sms.models.SmsMessage).

-- add --
-- Write a row for each message; a message that has one keeps it.
INSERT INTO sms_smsmessage (
    message_id, task_id, workspace_id, due_at, state, attempts, provider_id, code, currency
)
SELECT added.*, 0, 0, '', '', ''
FROM unnest(%(ids)s::bigint[], %(tasks)s::bigint[], %(workspaces)s::bigint[], %(due_at)s::timestamptz[]) AS added
ON CONFLICT (message_id) DO NOTHING

-- summary --
-- Count the SMS of a task, with what they cost.
SELECT state, currency, count(*), coalesce(sum(segments), 0), sum(price)
FROM sms_smsmessage
WHERE message_id BETWEEN %(first)s AND %(last)s AND task_id = %(task)s
GROUP BY state, currency
