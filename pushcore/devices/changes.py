"""Notify the gateway nodes that hold devices of changes to what these devices may receive.

A device may receive other messages once it serves another user or nobody, or is reached through another channel. All
code that changes a binding or a channel calls `tell_changed`; the session then reads everything it has not written yet
from the database again (docs/architecture.md, "Races").
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from django.db import transaction

from pushcore.ports import device_listeners

log = structlog.get_logger(__name__)


def tell_changed(device_ids: Sequence[int]) -> None:
    """Notify listeners, after the current transaction commits, that bindings or channels of devices changed.

    Takes a few round trips, whatever the number. Never raises.
    """
    if device_ids:
        changed = sorted(set(device_ids))
        transaction.on_commit(lambda: _tell(changed))


def _tell(device_ids: Sequence[int]) -> None:
    for listener in device_listeners():
        try:
            listener(device_ids)
        except Exception:  # the change is committed; who could not be told reads everything anew when the bus is back
            log.exception("gateway could not be notified of changed devices", devices=len(device_ids))
