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
    written regclass;
    has_rows boolean;
BEGIN
    SET LOCAL session_replication_role = replica;
    -- A partition by itself: to plan a statement on all of a table's takes longer than to run it.
    FOR written IN
        SELECT oid FROM pg_class
        WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> ALL (ARRAY{_KEPT})
            AND pg_relation_size(oid) > 0
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %s)', written) INTO has_rows;
        CONTINUE WHEN NOT has_rows;
        IF pg_table_size(written) > {_TRUNCATED_BYTES} THEN
            EXECUTE format('TRUNCATE %s CASCADE', written);
        ELSE
            EXECUTE format('DELETE FROM %s', written);
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
