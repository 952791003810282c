"""Requests are those that the vendors' own server SDKs send for the same message.

Recorded from the SDKs were: MiPush_SDK_Server 2.2.19, opush-server-sdk 1.0.4 and vpush-server-sdk 3.3
(posting to a recording server), Huawei's hms-push-serverdemo-java (its `Message` as JSON) and firebase-admin 7.7.0 (its
`MessageEncoder`). aioapns runs here: its headers are read from what it sends.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote_plus

import pytest
from aioapns import NotificationRequest, PushType
from aioapns.connection import APNsProductionClientProtocol
from django.utils import timezone

from channels_vendor.base.contract import Account
from channels_vendor.base.credentials import StaticCredential
from channels_vendor.base.delivery import Delivery, Style
from pushcore.channels import Channel
from pushcore.http.calls import HttpSettings
from pushcore.http.client import HttpClient
from tests.channels_vendor.conftest import notification
from tests.channels_vendor.samples import SAMPLES

TITLE, BODY = "长标题 & x", 'c"q'
RECEIPTS = "https://x/r/k"


@pytest.fixture(autouse=True)
def _one_hour_left(monkeypatch: pytest.MonkeyPatch) -> None:
    now = timezone.now()
    monkeypatch.setattr("channels_vendor.base.lifetime.clock.now", lambda: now)
    monkeypatch.setattr("tests.channels_vendor.conftest.timezone.now", lambda: now)


def call_of(channel: Channel, tokens: list[str], values: dict[str, str] | None = None, **changes: Any) -> Any:
    """Return the one call (`pushcore.http.calls.HttpCall`) that the vendor's adapter makes."""
    sample = next(one for one in SAMPLES if one.vendor.channel == channel)
    account = Account(1, channel, {**sample.values(), **(values or {})}, report_url=RECEIPTS)
    adapter: Any = sample.vendor.open(account, HttpClient(HttpSettings()), StaticCredential())
    shared = notification(title=TITLE, expire_at=timezone.now() + timedelta(hours=1), **changes)
    requests, refused = adapter.prepare(
        [Delivery(1001 + number, number, token, "key-1", shared) for number, token in enumerate(tokens)], "T"
    )
    adapter.close()
    assert refused == []
    [request] = requests
    return request.call


def pairs(form: bytes) -> dict[str, str]:
    """Split a form into its fields, leaving them encoded."""
    return dict(pair.split("=", 1) for pair in form.decode().split("&"))


def test_a_form_for_xiaomi_is_that_of_mipushs_sdk() -> None:
    recorded = pairs(
        b"registration_id=mi-1%2Cmi-2&restricted_package_name=com.example&time_to_live=3600000"
        b"&title=%E9%95%BF%E6%A0%87%E9%A2%98+%26+x&description=c%22q%2B%25&notify_type=-1&pass_through=0"
        b"&extra.notify_effect=3&extra.web_uri=https%3A%2F%2Fx%2F%3Fa%3D1%26b%3D2&extra.callback=https%3A%2F%2Fx%2Fr%2Fk"
    )
    call = call_of(
        Channel.XIAOMI, ["mi-1", "mi-2"], {"package_name": "com.example"}, body='c"q+%', url="https://x/?a=1&b=2"
    )  # fmt: skip
    assert call.url.endswith("/v3/message/regid")
    assert "authorization: key=T" in call.headers
    sent = pairs(call.body)
    assert {name: sent[name] for name in recorded} == recorded


def test_data_for_xiaomi_is_encoded_once_as_mipushs_sdk_does() -> None:
    """The SDK's form has `%7B%22order%22%3A%2242+%26%E9%95%BF%22%7D` for `{"order":"42 &长"}`."""
    sent = pairs(call_of(Channel.XIAOMI, ["mi-1", "mi-2"], body="c", params={"order": "42 &长"}).body)
    assert sent["payload"].startswith("%7B%22")
    assert "%22order%22%3A%2242+%26%E9%95%BF%22" in sent["payload"]
    assert "%25" not in sent["payload"]


def test_a_batch_for_oppo_is_that_of_opushs_sdk() -> None:
    recorded = json.loads(
        '{"notification":{"title":"长标题 & x","content":"c\\"q+%","call_back_parameter":"m1001","click_action_type":5,'
        '"style":2,"click_action_url":"intent://a#Intent;end","channel_id":"orders","app_message_id":"1001",'
        '"off_line":true,"off_line_ttl":3600,"call_back_url":"https://x/r/k"},'
        '"target_value":"CN_a1b2c3d4e5f60718293a4b5c6d7e8f91","target_type":2}'
    )
    tokens = ["CN_a1b2c3d4e5f60718293a4b5c6d7e8f91", "CN_a1b2c3d4e5f60718293a4b5c6d7e8f92"]
    call = call_of(
        Channel.OPPO, tokens, body='c"q+%', style=Style.BIG_TEXT, url="intent://a#Intent;end", opens_page=True,
        vendor_options={"channelId": "orders"}, params={"order": "42 &长"},
    )  # fmt: skip
    assert call.url.endswith("/server/v1/message/notification/unicast_batch")
    form = pairs(call.body)
    assert form["auth_token"] == "T"
    # Encoded as the SDK's is: spaces as +, the JSON once.
    assert "%22title%22%3A%22%E9%95%BF%E6%A0%87%E9%A2%98+%26+x%22" in form["messages"]
    assert "%22action_parameters%22%3A%22%7B%5C%22" in form["messages"]
    messages = json.loads(unquote_plus(form["messages"]))
    assert [one["target_value"] for one in messages] == tokens
    shown = messages[0]["notification"]
    assert json.loads(shown["action_parameters"])["order"] == "42 &长"
    assert {**messages[0], "notification": {name: shown[name] for name in recorded["notification"]}} == recorded


