"""What a session has to do with: the transport it writes to (`Transport`) and the node it reports to (`Host`)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Protocol, TypeVar

import mqtt5

from gateway.node.clock import LoopClock

# The class of the sessions that a host has.
SessionT = TypeVar("SessionT", contravariant=True)


class State(Enum):
    """The states of a session, in order."""

    AWAITING_CONNECT = 0
    ADMITTING = 1
    OPEN = 2
    # The device was removed: open requests are still answered.
    ENDING = 3
    CLOSED = 4


class Writer(Protocol):
    """Sends bytes to a device."""

    def write(self, data: bytes) -> None:
        """Send without waiting."""


class Transport(Protocol):
    """A connection, as a session uses it."""

    @property
    def writer(self) -> Writer:
        """The writer; the same object for the connection's life."""

    def write_coalesced(self, data: bytes) -> None:
        """Send at the end of this turn of the loop, coalesced with other such data, in order."""

    def close(self) -> None:
        """Close once everything was sent."""

    def pause_reading(self) -> None:
        """Stop reading, so that TCP's flow control makes the device wait. What was read may still arrive."""

    def resume_reading(self) -> None:
        """Resume reading."""

    @property
    def unsent_bytes(self) -> int:
        """Bytes that the device has not taken yet."""


@dataclass(frozen=True, slots=True)
class DeviceRequest:
    """A device's request: its topic, payload, and where the answer goes."""

    topic: str
    payload: bytes
    packet_id: int | None
    response_topic: str
    correlation_data: bytes | None


class PublishRefusal(StrEnum):
    """Why a device's PUBLISH was refused; the label of a metric."""

    FOREIGN_TOPIC = "foreign_topic"
    RETAINED = "retained"
    QOS_2 = "qos_2"
    TOPIC_ALIAS = "topic_alias"
    MALFORMED = "malformed"
    TOO_MANY = "too_many"


class Host(Protocol[SessionT]):
    """What a session reports to. Calls must not block."""

    # Messages sent to devices; sessions count theirs here.
    delivered: int
    clock: LoopClock

    def connect_requested(self, session: SessionT, packet: mqtt5.ConnectPacket) -> None:
        """Admit or refuse a device that sent a CONNECT."""

    def message_acknowledged(self, session: SessionT, message_id: int) -> None:
        """Record that the device acknowledged a message."""

    def message_refused(self, session: SessionT, message_id: int) -> None:
        """Record that the device refused a message, or cannot take it."""

    def pending_requested(self, session: SessionT, after: int) -> None:
        """Read the pending messages with ids above `after`, and pass them to `Session.deliver_pending`."""

    def request_received(self, session: SessionT, request: DeviceRequest) -> None:
        """Serve a request, and answer it with `Session.answer`."""

    def publish_refused(self, session: SessionT, reason: PublishRefusal) -> None:
        """Count a PUBLISH that was refused."""

    def session_closed(self, session: SessionT) -> None:
        """Clean up after a session; called once, whatever ended it."""


class _ClosedWriter:
    """A writer that discards, for a connection or session that has ended."""

    def write(self, _data: bytes) -> None:
        pass


CLOSED_WRITER = _ClosedWriter()
