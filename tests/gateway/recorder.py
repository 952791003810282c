"""A session without a transport: what it writes and reports is recorded."""

from __future__ import annotations

import time
from typing import Any

import mqtt5
from mqtt5 import QoS

from gateway.node.clock import LoopClock
from gateway.protocol.outbound import OutboundMessage
from gateway.protocol.ports import DeviceRequest, PublishRefusal
from gateway.protocol.session import Session
from pushcore.devices.registry import KnownDevice

DEVICE = KnownDevice(7, 1, 1, "ad-token", "", "app-test", True)
NOW = int(time.time() * 1000)
SOON = NOW + 86_400_000


class Recorder:
    """A session's host and transport in one: records what it reports and writes."""

    def __init__(self) -> None:
        self.written = b""
        self.delivered = 0
        self.clock = LoopClock()
        self.transport_closes = 0
        self.connects: list[mqtt5.ConnectPacket] = []
        self.acknowledged_ids: list[int] = []
        self.refused_ids: list[int] = []
        self.requested_after: list[int] = []
        self.requests: list[DeviceRequest] = []
        self.refused_publishes: list[PublishRefusal] = []
        self.is_reading = True
        self.closes = 0

    def write(self, data: bytes) -> None:
        assert not self.transport_closes
        self.written += data

    write_coalesced = write

    def close(self) -> None:
        self.transport_closes += 1

    @property
    def writer(self) -> Recorder:
        return self

    @property
    def unsent_bytes(self) -> int:
        return 0

    def connect_requested(self, _session: Session, packet: mqtt5.ConnectPacket) -> None:
        self.connects.append(packet)

    def message_acknowledged(self, _session: Session, message_id: int) -> None:
        self.acknowledged_ids.append(message_id)

    def message_refused(self, _session: Session, message_id: int) -> None:
        self.refused_ids.append(message_id)

    def pending_requested(self, _session: Session, after: int) -> None:
        self.requested_after.append(after)

    def request_received(self, _session: Session, request: DeviceRequest) -> None:
        self.requests.append(request)

    def publish_refused(self, _session: Session, reason: PublishRefusal) -> None:
        self.refused_publishes.append(reason)

    def pause_reading(self) -> None:
        self.is_reading = False

    def resume_reading(self) -> None:
        self.is_reading = True

    def session_closed(self, _session: Session) -> None:
        self.closes += 1

    def packets(self) -> list[Any]:
        """What was written since the last call, decoded."""
        found, rest = [], memoryview(self.written)
        while rest:
            packet, size = mqtt5.read(rest)
            found.append(packet)
            rest = rest[size:]
        self.written = b""
        return found


def new_session() -> tuple[Session, Recorder]:
    recorder = Recorder()
    return Session(recorder, recorder, address="127.0.0.1", session_id="s"), recorder


def open_session(**connect: Any) -> tuple[Session, Recorder]:
    session, recorder = new_session()
    session.feed(mqtt5.ConnectPacket("ad-token", keep_alive=60, **connect).write())
    session.accept(DEVICE, issued_secret=None, max_keep_alive=1200)
    recorder.packets()
    return session, recorder


def deliver(session: Session, *message_ids: int, dup: bool = False) -> None:
    for message_id in message_ids:
        session.deliver(message_id, b'{"k":"1"}', SOON, dup, NOW)


def row(message_id: int) -> OutboundMessage:
    return OutboundMessage(message_id, str(message_id).encode(), SOON, False)


def sent_ids(recorder: Recorder) -> list[int]:
    """The ids of the messages that were sent since the last call."""
    return [int(packet.payload) for packet in recorder.packets() if isinstance(packet, mqtt5.PublishPacket)]


def acknowledge_all(session: Session, recorder: Recorder) -> list[int]:
    """Acknowledge what was written, and what follows from that, until nothing does; returns the ids in order."""
    seen: list[int] = []
    while packets := recorder.packets():
        seen += [int(packet.payload) for packet in packets]
        session.feed(b"".join(mqtt5.PubAckPacket(packet.packet_id).write() for packet in packets))
    return seen


def publish(topic: str = "mps/bind", **options: Any) -> bytes:
    return mqtt5.PublishPacket(topic, b"{}", **({"qos": QoS.AT_LEAST_ONCE, "packet_id": 3} | options)).write()


def requests(count: int, qos: QoS = QoS.AT_LEAST_ONCE) -> bytes:
    return b"".join(publish(qos=qos, packet_id=n + 1 if qos == QoS.AT_LEAST_ONCE else None) for n in range(count))
