-- Ids of messages and tasks (pushcore.storage.ids): milliseconds since 2020-01-01 UTC in the high 43 bits, a sequence
-- in the low 21. The database makes them: one clock, one sequence, and no host's clock matters.

CREATE SEQUENCE pushcore_id_seq;

CREATE FUNCTION pushcore_new_ids(wanted integer) RETURNS SETOF bigint LANGUAGE sql VOLATILE AS $$
    SELECT ((extract(epoch FROM clock_timestamp()) * 1000)::bigint - 1577836800000) << 21
           | (nextval('pushcore_id_seq') & 2097151)
    FROM generate_series(1, wanted)
$$;

-- When an id was made, to the millisecond.
CREATE FUNCTION pushcore_time_of_id(id bigint) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT to_timestamp(((id >> 21) + 1577836800000) / 1000.0)
$$;
