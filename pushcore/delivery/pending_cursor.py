"""A device's pending cursor: the message id up to which nothing waits for the device any more.

A device's messages are in one index, whatever became of them. An index of those that wait would be written to with
each outcome, and keep every outcome from being a HOT update (a row that stays on its page, and no index's affair). So
that a connect does not look at all of them again, a device keeps a low-water mark: of the messages up to it none
waits, and none will. A connect moves it on; being given an older message moves it back. Both lock the device's row
before they look at messages or let theirs be seen, so whichever comes second knows of the other.

The column is `settled_id` of the devices' table.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta

from django.db import connection, transaction

from pushcore.delivery import deliverable
from pushcore.storage import clock, ids
from pushcore.storage.sql import statements

_SQL = statements(__file__)

# Ids are made before their transaction commits: of messages so young more may come. Far more than any takes.
MARGIN = timedelta(hours=1)


def advance_on_connect(device_ids: Sequence[int], registering: Collection[int] = ()) -> None:
    """Note that devices are seen now, and move their cursors on as far as they can be. Two statements in all.

    Args:
        device_ids: Devices that have connected.
        registering: Those of them that may not have received their secret yet. The others have: what proves a
            registration whose answer was lost is spent (`pushcore.devices.installations`).
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_SQL["lock"], {"devices": list(device_ids)})
        cursor.execute(
            _SQL["advance"].format(waiting=deliverable.WAITING.message, valid=deliverable.VALID.message),
            {
                "devices": list(device_ids),
                "registering": list(registering),
                "oldest": deliverable.oldest_valid_id(),
                "recent": ids.first_id_at(clock.now() - MARGIN),
            },
        )


def move_back(given: Sequence[tuple[int, int]]) -> None:
    """Move the cursors of devices back that were given messages which may be older. Two statements in all.

    Part of the transaction that gives them.

    Args:
        given: (device id, message id) of each message.
    """
    device_ids, message_ids = [device_id for device_id, _ in given], [message_id for _, message_id in given]
    with connection.cursor() as cursor:
        cursor.execute(_SQL["lock"], {"devices": device_ids})
        cursor.execute(_SQL["move_back"], {"devices": device_ids, "messages": message_ids})
