-- Messages on their way to vendors (channels_vendor.models.VendorMessage), written by the lane.

-- insert --
-- Write a row for each message, due at once; a message that has one keeps it.
INSERT INTO channels_vendor_vendormessage (
    message_id, workspace_id, channel, task_id, device_id, token_hash, is_bulk, due_at, attempts, vendor_id,
    vendor_code, report_code
)
SELECT m.*, now(), 0, '', '', ''
FROM unnest(
    %(messages)s::bigint[], %(workspaces)s::bigint[], %(channels)s::smallint[], %(tasks)s::bigint[],
    %(devices)s::bigint[], %(token_hashes)s::bigint[], %(are_bulk)s::boolean[]
) AS m
ON CONFLICT (message_id) DO NOTHING

-- redirect --
-- Have messages start afresh that have moved to another device of their user, or whose device has moved to another
-- vendor.
UPDATE channels_vendor_vendormessage v
SET channel = m.channel, device_id = m.device_id, token_hash = m.token_hash, due_at = now(), attempts = 0,
    vendor_id = '', vendor_code = '', accepted_at = NULL
FROM unnest(
    %(messages)s::bigint[], %(channels)s::smallint[], %(devices)s::bigint[], %(token_hashes)s::bigint[]
) AS m(id, channel, device_id, token_hash)
WHERE v.message_id = m.id AND (v.channel, v.device_id) <> (m.channel, m.device_id)

-- withdraw --
-- Have messages not be sent that are not sent yet.
UPDATE channels_vendor_vendormessage SET due_at = NULL
WHERE message_id IN (
    SELECT message_id FROM channels_vendor_vendormessage
    WHERE message_id = ANY(%(messages)s) AND due_at IS NOT NULL
    ORDER BY message_id FOR UPDATE
)
