"""Events in: from devices, in batches, each counted once."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection, transaction

from analytics.models import MessageEvent
from pushcore import outcomes
from pushcore.ports import DeviceEvent


def take(events: Sequence[DeviceEvent]) -> int:
    """Keep the events that are about a message of the reporting device, or a broadcast it could get; returns how many
    were new. A fixed number of statements."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO analytics_messageevent (workspace_id, message_id, device_id, kind, at, received_at)"
            " SELECT m.workspace_id, m.id, m.device_id, e.kind, e.at, now()"
            " FROM unnest(%(messages)s::bigint[], %(devices)s::bigint[], %(kinds)s::text[], %(times)s::timestamptz[])"
            " AS e(message_id, device_id, kind, at)"
            " JOIN pushcore_message m ON m.id = e.message_id AND m.device_id = e.device_id"
            " WHERE m.id = ANY(%(messages)s::bigint[])"
            " UNION"
            " SELECT b.workspace_id, b.task_id, d.id, e.kind, e.at, now()"
            " FROM unnest(%(messages)s::bigint[], %(devices)s::bigint[], %(kinds)s::text[], %(times)s::timestamptz[])"
            " AS e(message_id, device_id, kind, at)"
            " JOIN pushcore_broadcast b ON b.task_id = e.message_id"
            " JOIN pushcore_device d ON d.id = e.device_id"
            " AND d.workspace_id = b.workspace_id AND d.platform = b.platform"
            " ORDER BY 2, 3, 4 ON CONFLICT DO NOTHING RETURNING message_id, kind",
            {
                "messages": [event.message_id for event in events],
                "devices": [event.device_id for event in events],
                "kinds": [event.event for event in events],
                "times": [event.at for event in events],
            },
        )
        new = cursor.fetchall()
        outcomes.record_arrivals([message_id for message_id, kind in new if kind == MessageEvent.Kind.ARRIVED])
    return len(new)
