-- Counts of messages: when a message or an event counts as what, and the triggers that note it (analytics.changes says
-- why, and what each count means). Minutes are numbers, since 1970.
--
-- Each function is one expression, which PostgreSQL puts in place of its call: no call is made per row.

CREATE FUNCTION analytics_minute(moment timestamptz) RETURNS integer
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT floor(extract(epoch FROM moment) / 60)::integer
$$;

-- The minute an id was made in (pushcore.storage.ids).
CREATE FUNCTION analytics_minute_of_id(id bigint) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (((id >> 21) + 1577836800000) / 60000)::integer
$$;

-- Whether a status says that the device's token reaches nobody (any more). After each migration the function is made
-- anew with what the vendors' descriptions say (analytics.dead_tokens).
CREATE FUNCTION analytics_is_dead_token(channel smallint, status integer) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT false
$$;

-- The minute a message counts as pushed in, or NULL: it has a device, and was neither revoked undelivered (-2), nor
-- held back by its category's rules (-4, -5), nor left without a bound user (1), nor refused for a dead token.
CREATE FUNCTION analytics_pushed_minute(id bigint, device_id bigint, status integer, channel smallint) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN device_id IS NOT NULL AND status NOT IN (1, -2, -4, -5) AND NOT analytics_is_dead_token(channel, status)
        THEN analytics_minute_of_id(id)
    END
$$;

-- The minute a message counts as accepted in, or NULL: it was acknowledged (status 2).
CREATE FUNCTION analytics_accepted_minute(device_id bigint, status integer, updated_at timestamptz) RETURNS integer
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN device_id IS NOT NULL AND status = 2 THEN analytics_minute(updated_at) END
$$;

-- The minute a message counts as arrived in, or NULL: it is known to be on the device.
CREATE FUNCTION analytics_arrived_minute(device_id bigint, arrived_at timestamptz) RETURNS integer
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN device_id IS NOT NULL AND arrived_at IS NOT NULL THEN analytics_minute(arrived_at) END
$$;

-- Whether an event counts: that a message was opened on any channel, or ignored on the self-built one (0).
CREATE FUNCTION analytics_event_counts(kind text, channel smallint) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT kind = 'opened' OR (kind = 'ignored' AND channel = 0)
$$;


-- What a message counts as by having been made: its status (32), and perhaps pushed (1).
CREATE FUNCTION analytics_made_metric(id bigint, device_id bigint, status integer, channel smallint) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN analytics_pushed_minute(id, device_id, status, channel) IS NULL THEN 32 ELSE 33 END
$$;


-- Inserted messages. Metrics: 1 pushed, 2 accepted, 4 arrived, 32 its status, 64 no longer status 0
-- (analytics.changes.Metric). What all entries have in common is kept once, as an array of one.
CREATE FUNCTION analytics_message_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO analytics_change (metrics, minutes, tasks, channels, devices, statuses)
    SELECT CASE WHEN min(metric) = max(metric) THEN ARRAY[min(metric)] ELSE array_agg(metric) END,
        CASE WHEN min(minute) = max(minute) THEN ARRAY[min(minute)] ELSE array_agg(minute) END,
        CASE WHEN min(task_id) = max(task_id) THEN ARRAY[min(task_id)] ELSE array_agg(task_id) END,
        CASE WHEN min(channel) = max(channel) THEN ARRAY[min(channel)] ELSE array_agg(channel) END,
        array_agg(device_id),
        CASE WHEN min(status) = max(status) THEN ARRAY[min(status)] ELSE array_agg(status) END
    FROM (
        -- Nearly all rows wait (status 0) on the self-built channel (0), which plain comparisons tell.
        SELECT 33::smallint AS metric, analytics_minute_of_id(n.id) AS minute, n.task_id, n.channel, n.device_id,
            n.status
        FROM new_rows n
        WHERE n.device_id IS NOT NULL AND n.status = 0 AND n.channel = 0
        UNION ALL
        SELECT v.metric::smallint, v.minute, n.task_id, n.channel, n.device_id, n.status
        FROM new_rows n
        CROSS JOIN LATERAL (VALUES
            (analytics_made_metric(n.id, n.device_id, n.status, n.channel), analytics_minute_of_id(n.id)),
            (2, analytics_accepted_minute(n.device_id, n.status, n.updated_at)),
            (4, analytics_arrived_minute(n.device_id, n.arrived_at))
        ) AS v(metric, minute)
        WHERE (n.device_id IS NULL OR n.status <> 0 OR n.channel <> 0) AND v.minute IS NOT NULL
    ) entries
    HAVING count(*) > 0;
    RETURN NULL;
END $$;

