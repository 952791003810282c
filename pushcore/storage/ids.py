"""Message and task ids: 64-bit, time-ordered, made by the database.

An id is `milliseconds since 2020-01-01 UTC << 21 | sequence`: one column is primary key, partition key and order of
creation. The database makes them (one clock, one sequence), so no process needs an id of its own and clocks of hosts
do not matter (`pushcore_new_ids`, in the first migration). Ids exceed 2**53: in JSON they travel as text.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db import connection

EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
SEQUENCE_BITS = 21
_EPOCH_MS = int(EPOCH.timestamp() * 1000)
HIGHEST = 2**63 - 1


def new_ids(wanted: int) -> list[int]:
    """`wanted` fresh ids in ascending order, in one query."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT ARRAY(SELECT pushcore_new_ids(%s) ORDER BY 1)", [wanted])
        return list(cursor.fetchone()[0])


def parse(text: str) -> int | None:
    """An id as somebody wrote it; None where it is none (64-bit, not negative)."""
    if not (text.isascii() and text.isdigit() and len(text) <= 19):
        return None
    return number if (number := int(text)) <= HIGHEST else None


def first_id_at(moment: datetime) -> int:
    """The smallest id an object created at `moment` (aware) can have; ids before it are older.

    Of a time before there were ids, or after their end, the first or the last id.
    """
    return max(0, min(HIGHEST, int((moment - EPOCH) / timedelta(milliseconds=1)) << SEQUENCE_BITS))


def created_at_ms(any_id: int) -> int:
    """When an id was made, in milliseconds since 1970."""
    return (any_id >> SEQUENCE_BITS) + _EPOCH_MS


def created_at(any_id: int) -> datetime:
    """When an id was made (UTC, to the millisecond)."""
    return EPOCH + timedelta(milliseconds=any_id >> SEQUENCE_BITS)
