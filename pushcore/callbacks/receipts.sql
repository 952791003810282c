-- Receipts that are due, by workspace. The index pushcore_receipt_by_endpoint holds those that are due only.

-- due_workspaces --
-- Find the workspaces that have a receipt to send now. Jumps from workspace to workspace in the index, however much is
-- due of one.
WITH RECURSIVE due(workspace_id) AS (
    (SELECT workspace_id FROM pushcore_receipt WHERE state = 'due' ORDER BY workspace_id LIMIT 1)
    UNION ALL
    SELECT (
        SELECT r.workspace_id FROM pushcore_receipt r
        WHERE r.state = 'due' AND r.workspace_id > due.workspace_id
        ORDER BY r.workspace_id LIMIT 1
    )
    FROM due WHERE due.workspace_id IS NOT NULL
)
SELECT due.workspace_id FROM due
WHERE due.workspace_id IS NOT NULL AND EXISTS (
    SELECT FROM pushcore_receipt r
    WHERE r.state = 'due' AND r.workspace_id = due.workspace_id AND r.next_attempt_at <= %(now)s
)

-- lease --
-- Lease the receipts that are due longest, of each workspace at most so many. A lease is a later time of being due.
UPDATE pushcore_receipt r SET next_attempt_at = %(leased_until)s
FROM (
    SELECT due.message_id
    FROM unnest(%(workspaces)s::bigint[], %(limits)s::integer[]) AS wanted(workspace_id, at_most)
    CROSS JOIN LATERAL (
        SELECT message_id FROM pushcore_receipt
        WHERE state = 'due' AND workspace_id = wanted.workspace_id AND next_attempt_at <= %(now)s
        ORDER BY next_attempt_at LIMIT wanted.at_most
        FOR UPDATE SKIP LOCKED
    ) due
) chosen
WHERE r.message_id = chosen.message_id
RETURNING r.message_id, r.id, r.workspace_id, r.body, r.attempt_count, r.created_at

-- release --
-- Make leased receipts due again.
UPDATE pushcore_receipt SET next_attempt_at = %(now)s
WHERE message_id = ANY(%(messages)s) AND state = 'due'

-- record --
-- Write where an attempt has left each receipt; one that has ended meanwhile stays as it is.
UPDATE pushcore_receipt r
SET attempt_count = said.attempts, state = said.state, next_attempt_at = said.next_at, finished_at = said.finished_at
FROM unnest(
    %(messages)s::bigint[], %(attempts)s::smallint[], %(states)s::text[], %(next)s::timestamptz[],
    %(finished)s::timestamptz[]
) AS said(message_id, attempts, state, next_at, finished_at)
WHERE r.message_id = said.message_id AND r.state = 'due'

-- give_up_overdue --
-- Give up receipts that have been due since before `overdue`, of each workspace at most so many.
UPDATE pushcore_receipt r SET state = 'failed', finished_at = %(now)s
FROM (
    SELECT due.message_id
    FROM unnest(%(workspaces)s::bigint[]) AS given(workspace_id)
    CROSS JOIN LATERAL (
        SELECT message_id FROM pushcore_receipt
        WHERE state = 'due' AND workspace_id = given.workspace_id AND next_attempt_at <= %(overdue)s
        ORDER BY next_attempt_at LIMIT %(at_most)s
        FOR UPDATE SKIP LOCKED
    ) due
) chosen
WHERE r.message_id = chosen.message_id
