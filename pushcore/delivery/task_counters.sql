-- The counters of tasks (pushcore_pushtask), which equal what their messages say.

-- lock --
-- Lock tasks in the order of their ids: counters wait for each other, in no circle.
SELECT FROM pushcore_pushtask WHERE id = ANY(%(tasks)s) ORDER BY id FOR UPDATE

-- add --
-- Add to the counters. The bounds name the partitions. Returns the tasks all of whose messages are final, if their
-- workspace wants to be told.
UPDATE pushcore_pushtask t SET
    message_count = message_count + c.messages,
    success_count = success_count + c.succeeded,
    arrival_count = arrival_count + c.arrived,
    expired_count = expired_count + c.expired,
    held_back_count = held_back_count + c.held_back,
    no_consent_count = no_consent_count + c.no_consent,
    final_count = final_count + c.final,
    last_outcome_at = CASE WHEN c.has_outcome THEN %(now)s ELSE last_outcome_at END
FROM unnest(
    %(tasks)s::bigint[], %(messages)s::int[], %(succeeded)s::int[], %(arrived)s::int[], %(expired)s::int[],
    %(held_back)s::int[], %(no_consent)s::int[], %(final)s::int[], %(has_outcome)s::boolean[]
) AS c(id, messages, succeeded, arrived, expired, held_back, no_consent, final, has_outcome)
WHERE t.id = c.id AND t.id BETWEEN %(first)s AND %(last)s
RETURNING CASE
    WHEN c.final > 0 AND final_count >= message_count AND EXISTS (
        SELECT FROM pushcore_workspace w WHERE w.id = t.workspace_id AND %(finished)s = ANY(w.webhook_events)
    ) THEN t.id
END
