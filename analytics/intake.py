"""Events in: from devices, in batches, each counted once."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection, transaction

from analytics import changes
from analytics.models import EVENTS, MessageEvent
from pushcore.delivery import outcomes
from pushcore.ports import DeviceEvent
from pushcore.storage import clock, ids


def _happened(made_id: str) -> str:
    """SQL: when an event happened. A device's clock that puts it before the message, or after now, is not believed."""
    made = f"to_timestamp((({made_id} >> {ids.SEQUENCE_BITS}) + {ids.created_at_ms(0)}) / 1000.0)"
    return f"least(greatest(e.at, {made}), now())"


def take(events: Sequence[DeviceEvent]) -> int:
    """Keep the events that are about a message of the reporting device, or a broadcast it could get; returns how many
    were new. A fixed number of statements."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO analytics_messageevent"
            " (workspace_id, message_id, task_id, channel, device_id, kind, at, received_at)"
            f" SELECT m.workspace_id, m.id, m.task_id, m.channel, m.device_id, e.kind, {_happened('m.id')}, now()"
            " FROM unnest(%(messages)s::bigint[], %(devices)s::bigint[], %(kinds)s::text[], %(times)s::timestamptz[])"
            " AS e(message_id, device_id, kind, at)"
            " JOIN pushcore_message m ON m.id = e.message_id AND m.device_id = e.device_id"
            " WHERE m.id = ANY(%(messages)s::bigint[]) AND m.id >= %(first_kept)s"
            " UNION"
            f" SELECT b.workspace_id, b.task_id, b.task_id, 0, d.id, e.kind, {_happened('b.task_id')}, now()"
            " FROM unnest(%(messages)s::bigint[], %(devices)s::bigint[], %(kinds)s::text[], %(times)s::timestamptz[])"
            " AS e(message_id, device_id, kind, at)"
            " JOIN pushcore_broadcast b ON b.task_id = e.message_id"
            " JOIN pushcore_device d ON d.id = e.device_id"
            " AND d.workspace_id = b.workspace_id AND d.platform = b.platform"
            " WHERE b.task_id >= %(first_kept)s"
            " ORDER BY 2, 5, 6 ON CONFLICT DO NOTHING RETURNING message_id, kind, id",
            {
                # Broadcasts are kept a little longer than what is said of them.
                "first_kept": EVENTS.first_kept(clock.now()),
                "messages": [event.message_id for event in events],
                "devices": [event.device_id for event in events],
                "kinds": [event.event for event in events],
                "times": [event.at for event in events],
            },
        )
        new = cursor.fetchall()
        outcomes.record_arrivals([message_id for message_id, kind, _ in new if kind == MessageEvent.Kind.ARRIVED])
        changes.note_events([event_id for _, kind, event_id in new if kind != MessageEvent.Kind.ARRIVED])
    return len(new)
