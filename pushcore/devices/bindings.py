"""Bind users to devices, and give devices the messages that wait for their users.

Order matters (docs/architecture.md, "Races"): a bind commits, then looks for waiting messages; a push commits, then
looks for bindings. Whichever comes second sees the other.
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from django.db import connection, transaction

from pushcore.categories import consent
from pushcore.codes import statuses
from pushcore.delivery import deliverable, dispatch, pending_cursor
from pushcore.devices.changes import tell_changed
from pushcore.models import Binding, Device
from pushcore.models.pushes import DeliveryType, DeviceRules
from pushcore.security import crypto
from pushcore.storage import clock
from pushcore.storage.outages import DatabaseFault
from pushcore.storage.sql import statements
from pushcore.webhooks import events as webhook_events
from pushcore.webhooks.event_types import EventType

log = structlog.get_logger(__name__)
_SQL = statements(__file__)

# Messages one bind attaches at most; the sweeper attaches the rest.
MAX_ATTACHED = 1000


def bind(device: Device, user_id: str) -> None:
    """Bind a user to the device, end the former user's binding, and dispatch what waits for the user.

    Raises:
        Device.DoesNotExist: The device has been removed meanwhile.
    """
    now = clock.now()
    with transaction.atomic():
        # The device's row serialises its binds. What webhooks want comes with it.
        locked = Device.objects.select_for_update(of=("self",)).select_related("workspace")
        wanted = locked.only("pk", "workspace__webhook_events").get(pk=device.pk).workspace.webhook_events
        active = Binding.objects.filter(device=device, unbound_at__isnull=True)
        bound = list(active.values_list("user_id", flat=True))
        if former := [one for one in bound if one != user_id]:
            active.exclude(user_id=user_id).update(unbound_at=now, phone_number_sealed="")
            if EventType.USER_UNBOUND.title in wanted:
                webhook_events.devices_changed(EventType.USER_UNBOUND, {device.pk: {"userId": former[0]}})
        if user_id not in bound:
            if EventType.USER_BOUND.title in wanted:
                webhook_events.devices_changed(EventType.USER_BOUND, {device.pk: {"userId": user_id}})
            Binding.objects.create(workspace_id=device.workspace_id, device=device, user_id=user_id, bound_at=now)
            tell_changed([device.pk])
    attach_waiting(device.workspace_id, [user_id])


def unbind(device: Device, user_id: str) -> None:
    """End the binding, if there is one. The user's messages stay pending for the next device."""
    active = Binding.objects.filter(device=device, user_id=user_id, unbound_at__isnull=True)
    with transaction.atomic():
        if active.update(unbound_at=clock.now(), phone_number_sealed=""):
            webhook_events.devices_changed(EventType.USER_UNBOUND, {device.pk: {"userId": user_id}})
            tell_changed([device.pk])


def keep_phone_number(device: Device, user_id: str, phone_number: str) -> None:
    """Keep the bound user's phone number, encrypted, until the binding ends."""
    Binding.objects.filter(device=device, user_id=user_id, unbound_at__isnull=True).update(
        phone_number_sealed=crypto.encrypt(phone_number)
    )


def attach_bound_meanwhile(workspace_id: int, user_ids: Sequence[str]) -> None:
    """Attach messages just committed without a device whose users were bound meanwhile.

    A user may be bound between a push's look for devices and its commit; that bind saw no message. Costs one query
    where nobody was. Never raises: the messages are accepted, and the sweeper finds what is missed.
    """
    if not user_ids:
        return
    try:
        bound = Binding.objects.filter(workspace=workspace_id, user_id__in=user_ids, unbound_at__isnull=True)
        if found := list(bound.values_list("user_id", flat=True)):
            attach_waiting(workspace_id, found)
    except DatabaseFault:
        log.exception("attaching messages to users bound meanwhile failed", workspace=workspace_id)


def attach_waiting(workspace_id: int, user_ids: Sequence[str]) -> int:
    """Give the users' waiting messages a device, and dispatch them. Three statements, whatever the number.

    A message waits if it never had a device (status 1) or its device no longer serves the user. It goes to the user's
    most recently bound device, and never to one that has the same push already.

    Returns:
        How many messages were attached, at most `MAX_ATTACHED`.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            _SQL["attach_waiting"].format(still_bound=deliverable.STILL_BOUND.message),
            {
                "workspace": workspace_id,
                "users": list(user_ids),
                "oldest": deliverable.oldest_valid_id(),
                "to_users": DeliveryType.USER.value,
                "no_device": statuses.NO_BIND_INFO,
                "waiting": statuses.WAITING,
                "at_most": MAX_ATTACHED,
            },
        )
        attached: list[tuple[int, int, int]] = cursor.fetchall()
        if attached:
            pending_cursor.move_back([(device_id, message_id) for device_id, message_id, _ in attached])
    if asked := {device_id for device_id, _, rules in attached if rules & DeviceRules.CONSENT}:
        consent.end_waiting(sorted(asked))
    if attached:
        dispatch.to_lanes(deliverable.by_id([message_id for _, message_id, _ in attached]))
    return len(attached)
