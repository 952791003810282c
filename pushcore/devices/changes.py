"""Telling whoever holds devices' connections that what these may be given has changed.

A device may be given something else once it serves another user or nobody, or is reached through another channel.
Whoever changes that, through whichever door, says so here; a session asks the database anew for all it has not
written yet. (architecture, "Who is told")
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from django.db import transaction

from pushcore.ports import device_listeners

log = structlog.get_logger(__name__)


def tell_changed(device_ids: Sequence[int]) -> None:
    """Tell, once the current transaction is committed (at once where there is none), that these devices' bindings or
    channels have changed. A few round trips, whatever the number. Never raises.
    """
    if device_ids:
        changed = sorted(set(device_ids))
        transaction.on_commit(lambda: _tell(changed))


def _tell(device_ids: Sequence[int]) -> None:
    for listener in device_listeners():
        try:
            listener(device_ids)
        except Exception:  # the change is committed; who could not be told reads everything anew when the bus is back
            log.exception("whoever holds the devices could not be told of a change", devices=len(device_ids))
