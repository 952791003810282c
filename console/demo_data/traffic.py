"""Writes the demo's pushes into the past: tasks, messages, what vendors and devices said of them, and the sums."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from analytics import changes
from analytics.models import Change, MessageEvent
from channels_vendor.models import VendorMessage
from console.demo_data.plan import PlannedPush
from console.demo_data.simulation import DeliverySimulation
from pushcore.broadcast import broadcasts
from pushcore.broadcast.audience import Audience
from pushcore.channels import Channel
from pushcore.codes import statuses
from pushcore.devices import registry
from pushcore.models import (
    Broadcast,
    Device,
    FileFault,
    FileImport,
    Message,
    Occurrence,
    PushTask,
    Revocation,
    Workspace,
)
from pushcore.models.pushes import DeliveryType
from pushcore.push.new_push import NewPush
from pushcore.push.targets import ResolvedTarget, resolve_all
from pushcore.push.validation import validate
from pushcore.storage import ids

_BATCH = 1000
# What was wrong with lines of the file of a multiple push.
_FAULTS = (
    (41, "the record has no target", ",st-41,name=Ida"),
    (97, "#month# has no value", "leo.dahl,st-97,name=Leo"),
    (163, "the record has no msgkey", "rosa.ito,,name=Rosa;month=October"),
)


class PastPushes:
    """The pushes of a workspace, on their way into the database.

    Args:
        workspace: Whose pushes.
        simulation: Decides what becomes of messages.
        devices: The workspace's devices, which broadcasts reach.
        bound: The ids of those that serve a user.
    """

    def __init__(
        self,
        workspace: Workspace,
        simulation: DeliverySimulation,
        devices: Sequence[Device],
        bound: set[int],
    ) -> None:
        self._workspace = workspace
        self._simulation = simulation
        self._devices = devices
        self._bound = bound
        self._ids = 0
        self.tasks: list[PushTask] = []
        self.messages: list[Message] = []
        self._broadcasts: list[Broadcast] = []
        self._arrivals: dict[int, list[tuple[datetime, int]]] = {}
        self._rows: list[Any] = []

    def add(self, planned: Sequence[PlannedPush]) -> None:
        """Make the rows of pushes, in the order of their times, and decide what became of their messages."""
        pushes = [(push, self._new_push(push)) for push in planned]
        resolved = resolve_all(target for _, new in pushes for target in new.targets)
        for push, new in pushes:
            new.add_messages(resolved)
            if new.audience is not None:
                self._address_vendors_devices(new, new.audience)
            new.give_ids(self._ids_at(push.at, new.size))
            for message, device in zip(new.messages, new.devices, strict=True):
                self._simulation.deliver(
                    message, device, push.at, opened=push.opened, revoked_at=push.revoked_at
                )  # fmt: skip
            task = new.task
            self.tasks.append(task)
            self.messages += new.messages
            _count(task, new.messages)
            if new.audience is not None:
                self._broadcast(task, new.audience, push)
            if push.revoked_at is not None:
                self._revoke(task, push.revoked_at)
            if push.by_file:
                self._note_file(task)
            if push.occurrence is not None:
                push.occurrence.task_id, push.occurrence.status = task.pk, Occurrence.Status.EXECUTED

    def write(self) -> None:
        """Insert the rows. The sums of the analysis follow from changes that are noted with them."""
        PushTask.objects.bulk_create(self.tasks, batch_size=_BATCH)
        Message.objects.bulk_create(self.messages, batch_size=_BATCH)
        VendorMessage.objects.bulk_create(self._simulation.at_vendors, batch_size=_BATCH)
        Broadcast.objects.bulk_create(self._broadcasts)
        events = MessageEvent.objects.bulk_create(self._simulation.events, batch_size=_BATCH)
        changes.note_events([event.pk for event in events if event.kind != MessageEvent.Kind.ARRIVED])
        self._note_broadcasts()
        for row in self._rows:
            row.save(force_insert=True)
        registry.drop_third_tokens(
            [(device_id, token, at) for device_id, (token, at) in self._simulation.refused_tokens.items()]
        )

    def _new_push(self, push: PlannedPush) -> NewPush:
        """Return a push as if it had been accepted at its time."""
        new = NewPush.of(
            self._workspace,
            validate(self._workspace, push.request),
            source=push.source,
            author=push.author,
            claims=False,
        )
        new.task.created_at = push.at
        new.task.expire_at = push.at + timedelta(seconds=push.request.expired_seconds)
        new.task.revoked_at = push.revoked_at
        return new

    def _ids_at(self, at: datetime, wanted: int) -> list[int]:
        first = ids.first_id_at(at) + self._ids
        self._ids += wanted
        return list(range(first, first + wanted))

    def _address_vendors_devices(self, new: NewPush, audience: Audience) -> None:
        """Make a message of a broadcast for each device that a vendor reaches."""
        new.devices = [
            ResolvedTarget(device.pk, device.platform, device.third_channel, device.third_token)
            for device in self._audience(audience)
            if _behind_vendor(device, audience)
        ]
        targets = {device.pk: device.ad_token for device in self._devices}
        new.messages = [
            Message(
                workspace_id=self._workspace.pk,
                delivery_type=audience.platform,
                target=targets[device.device_id],
                msgkey=audience.msgkey,
                device_id=device.device_id,
                status=statuses.WAITING,
                expire_at=new.task.expire_at,
                updated_at=new.task.created_at,
            )
            for device in new.devices
            if device is not None
        ]
        new.task.message_count = len(new.messages)

    def _audience(self, audience: Audience) -> list[Device]:
        return [
            device
            for device in self._devices
            if device.platform == audience.platform and (audience.bound is None or device.pk in self._bound)
        ]

    def _broadcast(self, task: PushTask, audience: Audience, push: PlannedPush) -> None:
        """Make the row of a broadcast, and find out which devices got it on the self-built channel."""
        arrivals = []
        for device in self._audience(audience) if audience.self_built else ():
            if _behind_vendor(device, audience):
                continue
            there = self._simulation.reach(push.at, task.expire_at, device.pk)
            if there is not None:
                arrivals.append((there, device.pk))
                own = Message(workspace_id=task.workspace_id, task_id=task.pk, channel=Channel.SELF_BUILT)
                self._simulation.react(task.pk, own, device.pk, there, push.opened)
        row = broadcasts.row_of(task, audience)
        row.reached, row.walked_at = len(arrivals), task.created_at
        self._broadcasts.append(row)
        self._arrivals[task.pk] = arrivals
        task.message_count += len(arrivals)
        task.success_count += len(arrivals)
        task.arrival_count += len(arrivals)
        task.last_outcome_at = max([there for there, _ in arrivals] + [task.last_outcome_at or task.created_at])

    def _note_broadcasts(self) -> None:
        """Note for the sums which devices got broadcasts on the self-built channel, by the minute they did."""
        rows = []
        for task_id, arrivals in self._arrivals.items():
            by_minute: dict[int, list[int]] = defaultdict(list)
            for there, device_id in arrivals:
                by_minute[int(there.timestamp() // 60)].append(device_id)
            rows += [
                Change(
                    metrics=[int(changes.BROADCAST_ARRIVED)],
                    minutes=[minute],
                    tasks=[task_id],
                    channels=[Channel.SELF_BUILT.value],
                    devices=device_ids,
                    statuses=[statuses.ACKED],
                )
                for minute, device_ids in by_minute.items()
            ]
        Change.objects.bulk_create(rows)

    def _revoke(self, task: PushTask, at: datetime) -> None:
        [own_id] = self._ids_at(at, 1)
        self.tasks.append(
            PushTask(
                id=own_id,
                workspace=self._workspace,
                name=f"revokes {task.pk}",
                kind=PushTask.Kind.REVOKE,
                delivery_type=DeliveryType.ANDROID,
                source=PushTask.Source.CONSOLE,
                author=task.author,
                content={"title": "", "content": "", "silent": 1, "revokes": str(task.pk)},
                options={"androidChannel": 1},
                last_message_id=own_id,
                fingerprint=b"",
                expire_at=task.expire_at,
                created_at=at,
            )
        )
        self._rows.append(Revocation(task=task, own_task_id=own_id, created_at=at, stopped_at=at, finished_at=at))

    def _note_file(self, task: PushTask) -> None:
        """Note that the targets of a push came in a file, and what was wrong with some of its lines."""
        targets = Counter(message.target for message in self.messages if message.task_id == task.pk)
        size = sum(len(target) + 40 for target in targets)
        file = FileImport(
            id=task.pk,
            workspace=self._workspace,
            sha256=f"{task.pk:064x}",
            size=size,
            created_at=task.created_at - timedelta(seconds=20),
            accepted_at=task.created_at,
            finished_at=task.created_at + timedelta(seconds=1),
            position=size,
            line=len(targets) + len(_FAULTS),
            accepted=len(targets),
            rejected=len(_FAULTS),
        )
        faults = [FileFault(file=file, line=line, reason=reason, record=record) for line, reason, record in _FAULTS]
        self._rows += [file, *faults]


def _behind_vendor(device: Device, audience: Audience) -> bool:
    return bool(device.third_token) and device.third_channel in audience.vendor_channels


def _count(task: PushTask, messages: Sequence[Message]) -> None:
    """Set a task's counters to what its messages say."""
    became = Counter(message.status for message in messages)
    task.success_count = became[statuses.ACKED]
    task.expired_count = became[statuses.EXPIRED]
    task.arrival_count = sum(message.arrived_at is not None for message in messages)
    heard = [
        message.updated_at for message in messages if message.status not in {*statuses.PENDING, statuses.EXPIRED}
    ]  # fmt: skip
    task.last_outcome_at = max(heard, default=None)
