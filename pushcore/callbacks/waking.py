"""Words between those who write receipts and those who send them, by way of Valkey.

A word that is lost costs a second: senders look at the rows by themselves.
"""

from __future__ import annotations

import structlog

from pushcore.storage.valkey import ValkeyDown, client

log = structlog.get_logger(__name__)

_AWAKE = "mps:receipts:awake"
_ALIVE = "mps:receipts:alive"
_AWAKE_SECONDS = 60
# A sender shows itself more often than that.
ALIVE_SECONDS = 15


def wake_sender() -> None:
    """Say that receipts have become due."""
    try:
        client().set(_AWAKE, 1, ex=_AWAKE_SECONDS)
    except ValkeyDown:
        log.warning("receipt senders could not be woken; they look by themselves within a second")


def was_woken() -> bool:
    """Whether somebody has called since this was last asked. Raises what `ValkeyDown` names."""
    return bool(client().getdel(_AWAKE))


def show_alive() -> None:
    """A sign of life for `is_alive`. Raises what `ValkeyDown` names."""
    client().set(_ALIVE, 1, ex=ALIVE_SECONDS)


def is_alive() -> bool:
    """Whether a sender has shown itself lately. Raises what `ValkeyDown` names."""
    return bool(client().exists(_ALIVE))
