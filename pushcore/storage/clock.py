"""The database's clock in every process: validities are computed by it, whatever the hosts' clocks say.

A process reads it whenever it opens a database connection (`pushcore.storage.db_backend`); gateways, whose connections
last, also every 30 seconds. In between it advances by the monotonic clock, which nobody sets. Two processes on hosts
that disagree therefore agree on what has expired. Each process exports how far its host's clock is off as a metric and
logs it above two seconds.
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
# How far two clocks may drift apart in a second: as a reading grows older, a less precise one may take its place.
DRIFT = 1e-3

# SQL: the time in seconds since 1970.
READ = "SELECT extract(epoch FROM clock_timestamp())::float8"

OFFSET = Gauge(
    "mps_clock_offset_seconds",
    "Seconds by which the host's clock is ahead of the database's, when a process last compared them.",
    multiprocess_mode="all",
)


class _Reading(NamedTuple):
    """The database's time and the monotonic time of the same moment, in seconds; by how much they may be apart."""

    database: float
    monotonic: float
    uncertainty: float


_reading: _Reading | None = None
_warned_at = float("-inf")


def time() -> float:
    """Return seconds since 1970 by the database's clock; by the host's until it was first read."""
    reading = _reading
    if reading is None:
        return system.time()
    return reading.database + system.monotonic() - reading.monotonic


def now() -> datetime:
    """Return the time by the database's clock, in UTC."""
    return datetime.fromtimestamp(time(), UTC)


def offset() -> float:
    """Return how many seconds the host's clock is ahead of the database's, by the last reading."""
    return system.time() - time()


def read(cursor: Any, sql: str = READ) -> None:
    """Read the database's clock. On a busy host an answer is late: a recent reading that is more precise is kept.

    Args:
        cursor: An open cursor.
        sql: Statements of which the last is `READ`.
    """
    global _reading, _warned_at
    asked_at = system.monotonic()
    cursor.execute(sql)
    database = float(cursor.fetchone()[0])
    answered_at = system.monotonic()
    read_now = _Reading(database, (asked_at + answered_at) / 2, (answered_at - asked_at) / 2)
    if _reading is not None:
        age = read_now.monotonic - _reading.monotonic
        if read_now.uncertainty > _reading.uncertainty + DRIFT * age:
            return
    _reading = read_now
    OFFSET.set(offset())
    if abs(offset()) > WARN_ABOVE_SECONDS and answered_at - _warned_at > WARN_EVERY_SECONDS:
        _warned_at = answered_at
        log.warning("clock of this host differs from the database's", ahead_seconds=round(offset(), 1))


def refresh() -> None:
    """Read the database's clock again if the last reading is old; for processes that keep connections for long."""
    if _reading is None or system.monotonic() - _reading.monotonic > REFRESH_AFTER_SECONDS:
        with connection.cursor() as cursor:
            read(cursor)
