"""What a tap opens: a page of the app or a web address."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.channels_vendor.payloads.bodies import harmonyos_body, honor_body, huawei_message


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("com.example.OPEN_ORDER", "action"),
        ("shop://order/7", "action"),
        ("intent://order#Intent;scheme=shop;end", "intent"),
        ("shop://order#Intent;package=com.example;end", "intent"),
    ],
)
def test_huawei_and_honor_get_a_page_as_an_action_unless_it_is_an_intent_uri(url: str, named: str) -> None:
    message = huawei_message(opens_page=True, url=url)
    assert message["android"]["notification"]["click_action"] == {"type": 1, named: url}
    assert honor_body(opens_page=True, url=url)["android"]["notification"]["clickAction"] == {"type": 1, named: url}


@pytest.mark.parametrize(
    ("body_of", "click_of", "data_of"),
    [
        (
            huawei_message,
            lambda body: body["android"]["notification"]["click_action"],
            lambda body: json.loads(body["data"]),
        ),
        (
            honor_body,
            lambda body: body["android"]["notification"]["clickAction"],
            lambda body: json.loads(body["data"]),
        ),
        (
            harmonyos_body,
            lambda body: body["payload"]["notification"]["clickAction"],
            lambda body: body["payload"]["notification"]["clickAction"]["data"],
        ),
    ],
    ids=["huawei", "honor", "harmonyos"],
)
def test_an_address_without_room_twice_is_left_to_the_vendor_to_open(body_of: Any, click_of: Any, data_of: Any) -> None:
    # As long as the API allows.
    url = "shop://order/".ljust(2048, "x")
    body = body_of(url=url, opens_page=True)
    assert url in click_of(body).values()
    assert "url" not in data_of(body)
    assert data_of(body_of(url="shop://order/7", opens_page=True))["url"] == "shop://order/7"


def test_a_silent_messages_address_is_in_the_data() -> None:
    message = huawei_message(url="https://x/".ljust(2048, "x"), silent=True)
    assert len(json.loads(message["data"])["url"]) == 2048