CREATE TRIGGER analytics_message_inserted AFTER INSERT ON pushcore_message REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION analytics_message_inserted();


-- Updated messages: what each counted as before is noted as no longer so (metrics below zero), what it counts as now is
-- noted anew.
CREATE FUNCTION analytics_message_updated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- A statement all of whose rows become acknowledged (metrics 2, 4, 32 and 64) notes what they have in common as it is. That
    -- each has the device it had is seen by the lists: they are in one order, and where they are not, rows are compared
    -- one by one, as all others.
    DECLARE
        ids_before bigint[]; devices_before bigint[];
        ids_now bigint[]; devices_now bigint[]; task_ids bigint[]; minute_now integer;
    BEGIN
        SELECT array_agg(o.id), array_agg(o.device_id) INTO ids_before, devices_before
        FROM old_rows o
        HAVING bool_and(o.status = 0 AND o.channel = 0 AND o.device_id IS NOT NULL AND o.arrived_at IS NULL);
        IF ids_before IS NOT NULL THEN
            SELECT array_agg(n.id), array_agg(n.device_id),
                CASE WHEN min(n.task_id) = max(n.task_id) THEN ARRAY[min(n.task_id)] ELSE array_agg(n.task_id) END,
                analytics_minute(min(n.updated_at))
            INTO ids_now, devices_now, task_ids, minute_now
            FROM new_rows n
            HAVING bool_and(n.status = 2 AND n.channel = 0 AND n.arrived_at = n.updated_at)
                AND min(n.updated_at) = max(n.updated_at);
            IF ids_now = ids_before AND devices_now = devices_before THEN
                INSERT INTO analytics_change (metrics, minutes, tasks, channels, devices, statuses)
                VALUES (ARRAY[102::smallint], ARRAY[minute_now], task_ids, ARRAY[0::smallint], devices_now, ARRAY[2]);
                RETURN NULL;
            END IF;
        END IF;
    END;

    -- Each row is in both tables. They are joined in full, for which PostgreSQL knows no nested loop: the plan is made
    -- once a session, by the number of rows of its first statement, and must not compare each row with each in the
    -- largest. Turning nested loops off would make LATERAL look so dear that versions before 18 compile every statement
    -- (jit).
    INSERT INTO analytics_change (metrics, minutes, tasks, channels, devices, statuses)
    SELECT CASE WHEN min(metric) = max(metric) THEN ARRAY[min(metric)] ELSE array_agg(metric) END,
        CASE WHEN min(minute) = max(minute) THEN ARRAY[min(minute)] ELSE array_agg(minute) END,
        CASE WHEN min(task_id) = max(task_id) THEN ARRAY[min(task_id)] ELSE array_agg(task_id) END,
        CASE WHEN min(channel) = max(channel) THEN ARRAY[min(channel)] ELSE array_agg(channel) END,
        array_agg(device_id),
        CASE WHEN min(status) = max(status) THEN ARRAY[min(status)] ELSE array_agg(status) END
    FROM (
        SELECT d.metric::smallint, d.minute, n.task_id, d.channel, d.device_id, d.status
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id
        CROSS JOIN LATERAL (VALUES
            (analytics_made_metric(o.id, o.device_id, o.status, o.channel),
                analytics_made_metric(n.id, n.device_id, n.status, n.channel),
                analytics_minute_of_id(o.id), analytics_minute_of_id(n.id), o.status, n.status),
            (2, 2, analytics_accepted_minute(o.device_id, o.status, o.updated_at),
                analytics_accepted_minute(n.device_id, n.status, n.updated_at), 0, 0),
            (4, 4, analytics_arrived_minute(o.device_id, o.arrived_at),
                analytics_arrived_minute(n.device_id, n.arrived_at), 0, 0)
        ) AS v(was_metric, metric, was, now, was_status, status)
        CROSS JOIN LATERAL (VALUES
            (-v.was_metric, v.was, o.channel, o.device_id, v.was_status),
            (v.metric, v.now, n.channel, n.device_id, v.status)
        ) AS d(metric, minute, channel, device_id, status)
        WHERE d.minute IS NOT NULL
            AND (v.was, o.channel, o.device_id, v.was_status) IS DISTINCT FROM (v.now, n.channel, n.device_id, v.status)
            AND (o.status, o.channel, o.device_id, o.arrived_at)
                IS DISTINCT FROM (n.status, n.channel, n.device_id, n.arrived_at)
    ) entries
    HAVING count(*) > 0;
    RETURN NULL;
END $$;

CREATE TRIGGER analytics_message_updated AFTER UPDATE ON pushcore_message
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION analytics_message_updated();
