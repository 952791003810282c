"""Ports: what pushcore needs from the packages above it, declared here and registered by them.

Imports point one way (console -> analytics, channels_vendor, gateway -> pushcore). A package registers its lane, event
sink or query module in `AppConfig.ready()`; pushcore calls whatever is registered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from pushcore.channels import Channel, Platform
from pushcore.codes.statuses import Status

if TYPE_CHECKING:
    from pushcore.models import PushTask, Workspace


class OutgoingMessage(NamedTuple):
    """A message on its way to one device: its row, its task's content, and how the device is reached.

    Attributes:
        message_id: The message's id; of a broadcast on the self-built channel the task's.
        target: What the backend named: a user, a token or an Ad-token.
        third_channel: The vendor's channel that reaches the device, if there is one (`pushcore.channels.Channel`).
        third_token: The device's token there.
        kind: The kind of the task (`PushTask.Kind`).
        content: What the device gets as `bData`. Shared by all messages of a task, and must not be changed.
        options: What vendors' channels are told beside the content.
        sent_before: Whether it was written to a connection that ended unacknowledged (the repeat carries DUP).
        has_trampoline: Whether a tap shall open the app, which opens the address itself (`devices.capabilities`).
    """

    message_id: int
    task_id: int
    target: str
    msgkey: str
    device_id: int
    platform: int
    third_channel: int | None
    third_token: str
    workspace_id: int
    kind: str
    expire_at: datetime
    content: dict[str, Any]
    options: dict[str, Any]
    sent_before: bool = False
    has_trampoline: bool = False


class RenderedMessage(NamedTuple):
    """What a channel would be sent for one message.

    Attributes:
        body: The body as it travels; empty where the message cannot be sent.
        refusal: Why it cannot be sent, in a sentence; empty where it can.
    """

    channel: Channel
    body: str
    refusal: str = ""


class Lane(Protocol):
    """A delivery route: devices' own connections (gateway), or all vendors' channels.

    Lanes are asked in order; the first that claims a message gets it.
    """

    name: str

    def claims(self, outgoing: OutgoingMessage) -> bool:
        """Return whether this lane carries the message."""

    def send(self, batch: Sequence[OutgoingMessage]) -> None:
        """Take a batch. Must not block on a device or a vendor. Outcomes come back through `outcomes.record`.

        Raises:
            Exception: Whatever is wrong: the rows stay pending and the sweeper dispatches them again.
        """

    def channel_of(self, outgoing: OutgoingMessage) -> Channel:
        """Return the channel that a message which the lane claims goes by."""

    def render(self, outgoing: OutgoingMessage) -> RenderedMessage:
        """Return what would be sent for a message that the lane claims; send nothing."""

    def is_behind(self) -> bool:
        """Return whether so much is under way that rows which still wait say little: nothing is dispatched again now.

        Raises:
            Exception: The lane cannot say, and takes nothing now.
        """

    def withdraw(self, revoked: Sequence[tuple[int, int]]) -> None:
        """Forget messages that were taken and are revoked, as far as it still can.

        Args:
            revoked: (device id, message id) of each.

        Raises:
            Exception: They could not be withdrawn.
        """


class Outcome(NamedTuple):
    """What became of a message on a channel. `status` as in `pushcore.codes.statuses` for that channel."""

    message_id: int
    status: int
    channel: Channel = Channel.SELF_BUILT


class BroadcastArrival(NamedTuple):
    """Broadcasts that a device has acknowledged on the self-built channel.

    Attributes:
        position: The device has every broadcast meant for it up to this task id, or has passed it by.
        task_ids: All that it acknowledged lately (ascending), not only the newest: a report that was lost, or is
            overtaken by a later one, is made good by that.
    """

    device_id: int
    position: int
    task_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class DeviceEvent:
    """What a device reports of a message. `event`: arrived, opened or ignored. `at`: the device's own time (aware)."""

    workspace_id: int
    device_id: int
    message_id: int
    event: str
    at: datetime


class EventSink(Protocol):
    """Takes device events in batches (analytics)."""

    def __call__(self, events: Sequence[DeviceEvent], /) -> object:
        """Keep events."""


class PresenceSource(Protocol):
    """Tells which devices hold a connection."""

    def __call__(self, device_ids: Sequence[int], /) -> set[int]:
        """Return those of the devices that hold one.

        Raises:
            ValkeyDown: Presence cannot be read.
        """


