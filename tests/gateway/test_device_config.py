"""The file `mps-device.json` of the device SDKs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from gateway.device_config import device_config
from pushcore.channels import Platform
from pushcore.models import Workspace

SCHEMA = json.loads((Path(__file__).resolve().parents[2] / "sdk" / "schemas" / "config.json").read_text())


@pytest.mark.parametrize("platform", list(Platform))
def test_the_file_of_each_platform_is_what_the_sdks_expect(workspace: Workspace, platform: Platform) -> None:
    config = device_config(workspace, platform)
    jsonschema.validate(config, SCHEMA)
    assert config["endpoint"].startswith("ws://" if platform is Platform.WEB else "mqtt://")


def test_a_tls_port_is_preferred(workspace: Workspace, settings: Any) -> None:
    settings.MQTT_TLS_PORT, settings.WS_TLS_PORT, settings.PUBLIC_HOST = 8883, 8884, "push.example.com"
    assert device_config(workspace, Platform.IOS)["endpoint"] == "mqtts://push.example.com:8883"
    assert device_config(workspace, Platform.WEB)["endpoint"] == "wss://push.example.com:8884/gateway/mqtt"
