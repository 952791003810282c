"""MQTT 3.1.1: the same session in the older version's packets, by bytes alone and with Paho on real sockets."""

from __future__ import annotations

import json
import queue
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from mqtt5 import ConnAckReasonCode, DisconnectReasonCode
from paho.mqtt.client import Client, MQTTMessage, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

from gateway.protocol.packets import MAX_PACKET_BYTES
from gateway.protocol.ports import PublishRefusal, State
from gateway.protocol.session import Session
from gateway.protocol.shared_payload import SharedPayload
from gateway.sink import Sink
from pushcore.models import App, Workspace
from tests.gateway import mqtt311
from tests.gateway.conftest import Known, RunningGateway
from tests.gateway.pushing import send, status_of, wait_for
from tests.gateway.recorder import DEVICE, NOW, SOON, Recorder, new_session


def open_session(**connect: Any) -> tuple[Session, Recorder]:
    session, recorder = new_session()
    session.feed(mqtt311.connect(**connect))
    session.accept(DEVICE, issued_secret=None, max_keep_alive=1200)
    assert recorder.written == b"\x20\x02\x00\x00"
    recorder.written = b""
    return session, recorder


def test_a_connect_is_decoded() -> None:
    session, recorder = new_session()
    session.feed(mqtt311.connect("token", "app-ws", b"\xff\x00secret", keep_alive=77))
    [asked] = recorder.connects
    assert (asked.client_id, asked.username, asked.password) == ("token", "app-ws", b"\xff\x00secret")
    assert session.keep_alive == 77


@pytest.mark.parametrize("flags", [0x06, 0x0E, 0x26])
def test_a_will_is_skipped(flags: int) -> None:
    will = mqtt311.text("last/topic") + mqtt311.text(b"\xff\x00")
    session, recorder = new_session()
    session.feed(mqtt311.connect(will=will, flags=flags))
    assert [asked.username for asked in recorder.connects] == ["u"]


@pytest.mark.parametrize("flags", [0x00, 0x02])
def test_a_connect_without_a_client_id_is_refused(flags: int) -> None:
    session, recorder = new_session()
    session.feed(mqtt311.connect("", flags=flags))
    assert (recorder.written, recorder.connects) == (b"\x20\x02\x00\x02", [])
    assert session.state is State.CLOSED


@pytest.mark.parametrize(
    "raw",
    [
        mqtt311.connect(flags=0x03),  # the reserved flag
        mqtt311.connect(flags=0x0A),  # a will's QoS without a will
        mqtt311.connect(flags=0x22),
        mqtt311.connect(flags=0x1E, will=mqtt311.text("t") + mqtt311.text("p")),  # QoS 3
        mqtt311.connect(username=None),
        mqtt311.connect(b"\xff"),
        mqtt311.connect("a\0b"),
        mqtt311.connect(b"\xed\xa0\x80"),
        b"\x11" + mqtt311.connect()[1:],
        mqtt311.packet(0x10, mqtt311.connect()[2:] + b"x"),
        mqtt311.packet(0x10, mqtt311.connect()[2:-1]),
        mqtt311.packet(0x10, mqtt311.connect()[2:10]),
    ],
)
def test_a_malformed_connect_is_not_answered(raw: bytes) -> None:
    session, recorder = new_session()
    session.feed(raw)
    assert (recorder.written, recorder.connects, session.state) == (b"", [], State.CLOSED)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (ConnAckReasonCode.UNSUPPORTED_PROTOCOL_VERSION, 1),
        (ConnAckReasonCode.CLIENT_ID_NOT_VALID, 2),
        (ConnAckReasonCode.SERVER_UNAVAILABLE, 3),
        (ConnAckReasonCode.SERVER_BUSY, 3),
        (ConnAckReasonCode.QUOTA_EXCEEDED, 3),
        (ConnAckReasonCode.CONNECTION_RATE_EXCEEDED, 3),
        (ConnAckReasonCode.BAD_USER_NAME_OR_PASSWORD, 4),
        (ConnAckReasonCode.NOT_AUTHORIZED, 5),
        (ConnAckReasonCode.IMPLEMENTATION_SPECIFIC_ERROR, 5),
    ],
)
def test_reasons_of_refusals_are_mapped_to_return_codes(code: ConnAckReasonCode, said: int) -> None:
    session, recorder = new_session()
    session.feed(mqtt311.connect())
    session.refuse(code)
    assert recorder.written == bytes((0x20, 2, 0, said))


@pytest.mark.parametrize(("asked", "kept"), [(0, 1200), (5000, 1200), (1200, 1200), (7, 7)])
def test_a_keep_alive_is_bounded_though_the_device_cannot_be_told(asked: int, kept: int) -> None:
    session, _ = open_session(keep_alive=asked)
    assert session.keep_alive == kept