class DeviceListener(Protocol):
    """Is told of devices whose user or channel has changed (gateway)."""

    def __call__(self, device_ids: Sequence[int], /) -> object:
        """Look again at what is not written to the devices yet. Called after the commit.

        Raises:
            ValkeyDown: Nodes cannot be told.
        """


# The longest time that an analysis may be about.
LONGEST_ANALYSIS = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class AnalysisFilter:
    """What an analysis is about. `start` and `end` (aware) name days; None is all."""

    start: datetime
    end: datetime
    platform: Platform | None = None
    channel: Channel | None = None
    kind: str | None = None
    task_id: int | None = None


@dataclass(frozen=True, slots=True)
class CoreIndex:
    """The core numbers of an analysis; rates in percent."""

    pushed: int
    succeeded: int
    arrived: int
    opened: int
    ignored: int

    @property
    def arrival_rate(self) -> float:
        """Arrived of pushed."""
        return _percent(self.arrived, self.pushed)

    @property
    def open_rate(self) -> float:
        """Opened of arrived."""
        return _percent(self.opened, self.arrived)

    @property
    def ignore_rate(self) -> float:
        """Ignored of arrived."""
        return _percent(self.ignored, self.arrived)


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 2) if whole else 0.0


@dataclass(frozen=True, slots=True)
class StatusCount:
    """How many messages have a status on a channel."""

    channel: Channel
    status: Status
    count: int


@dataclass(frozen=True, slots=True)
class TaskPage:
    """A part of a list of tasks, and how many there are in all."""

    total: int
    tasks: Sequence[PushTask]


class ReportedEvent(NamedTuple):
    """What a device reported of a message: "arrived", "opened" or "ignored"."""

    message_id: int
    kind: str
    at: datetime


class Analysis(Protocol):
    """Answers what was pushed, arrived, was opened and ignored, and what became of messages."""

    def core_index(self, workspace: Workspace, filters: AnalysisFilter, /) -> CoreIndex:
        """Return the core numbers of what is asked for."""

    def status_list(self, workspace: Workspace, filters: AnalysisFilter, /) -> Sequence[StatusCount]:
        """Return the statuses of the messages of the days' pushes, the most frequent first.

        By channel and kind of push; whatever else is asked for is not looked at.
        """

    def index_by_bucket(self, task: PushTask, /) -> Mapping[int, CoreIndex]:
        """Return the numbers of a push's messages by their devices' buckets in its A/B test."""

    def task_page(
        self, workspace: Workspace, start: datetime, /, *, task_id: int | None, name: str, page: int, page_size: int
    ) -> TaskPage:
        """Return a page (from 1 on) of the tasks since a day, the newest first; of one id, or of exactly a name."""

    def task_of(self, workspace: Workspace, task_id: int, /) -> PushTask | None:
        """Return a task of the workspace; None where there is none."""

    def events_of(self, message_ids: Sequence[int], /) -> Sequence[ReportedEvent]:
        """Return what devices reported of messages, in the order it happened. One query."""


class SmsWish(NamedTuple):
    """What a push asks of SMS.

    Attributes:
        delay_seconds: How long its messages have to arrive; 0: an SMS is sent beside the message.
        sign_name: Who the SMS is signed by; empty for the account's own.
        template_code: The provider's template; empty for none.
        template_param: A JSON object with the template's values.
        text: The text where there is no template; empty for the message's body.
    """

    delay_seconds: int
    sign_name: str = ""
    template_code: str = ""
    template_param: str = ""
    text: str = ""


class MessageToComplement(NamedTuple):
    """A message that an SMS is sent for at a time, unless it has arrived by then on any device of its recipient."""

    message_id: int
    task_id: int
    workspace_id: int
    due_at: datetime


@dataclass(frozen=True, slots=True)
class SmsSummary:
    """What became of the SMS of a task.

    Attributes:
        counts: How many there are in each state, by the state's name (`sms.models.SmsMessage.State`).
        segments: How many SMS the provider charged for, as far as it says.
        costs: The price by currency, as far as the provider says it.
    """

    counts: Mapping[str, int]
    segments: int
    costs: Mapping[str, Decimal]


