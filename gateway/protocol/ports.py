"""What a session needs of others: a transport to write to (`Transport`), and a node to tell what happened (`Host`)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

import mqtt5

from gateway.node.clock import LoopClock

if TYPE_CHECKING:
    from gateway.protocol.session import Session


class Writer(Protocol):
    """Where what is for the device goes."""

    def write(self, data: bytes) -> None:
        """Send, without waiting."""


class Transport(Protocol):
    """What a transport gives a session."""

    @property
    def writer(self) -> Writer:
        """The same one as long as the connection is there."""

    def write_more(self, data: bytes) -> None:
        """Send in this turn of the loop, with all else that is said so: in order, in one go."""

    def close(self) -> None:
        """Close after all that was to be sent."""

    def pause_reading(self) -> None:
        """Read nothing more, so that the device has to wait (TCP's flow control). What was read may still come."""

    def resume_reading(self) -> None:
        """Read on."""

    @property
    def unsent_bytes(self) -> int:
        """What the device has not taken yet."""


@dataclass(frozen=True, slots=True)
class Request:
    """A device's request: its topic, payload, and where the answer goes."""

    topic: str
    payload: bytes
    packet_id: int | None
    response_topic: str
    correlation_data: bytes | None


class PublishRefusal(StrEnum):
    """Why a PUBLISH of a device is not taken. A label of a metric."""

    FOREIGN_TOPIC = "foreign_topic"
    RETAINED = "retained"
    QOS_2 = "qos_2"
    TOPIC_ALIAS = "topic_alias"
    MALFORMED = "malformed"
    TOO_MANY = "too_many"


class Host(Protocol):
    """Whom a session tells what happened. Calls must not block."""

    # Messages written to devices: its sessions count here.
    delivered: int
    clock: LoopClock

    def connect_requested(self, session: Session, packet: mqtt5.ConnectPacket) -> None: ...

    def acknowledged(self, session: Session, message_id: int) -> None: ...

    def refused(self, session: Session, message_id: int) -> None:
        """The device has refused the message, or cannot take it."""

    def pending_wanted(self, session: Session, after: int) -> None:
        """The device has caught up, and messages with ids above `after` may wait for it as rows."""

    def request_received(self, session: Session, request: Request) -> None: ...

    def publish_refused(self, reason: PublishRefusal) -> None:
        """A device has published something that is not taken."""

    def closed(self, session: Session) -> None:
        """The session ended, for whatever reason; called once."""


class _ClosedWriter:
    """There is no connection, or no session any more."""

    def write(self, _data: bytes) -> None:
        pass


CLOSED_WRITER = _ClosedWriter()
