"""What APNs is sent: fields, headers and the collapse id."""

from __future__ import annotations

import pytest
from django.utils import timezone

from channels_vendor.base.contract import Account
from channels_vendor.base.credentials import StaticCredential
from pushcore.channels import Channel
from pushcore.http.calls import HttpSettings
from pushcore.http.client import HttpClient
from tests.channels_vendor.payloads.bodies import RICH, apns_request, delivery
from tests.channels_vendor.samples import SAMPLES


def test_a_notification_has_its_fields_and_headers() -> None:
    body, headers = apns_request(**(RICH | {"vendor_options": {"threadId": "t", "apnsCategory": "ORDER"}}))
    assert body["aps"] == {
        "alert": {"title": "Title", "body": "Content"}, "badge": 5, "sound": "/raw/ding", "mutable-content": 1,
        "thread-id": "t", "category": "ORDER",
    }  # fmt: skip
    assert (body["image"], body["order"], body["url"]) == ("https://x/i.png", "42", "https://shop.example/1")
    assert (body["k"], body["msgKey"]) == ("1001", "key-1")
    assert (headers["apns-push-type"], headers["apns-priority"]) == ("alert", "10")
    assert headers["apns-topic"] == "com.example.shop"
    at = timezone.now()
    _, headers = apns_request(expire_at=at)
    assert headers["apns-expiration"] == str(int(at.timestamp()))


def test_a_silent_notification_is_sent_in_the_background() -> None:
    body, headers = apns_request(silent=True, badge=5, sound="x")
    assert body["aps"] == {"content-available": 1}
    assert (body["title"], body["content"]) == ("Title", "Content")
    assert (headers["apns-push-type"], headers["apns-priority"]) == ("background", "5")


def test_an_alert_has_the_default_sound_and_no_badge_unless_asked_for() -> None:
    body, _ = apns_request(params={"subtitle": "Second"})
    assert body["aps"] == {"alert": {"title": "Title", "body": "Content", "subtitle": "Second"}, "sound": "default"}


@pytest.mark.parametrize(("given", "sent"), [("order-7", "order-7"), ("", "1001")])
def test_the_collapse_id_is_the_requests_or_else_the_message_id(given: str, sent: str) -> None:
    sample = next(one for one in SAMPLES if one.name == "apns")
    account = Account(1, Channel.APNS, sample.values())
    adapter = sample.vendor.open(account, HttpClient(HttpSettings()), StaticCredential())
    one = delivery(vendor_options={"apnsCollapseId": given})._replace(token="ab" * 32)
    [request], _ = adapter.prepare([one], "credential")
    adapter.close()
    assert f"apns-collapse-id: {sent}".encode() in request.call.headers


@pytest.mark.parametrize("name", ["mutable-content", "mutablecontent"])
def test_mutable_content_is_set_under_either_spelling(name: str) -> None:
    body, _ = apns_request(params={name: "1"})
    assert body["aps"]["mutable-content"] == 1
    assert name not in body
    body, _ = apns_request(params={name: "0"})
    assert "mutable-content" not in body["aps"]
