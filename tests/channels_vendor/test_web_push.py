"""Web Push: encrypted for the browser, signed for the push service, and kept to what RFC 8030 asks."""

from __future__ import annotations

import json
import subprocess
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import http_ece
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from channels_vendor.accounts import checking
from channels_vendor.base.contract import Account, Adapter
from channels_vendor.base.outcomes import Verdict
from channels_vendor.models import VendorAccount
from channels_vendor.simulator.script import Reply
from channels_vendor.simulator.simulated_vendor import SimulatedVendor
from channels_vendor.webpush import vapid
from channels_vendor.webpush.client import WebPushAdapter, encrypt
from channels_vendor.webpush.simulator import BROWSER_AUTH, BROWSER_KEY, subscription
from channels_vendor.webpush.subscription import decode, encode, parse
from channels_vendor.webpush.vendor import VENDOR
from pushcore.channels import Channel, Platform
from pushcore.codes.results import ResultError
from pushcore.devices import tokens
from pushcore.http.calls import HttpAnswer
from pushcore.models import Workspace
from pushcore.push import vendor_options
from tests.channels_vendor.conftest import deliveries
from tests.channels_vendor.samples import SAMPLES, Sample
from tests.support import node_packages, web_push

WEB_PUSH = next(one for one in SAMPLES if one.name == "webpush")
only_web_push = pytest.mark.parametrize("sample", [WEB_PUSH], ids=["webpush"], indirect=True)

_NODE = Path(__file__).parent.parent / "support" / "node_http_ece"

