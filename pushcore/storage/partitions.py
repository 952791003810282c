"""Tables partitioned by day: partitions are made ahead, and dropped when their time is over.

A row is deleted by dropping the day it is of, which costs the same however many there are. Rooms register their tables
(`register`); a partition holds the rows of one UTC day, told by ids made that day (`pushcore.storage.ids`), a date
or a time.

There is no default partition: where there is one, PostgreSQL detaches no partition without stopping every writer
(ALTER TABLE, "DETACH PARTITION CONCURRENTLY"). What catches a worker that is away are the days made ahead.
Such tables carry no foreign keys in the database: to drop one, PostgreSQL locks the table it refers to.
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
from django.db import OperationalError, connection, transaction
from psycopg2.errors import LockNotAvailable

from pushcore.storage import clock, ids
from pushcore.storage.sql import statements

log = structlog.get_logger(__name__)
_SQL = statements(__file__)

DAYS_AHEAD = 7
# The database's clock may be put back a little over midnight.
DAYS_BEHIND = 1
# How long the maintenance waits for a lock, or for a reader that was there before it; then it tries again when it next
# runs. Nobody waits behind it meanwhile.
LOCK_TIMEOUT_MS = 5000

# One maintenance at a time makes, and one drops (arbitrary constants, in PostgreSQL's space of advisory locks).
_MAKING, _DROPPING = 7_202_611, 7_202_616


class Key(Enum):
    """What of a row tells its day."""

    ID = "id"
    DATE = "date"
    TIME = "time"


# The first key of a day, by its midnight.
_KEY_AT: Mapping[Key, Callable[[datetime], Any]] = {
    Key.ID: ids.first_id_at,
    Key.DATE: datetime.date,
    Key.TIME: lambda midnight: midnight,
}


@dataclass(frozen=True, slots=True)
class DailyTable:
    """A partitioned table. `kept`: how long rows are kept after their day; `fill_percent`: of a page."""

    name: str
    kept: Callable[[], timedelta]
    key: Key = Key.ID
    fill_percent: int = 100

    def partition(self, day: datetime) -> str:
        """The name of a day's partition."""
        return f"{self.name}_{day:%Y%m%d}"

    def bounds(self, day: datetime) -> tuple[Any, Any]:
        """The first key of a day and the first after it."""
        return _KEY_AT[self.key](day), _KEY_AT[self.key](day + timedelta(days=1))

    def oldest(self, now: datetime) -> str:
        """The name of the oldest partition whose time is not over."""
        return self.partition(_midnight(now - self.kept()))

    def first_kept(self, now: datetime) -> Any:
        """The first key whose rows are kept: there may be no partition for one before."""
        return self.bounds(_midnight(now - self.kept()))[0]


class Partition(NamedTuple):
    """A partition there is. `pending`: it is being detached; None: it is detached, and only to be dropped."""

    name: str
    pending: bool | None


_tables: dict[str, DailyTable] = {}
# The day for which this process has made partitions.
_ensured: datetime | None = None


def register(table: DailyTable) -> None:
    """Have the maintenance look after a table."""
    _tables[table.name] = table


def tables() -> list[DailyTable]:
    """All tables that are looked after."""
    return list(_tables.values())


def existing(table: str) -> list[str]:
    """Names of a table's partitions, oldest first."""
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
    """`ensure`, asked for often: once a day and process."""
    global _ensured
    today = _midnight(clock.now())
    if _ensured != today:
        ensure(today)
        _ensured = today


def create(table: DailyTable, day: datetime) -> bool:
    """Create the partition of a moment's day; return whether it was not there yet."""
    day = _midnight(day)
    name = table.partition(day)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_MAKING])
        cursor.execute("SELECT to_regclass(%s)", [name])
        if cursor.fetchone()[0] is not None:
            return False
        # A table of its own first: attaching it stops nobody, as creating it in its place would.
        cursor.execute(
            f"CREATE TABLE {name} (LIKE {table.name} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)"
            f" WITH (fillfactor = {table.fill_percent})"
        )
        cursor.execute(
            f"ALTER TABLE {table.name} ATTACH PARTITION {name} FOR VALUES FROM (%s) TO (%s)", table.bounds(day)
        )
    return True


def drop_expired(now: datetime | None = None) -> list[str]:
    """Drop the partitions of days whose time is over; returns their names. Not within a transaction.

    A partition is detached first, which stops neither readers nor writers: it waits for those that may still see it.
    Where these take longer than `LOCK_TIMEOUT_MS`, the next run goes on.
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
            except OperationalError as error:
                if not isinstance(error.__cause__, LockNotAvailable):
                    raise
                log.warning("partition is still read; the next run drops it", partition=partition.name)
    return dropped


def _drop(table: DailyTable, partition: Partition) -> None:
    with connection.cursor() as cursor:
        if partition.pending is not None:
            how = "FINALIZE" if partition.pending else "CONCURRENTLY"
            cursor.execute(f"ALTER TABLE {table.name} DETACH PARTITION {partition.name} {how}")
        cursor.execute(f"DROP TABLE {partition.name}")


@contextmanager
def _alone() -> Iterator[bool]:
    """Whether nobody else drops partitions while this lasts; locks are waited for so long only."""
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


class Standing(NamedTuple):
    """How the maintenance of a table stands, in days. `overdue`: how many are there whose time is over."""

    ahead: int
    overdue: int


def standing(now: datetime | None = None) -> Mapping[str, Standing]:
    """How far ahead partitions are made and how far behind they are dropped, by table."""
    now = now or clock.now()
    there = _partitions()
    return {
        table.name: Standing(
            ahead=sum(partition.name > table.partition(_midnight(now)) for partition in there[table.name]),
            overdue=sum(partition.name < table.oldest(now) for partition in there[table.name]),
        )
        for table in tables()
    }


def _partitions() -> Mapping[str, list[Partition]]:
    """By table: its partitions and those that were detached and not dropped, oldest first. One query."""
    found: dict[str, list[Partition]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(_SQL["existing"], {"tables": [table.name for table in tables()]})
        for table, name, pending in cursor.fetchall():
            found[table].append(Partition(name, pending))
    return found


def _midnight(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def message_retention() -> timedelta:
    """How long messages are kept after their day."""
    return timedelta(days=settings.MESSAGE_RETENTION_DAYS)


def task_retention() -> timedelta:
    """How long tasks are: as long as messages that are made of a file until a day after its push expired."""
    return message_retention() + longest_validity() + timedelta(days=1)


def receipt_retention() -> timedelta:
    """How long receipts are kept after the day of their message, which may get its status, and then its receipt, when
    its validity ends; a receipt is given up a day later."""
    return timedelta(days=settings.RECEIPT_RETENTION_DAYS + 1) + longest_validity()


def longest_validity() -> timedelta:
    """How long any message is valid at most."""
    return timedelta(seconds=settings.MAX_EXPIRED_SECONDS)


# Nearly every message is written a second time, a little longer, by its outcome, and finds room where it is.
MESSAGES = DailyTable("pushcore_message", message_retention, fill_percent=45)
TASKS = DailyTable("pushcore_pushtask", task_retention)
# Claims count for 24 hours (`pushcore.push.idempotency`).
CLAIMS = DailyTable("pushcore_messagekey", lambda: timedelta(days=1), Key.DATE)
RECEIPTS = DailyTable("pushcore_receipt", receipt_retention)
ATTEMPTS = DailyTable("pushcore_receiptattempt", receipt_retention, Key.TIME)
for _table in (MESSAGES, TASKS, CLAIMS, RECEIPTS, ATTEMPTS):
    register(_table)