@pytest.mark.parametrize("size", [1, 100, 113, 114, 115, 116, 4096, 20_000])
@pytest.mark.parametrize("shared", [False, True])
def test_a_message_is_a_publish_without_properties(size: int, shared: bool) -> None:
    session, recorder = open_session()
    body = b"x" * size
    session.deliver(11, SharedPayload(body) if shared else body, SOON, False, NOW)
    length = 2 + len("mps/inbox") + 2 + size
    head = b"\x32" + (bytes((length,)) if length < 128 else b"")
    assert recorder.written.startswith(head)
    assert recorder.written.endswith(mqtt311.text("mps/inbox") + b"\x00\x01" + body)
    session.feed(mqtt311.puback(1))
    assert recorder.acknowledged_ids == [11]


def test_a_repeat_has_the_dup_flag() -> None:
    session, recorder = open_session()
    session.deliver(11, b"x", SOON, True, NOW)
    assert recorder.written == mqtt311.publish("mps/inbox", b"x", packet_id=1, flags=0x0A)


def test_a_request_is_answered_at_the_reply_topic_then_acknowledged() -> None:
    session, recorder = open_session()
    session.feed(mqtt311.publish("mps/bind", b"{}"))
    [request] = recorder.requests
    assert (request.topic, request.payload) == ("mps/bind", b"{}")
    session.answer(request, b'{"code":1}')
    assert recorder.written == mqtt311.publish("mps/reply", b'{"code":1}', packet_id=None) + mqtt311.puback(3)


def test_a_publish_to_any_other_topic_is_acknowledged_and_has_no_effect() -> None:
    session, recorder = open_session()
    session.feed(mqtt311.publish("other", b"{}") + mqtt311.publish("other", b"{}", packet_id=None))
    assert (recorder.written, recorder.requests) == (mqtt311.puback(3), [])
    assert recorder.refused_publishes == [PublishRefusal.FOREIGN_TOPIC] * 2


def test_a_retained_publish_is_acknowledged_and_has_no_effect_and_others_follow() -> None:
    """What a bridge publishes of its state: nothing could tell it beforehand that nothing is retained here."""
    session, recorder = open_session()
    state = "$SYS/broker/connection/host.bridge/state"
    for topic, flags in ((state, 0x03), ("mps/bind", 0x03)):
        session.feed(mqtt311.publish(topic, b"1", flags=flags))
    session.feed(mqtt311.publish(state, b"1", packet_id=None, flags=0x01))
    assert (recorder.written, recorder.requests, session.state) == (2 * mqtt311.puback(3), [], State.OPEN)
    assert recorder.refused_publishes == [PublishRefusal.RETAINED] * 3
    session.feed(mqtt311.publish("mps/bind", b"{}"))
    assert len(recorder.requests) == 1


def test_a_device_that_was_announced_no_limit_is_never_disconnected_for_many_requests() -> None:
    session, recorder = open_session()
    session.feed(mqtt311.publish("mps/event", b"[]") * 3000)
    for n in range(3000):
        session.answer(recorder.requests[n], b"{}")
    assert (session.state, recorder.is_reading) == (State.OPEN, True)
    assert recorder.written.count(mqtt311.puback(3)) == 3000


def test_only_the_inbox_and_the_reply_topic_can_be_subscribed_to() -> None:
    session, recorder = open_session()
    session.feed(mqtt311.subscribe(9, ("mps/inbox", 1), ("mps/reply", 0), ("mps/inbox", 2), ("#", 1)))
    assert recorder.written == b"\x90\x06\x00\x09\x01\x00\x01\x80"
    recorder.written = b""
    session.feed(mqtt311.unsubscribe(10, "mps/inbox", "other"))
    assert recorder.written == b"\xb0\x02\x00\x0a"


def test_a_ping_is_answered() -> None:
    session, recorder = open_session()
    session.feed(b"\xc0\x00")
    assert recorder.written == b"\xd0\x00"


@pytest.mark.parametrize(
    "raw",
    [
        mqtt311.publish("mps/bind", b"{}", flags=0x04),  # QoS 2
        mqtt311.publish("mps/bind", b"{}", flags=0x06),
        mqtt311.publish("mps/bind", b"{}", packet_id=0),
        mqtt311.publish("", b"{}"),
        mqtt311.publish(b"mps/\xff", b"{}"),
        mqtt311.publish("mps\0", b"{}"),
        b"\x80" + mqtt311.subscribe(9, ("mps/inbox", 1))[1:],
        mqtt311.subscribe(0, ("mps/inbox", 1)),
        mqtt311.subscribe(9),
        mqtt311.subscribe(9, ("mps/inbox", 3)),
        mqtt311.subscribe(9, (b"\xff", 1)),
        mqtt311.unsubscribe(9),
        mqtt311.unsubscribe(0, "mps/inbox"),
        b"\x41" + mqtt311.puback(1)[1:],
        b"\x40\x03\x00\x01\x00",
        b"\x40\x01\x00",
        mqtt311.connect(),
        b"\x62\x02\x00\x01",
        b"\x30\xff\xff\x7f",
    ],
)
def test_a_fault_closes_the_connection_without_a_packet(raw: bytes) -> None:
    session, recorder = open_session()
    session.feed(raw)
    assert (recorder.written, recorder.requests) == (b"", [])
    assert (session.state, recorder.closes, recorder.transport_closes) == (State.CLOSED, 1, 1)


