-- What devices say of themselves.

-- keep_info --
-- Keep what devices say they are; an empty text changes nothing. Rows that say what is known already are not written,
-- and the others are locked in the order of their ids.
UPDATE pushcore_device d
SET manufacturer = coalesce(nullif(said.manufacturer, ''), d.manufacturer),
    model = coalesce(nullif(said.model, ''), d.model),
    os_version = coalesce(nullif(said.os_version, ''), d.os_version),
    app_version = coalesce(nullif(said.app_version, ''), d.app_version),
    time_zone = coalesce(nullif(said.time_zone, ''), d.time_zone),
    language = coalesce(nullif(said.language, ''), d.language),
    country = coalesce(nullif(said.country, ''), d.country),
    capabilities = coalesce(nullif(said.capabilities, ''), d.capabilities)
FROM (
    SELECT said.*
    FROM unnest(
        %(devices)s::bigint[], %(manufacturer)s::text[], %(model)s::text[], %(os_version)s::text[],
        %(app_version)s::text[], %(time_zone)s::text[], %(language)s::text[], %(country)s::text[],
        %(capabilities)s::text[]
    ) AS said(
        id, manufacturer, model, os_version, app_version, time_zone, language, country, capabilities
    )
    JOIN pushcore_device d ON d.id = said.id
    WHERE (said.manufacturer <> '' AND said.manufacturer <> d.manufacturer)
        OR (said.model <> '' AND said.model <> d.model)
        OR (said.os_version <> '' AND said.os_version <> d.os_version)
        OR (said.app_version <> '' AND said.app_version <> d.app_version)
        OR (said.time_zone <> '' AND said.time_zone <> d.time_zone)
        OR (said.language <> '' AND said.language <> d.language)
        OR (said.country <> '' AND said.country <> d.country)
        OR (said.capabilities <> '' AND said.capabilities <> d.capabilities)
    ORDER BY d.id
    FOR NO KEY UPDATE OF d
) said
WHERE d.id = said.id
