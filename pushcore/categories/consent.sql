-- Consent to marketing messages.

-- waiting --
-- Find the marketing messages that wait ({waiting}, of the message m) for those of the devices that refuse them, at most
-- some of all. What lies before a device's pending cursor (settled_id) does not wait.
SELECT m.id
FROM unnest(%(devices)s::bigint[]) AS wanted(device_id)
CROSS JOIN LATERAL (
    SELECT id, settled_id FROM pushcore_device WHERE id = wanted.device_id AND NOT marketing_consent OFFSET 0
) d
CROSS JOIN LATERAL (
    SELECT m.id FROM pushcore_message m
    WHERE m.device_id = d.id AND m.id >= %(oldest)s AND m.id > d.settled_id AND {waiting}
        AND m.device_rules & %(consent)s <> 0
    ORDER BY m.id LIMIT %(at_most)s
) m
LIMIT %(at_most)s
