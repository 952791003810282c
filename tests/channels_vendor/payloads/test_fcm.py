"""What FCM is sent: fields, priority and validity."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.channels_vendor.payloads.bodies import RICH, fcm_message


def test_a_message_has_its_fields() -> None:
    message = fcm_message(**(RICH | {"icon": "bag"}))
    assert message["notification"] == {"title": "Title", "body": "Content", "image": "https://x/i.png"}
    assert message["android"]["notification"] == {
        "tag": "1001", "channel_id": "orders", "sound": "/raw/ding", "icon": "bag",
    }  # fmt: skip
    assert message["android"]["priority"] == "HIGH"
    assert 3590 <= int(message["android"]["ttl"].removesuffix("s")) <= 3600
    assert (message["data"]["order"], message["data"]["k"], message["data"]["msgKey"]) == ("42", "1001", "key-1")
    assert message["data"]["url"] == "https://shop.example/1"
    opened = fcm_message(opens_page=True, url="shop.OPEN", params={"google.x": "1", "from": "me"})
    assert opened["android"]["notification"]["click_action"] == "shop.OPEN"
    assert not {"google.x", "from"} & set(opened["data"])
    assert json.loads(opened["data"]["params"]) == {"google.x": "1", "from": "me"}


def test_a_silent_message_is_data_of_normal_priority() -> None:
    message = fcm_message(silent=True)
    assert "notification" not in message
    assert message["android"]["priority"] == "NORMAL"
    assert (message["data"]["title"], message["data"]["content"]) == ("Title", "Content")


def test_the_ttl_is_kept_within_fcms_bounds() -> None:
    for days, ttl in ((-1, "0s"), (60, "2419200s")):
        assert fcm_message(expire_at=timezone.now() + timedelta(days=days))["android"]["ttl"] == ttl


@pytest.mark.parametrize(
    ("payload", "data"),
    [
        ("wake up", {"data": "wake up"}),
        ('{"a": 1, "b": "x"}', {"a": "1", "b": "x"}),
        ({"from": "me", "a": "1"}, {"a": "1", "params": '{"from":"me"}'}),
    ],
)
def test_a_transparent_payload_becomes_texts(payload: Any, data: dict[str, str]) -> None:
    assert fcm_message(transparent=payload)["data"] == data
