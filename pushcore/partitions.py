"""Daily partitions of the message table: made ahead, dropped when their time is over.

A partition holds the ids of one UTC day. The default partition catches what no daily one takes (a clock far off, the
maintenance not run for days): nothing is lost, and `rows_in_default` tells the operators.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from pushcore import ids

TABLE = "pushcore_message"
DEFAULT = f"{TABLE}_default"
DAYS_AHEAD = 3
# Of a page: nearly every row is written a second time, a little longer, by its outcome, and finds room where it is.
FILL_PERCENT = 45

# Only one maintenance at a time (an arbitrary constant, in PostgreSQL's space of advisory locks).
_LOCK = 7_202_611


def _name(day: datetime) -> str:
    return f"{TABLE}_{day:%Y%m%d}"


def _midnight(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def existing() -> list[str]:
    """Names of the daily partitions, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
            " WHERE i.inhparent = %s::regclass AND c.relname <> %s ORDER BY 1",
            [TABLE, DEFAULT],
        )
        return [row[0] for row in cursor.fetchall()]


def ensure(now: datetime | None = None) -> list[str]:
    """Create the partitions of today and the next `DAYS_AHEAD` days that do not exist; returns the new names.

    Rows of such a day that sit in the default partition move into the new one.
    """
    today = _midnight(now or timezone.now())
    created: list[str] = []
    for offset in range(DAYS_AHEAD + 1):
        day = today + timedelta(days=offset)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
            cursor.execute("SELECT to_regclass(%s)", [_name(day)])
            if cursor.fetchone()[0] is not None:
                continue
            low, high = ids.first_id_at(day), ids.first_id_at(day + timedelta(days=1))
            # A table of its own first, attached when it holds its rows: the default partition may have taken some.
            cursor.execute(
                f"CREATE TABLE {_name(day)} (LIKE {TABLE} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)"
                f" WITH (fillfactor = {FILL_PERCENT})"
            )
            cursor.execute(
                f"WITH moved AS (DELETE FROM {DEFAULT} WHERE id >= %s AND id < %s RETURNING *)"
                f" INSERT INTO {_name(day)} SELECT * FROM moved",
                [low, high],
            )
            cursor.execute(
                f"ALTER TABLE {TABLE} ATTACH PARTITION {_name(day)} FOR VALUES FROM (%s) TO (%s)", [low, high]
            )
            created.append(_name(day))
    return created


def drop_expired(now: datetime | None = None) -> list[str]:
    """Drop the partitions of days older than the retention; returns their names."""
    oldest = _midnight(now or timezone.now()) - timedelta(days=settings.MESSAGE_RETENTION_DAYS)
    expired = [name for name in existing() if name < _name(oldest)]
    for name in expired:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
            cursor.execute(f"DROP TABLE IF EXISTS {name}")
    return expired


def rows_in_default() -> int:
    """How many messages sit in the default partition. Anything but 0 is worth an alert."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {DEFAULT}")
        return int(cursor.fetchone()[0])