class SmsComplement(Protocol):
    """Sends SMS for messages that did not arrive (sms)."""

    def problem(self, workspace_id: int, wish: SmsWish, /) -> str:
        """Return why the workspace cannot send such an SMS, in a sentence; empty if it can."""

    def add(self, messages: Sequence[MessageToComplement], /) -> None:
        """Take messages over, in the caller's transaction."""

    def render(self, workspace_id: int, wish: SmsWish, text: str, /) -> str:
        """Return what would be sent, as far as it is known here."""

    def summary(self, task: PushTask, /) -> SmsSummary | None:
        """Return what became of a task's SMS; None where it wants none."""


class BroadcastListener(Protocol):
    """Is told that a broadcast was accepted or revoked (gateway)."""

    def __call__(self) -> object:
        """Look at the active broadcasts again. Called after the commit.

        Raises:
            Exception: Nodes cannot be told; they poll by themselves.
        """


class VendorChannels(Protocol):
    """Tells which channels (`pushcore.channels.Channel`) a workspace reaches devices through, besides its own."""

    def __call__(self, workspace_id: int, /) -> set[int]:
        """Return the channels that are in use in the workspace."""


class BroadcastCounter(Protocol):
    """Counts devices that acknowledged broadcasts (analytics)."""

    def __call__(self, arrivals: Sequence[tuple[int, int]], /) -> object:
        """Count (task id, device id), each once: part of the transaction that records them."""


_analysis: list[Analysis] = []
_broadcast_counters: list[BroadcastCounter] = []
_lanes: list[tuple[int, Lane]] = []
_broadcast_listeners: list[BroadcastListener] = []
_vendor_channels: list[VendorChannels] = []
_device_listeners: list[DeviceListener] = []
_event_sinks: list[EventSink] = []
_presence_sources: list[PresenceSource] = []
_sms_complements: list[SmsComplement] = []


def register_lane(lane: Lane, *, order: int) -> None:
    """Register a lane. Lower `order` is asked first: vendor lanes before the self-built channel, which claims all."""
    _lanes.append((order, lane))
    _lanes.sort(key=lambda entry: entry[0])


def lanes() -> list[Lane]:
    """Return the lanes in the order they are asked."""
    return [lane for _, lane in _lanes]


def register_event_sink(sink: EventSink) -> None:
    """Register a sink of the events that devices report."""
    _event_sinks.append(sink)


def event_sinks() -> list[EventSink]:
    """Return the sinks of device events."""
    return list(_event_sinks)


def register_presence_source(source: PresenceSource) -> None:
    """Register a source that tells which devices are connected."""
    _presence_sources.append(source)


def online(device_ids: Sequence[int]) -> set[int]:
    """Return those of the devices that hold a connection of any kind.

    Raises:
        ValkeyDown: Presence cannot be read.
    """
    return set().union(*(source(device_ids) for source in _presence_sources))


def register_device_listener(listener: DeviceListener) -> None:
    """Register a listener to changes of devices. Whoever changes one calls `pushcore.devices.changes.tell_changed`."""
    _device_listeners.append(listener)


def device_listeners() -> list[DeviceListener]:
    """Return the listeners to changes of devices."""
    return list(_device_listeners)


def register_broadcast_listener(listener: BroadcastListener) -> None:
    """Register a listener for accepted and revoked broadcasts."""
    _broadcast_listeners.append(listener)


def broadcast_listeners() -> list[BroadcastListener]:
    """Return the listeners for broadcasts."""
    return list(_broadcast_listeners)


def register_vendor_channels(source: VendorChannels) -> None:
    """Register a source that tells which vendors' channels a workspace uses."""
    _vendor_channels.append(source)


def vendor_channels(workspace_id: int) -> set[int]:
    """Return the vendors' channels that are in use in the workspace."""
    return set().union(*(source(workspace_id) for source in _vendor_channels))


def register_broadcast_counter(counter: BroadcastCounter) -> None:
    """Register a counter of devices that acknowledged broadcasts."""
    _broadcast_counters.append(counter)


def broadcast_counters() -> list[BroadcastCounter]:
    """Return the counters of devices that acknowledged broadcasts."""
    return list(_broadcast_counters)


def register_analysis(analysis: Analysis) -> None:
    """Register what answers the analysis queries, in place of the former one."""
    _analysis[:] = [analysis]


def analysis() -> Analysis:
    """Return what answers the analysis queries."""
    return _analysis[0]


def register_sms_complement(complement: SmsComplement) -> None:
    """Register what sends SMS, in place of the former one."""
    _sms_complements[:] = [complement]


def sms_complement() -> SmsComplement:
    """Return what sends SMS."""
    return _sms_complements[0]
