"""What is away for a moment, as exceptions: whoever asks is told to come again (HTTP 503), not of a fault of ours."""

from __future__ import annotations

from typing import Any

from django.db import Error as DatabaseFault
from django.db import InterfaceError, OperationalError  # noqa: TID251 - the one place

from pushcore.storage.valkey import ValkeyDown

# DatabaseFault is all that PostgreSQL's driver raises: of a connection that was lost first OperationalError and then
# InterfaceError, which is no DatabaseError (PEP 249). Nothing else of these is imported anywhere (ruff: banned-api).
Unavailable = (DatabaseFault, *ValkeyDown)

__all__ = ["DatabaseFault", "Unavailable", "is_connection_lost", "log_outage"]


def is_connection_lost(error: BaseException | None) -> bool:
    """Whether it speaks of the connection, not of what was asked over it (a forced update that found no row)."""
    return isinstance(error, InterfaceError | OperationalError)


def log_outage(log: Any, error: BaseException, **what: object) -> None:
    """Write a line about an `Unavailable` that is answered 503; where it is about what was asked, with the traceback.

    A line a request, and no traceback: an outage must not fill the disk with what everybody knows.
    """
    if isinstance(error, ValkeyDown) or is_connection_lost(error):
        log.warning("temporarily unavailable", error=f"{type(error).__name__}: {error}".splitlines()[0][:200], **what)
    else:
        log.error("temporarily unavailable", exc_info=error, **what)
