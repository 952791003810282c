"""Connecting, takeover and refusals, with devices on real sockets."""

from __future__ import annotations

import socket
import time
from unittest.mock import Mock

import mqtt5
import pytest
from mqtt5 import ConnAckReasonCode, DisconnectReasonCode

from gateway.cluster import presence
from gateway.node.admission import Admission, Credentials, admit
from pushcore.devices import registry
from pushcore.devices.info import DeviceInfo
from pushcore.models import App, Device, Workspace
from pushcore.storage import valkey
from tests.gateway.conftest import Connect, Known, RunningGateway
from tests.gateway.pushing import wait_for
from tests.support.devices import PahoDevice
from tests.support.raw_device import RawDevice


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
def test_a_connect_with_wrong_credentials_is_refused(
    gateway: RunningGateway,
    workspace: Workspace,
    username: str,
    known: Known,
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
    gateway: RunningGateway, username: str, known: Known, off: str
) -> None:
    (App if off == "app" else Workspace).objects.update(enabled=False)
    with RawDevice(gateway.mqtt_port) as device:
        answer = device.connect(known[0].ad_token, username, known[1])
        assert answer.reason_code == ConnAckReasonCode.NOT_AUTHORIZED


@pytest.mark.parametrize("transport", ["tcp", "websockets"])
def test_a_second_connection_takes_over(
    gateway: RunningGateway, workspace: Workspace, username: str, known: Known, connect: Connect,
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
    assert known[0].id in presence.nodes_of(valkey.client(), [known[0].id])


def test_a_second_connection_takes_over_from_another_node(gateway: RunningGateway, username: str, known: Known) -> None:
    other = RunningGateway().start()
    try:
        with RawDevice(gateway.mqtt_port) as first, RawDevice(other.mqtt_port) as second:
            first.connect(known[0].ad_token, username, known[1])
            second.connect(known[0].ad_token, username, known[1])
            ended = first.recv()
            assert isinstance(ended, mqtt5.DisconnectPacket)
            assert ended.reason_code == DisconnectReasonCode.SESSION_TAKEN_OVER
            assert other.node is not None
            here = other.node.lease.node_id
            time.sleep(0.2)  # the first node's withdrawal must not remove the second's presence
            assert presence.nodes_of(valkey.client(), [known[0].id]) == {known[0].id: here}
    finally:
        other.stop()


def test_packets_that_arrived_while_the_node_stood_still_count_for_the_keep_alive(
    gateway: RunningGateway, username: str, known: Known, workspace: Workspace
) -> None:
    [(other, secret)] = registry.register([(workspace, DeviceInfo())])
    with RawDevice(gateway.mqtt_port) as device, RawDevice(gateway.mqtt_port) as holding_up:
        holding_up.connect(other.ad_token, username, secret)
        device.connect(known[0].ad_token, username, known[1], keep_alive=2)
        # Within the handling of a socket: next are the timers, as after SIGCONT, and not the other sockets.
        gateway.session_of(other)._writer = Mock(write=lambda data: time.sleep(5))
        holding_up.send(mqtt5.PingReqPacket())
        time.sleep(4)
        device.send(mqtt5.PingReqPacket())
        assert isinstance(device.recv(), mqtt5.PingRespPacket)


def test_a_connect_that_is_sent_too_slowly_is_closed(gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.node.keep_alive.CONNECT_SECONDS", 1.0)
    with RawDevice(gateway.mqtt_port) as silent, RawDevice(gateway.mqtt_port) as dribbling:
        silent.send(b"\x10\xff\x7f\x00\x04MQTT")
        dribbling.send(b"\x10\xff\x7f\x00\x04MQTT")

        def dropped() -> bool:
            try:
                dribbling.send(b"\x05")
                return dribbling.socket.recv(1, socket.MSG_DONTWAIT) == b""
            except BlockingIOError:
                return False
            except ConnectionError:
                return True

        assert wait_for(dropped)
        assert silent.recv() is None


def test_repeated_failures_of_an_address_are_answered_later_and_others_are_not(
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


def test_a_connect_is_refused_as_unavailable_without_the_database(
    gateway: RunningGateway, username: str, known: Known, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import OperationalError

    def away(_batch: object) -> None:
        raise OperationalError("server closed the connection")

    monkeypatch.setattr("gateway.node.node.admit", away)
    with RawDevice(gateway.mqtt_port) as device:
        answer = device.connect(known[0].ad_token, username, known[1])
        assert answer.reason_code == ConnAckReasonCode.SERVER_UNAVAILABLE


def test_a_storm_of_connects_costs_a_few_queries(
    gateway: RunningGateway, username: str, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet = registry.register([(workspace, DeviceInfo())] * 100)
    batches: list[int] = []

    def counted(batch: list[Credentials]) -> list[Admission]:
        batches.append(len(batch))
        return admit(batch)

    monkeypatch.setattr("gateway.node.node.admit", counted)
    raw = [RawDevice(gateway.mqtt_port) for _ in fleet]
    for device, (known, secret) in zip(raw, fleet, strict=True):
        device.send(mqtt5.ConnectPacket(known.ad_token, username=username, password=secret.encode()))
    for device in raw:
        answer = device.recv()
        assert isinstance(answer, mqtt5.ConnAckPacket)
        assert answer.reason_code == ConnAckReasonCode.SUCCESS
    assert sum(batches) == 100
    assert len(batches) < 50
    assert len(presence.nodes_of(valkey.client(), [known.id for known, _ in fleet])) == 100
    for device in raw:
        device.socket.close()


def test_a_device_that_connects_again_updates_its_device_information(
    gateway: RunningGateway, username: str, workspace: Workspace
) -> None:
    [(known, secret)] = registry.register([(workspace, DeviceInfo(model="M1", os_version="14", app_version="1.0"))])
    told = [("timeZone", "Asia/Tokyo"), ("country", "jp")]
    told += [("appVersion", "2.0\n\u202e"), ("osVersion", "15"), ("model", ""), ("manufacturer", "m" * 300)]
    with RawDevice(gateway.mqtt_port) as device:
        assert device.connect(known.ad_token, username, secret, user_properties=told).reason_code == 0
    row = Device.objects.get()
    assert (row.model, row.os_version, row.app_version, row.manufacturer) == ("M1", "15", "2.0", "m" * 64)
    assert (row.time_zone, row.language, row.country) == ("Asia/Tokyo", "", "JP")


def test_packets_sent_before_admission_are_processed(gateway: RunningGateway, username: str, known: Known) -> None:
    with RawDevice(gateway.mqtt_port) as device:
        connect = mqtt5.ConnectPacket(known[0].ad_token, username=username, password=known[1].encode())
        device.send(connect.write() + mqtt5.SubscribePacket(1, [mqtt5.TopicFilter("mps/inbox")]).write())
        assert isinstance(device.recv(), mqtt5.ConnAckPacket)
        assert isinstance(device.recv(), mqtt5.SubAckPacket)


def test_a_will_is_accepted_and_never_published(
    gateway: RunningGateway, username: str, known: Known, connect: Connect
) -> None:
    watcher = connect()
    with RawDevice(gateway.mqtt_port) as device:
        will = mqtt5.Will("mps/reply", payload=b"gone")
        assert device.connect(known[0].ad_token, username, known[1], will=will).reason_code == 0
    assert wait_for(lambda: not gateway.holds(known[0]))
    assert watcher.request("mps/bind", {"userId": "ann"})["code"] == "100"
    assert len(watcher.answers) == 1


def test_a_connect_with_malformed_text_is_closed_without_a_trace(
    gateway: RunningGateway, username: str, capfd: pytest.CaptureFixture[str]
) -> None:
    raw = mqtt5.ConnectPacket("nobody", username=username, password=b"x").write().replace(b"nobody", b"\xff\xfebody")
    with RawDevice(gateway.mqtt_port) as device:
        device.send(raw)
        assert device.recv() is None
    assert capfd.readouterr().err == ""
