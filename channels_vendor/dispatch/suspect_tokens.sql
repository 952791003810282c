-- Tokens that a vendor refuses without saying why.

-- given_up --
-- Find those that have been refused with the same code again and again, since the token was reported and since it was
-- last accepted: in so many tasks, the first of them made long enough ago. Ids hold the time they were made at.
WITH told AS (
    SELECT said.device_id, said.token, v.message_id, v.task_id, v.accepted_at IS NOT NULL AS accepted,
        split_part(v.vendor_code, ' ', 1) = said.code AS refused
    FROM unnest(%(devices)s::bigint[], %(tokens)s::text[], %(token_hashes)s::bigint[], %(codes)s::text[])
        AS said(device_id, token, hash, code)
    JOIN pushcore_device d ON d.id = said.device_id AND d.third_token = said.token
    JOIN channels_vendor_vendormessage v
        ON v.token_hash = said.hash AND v.device_id = said.device_id AND v.workspace_id = %(workspace)s
        AND v.channel = %(channel)s
        AND v.message_id >= ((extract(epoch FROM coalesce(d.third_reported_at, %(epoch)s)) - %(epoch_seconds)s) * 1000)
            ::bigint << %(sequence_bits)s
),
accepted AS (SELECT device_id, max(message_id) AS last FROM told WHERE accepted GROUP BY device_id)
SELECT told.device_id, told.token
FROM told LEFT JOIN accepted USING (device_id)
WHERE told.refused AND told.message_id > coalesce(accepted.last, 0)
GROUP BY told.device_id, told.token
HAVING count(DISTINCT told.task_id) >= %(tasks)s AND min(told.message_id) <= %(span)s
