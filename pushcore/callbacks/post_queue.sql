-- Rows that are due to be posted, by endpoint. A table has an index on (endpoint, next_attempt_at) of those that are
-- due only.

-- due_endpoints --
-- Find the endpoints that have a row to send now. Jumps from endpoint to endpoint in the index, however much is due of
-- one.
WITH RECURSIVE due(endpoint_id) AS (
    (SELECT {endpoint} FROM {table} WHERE state = 'due' ORDER BY {endpoint} LIMIT 1)
    UNION ALL
    SELECT (
        SELECT r.{endpoint} FROM {table} r
        WHERE r.state = 'due' AND r.{endpoint} > due.endpoint_id
        ORDER BY r.{endpoint} LIMIT 1
    )
    FROM due WHERE due.endpoint_id IS NOT NULL
)
SELECT due.endpoint_id FROM due
WHERE due.endpoint_id IS NOT NULL AND {takes} AND EXISTS (
    SELECT FROM {table} r
    WHERE r.state = 'due' AND r.{endpoint} = due.endpoint_id AND r.next_attempt_at <= %(now)s
)

-- lease --
-- Lease the rows that are due longest, of each endpoint at most so many. A lease is a later time of being due.
UPDATE {table} r SET next_attempt_at = %(leased_until)s
FROM (
    SELECT due.{key}
    FROM unnest(%(endpoints)s::bigint[], %(limits)s::integer[]) AS wanted(endpoint_id, at_most)
    CROSS JOIN LATERAL (
        SELECT {key} FROM {table}
        WHERE state = 'due' AND {endpoint} = wanted.endpoint_id AND next_attempt_at <= %(now)s
        ORDER BY next_attempt_at LIMIT wanted.at_most
        FOR UPDATE SKIP LOCKED
    ) due
) chosen
WHERE r.{key} = chosen.{key}
RETURNING r.{key}, {leased}

-- release --
-- Make leased rows due again.
UPDATE {table} SET next_attempt_at = %(now)s
WHERE {key} = ANY(%(keys)s) AND state = 'due'

-- record --
-- Write where an attempt has left each row; one that has ended meanwhile stays as it is.
UPDATE {table} r
SET attempt_count = said.attempts, state = said.state, next_attempt_at = said.next_at, finished_at = said.finished_at
FROM unnest(
    %(keys)s::bigint[], %(attempts)s::smallint[], %(states)s::text[], %(next)s::timestamptz[],
    %(finished)s::timestamptz[]
) AS said(key, attempts, state, next_at, finished_at)
WHERE r.{key} = said.key AND r.state = 'due'

-- give_up_overdue --
-- Give up rows that have been due since before `overdue`, of each endpoint at most so many.
UPDATE {table} r SET state = 'failed', finished_at = %(now)s
FROM (
    SELECT due.{key}
    FROM unnest(%(endpoints)s::bigint[]) AS given(endpoint_id)
    CROSS JOIN LATERAL (
        SELECT {key} FROM {table}
        WHERE state = 'due' AND {endpoint} = given.endpoint_id AND next_attempt_at <= %(overdue)s
        ORDER BY next_attempt_at LIMIT %(at_most)s
        FOR UPDATE SKIP LOCKED
    ) due
) chosen
WHERE r.{key} = chosen.{key}
