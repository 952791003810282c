-- The catalog of daily partitions. What makes, detaches and drops a partition is in the module: it names tables.

-- existing --
-- Find the partitions of these tables, oldest first: those that are attached (detach_pending is false), that are being
-- detached (true), and that were detached but not dropped (NULL), which their names tell.
SELECT given.name AS table_name, c.relname AS partition_name, i.inhdetachpending AS detach_pending
FROM unnest(%(tables)s::text[]) AS given(name)
JOIN pg_class c ON c.relkind = 'r' AND c.relname ~ ('^' || given.name || '_[0-9]{8}$')
    AND c.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = to_regclass(given.name))
LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
ORDER BY c.relname
