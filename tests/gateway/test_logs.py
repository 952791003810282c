"""The gateway's log tells what happened, and never with what secret: at any level, whatever fails."""

from __future__ import annotations

import json
import logging

import mqtt5
import pytest
import structlog
from django.db import OperationalError
from mqtt5 import ConnAckReasonCode, QoS

from gateway.node import device_requests
from mps_project.observability.logs import drop_secrets
from pushcore.models import Workspace
from tests.gateway.conftest import Known, RunningGateway
from tests.support.raw_device import RawDevice

BIND_TOKEN, VENDOR_TOKEN, WRONG = "bind-token-5d1f", "vendor-token-8e2a", "wrong-secret-77c0"


@pytest.mark.parametrize("name", ["password", "secret", "token", "client_key", "authorization"])
def test_values_named_as_secrets_are_left_out_of_the_log(name: str) -> None:
    event = drop_secrets(structlog.get_logger(), "info", {"event": "connected", name: WRONG, "device": 7})
    assert event == {"event": "connected", name: "***", "device": 7}


def test_no_line_of_a_devices_life_holds_its_secrets(
    gateway: RunningGateway, workspace: Workspace, username: str, known: Known,
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    secrets = [workspace.client_key, known[1], BIND_TOKEN, VENDOR_TOKEN, WRONG]

    def ask(device: RawDevice, topic: str, payload: dict[str, object]) -> None:
        device.send(mqtt5.PublishPacket(topic, json.dumps(payload).encode(), qos=QoS.AT_LEAST_ONCE, packet_id=1))
        assert isinstance(device.recv(), mqtt5.PublishPacket)
        assert isinstance(device.recv(), mqtt5.PubAckPacket)

    with RawDevice(gateway.mqtt_port) as new:
        secrets.append(dict(new.connect("", username, workspace.client_key).user_properties)["secret"])
    with RawDevice(gateway.mqtt_port) as stranger:
        stranger.connect(known[0].ad_token, username, WRONG)
    with RawDevice(gateway.mqtt_port) as device:
        device.connect(known[0].ad_token, username, known[1])
        ask(device, "mps/bind", {"userId": "ann", "bindToken": BIND_TOKEN})
        ask(device, "mps/report", {"thirdChannel": 4, "thirdChannelDeviceToken": VENDOR_TOKEN})

        def fails(*_: object) -> None:
            raise OperationalError("server closed the connection")

        monkeypatch.setitem(device_requests.OPERATIONS, "mps/bind", fails)
        ask(device, "mps/bind", {"userId": "ann", "bindToken": BIND_TOKEN})
    monkeypatch.setattr("gateway.node.node.admit", fails)
    with RawDevice(gateway.mqtt_port) as device:
        answer = device.connect(known[0].ad_token, username, known[1])
        assert answer.reason_code == ConnAckReasonCode.SERVER_UNAVAILABLE
    lines = [logging.Formatter().format(record) for record in caplog.records]
    assert any("admission failed" in line for line in lines)
    assert any("temporarily unavailable" in line for line in lines)
    assert not [line for line in lines for secret in secrets if secret in line]
