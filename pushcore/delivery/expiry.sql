-- Messages whose validity ended before they were delivered.

-- due_tasks --
-- Find the next tasks whose validity ended `grace` seconds ago, after the checkpoint, in the order it ended. At most
-- those messages of a task wait that are not counted as delivered.
SELECT id, (extract(epoch FROM expire_at) * 1000000)::bigint, last_message_id,
    greatest(0, message_count - success_count)
FROM pushcore_pushtask
WHERE (expire_at, id) > (%(ended)s, %(task)s) AND expire_at <= now() - %(grace)s * interval '1 second'
    AND id >= %(oldest)s
ORDER BY expire_at, id LIMIT %(at_most)s

-- waiting --
-- Find messages of tasks that wait, by the ids between which those of each task are. The bounds name the partitions.
SELECT m.id
FROM unnest(%(tasks)s::bigint[], %(firsts)s::bigint[], %(lasts)s::bigint[]) AS t(id, first, last)
CROSS JOIN LATERAL (
    SELECT id FROM pushcore_message
    WHERE id > t.first AND id <= t.last AND id BETWEEN %(lowest)s AND %(highest)s
        AND task_id = t.id AND status = ANY(%(pending)s)
    ORDER BY id LIMIT %(at_most)s
) m
ORDER BY m.id LIMIT %(at_most)s
