"""Devices that refuse marketing messages, and what becomes of those that wait for them.

From the moment a device refuses, none is delivered to it (`pushcore.delivery.deliverable.CONSENT`). Those that wait
become NoConsent in batches: at once as far as a batch goes, the rest by a periodic task. A device stays on its list for
a while, for a push may have been decided before the refusal and be committed after it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta

from django.db import connection, transaction

from pushcore.codes import statuses
from pushcore.codes.results import ResultCode, ResultError
from pushcore.delivery import deliverable, outcomes
from pushcore.devices.changes import tell_changed
from pushcore.models import Binding, ConsentRefusal, Device
from pushcore.models.pushes import DeviceRules
from pushcore.ports import Outcome
from pushcore.storage import clock
from pushcore.storage.sql import statements

_SQL = statements(__file__)

# Messages that end in one transaction, and devices looked at for them.
BATCH = 1000
DEVICES = 100
# More than a push takes from the decision to the commit.
LATE_PUSHES = timedelta(minutes=2)


def parse(value: object) -> bool | None:
    """Read what a device or a backend says: true, false, or null for "not known".

    Raises:
        ResultError: It is something else (INVALID_PARAM).
    """
    if value is None or isinstance(value, bool):
        return value
    raise ResultError(ResultCode.INVALID_PARAM, "marketingConsent is true, false or null", parameter="marketingConsent")


def set_consent(device_ids: Sequence[int], consent: bool | None) -> None:
    """Keep whether devices take marketing messages; what waits for those that refuse ends. Four statements and a batch.

    Args:
        device_ids: The devices.
        consent: None where it is not known, which counts as allowed.
    """
    if not device_ids:
        return
    now = clock.now()
    with transaction.atomic():
        # Locked in one order, as everywhere.
        mine = Device.objects.select_for_update(no_key=True).filter(pk__in=device_ids).order_by("pk")
        changed = [pk for pk, former in mine.values_list("pk", "marketing_consent") if former is not consent]
        Device.objects.filter(pk__in=changed).update(marketing_consent=consent)
        if consent is False:
            ConsentRefusal.objects.bulk_create(
                [ConsentRefusal(device_id=pk, refused_at=now) for pk in changed],
                update_conflicts=True,
                update_fields=["refused_at"],
                unique_fields=["device"],
            )
        tell_changed(changed)
    if consent is False:
        end_waiting(changed[:DEVICES])


def devices_of_users(workspace_id: int, user_ids: Sequence[str]) -> list[int]:
    """Return the devices that the users are bound to now."""
    bound = Binding.objects.filter(workspace=workspace_id, user_id__in=user_ids, unbound_at__isnull=True)
    return list(bound.values_list("device_id", flat=True))


def end_waiting(device_ids: Sequence[int]) -> int:
    """End the marketing messages that wait for devices which refuse them, at most a batch; return how many."""
    if not device_ids:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            _SQL["waiting"].format(waiting=deliverable.WAITING.message),
            {
                "devices": list(device_ids),
                "oldest": deliverable.oldest_valid_id(),
                "consent": DeviceRules.CONSENT.value,
                "at_most": BATCH,
            },
        )
        message_ids = [message_id for (message_id,) in cursor.fetchall()]
    return outcomes.record([Outcome(message_id, statuses.NO_CONSENT) for message_id in message_ids])


def any_refused() -> bool:
    """Return whether a device refused marketing messages lately."""
    return ConsentRefusal.objects.exists()


def end_all(*, budget_seconds: float = 8.0) -> int:
    """End what waits for the devices that refused lately, until none is left or the time is spent.

    Safe to run at once with itself: an outcome is recorded once.

    Returns:
        How many messages ended.
    """
    deadline, ended, after = time.monotonic() + budget_seconds, 0, 0
    while time.monotonic() < deadline:
        rows = ConsentRefusal.objects.filter(pk__gt=after).order_by("pk")
        refusals = list(rows.values_list("device_id", "refused_at")[:DEVICES])
        if not refusals:
            break
        device_ids = [device_id for device_id, _ in refusals]
        if batch := end_waiting(device_ids):
            ended += batch
            continue
        over = clock.now() - LATE_PUSHES
        ConsentRefusal.objects.filter(pk__in=device_ids, refused_at__lt=over).delete()
        after = device_ids[-1]
    return ended
