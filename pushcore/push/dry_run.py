"""Dry runs: what would become of a push if it were sent now. Nothing is kept and nothing is sent.

The push takes the way of a real one (`pushcore.push.pushes`): it is validated, claims its keys and meets its devices,
in a transaction that is rolled back. Then lanes render the first messages of each channel instead of sending them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction

from pushcore.audience import conditions, resolve, walks
from pushcore.audience.resolve import FoundDevice, Way
from pushcore.audience.walks import ResolvedCondition
from pushcore.broadcast import audience as audiences
from pushcore.broadcast import broadcasts
from pushcore.broadcast.audience import Audience
from pushcore.categories import admission
from pushcore.channels import Channel
from pushcore.codes import statuses
from pushcore.loading import pace
from pushcore.models import Device, PushTask, Workspace
from pushcore.ports import Lane, OutgoingMessage, RenderedMessage, lanes, sms_complement
from pushcore.push import audience_estimate, sms
from pushcore.push.idempotency import claim
from pushcore.push.new_push import NewPush
from pushcore.push.pushes import check_platforms
from pushcore.push.requests import AnyPush
from pushcore.push.targets import ResolvedTarget, resolve_all
from pushcore.push.validation import validate
from pushcore.storage import ids
from pushcore.storage.timeouts import StatementTimeoutError, statement_timeout

# Messages of each channel that are rendered, and targets without a device that are named.
RENDERED = 3
NAMED_TARGETS = 100


@dataclass(slots=True)
class ChannelRun:
    """What one channel would carry.

    Attributes:
        messages: How many messages; None of a broadcast, whose devices are counted together.
        rendered: The first of them, each with its target.
    """

    channel: Channel
    messages: int | None
    rendered: list[tuple[str, RenderedMessage]] = field(default_factory=list)

    def as_data(self) -> dict[str, Any]:
        """Return it as the API's answer has it."""
        return {
            "channel": self.channel.analysis_name,
            "messages": self.messages,
            "bodies": [
                {"target": target, "body": rendered.body, "refusal": rendered.refusal}
                for target, rendered in self.rendered
            ],
        }


@dataclass(frozen=True, slots=True)
class SmsRun:
    """What would be sent by SMS, unless the messages arrive in time.

    Attributes:
        messages: How many SMS, one for each target.
        after_seconds: How long the messages have to arrive; 0: the SMS are sent beside them.
        texts: The first of them, each with its target: a text, or a template with its values.
    """

    messages: int
    after_seconds: int
    texts: list[tuple[str, str]]

    def as_data(self) -> dict[str, Any]:
        """Return it as the API's answer has it."""
        texts = [{"target": target, "text": text} for target, text in self.texts]
        return {"messages": self.messages, "afterSeconds": self.after_seconds, "texts": texts}


@dataclass(slots=True)
class DryRun:
    """What would become of a push.

    Attributes:
        targets: How many targets it names; 0 for a broadcast and an audience push.
        messages: How many messages it would have; None of a broadcast, and where they cannot be counted in time.
        devices: How many devices they would go to; None where they cannot be counted in time.
        without_device: Targets whose messages would wait, at most `NAMED_TARGETS`.
        held_back: Messages that a frequency cap would hold back; None of a broadcast.
        no_consent: Marketing messages to devices that refused such; None of a broadcast.
        repeats: The task or schedule of the same request before, which would be answered instead; None without one.
        pace_seconds: How long the messages would take at the push's pace; None without one, or where it is not known.
        sms: What would be sent by SMS; None where none is wanted.
        channels: What each channel would carry, the one with the most messages first.
    """

    targets: int
    messages: int | None
    devices: int | None
    without_device: list[str]
    repeats: int | None
    channels: list[ChannelRun]
    held_back: int | None = None
    no_consent: int | None = None
    pace_seconds: int | None = None
    sms: SmsRun | None = None

    def as_data(self) -> dict[str, Any]:
        """Return it as the API's answer has it."""
        return {
            "dryRun": True,
            "targets": self.targets,
            "messages": self.messages,
            "devices": self.devices,
            "withoutDevice": self.without_device,
            "heldBack": self.held_back,
            "noConsent": self.no_consent,
            "paceSeconds": self.pace_seconds,
            "repeats": None if self.repeats is None else str(self.repeats),
            "channels": [run.as_data() for run in self.channels],
            **({"sms": self.sms.as_data()} if self.sms else {}),
        }


