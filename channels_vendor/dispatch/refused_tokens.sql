-- Tokens that a vendor refused since it last accepted one (channels_vendor.models.RefusedToken).

-- accept --
-- Forget what was refused of an account; tell which tokens are dead with that.
DELETE FROM channels_vendor_refusedtoken WHERE account_id = %(account)s
RETURNING device_id, token, since, is_dead AND configuration = %(configuration)s AS is_dead

-- forget_former --
-- Forget what was refused of an account as it was configured before.
DELETE FROM channels_vendor_refusedtoken WHERE account_id = %(account)s AND configuration <> %(configuration)s

-- keep --
-- Keep refused tokens, one for each device. What has once been called dead stays so.
INSERT INTO channels_vendor_refusedtoken AS known (account_id, configuration, device_id, token, since, is_dead)
SELECT %(account)s, %(configuration)s, said.*
FROM unnest(%(devices)s::bigint[], %(tokens)s::text[], %(since)s::timestamptz[], %(dead)s::boolean[]) AS said
ON CONFLICT (account_id, device_id) DO UPDATE
SET token = excluded.token, since = excluded.since,
    is_dead = excluded.is_dead OR (known.is_dead AND known.token = excluded.token)