def test_a_message_for_vivo_is_that_of_vpushs_sdk() -> None:
    recorded = json.loads(
        '{"appId":10004,"category":"ORDER","classification":1,"content":"c\\"q",'
        '"extra":{"callback":"https://x/r/k","callback.param":"m1001"},"notifyType":4,"pushMode":0,"regId":"vivo-1",'
        '"requestId":"1001","skipContent":"intent://a#Intent;end","skipType":4,"timeToLive":3600,"title":"长标题 & x"}'
    )
    call = call_of(
        Channel.VIVO, ["vivo-1"], body=BODY, url="intent://a#Intent;end", opens_page=True,
        vendor_options={"classification": "1", "thirdChannelCategory": {"vivo": "ORDER"}}, params={"order": "42 &长"},
    )  # fmt: skip
    assert call.url.endswith("/message/send")
    assert "authToken: T" in call.headers
    sent = json.loads(call.body)
    assert {name: sent[name] for name in recorded} == recorded
    [data] = sent["clientCustomMap"].values()
    assert json.loads(data)["order"] == "42 &长"


def test_vivo_is_asked_for_a_token_as_vpushs_sdk_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """`{"sign":"a24270843d79bd930d91c987cfa1da9a","appKey":"key","appId":10004,"timestamp":1795854509145}`"""
    asked: list[bytes] = []

    def post(account: Account, url: str, body: bytes, headers: tuple[str, ...]) -> Any:
        asked.append(body)
        raise RuntimeError

    monkeypatch.setattr("channels_vendor.vivo.client.post", post)
    monkeypatch.setattr("channels_vendor.vivo.client.time.time_ns", lambda: 1795854509145_000_000)
    sample = next(one for one in SAMPLES if one.vendor.channel == Channel.VIVO)
    adapter: Any = sample.vendor.open(
        Account(1, Channel.VIVO, sample.values()), HttpClient(HttpSettings()), StaticCredential()
    )
    with pytest.raises(RuntimeError):
        adapter.fetch_credential()
    adapter.close()
    assert json.loads(asked[0]) == {
        "sign": "a24270843d79bd930d91c987cfa1da9a", "appKey": "key", "appId": 10004, "timestamp": 1795854509145,
    }  # fmt: skip


def test_a_signature_for_oppo_is_that_of_opushs_sdk() -> None:
    """`sign=e6bb...&app_key=key&timestamp=1795854537447` with the master secret `secret`."""
    made = hashlib.sha256(b"key1795854537447secret").hexdigest()
    assert made == "e6bbfb215761c5e938cf52ec6406bbcb51cc57ef397913c3c93f218381702f9c"


def test_a_message_for_huawei_is_that_of_its_server_demo() -> None:
    recorded = json.loads(
        '{"message":{"android":{"bi_tag":"m1001","category":"EXPRESS","notification":{"badge":{"class":"com.Main",'
        '"add_num":5},"big_body":"c\\"q","big_title":"长标题 & x","body":"c\\"q","channel_id":"orders","click_action":'
        '{"action":"com.example.OPEN","type":1},"image":"https://x/i.png","sound":"/raw/ding","style":1,'
        '"title":"长标题 & x"},"ttl":"3600s","urgency":"HIGH"},"notification":{"body":"c\\"q","title":"长标题 & x"},'
        '"token":["hw-1"]}}'
    )["message"]
    call = call_of(
        Channel.HUAWEI, ["hw-1"], body=BODY, style=Style.BIG_TEXT, badge_add=5, badge_class="com.Main",
        sound="/raw/ding",
        image="https://x/i.png", url="com.example.OPEN", opens_page=True, params={"order": "42"},
        vendor_options={"channelId": "orders", "thirdChannelCategory": {"hms": "EXPRESS"}},
    )  # fmt: skip
    assert call.url.endswith("/v1/1001/messages:send")
    assert "authorization: Bearer T" in call.headers
    message = json.loads(call.body)["message"]
    assert json.loads(message["data"])["order"] == "42"
    android = message["android"]
    shown = {name: android["notification"][name] for name in recorded["android"]["notification"]}
    assert {name: android[name] for name in recorded["android"]} | {"notification": shown} == recorded["android"]
    assert (message["notification"], message["token"]) == (recorded["notification"], recorded["token"])


