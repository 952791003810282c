"""Ports: what pushcore needs from other rooms, named here and plugged in by them.

Imports point one way (console -> analytics, channels_vendor, gateway -> pushcore). A room offers a lane or an event
sink from its `AppConfig.ready()`; pushcore calls whatever has been offered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from pushcore.channels import Channel, Platform

if TYPE_CHECKING:
    from pushcore.models import PushTask, Workspace


class OutgoingMessage(NamedTuple):
    """A message on its way to one device: the row, its task's content and the device's facts a lane decides by.

    `content` is shared by all messages of a task and must not be changed. `sent_before`: it was once written to a
    connection that ended unacknowledged (the repeat carries DUP).
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


class Lane(Protocol):
    """A way to devices. Lanes are asked in order; the first that claims a message gets it."""

    name: str

    def claims(self, outgoing: OutgoingMessage) -> bool:
        """Whether this lane carries the message."""

    def send(self, batch: Sequence[OutgoingMessage]) -> None:
        """Hand a batch over. Must not block on a device or a vendor. Outcomes come back through `outcomes.record`.

        May raise: the rows stay pending and the sweeper hands them over again.
        """

    def is_behind(self) -> bool:
        """Whether it has so much under way that rows which still wait say little: nothing is handed over again now.

        May raise.
        """

    def withdraw(self, held: Sequence[tuple[int, int]]) -> None:
        """Forget messages (device id, message id) that were handed over and are revoked, as far as it still can.

        May raise.
        """


class Outcome(NamedTuple):
    """What became of a message on a channel. `status` as in `pushcore.codes.statuses` for that channel."""

    message_id: int
    status: int
    channel: Channel = Channel.SELF_BUILT


class BroadcastArrival(NamedTuple):
    """A device has acknowledged `task_ids` (ascending), and has passed every other broadcast meant for it up to
    `position`.

    `task_ids` are all that it acknowledged lately, not only the newest: a word that was lost, or is overtaken by a
    later one, is made good by that.
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

    def __call__(self, events: Sequence[DeviceEvent], /) -> object: ...


class PresenceSource(Protocol):
    """Tells which devices hold a connection. May raise `pushcore.storage.valkey.ValkeyDown`."""

    def __call__(self, device_ids: Sequence[int], /) -> set[int]: ...


class DeviceListener(Protocol):
    """Is told, after the commit, of devices whose user or channel has changed: what is not written to them yet is to be
    looked at again. May raise `pushcore.storage.valkey.ValkeyDown`."""

    def __call__(self, device_ids: Sequence[int], /) -> object: ...


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
        return _percent(self.arrived, self.pushed)

    @property
    def open_rate(self) -> float:
        return _percent(self.opened, self.arrived)

    @property
    def ignore_rate(self) -> float:
        return _percent(self.ignored, self.arrived)


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 2) if whole else 0.0


@dataclass(frozen=True, slots=True)
class TaskPage:
    """A part of a list of tasks, and how many there are in all."""

    total: int
    tasks: Sequence[PushTask]


class Analysis(Protocol):
    """Answers what was pushed, arrived, was opened and ignored."""

    def core_index(self, workspace: Workspace, asked: AnalysisFilter, /) -> CoreIndex: ...

    def task_page(
        self, workspace: Workspace, start: datetime, /, *, task_id: int | None, name: str, page: int, page_size: int
    ) -> TaskPage: ...

    def task_of(self, workspace: Workspace, task_id: int, /) -> PushTask | None: ...


class BroadcastNews(Protocol):
    """Tells whoever gives broadcasts to devices that there is a new or a revoked one. May raise."""

    def __call__(self) -> object: ...


class VendorChannels(Protocol):
    """Tells which channels (`pushcore.channels.Channel`) a workspace reaches devices through, besides its own."""

    def __call__(self, workspace_id: int, /) -> set[int]: ...


class BroadcastCount(Protocol):
    """Is told, within the transaction, of devices that acknowledged broadcasts: (task id, device id), each once."""

    def __call__(self, arrivals: Sequence[tuple[int, int]], /) -> object: ...


_analysis: list[Analysis] = []
_broadcast_counts: list[BroadcastCount] = []
_lanes: list[tuple[int, Lane]] = []
_broadcast_news: list[BroadcastNews] = []
_vendor_channels: list[VendorChannels] = []
_device_listeners: list[DeviceListener] = []
_event_sinks: list[EventSink] = []
_presence_sources: list[PresenceSource] = []


def register_lane(lane: Lane, *, order: int) -> None:
    """Offer a lane. Lower `order` is asked first: vendor lanes before the self-built channel, which claims all."""
    _lanes.append((order, lane))
    _lanes.sort(key=lambda entry: entry[0])


def lanes() -> list[Lane]:
    return [lane for _, lane in _lanes]


def register_event_sink(sink: EventSink) -> None:
    _event_sinks.append(sink)


def event_sinks() -> list[EventSink]:
    return list(_event_sinks)


def register_presence_source(source: PresenceSource) -> None:
    _presence_sources.append(source)


def online(device_ids: Sequence[int]) -> set[int]:
    """Those of the devices that hold a connection of any kind. May raise `pushcore.storage.valkey.ValkeyDown`."""
    return set().union(*(source(device_ids) for source in _presence_sources))


def register_device_listener(listener: DeviceListener) -> None:
    """Offer to be told of changes. Who changes something calls `pushcore.devices.changes.tell_changed`."""
    _device_listeners.append(listener)


def device_listeners() -> list[DeviceListener]:
    return list(_device_listeners)


def register_broadcast_news(news: BroadcastNews) -> None:
    _broadcast_news.append(news)


def broadcast_news() -> list[BroadcastNews]:
    return list(_broadcast_news)


def register_vendor_channels(source: VendorChannels) -> None:
    _vendor_channels.append(source)


def vendor_channels(workspace_id: int) -> set[int]:
    """The vendors' channels that are in use in the workspace."""
    return set().union(*(source(workspace_id) for source in _vendor_channels))


def register_broadcast_count(count: BroadcastCount) -> None:
    _broadcast_counts.append(count)


def broadcast_counts() -> list[BroadcastCount]:
    return list(_broadcast_counts)


def register_analysis(analysis: Analysis) -> None:
    """Offer what answers the analysis queries; there is one."""
    _analysis[:] = [analysis]


def analysis() -> Analysis:
    return _analysis[0]
