"""A push on its way into the database: the rows of its task and messages, not yet inserted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from django.db import DEFAULT_DB_ALIAS

from pushcore.audience.walks import ResolvedCondition
from pushcore.broadcast.audience import Audience
from pushcore.categories.admission import Candidate
from pushcore.codes import statuses
from pushcore.models import Message, PushTask, Workspace
from pushcore.models.pushes import DeliveryType
from pushcore.ports import OutgoingMessage
from pushcore.push import sms
from pushcore.push.idempotency import IdempotencyKey
from pushcore.push.recipients import Recipient
from pushcore.push.targets import ResolvedTarget, Target
from pushcore.push.validation import ValidatedPush
from pushcore.storage import clock


@dataclass(slots=True)
class NewPush:
    """The rows of a push that is accepted: first its task, then its messages, at last their ids.

    Attributes:
        idempotency_keys: What the push claims.
        recipients: Whom its messages are for.
        targets: What is resolved of the recipients, in their order.
        audience: The devices that a broadcast is for; None of other pushes.
        condition: What the devices of an audience push meet; None of other pushes.
        messages: Its messages, once the devices of its recipients are known (`add_messages`).
        devices: The device of each message; None where the message waits for one.
    """

    task: PushTask
    idempotency_keys: Sequence[IdempotencyKey]
    recipients: Sequence[Recipient] = ()
    targets: Sequence[Target] = ()
    audience: Audience | None = None
    condition: ResolvedCondition | None = None
    messages: list[Message] = field(default_factory=list)
    devices: list[ResolvedTarget | None] = field(default_factory=list)

    @classmethod
    def of(
        cls, workspace: Workspace, push: ValidatedPush, *, source: PushTask.Source, author: str, claims: bool = True
    ) -> NewPush:
        """Make the row of a push's task, as of now. `claims`: whether its idempotency keys are to be claimed."""
        now = clock.now()
        last_sent_at = push.condition.last_sent_at(now) if push.condition else now
        task = PushTask(
            workspace=workspace,
            name=push.task_name,
            kind=push.kind,
            delivery_type=push.delivery_type,
            source=source,
            author=author[:150],
            content=push.content,
            options=push.options,
            fingerprint=push.fingerprint,
            expire_at=last_sent_at + timedelta(seconds=push.expired_seconds),
            created_at=now,
            message_category=push.message_category,
            device_rules=push.device_rules,
            inbox=push.inbox,
            sms=sms.as_json(push.sms),
        )
        targets = [Target(workspace.pk, push.delivery_type, recipient.target) for recipient in push.recipients]
        keys = push.idempotency_keys if claims else ()
        return cls(task, keys, push.recipients, targets, push.audience, push.condition)

    @property
    def names_targets(self) -> bool:
        """Whether its messages are made when it is accepted, of the targets that it names."""
        return self.audience is None and self.condition is None

    def add_messages(self, resolved: Mapping[Target, Sequence[ResolvedTarget]]) -> None:
        """Add a message for each device of each target; a target without a device gets one that waits."""
        task = self.task
        kind = Message.Kind.of(task)
        unresolved = statuses.NO_BIND_INFO if task.delivery_type == DeliveryType.USER else statuses.WAITING
        self.messages, self.devices = [], []
        for recipient, target in zip(self.recipients, self.targets, strict=True):
            for device in resolved.get(target) or (None,):
                self.devices.append(device)
                self.messages.append(
                    Message(
                        workspace_id=task.workspace_id,
                        delivery_type=task.delivery_type,
                        target=recipient.target,
                        msgkey=recipient.msgkey,
                        device_id=device.device_id if device else None,
                        status=statuses.WAITING if device else unresolved,
                        kind=kind,
                        device_rules=task.device_rules,
                        override=recipient.override,
                        expire_at=task.expire_at,
                        updated_at=task.created_at,
                    )
                )
        task.message_count = len(self.messages)

    @property
    def size(self) -> int:
        """How many ids its rows need."""
        return 1 + len(self.messages)

    def give_ids(self, made: Sequence[int]) -> None:
        """Give the task the first and the messages the other ids."""
        self.task.pk, *message_ids = made
        self.task.last_message_id = made[-1]
        for message, message_id in zip(self.messages, message_ids, strict=True):
            message.pk, message.task_id = message_id, self.task.pk

    def candidates(self) -> list[Candidate]:
        """Return the messages as their category's rules see them; the rows have their ids."""
        if not self.task.message_category:
            return []
        return [
            Candidate(message.pk, self.task, message.target, message.msgkey, message.device_id)
            for message in self.messages
        ]

    def mark_saved(self) -> None:
        """Mark the rows as saved, as `Model.save` does."""
        for row in (self.task, *self.messages):
            row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS

    def outgoing(self) -> list[OutgoingMessage]:
        """Return the messages that have a device, as lanes take them; the rows have their ids."""
        task = self.task
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
            for message, device in zip(self.messages, self.devices, strict=True)
            if device is not None
        ]

    def unbound_users(self) -> list[str]:
        """Return the users that had no device when the messages were made."""
        return [message.target for message in self.messages if message.status == statuses.NO_BIND_INFO]
