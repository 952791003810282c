"""Requests of devices: bind, unbind, report, event."""

from __future__ import annotations

import json
import threading

import mqtt5
import pytest
from mqtt5 import QoS

from analytics.models import MessageEvent
from gateway.cluster import node_lease, presence
from gateway.sink import Sink
from mps_project.observability.service_metrics import ServiceCollector
from pushcore.models import Binding, Device, Message, PushTask, Workspace
from pushcore.push import pushes
from pushcore.push.requests import SimplePush
from pushcore.storage import valkey
from tests.gateway.conftest import Connect, Known, RunningGateway
from tests.gateway.pushing import send, status_of, wait_for
from tests.support.raw_device import RawDevice


@pytest.mark.parametrize("transport", ["tcp", "websockets"])
def test_a_device_that_binds_gets_the_pending_messages_of_its_user(
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


def test_an_event_that_names_the_task_counts_for_the_devices_message_of_it(
    connect: Connect, workspace: Workspace
) -> None:
    """Vendors that take many devices in one call hand all of them the task's ID."""
    device, other = connect(), connect()
    request = SimplePush(
        title="Title", content="Content", delivery_type=1, expired_seconds=300,
        target_msgkey={other.ad_token: "k1", device.ad_token: "k2"},
    )  # fmt: skip
    task = pushes.accept(workspace, request, source=PushTask.Source.RPC, author="test")
    opened = [{"k": str(task.pk), "event": "opened"}]
    assert device.request("mps/event", opened)["code"] == device.request("mps/event", opened)["code"] == "100"
    [event] = MessageEvent.objects.all()
    assert (event.message_id, event.task_id) == (Message.objects.get(msgkey="k2").pk, task.pk)
    assert connect().request("mps/event", opened)["code"] == "100"
    assert MessageEvent.objects.count() == 1  # not of a device that the task did not push to


def test_a_device_reports_its_device_information_and_removes_its_vendor_token(connect: Connect) -> None:
    device = connect()
    told = {"thirdChannel": 4, "thirdChannelDeviceToken": "mi", "appVersion": "3.1", "osVersion": "15\x1b[2J"}
    assert device.request("mps/report", told | {"capabilities": ["trampoline"]})["code"] == "100"
    assert device.request("mps/report", {"capabilities": [1]})["code"] == "3028"
    where = {"timeZone": "Europe/Oslo", "language": "nb", "country": "NO"}
    assert device.request("mps/report", where)["code"] == "100"
    assert device.request("mps/report", {"model": "M2", "timeZone": "Nowhere"})["code"] == "100"
    row = Device.objects.get()
    assert (row.third_token, row.app_version, row.os_version, row.model) == ("mi", "3.1", "15[2J", "M2")
    assert row.capabilities == ",trampoline,"
    assert (row.time_zone, row.language, row.country) == ("Europe/Oslo", "nb", "NO")
    assert device.request("mps/report", {"thirdChannel": 0})["code"] == "100"
    row.refresh_from_db()
    assert (row.third_channel, row.third_token, row.app_version) == (None, "", "3.1")


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
        ("mps/report", {}, "3001"),
        ("mps/report", {"thirdChannel": 2, "thirdChannelDeviceToken": "ab" * 32}, "3028"),
        ("mps/report", {"thirdChannel": 4, "thirdChannelDeviceToken": ["mi"]}, "3028"),
        ("mps/report", {"model": {"name": "M2"}}, "3028"),
        ("mps/event", [{"k": "1", "event": "eaten"}], "3028"),
    ],
)
def test_an_invalid_request_is_answered_with_its_result_code(
    connect: Connect, topic: str, payload: object, code: str
) -> None:
    assert connect().request(topic, payload)["code"] == code


