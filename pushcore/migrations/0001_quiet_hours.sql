-- The time in a zone; in the other one where the database knows none of the name, in UTC where it knows neither. Devices
-- name their zones themselves, and a name that the database does not know must not spoil a query.
CREATE FUNCTION pushcore_local_time(at timestamptz, zone text, otherwise text) RETURNS timestamp
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN at AT TIME ZONE coalesce(nullif(zone, ''), otherwise);
EXCEPTION WHEN invalid_parameter_value THEN
    IF zone IN ('', otherwise) THEN
        RETURN at AT TIME ZONE 'UTC';
    END IF;
    RETURN pushcore_local_time(at, otherwise, otherwise);
END
$$;
