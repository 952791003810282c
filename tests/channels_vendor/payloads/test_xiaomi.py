"""What Xiaomi is sent: the form's fields, and pages as intent URIs."""

from __future__ import annotations

import json

import pytest

from tests.channels_vendor.payloads.bodies import RICH, xiaomi_form


def test_the_form_has_its_fields() -> None:
    fields = xiaomi_form(**RICH)
    assert fields["restricted_package_name"] == "com.example"
    assert json.loads(fields["payload"])["k"] == "1001"
    assert (fields["extra.channel_id"], fields["extra.web_uri"]) == ("104", "https://shop.example/1")
    assert fields["extra.notification_bigPic_uri"] == "https://x/i.png"
    assert (fields["extra.callback"], fields["extra.callback.param"]) == ("https://x/r/k", "m1001")
    assert fields["extra.callback.type"] == str(1 + 16 + 32 + 64 + 128 + 1024)
    assert (fields["notify_type"], fields["extra.sound_uri"]) == ("1", "/raw/ding")
    assert 3_590_000 <= int(fields["time_to_live"]) <= 3_600_000


@pytest.mark.parametrize(
    ("page", "uri"),
    [
        (".OrderActivity", "intent:#Intent;component=com.example/.OrderActivity;end"),
        ("com.example.Order", "intent:#Intent;component=com.example/com.example.Order;end"),
        ("shop://order/7", "shop://order/7"),
        ("intent:#Intent;action=x;end", "intent:#Intent;action=x;end"),
    ],
)
def test_a_page_is_named_by_an_intent_uri(page: str, uri: str) -> None:
    fields = xiaomi_form(opens_page=True, url=page)
    assert (fields["extra.notify_effect"], fields["extra.intent_uri"]) == ("2", uri)
