"""Tables partitioned by day: create partitions ahead of time, drop them when their retention is over.

Rows are deleted by dropping the partition of their day, which costs the same however many there are. Apps register
their tables (`register`); a partition holds the rows of one UTC day, told by ids generated that day
(`pushcore.storage.ids`), a date or a time.

There is no default partition: beside one, PostgreSQL cannot detach a partition without stopping every writer (ALTER
TABLE, "DETACH PARTITION CONCURRENTLY"). The days created ahead bridge an outage of the worker instead. Such tables have
no foreign keys in the database: to drop a partition, PostgreSQL would lock the table they refer to.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, NamedTuple

import structlog
from django.conf import settings
from django.db import connection, transaction

from pushcore.storage import clock, ids
from pushcore.storage.outages import DatabaseFault
from pushcore.storage.sql import statements
from pushcore.storage.timeouts import is_lock_timeout

log = structlog.get_logger(__name__)
_SQL = statements(__file__)

DAYS_AHEAD = 7
# The database's clock may be set back over midnight.
DAYS_BEHIND = 1
# How long the maintenance waits for a lock or for earlier readers; after that the next run tries again. Nobody waits
# behind it meanwhile.
LOCK_TIMEOUT_MS = 5000

# Advisory locks: one process at a time creates, one drops (arbitrary numbers).
_MAKING, _DROPPING = 7_202_611, 7_202_616


class Key(Enum):
    """What kind of column tells a row's day."""

    ID = "id"
    DATE = "date"
    TIME = "time"


# The first key of a day, from its midnight.
_KEY_AT: Mapping[Key, Callable[[datetime], Any]] = {
    Key.ID: ids.first_id_at,
    Key.DATE: datetime.date,
    Key.TIME: lambda midnight: midnight,
}


@dataclass(frozen=True, slots=True)
class DailyTable:
    """A table partitioned by day.

    `kept` returns how long rows are kept after their day; `fill_percent` is the fill factor of its pages.
    """

    name: str
    kept: Callable[[], timedelta]
    key: Key = Key.ID
    fill_percent: int = 100

    def partition(self, day: datetime) -> str:
        """Return the name of a day's partition."""
        return f"{self.name}_{day:%Y%m%d}"

    def bounds(self, day: datetime) -> tuple[Any, Any]:
        """Return the first key of a day and the first key after it."""
        return _KEY_AT[self.key](day), _KEY_AT[self.key](day + timedelta(days=1))

    def oldest(self, now: datetime) -> str:
        """Return the name of the oldest partition that is kept."""
        return self.partition(_midnight(now - self.kept()))

    def first_kept(self, now: datetime) -> Any:
        """Return the first key whose rows are kept; earlier ones may have no partition."""
        return self.bounds(_midnight(now - self.kept()))[0]


class Partition(NamedTuple):
    """An existing partition. `pending` tells that it is being detached; None that it is detached, not yet dropped."""

    name: str
    pending: bool | None


_tables: dict[str, DailyTable] = {}
# The day for which this process has created partitions.
_ensured: datetime | None = None


def register(table: DailyTable) -> None:
    """Register a table, so that its partitions are created and dropped."""
    _tables[table.name] = table


def tables() -> list[DailyTable]:
    """Return all registered tables."""
    return list(_tables.values())


def existing(table: str) -> list[str]:
    """Return the names of a table's partitions, oldest first."""
    return [partition.name for partition in _partitions()[table] if partition.pending is False]


def ensure(now: datetime | None = None) -> list[str]:
    """Create the partitions of the day before, today and the next `DAYS_AHEAD` days that do not exist.

    Returns the new names. Rows are read and written meanwhile.
    """
    today = _midnight(now or clock.now())
    there = {partition.name for partitions in _partitions().values() for partition in partitions}
    return [
        table.partition(day)
        for table in tables()
        for day in (today + timedelta(days=offset) for offset in range(-DAYS_BEHIND, DAYS_AHEAD + 1))
        if table.partition(day) not in there and create(table, day)
    ]


def ensure_today() -> None:
    """Run `ensure` unless this process has run it today; for callers that ask often."""
    global _ensured
    today = _midnight(clock.now())
    if _ensured != today:
        ensure(today)
        _ensured = today


def create(table: DailyTable, day: datetime) -> bool:
    """Create the partition of a moment's day; return False if it exists."""
    day = _midnight(day)
    name = table.partition(day)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_MAKING])
        cursor.execute("SELECT to_regclass(%s)", [name])
        if cursor.fetchone()[0] is not None:
            return False
        # Create a plain table and attach it, which locks nobody out; CREATE TABLE ... PARTITION OF would.
        cursor.execute(
            f"CREATE TABLE {name} (LIKE {table.name} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)"
            f" WITH (fillfactor = {table.fill_percent})"
        )
        cursor.execute(
            f"ALTER TABLE {table.name} ATTACH PARTITION {name} FOR VALUES FROM (%s) TO (%s)", table.bounds(day)
        )
    return True


