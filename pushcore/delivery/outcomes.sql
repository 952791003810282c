-- What became of messages. They are found by their keys, in the order of these ({keys}), so that concurrent recorders
-- never wait for each other in a circle.

-- by_key --
-- Leave the planner no other way than by key: told nothing of the ids, it would compare each message with all of them.
SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off

-- any_way --
-- Undo `by_key`: the rest of the caller's transaction is planned as ever.
SET LOCAL enable_seqscan TO DEFAULT; SET LOCAL enable_bitmapscan TO DEFAULT

-- keys --
-- Condition: the message m is one of those. The planner is not told which ids, for it would look at each of them; their
-- bounds, which it is told, name the partitions.
m.id = ANY((SELECT %(ids)s::bigint[])::bigint[]) AND m.id BETWEEN %(first)s AND %(last)s

-- lock --
-- Lock what is pending of the messages, where they have several outcomes.
SELECT FROM pushcore_message m WHERE {keys} AND m.status IN ({pending}) ORDER BY m.id FOR UPDATE

-- update --
-- Give messages that are pending their outcome. Returns sums by task, and ids only where a receipt is due or
-- a webhook wants the event. Of those that
-- say "arrived" by it, arrived now are those that were not known to be before.
WITH changed AS (
    UPDATE pushcore_message m SET
        status = %(status)s, channel = %(channel)s, updated_at = %(now)s,
        arrived_at = CASE WHEN %(arrives)s THEN coalesce(m.arrived_at, %(now)s) ELSE m.arrived_at END
    WHERE {keys} AND m.status IN ({pending})
    RETURNING m.id, m.task_id, m.workspace_id, m.arrived_at = %(now)s AS arrived
), summed AS (
    SELECT task_id, workspace_id, count(*) AS messages, count(*) FILTER (WHERE arrived) AS arrived, array_agg(id) AS ids
    FROM changed GROUP BY task_id, workspace_id
)
SELECT s.task_id, s.messages, s.arrived,
    CASE
        WHEN w.callback_enabled AND w.callback_url <> '' AND (w.expiry_receipts OR %(status)s <> {expired}) THEN s.ids
    END,
    CASE WHEN %(event)s = ANY(w.webhook_events) THEN s.ids END
FROM summed s JOIN pushcore_workspace w ON w.id = s.workspace_id

-- arrive --
-- Note that messages are on their devices, where that is not known yet.
WITH arrived AS (
    UPDATE pushcore_message m SET arrived_at = %(now)s WHERE {keys} AND m.arrived_at IS NULL
    RETURNING m.id, m.task_id, m.workspace_id
)
SELECT a.task_id, CASE WHEN %(event)s = ANY(w.webhook_events) THEN a.id END
FROM arrived a JOIN pushcore_workspace w ON w.id = a.workspace_id

-- mark_sent --
-- Note that pending messages were written to a connection once.
UPDATE pushcore_message SET sent_at = %(now)s
WHERE id IN (
    SELECT m.id FROM pushcore_message m
    WHERE m.id = ANY(%(ids)s) AND m.status = {waiting} AND m.sent_at IS NULL
    ORDER BY m.id FOR UPDATE
)
