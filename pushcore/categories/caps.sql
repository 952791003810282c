-- Frequency caps (pushcore_capcount): of a subject the counts of the last seven days, its last day first.

-- take --
-- Count messages up to their caps, and return how many of each subject's are granted. Rows are locked in the order of
-- their keys. Where others have counted a later day meanwhile, that one stays the last.
INSERT INTO pushcore_capcount AS c (category_id, subject, day, counts, granted)
SELECT w.category_id, w.subject, w.day, ARRAY[free.granted, 0, 0, 0, 0, 0, 0], free.granted
FROM unnest(%(categories)s::bigint[], %(subjects)s::text[], %(days)s::date[], %(wanted)s::int[])
    AS w(category_id, subject, day, wanted)
JOIN pushcore_messagecategory k ON k.id = w.category_id
CROSS JOIN LATERAL (SELECT least(w.wanted, k.daily_cap::int, k.weekly_cap::int) AS granted) free
ORDER BY w.category_id, w.subject
ON CONFLICT (category_id, subject) DO UPDATE SET (day, counts, granted) = (
    SELECT greatest(c.day, excluded.day), (week.counts[1] + free.granted) || week.counts[2:7], free.granted
    FROM (
        -- The counts as of the new day.
        SELECT (
            array_fill(0, ARRAY[least(7, greatest(0, excluded.day - c.day))]) || c.counts
        )[1:7] AS counts
    ) week
    CROSS JOIN LATERAL (SELECT sum(n)::int AS total FROM unnest(week.counts) AS n) week_total
    JOIN pushcore_messagecategory k ON k.id = c.category_id
    CROSS JOIN LATERAL (
        SELECT greatest(
            0, least(excluded.granted, k.daily_cap - week.counts[1], k.weekly_cap - week_total.total)
        ) AS granted
    ) free
)
RETURNING c.category_id, c.subject, c.granted
