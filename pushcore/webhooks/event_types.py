"""The events that endpoints may ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from pushcore.codes import statuses


class EventType(Enum):
    """An event: `value` is its name in payloads, `label` what the console calls it."""

    MESSAGE_ARRIVED = ("message.arrived", _("a message is on its device"))
    MESSAGE_FAILED = ("message.failed", _("a message cannot be delivered"))
    MESSAGE_EXPIRED = ("message.expired", _("a message expired before it was delivered"))
    MESSAGE_REVOKED = ("message.revoked", _("a message was revoked before it was delivered"))
    MESSAGE_HELD_BACK = ("message.held_back", _("a cap or a missing consent kept a message back"))
    MESSAGE_OPENED = ("message.opened", _("a user opened a message"))
    DEVICE_REGISTERED = ("device.registered", _("a device registered"))
    DEVICE_REMOVED = ("device.removed", _("a device was removed"))
    DEVICE_TOKEN_LOST = ("device.token_lost", _("a device lost its token at a vendor's channel"))
    USER_BOUND = ("user.bound", _("a user was bound to a device"))
    USER_UNBOUND = ("user.unbound", _("a user's binding ended"))
    TASK_FINISHED = ("task.finished", _("all messages of a task have their final status"))

    def __init__(self, name: str, label: Promise) -> None:
        self.title = name
        self.label = label


NAMES: Sequence[str] = tuple(event.title for event in EventType)
LABELS: Mapping[str, Promise] = {event.title: event.label for event in EventType}
# Posted by hand, to one endpoint, whatever it asks for.
TEST = "webhook.test"

_BY_STATUS = {
    statuses.EXPIRED: EventType.MESSAGE_EXPIRED,
    statuses.REVOKED: EventType.MESSAGE_REVOKED,
    statuses.HELD_BACK: EventType.MESSAGE_HELD_BACK,
    statuses.NO_CONSENT: EventType.MESSAGE_HELD_BACK,
}


def of_final_status(status: int, *, arrives: bool) -> str:
    """Return the event that a final status is; empty for what a vendor took over and reports the arrival of later."""
    if status == statuses.ACKED:
        return EventType.MESSAGE_ARRIVED.title if arrives else ""
    return _BY_STATUS.get(status, EventType.MESSAGE_FAILED).title
