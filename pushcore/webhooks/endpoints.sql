-- What attempts say of webhook endpoints.

-- note --
-- Note since when endpoints accept nothing. Rows that say so already are not written.
UPDATE pushcore_webhookendpoint
SET failing_since = CASE WHEN id = ANY(%(refused)s::bigint[]) THEN %(now)s END
WHERE (id = ANY(%(accepted)s::bigint[]) AND failing_since IS NOT NULL)
    OR (id = ANY(%(refused)s::bigint[]) AND failing_since IS NULL)

-- without_posts --
-- Find the endpoints that have events due and are disabled or deleted. Jumps from endpoint to endpoint in the index.
WITH RECURSIVE due(endpoint_id) AS (
    (SELECT endpoint_id FROM pushcore_webhookdelivery WHERE state = 'due' ORDER BY endpoint_id LIMIT 1)
    UNION ALL
    SELECT (
        SELECT d.endpoint_id FROM pushcore_webhookdelivery d
        WHERE d.state = 'due' AND d.endpoint_id > due.endpoint_id
        ORDER BY d.endpoint_id LIMIT 1
    )
    FROM due WHERE due.endpoint_id IS NOT NULL
)
SELECT due.endpoint_id FROM due
WHERE due.endpoint_id IS NOT NULL
    AND NOT EXISTS (SELECT FROM pushcore_webhookendpoint e WHERE e.id = due.endpoint_id AND e.enabled)

-- dead --
-- Find enabled endpoints that have accepted nothing since long, of whose latest events one was given up lately.
SELECT e.id FROM pushcore_webhookendpoint e
WHERE e.enabled AND e.failing_since <= %(since)s AND EXISTS (
    SELECT FROM (
        SELECT state, finished_at FROM pushcore_webhookdelivery d
        WHERE d.endpoint_id = e.id ORDER BY d.id DESC LIMIT 10000
    ) latest
    WHERE latest.state = 'failed' AND latest.finished_at >= %(lately)s
)
