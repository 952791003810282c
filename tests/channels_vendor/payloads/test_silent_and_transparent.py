"""Silent and transparent messages: the app gets them and nothing is shown."""

from __future__ import annotations

import json
from typing import Any

import pytest

from channels_vendor.base.errors import NotPossibleError
from channels_vendor.fcm import legacy as fcm_legacy
from channels_vendor.harmonyos import payload as harmonyos
from channels_vendor.oppo import payload as oppo
from channels_vendor.vivo import payload as vivo
from tests.channels_vendor.conftest import notification
from tests.channels_vendor.payloads.bodies import (
    ACCOUNT,
    fcm_message,
    harmonyos_body,
    honor_body,
    huawei_message,
    xiaomi_form,
)


def test_a_silent_message_shows_nothing() -> None:
    for message in (huawei_message(silent=True), honor_body(silent=True)):
        assert "notification" not in message
        assert "notification" not in message["android"]
        assert json.loads(message["data"])["content"] == "Content"
    assert list(harmonyos_body(silent=True)["payload"]) == ["extraData"]
    assert harmonyos.push_type_header(notification(silent=True)) == "6"
    assert xiaomi_form(silent=True)["pass_through"] == "1"
    for template_of in (oppo.template_of, vivo.template_of):
        with pytest.raises(NotPossibleError):
            template_of(notification(silent=True), ACCOUNT)


@pytest.mark.parametrize(("given", "urgency"), [({}, "NORMAL"), ({"transparentMessageUrgency": "high"}, "HIGH")])
def test_a_transparent_payload_is_all_the_app_gets_and_nothing_is_shown(given: dict[str, str], urgency: str) -> None:
    transparent: dict[str, Any] = {"transparent": {"kind": "sync", "since": 7}, "vendor_options": given}
    text = '{"kind":"sync","since":7}'
    message = huawei_message(**transparent)
    assert (message["data"], message["android"]["urgency"]) == (text, urgency)
    assert "notification" not in message
    assert "notification" not in message["android"]
    body = honor_body(**transparent)
    assert body["data"] == text
    assert set(body) == {"data", "android"}
    assert "notification" not in body["android"]
    found = fcm_message(**transparent)
    assert found["data"] == {"kind": "sync", "since": "7"}
    assert found["android"]["priority"] == urgency
    assert set(found) == {"data", "android"}
    assert harmonyos_body(**transparent)["payload"] == {"extraData": text}
    assert harmonyos.push_type_header(notification(**transparent)) == harmonyos.BACKGROUND
    legacy = fcm_legacy.body_of(notification(**transparent), "1001", "k")
    assert legacy is not None
    assert (legacy["data"], legacy["priority"]) == ({"kind": "sync", "since": "7"}, urgency.lower())
    assert "notification" not in legacy
