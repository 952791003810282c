"""Empty the test database after a test that committed.

Django does this with its `flush` command, which truncates every table and sends `post_migrate` to write content types
and permissions again. With a hundred partitions that takes a quarter of a second, whatever the test has written. This
module empties only tables that have rows.
"""

from __future__ import annotations

from django.db import connection
from django.test import TransactionTestCase

from pushcore.storage import partitions

# `migrate` fills these, and no test changes them.
_KEPT = ["django_migrations", "django_content_type", "auth_permission"]
# Deleted rows take space until a vacuum. A larger table is truncated, together with the tables that refer to it.
_TRUNCATED_BYTES = 1 << 20

# The role `replica` skips triggers and foreign key checks.
_EMPTY = f"""
DO $$
DECLARE
    emptied regclass;
    has_rows boolean;
BEGIN
    SET LOCAL session_replication_role = replica;
    FOR emptied IN
        SELECT oid FROM pg_class
        WHERE relkind IN ('r', 'p') AND NOT relispartition AND relnamespace = 'public'::regnamespace
            AND relname <> ALL (ARRAY{_KEPT})
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %s)', emptied) INTO has_rows;
        CONTINUE WHEN NOT has_rows;
        IF (
            SELECT coalesce(sum(pg_table_size(relid)), pg_table_size(emptied)) FROM pg_partition_tree(emptied)
        ) > {_TRUNCATED_BYTES} THEN
            EXECUTE format('TRUNCATE %s CASCADE', emptied);
        ELSE
            EXECUTE format('DELETE FROM %s', emptied);
        END IF;
    END LOOP;
END $$
"""


def empty_tables(_: TransactionTestCase) -> None:
    """Empty all tables with rows; replaces `TransactionTestCase._fixture_teardown`."""
    with connection.cursor() as cursor:
        cursor.execute(_EMPTY)
    # A test may have dropped some; `post_migrate` would create them.
    partitions.ensure()
