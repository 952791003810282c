"""Making a table that has rows one that is partitioned by day; for migrations, while no process of ours runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time

from django.db import connection

from pushcore.storage import ids, partitions
from pushcore.storage.partitions import DailyTable, Key

# SQL: the day of a key, in UTC.
_TIME_OF_ID = f"to_timestamp((({{0}} >> {ids.SEQUENCE_BITS}) + {ids.created_at_ms(0)}) / 1000.0)"
_DAY_OF = {
    Key.ID: f"({_TIME_OF_ID} AT TIME ZONE 'UTC')::date",
    Key.DATE: "{0}",
    Key.TIME: "({0} AT TIME ZONE 'UTC')::date",
}


def by_day(
    table: DailyTable,
    key: str,
    then: Sequence[str],
    *,
    columns: str = "LIKE former INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE",
    rows: str = "SELECT * FROM former",
) -> None:
    """Partition a table by its column `key`, within the migration's transaction.

    `columns` are the definitions of its columns, `rows` is SQL that selects what is carried over, in their order, where
    `former` stands for the table as it was; `then` are statements that make its keys and indexes, under the names that
    the former ones had. Foreign keys to it are dropped: it can have none (`pushcore.storage.partitions`).
    """
    former = f"{table.name}_former"
    carried = f"({rows.replace('former', former)}) AS carried"
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table.name} RENAME TO {former}")
        cursor.execute(
            f"CREATE TABLE {table.name} ({columns}) PARTITION BY RANGE ({key})".replace("LIKE former", f"LIKE {former}")
        )
        cursor.execute(f"SELECT DISTINCT {_DAY_OF[table.key].format(key)} AS day FROM {carried} ORDER BY day")
        for (day,) in cursor.fetchall():
            midnight = datetime.combine(day, time(), UTC)
            low, high = table.bounds(midnight)
            partitions.create(table, midnight, f"SELECT * FROM {carried} WHERE {key} >= '{low}' AND {key} < '{high}'")
        cursor.execute(f"DROP TABLE {former} CASCADE")
        for statement in then:
            cursor.execute(statement)


def numbered(table: str) -> list[str]:
    """Statements that give a table its `id` by a sequence again: an identity column is not carried over."""
    sequence = f"{table}_id_seq"
    return [
        f"CREATE SEQUENCE {sequence} OWNED BY {table}.id",
        f"SELECT setval('{sequence}', coalesce((SELECT max(id) FROM {table}), 0) + 1, false)",
        f"ALTER TABLE {table} ALTER COLUMN id SET DEFAULT nextval('{sequence}')",
    ]
