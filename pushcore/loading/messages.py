"""Messages made by the thousand: their rows in COPY's text format, and the first attempt to deliver them."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Protocol

import structlog
from django.db import connection

from pushcore.categories import admission
from pushcore.categories.admission import Candidate
from pushcore.channels import Channel
from pushcore.codes import statuses
from pushcore.delivery import dispatch, expiry
from pushcore.devices import bindings
from pushcore.models import Message, PushTask
from pushcore.models.pushes import DeliveryType
from pushcore.ports import OutgoingMessage, online
from pushcore.push.targets import ResolvedTarget
from pushcore.storage import clock
from pushcore.storage.valkey import ValkeyDown

log = structlog.get_logger(__name__)

DISPATCH_BATCH = 1000
# Contents of messages that are kept to be shared: what variants of a push have is encoded once, for they are few.
CONTENTS = 16

_NULL = "\\N"
_COPY = (
    "COPY pushcore_message (id, workspace_id, task_id, delivery_type, target, msgkey, device_id, status, channel,"
    " kind, device_rules, override, expire_at, updated_at) FROM STDIN"
)


class Entry(Protocol):
    """Whom a message is for."""

    @property
    def target(self) -> str:
        """The name of a user or a device."""

    @property
    def msgkey(self) -> str:
        """The backend's own id of the message."""

    @property
    def override(self) -> str | None:
        """What of the content is the message's own, as JSON."""


# A message to be inserted: its id, whom it is for, and the device it goes to, if any.
NewMessage = tuple[int, Entry, ResolvedTarget | None]


def rows_of(task: PushTask, messages: Sequence[NewMessage]) -> bytes:
    """Return messages in COPY's text format."""
    unresolved = statuses.NO_BIND_INFO if task.delivery_type == DeliveryType.USER else statuses.WAITING
    common = f"\t{task.workspace_id}\t{task.pk}\t"
    # An audience has devices of many types; a file's targets are of one.
    by_device = task.delivery_type == DeliveryType.AUDIENCE
    ends = f"\t{task.expire_at.isoformat()}\t{clock.now().isoformat()}\n"
    constant = f"{Channel.SELF_BUILT}\t{int(Message.Kind.of(task))}\t{task.device_rules}\t"
    bound = f"\t{statuses.WAITING}\t{constant}"
    unbound = f"{_NULL}\t{unresolved}\t{constant}"
    return "".join(
        [
            f"{message_id}{common}{device.platform if by_device and device else task.delivery_type}"
            f"\t{_escaped(entry.target)}\t{_escaped(entry.msgkey)}\t"
            f"{f'{device.device_id}{bound}' if device else unbound}{_escaped(entry.override)}{ends}"
            for message_id, entry, device in messages
        ]
    ).encode()


def copy(rows: bytes) -> None:
    """Insert rows in COPY's text format."""
    with connection.cursor() as cursor:
        cursor.copy_expert(_COPY, io.BytesIO(rows), 1 << 18)


def admit(task: PushTask, messages: Sequence[NewMessage]) -> None:
    """Let the task's category decide which of the messages, inserted in the same transaction, are not sent."""
    if task.message_category:
        admission.admit(
            [
                Candidate(message_id, task, entry.target, entry.msgkey, device.device_id if device else None)
                for message_id, entry, device in messages
            ]
        )


def _escaped(text: str | None) -> str:
    """Escape text for COPY; an entry holds no line feed, JSON no control character."""
    if text is None:
        return _NULL
    if "\\" in text or not text.isprintable():
        return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\r", "\\r")
    return text


def deliver(task: PushTask, messages: Sequence[NewMessage]) -> None:
    """Make the first attempt for the messages of a block that is committed; those made too late expire."""
    if task.expire_at <= clock.now():
        expiry.expire([message_id for message_id, _, _ in messages])
        return
    _dispatch_reachable(task, messages)
    if task.delivery_type == DeliveryType.USER:
        unbound = [entry.target for _, entry, device in messages if device is None]
        bindings.attach_bound_meanwhile(task.workspace_id, unbound)


def _dispatch_reachable(task: PushTask, messages: Sequence[NewMessage]) -> None:
    """Dispatch the messages to devices that are connected, or that a vendor may reach."""
    try:
        here = online(list({device.device_id for _, _, device in messages if device is not None}))
    except ValkeyDown:
        log.warning("Valkey is unavailable; the sweeper will dispatch the messages", task=task.pk)
        return

    @lru_cache(CONTENTS)
    def content_with(override: str | None) -> dict[str, Any]:
        content: dict[str, Any] = task.content | json.loads(override) if override else task.content
        return content

    ready = (
        _outgoing(task, message_id, entry, device, content_with(entry.override))
        for message_id, entry, device in messages
        if device is not None and (device.device_id in here or device.third_token)
    )
    while batch := list(itertools.islice(ready, DISPATCH_BATCH)):
        dispatch.first_attempt(batch, has_category=bool(task.message_category))


def _outgoing(
    task: PushTask, message_id: int, entry: Entry, device: ResolvedTarget, content: dict[str, Any]
) -> OutgoingMessage:
    return OutgoingMessage(
        message_id=message_id,
        workspace_id=task.workspace_id,
        task_id=task.pk,
        kind=task.kind,
        target=entry.target,
        msgkey=entry.msgkey,
        expire_at=task.expire_at,
        content=content,
        options=task.options,
        device_id=device.device_id,
        platform=device.platform,
        third_channel=device.third_channel,
        third_token=device.third_token,
    )
