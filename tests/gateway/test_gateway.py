"""Devices on real sockets: connecting, receiving, acknowledging, asking."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import timedelta

import mqtt5
import pytest
import requests
from django.utils import timezone
from mqtt5 import ConnAckReasonCode, DisconnectReasonCode, QoS

from analytics.models import MessageEvent
from gateway import courier, presence
from gateway.admission import Admission, Credentials, admit
from gateway.sink import Sink
from pushcore import bus, devices, push
from pushcore.devices import Facts, KnownDevice
from pushcore.models import App, Binding, Device, Message, PushTask, Workspace
from tests.gateway.conftest import RunningGateway
from tests.support.devices import PahoDevice
from tests.support.raw_device import RawDevice

Connect = Callable[..., PahoDevice]


@pytest.fixture
def known(gateway: RunningGateway, workspace: Workspace) -> tuple[KnownDevice, str]:
    """A registered device and its secret."""
    return devices.register([(workspace, Facts())])[0]


def send(
    workspace: Workspace, target: str, msgkey: str, *, delivery_type: int = 1, expired_seconds: int = 300
) -> Message:
    request = push.SimplePush(
        task_name="t", title="Title", content="Content", delivery_type=delivery_type, target_msgkey={target: msgkey},
        expired_seconds=expired_seconds,
    )  # fmt: skip
    task = push.accept_simple(workspace, request, source=PushTask.Source.RPC, author="test")
    return Message.objects.get(task=task)


def wait_for(condition: Callable[[], bool], seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


def status_of(message: Message) -> int:
    return Message.objects.values_list("status", flat=True).get(pk=message.pk)


# -- connecting -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["tcp", "websockets"])
def test_a_first_connect_is_given_an_ad_token_and_a_secret_that_work_later(connect: Connect, transport: str) -> None:
    device = connect(transport)
    stored = Device.objects.get(ad_token=device.ad_token)
    assert (stored.model, stored.app_version) == ("Paho", "1.0")
    assert stored.secret_hash not in ("", device.secret)
    device.disconnect()
    assert connect(transport, known=device).client.is_connected()
    assert Device.objects.count() == 1


@pytest.mark.parametrize(
    ("client_id", "user", "password", "code"),
    [
        ("", "app", "wrong", ConnAckReasonCode.BAD_USER_NAME_OR_PASSWORD),
        ("", "nobody-test", "key", ConnAckReasonCode.NOT_AUTHORIZED),
        ("", "", "", ConnAckReasonCode.NOT_AUTHORIZED),
        ("", "a\u00e9" * 200, "key", ConnAckReasonCode.NOT_AUTHORIZED),
        ("known", "app", "wrong", ConnAckReasonCode.BAD_USER_NAME_OR_PASSWORD),
        ("known", "app", "", ConnAckReasonCode.BAD_USER_NAME_OR_PASSWORD),
        ("unknown", "app", "secret", ConnAckReasonCode.BAD_USER_NAME_OR_PASSWORD),
        ("known", "other", "secret", ConnAckReasonCode.NOT_AUTHORIZED),
    ],
)
def test_who_does_not_prove_who_he_is_is_refused(
    gateway: RunningGateway,
    workspace: Workspace,
    username: str,
    known: tuple[KnownDevice, str],
    client_id: str,
    user: str,
    password: str,
    code: ConnAckReasonCode,
) -> None:
    Workspace.objects.create(app=workspace.app, workspace_id="other")
    named = {"app": username, "other": f"{workspace.app.app_id}-other"}.get(user, user)
    token = {"known": known[0].ad_token}.get(client_id, client_id)
    given = {"key": workspace.client_key, "secret": known[1]}.get(password, password)
    with RawDevice(gateway.mqtt_port) as device:
        assert device.connect(token, named, given).reason_code == code
        assert device.recv() is None


@pytest.mark.parametrize("off", ["app", "workspace"])
def test_a_device_of_a_disabled_app_or_workspace_is_refused(
    gateway: RunningGateway, username: str, known: tuple[KnownDevice, str], off: str
) -> None:
    (App if off == "app" else Workspace).objects.update(enabled=False)
    with RawDevice(gateway.mqtt_port) as device:
        answer = device.connect(known[0].ad_token, username, known[1])
        assert answer.reason_code == ConnAckReasonCode.NOT_AUTHORIZED


@pytest.mark.parametrize("transport", ["tcp", "websockets"])
def test_a_second_connection_takes_over(
    gateway: RunningGateway, workspace: Workspace, username: str, known: tuple[KnownDevice, str], connect: Connect,
    transport: str,
) -> None:  # fmt: skip
    with RawDevice(gateway.mqtt_port) as first:
        first.connect(known[0].ad_token, username, known[1])
        second = PahoDevice(gateway.demo(workspace), transport=transport)
        second.ad_token, second.secret = known[0].ad_token, known[1]
        connect(transport, known=second)
        ended = first.recv()
        assert isinstance(ended, mqtt5.DisconnectPacket)
        assert ended.reason_code == DisconnectReasonCode.SESSION_TAKEN_OVER
        assert first.recv() is None
    # The first one's late end took nothing of the second's.
    assert known[0].id in presence.nodes_of(bus.client(), [known[0].id])


def test_a_second_connection_takes_over_from_another_node(
    gateway: RunningGateway, username: str, known: tuple[KnownDevice, str]
) -> None:
    other = RunningGateway().start()
    try:
        with RawDevice(gateway.mqtt_port) as first, RawDevice(other.mqtt_port) as second:
            first.connect(known[0].ad_token, username, known[1])
            second.connect(known[0].ad_token, username, known[1])
            ended = first.recv()
            assert isinstance(ended, mqtt5.DisconnectPacket)
            assert ended.reason_code == DisconnectReasonCode.SESSION_TAKEN_OVER
            assert other.node is not None
            here = other.node.courier.node_id
            time.sleep(0.2)  # the first node's withdrawal must not remove the second's presence
            assert presence.nodes_of(bus.client(), [known[0].id]) == {known[0].id: here}
    finally:
        other.stop()


def test_a_silent_device_is_dropped_after_one_and_a_half_keep_alives(
    gateway: RunningGateway, username: str, known: tuple[KnownDevice, str]
) -> None:
    with RawDevice(gateway.mqtt_port) as device:
        device.connect(known[0].ad_token, username, known[1], keep_alive=1)
        ended = device.recv()
        assert isinstance(ended, mqtt5.DisconnectPacket)
        assert ended.reason_code == DisconnectReasonCode.KEEP_ALIVE_TIMEOUT
    assert wait_for(lambda: not presence.nodes_of(bus.client(), [known[0].id]))


def test_a_connect_that_does_not_end_is_dropped(gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.wheel.CONNECT_SECONDS", 1.0)
    with RawDevice(gateway.mqtt_port) as device:
        device.send(b"\x10\x20\x00\x04MQTT")
        assert device.recv() is None


def test_failing_again_and_again_is_slowed_down_and_others_are_not(
    gateway: RunningGateway, username: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    held_back: list[float] = []
    throttle = gateway.node._throttle  # type: ignore[union-attr]
    failed = throttle.failed

    def note(address: str) -> float:
        held_back.append(failed(address))
        return 0.0

    monkeypatch.setattr(throttle, "failed", note)
    for _ in range(9):
        with RawDevice(gateway.mqtt_port) as device:
            device.connect("", username, "wrong")
    assert held_back == [0, 0, 0, 0, 0, 0.2, 0.4, 0.8, 1.6]
    assert failed("another address") == 0


def test_without_its_database_a_connect_is_told_to_come_back(
    gateway: RunningGateway, username: str, known: tuple[KnownDevice, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import OperationalError

    def away(_batch: object) -> None:
        raise OperationalError("server closed the connection")

    monkeypatch.setattr("gateway.node.admit", away)
    with RawDevice(gateway.mqtt_port) as device:
        answer = device.connect(known[0].ad_token, username, known[1])
        assert answer.reason_code == ConnAckReasonCode.SERVER_UNAVAILABLE


def test_the_websocket_port_serves_no_pages(gateway: RunningGateway) -> None:
    assert requests.get(f"http://127.0.0.1:{gateway.ws_port}/console/", timeout=10).status_code == 404


def test_a_websocket_speaks_mqtt_in_binary_or_not_at_all(gateway: RunningGateway) -> None:
    from websockets.exceptions import ConnectionClosedError, InvalidStatus
    from websockets.sync.client import connect as open_socket

    url = f"ws://127.0.0.1:{gateway.ws_port}/gateway/mqtt"
    with pytest.raises(InvalidStatus):
        open_socket(url)
    with open_socket(url, subprotocols=["mqtt"]) as socket:  # type: ignore[list-item]
        assert socket.subprotocol == "mqtt"
        socket.send("text")
        with pytest.raises(ConnectionClosedError) as ended:
            socket.recv()
        assert ended.value.rcvd is not None
        assert ended.value.rcvd.code == 1003


# -- messages ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["tcp", "websockets"])
def test_an_acknowledged_message_has_status_2(
    connect: Connect, sink: Sink, workspace: Workspace, transport: str
) -> None:
    device = connect(transport)
    message = send(workspace, device.ad_token, "k1")
    data = device.wait_for_key("k1")
    assert data["title"] == "Title"
    assert device.received[0][0] == str(message.pk)
    assert device.expiries[0] in (299, 300)
    assert wait_for(lambda: status_of(message) == 2)


def test_what_waited_comes_on_connect_oldest_first_and_what_expired_does_not(
    connect: Connect, workspace: Workspace
) -> None:
    device = connect()
    device.disconnect()
    for n in range(5):
        send(workspace, device.ad_token, f"k{n}")
    Message.objects.filter(msgkey="k2").update(expire_at=timezone.now() - timedelta(seconds=1))
    again = connect(known=device)
    again.wait_for_key("k4")
    assert again.keys() == ["k0", "k1", "k3", "k4"]


def test_more_than_one_batch_of_waiting_messages_comes_whole(
    connect: Connect, workspace: Workspace, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.node.PENDING_PER_DEVICE", 3)
    device = connect()
    device.disconnect()
    for n in range(10):
        send(workspace, device.ad_token, f"k{n}")
    again = connect(known=device)
    assert again.wait(lambda: len(set(again.keys())) == 10)


def test_an_unacknowledged_message_is_repeated_with_dup_and_an_acknowledged_one_never(
    gateway: RunningGateway, username: str, known: tuple[KnownDevice, str], workspace: Workspace, sink: Sink
) -> None:
    with RawDevice(gateway.mqtt_port) as device:
        device.connect(known[0].ad_token, username, known[1])
        acked = send(workspace, known[0].ad_token, "acked")
        packet_id = device.next_publish().packet_id
        assert packet_id is not None
        device.send(mqtt5.PubAckPacket(packet_id))
        left = send(workspace, known[0].ad_token, "left")
        assert not device.next_publish().duplicate
    assert wait_for(lambda: status_of(acked) == 2)
    assert wait_for(lambda: Message.objects.get(pk=left.pk).sent_at is not None)
    with RawDevice(gateway.mqtt_port) as device:
        device.connect(known[0].ad_token, username, known[1])
        repeat = device.next_publish()
        assert repeat.duplicate
        assert json.loads(repeat.payload)["k"] == str(left.pk)
        device.send(mqtt5.PingReqPacket())
        assert isinstance(device.recv(), mqtt5.PingRespPacket)  # and nothing else came before it


def test_an_acknowledgement_lost_with_the_store_is_told_again_not_sent_again(
    gateway: RunningGateway, username: str, known: tuple[KnownDevice, str], workspace: Workspace
) -> None:
    with RawDevice(gateway.mqtt_port) as device:
        device.connect(known[0].ad_token, username, known[1])
        message = send(workspace, known[0].ad_token, "k1")
        packet_id = device.next_publish().packet_id
        assert packet_id is not None
        device.send(mqtt5.PubAckPacket(packet_id))
        assert wait_for(lambda: bus.client().xlen("mps:acks") == 1)
        bus.client().flushdb()  # no sink has read it
        assert wait_for(lambda: bus.client().exists("mps:acks") == 1)
        device.send(mqtt5.PingReqPacket())
        assert isinstance(device.recv(), mqtt5.PingRespPacket)
        assert status_of(message) == 0


def test_after_the_store_was_emptied_pushes_arrive_again(connect: Connect, workspace: Workspace) -> None:
    device = connect()
    bus.client().flushdb()
    send(workspace, device.ad_token, "k1")  # presence is gone: not handed over
    device.wait_for_key("k1")
    assert wait_for(lambda: bool(presence.live_nodes(bus.client())))
    send(workspace, device.ad_token, "k2")
    device.wait_for_key("k2")


def test_a_message_to_a_dead_node_waits_for_the_device(
    gateway: RunningGateway, username: str, known: tuple[KnownDevice, str], workspace: Workspace
) -> None:
    bus.client().set(presence.presence_key(known[0].id), "deadnode/x")
    send(workspace, known[0].ad_token, "k1")
    assert not bus.client().exists(presence.stream_key("deadnode"))
    with RawDevice(gateway.mqtt_port) as device:
        device.connect(known[0].ad_token, username, known[1])
        assert json.loads(device.next_publish().payload)["bData"]["msgKey"] == "k1"


def test_a_device_that_does_not_read_is_cut_off(
    gateway: RunningGateway, username: str, known: tuple[KnownDevice, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with RawDevice(gateway.mqtt_port) as device:
        device.connect(known[0].ad_token, username, known[1])
        node = gateway.node
        assert node is not None
        session = node.sessions[known[0].id]
        expiry = int(time.time() * 1000) + 60_000
        payload = b"x" * 16_000

        def flood() -> None:
            for n in range(4000):
                session.deliver(n, payload, expiry, dup=False)

        gateway._loop.call_soon_threadsafe(flood)  # type: ignore[union-attr]
        assert wait_for(lambda: known[0].id not in node.sessions)


# -- requests ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["tcp", "websockets"])
def test_a_device_binds_and_gets_what_waited_for_its_user(
    connect: Connect, workspace: Workspace, sink: Sink, transport: str
) -> None:
    device = connect(transport)
    message = send(workspace, "ann", "k1", delivery_type=3)
    assert message.status == 1
    assert device.request("mps/bind", {"userId": "ann"}) == {
        "success": True, "code": "100", "name": "SUCCESS", "message": "succeeded",
    }  # fmt: skip
    device.wait_for_key("k1")
    assert wait_for(lambda: status_of(message) == 2)
    assert device.request("mps/unbind", {"userId": "ann"})["success"] is True
    assert Binding.objects.get().unbound_at is not None


def test_a_device_reports_its_vendor_token_and_events(connect: Connect, workspace: Workspace) -> None:
    device = connect()
    assert device.request("mps/report", {"thirdChannel": 4, "thirdChannelDeviceToken": "mi"})["code"] == "100"
    assert Device.objects.get().third_token == "mi"
    message = send(workspace, device.ad_token, "k1")
    events = [
        {"k": str(message.pk), "event": "opened", "at": 1},
        {"k": str(message.pk), "event": "opened"},
        {"k": "5", "event": "arrived"},
    ]
    assert device.request("mps/event", events)["code"] == "100"
    assert [(event.message_id, event.kind) for event in MessageEvent.objects.all()] == [(message.pk, "opened")]


@pytest.mark.parametrize(
    ("topic", "payload", "code"),
    [
        ("mps/bind", {}, "3012"),
        ("mps/bind", {"userId": ["x"]}, "3028"),
        ("mps/bind", {"userId": "ann", "adToken": "another"}, "3054"),
        ("mps/bind", [], "3028"),
        ("mps/unbind", {"userId": None}, "3012"),
        ("mps/report", {"thirdChannel": 4}, "3001"),
        ("mps/report", {"thirdChannel": "x", "thirdChannelDeviceToken": "t"}, "3028"),
        ("mps/event", [{"k": "1", "event": "eaten"}], "3028"),
    ],
)
def test_a_request_that_cannot_be_is_answered_with_its_code(
    connect: Connect, topic: str, payload: object, code: str
) -> None:
    assert connect().request(topic, payload)["code"] == code


def test_a_payload_that_is_no_json_is_answered_and_requests_keep_their_order(
    gateway: RunningGateway, username: str, known: tuple[KnownDevice, str]
) -> None:
    with RawDevice(gateway.mqtt_port) as device:
        device.connect(known[0].ad_token, username, known[1])
        payloads = [b"\xff", b"[" * 9000, b'{"userId": "ann"}', b'{"userId": "bob"}']
        for n, payload in enumerate(payloads, 1):
            device.send(mqtt5.PublishPacket("mps/bind", payload, qos=QoS.AT_LEAST_ONCE, packet_id=n))
        codes: list[str] = []
        acks: list[int] = []
        while len(acks) < len(payloads):
            packet = device.recv()
            if isinstance(packet, mqtt5.PublishPacket):
                assert packet.topic == "mps/reply"
                codes.append(json.loads(packet.payload)["code"])
            else:
                assert isinstance(packet, mqtt5.PubAckPacket)
                acks.append(packet.packet_id)
    assert (codes, acks) == (["3028", "3028", "100", "100"], [1, 2, 3, 4])
    assert Binding.objects.get(unbound_at__isnull=True).user_id == "bob"


# -- the node ---------------------------------------------------------------------------------------------------------


def test_a_storm_of_connects_costs_a_few_queries(
    gateway: RunningGateway, username: str, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet = devices.register([(workspace, Facts())] * 100)
    batches: list[int] = []

    def counted(batch: list[Credentials]) -> list[Admission]:
        batches.append(len(batch))
        return admit(batch)

    monkeypatch.setattr("gateway.node.admit", counted)
    raw = [RawDevice(gateway.mqtt_port) for _ in fleet]
    for device, (known, secret) in zip(raw, fleet, strict=True):
        device.send(mqtt5.ConnectPacket(known.ad_token, username=username, password=secret.encode()))
    for device in raw:
        answer = device.recv()
        assert isinstance(answer, mqtt5.ConnAckPacket)
        assert answer.reason_code == ConnAckReasonCode.SUCCESS
    assert sum(batches) == 100
    assert len(batches) < 50
    assert len(presence.nodes_of(bus.client(), [known.id for known, _ in fleet])) == 100
    for device in raw:
        device.socket.close()


def test_a_node_that_stops_says_goodbye_and_leaves_nothing(
    transactional_db: None, workspace: Workspace, username: str
) -> None:
    running = RunningGateway().start()
    [(known, secret)] = devices.register([(workspace, Facts())])
    assert running.node is not None
    with RawDevice(running.mqtt_port) as device:
        device.connect(known.ad_token, username, secret)
        assert [node.node_id for node in presence.live_nodes(bus.client())] == [running.node.courier.node_id]
        running.stop()
        ended = device.recv()
        assert isinstance(ended, mqtt5.DisconnectPacket)
        assert ended.reason_code == DisconnectReasonCode.SERVER_SHUTTING_DOWN
    assert presence.live_nodes(bus.client()) == []
    assert bus.client().keys("mps:presence:*") == []
    assert bus.client().keys("mps:node:*") == []


def test_a_node_tells_how_busy_it_is(connect: Connect, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courier, "HEARTBEAT_SECONDS", 0.1)
    device = connect()
    send(workspace, device.ad_token, "k1")
    device.wait_for_key("k1")

    def told() -> bool:
        [node] = presence.live_nodes(bus.client())
        return (node.connections, node.delivered, node.acknowledged) == (1, 1, 1)

    assert wait_for(told)


# -- HTTP twins -------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_device_registers_binds_and_reports_over_http(
    live_server: object, workspace: Workspace, username: str
) -> None:
    base = f"{live_server}/device/v1"
    made = requests.post(
        f"{base}/register",
        json={"platform": "ios", "token": "apns", "model": "iPhone"},
        auth=(username, workspace.client_key),
        timeout=10,
    ).json()
    assert (made["success"], made["code"]) == (True, "100")
    mine = (made["data"]["adToken"], made["data"]["secret"])
    device = Device.objects.get(ad_token=mine[0])
    assert (device.platform, device.third_channel, device.third_token) == (2, 2, "apns")
    assert requests.post(f"{base}/bind", json={"userId": "ann"}, auth=mine, timeout=10).json()["code"] == "100"
    assert Binding.objects.get().user_id == "ann"
    message = send(workspace, "apns", "k1", delivery_type=2)
    event = [{"k": str(message.pk), "event": "opened"}]
    assert requests.post(f"{base}/events", json=event, auth=mine, timeout=10).json()["code"] == "100"
    assert MessageEvent.objects.get().kind == "opened"
    assert requests.post(
        f"{base}/report", json={"thirdChannel": 2, "thirdChannelDeviceToken": "new"}, auth=mine, timeout=10
    ).ok
    assert requests.post(f"{base}/unbind", json={"userId": "ann"}, auth=mine, timeout=10).json()["code"] == "100"
    assert Binding.objects.get().unbound_at is not None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("path", "auth", "body", "status", "code"),
    [
        ("register", None, b"{}", 401, "-1"),
        ("register", "wrong", b"{}", 401, "-1"),
        ("register", "unknown", b"{}", 401, "-1"),
        ("register", "key", b"{", 200, "3028"),
        ("register", "key", b"[]", 200, "3028"),
        ("register", "key", b'{"platform": "symbian"}', 200, "3008"),
        ("bind", None, b"{}", 401, "-1"),
        ("bind", "wrong", b"{}", 401, "-1"),
        ("bind", "device", b"{}", 200, "3012"),
        ("bind", "device", b"null", 200, "3028"),
        ("events", "device", b"{}", 200, "3028"),
        ("events", "device", b"x" * 70_000, 413, "3050"),
    ],
)
def test_a_twin_refuses_what_its_original_refuses(
    live_server: object,
    workspace: Workspace,
    username: str,
    path: str,
    auth: str | None,
    body: bytes,
    status: int,
    code: str,
) -> None:
    [(known, secret)] = devices.register([(workspace, Facts())])
    credentials = {
        None: None,
        "wrong": (username if path == "register" else known.ad_token, "wrong"),
        "unknown": ("nobody-test", "x"),
        "key": (username, workspace.client_key),
        "device": (known.ad_token, secret),
    }[auth]
    answer = requests.post(f"{live_server}/device/v1/{path}", data=body, auth=credentials, timeout=10)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert Device.objects.count() == 1
