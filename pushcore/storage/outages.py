"""Exceptions of a database or Valkey that is unavailable for a moment, which callers answer with HTTP 503."""

from __future__ import annotations

from typing import Any

from django.db import Error as DatabaseFault  # noqa: TID251 - the one place
from django.db import InterfaceError, OperationalError  # noqa: TID251
from redis.exceptions import RedisError

from pushcore.storage.valkey import ValkeyDown

# DatabaseFault is everything that PostgreSQL's driver raises: after a connection was lost first OperationalError, then
# InterfaceError, which is no DatabaseError (PEP 249). The narrower classes are imported only here (ruff: banned-api).
Unavailable = (DatabaseFault, *ValkeyDown)

__all__ = ["DatabaseFault", "Unavailable", "is_connection_lost", "is_outage", "log_outage"]


def is_connection_lost(error: BaseException | None) -> bool:
    """Tell whether an error is about the connection, not about a statement (a forced update that found no row)."""
    return isinstance(error, InterfaceError | OperationalError)


def is_outage(error: BaseException | None) -> bool:
    """Tell whether the database or Valkey is away, and the same work may succeed later."""
    return isinstance(error, RedisError) or is_connection_lost(error)


def log_outage(log: Any, error: BaseException, event: str = "temporarily unavailable", /, **what: object) -> None:
    """Log that work failed in an outage.

    An outage costs one line, without a traceback, so that it does not fill the disk. Errors of a statement, and any
    others, are logged with their traceback.

    Args:
        log: A structlog logger.
        error: The exception.
        event: The log entry's event.
        what: Further fields of the log entry.
    """
    if is_outage(error):
        log.warning(event, error=f"{type(error).__name__}: {error}".splitlines()[0][:200], **what)
    else:
        log.error(event, exc_info=error, **what)