def dry_run(workspace: Workspace, request: AnyPush, *, source: PushTask.Source, author: str) -> DryRun:
    """Find out what would become of a push.

    Args:
        workspace: Whose push it is.
        request: What is pushed to whom.
        source: Which API it came by.
        author: The AccessKey ID.

    Raises:
        ResultError: As `pushes.accept` would.
    """
    push = NewPush.of(workspace, validate(workspace, request), source=source, author=author)
    with transaction.atomic():
        if push.audience is not None:
            broadcasts.check_limit(workspace)
        if push.condition is not None:
            walks.check_limit(workspace, push.condition)
        add_devices(push)
        # Last: a real push with the same msgkeys waits for this transaction from here on.
        [task_id] = ids.new_ids(1)
        claimed = claim(
            workspace,
            push.idempotency_keys,
            task_id=task_id,
            fingerprint=bytes(push.task.fingerprint),
            now=push.task.created_at,
        )
        repeats = None if claimed is None else claimed.pk
        # As a real push has it: keys, then caps. Two that wait for each other's would wait in a circle.
        ended = would_end(push)
        transaction.set_rollback(True)
    if push.condition is not None:
        return _of_audience(push, push.condition, repeats)
    if push.audience is not None:
        return _of_broadcast(workspace, push, push.audience, repeats)
    return of_named(push, ended, repeats=repeats)


def add_devices(push: NewPush, *, refuse_other_platforms: bool = True) -> None:
    """Look the devices of a push up and make its messages, which get ids.

    To be rolled back: a Live Activity that nobody has met becomes known by it.

    Raises:
        ResultError: A device is of another platform than the push says (DELIVERY_TYPE_NOT_SUPPORTED).
    """
    resolved = resolve_all(push.targets)
    if refuse_other_platforms:
        check_platforms(push, resolved)
    push.add_messages(resolved)
    push.give_ids(ids.new_ids(push.size))


def would_end(push: NewPush) -> dict[int, int]:
    """Return the statuses of the messages that the push's category would end at once, by message. To be rolled back."""
    return {outcome.message_id: outcome.status for outcome in admission.decide(push.candidates())}


def of_named(push: NewPush, ended: Mapping[int, int], *, repeats: int | None = None) -> DryRun:
    """Return the dry run of a push to named targets whose messages are made. `ended`: as `would_end` returns it."""
    waiting = [message.target for message, device in zip(push.messages, push.devices, strict=True) if device is None]
    return DryRun(
        targets=len(push.recipients),
        messages=len(push.messages),
        devices=len(push.messages) - len(waiting),
        without_device=waiting[:NAMED_TARGETS],
        repeats=repeats,
        held_back=sum(status == statuses.HELD_BACK for status in ended.values()),
        no_consent=sum(status == statuses.NO_CONSENT for status in ended.values()),
        channels=_by_channel([message for message in push.outgoing() if message.message_id not in ended]),
        sms=_by_sms(push, ended),
    )


def _by_sms(push: NewPush, ended: Mapping[int, int]) -> SmsRun | None:
    """Return the SMS of a push to named targets."""
    task, wish = push.task, sms.of_task(push.task)
    if wish is None:
        return None
    wanted = [message for message in sms.first_of_each(push.messages) if message.pk not in ended]
    texts = []
    for message in wanted[:RENDERED]:
        text = sms.text_of(wish, task.content | (message.override or {}))
        texts.append((message.target, sms_complement().render(task.workspace_id, wish, text)))
    return SmsRun(len(wanted), wish.delay_seconds, texts)


def _by_channel(outgoing: Sequence[OutgoingMessage]) -> list[ChannelRun]:
    """Share messages among the lanes' channels, and render the first of each."""
    shared: dict[Channel, list[OutgoingMessage]] = defaultdict(list)
    by_channel: dict[Channel, Lane] = {}
    for message in outgoing:
        lane = _lane_of(message)
        channel = lane.channel_of(message)
        by_channel[channel] = lane
        shared[channel].append(message)
    return [
        ChannelRun(
            channel, len(messages), [(one.target, by_channel[channel].render(one)) for one in messages[:RENDERED]]
        )
        for channel, messages in sorted(shared.items(), key=lambda entry: (-len(entry[1]), entry[0]))
    ]


def _lane_of(message: OutgoingMessage) -> Lane:
    return next(lane for lane in lanes() if lane.claims(message))