# RFC 8291, appendix A.
_RFC = {
    "plain": "When I grow up, I want to be a watermelon",
    "auth": "BTBZMqHH6r4Tts7J_aSIgg",
    "receiver": "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94",
    "sender": "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw",
    "salt": "DGv6ra1nlYgDCS1FRnbzlw",
    "body": (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_y"
        "l95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    ),
}


def test_the_example_of_rfc_8291_is_encrypted_and_read_as_there(monkeypatch: pytest.MonkeyPatch) -> None:
    receiver, sender = (vapid.read_private_key(_RFC[name]) for name in ("receiver", "sender"))
    found = subscription_of(receiver, decode(_RFC["auth"]))
    monkeypatch.setattr(ec, "generate_private_key", lambda curve: sender)
    monkeypatch.setattr(http_ece.os, "urandom", lambda size: decode(_RFC["salt"]))
    body = encrypt(_RFC["plain"].encode(), parse(found))
    assert encode(body) == _RFC["body"]
    assert web_push.decrypt(body, receiver, decode(_RFC["auth"])) == _RFC["plain"].encode()


def test_each_message_is_encrypted_with_a_key_of_its_own() -> None:
    receiver = parse(subscription("a"))
    first, second = encrypt(b"hello", receiver), encrypt(b"hello", receiver)
    assert first[:16] != second[:16]
    assert first[21:86] != second[21:86]
    for body in (first, second):
        assert web_push.decrypt(body, BROWSER_KEY, BROWSER_AUTH) == b"hello"


def test_the_published_npm_library_reads_what_is_sent() -> None:
    """`http_ece` of npm is what `web-push` encrypts with."""
    modules = node_packages.installed(_NODE)
    script = (
        "const ece = require('http_ece'), crypto = require('crypto');"
        "const [body, secret, auth] = process.argv.slice(1);"
        "const browser = crypto.createECDH('prime256v1'); browser.setPrivateKey(Buffer.from(secret, 'base64url'));"
        "process.stdout.write(ece.decrypt(Buffer.from(body, 'base64url'),"
        "{version: 'aes128gcm', privateKey: browser, authSecret: auth}))"
    )
    secret = BROWSER_KEY.private_numbers().private_value.to_bytes(32)
    body = encrypt("长 text".encode(), parse(subscription("a")))
    read = subprocess.run(
        ["node", "-e", script, encode(body), encode(secret), encode(BROWSER_AUTH)],
        cwd=modules.parent, capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    assert read.stdout.decode() == "长 text"


def subscription_of(browser: ec.EllipticCurvePrivateKey, auth: bytes) -> str:
    keys = {"p256dh": vapid.public_key(browser), "auth": encode(auth)}
    return json.dumps({"endpoint": "https://push.example.net/1", "keys": keys})


@only_web_push
def test_a_message_says_how_long_how_urgent_and_what_it_replaces(
    adapter: Adapter, simulated: SimulatedVendor, sample: Sample
) -> None:
    options = {"apnsCollapseId": "order 1 " + "x" * 50, "notifyLevel": {"webpush": "low"}}
    plain = deliveries(sample, 1, expire_at=timezone.now() + timedelta(days=300))
    told = deliveries(sample, 1, vendor_options=options, expire_at=timezone.now() + timedelta(seconds=90))
    adapter.send([*plain, *(one._replace(message_id=5) for one in told)])
    first, second = (incoming.headers for incoming in simulated.ledger.requests)
    assert (first["ttl"], first["urgency"], "topic" in first) == (str(28 * 86_400), "high", False)
    assert 80 <= int(second["ttl"]) <= 90
    assert (second["urgency"], len(second["topic"])) == ("low", 32)


@only_web_push
def test_the_service_worker_reads_what_is_shown_and_what_the_app_gets(
    adapter: Adapter, simulated: SimulatedVendor, sample: Sample
) -> None:
    shown = {"title": "T", "body": "B", "icon": "https://x/i.png", "image": "https://x/p.png", "url": "https://x/o"}
    adapter.send(deliveries(sample, 1, **shown, params={"order": "42"}))
    [incoming] = simulated.ledger.requests
    message = json.loads(sample.plain(incoming.body))
    assert message["notification"] == {
        "title": "T", "body": "B", "icon": "https://x/i.png", "image": "https://x/p.png", "tag": "1000",
    }  # fmt: skip
    assert message["data"] == message["data"] | {"k": "1000", "msgKey": "key-0", "url": "https://x/o", "order": "42"}


@only_web_push
def test_a_message_is_shortened_to_4096_bytes_and_refused_where_that_is_not_enough(
    adapter: Adapter, simulated: SimulatedVendor, sample: Sample
) -> None:
    [fits] = adapter.send(deliveries(sample, 1, body="长" * 5_000))
    [incoming] = simulated.ledger.requests
    assert fits.verdict is Verdict.ACCEPTED
    assert 4_050 <= len(incoming.body) <= 4_096
    [refused] = adapter.send(deliveries(sample, 1, params={"a": "x" * 5_000}))
    assert (refused.verdict, refused.status) == (Verdict.REJECTED, 413)
    assert len(simulated.ledger.requests) == 1


@only_web_push
def test_a_token_for_each_push_service_is_signed_once(account: Account, sample: Sample) -> None:
    adapter: Any = sample.vendor.open(replace(account, base_url=""), None, None)  # type: ignore[arg-type]
    batch = deliveries(sample, 4)
    elsewhere = sample.token(2).replace("push.example.net", "Push.Example.org:443")
    batch[2] = batch[2]._replace(token=elsewhere)
    requests, _ = adapter.prepare(batch, sample.credential)
    sent = [next(line for line in one.call.headers if line.startswith("authorization")) for one in requests]
    assert sent[0] == sent[1] == sent[3] != sent[2]
    assert requests[2].call.url.startswith("https://Push.Example.org:443/wpush/v2/")
    public = vapid.read_private_key(sample.values()["private_key"]).public_key()
    for line, origin in ((sent[0], "https://push.example.net"), (sent[2], "https://push.example.org")):
        token = line.split("t=")[1].split(",")[0]
        claims = jwt.decode(token, public, algorithms=["ES256"], audience=origin)
        assert claims == {"aud": origin, "exp": int(sample.credential), "sub": "mailto:push@shop.example"}


@pytest.mark.parametrize(
    ("status", "body", "code", "verdict"),
    [
        (
            403,
            "the VAPID credentials in the authorization header do not correspond to the credentials",
            403,
            "REJECTED",
        ),
        (401, '{"errno":109,"message":"VAPID public key mismatch"}', 403, "REJECTED"),
        (400, '{"reason":"VapidPkHashMismatch"}', 403, "REJECTED"),
        (403, '{"reason":"BadJwtToken"}', 403, "MISCONFIGURED"),
        (401, "", 401, "UNAUTHORISED"),
        (429, "", 429, "RETRY"),
    ],
)
@only_web_push
def test_a_subscription_of_another_key_is_told_from_a_wrong_account(
    adapter: WebPushAdapter, sample: Sample, status: int, body: str, code: int, verdict: str
) -> None:
    """Google, Mozilla and Apple have words for it; after a change of the key many browsers are told so."""
    [outcome] = read(adapter, sample.token(1), HttpAnswer(status, "", body.encode()))
    assert (outcome.status, outcome.verdict.name) == (code, verdict)


@pytest.mark.parametrize(
    ("status", "verdict"), [(401, "REJECTED"), (403, "REJECTED"), (429, "RETRY"), (410, "GONE"), (201, "ACCEPTED")]
)
@only_web_push
def test_an_endpoint_that_is_no_browser_vendors_cannot_stop_or_slow_the_account(
    account: Account, sample: Sample, status: int, verdict: str
) -> None:
    adapter: Any = sample.vendor.open(replace(account, base_url=""), None, None)  # type: ignore[arg-type]
    [outcome] = read(adapter, sample.token(1), HttpAnswer(status, ""))
    assert (outcome.verdict.name, outcome.throttled) == (verdict, False)
    google = sample.token(1).replace("push.example.net", "fcm.googleapis.com")
    [outcome] = read(adapter, google, HttpAnswer(status, ""))
    believed = {401: "UNAUTHORISED", 403: "MISCONFIGURED"}
    assert (outcome.verdict.name, outcome.throttled) == (believed.get(status, verdict), status == 429)


def read(adapter: Any, token: str, answer: HttpAnswer) -> Any:
    [delivery] = deliveries(WEB_PUSH, 1)
    [request], _ = adapter.prepare([delivery._replace(token=token)], WEB_PUSH.credential)
    return adapter.read(request, answer)


@only_web_push
def test_a_token_that_is_no_subscription_is_dead_without_a_call(
    adapter: Adapter, simulated: SimulatedVendor, sample: Sample
) -> None:
    [one] = deliveries(sample, 1)
    no_point = one.token.replace(json.loads(one.token)["keys"]["p256dh"], encode(b"\x04" + bytes(64)))
    for token in ("x", "[]", no_point):
        [outcome] = adapter.send([one._replace(token=token)])
        assert outcome.verdict is Verdict.GONE
    assert not simulated.ledger.requests


# As long as the browsers' real ones.
_ENDPOINTS = {
    "chrome": "https://fcm.googleapis.com/fcm/send/" + "c" * 11 + ":APA91b" + "x" * 134,
    "firefox": "https://updates.push.services.mozilla.com/wpush/v2/gAAAAA" + "x" * 280,
    "safari": "https://web.push.apple.com/" + "x" * 160,
    "edge": "https://wns2-par02p.notify.windows.com/w/?token=" + "%2b" * 260,
}


@pytest.mark.parametrize("browser", _ENDPOINTS)
def test_subscriptions_of_all_browsers_are_kept(browser: str) -> None:
    keys = json.loads(subscription("a"))["keys"]
    given = json.dumps({"endpoint": _ENDPOINTS[browser], "expirationTime": None, "keys": keys})
    kept = tokens.check_third_party(Platform.WEB, 20, given)
    assert kept.channel is Channel(20)
    assert json.loads(kept.token) == {"endpoint": _ENDPOINTS[browser], "keys": keys}
    assert tokens.check_third_party(Platform.WEB, 20, kept.token) == kept
    padded = given.replace(keys["auth"], urlsafe_b64encode(BROWSER_AUTH).decode())
    assert tokens.check_third_party(Platform.WEB, 20, padded) == kept


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"endpoint": "http://push.example.net/1"}, "https"),
        ({"endpoint": "https://127.0.0.1/1"}, "private"),
        ({"endpoint": "https://[::1]/1"}, "private"),
        ({"endpoint": "https://localhost/1"}, "private"),
        ({"endpoint": "https://user@push.example.net/1"}, "https"),
        ({"endpoint": "https://push.example.net/" + "x" * 1_000}, "longer than 1024"),
        ({"endpoint": 7}, "https"),
        ({"keys": {"p256dh": encode(bytes(65)), "auth": encode(bytes(16))}}, "no point"),
        ({"keys": {"p256dh": "x", "auth": 3}}, "JSON with endpoint"),
        ({"keys": {"p256dh": encode(bytes(64)), "auth": encode(bytes(16))}}, "65 bytes"),
    ],
)
def test_what_is_no_subscription_is_not_kept(changes: dict[str, Any], said: str) -> None:
    given = json.dumps(json.loads(subscription("a")) | changes)
    with pytest.raises(ResultError, match=said):
        tokens.check_third_party(Platform.WEB, 20, given)
    with pytest.raises(ResultError, match="JSON with endpoint"):
        tokens.check_third_party(Platform.WEB, 20, "no json")


