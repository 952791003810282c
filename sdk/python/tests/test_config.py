from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mps_device import Config, ConfigError

VALUES: dict[str, Any] = {
    "endpoint": "mqtts://push.example.com:8883",
    "httpEndpoint": "https://push.example.com",
    "appId": "demo",
    "workspaceId": "default",
    "clientKey": "the-key",
    "platform": "other",
}


def test_the_consoles_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "mps-device.json"
    file.write_text(json.dumps(VALUES | {"added": "later"}))
    config = Config.load(file)
    assert (config.app_id, config.username, config.platform) == ("demo", "demo-default", "other")


@pytest.mark.parametrize("name", ["endpoint", "appId", "workspaceId", "clientKey"])
def test_a_missing_field_is_named(name: str) -> None:
    with pytest.raises(ConfigError, match=name):
        Config.from_mapping({key: value for key, value in VALUES.items() if key != name})


@pytest.mark.parametrize(
    "wrong", [{"endpoint": "https://x"}, {"appId": 1}, {"keepAlive": 0}, {"keepAlive": "60"}, {"clientKey": ""}]
)
def test_a_faulty_field_is_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        Config.from_mapping(VALUES | wrong)


@pytest.mark.parametrize("text", ["", "[]", "{"])
def test_a_file_that_is_no_configuration_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "file").write_text(text)
    with pytest.raises(ConfigError):
        Config.load(tmp_path / "file")


def test_the_client_key_is_not_shown() -> None:
    assert "the-key" not in repr(Config.from_mapping(VALUES))
