-- What is over: devices that nobody has seen for long, and bindings that ended long ago. Devices are walked by id.

-- unseen --
-- Find the devices between two ids that have not connected, reported or been bound since a time, and to which nothing
-- was delivered while messages are kept: a phone behind its vendor's channel may never connect.
SELECT d.id FROM pushcore_device d
WHERE d.id > %(after)s AND d.id <= %(to)s AND d.activity_id IS NULL
    AND greatest(coalesce(d.last_seen_at, d.created_at), d.third_reported_at) < %(since)s
    AND NOT EXISTS (SELECT FROM pushcore_binding b WHERE b.device_id = d.id AND b.bound_at >= %(since)s)
    AND NOT EXISTS (
        SELECT FROM pushcore_message m
        WHERE m.device_id = d.id AND m.id >= %(kept)s AND m.status = %(acknowledged)s
    )

-- delete_former_bindings --
-- Delete bindings that ended before a time. A device's last binding stays, ended or not: broadcasts ask for it.
DELETE FROM pushcore_binding b
WHERE b.device_id > %(after)s AND b.device_id <= %(to)s AND b.unbound_at < %(since)s
    AND EXISTS (SELECT FROM pushcore_binding later WHERE later.device_id = b.device_id AND later.id > b.id)
