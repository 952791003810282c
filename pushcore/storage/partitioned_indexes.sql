-- The catalog of a partitioned table's indexes.

-- partitions_without --
-- Find the table's partitions that have no index attached to this one.
SELECT c.relname
FROM pg_inherits i
JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = to_regclass(%(table)s) AND NOT EXISTS (
    SELECT FROM pg_inherits attached
    JOIN pg_index x ON x.indexrelid = attached.inhrelid
    WHERE attached.inhparent = to_regclass(%(index)s) AND x.indrelid = c.oid
)
ORDER BY c.relname
