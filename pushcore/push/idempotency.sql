-- Claims of (workspace, target, msgkey), each by its digest and a day that it holds for.

-- claim --
-- Claim digests, each for every day, where nobody has. In the order of digests and days, so that concurrent claims
-- cannot wait in a circle. Those of the day before are looked up by key (OFFSET 0 keeps it so), however many they are.
INSERT INTO pushcore_messagekey AS k (digest, day, task_id, claimed_at)
SELECT digest, day, %(task)s, %(now)s
FROM unnest(%(digests)s::uuid[]) WITH ORDINALITY AS wanted(digest, place)
CROSS JOIN unnest(%(days)s::date[]) AS day
WHERE NOT EXISTS (
    SELECT FROM pushcore_messagekey b
    WHERE b.digest = wanted.digest AND b.day = %(before)s AND b.claimed_at >= %(expired)s
    OFFSET 0
)
ORDER BY place, day
ON CONFLICT (digest, day) DO UPDATE SET task_id = EXCLUDED.task_id, claimed_at = EXCLUDED.claimed_at
WHERE k.claimed_at < %(expired)s

-- owners --
-- Find who else holds digests.
SELECT replace(digest::text, '-', ''), task_id FROM pushcore_messagekey
WHERE digest = ANY(%(digests)s::uuid[]) AND day BETWEEN %(before)s AND %(last)s AND claimed_at >= %(expired)s
    AND NOT (task_id = %(task)s AND claimed_at = %(now)s)

-- withdraw --
-- Give back claims of digests that somebody else holds: one of their two days may have been free.
DELETE FROM pushcore_messagekey
WHERE digest = ANY(%(digests)s::uuid[]) AND day = ANY(%(days)s::date[]) AND task_id = %(task)s AND claimed_at = %(now)s
