-- Names of tags and topics.

-- take_out --
-- Take a name's id out of some of the profiles that have it, in {column}. They are locked in the order in which calls
-- change them, so that neither waits for the other in a circle.
UPDATE pushcore_audienceprofile p SET {column} = array_remove(p.{column}, %(name)s)
WHERE p.id IN (
    SELECT had.id FROM pushcore_audienceprofile had
    WHERE had.{column} @> ARRAY[%(name)s]::int[]
    ORDER BY had.device_id, had.user_id LIMIT %(step)s FOR NO KEY UPDATE
)
