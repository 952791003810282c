-- Devices' tokens at vendors' channels. A claim says that a device has a token from now on.
-- Tokens are looked up in the unique index pushcore_device_one_a_token, whose condition the lookups repeat.

-- lock_tokens --
-- Have nobody else give these tokens until the transaction ends; the keys come in ascending order.
SELECT pg_advisory_xact_lock(given.key) FROM unnest(%(keys)s::bigint[]) AS given(key)

-- withdraw --
-- Take a device's token from it.
UPDATE pushcore_device SET third_token = '', third_channel = NULL
WHERE id = %(device)s AND third_token <> ''

-- lock_devices --
-- Lock the rows of these devices, and of those that have the claimed tokens, in the order of their ids.
SELECT id, third_token FROM pushcore_device
WHERE id = ANY(ARRAY(
    SELECT unnest(%(devices)s::bigint[])
    UNION
    SELECT holder.id
    FROM unnest(%(workspaces)s::bigint[], %(channels)s::int[], %(tokens)s::text[])
        AS claimed(workspace_id, channel, token)
    CROSS JOIN LATERAL (
        SELECT id FROM pushcore_device
        WHERE workspace_id = claimed.workspace_id AND third_token = claimed.token
            AND third_channel = claimed.channel AND third_token <> '' AND activity_id IS NULL
        -- By key, also where statistics lag behind: it keeps the planner from joining otherwise.
        OFFSET 0
    ) holder
))
ORDER BY id
FOR NO KEY UPDATE

-- take_from_others --
-- Take the claimed tokens from the devices that have them, which are among those that are locked.
UPDATE pushcore_device d SET third_token = '', third_channel = NULL
FROM unnest(%(workspaces)s::bigint[], %(devices)s::bigint[], %(channels)s::int[], %(tokens)s::text[])
    AS claimed(workspace_id, device_id, channel, token)
WHERE d.workspace_id = claimed.workspace_id AND d.third_token = claimed.token
    AND d.third_channel = claimed.channel AND d.third_token <> '' AND d.activity_id IS NULL
    AND d.id <> claimed.device_id AND d.id = ANY(%(locked)s)
RETURNING d.id, claimed.device_id, claimed.channel

-- forget --
-- Take dead tokens from their devices, unless they have others by now, or reported them again since.
UPDATE pushcore_device d SET third_token = '', third_channel = NULL
FROM unnest(%(devices)s::bigint[], %(tokens)s::text[], %(since)s::timestamptz[]) AS gone(device_id, token, since)
WHERE d.id = gone.device_id AND d.third_token = gone.token
    AND coalesce(d.third_reported_at, '-infinity') <= gone.since
RETURNING d.id

-- give --
-- Give devices their tokens. One that a vendor has replaced was not reported: its time stays.
UPDATE pushcore_device d
SET third_channel = given.channel, third_token = given.token,
    third_reported_at = CASE WHEN given.reported THEN now() ELSE d.third_reported_at END
FROM unnest(%(devices)s::bigint[], %(channels)s::int[], %(tokens)s::text[], %(reported)s::boolean[])
    AS given(device_id, channel, token, reported)
WHERE d.id = given.device_id
