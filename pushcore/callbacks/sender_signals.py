"""Signals between those who write receipts and the senders that post them, by way of Valkey.

A lost signal costs a second: senders poll the rows by themselves.
"""

from __future__ import annotations

import structlog

from pushcore.storage.valkey import ValkeyDown, client

log = structlog.get_logger(__name__)

_AWAKE = "mps:receipts:awake"
_ALIVE = "mps:receipts:alive"
_AWAKE_SECONDS = 60
# Senders write their heartbeat more often than that.
ALIVE_SECONDS = 15


def wake_sender() -> None:
    """Tell senders that receipts have become due. Never raises."""
    try:
        # A list of one element, for a list can be waited for.
        client().pipeline().lpush(_AWAKE, 1).ltrim(_AWAKE, 0, 0).expire(_AWAKE, _AWAKE_SECONDS).execute()
    except ValkeyDown:
        log.warning("receipt sender could not be woken; it polls within a second")


def was_woken() -> bool:
    """Tell, and reset, whether `wake_sender` was called.

    Raises:
        ValkeyDown: Valkey is unavailable.
    """
    return client().lpop(_AWAKE) is not None


def wait_for_wake(seconds: float) -> bool:
    """Wait until `wake_sender` is called, or was not seen yet; tell, and reset, whether it was.

    Args:
        seconds: How long to wait; less than an answer of Valkey may take (`pushcore.storage.valkey`).

    Raises:
        ValkeyDown: Valkey is unavailable.
    """
    return client().blpop([_AWAKE], timeout=seconds) is not None


def heartbeat() -> None:
    """Show that a sender is alive, for `ALIVE_SECONDS`.

    Raises:
        ValkeyDown: Valkey is unavailable.
    """
    client().set(_ALIVE, 1, ex=ALIVE_SECONDS)


def is_alive() -> bool:
    """Tell whether a sender wrote its heartbeat lately.

    Raises:
        ValkeyDown: Valkey is unavailable.
    """
    return bool(client().exists(_ALIVE))
