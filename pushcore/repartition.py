"""Making a table that has rows one that is partitioned by day; for migrations, while no process of ours runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time

from django.db import connection

from pushcore import ids, partitions
from pushcore.partitions import DailyTable, Key

# SQL: the day an id was made.
DAY_OF_ID = (
    f"(to_timestamp((({{0}} >> {ids.SEQUENCE_BITS}) + {ids.created_at_ms(0)}) / 1000.0) AT TIME ZONE 'UTC')::date"
)


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
    the former ones had. Foreign keys to it are dropped: it can have none (`pushcore.partitions`).
    """
    former = f"{table.name}_former"
    carried = f"({rows.replace('former', former)}) AS carried"
    day_of = "{0}" if table.key is Key.DATE else DAY_OF_ID
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table.name} RENAME TO {former}")
        cursor.execute(
            f"CREATE TABLE {table.name} ({columns}) PARTITION BY RANGE ({key})".replace("LIKE former", f"LIKE {former}")
        )
        cursor.execute(f"SELECT DISTINCT {day_of.format(key)} AS day FROM {carried} ORDER BY day")
        for (day,) in cursor.fetchall():
            midnight = datetime.combine(day, time(), UTC)
            low, high = table.bounds(midnight)
            partitions.create(table, midnight, f"SELECT * FROM {carried} WHERE {key} >= '{low}' AND {key} < '{high}'")
        cursor.execute(f"DROP TABLE {former} CASCADE")
        for statement in then:
            cursor.execute(statement)