def test_a_payload_that_is_not_json_is_answered_in_the_order_of_requests(
    gateway: RunningGateway, username: str, known: Known
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
    assert (codes, acks) == (["3031", "3028", "100", "100"], [1, 2, 3, 4])
    assert Binding.objects.get(unbound_at__isnull=True).user_id == "bob"


def test_messages_queued_for_a_user_who_left_the_device_are_not_sent(
    gateway: RunningGateway, username: str, known: Known, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "gateway.protocol.outbound.RECHECK_SECONDS", 0.0
    )  # so that they wait in memory right after the bind
    with RawDevice(gateway.mqtt_port) as device:
        device.connect(known[0].ad_token, username, known[1], receive_max=1)
        device.send(mqtt5.PublishPacket("mps/bind", b'{"userId": "ann"}', qos=QoS.AT_MOST_ONCE))
        assert device.next_publish().topic == "mps/reply"
        for n in range(3):
            send(workspace, "ann", f"k{n}", delivery_type=3)
        first = device.next_publish()
        assert wait_for(lambda: gateway.session_of(known[0]).queued == 2)
        device.send(mqtt5.PublishPacket("mps/unbind", b'{"userId": "ann"}', qos=QoS.AT_MOST_ONCE))
        assert device.next_publish().topic == "mps/reply"
        send(workspace, known[0].ad_token, "own")
        assert first.packet_id is not None
        device.send(mqtt5.PubAckPacket(first.packet_id))
        following = device.next_publish()
    assert json.loads(following.payload)["bData"]["msgKey"] == "own"


@pytest.mark.parametrize("transport", ["tcp", "websockets"])
@pytest.mark.parametrize("qos", [QoS.AT_LEAST_ONCE, QoS.AT_MOST_ONCE])
def test_many_requests_at_once_are_all_served_on_the_same_connection(
    connect: Connect, transport: str, qos: QoS
) -> None:
    device = connect(transport)
    published: list[int] = []
    lost: list[int] = []
    device.client.on_publish = lambda *_: published.append(1)
    device.client.on_disconnect = lambda *_: lost.append(1)
    for _ in range(100):
        device.client.publish("mps/event", "[]", qos=int(qos == QoS.AT_LEAST_ONCE))
    assert device.wait(lambda: len(device.answers) == 100)
    assert device.wait(lambda: len(published) == 100)
    assert lost == []


@pytest.mark.parametrize("qos", [QoS.AT_LEAST_ONCE, QoS.AT_MOST_ONCE])
@pytest.mark.parametrize("goodbye", ["DISCONNECT", "just closed", "closed before the CONNACK"])
def test_requests_sent_before_a_device_left_take_effect(
    gateway: RunningGateway, username: str, known: Known, qos: QoS, goodbye: str
) -> None:
    binds = [
        mqtt5.PublishPacket(
            "mps/bind", json.dumps({"userId": f"u{n}"}).encode(), qos=qos,
            packet_id=n if qos == QoS.AT_LEAST_ONCE else None,
        ).write()
        for n in range(1, 31)
    ]  # fmt: skip
    with RawDevice(gateway.mqtt_port) as device:
        connect = b""
        if goodbye == "closed before the CONNACK":
            connect = mqtt5.ConnectPacket(known[0].ad_token, username=username, password=known[1].encode()).write()
        else:
            device.connect(known[0].ad_token, username, known[1])
        device.send(connect + b"".join(binds) + (mqtt5.DisconnectPacket().write() if goodbye == "DISCONNECT" else b""))
    assert wait_for(lambda: Binding.objects.filter(user_id="u30", unbound_at__isnull=True).exists())
    assert gateway.node is not None
    requests = gateway.node._requests
    assert wait_for(lambda: (len(requests), requests._ended, requests._ended_bytes) == (0, set(), 0))
    assert Binding.objects.count() == 30  # each of them, in order


def test_requests_of_ended_sessions_are_bounded_and_drops_are_counted(
    gateway: RunningGateway, username: str, known: Known, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.node.request_queue.MAX_ENDED_BYTES", 0)
    served, go_on = threading.Event(), threading.Event()

    def serve(*_arguments: object, **_: object) -> dict[str, object]:
        served.set()
        go_on.wait(15)
        return {"success": False}

    monkeypatch.setattr("gateway.node.device_requests.serve", serve)
    assert gateway.node is not None
    requests = gateway.node._requests
    with RawDevice(gateway.mqtt_port) as device:
        device.connect(known[0].ad_token, username, known[1])
        for _ in range(5):
            device.send(mqtt5.PublishPacket("mps/event", b"[]", qos=QoS.AT_MOST_ONCE))
        assert served.wait(15)
        assert wait_for(lambda: gateway.session_of(known[0]).open_requests == 5)
    assert wait_for(lambda: requests.dropped == 4)
    go_on.set()
    assert wait_for(lambda: len(requests) == 0)


def test_refused_publishes_are_published_as_counters_by_reason(
    gateway: RunningGateway, username: str, known: Known, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_lease, "HEARTBEAT_SECONDS", 0.1)
    with RawDevice(gateway.mqtt_port) as device:
        device.connect(known[0].ad_token, username, known[1])
        device.send(mqtt5.PublishPacket("$SYS/state", b"1", qos=QoS.AT_LEAST_ONCE, packet_id=1))
        assert isinstance(device.recv(), mqtt5.PubAckPacket)
        device.send(mqtt5.PublishPacket("mps/bind", b"1", qos=QoS.AT_MOST_ONCE, retain=True))
        assert isinstance(device.recv(), mqtt5.DisconnectPacket)
    wanted = {"foreign_topic": 1, "retained": 1}
    assert wait_for(lambda: [node.refused_publishes for node in presence.live_nodes(valkey.client())] == [wanted])
    families = {family.name: family for family in ServiceCollector().collect()}
    told = {sample.labels["reason"]: sample.value for sample in families["mps_gateway_refused_publishes"].samples}
    assert told == wanted