def drop_expired(now: datetime | None = None) -> list[str]:
    """Drop the partitions whose retention is over; return their names. Must not run in a transaction.

    A partition is detached concurrently first, which blocks neither readers nor writers but waits for those that may
    still see it. If these take longer than `LOCK_TIMEOUT_MS`, the next run continues.
    """
    now, dropped = now or clock.now(), list[str]()
    with _alone() as alone:
        if not alone:
            return []
        there = _partitions()
        for table in tables():
            try:
                for partition in there[table.name]:
                    if partition.name < table.oldest(now):
                        _drop(table, partition)
                        dropped.append(partition.name)
            except DatabaseFault as error:
                if not is_lock_timeout(error):
                    raise
                log.warning("partition is in use; the next run drops it", partition=partition.name)
    return dropped


def _drop(table: DailyTable, partition: Partition) -> None:
    with connection.cursor() as cursor:
        if partition.pending is not None:
            how = "FINALIZE" if partition.pending else "CONCURRENTLY"
            cursor.execute(f"ALTER TABLE {table.name} DETACH PARTITION {partition.name} {how}")
        cursor.execute(f"DROP TABLE {partition.name}")


@contextmanager
def _alone() -> Iterator[bool]:
    """Take the lock for dropping, with a lock time-out; yield False if another process holds it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_DROPPING])
        alone = bool(cursor.fetchone()[0])
        try:
            if alone:
                cursor.execute("SELECT set_config('lock_timeout', %s, false)", [str(LOCK_TIMEOUT_MS)])
            yield alone
        finally:
            if alone:
                cursor.execute("RESET lock_timeout")
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_DROPPING])


class PartitionCoverage(NamedTuple):
    """How many days of partitions a table has ahead, and how many whose retention is over."""

    ahead: int
    overdue: int


def coverage(now: datetime | None = None) -> Mapping[str, PartitionCoverage]:
    """Return, by table, how many partitions there are ahead of today and how many are overdue to be dropped."""
    now = now or clock.now()
    there = _partitions()
    return {
        table.name: PartitionCoverage(
            ahead=sum(partition.name > table.partition(_midnight(now)) for partition in there[table.name]),
            overdue=sum(partition.name < table.oldest(now) for partition in there[table.name]),
        )
        for table in tables()
    }


def _partitions() -> Mapping[str, list[Partition]]:
    """Read all partitions by table, oldest first, with those detached but not dropped. One query."""
    by_table: dict[str, list[Partition]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(_SQL["existing"], {"tables": [table.name for table in tables()]})
        for table, name, pending in cursor.fetchall():
            by_table[table].append(Partition(name, pending))
    return by_table


def _midnight(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def message_retention() -> timedelta:
    """Return how long messages are kept after their day."""
    return timedelta(days=settings.MESSAGE_RETENTION_DAYS)


def task_retention() -> timedelta:
    """Return how long tasks are kept: as long as any of their messages, which a file makes until its push expires."""
    return message_retention() + longest_validity() + timedelta(days=1)


def receipt_retention() -> timedelta:
    """Return how long receipts are kept after the day of their message.

    A message may get its final status, and with it its receipt, when its validity ends; a receipt is given up a day
    later.
    """
    return timedelta(days=settings.RECEIPT_RETENTION_DAYS + 1) + longest_validity()


def webhook_retention() -> timedelta:
    """Return how long webhook events are kept after their day: as receipts after theirs, for they may be replayed."""
    return timedelta(days=settings.RECEIPT_RETENTION_DAYS)


def longest_validity() -> timedelta:
    """Return the longest validity a message may have."""
    return timedelta(seconds=settings.MAX_EXPIRED_SECONDS)


# Nearly every message is updated once by its outcome; free space in its page makes that a HOT update.
MESSAGES = DailyTable("pushcore_message", message_retention, fill_percent=45)
TASKS = DailyTable("pushcore_pushtask", task_retention)
# Claims count for 24 hours (`pushcore.push.idempotency`).
CLAIMS = DailyTable("pushcore_messagekey", lambda: timedelta(days=1), Key.DATE)
RECEIPTS = DailyTable("pushcore_receipt", receipt_retention)
ATTEMPTS = DailyTable("pushcore_receiptattempt", receipt_retention, Key.TIME)
WEBHOOKS = DailyTable("pushcore_webhookdelivery", webhook_retention)
WEBHOOK_ATTEMPTS = DailyTable("pushcore_webhookattempt", webhook_retention, Key.TIME)
for _table in (MESSAGES, TASKS, CLAIMS, RECEIPTS, ATTEMPTS, WEBHOOKS, WEBHOOK_ATTEMPTS):
    register(_table)
