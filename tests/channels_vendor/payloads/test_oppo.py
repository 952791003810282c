"""What OPPO is sent: fields, what the account decides, and how a multiple push is split into calls."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from channels_vendor.base.delivery import Delivery, Style
from channels_vendor.oppo import payload as oppo
from pushcore.channels import Channel
from tests.channels_vendor.conftest import notification, prepared
from tests.channels_vendor.payloads.bodies import RICH, delivery, oppo_message
from tests.channels_vendor.samples import SAMPLES


def test_a_message_has_its_fields() -> None:
    message = oppo_message(**RICH)
    shown = message["notification"]
    assert (message["target_type"], message["target_value"], shown["app_message_id"]) == (2, "tok", "1001")
    assert (shown["channel_id"], shown["category"], shown["notify_level"]) == ("orders", "ORDER", 2)
    assert (shown["click_action_type"], shown["click_action_url"]) == (2, "https://shop.example/1")
    assert json.loads(shown["action_parameters"])["order"] == "42"
    assert oppo_message(opens_page=True, url="com.example.Main")["notification"]["click_action_type"] == 4
    assert oppo_message(opens_page=True, url="shop://order/1")["notification"]["click_action_type"] == 5


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("", {"off_line": True, "off_line_ttl": 3600}),
        (oppo.ONLINE_ONLY, {"off_line": False}),
        (oppo.AS_IT_IS, {"off_line": True, "off_line_ttl": 600}),
    ],
)
def test_a_validity_under_an_hour_follows_the_accounts_choice(choice: str, sent: dict[str, Any]) -> None:
    expire_at = timezone.now() + timedelta(seconds=600.9)
    shown = oppo_message({"short_validity": choice}, expire_at=expire_at)["notification"]
    assert {name: shown[name] for name in ("off_line", "off_line_ttl") if name in shown} == sent


@pytest.mark.parametrize(("style", "most"), [(Style.PLAIN, 50), (Style.BIG_TEXT, 128)])
def test_a_body_is_as_long_as_the_account_allows(style: Style, most: int) -> None:
    for values, length in (({}, 200), ({"body_length": oppo.BY_STYLE}, most)):
        message = oppo_message(values, style=style, body="b" * 200)
        assert len(message["notification"]["content"]) == length


@pytest.mark.parametrize(
    ("opens_page", "beginning", "most"),
    [(False, "https://x/", oppo.MAX_URL), (True, "shop://x/", oppo.MAX_URL), (True, "com.x.", oppo.MAX_ACTIVITY)],
)
def test_an_address_too_long_spoils_no_other_message_of_its_call(opens_page: bool, beginning: str, most: int) -> None:
    sample = next(one for one in SAMPLES if one.vendor.channel == Channel.OPPO)
    fits, longer = (
        delivery(url=beginning.ljust(length, "a"), opens_page=opens_page)._replace(message_id=length)
        for length in (most, most + 1)
    )
    assert prepared(sample, [fits, longer]) == [[fits]]


def test_a_multiple_push_shares_calls_and_another_task_has_its_own() -> None:
    sample = next(one for one in SAMPLES if one.vendor.channel == Channel.OPPO)
    batch = [Delivery(n, n, f"CN_{n % 700}", f"k{n}", notification(title=f"To {n}", task_id=7)) for n in range(1400)]
    other = Delivery(9999, 1, "CN_1", "k", notification(task_id=8))
    calls = prepared(sample, [*batch, other])
    # A call holds each registration ID once, since its results go by registration ID.
    assert [len(call) for call in calls] == [700, 700, 1]
    assert [one for call in calls for one in call] == [*batch, other]
