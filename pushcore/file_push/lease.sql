-- Leases of files. A file is open from its acceptance until it is read; one whose lease has lapsed is free.

-- any_free --
-- Tell whether a file waits for a loader.
SELECT EXISTS (
    SELECT FROM pushcore_fileimport
    WHERE accepted_at IS NOT NULL AND finished_at IS NULL AND (leased_until IS NULL OR leased_until < now())
)

-- take --
-- Lease the oldest file that is free.
UPDATE pushcore_fileimport SET leased_until = clock_timestamp() + %(seconds)s * interval '1 second'
WHERE id = (
    SELECT id FROM pushcore_fileimport
    WHERE accepted_at IS NOT NULL AND finished_at IS NULL AND (leased_until IS NULL OR leased_until < now())
    ORDER BY id LIMIT 1
    FOR UPDATE SKIP LOCKED
)
RETURNING id, leased_until

-- renew --
-- Prolong a lease that is still the one that was taken.
UPDATE pushcore_fileimport SET leased_until = clock_timestamp() + %(seconds)s * interval '1 second'
WHERE id = %(file)s AND leased_until = %(until)s
RETURNING leased_until
