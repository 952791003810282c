"""Taking a push: checked, committed, handed over. The way of one message starts here.

    accept_simple -> limits -> claim keys, task, messages in ONE transaction -> (commit) -> delivery.hand_over

Success is answered only for what is committed; what the hand-over loses, the sweeper finds.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from pushcore import bindings, delivery, ids, limits
from pushcore.codes import statuses
from pushcore.models import Message, PushTask, Workspace
from pushcore.models.pushes import DeliveryType
from pushcore.msgkeys import KeyedTarget, claim
from pushcore.ports import Outgoing
from pushcore.targets import ResolvedTarget, resolve


@dataclass(frozen=True, slots=True)
class SimplePush:
    """A simple push as any door hands it in. Field names follow the API's parameters (API version 2020-10-28).

    `target_msgkey` maps target to msgkey. `android_channel`: 0 default, 1 self-built only. `vendor_options` holds what
    only vendors' channels read. `task_name_required`: the older API version insists on a name.
    """

    task_name: str
    title: str
    content: str
    delivery_type: int
    target_msgkey: Mapping[str, str]
    expired_seconds: int
    extended_params: Mapping[str, str] = field(default_factory=dict)
    push_action: int = 0
    uri: str = ""
    silent: int = 0
    notify_type: str = ""
    push_style: int = 0
    icon_urls: Mapping[str, str] = field(default_factory=dict)
    image_urls: Mapping[str, str] = field(default_factory=dict)
    android_channel: int = 0
    vendor_options: Mapping[str, Any] = field(default_factory=dict)
    task_name_required: bool = False


def accept_simple(workspace: Workspace, request: SimplePush, *, source: PushTask.Source, author: str) -> PushTask:
    """Accept a simple push: one message to each of up to 10 targets. Returns the committed task.

    The same request again (same msgkeys and targets, within 24 hours) returns the first task and sends nothing.
    Raises `ResultError` with the code of the limit it breaks; INVALID_PARAM for a msgkey used by another request.
    """
    limits.check_simple(request)
    now = timezone.now()
    content = _content_of(request)
    limits.check_payload(content)
    fingerprint = _fingerprint(request)
    keyed = [KeyedTarget(target, msgkey) for target, msgkey in request.target_msgkey.items()]
    with transaction.atomic():
        task_id, *message_ids = ids.new_ids(1 + len(keyed))
        first = claim(workspace, keyed, task_id=task_id, fingerprint=fingerprint, now=now)
        if first is not None:
            return first
        resolved = resolve(workspace, DeliveryType(request.delivery_type), [entry.target for entry in keyed])
        task = PushTask(
            id=task_id,
            workspace=workspace,
            name=request.task_name,
            kind=PushTask.Kind.SIMPLE,
            delivery_type=request.delivery_type,
            source=source,
            author=author[:150],
            content=content,
            options=_options_of(request),
            fingerprint=fingerprint,
            expire_at=now + timedelta(seconds=request.expired_seconds),
            created_at=now,
        )
        messages = _messages(task, keyed, resolved, message_ids, now)
        task.message_count = len(messages)
        task.save(force_insert=True)
        Message.objects.bulk_create([message for message, _ in messages])
    # Committed: from here on nothing may make the request fail.
    _hand_over(task, messages)
    return task


def _content_of(request: SimplePush) -> dict[str, Any]:
    """The part of bData that is the same for all messages of the task."""
    params = dict(request.extended_params)
    return {
        "title": request.title,
        "content": request.content,
        "url": request.uri,
        "action": request.push_action,
        "silent": request.silent,
        "style": request.push_style,
        "icon": dict(request.icon_urls),
        "image": dict(request.image_urls),
        "params": params,
        "badge": params.get("badge", ""),
        "sound": params.get("sound", ""),
        "templateCode": "",
        "notifyType": request.notify_type,
    }


def _options_of(request: SimplePush) -> dict[str, Any]:
    return {"androidChannel": request.android_channel, **request.vendor_options}


def _fingerprint(request: SimplePush) -> bytes:
    """What makes two requests the same: every parameter, in any order."""
    canonical = json.dumps(asdict(request), sort_keys=True, default=dict, separators=(",", ":"))
    return hashlib.blake2b(canonical.encode(), digest_size=16).digest()


def _messages(
    task: PushTask,
    keyed: Sequence[KeyedTarget],
    resolved: Mapping[str, Sequence[ResolvedTarget]],
    message_ids: Sequence[int],
    now: datetime,
) -> list[tuple[Message, ResolvedTarget | None]]:
    """A row for each device of each target; a target without a device gets one row that waits."""
    wanted = [(entry, device) for entry in keyed for device in _devices_or_none(resolved, entry.target)]
    spare = len(wanted) - len(message_ids)
    fresh = [*message_ids, *(ids.new_ids(spare) if spare > 0 else [])]
    unresolved = statuses.NO_BIND_INFO if task.delivery_type == DeliveryType.USER else statuses.WAITING
    return [
        (
            Message(
                id=message_id,
                workspace_id=task.workspace_id,
                task_id=task.pk,
                delivery_type=task.delivery_type,
                target=entry.target,
                msgkey=entry.msgkey,
                device_id=device.device_id if device else None,
                status=statuses.WAITING if device else unresolved,
                expire_at=task.expire_at,
                updated_at=now,
            ),
            device,
        )
        for message_id, (entry, device) in zip(fresh, wanted, strict=False)
    ]


def _devices_or_none(resolved: Mapping[str, Sequence[ResolvedTarget]], target: str) -> Sequence[ResolvedTarget | None]:
    return resolved.get(target) or (None,)


def _hand_over(task: PushTask, messages: Sequence[tuple[Message, ResolvedTarget | None]]) -> None:
    delivery.hand_over(
        Outgoing(
            message_id=message.pk,
            workspace_id=task.workspace_id,
            task_id=task.pk,
            kind=task.kind,
            target=message.target,
            msgkey=message.msgkey,
            expire_at=message.expire_at,
            content=task.content,
            options=task.options,
            device_id=device.device_id,
            platform=device.platform,
            third_channel=device.third_channel,
            third_token=device.third_token,
        )
        for message, device in messages
        if device is not None
    )
    unbound = [message.target for message, _ in messages if message.status == statuses.NO_BIND_INFO]
    if unbound:
        # A bind may have committed between our look at the bindings and our commit.
        bindings.attach_waiting(task.workspace_id, unbound)
