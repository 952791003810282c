-- contents --
-- Read what the receipts of messages say. A message without a msgkey is the service's own, and gets none.
SELECT m.id, m.workspace_id, m.target, m.msgkey, m.status, m.channel,
    coalesce(d.ad_token, ''), d.platform, coalesce(d.third_token, '')
FROM pushcore_message m
LEFT JOIN LATERAL (
    SELECT ad_token, platform, third_token FROM pushcore_device WHERE id = m.device_id OFFSET 0
) d ON true
WHERE m.id = ANY(%(ids)s::bigint[]) AND m.msgkey <> ''
