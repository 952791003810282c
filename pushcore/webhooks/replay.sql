-- Events that are posted again.

-- replay --
-- Make the next events of an endpoint due again, in the order of their ids.
UPDATE pushcore_webhookdelivery d
SET state = 'due', queued_at = %(now)s, next_attempt_at = %(now)s, finished_at = NULL, attempt_count = 0
FROM (
    SELECT id FROM pushcore_webhookdelivery
    WHERE endpoint_id = %(endpoint)s AND id > %(after)s AND id < %(before)s AND state = ANY(%(states)s)
    ORDER BY id LIMIT %(at_most)s
    FOR UPDATE
) chosen
WHERE d.id = chosen.id AND d.id > %(after)s AND d.id < %(before)s
RETURNING d.id
