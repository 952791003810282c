-- insert --
-- Insert pushes: make their ids, claim their idempotency keys and write their tasks and messages, in one statement. A
-- push with a key that was used before is left out. Returns all ids that were made, and the numbers of the pushes left
-- out. Pushes are numbered from 0, places in the array of ids from 1; columns are filled in from the models.
WITH made AS MATERIALIZED (
    SELECT ARRAY(SELECT id FROM pushcore_new_ids(%s) id ORDER BY id) AS ids
), wanted AS MATERIALIZED (
    SELECT * FROM unnest(%s::uuid[], %s::date[], %s::int[], %s::int[], %s::timestamptz[])
        AS wanted(digest, day, push, place, at)
), used AS MATERIALIZED (
    SELECT DISTINCT push FROM wanted
    WHERE EXISTS (
        SELECT FROM pushcore_messagekey k WHERE k.digest = wanted.digest AND k.day BETWEEN %s AND %s OFFSET 0
    )
), claimed AS (
    INSERT INTO pushcore_messagekey (digest, day, task_id, claimed_at)
    SELECT digest, day, ids[place], at FROM made, wanted WHERE push NOT IN (SELECT push FROM used)
), tasks AS (
    INSERT INTO pushcore_pushtask (id, last_message_id, {task_columns})
    SELECT ids[place], ids[last_place], {task_columns}
    FROM made, unnest(%s::int[], %s::int[], {task_arrays})
        WITH ORDINALITY AS given(place, last_place, {task_columns}, number)
    WHERE number - 1 NOT IN (SELECT push FROM used)
), messages AS (
    INSERT INTO pushcore_message (id, task_id, {message_columns})
    SELECT ids[place], ids[task_place], {message_columns}
    FROM made, unnest(%s::int[], %s::int[], %s::int[], {message_arrays})
        AS given(push, place, task_place, {message_columns})
    WHERE push NOT IN (SELECT push FROM used)
)
SELECT ids, ARRAY(SELECT push FROM used) FROM made