def test_other_vendors_tokens_stay_at_512_characters() -> None:
    assert tokens.check_third_party(Platform.ANDROID, 5, "x" * 512).token == "x" * 512
    with pytest.raises(ResultError, match="longer than 512"):
        tokens.check_third_party(Platform.ANDROID, 5, "x" * 513)


def test_urgencies_are_a_pushs_notify_level() -> None:
    vendor_options.check({"notifyLevel": {"webpush": "very-low"}})
    with pytest.raises(ResultError, match="webpush takes very-low, low, normal, high"):
        vendor_options.check({"notifyLevel": {"webpush": "LOUD"}})


def test_an_account_needs_a_key_and_a_contact() -> None:
    values = dict(WEB_PUSH.values())
    assert checking.wrong_values(VENDOR, values) == {}
    assert set(checking.wrong_values(VENDOR, values | {"private_key": "AAAA", "contact": "push@example.com"})) == {
        "private_key", "contact",
    }  # fmt: skip
    assert checking.wrong_values(VENDOR, values | {"contact": "https://example.com/push"}) == {}


@pytest.mark.django_db
def test_an_account_begins_with_a_key_pair_whose_public_key_reaches_the_apps_configuration(
    workspace: Workspace, settings: Settings
) -> None:
    superuser = Client()
    superuser.force_login(User.objects.create_superuser("root"))
    add = reverse("admin:channels_vendor_vendoraccount_add")
    superuser.post(add, {"workspace": workspace.pk, "channel": 20})
    row = VendorAccount.objects.get()
    secret = row.secrets()["private_key"]
    public = vapid.public_key(vapid.read_private_key(secret))
    change = reverse("admin:channels_vendor_vendoraccount_change", args=[row.pk])
    page = superuser.get(change).text
    assert public in page
    assert secret not in page
    assert secret not in row.secrets_sealed
    configuration = reverse("admin:pushcore_workspace_device_configuration", args=[workspace.pk])
    assert "webPushKey" not in superuser.get(configuration, {"platform": "web"}).json()
    entered = {"enabled": "on", "value_contact": "mailto:push@example.com", "rate": 0}
    assert superuser.post(change, entered).status_code == 302
    row.refresh_from_db()
    assert (row.enabled, row.secrets()["private_key"]) == (True, secret)
    assert superuser.get(configuration, {"platform": "web"}).json()["webPushKey"] == public
    assert "webPushKey" not in superuser.get(configuration, {"platform": "android"}).json()


@only_web_push
def test_too_many_messages_wait_as_long_as_the_service_says(
    open_adapter: Callable[..., Adapter], simulated: SimulatedVendor, sample: Sample
) -> None:
    simulated.script.replies = [Reply(429, b"", (("retry-after", "11"),))]
    [outcome] = open_adapter().send(deliveries(sample, 1))
    assert (outcome.verdict, outcome.retry_after, outcome.throttled) == (Verdict.RETRY, 11.0, True)
