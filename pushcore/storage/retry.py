"""Repeat work for as long as a process or a connection lives, through outages of the database and of Valkey.

`run_until_stopped` is for threads, `run_forever` for event loops. Work that cannot be a step of a loop asks an
`OutageBackoff` itself. All wait and log alike.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from typing import NoReturn

import structlog
from django.db import close_old_connections
from redis.exceptions import RedisError

from pushcore.backoff import jittered_backoff
from pushcore.storage.outages import DatabaseFault, log_outage

log = structlog.get_logger(__name__)

# What a step may fail with. Wider than `Unavailable`: a loop goes on after a fault of a statement or command too.
StorageFault = (DatabaseFault, RedisError)

# How long is waited after the first failure, and at most after further ones.
FIRST_SECONDS, LONGEST_SECONDS = 0.25, 2.0
# How often failures in a row are logged.
LOG_SECONDS = 60.0


class OutageBackoff:
    """Counts the failures in a row of one kind of work: logs them, and says how long to wait.

    Logged are the first failure, one every `LOG_SECONDS`, one of another kind, and the recovery.
    """

    def __init__(self, work: str, longest: float = LONGEST_SECONDS) -> None:
        """Create the backoff.

        Args:
            work: What is repeated, for the log.
            longest: The most seconds to wait.
        """
        self._work = work
        self._longest = longest
        self._failures = 0
        self._began_at = self._logged_at = 0.0
        self._logged: type[BaseException] | None = None

    def failed(self, error: BaseException) -> float:
        """Note a failure; return the seconds to wait before the next attempt."""
        now = time.monotonic()
        if not self._failures:
            self._began_at = now
        self._failures += 1
        if type(error) is not self._logged or now - self._logged_at >= LOG_SECONDS:
            self._logged, self._logged_at = type(error), now
            log_outage(log, error, "work failed; tried again", work=self._work, failures=self._failures)
        return jittered_backoff(self._failures, first=FIRST_SECONDS, longest=self._longest)

    def succeeded(self) -> None:
        """Note a success: the outage is over, if there was one."""
        if self._failures:
            seconds = round(time.monotonic() - self._began_at, 1)
            log.info("work succeeds again", work=self._work, failures=self._failures, seconds=seconds)
            self._failures, self._logged = 0, None


def run_until_stopped(
    step: Callable[[], object],
    stop: threading.Event,
    *,
    work: str,
    on_failure: Callable[[], object] = lambda: None,
    longest: float = LONGEST_SECONDS,
) -> None:
    """Repeat a step until `stop` is set. After a failure the thread's broken connections are closed.

    Args:
        step: Does a bounded piece of work. What it leaves undone must be found again by a later step.
        stop: Ends the loop.
        work: What is repeated, for the log.
        on_failure: Called after a failure, for instance to drop what is held in memory.
        longest: The most seconds to wait after a failure.
    """
    backoff = OutageBackoff(work, longest)
    while not stop.is_set():
        try:
            step()
        except StorageFault as error:
            seconds = backoff.failed(error)
            on_failure()
            close_old_connections()
            stop.wait(seconds)
        else:
            backoff.succeeded()


async def run_forever(
    step: Callable[[], Awaitable[object]], *, work: str, on_failure: Callable[[], object] = lambda: None
) -> NoReturn:
    """Repeat a step until the task is cancelled or the step raises something else than a `StorageFault`.

    Args:
        step: Waits for work and does a bounded piece of it. What it leaves undone must be found again by a later step.
        work: What is repeated, for the log.
        on_failure: Called after a failure.
    """
    backoff = OutageBackoff(work)
    while True:
        try:
            await step()
        except StorageFault as error:
            seconds = backoff.failed(error)
            on_failure()
            await asyncio.sleep(seconds)
        else:
            backoff.succeeded()
