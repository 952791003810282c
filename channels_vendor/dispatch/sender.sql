-- Messages that are due at a vendor: found, leased, and written back.

-- accounts_due --
-- Find the accounts with due messages, also those that were deleted: jumps from account to account in the index of what
-- is due (OFFSET 0 keeps the planner from reading all that is due of all). Messages before the given one are no longer
-- valid.
WITH RECURSIVE waiting(workspace_id, channel) AS (
    (
        SELECT workspace_id, channel FROM channels_vendor_vendormessage
        WHERE due_at IS NOT NULL AND message_id >= %(oldest)s
        ORDER BY workspace_id, channel LIMIT 1
    )
    UNION ALL
    SELECT following.workspace_id, following.channel
    FROM waiting
    CROSS JOIN LATERAL (
        SELECT m.workspace_id, m.channel FROM channels_vendor_vendormessage m
        WHERE m.due_at IS NOT NULL AND m.message_id >= %(oldest)s
            AND (m.workspace_id, m.channel) > (waiting.workspace_id, waiting.channel)
        ORDER BY m.workspace_id, m.channel LIMIT 1
    ) following
)
SELECT w.workspace_id, w.channel
FROM waiting w
CROSS JOIN LATERAL (
    SELECT EXISTS (
        SELECT FROM channels_vendor_vendormessage m
        WHERE m.workspace_id = w.workspace_id AND m.channel = w.channel AND NOT m.is_bulk AND m.due_at <= now()
            AND m.message_id >= %(oldest)s
        OFFSET 0
    ) OR EXISTS (
        SELECT FROM channels_vendor_vendormessage m
        WHERE m.workspace_id = w.workspace_id AND m.channel = w.channel AND m.is_bulk AND m.due_at <= now()
            AND m.message_id >= %(oldest)s
        OFFSET 0
    ) AS due
) account
WHERE account.due

-- claim --
-- Lease the messages that are due longest, those of pushes to few before those of pushes to many; those another sender
-- is about to lease are passed by.
WITH urgent AS MATERIALIZED (
    SELECT message_id, in_doubt FROM channels_vendor_vendormessage
    WHERE workspace_id = %(workspace)s AND channel = %(channel)s AND NOT is_bulk AND due_at <= %(now)s
        AND message_id >= %(oldest)s
    ORDER BY due_at LIMIT %(most)s
    FOR UPDATE SKIP LOCKED
), bulk AS MATERIALIZED (
    SELECT message_id, in_doubt FROM channels_vendor_vendormessage
    WHERE workspace_id = %(workspace)s AND channel = %(channel)s AND is_bulk AND due_at <= %(now)s
        AND message_id >= %(oldest)s
    ORDER BY due_at LIMIT %(most)s - (SELECT count(*) FROM urgent)
    FOR UPDATE SKIP LOCKED
), due AS (
    SELECT * FROM urgent UNION ALL SELECT * FROM bulk
)
UPDATE channels_vendor_vendormessage v SET due_at = %(until)s, in_doubt = v.in_doubt OR %(in_doubt)s
FROM due
WHERE v.message_id = due.message_id AND v.message_id >= %(oldest)s
RETURNING v.message_id, v.attempts, due.in_doubt

-- write --
-- Write what became of messages, into the rows that are still leased: after its lease a batch may be another sender's.
UPDATE channels_vendor_vendormessage v
SET due_at = s.due_at, attempts = s.attempts, vendor_id = s.vendor_id, vendor_code = s.vendor_code,
    accepted_at = s.accepted_at, in_doubt = s.in_doubt, token_hash = s.token_hash
FROM unnest(
    %(messages)s::bigint[], %(due_at)s::timestamptz[], %(attempts)s::smallint[], %(vendor_ids)s::text[],
    %(vendor_codes)s::text[], %(accepted_at)s::timestamptz[], %(in_doubt)s::boolean[], %(token_hashes)s::bigint[]
) AS s(id, due_at, attempts, vendor_id, vendor_code, accepted_at, in_doubt, token_hash)
WHERE v.message_id = s.id AND v.message_id BETWEEN %(first)s AND %(last)s AND v.due_at = %(leased_until)s
