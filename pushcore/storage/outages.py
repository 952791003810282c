"""Exceptions of a database or Valkey that is unavailable for a moment, which callers answer with HTTP 503."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import structlog
from django.db import Error as DatabaseFault  # noqa: TID251 - the one place
from django.db import InterfaceError, OperationalError, close_old_connections  # noqa: TID251

from pushcore.storage.valkey import ValkeyDown

# DatabaseFault is everything that PostgreSQL's driver raises: after a connection was lost first OperationalError, then
# InterfaceError, which is no DatabaseError (PEP 249). The narrower classes are imported only here (ruff: banned-api).
Unavailable = (DatabaseFault, *ValkeyDown)

__all__ = ["DatabaseFault", "Unavailable", "is_connection_lost", "log_outage", "run_until_stopped"]

RETRY_SECONDS = 1.0
log = structlog.get_logger(__name__)


def is_connection_lost(error: BaseException | None) -> bool:
    """Tell whether an error is about the connection, not about a statement (a forced update that found no row)."""
    return isinstance(error, InterfaceError | OperationalError)


def log_outage(log: Any, error: BaseException, **what: object) -> None:
    """Log an `Unavailable` that is answered with 503.

    An outage costs one line for each request, without a traceback, so that it does not fill the disk. Errors of a
    statement are logged with their traceback.

    Args:
        log: A structlog logger.
        error: The exception.
        what: Further fields of the log entry.
    """
    if isinstance(error, ValkeyDown) or is_connection_lost(error):
        log.warning("temporarily unavailable", error=f"{type(error).__name__}: {error}".splitlines()[0][:200], **what)
    else:
        log.error("temporarily unavailable", exc_info=error, **what)


def run_until_stopped(step: Callable[[], object], stop: threading.Event, on_fault: Callable[[], object]) -> None:
    """Repeat a step of work until `stop` is set; wait out outages of the database.

    After a fault the process's broken connections are closed and the next step follows `RETRY_SECONDS` later.

    Args:
        step: Does a bounded piece of work. What it leaves undone must be found again by a later step.
        stop: Ends the loop.
        on_fault: Called after a fault, to drop what was held in memory.
    """
    while not stop.is_set():
        try:
            step()
        except DatabaseFault:
            log.exception("the database is unavailable; tried again")
            on_fault()
            close_old_connections()
            stop.wait(RETRY_SECONDS)
