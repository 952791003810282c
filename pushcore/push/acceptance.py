"""Accepting a push: whatever its kind, keys are claimed, task and messages committed together, then handed over.

Success is answered only for what is committed; what the hand-over loses, the sweeper finds.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, connection, transaction

from pushcore.broadcast import broadcasts
from pushcore.broadcast.broadcasts import Audience
from pushcore.codes import statuses
from pushcore.delivery import dispatch
from pushcore.devices import bindings
from pushcore.models import Message, PushTask, Workspace
from pushcore.models.pushes import DeliveryType
from pushcore.ports import OutgoingMessage
from pushcore.push.group_commit import Together
from pushcore.push.idempotency import KeyedTarget
from pushcore.push.insert import Push, commit_alone, commit_together
from pushcore.push.targets import ResolvedTarget, Target, resolve_all
from pushcore.storage import clock

# Rows that pushes accepted at the same time write in one statement.
MAX_ROWS_TOGETHER = 1000


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


def accept(workspace: Workspace, draft: Draft, *, source: PushTask.Source, author: str) -> PushTask:
    """Commit the push and hand it over. Returns the task; the first one where the same request was accepted before.

    Pushes that this process's threads accept at the same time share their statements. Raises `ResultError`
    (INVALID_PARAM) for a msgkey used by another request.
    """
    incoming = _Incoming(workspace, draft, source, author[:150], clock.now(), draft.keys)
    accepted = None
    if draft.audience is None:
        with contextlib.suppress(IntegrityError):
            # What is in a caller's transaction stays in it.
            accepted = _accept_all([incoming])[0] if connection.in_atomic_block else _together.do(incoming)
    if accepted is None:
        accepted = _commit(incoming)
        deliver([accepted])
    return accepted.task


def commit(
    workspace: Workspace, draft: Draft, *, source: PushTask.Source, author: str, claimed: bool = False
) -> Accepted:
    """As `accept`, for callers that have a transaction of their own around it: they `deliver` once it is committed.

    `claimed`: the keys were claimed for this push before (when it was scheduled).
    """
    return _commit(_Incoming(workspace, draft, source, author[:150], clock.now(), () if claimed else draft.keys))


@dataclass(frozen=True, slots=True)
class _Incoming:
    """What `accept` was given."""

    workspace: Workspace
    draft: Draft
    source: PushTask.Source
    author: str
    now: datetime
    keys: Sequence[KeyedTarget]

    @property
    def size(self) -> int:
        return 1 + len(self.draft.addressed)

    @property
    def targets(self) -> list[Target]:
        return [Target(self.workspace.pk, self.draft.delivery_type, entry.target) for entry in self.draft.addressed]

    def rows(self, resolved: Mapping[Target, Sequence[ResolvedTarget]]) -> Accepted:
        """Its rows: a message for each device of each target; a target without a device gets one that waits."""
        draft = self.draft
        task = PushTask(
            workspace=self.workspace,
            name=draft.task_name,
            kind=draft.kind,
            delivery_type=draft.delivery_type,
            source=self.source,
            author=self.author,
            content=draft.content,
            options=draft.options,
            fingerprint=draft.fingerprint,
            expire_at=self.now + timedelta(seconds=draft.expired_seconds),
            created_at=self.now,
        )
        devices: list[ResolvedTarget | None] = []
        messages: list[Message] = []
        for entry, target in zip(draft.addressed, self.targets, strict=True):
            for device in resolved.get(target) or (None,):
                devices.append(device)
                messages.append(_message(task, entry, device))
        task.message_count = len(messages)
        return Accepted(Push(task, messages, self.keys), devices, draft.audience)


def _message(task: PushTask, entry: Addressed, device: ResolvedTarget | None) -> Message:
    unresolved = statuses.NO_BIND_INFO if task.delivery_type == DeliveryType.USER else statuses.WAITING
    return Message(
        workspace_id=task.workspace_id,
        delivery_type=task.delivery_type,
        target=entry.target,
        msgkey=entry.msgkey,
        device_id=device.device_id if device else None,
        status=statuses.WAITING if device else unresolved,
        override=entry.override,
        expire_at=task.expire_at,
        updated_at=task.created_at,
    )


@dataclass(frozen=True, slots=True)
class Accepted:
    """A push's rows, and the device of each of its messages; of a broadcast, its audience. `first`: the same request
    was accepted before."""

    push: Push
    devices: Sequence[ResolvedTarget | None]
    audience: Audience | None = None
    first: PushTask | None = None

    @property
    def task(self) -> PushTask:
        return self.first or self.push.task

    @property
    def unbound(self) -> list[str]:
        """Users of its messages that had no device when these were made."""
        return [message.target for message in self.push.messages if message.status == statuses.NO_BIND_INFO]

    def outgoing(self) -> list[OutgoingMessage]:
        task = self.push.task
        return [
            OutgoingMessage(
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
            for message, device in zip(self.push.messages, self.devices, strict=True)
            if device is not None
        ]


def deliver(committed: Sequence[Accepted]) -> None:
    """Make the first attempt for pushes that are committed: the rest of accepting them.

    Never raises: whatever becomes of it, these requests are accepted, and what is missed the sweeper finds.
    """
    for audience in [one.audience for one in committed if one.audience is not None]:
        broadcasts.tell_gateways()
        if audience.vendor_channels:
            broadcasts.wake_walker()
    new = [one for one in committed if one.first is None]
    dispatch.to_lanes([outgoing for one in new for outgoing in one.outgoing()])
    unbound: dict[int, list[str]] = defaultdict(list)
    for one in new:
        unbound[one.task.workspace_id] += one.unbound
    for workspace_id, user_ids in unbound.items():
        bindings.attach_bound_meanwhile(workspace_id, user_ids)


def _commit(incoming: _Incoming) -> Accepted:
    """Commit the push by itself, or the first one is found again."""
    accepted = incoming.rows(resolve_all(incoming.targets))
    audience = incoming.draft.audience
    if audience is None:
        return replace(accepted, first=commit_alone(accepted.push))
    with transaction.atomic():
        broadcasts.serialise(incoming.workspace)
        broadcasts.check_room(incoming.workspace)
        first = commit_alone(accepted.push)
        if first is None:
            broadcasts.save(accepted.push.task, audience)
    return replace(accepted, first=first)


def _accept_all(batch: Sequence[_Incoming]) -> list[Accepted | None]:
    """Commit and hand over; None for a push with a key that was used before. Raises `DatabaseFault`, and none is."""
    resolved = resolve_all(target for incoming in batch for target in incoming.targets)
    rows = [incoming.rows(resolved) for incoming in batch]
    committed = commit_together([accepted.push for accepted in rows])
    accepted = [accepted if done else None for accepted, done in zip(rows, committed, strict=True)]
    deliver([one for one in accepted if one is not None])
    return accepted


_together = Together(_accept_all, size=lambda incoming: incoming.size, limit=MAX_ROWS_TOGETHER)
