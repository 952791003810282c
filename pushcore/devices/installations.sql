-- Registrations of apps' installations: each is told by its place among those that are served together.

-- lock --
-- Have others that name the same installations wait until the transaction ends; the keys come in ascending order.
SELECT pg_advisory_xact_lock(given.key) FROM unnest(%(keys)s::bigint[]) AS given(key)

-- find --
-- Find the devices that registrations prove to be: by the nonce of a registration not long ago, or by the secret. Both
-- are looked up by key, also where statistics lag behind and the planner takes devices for few (OFFSET 0 keeps it so).
WITH said AS (
    SELECT * FROM unnest(
        %(places)s::int[], %(workspaces)s::bigint[], %(platforms)s::int[], %(installations)s::text[],
        %(secrets)s::text[], %(nonces)s::text[]
    ) AS said(place, workspace_id, platform, installation_id, secret_hash, registration_hash)
)
SELECT said.place, d.ad_token, false AS by_secret
FROM said
CROSS JOIN LATERAL (
    SELECT * FROM pushcore_device
    WHERE registration_hash = said.registration_hash AND registration_hash <> ''
    OFFSET 0
) d
WHERE said.registration_hash <> '' AND d.created_at > %(nonce_since)s
    AND d.workspace_id = said.workspace_id AND d.platform = said.platform AND d.installation_id = said.installation_id
UNION ALL
SELECT said.place, d.ad_token, true AS by_secret
FROM said
CROSS JOIN LATERAL (
    SELECT * FROM pushcore_device
    WHERE secret_hash = said.secret_hash AND installation_id <> ''
    OFFSET 0
) d
WHERE said.secret_hash <> ''
    AND d.workspace_id = said.workspace_id AND d.platform = said.platform AND d.installation_id = said.installation_id

-- keep --
-- Keep the installations of new devices.
UPDATE pushcore_device d SET installation_id = made.installation_id, registration_hash = made.nonce_hash
FROM unnest(%(devices)s::bigint[], %(installations)s::text[], %(nonces)s::text[])
    AS made(device_id, installation_id, nonce_hash)
WHERE d.id = made.device_id

-- renew_secrets --
-- Give devices other secrets.
UPDATE pushcore_device d SET secret_hash = renewed.secret_hash
FROM unnest(%(devices)s::bigint[], %(secrets)s::text[]) AS renewed(device_id, secret_hash)
WHERE d.id = renewed.device_id
