"""The database's clock, as each process knows it: by it validities are reckoned, whatever clocks the hosts have.

A process reads it whenever it opens a database connection (`pushcore.storage.db_backend`), and gateways now and
then; in between
it counts on by the monotonic clock, which nobody sets. Two processes whose hosts disagree therefore agree on what has
expired. How far its own clock is off, each process says in a metric and, above two seconds, in its log.
"""

from __future__ import annotations

import time as system
from datetime import UTC, datetime
from typing import Any, NamedTuple

import structlog
from django.db import connection
from prometheus_client import Gauge

log = structlog.get_logger(__name__)

WARN_ABOVE_SECONDS = 2.0
WARN_EVERY_SECONDS = 600.0
REFRESH_AFTER_SECONDS = 30.0
# An answer that took longer tells little of the time; it is used only where there is no other.
LONGEST_ANSWER_SECONDS = 1.0

# The time in seconds since 1970.
READ = "SELECT extract(epoch FROM clock_timestamp())::float8"

OFFSET = Gauge(
    "mps_clock_offset_seconds",
    "How far the process's clock is ahead of the database's when it last read it.",
    multiprocess_mode="all",
)


class _Reading(NamedTuple):
    """The database's time and the monotonic time, at the same moment, in seconds."""

    database: float
    monotonic: float


_reading: _Reading | None = None
_warned_at = float("-inf")


def time() -> float:
    """Seconds since 1970 by the database's clock; by the process's own until it has read that."""
    reading = _reading
    if reading is None:
        return system.time()
    return reading.database + system.monotonic() - reading.monotonic


def now() -> datetime:
    """The time by the database's clock, aware."""
    return datetime.fromtimestamp(time(), UTC)


def offset() -> float:
    """How many seconds the process's clock is ahead of the database's, as far as is known."""
    return system.time() - time()


def read(cursor: Any, sql: str = READ) -> None:
    """Read the database's clock; `sql` ends with `READ`."""
    global _reading, _warned_at
    asked = system.monotonic()
    cursor.execute(sql)
    database = float(cursor.fetchone()[0])
    answered = system.monotonic()
    if _reading is not None and answered - asked > LONGEST_ANSWER_SECONDS:
        return
    _reading = _Reading(database, (asked + answered) / 2)
    OFFSET.set(offset())
    if abs(offset()) > WARN_ABOVE_SECONDS and answered - _warned_at > WARN_EVERY_SECONDS:
        _warned_at = answered
        log.warning("this host's clock is not the database's", ahead_seconds=round(offset(), 1))


def refresh() -> None:
    """Read the database's clock again if the last reading is old: where connections are kept for long."""
    if _reading is None or system.monotonic() - _reading.monotonic > REFRESH_AFTER_SECONDS:
        with connection.cursor() as cursor:
            read(cursor)
