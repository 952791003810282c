"""What Huawei is sent: fields and importance."""

from __future__ import annotations

import json

from channels_vendor.base.delivery import Style
from channels_vendor.huawei import payload as huawei
from tests.channels_vendor.conftest import notification
from tests.channels_vendor.payloads.bodies import RICH, huawei_message


def test_a_message_has_its_fields() -> None:
    message = huawei_message(**RICH)
    android = message["android"]
    assert json.loads(message["data"])["order"] == "42"
    assert (android["category"], android["bi_tag"]) == ("EXPRESS", "m1001")
    assert android["notification"]["click_action"] == {"type": 2, "url": "https://shop.example/1"}
    assert (android["notification"]["channel_id"], android["notification"]["sound"]) == ("orders", "/raw/ding")
    assert android["notification"]["image"] == "https://x/i.png"
    body = huawei.body_of(
        notification(style=Style.BIG_TEXT, badge_add=200, badge_class="com.Main", opens_page=True, url="intent:#x"),
        "",
        "",
    )
    assert body is not None
    big = body["message"]
    shown = big["android"]["notification"]
    assert (shown["style"], shown["big_body"], shown["badge"]) == (1, "Content", {"add_num": 99, "class": "com.Main"})
    assert shown["click_action"] == {"type": 1, "intent": "intent:#x"}
    assert json.loads(big["data"])["k"] == json.loads(big["data"])["taskId"]  # of a call that devices share


def test_the_importance_is_the_level_asked_for() -> None:
    for level, importance in (("1", "LOW"), ("2", "NORMAL"), ("", None)):
        message = huawei_message(vendor_options={"notifyLevel": {"hms": level}})
        assert message["android"]["notification"].get("importance") == importance
