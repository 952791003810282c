"""Remove devices that unregistered or were not seen for `MPS_DEVICE_RETENTION_DAYS`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import connection, transaction

from pushcore.codes import statuses
from pushcore.devices.changes import tell_changed
from pushcore.models import Device, Watermark
from pushcore.ports import online
from pushcore.storage import clock, ids
from pushcore.storage.sql import statements
from pushcore.storage.valkey import ValkeyDown
from pushcore.webhooks import events as webhook_events
from pushcore.webhooks.event_types import EventType

log = structlog.get_logger(__name__)
_SQL = statements(__file__)

# Devices looked at, and removed, at a time.
PAGE = 10_000
STEP = 1_000
_NAME = "device_retention"


def remove(device_ids: Sequence[int]) -> int:
    """Delete devices and all that belongs to them except messages, in one transaction.

    Messages to a device that wait are never delivered; those to a user wait for the user's next device.

    Returns:
        How many of the devices existed.
    """
    with transaction.atomic():
        # Locked in one order, as everywhere; whoever binds one meanwhile waits, and finds it gone.
        mine = Device.objects.select_for_update().filter(pk__in=device_ids).order_by("pk")
        removed = list(mine.values_list("pk", flat=True))
        webhook_events.devices_changed(EventType.DEVICE_REMOVED, {device_id: {} for device_id in removed})
        Device.objects.filter(pk__in=removed).delete()
        tell_changed(removed)
    return len(removed)


def remove_unseen(*, budget_seconds: float = 20.0) -> int:
    """Remove devices unseen for `MPS_DEVICE_RETENTION_DAYS`, and bindings that ended before.

    A run continues where the last one stopped, in batches of ids, and starts over after the last device. A second run
    at the same time finds the watermark leased and does nothing.

    Returns:
        How many devices were removed.
    """
    if not settings.DEVICE_RETENTION_DAYS:
        return 0
    deadline, now = time.monotonic() + budget_seconds, clock.now()
    mark = Watermark.lease(_NAME, 3 * budget_seconds)
    if mark is None:
        return 0
    position, removed = mark.position, 0
    since = now - timedelta(days=settings.DEVICE_RETENTION_DAYS)
    try:
        while time.monotonic() < deadline:
            end = _end_of_batch(position)
            if end is None:
                position = 0
                break
            removed += _remove_between(position, end, since)
            position = end
    except ValkeyDown:
        log.warning("Valkey is unavailable; no unseen device is removed")
    finally:
        mark.release(position)
    return removed


def _end_of_batch(position: int) -> int | None:
    """Return the id that ends the next batch, None after the last device."""
    batch = Device.objects.filter(pk__gt=position).order_by("pk").values_list("pk", flat=True)[:PAGE]
    device_ids = list(batch)
    return device_ids[-1] if device_ids else None


def _remove_between(after: int, to: int, since: datetime) -> int:
    first_kept = ids.first_id_at(clock.now() - timedelta(days=settings.MESSAGE_RETENTION_DAYS + 1))
    parameters: dict[str, Any] = {"after": after, "to": to, "since": since}
    with connection.cursor() as cursor:
        cursor.execute(_SQL["delete_former_bindings"], parameters)
        cursor.execute(_SQL["unseen"], {**parameters, "kept": first_kept, "acknowledged": statuses.ACKED})
        unseen = [device_id for (device_id,) in cursor.fetchall()]
    # A connection may last longer than devices are kept.
    connected = online(unseen) if unseen else set()
    unseen = [device_id for device_id in unseen if device_id not in connected]
    return sum(remove(unseen[start : start + STEP]) for start in range(0, len(unseen), STEP))
