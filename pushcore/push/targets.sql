-- Devices that targets stand for. {wanted} is a table with the column `target`; rows begin with {key}, which says whose
-- target it is, and {workspace} and {platform} where it is looked up (`targets._lookup`).

-- bound --
-- Devices that a user is bound to, the most recently bound first.
SELECT {key}, d.id, d.platform, d.third_channel, d.third_token
FROM {wanted}
JOIN pushcore_binding b ON b.workspace_id = {workspace} AND b.user_id = wanted.target AND b.unbound_at IS NULL
JOIN pushcore_device d ON d.id = b.device_id
ORDER BY b.bound_at DESC

-- by_ad_token --
-- The device of an Ad-token.
SELECT {key}, d.id, d.platform, d.third_channel, d.third_token
FROM {wanted}
JOIN pushcore_device d ON d.ad_token = wanted.target AND d.workspace_id = {workspace} AND d.platform = {platform}

-- by_apns_token --
-- Devices that have an APNs token, the newest registration first.
SELECT {key}, d.id, d.platform, d.third_channel, d.third_token
FROM {wanted}
JOIN pushcore_device d ON d.third_token = wanted.target AND d.third_token <> '' AND d.workspace_id = {workspace}
    AND d.platform = {ios} AND d.third_channel = {apns} AND d.activity_id IS NULL
ORDER BY d.id DESC

-- by_activity_token --
-- Live Activities that have a push token, the newest first.
SELECT {key}, d.id, d.platform, d.third_channel, d.third_token
FROM {wanted}
JOIN pushcore_device d ON d.third_token = wanted.target AND d.third_token <> '' AND d.workspace_id = {workspace}
    AND d.activity_id IS NOT NULL
ORDER BY d.id DESC

-- by_activity --
-- Live Activities of an ID, the newest first.
SELECT {key}, d.id, d.platform, d.third_channel, d.third_token
FROM {wanted}
JOIN pushcore_device d ON d.activity_id = wanted.target AND d.workspace_id = {workspace} AND d.third_token <> ''
ORDER BY d.id DESC
