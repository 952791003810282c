-- Aliases of users.

-- give --
-- Give aliases to users, in one order, so that two calls do not wait for each other in a circle.
INSERT INTO pushcore_useralias AS known (workspace_id, alias, user_id, given_at)
SELECT %(workspace)s, given.alias, given.user_id, now()
FROM unnest(%(aliases)s::text[], %(users)s::text[]) AS given(alias, user_id)
ORDER BY given.alias
ON CONFLICT (workspace_id, alias) DO UPDATE SET user_id = excluded.user_id, given_at = excluded.given_at

-- too_many --
-- Find one of these users that has more aliases than a user may.
SELECT known.user_id FROM pushcore_useralias known
WHERE known.workspace_id = %(workspace)s AND known.user_id = ANY(%(users)s::text[])
GROUP BY known.user_id HAVING count(*) > %(most)s LIMIT 1
