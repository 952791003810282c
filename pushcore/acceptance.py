"""Accepting a push: whatever its kind, keys are claimed, task and messages committed together, then handed over.

Success is answered only for what is committed; what the hand-over loses, the sweeper finds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from pushcore import bindings, broadcasts, committing, delivery
from pushcore.broadcasts import Audience
from pushcore.codes import statuses
from pushcore.models import Message, PushTask, Workspace
from pushcore.models.pushes import DeliveryType
from pushcore.msgkeys import KeyedTarget
from pushcore.ports import Outgoing
from pushcore.targets import ResolvedTarget, resolve


@dataclass(frozen=True, slots=True)
class Addressed(KeyedTarget):
    """A target, its msgkey, and what of the content is this message's own."""

    override: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A push whose limits have been checked. `content` is what all its messages share (bData), `fingerprint` tells
    whether a repeated msgkey comes with the same request. `keys` are claimed; `addressed` become messages, `audience`
    a broadcast."""

    kind: PushTask.Kind
    task_name: str
    delivery_type: int
    content: dict[str, Any]
    options: dict[str, Any]
    expired_seconds: int
    fingerprint: bytes
    keys: Sequence[KeyedTarget]
    addressed: Sequence[Addressed]
    audience: Audience | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """A push as it stands in its transaction: the task, and its messages with the devices they go to."""

    task: PushTask
    messages: Sequence[tuple[Message, ResolvedTarget | None]] = ()

    def hand_over(self) -> None:
        """The first attempt, once the transaction is committed; whatever becomes of it, the request is accepted."""
        if self.task.kind == PushTask.Kind.BROADCAST:
            broadcasts.spread()
        else:
            _hand_over(self.task, self.messages)


def accept(workspace: Workspace, draft: Draft, *, source: PushTask.Source, author: str) -> PushTask:
    """Commit the push and hand it over. Returns the task; the first one where the same request was accepted before.

    A fixed number of statements, however many targets. Raises `ResultError` (INVALID_PARAM) for a msgkey used by
    another request.
    """
    accepted = commit(workspace, draft, source=source, author=author)
    accepted.hand_over()
    return accepted.task


def commit(
    workspace: Workspace, draft: Draft, *, source: PushTask.Source, author: str, claimed: bool = False
) -> Accepted:
    """As `accept`, without handing over: for callers that have a transaction of their own around it.

    `claimed`: the keys were claimed for this push before (when it was scheduled).
    """
    now = timezone.now()
    task = PushTask(
        workspace=workspace,
        name=draft.task_name,
        kind=draft.kind,
        delivery_type=draft.delivery_type,
        source=source,
        author=author[:150],
        content=draft.content,
        options=draft.options,
        fingerprint=draft.fingerprint,
        expire_at=now + timedelta(seconds=draft.expired_seconds),
        created_at=now,
    )
    keys = () if claimed else draft.keys
    if draft.audience:
        return _commit_broadcast(task, draft.audience, keys)
    targets = list({entry.target for entry in draft.addressed})
    resolved = resolve(workspace, DeliveryType(draft.delivery_type), targets)
    messages = _messages(task, draft.addressed, resolved, now)
    task.message_count = len(messages)
    first = committing.commit(task, [message for message, _ in messages], keys)
    return Accepted(task, messages) if first is None else Accepted(first)


def _commit_broadcast(task: PushTask, audience: Audience, keys: Sequence[KeyedTarget]) -> Accepted:
    with transaction.atomic():
        broadcasts.serialise(task.workspace)
        broadcasts.check_room(task.workspace)
        first = committing.commit(task, (), keys)
        if first is None:
            broadcasts.save(task, audience)
    return Accepted(first or task)


def _messages(
    task: PushTask,
    addressed: Sequence[Addressed],
    resolved: Mapping[str, Sequence[ResolvedTarget]],
    now: datetime,
) -> list[tuple[Message, ResolvedTarget | None]]:
    """A row for each device of each target; a target without a device gets one row that waits."""
    wanted = [(entry, device) for entry in addressed for device in _devices_or_none(resolved, entry.target)]
    unresolved = statuses.NO_BIND_INFO if task.delivery_type == DeliveryType.USER else statuses.WAITING
    return [
        (
            Message(
                workspace_id=task.workspace_id,
                delivery_type=task.delivery_type,
                target=entry.target,
                msgkey=entry.msgkey,
                device_id=device.device_id if device else None,
                status=statuses.WAITING if device else unresolved,
                override=entry.override,
                expire_at=task.expire_at,
                updated_at=now,
            ),
            device,
        )
        for entry, device in wanted
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
            content=task.content | message.override if message.override else task.content,
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
