-- The bucket (0 to 99) of a device in the A/B test of a push, as pushcore.ab_tests.plan computes it: one expression,
-- which PostgreSQL puts in place of its call.
CREATE FUNCTION pushcore_ab_bucket(task_id bigint, device_id bigint) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (
        ('x' || encode(substr(sha256(int8send(task_id) || int8send(device_id)), 1, 4), 'hex'))::bit(32)::bigint % 100
    )::integer
$$;
