"""What a tap opens: a page of the app or a web address."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.channels_vendor.payloads.bodies import (
    fcm_message,
    harmonyos_body,
    honor_body,
    huawei_message,
    oppo_message,
    vivo_message,
    xiaomi_form,
)
from tests.channels_vendor.payloads.test_custom_data import CUSTOM_DATA


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


# What each vendor is told to do at a tap, and how it is told to open the app.
TAPS: dict[str, tuple[Any, Any]] = {
    "huawei": (lambda **changes: huawei_message(**changes)["android"]["notification"]["click_action"], {"type": 3}),
    "honor": (lambda **changes: honor_body(**changes)["android"]["notification"]["clickAction"], {"type": 3}),
    "harmonyos": (
        lambda **changes: harmonyos_body(**changes)["payload"]["notification"]["clickAction"]["actionType"], 0,
    ),
    "fcm": (lambda **changes: fcm_message(**changes)["android"]["notification"].get("click_action"), None),
    "xiaomi": (lambda **changes: xiaomi_form(**changes)["extra.notify_effect"], "1"),
    "oppo": (lambda **changes: oppo_message(**changes)["notification"]["click_action_type"], 0),
    "vivo": (lambda **changes: vivo_message(**changes)["skipType"], 1),
}  # fmt: skip


@pytest.mark.parametrize("vendor", TAPS)
@pytest.mark.parametrize("opens_page", [False, True])
def test_a_tap_opens_the_app_whose_sdk_has_a_trampoline_and_the_address_is_in_the_data(
    vendor: str, opens_page: bool
) -> None:
    tap, of_app = TAPS[vendor]
    message = {"url": "shop://order/7" if opens_page else "https://shop.example/7", "opens_page": opens_page}
    if opens_page or vendor not in ("fcm", "harmonyos"):  # these leave a web address to the app anyway
        assert tap(**message) != of_app
    assert tap(**message, opens_app=True) == of_app
    data = CUSTOM_DATA[vendor](**message, opens_app=True)
    assert (data["k"], data["url"], data["action"]) == ("1001", message["url"], str(int(opens_page)))


def test_vivo_opens_an_address_that_the_data_have_no_room_for() -> None:
    url = "https://shop.example/".ljust(1000, "x")
    message = vivo_message(url=url, opens_app=True)
    assert (message["skipType"], message["skipContent"]) == (2, url)
    assert "url" not in json.loads(message["clientCustomMap"]["data"])
