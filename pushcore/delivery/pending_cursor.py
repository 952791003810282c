"""Up to which message nothing waits for a device any more: what its next connects need not look at.

A device's messages are in one index, whatever became of them. An index of those that wait would be written to with
each outcome, and keep every outcome from being a HOT update (a row that stays on its page, and no index's affair). So
that a connect does not look at all of them again, a device keeps `settled_id`: of the messages up to it none waits,
and none will. Coming back moves it on; being given an older message moves it back. Both lock the device's row before
they look at messages or let theirs be seen, so whichever comes second knows of the other.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from pushcore.codes import statuses
from pushcore.storage import clock, ids

# Ids are made before their transaction commits: of messages so young more may come. Far more than any takes.
MARGIN = timedelta(hours=1)


def oldest_pending_id() -> int:
    """No message with a smaller id can still be valid: partitions before it need not be looked at."""
    return ids.first_id_at(clock.now() - timedelta(seconds=settings.MAX_EXPIRED_SECONDS + 60))


def note_return(device_ids: Sequence[int], registering: Collection[int] = ()) -> None:
    """Devices are back: they are seen now, and settled as far as they can be. Two statements, whatever the number.

    `registering`: those of them that may not have received their secret yet. The others have: what proves a
    registration whose answer was lost is spent (`pushcore.devices.installations`).
    """
    with transaction.atomic(), connection.cursor() as cursor:
        _lock(cursor, device_ids)
        cursor.execute(
            "UPDATE pushcore_device d SET last_seen_at = now(), registration_hash ="
            " CASE WHEN d.id = ANY(%(registering)s) THEN d.registration_hash ELSE '' END,"
            " settled_id = greatest(d.settled_id, coalesce("
            f" (SELECT m.id FROM pushcore_message m WHERE m.device_id = d.id AND m.status = {statuses.WAITING}"
            "  AND m.expire_at > now() AND m.id > d.settled_id AND m.id >= %(oldest)s AND m.id < %(recent)s"
            "  ORDER BY m.id LIMIT 1), %(recent)s) - 1) WHERE d.id = ANY(%(devices)s)",
            {
                "oldest": oldest_pending_id(),
                "recent": ids.first_id_at(clock.now() - MARGIN),
                "devices": list(device_ids),
                "registering": list(registering),
            },
        )


def reopen(given: Sequence[tuple[int, int]]) -> None:
    """Devices were given messages, as (device id, message id), that may be older than what they have settled.

    Part of the transaction that gives them. Two statements.
    """
    with connection.cursor() as cursor:
        _lock(cursor, [device_id for device_id, _ in given])
        cursor.execute(
            "UPDATE pushcore_device d SET settled_id = g.first - 1"
            " FROM (SELECT device_id, min(message_id) AS first"
            "  FROM unnest(%s::bigint[], %s::bigint[]) AS given(device_id, message_id) GROUP BY device_id) g"
            " WHERE d.id = g.device_id AND d.settled_id >= g.first",
            [[device_id for device_id, _ in given], [message_id for _, message_id in given]],
        )


def _lock(cursor: Any, device_ids: Sequence[int]) -> None:
    """A statement of its own, and in one order: the next one sees what was committed while this one waited."""
    cursor.execute("SELECT 1 FROM pushcore_device WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE", [list(device_ids)])
