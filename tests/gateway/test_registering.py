"""Registering by a CONNECT, coming back, and ending: a phone is one device however often its connection is cut."""

from __future__ import annotations

import json
from uuid import uuid4

import mqtt5
import pytest
from mqtt5 import ConnAckReasonCode, QoS

from gateway.node import device_requests
from gateway.protocol.ports import State
from gateway.sink import Sink
from pushcore.devices import registry, removal
from pushcore.devices.registry import KnownDevice
from pushcore.models import Binding, Device, Workspace
from tests.gateway.conftest import Connect, Known, RunningGateway
from tests.gateway.pushing import send, status_of, wait_for
from tests.support.raw_device import RawDevice


def register(gateway: RunningGateway, workspace: Workspace, username: str, **told: str) -> tuple[str, str]:
    """Connect without a client id, be cut off; returns the Ad-token and secret of the CONNACK."""
    with RawDevice(gateway.mqtt_port) as device:
        answer = device.connect("", username, workspace.client_key, user_properties=list(told.items()))
        assert answer.reason_code == ConnAckReasonCode.SUCCESS
        return answer.assigned_client_id or "", dict(answer.user_properties)["secret"]


def test_a_phone_whose_connacks_are_lost_is_one_device(
    gateway: RunningGateway, workspace: Workspace, username: str
) -> None:
    told = {"installationId": str(uuid4()), "registrationNonce": uuid4().hex}
    answers = [register(gateway, workspace, username, **told) for _ in range(4)]
    assert len({ad_token for ad_token, _ in answers}) == 1
    assert Device.objects.count() == 1
    ad_token, secret = answers[-1]
    with RawDevice(gateway.mqtt_port) as device:
        assert device.connect(ad_token, username, secret).reason_code == ConnAckReasonCode.SUCCESS
    # It has its secret: the nonce gives nobody the device any more.
    assert register(gateway, workspace, username, **told)[0] != ad_token


def test_a_phone_that_kept_its_secret_alone_gets_its_device_and_what_waits_for_it(
    gateway: RunningGateway, workspace: Workspace, username: str, sink: Sink
) -> None:
    phone = str(uuid4())
    ad_token, secret = register(gateway, workspace, username, installationId=phone)
    assert wait_for(lambda: gateway.node is not None and not gateway.node.sessions)
    message = send(workspace, ad_token, "k1")
    with RawDevice(gateway.mqtt_port) as device:
        told = [
            ("installationId", phone), ("deviceSecret", secret), ("appVersion", "2.0"),
            ("capabilities", "flying, trampoline"),
        ]  # fmt: skip
        answer = device.connect("", username, workspace.client_key, user_properties=told)
        assert (answer.assigned_client_id, dict(answer.user_properties)["secret"]) == (ad_token, secret)
        publish = device.recv()
        assert isinstance(publish, mqtt5.PublishPacket)
        device.send(mqtt5.PubAckPacket(publish.packet_id or 0))
        assert wait_for(lambda: status_of(message) == 2)
    assert (Device.objects.get().app_version, Device.objects.get().capabilities) == ("2.0", ",trampoline,")


def test_who_knows_an_installations_id_gets_neither_its_device_nor_its_messages(
    gateway: RunningGateway, workspace: Workspace, username: str
) -> None:
    phone = str(uuid4())
    owner, secret = register(gateway, workspace, username, installationId=phone, registrationNonce=uuid4().hex)
    stranger, _ = register(gateway, workspace, username, installationId=phone, registrationNonce=uuid4().hex)
    assert stranger != owner
    assert registry.find_devices([owner])[owner].has_secret(secret)


@pytest.mark.parametrize("told", [{"installationId": "x"}, {"registrationNonce": uuid4().hex}, {"platform": "symbian"}])
def test_an_invalid_registration_is_refused(
    gateway: RunningGateway, workspace: Workspace, username: str, told: dict[str, str]
) -> None:
    with RawDevice(gateway.mqtt_port) as device:
        answer = device.connect("", username, workspace.client_key, user_properties=list(told.items()))
        assert answer.reason_code == ConnAckReasonCode.IMPLEMENTATION_SPECIFIC_ERROR
    assert not Device.objects.exists()


@pytest.mark.parametrize("transport", ["tcp", "websockets"])
def test_a_device_that_unregisters_is_answered_and_ends(
    connect: Connect, gateway: RunningGateway, workspace: Workspace, transport: str
) -> None:
    device = connect(transport)
    device.client.reconnect_delay_set(60, 60)
    assert device.request("mps/bind", {"userId": "ann"})["code"] == "100"
    assert device.request("mps/unregister", {})["code"] == "100"
    assert not Device.objects.exists()
    assert not Binding.objects.exists()
    assert wait_for(lambda: gateway.node is not None and not gateway.node.sessions)


def test_the_answer_is_sent_first_when_the_node_is_notified_of_the_removal_before_it(
    gateway: RunningGateway, username: str, known: Known, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve = device_requests.serve

    def serve_late(device: KnownDevice, operation: str, raw: bytes, *, room: int) -> dict[str, object]:
        answer = serve(device, operation, raw, room=room)
        assert wait_for(lambda: gateway.session_of(known[0]).state is State.ENDING)
        return answer

    monkeypatch.setattr("gateway.node.device_requests.serve", serve_late)
    with RawDevice(gateway.mqtt_port) as device:
        device.connect(known[0].ad_token, username, known[1])
        device.send(mqtt5.PublishPacket("mps/unregister", b"{}", qos=QoS.AT_MOST_ONCE))
        answer = device.recv()
        assert isinstance(answer, mqtt5.PublishPacket)
        assert json.loads(answer.payload)["code"] == "100"
        assert isinstance(device.recv(), mqtt5.DisconnectPacket)
    assert wait_for(lambda: gateway.node is not None and not gateway.node.sessions)


@pytest.mark.parametrize("operation", ["mps/bind", "mps/unbind", "mps/report"])
def test_a_request_of_a_device_that_was_removed_meanwhile_is_refused(known: Known, operation: str) -> None:
    removal.remove([known[0].id])
    answer = device_requests.serve(known[0], operation, b'{"userId": "ann", "model": "M"}')
    assert answer["code"] == "3054"


def test_a_device_that_is_removed_elsewhere_is_disconnected(
    gateway: RunningGateway, username: str, known: Known
) -> None:
    with RawDevice(gateway.mqtt_port) as device:
        assert device.connect(known[0].ad_token, username, known[1]).reason_code == ConnAckReasonCode.SUCCESS
        removal.remove([known[0].id])
        goodbye = device.recv()
        assert isinstance(goodbye, mqtt5.DisconnectPacket)
        assert goodbye.reason_code == mqtt5.DisconnectReasonCode.ADMINISTRATIVE_ACTION
        with RawDevice(gateway.mqtt_port) as again:
            answer = again.connect(known[0].ad_token, username, known[1])
            assert answer.reason_code == ConnAckReasonCode.BAD_USER_NAME_OR_PASSWORD
