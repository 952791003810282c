-- Leases of task loads, kept in {table}. A load is open from its acceptance until it is finished; one whose lease has
-- lapsed is free, once its time has come and, where its pace is a callback's, messages are granted.

-- oldest_free --
-- Find the oldest load that waits for a loader.
SELECT min(id) FROM {table}
WHERE accepted_at IS NOT NULL AND finished_at IS NULL AND (leased_until IS NULL OR leased_until < now())
    AND (not_before IS NULL OR not_before <= %(now)s) AND (pace_url = '' OR granted > 0)

-- take --
-- Lease the oldest load that is free.
UPDATE {table} SET leased_until = clock_timestamp() + %(seconds)s * interval '1 second'
WHERE id = (
    SELECT id FROM {table}
    WHERE accepted_at IS NOT NULL AND finished_at IS NULL AND (leased_until IS NULL OR leased_until < now())
        AND (not_before IS NULL OR not_before <= %(now)s) AND (pace_url = '' OR granted > 0)
    ORDER BY id LIMIT 1
    FOR UPDATE SKIP LOCKED
)
RETURNING id, leased_until

-- renew --
-- Prolong a lease that is still the one that was taken.
UPDATE {table} SET leased_until = clock_timestamp() + %(seconds)s * interval '1 second'
WHERE id = %(load)s AND leased_until = %(until)s
RETURNING leased_until
