-- What devices say of themselves.

-- keep_info --
-- Keep what devices say they are; an empty text changes nothing. Rows that say what is known already are not written,
-- and the others are locked in the order of their ids.
UPDATE pushcore_device d
SET manufacturer = coalesce(nullif(said.manufacturer, ''), d.manufacturer),
    model = coalesce(nullif(said.model, ''), d.model),
    os_version = coalesce(nullif(said.os_version, ''), d.os_version),
    app_version = coalesce(nullif(said.app_version, ''), d.app_version),
    capabilities = coalesce(nullif(said.capabilities, ''), d.capabilities)
FROM (
    SELECT said.*
    FROM unnest(
        %(devices)s::bigint[], %(manufacturer)s::text[], %(model)s::text[], %(os_version)s::text[],
        %(app_version)s::text[], %(capabilities)s::text[]
    ) AS said(id, manufacturer, model, os_version, app_version, capabilities)
    JOIN pushcore_device d ON d.id = said.id
    WHERE (said.manufacturer <> '' AND said.manufacturer <> d.manufacturer)
        OR (said.model <> '' AND said.model <> d.model)
        OR (said.os_version <> '' AND said.os_version <> d.os_version)
        OR (said.app_version <> '' AND said.app_version <> d.app_version)
        OR (said.capabilities <> '' AND said.capabilities <> d.capabilities)
    ORDER BY d.id
    FOR NO KEY UPDATE OF d
) said
WHERE d.id = said.id
