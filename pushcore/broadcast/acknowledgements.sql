-- How far devices have come with broadcasts on the self-built channel: their cursors (pushcore_broadcastcursor).

-- create_cursors --
-- Make a cursor for devices that have none yet.
INSERT INTO pushcore_broadcastcursor (device_id, position)
SELECT d.id, 0 FROM pushcore_device d WHERE d.id = ANY(%(devices)s) ORDER BY d.id
ON CONFLICT DO NOTHING

-- lock_cursors --
-- Lock devices' cursors, in one order, and read them.
SELECT device_id, position FROM pushcore_broadcastcursor
WHERE device_id = ANY(%(devices)s) ORDER BY device_id FOR UPDATE

-- move_cursors --
-- Move devices' cursors.
UPDATE pushcore_broadcastcursor c SET position = told.position
FROM unnest(%(devices)s::bigint[], %(positions)s::bigint[]) AS told(device_id, position)
WHERE c.device_id = told.device_id

-- count_devices --
-- Count the devices that broadcasts have reached.
UPDATE pushcore_broadcast b SET reached = reached + c.devices
FROM unnest(%(tasks)s::bigint[], %(devices)s::int[]) AS c(task_id, devices)
WHERE b.task_id = c.task_id
