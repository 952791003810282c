-- A device's pending cursor is the column settled_id: up to that message id, none waits for the device. The conditions
-- in braces are those of `deliverable`.

-- lock --
-- Lock devices. A statement of its own, and in one order: the next one sees what was committed while this one waited.
SELECT FROM pushcore_device WHERE id = ANY(%(devices)s) ORDER BY id FOR NO KEY UPDATE

-- advance --
-- Note that devices are seen, and move their cursors on to before the oldest message that waits, or that may still be
-- committed. The secret of a registration is spent where its device has come back with it.
UPDATE pushcore_device d SET
    last_seen_at = now(),
    registration_hash = CASE WHEN d.id = ANY(%(registering)s) THEN d.registration_hash ELSE '' END,
    settled_id = greatest(d.settled_id, coalesce(
        (
            SELECT m.id FROM pushcore_message m
            WHERE m.device_id = d.id AND {waiting} AND {valid}
            AND m.id > d.settled_id AND m.id >= %(oldest)s AND m.id < %(recent)s
            ORDER BY m.id LIMIT 1
        ),
        %(recent)s
    ) - 1)
WHERE d.id = ANY(%(devices)s)

-- move_back --
-- Move cursors back to before the oldest of the messages that devices were given.
UPDATE pushcore_device d SET settled_id = oldest.message_id - 1
FROM (
    SELECT device_id, min(message_id) AS message_id
    FROM unnest(%(devices)s::bigint[], %(messages)s::bigint[]) AS given(device_id, message_id)
    GROUP BY device_id
) oldest
WHERE d.id = oldest.device_id AND d.settled_id >= oldest.message_id
