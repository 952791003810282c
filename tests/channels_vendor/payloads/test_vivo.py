"""What vivo is sent: fields, what the account decides, and the kind of a message."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from channels_vendor.base.errors import TooBigError
from channels_vendor.vivo import payload as vivo
from tests.channels_vendor.payloads.bodies import RICH, vivo_message


def test_a_message_has_its_fields() -> None:
    message = vivo_message(**RICH)
    assert (message["appId"], message["regId"], message["requestId"]) == (10004, "tok", "1001")
    assert (message["classification"], message["category"]) == (1, "ORDER")
    assert (message["skipType"], message["skipContent"]) == (2, "https://shop.example/1")
    assert json.loads(message["clientCustomMap"]["data"])["order"] == "42"
    assert message["extra"] == {"callback": "https://x/r/k", "callback.param": "m1001"}


def test_text_is_counted_in_characters_unless_the_account_counts_chinese_ones_as_two() -> None:
    assert vivo_message(title="长" * 40)["title"] == "长" * 40
    chinese_as_two = {"text_width": vivo.CHINESE_AS_TWO}
    assert vivo_message(chinese_as_two, title="长" * 20)["title"] == "长" * 20
    assert vivo.width(vivo_message(chinese_as_two, title="长" * 21)["title"]) <= vivo.MAX_TITLE


def test_a_message_is_kept_for_a_day_unless_the_account_is_granted_seven() -> None:
    at = timezone.now() + timedelta(days=60)
    assert vivo_message(expire_at=at)["timeToLive"] == 86_400
    assert vivo_message({"max_ttl": "7 days"}, expire_at=at)["timeToLive"] == 604_800


@pytest.mark.parametrize("opens_page", [False, True])
def test_an_address_too_long_is_refused_rather_than_left_out(opens_page: bool) -> None:
    url = "https://x/".ljust(vivo.MAX_SKIP, "a")
    assert vivo_message(url=url, opens_page=opens_page)["skipContent"] == url
    assert vivo_message(url=url, opens_page=opens_page)["skipType"] == (4 if opens_page else 2)
    with pytest.raises(TooBigError):
        vivo_message(url=url + "a", opens_page=opens_page)


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({}, (1, None)),
        ({"classification": "0"}, (0, None)),
        ({"thirdChannelCategory": {"vivo": "NEWS"}}, (None, "NEWS")),
        ({"classification": "0", "thirdChannelCategory": {"vivo": "NEWS"}}, (0, "NEWS")),
    ],
)
def test_a_message_is_a_system_one_unless_said_otherwise(options: dict[str, Any], kind: Any) -> None:
    message = vivo_message(vendor_options=options)
    assert (message.get("classification"), message.get("category")) == kind
