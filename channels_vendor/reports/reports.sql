-- What vendors report later of messages they accepted.

-- known --
-- Find the message and device that each report is about: by the message, or by the task and the token it was sent to,
-- whatever token the device has by now.
SELECT said.number, m.message_id, m.device_id
FROM unnest(%(numbers)s::integer[], %(messages)s::bigint[], %(tasks)s::bigint[], %(token_hashes)s::bigint[])
    AS said(number, message_id, task_id, token_hash)
CROSS JOIN LATERAL (
    SELECT * FROM channels_vendor_vendormessage WHERE message_id = said.message_id
    UNION ALL
    SELECT * FROM channels_vendor_vendormessage WHERE task_id = said.task_id AND token_hash = said.token_hash
) m
WHERE m.workspace_id = %(workspace)s AND m.channel = %(channel)s

-- record_results --
-- Keep the last result of each message, by the vendor's clock. Rows are locked in the order of their ids.
UPDATE channels_vendor_vendormessage m
SET report_code = said.code, report_status = said.status, report_at = said.at
FROM unnest(%(messages)s::bigint[], %(codes)s::text[], %(statuses)s::integer[], %(at)s::timestamptz[])
    AS said(message_id, code, status, at)
WHERE m.message_id = said.message_id AND m.message_id IN (
    SELECT message_id FROM channels_vendor_vendormessage WHERE message_id = ANY(%(messages)s)
    ORDER BY message_id FOR UPDATE
) AND coalesce(m.report_at, '-infinity') < said.at