def _of_broadcast(workspace: Workspace, push: NewPush, audience: Audience, repeats: int | None) -> DryRun:
    channels = [*([None] if audience.self_built or audience.per_device else []), *audience.vendor_channels]
    runs = []
    for vendor in channels:
        outgoing = [
            _message_to(push, device, msgkey=audience.msgkey, by_vendor=vendor is not None)
            for device in _first_devices(workspace, audience, vendor)
        ]
        channel = Channel.SELF_BUILT if vendor is None else Channel(vendor)
        runs.append(ChannelRun(channel, None, [("", _lane_of(message).render(message)) for message in outgoing]))
    return DryRun(0, None, audience_estimate.of_broadcast(workspace, audience), [], repeats, runs)


def _first_devices(workspace: Workspace, audience: Audience, vendor: int | None) -> list[ResolvedTarget]:
    """Return the first devices of an audience that a channel reaches; none where they are not found in time."""
    condition, parameters = (
        audiences.condition(workspace.pk, audience)
        if vendor is None
        else audiences.behind_vendors(workspace.pk, audience)
    )
    if vendor is not None:
        condition, parameters = f"{condition} AND d.third_channel = %(vendor)s", parameters | {"vendor": vendor}
    # What all devices get on the self-built channel is the same.
    wanted = 1 if vendor is None else RENDERED
    try:
        with statement_timeout(audience_estimate.TIMEOUT_MS), connection.cursor() as cursor:
            cursor.execute(
                "SELECT d.id, d.platform, d.third_channel, d.third_token FROM pushcore_device d"
                f" WHERE {condition} ORDER BY d.id LIMIT {wanted}",
                parameters,
            )
            return [ResolvedTarget._make(row) for row in cursor.fetchall()]
    except StatementTimeoutError:
        return []


def _of_audience(push: NewPush, condition: ResolvedCondition, repeats: int | None) -> DryRun:
    """Count an audience by channel, and render the first of its messages."""
    workspace_id = push.task.workspace_id
    try:
        ways = resolve.count_ways(workspace_id, conditions.parse(condition.form))
    except StatementTimeoutError:
        return DryRun(0, None, None, [], repeats, [])
    outgoing = {
        device_id: _message_to(push, device, target=token, msgkey=condition.msgkey)
        for device_id, (token, device) in sorted(_found(condition, workspace_id, ways).items())
    }
    counted: dict[Channel, int] = defaultdict(int)
    for way in ways:
        if message := outgoing.get(way.first_id):
            counted[_lane_of(message).channel_of(message)] += way.devices
    runs = _by_channel(list(outgoing.values()))
    for run in runs:
        run.messages = counted[run.channel]
    runs.sort(key=lambda run: (-counted[run.channel], run.channel))
    devices = sum(way.devices for way in ways)
    lasts = pace.seconds_for(
        devices, messages_per_second=condition.messages_per_second, over_seconds=condition.over_seconds
    )
    return DryRun(0, devices, devices, [], repeats, runs, pace_seconds=lasts)


def _found(
    condition: ResolvedCondition, workspace_id: int, ways: Sequence[Way]
) -> dict[int, tuple[str, ResolvedTarget]]:
    """Return Ad-tokens and devices by id: the first of an audience, and the first that is reached in each way."""
    firsts = [way.first_id for way in ways]
    rows = Device.objects.filter(pk__in=firsts)
    found = [FoundDevice._make(row) for row in rows.values_list("id", *FoundDevice._fields[1:])]
    walk = condition.walk(workspace_id)
    if firsts and (page := next(walk.pages(min(firsts) - 1), None)):
        found += walk.find(page)
    return {device.device_id: (device.ad_token, device.target) for device in found}


def _message_to(
    push: NewPush, device: ResolvedTarget, *, target: str = "", msgkey: str = "", by_vendor: bool = True
) -> OutgoingMessage:
    """Make the message of a push without rows to a device."""
    task = push.task
    return OutgoingMessage(
        message_id=task.pk,
        task_id=task.pk,
        target=target,
        msgkey=msgkey,
        device_id=device.device_id,
        platform=device.platform,
        third_channel=device.third_channel if by_vendor else None,
        third_token=device.third_token,
        workspace_id=task.workspace_id,
        kind=task.kind,
        expire_at=task.expire_at,
        content=task.content,
        options=task.options,
    )
