-- Profiles of devices and users. A change of names: none, or only those of *_add where *_set; then without those of
-- *_remove, and with those of *_add.

-- update --
-- Change profiles, and make those that there are not. {targets} selects device_id and user_id in one order, so that two
-- calls do not wait for each other in a circle; {conflict} is the index that a profile of theirs is unique by. Profiles
-- that have all of it already are not written, nor returned.
INSERT INTO pushcore_audienceprofile AS p (workspace_id, device_id, user_id, tags, topics, attributes, updated_at)
SELECT %(workspace)s, target.device_id, target.user_id, %(tags_add)s::int[], %(topics_add)s::int[],
    %(attributes)s::jsonb, now()
FROM ({targets}) target
ON CONFLICT {conflict} DO UPDATE SET
    tags = ARRAY(
        SELECT unnest(CASE WHEN %(tags_set)s THEN '{{}}' ELSE p.tags END)
        EXCEPT SELECT unnest(%(tags_remove)s::int[]) UNION SELECT unnest(%(tags_add)s::int[])
    ),
    topics = ARRAY(
        SELECT unnest(CASE WHEN %(topics_set)s THEN '{{}}' ELSE p.topics END)
        EXCEPT SELECT unnest(%(topics_remove)s::int[]) UNION SELECT unnest(%(topics_add)s::int[])
    ),
    attributes = (p.attributes - %(attributes_remove)s::text[]) || %(attributes)s::jsonb,
    updated_at = now()
WHERE %(tags_set)s OR %(topics_set)s
    OR NOT (p.tags @> %(tags_add)s::int[] AND p.topics @> %(topics_add)s::int[] AND p.attributes @> %(attributes)s)
    OR p.tags && %(tags_remove)s::int[] OR p.topics && %(topics_remove)s::int[]
    OR p.attributes ?| %(attributes_remove)s::text[]
RETURNING coalesce(p.device_id::text, p.user_id), cardinality(p.tags), cardinality(p.topics),
    (SELECT count(*) FROM jsonb_object_keys(p.attributes))

-- devices --
-- Devices that there still are; they stay until the transaction ends.
SELECT d.id AS device_id, '' AS user_id FROM pushcore_device d
WHERE d.id = ANY(%(targets)s::bigint[]) AND d.workspace_id = %(workspace)s ORDER BY d.id FOR KEY SHARE

-- users --
-- Users.
SELECT NULL::bigint AS device_id, wanted.user_id FROM unnest(%(targets)s::text[]) AS wanted(user_id)
ORDER BY wanted.user_id