def test_a_takeover_closes_the_connection_without_a_packet() -> None:
    session, recorder = open_session()
    session.disconnect(DisconnectReasonCode.SESSION_TAKEN_OVER)
    assert (recorder.written, recorder.transport_closes) == (b"", 1)


def test_a_packet_over_the_limit_is_not_buffered() -> None:
    session, _ = open_session()
    session.feed(mqtt311.publish("mps/bind", b"x" * (MAX_PACKET_BYTES - 20))[:-1])
    assert len(session._buffer) <= MAX_PACKET_BYTES


# -- with Paho on real sockets ------------------------------------------------------------------------------------


class Paho311:
    """Paho in MQTT 3.1.1, with what it was told."""

    def __init__(self, gateway: RunningGateway, transport: str, token: str, username: str, password: str) -> None:
        self.messages: queue.Queue[MQTTMessage] = queue.Queue()
        self.connacks: queue.Queue[str] = queue.Queue()
        self.ends: queue.Queue[bool] = queue.Queue()
        self.client = Client(
            CallbackAPIVersion.VERSION2,
            token,
            protocol=MQTTv311,
            transport=transport,
            reconnect_on_failure=False,
        )
        if transport == "websockets":
            self.client.ws_set_options(path="/gateway/mqtt")
        self.client.username_pw_set(username, password)
        self.client.on_message = lambda _client, _data, message: self.messages.put(message)
        self.client.on_connect = lambda _client, _data, _flags, reason, _properties: self.connacks.put(str(reason))
        self.client.on_disconnect = lambda *_: self.ends.put(True)
        self.client.connect("127.0.0.1", gateway.ws_port if transport == "websockets" else gateway.mqtt_port)
        self.client.loop_start()

    def stop(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def paho(gateway: RunningGateway, username: str, known: Known) -> Iterator[Any]:
    made: list[Paho311] = []

    def connect(transport: str = "tcp", token: str = known[0].ad_token, password: str = known[1]) -> Paho311:
        made.append(Paho311(gateway, transport, token, username, password))
        return made[-1]

    yield connect
    for device in made:
        device.stop()


@pytest.mark.parametrize("transport", ["tcp", "websockets"])
def test_paho_receives_acknowledges_and_sends_requests(
    paho: Any, sink: Sink, workspace: Workspace, known: Known, transport: str
) -> None:
    device = paho(transport)
    assert device.connacks.get(timeout=15) == "Success"
    sent = send(workspace, known[0].ad_token, "one")
    message = device.messages.get(timeout=15)
    assert (message.topic, message.qos) == ("mps/inbox", 1)
    assert json.loads(message.payload)["k"] == str(sent.id)
    assert wait_for(lambda: status_of(sent) == 2)
    device.client.publish("mps/unbind", json.dumps({"userId": "nobody"}), qos=1)
    answer = device.messages.get(timeout=15)
    assert answer.topic == "mps/reply"
    assert "code" in json.loads(answer.payload)


def test_paho_s_many_requests_at_once_are_all_acknowledged_on_the_same_connection(paho: Any) -> None:
    device = paho()
    assert device.connacks.get(timeout=15) == "Success"
    published: queue.Queue[int] = queue.Queue()
    device.client.on_publish = lambda _client, _data, message_id, *_: published.put(message_id)
    for _ in range(100):
        device.client.publish("mps/event", "[]", qos=1)
    assert len({published.get(timeout=15) for _ in range(100)}) == 100
    assert device.ends.empty()


def test_a_second_connection_takes_over(paho: Any) -> None:
    first = paho()
    assert first.connacks.get(timeout=15) == "Success"
    assert paho("websockets").connacks.get(timeout=15) == "Success"
    assert first.ends.get(timeout=15)


def test_a_silent_device_is_disconnected_after_one_and_a_half_keep_alives(
    gateway: RunningGateway, username: str, known: Known
) -> None:
    with socket.create_connection(("127.0.0.1", gateway.mqtt_port), timeout=15) as device:
        device.sendall(mqtt311.connect(known[0].ad_token, username, known[1].encode(), keep_alive=1))
        assert device.recv(4) == b"\x20\x02\x00\x00"
        assert device.recv(1) == b""
    assert wait_for(lambda: not gateway.holds(known[0]))


@pytest.mark.parametrize(
    ("token", "password", "off", "reason"),
    [
        (None, "wrong", False, "Bad user name or password"),
        ("stranger", "wrong", False, "Bad user name or password"),
        (None, None, True, "Not authorized"),
    ],
)
def test_a_refused_connect_gets_the_return_code(
    paho: Any, known: Known, token: str | None, password: str | None, off: bool, reason: str
) -> None:
    if off:
        App.objects.update(enabled=False)
    device = paho(token=token or known[0].ad_token, password=password or known[1])
    assert device.connacks.get(timeout=15) == reason