def test_a_message_for_harmonyos_is_that_of_huaweis_guide() -> None:
    """Push Kit guide, "Sending alert messages": the request's example."""
    recorded = json.loads(
        '{"payload":{"notification":{"category":"MARKETING","title":"长标题 & x","body":"c\\"q",'
        '"clickAction":{"actionType":0}}},"target":{"token":["IQAAAA1","IQAAAA2"]},"pushOptions":{"testMessage":true}}'
    )
    call = call_of(Channel.HARMONYOS, ["IQAAAA1", "IQAAAA2"], body=BODY, test=True)
    assert call.url.endswith("/v3/p-1/messages:send")
    assert {"authorization: Bearer T", "push-type: 0", "content-type: application/json"} <= set(call.headers)
    body = json.loads(call.body)
    shown = body["payload"]["notification"]
    assert isinstance(shown.pop("notifyId"), int)
    assert isinstance(shown["clickAction"].pop("data"), dict)
    options = body["pushOptions"]
    assert isinstance(options.pop("ttl"), int)
    assert len(options.pop("biTag").encode()) <= 64
    assert body == recorded


def test_a_message_for_honor_is_that_of_its_guide() -> None:
    """HONOR, "Sending downlink messages": the request's headers and example; further names as zandala88/honor-push."""
    recorded = json.loads('{"title":"长标题 & x","body":"c\\"q","clickAction":{"type":3}}')
    call = call_of(Channel.HONOR, ["pushtoken1"], body=BODY)
    assert call.url == "https://push-api.cloud.honor.com/api/v1/9001/sendMessage"
    headers = dict(line.split(": ", 1) for line in call.headers)
    assert headers["authorization"] == "Bearer T"
    # Milliseconds, as in the example 1563105451261.
    assert len(headers["timestamp"]) == 13
    body = json.loads(call.body)
    assert set(body) == {"data", "notification", "android", "token"}
    assert body["token"] == ["pushtoken1"]
    assert set(body["android"]) == {"ttl", "biTag", "targetUserType", "notification"}
    shown = body["android"]["notification"]
    assert {name: shown[name] for name in recorded} == recorded
    assert set(shown) - set(recorded) == {"style", "importance", "notifyId"}


def test_a_message_for_fcm_is_that_of_firebases_sdk() -> None:
    recorded = json.loads(
        '{"android":{"notification":{"click_action":"shop.OPEN","icon":"bag","sound":"ding","tag":"1001",'
        '"channel_id":"orders"},"priority":"high","ttl":"3600s"},'
        '"notification":{"body":"c\\"q","title":"长标题 & x","image":"https://x/i.png"},"token":"tok"}'
    )
    call = call_of(
        Channel.FCM, ["tok"], body=BODY, image="https://x/i.png", icon="bag", sound="ding", url="shop.OPEN",
        opens_page=True, params={"order": "42 &长"}, vendor_options={"channelId": "orders"},
    )  # fmt: skip
    assert call.url.endswith("/v1/projects/shop-1/messages:send")
    assert "authorization: Bearer T" in call.headers
    message = json.loads(call.body)["message"]
    assert message.pop("data")["order"] == "42 &长"
    # By the names of AndroidMessagePriority in Google's schema (`fcm.v1`); the SDK has them in lower case.
    message["android"]["priority"] = message["android"]["priority"].lower()
    assert message == recorded


def test_a_request_to_apns_has_the_headers_of_aioapns(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = _headers_of_aioapns(monkeypatch)
    call = call_of(Channel.APNS, ["ab" * 32], body=BODY, vendor_options={"apnsCollapseId": "c-1"})
    sent = dict(line.decode().split(": ", 1) for line in call.headers)
    assert call.url.endswith(theirs.pop(":path"))
    for name in ("apns-topic", "apns-priority", "apns-collapse-id", "apns-push-type"):
        assert sent[name] == theirs[name]
    assert sent["authorization"] == "bearer T"
    assert theirs["authorization"].startswith("bearer ")
    assert abs(int(sent["apns-expiration"]) - int(theirs["apns-expiration"])) <= 60
    assert json.loads(call.body)["aps"]["alert"] == {"title": TITLE, "body": BODY}


def _headers_of_aioapns(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Return the headers that aioapns makes for the same message, without sending it."""

    class Sent(Exception):  # noqa: N818
        pass

    found: dict[str, str] = {}

    def send_headers(stream_id: int, headers: list[tuple[str, str]]) -> None:
        found.update(headers)
        raise Sent

    async def make() -> None:
        protocol: Any = object.__new__(APNsProductionClientProtocol)
        protocol.apns_topic = "com.example.shop"
        protocol.free_channels = SimpleNamespace(acquire=_nothing)
        protocol.auth_provider = SimpleNamespace(get_header=lambda: "bearer X")
        protocol.conn = SimpleNamespace(send_headers=send_headers)
        request = NotificationRequest(
            device_token="ab" * 32, message={}, time_to_live=3600, priority=10, collapse_key="c-1",
            push_type=PushType.ALERT,
        )  # fmt: skip
        with pytest.raises(Sent):
            await protocol.send_notification(request)

    asyncio.run(make())
    return found


async def _nothing() -> int:
    return 1
