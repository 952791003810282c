-- Histograms of the hours at which messages are opened.

-- users --
-- Find the users who are bound to devices. Whoever erases one waits until the transaction ends, and erases what it adds.
SELECT device_id, user_id FROM pushcore_binding
WHERE device_id = ANY(%(devices)s::bigint[]) AND unbound_at IS NULL
ORDER BY id FOR KEY SHARE

-- add --
-- Add histograms that are as of one time to those that are kept, each as of the later time then.
INSERT INTO pushcore_openhours AS kept (workspace_id, user_id, hours, as_of)
SELECT workspace_id, user_id, hours::double precision[], %(as_of)s
FROM unnest(%(workspaces)s::bigint[], %(users)s::text[], %(hours)s::text[]) AS added(workspace_id, user_id, hours)
ORDER BY 1, 2
ON CONFLICT (workspace_id, user_id) DO UPDATE SET
    hours = ARRAY(
        SELECT before * power(2, greatest(-100, extract(epoch FROM kept.as_of - latest.at) / %(half_life)s)::float)
            + added * power(2, greatest(-100, extract(epoch FROM excluded.as_of - latest.at) / %(half_life)s)::float)
        FROM greatest(kept.as_of, excluded.as_of) AS latest(at),
            unnest(kept.hours, excluded.hours) WITH ORDINALITY AS pair(before, added, hour)
        ORDER BY hour
    ),
    as_of = greatest(kept.as_of, excluded.as_of)

-- of_devices --
-- Find the histograms of the users who are bound to devices.
SELECT b.device_id, o.hours, o.as_of
FROM pushcore_binding b
JOIN pushcore_openhours o ON o.workspace_id = b.workspace_id AND o.user_id = b.user_id
WHERE b.device_id = ANY(%(devices)s::bigint[]) AND b.workspace_id = %(workspace)s AND b.unbound_at IS NULL
