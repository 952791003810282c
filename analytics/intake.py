"""Events that devices report: stored in batches, each counted once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from django.db import connection, transaction

from analytics import changes
from analytics.models import EVENTS, MessageEvent
from pushcore.delivery import outcomes
from pushcore.ports import DeviceEvent
from pushcore.storage import clock
from pushcore.storage.sql import statements
from pushcore.webhooks import events as webhook_events
from pushcore.webhooks.event_types import EventType
from pushcore.webhooks.events import Opened

_SQL = statements(__file__)


class _Kept(NamedTuple):
    """A row of `keep`: an event that was not known yet, and whether a webhook wants it."""

    message_id: int
    kind: str
    event_id: int
    device_id: int
    is_told: bool


def take(events: Sequence[DeviceEvent]) -> int:
    """Store events, but for those that are not about a message of the reporting device or a broadcast it could get.

    Takes a fixed number of statements, however many events there are.

    Returns:
        How many were new.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            _SQL["keep"],
            {
                # Broadcasts are kept a little longer than what is said of them.
                "first_kept": EVENTS.first_kept(clock.now()),
                "messages": [event.message_id for event in events],
                "devices": [event.device_id for event in events],
                "kinds": [event.event for event in events],
                "opened": EventType.MESSAGE_OPENED.title,
                "times": [event.at for event in events],
            },
        )
        new = [_Kept(*row) for row in cursor.fetchall()]
        outcomes.record_arrivals([event.message_id for event in new if event.kind == MessageEvent.Kind.ARRIVED])
        webhook_events.messages_opened([Opened(event.message_id, event.device_id) for event in new if event.is_told])
        changes.note_events([event.event_id for event in new if event.kind != MessageEvent.Kind.ARRIVED])
    return len(new)
